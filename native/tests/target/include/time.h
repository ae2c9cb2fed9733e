#ifndef TARGET_TIME_H
#define TARGET_TIME_H

#define TIME_UTC 1

struct timespec {
    long long tv_sec;
    long tv_nsec;
};

/// By the debugger's clock.
int timespec_get(struct timespec *now, int base);

#endif
