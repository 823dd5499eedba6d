/*
 * slower.c - preloaded into a hub with --io epoll, makes it take SLOWER_PERCENT more CPU. So
 * compare_proof.sh has a hub that is slower by a known cause and amount, and otherwise the same.
 *
 *   send send … send(16th): used = CPU of this thread but for spinning ─▶ spin until spun = percent of used
 *
 * What to spin is a share of what the thread has used itself, by the kernel's clock of that thread. So
 * nothing needs to be tried out beforehand: when sends become fewer or dearer, so does the spinning. With
 * 0 percent the clock is read all the same, so that both hubs pay for that.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { SENDS_PER_LOOK = 16 }; /* a look is a system call of about 200 ns */

typedef ssize_t sendmsg_fn(int fd, const struct msghdr *message, int flags);

static sendmsg_fn *real;
static double share;
static _Thread_local uint64_t spun_ns;
static _Thread_local unsigned sends;

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("SLOWER_PERCENT");
    share = text == NULL ? 0 : strtod(text, NULL) / 100;
    *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static void spin(void)
{
    uint64_t begin_ns = thread_cpu_ns();
    double owed_ns = share * (double)(begin_ns - spun_ns);
    uint64_t now_ns = begin_ns;
    while ((double)(spun_ns + (now_ns - begin_ns)) < owed_ns) {
        now_ns = thread_cpu_ns();
    }
    spun_ns += now_ns - begin_ns;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (++sends % SENDS_PER_LOOK == 0) {
        spin();
    }
    return real(fd, message, flags);
}
