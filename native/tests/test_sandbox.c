/* The sandbox: what it holds to, what still works in it, and a loop that a tracer counts: one sleep
 * a period and nothing else. */
#define _GNU_SOURCE
#include "amp/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_rig.h"

#define PERIODS 1200

static int pipe_ends[2];

/* How a child ends that enters the sandbox and does |act|: its signal, or minus its exit code. */
static int ending_of(void (*act)(void)) {
    const pid_t child = fork();
    if (child == 0) {
        if (amp_sandbox_enter(pipe_ends[1]) != 0) {
            _exit(99);
        }
        act();
        _exit(7);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

/* What ends it. */

static void open_file(void) {
    (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void open_socket(void) {
    (void)socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void start_process(void) {
    (void)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void start_program(void) {
    char *const none[] = {NULL};
    (void)execve("/bin/true", none, none);
}

static void signal_another(void) {
    (void)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static void signal_any(void) {
    (void)kill(getpid(), 0);
}

static void write_elsewhere(void) {
    (void)!write(pipe_ends[0], "x", 1);
}

static void map_code(void) {
    (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void map_file(void) {
    (void)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, pipe_ends[0], 0);
}

static void let_code_be_written(void) {
    static char page[4096];
    (void)mprotect(page, sizeof page, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void trace(void) {
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void filter_again(void) {
    (void)amp_sandbox_enter(pipe_ends[1]);
}

static void test_whatever_a_loop_does_not_need_ends_it(void) {
    void (*const acts[])(void) = {
        open_file,      open_socket,         start_process,   start_program,
        signal_another, signal_any,          write_elsewhere, map_code,
        map_file,       let_code_be_written, trace,           filter_again,
    };
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        const int ending = ending_of(acts[i]);
        if (ending != SIGSYS) {
            fprintf(stderr, "act %zu ended with %d\n", i, ending);
        }
        CHECK(ending == SIGSYS);
    }
}

/* What does not. */

static void sleep_and_look(void) {
    const struct amp_platform *const platform = amp_platform_linux();
    const amp_ns now = platform->now(platform->context);
    (void)platform->boottime(platform->context);
    platform->sleep_until(platform->context, now + MS);
    if (platform->now(platform->context) < now + MS) {
        _exit(1);
    }
}

static void use_memory(void) {
    for (size_t size = 16; size <= (size_t)1 << 24; size *= 4) {
        char *block = malloc(size);
        memset(block, 1, size);
        char *const more = realloc(block, 2 * size);
        if (more == NULL || more[size - 1] != 1) {
            _exit(1);
        }
        free(more);
    }
}

/* As the allocators of other C libraries do. */
static void protect_memory(void) {
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *const page = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mprotect(page, size, PROT_READ | PROT_WRITE) != 0) {
        _exit(1);
    }
    *page = 1;
}

static void say(void) {
    if (write(pipe_ends[1], "ended\n", 6) != 6 || write(STDERR_FILENO, "", 0) != 0) {
        _exit(1);
    }
}

static void test_the_way_to_the_end_is_open(void) {
    CHECK(ending_of(sleep_and_look) == -7);
    CHECK(ending_of(use_memory) == -7);
    CHECK(ending_of(protect_memory) == -7);
    CHECK(ending_of(say) == -7);
    char said[16];
    CHECK(read(pipe_ends[0], said, sizeof said) == 6);
}

static void test_an_assertion_ends_it_as_ever(void) {
    CHECK(ending_of(abort) == SIGABRT);
}

/* A law that asks for something is the death of its role. */

static void asking_step(void *state, const double *inputs, double *outputs, double dt_s) {
    rig_law_step(state, inputs, outputs, dt_s);
    (void)getppid();
}

static void run_asking_law(void) {
    rig.loop.law.step = asking_step;
    amp_loop_tick(&rig.loop, rig.release + RIG_PERIOD, rig.release + RIG_PERIOD);
}

static void test_a_law_that_makes_a_system_call_ends_its_role(void) {
    rig_open();
    rig_run_armed(1);
    CHECK(ending_of(run_asking_law) == SIGSYS);
}

/* A loop under a tracer. */

static struct told {
    uint64_t ticks, skipped, sleeps;
} *told;

static void counting_step(void *state, const double *inputs, double *outputs, double dt_s) {
    rig_law_step(state, inputs, outputs, dt_s);
    amp_owner_beat(&rig.supervisor, AMP_AT_WAIT, 0);
    if (rig.steps == PERIODS) {
        amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 1);
        amp_system_set_role(&rig.system, RIG_ROLE, AMP_ROLE_ENDING, 1, 1, AMP_WANTED_END);
    }
}

static void prepare_real_loop(enum amp_pace_kind kind) {
    rig_prepare();
    const struct amp_platform *const platform = amp_platform_linux();
    rig.loop.platform = platform;
    rig.loop.pace.kind = kind;
    rig.loop.law.step = counting_step;
    rig.loop.timing.origin_ns = platform->now(platform->context);
    rig.loop.timing.blackout_ns = 1000000 * MS; /* a tracer stops it now and then */
    rig.loop.timing.supervisor_ns = 1000000 * MS;
    rig.loop.timing.overruns_in_row = 0;
    rig.loop.timing.overruns_per_s = 0;
    rig.loop.inputs[0].max_age_ns = 0;
    rig.loop.inputs[1].max_age_ns = 0;
    rig_world();
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_arm(1);
}

_Noreturn static void run_traced(void) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        _exit(98);
    }
    (void)raise(SIGSTOP);
    if (amp_sandbox_enter(pipe_ends[1]) != 0) {
        _exit(99);
    }
    const enum amp_loop_end end = amp_loop_run(&rig.loop);
    told->ticks = rig_count(AMP_COUNT_TICKS);
    told->skipped = rig_count(AMP_COUNT_SKIPPED);
    told->sleeps = rig.loop.pace.sleeps;
    _exit(end == AMP_LOOP_ENDED ? 0 : 1);
}

/* The number of the call that the child is about to make, or -1. */
static long call_of(pid_t child) {
    struct __ptrace_syscall_info call;
    memset(&call, 0, sizeof call);
    const long got = ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof call, &call);
    return got > 0 && call.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)call.entry.nr : -1;
}

static bool is_sleep(long call) {
#ifdef SYS_clock_nanosleep_time64
    if (call == SYS_clock_nanosleep_time64) {
        return true;
    }
#endif
    return call == SYS_clock_nanosleep;
}

/* Count its calls behind the sandbox and before the exit, sleeps and others. */
static int trace_child(pid_t child, uint64_t *sleeps, uint64_t *others) {
    int status = 0;
    bool inside = false;
    CHECK(waitpid(child, &status, 0) == child);
    if (!WIFSTOPPED(status)) { /* traced by another, or forbidden here */
        return status;
    }
    CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0);
    while (ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0 && waitpid(child, &status, 0) == child &&
           WIFSTOPPED(status)) {
        const long call = call_of(child);
        if (inside && call >= 0 && call != SYS_exit_group) {
            *sleeps += is_sleep(call) ? 1 : 0;
            *others += is_sleep(call) ? 0 : 1;
        }
        inside = inside || call == SYS_seccomp;
    }
    return status;
}

static void check_calls(enum amp_pace_kind kind) {
    prepare_real_loop(kind);
    memset(told, 0, sizeof *told);
    const pid_t child = fork();
    if (child == 0) {
        run_traced();
    }
    uint64_t sleeps = 0;
    uint64_t others = 0;
    const int status = trace_child(child, &sleeps, &others);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 98) {
        printf("not traced: this process may trace nobody\n");
        return;
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(told->ticks >= PERIODS);
    CHECK(others == 0);
    CHECK(sleeps == told->sleeps);
    CHECK(sleeps <= told->ticks + 1); /* the last one finds that it may end */
    CHECK(kind == AMP_PACE_SPIN || sleeps >= told->ticks / 2);
}

static void test_a_loop_makes_one_system_call_a_period(void) {
    check_calls(AMP_PACE_SLEEP);
    check_calls(AMP_PACE_HYBRID);
}

static void test_a_spinning_loop_makes_no_more(void) {
    check_calls(AMP_PACE_SPIN);
}

static void test_a_loop_that_is_free_sleeps_no_more_than_once_a_period(void) {
    prepare_real_loop(AMP_PACE_HYBRID);
    rig.steps = PERIODS - 100;
    CHECK(amp_loop_run(&rig.loop) == AMP_LOOP_ENDED);
    CHECK(rig_count(AMP_COUNT_TICKS) >= 100);
    CHECK(rig.loop.pace.sleeps > 0 && rig.loop.pace.sleeps <= rig_count(AMP_COUNT_TICKS) + 1);
}

/* An emulator and a sanitizer make calls of their own, which the sandbox ends. */
static bool has_calls_of_its_own(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return getenv("AMP_EMULATED") != NULL;
#endif
}

int main(void) {
    RUN(test_a_loop_that_is_free_sleeps_no_more_than_once_a_period);
    if (has_calls_of_its_own()) {
        return CHECK_DONE();
    }
    CHECK(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) == 0);
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    RUN(test_whatever_a_loop_does_not_need_ends_it);
    RUN(test_the_way_to_the_end_is_open);
    RUN(test_an_assertion_ends_it_as_ever);
    RUN(test_a_law_that_makes_a_system_call_ends_its_role);
    RUN(test_a_loop_makes_one_system_call_a_period);
    RUN(test_a_spinning_loop_makes_no_more);
    return CHECK_DONE();
}
