#include "../device/ports/host/cart_pole.h"
#include "../device/ports/host/plant.h"

#include <math.h>

#include "check.h"

static struct amp_plant plant;

static const struct amp_plant_config oscillator = {
    .kind = AMP_PLANT_MASS_SPRING_DAMPER,
    .parameters = {0.5, 200.0, 0.0, 0.0, 0.1, 0.0},
};

static const struct amp_plant_config pole = {
    .kind = AMP_PLANT_CART_POLE,
    .parameters = {1.0, 0.2, 0.5, 0.0, 0.0, 0.0, 0.3},
};

static void test_first_order_answers_a_step_as_the_book_says(void) {
    const struct amp_plant_config config = {
        .kind = AMP_PLANT_FIRST_ORDER,
        .parameters = {2.0, 0.05, 1.0},
    };
    CHECK(amp_plant_init(&plant, &config));
    for (int k = 1; k <= 1000; k++) {
        amp_plant_step(&plant, 251, 3.0);
        CHECK(fabs(plant.x[0] - (6.0 - 5.0 * exp(-k * 251e-6 / 0.05))) < 1e-12);
    }
}

static void test_double_integrator_falls_in_a_parabola(void) {
    const struct amp_plant_config config = {
        .kind = AMP_PLANT_DOUBLE_INTEGRATOR,
        .parameters = {2.0, 1.0, 0.5, -1.0},
    };
    CHECK(amp_plant_init(&plant, &config));
    for (int k = 1; k <= 1000; k++) {
        const double t = k * 250e-6;
        amp_plant_step(&plant, 250, 5.0);
        CHECK(fabs(plant.x[0] - (0.5 - t + 0.5 * 2.0 * t * t)) < 1e-12);
        CHECK(fabs(plant.x[1] - (-1.0 + 2.0 * t)) < 1e-12);
    }
}

static void test_thermal_rests_at_the_ambient_and_heats_by_its_resistance(void) {
    const struct amp_plant_config config = {
        .kind = AMP_PLANT_THERMAL,
        .parameters = {50.0, 2.0, 20.0, 20.0},
    };
    CHECK(amp_plant_init(&plant, &config));
    amp_plant_step(&plant, 60000000, 0.0);
    CHECK(fabs(plant.x[0] - 20.0) < 1e-9);
    amp_plant_step(&plant, 30000000, 15.0);
    CHECK(fabs(plant.x[0] - (50.0 - 30.0 * exp(-0.3))) < 1e-9);
    for (int k = 0; k < 60; k++) {
        amp_plant_step(&plant, 60000000, 15.0);
    }
    CHECK(fabs(plant.x[0] - 50.0) < 1e-9);
}

static void test_spring_without_damping_keeps_its_energy(void) {
    CHECK(amp_plant_init(&plant, &oscillator));
    for (int k = 0; k < 4000 * 60; k++) {
        amp_plant_step(&plant, 250, 0.0);
        const double energy =
            0.5 * 200.0 * plant.x[0] * plant.x[0] + 0.25 * plant.x[1] * plant.x[1];
        CHECK(fabs(energy - 1.0) < 1e-8);
    }
}

static double energy_of_pole(const double *x) {
    const double speed_x = x[1] + 0.5 * cos(x[2]) * x[3];
    const double speed_y = -0.5 * sin(x[2]) * x[3];
    return 0.5 * x[1] * x[1] + 0.1 * (speed_x * speed_x + speed_y * speed_y) +
           0.2 * 9.80665 * 0.5 * cos(x[2]);
}

static void test_cart_pole_without_friction_keeps_energy_and_momentum(void) {
    CHECK(amp_plant_init(&plant, &pole));
    const double begin = energy_of_pole(plant.x);
    for (int k = 0; k < 4000 * 60; k++) {
        amp_plant_step(&plant, 250, 0.0);
        CHECK(fabs(energy_of_pole(plant.x) - begin) < 1e-9);
        CHECK(fabs(1.2 * plant.x[1] + 0.1 * cos(plant.x[2]) * plant.x[3]) < 1e-9);
    }
}

static void test_cart_pole_falls_and_swings_to_rest_below(void) {
    struct amp_plant_config damped = pole;
    damped.parameters[3] = 0.5;
    damped.parameters[4] = 0.02;
    CHECK(amp_plant_init(&plant, &damped));
    for (int k = 0; k < 4000 * 40; k++) {
        amp_plant_step(&plant, 250, 0.0);
    }
    CHECK(fabs(cos(plant.x[2]) + 1.0) < 1e-6);
    CHECK(fabs(plant.x[1]) < 1e-4);
    CHECK(fabs(plant.x[3]) < 1e-4);
}

static void test_cart_pole_that_is_too_quick_for_its_step_is_refused(void) {
    struct amp_plant_config config = pole;
    config.parameters[3] = 1000.1;
    CHECK(!amp_plant_init(&plant, &config));
    config.parameters[3] = 999.0;
    CHECK(amp_plant_init(&plant, &config));
    config.parameters[4] = 0.2 * 0.25 * 1000.0;
    CHECK(!amp_plant_init(&plant, &config));
    config.parameters[4] = 0.2 * 0.25 * 1000.0 / 1.3;
    CHECK(amp_plant_init(&plant, &config));
}

/* The ends of every range, all together low, all together high, and every other one. */
static void test_finite_when_parameters_are_at_their_ends(void) {
    const double ends[AMP_PLANT_KIND_COUNT][AMP_PLANT_PARAMETERS_MAX][2] = {
        [AMP_PLANT_FIRST_ORDER] = {{-1e6, 1e6}, {1e-4, 1e6}, {-1e6, 1e6}},
        [AMP_PLANT_DOUBLE_INTEGRATOR] = {{1e-6, 1e6}, {-1e6, 1e6}, {-1e6, 1e6}, {-1e4, 1e4}},
        [AMP_PLANT_MASS_SPRING_DAMPER] =
            {{1e-3, 1e6}, {0.0, 1e6}, {0.0, 1e6}, {-1e6, 1e6}, {-1e6, 1e6}, {-1e4, 1e4}},
        [AMP_PLANT_THERMAL] = {{1e-3, 1e9}, {1e-6, 1e6}, {-273.15, 1e4}, {-273.15, 1e4}},
    };
    for (uint32_t kind = AMP_PLANT_FIRST_ORDER; kind <= AMP_PLANT_THERMAL; kind++) {
        for (uint32_t corner = 0; corner < 64; corner++) {
            struct amp_plant_config config = {.kind = kind};
            for (uint32_t index = 0; index < 6; index++) {
                config.parameters[index] = ends[kind][index][corner >> index & 1];
            }
            CHECK(amp_plant_init(&plant, &config));
            for (int k = 0; k < 2000; k++) {
                amp_plant_step(&plant, k % 20 == 0 ? AMP_PLANT_STEP_US_MAX : 250,
                               k % 300 < 150 ? 1e6 : -1e6);
            }
            for (uint32_t index = 0; index < amp_plant_quantities(kind); index++) {
                CHECK(fabs(plant.x[index]) < 1e30);
            }
        }
    }
}

static void test_cart_pole_is_finite_when_pushed_without_measure(void) {
    struct amp_plant_config light = pole;
    light.parameters[0] = 1e-3;
    light.parameters[1] = 1e-4;
    CHECK(amp_plant_init(&plant, &light));
    for (int k = 0; k < 20000; k++) {
        amp_plant_step(&plant, 250, k % 300 < 150 ? 1e6 : (k % 2 == 0 ? NAN : -INFINITY));
        for (uint32_t index = 0; index < 4; index++) {
            CHECK(isfinite(plant.x[index]));
        }
    }
}

static void test_init_refuses_unknown_kinds_and_numbers_out_of_range(void) {
    struct amp_plant_config config = pole;
    config.kind = AMP_PLANT_KIND_COUNT;
    CHECK(!amp_plant_init(&plant, &config));
    CHECK(amp_plant_quantities(AMP_PLANT_KIND_COUNT) == 0);
    CHECK(amp_plant_quantities(AMP_PLANT_CART_POLE) == 4);
    config = oscillator;
    config.parameters[1] = NAN;
    CHECK(!amp_plant_init(&plant, &config));
    config.parameters[1] = -0.1;
    CHECK(!amp_plant_init(&plant, &config));
}

int main(void) {
    RUN(test_first_order_answers_a_step_as_the_book_says);
    RUN(test_double_integrator_falls_in_a_parabola);
    RUN(test_thermal_rests_at_the_ambient_and_heats_by_its_resistance);
    RUN(test_spring_without_damping_keeps_its_energy);
    RUN(test_cart_pole_without_friction_keeps_energy_and_momentum);
    RUN(test_cart_pole_falls_and_swings_to_rest_below);
    RUN(test_cart_pole_that_is_too_quick_for_its_step_is_refused);
    RUN(test_finite_when_parameters_are_at_their_ends);
    RUN(test_cart_pole_is_finite_when_pushed_without_measure);
    RUN(test_init_refuses_unknown_kinds_and_numbers_out_of_range);
    return CHECK_DONE();
}
