/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * plugin-supcon:
 *
 * Supervised contrastive learning inside pipelines: read or label frames, augment, train, encode, tag.
 */

#include "gstsupconmeta.h"

GST_ELEMENT_REGISTER_DECLARE (supconaugment);
GST_ELEMENT_REGISTER_DECLARE (supcondatasetsrc);
GST_ELEMENT_REGISTER_DECLARE (supconencoder);
GST_ELEMENT_REGISTER_DECLARE (supconindex);
GST_ELEMENT_REGISTER_DECLARE (supconlabel);
GST_ELEMENT_REGISTER_DECLARE (supconpublish);
GST_ELEMENT_REGISTER_DECLARE (supconscope);
GST_ELEMENT_REGISTER_DECLARE (supcontagger);
GST_ELEMENT_REGISTER_DECLARE (supcontrainer);

static gboolean
plugin_init (GstPlugin * plugin)
{
  gst_supcon_meta_register ();
  return GST_ELEMENT_REGISTER (supcondatasetsrc, plugin)
      && GST_ELEMENT_REGISTER (supconlabel, plugin)
      && GST_ELEMENT_REGISTER (supconaugment, plugin)
      && GST_ELEMENT_REGISTER (supconencoder, plugin)
      && GST_ELEMENT_REGISTER (supcontagger, plugin)
      && GST_ELEMENT_REGISTER (supconindex, plugin)
      && GST_ELEMENT_REGISTER (supconpublish, plugin)
      && GST_ELEMENT_REGISTER (supconscope, plugin)
      && GST_ELEMENT_REGISTER (supcontrainer, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, supcon,
    "Supervised contrastive learning in pipelines", plugin_init,
    PACKAGE_VERSION, "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
