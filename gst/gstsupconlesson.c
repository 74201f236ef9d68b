/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconlesson.h"

#include "error.h"

gboolean
gst_supcon_lesson_from_event (GstEvent * event, GstSupconLesson * lesson)
{
  static const gchar *const names[] = {
    [GST_SUPCON_LESSON_LEARN] = "supcon-learn",
    [GST_SUPCON_LESSON_FORGET] = "supcon-forget",
    [GST_SUPCON_LESSON_RENAME] = "supcon-rename"
  };
  const GstStructure *s = gst_event_get_structure (event);

  for (guint i = 0; s && i < G_N_ELEMENTS (names); i++)
    if (gst_structure_has_name (s, names[i])) {
      gboolean rename = i == GST_SUPCON_LESSON_RENAME;

      *lesson = (GstSupconLesson) {
      i, gst_structure_get_string (s, rename ? "old" : "label"),
            rename ? gst_structure_get_string (s, "new") : NULL};
      return TRUE;
    }
  return FALSE;
}

static gboolean
is_label (const gchar * text)
{
  return text && *text && g_utf8_validate (text, -1, NULL);
}

gboolean
gst_supcon_lesson_teach (const GstSupconLesson * lesson,
    GstSupconClassifier * classifier, GError ** error)
{
  if (!is_label (lesson->label) || (lesson->kind == GST_SUPCON_LESSON_RENAME
          && !is_label (lesson->other))) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "a label to learn, forget or rename must be text in UTF-8 that is not "
        "empty");
    return FALSE;
  }
  if (!classifier) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "'%s' cannot be learnt, forgotten or renamed while the element is "
        "stopped", lesson->label);
    return FALSE;
  }
  switch (lesson->kind) {
    case GST_SUPCON_LESSON_LEARN:
      return gst_supcon_classifier_learn (classifier, lesson->label, error);
    case GST_SUPCON_LESSON_FORGET:
      return gst_supcon_classifier_forget (classifier, lesson->label, error);
    case GST_SUPCON_LESSON_RENAME:
      return gst_supcon_classifier_rename (classifier, lesson->label,
          lesson->other, error);
  }
  g_assert_not_reached ();
}
