#include "amp/loop.h"

#include <math.h>
#include <string.h>

#define AMP_NS_PER_S 1000000000LL
#define AMP_SUSPEND_NS 1000000LL /* a jump of BOOTTIME against MONOTONIC that means suspend */

size_t amp_loop_size(void) {
    return sizeof(struct amp_loop);
}

static bool in_range(double value, double low, double high) {
    return isfinite(value) && value >= low && value <= high;
}

static int check_input(const struct amp_loop *loop, const struct amp_loop_input *input) {
    if (input->source >= loop->source_count ||
        input->word >= loop->sources[input->source].channel.words || (int)input->type < 0 ||
        input->type > AMP_TYPE_BOOL || (int)input->stale < 0 || input->stale > AMP_STALE_TRIP ||
        !(input->low <= input->high) || input->max_age_ns < 0 || input->trip_after_ns < 0 ||
        !isfinite(input->stale_value) || !(input->stale_ramp_per_s >= 0)) {
        return -AMP_EARG;
    }
    const bool stands_in = input->stale == AMP_STALE_VALUE || input->stale == AMP_STALE_RAMP;
    if (stands_in && !in_range(input->stale_value, input->low, input->high)) {
        return -AMP_EARG;
    }
    return AMP_OK;
}

static int check_output(const struct amp_loop *loop, const struct amp_loop_output *output) {
    if (output->word >= loop->channel.words || !(output->low <= output->high) ||
        !in_range(output->safe, output->low, output->high) || !(output->slew_per_s >= 0) ||
        !(output->ramp_per_s >= 0)) {
        return -AMP_EARG;
    }
    return AMP_OK;
}

static int check_shape(const struct amp_loop *loop) {
    const struct amp_loop_timing *const timing = &loop->timing;
    if (loop->source_count > AMP_LOOP_SOURCES_MAX || loop->input_count > AMP_LOOP_INPUTS_MAX ||
        loop->output_count > AMP_LOOP_OUTPUTS_MAX || loop->channel.words > AMP_LOOP_WORDS_MAX ||
        loop->tick_word >= loop->channel.words || loop->sensed_word >= loop->channel.words ||
        timing->period_ns <= 0 || timing->budget_ns <= 0 || timing->deadline_ns <= 0 ||
        timing->blackout_ns <= 0 || timing->supervisor_ns <= 0 ||
        timing->overruns_per_s > AMP_LOOP_OVERRUNS_MAX || loop->role >= AMP_ROLES_MAX) {
        return -AMP_EARG;
    }
    for (uint32_t i = 0; i < loop->source_count; i++) {
        if (loop->sources[i].channel.words > AMP_LOOP_WORDS_MAX) {
            return -AMP_EARG;
        }
    }
    return AMP_OK;
}

/* Publish the safe values when the program is found to be wrong; then the process aborts. */
static void last_words(void *context, int line) {
    struct amp_loop *const loop = context;
    const amp_ns now = loop->platform->now(loop->platform->context);
    amp_owner_fault(loop->owner, AMP_FAULT_ASSERT, line, now);
    for (uint32_t i = 0; i < loop->output_count; i++) {
        memcpy(&loop->words[loop->outputs[i].word], &loop->outputs[i].safe, sizeof(uint64_t));
    }
    amp_channel_publish(&loop->channel, now, AMP_FLAG_AT_SAFE, loop->words);
}

static amp_ns suspended(const struct amp_platform *platform) {
    return platform->boottime(platform->context) - platform->now(platform->context);
}

int amp_loop_init(struct amp_loop *loop) {
    loop->pace.period_ns = loop->timing.period_ns;
    loop->follow.period_ns = loop->timing.period_ns;
    loop->follow.trim_ns = 0;
    if (check_shape(loop) != AMP_OK || amp_pace_init(&loop->pace) != AMP_OK) {
        return -AMP_EARG;
    }
    for (uint32_t i = 0; i < loop->input_count; i++) {
        if (check_input(loop, &loop->inputs[i]) != AMP_OK) {
            return -AMP_EARG;
        }
        loop->inputs[i].known = false;
        loop->inputs[i].is_stale = loop->inputs[i].max_age_ns > 0;
        loop->inputs[i].invalid = 0;
        loop->inputs[i].held = loop->inputs[i].stale_value;
        loop->inputs[i].held_ns = 0;
    }
    for (uint32_t i = 0; i < loop->output_count; i++) {
        if (check_output(loop, &loop->outputs[i]) != AMP_OK) {
            return -AMP_EARG;
        }
        loop->outputs[i].value = loop->outputs[i].safe;
    }
    for (uint32_t i = 0; i < loop->source_count; i++) {
        loop->sources[i].known = false;
    }
    loop->arming = 0;
    loop->tick = 0;
    loop->last_release = 0;
    loop->last_wake = 0;
    loop->sensed_ns = 0;
    loop->supervisor_beat = amp_owner_heartbeat(loop->supervisor, NULL, NULL);
    loop->supervisor_seen_ns = loop->platform->now(loop->platform->context);
    loop->supervisor_looked_ns = loop->supervisor_seen_ns;
    loop->supervisor_lost = false;
    loop->suspended_ns = suspended(loop->platform);
    loop->overruns_in_row = 0;
    loop->overrun_index = 0;
    memset(loop->overrun_times, 0, sizeof loop->overrun_times);
    memset(loop->words, 0, sizeof loop->words);
    /* An act of arming that was up before this process began was not made for it. */
    (void)amp_system_mode(loop->system, &loop->refused_arming);
    amp_owner_set(loop->owner, AMP_GAUGE_ARMED, 0);
    amp_owner_set(loop->owner, AMP_GAUGE_READY, 0);
    amp_owner_set(loop->owner, AMP_GAUGE_AT_SAFE, 1);
    amp_owner_prefault(loop->owner);
    amp_assert_set_last_words(last_words, loop);
    return AMP_OK;
}

static void trip(struct amp_loop *loop, enum amp_fault fault, int64_t argument, amp_ns now) {
    if (loop->arming == 0) {
        return;
    }
    amp_owner_fault(loop->owner, fault, argument, now);
    amp_owner_add(loop->owner, AMP_COUNT_TRIPS, 1);
    loop->refused_arming = loop->arming;
    loop->arming = 0;
    amp_owner_set(loop->owner, AMP_GAUGE_TRIP_FAULT, (uint64_t)fault);
    amp_owner_set(loop->owner, AMP_GAUGE_TRIP_ARGUMENT, (uint64_t)argument);
    amp_owner_set(loop->owner, AMP_GAUGE_REFUSED_ARMING, loop->refused_arming);
}

static void read_sources(struct amp_loop *loop) {
    for (uint32_t i = 0; i < loop->source_count; i++) {
        struct amp_loop_source *const source = &loop->sources[i];
        uint64_t record[AMP_LOOP_RECORD_WORDS];
        struct amp_sample *const sample = (void *)record;
        uint64_t torn = 0;
        source->fresh = false;
        const enum amp_read got = amp_channel_latest(&source->channel, sample, &torn);
        if (got == AMP_READ_VALUE) {
            source->fresh = !source->known || sample->count != source->record[0];
            source->known = true;
            memcpy(source->record, record, (3 + source->channel.words) * sizeof(uint64_t));
        } else if (got == AMP_READ_NO_NEW) {
            amp_owner_add(loop->owner, AMP_COUNT_NO_NEW, 1);
        }
        if (torn > 0) {
            amp_owner_add(loop->owner, AMP_COUNT_TORN, torn);
        }
    }
}

static double value_of(uint64_t word, enum amp_type type) {
    double real;
    int64_t whole;
    switch (type) {
    case AMP_TYPE_F64:
        memcpy(&real, &word, sizeof real);
        return real;
    case AMP_TYPE_I64:
        memcpy(&whole, &word, sizeof whole);
        return (double)whole;
    case AMP_TYPE_U64:
        return (double)word;
    case AMP_TYPE_BOOL:
    default:
        return word != 0 ? 1.0 : 0.0;
    }
}

/* Take over a new sample, or refuse it and hold the last good one. Its time is another process's
 * word: before any clock began it is too old, from the future it is as of now. */
static void take_sample(struct amp_loop *loop, uint32_t index, amp_ns now) {
    struct amp_loop_input *const input = &loop->inputs[index];
    const struct amp_loop_source *const source = &loop->sources[input->source];
    const amp_ns t_ns = (amp_ns)source->record[1];
    if (input->max_age_ns > 0 && (t_ns < 0 || now - t_ns > input->max_age_ns)) {
        return;
    }
    const double value = value_of(source->record[3 + input->word], input->type);
    if (in_range(value, input->low, input->high)) {
        input->held = value;
        input->held_ns = t_ns > now + loop->timing.period_ns ? now : t_ns;
        input->known = true;
        input->invalid = 0;
        return;
    }
    amp_owner_add(loop->owner, AMP_COUNT_HELD, 1);
    input->invalid++;
    if (input->invalid >= AMP_LOOP_INVALID_MAX) {
        trip(loop, AMP_FAULT_INPUT_INVALID, index, now);
    }
}

static double towards(double from, double to, double step) {
    if (from < to) {
        return from + step < to ? from + step : to;
    }
    return from - step > to ? from - step : to;
}

/* The freshness contract of one input, in the period in which its age ends. */
static void judge_age(struct amp_loop *loop, uint32_t index, amp_ns now, double dt_s) {
    struct amp_loop_input *const input = &loop->inputs[index];
    const amp_ns over_ns = now - input->held_ns - input->max_age_ns;
    input->is_stale = !input->known || over_ns > 0;
    if (!input->is_stale) {
        return;
    }
    if (input->stale == AMP_STALE_TRIP ||
        (input->stale != AMP_STALE_VALUE && input->trip_after_ns > 0 &&
         over_ns > input->trip_after_ns)) {
        trip(loop, AMP_FAULT_INPUT_STALE, index, now);
    }
    if (input->stale == AMP_STALE_VALUE) {
        input->held = input->stale_value;
    } else if (input->stale == AMP_STALE_RAMP) {
        input->held = towards(input->held, input->stale_value, input->stale_ramp_per_s * dt_s);
    }
}

/* Fill the law's inputs. Returns true when every one is known, valid and within its age, or has a
 * declared value that stands in. */
static bool read_inputs(struct amp_loop *loop, amp_ns now, double dt_s) {
    bool ready = true;
    amp_ns oldest_ns = INT64_MAX;
    loop->any_stale = false;
    for (uint32_t i = 0; i < loop->input_count; i++) {
        struct amp_loop_input *const input = &loop->inputs[i];
        if (loop->sources[input->source].fresh) {
            take_sample(loop, i, now);
        }
        if (input->max_age_ns > 0) {
            judge_age(loop, i, now, dt_s);
            oldest_ns = input->held_ns < oldest_ns ? input->held_ns : oldest_ns;
        }
        loop->law_inputs[i] = input->held;
        loop->any_stale = loop->any_stale || input->is_stale;
        const bool stands_in = input->is_stale && input->stale == AMP_STALE_VALUE;
        ready = ready && (stands_in || (input->known && input->invalid == 0 && !input->is_stale));
    }
    if (loop->any_stale) {
        amp_owner_add(loop->owner, AMP_COUNT_STALE, 1);
    }
    loop->sensed_ns = oldest_ns < INT64_MAX ? oldest_ns : 0;
    return ready;
}

static void watch_supervisor(struct amp_loop *loop, amp_ns now) {
    const uint64_t beat = amp_owner_heartbeat(loop->supervisor, NULL, NULL);
    const amp_ns gap = now - loop->supervisor_looked_ns;
    loop->supervisor_looked_ns = now;
    /* Who was away for half of the bound itself must not accuse: the wait starts over. */
    if (beat != loop->supervisor_beat ||
        gap > loop->timing.period_ns + loop->timing.supervisor_ns / 2) {
        loop->supervisor_beat = beat;
        loop->supervisor_seen_ns = now;
    }
    const amp_ns age = now - loop->supervisor_seen_ns;
    if (age > loop->timing.supervisor_ns && !loop->supervisor_lost) {
        loop->supervisor_lost = true;
        trip(loop, AMP_FAULT_SUPERVISOR_LOST, age, now);
    }
}

/* A core that was away, and a machine that slept. The two clocks are read one after the other: a
 * stall between them makes BOOTTIME look small once, so the largest lead seen is what counts. */
static void judge_machine(struct amp_loop *loop, amp_ns wake) {
    const amp_ns late = wake - loop->last_release - loop->timing.period_ns;
    if (loop->last_release != 0 && late > loop->timing.blackout_ns) {
        trip(loop, AMP_FAULT_BLACKOUT, late, wake);
    }
    const amp_ns suspended_ns = suspended(loop->platform);
    if (suspended_ns - loop->suspended_ns > AMP_SUSPEND_NS) {
        trip(loop, AMP_FAULT_SUSPEND, suspended_ns - loop->suspended_ns, wake);
    }
    if (suspended_ns > loop->suspended_ns) {
        loop->suspended_ns = suspended_ns;
    }
}

/* Take up or lay down an act of arming, as the supervisor's mode and e-stop word say. */
static void follow_mode(struct amp_loop *loop, bool ready, amp_ns now) {
    uint64_t arming = 0;
    const enum amp_mode mode = amp_system_mode(loop->system, &arming);
    const bool tripped = amp_system_tripped(loop->system, arming, NULL, NULL);
    const bool wanted = mode == AMP_MODE_ARMED && !tripped && !loop->supervisor_lost &&
                        amp_system_wanted(loop->system, loop->role) == AMP_WANTED_RUN;
    if (!wanted) {
        if (loop->arming != 0) {
            loop->refused_arming = loop->arming;
            loop->arming = 0;
        }
    } else if (loop->arming != arming && arming > loop->refused_arming) {
        loop->arming = arming;
        loop->law.reset(loop->law.state);
        if (!ready) {
            trip(loop, AMP_FAULT_INPUT_STALE, -1, now);
        } else if (amp_owner_gauge(loop->owner, AMP_GAUGE_FIRST_ARMED_NS) == 0) {
            amp_owner_set(loop->owner, AMP_GAUGE_FIRST_ARMED_NS, (uint64_t)now);
        }
    }
}

static bool at_safe(const struct amp_loop *loop) {
    bool all = true;
    for (uint32_t i = 0; i < loop->output_count; i++) {
        const double off = loop->outputs[i].value - loop->outputs[i].safe;
        all = all && !(off < 0.0) && !(off > 0.0);
    }
    return all;
}

static void run_to_safe(struct amp_loop *loop, double dt_s) {
    for (uint32_t i = 0; i < loop->output_count; i++) {
        struct amp_loop_output *const output = &loop->outputs[i];
        output->value = output->ramp_per_s > 0.0
                            ? towards(output->value, output->safe, output->ramp_per_s * dt_s)
                            : output->safe;
    }
}

/* Compute and guard. An output outside its limits never leaves: the outputs stay, the role trips. */
static void run_law(struct amp_loop *loop, amp_ns now, double dt_s) {
    loop->law.step(loop->law.state, loop->law_inputs, loop->law_outputs, dt_s);
    for (uint32_t i = 0; i < loop->output_count; i++) {
        const struct amp_loop_output *const output = &loop->outputs[i];
        if (!in_range(loop->law_outputs[i], output->low, output->high)) {
            trip(loop, AMP_FAULT_OUTPUT_INVALID, i, now);
            run_to_safe(loop, dt_s);
            return;
        }
    }
    for (uint32_t i = 0; i < loop->output_count; i++) {
        struct amp_loop_output *const output = &loop->outputs[i];
        output->value = output->slew_per_s > 0.0 ? towards(output->value, loop->law_outputs[i],
                                                           output->slew_per_s * dt_s)
                                                 : loop->law_outputs[i];
    }
}

static void publish(struct amp_loop *loop, amp_ns now) {
    for (uint32_t i = 0; i < loop->output_count; i++) {
        memcpy(&loop->words[loop->outputs[i].word], &loop->outputs[i].value, sizeof(uint64_t));
    }
    loop->words[loop->tick_word] = loop->tick;
    memcpy(&loop->words[loop->sensed_word], &loop->sensed_ns, sizeof(uint64_t));
    const bool safe = at_safe(loop);
    const uint32_t flags = (loop->arming != 0 ? AMP_FLAG_ARMED : 0u) |
                           (safe ? AMP_FLAG_AT_SAFE : 0u) | (loop->any_stale ? AMP_FLAG_STALE : 0u);
    amp_channel_publish(&loop->channel, now, flags, loop->words);
    amp_owner_set(loop->owner, AMP_GAUGE_AT_SAFE, safe ? 1 : 0);
    amp_owner_set(loop->owner, AMP_GAUGE_ARMED, loop->arming);
    amp_owner_add(loop->owner, AMP_COUNT_PUBLISHED, 1);
}

static void judge_execution(struct amp_loop *loop, amp_ns execution_ns, amp_ns finish) {
    const struct amp_loop_timing *const timing = &loop->timing;
    if (execution_ns <= timing->budget_ns) {
        loop->overruns_in_row = 0;
        return;
    }
    amp_owner_add(loop->owner, AMP_COUNT_OVERRUNS, 1);
    loop->overruns_in_row++;
    bool too_many = timing->overruns_in_row > 0 && loop->overruns_in_row >= timing->overruns_in_row;
    if (timing->overruns_per_s > 0) {
        amp_ns *const oldest = &loop->overrun_times[loop->overrun_index];
        *oldest = finish;
        loop->overrun_index = (loop->overrun_index + 1) % timing->overruns_per_s;
        const amp_ns first = loop->overrun_times[loop->overrun_index];
        too_many = too_many || (first != 0 && finish - first < AMP_NS_PER_S);
    }
    if (too_many) {
        trip(loop, AMP_FAULT_OVERRUN, execution_ns, finish);
    }
}

static void finish_tick(struct amp_loop *loop, amp_ns release, amp_ns wake) {
    const amp_ns finish = loop->platform->now(loop->platform->context);
    struct amp_owner *const owner = loop->owner;
    amp_owner_record(owner, AMP_HISTOGRAM_EXECUTION, finish - wake);
    amp_owner_record(owner, AMP_HISTOGRAM_RESPONSE, finish - release);
    if (loop->last_wake != 0) {
        amp_owner_record(owner, AMP_HISTOGRAM_PERIOD, wake - loop->last_wake);
    }
    loop->last_wake = wake;
    amp_owner_add(owner, AMP_COUNT_TICKS, 1);
    if (finish > release + loop->timing.deadline_ns) {
        amp_owner_add(owner, AMP_COUNT_DEADLINE_MISSES, 1);
    }
    judge_execution(loop, finish - wake, finish);
    amp_owner_beat(owner, AMP_AT_WAIT, finish);
    loop->tick++;
    loop->last_release = release;
}

void amp_loop_tick(struct amp_loop *loop, amp_ns release, amp_ns wake) {
    const amp_ns since =
        loop->last_release != 0 ? release - loop->last_release : loop->timing.period_ns;
    const double dt_s = (double)since * 1e-9;

    amp_owner_at(loop->owner, AMP_AT_READ);
    watch_supervisor(loop, wake);
    judge_machine(loop, wake);
    read_sources(loop);
    const bool ready = read_inputs(loop, wake, dt_s);
    follow_mode(loop, ready, wake);
    amp_owner_set(loop->owner, AMP_GAUGE_READY, ready ? 1 : 0);

    if (loop->tuning != NULL) {
        (void)amp_tuning_take(loop->tuning, loop->tick, wake);
    }
    amp_owner_at(loop->owner, AMP_AT_LAW);
    if (loop->arming != 0) {
        run_law(loop, wake, dt_s);
    } else {
        run_to_safe(loop, dt_s);
    }
    amp_owner_at(loop->owner, AMP_AT_PUBLISH);
    publish(loop, loop->platform->now(loop->platform->context));
    finish_tick(loop, release, wake);
}

bool amp_loop_may_end(const struct amp_loop *loop) {
    return (loop->supervisor_lost ||
            amp_system_wanted(loop->system, loop->role) == AMP_WANTED_END) &&
           loop->arming == 0 && at_safe(loop);
}

/* Count |passed| releases as skipped; returns the one after them. */
static amp_ns skip(struct amp_loop *loop, amp_ns release, amp_ns passed) {
    if (passed > 0) {
        amp_owner_add(loop->owner, AMP_COUNT_SKIPPED, (uint64_t)passed);
    }
    return release + passed * loop->timing.period_ns;
}

enum amp_loop_end amp_loop_run(struct amp_loop *loop) {
    const struct amp_platform *const platform = loop->platform;
    const amp_ns period = loop->timing.period_ns;
    const amp_ns grid = loop->timing.origin_ns + loop->timing.offset_ns;
    amp_ns since_grid = platform->now(platform->context) - grid;
    if (since_grid < 0) {
        since_grid = 0;
    }
    amp_ns release = grid + (since_grid / period + 1) * period;
    amp_owner_begin(loop->owner, release);
    amp_owner_set(loop->owner, AMP_GAUGE_WAIT, (uint64_t)loop->pace.kind + 1);
    amp_owner_set(loop->owner, AMP_GAUGE_WAKEUP_NS, (uint64_t)loop->pace.wakeup_ns);

    for (;;) { /* each pass takes one release of the grid; the end is amp_loop_may_end() */
        const amp_ns before = platform->now(platform->context);
        if (before > release) { /* the last tick still ran */
            release = skip(loop, release, (before - release - 1) / period + 1);
        }
        const amp_ns wake = amp_pace_until(&loop->pace, platform, release);
        amp_owner_set(loop->owner, AMP_GAUGE_MARGIN_NS, (uint64_t)loop->pace.margin_ns);
        const amp_ns late = wake - release;
        if (late > 0) {
            release = skip(loop, release, late / period);
        }
        amp_owner_record(loop->owner, AMP_HISTOGRAM_WAKEUP, late);
        if (amp_loop_may_end(loop)) {
            amp_owner_set(loop->owner, AMP_GAUGE_T_STOP_NS, (uint64_t)wake);
            amp_owner_beat(loop->owner, AMP_AT_END, wake);
            break;
        }
        amp_loop_tick(loop, release, wake);
        release = amp_follow_next(&loop->follow, loop->owner, release, wake);
    }
    return loop->supervisor_lost ? AMP_LOOP_SUPERVISOR_LOST : AMP_LOOP_ENDED;
}
