/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconscope: the curves of a training, from what its trainer posts. */
#include "drawing.h"

typedef struct
{
  guint64 step;
  gdouble loss, rate;
} Step;

static void
post_step (GstElement * trainer, const Step * step)
{
  gst_element_post_message (trainer,
      gst_message_new_element (GST_OBJECT (trainer),
          gst_structure_new ("supcon-train", "step", G_TYPE_UINT64, step->step,
              "loss", G_TYPE_DOUBLE, step->loss, "learning-rate", G_TYPE_DOUBLE,
              step->rate, NULL)));
}

/* What is drawn of these steps. Two elements named like trainers post, in a bin of the same pipeline. */
static GstBuffer *
draw_curves (const gchar * properties, const Step * steps, guint n_steps)
{
  gchar *launch = g_strdup_printf ("appsrc name=in caps=" CAPS
      " ! supconscope view=curves %s ! video/x-raw,format=BGRx,width=640,height=480 ! appsink name=out sync=false "
      "( fakesink name=a async=false fakesink name=b async=false )",
      properties);
  GstElement *pipeline = gst_parse_launch (launch, NULL);
  GstElement *in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  GstElement *out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  GstElement *trainer = gst_bin_get_by_name (GST_BIN (pipeline), "a");
  GstSample *sample = NULL;
  GstBuffer *buffer;
  GstFlowReturn flow;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < n_steps; i++)
    post_step (trainer, &steps[i]);
  buffer = gst_buffer_new_allocate (NULL, 8 * 4, NULL);
  g_signal_emit_by_name (in, "push-buffer", buffer, &flow);
  gst_buffer_unref (buffer);
  g_signal_emit_by_name (in, "end-of-stream", &flow);
  g_signal_emit_by_name (out, "pull-sample", &sample);
  fail_unless (sample != NULL);
  buffer = gst_buffer_ref (gst_sample_get_buffer (sample));
  gst_sample_unref (sample);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (in);
  gst_object_unref (out);
  gst_object_unref (trainer);
  gst_object_unref (pipeline);
  g_free (launch);
  return buffer;
}

static guint
count_loss (const gchar * properties, guint n_steps)
{
  Step *steps = g_new (Step, n_steps + 2);
  Fixture f = { NULL, 640, 480, 0 };
  guint n;

  for (guint i = 0; i < n_steps; i++)
    steps[i] = (Step) { i + 1, 5.0 / (i + 1), 0.1 };
  /* No numbers that could be drawn. */
  steps[n_steps] = (Step) { n_steps + 1, NAN, 0.1 };
  steps[n_steps + 1] = (Step) { n_steps + 2, 1, INFINITY };
  n = count (&f, draw_curves (properties, steps, n_steps + 2), FIRST_LABEL, 0,
      640);
  g_free (steps);
  return n;
}

GST_START_TEST (curves_are_the_trainers)
{
  fail_unless (count_loss ("", 100) > 100);
  fail_unless (count_loss ("", 10000) > 100);   /* thinned out */
  fail_unless (count_loss ("trainer=a", 1) > 5);        /* its number at least */
  fail_unless_equals_int (count_loss ("", 0), 0);
  fail_unless_equals_int (count_loss ("trainer=b", 100), 0);
}

GST_END_TEST;

/* Steps go from left to right; the largest loss and rate are at the top, the smallest loss and no rate at the bottom. */
GST_START_TEST (curves_fill_their_frame)
{
  /* Of two runs, the first of which is over. */
  static const Step steps[] = {
    {1, 9, 1}, {2, 0, 2}, {2, 1, 0.25}, {3, 1, 0.25}, {4, 1, 0.25},
    {5, 4.25, 0.125}, {6, 4.25, 0.125}, {7, 4.25, 0.125}
  };
  const Fixture f = { NULL, 640, 480, 0 };
  GstBuffer *frame = draw_curves ("", steps, G_N_ELEMENTS (steps));
  Spot spot = find (&f, frame, FRAME, 0, 0, 0, 640, 480), other;
  gint left = spot.left, top = spot.top, right = spot.right;
  gint bottom = spot.bottom, middle = (left + right) / 2;

  fail_unless (top > 17 && bottom < 480 - 17);  /* lines of text are above and below */
  /* Lines as wide as this are of no pixel wholly. */
  spot = find (&f, frame, FIRST_LABEL, 96, left, top, middle - 60, bottom);
  fail_unless_about (spot.left, left, 4);
  fail_unless_about (spot.top, bottom, 4);
  spot = find (&f, frame, FIRST_LABEL, 96, middle + 60, top, right, bottom);
  fail_unless_about (spot.right, right, 4);
  fail_unless_about (spot.bottom, top, 4);
  spot = find (&f, frame, SECOND_LABEL, 96, left, top, middle - 60, bottom);
  fail_unless_about (spot.bottom, top, 4);
  spot = find (&f, frame, SECOND_LABEL, 96, middle + 60, top, right, bottom);
  fail_unless_about (spot.top, (top + bottom) / 2, 4);
  fail_unless_about (spot.bottom, (top + bottom) / 2, 4);
  /* 4.25 and 1, 0.25 and 0. */
  spot = find (&f, frame, FIRST_LABEL, 96, 0, top, left, top + 17);
  other = find (&f, frame, FIRST_LABEL, 96, 0, bottom - 17, left, bottom);
  fail_unless (other.n > 0 && spot.right - spot.left > other.right - other.left
      + 10);
  spot = find (&f, frame, SECOND_LABEL, 96, right, top, 640, top + 17);
  other = find (&f, frame, SECOND_LABEL, 96, right, bottom - 17, 640, bottom);
  fail_unless (other.n > 0 && spot.right - spot.left > other.right - other.left
      + 10);
  gst_buffer_unref (frame);
}

GST_END_TEST;

/* Of many steps some are left out, evenly: what lasted for a hundred of ten thousand is still to be seen. */
GST_START_TEST (long_curves_are_thinned_out)
{
  enum { N = 10000 };
  const Fixture f = { NULL, 640, 480, 0 };
  Step *steps = g_new (Step, N);
  GstBuffer *frame;
  Spot spot;

  for (guint i = 0; i < N; i++)
    steps[i] = (Step) { i + 1, i / 100 == 6 || i / 100 == 15 ? 4 : 1, 0 };
  frame = draw_curves ("", steps, N);
  spot = find (&f, frame, FRAME, 0, 0, 0, 640, 480);
  for (guint i = 6; i < 16; i += 9) {
    gint x = spot.left + (spot.right - spot.left) * (i + 0.5) / 100;

    fail_unless (find (&f, frame, FIRST_LABEL, 96, x - 3, spot.top, x + 4,
            spot.top + 10).n > 0, "step %u", i * 100);
  }
  gst_buffer_unref (frame);
  g_free (steps);
}

GST_END_TEST;

typedef struct
{
  GstElement *trainer;
  gint done;
} Poster;

static gpointer
post_steps (gpointer data)
{
  Poster *self = data;

  for (guint64 step = 1; !g_atomic_int_get (&self->done); step++)
    post_step (self->trainer, &(const Step) { step, 1, 1 });
  return NULL;
}

static void
come_and_go (GstElement * pipeline, GstElement * scope)
{
  GstBus *bus = gst_element_get_bus (pipeline);

  gst_bin_add (GST_BIN (pipeline), scope);
  gst_element_set_state (scope, GST_STATE_PAUSED);
  gst_element_set_state (scope, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (pipeline), scope);
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  gst_object_unref (bus);
}

/* Scopes come and go while a trainer's thread posts; a sanitizer sees whether one is told after it is gone. */
GST_START_TEST (scopes_come_and_go)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstElement *scope = gst_element_factory_make ("supconscope", NULL);
  Poster poster = { gst_element_factory_make ("fakesink", NULL), FALSE };
  GThread *thread;

  g_object_add_weak_pointer (G_OBJECT (scope), (gpointer *) & scope);
  come_and_go (pipeline, scope);
  fail_unless (scope == NULL, "it is not freed");
  gst_bin_add (GST_BIN (pipeline), poster.trainer);
  thread = g_thread_new ("trainer", post_steps, &poster);
  for (guint i = 0; i < 300; i++)
    come_and_go (pipeline, gst_element_factory_make ("supconscope", NULL));
  g_atomic_int_set (&poster.done, TRUE);
  g_thread_join (thread);
  gst_object_unref (pipeline);
}

GST_END_TEST;

static Suite *
scopecurves_suite (void)
{
  Suite *suite = suite_create ("scopecurves");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, curves_are_the_trainers);
  tcase_add_test (tcase, curves_fill_their_frame);
  tcase_add_test (tcase, long_curves_are_thinned_out);
  tcase_add_test (tcase, scopes_come_and_go);
  return suite;
}

GST_CHECK_MAIN (scopecurves);
