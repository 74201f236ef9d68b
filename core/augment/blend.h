/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** PIL's arithmetic of colours. Private to core. */
#ifndef SUPCON_AUGMENT_BLEND_H
#define SUPCON_AUGMENT_BLEND_H

#include <glib.h>

/* PIL's convert("L"): BT.601 luma, weights of 16 bits. */
static inline guint
luma (guint r, guint g, guint b)
{
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

/* PIL's Image.blend, which truncates; PIL's numbers only where floating-point contraction is off. */
static inline guint8
blend (float from, float to, float factor)
{
  float value = from + factor * (to - from);

  value = value < 0.0f ? 0.0f : value;
  value = value > 255.0f ? 255.0f : value;
  return (guint8)(gint32)value;
}

#endif
