/* A C test on a microcontroller: its output and its exit code go to the debugger, here QEMU.
 *
 * "Semihosting for AArch32 and AArch64" (ARM, ARM-software/abi-aa): the operation in r0, its block in r1,
 * `bkpt 0xAB`. The linker's --wrap=main puts __wrap_main() where the startup code calls main().
 */
#include "cortex_m.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SYS_WRITE0 0x04u
#define SYS_CLOCK 0x10u
#define SYS_TIME 0x11u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT 0x20026u
#define CRASHED 70

int __real_main(void); /* the test's own */
int __wrap_main(void);

static uint32_t ask(uint32_t operation, const void *block) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

_Noreturn void exit(int code) {
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)code};
    (void)ask(SYS_EXIT_EXTENDED, block);
    amp_failed();
}

int __wrap_main(void) {
    exit(__real_main());
}

static _Noreturn void crashed(void) {
    (void)ask(SYS_WRITE0, "a fault of the processor\n");
    exit(CRASHED);
}

AMP_VECTORS(1) = {
    .stack = amp_stack_top,
    .reset = amp_start,
    .exceptions = {crashed, crashed, crashed, crashed, crashed, crashed, crashed, crashed, crashed,
                   crashed, crashed, crashed, crashed},
    .systick = crashed,
    .interrupts = {crashed},
};

void amp_port_quiet(void) {}

/* Output */

struct line {
    char bytes[256];
    size_t size;
};

static void put(struct line *line, char byte) {
    line->bytes[line->size++] = byte;
    if (line->size == sizeof line->bytes - 1) {
        line->bytes[line->size] = '\0';
        (void)ask(SYS_WRITE0, line->bytes);
        line->size = 0;
    }
}

static void put_number(struct line *line, unsigned long long value, unsigned base) {
    char digits[24];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count > 0) {
        put(line, digits[--count]);
    }
}

static void put_signed(struct line *line, long long value) {
    if (value < 0) {
        put(line, '-');
    }
    put_number(line, value < 0 ? 0u - (unsigned long long)value : (unsigned long long)value, 10);
}

/* One conversion, behind its '%'; returns its last character. */
static const char *convert(struct line *line, const char *format, va_list *values) {
    const bool wide = format[0] == 'l' && format[1] == 'l';
    format += wide ? 2 : 0;
    switch (*format) {
    case 'd':
        put_signed(line, wide ? va_arg(*values, long long) : va_arg(*values, int));
        break;
    case 'u':
    case 'x':
        put_number(line, wide ? va_arg(*values, unsigned long long) : va_arg(*values, unsigned int),
                   *format == 'x' ? 16 : 10);
        break;
    case 's':
        for (const char *text = va_arg(*values, const char *); *text != '\0'; text++) {
            put(line, *text);
        }
        break;
    default:
        put(line, *format);
        break;
    }
    return format;
}

static void print(const char *format, va_list *values) {
    struct line line = {.size = 0};
    for (; *format != '\0'; format++) {
        if (*format == '%') {
            format = convert(&line, format + 1, values);
        } else {
            put(&line, *format);
        }
    }
    line.bytes[line.size] = '\0';
    (void)ask(SYS_WRITE0, line.bytes);
}

int printf(const char *format, ...) {
    va_list values;
    va_start(values, format);
    print(format, &values);
    va_end(values);
    return 0;
}

int fprintf(int stream, const char *format, ...) {
    va_list values;
    (void)stream;
    va_start(values, format);
    print(format, &values);
    va_end(values);
    return 0;
}

int fflush(int stream) {
    (void)stream;
    return 0;
}

/* The rest of what the tests call */

int timespec_get(struct timespec *now, int base) {
    now->tv_sec = ask(SYS_TIME, NULL);
    now->tv_nsec = (long)(ask(SYS_CLOCK, NULL) % 100u) * 10000000;
    return base;
}

static uint64_t heap[512];
static size_t heap_used;

void *malloc(size_t size) {
    const size_t words = (size + sizeof heap[0] - 1) / sizeof heap[0];
    if (words > sizeof heap / sizeof heap[0] - heap_used) {
        return NULL;
    }
    heap_used += words;
    return &heap[heap_used - words];
}

void *calloc(size_t count, size_t size) {
    void *const memory = malloc(count * size);
    return memory == NULL ? NULL : memset(memory, 0, count * size);
}

void free(void *memory) {
    if (memory != NULL) {
        heap_used = (size_t)((uint64_t *)memory - heap);
    }
}

char *getenv(const char *name) {
    (void)name;
    return NULL;
}

unsigned long long strtoull(const char *text, char **end, int base) {
    (void)text;
    (void)end;
    (void)base;
    exit(CRASHED); /* there is no environment, so no text to read */
}

size_t strlen(const char *text) {
    size_t size = 0;
    while (text[size] != '\0') {
        size++;
    }
    return size;
}

int strcmp(const char *left, const char *right) {
    while (*left != '\0' && *left == *right) {
        left++;
        right++;
    }
    return (unsigned char)*left - (unsigned char)*right;
}

void *memchr(const void *memory, int value, size_t size) {
    const unsigned char *bytes = memory;
    for (; size > 0; size--, bytes++) {
        if (*bytes == (unsigned char)value) {
            return (void *)(uintptr_t)bytes;
        }
    }
    return NULL;
}
