/*
 * process.h - the contract with whoever started us: name, signals, pid file, ports file.
 *
 *   SIGINT SIGTERM  stop          SIGUSR1  reopen the log, print the counters
 *   SIGUSR2         lame duck     SIGHUP   read the configuration file again
 *
 * Harnesses written for nats-server find the port in <dir>/<base name of argv[0]>_<pid>.ports.
 *
 * Threads:     main thread only. process_signals_open comes before any thread is started, so that
 *              all of them inherit the blocked signals and only the main thread takes them.
 * Memory:      owns nothing but the descriptor process_signals_open returns.
 * Limits:      paths below PATH_MAX.
 */
#ifndef RINGHUB_IO_PROCESS_H
#define RINGHUB_IO_PROCESS_H

#include "core/base.h"
#include "core/config.h"
#include "io/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PROCESS_ID_SIZE = 57, PROCESS_PATH_MAX = CONFIG_PATH_MAX + 320 };

/* The name this program was started under, without its folder; never empty. Borrows argv0. */
const char *process_base_name(const char *argv0);

/* Makes descriptors 0, 1 and 2 exist (on /dev/null where the parent closed them): a socket that got
 * number 2 would receive what anyone writes to stderr. */
void process_secure_standard_files(void);

/* A server id as nats-server makes them: 'N' and 55 random letters of base32, ended by NUL. */
void process_server_id(char id[PROCESS_ID_SIZE]);

enum process_event {
    PROCESS_NOTHING, /* the time passed */
    PROCESS_STOP,
    PROCESS_LAME_DUCK,
    PROCESS_REOPEN,
    PROCESS_RELOAD,
};

/* Blocks the signals above for this thread and its future children, ignores SIGPIPE. Returns a
 * descriptor for process_wait, or a negative errno. */
MUST_USE int process_signals_open(void);

/* Sleeps until a signal or until timeout_ns passed. */
MUST_USE enum process_event process_wait(int signals_fd, uint64_t timeout_ns);

/* Writes a whole file, visible at once or not at all. Returns 0 or a negative errno. */
MUST_USE int process_file_write(const char *path, const char *text);

/* The pid file holds the digits and nothing else. */
MUST_USE int process_pid_file_write(const char *path);
/* Removes it if it still names this process; a successor may have written its own. */
void process_pid_file_remove(const char *path);

/* Writes <dir>/<name>_<pid>.ports: {"nats":["nats://127.0.0.1:4222"]}, and where monitor is not NULL
 * "monitoring":["http://127.0.0.1:8222"] after it. path receives its name.
 * Returns 0 or a negative errno. */
MUST_USE int process_ports_file_write(const char *dir, const char *name,
                                      const struct listener *listener,
                                      const struct listener *monitor, char path[PROCESS_PATH_MAX]);

/* Processes of this name other than this one, at most `max` into pids. Returns how many there are. */
size_t process_find(const char *name, int *pids, size_t max);

/* --signal: sends config->signal to config->signal_pid, or to the process that config->pid_file
 * names, or else to the one process of our name that runs. Returns 0, or a negative errno and the
 * reason as one sentence. */
MUST_USE int process_signal_send(const struct config *config, const char *name, char *why,
                                 size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
