/* What the engine needs of Linux or macOS. No other file asks which one it is compiled for. */
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
#define SYSTEM_CLOCK CLOCK_UPTIME_RAW /* as time.monotonic; CLOCK_MONOTONIC is another one */
#define cond_set_clock(attributes, clock) ((void)0)
#define thread_exists(id) ((void)(id), 0) /* its limits are for processes */
#define thread_set_name(name) pthread_setname_np(name)
#define BELL_ENDS 2 /* a pipe's */

/* Conditions use the wall clock, which people set; they can wait for a duration instead. */
static inline int cond_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    int64_t until_ns = (int64_t)until->tv_sec * NS_PER_S + until->tv_nsec;
    int64_t left_ns = until_ns - (int64_t)clock_gettime_nsec_np(SYSTEM_CLOCK);
    struct timespec left = {left_ns / NS_PER_S, left_ns % NS_PER_S}; /* 0 waits for good */
    return left_ns > 0 ? pthread_cond_timedwait_relative_np(condition, lock, &left) : ETIMEDOUT;
}

static inline pid_t thread_id(void)
{
    uint64_t id; /* the system counts its threads from its start */
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
    (void)!write(bell[1], "", 1); /* refused only by a full pipe, which is readable */
}

static inline void bell_mute(int bell[2])
{
    char rings[64];
    while (read(bell[0], rings, sizeof rings) == sizeof rings) {
    }
}
#endif

#endif
