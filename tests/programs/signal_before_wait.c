/* Preloaded: raises SIGNAL_BEFORE_WAIT just before the process first waits for a pipe, in read(2),
 * write(2) or poll(2). Python has looked at signals for the last time then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int (*poll_function)(struct pollfd *, nfds_t, int);

static poll_function real_poll(void)
{
    return (poll_function)(uintptr_t)dlsym(RTLD_NEXT, "poll");
}

static void raise_once(int fd)
{
    static int raised;
    struct stat about;
    int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
    struct pollfd one = {.fd = fd, .events = mode == O_RDONLY ? POLLIN : POLLOUT};
    const char *number = getenv("SIGNAL_BEFORE_WAIT");
    if (raised || !number || fstat(fd, &about) || !S_ISFIFO(about.st_mode))
        return;
    if (real_poll()(&one, 1, 0) == 0) {
        raised = 1;
        raise(atoi(number));
    }
}

ssize_t read(int fd, void *buffer, size_t size)
{
    ssize_t (*real)(int, void *, size_t) =
        (ssize_t (*)(int, void *, size_t))(uintptr_t)dlsym(RTLD_NEXT, "read");
    raise_once(fd);
    return real(fd, buffer, size);
}

ssize_t write(int fd, const void *buffer, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) =
        (ssize_t (*)(int, const void *, size_t))(uintptr_t)dlsym(RTLD_NEXT, "write");
    raise_once(fd);
    return real(fd, buffer, size);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    poll_function real = real_poll();
    raise_once(fds[0].fd);
    return real(fds, count, timeout);
}
