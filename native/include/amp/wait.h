/* wait.h: sleeping until a channel has something new, for roles that are not real-time.
 *
 * A reader spins for a moment, then stores in its own owner block that it waits, looks once more
 * and sleeps in the kernel on the low half of the channel's `latest`, which it maps read-only. The
 * kernel compares that half under its own lock before it puts anyone to sleep. A writer calls
 * amp_wake() behind its publication: it looks at the readers' words and makes a system call only
 * when one of them waits. Each word keeps its one writer.
 *
 * No wake-up is lost: reader and writer each store first and load then, a full fence in between,
 * so at least one sees the other's store. Either the writer sees that somebody waits, and its wake
 * comes before the kernel's comparison (which then finds another number) or after it (which then
 * finds a sleeper); or the reader sees the publication.
 *
 * A real-time writer never calls amp_wake(): its readers open with no owner block and look by
 * themselves, once in AMP_WAIT_NAP_NS. docs/adr/0006 has the reasons.
 */
#ifndef AMP_WAIT_H
#define AMP_WAIT_H

#include "amp/base.h"
#include "amp/channel.h"
#include "amp/stats.h"

/// How long a reader spins before it sleeps, ns.
#define AMP_WAIT_SPIN_NS 20000
/// How long a reader sleeps that nobody wakes, ns.
#define AMP_WAIT_NAP_NS 1000000
/// How long a reader sleeps that is woken: the bound for a writer that died before its wake, ns.
#define AMP_WAIT_GUARD_NS 50000000

/// What a wait ended with.
enum amp_waited {
    AMP_WAITED_NOTHING = 0, /* the time is over */
    AMP_WAITED_NEWS = 1,    /* there is a newer publication */
    AMP_WAITED_SIGNAL = 2,  /* a signal came: wait again if it asks for nothing else */
};

/// A reader's place to wait. Not shared.
struct amp_waiter {
    struct amp_channel channel;
    void *word;      /* its own, in its owner block; NULL: nobody wakes it */
    uint64_t whom;   /* what it stores there: the writer's role id + 1 */
    amp_ns spin_ns;  /* may be changed */
    amp_ns sleep_ns; /* likewise: the longest sleep without a look */
};

/// Prepare to wait for |channel|, which role |writer| publishes. |own| is the block of the role that
/// waits, if |writer| wakes it; NULL if it does not.
/// Context: init.
void amp_waiter_open(struct amp_waiter *waiter, const struct amp_channel *channel,
                     struct amp_owner *own, uint32_t writer);

/// Wait until a publication newer than |seen| is there, at most until |deadline|.
/// Context: any, not real-time. Progress: blocking. One thread of a role waits at a time.
enum amp_waited amp_wait(struct amp_waiter *waiter, uint64_t seen, amp_ns deadline);

/// Wake whoever of |readers| waits for |channel|, which role |writer|, the caller, publishes; to be
/// called behind the publication. Returns whether one waited.
/// Context: any, not real-time. Cost: a full fence and a load a reader while nobody waits, else a
/// system call.
bool amp_wake(const struct amp_channel *channel, uint32_t writer,
              const struct amp_owner *const *readers, size_t count);

#endif
