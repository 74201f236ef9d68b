/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/scratch.h"

#include <string.h>

#include "augment/kernels.h"
#include "parallel.h"

SupconScratch *
supcon_scratch_new (void)
{
  return g_new0 (SupconScratch, 1);
}

void
supcon_scratch_free (SupconScratch *scratch)
{
  if (!scratch)
    return;
  g_free (scratch->weights);
  g_free (scratch->row);
  g_free (scratch->plane);
  g_free (scratch->bytes);
  g_free (scratch->rows);
  g_free (scratch->at);
  g_free (scratch->offsets);
  g_free (scratch->before);
  g_free (scratch->sums);
  for (guint i = 0; i < G_N_ELEMENTS (scratch->ring); i++) {
    g_free (scratch->ring[i].bytes);
    g_free (scratch->ring[i].rows);
  }
  g_free (scratch->components);
  g_free (scratch);
}

void
supcon_scratch_wait (guint *turns)
{
  /* Whom we wait for may have no processor. */
  if (++*turns % 1024 == 0)
    g_thread_yield ();
  supcon_relax ();
}

/* Who gets a band reads what it is of: that stays until owner has seen everybody leave. */
static gboolean
take_bands (SupconScratch *owner, SupconScratch *scratch)
{
  gboolean any = FALSE;
  gint left;

  while ((left = __atomic_fetch_sub (&owner->left, 1, __ATOMIC_ACQ_REL)) > 0) {
    guint first = (owner->bands - (guint)left) * owner->band;

    owner->func (first, MIN (first + owner->band, owner->n), scratch, owner->data);
    any = TRUE;
  }
  return any;
}

void
supcon_scratch_rows (SupconScratch *scratch, guint n, guint band, SupconRowsFunc func, gpointer data)
{
  guint turns = 0;

  scratch->func = func;
  scratch->data = data;
  scratch->n = n;
  scratch->band = band;
  scratch->bands = (n + band - 1) / band;
  __atomic_store_n (&scratch->left, (gint)scratch->bands, __ATOMIC_RELEASE);
  take_bands (scratch, scratch);
  while (__atomic_load_n (&scratch->inside, __ATOMIC_ACQUIRE) > 0)
    supcon_scratch_wait (&turns);
}

gboolean
supcon_scratch_help (SupconScratch *scratch, SupconScratch *other)
{
  gboolean any;

  if (__atomic_load_n (&other->left, __ATOMIC_RELAXED) <= 0)
    return FALSE;
  __atomic_fetch_add (&other->inside, 1, __ATOMIC_ACQ_REL);
  any = take_bands (other, scratch);
  __atomic_fetch_sub (&other->inside, 1, __ATOMIC_RELEASE);
  return any;
}

static guint8 *
reserve_bytes (SupconScratch *scratch, gsize n)
{
  n += SUPCON_SAMPLE_BEHIND;
  if (scratch->n_bytes < n)
    scratch->bytes = g_renew (guint8, scratch->bytes, scratch->n_bytes = n);
  return scratch->bytes;
}

float *
supcon_scratch_at (SupconScratch *scratch, gsize n)
{
  if (scratch->n_at < n)
    scratch->at = g_renew (float, scratch->at, scratch->n_at = n);
  return scratch->at;
}

void
supcon_scratch_copy_all (SupconScratch *scratch, const SupconPlanes *picture, const guint8 *planes[3])
{
  gsize n = (gsize)picture->width * picture->height;

  reserve_bytes (scratch, n * picture->channels);
  for (guint c = 0; c < picture->channels; c++)
    planes[c] = memcpy (scratch->bytes + c * n, picture->plane[c], n);
}

void
supcon_scratch_copy_bordered (SupconScratch *scratch, const SupconPlanes *picture, const guint8 *planes[3])
{
  gsize width = picture->width, height = picture->height, n = (width + 2) * (height + 2);
  guint8 *bytes = reserve_bytes (scratch, n * picture->channels);

  memset (bytes, 0, n * picture->channels);
  for (guint c = 0; c < picture->channels; c++) {
    for (gsize y = 0; y < height; y++)
      memcpy (bytes + c * n + (y + 1) * (width + 2) + 1, picture->plane[c] + y * width, width);
    planes[c] = bytes + c * n;
  }
}

guint32 *
supcon_scratch_offsets (SupconScratch *scratch, gsize n)
{
  if (scratch->n_offsets < n)
    scratch->offsets = g_renew (guint32, scratch->offsets, scratch->n_offsets = n);
  return scratch->offsets;
}

guint8 *
supcon_scratch_before (SupconScratch *scratch, gsize n)
{
  if (scratch->n_before < n)
    scratch->before = g_renew (guint8, scratch->before, scratch->n_before = n);
  return scratch->before;
}

float *
supcon_scratch_sums (SupconScratch *scratch, gsize n)
{
  if (scratch->n_sums < n)
    scratch->sums = g_renew (float, scratch->sums, scratch->n_sums = n);
  return scratch->sums;
}
