/* The segment: what format writes, what check refuses, and the words of the system block. */
#include <stdalign.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/segment.h"
#include "check.h"
#include "seeded.h"

#define PAGE 4096
#define SIZE (64 * PAGE)

static alignas(16384) unsigned char memory[SIZE];
static const char text[] = "control.voltage:f64:73728:1:8\ncontrol.tick:u64:73728:1:8\n";

static struct amp_header *header(void) {
    return (void *)memory;
}

static struct amp_segment_identity identity(void) {
    return (struct amp_segment_identity){
        .size = SIZE,
        .layout_hash = 0x0123456789abcdefu,
        .nonce = 0xfedcba9876543210u,
        .role = 5,
        .page_size = PAGE,
    };
}

static void format(void) {
    const struct amp_segment_identity ours = identity();
    memset(memory, 0, sizeof memory);
    CHECK(amp_segment_format(memory, &ours, text, sizeof text - 1, 123456789) == 0);
}

static void test_segment_when_just_formatted_checks(void) {
    const struct amp_segment_identity ours = identity();
    format();
    CHECK(amp_segment_check(memory, &ours) == 0);
    CHECK(memcmp(memory, "AMPH", 4) == 0);
}

static void test_check_when_nothing_was_formatted(void) {
    const struct amp_segment_identity ours = identity();
    memset(memory, 0, sizeof memory);
    CHECK(amp_segment_check(memory, &ours) == -AMP_ENOTREADY);
}

static void test_check_when_the_formatter_was_not_done(void) {
    const struct amp_segment_identity ours = identity();
    format();
    amp_store_relaxed(&header()->ready, 0);
    CHECK(amp_segment_check(memory, &ours) == -AMP_ENOTREADY);
}

static void test_check_when_it_is_not_our_format(void) {
    const struct amp_segment_identity ours = identity();
    format();
    header()->magic[0] = 'a';
    CHECK(amp_segment_check(memory, &ours) == -AMP_EFORMAT);
    format();
    header()->abi_major++;
    CHECK(amp_segment_check(memory, &ours) == -AMP_EFORMAT);
    format();
    header()->byte_order = 0x04030201;
    CHECK(amp_segment_check(memory, &ours) == -AMP_EFORMAT);
    format();
    header()->word_size = sizeof(void *) == 8 ? 4 : 8;
    CHECK(amp_segment_check(memory, &ours) == -AMP_EFORMAT);
}

static void test_check_when_the_plan_says_something_else(void) {
    struct amp_segment_identity other = identity();
    format();
    other.size += PAGE;
    CHECK(amp_segment_check(memory, &other) == -AMP_ESIZE);
    other = identity();
    other.layout_hash ^= 1;
    CHECK(amp_segment_check(memory, &other) == -AMP_ELAYOUT);
    other = identity();
    other.nonce ^= 1ull << 63;
    CHECK(amp_segment_check(memory, &other) == -AMP_ENONCE);
    other = identity();
    other.role = 6;
    CHECK(amp_segment_check(memory, &other) < 0);
    other = identity();
    other.page_size = 16384;
    CHECK(amp_segment_check(memory, &other) < 0);
}

static void test_check_when_one_bit_of_the_header_is_wrong(void) {
    const struct amp_segment_identity ours = identity();
    format();
    /* All but what the two sides need not agree on: the minor version and when it was made. */
    for (size_t bit = 0; bit < offsetof(struct amp_header, created_ns) * 8; bit++) {
        const size_t at = bit / 8;
        if (at >= offsetof(struct amp_header, abi_minor) &&
            at < offsetof(struct amp_header, byte_order)) {
            continue;
        }
        memory[at] ^= (unsigned char)(1u << bit % 8);
        CHECK(amp_segment_check(memory, &ours) < 0);
        memory[at] ^= (unsigned char)(1u << bit % 8);
    }
    CHECK(amp_segment_check(memory, &ours) == 0);
}

static void test_check_and_directory_when_the_header_is_hostile(void) {
    static char out[AMP_DIRECTORY_MAX + 1];
    const struct amp_segment_identity ours = identity();
    for (int round = 0; round < 20000; round++) {
        format();
        for (uint64_t i = 1 + seeded_below(8); i > 0; i--) {
            memory[seeded_below(AMP_DIRECTORY_OFFSET)] = (unsigned char)seeded_next();
        }
        const int verdict = amp_segment_check(memory, &ours);
        CHECK(verdict <= 0 && verdict >= -AMP_ENOTREADY);
        out[AMP_DIRECTORY_MAX] = 0x5a;
        CHECK(amp_segment_directory(memory, out, AMP_DIRECTORY_MAX) <= AMP_DIRECTORY_MAX);
        CHECK(out[AMP_DIRECTORY_MAX] == 0x5a);
    }
}

static void test_format_when_arguments_are_bad(void) {
    static char too_long[AMP_DIRECTORY_MAX + 1];
    memset(too_long, 'a', sizeof too_long);
    struct amp_segment_identity bad = identity();
    bad.role = AMP_ROLES_MAX;
    CHECK(amp_segment_format(memory, &bad, text, 5, 0) == -AMP_EARG);
    bad = identity();
    bad.page_size = 0;
    CHECK(amp_segment_format(memory, &bad, text, 5, 0) == -AMP_EARG);
    bad.page_size = 5000;
    bad.size = 5000 * 40;
    CHECK(amp_segment_format(memory, &bad, text, 5, 0) == -AMP_EARG);
    bad = identity();
    bad.size = SIZE - 1;
    CHECK(amp_segment_format(memory, &bad, text, 5, 0) == -AMP_EARG);
    bad = identity();
    bad.size = PAGE; /* no place for the owner block */
    CHECK(amp_segment_format(memory, &bad, text, 5, 0) < 0);
    const struct amp_segment_identity ours = identity();
    CHECK(amp_segment_format(memory, &ours, "a\0b", 3, 0) == -AMP_EARG);
    CHECK(amp_segment_format(memory, &ours, too_long, sizeof too_long, 0) == -AMP_EROOM);
}

static void test_directory_when_plausible_is_the_text(void) {
    char out[sizeof text];
    format();
    memset(out, 0x5a, sizeof out);
    CHECK(amp_segment_directory(memory, out, sizeof out) == sizeof text - 1);
    CHECK(memcmp(out, text, sizeof text - 1) == 0);
    memset(out, 0x5a, sizeof out);
    CHECK(amp_segment_directory(memory, out, sizeof text - 2) == 0);
    CHECK(out[0] == 0x5a);
}

static void test_directory_when_full(void) {
    static char full[AMP_DIRECTORY_MAX];
    static char out[AMP_DIRECTORY_MAX];
    const struct amp_segment_identity ours = identity();
    memset(full, 'x', sizeof full);
    memset(memory, 0, sizeof memory);
    CHECK(amp_segment_format(memory, &ours, full, sizeof full, 0) == 0);
    CHECK(amp_segment_check(memory, &ours) == 0);
    CHECK(amp_segment_directory(memory, out, sizeof out) == sizeof full);
    CHECK(memcmp(full, out, sizeof full) == 0);
    for (size_t i = PAGE; i < sizeof memory; i++) {
        CHECK(memory[i] == 0);
    }
}

static void test_directory_when_its_size_is_not_plausible(void) {
    static char out[2 * PAGE];
    format();
    header()->directory_size = AMP_DIRECTORY_MAX + 1;
    CHECK(amp_segment_directory(memory, out, sizeof out) == 0);
    header()->directory_size = UINT32_MAX;
    CHECK(amp_segment_directory(memory, out, sizeof out) == 0);
}

static void test_blocks_stand_on_pages_and_do_not_overlap(void) {
    static const uint32_t pages[] = {4096, 16384, 65536};
    for (size_t i = 0; i < 3; i++) {
        unsigned char *const owner = (void *)amp_segment_owner(memory, pages[i]);
        unsigned char *const system = (void *)amp_segment_system(memory, pages[i]);
        CHECK(owner == memory + pages[i]);
        CHECK((size_t)(system - memory) % pages[i] == 0);
        CHECK(system >= owner + AMP_OWNER_SIZE);
    }
}

/* The system block. */

static struct amp_system blank;

static void test_mode_and_arming_are_one_store(void) {
    uint64_t arming = 7;
    memset(&blank, 0, sizeof blank);
    CHECK(amp_system_mode(&blank, &arming) == AMP_MODE_BOOT && arming == 0);
    static const uint64_t acts[] = {0, 1, 2, 1ull << 32, (1ull << 48) - 1};
    for (int mode = AMP_MODE_BOOT; mode <= AMP_MODE_SAFE; mode++) {
        for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
            amp_system_set_mode(&blank, (enum amp_mode)mode, acts[i]);
            CHECK(amp_system_mode(&blank, &arming) == (enum amp_mode)mode);
            CHECK(arming == acts[i]);
            CHECK(amp_system_mode(&blank, NULL) == (enum amp_mode)mode);
        }
    }
}

static void test_trip_when_blank_is_not_latched(void) {
    memset(&blank, 0, sizeof blank);
    CHECK(!amp_system_tripped(&blank, 0, NULL, NULL));
    CHECK(!amp_system_tripped(&blank, 1, NULL, NULL));
}

static void test_trip_counts_for_its_act_and_those_before(void) {
    enum amp_fault fault = AMP_FAULT_NONE;
    uint32_t role = 99;
    memset(&blank, 0, sizeof blank);
    amp_system_trip(&blank, 3, AMP_FAULT_HEARTBEAT, 31);
    CHECK(amp_system_tripped(&blank, 1, NULL, NULL));
    CHECK(amp_system_tripped(&blank, 2, NULL, NULL));
    CHECK(amp_system_tripped(&blank, 3, &fault, &role));
    CHECK(fault == AMP_FAULT_HEARTBEAT && role == 31);
    CHECK(!amp_system_tripped(&blank, 4, NULL, NULL));
    amp_system_trip(&blank, (1ull << 48) - 1, AMP_FAULT_ESTOP, 0);
    CHECK(amp_system_tripped(&blank, (1ull << 48) - 1, &fault, &role));
    CHECK(fault == AMP_FAULT_ESTOP && role == 0);
}

static void test_trip_when_latched_keeps_the_first(void) {
    enum amp_fault fault = AMP_FAULT_NONE;
    uint32_t role = 99;
    memset(&blank, 0, sizeof blank);
    amp_system_trip(&blank, 3, AMP_FAULT_HEARTBEAT, 4);
    amp_system_trip(&blank, 3, AMP_FAULT_ESTOP, 5);
    amp_system_trip(&blank, 2, AMP_FAULT_ESTOP, 6);
    CHECK(amp_system_tripped(&blank, 3, &fault, &role));
    CHECK(fault == AMP_FAULT_HEARTBEAT && role == 4);
    amp_system_trip(&blank, 4, AMP_FAULT_ESTOP, 5);
    CHECK(amp_system_tripped(&blank, 4, &fault, &role));
    CHECK(fault == AMP_FAULT_ESTOP && role == 5);
}

static void test_trip_before_any_arming_is_cleared_by_the_first(void) {
    memset(&blank, 0, sizeof blank);
    amp_system_trip(&blank, 0, AMP_FAULT_ESTOP, 0);
    CHECK(amp_system_tripped(&blank, 0, NULL, NULL));
    CHECK(!amp_system_tripped(&blank, 1, NULL, NULL));
}

static void test_role_table_keeps_each_line(void) {
    memset(&blank, 0, sizeof blank);
    CHECK(amp_system_role_state(&blank, 0) == AMP_ROLE_ABSENT);
    CHECK(amp_system_wanted(&blank, 0) == AMP_WANTED_RUN);
    for (uint32_t role = 0; role < AMP_ROLES_MAX; role++) {
        amp_system_set_role(&blank, role, (enum amp_role_state)(role % 6), UINT32_MAX - role,
                            role * 0x01010101u, (enum amp_wanted)(role % 2));
    }
    for (uint32_t role = 0; role < AMP_ROLES_MAX; role++) {
        CHECK(amp_system_role_state(&blank, role) == (enum amp_role_state)(role % 6));
        CHECK(amp_system_role_pid(&blank, role) == UINT32_MAX - role);
        CHECK(amp_system_role_epoch(&blank, role) == role * 0x01010101u);
        CHECK(amp_system_wanted(&blank, role) == (enum amp_wanted)(role % 2));
    }
}

static void test_writers_of_the_system_block_share_no_cache_line(void) {
    CHECK(offsetof(struct amp_system, trip) - offsetof(struct amp_system, mode) >= AMP_CACHE_LINE);
    CHECK(offsetof(struct amp_system, roles) - offsetof(struct amp_system, trip) >= AMP_CACHE_LINE);
}

int main(void) {
    seeded_begin();
    RUN(test_segment_when_just_formatted_checks);
    RUN(test_check_when_nothing_was_formatted);
    RUN(test_check_when_the_formatter_was_not_done);
    RUN(test_check_when_it_is_not_our_format);
    RUN(test_check_when_the_plan_says_something_else);
    RUN(test_check_when_one_bit_of_the_header_is_wrong);
    RUN(test_check_and_directory_when_the_header_is_hostile);
    RUN(test_format_when_arguments_are_bad);
    RUN(test_directory_when_plausible_is_the_text);
    RUN(test_directory_when_full);
    RUN(test_directory_when_its_size_is_not_plausible);
    RUN(test_blocks_stand_on_pages_and_do_not_overlap);
    RUN(test_mode_and_arming_are_one_store);
    RUN(test_trip_when_blank_is_not_latched);
    RUN(test_trip_counts_for_its_act_and_those_before);
    RUN(test_trip_when_latched_keeps_the_first);
    RUN(test_trip_before_any_arming_is_cleared_by_the_first);
    RUN(test_role_table_keeps_each_line);
    RUN(test_writers_of_the_system_block_share_no_cache_line);
    return CHECK_DONE();
}
