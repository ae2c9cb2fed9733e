#include "cart_pole.h"

#include <math.h>

#define STATES 4
#define GRAVITY_M_PER_S2 9.80665
#define RATE_PER_S_MAX 1000.0
#define SPEED_MAX 1e4
#define PLACE_MAX 1e9

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

bool amp_cart_pole_slow_enough(const struct amp_cart_pole_parameters *p) {
    const double inertia = p->pole_mass_kg * p->pole_length_m * p->pole_length_m;
    const double lightest = p->cart_mass_kg; /* what moves when the pole hinders least */
    const double share = 1.0 + p->pole_mass_kg / p->cart_mass_kg;
    return p->cart_friction_n_s_per_m <= RATE_PER_S_MAX * lightest &&
           p->pole_friction_nm_s * share <= RATE_PER_S_MAX * inertia &&
           GRAVITY_M_PER_S2 * share <= RATE_PER_S_MAX * RATE_PER_S_MAX * p->pole_length_m;
}

static void derive(const struct amp_cart_pole_parameters *p, const double *x, double force_n,
                   double *rate) {
    const double sine = sin(x[2]);
    const double cosine = cos(x[2]);
    const double mass = p->pole_mass_kg;
    const double length = p->pole_length_m;
    const double pivot_nm = p->pole_friction_nm_s * x[3];
    const double push_n = force_n - p->cart_friction_n_s_per_m * x[1] +
                          mass * sine * (length * x[3] * x[3] - GRAVITY_M_PER_S2 * cosine) +
                          pivot_nm * cosine / length;
    const double acceleration = push_n / (p->cart_mass_kg + mass * sine * sine);
    rate[0] = x[1];
    rate[1] = acceleration;
    rate[2] = x[3];
    rate[3] =
        (GRAVITY_M_PER_S2 * sine - acceleration * cosine - pivot_nm / (mass * length)) / length;
}

static void advance(const double *x, const double *rate, double step_s, double *out) {
    for (int index = 0; index < STATES; index++) {
        out[index] = x[index] + step_s * rate[index];
    }
}

static double within(double value, double most) {
    return value < -most ? -most : (value > most ? most : value);
}

static void runge_kutta(const struct amp_cart_pole_parameters *p, double *x, double step_s,
                        double force_n) {
    double rates[4][STATES];
    double at[STATES];
    derive(p, x, force_n, rates[0]);
    advance(x, rates[0], 0.5 * step_s, at);
    derive(p, at, force_n, rates[1]);
    advance(x, rates[1], 0.5 * step_s, at);
    derive(p, at, force_n, rates[2]);
    advance(x, rates[2], step_s, at);
    derive(p, at, force_n, rates[3]);
    for (int index = 0; index < STATES; index++) {
        const double sum =
            rates[0][index] + 2.0 * rates[1][index] + 2.0 * rates[2][index] + rates[3][index];
        const double next = x[index] + step_s / 6.0 * sum;
        x[index] = within(next, index % 2 == 1 ? SPEED_MAX : PLACE_MAX);
    }
}

void amp_cart_pole_step(const struct amp_cart_pole_parameters *parameters, double *x,
                        uint64_t duration_us, double force_n) {
    uint64_t left_us = duration_us;
    while (left_us > 0) {
        const uint64_t part_us = left_us < AMP_CART_POLE_STEP_US ? left_us : AMP_CART_POLE_STEP_US;
        runge_kutta(parameters, x, (double)part_us * 1e-6, force_n);
        left_us -= part_us;
    }
}
