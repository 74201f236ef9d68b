/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconkeyword.h"

void
gst_supcon_keyword_clear (GstSupconKeyword * self)
{
  gst_clear_tag_list (&self->upstream);
  g_clear_pointer (&self->label, g_free);
}

/* A tag event replaces the one before it, so it holds upstream's tags as well. */
static GstEvent *
new_event (const GstSupconKeyword * self)
{
  GstTagList *list = self->upstream ? gst_tag_list_copy (self->upstream)
      : gst_tag_list_new_empty ();

  if (self->label)
    gst_tag_list_add (list, GST_TAG_MERGE_REPLACE, GST_TAG_KEYWORDS,
        self->label, NULL);
  return gst_event_new_tag (list);
}

GstEvent *
gst_supcon_keyword_change (GstSupconKeyword * self, const gchar * label)
{
  if (g_strcmp0 (self->label, label) == 0)
    return NULL;
  g_free (self->label);
  self->label = g_strdup (label);
  return new_event (self);
}

GstEvent *
gst_supcon_keyword_merge (GstSupconKeyword * self, GstEvent * event)
{
  GstTagList *list;

  gst_event_parse_tag (event, &list);
  if (gst_tag_list_get_scope (list) != GST_TAG_SCOPE_STREAM)
    return event;
  gst_clear_tag_list (&self->upstream);
  self->upstream = gst_tag_list_ref (list);
  gst_event_unref (event);
  return new_event (self);
}
