/* The words of a second: differences, times, loads, and going on where a process before stopped. */

#include "amp/tally.h"

#include <math.h>
#include <stdalign.h>
#include <string.h>

#include "check.h"

#define SECOND ((amp_ns)AMP_TALLY_NS)
#define START ((amp_ns)5000)

static alignas(64) unsigned char room[8192];
static struct amp_tally tally;

static union {
    struct amp_sample sample;
    uint64_t words[3 + AMP_TALLY_WORDS];
} last;

static void begin(uint32_t epoch) {
    memset(&tally, 0, sizeof tally);
    CHECK(amp_channel_bind(&tally.channel, room, sizeof room, AMP_TALLY_WORDS, 4) == 0);
    amp_channel_attach(&tally.channel, epoch);
    tally.baud = 1000000;
    amp_tally_begin(&tally, START);
}

static void publish(amp_ns now, uint64_t frames) {
    uint64_t words[AMP_TALLY_WORDS] = {0};
    words[AMP_TALLY_FRAMES_IN] = frames;
    words[AMP_TALLY_SESSION] = 2;
    amp_tally_publish(&tally, now, words);
    CHECK(amp_channel_latest(&tally.channel, &last.sample, NULL) == AMP_READ_VALUE);
}

static double load(enum amp_tally_word word) {
    double share;
    memcpy(&share, &last.sample.words[word], sizeof share);
    return share;
}

static int64_t time_word(enum amp_tally_time time, uint32_t which) {
    return (int64_t)last.sample.words[AMP_TALLY_TIMES + 4 * time + which];
}

static void test_a_second_is_over_after_a_second(void) {
    memset(room, 0, sizeof room);
    begin(1);
    CHECK(!amp_tally_is_over(&tally, START + SECOND - 1));
    CHECK(amp_tally_is_over(&tally, START + SECOND));
    publish(START + SECOND, 1);
    CHECK(!amp_tally_is_over(&tally, START + 2 * SECOND - 1));
    CHECK(last.sample.words[AMP_TALLY_SECOND] == 1);
    CHECK(last.sample.words[AMP_TALLY_INTERVAL_NS] == AMP_TALLY_NS);
}

static void test_times_are_of_their_second_alone(void) {
    memset(room, 0, sizeof room);
    begin(1);
    amp_tally_time(&tally, AMP_TIME_ROUND_TRIP, 30);
    amp_tally_time(&tally, AMP_TIME_ROUND_TRIP, -10);
    amp_tally_time(&tally, AMP_TIME_ROUND_TRIP, 20);
    amp_tally_time(&tally, AMP_TIME_WRITTEN_TO_APPLIED, 7);
    publish(START + SECOND, 0);
    CHECK(time_word(AMP_TIME_ROUND_TRIP, 0) == 3);
    CHECK(time_word(AMP_TIME_ROUND_TRIP, 1) == -10);
    CHECK(time_word(AMP_TIME_ROUND_TRIP, 2) == 40);
    CHECK(time_word(AMP_TIME_ROUND_TRIP, 3) == 30);
    CHECK(time_word(AMP_TIME_WRITTEN_TO_APPLIED, 3) == 7);
    CHECK(time_word(AMP_TIME_SENSE_TO_ACTUATE, 0) == 0);
    amp_tally_time(&tally, AMP_TIME_ROUND_TRIP, -5);
    publish(START + 2 * SECOND, 0);
    CHECK(time_word(AMP_TIME_ROUND_TRIP, 0) == 1);
    CHECK(time_word(AMP_TIME_ROUND_TRIP, 3) == -5);
}

static void test_load_is_of_its_second_and_its_length(void) {
    memset(room, 0, sizeof room);
    begin(1);
    tally.bytes_in = 50000;
    publish(START + SECOND, 0);
    CHECK(fabs(load(AMP_TALLY_LOAD_IN) - 0.5) < 1e-12);
    CHECK(load(AMP_TALLY_LOAD_OUT) == 0);
    tally.bytes_out = 10000;
    publish(START + SECOND + SECOND / 2, 0); /* the last of a run is a short one */
    CHECK(load(AMP_TALLY_LOAD_IN) == 0);
    CHECK(fabs(load(AMP_TALLY_LOAD_OUT) - 0.2) < 1e-12);
    tally.baud = 0;
    publish(START + 3 * SECOND, 0);
    CHECK(isnan(load(AMP_TALLY_LOAD_IN)));
}

static void test_a_successor_goes_on_with_the_counts(void) {
    memset(room, 0, sizeof room);
    begin(1);
    tally.bytes_in = 100;
    tally.device_reason = 3;
    publish(START + SECOND, 7);
    begin(2);
    tally.bytes_in = 11;
    publish(START + SECOND, 5);
    CHECK(last.sample.words[AMP_TALLY_FRAMES_IN] == 12);
    CHECK(last.sample.words[AMP_TALLY_BYTES_IN] == 111);
    CHECK(last.sample.words[AMP_TALLY_SESSION] == 2);       /* no count: as it stands */
    CHECK(last.sample.words[AMP_TALLY_DEVICE_REASON] == 0); /* nor this */
    CHECK(last.sample.words[AMP_TALLY_SECOND] == 1);
    publish(START + 2 * SECOND, 6);
    CHECK(last.sample.words[AMP_TALLY_FRAMES_IN] == 13);
}

static void test_nothing_is_published_without_a_channel(void) {
    struct amp_tally silent = {0};
    uint64_t words[AMP_TALLY_WORDS] = {0};
    amp_tally_begin(&silent, START);
    amp_tally_time(&silent, AMP_TIME_ROUND_TRIP, 3);
    amp_tally_publish(&silent, START + SECOND, words);
    CHECK(silent.times[AMP_TIME_ROUND_TRIP].count == 0);
    CHECK(!amp_tally_is_over(&silent, START + SECOND));
}

int main(void) {
    RUN(test_a_second_is_over_after_a_second);
    RUN(test_times_are_of_their_second_alone);
    RUN(test_load_is_of_its_second_and_its_length);
    RUN(test_a_successor_goes_on_with_the_counts);
    RUN(test_nothing_is_published_without_a_channel);
    return CHECK_DONE();
}
