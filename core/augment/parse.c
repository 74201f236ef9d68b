/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "augment/program_private.h"
#include "error.h"

typedef struct {
  const gchar *text, *at;
  guint occurrences[SUPCON_N_OPERATIONS];
  gboolean in_pick;
  guint depth; /* groups that are open */
  guint steps; /* the most that what was read can draw */
  GError **error;
} Parser;

/* Groups inside each other: they are read, counted and drawn by functions that call themselves. */
#define MAX_NESTING 16

static gboolean fail_at (Parser *self, const gchar *at, const gchar *format, ...) G_GNUC_PRINTF (3, 4);

/* Says what stands at a column and what was expected there. */
static gboolean
fail_at (Parser *self, const gchar *at, const gchar *format, ...)
{
  gsize n = strcspn (at + (*at != '\0'), " ,(){}\t\n") + (*at != '\0');
  gchar *found = *at ? g_strdup_printf ("'%.*s'", (int)MIN (n, 20), at) : g_strdup ("the end"), *valid, *expected;
  va_list args;

  va_start (args, format);
  expected = g_strdup_vprintf (format, args);
  va_end (args);
  valid = g_utf8_make_valid (found, -1);
  g_set_error (self->error, SUPCON_ERROR, SUPCON_ERROR_SETTINGS, "operations, column %u: %s, expected %s",
      (guint)(at - self->text) + 1, valid, expected);
  g_free (valid);
  g_free (found);
  g_free (expected);
  return FALSE;
}

static void
skip_space (Parser *self)
{
  self->at += strspn (self->at, " \t\r\n");
}

static gboolean
take (Parser *self, const gchar *token)
{
  skip_space (self);
  if (!g_str_has_prefix (self->at, token))
    return FALSE;
  self->at += strlen (token);
  return TRUE;
}

static gboolean
parse_number (Parser *self, double *number)
{
  const gchar *digits;
  gchar *end;

  skip_space (self);
  digits = self->at + strspn (self->at, "+-");
  /* No inf, nan or hexadecimal numbers. */
  if (!(g_ascii_isdigit (*digits) || *digits == '.') || (digits[0] == '0' && g_ascii_tolower (digits[1]) == 'x'))
    return fail_at (self, self->at, "a number");
  *number = g_ascii_strtod (self->at, &end);
  if (end == self->at || !isfinite (*number))
    return fail_at (self, self->at, "a number");
  self->at = end;
  return TRUE;
}

static gboolean
is_fixed (const Value *value)
{
  return value->kind == VALUE_NUMBER && !value->sign;
}

/* Whatever is drawn is a whole number. */
static gboolean
is_whole (const Value *value)
{
  double step = value->kind == VALUE_GRID ? (value->v[1] - value->v[0]) / (value->n - 1) : 0;
  gboolean whole = value->kind != VALUE_RANGE && value->base == floor (value->base) && step == floor (step);

  for (guint i = 0; i < (value->kind == VALUE_CHOICE ? value->n : 1); i++)
    whole &= value->v[i] == floor (value->v[i]);
  return whole;
}

/* The least and the most that the value may become lie within the argument's bounds. */
static gboolean
check_bounds (Parser *self, const gchar *at, const Value *value, const Argument *argument)
{
  guint n = value->kind == VALUE_NUMBER ? 1 : value->kind == VALUE_CHOICE ? value->n : 2;

  if (argument->kind == WHOLE && !is_whole (value))
    return fail_at (self, at, "%s as a whole number from %g to %g", argument->name, argument->min, argument->max);
  for (guint i = 0; i < n; i++)
    for (int sign = value->sign ? -1 : 1; sign <= 1; sign += 2) {
      double v = value->base + sign * value->v[i];

      if (!(v >= argument->min && v <= argument->max))
        return fail_at (self, at, "%s from %g to %g", argument->name, argument->min, argument->max);
    }
  if (argument->kind == INTERVAL && (value->sign || value->kind == VALUE_GRID || value->kind == VALUE_CHOICE))
    return fail_at (self, at, "%s as a number or as low:high", argument->name);
  return TRUE;
}

static gboolean
parse_value (Parser *self, Value *value, const Argument *argument)
{
  const gchar *at;
  double n;

  skip_space (self);
  at = self->at;
  *value = (Value){ .sign = take (self, "+-"), .n = 1 };
  if (!parse_number (self, &value->v[0]))
    return FALSE;
  if (!value->sign && take (self, "+-")) {
    value->sign = TRUE;
    value->base = value->v[0];
    if (!parse_number (self, &value->v[0]))
      return FALSE;
  }
  if (take (self, ":")) {
    value->kind = VALUE_RANGE;
    if (!parse_number (self, &value->v[1]))
      return FALSE;
    if (take (self, "/")) {
      const gchar *count = self->at;

      value->kind = VALUE_GRID;
      if (!parse_number (self, &n))
        return FALSE;
      if (n < 2 || n > 1000000 || n != floor (n))
        return fail_at (self, count, "how many values, a whole number from 2 to 1000000");
      value->n = (guint)n;
    }
  } else {
    while (take (self, "|")) {
      value->kind = VALUE_CHOICE;
      if (value->n == MAX_CHOICES)
        return fail_at (self, self->at, "at most %d choices", MAX_CHOICES);
      if (!parse_number (self, &value->v[value->n++]))
        return FALSE;
    }
  }
  return check_bounds (self, at, value, argument);
}

/* After the opening bracket, to the closing one. */
static gboolean
parse_arguments (Parser *self, Node *node, gboolean given[MAX_ARGUMENTS])
{
  static const Argument probability = { "p", 0, 1, 1, 1, REAL };
  const Operation *operation = &supcon_operations[node->operation];
  guint position = 0, n_arguments = 0;
  Value value;

  while (n_arguments < MAX_ARGUMENTS && operation->arguments[n_arguments].name)
    n_arguments++;
  if (take (self, ")"))
    return TRUE;
  do {
    const gchar *at;
    gsize length;
    guint i;

    skip_space (self);
    at = self->at;
    length = strspn (at, "abcdefghijklmnopqrstuvwxyz-");
    if (g_ascii_isalpha (*at)) {
      for (i = 0; i < n_arguments; i++)
        if (strlen (operation->arguments[i].name) == length && strncmp (at, operation->arguments[i].name, length) == 0)
          break;
      if (i == n_arguments && !(length == 1 && *at == 'p'))
        return fail_at (self, at, "%s%s%s%s%s%sp=", n_arguments > 0 ? operation->arguments[0].name : "",
            n_arguments > 0 ? "=, " : "", n_arguments > 1 ? operation->arguments[1].name : "",
            n_arguments > 1 ? "=, " : "", n_arguments > 2 ? operation->arguments[2].name : "",
            n_arguments > 2 ? "=, " : "");
      self->at += length;
      if (!take (self, "="))
        return fail_at (self, self->at, "'='");
    } else {
      i = position++;
      if (i > n_arguments)
        return fail_at (self, at, "at most %u value%s", n_arguments + 1, n_arguments ? "s" : "");
    }
    if (!parse_value (self, i < n_arguments ? &node->values[i] : &value,
            i < n_arguments ? &operation->arguments[i] : &probability))
      return FALSE;
    if (i == n_arguments) {
      if (!is_fixed (&value))
        return fail_at (self, at, "a probability, one number from 0 to 1");
      node->probability = value.v[0];
    } else {
      given[i] = TRUE;
    }
  } while (take (self, ","));
  return take (self, ")") || fail_at (self, self->at, "',' or ')'");
}

static gboolean parse_items (Parser *self, GArray *items, gboolean closed);

static void
node_clear (gpointer data)
{
  Node *node = data;

  if (node->children)
    g_array_unref (node->children);
}

static GArray *
children_new (void)
{
  GArray *children = g_array_new (FALSE, FALSE, sizeof (Node));

  g_array_set_clear_func (children, node_clear);
  return children;
}

/* Says which operations there are. */
static gboolean
fail_unknown (Parser *self, const gchar *at)
{
  GString *names = g_string_new (NULL);

  for (guint i = SUPCON_OPERATION_CROP; i < SUPCON_N_OPERATIONS; i++)
    g_string_append_printf (names, "%s%s", i > SUPCON_OPERATION_CROP ? ", " : "", supcon_operations[i].name);
  fail_at (self, at, "an operation (%s)", names->str);
  g_string_free (names, TRUE);
  return FALSE;
}

static gboolean
parse_operation (Parser *self, Node *node, gboolean first)
{
  gboolean given[MAX_ARGUMENTS] = { FALSE };
  const gchar *at = self->at;
  gsize length = strspn (at, "abcdefghijklmnopqrstuvwxyz-");
  guint i;

  for (i = SUPCON_OPERATION_CROP; i < SUPCON_N_OPERATIONS; i++)
    if (strlen (supcon_operations[i].name) == length && strncmp (at, supcon_operations[i].name, length) == 0)
      break;
  if (i == SUPCON_N_OPERATIONS)
    return fail_unknown (self, at);
  if ((i == SUPCON_OPERATION_CROP || i == SUPCON_OPERATION_CENTER_CROP) && !first)
    return fail_at (self, at, "%s only in the first place", supcon_operations[i].name);
  if ((i == SUPCON_OPERATION_PICK || i == SUPCON_OPERATION_MIX) && self->in_pick)
    return fail_at (self, at, "no pick or mix inside of a pick or a mix");
  node->operation = i;
  node->occurrence = self->occurrences[i]++;
  if (node->occurrence == MAX_OCCURRENCES)
    return fail_at (self, at, "it at most %d times", MAX_OCCURRENCES);
  self->at += length;
  for (guint k = 0; k < MAX_ARGUMENTS; k++) {
    const Argument *argument = &supcon_operations[i].arguments[k];

    node->values[k] = (Value){ argument->low == argument->high ? VALUE_NUMBER : VALUE_RANGE,
      .v = { argument->low, argument->high } };
  }
  if (take (self, "(") && !parse_arguments (self, node, given))
    return FALSE;
  for (guint k = 0; k < MAX_ARGUMENTS && supcon_operations[i].arguments[k].name; k++)
    if (isnan (supcon_operations[i].arguments[k].low) && !given[k])
      return fail_at (self, at, "%s(%s)", supcon_operations[i].name, supcon_operations[i].arguments[k].name);
  /* SimCLR's relation of the hue to the rest. */
  if (i == SUPCON_OPERATION_COLOR && given[0] && !given[1]) {
    node->values[1] = node->values[0];
    for (guint k = 0; k < MAX_CHOICES; k++)
      node->values[1].v[k] = node->values[0].v[k] / 4;
    node->values[1].base /= 4;
  }
  if (i != SUPCON_OPERATION_PICK && i != SUPCON_OPERATION_MIX)
    return TRUE;

  if (!is_fixed (&node->values[0]) || (i == SUPCON_OPERATION_MIX && !is_fixed (&node->values[1])))
    return fail_at (
        self, at, i == SUPCON_OPERATION_PICK ? "pick(n), n a whole number" : "width and depth as whole numbers");
  node->picks = (guint)node->values[0].v[0];
  node->depth = (gint)node->values[1].v[0];
  if (!take (self, "{"))
    return fail_at (self, self->at, "'{' and what to pick from");
  node->children = children_new ();
  at = self->at;
  self->in_pick = TRUE;
  if (!parse_items (self, node->children, TRUE))
    return FALSE;
  self->in_pick = FALSE;
  return node->children->len > 0 || fail_at (self, at, "something to pick from");
}

/* The most steps that it can draw. */
static guint
count_steps (const Node *node)
{
  guint sum = 0, most = 0;

  if (!node->children)
    return 1;
  for (guint i = 0; i < node->children->len; i++) {
    guint n = count_steps (&g_array_index (node->children, Node, i));

    sum = MIN (sum + n, 1000);
    most = MAX (most, n);
  }
  if (node->operation == SUPCON_OPERATION_MIX)
    return 1 + node->picks * (1 + most * (node->depth > 0 ? (guint)node->depth : MAX_DEPTH));
  return node->operation == SUPCON_OPERATION_PICK ? most * node->picks : sum;
}

/* To the end of the text, or to the closing brace. */
static gboolean
parse_items (Parser *self, GArray *items, gboolean closed)
{
  for (;;) {
    Node node = { .probability = 1 };
    const gchar *at;
    gboolean ok;

    skip_space (self);
    at = self->at;
    if (closed && take (self, "}"))
      return TRUE;
    if (!*self->at)
      return !closed || fail_at (self, self->at, "'}'");
    if (self->depth == MAX_NESTING && *self->at == '{')
      return fail_at (self, self->at, "at most %d groups inside each other", MAX_NESTING);
    if (take (self, "{")) {
      node.children = children_new ();
      self->depth++;
      ok = parse_items (self, node.children, TRUE);
      self->depth--;
    } else {
      ok = parse_operation (self, &node, !closed && items->len == 0);
    }
    g_array_append_val (items, node);
    if (!ok)
      return FALSE;
    if (!closed && (self->steps += count_steps (&node)) > SUPCON_MAX_STEPS)
      return fail_at (self, at, "at most %d operations on a view", SUPCON_MAX_STEPS);
  }
}

SupconProgram *
supcon_program_parse (const gchar *text, GError **error)
{
  Parser parser = { .text = text, .at = text, .error = error };
  SupconProgram *program = g_new0 (SupconProgram, 1);

  program->root.children = children_new ();
  program->root.probability = 1;
  if (!parse_items (&parser, program->root.children, FALSE)) {
    supcon_program_free (program);
    return NULL;
  }
  return program;
}

void
supcon_program_free (SupconProgram *program)
{
  if (!program)
    return;
  node_clear (&program->root);
  g_free (program);
}
