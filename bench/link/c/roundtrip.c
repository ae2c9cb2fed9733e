/* roundtrip.c: from an actuation to the state that answers it, over a pty, and the same without us.
 *
 *     roundtrip raw  SECONDS CORE OTHER PRIORITY OUT BACK     write, then a read that blocks
 *     roundtrip poll ...                                      write, ppoll, read
 *     roundtrip ours ...                                      publish, pump, device, pump, channel
 *     roundtrip echo DESCRIPTOR CORE PRIORITY OUT BACK        the responder of raw, for others
 *     roundtrip sizes                                         OUT and BACK of ours, in bytes
 *
 * Host and responder are two processes on two cores. Ours runs the io role's own pump at the one end
 * and the device's own library at the other: armed, with its lease, its clock and its range checks;
 * the time ends when the state is published. Raw moves as many bytes and looks at none.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdalign.h>
#include <time.h>

#include "amp/device.h"
#include "amp/pump.h"
#include "machine.h"
#include "layout.h"

#define SENDS 2
#define SOURCE_WORDS 3 /* voltage, tick, time of sensing */
#define DEPTH 4
#define TAP_DEPTH 256
#define SCHEMA 0x12345678u
#define LEASE_US 1000000
#define MS ((amp_ns)1000000)
#define BUCKETS 200000 /* of 10 ns: up to 2 ms */
#define BUCKET_NS 10

static uint32_t buckets[BUCKETS];
static uint64_t trips;

static amp_ns now_ns(void) {
    const struct amp_platform *const platform = amp_platform_linux();
    return platform->now(platform->context);
}

static void count_trip(amp_ns took) {
    const amp_ns bucket = took / BUCKET_NS;
    buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    trips++;
}

static double quantile(double share) {
    uint64_t seen = 0, at = 0;
    while (at < BUCKETS - 1 && (seen += buckets[at]) < (uint64_t)(share * (double)trips)) {
        at++;
    }
    return (double)at * BUCKET_NS;
}

static void print_quantiles(void) {
    printf("{\"p50_ns\": %.0f, \"p99_ns\": %.0f, \"trips\": %llu}\n", quantile(0.5),
           quantile(0.99), (unsigned long long)trips);
}

/* The responder without us: |out| bytes are a message, |back| bytes the answer. */
static void echo(int line, size_t out, size_t back) {
    static uint8_t bytes[4096];
    size_t had = 0;
    for (;;) {
        const ssize_t got = read(line, bytes, sizeof bytes);
        if (got <= 0) {
            return;
        }
        for (had += (size_t)got; had >= out; had -= out) {
            if (write(line, bytes, back) != (ssize_t)back) {
                return;
            }
        }
    }
}

static void raw_trips(int line, size_t out, size_t back, amp_ns end, bool polls) {
    static uint8_t bytes[4096];
    while (now_ns() < end) {
        const amp_ns began = now_ns();
        if (write(line, bytes, out) != (ssize_t)out) {
            fail("the line takes nothing");
        }
        for (size_t had = 0; had < back;) {
            struct pollfd one = {.fd = line, .events = POLLIN};
            const struct timespec most = {.tv_sec = 1};
            if (polls && ppoll(&one, 1, &most, NULL) != 1) {
                fail("no answer");
            }
            const ssize_t got = read(line, bytes, sizeof bytes);
            if (got <= 0) {
                fail("the line is gone");
            }
            had += (size_t)got;
        }
        count_trip(now_ns() - began);
    }
}

static const struct amp_value SENT[SENDS] = {{.low = -10, .high = 10}, {.low = -10, .high = 10}};
static const struct amp_value ACCEPTED[] = {{.low = -12, .high = 12}};

static const struct amp_device_config CONFIG = {
    .board = "bench",
    .boot_nonce = 1,
    .schema_hash = SCHEMA,
    .baud = 1000000,
    .lease_us = LEASE_US,
    .state_period_us = 1, /* whenever it is asked */
    .sends_count = SENDS,
    .accepts_count = 1,
    .sends = SENT,
    .accepts = ACCEPTED,
};

/* The responder of ours: what a firmware does, each time that bytes have come. */
static void serve_device(int line) {
    static struct amp_device device;
    const float sensed[SENDS] = {1.5f, 0.25f};
    uint8_t bytes[1024];
    if (!amp_device_init(&device, &CONFIG, (uint64_t)now_ns() / 1000)) {
        fail("the device refuses its config");
    }
    for (;;) {
        const ssize_t got = read(line, bytes, sizeof bytes);
        if (got <= 0) {
            return;
        }
        amp_device_receive(&device, bytes, (size_t)got, (uint64_t)now_ns() / 1000);
        amp_device_tick(&device, (uint64_t)now_ns() / 1000, sensed);
        const size_t size = amp_device_transmit(&device, bytes, sizeof bytes);
        if (size > 0 && write(line, bytes, size) != (ssize_t)size) {
            return;
        }
    }
}

static struct amp_system system_block;
static struct amp_owner supervisor, owner;
static alignas(AMP_CACHE_LINE) unsigned char source_bytes[4096], own_bytes[4096];
static alignas(AMP_CACHE_LINE) unsigned char tap_bytes[65536], tally_bytes[8192];
static struct amp_pump pump;

static void open_channel(struct amp_channel *channel, void *bytes, size_t size, uint32_t words,
                         uint32_t depth) {
    need(amp_channel_bind(channel, bytes, size, words, depth), "no channel");
    amp_channel_attach(channel, 1);
}

static void open_pump(int line) {
    open_channel(&pump.source, source_bytes, sizeof source_bytes, SOURCE_WORDS, DEPTH);
    open_channel(&pump.channel, own_bytes, sizeof own_bytes, SENDS + 3, DEPTH);
    open_channel(&pump.tap, tap_bytes, sizeof tap_bytes, AMP_TAP_WORDS, TAP_DEPTH);
    open_channel(&pump.tally.channel, tally_bytes, sizeof tally_bytes, AMP_TALLY_WORDS, DEPTH);
    pump.tally.baud = 1000000;
    pump.share = (struct amp_pump_share){.bytes = UINT32_MAX, .frames = 1};
    pump.platform = amp_platform_linux_edges(); /* as an io role has it */
    pump.system = &system_block;
    pump.supervisor = &supervisor;
    pump.owner = &owner;
    pump.timing = (struct amp_pump_timing){.period_ns = MS, .origin_ns = now_ns(),
                                           .supervisor_ns = 3600000 * MS,
                                           .lease_ns = LEASE_US * 1000LL, .clock_ns = 97 * MS};
    pump.sends[0] = pump.sends[1] = SENT[0];
    pump.accepts[0] = ACCEPTED[0];
    pump.expected = (struct amp_session_host){.board = "bench", .schema_hash = SCHEMA,
                                              .lost_after_us = LEASE_US,
                                              .lease_us_max = LEASE_US,
                                              .sends_count = SENDS, .accepts_count = 1};
    pump.role = 1;
    pump.descriptor = line;
    pump.wake_descriptor = -1;
    pump.session_number = 100;
    pump.sensed_word = 2;
    amp_system_set_mode(&system_block, AMP_MODE_DISARMED, 0);
    need(amp_pump_init(&pump), "the pump refuses its plan");
}

/* One send point, and what comes until |published| rises; false after 100 ms without. */
static bool turn(uint32_t flags, uint64_t published, amp_ns *finished) {
    const amp_ns began = now_ns();
    uint64_t words[SOURCE_WORDS] = {0, 0, (uint64_t)began};
    amp_channel_publish(&pump.source, began, flags, words);
    amp_pump_send(&pump, began);
    do {
        const struct amp_platform *const platform = pump.platform;
        struct amp_polled line = {.descriptor = pump.descriptor, .want = AMP_POLL_READ};
        if (platform->poll(platform->context, &line, 1, began + 100 * MS) == 0) {
            return false;
        }
        *finished = now_ns();
        if (!amp_pump_receive(&pump, *finished)) {
            fail("the line is gone");
        }
    } while (amp_channel_count(&pump.channel) == published);
    return true;
}

static void our_trips(amp_ns seconds_ns) {
    amp_ns finished;
    const amp_ns give_up = now_ns() + 3000 * MS;
    while (pump.session.state != AMP_SESSION_UP && now_ns() < give_up) {
        (void)turn(AMP_FLAG_AT_SAFE, amp_channel_count(&pump.channel), &finished);
    }
    amp_system_set_mode(&system_block, AMP_MODE_ARMED, 1);
    while (!pump.confirmed && now_ns() < give_up) {
        (void)turn(AMP_FLAG_ARMED, amp_channel_count(&pump.channel), &finished);
    }
    if (!pump.confirmed) {
        fail("the device was not armed");
    }
    const amp_ns end = now_ns() + seconds_ns;
    while (now_ns() < end) {
        const amp_ns began = now_ns();
        if (!turn(AMP_FLAG_ARMED, amp_channel_count(&pump.channel), &finished)) {
            fail("no state came");
        }
        count_trip(now_ns() - began);
    }
    if (!pump.device_armed) {
        fail("the device did not stay armed");
    }
}

static void print_sizes(void) {
    printf("{\"out\": %d, \"back\": %d}\n", AMP_FRAME_OVERHEAD + AMP_ACTUATE_SIZE + 4,
           AMP_FRAME_OVERHEAD + AMP_STATE_SIZE + 4 * SENDS);
}

static int open_line(int *far) {
    int near;
    struct termios raw;
    cfmakeraw(&raw);
    if (openpty(far, &near, NULL, NULL, NULL) != 0 || tcgetattr(near, &raw) != 0) {
        fail("no pty");
    }
    cfmakeraw(&raw);
    if (tcsetattr(near, TCSANOW, &raw) != 0) {
        fail("no raw pty");
    }
    return near;
}

int main(int count, char **words) {
    if (count == 2 && strcmp(words[1], "sizes") == 0) {
        print_sizes();
        return 0;
    }
    if (count == 7 && strcmp(words[1], "echo") == 0) {
        begin_child();
        take_core(atoi(words[3]));
        take_priority(atoi(words[4]));
        echo(atoi(words[2]), (size_t)atoi(words[5]), (size_t)atoi(words[6]));
        return 0;
    }
    if (count != 8) {
        fail("usage: roundtrip raw|poll|ours SECONDS CORE OTHER PRIORITY OUT BACK");
    }
    const bool is_ours = strcmp(words[1], "ours") == 0;
    const size_t out = (size_t)atoi(words[6]), back = (size_t)atoi(words[7]);
    int far;
    const int near = open_line(&far);
    const pid_t child = fork();
    if (child == 0) {
        begin_child();
        take_core(atoi(words[4]));
        take_priority(atoi(words[5]));
        close(near);
        if (is_ours) {
            serve_device(far);
        } else {
            echo(far, out, back);
        }
        _exit(0);
    }
    close(far);
    take_core(atoi(words[3]));
    take_priority(atoi(words[5]));
    const amp_ns length = (amp_ns)(1e9 * atof(words[2]));
    if (is_ours) {
        need(fcntl(near, F_SETFL, O_NONBLOCK), "no non-blocking pty");
        open_pump(near);
        our_trips(length);
    } else {
        raw_trips(near, out, back, now_ns() + length, strcmp(words[1], "poll") == 0);
    }
    kill(child, SIGKILL);
    print_quantiles();
    return 0;
}
