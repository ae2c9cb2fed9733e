/* The pump over absences of its port: what it says meanwhile, what it counts, what it never does. */

#include "pump_rig.h"

#define PERIOD MS

#define WAKE 3

static int open_descriptor = 5;
static bool woken;

/* A port that is readable when something has come, and hangs up when it is cut. */
static int rig_poll(void *context, struct amp_polled *polled, uint32_t count, amp_ns deadline) {
    CHECK(count == 1);
    virtual_sleep_until(context, deadline);
    rig_world();
    const int descriptor = polled->descriptor;
    if (descriptor < 0 || descriptor == WAKE) {
        polled->ready = descriptor == WAKE && woken ? AMP_POLL_READ : 0;
    } else {
        polled->ready = rig.line_is_cut ? AMP_POLL_ERROR : AMP_POLL_READ;
    }
    return polled->ready != 0;
}

static void open_polled(void) {
    rig_open();
    rig.machine.platform.poll = rig_poll;
}

static void plug_in(void) {
    rig.line_is_cut = false;
    rig.to_host.size = rig.to_device.size = 0;
    amp_pump_open(&rig.pump, ++open_descriptor, rig.machine.now_ns);
}

static void pull_out(void) {
    rig.line_is_cut = true;
    CHECK(!rig_run(1));
    CHECK(rig.pump.descriptor < 0);
}

static void check_accounting(void) {
    const uint64_t done = amp_owner_counter(&rig.owner, AMP_COUNT_TICKS) +
                          amp_owner_counter(&rig.owner, AMP_COUNT_SKIPPED);
    const amp_ns passed =
        (amp_ns)(rig_gauge(AMP_GAUGE_T_STOP_NS) - rig_gauge(AMP_GAUGE_T0_NS)) / PERIOD;
    CHECK(done == (uint64_t)passed);
}

static void test_every_period_is_accounted_for_over_absences(void) {
    open_polled();
    struct amp_pump *const pump = &rig.pump;
    for (int round = 0; round < 3; round++) {
        const amp_ns until = rig.machine.now_ns + 100 * MS;
        CHECK(rig_pump_run(until) == AMP_PUMP_TIME);
        CHECK(pump->session.state == AMP_SESSION_UP);
        rig.line_is_cut = true;
        CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_PORT_LOST);
        CHECK(rig_gauge(AMP_GAUGE_T_STOP_NS) == 0);
        for (int look = 0; look < 10; look++) {
            CHECK(rig_pump_run(rig.machine.now_ns + 20 * MS) == AMP_PUMP_TIME);
            rig.machine.now_ns += 3 * MS; /* what the caller itself takes */
        }
        plug_in();
    }
    amp_system_set_role(&rig.system, RIG_ROLE, AMP_ROLE_RUNNING, 1, 1, AMP_WANTED_END);
    CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_ENDED);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_SKIPPED) >= 3 * 10 * 2);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_PORTS_OPENED) == 3);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_LINK_LOSSES) == 3);
    check_accounting();
}

static void test_without_a_port_it_beats_and_publishes_nothing(void) {
    open_polled();
    CHECK(rig_pump_run(rig.machine.now_ns + 100 * MS) == AMP_PUMP_TIME);
    rig.line_is_cut = true;
    CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_PORT_LOST);
    const uint64_t published = amp_channel_count(&rig.pump.channel);
    const uint64_t beats = amp_owner_heartbeat(&rig.owner, NULL, NULL);
    CHECK(rig_pump_run(rig.machine.now_ns + 50 * MS) == AMP_PUMP_TIME);
    CHECK(amp_channel_count(&rig.pump.channel) == published);
    CHECK(amp_owner_heartbeat(&rig.owner, NULL, NULL) >= beats + 50);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 0);
}

static void test_without_a_port_it_comes_back_when_it_is_woken(void) {
    open_polled();
    rig.pump.wake_descriptor = WAKE;
    rig.line_is_cut = true;
    CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_PORT_LOST);
    CHECK(rig_pump_run(rig.machine.now_ns + 10 * MS) == AMP_PUMP_TIME);
    woken = true;
    const amp_ns before = rig.machine.now_ns;
    CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_TIME);
    CHECK(rig.machine.now_ns <= before + 2 * MS);
    woken = false;
    plug_in();
    CHECK(rig_pump_run(rig.machine.now_ns + 100 * MS) == AMP_PUMP_TIME);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
}

static void test_without_a_port_it_ends_when_asked(void) {
    open_polled();
    rig.line_is_cut = true;
    CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_PORT_LOST);
    amp_system_set_role(&rig.system, RIG_ROLE, AMP_ROLE_RUNNING, 1, 1, AMP_WANTED_END);
    CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_ENDED);
    check_accounting();
}

static void test_without_a_port_it_ends_when_the_supervisor_is_gone(void) {
    open_polled();
    rig.line_is_cut = true;
    CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_PORT_LOST);
    rig.supervisor_beats = false;
    CHECK(rig_pump_run(INT64_MAX) == AMP_PUMP_SUPERVISOR_LOST);
}

static void test_replug_within_the_lease_resumes_nothing(void) {
    rig_open();
    rig_arm(1);
    pull_out();
    rig_run(3);
    plug_in();
    rig_run(100);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 1);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE); /* a new session, or the lease: never armed */
    CHECK(rig.pump.arming == 0);
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 2); /* the explicit act */
    rig_run(10);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
}

static void test_act_that_comes_while_the_port_is_away_is_over_at_once(void) {
    rig_open();
    rig_run(60);
    pull_out();
    rig.flags = AMP_FLAG_ARMED;
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 1);
    rig_run(2);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
    CHECK(rig_gauge(AMP_GAUGE_TRIP_FAULT) == AMP_FAULT_PORT);
    plug_in();
    rig_run(200);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
}

static void test_reboot_during_the_absence_is_told_with_its_cause(void) {
    rig_open();
    rig_arm(1);
    pull_out();
    rig_boot_device(8);
    rig.config.reset_cause = AMP_RESET_WATCHDOG;
    CHECK(amp_device_init(&rig.device, &rig.config, rig_us()));
    const amp_ns lost_ns = rig.machine.now_ns;
    plug_in();
    rig_run(100);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig_gauge(AMP_GAUGE_DEVICE_NONCE) == 8);
    CHECK(rig_gauge(AMP_GAUGE_DEVICE_RESET) == AMP_RESET_WATCHDOG);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_REBOOTS) == 1);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_LINK_LOSSES) == 1); /* one loss, not two */
    CHECK((amp_ns)rig_gauge(AMP_GAUGE_LINK_LOST_NS) == lost_ns);
    CHECK((amp_ns)rig_gauge(AMP_GAUGE_LINK_UP_NS) > lost_ns);
}

static void test_other_firmware_after_the_absence_is_refused_by_field(void) {
    rig_open();
    rig_arm(1);
    pull_out();
    rig.config.schema_hash = RIG_SCHEMA + 1;
    CHECK(amp_device_init(&rig.device, &rig.config, rig_us()));
    plug_in();
    rig_run(100);
    CHECK(rig.pump.session.state == AMP_SESSION_REFUSED);
    CHECK(rig_gauge(AMP_GAUGE_REFUSAL) == AMP_REFUSAL_SCHEMA);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 0);
    rig_boot_device(9); /* the right one again */
    rig_run(700);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig.device.mode != AMP_DEVICE_ARMED);
}

/* What a proxy or a driver kept of the old session comes out again behind the new one. */
static void test_bytes_of_the_session_before_are_foreign_both_ways(void) {
    static struct rig_line to_device, to_host;
    rig_open();
    rig_arm(1);
    rig.voltage = 9.0;
    rig.device_runs = false; /* the actuations and states of these periods stay on the line */
    rig_run(3);
    rig.device_runs = true;
    to_device = rig.to_device;
    CHECK(to_device.size > 0);
    rig.machine.now_ns += MS;
    rig_world();
    to_host = rig.to_host;
    CHECK(to_host.size > 0);
    pull_out();
    rig_boot_device(8);
    plug_in();
    rig_run(60);
    rig.voltage = 0.0;
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 2);
    rig_run(10);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
    const uint64_t foreign = rig.device.session.counters.foreign;
    const uint64_t host_foreign = rig.pump.session.counters.foreign;
    for (int i = 0; i < 5; i++) {
        rig.to_device = to_device;
        rig.to_host = to_host;
        rig_run(1);
        CHECK(amp_device_output(&rig.device, 0) < 0.1f);
    }
    CHECK(rig.device.session.counters.foreign > foreign);
    CHECK(rig.pump.session.counters.foreign > host_foreign);
}

int main(void) {
    RUN(test_every_period_is_accounted_for_over_absences);
    RUN(test_without_a_port_it_beats_and_publishes_nothing);
    RUN(test_without_a_port_it_comes_back_when_it_is_woken);
    RUN(test_without_a_port_it_ends_when_asked);
    RUN(test_without_a_port_it_ends_when_the_supervisor_is_gone);
    RUN(test_replug_within_the_lease_resumes_nothing);
    RUN(test_act_that_comes_while_the_port_is_away_is_over_at_once);
    RUN(test_reboot_during_the_absence_is_told_with_its_cause);
    RUN(test_other_firmware_after_the_absence_is_refused_by_field);
    RUN(test_bytes_of_the_session_before_are_foreign_both_ways);
    return CHECK_DONE();
}
