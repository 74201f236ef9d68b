/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconclips.h"

#include <gst/base/gstqueuearray.h>

#include "gstsupconmeta.h"

/* A camera of one frame a second among eight of thirty is still there. */
#define STREAM_AGE 256

typedef struct
{
  gchar *id;
  guint32 seqnum;               /* of its stream-start */
  guint64 last;                 /* number of its last frame among all */
  guint64 clip;
  guint clip_frames;
  GstVideoInfo info;            /* of frames */
  GstQueueArray *frames;        /* GstBuffer, the last one at the tail */
} Stream;

struct _GstSupconClips
{
  GQueue streams;               /* Stream, the present one at the head */
  guint64 n_frames, n_clips;
};

static void
drop_frames (Stream * stream, guint n)
{
  while (gst_queue_array_get_length (stream->frames) > n)
    gst_buffer_unref (gst_queue_array_pop_head (stream->frames));
}

static Stream *
add_stream (GstSupconClips * self, const gchar * id, guint32 seqnum)
{
  Stream *stream = g_new0 (Stream, 1);

  stream->id = g_strdup (id);
  stream->seqnum = seqnum;
  gst_video_info_init (&stream->info);
  stream->last = self->n_frames;
  stream->frames = gst_queue_array_new (4);
  g_queue_push_head (&self->streams, stream);
  return stream;
}

static void
stream_free (gpointer data)
{
  Stream *stream = data;

  drop_frames (stream, 0);
  gst_queue_array_free (stream->frames);
  g_free (stream->id);
  g_free (stream);
}

GstSupconClips *
gst_supcon_clips_new (void)
{
  return g_new0 (GstSupconClips, 1);
}

void
gst_supcon_clips_free (GstSupconClips * self)
{
  gst_supcon_clips_reset (self);
  g_free (self);
}

void
gst_supcon_clips_reset (GstSupconClips * self)
{
  g_queue_clear_full (&self->streams, stream_free);
  self->n_frames = self->n_clips = 0;
}

void
gst_supcon_clips_flush (GstSupconClips * self)
{
  for (GList * l = self->streams.head; l; l = l->next)
    drop_frames (l->data, 0);
}

static void
end_clip (Stream * stream)
{
  stream->clip_frames = 0;
  drop_frames (stream, 0);
}

void
gst_supcon_clips_set_stream (GstSupconClips * self, GstEvent * stream_start)
{
  guint32 seqnum = gst_event_get_seqnum (stream_start);
  const gchar *id;
  Stream *stream;
  GList *link;

  gst_event_parse_stream_start (stream_start, &id);
  for (link = self->streams.head; link; link = link->next)
    if (g_str_equal (((Stream *) link->data)->id, id))
      break;
  if (!link) {
    add_stream (self, id, seqnum);
    return;
  }
  g_queue_unlink (&self->streams, link);
  g_queue_push_head_link (&self->streams, link);
  stream = link->data;
  if (stream->seqnum != seqnum)
    end_clip (stream);
  stream->seqnum = seqnum;
}

static void
forget_old_streams (GstSupconClips * self)
{
  for (;;) {
    Stream *oldest = g_queue_peek_tail (&self->streams);

    if (self->n_frames - oldest->last <= STREAM_AGE)
      return;
    stream_free (g_queue_pop_tail (&self->streams));
  }
}

guint64
gst_supcon_clips_add (GstSupconClips * self, GstBuffer * frame,
    const GstVideoInfo * info, guint window, guint clip_length)
{
  Stream *stream = g_queue_peek_head (&self->streams);

  /* Whoever pushes frames without an event has been warned by GStreamer. */
  if (!stream)
    stream = add_stream (self, "", 0);
  stream->last = ++self->n_frames;
  forget_old_streams (self);
  if (!gst_video_info_is_equal (&stream->info, info))
    drop_frames (stream, 0);
  stream->info = *info;
  if (clip_length > 0 && stream->clip_frames >= clip_length)
    end_clip (stream);
  if (stream->clip_frames++ == 0)
    stream->clip = self->n_clips++;
  if (window > 0)
    gst_queue_array_push_tail (stream->frames, gst_buffer_ref (frame));
  drop_frames (stream, window > 0 ? window + 1 : 0);
  return stream->clip;
}

GstBuffer *
gst_supcon_clips_get (GstSupconClips * self, guint back)
{
  Stream *stream = g_queue_peek_head (&self->streams);

  return gst_queue_array_peek_nth (stream->frames,
      gst_queue_array_get_length (stream->frames) - 1 - back);
}

guint
gst_supcon_clips_count_neighbours (GstSupconClips * self)
{
  Stream *stream = g_queue_peek_head (&self->streams);
  guint n = gst_queue_array_get_length (stream->frames);
  const gchar *label = NULL;

  for (guint back = 0; back < n; back++) {
    const gchar *other = NULL;

    gst_supcon_buffer_get_sample (gst_supcon_clips_get (self, back), &other,
        NULL, NULL);
    if (back == 0)
      label = other;
    else if (g_strcmp0 (label, other) != 0)
      return back - 1;
  }
  return n > 0 ? n - 1 : 0;
}
