/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * What can go wrong in core, in few kinds, so that an element can choose the GStreamer error that fits.
 *
 * Messages name the file, tensor or setting, what was found and what was expected.
 */
#ifndef SUPCON_ERROR_H
#define SUPCON_ERROR_H

#include <glib.h>

#define SUPCON_ERROR (supcon_error_quark ())
GQuark supcon_error_quark (void);

typedef enum {
  SUPCON_ERROR_NOT_FOUND, /* a file or folder is not there or holds nothing of use */
  SUPCON_ERROR_READ,      /* it is there but reading failed */
  SUPCON_ERROR_WRITE,     /* writing failed: no space, no permission */
  SUPCON_ERROR_FORMAT,    /* the bytes are not what the format says */
  SUPCON_ERROR_SETTINGS,  /* a setting or a combination of settings that cannot work */
  SUPCON_ERROR_NUMERIC    /* a loss or a weight that is not a finite number */
} SupconErrorCode;

#endif
