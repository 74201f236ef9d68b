/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainerworker.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "gstsupconjson.h"
#include "gstsupconmeta.h"
#include "gstsupconmodel.h"
#include "model/checkpoint.h"

/* How often a progress line is printed where it cannot be redrawn. */
#define PROGRESS_INTERVAL (5 * G_USEC_PER_SEC)

typedef enum
{
  WARNED_NO_POSITIVES = 1 << 0,
  WARNED_COLLAPSED = 1 << 1,
  WARNED_ONE_CLASS = 1 << 2,
  WARNED_UNLABELLED = 1 << 3,
  WARNED_METRICS = 1 << 4,
  WARNED_KEEP = 1 << 5
} Warned;

struct _GstSupconTrainerWorker
{
  GstElement *element;
  GstSupconTrainerJob job;
  GThread *thread;

  /* The thread's own while it has a batch in work, the caller's otherwise. */
  SupconModel *model;
  SupconTrainer *trainer;
  SupconBatch *training;
  guint n_labels;               /* known when 'training' was filled */
  GstSupconSharedModel *shared; /* NULL: nobody else has the model */
  guint64 shared_step;
  guint64 trained_frames;       /* received when 'training' was full */
  guint64 saved_step, validated_step;
  gdouble best;                 /* accuracy of the best validation, -1: none yet */
  guint worse;                  /* validations since then */
  FILE *metrics;                /* NULL: none */
  Warned warned;
  guint64 examples;
  gint64 started, reported, printed;    /* monotonic time; 0: not yet */
  guint64 reported_examples;

  GMutex lock;                  /* guards everything below */
  GCond cond;                   /* broadcast when any of it changes */
  SupconBatch *filling;
  gboolean full;                /* 'filling' waits for the thread */
  gboolean busy;                /* the thread has a batch in work */
  gboolean stopping, failed, unlocked;
  gboolean enough;              /* it gets no better: the training is over */
  SupconLabels *labels;
  guint64 first_step, step, handed;     /* handed: steps that full batches, done or waiting, make */
  guint64 received, dropped, unlabelled;        /* frames */
  guint64 filling_frames;       /* received when 'filling' was full */
  gdouble loss;
};

GstSupconTrainerWorker *
gst_supcon_trainer_worker_new (GstElement * element)
{
  GstSupconTrainerWorker *self = g_new0 (GstSupconTrainerWorker, 1);

  self->element = element;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  return self;
}

void
gst_supcon_trainer_worker_free (GstSupconTrainerWorker * self)
{
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

/* Labels of batches that were not trained yet are left out: what leaves depends on what was trained alone. */
static SupconLabels *
trained_labels (GstSupconTrainerWorker * self)
{
  SupconLabels *labels = supcon_labels_new ();

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->n_labels; i++)
    supcon_labels_add (labels, supcon_labels_name (self->labels, i));
  g_mutex_unlock (&self->lock);
  return labels;
}

/* Gives others what is trained so far; no batch is in work elsewhere. */
static void
share (GstSupconTrainerWorker * self)
{
  SupconLabels *labels;

  if (!self->shared || self->shared_step == self->step)
    return;
  labels = trained_labels (self);
  gst_supcon_shared_model_publish (self->shared, self->model, labels,
      supcon_trainer_calibrate (self->trainer));
  supcon_labels_free (labels);
  self->shared_step = self->step;
}

/* Writes what is trained so far; no batch is in work elsewhere. */
static gboolean
write_checkpoint (GstSupconTrainerWorker * self, const gchar * location,
    GError ** error)
{
  SupconCheckpointInfo info = {.labels = trained_labels (self),
    .step = supcon_trainer_step_count (self->trainer),
    .queue = (SupconQueue *) supcon_trainer_queue (self->trainer),
    .frames = self->trained_frames,
    .temperature = supcon_trainer_calibrate (self->trainer)
  };
  gboolean saved;

  g_strlcpy (info.stage, supcon_stage_name (self->job.config.stage), sizeof info.stage);
  g_strlcpy (info.optimizer,
      supcon_optimizer_name (self->job.config.optimizer.kind),
      sizeof info.optimizer);
  saved = supcon_checkpoint_save (location, self->model, &info, error);
  g_clear_pointer (&info.labels, supcon_labels_free);
  if (!saved)
    return FALSE;

  gst_element_post_message (self->element,
      gst_message_new_element (GST_OBJECT (self->element),
          gst_structure_new ("supcon-checkpoint", "location", G_TYPE_STRING,
              location, "step", G_TYPE_UINT64, info.step, NULL)));
  return TRUE;
}

static gboolean
save (GstSupconTrainerWorker * self, GError ** error)
{
  if (!write_checkpoint (self, self->job.location, error))
    return FALSE;
  self->saved_step = supcon_trainer_step_count (self->trainer);
  return TRUE;
}

static void
warn_once (GstSupconTrainerWorker * self, Warned what, const gchar * format,
    ...)
    G_GNUC_PRINTF (3, 4);

static void
warn_once (GstSupconTrainerWorker * self, Warned what, const gchar * format,
    ...)
{
  va_list args;
  gchar *text;

  if (self->warned & what)
    return;
  self->warned |= what;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  GST_ELEMENT_WARNING (self->element, LIBRARY, SETTINGS, ("%s", text), (NULL));
  g_free (text);
}

static gboolean
has_one_class (const SupconBatch * batch)
{
  for (guint i = 0; i < batch->n; i++) {
    if (batch->labels[i] == SUPCON_UNLABELLED
        || batch->labels[i] != batch->labels[0])
      return FALSE;
  }
  return batch->n > 1;
}

/* The name's place in the table never moves, so it can be used after the lock is gone. */
static const gchar *
label_name (GstSupconTrainerWorker * self, gint32 label)
{
  const gchar *name;

  g_mutex_lock (&self->lock);
  name = supcon_labels_name (self->labels, label);
  g_mutex_unlock (&self->lock);
  return name;
}

static void
warn_about (GstSupconTrainerWorker * self, const SupconTrainStats * stats)
{
  const SupconTrainerConfig *config = &self->job.config;
  const SupconBatch *batch = self->training;
  gboolean contrastive = config->stage == SUPCON_STAGE_CONTRASTIVE;

  if (contrastive && stats->anchors == 0) {
    warn_once (self, WARNED_NO_POSITIVES,
        "None of the %u views of step %" G_GUINT64_FORMAT " has a positive, "
        "that is another view of its %s, so the step taught nothing. Let "
        "supcondatasetsrc draw batches with sampler=class-balanced, or "
        "supconaugment make views=2 of every frame.", batch->n, stats->step,
        config->loss.kind == SUPCON_LOSS_SELF ? "sample" : "label");
  }
  if (config->stage != SUPCON_STAGE_REGRESSION
      && (!contrastive || config->loss.kind != SUPCON_LOSS_SELF)
      && has_one_class (batch)) {
    warn_once (self, WARNED_ONE_CLASS,
        "All %u views of step %" G_GUINT64_FORMAT " have the label \"%s\": "
        "there is nothing to tell apart. Give frames of other labels too, in "
        "shuffled order.", batch->n, stats->step, label_name (self,
            batch->labels[0]));
  }
  if (stats->collapsed) {
    warn_once (self, WARNED_COLLAPSED,
        "At step %" G_GUINT64_FORMAT " all embeddings have collapsed to one "
        "point (loss %.4f, spread %.2g). Lower "
        "learning-rate (now %g), or raise warmup-steps (now %" G_GUINT64_FORMAT
        ") or temperature (now %g), and start again.", stats->step, stats->loss,
        stats->spread,
        stats->learning_rate, config->schedule.warmup_steps,
        config->loss.temperature);
  }
}

static gchar *
accuracy_text (const SupconTrainStats * stats)
{
  if (stats->classified == 0)
    return g_strdup ("");
  return g_strdup_printf ("  accuracy %.1f %%",
      100.0 * stats->correct / stats->classified);
}

/* One line, redrawn on a terminal and now and then a new one elsewhere. */
static void
print_progress (GstSupconTrainerWorker * self, const SupconTrainStats * stats,
    gint64 now)
{
  gboolean terminal = isatty (STDOUT_FILENO);
  guint64 total = self->job.config.schedule.total_steps;
  gdouble seconds = MAX (now - self->started, 1) / (gdouble) G_USEC_PER_SEC;
  gchar *accuracy;

  if (!terminal && now - self->printed < PROGRESS_INTERVAL
      && stats->step != total)
    return;
  self->printed = now;
  accuracy = accuracy_text (stats);
  printf ("%s%s step %" G_GUINT64_FORMAT, terminal ? "\r\033[K" : "",
      supcon_stage_name (self->job.config.stage), stats->step);
  if (total)
    printf ("/%" G_GUINT64_FORMAT, total);
  printf ("  loss %.4f%s  %.0f views/s", stats->loss, accuracy,
      self->examples / seconds);
  if (total >= stats->step) {
    guint64 left = seconds / (stats->step - self->first_step)
        * (total - stats->step) + 0.5;

    printf ("  %u:%02u left", (guint) (left / 60), (guint) (left % 60));
  }
  if (!terminal)
    putchar ('\n');
  fflush (stdout);
  g_free (accuracy);
}

static void
end_progress (GstSupconTrainerWorker * self)
{
  if (self->job.progress && self->printed && isatty (STDOUT_FILENO)) {
    putchar ('\n');
    fflush (stdout);
  }
  self->printed = 0;
}

/* FALSE with errno. */
static gboolean
write_metrics (GstSupconTrainerWorker * self, const GstStructure * line)
{
  gchar *text = gst_supcon_structure_to_json (line);
  gboolean written = fprintf (self->metrics, "%s\n", text) > 0
      && fflush (self->metrics) == 0;

  g_free (text);
  return written;
}

/* A new file begins with a line that tells what the run is; one that is gone on with has it. */
static gboolean
open_metrics (GstSupconTrainerWorker * self, GError ** error)
{
  const gchar *location = self->job.metrics_location;
  GstStructure *header;
  gboolean written;

  if (!location)
    return TRUE;
  self->metrics = fopen (location, self->first_step ? "ae" : "we");
  if (!self->metrics)
    goto failed;
  if (self->first_step)
    return TRUE;
  header = gst_supcon_properties_to_structure (G_OBJECT (self->element));
  gst_structure_set (header, "version", G_TYPE_STRING, PACKAGE_VERSION, NULL);
  written = write_metrics (self, header);
  gst_structure_free (header);
  if (written)
    return TRUE;

failed:
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_WRITE,
      "%s: cannot be written: %s", location, g_strerror (errno));
  return FALSE;
}

static void
warn_metrics (GstSupconTrainerWorker * self)
{
  warn_once (self, WARNED_METRICS, "Metrics are no longer complete, a line "
      "could not be written: %s", g_strerror (errno));
}

static void
post_stats (GstSupconTrainerWorker * self, const SupconTrainStats * stats,
    guint64 dropped, gint64 now)
{
  gdouble seconds = MAX (now - self->reported, 1) / (gdouble) G_USEC_PER_SEC;
  GstStructure *s = gst_structure_new ("supcon-train",
      "step", G_TYPE_UINT64, stats->step,
      "loss", G_TYPE_DOUBLE, stats->loss,
      "learning-rate", G_TYPE_DOUBLE, stats->learning_rate,
      "gradient-norm", G_TYPE_DOUBLE, stats->gradient_norm,
      "examples", G_TYPE_UINT64, self->examples,
      "examples-per-second", G_TYPE_DOUBLE,
      (self->examples - self->reported_examples) / seconds,
      "positives-per-anchor", G_TYPE_DOUBLE, stats->positives_per_anchor,
      "dropped", G_TYPE_UINT64, dropped, NULL);

  if (supcon_trainer_has_classes (&self->job.config))
    gst_structure_set (s, "accuracy", G_TYPE_DOUBLE, stats->classified ?
        stats->correct / (gdouble) stats->classified : 0.0, NULL);
  if (stats->has_signals)
    gst_structure_set (s,
        "hard-positive-weight", G_TYPE_DOUBLE, stats->signals.hard_positives,
        "hard-negative-weight", G_TYPE_DOUBLE, stats->signals.hard_negatives,
        "alignment", G_TYPE_DOUBLE, stats->signals.alignment,
        "uniformity", G_TYPE_DOUBLE, stats->signals.uniformity, NULL);
  self->reported = now;
  self->reported_examples = self->examples;
  if (self->metrics && !write_metrics (self, s))
    warn_metrics (self);
  gst_element_post_message (self->element,
      gst_message_new_element (GST_OBJECT (self->element), s));
}

/* Training goes on without this checkpoint. Takes error. */
static void
warn_not_written (GstSupconTrainerWorker * self, GError * error)
{
  GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE, ("%s", error->message),
      ("Training goes on; the next checkpoint tries again."));
  g_error_free (error);
}

static void
post_validation (GstSupconTrainerWorker * self,
    const SupconValidation * validation, gboolean best)
{
  GstStructure *s = gst_structure_new ("supcon-validation",
      "step", G_TYPE_UINT64, self->validated_step,
      "count", G_TYPE_UINT, validation->n,
      "validation-accuracy", G_TYPE_DOUBLE, validation->accuracy,
      "validation-loss", G_TYPE_DOUBLE, validation->loss,
      "best", G_TYPE_BOOLEAN, best, NULL);

  if (self->metrics && !write_metrics (self, s))
    warn_metrics (self);
  if (self->job.progress) {
    end_progress (self);
    printf ("validation at step %" G_GUINT64_FORMAT ": accuracy %.2f %%%s\n",
        self->validated_step, 100 * validation->accuracy, best ? ", the best" :
        "");
    fflush (stdout);
  }
  gst_element_post_message (self->element,
      gst_message_new_element (GST_OBJECT (self->element), s));
}

/* FALSE: an error was posted. */
static gboolean
validate (GstSupconTrainerWorker * self)
{
  SupconLabels *labels = self->job.config.stage == SUPCON_STAGE_CONTRASTIVE ?
      NULL : trained_labels (self);
  SupconValidation validation;
  GError *error = NULL;
  gboolean done = gst_supcon_validation_run (self->job.validation, self->model,
      labels, &validation, &error);
  gboolean best;

  g_clear_pointer (&labels, supcon_labels_free);
  if (error)
    gst_supcon_post_error (self->element, error);
  if (!done)
    return error == NULL;
  self->validated_step = supcon_trainer_step_count (self->trainer);
  best = validation.accuracy > self->best;
  self->worse = best ? 0 : self->worse + 1;
  self->best = MAX (self->best, validation.accuracy);
  post_validation (self, &validation, best);
  if (best && self->job.best_location
      && !write_checkpoint (self, self->job.best_location, &error))
    warn_not_written (self, error);
  return TRUE;
}

static void
save_and_keep (GstSupconTrainerWorker * self)
{
  GError *error = NULL;

  if (!save (self, &error)) {
    warn_not_written (self, error);
  } else if (self->job.checkpoint_keep
      && !supcon_checkpoint_keep (self->job.location, self->saved_step,
          self->job.checkpoint_keep, &error)) {
    warn_once (self, WARNED_KEEP, "%s", error->message);
    g_error_free (error);
  }
}

/* One step on 'training', and all that is to be said about it. */
static gboolean
train (GstSupconTrainerWorker * self)
{
  SupconTrainStats stats = { 0 };
  GError *error = NULL;
  guint64 dropped;
  gint64 now;

  if (!self->started)
    self->started = self->reported = g_get_monotonic_time ();
  if (supcon_trainer_has_classes (&self->job.config)
      && self->n_labels > supcon_model_n_classes (self->model))
    supcon_model_set_n_classes (self->model, self->n_labels);
  self->training->n_classes = self->n_labels;

  if (!supcon_trainer_step (self->trainer, self->training, &stats, &error)) {
    end_progress (self);
    gst_supcon_post_error (self->element, error);
    return FALSE;
  }

  g_mutex_lock (&self->lock);
  self->step = stats.step;
  self->loss = stats.loss;
  dropped = self->dropped;
  g_mutex_unlock (&self->lock);

  self->examples += self->training->n;
  now = g_get_monotonic_time ();
  if (stats.step % self->job.message_interval == 0)
    post_stats (self, &stats, dropped, now);
  if (self->job.progress)
    print_progress (self, &stats, now);
  warn_about (self, &stats);
  if (stats.step % self->job.update_interval == 0)
    share (self);

  if (self->job.checkpoint_interval
      && stats.step % self->job.checkpoint_interval == 0)
    save_and_keep (self);
  if (self->job.validation && self->job.validate_interval
      && stats.step % self->job.validate_interval == 0 && !validate (self))
    return FALSE;
  return TRUE;
}

static gpointer
worker_main (gpointer data)
{
  GstSupconTrainerWorker *self = data;

  g_mutex_lock (&self->lock);
  while (!self->failed) {
    SupconBatch *batch = self->filling;
    gboolean trained;

    while (!self->full && !self->stopping)
      g_cond_wait (&self->cond, &self->lock);
    if (self->stopping)
      break;

    self->filling = self->training;
    self->training = batch;
    supcon_batch_reset (self->filling);
    self->n_labels = supcon_labels_count (self->labels);
    self->trained_frames = self->filling_frames;
    self->full = FALSE;
    self->busy = TRUE;
    g_cond_broadcast (&self->cond);

    g_mutex_unlock (&self->lock);
    trained = train (self);
    g_mutex_lock (&self->lock);

    self->busy = FALSE;
    self->failed = !trained;
    if (self->job.patience && self->worse >= self->job.patience) {
      self->enough = TRUE;
      self->full = FALSE;
      supcon_batch_reset (self->filling);
    }
    g_cond_broadcast (&self->cond);
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

gboolean
gst_supcon_trainer_worker_start (GstSupconTrainerWorker * self,
    const GstSupconTrainerJob * job, SupconModel * model, SupconLabels * labels,
    const SupconQueue * past, guint64 first_step, GError ** error)
{
  const SupconModelConfig *config = supcon_model_config (model);
  GThread *thread;

  self->job = *job;
  self->job.location = g_strdup (job->location);
  self->model = model;
  self->trainer = supcon_trainer_new (model, &job->config, first_step);
  supcon_trainer_restore_queue (self->trainer, past);
  self->training = supcon_batch_new (job->batch_size, config->input_width,
      config->input_height);
  self->n_labels = supcon_labels_count (labels);
  self->shared = job->share_name ?
      gst_supcon_shared_model_ref (job->share_name) : NULL;
  self->shared_step = self->saved_step = self->validated_step = first_step;
  self->best = -1;
  self->worse = 0;
  self->warned = 0;
  self->examples = self->reported_examples = 0;
  self->started = self->reported = self->printed = 0;

  g_mutex_lock (&self->lock);
  self->filling = supcon_batch_new (job->batch_size, config->input_width,
      config->input_height);
  self->full = self->busy = self->stopping = self->failed = FALSE;
  self->enough = FALSE;
  self->labels = labels;
  self->first_step = self->step = self->handed = first_step;
  self->received = self->dropped = self->unlabelled = 0;
  self->filling_frames = self->trained_frames = job->skip_frames;
  self->loss = 0;
  g_mutex_unlock (&self->lock);

  /* A disk without room is told now, not when all is trained. */
  thread = supcon_checkpoint_check_room (self->job.location, model, error)
      && open_metrics (self, error) ? g_thread_try_new ("supcontrainer", worker_main, self, error) : NULL;
  self->thread = thread;

  if (!thread)
    gst_supcon_trainer_worker_stop (self);
  return thread != NULL;
}

gboolean
gst_supcon_trainer_worker_is_running (GstSupconTrainerWorker * self)
{
  return self->thread != NULL;
}

void
gst_supcon_trainer_worker_stop (GstSupconTrainerWorker * self)
{
  GError *error = NULL;

  if (!self->model)
    return;
  if (self->thread) {
    g_mutex_lock (&self->lock);
    self->stopping = TRUE;
    g_cond_broadcast (&self->cond);
    g_mutex_unlock (&self->lock);
    g_thread_join (self->thread);
    self->thread = NULL;
  }
  end_progress (self);
  /* After a failure the last checkpoint is better than these weights. */
  if (!self->failed && self->step > self->saved_step && !save (self, &error))
    gst_supcon_post_error (self->element, error);

  g_clear_pointer (&self->metrics, fclose);
  g_clear_pointer (&self->shared, gst_supcon_shared_model_unref);
  g_clear_pointer (&self->trainer, supcon_trainer_free);
  g_clear_pointer (&self->model, supcon_model_free);
  g_clear_pointer (&self->labels, supcon_labels_free);
  g_clear_pointer (&self->training, supcon_batch_free);
  g_clear_pointer (&self->filling, supcon_batch_free);
  g_free ((gchar *) self->job.location);
}

/* Makes room in 'filling'; called with the lock held. OK with it still full: the new frame is to be dropped. */
static GstFlowReturn
make_room (GstSupconTrainerWorker * self)
{
  if (self->full && self->job.leaky == GST_SUPCON_TRAINER_LEAKY_DOWNSTREAM) {
    self->dropped += self->filling->n;
    self->handed--;
    self->full = FALSE;
    supcon_batch_reset (self->filling);
  }
  while (self->full && self->job.leaky == GST_SUPCON_TRAINER_LEAKY_NO
      && !self->failed && !self->unlocked)
    g_cond_wait (&self->cond, &self->lock);
  if (self->failed)
    return GST_FLOW_ERROR;
  return self->full && self->unlocked ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

/* 'filling' is the thread's from here on; called with the lock held. */
static void
hand_over (GstSupconTrainerWorker * self)
{
  self->full = TRUE;
  self->handed++;
  self->filling_frames = self->received;
  g_cond_broadcast (&self->cond);
}

static GstFlowReturn
push_locked (GstSupconTrainerWorker * self, const guint8 * pixels,
    gsize stride, guint channels, const gchar * label, gdouble value,
    guint64 sample)
{
  SupconBatch *batch;
  GstFlowReturn ret;

  if (self->job.last_step && self->handed >= self->job.last_step)
    return GST_FLOW_EOS;
  if (self->enough)
    return GST_FLOW_EOS;
  if (self->received < self->job.skip_frames) {
    self->received++;
    return GST_FLOW_OK;
  }
  ret = make_room (self);
  if (ret != GST_FLOW_OK)
    return ret;

  self->received++;
  if (self->full) {
    self->dropped++;
    return GST_FLOW_OK;
  }
  /* Other stages learn nothing from an unlabelled frame, so it takes no place in the batch. */
  if (!label && self->job.config.stage != SUPCON_STAGE_CONTRASTIVE) {
    self->unlabelled++;
    return GST_FLOW_OK;
  }
  batch = self->filling;
  supcon_batch_append (batch, pixels, stride, channels,
      label ? (gint32) supcon_labels_add (self->labels, label) :
      SUPCON_UNLABELLED, sample);
  batch->values[batch->n - 1] = value;
  if (batch->n == batch->capacity)
    hand_over (self);
  return GST_FLOW_OK;
}

static gboolean
parse_number (const gchar * text, gdouble * value)
{
  gchar *end;

  *value = g_ascii_strtod (text, &end);
  return end != text && *end == '\0' && isfinite (*value);
}

GstFlowReturn
gst_supcon_trainer_worker_push (GstSupconTrainerWorker * self,
    const guint8 * pixels, gsize stride, guint channels, const gchar * label,
    guint64 sample)
{
  GstFlowReturn ret;
  gdouble value = 0;

  if (label && self->job.config.stage == SUPCON_STAGE_REGRESSION) {
    if (!parse_number (label, &value)) {
      GST_ELEMENT_ERROR (self->element, STREAM, FORMAT,
          ("A frame has the label \"%s\"; expected a number, which is what "
              "stage=regression learns", label), (NULL));
      return GST_FLOW_ERROR;
    }
    label = GST_SUPCON_TRAINER_VALUE;
  }
  g_mutex_lock (&self->lock);
  ret = push_locked (self, pixels, stride, channels, label, value, sample);
  g_mutex_unlock (&self->lock);
  return ret;
}

/* What the user has to know at the end. FALSE: an error. */
static gboolean
report_end (GstSupconTrainerWorker * self)
{
  guint64 labelled = self->received - MIN (self->received,
      self->job.skip_frames) - self->dropped - self->unlabelled;

  if (self->dropped)
    GST_ELEMENT_INFO (self->element, STREAM, FAILED,
        ("Dropped %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
            " frames since they came faster than they could be trained on.",
            self->dropped, self->received), (NULL));
  if (self->step > self->first_step || self->handed > self->first_step)
    return TRUE;
  if (self->job.skip_frames && labelled + self->unlabelled < self->job.batch_size) {
    GST_ELEMENT_INFO (self->element, STREAM, FAILED,
        ("%s was trained for the whole of this stream already, %"
            G_GUINT64_FORMAT " steps: nothing is left to do.",
            self->job.location, self->first_step), (NULL));
    return TRUE;
  }
  if (self->unlabelled && labelled == 0) {
    GST_ELEMENT_ERROR (self->element, STREAM, FAILED,
        ("None of the %" G_GUINT64_FORMAT " frames has a label, but stage "
            "%s learns from labels alone. Use supcondatasetsrc on a labelled "
            "data set, or supconlabel.", self->unlabelled,
            supcon_stage_name (self->job.config.stage)), (NULL));
    return FALSE;
  }
  if (!self->job.last_step || self->first_step < self->job.last_step)
    GST_ELEMENT_WARNING (self->element, STREAM, FAILED,
        ("The stream ended after %" G_GUINT64_FORMAT " frames, %s%u that "
            "make a batch: nothing was trained and nothing is written. Use a "
            "smaller batch-size, or drop-last=false.", labelled,
            self->job.drop_last ? "fewer than the " : "none of the ",
            self->job.batch_size), (NULL));
  return TRUE;
}

GstFlowReturn
gst_supcon_trainer_worker_finish (GstSupconTrainerWorker * self)
{
  GstFlowReturn ret = GST_FLOW_OK;
  GError *error = NULL;

  g_mutex_lock (&self->lock);
  if (!self->full && self->filling->n > 0 && !self->job.drop_last)
    hand_over (self);
  while ((self->full || self->busy) && !self->failed && !self->unlocked)
    g_cond_wait (&self->cond, &self->lock);
  if (self->failed)
    ret = GST_FLOW_ERROR;
  else if (self->full || self->busy)
    ret = GST_FLOW_FLUSHING;
  else
    supcon_batch_reset (self->filling);
  g_mutex_unlock (&self->lock);
  if (ret != GST_FLOW_OK)
    return ret;

  /* From here on the thread sleeps, as nobody else hands it a batch. */
  end_progress (self);
  share (self);
  if (self->job.validation && self->step > self->validated_step
      && !validate (self))
    return GST_FLOW_ERROR;
  if (self->step > self->saved_step && !save (self, &error)) {
    gst_supcon_post_error (self->element, error);
    return GST_FLOW_ERROR;
  }
  return report_end (self) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

void
gst_supcon_trainer_worker_flush (GstSupconTrainerWorker * self)
{
  g_mutex_lock (&self->lock);
  if (self->filling)
    supcon_batch_reset (self->filling);
  if (self->full)
    self->handed--;
  self->full = FALSE;
  g_mutex_unlock (&self->lock);
}

void
gst_supcon_trainer_worker_set_unlocked (GstSupconTrainerWorker * self,
    gboolean unlocked)
{
  g_mutex_lock (&self->lock);
  self->unlocked = unlocked;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

void
gst_supcon_trainer_worker_status (GstSupconTrainerWorker * self,
    guint64 * step, guint64 * dropped, gdouble * loss)
{
  g_mutex_lock (&self->lock);
  *step = self->step;
  *dropped = self->dropped;
  *loss = self->loss;
  g_mutex_unlock (&self->lock);
}
