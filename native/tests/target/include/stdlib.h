#ifndef TARGET_STDLIB_H
#define TARGET_STDLIB_H

#include <stddef.h>

/// Of 4 KiB; free() takes the newest back.
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void free(void *memory);
/// There is no environment: NULL.
char *getenv(const char *name);
unsigned long long strtoull(const char *text, char **end, int base);
_Noreturn void exit(int code);

#endif
