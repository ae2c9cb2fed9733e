/* Cursors: where they start, exact loss, never backward, and published = delivered + lost + in
 * flight under random schedules.
 */
#include "channel_box.h"

static struct box box;

static const uint32_t depths[] = {4, 8, 512};
#define DEPTHS (sizeof depths / sizeof depths[0])

/* Read once; what comes must be whole and newer. Returns true for a value. */
static bool read_next(struct amp_cursor *cursor, union box_sample *out) {
    const uint64_t before = cursor->position;
    const uint64_t lost_before = cursor->lost;
    const enum amp_read got = amp_cursor_next(cursor, &out->sample);
    if (got != AMP_READ_VALUE) {
        CHECK(got == AMP_READ_EMPTY);
        return false;
    }
    CHECK(box_is_whole(&box, &out->sample));
    CHECK(cursor->position == out->sample.count);
    CHECK(out->sample.count - before == 1 + cursor->lost - lost_before);
    return true;
}

static void publish_many(uint64_t times) {
    for (uint64_t i = 0; i < times; i++) {
        box_publish(&box);
    }
}

static void open_box(uint32_t depth) {
    box_open(&box, 3, depth);
    amp_channel_attach(&box.writer, 1);
}

static void test_cursor_at_latest_sees_only_what_comes(void) {
    union box_sample out;
    struct amp_cursor cursor;
    open_box(8);
    publish_many(5);
    amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
    CHECK(!read_next(&cursor, &out));
    box_publish(&box);
    CHECK(read_next(&cursor, &out) && out.sample.count == 6);
    CHECK(!read_next(&cursor, &out));
    CHECK(cursor.lost == 0 && cursor.torn == 0);
}

static void test_cursor_at_oldest_sees_the_history(void) {
    union box_sample out;
    struct amp_cursor cursor;
    for (size_t d = 0; d < DEPTHS; d++) {
        /* The writer may be at work on one slot, and is given an eighth to go on with. */
        const uint64_t readable = depths[d] - 1 - (depths[d] < 16 ? 1 : depths[d] / 8);
        for (uint64_t published = 0; published <= 2ull * depths[d] + 1; published++) {
            open_box(depths[d]);
            publish_many(published);
            amp_cursor_open(&cursor, &box.reader, AMP_START_OLDEST);
            uint64_t expected = published > readable ? published - readable + 1 : 1;
            while (read_next(&cursor, &out)) {
                CHECK(out.sample.count == expected);
                expected++;
            }
            CHECK(expected == published + 1);
            CHECK(cursor.lost == 0);
            if (depths[d] == 512 && published == 3) {
                published = 444; /* the edges of the deep one are enough */
            }
        }
    }
}

static void test_cursor_at_oldest_is_not_lapped_at_once(void) {
    union box_sample out;
    struct amp_cursor cursor;
    for (size_t d = 0; d < DEPTHS; d++) {
        const uint64_t margin = depths[d] < 16 ? 1 : depths[d] / 8;
        for (uint64_t published = 1; published <= 2ull * depths[d]; published++) {
            open_box(depths[d]);
            publish_many(published);
            amp_cursor_open(&cursor, &box.reader, AMP_START_OLDEST);
            publish_many(margin);
            box_publish_steps(&box, 1, 1); /* and at work on the next */
            CHECK(read_next(&cursor, &out));
            CHECK(cursor.lost == 0);
        }
    }
}

static void test_late_joiner_counts_no_loss_when_the_writer_died_at_work(void) {
    union box_sample out;
    struct amp_cursor cursor;
    open_box(4);
    publish_many(9);
    for (uint32_t steps = 1; steps <= 3 + 4; steps++) {
        box_publish_steps(&box, 1, steps);
        amp_cursor_open(&cursor, &box.reader, AMP_START_OLDEST);
        CHECK(read_next(&cursor, &out) && out.sample.count == 8);
        CHECK(cursor.lost == 0);
    }
}

static void test_cursor_when_it_keeps_up_loses_nothing(void) {
    union box_sample out;
    struct amp_cursor cursor;
    for (size_t d = 0; d < DEPTHS; d++) {
        open_box(depths[d]);
        amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
        for (uint64_t k = 1; k <= 3ull * depths[d]; k++) {
            box_publish(&box);
            CHECK(read_next(&cursor, &out) && out.sample.count == k);
            CHECK(!read_next(&cursor, &out));
        }
        CHECK(cursor.lost == 0 && cursor.torn == 0);
    }
}

static void test_cursor_when_a_whole_depth_behind_loses_nothing(void) {
    union box_sample out;
    struct amp_cursor cursor;
    for (size_t d = 0; d < DEPTHS; d++) {
        open_box(depths[d]);
        publish_many(2);
        amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
        publish_many(depths[d]);
        for (uint64_t k = 3; k < 3ull + depths[d]; k++) {
            CHECK(read_next(&cursor, &out) && out.sample.count == k);
        }
        CHECK(!read_next(&cursor, &out) && cursor.lost == 0);
    }
}

/* Behind by |behind| > depth: what is skipped is what is counted, and the landing is readable. */
static void check_lapped(uint32_t depth, uint64_t behind) {
    union box_sample out;
    struct amp_cursor cursor;
    open_box(depth);
    publish_many(1);
    amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
    publish_many(behind);
    CHECK(read_next(&cursor, &out));
    const uint64_t landed = out.sample.count;
    CHECK(cursor.lost == landed - 2);
    CHECK(landed == (depth == 4 ? behind + 1 + 2 - 4 : behind + 1 - depth / 2));
    uint64_t delivered = 1;
    while (read_next(&cursor, &out)) {
        delivered++;
    }
    CHECK(cursor.position == behind + 1);
    CHECK(delivered + cursor.lost == behind);
}

static void test_cursor_when_lapped_counts_its_exact_loss(void) {
    for (size_t d = 0; d < DEPTHS; d++) {
        for (uint64_t extra = 1; extra <= 9; extra++) {
            check_lapped(depths[d], depths[d] + extra);
        }
        check_lapped(depths[d], 2ull * depths[d] - 1);
        check_lapped(depths[d], 2ull * depths[d]);
        check_lapped(depths[d], 100ull * depths[d] + 3);
    }
}

static void test_cursor_when_its_slot_is_being_overwritten(void) {
    union box_sample out;
    struct amp_cursor cursor;
    open_box(4);
    amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
    publish_many(4);
    box_publish_steps(&box, 1, 1); /* 5 is odd, in the slot of 1 */
    CHECK(read_next(&cursor, &out) && out.sample.count == 2);
    CHECK(cursor.lost == 1);
    CHECK(read_next(&cursor, &out) && out.sample.count == 3);
    CHECK(read_next(&cursor, &out) && out.sample.count == 4);
    CHECK(!read_next(&cursor, &out));
}

static void test_cursor_may_be_one_ahead_of_latest(void) {
    union box_sample out;
    struct amp_cursor cursor;
    open_box(4);
    publish_many(6);
    amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
    box_publish_steps(&box, 1, 3 + 4);
    CHECK(read_next(&cursor, &out) && out.sample.count == 7);
    CHECK((int64_t)(amp_channel_count(&box.reader) - cursor.position) == -1);
    CHECK(!read_next(&cursor, &out));
    CHECK(cursor.lost == 0);
}

static void test_cursors_are_independent(void) {
    union box_sample out;
    struct amp_cursor slow;
    struct amp_cursor quick;
    open_box(4);
    amp_cursor_open(&slow, &box.reader, AMP_START_LATEST);
    amp_cursor_open(&quick, &box.reader, AMP_START_LATEST);
    for (uint64_t k = 1; k <= 20; k++) {
        box_publish(&box);
        CHECK(read_next(&quick, &out) && out.sample.count == k);
    }
    CHECK(quick.lost == 0 && slow.lost == 0);
    CHECK(read_next(&slow, &out) && slow.lost == out.sample.count - 1);
}

static void test_drain_gives_records_in_order_and_no_more_than_asked(void) {
    uint64_t records[7 * 6 + 1];
    struct amp_cursor cursor;
    open_box(8);
    amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
    CHECK(amp_cursor_drain(&cursor, records, 7) == 0);
    publish_many(8);
    records[3 * 6] = 0x5a5a;
    CHECK(amp_cursor_drain(&cursor, records, 0) == 0);
    CHECK(amp_cursor_drain(&cursor, records, 3) == 3);
    CHECK(records[3 * 6] == 0x5a5a);
    CHECK(records[0] == 1 && records[6] == 2 && records[12] == 3);
    CHECK(amp_cursor_drain(&cursor, records, 7) == 5);
    for (uint64_t k = 0; k < 5; k++) {
        const uint64_t *const record = records + 6 * k;
        CHECK(record[0] == 4 + k);
        CHECK((amp_ns)record[1] == box_time(4 + k, 1));
        CHECK(record[2] == 1);
        CHECK(record[5] == box_content(4 + k, 1, 2));
    }
    CHECK(amp_cursor_drain(&cursor, records, 7) == 0);
}

static void test_drain_reads_what_next_reads_whatever_the_width(void) {
    static uint64_t records[16 * (3 + BOX_WORDS_MAX)];
    union box_sample out;
    for (uint32_t words = 1; words <= BOX_WORDS_MAX; words++) {
        struct amp_cursor batch;
        struct amp_cursor single;
        box_open(&box, words, 16);
        amp_channel_attach(&box.writer, 7);
        amp_cursor_open(&batch, &box.reader, AMP_START_LATEST);
        single = batch;
        publish_many(16 + words);
        CHECK(amp_cursor_drain(&batch, records, 16) == 16 - batch.lost + words);
        for (uint64_t i = 0; amp_cursor_next(&single, &out.sample) == AMP_READ_VALUE; i++) {
            CHECK(memcmp(records + i * (3 + words), out.words, (3 + words) * 8) == 0);
        }
        CHECK(batch.position == single.position && batch.lost == single.lost);
    }
}

static void test_drain_stops_before_a_slot_that_is_being_written(void) {
    uint64_t records[8 * 6];
    struct amp_cursor cursor;
    for (uint32_t steps = 1; steps <= 3 + 3; steps++) {
        open_box(8);
        amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
        publish_many(5);
        box_publish_steps(&box, 1, steps);
        CHECK(amp_cursor_drain(&cursor, records, 8) == 5);
        CHECK(cursor.position == 5 && cursor.lost == 0 && cursor.torn == 0);
    }
}

static void test_publishing_many_is_publishing_each(void) {
    uint64_t payloads[20 * 3];
    union box_sample out;
    struct amp_cursor cursor;
    open_box(32);
    amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
    for (uint64_t i = 0; i < 20 * 3; i++) {
        payloads[i] = seeded_mix(i);
    }
    amp_channel_publish_many(&box.writer, 77, AMP_FLAG_ARMED, payloads, 20);
    amp_channel_publish_many(&box.writer, 78, 0, payloads, 0);
    CHECK(amp_channel_count(&box.reader) == 20);
    for (uint64_t k = 1; k <= 20; k++) {
        CHECK(amp_cursor_next(&cursor, &out.sample) == AMP_READ_VALUE);
        CHECK(out.sample.count == k && out.sample.t_ns == 77);
        CHECK(out.sample.mark == (1 | (uint64_t)AMP_FLAG_ARMED << 32));
        CHECK(memcmp(out.sample.words, payloads + 3 * (k - 1), 3 * 8) == 0);
    }
    CHECK(amp_cursor_next(&cursor, &out.sample) == AMP_READ_EMPTY);
}

static void test_drain_when_lapped_goes_on_after_the_gap(void) {
    uint64_t records[8 * 6];
    struct amp_cursor cursor;
    open_box(8);
    amp_cursor_open(&cursor, &box.reader, AMP_START_LATEST);
    publish_many(100);
    const size_t got = amp_cursor_drain(&cursor, records, 8);
    CHECK(got + cursor.lost == 100);
    CHECK(got > 0 && records[6 * (got - 1)] == 100);
}

/* Random schedules. */

#define FOLLOWERS 4

struct follower {
    struct amp_cursor cursor;
    uint64_t started; /* position when it was opened */
    uint64_t delivered;
};

static void follow(struct follower *follower, uint64_t most) {
    union box_sample out;
    for (uint64_t i = 0; i < most && read_next(&follower->cursor, &out); i++) {
        follower->delivered++;
    }
}

static void follow_in_batch(struct follower *follower) {
    static uint64_t records[64 * 6];
    const size_t got = amp_cursor_drain(&follower->cursor, records, 1 + (size_t)seeded_below(64));
    follower->delivered += got;
    for (size_t i = 0; i < got; i++) {
        CHECK(box_is_whole(&box, (const struct amp_sample *)(const void *)(records + 6 * i)));
        CHECK(i == 0 || records[6 * i] > records[6 * (i - 1)]);
    }
}

static void random_schedule(uint64_t from, uint32_t depth) {
    struct follower followers[FOLLOWERS];
    box_open(&box, 3, depth);
    box_preset(&box, from, 1);
    CHECK(amp_channel_attach(&box.writer, 1) == from);
    for (uint32_t i = 0; i < FOLLOWERS; i++) {
        amp_cursor_open(&followers[i].cursor, &box.reader,
                        i % 2 == 0 ? AMP_START_LATEST : AMP_START_OLDEST);
        followers[i].started = followers[i].cursor.position;
        followers[i].delivered = 0;
    }
    for (int step = 0; step < 400; step++) {
        struct follower *const follower = &followers[seeded_below(FOLLOWERS)];
        const uint64_t what = seeded_below(8);
        if (what < 3) {
            publish_many(seeded_below(4));
        } else if (what == 3) {
            publish_many(seeded_below(3ull * depth));
        } else if (what == 4) {
            follow_in_batch(follower);
        } else {
            follow(follower, seeded_below(2ull * depth));
        }
        const uint64_t count = amp_channel_count(&box.reader);
        for (uint32_t i = 0; i < FOLLOWERS; i++) {
            const struct amp_cursor *const cursor = &followers[i].cursor;
            const uint64_t in_flight = count - cursor->position;
            CHECK(count - followers[i].started ==
                  followers[i].delivered + cursor->lost + in_flight);
            CHECK((int64_t)in_flight >= 0 && cursor->torn == 0);
        }
    }
}

static void test_published_is_delivered_lost_or_in_flight_whatever_the_schedule(void) {
    for (int round = 0; round < 60; round++) {
        random_schedule(0, depths[(size_t)round % DEPTHS]);
    }
}

static void test_conservation_when_counts_are_large(void) {
    static const uint64_t near[] = {1ull << 31, 1ull << 32, 1ull << 53};
    for (size_t n = 0; n < 3; n++) {
        for (size_t d = 0; d < DEPTHS; d++) {
            random_schedule(near[n] - 5, depths[d]);
            random_schedule(near[n] / 2 - 5, depths[d]); /* the sequence word is twice that */
        }
    }
}

int main(void) {
    seeded_begin();
    RUN(test_cursor_at_latest_sees_only_what_comes);
    RUN(test_cursor_at_oldest_sees_the_history);
    RUN(test_cursor_at_oldest_is_not_lapped_at_once);
    RUN(test_late_joiner_counts_no_loss_when_the_writer_died_at_work);
    RUN(test_cursor_when_it_keeps_up_loses_nothing);
    RUN(test_cursor_when_a_whole_depth_behind_loses_nothing);
    RUN(test_cursor_when_lapped_counts_its_exact_loss);
    RUN(test_cursor_when_its_slot_is_being_overwritten);
    RUN(test_cursor_may_be_one_ahead_of_latest);
    RUN(test_cursors_are_independent);
    RUN(test_drain_gives_records_in_order_and_no_more_than_asked);
    RUN(test_drain_reads_what_next_reads_whatever_the_width);
    RUN(test_drain_stops_before_a_slot_that_is_being_written);
    RUN(test_publishing_many_is_publishing_each);
    RUN(test_drain_when_lapped_goes_on_after_the_gap);
    RUN(test_published_is_delivered_lost_or_in_flight_whatever_the_schedule);
    RUN(test_conservation_when_counts_are_large);
    return CHECK_DONE();
}
