#include "amp/pace.h"

/* Samples of a calibration above its 99th percentile, and that one. */
#define TAIL (AMP_PACE_TRIALS / 100 + 1)
#define TRIAL_NS_LEAST 100000

static amp_ns least(amp_ns a, amp_ns b) {
    return a < b ? a : b;
}

static amp_ns within(amp_ns value, amp_ns low, amp_ns high) {
    return value < low ? low : least(value, high);
}

amp_ns amp_pace_margin_most(amp_ns period_ns) {
    const amp_ns share = period_ns / 20;
    const amp_ns usual = least(AMP_PACE_MARGIN_USUAL_NS, period_ns / 3);
    return share > usual ? share : usual;
}

int amp_pace_init(struct amp_pace *pace) {
    if ((int)pace->kind < 0 || pace->kind > AMP_PACE_SPIN || pace->period_ns <= 0 ||
        pace->margin_most_ns < 0 || pace->margin_most_ns > pace->period_ns) {
        return -AMP_EARG;
    }
    if (pace->margin_most_ns == 0) {
        pace->margin_most_ns = amp_pace_margin_most(pace->period_ns);
    }
    pace->margin_ns = pace->kind == AMP_PACE_SLEEP ? 0 : pace->margin_most_ns;
    pace->wakeup_ns = 0;
    pace->nap_least_ns = least(AMP_PACE_MARGIN_USUAL_NS, pace->period_ns / 4);
    pace->slept_ns = 0;
    pace->sleeps = 0;
    pace->late = 0;
    return AMP_OK;
}

static void set_margin(struct amp_pace *pace, amp_ns margin) {
    const amp_ns most = pace->margin_most_ns;
    pace->margin_ns = within(margin, least(AMP_PACE_MARGIN_LEAST_NS, most), most);
}

/* Keep the largest of all samples, the smallest of them first. */
static void keep_largest(amp_ns largest[TAIL], amp_ns sample) {
    if (sample <= largest[0]) {
        return;
    }
    int i = 0;
    for (; i + 1 < TAIL && largest[i + 1] < sample; i++) {
        largest[i] = largest[i + 1];
    }
    largest[i] = sample;
}

void amp_pace_calibrate(struct amp_pace *pace, const struct amp_platform *platform) {
    if (pace->kind == AMP_PACE_SLEEP) {
        return;
    }
    amp_ns largest[TAIL] = {0};
    uint32_t spread = 1; /* distances that keep no step with anything of the machine's */
    for (int i = 0; i < AMP_PACE_TRIALS; i++) {
        spread = spread * 1664525u + 1013904223u;
        const amp_ns distance =
            TRIAL_NS_LEAST + (amp_ns)(spread >> 8) % (AMP_PACE_TRIAL_NS_MAX - TRIAL_NS_LEAST);
        const amp_ns target = platform->now(platform->context) + distance;
        platform->sleep_until(platform->context, target);
        keep_largest(largest, platform->now(platform->context) - target);
    }
    pace->wakeup_ns = largest[0];
    set_margin(pace, pace->wakeup_ns + pace->wakeup_ns / 8);
}

static void sleep_until(struct amp_pace *pace, const struct amp_platform *platform, amp_ns until) {
    platform->sleep_until(platform->context, until);
    pace->slept_ns = platform->now(platform->context);
    pace->sleeps++;
}

/* Sleep with the margin in hand, which follows what it was worth. */
static void sleep_inside(struct amp_pace *pace, const struct amp_platform *platform, amp_ns until) {
    sleep_until(pace, platform, until);
    const bool late = pace->slept_ns - until > pace->margin_ns;
    pace->late += late ? 1 : 0;
    set_margin(pace, pace->margin_ns + (late ? AMP_PACE_RISE_NS : -AMP_PACE_FALL_NS));
}

/* A release that is too near is left to the clock, but not for ever. */
static void sleep_before(struct amp_pace *pace, const struct amp_platform *platform, amp_ns now,
                         amp_ns release) {
    const amp_ns until = release - pace->margin_ns;
    if (now < until) {
        sleep_inside(pace, platform, until);
    } else if (now - pace->slept_ns > AMP_PACE_AWAKE_NS_MAX) {
        sleep_until(pace, platform, release);
    }
}

/* Linux takes a core from a real-time thread that never leaves it, 50 ms in each second: the nap is
 * taken instead, early in a period that has room for it and its wake-up. */
static void nap(struct amp_pace *pace, const struct amp_platform *platform, amp_ns now,
                amp_ns release) {
    const amp_ns owed = (now - pace->slept_ns) / AMP_PACE_NAP_SHARE;
    const amp_ns room = release - pace->margin_ns - now;
    if (owed >= pace->nap_least_ns && room >= pace->nap_least_ns) {
        sleep_inside(pace, platform, now + least(owed, room));
    }
}

/* A look at the clock takes some nanoseconds: there are fewer looks than nanoseconds left. */
static amp_ns spin_until(const struct amp_platform *platform, amp_ns now, amp_ns release) {
    for (amp_ns looks = release - now; looks > 0 && now < release; looks--) {
        now = platform->now(platform->context);
    }
    return now;
}

amp_ns amp_pace_until(struct amp_pace *pace, const struct amp_platform *platform, amp_ns release) {
    const amp_ns now = platform->now(platform->context);
    if (now >= release) {
        return now;
    }
    if (pace->kind == AMP_PACE_SLEEP) {
        sleep_until(pace, platform, release);
        return pace->slept_ns;
    }
    if (pace->kind == AMP_PACE_HYBRID) {
        sleep_before(pace, platform, now, release);
    } else {
        nap(pace, platform, now, release);
    }
    return spin_until(platform, platform->now(platform->context), release);
}
