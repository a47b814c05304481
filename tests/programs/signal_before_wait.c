/* Preloaded: raises SIGNAL_BEFORE_WAIT just before the process first waits for a pipe, in read(2),
 * write(2) or poll(2). Python has looked at signals for the last time then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int real_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    int (*real)(struct pollfd *, nfds_t, int) =
        (int (*)(struct pollfd *, nfds_t, int))(uintptr_t)dlsym(RTLD_NEXT, "poll");
    return real(fds, count, timeout);
}

static void raise_once(int fd, short events)
{
    static int raised;
    struct stat about;
    struct pollfd one = {.fd = fd, .events = events};
    const char *number = getenv("SIGNAL_BEFORE_WAIT");
    if (raised || !number || fstat(fd, &about) || !S_ISFIFO(about.st_mode))
        return;
    if (real_poll(&one, 1, 0) == 0) {
        raised = 1;
        raise(atoi(number));
    }
}

ssize_t read(int fd, void *buffer, size_t size)
{
    ssize_t (*real)(int, void *, size_t) =
        (ssize_t (*)(int, void *, size_t))(uintptr_t)dlsym(RTLD_NEXT, "read");
    raise_once(fd, POLLIN);
    return real(fd, buffer, size);
}

ssize_t write(int fd, const void *buffer, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) =
        (ssize_t (*)(int, const void *, size_t))(uintptr_t)dlsym(RTLD_NEXT, "write");
    raise_once(fd, POLLOUT);
    return real(fd, buffer, size);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    raise_once(fds[0].fd, fds[0].events);
    return real_poll(fds, count, timeout);
}
