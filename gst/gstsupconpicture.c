/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconpicture.h"

#include <gst/base/gsttypefindhelper.h>
#include <string.h>

#include "data/dataset.h"
#include "error.h"
#include "file.h"

/* srcpad ! decoder ! videoconvert ! sinkpad: what is pushed into srcpad arrives at sinkpad in the same call. */
typedef struct
{
  GstElement *decoder, *convert;
  GstPad *srcpad, *sinkpad;
  GstBus *bus;
  GstBuffer *picture;           /* the first that arrived */
} Chain;

struct _GstSupconPictureDecoder
{
  GHashTable *chains;           /* media type, of deep pictures with more to it, to Chain */
};

static GstStaticPadTemplate out_template = GST_STATIC_PAD_TEMPLATE ("out",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("RGB")));

static GstFlowReturn
take_picture (GstPad * pad, G_GNUC_UNUSED GstObject * parent,
    GstBuffer * buffer)
{
  Chain *chain = gst_pad_get_element_private (pad);

  if (chain->picture) {
    gst_buffer_unref (buffer);
    return GST_FLOW_EOS;
  }
  chain->picture = buffer;
  return GST_FLOW_OK;
}

static void
chain_free (gpointer data)
{
  Chain *chain = data;

  gst_element_set_state (chain->decoder, GST_STATE_NULL);
  gst_element_set_state (chain->convert, GST_STATE_NULL);
  gst_pad_set_active (chain->srcpad, FALSE);
  gst_pad_set_active (chain->sinkpad, FALSE);
  gst_element_set_bus (chain->decoder, NULL);
  gst_element_set_bus (chain->convert, NULL);
  gst_object_unref (chain->decoder);
  gst_object_unref (chain->convert);
  gst_object_unref (chain->srcpad);
  gst_object_unref (chain->sinkpad);
  gst_object_unref (chain->bus);
  gst_clear_buffer (&chain->picture);
  g_free (chain);
}

static gboolean
link_pads (GstElement * from, GstPad * srcpad, GstElement * to,
    GstPad * sinkpad)
{
  GstPad *src = from ? gst_element_get_static_pad (from, "src")
      : gst_object_ref (srcpad);
  GstPad *sink = to ? gst_element_get_static_pad (to, "sink")
      : gst_object_ref (sinkpad);
  gboolean linked = src && sink
      && gst_pad_link (src, sink) == GST_PAD_LINK_OK;

  gst_clear_object (&src);
  gst_clear_object (&sink);
  return linked;
}

/* The chain with this decoder, or NULL when it does not work here (hardware that is not there). */
static Chain *
chain_new (GstElementFactory * factory, GstElementFactory * converter)
{
  GstElement *decoder = gst_element_factory_create (factory, NULL);
  GstElement *convert = gst_element_factory_create (converter, NULL);
  Chain *chain;

  if (!decoder || !convert) {
    gst_clear_object (&decoder);
    gst_clear_object (&convert);
    return NULL;
  }
  chain = g_new0 (Chain, 1);
  chain->decoder = gst_object_ref_sink (decoder);
  chain->convert = gst_object_ref_sink (convert);
  chain->srcpad = gst_object_ref_sink (gst_pad_new ("in", GST_PAD_SRC));
  chain->sinkpad =
      gst_object_ref_sink (gst_pad_new_from_static_template (&out_template,
          "out"));
  chain->bus = gst_bus_new ();
  gst_element_set_bus (chain->decoder, chain->bus);
  gst_element_set_bus (chain->convert, chain->bus);
  gst_pad_set_element_private (chain->sinkpad, chain);
  gst_pad_set_chain_function (chain->sinkpad, take_picture);
  if (!link_pads (NULL, chain->srcpad, chain->decoder, NULL)
      || !link_pads (chain->decoder, NULL, chain->convert, NULL)
      || !link_pads (chain->convert, NULL, NULL, chain->sinkpad)
      || !gst_pad_set_active (chain->sinkpad, TRUE)
      || gst_element_set_state (chain->convert,
          GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE
      || gst_element_set_state (chain->decoder,
          GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE
      || !gst_pad_set_active (chain->srcpad, TRUE)) {
    chain_free (chain);
    return NULL;
  }
  gst_pad_push_event (chain->srcpad, gst_event_new_stream_start ("picture"));
  return chain;
}

/* A chain with the best decoder of type and at least that rank for caps that works and is not the one of that name, or
 * NULL. */
static Chain *
find_chain_of (GstElementFactoryListType type, GstRank rank, GstCaps * caps,
    const gchar * unwanted)
{
  GList *all = gst_element_factory_list_get_elements (type, rank);
  GList *fit = gst_element_factory_list_filter (all, caps, GST_PAD_SINK, FALSE);
  GstElementFactory *converter = gst_element_factory_find ("videoconvert");
  Chain *chain = NULL;

  for (GList * at = fit; at && converter && !chain; at = at->next) {
    if (g_strcmp0 (GST_OBJECT_NAME (at->data), unwanted) != 0)
      chain = chain_new (at->data, converter);
  }
  gst_clear_object (&converter);
  gst_plugin_feature_list_free (fit);
  gst_plugin_feature_list_free (all);
  return chain;
}

/* Decoders of still pictures first, whatever their rank: gdkpixbufdec, which the good plugins have for BMP, TIFF and PNM, has
 * none, so that decodebin does not take it, but reads TIFF files of which libav's decoder makes black pictures. */
static Chain *
find_chain (GstCaps * caps, const gchar * unwanted)
{
  Chain *chain = find_chain_of (GST_ELEMENT_FACTORY_TYPE_DECODER
      | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE, GST_RANK_NONE, caps, unwanted);

  if (!chain)
    chain = find_chain_of (GST_ELEMENT_FACTORY_TYPE_DECODER, GST_RANK_MARGINAL,
        caps, unwanted);
  return chain;
}

GstSupconPictureDecoder *
gst_supcon_picture_decoder_new (void)
{
  GstSupconPictureDecoder *self = g_new (GstSupconPictureDecoder, 1);

  self->chains = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      chain_free);
  return self;
}

void
gst_supcon_picture_decoder_free (GstSupconPictureDecoder * decoder)
{
  if (!decoder)
    return;
  g_hash_table_unref (decoder->chains);
  g_free (decoder);
}

/* Whether a PNG has three colours of 16 bits each, without alpha. Of these pngdec mixes up the colours. */
static gboolean
png_is_deep_rgb (const guint8 * bytes, gsize size)
{
  return size > 25 && memcmp (bytes, "\x89PNG", 4) == 0 && bytes[24] == 16
      && bytes[25] == 2;
}

/* Refuses a JPEG without its end marker, as libjpeg makes up what is missing of a cut file in grey, without an error, and one
 * of four colours (CMYK), of which jpegdec says that it is no picture. Embedded thumbnails have the marker too, so it is
 * looked for after the header, where it cannot be part of the data. */
static gboolean
check_jpeg (const guint8 * bytes, gsize size, const gchar * path,
    GError ** error)
{
  guint colours = 0;
  gsize at = 2;

  while (at + 4 <= size && bytes[at] == 0xff && bytes[at + 1] != 0xda) {
    guint8 marker = bytes[at + 1];

    if (marker == 0xff) {       /* filling */
      at++;
      continue;
    }
    /* A frame's header, which shares its range with three tables. */
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8
        && marker != 0xcc && at + 9 < size)
      colours = bytes[at + 9];
    at += 2 + (bytes[at + 2] << 8 | bytes[at + 3]);
  }
  if (at >= size || !memmem (bytes + at, size - at, "\xff\xd9", 2)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: short file: a JPEG of %" G_GSIZE_FORMAT
        " bytes without the end marker", path, size);
    return FALSE;
  }
  if (colours == 4) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: a JPEG of 4 colours (CMYK) found, 1 (grey) or 3 expected", path);
    return FALSE;
  }
  return TRUE;
}

/* Whether a PNG has its last chunk, without which pngdec finds no picture and never gives back what it has read. */
static gboolean
png_is_whole (const guint8 * bytes, gsize size)
{
  gsize at = 8;

  if (size < at || memcmp (bytes, "\x89PNG", 4) != 0)
    return TRUE;
  while (size - at >= 12) {     /* length, type and checksum */
    guint32 length = (guint32) bytes[at] << 24 | bytes[at + 1] << 16
        | bytes[at + 2] << 8 | bytes[at + 3];

    if (length > size - at - 12)
      return FALSE;
    if (memcmp (bytes + at + 4, "IEND", 4) == 0)
      return TRUE;
    at += 12 + (gsize) length;
  }
  return FALSE;
}

/* The next number of a PNM's header at *at, after space and comments. */
static guint64
pnm_number (const guint8 * bytes, gsize size, gsize * at)
{
  guint64 number = 0;

  while (*at < size && (g_ascii_isspace (bytes[*at]) || bytes[*at] == '#')) {
    const guint8 *end = bytes[*at] != '#' ? bytes + *at
        : memchr (bytes + *at, '\n', size - *at);

    *at = end ? (gsize) (end - bytes) + 1 : size;
  }
  for (; *at < size && g_ascii_isdigit (bytes[*at]) && number < G_MAXUINT16;
      (*at)++)
    number = 10 * number + bytes[*at] - '0';
  return number;
}

/* Whether a binary PGM or PPM has all its pixels, of which gdkpixbufdec makes up those that are missing. */
static gboolean
pnm_is_whole (const guint8 * bytes, gsize size)
{
  gsize at = 2;
  guint64 width, height, largest;

  if (size < 2 || bytes[0] != 'P' || (bytes[1] != '5' && bytes[1] != '6'))
    return TRUE;
  width = pnm_number (bytes, size, &at);
  height = pnm_number (bytes, size, &at);
  largest = pnm_number (bytes, size, &at);
  /* One byte of space is before the pixels. */
  return at < size && (size - at - 1) / (bytes[1] == '6' ? 3 : 1)
      / (largest > 255 ? 2 : 1) >= width * height;
}

/* Refuses what decoders would take a lot of memory for before they find that the file holds nothing of the kind. */
static gboolean
check_caps (GstCaps * caps, const gchar * path, GError ** error)
{
  static const gchar *const sides[] = { "width", "height" };
  const GstStructure *s = gst_caps_get_structure (caps, 0);

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++) {
    gint side;

    if (gst_structure_get_int (s, sides[i], &side)
        && (side < 1 || side > SUPCON_DATASET_MAX_SIDE)) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
          "%s: %s %u found, 1 to %d expected", path, sides[i], (guint) side,
          SUPCON_DATASET_MAX_SIDE);
      return FALSE;
    }
  }
  return TRUE;
}

/* Refuses files of which decoders would make something that is not their picture. */
static gboolean
check_file (GstCaps * caps, const guint8 * bytes, gsize size,
    const gchar * path, GError ** error)
{
  if (gst_structure_has_name (gst_caps_get_structure (caps, 0), "image/jpeg")
      && !check_jpeg (bytes, size, path, error))
    return FALSE;
  if (!png_is_whole (bytes, size)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: short file: a PNG of %" G_GSIZE_FORMAT
        " bytes without the end chunk", path, size);
    return FALSE;
  }
  if (!pnm_is_whole (bytes, size)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: short file: a PNM of %" G_GSIZE_FORMAT
        " bytes without the last of its pixels", path, size);
    return FALSE;
  }
  return check_caps (caps, path, error);
}

/* Pushes the file through chain; TRUE when a picture came out. cause: an error that an element posted. */
static gboolean
chain_run (Chain * chain, GstCaps * caps, GstBuffer * file,
    GstVideoInfo * info, GError ** cause)
{
  GstCaps *out;
  GstMessage *message;
  GstSegment segment;
  gboolean ok;

  gst_pad_push_event (chain->srcpad, gst_event_new_caps (caps));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (chain->srcpad, gst_event_new_segment (&segment));
  gst_pad_push (chain->srcpad, file);
  gst_pad_push_event (chain->srcpad, gst_event_new_eos ());

  message = gst_bus_pop_filtered (chain->bus, GST_MESSAGE_ERROR);
  if (message) {
    gst_message_parse_error (message, cause, NULL);
    gst_message_unref (message);
  }
  out = gst_pad_get_current_caps (chain->sinkpad);
  ok = !message && chain->picture && out && gst_video_info_from_caps (info, out)
      && gst_buffer_get_size (chain->picture) >= GST_VIDEO_INFO_SIZE (info);
  gst_clear_caps (&out);
  return ok;
}

/* Makes chain ready for the next file; FALSE: it is good for one alone, as one whose decoder has no rank
 * (gdkpixbufdec takes the end of a flush for a segment). */
static gboolean
chain_reset (Chain * chain)
{
  GstElementFactory *factory = gst_element_get_factory (chain->decoder);

  if (gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE (factory)) ==
      GST_RANK_NONE)
    return FALSE;
  gst_pad_push_event (chain->srcpad, gst_event_new_flush_start ());
  gst_pad_push_event (chain->srcpad, gst_event_new_flush_stop (TRUE));
  gst_bus_set_flushing (chain->bus, TRUE);
  gst_bus_set_flushing (chain->bus, FALSE);
  return TRUE;
}

static GstBuffer *
decode_bytes (GstSupconPictureDecoder * self, const gchar * path,
    GstBuffer * file, GstCaps * caps, gboolean deep_rgb, GstVideoInfo * info,
    GError ** error)
{
  const gchar *type = deep_rgb ? "image/png of 3 x 16 bits" :
      gst_structure_get_name (gst_caps_get_structure (caps, 0));
  Chain *chain = g_hash_table_lookup (self->chains, type);
  GstBuffer *picture;
  GError *cause = NULL;

  if (!chain) {
    chain = find_chain (caps, deep_rgb ? "pngdec" : NULL);
    if (!chain) {
      g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
          "%s: no decoder installed for %s", path, type);
      return NULL;
    }
    g_hash_table_insert (self->chains, g_strdup (type), chain);
  }
  if (!chain_run (chain, caps, gst_buffer_ref (file), info, &cause)) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: damaged %s: %s", path, type,
        cause ? cause->message : "its decoder found no picture");
    g_clear_error (&cause);
    /* Decoders need not be good for anything after an error. */
    g_hash_table_remove (self->chains, type);
    return NULL;
  }
  picture = g_steal_pointer (&chain->picture);
  if (!chain_reset (chain))
    g_hash_table_remove (self->chains, type);
  return picture;
}

GstBuffer *
gst_supcon_picture_decoder_decode (GstSupconPictureDecoder * decoder,
    const gchar * path, GstVideoInfo * info, GError ** error)
{
  const gchar *dot = strrchr (path, '.');
  GstBuffer *file, *picture = NULL;
  GstCaps *caps;
  gchar *bytes;
  gsize size;

  if (!supcon_file_read (path, &bytes, &size, error))
    return NULL;
  file = gst_buffer_new_wrapped (bytes, size);
  caps = size ? gst_type_find_helper_for_data_with_extension (NULL,
      (guint8 *) bytes, size, dot ? dot + 1 : NULL, NULL) : NULL;
  if (!caps) {
    g_set_error (error, SUPCON_ERROR, SUPCON_ERROR_FORMAT,
        "%s: %" G_GSIZE_FORMAT " bytes found that are no picture", path, size);
  } else if (check_file (caps, (guint8 *) bytes, size, path, error)) {
    picture = decode_bytes (decoder, path, file, caps,
        png_is_deep_rgb ((guint8 *) bytes, size), info, error);
  }
  gst_clear_caps (&caps);
  gst_buffer_unref (file);
  return picture;
}
