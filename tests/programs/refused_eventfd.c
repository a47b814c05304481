/* Preloaded: eventfd fails for lack of memory. */
#include <errno.h>
#include <sys/eventfd.h>

int eventfd(unsigned count, int flags)
{
    (void)count;
    (void)flags;
    errno = ENOMEM;
    return -1;
}
