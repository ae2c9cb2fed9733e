/* remote.h: a victim of another machine, stepped through the emulator's debugger port.
 *
 * qemu's user mode has no ptrace, but it speaks the remote protocol of gdb (-g SOCKET). The world is
 * one file, mapped at one address by the victim and by us, so that after each guest instruction we
 * have before us exactly what a death there would leave: a process gives to shared memory nothing
 * but the stores it has made. We judge that, put it back, and step on.
 */
#ifndef AMP_KILLSTEP_REMOTE_H
#define AMP_KILLSTEP_REMOTE_H

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

/* Where the world stands in both processes; free in a small static program of 64 bits. */
#define REMOTE_AT ((void *)UINT64_C(0x1000000000))
#define REMOTE_STEPS_MAX 20000

struct remote {
    const char *emulator;
    const char *program;
    char folder[64];
    char file[96];
    char socket[96];
    pid_t pid;
    int port;
};

static struct world *remote_map(const char *file) {
    const int fd = open(file, O_RDWR | O_CLOEXEC);
    void *const at = fd < 0 ? MAP_FAILED
                            : mmap(REMOTE_AT, sizeof(struct world), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    return at == MAP_FAILED ? NULL : at;
}

/// What the victim does: stop for the debugger, then the operation.
static int remote_be_the_victim(const char *file, void (*operation)(struct world *world)) {
    struct world *const world = remote_map(file);
    if (world == NULL) {
        return 2;
    }
    (void)raise(SIGTRAP);
    world->own.begun = 1;
    operation(world);
    world->own.over = 1;
    return 0;
}

static bool remote_send(const struct remote *remote, const char *words) {
    char packet[64];
    unsigned sum = 0;
    for (const char *at = words; *at != '\0'; at++) {
        sum += (unsigned char)*at;
    }
    const int size = snprintf(packet, sizeof packet, "$%s#%02x", words, sum & 0xff);
    return size > 0 && write(remote->port, packet, (size_t)size) == size;
}

/* One packet of the answer, acknowledged; its first letter. 0 when the other side has gone. */
static char remote_answer(const struct remote *remote) {
    char letter = 0;
    char first = 0;
    while (read(remote->port, &letter, 1) == 1 && letter != '$') {
    }
    while (read(remote->port, &letter, 1) == 1 && letter != '#') {
        first = first == 0 ? letter : first;
    }
    char sum[2];
    const bool whole = letter == '#' && read(remote->port, &sum[0], 1) == 1 &&
                       read(remote->port, &sum[1], 1) == 1 && write(remote->port, "+", 1) == 1;
    return (char)(whole ? first : 0);
}

/* True when it stopped again and has not ended. */
static bool remote_go(const struct remote *remote, const char *words) {
    return remote_send(remote, words) && remote_answer(remote) == 'T';
}

static bool remote_connect(struct remote *remote) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", remote->socket);
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int tries = 0; tries < 5000; tries++) {
        remote->port = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(remote->port, (const void *)&address, sizeof address) == 0) {
            return true;
        }
        (void)close(remote->port);
        (void)nanosleep(&pause, NULL);
    }
    remote->port = -1;
    return false;
}

static bool remote_start(struct remote *remote, int index) {
    char number[16];
    (void)snprintf(number, sizeof number, "%d", index);
    (void)unlink(remote->socket);
    remote->port = -1;
    remote->pid = fork();
    if (remote->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execlp(remote->emulator, remote->emulator, "-g", remote->socket, remote->program,
                     "--victim", remote->file, number, (char *)NULL);
        _exit(127);
    }
    return remote->pid > 0 && remote_connect(remote) && remote_go(remote, "c");
}

static void remote_end(const struct remote *remote) {
    if (remote->pid > 0) {
        (void)kill(remote->pid, SIGKILL);
        (void)waitpid(remote->pid, NULL, 0);
    }
    if (remote->port >= 0) {
        (void)close(remote->port);
    }
}

/// Step through the case of |index| from one beginning and judge after each instruction. False
/// when the victim did not come to its end.
static bool remote_step_through(struct remote *remote, const struct step_case *it, int index,
                                int state, struct world *world, struct tally *tally) {
    static struct world saved;
    it->prepare(world, state);
    world->own.begun = 0;
    world->own.over = 0;
    bool good = remote_start(remote, index);
    for (long steps = 0; good && !world->own.over && steps < REMOTE_STEPS_MAX; steps++) {
        if (world->own.begun) {
            struct tally found = {0};
            memcpy(&saved, world, sizeof saved);
            it->judge(world, &found);
            memcpy(world, &saved, sizeof saved);
            tally->points++;
            tally->stuck += found.stuck != 0;
            tally->torn += found.torn != 0;
            tally->wrong += found.wrong != 0;
        }
        good = remote_go(remote, "s");
    }
    good = good && world->own.over;
    remote_end(remote);
    return good;
}

/// Make the file that both map. False when the machine says no.
static bool remote_open(struct remote *remote, struct world **world) {
    (void)snprintf(remote->folder, sizeof remote->folder, "/tmp/killstep-XXXXXX");
    if (mkdtemp(remote->folder) == NULL) {
        return false;
    }
    (void)snprintf(remote->file, sizeof remote->file, "%s/world", remote->folder);
    (void)snprintf(remote->socket, sizeof remote->socket, "%s/gdb", remote->folder);
    const int fd = open(remote->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const bool made = fd >= 0 && ftruncate(fd, sizeof **world) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    *world = made ? remote_map(remote->file) : NULL;
    return *world != NULL;
}

static void remote_close(const struct remote *remote) {
    (void)unlink(remote->file);
    (void)unlink(remote->socket);
    (void)rmdir(remote->folder);
}

#endif
