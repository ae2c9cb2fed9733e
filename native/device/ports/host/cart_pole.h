/* cart_pole.h: a cart on a track with a pole that stands on it, or falls.
 *
 * The pole is a point mass m at length l above the cart's pivot, a its angle from upright, x the
 * cart's position, u the force on the cart, c and d the frictions of cart and pivot:
 *
 *     (M + m) x'' + m l cos(a) a'' - m l sin(a) a'^2 = u - c x'
 *         m l cos(a) x'' + m l^2 a'' - m g l sin(a)  = -d a'
 *
 * Both solved for x'' and a'', and integrated by the classic fourth-order Runge-Kutta rule in steps of
 * 500 us and a rest. The rule is stable while a rate times the step is below 2.78: every linear rate
 * of the plant may be 1000 per s at most, of which 500 us makes 0.5.
 *
 * Source: K. J. Astrom, R. M. Murray, "Feedback Systems", 2nd ed., ch. 3 (balance systems).
 */
#ifndef AMP_CART_POLE_H
#define AMP_CART_POLE_H

#include <stdbool.h>
#include <stdint.h>

#define AMP_CART_POLE_STEP_US 500

/// In the order and the ranges of AMP_PLANT_CART_POLE.
struct amp_cart_pole_parameters {
    double cart_mass_kg;
    double pole_mass_kg;
    double pole_length_m;
    double cart_friction_n_s_per_m;
    double pole_friction_nm_s;
    double initial_position_m;
    double initial_angle_rad;
};

/// False when a rate, friction over mass, is above 1000 per s: the fixed step could not follow it.
/// Context: init.
bool amp_cart_pole_slow_enough(const struct amp_cart_pole_parameters *parameters);

/// Let |duration_us| pass under |force_n|; |x| is position, speed, angle, angular speed.
/// Context: real-time. Progress: bounded (duration). Cost: 8 sines for each 500 us.
void amp_cart_pole_step(const struct amp_cart_pole_parameters *parameters, double *x,
                        uint64_t duration_us, double force_n);

#endif
