/* process.c - signals through a descriptor, files that appear whole. */
#include "io/process.h"

#include "io/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const struct {
    int number;
    enum process_event event;
} signals[] = {
    {SIGINT, PROCESS_STOP},    {SIGTERM, PROCESS_STOP},  {SIGUSR2, PROCESS_LAME_DUCK},
    {SIGUSR1, PROCESS_REOPEN}, {SIGHUP, PROCESS_RELOAD},
};

const char *process_base_name(const char *argv0)
{
    if (argv0 == NULL) {
        return "ringhub";
    }
    const char *slash = strrchr(argv0, '/');
    const char *name = slash != NULL ? slash + 1 : argv0;
    return name[0] != '\0' ? name : "ringhub";
}

void process_secure_standard_files(void)
{
    /* open() takes the lowest free number: the loop ends with the first that is above 2. */
    int fd = -1;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

void process_server_id(char id[PROCESS_ID_SIZE])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t random[PROCESS_ID_SIZE - 2];
    sys_random(random, sizeof(random));
    id[0] = 'N'; /* nkeys: a server */
    for (size_t i = 0; i < sizeof(random); i++) {
        id[i + 1] = letters[random[i] % 32];
    }
    id[PROCESS_ID_SIZE - 1] = '\0';
}

int process_signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        sigaddset(&set, signals[i].number);
    }
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error != 0) {
        return -error;
    }
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

enum process_event process_wait(int signals_fd, uint64_t timeout_ns)
{
    struct pollfd arrived = {.fd = signals_fd, .events = POLLIN};
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                               .tv_nsec = (long)(timeout_ns % 1000000000)};
    struct signalfd_siginfo info;
    if (ppoll(&arrived, 1, &timeout, NULL) <= 0 ||
        read(signals_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return PROCESS_NOTHING;
    }
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        if (info.ssi_signo == (uint32_t)signals[i].number) {
            return signals[i].event;
        }
    }
    return PROCESS_NOTHING;
}

static int write_all(int fd, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return -errno;
        }
        text += written;
        size -= (size_t)written;
    }
    return 0;
}

int process_file_write(const char *path, const char *text)
{
    /* Harnesses poll for these files and parse what they find at once, so the name must not appear
     * before the contents. */
    char draft[PATH_MAX];
    if (snprintf(draft, sizeof(draft), "%s.%d.draft", path, (int)getpid()) >= (int)sizeof(draft)) {
        return -ENAMETOOLONG;
    }
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return -errno;
    }
    int error = write_all(fd, text);
    if (close(fd) != 0 && error == 0) {
        error = -errno;
    }
    if (error == 0 && rename(draft, path) != 0) {
        error = -errno;
    }
    if (error != 0) {
        unlink(draft);
    }
    return error;
}

int process_pid_file_write(const char *path)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", (int)getpid());
    return process_file_write(path, text);
}

/* Returns the pid in a file, 0 if there is none, or a negative errno. */
static int read_pid(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    char text[32];
    ssize_t size = read(fd, text, sizeof(text) - 1);
    int error = errno;
    close(fd);
    if (size < 0) {
        return -error;
    }
    text[size] = '\0';
    char *end = NULL;
    long pid = strtol(text, &end, 10);
    bool clean = text[0] >= '0' && text[0] <= '9' && strspn(end, " \r\n") == strlen(end);
    return clean && pid > 0 && pid <= INT_MAX ? (int)pid : 0;
}

void process_pid_file_remove(const char *path)
{
    if (read_pid(path) == (int)getpid()) {
        unlink(path);
    }
}

enum { PORTS_TEXT_MAX = 2 * LISTENER_ADDRESSES_MAX * (LISTENER_TEXT_MAX + 16) };

/* "name":["scheme://address", ... ] */
static size_t add_ports(char *text, size_t used, const char *name, const char *scheme,
                        const struct listener *listener)
{
    char addresses[LISTENER_ADDRESSES_MAX][LISTENER_TEXT_MAX];
    size_t count = listener_addresses(listener, addresses, LISTENER_ADDRESSES_MAX);
    used += (size_t)snprintf(text + used, PORTS_TEXT_MAX - used, "\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, PORTS_TEXT_MAX - used, "%s\"%s://%s\"",
                                 i > 0 ? "," : "", scheme, addresses[i]);
    }
    return used + (size_t)snprintf(text + used, PORTS_TEXT_MAX - used, "]");
}

int process_ports_file_write(const char *dir, const char *name, const struct listener *listener,
                             const struct listener *monitor, char path[PROCESS_PATH_MAX])
{
    char text[PORTS_TEXT_MAX];
    size_t used = (size_t)snprintf(text, sizeof(text), "{");
    used = add_ports(text, used, "nats", "nats", listener);
    if (monitor != NULL) {
        text[used++] = ',';
        used = add_ports(text, used, "monitoring", "http", monitor);
    }
    snprintf(text + used, sizeof(text) - used, "}");

    int size = snprintf(path, PROCESS_PATH_MAX, "%s/%s_%d.ports", dir, name, (int)getpid());
    return size >= PROCESS_PATH_MAX ? -ENAMETOOLONG : process_file_write(path, text);
}

static int signal_number(enum config_signal signal)
{
    switch (signal) {
    case CONFIG_SIGNAL_STOP:
        return SIGINT;
    case CONFIG_SIGNAL_TERM:
        return SIGTERM;
    case CONFIG_SIGNAL_LDM:
        return SIGUSR2;
    case CONFIG_SIGNAL_REOPEN:
        return SIGUSR1;
    case CONFIG_SIGNAL_RELOAD:
        return SIGHUP;
    case CONFIG_SIGNAL_NONE:
        break;
    }
    return 0;
}

/* The kernel keeps this much of a name. */
enum { COMM_MAX = 15 };

static bool has_name(int pid, const char *name)
{
    char path[64];
    char comm[COMM_MAX + 2] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false; /* it has just ended */
    }
    ssize_t size = read(fd, comm, sizeof(comm) - 1);
    close(fd);
    comm[size > 0 ? strcspn(comm, "\n") : 0] = '\0';
    return comm[0] != '\0' && strncmp(comm, name, COMM_MAX) == 0;
}

size_t process_find(const char *name, int *pids, size_t max)
{
    DIR *dir = opendir("/proc");
    size_t count = 0;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char *end = NULL;
        long pid = strtol(entry->d_name, &end, 10);
        if (*end != '\0' || pid <= 0 || pid == (long)getpid() || !has_name((int)pid, name)) {
            continue;
        }
        if (count < max) {
            pids[count] = (int)pid;
        }
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

/* The one hub that runs besides us; 0: there is none, or several, and why says so. */
static int find_hub(const char *name, char *why, size_t why_size)
{
    enum { SHOWN = 16 };
    int pids[SHOWN];
    size_t count = process_find(name, pids, SHOWN);
    if (count == 1) {
        return pids[0];
    }
    if (count == 0) {
        snprintf(why, why_size,
                 "--signal: no %s is running here; say which process: --signal NAME=PID, "
                 "--signal NAME=PIDFILE, or --signal NAME --pid PIDFILE",
                 name);
        return 0;
    }
    int used = snprintf(why, why_size,
                        "--signal: several %s are running; say which, as in "
                        "--signal NAME=PID:",
                        name);
    for (size_t i = 0; i < MIN_OF(count, (size_t)SHOWN) && used < (int)why_size; i++) {
        used += snprintf(why + used, why_size - (size_t)used, " %d", pids[i]);
    }
    return 0;
}

int process_signal_send(const struct config *config, const char *name, char *why, size_t why_size)
{
    int pid = config->signal_pid;
    if (pid == 0 && config->pid_file[0] == '\0') {
        pid = find_hub(name, why, why_size);
        if (pid == 0) {
            return -EINVAL;
        }
    }
    if (pid == 0) {
        pid = read_pid(config->pid_file);
    }
    if (pid <= 0) {
        snprintf(why, why_size, "--signal: cannot read a process id from %.200s: %s",
                 config->pid_file, pid == 0 ? "it holds no number" : strerror(-pid));
        return pid == 0 ? -EINVAL : pid;
    }
    int number = signal_number(config->signal);
    ASSERT(number != 0);
    if (kill(pid, number) != 0) {
        int error = errno;
        snprintf(why, why_size, "--signal: cannot signal process %d: %s", pid,
                 error == ESRCH ? "there is no such process" : strerror(error));
        return -error;
    }
    return 0;
}
