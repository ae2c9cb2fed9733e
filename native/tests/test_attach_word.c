/* Finding a word by its name: what a directory may say, and what of it is no such word. */
#include <string.h>

#include "amphost.h"
#include "check.h"

#define PAGE 4096u

static _Alignas(PAGE) unsigned char memory[PAGE + AMP_OWNER_SIZE];

static int word_in(const char *directory, const char *signal) {
    memset(memory, 0, sizeof memory);
    const struct amp_segment_identity identity = {
        .size = sizeof memory, .layout_hash = 1, .nonce = 1, .role = 1, .page_size = PAGE};
    CHECK(amp_segment_format(memory, &identity, directory, strlen(directory), 1) == AMP_OK);
    const struct amp_attached_segment segment = {.role = "io", .base = memory};
    return amp_attached_word(&segment, signal);
}

#define LAYOUT                                                                                     \
    "channel io offset=1 words=3 depth=4\nposition:f64:rad\nspeed:f64:rad/s\ntick:u64:1\n"

static void test_word_when_it_is_there_is_its_index(void) {
    CHECK(word_in(LAYOUT, "position") == 0);
    CHECK(word_in(LAYOUT, "speed") == 1);
    CHECK(word_in(LAYOUT, "tick") == 2);
}

static void test_word_when_it_is_only_part_of_a_name_is_refused(void) {
    CHECK(word_in(LAYOUT, "pos") == -AMP_EARG);
    CHECK(word_in(LAYOUT, "positions") == -AMP_EARG);
    CHECK(word_in(LAYOUT, "") == -AMP_EARG);
    CHECK(word_in(LAYOUT, "f64") == -AMP_EARG);
}

static void test_word_when_it_stands_in_the_heading_is_refused(void) {
    CHECK(word_in("channel:x words=1\na:f64:1\n", "channel") == -AMP_EARG);
    CHECK(word_in("channel io none\n", "io") == -AMP_EARG);
}

static void test_word_when_the_text_ends_early_is_refused(void) {
    CHECK(word_in("channel io\nposition", "position") == -AMP_EARG);
    CHECK(word_in("channel io\nposition\n", "position") == -AMP_EARG);
    CHECK(word_in("\n\n\n", "position") == -AMP_EARG);
}

int main(void) {
    RUN(test_word_when_it_is_there_is_its_index);
    RUN(test_word_when_it_is_only_part_of_a_name_is_refused);
    RUN(test_word_when_it_stands_in_the_heading_is_refused);
    RUN(test_word_when_the_text_ends_early_is_refused);
    return CHECK_DONE();
}
