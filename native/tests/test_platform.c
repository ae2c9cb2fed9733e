/* The Linux side: sealed memory, mappings, clocks, threads. test_platform_streams.c has the rest. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "amp/atomic.h"
#include "amp/platform.h"
#include "check.h"

#define MS ((amp_ns)1000000)
#define SIZE ((size_t)262144)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static const struct amp_platform *real;

static amp_ns now(void) {
    return real->now(real->context);
}

/* How a child ends that does |act|: its signal, or minus its exit code. */
static int ending_of(void (*act)(void)) {
    const pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* sanitizers have their own */
        (void)signal(SIGBUS, SIG_DFL);
        act();
        _exit(0);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

/* Sealed memory. */

static void test_memfd_is_sealed_against_every_change_of_size(void) {
    struct stat status;
    const int descriptor = amp_platform_memfd("amp-test", SIZE);
    CHECK(descriptor >= 0);
    CHECK(fstat(descriptor, &status) == 0 && (size_t)status.st_size == SIZE);
    CHECK(ftruncate(descriptor, SIZE / 2) == -1 && errno == EPERM);
    CHECK(ftruncate(descriptor, 0) == -1 && errno == EPERM);
    CHECK(ftruncate(descriptor, SIZE * 2) == -1 && errno == EPERM);
    CHECK(fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM);
    CHECK(fstat(descriptor, &status) == 0 && (size_t)status.st_size == SIZE);
    CHECK((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(close(descriptor) == 0);
}

static void test_memfd_is_not_executable_where_linux_has_that_seal(void) {
    struct stat status;
    const int probe = memfd_create("amp-probe", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    const int descriptor = amp_platform_memfd("amp-test", SIZE);
    CHECK(descriptor >= 0 && fstat(descriptor, &status) == 0);
    if (probe >= 0) {
        CHECK((status.st_mode & 0111) == 0);
        CHECK(fchmod(descriptor, 0777) == -1 && errno == EPERM);
        CHECK(close(probe) == 0);
    }
    CHECK(close(descriptor) == 0);
}

static void test_memfd_when_linux_refuses_says_why(void) {
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK(amp_platform_memfd(name, SIZE) == -AMP_ESYS);
    CHECK(amp_platform_errno() == EINVAL);
}

/* Mappings. */

static int shared_descriptor = -1;
static volatile unsigned char *shared_base;

static void open_shared(void) {
    void *base = NULL;
    shared_descriptor = amp_platform_memfd("amp-test", SIZE);
    CHECK(shared_descriptor >= 0);
    CHECK(amp_platform_map(shared_descriptor, SIZE, true, &base) == 0);
    shared_base = base;
}

static void close_shared(void) {
    CHECK(amp_platform_unmap((void *)(uintptr_t)shared_base, SIZE) == 0);
    CHECK(close(shared_descriptor) == 0);
}

static void test_what_one_mapping_writes_another_reads(void) {
    void *base = NULL;
    open_shared();
    CHECK(amp_platform_map(shared_descriptor, SIZE, false, &base) == 0);
    const volatile unsigned char *const reader = base;
    CHECK(reader[0] == 0 && reader[SIZE - 1] == 0);
    shared_base[SIZE - 1] = 77;
    CHECK(reader[SIZE - 1] == 77);
    CHECK(amp_platform_unmap(base, SIZE) == 0);
    close_shared();
}

static void test_map_when_the_size_is_not_the_plans(void) {
    void *base = NULL;
    const int descriptor = amp_platform_memfd("amp-test", SIZE);
    CHECK(amp_platform_map(descriptor, SIZE / 2, true, &base) == -AMP_ESIZE);
    CHECK(amp_platform_map(descriptor, SIZE * 2, false, &base) == -AMP_ESIZE);
    CHECK(amp_platform_map(descriptor, 0, false, &base) == -AMP_ESIZE);
    CHECK(base == NULL);
    CHECK(close(descriptor) == 0);
}

static void test_map_when_the_seals_are_missing(void) {
    static const int some[] = {0, F_SEAL_SHRINK, F_SEAL_SHRINK | F_SEAL_GROW,
                               F_SEAL_GROW | F_SEAL_SEAL};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        void *base = NULL;
        const int descriptor = memfd_create("amp-open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CHECK(descriptor >= 0 && ftruncate(descriptor, SIZE) == 0);
        CHECK(fcntl(descriptor, F_ADD_SEALS, some[i]) == 0);
        CHECK(amp_platform_map(descriptor, SIZE, true, &base) == -AMP_ESIZE);
        CHECK(amp_platform_map(descriptor, SIZE, false, &base) == -AMP_ESIZE);
        CHECK(close(descriptor) == 0);
    }
}

static void test_map_when_it_is_no_memory_file(void) {
    void *base = NULL;
    char name[] = "/tmp/amp-test-XXXXXX";
    const int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0 && ftruncate(file, SIZE) == 0);
    CHECK(amp_platform_map(file, SIZE, false, &base) == -AMP_ESIZE);
    CHECK(close(file) == 0);
    CHECK(amp_platform_map(file, SIZE, false, &base) == -AMP_ESYS);
    CHECK(amp_platform_errno() == EBADF);
}

static void write_through_a_reading_mapping(void) {
    void *base = NULL;
    if (amp_platform_map(shared_descriptor, SIZE, false, &base) == 0) {
        *(volatile unsigned char *)base = 1;
    }
}

static void test_write_through_a_reading_mapping_faults(void) {
    open_shared();
    CHECK(ending_of(write_through_a_reading_mapping) == SIGSEGV);
    CHECK(shared_base[0] == 0);
    close_shared();
}

static void test_reading_reopen_maps_for_reading_only(void) {
    char path[64];
    void *base = NULL;
    open_shared();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", shared_descriptor);
    const int reopened = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(reopened >= 0);
    CHECK(amp_platform_map(reopened, SIZE, true, &base) == -AMP_ESYS);
    CHECK(amp_platform_errno() == EACCES);
    CHECK(amp_platform_map(reopened, SIZE, false, &base) == 0);
    CHECK(mprotect(base, SIZE, PROT_READ | PROT_WRITE) == -1);
    CHECK(amp_platform_unmap(base, SIZE) == 0);
    CHECK(close(reopened) == 0);
    close_shared();
}

static void read_what_a_fork_does_not_inherit(void) {
    (void)shared_base[0];
}

static void test_fork_does_not_inherit_a_mapping(void) {
    open_shared();
    CHECK(ending_of(read_what_a_fork_does_not_inherit) == SIGSEGV);
    close_shared();
}

#if !defined(AMP_TSAN) && !defined(__SANITIZE_ADDRESS__) /* their own memory faults beside ours */

static long faults(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt + usage.ru_majflt;
}

static void test_no_page_of_a_mapping_faults_later(void) {
    void *base = NULL;
    open_shared();
    CHECK(amp_platform_map(shared_descriptor, SIZE, false, &base) == 0);
    const volatile unsigned char *const reader = base;
    unsigned sum = 0;
    const long before = faults();
    for (size_t at = 0; at < SIZE; at += 4096) {
        shared_base[at] = 1;
        sum += reader[at];
    }
    CHECK(faults() - before < 4); /* of its 64 pages, twice; getrusage itself may cost one */
    CHECK(sum == SIZE / 4096);
    CHECK(amp_platform_unmap(base, SIZE) == 0);
    close_shared();
}

#endif

/* Clocks. */

static void test_now_never_goes_back_and_boottime_is_not_behind(void) {
    amp_ns before = now();
    CHECK(before > 0);
    for (int i = 0; i < 100000; i++) {
        const amp_ns next = now();
        CHECK(next >= before);
        before = next;
    }
    CHECK(real->boottime(real->context) >= before - MS);
}

static void test_sleep_when_the_deadline_is_past_returns(void) {
    const amp_ns before = now();
    real->sleep_until(real->context, before - 1000 * MS);
    real->sleep_until(real->context, 0);
    real->sleep_until(real->context, -5);
    CHECK(now() - before < 1000 * MS);
}

static void test_sleep_lasts_until_its_deadline(void) {
    for (int i = 1; i <= 5; i++) {
        const amp_ns deadline = now() + i * MS;
        real->sleep_until(real->context, deadline);
        CHECK(now() >= deadline);
    }
}

static volatile sig_atomic_t signals;

static void on_alarm(int signal_number) {
    (void)signal_number;
    signals = signals + 1;
}

static void test_sleep_when_signals_come_lasts_until_its_deadline(void) {
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval every = {.it_interval = {.tv_usec = 2000},
                                    .it_value = {.tv_usec = 2000}};
    const struct itimerval never = {.it_value = {.tv_sec = 0}};
    signals = 0;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    const amp_ns deadline = now() + 30 * MS;
    real->sleep_until(real->context, deadline);
    CHECK(now() >= deadline);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(signals >= 1); /* ThreadSanitizer holds the others back */
}

/* The process. */

static void test_timer_slack_is_set_and_read_back(void) {
    const uint64_t before = amp_platform_timer_slack();
    CHECK(amp_platform_set_timer_slack(1) == 0);
    CHECK(amp_platform_timer_slack() == 1);
    CHECK(amp_platform_set_timer_slack(before) == 0);
    CHECK(amp_platform_timer_slack() == before);
}

static void test_name_is_cut_to_15_bytes(void) {
    char before[16];
    char name[16] = "";
    CHECK(prctl(PR_GET_NAME, (unsigned long)before, 0, 0, 0) == 0);
    CHECK(amp_platform_set_name("amp-0123456789abcdef") == 0);
    CHECK(prctl(PR_GET_NAME, (unsigned long)name, 0, 0, 0) == 0);
    CHECK(strcmp(name, "amp-0123456789a") == 0);
    CHECK(amp_platform_set_name(before) == 0);
}

static void lock_memory(void) {
    const int result = amp_platform_lock_memory(1024 * 1024); /* more than it will touch */
    if (result == -AMP_ESYS) {
        const int reason = amp_platform_errno();
        _exit(reason == EPERM || reason == ENOMEM ? 0 : 1);
    }
    _exit(result == 0 ? 0 : 2);
}

static void test_memory_is_locked_or_the_reason_is_kept(void) {
    CHECK(ending_of(lock_memory) == 0);
}

/* The thread. */

static struct {
    int core;
    int cores;
    int policy;
    int priority;
    int blocked;
    uint64_t slack_ns;
    pthread_t self;
} seen;

static void look(void *argument) {
    cpu_set_t cores;
    sigset_t mask;
    struct sched_param parameters;
    *(int *)argument += 1;
    seen.self = pthread_self();
    CPU_ZERO(&cores);
    (void)pthread_getaffinity_np(seen.self, sizeof cores, &cores);
    seen.cores = CPU_COUNT(&cores);
    seen.core = CPU_ISSET(0, &cores) ? 0 : -1;
    (void)pthread_getschedparam(seen.self, &seen.policy, &parameters);
    seen.priority = parameters.sched_priority;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
    seen.blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGALRM) == 1;
    seen.slack_ns = amp_platform_timer_slack();
}

static void test_thread_runs_as_it_comes(void) {
    int runs = 0;
    int granted = -1;
    CHECK(amp_platform_thread_start(look, &runs, -1, 0, &granted) == 0);
    CHECK(amp_platform_thread_join() == 0);
    CHECK(runs == 1 && granted == 0);
    CHECK(!pthread_equal(seen.self, pthread_self()));
    CHECK(seen.policy == SCHED_OTHER && seen.blocked);
}

static void test_thread_is_pinned_and_says_what_priority_it_got(void) {
    int runs = 0;
    int granted = -1;
    cpu_set_t ours;
    CHECK(sched_getaffinity(0, sizeof ours, &ours) == 0);
    if (!CPU_ISSET(0, &ours)) {
        return;
    }
    CHECK(amp_platform_thread_start(look, &runs, 0, 7, &granted) == 0);
    CHECK(amp_platform_thread_join() == 0);
    CHECK(runs == 1 && seen.cores == 1 && seen.core == 0);
    CHECK(granted == 7 || granted == 0);
    CHECK(seen.policy == (granted == 7 ? SCHED_FIFO : SCHED_OTHER));
    CHECK(seen.priority == granted);
    CHECK(granted == 0 || seen.slack_ns <= 1); /* real-time threads have none */
}

static void test_thread_when_the_core_is_not_there(void) {
    int runs = 0;
    int granted = -1;
    CHECK(amp_platform_thread_start(look, &runs, CPU_SETSIZE - 1, 0, &granted) == -AMP_ESYS);
    CHECK(amp_platform_errno() == EINVAL);
    CHECK(runs == 0);
}

/* Under an emulator the memory is the emulator's: it copies on fork what was not to be copied, and
 * its page faults are its own. */
static bool emulated(void) {
    return getenv("AMP_EMULATED") != NULL;
}

int main(void) {
    real = amp_platform_linux();
    RUN(test_memfd_is_sealed_against_every_change_of_size);
    RUN(test_memfd_is_not_executable_where_linux_has_that_seal);
    RUN(test_memfd_when_linux_refuses_says_why);
    RUN(test_what_one_mapping_writes_another_reads);
    RUN(test_map_when_the_size_is_not_the_plans);
    RUN(test_map_when_the_seals_are_missing);
    RUN(test_map_when_it_is_no_memory_file);
    RUN(test_write_through_a_reading_mapping_faults);
    RUN(test_reading_reopen_maps_for_reading_only);
    if (!emulated()) {
        RUN(test_fork_does_not_inherit_a_mapping);
#if !defined(AMP_TSAN) && !defined(__SANITIZE_ADDRESS__)
        RUN(test_no_page_of_a_mapping_faults_later);
#endif
    }
    RUN(test_now_never_goes_back_and_boottime_is_not_behind);
    RUN(test_sleep_when_the_deadline_is_past_returns);
    RUN(test_sleep_lasts_until_its_deadline);
    RUN(test_sleep_when_signals_come_lasts_until_its_deadline);
    RUN(test_timer_slack_is_set_and_read_back);
    RUN(test_name_is_cut_to_15_bytes);
    RUN(test_memory_is_locked_or_the_reason_is_kept);
    RUN(test_thread_runs_as_it_comes);
    RUN(test_thread_is_pinned_and_says_what_priority_it_got);
    RUN(test_thread_when_the_core_is_not_there);
    return CHECK_DONE();
}
