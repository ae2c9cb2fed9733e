/* Several devices in one run of the pump: what each has for itself, and what it costs the others.
 *
 * One virtual machine, one control role that publishes a voltage for each, and N ends: a pump, a
 * line of two byte queues, and at its other end the device's own C.
 */

#include <stdalign.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/device.h"
#include "amp/pump.h"
#include "check.h"
#include "virtual_platform.h"

#define MS ((amp_ns)1000000)
#define ORIGIN ((amp_ns)1000000000)
#define LEASE_US 20000
#define LINE 8192
#define N AMP_PUMPS_MAX
#define FIRST 10 /* descriptor of the first */
#define WAKE 50  /* wake descriptor of the first */

struct line {
    uint8_t bytes[LINE];
    size_t size;
};

struct end {
    struct amp_owner owner;
    alignas(AMP_CACHE_LINE) unsigned char channel_bytes[4096];
    struct amp_pump pump;
    struct amp_device_config config;
    struct amp_device device;
    struct line to_device, to_host;
    bool is_cut;
    bool is_dumb; /* its device neither hears nor speaks */
    bool is_woken;
    size_t babble; /* bytes of rubbish a period */
    uint64_t reads;
};

static struct virtual_platform machine;
static struct amp_system system_block;
static struct amp_owner supervisor;
static alignas(AMP_CACHE_LINE) unsigned char source_bytes[8192];
static struct amp_channel source;
static struct end ends[N];
static struct amp_pump *pumps[N];
static uint32_t flags;
static uint64_t polls;

static int take(void *context, int descriptor, uint8_t *bytes, size_t room) {
    (void)context;
    struct end *const end = &ends[descriptor - FIRST];
    end->reads++;
    if (end->is_cut) {
        return -AMP_EIO;
    }
    const size_t size = end->to_host.size < room ? end->to_host.size : room;
    memcpy(bytes, end->to_host.bytes, size);
    memmove(end->to_host.bytes, end->to_host.bytes + size, end->to_host.size - size);
    end->to_host.size -= size;
    return (int)size;
}

static int put(void *context, int descriptor, const uint8_t *bytes, size_t size) {
    (void)context;
    struct end *const end = &ends[descriptor - FIRST];
    if (end->is_cut) {
        return -AMP_EIO;
    }
    if (end->to_device.size + size > LINE) {
        return 0;
    }
    memcpy(end->to_device.bytes + end->to_device.size, bytes, size);
    end->to_device.size += size;
    return (int)size;
}

static uint64_t now_us(void) {
    return (uint64_t)(machine.now_ns - ORIGIN) / 1000 + 1;
}

static float position_of(uint32_t number) {
    return (float)number + 0.5f;
}

/* A period of the world: the supervisor beats, control publishes, every device ticks. */
static void world(void) {
    amp_owner_beat(&supervisor, AMP_AT_WAIT, machine.now_ns);
    uint64_t words[N + 2] = {0};
    for (uint32_t i = 0; i < N; i++) {
        const double voltage = 0.25 * (i + 1);
        memcpy(&words[i], &voltage, sizeof voltage);
    }
    amp_channel_publish(&source, machine.now_ns, flags, words);
    for (uint32_t i = 0; i < N; i++) {
        struct end *const end = &ends[i];
        const float position = position_of(i);
        if (end->is_dumb) {
            end->to_device.size = 0;
            continue;
        }
        amp_device_receive(&end->device, end->to_device.bytes, end->to_device.size, now_us());
        end->to_device.size = 0;
        amp_device_tick(&end->device, now_us(), &position);
        if (end->to_host.size + 1024 + end->babble < LINE) {
            end->to_host.size += amp_device_transmit(
                &end->device, end->to_host.bytes + end->to_host.size, LINE - end->to_host.size);
            memset(end->to_host.bytes + end->to_host.size, 0x55, end->babble);
            end->to_host.size += end->babble;
        }
    }
}

/* Time passes up to the deadline, in steps of a period of the world. */
static int wait_all(void *context, struct amp_polled *polled, uint32_t count, amp_ns deadline) {
    int ready = 0;
    polls++;
    if (machine.now_ns < deadline) {
        virtual_sleep_until(context, deadline);
        world();
    }
    for (uint32_t i = 0; i < count; i++) {
        const int descriptor = polled[i].descriptor;
        polled[i].ready = 0;
        if (descriptor == WAKE) {
            polled[i].ready = ends[0].is_woken ? AMP_POLL_READ : 0;
        } else if (descriptor >= 0) {
            const struct end *const end = &ends[descriptor - FIRST];
            const bool some = (polled[i].want & AMP_POLL_READ) != 0 && end->to_host.size > 0;
            polled[i].ready = end->is_cut ? AMP_POLL_ERROR : some ? AMP_POLL_READ : 0;
        }
        ready += polled[i].ready != 0;
    }
    return ready;
}

static const struct amp_value SENDS[] = {{.low = -100, .high = 100}};
static const struct amp_value ACCEPTS[] = {{.low = -12, .high = 12}};

static void boot(uint32_t i, uint32_t nonce) {
    ends[i].config = (struct amp_device_config){
        .board = "bench",
        .boot_nonce = nonce,
        .schema_hash = 0x1000u + i,
        .baud = 1000000,
        .lease_us = LEASE_US,
        .state_period_us = 1000,
        .sends_count = 1,
        .sends = SENDS,
        .accepts_count = 1,
        .accepts = ACCEPTS,
    };
    CHECK(amp_device_init(&ends[i].device, &ends[i].config, now_us()));
}

static void open_end(uint32_t i) {
    struct end *const end = &ends[i];
    struct amp_pump *const pump = &end->pump;
    pump->platform = &machine.platform;
    pump->system = &system_block;
    pump->supervisor = &supervisor;
    pump->owner = &end->owner;
    pump->descriptor = FIRST + (int)i;
    pump->wake_descriptor = -1;
    CHECK(amp_channel_bind(&pump->channel, end->channel_bytes, sizeof end->channel_bytes, 4, 4) ==
          0);
    amp_channel_attach(&pump->channel, 1);
    pump->source = source;
    pump->timing = (struct amp_pump_timing){
        .period_ns = MS,
        .origin_ns = ORIGIN,
        .send_offset_ns = MS / 2,
        .supervisor_ns = 100 * MS,
        .lease_ns = LEASE_US * 1000LL,
        .clock_ns = 97 * MS,
    };
    pump->share = (struct amp_pump_share){.bytes = 12000, .frames = 100};
    pump->expected = (struct amp_session_host){
        .board = "bench",
        .schema_hash = 0x1000u + i,
        .lost_after_us = 50000,
        .lease_us_max = LEASE_US,
        .sends_count = 1,
        .accepts_count = 1,
    };
    pump->sends[0] = SENDS[0];
    pump->accepts[0] = ACCEPTS[0];
    pump->role = 1 + i;
    pump->session_number = 100;
    pump->sensed_word = -1;
    pump->accept_words[0] = i;
    boot(i, 7 + i);
    CHECK(amp_pump_init(pump) == 0);
    pumps[i] = pump;
}

static void open_all(void) {
    memset(ends, 0, sizeof ends);
    memset(&system_block, 0, sizeof system_block);
    memset(&supervisor, 0, sizeof supervisor);
    memset(source_bytes, 0, sizeof source_bytes);
    virtual_open(&machine, ORIGIN);
    machine.platform.read = take;
    machine.platform.write = put;
    machine.platform.poll = wait_all;
    flags = AMP_FLAG_AT_SAFE;
    CHECK(amp_channel_bind(&source, source_bytes, sizeof source_bytes, N + 2, 4) == 0);
    amp_channel_attach(&source, 1);
    amp_system_set_mode(&system_block, AMP_MODE_DISARMED, 0);
    for (uint32_t i = 0; i < N; i++) {
        open_end(i);
    }
    polls = 0;
}

static enum amp_pump_end run_for(uint32_t count, amp_ns duration) {
    return amp_pump_run(pumps, count, machine.now_ns + duration);
}

static void arm_all(uint32_t count, uint64_t arming) {
    CHECK(run_for(count, 60 * MS) == AMP_PUMP_TIME);
    flags = AMP_FLAG_ARMED;
    amp_system_set_mode(&system_block, AMP_MODE_ARMED, arming);
    CHECK(run_for(count, 20 * MS) == AMP_PUMP_TIME);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(ends[i].device.mode == AMP_DEVICE_ARMED);
    }
}

static uint64_t gauge(uint32_t i, enum amp_gauge number) {
    return amp_owner_gauge(&ends[i].owner, number);
}

static uint64_t counter(uint32_t i, enum amp_counter number) {
    return amp_owner_counter(&ends[i].owner, number);
}

static void check_accounting(uint32_t i) {
    const uint64_t done = counter(i, AMP_COUNT_TICKS) + counter(i, AMP_COUNT_SKIPPED);
    const amp_ns t0_ns = (amp_ns)gauge(i, AMP_GAUGE_T0_NS);
    const amp_ns passed =
        ((amp_ns)gauge(i, AMP_GAUGE_T_STOP_NS) - t0_ns) / pumps[i]->timing.period_ns;
    CHECK(done == (uint64_t)passed);
}

static void end_all(uint32_t count) {
    amp_system_set_mode(&system_block, AMP_MODE_DISARMED, 9);
    for (uint32_t i = 0; i < count; i++) {
        amp_system_set_role(&system_block, 1 + i, AMP_ROLE_RUNNING, 1, 1, AMP_WANTED_END);
    }
    CHECK(run_for(count, 1000 * MS) == AMP_PUMP_ENDED);
    for (uint32_t i = 0; i < count; i++) {
        check_accounting(i);
    }
}

static void test_sixteen_devices_each_get_and_give_their_own(void) {
    open_all();
    arm_all(N, 1);
    CHECK(run_for(N, 100 * MS) == AMP_PUMP_TIME);
    for (uint32_t i = 0; i < N; i++) {
        union {
            struct amp_sample sample;
            uint64_t words[3 + 4];
        } last;
        double position;
        CHECK(amp_channel_latest(&pumps[i]->channel, &last.sample, NULL) == AMP_READ_VALUE);
        memcpy(&position, &last.words[3], sizeof position);
        CHECK(position == (double)position_of(i));
        CHECK(amp_device_output(&ends[i].device, 0) == 0.25f * (float)(i + 1));
        CHECK(counter(i, AMP_COUNT_BAD_FRAMES) == 0);
        CHECK(counter(i, AMP_COUNT_SKIPPED) == 0);
        CHECK(gauge(i, AMP_GAUGE_DEVICE_NONCE) == 7 + i);
        CHECK(gauge(i, AMP_GAUGE_CLOCK_AT_NS) != 0);
    }
    end_all(N);
}

static void test_many_on_one_grid_cost_one_wait_a_period_and_one_for_what_comes(void) {
    open_all();
    arm_all(N, 1);
    polls = 0;
    CHECK(run_for(N, 1000 * MS) == AMP_PUMP_TIME);
    CHECK(polls <= 1001); /* what came is read in the same wake-up */
    CHECK(counter(0, AMP_COUNT_TICKS) == counter(N - 1, AMP_COUNT_TICKS));
}

static void test_a_lost_port_stops_nobody_else(void) {
    open_all();
    arm_all(3, 1);
    ends[1].is_cut = true;
    CHECK(run_for(3, 1000 * MS) == AMP_PUMP_PORT_LOST);
    CHECK(pumps[1]->descriptor < 0 && pumps[0]->descriptor >= 0 && pumps[2]->descriptor >= 0);
    CHECK(gauge(1, AMP_GAUGE_REFUSED_ARMING) == 1); /* the trip that takes the system to SAFE */
    const uint64_t lost = amp_channel_count(&pumps[1]->channel);
    const uint64_t other = amp_channel_count(&pumps[0]->channel);
    CHECK(run_for(3, 50 * MS) == AMP_PUMP_TIME);
    CHECK(amp_channel_count(&pumps[1]->channel) == lost); /* it does not look fresh */
    CHECK(amp_channel_count(&pumps[0]->channel) >= other + 49);
    CHECK(ends[1].device.mode == AMP_DEVICE_SAFE);
    CHECK(ends[0].device.mode == AMP_DEVICE_ARMED); /* until the supervisor says SAFE */
    CHECK(gauge(0, AMP_GAUGE_READY) == 1 && gauge(1, AMP_GAUGE_READY) == 0);
    CHECK(counter(0, AMP_COUNT_LINK_LOSSES) == 0 && counter(1, AMP_COUNT_LINK_LOSSES) == 1);
    CHECK(counter(0, AMP_COUNT_SKIPPED) == 0 && counter(1, AMP_COUNT_SKIPPED) == 0);
}

static void test_a_port_that_is_back_wakes_the_run_and_resumes_nothing(void) {
    open_all();
    arm_all(3, 1);
    ends[0].is_cut = true;
    CHECK(run_for(3, 1000 * MS) == AMP_PUMP_PORT_LOST);
    pumps[0]->wake_descriptor = WAKE;
    CHECK(run_for(3, 40 * MS) == AMP_PUMP_TIME);
    ends[0].is_woken = true;
    const amp_ns before = machine.now_ns;
    CHECK(run_for(3, 1000 * MS) == AMP_PUMP_TIME);
    CHECK(machine.now_ns <= before + 2 * MS);
    ends[0].is_cut = ends[0].is_woken = false;
    boot(0, 99);
    amp_pump_open(pumps[0], FIRST, machine.now_ns);
    CHECK(run_for(3, 100 * MS) == AMP_PUMP_TIME);
    CHECK(pumps[0]->session.state == AMP_SESSION_UP);
    CHECK(counter(0, AMP_COUNT_REBOOTS) == 1);
    CHECK(ends[0].device.mode == AMP_DEVICE_READY);
    CHECK(ends[1].device.mode == AMP_DEVICE_ARMED && ends[2].device.mode == AMP_DEVICE_ARMED);
    CHECK(counter(1, AMP_COUNT_HANDSHAKES) == 1);
    amp_system_set_mode(&system_block, AMP_MODE_SAFE, 1);
    flags = AMP_FLAG_AT_SAFE;
    CHECK(run_for(3, 50 * MS) == AMP_PUMP_TIME);
    end_all(3);
}

static void test_a_silent_device_is_lost_alone(void) {
    open_all();
    arm_all(3, 1);
    ends[2].is_dumb = true;
    CHECK(run_for(3, 70 * MS) == AMP_PUMP_TIME);
    CHECK(gauge(2, AMP_GAUGE_TRIP_FAULT) == AMP_FAULT_LINK_LOST);
    CHECK(gauge(0, AMP_GAUGE_TRIP_FAULT) == 0 && gauge(1, AMP_GAUGE_TRIP_FAULT) == 0);
    CHECK(pumps[0]->session.state == AMP_SESSION_UP);
}

static void test_a_babbler_costs_the_others_no_period(void) {
    open_all();
    arm_all(4, 1);
    ends[0].babble = 4096;
    CHECK(run_for(4, 1000 * MS) == AMP_PUMP_TIME);
    CHECK(gauge(0, AMP_GAUGE_ISOLATED) != AMP_ISOLATED_NOT);
    for (uint32_t i = 1; i < 4; i++) {
        CHECK(gauge(i, AMP_GAUGE_ISOLATED) == AMP_ISOLATED_NOT);
        CHECK(counter(i, AMP_COUNT_SKIPPED) == 0);
        CHECK(counter(i, AMP_COUNT_SEQUENCE_GAPS) == 0);
        CHECK(ends[i].device.mode == AMP_DEVICE_ARMED);
    }
    ends[0].reads = 0;
    CHECK(run_for(4, 100 * MS) == AMP_PUMP_TIME);
    CHECK(ends[0].reads <= 101); /* one bounded read a send point */
}

static void test_each_keeps_its_own_grid(void) {
    open_all();
    pumps[1]->timing.period_ns = 5 * MS;
    pumps[1]->timing.send_offset_ns = 2 * MS;
    CHECK(amp_pump_init(pumps[1]) == 0);
    arm_all(3, 1);
    CHECK(run_for(3, 1000 * MS) == AMP_PUMP_TIME);
    end_all(3);
    CHECK(counter(0, AMP_COUNT_TICKS) >= 5 * counter(1, AMP_COUNT_TICKS) - 5);
    CHECK(counter(1, AMP_COUNT_TICKS) >= 200);
    CHECK(counter(1, AMP_COUNT_SKIPPED) == 0);
}

static void test_one_that_has_ended_is_left_alone_until_all_have(void) {
    open_all();
    CHECK(run_for(2, 60 * MS) == AMP_PUMP_TIME);
    amp_system_set_role(&system_block, 1, AMP_ROLE_RUNNING, 1, 1, AMP_WANTED_END);
    CHECK(run_for(2, 100 * MS) == AMP_PUMP_TIME);
    CHECK(pumps[0]->over && !pumps[1]->over);
    const uint64_t reads = ends[0].reads;
    const uint64_t stopped = gauge(0, AMP_GAUGE_T_STOP_NS);
    CHECK(run_for(2, 100 * MS) == AMP_PUMP_TIME);
    CHECK(ends[0].reads == reads && gauge(0, AMP_GAUGE_T_STOP_NS) == stopped);
    CHECK(pumps[1]->session.state == AMP_SESSION_UP);
    end_all(2);
}

int main(void) {
    RUN(test_sixteen_devices_each_get_and_give_their_own);
    RUN(test_many_on_one_grid_cost_one_wait_a_period_and_one_for_what_comes);
    RUN(test_a_lost_port_stops_nobody_else);
    RUN(test_a_port_that_is_back_wakes_the_run_and_resumes_nothing);
    RUN(test_a_silent_device_is_lost_alone);
    RUN(test_a_babbler_costs_the_others_no_period);
    RUN(test_each_keeps_its_own_grid);
    RUN(test_one_that_has_ended_is_left_alone_until_all_have);
    return CHECK_DONE();
}
