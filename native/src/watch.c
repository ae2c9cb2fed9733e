#include "amp/watch.h"

#include <math.h>
#include <string.h>

#include "amp/atomic.h"

struct watched_role {
    const struct amp_owner *owner;
    amp_ns bound_ns; /* 0: not watched */
    uint64_t beat;
    amp_ns seen_ns;
    uint64_t judged;            /* `enabled` as the last pass found it */
    struct amp_word enabled;    /* written by the main thread: 1 | how often enabled << 1 */
    struct amp_word stopped_at; /* written by the watchdog thread, */
    struct amp_word stopped_in; /* and the `enabled` in which it was found, last */
};

struct operator_value {
    const double *times_s;
    const double *values;
    uint32_t count;
};

/* What the main thread has set, all of it in one publication of a channel in this process's own
 * memory: when the profiles began, then of each value its bits and whether it stands over its
 * profile. */
#define SETTING_WORDS (1 + 2 * AMP_WATCH_VALUES_MAX)
#define SETTING_DEPTH AMP_CHANNEL_DEPTH_MIN
#define SETTING_BYTES 8192
#define SET_BITS(index) (1 + 2 * (index))
#define SET_STANDS(index) (2 + 2 * (index))

struct amp_watch {
    const struct amp_platform *platform;
    struct amp_system *system;
    struct amp_owner *owner;
    struct amp_channel channel;
    bool publishes;
    amp_ns period_ns;
    amp_ns operator_period_ns;
    amp_ns next_publication_ns;
    amp_ns last_pass_ns;
    uint32_t value_count;
    struct watched_role roles[AMP_ROLES_MAX];
    struct operator_value values[AMP_WATCH_VALUES_MAX];
    uint64_t words[AMP_WATCH_VALUES_MAX];
    struct amp_channel setting;
    uint64_t set[SETTING_WORDS];      /* the main thread's copy, */
    uint64_t seen[3 + SETTING_WORDS]; /* and the watchdog thread's, as a sample */
    unsigned char setting_bytes[SETTING_BYTES];
    struct amp_word ending;  /* written by the main thread */
    struct amp_word put_off; /* written by the watchdog thread */
};

size_t amp_watch_size(void) {
    return sizeof(struct amp_watch);
}

/* Bind the channel of what is set at the first cache line of its bytes. */
static int open_setting(struct amp_watch *watch) {
    const size_t over = (uintptr_t)watch->setting_bytes % AMP_CACHE_LINE;
    const size_t skipped = over != 0 ? AMP_CACHE_LINE - over : 0;
    const int result = amp_channel_bind(&watch->setting, watch->setting_bytes + skipped,
                                        SETTING_BYTES - skipped, SETTING_WORDS, SETTING_DEPTH);
    if (result == AMP_OK) {
        (void)amp_channel_attach(&watch->setting, 1);
    }
    return result;
}

int amp_watch_init(struct amp_watch *watch, const struct amp_platform *platform,
                   struct amp_system *system, struct amp_owner *owner,
                   const struct amp_channel *operator_channel, amp_ns period_ns,
                   amp_ns operator_period_ns) {
    if (period_ns <= 0 || operator_period_ns <= 0) {
        return -AMP_EARG;
    }
    memset(watch, 0, sizeof *watch);
    watch->platform = platform;
    watch->system = system;
    watch->owner = owner;
    watch->period_ns = period_ns;
    watch->operator_period_ns = operator_period_ns;
    if (operator_channel != NULL) {
        watch->channel = *operator_channel;
        watch->publishes = true;
    }
    return open_setting(watch);
}

int amp_watch_add_role(struct amp_watch *watch, uint32_t role, const struct amp_owner *owner,
                       amp_ns bound_ns) {
    if (role >= AMP_ROLES_MAX || owner == NULL || bound_ns <= 0) {
        return -AMP_EARG;
    }
    watch->roles[role].owner = owner;
    watch->roles[role].bound_ns = bound_ns;
    return AMP_OK;
}

/* A profile that profile_at() can run on: its length is at least 1 ns, and a century at most. */
static bool is_profile(const double *times_s, const double *values, uint32_t count) {
    if (times_s == NULL || values == NULL || count < 2 || times_s[0] < 0.0 || times_s[0] > 0.0) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!isfinite(times_s[i]) || !isfinite(values[i]) ||
            (i > 0 && times_s[i] <= times_s[i - 1])) {
            return false;
        }
    }
    return times_s[count - 1] >= 1e-9 && times_s[count - 1] <= 3.2e9;
}

static void set_bits(struct amp_watch *watch, uint32_t index, double value) {
    memcpy(&watch->set[SET_BITS(index)], &value, sizeof value);
}

int amp_watch_add_value(struct amp_watch *watch, double initial, const double *times_s,
                        const double *values, uint32_t count) {
    if (!watch->publishes || watch->value_count >= watch->channel.words ||
        watch->value_count >= AMP_WATCH_VALUES_MAX || !isfinite(initial) ||
        (count > 0 && !is_profile(times_s, values, count))) {
        return -AMP_EARG;
    }
    struct operator_value *const value = &watch->values[watch->value_count];
    value->times_s = times_s;
    value->values = values;
    value->count = count;
    watch->value_count++;
    set_bits(watch, watch->value_count - 1, count > 0 ? values[0] : initial);
    amp_channel_publish(&watch->setting, 0, 0, watch->set);
    return AMP_OK;
}

static void judge(struct amp_watch *watch, uint32_t role, amp_ns now, bool was_late) {
    struct watched_role *const watched = &watch->roles[role];
    const uint64_t enabled = amp_load_acquire(&watched->enabled);
    const uint64_t beat = amp_owner_heartbeat(watched->owner, NULL, NULL);
    if ((enabled & 1) == 0 || enabled != watched->judged || was_late || beat != watched->beat) {
        watched->judged = enabled;
        watched->beat = beat;
        watched->seen_ns = now;
        return;
    }
    if (now - watched->seen_ns > watched->bound_ns &&
        amp_load_relaxed(&watched->stopped_in) != enabled) {
        uint64_t arming = 0;
        (void)amp_system_mode(watch->system, &arming);
        amp_system_trip(watch->system, arming, AMP_FAULT_HEARTBEAT, role);
        amp_store_relaxed(&watched->stopped_at, (uint64_t)now);
        /* Pairs with the acquire in amp_watch_stopped_at(): that sees the time and the trip. */
        amp_store_release(&watched->stopped_in, enabled);
    }
}

/* The profile's value |at_s| seconds into it, by linear interpolation between its points. */
static double profile_at(const struct operator_value *value, double at_s) {
    uint32_t low = 0;
    uint32_t high = value->count - 1;
    while (high - low > 1) { /* halves: at most 32 passes */
        const uint32_t middle = low + (high - low) / 2;
        if (value->times_s[middle] <= at_s) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const double span = value->times_s[high] - value->times_s[low];
    const double part = (at_s - value->times_s[low]) / span;
    const double clipped = part < 0.0 ? 0.0 : part > 1.0 ? 1.0 : part;
    return value->values[low] + clipped * (value->values[high] - value->values[low]);
}

static double value_at(const struct amp_watch *watch, uint32_t index, amp_ns now) {
    const struct operator_value *const value = &watch->values[index];
    const uint64_t *const setting = &watch->seen[3];
    const amp_ns from = (amp_ns)setting[0];
    double set;
    memcpy(&set, &setting[SET_BITS(index)], sizeof set);
    if (value->count == 0 || setting[SET_STANDS(index)] != 0 || from == 0 || now < from) {
        return set;
    }
    const amp_ns length = (amp_ns)(value->times_s[value->count - 1] * 1e9);
    return profile_at(value, (double)((now - from) % length) * 1e-9);
}

/* Take over what was set since the last time; while the main thread is setting, what held before. */
static void look_at_setting(struct amp_watch *watch) {
    uint64_t record[3 + SETTING_WORDS];
    struct amp_sample *const sample = (void *)record;
    if (amp_channel_count(&watch->setting) != watch->seen[0] &&
        amp_channel_latest(&watch->setting, sample, NULL) == AMP_READ_VALUE) {
        memcpy(watch->seen, record, sizeof record);
    }
}

static void publish_values(struct amp_watch *watch, amp_ns now) {
    look_at_setting(watch);
    for (uint32_t i = 0; i < watch->value_count; i++) {
        const double value = value_at(watch, i, now);
        memcpy(&watch->words[i], &value, sizeof value);
    }
    const bool armed = amp_system_mode(watch->system, NULL) == AMP_MODE_ARMED;
    amp_channel_publish(&watch->channel, now, armed ? AMP_FLAG_ARMED : 0u, watch->words);
}

void amp_watch_pass(struct amp_watch *watch, amp_ns now) {
    const amp_ns gap = watch->last_pass_ns != 0 ? now - watch->last_pass_ns : 0;
    watch->last_pass_ns = now;
    bool any_late = false;
    for (uint32_t role = 0; role < AMP_ROLES_MAX; role++) {
        if (watch->roles[role].bound_ns > 0) {
            const bool was_late = gap > watch->roles[role].bound_ns / 2;
            any_late = any_late || was_late;
            judge(watch, role, now, was_late);
        }
    }
    if (any_late) {
        amp_add_own(&watch->put_off, 1);
    }
    if (watch->publishes && now >= watch->next_publication_ns) {
        publish_values(watch, now);
        watch->next_publication_ns =
            now - now % watch->operator_period_ns + watch->operator_period_ns;
    }
}

static void watch_run(void *argument) {
    struct amp_watch *const watch = argument;
    const struct amp_platform *const platform = watch->platform;
    amp_ns release = platform->now(platform->context);
    while (amp_load_acquire(&watch->ending) == 0) { /* ends with amp_watch_stop() */
        const amp_ns now = platform->now(platform->context);
        amp_owner_record(watch->owner, AMP_HISTOGRAM_WAKEUP, now - release);
        amp_watch_pass(watch, now);
        release += watch->period_ns;
        if (release < now) {
            release = now + watch->period_ns;
        }
        platform->sleep_until(platform->context, release);
    }
}

int amp_watch_start(struct amp_watch *watch, int core, int priority, int *granted_priority) {
    return amp_platform_thread_start(watch_run, watch, core, priority, granted_priority);
}

int amp_watch_stop(struct amp_watch *watch) {
    amp_store_release(&watch->ending, 1); /* pairs with the acquire in watch_run() */
    return amp_platform_thread_join();
}

void amp_watch_enable(struct amp_watch *watch, uint32_t role, bool enabled) {
    AMP_ASSERT(role < AMP_ROLES_MAX);
    struct amp_word *const word = &watch->roles[role].enabled;
    const uint64_t before = amp_load_relaxed(word);
    amp_store_release(word, enabled ? (before | 1) + 2 : before & ~UINT64_C(1));
}

amp_ns amp_watch_stopped_at(const struct amp_watch *watch, uint32_t role) {
    AMP_ASSERT(role < AMP_ROLES_MAX);
    const struct watched_role *const watched = &watch->roles[role];
    const uint64_t found_in = amp_load_acquire(&watched->stopped_in);
    const bool since_enabled = found_in == (amp_load_relaxed(&watched->enabled) | 1);
    return since_enabled ? (amp_ns)amp_load_relaxed(&watched->stopped_at) : 0;
}

void amp_watch_set_values(struct amp_watch *watch, const uint32_t *indices, const double *values,
                          uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        AMP_ASSERT(indices[i] < watch->value_count);
        set_bits(watch, indices[i], values[i]);
        watch->set[SET_STANDS(indices[i])] = 1;
    }
    amp_channel_publish(&watch->setting, 0, 0, watch->set);
}

void amp_watch_run_profiles(struct amp_watch *watch, amp_ns start_ns) {
    for (uint32_t i = 0; i < watch->value_count; i++) {
        const bool stands = watch->set[SET_STANDS(i)] != 0 && start_ns == 0;
        if (watch->values[i].count > 0 && !stands) {
            set_bits(watch, i, watch->values[i].values[0]);
            watch->set[SET_STANDS(i)] = 0;
        }
    }
    watch->set[0] = (uint64_t)start_ns;
    amp_channel_publish(&watch->setting, 0, 0, watch->set);
}

bool amp_watch_follows_profile(const struct amp_watch *watch, uint32_t index) {
    AMP_ASSERT(index < watch->value_count);
    return watch->values[index].count > 0 && watch->set[0] != 0 &&
           watch->set[SET_STANDS(index)] == 0;
}

uint64_t amp_watch_put_off(const struct amp_watch *watch) {
    return amp_load_relaxed(&watch->put_off);
}
