/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "augment/program_private.h"
#include "rng.h"

/* How often torchvision draws a rectangle before it takes the middle of the picture, or erases nothing. */
#define ATTEMPTS 10

typedef struct {
  guint64 seed, sample;
  guint32 view;
  guint picture_width, picture_height, view_width, view_height;
  SupconDraws *draws;
} Drawing;

/* torch.linspace (low, high, n)[i], in its float32 with products left exact: some moves fall just short of a whole
 * pixel by it. */
static double
linspace (double low, double high, guint n, guint i)
{
  double step = (float)(high - low) / (float)(n - 1);

  return (float)(i < n / 2 ? low + step * i : high - step * (n - 1 - i));
}

static double
draw_value (const Value *value, SupconRng *rng)
{
  double v = value->v[0];

  switch (value->kind) {
  case VALUE_NUMBER:
    break;
  case VALUE_RANGE:
    v = supcon_rng_uniform (rng, value->v[0], value->v[1]);
    break;
  case VALUE_GRID:
    v = linspace (value->v[0], value->v[1], value->n, supcon_rng_below (rng, value->n));
    break;
  case VALUE_CHOICE:
    v = value->v[supcon_rng_below (rng, value->n)];
    break;
  }
  if (value->sign && supcon_rng_below (rng, 2))
    v = -v;
  return value->base + v;
}

/* The bounds in order; a number stands for both. */
static void
get_interval (const Value *value, double *low, double *high)
{
  double a = value->base + value->v[0], b = value->kind == VALUE_RANGE ? value->v[1] : a;

  *low = MIN (a, b);
  *high = MAX (a, b);
}

/* A size by share of the area and by shape, both drawn as torchvision's RandomResizedCrop and RandomErasing do. */
static void
draw_size (const Node *node, SupconRng *rng, double area, double *width, double *height)
{
  double scale_min, scale_max, ratio_min, ratio_max, target, ratio;

  get_interval (&node->values[0], &scale_min, &scale_max);
  get_interval (&node->values[1], &ratio_min, &ratio_max);
  target = area * supcon_rng_uniform (rng, scale_min, scale_max);
  ratio = exp (supcon_rng_uniform (rng, log (ratio_min), log (ratio_max)));
  *width = rint (sqrt (target * ratio));
  *height = rint (sqrt (target / ratio));
}

/* torchvision's RandomResizedCrop.get_params, which ends with the largest rectangle in the middle whose shape is
 * allowed. */
static SupconRect
draw_crop (const Node *node, SupconRng *rng, guint width, guint height)
{
  double ratio = (double)width / height, ratio_min, ratio_max;
  SupconRect crop = { .width = width, .height = height };

  for (guint i = 0; i < ATTEMPTS; i++) {
    double w, h;

    draw_size (node, rng, (double)width * height, &w, &h);
    if (w >= 1.0 && w <= width && h >= 1.0 && h <= height) {
      crop.width = (guint)w;
      crop.height = (guint)h;
      crop.y = supcon_rng_below (rng, height - crop.height + 1);
      crop.x = supcon_rng_below (rng, width - crop.width + 1);
      return crop;
    }
  }
  get_interval (&node->values[1], &ratio_min, &ratio_max);
  if (ratio < ratio_min)
    crop.height = (guint)MAX (1.0, rint (width / ratio_min));
  else if (ratio > ratio_max)
    crop.width = (guint)MAX (1.0, rint (height * ratio_max));
  crop.x = (width - crop.width) / 2;
  crop.y = (height - crop.height) / 2;
  return crop;
}

/* The largest rectangle in the middle that has the view's shape, or a share of it to each side: nearly what
 * torchvision's Resize of the shorter side and CenterCrop leave, which round in between. 0: the whole picture. */
static SupconRect
center_crop (double share, guint width, guint height, guint view_width, guint view_height)
{
  double scale = share * MIN ((double)width / view_width, (double)height / view_height);
  SupconRect crop = { .width = width, .height = height };

  if (share == 0)
    return crop;
  crop.width = (guint)CLAMP (rint (view_width * scale), 1.0, width);
  crop.height = (guint)CLAMP (rint (view_height * scale), 1.0, height);
  crop.x = (width - crop.width) / 2;
  crop.y = (height - crop.height) / 2;
  return crop;
}

/* torchvision's RandomErasing.get_params. */
static gboolean
draw_erase (const Node *node, SupconRng *rng, guint width, guint height, SupconStep *step)
{
  for (guint i = 0; i < ATTEMPTS; i++) {
    double w, h;

    /* Its ratio is height / width. */
    draw_size (node, rng, (double)width * height, &h, &w);
    if (w < width && h < height) {
      step->values[1] = supcon_rng_below (rng, height - (guint)h + 1);
      step->values[0] = supcon_rng_below (rng, width - (guint)w + 1);
      step->values[2] = w;
      step->values[3] = h;
      return TRUE;
    }
  }
  return FALSE;
}

/* torchvision's ColorJitter. */
static void
draw_color (const Node *node, SupconRng *rng, SupconStep *step)
{
  double amount = draw_value (&node->values[0], rng), hue = draw_value (&node->values[1], rng);

  supcon_rng_permutation (rng, step->order, 4);
  for (guint i = 0; i < 3; i++)
    step->values[i] = supcon_rng_uniform (rng, MAX (0.0, 1.0 - amount), 1.0 + amount);
  step->values[3] = supcon_rng_uniform (rng, -hue, hue);
}

/* DeVries and Taylor 2017: a square about a random pixel, of which only a part may be inside. */
static void
draw_cutout (const Node *node, SupconRng *rng, guint width, guint height, SupconStep *step)
{
  gint half = (gint)rint (draw_value (&node->values[0], rng) * MIN (width, height)) / 2;
  gint y = (gint)supcon_rng_below (rng, height), x = (gint)supcon_rng_below (rng, width);

  step->values[0] = MAX (x - half, 0);
  step->values[1] = MAX (y - half, 0);
  step->values[2] = MIN (x + half, (gint)width) - step->values[0];
  step->values[3] = MIN (y + half, (gint)height) - step->values[1];
  step->values[4] = draw_value (&node->values[1], rng);
}

/* n weights that add up to 1. */
static void
draw_dirichlet (double alpha, guint n, SupconRng *rng, double *weights)
{
  double total = 0;

  for (guint i = 0; i < n; i++)
    total += weights[i] = supcon_rng_gamma (rng, alpha);
  for (guint i = 0; i < n; i++)
    weights[i] = total > 0 ? weights[i] / total : 1.0 / n;
}

static void draw_node (const Drawing *self, const Node *node, guint round);

/* Hendrycks et al. 2020 (AugMix), as torchvision draws it. */
static void
draw_mix (const Drawing *self, const Node *node, SupconRng *rng)
{
  double alpha = draw_value (&node->values[2], rng), share[2], weights[MAX_WIDTH];
  SupconDraws *draws = self->draws;

  draw_dirichlet (alpha, 2, rng, share);
  draw_dirichlet (alpha, node->picks, rng, weights);
  draws->steps[draws->n_steps++]
      = (SupconStep){ .operation = SUPCON_OPERATION_MIX, .values = { node->picks, share[0] } };
  for (guint chain = 0; chain < node->picks; chain++) {
    guint depth = node->depth > 0 ? (guint)node->depth : 1 + supcon_rng_below (rng, MAX_DEPTH);
    SupconStep *head = &draws->steps[draws->n_steps++];

    for (guint i = 0; i < depth; i++)
      draw_node (self, &g_array_index (node->children, Node, supcon_rng_below (rng, node->children->len)),
          chain * MAX_DEPTH + i);
    *head = (SupconStep){ .operation = SUPCON_OPERATION_GROUP,
      .values = { weights[chain] * share[1], &draws->steps[draws->n_steps] - head - 1 } };
  }
}

/* round: how many times its pick has picked before. */
static void
draw_node (const Drawing *self, const Node *node, guint round)
{
  /* The highest bit came last, when there were more operations than 32: a seed keeps its views. */
  guint32 stream
      = ((guint32)node->operation & 31) | node->occurrence << 5 | round << 11 | (guint32)node->operation >> 5 << 15;
  SupconDraws *draws = self->draws;
  SupconStep step = { .operation = node->operation };
  SupconRng rng;

  G_STATIC_ASSERT (SUPCON_N_OPERATIONS <= 1 << 6 && MAX_OCCURRENCES <= 1 << 6 && MAX_PICKS <= 1 << 4);

  if (node->operation == SUPCON_OPERATION_GROUP) {
    for (guint i = 0; i < node->children->len; i++)
      draw_node (self, &g_array_index (node->children, Node, i), round);
    return;
  }
  supcon_rng_init (&rng, self->seed, self->sample, self->view, stream);
  /* Drawn even where it is 1, so that another probability leaves the rest as it is; a crop is hardly left to chance. */
  if ((node->operation != SUPCON_OPERATION_CROP || node->probability < 1)
      && supcon_rng_uniform (&rng, 0.0, 1.0) >= node->probability)
    return;

  switch (node->operation) {
  case SUPCON_OPERATION_CROP:
    draws->crop = draw_crop (node, &rng, self->picture_width, self->picture_height);
    return;
  case SUPCON_OPERATION_CENTER_CROP:
    draws->crop = center_crop (draw_value (&node->values[0], &rng), self->picture_width, self->picture_height,
        self->view_width, self->view_height);
    return;
  case SUPCON_OPERATION_BICUBIC:
    draws->interpolation = SUPCON_INTERPOLATION_BICUBIC;
    return;
  case SUPCON_OPERATION_COMPOSE:
    draws->compose = TRUE;
    return;
  case SUPCON_OPERATION_FLIP:
    if (draws->n_steps == 0) {
      draws->mirror = !draws->mirror;
      return;
    }
    break;
  case SUPCON_OPERATION_IDENTITY:
    return;
  case SUPCON_OPERATION_PICK:
    for (guint i = 0; i < node->picks; i++)
      draw_node (self, &g_array_index (node->children, Node, supcon_rng_below (&rng, node->children->len)), i);
    return;
  case SUPCON_OPERATION_COLOR:
    draw_color (node, &rng, &step);
    break;
  case SUPCON_OPERATION_ERASE:
    if (!draw_erase (node, &rng, self->view_width, self->view_height, &step))
      return;
    step.values[4] = draw_value (&node->values[2], &rng);
    break;
  case SUPCON_OPERATION_CUTOUT:
    draw_cutout (node, &rng, self->view_width, self->view_height, &step);
    break;
  case SUPCON_OPERATION_MIX:
    draw_mix (self, node, &rng);
    return;
  default:
    for (guint i = 0; i < MAX_ARGUMENTS; i++)
      step.values[i] = draw_value (&node->values[i], &rng);
    break;
  }
  step.rng = rng;
  draws->steps[draws->n_steps++] = step;
}

void
supcon_program_draw (const SupconProgram *program, guint64 seed, guint64 sample, guint32 view, guint picture_width,
    guint picture_height, guint view_width, guint view_height, SupconDraws *draws)
{
  Drawing drawing = { seed, sample, view, picture_width, picture_height, view_width, view_height, draws };

  draws->crop = (SupconRect){ .width = picture_width, .height = picture_height };
  draws->mirror = FALSE;
  draws->interpolation = SUPCON_INTERPOLATION_BILINEAR;
  draws->compose = FALSE;
  draws->n_steps = 0;
  draw_node (&drawing, &program->root, 0);
}

guint
supcon_draw_neighbour (guint64 seed, guint64 sample, guint32 view, guint n)
{
  SupconRng rng;

  if (n == 0)
    return 0;
  /* The stream of groups, which draw nothing. */
  supcon_rng_init (&rng, seed, sample, view, SUPCON_OPERATION_GROUP);
  return 1 + supcon_rng_below (&rng, n);
}
