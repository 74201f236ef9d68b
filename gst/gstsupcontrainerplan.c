/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainerplan.h"

#include <string.h>

#include "error.h"
#include "gstsupconmeta.h"
#include "gstsupconstream.h"

/* What warmup-steps=-1 means: a tenth of the training, not less than the first nor more than the second number, which
 * is also taken when the training's length is not known; and at most half of a short training. */
#define MIN_WARMUP_STEPS 20
#define MAX_WARMUP_STEPS 100

/* What upstream says. */
typedef struct
{
  guint64 frames;               /* of the stream; 0: it does not know */
  gboolean live;                /* what it gave before it will not give again */
  guint epochs;                 /* passes over the data; 0: it does not say, or without end */
  gdouble labelled;             /* share of the frames that have a label, 1 where it does not say */
  gchar **labels;               /* that may come; NULL: it does not say */
} Upstream;

/* In buffers, since demuxers and decoders answer in frames too, of which others may come here. */
static guint64
ask_for_frames (GstPad * pad)
{
  gint64 frames;

  if (!gst_pad_peer_query_duration (pad, GST_FORMAT_BUFFERS, &frames))
    return 0;
  return MAX (frames, 0);
}

static void
ask_for_dataset (GstPad * pad, Upstream * upstream)
{
  GstQuery *query = gst_query_new_custom (GST_QUERY_CUSTOM,
      gst_structure_new_empty (GST_SUPCON_QUERY_DATASET));
  const GstStructure *answer;

  gst_pad_peer_query (pad, query);
  answer = gst_query_get_structure (query);
  gst_structure_get_uint (answer, "epochs", &upstream->epochs);
  gst_structure_get_double (answer, "labelled", &upstream->labelled);
  /* Any element can answer, with what is no share too. */
  if (!(upstream->labelled >= 0 && upstream->labelled <= 1))
    upstream->labelled = 1;
  gst_structure_get (answer, "labels", G_TYPE_STRV, &upstream->labels, NULL);
  gst_query_unref (query);
}

gboolean
gst_supcon_trainer_parse_value (const gchar * label, gdouble * value)
{
  gchar *end;

  *value = g_ascii_strtod (label, &end);
  /* strtod also takes white space, hexadecimal digits, infinity and NaN. */
  return *label && *end == '\0'
      && strspn (label, "+-.0123456789eE") == strlen (label)
      && ABS (*value) <= G_MAXFLOAT;
}

static gboolean
check_values (const Upstream * upstream, GError ** error)
{
  gdouble value;

  for (gchar ** label = upstream->labels; *label; label++)
    if (!gst_supcon_trainer_parse_value (*label, &value)) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
          "The source has the label \"%s\"; expected numbers alone, which is "
          "what stage=regression learns", *label);
      return FALSE;
    }
  return TRUE;
}

/* What the source tells of its labels, if it does: there are some where they are needed, they are numbers where those are
 * needed, and a training that is gone on with meets those that it knows. */
static gboolean
check_labels (const Upstream * upstream,
    const GstSupconTrainerSettings * settings,
    const GstSupconTrainerStart * start, GError ** error)
{
  SupconStage stage = settings->job.config.stage;

  if (!upstream->labels)
    return TRUE;
  if (!supcon_trainer_learns_unlabelled (&settings->job.config)
      && upstream->labelled == 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "None of the source's frames has a label, but stage %s learns from "
        "labels alone", supcon_stage_name (stage));
    return FALSE;
  }
  if (stage == SUPCON_STAGE_REGRESSION)
    return check_values (upstream, error);
  if (start->first_step == 0)
    return TRUE;
  for (guint i = 0; i < supcon_labels_count (start->labels); i++) {
    const gchar *name = supcon_labels_name (start->labels, i);

    /* A teacher may know more than the source has. */
    if (start->teacher && supcon_teacher_knows (start->teacher, i))
      continue;
    if (!g_strv_contains ((const gchar * const *) upstream->labels, name)) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
          "%s was trained with the label \"%s\", which the source does not "
          "have, so resume=true cannot go on; use init-location to start from "
          "it", settings->location, name);
      return FALSE;
    }
  }
  return TRUE;
}

/* Frames of the stream that are trained on; 0: nobody knows. */
static guint64
count_frames (const Upstream * upstream, const SupconTrainerConfig * config)
{
  gdouble share =
      supcon_trainer_learns_unlabelled (config) ? 1 : upstream->labelled;

  return upstream->frames * share + 0.5;
}

/* How many steps there will be: as said, or as the frames make; 0: nobody knows. */
static guint64
find_total_steps (guint64 frames, const GstSupconTrainerSettings * settings,
    const GstSupconTrainerStart * start)
{
  guint batch_size = settings->job.batch_size;
  guint batch_size_before = start->batch_size ? start->batch_size : batch_size;

  if (settings->total_steps)
    return settings->total_steps;
  if (frames == 0)
    return 0;
  /* A stream that is played again from its start holds what the steps before resuming were made of, maybe in batches of
   * another size. */
  if (start->first_frame)
    frames = start->first_step > frames / batch_size_before ? 0 :
        frames - start->first_step * batch_size_before;
  return MAX (1, start->first_step + frames / batch_size);
}

static guint64
auto_warmup_steps (guint64 steps)
{
  if (steps == 0)
    return MAX_WARMUP_STEPS;
  return MIN (CLAMP (steps / 10, MIN_WARMUP_STEPS, MAX_WARMUP_STEPS),
      steps / 2);
}

static gdouble
find_learning_rate (const GstSupconTrainerSettings * settings)
{
  const SupconTrainerConfig *config = &settings->job.config;
  gboolean scale = settings->scale_learning_rate;
  guint batch_size = settings->job.batch_size;
  gdouble rate = settings->learning_rate, scaled;

  if (rate == 0)
    rate =
        supcon_trainer_default_learning_rate (config->stage,
        config->optimizer.kind, scale ? 256 : batch_size);
  if (!scale)
    return rate;
  scaled = supcon_trainer_scaled_learning_rate (rate, batch_size);
  g_print ("learning rate %g = %g x %u / 256\n", scaled, rate, batch_size);
  return scaled;
}

static gboolean
plan_schedule (const Upstream * upstream,
    const GstSupconTrainerSettings * settings,
    const GstSupconTrainerStart * start, SupconSchedule * schedule,
    GError ** error)
{
  guint64 frames = count_frames (upstream, &settings->job.config);
  guint64 total = find_total_steps (frames, settings, start);
  /* The warm-up is that of the run that is gone on with. */
  guint64 first_step = start->first_frame ? 0 : start->first_step;

  schedule->total_steps = total;
  schedule->learning_rate = find_learning_rate (settings);
  if (settings->warmup_epochs > 0 && (frames == 0 || upstream->epochs == 0)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "warmup-epochs is %g, but upstream does not say how many frames an "
        "epoch has; expected supcondatasetsrc with a number of epochs, or "
        "warmup-steps", settings->warmup_epochs);
    return FALSE;
  }
  if (settings->warmup_epochs > 0)
    schedule->warmup_steps =
        settings->warmup_epochs * frames / upstream->epochs
        / settings->job.batch_size + 0.5;
  else if (settings->warmup_steps >= 0)
    schedule->warmup_steps = settings->warmup_steps;
  else if (!supcon_stage_needs_encoder (settings->job.config.stage))
    schedule->warmup_steps =
        auto_warmup_steps (total > first_step ? total - first_step : 0);
  return TRUE;
}

gboolean
gst_supcon_trainer_plan (GstPad * sinkpad,
    const GstSupconTrainerSettings * settings, GstSupconTrainerStart * start,
    GstSupconTrainerJob * job, GError ** error)
{
  Upstream upstream = {.live = gst_supcon_upstream_is_live (sinkpad),
    .labelled = 1
  };
  gboolean good;

  /* Of several sources, as through a funnel, one alone would answer. */
  if (gst_supcon_upstream_count_sources (sinkpad) == 1) {
    upstream.frames = ask_for_frames (sinkpad);
    ask_for_dataset (sinkpad, &upstream);
  }
  if (upstream.live)
    start->first_frame = 0;
  *job = settings->job;
  job->skip_frames = start->first_frame;
  job->location = settings->location;
  job->last_step = settings->total_steps;
  job->config.seed = settings->seed;
  good = check_labels (&upstream, settings, start, error)
      && plan_schedule (&upstream, settings, start, &job->config.schedule,
      error);
  g_strfreev (upstream.labels);
  return good;
}
