/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainerworker.h"

#include "error.h"
#include "gstsupconmeta.h"
#include "gstsupcontrainerplan.h"
#include "gstsupcontrainersession.h"

struct _GstSupconTrainerWorker
{
  GstElement *element;
  GstSupconTrainerJob job;
  GThread *thread;

  /* The thread's own while it has a batch in work, the caller's otherwise. */
  GstSupconTrainerSession *session;     /* NULL: stopped */
  SupconBatch *training;
  guint64 trained_frames;       /* received when 'training' was full */

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

/* One step on 'training', and what is due after it. */
static gboolean
train (GstSupconTrainerWorker * self)
{
  SupconTrainStats stats;
  guint64 dropped;

  if (!gst_supcon_trainer_session_train (self->session, self->training,
          self->trained_frames, &stats))
    return FALSE;
  g_mutex_lock (&self->lock);
  self->step = stats.step;
  self->loss = stats.loss;
  dropped = self->dropped;
  g_mutex_unlock (&self->lock);
  return gst_supcon_trainer_session_follow_up (self->session, self->training,
      &stats, dropped);
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
    gst_supcon_trainer_session_add_labels (self->session, self->labels);
    self->trained_frames = self->filling_frames;
    self->full = FALSE;
    self->busy = TRUE;
    g_cond_broadcast (&self->cond);

    g_mutex_unlock (&self->lock);
    trained = train (self);
    g_mutex_lock (&self->lock);

    self->busy = FALSE;
    self->failed = !trained;
    if (gst_supcon_trainer_session_is_enough (self->session)) {
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
  guint width = config->input_width, height = config->input_height;

  /* First, since the line that the session begins a file of metrics with tells of properties. */
  g_mutex_lock (&self->lock);
  self->first_step = self->step = self->handed = start->first_step;
  self->received = self->dropped = self->unlabelled = 0;
  self->loss = 0;
  g_mutex_unlock (&self->lock);

  self->job = *job;
  self->labels = supcon_labels_new ();
  supcon_labels_add_all (self->labels, start->labels);
  self->session = gst_supcon_trainer_session_new (self->element, &self->job,
      start, error);
  if (!self->session) {
    g_clear_pointer (&self->labels, supcon_labels_free);
    return FALSE;
  }
  self->training = supcon_batch_new (job->batch_size, width, height);
  self->trained_frames = job->skip_frames;

  g_mutex_lock (&self->lock);
  self->filling = supcon_batch_new (job->batch_size, width, height);
  self->full = self->busy = self->stopping = self->failed = FALSE;
  self->enough = gst_supcon_trainer_session_is_enough (self->session);
  self->filling_frames = job->skip_frames;
  g_mutex_unlock (&self->lock);

  self->thread = g_thread_try_new ("supcontrainer", worker_main, self, error);
  if (!self->thread)
    gst_supcon_trainer_worker_stop (self);
  return self->thread != NULL;
}

gboolean
gst_supcon_trainer_worker_is_running (GstSupconTrainerWorker * self)
{
  return self->thread != NULL;
}

void
gst_supcon_trainer_worker_stop (GstSupconTrainerWorker * self)
{
  if (!self->session)
    return;
  if (self->thread) {
    g_mutex_lock (&self->lock);
    self->stopping = TRUE;
    g_cond_broadcast (&self->cond);
    g_mutex_unlock (&self->lock);
    g_thread_join (self->thread);
    self->thread = NULL;
  }
  /* After a failure the last checkpoint is better than these weights. */
  if (!self->failed)
    gst_supcon_trainer_session_save (self->session);
  g_clear_pointer (&self->session, gst_supcon_trainer_session_free);
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
  /* What it waited for may have been the last step. */
  if (self->enough)
    return GST_FLOW_EOS;
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

/* Called with the lock held. */
static gboolean
is_over (const GstSupconTrainerWorker * self)
{
  return self->enough
      || (self->job.last_step && self->handed >= self->job.last_step);
}

static GstFlowReturn
push_locked (GstSupconTrainerWorker * self, const guint8 * pixels,
    gsize stride, guint channels, const gchar * label, gdouble value,
    guint64 sample)
{
  SupconBatch *batch;
  GstFlowReturn ret;

  if (is_over (self))
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
  /* A frame that teaches nothing takes no place in the batch. */
  if (!label && !supcon_trainer_learns_unlabelled (&self->job.config)) {
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
  return is_over (self) ? GST_FLOW_EOS : GST_FLOW_OK;
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
    gst_supcon_post_info (self->element, "Dropped %" G_GUINT64_FORMAT " of %"
        G_GUINT64_FORMAT " frames since they came faster than they could be "
        "trained on.", self->dropped, self->received);
  if (self->step > self->first_step)
    return TRUE;
  if (self->enough) {
    gst_supcon_post_info (self->element, "The training of %s had got no better "
        "for patience=%u validations, which ended it at step %"
        G_GUINT64_FORMAT ": nothing is left to do.", self->job.location,
        self->job.patience, self->first_step);
    return TRUE;
  }
  if (self->job.last_step && self->first_step >= self->job.last_step) {
    gst_supcon_post_info (self->element, "%s was trained for %" G_GUINT64_FORMAT
        " steps already, total-steps is %" G_GUINT64_FORMAT ": nothing is left "
        "to do.", self->job.location, self->first_step, self->job.last_step);
    return TRUE;
  }
  if (self->job.skip_frames && labelled + self->unlabelled < self->job.batch_size) {
    gst_supcon_post_info (self->element, "%s was trained for the whole of this "
        "stream already, %" G_GUINT64_FORMAT " steps: nothing is left to do.",
        self->job.location, self->first_step);
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
  GST_ELEMENT_WARNING (self->element, STREAM, FAILED,
      ("The stream ended after %" G_GUINT64_FORMAT " frames, fewer than the %u "
          "that make a batch: nothing was trained and nothing is written. Use a "
          "smaller batch-size, or drop-last=false.", labelled,
          self->job.batch_size), (NULL));
  return TRUE;
}

GstFlowReturn
gst_supcon_trainer_worker_finish (GstSupconTrainerWorker * self)
{
  GstFlowReturn ret = GST_FLOW_OK;

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
  ret = gst_supcon_trainer_session_finish (self->session);
  if (ret != GST_FLOW_OK)
    return ret;
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
