#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "amp/platform.h"

#define AMP_NS_PER_S 1000000000LL

/* What one place in the caller's list stands for, and what of it nobody has taken yet. */
struct watched {
    int descriptor; /* -1: nothing is registered */
    int want;
    int ready; /* AMP_POLL_READ until a read finds less than it has room for, AMP_POLL_ERROR */
};

struct edges {
    int epoll;
    struct watched slots[AMP_POLLED_MAX];
};

/* With EPOLLET Linux looks at a line when something has woken it and at no other time. Who waits for
 * room to write is woken by the level: there is no asking a line for less. */
static uint32_t events_of(int want) {
    const uint32_t in = (want & AMP_POLL_READ) != 0 ? EPOLLIN | EPOLLRDHUP : 0;
    return in | ((want & AMP_POLL_WRITE) != 0 ? EPOLLOUT : (uint32_t)EPOLLET);
}

static bool control(const struct edges *edges, int operation, int descriptor, uint32_t slot,
                    int want) {
    struct epoll_event event = {.events = events_of(want), .data = {.u32 = slot}};
    return epoll_ctl(edges->epoll, operation, descriptor, &event) == 0;
}

/* First of all, or a number that has changed hands would go with its old place. */
static void forget_changed(struct edges *edges, const struct amp_polled *polled, uint32_t count) {
    for (uint32_t i = 0; i < AMP_POLLED_MAX; i++) {
        struct watched *const slot = &edges->slots[i];
        if (slot->descriptor >= 0 && (i >= count || polled[i].descriptor != slot->descriptor)) {
            (void)control(edges, EPOLL_CTL_DEL, slot->descriptor, i, 0); /* closed: gone already */
            slot->descriptor = -1;
        }
    }
}

static void register_changed(struct edges *edges, const struct amp_polled *polled, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct watched *const slot = &edges->slots[i];
        const int descriptor = polled[i].descriptor;
        const int want = polled[i].want;
        if (descriptor >= 0 && slot->descriptor < 0) {
            const bool added = control(edges, EPOLL_CTL_ADD, descriptor, i, want);
            const bool twice = !added && errno == EEXIST; /* in another place too: that one tells */
            *slot = (struct watched){.descriptor = twice ? -1 : descriptor, .want = want};
            slot->ready = added || twice ? 0 : AMP_POLL_ERROR;
        } else if (descriptor >= 0 && want != slot->want) {
            slot->want = want;
            slot->ready |= control(edges, EPOLL_CTL_MOD, descriptor, i, want) ? 0 : AMP_POLL_ERROR;
        }
    }
}

/* Older Linux has no wait in ns: it waits for the epoll descriptor, and then asks it. */
static int wait_for(const struct edges *edges, struct epoll_event *events, amp_ns most) {
    const amp_ns left = most > 0 ? most : 0;
#ifdef SYS_epoll_pwait2
    static bool missing;
    const struct {
        int64_t s, ns; /* as Linux has it, whatever the C library's time is */
    } wait = {.s = left / AMP_NS_PER_S, .ns = left % AMP_NS_PER_S};
    if (!missing) {
        const long ready =
            syscall(SYS_epoll_pwait2, edges->epoll, events, AMP_POLLED_MAX, &wait, NULL, 0);
        missing = ready < 0 && errno == ENOSYS;
        if (!missing) {
            return (int)ready;
        }
    }
#endif
    struct pollfd entry = {.fd = edges->epoll, .events = POLLIN};
    const struct timespec timeout = {.tv_sec = (time_t)(left / AMP_NS_PER_S),
                                     .tv_nsec = (long)(left % AMP_NS_PER_S)};
    const int ready = ppoll(&entry, 1, &timeout, NULL);
    return ready > 0 ? epoll_wait(edges->epoll, events, AMP_POLLED_MAX, 0) : ready;
}

static bool any_kept(const struct edges *edges, const struct amp_polled *polled, uint32_t count) {
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        any |= polled[i].descriptor >= 0 &&
               (edges->slots[i].ready & (polled[i].want | AMP_POLL_ERROR)) != 0;
    }
    return any;
}

static int edges_poll(void *context, struct amp_polled *polled, uint32_t count, amp_ns deadline) {
    struct edges *const edges = context;
    struct epoll_event events[AMP_POLLED_MAX];
    AMP_ASSERT(count <= AMP_POLLED_MAX);
    forget_changed(edges, polled, count);
    register_changed(edges, polled, count);
    const bool kept = any_kept(edges, polled, count);
    const struct amp_platform *const plain = amp_platform_linux();
    amp_ns left;
    int found;
    do { /* until the deadline, whatever signals come */
        left = kept ? 0 : deadline - plain->now(plain->context);
        found = wait_for(edges, events, left);
    } while (found < 0 && errno == EINTR && left > 0);
    for (uint32_t i = 0; i < count; i++) {
        polled[i].ready = 0;
    }
    for (int i = 0; i < found; i++) {
        const uint32_t slot = events[i].data.u32;
        const uint32_t seen = events[i].events;
        edges->slots[slot].ready |=
            ((seen & EPOLLIN) != 0 ? AMP_POLL_READ : 0) |
            ((seen & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0 ? AMP_POLL_ERROR : 0);
        polled[slot].ready = (seen & EPOLLOUT) != 0 ? AMP_POLL_WRITE : 0;
    }
    int ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        const int now = polled[i].descriptor >= 0 ? edges->slots[i].ready : 0;
        polled[i].ready |= now & (polled[i].want | AMP_POLL_ERROR);
        ready += polled[i].ready != 0;
    }
    return ready;
}

static int edges_read(void *context, int descriptor, uint8_t *bytes, size_t room) {
    struct edges *const edges = context;
    const struct amp_platform *const plain = amp_platform_linux();
    const int got = plain->read(plain->context, descriptor, bytes, room);
    for (uint32_t i = 0; i < AMP_POLLED_MAX && (got < 0 || (size_t)got < room); i++) {
        if (edges->slots[i].descriptor == descriptor) {
            edges->slots[i].ready &= ~AMP_POLL_READ; /* what comes from now on wakes us */
        }
    }
    return got;
}

const struct amp_platform *amp_platform_linux_edges(void) {
    static struct edges edges = {.epoll = -1};
    static struct amp_platform platform;
    if (edges.epoll >= 0) {
        close(edges.epoll);
    }
    edges.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < AMP_POLLED_MAX; i++) {
        edges.slots[i] = (struct watched){.descriptor = -1};
    }
    platform = *amp_platform_linux();
    platform.context = &edges;
    platform.poll = edges_poll;
    platform.read = edges_read;
    return edges.epoll >= 0 ? &platform : amp_platform_linux();
}

static int waiting_read(void *context, int descriptor, uint8_t *bytes, size_t room) {
    int waiting = 1;
    if (ioctl(descriptor, FIONREAD, &waiting) == 0 && waiting == 0) {
        return 0;
    }
    const struct amp_platform *const plain = amp_platform_linux();
    return plain->read(context, descriptor, bytes, room);
}

const struct amp_platform *amp_platform_linux_unpolled(void) {
    static struct amp_platform platform;
    platform = *amp_platform_linux();
    platform.read = waiting_read;
    return &platform;
}
