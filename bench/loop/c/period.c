/* period.c: what one period of the loop costs when periods follow one another at once.
 *
 *     period axes READERS COUNT CORE OTHER...      10 inputs, 10 outputs, a law of 20 blocks
 *     period SIGNALS READERS COUNT CORE OTHER...   as many inputs as outputs and gains
 *
 * The inputs are new in each period: this process publishes them before it, which is outside of the
 * period's time and inside of the periods per second. READERS processes on the other cores read the
 * newest outputs as fast as they can. Prints one line of JSON; each period's time holds one reading
 * of the clock.
 */
#include "rig.h"

#define PRIORITY 5 /* it runs for some milliseconds */

static int by_size(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void read_for_ever(struct rig *rig, int core) {
    static uint64_t record[AMP_LOOP_RECORD_WORDS];
    begin_child();
    take_core(core);
    rig_map(rig, -1);
    for (;;) {
        (void)amp_channel_latest(&rig->channels[CONTROL], (struct amp_sample *)(void *)record,
                                 NULL);
    }
}

static void publish_and_tick(struct rig *rig, struct amp_loop *loop, uint64_t count,
                             int64_t *took) {
    const struct amp_platform *const platform = loop->platform;
    rig_publish_inputs(rig, count, platform->now(platform->context));
    const amp_ns wake = platform->now(platform->context);
    amp_loop_tick(loop, wake, wake);
    *took = platform->now(platform->context) - wake;
}

static void measure(struct rig *rig, struct amp_loop *loop, int64_t *took, size_t count) {
    const struct amp_platform *const platform = loop->platform;
    for (size_t i = 0; i < count / 10; i++) {
        publish_and_tick(rig, loop, i, &took[0]);
        amp_system_set_mode(rig_system(rig), AMP_MODE_ARMED, 1);
    }
    const amp_ns began = platform->now(platform->context);
    for (size_t i = 0; i < count; i++) {
        publish_and_tick(rig, loop, i, &took[i]);
    }
    const amp_ns ended = platform->now(platform->context);
    if (loop->arming != 1 || loop->any_stale) {
        fail("the loop was not armed with fresh inputs");
    }
    qsort(took, count, sizeof *took, by_size);
    printf("{\"p50_ns\": %lld, \"p99_ns\": %lld, \"per_second\": %.0f}\n",
           (long long)took[count / 2], (long long)took[count * 99 / 100],
           (double)count * 1e9 / (double)(ended - began));
}

/* One process is supervisor, producer and role here: everything is mapped writable. */
static void map_all(struct rig *rig) {
    struct rig each[SEGMENTS];
    for (int i = 0; i < SEGMENTS; i++) {
        each[i] = *rig;
        rig_map(&each[i], i);
    }
    for (int i = 0; i < SEGMENTS; i++) {
        rig->bases[i] = each[i].bases[i];
        rig->channels[i] = each[i].channels[i];
    }
    amp_channel_attach(&rig->channels[IO], 1);
}

int main(int argc, char **argv) {
    static struct rig rig;
    static struct amp_loop loop;
    static struct amp_program program;
    if (argc < 6) {
        fail("usage: period axes|SIGNALS READERS COUNT CORE OTHER...");
    }
    const uint32_t signals = (uint32_t)atoi(argv[1]);
    const int readers = atoi(argv[2]);
    const size_t count = (size_t)atoi(argv[3]);
    int64_t *const took = calloc(count, sizeof *took);
    if (signals > SIGNALS_MAX || count < 100 || took == NULL) {
        fail("so many cannot be measured");
    }
    memset(took, 1, count * sizeof *took);
    rig_create(&rig, signals > 0 ? signals : 10, signals > 0 ? signals : 10);
    for (int i = 0; i < readers; i++) {
        if (fork() == 0) {
            read_for_ever(&rig, atoi(argv[5 + i % (argc - 5)]));
        }
    }
    take_core(atoi(argv[4]));
    map_all(&rig);
    if (signals > 0) {
        rig_law_of_gains(&program, signals);
    } else {
        rig_law_of_axes(&program);
    }
    rig_open_loop(&rig, &loop, &program, 10000, 0);
    need(amp_platform_lock_memory(64 * 1024), "cannot lock memory");
    usleep(readers > 0 ? 20000 : 0); /* they are up */
    take_priority(PRIORITY);
    measure(&rig, &loop, took, count);
    return 0; /* the readers die with this process */
}
