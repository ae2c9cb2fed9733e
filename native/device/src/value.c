#include "amp/value.h"

_Static_assert(sizeof(float) == 4, "values are IEEE 754 binary32");

#define NOT_A_NUMBER 0x7FC00000u

union float_bits {
    float value;
    uint32_t bits;
};

// Codes of each type but f32; |none| marks "no value". A bool has none: it is out of its codes.
struct codes {
    int32_t low, high, none;
    uint8_t size; // bytes; 0: one bit
};

static const struct codes CODES[] = {
    [AMP_VALUE_F32] = {0, 0, 0, 4},         [AMP_VALUE_I16] = {-32767, 32767, -32768, 2},
    [AMP_VALUE_U16] = {0, 65534, 65535, 2}, [AMP_VALUE_I8] = {-127, 127, -128, 1},
    [AMP_VALUE_U8] = {0, 254, 255, 1},      [AMP_VALUE_BOOL] = {0, 1, 2, 0},
};

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
    const struct codes *const codes = &CODES[value->type];
    const float steps = number / step_of(value);
    const float rounded = steps < 0 ? steps - 0.5f : steps + 0.5f;
    if (amp_float_is_finite(number) && rounded > (float)(codes->low - 1) &&
        rounded < (float)(codes->high + 1)) {
        return (int32_t)rounded;
    }
    return codes->none;
}

bool amp_value_is_valid(const struct amp_value *value) {
    if (value->type > AMP_VALUE_BOOL || !amp_float_is_finite(value->low) ||
        !amp_float_is_finite(value->high) || value->low > value->high) {
        return false;
    }
    if (value->type == AMP_VALUE_F32) {
        return true;
    }
    const int32_t none = CODES[value->type].none;
    const float step = step_of(value);
    return amp_float_is_finite(step) && step > 0 && code_of(value, value->low) != none &&
           code_of(value, value->high) != none;
}

bool amp_value_holds(const struct amp_value *value, float number) {
    const float slack = value->type == AMP_VALUE_F32 ? 0 : step_of(value) * 0.5f;
    return amp_float_is_finite(number) && number >= value->low - slack &&
           number <= value->high + slack;
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
        (void)place_next(&place, CODES[described[i].type].size);
    }
    return place.at;
}

static void put(uint8_t *bytes, uint8_t size, uint32_t word) {
    for (uint8_t i = 0; i < size; i++, word >>= 8) {
        bytes[i] = (uint8_t)(word & 0xFFu);
    }
}

size_t amp_values_encode(const struct amp_value *described, const float *numbers, size_t count,
                         uint8_t *bytes, size_t *bad) {
    struct place place = {0, 0};
    *bad = count;
    for (size_t i = 0; i < count; i++) {
        const struct amp_value *const value = &described[i];
        const struct codes *const codes = &CODES[value->type];
        const uint8_t bit = place.bit;
        uint8_t *const to = bytes + place_next(&place, codes->size);
        uint32_t word = amp_float_bits(numbers[i]);
        bool fits = amp_float_is_finite(numbers[i]);
        if (value->type != AMP_VALUE_F32) {
            const int32_t code = code_of(value, numbers[i]);
            fits = code != codes->none;
            word = (uint32_t)code;
        }
        if (!fits && *bad == count) {
            *bad = i;
        }
        if (codes->size > 0) {
            put(to, codes->size, word);
        } else if (fits) {
            *to = (uint8_t)((bit > 0 ? *to : 0u) | word << bit);
        } else {
            return 0;
        }
    }
    return place.at;
}

static float read(const struct amp_value *value, const uint8_t *bytes) {
    const struct codes *const codes = &CODES[value->type];
    uint32_t word = 0;
    for (uint8_t i = codes->size; i > 0; i--) {
        word = word << 8 | bytes[i - 1];
    }
    if (value->type == AMP_VALUE_F32) {
        return amp_float_of(word);
    }
    int32_t code = (int32_t)word;
    if (code > codes->high && codes->low < 0) {
        code -= (int32_t)1 << 8 * codes->size;
    }
    return code == codes->none ? amp_float_of(NOT_A_NUMBER) : (float)code * value->scale;
}

bool amp_values_decode(const struct amp_value *described, size_t count, const uint8_t *bytes,
                       size_t size, float *numbers) {
    struct place place = {0, 0};
    if (size != amp_values_size(described, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct amp_value *const value = &described[i];
        const uint8_t bit = place.bit;
        const uint8_t *const from = bytes + place_next(&place, CODES[value->type].size);
        if (value->type != AMP_VALUE_BOOL) {
            numbers[i] = read(value, from);
            continue;
        }
        const uint8_t rest = (uint8_t)(*from >> bit);
        numbers[i] = (rest & 1) != 0 ? 1.0f : 0.0f;
        const bool ends = place.bit == 0 || i + 1 == count || described[i + 1].type != value->type;
        if (ends && rest > 1) {
            return false;
        }
    }
    return true;
}
