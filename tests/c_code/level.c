/* level.c: a PI controller with a limit on its integral, as the law of a control role.
 *
 * Reads `level` (m) and `target` (m); writes `pump` (V).
 */
#include <math.h>

#include <amp/user_code.h>

#define KP_V_PER_M 40.0
#define KI_V_PER_M_S 8.0
#define MOST_V 12.0

struct level {
    double integral_v;
};

static void level_reset(void *state) {
    struct level *const level = state;
    level->integral_v = 0.0;
}

static void level_step(void *state, const double *inputs, double *outputs, double dt_s) {
    struct level *const level = state;
    const double error_m = inputs[1] - inputs[0];
    const double next_v = level->integral_v + KI_V_PER_M_S * error_m * dt_s;
    if (next_v >= 0.0 && next_v <= MOST_V) {
        level->integral_v = next_v;
    }
    outputs[0] = fmin(fmax(KP_V_PER_M * error_m + level->integral_v, 0.0), MOST_V);
}

const struct amp_user_law amp_user_law = {
    .abi = AMP_USER_ABI,
    .input_count = 2,
    .output_count = 1,
    .state_size = sizeof(struct level),
    .reset = level_reset,
    .step = level_step,
};
