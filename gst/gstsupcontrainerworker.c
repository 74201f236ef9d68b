/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainerworker.h"

#include "error.h"
#include "gstsupconmeta.h"
#include "gstsupconmodel.h"
#include "gstsupcontrainerplan.h"
#include "gstsupcontrainerreport.h"
#include "model/checkpoint.h"

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
  gboolean unsaved;             /* there is more than the last checkpoint holds */
  guint64 validated_step;
  gdouble best;                 /* accuracy of the best validation, 0: none yet */
  guint worse;                  /* validations since then */
  GstSupconTrainerReport *report;

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
      supcon_trainer_calibrate (self->trainer, TRUE));
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
    .logits = (SupconQueue *) supcon_trainer_logits (self->trainer),
    .frames = self->trained_frames,
    .batch_size = self->job.batch_size,
    .best_accuracy = self->best,
    .worse = self->worse,
    .temperature = supcon_trainer_calibrate (self->trainer, FALSE)
  };
  gboolean saved;

  g_strlcpy (info.stage, supcon_stage_name (self->job.config.stage), sizeof info.stage);
  g_strlcpy (info.optimizer,
      supcon_optimizer_name (self->job.config.optimizer.kind),
      sizeof info.optimizer);
  saved = supcon_checkpoint_save (location, self->model, &info, error);
  g_clear_pointer (&info.labels, supcon_labels_free);
  if (saved)
    gst_supcon_trainer_report_checkpoint (self->report, location, info.step);
  return saved;
}

static gboolean
save (GstSupconTrainerWorker * self, GError ** error)
{
  if (!write_checkpoint (self, self->job.location, error))
    return FALSE;
  self->unsaved = FALSE;
  return TRUE;
}

/* The label of all of 'training', NULL when it has several or none. Called with the lock; the name's place in the table
 * never moves, so it can be used after the lock is gone. */
static const gchar *
only_label (GstSupconTrainerWorker * self)
{
  const SupconBatch *batch = self->training;

  for (guint i = 0; i < batch->n; i++) {
    if (batch->labels[i] == SUPCON_UNLABELLED
        || batch->labels[i] != batch->labels[0])
      return NULL;
  }
  return batch->n > 1 ? supcon_labels_name (self->labels, batch->labels[0]) :
      NULL;
}

/* At the end of the training's stream or in the middle of it. ERROR was posted. */
static GstFlowReturn
validate (GstSupconTrainerWorker * self, gboolean at_end)
{
  SupconLabels *labels = self->job.config.stage == SUPCON_STAGE_CONTRASTIVE ?
      NULL : trained_labels (self);
  SupconValidation validation;
  GError *error = NULL;
  GstFlowReturn ret = gst_supcon_validation_run (self->job.validation, at_end,
      self->model, labels, &validation, &error);
  gboolean best;

  g_clear_pointer (&labels, supcon_labels_free);
  if (ret == GST_FLOW_ERROR)
    gst_supcon_post_error (self->element, error);
  if (ret == GST_FLOW_ERROR || ret == GST_FLOW_FLUSHING)
    return ret;
  if (ret == GST_SUPCON_VALIDATION_SO_FAR)
    gst_supcon_trainer_report_unfinished_validation (self->report,
        supcon_trainer_step_count (self->trainer), validation.n);
  if (validation.n == 0)
    return GST_FLOW_OK;
  self->validated_step = supcon_trainer_step_count (self->trainer);
  best = validation.accuracy > self->best;
  self->worse = best ? 0 : self->worse + 1;
  self->best = MAX (self->best, validation.accuracy);
  self->unsaved = TRUE;
  gst_supcon_trainer_report_validation (self->report, self->validated_step,
      &validation, best);
  if (best && self->job.best_location
      && !write_checkpoint (self, self->job.best_location, &error))
    gst_supcon_trainer_report_not_written (self->report, error);
  return GST_FLOW_OK;
}

/* In the middle of the training. FALSE: it has come to an end, and an error was posted. */
static gboolean
save_and_keep (GstSupconTrainerWorker * self)
{
  GError *error = NULL;

  if (!save (self, &error)) {
    if (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC)) {
      gst_supcon_trainer_report_end_line (self->report);
      gst_supcon_post_error (self->element, error);
      return FALSE;
    }
    gst_supcon_trainer_report_not_written (self->report, error);
  } else if (self->job.checkpoint_keep
      && !supcon_checkpoint_keep (self->job.location,
          supcon_trainer_step_count (self->trainer), self->job.checkpoint_keep, &error)) {
    gst_supcon_trainer_report_not_kept (self->report, error);
  }
  return TRUE;
}

/* One step on 'training', and all that is to be said about it. */
static gboolean
train (GstSupconTrainerWorker * self)
{
  SupconTrainStats stats = { 0 };
  GError *error = NULL;
  const gchar *label;
  guint64 dropped;

  gst_supcon_trainer_report_begin (self->report);
  if (supcon_trainer_has_classes (&self->job.config)
      && self->n_labels > supcon_model_n_classes (self->model))
    supcon_model_set_n_classes (self->model, self->n_labels);
  self->training->n_classes = self->n_labels;

  if (!supcon_trainer_step (self->trainer, self->training, &stats, &error)) {
    gst_supcon_trainer_report_end_line (self->report);
    gst_supcon_post_error (self->element, error);
    return FALSE;
  }

  g_mutex_lock (&self->lock);
  self->step = stats.step;
  self->loss = stats.loss;
  dropped = self->dropped;
  label = only_label (self);
  g_mutex_unlock (&self->lock);

  gst_supcon_trainer_report_step (self->report, &stats, self->training, label,
      dropped);
  if (stats.step % self->job.update_interval == 0)
    share (self);

  self->unsaved = TRUE;
  /* First, since a checkpoint says how good it is. */
  if (self->job.validation && self->job.validate_interval
      && stats.step % self->job.validate_interval == 0
      && validate (self, FALSE) == GST_FLOW_ERROR)
    return FALSE;
  if (self->job.checkpoint_interval
      && stats.step % self->job.checkpoint_interval == 0)
    return save_and_keep (self);
  return TRUE;
}

/* Whether it gets no better. */
static gboolean
is_enough (const GstSupconTrainerWorker * self)
{
  return self->job.patience && self->worse >= self->job.patience;
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
    if (is_enough (self)) {
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
    const GstSupconTrainerJob * job, GstSupconTrainerStart * start,
    GError ** error)
{
  const SupconModelConfig *config = supcon_model_config (start->model);
  SupconLabels *labels = g_steal_pointer (&start->labels);
  GThread *thread;

  self->job = *job;
  self->model = g_steal_pointer (&start->model);
  self->trainer = supcon_trainer_new (self->model, &job->config,
      start->first_step);
  supcon_trainer_restore (self->trainer, start->past, start->logits);
  g_clear_pointer (&start->past, supcon_queue_free);
  g_clear_pointer (&start->logits, supcon_queue_free);
  self->training = supcon_batch_new (job->batch_size, config->input_width,
      config->input_height);
  self->n_labels = supcon_labels_count (labels);
  self->shared = job->share_name ?
      gst_supcon_shared_model_ref (job->share_name) : NULL;
  self->shared_step = self->validated_step = start->first_step;
  self->best = start->best_accuracy;
  self->worse = start->worse;
  self->unsaved = FALSE;
  self->report = gst_supcon_trainer_report_new (self->element, &self->job,
      start->first_step);

  g_mutex_lock (&self->lock);
  self->filling = supcon_batch_new (job->batch_size, config->input_width,
      config->input_height);
  self->full = self->busy = self->stopping = self->failed = FALSE;
  self->enough = is_enough (self);
  self->labels = labels;
  self->first_step = self->step = self->handed = start->first_step;
  self->received = self->dropped = self->unlabelled = 0;
  self->filling_frames = self->trained_frames = job->skip_frames;
  self->loss = 0;
  g_mutex_unlock (&self->lock);

  /* A disk without room is told now, not when all is trained. */
  thread = supcon_checkpoint_check_room (self->job.location, self->model, error)
      && gst_supcon_trainer_report_open_metrics (self->report, error)
      ? g_thread_try_new ("supcontrainer", worker_main, self, error) : NULL;
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
  gst_supcon_trainer_report_end_line (self->report);
  /* After a failure the last checkpoint is better than these weights. */
  if (!self->failed && self->unsaved && !save (self, &error))
    gst_supcon_post_error (self->element, error);

  g_clear_pointer (&self->report, gst_supcon_trainer_report_free);
  g_clear_pointer (&self->shared, gst_supcon_shared_model_unref);
  g_clear_pointer (&self->trainer, supcon_trainer_free);
  g_clear_pointer (&self->model, supcon_model_free);
  g_clear_pointer (&self->labels, supcon_labels_free);
  g_clear_pointer (&self->training, supcon_batch_free);
  g_clear_pointer (&self->filling, supcon_batch_free);
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

GstFlowReturn
gst_supcon_trainer_worker_push (GstSupconTrainerWorker * self,
    const guint8 * pixels, gsize stride, guint channels, const gchar * label,
    guint64 sample)
{
  GstFlowReturn ret;
  gdouble value = 0;

  if (label && self->job.config.stage == SUPCON_STAGE_REGRESSION) {
    if (!gst_supcon_trainer_parse_value (label, &value)) {
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
  gst_supcon_trainer_report_end_line (self->report);
  share (self);
  if (self->job.validation && self->step > self->validated_step)
    ret = validate (self, TRUE);
  if (ret != GST_FLOW_OK)
    return ret;
  if (self->unsaved && !save (self, &error)) {
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
