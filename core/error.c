/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error.h"

/* Not G_DEFINE_QUARK, which keeps it where threads would meet. */
GQuark
supcon_error_quark (void)
{
  return g_quark_from_static_string ("supcon-error-quark");
}
