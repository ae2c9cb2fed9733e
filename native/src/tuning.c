#include "amp/tuning.h"

#include <math.h>
#include <string.h>

#include "layout.h"

/* Words of a message. */
#define ID 0
#define EPOCH 1
#define EXPIRES 2
#define CHANGES 3
#define FIRST 4

_Static_assert(AMP_TUNING_WORDS == FIRST + 2 * AMP_TUNING_CHANGES_MAX, "a message holds them all");
_Static_assert(AMP_TUNING_RECORD_WORDS == AMP_TUNING_WORDS + 3, "a record is a sample of it");

size_t amp_tuning_size(void) {
    return sizeof(struct amp_tuning);
}

int amp_inbox_open(struct amp_inbox *inbox, struct amp_owner *owner,
                   const struct amp_channel *channel, uint32_t epoch) {
    if (channel->words != AMP_TUNING_WORDS || channel->mask + 1 != AMP_TUNING_DEPTH || epoch == 0) {
        return -AMP_EARG;
    }
    inbox->owner = owner;
    inbox->epoch = epoch;
    inbox->newest = 0;
    return amp_queue_reader_open(&inbox->queue, channel, owner, AMP_TUNING_QUEUE);
}

static enum amp_tuning_result judge(const struct amp_inbox *inbox, const uint64_t *words,
                                    amp_ns now) {
    if (words[ID] <= inbox->newest) {
        return AMP_TUNING_REPEATED;
    }
    if (words[EPOCH] != inbox->epoch) {
        return AMP_TUNING_FOREIGN;
    }
    return words[EXPIRES] < (uint64_t)now ? AMP_TUNING_EXPIRED : AMP_TUNING_APPLIED;
}

enum amp_tuning_result amp_inbox_next(struct amp_inbox *inbox, amp_ns now, const uint64_t **words) {
    struct amp_sample *const sample = (void *)inbox->record;
    if (amp_queue_next(&inbox->queue, sample) != AMP_READ_VALUE) {
        return AMP_TUNING_NONE;
    }
    *words = &sample->words[CHANGES];
    return judge(inbox, sample->words, now);
}

void amp_inbox_answer(struct amp_inbox *inbox, enum amp_tuning_result result, uint64_t tick,
                      amp_ns now) {
    const struct amp_sample *const sample = (void *)inbox->record;
    const uint64_t id = sample->words[ID];
    if (result != AMP_TUNING_REPEATED) {
        struct amp_tuning_words *const out = &inbox->owner->answers[id % AMP_TUNING_DEPTH];
        inbox->newest = id;
        amp_store_relaxed(&out->result, (uint64_t)result);
        amp_store_relaxed(&out->tick, tick);
        amp_store_relaxed(&out->t_ns, (uint64_t)now);
        amp_store_release(&out->id, id); /* pairs with the acquire in amp_tuning_answered() */
    }
    amp_owner_add(inbox->owner,
                  result == AMP_TUNING_APPLIED ? AMP_COUNT_TUNED : AMP_COUNT_TUNING_REFUSED, 1);
    amp_queue_done(&inbox->queue);
}

int amp_tuning_init(struct amp_tuning *tuning, struct amp_program *program, struct amp_owner *owner,
                    const struct amp_channel *channel, uint32_t epoch) {
    if (tuning->tunable_count > AMP_PROGRAM_PARAMETERS_MAX) {
        return -AMP_EARG;
    }
    for (uint32_t i = 0; i < tuning->tunable_count; i++) {
        const struct amp_tunable *const one = &tuning->tunables[i];
        if (one->parameter >= program->parameter_count ||
            one->instruction >= program->instruction_count || !(one->low <= one->high)) {
            return -AMP_EARG;
        }
    }
    tuning->program = program;
    return amp_inbox_open(&tuning->inbox, owner, channel, epoch);
}

static double value_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static enum amp_tuning_result judge_changes(const struct amp_tuning *tuning,
                                            const uint64_t *changes, uint64_t count) {
    if (count == 0 || count > AMP_TUNING_CHANGES_MAX) {
        return AMP_TUNING_UNKNOWN;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (changes[2 * i] >= tuning->tunable_count) {
            return AMP_TUNING_UNKNOWN;
        }
        const struct amp_tunable *const tunable = &tuning->tunables[changes[2 * i]];
        const double value = value_of(changes[2 * i + 1]);
        if (!isfinite(value) || value < tunable->low || value > tunable->high) {
            return AMP_TUNING_RANGE;
        }
    }
    return AMP_TUNING_APPLIED;
}

/* Store every change; where a block then refuses its parameters, put all of them back. */
static enum amp_tuning_result apply(const struct amp_tuning *tuning, const uint64_t *changes,
                                    uint64_t count) {
    double before[AMP_TUNING_CHANGES_MAX];
    double *const parameters = tuning->program->parameters;
    bool fits = true;
    for (uint64_t i = 0; i < count; i++) {
        double *const parameter = &parameters[tuning->tunables[changes[2 * i]].parameter];
        before[i] = *parameter;
        *parameter = value_of(changes[2 * i + 1]);
    }
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t instruction = tuning->tunables[changes[2 * i]].instruction;
        fits = fits && amp_program_parameters_fit(tuning->program, instruction);
    }
    if (fits) {
        return AMP_TUNING_APPLIED;
    }
    for (uint64_t i = count; i > 0; i--) { /* backward: one may have been changed twice */
        parameters[tuning->tunables[changes[2 * (i - 1)]].parameter] = before[i - 1];
    }
    return AMP_TUNING_MISFIT;
}

enum amp_tuning_result amp_tuning_take(struct amp_tuning *tuning, uint64_t tick, amp_ns now) {
    const uint64_t *words = NULL;
    enum amp_tuning_result result = amp_inbox_next(&tuning->inbox, now, &words);
    if (result == AMP_TUNING_NONE) {
        return result;
    }
    if (result == AMP_TUNING_APPLIED) {
        result = judge_changes(tuning, words + 1, words[0]);
    }
    if (result == AMP_TUNING_APPLIED) {
        result = apply(tuning, words + 1, words[0]);
    }
    amp_inbox_answer(&tuning->inbox, result, tick, now);
    return result;
}

bool amp_tuning_answered(const struct amp_owner *owner, uint64_t id,
                         struct amp_tuning_answer *out) {
    const struct amp_tuning_words *const in = &owner->answers[id % AMP_TUNING_DEPTH];
    if (amp_load_acquire(&in->id) != id) { /* pairs with the release in amp_inbox_answer() */
        return false;
    }
    out->result = (enum amp_tuning_result)amp_load_relaxed(&in->result);
    out->tick = amp_load_relaxed(&in->tick);
    out->t_ns = (amp_ns)amp_load_relaxed(&in->t_ns);
    return true;
}
