/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpu.h"

#include <glib.h>

#include "nn/bf16_tile.h"

static SupconCpuLevel
processor_level (void)
{
#if defined(__x86_64__)
  if (!__builtin_cpu_supports ("avx2") || !__builtin_cpu_supports ("fma"))
    return SUPCON_CPU_PLAIN;
  if (!__builtin_cpu_supports ("avx512f"))
    return SUPCON_CPU_AVX2;
#ifdef SUPCON_HAVE_AMX
  if (supcon_bf16_amx_available ())
    return SUPCON_CPU_AMX;
#endif
  return SUPCON_CPU_AVX512;
#else
  return SUPCON_CPU_PLAIN;
#endif
}

static SupconCpuLevel
permitted_level (void)
{
  static const char *const names[] = { "plain", "avx2", "avx512", "amx" };
  const char *name = g_getenv ("SUPCON_CPU");

  if (!name)
    return SUPCON_CPU_AMX;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (name, names[i]))
      return i;
  g_warning ("SUPCON_CPU=%s is ignored: expected plain, avx2, avx512 or amx", name);
  return SUPCON_CPU_AMX;
}

SupconCpuLevel
supcon_cpu_level (void)
{
  static gsize level = 0; /* one more than it */

  if (g_once_init_enter (&level))
    g_once_init_leave (&level, 1 + MIN (processor_level (), permitted_level ()));
  return level - 1;
}
