/* The differences between Linux and macOS. No other file of the engine tests for the system. */
#ifndef BCRYPT_BATCH_PLATFORM_H
#define BCRYPT_BATCH_PLATFORM_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

/* A bell is a file descriptor, bell[0], that is readable from the first ring until it is muted. */
#ifndef __APPLE__
#include <sys/eventfd.h>
#include <sys/syscall.h>

#define SYSTEM_CLOCK CLOCK_MONOTONIC
#define cond_set_clock pthread_condattr_setclock
#define cond_wait_until pthread_cond_timedwait
#define thread_id() ((pid_t)syscall(SYS_gettid)) /* glibc has gettid since 2.30 */
#define thread_exists(id) (syscall(SYS_tgkill, getpid(), id, 0) == 0)
#define thread_set_name(name) pthread_setname_np(pthread_self(), name)
#define BELL_ENDS 1
#define bell_make(bell) ((bell)[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
#define bell_ring(bell) eventfd_write((bell)[0], 1)

static inline void bell_mute(int bell[1])
{
    eventfd_t rings;
    eventfd_read(bell[0], &rings);
}
#else
#define SYSTEM_CLOCK CLOCK_UPTIME_RAW /* time.monotonic's clock; CLOCK_MONOTONIC differs */
#define cond_set_clock(attributes, clock) ((void)0)
#define thread_exists(id) ((void)(id), 0) /* not needed: macOS limits processes, not threads */
#define thread_set_name(name) pthread_setname_np(name)
#define BELL_ENDS 2 /* the ends of a pipe */

/* On macOS a condition's deadline is on the wall clock, which can be set: wait for a duration. */
static inline int cond_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    int64_t until_ns = (int64_t)until->tv_sec * NS_PER_S + until->tv_nsec;
    int64_t left_ns = until_ns - (int64_t)clock_gettime_nsec_np(SYSTEM_CLOCK);
    struct timespec left = {left_ns / NS_PER_S, left_ns % NS_PER_S}; /* 0 would wait forever */
    return left_ns > 0 ? pthread_cond_timedwait_relative_np(condition, lock, &left) : ETIMEDOUT;
}

static inline pid_t thread_id(void)
{
    uint64_t id; /* the system numbers threads from its start on */
    pthread_threadid_np(NULL, &id);
    return (pid_t)id;
}

static inline int bell_make(int bell[2])
{
    int refused = pipe(bell);
    for (int i = 0; refused == 0 && i < 2; i++) {
        fcntl(bell[i], F_SETFD, FD_CLOEXEC);
        fcntl(bell[i], F_SETFL, O_NONBLOCK);
    }
    return refused;
}

static inline void bell_ring(int bell[2])
{
    (void)!write(bell[1], "", 1); /* fails only if the pipe is full, and then it is readable */
}

static inline void bell_mute(int bell[2])
{
    char rings[64];
    while (read(bell[0], rings, sizeof rings) == sizeof rings) {
    }
}
#endif

#endif
