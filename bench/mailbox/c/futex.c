/* futex.c: what it takes to wake a reader that sleeps. The writer waits until the reader must be
 * asleep, stores a message with the time in it, and wakes; the reader looks at its clock.
 *
 *     PROGRAM COUNT CORE CORE
 *
 * As it stands: the bare system call on one word, the limit of every blocking read. With WAIT: our
 * channel, amp_wait() and amp_wake().
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "amp/channel.h"
#include "amp/segment.h"
#include "amp/wait.h"
#include "clock.h"
#include "process.h"

#define ASLEEP_NS 150000 /* how long the reader sleeps, in both */
#ifdef WAIT
#define APART_NS (AMP_WAIT_SPIN_NS + ASLEEP_NS) /* it spins first */
#else
#define APART_NS ASLEEP_NS
#endif
#define ROLE 1
#define FAR_NS INT64_C(1000000000)

struct stage {
    _Alignas(128) _Atomic uint32_t word;
    _Alignas(128) _Atomic int64_t sent_ns;
    _Alignas(128) _Atomic uint32_t taken;
    _Alignas(4096) unsigned char owner[AMP_OWNER_SIZE];
    _Alignas(128) unsigned char channel[4096];
};

#ifdef WAIT
static struct amp_channel view(struct stage *stage) {
    struct amp_channel channel;
    if (amp_channel_bind(&channel, stage->channel, sizeof stage->channel, 1, 4) != AMP_OK) {
        fail("no channel");
    }
    return channel;
}

static int64_t await(struct stage *stage, uint32_t k) {
    static struct amp_waiter waiter;
    uint64_t record[4];
    if (k == 0) {
        const struct amp_channel channel = view(stage);
        amp_waiter_open(&waiter, &channel, (void *)stage->owner, ROLE);
    }
    while (amp_wait(&waiter, k, clock_ns() + FAR_NS) != AMP_WAITED_NEWS) {
    }
    if (amp_channel_latest(&waiter.channel, (void *)record, NULL) != AMP_READ_VALUE) {
        fail("woken for nothing");
    }
    return (int64_t)record[3];
}

static void publish(struct stage *stage, uint32_t k) {
    static struct amp_channel channel;
    const struct amp_owner *const readers[] = {(void *)stage->owner};
    if (k == 0) {
        channel = view(stage);
        amp_channel_attach(&channel, 1);
    }
    amp_channel_publish(&channel, 0, 0, (uint64_t[]){(uint64_t)clock_ns()});
    amp_wake(&channel, ROLE, readers, 1);
}
#else
static int64_t await(struct stage *stage, uint32_t k) {
    while (atomic_load(&stage->word) == k) {
        syscall(SYS_futex, &stage->word, FUTEX_WAIT, k, NULL, NULL, 0);
    }
    return atomic_load(&stage->sent_ns);
}

static void publish(struct stage *stage, uint32_t k) {
    atomic_store(&stage->sent_ns, clock_ns());
    atomic_store(&stage->word, k + 1);
    syscall(SYS_futex, &stage->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}
#endif

static int by_size(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void sleep_and_take(struct stage *stage, uint32_t count) {
    int64_t *const samples = malloc(count * sizeof *samples);
    if (samples == NULL) {
        fail("no memory");
    }
    for (uint32_t k = 0; k < count; k++) {
        const int64_t sent = await(stage, k);
        samples[k] = clock_ns() - sent;
        atomic_store(&stage->taken, k + 1);
    }
    qsort(samples, count, sizeof *samples, by_size);
    printf("{\"p50_ns\": %lld, \"p99_ns\": %lld}\n", (long long)samples[count / 2],
           (long long)samples[count * 99 / 100]);
    free(samples);
}

static void wake_on(struct stage *stage, uint32_t count) {
    for (uint32_t k = 0; k < count; k++) {
        const int64_t until = clock_ns() + APART_NS;
        while (clock_ns() < until) {
        }
        publish(stage, k);
        while (atomic_load(&stage->taken) != k + 1) {
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fail("usage: PROGRAM COUNT CORE CORE");
    }
    const uint32_t count = (uint32_t)atoi(argv[1]);
    struct stage *const stage = shared(sizeof *stage);
    alarm(30);
    const pid_t child = fork();
    if (child == 0) {
        begin_child(atoi(argv[2]));
        wake_on(stage, count);
        _exit(0);
    }
    take_core(atoi(argv[3]));
    sleep_and_take(stage, count);
    end_child(child);
    return 0;
}
