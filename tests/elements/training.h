/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What the tests of supcontrainer train on, and where. */
#ifndef TEST_TRAINING_H
#define TEST_TRAINING_H

#include "pipeline.h"

/* Two things to tell apart: a moving ball and snow, by turns. */
#define CAPS "video/x-raw,format=RGB,width=12,height=12,framerate=30/1"
#define THINGS(frames) \
    "videotestsrc pattern=ball num-buffers=" #frames " ! " CAPS " ! supconlabel label=ball ! f. " \
    "videotestsrc pattern=snow num-buffers=" #frames " ! " CAPS " ! supconlabel label=snow ! f. "
#define TRAINER "funnel name=f ! supcontrainer name=t encoder=resnet8 width=0.25 message-interval=1 "

static gchar *folder, *model;

static inline void
setup (void)
{
  folder = folder_new ();
  model = g_build_filename (folder, "m.safetensors", NULL);
}

static inline void
teardown (void)
{
  g_free (model);
  folder_free (folder);
}

static inline gchar *
contents_of (const gchar * path, gsize * size)
{
  gchar *contents;

  fail_unless (g_file_get_contents (path, &contents, size, NULL));
  return contents;
}

static inline gboolean
same_contents (const gchar * path, const gchar * other)
{
  gsize sizes[2];
  gchar *contents[2] = { contents_of (path, &sizes[0]), contents_of (other, &sizes[1]) };
  gboolean same = sizes[0] == sizes[1] && memcmp (contents[0], contents[1], sizes[0]) == 0;

  g_free (contents[0]);
  g_free (contents[1]);
  return same;
}

/* One source, so that frames come in one order. */
#define ONE_THING "videotestsrc pattern=ball num-buffers=48 ! " CAPS " ! supconlabel name=l label=ball ! supconaugment views=2 ! " CAPS \
    " ! supcontrainer encoder=resnet8 width=0.25 batch-size=24 seed=3 "

#define SHAPE_SIZE 12
#define N_SHAPES 4

static inline void
write_idx (const gchar * folder, const gchar * name, const guint32 * header,
    guint n_fields, const guint8 * bytes, gsize size)
{
  gchar *path = g_build_filename (folder, name, NULL);
  FILE *file = g_fopen (path, "wb");

  for (guint i = 0; i < n_fields; i++) {
    guint32 field = GUINT32_TO_BE (header[i]);

    fail_unless (fwrite (&field, sizeof field, 1, file) == 1);
  }
  fail_unless (fwrite (bytes, 1, size, file) == size);
  fail_unless (fclose (file) == 0);
  g_free (path);
}

/* A data set that is easy to learn, the same at each call: lines across, lines down, a disc and a frame, moved and in
 * noise. Of one source, so that batches do not depend on how busy the machine is. */
static inline void
write_shapes (guint n)
{
  const guint32 pictures[] = { 0x803, n, SHAPE_SIZE, SHAPE_SIZE }, labels[] = { 0x801, n };
  guint8 *pixels = g_malloc (n * SHAPE_SIZE * SHAPE_SIZE), *classes = g_malloc (n), *at = pixels;
  GRand *rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < n; i++) {
    gint across = g_rand_int_range (rand, 0, 4), down = g_rand_int_range (rand, 0, 4);

    classes[i] = i % N_SHAPES;
    for (gint y = 0; y < SHAPE_SIZE; y++)
      for (gint x = 0; x < SHAPE_SIZE; x++) {
        gint dx = x - 4 - across, dy = y - 4 - down;
        const gboolean lit[N_SHAPES] = { (y + down) % 4 < 2, (x + across) % 4 < 2, dx * dx + dy * dy < 12,
          MAX (ABS (dx), ABS (dy)) == 4
        };

        *at++ = (lit[classes[i]] ? 160 : 40) + g_rand_int_range (rand, -40, 40);
      }
  }
  write_idx (folder, "train-images-idx3-ubyte", pictures, 4, pixels, at - pixels);
  write_idx (folder, "train-labels-idx1-ubyte", labels, 2, classes, n);
  g_rand_free (rand);
  g_free (classes);
  g_free (pixels);
}

#define SHAPES "supcondatasetsrc location=%s val-fraction=0.25 "
#define SHAPE_CAPS "video/x-raw,format=GRAY8,width=12,height=12"
/* A trainer that learns shapes for so many epochs and is validated on others; its properties follow. Twice the folder,
 * then the model, are printed into it. */
#define LEARN_SHAPES(epochs) \
    SHAPES "shuffle=true seed=1 epochs=" #epochs " ! supconaugment policy=crop scale-min=0.7 seed=1 ! " SHAPE_CAPS " ! t. " \
    SHAPES "split=val ! supconaugment policy=none views=1 ! " SHAPE_CAPS " ! t.validation " \
    "supcontrainer name=t encoder=resnet8 width=0.5 batch-size=64 message-interval=1 seed=1 location=%s "

/* A value of a checkpoint's metadata, or NULL; free with g_free. */
static inline gchar *
metadata_of (const gchar * path, const gchar * key)
{
  gchar *contents = contents_of (path, NULL), *quoted = g_strdup_printf ("\"%s\":\"", key);
  gchar *at = g_strstr_len (contents + 8, 1 << 14, quoted), *value = NULL;

  if (at) {
    at += strlen (quoted);
    value = g_strndup (at, strchr (at, '"') - at);
  }
  g_free (quoted);
  g_free (contents);
  return value;
}

#endif
