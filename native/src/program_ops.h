/* program_ops.h: what the operations of a program share. Only program*.c include this file.
 *
 * An operation sees one instruction's sources, parameters and states and returns its value. It takes
 * a state over only when it is finite, and a NaN among its sources is its value.
 */
#ifndef AMP_PROGRAM_OPS_H
#define AMP_PROGRAM_OPS_H

#include <float.h>
#include <math.h>

#include "amp/program.h"

/* The result must not depend on whether the processor can fuse a product and a sum. GCC does not
 * fuse under -std=c11 and does not know the pragma. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

struct op_call {
    const double *p;
    double *s;
    const double *registers;
    const uint32_t *sources;
    uint32_t source_count;
    double dt_s;
};

struct op_shape {
    uint32_t source_min;
    uint32_t source_max;
    uint32_t parameter_count; /* the least: a size in p0 adds to it */
    uint32_t state_count;
    double (*evaluate)(const struct op_call *call);
};

extern const struct op_shape amp_op_shapes[AMP_OP_COUNT];

/* How many parameters and states an instruction has. The shape's parameters must be readable.
 * Returns false when its size, which stands in p0, is none. */
bool amp_op_sizes(uint32_t op, const double *p, uint32_t source_count, uint32_t *parameter_count,
                  uint32_t *state_count);

/* Whether all parameters of an instruction are in their ranges. */
bool amp_op_parameters_valid(uint32_t op, const double *p, uint32_t parameter_count);

static inline double op_source(const struct op_call *call, uint32_t index) {
    return call->registers[call->sources[index]];
}

static inline double within(double value, double low, double high) {
    return value < low ? low : (value > high ? high : value);
}

static inline double normal_or_zero(double value) {
    return value < DBL_MIN && value > -DBL_MIN ? 0.0 : value;
}

/* A period's length as the grid has it: a whole number of ns. */
static inline double whole_ns(double dt_s) {
    return (double)(int64_t)(dt_s * 1e9 + 0.5);
}

/* The first NaN among the sources, or a number. */
static inline double op_nan(const struct op_call *call) {
    for (uint32_t index = 0; index < call->source_count; index++) {
        if (isnan(op_source(call, index))) {
            return op_source(call, index);
        }
    }
    return 0.0;
}

double amp_op_constant(const struct op_call *call);
double amp_op_add(const struct op_call *call);
double amp_op_subtract(const struct op_call *call);
double amp_op_gain(const struct op_call *call);
double amp_op_limit(const struct op_call *call);
double amp_op_multiply(const struct op_call *call);
double amp_op_divide(const struct op_call *call);
double amp_op_min(const struct op_call *call);
double amp_op_max(const struct op_call *call);
double amp_op_deadband(const struct op_call *call);
double amp_op_lookup(const struct op_call *call);

double amp_op_select(const struct op_call *call);
double amp_op_greater(const struct op_call *call);
double amp_op_hysteresis(const struct op_call *call);
double amp_op_not(const struct op_call *call);
double amp_op_and(const struct op_call *call);
double amp_op_or(const struct op_call *call);
double amp_op_edge(const struct op_call *call);
double amp_op_latch(const struct op_call *call);
double amp_op_debounce(const struct op_call *call);
double amp_op_timer(const struct op_call *call);

double amp_op_lowpass(const struct op_call *call);
double amp_op_highpass(const struct op_call *call);
double amp_op_pid(const struct op_call *call);
double amp_op_rate_limit(const struct op_call *call);
double amp_op_integrator(const struct op_call *call);
double amp_op_derivative(const struct op_call *call);
double amp_op_biquad(const struct op_call *call);
double amp_op_statespace(const struct op_call *call);
double amp_op_delay(const struct op_call *call);

double amp_op_sine(const struct op_call *call);
double amp_op_step(const struct op_call *call);
double amp_op_ramp(const struct op_call *call);
double amp_op_square(const struct op_call *call);

#endif
