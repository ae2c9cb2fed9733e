/* The channel as one thread sees it: sizes, refusals, values, flags, epochs, large counts. */
#include "channel_box.h"

static struct box box;

/* Sizes. One line for `latest`, then slots of 24 + 8 * words bytes in whole cache lines. */

static void test_size_when_known(void) {
    CHECK(amp_channel_size(1, 4) == 64 + 4 * 64);
    CHECK(amp_channel_size(5, 4) == 64 + 4 * 64);
    CHECK(amp_channel_size(6, 4) == 64 + 4 * 128);
    CHECK(amp_channel_size(13, 8) == 64 + 8 * 128);
    CHECK(amp_channel_size(14, 8) == 64 + 8 * 192);
    CHECK(amp_channel_size(1024, 4) == 64 + 4 * 8256);
    CHECK(amp_channel_size(1, 1048576) == 64 + 1048576ull * 64);
}

static void test_size_when_out_of_range(void) {
    CHECK(amp_channel_size(0, 4) == 0);
    CHECK(amp_channel_size(1025, 4) == 0);
    CHECK(amp_channel_size(UINT32_MAX, 4) == 0);
    static const uint32_t bad[] = {0, 1, 2, 3, 5, 6, 7, 12, 1048575, 1048577, 2097152, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(amp_channel_size(1, bad[i]) == 0);
    }
}

static void test_bind_when_it_does_not_fit(void) {
    struct amp_channel channel;
    const size_t size = amp_channel_size(6, 8);
    CHECK(amp_channel_bind(&channel, box.bytes, size, 6, 8) == 0);
    CHECK(amp_channel_bind(&channel, box.bytes, size - 1, 6, 8) == -AMP_EROOM);
    CHECK(amp_channel_bind(&channel, box.bytes, 64, 6, 8) == -AMP_EROOM);
    CHECK(amp_channel_bind(&channel, box.bytes, 0, 6, 8) == -AMP_EROOM);
    /* 8 GiB: where size_t has 32 bits, no size at all. */
    CHECK(amp_channel_bind(&channel, box.bytes, sizeof box.bytes, 1024, 1048576) ==
          (SIZE_MAX > UINT32_MAX ? -AMP_EROOM : -AMP_EARG));
}

static void test_bind_when_arguments_are_bad(void) {
    struct amp_channel channel;
    const size_t room = sizeof box.bytes;
    CHECK(amp_channel_bind(&channel, box.bytes, room, 0, 4) == -AMP_EARG);
    CHECK(amp_channel_bind(&channel, box.bytes, room, 1025, 4) == -AMP_EARG);
    CHECK(amp_channel_bind(&channel, box.bytes, room, 1, 2) == -AMP_EARG);
    CHECK(amp_channel_bind(&channel, box.bytes, room, 1, 6) == -AMP_EARG);
    CHECK(amp_channel_bind(&channel, box.bytes, room, 1, 0) == -AMP_EARG);
    for (size_t off = 1; off < AMP_CACHE_LINE; off++) {
        CHECK(amp_channel_bind(&channel, box.bytes + off, 4096, 1, 4) == -AMP_EARG);
    }
    CHECK(amp_channel_bind(&channel, box.bytes + AMP_CACHE_LINE, 4096, 1, 4) == 0);
}

/* Values. */

static void test_read_when_never_published(void) {
    union box_sample out;
    struct amp_cursor cursor;
    uint64_t torn = 7;
    box_open(&box, 3, 4);
    CHECK(amp_channel_latest(&box.reader, &out.sample, &torn) == AMP_READ_NEVER);
    CHECK(torn == 7);
    CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_NEVER);
    CHECK(amp_channel_count(&box.reader) == 0);
    CHECK(amp_channel_attach(&box.writer, 1) == 0);
    CHECK(amp_channel_latest(&box.reader, &out.sample, &torn) == AMP_READ_NEVER);
    for (int start = AMP_START_LATEST; start <= AMP_START_OLDEST; start++) {
        amp_cursor_open(&cursor, &box.reader, (enum amp_start)start);
        CHECK(amp_cursor_next(&cursor, &out.sample) == AMP_READ_EMPTY);
        CHECK(cursor.lost == 0 && cursor.torn == 0);
    }
}

static void test_first_value_is_read_with_all_its_words(void) {
    union box_sample out;
    const uint64_t words[3] = {0x8000000000000000u, UINT64_MAX, 0};
    box_open(&box, 3, 4);
    amp_channel_attach(&box.writer, 0x89abcdef);
    amp_channel_publish(&box.writer, INT64_MAX, AMP_FLAG_ARMED | AMP_FLAG_STALE, words);
    memset(&out, 0x5a, sizeof out);
    CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_VALUE);
    CHECK(out.sample.count == 1);
    CHECK(out.sample.t_ns == INT64_MAX);
    CHECK(out.sample.mark == ((uint64_t)(AMP_FLAG_ARMED | AMP_FLAG_STALE) << 32 | 0x89abcdef));
    CHECK(memcmp(out.sample.words, words, sizeof words) == 0);
    CHECK(out.words[3 + 3] == 0x5a5a5a5a5a5a5a5au); /* not a word further */
}

static void test_latest_when_overwritten_many_times(void) {
    static const uint32_t depths[] = {4, 8, 512};
    union box_sample out;
    for (size_t d = 0; d < 3; d++) {
        box_open(&box, 5, depths[d]);
        amp_channel_attach(&box.writer, 3);
        for (uint64_t k = 1; k <= 3ull * depths[d] + 1; k++) {
            CHECK(box_publish(&box) == k);
            CHECK(amp_channel_count(&box.reader) == k);
            CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_VALUE);
            CHECK(out.sample.count == k && box_is_whole(&box, &out.sample));
        }
    }
}

static void test_latest_when_read_twice_is_the_same(void) {
    union box_sample first;
    union box_sample second;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    box_open(&box, 16, 4);
    amp_channel_attach(&box.writer, 1);
    box_publish(&box);
    CHECK(amp_channel_latest(&box.reader, &first.sample, NULL) == AMP_READ_VALUE);
    CHECK(amp_channel_latest(&box.reader, &second.sample, NULL) == AMP_READ_VALUE);
    CHECK(memcmp(&first, &second, sizeof first) == 0);
}

static void test_publication_has_its_flags_only(void) {
    union box_sample out;
    const uint64_t word = 1;
    static const uint32_t flags[] = {AMP_FLAG_ARMED, 0, AMP_FLAG_AT_SAFE, AMP_FLAG_STALE, 7, 0};
    box_open(&box, 1, 4);
    amp_channel_attach(&box.writer, 5);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        amp_channel_publish(&box.writer, 0, flags[i], &word);
        CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_VALUE);
        CHECK(out.sample.mark == ((uint64_t)flags[i] << 32 | 5));
    }
}

static void test_successor_goes_on_at_the_next_count_with_its_epoch(void) {
    union box_sample out;
    box_open(&box, 2, 4);
    CHECK(amp_channel_attach(&box.writer, 1) == 0);
    for (int i = 0; i < 9; i++) {
        box_publish(&box);
    }
    struct amp_channel successor;
    CHECK(amp_channel_bind(&successor, box.bytes, sizeof box.bytes, 2, 4) == 0);
    CHECK(amp_channel_attach(&successor, 2) == 9);
    CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_VALUE);
    CHECK(out.sample.count == 9 && (uint32_t)out.sample.mark == 1);
    box.writer = successor;
    CHECK(box_publish(&box) == 10);
    CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_VALUE);
    CHECK(out.sample.count == 10 && (uint32_t)out.sample.mark == 2);
    CHECK(box_is_whole(&box, &out.sample));
}

static void test_publication_stays_within_the_room(void) {
    static struct box guarded;
    memset(guarded.bytes, 0xa5, sizeof guarded.bytes);
    const size_t size = amp_channel_size(6, 4);
    memset(guarded.bytes + AMP_CACHE_LINE, 0, size);
    CHECK(amp_channel_bind(&guarded.writer, guarded.bytes + AMP_CACHE_LINE, size, 6, 4) == 0);
    amp_channel_attach(&guarded.writer, UINT32_MAX);
    for (int i = 0; i < 9; i++) {
        box_publish(&guarded);
    }
    for (size_t i = 0; i < AMP_CACHE_LINE; i++) {
        CHECK(guarded.bytes[i] == 0xa5);
        CHECK(guarded.bytes[AMP_CACHE_LINE + size + i] == 0xa5);
    }
}

/* A slot that is odd, or even with another number, is no value. */

static void test_latest_when_its_slot_is_left_odd(void) {
    union box_sample out;
    uint64_t torn = 0;
    box_open(&box, 3, 4);
    amp_channel_attach(&box.writer, 1);
    for (int i = 0; i < 6; i++) {
        box_publish(&box);
    }
    amp_store_relaxed(&box_slot(&box, 6)->seq, 2 * 10 - 1);
    CHECK(amp_channel_latest(&box.reader, &out.sample, &torn) == AMP_READ_NO_NEW);
    CHECK(torn == 0); /* nothing was copied, so nothing was discarded */
    CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_NO_NEW);
    CHECK(amp_channel_count(&box.reader) == 6);
    CHECK(amp_channel_attach(&box.writer, 2) == 6);
    CHECK(box_publish(&box) == 7);
    CHECK(amp_channel_latest(&box.reader, &out.sample, &torn) == AMP_READ_VALUE);
    CHECK(out.sample.count == 7 && box_is_whole(&box, &out.sample));
}

static void test_latest_when_its_slot_has_another_even_number(void) {
    union box_sample out;
    box_open(&box, 3, 4);
    amp_channel_attach(&box.writer, 1);
    for (int i = 0; i < 6; i++) {
        box_publish(&box);
    }
    static const uint64_t wrong[] = {0, 2, 4, 2 * 5, 2 * 7, 2 * 10, 2 * 6 - 1, 2 * 6 + 1};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        amp_store_relaxed(&box_slot(&box, 6)->seq, wrong[i]);
        CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_NO_NEW);
    }
}

static void test_counts_when_large(void) {
    static const uint64_t near[] = {1ull << 31, 1ull << 32, 1ull << 53};
    union box_sample out;
    for (size_t n = 0; n < 3; n++) {
        box_open(&box, 4, 8);
        box_preset(&box, near[n] - 11, 1);
        CHECK(amp_channel_attach(&box.writer, 2) == near[n] - 11);
        for (uint64_t k = near[n] - 10; k < near[n] + 20; k++) {
            CHECK(box_publish(&box) == k);
            CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_VALUE);
            CHECK(out.sample.count == k && box_is_whole(&box, &out.sample));
        }
    }
}

int main(void) {
    seeded_begin();
    RUN(test_size_when_known);
    RUN(test_size_when_out_of_range);
    RUN(test_bind_when_it_does_not_fit);
    RUN(test_bind_when_arguments_are_bad);
    RUN(test_read_when_never_published);
    RUN(test_first_value_is_read_with_all_its_words);
    RUN(test_latest_when_overwritten_many_times);
    RUN(test_latest_when_read_twice_is_the_same);
    RUN(test_publication_has_its_flags_only);
    RUN(test_successor_goes_on_at_the_next_count_with_its_epoch);
    RUN(test_publication_stays_within_the_room);
    RUN(test_latest_when_its_slot_is_left_odd);
    RUN(test_latest_when_its_slot_has_another_even_number);
    RUN(test_counts_when_large);
    return CHECK_DONE();
}
