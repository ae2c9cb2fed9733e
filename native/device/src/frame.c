#include "amp/frame.h"

_Static_assert(AMP_FRAME_PAYLOAD_MAX >= 60 && AMP_FRAME_PAYLOAD_MAX <= 240, "see amp/limits.h");
_Static_assert(AMP_FRAME_BODY_MAX ==
                   AMP_FRAME_HEADER_SIZE + AMP_FRAME_PAYLOAD_MAX + AMP_FRAME_CRC_SIZE,
               "see amp/limits.h");
_Static_assert(AMP_FRAME_WIRE_MAX == AMP_FRAME_BODY_MAX + 2, "see amp/limits.h");
// Up to 253 bytes, COBS adds exactly one: the size on the wire follows from the length alone.
_Static_assert(AMP_FRAME_BODY_MAX <= 253, "a body is one COBS group");

#define CODE_FULL 0xFFu // 254 bytes follow, and no zero behind them

// COBS

struct encoder {
    uint8_t *out;
    size_t at;      // next byte to write
    size_t code_at; // where the open block's code goes
    uint8_t code;
};

static void block_open(struct encoder *encoder) {
    encoder->code_at = encoder->at++;
    encoder->code = 1;
}

static void block_close(struct encoder *encoder) {
    encoder->out[encoder->code_at] = encoder->code;
}

// Works on copies: a stored byte may alias the encoder, for all that the compiler knows.
static void encode_bytes(struct encoder *encoder, const uint8_t *bytes, size_t size) {
    struct encoder open = *encoder;
    for (size_t i = 0; i < size; i++) {
        if (open.code == CODE_FULL) {
            block_close(&open);
            block_open(&open);
        }
        if (bytes[i] == 0) {
            block_close(&open);
            block_open(&open);
        } else {
            open.out[open.at++] = bytes[i];
            open.code++;
        }
    }
    *encoder = open;
}

// Takes one byte that is not a delimiter; returns true if it completes the byte |*out|.
static bool decode_byte(uint8_t *code, uint8_t *block, uint8_t byte, uint8_t *out) {
    if (*block > 0) {
        (*block)--;
        *out = byte;
        return true;
    }
    const bool zero = *code != 0 && *code != CODE_FULL;
    *code = byte;
    *block = (uint8_t)(byte - 1);
    *out = 0;
    return zero;
}

size_t amp_cobs_size_max(size_t size) {
    return size + size / 254 + 1;
}

size_t amp_cobs_encode(const uint8_t *bytes, size_t size, uint8_t *out) {
    struct encoder encoder = {.out = out, .at = 0};
    block_open(&encoder);
    encode_bytes(&encoder, bytes, size);
    block_close(&encoder);
    return encoder.at;
}

enum amp_frame_verdict amp_cobs_decode(const uint8_t *bytes, size_t size, uint8_t *out, size_t room,
                                       size_t *written) {
    uint8_t code = 0;
    uint8_t block = 0;
    *written = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte;
        if (bytes[i] == 0) {
            return AMP_FRAME_ECOBS;
        }
        if (!decode_byte(&code, &block, bytes[i], &byte)) {
            continue;
        }
        if (*written == room) {
            return AMP_FRAME_EROOM;
        }
        out[(*written)++] = byte;
    }
    return code == 0 || block > 0 ? AMP_FRAME_ECOBS : AMP_FRAME_GOOD;
}

// Frames

static uint32_t seed_of(uint8_t type, uint32_t schema_hash) {
    return type < AMP_FRAME_SEEDED ? 0 : schema_hash;
}

static void put_u32(uint8_t *at, uint32_t value) {
    for (uint8_t i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint16_t get_u16(const uint8_t *at) {
    return (uint16_t)(at[0] | (unsigned)at[1] << 8);
}

int amp_frame_encode(const struct amp_frame *frame, uint32_t schema_hash, uint8_t *wire,
                     size_t room) {
    if (frame->length > AMP_FRAME_PAYLOAD_MAX || (frame->length > 0 && frame->payload == NULL)) {
        return -AMP_FRAME_EARG;
    }
    if (room < (size_t)frame->length + AMP_FRAME_OVERHEAD) {
        return -AMP_FRAME_EROOM;
    }
    const uint8_t header[AMP_FRAME_HEADER_SIZE] = {frame->type,
                                                   frame->flags,
                                                   (uint8_t)(frame->session & 0xFFu),
                                                   (uint8_t)(frame->session >> 8),
                                                   (uint8_t)(frame->sequence & 0xFFu),
                                                   (uint8_t)(frame->sequence >> 8),
                                                   frame->length};
    uint8_t crc[AMP_FRAME_CRC_SIZE];
    put_u32(crc, amp_crc32(frame->payload, frame->length,
                           amp_crc32(header, sizeof header, seed_of(frame->type, schema_hash))));

    struct encoder encoder = {.out = wire, .at = 0};
    block_open(&encoder);
    encode_bytes(&encoder, header, sizeof header);
    encode_bytes(&encoder, frame->payload, frame->length);
    encode_bytes(&encoder, crc, sizeof crc);
    block_close(&encoder);
    wire[encoder.at++] = 0;
    return (int)encoder.at;
}

static void frame_begin(struct amp_frame_parser *parser) {
    parser->size = 0;
    parser->checked = 0;
    parser->block = 0;
    parser->code = 0;
    parser->overlong = false;
}

void amp_frame_parser_init(struct amp_frame_parser *parser, uint32_t schema_hash) {
    parser->schema_hash = schema_hash;
    frame_begin(parser);
}

// Runs the CRC over what has come, but for the last four bytes: they may be the frame's own.
static void advance_crc(struct amp_frame_parser *parser) {
    if (parser->size <= parser->checked + AMP_FRAME_CRC_SIZE) {
        return;
    }
    if (parser->checked == 0) {
        parser->crc = seed_of(parser->body[0], parser->schema_hash);
    }
    const uint8_t end = (uint8_t)(parser->size - AMP_FRAME_CRC_SIZE);
    parser->crc =
        amp_crc32(parser->body + parser->checked, (size_t)(end - parser->checked), parser->crc);
    parser->checked = end;
}

static enum amp_frame_verdict frame_end(struct amp_frame_parser *parser, struct amp_frame *frame) {
    const uint8_t *body = parser->body;
    if (parser->overlong) {
        return AMP_FRAME_ELENGTH;
    }
    if (parser->block > 0) {
        return AMP_FRAME_ECOBS;
    }
    if (parser->size < AMP_FRAME_HEADER_SIZE + AMP_FRAME_CRC_SIZE ||
        parser->size != body[6] + AMP_FRAME_HEADER_SIZE + AMP_FRAME_CRC_SIZE) {
        return AMP_FRAME_ELENGTH;
    }
    advance_crc(parser);
    uint8_t crc[AMP_FRAME_CRC_SIZE];
    put_u32(crc, parser->crc);
    for (uint8_t i = 0; i < AMP_FRAME_CRC_SIZE; i++) {
        if (crc[i] != body[parser->checked + i]) {
            return AMP_FRAME_ECRC;
        }
    }
    frame->type = body[0];
    frame->flags = body[1];
    frame->session = get_u16(body + 2);
    frame->sequence = get_u16(body + 4);
    frame->length = body[6];
    frame->payload = body + AMP_FRAME_HEADER_SIZE;
    return AMP_FRAME_GOOD;
}

// Decodes up to a delimiter or the end; returns the bytes it took. On copies, as above.
static size_t decode_run(struct amp_frame_parser *parser, const uint8_t *bytes, size_t size) {
    uint8_t code = parser->code;
    uint8_t block = parser->block;
    uint8_t filled = parser->size;
    bool overlong = parser->overlong;
    size_t used = 0;
    for (; used < size && bytes[used] != 0; used++) {
        uint8_t byte;
        if (overlong || !decode_byte(&code, &block, bytes[used], &byte)) {
            continue;
        }
        if (filled == AMP_FRAME_BODY_MAX) {
            overlong = true;
        } else {
            parser->body[filled++] = byte;
        }
    }
    parser->code = code;
    parser->block = block;
    parser->size = filled;
    parser->overlong = overlong;
    return used;
}

size_t amp_frame_parse(struct amp_frame_parser *parser, const uint8_t *bytes, size_t size,
                       enum amp_frame_verdict *verdict, struct amp_frame *frame) {
    for (size_t used = 0; used < size;) {
        used += decode_run(parser, bytes + used, size - used);
        if (used == size) {
            break;
        }
        used++;
        if (parser->code != 0) {
            *verdict = frame_end(parser, frame);
            frame_begin(parser);
            return used;
        }
    }
    advance_crc(parser);
    *verdict = AMP_FRAME_MORE;
    return size;
}
