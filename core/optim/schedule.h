/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The learning rate as a function of the step. */
#ifndef SUPCON_OPTIM_SCHEDULE_H
#define SUPCON_OPTIM_SCHEDULE_H

#include <glib.h>

typedef enum { SUPCON_SCHEDULE_CONSTANT, SUPCON_SCHEDULE_STEP, SUPCON_SCHEDULE_COSINE } SupconScheduleKind;

typedef struct {
  SupconScheduleKind kind;
  double learning_rate; /* at the end of the warm-up */
  guint64 warmup_steps; /* linear from learning_rate / warmup_steps */
  guint64
      total_steps; /* cosine reaches 0 after it; step divides by 10 at 60, 80 and 90 % of it; 0 = unknown: constant */
} SupconSchedule;

/** step counts from 0. */
double supcon_schedule_learning_rate (const SupconSchedule *schedule, guint64 step);

#endif
