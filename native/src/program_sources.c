#include "program_ops.h"

#define TURN 6.283185307179586

/* Seconds since the first period. Counted in whole ns: a sum of them is exact. */
static double elapsed_s(const struct op_call *call) {
    double *const s = call->s;
    s[0] = s[1] == 0.0 ? 0.0 : s[0] + whole_ns(call->dt_s);
    s[1] = 1.0;
    return s[0] * 1e-9;
}

/* What is left of |turns| >= 0 over whole ones. */
static double fraction(double turns) {
    return turns - (double)(int64_t)turns;
}

/* The sine of |turns| in [0, 1), by its series: the same bits on every machine. */
static double sine_of(double turns) {
    double x = turns > 0.5 ? turns - 1.0 : turns;
    x = x > 0.25 ? 0.5 - x : (x < -0.25 ? -0.5 - x : x);
    x *= TURN;
    double sum = 1.0;
    for (int k = 21; k >= 3; k -= 2) {
        sum = 1.0 - x * x / (double)(k * (k - 1)) * sum;
    }
    return x * sum;
}

double amp_op_sine(const struct op_call *call) {
    const double *const p = call->p;
    const double turns = elapsed_s(call) * p[0] + (p[3] / 360.0 + 1.0);
    return p[2] + p[1] * sine_of(fraction(turns));
}

double amp_op_square(const struct op_call *call) {
    const double turns = elapsed_s(call) * call->p[0] + 1e-9; /* an edge is on its period */
    return fraction(turns) < call->p[3] ? call->p[2] : call->p[1];
}

double amp_op_step(const struct op_call *call) {
    return elapsed_s(call) + 0.5 * call->dt_s > call->p[0] ? call->p[2] : call->p[1];
}

double amp_op_ramp(const struct op_call *call) {
    const double *const p = call->p;
    return within(p[1] + p[0] * elapsed_s(call), p[2], p[3]);
}
