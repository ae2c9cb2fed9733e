#include "plant.h"

#include "cart_pole.h"
#include "exponential.h"

#define SQUARE AMP_EXPONENTIAL_SIZE
#define INPUT_MAX 1e6

/* The columns of the equations behind those of the states. */
#define INPUT 3
#define CONSTANT 4

struct range {
    double low;
    double high;
};

struct kind {
    uint32_t quantity_count;
    uint32_t parameter_count;
    struct range ranges[AMP_PLANT_PARAMETERS_MAX];
};

static const struct kind kinds[AMP_PLANT_KIND_COUNT] = {
    [AMP_PLANT_DC_MOTOR] = {3,
                            7,
                            {{1e-3, 1e3},
                             {1e-6, 10.0},
                             {1e-5, 100.0},
                             {1e-8, 1e3},
                             {0.0, 1e3},
                             {-1e4, 1e4},
                             {-1e6, 1e6}}},
    [AMP_PLANT_FIRST_ORDER] = {1, 3, {{-1e6, 1e6}, {1e-4, 1e6}, {-1e6, 1e6}}},
    [AMP_PLANT_DOUBLE_INTEGRATOR] = {2, 4, {{1e-6, 1e6}, {-1e6, 1e6}, {-1e6, 1e6}, {-1e4, 1e4}}},
    [AMP_PLANT_MASS_SPRING_DAMPER] =
        {2, 6, {{1e-3, 1e6}, {0.0, 1e6}, {0.0, 1e6}, {-1e6, 1e6}, {-1e6, 1e6}, {-1e4, 1e4}}},
    [AMP_PLANT_THERMAL] = {1, 4, {{1e-3, 1e9}, {1e-6, 1e6}, {-273.15, 1e4}, {-273.15, 1e4}}},
    [AMP_PLANT_CART_POLE] = {4,
                             7,
                             {{1e-3, 1e4},
                              {1e-4, 1e4},
                              {1e-2, 100.0},
                              {0.0, 1e6},
                              {0.0, 1e6},
                              {-1e3, 1e3},
                              {-10.0, 10.0}}},
};

uint32_t amp_plant_quantities(uint32_t kind) {
    return kind < AMP_PLANT_KIND_COUNT ? kinds[kind].quantity_count : 0;
}

static struct amp_cart_pole_parameters cart_pole(const double *p) {
    return (struct amp_cart_pole_parameters){
        .cart_mass_kg = p[0],
        .pole_mass_kg = p[1],
        .pole_length_m = p[2],
        .cart_friction_n_s_per_m = p[3],
        .pole_friction_nm_s = p[4],
        .initial_position_m = p[5],
        .initial_angle_rad = p[6],
    };
}

static bool config_valid(const struct amp_plant_config *config) {
    if (config->kind >= AMP_PLANT_KIND_COUNT) {
        return false;
    }
    const struct kind *const kind = &kinds[config->kind];
    for (uint32_t index = 0; index < kind->parameter_count; index++) {
        const double value = config->parameters[index];
        if (!(value >= kind->ranges[index].low && value <= kind->ranges[index].high)) {
            return false;
        }
    }
    const struct amp_cart_pole_parameters pole = cart_pole(config->parameters);
    return config->kind != AMP_PLANT_CART_POLE || amp_cart_pole_slow_enough(&pole);
}

/* dx/dt as rows over x, the input and the constant input, into zeros; returns the constant input. */
static double equations(double out[SQUARE][SQUARE], const struct amp_plant_config *config) {
    const double *const p = config->parameters;
    switch (config->kind) {
    case AMP_PLANT_DC_MOTOR:
        out[0][0] = -p[0] / p[1];
        out[0][1] = -p[2] / p[1];
        out[0][INPUT] = 1.0 / p[1];
        out[1][0] = p[2] / p[3];
        out[1][1] = -p[4] / p[3];
        out[1][CONSTANT] = -1.0 / p[3];
        out[2][1] = 1.0;
        return p[5];
    case AMP_PLANT_FIRST_ORDER:
        out[0][0] = -1.0 / p[1];
        out[0][INPUT] = p[0] / p[1];
        return 0.0;
    case AMP_PLANT_DOUBLE_INTEGRATOR:
        out[0][1] = 1.0;
        out[1][INPUT] = 1.0 / p[0];
        out[1][CONSTANT] = -1.0 / p[0];
        return p[1];
    case AMP_PLANT_MASS_SPRING_DAMPER:
        out[0][1] = 1.0;
        out[1][0] = -p[1] / p[0];
        out[1][1] = -p[2] / p[0];
        out[1][INPUT] = 1.0 / p[0];
        out[1][CONSTANT] = -1.0 / p[0];
        return p[3];
    default:
        out[0][0] = -1.0 / (p[0] * p[1]);
        out[0][INPUT] = 1.0 / p[0];
        out[0][CONSTANT] = 1.0 / (p[0] * p[1]);
        return p[2];
    }
}

static void set_initial(struct amp_plant *plant) {
    const double *const p = plant->config.parameters;
    double *const x = plant->x;
    for (int index = 0; index < AMP_PLANT_QUANTITIES_MAX; index++) {
        x[index] = 0.0;
    }
    switch (plant->config.kind) {
    case AMP_PLANT_DC_MOTOR:
        x[2] = p[6];
        break;
    case AMP_PLANT_FIRST_ORDER:
        x[0] = p[2];
        break;
    case AMP_PLANT_DOUBLE_INTEGRATOR:
        x[0] = p[2];
        x[1] = p[3];
        break;
    case AMP_PLANT_MASS_SPRING_DAMPER:
        x[0] = p[4];
        x[1] = p[5];
        break;
    case AMP_PLANT_THERMAL:
        x[0] = p[3];
        break;
    default:
        x[0] = p[5];
        x[2] = p[6];
        break;
    }
}

static void set_transitions(struct amp_plant *plant) {
    double matrix[SQUARE][SQUARE] = {{0.0}};
    double change[SQUARE][SQUARE];
    plant->constant = equations(matrix, &plant->config);
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            matrix[row][column] *= 1e-6;
        }
    }
    amp_exponential(change, matrix);
    for (int k = 0; k < AMP_PLANT_TRANSITIONS; k++) {
        for (int row = 0; row < AMP_PLANT_STATES; row++) {
            for (int column = 0; column < SQUARE; column++) {
                plant->transitions[k][row][column] = change[row][column];
            }
        }
        amp_exponential_twice(change);
    }
}

bool amp_plant_init(struct amp_plant *plant, const struct amp_plant_config *config) {
    if (!config_valid(config)) {
        return false;
    }
    plant->config = *config;
    set_initial(plant);
    if (config->kind != AMP_PLANT_CART_POLE) {
        set_transitions(plant);
    }
    return true;
}

static double limited(double input) {
    if (input != input) {
        return 0.0;
    }
    return input < -INPUT_MAX ? -INPUT_MAX : (input > INPUT_MAX ? INPUT_MAX : input);
}

void amp_plant_step(struct amp_plant *plant, uint64_t duration_us, double input) {
    const uint64_t duration =
        duration_us < AMP_PLANT_STEP_US_MAX ? duration_us : AMP_PLANT_STEP_US_MAX;
    const double inputs[2] = {limited(input), plant->constant};
    double *const x = plant->x;
    if (plant->config.kind == AMP_PLANT_CART_POLE) {
        const struct amp_cart_pole_parameters pole = cart_pole(plant->config.parameters);
        amp_cart_pole_step(&pole, x, duration, inputs[0]);
        return;
    }
    for (int k = 0; k < AMP_PLANT_TRANSITIONS; k++) {
        if ((duration >> k & 1) == 0) {
            continue;
        }
        double next[AMP_PLANT_STATES];
        for (int row = 0; row < AMP_PLANT_STATES; row++) {
            const double *const t = plant->transitions[k][row];
            next[row] = x[row] + (t[0] * x[0] + t[1] * x[1] + t[2] * x[2] + t[3] * inputs[0] +
                                  t[4] * inputs[1]);
        }
        x[0] = next[0];
        x[1] = next[1];
        x[2] = next[2];
    }
}
