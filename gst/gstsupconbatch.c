/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconbatch.h"

#include "gstsupconformat.h"
#include "gstsupconmeta.h"
#include "gstsupconregions.h"

/* Regions of two frames that cover each other by this share of what they cover together are of one thing (the criterion
 * of PASCAL VOC; Everingham et al. 2010, section 4.2). */
#define SAME_THING 0.5

typedef struct
{
  GstBuffer *buffer;
  guint width, height;
  gint64 arrived;
  GstSupconBatchTask task;
  GstVideoFrame video;          /* mapped until it is encoded; not with CARRY */
  gboolean by_regions;
  guint n_pictures;
} Frame;

/* Where an embedding was in its frame. */
typedef struct
{
  GQuark type;
  GstVideoRectangle part;
} Place;

struct _GstSupconBatch
{
  GstSupconInference *inference;
  const gchar *layer;
  GQueue waiting, done;         /* Frame */

  /* Of the frames that wait, one after the other. */
  GArray *pictures;             /* SupconImage */
  GArray *chromas;              /* SupconChroma: one for each picture, used or not */
  GArray *places;               /* Place: one for each picture */

  /* Of the frame that was encoded last, unless it had nothing to encode. */
  GArray *last;                 /* gfloat: dim for each place, or for the whole */
  GArray *last_places;          /* Place; empty: the whole */
  guint64 last_version, last_encoder;   /* of the model that found it */
};

GstSupconBatch *
gst_supcon_batch_new (GstSupconInference * inference, const gchar * layer)
{
  GstSupconBatch *self = g_new0 (GstSupconBatch, 1);

  self->inference = inference;
  self->layer = layer;
  g_queue_init (&self->waiting);
  g_queue_init (&self->done);
  self->pictures = g_array_new (FALSE, FALSE, sizeof (SupconImage));
  self->chromas = g_array_new (FALSE, FALSE, sizeof (SupconChroma));
  self->places = g_array_new (FALSE, FALSE, sizeof (Place));
  self->last = g_array_new (FALSE, FALSE, sizeof (gfloat));
  self->last_places = g_array_new (FALSE, FALSE, sizeof (Place));
  return self;
}

void
gst_supcon_batch_free (GstSupconBatch * self)
{
  gst_supcon_batch_flush (self);
  g_array_unref (self->pictures);
  g_array_unref (self->chromas);
  g_array_unref (self->places);
  g_array_unref (self->last);
  g_array_unref (self->last_places);
  g_free (self);
}

static void
unmap (Frame * frame)
{
  if (frame->task != GST_SUPCON_BATCH_CARRY)
    gst_video_frame_unmap (&frame->video);
}

static void
clear_pictures (GstSupconBatch * self)
{
  g_array_set_size (self->pictures, 0);
  g_array_set_size (self->chromas, 0);
  g_array_set_size (self->places, 0);
}

void
gst_supcon_batch_flush (GstSupconBatch * self)
{
  Frame *frame;
  GstBuffer *buffer;

  while ((frame = g_queue_pop_head (&self->waiting))) {
    unmap (frame);
    gst_buffer_unref (frame->buffer);
    g_free (frame);
  }
  while ((buffer = gst_supcon_batch_take (self)))
    gst_buffer_unref (buffer);
  clear_pictures (self);
  g_array_set_size (self->last, 0);
  g_array_set_size (self->last_places, 0);
}

static void
add_picture (GstSupconBatch * self, Frame * frame, const Place * place)
{
  SupconImage picture;
  SupconChroma chroma;

  gst_supcon_frame_part (&frame->video, &place->part, &picture, &chroma);
  g_array_append_val (self->pictures, picture);
  g_array_append_val (self->chromas, chroma);
  g_array_append_val (self->places, *place);
  frame->n_pictures++;
}

static void
add_regions (GstSupconBatch * self, Frame * frame, guint64 * skipped)
{
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;

  while ((region = gst_supcon_region_next (frame->buffer, &state))) {
    Place place = {.type = region->roi_type };

    frame->by_regions = TRUE;
    if (gst_supcon_region_rectangle (region, frame->width, frame->height,
            &place.part))
      add_picture (self, frame, &place);
    else
      ++*skipped;
  }
}

gboolean
gst_supcon_batch_add (GstSupconBatch * self, GstBuffer * buffer,
    const GstVideoInfo * info, GstSupconBatchTask task, guint64 * skipped)
{
  Frame *frame = g_new0 (Frame, 1);

  frame->width = GST_VIDEO_INFO_WIDTH (info);
  frame->height = GST_VIDEO_INFO_HEIGHT (info);
  frame->arrived = g_get_monotonic_time ();
  frame->task = task;
  /* Its memory is shared: frames get metas and are not touched. */
  frame->buffer = gst_buffer_make_writable (buffer);
  if (task != GST_SUPCON_BATCH_CARRY
      && !gst_video_frame_map (&frame->video, info, frame->buffer,
          GST_MAP_READ)) {
    gst_buffer_unref (frame->buffer);
    g_free (frame);
    return FALSE;
  }
  if (task == GST_SUPCON_BATCH_REGIONS)
    add_regions (self, frame, skipped);
  if (task != GST_SUPCON_BATCH_CARRY && !frame->by_regions) {
    Place whole = {.part = gst_supcon_frame_rectangle (&frame->video) };

    add_picture (self, frame, &whole);
  }
  g_queue_push_tail (&self->waiting, frame);
  return TRUE;
}

guint
gst_supcon_batch_waiting (const GstSupconBatch * self)
{
  return self->waiting.length;
}

gint64
gst_supcon_batch_since (const GstSupconBatch * self)
{
  return ((const Frame *) self->waiting.head->data)->arrived;
}

/* What the two cover both, as a share of what either covers. */
static gdouble
intersection_over_union (const GstVideoRectangle * a,
    const GstVideoRectangle * b)
{
  gdouble w = MIN (a->x + a->w, b->x + b->w) - MAX (a->x, b->x);
  gdouble h = MIN (a->y + a->h, b->y + b->h) - MAX (a->y, b->y);
  gdouble both = MAX (w, 0) * MAX (h, 0);

  return both / ((gdouble) a->w * a->h + (gdouble) b->w * b->h - both);
}

/* The last place that a region of frame shows the thing of, or -1. */
static gint
find_place (const GstSupconBatch * self, const Frame * frame,
    const GstVideoRegionOfInterestMeta * region)
{
  GstVideoRectangle part;
  gdouble best = SAME_THING;
  gint found = -1;

  if (!gst_supcon_region_rectangle (region, frame->width, frame->height, &part))
    return -1;
  for (guint i = 0; i < self->last_places->len; i++) {
    const Place *place = &g_array_index (self->last_places, Place, i);
    gdouble share = intersection_over_union (&place->part, &part);

    if (place->type == region->roi_type && share >= best) {
      best = share;
      found = i;
    }
  }
  return found;
}

/* Gives a frame what was found last, which is its own where it was encoded. */
static void
attach (GstSupconBatch * self, Frame * frame)
{
  guint dim = gst_supcon_inference_dim (self->inference);
  const gchar *name = gst_supcon_inference_name (self->inference);
  const gfloat *last = (const gfloat *) self->last->data;
  gboolean whole = self->last->len && !self->last_places->len;
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;

  gst_supcon_buffer_set_embedding (frame->buffer, whole ? last : NULL,
      whole ? dim : 0, self->layer, name);
  gst_supcon_buffer_set_embedding_origin (frame->buffer, self->last_version,
      (g_get_monotonic_time () - frame->arrived) * GST_USECOND);
  gst_supcon_buffer_set_embedding_encoder (frame->buffer, self->last_encoder);
  if (!self->last_places->len)
    return;
  while ((region = gst_supcon_region_next (frame->buffer, &state))) {
    gint i = find_place (self, frame, region);

    if (i >= 0)
      gst_supcon_region_set_embedding (region, last + (gsize) i * dim, dim,
          self->layer, name);
  }
}

/* values: of the frame's pictures, the first of which is number 'first'. */
static void
remember (GstSupconBatch * self, const Frame * frame, const gfloat * values,
    guint first)
{
  guint n = frame->n_pictures;

  g_array_set_size (self->last, 0);
  g_array_set_size (self->last_places, 0);
  g_array_append_vals (self->last, values,
      n * gst_supcon_inference_dim (self->inference));
  if (frame->by_regions)
    g_array_append_vals (self->last_places,
        &g_array_index (self->places, Place, first), n);
  self->last_version = gst_supcon_inference_version (self->inference);
  self->last_encoder = gst_supcon_inference_fingerprint (self->inference);
}

void
gst_supcon_batch_run (GstSupconBatch * self, gboolean normalize)
{
  guint n = self->pictures->len, first = 0;
  guint dim = gst_supcon_inference_dim (self->inference);
  const gfloat *values = NULL;
  Frame *frame;

  for (guint i = 0; i < n; i++) {
    SupconImage *picture = &g_array_index (self->pictures, SupconImage, i);

    if (picture->chroma)
      picture->chroma = &g_array_index (self->chromas, SupconChroma, i);
  }
  if (n)
    values = gst_supcon_inference_run (self->inference,
        (const SupconImage *) self->pictures->data, n, normalize);
  while ((frame = g_queue_pop_head (&self->waiting))) {
    unmap (frame);
    if (frame->task != GST_SUPCON_BATCH_CARRY)
      remember (self, frame, values + (gsize) first * dim, first);
    first += frame->n_pictures;
    attach (self, frame);
    g_queue_push_tail (&self->done, frame);
  }
  clear_pictures (self);
}

GstBuffer *
gst_supcon_batch_take (GstSupconBatch * self)
{
  Frame *frame = g_queue_pop_head (&self->done);
  GstBuffer *buffer = frame ? frame->buffer : NULL;

  g_free (frame);
  return buffer;
}
