/* Waiting, reading and writing on a pipe, a pty and a socket. */
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

static const struct amp_platform *real;
static int ends[2];
static const uint8_t hello[] = {1, 0, 255, 10, 13};

static amp_ns now(void) {
    return real->now(real->context);
}

static int poll_until(int descriptor, int want, amp_ns deadline) {
    struct amp_polled one = {.descriptor = descriptor, .want = want, .ready = -1};
    const int ready = real->poll(real->context, &one, 1, deadline);
    CHECK(ready == (one.ready != 0));
    return one.ready;
}

static int poll_for(int descriptor, int want, amp_ns wait) {
    return poll_until(descriptor, want, now() + wait);
}

static int read_from(int descriptor, uint8_t *bytes, size_t room) {
    return real->read(real->context, descriptor, bytes, room);
}

static int write_to(int descriptor, const uint8_t *bytes, size_t size) {
    return real->write(real->context, descriptor, bytes, size);
}

static void open_pipe(void) {
    CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
}

static void close_pipe(void) {
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void test_poll_when_nothing_comes_waits_until_its_deadline(void) {
    open_pipe();
    const amp_ns deadline = now() + 20 * MS;
    CHECK(poll_until(ends[0], AMP_POLL_READ, deadline) == 0);
    CHECK(now() >= deadline);
    close_pipe();
}

static void test_poll_when_its_deadline_is_past_only_looks(void) {
    open_pipe();
    const amp_ns before = now();
    CHECK(poll_until(ends[0], AMP_POLL_READ, before - 1000 * MS) == 0);
    CHECK(poll_until(ends[1], AMP_POLL_WRITE, before - 1000 * MS) == AMP_POLL_WRITE);
    CHECK(now() - before < 1000 * MS);
    close_pipe();
}

static volatile sig_atomic_t signals;

static void on_alarm(int signal_number) {
    (void)signal_number;
    signals = signals + 1;
}

static void test_poll_when_signals_come_waits_until_its_deadline(void) {
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval every = {.it_interval = {.tv_usec = 2000},
                                    .it_value = {.tv_usec = 2000}};
    const struct itimerval never = {.it_value = {.tv_sec = 0}};
    open_pipe();
    signals = 0;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    const amp_ns deadline = now() + 30 * MS;
    CHECK(poll_until(ends[0], AMP_POLL_READ, deadline) == 0);
    CHECK(now() >= deadline);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(signals >= 1); /* ThreadSanitizer holds the others back */
    close_pipe();
}

static void test_poll_reports_what_is_ready_and_was_asked_for(void) {
    open_pipe();
    CHECK(poll_for(ends[1], AMP_POLL_WRITE, WAIT) == AMP_POLL_WRITE);
    CHECK(poll_for(ends[1], AMP_POLL_READ, 0) == 0);
    CHECK(write_to(ends[1], hello, sizeof hello) == (int)sizeof hello);
    CHECK(poll_for(ends[0], AMP_POLL_READ, WAIT) == AMP_POLL_READ);
    CHECK(poll_for(ends[0], AMP_POLL_WRITE, 0) == 0);
    close_pipe();
}

static void test_poll_reports_a_hang_up_unasked(void) {
    open_pipe();
    CHECK(close(ends[1]) == 0);
    CHECK((poll_for(ends[0], 0, WAIT) & AMP_POLL_ERROR) != 0);
    CHECK((poll_for(ends[0], AMP_POLL_READ, WAIT) & AMP_POLL_ERROR) != 0);
    CHECK(close(ends[0]) == 0);
    CHECK((poll_for(ends[0], AMP_POLL_READ, WAIT) & AMP_POLL_ERROR) != 0); /* no such descriptor */
}

static void test_poll_of_many_tells_who_is_ready_and_skips_who_is_not_there(void) {
    struct amp_polled polled[AMP_POLLED_MAX];
    int pipes[AMP_POLLED_MAX][2];
    for (int i = 0; i < AMP_POLLED_MAX; i++) {
        CHECK(pipe2(pipes[i], O_NONBLOCK | O_CLOEXEC) == 0);
        polled[i] = (struct amp_polled){pipes[i][0], AMP_POLL_READ, -1};
    }
    CHECK(write_to(pipes[3][1], hello, sizeof hello) == (int)sizeof hello);
    CHECK(write_to(pipes[5][1], hello, sizeof hello) == (int)sizeof hello);
    CHECK(close(pipes[15][1]) == 0);
    polled[5].descriptor = -1;
    CHECK(real->poll(real->context, polled, AMP_POLLED_MAX, now() + WAIT) == 2);
    for (int i = 0; i < AMP_POLLED_MAX; i++) {
        const int expected = i == 3 ? AMP_POLL_READ : i == 15 ? AMP_POLL_ERROR : 0;
        CHECK(polled[i].ready == expected);
        CHECK(close(pipes[i][0]) == 0 && (i == 15 || close(pipes[i][1]) == 0));
    }
}

static void test_read_gives_what_is_there_and_no_more_than_asked(void) {
    uint8_t bytes[16];
    memset(bytes, 0x5a, sizeof bytes);
    open_pipe();
    CHECK(read_from(ends[0], bytes, sizeof bytes) == 0); /* nothing, and no waiting */
    CHECK(write_to(ends[1], hello, sizeof hello) == (int)sizeof hello);
    CHECK(read_from(ends[0], bytes, 2) == 2);
    CHECK(bytes[0] == 1 && bytes[1] == 0 && bytes[2] == 0x5a);
    CHECK(read_from(ends[0], bytes, sizeof bytes) == 3);
    CHECK(memcmp(bytes, hello + 2, 3) == 0 && bytes[3] == 0x5a);
    CHECK(read_from(ends[0], bytes, sizeof bytes) == 0);
    close_pipe();
}

static void test_write_when_full_writes_nothing_and_does_not_wait(void) {
    static uint8_t block[65536];
    open_pipe();
    long written = 0;
    for (int i = 0; i < 100; i++) {
        const int done = write_to(ends[1], block, sizeof block);
        CHECK(done >= 0);
        written += done;
    }
    CHECK(written > 0 && written < 100 * (long)sizeof block);
    CHECK(write_to(ends[1], block, 1) == 0);
    CHECK(poll_for(ends[1], AMP_POLL_WRITE, 0) == 0);
    close_pipe();
}

static void test_write_when_the_reader_is_gone(void) {
    open_pipe();
    CHECK(close(ends[0]) == 0);
    CHECK(write_to(ends[1], hello, sizeof hello) == -AMP_EIO);
    CHECK(close(ends[1]) == 0);
}

/* A pty as the loopback device has one: raw, both ends non-blocking. */

static int device;
static int host;

static void open_pty(void) {
    struct termios mode;
    device = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(device >= 0 && grantpt(device) == 0 && unlockpt(device) == 0);
    const char *const name = ptsname(device);
    CHECK(name != NULL);
    host = name != NULL ? open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
    CHECK(host >= 0 && fcntl(device, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    CHECK(tcgetattr(host, &mode) == 0);
    cfmakeraw(&mode);
    CHECK(tcsetattr(host, TCSANOW, &mode) == 0);
}

static void test_bytes_cross_a_pty_both_ways_unchanged(void) {
    uint8_t bytes[16];
    open_pty();
    CHECK(write_to(host, hello, sizeof hello) == (int)sizeof hello);
    CHECK(poll_for(device, AMP_POLL_READ, WAIT) == AMP_POLL_READ);
    CHECK(read_from(device, bytes, sizeof bytes) == (int)sizeof hello);
    CHECK(memcmp(bytes, hello, sizeof hello) == 0);
    CHECK(write_to(device, hello, sizeof hello) == (int)sizeof hello);
    CHECK(poll_for(host, AMP_POLL_READ, WAIT) == AMP_POLL_READ);
    CHECK(read_from(host, bytes, sizeof bytes) == (int)sizeof hello);
    CHECK(memcmp(bytes, hello, sizeof hello) == 0);
    CHECK(read_from(host, bytes, sizeof bytes) == 0);
    CHECK(close(host) == 0 && close(device) == 0);
}

static void test_device_side_of_a_pty_when_the_host_is_gone(void) {
    uint8_t bytes[16];
    open_pty();
    CHECK(close(host) == 0);
    CHECK((poll_for(device, AMP_POLL_READ, WAIT) & AMP_POLL_ERROR) != 0);
    CHECK(read_from(device, bytes, sizeof bytes) == -AMP_EIO);
    CHECK(amp_platform_errno() == EIO);
    CHECK(close(device) == 0);
}

static void test_host_side_of_a_pty_when_the_device_is_gone(void) {
    open_pty();
    CHECK(close(device) == 0);
    uint8_t bytes[16];
    CHECK((poll_for(host, AMP_POLL_READ, WAIT) & AMP_POLL_ERROR) != 0);
    CHECK(read_from(host, bytes, sizeof bytes) <= 0); /* 0: Linux has hung the line up */
    CHECK(write_to(host, hello, sizeof hello) == -AMP_EIO);
    CHECK(amp_platform_errno() == EIO);
    CHECK(close(host) == 0);
}

/* A socket, as an emulator's UART has one. Nothing else tells its end from an empty line. */

static void open_sockets(void) {
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
}

static void test_a_socket_when_nothing_has_come_is_no_error(void) {
    uint8_t bytes[16];
    open_sockets();
    CHECK(poll_for(ends[0], AMP_POLL_READ | AMP_POLL_WRITE, 0) == AMP_POLL_WRITE);
    CHECK(read_from(ends[0], bytes, sizeof bytes) == 0);
    close_pipe();
}

static void test_a_socket_when_the_other_end_has_closed_gives_the_rest_and_says_so(void) {
    uint8_t bytes[16];
    open_sockets();
    CHECK(write_to(ends[1], hello, sizeof hello) == (int)sizeof hello);
    CHECK(close(ends[1]) == 0);
    const int ready = poll_for(ends[0], AMP_POLL_READ, WAIT);
    CHECK((ready & AMP_POLL_READ) != 0 && (ready & AMP_POLL_ERROR) != 0);
    CHECK(read_from(ends[0], bytes, sizeof bytes) == (int)sizeof hello);
    CHECK(write_to(ends[0], hello, sizeof hello) == -AMP_EIO); /* EPIPE, and no signal */
    CHECK(amp_platform_errno() == EPIPE);
    CHECK(close(ends[0]) == 0);
}

static void test_a_socket_when_the_other_end_only_stops_sending_is_gone_too(void) {
    uint8_t bytes[16];
    open_sockets();
    CHECK(shutdown(ends[1], SHUT_WR) == 0);
    CHECK((poll_for(ends[0], AMP_POLL_READ, WAIT) & AMP_POLL_ERROR) != 0);
    CHECK(read_from(ends[0], bytes, sizeof bytes) == 0);
    close_pipe();
}

int main(void) {
    real = amp_platform_linux();
    (void)signal(SIGPIPE, SIG_IGN); /* as Python has it */
    RUN(test_poll_when_nothing_comes_waits_until_its_deadline);
    RUN(test_poll_when_its_deadline_is_past_only_looks);
    RUN(test_poll_when_signals_come_waits_until_its_deadline);
    RUN(test_poll_reports_what_is_ready_and_was_asked_for);
    RUN(test_poll_reports_a_hang_up_unasked);
    RUN(test_poll_of_many_tells_who_is_ready_and_skips_who_is_not_there);
    RUN(test_read_gives_what_is_there_and_no_more_than_asked);
    RUN(test_write_when_full_writes_nothing_and_does_not_wait);
    RUN(test_write_when_the_reader_is_gone);
    RUN(test_bytes_cross_a_pty_both_ways_unchanged);
    RUN(test_device_side_of_a_pty_when_the_host_is_gone);
    RUN(test_host_side_of_a_pty_when_the_device_is_gone);
    RUN(test_a_socket_when_nothing_has_come_is_no_error);
    RUN(test_a_socket_when_the_other_end_has_closed_gives_the_rest_and_says_so);
    RUN(test_a_socket_when_the_other_end_only_stops_sending_is_gone_too);
    return CHECK_DONE();
}
