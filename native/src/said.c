#include "amp/said.h"

#include "amp/wire.h"

#define SECOND_NS 1000000000LL

_Static_assert(AMP_SAID_TEXT + AMP_SAID_TEXT_WORDS == AMP_SAID_WORD_COUNT, "a line is the last");
_Static_assert(AMP_SAID_TEXT_WORDS * 8 >= AMP_LOG_TEXT_MAX, "room for a line");

static bool may_pass(struct amp_said *said, amp_ns now) {
    if (now - said->second_ns >= SECOND_NS || said->second_ns == 0) {
        said->second_ns = now;
        said->count = 0;
    }
    if (said->count == AMP_SAID_PER_S) {
        said->dropped++;
        return false;
    }
    said->count++;
    return true;
}

static void put_text(struct amp_said *said, const uint8_t *text, size_t length, uint64_t *words) {
    words[AMP_SAID_LENGTH] = length;
    for (size_t i = 0; i < length; i++) {
        const bool plain = text[i] >= ' ' && text[i] <= '~';
        words[AMP_SAID_TEXT + i / 8] |= (uint64_t)(plain ? text[i] : '?') << 8 * (i % 8);
        said->spoilt += !plain;
    }
}

void amp_said_take(struct amp_said *said, const struct amp_frame *frame, amp_ns now) {
    uint64_t words[AMP_SAID_WORD_COUNT] = {0};
    struct amp_wire_event event;
    struct amp_wire_log log;
    if (said->channel.line == NULL) {
        return;
    }
    if (frame->type == AMP_FRAME_EVENT &&
        amp_wire_event_decode(frame->payload, frame->length, &event) &&
        event.code >= AMP_EVENT_USER && may_pass(said, now)) {
        words[AMP_SAID_CODE] = event.code;
        words[AMP_SAID_ARGUMENT] = event.argument;
        words[AMP_SAID_DEVICE_US] = event.clock_us;
    } else if (frame->type == AMP_FRAME_LOG &&
               amp_wire_log_decode(frame->payload, frame->length, &log) && may_pass(said, now)) {
        words[AMP_SAID_DEVICE_US] = log.clock_us;
        put_text(said, frame->payload + AMP_LOG_SIZE, (size_t)frame->length - AMP_LOG_SIZE, words);
    } else {
        return;
    }
    words[AMP_SAID_DROPPED] = said->dropped;
    words[AMP_SAID_SPOILT] = said->spoilt;
    amp_channel_publish(&said->channel, now, 0, words);
}
