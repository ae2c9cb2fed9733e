#include "plant.h"

#define STEP_US 1000u

/* The motor of the board `loopback`, as seen at the output shaft. */
static const float RESISTANCE_OHM = 2.4f;
static const float INDUCTANCE_H = 0.0012f;
static const float TORQUE_NM_PER_A = 0.25f; /* and V per rad/s */
static const float INERTIA_KG_M2 = 0.0006f;
static const float FRICTION_NM_S = 0.0008f;

/* The current is solved for at the end of the step, so no step is too long for it to be stable. */
static void step(struct motor *motor, float dt_s, float voltage) {
    const float drive_v = voltage - TORQUE_NM_PER_A * motor->speed_rad_s;
    const float per_henry = dt_s / INDUCTANCE_H;
    motor->current_a =
        (motor->current_a + per_henry * drive_v) / (1.0f + per_henry * RESISTANCE_OHM);
    const float torque_nm = TORQUE_NM_PER_A * motor->current_a - FRICTION_NM_S * motor->speed_rad_s;
    motor->speed_rad_s += dt_s * torque_nm / INERTIA_KG_M2;
    motor->position_rad += dt_s * motor->speed_rad_s;
}

void motor_step(struct motor *motor, uint32_t duration_us, float voltage) {
    while (duration_us > 0) {
        const uint32_t part_us = duration_us < STEP_US ? duration_us : STEP_US;
        step(motor, (float)part_us * 1e-6f, voltage);
        duration_us -= part_us;
    }
}
