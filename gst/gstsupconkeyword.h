/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A label as GST_TAG_KEYWORDS of a stream, beside the tags that come from upstream. The streaming thread's. */
#ifndef GST_SUPCON_KEYWORD_H
#define GST_SUPCON_KEYWORD_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  GstTagList *upstream;         /* NULL: none came */
  gchar *label;                 /* NULL: none was said */
} GstSupconKeyword;

/** Another stream, or the end. */
void gst_supcon_keyword_clear (GstSupconKeyword * keyword);
/** The event that tells a label, or NULL where it is the one before. */
GstEvent *gst_supcon_keyword_change (GstSupconKeyword * keyword,
    const gchar * label);
/** A tag event from upstream (transfer full), as it is to go on. */
GstEvent *gst_supcon_keyword_merge (GstSupconKeyword * keyword,
    GstEvent * event);

G_END_DECLS
#endif
