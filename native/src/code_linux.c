#define _GNU_SOURCE
#include <link.h>
#include <time.h>
#include <unistd.h>

#include "amp/loop.h"
#include "amp/platform.h"

/* One address in each object that a loop runs code of: ours, the C library, a user's. */
#define OBJECTS 3

struct search {
    uintptr_t inside[OBJECTS];
    uintptr_t page_size;
};

static uint64_t touch(uintptr_t from, uintptr_t end, uintptr_t page_size) {
    uint64_t sum = 0;
    for (uintptr_t at = from - from % page_size; at < end; at += page_size) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader gives addresses as numbers
        sum += *(const volatile unsigned char *)at; /* volatile: the loads must happen */
    }
    return sum;
}

static bool holds_any(const struct dl_phdr_info *object, const struct search *search) {
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *const part = &object->dlpi_phdr[i];
        const uintptr_t from = object->dlpi_addr + part->p_vaddr;
        for (int k = 0; k < OBJECTS; k++) {
            if (part->p_type == PT_LOAD && search->inside[k] - from < part->p_memsz) {
                return true;
            }
        }
    }
    return false;
}

static int touch_object(struct dl_phdr_info *object, size_t size, void *argument) {
    (void)size;
    const struct search *const search = argument;
    if (!holds_any(object, search)) {
        return 0;
    }
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *const part = &object->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_R) != 0) {
            const uintptr_t from = object->dlpi_addr + part->p_vaddr;
            (void)touch(from, from + part->p_memsz, search->page_size);
        }
    }
    return 0;
}

void amp_platform_touch_code(const void *also) {
    struct search search = {
        .inside = {(uintptr_t)amp_loop_run, (uintptr_t)clock_nanosleep, (uintptr_t)also},
        .page_size = (uintptr_t)sysconf(_SC_PAGESIZE),
    };
    (void)dl_iterate_phdr(touch_object, &search);
}
