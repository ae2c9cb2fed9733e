/* Fuzzing: a line on which the fuzzer says what it likes, to a device, to a host and to a parser.
 *
 * The bytes are a script of steps. Most frames in it get a right CRC, or nothing behind the CRC
 * would ever be reached; some are damaged after that, some bytes are raw. What must hold after each
 * step: no output leaves its range, nothing is armed beyond its lease, states are states, and a
 * parser gives the same verdicts however its bytes are cut.
 */
#include <stdlib.h>

#include "../tests/device_rig.h"

#define STEPS 48

struct script {
    const uint8_t *bytes;
    size_t size;
    size_t at;
};

static struct rig rig;

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "does not hold: %s\n", #condition);                                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static uint8_t take(struct script *script) {
    return script->at < script->size ? script->bytes[script->at++] : 0;
}

static uint16_t take_u16(struct script *script) {
    const uint8_t low = take(script);
    return (uint16_t)(low | take(script) << 8);
}

static size_t take_bytes(struct script *script, uint8_t *out, size_t most) {
    size_t size = take(script);
    size = size < most ? size : most;
    for (size_t i = 0; i < size; i++) {
        out[i] = take(script);
    }
    return size;
}

/* What the pump does with a message; a length that does not fit is refused here. */
static void hear(const struct amp_session_event *event) {
    const struct amp_frame *const frame = &event->frame;
    struct amp_wire_state state;
    struct amp_wire_event told;
    float values[AMP_DEVICE_VALUES_MAX];
    if (event->kind != AMP_ON_MESSAGE) {
        return;
    }
    HOLDS(frame->type == AMP_FRAME_STATE || frame->type == AMP_FRAME_EVENT);
    if (frame->type == AMP_FRAME_STATE) {
        (void)(amp_wire_state_decode(frame->payload, frame->length, &state) &&
               amp_values_decode(rig.config.sends, rig.config.sends_count,
                                 frame->payload + AMP_STATE_SIZE,
                                 (size_t)frame->length - AMP_STATE_SIZE, values));
    } else {
        (void)amp_wire_event_decode(frame->payload, frame->length, &told);
    }
}

static void to_host(const uint8_t *bytes, size_t size) {
    for (size_t used = 0; used < size;) {
        struct amp_session_event event;
        const size_t took =
            amp_session_receive(&rig.host, bytes + used, size - used, rig.now_us, &event);
        HOLDS(took > 0 && took <= size - used);
        used += took;
        hear(&event);
    }
}

/* Both ends hear everything: a line may be crossed. */
static void say(const uint8_t *bytes, size_t size) {
    amp_device_receive(&rig.device, bytes, size, rig.now_us);
    to_host(bytes, size);
}

static size_t make_frame(struct script *script, uint8_t *wire) {
    static const uint8_t types[] = {1, 2, 16, 17, 18, 19, 20, 21};
    uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
    const uint8_t choice = take(script);
    const uint16_t session = choice & 8 ? take_u16(script) : rig.host.number;
    const uint16_t newest = choice & 16 ? rig.host.sent_sequence : rig.device.session.sent_sequence;
    struct amp_frame frame = {.type = types[choice % 8], .session = session, .payload = payload};
    frame.sequence = (uint16_t)(newest + (int8_t)take(script));
    frame.length = (uint8_t)take_bytes(script, payload, sizeof payload);
    const uint32_t schema = choice & 32 ? 0x0BADu : RIG_SCHEMA;
    const int size = amp_frame_encode(&frame, schema, wire, AMP_FRAME_WIRE_MAX);
    HOLDS(size == frame.length + AMP_FRAME_OVERHEAD);
    return (size_t)size;
}

/* Verdicts in order, as one number; the bytes come in pieces of |piece|. */
static uint32_t verdicts(const uint8_t *bytes, size_t size, size_t piece) {
    struct amp_frame_parser parser;
    uint32_t sum = 0;
    amp_frame_parser_init(&parser, RIG_SCHEMA);
    for (size_t used = 0; used < size;) {
        enum amp_frame_verdict verdict;
        struct amp_frame frame;
        const size_t offered = size - used < piece ? size - used : piece;
        const size_t took = amp_frame_parse(&parser, bytes + used, offered, &verdict, &frame);
        HOLDS(took > 0 && took <= offered);
        used += took;
        if (verdict == AMP_FRAME_MORE) {
            continue;
        }
        const uint8_t code = (uint8_t)verdict;
        sum = amp_crc32(&code, 1, sum);
        if (verdict == AMP_FRAME_GOOD) {
            sum = amp_crc32(frame.payload, frame.length, sum);
        }
    }
    return sum;
}

static void step_frame(struct script *script, uint8_t how) {
    uint8_t wire[2 * AMP_FRAME_WIRE_MAX];
    size_t size = make_frame(script, wire);
    if (how & 16) {
        wire[take(script) % size] ^= take(script);
    }
    if (how & 32) {
        size = 1 + take(script) % size; /* cut off */
    }
    if (how & 64) {
        size += take_bytes(script, wire + size, sizeof wire - size);
    }
    HOLDS(verdicts(wire, size, size) == verdicts(wire, size, 1 + how % 5u));
    say(wire, size);
}

static void step_raw(struct script *script) {
    uint8_t wire[510];
    const uint8_t piece = take(script);
    size_t size = take_bytes(script, wire, 255);
    if (size == 255) { /* longer than any COBS block */
        size += take_bytes(script, wire + size, 255);
    }
    HOLDS(verdicts(wire, size, size) == verdicts(wire, size, 1 + piece % 7u));
    say(wire, size);
    if (size > 0) {
        (void)amp_cobs_decode(wire, size);
    }
}

static void step_actuate(struct script *script) {
    float values[3];
    uint8_t *const bytes = (uint8_t *)values;
    for (size_t i = 0; i < sizeof values; i++) {
        bytes[i] = take(script);
    }
    rig_actuate(&rig, values[0], values[1], values[2]);
}

/* Values of any types, from any bytes: what is read has its exact size, and goes back unchanged. */
static void step_values(struct script *script) {
    struct amp_value values[AMP_DEVICE_VALUES_MAX];
    float numbers[AMP_DEVICE_VALUES_MAX];
    uint8_t bytes[4 * AMP_DEVICE_VALUES_MAX], back[sizeof bytes];
    const size_t count = take(script) % (AMP_DEVICE_VALUES_MAX + 1u);
    for (size_t i = 0; i < count; i++) {
        const uint8_t type = take(script) % 6;
        values[i] = (struct amp_value){.type = type, .scale = 1};
    }
    size_t size = amp_values_size(values, count);
    HOLDS(size <= sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = take(script);
    }
    const uint8_t off = take(script);
    size = off < 8 && size > off ? size - off : size;
    if (amp_values_decode(values, count, bytes, size, numbers)) {
        size_t bad;
        HOLDS(size == amp_values_size(values, count));
        HOLDS(amp_values_encode(values, numbers, count, back, &bad) == size);
        for (size_t i = 0; i < count; i++) {
            HOLDS(i != bad || !amp_value_holds(&values[i], numbers[i]));
        }
    }
}

static struct amp_dictionary dictionary;

static void give_piece(struct amp_wire_dictionary piece, uint8_t *payload, size_t length) {
    (void)amp_wire_dictionary_encode(&piece, payload);
    (void)amp_dictionary_take(&dictionary, payload, length, rig.now_us);
    HOLDS(dictionary.filled <= AMP_DICTIONARY_MAX);
    HOLDS(dictionary.text[dictionary.filled] == '\0');
    HOLDS((uint32_t)dictionary.state <= AMP_DICTIONARY_BROKEN);
}

/* A device that says anything at all about its dictionary; sometimes the whole of it at once. */
static void step_dictionary(struct script *script) {
    static const uint8_t letters[] = {'a', '\n', 0x7F, 0x01};
    uint8_t payload[AMP_DICTIONARY_SIZE + AMP_DICTIONARY_PIECE];
    struct amp_wire_describe describe;
    const uint8_t how = take(script);
    const uint8_t size = 1 + take(script) % AMP_DICTIONARY_PIECE;
    memset(payload, letters[how >> 3 & 3], sizeof payload);
    if (how & 1) {
        const uint32_t crc = amp_crc32(payload + AMP_DICTIONARY_SIZE, size, 0);
        amp_dictionary_begin(&dictionary, how & 2 ? crc : ~crc, rig.now_us);
    }
    if (how & 4) {
        (void)amp_dictionary_ask(&dictionary, rig.now_us, &describe);
    }
    if (how & 32) {
        const struct amp_wire_dictionary whole = {.offset = 0, .size = size};
        give_piece(whole, payload, AMP_DICTIONARY_SIZE + size);
        return;
    }
    const struct amp_wire_dictionary piece = {
        .offset = how & 64 ? take(script) : dictionary.filled,
        .size = how & 128 ? take_u16(script) : take(script),
    };
    give_piece(piece, payload, take(script) % sizeof payload);
}

static void step_once(struct script *script) {
    const uint8_t how = take(script);
    switch (how % 10) {
    case 8:
        step_values(script);
        break;
    case 9:
        step_dictionary(script);
        break;
    case 0:
        step_raw(script);
        break;
    case 1:
    case 2:
        step_frame(script, how);
        break;
    case 3:
        rig_tick(&rig, rig.now_us + take_u16(script));
        rig_exchange(&rig);
        break;
    case 4:
        (void)amp_session_command(&rig.host, (enum amp_verb)(take(script) % 8), take(script), 1000,
                                  rig.now_us);
        rig_exchange(&rig);
        break;
    case 5:
        if (rig.host.state == AMP_SESSION_UP) {
            step_actuate(script);
        }
        break;
    case 6:
        amp_device_stop(&rig.device, rig.now_us);
        break;
    default:
        amp_session_restart(&rig.host, (uint16_t)(1 + take(script)), rig.now_us);
        break;
    }
}

static void look(void) {
    const struct amp_device *const device = &rig.device;
    HOLDS((uint32_t)device->mode <= AMP_DEVICE_SAFE);
    HOLDS((uint32_t)device->session.state <= AMP_SESSION_REFUSED);
    HOLDS((uint32_t)rig.host.state <= AMP_SESSION_REFUSED);
    HOLDS(device->mode != AMP_DEVICE_ARMED || device->lease_end_us > rig.now_us);
    for (size_t i = 0; i < rig.config.accepts_count; i++) {
        const float output = amp_device_output(device, i);
        HOLDS(output >= rig.config.accepts[i].low && output <= rig.config.accepts[i].high);
    }
    HOLDS(check_bad == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct script script = {.bytes = bytes, .size = size};
    if (take(&script) % 2 == 0) {
        rig_begin(&rig);
    } else {
        rig_run(&rig);
    }
    for (int step = 0; step < STEPS && script.at < script.size; step++) {
        step_once(&script);
        amp_device_tick(&rig.device, rig.now_us, rig.sensed);
        look();
    }
    return 0;
}
