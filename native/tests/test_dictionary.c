// The dictionary: how a host reads what a device was built with, and what a bad one can do to it.

#include "check.h"
#include "seeded.h"
#include "session_rig.h"

#include "amp/device.h"

#include <stdlib.h>

static struct amp_dictionary dictionary;
static char text[AMP_DICTIONARY_MAX + 1];

static size_t fill_text(size_t size) {
    for (size_t i = 0; i < size; i++) {
        text[i] = i % 40 == 39 ? '\n' : (char)(' ' + i % 95);
    }
    text[size] = '\0';
    return size;
}

static uint32_t hash_of(size_t size) {
    return amp_crc32((const uint8_t *)text, size, 0);
}

static bool give(uint16_t offset, uint16_t size, const char *letters, size_t count, uint64_t now) {
    const struct amp_wire_dictionary piece = {offset, size};
    uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
    const size_t length = amp_wire_dictionary_encode(&piece, payload);
    memcpy(payload + length, letters, count);
    return amp_dictionary_take(&dictionary, payload, length + count, now);
}

static void begin(size_t size) {
    struct amp_wire_describe describe = {1};
    amp_dictionary_begin(&dictionary, hash_of(size), 0);
    CHECK(amp_dictionary_ask(&dictionary, 0, &describe) && describe.offset == 0);
}

static void test_texts_of_every_size_are_read_in_pieces(void) {
    static const size_t SIZES[] = {1, 55, 56, 57, 112, 1000, AMP_DICTIONARY_MAX};
    for (size_t n = 0; n < COUNT(SIZES); n++) {
        const size_t size = fill_text(SIZES[n]);
        amp_dictionary_begin(&dictionary, hash_of(size), 0);
        size_t at = 0;
        for (uint64_t now = 0; dictionary.state == AMP_DICTIONARY_READING; now += 1000) {
            struct amp_wire_describe describe;
            CHECK(amp_dictionary_ask(&dictionary, now, &describe) && describe.offset == at);
            CHECK(!amp_dictionary_ask(&dictionary, now, &describe)); // one at a time
            const size_t left = size - at;
            const size_t count = left < AMP_DICTIONARY_PIECE ? left : AMP_DICTIONARY_PIECE;
            CHECK(!amp_dictionary_ended(&dictionary));
            CHECK(give((uint16_t)at, (uint16_t)size, text + at, count, now));
            at += count;
        }
        CHECK(dictionary.state == AMP_DICTIONARY_WHOLE && dictionary.size == size);
        CHECK(strcmp(dictionary.text, text) == 0);
        CHECK(amp_dictionary_ended(&dictionary) && !amp_dictionary_ended(&dictionary));
        CHECK(!give(0, (uint16_t)size, text, 1, 0)); // nothing was asked
    }
}

static void test_a_lost_piece_is_asked_for_again_but_not_for_ever(void) {
    struct amp_wire_describe describe;
    fill_text(100);
    amp_dictionary_begin(&dictionary, hash_of(100), 0);
    unsigned asked = 0;
    for (uint64_t now = 0; now < 10 * AMP_DESCRIBE_TRIES * AMP_DESCRIBE_US; now += 1000) {
        asked += amp_dictionary_ask(&dictionary, now, &describe);
    }
    CHECK(asked == AMP_DESCRIBE_TRIES && dictionary.state == AMP_DICTIONARY_SILENT);
    CHECK(amp_dictionary_ended(&dictionary));
}

static void test_a_device_without_one_says_so(void) {
    begin(fill_text(10));
    CHECK(give(0, 0, "", 0, 0) && dictionary.state == AMP_DICTIONARY_ABSENT);
}

static void test_what_contradicts_itself_is_not_read_on(void) {
    const size_t size = fill_text(200);
    begin(size);
    CHECK(give(0, AMP_DICTIONARY_MAX + 1, text, 56, 0)); // huge
    CHECK(dictionary.state == AMP_DICTIONARY_BROKEN);
    begin(size);
    CHECK(give(0, 200, text, 0, 0)); // it never gets on
    CHECK(dictionary.state == AMP_DICTIONARY_BROKEN);
    begin(size);
    CHECK(give(0, 50, text, 56, 0)); // more than there is
    CHECK(dictionary.state == AMP_DICTIONARY_BROKEN);
    begin(size);
    struct amp_wire_describe describe;
    CHECK(give(0, 200, text, 56, 0) && amp_dictionary_ask(&dictionary, 0, &describe));
    CHECK(give(56, 201, text + 56, 56, 0)); // it grows
    CHECK(dictionary.state == AMP_DICTIONARY_BROKEN);
}

static void test_pieces_that_nobody_asked_for_change_nothing(void) {
    const size_t size = fill_text(200);
    begin(size);
    CHECK(!give(56, 200, text + 56, 56, 0) && !give(65535, 200, text, 56, 0));
    CHECK(dictionary.filled == 0 && dictionary.state == AMP_DICTIONARY_READING);
    CHECK(give(0, 200, text, 56, 0));
    CHECK(!give(56, 200, text + 56, 56, 0)); // before it is asked for
    CHECK(dictionary.filled == 56);
    uint8_t stump[AMP_DICTIONARY_SIZE] = {56};
    for (size_t length = 0; length < AMP_DICTIONARY_SIZE; length++) {
        CHECK(!amp_dictionary_take(&dictionary, stump, length, 0));
    }
}

static void test_another_hash_or_a_letter_that_is_none_is_broken(void) {
    const size_t size = fill_text(20);
    amp_dictionary_begin(&dictionary, hash_of(size) + 1, 0);
    struct amp_wire_describe describe;
    CHECK(amp_dictionary_ask(&dictionary, 0, &describe) && give(0, 20, text, 20, 0));
    CHECK(dictionary.state == AMP_DICTIONARY_BROKEN);
    for (unsigned letter = 0; letter < 256; letter++) {
        text[7] = (char)letter;
        begin(size);
        CHECK(give(0, 20, text, 20, 0));
        const bool good = letter == '\n' || (letter >= ' ' && letter <= '~');
        CHECK(dictionary.state == (good ? AMP_DICTIONARY_WHOLE : AMP_DICTIONARY_BROKEN));
    }
}

// Both ends together: a device of another schema, refused, read, and never armed.

static const char TEXT[] = "send position i16 0.001 rad -30 30\n"
                           "accept voltage f32 1 V -12 12 0 2000\n";
static const struct amp_value SENDS[] = {
    {.type = AMP_VALUE_I16, .scale = 0.001f, .low = -30, .high = 30}};
static const struct amp_value ACCEPTS[] = {{.low = -12, .high = 12, .ramp_per_s = 2000}};

static struct amp_device device;
static struct amp_device_config config;
static struct amp_session host;
static uint64_t now_us;
static unsigned ended, refused, up;

static void boot(const char *said, size_t size) {
    config = (struct amp_device_config){.board = "bench",
                                        .boot_nonce = 9,
                                        .schema_hash = amp_crc32((const uint8_t *)said, size, 0),
                                        .dictionary = size > 0 ? said : NULL,
                                        .dictionary_size = (uint16_t)size,
                                        .lease_us = RIG_LEASE_US,
                                        .state_period_us = 1000,
                                        .sends_count = 1,
                                        .sends = SENDS,
                                        .accepts_count = 1,
                                        .accepts = ACCEPTS};
    CHECK(amp_device_init(&device, &config, 0));
    struct amp_session_host expected = RIG_EXPECTED;
    expected.dictionary = &dictionary;
    memset(&dictionary, 0, sizeof dictionary);
    now_us = 0;
    ended = refused = up = 0;
    amp_session_host_init(&host, &expected, RIG_NUMBER, now_us);
}

static void note(const struct amp_session_event *event) {
    ended += event->kind == AMP_ON_DICTIONARY;
    refused += event->kind == AMP_ON_REFUSED;
    up += event->kind == AMP_ON_UP;
}

static void talk(uint64_t duration_us) {
    for (const uint64_t end = now_us + duration_us; now_us < end; now_us += 1000) {
        uint8_t bytes[512];
        float sensed = 1.0f;
        struct amp_session_event event;
        size_t size = amp_session_pending(&host, now_us, bytes, sizeof bytes);
        amp_device_receive(&device, bytes, size, now_us);
        amp_device_tick(&device, now_us, &sensed);
        size = amp_device_transmit(&device, bytes, sizeof bytes);
        for (size_t used = 0; used < size;) {
            used += amp_session_receive(&host, bytes + used, size - used, now_us, &event);
            note(&event);
        }
        while (amp_session_poll(&host, now_us, &event)) {
            note(&event);
        }
    }
}

static void test_a_refused_device_is_read_and_never_armed(void) {
    boot(TEXT, sizeof TEXT - 1);
    talk(200000);
    CHECK(host.state == AMP_SESSION_REFUSED && host.refusal == AMP_REFUSAL_SCHEMA);
    CHECK(refused == 1 && ended == 1 && up == 0);
    CHECK(dictionary.state == AMP_DICTIONARY_WHOLE && strcmp(dictionary.text, TEXT) == 0);
    CHECK(amp_session_command(&host, AMP_VERB_ARM, 0, 100, now_us) == 0);
    CHECK(device.mode == AMP_DEVICE_IDLE && device.at_safe);
    talk(2000000); // it is asked once, not each time it is refused again
    CHECK(ended == 1);
}

static void test_a_refused_device_without_a_dictionary_is_told_as_such(void) {
    boot("", 0);
    talk(200000);
    CHECK(host.state == AMP_SESSION_REFUSED && ended == 1);
    CHECK(dictionary.state == AMP_DICTIONARY_ABSENT);
}

static void test_the_dictionary_of_a_device_that_is_up_can_be_asked_for(void) {
    boot(TEXT, sizeof TEXT - 1);
    struct amp_session_host expected = RIG_EXPECTED;
    expected.schema_hash = config.schema_hash;
    expected.sends_count = 1;
    expected.dictionary = &dictionary;
    amp_session_host_init(&host, &expected, RIG_NUMBER, now_us);
    talk(50000);
    CHECK(host.state == AMP_SESSION_UP && dictionary.state == AMP_DICTIONARY_UNREAD);
    amp_session_describe(&host, now_us);
    talk(50000);
    CHECK(dictionary.state == AMP_DICTIONARY_WHOLE && ended == 1 && host.state == AMP_SESSION_UP);
}

static void test_a_host_without_memory_for_it_does_not_ask(void) {
    boot(TEXT, sizeof TEXT - 1);
    amp_session_host_init(&host, &RIG_EXPECTED, RIG_NUMBER, now_us);
    talk(100000);
    CHECK(host.state == AMP_SESSION_REFUSED && ended == 0);
    amp_session_describe(&host, now_us);
    uint8_t piece[AMP_DICTIONARY_SIZE] = {0};
    const amp_count before = host.counters.unexpected;
    (void)rig_feed(&host, AMP_FRAME_DICTIONARY, RIG_NUMBER, 0, piece, sizeof piece, now_us);
    CHECK(host.counters.unexpected == before + 1);
}

static void test_a_config_whose_dictionary_is_another_is_refused(void) {
    boot(TEXT, sizeof TEXT - 1);
    config.schema_hash++;
    CHECK(!amp_device_init(&device, &config, 0));
    config.schema_hash--;
    config.dictionary = NULL;
    CHECK(!amp_device_init(&device, &config, 0));
    config.dictionary_size = 0;
    CHECK(amp_device_init(&device, &config, 0));
}

static void test_noise_in_pieces_does_no_harm(void) {
    fill_text(AMP_DICTIONARY_MAX);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
        struct amp_wire_describe describe;
        if (round % 8 == 0) {
            amp_dictionary_begin(&dictionary, (uint32_t)seeded_next(), round);
        }
        (void)amp_dictionary_ask(&dictionary, round, &describe);
        const size_t length = (size_t)seeded_below(sizeof payload);
        for (size_t i = 0; i < length; i++) {
            payload[i] = (uint8_t)(seeded_below(2) ? 0 : seeded_next());
        }
        (void)amp_dictionary_take(&dictionary, payload, length, round);
        CHECK(dictionary.filled <= AMP_DICTIONARY_MAX);
        CHECK(dictionary.text[dictionary.filled] == '\0');
    }
}

int main(void) {
    seeded_begin();
    RUN(test_texts_of_every_size_are_read_in_pieces);
    RUN(test_a_lost_piece_is_asked_for_again_but_not_for_ever);
    RUN(test_a_device_without_one_says_so);
    RUN(test_what_contradicts_itself_is_not_read_on);
    RUN(test_pieces_that_nobody_asked_for_change_nothing);
    RUN(test_another_hash_or_a_letter_that_is_none_is_broken);
    RUN(test_a_refused_device_is_read_and_never_armed);
    RUN(test_a_refused_device_without_a_dictionary_is_told_as_such);
    RUN(test_the_dictionary_of_a_device_that_is_up_can_be_asked_for);
    RUN(test_a_host_without_memory_for_it_does_not_ask);
    RUN(test_a_config_whose_dictionary_is_another_is_refused);
    RUN(test_noise_in_pieces_does_no_harm);
    return CHECK_DONE();
}
