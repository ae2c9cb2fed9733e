/* plant.h: the DC motor that the loopback device drives: voltage in, current, speed and angle out.
 *
 *     inductance * di/dt = volts - resistance * i - torque_constant * w        (back-EMF)
 *     inertia    * dw/dt = torque_constant * i - viscous_friction * w - load_torque
 *                  da/dt = w
 *
 * The equations are linear and the voltage stands still between two calls, so each step is the
 * exact solution, not an approximation: init() computes the transition over 1, 2, 4, ... us, and a
 * step of n us applies those whose bits n has. No step is too long to be stable.
 *
 * R. C. Dorf, R. H. Bishop, "Modern Control Systems": the armature-controlled DC motor; C. Moler,
 * C. Van Loan, "Nineteen Dubious Ways to Compute the Exponential of a Matrix": scaling and squaring.
 */
#ifndef AMP_PLANT_H
#define AMP_PLANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// States: current, speed, angle. Inputs: volts, load torque.
#define AMP_PLANT_STATES 3
#define AMP_PLANT_COLUMNS 5
/// Transitions kept: 1 us to 2^25 us.
#define AMP_PLANT_TRANSITIONS 26
/// Longest step, us: about 67 s.
#define AMP_PLANT_STEP_US_MAX 67108863

/// The motor and its load. Each in the range stated; amp_plant_init() refuses anything else.
struct amp_plant_parameters {
    double resistance_ohm;           /* [1e-3, 1e3] */
    double inductance_h;             /* [1e-6, 10] */
    double torque_constant_nm_per_a; /* [1e-5, 100]; the back-EMF constant in V s/rad too */
    double inertia_kg_m2;            /* [1e-8, 1e3] */
    double viscous_friction_nm_s;    /* [0, 1e3] */
    double load_torque_nm;           /* [-1e4, 1e4]; constant, against a positive angle */
    double initial_angle_rad;        /* [-1e6, 1e6] */
};

/// The caller owns it. Read the three quantities, write nothing.
struct amp_plant {
    double current_a;
    double speed_rad_per_s;
    double angle_rad;
    double load_torque_nm;
    double transitions[AMP_PLANT_TRANSITIONS][AMP_PLANT_STATES][AMP_PLANT_COLUMNS];
};

/// At rest, without current, at the initial angle.
/// Returns false, and leaves the plant alone, when a parameter is out of its range.
/// Context: init.
bool amp_plant_init(struct amp_plant *plant, const struct amp_plant_parameters *parameters);

/// Let |duration_us| pass under |volts|. A longer duration than AMP_PLANT_STEP_US_MAX is cut to it;
/// volts beyond +-1e6 are limited, and 0 when they are not a number: every quantity stays finite.
/// Context: real-time. Progress: bounded (26). Cost: 15 multiplications for each bit of duration.
void amp_plant_step(struct amp_plant *plant, uint64_t duration_us, double volts);

#endif
