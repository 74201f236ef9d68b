/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What supcontrainer is to do, from its first batch to its last. */
#ifndef GST_SUPCON_TRAINER_JOB_H
#define GST_SUPCON_TRAINER_JOB_H

#include "gstsupconvalidation.h"
#include "train/trainer.h"

G_BEGIN_DECLS

typedef enum
{
  GST_SUPCON_TRAINER_LEAKY_NO,
  GST_SUPCON_TRAINER_LEAKY_UPSTREAM,
  GST_SUPCON_TRAINER_LEAKY_DOWNSTREAM
} GstSupconTrainerLeaky;

typedef struct
{
  SupconTrainerConfig config;
  guint batch_size;
  gboolean drop_last;
  GstSupconTrainerLeaky leaky;
  guint64 skip_frames;          /* passed over at the start, since they were trained on before (resuming) */
  guint64 last_step;            /* no frame is taken once this step is sure to be reached; 0: no end */
  const gchar *location;
  guint checkpoint_keep;        /* so many of these under names of their own */
  GstSupconValidation *validation;      /* NULL: nothing to validate on */
  guint64 validate_interval;    /* steps; 0: at the end alone */
  guint patience;               /* validations without a better one after which training ends; 0: never */
  gchar *best_location;         /* checkpoint of the best validation; NULL: none */
  gchar *metrics_location;      /* read at the start alone; NULL: none */
  const gchar *share_name;      /* read at the start alone; NULL: the model is not shared */
  guint update_interval;        /* steps between the copies that are shared */
  guint64 checkpoint_interval;  /* steps; 0: at the end alone */
  gboolean progress;
} GstSupconTrainerJob;

/** The one label of a model of stage=regression, whose output is a number. */
#define GST_SUPCON_TRAINER_VALUE "value"

G_END_DECLS
#endif
