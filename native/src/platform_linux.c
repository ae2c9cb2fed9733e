#define _GNU_SOURCE
#include "amp/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "system_linux.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define AMP_NS_PER_S 1000000000LL
#define AMP_STACK_MAX (256 * 1024)
#define AMP_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static _Thread_local int last_errno;

int amp_system_error(void) {
    last_errno = errno;
    return -AMP_ESYS;
}

int amp_platform_errno(void) {
    return last_errno;
}

static amp_ns read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (amp_ns)now.tv_sec * AMP_NS_PER_S + now.tv_nsec;
}

static amp_ns linux_now(void *context) {
    (void)context;
    return read_clock(CLOCK_MONOTONIC);
}

static amp_ns linux_boottime(void *context) {
    (void)context;
    return read_clock(CLOCK_BOOTTIME);
}

static struct timespec timespec_of(amp_ns t) {
    return (struct timespec){.tv_sec = (time_t)(t / AMP_NS_PER_S),
                             .tv_nsec = (long)(t % AMP_NS_PER_S)}; /* 32 bits each on ARMv7 */
}

static void linux_sleep_until(void *context, amp_ns deadline) {
    (void)context;
    const struct timespec at = timespec_of(deadline > 0 ? deadline : 0);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
    }
}

static int ready_of(int events) {
    return ((events & POLLIN) != 0 ? AMP_POLL_READ : 0) |
           ((events & POLLOUT) != 0 ? AMP_POLL_WRITE : 0) |
           ((events & (POLLERR | POLLHUP | POLLRDHUP | POLLNVAL)) != 0 ? AMP_POLL_ERROR : 0);
}

static int linux_poll(void *context, struct amp_polled *polled, uint32_t count, amp_ns deadline) {
    struct pollfd entries[AMP_POLLED_MAX];
    AMP_ASSERT(count <= AMP_POLLED_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const int want = polled[i].want;
        entries[i].fd = polled[i].descriptor;
        entries[i].events = (short)(((want & AMP_POLL_READ) != 0 ? POLLIN | POLLRDHUP : 0) |
                                    ((want & AMP_POLL_WRITE) != 0 ? POLLOUT : 0));
        entries[i].revents = 0;
    }
    amp_ns left;
    int ready;
    do { /* until the deadline, whatever signals come */
        left = deadline - linux_now(context);
        const struct timespec timeout = timespec_of(left > 0 ? left : 0);
        ready = ppoll(entries, count, &timeout, NULL);
    } while (ready < 0 && errno == EINTR && left > 0);
    for (uint32_t i = 0; i < count; i++) {
        polled[i].ready = ready > 0 ? ready_of(entries[i].revents) : 0;
    }
    return ready > 0 ? ready : 0;
}

static int stream_result(ssize_t done) {
    if (done >= 0) {
        return (int)done;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        return 0;
    }
    last_errno = errno;
    return -AMP_EIO;
}

static int linux_read(void *context, int descriptor, uint8_t *bytes, size_t room) {
    (void)context;
    return stream_result(read(descriptor, bytes, room));
}

static int linux_write(void *context, int descriptor, const uint8_t *bytes, size_t size) {
    (void)context;
    return stream_result(write(descriptor, bytes, size));
}

const struct amp_platform *amp_platform_linux(void) {
    static const struct amp_platform platform = {
        .now = linux_now,
        .boottime = linux_boottime,
        .sleep_until = linux_sleep_until,
        .poll = linux_poll,
        .read = linux_read,
        .write = linux_write,
    };
    return &platform;
}

int amp_platform_memfd(const char *name, size_t size) {
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int descriptor = memfd_create(name, flags | MFD_NOEXEC_SEAL);
    if (descriptor < 0 && errno == EINVAL) { /* Linux before 6.3 */
        descriptor = memfd_create(name, flags);
    }
    if (descriptor < 0) {
        return amp_system_error();
    }
    if (ftruncate(descriptor, (off_t)size) != 0 || fcntl(descriptor, F_ADD_SEALS, AMP_SEALS) != 0) {
        const int result = amp_system_error();
        close(descriptor);
        return result;
    }
    return descriptor;
}

int amp_platform_map(int descriptor, size_t size, bool writable, void **base) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return amp_system_error();
    }
    const int seals = fcntl(descriptor, F_GET_SEALS);
    if ((size_t)status.st_size != size || seals < 0 || (seals & AMP_SEALS) != AMP_SEALS) {
        return -AMP_ESIZE;
    }
    void *const at = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                          MAP_SHARED | MAP_POPULATE, descriptor, 0);
    if (at == MAP_FAILED) {
        return amp_system_error();
    }
    if (madvise(at, size, MADV_DONTFORK) != 0) {
        const int result = amp_system_error();
        munmap(at, size);
        return result;
    }
    *base = at;
    return AMP_OK;
}

int amp_platform_unmap(void *base, size_t size) {
    return munmap(base, size) == 0 ? AMP_OK : amp_system_error();
}

int amp_platform_read_text(int descriptor, char *out, size_t room, size_t *length) {
    *length = 0;
    for (;;) { /* each pass reads at least one byte, or ends */
        char beyond;
        char *const at = *length < room ? out + *length : &beyond;
        const size_t most = *length < room ? room - *length : 1;
        const ssize_t got = pread(descriptor, at, most, (off_t)*length);
        if (got < 0) {
            return amp_system_error();
        }
        if (got == 0) {
            return AMP_OK;
        }
        if (at == &beyond) {
            return -AMP_EROOM;
        }
        *length += (size_t)got;
    }
}

static void touch_stack(size_t bytes) {
    volatile unsigned char stack[AMP_STACK_MAX]; /* volatile: the stores must happen */
    const size_t limit = bytes < sizeof stack ? bytes : sizeof stack;
    for (size_t i = 0; i < limit; i += 4096) {
        stack[sizeof stack - 1 - i] = 0;
    }
}

int amp_platform_lock_memory(size_t stack_bytes) {
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
        return amp_system_error();
    }
    touch_stack(stack_bytes);
    return AMP_OK;
}

int amp_platform_set_timer_slack(uint64_t slack_ns) {
    return prctl(PR_SET_TIMERSLACK, (unsigned long)slack_ns, 0, 0, 0) == 0 ? AMP_OK
                                                                           : amp_system_error();
}

uint64_t amp_platform_timer_slack(void) {
    return (uint64_t)prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
}

int amp_platform_set_name(const char *name) {
    return prctl(PR_SET_NAME, (unsigned long)name, 0, 0, 0) == 0 ? AMP_OK : amp_system_error();
}

int amp_platform_die_with_parent(int number) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)number, 0, 0, 0) == 0 ? AMP_OK
                                                                        : amp_system_error();
}

static pthread_t thread;

struct thread_start {
    void (*run)(void *argument);
    void *argument;
};

static void *thread_main(void *argument) {
    const struct thread_start *const start = argument;
    sigset_t every; /* signals are the main thread's */
    sigfillset(&every);
    (void)pthread_sigmask(SIG_SETMASK, &every, NULL);
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
    start->run(start->argument);
    return NULL;
}

/* Ours, and what the C library wants below it: 16 KiB on x86-64, 128 KiB on AArch64. */
static size_t stack_size(void) {
    const long least = sysconf(_SC_THREAD_STACK_MIN);
    return 65536 + (least > 0 ? (size_t)least : 0);
}

static int thread_attributes(pthread_attr_t *attributes, int core, int priority) {
    int failed = pthread_attr_init(attributes);
    failed = failed != 0 ? failed : pthread_attr_setstacksize(attributes, stack_size());
    if (failed == 0 && core >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET((size_t)core, &cores);
        failed = pthread_attr_setaffinity_np(attributes, sizeof cores, &cores);
    }
    if (failed == 0 && priority > 0) {
        const struct sched_param parameters = {.sched_priority = priority};
        failed = pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED);
        failed = failed != 0 ? failed : pthread_attr_setschedpolicy(attributes, SCHED_FIFO);
        failed = failed != 0 ? failed : pthread_attr_setschedparam(attributes, &parameters);
    }
    return failed;
}

static int create_thread(struct thread_start *start, int core, int priority) {
    pthread_attr_t attributes;
    int failed = thread_attributes(&attributes, core, priority);
    if (failed == 0) {
        failed = pthread_create(&thread, &attributes, thread_main, start);
        pthread_attr_destroy(&attributes);
    }
    return failed;
}

int amp_platform_thread_start(void (*run)(void *argument), void *argument, int core, int priority,
                              int *granted_priority) {
    static struct thread_start start;
    start = (struct thread_start){.run = run, .argument = argument};
    int failed = create_thread(&start, core, priority);
    if (failed == EPERM && priority > 0) { /* no right to be real-time: as it comes */
        priority = 0;
        failed = create_thread(&start, core, priority);
    }
    if (failed != 0) {
        errno = failed;
        return amp_system_error();
    }
    *granted_priority = priority;
    return AMP_OK;
}

int amp_platform_thread_join(void) {
    const int failed = pthread_join(thread, NULL);
    errno = failed;
    return failed == 0 ? AMP_OK : amp_system_error();
}

/* The call that takes this C library's struct timespec. */
static long futex(const uint32_t *word, int operation, uint32_t value,
                  const struct timespec *most) {
#ifdef SYS_futex_time64
    if (sizeof(most->tv_sec) > sizeof(long)) {
        return syscall(SYS_futex_time64, word, operation, value, most, NULL, 0);
    }
#endif
    return syscall(SYS_futex, word, operation, value, most, NULL, 0);
}

bool amp_platform_futex_wait(const uint32_t *word, uint32_t expected, amp_ns most) {
    const struct timespec timeout = timespec_of(most > 0 ? most : 0);
    return futex(word, FUTEX_WAIT, expected, &timeout) == 0 || errno != EINTR;
}

void amp_platform_futex_wake(const uint32_t *word) {
    (void)futex(word, FUTEX_WAKE, INT_MAX, NULL);
}
