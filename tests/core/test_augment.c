/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resize against PIL's, crops against torchvision's, and that a view depends on nothing but its key. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "apply_policy.h"
#include "augment/resize.h"
#include "golden/augment.h"

#define GUARD 0xA5

/* A picture whose rows are followed by bytes that are no part of it. */
static SupconImage
new_image (guint width, guint height, guint channels)
{
  SupconImage image = { .width = width, .height = height, .channels = channels, .stride = width * channels + 5 };

  image.pixels = g_malloc (image.stride * height);
  memset (image.pixels, GUARD, image.stride * height);
  return image;
}

/* The formula of tests/oracle/augment.py. */
static SupconImage
make_picture (guint width, guint height, guint channels)
{
  SupconImage image = new_image (width, height, channels);

  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++) {
      for (guint c = 0; c < channels; c++)
        image.pixels[y * image.stride + x * channels + c]
            = (x * 7 + y * 13 + c * 85 + ((x * y) ^ (x << 2)) % 61) & 0xFF;
    }
  }
  return image;
}

/* PIL's bytes, and nothing behind the rows. */
static void
assert_golden (const SupconImage *image, const guint8 *golden, int case_number)
{
  gsize n = (gsize)image->width * image->channels;

  for (guint y = 0; y < image->height; y++) {
    const guint8 *row = image->pixels + y * image->stride;

    for (gsize i = 0; i < n; i++)
      ck_assert_msg (row[i] == golden[y * n + i], "case %d, row %u, byte %zu: %d, PIL has %d", case_number, y, i,
          row[i], golden[y * n + i]);
    for (gsize i = n; i < image->stride; i++)
      ck_assert_uint_eq (row[i], GUARD);
  }
}

START_TEST (test_resize_golden)
{
  SupconImage src = make_picture (golden_resizes[_i].width, golden_resizes[_i].height, golden_resizes[_i].channels);
  SupconImage dst = new_image (golden_resizes[_i].out_width, golden_resizes[_i].out_height, src.channels);
  SupconResizer *resizer = supcon_resizer_new ();
  SupconScratch *scratch = supcon_scratch_new ();

  supcon_resizer_apply (resizer, &src, &golden_resizes[_i].crop, golden_resizes[_i].mirror,
      golden_resizes[_i].interpolation, &dst, scratch);
  assert_golden (&dst, golden_bytes + golden_resizes[_i].offset, _i);
  supcon_resizer_free (resizer);
  supcon_scratch_free (scratch);
  g_free (src.pixels);
  g_free (dst.pixels);
}
END_TEST

/* What one call leaves in the scratch memory must not show in the next. */
START_TEST (test_resize_reused)
{
  SupconResizer *resizer = supcon_resizer_new ();
  SupconScratch *scratch = supcon_scratch_new ();

  for (guint round = 0; round < 2; round++) {
    for (guint i = 0; i < G_N_ELEMENTS (golden_resizes); i++) {
      guint k = round ? G_N_ELEMENTS (golden_resizes) - 1 - i : i;
      SupconImage src = make_picture (golden_resizes[k].width, golden_resizes[k].height, golden_resizes[k].channels);
      SupconImage dst = new_image (golden_resizes[k].out_width, golden_resizes[k].out_height, src.channels);

      supcon_resizer_apply (resizer, &src, &golden_resizes[k].crop, golden_resizes[k].mirror,
          golden_resizes[k].interpolation, &dst, scratch);
      assert_golden (&dst, golden_bytes + golden_resizes[k].offset, k);
      g_free (src.pixels);
      g_free (dst.pixels);
    }
  }
  supcon_resizer_free (resizer);
  supcon_scratch_free (scratch);
}
END_TEST

/* Weights add up to 1 in every pixel: a plain picture stays what it is, black and white included. */
START_TEST (test_resize_plain)
{
  static const guint sizes[] = { 1, 2, 3, 17, 32, 255, 777 };
  static const guint8 values[] = { 0, 1, 128, 255 };
  SupconResizer *resizer = supcon_resizer_new ();
  SupconScratch *scratch = supcon_scratch_new ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (guint o = 0; o < G_N_ELEMENTS (sizes); o++) {
      for (guint v = 0; v < G_N_ELEMENTS (values); v++) {
        SupconImage src = new_image (sizes[i], 3, 1), dst = new_image (sizes[o], 5, 1);
        SupconRect all = { 0, 0, src.width, src.height };

        memset (src.pixels, values[v], src.stride * src.height);
        supcon_resizer_apply (resizer, &src, &all, FALSE, SUPCON_INTERPOLATION_BILINEAR, &dst, scratch);
        for (guint y = 0; y < dst.height; y++) {
          for (guint x = 0; x < dst.width; x++)
            ck_assert_uint_eq (dst.pixels[y * dst.stride + x], values[v]);
        }
        g_free (src.pixels);
        g_free (dst.pixels);
      }
    }
  }
  supcon_resizer_free (resizer);
  supcon_scratch_free (scratch);
}
END_TEST

START_TEST (test_policy_golden)
{
  SupconImage picture
      = make_picture (golden_policies[_i].width, golden_policies[_i].height, golden_policies[_i].channels);
  SupconImage view = new_image (GOLDEN_VIEW, GOLDEN_VIEW, golden_policies[_i].view_channels);
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  SupconPolicy policy = {
    .kind = SUPCON_POLICY_CROP,
    .scale_min = golden_policies[_i].scale_min,
    .scale_max = golden_policies[_i].scale_max,
    .ratio_min = golden_policies[_i].ratio_min,
    .ratio_max = golden_policies[_i].ratio_max,
    .flip_probability = golden_policies[_i].flip_probability,
  };

  apply_policy (augmenter, &policy, golden_policies[_i].seed, golden_policies[_i].sample, golden_policies[_i].view,
      &picture, &view);
  assert_golden (&view, golden_bytes + golden_policies[_i].offset, _i);
  supcon_augmenter_free (augmenter);
  g_free (picture.pixels);
  g_free (view.pixels);
}
END_TEST

START_TEST (test_policy_none)
{
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  SupconImage picture = make_picture (33, 21, 3), view = new_image (33, 21, 3);
  SupconPolicy policy;

  supcon_policy_init (&policy, SUPCON_POLICY_NONE);
  apply_policy (augmenter, &policy, 1, 2, 3, &picture, &view);
  ck_assert (memcmp (view.pixels, picture.pixels, picture.stride * picture.height) == 0);
  supcon_augmenter_free (augmenter);
  g_free (picture.pixels);
  g_free (view.pixels);
}
END_TEST

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Every pixel of the picture says where it is, so a view tells its rectangle, to a pixel, and whether it was flipped.
 */
START_TEST (test_policy_distribution)
{
  enum { SIZE = 256, VIEW = 64, DRAWS = 4000, NEAR = 2, FAR = 61 };
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  SupconImage picture = new_image (SIZE, SIZE, 3), view = new_image (VIEW, VIEW, 3);
  double *area = g_new (double, DRAWS), *log_ratio = g_new (double, DRAWS), x_mean = 0.0, y_mean = 0.0;
  guint flips = 0;
  SupconPolicy policy;

  for (guint y = 0; y < SIZE; y++) {
    for (guint x = 0; x < SIZE; x++) {
      picture.pixels[y * picture.stride + 3 * x] = x;
      picture.pixels[y * picture.stride + 3 * x + 1] = y;
      picture.pixels[y * picture.stride + 3 * x + 2] = 0;
    }
  }
  supcon_policy_init (&policy, SUPCON_POLICY_CROP);
  policy.flip_probability = 0.3;
  for (guint i = 0; i < DRAWS; i++) {
    const guint8 *near, *far;
    double w, h, scale = (double)VIEW / (FAR - NEAR);

    apply_policy (augmenter, &policy, 11, i / 2, i % 2, &picture, &view);
    near = view.pixels + NEAR * view.stride + 3 * NEAR;
    far = view.pixels + FAR * view.stride + 3 * FAR;
    w = (far[0] - near[0]) * scale;
    h = (far[1] - near[1]) * scale;
    flips += w < 0;
    area[i] = fabs (w) * h / (SIZE * SIZE);
    log_ratio[i] = log (fabs (w) / h);
    x_mean += (near[0] + far[0]) / 2.0 / DRAWS;
    y_mean += (near[1] + far[1]) / 2.0 / DRAWS;
  }
  qsort (area, DRAWS, sizeof *area, compare_doubles);
  qsort (log_ratio, DRAWS, sizeof *log_ratio, compare_doubles);
  for (guint d = 0; d < 9; d++) {
    guint below_area = 0, below_ratio = 0;

    while (below_area < DRAWS && area[below_area] < golden_area_deciles[d])
      below_area++;
    while (below_ratio < DRAWS && log_ratio[below_ratio] < golden_log_ratio_deciles[d])
      below_ratio++;
    /* Four standard deviations of a share of 4000 draws, and as much for the pixel that the rectangle is off. */
    ck_assert_double_eq_tol ((double)below_area / DRAWS, (d + 1) / 10.0, 0.035);
    ck_assert_double_eq_tol ((double)below_ratio / DRAWS, (d + 1) / 10.0, 0.035);
  }
  ck_assert_double_eq_tol ((double)flips / DRAWS, 0.3, 0.03);
  ck_assert_double_eq_tol (x_mean, 127.5, 3.0);
  ck_assert_double_eq_tol (y_mean, 127.5, 3.0);
  g_free (area);
  g_free (log_ratio);
  supcon_augmenter_free (augmenter);
  g_free (picture.pixels);
  g_free (view.pixels);
}
END_TEST

/* One view in any order from any augmenter; another one for any other key. */
START_TEST (test_policy_key)
{
  static const guint64 keys[][3] = { { 1, 2, 3 }, { 2, 2, 3 }, { 1, 3, 3 }, { 1, 2, 4 },
    { 1, 2 + (G_GUINT64_CONSTANT (1) << 32), 3 }, { 1 + (G_GUINT64_CONSTANT (1) << 32), 2, 3 } };
  enum { KEYS = G_N_ELEMENTS (keys) };
  SupconImage picture = make_picture (60, 50, 3), views[KEYS];
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  SupconPolicy policy;
  gsize size;

  supcon_policy_init (&policy, SUPCON_POLICY_CROP);
  for (guint i = 0; i < KEYS; i++) {
    views[i] = new_image (16, 16, 3);
    apply_policy (augmenter, &policy, keys[i][0], keys[i][1], (guint32)keys[i][2], &picture, &views[i]);
  }
  size = views[0].stride * views[0].height;
  for (guint i = KEYS; i-- > 0;) {
    SupconAugmenter *other = supcon_augmenter_new ();
    SupconImage again = new_image (16, 16, 3);

    apply_policy (other, &policy, keys[i][0], keys[i][1], (guint32)keys[i][2], &picture, &again);
    for (guint j = 0; j < KEYS; j++)
      ck_assert_int_eq (memcmp (again.pixels, views[j].pixels, size) == 0, i == j);
    supcon_augmenter_free (other);
    g_free (again.pixels);
  }

  /* The flip has its own numbers: what is drawn for it does not move the crop. */
  policy.flip_probability = 0.0;
  apply_policy (augmenter, &policy, 1, 2, 3, &picture, &views[0]);
  policy.flip_probability = 1.0;
  apply_policy (augmenter, &policy, 1, 2, 3, &picture, &views[1]);
  for (guint y = 0; y < 16; y++) {
    for (guint x = 0; x < 16; x++)
      ck_assert_mem_eq (
          views[0].pixels + y * views[0].stride + 3 * x, views[1].pixels + y * views[1].stride + 3 * (15 - x), 3);
  }
  for (guint i = 0; i < KEYS; i++)
    g_free (views[i].pixels);
  g_free (picture.pixels);
  supcon_augmenter_free (augmenter);
}
END_TEST

/* Bounds that crossed for a moment, a scale of nothing, pictures of one pixel or one row. */
START_TEST (test_policy_extremes)
{
  static const guint sizes[][2] = { { 1, 1 }, { 1, 300 }, { 300, 1 }, { 2, 3 } };
  static const SupconPolicy policies[] = {
    { .kind = SUPCON_POLICY_CROP,
        .scale_min = 1.0,
        .scale_max = 0.08,
        .ratio_min = 4.0 / 3.0,
        .ratio_max = 3.0 / 4.0,
        .flip_probability = 0.5 },
    { .kind = SUPCON_POLICY_CROP,
        .scale_min = 0.0,
        .scale_max = 0.0,
        .ratio_min = 0.01,
        .ratio_max = 100.0,
        .flip_probability = 0.5 },
    { .kind = SUPCON_POLICY_CROP,
        .scale_min = 1.0,
        .scale_max = 1.0,
        .ratio_min = 100.0,
        .ratio_max = 100.0,
        .flip_probability = 1.0 },
    { .kind = SUPCON_POLICY_CROP,
        .scale_min = 1.0,
        .scale_max = 1.0,
        .ratio_min = 0.01,
        .ratio_max = 0.01,
        .flip_probability = 1.0 },
  };
  SupconAugmenter *augmenter = supcon_augmenter_new ();

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    for (guint p = 0; p < G_N_ELEMENTS (policies); p++) {
      for (guint i = 0; i < 50; i++) {
        SupconImage picture = new_image (sizes[s][0], sizes[s][1], 1), view = new_image (4, 4, 3);

        memset (picture.pixels, 77, picture.stride * picture.height);
        apply_policy (augmenter, &policies[p], 1, i, 0, &picture, &view);
        for (guint y = 0; y < 4; y++) {
          for (guint x = 0; x < 12; x++)
            ck_assert_uint_eq (view.pixels[y * view.stride + x], 77);
        }
        g_free (picture.pixels);
        g_free (view.pixels);
      }
    }
  }
  supcon_augmenter_free (augmenter);
}
END_TEST

typedef struct {
  SupconAugmenter *all[2];
  guint left; /* atomic */
} Helped;

static gpointer
help (gpointer data)
{
  Helped *helped = data;

  supcon_augmenter_help (helped->all[1], helped->all, 2, &helped->left);
  return NULL;
}

/* A thread that takes rows of another's views changes nothing. */
START_TEST (test_help)
{
  SupconImage picture = make_picture (150, 130, _i % 2 ? 3 : 1), views[2];
  SupconAugmenter *alone = supcon_augmenter_new ();
  Helped helped = { { supcon_augmenter_new (), supcon_augmenter_new () }, 1 };
  GThread *thread = g_thread_new ("help", help, &helped);
  SupconPolicy policy;

  supcon_policy_init (&policy, (SupconPolicyKind)_i);
  policy.erase_probability = policy.cutout_probability = policy.warp_probability = 0.5;
  for (guint k = 0; k < 2; k++)
    views[k] = new_image (97, 101, 3);
  for (guint i = 0; i < 60; i++) {
    apply_policy (alone, &policy, 1, i, 0, &picture, &views[0]);
    apply_policy (helped.all[0], &policy, 1, i, 0, &picture, &views[1]);
    ck_assert_mem_eq (views[0].pixels, views[1].pixels, views[0].stride * views[0].height);
  }
  __atomic_store_n (&helped.left, 0, __ATOMIC_RELEASE);
  g_thread_join (thread);
  supcon_augmenter_free (alone);
  for (guint k = 0; k < 2; k++) {
    supcon_augmenter_free (helped.all[k]);
    g_free (views[k].pixels);
  }
  g_free (picture.pixels);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("augment");
  TCase *tcase = tcase_create ("augment");
  SRunner *runner = srunner_create (suite);
  int failed;

  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, test_resize_golden, 0, G_N_ELEMENTS (golden_resizes));
  tcase_add_test (tcase, test_resize_reused);
  tcase_add_test (tcase, test_resize_plain);
  tcase_add_loop_test (tcase, test_policy_golden, 0, G_N_ELEMENTS (golden_policies));
  tcase_add_test (tcase, test_policy_none);
  tcase_add_test (tcase, test_policy_distribution);
  tcase_add_test (tcase, test_policy_key);
  tcase_add_test (tcase, test_policy_extremes);
  tcase_add_loop_test (tcase, test_help, SUPCON_POLICY_NONE, SUPCON_POLICY_AUGMIX + 1);
  suite_add_tcase (suite, tcase);
  srunner_run_all (runner, CK_NORMAL);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
