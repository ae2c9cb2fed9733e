/* value.h: what one number of STATE or ACTUATE is: its type on the wire, its scale, its range.
 *
 * Both ends hold values as floats; only on the wire are they as small as the board file says. What
 * a type cannot hold is never bent to fit: encoding neither saturates nor wraps, it marks. Every
 * integer has one code that means "no value" (the smallest of a signed type, the largest of an
 * unsigned one), and NaN is that of an f32; it decodes to NaN, which no range holds. A bool has no
 * code to spare, so values with a bool that is neither 0 nor 1 are not encoded at all.
 *
 *   type   bytes   codes             value
 *   f32    4       -                 as it stands
 *   i16    2       -32767 to 32767   code * scale
 *   u16    2       0 to 65534        code * scale
 *   i8     1       -127 to 127       code * scale
 *   u8     1       0 to 254          code * scale
 *   bool   1 bit   0, 1              code
 *
 * Values stand one behind the other, little-endian. Bools that follow one another share bytes, the
 * first in bit 0, eight to a byte; the rest of a run's last byte is 0.
 */
#ifndef AMP_VALUE_H
#define AMP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum amp_value_type {
    AMP_VALUE_F32 = 0,
    AMP_VALUE_I16 = 1,
    AMP_VALUE_U16 = 2,
    AMP_VALUE_I8 = 3,
    AMP_VALUE_U8 = 4,
    AMP_VALUE_BOOL = 5,
};

/// One value, as its line in the board file has it. What does not concern it is 0.
struct amp_value {
    uint8_t type;    /* enum amp_value_type */
    float scale;     /* of an integer: finite, above 0 */
    float low, high; /* finite, low <= high; of an integer: steps of |scale| that it has a code for;
                         of a bool: 0 and 1 */
    float safe;      /* of a value that a device accepts: in [low, high] */
    float ramp_per_s; /* of a value that a device accepts: how fast it goes towards |safe|; 0: at
                         once; else it crosses [low, high] in an hour */
};

/// True unless |value| is infinite or not a number. Needs no libm, and holds under -ffast-math.
/// Context: any. Progress: wait-free.
bool amp_float_is_finite(float value);

/// The bits of a binary32, and back.
/// Context: any. Progress: wait-free.
uint32_t amp_float_bits(float value);
float amp_float_of(uint32_t bits);

/// True if |value| keeps the rules of its fields, |safe| and |ramp_per_s| excepted.
/// Context: init.
bool amp_value_is_valid(const struct amp_value *value);

/// True if |number| is finite and in range. Of an integer: within half a step of it, so that no
/// rounding of floats refuses a code that is in range.
/// Context: real-time. Progress: wait-free.
bool amp_value_holds(const struct amp_value *value, float number);

/// Bytes of |count| values on the wire: at most 4 each.
/// Context: any. Progress: bounded (|count|).
size_t amp_values_size(const struct amp_value *described, size_t count);

/// Write |count| numbers to |bytes|, which has room for amp_values_size(), each rounded to its
/// nearest code. |*bad| becomes the index of the first one that its type does not hold, |count| if
/// there is none; it is marked as "no value". Returns the bytes written; 0 if one of them is
/// a bool that is neither 0 nor 1 (within a half).
/// Context: real-time. Progress: bounded (|count|). Cost: a division for each integer.
size_t amp_values_encode(const struct amp_value *described, const float *numbers, size_t count,
                         uint8_t *bytes, size_t *bad);

/// Read |count| numbers from exactly |size| bytes; false, with |numbers| unspecified, if that is
/// not their size or a bit that should be 0 is not. "No value" is read as NaN; ranges are not looked at.
/// Context: real-time. Progress: bounded (|count|).
bool amp_values_decode(const struct amp_value *described, size_t count, const uint8_t *bytes,
                       size_t size, float *numbers);

#endif
