/* check.h: the whole test harness of the C tests: CHECK() counts, RUN() names, CHECK_DONE() reports.
 *
 * A test file is a program of its own; it prints "N passed, N failed" and exits 1 on any failure.
 */
#ifndef AMP_TESTS_CHECK_H
#define AMP_TESTS_CHECK_H

#include <stdio.h>

static int check_passed;
static int check_failed;
static int check_bad;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            check_bad++;                                                                           \
            fprintf(stderr, "%s:%d: CHECK(%s) is false\n", __FILE__, __LINE__, #condition);        \
        }                                                                                          \
    } while (0)

#define RUN(test)                                                                                  \
    do {                                                                                           \
        check_bad = 0;                                                                             \
        test();                                                                                    \
        if (check_bad != 0) {                                                                      \
            check_failed++;                                                                        \
            fprintf(stderr, "FAILED %s\n", #test);                                                 \
        } else {                                                                                   \
            check_passed++;                                                                        \
        }                                                                                          \
    } while (0)

#define CHECK_DONE()                                                                               \
    (printf("%d passed, %d failed\n", check_passed, check_failed), check_failed != 0)

#endif
