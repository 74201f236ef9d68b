/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The index: the same neighbours as by trying all, whatever the batch, dimension and threads; files there and back, and
 * what is no index refused with a reason. */
#include "check_main.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "index/index.h"
#include "model/safetensors.h"
#include "neighbours.h"

static const SupconEntry nothing = { NULL, NULL, -1 };

static void
fill (SupconReal *values, gsize n, guint32 seed)
{
  GRand *rand = g_rand_new_with_seed (seed);

  for (gsize i = 0; i < n; i++)
    values[i] = (SupconReal)g_rand_double_range (rand, -1, 1);
  g_rand_free (rand);
}

static SupconIndex *
new_index (guint dim, gsize n, SupconMetric metric)
{
  SupconIndex *index = supcon_index_new (dim, metric);
  SupconReal *values = g_new (SupconReal, n * dim + 1);

  fill (values, n * dim, 7);
  for (gsize i = 0; i < n; i++)
    ck_assert (supcon_index_add (index, values + i * dim, &nothing));
  g_free (values);
  return index;
}

static char *
temporary (void)
{
  char *location = NULL;
  int fd = g_file_open_tmp ("index-XXXXXX.safetensors", &location, NULL);

  ck_assert_int_ge (fd, 0);
  close (fd);
  return location;
}

static double
dot (const SupconReal *a, const SupconReal *b, guint dim)
{
  double sum = 0;

  for (guint i = 0; i < dim; i++)
    sum += (double)a[i] * b[i];
  return sum;
}

static void
assert_like_all (const SupconIndex *index, guint n, guint k)
{
  guint dim = supcon_index_dim (index);
  gsize count = supcon_index_count (index);
  SupconReal *queries = g_new (SupconReal, (gsize)n * dim);
  SupconNeighbour *found = g_new (SupconNeighbour, (gsize)n * k), *again = g_new (SupconNeighbour, (gsize)n * k);
  gboolean *seen = g_new (gboolean, count + 1);

  fill (queries, (gsize)n * dim, 11);
  supcon_index_search (index, n, queries, k, 1, found);
  supcon_index_search (index, n, queries, k, 3, again);
  for (guint i = 0; i < n; i++) {
    const SupconReal *query = queries + (gsize)i * dim;
    double length = supcon_index_metric (index) == SUPCON_METRIC_COSINE ? sqrt (dot (query, query, dim)) : 1;
    guint better = 0;
    double worst = INFINITY;

    memset (seen, 0, count * sizeof *seen);
    for (guint j = 0; j < k; j++) {
      const SupconNeighbour *one = &found[(gsize)i * k + j];
      double score;

      ck_assert_uint_eq (one->entry, again[(gsize)i * k + j].entry);
      ck_assert (one->score == again[(gsize)i * k + j].score);
      if (j >= count) {
        ck_assert (one->entry == SUPCON_NO_ENTRY);
        continue;
      }
      ck_assert_uint_lt (one->entry, count);
      ck_assert (!seen[one->entry]);
      seen[one->entry] = TRUE;
      score = dot (query, supcon_index_embedding (index, one->entry), dim) / length;
      ck_assert (fabs (score - one->score) < 1e-5 * dim);
      ck_assert (one->score <= worst);
      worst = one->score;
    }
    for (gsize e = 0; e < count; e++)
      better += dot (query, supcon_index_embedding (index, e), dim) / length > worst + 1e-5 * dim;
    ck_assert_uint_le (better, k);
    for (gsize e = 0; e < count && better; e++)
      ck_assert (seen[e] || dot (query, supcon_index_embedding (index, e), dim) / length <= worst + 1e-5 * dim);
  }
  g_free (seen);
  g_free (found);
  g_free (again);
  g_free (queries);
}

START_TEST (finds_what_trying_all_finds)
{
  static const guint dims[] = { 1, 7, 16, 128, 131 }, batches[] = { 1, 2, 16, 17, 48, 64, 65, 130 };
  static const gsize counts[] = { 1, 3, 1023, 2500 };

  for (guint d = 0; d < G_N_ELEMENTS (dims); d++)
    for (guint c = 0; c < G_N_ELEMENTS (counts); c++) {
      SupconIndex *index = new_index (dims[d], counts[c], c % 2 ? SUPCON_METRIC_COSINE : SUPCON_METRIC_INNER_PRODUCT);

      for (guint b = 0; b < G_N_ELEMENTS (batches); b++)
        assert_like_all (index, batches[b], b % 2 ? 5 : 1);
      assert_like_all (index, 3, 100);
      supcon_index_free (index);
    }
}
END_TEST

START_TEST (of_equal_scores_the_first_is_first)
{
  SupconIndex *index = supcon_index_new (4, SUPCON_METRIC_COSINE);
  SupconReal same[4] = { 0.5, 0.5, 0.5, 0.5 };
  SupconNeighbour found[20 * 2];
  SupconReal queries[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };

  for (guint i = 0; i < 5000; i++)
    supcon_index_add (index, same, &nothing);
  for (guint n = 1; n <= 2; n++) {
    supcon_index_search (index, n, queries, 20, 2, found);
    for (guint i = 0; i < n * 20; i++)
      ck_assert_uint_eq (found[i].entry, i % 20);
  }
  supcon_index_free (index);
}
END_TEST

START_TEST (without_a_direction_there_is_no_neighbour)
{
  SupconIndex *index = new_index (3, 10, SUPCON_METRIC_COSINE);
  static const SupconReal useless[][3] = { { 0, 0, 0 }, { NAN, 1, 1 }, { INFINITY, 0, 0 } };
  SupconReal query[6] = { 0, 0, 0, 1, 2, 3 };
  SupconNeighbour found[4];

  for (guint i = 0; i < G_N_ELEMENTS (useless); i++) {
    ck_assert (!supcon_index_add (index, useless[i], &nothing));
    supcon_index_search (index, 1, useless[i], 2, 0, found);
    ck_assert (found[0].entry == SUPCON_NO_ENTRY && found[1].entry == SUPCON_NO_ENTRY);
  }
  ck_assert_uint_eq (supcon_index_count (index), 10);
  supcon_index_search (index, 2, query, 2, 0, found);
  ck_assert (found[0].entry == SUPCON_NO_ENTRY && found[2].entry < 10 && found[3].entry < 10);
  supcon_index_free (index);

  index = supcon_index_new (3, SUPCON_METRIC_COSINE);
  supcon_index_search (index, 1, query + 3, 2, 0, found);
  ck_assert (found[0].entry == SUPCON_NO_ENTRY);
  supcon_index_free (index);
}
END_TEST

START_TEST (neighbours_may_be_held_apart)
{
  SupconIndex *index = supcon_index_new (2, SUPCON_METRIC_COSINE);
  const SupconReal query[2] = { 1, 0 };
  SupconNeighbour found[5];

  ck_assert_uint_eq (supcon_index_search_distinct (index, query, 5, 10, -1, 1, found), 0);
  /* The nearer to entry 50 of either URI the more alike; entries are 1 ns apart. */
  for (gint i = 0; i < 200; i++) {
    SupconReal embedding[2] = { 1, (SupconReal)(abs (i % 100 - 50) + i / 100 * 0.5) * (SupconReal)0.01 };

    supcon_index_add (index, embedding, &(SupconEntry){ NULL, i < 100 ? "a" : "b", i % 100 });
  }
  ck_assert_uint_eq (supcon_index_search_distinct (index, query, 5, 20, -1, 1, found), 5);
  ck_assert_uint_eq (found[0].entry, 50);
  ck_assert_uint_eq (found[1].entry, 150);
  ck_assert_uint_eq (found[2].entry, 30);
  ck_assert_uint_eq (found[3].entry, 70);
  ck_assert_uint_eq (found[4].entry, 130);
  ck_assert_uint_eq (supcon_index_search_distinct (index, query, 5, 0, -1, 1, found), 5);
  ck_assert_uint_eq (found[1].entry, 150);
  ck_assert_uint_eq (found[2].entry, 49);
  ck_assert_uint_eq (supcon_index_search_distinct (index, query, 5, 1000, -1, 1, found), 2);
  ck_assert_uint_eq (supcon_index_search_distinct (index, query, 5, 20, 0.99998, 1, found), 2);
  supcon_index_free (index);

  /* Without a time nothing is near to another, whichever of the two has none. */
  index = supcon_index_new (2, SUPCON_METRIC_COSINE);
  for (gint i = 0; i < 4; i++)
    supcon_index_add (index, query, &(SupconEntry){ NULL, "a", i == 1 ? 5 : -1 });
  ck_assert_uint_eq (supcon_index_search_distinct (index, query, 5, 20, -1, 1, found), 4);
  /* The threshold is what is good enough, not what must be passed. */
  ck_assert_uint_eq (supcon_index_search_distinct (index, query, 5, 20, found[0].score, 1, found), 4);
  supcon_index_free (index);
}
END_TEST

static void
assert_entry (const SupconIndex *index, gsize entry, const char *label, const char *uri, gint64 timestamp)
{
  SupconEntry found = supcon_index_entry (index, entry);

  ck_assert_pstr_eq (found.label, label);
  ck_assert_pstr_eq (found.uri, uri);
  ck_assert_int_eq (found.timestamp, timestamp);
}

START_TEST (a_file_gives_back_what_was_saved)
{
  SupconIndex *index = supcon_index_new (2, SUPCON_METRIC_COSINE), *loaded;
  const SupconReal a[2] = { 3, 4 }, b[2] = { -1, 0 }, c[2] = { 0, 2 };
  SupconNeighbour found[3];
  char *location = temporary ();
  GError *error = NULL;

  supcon_index_add (index, a, &(SupconEntry){ "cup \"blue\"\n", "file:///a.mp4", 40 });
  supcon_index_add (index, b, &(SupconEntry){ NULL, "file:///a.mp4", G_MAXINT64 });
  ck_assert (supcon_index_encoder (index) == 0);
  supcon_index_set_encoder (index, G_MAXUINT64 - 1);
  ck_assert (supcon_index_save (index, location, &error));
  supcon_index_free (index);

  loaded = supcon_index_load (location, &error);
  ck_assert_msg (loaded != NULL, "%s", error ? error->message : "");
  ck_assert_uint_eq (supcon_index_metric (loaded), SUPCON_METRIC_COSINE);
  ck_assert (supcon_index_encoder (loaded) == G_MAXUINT64 - 1);
  assert_entry (loaded, 0, "cup \"blue\"\n", "file:///a.mp4", 40);
  assert_entry (loaded, 1, NULL, "file:///a.mp4", G_MAXINT64);

  /* It grows in memory, is searched as one, and replaces the file that it is mapped from. */
  supcon_index_add (loaded, c, &(SupconEntry){ "Стакан", NULL, -1 });
  supcon_index_search (loaded, 1, c, 3, 0, found);
  ck_assert_uint_eq (found[0].entry, 2);
  ck_assert_uint_eq (found[1].entry, 0);
  ck_assert (fabs (found[1].score - 0.8) < 1e-6);
  ck_assert (supcon_index_save (loaded, location, &error));
  supcon_index_free (loaded);
  loaded = supcon_index_load (location, &error);
  ck_assert_uint_eq (supcon_index_count (loaded), 3);
  assert_entry (loaded, 2, "Стакан", NULL, -1);
  ck_assert (fabs (supcon_index_embedding (loaded, 0)[1] - 0.8) < 1e-6);
  supcon_index_free (loaded);

  index = supcon_index_new (2, SUPCON_METRIC_INNER_PRODUCT);
  ck_assert (supcon_index_save (index, location, &error));
  supcon_index_free (index);
  loaded = supcon_index_load (location, &error);
  ck_assert_msg (loaded != NULL, "%s", error ? error->message : "");
  ck_assert_uint_eq (supcon_index_count (loaded), 0);
  ck_assert (supcon_index_encoder (loaded) == 0);
  supcon_index_free (loaded);
  g_unlink (location);
  g_free (location);
}
END_TEST

/* A file of this header and as many bytes of data, all of them value. */
static void
write_file (const char *location, const char *header, gsize n, guint8 value)
{
  GByteArray *bytes = g_byte_array_new ();
  guint64 length = GUINT64_TO_LE (strlen (header));

  g_byte_array_append (bytes, (const guint8 *)&length, sizeof length);
  g_byte_array_append (bytes, (const guint8 *)header, strlen (header));
  for (gsize i = 0; i < n; i++)
    g_byte_array_append (bytes, &value, 1);
  ck_assert (g_file_set_contents (location, (const char *)bytes->data, bytes->len, NULL));
  g_byte_array_unref (bytes);
}

#define EMBEDDINGS "\"embeddings\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}"
#define TENSOR(name, dtype, shape, begin, end)                                                                         \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

START_TEST (other_files_are_refused_with_a_reason)
{
  static const struct {
    const char *header;
    gsize bytes;
    guint8 value;
    const char *reason;
  } files[] = {
    { "{" TENSOR ("other", "F32", "[4]", 0, 16) "}", 16, 0, "no tensor embeddings" },
    { "{" TENSOR ("embeddings", "F32", "[4]", 0, 16) "}", 16, 0, "tensor embeddings: [4] of F32" },
    { "{" TENSOR ("embeddings", "I32", "[2, 2]", 0, 16) "}", 16, 0, "of I32, expected" },
    { "{" TENSOR ("embeddings", "F32", "[3, 0]", 0, 0) "}", 0, 0, "[3, 0]" },
    { "{" TENSOR ("embeddings", "F32", "[9000000000000, 0]", 0, 0) "}", 0, 0, "tensor embeddings: [9000000000000, 0]" },
    { "{" TENSOR ("embeddings", "F32", "[1, 65537]", 0, 262148) "}", 262148, 0, "1 to 65536" },
    { "{" EMBEDDINGS "," TENSOR ("labels", "I32", "[3]", 16, 28) "}", 28, 0xff,
        "tensor labels: [3] of I32, expected [2]" },
    { "{" EMBEDDINGS "," TENSOR ("labels", "I64", "[2]", 16, 32) "}", 32, 0xff, "tensor labels: [2] of I64" },
    { "{" EMBEDDINGS "," TENSOR ("labels", "I32", "[2]", 16, 24) "}", 24, 0,
        "tensor labels: element 0 is 0, expected -1 to -1" },
    { "{" EMBEDDINGS "," TENSOR ("uris", "I32", "[2]", 16, 24) "}", 24, 0xfe, "tensor uris: element 0 is" },
    { "{" EMBEDDINGS "," TENSOR ("timestamps", "F64", "[2]", 16, 32) "}", 32, 0, "tensor timestamps: [2] of F64" },
    { "{" EMBEDDINGS "," TENSOR ("label-names", "U8", "[3]", 16, 19) "}", 19, 'x', "is not ended by a zero byte" },
    { "{" EMBEDDINGS "," TENSOR ("uri-names", "U8", "[3]", 16, 19) "}", 19, 0, "is there twice" },
    { "{" EMBEDDINGS "," TENSOR ("uri-names", "I8", "[3]", 16, 19) "}", 19, 0, "tensor uri-names: I8" },
    { "{\"__metadata__\":{\"metric\":\"l2\"}," EMBEDDINGS "}", 16, 0, "metric \"l2\", expected cosine" },
    { "{\"__metadata__\":{\"format\":\"gst-supcon-index\",\"version\":\"2\"}," EMBEDDINGS "}", 16, 0,
        "version 2, expected 1" },
    { "{\"__metadata__\":{\"encoder-fingerprint\":\"resnet18\"}," EMBEDDINGS "}", 16, 0,
        "encoder-fingerprint \"resnet18\", expected a hexadecimal number" },
    { "{" EMBEDDINGS "}", 12, 0, "data_offsets" },
  };
  char *location = temporary ();
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    write_file (location, files[i].header, files[i].bytes, files[i].value);
    ck_assert_msg (supcon_index_load (location, &error) == NULL, "%s", files[i].header);
    ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT));
    ck_assert_msg (strstr (error->message, files[i].reason) && g_str_has_prefix (error->message, location), "%s: %s",
        files[i].reason, error->message);
    g_clear_error (&error);
  }
  g_unlink (location);
  ck_assert (supcon_index_load (location, &error) == NULL);
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_NOT_FOUND));
  g_clear_error (&error);
  g_free (location);
}
END_TEST

#ifdef SUPCON_HAVE_FAISS

START_TEST (lists_lose_few_neighbours_and_all_lists_none)
{
  enum { DIM = 24, N = 20000, QUERIES = 70, K = 10, LISTS = 141 };
  SupconIndex *index = supcon_index_new (DIM, SUPCON_METRIC_COSINE);
  SupconReal *values = g_new (SupconReal, N * DIM), *middles = g_new (SupconReal, 200 * DIM);
  SupconNeighbour *exact = g_new (SupconNeighbour, QUERIES * K), *found = g_new (SupconNeighbour, QUERIES * K);
  double few, most;

  /* As embeddings of things of a kind lie: in clusters. */
  fill (values, N * DIM, 3);
  fill (middles, 200 * DIM, 4);
  for (guint i = 0; i < N * DIM; i++)
    values[i] = middles[i / DIM % 200 * DIM + i % DIM] + values[i] / 3;
  for (guint i = 0; i < N; i++)
    ck_assert (supcon_index_add (index, values + i * DIM, &nothing));
  supcon_index_search (index, QUERIES, values, K, 0, exact);

  ck_assert (supcon_index_approximate (index, LISTS, 2, NULL));
  supcon_index_search (index, QUERIES, values, K, 0, found);
  for (guint i = 0; i < QUERIES * K; i++) {
    ck_assert_uint_eq (found[i].entry, exact[i].entry);
    ck_assert (fabs (found[i].score - exact[i].score) < 1e-5);
  }
  ck_assert (supcon_index_approximate (index, 1, 2, NULL));
  supcon_index_search (index, QUERIES, values, K, 0, found);
  few = recall (exact, found, QUERIES, K);
  ck_assert (supcon_index_approximate (index, 8, 2, NULL));
  supcon_index_search (index, QUERIES, values, K, 0, found);
  most = recall (exact, found, QUERIES, K);
  ck_assert_double_ge (most, 0.95);
  ck_assert_double_lt (few, most);

  /* What is added ends it: it is found. */
  ck_assert (supcon_index_add (index, values, &nothing));
  supcon_index_search (index, 1, values, 2, 0, found);
  ck_assert_uint_eq (found[0].entry, 0);
  ck_assert_uint_eq (found[1].entry, N);
  g_free (values);
  g_free (middles);
  g_free (exact);
  g_free (found);
  supcon_index_free (index);
}
END_TEST

/* Numbers of a file from elsewhere that are not finite, or whose squares are not, are in no list, queries that are not
 * have no neighbour, and there may be fewer entries than are asked for. */
START_TEST (lists_may_be_of_few_and_bad_entries)
{
  static const SupconReal bad[] = { NAN, 1.5e38 };
  char *location = temporary ();
  SupconReal queries[6] = { 1, 2, 3, 0, 0, NAN };
  SupconNeighbour found[2 * 9];
  SupconIndex *index;
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    index = new_index (3, 7, SUPCON_METRIC_INNER_PRODUCT);
    *(SupconReal *)supcon_index_embedding (index, 4) = bad[i];
    ck_assert (supcon_index_save (index, location, &error));
    supcon_index_free (index);
    index = supcon_index_load (location, &error);
    ck_assert (supcon_index_approximate (index, 100, 1, &error));
    supcon_index_search (index, 2, queries, 9, 1, found);
    for (guint j = 0; j < 18; j++) {
      ck_assert_uint_ne (found[j].entry, 4);
      ck_assert ((found[j].entry == SUPCON_NO_ENTRY) == (j >= 6));
    }
    supcon_index_free (index);
  }

  index = supcon_index_new (3, SUPCON_METRIC_COSINE);
  ck_assert (supcon_index_approximate (index, 1, 1, &error));
  supcon_index_search (index, 1, queries, 2, 1, found);
  ck_assert (found[0].entry == SUPCON_NO_ENTRY && found[1].entry == SUPCON_NO_ENTRY);
  supcon_index_free (index);
  g_unlink (location);
  g_free (location);
}
END_TEST

#define LISTS_TESTS lists_lose_few_neighbours_and_all_lists_none, lists_may_be_of_few_and_bad_entries

#else

START_TEST (lists_need_faiss)
{
  SupconIndex *index = new_index (3, 7, SUPCON_METRIC_COSINE);
  GError *error = NULL;

  ck_assert (!supcon_index_approximate (index, 1, 1, &error));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS));
  ck_assert_ptr_nonnull (strstr (error->message, "libfaiss-dev"));
  g_error_free (error);
  supcon_index_free (index);
}
END_TEST

#define LISTS_TESTS lists_need_faiss

#endif

/* What a file's columns hold beyond what is ever written: times below -1 are none, names are UTF-8. */
START_TEST (columns_of_others_are_checked)
{
  const char header[] = "{" EMBEDDINGS "," TENSOR ("timestamps", "I64", "[2]", 16, 32) "," TENSOR (
      "label-names", "U8", "[2]", 32, 34) "}";
  char *location = temporary (), *bytes;
  gint64 times[2] = { GINT64_TO_LE (-5), GINT64_TO_LE (5) };
  GError *error = NULL;
  SupconIndex *index;
  gsize size;

  write_file (location, header, 34, 0);
  ck_assert (g_file_get_contents (location, &bytes, &size, NULL));
  memcpy (bytes + size - 34 + 16, times, sizeof times);
  bytes[size - 2] = 'x';
  ck_assert (g_file_set_contents (location, bytes, size, NULL));
  index = supcon_index_load (location, &error);
  ck_assert_msg (index != NULL, "%s", error ? error->message : "");
  assert_entry (index, 0, NULL, NULL, -1);
  assert_entry (index, 1, NULL, NULL, 5);
  supcon_index_free (index);
  bytes[size - 2] = '\xff';
  ck_assert (g_file_set_contents (location, bytes, size, NULL));
  ck_assert_ptr_null (supcon_index_load (location, &error));
  ck_assert_msg (strstr (error->message, "tensor label-names: string 0 is not valid UTF-8"), "%s", error->message);
  g_error_free (error);
  g_unlink (location);
  g_free (bytes);
  g_free (location);
}
END_TEST

/* Embeddings alone, not aligned, of another type, not a number: a file is searched all the same. */
START_TEST (embeddings_of_others_are_read)
{
  static const char *const headers[] = {
    "{" TENSOR ("embeddings", "F16", "[2, 2]", 0, 8) "}",
    "{" TENSOR ("embeddings", "BF16", "[2,2]", 0, 8) " }",
    "{" TENSOR ("a", "U8", "[1]", 0, 1) "," TENSOR ("embeddings", "F32", "[2, 2]", 1, 17) "}",
  };
  static const gsize bytes[] = { 8, 8, 17 };
  const SupconReal query[2] = { 1, 1 };
  SupconNeighbour found[2];
  char *location = temporary ();
  SupconIndex *index;

  /* Behind headers of any length, so that what could be mapped by its place is told by its type. */
  for (guint at = 0; at < 4 * G_N_ELEMENTS (headers); at++) {
    guint i = at / 4;
    char *header = g_strdup_printf ("%s%*s", headers[i], (int)(at % 4), "");
    GError *error = NULL;
    double expected;

    write_file (location, header, bytes[i], 0x3c);
    g_free (header);
    index = supcon_index_load (location, &error);
    ck_assert_msg (index != NULL, "%s", error ? error->message : "");
    /* Bytes 3c 3c: 1 + 60 / 1024 as F16, 2^-7 (1 + 60 / 128) as BF16, 2^-7 (1 + 3947580 / 2^23) as F32. */
    expected = i == 0 ? 1 + 60 / 1024.0 : ldexp (1 + (i == 1 ? 60 / 128.0 : 3947580 / 8388608.0), -7);
    supcon_index_search (index, 1, query, 2, 0, found);
    ck_assert_msg (fabs (found[0].score - 2 * expected) < 1e-6, "%.9g", (double)found[0].score);
    ck_assert_uint_eq (found[1].entry, 1);
    assert_entry (index, 0, NULL, NULL, -1);
    supcon_index_free (index);
  }

  write_file (location, "{" EMBEDDINGS "}", 16, 0xff); /* every number is NaN */
  index = supcon_index_load (location, NULL);
  supcon_index_search (index, 1, query, 2, 0, found);
  ck_assert (found[0].entry == SUPCON_NO_ENTRY);
  supcon_index_free (index);
  g_unlink (location);
  g_free (location);
}
END_TEST

SUPCON_CHECK_MAIN ("index", finds_what_trying_all_finds, of_equal_scores_the_first_is_first,
    without_a_direction_there_is_no_neighbour, neighbours_may_be_held_apart, a_file_gives_back_what_was_saved,
    other_files_are_refused_with_a_reason, columns_of_others_are_checked, embeddings_of_others_are_read, LISTS_TESTS)
