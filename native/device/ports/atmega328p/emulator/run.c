/* An ATmega328P with USART0 on a unix socket: run ELF DESCRIPTOR SEED
 *
 * A program of its own around libsimavr. DESCRIPTOR is a listening socket that was inherited, SEED what
 * the SRAM wakes up with, in hex. A byte from the host takes as long as its bits on the line, whether the
 * firmware is ready for it or not; one to the host likewise. The emulator keeps pace with the host's
 * clock; fallen behind by more than 0.2 s, it drops the time instead of racing after it.
 *
 * The UART of simavr holds 64 bytes where the chip holds two: what is lost here is lost in the
 * firmware's ring.
 */
#define _GNU_SOURCE
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_cycle_timers.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_io.h>

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_HZ 16000000
#define NS_PER_CYCLE_X2 125 /* 62.5 */
#define TURN_CYCLES 8000    /* between two looks at the socket: 0.5 ms */
#define BEHIND_NS 200000000
#define WAITING_MAX 65536
#define SRAM_BEGIN 0x100
#define UCSR0A 0xC0
#define UCSR0B 0xC1
#define RXEN0 0x10
#define UBRR0L 0xC4
#define UBRR0H 0xC5
#define BITS_PER_BYTE 10

struct board {
    avr_t *avr;
    avr_uart_t *uart;
    void (*reset)(avr_t *avr); /* simavr's own */
    avr_irq_t *input;
    int listening, line; /* -1: nobody has connected */
    uint8_t waiting[WAITING_MAX];
    size_t first, count;
    bool feeding;
    uint8_t sent[4096];
    size_t sent_count;
};

static int64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void flush(struct board *board) {
    if (board->line >= 0 && board->sent_count > 0) {
        (void)send(board->line, board->sent, board->sent_count, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    board->sent_count = 0; /* a line that nobody reads loses what is on it */
}

static void on_output(avr_irq_t *irq, uint32_t value, void *context) {
    struct board *const board = context;
    (void)irq;
    if (board->sent_count == sizeof board->sent) {
        flush(board);
    }
    board->sent[board->sent_count++] = (uint8_t)value;
}

static avr_cycle_count_t byte_cycles(const avr_t *avr) {
    const uint32_t divisor = (uint32_t)(avr->data[UBRR0L] | avr->data[UBRR0H] << 8) + 1;
    const uint32_t samples = (avr->data[UCSR0A] & 2) != 0 ? 8 : 16;
    return (avr_cycle_count_t)divisor * samples * BITS_PER_BYTE;
}

/* The next byte has come in; returns when the one after it will have. */
static avr_cycle_count_t feed(avr_t *avr, avr_cycle_count_t when, void *context) {
    struct board *const board = context;
    if (board->count == 0) {
        board->feeding = false;
        return 0;
    }
    if ((avr->data[UCSR0B] & RXEN0) != 0) { /* else it is lost, and simavr would keep it */
        avr_raise_irq(board->input, board->waiting[board->first]);
    }
    board->first = (board->first + 1) % WAITING_MAX;
    board->count--;
    return when + byte_cycles(avr);
}

static void take_bytes(struct board *board) {
    uint8_t bytes[1024];
    if (board->line < 0) {
        board->line = accept4(board->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        return;
    }
    const size_t room = WAITING_MAX - board->count;
    const size_t most = room < sizeof bytes ? room : sizeof bytes;
    const ssize_t got = most > 0 ? recv(board->line, bytes, most, 0) : -1;
    if (got == 0) {
        (void)close(board->line);
        board->line = -1;
    }
    for (ssize_t index = 0; index < got; index++) {
        board->waiting[(board->first + board->count++) % WAITING_MAX] = bytes[index];
    }
    if (board->count > 0 && !board->feeding) {
        board->feeding = true;
        avr_cycle_timer_register(board->avr, byte_cycles(board->avr), feed, board);
    }
}

/* Sleeping costs no time here: the pace is kept below. */
static void no_sleep(avr_t *avr, avr_cycle_count_t cycles) {
    (void)avr;
    (void)cycles;
}

/* Wait until the host's clock is where the chip's is; returns where the chip's began on it. */
static int64_t keep_pace(const struct board *board, int64_t began_ns) {
    const int64_t virtual_ns = (int64_t)(board->avr->cycle / 2) * NS_PER_CYCLE_X2;
    const int64_t ahead_ns = began_ns + virtual_ns - now_ns();
    if (ahead_ns < -BEHIND_NS) {
        return began_ns - ahead_ns;
    }
    if (ahead_ns > 0) {
        struct pollfd poll_for = {board->line >= 0 ? board->line : board->listening, POLLIN, 0};
        const struct timespec most = {0, ahead_ns < 999999999 ? (long)ahead_ns : 999999999};
        (void)ppoll(&poll_for, 1, &most, NULL);
    }
    return began_ns;
}

static int run(struct board *board) {
    int64_t began_ns = now_ns() - (int64_t)(board->avr->cycle / 2) * NS_PER_CYCLE_X2;
    for (;;) {
        const avr_cycle_count_t until = board->avr->cycle + TURN_CYCLES;
        while (board->avr->cycle < until) {
            const int state = avr_run(board->avr);
            if (state == cpu_Done || state == cpu_Crashed) {
                (void)fprintf(stderr, "the firmware has crashed, or sleeps without interrupts\n");
                return 1;
            }
        }
        flush(board);
        take_bytes(board);
        began_ns = keep_pace(board, began_ns);
    }
}

static struct board board = {.line = -1};

/* A reset ends all timers, but leaves in the UART what it had heard, and interrupts pending for ever. */
static void on_reset(avr_t *avr) {
    for (int index = 0; index < avr->interrupts.vector_count; index++) {
        avr->interrupts.vector[index]->pending = 0;
    }
    board.uart->input.read = board.uart->input.write = 0;
    board.feeding = false;
    if (board.reset != NULL) {
        board.reset(avr);
    }
}

static avr_uart_t *find_uart(const avr_t *avr) {
    for (avr_io_t *port = avr->io_port; port != NULL; port = port->next) {
        if (strcmp(port->kind, "uart") == 0) {
            return (avr_uart_t *)port; /* its first member */
        }
    }
    return NULL;
}

static void wake_up(avr_t *avr, uint64_t seed) {
    for (uint32_t address = SRAM_BEGIN; address <= avr->ramend; address++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        avr->data[address] = (uint8_t)(seed >> 56);
    }
}

int main(int argc, char **argv) {
    elf_firmware_t firmware;
    memset(&firmware, 0, sizeof firmware);
    if (argc != 4 || elf_read_firmware(argv[1], &firmware) != 0) {
        (void)fprintf(stderr, "usage: %s ELF DESCRIPTOR SEED\n", argv[0]);
        return 2;
    }
    board.listening = atoi(argv[2]);
    avr_t *const avr = board.avr = avr_make_mcu_by_name("atmega328p");
    if (avr == NULL || avr_init(avr) != 0 || (board.uart = find_uart(avr)) == NULL) {
        return 1;
    }
    board.reset = avr->reset;
    avr->reset = on_reset;
    avr->log = LOG_NONE; /* it tells of each byte that the firmware loses */
    firmware.frequency = CLOCK_HZ;
    avr_load_firmware(avr, &firmware);
    avr->sleep = no_sleep;
    wake_up(avr, strtoull(argv[3], NULL, 16));
    uint32_t flags = 0;
    (void)avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
    (void)avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    board.input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT),
                            on_output, &board);
    return run(&board);
}
