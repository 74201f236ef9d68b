/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPCON_APPLY_POLICY_H
#define SUPCON_APPLY_POLICY_H

#include "augment/augmenter.h"
#include "augment/policy.h"

/** One view by a named policy. */
static inline void
apply_policy (SupconAugmenter *augmenter, const SupconPolicy *policy, guint64 seed, guint64 sample, guint32 index,
    const SupconImage *picture, const SupconImage *view)
{
  gchar *text = supcon_policy_to_text (policy);
  SupconProgram *program = supcon_program_parse (text, NULL);

  g_assert (program != NULL);
  supcon_augmenter_apply (augmenter, program, seed, sample, index, picture, view);
  supcon_program_free (program);
  g_free (text);
}

#endif
