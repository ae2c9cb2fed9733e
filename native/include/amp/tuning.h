/* tuning.h: parameters of a running law, changed between two of its periods.
 *
 * The supervisor sends; the one consumer of the queue is the loop, which takes at most one message a
 * period, before its law. A message holds all changes that belong together: all of them hold from
 * that period on, or none does. The answer stands in the role's own owner block, so every word keeps
 * its one writer. What a law derives from a parameter it derives in each period, and a block's state
 * stands in units of its value: a change makes no step of its own but the one that was asked for. A
 * generator's state is time: it goes on as if it had had the new number from its beginning on.
 *
 * A message is AMP_TUNING_WORDS words: its id (1 and up, growing), the epoch of the process that it
 * is meant for, the time at which it is no longer wanted (ns), how many changes it has, then for each
 * of them the index of its tunable and the bits of its value. The sender sends no id that
 * is AMP_TUNING_DEPTH or more above one of this role whose answer it has not read, so no answer is
 * overwritten unread.
 */
#ifndef AMP_TUNING_H
#define AMP_TUNING_H

#include "amp/base.h"
#include "amp/channel.h"
#include "amp/program.h"
#include "amp/queue.h"
#include "amp/stats.h"

/// Most changes of one message, and the words of one.
#define AMP_TUNING_CHANGES_MAX 16
#define AMP_TUNING_WORDS 36
#define AMP_TUNING_RECORD_WORDS 39
/// Which of its role's queues this is.
#define AMP_TUNING_QUEUE 0

/// What became of a message.
enum amp_tuning_result {
    AMP_TUNING_NONE = 0,     /* there was none */
    AMP_TUNING_APPLIED = 1,  /* every change of it holds from this period on */
    AMP_TUNING_EXPIRED = 2,  /* its time was over when it was read */
    AMP_TUNING_FOREIGN = 3,  /* meant for another process of this role */
    AMP_TUNING_REPEATED = 4, /* not newer than the last one: it had its answer */
    AMP_TUNING_UNKNOWN = 5,  /* no such tunable, or no possible number of changes */
    AMP_TUNING_RANGE = 6,    /* a value is not finite, or outside its range */
    AMP_TUNING_MISFIT = 7,   /* the parameters of a block would not fit together */
    AMP_TUNING_ABSENT = 8,   /* an io role's device is not there to take it */
};

/// The consumer's end of such a queue, and what it has had. Not shared.
struct amp_inbox {
    struct amp_owner *owner; /* the role's own block */
    struct amp_queue_reader queue;
    uint32_t epoch;  /* of this process */
    uint64_t newest; /* id of the last message taken */
    uint64_t record[AMP_TUNING_RECORD_WORDS];
};

/// A parameter that may change: which, of which instruction, within which range.
struct amp_tunable {
    uint32_t parameter;
    uint32_t instruction;
    double low;
    double high;
};

/// The loop's end and its memory. Not shared.
struct amp_tuning {
    struct amp_program *program;
    uint32_t tunable_count;
    struct amp_tunable tunables[AMP_PROGRAM_PARAMETERS_MAX];
    struct amp_inbox inbox;
};

/// A reader's copy of an answer.
struct amp_tuning_answer {
    enum amp_tuning_result result;
    uint64_t tick; /* of the period in which it was taken: the number that the loop publishes */
    amp_ns t_ns;   /* when */
};

/// Open the consumer's end on |channel|, which the supervisor writes. Returns 0 or -AMP_EARG.
/// Context: init. One consumer.
int amp_inbox_open(struct amp_inbox *inbox, struct amp_owner *owner,
                   const struct amp_channel *channel, uint32_t epoch);

/// Read the oldest message: NONE without one. APPLIED: it is new, for this process and in time, and
/// |*words| are its number of changes and the changes themselves; any other result is for
/// amp_inbox_answer() as it is. The message stays the oldest until then.
/// Context: real-time. Progress: bounded. Cost: without a message 2 loads.
enum amp_tuning_result amp_inbox_next(struct amp_inbox *inbox, amp_ns now, const uint64_t **words);

/// Answer the message that amp_inbox_next() read, count it, and be done with it.
/// Context: real-time. Progress: wait-free.
void amp_inbox_answer(struct amp_inbox *inbox, enum amp_tuning_result result, uint64_t tick,
                      amp_ns now);

/// Open the consumer's end of a loop. |program| has been checked, the
/// first |tunable_count| of |tunables| are filled. Returns 0 or -AMP_EARG.
/// Context: init. One consumer.
int amp_tuning_init(struct amp_tuning *tuning, struct amp_program *program, struct amp_owner *owner,
                    const struct amp_channel *channel, uint32_t epoch);

/// Take the oldest message, if there is one: judge it, apply it as a whole or not at all, answer.
/// Call it before the law of period |tick|.
/// Context: real-time. Progress: bounded (16 changes). Cost: without a message 2 loads.
enum amp_tuning_result amp_tuning_take(struct amp_tuning *tuning, uint64_t tick, amp_ns now);

/// The answer to message |id| in its role's |owner| block: false while there is none, or once
/// AMP_TUNING_DEPTH newer ones were answered.
/// Context: any. Progress: wait-free.
bool amp_tuning_answered(const struct amp_owner *owner, uint64_t id, struct amp_tuning_answer *out);

/// Context: any.
size_t amp_tuning_size(void);

#endif
