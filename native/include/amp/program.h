/* program.h: a law written as YAML blocks, compiled to a flat list of instructions.
 *
 * Registers hold one double each: first the inputs in the plan's order, then one for each block.
 * Instruction n writes register input_count + n and reads registers before it; the compiler
 * (amphost.laws.compile) has sorted them so. There is no loop over values, no call and no
 * allocation: a period costs the same whatever the values are.
 *
 * A state is taken over only when its block's input and every new state of it are finite: a NaN
 * passes through to the output, where the loop's guard refuses it (a limit limits an infinity), and
 * the next period is as though this one had not been. A state smaller than any normal double
 * becomes 0, so that no period pays for denormals.
 *
 * Each block's equation, discretisation, parameters and state stand beside its operation below.
 * Sources: K. J. Astrom, R. M. Murray, "Feedback Systems", 2nd ed., ch. 11 (PID, filtered
 * derivative, anti-windup by conditional integration); backward Euler for every filter.
 */
#ifndef AMP_PROGRAM_H
#define AMP_PROGRAM_H

#include "amp/base.h"
#include "amp/law.h"

#define AMP_PROGRAM_INSTRUCTIONS_MAX 256
#define AMP_PROGRAM_REGISTERS_MAX 320
#define AMP_PROGRAM_SOURCES_MAX 1024
#define AMP_PROGRAM_PARAMETERS_MAX 1024
#define AMP_PROGRAM_STATES_MAX 1024

/// What an instruction does. a, b, ... are its sources, p0, p1, ... its parameters, s0, ... its state.
enum amp_op {
    AMP_OP_CONSTANT = 0, /* y = p0 */
    AMP_OP_ADD = 1,      /* y = a + b + ... (2 to 16 sources) */
    AMP_OP_SUBTRACT = 2, /* y = a - b - ... (2 to 16 sources) */
    AMP_OP_GAIN = 3,     /* y = p0 * a */
    AMP_OP_LIMIT = 4,    /* y = a within [p0, p1] */
    /* First-order low-pass with time constant p0 s: y[k] = y[k-1] + dt / (p0 + dt) * (a - y[k-1]).
     * States: s0 = y, s1 = 1 once started. The first sample passes unchanged. */
    AMP_OP_LOWPASS = 5,
    /* PID on the error a: y = p0 * a + I[k] + D[k], within [p4, p5]. Parameters: p0 = kp, p1 = ki,
     * p2 = kd, p3 = derivative time constant s, p4, p5 = limits of y.
     * Integral: I[k] = I[k-1] + p1 * dt * a, not taken over when y with it would lie beyond a limit
     * and p1 * a drives it that way (conditional integration; y is the limit then).
     * Derivative: D[k] = (p3 * D[k-1] + p2 * (a[k] - a[k-1])) / (p3 + dt), 0 at the first sample.
     * States: s0 = I, s1 = D, s2 = a[k-1], s3 = 1 once started. */
    AMP_OP_PID = 6,
    AMP_OP_COUNT = 7,
};

struct amp_instruction {
    uint32_t op;           /* enum amp_op */
    uint32_t target;       /* register written */
    uint32_t source;       /* first entry in the source list */
    uint32_t source_count; /* how many */
    uint32_t parameter;    /* first parameter */
    uint32_t state;        /* first state */
};

/// A program and its memory. The caller owns it; nothing is allocated after amp_program_check().
struct amp_program {
    uint32_t input_count;
    uint32_t output_count;
    uint32_t instruction_count;
    uint32_t source_count;
    uint32_t parameter_count;
    uint32_t state_count;
    struct amp_instruction instructions[AMP_PROGRAM_INSTRUCTIONS_MAX];
    uint32_t sources[AMP_PROGRAM_SOURCES_MAX];   /* registers */
    uint32_t outputs[AMP_PROGRAM_REGISTERS_MAX]; /* registers, in the plan's order of outputs */
    double parameters[AMP_PROGRAM_PARAMETERS_MAX];
    double states[AMP_PROGRAM_STATES_MAX];
    double registers[AMP_PROGRAM_REGISTERS_MAX];
};

/// Check every count, operation, index and parameter, so that amp_program_step() needs no check: an
/// instruction reads inputs and earlier instructions only, no two share a state, time constants are
/// not negative and limits in order.
/// Returns 0, or -AMP_EARG with the offending instruction in |at|, or instruction_count in it when a
/// count or an output is wrong. |at| may be NULL.
/// Context: init.
int amp_program_check(const struct amp_program *program, uint32_t *at);

/// True when the parameters of |instruction| are those of a program that amp_program_check() takes.
/// Context: real-time. Progress: wait-free.
bool amp_program_parameters_fit(const struct amp_program *program, uint32_t instruction);

/// Bind a checked program to a law. The program must outlive it.
/// Context: init.
void amp_program_bind(struct amp_program *program, struct amp_law *law);

/// Back to the initial state: every state 0.
/// Context: real-time. Progress: bounded (states).
void amp_program_reset(void *program);

/// One period. |inputs| and |outputs| have the program's counts; |dt_s| > 0.
/// Context: real-time. Progress: bounded (instructions).
void amp_program_step(void *program, const double *inputs, double *outputs, double dt_s);

/// Context: any.
size_t amp_program_size(void);

#endif
