/* tank.c: a tank of water with a pump and a drain, for a loopback device.
 *
 * Driven by `pump` (V); sends `level` (m) and `outflow` (m^3/s).
 */
#include <math.h>

#include <amp/user_code.h>

#define AREA_M2 0.02
#define PUMP_M3_PER_S_PER_V 1.0e-4
#define DRAIN_M3_PER_S 4.0e-4 /* at a level of 1 m; by Torricelli it goes with the square root */

struct tank {
    double level_m;
};

static double outflow(const struct tank *tank) {
    return DRAIN_M3_PER_S * sqrt(tank->level_m);
}

static void tank_init(void *state, double *sensed) {
    struct tank *const tank = state;
    tank->level_m = 0.1;
    sensed[0] = tank->level_m;
    sensed[1] = outflow(tank);
}

static void tank_step(void *state, double dt_s, const double *drives, double *sensed) {
    struct tank *const tank = state;
    const double inflow = PUMP_M3_PER_S_PER_V * fmax(drives[0], 0.0);
    tank->level_m = fmax(tank->level_m + (inflow - outflow(tank)) / AREA_M2 * dt_s, 0.0);
    sensed[0] = tank->level_m;
    sensed[1] = outflow(tank);
}

const struct amp_user_plant amp_user_plant = {
    .abi = AMP_USER_ABI,
    .drive_count = 1,
    .sensed_count = 2,
    .state_size = sizeof(struct tank),
    .init = tank_init,
    .step = tank_step,
};
