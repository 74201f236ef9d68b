/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Views a second of processor time of one thread: bench_augment POLICY WIDTH HEIGHT SIZE [seconds]. POLICY: crop,
 * simaugment, randaugment... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "augment/augmenter.h"
#include "augment/policy.h"

int
main (int argc, char **argv)
{
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  SupconImage picture = { .channels = 3 }, view = { .channels = 3 };
  static const gchar *names[]
      = { "crop", "simaugment", "autoaugment", "randaugment", "stacked-randaugment", "trivialaugment", "augmix" };
  SupconProgram *program;
  SupconPolicy policy;
  gchar *text;
  guint kind;
  clock_t begin, end;
  double seconds;
  guint n = 0;

  if (argc < 5) {
    fprintf (stderr, "usage: %s POLICY WIDTH HEIGHT SIZE [SECONDS]\n", argv[0]);
    return 2;
  }
  for (kind = 0; kind < G_N_ELEMENTS (names) && strcmp (argv[1], names[kind]) != 0; kind++)
    ;
  supcon_policy_init (&policy, SUPCON_POLICY_CROP + kind);
  text = supcon_policy_to_text (&policy);
  program = supcon_program_parse (text, NULL);
  picture.width = atoi (argv[2]);
  picture.height = atoi (argv[3]);
  view.width = view.height = atoi (argv[4]);
  seconds = argc > 5 ? atof (argv[5]) : 2.0;
  picture.stride = picture.width * 3;
  view.stride = view.width * 3;
  picture.pixels = g_malloc (picture.stride * picture.height);
  view.pixels = g_malloc (view.stride * view.height);
  for (gsize i = 0; i < picture.stride * picture.height; i++)
    picture.pixels[i] = (guint8)(i * 2654435761u >> 24);

  begin = clock ();
  do {
    supcon_augmenter_apply (augmenter, program, 0, n++, 0, &picture, &view);
    end = clock ();
  } while (end - begin < seconds * CLOCKS_PER_SEC);
  printf ("%.1f\n", n * (double)CLOCKS_PER_SEC / (end - begin));
  g_free (picture.pixels);
  g_free (view.pixels);
  g_free (text);
  supcon_program_free (program);
  supcon_augmenter_free (augmenter);
  return 0;
}
