/* A queue: refused instead of overwritten, in order, once; at most one again after the consumer's
 * death, nothing lost after the writer's.
 */
#include "amp/queue.h"
#include "channel_box.h"

static struct box box;
static struct amp_owner owner; /* of the consumer */
static struct amp_queue queue;
static struct amp_queue_reader reader;

static const uint32_t depths[] = {4, 8, 64};
#define DEPTHS (sizeof depths / sizeof depths[0])

static void open_queue(uint32_t depth, uint32_t index) {
    memset(&owner, 0, sizeof owner);
    box_open(&box, 2, depth);
    amp_channel_attach(&box.writer, 1);
    CHECK(amp_queue_open(&queue, &box.writer, &owner, index) == 0);
    CHECK(amp_queue_reader_open(&reader, &box.reader, &owner, index) == 0);
}

static bool push(void) {
    const uint64_t count = amp_channel_count(&queue.channel) + 1;
    const uint32_t epoch = (uint32_t)queue.channel.mark;
    uint64_t words[2];
    box_fill(words, 2, count, epoch);
    return amp_queue_push(&queue, box_time(count, epoch), 0, words);
}

/* The count of the next message, which must be whole; 0 when there is none. */
static uint64_t next(void) {
    union box_sample out;
    if (amp_queue_next(&reader, &out.sample) != AMP_READ_VALUE) {
        return 0;
    }
    CHECK(box_is_whole(&box, &out.sample));
    return out.sample.count;
}

static void test_a_full_queue_refuses_and_counts(void) {
    for (size_t d = 0; d < DEPTHS; d++) {
        open_queue(depths[d], 0);
        for (uint32_t i = 0; i < depths[d]; i++) {
            CHECK(push());
        }
        CHECK(!push() && !push());
        CHECK(queue.full == 2 && queue.corrupt == 0);
        CHECK(amp_channel_count(&box.reader) == depths[d]);
        for (uint64_t k = 1; k <= depths[d]; k++) {
            CHECK(next() == k);
        }
        CHECK(next() == 0 && reader.cursor.lost == 0);
    }
}

static void test_room_is_what_push_would_take(void) {
    for (size_t d = 0; d < DEPTHS; d++) {
        open_queue(depths[d], 0);
        for (uint32_t left = depths[d]; left > 0; left--) {
            CHECK(amp_queue_room(&queue) == left);
            CHECK(push());
        }
        CHECK(amp_queue_room(&queue) == 0 && !push());
        CHECK(next() == 1 && next() == 2 && amp_queue_room(&queue) == 0);
        amp_queue_done(&reader);
        CHECK(amp_queue_room(&queue) == 2);
    }
}

static void test_room_when_the_cursor_cannot_be_is_none(void) {
    open_queue(4, 0);
    CHECK(push());
    reader.cursor.position = 9;
    amp_queue_done(&reader);
    CHECK(amp_queue_room(&queue) == 0 && !push());
}

static void test_a_message_makes_room_when_it_is_done_and_not_before(void) {
    open_queue(4, 0);
    for (int i = 0; i < 4; i++) {
        CHECK(push());
    }
    CHECK(next() == 1);
    CHECK(!push());
    amp_queue_done(&reader);
    CHECK(push() && !push());
    CHECK(next() == 2 && next() == 3);
    amp_queue_done(&reader);
    CHECK(push() && push() && !push());
}

static void test_a_consumers_successor_gets_what_was_not_done_with(void) {
    open_queue(8, 3);
    for (int i = 0; i < 6; i++) {
        CHECK(push());
    }
    CHECK(next() == 1);
    amp_queue_done(&reader);
    CHECK(next() == 2); /* dies before it is done with it */
    CHECK(amp_queue_reader_open(&reader, &box.reader, &owner, 3) == 0);
    for (uint64_t k = 2; k <= 6; k++) {
        CHECK(next() == k);
        amp_queue_done(&reader);
    }
    CHECK(next() == 0 && reader.cursor.lost == 0);
}

static void test_a_writers_successor_loses_and_repeats_nothing(void) {
    for (uint32_t steps = 0; steps <= 2 + 5; steps++) {
        open_queue(4, 0);
        CHECK(push() && push());
        box_publish_steps(&box, 1, steps); /* dies after so many stores of message 3 */
        const uint64_t committed = steps >= 2 + 4 ? 3 : 2;
        struct amp_channel successor = box.reader;
        CHECK(amp_channel_attach(&successor, 2) == committed);
        CHECK(amp_queue_open(&queue, &successor, &owner, 0) == 0);
        while (push()) {
        }
        CHECK(amp_channel_count(&box.reader) == 4);
        for (uint64_t k = 1; k <= 4; k++) {
            CHECK(next() == k);
        }
    }
}

static void test_a_cursor_that_cannot_be_is_counted_and_refused(void) {
    open_queue(4, 0);
    CHECK(push());
    amp_store_relaxed(&owner.queue_cursors[0], 2);
    CHECK(!push());
    CHECK(queue.corrupt == 1 && queue.full == 0);
    amp_store_relaxed(&owner.queue_cursors[0], UINT64_MAX);
    CHECK(!push());
    CHECK(queue.corrupt == 2);
    amp_store_relaxed(&owner.queue_cursors[0], 1);
    CHECK(push());
}

static void test_queues_of_one_consumer_are_independent(void) {
    open_queue(4, 0);
    for (uint32_t index = 0; index < AMP_QUEUES_MAX; index++) {
        amp_store_relaxed(&owner.queue_cursors[index], index);
    }
    CHECK(amp_queue_reader_open(&reader, &box.reader, &owner, 5) == 0);
    CHECK(reader.cursor.position == 5);
    reader.cursor.position = 9;
    amp_queue_done(&reader);
    for (uint32_t index = 0; index < AMP_QUEUES_MAX; index++) {
        const uint64_t expected = index == 5 ? 9 : index;
        CHECK(amp_load_relaxed(&owner.queue_cursors[index]) == expected);
    }
}

static void test_a_queue_that_is_not_there_is_refused(void) {
    open_queue(4, AMP_QUEUES_MAX - 1);
    CHECK(amp_queue_open(&queue, &box.writer, &owner, AMP_QUEUES_MAX) == -AMP_EARG);
    CHECK(amp_queue_open(&queue, &box.writer, &owner, UINT32_MAX) == -AMP_EARG);
    CHECK(amp_queue_reader_open(&reader, &box.reader, &owner, AMP_QUEUES_MAX) == -AMP_EARG);
}

/* Pushes, reads, dones and deaths of either side in any order: each message once and in order, but
 * for those that a dead consumer had read and was not done with. */
static void random_schedule(uint64_t from, uint32_t depth) {
    memset(&owner, 0, sizeof owner);
    box_open(&box, 2, depth);
    box_preset(&box, from, 1);
    amp_store_relaxed(&owner.queue_cursors[0], from);
    CHECK(amp_channel_attach(&box.writer, 1) == from);
    CHECK(amp_queue_open(&queue, &box.writer, &owner, 0) == 0);
    CHECK(amp_queue_reader_open(&reader, &box.reader, &owner, 0) == 0);
    uint64_t pushed = from;
    uint64_t read = from;
    uint64_t done = from;
    uint64_t full = 0;
    uint32_t epoch = 1;
    for (int step = 0; step < 2000; step++) {
        const uint64_t what = seeded_below(16);
        if (what < 7) {
            const bool room = pushed - done < depth;
            CHECK(push() == room);
            pushed += room;
            full += !room;
        } else if (what < 12) {
            const uint64_t got = next();
            CHECK(got == (read < pushed ? read + 1 : 0));
            read += got != 0;
        } else if (what < 14) {
            amp_queue_done(&reader);
            done = read;
        } else if (what == 14) {
            CHECK(amp_queue_reader_open(&reader, &box.reader, &owner, 0) == 0);
            read = done;
        } else {
            struct amp_channel successor = box.reader;
            CHECK(amp_channel_attach(&successor, ++epoch) == pushed);
            const uint64_t before = queue.full;
            CHECK(amp_queue_open(&queue, &successor, &owner, 0) == 0);
            full -= before;
        }
        CHECK(queue.full == full && queue.corrupt == 0 && reader.cursor.lost == 0);
    }
}

static void test_each_message_once_and_in_order_whatever_the_schedule(void) {
    static const uint64_t from[] = {0, (1ull << 31) - 9, (1ull << 32) - 9, (1ull << 53) - 9};
    for (size_t n = 0; n < 4; n++) {
        for (size_t d = 0; d < DEPTHS; d++) {
            random_schedule(from[n], depths[d]);
        }
    }
}

int main(void) {
    seeded_begin();
    RUN(test_a_full_queue_refuses_and_counts);
    RUN(test_room_is_what_push_would_take);
    RUN(test_room_when_the_cursor_cannot_be_is_none);
    RUN(test_a_message_makes_room_when_it_is_done_and_not_before);
    RUN(test_a_consumers_successor_gets_what_was_not_done_with);
    RUN(test_a_writers_successor_loses_and_repeats_nothing);
    RUN(test_a_cursor_that_cannot_be_is_counted_and_refused);
    RUN(test_queues_of_one_consumer_are_independent);
    RUN(test_a_queue_that_is_not_there_is_refused);
    RUN(test_each_message_once_and_in_order_whatever_the_schedule);
    return CHECK_DONE();
}
