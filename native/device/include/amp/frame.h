/* frame.h: bytes between two delimiters: COBS, a 7-byte header, up to 240 bytes, a CRC-32.
 *
 * Freestanding, no state but the parser's, no heap; the same source runs on the host and on the
 * device. Payloads are in wire.h, order and sessions in session.h, byte offsets in docs/wire.md.
 *
 * The CRC starts from a seed: 0 for the types with which two strangers identify each other, and
 * the 32-bit schema hash for all others, so that a frame from another board or another firmware
 * never passes. 240 bytes is the longest payload at which CRC-32 still finds every error of up to
 * four bits. Nothing in a frame is believed before its CRC agrees: the length byte is checked
 * against the delimiter, it never steers the parser.
 */
#ifndef AMP_FRAME_H
#define AMP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amp/limits.h"

/// Parts of a body.
#define AMP_FRAME_HEADER_SIZE 7
#define AMP_FRAME_CRC_SIZE 4
/// Bytes on the wire besides the payload, for every payload.
#define AMP_FRAME_OVERHEAD 13
/// So many bytes are one COBS group: no code but those of zeros is among them.
#define AMP_COBS_SIZE_MAX 253
/// Frame types below this one use seed 0, all others the schema hash.
#define AMP_FRAME_SEEDED 16

/// What a frame carries; wire.h has one struct for each.
enum amp_frame_type {
    AMP_FRAME_IDENTIFY = 1,   /* host to device, seed 0 */
    AMP_FRAME_IDENTITY = 2,   /* device to host, seed 0 */
    AMP_FRAME_DESCRIBE = 3,   /* host to device, seed 0 */
    AMP_FRAME_DICTIONARY = 4, /* device to host, seed 0 */
    AMP_FRAME_STATE = 16,     /* device to host */
    AMP_FRAME_ACTUATE = 17,   /* host to device */
    AMP_FRAME_COMMAND = 18,   /* host to device */
    AMP_FRAME_ACK = 19,       /* device to host */
    AMP_FRAME_EVENT = 20,     /* device to host */
    AMP_FRAME_CLOCK = 21,     /* host to device */
    AMP_FRAME_TIME = 22,      /* device to host */
    AMP_FRAME_LOG = 23,       /* device to host */
};

/// Verdict on a frame. 1 to 19: your fault. 20 to 39: the other side's. 40: no room.
enum amp_frame_verdict {
    AMP_FRAME_GOOD = 0,
    AMP_FRAME_EARG = 1,     /* length over AMP_FRAME_PAYLOAD_MAX, or no payload to go with it */
    AMP_FRAME_MORE = 60,    /* no fault: no frame has ended yet */
    AMP_FRAME_ECOBS = 21,   /* a delimiter came inside a block */
    AMP_FRAME_ELENGTH = 22, /* too long, too short, or not what its length byte says */
    AMP_FRAME_ECRC = 23,    /* damaged, or meant for another schema */
    AMP_FRAME_EROOM = 40,   /* |room| is too small; nothing was written */
};

/// A frame in the open. |payload| belongs to whoever filled the struct in.
struct amp_frame {
    uint8_t type;      /* enum amp_frame_type; other values pass through */
    uint8_t flags;     /* 0; a receiver ignores them */
    uint16_t session;  /* 0: none yet */
    uint16_t sequence; /* of its direction; wraps */
    uint8_t length;    /* bytes of payload, [0, AMP_FRAME_PAYLOAD_MAX] */
    const uint8_t *payload;
};

/// Decoder of the stream of one direction. Owned by one caller; fields are private.
struct amp_frame_parser {
    uint32_t schema_hash;
    uint8_t size;  /* bytes since the last delimiter */
    bool overlong; /* skip to the next delimiter */
    uint8_t wire[AMP_FRAME_BODY_MAX + 1];
};

/// CRC-32 of IEEE 802.3 over |size| bytes, chained as zlib.crc32(bytes, seed) chains it.
/// |bytes| may be NULL when |size| is 0.
/// Context: any. Progress: bounded (|size|). Cost: one table step a byte; the build chooses
/// AMP_CRC_ENTRIES: 1024 (4 KiB, four bytes a step), 256 (1 KiB, the default), 16 (64 bytes).
uint32_t amp_crc32(const uint8_t *bytes, size_t size, uint32_t seed);

/// Encode in place: |size| bytes, [0, AMP_COBS_SIZE_MAX], stand behind wire[0]. Afterwards wire[0] to
/// wire[|size|] hold no 0x00, and a delimiter stands behind them: |size| + 2 bytes in all.
/// Context: any. Progress: bounded (|size|).
void amp_cobs_encode(uint8_t *wire, size_t size);

/// Decode in place: |size| bytes, at least 1 and none of them 0x00. |size| - 1 decoded bytes then stand
/// behind wire[0]. False, with |wire| unspecified, if a block is cut.
/// Context: any. Progress: bounded (|size|).
bool amp_cobs_decode(uint8_t *wire, size_t size);

/// Write |frame| to |wire|, delimiter last. Returns its size, which is payload + 13, or
/// -AMP_FRAME_EARG or -AMP_FRAME_EROOM with nothing written.
/// Context: real-time. Progress: bounded (payload). Cost: one pass, one CRC step a byte.
int amp_frame_encode(const struct amp_frame *frame, uint32_t schema_hash, uint8_t *wire,
                     size_t room);

/// Forget everything and begin as at a delimiter.
/// Context: any.
void amp_frame_parser_init(struct amp_frame_parser *parser, uint32_t schema_hash);

/// Read bytes up to the end of one frame, good or bad, and return how many were read: all |size|
/// with AMP_FRAME_MORE, at least 1 if |size| is. Empty frames (two delimiters in a row) are
/// skipped without a word. With AMP_FRAME_GOOD, |frame| is filled in and its payload stays valid
/// until the next call; for any other verdict |frame| is unspecified. After any verdict the parser
/// stands at the start of a frame, so one error on the line costs at most two frames.
/// Context: real-time. Progress: bounded (|size|). Cost: one store a byte; where a frame ends, two
/// passes over it, COBS and CRC.
size_t amp_frame_parse(struct amp_frame_parser *parser, const uint8_t *bytes, size_t size,
                       enum amp_frame_verdict *verdict, struct amp_frame *frame);

#endif
