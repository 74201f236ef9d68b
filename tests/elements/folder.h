/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** A folder of its own for each test. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include "harness.h"
#include "pipeline.h"

static gchar *folder;

static void
set_up (void)
{
  folder = folder_new ();
}

static void
tear_down (void)
{
  folder_free (folder);
}

#endif
