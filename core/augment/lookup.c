/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that change a byte by its value alone: a table for each channel, one pass for a run of them. */
#include <math.h>
#include <string.h>

#include "augment/blend.h"
#include "augment/kernels.h"
#include "augment/operations.h"

void
supcon_lookup_begin (SupconLookup *self, SupconPlanes *picture)
{
  self->picture = picture;
  self->waiting = self->counted = FALSE;
}

/* The picture's bytes by the tables. What was counted is true of them still. */
static void
pass (SupconLookup *self)
{
  if (self->waiting)
    for (guint c = 0; c < self->picture->channels; c++)
      supcon_augment_kernels ()->look_up (
          self->picture->plane[c], (gsize)self->picture->width * self->picture->height, self->table[c]);
  self->waiting = FALSE;
}

void
supcon_lookup_end (SupconLookup *self)
{
  pass (self);
  self->counted = FALSE;
}

/* tables[c] after what the channel's table does. */
static void
add (SupconLookup *self, guint8 tables[][256], guint step)
{
  for (guint c = 0; c < self->picture->channels; c++) {
    const guint8 *table = tables[c * step];

    if (self->waiting)
      supcon_augment_kernels ()->look_up (self->table[c], 256, table);
    else
      memcpy (self->table[c], table, 256);
    if (self->counted) {
      guint32 before[256];

      memcpy (before, self->histogram[c], sizeof before);
      memset (self->histogram[c], 0, sizeof before);
      for (guint i = 0; i < 256; i++)
        self->histogram[c][table[i]] += before[i];
    }
  }
  self->waiting = TRUE;
}

static void
add_to_all (SupconLookup *self, guint8 table[256])
{
  add (self, (guint8 (*)[256])table, 0);
}

void
supcon_lookup_posterize (SupconLookup *self, guint bits)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = i & ~((1u << (8 - MIN (bits, 8))) - 1);
  add_to_all (self, table);
}

void
supcon_lookup_solarize (SupconLookup *self, double threshold)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = i < threshold ? i : 255 - i;
  add_to_all (self, table);
}

void
supcon_lookup_invert (SupconLookup *self)
{
  supcon_lookup_solarize (self, 0.0);
}

static void
add_blend (SupconLookup *self, float value, float factor)
{
  guint8 table[256];

  for (guint i = 0; i < 256; i++)
    table[i] = blend (value, (float)i, factor);
  add_to_all (self, table);
}

void
supcon_lookup_brightness (SupconLookup *self, double factor)
{
  add_blend (self, 0.0f, (float)factor);
}

/* The luma is of all channels, and rounded: no histogram has it. */
void
supcon_lookup_contrast (SupconLookup *self, double factor)
{
  SupconPlanes *picture = self->picture;
  gsize n = (gsize)picture->width * picture->height;
  /* The luma of grey is that grey. */
  const guint8 *g = picture->plane[picture->channels == 3 ? 1 : 0], *b = picture->plane[picture->channels == 3 ? 2 : 0];
  guint64 sum = 0;

  pass (self);
  /* A row at a time, whose sum fits 32 bits. */
  for (gsize at = 0; at < n; at += picture->width)
    sum += supcon_augment_kernels ()->luma_sum (picture->plane[0] + at, g + at, b + at, picture->width);
  add_blend (self, floorf ((float)((double)sum / n + 0.5)), (float)factor);
}

/* Of the picture as the tables will leave it. */
static void
count (SupconLookup *self)
{
  if (self->counted)
    return;
  pass (self);
  for (guint c = 0; c < self->picture->channels; c++)
    supcon_augment_kernels ()->count (
        self->picture->plane[c], (gsize)self->picture->width * self->picture->height, self->histogram[c]);
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
supcon_lookup_auto_contrast (SupconLookup *self)
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
  add (self, tables, 1);
}

/* PIL's ImageOps.equalize. */
void
supcon_lookup_equalize (SupconLookup *self)
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
  add (self, tables, 1);
}
