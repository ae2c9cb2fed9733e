#include "amp/segment.h"

#include <string.h>

#include "layout.h"

#define AMP_BYTE_ORDER_MARK 0x01020304u

static const uint8_t magic[4] = {'A', 'M', 'P', 'H'};

int amp_segment_format(void *base, const struct amp_segment_identity *identity,
                       const char *directory, size_t length, amp_ns now) {
    if (identity->role >= AMP_ROLES_MAX || identity->page_size < 4096 ||
        (identity->page_size & (identity->page_size - 1)) != 0 ||
        identity->size % identity->page_size != 0) {
        return -AMP_EARG;
    }
    if (length > AMP_DIRECTORY_MAX ||
        identity->size < (uint64_t)identity->page_size + AMP_OWNER_SIZE) {
        return -AMP_EROOM;
    }
    if (memchr(directory, '\0', length) != NULL) {
        return -AMP_EARG;
    }
    struct amp_header *const header = base;
    memcpy(header->magic, magic, sizeof magic);
    header->abi_major = AMP_ABI_MAJOR;
    header->abi_minor = AMP_ABI_MINOR;
    header->byte_order = AMP_BYTE_ORDER_MARK;
    header->word_size = sizeof(void *);
    header->size = identity->size;
    header->layout_hash = identity->layout_hash;
    header->nonce = identity->nonce;
    header->role = identity->role;
    header->page_size = identity->page_size;
    header->created_ns = now;
    header->directory_size = (uint32_t)length;
    memcpy((char *)base + AMP_DIRECTORY_OFFSET, directory, length);
    amp_store_release(&header->ready, 1); /* pairs with the acquire in amp_segment_check() */
    return AMP_OK;
}

int amp_segment_check(const void *base, const struct amp_segment_identity *identity) {
    const struct amp_header *const header = base;
    if (identity->size < sizeof *header) {
        return -AMP_ESIZE;
    }
    if (amp_load_acquire(&header->ready) !=
        1) { /* pairs with the release in amp_segment_format() */
        return -AMP_ENOTREADY;
    }
    if (memcmp(header->magic, magic, sizeof magic) != 0 || header->abi_major != AMP_ABI_MAJOR ||
        header->byte_order != AMP_BYTE_ORDER_MARK || header->word_size != sizeof(void *) ||
        header->page_size != identity->page_size || header->role != identity->role) {
        return -AMP_EFORMAT;
    }
    if (header->size != identity->size) {
        return -AMP_ESIZE;
    }
    if (header->layout_hash != identity->layout_hash) {
        return -AMP_ELAYOUT;
    }
    if (header->nonce != identity->nonce) {
        return -AMP_ENONCE;
    }
    return AMP_OK;
}

size_t amp_segment_directory(const void *base, char *out, size_t room) {
    const struct amp_header *const header = base;
    const size_t size = header->directory_size;
    if (size > AMP_DIRECTORY_MAX || size > room) {
        return 0;
    }
    memcpy(out, (const char *)base + AMP_DIRECTORY_OFFSET, size);
    return size;
}

struct amp_owner *amp_segment_owner(void *base, uint32_t page_size) {
    return (void *)((unsigned char *)base + page_size);
}

struct amp_system *amp_segment_system(void *base, uint32_t page_size) {
    return (void *)((unsigned char *)base + page_size + AMP_OWNER_SIZE);
}

void amp_system_set_mode(struct amp_system *system, enum amp_mode mode, uint64_t arming) {
    amp_store_release(&system->mode, (uint64_t)mode | arming << 8);
}

enum amp_mode amp_system_mode(const struct amp_system *system, uint64_t *arming) {
    const uint64_t word = amp_load_acquire(&system->mode);
    if (arming != NULL) {
        *arming = word >> 8;
    }
    const uint64_t mode = word & 0xff;
    return mode <= AMP_MODE_SAFE ? (enum amp_mode)mode : AMP_MODE_SAFE;
}

void amp_system_trip(struct amp_system *system, uint64_t arming, enum amp_fault fault,
                     uint32_t role) {
    if (amp_system_tripped(system, arming, NULL, NULL)) {
        return;
    }
    amp_store_release(&system->trip,
                      ((uint64_t)fault & 0xff) | ((uint64_t)role & 0xff) << 8 | arming << 16);
}

bool amp_system_tripped(const struct amp_system *system, uint64_t arming, enum amp_fault *fault,
                        uint32_t *role) {
    const uint64_t word = amp_load_acquire(&system->trip);
    const uint64_t code = word & 0xff;
    if (fault != NULL) {
        *fault = code < AMP_FAULT_COUNT ? (enum amp_fault)code : AMP_FAULT_ESTOP;
    }
    if (role != NULL) {
        *role = (uint32_t)(word >> 8 & 0xff);
    }
    return code != AMP_FAULT_NONE && word >> 16 >= arming;
}

void amp_system_set_role(struct amp_system *system, uint32_t role, enum amp_role_state state,
                         uint32_t pid, uint32_t epoch, enum amp_wanted wanted) {
    AMP_ASSERT(role < AMP_ROLES_MAX);
    struct amp_role_line *const line = &system->roles[role];
    amp_store_relaxed(&line->pid, pid);
    amp_store_relaxed(&line->epoch, epoch);
    amp_store_release(&line->state, (uint64_t)state | (uint64_t)wanted << 8);
}

static uint64_t role_word(const struct amp_system *system, uint32_t role) {
    AMP_ASSERT(role < AMP_ROLES_MAX);
    return amp_load_acquire(&system->roles[role].state);
}

enum amp_wanted amp_system_wanted(const struct amp_system *system, uint32_t role) {
    return (role_word(system, role) >> 8 & 0xff) == AMP_WANTED_END ? AMP_WANTED_END
                                                                   : AMP_WANTED_RUN;
}

enum amp_role_state amp_system_role_state(const struct amp_system *system, uint32_t role) {
    const uint64_t state = role_word(system, role) & 0xff;
    return state <= AMP_ROLE_DEAD ? (enum amp_role_state)state : AMP_ROLE_DEAD;
}

uint32_t amp_system_role_pid(const struct amp_system *system, uint32_t role) {
    AMP_ASSERT(role < AMP_ROLES_MAX);
    return (uint32_t)amp_load_relaxed(&system->roles[role].pid);
}

uint32_t amp_system_role_epoch(const struct amp_system *system, uint32_t role) {
    AMP_ASSERT(role < AMP_ROLES_MAX);
    return (uint32_t)amp_load_relaxed(&system->roles[role].epoch);
}
