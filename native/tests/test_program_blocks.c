#include "amp/program.h"

#include <math.h>
#include <string.h>

#include "check.h"

#define DT 1e-3

static struct amp_program program;
static const double none[2];

/* One instruction on inputs 0, 1, 0, ... whose value is the output. */
static int check_one(uint32_t op, uint32_t source_count, const double *parameters,
                     uint32_t parameter_count, uint32_t state_count) {
    memset(&program, 0, sizeof program);
    program.input_count = 2;
    program.output_count = 1;
    program.instruction_count = 1;
    program.source_count = source_count;
    program.parameter_count = parameter_count;
    program.state_count = state_count;
    program.instructions[0] = (struct amp_instruction){op, 2, 0, source_count, 0, 0};
    program.outputs[0] = 2;
    for (uint32_t index = 0; index < source_count; index++) {
        program.sources[index] = index % 2;
    }
    for (uint32_t index = 0; index < parameter_count; index++) {
        program.parameters[index] = parameters[index];
    }
    return amp_program_check(&program, NULL);
}

static double step(double a, double b) {
    const double inputs[2] = {a, b};
    double output = -1.0;
    amp_program_step(&program, inputs, &output, DT);
    return output;
}

static void test_size_must_be_a_whole_number_in_its_range(void) {
    const double bad[] = {0.0, -1.0, 1.5, 9.0, NAN, INFINITY, 4294967297.0, 1e300};
    for (size_t index = 0; index < sizeof bad / sizeof *bad; index++) {
        double p[AMP_PROGRAM_PARAMETERS_MAX] = {bad[index]};
        CHECK(check_one(AMP_OP_BIQUAD, 1, p, 46, 19) == -AMP_EARG);
        CHECK(check_one(AMP_OP_STATESPACE, 1, p, 100, 9) == -AMP_EARG);
        p[0] = bad[index] == 9.0 ? 65.0 : bad[index];
        CHECK(check_one(AMP_OP_LOOKUP, 1, p, 200, 0) == -AMP_EARG);
        p[0] = bad[index] == 9.0 ? 513.0 : bad[index];
        CHECK(check_one(AMP_OP_DELAY, 1, p, 1, 515) == -AMP_EARG);
    }
    CHECK(check_one(AMP_OP_LOOKUP, 1, (const double[]){1, 0, 0}, 3, 0) == -AMP_EARG);
}

static void test_size_decides_how_many_parameters_and_states_there_must_be(void) {
    double p[AMP_PROGRAM_PARAMETERS_MAX] = {2.0};
    CHECK(check_one(AMP_OP_BIQUAD, 1, p, 11, 5) == 0);
    CHECK(check_one(AMP_OP_BIQUAD, 1, p, 10, 5) == -AMP_EARG);
    CHECK(check_one(AMP_OP_BIQUAD, 1, p, 11, 4) == -AMP_EARG);
    CHECK(check_one(AMP_OP_BIQUAD, 1, p, 11, 6) == -AMP_EARG);
    CHECK(check_one(AMP_OP_STATESPACE, 2, p, 1 + 4 + 4 + 2 + 2, 2) == 0);
    CHECK(check_one(AMP_OP_STATESPACE, 2, p, 12, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_STATESPACE, 3, p, 13, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_DELAY, 1, p, 1, 4) == 0);
    CHECK(check_one(AMP_OP_DELAY, 1, p, 1, 3) == -AMP_EARG);
}

static void test_largest_sizes_run_within_their_memory(void) {
    double p[AMP_PROGRAM_PARAMETERS_MAX] = {AMP_PROGRAM_SECTIONS_MAX};
    for (int index = 1; index <= 40; index++) {
        p[index] = index % 5 == 1 ? 1.0 : 0.0;
    }
    CHECK(check_one(AMP_OP_BIQUAD, 1, p, 41, 17) == 0);
    CHECK(step(3.0, 0.0) == 3.0);
    memset(p, 0, sizeof p);
    p[0] = AMP_PROGRAM_ORDER_MAX;
    CHECK(check_one(AMP_OP_STATESPACE, 16, p, 1 + 9 * 24, 8) == 0);
    CHECK(step(1.0, 2.0) == 0.0);
    p[0] = AMP_PROGRAM_DELAY_MAX;
    CHECK(check_one(AMP_OP_DELAY, 1, p, 1, 2 + AMP_PROGRAM_DELAY_MAX) == 0);
    for (int k = 0; k < 3 * AMP_PROGRAM_DELAY_MAX; k++) {
        const int expected = k < AMP_PROGRAM_DELAY_MAX ? 0 : k - AMP_PROGRAM_DELAY_MAX;
        CHECK(step(k, 0.0) == expected);
    }
    p[0] = AMP_PROGRAM_POINTS_MAX;
    for (int index = 0; index < AMP_PROGRAM_POINTS_MAX; index++) {
        p[1 + index] = index;
        p[1 + AMP_PROGRAM_POINTS_MAX + index] = index * index;
    }
    CHECK(check_one(AMP_OP_LOOKUP, 1, p, 1 + 2 * AMP_PROGRAM_POINTS_MAX, 0) == 0);
    CHECK(step(-1.0, 0.0) == 0.0 && step(1e300, 0.0) == 63.0 * 63.0);
    CHECK(step(62.5, 0.0) == (62.0 * 62.0 + 63.0 * 63.0) / 2.0);
    CHECK(step(INFINITY, 0.0) == 63.0 * 63.0 && isnan(step(NAN, 0.0)));
}

static void test_parameters_that_do_not_fit_together_are_refused(void) {
    CHECK(check_one(AMP_OP_LOOKUP, 1, (const double[]){2, 1, 1, 0, 0}, 5, 0) == -AMP_EARG);
    CHECK(check_one(AMP_OP_LOOKUP, 1, (const double[]){2, 1, 2, 0, NAN}, 5, 0) == -AMP_EARG);
    CHECK(check_one(AMP_OP_RATE_LIMIT, 1, (const double[]){1, 2}, 2, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_DIVIDE, 2, (const double[]){0, 0}, 2, 0) == -AMP_EARG);
    CHECK(check_one(AMP_OP_EDGE, 1, (const double[]){3}, 1, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_EDGE, 1, (const double[]){0.5}, 1, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_DEBOUNCE, 1, (const double[]){-1}, 1, 3) == -AMP_EARG);
    CHECK(check_one(AMP_OP_INTEGRATOR, 1, (const double[]){1, 0, 2, 1}, 4, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_DEADBAND, 1, (const double[]){1, -1}, 2, 0) == -AMP_EARG);
    CHECK(check_one(AMP_OP_HYSTERESIS, 1, (const double[]){1, -1}, 2, 1) == -AMP_EARG);
    CHECK(check_one(AMP_OP_SINE, 0, (const double[]){1e7, 1, 0, 0}, 4, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_SINE, 0, (const double[]){1, 1, 0, -361}, 4, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_SQUARE, 0, (const double[]){-1, 0, 1, 0.5}, 4, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_RAMP, 0, (const double[]){1, 0, 1, 0}, 4, 2) == -AMP_EARG);
    CHECK(check_one(AMP_OP_SELECT, 2, NULL, 0, 0) == -AMP_EARG);
}

/* What shapes an instruction's memory may never change while it runs. */
static void test_parameters_fit_only_where_they_shape_no_memory(void) {
    const double delay = 3.0;
    CHECK(check_one(AMP_OP_DELAY, 1, &delay, 1, 5) == 0);
    CHECK(!amp_program_parameters_fit(&program, 0));
    CHECK(check_one(AMP_OP_RATE_LIMIT, 1, (const double[]){-1, 2}, 2, 2) == 0);
    CHECK(amp_program_parameters_fit(&program, 0));
    program.parameters[0] = 0.5;
    CHECK(!amp_program_parameters_fit(&program, 0));
}

static void test_generators_follow_the_grid_when_ticks_are_skipped(void) {
    CHECK(check_one(AMP_OP_RAMP, 0, (const double[]){2.0, 0.0, -9.0, 9.0}, 4, 2) == 0);
    double output = 0.0;
    amp_program_step(&program, none, &output, DT);
    CHECK(output == 0.0);
    amp_program_step(&program, none, &output, 3.0 * DT);
    CHECK(fabs(output - 2.0 * 3.0 * DT) < 1e-15);
    amp_program_reset(&program);
    amp_program_step(&program, none, &output, 7.0 * DT);
    CHECK(output == 0.0);
}

/* A week at 1 kHz, told by the state: the next square edge falls where it fell in the first turn. */
static void test_square_does_not_drift_in_a_week(void) {
    CHECK(check_one(AMP_OP_SQUARE, 0, (const double[]){10.0, 0.0, 1.0, 0.5}, 4, 2) == 0);
    double output = 0.0;
    amp_program_step(&program, none, &output, DT);
    program.states[0] = 7.0 * 86400.0 * 1e9;
    for (int k = 1; k <= 1000; k++) {
        amp_program_step(&program, none, &output, DT);
        CHECK(output == (k % 100 < 50 ? 1.0 : 0.0));
    }
}

static void test_filters_end_at_zero_and_not_in_denormals(void) {
    CHECK(check_one(AMP_OP_BIQUAD, 1, (const double[]){1, 0.1, 0, 0, -0.9, 0}, 6, 3) == 0);
    step(0.0, 0.0);
    step(1.0, 0.0);
    for (int k = 0; k < 20000; k++) {
        step(0.0, 0.0);
        CHECK(fpclassify(program.states[1]) != FP_SUBNORMAL);
    }
    CHECK(program.states[1] == 0.0 && program.states[2] == 0.0);
    CHECK(check_one(AMP_OP_STATESPACE, 1, (const double[]){1, 0.9, 1, 1, 0}, 5, 1) == 0);
    step(1.0, 0.0);
    for (int k = 0; k < 20000; k++) {
        step(0.0, 0.0);
        CHECK(fpclassify(program.states[0]) != FP_SUBNORMAL);
    }
    CHECK(program.states[0] == 0.0);
}

int main(void) {
    RUN(test_size_must_be_a_whole_number_in_its_range);
    RUN(test_size_decides_how_many_parameters_and_states_there_must_be);
    RUN(test_largest_sizes_run_within_their_memory);
    RUN(test_parameters_that_do_not_fit_together_are_refused);
    RUN(test_parameters_fit_only_where_they_shape_no_memory);
    RUN(test_generators_follow_the_grid_when_ticks_are_skipped);
    RUN(test_square_does_not_drift_in_a_week);
    RUN(test_filters_end_at_zero_and_not_in_denormals);
    return CHECK_DONE();
}
