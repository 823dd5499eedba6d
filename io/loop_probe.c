/*
 * loop_probe.c - the start-up diagnosis: which backend works here, and if not the best, why.
 *
 * It tries what the worker will do (a ring with the same flags, then sends on a real TCP pair) and
 * believes only that. The proc files are read to explain a failure, never to predict one.
 */
#include "io/loop_probe_uring.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static void say(struct loop_probe *probe, const char *format, ...) PRINTF(2, 3);

static void say(struct loop_probe *probe, const char *format, ...)
{
    size_t used = strlen(probe->explanation);
    va_list args;
    va_start(args, format);
    vsnprintf(probe->explanation + used, sizeof(probe->explanation) - used, format, args);
    va_end(args);
}

/* The number after label in a small file of /proc; -1 when there is none. */
static int proc_number(const char *path, const char *label)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -1;
    }
    char line[256];
    int value = -1;
    size_t skip = strlen(label);
    while (value < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, label, skip) == 0 && sscanf(line + skip, "%d", &value) != 1) {
            value = -1;
        }
    }
    fclose(file);
    return value;
}

enum uring_cause { CAUSE_SYSCTL, CAUSE_SECCOMP, CAUSE_OLD_KERNEL, CAUSE_MEMORY, CAUSE_OTHER };

/* EPERM comes from the sysctl and from Docker's profile, ENOSYS from other profiles, gVisor and
 * kernels built without io_uring; hence both places are asked. */
static enum uring_cause cause_of(int error, int disabled, bool filtered)
{
    if (error == EPERM && disabled > 0) {
        return CAUSE_SYSCTL;
    }
    if ((error == EPERM || error == EACCES || error == ENOSYS) && filtered) {
        return CAUSE_SECCOMP;
    }
    if (error == EINVAL || error == ENOSYS) {
        return CAUSE_OLD_KERNEL;
    }
    return error == ENOMEM ? CAUSE_MEMORY : CAUSE_OTHER;
}

static const char *mend_of(enum uring_cause cause)
{
    switch (cause) {
    case CAUSE_SYSCTL:
        return "  likely cause: the system forbids io_uring.\n"
               "  mend: sysctl kernel.io_uring_disabled=0, or 1 with this user's group in "
               "kernel.io_uring_group.\n";
    case CAUSE_SECCOMP:
        return "  likely cause: the container's seccomp profile blocks io_uring (the default of "
               "Docker 25, containerd 2 and Podman).\n"
               "  mend: a profile that also allows io_uring_setup, io_uring_enter and "
               "io_uring_register.\n";
    case CAUSE_OLD_KERNEL:
        return "  likely cause: the kernel is older than Linux 6.1, or built without io_uring.\n"
               "  mend: Linux 6.1 or newer.\n";
    case CAUSE_MEMORY:
        return "  likely cause: the memory limit of this container or user.\n"
               "  mend: a higher memory limit.\n";
    case CAUSE_OTHER:
        break;
    }
    return "";
}

static void say_why_not(struct loop_probe *probe)
{
    struct utsname system;
    if (uname(&system) != 0) {
        snprintf(system.release, sizeof(system.release), "unknown");
    }
    int disabled = proc_number("/proc/sys/kernel/io_uring_disabled", "");
    bool filtered = proc_number("/proc/self/status", "Seccomp:") > 0;
    struct rlimit files = {0, 0};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    say(probe, "cannot create an io_uring (%s: %s)\n", probe->uring_step,
        strerror(probe->uring_errno));
    say(probe, "  kernel %s, kernel.io_uring_disabled=", system.release);
    if (disabled < 0) {
        say(probe, "absent");
    } else {
        say(probe, "%d", disabled);
    }
    say(probe, ", seccomp filter active: %s, open files %llu of %llu\n", filtered ? "yes" : "no",
        (unsigned long long)files.rlim_cur, (unsigned long long)files.rlim_max);
    say(probe, "%s", mend_of(cause_of(probe->uring_errno, disabled, filtered)));
}

static void say_sends(struct loop_probe *probe, const char *failed_step)
{
    if (probe->sends_inline) {
        say(probe, "io_uring works here; sends finish inside the submit\n");
    } else {
        say(probe,
            "io_uring works here, but sends do not finish inside the submit as hoped (%s)\n"
            "  instead: sendmsg for each connection; everything else by io_uring.\n",
            failed_step);
    }
}

int loop_probe_run(enum loop_backend wanted, struct loop_probe *probe)
{
    ASSERT(wanted != LOOP_FAKE);
    memset(probe, 0, sizeof(*probe));
    if (wanted == LOOP_EPOLL) {
        probe->backend = LOOP_EPOLL;
        say(probe, "epoll, as asked\n");
        return 0;
    }
    const char *failed_step = NULL;
    probe->uring_step = "io_uring_setup";
    probe->uring_errno = loop_probe_ring(&probe->uring_step);
    if (probe->uring_errno == 0) {
        probe->backend = LOOP_URING;
        probe->sends_inline = loop_probe_sends(&failed_step);
        say_sends(probe, failed_step);
        return 0;
    }
    say_why_not(probe);
    if (wanted == LOOP_URING) {
        probe->backend = LOOP_AUTO;
        say(probe, "  or start with --io=auto or --io=epoll.\n");
        return -1;
    }
    probe->backend = LOOP_EPOLL;
    say(probe, "  instead: epoll and sendmsg. Same results, more system calls.\n");
    return 0;
}

void loop_probe_direct(struct loop_probe *probe)
{
    probe->direct = false;
    if (probe->backend != LOOP_URING) {
        probe->direct_step = "they need io_uring";
    } else if (!probe->sends_inline) {
        probe->direct_step = "sends do not finish inside the submit";
    } else {
        probe->direct = loop_probe_table(&probe->direct_step);
    }
}
