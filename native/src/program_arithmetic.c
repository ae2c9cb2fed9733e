#include "program_ops.h"

double amp_op_constant(const struct op_call *call) {
    return call->p[0];
}

static double sum(const struct op_call *call, double sign) {
    double value = op_source(call, 0);
    for (uint32_t index = 1; index < call->source_count; index++) {
        value += sign * op_source(call, index);
    }
    return value;
}

double amp_op_add(const struct op_call *call) {
    return sum(call, 1.0);
}

double amp_op_subtract(const struct op_call *call) {
    return sum(call, -1.0);
}

double amp_op_gain(const struct op_call *call) {
    return call->p[0] * op_source(call, 0);
}

double amp_op_limit(const struct op_call *call) {
    return within(op_source(call, 0), call->p[0], call->p[1]);
}

double amp_op_multiply(const struct op_call *call) {
    double value = op_source(call, 0);
    for (uint32_t index = 1; index < call->source_count; index++) {
        value *= op_source(call, index);
    }
    return value;
}

double amp_op_divide(const struct op_call *call) {
    const double a = op_source(call, 0);
    const double b = op_source(call, 1);
    if (isnan(a) || (b < call->p[1] && b > -call->p[1])) {
        return isnan(a) ? a : call->p[0];
    }
    const double quotient = a / b;
    return isinf(quotient) ? call->p[0] : quotient;
}

double amp_op_min(const struct op_call *call) {
    double value = op_source(call, 0);
    for (uint32_t index = 1; index < call->source_count; index++) {
        const double other = op_source(call, index);
        value = other < value || isnan(other) ? other : value;
    }
    return value;
}

double amp_op_max(const struct op_call *call) {
    double value = op_source(call, 0);
    for (uint32_t index = 1; index < call->source_count; index++) {
        const double other = op_source(call, index);
        value = other > value || isnan(other) ? other : value;
    }
    return value;
}

double amp_op_deadband(const struct op_call *call) {
    const double a = op_source(call, 0);
    const double beyond = a > call->p[1] ? a - call->p[1] : 0.0;
    return a < call->p[0] ? a - call->p[0] : (isnan(a) ? a : beyond);
}

double amp_op_lookup(const struct op_call *call) {
    const uint32_t count = (uint32_t)call->p[0];
    const double *const x = &call->p[1];
    const double *const y = &x[count];
    const double a = op_source(call, 0);
    if (isnan(a)) {
        return a;
    }
    if (a <= x[0]) {
        return y[0];
    }
    if (a >= x[count - 1]) {
        return y[count - 1];
    }
    uint32_t low = 0;
    uint32_t high = count - 1;
    while (high - low > 1) { /* at most 6 times */
        const uint32_t middle = (low + high) / 2;
        const bool below = a < x[middle];
        low = below ? low : middle;
        high = below ? middle : high;
    }
    return y[low] + (y[high] - y[low]) * ((a - x[low]) / (x[high] - x[low]));
}
