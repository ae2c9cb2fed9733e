#include "amp/program.h"

#include <float.h>
#include <math.h>

/* The result must not depend on whether the processor can fuse a product and a sum. GCC does not
 * fuse under -std=c11 and does not know the pragma. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

struct shape {
    uint32_t source_min;
    uint32_t source_max;
    uint32_t parameter_count;
    uint32_t state_count;
};

static const struct shape shapes[AMP_OP_COUNT] = {
    [AMP_OP_CONSTANT] = {0, 0, 1, 0},  [AMP_OP_ADD] = {2, 16, 0, 0},
    [AMP_OP_SUBTRACT] = {2, 16, 0, 0}, [AMP_OP_GAIN] = {1, 1, 1, 0},
    [AMP_OP_LIMIT] = {1, 1, 2, 0},     [AMP_OP_LOWPASS] = {1, 1, 1, 2},
    [AMP_OP_PID] = {1, 1, 6, 4},
};

static bool parameters_valid(uint32_t op, const double *p) {
    for (uint32_t index = 0; index < shapes[op].parameter_count; index++) {
        if (!isfinite(p[index])) {
            return false;
        }
    }
    switch (op) {
    case AMP_OP_LIMIT:
        return p[0] <= p[1];
    case AMP_OP_LOWPASS:
        return p[0] >= 0.0;
    case AMP_OP_PID:
        return p[3] >= 0.0 && p[4] <= p[5];
    default:
        return true;
    }
}

static bool counts_valid(const struct amp_program *program) {
    const uint32_t registers_left = AMP_PROGRAM_REGISTERS_MAX - AMP_PROGRAM_INSTRUCTIONS_MAX;
    if (program->input_count > registers_left ||
        program->output_count > AMP_PROGRAM_REGISTERS_MAX ||
        program->instruction_count > AMP_PROGRAM_INSTRUCTIONS_MAX ||
        program->source_count > AMP_PROGRAM_SOURCES_MAX ||
        program->parameter_count > AMP_PROGRAM_PARAMETERS_MAX ||
        program->state_count > AMP_PROGRAM_STATES_MAX) {
        return false;
    }
    for (uint32_t index = 0; index < program->output_count; index++) {
        if (program->outputs[index] >= program->input_count + program->instruction_count) {
            return false;
        }
    }
    return true;
}

static bool range_fits(uint32_t first, uint32_t count, uint32_t size) {
    return first <= size && count <= size - first;
}

static bool instruction_valid(const struct amp_program *program, uint32_t index,
                              uint32_t first_state) {
    const struct amp_instruction *const line = &program->instructions[index];
    if (line->op >= AMP_OP_COUNT || line->target != program->input_count + index) {
        return false;
    }
    const struct shape *const shape = &shapes[line->op];
    if (line->source_count < shape->source_min || line->source_count > shape->source_max ||
        !range_fits(line->source, line->source_count, program->source_count) ||
        !range_fits(line->parameter, shape->parameter_count, program->parameter_count) ||
        line->state != first_state ||
        !range_fits(line->state, shape->state_count, program->state_count)) {
        return false;
    }
    for (uint32_t source = 0; source < line->source_count; source++) {
        if (program->sources[line->source + source] >= line->target) {
            return false;
        }
    }
    return parameters_valid(line->op, &program->parameters[line->parameter]);
}

int amp_program_check(const struct amp_program *program, uint32_t *at) {
    uint32_t unused;
    uint32_t *const where = at != NULL ? at : &unused;
    *where = program->instruction_count;
    if (!counts_valid(program)) {
        return -AMP_EARG;
    }
    uint32_t first_state = 0;
    for (uint32_t index = 0; index < program->instruction_count; index++) {
        if (!instruction_valid(program, index, first_state)) {
            *where = index;
            return -AMP_EARG;
        }
        first_state += shapes[program->instructions[index].op].state_count;
    }
    return first_state == program->state_count ? AMP_OK : -AMP_EARG;
}

bool amp_program_parameters_fit(const struct amp_program *program, uint32_t instruction) {
    const struct amp_instruction *const line = &program->instructions[instruction];
    return parameters_valid(line->op, &program->parameters[line->parameter]);
}

void amp_program_bind(struct amp_program *program, struct amp_law *law) {
    law->state = program;
    law->reset = amp_program_reset;
    law->step = amp_program_step;
}

void amp_program_reset(void *program) {
    struct amp_program *const p = program;
    for (uint32_t index = 0; index < p->state_count; index++) {
        p->states[index] = 0.0;
    }
}

static double within(double value, double low, double high) {
    return value < low ? low : (value > high ? high : value);
}

static double normal_or_zero(double value) {
    return value < DBL_MIN && value > -DBL_MIN ? 0.0 : value;
}

static double lowpass(const double *p, double *s, double a, double dt_s) {
    const double y = s[1] == 0.0 ? a : s[0] + dt_s / (p[0] + dt_s) * (a - s[0]);
    if (isfinite(y)) {
        s[0] = normal_or_zero(y);
        s[1] = 1.0;
    }
    return y;
}

static double pid(const double *p, double *s, double a, double dt_s) {
    const double before = s[3] == 0.0 ? a : s[2];
    const double increment = p[1] * dt_s * a;
    const double derivative = (p[3] * s[1] + p[2] * (a - before)) / (p[3] + dt_s);
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

static double sum(const struct amp_program *program, const struct amp_instruction *line,
                  double sign) {
    const uint32_t *const sources = &program->sources[line->source];
    double value = program->registers[sources[0]];
    for (uint32_t index = 1; index < line->source_count; index++) {
        value += sign * program->registers[sources[index]];
    }
    return value;
}

static double evaluate(struct amp_program *program, const struct amp_instruction *line,
                       double dt_s) {
    const double *const p = &program->parameters[line->parameter];
    double *const s = &program->states[line->state];
    if (line->op == AMP_OP_CONSTANT) {
        return p[0];
    }
    const double a = program->registers[program->sources[line->source]];
    switch (line->op) {
    case AMP_OP_ADD:
        return sum(program, line, 1.0);
    case AMP_OP_SUBTRACT:
        return sum(program, line, -1.0);
    case AMP_OP_GAIN:
        return p[0] * a;
    case AMP_OP_LIMIT:
        return within(a, p[0], p[1]);
    case AMP_OP_LOWPASS:
        return lowpass(p, s, a, dt_s);
    default:
        return pid(p, s, a, dt_s);
    }
}

void amp_program_step(void *program, const double *inputs, double *outputs, double dt_s) {
    struct amp_program *const p = program;
    for (uint32_t index = 0; index < p->input_count; index++) {
        p->registers[index] = inputs[index];
    }
    for (uint32_t index = 0; index < p->instruction_count; index++) {
        const struct amp_instruction *const line = &p->instructions[index];
        p->registers[line->target] = evaluate(p, line, dt_s);
    }
    for (uint32_t index = 0; index < p->output_count; index++) {
        outputs[index] = p->registers[p->outputs[index]];
    }
}

size_t amp_program_size(void) {
    return sizeof(struct amp_program);
}
