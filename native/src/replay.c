#include "amp/replay.h"

static amp_ns replay_now(void *context) {
    return ((const struct amp_replay *)context)->now_ns;
}

static void replay_sleep_until(void *context, amp_ns deadline) {
    struct amp_replay *const replay = context;
    replay->sleeps++;
    const amp_ns since = deadline - replay->first_ns + replay->period_ns / 2;
    const uint64_t period = since > 0 ? (uint64_t)(since / replay->period_ns) : 0;
    const amp_ns late = replay->trace[period % replay->count];
    const amp_ns woken = deadline + (late > 0 ? late : 0);
    if (woken > replay->now_ns) {
        replay->now_ns = woken;
    }
}

static int replay_poll(void *context, struct amp_polled *polled, uint32_t count, amp_ns deadline) {
    for (uint32_t i = 0; i < count; i++) {
        polled[i].ready = 0;
    }
    replay_sleep_until(context, deadline);
    return 0;
}

// NOLINTNEXTLINE(readability-non-const-parameter): the table says what its type is
static int replay_read(void *context, int descriptor, uint8_t *bytes, size_t room) {
    (void)context;
    (void)descriptor;
    (void)bytes;
    (void)room;
    return 0;
}

static int replay_write(void *context, int descriptor, const uint8_t *bytes, size_t size) {
    (void)context;
    (void)descriptor;
    (void)bytes;
    (void)size;
    return 0;
}

int amp_replay_open(struct amp_replay *replay, const amp_ns *trace, uint64_t count,
                    amp_ns period_ns, amp_ns now_ns) {
    if (count == 0 || period_ns <= 0 || now_ns <= 0) {
        return -AMP_EARG;
    }
    *replay = (struct amp_replay){
        .platform =
            {
                .context = replay,
                .now = replay_now,
                .boottime = replay_now, /* this machine never sleeps */
                .sleep_until = replay_sleep_until,
                .poll = replay_poll,
                .read = replay_read,
                .write = replay_write,
            },
        .now_ns = now_ns,
        .first_ns = now_ns + period_ns,
        .period_ns = period_ns,
        .trace = trace,
        .count = count,
    };
    return AMP_OK;
}
