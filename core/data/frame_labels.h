/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Files with a label for each frame of a video, or each picture of a sequence, in their order. */
#ifndef SUPCON_DATA_FRAME_LABELS_H
#define SUPCON_DATA_FRAME_LABELS_H

#include <glib.h>

/**
 * Reads a file, plain or gzip'ed: an IDX file of labels (the MNIST database's; labels are the numbers, "0" to "255"),
 * or UTF-8 text with a label a line, space around it removed, where an empty line is a frame without. IDX is told by
 * its first two bytes, which are zero.
 *
 * Returns: an array of strings, empty for a frame without label, owned by the caller; NULL with error (naming path,
 * what was found and what was expected) when the file cannot be read or is none of these
 */
GPtrArray *supcon_frame_labels_read (const char *path, GError **error);

#endif
