/* The mathematics that the C tests use, as exact as they need it. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LN_2 0.69314718055994530942
#define TERMS 18

double ceil(double value) {
    const double whole = (double)(int64_t)value;
    return whole < value ? whole + 1.0 : whole;
}

/* 2 to the whole part by halving or doubling, to the rest by its series. */
double exp2(double value) {
    const double whole = ceil(value) - 1.0;
    const double x = (value - whole) * LN_2;
    double sum = 1.0;
    double term = 1.0;
    for (int n = 1; n < TERMS; n++) {
        term *= x / n;
        sum += term;
    }
    for (double n = whole; n > 0.5; n -= 1.0) {
        sum *= 2.0;
    }
    for (double n = whole; n < -0.5; n += 1.0) {
        sum *= 0.5;
    }
    return sum;
}

float nextafterf(float from, float to) {
    uint32_t bits;
    memcpy(&bits, &from, sizeof bits);
    bits += (to > from) == (from > 0.0f) ? 1u : UINT32_MAX;
    memcpy(&from, &bits, sizeof bits);
    return from;
}
