/* process.h: shared memory, cores and children, the same for every program here. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void fail(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static inline void *shared(size_t size) {
    void *const at =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED) {
        fail("no memory");
    }
    return at;
}

static inline void take_core(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        fail("cannot pin to this core");
    }
}

/* SCHED_FIFO where it may: other programs then disturb no pair. Only for what runs for milliseconds:
 * both sides spin. */
static inline void take_priority(void) {
    const struct sched_param priority = {.sched_priority = 5};
    (void)sched_setscheduler(0, SCHED_FIFO, &priority);
}

/* First thing in a child: it dies with its parent. */
static inline void begin_child(int core) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    take_core(core);
}

static inline void end_child(pid_t child) {
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0) {
        fail("a child failed");
    }
}

#endif
