/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a user may set of supcontrainer: each property is a field here and one line that installs it. */
#ifndef GST_SUPCON_TRAINER_SETTINGS_H
#define GST_SUPCON_TRAINER_SETTINGS_H

#include "gstsupconsettings.h"
#include "gstsupcontrainerjob.h"

G_BEGIN_DECLS

typedef struct
{
  gchar *location, *init_location, *teacher_location;
  gboolean resume;
  gint encoder;                 /* of GST_TYPE_SUPCON_ENCODER_NAME */
  SupconModelConfig model;      /* without encoder's name and input size */
  gdouble learning_rate;        /* 0: one that fits the batch size */
  gboolean scale_learning_rate;
  gdouble warmup_epochs;        /* 0: warmup_steps */
  gint warmup_steps;            /* -1: some that fit the training's length */
  guint64 total_steps, seed;
  guint threads;
  SupconPrecision precision;
  GstSupconTrainerJob job;      /* what of it can be said beforehand; its strings are owned */

  /* By the user, so a checkpoint must agree. */
  gboolean encoder_set, stem_set, width_set, projection_set, projection_dim_set,
      projection_hidden_set;
} GstSupconTrainerSettings;

/* SupconStage */
#define GST_TYPE_SUPCON_TRAINER_STAGE (gst_supcon_trainer_stage_get_type ())
GType gst_supcon_trainer_stage_get_type (void);

/** Once, at the class's start. Ids are first_id and following ones. */
void gst_supcon_trainer_settings_install (GObjectClass * klass,
    guint first_id, gsize fields);
void gst_supcon_trainer_settings_init (GstSupconTrainerSettings * settings);
/** A copy with strings of its own, to be cleared. */
GstSupconTrainerSettings gst_supcon_trainer_settings_copy (const
    GstSupconTrainerSettings * settings);
void gst_supcon_trainer_settings_clear (GstSupconTrainerSettings * settings);
/** Property id, one of these, was set. */
void gst_supcon_trainer_settings_note (GstSupconTrainerSettings * settings,
    guint id);

G_END_DECLS
#endif
