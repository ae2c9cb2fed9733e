#include "twin.h"

#include <float.h>
#include <string.h>

#define NS_PER_US 1000
#define READS_PER_STEP_MAX 4
#define WRITES_PER_STEP_MAX 8
#define WAKES_PER_STEP_MAX 8
#define USER_STEP_US ((uint64_t)(AMP_USER_PLANT_STEP_S * 1e6))

static bool user_valid(const struct amp_twin_config *config) {
    const struct amp_user_plant *const user = config->user;
    return user->abi == AMP_USER_ABI && user->init != NULL && user->step != NULL &&
           user->drive_count == config->device.accepts_count &&
           user->sensed_count == config->device.sends_count &&
           (user->state_size == 0 || config->user_state != NULL);
}

static bool quantities_valid(const struct amp_twin_config *config) {
    if (config->drive < 0 || config->drive >= config->device.accepts_count) {
        return false;
    }
    for (uint8_t index = 0; index < config->device.sends_count; index++) {
        if (config->sends[index] >= amp_plant_quantities(config->plant.kind)) {
            return false;
        }
    }
    return true;
}

static bool config_valid(const struct amp_twin_config *config) {
    if (config->step_us < AMP_TWIN_STEP_US_MIN || config->step_us > AMP_TWIN_STEP_US_MAX ||
        !(config->skew_ppm >= -AMP_TWIN_SKEW_PPM_MAX &&
          config->skew_ppm <= AMP_TWIN_SKEW_PPM_MAX) ||
        config->device.accepts_count > AMP_DEVICE_VALUES_MAX ||
        config->device.sends_count > AMP_DEVICE_VALUES_MAX) {
        return false;
    }
    return config->user != NULL ? user_valid(config) : quantities_valid(config);
}

uint64_t amp_twin_clock(const struct amp_twin *twin, amp_ns host_ns) {
    const amp_ns elapsed_ns = host_ns - twin->boot_ns;
    const amp_ns skew_ns = (amp_ns)((double)elapsed_ns * twin->config.skew_ppm / 1e6);
    return (uint64_t)((elapsed_ns + skew_ns) / NS_PER_US);
}

static void push_at(struct amp_twin *twin, enum amp_twin_event_kind kind, uint64_t argument,
                    amp_ns host_ns) {
    if (twin->event_count == AMP_TWIN_EVENTS_MAX) {
        twin->counters.events_lost++;
        return;
    }
    const uint64_t t_us = amp_twin_clock(twin, host_ns);
    const bool applied = twin->device.counters.applied != 0;
    const uint32_t slot = (twin->event_first + twin->event_count) % AMP_TWIN_EVENTS_MAX;
    twin->events[slot] = (struct amp_twin_event){
        .kind = (uint32_t)kind,
        .late_us = (uint32_t)(twin->late_us < UINT32_MAX ? twin->late_us : UINT32_MAX),
        .t_us = t_us,
        .since_applied_us = applied ? t_us - twin->device.applied_us : UINT64_MAX,
        .argument = argument,
        .host_ns = host_ns,
    };
    twin->event_count++;
    twin->late_us = 0;
}

static void push(struct amp_twin *twin, enum amp_twin_event_kind kind, uint64_t argument) {
    push_at(twin, kind, argument, twin->now_ns);
}

bool amp_twin_drain(struct amp_twin *twin, struct amp_twin_event *out) {
    if (twin->event_count == 0) {
        return false;
    }
    *out = twin->events[twin->event_first];
    twin->event_first = (twin->event_first + 1) % AMP_TWIN_EVENTS_MAX;
    twin->event_count--;
    return true;
}

static void observe_latch(struct amp_twin *twin) {
    switch (twin->device.reason) {
    case AMP_REASON_LEASE:
    case AMP_REASON_BAD_VALUE:
        push(twin, AMP_TWIN_LEASE_EXPIRED, (uint64_t)twin->device.reason);
        break;
    case AMP_REASON_NEW_SESSION:
        push(twin, AMP_TWIN_NEW_SESSION, 0);
        break;
    default:
        push(twin, AMP_TWIN_ESTOP, 0);
        break;
    }
}

static void observe_mode(struct amp_twin *twin) {
    const enum amp_device_mode before = twin->seen_mode;
    const enum amp_device_mode mode = twin->device.mode;
    if (mode == before) {
        return;
    }
    twin->seen_mode = mode;
    if (mode == AMP_DEVICE_ARMED) {
        twin->awaits_first = true;
        twin->seen_applied = twin->device.counters.applied;
        push(twin, AMP_TWIN_ARMED, twin->device.session.number);
    } else if (mode == AMP_DEVICE_SAFE) {
        observe_latch(twin);
    } else if (before == AMP_DEVICE_ARMED) {
        push(twin, AMP_TWIN_DISARMED, 0);
    }
}

static void observe_safe(struct amp_twin *twin) {
    const bool safe = twin->device.mode != AMP_DEVICE_ARMED && twin->device.at_safe;
    if (safe && !twin->seen_safe) {
        push(twin, AMP_TWIN_SAFE_REACHED, 0);
    }
    twin->seen_safe = safe;
}

static uint32_t parameter_bits(const struct amp_twin *twin, uint8_t index) {
    const float value = amp_device_parameter(&twin->device, index);
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void observe_parameters(struct amp_twin *twin) {
    for (uint8_t i = 0; i < twin->config.device.parameters_count; i++) {
        const uint32_t bits = parameter_bits(twin, i);
        if (bits != twin->seen_parameters[i]) {
            twin->seen_parameters[i] = bits;
            push(twin, AMP_TWIN_PARAMETER, (uint64_t)i << 32 | bits);
        }
    }
}

static void observe(struct amp_twin *twin) {
    const struct amp_session *const session = &twin->device.session;
    const bool up = session->state == AMP_SESSION_UP;
    const bool begun = up && (!twin->seen_up || session->number != twin->seen_session);
    observe_parameters(twin);
    observe_mode(twin);
    observe_safe(twin);
    if (begun) {
        push(twin, AMP_TWIN_SESSION_UP, session->number);
    }
    twin->seen_up = up;
    twin->seen_session = session->number;
    if (twin->awaits_first && twin->device.counters.applied != twin->seen_applied) {
        twin->awaits_first = false;
        push(twin, AMP_TWIN_FIRST_ACTUATION, 0);
    }
}

static bool init_plant(struct amp_twin *twin) {
    const struct amp_twin_config *const config = &twin->config;
    if (config->user == NULL) {
        return amp_plant_init(&twin->plant, &config->plant);
    }
    config->user->init(config->user_state, twin->user_sensed);
    return true;
}

static bool init_sensors(struct amp_twin *twin) {
    for (uint8_t index = 0; index < twin->config.device.sends_count; index++) {
        if (!amp_sensor_init(&twin->sensors[index], &twin->config.sensors[index], index)) {
            return false;
        }
    }
    return true;
}

int amp_twin_init(struct amp_twin *twin, const struct amp_twin_config *config,
                  const struct amp_platform *platform) {
    *twin = (struct amp_twin){.config = *config, .platform = platform};
    if (!config_valid(config) || !init_sensors(twin) || !init_plant(twin) ||
        !amp_device_init(&twin->device, &twin->config.device, 0)) {
        return -AMP_EARG;
    }
    twin->boot_ns = platform->now(platform->context);
    twin->now_ns = twin->boot_ns;
    twin->next_ns = twin->boot_ns;
    twin->seen_mode = twin->device.mode;
    twin->seen_safe = true;
    for (uint8_t i = 0; i < config->device.parameters_count; i++) {
        twin->seen_parameters[i] = parameter_bits(twin, i);
    }
    push(twin, AMP_TWIN_BOOT, config->device.boot_nonce);
    return AMP_OK;
}

static float sensed(struct amp_twin *twin, uint8_t index) {
    const double truth = twin->config.user != NULL ? twin->user_sensed[index]
                                                   : twin->plant.x[twin->config.sends[index]];
    const double value = amp_sensor_read(&twin->sensors[index], truth);
    const double most = (double)FLT_MAX;
    return (float)(value < -most ? -most : (value > most ? most : value));
}

static void wait_for_grid(struct amp_twin *twin) {
    const struct amp_platform *const platform = twin->platform;
    const amp_ns step_ns = (amp_ns)twin->config.step_us * NS_PER_US;
    platform->sleep_until(platform->context, twin->next_ns);
    const amp_ns now = platform->now(platform->context);
    const amp_ns late_ns = now - twin->next_ns;
    const uint64_t late_us = late_ns > 0 ? (uint64_t)(late_ns / NS_PER_US) : 0;
    twin->late_us = late_us > twin->late_us ? late_us : twin->late_us;
    if (late_us > twin->counters.late_us_max) {
        twin->counters.late_us_max = late_us;
    }
    if (late_ns > AMP_TWIN_LATE_NS) {
        twin->counters.late_steps++;
    }
    const amp_ns passed = late_ns > 0 ? late_ns / step_ns : 0;
    twin->counters.steps++;
    twin->counters.skipped_steps += (uint64_t)passed;
    twin->next_ns += (passed + 1) * step_ns;
    twin->now_ns = now;
}

static void move_user(struct amp_twin *twin, uint64_t duration_us) {
    const struct amp_user_plant *const user = twin->config.user;
    uint64_t left = duration_us < AMP_PLANT_STEP_US_MAX ? duration_us : AMP_PLANT_STEP_US_MAX;
    double drives[AMP_DEVICE_VALUES_MAX] = {0.0};
    for (uint8_t index = 0; index < twin->config.device.accepts_count; index++) {
        drives[index] = (double)amp_device_output(&twin->device, index);
    }
    while (left > 0) {
        const uint64_t step_us = left < USER_STEP_US ? left : USER_STEP_US;
        user->step(twin->config.user_state, (double)step_us / 1e6, drives, twin->user_sensed);
        left -= step_us;
    }
}

static void move_plant(struct amp_twin *twin, uint64_t duration_us) {
    if (twin->config.user != NULL) {
        move_user(twin, duration_us);
        return;
    }
    const float input = amp_device_output(&twin->device, (size_t)twin->config.drive);
    amp_plant_step(&twin->plant, duration_us, (double)input);
}

static void advance(struct amp_twin *twin) {
    const uint64_t now_us = amp_twin_clock(twin, twin->now_ns);
    twin->released = twin->released || !twin->config.held || twin->device.mode == AMP_DEVICE_ARMED;
    if (twin->released) {
        move_plant(twin, now_us - twin->moved_us);
    }
    twin->moved_us = twin->now_us = now_us;
    float values[AMP_DEVICE_VALUES_MAX];
    for (uint8_t index = 0; index < twin->config.device.sends_count; index++) {
        values[index] = sensed(twin, index);
    }
    amp_device_tick(&twin->device, now_us, values);
    observe(twin);
}

/* Frame by frame, so that no change of mode hides behind the next one. */
static void receive(struct amp_twin *twin, size_t size) {
    size_t begin = 0;
    for (size_t index = 0; index < size; index++) {
        if (twin->in[index] == 0 || index + 1 == size) {
            amp_device_receive(&twin->device, &twin->in[begin], index + 1 - begin, twin->now_us);
            observe(twin);
            begin = index + 1;
        }
    }
}

static void read_line(struct amp_twin *twin) {
    const struct amp_platform *const platform = twin->platform;
    size_t total = 0;
    for (int turn = 0; turn < READS_PER_STEP_MAX && total < AMP_TWIN_READ_MAX; turn++) {
        const int got = platform->read(platform->context, twin->config.descriptor, twin->in,
                                       AMP_TWIN_READ_MAX - total);
        if (got <= 0) {
            twin->counters.port_errors += got < 0 ? 1 : 0;
            return;
        }
        total += (size_t)got;
        twin->counters.bytes_in += (uint64_t)got;
        twin->now_ns = platform->now(platform->context); /* the bytes had come by then */
        twin->now_us = amp_twin_clock(twin, twin->now_ns);
        receive(twin, (size_t)got);
    }
}

static void write_line(struct amp_twin *twin) {
    const struct amp_platform *const platform = twin->platform;
    for (int turn = 0; turn < WRITES_PER_STEP_MAX; turn++) {
        if (twin->out_sent == twin->out_size) {
            twin->out_sent = 0;
            twin->out_size =
                (uint32_t)amp_device_transmit(&twin->device, twin->out, sizeof twin->out);
            if (twin->out_size == 0) {
                return;
            }
        }
        const int sent =
            platform->write(platform->context, twin->config.descriptor, &twin->out[twin->out_sent],
                            twin->out_size - twin->out_sent);
        if (sent <= 0) {
            twin->counters.port_errors += sent < 0 ? 1 : 0;
            return;
        }
        twin->out_sent += (uint32_t)sent;
        twin->counters.bytes_out += (uint64_t)sent;
    }
}

static void look_at_wakes(struct amp_twin *twin) {
    const struct amp_platform *const platform = twin->platform;
    uint8_t bytes[WAKES_PER_STEP_MAX];
    if (twin->config.wake_descriptor < 0) {
        return;
    }
    const int got =
        platform->read(platform->context, twin->config.wake_descriptor, bytes, sizeof bytes);
    for (int index = 0; index < got; index++) {
        if (bytes[index] == twin->config.mark_byte) {
            twin->marks++;
            push_at(twin, AMP_TWIN_MARK, twin->marks, platform->now(platform->context));
        } else {
            twin->woken = true;
        }
    }
}

int amp_twin_run(struct amp_twin *twin, amp_ns until) {
    twin->woken = false;
    while (!twin->woken && twin->next_ns < until) {
        wait_for_grid(twin);
        advance(twin);
        read_line(twin);
        write_line(twin);
        look_at_wakes(twin);
    }
    return twin->woken ? AMP_TWIN_WOKEN : AMP_TWIN_TIME;
}

size_t amp_twin_size(void) {
    return sizeof(struct amp_twin);
}
