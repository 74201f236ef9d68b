/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that change a pixel by its value alone: one pass for a run of them, which does all to a few rows before
 * the next; of those that change a byte one table a channel. Compiled with -ffp-contract=off, as blend() wants. */
#include <math.h>
#include <string.h>

#include "augment/blend.h"
#include "augment/kernels.h"
#include "augment/scratch.h"

void
supcon_pointwise_begin (SupconPointwise *self, SupconPlanes *picture, SupconScratch *scratch)
{
  self->picture = picture;
  self->scratch = scratch;
  self->n = 0;
  self->counted = FALSE;
}

static void
apply (const SupconPixelStep *step, guint8 *const plane[3], guint channels, gsize n)
{
  const SupconAugmentKernels *kernels = supcon_augment_kernels ();

  switch (step->kind) {
  case SUPCON_PIXELS_TABLE:
    for (guint c = 0; c < channels; c++)
      kernels->look_up (plane[c], n, step->table[c]);
    break;
  case SUPCON_PIXELS_SATURATION:
    kernels->saturate (plane[0], plane[1], plane[2], n, step->factor);
    break;
  case SUPCON_PIXELS_HUE:
    kernels->turn_hue (plane[0], plane[1], plane[2], n, step->shift);
    break;
  case SUPCON_PIXELS_GREY:
    kernels->grey (plane[0], plane[1], plane[2], n);
    break;
  }
}

static void
apply_to_rows (guint first, guint end, G_GNUC_UNUSED SupconScratch *scratch, gpointer data)
{
  const SupconPointwise *self = data;
  const SupconPlanes *picture = self->picture;
  guint8 *plane[3] = { NULL };

  for (guint c = 0; c < picture->channels; c++)
    plane[c] = picture->plane[c] + (gsize)first * picture->width;
  for (guint i = 0; i < self->n; i++)
    apply (&self->steps[i], plane, picture->channels, (gsize)(end - first) * picture->width);
}

static void
pass (SupconPointwise *self)
{
  if (self->n > 0)
    supcon_scratch_rows (self->scratch, self->picture->height, SUPCON_BAND, apply_to_rows, self);
  self->n = 0;
}

void
supcon_pointwise_end (SupconPointwise *self)
{
  pass (self);
  self->counted = FALSE;
}

static SupconPixelStep *
add (SupconPointwise *self, SupconPixelKind kind)
{
  if (self->n == G_N_ELEMENTS (self->steps))
    pass (self);
  self->steps[self->n].kind = kind;
  return &self->steps[self->n++];
}

/* tables[c] after what waits; the same for all channels with step 0. */
static void
add_tables (SupconPointwise *self, guint8 tables[][256], guint step)
{
  gboolean joined = self->n > 0 && self->steps[self->n - 1].kind == SUPCON_PIXELS_TABLE;
  SupconPixelStep *last = joined ? &self->steps[self->n - 1] : add (self, SUPCON_PIXELS_TABLE);

  for (guint c = 0; c < self->picture->channels; c++) {
    const guint8 *table = tables[c * step];

    if (joined)
      supcon_augment_kernels ()->look_up (last->table[c], 256, table);
    else
      memcpy (last->table[c], table, 256);
    if (self->counted) {
      guint32 before[256];

      memcpy (before, self->histogram[c], sizeof before);
      memset (self->histogram[c], 0, sizeof before);
      for (guint i = 0; i < 256; i++)
        self->histogram[c][table[i]] += before[i];
    }
  }
}

static void
add_table (SupconPointwise *self, guint8 table[256])
{
  add_tables (self, (guint8 (*)[256])table, 0);
}

/* What mixes channels. NULL: the picture is grey, and stays as it is. */
static SupconPixelStep *
add_to_colours (SupconPointwise *self, SupconPixelKind kind)
{
  if (self->picture->channels == 1)
    return NULL;
  self->counted = FALSE;
  return add (self, kind);
}

void
supcon_pointwise_saturation (SupconPointwise *self, double factor)
{
  SupconPixelStep *step = add_to_colours (self, SUPCON_PIXELS_SATURATION);

  if (step)
    step->factor = (float)factor;
}

void
supcon_pointwise_hue (SupconPointwise *self, double shift)
{
  SupconPixelStep *step = add_to_colours (self, SUPCON_PIXELS_HUE);

  if (step)
    step->shift = (gint32)(shift * 255.0);
}

void
supcon_pointwise_greyscale (SupconPointwise *self)
{
  add_to_colours (self, SUPCON_PIXELS_GREY);
}

void
supcon_pointwise_posterize (SupconPointwise *self, guint bits)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = i & ~((1u << (8 - MIN (bits, 8))) - 1);
  add_table (self, table);
}

void
supcon_pointwise_solarize (SupconPointwise *self, double threshold)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = i < threshold ? i : 255 - i;
  add_table (self, table);
}

void
supcon_pointwise_invert (SupconPointwise *self)
{
  supcon_pointwise_solarize (self, 0.0);
}

static void
add_blend (SupconPointwise *self, float value, float factor)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = blend (value, (float)i, factor);
  add_table (self, table);
}

void
supcon_pointwise_brightness (SupconPointwise *self, double factor)
{
  add_blend (self, 0.0f, (float)factor);
}

static void
apply_and_sum (guint first, guint end, SupconScratch *scratch, gpointer data)
{
  SupconPointwise *self = data;
  const SupconPlanes *picture = self->picture;
  /* The luma of grey is that grey. */
  guint green = picture->channels == 3 ? 1 : 0, blue = 2 * green;
  guint64 sum = 0;

  apply_to_rows (first, end, scratch, data);
  /* A row at a time, whose sum fits 32 bits. */
  for (guint y = first; y < end; y++) {
    gsize at = (gsize)y * picture->width;

    sum += supcon_augment_kernels ()->luma_sum (
        picture->plane[0] + at, picture->plane[green] + at, picture->plane[blue] + at, picture->width);
  }
  __atomic_fetch_add (&self->luma, sum, __ATOMIC_RELAXED);
}

/* The luma is of all channels, and rounded: no histogram has it. */
void
supcon_pointwise_contrast (SupconPointwise *self, double factor)
{
  double n = (double)self->picture->width * self->picture->height;

  self->luma = 0;
  supcon_scratch_rows (self->scratch, self->picture->height, SUPCON_BAND, apply_and_sum, self);
  self->n = 0;
  add_blend (self, floorf ((float)((double)self->luma / n + 0.5)), (float)factor);
}

static void
count_planes (guint first, guint end, G_GNUC_UNUSED SupconScratch *scratch, gpointer data)
{
  SupconPointwise *self = data;
  const SupconPlanes *picture = self->picture;

  for (guint c = first; c < end; c++)
    supcon_augment_kernels ()->count (picture->plane[c], (gsize)picture->width * picture->height, self->histogram[c]);
}

/* Of the picture as what waits will leave it. */
static void
count (SupconPointwise *self)
{
  if (self->counted)
    return;
  pass (self);
  supcon_scratch_rows (self->scratch, self->picture->channels, 1, count_planes, self);
  self->counted = TRUE;
}

static void
keep_all (guint8 table[256])
{
  for (guint i = 0; i < 256; i++)
    table[i] = i;
}

/* PIL's ImageOps.autocontrast. */
void
supcon_pointwise_auto_contrast (SupconPointwise *self)
{
  guint8 tables[3][256];

  count (self);
  for (guint c = 0; c < self->picture->channels; c++) {
    gint low = 0, high = 255;
    double scale;

    while (low < 255 && !self->histogram[c][low])
      low++;
    while (high > 0 && !self->histogram[c][high])
      high--;
    if (high <= low) {
      keep_all (tables[c]);
      continue;
    }
    scale = 255.0 / (high - low);
    for (gint i = 0; i < 256; i++)
      tables[c][i] = (guint8)CLAMP (i * scale - low * scale, 0.0, 255.0);
  }
  add_tables (self, tables, 1);
}

/* PIL's ImageOps.equalize. */
void
supcon_pointwise_equalize (SupconPointwise *self)
{
  guint8 tables[3][256];

  count (self);
  for (guint c = 0; c < self->picture->channels; c++) {
    guint32 total = 0, last = 0, step, n;

    for (guint i = 0; i < 256; i++) {
      total += self->histogram[c][i];
      last = self->histogram[c][i] ? self->histogram[c][i] : last;
    }
    step = (total - last) / 255;
    if (step == 0) {
      keep_all (tables[c]);
      continue;
    }
    n = step / 2;
    for (guint i = 0; i < 256; i++) {
      tables[c][i] = (guint8)MIN (n / step, 255);
      n += self->histogram[c][i];
    }
  }
  add_tables (self, tables, 1);
}
