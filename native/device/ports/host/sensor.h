/* sensor.h: what a real sensor adds to the truth: noise that repeats, and steps.
 *
 * The noise is white and Gaussian to within what twelve uniform numbers make of it (their sum, less
 * its mean, has a standard deviation of exactly 1 and never exceeds 6). The numbers are those of
 * PCG32: a seed gives the same noise on every machine, and each value of a device its own stream.
 *
 * Source: M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms
 * for Random Number Generation" (2014).
 */
#ifndef AMP_SENSOR_H
#define AMP_SENSOR_H

#include <stdbool.h>
#include <stdint.h>

struct amp_sensor_config {
    uint64_t seed;
    double noise_rms;  /* [0, 1e12], in the unit of the value; 0: none */
    double resolution; /* [0, 1e12]: the value is a whole multiple of it; 0: as it is */
};

/// The caller owns it.
struct amp_sensor {
    struct amp_sensor_config config;
    uint64_t state;
    uint64_t increment;
};

/// |stream| tells sensors of one seed apart. Returns false when a number is out of its range.
/// Context: init.
bool amp_sensor_init(struct amp_sensor *sensor, const struct amp_sensor_config *config,
                     uint32_t stream);

/// The next 32 random bits.
/// Context: real-time. Progress: wait-free.
uint32_t amp_sensor_random(struct amp_sensor *sensor);

/// What the sensor says of |value|. Without noise no random number is used.
/// Context: real-time. Progress: bounded (12).
double amp_sensor_read(struct amp_sensor *sensor, double value);

#endif
