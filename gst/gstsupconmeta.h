/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The metas that travel with frames (GstCustomMeta without tags, so converters and decoders carry them on), and what
 * the elements share in reading frames and reporting core's errors.
 */
#ifndef GST_SUPCON_META_H
#define GST_SUPCON_META_H

#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/* supcon-sample { label string (absent: unlabelled), sample uint64, view uint, draws GstStructure (with record-draws) } */
#define GST_SUPCON_SAMPLE_META "supcon-sample"
/* supcon-embedding { data GstBuffer of float32, dim uint, layer string, model string, version, latency, encoder uint64 } */
#define GST_SUPCON_EMBEDDING_META "supcon-embedding"
/* supcon-neighbours: the fields of supconindex's message */
#define GST_SUPCON_NEIGHBOURS_META "supcon-neighbours"

/* Custom query for a source's data: answered with { epochs uint (0: without end), labels GStrv (all of its classes'),
 * labelled double (share of the frames that have one) } */
#define GST_SUPCON_QUERY_DATASET "supcon-dataset"

/** Registers them; called once when the plugin loads. */
void gst_supcon_meta_register (void);

/** Attaches the meta, or changes the one that is there. label may be NULL. buffer is writable. */
void gst_supcon_buffer_set_sample (GstBuffer * buffer, const gchar * label, guint64 sample, guint view);
/**
 * FALSE when there is none: what the outs point to stays. label: valid as long as the buffer is unchanged, NULL when
 * unlabelled. Any out may be NULL.
 */
gboolean gst_supcon_buffer_get_sample (GstBuffer * buffer, const gchar ** label, guint64 * sample, guint * view);

/** The true label of a region, as its parameter of the sample's name; NULL: it has none of its own. */
void gst_supcon_region_set_label (GstVideoRegionOfInterestMeta * region, const gchar * label);
/** Valid as long as the region is unchanged. */
const gchar * gst_supcon_region_get_label (GstVideoRegionOfInterestMeta * region);

/** The meta that is there stays with the buffer when its pool has it back: whoever takes it next sets it anew. */
void gst_supcon_buffer_keep_sample (GstBuffer * buffer);
/** Whether a meta of any kind is the sample's. */
gboolean gst_supcon_meta_is_sample (const GstMeta * meta);

/** Adds to the meta that is there a copy of what supconaugment drew for the view. */
void gst_supcon_buffer_set_draws (GstBuffer * buffer, const GstStructure * draws);

/** data: dim floats, copied; NULL with dim 0: there is none, for want of a model or as the regions have their own. */
void gst_supcon_buffer_set_embedding (GstBuffer * buffer, const gfloat * data, guint dim, const gchar * layer,
    const gchar * model);
/** Of the embedding that is there: the model's version, and the nanoseconds that encoding the frame took. */
void gst_supcon_buffer_set_embedding_origin (GstBuffer * buffer, guint64 version, GstClockTime latency);
/** FALSE when no encoder has seen the frame. */
gboolean gst_supcon_buffer_get_embedding_origin (GstBuffer * buffer, guint64 * version, GstClockTime * latency);
/** Of that embedding: which encoder it is of, by supcon_model_fingerprint; 0: it is not known. */
void gst_supcon_buffer_set_embedding_encoder (GstBuffer * buffer, guint64 fingerprint);
guint64 gst_supcon_buffer_get_embedding_encoder (GstBuffer * buffer);
/** Returns the GstBuffer of float32 (transfer full) or NULL. dim, layer and model may be NULL. */
GstBuffer * gst_supcon_buffer_get_embedding (GstBuffer * buffer, guint * dim, const gchar ** layer, const gchar ** model);
/** set_embedding and get_embedding of a region, as its parameter of the meta's name. */
void gst_supcon_region_set_embedding (GstVideoRegionOfInterestMeta * region, const gfloat * data, guint dim,
    const gchar * layer, const gchar * model);
GstBuffer * gst_supcon_region_get_embedding (GstVideoRegionOfInterestMeta * region, guint * dim, const gchar ** layer,
    const gchar ** model);

/** Attaches a copy of structure's fields, or changes the meta that is there. */
void gst_supcon_buffer_set_neighbours (GstBuffer * buffer, const GstStructure * structure);
/** Owned by the buffer; NULL when there is none. */
const GstStructure * gst_supcon_buffer_get_neighbours (GstBuffer * buffer);

/** The part of a frame that its crop meta shows, or all of it. */
GstVideoRectangle gst_supcon_frame_rectangle (GstVideoFrame * frame);
/**
 * Maps a sink's frame to be read; info: of the pad's caps, initialised before they come. FALSE: an error on element's bus says
 * that they have not come, or how large the frame is and ought to be.
 */
gboolean gst_supcon_frame_map (GstElement * element, GstVideoFrame * frame, const GstVideoInfo * info, GstBuffer * buffer);
/**
 * The visible part of a mapped frame: pixels of its first byte, honouring GstVideoCropMeta, strides; channels 1 for GRAY8 or
 * 3 for RGB. width and height are the visible ones.
 */
void gst_supcon_frame_visible (GstVideoFrame * frame, guint8 ** pixels, gsize * stride, guint * width, guint * height,
    guint * channels);

/** Posts core's error on element's bus under the GStreamer domain and code that fit it, and frees it. */
void gst_supcon_post_error (GstElement * element, GError * error);

/** Posts an INFO message of printf's text. It says so in its debugging part too, the only one that gst-launch-1.0 prints. */
void gst_supcon_post_info (GstElement * element, const gchar * format, ...) G_GNUC_PRINTF (2, 3);

/**
 * Whether a frame has been through supconencoder: its embedding's meta is there, though there may be no embedding in it, since
 * the encoder has no model yet or has found regions. FALSE: an error on element's bus says so.
 */
gboolean gst_supcon_check_encoded (GstElement * element, GstBuffer * buffer);

G_END_DECLS
#endif
