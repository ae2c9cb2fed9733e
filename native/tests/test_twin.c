#include "twin_box.h"

#include <math.h>

static void check_kinds(const uint32_t *kinds, size_t count) {
    CHECK(seen_count == count);
    for (size_t index = 0; index < count && index < seen_count; index++) {
        CHECK(seen[index].kind == kinds[index]);
        CHECK(index == 0 || seen[index].t_us >= seen[index - 1].t_us);
        CHECK(amp_twin_clock(&twin, seen[index].host_ns) == seen[index].t_us);
    }
}

static void test_journal_of_a_whole_life(void) {
    begin_default();
    arm_and_drive(6.0f);
    host.actuates = false;
    run_ms(100);
    const uint32_t kinds[] = {AMP_TWIN_BOOT,          AMP_TWIN_SESSION_UP,
                              AMP_TWIN_ARMED,         AMP_TWIN_FIRST_ACTUATION,
                              AMP_TWIN_LEASE_EXPIRED, AMP_TWIN_SAFE_REACHED};
    check_kinds(kinds, 6);
    CHECK(seen[0].t_us == 0);
    CHECK(seen[0].argument == 4711);
    CHECK(seen[0].since_applied_us == UINT64_MAX);
    CHECK(seen[1].argument == 77);
    CHECK(seen[3].since_applied_us == 0);
    CHECK(seen[4].argument == AMP_REASON_LEASE);
    const uint64_t ramp_us = 6 * 1000000 / 1200;
    CHECK(seen[4].since_applied_us >= LEASE_US && seen[4].since_applied_us <= LEASE_US + STEP_US);
    CHECK(seen[5].since_applied_us >= LEASE_US + ramp_us);
    CHECK(seen[5].since_applied_us <= LEASE_US + ramp_us + STEP_US);
    CHECK(seen[5].late_us == 0);
    CHECK(amp_device_output(&twin.device, 0) == 0.0f);
}

static void test_motor_moves_under_the_voltage_and_is_sensed(void) {
    begin_default();
    run_ms(5);
    CHECK(host.states > 0 && host.position == 0.0f && host.current == 0.0f);
    arm_and_drive(6.0f);
    CHECK(host.position > 0.1f && host.current > 0.0f);
    const double speed = twin.plant.x[SPEED];
    CHECK(fabs((double)host.position - twin.plant.x[POSITION]) < speed * 0.002);
    host.actuates = false;
    run_ms(2000);
    CHECK(fabs(twin.plant.x[SPEED]) < speed / 50.0);
    CHECK(twin.device.mode == AMP_DEVICE_SAFE);
    host.actuates = true;
    const double angle = twin.plant.x[POSITION];
    run_ms(50);
    CHECK(fabs(twin.plant.x[POSITION] - angle) < 0.1);
}

static void test_a_parameter_that_is_set_is_journaled(void) {
    static const struct amp_device_parameter parameters[] = {{0, 50, 9}, {-1, 1, 0}};
    struct amp_twin_config with = config();
    with.device.parameters_count = 2;
    with.device.parameters = parameters;
    begin(&with);
    run_ms(5);
    const uint64_t now_us = (uint64_t)box.now / 1000;
    CHECK(amp_session_set(&host.session, 1, -0.5f, 100, now_us) != 0);
    CHECK(amp_session_set(&host.session, 0, 9.0f, 100, now_us) != 0); /* as it is: no change */
    run_ms(5);
    CHECK(amp_device_parameter(&twin.device, 1) == -0.5f);
    const enum amp_twin_event_kind kinds[] = {AMP_TWIN_BOOT, AMP_TWIN_SESSION_UP,
                                              AMP_TWIN_PARAMETER};
    check_kinds(kinds, 3);
    CHECK(seen[2].argument == ((uint64_t)1 << 32 | 0xBF000000u));
}

static void test_commands_are_journaled(void) {
    begin_default();
    arm_and_drive(1.0f);
    host.actuates = false;
    command(AMP_VERB_DISARM);
    run_ms(5);
    command(AMP_VERB_ARM);
    host.actuates = true;
    run_ms(5);
    command(AMP_VERB_ESTOP);
    run_ms(10);
    const uint32_t kinds[] = {
        AMP_TWIN_BOOT,     AMP_TWIN_SESSION_UP,   AMP_TWIN_ARMED, AMP_TWIN_FIRST_ACTUATION,
        AMP_TWIN_DISARMED, AMP_TWIN_SAFE_REACHED, AMP_TWIN_ARMED, AMP_TWIN_FIRST_ACTUATION,
        AMP_TWIN_ESTOP,    AMP_TWIN_SAFE_REACHED};
    check_kinds(kinds, 10);
}

static void test_a_new_session_while_armed_is_journaled(void) {
    begin_default();
    arm_and_drive(1.0f);
    host.actuates = false;
    amp_session_restart(&host.session, 78, (uint64_t)box.now / 1000);
    run_ms(10);
    const uint32_t kinds[] = {
        AMP_TWIN_BOOT,        AMP_TWIN_SESSION_UP, AMP_TWIN_ARMED,       AMP_TWIN_FIRST_ACTUATION,
        AMP_TWIN_NEW_SESSION, AMP_TWIN_SESSION_UP, AMP_TWIN_SAFE_REACHED};
    check_kinds(kinds, 7);
    CHECK(seen[5].argument == 78);
}

static void test_armed_without_any_actuation(void) {
    begin_default();
    run_ms(5);
    command(AMP_VERB_ARM);
    run_ms(50);
    const uint32_t kinds[] = {AMP_TWIN_BOOT, AMP_TWIN_SESSION_UP, AMP_TWIN_ARMED,
                              AMP_TWIN_LEASE_EXPIRED, AMP_TWIN_SAFE_REACHED};
    check_kinds(kinds, 5);
    CHECK(seen[4].since_applied_us == UINT64_MAX);
    CHECK(seen[4].t_us - seen[2].t_us <= LEASE_US + STEP_US);
}

static void test_a_mode_of_one_frame_is_not_lost_in_a_burst(void) {
    begin_default();
    arm_and_drive(1.0f);
    host.actuates = false;
    const uint64_t now_us = (uint64_t)box.now / 1000;
    const struct amp_session before = host.session;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    amp_session_command(&host.session, AMP_VERB_DISARM, 0, 100, now_us);
    host_push(wire, amp_session_pending(&host.session, now_us, wire, sizeof wire));
    const uint16_t id = host.session.command_id;
    const uint16_t sequence = host.session.sent_sequence;
    host.session = before;
    host.session.command_id = id;
    host.session.sent_sequence = sequence;
    amp_session_command(&host.session, AMP_VERB_ARM, 0, 100, now_us);
    host_push(wire, amp_session_pending(&host.session, now_us, wire, sizeof wire));
    run_twin(MS);
    CHECK(twin.device.mode == AMP_DEVICE_ARMED);
    CHECK(seen_count == 6);
    CHECK(seen[4].kind == AMP_TWIN_DISARMED);
    CHECK(seen[5].kind == AMP_TWIN_ARMED);
}

static void test_a_late_instrument_says_so(void) {
    begin_default();
    arm_and_drive(6.0f);
    host.actuates = false;
    box.stall_at = box.now + 10 * MS;
    box.stall_ns = 40 * MS;
    run_ms(100);
    CHECK(seen_count == 6);
    CHECK(seen[3].late_us == 0);
    CHECK(seen[4].kind == AMP_TWIN_LEASE_EXPIRED && seen[4].late_us == 40000);
    CHECK(seen[5].kind == AMP_TWIN_SAFE_REACHED && seen[5].late_us == 0);
    CHECK(seen[5].since_applied_us > 45000);
    CHECK(seen[5].t_us == seen[4].t_us);
}

static void test_marks_are_stamped_within_a_step(void) {
    begin_default();
    run_twin(MS);
    box.wakes[0] = 10;
    box.wakes[1] = 10;
    box.wake_count = 2;
    const uint64_t before_us = amp_twin_clock(&twin, box.now);
    run_twin(MS);
    CHECK(seen_count == 3);
    CHECK(seen[1].kind == AMP_TWIN_MARK && seen[1].argument == 1);
    CHECK(seen[2].kind == AMP_TWIN_MARK && seen[2].argument == 2);
    CHECK(seen[1].t_us >= before_us && seen[1].t_us <= before_us + STEP_US);
}

static void test_another_wake_byte_ends_the_run(void) {
    begin_default();
    box.wakes[0] = 10;
    box.wakes[1] = 15;
    box.wake_count = 2;
    CHECK(amp_twin_run(&twin, box.now + 1000 * MS) == AMP_TWIN_WOKEN);
    CHECK(twin.counters.steps == 1);
    CHECK(amp_twin_run(&twin, box.now + MS) == AMP_TWIN_TIME);
}

static void test_a_full_ring_counts_what_it_loses(void) {
    begin_default();
    memset(box.wakes, 10, sizeof box.wakes);
    box.wake_count = sizeof box.wakes;
    CHECK(amp_twin_run(&twin, box.now + 100 * MS) == AMP_TWIN_TIME);
    drain();
    CHECK(seen_count == AMP_TWIN_EVENTS_MAX);
    CHECK(seen[0].kind == AMP_TWIN_BOOT);
    CHECK(twin.counters.events_lost == 1 + sizeof box.wakes - AMP_TWIN_EVENTS_MAX);
    CHECK(!amp_twin_drain(&twin, &seen[0]));
}

static void test_init_refuses_a_wrong_configuration(void) {
    const struct amp_twin_config good = config();
    struct amp_twin_config bad = good;
    CHECK(amp_twin_init(&twin, &bad, &platform) == 0);
#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        bad = good;                                                                                \
        bad.field = (value);                                                                       \
        CHECK(amp_twin_init(&twin, &bad, &platform) == -AMP_EARG);                                 \
    } while (0)
    REFUSED(step_us, 49);
    REFUSED(step_us, 10001);
    REFUSED(skew_ppm, 10001.0);
    REFUSED(skew_ppm, (double)NAN);
    REFUSED(drive, 1);
    REFUSED(drive, -1);
    REFUSED(sends[1], 3);
    REFUSED(device.sends_count, AMP_DEVICE_VALUES_MAX + 1);
    REFUSED(device.lease_us, 0);
    REFUSED(plant.parameters[1], 0.0);
    REFUSED(plant.kind, AMP_PLANT_KIND_COUNT);
    REFUSED(sensors[1].noise_rms, -1.0);
    REFUSED(sensors[0].resolution, NAN);
}

/* A cart-pole that nobody drives, its angle and position sensed with noise. */
static struct amp_twin_config falling(uint64_t seed) {
    struct amp_twin_config with = config();
    with.plant = (struct amp_plant_config){
        .kind = AMP_PLANT_CART_POLE,
        .parameters = {1.0, 0.2, 0.5, 0.1, 0.002, 0.0, 0.1},
    };
    with.sends[0] = 2;
    with.sends[1] = 0;
    with.sensors[0] = (struct amp_sensor_config){seed, 0.01, 0.0};
    with.sensors[1] = (struct amp_sensor_config){seed, 0.01, 0.125};
    return with;
}

static void test_noise_repeats_bit_for_bit_for_its_seed(void) {
    float angles[3][200];
    for (int turn = 0; turn < 3; turn++) {
        const struct amp_twin_config with = falling(turn == 2 ? 8 : 7);
        begin(&with);
        for (int k = 0; k < 200; k++) {
            run_ms(1);
            angles[turn][k] = host.position;
            CHECK(fmod((double)host.current, 0.125) == 0.0);
        }
    }
    CHECK(memcmp(angles[0], angles[1], sizeof angles[0]) == 0);
    CHECK(memcmp(angles[0], angles[2], sizeof angles[0]) != 0);
    CHECK(fabs(twin.plant.x[2]) > 0.1);
}

static void test_held_plant_waits_until_it_is_armed(void) {
    struct amp_twin_config with = falling(1);
    with.held = true;
    begin(&with);
    run_ms(500);
    CHECK(twin.plant.x[2] == 0.1);
    arm_and_drive(0.0f);
    run_ms(100);
    CHECK(twin.plant.x[2] > 0.1);
}

int main(void) {
    RUN(test_journal_of_a_whole_life);
    RUN(test_motor_moves_under_the_voltage_and_is_sensed);
    RUN(test_a_parameter_that_is_set_is_journaled);
    RUN(test_commands_are_journaled);
    RUN(test_a_new_session_while_armed_is_journaled);
    RUN(test_armed_without_any_actuation);
    RUN(test_a_mode_of_one_frame_is_not_lost_in_a_burst);
    RUN(test_a_late_instrument_says_so);
    RUN(test_marks_are_stamped_within_a_step);
    RUN(test_another_wake_byte_ends_the_run);
    RUN(test_a_full_ring_counts_what_it_loses);
    RUN(test_init_refuses_a_wrong_configuration);
    RUN(test_noise_repeats_bit_for_bit_for_its_seed);
    RUN(test_held_plant_waits_until_it_is_armed);
    return CHECK_DONE();
}
