/* The loop's intake of parameters: before the law of one known period, whatever the mode is. */
#include "loop_rig.h"

static struct amp_program program;
static struct amp_tuning tuning;
static struct amp_queue queue;
static alignas(AMP_CACHE_LINE) unsigned char bytes[8192];
static struct amp_channel channel;

/* Output 0 is the gain p0 times input 0, output 1 the gain p1 times it; act 1 may arm it. */
static void open_law(void) {
    rig_prepare();
    memset(bytes, 0, sizeof bytes);
    memset(&program, 0, sizeof program);
    program.input_count = 2;
    program.output_count = 2;
    program.instruction_count = 2;
    program.source_count = 1;
    program.parameter_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        program.instructions[i] = (struct amp_instruction){
            .op = AMP_OP_GAIN, .target = 2 + i, .source_count = 1, .parameter = i};
        program.outputs[i] = 2 + i;
        program.parameters[i] = 1;
        tuning.tunables[i] =
            (struct amp_tunable){.parameter = i, .instruction = i, .low = -10, .high = 10};
    }
    CHECK(amp_program_check(&program, NULL) == 0);
    amp_program_bind(&program, &rig.loop.law);
    CHECK(amp_channel_bind(&channel, bytes, sizeof bytes, AMP_TUNING_WORDS, AMP_TUNING_DEPTH) == 0);
    amp_channel_attach(&channel, 1);
    CHECK(amp_queue_open(&queue, &channel, &rig.owner, AMP_TUNING_QUEUE) == 0);
    tuning.tunable_count = 2;
    CHECK(amp_tuning_init(&tuning, &program, &rig.owner, &channel, 1) == 0);
    rig.loop.tuning = &tuning;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig.in[0] = bits_of(2.0);
}

static void send(uint64_t id, double first, double second) {
    const uint64_t words[AMP_TUNING_WORDS] = {
        id, 1, UINT64_MAX, 2, 0, bits_of(first), 1, bits_of(second),
    };
    CHECK(amp_queue_push(&queue, rig.machine.now_ns, 0, words));
}

static struct amp_tuning_answer answer_to(uint64_t id) {
    struct amp_tuning_answer out = {.result = AMP_TUNING_NONE};
    (void)amp_tuning_answered(&rig.owner, id, &out);
    return out;
}

static void test_a_change_while_armed_holds_from_one_published_tick_on(void) {
    open_law();
    rig_arm(1);
    rig_steps(5);
    CHECK(rig_near(rig_out(0), 2) && rig_near(rig_out(1), 2));
    send(1, 3, 4);
    CHECK(answer_to(1).result == AMP_TUNING_NONE);
    rig_step();
    CHECK(rig_near(rig_out(0), 6) && rig_near(rig_out(1), 8)); /* both, in this very period */
    CHECK(answer_to(1).result == AMP_TUNING_APPLIED);
    CHECK(answer_to(1).tick == rig_last.sample.words[0]); /* the tick that the channel carries */
    CHECK(answer_to(1).t_ns == rig.release);
    rig_check_armed(1);
}

static void test_a_refused_change_leaves_the_running_law_alone(void) {
    open_law();
    rig_arm(1);
    rig_steps(5);
    send(1, 3, 10.5);
    rig_step();
    CHECK(rig_near(rig_out(0), 2) && rig_near(rig_out(1), 2));
    CHECK(answer_to(1).result == AMP_TUNING_RANGE);
    rig_check_armed(1);
}

static void test_a_change_while_disarmed_holds_at_the_next_arming(void) {
    open_law();
    rig_steps(3);
    send(1, 5, 5);
    rig_step();
    CHECK(answer_to(1).result == AMP_TUNING_APPLIED);
    CHECK(rig_near(rig_out(0), 0));
    rig_arm(1);
    rig_steps(2);
    CHECK(rig_near(rig_out(0), 10));
}

static void test_messages_wait_for_a_period_each(void) {
    open_law();
    rig_arm(1);
    rig_steps(2);
    for (uint64_t id = 1; id <= 4; id++) {
        send(id, (double)id, (double)id);
    }
    for (uint64_t id = 1; id <= 4; id++) {
        rig_step();
        CHECK(rig_near(rig_out(0), 2 * (double)id));
        CHECK(answer_to(id).tick == rig_last.sample.words[0]);
    }
}

int main(void) {
    RUN(test_a_change_while_armed_holds_from_one_published_tick_on);
    RUN(test_a_refused_change_leaves_the_running_law_alone);
    RUN(test_a_change_while_disarmed_holds_at_the_next_arming);
    RUN(test_messages_wait_for_a_period_each);
    return CHECK_DONE();
}
