/* line.c: the limit. One word on a cache line goes from core to core, nothing else. Each direction
 * has LINES lines and takes them in turn: one is the least that the hardware can; as many as a ring
 * has places is the least that any ring can, whatever its protocol. */
#include "pair.h"

#ifndef LINES
#define LINES 1
#endif

struct end {
    unsigned char *lines;
    uint64_t number;
};

static size_t end_size(void) {
    return (size_t)LINES * LINE;
}

static void end_format(void *at) {
    (void)at;
}

static void end_open(struct end *end, void *at, bool writes) {
    (void)writes;
    *end = (struct end){(unsigned char *)at, 1};
}

static uint64_t *line_of(const struct end *end) {
    return (uint64_t *)(end->lines + end->number % LINES * LINE);
}

static bool end_send(struct end *end, const uint64_t *parcel) {
    __atomic_store_n(line_of(end), parcel[0], __ATOMIC_RELEASE);
    end->number++;
    return true;
}

static const uint64_t *end_receive(struct end *end, uint64_t *parcel) {
    const uint64_t now = __atomic_load_n(line_of(end), __ATOMIC_ACQUIRE);
    if (now != end->number) {
        return NULL;
    }
    end->number++;
    parcel[0] = now;
    return parcel;
}

#include "pair_main.h"
