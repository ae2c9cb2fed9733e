#include "twin.h"

#include <math.h>
#include <string.h>

#include "check.h"

#define MS 1000000LL
#define LINE 7
#define WAKE 8
#define LEASE_US 20000
#define STEP_US 250
#define SCHEMA 0x1234abcdu

/* A line and a clock in memory: the twin sleeps by moving the clock, and the host's end of the
 * session runs between two sleeps. */
static struct {
    amp_ns now;
    amp_ns stall_at, stall_ns; /* the sleep that passes |stall_at| takes |stall_ns| longer */
    uint8_t to_device[65536];
    size_t to_device_size;
    uint8_t to_host[262144];
    size_t to_host_size;
    size_t room; /* bytes the line still takes */
    size_t room_per_step;
    uint8_t wakes[128];
    size_t wake_count;
    bool broken;
} box;

static struct {
    struct amp_session session;
    bool actuates;
    float volts;
    uint32_t states;
    uint64_t heard;
    float position, current;
    struct amp_wire_state state;
    uint8_t acked_verb;
} host;

static struct amp_twin twin;
static struct amp_twin_event seen[256];
static size_t seen_count;

static amp_ns box_now(void *context) {
    (void)context;
    return box.now;
}

static void box_sleep_until(void *context, amp_ns deadline) {
    (void)context;
    box.now = deadline > box.now ? deadline : box.now;
    if (box.stall_ns != 0 && box.now >= box.stall_at) {
        box.now += box.stall_ns;
        box.stall_ns = 0;
    }
    if (box.room_per_step != 0) {
        box.room = box.room_per_step;
    }
}

static int box_poll(void *context, int descriptor, int want, amp_ns deadline) {
    (void)context;
    (void)descriptor;
    (void)deadline;
    return want;
}

static int take(uint8_t *from, size_t *size, uint8_t *bytes, size_t room) {
    const size_t count = *size < room ? *size : room;
    memcpy(bytes, from, count);
    memmove(from, from + count, *size - count);
    *size -= count;
    return (int)count;
}

static int box_read(void *context, int descriptor, uint8_t *bytes, size_t room) {
    (void)context;
    if (descriptor == WAKE) {
        return take(box.wakes, &box.wake_count, bytes, room);
    }
    CHECK(descriptor == LINE);
    return box.broken ? -AMP_EIO : take(box.to_device, &box.to_device_size, bytes, room);
}

static int box_write(void *context, int descriptor, const uint8_t *bytes, size_t size) {
    (void)context;
    CHECK(descriptor == LINE);
    if (box.broken) {
        return -AMP_EIO;
    }
    const size_t count = size < box.room ? size : box.room;
    CHECK(box.to_host_size + count <= sizeof box.to_host);
    memcpy(&box.to_host[box.to_host_size], bytes, count);
    box.to_host_size += count;
    box.room -= count;
    return (int)count;
}

static const struct amp_platform platform = {
    .now = box_now,
    .boottime = box_now,
    .sleep_until = box_sleep_until,
    .poll = box_poll,
    .read = box_read,
    .write = box_write,
};

static struct amp_twin_config config(void) {
    return (struct amp_twin_config){
        .device =
            {
                .board = "loopback",
                .firmware = {1, 0, 0},
                .boot_nonce = 4711,
                .schema_hash = SCHEMA,
                .baud = 921600,
                .lease_us = LEASE_US,
                .state_period_us = 1000,
                .sends_count = 2,
                .accepts_count = 1,
                .accepts = {{-12.0f, 12.0f, 0.0f, 1200.0f}},
            },
        .motor =
            {
                .resistance_ohm = 1.2,
                .inductance_h = 0.0015,
                .torque_constant_nm_per_a = 0.05,
                .inertia_kg_m2 = 2e-5,
                .viscous_friction_nm_s = 1e-5,
            },
        .sends = {AMP_TWIN_POSITION, AMP_TWIN_CURRENT},
        .voltage = 0,
        .descriptor = LINE,
        .wake_descriptor = WAKE,
        .mark_byte = 10,
        .step_us = STEP_US,
    };
}

static void begin(const struct amp_twin_config *with) {
    const struct amp_session_host expected = {
        .board = "loopback",
        .schema_hash = SCHEMA,
        .lost_after_us = 50000,
        .sends_count = 2,
        .accepts_count = 1,
    };
    memset(&box, 0, sizeof box);
    memset(&host, 0, sizeof host);
    box.now = 5000 * MS;
    box.room = SIZE_MAX / 2;
    seen_count = 0;
    amp_session_host_init(&host.session, &expected, 77, (uint64_t)box.now / 1000);
    CHECK(amp_twin_init(&twin, with, &platform) == 0);
}

static void begin_default(void) {
    const struct amp_twin_config with = config();
    begin(&with);
}

static void drain(void) {
    while (seen_count < 256 && amp_twin_drain(&twin, &seen[seen_count])) {
        seen_count++;
    }
}

static void run_twin(amp_ns duration) {
    const amp_ns until = box.now + duration;
    CHECK(amp_twin_run(&twin, until) == AMP_TWIN_TIME);
    box.now = until > box.now ? until : box.now;
    drain();
}

static void host_hear(void) {
    const uint64_t now_us = (uint64_t)box.now / 1000;
    struct amp_session_event event;
    for (size_t used = 0; used < box.to_host_size;) {
        used += amp_session_receive(&host.session, &box.to_host[used], box.to_host_size - used,
                                    now_us, &event);
        float values[2];
        if (event.kind == AMP_ON_ACKED) {
            host.acked_verb = event.verb;
        }
        if (event.kind == AMP_ON_MESSAGE && event.frame.type == AMP_FRAME_STATE &&
            amp_wire_state_decode(event.frame.payload, event.frame.length, &host.state, values,
                                  2)) {
            host.states++;
            host.position = values[0];
            host.current = values[1];
        }
    }
    box.to_host_size = 0;
    while (amp_session_poll(&host.session, now_us, &event)) {
    }
}

static void host_push(const uint8_t *bytes, size_t size) {
    CHECK(size <= sizeof box.to_device - box.to_device_size);
    if (size > sizeof box.to_device - box.to_device_size) {
        return;
    }
    memcpy(&box.to_device[box.to_device_size], bytes, size);
    box.to_device_size += size;
}

static void host_say(void) {
    const uint64_t now_us = (uint64_t)box.now / 1000;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    size_t size = 0;
    while ((size = amp_session_pending(&host.session, now_us, wire, sizeof wire)) > 0) {
        host_push(wire, size);
    }
    if (host.actuates) {
        uint8_t payload[AMP_ACTUATE_SIZE + 4];
        const struct amp_wire_actuate actuate = {(uint32_t)host.state.sampled_us};
        const size_t length = amp_wire_actuate_encode(&actuate, &host.volts, 1, payload);
        host_push(wire, amp_session_send(&host.session, AMP_FRAME_ACTUATE, payload, length, wire,
                                         sizeof wire));
    }
}

static void run_ms(int count) {
    for (int ms = 0; ms < count; ms++) {
        host_say();
        run_twin(MS);
        host_hear();
    }
}

static void command(enum amp_verb verb) {
    CHECK(amp_session_command(&host.session, verb, 0, 100, (uint64_t)box.now / 1000) != 0);
    run_ms(3);
    CHECK(host.acked_verb == verb);
}

static void arm_and_drive(float volts) {
    run_ms(5);
    CHECK(host.session.state == AMP_SESSION_UP);
    command(AMP_VERB_ARM);
    CHECK(twin.device.mode == AMP_DEVICE_ARMED);
    host.actuates = true;
    host.volts = volts;
    run_ms(30);
}

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
    const double speed = twin.plant.speed_rad_per_s;
    CHECK(fabs((double)host.position - twin.plant.angle_rad) < speed * 0.002);
    host.actuates = false;
    run_ms(2000);
    CHECK(fabs(twin.plant.speed_rad_per_s) < speed / 50.0);
    CHECK(twin.device.mode == AMP_DEVICE_SAFE);
    host.actuates = true;
    const double angle = twin.plant.angle_rad;
    run_ms(50);
    CHECK(fabs(twin.plant.angle_rad - angle) < 0.1);
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

static void test_plant_catches_up_after_a_stall(void) {
    begin_default();
    arm_and_drive(6.0f);
    const double angle = twin.plant.angle_rad;
    const double speed = twin.plant.speed_rad_per_s;
    box.stall_at = box.now;
    box.stall_ns = 10 * MS;
    run_twin(MS);
    CHECK(twin.plant.angle_rad - angle > 0.9 * speed * 0.011);
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
    REFUSED(voltage, 1);
    REFUSED(voltage, -1);
    REFUSED(sends[1], AMP_TWIN_QUANTITY_COUNT);
    REFUSED(device.sends_count, AMP_DEVICE_VALUES_MAX + 1);
    REFUSED(device.lease_us, 0);
    REFUSED(motor.inductance_h, 0.0);
}

int main(void) {
    RUN(test_journal_of_a_whole_life);
    RUN(test_motor_moves_under_the_voltage_and_is_sensed);
    RUN(test_commands_are_journaled);
    RUN(test_a_new_session_while_armed_is_journaled);
    RUN(test_armed_without_any_actuation);
    RUN(test_a_mode_of_one_frame_is_not_lost_in_a_burst);
    RUN(test_clock_is_skewed_and_begins_at_0);
    RUN(test_grid_never_shifts);
    RUN(test_a_late_instrument_says_so);
    RUN(test_plant_catches_up_after_a_stall);
    RUN(test_nothing_blocks_when_the_host_does_not_read);
    RUN(test_a_line_that_takes_little_keeps_frames_whole);
    RUN(test_a_broken_line_is_counted_and_ends_nothing);
    RUN(test_marks_are_stamped_within_a_step);
    RUN(test_another_wake_byte_ends_the_run);
    RUN(test_a_full_ring_counts_what_it_loses);
    RUN(test_noise_on_the_line_does_nothing);
    RUN(test_init_refuses_a_wrong_configuration);
    return CHECK_DONE();
}
