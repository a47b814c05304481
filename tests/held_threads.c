/* Preloaded: the leader of a pool makes no thread before the pipe whose end is HELD_FD is closed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    create *next;
    char name[16];
    const char *held = getenv("HELD_FD");

    *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
    pthread_getname_np(pthread_self(), name, sizeof name);
    if (held != NULL && strcmp(name, "bcrypt_batch") == 0) {
        (void)!read(atoi(held), name, 1);
    }
    return next(thread, attributes, run, argument);
}
