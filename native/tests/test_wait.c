/* Waiting for a channel: what ends it, who is woken, and that no wake-up is lost. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "amp/platform.h"
#include "amp/wait.h"
#include "channel_box.h"

#define MS 1000000LL
#define WRITER 5 /* a role id */

static struct box box;
static struct amp_owner owner; /* of who waits */
static struct amp_waiter waiter;
static const struct amp_owner *const readers[] = {&owner};

static amp_ns now(void) {
    const struct amp_platform *const platform = amp_platform_linux();
    return platform->now(platform->context);
}

static void open_box(struct amp_owner *own) {
    memset(&owner, 0, sizeof owner);
    box_open(&box, 2, 8);
    amp_channel_attach(&box.writer, 1);
    amp_waiter_open(&waiter, &box.reader, own, WRITER);
}

static void test_news_that_are_there_end_it_at_once(void) {
    open_box(&owner);
    box_publish(&box);
    CHECK(amp_wait(&waiter, 0, now() + 10000 * MS) == AMP_WAITED_NEWS);
    CHECK(amp_wait(&waiter, 0, 0) == AMP_WAITED_NEWS); /* even when the time is over */
    CHECK(amp_wait(&waiter, 1, now()) == AMP_WAITED_NOTHING);
    CHECK(amp_wait(&waiter, 2, now()) == AMP_WAITED_NOTHING); /* one ahead of `latest` */
}

static void test_it_ends_at_its_deadline_and_not_before(void) {
    for (int woken = 0; woken <= 1; woken++) {
        open_box(woken ? &owner : NULL);
        const amp_ns deadline = now() + 5 * MS;
        CHECK(amp_wait(&waiter, 0, deadline) == AMP_WAITED_NOTHING);
        CHECK(now() >= deadline);
        CHECK(amp_load_relaxed(&owner.waiting) == 0);
    }
}

static void test_nobody_is_woken_while_nobody_waits(void) {
    open_box(&owner);
    box_publish(&box);
    CHECK(!amp_wake(&box.writer, WRITER, readers, 1));
    CHECK(!amp_wake(&box.writer, WRITER, readers, 0));
    amp_store_relaxed(&owner.waiting, WRITER + 2); /* it waits for another */
    CHECK(!amp_wake(&box.writer, WRITER, readers, 1));
    amp_store_relaxed(&owner.waiting, WRITER + 1);
    CHECK(amp_wake(&box.writer, WRITER, readers, 1));
}

static void *publish_later(void *wakes) {
    while (wakes != NULL && amp_load_acquire(&owner.waiting) != WRITER + 1) {
    }
    nanosleep(&(struct timespec){.tv_nsec = 2 * MS}, NULL);
    box_publish(&box);
    if (wakes != NULL) {
        CHECK(amp_wake(&box.writer, WRITER, readers, 1));
    }
    return NULL;
}

static void test_a_sleeper_is_woken(void) {
    pthread_t thread;
    open_box(&owner);
    waiter.spin_ns = 0;
    waiter.sleep_ns = 20000 * MS;
    CHECK(pthread_create(&thread, NULL, publish_later, &owner) == 0);
    CHECK(amp_wait(&waiter, 0, now() + 20000 * MS) == AMP_WAITED_NEWS);
    CHECK(amp_load_relaxed(&owner.waiting) == 0);
    pthread_join(thread, NULL);
}

static void test_who_is_not_woken_looks_by_itself(void) {
    pthread_t thread;
    open_box(NULL);
    CHECK(pthread_create(&thread, NULL, publish_later, NULL) == 0);
    CHECK(amp_wait(&waiter, 0, now() + 20000 * MS) == AMP_WAITED_NEWS);
    pthread_join(thread, NULL);
}

static atomic_int handled;

static void on_signal(int number) {
    (void)number;
    handled = 1;
}

static void *interrupt(void *target) {
    while (amp_load_acquire(&owner.waiting) == 0) {
    }
    while (!handled || amp_load_acquire(&owner.waiting) != 0) { /* until it is asleep and hit */
        pthread_kill(*(pthread_t *)target, SIGUSR1);
        nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
    }
    return NULL;
}

static void test_a_signal_ends_a_sleep(void) {
    pthread_t thread;
    pthread_t self = pthread_self();
    open_box(&owner);
    waiter.sleep_ns = 20000 * MS;
    CHECK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, interrupt, &self) == 0);
    CHECK(amp_wait(&waiter, 0, now() + 20000 * MS) == AMP_WAITED_SIGNAL);
    pthread_join(thread, NULL);
    CHECK(handled == 1);
}

/* Two sides answer each other; either sleeps without a look, so a lost wake-up is a hang. */

#define ROUNDS 5000
#define HANG (20000 * MS)

struct side {
    struct box box;
    struct amp_owner owner;
    uint64_t slow; /* waits that took as long as a hang */
};

static struct side sides[2];

static void *answer(void *argument) {
    struct side *const mine = argument;
    struct side *const other = mine == &sides[0] ? &sides[1] : &sides[0];
    const struct amp_owner *const woken[] = {&other->owner};
    struct amp_waiter pause;
    amp_waiter_open(&pause, &other->box.reader, &mine->owner, WRITER);
    pause.sleep_ns = 2 * HANG;
    for (uint64_t k = 1; k <= ROUNDS; k++) {
        pause.spin_ns = k % 3 == 0 ? (amp_ns)(k % 7) * 1000 : 0;
        if (mine == &sides[0]) {
            box_publish(&mine->box);
            amp_wake(&mine->box.writer, WRITER, woken, 1);
        }
        mine->slow += amp_wait(&pause, k - 1, now() + HANG) != AMP_WAITED_NEWS;
        if (mine == &sides[1]) {
            box_publish(&mine->box);
            amp_wake(&mine->box.writer, WRITER, woken, 1);
        }
    }
    return NULL;
}

static void test_no_wake_up_is_lost(void) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        box_open(&sides[i].box, 2, 8);
        amp_channel_attach(&sides[i].box.writer, 1);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, answer, &sides[i]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK(sides[i].slow == 0);
        CHECK(amp_channel_count(&sides[i].box.reader) == ROUNDS);
    }
}

int main(void) {
    seeded_begin();
    RUN(test_news_that_are_there_end_it_at_once);
    RUN(test_it_ends_at_its_deadline_and_not_before);
    RUN(test_nobody_is_woken_while_nobody_waits);
    RUN(test_a_sleeper_is_woken);
    RUN(test_who_is_not_woken_looks_by_itself);
    RUN(test_a_signal_ends_a_sleep);
    RUN(test_no_wake_up_is_lost);
    return CHECK_DONE();
}
