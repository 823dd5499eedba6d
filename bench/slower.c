/*
 * slower.c - preloaded into a hub with --io epoll, makes every send cost SLOWER_NS more CPU. So
 * compare_proof.sh has a hub that is slower by a known cause and otherwise the same.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

typedef ssize_t sendmsg_fn(int fd, const struct msghdr *message, int flags);

static sendmsg_fn *real;
static uint64_t more_ns;

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("SLOWER_NS");
    more_ns = text == NULL ? 0 : strtoull(text, NULL, 10);
    *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    uint64_t until_ns = now_ns() + more_ns;
    while (more_ns != 0 && now_ns() < until_ns) {
    }
    return real(fd, message, flags);
}
