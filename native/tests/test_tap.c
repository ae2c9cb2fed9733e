/* The tap: every block comes back as it was, in order, whatever its length. */

#include <stdalign.h>
#include <string.h>

#include "amp/tap.h"
#include "check.h"

#define DEPTH 64

static alignas(64) unsigned char room[64 + DEPTH * 128];
static struct amp_channel tap;

union piece {
    struct amp_sample sample;
    uint64_t words[3 + AMP_TAP_WORDS];
};

static void open_tap(struct amp_cursor *cursor) {
    memset(room, 0, sizeof room);
    CHECK(amp_channel_bind(&tap, room, sizeof room, AMP_TAP_WORDS, DEPTH) == 0);
    amp_channel_attach(&tap, 1);
    amp_cursor_open(cursor, &tap, AMP_START_LATEST);
}

static uint32_t flags_of(const union piece *piece) {
    return (uint32_t)(piece->sample.mark >> 32);
}

/* The next block; returns its size. */
static size_t take(struct amp_cursor *cursor, uint8_t *bytes, uint32_t *kind, amp_ns *t_ns) {
    union piece piece;
    size_t size = 0;
    bool more = true;
    while (more && amp_cursor_next(cursor, &piece.sample) == AMP_READ_VALUE) {
        const size_t part = flags_of(&piece) >> AMP_TAP_SIZE_SHIFT;
        CHECK(part <= AMP_TAP_PIECE);
        memcpy(bytes + size, piece.sample.words, part);
        size += part;
        *kind = flags_of(&piece) & AMP_TAP_KIND_MASK;
        *t_ns = piece.sample.t_ns;
        more = (flags_of(&piece) & AMP_TAP_MORE) != 0;
    }
    return size;
}

static void test_a_block_of_each_length_comes_back(void) {
    struct amp_cursor cursor;
    uint8_t sent[4 * AMP_TAP_PIECE];
    uint8_t got[5 * AMP_TAP_PIECE];
    open_tap(&cursor);
    for (size_t i = 0; i < sizeof sent; i++) {
        sent[i] = (uint8_t)(i * 7);
    }
    for (size_t size = 1; size <= sizeof sent; size++) {
        uint32_t kind = 0;
        amp_ns t_ns = 0;
        amp_tap_bytes(&tap, (amp_ns)size, AMP_TAP_TO_DEVICE, sent, size);
        CHECK(take(&cursor, got, &kind, &t_ns) == size);
        CHECK(memcmp(sent, got, size) == 0);
        CHECK(kind == AMP_TAP_TO_DEVICE);
        CHECK(t_ns == (amp_ns)size);
    }
    CHECK(cursor.lost == 0);
}

static void test_a_mark_carries_its_argument_and_no_bytes(void) {
    struct amp_cursor cursor;
    union piece piece;
    open_tap(&cursor);
    amp_tap_mark(&tap, 5, AMP_TAP_PORT_LOST, -25);
    CHECK(amp_cursor_next(&cursor, &piece.sample) == AMP_READ_VALUE);
    CHECK(flags_of(&piece) == AMP_TAP_PORT_LOST);
    CHECK((int64_t)piece.sample.words[0] == -25);
}

static void test_nothing_happens_without_a_channel(void) {
    struct amp_channel none = {0};
    const uint8_t byte = 1;
    amp_tap_bytes(&none, 1, AMP_TAP_FROM_DEVICE, &byte, 1);
    amp_tap_mark(&none, 1, AMP_TAP_PORT_OPENED, 0);
    struct amp_cursor cursor;
    open_tap(&cursor);
    amp_tap_bytes(&tap, 1, AMP_TAP_FROM_DEVICE, &byte, 0);
    CHECK(amp_channel_count(&tap) == 0);
}

static void test_a_slow_reader_counts_exactly_what_it_missed(void) {
    struct amp_cursor cursor;
    open_tap(&cursor);
    uint64_t got = 0;
    union piece piece;
    const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (int i = 0; i < 10 * DEPTH; i++) {
        amp_tap_bytes(&tap, i + 1, AMP_TAP_FROM_DEVICE, bytes, sizeof bytes);
    }
    while (amp_cursor_next(&cursor, &piece.sample) == AMP_READ_VALUE) {
        got++;
    }
    CHECK(got > 0);
    CHECK(got + cursor.lost == 10 * DEPTH);
}

int main(void) {
    RUN(test_a_block_of_each_length_comes_back);
    RUN(test_a_mark_carries_its_argument_and_no_bytes);
    RUN(test_nothing_happens_without_a_channel);
    RUN(test_a_slow_reader_counts_exactly_what_it_missed);
    return CHECK_DONE();
}
