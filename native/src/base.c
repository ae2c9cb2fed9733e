#include "amp/base.h"

#include <stdio.h>
#include <stdlib.h>

static void (*assert_last_words)(void *context, int line);
static void *assert_context;

void amp_assert_set_last_words(void (*last_words)(void *context, int line), void *context) {
    assert_last_words = last_words;
    assert_context = context;
}

_Noreturn void amp_assert_fail(const char *file, int line) {
    void (*const last_words)(void *context, int line) = assert_last_words;
    assert_last_words = NULL; /* an assertion in them must not come back to them */
    if (last_words != NULL) {
        last_words(assert_context, line);
    }
    (void)fprintf(stderr, "amphost: assertion failed at %s:%d\n", file, line); /* may block */
    abort();
}
