#include "amp/wait.h"

#include "amp/platform.h"
#include "layout.h"

/* The half of `latest` that changes with every publication: what the kernel compares. */
static const uint32_t *low_half(const struct amp_channel *channel) {
    const uint16_t probe = 1;
    const size_t at = *(const uint8_t *)&probe == 1 ? 0 : sizeof(uint32_t);
    const unsigned char *const latest = channel->line;
    return (const void *)(latest + at);
}

static amp_ns now(void) {
    const struct amp_platform *const platform = amp_platform_linux();
    return platform->now(platform->context);
}

static bool is_newer(uint64_t count, uint64_t seen) {
    return (int64_t)(count - seen) > 0;
}

void amp_waiter_open(struct amp_waiter *waiter, const struct amp_channel *channel,
                     struct amp_owner *own, uint32_t writer) {
    *waiter = (struct amp_waiter){
        .channel = *channel,
        .word = own != NULL ? &own->waiting : NULL,
        .whom = (uint64_t)writer + 1,
        .spin_ns = AMP_WAIT_SPIN_NS,
        .sleep_ns = own != NULL ? AMP_WAIT_GUARD_NS : AMP_WAIT_NAP_NS,
    };
}

/* Store what this reader waits for, before it looks for the last time. */
static void announce(struct amp_waiter *waiter, uint64_t whom) {
    if (waiter->word != NULL) {
        amp_store_relaxed(waiter->word, whom);
        amp_fence_full(); /* pairs with the one in amp_wake() */
    }
}

enum amp_waited amp_wait(struct amp_waiter *waiter, uint64_t seen, amp_ns deadline) {
    const struct amp_channel *const channel = &waiter->channel;
    const amp_ns began = now();
    const amp_ns spun = deadline - began < waiter->spin_ns ? deadline : began + waiter->spin_ns;
    amp_ns t;
    do {
        if (is_newer(amp_channel_count(channel), seen)) {
            return AMP_WAITED_NEWS;
        }
        t = now();
    } while (t < spun);

    enum amp_waited result = AMP_WAITED_NOTHING;
    announce(waiter, waiter->whom);
    for (;;) {
        const uint64_t count = amp_channel_count(channel);
        if (is_newer(count, seen)) {
            result = AMP_WAITED_NEWS;
            break;
        }
        if (t >= deadline) {
            break;
        }
        const amp_ns left = deadline - t;
        const amp_ns most = left < waiter->sleep_ns ? left : waiter->sleep_ns;
        if (!amp_platform_futex_wait(low_half(channel), (uint32_t)count, most)) {
            result =
                is_newer(amp_channel_count(channel), seen) ? AMP_WAITED_NEWS : AMP_WAITED_SIGNAL;
            break;
        }
        t = now();
    }
    if (waiter->word != NULL) {
        amp_store_relaxed(waiter->word, 0);
    }
    return result;
}

bool amp_wake(const struct amp_channel *channel, uint32_t writer,
              const struct amp_owner *const *readers, size_t count) {
    amp_fence_full(); /* `latest` is stored before the readers' words are looked at */
    for (size_t i = 0; i < count; i++) {
        if (amp_load_relaxed(&readers[i]->waiting) == (uint64_t)writer + 1) {
            amp_platform_futex_wake(low_half(channel));
            return true;
        }
    }
    return false;
}
