#include "amp/program.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "program_vectors.h"

#define DT 1e-3

static struct amp_program program;

/* error = b - a; smooth = lowpass(error); u = pid(smooth), v = limit(add(u, smooth)) */
static void make_chain(void) {
    const struct amp_instruction lines[] = {
        {AMP_OP_SUBTRACT, 2, 0, 2, 0, 0}, {AMP_OP_LOWPASS, 3, 2, 1, 0, 0},
        {AMP_OP_PID, 4, 3, 1, 1, 2},      {AMP_OP_ADD, 5, 4, 2, 7, 6},
        {AMP_OP_LIMIT, 6, 6, 1, 7, 6},
    };
    const uint32_t sources[] = {1, 0, 2, 3, 4, 3, 5};
    const double parameters[] = {0.01, 2.0, 3.0, 0.1, 0.002, -5.0, 5.0, -4.0, 4.0};
    memset(&program, 0, sizeof program);
    program.input_count = 2;
    program.output_count = 2;
    program.instruction_count = 5;
    program.source_count = 7;
    program.parameter_count = 9;
    program.state_count = 6;
    memcpy(program.instructions, lines, sizeof lines);
    memcpy(program.sources, sources, sizeof sources);
    memcpy(program.parameters, parameters, sizeof parameters);
    program.outputs[0] = 6;
    program.outputs[1] = 4;
}

static void check_refused(uint32_t at_expected) {
    uint32_t at = 9999;
    CHECK(amp_program_check(&program, &at) == -AMP_EARG);
    CHECK(at == at_expected);
    CHECK(amp_program_check(&program, NULL) == -AMP_EARG);
}

#define REFUSED(field, value, at)                                                                  \
    do {                                                                                           \
        make_chain();                                                                              \
        program.field = (value);                                                                   \
        check_refused(at);                                                                         \
    } while (0)

static void test_check_accepts_a_chain(void) {
    make_chain();
    uint32_t at = 0;
    CHECK(amp_program_check(&program, &at) == 0);
    CHECK(amp_program_check(&program, NULL) == 0);
}

static void test_check_refuses_wrong_counts(void) {
    REFUSED(input_count, AMP_PROGRAM_REGISTERS_MAX - AMP_PROGRAM_INSTRUCTIONS_MAX + 1, 5);
    REFUSED(input_count, AMP_PROGRAM_REGISTERS_MAX, 5);
    REFUSED(input_count, UINT32_MAX, 5);
    REFUSED(output_count, AMP_PROGRAM_REGISTERS_MAX + 1, 5);
    REFUSED(instruction_count, AMP_PROGRAM_INSTRUCTIONS_MAX + 1, AMP_PROGRAM_INSTRUCTIONS_MAX + 1);
    REFUSED(source_count, AMP_PROGRAM_SOURCES_MAX + 1, 5);
    REFUSED(parameter_count, AMP_PROGRAM_PARAMETERS_MAX + 1, 5);
    REFUSED(state_count, AMP_PROGRAM_STATES_MAX + 1, 5);
    REFUSED(state_count, 7, 5);
    REFUSED(outputs[1], 7, 5);
    REFUSED(outputs[1], UINT32_MAX, 5);
}

static void test_check_refuses_wrong_instructions(void) {
    REFUSED(instructions[1].op, AMP_OP_COUNT, 1);
    REFUSED(instructions[1].op, UINT32_MAX, 1);
    REFUSED(instructions[2].target, 3, 2);
    REFUSED(instructions[2].target, 1, 2);
    REFUSED(instructions[2].target, AMP_PROGRAM_REGISTERS_MAX, 2);
    REFUSED(instructions[3].source_count, 1, 3);
    REFUSED(instructions[3].source_count, 17, 3);
    REFUSED(instructions[3].source_count, UINT32_MAX, 3);
    REFUSED(instructions[3].source, 6, 3);
    REFUSED(instructions[3].source, UINT32_MAX, 3);
    REFUSED(instructions[2].parameter, 4, 2);
    REFUSED(instructions[2].parameter, UINT32_MAX, 2);
    REFUSED(instructions[2].state, 1, 2);
    REFUSED(instructions[2].state, UINT32_MAX, 2);
    REFUSED(state_count, 5, 2);
    REFUSED(sources[3], 4, 2);
    REFUSED(sources[3], UINT32_MAX, 2);
}

static void test_check_refuses_wrong_parameters(void) {
    REFUSED(parameters[0], -1e-9, 1);
    REFUSED(parameters[0], NAN, 1);
    REFUSED(parameters[1], INFINITY, 2);
    REFUSED(parameters[4], -0.1, 2);
    REFUSED(parameters[5], 5.1, 2);
    REFUSED(parameters[7], 4.1, 4);
}

static void test_check_accepts_a_full_program(void) {
    memset(&program, 0, sizeof program);
    program.input_count = AMP_PROGRAM_REGISTERS_MAX - AMP_PROGRAM_INSTRUCTIONS_MAX;
    program.instruction_count = AMP_PROGRAM_INSTRUCTIONS_MAX;
    program.output_count = AMP_PROGRAM_REGISTERS_MAX;
    program.source_count = AMP_PROGRAM_INSTRUCTIONS_MAX;
    program.parameter_count = 6;
    program.state_count = AMP_PROGRAM_STATES_MAX;
    const double parameters[] = {1.0, 1.0, 0.1, 0.01, -10.0, 10.0};
    memcpy(program.parameters, parameters, sizeof parameters);
    for (uint32_t index = 0; index < AMP_PROGRAM_INSTRUCTIONS_MAX; index++) {
        const uint32_t target = program.input_count + index;
        const struct amp_instruction line = {AMP_OP_PID, target, index, 1, 0, 4 * index};
        program.instructions[index] = line;
        program.sources[index] = target - 1;
    }
    for (uint32_t index = 0; index < AMP_PROGRAM_REGISTERS_MAX; index++) {
        program.outputs[index] = index;
    }
    CHECK(amp_program_check(&program, NULL) == 0);
    double inputs[AMP_PROGRAM_REGISTERS_MAX - AMP_PROGRAM_INSTRUCTIONS_MAX] = {0};
    double outputs[AMP_PROGRAM_REGISTERS_MAX];
    inputs[program.input_count - 1] = 1.0;
    amp_program_step(&program, inputs, outputs, DT);
    CHECK(outputs[program.input_count] == 1.0 + DT);
    CHECK(outputs[AMP_PROGRAM_REGISTERS_MAX - 1] >= outputs[program.input_count]);
}

static void load_vector(const struct vector *v) {
    memset(&program, 0, sizeof program);
    program.input_count = VECTOR_INPUTS;
    program.output_count = v->output_count;
    program.instruction_count = v->line_count;
    program.source_count = v->source_count;
    program.parameter_count = v->parameter_count;
    program.state_count = v->state_count;
    memcpy(program.instructions, v->lines, v->line_count * sizeof *v->lines);
    memcpy(program.sources, v->sources, v->source_count * sizeof *v->sources);
    memcpy(program.outputs, v->registers, v->output_count * sizeof *v->registers);
    memcpy(program.parameters, v->parameters, v->parameter_count * sizeof *v->parameters);
}

static bool same(double value, uint64_t bits) {
    double expected;
    memcpy(&expected, &bits, sizeof expected);
    uint64_t value_bits;
    memcpy(&value_bits, &value, sizeof value);
    return value_bits == bits || (isnan(value) && isnan(expected));
}

/* Laws compiled by Python, their outputs computed there by an interpreter that never saw the
 * program: to the bit. */
static void test_golden_vectors(void) {
    for (size_t law = 0; law < sizeof vectors / sizeof *vectors; law++) {
        const struct vector *const v = &vectors[law];
        load_vector(v);
        CHECK(amp_program_check(&program, NULL) == 0);
        amp_program_reset(&program);
        for (uint32_t k = 0; k < VECTOR_STEPS; k++) {
            double inputs[VECTOR_INPUTS];
            double outputs[AMP_PROGRAM_REGISTERS_MAX];
            memcpy(inputs, &v->inputs[(size_t)k * VECTOR_INPUTS], sizeof inputs);
            amp_program_step(&program, inputs, outputs, v->dt_s);
            for (uint32_t index = 0; index < v->output_count; index++) {
                CHECK(same(outputs[index], v->outputs[k * v->output_count + index]));
            }
        }
    }
}

static uint32_t random_state = 20240229;

static uint32_t random_u32(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* Whatever is written into a program: either check() refuses it, or it runs within its memory (the
 * sanitizer build watches) and takes nothing that is not finite into its states. */
static void test_damaged_programs_are_refused_or_run(void) {
    int accepted = 0;
    for (int trial = 0; trial < 200000; trial++) {
        make_chain();
        uint32_t *const words = (uint32_t *)&program;
        const uint32_t header_words = 6 + 5 * 6;
        for (uint32_t change = 0; change <= random_u32() % 2; change++) {
            const uint32_t value = random_u32() % 4 == 0 ? random_u32() : random_u32() % 12;
            words[random_u32() % header_words] = value;
        }
        program.sources[random_u32() % 7] = random_u32() % 8;
        if (amp_program_check(&program, NULL) != 0) {
            continue;
        }
        accepted++;
        double inputs[AMP_PROGRAM_REGISTERS_MAX] = {1.0, NAN};
        double outputs[AMP_PROGRAM_REGISTERS_MAX];
        amp_program_step(&program, inputs, outputs, DT);
        for (uint32_t index = 0; index < program.state_count; index++) {
            CHECK(isfinite(program.states[index]));
        }
    }
    CHECK(accepted > 1000);
}

int main(void) {
    RUN(test_check_accepts_a_chain);
    RUN(test_check_refuses_wrong_counts);
    RUN(test_check_refuses_wrong_instructions);
    RUN(test_check_refuses_wrong_parameters);
    RUN(test_check_accepts_a_full_program);
    RUN(test_golden_vectors);
    RUN(test_damaged_programs_are_refused_or_run);
    return CHECK_DONE();
}
