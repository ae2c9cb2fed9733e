/* role.c: a control role on its grid, as amphost runs one, and what its statistics say.
 *
 *     role sleep|hybrid|spin RATE SECONDS CORE OTHER PRIORITY AWAKE PHASE
 *
 * The parent is the supervisor and publishes ten inputs at 1 kHz from another core. The child is
 * the role: a law of 20 blocks and ten outputs on the grid of RATE, armed; the grid begins PHASE us
 * behind a full second of the clock. AWAKE is 1 to hold /dev/cpu_dma_latency at 0. The parent reads the histograms of wake-up latency and execution out
 * of the role's segment, without what was there before the warm-up was over, and prints
 * `NAME NS COUNT`, then one line of JSON.
 */
#include "../../../native/src/layout.h"
#include "amp/sandbox.h"
#include "rig.h"

#define WARM_UP_NS (NS_PER_S / 5)
#define BEAT_NS 1000000

static const struct {
    const char *name;
    enum amp_histogram histogram;
} shown[] = {{"wakeup", AMP_HISTOGRAM_WAKEUP}, {"execution", AMP_HISTOGRAM_EXECUTION}};
#define SHOWN (sizeof shown / sizeof shown[0])

struct snapshot {
    uint64_t buckets[SHOWN][AMP_BUCKETS];
    uint64_t ticks, skipped;
};

static void look(const struct amp_owner *owner, struct snapshot *at) {
    for (size_t h = 0; h < SHOWN; h++) {
        for (uint32_t i = 0; i < AMP_BUCKETS; i++) {
            at->buckets[h][i] = amp_load_relaxed(&owner->histograms[shown[h].histogram].buckets[i]);
        }
    }
    at->ticks = amp_owner_counter(owner, AMP_COUNT_TICKS);
    at->skipped = amp_owner_counter(owner, AMP_COUNT_SKIPPED);
}

_Noreturn static void run_role(struct rig *rig, enum amp_pace_kind kind, char **words) {
    static struct amp_loop loop;
    static struct amp_program program;
    const struct amp_platform *const platform = amp_platform_linux();
    begin_child();
    rig_map(rig, CONTROL);
    take_core(atoi(words[4]));
    take_priority(atoi(words[6]));
    if (atoi(words[7]) != 0) {
        stay_awake();
    }
    (void)amp_platform_set_timer_slack(1);
    need(amp_platform_lock_memory(64 * 1024), "cannot lock memory");
    rig_law_of_axes(&program);
    loop.pace.kind = kind;
    rig_open_loop(rig, &loop, &program, NS_PER_S / atoi(words[2]), 1000LL * atoi(words[8]));
    amp_pace_calibrate(&loop.pace, platform);
    const amp_ns calibrated = loop.pace.margin_ns;
    amp_platform_touch_code(NULL);
    (void)amp_sandbox_enter(STDOUT_FILENO); /* where Linux refuses, a role runs without it too */
    const enum amp_loop_end end = amp_loop_run(&loop);
    char text[80];
    const int length = snprintf(text, sizeof text, "margin %lld %lld\n", (long long)calibrated,
                                (long long)loop.pace.margin_ns);
    const bool said = write(STDOUT_FILENO, text, (size_t)length) == length;
    _exit(end == AMP_LOOP_ENDED && said ? 0 : 1);
}

/* Be the supervisor and the producer of the inputs for so long. */
static void keep_up(struct rig *rig, amp_ns duration, uint64_t *count) {
    const struct amp_platform *const platform = amp_platform_linux();
    amp_ns now = platform->now(platform->context);
    const amp_ns until = now + duration;
    amp_ns next = now;
    while (now < until) {
        next = next + BEAT_NS > now ? next + BEAT_NS : now + BEAT_NS;
        platform->sleep_until(platform->context, next);
        now = platform->now(platform->context);
        amp_owner_beat(rig_owner(rig, SUPERVISOR), AMP_AT_WAIT, now);
        rig_publish_inputs(rig, (*count)++, now);
    }
}

static void print(const struct snapshot *from, const struct snapshot *to) {
    for (size_t h = 0; h < SHOWN; h++) {
        for (uint32_t i = 0; i < AMP_BUCKETS; i++) {
            const uint64_t count = to->buckets[h][i] - from->buckets[h][i];
            if (count > 0) {
                printf("%s %lld %llu\n", shown[h].name, (long long)amp_bucket_top(i),
                       (unsigned long long)count);
            }
        }
    }
    printf("ticks %llu %llu\n", (unsigned long long)(to->ticks - from->ticks),
           (unsigned long long)(to->skipped - from->skipped));
}

/* The parent writes two segments: the supervisor's and the producer's. */
static void map_parent(struct rig *rig) {
    struct rig producer = *rig;
    rig_map(&producer, IO);
    rig_map(rig, SUPERVISOR);
    rig->channels[IO] = producer.channels[IO];
    amp_channel_attach(&rig->channels[IO], 1);
}

int main(int argc, char **argv) {
    static const char *const names[] = {"sleep", "hybrid", "spin"};
    static struct rig rig;
    static struct snapshot from, to;
    uint64_t count = 0;
    int kind = 0;
    if (argc != 9) {
        fail("usage: role sleep|hybrid|spin RATE SECONDS CORE OTHER PRIORITY AWAKE PHASE");
    }
    for (int i = 0; i < 3; i++) {
        kind = strcmp(argv[1], names[i]) == 0 ? i : kind;
    }
    rig_create(&rig, 10, 10);
    const pid_t child = fork();
    if (child == 0) {
        run_role(&rig, (enum amp_pace_kind)kind, argv);
    }
    take_core(atoi(argv[5]));
    map_parent(&rig);
    const struct amp_owner *const role = rig_owner(&rig, CONTROL);
    for (int i = 0; i < 2000 && amp_owner_gauge(role, AMP_GAUGE_READY) == 0; i++) {
        keep_up(&rig, BEAT_NS, &count);
    }
    amp_system_set_mode(rig_system(&rig), AMP_MODE_ARMED, 1);
    keep_up(&rig, WARM_UP_NS, &count);
    if (amp_owner_gauge(role, AMP_GAUGE_ARMED) != 1) {
        fail("the role was not armed");
    }
    look(role, &from);
    keep_up(&rig, (amp_ns)(atof(argv[3]) * 1e9), &count);
    look(role, &to);
    amp_system_set_role(rig_system(&rig), CONTROL_ROLE, AMP_ROLE_ENDING, (uint32_t)child, 1,
                        AMP_WANTED_END);
    end_child(child);
    print(&from, &to);
    return 0;
}
