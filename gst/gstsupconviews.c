/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconviews.h"

#include "error.h"
#include "gstsupconformat.h"
#include "gstsupconmeta.h"
#include "parallel.h"

typedef struct
{
  GstVideoFrame in, out;
  SupconChroma chroma;
  SupconImage picture, view;    /* of in and out */
  GstSupconViewDraw draw;
} View;

struct _GstSupconViews
{
  SupconAugmenter *augmenters[SUPCON_MAX_THREADS];      /* each worker's */
  guint n_workers;
  GPtrArray *views;             /* View, to be used again and again */
  guint n_views;
  GArray *parts;                /* guint, each one's first view */
  guint taken, left;            /* atomic: parts that somebody makes or made, those that are not made */
};

static View *
view_at (GstSupconViews * self, guint i)
{
  return g_ptr_array_index (self->views, i);
}

GstSupconViews *
gst_supcon_views_new (void)
{
  GstSupconViews *self = g_new0 (GstSupconViews, 1);

  self->views = g_ptr_array_new_with_free_func (g_free);
  self->parts = g_array_new (FALSE, FALSE, sizeof (guint));
  return self;
}

void
gst_supcon_views_free (GstSupconViews * self)
{
  gst_supcon_views_cancel (self);
  g_ptr_array_unref (self->views);
  g_array_unref (self->parts);
  for (guint i = 0; i < SUPCON_MAX_THREADS; i++)
    supcon_augmenter_free (self->augmenters[i]);
  g_free (self);
}

gboolean
gst_supcon_views_add (GstSupconViews * self, GstBuffer * frame,
    const GstVideoInfo * frame_info, GstBuffer * buffer,
    const GstVideoInfo * buffer_info, const GstSupconViewDraw * draw,
    GError ** error)
{
  View *view;

  if (self->n_views == self->views->len)
    g_ptr_array_add (self->views, g_new (View, 1));
  view = view_at (self, self->n_views);
  if (!gst_video_frame_map (&view->in, frame_info, frame, GST_MAP_READ)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT, "a frame of %"
        G_GSIZE_FORMAT " bytes, expected %" G_GSIZE_FORMAT " for its caps",
        gst_buffer_get_size (frame), GST_VIDEO_INFO_SIZE (frame_info));
    return FALSE;
  }
  /* The buffer stays writable, for metas. */
  if (!gst_video_frame_map (&view->out, buffer_info, buffer,
          GST_MAP_WRITE | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
    gst_video_frame_unmap (&view->in);
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "an output buffer of %" G_GSIZE_FORMAT " bytes, expected %"
        G_GSIZE_FORMAT " for its caps", gst_buffer_get_size (buffer),
        GST_VIDEO_INFO_SIZE (buffer_info));
    return FALSE;
  }
  gst_supcon_frame_picture (&view->in, &view->picture, &view->chroma);
  view->view = (SupconImage) { 0 };
  gst_supcon_frame_visible (&view->out, &view->view.pixels,
      &view->view.stride, &view->view.width, &view->view.height,
      &view->view.channels);
  view->draw = *draw;
  self->n_views++;
  return TRUE;
}

/* A task makes the next part that nobody has taken; when there is none it helps with the rest. */
static void
make_views (G_GNUC_UNUSED gsize task, guint worker, gpointer data)
{
  GstSupconViews *self = data;
  SupconAugmenter *augmenter = self->augmenters[worker];
  guint part = __atomic_fetch_add (&self->taken, 1, __ATOMIC_RELAXED), end;

  if (part >= self->parts->len) {
    supcon_augmenter_help (augmenter, self->augmenters, self->n_workers,
        &self->left);
    return;
  }
  end = part + 1 < self->parts->len ?
      g_array_index (self->parts, guint, part + 1) : self->n_views;
  for (guint i = g_array_index (self->parts, guint, part); i < end; i++) {
    const View *view = view_at (self, i);

    supcon_augmenter_apply (augmenter, view->draw.program, view->draw.seed,
        view->draw.number, view->draw.view, &view->picture, &view->view);
  }
  __atomic_fetch_sub (&self->left, 1, __ATOMIC_RELEASE);
}

/* A thread that makes all views of a frame reads it once from memory; the views of the last frames are parts of their
 * own, so that threads end together. */
static void
plan_parts (GstSupconViews * self)
{
  guint n_frames = 0, frame = 0;

  for (guint i = 0; i < self->n_views; i++)
    n_frames += view_at (self, i)->draw.view == 0;
  g_array_set_size (self->parts, 0);
  for (guint i = 0; i < self->n_views; i++) {
    gboolean first = view_at (self, i)->draw.view == 0;

    frame += first;
    if (first || frame + self->n_workers > n_frames)
      g_array_append_val (self->parts, i);
  }
}

void
gst_supcon_views_make (GstSupconViews * self, guint threads)
{
  self->n_workers = supcon_parallel_threads (threads);
  for (guint i = 0; i < self->n_workers; i++)
    if (!self->augmenters[i])
      self->augmenters[i] = supcon_augmenter_new ();
  plan_parts (self);
  self->taken = 0;
  self->left = self->parts->len;
  /* Each worker has a task more than what it makes, in which it helps. */
  supcon_parallel_for (threads, self->parts->len + self->n_workers - 1,
      make_views, self);
  gst_supcon_views_cancel (self);
}

void
gst_supcon_views_cancel (GstSupconViews * self)
{
  while (self->n_views > 0) {
    View *view = view_at (self, --self->n_views);

    gst_video_frame_unmap (&view->out);
    gst_video_frame_unmap (&view->in);
  }
}

GstStructure *
gst_supcon_views_describe_last (GstSupconViews * self,
    const gchar * operations, guint back)
{
  const View *view = view_at (self, self->n_views - 1);
  const GstSupconViewDraw *draw = &view->draw;
  SupconDraws draws;
  GstStructure *structure;
  gchar *steps;

  supcon_program_draw (draw->program, draw->seed, draw->number, draw->view,
      view->picture.width, view->picture.height, view->view.width,
      view->view.height, &draws);
  steps = supcon_draws_to_text (&draws);
  structure = gst_structure_new ("draws", "operations", G_TYPE_STRING,
      operations, "seed", G_TYPE_UINT64, draw->seed, "number", G_TYPE_UINT64,
      draw->number, "frames-back", G_TYPE_UINT, back, "x", G_TYPE_UINT,
      draws.crop.x, "y", G_TYPE_UINT, draws.crop.y, "width", G_TYPE_UINT,
      draws.crop.width, "height", G_TYPE_UINT, draws.crop.height, "mirror",
      G_TYPE_BOOLEAN, draws.mirror, "steps", G_TYPE_STRING, steps, NULL);
  g_free (steps);
  return structure;
}
