/* Joining a system: what a directory may say, what is refused, and what can then be read. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amp/platform.h"
#include "amphost.h"
#include "check.h"

#define PAGE 4096u
#define SIZE (PAGE + AMP_OWNER_SIZE + PAGE)
#define OFFSET (PAGE + AMP_OWNER_SIZE)
#define HASH 0x1234abcdu
#define NONCE 0x77u

static int descriptors[2];
static struct amp_attached attached;

static void make_segments(void) {
    for (uint32_t i = 0; i < 2; i++) {
        void *base = NULL;
        descriptors[i] = amp_platform_memfd("attach", SIZE);
        CHECK(descriptors[i] >= 0);
        CHECK(amp_platform_map(descriptors[i], SIZE, true, &base) == AMP_OK);
        const struct amp_segment_identity identity = {
            .size = SIZE, .layout_hash = HASH, .nonce = NONCE, .role = i + 1, .page_size = PAGE};
        CHECK(amp_segment_format(base, &identity, "x", 1, 1) == AMP_OK);
        CHECK(amp_platform_unmap(base, SIZE) == AMP_OK);
    }
}

static void drop_segments(void) {
    amp_detach(&attached);
    close(descriptors[0]);
    close(descriptors[1]);
}

/* The directory of both segments; the second line reads |second|. */
static size_t directory(char *out, size_t room, const char *second) {
    return (size_t)snprintf(out, room,
                            "amphost-mailbox 1\n"
                            "own mine 1 %d %u 1234abcd 77 4096 %u 2 4 5\n"
                            "%s",
                            descriptors[0], SIZE, OFFSET, second);
}

static int attach_with(const char *second) {
    char text[512];
    return amp_attach_text(&attached, text, directory(text, sizeof text, second));
}

static void test_attach_when_the_directory_is_right_reads_and_publishes(void) {
    make_segments();
    char second[128];
    (void)snprintf(second, sizeof second, "read other 2 %d %u 1234abcd 77 4096 %u 1 4 0\n",
                   descriptors[1], SIZE, OFFSET);
    CHECK(attach_with(second) == AMP_OK);
    CHECK(attached.count == 2);
    struct amp_attached_segment *const mine = amp_attached_find(&attached, "mine");
    struct amp_attached_segment *const other = amp_attached_find(&attached, "other");
    CHECK(mine != NULL && mine->own && mine->epoch == 5);
    CHECK(other != NULL && !other->own);
    CHECK(amp_attached_find(&attached, "nobody") == NULL);
    const uint64_t words[2] = {7, 8};
    amp_channel_publish(&mine->channel, 3, 1, words);
    union {
        struct amp_sample sample;
        uint64_t words[5];
    } got;
    CHECK(amp_channel_latest(&mine->channel, &got.sample, NULL) == AMP_READ_VALUE);
    CHECK(got.sample.words[1] == 8);
    CHECK(got.sample.mark == (5 | UINT64_C(1) << 32));
    CHECK(amp_channel_latest(&other->channel, &got.sample, NULL) == AMP_READ_NEVER);
    drop_segments();
}

static void test_attach_when_a_line_is_wrong_refuses_all_and_names_it(void) {
    make_segments();
    char lines[20][160];
    const int fd = descriptors[1];
    const unsigned size = SIZE;
    const unsigned at = OFFSET;
    int n = 0;
#define LINE(format, ...) (void)snprintf(lines[n++], sizeof lines[0], format "\n", __VA_ARGS__)
    LINE("write other 2 %d %u 1234abcd 77 4096 %u 1 4 0", fd, size, at); /* no such word */
    LINE("read other 2 %d %u 1234abcd 77 4096 %u 1 4", fd, size, at);    /* a field too few */
    LINE("read other 2 %d %u 1234abcd 77 4096 %u 1 4 0 0", fd, size, at);
    LINE("read  other 2 %d %u 1234abcd 77 4096 %u 1 4 0", fd, size, at); /* two spaces */
    LINE("read mine 2 %d %u 1234abcd 77 4096 %u 1 4 0", fd, size, at);   /* twice */
    LINE("read other 2 %d %u 1234ABCD 77 4096 %u 1 4 0", fd, size, at);
    LINE("read other 2 -%d %u 1234abcd 77 4096 %u 1 4 0", fd, size, at);
    LINE("read other 32 %d %u 1234abcd 77 4096 %u 1 4 0", fd, size, at); /* no such role */
    LINE("read other 2 %d %u 1234abcd 77 4096 99999999999 1 4 0", fd, size);
    LINE("read other 2 %d %u 1234abcd 77 4096 %u 1 4 0x", fd, size, at);
    LINE("read other 2 %d %u 1234abcd 77 4096 %u 1 4 1", fd, size, at); /* a reader's epoch */
    LINE("own other 2 %d %u 1234abcd 77 4096 %u 1 4 0", fd, size, at);  /* a writer without one */
    LINE("own other 2 %d %u 1234abcd 77 4096 %u 1 4 5", fd, size, at);  /* a second own */
    LINE("read other 2 %d %u 1234abcd 77 4096 %u 1 4 0", fd, size, at - 64); /* on its block */
    LINE("read other 2 %d %u 1234abcd 77 4096 %u 0 0 0", fd, size, at);      /* of no channel */
    LINE("read other 2 %d %u 1234abcd 77 4095 %u 1 4 0", fd, size, at);      /* no page */
    LINE("read other 2 %d %u 1234abcd 77 6144 %u 1 4 0", fd, size, at);
    LINE("read other_of_a_name_that_is_far_too_long 2 %d %u 1234abcd 77 4096 %u 1 4 0", fd, size,
         at);
#undef LINE
    for (int i = 0; i < n; i++) {
        CHECK(attach_with(lines[i]) == -AMP_EFORMAT);
        CHECK(attached.line == 3);
        CHECK(attached.count == 0);
    }
    drop_segments();
}

static void test_attach_when_a_segment_is_another_one_says_which(void) {
    make_segments();
    char line[160];
    (void)snprintf(line, sizeof line, "read other 2 %d %u 1234abce 77 4096 %u 1 4 0\n",
                   descriptors[1], SIZE, OFFSET);
    CHECK(attach_with(line) == -AMP_ELAYOUT);
    (void)snprintf(line, sizeof line, "read other 2 %d %u 1234abcd 78 4096 %u 1 4 0\n",
                   descriptors[1], SIZE, OFFSET);
    CHECK(attach_with(line) == -AMP_ENONCE);
    (void)snprintf(line, sizeof line, "read other 2 %d %u 1234abcd 77 4096 %u 1 4 0\n",
                   descriptors[1], SIZE + PAGE, OFFSET);
    CHECK(attach_with(line) == -AMP_ESIZE);
    (void)snprintf(line, sizeof line, "read other 3 %d %u 1234abcd 77 4096 %u 1 4 0\n",
                   descriptors[1], SIZE, OFFSET);
    CHECK(attach_with(line) == -AMP_EFORMAT); /* the role in its header is 2 */
    (void)snprintf(line, sizeof line, "read other 2 %d %u 1234abcd 77 4096 %u 1 1024 0\n",
                   descriptors[1], SIZE, OFFSET);
    CHECK(attach_with(line) == -AMP_EROOM);
    CHECK(attached.line == 3);
    drop_segments();
}

/* The supervisor's segment has one block more; a shorter one than that is no such segment. */
static void test_attach_when_it_is_the_supervisors_gives_the_system_block(void) {
    const unsigned at = PAGE + AMP_OWNER_SIZE + AMP_SYSTEM_SIZE;
    for (unsigned size = at - PAGE; size <= at; size += PAGE) {
        void *base = NULL;
        const int descriptor = amp_platform_memfd("attach", size);
        CHECK(amp_platform_map(descriptor, size, true, &base) == AMP_OK);
        const struct amp_segment_identity identity = {
            .size = size, .layout_hash = HASH, .nonce = NONCE, .role = 0, .page_size = PAGE};
        CHECK(amp_segment_format(base, &identity, "x", 1, 1) == AMP_OK);
        char text[160];
        const int length = snprintf(text, sizeof text,
                                    "amphost-mailbox 1\nread supervisor 0 %d %u 1234abcd 77 4096 "
                                    "0 0 0 0\n",
                                    descriptor, size);
        const int result = amp_attach_text(&attached, text, (size_t)length);
        if (size < at) {
            CHECK(result == -AMP_ESIZE);
        } else {
            CHECK(result == AMP_OK);
            const struct amp_attached_segment *const one =
                amp_attached_find(&attached, "supervisor");
            CHECK(one != NULL && one->system != NULL && !one->has_channel);
            amp_system_set_role(amp_segment_system(base, PAGE), 3, AMP_ROLE_RUNNING, 1, 1,
                                AMP_WANTED_END);
            CHECK(amp_system_wanted(one->system, 3) == AMP_WANTED_END);
        }
        amp_detach(&attached);
        CHECK(amp_platform_unmap(base, size) == AMP_OK);
        close(descriptor);
    }
}

static void test_attach_words_are_there_for_every_result(void) {
    static const int results[] = {AMP_EARG,   AMP_ESTATE,    AMP_EFORMAT, AMP_ESIZE, AMP_ELAYOUT,
                                  AMP_ENONCE, AMP_ENOTREADY, AMP_EROOM,   AMP_ESYS};
    const char *const none = amp_attach_words(-12345);
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        CHECK(strcmp(amp_attach_words(-results[i]), none) != 0);
        for (size_t k = 0; k < i; k++) {
            CHECK(strcmp(amp_attach_words(-results[i]), amp_attach_words(-results[k])) != 0);
        }
    }
}

static void test_attach_when_the_text_is_no_directory_refuses(void) {
    CHECK(amp_attach_text(&attached, "", 0) == -AMP_EFORMAT);
    CHECK(amp_attach_text(&attached, "amphost-mailbox 1", 17) == -AMP_EFORMAT);
    CHECK(amp_attach_text(&attached, "amphost-mailbox 2\n", 18) == -AMP_EFORMAT);
    CHECK(amp_attach_text(&attached, "amphost-mailbox 1\n", 18) == AMP_OK);
    CHECK(attached.count == 0);
}

static void test_attach_when_the_text_is_noise_never_does_worse_than_refuse(void) {
    uint64_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[96] = "amphost-mailbox 1\n";
        for (size_t i = 18; i < sizeof text - 1; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = "own read 0123456789abcdef\n"[seed >> 33 & 15 ? (seed >> 40) % 26 : 8];
        }
        text[sizeof text - 1] = '\n';
        CHECK(amp_attach_text(&attached, text, sizeof text) != AMP_OK);
    }
}

static void test_attach_from_the_environment_needs_a_descriptor(void) {
    CHECK(unsetenv(AMP_ATTACH_VARIABLE) == 0);
    CHECK(amp_attach(&attached) == -AMP_ESTATE);
    CHECK(setenv(AMP_ATTACH_VARIABLE, "five", 1) == 0);
    CHECK(amp_attach(&attached) == -AMP_ESTATE);
    CHECK(setenv(AMP_ATTACH_VARIABLE, "1000000", 1) == 0);
    CHECK(amp_attach(&attached) == -AMP_ESYS);

    make_segments();
    char text[512];
    const size_t length = directory(text, sizeof text, "");
    const int file = amp_platform_memfd("directory", PAGE);
    CHECK(pwrite(file, text, length, 0) == (ssize_t)length);
    char name[16];
    (void)snprintf(name, sizeof name, "%d", file);
    CHECK(setenv(AMP_ATTACH_VARIABLE, name, 1) == 0);
    CHECK(amp_attach(&attached) == -AMP_EFORMAT); /* a whole page: it ends in NULs, not in a line */
    close(file);
    const int long_file = amp_platform_memfd("directory", AMP_ATTACH_TEXT_MAX + PAGE);
    (void)snprintf(name, sizeof name, "%d", long_file);
    CHECK(setenv(AMP_ATTACH_VARIABLE, name, 1) == 0);
    CHECK(amp_attach(&attached) == -AMP_EFORMAT); /* more than any directory has */
    close(long_file);
    drop_segments();
}

int main(void) {
    RUN(test_attach_when_the_directory_is_right_reads_and_publishes);
    RUN(test_attach_when_a_line_is_wrong_refuses_all_and_names_it);
    RUN(test_attach_when_a_segment_is_another_one_says_which);
    RUN(test_attach_when_it_is_the_supervisors_gives_the_system_block);
    RUN(test_attach_words_are_there_for_every_result);
    RUN(test_attach_when_the_text_is_no_directory_refuses);
    RUN(test_attach_when_the_text_is_noise_never_does_worse_than_refuse);
    RUN(test_attach_from_the_environment_needs_a_descriptor);
    return CHECK_DONE();
}
