/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a user may set of supconaugment: each property is a field here and one line that installs it. */
#ifndef GST_SUPCON_AUGMENT_SETTINGS_H
#define GST_SUPCON_AUGMENT_SETTINGS_H

#include "augment/policy.h"
#include "gstsupconsettings.h"

G_BEGIN_DECLS

#define GST_SUPCON_AUGMENT_MAX_VIEWS 64

typedef enum
{
  GST_SUPCON_CONSISTENT_FRAME,
  GST_SUPCON_CONSISTENT_CLIP
} GstSupconConsistent;

typedef struct
{
  SupconPolicy policy;
  gchar *operations;
  gboolean program_changed;     /* policy or operations have been set; the user of the settings clears it */
  GstSupconConsistent consistent;
  guint clip_length, temporal_window, views, threads, lookahead;
  gboolean record_draws;
  gint64 seed;
  gboolean seed_drawn;          /* since the property was set to -1 */
} GstSupconAugmentSettings;

/** Once, at the class's start. Ids are first_id and following ones. */
void gst_supcon_augment_settings_install (GObjectClass * klass,
    guint first_id, gsize fields);
void gst_supcon_augment_settings_init (GstSupconAugmentSettings * settings);
void gst_supcon_augment_settings_clear (GstSupconAugmentSettings * settings);
/** Property id, one of these, was set. */
void gst_supcon_augment_settings_note (GstSupconAugmentSettings * settings,
    guint id);

/** At each start: another seed where the property was set to -1. FALSE: it was not. */
gboolean gst_supcon_augment_settings_draw_seed (GstSupconAugmentSettings *
    settings);

/** The operations to be done on views, as text for core's parser; free with g_free(). */
gchar *gst_supcon_augment_settings_get_program (const GstSupconAugmentSettings *
    settings);

G_END_DECLS
#endif
