// What a firmware tells people: bounded again at the host, and not one letter of it believed.

#include "amp/said.h"
#include "amp/wire.h"
#include "check.h"
#include "seeded.h"

#include <stdalign.h>
#include <string.h>

static struct amp_said said;
static alignas(AMP_CACHE_LINE) unsigned char bytes[32768];
static union {
    struct amp_sample sample;
    uint64_t words[3 + AMP_SAID_WORD_COUNT];
} newest;

static void begin(void) {
    memset(&said, 0, sizeof said);
    memset(bytes, 0, sizeof bytes);
    CHECK(amp_channel_bind(&said.channel, bytes, sizeof bytes, AMP_SAID_WORD_COUNT, 64) == 0);
    amp_channel_attach(&said.channel, 1);
}

static const uint64_t *last(void) {
    CHECK(amp_channel_latest(&said.channel, &newest.sample, NULL) == AMP_READ_VALUE);
    return newest.words + 3;
}

static void tell_event(uint8_t code, uint32_t argument, amp_ns now) {
    const struct amp_wire_event event = {code, argument, 77};
    uint8_t payload[AMP_EVENT_SIZE];
    const struct amp_frame frame = {.type = AMP_FRAME_EVENT,
                                    .length = (uint8_t)amp_wire_event_encode(&event, payload),
                                    .payload = payload};
    amp_said_take(&said, &frame, now);
}

static void tell_line(const char *text, size_t size, amp_ns now) {
    const struct amp_wire_log log = {78};
    uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
    const size_t head = amp_wire_log_encode(&log, payload);
    memcpy(payload + head, text, size);
    const struct amp_frame frame = {
        .type = AMP_FRAME_LOG, .length = (uint8_t)(head + size), .payload = payload};
    amp_said_take(&said, &frame, now);
}

static void test_an_event_of_the_firmwares_own_is_handed_on(void) {
    begin();
    tell_event(200, 4711, 5);
    CHECK(last()[AMP_SAID_CODE] == 200 && last()[AMP_SAID_ARGUMENT] == 4711);
    CHECK(last()[AMP_SAID_DEVICE_US] == 77 && newest.sample.t_ns == 5);
    for (uint8_t code = 0; code < AMP_EVENT_USER; code++) {
        tell_event(code, 0, 6);
    }
    CHECK(amp_channel_count(&said.channel) == 1);
}

static void test_a_line_is_handed_on_and_what_is_no_letter_is_replaced(void) {
    begin();
    tell_line("found \x1b[31m\x80!", 13, 5);
    char text[8 * AMP_SAID_TEXT_WORDS + 1] = {0};
    for (size_t i = 0; i < last()[AMP_SAID_LENGTH]; i++) {
        text[i] = (char)(last()[AMP_SAID_TEXT + i / 8] >> 8 * (i % 8) & 0xFF);
    }
    CHECK(strcmp(text, "found ?[31m?!") == 0);
    CHECK(last()[AMP_SAID_CODE] == 0 && last()[AMP_SAID_SPOILT] == 2);
}

static void test_the_longest_line_fits_and_a_longer_one_is_none(void) {
    char text[AMP_LOG_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    begin();
    tell_line(text, AMP_LOG_TEXT_MAX, 1);
    CHECK(last()[AMP_SAID_LENGTH] == AMP_LOG_TEXT_MAX);
    tell_line(text, AMP_LOG_TEXT_MAX + 1, 1);
    CHECK(amp_channel_count(&said.channel) == 1);
}

static void test_a_device_that_talks_without_end_is_bounded(void) {
    begin();
    for (amp_ns now = 1; now < 3000000000LL; now += 1000000) {
        tell_event(200, 0, now);
    }
    CHECK(amp_channel_count(&said.channel) == 3 * AMP_SAID_PER_S);
    tell_event(200, 0, 3000000001LL);
    CHECK(last()[AMP_SAID_DROPPED] == 3000 - 3 * AMP_SAID_PER_S);
}

static void test_without_a_channel_nothing_happens(void) {
    memset(&said, 0, sizeof said);
    tell_event(200, 0, 1);
    CHECK(said.count == 0);
}

static void test_noise_does_no_harm(void) {
    begin();
    for (unsigned round = 0; round < 50000; round++) {
        uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
        struct amp_frame frame = {.type =
                                      (uint8_t)(seeded_below(2) ? AMP_FRAME_LOG : AMP_FRAME_EVENT),
                                  .length = (uint8_t)seeded_below(sizeof payload + 1),
                                  .payload = payload};
        for (size_t i = 0; i < frame.length; i++) {
            payload[i] = (uint8_t)seeded_next();
        }
        amp_said_take(&said, &frame, (amp_ns)round * 1000000000LL);
    }
    CHECK(said.dropped == 0 && last()[AMP_SAID_LENGTH] <= AMP_LOG_TEXT_MAX);
}

int main(void) {
    seeded_begin();
    RUN(test_an_event_of_the_firmwares_own_is_handed_on);
    RUN(test_a_line_is_handed_on_and_what_is_no_letter_is_replaced);
    RUN(test_the_longest_line_fits_and_a_longer_one_is_none);
    RUN(test_a_device_that_talks_without_end_is_bounded);
    RUN(test_without_a_channel_nothing_happens);
    RUN(test_noise_does_no_harm);
    return CHECK_DONE();
}
