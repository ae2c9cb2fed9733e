/* What the C tests use of a C library, for a microcontroller without one: see ../semihosting.c. */
#ifndef TARGET_STDIO_H
#define TARGET_STDIO_H

#define stdout 1
#define stderr 2

/// Knows %d, %u, %s, %x, %llx, %lld, %llu and %%.
int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fprintf(int stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fflush(int stream);

#endif
