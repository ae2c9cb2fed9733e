/* twin.h: the loopback device: the device's own C behind a pty, driving a simulated plant.
 *
 * It is a port like any other (UART in, UART out, a microsecond clock), so device.h knows nothing
 * of it. Its clock is the host's, scaled by the skew and 0 at boot: another clock, as a
 * microcontroller has one. One step, on an absolute grid that never shifts:
 *
 *     the plant moves on under the outputs as they stood
 *     what came over the line is received; the device ticks with what the plant's sensors say
 *     what the line takes is transmitted
 *
 * What happens to the device is kept as events in a small ring, stamped by its own clock, which the
 * caller drains between two runs into a journal. The instrument measures itself too: each event
 * carries how late the loop has been since the one before, and a measurement in which it was late
 * is no measurement.
 */
#ifndef AMP_TWIN_H
#define AMP_TWIN_H

#include "amp/base.h"
#include "amp/device.h"
#include "amp/platform.h"
#include "amp/user_code.h"
#include "plant.h"
#include "sensor.h"

#define AMP_TWIN_STEP_US_MIN 50
#define AMP_TWIN_STEP_US_MAX 10000
/// A wake-up later than this counts as a late step.
#define AMP_TWIN_LATE_NS 1000000
/// Events that wait to be drained; further ones are counted as lost.
#define AMP_TWIN_EVENTS_MAX 64
/// Bytes taken from the line in one step at most; the rest stays in the pty.
#define AMP_TWIN_READ_MAX 4096
#define AMP_TWIN_SKEW_PPM_MAX 10000.0

enum amp_twin_event_kind {
    AMP_TWIN_BOOT = 1,            /* argument: boot nonce */
    AMP_TWIN_SESSION_UP = 2,      /* a host identified; argument: the session's number */
    AMP_TWIN_ARMED = 3,           /* argument: the session's number */
    AMP_TWIN_FIRST_ACTUATION = 4, /* the first one applied since it was armed */
    AMP_TWIN_LEASE_EXPIRED = 5,   /* latched SAFE; argument: enum amp_device_reason */
    AMP_TWIN_ESTOP = 6,           /* latched SAFE */
    AMP_TWIN_NEW_SESSION = 7,     /* latched SAFE: a host identified while it was armed */
    AMP_TWIN_DISARMED = 8,        /* commanded */
    AMP_TWIN_SAFE_REACHED = 9,    /* not armed, and every output stands at its safe value */
    AMP_TWIN_MARK = 10,           /* asked for by the mark byte; argument: how many so far */
    AMP_TWIN_PARAMETER = 11,      /* one has another value; argument: its index, << 32, and the
                                     value's bits */
};

/// One event. |t_us| is when the loop saw it: never before its cause, and at most one step plus
/// |late_us| after it.
struct amp_twin_event {
    uint32_t kind;             /* enum amp_twin_event_kind */
    uint32_t late_us;          /* latest wake-up since the event before, this step's included */
    uint64_t t_us;             /* device clock */
    uint64_t since_applied_us; /* since an actuation was last applied; UINT64_MAX: never */
    uint64_t argument;
    amp_ns host_ns; /* the same instant on CLOCK_MONOTONIC: no other device could tell */
};

struct amp_twin_config {
    struct amp_device_config device; /* |device.board| outlives the twin */
    struct amp_plant_config plant;
    const struct amp_user_plant *user;    /* a plant of the user's instead; NULL: none */
    void *user_state;                     /* its state */
    uint8_t sends[AMP_DEVICE_VALUES_MAX]; /* which of the plant's quantities each value sent is */
    struct amp_sensor_config sensors[AMP_DEVICE_VALUES_MAX]; /* of each value sent */
    int32_t drive;      /* index of the accepted value that drives the plant */
    bool held;          /* the plant stands still until the device is armed for the first time */
    int32_t descriptor; /* the pty's non-blocking master */
    int32_t wake_descriptor; /* non-blocking pipe; -1: none */
    uint8_t mark_byte;       /* read from it, stamps a MARK; any other ends the run */
    uint32_t step_us;        /* [50, 10000] */
    double skew_ppm;         /* [-10000, 10000] */
};

/// Monotone, never reset.
struct amp_twin_counters {
    uint64_t steps;
    uint64_t skipped_steps; /* grid points that passed while an earlier step still ran */
    uint64_t late_steps;    /* woken more than AMP_TWIN_LATE_NS late */
    uint64_t late_us_max;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t port_errors; /* reads and writes that the port refused */
    uint64_t events_lost;
};

/// The caller owns it, and it does not move. Fields above the line may be read between calls.
struct amp_twin {
    struct amp_twin_counters counters;
    struct amp_device device;
    struct amp_plant plant;
    double user_sensed[AMP_DEVICE_VALUES_MAX]; /* of the user's plant: each value sent */
    struct amp_sensor sensors[AMP_DEVICE_VALUES_MAX];
    /* ------------------------------------------------------------------------------------- */
    struct amp_twin_config config;
    const struct amp_platform *platform;
    amp_ns boot_ns;    /* host clock */
    amp_ns next_ns;    /* the grid */
    amp_ns now_ns;     /* of this step */
    uint64_t now_us;   /* of this step, device clock; newer once bytes were read in it */
    uint64_t moved_us; /* until when the plant has moved */
    uint64_t late_us;  /* largest since the last event */
    uint64_t marks;
    enum amp_device_mode seen_mode;
    uint16_t seen_session;
    bool seen_up;
    bool seen_safe;
    bool awaits_first;
    bool woken;
    bool released; /* it was armed once */
    uint64_t seen_applied;
    uint32_t seen_parameters[AMP_DEVICE_PARAMETERS_MAX]; /* their bits */
    uint32_t event_first;
    uint32_t event_count;
    struct amp_twin_event events[AMP_TWIN_EVENTS_MAX];
    uint32_t out_size; /* bytes of |out| that wait for the line */
    uint32_t out_sent;
    uint8_t out[AMP_FRAME_WIRE_MAX];
    uint8_t in[AMP_TWIN_READ_MAX];
};

/// What ended a run.
enum amp_twin_end {
    AMP_TWIN_TIME = 0,  /* |until| has come */
    AMP_TWIN_WOKEN = 1, /* another byte than the mark came through the wake descriptor */
};

/// Boot: the device's clock reads 0, its outputs are safe, the plant stands as it begins.
/// Returns 0, or -AMP_EARG when the configuration is out of a range stated here, in device.h, in
/// plant.h or in sensor.h, or when a user's plant has other counts than the device's values, no
/// function, or no state. |config| is copied; what it points to outlives the twin.
/// Context: init.
int amp_twin_init(struct amp_twin *twin, const struct amp_twin_config *config,
                  const struct amp_platform *platform);

/// Run steps until |until| (CLOCK_MONOTONIC) or a wake-up; returns enum amp_twin_end. A late loop
/// skips to the next grid point. Nothing is allocated or logged; a line that takes nothing delays
/// nothing: the device then replaces its waiting state by the newest.
/// Context: any; the device's process has nothing else to do. Progress: blocking.
int amp_twin_run(struct amp_twin *twin, amp_ns until);

/// Take the oldest event; false when there is none.
/// Context: between runs.
bool amp_twin_drain(struct amp_twin *twin, struct amp_twin_event *out);

/// The device's clock at |host_ns|.
/// Context: any.
uint64_t amp_twin_clock(const struct amp_twin *twin, amp_ns host_ns);

/// Context: any.
size_t amp_twin_size(void);

#endif
