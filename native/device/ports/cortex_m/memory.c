/* The four functions that a compiler may call of itself where there is no C library. */
#include <stddef.h>
#include <stdint.h>

/* Else the compiler would make a call to itself of each loop. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);

__attribute__((used)) void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    uint8_t *out = to;
    for (const uint8_t *in = from; size > 0; size--) {
        *out++ = *in++;
    }
    return to;
}

__attribute__((used)) void *memmove(void *to, const void *from, size_t size) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((uintptr_t)to < (uintptr_t)from) {
        return memcpy(to, from, size);
    }
    while (size > 0) {
        size--;
        out[size] = in[size];
    }
    return to;
}

__attribute__((used)) void *memset(void *to, int value, size_t size) {
    uint8_t *out = to;
    while (size > 0) {
        size--;
        *out++ = (uint8_t)value;
    }
    return to;
}

__attribute__((used)) int memcmp(const void *left, const void *right, size_t size) {
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (; size > 0; size--, a++, b++) {
        if (*a != *b) {
            return *a < *b ? -1 : 1;
        }
    }
    return 0;
}
