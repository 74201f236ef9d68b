/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Index files with bytes changed, cut off, added and repeated: each is refused with a reason, or is an index whose
 * every entry can be read, searched and saved. Deterministic: the run's number is the seed. */
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "index/index.h"

#define RUNS 2000
#define ENTRIES 40
#define DIM 6

static guint
below (GRand *rand, guint n)
{
  return n ? (guint)g_rand_int_range (rand, 0, (gint32)n) : 0;
}

static void
write_valid (const char *location)
{
  static const char *const names[] = { "cup", "box", NULL, "caf\xc3\xa9" };
  SupconIndex *index = supcon_index_new (DIM, SUPCON_METRIC_COSINE);
  GRand *rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < ENTRIES; i++) {
    SupconEntry entry = { names[i % 4], i % 3 ? "file:///a.mp4" : NULL, i % 5 ? (gint64)i * 1000 : -1 };
    SupconReal values[DIM];

    for (guint k = 0; k < DIM; k++)
      values[k] = (SupconReal)g_rand_double_range (rand, -1, 1);
    g_assert_true (supcon_index_add (index, values, &entry));
  }
  g_assert_true (supcon_index_save (index, location, NULL));
  g_rand_free (rand);
  supcon_index_free (index);
}

/* Most of the time where it hurts: in the header's length and text. */
static void
spoil (GRand *rand, GString *file)
{
  static const char *const words[] = { "-1", "0", "18446744073709551615", "2147483648", "[", "]", "{", "}", "\"", "F64",
    "I32", "null", "1e99", ":", "," };
  gsize at = below (rand, (guint)file->len);
  const char *word;

  if (below (rand, 3))
    at = below (rand, (guint)MIN (file->len, 700));
  switch (below (rand, 6)) {
  case 0:
    g_string_truncate (file, at);
    break;
  case 1:
    g_string_insert_len (file, (gssize)at, file->str, below (rand, 40));
    break;
  case 2:
    g_string_erase (file, (gssize)at, (gssize)MIN (file->len - at, 1 + below (rand, 40)));
    break;
  case 3:
    word = words[below (rand, G_N_ELEMENTS (words))];
    g_string_overwrite (file, at, word);
    break;
  default:
    if (file->len)
      file->str[at] = (char)g_rand_int (rand);
  }
}

/* copy: where it is saved; NULL: it is not. */
static void
use (SupconIndex *index, const char *copy)
{
  guint dim = supcon_index_dim (index);
  SupconReal *query = g_new (SupconReal, dim);
  SupconNeighbour found[5];
  GError *error = NULL;
  guint n;

  for (guint k = 0; k < dim; k++)
    query[k] = 1;
  for (gsize i = 0; i < supcon_index_count (index); i++) {
    SupconEntry entry = supcon_index_entry (index, i);

    g_assert_true (!entry.label || g_utf8_validate (entry.label, -1, NULL));
    g_assert_true (!entry.uri || g_utf8_validate (entry.uri, -1, NULL));
    g_assert_true (entry.timestamp >= -1);
  }
  n = supcon_index_search_distinct (index, query, 5, 2000, -G_MAXDOUBLE, 1, found);
  for (guint i = 0; i < n; i++) {
    g_assert_true (found[i].entry < supcon_index_count (index));
    g_assert_true (isfinite (found[i].score));
  }
  if (copy && !supcon_index_save (index, copy, &error))
    g_error ("%s", error->message);
  g_free (query);
}

int
main (void)
{
  char *folder = g_dir_make_tmp ("fuzz-index-XXXXXX", NULL);
  char *location = g_build_filename (folder, "i.safetensors", NULL);
  char *copy = g_build_filename (folder, "copy.safetensors", NULL);
  char *valid;
  gsize size;
  guint good = 0;

  write_valid (location);
  g_assert_true (g_file_get_contents (location, &valid, &size, NULL));
  for (guint run = 0; run < RUNS; run++) {
    GRand *rand = g_rand_new_with_seed (run);
    GString *file = g_string_new_len (valid, (gssize)size);
    GError *error = NULL;
    SupconIndex *index;

    for (guint i = below (rand, 4); i > 0; i--)
      spoil (rand, file);
    /* In place, as g_file_set_contents would sync every one to disk. */
    {
      FILE *stream = fopen (location, "wb");

      g_assert_true (fwrite (file->str, 1, file->len, stream) == file->len);
      fclose (stream);
    }
    index = supcon_index_load (location, &error);
    if (index) {
      /* Saving waits for the disk. */
      use (index, good++ % 16 ? NULL : copy);
      supcon_index_free (index);
    } else {
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, "i.safetensors"));
      g_error_free (error);
    }
    g_string_free (file, TRUE);
    g_rand_free (rand);
  }
  printf ("%u of %u files were good\n", good, RUNS);
  /* Neither side is untried. */
  g_assert_true (good > RUNS / 10 && good < RUNS);
  g_unlink (copy);
  g_unlink (location);
  g_rmdir (folder);
  g_free (valid);
  g_free (copy);
  g_free (location);
  g_free (folder);
  return 0;
}
