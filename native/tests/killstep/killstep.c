/* killstep: the compiled mailbox, killed after every single instruction of every operation.
 *
 * usage: killstep LEVEL, a name for the heading, such as "x86-64 -O2". A kill point is one
 * instruction of an operation from one beginning; the process really dies there. Reading cases
 * named "overtaken" are stopped there instead, while the writer goes on, and finish then.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "channel_cases.h"
#include "queue_cases.h"
#include "reader_cases.h"
#include "stepper.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static struct world *world;

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

static void run_case(const struct step_case *it) {
    struct tally tally = {0};
    bool good = true;
    check_bad = 0;
    for (int state = 0; state < it->states && good; state++) {
        good = step_through(it, state, &tally);
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

static void run_cases(const struct step_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        run_case(&cases[i]);
    }
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

int main(int argc, char **argv) {
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED) {
        return 1;
    }
    stay_on_one_processor();
    printf("%s\n", argc > 1 ? argv[1] : "killstep");
    (void)fflush(stdout);
    run_cases(channel_cases, COUNT_OF(channel_cases));
    run_cases(reader_cases, COUNT_OF(reader_cases));
    run_cases(queue_cases, COUNT_OF(queue_cases));
    return CHECK_DONE();
}
