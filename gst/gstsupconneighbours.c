/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconneighbours.h"

#include <string.h>

#include "gstsupconmeta.h"

static void
append_string (GValue * array, const gchar * string)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_STRING);
  g_value_set_string (&value, string ? string : "");
  gst_value_array_append_and_take_value (array, &value);
}

GstStructure *
gst_supcon_neighbours_to_structure (const SupconIndex * index,
    const SupconNeighbour * neighbours, guint n, GstClockTime timestamp)
{
  GstStructure *s = gst_structure_new (GST_SUPCON_NEIGHBOURS_META,
      "timestamp", G_TYPE_UINT64, timestamp, NULL);
  GValue scores = G_VALUE_INIT, labels = G_VALUE_INIT, uris = G_VALUE_INIT;
  GValue timestamps = G_VALUE_INIT;

  gst_value_array_init (&scores, n);
  gst_value_array_init (&labels, n);
  gst_value_array_init (&uris, n);
  gst_value_array_init (&timestamps, n);
  for (guint i = 0; i < n; i++) {
    SupconEntry entry = supcon_index_entry (index, neighbours[i].entry);
    GValue score = G_VALUE_INIT, time = G_VALUE_INIT;

    append_string (&labels, entry.label);
    append_string (&uris, entry.uri);
    g_value_init (&score, G_TYPE_DOUBLE);
    g_value_set_double (&score, neighbours[i].score);
    gst_value_array_append_and_take_value (&scores, &score);
    g_value_init (&time, G_TYPE_UINT64);
    g_value_set_uint64 (&time, entry.timestamp);        /* -1 is GST_CLOCK_TIME_NONE */
    gst_value_array_append_and_take_value (&timestamps, &time);
  }
  gst_structure_take_value (s, "scores", &scores);
  gst_structure_take_value (s, "labels", &labels);
  gst_structure_take_value (s, "timestamps", &timestamps);
  gst_structure_take_value (s, "uris", &uris);
  return s;
}

gchar *
gst_supcon_neighbours_to_text (const SupconIndex * index,
    const SupconNeighbour * neighbours, guint n)
{
  GString *lines = g_string_new (NULL);

  for (guint i = 0; i < n; i++) {
    SupconEntry entry = supcon_index_entry (index, neighbours[i].entry);
    guint64 ms = entry.timestamp / GST_MSECOND;
    const gchar *name = entry.uri ? strrchr (entry.uri, '/') : NULL;
    gchar score[G_ASCII_DTOSTR_BUF_SIZE];

    if (i)
      g_string_append_c (lines, '\n');
    if (entry.timestamp >= 0)
      g_string_append_printf (lines, "%u:%02u:%02u.%03u  ",
          (guint) (ms / 3600000), (guint) (ms / 60000 % 60),
          (guint) (ms / 1000 % 60), (guint) (ms % 1000));
    /* The same in each locale, as programs read it too. */
    g_string_append (lines, g_ascii_formatd (score, sizeof (score), "%.3f",
            neighbours[i].score));
    if (entry.label)
      g_string_append_printf (lines, "  %s", entry.label);
    if (entry.uri)
      g_string_append_printf (lines, "  %s", name
          && name[1] ? name + 1 : entry.uri);
  }
  return g_string_free (lines, n == 0);
}
