#include "plant.h"

#define SQUARE AMP_PLANT_COLUMNS
#define TAYLOR_TERMS 16
#define HALVINGS_MAX 64
#define VOLTS_MAX 1e6

static bool within(double value, double low, double high) {
    return value >= low && value <= high;
}

static bool parameters_valid(const struct amp_plant_parameters *p) {
    return within(p->resistance_ohm, 1e-3, 1e3) && within(p->inductance_h, 1e-6, 10.0) &&
           within(p->torque_constant_nm_per_a, 1e-5, 100.0) &&
           within(p->inertia_kg_m2, 1e-8, 1e3) && within(p->viscous_friction_nm_s, 0.0, 1e3) &&
           within(p->load_torque_nm, -1e4, 1e4) && within(p->initial_angle_rad, -1e6, 1e6);
}

static void multiply(double out[SQUARE][SQUARE], double left[SQUARE][SQUARE],
                     double right[SQUARE][SQUARE]) {
    double product[SQUARE][SQUARE];
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            double sum = 0.0;
            for (int k = 0; k < SQUARE; k++) {
                sum += left[row][k] * right[k][column];
            }
            product[row][column] = sum;
        }
    }
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            out[row][column] = product[row][column];
        }
    }
}

static double largest_row_sum(double matrix[SQUARE][SQUARE]) {
    double largest = 0.0;
    for (int row = 0; row < SQUARE; row++) {
        double sum = 0.0;
        for (int column = 0; column < SQUARE; column++) {
            const double entry = matrix[row][column];
            sum += entry < 0.0 ? -entry : entry;
        }
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

static void scale(double matrix[SQUARE][SQUARE], double factor) {
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            matrix[row][column] *= factor;
        }
    }
}

static void set_identity(double matrix[SQUARE][SQUARE]) {
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            matrix[row][column] = row == column ? 1.0 : 0.0;
        }
    }
}

static void exponential(double out[SQUARE][SQUARE], double matrix[SQUARE][SQUARE]) {
    int halvings = 0;
    while (largest_row_sum(matrix) > 0.25 && halvings < HALVINGS_MAX) {
        scale(matrix, 0.5);
        halvings++;
    }
    double term[SQUARE][SQUARE];
    set_identity(out);
    set_identity(term);
    for (int k = 1; k <= TAYLOR_TERMS; k++) {
        multiply(term, term, matrix);
        scale(term, 1.0 / k);
        for (int row = 0; row < SQUARE; row++) {
            for (int column = 0; column < SQUARE; column++) {
                out[row][column] += term[row][column];
            }
        }
    }
    for (int k = 0; k < halvings; k++) {
        multiply(out, out, out);
    }
}

static void equations(double out[SQUARE][SQUARE], const struct amp_plant_parameters *p) {
    const double rows[AMP_PLANT_STATES][SQUARE] = {
        {-p->resistance_ohm / p->inductance_h, -p->torque_constant_nm_per_a / p->inductance_h, 0.0,
         1.0 / p->inductance_h, 0.0},
        {p->torque_constant_nm_per_a / p->inertia_kg_m2,
         -p->viscous_friction_nm_s / p->inertia_kg_m2, 0.0, 0.0, -1.0 / p->inertia_kg_m2},
        {0.0, 1.0, 0.0, 0.0, 0.0},
    };
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            out[row][column] = row < AMP_PLANT_STATES ? rows[row][column] : 0.0;
        }
    }
}

bool amp_plant_init(struct amp_plant *plant, const struct amp_plant_parameters *parameters) {
    if (!parameters_valid(parameters)) {
        return false;
    }
    double matrix[SQUARE][SQUARE];
    double transition[SQUARE][SQUARE];
    equations(matrix, parameters);
    scale(matrix, 1e-6);
    exponential(transition, matrix);
    for (int k = 0; k < AMP_PLANT_TRANSITIONS; k++) {
        for (int row = 0; row < AMP_PLANT_STATES; row++) {
            for (int column = 0; column < SQUARE; column++) {
                plant->transitions[k][row][column] = transition[row][column];
            }
        }
        multiply(transition, transition, transition);
    }
    plant->current_a = 0.0;
    plant->speed_rad_per_s = 0.0;
    plant->angle_rad = parameters->initial_angle_rad;
    plant->load_torque_nm = parameters->load_torque_nm;
    return true;
}

static double limited(double volts) {
    if (volts != volts) {
        return 0.0;
    }
    return volts < -VOLTS_MAX ? -VOLTS_MAX : (volts > VOLTS_MAX ? VOLTS_MAX : volts);
}

void amp_plant_step(struct amp_plant *plant, uint64_t duration_us, double volts) {
    const uint64_t duration =
        duration_us < AMP_PLANT_STEP_US_MAX ? duration_us : AMP_PLANT_STEP_US_MAX;
    const double inputs[2] = {limited(volts), plant->load_torque_nm};
    double x[AMP_PLANT_STATES] = {plant->current_a, plant->speed_rad_per_s, plant->angle_rad};
    for (int k = 0; k < AMP_PLANT_TRANSITIONS; k++) {
        if ((duration >> k & 1) == 0) {
            continue;
        }
        double next[AMP_PLANT_STATES];
        for (int row = 0; row < AMP_PLANT_STATES; row++) {
            const double *const t = plant->transitions[k][row];
            next[row] =
                t[0] * x[0] + t[1] * x[1] + t[2] * x[2] + t[3] * inputs[0] + t[4] * inputs[1];
        }
        x[0] = next[0];
        x[1] = next[1];
        x[2] = next[2];
    }
    plant->current_a = x[0];
    plant->speed_rad_per_s = x[1];
    plant->angle_rad = x[2];
}
