/* plant.h: what the loopback device drives: one input, up to four quantities that it can sense.
 *
 * All kinds but the cart-pole are linear, and their input stands still between two calls, so each
 * step is the exact solution, not an approximation: init() computes the change over 1, 2, 4, ... us,
 * and a step of n us applies those whose bits n has. No step is too long to be stable. The
 * cart-pole is in cart_pole.h.
 *
 * Sources: R. C. Dorf, R. H. Bishop, "Modern Control Systems" (armature-controlled DC motor, spring
 * and damper, thermal systems); C. Moler, C. Van Loan, "Nineteen Dubious Ways to Compute the
 * Exponential of a Matrix" (scaling and squaring).
 */
#ifndef AMP_PLANT_H
#define AMP_PLANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Linear plants. States: at most 3. Inputs: the one that the device drives, and a constant one.
#define AMP_PLANT_STATES 3
#define AMP_PLANT_COLUMNS 5
/// Transitions kept: 1 us to 2^25 us.
#define AMP_PLANT_TRANSITIONS 26
/// Longest step, us: about 67 s.
#define AMP_PLANT_STEP_US_MAX 67108863
#define AMP_PLANT_PARAMETERS_MAX 8
#define AMP_PLANT_QUANTITIES_MAX 4

/// Each with its equations, its parameters in order with their ranges, and its quantities x in order.
/// u is the input.
enum amp_plant_kind {
    /* inductance * di/dt = u - resistance * i - torque_constant * w        (back-EMF)
     * inertia    * dw/dt = torque_constant * i - viscous_friction * w - load_torque
     *              da/dt = w
     * Parameters: resistance_ohm [1e-3, 1e3], inductance_h [1e-6, 10], torque_constant_nm_per_a
     * [1e-5, 100], inertia_kg_m2 [1e-8, 1e3], viscous_friction_nm_s [0, 1e3], load_torque_nm
     * [-1e4, 1e4], initial_angle_rad [-1e6, 1e6]. x: current A, speed rad/s, position rad. */
    AMP_PLANT_DC_MOTOR = 0,
    /* time_constant * dy/dt = gain * u - y
     * Parameters: gain [-1e6, 1e6], time_constant_s [1e-4, 1e6], initial [-1e6, 1e6]. x: output. */
    AMP_PLANT_FIRST_ORDER = 1,
    /* mass * d2p/dt2 = u - load_force
     * Parameters: mass_kg [1e-6, 1e6], load_force_n [-1e6, 1e6], initial_position_m [-1e6, 1e6],
     * initial_speed_m_per_s [-1e4, 1e4]. x: position m, speed m/s. */
    AMP_PLANT_DOUBLE_INTEGRATOR = 2,
    /* mass * d2p/dt2 = u - stiffness * p - damping * dp/dt - load_force
     * Parameters: mass_kg [1e-3, 1e6], stiffness_n_per_m [0, 1e6], damping_n_s_per_m [0, 1e6],
     * load_force_n [-1e6, 1e6], initial_position_m [-1e6, 1e6], initial_speed_m_per_s [-1e4, 1e4].
     * x: position m, speed m/s. */
    AMP_PLANT_MASS_SPRING_DAMPER = 3,
    /* heat_capacity * dT/dt = u - (T - ambient) / thermal_resistance
     * Parameters: heat_capacity_j_per_k [1e-3, 1e9], thermal_resistance_k_per_w [1e-6, 1e6],
     * ambient_degc [-273.15, 1e4], initial_degc [-273.15, 1e4]. x: temperature degC. */
    AMP_PLANT_THERMAL = 4,
    /* cart_pole.h. Parameters: cart_mass_kg [1e-3, 1e4], pole_mass_kg [1e-4, 1e4], pole_length_m
     * [1e-2, 100], cart_friction_n_s_per_m [0, 1e6], pole_friction_nm_s [0, 1e6],
     * initial_position_m [-1e3, 1e3], initial_angle_rad [-10, 10].
     * x: position m, speed m/s, angle rad, angular_speed rad/s. */
    AMP_PLANT_CART_POLE = 5,
    AMP_PLANT_KIND_COUNT = 6,
};

struct amp_plant_config {
    uint32_t kind; /* enum amp_plant_kind */
    double parameters[AMP_PLANT_PARAMETERS_MAX];
};

/// The caller owns it. Read the quantities, write nothing.
struct amp_plant {
    double x[AMP_PLANT_QUANTITIES_MAX];
    struct amp_plant_config config;
    double constant; /* the other input: load or ambient */
    double transitions[AMP_PLANT_TRANSITIONS][AMP_PLANT_STATES][AMP_PLANT_COLUMNS];
};

/// How many quantities a kind has; 0 for no kind.
/// Context: any.
uint32_t amp_plant_quantities(uint32_t kind);

/// At its initial position, temperature or output, and at rest where no initial speed is given.
/// Returns false, and leaves the plant alone, when a parameter is out of its range.
/// Context: init.
bool amp_plant_init(struct amp_plant *plant, const struct amp_plant_config *config);

/// Let |duration_us| pass under |input|. A longer duration than AMP_PLANT_STEP_US_MAX is cut to it;
/// an input beyond +-1e6 is limited, and 0 when it is not a number: every quantity stays finite.
/// Context: real-time. Progress: bounded (26; of a cart-pole 134218). Cost: 15 multiplications for
/// each bit of duration; of a cart-pole 8 sines for each 500 us.
void amp_plant_step(struct amp_plant *plant, uint64_t duration_us, double input);

#endif
