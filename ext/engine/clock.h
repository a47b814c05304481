/* The monotonic clock, which nobody can set back, and condition variables that use it. */
#ifndef BCRYPT_BATCH_CLOCK_H
#define BCRYPT_BATCH_CLOCK_H

#include "platform.h"

static inline int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(SYSTEM_CLOCK, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static inline struct timespec as_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

static inline void init_monotonic_cond(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    cond_set_clock(&attributes, SYSTEM_CLOCK);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

#endif
