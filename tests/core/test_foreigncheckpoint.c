/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints of others are read; what is none, or is damaged, is refused with the reason. */
#include <math.h>

#include "checkpoints.h"

/* Loading fails with that code, and with a message that names the file and says part. */
static void
refused (const char *location, const SupconModelConfig *fallback, SupconErrorCode code, const char *part)
{
  SupconCheckpointInfo info;
  GError *error = NULL;
  SupconModel *model = supcon_checkpoint_load (location, fallback, &info, &error);

  ck_assert_msg (model == NULL, "loaded, expected: %s", part);
  ck_assert_ptr_nonnull (error);
  ck_assert_msg (g_error_matches (error, SUPCON_ERROR, code), "code %d: %s", error->code, error->message);
  ck_assert_msg (strstr (error->message, part) != NULL, "\"%s\" does not say \"%s\"", error->message, part);
  ck_assert_msg (g_str_has_prefix (error->message, location), "%s", error->message);
  ck_assert (g_utf8_validate (error->message, -1, NULL));
  ck_assert_ptr_null (info.labels);
  g_error_free (error);
  ck_assert_ptr_null (supcon_checkpoint_load (location, fallback, &info, NULL));
}

static void
write_raw (const char *location, const char *header, gsize length, const char *data, gsize n_data)
{
  GString *file = g_string_new (NULL);
  guint64 field = GUINT64_TO_LE (length);

  g_string_append_len (file, (const char *)&field, sizeof field);
  g_string_append_len (file, header, length);
  g_string_append_len (file, data, n_data);
  write_file (location, file->str, file->len);
  g_string_free (file, TRUE);
}

/* Writes from's file to location with every occurrence of a text in the header replaced. */
static void
doctor (const char *from, const char *location, const char *find, const char *replacement)
{
  char *bytes;
  gsize n;
  guint64 length;
  GString *header;

  read_file (from, &bytes, &n);
  memcpy (&length, bytes, sizeof length);
  length = GUINT64_FROM_LE (length);
  header = g_string_new_len (bytes + sizeof length, length);
  ck_assert_msg (g_string_replace (header, find, replacement, 0) > 0, "%s", find);
  write_raw (location, header->str, header->len, bytes + sizeof length + length, n - sizeof length - length);
  g_string_free (header, TRUE);
  g_free (bytes);
}

START_TEST (test_truncated)
{
  const char *location = saved_file ("m.safetensors"), *part = path_of ("part.safetensors");
  char *bytes;
  gsize n, header;

  read_file (location, &bytes, &n);
  header = 8 + GUINT64_FROM_LE (*(guint64 *)(gpointer)bytes);
  for (gsize length = 0; length < n; length += length < 16 ? 1 : length < header + 16 ? 61 : n / 37) {
    write_file (part, bytes, length);
    refused (part, NULL, SUPCON_ERROR_FORMAT, length < 8 ? "8 or more" : length < header ? "truncated" : "tensor");
  }
  write_file (part, bytes, n - 1);
  refused (part, NULL, SUPCON_ERROR_FORMAT, "tensor");
  bytes = g_realloc (bytes, n + 1);
  bytes[n] = 0;
  write_file (part, bytes, n + 1);
  refused (part, NULL, SUPCON_ERROR_FORMAT, "that the tensors take");
  g_free (bytes);
  remove_folder ();
}
END_TEST

/* Any byte of the file changed: an error or a model, and no fault for a sanitizer to find. */
START_TEST (test_corrupted)
{
  const char *location = saved_file ("m.safetensors");
  char *bytes;
  GRand *rand = g_rand_new_with_seed (3);
  gsize n, header;

  read_file (location, &bytes, &n);
  header = 8 + GUINT64_FROM_LE (*(guint64 *)(gpointer)bytes);
  for (guint i = 0; i < 400; i++) {
    gsize at = g_rand_int_range (rand, 0, i % 4 ? header : n);
    char old = bytes[at];
    SupconCheckpointInfo info;
    GError *error = NULL;
    SupconModel *model;

    bytes[at] = g_rand_int_range (rand, 0, i % 2 ? 256 : 128);
    write_file (location, bytes, n);
    model = supcon_checkpoint_load (location, NULL, &info, &error);
    ck_assert ((model == NULL) == (error != NULL));
    supcon_model_free (model);
    supcon_checkpoint_info_clear (&info);
    g_clear_error (&error);
    bytes[at] = old;
  }
  g_rand_free (rand);
  g_free (bytes);
  remove_folder ();
}
END_TEST

#define T(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

/* Headers over 16 bytes of data. */
static const struct {
  const char *header, *error;
} hostile[] = {
  { "", "JSON ends too early" },
  { " ", "JSON ends too early" },
  { "[]", "header is not a JSON object" },
  { "7", "not JSON at byte 0" },
  { "{", "JSON ends too early" },
  { "}", "not JSON at byte 0" },
  { "{\"a", "JSON ends too early" },
  { "{\"a\":}", "not JSON" },
  { "{]", "not JSON" },
  { "{} {}", "not JSON at byte 3" },
  { "{}/* */", "not JSON at byte 2" },
  { "{/*\"*/}", "not JSON at byte 1" },
  { "var a = {}", "not JSON at byte 0" },
  { "\"a\"{}", "not JSON at byte 0" },
  { "{\"\\ud83d\":\"", "JSON ends too early" },
  { "{\"\\ude00\",\"b\":1}", "not JSON" }, /* half a surrogate pair, which json-glib's error shows */
  { "{\"\xff\":1}", "not valid UTF-8" },
  { "{\"a\":{\"shape\":[[0]]}}", "nested deeper" },
  { "{}", "16 bytes of data, expected the 0" },
  { "{\"a\":1}", "tensor a: not a JSON object" },
  { "{\"a\":{}}", "tensor a: no dtype" },
  { "{\"a\":{\"dtype\":7}}", "tensor a: no dtype" },
  { "{\"a\":{\"dtype\":\"F33\"}}", "tensor a: unknown dtype" },
  { "{\"a\":{\"dtype\":\"F32\"}}", "tensor a: no shape" },
  { "{\"a\":" T ("F32", "4", "[0,16]") "}", "tensor a: no shape" },
  { "{\"a\":" T ("F32", "[-4]", "[0,16]") "}", "dimension 0 of the shape" },
  { "{\"a\":" T ("F32", "[2,2.0]", "[0,16]") "}", "dimension 1 of the shape" },
  { "{\"a\":" T ("F32", "[\"4\"]", "[0,16]") "}", "dimension 0 of the shape" },
  { "{\"a\":" T ("F32", "[null]", "[0,16]") "}", "dimension 0 of the shape" },
  { "{\"a\":" T ("F32", "[18446744073709551615]", "[0,16]") "}", "tensor a" },
  { "{\"a\":" T ("F32", "[99999999999999999999999]", "[0,16]") "}", "tensor a" },
  { "{\"a\":" T ("F32", "[4294967296,4294967296,4]", "[0,16]") "}", "shape too large" },
  { "{\"a\":" T ("F32", "[4611686018427387908]", "[0,16]") "}", "do not hold shape [4611686018427387908]" },
  { "{\"a\":" T ("F32", "[1,1,1,1,1,1,1,1,4]", "[0,16]") "}", "9 dimensions" },
  { "{\"a\":" T ("F32", "[4]", "[0]") "}", "data_offsets are not two" },
  { "{\"a\":" T ("F32", "[4]", "[0,16,32]") "}", "data_offsets are not two" },
  { "{\"a\":" T ("F32", "[4]", "[-1,15]") "}", "data_offsets are not two" },
  { "{\"a\":" T ("F32", "[4]", "\"0,16\"") "}", "data_offsets are not two" },
  { "{\"a\":" T ("F32", "[4]", "[16,0]") "}", "expected an ordered range in the 16 bytes" },
  { "{\"a\":" T ("F32", "[5]", "[0,20]") "}", "expected an ordered range in the 16 bytes" },
  { "{\"a\":" T ("F32", "[4]", "[9223372036854775800,9223372036854775807]") "}", "expected an ordered range" },
  { "{\"a\":" T ("F32", "[3]", "[0,16]") "}", "16 bytes of data do not hold shape [3] of F32" },
  { "{\"a\":" T ("F64", "[4]", "[0,16]") "}", "do not hold" },
  { "{\"a\":" T ("F32", "[2]", "[0,8]") "}", "16 bytes of data, expected the 8" },
  { "{\"a\":" T ("F32", "[2]", "[8,16]") "}", "bytes 0 to 8 of the data belong to no tensor" },
  { "{\"a\":" T ("F32", "[3]", "[0,12]") ",\"b\":" T ("F32", "[2]", "[8,16]") "}", "tensor b overlaps tensor a" },
  { "{\"a\":" T ("F32", "[2]", "[0,8]") ",\"a\":" T ("F32", "[2]", "[8,16]") "}", "\"a\" is there twice" },
  { "{\"a\":" T ("F32", "[2]", "[0,8]") ",\"\\u0061\":" T ("F32", "[2]", "[8,16]") "}", "\"a\" is there twice" },
  { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F64\"}}", "\"dtype\" is there twice" },
  { "{\"__metadata__\":[]}", "__metadata__ is not a JSON object" },
  { "{\"__metadata__\":{\"k\":7}}", "__metadata__: k is not a string" },
  { "{\"__metadata__\":{\"k\":null}}", "__metadata__: k is not a string" },
  { "{\"__metadata__\":{\"k\":\"\"},\"__metadata__\":{}}", "\"__metadata__\" is there twice" },
};

START_TEST (test_hostile_headers)
{
  const char *location = path_of ("m.safetensors");
  char *deep = g_strnfill (4 << 20, '['), *many = g_strnfill (4 << 20, ','), *name = g_strnfill (300, 'n'), *header;
  const guint64 huge[] = { GUINT64_TO_LE (G_MAXUINT64), GUINT64_TO_LE (1), GUINT64_TO_LE (G_MAXINT64) };
  const char zero[16] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++) {
    write_raw (location, hostile[i].header, strlen (hostile[i].header), zero, sizeof zero);
    refused (location, NULL, SUPCON_ERROR_FORMAT, hostile[i].error);
  }
  write_raw (location, deep, 4 << 20, zero, sizeof zero);
  refused (location, NULL, SUPCON_ERROR_FORMAT, "nested deeper");
  many[0] = '[';
  write_raw (location, many, 4 << 20, zero, sizeof zero);
  refused (location, NULL, SUPCON_ERROR_FORMAT, "more than 2000000 values of JSON");
  header = g_strdup_printf ("{\"%s\":" T ("F32", "[4]", "[0,16]") "}", name);
  write_raw (location, header, strlen (header), zero, sizeof zero);
  refused (location, NULL, SUPCON_ERROR_FORMAT, "tensor name of 300 bytes");
  write_raw (location, "{\"a\0b\":{}}", 10, zero, sizeof zero);
  refused (location, NULL, SUPCON_ERROR_FORMAT, "not valid UTF-8");
  for (guint i = 0; i < G_N_ELEMENTS (huge); i++) {
    write_file (location, (const char *)&huge[i], sizeof huge[i]);
    refused (location, NULL, SUPCON_ERROR_FORMAT, "header of");
  }
  g_free (deep);
  g_free (many);
  g_free (name);
  g_free (header);
  remove_folder ();
}
END_TEST

/* Changes to the header of a good file. */
static const struct {
  const char *find, *replacement, *error;
} doctored[] = {
  { "\"version\":\"1\"", "\"version\":\"2\"", "metadata version is \"2\"" },
  { "\"version\":\"1\",", "", "metadata version is missing" },
  { "\"stem\":", "\"stern\":", "metadata stem is missing" },
  { "\"stem\":\"small\"", "\"stem\":\"large\"", "expected imagenet or small" },
  { "\"resnet8\"", "\"resnet9\"", "encoder \"resnet9\"" },
  { "\"resnet8\"", "\"resnet8resnet8re\"", "expected a name of at most 15 bytes" },
  { "\"resnet8\"", "\"resnet20\"", "tensor layer1.1.conv1.weight is missing" },
  { "\"width\":\"0.3\"", "\"width\":\"\"", "metadata width is \"\"" },
  { "\"width\":\"0.3\"", "\"width\":\" 0.3\"", "metadata width" },
  { "\"width\":\"0.3\"", "\"width\":\"0.3 \"", "metadata width" },
  { "\"width\":\"0.3\"", "\"width\":\"nan\"", "metadata width" },
  { "\"width\":\"0.3\"", "\"width\":\"0\"", "metadata width" },
  { "\"width\":\"0.3\"", "\"width\":\"8.1\"", "metadata width" },
  { "\"width\":\"0.3\"", "\"width\":\"1e999\"", "metadata width" },
  { "\"width\":\"0.3\"", "\"width\":\"0.4\"",
      "tensor classifier.weight has shape [3, 20], expected at most 1000000 rows of 24" },
  { "\"width\":\"0.3\"", "\"width\":\"8\"", "resnet8 of width 8 has about" },
  { "\"resnet8\",\"stem\":\"small\",\"width\":\"0.3\"", "\"resnet200\",\"stem\":\"small\",\"width\":\"8\"",
      "the file holds" },
  { "\"input-width\":\"40\"", "\"input-width\":\"0\"", "from 1 to 16384" },
  { "\"input-width\":\"40\"", "\"input-width\":\"16385\"", "from 1 to 16384" },
  { "\"input-width\":\"40\"", "\"input-width\":\"-40\"", "from 1 to 16384" },
  { "\"input-width\":\"40\"", "\"input-width\":\"+40\"", "from 1 to 16384" },
  { "\"input-width\":\"40\"", "\"input-width\":\"40x\"", "from 1 to 16384" },
  { "\"input-width\":\"40\"", "\"input-width\":\"99999999999999999999\"", "from 1 to 16384" },
  { "\"input-height\":\"24\"", "\"input-height\":\"1\"", "input of 40x1" },
  { "\"projection\":\"mlp\"", "\"projection\":\"MLP\"", "expected mlp or linear or none" },
  { "\"projection\":\"mlp\"", "\"projection\":\"linear\"", "tensor projection.weight is missing" },
  { "\"projection\":\"mlp\"", "\"projection\":\"none\"", "is not one of resnet8's" },
  { "\"projection-dim\":\"12\"", "\"projection-dim\":\"0\"", "from 1 to 65536" },
  { "\"projection-dim\":\"12\"", "\"projection-dim\":\"65537\"", "from 1 to 65536" },
  { "\"projection-dim\":\"12\"", "\"projection-dim\":\"13\"", "expected [13, 9]" },
  { "\"projection-dim\":\"12\",\"projection-hidden\":\"9\"",
      "\"projection-dim\":\"65536\",\"projection-hidden\":\"65536\"", "the file holds" },
  { "\"projection-hidden\":\"9\"", "\"projection-hidden\":\"65537\"", "from 0 to 65536" },
  { "\"std\":\"0.229 0.224 0.1\"", "\"std\":\"0.229 0.224 0\"", "metadata std" },
  { "\"std\":\"0.229 0.224 0.1\"", "\"std\":\"0.229 0.224\"", "3 numbers" },
  { "\"std\":\"0.229 0.224 0.1\"", "\"std\":\"0.229 0.224 0.1 0.1\"", "3 numbers" },
  { "\"std\":\"0.229 0.224 0.1\"", "\"std\":\"0.229,0.224,0.1\"", "3 numbers" },
  { "\"std\":\"0.229 0.224 0.1\"", "\"std\":\"0.229 0.224 inf\"", "3 numbers" },
  { "\"stage\":\"linear\"", "\"stage\":\"linearlinearlinear\"", "metadata stage" },
  { "\"step\":\"77\"", "\"step\":\"-1\"", "metadata step" },
  { "\"step\":\"77\"", "\"step\":\"9223372036854775808\"", "metadata step" },
  { "[\\\"cup\\\",", "[", "metadata labels has 2 entries, expected 3" },
  { "[\\\"cup\\\",", "[\\\"cup\\\",\\\"cup\\\",", "entry 1 is there twice" },
  { "[\\\"cup\\\",", "[7,", "entry 0 is not a string" },
  { "[\\\"cup\\\",", "[null,", "entry 0 is not a string" },
  { "[\\\"cup\\\",", "[[\\\"cup\\\"],", "metadata labels: JSON nested deeper" },
  { "[\\\"cup\\\",", "{\\\"cup\\\":", "metadata labels: not JSON" },
  { "[\\\"cup\\\",", "\\\"cup\\\",", "metadata labels" },
  { "\"labels\":", "\"babels\":", "metadata labels is missing" },
  { "\"conv1.weight\":{\"dtype\":\"F32\"", "\"conv1.weight\":{\"dtype\":\"I32\"", "tensor conv1.weight has dtype I32" },
  { "\"format\":\"gst-supcon\"", "\"format\":\"gst-supcon-index\"", "is of format gst-supcon-index; expected a model" },
  { "\"bn1.bias\":{\"dtype\":\"F32\",\"shape\":[5]", "\"bn1.bias\":{\"dtype\":\"F32\",\"shape\":[5,1]",
      "tensor bn1.bias has shape [5, 1], expected [5]" },
  { "\"classifier.weight\":{\"dtype\":\"F32\",\"shape\":[3,20]",
      "\"classifier.weight\":{\"dtype\":\"F32\",\"shape\":[3,20,1]",
      "tensor classifier.weight has shape [3, 20, 1], expected at most 1000000 rows of 20" },
  { "\"bn1.weight\":", "\"bn1.height\":", "tensor bn1.weight is missing" },
  { "\"bn1.num_batches_tracked\":", "\"surplus\":", "tensor surplus is not one of resnet8's" },
  { "\"optimizer.momentum.bn1.bias\":", "\"optimizer.momentum.bn1\":",
      "tensor optimizer.momentum.bn1.bias is missing" },
  { "\"optimizer.momentum.bn1.bias\":", "\"bn2.bias\":", "tensor optimizer.momentum.bn1.bias is missing" },
};

START_TEST (test_doctored)
{
  const char *good = saved_file ("good.safetensors"), *location = path_of ("m.safetensors");

  for (guint i = 0; i < G_N_ELEMENTS (doctored); i++) {
    GError *error = NULL;
    SupconCheckpointInfo info;
    SupconModel *model;

    doctor (good, location, doctored[i].find, doctored[i].replacement);
    model = supcon_checkpoint_load (location, NULL, &info, &error);
    ck_assert_msg (!model, "%s loads", doctored[i].replacement);
    ck_assert_msg (strstr (error->message, doctored[i].error) != NULL, "%s: \"%s\" does not say \"%s\"",
        doctored[i].replacement, error->message, doctored[i].error);
    ck_assert (g_str_has_prefix (error->message, location));
    ck_assert_ptr_null (info.labels);
    g_error_free (error);
  }
  remove_folder ();
}
END_TEST

/* What is written over while it is read is a bad file, where it was mapped a fault; what was read stays. */
START_TEST (test_written_over)
{
  const char *location = saved_file ("over.safetensors");
  SupconSafetensors *file = supcon_safetensors_open (location, NULL);
  SupconTensor tensor = *supcon_safetensors_find (file, "conv1.weight");
  guint8 *bytes = supcon_safetensors_read (file, &tensor, NULL);
  GError *error = NULL;
  SupconReal before;

  ck_assert_ptr_nonnull (bytes);
  tensor.data = bytes;
  before = supcon_tensor_get (&tensor, 0);
  ck_assert_int_eq (truncate (location, 100), 0);
  ck_assert (supcon_tensor_get (&tensor, 0) == before);
  g_free (bytes);
  ck_assert_ptr_null (supcon_safetensors_read (file, &tensor, &error));
  ck_assert (g_error_matches (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT));
  ck_assert (strstr (error->message, "it became shorter while it was read") != NULL);
  g_error_free (error);
  supcon_safetensors_free (file);
  remove_folder ();
}
END_TEST

START_TEST (test_not_a_weight)
{
  const char *good = saved_file ("good.safetensors"), *location = path_of ("m.safetensors");
  char *bytes;
  const char *names[] = { "layer2.0.bn1.running_var", "conv1.weight", "optimizer.momentum.classifier.weight",
    "layer2.0.bn1.running_var" };
  const float values[] = { NAN, INFINITY, -INFINITY, -0.5 };
  gsize n;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    SupconSafetensors *file = supcon_safetensors_open (good, NULL);
    gsize start = supcon_safetensors_find (file, names[i])->start;
    char *expected = g_strdup_printf ("tensor %s: element 1 is %s", names[i],
        isfinite (values[i]) ? "-0.5; expected a variance" : "not a finite number");

    supcon_safetensors_free (file);
    read_file (good, &bytes, &n);
    memcpy (bytes + 8 + GUINT64_FROM_LE (*(guint64 *)(gpointer)bytes) + start + 4, &values[i], 4);
    write_file (location, bytes, n);
    refused (location, NULL, SUPCON_ERROR_FORMAT, expected);
    g_free (expected);
    g_free (bytes);
  }
  remove_folder ();
}
END_TEST

/* The number whose little-endian bytes the dtypes below spell: exact in each of them. */
static const struct {
  SupconDtype dtype;
  const char *bytes;
  double value;
} numbers[] = {
  { SUPCON_DTYPE_F32, "\x00\x00\xa0\xbf", -1.25 }, { SUPCON_DTYPE_F64, "\x00\x00\x00\x00\x00\x00\xf4\xbf", -1.25 },
  { SUPCON_DTYPE_F16, "\x00\xbd", -1.25 },
  { SUPCON_DTYPE_F16, "\x01\x00", 5.9604644775390625e-08 }, /* the smallest subnormal */
  { SUPCON_DTYPE_F16, "\xff\x03", 6.097555160522461e-05 },  /* the largest subnormal */
  { SUPCON_DTYPE_F16, "\xff\x7b", 65504 },                  /* the largest */
  { SUPCON_DTYPE_F16, "\x00\x7c", INFINITY }, { SUPCON_DTYPE_F16, "\x01\xfc", NAN },
  { SUPCON_DTYPE_BF16, "\xa0\xbf", -1.25 }, { SUPCON_DTYPE_BF16, "\x80\x7f", INFINITY },
  { SUPCON_DTYPE_F64, "\x00\x00\x00\x00\x00\x00\xf0\x7f", INFINITY },
  { SUPCON_DTYPE_F64, "\x00\x00\x00\x00\x00\x00\xe0\x7f", INFINITY }, /* 2^1023: too large for a float */
};

/* As torchvision or timm save a network: no metadata of ours, fc, other dtypes; every weight is the number, without its
 * sign where it is a variance. */
static void
write_foreign (const char *location, const SupconModelConfig *config, gboolean fc, guint number, const char *extra)
{
  SupconModel *model = new_model (config, fc ? 4 : 0, FALSE);
  SupconDtype dtype = numbers[number].dtype;
  SupconSafetensorsWriter *writer = supcon_safetensors_writer_new (location, NULL);
  const gsize two[] = { 2 }, size = supcon_dtype_size (dtype);
  SupconParam *params;
  char value[8];
  guint n;

  ck_assert_ptr_nonnull (writer);
  supcon_safetensors_writer_add_metadata (writer, "format", "pt");
  params = supcon_model_params (model, &n);
  for (guint i = 0; i < n; i++) {
    gboolean classifier = params[i].part == SUPCON_PART_CLASSIFIER;
    char *name
        = g_strconcat (classifier ? "fc." : "", params[i].name + (classifier ? strlen ("classifier.") : 0), NULL);

    if (params[i].part != SUPCON_PART_PROJECTION)
      supcon_safetensors_writer_add_tensor (writer, name, dtype, params[i].n_dims, params[i].dims);
    g_free (name);
  }
  if (extra)
    supcon_safetensors_writer_add_tensor (writer, extra, dtype, 1, two);
  for (guint i = 0; i < n; i++) {
    memcpy (value, numbers[number].bytes, size);
    if (is_variance (&params[i]))
      value[size - 1] &= 0x7f;
    for (gsize e = 0; params[i].part != SUPCON_PART_PROJECTION && e < params[i].size; e++)
      supcon_safetensors_writer_write (writer, value, size);
  }
  for (gsize e = 0; extra && e < two[0]; e++)
    supcon_safetensors_writer_write (writer, numbers[number].bytes, size);
  ck_assert (supcon_safetensors_writer_finish (writer, NULL));
  supcon_safetensors_writer_free (writer);
  supcon_model_free (model);
}

START_TEST (test_foreign)
{
  const char *location = path_of ("m.safetensors");
  SupconModelConfig config, other;
  SupconCheckpointInfo info;

  small_config (&config);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    SupconModel *model, *fresh;
    SupconParam *params, *untouched;
    guint n;

    write_foreign (location, &config, TRUE, i, "bn1.num_batches_tracked");
    if (!isfinite (numbers[i].value)) {
      refused (location, &config, SUPCON_ERROR_FORMAT, "tensor conv1.weight: element 0 is not a finite number");
      continue;
    }
    model = load (location, &config, &info);
    fresh = supcon_model_new (&config, 0, NULL);
    ck_assert_uint_eq (supcon_labels_count (info.labels), 4);
    ck_assert_str_eq (supcon_labels_name (info.labels, 3), "3");
    ck_assert_str_eq (info.stage, "");
    ck_assert_uint_eq (info.step, 0);
    ck_assert_uint_eq (supcon_model_n_classes (model), 4);
    params = supcon_model_params (model, &n);
    untouched = supcon_model_params (fresh, &n);
    for (guint p = 0; p < n; p++) {
      SupconReal value = is_variance (&params[p]) ? fabs (numbers[i].value) : numbers[i].value;

      for (gsize e = 0; e < params[p].size; e++)
        ck_assert (params[p].data[e] == (params[p].part == SUPCON_PART_PROJECTION ? untouched[p].data[e] : value));
    }
    ck_assert_ptr_null (params[0].velocity);
    supcon_model_free (model);
    supcon_model_free (fresh);
    supcon_checkpoint_info_clear (&info);
  }

  write_foreign (location, &config, FALSE, 0, NULL);
  supcon_model_free (load (location, &config, &info));
  ck_assert_uint_eq (supcon_labels_count (info.labels), 0);
  supcon_checkpoint_info_clear (&info);
  refused (location, NULL, SUPCON_ERROR_SETTINGS, "no gst-supcon metadata");

  /* Its head is made anew, however few numbers the file holds beside it. */
  other = config;
  other.projection_dim = other.projection_hidden = 2000;
  supcon_model_free (load (location, &other, &info));
  supcon_checkpoint_info_clear (&info);

  other.projection_dim = 0;
  refused (location, &other, SUPCON_ERROR_SETTINGS, "of 2000 hidden and 0 output units; expected 1 to");

  /* Another architecture than the one asked for. */
  other = config;
  g_strlcpy (other.encoder, "resnet20", sizeof other.encoder);
  refused (location, &other, SUPCON_ERROR_FORMAT, "tensor layer1.1.conv1.weight is missing");
  refused (location, &other, SUPCON_ERROR_FORMAT, "since it does not say what it is of: ");
  g_strlcpy (other.encoder, "resnet152", sizeof other.encoder);
  other.width = 8;
  refused (location, &other, SUPCON_ERROR_FORMAT, "resnet152 of width 8 has about");
  other = config;
  other.width = 0.5;
  refused (location, &other, SUPCON_ERROR_FORMAT, "tensor conv1.weight has shape [5, 3, 3, 3], expected [8, 3, 3, 3]");
  other.input_width = 16385;
  refused (location, &other, SUPCON_ERROR_SETTINGS, "input of 16385x24 pixels; expected at most 16384");
  other.input_width = 0;
  refused (location, &other, SUPCON_ERROR_SETTINGS, "input of 0x24");

  write_foreign (location, &config, TRUE, 0, "head.fc.weight");
  refused (location, &config, SUPCON_ERROR_FORMAT, "tensor head.fc.weight is not one of resnet8's");
  remove_folder ();
}
END_TEST

START_TEST (test_unreadable)
{
  const char *location = path_of ("m.safetensors"), *pipe = path_of ("pipe");

  refused (location, NULL, SUPCON_ERROR_NOT_FOUND, "No such file");
  refused (folder, NULL, SUPCON_ERROR_READ, "is a folder");
  ck_assert_int_eq (mkfifo (pipe, 0600), 0);
  refused (pipe, NULL, SUPCON_ERROR_READ, "is not a regular file"); /* and does not wait for a writer */
  refused ("/dev/zero", NULL, SUPCON_ERROR_READ, "is not a regular file");
  write_file (location, "", 0);
  refused (location, NULL, SUPCON_ERROR_FORMAT, "0 bytes");
  write_file (location, "PK\003\004\0\0\010\010\0\0", 10);
  refused (location, NULL, SUPCON_ERROR_FORMAT, "as torch.save writes");
  write_file (path_of ("file"), "", 0);
  refused (path_of ("file/m.safetensors"), NULL, SUPCON_ERROR_NOT_FOUND, "Not a directory");
  remove_folder ();
}
END_TEST

/* What a link names is replaced, the link stays. */
START_TEST (test_link)
{
  char *location = g_strdup (path_of ("link.safetensors")), *target = g_strdup (path_of ("target.safetensors"));
  SupconModelConfig config;
  SupconCheckpointInfo info;

  small_config (&config);
  ck_assert (g_file_set_contents (target, "old", -1, NULL));
  ck_assert_int_eq (symlink (target, location), 0);
  write_foreign (location, &config, FALSE, 0, NULL);
  ck_assert (g_file_test (location, G_FILE_TEST_IS_SYMLINK));
  supcon_model_free (load (target, &config, &info));
  supcon_checkpoint_info_clear (&info);
  g_free (location);
  g_free (target);
}
END_TEST

SUPCON_CHECK_MAIN ("foreigncheckpoint", test_truncated, test_corrupted, test_hostile_headers, test_doctored,
    test_written_over, test_not_a_weight, test_foreign, test_unreadable, test_link)
