#include "amp/tally.h"

#include <math.h>
#include <string.h>

#define BITS_PER_BYTE 10.0 /* start, eight, stop */

_Static_assert(AMP_TALLY_TIMES + 4 * AMP_TIME_COUNT == AMP_TALLY_WORDS,
               "the times are the last words");

static bool is_count(uint32_t word) {
    return word >= AMP_TALLY_FRAMES_IN && word < AMP_TALLY_TIMES;
}

void amp_tally_begin(struct amp_tally *tally, amp_ns now) {
    union {
        struct amp_sample sample;
        uint64_t words[3 + AMP_TALLY_WORDS];
    } last;
    tally->bytes_in = tally->bytes_out = tally->replaced = 0;
    tally->ports_lost = tally->ports_opened = 0;
    tally->states = tally->actuations = tally->applied = tally->refused_values = 0;
    tally->device_reason = 0;
    tally->second = 0;
    tally->began_ns = now;
    tally->bytes_in_before = tally->bytes_out_before = 0;
    memset(tally->times, 0, sizeof tally->times);
    memset(tally->before, 0, sizeof tally->before);
    if (tally->channel.line != NULL &&
        amp_channel_latest(&tally->channel, &last.sample, NULL) == AMP_READ_VALUE) {
        memcpy(tally->before, last.sample.words, sizeof tally->before);
    }
}

void amp_tally_time(struct amp_tally *tally, enum amp_tally_time time, amp_ns value) {
    struct amp_tally_span *const span = &tally->times[time];
    span->least = span->count == 0 || value < span->least ? value : span->least;
    span->most = span->count == 0 || value > span->most ? value : span->most;
    span->sum += value;
    span->count++;
}

bool amp_tally_is_over(const struct amp_tally *tally, amp_ns now) {
    return now - tally->began_ns >= AMP_TALLY_NS;
}

static uint64_t load(const struct amp_tally *tally, uint64_t bytes, amp_ns interval) {
    double share = (double)NAN;
    if (tally->baud > 0 && interval > 0) {
        share =
            (double)bytes * BITS_PER_BYTE * (double)AMP_TALLY_NS / tally->baud / (double)interval;
    }
    uint64_t word;
    memcpy(&word, &share, sizeof word);
    return word;
}

static void fill_in(const struct amp_tally *tally, amp_ns interval, uint64_t *words) {
    words[AMP_TALLY_SECOND] = tally->second;
    words[AMP_TALLY_INTERVAL_NS] = (uint64_t)interval;
    words[AMP_TALLY_DEVICE_REASON] = tally->device_reason;
    words[AMP_TALLY_LOAD_IN] = load(tally, tally->bytes_in - tally->bytes_in_before, interval);
    words[AMP_TALLY_LOAD_OUT] = load(tally, tally->bytes_out - tally->bytes_out_before, interval);
    words[AMP_TALLY_BYTES_IN] = tally->bytes_in;
    words[AMP_TALLY_BYTES_OUT] = tally->bytes_out;
    words[AMP_TALLY_REPLACED] = tally->replaced;
    words[AMP_TALLY_PORTS_LOST] = tally->ports_lost;
    words[AMP_TALLY_PORTS_OPENED] = tally->ports_opened;
    words[AMP_TALLY_STATES] = tally->states;
    words[AMP_TALLY_ACTUATIONS] = tally->actuations;
    words[AMP_TALLY_APPLIED] = tally->applied;
    words[AMP_TALLY_REFUSED_VALUES] = tally->refused_values;
    uint64_t *at = words + AMP_TALLY_TIMES;
    for (uint32_t i = 0; i < AMP_TIME_COUNT; i++) {
        const struct amp_tally_span *const span = &tally->times[i];
        *at++ = span->count;
        *at++ = (uint64_t)span->least;
        *at++ = (uint64_t)span->sum;
        *at++ = (uint64_t)span->most;
    }
    for (uint32_t word = 0; word < AMP_TALLY_WORDS; word++) {
        words[word] += is_count(word) ? tally->before[word] : 0;
    }
}

void amp_tally_publish(struct amp_tally *tally, amp_ns now, uint64_t *words) {
    tally->second++;
    if (tally->channel.line != NULL) {
        fill_in(tally, now - tally->began_ns, words);
        amp_channel_publish(&tally->channel, now, 0, words);
    }
    tally->bytes_in_before = tally->bytes_in;
    tally->bytes_out_before = tally->bytes_out;
    memset(tally->times, 0, sizeof tally->times);
    tally->began_ns = now;
}
