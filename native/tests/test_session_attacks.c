// What a line can do to a frame, seen by the two ends of a session: a damaged frame must do nothing
// but count, or what the whole one does. Every vector of a message is attacked at both ends, so a new
// type is covered by its vector; the end that does not expect it has to throw it away.

#include "check.h"
#include "frame_vectors.h"
#include "seeded.h"
#include "session_rig.h"

#define NUMBER 4660 // the vectors' session
#define EVENTS_MAX 4
#define EDGES 200 // vectors from this type on are no messages
#define NOW_US 1000

enum end { HOST, DEVICE, ENDS };

struct said {
    enum amp_session_event_kind kind;
    enum amp_refusal refusal;
    uint32_t id, verb, result, argument;
    uint32_t type, flags, session, sequence, length;
    uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
};

#define TEXT 256 // of the dictionary, as far as the vectors reach
#define PIECE_AT 56
#define PIECE_OF 121

/// What the host has read of the device's dictionary: memory of its caller's.
struct read {
    enum amp_dictionary_state state;
    uint32_t size, filled, tries, told;
    char text[TEXT];
};

/// All that some bytes have done to an end.
struct effect {
    struct amp_session session;
    struct read read;
    size_t count;
    struct said said[EVENTS_MAX];
};

_Static_assert(sizeof(struct amp_wire_identity) >= AMP_IDENTITY_SIZE, "see tidy()");

static struct amp_session ends[ENDS];
static struct amp_dictionary dictionary;

static void ends_begin(void) {
    const struct amp_wire_identity identity = rig_identity();
    struct amp_session_host expected = RIG_EXPECTED;
    expected.dictionary = &dictionary;
    amp_session_host_init(&ends[HOST], &expected, NUMBER, 0);
    CHECK(rig_feed_identity(&ends[HOST], NUMBER, &identity, 0).kind == AMP_ON_UP);
    CHECK(amp_session_command(&ends[HOST], AMP_VERB_ARM, 7, 1000, 0) != 0);
    amp_session_describe(&ends[HOST], 0);
    amp_session_device_init(&ends[DEVICE], &identity);
    CHECK(rig_feed_identify(&ends[DEVICE], NUMBER, AMP_PROTOCOL_MAJOR, RIG_SCHEMA).kind ==
          AMP_ON_UP);
    CHECK(rig_pending(&ends[DEVICE], 0).type == AMP_FRAME_IDENTITY);
}

static void note(struct effect *effect, const struct amp_session_event *event) {
    CHECK(effect->count < EVENTS_MAX);
    struct said *const said = &effect->said[effect->count++];
    memset(said, 0, sizeof *said);
    said->kind = event->kind;
    said->refusal = event->refusal;
    said->id = event->id;
    said->verb = event->verb;
    said->result = event->result;
    said->argument = event->argument;
    if (event->kind == AMP_ON_MESSAGE) {
        said->type = event->frame.type;
        said->flags = event->frame.flags;
        said->session = event->frame.session;
        said->sequence = event->frame.sequence;
        said->length = event->frame.length;
        memcpy(said->payload, event->frame.payload, event->frame.length);
    }
}

/// Leaves nothing in the bytes between the members: they are compared, and nobody writes them.
static void tidy(struct amp_session *session) {
    uint8_t identity[AMP_IDENTITY_SIZE];
    const struct amp_wire_time time = session->time;
    (void)amp_wire_identity_encode(&session->identity, identity);
    memset(&session->identity, 0, sizeof session->identity);
    memcpy(&session->identity, identity, sizeof identity);
    memset(&session->time, 0, sizeof session->time);
    session->time.token = time.token;
    session->time.received_us = time.received_us;
    session->time.held_us = time.held_us;
    memset(&session->counters, 0, sizeof session->counters);
    memset(&session->parser, 0, sizeof session->parser);
}

/// As if the pieces before that of the vector had been read.
static void dictionary_begin(void) {
    dictionary.state = AMP_DICTIONARY_READING;
    dictionary.size = PIECE_OF;
    dictionary.filled = PIECE_AT;
    dictionary.tries = 1;
    dictionary.told = false;
    memset(dictionary.text, 0, TEXT);
}

static void dictionary_note(struct read *read) {
    memset(read, 0, sizeof *read);
    read->state = dictionary.state;
    read->size = dictionary.size;
    read->filled = dictionary.filled;
    read->tries = dictionary.tries;
    read->told = dictionary.told;
    memcpy(read->text, dictionary.text, TEXT);
}

/// Puts bytes and then a delimiter into a copy of an end. Counters and the parser are left out of
/// what is compared: they are what a damaged frame may change.
static void feed(struct effect *effect, enum end end, const uint8_t *line, size_t size) {
    static const uint8_t delimiter = 0;
    struct amp_session_event event;
    memcpy(&effect->session, &ends[end], sizeof effect->session);
    effect->count = 0;
    dictionary_begin();
    for (size_t used = 0; used <= size;) { /* each pass takes at least one byte */
        memset(&event, 0, sizeof event);
        const bool last = used == size;
        used += amp_session_receive(&effect->session, last ? &delimiter : line + used,
                                    last ? 1 : size - used, NOW_US, &event);
        if (event.kind != AMP_ON_NOTHING) {
            note(effect, &event);
        }
    }
    tidy(&effect->session);
    dictionary_note(&effect->read);
}

static bool same_effect(const struct effect *one, const struct effect *other) {
    return one->count == other->count &&
           memcmp(&one->session, &other->session, sizeof one->session) == 0 &&
           memcmp(&one->read, &other->read, sizeof one->read) == 0 &&
           memcmp(one->said, other->said, one->count * sizeof one->said[0]) == 0;
}

/// One vector before one end.
struct trial {
    enum end end;
    uint8_t wire[AMP_FRAME_WIRE_MAX + 64];
    size_t size;
    struct effect nothing, whole;
    uint64_t tried, undetected;
};

static void trial_begin(struct trial *trial, enum end end, const struct frame_vector *vector) {
    memset(trial, 0, sizeof *trial);
    trial->end = end;
    trial->size = vector->wire_size;
    memcpy(trial->wire, vector->wire, vector->wire_size);
    feed(&trial->nothing, end, NULL, 0);
    feed(&trial->whole, end, trial->wire, trial->size);
}

static void attack(struct trial *trial, const uint8_t *line, size_t size) {
    static struct effect effect;
    feed(&effect, trial->end, line, size);
    trial->tried++;
    trial->undetected +=
        !same_effect(&effect, &trial->nothing) && !same_effect(&effect, &trial->whole);
}

static void flip(uint8_t *wire, size_t bit) {
    wire[bit / 8] = (uint8_t)(wire[bit / 8] ^ 1u << bit % 8);
}

static void flip_one_and_two(struct trial *trial) {
    for (size_t first = 0; first < 8 * trial->size; first++) {
        flip(trial->wire, first);
        attack(trial, trial->wire, trial->size);
        for (size_t second = first + 1; second < 8 * trial->size; second++) {
            flip(trial->wire, second);
            attack(trial, trial->wire, trial->size);
            flip(trial->wire, second);
        }
        flip(trial->wire, first);
    }
}

static void bursts(struct trial *trial) {
    for (size_t begin = 0; begin < 8 * trial->size; begin++) {
        for (size_t length = 3; length <= 32 && begin + length <= 8 * trial->size; length++) {
            uint8_t hit[sizeof trial->wire];
            memcpy(hit, trial->wire, trial->size);
            const uint64_t pattern = seeded_next() | 1u | (uint64_t)1 << (length - 1);
            for (size_t bit = 0; bit < length; bit++) {
                if ((pattern >> bit & 1u) != 0) {
                    flip(hit, begin + bit);
                }
            }
            attack(trial, hit, trial->size);
        }
    }
}

/// Truncations at both ends are among them; so is the loss of the whole frame.
static void lost_runs(struct trial *trial) {
    for (size_t begin = 0; begin < trial->size; begin++) {
        for (size_t end = begin + 1; end <= trial->size; end++) {
            uint8_t rest[sizeof trial->wire];
            memcpy(rest, trial->wire, begin);
            memcpy(rest + begin, trial->wire + end, trial->size - end);
            attack(trial, rest, trial->size - (end - begin));
        }
    }
}

static void repeated_runs(struct trial *trial) {
    for (size_t begin = 0; begin < trial->size; begin++) {
        for (size_t end = begin + 1; end <= trial->size && end <= begin + 32; end++) {
            uint8_t more[sizeof trial->wire];
            memcpy(more, trial->wire, end);
            memcpy(more + end, trial->wire + begin, trial->size - begin);
            attack(trial, more, trial->size + end - begin);
        }
    }
}

/// The frame twice, in one go: the second one may do nothing any more.
static void twice(struct trial *trial) {
    uint8_t both[2 * sizeof trial->wire];
    memcpy(both, trial->wire, trial->size);
    memcpy(both + trial->size, trial->wire, trial->size);
    attack(trial, both, 2 * trial->size);
}

static uint64_t undetected_by(void (*attacked)(struct trial *)) {
    static struct trial trial;
    uint64_t undetected = 0;
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        if (frame_vectors[n].frame.type >= EDGES) {
            continue;
        }
        for (int end = HOST; end < ENDS; end++) {
            trial_begin(&trial, (enum end)end, &frame_vectors[n]);
            attacked(&trial);
            CHECK(trial.tried > 0);
            undetected += trial.undetected;
        }
    }
    return undetected;
}

static void test_no_flip_of_one_or_two_bits_does_anything(void) {
    CHECK(undetected_by(flip_one_and_two) == 0);
}

static void test_no_burst_does_anything(void) {
    CHECK(undetected_by(bursts) == 0);
}

static void test_no_lost_run_of_bytes_does_anything(void) {
    CHECK(undetected_by(lost_runs) == 0);
}

static void test_no_repeated_run_of_bytes_does_anything(void) {
    CHECK(undetected_by(repeated_runs) == 0);
}

static void test_a_frame_that_comes_twice_is_taken_once(void) {
    CHECK(undetected_by(twice) == 0);
}

/// A vector that did nothing at either end would make all of this easy.
static void test_every_message_means_something_to_one_end(void) {
    static struct trial trial;
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        bool means = frame_vectors[n].frame.type >= EDGES;
        for (int end = HOST; end < ENDS; end++) {
            trial_begin(&trial, (enum end)end, &frame_vectors[n]);
            means = means || !same_effect(&trial.whole, &trial.nothing);
        }
        CHECK(means);
    }
}

/// A frame with another payload and a right CRC is what no CRC can find: it has to be seen here.
static void test_what_passes_for_another_frame_is_seen(void) {
    static struct trial trial;
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        if (frame_vectors[n].frame.type != AMP_FRAME_STATE) {
            continue;
        }
        struct amp_frame frame = frame_vectors[n].frame;
        uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
        memcpy(payload, frame.payload, frame.length);
        payload[frame.length - 1] ^= 1;
        frame.payload = payload;
        trial_begin(&trial, HOST, &frame_vectors[n]);
        uint8_t wire[AMP_FRAME_WIRE_MAX];
        const int size = amp_frame_encode(&frame, RIG_SCHEMA, wire, sizeof wire);
        attack(&trial, wire, (size_t)size);
        CHECK(trial.undetected == 1);
    }
}

int main(void) {
    seeded_begin();
    ends_begin();
    RUN(test_every_message_means_something_to_one_end);
    RUN(test_what_passes_for_another_frame_is_seen);
    RUN(test_no_flip_of_one_or_two_bits_does_anything);
    RUN(test_no_burst_does_anything);
    RUN(test_no_lost_run_of_bytes_does_anything);
    RUN(test_no_repeated_run_of_bytes_does_anything);
    RUN(test_a_frame_that_comes_twice_is_taken_once);
    return CHECK_DONE();
}
