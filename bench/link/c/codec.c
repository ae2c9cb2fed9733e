/* codec.c: what one frame costs: encode with its CRC, and parse with the CRC checked.
 *
 *     codec SECONDS CORE          prints JSON: ns a frame, the median of slices
 *
 * The frame is 64 bytes on the wire: 51 of payload, and 13 around it. The payload changes with each
 * frame, so that nothing is learnt by heart.
 */
#include <time.h>

#include "amp/frame.h"
#include "machine.h"

#define PAYLOAD 51
#define FRAMES 256
#define SLICE 4096
#define SLICES_MAX 4096
#define SCHEMA 0x12345678u

static uint8_t payloads[FRAMES][PAYLOAD];
static uint8_t wires[FRAMES][AMP_FRAME_WIRE_MAX];
static double encode_ns[SLICES_MAX], parse_ns[SLICES_MAX];

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static int encode(unsigned number) {
    const struct amp_frame frame = {.type = AMP_FRAME_STATE, .session = 7,
                                    .sequence = (uint16_t)number, .length = PAYLOAD,
                                    .payload = payloads[number % FRAMES]};
    return amp_frame_encode(&frame, SCHEMA, wires[number % FRAMES], AMP_FRAME_WIRE_MAX);
}

static void encode_slice(void) {
    for (unsigned i = 0; i < SLICE; i++) {
        if (encode(i) != PAYLOAD + AMP_FRAME_OVERHEAD) {
            fail("a frame of another size");
        }
    }
}

static void parse_slice(struct amp_frame_parser *parser) {
    for (unsigned i = 0; i < SLICE; i++) {
        enum amp_frame_verdict verdict;
        struct amp_frame frame;
        const size_t size = PAYLOAD + AMP_FRAME_OVERHEAD;
        if (amp_frame_parse(parser, wires[i % FRAMES], size, &verdict, &frame) != size ||
            verdict != AMP_FRAME_GOOD || frame.payload[0] != payloads[i % FRAMES][0]) {
            fail("a frame that is not what was sent");
        }
    }
}

static int ascending(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}

int main(int count, char **words) {
    if (count != 3) {
        fail("usage: codec SECONDS CORE");
    }
    take_core(atoi(words[2]));
    srand(1);
    for (size_t i = 0; i < FRAMES; i++) {
        for (size_t k = 0; k < PAYLOAD; k++) {
            payloads[i][k] = (uint8_t)rand();
        }
    }
    struct amp_frame_parser parser;
    amp_frame_parser_init(&parser, SCHEMA);
    encode_slice();
    parse_slice(&parser);
    const double end = now_ns() + 1e9 * atof(words[1]);
    size_t slices = 0;
    while (slices < SLICES_MAX && now_ns() < end) {
        const double began = now_ns();
        encode_slice();
        const double between = now_ns();
        parse_slice(&parser);
        encode_ns[slices] = (between - began) / SLICE;
        parse_ns[slices++] = (now_ns() - between) / SLICE;
    }
    printf("{\"encode_ns\": %.1f, \"parse_ns\": %.1f}\n", median(encode_ns, slices),
           median(parse_ns, slices));
    return 0;
}
