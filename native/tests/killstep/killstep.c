/* killstep: the compiled mailbox, killed after every single instruction of every operation.
 *
 * usage: killstep HEADING                   here, by ptrace
 *        killstep HEADING EMULATOR PROGRAM  PROGRAM is this one built for another machine
 *
 * A kill point is one instruction of an operation from one beginning. Here the process really dies
 * there; in an emulator the memory that a death would leave is judged (remote.h). Reading cases
 * named "overtaken" are stopped there instead, while the writer goes on, and finish then: here only.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "channel_cases.h"
#include "queue_cases.h"
#include "reader_cases.h"
#include "remote.h"
#include "stepper.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

static struct world *world;
static struct remote remote;

static const struct {
    const struct step_case *cases;
    int count;
} tables[] = {{channel_cases, COUNT_OF(channel_cases)},
              {reader_cases, COUNT_OF(reader_cases)},
              {queue_cases, COUNT_OF(queue_cases)}};

/* The case of that number, in the order of the tables; NULL behind the last. */
static const struct step_case *case_at(int index) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (index < tables[i].count) {
            return &tables[i].cases[index];
        }
        index -= tables[i].count;
    }
    return NULL;
}

static bool stop_at(const struct step_case *it, long after) {
    if (it->overtake != NULL) {
        return step_and_overtake(world, it->operation, after, it->overtake);
    }
    return step_and_kill(world, it->operation, after, it->reader);
}

/* Kill at each instruction from one beginning; false when the victim went astray. */
static bool step_through(const struct step_case *it, int state, struct tally *tally) {
    it->prepare(world, state);
    const long steps = step_whole(world, it->operation, it->reader);
    for (long after = 0; after < steps; after++) {
        it->prepare(world, state);
        if (!stop_at(it, after)) {
            printf("%s: astray after %ld instructions, state %d\n", it->name, after, state);
            return false;
        }
        struct tally found = {0};
        it->judge(world, &found);
        tally->points++;
        tally->stuck += found.stuck != 0; /* points, not findings */
        tally->torn += found.torn != 0;
        tally->wrong += found.wrong != 0;
    }
    return steps > 0;
}

static void run_case(int index) {
    const struct step_case *const it = case_at(index);
    struct tally tally = {0};
    bool good = true;
    check_bad = 0;
    for (int state = 0; state < it->states && good; state++) {
        good = remote.emulator != NULL
                   ? remote_step_through(&remote, it, index, state, world, &tally)
                   : step_through(it, state, &tally);
    }
    const bool found = tally.stuck + tally.torn + tally.wrong != 0;
    good = good && check_bad == 0 && tally.points > 0 && found == it->broken;
    printf("%-30s %6ld points  %4ld stuck  %4ld torn  %4ld wrong  %s\n", it->name, tally.points,
           tally.stuck, tally.torn, tally.wrong,
           !good        ? "FAILED"
           : it->broken ? "caught"
                        : "ok");
    (void)fflush(stdout);
    check_passed += good;
    check_failed += !good;
}

/* Tracer and victim take turns, so one processor is the fastest. */
static void stay_on_one_processor(void) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    const int here = sched_getcpu();
    if (here >= 0) {
        CPU_SET((unsigned)here, &allowed);
        (void)sched_setaffinity(0, sizeof allowed, &allowed);
    }
}

static bool make_world(void) {
    if (remote.emulator != NULL) {
        return remote_open(&remote, &world);
    }
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return world != MAP_FAILED;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "--victim") == 0) {
        const struct step_case *const it = case_at(atoi(argv[3]));
        return it == NULL ? 2 : remote_be_the_victim(argv[2], it->operation);
    }
    remote.emulator = argc == 4 ? argv[2] : NULL;
    remote.program = argc == 4 ? argv[3] : NULL;
    if (!make_world()) {
        return 1;
    }
    stay_on_one_processor();
    printf("%s\n", argc > 1 ? argv[1] : "killstep");
    (void)fflush(stdout);
    for (int index = 0; case_at(index) != NULL; index++) {
        if (remote.emulator == NULL || case_at(index)->overtake == NULL) {
            run_case(index);
        }
    }
    if (remote.emulator != NULL) {
        remote_close(&remote);
    }
    return CHECK_DONE();
}
