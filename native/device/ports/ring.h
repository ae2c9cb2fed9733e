/* ring.h: bytes between an interrupt and the main loop. One side puts, the other takes; neither waits.
 *
 * Head and tail are each written by one side alone and are read whole by the other: one byte on an
 * 8-bit processor, one word elsewhere. Sizes are powers of two, on an 8-bit processor at most 128.
 * The processors here have one core and no cache between it and its interrupts, so the order of
 * volatile accesses is all the order there is to keep.
 */
#ifndef AMP_PORT_RING_H
#define AMP_PORT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX > 0xFFFFu
typedef uint32_t amp_ring_count;
#else
typedef uint8_t amp_ring_count;
#endif

/// |bytes| has |size| places.
struct amp_ring {
    volatile uint8_t *bytes;
    amp_ring_count size;
    volatile amp_ring_count head; /* put so far; wraps */
    volatile amp_ring_count tail; /* taken so far; wraps */
};

/// How many wait.
static inline amp_ring_count amp_ring_waiting(const struct amp_ring *ring) {
    return (amp_ring_count)(ring->head - ring->tail);
}

/// False, and nothing is put, when it is full.
static inline bool amp_ring_put(struct amp_ring *ring, uint8_t byte) {
    const amp_ring_count head = ring->head;
    if ((amp_ring_count)(head - ring->tail) >= ring->size) {
        return false;
    }
    ring->bytes[head & (amp_ring_count)(ring->size - 1u)] = byte;
    ring->head = (amp_ring_count)(head + 1u);
    return true;
}

/// Only when some wait.
static inline uint8_t amp_ring_take(struct amp_ring *ring) {
    const amp_ring_count tail = ring->tail;
    const uint8_t byte = ring->bytes[tail & (amp_ring_count)(ring->size - 1u)];
    ring->tail = (amp_ring_count)(tail + 1u);
    return byte;
}

/// Take up to |size| bytes; returns how many.
static inline size_t amp_ring_read(struct amp_ring *ring, uint8_t *bytes, size_t size) {
    size_t taken = 0;
    while (taken < size && amp_ring_waiting(ring) != 0) {
        bytes[taken++] = amp_ring_take(ring);
    }
    return taken;
}

/// Put up to |size| bytes; returns how many.
static inline size_t amp_ring_write(struct amp_ring *ring, const uint8_t *bytes, size_t size) {
    size_t put = 0;
    while (put < size && amp_ring_put(ring, bytes[put])) {
        put++;
    }
    return put;
}

#endif
