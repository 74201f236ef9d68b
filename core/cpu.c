/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpu.h"

#ifdef SUPCON_HAVE_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REQUEST_PERMISSION 0x1023 /* ARCH_REQ_XCOMP_PERM of arch_prctl */
#define TILE_DATA 18              /* XFEATURE_XTILEDATA */
#endif

gboolean
supcon_cpu_amx_available (void)
{
#ifdef SUPCON_HAVE_AMX
  static gsize state = 0; /* 1: no, 2: yes */

  if (g_once_init_enter (&state)) {
    guint a, b, c, d;
    gboolean has = __get_cpuid_count (7, 0, &a, &b, &c, &d) && d >> 22 & 1 && d >> 24 & 1
                   && syscall (SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;

    g_once_init_leave (&state, has ? 2 : 1);
  }
  return state == 2;
#else
  return FALSE;
#endif
}

static SupconCpuLevel
processor_level (void)
{
#if defined(__x86_64__)
  if (!__builtin_cpu_supports ("avx2") || !__builtin_cpu_supports ("fma"))
    return SUPCON_CPU_PLAIN;
  if (!__builtin_cpu_supports ("avx512f"))
    return SUPCON_CPU_AVX2;
  return supcon_cpu_amx_available () ? SUPCON_CPU_AMX : SUPCON_CPU_AVX512;
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

gboolean
supcon_cpu_has_bf16 (void)
{
#ifdef SUPCON_HAVE_AMX
  return supcon_cpu_level () >= SUPCON_CPU_AVX512 && __builtin_cpu_supports ("avx512bf16");
#else
  return FALSE;
#endif
}
