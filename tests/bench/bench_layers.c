/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The three passes of an encoder's convolutions beside oneDNN's, layer by layer, by turns in one run: medians of
 * milliseconds. oneDNN takes the layouts that it likes best and is not charged for the way to them and back; nothing is
 * fused on either side. Usage: bench_layers ENCODER BATCH [float32|bfloat16 [THREADS [TURNS]]]; the environment's
 * OMP_NUM_THREADS says how many threads oneDNN takes. */
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/conv.h"
#include "nn/feature.h"

enum { FORWARD, BY_INPUT, BY_WEIGHTS, PASSES };

typedef struct {
  guint in, in_c, out_c, kernel, stride; /* height and width are equal */
  guint count;                           /* such layers in the encoder */
} Layer;

typedef struct {
  const char *name;
  Layer layers[24];
} Encoder;

/* He et al. 2015 (arXiv 1512.03385), table 1 and section 4.2. */
static const Encoder encoders[] = {
  { "resnet18",
      { { 224, 3, 64, 7, 2, 1 }, { 56, 64, 64, 3, 1, 4 }, { 56, 64, 128, 3, 2, 1 }, { 56, 64, 128, 1, 2, 1 },
          { 28, 128, 128, 3, 1, 3 }, { 28, 128, 256, 3, 2, 1 }, { 28, 128, 256, 1, 2, 1 }, { 14, 256, 256, 3, 1, 3 },
          { 14, 256, 512, 3, 2, 1 }, { 14, 256, 512, 1, 2, 1 }, { 7, 512, 512, 3, 1, 3 } } },
  { "resnet50",
      { { 224, 3, 64, 7, 2, 1 }, { 56, 64, 64, 1, 1, 1 }, { 56, 64, 64, 3, 1, 3 }, { 56, 64, 256, 1, 1, 4 },
          { 56, 256, 64, 1, 1, 2 }, { 56, 256, 128, 1, 1, 1 }, { 56, 128, 128, 3, 2, 1 }, { 28, 128, 512, 1, 1, 4 },
          { 56, 256, 512, 1, 2, 1 }, { 28, 512, 128, 1, 1, 3 }, { 28, 128, 128, 3, 1, 3 }, { 28, 512, 256, 1, 1, 1 },
          { 28, 256, 256, 3, 2, 1 }, { 14, 256, 1024, 1, 1, 6 }, { 28, 512, 1024, 1, 2, 1 }, { 14, 1024, 256, 1, 1, 5 },
          { 14, 256, 256, 3, 1, 5 }, { 14, 1024, 512, 1, 1, 1 }, { 14, 512, 512, 3, 2, 1 }, { 7, 512, 2048, 1, 1, 3 },
          { 14, 1024, 2048, 1, 2, 1 }, { 7, 2048, 512, 1, 1, 2 }, { 7, 512, 512, 3, 1, 2 } } },
  { "resnet20", { { 32, 3, 16, 3, 1, 1 }, { 32, 16, 16, 3, 1, 6 }, { 32, 16, 32, 3, 2, 1 }, { 16, 32, 32, 3, 1, 5 },
                    { 16, 32, 64, 3, 2, 1 }, { 8, 64, 64, 3, 1, 5 } } },
};

static guint batch, threads = 2, turns = 5;
static SupconPrecision precision;

/* Ours. */
static SupconConv conv;
static SupconWorkspace workspace;
static SupconReal *weights, *packed, *weights_gradient;
static void *x, *y;

/* oneDNN's. */
static dnnl_engine_t engine;
static dnnl_stream_t stream;

typedef struct {
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t args[3];
} Primitive;

static Primitive primitives[PASSES];

static void
expect (dnnl_status_t status, const char *what)
{
  if (status != dnnl_success)
    g_error ("oneDNN: %s failed with status %d", what, status);
}

static void *
random_features (gsize n)
{
  void *to = g_aligned_alloc (n, supcon_feature_size (precision), 64);

  for (gsize i = 0; i < n; i++)
    supcon_feature_set (to, i, precision, g_random_double_range (-1, 1));
  return to;
}

static dnnl_memory_t
memory_new (const_dnnl_primitive_desc_t desc, dnnl_query_t what)
{
  const dnnl_memory_desc_t *layout = dnnl_primitive_desc_query_md (desc, what, 0);
  gsize size = dnnl_memory_desc_get_size (layout);
  void *numbers = g_aligned_alloc (size, 1, 64);
  dnnl_memory_t memory;

  for (gsize i = 0; i + 1 < size; i += 2) /* between -1 and 1 in either precision: the halves of a float as well */
    ((SupconBfloat16 *)numbers)[i / 2] = supcon_bfloat16_round (g_random_double_range (-1, 1));
  expect (dnnl_memory_create (&memory, layout, engine, numbers), "a memory");
  return memory;
}

static void
primitive_init (Primitive *self, guint pass)
{
  const dnnl_dims_t in = { batch, conv.in_c, conv.in_h, conv.in_w },
                    out = { batch, conv.out_c, conv.out_h, conv.out_w },
                    of_weights = { conv.out_c, conv.in_c, conv.kernel, conv.kernel },
                    strides = { conv.stride, conv.stride }, pad = { conv.pad, conv.pad };
  dnnl_data_type_t type = precision == SUPCON_PRECISION_BFLOAT16 ? dnnl_bf16 : dnnl_f32;
  dnnl_memory_desc_t from, to, w;
  dnnl_convolution_desc_t what;
  dnnl_primitive_desc_t desc, hint = NULL;

  dnnl_memory_desc_init_by_tag (&from, 4, in, type, dnnl_format_tag_any);
  dnnl_memory_desc_init_by_tag (&to, 4, out, type, dnnl_format_tag_any);
  dnnl_memory_desc_init_by_tag (&w, 4, of_weights, pass == BY_WEIGHTS ? dnnl_f32 : type, dnnl_format_tag_any);
  if (pass == FORWARD) {
    expect (dnnl_convolution_forward_desc_init (
                &what, dnnl_forward_training, dnnl_convolution_auto, &from, &w, NULL, &to, strides, pad, pad),
        "a forward pass");
  } else {
    dnnl_convolution_desc_t forward;
    dnnl_memory_desc_t plain;

    dnnl_memory_desc_init_by_tag (&plain, 4, of_weights, type, dnnl_format_tag_any);
    expect (dnnl_convolution_forward_desc_init (
                &forward, dnnl_forward_training, dnnl_convolution_direct, &from, &plain, NULL, &to, strides, pad, pad),
        "a forward pass");
    expect (dnnl_primitive_desc_create (&hint, &forward, NULL, engine, NULL), "a forward pass");
    if (pass == BY_INPUT)
      expect (
          dnnl_convolution_backward_data_desc_init (&what, dnnl_convolution_direct, &from, &w, &to, strides, pad, pad),
          "a gradient by input");
    else
      expect (dnnl_convolution_backward_weights_desc_init (
                  &what, dnnl_convolution_direct, &from, &w, NULL, &to, strides, pad, pad),
          "a gradient by weights");
  }
  expect (dnnl_primitive_desc_create (&desc, &what, NULL, engine, hint), "a description");
  expect (dnnl_primitive_create (&self->primitive, desc), "a primitive");
  self->args[0] = pass == BY_INPUT ? (dnnl_exec_arg_t){ DNNL_ARG_DIFF_SRC, memory_new (desc, dnnl_query_diff_src_md) }
                                   : (dnnl_exec_arg_t){ DNNL_ARG_SRC, memory_new (desc, dnnl_query_src_md) };
  self->args[1] = pass == BY_WEIGHTS
                      ? (dnnl_exec_arg_t){ DNNL_ARG_DIFF_WEIGHTS, memory_new (desc, dnnl_query_diff_weights_md) }
                      : (dnnl_exec_arg_t){ DNNL_ARG_WEIGHTS, memory_new (desc, dnnl_query_weights_md) };
  self->args[2] = pass == FORWARD ? (dnnl_exec_arg_t){ DNNL_ARG_DST, memory_new (desc, dnnl_query_dst_md) }
                                  : (dnnl_exec_arg_t){ DNNL_ARG_DIFF_DST, memory_new (desc, dnnl_query_diff_dst_md) };
  dnnl_primitive_desc_destroy (desc);
  if (hint)
    dnnl_primitive_desc_destroy (hint);
}

static void
primitive_clear (Primitive *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->args); i++) {
    void *numbers;

    dnnl_memory_get_data_handle (self->args[i].memory, &numbers);
    dnnl_memory_destroy (self->args[i].memory);
    g_aligned_free (numbers);
  }
  dnnl_primitive_destroy (self->primitive);
}

static void
run_ours (guint pass)
{
  if (pass == FORWARD)
    supcon_conv_forward (&conv, batch, x, packed, NULL, &workspace, y);
  else if (pass == BY_INPUT)
    supcon_conv_backward_input (&conv, batch, y, weights, FALSE, &workspace, x);
  else
    supcon_conv_backward_weights (&conv, batch, x, y, &workspace, weights_gradient);
}

static void
run_theirs (guint pass)
{
  dnnl_primitive_execute (
      primitives[pass].primitive, stream, G_N_ELEMENTS (primitives[pass].args), primitives[pass].args);
  dnnl_stream_wait (stream);
}

/* Milliseconds of one run. */
static double
time_of (void (*run) (guint pass), guint pass)
{
  gint64 begin = g_get_monotonic_time (), end;
  guint n = 0;

  do {
    run (pass);
    n++;
    end = g_get_monotonic_time ();
  } while (end - begin < 20000);
  return (end - begin) / 1e3 / n;
}

static int
compare (const void *a, const void *b)
{
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double
median (double *times)
{
  qsort (times, turns, sizeof *times, compare);
  return times[turns / 2];
}

static void
measure (const Layer *layer, double (*sums)[2])
{
  double *times[2] = { g_new (double, turns), g_new (double, turns) };

  supcon_conv_init (
      &conv, layer->in, layer->in, layer->in_c, layer->out_c, layer->kernel, layer->stride, layer->kernel / 2);
  conv.precision = precision;
  supcon_conv_choose (&conv, batch);
  supcon_conv_reserve (&conv, batch, &workspace);
  x = random_features (batch * supcon_conv_in_size (&conv));
  y = random_features (batch * supcon_conv_out_size (&conv));
  weights = supcon_real_alloc (supcon_conv_weight_size (&conv));
  weights_gradient = supcon_real_alloc (supcon_conv_weight_size (&conv));
  for (gsize i = 0; i < supcon_conv_weight_size (&conv); i++) {
    weights[i] = g_random_double_range (-0.1, 0.1);
    weights_gradient[i] = 0;
  }
  packed = supcon_real_alloc (supcon_conv_packed_size (&conv));
  supcon_conv_pack (&conv, weights, threads, packed);

  printf ("| %ux%u, %ux%u/%u, %u to %u |", layer->in, layer->in, layer->kernel, layer->kernel, layer->stride,
      layer->in_c, layer->out_c);
  for (guint pass = 0; pass < PASSES; pass++) {
    double here, there;

    if (layer->in_c == 3 && pass == BY_INPUT) {
      printf (" - | - |");
      continue;
    }
    primitive_init (&primitives[pass], pass);
    run_theirs (pass);
    run_ours (pass);
    for (guint turn = 0; turn < turns; turn++) {
      times[0][turn] = time_of (run_ours, pass);
      times[1][turn] = time_of (run_theirs, pass);
    }
    here = median (times[0]);
    there = median (times[1]);
    sums[pass][0] += layer->count * here;
    sums[pass][1] += layer->count * there;
    printf (" %.3f | %.3f (%.2f) |", here, there, there / here);
    primitive_clear (&primitives[pass]);
  }
  printf (" %u |\n", layer->count);
  fflush (stdout);
  g_aligned_free (x);
  g_aligned_free (y);
  supcon_real_free (weights);
  supcon_real_free (weights_gradient);
  supcon_real_free (packed);
  g_free (times[0]);
  g_free (times[1]);
}

int
main (int argc, char **argv)
{
  const Encoder *encoder = NULL;
  double sums[PASSES][2] = { { 0 } };

  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS (encoders); i++)
    if (g_str_equal (argv[1], encoders[i].name))
      encoder = &encoders[i];
  batch = argc > 2 ? strtoul (argv[2], NULL, 10) : 0;
  if (argc > 3)
    precision = g_str_equal (argv[3], "bfloat16") ? SUPCON_PRECISION_BFLOAT16 : SUPCON_PRECISION_FLOAT32;
  if (argc > 4)
    threads = strtoul (argv[4], NULL, 10);
  if (argc > 5)
    turns = strtoul (argv[5], NULL, 10);
  if (!encoder || !batch || !turns) {
    fprintf (stderr, "Usage: bench_layers resnet18|resnet50|resnet20 BATCH [float32|bfloat16 [THREADS [TURNS]]]\n");
    return 2;
  }
  workspace.threads = threads;
  expect (dnnl_engine_create (&engine, dnnl_cpu, 0), "the engine");
  expect (dnnl_stream_create (&stream, engine, dnnl_stream_default_flags), "the stream");
  printf ("%s, %u pictures, %s, oneDNN %d.%d.%d; milliseconds, in brackets how many times as long as gst-supcon\n\n",
      encoder->name, batch, precision == SUPCON_PRECISION_BFLOAT16 ? "bfloat16" : "float32", dnnl_version ()->major,
      dnnl_version ()->minor, dnnl_version ()->patch);
  printf ("| layer | forward | oneDNN | by input | oneDNN | by weights | oneDNN | layers |\n"
          "|---|---|---|---|---|---|---|---|\n");
  for (const Layer *layer = encoder->layers; layer->count; layer++)
    measure (layer, sums);
  printf ("| all |");
  for (guint pass = 0; pass < PASSES; pass++)
    printf (" %.1f | %.1f (%.2f) |", sums[pass][0], sums[pass][1], sums[pass][1] / sums[pass][0]);
  printf (" |\n");
  supcon_workspace_clear (&workspace);
  dnnl_stream_destroy (stream);
  dnnl_engine_destroy (engine);
  return 0;
}
