/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error.h"

/* clang-format off */
G_DEFINE_QUARK (supcon-error-quark, supcon_error)
/* clang-format on */
