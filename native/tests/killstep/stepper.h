/* stepper.h: run an operation in a process of its own, one machine instruction at a time, and stop
 * it after exactly so many: killed there (SIGKILL), or overtaken there and then let go on.
 *
 * The victim is forked from the prepared test, so the shared world is the same in both; what it
 * shares with us is that world and nothing else. ptrace does the stepping.
 */
#ifndef AMP_KILLSTEP_STEPPER_H
#define AMP_KILLSTEP_STEPPER_H

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

/// An operation of the victim. It leaves its private words on its own stack.
typedef void (*step_operation)(struct world *world);

static _Noreturn void give_up(const char *call) {
    printf("%s: %s; every instruction needs ptrace (a container may need SYS_PTRACE)\n", call,
           strerror(errno));
    exit(1);
}

static _Noreturn void be_the_victim(struct world *world, step_operation operation, bool reader) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (reader && mprotect(&world->shared, sizeof world->shared, PROT_READ) != 0) {
        _exit(2);
    }
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        _exit(3);
    }
    (void)raise(SIGSTOP);
    world->own.begun = 1;
    operation(world);
    world->own.over = 1;
    _exit(0);
}

static int wait_for(pid_t victim) {
    int status = 0;
    while (waitpid(victim, &status, 0) < 0) {
        if (errno != EINTR) {
            give_up("waitpid");
        }
    }
    return status;
}

static bool step_once(pid_t victim) {
    if (ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) != 0) {
        give_up("PTRACE_SINGLESTEP");
    }
    const int status = wait_for(victim);
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

static pid_t start_victim(struct world *world, step_operation operation, bool reader) {
    world->own.begun = 0;
    world->own.over = 0;
    const pid_t victim = fork();
    if (victim < 0) {
        give_up("fork");
    }
    if (victim == 0) {
        be_the_victim(world, operation, reader);
    }
    const int status = wait_for(victim);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP) {
        errno = EPERM;
        give_up("PTRACE_TRACEME");
    }
    return victim;
}

static void end_victim(pid_t victim) {
    if (kill(victim, SIGKILL) != 0) {
        give_up("kill");
    }
    while (!WIFSIGNALED(wait_for(victim))) {
    }
}

/* The way of one operation from one beginning: where it stood after each number of instructions. */
#define STEPS_MAX 20000
static uintptr_t step_way[STEPS_MAX];
static long
    step_fresh[STEPS_MAX]; /* the last place up to here that it came to for the first time */

static long last_fresh(long after) {
    for (long i = 0; i < after; i++) {
        if (step_way[i] == step_way[after]) {
            return step_fresh[after - 1];
        }
    }
    return after;
}

#ifdef __x86_64__
static uintptr_t place_of(pid_t victim) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, victim, NULL, &registers) != 0) {
        give_up("PTRACE_GETREGS");
    }
    return registers.rip;
}

/* At full speed to the first visit of |place|, by an int3 in the victim's own copy of the code. */
static void run_to(pid_t victim, uintptr_t place) {
    struct user_regs_struct registers;
    void *const at = (void *)place;
    errno = 0;
    const long code = ptrace(PTRACE_PEEKTEXT, victim, at, NULL);
    if (errno != 0 || ptrace(PTRACE_POKETEXT, victim, at, (void *)((code & ~0xffL) | 0xcc)) != 0 ||
        ptrace(PTRACE_CONT, victim, NULL, NULL) != 0) {
        give_up("breakpoint");
    }
    const int status = wait_for(victim);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP ||
        ptrace(PTRACE_POKETEXT, victim, at, (void *)code) != 0 ||
        ptrace(PTRACE_GETREGS, victim, NULL, &registers) != 0 || registers.rip != place + 1) {
        give_up("breakpoint");
    }
    registers.rip = place;
    if (ptrace(PTRACE_SETREGS, victim, NULL, &registers) != 0) {
        give_up("PTRACE_SETREGS");
    }
}

/* On with the whole way in single steps only where the way loops. */
static long start_way(struct world *world, pid_t victim, long after) {
    (void)world;
    run_to(victim, step_way[step_fresh[after]]);
    return step_fresh[after];
}
#else
static uintptr_t place_of(pid_t victim) {
    (void)victim;
    return 0;
}

static void to_the_operation(struct world *world, pid_t victim);

static long start_way(struct world *world, pid_t victim, long after) {
    (void)after;
    to_the_operation(world, victim);
    return 0;
}
#endif

static void to_the_operation(struct world *world, pid_t victim) {
    while (!world->own.begun) {
        if (!step_once(victim)) {
            give_up("the way to the operation");
        }
    }
}

/// Run |operation| in single steps to its end; returns how many they are, -1 when it crashed. The
/// calls below go the same way.
static long step_whole(struct world *world, step_operation operation, bool reader) {
    const pid_t victim = start_victim(world, operation, reader);
    to_the_operation(world, victim);
    long steps = 0;
    while (!world->own.over) {
        step_way[steps] = place_of(victim);
        step_fresh[steps] = last_fresh(steps);
        if (!step_once(victim) || ++steps == STEPS_MAX) {
            steps = -1;
            break;
        }
    }
    end_victim(victim);
    return steps;
}

/* False when it did not come there by the same way. */
static bool advance(struct world *world, pid_t victim, long after) {
    for (long i = start_way(world, victim, after); i < after; i++) {
        if (!step_once(victim)) {
            return false;
        }
    }
    return world->own.begun && !world->own.over && place_of(victim) == step_way[after];
}

/// Run |operation| for |after| instructions, then kill it. False when it was not there.
static bool step_and_kill(struct world *world, step_operation operation, long after, bool reader) {
    const pid_t victim = start_victim(world, operation, reader);
    const bool there = advance(world, victim, after);
    end_victim(victim);
    return there;
}

/// Run a reading |operation| for |after| instructions, call |overtake| while it stands still, then
/// let it finish. False when it was not there or did not finish.
static bool step_and_overtake(struct world *world, step_operation operation, long after,
                              void (*overtake)(struct world *world)) {
    const pid_t victim = start_victim(world, operation, true);
    if (!advance(world, victim, after)) {
        end_victim(victim);
        return false;
    }
    overtake(world);
    if (ptrace(PTRACE_CONT, victim, NULL, NULL) != 0) {
        give_up("PTRACE_CONT");
    }
    const int status = wait_for(victim);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    end_victim(victim);
    return false;
}

#endif
