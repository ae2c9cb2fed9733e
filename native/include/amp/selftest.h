/* selftest.h: a hammer on the mailbox of this very machine: one writer, readers on cores of choice.
 *
 * The writer publishes as fast as it can; each reader takes the newest value, the slot that will be
 * overwritten next, and every publication in order, and checks each value that it is given against
 * what its count says it must be. Beside them each reader does the last of these wrongly, on
 * purpose: it does not look at the sequence word again after the copy. This broken twin is the
 * positive control: a run in which it was given nothing torn would not have noticed anything.
 */
#ifndef AMP_SELFTEST_H
#define AMP_SELFTEST_H

#include "amp/base.h"

/// Most readers of one run.
#define AMP_SELFTEST_READERS_MAX 16
/// Words of a publication: long enough to be torn.
#define AMP_SELFTEST_WORDS 64

/// Where the threads run. A core of -1 is any.
struct amp_selftest_setting {
    int32_t writer_core;
    uint32_t reader_count; /* [1, AMP_SELFTEST_READERS_MAX] */
    int32_t reader_cores[AMP_SELFTEST_READERS_MAX];
    amp_ns duration; /* above 0 */
};

/// What came of it. |torn_accepted|, |order_broken| and |loss_wrong| must be 0.
struct amp_selftest_result {
    uint64_t published;
    uint64_t read;          /* values accepted and checked */
    uint64_t torn_detected; /* reads that overlapped a write and were discarded */
    uint64_t no_new;        /* reads that stayed torn for four tries */
    uint64_t lost;          /* publications that a follower skipped, and counted */
    uint64_t torn_accepted; /* values given to a reader that nobody published */
    uint64_t order_broken;  /* a count went backward, or an effect was seen before its cause */
    uint64_t loss_wrong;    /* a follower's count of what it lost was not exact */
    uint64_t control_read;  /* values that the broken twin was given */
    uint64_t control_torn;  /* of them, torn: must not be 0 */
};

/// Hammer for |setting->duration|. Returns 0; -AMP_EARG for a setting out of range; -AMP_ESYS when
/// a thread could not be started on its core.
/// Context: any, not real-time: takes the cores whole while it runs.
int amp_selftest(const struct amp_selftest_setting *setting, struct amp_selftest_result *result);

#endif
