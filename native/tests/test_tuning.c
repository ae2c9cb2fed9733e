/* Parameters of a running law: applied at a period's boundary, as a whole or not at all; every message
 * answered once, whatever it holds.
 */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/tuning.h"
#include "check.h"

#define EPOCH 3
#define NOW ((amp_ns)1000)
#define LATER ((uint64_t)2000)
#define DOUBLE_MAX 1.7976931348623157e308

/* y = p0 * x limited to [p1, p2]: tunables 0 (gain), 1 and 2 (limits, which must stay in order). */
static struct amp_program program;
static struct amp_law law;
static struct amp_tuning tuning;
static struct amp_owner owner;
static struct amp_queue queue;
static alignas(AMP_CACHE_LINE) unsigned char bytes[8192];
static struct amp_channel channel;
static uint64_t tick;

static void open_consumer(uint32_t epoch) {
    memset(&program, 0, sizeof program);
    program.input_count = 1;
    program.output_count = 1;
    program.instruction_count = 2;
    program.source_count = 2;
    program.parameter_count = 3;
    program.instructions[0] =
        (struct amp_instruction){.op = AMP_OP_GAIN, .target = 1, .source_count = 1};
    program.instructions[1] = (struct amp_instruction){
        .op = AMP_OP_LIMIT, .target = 2, .source = 1, .source_count = 1, .parameter = 1};
    program.sources[1] = 1;
    program.outputs[0] = 2;
    program.parameters[0] = 2;
    program.parameters[1] = -10;
    program.parameters[2] = 10;
    CHECK(amp_program_check(&program, NULL) == 0);
    amp_program_bind(&program, &law);
    memset(&tuning, 0, sizeof tuning);
    tuning.tunable_count = 3;
    tuning.tunables[0] = (struct amp_tunable){.parameter = 0, .low = 0, .high = 100};
    for (uint32_t i = 1; i < 3; i++) {
        tuning.tunables[i] =
            (struct amp_tunable){.parameter = i, .instruction = 1, .low = -50, .high = 50};
    }
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, epoch) == 0);
}

static void open_both(void) {
    memset(&owner, 0, sizeof owner);
    memset(bytes, 0, sizeof bytes);
    tick = 40;
    CHECK(amp_channel_bind(&channel, bytes, sizeof bytes, AMP_TUNING_WORDS, AMP_TUNING_DEPTH) == 0);
    amp_channel_attach(&channel, 1);
    CHECK(amp_queue_open(&queue, &channel, &owner, AMP_TUNING_QUEUE) == 0);
    open_consumer(EPOCH);
}

struct change {
    uint64_t index;
    double value;
};

static bool send_as(uint64_t id, uint64_t epoch, uint64_t expires, uint64_t count,
                    const struct change *changes) {
    uint64_t words[AMP_TUNING_WORDS] = {id, epoch, expires, count};
    for (uint64_t i = 0; i < count && i < AMP_TUNING_CHANGES_MAX; i++) {
        words[4 + 2 * i] = changes[i].index;
        memcpy(&words[5 + 2 * i], &changes[i].value, sizeof(double));
    }
    return amp_queue_push(&queue, NOW, 0, words);
}

static bool send(uint64_t id, uint64_t count, const struct change *changes) {
    return send_as(id, EPOCH, LATER, count, changes);
}

static enum amp_tuning_result take(void) {
    return amp_tuning_take(&tuning, ++tick, NOW);
}

static bool is(double a, double b) {
    return !(a < b) && !(a > b);
}

static double step(double x) {
    double y = 0;
    law.step(law.state, &x, &y, 0.001);
    return y;
}

/* The answer to |id|; AMP_TUNING_NONE when there is none. */
static enum amp_tuning_result answered(uint64_t id) {
    struct amp_tuning_answer out;
    return amp_tuning_answered(&owner, id, &out) ? out.result : AMP_TUNING_NONE;
}

static void check_untouched(void) {
    CHECK(is(program.parameters[0], 2) && is(program.parameters[1], -10) &&
          is(program.parameters[2], 10));
}

static void test_nothing_happens_without_a_message(void) {
    open_both();
    CHECK(take() == AMP_TUNING_NONE);
    check_untouched();
    CHECK(answered(1) == AMP_TUNING_NONE);
    CHECK(amp_owner_counter(&owner, AMP_COUNT_TUNING_REFUSED) == 0);
}

static void test_a_change_holds_from_the_period_that_took_it(void) {
    open_both();
    CHECK(is(step(3), 6));
    CHECK(send(1, 1, &(struct change){0, 2.5}));
    CHECK(is(step(3), 6) && answered(1) == AMP_TUNING_NONE); /* sent is not taken */
    CHECK(take() == AMP_TUNING_APPLIED);
    CHECK(is(step(3), 7.5));
    struct amp_tuning_answer out;
    CHECK(amp_tuning_answered(&owner, 1, &out));
    CHECK(out.result == AMP_TUNING_APPLIED && out.tick == 41 && out.t_ns == NOW);
    CHECK(amp_owner_counter(&owner, AMP_COUNT_TUNED) == 1);
}

static void test_changes_of_one_message_hold_together(void) {
    open_both();
    const struct change both[] = {{1, 20}, {2, 30}}; /* each alone would turn the limits around */
    CHECK(send(1, 1, &both[0]) && send(2, 2, both));
    CHECK(take() == AMP_TUNING_MISFIT);
    check_untouched();
    CHECK(take() == AMP_TUNING_APPLIED);
    CHECK(is(step(0), 20) && is(step(100), 30));
    CHECK(answered(1) == AMP_TUNING_MISFIT && answered(2) == AMP_TUNING_APPLIED);
}

static void test_one_bad_change_refuses_all_of_its_message(void) {
    static const struct {
        struct change changes[3];
        enum amp_tuning_result result;
    } cases[] = {
        {{{0, 5}, {1, -5}, {2, 50.001}}, AMP_TUNING_RANGE},
        {{{0, 5}, {1, -50.001}, {2, 5}}, AMP_TUNING_RANGE},
        {{{0, 5}, {1, -5}, {2, NAN}}, AMP_TUNING_RANGE},
        {{{0, INFINITY}, {1, -5}, {2, 5}}, AMP_TUNING_RANGE},
        {{{0, 5}, {1, -5}, {3, 5}}, AMP_TUNING_UNKNOWN},
        {{{0, 5}, {UINT64_MAX, -5}, {2, 5}}, AMP_TUNING_UNKNOWN},
        {{{0, 5}, {1, 6}, {2, 5}}, AMP_TUNING_MISFIT},
        {{{1, 40}, {1, 45}, {0, 5}}, AMP_TUNING_MISFIT}, /* one of them twice: put back as it was */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_both();
        CHECK(send(1, 3, cases[i].changes));
        CHECK(take() == cases[i].result);
        CHECK(answered(1) == cases[i].result);
        CHECK(amp_owner_counter(&owner, AMP_COUNT_TUNING_REFUSED) == 1);
        check_untouched();
    }
}

static void test_the_ends_of_a_range_belong_to_it(void) {
    open_both();
    const struct change ends[] = {{0, 100}, {1, -50}, {2, 50}};
    CHECK(send(1, 3, ends));
    CHECK(take() == AMP_TUNING_APPLIED);
}

static void test_impossible_numbers_of_changes_are_refused(void) {
    open_both();
    CHECK(send(1, 0, NULL));
    CHECK(take() == AMP_TUNING_UNKNOWN);
    uint64_t words[AMP_TUNING_WORDS] = {2, EPOCH, LATER, AMP_TUNING_CHANGES_MAX + 1};
    CHECK(amp_queue_push(&queue, NOW, 0, words));
    CHECK(take() == AMP_TUNING_UNKNOWN);
    words[0] = 3;
    words[3] = UINT64_MAX;
    CHECK(amp_queue_push(&queue, NOW, 0, words));
    CHECK(take() == AMP_TUNING_UNKNOWN);
    check_untouched();
}

static void test_a_message_that_came_too_late_is_refused(void) {
    open_both();
    CHECK(send_as(1, EPOCH, (uint64_t)NOW - 1, 1, &(struct change){0, 5}));
    CHECK(send_as(2, EPOCH, (uint64_t)NOW, 1, &(struct change){0, 6}));
    CHECK(take() == AMP_TUNING_EXPIRED);
    check_untouched();
    CHECK(take() == AMP_TUNING_APPLIED);
    CHECK(is(program.parameters[0], 6));
}

static void test_an_id_counts_once(void) {
    open_both();
    CHECK(send(7, 1, &(struct change){0, 5}) && send(7, 1, &(struct change){0, 6}) &&
          send(6, 1, &(struct change){0, 7}));
    CHECK(take() == AMP_TUNING_APPLIED);
    CHECK(take() == AMP_TUNING_REPEATED);
    CHECK(take() == AMP_TUNING_REPEATED);
    CHECK(is(program.parameters[0], 5));
    struct amp_tuning_answer out;
    CHECK(amp_tuning_answered(&owner, 7, &out) && out.tick == 41); /* the first answer stands */
    CHECK(answered(6) == AMP_TUNING_NONE);
}

static void test_a_period_takes_one_message(void) {
    open_both();
    for (uint64_t id = 1; id <= 4; id++) {
        CHECK(send(id, 1, &(struct change){0, (double)id}));
    }
    for (uint64_t id = 1; id <= 4; id++) {
        CHECK(take() == AMP_TUNING_APPLIED);
        CHECK(is(program.parameters[0], (double)id));
        CHECK(answered(id) == AMP_TUNING_APPLIED && answered(id + 1) == AMP_TUNING_NONE);
    }
    CHECK(take() == AMP_TUNING_NONE);
}

static void test_a_full_queue_refuses_the_sender(void) {
    open_both();
    for (uint64_t id = 1; id <= AMP_TUNING_DEPTH; id++) {
        CHECK(send(id, 1, &(struct change){0, 1}));
    }
    CHECK(!send(9, 1, &(struct change){0, 50}));
    CHECK(queue.full == 1);
    for (uint64_t id = 1; id <= AMP_TUNING_DEPTH; id++) {
        CHECK(take() == AMP_TUNING_APPLIED);
    }
    for (uint64_t id = 1; id <= AMP_TUNING_DEPTH; id++) {
        CHECK(answered(id) == AMP_TUNING_APPLIED); /* as many answers are kept */
    }
    CHECK(send(9, 1, &(struct change){0, 50}));
    CHECK(take() == AMP_TUNING_APPLIED && answered(9) == AMP_TUNING_APPLIED);
    CHECK(answered(1) == AMP_TUNING_NONE); /* its place is the ninth's */
}

/* What waits when a process dies is not for its successor, which was given its values with its plan. */
static void test_a_successor_refuses_what_was_sent_to_its_predecessor(void) {
    open_both();
    CHECK(send(1, 1, &(struct change){0, 5}) && send(2, 1, &(struct change){0, 6}));
    CHECK(take() == AMP_TUNING_APPLIED);
    open_consumer(EPOCH + 1);
    CHECK(take() == AMP_TUNING_FOREIGN);
    CHECK(answered(2) == AMP_TUNING_FOREIGN);
    check_untouched();
    CHECK(send_as(3, EPOCH + 1, LATER, 1, &(struct change){0, 7}));
    CHECK(take() == AMP_TUNING_APPLIED && is(program.parameters[0], 7));
}

/* Died with the change made and before the message was done with: it comes again, to the successor. */
static void test_a_message_that_comes_again_is_not_applied_again(void) {
    open_both();
    CHECK(send(1, 1, &(struct change){0, 5}));
    CHECK(take() == AMP_TUNING_APPLIED);
    amp_store_release(&owner.queue_cursors[AMP_TUNING_QUEUE], 0);
    open_consumer(EPOCH + 1);
    CHECK(take() == AMP_TUNING_FOREIGN);
    check_untouched();
    CHECK(take() == AMP_TUNING_NONE);
}

static void test_what_cannot_be_opened_is_refused(void) {
    open_both();
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, 0) == -AMP_EARG);
    tuning.tunables[2].parameter = 3;
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, 1) == -AMP_EARG);
    tuning.tunables[2].parameter = 2;
    tuning.tunables[2].instruction = 2;
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, 1) == -AMP_EARG);
    tuning.tunables[2].instruction = 1;
    tuning.tunables[2].low = NAN;
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, 1) == -AMP_EARG);
    tuning.tunables[2].low = -DOUBLE_MAX;
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, 1) == 0);
    tuning.tunable_count = AMP_PROGRAM_PARAMETERS_MAX + 1;
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, 1) == -AMP_EARG);
    tuning.tunable_count = 3;
    CHECK(amp_channel_bind(&channel, bytes, sizeof bytes, AMP_TUNING_WORDS - 1, AMP_TUNING_DEPTH) ==
          0);
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, 1) == -AMP_EARG);
    CHECK(amp_channel_bind(&channel, bytes, sizeof bytes, AMP_TUNING_WORDS, 4) == 0);
    CHECK(amp_tuning_init(&tuning, &program, &owner, &channel, 1) == -AMP_EARG);
}

/* Whatever stands in a message, each one is answered and leaves a program that could be checked. */
static void test_messages_of_random_words_leave_a_sound_program(void) {
    open_both();
    uint64_t random = 88172645463325252u;
    for (uint64_t id = 1; id <= 20000; id++) {
        uint64_t words[AMP_TUNING_WORDS];
        for (size_t i = 0; i < AMP_TUNING_WORDS; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            words[i] = random % 3 == 0 ? random % 5 : random;
            if (i > 3 && i % 2 == 1 && random % 4 != 0) {
                const double near = (double)(random >> 16 & 0xff) - 128;
                memcpy(&words[i], &near, sizeof near);
            }
        }
        words[0] = id;
        words[1] = random % 8 != 0 ? EPOCH : words[1];
        words[2] = random % 8 != 0 ? LATER : words[2];
        words[3] = random % 8 != 0 ? random % 4 : words[3];
        CHECK(amp_queue_push(&queue, NOW, 0, words));
        CHECK(take() != AMP_TUNING_NONE && answered(id) != AMP_TUNING_NONE);
        CHECK(amp_program_check(&program, NULL) == 0);
    }
    CHECK(amp_owner_counter(&owner, AMP_COUNT_TUNED) > 100);
    CHECK(amp_owner_counter(&owner, AMP_COUNT_TUNING_REFUSED) > 100);
}

#define RACED 20000u

static void *loop_beside(void *unused) {
    (void)unused;
    for (uint64_t taken = 0; taken < RACED;) { /* ends when the sender has sent them all */
        taken += take() != AMP_TUNING_NONE;
    }
    return NULL;
}

/* The sender reads answers while the loop writes the next ones into the same few places. */
static void test_answers_reach_a_sender_beside_the_running_loop(void) {
    open_both();
    pthread_t loop;
    CHECK(pthread_create(&loop, NULL, loop_beside, NULL) == 0);
    uint64_t sent = 0;
    uint64_t wrong = 0;
    uint64_t before = 0;
    for (uint64_t id = 1; id <= RACED;) { /* ends with the last answer */
        const struct change change = {0, (sent + 1) % 3 == 0 ? 200 : (double)(sent % 100)};
        if (sent < RACED && sent < id + AMP_TUNING_DEPTH - 1 && send(sent + 1, 1, &change)) {
            sent++; /* else one was answered and is not yet done with: its place is free soon */
        }
        struct amp_tuning_answer out;
        if (!amp_tuning_answered(&owner, id, &out)) {
            (void)sched_yield();
            continue;
        }
        wrong += out.result != (id % 3 == 0 ? AMP_TUNING_RANGE : AMP_TUNING_APPLIED);
        wrong += out.tick <= before || out.t_ns != NOW;
        before = out.tick;
        id++;
    }
    CHECK(pthread_join(loop, NULL) == 0);
    CHECK(wrong == 0);
}

int main(void) {
    RUN(test_nothing_happens_without_a_message);
    RUN(test_a_change_holds_from_the_period_that_took_it);
    RUN(test_changes_of_one_message_hold_together);
    RUN(test_one_bad_change_refuses_all_of_its_message);
    RUN(test_the_ends_of_a_range_belong_to_it);
    RUN(test_impossible_numbers_of_changes_are_refused);
    RUN(test_a_message_that_came_too_late_is_refused);
    RUN(test_an_id_counts_once);
    RUN(test_a_period_takes_one_message);
    RUN(test_a_full_queue_refuses_the_sender);
    RUN(test_a_successor_refuses_what_was_sent_to_its_predecessor);
    RUN(test_a_message_that_comes_again_is_not_applied_again);
    RUN(test_what_cannot_be_opened_is_refused);
    RUN(test_messages_of_random_words_leave_a_sound_program);
    RUN(test_answers_reach_a_sender_beside_the_running_loop);
    return CHECK_DONE();
}
