/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupcontrainerreport.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "file.h"
#include "gstsupconjson.h"
#include "gstsupconmeta.h"

/* How often a progress line is printed where it cannot be redrawn. */
#define PROGRESS_INTERVAL (5 * G_USEC_PER_SEC)

/* How often a warning tells that checkpoints still cannot be written. */
#define REMINDER_INTERVAL (60 * G_USEC_PER_SEC)

/* Of a whole training: fewer are a mistake rather than a choice. */
#define FEW_STEPS 10

/* What is said once. */
typedef enum
{
  WARNED_NO_POSITIVES = 1 << 0,
  WARNED_COLLAPSED = 1 << 1,
  WARNED_ONE_CLASS = 1 << 2,
  WARNED_METRICS = 1 << 3,
  WARNED_KEEP = 1 << 4,
  WARNED_UNFINISHED = 1 << 5,
  WARNED_NO_LABELS = 1 << 6,
  WARNED_UNKNOWN_LABELS = 1 << 7,
  WARNED_WORSE_THAN_GUESSING = 1 << 8,
  WARNED_FEW_STEPS = 1 << 9
} Warned;

struct _GstSupconTrainerReport
{
  GstElement *element;
  const GstSupconTrainerJob *job;
  guint64 first_step;
  gint metrics;                 /* file descriptor; -1: none */
  gboolean lacks_labels;        /* it could learn from labels, and has not seen one */
  Warned warned;
  guint64 examples;
  gint64 started, reported, printed;    /* monotonic time; 0: not yet */
  gint64 not_written;           /* when a warning told of the checkpoint that could not be written; 0: one was since */
  guint64 reported_examples;
};

GstSupconTrainerReport *
gst_supcon_trainer_report_new (GstElement * element,
    const GstSupconTrainerJob * job, guint64 first_step)
{
  GstSupconTrainerReport *self = g_new0 (GstSupconTrainerReport, 1);

  self->element = element;
  self->job = job;
  self->first_step = first_step;
  self->metrics = -1;
  return self;
}

void
gst_supcon_trainer_report_free (GstSupconTrainerReport * self)
{
  if (!self)
    return;
  if (self->metrics >= 0)
    close (self->metrics);
  g_free (self);
}

static void
post (GstSupconTrainerReport * self, GstStructure * structure)
{
  gst_element_post_message (self->element,
      gst_message_new_element (GST_OBJECT (self->element), structure));
}

/* Warnings */

static void
warn_once (GstSupconTrainerReport * self, Warned what, const gchar * format,
    ...)
    G_GNUC_PRINTF (3, 4);

static void
warn_once (GstSupconTrainerReport * self, Warned what, const gchar * format,
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

static void
warn_of_no_labels (GstSupconTrainerReport * self)
{
  warn_once (self, WARNED_NO_LABELS,
      "No frame so far has a label: views learn from the other views of "
      "their own frame alone, as with loss=simclr. Use supcondatasetsrc on a "
      "labelled data set, or supconlabel.");
}

static void
warn_about (GstSupconTrainerReport * self, const SupconTrainStats * stats,
    const SupconBatch * batch, const gchar * only_label)
{
  const SupconTrainerConfig *config = &self->job->config;
  gboolean contrastive = config->stage == SUPCON_STAGE_CONTRASTIVE;

  self->lacks_labels = contrastive && config->loss.kind != SUPCON_LOSS_SELF
      && !config->teacher && batch->n_classes == 0;
  /* Where few have one, the first batches may have none. */
  if (self->lacks_labels && stats->step == self->first_step + 20)
    warn_of_no_labels (self);
  if (contrastive && stats->anchors == 0) {
    warn_once (self, WARNED_NO_POSITIVES,
        "None of the %u views of step %" G_GUINT64_FORMAT " has a positive, "
        "that is another view of its %s, so the step taught nothing. Let "
        "supcondatasetsrc draw batches with sampler=class-balanced, or "
        "supconaugment make views=2 of every frame.", batch->n, stats->step,
        config->loss.kind == SUPCON_LOSS_SELF ? "sample" : "label");
  }
  if (config->stage != SUPCON_STAGE_REGRESSION && !config->teacher
      && (!contrastive || config->loss.kind != SUPCON_LOSS_SELF)
      && only_label) {
    warn_once (self, WARNED_ONE_CLASS,
        "All %u views of step %" G_GUINT64_FORMAT " have the label \"%s\": "
        "there is nothing to tell apart. Give frames of other labels too, in "
        "shuffled order.", batch->n, stats->step, only_label);
  }
  if (self->job->last_step == 0 && config->schedule.total_steps > 0
      && config->schedule.total_steps < FEW_STEPS) {
    warn_once (self, WARNED_FEW_STEPS,
        "Steps until the end of the stream: %" G_GUINT64_FORMAT
        " (batch-size is %u). So few teach next to nothing: set more epochs at "
        "the source, or a smaller batch-size.", config->schedule.total_steps,
        self->job->batch_size);
  }
  if (!contrastive && supcon_trainer_has_classes (config)
      && batch->n_classes > 1 && stats->step >= self->first_step + 20
      && stats->loss > 2 * log (batch->n_classes)) {
    warn_once (self, WARNED_WORSE_THAN_GUESSING,
        "At step %" G_GUINT64_FORMAT " the classifier's loss is %.4g, while "
        "guessing among %u classes has %.4g: the learning rate (%g) is too high "
        "for this encoder, as after a training of few steps. Lower "
        "learning-rate, or train the encoder for longer.", stats->step,
        stats->loss, batch->n_classes, log (batch->n_classes),
        stats->learning_rate);
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

void
gst_supcon_trainer_report_not_written (GstSupconTrainerReport * self,
    GError * error, const gchar * again)
{
  gint64 now = g_get_monotonic_time ();

  if (!self->not_written || now - self->not_written >= REMINDER_INTERVAL) {
    self->not_written = now;
    GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE, ("%s", error->message),
        ("Training goes on; the next %s tries again.", again));
  }
  g_error_free (error);
}

void
gst_supcon_trainer_report_not_kept (GstSupconTrainerReport * self,
    GError * error)
{
  warn_once (self, WARNED_KEEP, "%s", error->message);
  g_error_free (error);
}

void
gst_supcon_trainer_report_unfinished_validation (GstSupconTrainerReport * self,
    guint64 step, guint n)
{
  warn_once (self, WARNED_UNFINISHED, "The stream on the pad validation, live "
      "or held up by the training's, has not ended at step %" G_GUINT64_FORMAT
      ": the model is judged by the %u labelled frames that came so far, later "
      "on by more. Use a source of its own.", step, n);
}

/* Metrics */

/* All of a line or, where a disk is full, nothing of it. FALSE with errno. */
static gboolean
write_line (GstSupconTrainerReport * self, const GstStructure * line)
{
  gchar *json = gst_supcon_structure_to_json (line);
  gchar *text = g_strconcat (json, "\n", NULL);
  off_t end = lseek (self->metrics, 0, SEEK_END);
  gssize length = strlen (text), written = write (self->metrics, text, length);
  gint error = written < 0 ? errno : ENOSPC;

  if (written > 0 && written < length && ftruncate (self->metrics, end) != 0)
    error = errno;
  errno = error;
  g_free (text);
  g_free (json);
  return written == length;
}

/* Leaves the run's properties, the first line, and what was said until step. Behind it may be lines of steps that were
 * lost with a killed training, which come again, and half a line. */
static gboolean
cut_later_lines (const gchar * location, guint64 step, GError ** error)
{
  static const gchar key[] = "\"step\":";
  gchar *text, *line, *end;
  gboolean done = TRUE;
  gsize size;
  GStatBuf status;

  if (!supcon_file_stat (location, &status, error))
    return FALSE;
  if (!status.st_mode)
    return TRUE;
  if (!supcon_file_read (location, &text, &size, error))
    return FALSE;
  for (line = text; (end = memchr (line, '\n', text + size - line));
      line = end + 1) {
    const gchar *at =
        line == text ? NULL : g_strstr_len (line, end - line, key);

    if (at && g_ascii_strtoull (at + strlen (key), NULL, 10) > step)
      break;
  }
  if (line < text + size && truncate (location, line - text) != 0) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_WRITE,
        "%s: the lines of steps that were lost cannot be removed: %s", location,
        g_strerror (errno));
    done = FALSE;
  }
  g_free (text);
  return done;
}

/* A new file begins with a line that tells what the run is; one that is gone on with has it. */
gboolean
gst_supcon_trainer_report_open_metrics (GstSupconTrainerReport * self,
    const GstSupconTextFile * file, GError ** error)
{
  GstStructure *header;
  gboolean goes_on, written;

  if (!file)
    return TRUE;
  goes_on = self->first_step && gst_supcon_text_file_is_owned (file);
  if (goes_on && !cut_later_lines (gst_supcon_text_file_location (file),
          self->first_step, error))
    return FALSE;
  self->metrics = gst_supcon_text_file_open (file,
      O_APPEND | (goes_on ? 0 : O_TRUNC), error);
  if (self->metrics < 0)
    return FALSE;
  if (goes_on && lseek (self->metrics, 0, SEEK_END) > 0)
    return TRUE;
  header = gst_supcon_properties_to_structure (G_OBJECT (self->element));
  gst_structure_set (header, "version", G_TYPE_STRING, PACKAGE_VERSION, NULL);
  written = write_line (self, header);
  gst_structure_free (header);
  if (!written)
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_WRITE,
        "%s: cannot be written: %s", gst_supcon_text_file_location (file),
        g_strerror (errno));
  return written;
}

static void
write_metrics (GstSupconTrainerReport * self, const GstStructure * line)
{
  if (self->metrics >= 0 && !write_line (self, line))
    warn_once (self, WARNED_METRICS, "%s: metrics are no longer complete, a "
        "line could not be written: %s", self->job->metrics_location,
        g_strerror (errno));
}

/* Progress */

/* Whether the learning rate is to fall, but nobody knows when. */
static gboolean
rate_stays (const GstSupconTrainerReport * self)
{
  const SupconSchedule *schedule = &self->job->config.schedule;

  return schedule->kind != SUPCON_SCHEDULE_CONSTANT
      && schedule->total_steps == 0;
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
print_progress (GstSupconTrainerReport * self, const SupconTrainStats * stats,
    gint64 now)
{
  gboolean terminal = isatty (STDOUT_FILENO);
  guint64 total = self->job->config.schedule.total_steps;
  gdouble seconds = MAX (now - self->started, 1) / (gdouble) G_USEC_PER_SEC;
  gchar *accuracy;

  if (!terminal && now - self->printed < PROGRESS_INTERVAL
      && stats->step != total)
    return;
  self->printed = now;
  accuracy = accuracy_text (stats);
  printf ("%s%s step %" G_GUINT64_FORMAT, terminal ? "\r\033[K" : "",
      supcon_stage_name (self->job->config.stage), stats->step);
  if (total)
    printf ("/%" G_GUINT64_FORMAT, total);
  printf ("  loss %.4f%s  %.0f views/s", stats->loss, accuracy,
      self->examples / seconds);
  if (total >= stats->step) {
    guint64 left = seconds / (stats->step - self->first_step)
        * (total - stats->step) + 0.5;

    printf ("  %u:%02u left", (guint) (left / 60), (guint) (left % 60));
  } else if (rate_stays (self)) {
    printf ("  length not known");
  }
  if (!terminal)
    putchar ('\n');
  fflush (stdout);
  g_free (accuracy);
}

void
gst_supcon_trainer_report_end_line (GstSupconTrainerReport * self)
{
  if (self->printed && isatty (STDOUT_FILENO)) {
    putchar ('\n');
    fflush (stdout);
  }
  self->printed = 0;
}

void
gst_supcon_trainer_report_finish (GstSupconTrainerReport * self)
{
  gst_supcon_trainer_report_end_line (self);
  if (self->lacks_labels)
    warn_of_no_labels (self);
}

/* What is reported */

static void
post_stats (GstSupconTrainerReport * self, const SupconTrainStats * stats,
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

  if (supcon_trainer_has_classes (&self->job->config))
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
  write_metrics (self, s);
  post (self, s);
}

void
gst_supcon_trainer_report_begin (GstSupconTrainerReport * self)
{
  if (self->started)
    return;
  self->started = self->reported = g_get_monotonic_time ();
  if (rate_stays (self))
    gst_supcon_post_info (self->element, "schedule=%s, but the stream's length "
        "is not known: the learning rate stays; total-steps sets it.",
        self->job->config.schedule.kind == SUPCON_SCHEDULE_STEP ? "step"
        : "cosine");
}

void
gst_supcon_trainer_report_step (GstSupconTrainerReport * self,
    const SupconTrainStats * stats, const SupconBatch * batch,
    const gchar * only_label, guint64 dropped)
{
  gint64 now = g_get_monotonic_time ();

  self->examples += batch->n;
  if (stats->reported)
    post_stats (self, stats, dropped, now);
  if (self->job->progress)
    print_progress (self, stats, now);
  warn_about (self, stats, batch, only_label);
}

void
gst_supcon_trainer_report_validation (GstSupconTrainerReport * self,
    guint64 step, const SupconValidation * validation, gboolean best)
{
  GstStructure *s = gst_structure_new ("supcon-validation",
      "step", G_TYPE_UINT64, step,
      "count", G_TYPE_UINT, validation->n,
      "validation-accuracy", G_TYPE_DOUBLE, validation->accuracy,
      "validation-loss", G_TYPE_DOUBLE, validation->loss,
      "best", G_TYPE_BOOLEAN, best, NULL);

  if (validation->unknown == validation->n)
    warn_once (self, WARNED_UNKNOWN_LABELS,
        "None of the %u labelled frames on the pad validation has a label that "
        "the model has learnt, so that none can be right. Give frames of the "
        "same labels.", validation->n);
  write_metrics (self, s);
  if (self->job->progress) {
    gst_supcon_trainer_report_end_line (self);
    printf ("validation at step %" G_GUINT64_FORMAT ": accuracy %.2f %%%s\n",
        step, 100 * validation->accuracy, best ? ", the best" : "");
    fflush (stdout);
  }
  post (self, s);
}

void
gst_supcon_trainer_report_checkpoint (GstSupconTrainerReport * self,
    const gchar * location, guint64 step)
{
  self->not_written = 0;
  post (self, gst_structure_new ("supcon-checkpoint", "location", G_TYPE_STRING,
          location, "step", G_TYPE_UINT64, step, NULL));
}
