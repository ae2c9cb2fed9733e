// What a firmware has to tell, and samples that its types do not hold.

#include "device_rig.h"

static struct amp_wire_event told;
static unsigned events, lines;
static char line[AMP_LOG_TEXT_MAX + 1];

// Carries one round of frames to the host; keeps what the firmware said of its own.
static size_t listen(struct rig *rig) {
    uint8_t bytes[1024];
    const size_t size = amp_device_transmit(&rig->device, bytes, sizeof bytes);
    for (size_t used = 0; used < size;) {
        struct amp_session_event event;
        used += amp_session_receive(&rig->host, bytes + used, size - used, rig->now_us, &event);
        if (event.kind != AMP_ON_MESSAGE) {
            continue;
        }
        struct amp_wire_log log;
        if (event.frame.type == AMP_FRAME_LOG) {
            CHECK(amp_wire_log_decode(event.frame.payload, event.frame.length, &log));
            CHECK(log.clock_us <= rig->now_us);
            memset(line, 0, sizeof line);
            memcpy(line, event.frame.payload + AMP_LOG_SIZE,
                   (size_t)event.frame.length - AMP_LOG_SIZE);
            lines++;
        } else if (event.frame.type == AMP_FRAME_EVENT &&
                   amp_wire_event_decode(event.frame.payload, event.frame.length, &told)) {
            events++;
        } else if (event.frame.type == AMP_FRAME_STATE) {
            rig_take(rig, &event);
        }
    }
    return size;
}

static void begin(struct rig *rig) {
    rig_begin(rig);
    rig_join(rig);
    (void)listen(rig);
    events = lines = 0;
    memset(line, 0, sizeof line);
}

static void test_an_event_of_the_firmwares_own_arrives(void) {
    struct rig rig;
    begin(&rig);
    CHECK(amp_device_event(&rig.device, 200, 0xCAFEu));
    (void)listen(&rig);
    CHECK(events == 1 && told.code == 200 && told.argument == 0xCAFEu);
    CHECK(told.clock_us == RIG_BEGIN_US);
}

static void test_the_librarys_own_codes_are_not_the_firmwares(void) {
    struct rig rig;
    begin(&rig);
    for (unsigned code = 0; code < AMP_EVENT_USER; code++) {
        CHECK(!amp_device_event(&rig.device, (uint8_t)code, 0));
    }
    CHECK(listen(&rig) == 0 && rig.device.counters.said_lost == 0);
    CHECK(amp_device_event(&rig.device, AMP_EVENT_USER, 0));
}

static void test_a_line_arrives_and_is_cut_at_its_bound(void) {
    struct rig rig;
    begin(&rig);
    CHECK(amp_device_log(&rig.device, "homing: found the mark"));
    (void)listen(&rig);
    CHECK(lines == 1 && strcmp(line, "homing: found the mark") == 0);
    rig_tick(&rig, rig.now_us + AMP_DEVICE_SAY_US);
    CHECK(amp_device_log(&rig.device, "0123456789012345678901234567890123456789abcdefgh+"));
    (void)listen(&rig);
    CHECK(lines == 2);
    CHECK(strcmp(line, "0123456789012345678901234567890123456789abcdefgh") == 0);
}

static void test_what_comes_too_fast_is_counted_and_not_sent(void) {
    struct rig rig;
    begin(&rig);
    unsigned taken = 0;
    for (uint64_t n = 0; n < 10000; n++) {
        rig_tick(&rig, RIG_BEGIN_US + n * 100);
        taken += amp_device_log(&rig.device, "x");
        (void)listen(&rig);
    }
    CHECK(taken == 1000000 / AMP_DEVICE_SAY_US && lines == taken);
    CHECK(rig.device.counters.said_lost == 10000 - taken);
}

static void test_what_waits_for_the_line_is_not_overwritten(void) {
    struct rig rig;
    begin(&rig);
    CHECK(amp_device_log(&rig.device, "first"));
    rig_tick(&rig, rig.now_us + 10 * AMP_DEVICE_SAY_US);
    CHECK(!amp_device_log(&rig.device, "second") && !amp_device_event(&rig.device, 99, 0));
    (void)listen(&rig);
    CHECK(lines == 1 && strcmp(line, "first") == 0 && events == 0);
}

static void test_a_state_goes_before_a_line(void) {
    struct rig rig;
    begin(&rig);
    CHECK(amp_device_log(&rig.device, "later"));
    rig_tick(&rig, rig.now_us + 10 * RIG_PERIOD_US);
    uint8_t first[AMP_STATE_SIZE + 8 + AMP_FRAME_OVERHEAD];
    CHECK(amp_device_transmit(&rig.device, first, sizeof first) == sizeof first);
    struct amp_session_event event;
    CHECK(amp_session_receive(&rig.host, first, sizeof first, rig.now_us, &event) == sizeof first);
    CHECK(event.kind == AMP_ON_MESSAGE && event.frame.type == AMP_FRAME_STATE);
    (void)listen(&rig);
    CHECK(lines == 1);
}

static void test_a_line_waits_for_a_session(void) {
    struct rig rig;
    rig_begin(&rig);
    events = lines = 0;
    CHECK(amp_device_log(&rig.device, "at boot"));
    (void)listen(&rig);
    CHECK(lines == 0);
    rig_host(&rig, &rig.host, 8);
    uint8_t bytes[64];
    const size_t size = amp_session_pending(&rig.host, rig.now_us, bytes, sizeof bytes);
    amp_device_receive(&rig.device, bytes, size, rig.now_us);
    (void)listen(&rig);
    CHECK(rig.host.state == AMP_SESSION_UP && lines == 1 && strcmp(line, "at boot") == 0);
}

// Samples

static const struct amp_value SMALL[] = {
    {.type = AMP_VALUE_I16, .scale = 0.01f, .low = -300, .high = 300},
    {.type = AMP_VALUE_BOOL, .low = 0, .high = 1},
};

static void begin_small(struct rig *rig) {
    struct amp_device_config config = rig_config();
    config.sends = SMALL;
    rig_begin_as(rig, &config, RIG_BEGIN_US);
    rig_join(rig);
    (void)listen(rig);
    events = 0;
    rig->states = 0;
}

static void sample(struct rig *rig, float first, float second) {
    rig->sensed[0] = first;
    rig->sensed[1] = second;
    rig_tick(rig, rig->now_us + RIG_PERIOD_US);
    (void)listen(rig);
}

static void test_small_types_bring_states_as_they_were_sampled(void) {
    struct rig rig;
    begin_small(&rig);
    sample(&rig, -123.45f, 1);
    CHECK(rig.states == 1 && fabsf(rig.values[0] + 123.45f) <= 0.0051f);
    CHECK(rig.values[1] > 0.5f && rig.device.counters.bad_samples == 0);
}

static void test_a_sample_that_does_not_fit_is_sent_as_no_value_and_told_once(void) {
    struct rig rig;
    begin_small(&rig);
    for (unsigned n = 0; n < 3; n++) {
        sample(&rig, n == 1 ? NAN : 1000.0f, 0);
        CHECK(rig.states == n + 1 && isnan(rig.values[0]));
    }
    (void)listen(&rig);
    CHECK(events == 1 && told.code == AMP_EVENT_BAD_SAMPLE && told.argument == 0);
    CHECK(rig.device.counters.bad_samples == 3);
    sample(&rig, 1.0f, 0);
    sample(&rig, 1000.0f, 0);
    (void)listen(&rig);
    CHECK(events == 2); // after a good one it is news again
}

static void test_a_state_with_a_bool_that_is_none_is_not_sent(void) {
    struct rig rig;
    begin_small(&rig);
    sample(&rig, 0, 2.0f);
    (void)listen(&rig);
    CHECK(rig.states == 0 && rig.device.counters.states_unsent == 1);
    CHECK(events == 1 && told.code == AMP_EVENT_BAD_SAMPLE && told.argument == 1);
    sample(&rig, 0, 1.0f);
    CHECK(rig.states == 1);
}

// Actuations of small types

static void test_an_actuation_that_is_no_value_or_out_of_range_is_refused_whole(void) {
    static const struct amp_value ACCEPTS[] = {
        {.type = AMP_VALUE_I8, .scale = 0.1f, .low = -12, .high = 12},
        {.type = AMP_VALUE_U8, .scale = 1, .low = 10, .high = 20, .safe = 10},
    };
    struct amp_device_config config = rig_config();
    config.accepts = ACCEPTS;
    config.accepts_count = 2;
    struct rig rig;
    rig_begin_as(&rig, &config, RIG_BEGIN_US);
    rig_join(&rig);
    rig_arm(&rig);
    rig_actuate(&rig, 12.0f, 20, 0);
    CHECK(rig.device.counters.applied == 1);
    CHECK(fabsf(amp_device_output(&rig.device, 0) - 12.0f) < 1e-5f);
    static const float BAD[][2] = {{12.2f, 15}, {-12.2f, 15}, {NAN, 15}, {0, 9}, {0, 21}, {0, 300}};
    for (size_t n = 0; n < COUNT(BAD); n++) {
        rig_actuate(&rig, BAD[n][0], BAD[n][1], 0);
        CHECK(rig.device.counters.refused_values == n + 1);
    }
    CHECK(rig.device.counters.applied == 1);
    CHECK(fabsf(amp_device_output(&rig.device, 1) - 20.0f) < 1e-5f);
}

int main(void) {
    RUN(test_an_event_of_the_firmwares_own_arrives);
    RUN(test_the_librarys_own_codes_are_not_the_firmwares);
    RUN(test_a_line_arrives_and_is_cut_at_its_bound);
    RUN(test_what_comes_too_fast_is_counted_and_not_sent);
    RUN(test_what_waits_for_the_line_is_not_overwritten);
    RUN(test_a_state_goes_before_a_line);
    RUN(test_a_line_waits_for_a_session);
    RUN(test_small_types_bring_states_as_they_were_sampled);
    RUN(test_a_sample_that_does_not_fit_is_sent_as_no_value_and_told_once);
    RUN(test_a_state_with_a_bool_that_is_none_is_not_sent);
    RUN(test_an_actuation_that_is_no_value_or_out_of_range_is_refused_whole);
    return CHECK_DONE();
}
