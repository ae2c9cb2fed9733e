/* Waiting for what comes, on pipes, ptys and sockets: as test_platform_streams.c, by the edge. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>

#include "amp/platform.h"
#include "check.h"

#define MS ((amp_ns)1000000)
#define WAIT (5000 * MS)

static const struct amp_platform *edges;
static struct amp_polled polled[2];
static int ends[2];

static amp_ns now(void) {
    return edges->now(edges->context);
}

static int poll_both(amp_ns wait) {
    return edges->poll(edges->context, polled, 2, now() + wait);
}

static int poll_for(int descriptor, int want, amp_ns wait) {
    polled[0] = (struct amp_polled){.descriptor = descriptor, .want = want};
    polled[1] = (struct amp_polled){.descriptor = -1};
    (void)poll_both(wait);
    return polled[0].ready;
}

static int read_from(int descriptor, size_t room) {
    uint8_t bytes[4096];
    return edges->read(edges->context, descriptor, bytes, room);
}

static void put(int descriptor, size_t size) {
    static const uint8_t bytes[256];
    CHECK(edges->write(edges->context, descriptor, bytes, size) == (int)size);
}

/* One poll without them, as the pump has it between two ports. */
static void close_ends(void) {
    CHECK(poll_for(-1, 0, 0) == 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void open_sockets(void) {
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
}

static void open_pty(void) {
    struct termios mode;
    ends[1] = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(ends[1] >= 0 && grantpt(ends[1]) == 0 && unlockpt(ends[1]) == 0);
    const char *const name = ptsname(ends[1]);
    CHECK(name != NULL);
    ends[0] = name != NULL ? open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
    CHECK(ends[0] >= 0 && fcntl(ends[1], F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    CHECK(tcgetattr(ends[0], &mode) == 0);
    cfmakeraw(&mode);
    CHECK(tcsetattr(ends[0], TCSANOW, &mode) == 0);
}

static void (*const openers[])(void) = {open_sockets, open_pty};

static void test_what_had_come_before_the_first_poll_is_found(void) {
    for (size_t i = 0; i < 2; i++) {
        openers[i]();
        put(ends[1], 5);
        CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
        CHECK(read_from(ends[0], 64) == 5);
        CHECK(poll_for(ends[0], AMP_POLL_READ, 0) == 0);
        close_ends();
    }
}

static void test_what_comes_later_is_found_each_time(void) {
    for (size_t i = 0; i < 2; i++) {
        openers[i]();
        CHECK(poll_for(ends[0], AMP_POLL_READ, 0) == 0);
        for (int turn = 0; turn < 100; turn++) {
            put(ends[1], 7);
            CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
            CHECK(read_from(ends[0], 64) == 7);
        }
        close_ends();
    }
}

static void test_what_a_read_has_left_is_ready_still(void) {
    for (size_t i = 0; i < 2; i++) {
        openers[i]();
        put(ends[1], 100);
        CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
        CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ); /* nobody has read */
        CHECK(read_from(ends[0], 60) == 60);
        CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
        CHECK(read_from(ends[0], 40) == 40); /* as much as it has room for: perhaps there is more */
        CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
        CHECK(read_from(ends[0], 60) == 0);
        CHECK(poll_for(ends[0], AMP_POLL_READ, 0) == 0);
        close_ends();
    }
}

static void test_who_does_not_want_to_read_waits_and_finds_it_afterwards(void) {
    open_sockets();
    put(ends[1], 5);
    const amp_ns deadline = now() + 20 * MS;
    CHECK(poll_for(ends[0], 0, 20 * MS) == 0);
    CHECK(now() >= deadline);
    CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
    CHECK(read_from(ends[0], 64) == 5);
    close_ends();
}

static void test_room_to_write_is_told_for_as_long_as_it_is_wanted(void) {
    for (size_t i = 0; i < 2; i++) {
        openers[i]();
        CHECK(poll_for(ends[0], AMP_POLL_READ | AMP_POLL_WRITE, WAIT) == AMP_POLL_WRITE);
        CHECK(poll_for(ends[0], AMP_POLL_READ | AMP_POLL_WRITE, WAIT) == AMP_POLL_WRITE);
        CHECK(poll_for(ends[0], AMP_POLL_READ, 0) == 0);
        put(ends[1], 5);
        CHECK(poll_for(ends[0], AMP_POLL_READ | AMP_POLL_WRITE, WAIT) >= AMP_POLL_WRITE);
        CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
        CHECK(read_from(ends[0], 64) == 5);
        CHECK(poll_for(ends[0], AMP_POLL_READ, 0) == 0);
        close_ends();
    }
}

static void test_a_full_line_is_told_when_there_is_room_again(void) {
    static uint8_t block[65536];
    open_sockets();
    while (edges->write(edges->context, ends[0], block, sizeof block) > 0) {
    }
    CHECK(poll_for(ends[0], AMP_POLL_WRITE, 0) == 0);
    while (edges->read(edges->context, ends[1], block, sizeof block) > 0) {
    }
    CHECK(poll_for(ends[0], AMP_POLL_WRITE, WAIT) == AMP_POLL_WRITE);
    close_ends();
}

static void test_a_hang_up_is_told_unasked_and_for_as_long_as_it_is_there(void) {
    for (size_t i = 0; i < 2; i++) {
        openers[i]();
        CHECK(poll_for(ends[0], AMP_POLL_READ, 0) == 0);
        CHECK(close(ends[1]) == 0);
        CHECK((poll_for(ends[0], AMP_POLL_READ, WAIT) & AMP_POLL_ERROR) != 0);
        CHECK(read_from(ends[0], 64) <= 0);
        CHECK((poll_for(ends[0], AMP_POLL_READ, WAIT) & AMP_POLL_ERROR) != 0);
        ends[1] = dup(ends[0]);
        close_ends();
    }
}

static void test_a_descriptor_that_is_none_is_an_error(void) {
    open_sockets();
    const int closed = ends[0];
    close_ends();
    CHECK(poll_for(closed, AMP_POLL_READ, WAIT) == AMP_POLL_ERROR);
    CHECK(poll_for(-1, AMP_POLL_READ, 0) == 0);
}

static void test_a_number_that_has_changed_hands_stands_for_the_new_line(void) {
    open_sockets();
    const int before = ends[0];
    put(ends[1], 5);
    CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
    close_ends();
    open_pty();
    const int same = ends[0] == before ? 0 : 1;
    CHECK(ends[same] == before);
    CHECK(poll_for(before, AMP_POLL_READ, 0) == 0);
    put(ends[1 - same], 6);
    CHECK(poll_for(before, AMP_POLL_READ, WAIT) == AMP_POLL_READ);
    CHECK(read_from(before, 64) == 6);
    close_ends();
}

static void test_a_new_beginning_knows_nothing_of_the_numbers_before(void) {
    open_sockets();
    const int before = ends[0];
    CHECK(poll_for(before, AMP_POLL_READ, 0) == 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0); /* no poll without them */
    open_sockets();
    CHECK(ends[0] == before);
    put(ends[1], 5);
    CHECK(amp_platform_linux_edges() == edges);
    CHECK(poll_for(before, AMP_POLL_READ, WAIT) == AMP_POLL_READ);
    CHECK(read_from(before, 64) == 5);
    close_ends();
}

static void test_lines_that_change_places_are_told_apart(void) {
    int others[2];
    open_sockets();
    memcpy(others, ends, sizeof others);
    open_pty();
    polled[0] = (struct amp_polled){.descriptor = ends[0], .want = AMP_POLL_READ};
    polled[1] = (struct amp_polled){.descriptor = others[0], .want = AMP_POLL_READ};
    CHECK(poll_both(0) == 0);
    const struct amp_polled first = polled[0];
    polled[0] = polled[1];
    polled[1] = first;
    CHECK(poll_both(0) == 0);
    put(ends[1], 4);
    CHECK(poll_both(WAIT) == 1 && polled[0].ready == 0 && polled[1].ready == AMP_POLL_READ);
    put(others[1], 4);
    CHECK(poll_both(WAIT) == 2 && polled[0].ready == AMP_POLL_READ);
    close_ends();
    CHECK(close(others[0]) == 0 && close(others[1]) == 0);
}

static void test_one_line_in_two_places_is_told_in_one_and_stays_when_that_one_goes(void) {
    open_sockets();
    polled[0] = (struct amp_polled){.descriptor = ends[0], .want = AMP_POLL_READ};
    polled[1] = polled[0];
    put(ends[1], 4);
    CHECK(poll_both(WAIT) >= 1);
    polled[0].descriptor = -1;
    CHECK(poll_both(WAIT) == 1 && polled[1].ready == AMP_POLL_READ);
    close_ends();
}

static volatile sig_atomic_t signals;

static void on_alarm(int signal_number) {
    (void)signal_number;
    signals = signals + 1;
}

static void test_the_deadline_is_kept_whatever_signals_come(void) {
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval every = {.it_interval = {.tv_usec = 2000},
                                    .it_value = {.tv_usec = 2000}};
    const struct itimerval never = {.it_value = {.tv_sec = 0}};
    open_pty();
    signals = 0;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    const amp_ns deadline = now() + 30 * MS;
    CHECK(poll_for(ends[0], AMP_POLL_READ, 30 * MS) == 0);
    CHECK(now() >= deadline);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(signals >= 1); /* ThreadSanitizer holds the others back */
    close_ends();
}

static void test_a_read_without_a_poll_finds_what_has_come(void) {
    const struct amp_platform *const unpolled = amp_platform_linux_unpolled();
    uint8_t bytes[64];
    for (size_t i = 0; i < 2; i++) {
        openers[i]();
        CHECK(unpolled->read(unpolled->context, ends[0], bytes, sizeof bytes) == 0);
        put(ends[1], 9);
        CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
        CHECK(unpolled->read(unpolled->context, ends[0], bytes, sizeof bytes) == 9);
        CHECK(unpolled->read(unpolled->context, ends[0], bytes, sizeof bytes) == 0);
        close_ends();
    }
    CHECK(unpolled->read(unpolled->context, -1, bytes, sizeof bytes) == -AMP_EIO);
}

int main(void) {
    edges = amp_platform_linux_edges();
    CHECK(edges != amp_platform_linux());
    (void)signal(SIGPIPE, SIG_IGN); /* as Python has it */
    RUN(test_what_had_come_before_the_first_poll_is_found);
    RUN(test_what_comes_later_is_found_each_time);
    RUN(test_what_a_read_has_left_is_ready_still);
    RUN(test_who_does_not_want_to_read_waits_and_finds_it_afterwards);
    RUN(test_room_to_write_is_told_for_as_long_as_it_is_wanted);
    RUN(test_a_full_line_is_told_when_there_is_room_again);
    RUN(test_a_hang_up_is_told_unasked_and_for_as_long_as_it_is_there);
    RUN(test_a_descriptor_that_is_none_is_an_error);
    RUN(test_a_number_that_has_changed_hands_stands_for_the_new_line);
    RUN(test_a_new_beginning_knows_nothing_of_the_numbers_before);
    RUN(test_lines_that_change_places_are_told_apart);
    RUN(test_one_line_in_two_places_is_told_in_one_and_stays_when_that_one_goes);
    RUN(test_the_deadline_is_kept_whatever_signals_come);
    RUN(test_a_read_without_a_poll_finds_what_has_come);
    return CHECK_DONE();
}
