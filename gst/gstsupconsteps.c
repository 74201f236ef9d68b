/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsupconsteps.h"

#include <math.h>

/* More steps than this are thinned out; a screen has fewer columns. */
#define MAX_STEPS 2048

void
gst_supcon_steps_init (GstSupconSteps * self, GstElement * element,
    gchar * const *trainer)
{
  self->element = element;
  self->trainer = trainer;
  self->bus = NULL;
  self->steps = g_array_new (FALSE, FALSE, sizeof (GstSupconPlotStep));
  g_mutex_init (&self->lock);
}

void
gst_supcon_steps_clear (GstSupconSteps * self)
{
  g_array_unref (self->steps);
  g_mutex_clear (&self->lock);
}

static void
forget (GstSupconSteps * self)
{
  g_array_set_size (self->steps, 0);
  self->stride = 1;
  self->seen = 0;
}

/* Every other one goes when there are too many; from then on every other one comes. */
static void
add (GstSupconSteps * self, const GstSupconPlotStep * step)
{
  if (self->steps->len
      && step->step <= g_array_index (self->steps, GstSupconPlotStep,
          self->steps->len - 1).step)
    forget (self);              /* another run */
  if (self->seen++ % self->stride)
    return;
  if (self->steps->len == MAX_STEPS) {
    for (guint i = 0; i < MAX_STEPS / 2; i++)
      g_array_index (self->steps, GstSupconPlotStep, i) =
          g_array_index (self->steps, GstSupconPlotStep, 2 * i);
    g_array_set_size (self->steps, MAX_STEPS / 2);
    self->stride *= 2;
  }
  g_array_append_val (self->steps, *step);
}

static void
take_message (G_GNUC_UNUSED GstBus * bus, GstMessage * message,
    GstSupconSteps * self)
{
  const GstStructure *s = gst_message_get_structure (message);
  GstSupconPlotStep step;
  gboolean wanted;

  if (!gst_structure_has_name (s, "supcon-train")
      || !gst_structure_get (s, "step", G_TYPE_UINT64, &step.step,
          "loss", G_TYPE_DOUBLE, &step.loss, "learning-rate", G_TYPE_DOUBLE,
          &step.learning_rate, NULL)
      || !isfinite (step.loss) || !isfinite (step.learning_rate))
    return;
  GST_OBJECT_LOCK (self->element);
  wanted = !*self->trainer || !g_strcmp0 (*self->trainer,
      GST_OBJECT_NAME (GST_MESSAGE_SRC (message)));
  GST_OBJECT_UNLOCK (self->element);
  if (!wanted)
    return;
  g_mutex_lock (&self->lock);
  add (self, &step);
  g_mutex_unlock (&self->lock);
}

/* The bus of the outermost bin, which every message passes. */
static GstBus *
find_bus (GstElement * element)
{
  GstObject *top = gst_object_ref (GST_OBJECT (element)), *parent;
  GstBus *bus;

  while ((parent = gst_object_get_parent (top))) {
    gst_object_unref (top);
    top = parent;
  }
  bus = GST_IS_BIN (top) ? gst_element_get_bus (GST_ELEMENT (top)) : NULL;
  gst_object_unref (top);
  return bus;
}

static void
unref_element (gpointer data, G_GNUC_UNUSED GClosure * closure)
{
  gst_object_unref (((GstSupconSteps *) data)->element);
}

void
gst_supcon_steps_start (GstSupconSteps * self)
{
  /* A trainer's thread may still be in the handler of the time before. */
  g_mutex_lock (&self->lock);
  forget (self);
  g_mutex_unlock (&self->lock);
  self->bus = find_bus (self->element);
  if (!self->bus)
    return;
  gst_bus_enable_sync_message_emission (self->bus);
  /* And in this one when the element goes. */
  gst_object_ref (self->element);
  g_signal_connect_data (self->bus, "sync-message::element",
      G_CALLBACK (take_message), self, unref_element, 0);
}

void
gst_supcon_steps_stop (GstSupconSteps * self)
{
  if (!self->bus)
    return;
  g_signal_handlers_disconnect_by_data (self->bus, self);
  gst_bus_disable_sync_message_emission (self->bus);
  gst_clear_object (&self->bus);
}

void
gst_supcon_steps_draw (GstSupconSteps * self, cairo_t * cr,
    const GstSupconPlotArea * area)
{
  g_mutex_lock (&self->lock);
  if (self->steps->len)
    gst_supcon_plot_curves (cr, area,
        (const GstSupconPlotStep *) (gpointer) self->steps->data,
        self->steps->len);
  else
    gst_supcon_plot_say (cr, area, "no training step yet");
  g_mutex_unlock (&self->lock);
}
