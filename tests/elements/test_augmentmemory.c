/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supconaugment's memory: what is allocated, pools and their buffers. */
#include "augment/augmenter.h"
#include "augment/policy.h"
#include "augmenting.h"

#define N_POLICIES (SUPCON_POLICY_AUGMIX + 1)

/* Sanitizers have an allocator of their own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS
#endif

#ifdef COUNTS_ALLOCATIONS
extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *memory, size_t size);

static gint n_allocations;

/* In the place of libc's, for all libraries of this process. */
void *
malloc (size_t size)
{
  g_atomic_int_inc (&n_allocations);
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  g_atomic_int_inc (&n_allocations);
  return __libc_calloc (n, size);
}

void *
realloc (void *memory, size_t size)
{
  g_atomic_int_inc (&n_allocations);
  return __libc_realloc (memory, size);
}
#endif

#ifdef COUNTS_ALLOCATIONS
/* Once its memory has grown to what it needs, the augmenter takes none. */
GST_START_TEST (test_augmenter_allocates_nothing)
{
  SupconAugmenter *augmenter = supcon_augmenter_new ();
  guint8 *pixels = g_malloc0 (3 * 160 * 120), *bytes = g_malloc (3 * 64 * 64);
  SupconImage picture = {.pixels = pixels,.stride = 480,.width = 160,.height =
        120,.channels = 3
  }, view = {.pixels = bytes,.stride = 192,.width =
        64,.height = 64,.channels = 3
  };
  SupconProgram *program;
  SupconPolicy policy;
  gchar *text;
  gint before = 0;

  supcon_policy_init (&policy, __i__);
  policy.warp_probability = policy.erase_probability = 0.5;
  text = supcon_policy_to_text (&policy);
  program = supcon_program_parse (text, NULL);
  /* No crop needs more weights than the whole picture. */
  supcon_augmenter_apply (augmenter, NULL, 0, 0, 0, &picture, &view);
  for (guint i = 0; i < 800; i++) {
    if (i == 400)
      before = g_atomic_int_get (&n_allocations);
    supcon_augmenter_apply (augmenter, program, 0, i, 0, &picture, &view);
  }
  fail_unless_equals_int (g_atomic_int_get (&n_allocations), before);
  fail_unless (before > 0);
  supcon_program_free (program);
  supcon_augmenter_free (augmenter);
  g_free (text);
  g_free (pixels);
  g_free (bytes);
}

GST_END_TEST;

static GstFlowReturn
drop_buffer (G_GNUC_UNUSED GstPad * pad, G_GNUC_UNUSED GstObject * parent,
    GstBuffer * buffer)
{
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* Neither does the element, from buffer to buffer: views leave in a pool's buffers, whose metas stay. */
GST_START_TEST (test_element_allocates_nothing)
{
  GstElement *element = gst_check_setup_element ("supconaugment");
  GstStaticPadTemplate source =
      GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
      GST_STATIC_CAPS_ANY);
  GstStaticPadTemplate sink =
      GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
      GST_STATIC_CAPS ("video/x-raw,width=64,height=64"));
  GstPad *source_pad = gst_check_setup_src_pad (element, &source);
  GstPad *sink_pad = gst_check_setup_sink_pad (element, &sink);
  GstCaps *caps = gst_caps_from_string ("video/x-raw,format=RGB,width=160,"
      "height=120,framerate=25/1");
  GstBuffer *frames[4];
  GstVideoInfo info;
  gint before = 0;

  /* GLib's slices would hide what they are cut from. */
  fail_unless_equals_string (g_getenv ("G_SLICE"), "always-malloc");
  fail_unless (gst_video_info_from_caps (&info, caps));
  g_object_set (element, "policy", 0, "views", 4, "threads", 1 + __i__ % 2,
      "temporal-window", 2, NULL);
  gst_pad_set_chain_function (sink_pad, drop_buffer);
  gst_pad_set_active (source_pad, TRUE);
  gst_pad_set_active (sink_pad, TRUE);
  fail_unless (gst_element_set_state (element,
          GST_STATE_PLAYING) == GST_STATE_CHANGE_SUCCESS);
  gst_check_setup_events (source_pad, element, caps, GST_FORMAT_TIME);
  gst_caps_unref (caps);
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
    frames[i] = noise_frame (&info, i);
    set_sample (frames[i], i < 2 ? "one" : "two", i);
    GST_BUFFER_PTS (frames[i]) = i * GST_SECOND;
  }
  for (guint i = 0; i < 500; i++) {
    /* No crop needs more weights than the whole picture. */
    if (i == 100)
      g_object_set (element, "policy", __i__ / 2, NULL);
    if (i == 300)
      before = g_atomic_int_get (&n_allocations);
    gst_pad_push (source_pad, gst_buffer_ref (frames[i % 4]));
  }
  /* The text that stands in the meta is the label alone, which a buffer may get anew. */
  fail_unless (g_atomic_int_get (&n_allocations) - before <= 200 * 4,
      "%d allocations", g_atomic_int_get (&n_allocations) - before);
  for (guint i = 0; i < 200; i++) {
    if (i == 100)
      before = g_atomic_int_get (&n_allocations);
    gst_pad_push (source_pad, gst_buffer_ref (frames[i % 2]));
  }
  /* A second thread that is late has its memory to grow yet, far less than an allocation a view. */
  fail_unless (g_atomic_int_get (&n_allocations) - before <=
      (__i__ % 2 ? 60 : 0), "%d allocations",
      g_atomic_int_get (&n_allocations) - before);
  gst_element_set_state (element, GST_STATE_NULL);
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
    gst_buffer_unref (frames[i]);
  gst_check_teardown_src_pad (element);
  gst_check_teardown_sink_pad (element);
  gst_check_teardown_element (element);
}

GST_END_TEST;
#endif

/* What came with a buffer's last use does not stay in it. */
GST_START_TEST (test_buffers_come_back_clean)
{
  GstHarness *h = gst_harness_new_parse ("supconaugment name=a views=1 "
      "record-draws=true");
  GstElement *element = gst_harness_find_element (h, "supconaugment");
  GstBuffer *first = NULL;
  GstVideoInfo info;

  info_from_string (&info, "video/x-raw,format=RGB,width=8,height=8");
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=8,height=8,framerate=25/1");
  for (guint i = 0; i < 6; i++) {
    GstBuffer *frame = noise_frame (&info, i), *view;
    guint64 sample;

    if (i < 3)
      set_sample (frame, "a", 100 + i);
    if (i == 3)
      g_object_set (element, "record-draws", FALSE, NULL);
    gst_harness_push (h, frame);
    view = gst_harness_pull (h);
    if (i == 0)
      first = view;
    fail_unless (view == first, "the pool gives the buffer again");
    fail_unless (gst_structure_get_uint64 (sample_of (view), "sample",
            &sample));
    fail_unless_equals_uint64 (sample, i < 3 ? 100 + i : i);
    fail_unless_equals_string (gst_structure_get_string (sample_of (view),
            "label"), i < 3 ? "a" : NULL);
    fail_unless (gst_structure_has_field (sample_of (view),
            "draws") == (i < 3));
    gst_buffer_unref (view);
  }
  gst_object_unref (element);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Upstream is asked for as many buffers as are held. */
GST_START_TEST (test_asks_for_buffers)
{
  GstHarness *h = gst_harness_new ("supconaugment");
  GstCaps *caps = gst_caps_from_string ("video/x-raw,format=I420,width=9,"
      "height=7,framerate=25/1");
  guint windows[] = { 0, 1, 16 };
  GstBuffer *frame;
  GstVideoInfo info;
  GstSegment segment;
  GstEvent *event;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_harness_set_src_caps (h, gst_caps_ref (caps));
  for (guint i = 0; i < G_N_ELEMENTS (windows); i++) {
    GstQuery *query = gst_query_new_allocation (caps, TRUE);
    guint size, min, max;

    g_object_set (h->element, "temporal-window", windows[i], NULL);
    fail_unless (gst_pad_peer_query (h->srcpad, query));
    fail_unless_equals_int (gst_query_get_n_allocation_pools (query), 1);
    gst_query_parse_nth_allocation_pool (query, 0, NULL, &size, &min, &max);
    fail_unless_equals_int (size, info.size);
    fail_unless_equals_int (min, windows[i] + 2);
    fail_unless_equals_int (max, 0);
    fail_unless (gst_query_find_allocation_meta (query,
            GST_VIDEO_CROP_META_API_TYPE, NULL));
    gst_query_unref (query);
  }
  /* And asked again when it becomes more while playing. */
  while ((event = gst_harness_try_pull_upstream_event (h)))
    gst_event_unref (event);
  frame = noise_frame (&info, 0);
  gst_harness_push (h, frame);
  event = gst_harness_pull_upstream_event (h);
  fail_unless_equals_int (GST_EVENT_TYPE (event), GST_EVENT_RECONFIGURE);
  gst_event_unref (event);
  gst_harness_push (h, noise_frame (&info, 1));
  fail_unless_equals_int (gst_harness_upstream_events_in_queue (h), 0);
  /* In another run, too, which began with less. */
  gst_element_set_state (h->element, GST_STATE_READY);
  g_object_set (h->element, "temporal-window", 1, NULL);
  gst_harness_play (h);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps (h, gst_caps_ref (caps));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, noise_frame (&info, 0));
  while ((event = gst_harness_try_pull_upstream_event (h)))
    gst_event_unref (event);
  g_object_set (h->element, "temporal-window", 16, NULL);
  gst_harness_push (h, noise_frame (&info, 1));
  event = gst_harness_try_pull_upstream_event (h);
  fail_unless (event && GST_EVENT_TYPE (event) == GST_EVENT_RECONFIGURE);
  gst_event_unref (event);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

static GstPadProbeReturn
offer_two_buffers (G_GNUC_UNUSED GstPad * pad, GstPadProbeInfo * info,
    gpointer user_data)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);
  GstBufferPool *pool;
  GstStructure *config;
  GstCaps *caps;
  GstVideoInfo video;

  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return GST_PAD_PROBE_OK;
  gst_query_parse_allocation (query, &caps, NULL);
  fail_unless (gst_video_info_from_caps (&video, caps));
  pool = gst_video_buffer_pool_new ();
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, video.size, 2, 2);
  fail_unless (gst_buffer_pool_set_config (pool, config));
  gst_query_add_allocation_pool (query, pool, video.size, 2, 2);
  gst_object_unref (pool);
  (*(guint *) user_data)++;
  return GST_PAD_PROBE_HANDLED;
}

/* A frame's views are held all at once: downstream's two buffers would be waited for for ever. */
GST_START_TEST (test_small_pool)
{
  GstHarness *h = gst_harness_new_parse ("supconaugment views=5");
  GstVideoInfo info;
  guint offers = 0;

  gst_pad_add_probe (h->sinkpad,
      GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH,
      offer_two_buffers, &offers, NULL);
  info_from_string (&info, "video/x-raw,format=RGB,width=8,height=8");
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=8,height=8,framerate=25/1");
  for (guint i = 0; i < 3; i++) {
    fail_unless_equals_int (gst_harness_push (h, noise_frame (&info, i)),
        GST_FLOW_OK);
    fail_unless_equals_int (gst_harness_buffers_in_queue (h), 5 * (i + 1));
  }
  fail_unless_equals_int (offers, 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint
count_allocation_query (GstHarness * h, guint frames)
{
  GstVideoInfo info;
  guint offers = 0;
  gulong probe = gst_pad_add_probe (h->sinkpad,
      GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH,
      offer_two_buffers, &offers, NULL);

  info_from_string (&info, "video/x-raw,format=RGB,width=8,height=8");
  for (guint i = 0; i < frames; i++) {
    GstCaps *caps =
        gst_caps_from_string
        ("video/x-raw,format=RGB,width=8,height=8,framerate=25/1");

    gst_harness_push_event (h, gst_event_new_caps (caps));
    gst_caps_unref (caps);
    gst_harness_push (h, noise_frame (&info, i));
  }
  gst_pad_remove_probe (h->sinkpad, probe);
  return offers;
}

/* The same caps again, as funnel sends them, cost no new pool; downstream that asks for another size is heard. */
GST_START_TEST (test_same_caps_again)
{
  GstHarness *h = gst_harness_new_parse ("supconaugment views=1");
  GstBuffer *view;
  guint sizes[] = { 28 * 4, 24 * 8 };

  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=8,height=8,framerate=25/1");
  fail_unless_equals_int (count_allocation_query (h, 5), 0);
  gst_harness_set_sink_caps_str (h, "video/x-raw,width=9,height=4");
  gst_harness_push_upstream_event (h, gst_event_new_reconfigure ());
  fail_unless_equals_int (count_allocation_query (h, 5), 1);
  for (guint i = 0; i < 10; i++) {
    view = gst_harness_pull (h);
    fail_unless_equals_int (gst_buffer_get_size (view), sizes[i < 5]);
    gst_buffer_unref (view);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
augmentmemory_suite (void)
{
  Suite *suite = suite_create ("supconaugment's memory");
  TCase *tcase = tcase_create ("memory");

  suite_add_tcase (suite, tcase);
#ifdef COUNTS_ALLOCATIONS
  tcase_add_loop_test (tcase, test_augmenter_allocates_nothing, 0, N_POLICIES);
  tcase_add_loop_test (tcase, test_element_allocates_nothing, 0,
      2 * N_POLICIES);
#endif
  tcase_add_test (tcase, test_buffers_come_back_clean);
  tcase_add_test (tcase, test_asks_for_buffers);
  tcase_add_test (tcase, test_small_pool);
  tcase_add_test (tcase, test_same_caps_again);
  return suite;
}

GST_CHECK_MAIN (augmentmemory);
