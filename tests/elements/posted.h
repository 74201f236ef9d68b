/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What an element said on its bus. */
#ifndef TEST_POSTED_H
#define TEST_POSTED_H

#include <gst/check/gstcheck.h>

/* The next message of the type (an error, a warning or an info) has the part in its text. */
static inline void
check_posted (GstBus * bus, GstMessageType type, const gchar * part)
{
  GstMessage *message = gst_bus_pop_filtered (bus, type);
  gchar *shown = NULL;
  GError *error;

  fail_unless (message != NULL, "no message: %s", part);
  if (type == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  else if (type == GST_MESSAGE_INFO)
    gst_message_parse_info (message, &error, &shown);
  else
    gst_message_parse_warning (message, &error, NULL);
  fail_unless (strstr (error->message, part) != NULL, "%s", error->message);
  /* Of an info gst-launch-1.0 shows the debugging text alone. */
  fail_unless (type != GST_MESSAGE_INFO || (shown && strstr (shown, part)));
  g_free (shown);
  g_error_free (error);
  gst_message_unref (message);
}

#endif
