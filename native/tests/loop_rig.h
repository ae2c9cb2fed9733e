/* loop_rig.h: a control role in virtual time: its loop, a supervisor that beats, a producer of one
 * source, and a law that does what the test says.
 *
 * One step is one period: the producer publishes, the supervisor beats, then the loop ticks at its
 * release. Two inputs read the source's words 0 and 1, two outputs are words 2 and 3 of the loop's
 * channel; word 0 carries the tick, word 1 the sampling time.
 */
#ifndef AMP_TESTS_LOOP_RIG_H
#define AMP_TESTS_LOOP_RIG_H

#include <math.h>
#include <stdalign.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/loop.h"
#include "check.h"
#include "virtual_platform.h"

#define MS ((amp_ns)1000000)
#define RIG_PERIOD MS
#define RIG_ORIGIN ((amp_ns)1000000000)
#define RIG_ROLE 3
#define RIG_DEPTH 8
#define RIG_WORDS 4
#define RIG_SOURCE_WORDS 2

struct rig {
    struct virtual_platform machine;
    struct amp_system system;
    struct amp_owner supervisor;
    struct amp_owner owner;
    alignas(AMP_CACHE_LINE) unsigned char source_bytes[4096];
    alignas(AMP_CACHE_LINE) unsigned char own_bytes[4096];
    struct amp_channel source;
    struct amp_loop loop;
    amp_ns release;

    /* what the world does */
    bool supervisor_beats;
    bool producer_publishes;
    amp_ns producer_age_ns;
    uint64_t in[RIG_SOURCE_WORDS];

    /* what the law does and saw */
    double out[2];
    amp_ns costs_ns;
    uint64_t resets;
    uint64_t steps;
    double seen[2];
    double seen_dt_s;
};

static struct rig rig;

/// What the loop published last.
static union {
    struct amp_sample sample;
    uint64_t words[3 + RIG_WORDS];
} rig_last;

static inline uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double value_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline void rig_law_reset(void *state) {
    ((struct rig *)state)->resets++;
}

static inline void rig_law_step(void *state, const double *inputs, double *outputs, double dt_s) {
    struct rig *const at = state;
    at->steps++;
    at->seen[0] = inputs[0];
    at->seen[1] = inputs[1];
    at->seen_dt_s = dt_s;
    outputs[0] = at->out[0];
    outputs[1] = at->out[1];
    at->machine.now_ns += at->costs_ns;
}

static inline struct amp_loop_input rig_input(uint32_t word) {
    return (struct amp_loop_input){
        .word = word,
        .type = AMP_TYPE_F64,
        .stale = AMP_STALE_HOLD,
        .low = -100,
        .high = 100,
        .max_age_ns = 5 * MS,
        .trip_after_ns = 20 * MS,
    };
}

static inline struct amp_loop_output rig_output(uint32_t word) {
    return (struct amp_loop_output){.word = word, .low = -12, .high = 12};
}

/// Everything as a plan would give it, before amp_loop_init(): what a test may still change.
static inline void rig_prepare(void) {
    memset(&rig, 0, sizeof rig);
    virtual_open(&rig.machine, RIG_ORIGIN);
    CHECK(amp_channel_bind(&rig.source, rig.source_bytes, sizeof rig.source_bytes, RIG_SOURCE_WORDS,
                           RIG_DEPTH) == 0);
    amp_channel_attach(&rig.source, 1);
    rig.supervisor_beats = true;
    rig.producer_publishes = true;
    struct amp_loop *const loop = &rig.loop;
    loop->platform = &rig.machine.platform;
    loop->system = &rig.system;
    loop->supervisor = &rig.supervisor;
    loop->owner = &rig.owner;
    CHECK(amp_channel_bind(&loop->channel, rig.own_bytes, sizeof rig.own_bytes, RIG_WORDS,
                           RIG_DEPTH) == 0);
    amp_channel_attach(&loop->channel, 1);
    loop->law = (struct amp_law){.state = &rig, .reset = rig_law_reset, .step = rig_law_step};
    loop->timing = (struct amp_loop_timing){
        .period_ns = RIG_PERIOD,
        .origin_ns = RIG_ORIGIN,
        .budget_ns = RIG_PERIOD / 2,
        .deadline_ns = RIG_PERIOD,
        .blackout_ns = 20 * MS,
        .supervisor_ns = 100 * MS,
        .overruns_in_row = 3,
        .overruns_per_s = 10,
    };
    loop->role = RIG_ROLE;
    loop->tick_word = 0;
    loop->sensed_word = 1;
    loop->source_count = 1;
    loop->input_count = 2;
    loop->output_count = 2;
    loop->sources[0].channel = rig.source;
    for (uint32_t i = 0; i < 2; i++) {
        loop->inputs[i] = rig_input(i);
        loop->outputs[i] = rig_output(2 + i);
    }
    rig.release = RIG_ORIGIN;
}

static inline void rig_open(void) {
    rig_prepare();
    CHECK(amp_loop_init(&rig.loop) == 0);
}

static inline void rig_world(void) {
    if (rig.supervisor_beats) {
        amp_owner_beat(&rig.supervisor, AMP_AT_WAIT, rig.machine.now_ns);
    }
    if (rig.producer_publishes) {
        amp_channel_publish(&rig.source, rig.machine.now_ns - rig.producer_age_ns, 0, rig.in);
    }
}

/// One period, released on the grid, with the wake-up |late| after its release.
static inline void rig_step_late(amp_ns late) {
    do {
        rig.release += rig.loop.timing.period_ns;
    } while (rig.release < rig.machine.now_ns);
    rig.machine.now_ns = rig.release;
    rig_world();
    rig.machine.now_ns += late;
    amp_loop_tick(&rig.loop, rig.release, rig.machine.now_ns);
    CHECK(amp_channel_latest(&rig.loop.channel, &rig_last.sample, NULL) == AMP_READ_VALUE);
}

static inline void rig_step(void) {
    rig_step_late(0);
}

static inline void rig_steps(uint64_t times) {
    for (uint64_t i = 0; i < times; i++) {
        rig_step();
    }
}

static inline void rig_arm(uint64_t act) {
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, act);
}

static inline double rig_out(uint32_t index) {
    return value_of(rig_last.sample.words[2 + index]);
}

static inline bool rig_flag(uint32_t flag) {
    return (rig_last.sample.mark >> 32 & flag) != 0;
}

static inline uint64_t rig_gauge(enum amp_gauge gauge) {
    return amp_owner_gauge(&rig.owner, gauge);
}

static inline uint64_t rig_count(enum amp_counter counter) {
    return amp_owner_counter(&rig.owner, counter);
}

static inline struct amp_fault_view rig_faults(void) {
    struct amp_fault_view view;
    amp_owner_faults(&rig.owner, &view);
    return view;
}

/// True when doubles are the same to the last digit that arithmetic keeps.
static inline bool rig_near(double a, double b) {
    return fabs(a - b) <= 1e-9 * (1 + fabs(a) + fabs(b));
}

/// Armed by act |act|, giving 5 and -5, everything well.
static inline void rig_run_armed(uint64_t act) {
    rig.out[0] = 5;
    rig.out[1] = -5;
    rig_arm(act);
    rig_steps(3);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == act);
    CHECK(rig_flag(AMP_FLAG_ARMED));
    CHECK(rig_near(rig_out(0), 5) && rig_near(rig_out(1), -5));
}

/// Latched safe: disarmed, every output at its safe value (no ramp), the act spent, |fault| first.
static inline void rig_check_tripped(uint64_t act, enum amp_fault fault, int64_t argument) {
    const struct amp_fault_view view = rig_faults();
    CHECK(view.first == (uint32_t)fault);
    CHECK(view.argument == argument);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == act);
    CHECK(rig_gauge(AMP_GAUGE_AT_SAFE) == 1);
    CHECK(rig_count(AMP_COUNT_TRIPS) == 1);
    CHECK(!rig_flag(AMP_FLAG_ARMED) && rig_flag(AMP_FLAG_AT_SAFE));
    CHECK(rig_near(rig_out(0), rig.loop.outputs[0].safe));
    CHECK(rig_near(rig_out(1), rig.loop.outputs[1].safe));
}

/// Still armed, nothing tripped.
static inline void rig_check_armed(uint64_t act) {
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == act);
    CHECK(rig_count(AMP_COUNT_TRIPS) == 0);
    CHECK(rig_flag(AMP_FLAG_ARMED));
}

#endif
