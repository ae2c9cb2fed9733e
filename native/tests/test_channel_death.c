/* A writer that dies after any of its stores, its successor, and memory that a wild role spoiled. */
#include "channel_box.h"

#define WORDS 3
#define STORES (WORDS + 5)

static struct box box;

/* What readers saw under each count: one number, one content. */
#define SEEN 64
static uint32_t seen_epoch[SEEN];

static void see(const struct amp_sample *sample) {
    const uint32_t epoch = (uint32_t)sample->mark;
    CHECK(box_is_whole(&box, sample));
    CHECK(sample->count < SEEN);
    if (sample->count < SEEN) {
        uint32_t *const seen = &seen_epoch[sample->count];
        CHECK(*seen == 0 || *seen == epoch);
        *seen = epoch;
    }
}

static void open_box(uint32_t depth, uint64_t published) {
    memset(seen_epoch, 0, sizeof seen_epoch);
    box_open(&box, WORDS, depth);
    amp_channel_attach(&box.writer, 1);
    for (uint64_t i = 0; i < published; i++) {
        box_publish(&box);
    }
}

static void see_everything(void) {
    union box_sample out;
    struct amp_cursor cursor;
    amp_cursor_open(&cursor, &box.reader, AMP_START_OLDEST);
    while (amp_cursor_next(&cursor, &out.sample) == AMP_READ_VALUE) {
        see(&out.sample);
    }
    CHECK(cursor.lost == 0);
    if (amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_VALUE) {
        see(&out.sample);
    }
}

static void test_last_committed_value_is_readable_when_the_writer_dies_at_any_store(void) {
    union box_sample out;
    for (uint64_t published = 0; published < 10; published++) {
        for (uint32_t steps = 0; steps <= STORES; steps++) {
            open_box(4, published);
            box_publish_steps(&box, 1, steps);
            const uint64_t committed = steps == STORES ? published + 1 : published;
            const enum amp_read got = amp_channel_latest(&box.reader, &out.sample, NULL);
            CHECK(got == (committed == 0 ? AMP_READ_NEVER : AMP_READ_VALUE));
            if (got == AMP_READ_VALUE) {
                CHECK(out.sample.count == committed && box_is_whole(&box, &out.sample));
            }
        }
    }
}

static void test_cursor_when_the_writer_dies_at_any_store_reads_what_is_whole(void) {
    union box_sample out;
    for (uint64_t published = 0; published < 10; published++) {
        for (uint32_t steps = 0; steps <= STORES; steps++) {
            struct amp_cursor cursor;
            open_box(4, published);
            amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
            box_publish_steps(&box, 1, steps);
            const bool whole = steps >= STORES - 1; /* its slot is even */
            CHECK(amp_cursor_next(&cursor, &out.sample) ==
                  (whole ? AMP_READ_VALUE : AMP_READ_EMPTY));
            CHECK(!whole || (out.sample.count == published + 1 && box_is_whole(&box, &out.sample)));
            CHECK(cursor.lost == 0);
        }
    }
}

static void test_successor_finishes_the_last_store_and_no_other(void) {
    for (uint64_t published = 0; published < 10; published++) {
        for (uint32_t steps = 0; steps <= STORES; steps++) {
            open_box(4, published);
            box_publish_steps(&box, 1, steps);
            const uint64_t expected = steps >= STORES - 1 ? published + 1 : published;
            CHECK(amp_channel_attach(&box.writer, 2) == expected);
            CHECK(amp_channel_count(&box.reader) == expected);
            CHECK(amp_channel_attach(&box.writer, 2) == expected); /* and not once more */
        }
    }
}

static void test_one_number_has_one_content_when_the_writer_dies_at_any_store(void) {
    union box_sample out;
    for (uint64_t published = 0; published < 10; published++) {
        for (uint32_t steps = 0; steps <= STORES; steps++) {
            struct amp_cursor cursor;
            open_box(4, published);
            amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
            box_publish_steps(&box, 1, steps);
            if (amp_cursor_next(&cursor, &out.sample) == AMP_READ_VALUE) {
                see(&out.sample);
            }
            see_everything();
            const uint64_t from = amp_channel_attach(&box.writer, 2);
            see_everything();
            CHECK(box_publish(&box) == from + 1);
            see_everything();
            while (amp_cursor_next(&cursor, &out.sample) == AMP_READ_VALUE) {
                see(&out.sample);
            }
            CHECK(cursor.position == from + 1 && cursor.lost == 0);
        }
    }
}

static void test_one_number_has_one_content_when_two_writers_die_in_a_row(void) {
    union box_sample out;
    for (uint32_t first = 0; first <= STORES; first++) {
        for (uint32_t second = 0; second <= STORES; second++) {
            struct amp_cursor cursor;
            open_box(4, 5);
            amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
            box_publish_steps(&box, 1, first);
            see_everything();
            amp_channel_attach(&box.writer, 2);
            box_publish_steps(&box, 2, second);
            see_everything();
            const uint64_t from = amp_channel_attach(&box.writer, 3);
            see_everything();
            CHECK(box_publish(&box) == from + 1);
            see_everything();
            while (amp_cursor_next(&cursor, &out.sample) == AMP_READ_VALUE) {
                see(&out.sample);
            }
            CHECK(cursor.position == from + 1 && cursor.lost == 0);
            CHECK(seen_epoch[from + 1] == 3);
        }
    }
}

/* Memory that a wild writer spoiled: every call comes back, within its bounds, never backward. */

static void spoil(struct amp_word *word) {
    uint64_t value = seeded_next();
    switch (seeded_below(4)) {
    case 0: /* near what is plausible */
        value = amp_load_relaxed(word) + seeded_below(65) - 32;
        break;
    case 1: /* one bit */
        value = amp_load_relaxed(word) ^ (1ull << seeded_below(64));
        break;
    case 2: /* the edges of signed and unsigned */
        value = (1ull << (61 + seeded_below(3))) + seeded_below(9) - 4;
        break;
    default:
        break;
    }
    amp_store_relaxed(word, value);
}

static void test_reads_when_every_index_is_hostile(void) {
    static const uint32_t depths[] = {4, 8, 512};
    union box_sample out;
    for (int round = 0; round < 300; round++) {
        struct amp_cursor cursor;
        box_open(&box, WORDS, depths[seeded_below(3)]);
        amp_channel_attach(&box.writer, 1);
        box_publish(&box);
        amp_cursor_open(&cursor, &box.reader, (enum amp_start)seeded_below(2));
        for (int step = 0; step < 200; step++) {
            const uint64_t before = cursor.position;
            const uint64_t lost_before = cursor.lost;
            for (uint64_t i = seeded_below(4); i > 0; i--) {
                spoil(seeded_below(2) != 0 ? box_latest(&box)
                                           : &box_slot(&box, seeded_below(box.depth))->seq);
            }
            (void)amp_channel_latest(&box.reader, &out.sample, NULL);
            const enum amp_read got = amp_cursor_next(&cursor, &out.sample);
            CHECK(got == AMP_READ_VALUE || got == AMP_READ_EMPTY);
            CHECK(cursor.position >= before);
            CHECK(cursor.lost >= lost_before);
            CHECK(got != AMP_READ_VALUE || cursor.position > before);
        }
    }
}

static void test_drain_when_every_index_is_hostile(void) {
    static uint64_t records[600 * (3 + WORDS)];
    for (int round = 0; round < 300; round++) {
        struct amp_cursor cursor;
        open_box(4, 3);
        amp_cursor_open(&cursor, &box.reader, AMP_START_OLDEST);
        for (int i = 0; i < 8; i++) {
            spoil(box_latest(&box));
            spoil(&box_slot(&box, seeded_below(4))->seq);
            CHECK(amp_cursor_drain(&cursor, records, 600) <= 600);
        }
    }
}

static void test_value_is_refused_when_its_count_cannot_be(void) {
    union box_sample out;
    struct amp_cursor cursor;
    open_box(4, 6);
    /* Twice 2^63 + 6 is 12 again: the slot's number alone would let it pass. */
    amp_store_relaxed(box_latest(&box), (1ull << 63) + 6);
    CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) != AMP_READ_VALUE);
    amp_store_relaxed(box_latest(&box), (1ull << 63) + 5);
    amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
    CHECK(amp_cursor_next(&cursor, &out.sample) == AMP_READ_EMPTY);
    amp_cursor_open(&cursor, &box.reader, AMP_START_OLDEST);
    CHECK(amp_cursor_next(&cursor, &out.sample) == AMP_READ_EMPTY);
}

static void test_one_flipped_bit_of_latest_gives_no_wrong_value(void) {
    union box_sample out;
    for (uint32_t bit = 0; bit < 64; bit++) {
        open_box(4, 6);
        amp_store_relaxed(box_latest(&box), 6 ^ (1ull << bit));
        if (amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_VALUE) {
            CHECK(out.sample.count <= 6 && box_is_whole(&box, &out.sample));
        }
    }
}

static void test_one_flipped_bit_of_a_slot_gives_no_wrong_value(void) {
    union box_sample out;
    for (uint32_t bit = 0; bit < 64; bit++) {
        open_box(4, 6);
        struct amp_slot *const slot = box_slot(&box, 6);
        amp_store_relaxed(&slot->seq, amp_load_relaxed(&slot->seq) ^ (1ull << bit));
        CHECK(amp_channel_latest(&box.reader, &out.sample, NULL) == AMP_READ_NO_NEW);
    }
}

int main(void) {
    seeded_begin();
    RUN(test_last_committed_value_is_readable_when_the_writer_dies_at_any_store);
    RUN(test_cursor_when_the_writer_dies_at_any_store_reads_what_is_whole);
    RUN(test_successor_finishes_the_last_store_and_no_other);
    RUN(test_one_number_has_one_content_when_the_writer_dies_at_any_store);
    RUN(test_one_number_has_one_content_when_two_writers_die_in_a_row);
    RUN(test_reads_when_every_index_is_hostile);
    RUN(test_drain_when_every_index_is_hostile);
    RUN(test_value_is_refused_when_its_count_cannot_be);
    RUN(test_one_flipped_bit_of_latest_gives_no_wrong_value);
    RUN(test_one_flipped_bit_of_a_slot_gives_no_wrong_value);
    return CHECK_DONE();
}
