/* pair_main.h: the loops of every candidate. Included once, at the end of its source.
 *
 *     PROGRAM oneway|stream COUNT CORE CORE
 *
 * oneway: a parcel goes there and comes back; half of each round trip is one sample, and each round
 * trip holds one reading of the clock. stream: parcels go one way as fast as they are taken; the
 * receiver's clock runs from the end of the warm-up to the last. Every message carries its number,
 * and a wrong one ends the run.
 */
#include "clock.h"
#include "process.h"

struct line_up {
    struct meeting *meeting;
    void *there, *back;
    uint64_t count;
    int cores[2];
};

/* Both processes leave at once, so that neither measures the start of the other. */
static void meet(struct meeting *meeting) {
    __atomic_add_fetch(&meeting->arrived, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&meeting->arrived, __ATOMIC_ACQUIRE) < 2) {
    }
}

static void fill(uint64_t *parcel, uint64_t number) {
    for (int i = 0; i < BATCH; i++) {
        parcel[i * WORDS] = number * BATCH + (uint64_t)i;
    }
}

static void check(const uint64_t *parcel, uint64_t number) {
    for (int i = 0; i < BATCH; i++) {
        if (parcel[i * WORDS] != number * BATCH + (uint64_t)i) {
            fail("a message came out of order or torn");
        }
    }
}

static int by_size(const void *left, const void *right) {
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* The median of a clock with coarse steps: the samples of the step that holds it are taken to lie
 * evenly between the middles of the gaps to the next ones. */
static double middle(const uint32_t *sorted, size_t count) {
    const uint32_t step = sorted[count / 2];
    size_t from = count / 2;
    size_t to = count / 2;
    while (from > 0 && sorted[from - 1] == step) {
        from--;
    }
    while (to < count && sorted[to] == step) {
        to++;
    }
    const double below = from > 0 ? ((double)sorted[from - 1] + step) / 2 : step;
    const double above = to < count ? ((double)sorted[to] + step) / 2 : step;
    return below + (above - below) * ((double)count / 2 - (double)from) / (double)(to - from);
}

static void judge(struct readings *out, uint32_t *samples, size_t count, double half_tick_ns) {
    qsort(samples, count, sizeof *samples, by_size);
    out->p50_ns = middle(samples, count) * half_tick_ns;
    out->p99_ns = samples[count * 99 / 100] * half_tick_ns;
    out->p999_ns = samples[count * 999 / 1000] * half_tick_ns;
}

static void ping(struct line_up *up, struct end *out, struct end *in) {
    static uint64_t parcel[PARCEL_WORDS] __attribute__((aligned(LINE)));
    static uint64_t reply[PARCEL_WORDS] __attribute__((aligned(LINE)));
    const uint64_t warm_up = up->count / 10;
    const uint64_t *back;
    uint32_t *const samples = (uint32_t *)malloc(up->count * sizeof *samples);
    struct moment began = moment_now();
    uint64_t before = began.ticks;
    if (samples == NULL) {
        fail("no memory");
    }
    for (uint64_t k = 1; k <= warm_up + up->count; k++) {
        if (k == warm_up + 1) {
            began = moment_now();
            before = began.ticks;
        }
        fill(parcel, k);
        while (!end_send(out, parcel)) {
        }
        while ((back = end_receive(in, reply)) == NULL) {
        }
        const uint64_t now = ticks();
        const uint64_t took = now - before;
        check(back, k);
        if (k > warm_up) {
            samples[k - warm_up - 1] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
        }
        before = now;
    }
    const struct moment ended = moment_now();
    struct readings *const readings = &up->meeting->readings;
    judge(readings, samples, up->count, tick_ns(began, ended) / 2);
    readings->mean_ns = (double)(ended.ns - began.ns) / (double)up->count / 2;
    readings->clock_ns = clock_cost_ns();
}

static void pong(struct line_up *up, struct end *in, struct end *out) {
    static uint64_t parcel[PARCEL_WORDS] __attribute__((aligned(LINE)));
    const uint64_t *came;
    for (uint64_t k = 1; k <= up->count / 10 + up->count; k++) {
        while ((came = end_receive(in, parcel)) == NULL) {
        }
        while (!end_send(out, came)) {
        }
    }
}

/* What loses instead of refusing is paced from outside: the writer looks each quarter of a ring
 * whether the reader is less than three quarters behind. */
static void pace(const struct meeting *meeting, uint64_t number) {
#ifdef PACED
    if (number % (DEPTH / 4) == 0) {
        while (number - __atomic_load_n(&meeting->progress, __ATOMIC_ACQUIRE) > DEPTH / 2) {
        }
    }
#else
    (void)meeting;
    (void)number;
#endif
}

static void report_progress(struct meeting *meeting, uint64_t number) {
#ifdef PACED
    if (number % (DEPTH / 4) == 0) {
        __atomic_store_n(&meeting->progress, number, __ATOMIC_RELEASE);
    }
#else
    (void)meeting;
    (void)number;
#endif
}

static void pour(struct line_up *up, struct end *out) {
    static uint64_t parcel[PARCEL_WORDS] __attribute__((aligned(LINE)));
    for (uint64_t k = 1; k <= up->count / 10 + up->count; k++) {
        fill(parcel, k);
        pace(up->meeting, k);
        while (!end_send(out, parcel)) {
        }
    }
}

static void catch_all(struct line_up *up, struct end *in) {
    static uint64_t parcel[PARCEL_WORDS] __attribute__((aligned(LINE)));
    const uint64_t warm_up = up->count / 10;
    const uint64_t *came;
    int64_t began = clock_ns();
    for (uint64_t k = 1; k <= warm_up + up->count; k++) {
        while ((came = end_receive(in, parcel)) == NULL) {
        }
        check(came, k);
        report_progress(up->meeting, k);
        if (k == warm_up) {
            began = clock_ns();
        }
    }
    up->meeting->readings.per_second =
        (double)up->count * BATCH * 1e9 / (double)(clock_ns() - began);
}

static void print(const struct readings *readings, bool stream) {
    if (stream) {
        printf("{\"per_second\": %.0f}\n", readings->per_second);
    } else {
        printf("{\"p50_ns\": %.2f, \"p99_ns\": %.2f, \"p999_ns\": %.2f, \"mean_ns\": %.2f, "
               "\"clock_ns\": %.2f}\n",
               readings->p50_ns, readings->p99_ns, readings->p999_ns, readings->mean_ns,
               readings->clock_ns);
    }
}

/* The second process: it answers, or receives. */
static void second(struct line_up *up, bool stream) {
    static struct end there, back;
    begin_child(up->cores[1]);
    take_priority();
    end_open(&there, up->there, false);
    end_open(&back, up->back, true);
    meet(up->meeting);
    if (stream) {
        catch_all(up, &there);
    } else {
        pong(up, &there, &back);
    }
}

static void first(struct line_up *up, bool stream) {
    static struct end there, back;
    take_core(up->cores[0]);
    take_priority();
    end_open(&there, up->there, true);
    end_open(&back, up->back, false);
    meet(up->meeting);
    if (stream) {
        pour(up, &there);
    } else {
        ping(up, &there, &back);
    }
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fail("usage: PROGRAM oneway|stream COUNT CORE CORE");
    }
    const bool stream = strcmp(argv[1], "stream") == 0;
    struct line_up up = {(struct meeting *)shared(sizeof(struct meeting)),
                         shared(end_size()),
                         shared(end_size()),
                         strtoull(argv[2], NULL, 10),
                         {atoi(argv[3]), atoi(argv[4])}};
    alarm(30);
    end_format(up.there);
    end_format(up.back);
    const pid_t child = fork();
    if (child == 0) {
        second(&up, stream);
        _exit(0);
    }
    first(&up, stream);
    end_child(child);
    print(&up.meeting->readings, stream);
    return 0;
}
