/* An example of a program of one's own beside amphost's roles.
 *
 * It joins what it was handed, reads the newest publication of the role `control` each millisecond,
 * and publishes two words: the control role's first value again, and how often the control role
 * has published. It ends when the supervisor wants it, at SIGTERM, or when it is orphaned.
 *
 *     cc -o reader reader.c $(amphost cflags)
 *
 * start.py starts it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "amphost.h"

#define PERIOD_NS 1000000
#define STALE_AFTER_NS 20000000
#define WORDS 2

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

/* This program's own segment: the one it may write. */
static struct amp_attached_segment *own_segment(struct amp_attached *attached) {
    for (uint32_t i = 0; i < attached->count; i++) {
        if (attached->segments[i].own) {
            return &attached->segments[i];
        }
    }
    return NULL;
}

/* One period: read, publish, say that there was progress. Without a whole value nothing is published;
 * a value that is too old is flagged, not hidden. */
static void step(const struct amp_channel *control, struct amp_attached_segment *own) {
    union {
        struct amp_sample sample;
        uint64_t room[sizeof(struct amp_sample) / sizeof(uint64_t) + AMP_CHANNEL_WORDS_MAX];
    } newest;
    const amp_ns at = now();
    if (amp_channel_latest(control, &newest.sample, NULL) == AMP_READ_VALUE) {
        const bool stale = at - newest.sample.t_ns > STALE_AFTER_NS;
        const uint64_t words[WORDS] = {newest.sample.words[0], newest.sample.count};
        amp_channel_publish(&own->channel, at, stale ? AMP_FLAG_STALE : 0, words);
    }
    amp_owner_beat(own->owner, AMP_AT_WAIT, at);
}

static int refuse(const char *what, const char *why) {
    (void)fprintf(stderr, "reader: %s: %s\n", what, why);
    return 1;
}

static int attach(struct amp_attached *attached) {
    const int result = amp_attach(attached);
    if (result == AMP_OK) {
        return 0;
    }
    char what[64] = "cannot attach";
    if (attached->line > 0) {
        (void)snprintf(what, sizeof what, "line %u of the directory", (unsigned)attached->line);
    }
    return refuse(what, amp_attach_words(result));
}

int main(void) {
    static struct amp_attached attached;
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* no program is left behind by a starter that died */
    if (attach(&attached) != 0) {
        return 1;
    }
    struct amp_attached_segment *const own = own_segment(&attached);
    const struct amp_attached_segment *const control = amp_attached_find(&attached, "control");
    const struct amp_attached_segment *const supervisor =
        amp_attached_find(&attached, "supervisor"); /* it may not be handed over */
    if (own == NULL || !own->has_channel || own->channel.words != WORDS) {
        return refuse("own segment", "it needs a channel of two words");
    }
    if (control == NULL || !control->has_channel) {
        return refuse("control", "it was not handed over, or has no channel");
    }
    printf("%s: epoch %u, reads control\n", own->role, (unsigned)own->epoch);
    (void)fflush(stdout);
    for (amp_ns next = now(); !asked_to_end; next += PERIOD_NS) {
        if (supervisor != NULL && supervisor->system != NULL &&
            amp_system_wanted(supervisor->system, own->role_id) == AMP_WANTED_END) {
            break;
        }
        step(&control->channel, own);
        sleep_until(next + PERIOD_NS);
    }
    amp_detach(&attached);
    return 0;
}
