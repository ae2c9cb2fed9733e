#include "../device/ports/host/plant.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "check.h"

static struct amp_plant plant;

/* The parameters of a DC motor, in their order. */
struct motor {
    double resistance_ohm;
    double inductance_h;
    double torque_constant_nm_per_a;
    double inertia_kg_m2;
    double viscous_friction_nm_s;
    double load_torque_nm;
    double initial_angle_rad;
};

static bool init(const struct motor *motor) {
    struct amp_plant_config config = {.kind = AMP_PLANT_DC_MOTOR};
    memcpy(config.parameters, motor, sizeof *motor);
    return amp_plant_init(&plant, &config);
}

static struct motor motor(void) {
    return (struct motor){
        .resistance_ohm = 1.2,
        .inductance_h = 0.0015,
        .torque_constant_nm_per_a = 0.05,
        .inertia_kg_m2 = 2e-5,
        .viscous_friction_nm_s = 1e-5,
        .load_torque_nm = 0.004,
        .initial_angle_rad = 0.3,
    };
}

/* The textbook solution of the two coupled first-order equations, written with hyperbolic or
 * circular functions according to the damping; the angle by integrating that once more. */
static void closed_form(const struct motor *p, double volts, double t, double out[3]) {
    const double a = -p->resistance_ohm / p->inductance_h;
    const double b = -p->torque_constant_nm_per_a / p->inductance_h;
    const double c = p->torque_constant_nm_per_a / p->inertia_kg_m2;
    const double d = -p->viscous_friction_nm_s / p->inertia_kg_m2;
    const double determinant = a * d - b * c;
    const double force_i = volts / p->inductance_h;
    const double force_w = -p->load_torque_nm / p->inertia_kg_m2;
    const double i_end = -(d * force_i - b * force_w) / determinant;
    const double w_end = -(a * force_w - c * force_i) / determinant;
    const double alpha = (a + d) / 2.0;
    const double square = alpha * alpha - determinant;
    const double beta = sqrt(fabs(square));
    const double even = square > 0.0 ? cosh(beta * t) : cos(beta * t);
    const double odd = (square > 0.0 ? sinh(beta * t) : sin(beta * t)) / beta;
    const double decay = exp(alpha * t);
    const double i0 = -i_end;
    const double w0 = -w_end;
    const double i_free = decay * (even * i0 + odd * ((a - alpha) * i0 + b * w0));
    const double w_free = decay * (even * w0 + odd * (c * i0 + (d - alpha) * w0));
    out[0] = i_end + i_free;
    out[1] = w_end + w_free;
    /* The integral of the free response is A^-1 (x(t) - x(0)); its second row is the angle's. */
    const double di = i_free - i0;
    const double dw = w_free - w0;
    out[2] = p->initial_angle_rad + w_end * t + (-c * di + a * dw) / determinant;
}

static bool near(double value, double expected, double scale) {
    return fabs(value - expected) <= 1e-8 * scale;
}

static void check_step_response(const struct motor *p, double volts) {
    CHECK(init(p));
    for (int k = 1; k <= 400; k++) {
        amp_plant_step(&plant, 250, volts);
        double expected[3];
        closed_form(p, volts, 250e-6 * k, expected);
        CHECK(near(plant.x[0], expected[0], 10.0));
        CHECK(near(plant.x[1], expected[1], 100.0));
        CHECK(near(plant.x[2], expected[2], 10.0));
    }
}

static void test_step_response_when_underdamped(void) {
    struct motor p = motor();
    p.resistance_ohm = 0.6;
    const double rate = p.resistance_ohm / p.inductance_h;
    CHECK(rate * rate < 4.0 * p.torque_constant_nm_per_a * p.torque_constant_nm_per_a /
                            (p.inductance_h * p.inertia_kg_m2));
    check_step_response(&p, 12.0);
    check_step_response(&p, -3.5);
}

static void test_step_response_when_overdamped(void) {
    struct motor p = motor();
    p.inductance_h = 0.0002;
    p.inertia_kg_m2 = 4e-4;
    check_step_response(&p, 12.0);
}

static void test_step_response_when_stiff(void) {
    struct motor p = motor();
    p.inductance_h = 1e-6;
    p.resistance_ohm = 5.0;
    CHECK(init(&p));
    amp_plant_step(&plant, 50, 12.0);
    CHECK(fabs(plant.x[0] - 12.0 / 5.0) < 0.01);
    amp_plant_step(&plant, 10000000, 12.0);
    const double w = (12.0 * p.torque_constant_nm_per_a - p.resistance_ohm * p.load_torque_nm) /
                     (p.torque_constant_nm_per_a * p.torque_constant_nm_per_a +
                      p.resistance_ohm * p.viscous_friction_nm_s);
    CHECK(near(plant.x[1], w, fabs(w)));
}

static void test_rest_when_nothing_acts(void) {
    struct motor p = motor();
    p.load_torque_nm = 0.0;
    CHECK(init(&p));
    amp_plant_step(&plant, AMP_PLANT_STEP_US_MAX, 0.0);
    CHECK(plant.x[0] == 0.0 && plant.x[1] == 0.0);
    CHECK(plant.x[2] == 0.3);
}

static void test_load_pulls_back_when_unpowered(void) {
    const struct motor p = motor();
    CHECK(init(&p));
    amp_plant_step(&plant, 5000000, 0.0);
    CHECK(plant.x[1] < 0.0);
    CHECK(plant.x[2] < 0.3);
    CHECK(near(p.torque_constant_nm_per_a * plant.x[0],
               p.load_torque_nm + p.viscous_friction_nm_s * plant.x[1], 1.0));
}

static void test_result_when_time_is_cut_otherwise(void) {
    const struct motor p = motor();
    CHECK(init(&p));
    amp_plant_step(&plant, 1000003, 7.0);
    const double current_a = plant.x[0];
    const double angle_rad = plant.x[2];
    CHECK(init(&p));
    uint64_t left = 1000003;
    uint32_t seed = 12345;
    while (left > 0) {
        seed = seed * 1664525u + 1013904223u;
        const uint64_t part = (seed >> 16) % 700 < left ? (seed >> 16) % 700 : left;
        amp_plant_step(&plant, part, 7.0);
        left -= part;
    }
    CHECK(near(plant.x[0], current_a, 1.0));
    CHECK(near(plant.x[2], angle_rad, 100.0));
}

static void test_finite_when_volts_are_hostile(void) {
    const struct motor p = motor();
    CHECK(init(&p));
    const double volts[] = {NAN, INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, DBL_MIN / 4.0};
    for (int k = 0; k < 60000; k++) {
        amp_plant_step(&plant, 250, volts[k % 6]);
    }
    amp_plant_step(&plant, UINT64_MAX, INFINITY);
    CHECK(isfinite(plant.x[0]));
    CHECK(isfinite(plant.x[1]));
    CHECK(isfinite(plant.x[2]));
    CHECK(init(&p));
    amp_plant_step(&plant, 1000, NAN);
    const double unpowered = plant.x[2];
    CHECK(init(&p));
    amp_plant_step(&plant, 1000, 0.0);
    CHECK(plant.x[2] == unpowered);
}

static void set_corner(struct motor *p, int corner) {
    p->resistance_ohm = corner & 1 ? 1e3 : 1e-3;
    p->inductance_h = corner & 2 ? 10.0 : 1e-6;
    p->torque_constant_nm_per_a = corner & 4 ? 100.0 : 1e-5;
    p->inertia_kg_m2 = corner & 8 ? 1e3 : 1e-8;
    p->viscous_friction_nm_s = corner & 16 ? 1e3 : 0.0;
    p->load_torque_nm = corner & 32 ? 1e4 : -1e4;
}

static void test_finite_when_parameters_are_at_their_ends(void) {
    struct motor p = motor();
    for (int corner = 0; corner < 64; corner++) {
        set_corner(&p, corner);
        CHECK(init(&p));
        for (int k = 0; k < 2000; k++) {
            amp_plant_step(&plant, k % 20 == 0 ? AMP_PLANT_STEP_US_MAX : 250,
                           k % 300 < 150 ? 1e6 : -1e6);
        }
        CHECK(isfinite(plant.x[0]));
        CHECK(isfinite(plant.x[1]));
        CHECK(isfinite(plant.x[2]));
    }
}

static void test_init_refuses_when_out_of_range(void) {
    const double bad[] = {NAN, INFINITY, -1e9};
    for (int k = 0; k < 3; k++) {
        for (size_t field = 0; field < sizeof(struct motor) / sizeof(double); field++) {
            struct motor p = motor();
            double *const fields[] = {&p.resistance_ohm,           &p.inductance_h,
                                      &p.torque_constant_nm_per_a, &p.inertia_kg_m2,
                                      &p.viscous_friction_nm_s,    &p.load_torque_nm,
                                      &p.initial_angle_rad};
            *fields[field] = bad[k];
            plant.x[2] = 77.0;
            CHECK(!init(&p));
            CHECK(plant.x[2] == 77.0);
        }
    }
}

int main(void) {
    RUN(test_step_response_when_underdamped);
    RUN(test_step_response_when_overdamped);
    RUN(test_step_response_when_stiff);
    RUN(test_rest_when_nothing_acts);
    RUN(test_load_pulls_back_when_unpowered);
    RUN(test_result_when_time_is_cut_otherwise);
    RUN(test_finite_when_volts_are_hostile);
    RUN(test_finite_when_parameters_are_at_their_ends);
    RUN(test_init_refuses_when_out_of_range);
    return CHECK_DONE();
}
