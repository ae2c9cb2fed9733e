#include "amp/value.h"

_Static_assert(sizeof(float) == 4, "values are IEEE 754 binary32");

#define NOT_A_NUMBER 0x7FC00000u

union float_bits {
    float value;
    uint32_t bits;
};

// Bytes of each type; 0: one bit.
static const uint8_t SIZES[] = {4, 2, 2, 1, 1, 0};

// The code of "no value"; the highest code is the one below it. A bool has none: 2 is out of its codes.
static const int32_t NONES[] = {0, 0x8000, 0xFFFF, 0x80, 0xFF, 2};

static bool is_signed(const struct amp_value *value) {
    return value->type == AMP_VALUE_I16 || value->type == AMP_VALUE_I8;
}

uint32_t amp_float_bits(float value) {
    const union float_bits word = {.value = value};
    return word.bits;
}

float amp_float_of(uint32_t bits) {
    const union float_bits word = {.bits = bits};
    return word.value;
}

bool amp_float_is_finite(float value) {
    return (amp_float_bits(value) & 0x7F800000u) != 0x7F800000u;
}

static float step_of(const struct amp_value *value) {
    return value->type == AMP_VALUE_BOOL ? 1.0f : value->scale;
}

// The nearest code; the code of "no value" if there is none.
static int32_t code_of(const struct amp_value *value, float number) {
    const int32_t none = NONES[value->type];
    const int32_t below = is_signed(value) ? -none : -1;
    const float steps = number / step_of(value);
    const float rounded = steps < 0 ? steps - 0.5f : steps + 0.5f;
    if (amp_float_is_finite(number) && rounded > (float)below && rounded < (float)none) {
        return (int32_t)rounded;
    }
    return none;
}

bool amp_value_holds(const struct amp_value *value, float number) {
    const float slack = value->type == AMP_VALUE_F32 ? 0 : step_of(value) * 0.5f;
    return amp_float_is_finite(number) && number >= value->low - slack &&
           number <= value->high + slack;
}

bool amp_value_is_valid(const struct amp_value *value) {
    if (value->type > AMP_VALUE_BOOL || !amp_float_is_finite(value->high) ||
        !(value->low <= value->high) || !amp_float_is_finite(value->low)) {
        return false;
    }
    const float step = step_of(value);
    const int32_t none = NONES[value->type];
    return value->type == AMP_VALUE_F32 ||
           (amp_float_is_finite(step) && step > 0 && code_of(value, value->low) != none &&
            code_of(value, value->high) != none);
}

// Where the next value stands: a byte, and in a run of bools the bit in it.

struct place {
    size_t at;
    uint8_t bit; // 0: the next bool begins a byte
};

static size_t place_next(struct place *place, uint8_t size) {
    const size_t at = place->at;
    if (size > 0) {
        place->bit = 0;
    } else if (place->bit > 0) {
        place->bit = (uint8_t)((place->bit + 1) % 8);
        return at - 1;
    } else {
        place->bit = 1;
        size = 1;
    }
    place->at += size;
    return at;
}

size_t amp_values_size(const struct amp_value *described, size_t count) {
    struct place place = {0, 0};
    for (size_t i = 0; i < count; i++) {
        (void)place_next(&place, SIZES[described[i].type]);
    }
    return place.at;
}

size_t amp_values_encode(const struct amp_value *described, const float *numbers, size_t count,
                         uint8_t *bytes, size_t *bad) {
    struct place place = {0, 0};
    *bad = count;
    for (size_t i = 0; i < count; i++) {
        const struct amp_value *const value = &described[i];
        const uint8_t size = SIZES[value->type];
        const uint8_t bit = place.bit;
        uint8_t *const to = bytes + place_next(&place, size);
        uint32_t word = amp_float_bits(numbers[i]);
        bool fits = amp_float_is_finite(numbers[i]);
        if (value->type != AMP_VALUE_F32) {
            const int32_t code = code_of(value, numbers[i]);
            fits = code != NONES[value->type];
            word = (uint32_t)code;
        }
        if (!fits && *bad == count) {
            *bad = i;
        }
        if (size == 0 && !fits) {
            return 0;
        }
        if (size == 0) {
            *to = (uint8_t)((bit > 0 ? *to : 0u) | word << bit);
        }
        for (uint8_t at = 0; at < size; at++, word >>= 8) {
            to[at] = (uint8_t)(word & 0xFFu);
        }
    }
    return place.at;
}

static float number_of(const struct amp_value *value, uint32_t word) {
    const int32_t none = NONES[value->type];
    int32_t code = (int32_t)word;
    if (value->type == AMP_VALUE_F32) {
        return amp_float_of(word);
    }
    if (code == none) {
        return amp_float_of(NOT_A_NUMBER);
    }
    if (code > none) { // a negative one: no unsigned code is above its "no value"
        code -= 2 * none;
    }
    return (float)code * step_of(value);
}

bool amp_values_decode(const struct amp_value *described, size_t count, const uint8_t *bytes,
                       size_t size, float *numbers) {
    struct place place = {0, 0};
    uint8_t rest = 0; // of the run of bools: what must be 0 once it ends
    for (size_t i = 0; i < count; i++) {
        const struct amp_value *const value = &described[i];
        const uint8_t each = SIZES[value->type];
        const bool begins = each > 0 || place.bit == 0;
        const uint8_t *const from = bytes + place_next(&place, each);
        if (place.at > size || (begins && rest != 0)) {
            return false;
        }
        uint32_t word = 0;
        for (uint8_t at = each; at > 0; at--) {
            word = word << 8 | from[at - 1];
        }
        if (each == 0) {
            rest = begins ? *from : rest;
            word = rest & 1u;
            rest >>= 1;
        }
        numbers[i] = number_of(value, word);
    }
    return place.at == size && rest == 0;
}
