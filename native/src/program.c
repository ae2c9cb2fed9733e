#include "program_ops.h"

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

/* The states of a valid instruction; -1 when it is not valid. */
static int64_t instruction_states(const struct amp_program *program, uint32_t index,
                                  uint32_t first_state) {
    const struct amp_instruction *const line = &program->instructions[index];
    if (line->op >= AMP_OP_COUNT || line->target != program->input_count + index) {
        return -1;
    }
    const struct op_shape *const shape = &amp_op_shapes[line->op];
    if (line->source_count < shape->source_min || line->source_count > shape->source_max ||
        !range_fits(line->source, line->source_count, program->source_count) ||
        !range_fits(line->parameter, shape->parameter_count, program->parameter_count)) {
        return -1;
    }
    const double *const p = &program->parameters[line->parameter];
    uint32_t parameter_count = 0;
    uint32_t state_count = 0;
    if (!amp_op_sizes(line->op, p, line->source_count, &parameter_count, &state_count) ||
        !range_fits(line->parameter, parameter_count, program->parameter_count) ||
        line->state != first_state || !range_fits(line->state, state_count, program->state_count)) {
        return -1;
    }
    for (uint32_t source = 0; source < line->source_count; source++) {
        if (program->sources[line->source + source] >= line->target) {
            return -1;
        }
    }
    return amp_op_parameters_valid(line->op, p, parameter_count) ? (int64_t)state_count : -1;
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
        const int64_t states = instruction_states(program, index, first_state);
        if (states < 0) {
            *where = index;
            return -AMP_EARG;
        }
        first_state += (uint32_t)states;
    }
    return first_state == program->state_count ? AMP_OK : -AMP_EARG;
}

bool amp_program_parameters_fit(const struct amp_program *program, uint32_t instruction) {
    const struct amp_instruction *const line = &program->instructions[instruction];
    const struct op_shape *const shape = &amp_op_shapes[line->op];
    const double *const p = &program->parameters[line->parameter];
    uint32_t parameter_count = 0;
    uint32_t state_count = 0;
    return amp_op_sizes(line->op, p, line->source_count, &parameter_count, &state_count) &&
           parameter_count == shape->parameter_count && state_count == shape->state_count &&
           amp_op_parameters_valid(line->op, p, parameter_count);
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

void amp_program_step(void *program, const double *inputs, double *outputs, double dt_s) {
    struct amp_program *const p = program;
    for (uint32_t index = 0; index < p->input_count; index++) {
        p->registers[index] = inputs[index];
    }
    for (uint32_t index = 0; index < p->instruction_count; index++) {
        const struct amp_instruction *const line = &p->instructions[index];
        const struct op_call call = {
            .p = &p->parameters[line->parameter],
            .s = &p->states[line->state],
            .registers = p->registers,
            .sources = &p->sources[line->source],
            .source_count = line->source_count,
            .dt_s = dt_s,
        };
        p->registers[line->target] = amp_op_shapes[line->op].evaluate(&call);
    }
    for (uint32_t index = 0; index < p->output_count; index++) {
        outputs[index] = p->registers[p->outputs[index]];
    }
}

size_t amp_program_size(void) {
    return sizeof(struct amp_program);
}
