#include "sensor.h"

#define NUMBERS 12
#define LARGEST 1e12
#define MULTIPLIER 6364136223846793005u
#define WHOLE_MAX 9007199254740992.0 /* 2^53: a larger double is a whole number anyway */

static bool in_range(double value) {
    return value >= 0.0 && value <= LARGEST;
}

bool amp_sensor_init(struct amp_sensor *sensor, const struct amp_sensor_config *config,
                     uint32_t stream) {
    if (!in_range(config->noise_rms) || !in_range(config->resolution)) {
        return false;
    }
    sensor->config = *config;
    sensor->state = 0;
    sensor->increment = (uint64_t)stream << 1 | 1;
    (void)amp_sensor_random(sensor);
    sensor->state += config->seed;
    (void)amp_sensor_random(sensor);
    return true;
}

uint32_t amp_sensor_random(struct amp_sensor *sensor) {
    const uint64_t state = sensor->state;
    sensor->state = state * MULTIPLIER + sensor->increment;
    const uint32_t mixed = (uint32_t)((state >> 18 ^ state) >> 27);
    const uint32_t turn = (uint32_t)(state >> 59);
    return mixed >> turn | mixed << (-turn & 31);
}

static double gaussian(struct amp_sensor *sensor) {
    double sum = 0.0;
    for (int index = 0; index < NUMBERS; index++) {
        sum += ((double)amp_sensor_random(sensor) + 0.5) / 4294967296.0;
    }
    return sum - NUMBERS / 2.0;
}

static double nearest_whole(double value) {
    if (!(value < WHOLE_MAX && value > -WHOLE_MAX)) {
        return value;
    }
    return (double)(int64_t)(value < 0.0 ? value - 0.5 : value + 0.5);
}

double amp_sensor_read(struct amp_sensor *sensor, double value) {
    const struct amp_sensor_config *const config = &sensor->config;
    const double noisy =
        config->noise_rms == 0.0 ? value : value + config->noise_rms * gaussian(sensor);
    return config->resolution == 0.0
               ? noisy
               : nearest_whole(noisy / config->resolution) * config->resolution;
}
