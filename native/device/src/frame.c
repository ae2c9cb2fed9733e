#include "amp/frame.h"

_Static_assert(AMP_FRAME_PAYLOAD_MAX >= 64 && AMP_FRAME_PAYLOAD_MAX <= 240, "see amp/limits.h");
_Static_assert(AMP_FRAME_BODY_MAX ==
                   AMP_FRAME_HEADER_SIZE + AMP_FRAME_PAYLOAD_MAX + AMP_FRAME_CRC_SIZE,
               "see amp/limits.h");
_Static_assert(AMP_FRAME_WIRE_MAX == AMP_FRAME_BODY_MAX + 2, "see amp/limits.h");
_Static_assert(AMP_FRAME_BODY_MAX <= AMP_COBS_SIZE_MAX, "a body is one COBS group");

// COBS, in place

void amp_cobs_encode(uint8_t *wire, size_t size) {
    size_t code_at = 0;
    for (size_t at = 1; at <= size; at++) {
        if (wire[at] == 0) {
            wire[code_at] = (uint8_t)(at - code_at);
            code_at = at;
        }
    }
    wire[code_at] = (uint8_t)(size + 1 - code_at);
    wire[size + 1] = 0;
}

bool amp_cobs_decode(uint8_t *wire, size_t size) {
    size_t at = 0;
    while (at < size && wire[at] != 0) { // a code leads at least one byte on
        const size_t next = at + wire[at];
        wire[at] = 0;
        at = next;
    }
    return at == size;
}

// Frames

static uint32_t seed_of(uint8_t type, uint32_t schema_hash) {
    return type < AMP_FRAME_SEEDED ? 0 : schema_hash;
}

int amp_frame_encode(const struct amp_frame *frame, uint32_t schema_hash, uint8_t *wire,
                     size_t room) {
    const uint8_t length = frame->length;
    if (length > AMP_FRAME_PAYLOAD_MAX || (length > 0 && frame->payload == NULL)) {
        return -AMP_FRAME_EARG;
    }
    if (room < (size_t)length + AMP_FRAME_OVERHEAD) {
        return -AMP_FRAME_EROOM;
    }
    uint8_t *const body = wire + 1;
    body[0] = frame->type;
    body[1] = frame->flags;
    body[2] = (uint8_t)(frame->session & 0xFFu);
    body[3] = (uint8_t)(frame->session >> 8);
    body[4] = (uint8_t)(frame->sequence & 0xFFu);
    body[5] = (uint8_t)(frame->sequence >> 8);
    body[6] = length;
    size_t size = AMP_FRAME_HEADER_SIZE;
    for (size_t i = 0; i < length; i++) {
        body[size++] = frame->payload[i];
    }
    uint32_t crc = amp_crc32(body, size, seed_of(frame->type, schema_hash));
    for (uint8_t i = 0; i < AMP_FRAME_CRC_SIZE; i++, crc >>= 8) {
        body[size++] = (uint8_t)(crc & 0xFFu);
    }
    amp_cobs_encode(wire, size);
    return (int)size + 2;
}

void amp_frame_parser_init(struct amp_frame_parser *parser, uint32_t schema_hash) {
    parser->schema_hash = schema_hash;
    parser->size = 0;
    parser->overlong = false;
}

static uint16_t get_u16(const uint8_t *at) {
    return (uint16_t)(at[0] | (unsigned)at[1] << 8);
}

static enum amp_frame_verdict frame_end(struct amp_frame_parser *parser, struct amp_frame *frame) {
    const uint8_t *const body = parser->wire + 1;
    if (parser->overlong) {
        return AMP_FRAME_ELENGTH;
    }
    if (!amp_cobs_decode(parser->wire, parser->size)) {
        return AMP_FRAME_ECOBS;
    }
    const size_t end = (size_t)body[6] + AMP_FRAME_HEADER_SIZE;
    if (parser->size < 1 + AMP_FRAME_HEADER_SIZE + AMP_FRAME_CRC_SIZE ||
        parser->size != 1 + end + AMP_FRAME_CRC_SIZE) {
        return AMP_FRAME_ELENGTH;
    }
    const uint32_t crc = amp_crc32(body, end, seed_of(body[0], parser->schema_hash));
    if (crc != (get_u16(body + end) | (uint32_t)get_u16(body + end + 2) << 16)) {
        return AMP_FRAME_ECRC;
    }
    frame->type = body[0];
    frame->flags = body[1];
    frame->session = get_u16(body + 2);
    frame->sequence = get_u16(body + 4);
    frame->length = body[6];
    frame->payload = body + AMP_FRAME_HEADER_SIZE;
    return AMP_FRAME_GOOD;
}

size_t amp_frame_parse(struct amp_frame_parser *parser, const uint8_t *bytes, size_t size,
                       enum amp_frame_verdict *verdict, struct amp_frame *frame) {
    uint8_t filled = parser->size; // a copy: a stored byte may alias it, for all a compiler knows
    *verdict = AMP_FRAME_MORE;
    for (size_t used = 0; used < size;) {
        const uint8_t byte = bytes[used++];
        if (byte == 0 && filled > 0) {
            parser->size = filled;
            *verdict = frame_end(parser, frame);
            parser->size = 0;
            parser->overlong = false;
            return used;
        }
        if (filled == sizeof parser->wire) {
            parser->overlong = true;
        } else if (byte != 0) {
            parser->wire[filled++] = byte;
        }
    }
    parser->size = filled;
    return size;
}
