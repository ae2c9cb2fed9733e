/* program.h: a law written as YAML blocks, compiled to a flat list of instructions.
 *
 * Registers hold one double each: first the inputs in the plan's order, then one for each block.
 * Instruction n writes register input_count + n and reads registers before it; the compiler
 * (amphost.laws.compile) has sorted them so. Nothing is allocated, nothing of the C library is
 * called, and every loop is bounded by what was checked: a period's cost hardly depends on values.
 *
 * A truth is 1 or 0 in a register, and true is what lies above 0.5. One that is not a number makes
 * every block that reads it not a number, as everywhere.
 *
 * A state is taken over only when its block's input and every new state of it are finite: a NaN
 * passes through to the output, where the loop's guard refuses it (a limit limits an infinity), and
 * the next period is as though this one had not been. A state smaller than any normal double
 * becomes 0, so that no period pays for denormals.
 *
 * Each block's equation, discretisation, parameters and state stand beside its operation below.
 * Sources: K. J. Astrom, R. M. Murray, "Feedback Systems", 2nd ed., ch. 11 (PID, filtered
 * derivative, anti-windup by conditional integration); K. J. Astrom, B. Wittenmark, "Computer-
 * Controlled Systems", 3rd ed., ch. 2 and 8 (state equations, backward Euler, bilinear); A. V.
 * Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", ch. 6 (second-order sections).
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
/// Second-order sections of one biquad, order of one statespace, points of one lookup, periods of
/// one delay.
#define AMP_PROGRAM_SECTIONS_MAX 8
#define AMP_PROGRAM_ORDER_MAX 8
#define AMP_PROGRAM_POINTS_MAX 64
#define AMP_PROGRAM_DELAY_MAX 512

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
    AMP_OP_MULTIPLY = 7, /* y = a * b * ... (2 to 16 sources) */
    AMP_OP_DIVIDE = 8, /* y = a / b; p0 where |b| < p1, p1 > 0, or where the quotient is infinite */
    AMP_OP_MIN = 9,    /* y = the smallest source (2 to 16) */
    AMP_OP_MAX = 10,   /* y = the largest source (2 to 16) */
    AMP_OP_DEADBAND = 11, /* y = a - p1 above p1, a - p0 below p0, else 0 */
    /* y[k] = a within [y[k-1] + p0 * dt, y[k-1] + p1 * dt], p0 <= 0 <= p1; the first sample passes.
     * States: s0 = y, s1 = 1 once started. */
    AMP_OP_RATE_LIMIT = 12,
    AMP_OP_SELECT = 13,  /* y = b where a is true, else c */
    AMP_OP_GREATER = 14, /* y = a > b */
    /* y = 1 where a > p1, 0 where a < p0, else as it was, and 0 at first (Schmitt trigger). s0 = y */
    AMP_OP_HYSTERESIS = 15,
    AMP_OP_NOT = 16,
    AMP_OP_AND = 17, /* 2 to 16 sources */
    AMP_OP_OR = 18,  /* 2 to 16 sources */
    /* y = 1 in the period in which a becomes true (p0 = 0), false (1) or either (2).
     * States: s0 = a[k-1], s1 = 1 once started. */
    AMP_OP_EDGE = 19,
    AMP_OP_LATCH = 20, /* y = 0 where b (reset), else 1 where a (set), else as it was. s0 = y */
    /* y follows a when a has differed from it for p0 s, to half a period; the first sample passes.
     * States: s0 = y, s1 = ns of difference, s2 = 1 once started. */
    AMP_OP_DEBOUNCE = 21,
    /* y = s since a became true, 0 while it is false. States: s0 = ns, s1 = 1 while a is true. */
    AMP_OP_TIMER = 22,
    /* First-order high-pass: y = a - lowpass(a), with the parameter and states of a low-pass. */
    AMP_OP_HIGHPASS = 23,
    /* y[k] = y[k-1] + p0 * dt * a within [p2, p3], from p1 (backward Euler).
     * States: s0 = y, s1 = 1 once started. */
    AMP_OP_INTEGRATOR = 24,
    /* y[k] = (p0 * y[k-1] + a[k] - a[k-1]) / (p0 + dt), time constant p0 s; 0 at the first sample.
     * States: s0 = y, s1 = a[k-1], s2 = 1 once started. */
    AMP_OP_DERIVATIVE = 25,
    /* p0 second-order sections in series, five parameters each (b0, b1, b2, a1, a2), in direct form
     * II transposed: y = b0 a + z0, z0' = b1 a - a1 y + z1, z1' = b2 a - a2 y. At the first sample
     * z0 and z1 are those of a section that has always seen it; 0 if it has a pole at z = 1.
     * States: s0 = 1 once started, then z0, z1 of each section. */
    AMP_OP_BIQUAD = 26,
    /* x[k+1] = A x[k] + B u[k], y[k] = C x[k] + D u[k], u the sources, x[0] = 0. p0 = order n; then
     * A by rows, B by rows, C, D. States: x. */
    AMP_OP_STATESPACE = 27,
    /* Straight lines between p0 points: then their rising x, then their y. The ends hold beyond. */
    AMP_OP_LOOKUP = 28,
    /* y[k] = a[k - p0]; before that a[0]. States: s0 = place in the ring, s1 = 1 once it is full, the
     * ring. */
    AMP_OP_DELAY = 29,
    /* The generators count whole ns since the first period in s0, which adds up exactly: t = s0 ns
     * does not drift, and a skipped tick is counted too. s1 = 1 once started. */
    AMP_OP_SINE = 30,   /* y = p2 + p1 * sin(2 pi (p0 t + p3 / 360)) */
    AMP_OP_STEP = 31,   /* y = p1 before t = p0, p2 from there on */
    AMP_OP_RAMP = 32,   /* y = p1 + p0 * t within [p2, p3] */
    AMP_OP_SQUARE = 33, /* y = p2 where the fraction of p0 * t is below p3, else p1 */
    AMP_OP_COUNT = 34,
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

/// True when the parameters of |instruction| are those of a program that amp_program_check() takes;
/// never of an operation whose parameters shape its memory, such as a delay.
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
