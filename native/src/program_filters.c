#include "program_ops.h"

double amp_op_lowpass(const struct op_call *call) {
    double *const s = call->s;
    const double a = op_source(call, 0);
    const double y = s[1] == 0.0 ? a : s[0] + call->dt_s / (call->p[0] + call->dt_s) * (a - s[0]);
    if (isfinite(y)) {
        s[0] = normal_or_zero(y);
        s[1] = 1.0;
    }
    return y;
}

double amp_op_highpass(const struct op_call *call) {
    return op_source(call, 0) - amp_op_lowpass(call);
}

double amp_op_pid(const struct op_call *call) {
    const double *const p = call->p;
    double *const s = call->s;
    const double a = op_source(call, 0);
    const double before = s[3] == 0.0 ? a : s[2];
    const double increment = p[1] * call->dt_s * a;
    const double derivative = (p[3] * s[1] + p[2] * (a - before)) / (p[3] + call->dt_s);
    const double integral = s[0] + increment;
    const double y = p[0] * a + integral + derivative;
    const bool pushes = (y > p[5] && increment > 0.0) || (y < p[4] && increment < 0.0);
    if (isfinite(integral) && isfinite(derivative)) { /* so is |a|, or neither were */
        s[0] = pushes ? s[0] : normal_or_zero(integral);
        s[1] = normal_or_zero(derivative);
        s[2] = a;
        s[3] = 1.0;
    }
    return within(y, p[4], p[5]);
}

double amp_op_rate_limit(const struct op_call *call) {
    double *const s = call->s;
    const double a = op_source(call, 0);
    const double low = s[0] + call->p[0] * call->dt_s;
    const double high = s[0] + call->p[1] * call->dt_s;
    const double y = s[1] == 0.0 ? a : within(a, low, high);
    if (isfinite(a)) {
        s[0] = normal_or_zero(y);
        s[1] = 1.0;
    }
    return y;
}

double amp_op_integrator(const struct op_call *call) {
    const double *const p = call->p;
    double *const s = call->s;
    const double before = s[1] == 0.0 ? p[1] : s[0];
    const double y = within(before + p[0] * call->dt_s * op_source(call, 0), p[2], p[3]);
    if (isfinite(y) && isfinite(op_source(call, 0))) {
        s[0] = normal_or_zero(y);
        s[1] = 1.0;
    }
    return y;
}

double amp_op_derivative(const struct op_call *call) {
    double *const s = call->s;
    const double a = op_source(call, 0);
    const double before = s[2] == 0.0 ? a : s[1];
    const double y = (call->p[0] * s[0] + (a - before)) / (call->p[0] + call->dt_s);
    if (isfinite(y)) {
        s[0] = normal_or_zero(y);
        s[1] = a;
        s[2] = 1.0;
    }
    return y;
}

/* The states with which a section that has always seen |a| gives a constant value; 0 where it has
 * a pole at z = 1, since then there are none. */
static void settle(const double *b, double a, double *z) {
    const double reciprocal_gain = 1.0 + b[3] + b[4];
    z[0] = 0.0;
    z[1] = 0.0;
    if (reciprocal_gain > 1e-9 || reciprocal_gain < -1e-9) {
        const double y = (b[0] + b[1] + b[2]) / reciprocal_gain * a;
        z[1] = b[2] * a - b[4] * y;
        z[0] = b[1] * a - b[3] * y + z[1];
    }
}

double amp_op_biquad(const struct op_call *call) {
    const size_t count = (size_t)call->p[0];
    double next[2 * AMP_PROGRAM_SECTIONS_MAX];
    double value = op_source(call, 0);
    bool finite = isfinite(value);
    for (size_t section = 0; section < count; section++) {
        const double *const b = &call->p[1 + 5 * section];
        double z[2] = {call->s[1 + 2 * section], call->s[2 + 2 * section]};
        if (call->s[0] == 0.0) {
            settle(b, value, z);
        }
        const double y = b[0] * value + z[0];
        next[2 * section] = b[1] * value - b[3] * y + z[1];
        next[2 * section + 1] = b[2] * value - b[4] * y;
        finite = finite && isfinite(next[2 * section]) && isfinite(next[2 * section + 1]);
        value = y;
    }
    if (finite) {
        call->s[0] = 1.0;
        for (size_t index = 0; index < 2 * count; index++) {
            call->s[1 + index] = normal_or_zero(next[index]);
        }
    }
    return value;
}

/* p: n, A by rows, B by rows, C, D. */
double amp_op_statespace(const struct op_call *call) {
    const size_t n = (size_t)call->p[0];
    const size_t inputs = call->source_count;
    const double *const a = &call->p[1];
    const double *const b = &a[n * n];
    const double *const c = &b[n * inputs];
    const double *const d = &c[n];
    double next[AMP_PROGRAM_ORDER_MAX];
    double y = 0.0;
    bool finite = true;
    for (size_t row = 0; row < n; row++) {
        double sum = 0.0;
        for (size_t column = 0; column < n; column++) {
            sum += a[row * n + column] * call->s[column];
        }
        for (size_t column = 0; column < inputs; column++) {
            sum += b[row * inputs + column] * op_source(call, (uint32_t)column);
        }
        y += c[row] * call->s[row];
        next[row] = sum;
        finite = finite && isfinite(sum);
    }
    for (size_t column = 0; column < inputs; column++) {
        y += d[column] * op_source(call, (uint32_t)column);
        finite = finite && isfinite(op_source(call, (uint32_t)column));
    }
    for (size_t row = 0; finite && row < n; row++) {
        call->s[row] = normal_or_zero(next[row]);
    }
    return y;
}

/* s0 = where the next sample goes, s1 = 1 once the ring is full, the ring from s2 on. */
double amp_op_delay(const struct op_call *call) {
    double *const s = call->s;
    double *const ring = &s[2];
    const double a = op_source(call, 0);
    if (!isfinite(a)) {
        return a;
    }
    const uint32_t at = (uint32_t)s[0];
    const double first = at == 0 ? a : ring[0];
    const double y = s[1] == 0.0 ? first : ring[at];
    const bool wraps = at + 1 == (uint32_t)call->p[0];
    ring[at] = a;
    s[0] = wraps ? 0.0 : (double)(at + 1);
    s[1] = wraps ? 1.0 : s[1];
    return y;
}
