/* port.h over standard input and output, for a firmware that runs as a process of a test. */
#include "amp/port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t began_us;

void amp_port_begin(uint32_t baud) {
    (void)baud;
    began_us = clock_us();
    (void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    (void)fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
}

uint64_t amp_port_now_us(void) {
    return clock_us() - began_us;
}

size_t amp_port_read(uint8_t *bytes, size_t size) {
    const ssize_t got = read(STDIN_FILENO, bytes, size);
    if (got == 0) {
        exit(0); /* the other end is gone */
    }
    return got < 0 ? 0 : (size_t)got;
}

size_t amp_port_write(const uint8_t *bytes, size_t size) {
    const ssize_t put = size == 0 ? 0 : write(STDOUT_FILENO, bytes, size);
    return put < 0 ? 0 : (size_t)put;
}

uint32_t amp_port_lost_bytes(void) {
    return 0;
}

void amp_port_watchdog_begin(uint32_t timeout_us) {
    (void)alarm(timeout_us / 1000000u + 5u); /* SIGALRM ends it */
}

void amp_port_watchdog_kick(void) {
    (void)alarm(5u);
}

uint8_t amp_port_reset_cause(void) {
    return 1; /* AMP_RESET_POWER */
}

uint32_t amp_port_boot_nonce(void) {
    return (uint32_t)getpid();
}

void amp_port_wait(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    (void)poll(&input, 1, 1);
}

_Noreturn void amp_port_reset(void) {
    exit(1);
}
