/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainersession.h"

#include "error.h"
#include "gstsupconmeta.h"
#include "gstsupconmodel.h"
#include "gstsupcontrainerreport.h"

struct _GstSupconTrainerSession
{
  GstElement *element;
  const GstSupconTrainerJob *job;
  SupconModel *model;
  SupconTrainer *trainer;
  SupconTeacher *teacher;       /* the trainer's, or NULL */
  SupconLabels *labels;         /* of the batches so far: what leaves depends on what was trained alone */
  GstSupconSharedModel *shared; /* NULL: nobody else has the model */
  guint64 shared_step;
  guint64 frames;               /* of the stream, used up */
  gboolean unsaved;             /* there is more than the last checkpoint holds */
  gboolean told;                /* at the end, that it cannot be written */
  gboolean unvalidated;         /* likewise, than the last validation saw */
  gboolean validated;           /* at least once */
  gdouble best;                 /* accuracy of the best validation */
  guint worse;                  /* validations since then */
  GstSupconTrainerReport *report;
};

/* Two trainers that share one name would take turns in it. */
static gboolean
claim_name (GstSupconTrainerSession * self, const gchar * name, GError ** error)
{
  GstSupconSharedModel *shared = gst_supcon_shared_model_ref (name);

  if (gst_supcon_shared_model_claim (shared)) {
    self->shared = shared;
    return TRUE;
  }
  gst_supcon_shared_model_unref (shared);
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "model=%s is what another supcontrainer of this process shares; expected "
      "a name of its own", name);
  return FALSE;
}

/* Before it is written for the first time. */
static gboolean
keep_replaced (GstSupconTrainerSession * self, const gchar * location,
    const GstSupconTrainerReplaced * replaced, GError ** error)
{
  gchar *kept, *name;

  if (!replaced->found)
    return TRUE;
  if (!supcon_checkpoint_keep_replaced (location, replaced->step, &kept, error))
    return FALSE;
  name = g_path_get_basename (kept);
  gst_supcon_post_info (self->element, "%s is of another training, which stays "
      "beside it as %s%s.", location, name, replaced->resumable ?
      "; resume=true would go on with it" : "");
  g_free (name);
  g_free (kept);
  return TRUE;
}

GstSupconTrainerSession *
gst_supcon_trainer_session_new (GstElement * element,
    const GstSupconTrainerJob * job, GstSupconTrainerStart * start,
    GError ** error)
{
  GstSupconTrainerSession *self = g_new0 (GstSupconTrainerSession, 1);

  self->element = element;
  self->job = job;
  self->model = g_steal_pointer (&start->model);
  self->labels = g_steal_pointer (&start->labels);
  self->teacher = g_steal_pointer (&start->teacher);
  self->trainer = supcon_trainer_new (self->model, &job->config,
      start->first_step);
  supcon_trainer_restore (self->trainer, start->past, start->logits);
  g_clear_pointer (&start->past, supcon_queue_free);
  g_clear_pointer (&start->logits, supcon_queue_free);
  self->shared_step = start->first_step;
  self->frames = job->skip_frames;
  self->validated = start->validated;
  self->best = start->best_accuracy;
  self->worse = start->worse;
  self->report = gst_supcon_trainer_report_new (element, job,
      start->first_step);
  /* A disk without room is told now, not when all is trained. */
  if ((!job->share_name || claim_name (self, job->share_name, error))
      && supcon_checkpoint_check_room (job->location, self->model, error)
      && keep_replaced (self, job->location, &start->replaced, error)
      && keep_replaced (self, job->best_location, &start->replaced_best, error)
      && gst_supcon_trainer_report_open_metrics (self->report, start->metrics,
          error))
    return self;
  gst_supcon_trainer_session_free (self);
  return NULL;
}

void
gst_supcon_trainer_session_free (GstSupconTrainerSession * self)
{
  gst_supcon_trainer_report_free (self->report);
  if (self->shared) {
    gst_supcon_shared_model_give_up (self->shared);
    gst_supcon_shared_model_unref (self->shared);
  }
  supcon_trainer_free (self->trainer);
  g_clear_pointer (&self->teacher, supcon_teacher_free);
  supcon_model_free (self->model);
  supcon_labels_free (self->labels);
  g_free (self);
}

void
gst_supcon_trainer_session_add_labels (GstSupconTrainerSession * self,
    const SupconLabels * labels)
{
  /* At every batch, while upstream waits, and mostly there are none. */
  if (supcon_labels_count (self->labels) < supcon_labels_count (labels))
    supcon_labels_add_all (self->labels, labels);
}

/* Gives others what is trained so far. */
static void
share (GstSupconTrainerSession * self)
{
  guint64 step = supcon_trainer_step_count (self->trainer);

  if (!self->shared || self->shared_step == step)
    return;
  gst_supcon_shared_model_publish (self->shared, self->model, self->labels,
      supcon_trainer_calibrate (self->trainer, TRUE),
      self->job->config.stage == SUPCON_STAGE_REGRESSION);
  self->shared_step = step;
}

static gboolean
write_checkpoint (GstSupconTrainerSession * self, const gchar * location,
    GError ** error)
{
  SupconCheckpointInfo info = {.labels = self->labels,
    .step = supcon_trainer_step_count (self->trainer),
    .queue = (SupconQueue *) supcon_trainer_queue (self->trainer),
    .logits = (SupconQueue *) supcon_trainer_logits (self->trainer),
    .frames = self->frames,
    .batch_size = self->job->batch_size,
    .validated = self->validated,
    .best_accuracy = self->best,
    .worse = self->worse,
    .temperature = supcon_trainer_calibrate (self->trainer, FALSE)
  };
  gboolean saved;

  g_strlcpy (info.stage, supcon_stage_name (self->job->config.stage),
      sizeof info.stage);
  g_strlcpy (info.optimizer,
      supcon_optimizer_name (self->job->config.optimizer.kind),
      sizeof info.optimizer);
  saved = supcon_checkpoint_save (location, self->model, &info, error);
  if (saved)
    gst_supcon_trainer_report_checkpoint (self->report, location, info.step);
  return saved;
}

static gboolean
save (GstSupconTrainerSession * self, GError ** error)
{
  if (!write_checkpoint (self, self->job->location, error))
    return FALSE;
  self->unsaved = FALSE;
  return TRUE;
}

/* The label of all of batch, NULL when it has several or none. */
static const gchar *
only_label (const GstSupconTrainerSession * self, const SupconBatch * batch)
{
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
validate (GstSupconTrainerSession * self, gboolean at_end)
{
  const SupconLabels *labels =
      self->job->config.stage == SUPCON_STAGE_CONTRASTIVE ? NULL : self->labels;
  SupconValidation validation;
  SupconQueue *logits = NULL;
  GError *error = NULL;
  GstFlowReturn ret = gst_supcon_validation_run (self->job->validation, at_end,
      self->model, labels, &validation, &logits, &error);
  gboolean best, had_best = self->validated;
  gdouble best_before = self->best;

  if (logits)
    supcon_trainer_hold_out (self->trainer, logits);
  if (ret == GST_FLOW_ERROR)
    gst_supcon_post_error (self->element, error);
  if (ret == GST_FLOW_ERROR || ret == GST_FLOW_FLUSHING)
    return ret;
  if (ret == GST_SUPCON_VALIDATION_SO_FAR)
    gst_supcon_trainer_report_unfinished_validation (self->report,
        supcon_trainer_step_count (self->trainer), validation.n);
  if (validation.n == 0)
    return GST_FLOW_OK;
  self->unvalidated = FALSE;
  best = !self->validated || validation.accuracy > self->best;
  self->validated = TRUE;
  self->worse = best ? 0 : self->worse + 1;
  self->best = MAX (self->best, validation.accuracy);
  self->unsaved = TRUE;
  gst_supcon_trainer_report_validation (self->report,
      supcon_trainer_step_count (self->trainer), &validation, best);
  if (best && self->job->best_location
      && !write_checkpoint (self, self->job->best_location, &error)) {
    gst_supcon_trainer_report_not_written (self->report, error,
        "validation that is better than what is there");
    /* What is there is of the best before; and the end, when no step comes before it, tries once more. */
    self->validated = had_best;
    self->best = best_before;
    self->unvalidated = TRUE;
  }
  return GST_FLOW_OK;
}

/* In the middle of the training. FALSE: it has come to an end, and an error was posted. */
static gboolean
save_and_keep (GstSupconTrainerSession * self)
{
  GError *error = NULL;

  if (!save (self, &error)) {
    if (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_NUMERIC)) {
      gst_supcon_trainer_report_end_line (self->report);
      gst_supcon_post_error (self->element, error);
      return FALSE;
    }
    gst_supcon_trainer_report_not_written (self->report, error,
        "checkpoint");
  } else if (self->job->checkpoint_keep
      && !supcon_checkpoint_keep (self->job->location,
          supcon_trainer_step_count (self->trainer),
          self->job->checkpoint_keep, &error)) {
    gst_supcon_trainer_report_not_kept (self->report, error);
  }
  return TRUE;
}

gboolean
gst_supcon_trainer_session_train (GstSupconTrainerSession * self,
    SupconBatch * batch, guint64 frames, SupconTrainStats * stats)
{
  guint n_labels = supcon_labels_count (self->labels);
  GError *error = NULL;

  gst_supcon_trainer_report_begin (self->report);
  if (supcon_trainer_has_classes (&self->job->config)
      && n_labels > supcon_model_n_classes (self->model))
    supcon_model_set_n_classes (self->model, n_labels);
  batch->n_classes = n_labels;
  self->frames = frames;
  if (!supcon_trainer_step (self->trainer, batch, stats, &error)) {
    gst_supcon_trainer_report_end_line (self->report);
    gst_supcon_post_error (self->element, error);
    return FALSE;
  }
  self->unsaved = self->unvalidated = TRUE;
  return TRUE;
}

gboolean
gst_supcon_trainer_session_follow_up (GstSupconTrainerSession * self,
    const SupconBatch * batch, const SupconTrainStats * stats, guint64 dropped)
{
  gst_supcon_trainer_report_step (self->report, stats, batch,
      only_label (self, batch), dropped);
  if (stats->step % self->job->update_interval == 0)
    share (self);
  /* First, since a checkpoint says how good it is. */
  if (self->job->validation && self->job->validate_interval
      && stats->step % self->job->validate_interval == 0
      && validate (self, FALSE) == GST_FLOW_ERROR)
    return FALSE;
  if (self->job->checkpoint_interval
      && stats->step % self->job->checkpoint_interval == 0)
    return save_and_keep (self);
  return TRUE;
}

gboolean
gst_supcon_trainer_session_is_enough (const GstSupconTrainerSession * self)
{
  return self->job->patience && self->worse >= self->job->patience;
}

GstFlowReturn
gst_supcon_trainer_session_finish (GstSupconTrainerSession * self)
{
  GstFlowReturn ret = GST_FLOW_OK;
  GError *error = NULL;

  gst_supcon_trainer_report_finish (self->report);
  share (self);
  if (self->job->validation && self->unvalidated)
    ret = validate (self, TRUE);
  if (ret == GST_FLOW_OK && self->unsaved && !save (self, &error)) {
    self->told = TRUE;
    gst_supcon_post_error (self->element, error);
    ret = GST_FLOW_ERROR;
  }
  return ret;
}

void
gst_supcon_trainer_session_save (GstSupconTrainerSession * self)
{
  GError *error = NULL;

  gst_supcon_trainer_report_end_line (self->report);
  if (!self->unsaved || save (self, &error))
    return;
  if (self->told)
    g_error_free (error);
  else
    gst_supcon_post_error (self->element, error);
}
