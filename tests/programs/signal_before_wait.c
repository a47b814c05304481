/* Preloaded: raises SIGNAL_BEFORE_WAIT just before the process first waits for a pipe, in read(2)
 * or in poll(2). Python has looked at signals for the last time then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void raise_once(int fd)
{
    static int raised;
    struct stat about;
    const char *number = getenv("SIGNAL_BEFORE_WAIT");
    if (!raised && number && !fstat(fd, &about) && S_ISFIFO(about.st_mode)) {
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

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    int (*real)(struct pollfd *, nfds_t, int) =
        (int (*)(struct pollfd *, nfds_t, int))(uintptr_t)dlsym(RTLD_NEXT, "poll");
    raise_once(fds[0].fd);
    return real(fds, count, timeout);
}
