/* macOS's calls, made of Linux's: with `-include` of this, the engine runs here by what platform.h
 * has for macOS. Headers of Linux come first: they are not to see __APPLE__. */
#ifndef AS_MACOS_H
#define AS_MACOS_H

#define _GNU_SOURCE
#if __has_include(<Python.h>)
#include <Python.h>
#endif
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define __APPLE__ 1
#define CLOCK_UPTIME_RAW CLOCK_MONOTONIC
#define pthread_setname_np(name) pthread_setname_np(pthread_self(), name)

enum { AS_MACOS_NS_PER_S = 1000000000 };

static inline uint64_t clock_gettime_nsec_np(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * AS_MACOS_NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline int pthread_threadid_np(const pthread_t *thread, uint64_t *id)
{
    (void)thread;
    *id = (uint64_t)syscall(SYS_gettid);
    return 0;
}

static inline int pthread_cond_timedwait_relative_np(pthread_cond_t *condition,
                                                     pthread_mutex_t *lock,
                                                     const struct timespec *left)
{
    struct timespec until;
    if (left->tv_sec == 0 && left->tv_nsec == 0) {
        return pthread_cond_wait(condition, lock);
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += left->tv_sec + (until.tv_nsec + left->tv_nsec) / AS_MACOS_NS_PER_S;
    until.tv_nsec = (until.tv_nsec + left->tv_nsec) % AS_MACOS_NS_PER_S;
    return pthread_cond_timedwait(condition, lock, &until);
}

#endif
