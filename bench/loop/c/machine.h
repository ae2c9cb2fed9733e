/* machine.h: core, priority and idle states of a candidate, the same for every program here. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void fail(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static inline void need(int result, const char *what) {
    if (result < 0) {
        fail(what);
    }
}

static inline void take_core(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    need(sched_setaffinity(0, sizeof set, &set), "cannot pin to this core");
}

/* SCHED_FIFO where it may; the report's line of the machine says whether it may. */
static inline void take_priority(int priority) {
    const struct sched_param wanted = {.sched_priority = priority};
    (void)sched_setscheduler(0, SCHED_FIFO, &wanted);
}

/* Keep this machine out of its idle states until the process ends. */
static inline void stay_awake(void) {
    const int32_t none = 0;
    const int file = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
    if (file >= 0 && write(file, &none, sizeof none) != sizeof none) {
        close(file);
    }
}

/* First thing in a child: it dies with its parent. */
static inline void begin_child(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static inline void end_child(pid_t child) {
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0) {
        fail("a child failed");
    }
}

#endif
