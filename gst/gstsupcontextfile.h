/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A file of text that an element writes from its start to its stop: whose it is, and what may be replaced. */
#ifndef GST_SUPCON_TEXT_FILE_H
#define GST_SUPCON_TEXT_FILE_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum
{
  GST_SUPCON_TEXT_JSON,
  GST_SUPCON_TEXT_SUBTITLES
} GstSupconTextKind;

typedef struct _GstSupconTextFile GstSupconTextFile;

/**
 * The right to write what location names, which is not touched yet. A regular file, there or not, is this holder's alone and
 * has what was in it replaced, if that is of the same kind; descriptors (/dev/stdout, /dev/stderr, /dev/fd/N: a shell that
 * redirects them has said whether a file is replaced or gone on with), pipes and devices are only written on. NULL:
 * SUPCON_ERROR_WRITE; SUPCON_ERROR_FORMAT, there is a file of another kind, which nobody meant to give up; SUPCON_ERROR_SETTINGS,
 * another element writes it. Errors begin with the property's name.
 */
GstSupconTextFile *gst_supcon_text_file_new (const gchar * property,
    const gchar * location, GstSupconTextKind kind, GError ** error);
/** file may be NULL. */
void gst_supcon_text_file_free (GstSupconTextFile * file);

const gchar *gst_supcon_text_file_location (const GstSupconTextFile * file);
/** Whether it is a regular file, of which what was there before is replaced. */
gboolean gst_supcon_text_file_is_owned (const GstSupconTextFile * file);

/** A new descriptor to write to; flags: O_APPEND, O_TRUNC and the like. -1: SUPCON_ERROR_WRITE. */
gint gst_supcon_text_file_open (const GstSupconTextFile * file, gint flags,
    GError ** error);

/** All of text, in place of what was there before, at once; or behind it where the file is not owned. SUPCON_ERROR_WRITE. */
gboolean gst_supcon_text_file_replace (const GstSupconTextFile * file,
    const gchar * text, GError ** error);

G_END_DECLS
#endif
