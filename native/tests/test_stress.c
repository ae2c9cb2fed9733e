/* The channel under fire: threads of one process (so that ThreadSanitizer sees them), then a writer
 * in a process of its own that is killed at random moments.
 *
 * Every word of a publication follows from its count and its writer's epoch, so a torn one shows.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "amp/platform.h"
#include "channel_box.h"

#define WORDS 9
#define FOLLOWERS 2
#define PEEKERS 2

struct fire {
    struct box box;
    atomic_bool started;
    atomic_bool over;
    uint64_t published;
};

struct reader {
    pthread_t thread;
    struct fire *fire;
    uint64_t values;
    uint64_t no_new;
    uint64_t wrong;
    struct amp_cursor cursor;
};

static struct fire fire;

static amp_ns now(void) {
    const struct amp_platform *const platform = amp_platform_linux();
    return platform->now(platform->context);
}

static void *write_on(void *argument) {
    struct fire *const at = argument;
    while (!atomic_load(&at->over)) {
        for (int burst = 0; burst < 64; burst++) {
            at->published = box_publish(&at->box);
        }
        if (at->published % 8192 == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void *peek_on(void *argument) {
    struct reader *const reader = argument;
    const struct box *const box = &reader->fire->box;
    union box_sample out;
    uint64_t newest = 0;
    uint64_t torn = 0;
    while (!atomic_load(&reader->fire->over)) {
        const enum amp_read got = amp_channel_latest(&box->reader, &out.sample, &torn);
        if (got == AMP_READ_VALUE) {
            reader->values++;
            reader->wrong += !box_is_whole(box, &out.sample) || out.sample.count < newest;
            newest = out.sample.count;
        } else {
            reader->no_new++;
            reader->wrong += got == AMP_READ_NEVER && newest > 0;
        }
    }
    return NULL;
}

static void *follow_on(void *argument) {
    struct reader *const reader = argument;
    const struct box *const box = &reader->fire->box;
    union box_sample out;
    uint64_t before = reader->cursor.position;
    for (bool over = false; !over;) {
        over = atomic_load(&reader->fire->over);
        while (amp_cursor_next(&reader->cursor, &out.sample) == AMP_READ_VALUE) {
            reader->values++;
            reader->wrong += !box_is_whole(box, &out.sample) || out.sample.count <= before;
            before = out.sample.count;
        }
    }
    return NULL;
}

/* One writer, readers of both kinds, for |duration|. */
static void run_threads(uint32_t depth, amp_ns duration) {
    struct reader readers[FOLLOWERS + PEEKERS] = {0};
    pthread_t writer;
    memset(&fire, 0, sizeof fire);
    box_open(&fire.box, WORDS, depth);
    amp_channel_attach(&fire.box.writer, 7);
    for (int i = 0; i < FOLLOWERS + PEEKERS; i++) {
        readers[i].fire = &fire;
        amp_cursor_open(&readers[i].cursor, &fire.box.reader, AMP_START_LATEST);
        CHECK(pthread_create(&readers[i].thread, NULL, i < FOLLOWERS ? follow_on : peek_on,
                             &readers[i]) == 0);
    }
    CHECK(pthread_create(&writer, NULL, write_on, &fire) == 0);
    const struct amp_platform *const platform = amp_platform_linux();
    platform->sleep_until(platform->context, now() + duration);
    atomic_store(&fire.over, true);
    CHECK(pthread_join(writer, NULL) == 0);
    for (int i = 0; i < FOLLOWERS + PEEKERS; i++) {
        const struct reader *const reader = &readers[i];
        CHECK(pthread_join(reader->thread, NULL) == 0);
        CHECK(reader->wrong == 0);
        CHECK(i >= FOLLOWERS || reader->values > 0);
    }
    union box_sample newest;
    CHECK(amp_channel_latest(&fire.box.reader, &newest.sample, NULL) == AMP_READ_VALUE);
    CHECK(newest.sample.count == fire.published && box_is_whole(&fire.box, &newest.sample));
    for (int i = 0; i < FOLLOWERS; i++) { /* what came after their last look is in flight */
        union box_sample out;
        struct reader *const reader = &readers[i];
        while (amp_cursor_next(&reader->cursor, &out.sample) == AMP_READ_VALUE) {
            reader->values++;
            CHECK(box_is_whole(&fire.box, &out.sample));
        }
        CHECK(reader->cursor.position == fire.published);
        CHECK(reader->values + reader->cursor.lost == fire.published);
    }
    printf("depth %u: %llu published; followed %llu, lost %llu, torn %llu; peeked %llu, nothing "
           "%llu\n",
           depth, (unsigned long long)fire.published, (unsigned long long)readers[0].values,
           (unsigned long long)readers[0].cursor.lost, (unsigned long long)readers[0].cursor.torn,
           (unsigned long long)readers[FOLLOWERS].values,
           (unsigned long long)readers[FOLLOWERS].no_new);
}

static void test_no_torn_value_passes_when_threads_race_on_a_cell(void) {
    run_threads(4, 400000000);
}

static void test_no_torn_value_passes_when_threads_race_on_a_log(void) {
    run_threads(8, 300000000);
    run_threads(256, 300000000);
}

/* The writer is a process that dies. Only the descriptor is shared: a mapping of ours is not
 * inherited, and the child may be killed at any instruction. */

#define DEATHS 60
#define SEEN 4096

#ifndef AMP_TSAN

static struct {
    uint64_t count;
    uint32_t epoch;
} seen[SEEN];

struct scene {
    int descriptor;
    size_t size;
    struct box box; /* its channel views are bound to the mapping */
    struct amp_cursor cursor;
    uint64_t delivered;
    uint64_t newest;
};

static void bind_scene(struct scene *scene, bool writable) {
    void *base = NULL;
    if (amp_platform_map(scene->descriptor, scene->size, writable, &base) != 0) {
        _exit(1);
    }
    scene->box.depth = 4;
    if (amp_channel_bind(&scene->box.writer, base, scene->size, WORDS, 4) != 0) {
        _exit(1);
    }
    scene->box.reader = scene->box.writer;
}

_Noreturn static void write_until_killed(struct scene *scene, uint32_t epoch) {
    bind_scene(scene, true);
    amp_channel_attach(&scene->box.writer, epoch);
    for (;;) {
        box_publish(&scene->box);
    }
}

/* One number, one content: a count never comes back with another epoch. */
static void see(struct scene *scene, const struct amp_sample *sample) {
    const uint32_t epoch = (uint32_t)sample->mark;
    CHECK(box_is_whole(&scene->box, sample));
    const uint64_t place = sample->count % SEEN;
    CHECK(seen[place].count != sample->count || seen[place].epoch == epoch);
    seen[place].count = sample->count;
    seen[place].epoch = epoch;
}

static void look(struct scene *scene) {
    union box_sample out;
    if (amp_channel_latest(&scene->box.reader, &out.sample, NULL) == AMP_READ_VALUE) {
        see(scene, &out.sample);
        CHECK(out.sample.count >= scene->newest);
        scene->newest = out.sample.count;
    }
    while (amp_cursor_next(&scene->cursor, &out.sample) == AMP_READ_VALUE) {
        see(scene, &out.sample);
        scene->delivered++;
    }
}

/* After a death the last committed value is readable, and so is the history behind it. */
static void look_at_the_dead(struct scene *scene) {
    union box_sample out;
    struct amp_cursor history;
    look(scene);
    const uint64_t count = amp_channel_count(&scene->box.reader);
    if (count == 0) {
        return;
    }
    CHECK(amp_channel_latest(&scene->box.reader, &out.sample, NULL) == AMP_READ_VALUE);
    CHECK(out.sample.count == count);
    amp_cursor_open(&history, &scene->box.reader, AMP_START_OLDEST);
    uint64_t readable = 0;
    while (amp_cursor_next(&history, &out.sample) == AMP_READ_VALUE) {
        see(scene, &out.sample);
        readable++;
    }
    CHECK(history.lost == 0 && readable >= (count < 2 ? count : 2));
}

static void one_life(struct scene *scene, uint32_t epoch) {
    const pid_t child = fork();
    if (child == 0) {
        write_until_killed(scene, epoch);
    }
    CHECK(child > 0);
    const amp_ns end = now() + (amp_ns)seeded_below(8000000);
    while (now() < end) {
        look(scene);
    }
    CHECK(kill(child, SIGKILL) == 0);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    look_at_the_dead(scene);
}

static void test_invariants_hold_when_the_writer_is_killed_again_and_again(void) {
    static struct scene scene;
    scene.size = (size_t)sysconf(_SC_PAGESIZE);
    scene.descriptor = amp_platform_memfd("amp-test-stress", scene.size);
    CHECK(scene.descriptor >= 0);
    bind_scene(&scene, false);
    amp_cursor_open(&scene.cursor, &scene.box.reader, AMP_START_LATEST);
    for (uint32_t epoch = 1; epoch <= DEATHS; epoch++) {
        one_life(&scene, epoch);
    }
    struct amp_channel last = scene.box.reader;
    void *base = NULL;
    CHECK(amp_platform_map(scene.descriptor, scene.size, true, &base) == 0);
    CHECK(amp_channel_bind(&last, base, scene.size, WORDS, 4) == 0);
    const uint64_t published = amp_channel_attach(&last, DEATHS + 1);
    look(&scene);
    CHECK(published > DEATHS);
    CHECK(scene.cursor.position == published);
    CHECK(scene.delivered + scene.cursor.lost == published);
    printf("%d writers killed: %llu published, %llu delivered, %llu lost, %llu torn\n", DEATHS,
           (unsigned long long)published, (unsigned long long)scene.delivered,
           (unsigned long long)scene.cursor.lost, (unsigned long long)scene.cursor.torn);
    CHECK(amp_platform_unmap(base, scene.size) == 0);
    CHECK(close(scene.descriptor) == 0);
}

#endif

int main(void) {
    seeded_begin();
    RUN(test_no_torn_value_passes_when_threads_race_on_a_cell);
    RUN(test_no_torn_value_passes_when_threads_race_on_a_log);
#ifndef AMP_TSAN /* it does not follow a mapping into another process */
    RUN(test_invariants_hold_when_the_writer_is_killed_again_and_again);
#endif
    return CHECK_DONE();
}
