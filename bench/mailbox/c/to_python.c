/* to_python.c: the C half of the rows "C to Python"; the other half is python/from_c.py.
 *
 *     PROGRAM channel|pipe|socket oneway|stream|batch|backlog COUNT CORE OUT IN DEPTH
 *
 * OUT and IN are inherited descriptors: of memory that holds a channel, or to write to and read from.
 * oneway: half of a round trip, C to Python and back. The others only send; Python measures.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "amp/channel.h"
#include "clock.h"
#include "process.h"

#define WORDS 5
#define MESSAGE 64
#define ROOM ((size_t)16 << 20)
#define BACKLOG 8192

struct way {
    struct amp_channel out;
    struct amp_cursor in;
    int out_fd, in_fd;
    bool is_channel;
};

static struct amp_channel map(int fd, uint32_t depth) {
    struct amp_channel channel;
    void *const at = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED || amp_channel_bind(&channel, at, ROOM, WORDS, depth) != AMP_OK) {
        fail("no channel");
    }
    return channel;
}

static void put(struct way *way, uint64_t number) {
    if (way->is_channel) {
        amp_channel_publish(&way->out, 0, 0, (uint64_t[WORDS]){number, 1, 2, 3, number});
    } else {
        const uint64_t message[MESSAGE / 8] = {number};
        if (write(way->out_fd, message, sizeof message) != sizeof message) {
            fail("cannot write");
        }
    }
}

/* The next answer's first word. */
static uint64_t answer(struct way *way) {
    uint64_t record[3 + WORDS];
    if (way->is_channel) {
        while (amp_cursor_next(&way->in, (void *)record) != AMP_READ_VALUE) {
        }
        return record[3];
    }
    if (read(way->in_fd, record, MESSAGE) != MESSAGE) {
        fail("cannot read");
    }
    return record[0];
}

static int by_size(const void *left, const void *right) {
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void ping(struct way *way, size_t count) {
    uint64_t *const samples = malloc(count * sizeof *samples);
    if (samples == NULL) {
        fail("no memory");
    }
    const size_t warm_up = count / 10;
    const struct moment began = moment_now();
    uint64_t before = began.ticks;
    for (size_t k = 0; k < warm_up + count; k++) {
        put(way, k);
        (void)answer(way);
        const uint64_t now = ticks();
        if (k >= warm_up) {
            samples[k - warm_up] = now - before;
        }
        before = now;
    }
    const double half = tick_ns(began, moment_now()) / 2;
    qsort(samples, count, sizeof *samples, by_size);
    printf("{\"p50_ns\": %.1f, \"p99_ns\": %.1f, \"p999_ns\": %.1f, \"clock_ns\": %.1f}\n",
           (double)samples[count / 2] * half, (double)samples[count * 99 / 100] * half,
           (double)samples[count * 999 / 1000] * half, clock_cost_ns());
    free(samples);
}

/* A channel would lose what is not read in time: the reader's progress comes back as answers. */
static void pour(struct way *way, size_t count, uint64_t depth) {
    uint64_t progress = 0;
    for (uint64_t k = 0; k < count; k++) {
        while (way->is_channel && k % (depth / 4) == 0 && k - progress > depth / 2) {
            progress = answer(way);
        }
        put(way, k);
    }
}

static void pile(struct way *way, size_t times) {
    for (size_t i = 0; i < times; i++) {
        for (uint64_t k = 0; k < BACKLOG; k++) {
            put(way, k);
        }
        (void)answer(way);
    }
}

int main(int argc, char **argv) {
    if (argc != 8) {
        fail("usage: PROGRAM channel|pipe|socket MODE COUNT CORE OUT IN DEPTH");
    }
    const size_t count = strtoull(argv[3], NULL, 10);
    const uint32_t depth = (uint32_t)atoi(argv[7]);
    struct way way = {.out_fd = atoi(argv[5]), .in_fd = atoi(argv[6])};
    way.is_channel = strcmp(argv[1], "channel") == 0;
    begin_child(atoi(argv[4]));
    alarm(20);
    if (way.is_channel) {
        const struct amp_channel in = map(way.in_fd, depth);
        way.out = map(way.out_fd, depth);
        amp_channel_attach(&way.out, 1);
        amp_cursor_open(&way.in, &in, AMP_START_OLDEST);
    }
    (void)answer(&way); /* Python is ready */
    if (strcmp(argv[2], "oneway") == 0) {
        ping(&way, count);
    } else if (strcmp(argv[2], "backlog") == 0) {
        pile(&way, count);
    } else {
        pour(&way, count, depth);
    }
    return 0;
}
