/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "optim/schedule.h"

#include <math.h>

double
supcon_schedule_learning_rate (const SupconSchedule *schedule, guint64 step)
{
  double rate = schedule->learning_rate, done;

  if (step < schedule->warmup_steps)
    return rate * (step + 1) / schedule->warmup_steps;
  if (schedule->total_steps == 0)
    return rate;
  switch (schedule->kind) {
  case SUPCON_SCHEDULE_CONSTANT:
    break;
  case SUPCON_SCHEDULE_STEP:
    done = (double)step / schedule->total_steps;
    return rate * (done < 0.6 ? 1 : done < 0.8 ? 0.1 : done < 0.9 ? 0.01 : 0.001);
  case SUPCON_SCHEDULE_COSINE:
    if (step >= schedule->total_steps)
      return 0;
    done = (double)(step - schedule->warmup_steps) / (schedule->total_steps - schedule->warmup_steps);
    return rate * 0.5 * (1 + cos (G_PI * done));
  }
  return rate;
}
