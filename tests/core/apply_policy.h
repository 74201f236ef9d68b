/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPCON_APPLY_POLICY_H
#define SUPCON_APPLY_POLICY_H

#include "augment/augmenter.h"
#include "augment/policy.h"

/** Aborts the test where the text has a mistake. */
static inline SupconProgram *
parse_program (const gchar *text)
{
  GError *error = NULL;
  SupconProgram *program = supcon_program_parse (text, &error);

  if (!program)
    g_error ("%s: %s", text, error ? error->message : "no reason");
  return program;
}

/** One view by a named policy. */
static inline void
apply_policy (SupconAugmenter *augmenter, const SupconPolicy *policy, guint64 seed, guint64 sample, guint32 index,
    const SupconImage *picture, const SupconImage *view)
{
  gchar *text = supcon_policy_to_text (policy);
  SupconProgram *program = parse_program (text);

  supcon_augmenter_apply (augmenter, program, seed, sample, index, picture, view);
  supcon_program_free (program);
  g_free (text);
}

#endif
