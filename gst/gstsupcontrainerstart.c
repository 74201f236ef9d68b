/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainerstart.h"

#include <stdlib.h>

#include "error.h"
#include "file.h"
#include "gstsupconenums.h"
#include "gstsupconmodel.h"

void
gst_supcon_trainer_start_clear (GstSupconTrainerStart * self)
{
  g_clear_pointer (&self->lock, supcon_checkpoint_lock_free);
  g_clear_pointer (&self->best_lock, supcon_checkpoint_lock_free);
  g_clear_pointer (&self->metrics, gst_supcon_text_file_free);
  g_clear_pointer (&self->model, supcon_model_free);
  g_clear_pointer (&self->labels, supcon_labels_free);
  g_clear_pointer (&self->teacher, supcon_teacher_free);
  g_clear_pointer (&self->past, supcon_queue_free);
  g_clear_pointer (&self->logits, supcon_queue_free);
  *self = (GstSupconTrainerStart) { 0 };
}

/* What the user asked for must be what the file holds. */
static gboolean
check_architecture (const GstSupconTrainerSettings * settings,
    const gchar * location, const SupconModelConfig * found, GError ** error)
{
  const SupconModelConfig *wanted = &settings->model;

  if (settings->encoder_set && !g_str_equal (wanted->encoder, found->encoder))
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds encoder %s, but encoder=%s is asked for", location,
        found->encoder, wanted->encoder);
  else if (settings->stem_set && wanted->stem != found->stem)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds an encoder with stem %s, but stem=%s is asked for", location,
        gst_supcon_enum_nick (GST_TYPE_SUPCON_STEM, found->stem),
        gst_supcon_enum_nick (GST_TYPE_SUPCON_STEM, wanted->stem));
  else if (settings->width_set && wanted->width != found->width)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds an encoder of width %g, but width=%g is asked for", location,
        found->width, wanted->width);
  else if (settings->projection_set && wanted->projection != found->projection)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds the projection head %s, but projection=%s is asked for",
        location, gst_supcon_enum_nick (GST_TYPE_SUPCON_PROJECTION,
            found->projection),
        gst_supcon_enum_nick (GST_TYPE_SUPCON_PROJECTION, wanted->projection));
  else if (settings->projection_dim_set
      && found->projection != SUPCON_PROJECTION_NONE
      && wanted->projection_dim != found->projection_dim)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds a projection head of %u numbers, but projection-dim=%u is "
        "asked for", location, found->projection_dim, wanted->projection_dim);
  else if (settings->projection_hidden_set
      && found->projection == SUPCON_PROJECTION_MLP
      && wanted->projection_hidden != found->projection_hidden)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s holds a projection head of %u hidden units (0: as many as the "
        "embedding has numbers), but projection-hidden=%u is asked for",
        location, found->projection_hidden, wanted->projection_hidden);
  else
    return TRUE;
  return FALSE;
}

/* One output in place of classes. */
static void
make_regressor (SupconModel * model, SupconLabels ** labels)
{
  supcon_model_set_n_classes (model, 0);
  supcon_model_set_n_classes (model, 1);
  supcon_labels_free (*labels);
  *labels = supcon_labels_new ();
  supcon_labels_add (*labels, GST_SUPCON_TRAINER_VALUE);
}

/* Whether training can go on where the checkpoint's ended. */
static gboolean
check_resumable (const GstSupconTrainerSettings * settings,
    const gchar * location, const SupconCheckpointInfo * found, GError ** error)
{
  const gchar *stage = supcon_stage_name (settings->job.config.stage);
  const gchar *optimizer =
      supcon_optimizer_name (settings->job.config.optimizer.kind);

  if (!g_str_equal (found->stage, stage))
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s was written by stage %s, which resume=true cannot go on with in "
        "stage %s; use init-location to start from it", location,
        *found->stage ? found->stage : "(none)", stage);
  else if (*found->optimizer && !g_str_equal (found->optimizer, optimizer))
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "%s was written by optimizer=%s, which resume=true cannot go on with "
        "by optimizer=%s; use init-location to start from it", location,
        found->optimizer, optimizer);
  else
    return TRUE;
  return FALSE;
}

static gboolean
load_model (GstSupconTrainerStart * self,
    const GstSupconTrainerSettings * settings, const gchar * location,
    gboolean resume, GError ** error)
{
  SupconStage stage = settings->job.config.stage;
  SupconModelConfig fallback = settings->model;
  SupconCheckpointInfo info = { 0 };
  gboolean good;

  fallback.input_width = fallback.input_height =
      fallback.stem == SUPCON_STEM_IMAGENET ? 224 : 32;
  self->model = supcon_checkpoint_load (location, &fallback, &info, error);
  if (!self->model)
    return FALSE;
  /* The second stage begins, not goes on, with the file that the first one wrote. */
  if (supcon_stage_needs_encoder (stage)
      && !g_str_equal (info.stage, supcon_stage_name (stage)))
    resume = FALSE;
  good = check_architecture (settings, location,
      supcon_model_config (self->model), error)
      && (!resume || check_resumable (settings, location, &info, error));
  self->resumed = good && resume;
  self->only_added = (stage == SUPCON_STAGE_LINEAR
      || stage == SUPCON_STAGE_REGRESSION) && g_str_equal (info.stage,
      supcon_stage_name (SUPCON_STAGE_CONTRASTIVE))
      && supcon_model_n_classes (self->model) == 0;
  if (self->resumed) {
    self->first_step = info.step;
    self->first_frame = info.frames;
    self->batch_size = info.batch_size;
    self->past = g_steal_pointer (&info.queue);
    self->logits = g_steal_pointer (&info.logits);
    self->validated = info.validated;
    self->best_accuracy = info.best_accuracy;
    self->worse = info.worse;
    supcon_model_swap_average (self->model);
  } else if (good) {
    supcon_model_forget_state (self->model);
    if (stage == SUPCON_STAGE_REGRESSION)
      make_regressor (self->model, &info.labels);
  }
  self->labels = g_steal_pointer (&info.labels);
  supcon_checkpoint_info_clear (&info);
  return good;
}

/* It sees the frames that the model sees. */
static gboolean
check_teacher_size (const SupconModel * teacher, const SupconModel * model,
    const gchar * location, GError ** error)
{
  const SupconModelConfig *its = supcon_model_config (teacher), *ours;

  if (!model)
    return TRUE;
  ours = supcon_model_config (model);
  if (its->input_width == ours->input_width
      && its->input_height == ours->input_height)
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "teacher-location: %s takes frames of %ux%u pixels; expected %ux%u, as "
      "the model that is trained", location, its->input_width,
      its->input_height, ours->input_width, ours->input_height);
  return FALSE;
}

/* Whether writing location replaces file: not where that is another link to what is there now, as kept checkpoints are. */
static gboolean
is_written (const gchar * file, const gchar * location)
{
  gchar *a, *b;
  gboolean same;

  if (!supcon_checkpoint_is_same_file (file, location))
    return FALSE;
  a = realpath (file, NULL);
  b = realpath (location, NULL);
  same = !a || !b || g_str_equal (a, b);
  free (a);
  free (b);
  return same;
}

/* What is written would be another teacher when training is gone on with. */
static gboolean
check_teacher_location (const GstSupconTrainerSettings * settings,
    GError ** error)
{
  const gchar *location = settings->teacher_location;
  gboolean is_best = is_written (location, settings->job.best_location);

  if (!is_best && !is_written (location, settings->location))
    return TRUE;
  g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
      "teacher-location is %s, which %s names too; expected another file than "
      "one that is written", location, is_best ? "best-location" : "location");
  return FALSE;
}

static gboolean
load_teacher (GstSupconTrainerStart * self,
    const GstSupconTrainerSettings * settings, GError ** error)
{
  const gchar *location = settings->teacher_location;
  GstSupconModelSource *source =
      gst_supcon_model_source_new (NULL, location, FALSE, NULL);
  GstSupconSnapshot *snapshot = gst_supcon_model_source_take (source, error);
  gboolean good = snapshot
      && gst_supcon_snapshot_check_classifier (snapshot, location, error)
      && check_teacher_size (snapshot->model, self->model, location, error);

  gst_supcon_model_source_free (source);
  if (good) {
    SupconModel *model = supcon_model_copy (snapshot->model);
    guint n = supcon_model_n_classes (model), *classes = g_new (guint, n);

    supcon_model_set_threads (model, settings->threads);
    supcon_model_set_precision (model, settings->precision);
    for (guint i = 0; i < n; i++)
      classes[i] = supcon_labels_add (self->labels,
          supcon_labels_name (snapshot->labels, i));
    self->teacher = supcon_teacher_new (model, snapshot->temperature, classes);
    g_free (classes);
  }
  g_clear_pointer (&snapshot, gst_supcon_snapshot_unref);
  return good;
}

/* The file that training begins with; NULL: none. FALSE: what is at location cannot be told, and a training to go on with
 * may be. */
static gboolean
find_first_model (const GstSupconTrainerSettings * settings,
    const gchar ** location, GError ** error)
{
  gboolean needed = supcon_stage_needs_encoder (settings->job.config.stage);
  GStatBuf status;

  if (!supcon_file_stat (settings->location, &status, error))
    return FALSE;
  *location = status.st_mode
      && (settings->resume || (needed && !settings->init_location))
      ? settings->location : settings->init_location;
  return TRUE;
}

/* FALSE: what is there is no model that anybody meant to give up. is_model: it was read as one, maybe another program's. */
static gboolean
find_replaced (const gchar * location, gboolean is_model,
    GstSupconTrainerReplaced * replaced, GError ** error)
{
  GError *cause = NULL;

  if (!supcon_checkpoint_check_replaced (location, &replaced->step, &cause)
      && !is_model) {
    g_propagate_error (error, cause);
    return FALSE;
  }
  g_clear_error (&cause);
  replaced->found = is_model || replaced->step > 0;
  return TRUE;
}

/* Whether training would go on with the file at location, were it asked to. */
static gboolean
is_resumable (const GstSupconTrainerSettings * settings)
{
  GstSupconTrainerStart other = { 0 };
  gboolean resumable = load_model (&other, settings, settings->location, TRUE,
      NULL) && other.resumed;

  gst_supcon_trainer_start_clear (&other);
  return resumable;
}

/* A training that begins anew takes no other one's work with it, though that was written to the same name. */
static gboolean
find_all_replaced (GstSupconTrainerStart * self,
    const GstSupconTrainerSettings * settings, const gchar * first,
    GError ** error)
{
  const gchar *best = settings->job.best_location;
  gboolean is_model =
      supcon_checkpoint_is_same_file (first, settings->location);

  if (best && !find_replaced (best, FALSE, &self->replaced_best, error))
    return FALSE;
  /* It is this training's own. */
  if (self->resumed && self->validated)
    self->replaced_best.found = FALSE;
  if (self->resumed || (is_model && self->only_added))
    return TRUE;
  if (!find_replaced (settings->location, is_model, &self->replaced, error))
    return FALSE;
  self->replaced.resumable = self->replaced.found && is_resumable (settings);
  return TRUE;
}

/* Metrics would be gone with the next checkpoint. */
static gboolean
claim_metrics (GstSupconTrainerStart * self,
    const GstSupconTrainerSettings * settings, GError ** error)
{
  const gchar *metrics = settings->job.metrics_location;

  if (!metrics)
    return TRUE;
  if (supcon_checkpoint_is_same_file (metrics, settings->location)
      || supcon_checkpoint_is_same_file (metrics,
          settings->job.best_location)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "metrics-location is %s, which location or best-location names too; "
        "expected a file of its own", metrics);
    return FALSE;
  }
  self->metrics = gst_supcon_text_file_new ("metrics-location", metrics,
      GST_SUPCON_TEXT_JSON, error);
  return self->metrics != NULL;
}

static gboolean
load_first_model (GstSupconTrainerStart * self,
    const GstSupconTrainerSettings * settings, const gchar * location,
    GError ** error)
{
  SupconStage stage = settings->job.config.stage;

  if (location)
    return load_model (self, settings, location,
        settings->resume && location == settings->location, error);
  if (supcon_stage_needs_encoder (stage)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "stage=%s needs a trained encoder, but init-location is not set "
        "and %s does not exist; train with stage=contrastive first",
        supcon_stage_name (stage), settings->location);
    return FALSE;
  }
  return TRUE;
}

gboolean
gst_supcon_trainer_start_load (GstSupconTrainerStart * self,
    const GstSupconTrainerSettings * settings, GError ** error)
{
  const gchar *first;

  *self = (GstSupconTrainerStart) { 0 };
  if (!settings->location) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS,
        "The property location is not set; expected where to write what is "
        "learnt");
    return FALSE;
  }
  self->lock = supcon_checkpoint_claim (settings->location, error);
  if (!self->lock)
    return FALSE;
  if (settings->job.best_location) {
    self->best_lock =
        supcon_checkpoint_claim (settings->job.best_location, error);
    if (!self->best_lock)
      return FALSE;
  }
  if (!claim_metrics (self, settings, error)
      || !find_first_model (settings, &first, error)
      || !load_first_model (self, settings, first, error)
      || !find_all_replaced (self, settings, first, error))
    return FALSE;
  if (!self->labels)
    self->labels = supcon_labels_new ();
  return !settings->teacher_location
      || (check_teacher_location (settings, error)
      && load_teacher (self, settings, error));
}
