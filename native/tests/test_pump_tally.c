/* What the pump publishes about its line, and its tap, against the device's own C. */

#include "pump_rig.h"

#include <stdlib.h>

#define TAP_DEPTH 4096

static alignas(AMP_CACHE_LINE) unsigned char tally_room[8192];
static alignas(AMP_CACHE_LINE) unsigned char tap_room[64 + TAP_DEPTH * 128];

static union {
    struct amp_sample sample;
    uint64_t words[3 + AMP_TALLY_WORDS];
} last;

static void open_lines(void) {
    struct amp_pump *const pump = &rig.pump;
    rig_open();
    memset(tally_room, 0, sizeof tally_room);
    memset(tap_room, 0, sizeof tap_room);
    CHECK(amp_channel_bind(&pump->tally.channel, tally_room, sizeof tally_room, AMP_TALLY_WORDS,
                           4) == 0);
    CHECK(amp_channel_bind(&pump->tap, tap_room, sizeof tap_room, AMP_TAP_WORDS, TAP_DEPTH) == 0);
    amp_channel_attach(&pump->tally.channel, 1);
    amp_channel_attach(&pump->tap, 1);
    pump->tally.baud = 1000000;
    CHECK(amp_pump_init(pump) == 0);
}

static uint64_t word(enum amp_tally_word which) {
    CHECK(amp_channel_latest(&rig.pump.tally.channel, &last.sample, NULL) == AMP_READ_VALUE);
    return last.sample.words[which];
}

static int64_t time_word(enum amp_tally_time time, uint32_t which) {
    return (int64_t)word((enum amp_tally_word)(AMP_TALLY_TIMES + 4 * time + which));
}

static void test_once_a_second(void) {
    open_lines();
    rig_run(999);
    CHECK(amp_channel_count(&rig.pump.tally.channel) == 0);
    rig_run(1);
    CHECK(amp_channel_count(&rig.pump.tally.channel) == 1);
    rig_run(2000);
    CHECK(amp_channel_count(&rig.pump.tally.channel) == 3);
    CHECK(word(AMP_TALLY_INTERVAL_NS) == AMP_TALLY_NS);
}

static void test_it_says_who_is_there_and_how_it_goes(void) {
    open_lines();
    rig_arm(1);
    rig_run(2000);
    CHECK(word(AMP_TALLY_SESSION) == AMP_SESSION_UP);
    CHECK(word(AMP_TALLY_DEVICE_MODE) == AMP_DEVICE_ARMED);
    CHECK(word(AMP_TALLY_BOOT_NONCE) == 7);
    CHECK(word(AMP_TALLY_SCHEMA_HASH) == RIG_SCHEMA);
    CHECK(memcmp(&last.sample.words[AMP_TALLY_BOARD_0], "rig", 4) == 0);
    CHECK(word(AMP_TALLY_HANDSHAKES) == 1);
    CHECK(word(AMP_TALLY_CLOCK_BOUND_NS) > 0);
    CHECK(word(AMP_TALLY_COMMAND_ROUND_TRIP_US) > 0);
    CHECK(time_word(AMP_TIME_ROUND_TRIP, 0) >= 9);
    CHECK(time_word(AMP_TIME_ROUND_TRIP, 1) <= time_word(AMP_TIME_ROUND_TRIP, 3));
    CHECK(word(AMP_TALLY_STATES) >= 1900);
    CHECK(word(AMP_TALLY_ACTUATIONS) >= 1900);
    CHECK(llabs((int64_t)(word(AMP_TALLY_APPLIED) - word(AMP_TALLY_ACTUATIONS))) <= 2);
    double load;
    CHECK(word(AMP_TALLY_LOAD_IN) != 0);
    memcpy(&load, &last.sample.words[AMP_TALLY_LOAD_IN], sizeof load);
    CHECK(load > 0.38 && load < 0.42); /* 39 bytes at 1 kHz and 1 Mbaud */
}

static void test_parts_of_the_way_add_up_to_what_the_device_measured(void) {
    open_lines();
    rig_arm(1);
    rig_run(3000);
    const int64_t count = time_word(AMP_TIME_SENSE_TO_ACTUATE, 0);
    CHECK(count >= 900);
    int64_t sum = 0;
    for (int part = AMP_TIME_SAMPLED_TO_RECEIVED; part < AMP_TIME_COUNT; part++) {
        CHECK(time_word((enum amp_tally_time)part, 0) == count);
        sum += time_word((enum amp_tally_time)part, 2);
    }
    /* To a microsecond and the skew: all stand on one clock. */
    CHECK(llabs(sum - time_word(AMP_TIME_SENSE_TO_ACTUATE, 2)) <= count * 2000);
    CHECK(time_word(AMP_TIME_RECEIVED_TO_DECIDED, 2) / count == MS);
    CHECK(time_word(AMP_TIME_DECIDED_TO_WRITTEN, 2) == 0); /* one step of the rig */
}

static void test_errors_are_told_apart(void) {
    open_lines();
    rig_run(60);
    rig.to_host.bytes[5] ^= 0x10;
    static const uint8_t garbage[] = {9, 1, 2, 0, 1, 1, 1, 0};
    memcpy(rig.to_host.bytes + rig.to_host.size, garbage, sizeof garbage);
    rig.to_host.size += sizeof garbage;
    rig_run(1000);
    const uint64_t bad =
        word(AMP_TALLY_BAD_CRC) + word(AMP_TALLY_BAD_COBS) + word(AMP_TALLY_BAD_LENGTH);
    CHECK(bad >= 2);
    CHECK(word(AMP_TALLY_BAD_COBS) >= 1);
    CHECK(word(AMP_TALLY_BAD_LENGTH) >= 1);
    CHECK(bad == amp_owner_counter(&rig.owner, AMP_COUNT_BAD_FRAMES));
}

static void test_tap_has_every_byte_both_ways(void) {
    struct amp_cursor cursor;
    union {
        struct amp_sample sample;
        uint64_t words[3 + AMP_TAP_WORDS];
    } piece;
    open_lines();
    amp_cursor_open(&cursor, &rig.pump.tap, AMP_START_LATEST);
    rig_arm(1);
    rig_run(1000);
    uint64_t in = 0;
    uint64_t out = 0;
    amp_ns newest = 0;
    while (amp_cursor_next(&cursor, &piece.sample) == AMP_READ_VALUE) {
        const uint32_t flags = (uint32_t)(piece.sample.mark >> 32);
        const uint32_t kind = flags & AMP_TAP_KIND_MASK;
        in += kind == AMP_TAP_FROM_DEVICE ? flags >> AMP_TAP_SIZE_SHIFT : 0;
        out += kind == AMP_TAP_TO_DEVICE ? flags >> AMP_TAP_SIZE_SHIFT : 0;
        CHECK(piece.sample.t_ns >= newest);
        newest = piece.sample.t_ns;
    }
    CHECK(cursor.lost == 0);
    CHECK(in == amp_owner_counter(&rig.owner, AMP_COUNT_BYTES_IN));
    CHECK(out == amp_owner_counter(&rig.owner, AMP_COUNT_BYTES_OUT));
    CHECK(in > 30000 && out > 15000);
}

static void test_a_lost_port_is_marked_and_counted(void) {
    open_lines();
    rig_run(100);
    rig.line_is_cut = true;
    CHECK(!rig_run(1));
    rig.line_is_cut = false;
    amp_pump_open(&rig.pump, 6, rig.machine.now_ns);
    rig_run(1000);
    CHECK(word(AMP_TALLY_PORTS_LOST) == 1);
    CHECK(word(AMP_TALLY_PORTS_OPENED) == 1);
    CHECK(word(AMP_TALLY_HANDSHAKES) == 2);
}

int main(void) {
    RUN(test_once_a_second);
    RUN(test_it_says_who_is_there_and_how_it_goes);
    RUN(test_parts_of_the_way_add_up_to_what_the_device_measured);
    RUN(test_errors_are_told_apart);
    RUN(test_tap_has_every_byte_both_ways);
    RUN(test_a_lost_port_is_marked_and_counted);
    return CHECK_DONE();
}
