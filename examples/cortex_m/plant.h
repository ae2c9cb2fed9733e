/* plant.h: a DC motor, simulated on the microcontroller itself: what stands for the other side. */
#ifndef PLANT_H
#define PLANT_H

#include <stdint.h>

struct motor {
    float current_a;
    float speed_rad_s;
    float position_rad;
};

/// Let |duration_us| pass under |voltage|, in steps of at most 1 ms.
void motor_step(struct motor *motor, uint32_t duration_us, float voltage);

#endif
