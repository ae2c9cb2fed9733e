#include "program_ops.h"

static bool is_true(double value) {
    return value > 0.5;
}

static double truth(bool value) {
    return value ? 1.0 : 0.0;
}

double amp_op_select(const struct op_call *call) {
    const double condition = op_source(call, 0);
    return isnan(condition) ? condition : op_source(call, is_true(condition) ? 1 : 2);
}

double amp_op_greater(const struct op_call *call) {
    const double unknown = op_nan(call);
    return isnan(unknown) ? unknown : truth(op_source(call, 0) > op_source(call, 1));
}

double amp_op_hysteresis(const struct op_call *call) {
    const double a = op_source(call, 0);
    if (isnan(a)) {
        return a;
    }
    const double y = a > call->p[1] ? 1.0 : (a < call->p[0] ? 0.0 : call->s[0]);
    call->s[0] = isfinite(a) ? y : call->s[0];
    return y;
}

double amp_op_not(const struct op_call *call) {
    const double a = op_source(call, 0);
    return isnan(a) ? a : truth(!is_true(a));
}

double amp_op_and(const struct op_call *call) {
    bool all = true;
    for (uint32_t index = 0; index < call->source_count; index++) {
        all = all && is_true(op_source(call, index));
    }
    const double unknown = op_nan(call);
    return isnan(unknown) ? unknown : truth(all);
}

double amp_op_or(const struct op_call *call) {
    bool any = false;
    for (uint32_t index = 0; index < call->source_count; index++) {
        any = any || is_true(op_source(call, index));
    }
    const double unknown = op_nan(call);
    return isnan(unknown) ? unknown : truth(any);
}

/* s0 = the source one period ago, s1 = 1 once started. p0: 0 rising, 1 falling, 2 both. */
double amp_op_edge(const struct op_call *call) {
    const double a = op_source(call, 0);
    if (isnan(a)) {
        return a;
    }
    const bool now = is_true(a);
    const bool before = call->s[1] == 0.0 ? now : is_true(call->s[0]);
    call->s[0] = truth(now);
    call->s[1] = 1.0;
    const bool rising = now && !before && call->p[0] != 1.0;
    const bool falling = !now && before && call->p[0] != 0.0;
    return truth(rising || falling);
}

double amp_op_latch(const struct op_call *call) {
    const double unknown = op_nan(call);
    if (isnan(unknown)) {
        return unknown;
    }
    if (is_true(op_source(call, 1))) {
        call->s[0] = 0.0;
    } else if (is_true(op_source(call, 0))) {
        call->s[0] = 1.0;
    }
    return call->s[0];
}

/* s0 = y, s1 = ns for which the source has differed, s2 = 1 once started. */
double amp_op_debounce(const struct op_call *call) {
    double *const s = call->s;
    const double a = op_source(call, 0);
    if (isnan(a)) {
        return a;
    }
    const double now = truth(is_true(a));
    const double period_ns = whole_ns(call->dt_s);
    s[0] = s[2] == 0.0 ? now : s[0];
    s[2] = 1.0;
    s[1] = now == s[0] ? 0.0 : s[1] + period_ns;
    if (now != s[0] && s[1] + 0.5 * period_ns > call->p[0] * 1e9) {
        s[0] = now;
        s[1] = 0.0;
    }
    return s[0];
}

/* s0 = ns since the source became true, s1 = 1 while it is. */
double amp_op_timer(const struct op_call *call) {
    double *const s = call->s;
    const double a = op_source(call, 0);
    if (isnan(a)) {
        return a;
    }
    s[0] = s[1] != 0.0 && is_true(a) ? s[0] + whole_ns(call->dt_s) : 0.0;
    s[1] = truth(is_true(a));
    return s[0] * 1e-9;
}
