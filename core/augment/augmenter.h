/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** From one picture to one random view of a fixed size. */
#ifndef SUPCON_AUGMENT_AUGMENTER_H
#define SUPCON_AUGMENT_AUGMENTER_H

#include "augment/image.h"
#include "augment/program.h"

/** Makes views; keeps scratch memory between calls. One per thread at a time. */
typedef struct _SupconAugmenter SupconAugmenter;
SupconAugmenter *supcon_augmenter_new (void);
void supcon_augmenter_free (SupconAugmenter *augmenter);

/**
 * Writes into view the view number 'index' of picture 'sample', as program draws it; NULL: the whole picture resized.
 * Sizes may differ, and the view's sides are SUPCON_VIEW_MAX_SIDE at most; channels may differ (grey is replicated,
 * colour becomes grey by ITU-R BT.601 luma as in PIL's convert("L")), after the operations. Depends on nothing but the
 * arguments.
 */
void supcon_augmenter_apply (SupconAugmenter *augmenter, const SupconProgram *program, guint64 seed, guint64 sample,
    guint32 index, const SupconImage *picture, const SupconImage *view);

/**
 * Takes rows of the views that other threads make by all of n augmenters, until *left, which they count down, is 0. The
 * bytes are the same whoever makes a row.
 */
void supcon_augmenter_help (SupconAugmenter *augmenter, SupconAugmenter *const *all, guint n, const guint *left);

#endif
