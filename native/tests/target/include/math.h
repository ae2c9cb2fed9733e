#ifndef TARGET_MATH_H
#define TARGET_MATH_H

#define NAN __builtin_nanf("")
#define INFINITY __builtin_inff()
#define isfinite(value) __builtin_isfinite(value)
#define isnan(value) __builtin_isnan(value)
#define fabsf(value) __builtin_fabsf(value)
#define fabs(value) __builtin_fabs(value)

/// Of values that fit 64 bits.
double ceil(double value);
double exp2(double value);
/// Of finite values other than 0.
float nextafterf(float from, float to);

#endif
