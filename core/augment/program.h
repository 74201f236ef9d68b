/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Policies as text: what may be done to a view, with which probabilities and ranges. docs/augmentation.md has the whole
 * language and every operation. In short:
 *
 *     crop(scale=0.2:1) flip(0.5) color(0.4,p=0.8) blur(0.1:2,p=0.5)
 *     one-of{ {posterize(4,p=0.4) rotate(+-30,p=0.6)} {equalize invert(p=0.3)} }    one of these groups
 *     pick(2){ identity shear-x(+-0:0.3/31) equalize }                               two of these, drawn anew each time
 *
 * A value is a number, a range a:b (uniform), a:b/n (one of n evenly spaced ones), or a|b|c (one of these); +- before it
 * draws a sign. Every operation takes p=, its probability.
 */
#ifndef SUPCON_AUGMENT_PROGRAM_H
#define SUPCON_AUGMENT_PROGRAM_H

#include <glib.h>

typedef struct _SupconProgram SupconProgram; /* parsed; never changes: threads may share it */

/** NULL and SUPCON_ERROR_SETTINGS (or what fits) that names the column, what stands there and what was expected. */
SupconProgram *supcon_program_parse (const gchar *text, GError **error);
void supcon_program_free (SupconProgram *program);

/**
 * What one view gets: the program with everything random drawn. It is text in the same language, in which every number
 * is one number, and can be parsed and drawn again to make the same view.
 */
typedef struct _SupconDraws SupconDraws;
SupconDraws *supcon_draws_new (void);
void supcon_draws_free (SupconDraws *draws);
/** Replaces what draws holds. Sizes in pixels: of the picture and of the view. Depends on the arguments alone. */
void supcon_program_draw (const SupconProgram *program, guint64 seed, guint64 sample, guint32 view,
    guint picture_width, guint picture_height, guint view_width, guint view_height, SupconDraws *draws);
/** Free with g_free(). */
gchar *supcon_draws_to_text (const SupconDraws *draws);

#endif
