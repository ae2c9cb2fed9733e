/* An example of a program of one's own as a role: it smooths the motor's position.
 *
 *     cc -O2 -o own_program/smooth own_program/smooth.c $(amphost cflags)
 *     amphost run own_program
 *
 * It reads io.position each period, publishes its mean over a time constant, and says with its
 * heartbeat that it makes progress. It ends when the supervisor wants it, or at SIGTERM.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amphost.h"

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number) {
    (void)number;
    asked_to_end = 1;
}

static amp_ns now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (amp_ns)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_until(amp_ns deadline) {
    const struct timespec at = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL); /* a signal may end it */
}

static int refuse(const char *what, const char *why) {
    (void)fprintf(stderr, "smooth: %s: %s\n", what, why);
    return 1;
}

/* Everything one period needs. */
struct smoother {
    const struct amp_channel *source;
    struct amp_attached_segment *own;
    int position; /* its word in the source's channel */
    double share; /* of the newest value in the mean */
    double mean;
    uint64_t seen; /* publications of the source that were used */
};

/* One period: a value that is whole and new moves the mean, and the mean is published. */
static void step(struct smoother *smoother) {
    union {
        struct amp_sample sample;
        uint64_t room[sizeof(struct amp_sample) / sizeof(uint64_t) + AMP_CHANNEL_WORDS_MAX];
    } newest;
    const amp_ns at = now();
    if (amp_channel_latest(smoother->source, &newest.sample, NULL) == AMP_READ_VALUE &&
        newest.sample.count != smoother->seen) {
        double position;
        memcpy(&position, &newest.sample.words[smoother->position], sizeof position);
        smoother->mean +=
            (smoother->seen == 0 ? 1.0 : smoother->share) * (position - smoother->mean);
        smoother->seen = newest.sample.count;
        uint64_t words[1];
        memcpy(&words[0], &smoother->mean, sizeof words[0]);
        amp_channel_publish(&smoother->own->channel, at, 0, words);
    }
    amp_owner_add(smoother->own->owner, AMP_COUNT_TICKS, 1);
    amp_owner_beat(smoother->own->owner, AMP_AT_WAIT, at);
}

static struct amp_attached_segment *own_segment(struct amp_attached *attached) {
    for (uint32_t i = 0; i < attached->count; i++) {
        if (attached->segments[i].own) {
            return &attached->segments[i];
        }
    }
    return NULL;
}

int main(int count, char **arguments) {
    static struct amp_attached attached; /* it may not move */
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL);
    const char *const period_text = getenv("AMPHOST_PERIOD_NS");
    const amp_ns period = period_text == NULL ? 0 : strtoll(period_text, NULL, 10);
    const double constant_s = count == 2 ? strtod(arguments[1], NULL) : 0.0;
    if (period <= 0 || constant_s <= 0.0) {
        return refuse("usage", "smooth SECONDS, started by amphost");
    }
    const int result = amp_attach(&attached);
    if (result != AMP_OK) {
        return refuse("cannot attach", amp_attach_words(result));
    }
    const struct amp_attached_segment *const io = amp_attached_find(&attached, "io");
    const struct amp_attached_segment *const supervisor =
        amp_attached_find(&attached, "supervisor");
    struct smoother smoother = {.own = own_segment(&attached)};
    if (io == NULL || supervisor == NULL || smoother.own == NULL ||
        smoother.own->channel.words != 1) {
        return refuse("segments", "it reads io and writes one value");
    }
    smoother.source = &io->channel;
    smoother.position = amp_attached_word(io, "position");
    if (smoother.position < 0) {
        return refuse("io", "it has no position");
    }
    smoother.share = (double)period / 1e9 / constant_s;
    for (amp_ns next = now(); !asked_to_end; next += period) {
        if (amp_system_wanted(supervisor->system, smoother.own->role_id) == AMP_WANTED_END) {
            break;
        }
        step(&smoother);
        sleep_until(next + period);
    }
    amp_detach(&attached);
    return 0;
}
