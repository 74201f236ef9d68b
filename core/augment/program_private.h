/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The operations of the language; what parsing makes and drawing reads. */
#ifndef SUPCON_AUGMENT_PROGRAM_PRIVATE_H
#define SUPCON_AUGMENT_PROGRAM_PRIVATE_H

#include "augment/program.h"

#define MAX_ARGUMENTS 3
#define MAX_CHOICES 8
#define MAX_PICKS 16
/* Chains of a mix and operations in each: MAX_PICKS at most together. */
#define MAX_WIDTH 5
#define MAX_DEPTH 3
/* How often one operation may stand in a program: each place has its own random numbers. */
#define MAX_OCCURRENCES 64

/* INTERVAL: it is drawn in a way of its own from two bounds. */
typedef enum { REAL, WHOLE, INTERVAL } ArgumentKind;

/* Arguments: name, what it may be, and what it is when left out; NAN: it must be given. */
typedef struct {
  const gchar *name;
  double min, max, low, high;
  ArgumentKind kind;
} Argument;

typedef struct {
  const gchar *name;
  Argument arguments[MAX_ARGUMENTS];
} Operation;

/** By SupconOperation; those without a name cannot be written. */
extern const Operation supcon_operations[SUPCON_N_OPERATIONS];

typedef enum { VALUE_NUMBER, VALUE_RANGE, VALUE_GRID, VALUE_CHOICE } ValueKind;

typedef struct {
  ValueKind kind;
  double base;
  gboolean sign;
  guint n;               /* of a grid or a choice */
  double v[MAX_CHOICES]; /* one number, two bounds, or the choices */
} Value;

typedef struct _Node Node;
struct _Node {
  SupconOperation operation;
  guint occurrence; /* how often the operation stands before it in the text */
  double probability;
  Value values[MAX_ARGUMENTS];
  guint picks;      /* of a pick; chains of a mix */
  gint depth;       /* of a mix's chains, -1: drawn */
  GArray *children; /* Node; of a group, a pick or a mix, else NULL */
};

struct _SupconProgram {
  Node root;
};

#endif
