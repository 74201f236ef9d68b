/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Decodes a picture file with GStreamer's own decoders. */
#ifndef GST_SUPCON_PICTURE_H
#define GST_SUPCON_PICTURE_H

#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/**
 * Keeps a decoder for each kind of picture, so that the next of its kind costs no set-up. No threads of its own:
 * everything happens in the caller's.
 */
typedef struct _GstSupconPictureDecoder GstSupconPictureDecoder;

GstSupconPictureDecoder *gst_supcon_picture_decoder_new (void);
void gst_supcon_picture_decoder_free (GstSupconPictureDecoder * decoder);

/**
 * Decodes the picture at path (of an animation the first one) to RGB. info: filled. NULL and an error naming path when
 * it cannot be read (SUPCON_ERROR_NOT_FOUND, SUPCON_ERROR_READ) or is not a whole picture that can be decoded
 * (SUPCON_ERROR_FORMAT).
 */
GstBuffer *gst_supcon_picture_decoder_decode (GstSupconPictureDecoder * decoder,
    const gchar * path, GstVideoInfo * info, GError ** error);

G_END_DECLS
#endif
