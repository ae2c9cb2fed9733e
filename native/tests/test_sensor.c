#include "../device/ports/host/sensor.h"

#include <math.h>

#include "check.h"

static struct amp_sensor sensor;

static void begin(double noise_rms, double resolution) {
    const struct amp_sensor_config config = {42, noise_rms, resolution};
    CHECK(amp_sensor_init(&sensor, &config, 3));
}

/* The numbers that the author of PCG32 publishes for seed 42 and stream 54. */
static void test_numbers_are_the_published_ones(void) {
    const struct amp_sensor_config config = {42, 1.0, 0.0};
    const uint32_t expected[] = {0xa15c02b7u, 0x7b47f409u, 0xba1d3330u,
                                 0x83d2f293u, 0xbfa4784bu, 0xcbed606eu};
    CHECK(amp_sensor_init(&sensor, &config, 54));
    for (size_t index = 0; index < 6; index++) {
        CHECK(amp_sensor_random(&sensor) == expected[index]);
    }
}

static void test_noise_has_the_power_that_was_asked_for(void) {
    begin(0.5, 0.0);
    const int count = 200000;
    double sum = 0.0;
    double squares = 0.0;
    double next = 0.0;
    double before = 0.0;
    for (int k = 0; k < count; k++) {
        const double noise = amp_sensor_read(&sensor, 2.0) - 2.0;
        CHECK(fabs(noise) <= 3.0);
        sum += noise;
        squares += noise * noise;
        next += noise * before;
        before = noise;
    }
    CHECK(fabs(sum / count) < 0.01);
    CHECK(fabs(sqrt(squares / count) - 0.5) < 0.01);
    CHECK(fabs(next / count) < 0.01);
}

static void test_same_seed_gives_the_same_noise_and_another_stream_another(void) {
    struct amp_sensor again;
    struct amp_sensor other;
    const struct amp_sensor_config config = {42, 0.5, 0.0};
    begin(0.5, 0.0);
    CHECK(amp_sensor_init(&again, &config, 3));
    CHECK(amp_sensor_init(&other, &config, 4));
    int equal = 0;
    for (int k = 0; k < 1000; k++) {
        const double value = amp_sensor_read(&sensor, 1.0);
        CHECK(amp_sensor_read(&again, 1.0) == value);
        equal += amp_sensor_read(&other, 1.0) == value;
    }
    CHECK(equal < 3);
}

static void test_resolution_rounds_to_the_nearest_step(void) {
    begin(0.0, 0.25);
    CHECK(amp_sensor_read(&sensor, 1.12) == 1.0);
    CHECK(amp_sensor_read(&sensor, 1.13) == 1.25);
    CHECK(amp_sensor_read(&sensor, -1.13) == -1.25);
    CHECK(amp_sensor_read(&sensor, 0.1) == 0.0);
    CHECK(amp_sensor_read(&sensor, 1e300) == 1e300);
    CHECK(amp_sensor_read(&sensor, INFINITY) == INFINITY);
    CHECK(isnan(amp_sensor_read(&sensor, NAN)));
}

static void test_perfect_sensor_changes_nothing(void) {
    begin(0.0, 0.0);
    const uint64_t state = sensor.state;
    CHECK(amp_sensor_read(&sensor, 0.1) == 0.1);
    CHECK(sensor.state == state);
}

static void test_init_refuses_what_is_no_size(void) {
    const double bad[] = {-1e-9, NAN, INFINITY, 1e13};
    for (size_t index = 0; index < 4; index++) {
        const struct amp_sensor_config noisy = {1, bad[index], 0.0};
        const struct amp_sensor_config coarse = {1, 0.0, bad[index]};
        CHECK(!amp_sensor_init(&sensor, &noisy, 0));
        CHECK(!amp_sensor_init(&sensor, &coarse, 0));
    }
}

int main(void) {
    RUN(test_numbers_are_the_published_ones);
    RUN(test_noise_has_the_power_that_was_asked_for);
    RUN(test_same_seed_gives_the_same_noise_and_another_stream_another);
    RUN(test_resolution_rounds_to_the_nearest_step);
    RUN(test_perfect_sensor_changes_nothing);
    RUN(test_init_refuses_what_is_no_size);
    return CHECK_DONE();
}
