/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pipeline costs around the augmenter, and what threads gain: bench_pipeline POLICY WIDTH HEIGHT SIZE [VIEWS
 * [THREADS [LOOKAHEAD]]]. The same views by core alone, by supconaugment alone, by it between queues with that
 * lookahead, and by it with that many threads too, in turns. Overheads are of processor time, medians. Gains are of
 * time: the same frames with the same draws come again in each round, and of each the shortest counts, since no other
 * work of the machine was in its way. */
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "augment/augmenter.h"
#include "augment/policy.h"

#define N_FRAMES 8 /* different ones, so that they are not all in the cache */
#define N_ROUNDS 100
#define N_PUSHED 64 /* of a round; in whole groups of lookahead + 1 */

typedef struct {
  const gchar *policy;
  guint width, height, size, views, threads, lookahead;
  guint8 *pixels[N_FRAMES];
  GstBuffer *frames[N_FRAMES];
} Bench;

static double
seconds (clockid_t clock)
{
  struct timespec t;

  clock_gettime (clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct {
  GstElement *bin;
  GstPad *source, *sink;
  GMutex lock;
  GCond all;
  guint n_views, n_wanted;
  double best[N_PUSHED]; /* seconds of a group of frames */
} Pipeline;

static GstFlowReturn
take_view (GstPad *pad, G_GNUC_UNUSED GstObject *parent, GstBuffer *view)
{
  Pipeline *self = g_object_get_data (G_OBJECT (pad), "pipeline");

  gst_buffer_unref (view);
  g_mutex_lock (&self->lock);
  if (++self->n_views == self->n_wanted)
    g_cond_signal (&self->all);
  g_mutex_unlock (&self->lock);
  return GST_FLOW_OK;
}

static Pipeline *
pipeline_new (const Bench *bench, const gchar *before, const gchar *after, guint threads, guint lookahead)
{
  Pipeline *self = g_new0 (Pipeline, 1);
  g_autofree gchar *line = g_strdup_printf (
      "%s supconaugment policy=%s views=%u threads=%u %s%s ! capsfilter caps=video/x-raw,width=%u,height=%u%s", before,
      bench->policy, bench->views, threads, lookahead ? "lookahead=" : "",
      lookahead ? g_strdup_printf ("%u", lookahead) : "", bench->size, bench->size, after);
  GError *error = NULL;
  GstCaps *caps;
  GstPad *pad;

  self->bin = gst_parse_bin_from_description (line, TRUE, &error);
  if (!self->bin) {
    g_printerr ("%s\n", error->message);
    exit (1);
  }
  self->source = gst_pad_new ("source", GST_PAD_SRC);
  self->sink = gst_pad_new ("sink", GST_PAD_SINK);
  g_object_set_data (G_OBJECT (self->sink), "pipeline", self);
  gst_pad_set_chain_function (self->sink, take_view);
  pad = gst_element_get_static_pad (self->bin, "sink");
  gst_pad_link (self->source, pad);
  gst_object_unref (pad);
  pad = gst_element_get_static_pad (self->bin, "src");
  gst_pad_link (pad, self->sink);
  gst_object_unref (pad);
  gst_pad_set_active (self->source, TRUE);
  gst_pad_set_active (self->sink, TRUE);
  gst_element_set_state (self->bin, GST_STATE_PLAYING);
  gst_pad_push_event (self->source, gst_event_new_stream_start ("bench"));
  caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "RGB", "width", G_TYPE_INT, bench->width,
      "height", G_TYPE_INT, bench->height, "framerate", GST_TYPE_FRACTION, 25, 1, NULL);
  gst_pad_push_event (self->source, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  for (guint i = 0; i < N_PUSHED; i++)
    self->best[i] = G_MAXDOUBLE;
  return self;
}

static void
pipeline_free (Pipeline *self)
{
  gst_element_set_state (self->bin, GST_STATE_NULL);
  gst_object_unref (self->source);
  gst_object_unref (self->sink);
  gst_object_unref (self->bin);
  g_free (self);
}

/* Microseconds of processor time a view. */
static double
run_pipeline (const Bench *bench, Pipeline *self)
{
  guint n = N_PUSHED * bench->views, group = bench->lookahead + 1;
  double processor, begin = 0;
  GstSegment segment;

  /* Frames are counted anew. */
  gst_pad_push_event (self->source, gst_event_new_flush_start ());
  gst_pad_push_event (self->source, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (self->source, gst_event_new_segment (&segment));
  processor = seconds (CLOCK_PROCESS_CPUTIME_ID);
  self->n_views = 0;
  self->n_wanted = n;
  for (guint i = 0; i < N_PUSHED; i++) {
    if (i % group == 0)
      begin = seconds (CLOCK_MONOTONIC);
    if (gst_pad_push (self->source, gst_buffer_ref (bench->frames[i % N_FRAMES])) != GST_FLOW_OK) {
      g_printerr ("the pipeline took no frame\n");
      exit (1);
    }
    if (i % group == group - 1)
      self->best[i / group] = MIN (self->best[i / group], seconds (CLOCK_MONOTONIC) - begin);
  }
  g_mutex_lock (&self->lock);
  while (self->n_views < self->n_wanted)
    g_cond_wait (&self->all, &self->lock);
  g_mutex_unlock (&self->lock);
  return (seconds (CLOCK_PROCESS_CPUTIME_ID) - processor) / n * 1e6;
}

static double
run_core (const Bench *bench, SupconAugmenter *augmenter, const SupconProgram *program, guint8 *bytes)
{
  guint n = N_PUSHED * bench->views;
  double processor = seconds (CLOCK_PROCESS_CPUTIME_ID);

  for (guint i = 0; i < N_PUSHED; i++)
    for (guint v = 0; v < bench->views; v++) {
      SupconImage picture = { .pixels = bench->pixels[i % N_FRAMES],
        .stride = GST_ROUND_UP_4 (3 * bench->width),
        .width = bench->width,
        .height = bench->height,
        .channels = 3 };
      /* Views of a frame are held at once there. */
      SupconImage view = { .pixels = bytes + (gsize)v * GST_ROUND_UP_4 (3 * bench->size) * bench->size,
        .stride = GST_ROUND_UP_4 (3 * bench->size),
        .width = bench->size,
        .height = bench->size,
        .channels = 3 };

      supcon_augmenter_apply (augmenter, program, 0, i, v, &picture, &view);
    }
  return (seconds (CLOCK_PROCESS_CPUTIME_ID) - processor) / n * 1e6;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return x < y ? -1 : x > y;
}

/* Of ratios within a round, which what else the machine does touches alike. */
static double
median_ratio (const double a[N_ROUNDS], const double b[N_ROUNDS])
{
  double ratios[N_ROUNDS];

  for (guint i = 0; i < N_ROUNDS; i++)
    ratios[i] = a[i] / b[i];
  qsort (ratios, N_ROUNDS, sizeof *ratios, compare);
  return ratios[N_ROUNDS / 2];
}

static double
median (const double a[N_ROUNDS])
{
  double values[N_ROUNDS];

  memcpy (values, a, sizeof values);
  qsort (values, N_ROUNDS, sizeof *values, compare);
  return values[N_ROUNDS / 2];
}

static double
total_best (const Bench *bench, const Pipeline *self)
{
  double total = 0;

  for (guint i = 0; i < N_PUSHED / (bench->lookahead + 1); i++)
    total += self->best[i];
  return total;
}

static void
make_frames (Bench *bench)
{
  gsize size = (gsize)GST_ROUND_UP_4 (3 * bench->width) * bench->height;

  for (guint i = 0; i < N_FRAMES; i++) {
    bench->pixels[i] = g_malloc (size);
    for (gsize k = 0; k < size; k++)
      bench->pixels[i][k] = (guint8)((k + i) * 2654435761u >> 24);
    bench->frames[i] = gst_buffer_new_wrapped_full (0, bench->pixels[i], size, 0, size, NULL, NULL);
    GST_BUFFER_PTS (bench->frames[i]) = i * GST_SECOND / 25;
    gst_structure_set (gst_custom_meta_get_structure (gst_buffer_add_custom_meta (bench->frames[i], "supcon-sample")),
        "sample", G_TYPE_UINT64, (guint64)i, "view", G_TYPE_UINT, 0, "label", G_TYPE_STRING, "label", NULL);
  }
}

int
main (int argc, char **argv)
{
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  double core[N_ROUNDS], alone[N_ROUNDS], queued[N_ROUNDS], threaded[N_ROUNDS];
  Pipeline *element, *queues, *many;
  SupconProgram *program;
  Bench bench = { .views = 2, .threads = 2 };
  GstElement *any;
  GEnumValue *kind;
  SupconPolicy policy;
  guint8 *bytes;
  gchar *text;

  gst_init (&argc, &argv);
  if (argc < 5) {
    g_printerr ("usage: %s POLICY WIDTH HEIGHT SIZE [VIEWS [THREADS [LOOKAHEAD]]]\n", argv[0]);
    return 2;
  }
  any = gst_element_factory_make ("supconaugment", NULL);
  if (!any) {
    g_printerr ("there is no supconaugment in GST_PLUGIN_PATH\n");
    return 1;
  }
  bench.policy = argv[1];
  bench.width = (guint)atoi (argv[2]);
  bench.height = (guint)atoi (argv[3]);
  bench.size = (guint)atoi (argv[4]);
  if (argc > 5)
    bench.views = (guint)atoi (argv[5]);
  if (argc > 6)
    bench.threads = (guint)atoi (argv[6]);
  if (argc > 7)
    bench.lookahead = (guint)atoi (argv[7]);
  if (N_PUSHED % (bench.lookahead + 1) != 0) {
    g_printerr ("LOOKAHEAD + 1 has to divide %d\n", N_PUSHED);
    return 2;
  }
  make_frames (&bench);
  bytes = g_malloc ((gsize)GST_ROUND_UP_4 (3 * bench.size) * bench.size * bench.views);
  kind = g_enum_get_value_by_nick (
      G_PARAM_SPEC_ENUM (g_object_class_find_property (G_OBJECT_GET_CLASS (any), "policy"))->enum_class, bench.policy);
  if (!kind) {
    g_printerr ("%s is no policy\n", bench.policy);
    return 2;
  }
  supcon_policy_init (&policy, (SupconPolicyKind)kind->value);
  text = supcon_policy_to_text (&policy);
  program = supcon_program_parse (text, NULL);

  element = pipeline_new (&bench, "", "", 1, 0);
  queues = pipeline_new (&bench, "queue !", " ! queue", 1, bench.lookahead);
  many = pipeline_new (&bench, "", "", bench.threads, bench.lookahead);
  for (guint round = 0; round < N_ROUNDS; round++) {
    core[round] = run_core (&bench, augmenter, program, bytes);
    alone[round] = run_pipeline (&bench, element);
    queued[round] = run_pipeline (&bench, queues);
    threaded[round] = run_pipeline (&bench, many);
  }
  g_print ("%s, %u x %u to %u, %u views\n", bench.policy, bench.width, bench.height, bench.size, bench.views);
  g_print ("core           %7.1f us of processor a view\n", median (core));
  g_print ("element        %+6.2f %% of processor\n", (median_ratio (alone, core) - 1) * 100);
  g_print ("with queues    %+6.2f %% of processor\n", (median_ratio (queued, core) - 1) * 100);
  g_print ("%u threads      %6.2f times one, %+.2f %% of processor\n", bench.threads,
      total_best (&bench, element) / total_best (&bench, many), (median_ratio (threaded, core) - 1) * 100);
  pipeline_free (element);
  pipeline_free (queues);
  pipeline_free (many);
  for (guint i = 0; i < N_FRAMES; i++) {
    gst_buffer_unref (bench.frames[i]);
    g_free (bench.pixels[i]);
  }
  gst_object_unref (any);
  supcon_program_free (program);
  supcon_augmenter_free (augmenter);
  g_free (bytes);
  g_free (text);
  return 0;
}
