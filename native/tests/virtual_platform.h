/* virtual_platform.h: a clock that only moves when it is told to, behind struct amp_platform.
 *
 * Sleeping jumps to the deadline and then as far beyond it as the script says; a law or a test
 * spends time by adding to |now_ns|, a look at the clock by |look_ns|. There are no descriptors
 * here: a poll waits for its deadline.
 */
#ifndef AMP_TESTS_VIRTUAL_PLATFORM_H
#define AMP_TESTS_VIRTUAL_PLATFORM_H

#include "amp/platform.h"

struct virtual_platform {
    struct amp_platform platform;
    amp_ns now_ns;
    amp_ns suspended_ns; /* what CLOCK_BOOTTIME has counted beyond CLOCK_MONOTONIC */
    amp_ns look_ns;      /* what a look at the clock takes */
    uint64_t sleeps;
    /// Called at the end of each sleep, when |now_ns| stands at the deadline: may move it on, or
    /// change what the world looks like. NULL for a machine that is never late.
    void (*woken)(void *script);
    void *script;
};

static inline amp_ns virtual_now(void *context) {
    struct virtual_platform *const virtual = context;
    virtual->now_ns += virtual->look_ns;
    return virtual->now_ns;
}

static inline amp_ns virtual_boottime(void *context) {
    const struct virtual_platform *const virtual = context;
    return virtual->now_ns + virtual->suspended_ns;
}

static inline void virtual_sleep_until(void *context, amp_ns deadline) {
    struct virtual_platform *const virtual = context;
    virtual->sleeps++;
    if (virtual->now_ns < deadline) {
        virtual->now_ns = deadline;
    }
    if (virtual->woken != NULL) {
        virtual->woken(virtual->script);
    }
}

static inline int virtual_poll(void *context, struct amp_polled *polled, uint32_t count,
                               amp_ns deadline) {
    for (uint32_t i = 0; i < count; i++) {
        polled[i].ready = 0;
    }
    virtual_sleep_until(context, deadline);
    return 0;
}

static inline int virtual_read(void *context, int descriptor, uint8_t *bytes, size_t room) {
    (void)context;
    (void)descriptor;
    (void)bytes;
    (void)room;
    return 0;
}

static inline int virtual_write(void *context, int descriptor, const uint8_t *bytes, size_t size) {
    (void)context;
    (void)descriptor;
    (void)bytes;
    (void)size;
    return 0;
}

static inline void virtual_open(struct virtual_platform *virtual, amp_ns now_ns) {
    *virtual = (struct virtual_platform){
        .platform =
            {
                .context = virtual,
                .now = virtual_now,
                .boottime = virtual_boottime,
                .sleep_until = virtual_sleep_until,
                .poll = virtual_poll,
                .read = virtual_read,
                .write = virtual_write,
            },
        .now_ns = now_ns,
    };
}

#endif
