/* rig.h: a control role's loop in real segments, as a supervisor would lay them out.
 *
 * Three segments: the supervisor's with its system block, one of whoever publishes the inputs, and
 * the control role's own. Each process maps all of them and writes to its own alone.
 */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include <math.h>
#include <unistd.h>

#include "amp/loop.h"
#include "amp/program.h"
#include "machine.h"

#define NS_PER_S 1000000000LL
#define HOUR_NS (3600 * NS_PER_S)
#define CONTROL_ROLE 2
#define SIGNALS_MAX 62
#define DEPTH 64

enum { SUPERVISOR, IO, CONTROL, SEGMENTS };

struct rig {
    uint32_t page, inputs, outputs;
    size_t size;
    int files[SEGMENTS];
    void *bases[SEGMENTS];
    struct amp_channel channels[SEGMENTS]; /* the supervisor has none */
};

static inline uint32_t rig_words(const struct rig *rig, int segment) {
    return segment == IO ? rig->inputs : 2 + rig->outputs;
}

/* Map what this process may see; |own| is the segment that it writes, or -1. */
static inline void rig_map(struct rig *rig, int own) {
    const size_t before = rig->page + AMP_OWNER_SIZE + rig->page;
    for (int i = 0; i < SEGMENTS; i++) {
        need(amp_platform_map(rig->files[i], rig->size, i == own, &rig->bases[i]), "no mapping");
        if (i != SUPERVISOR) {
            need(amp_channel_bind(&rig->channels[i], (char *)rig->bases[i] + before,
                                  rig->size - before, rig_words(rig, i), DEPTH),
                 "no channel");
        }
    }
}

static inline void rig_create(struct rig *rig, uint32_t inputs, uint32_t outputs) {
    static const char directory[] = "bench 1\n";
    rig->page = (uint32_t)sysconf(_SC_PAGESIZE);
    rig->inputs = inputs;
    rig->outputs = outputs;
    const size_t channel = amp_channel_size(2 + SIGNALS_MAX, DEPTH);
    const size_t bytes = rig->page + AMP_OWNER_SIZE + rig->page + channel;
    rig->size = (bytes + rig->page - 1) / rig->page * rig->page;
    for (int i = 0; i < SEGMENTS; i++) {
        const struct amp_segment_identity identity = {
            .size = rig->size, .nonce = 1, .role = (uint32_t)i, .page_size = rig->page};
        void *base;
        rig->files[i] = amp_platform_memfd("bench", rig->size);
        need(rig->files[i], "no segment");
        need(amp_platform_map(rig->files[i], rig->size, true, &base), "no mapping");
        need(amp_segment_format(base, &identity, directory, sizeof directory - 1, 1), "no format");
        amp_platform_unmap(base, rig->size);
    }
}

static inline struct amp_system *rig_system(const struct rig *rig) {
    return amp_segment_system(rig->bases[SUPERVISOR], rig->page);
}

static inline struct amp_owner *rig_owner(const struct rig *rig, int segment) {
    return amp_segment_owner(rig->bases[segment], rig->page);
}

/* New values of every input, as a sensor would give them: slowly moving, never out of range. */
static inline void rig_publish_inputs(struct rig *rig, uint64_t count, amp_ns now) {
    uint64_t words[SIGNALS_MAX];
    for (uint32_t i = 0; i < rig->inputs; i++) {
        const double value = (double)((count + 13 * i) % 100) * 0.01;
        memcpy(&words[i], &value, sizeof value);
    }
    amp_channel_publish(&rig->channels[IO], now, 0, words);
}

static inline struct amp_instruction rig_add(struct amp_program *program, enum amp_op op,
                                             uint32_t sources, uint32_t parameters,
                                             uint32_t states) {
    const struct amp_instruction line = {
        .op = op,
        .target = program->input_count + program->instruction_count,
        .source = program->source_count,
        .source_count = sources,
        .parameter = program->parameter_count,
        .state = program->state_count,
    };
    program->instructions[program->instruction_count++] = line;
    program->source_count += sources;
    program->parameter_count += parameters;
    program->state_count += states;
    return line;
}

/* The law of 20 blocks: five axes of reference - measured, low-pass, PID and limit. Outputs are the
 * five limits and the five filtered errors. */
static inline void rig_law_of_axes(struct amp_program *program) {
    static const double tuning[] = {2.0, 1.0, 0.01, 0.005, -8.0, 8.0};
    program->input_count = 10;
    program->output_count = 10;
    for (uint32_t axis = 0; axis < 5; axis++) {
        const struct amp_instruction error = rig_add(program, AMP_OP_SUBTRACT, 2, 0, 0);
        program->sources[error.source] = 2 * axis;
        program->sources[error.source + 1] = 2 * axis + 1;
        const struct amp_instruction smooth = rig_add(program, AMP_OP_LOWPASS, 1, 1, 2);
        program->sources[smooth.source] = error.target;
        program->parameters[smooth.parameter] = 0.002;
        const struct amp_instruction pid = rig_add(program, AMP_OP_PID, 1, 6, 4);
        program->sources[pid.source] = smooth.target;
        memcpy(&program->parameters[pid.parameter], tuning, sizeof tuning);
        const struct amp_instruction limit = rig_add(program, AMP_OP_LIMIT, 1, 2, 0);
        program->sources[limit.source] = pid.target;
        program->parameters[limit.parameter] = -5.0;
        program->parameters[limit.parameter + 1] = 5.0;
        program->outputs[axis] = limit.target;
        program->outputs[5 + axis] = smooth.target;
    }
}

/* As many gains as there are inputs and outputs: the cost of a signal. */
static inline void rig_law_of_gains(struct amp_program *program, uint32_t signals) {
    program->input_count = signals;
    program->output_count = signals;
    for (uint32_t i = 0; i < signals; i++) {
        const struct amp_instruction gain = rig_add(program, AMP_OP_GAIN, 1, 1, 0);
        program->sources[gain.source] = i;
        program->parameters[gain.parameter] = 1.5;
        program->outputs[i] = gain.target;
    }
}

/* A loop as amphost's control role fills one. Nothing here trips: it is for measuring. */
static inline void rig_open_loop(struct rig *rig, struct amp_loop *loop,
                                 struct amp_program *program, amp_ns period, amp_ns phase) {
    const struct amp_platform *const platform = amp_platform_linux();
    const amp_ns second = platform->now(platform->context) / NS_PER_S * NS_PER_S;
    loop->platform = platform;
    loop->system = rig_system(rig);
    loop->supervisor = rig_owner(rig, SUPERVISOR);
    loop->owner = rig_owner(rig, CONTROL);
    amp_channel_attach(&rig->channels[CONTROL], 1);
    loop->channel = rig->channels[CONTROL];
    loop->role = CONTROL_ROLE;
    loop->tick_word = 0;
    loop->sensed_word = 1;
    loop->timing = (struct amp_loop_timing){.period_ns = period,
                                            .origin_ns = second + phase,
                                            .budget_ns = HOUR_NS,
                                            .deadline_ns = period,
                                            .blackout_ns = HOUR_NS,
                                            .supervisor_ns = HOUR_NS};
    loop->source_count = 1;
    loop->sources[0].channel = rig->channels[IO];
    loop->input_count = rig->inputs;
    loop->output_count = rig->outputs;
    for (uint32_t i = 0; i < rig->inputs; i++) {
        loop->inputs[i] = (struct amp_loop_input){.word = i,
                                                  .type = AMP_TYPE_F64,
                                                  .stale = AMP_STALE_HOLD,
                                                  .low = -100,
                                                  .high = 100,
                                                  .max_age_ns = HOUR_NS};
    }
    for (uint32_t i = 0; i < rig->outputs; i++) {
        loop->outputs[i] = (struct amp_loop_output){
            .word = 2 + i, .low = -12, .high = 12, .slew_per_s = 1e6, .ramp_per_s = 1e6};
    }
    need(amp_program_check(program, NULL), "the law is refused");
    amp_program_bind(program, &loop->law);
    need(amp_loop_init(loop), "the loop is refused");
}

#endif
