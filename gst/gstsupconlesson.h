/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a user teaches supcontagger while it plays, by signal or by event. */
#ifndef GST_SUPCON_LESSON_H
#define GST_SUPCON_LESSON_H

#include "gstsupconclassifier.h"

G_BEGIN_DECLS

typedef enum
{
  GST_SUPCON_LESSON_LEARN,      /* the frame that was seen last is an example of label */
  GST_SUPCON_LESSON_FORGET,     /* all examples of label go */
  GST_SUPCON_LESSON_RENAME      /* label is called other, or joins it */
} GstSupconLessonKind;

/* Strings belong to who made the lesson, and may be anything. */
typedef struct
{
  GstSupconLessonKind kind;
  const gchar *label, *other;
} GstSupconLesson;

/**
 * Custom events supcon-learn and supcon-forget { label string }, supcon-rename { old, new string }. FALSE: event is none.
 * lesson is valid as long as event is.
 */
gboolean gst_supcon_lesson_from_event (GstEvent * event,
    GstSupconLesson * lesson);

/** classifier: NULL while the element is stopped. FALSE: error says why it was not learnt. */
gboolean gst_supcon_lesson_teach (const GstSupconLesson * lesson,
    GstSupconClassifier * classifier, GError ** error);

G_END_DECLS
#endif
