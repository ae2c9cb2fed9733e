// Values on the wire: golden bytes, the ends of every type, and what does not fit.

#define FRAME_VECTORS_OF_VALUES
#include "check.h"
#include "frame_vectors.h"
#include "seeded.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define VALUES_MAX 16

static const struct {
    uint8_t type;
    float low, high;
} INTEGERS[] = {
    {AMP_VALUE_I16, -32767, 32767},
    {AMP_VALUE_U16, 0, 65534},
    {AMP_VALUE_I8, -127, 127},
    {AMP_VALUE_U8, 0, 254},
};

static bool same(float a, float b) {
    return isnan(a) ? isnan(b) != 0 : memcmp(&a, &b, sizeof a) == 0;
}

static void test_values_have_the_golden_bytes_and_come_back(void) {
    for (size_t n = 0; n < COUNT(value_vectors); n++) {
        const struct value_vector *const v = &value_vectors[n];
        uint8_t bytes[4 * VALUES_MAX];
        float numbers[VALUES_MAX];
        size_t bad;
        CHECK(amp_values_size(v->described, v->count) == v->size);
        CHECK(amp_values_encode(v->described, v->numbers, v->count, bytes, &bad) == v->size);
        CHECK(memcmp(bytes, v->bytes, v->size) == 0);
        CHECK(amp_values_decode(v->described, v->count, v->bytes, v->size, numbers));
        for (size_t i = 0; i < v->count; i++) {
            CHECK(same(numbers[i], v->numbers[i]));
            CHECK((bad == v->count) || isnan(v->numbers[bad]));
        }
    }
}

static float through(const struct amp_value *value, float number, size_t *bad) {
    uint8_t bytes[4];
    float out = -1;
    const size_t size = amp_values_encode(value, &number, 1, bytes, bad);
    CHECK(size == amp_values_size(value, 1));
    CHECK(amp_values_decode(value, 1, bytes, size, &out));
    return out;
}

static void test_every_code_of_every_integer_comes_back(void) {
    static const float SCALES[] = {1.0f, 0.001f, 0.1f, 1e-9f, 3.7f, 1e9f};
    for (size_t n = 0; n < COUNT(INTEGERS); n++) {
        for (size_t s = 0; s < COUNT(SCALES); s++) {
            const struct amp_value value = {.type = INTEGERS[n].type, .scale = SCALES[s]};
            for (float code = INTEGERS[n].low; code <= INTEGERS[n].high; code++) {
                size_t bad;
                const float number = code * value.scale;
                CHECK(same(through(&value, number, &bad), number) && bad == 1);
            }
        }
    }
}

static void test_what_does_not_fit_is_marked_and_never_bent(void) {
    static const float NEVER[] = {NAN, -NAN, INFINITY, -INFINITY, 1e30f, -1e30f, FLT_MAX, 65535.6f};
    for (size_t n = 0; n < COUNT(INTEGERS); n++) {
        const struct amp_value value = {.type = INTEGERS[n].type, .scale = 1};
        size_t bad;
        for (size_t i = 0; i < COUNT(NEVER); i++) {
            CHECK(isnan(through(&value, NEVER[i], &bad)) && bad == 0);
        }
        CHECK(isnan(through(&value, INTEGERS[n].high + 0.5f, &bad)) && bad == 0);
        CHECK(isnan(through(&value, INTEGERS[n].low - 0.5f, &bad)) && bad == 0);
        CHECK(same(through(&value, INTEGERS[n].high + 0.25f, &bad), INTEGERS[n].high) && bad == 1);
        CHECK(same(through(&value, INTEGERS[n].low - 0.25f, &bad), INTEGERS[n].low) && bad == 1);
    }
}

static void test_floats_go_as_they_are_and_bad_ones_are_named(void) {
    const struct amp_value values[3] = {{.type = AMP_VALUE_F32}};
    const float numbers[3] = {FLT_MAX, -0.0f, NAN};
    uint8_t bytes[12];
    float out[3];
    size_t bad;
    CHECK(amp_values_encode(values, numbers, 3, bytes, &bad) == 12 && bad == 2);
    CHECK(amp_values_decode(values, 3, bytes, 12, out));
    CHECK(memcmp(out, numbers, sizeof out) == 0);
}

static void test_a_bool_that_is_none_is_not_encoded(void) {
    static const float NONE[] = {NAN, INFINITY, -INFINITY, 1.5f, -0.5f, 2.0f, -1.0f};
    const struct amp_value values[3] = {
        {.type = AMP_VALUE_U8, .scale = 1}, {.type = AMP_VALUE_BOOL}, {.type = AMP_VALUE_BOOL}};
    uint8_t bytes[8];
    size_t bad;
    for (size_t n = 0; n < COUNT(NONE); n++) {
        const float numbers[3] = {1, 1, NONE[n]};
        CHECK(amp_values_encode(values, numbers, 3, bytes, &bad) == 0 && bad == 2);
    }
    const float near[3] = {1, 0.6f, 0.4f};
    CHECK(amp_values_encode(values, near, 3, bytes, &bad) == 2 && bad == 3 && bytes[1] == 1);
}

static void test_a_bit_that_should_be_zero_is_refused(void) {
    struct amp_value values[VALUES_MAX];
    float out[VALUES_MAX];
    for (size_t count = 1; count <= VALUES_MAX; count++) {
        memset(values, 0, sizeof values);
        for (size_t i = 0; i < count; i++) {
            values[i].type = AMP_VALUE_BOOL;
        }
        const size_t size = (count + 7) / 8;
        for (size_t bit = 0; bit < 8 * size; bit++) {
            uint8_t bytes[2] = {0, 0};
            bytes[bit / 8] = (uint8_t)(1u << bit % 8);
            CHECK(amp_values_decode(values, count, bytes, size, out) == (bit < count));
        }
    }
    const struct amp_value cut[2] = {{.type = AMP_VALUE_BOOL}, {.type = AMP_VALUE_U8, .scale = 1}};
    const uint8_t bad[2] = {2, 0};
    CHECK(!amp_values_decode(cut, 2, bad, 2, out)); // a run that another value cuts
}

static void test_only_the_exact_size_is_read(void) {
    for (size_t n = 0; n < COUNT(value_vectors); n++) {
        const struct value_vector *const v = &value_vectors[n];
        for (size_t size = 0; size <= v->size + 4; size++) {
            uint8_t *const exact = calloc(size + 1, 1); // the sanitizer watches what is behind
            float out[VALUES_MAX];
            CHECK(amp_values_decode(v->described, v->count, exact, size, out) == (size == v->size));
            free(exact);
        }
    }
}

static void test_a_range_is_held_on_whole_steps(void) {
    const struct amp_value whole = {
        .type = AMP_VALUE_I16, .scale = 0.1f, .low = -12.0f, .high = 12.0f};
    for (int code = -200; code <= 200; code++) {
        CHECK(amp_value_holds(&whole, (float)code * 0.1f) == (code >= -120 && code <= 120));
    }
    const struct amp_value plain = {.type = AMP_VALUE_F32, .low = -12.0f, .high = 12.0f};
    CHECK(amp_value_holds(&plain, 12.0f) && !amp_value_holds(&plain, nextafterf(12.0f, 13.0f)));
    CHECK(!amp_value_holds(&plain, NAN) && !amp_value_holds(&plain, INFINITY));
    CHECK(!amp_value_holds(&whole, NAN) && !amp_value_holds(&whole, -INFINITY));
}

static void test_descriptions_that_break_a_rule_are_found(void) {
    static const struct amp_value GOOD[] = {
        {.type = AMP_VALUE_F32, .low = -1, .high = 1},
        {.type = AMP_VALUE_I16, .scale = 0.001f, .low = -32.767f, .high = 32.767f},
        {.type = AMP_VALUE_U8, .scale = 2, .low = 0, .high = 508},
        {.type = AMP_VALUE_BOOL, .low = 0, .high = 1},
    };
    static const struct amp_value BAD[] = {
        {.type = 6, .scale = 1, .low = 0, .high = 1},
        {.type = 255, .scale = 1, .low = 0, .high = 1},
        {.type = AMP_VALUE_F32, .low = 1, .high = -1},
        {.type = AMP_VALUE_F32, .low = NAN, .high = 1},
        {.type = AMP_VALUE_F32, .low = 0, .high = INFINITY},
        {.type = AMP_VALUE_I16, .low = 0, .high = 1},
        {.type = AMP_VALUE_I16, .scale = -1, .low = 0, .high = 1},
        {.type = AMP_VALUE_I16, .scale = NAN, .low = 0, .high = 1},
        {.type = AMP_VALUE_I16, .scale = INFINITY, .low = 0, .high = 1},
        {.type = AMP_VALUE_I16, .scale = 0.001f, .low = -33, .high = 1},
        {.type = AMP_VALUE_U8, .scale = 1, .low = -1, .high = 1},
        {.type = AMP_VALUE_U8, .scale = 1, .low = 0, .high = 255},
        {.type = AMP_VALUE_BOOL, .low = 0, .high = 2},
    };
    for (size_t n = 0; n < COUNT(GOOD); n++) {
        CHECK(amp_value_is_valid(&GOOD[n]));
    }
    for (size_t n = 0; n < COUNT(BAD); n++) {
        CHECK(!amp_value_is_valid(&BAD[n]));
    }
}

static void test_random_values_of_random_types_come_back_within_half_a_step(void) {
    for (unsigned round = 0; round < 20000; round++) {
        struct amp_value values[VALUES_MAX];
        float numbers[VALUES_MAX];
        float out[VALUES_MAX];
        uint8_t bytes[4 * VALUES_MAX];
        size_t bad;
        const size_t count = (size_t)seeded_below(VALUES_MAX + 1);
        for (size_t i = 0; i < count; i++) {
            values[i] = (struct amp_value){.type = (uint8_t)seeded_below(6), .scale = 0.25f};
            numbers[i] = values[i].type == AMP_VALUE_BOOL ? (float)seeded_below(2)
                                                          : (float)(seeded_unit() * 31);
        }
        const size_t size = amp_values_encode(values, numbers, count, bytes, &bad);
        CHECK(size == amp_values_size(values, count) && bad == count);
        CHECK(amp_values_decode(values, count, bytes, size, out));
        for (size_t i = 0; i < count; i++) {
            const float slack = values[i].type == AMP_VALUE_F32 ? 0 : 0.125f;
            CHECK(fabsf(out[i] - numbers[i]) <= slack);
        }
    }
}

int main(void) {
    seeded_begin();
    RUN(test_values_have_the_golden_bytes_and_come_back);
    RUN(test_every_code_of_every_integer_comes_back);
    RUN(test_what_does_not_fit_is_marked_and_never_bent);
    RUN(test_floats_go_as_they_are_and_bad_ones_are_named);
    RUN(test_a_bool_that_is_none_is_not_encoded);
    RUN(test_a_bit_that_should_be_zero_is_refused);
    RUN(test_only_the_exact_size_is_read);
    RUN(test_a_range_is_held_on_whole_steps);
    RUN(test_descriptions_that_break_a_rule_are_found);
    RUN(test_random_values_of_random_types_come_back_within_half_a_step);
    return CHECK_DONE();
}
