// What a host may ask a device besides arming it: its parameters, and to leave SAFE.

#include "device_rig.h"

static const struct amp_device_parameter PARAMETERS[] = {{-1.0f, 1.0f, 0.25f},
                                                         {0.0f, 100.0f, 50.0f}};

static void begin(struct rig *rig) {
    struct amp_device_config config = rig_config();
    config.parameters_count = COUNT(PARAMETERS);
    config.parameters = PARAMETERS;
    rig_begin_as(rig, &config, RIG_BEGIN_US);
    rig_join(rig);
}

static enum amp_result set(struct rig *rig, uint8_t index, float value) {
    const uint16_t id = amp_session_set(&rig->host, index, value, 1000, rig->now_us);
    CHECK(id != 0);
    rig_exchange(rig);
    CHECK(rig->command.kind == AMP_ON_ACKED && rig->command.id == id);
    return (enum amp_result)rig->command.result;
}

static bool stands_at(const struct rig *rig, size_t index, float value) {
    return fabsf(amp_device_parameter(&rig->device, index) - value) < 1e-6f;
}

static void test_a_parameter_is_set_and_stays_through_every_mode_and_session(void) {
    struct rig rig;
    begin(&rig);
    CHECK(stands_at(&rig, 0, 0.25f) && stands_at(&rig, 1, 50.0f));
    CHECK(set(&rig, 0, -1.0f) == AMP_RESULT_DONE);
    CHECK(set(&rig, 1, 100.0f) == AMP_RESULT_DONE);
    rig_arm(&rig);
    CHECK(set(&rig, 1, 99.0f) == AMP_RESULT_DONE);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED); // and nothing else happens
    CHECK(rig_command(&rig, AMP_VERB_ESTOP) == AMP_RESULT_DONE);
    rig_host(&rig, &rig.host, 8);
    rig_join(&rig);
    CHECK(stands_at(&rig, 0, -1.0f) && stands_at(&rig, 1, 99.0f));
}

static void test_a_value_out_of_range_or_of_no_parameter_is_refused(void) {
    struct rig rig;
    begin(&rig);
    CHECK(set(&rig, 0, 1.001f) == AMP_RESULT_RANGE);
    CHECK(set(&rig, 0, -1.001f) == AMP_RESULT_RANGE);
    CHECK(set(&rig, 0, NAN) == AMP_RESULT_RANGE);
    CHECK(set(&rig, 1, INFINITY) == AMP_RESULT_RANGE);
    CHECK(set(&rig, 2, 0) == AMP_RESULT_UNKNOWN_VERB);
    CHECK(set(&rig, 63, 0) == AMP_RESULT_UNKNOWN_VERB);
    CHECK(stands_at(&rig, 0, 0.25f) && stands_at(&rig, 1, 50.0f));
}

static void test_setting_a_parameter_does_not_feed_the_lease(void) {
    struct rig rig;
    begin(&rig);
    rig_arm(&rig);
    for (uint64_t at = 0; at <= RIG_LEASE_US; at += RIG_LEASE_US / 4) {
        rig_tick(&rig, RIG_BEGIN_US + at);
        (void)set(&rig, 0, 0.5f);
    }
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.reason == AMP_REASON_LEASE);
}

static void test_reset_leaves_safe_for_ready_and_moves_nothing(void) {
    struct rig rig;
    begin(&rig);
    CHECK(rig_command(&rig, AMP_VERB_RESET) == AMP_RESULT_DONE);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
    rig_arm(&rig);
    rig_actuate(&rig, 10.0f, 1.0f, -3.0f);
    CHECK(rig_command(&rig, AMP_VERB_RESET) == AMP_RESULT_DONE);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
    CHECK(rig_command(&rig, AMP_VERB_ESTOP) == AMP_RESULT_DONE);
    const float before = amp_device_output(&rig.device, 0);
    CHECK(rig_command(&rig, AMP_VERB_RESET) == AMP_RESULT_DONE);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
    CHECK(rig.device.reason == AMP_REASON_ESTOP); // why it was there stands until the next ARM
    CHECK(amp_device_output(&rig.device, 0) <= before);
    rig_tick(&rig, RIG_BEGIN_US + 60000000);
    CHECK(rig.device.at_safe);
    rig_arm(&rig);
}

static void test_parameters_that_break_a_rule_are_refused_at_boot(void) {
    static const struct amp_device_parameter BAD[] = {
        {1.0f, -1.0f, 0.0f},     {0.0f, 1.0f, 1.5f}, {0.0f, 1.0f, -0.5f},
        {-INFINITY, 1.0f, 0.0f}, {0.0f, NAN, 0.0f},  {0.0f, 1.0f, NAN},
    };
    struct amp_device device;
    struct amp_device_config config = rig_config();
    config.parameters_count = 1;
    for (size_t n = 0; n < COUNT(BAD); n++) {
        config.parameters = &BAD[n];
        CHECK(!amp_device_init(&device, &config, 0));
    }
    config.parameters_count = AMP_DEVICE_PARAMETERS_MAX + 1;
    CHECK(!amp_device_init(&device, &config, 0));
}

int main(void) {
    RUN(test_a_parameter_is_set_and_stays_through_every_mode_and_session);
    RUN(test_a_value_out_of_range_or_of_no_parameter_is_refused);
    RUN(test_setting_a_parameter_does_not_feed_the_lease);
    RUN(test_reset_leaves_safe_for_ready_and_moves_nothing);
    RUN(test_parameters_that_break_a_rule_are_refused_at_boot);
    return CHECK_DONE();
}
