#include "twin_box.h"

static void test_clock_is_skewed_and_begins_at_0(void) {
    struct amp_twin_config with = config();
    with.skew_ppm = 150.0;
    begin(&with);
    CHECK(amp_twin_clock(&twin, box.now) == 0);
    CHECK(amp_twin_clock(&twin, box.now + 100000 * MS) == 100015000);
    with.skew_ppm = -150.0;
    begin(&with);
    CHECK(amp_twin_clock(&twin, box.now + 100000 * MS) == 99985000);
    const amp_ns days = 30LL * 86400 * 1000 * MS;
    CHECK(amp_twin_clock(&twin, box.now + days) == 30ULL * 86400 * 1000000 - 388800000);
}

static void test_grid_never_shifts(void) {
    begin_default();
    const amp_ns t0 = box.now;
    run_twin(100 * MS);
    box.stall_at = box.now + 10 * MS;
    box.stall_ns = 7 * MS + 130000;
    run_twin(100 * MS);
    CHECK(twin.counters.steps + twin.counters.skipped_steps == 800);
    CHECK(twin.counters.skipped_steps == 28);
    CHECK((twin.next_ns - t0) % (STEP_US * 1000LL) == 0);
    CHECK(twin.counters.late_steps == 1);
    CHECK(twin.counters.late_us_max == 7130);
}

static void test_plant_catches_up_after_a_stall(void) {
    begin_default();
    arm_and_drive(6.0f);
    const double angle = twin.plant.x[POSITION];
    const double speed = twin.plant.x[SPEED];
    box.stall_at = box.now;
    box.stall_ns = 10 * MS;
    run_twin(MS);
    CHECK(twin.plant.x[POSITION] - angle > 0.9 * speed * 0.011);
}

static void test_nothing_blocks_when_the_host_does_not_read(void) {
    begin_default();
    run_ms(20);
    const uint64_t steps = twin.counters.steps;
    const uint64_t replaced = twin.device.counters.states_replaced;
    box.room = 10;
    run_twin(500 * MS);
    CHECK(twin.counters.steps == steps + 2000);
    CHECK(twin.device.counters.states_replaced > replaced + 450);
    CHECK(box.to_host_size == 10);
    box.room = SIZE_MAX / 2;
    const uint32_t states = host.states;
    run_twin(3 * MS);
    host_hear();
    CHECK(host.states > states + 1);
    CHECK(host.session.counters.bad_crc == 0 && host.session.counters.bad_cobs == 0);
    CHECK(host.session.counters.sequence_gaps == 0);
}

static void test_a_line_that_takes_little_keeps_frames_whole(void) {
    begin_default();
    box.room_per_step = 13;
    run_ms(400);
    CHECK(host.session.state == AMP_SESSION_UP);
    CHECK(host.states > 200);
    CHECK(host.session.counters.bad_crc + host.session.counters.bad_cobs +
              host.session.counters.bad_length ==
          0);
}

static void test_a_broken_line_is_counted_and_ends_nothing(void) {
    begin_default();
    arm_and_drive(6.0f);
    box.broken = true;
    host.actuates = false;
    run_ms(50);
    CHECK(twin.counters.port_errors > 0);
    CHECK(twin.device.mode == AMP_DEVICE_SAFE && twin.device.at_safe);
}

static void test_noise_on_the_line_does_nothing(void) {
    begin_default();
    uint32_t seed = 7;
    for (int ms = 0; ms < 300; ms++) {
        for (int index = 0; index < 2000; index++) {
            seed = seed * 1664525u + 1013904223u;
            const uint8_t noise = (uint8_t)(seed >> 24);
            host_push(&noise, 1);
        }
        run_twin(MS);
    }
    CHECK(seen_count == 1);
    CHECK(twin.device.mode == AMP_DEVICE_IDLE);
    CHECK(twin.counters.bytes_in == 600000);
    run_ms(25);
    arm_and_drive(1.0f);
    CHECK(twin.device.mode == AMP_DEVICE_ARMED);
}

int main(void) {
    RUN(test_clock_is_skewed_and_begins_at_0);
    RUN(test_grid_never_shifts);
    RUN(test_plant_catches_up_after_a_stall);
    RUN(test_nothing_blocks_when_the_host_does_not_read);
    RUN(test_a_line_that_takes_little_keeps_frames_whole);
    RUN(test_a_broken_line_is_counted_and_ends_nothing);
    RUN(test_noise_on_the_line_does_nothing);
    return CHECK_DONE();
}
