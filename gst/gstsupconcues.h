/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Labels by time: the cues of a text stream, and a video's frames that wait until those at their time are known. A part of
 * supconlabel, which keeps it as long as it lives.
 */
#ifndef GST_SUPCON_CUES_H
#define GST_SUPCON_CUES_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  GMutex lock;                  /* guards all below */
  GCond changed;
  GQueue queue;                 /* Cue */
  GstSegment segment;           /* the text's */
  GstClockTime position;        /* running time up to which cues are known */
  gboolean markup, linked, eos, text_flushing;
  gboolean flushing;            /* the video is */
  gboolean seeking;             /* a flushing seek is on its way upstream */
} GstSupconCues;

void gst_supcon_cues_init (GstSupconCues * cues);
void gst_supcon_cues_clear (GstSupconCues * cues);

/** A sink pad whose text goes into cues: none of its events and buffers go on. */
GstPad *gst_supcon_cues_pad_new (GstSupconCues * cues,
    GstPadTemplate * template);

/** Before the first frame. */
void gst_supcon_cues_start (GstSupconCues * cues);
/** Whether the video is flushing or stops: no frame waits then. */
void gst_supcon_cues_set_flushing (GstSupconCues * cues, gboolean flushing);
/** Whether the text may have been seeked already and the video not: every frame waits then, lest it use up new cues. */
void gst_supcon_cues_set_seeking (GstSupconCues * cues, gboolean seeking);

/**
 * Waits until the cues at a frame's running time are known. FALSE: the frame is to be flushed. label: the text of the newest
 * cue at that time, free with g_free; NULL where there is none.
 */
gboolean gst_supcon_cues_wait (GstSupconCues * cues, GstClockTime time,
    gchar ** label);

G_END_DECLS
#endif
