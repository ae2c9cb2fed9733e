// Random damage, ten million frames of it: none that was changed may pass. AMP_FRAMES=1000000000 in
// the environment asks for more. The broken twin sees the same damage, and must let one in 256 of
// those frames through of which nothing but the CRC can tell that they are other frames.

#include "check.h"
#include "frame_vectors.h"
#include "seeded.h"
#include "weak_frame.h"

#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define POOL 1024
#define ROOM (2 * AMP_FRAME_WIRE_MAX + 64)
#define SCHEMA 0x5EED0A17u

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FRAMES 200000
#else
#define FRAMES 10000000
#endif
#define FRAMES_EMULATED 200000

static uint64_t frames_wanted(void) {
    const char *asked = getenv("AMP_FRAMES");
    if (asked != NULL) {
        return strtoull(asked, NULL, 0);
    }
    return getenv("AMP_EMULATED") != NULL ? FRAMES_EMULATED : FRAMES;
}

/// A frame of a real type with random contents, as each codec writes it.
struct sample {
    struct amp_frame frame;
    uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
    uint8_t wire[2][AMP_FRAME_WIRE_MAX];
    size_t size;
};

static struct sample pool[POOL];
static const struct codec *const CODECS[2] = {&REAL, &WEAK};

/// Half of them without a zero in payload and header: one COBS block, whose contents may be changed
/// without changing its form.
static void pool_fill(void) {
    for (size_t n = 0; n < POOL; n++) {
        struct sample *const sample = &pool[n];
        const struct frame_vector *const like = &frame_vectors[seeded_below(COUNT(frame_vectors))];
        const bool plain = n % 2 == 0;
        sample->frame = like->frame;
        sample->frame.type = (uint8_t)(plain ? 17 : like->frame.type);
        sample->frame.flags = plain;
        sample->frame.session = (uint16_t)(plain ? 0x0101 : seeded_next());
        sample->frame.sequence = (uint16_t)(plain ? 0x0101 : seeded_next());
        sample->frame.length = (uint8_t)(plain ? 16 + seeded_below(24) : like->frame.length);
        for (size_t i = 0; i < sample->frame.length; i++) {
            const uint8_t any = (uint8_t)(seeded_below(8) == 0 ? 0 : seeded_next());
            sample->payload[i] = plain ? (uint8_t)(1 + seeded_below(255)) : any;
        }
        sample->frame.payload = sample->payload;
        sample->size = sample->frame.length + (size_t)AMP_FRAME_OVERHEAD;
        for (size_t c = 0; c < COUNT(CODECS); c++) {
            CHECK(CODECS[c]->encode(&sample->frame, SCHEMA, sample->wire[c], AMP_FRAME_WIRE_MAX) ==
                  (int)sample->size);
        }
    }
}

enum damage {
    BIT_ERRORS,
    DROP_RUN,
    REPEAT_RUN,
    BURST,
    INSERT_RUN,
    MERGE, /* the delimiter before the next frame is lost */
    CUT,
    MASQUERADE, /* another payload under the old CRC */
    DAMAGES
};

/// What happens to one frame, the same for both codecs: they write frames of one size.
struct plan {
    enum damage damage;
    size_t at, length;
    uint64_t pattern[4];
    double miss; /* bit errors: log of the chance that a bit is good */
};

static struct plan plan_next(uint64_t n, size_t size, bool plain) {
    static const double rates[] = {1e-5, 1e-4, 1e-3};
    struct plan plan = {.damage = (enum damage)(n % DAMAGES)};
    if (plan.damage == MASQUERADE && !plain) {
        plan.damage = BIT_ERRORS;
    }
    plan.at = (size_t)seeded_below(size);
    plan.length = 1 + (size_t)seeded_below(8);
    plan.miss = log1p(-rates[n / DAMAGES % COUNT(rates)]);
    for (size_t i = 0; i < COUNT(plan.pattern); i++) {
        plan.pattern[i] = seeded_next();
    }
    return plan;
}

static size_t remove_run(uint8_t *line, size_t size, size_t at, size_t length) {
    const size_t end = at + length < size ? at + length : size;
    memmove(line + at, line + end, size - end);
    return size - (end - at);
}

static size_t insert_run(uint8_t *line, size_t size, size_t at, const uint8_t *run, size_t length) {
    uint8_t copy[8];
    memcpy(copy, run, length);
    memmove(line + at + length, line + at, size - at);
    memcpy(line + at, copy, length);
    return size + length;
}

/// Each bit by itself; the distances come from the plan, so that both codecs are hit alike.
static void bit_errors(uint8_t *line, size_t size, const struct plan *plan) {
    uint64_t state = plan->pattern[0];
    size_t bit = 0;
    for (size_t n = 0; n < 8 * size; n++) { /* each pass moves on by at least one bit */
        state += 0x9e3779b97f4a7c15u;
        const double chance = (double)(seeded_mix(state) >> 11) * 0x1p-53;
        const double gap = log1p(-chance) / plan->miss;
        if (gap >= (double)(8 * size - bit)) {
            return;
        }
        bit += (size_t)gap;
        line[bit / 8] = (uint8_t)(line[bit / 8] ^ 1u << bit % 8);
        if (++bit >= 8 * size) {
            return;
        }
    }
}

static size_t spoil(uint8_t *line, size_t size, const struct plan *plan) {
    const size_t at = plan->at;
    const size_t within = size - at < plan->length ? size - at : plan->length;
    const uint8_t *const noise = (const uint8_t *)plan->pattern;
    switch (plan->damage) {
    case BIT_ERRORS:
        bit_errors(line, size, plan);
        return size;
    case DROP_RUN:
        return remove_run(line, size, at, plan->length);
    case REPEAT_RUN:
        return insert_run(line, size, at, line + at, within);
    case INSERT_RUN:
        return insert_run(line, size, at, noise, plan->length);
    case BURST:
        for (size_t i = 0; i < within; i++) {
            line[at + i] = (uint8_t)(line[at + i] ^ noise[i]);
        }
        return size;
    case MERGE:
        return size - 1;
    case CUT:
        return at;
    case MASQUERADE:
    case DAMAGES:
        break;
    }
    const size_t payload = size - AMP_FRAME_OVERHEAD; /* behind the code and the header */
    for (size_t i = 0; i < 8; i++) {
        line[8 + noise[8 + i] % payload] = (uint8_t)(1 + noise[16 + i] % 255);
    }
    return size;
}

struct outcome {
    uint64_t same, other; /* frames that passed: as they were sent, and otherwise */
};

/// Receives a line on which two frames were sent.
static struct outcome received(const struct codec *codec, const uint8_t *line, size_t size,
                               const struct sample *first, const struct sample *second) {
    struct amp_frame_parser parser;
    struct outcome outcome = {0, 0};
    codec->init(&parser, SCHEMA);
    for (size_t used = 0; used < size;) {
        struct amp_frame frame;
        enum amp_frame_verdict verdict = AMP_FRAME_MORE;
        used += codec->parse(&parser, line + used, size - used, &verdict, &frame);
        if (verdict == AMP_FRAME_GOOD) {
            const bool same =
                same_frame(&frame, &first->frame) || same_frame(&frame, &second->frame);
            outcome.same += same;
            outcome.other += !same;
        }
    }
    return outcome;
}

struct sums {
    uint64_t other, masquerades, masqueraded, whole;
};

static void one_trial(uint64_t n, size_t codec, const struct plan *plan, struct sums *sums) {
    const struct sample *const first = &pool[n % POOL];
    const struct sample *const second = &pool[(n + 1) % POOL];
    uint8_t line[ROOM];
    memcpy(line, first->wire[codec], first->size);
    size_t size = spoil(line, first->size, plan);
    memcpy(line + size, second->wire[codec], second->size);
    size += second->size;
    const struct outcome outcome = received(CODECS[codec], line, size, first, second);
    sums->other += outcome.other;
    sums->whole += outcome.same;
    sums->masquerades += plan->damage == MASQUERADE;
    sums->masqueraded += plan->damage == MASQUERADE ? outcome.other : 0;
}

static void test_no_damaged_frame_passes_and_one_in_256_of_the_twins_does(void) {
    const uint64_t frames = frames_wanted();
    struct sums sums[2] = {{0}};
    for (uint64_t n = 0; n < frames; n++) {
        const struct sample *const sample = &pool[n % POOL];
        const struct plan plan = plan_next(n / 2, sample->size, n % 2 == 0);
        one_trial(n, 0, &plan, &sums[0]);
        one_trial(n, 1, &plan, &sums[1]);
    }
    const double expected = (double)sums[1].masquerades / 256.0;
    const double spread = 6.0 * sqrt(expected);
    printf("%llu frames, undetected: %llu, of the broken twin %llu, %llu of %llu masquerades\n",
           (unsigned long long)frames, (unsigned long long)sums[0].other,
           (unsigned long long)sums[1].other, (unsigned long long)sums[1].masqueraded,
           (unsigned long long)sums[1].masquerades);
    CHECK(sums[0].other == 0);
    CHECK(sums[0].whole > frames / 2);
    CHECK(sums[1].masquerades > frames / 20);
    CHECK(fabs((double)sums[1].masqueraded - expected) < spread);
}

int main(void) {
    seeded_begin();
    pool_fill();
    RUN(test_no_damaged_frame_passes_and_one_in_256_of_the_twins_does);
    return CHECK_DONE();
}
