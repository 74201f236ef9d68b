/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "augment/augmenter.h"

#include "augment/blend.h"
#include "augment/scratch.h"
#include "augment/steps.h"

typedef struct {
  guint8 *bytes;
  gsize size;
} Scratch;

struct _SupconAugmenter {
  SupconResizer *resizer;
  SupconScratch *scratch;
  Scratch resized; /* the view before its channels are converted */
  Scratch planes;
};

SupconAugmenter *
supcon_augmenter_new (void)
{
  SupconAugmenter *augmenter = g_new0 (SupconAugmenter, 1);

  augmenter->resizer = supcon_resizer_new ();
  augmenter->scratch = supcon_scratch_new ();
  return augmenter;
}

void
supcon_augmenter_free (SupconAugmenter *augmenter)
{
  if (!augmenter)
    return;
  supcon_resizer_free (augmenter->resizer);
  supcon_scratch_free (augmenter->scratch);
  g_free (augmenter->resized.bytes);
  g_free (augmenter->planes.bytes);
  g_free (augmenter);
}

static void
convert_channels (const SupconImage *from, const SupconImage *to)
{
  for (guint y = 0; y < to->height; y++) {
    const guint8 *in = from->pixels + y * from->stride;
    guint8 *out = to->pixels + y * to->stride;

    if (to->channels == 3) {
      for (guint x = 0; x < to->width; x++, out += 3)
        out[0] = out[1] = out[2] = in[x];
    } else {
      for (guint x = 0; x < to->width; x++, in += 3)
        out[x] = (guint8)luma (in[0], in[1], in[2]);
    }
  }
}

static guint8 *
scratch_of (Scratch *scratch, gsize size)
{
  if (scratch->size < size) {
    scratch->bytes = g_realloc (scratch->bytes, size);
    scratch->size = size;
  }
  return scratch->bytes;
}

static void
apply_steps (SupconAugmenter *augmenter, const SupconDraws *draws, const SupconImage *view)
{
  SupconPlanes planes = { .width = view->width, .height = view->height, .channels = view->channels };
  gsize n = (gsize)view->width * view->height;
  guint8 *bytes = scratch_of (&augmenter->planes, n * view->channels);

  for (guint c = 0; c < view->channels; c++)
    planes.plane[c] = bytes + c * n;
  supcon_planes_from_image (&planes, view, augmenter->scratch);
  supcon_steps_apply (draws, &planes, augmenter->scratch);
  supcon_planes_to_image (&planes, view, augmenter->scratch);
}

void
supcon_augmenter_apply (SupconAugmenter *augmenter, const SupconProgram *program, guint64 seed, guint64 sample,
    guint32 index, const SupconImage *picture, const SupconImage *view)
{
  SupconDraws draws = { .crop = { .width = picture->width, .height = picture->height } };
  SupconImage resized = *view;

  g_return_if_fail (MAX (view->width, view->height) <= SUPCON_VIEW_MAX_SIDE);
  if (program)
    supcon_program_draw (
        program, seed, sample, index, picture->width, picture->height, view->width, view->height, &draws);
  if (picture->channels != view->channels) {
    resized.channels = picture->channels;
    resized.stride = (gsize)view->width * picture->channels;
    resized.pixels = scratch_of (&augmenter->resized, resized.stride * view->height);
  }
  supcon_resizer_apply (
      augmenter->resizer, picture, &draws.crop, draws.mirror, draws.interpolation, &resized, augmenter->scratch);
  if (draws.n_steps > 0)
    apply_steps (augmenter, &draws, &resized);
  if (picture->channels != view->channels)
    convert_channels (&resized, view);
}

void
supcon_augmenter_help (SupconAugmenter *augmenter, SupconAugmenter *const *all, guint n, const guint *left)
{
  guint turns = 0;

  while (__atomic_load_n (left, __ATOMIC_ACQUIRE) > 0) {
    gboolean helped = FALSE;

    for (guint i = 0; i < n; i++)
      if (all[i] != augmenter)
        helped |= supcon_scratch_help (augmenter->scratch, all[i]->scratch);
    if (!helped)
      supcon_scratch_wait (&turns);
  }
}
