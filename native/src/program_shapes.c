#include "program_ops.h"

const struct op_shape amp_op_shapes[AMP_OP_COUNT] = {
    [AMP_OP_CONSTANT] = {0, 0, 1, 0, amp_op_constant},
    [AMP_OP_ADD] = {2, 16, 0, 0, amp_op_add},
    [AMP_OP_SUBTRACT] = {2, 16, 0, 0, amp_op_subtract},
    [AMP_OP_GAIN] = {1, 1, 1, 0, amp_op_gain},
    [AMP_OP_LIMIT] = {1, 1, 2, 0, amp_op_limit},
    [AMP_OP_LOWPASS] = {1, 1, 1, 2, amp_op_lowpass},
    [AMP_OP_PID] = {1, 1, 6, 4, amp_op_pid},
    [AMP_OP_MULTIPLY] = {2, 16, 0, 0, amp_op_multiply},
    [AMP_OP_DIVIDE] = {2, 2, 2, 0, amp_op_divide},
    [AMP_OP_MIN] = {2, 16, 0, 0, amp_op_min},
    [AMP_OP_MAX] = {2, 16, 0, 0, amp_op_max},
    [AMP_OP_DEADBAND] = {1, 1, 2, 0, amp_op_deadband},
    [AMP_OP_RATE_LIMIT] = {1, 1, 2, 2, amp_op_rate_limit},
    [AMP_OP_SELECT] = {3, 3, 0, 0, amp_op_select},
    [AMP_OP_GREATER] = {2, 2, 0, 0, amp_op_greater},
    [AMP_OP_HYSTERESIS] = {1, 1, 2, 1, amp_op_hysteresis},
    [AMP_OP_NOT] = {1, 1, 0, 0, amp_op_not},
    [AMP_OP_AND] = {2, 16, 0, 0, amp_op_and},
    [AMP_OP_OR] = {2, 16, 0, 0, amp_op_or},
    [AMP_OP_EDGE] = {1, 1, 1, 2, amp_op_edge},
    [AMP_OP_LATCH] = {2, 2, 0, 1, amp_op_latch},
    [AMP_OP_DEBOUNCE] = {1, 1, 1, 3, amp_op_debounce},
    [AMP_OP_TIMER] = {1, 1, 0, 2, amp_op_timer},
    [AMP_OP_HIGHPASS] = {1, 1, 1, 2, amp_op_highpass},
    [AMP_OP_INTEGRATOR] = {1, 1, 4, 2, amp_op_integrator},
    [AMP_OP_DERIVATIVE] = {1, 1, 1, 3, amp_op_derivative},
    [AMP_OP_BIQUAD] = {1, 1, 1, 1, amp_op_biquad},
    [AMP_OP_STATESPACE] = {1, 16, 1, 0, amp_op_statespace},
    [AMP_OP_LOOKUP] = {1, 1, 1, 0, amp_op_lookup},
    [AMP_OP_DELAY] = {1, 1, 1, 2, amp_op_delay},
    [AMP_OP_SINE] = {0, 0, 4, 2, amp_op_sine},
    [AMP_OP_STEP] = {0, 0, 3, 2, amp_op_step},
    [AMP_OP_RAMP] = {0, 0, 4, 2, amp_op_ramp},
    [AMP_OP_SQUARE] = {0, 0, 4, 2, amp_op_square},
};

/* The whole number in p0, or 0 when it is none within [1, most]. */
static uint32_t size_of(double p0, uint32_t most) {
    if (!(p0 >= 1.0 && p0 <= (double)most)) {
        return 0;
    }
    const uint32_t size = (uint32_t)p0;
    return (double)size == p0 ? size : 0;
}

bool amp_op_sizes(uint32_t op, const double *p, uint32_t source_count, uint32_t *parameter_count,
                  uint32_t *state_count) {
    *parameter_count = amp_op_shapes[op].parameter_count;
    *state_count = amp_op_shapes[op].state_count;
    uint32_t size = 0;
    switch (op) {
    case AMP_OP_BIQUAD:
        size = size_of(p[0], AMP_PROGRAM_SECTIONS_MAX);
        *parameter_count += 5 * size;
        *state_count += 2 * size;
        return size > 0;
    case AMP_OP_STATESPACE:
        size = size_of(p[0], AMP_PROGRAM_ORDER_MAX);
        *parameter_count += (size + 1) * (size + source_count);
        *state_count += size;
        return size > 0;
    case AMP_OP_LOOKUP:
        size = size_of(p[0], AMP_PROGRAM_POINTS_MAX);
        *parameter_count += 2 * size;
        return size > 1;
    case AMP_OP_DELAY:
        size = size_of(p[0], AMP_PROGRAM_DELAY_MAX);
        *state_count += size;
        return size > 0;
    default:
        return true;
    }
}

static bool rises(const double *x, uint32_t count) {
    for (uint32_t index = 1; index < count; index++) {
        if (!(x[index - 1] < x[index])) {
            return false;
        }
    }
    return true;
}

bool amp_op_parameters_valid(uint32_t op, const double *p, uint32_t parameter_count) {
    for (uint32_t index = 0; index < parameter_count; index++) {
        if (!isfinite(p[index])) {
            return false;
        }
    }
    switch (op) {
    case AMP_OP_LIMIT:
    case AMP_OP_DEADBAND:
    case AMP_OP_HYSTERESIS:
        return p[0] <= p[1];
    case AMP_OP_RATE_LIMIT:
        return p[0] <= 0.0 && p[1] >= 0.0;
    case AMP_OP_DIVIDE:
        return p[1] > 0.0;
    case AMP_OP_LOWPASS:
    case AMP_OP_HIGHPASS:
    case AMP_OP_DERIVATIVE:
    case AMP_OP_DEBOUNCE:
        return p[0] >= 0.0;
    case AMP_OP_PID:
        return p[3] >= 0.0 && p[4] <= p[5];
    case AMP_OP_INTEGRATOR:
    case AMP_OP_RAMP:
        return p[2] <= p[3];
    case AMP_OP_SINE: /* a phase in turns that fits an int64_t, however long it runs */
        return p[0] >= 0.0 && p[0] <= 1e6 && p[3] >= -360.0 && p[3] <= 360.0;
    case AMP_OP_SQUARE:
        return p[0] >= 0.0 && p[0] <= 1e6;
    case AMP_OP_EDGE:
        return p[0] == 0.0 || p[0] == 1.0 || p[0] == 2.0;
    case AMP_OP_LOOKUP:
        return rises(&p[1], (uint32_t)p[0]);
    default:
        return true;
    }
}
