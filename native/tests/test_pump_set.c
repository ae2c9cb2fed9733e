/* The parameters of a device: set by people, acknowledged by the device, set again in every session
 * before it may be armed. */

#include <math.h>

#include "pump_rig.h"

#define COUNT 3
#define EPOCH 4

static const struct amp_device_parameter PARAMETERS[COUNT] = {
    {0, 50, 9}, {-1, 1, 0.5f}, {1, 100, 10}};

static alignas(AMP_CACHE_LINE) unsigned char command_bytes[8192];
static struct amp_channel commands;
static struct amp_queue queue;

static void boot(uint32_t nonce) {
    rig_boot_device(nonce);
    rig.config.parameters_count = COUNT;
    rig.config.parameters = PARAMETERS;
    CHECK(amp_device_init(&rig.device, &rig.config, rig_us()));
}

static void open_with_parameters(void) {
    rig_open();
    memset(command_bytes, 0, sizeof command_bytes);
    boot(7);
    CHECK(amp_channel_bind(&commands, command_bytes, sizeof command_bytes, AMP_TUNING_WORDS,
                           AMP_TUNING_DEPTH) == 0);
    amp_channel_attach(&commands, 1);
    CHECK(amp_queue_open(&queue, &commands, &rig.owner, AMP_TUNING_QUEUE) == 0);
    rig.pump.commands = commands;
    rig.pump.epoch = EPOCH;
    rig.pump.parameter_count = COUNT;
    for (int i = 0; i < COUNT; i++) {
        rig.pump.parameters[i] = (struct amp_pump_parameter){PARAMETERS[i].low, PARAMETERS[i].high,
                                                             PARAMETERS[i].initial};
    }
    CHECK(amp_pump_init(&rig.pump) == 0);
}

static bool push(uint64_t id, uint64_t index, double value) {
    uint64_t words[AMP_TUNING_WORDS] = {id, EPOCH, (uint64_t)(rig.machine.now_ns + 1000 * MS), 1,
                                        index};
    memcpy(&words[5], &value, sizeof value);
    return amp_queue_push(&queue, rig.machine.now_ns, 0, words);
}

static enum amp_tuning_result result_of(uint64_t id) {
    struct amp_tuning_answer answer;
    return amp_tuning_answered(&rig.owner, id, &answer) ? answer.result : AMP_TUNING_NONE;
}

static void test_a_value_is_set_and_acknowledged_with_the_devices_clock(void) {
    open_with_parameters();
    rig_run(300);
    CHECK(push(1, 0, 12.5));
    rig_run(10);
    struct amp_tuning_answer answer;
    CHECK(amp_tuning_answered(&rig.owner, 1, &answer) && answer.result == AMP_TUNING_APPLIED);
    CHECK(amp_device_parameter(&rig.device, 0) == 12.5f);
    CHECK(amp_device_parameter(&rig.device, 1) == 0.5f);
    const uint64_t now_us = rig_us();
    CHECK(answer.tick + 12000 > now_us && answer.tick < now_us + 2000);
    CHECK(rig.machine.now_ns - answer.t_ns < 10 * MS);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_TUNED) == 1);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 1);
}

static void test_it_may_be_set_while_armed(void) {
    open_with_parameters();
    rig_arm(1);
    CHECK(push(1, 1, -0.25));
    rig_run(10);
    CHECK(result_of(1) == AMP_TUNING_APPLIED);
    CHECK(amp_device_parameter(&rig.device, 1) == -0.25f);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
}

static void test_what_no_parameter_may_be_is_refused_unsent(void) {
    static const struct {
        uint64_t index;
        double value;
        enum amp_tuning_result result;
    } cases[] = {{0, 50.1, AMP_TUNING_RANGE},        {0, -0.1, AMP_TUNING_RANGE},
                 {0, NAN, AMP_TUNING_RANGE},         {0, INFINITY, AMP_TUNING_RANGE},
                 {0, 1e300, AMP_TUNING_RANGE},       {3, 1, AMP_TUNING_UNKNOWN},
                 {UINT64_MAX, 1, AMP_TUNING_UNKNOWN}};
    open_with_parameters();
    rig_run(100);
    for (uint64_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(push(i + 1, cases[i].index, cases[i].value));
        rig_run(3);
        CHECK(result_of(i + 1) == cases[i].result);
    }
    CHECK(amp_device_parameter(&rig.device, 0) == 9.0f);
    uint64_t two[AMP_TUNING_WORDS] = {20, EPOCH, INT64_MAX, 2, 0, 0, 1, 0};
    CHECK(amp_queue_push(&queue, rig.machine.now_ns, 0, two));
    two[0] = 21;
    two[1] = EPOCH + 1;
    CHECK(amp_queue_push(&queue, rig.machine.now_ns, 0, two));
    rig_run(5);
    CHECK(result_of(20) == AMP_TUNING_UNKNOWN);
    CHECK(result_of(21) == AMP_TUNING_FOREIGN);
}

static void test_a_device_that_is_not_there_takes_nothing(void) {
    open_with_parameters();
    rig_run(100);
    rig.device_runs = false;
    rig_run(60);
    CHECK(rig.pump.session.state != AMP_SESSION_UP);
    CHECK(push(1, 0, 3));
    rig_run(3);
    CHECK(result_of(1) == AMP_TUNING_ABSENT);
    rig.device_runs = true;
    rig_run(100);
    CHECK(amp_device_parameter(&rig.device, 0) == 9.0f);
}

static void test_one_under_way_when_the_link_is_lost_holds_nowhere(void) {
    open_with_parameters();
    rig_run(100);
    rig.line_takes = false;
    CHECK(push(1, 0, 3));
    rig_run(3);
    CHECK(result_of(1) == AMP_TUNING_NONE);
    rig.device_runs = false;
    rig_run(200);
    CHECK(result_of(1) == AMP_TUNING_ABSENT);
    rig.line_takes = rig.device_runs = true;
    rig_run(1000);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(amp_device_parameter(&rig.device, 0) == 9.0f);
}

static void test_what_was_set_is_set_again_after_a_reboot_and_before_it_is_ready(void) {
    open_with_parameters();
    rig_run(100);
    CHECK(push(1, 0, 12.5) && push(2, 2, 33));
    rig_run(20);
    CHECK(result_of(1) == AMP_TUNING_APPLIED && result_of(2) == AMP_TUNING_APPLIED);
    const uint64_t restored = amp_owner_counter(&rig.owner, AMP_COUNT_PARAMETERS_RESTORED);
    boot(8);
    CHECK(amp_device_parameter(&rig.device, 0) == 9.0f);
    for (int i = 0; i < 200; i++) {
        rig_run(1);
        const bool all = amp_device_parameter(&rig.device, 0) == 12.5f &&
                         amp_device_parameter(&rig.device, 2) == 33.0f;
        CHECK(all || rig.pump.session.state != AMP_SESSION_UP || rig_gauge(AMP_GAUGE_READY) == 0);
    }
    CHECK(rig_gauge(AMP_GAUGE_READY) == 1);
    CHECK(rig_gauge(AMP_GAUGE_PARAMETERS_UNSET) == 0);
    CHECK(amp_device_parameter(&rig.device, 0) == 12.5f);
    CHECK(amp_device_parameter(&rig.device, 1) == 0.5f);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_PARAMETERS_RESTORED) == restored + COUNT);
}

/* Another host has been here: what `amphost get` shows must be what the device has. */
static void test_a_session_begins_with_the_plans_values_whatever_the_device_has(void) {
    open_with_parameters();
    rig.device.parameters[1] = -1;
    rig_run(100);
    CHECK(amp_device_parameter(&rig.device, 1) == 0.5f);
}

static void test_an_act_before_all_are_set_is_over_at_once(void) {
    open_with_parameters();
    rig.config.parameters_count = 1; /* it knows fewer than the plan: it refuses the others */
    rig_run(100);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig_gauge(AMP_GAUGE_PARAMETERS_UNSET) == 2);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 0);
    rig.flags = AMP_FLAG_ARMED;
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 1);
    rig_run(10);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
    CHECK(rig.device.mode != AMP_DEVICE_ARMED);
    CHECK(rig.pump.session.counters.retransmissions < 10); /* refused is not asked for again */
}

static void test_a_line_that_loses_frames_takes_longer_and_ends_right(void) {
    open_with_parameters();
    rig_run(100);
    CHECK(push(1, 0, 20));
    for (uint32_t i = 1; i < 900 && result_of(1) == AMP_TUNING_NONE; i++) {
        if ((i * 2654435761u) >> 30 != 0) {
            rig.to_device.size = 0; /* about three periods of four: nothing arrives */
        }
        rig_run(1);
    }
    CHECK(result_of(1) == AMP_TUNING_APPLIED);
    CHECK(amp_device_parameter(&rig.device, 0) == 20.0f);
}

static void test_parameters_out_of_their_range_do_not_begin(void) {
    open_with_parameters();
    rig.pump.parameters[1].value = 2;
    CHECK(amp_pump_init(&rig.pump) == -AMP_EARG);
    rig.pump.parameters[1].value = NAN;
    CHECK(amp_pump_init(&rig.pump) == -AMP_EARG);
    rig.pump.parameters[1].value = 1;
    CHECK(amp_pump_init(&rig.pump) == 0);
    rig.pump.parameter_count = AMP_PUMP_PARAMETERS_MAX + 1;
    CHECK(amp_pump_init(&rig.pump) == -AMP_EARG);
}

int main(void) {
    RUN(test_a_value_is_set_and_acknowledged_with_the_devices_clock);
    RUN(test_it_may_be_set_while_armed);
    RUN(test_what_no_parameter_may_be_is_refused_unsent);
    RUN(test_a_device_that_is_not_there_takes_nothing);
    RUN(test_one_under_way_when_the_link_is_lost_holds_nowhere);
    RUN(test_what_was_set_is_set_again_after_a_reboot_and_before_it_is_ready);
    RUN(test_a_session_begins_with_the_plans_values_whatever_the_device_has);
    RUN(test_an_act_before_all_are_set_is_over_at_once);
    RUN(test_a_line_that_loses_frames_takes_longer_and_ends_right);
    RUN(test_parameters_out_of_their_range_do_not_begin);
    return CHECK_DONE();
}
