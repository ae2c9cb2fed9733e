/* A device that babbles: when it is no longer listened to, what that costs, and how it comes back. */

#include "pump_rig.h"
#include "seeded.h"

#define WAIT_MS 500 /* of quiet, the first time */

static uint64_t counter(enum amp_counter number) {
    return amp_owner_counter(&rig.owner, number);
}

static bool is_isolated(enum amp_isolation kind) {
    return rig.pump.isolation.kind == kind && rig_gauge(AMP_GAUGE_ISOLATED) == (uint64_t)kind;
}

static void append(const uint8_t *bytes, size_t size) {
    CHECK(rig.to_host.size + size <= RIG_LINE);
    memcpy(rig.to_host.bytes + rig.to_host.size, bytes, size);
    rig.to_host.size += size;
}

/* One period in which the device says |spoilt| frames of rubbish besides its own. */
static void period_with_bad_frames(int spoilt) {
    static const uint8_t rubbish[] = {5, 1, 2, 3, 4, 0};
    for (int i = 0; i < spoilt; i++) {
        append(rubbish, sizeof rubbish);
    }
    rig_run(1);
}

static void babble(size_t size) {
    uint8_t bytes[RIG_LINE];
    memset(bytes, 0xA5, size);
    append(bytes, size);
}

static void check_unheard(enum amp_isolation kind, enum amp_counter number) {
    CHECK(is_isolated(kind));
    CHECK(counter(number) == 1);
    CHECK(rig.pump.session.state == AMP_SESSION_DOWN);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 0);
    CHECK(rig_has_fault(AMP_FAULT_DEVICE_ISOLATED));
    CHECK(rig_gauge(AMP_GAUGE_LINK_CAUSE) == AMP_FAULT_DEVICE_ISOLATED);
    CHECK(rig_gauge(AMP_GAUGE_LINK_CAUSE_ARGUMENT) == (uint64_t)kind);
    CHECK(counter(AMP_COUNT_LINK_LOSSES) == 1);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
    const uint64_t published = amp_channel_count(&rig.pump.channel);
    rig_run(30);
    CHECK(amp_channel_count(&rig.pump.channel) == published);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE); /* by its lease */
}

static void test_more_than_a_fifth_bad_frames_isolates_within_100_ms(void) {
    rig_open();
    rig_arm(1);
    int periods = 0;
    while (is_isolated(AMP_ISOLATED_NOT) && periods < 200) {
        period_with_bad_frames(periods % 3 == 0); /* 1 bad to 3 good ones */
        periods++;
    }
    CHECK(periods <= 100);
    check_unheard(AMP_ISOLATED_BAD_FRAMES, AMP_COUNT_ISOLATED_BAD_FRAMES);
}

static void test_a_fifth_and_less_is_borne_for_ever(void) {
    rig_open();
    rig_arm(1);
    for (int i = 0; i < 2000; i++) {
        period_with_bad_frames(i % 5 == 0); /* 1 to 5 */
    }
    CHECK(is_isolated(AMP_ISOLATED_NOT));
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
    CHECK(counter(AMP_COUNT_BAD_FRAMES) == 400);
}

static void test_one_burst_of_damage_is_not_babble(void) {
    rig_open();
    rig_arm(1);
    for (int burst = 0; burst < 10; burst++) {
        for (int i = 0; i < 10; i++) {
            period_with_bad_frames(2); /* 20 bad ones at once: still a fifth of 100 ms */
        }
        rig_run(100);
    }
    CHECK(is_isolated(AMP_ISOLATED_NOT));
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
}

/* A slow device sends few frames in 100 ms: a fifth of them says nothing. */
static void test_fewer_than_five_bad_frames_never_isolate(void) {
    rig_open();
    rig.pump.share.frames = 2;
    rig_arm(1);
    rig.device_runs = false;
    rig.pump.session.expected.lost_after_us = 10000000;
    rig.pump.timing.lease_ns = 10000 * MS;
    for (int i = 0; i < 1000; i++) {
        period_with_bad_frames(i % 25 == 0);
    }
    CHECK(is_isolated(AMP_ISOLATED_NOT));
    for (int i = 0; i < 1000 && is_isolated(AMP_ISOLATED_NOT); i++) {
        period_with_bad_frames(i % 19 == 0);
    }
    CHECK(is_isolated(AMP_ISOLATED_BAD_FRAMES));
}

static void test_more_bytes_than_its_share_isolate_though_every_frame_is_good(void) {
    rig_open();
    rig_arm(1);
    static uint8_t state[256];
    rig.machine.now_ns += MS;
    rig_world();
    const size_t size = rig.to_host.size;
    memcpy(state, rig.to_host.bytes, size);
    int periods = 0;
    while (is_isolated(AMP_ISOLATED_NOT) && periods < 200) {
        for (int i = 0; i < 3; i++) { /* the same state again and again: good, and repeated */
            append(state, size);
        }
        rig_run(1);
        periods++;
    }
    CHECK(periods <= 100);
    CHECK(counter(AMP_COUNT_BAD_FRAMES) == 0);
    check_unheard(AMP_ISOLATED_BYTES, AMP_COUNT_ISOLATED_BYTES);
}

static void test_what_came_while_the_host_was_away_is_no_babble(void) {
    rig_open();
    rig_arm(1);
    for (int round = 0; round < 5; round++) {
        rig.machine.now_ns += 300 * MS;
        for (int i = 0; i < 4; i++) { /* 28 KB: 300 ms of its due */
            babble(7000);
            CHECK(amp_pump_receive(&rig.pump, rig.machine.now_ns));
            CHECK(amp_pump_receive(&rig.pump, rig.machine.now_ns));
        }
        rig_run(120);
    }
    CHECK(counter(AMP_COUNT_ISOLATED_BYTES) == 0);
    babble(8000);
    rig_run(2);
    babble(8000);
    rig_run(2);
    CHECK(is_isolated(AMP_ISOLATED_BYTES));
}

static void test_a_device_that_reads_nothing_for_half_its_lease_is_isolated(void) {
    rig_open();
    rig_arm(1);
    rig.line_takes = false;
    rig_run(11); /* the lease is 20 ms */
    CHECK(is_isolated(AMP_ISOLATED_NOT));
    rig_run(2);
    check_unheard(AMP_ISOLATED_BLOCKED, AMP_COUNT_ISOLATED_BLOCKED);
    rig.line_takes = true;
    rig_run(WAIT_MS + 60);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
}

static void test_a_pause_of_reading_shorter_than_that_is_borne(void) {
    rig_open();
    rig_arm(1);
    for (int i = 0; i < 20; i++) {
        rig.line_takes = false;
        rig_run(8);
        rig.line_takes = true;
        rig_run(3);
    }
    CHECK(is_isolated(AMP_ISOLATED_NOT));
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
    CHECK(counter(AMP_COUNT_REPLACED) > 0);
}

static void test_it_is_heard_again_once_it_was_quiet_and_never_armed_by_that(void) {
    rig_open();
    rig_arm(1);
    const uint16_t number = rig.pump.session.number;
    for (int i = 0; i < 100 && is_isolated(AMP_ISOLATED_NOT); i++) {
        period_with_bad_frames(2);
    }
    rig_run(WAIT_MS - 10); /* it goes on with its states: that is quiet enough */
    CHECK(is_isolated(AMP_ISOLATED_BAD_FRAMES));
    CHECK(counter(AMP_COUNT_BYTES_DROPPED) > 0);
    rig_run(80);
    CHECK(is_isolated(AMP_ISOLATED_NOT));
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig.pump.session.number == number + 1);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 1);
    rig_run(100);
    CHECK(rig.device.mode != AMP_DEVICE_ARMED);
    CHECK(rig.pump.arming == 0);
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 2); /* the explicit act */
    rig_run(10);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
}

static void test_an_act_that_comes_while_it_is_isolated_is_over_at_once(void) {
    rig_open();
    rig_run(60);
    for (int i = 0; i < 100 && is_isolated(AMP_ISOLATED_NOT); i++) {
        period_with_bad_frames(2);
    }
    rig.flags = AMP_FLAG_ARMED;
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 1);
    rig_run(2);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
    CHECK(rig_gauge(AMP_GAUGE_TRIP_FAULT) == AMP_FAULT_DEVICE_ISOLATED);
    rig_run(WAIT_MS + 100);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig.device.mode != AMP_DEVICE_ARMED);
}

static void test_who_goes_on_babbling_stays_isolated(void) {
    rig_open();
    rig_run(60);
    for (int i = 0; i < 3 * WAIT_MS; i++) {
        babble(1000);
        rig_run(1);
    }
    CHECK(is_isolated(AMP_ISOLATED_BYTES));
    CHECK(counter(AMP_COUNT_ISOLATED_BYTES) == 1);
    CHECK(rig.pump.isolation.until_ns > rig.machine.now_ns + 400 * MS);
    rig_run(WAIT_MS + 160);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
}

static amp_ns waits_for(void) {
    rig_run(60);
    for (int i = 0; i < 100 && is_isolated(AMP_ISOLATED_NOT); i++) {
        period_with_bad_frames(2);
    }
    const amp_ns began = rig.machine.now_ns;
    for (int i = 0; i < 20000 && !is_isolated(AMP_ISOLATED_NOT); i++) {
        rig_run(1);
    }
    return (rig.machine.now_ns - began) / MS;
}

static void test_each_further_time_takes_twice_as_long_up_to_a_bound(void) {
    static const amp_ns expected_ms[] = {500, 1000, 2000, 4000, 8000, 8000};
    rig_open();
    for (size_t i = 0; i < sizeof expected_ms / sizeof expected_ms[0]; i++) {
        CHECK(waits_for() == expected_ms[i]);
    }
    rig_run(10100); /* good for long enough */
    CHECK(waits_for() == 500);
}

/* The line before there is a session: other firmware fails by its CRC, and has to be named. */
static void test_other_firmware_is_refused_by_field_not_isolated(void) {
    rig_open();
    rig.pump.session.expected.schema_hash = 99;
    for (int i = 0; i < 200; i++) {
        period_with_bad_frames(2);
    }
    CHECK(is_isolated(AMP_ISOLATED_NOT));
    CHECK(rig_gauge(AMP_GAUGE_REFUSAL) == AMP_REFUSAL_SCHEMA);
}

/* What the host itself asks a refused device for is not held against it. */
static void test_a_long_dictionary_is_read_whole(void) {
    static char text[AMP_DICTIONARY_MAX];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\n';
    rig_open();
    rig.pump.share = (struct amp_pump_share){.bytes = 2500, .frames = 5};
    rig.config.dictionary = text;
    rig.config.dictionary_size = sizeof text;
    rig.config.schema_hash = amp_crc32((const uint8_t *)text, sizeof text, 0);
    CHECK(amp_device_init(&rig.device, &rig.config, rig_us()));
    rig_run(400);
    CHECK(is_isolated(AMP_ISOLATED_NOT));
    CHECK(rig_gauge(AMP_GAUGE_REFUSAL) == AMP_REFUSAL_SCHEMA);
    CHECK(rig.pump.dictionary.state == AMP_DICTIONARY_WHOLE);
    for (int i = 0; i < 20; i++) {
        babble(1000);
        rig_run(1);
    }
    CHECK(is_isolated(AMP_ISOLATED_BYTES)); /* it is, for what nobody asked for */
}

static void test_a_port_opened_anew_is_heard_at_once(void) {
    rig_open();
    rig_run(60);
    for (int i = 0; i < 100 && is_isolated(AMP_ISOLATED_NOT); i++) {
        period_with_bad_frames(2);
    }
    rig.line_is_cut = true;
    CHECK(!rig_run(1));
    rig_run(WAIT_MS * 2); /* without a port nothing begins by itself */
    CHECK(rig.pump.session.state == AMP_SESSION_DOWN);
    rig.line_is_cut = false;
    amp_pump_open(&rig.pump, 6, rig.machine.now_ns);
    rig_run(60);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
}

static void check_sums(void) {
    const struct amp_pump_isolation *const one = &rig.pump.isolation;
    struct amp_pump_traffic sum = {.bytes = 0};
    for (int i = 0; i < AMP_PUMP_SLICES; i++) {
        sum.bytes += one->slices[i].bytes;
        sum.good += one->slices[i].good;
        sum.bad += one->slices[i].bad;
    }
    CHECK(memcmp(&sum, &one->sum, sizeof sum) == 0);
    CHECK(one->kind == AMP_ISOLATED_NOT || rig.pump.session.state == AMP_SESSION_DOWN);
    CHECK(one->kind == AMP_ISOLATED_NOT || rig.pump.arming == 0);
}

/* Whatever a device has done: nothing arms it, and a quiet one is always heard again. */
static void test_any_behaviour_ends_in_a_link_once_it_is_quiet(void) {
    for (int round = 0; round < 20; round++) {
        rig_open();
        rig_arm(1);
        bool ran = false;
        amp_system_set_mode(&rig.system, AMP_MODE_SAFE, 1);
        for (int phase = 0; phase < 30; phase++) {
            const uint64_t kind = seeded_below(6);
            const int periods = 1 + (int)seeded_below(150);
            rig.line_takes = kind != 1;
            rig.device_runs = kind != 2;
            if (kind == 3) {
                rig.machine.now_ns += (amp_ns)seeded_below(2000) * MS;
            }
            for (int i = 0; i < periods; i++) {
                if (kind == 4) {
                    babble((size_t)seeded_below(2000));
                }
                period_with_bad_frames(kind == 5 ? (int)seeded_below(5) : 0);
                check_sums();
            }
            ran = ran || (rig.device_runs && periods > 40); /* longer than its lease */
            CHECK(!ran || rig.device.mode != AMP_DEVICE_ARMED);
        }
        rig.line_takes = rig.device_runs = true;
        rig_run(8200);
        CHECK(is_isolated(AMP_ISOLATED_NOT));
        CHECK(rig.pump.session.state == AMP_SESSION_UP);
        CHECK(rig.device.mode != AMP_DEVICE_ARMED);
    }
}

static int polls;

/* Always readable: what a device that never stops looks like to the pump. */
static int babbling_poll(void *context, struct amp_polled *polled, uint32_t count,
                         amp_ns deadline) {
    CHECK(count == 1);
    polls++;
    rig.to_host.size = 0;
    babble(RIG_LINE);
    polled->ready = polled->want & AMP_POLL_READ;
    if (polled->ready != 0) {
        rig.machine.now_ns += 20000; /* what a read of 4 KiB may take */
        return 1;
    }
    virtual_sleep_until(context, deadline);
    amp_owner_beat(&rig.supervisor, AMP_AT_WAIT, rig.machine.now_ns);
    return 0;
}

static void test_a_babbler_that_never_stops_costs_no_period_and_no_wake_up(void) {
    rig_open();
    rig_run(60);
    rig.machine.platform.poll = babbling_poll;
    const amp_ns until = rig.machine.now_ns + 100 * MS;
    CHECK(rig_pump_run(until) == AMP_PUMP_TIME);
    CHECK(is_isolated(AMP_ISOLATED_BYTES));
    polls = 0;
    const uint64_t ticks = counter(AMP_COUNT_TICKS);
    const uint64_t dropped = counter(AMP_COUNT_BYTES_DROPPED);
    CHECK(rig_pump_run(rig.machine.now_ns + 1000 * MS) == AMP_PUMP_TIME);
    CHECK(counter(AMP_COUNT_TICKS) - ticks >= 1000);
    CHECK(counter(AMP_COUNT_SKIPPED) == 0);
    CHECK((uint64_t)polls == counter(AMP_COUNT_TICKS) - ticks);
    CHECK(counter(AMP_COUNT_BYTES_DROPPED) - dropped == (uint64_t)polls * AMP_PUMP_IN_SIZE);
    CHECK(is_isolated(AMP_ISOLATED_BYTES));
}

int main(void) {
    seeded_begin();
    RUN(test_more_than_a_fifth_bad_frames_isolates_within_100_ms);
    RUN(test_a_fifth_and_less_is_borne_for_ever);
    RUN(test_one_burst_of_damage_is_not_babble);
    RUN(test_fewer_than_five_bad_frames_never_isolate);
    RUN(test_more_bytes_than_its_share_isolate_though_every_frame_is_good);
    RUN(test_what_came_while_the_host_was_away_is_no_babble);
    RUN(test_a_device_that_reads_nothing_for_half_its_lease_is_isolated);
    RUN(test_a_pause_of_reading_shorter_than_that_is_borne);
    RUN(test_it_is_heard_again_once_it_was_quiet_and_never_armed_by_that);
    RUN(test_an_act_that_comes_while_it_is_isolated_is_over_at_once);
    RUN(test_who_goes_on_babbling_stays_isolated);
    RUN(test_each_further_time_takes_twice_as_long_up_to_a_bound);
    RUN(test_other_firmware_is_refused_by_field_not_isolated);
    RUN(test_a_long_dictionary_is_read_whole);
    RUN(test_a_port_opened_anew_is_heard_at_once);
    RUN(test_any_behaviour_ends_in_a_link_once_it_is_quiet);
    RUN(test_a_babbler_that_never_stops_costs_no_period_and_no_wake_up);
    return CHECK_DONE();
}
