#include "amp/program.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define DT 1e-3
#define TURN 6.283185307179586

static struct amp_program program;

/* A program of one block on input 0 (and 1), whose value is the output. */
static void make(uint32_t op, uint32_t source_count, const double *parameters,
                 uint32_t parameter_count) {
    static const uint32_t state_counts[AMP_OP_COUNT] = {
        [AMP_OP_LOWPASS] = 2,
        [AMP_OP_PID] = 4,
    };
    memset(&program, 0, sizeof program);
    program.input_count = 2;
    program.output_count = 1;
    program.instruction_count = 1;
    program.source_count = source_count;
    program.parameter_count = parameter_count;
    program.state_count = state_counts[op];
    program.instructions[0].op = op;
    program.instructions[0].target = 2;
    program.instructions[0].source_count = source_count;
    program.outputs[0] = 2;
    for (uint32_t index = 0; index < source_count; index++) {
        program.sources[index] = index % 2;
    }
    for (uint32_t index = 0; index < parameter_count; index++) {
        program.parameters[index] = parameters[index];
    }
    uint32_t at = 0;
    CHECK(amp_program_check(&program, &at) == 0);
    amp_program_reset(&program);
}

static void make_lowpass(double time_constant_s) {
    make(AMP_OP_LOWPASS, 1, &time_constant_s, 1);
}

static void make_pid(double kp, double ki, double kd, double time_constant_s, double limit) {
    const double parameters[] = {kp, ki, kd, time_constant_s, -limit, limit};
    make(AMP_OP_PID, 1, parameters, 6);
}

static double step2(double a, double b, double dt_s) {
    const double inputs[2] = {a, b};
    double output = -1.0;
    amp_program_step(&program, inputs, &output, dt_s);
    return output;
}

static double step(double a) {
    return step2(a, 0.0, DT);
}

static bool near(double value, double expected, double tolerance) {
    return fabs(value - expected) <= tolerance;
}

static void test_sums_and_gains(void) {
    const double number = 2.5;
    make(AMP_OP_CONSTANT, 0, &number, 1);
    CHECK(step(7.0) == 2.5);
    make(AMP_OP_GAIN, 1, &number, 1);
    CHECK(step(-2.0) == -5.0);
    make(AMP_OP_ADD, 3, NULL, 0);
    CHECK(step2(1.0, 10.0, DT) == 12.0);
    make(AMP_OP_SUBTRACT, 3, NULL, 0);
    CHECK(step2(1.0, 10.0, DT) == -10.0);
}

static void test_limit(void) {
    const double range[] = {-1.0, 2.0};
    make(AMP_OP_LIMIT, 1, range, 2);
    CHECK(step(-1.5) == -1.0);
    CHECK(step(0.25) == 0.25);
    CHECK(step(2.0000001) == 2.0);
    CHECK(step(-INFINITY) == -1.0);
    CHECK(isnan(step(NAN)));
}

/* Backward Euler of a first-order lag, solved: 1 - (tau / (tau + dt))^n. */
static void test_lowpass_step_response(void) {
    const double tau = 0.02;
    make_lowpass(tau);
    CHECK(step(0.0) == 0.0);
    for (int n = 1; n <= 500; n++) {
        CHECK(near(step(1.0), 1.0 - pow(tau / (tau + DT), n), 1e-13));
    }
}

static void test_lowpass_nears_the_continuous_response_when_dt_shrinks(void) {
    double previous_error = 1.0;
    for (int fineness = 1; fineness <= 100; fineness *= 10) {
        make_lowpass(0.02);
        double error = 0.0;
        step2(0.0, 0.0, DT / fineness);
        for (int n = 1; n <= 60 * fineness; n++) {
            const double exact = 1.0 - exp(-n * DT / fineness / 0.02);
            error = fmax(error, fabs(step2(1.0, 0.0, DT / fineness) - exact));
        }
        CHECK(error < previous_error * 0.11);
        previous_error = error;
    }
}

static void test_lowpass_lags_a_ramp_by_its_time_constant(void) {
    make_lowpass(0.02);
    double y = 0.0;
    double a = 0.0;
    for (int n = 0; n < 2000; n++) {
        a = 3.0 * n * DT;
        y = step(a);
    }
    CHECK(near(a - y, 3.0 * 0.02, 1e-12));
}

static void test_lowpass_first_sample_passes_unchanged(void) {
    make_lowpass(10.0);
    CHECK(step(42.0) == 42.0);
    CHECK(step(42.0) == 42.0);
}

static void test_lowpass_with_no_time_constant_passes_everything(void) {
    make_lowpass(0.0);
    CHECK(step(1.0) == 1.0);
    CHECK(step(-3.0) == -3.0);
}

/* Amplitude and phase of the steady answer to a sine, by correlation over whole turns. */
static double complex response(double frequency_hz) {
    const int settle = 20000;
    const int turns = 20;
    const int n_per_run = (int)lround(turns / frequency_hz / DT);
    double complex sum = 0.0;
    for (int n = 0; n < settle + n_per_run; n++) {
        const double angle = TURN * frequency_hz * n * DT;
        const double y = step(sin(angle));
        if (n >= settle) {
            sum += y * cexp(-I * angle);
        }
    }
    return sum * 2.0 * I / n_per_run;
}

static void test_lowpass_frequency_response(void) {
    const double frequencies_hz[] = {1.0, 8.0, 10.0, 50.0, 125.0, 250.0};
    const double tau = 1.0 / (TURN * 8.0);
    for (size_t index = 0; index < 6; index++) {
        make_lowpass(tau);
        const double f = frequencies_hz[index];
        const double complex delay = cexp(-I * TURN * f * DT);
        const double alpha = DT / (tau + DT);
        const double complex expected = alpha / (1.0 - (1.0 - alpha) * delay);
        CHECK(cabs(response(f) - expected) < 1e-9);
    }
    make_lowpass(tau);
    CHECK(near(cabs(response(8.0)), sqrt(0.5), 0.02));
}

static void test_pid_proportional(void) {
    make_pid(9.0, 0.0, 0.0, 0.0, 100.0);
    CHECK(step(0.5) == 4.5);
    CHECK(step(-2.0) == -18.0);
    CHECK(step(50.0) == 100.0);
    CHECK(step(-50.0) == -100.0);
}

static void test_pid_integral_of_a_step_is_a_ramp(void) {
    make_pid(0.0, 25.0, 0.0, 0.0, 1e6);
    for (int n = 1; n <= 4000; n++) {
        CHECK(near(step(0.4), 25.0 * 0.4 * DT * n, 1e-10));
    }
}

static void test_pid_integral_of_a_ramp_is_a_parabola(void) {
    make_pid(0.0, 2.0, 0.0, 0.0, 1e6);
    for (int n = 1; n <= 2000; n++) {
        const double expected = 2.0 * DT * DT * n * (n + 1) / 2.0;
        CHECK(near(step(n * DT), expected, 1e-10));
    }
}

static void test_pid_derivative_of_a_ramp(void) {
    const double tau = 1.0 / (TURN * 120.0);
    make_pid(0.0, 0.0, 0.08, tau, 1e6);
    CHECK(step(0.0) == 0.0);
    for (int n = 1; n <= 300; n++) {
        const double expected = 0.08 * 5.0 * (1.0 - pow(tau / (tau + DT), n));
        CHECK(near(step(5.0 * n * DT), expected, 1e-12));
    }
}

static void test_pid_derivative_of_a_step_dies_away(void) {
    const double tau = 0.005;
    make_pid(0.0, 0.0, 0.5, tau, 1e6);
    step(0.0);
    for (int n = 1; n <= 200; n++) {
        const double expected = 0.5 / (tau + DT) * pow(tau / (tau + DT), n - 1);
        CHECK(near(step(1.0), expected, 1e-10));
    }
}

static void test_pid_frequency_response(void) {
    const double tau = 0.004;
    const double frequencies_hz[] = {2.0, 10.0, 40.0, 125.0};
    for (size_t index = 0; index < 4; index++) {
        make_pid(3.0, 0.0, 0.06, tau, 1e6);
        const double f = frequencies_hz[index];
        const double complex delay = cexp(-I * TURN * f * DT);
        const double complex expected = 3.0 + 0.06 * (1.0 - delay) / (tau + DT - tau * delay);
        CHECK(cabs(response(f) - expected) < 1e-8);
    }
}

static void test_pid_has_no_kick_at_the_first_sample(void) {
    make_pid(1.0, 0.0, 10.0, 0.001, 1e6);
    CHECK(step(5.0) == 5.0);
    CHECK(step(5.0) == 5.0);
}

static void test_pid_leaves_its_limit_at_once_when_the_error_turns(void) {
    make_pid(1.0, 10.0, 0.0, 0.0, 2.0);
    for (int n = 0; n < 60000; n++) {
        CHECK(step(1.0) <= 2.0);
    }
    CHECK(program.states[0] <= 1.0 + 10.0 * DT);
    CHECK(step(-0.1) < 1.0);
    for (int n = 0; n < 60000; n++) {
        CHECK(step(-1.0) >= -2.0);
    }
    CHECK(program.states[0] >= -1.0 - 10.0 * DT);
    CHECK(step(0.1) > -1.0);
}

static void test_pid_integral_reaches_its_limit_exactly(void) {
    make_pid(0.0, 250.0, 0.0, 0.0, 1.0);
    const double expected[] = {0.25, 0.5, 0.75, 1.0, 1.0, 1.0};
    for (int n = 0; n < 6; n++) {
        CHECK(step2(1.0, 0.0, DT) == expected[n]);
    }
    CHECK(step(0.0) == 1.0);
    CHECK(step(-1.0) == 0.75);
    for (int n = 0; n < 20; n++) {
        step(-1.0);
    }
    CHECK(step(0.0) == -1.0);
}

static void test_pid_integrates_back_from_a_limit(void) {
    make_pid(0.0, 10.0, 0.0, 0.0, 1.0);
    for (int n = 0; n < 1000; n++) {
        step(1.0);
    }
    CHECK(near(step(0.0), 1.0, 10.0 * DT));
    for (int n = 0; n < 50; n++) {
        step(-1.0);
    }
    CHECK(near(step(0.0), 0.5, 2.0 * 10.0 * DT));
}

static void test_pid_with_negative_gains_does_not_wind_up(void) {
    make_pid(-1.0, -10.0, 0.0, 0.0, 2.0);
    for (int n = 0; n < 60000; n++) {
        CHECK(step(1.0) >= -2.0);
    }
    CHECK(fabs(program.states[0]) <= 1.0 + 10.0 * DT);
}

static void test_reset_gives_the_same_outputs_again(void) {
    make_pid(2.0, 3.0, 0.1, 0.003, 5.0);
    double first[200];
    for (int n = 0; n < 200; n++) {
        first[n] = step(sin(0.1 * n));
    }
    amp_program_reset(&program);
    for (int n = 0; n < 200; n++) {
        CHECK(step(sin(0.1 * n)) == first[n]);
    }
}

static void check_forgotten(double hostile) {
    struct amp_program *const clean = malloc(sizeof program);
    CHECK(clean != NULL);
    for (int n = 0; n < 20; n++) {
        step(0.1 * n);
    }
    *clean = program;
    step(hostile);
    for (int n = 0; n < 20; n++) {
        const double inputs[2] = {0.3 * n, 0.0};
        double expected = 0.0;
        amp_program_step(clean, inputs, &expected, DT);
        CHECK(step(0.3 * n) == expected);
    }
    free(clean);
}

static void test_not_finite_inputs_are_forgotten(void) {
    const double hostile[] = {NAN, INFINITY, -INFINITY};
    for (size_t index = 0; index < 3; index++) {
        make_lowpass(0.02);
        check_forgotten(hostile[index]);
        make_pid(2.0, 30.0, 0.1, 0.003, 500.0);
        check_forgotten(hostile[index]);
        make_pid(0.0, 0.0, 0.0, 0.0, 500.0);
        check_forgotten(hostile[index]);
    }
    make_pid(0.0, 0.0, 1.0, 0.003, 5.0);
    step(-1.7e308);
    CHECK(step(1.7e308) == 5.0);
    CHECK(program.states[1] == 0.0);
    make_pid(2.0, 30.0, 0.1, 0.003, 5.0);
    CHECK(isnan(step(NAN)));
    CHECK(isfinite(step(1.0)));
}

static void test_no_state_is_ever_denormal(void) {
    make_lowpass(0.02);
    step(1.0);
    for (int n = 0; n < 40000; n++) {
        step(0.0);
        CHECK(fpclassify(program.states[0]) != FP_SUBNORMAL);
    }
    CHECK(program.states[0] == 0.0);
    make_pid(0.0, 1.0, 1.0, 0.02, 1.0);
    step(0.0);
    step(1.0);
    step(1e-310);
    for (int n = 0; n < 40000; n++) {
        step(0.0);
        CHECK(fpclassify(program.states[1]) != FP_SUBNORMAL);
    }
    CHECK(program.states[1] == 0.0);
    make_pid(0.0, 1.0, 0.0, 0.0, 1.0);
    step(1e-306);
    CHECK(program.states[0] == 0.0);
}

static void test_bind_runs_the_program(void) {
    make_pid(9.0, 25.0, 0.08, 0.001, 12.0);
    struct amp_law law;
    amp_program_bind(&program, &law);
    law.reset(law.state);
    const double inputs[2] = {0.5, 0.0};
    double output = 0.0;
    law.step(law.state, inputs, &output, DT);
    CHECK(output == 0.5 * 9.0 + 25.0 * DT * 0.5);
    CHECK(amp_program_size() == sizeof program);
}

int main(void) {
    RUN(test_sums_and_gains);
    RUN(test_limit);
    RUN(test_lowpass_step_response);
    RUN(test_lowpass_nears_the_continuous_response_when_dt_shrinks);
    RUN(test_lowpass_lags_a_ramp_by_its_time_constant);
    RUN(test_lowpass_first_sample_passes_unchanged);
    RUN(test_lowpass_with_no_time_constant_passes_everything);
    RUN(test_lowpass_frequency_response);
    RUN(test_pid_proportional);
    RUN(test_pid_integral_of_a_step_is_a_ramp);
    RUN(test_pid_integral_of_a_ramp_is_a_parabola);
    RUN(test_pid_derivative_of_a_ramp);
    RUN(test_pid_derivative_of_a_step_dies_away);
    RUN(test_pid_frequency_response);
    RUN(test_pid_has_no_kick_at_the_first_sample);
    RUN(test_pid_leaves_its_limit_at_once_when_the_error_turns);
    RUN(test_pid_integral_reaches_its_limit_exactly);
    RUN(test_pid_integrates_back_from_a_limit);
    RUN(test_pid_with_negative_gains_does_not_wind_up);
    RUN(test_reset_gives_the_same_outputs_again);
    RUN(test_not_finite_inputs_are_forgotten);
    RUN(test_no_state_is_ever_denormal);
    RUN(test_bind_runs_the_program);
    return CHECK_DONE();
}
