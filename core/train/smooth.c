/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/smooth.h"

#include <string.h>

struct _SupconSmoother {
  guint n_before; /* 0: no frame counts any more */
  SupconReal *before;
  guint n_votes, newest;
  guint votes[SUPCON_MAX_MAJORITY]; /* a ring: the most probable classes of the frames so far */
};

SupconSmoother *
supcon_smoother_new (void)
{
  return g_new0 (SupconSmoother, 1);
}

void
supcon_smoother_free (SupconSmoother *self)
{
  g_free (self->before);
  g_free (self);
}

void
supcon_smoother_reset (SupconSmoother *self)
{
  self->n_before = self->n_votes = 0;
}

static void
vote (SupconSmoother *self, guint majority, SupconReal *p, guint n)
{
  guint counted;

  self->newest = (self->newest + 1) % SUPCON_MAX_MAJORITY;
  self->votes[self->newest] = supcon_real_largest (p, n);
  self->n_votes = MIN (self->n_votes + 1, SUPCON_MAX_MAJORITY);
  if (majority <= 1)
    return;
  counted = MIN (majority, self->n_votes);
  memset (p, 0, n * sizeof *p);
  for (guint i = 0; i < counted; i++) {
    guint class = self->votes[(self->newest + SUPCON_MAX_MAJORITY - i) % SUPCON_MAX_MAJORITY];

    if (class < n)
      p[class] += (SupconReal)1 / counted;
  }
}

void
supcon_smoother_take (SupconSmoother *self, double smoothing, guint majority, SupconReal *p, guint n)
{
  for (guint i = 0; self->n_before && i < n; i++)
    p[i] = (SupconReal)(smoothing * (i < self->n_before ? self->before[i] : 0) + (1 - smoothing) * p[i]);
  if (n != self->n_before)
    self->before = g_renew (SupconReal, self->before, n);
  self->n_before = n;
  memcpy (self->before, p, n * sizeof *p);
  vote (self, majority, p, n);
}
