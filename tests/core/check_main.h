/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The main of a test of core: one suite of one case. */
#ifndef SUPCON_CHECK_MAIN_H
#define SUPCON_CHECK_MAIN_H

#include <check.h>

/* Long enough for a sanitizer's build on a busy machine. */
#define SUPCON_TEST_SECONDS 300

/* ck_assert_msg for loops over numbers: Check writes to a file for each assertion that it is told of. */
#define check_number(expression, ...)                                                                                  \
  do {                                                                                                                 \
    if (!(expression))                                                                                                 \
      ck_abort_msg (__VA_ARGS__);                                                                                      \
  } while (0)

#define SUPCON_CHECK_MAIN(name, ...)                                                                                   \
  int main (void)                                                                                                      \
  {                                                                                                                    \
    const TTest *const tests[] = { __VA_ARGS__ };                                                                      \
    Suite *suite = suite_create (name);                                                                                \
    TCase *tcase = tcase_create (name);                                                                                \
    SRunner *runner = srunner_create (suite);                                                                          \
    int failed;                                                                                                        \
                                                                                                                       \
    tcase_set_timeout (tcase, SUPCON_TEST_SECONDS);                                                                    \
    for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++)                                                        \
      tcase_add_test (tcase, tests[i]);                                                                                \
    suite_add_tcase (suite, tcase);                                                                                    \
    srunner_run_all (runner, CK_NORMAL);                                                                               \
    failed = srunner_ntests_failed (runner);                                                                           \
    srunner_free (runner);                                                                                             \
    return failed != 0;                                                                                                \
  }

#endif
