#define _GNU_SOURCE
#include "amp/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system_linux.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#define MACHINE 0
#elif defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define MACHINE AUDIT_ARCH_ARM
#else
#define MACHINE 0
#endif

#ifdef SYS_mmap2
#define SYS_MAP SYS_mmap2
#else
#define SYS_MAP SYS_mmap
#endif

#define INSTRUCTIONS_MAX 128
#define END_PROCESS SECCOMP_RET_KILL_PROCESS
#define LOW_HALF(n) offsetof(struct seccomp_data, args[n]) /* each machine here is little-endian */

/* Whatever their arguments; those of every period first. */
static const uint32_t allowed[] = {
    SYS_clock_nanosleep,
#ifdef SYS_clock_nanosleep_time64
    SYS_clock_nanosleep_time64,
#endif
    SYS_clock_gettime, /* where the vDSO has no clock */
#ifdef SYS_clock_gettime64
    SYS_clock_gettime64,
#endif
    SYS_restart_syscall,
    SYS_futex,
#ifdef SYS_futex_time64
    SYS_futex_time64,
#endif
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_getrandom, /* the C library's allocator, at its first use */
    SYS_close,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
#ifdef SYS_sigreturn
    SYS_sigreturn,
#endif
    SYS_getpid,
    SYS_gettid,
    SYS_exit,
    SYS_exit_group,
};

struct filter {
    struct sock_filter code[INSTRUCTIONS_MAX];
    unsigned short count;
};

static void add(struct filter *filter, struct sock_filter instruction) {
    AMP_ASSERT(filter->count < INSTRUCTIONS_MAX);
    filter->code[filter->count] = instruction;
    filter->count++;
}

static void load(struct filter *filter, size_t offset) {
    add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void end_with(struct filter *filter, uint32_t action) {
    add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Skip so many instructions unless what was loaded is |value|. */
static void unless_equal(struct filter *filter, uint32_t value, uint8_t skipped) {
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped));
}

static void unless_any(struct filter *filter, uint32_t bits, uint8_t skipped) {
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, skipped));
}

/* A call whose first argument is one of two values. */
static void add_first_argument(struct filter *filter, uint32_t call, uint32_t one, uint32_t other) {
    unless_equal(filter, call, 6);
    load(filter, LOW_HALF(0));
    unless_equal(filter, one, 1);
    end_with(filter, SECCOMP_RET_ALLOW);
    unless_equal(filter, other, 1);
    end_with(filter, SECCOMP_RET_ALLOW);
    end_with(filter, END_PROCESS);
}

/* Memory of its own, never to be executed. */
static void add_map(struct filter *filter) {
    unless_equal(filter, SYS_MAP, 7);
    load(filter, LOW_HALF(2));
    unless_any(filter, PROT_EXEC, 1);
    end_with(filter, END_PROCESS);
    load(filter, LOW_HALF(3));
    unless_any(filter, MAP_ANONYMOUS, 1);
    end_with(filter, SECCOMP_RET_ALLOW);
    end_with(filter, END_PROCESS);
}

static void add_protect(struct filter *filter) {
    unless_equal(filter, SYS_mprotect, 4);
    load(filter, LOW_HALF(2));
    unless_any(filter, PROT_EXEC, 1);
    end_with(filter, END_PROCESS);
    end_with(filter, SECCOMP_RET_ALLOW);
}

static void build(struct filter *filter, int status_descriptor) {
    filter->count = 0;
    load(filter, offsetof(struct seccomp_data, arch));
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0));
    end_with(filter, END_PROCESS);
    load(filter, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        unless_equal(filter, allowed[i], 1);
        end_with(filter, SECCOMP_RET_ALLOW);
    }
    add_first_argument(filter, SYS_write, (uint32_t)status_descriptor, STDERR_FILENO);
    add_first_argument(filter, SYS_tgkill, (uint32_t)getpid(), (uint32_t)getpid());
    add_map(filter);
    add_protect(filter);
    end_with(filter, END_PROCESS);
}

int amp_sandbox_enter(int status_descriptor) {
    if (MACHINE == 0) {
        errno = ENOSYS;
        return amp_system_error();
    }
    struct filter filter;
    build(&filter, status_descriptor);
    const struct sock_fprog program = {.len = filter.count, .filter = filter.code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) {
        return amp_system_error();
    }
    /* Linux before 5.16 would make the loads of such a thread slower, as against foreign code. */
    long failed =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
    if (failed != 0 && errno == EINVAL) {
        failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0UL, &program);
    }
    return failed == 0 ? AMP_OK : amp_system_error();
}
