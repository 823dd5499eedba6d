/*
 * config.h - command line and file -> validated, immutable settings, and the memory bound they imply.
 *
 *   argv -> config_parse_arguments -> config_read -> config_parse_arguments -> config_validate
 *           (which file?)             (what it says) (options override it)       |
 *                                                                                +-> run, check, …
 *   config_memory_bound: rows of name, count, bytes each
 *   config_change: what another configuration would change, and what of that needs a restart
 *
 * Options, spellings and defaults are nats-server's, so that what starts that one starts this one;
 * NATS-WIRE 9 lists them. What nats-server knows and this hub does not build yet is refused with a
 * sentence that names it, never ignored.
 *
 * Threads:     written before threads start, read by all afterwards.
 * Memory:      owns its strings (fixed arrays, so that copying a config copies them) and the parts that
 *              a file describes in blocks, which a copy only borrows.
 * Limits:      texts CONFIG_TEXT_MAX, paths CONFIG_PATH_MAX; a longer one is refused, not cut.
 * Invariants:  after config_validate answered true
 *              (1) max_payload <= max_pending (or max_payload is -1).
 *              (2) lame_duck_grace_period_ns < lame_duck_duration_ns.
 *              (3) host is not empty and carries no brackets; port is -1 or 1 to 65535.
 */
#ifndef RINGHUB_CORE_CONFIG_H
#define RINGHUB_CORE_CONFIG_H

#include "core/base.h"
#include "core/conf.h"
#include "core/log.h"

#ifdef __cplusplus
extern "C" {
#endif

enum config_io { CONFIG_IO_AUTO, CONFIG_IO_URING, CONFIG_IO_EPOLL };

/* Where the sockets of connections live. PLAIN: among the process's descriptors, which
 * RLIMIT_NOFILE bounds. DIRECT: in tables of the workers' rings, each of which it bounds by itself.
 * AUTO: DIRECT where more connections are asked for than PLAIN allows. */
enum config_descriptors {
    CONFIG_DESCRIPTORS_AUTO,
    CONFIG_DESCRIPTORS_PLAIN,
    CONFIG_DESCRIPTORS_DIRECT,
};

enum { CONFIG_TEXT_MAX = 256, CONFIG_PATH_MAX = 1024 };

enum { CONFIG_PORT_DEFAULT = 4222, CONFIG_PORT_RANDOM = -1 };

/* What --signal asks a running hub to do. */
enum config_signal {
    CONFIG_SIGNAL_NONE,
    CONFIG_SIGNAL_STOP,   /* stop, quit: SIGINT, flushes what is queued and ends */
    CONFIG_SIGNAL_TERM,   /* SIGTERM: the same */
    CONFIG_SIGNAL_LDM,    /* lame duck: SIGUSR2 */
    CONFIG_SIGNAL_REOPEN, /* reopen the log: SIGUSR1 */
    CONFIG_SIGNAL_RELOAD, /* SIGHUP */
};

struct policies;
struct scrub_rules;

struct config {
    /* Listening. */
    char host[CONFIG_TEXT_MAX];        /* numeric address or name, no brackets; default 127.0.0.1 */
    int32_t port;                      /* CONFIG_PORT_RANDOM: the kernel chooses; default 4222 */
    char server_name[CONFIG_TEXT_MAX]; /* empty: the server id */
    char client_advertise[CONFIG_TEXT_MAX]; /* host:port for INFO; empty: host and port */

    /* Monitoring. */
    char http_host[CONFIG_TEXT_MAX]; /* default 127.0.0.1, whatever host is */
    int32_t http_port;               /* 0: none; CONFIG_PORT_RANDOM */
    char
        http_base_path[CONFIG_TEXT_MAX]; /* in front of every path; empty, or begins with a slash */

    bool open; /* may listen elsewhere without authorization */

    /* Who may connect; a configuration file says more. */
    char user[CONFIG_TEXT_MAX];  /* empty: none */
    char pass[CONFIG_TEXT_MAX];  /* its password, or the bcrypt hash of it */
    char token[CONFIG_TEXT_MAX]; /* empty: none */

    /* Workers. */
    uint32_t workers; /* 0: one per CPU of the affinity mask */
    bool pin;
    enum config_io io;
    enum config_descriptors descriptors;

    /* Limits: per client unless said otherwise. */
    uint32_t max_connections;   /* hub; 65536 */
    bool max_connections_asked; /* it was given, and is not merely the default */
    uint32_t max_subscriptions; /* 0: no limit */
    uint32_t max_control_line;  /* 4096, argument bytes */
    int64_t max_payload;        /* 1 MiB; -1: no limit of its own (then max_pending bounds it) */
    uint64_t max_pending;       /* 64 MiB */
    uint32_t max_sub_tokens;    /* 0: off */
    uint64_t max_memory;        /* hub: what streams, runs, subscriptions and half-received
                                 * messages may take together; 0: half of the machine's memory */

    /* Times, in nanoseconds. */
    uint64_t ping_interval_ns;          /* 2 min */
    uint32_t ping_max;                  /* 2 */
    uint64_t write_deadline_ns;         /* 10 s */
    uint64_t lame_duck_duration_ns;     /* 2 min */
    uint64_t lame_duck_grace_period_ns; /* 10 s */

    /* Process. */
    char log_file[CONFIG_PATH_MAX]; /* empty: stderr */
    char pid_file[CONFIG_PATH_MAX];
    char ports_file_dir[CONFIG_PATH_MAX];
    bool debug;
    bool trace;
    bool logtime;            /* true */
    bool logtime_utc;        /* false: local time */
    bool log_json;           /* false: lines as nats-server writes them */
    uint64_t log_size_limit; /* of log_file, then it is moved away; 0: no limit */
    uint32_t log_max_num;    /* log_file and what was moved away; 0: no limit */
    bool jetstream_asked;    /* -js or -sd: tolerated, answered by a warning */

    char config_file[CONFIG_PATH_MAX]; /* empty: none */

    /* Owned until it is given to settings; NULL: nothing was said of them. */
    struct policies *policies;
    struct scrub_rules *scrub; /* a reference, of who frees the configuration; NULL: no rules */

    /* --signal NAME[=PID or path]: pid 0 means that it is in pid_file. */
    enum config_signal signal;
    int32_t signal_pid;

    /* Tests only: tiny rings. 0: defaults. */
    uint32_t sq_entries;
    uint32_t cq_entries;
    uint32_t read_buffers;
};

/* What a command line asks the program to do. */
enum config_command {
    CONFIG_RUN,
    CONFIG_CHECK,   /* -t: validate, say so, end */
    CONFIG_HELP,    /* -h */
    CONFIG_VERSION, /* -v */
    CONFIG_SIGNAL,  /* --signal: config.signal and config.signal_pid say what to send where */
    CONFIG_INVALID, /* the error names the option and the mend */
};

void config_defaults(struct config *config);
/* What config owns; not config itself. */
void config_free(struct config *config);

/* Reads argv[1..argc) over config, which the caller filled with config_defaults. Pure: prints
 * nothing, opens nothing. Later options win over earlier ones; -h wins over -v, and both over the
 * rest. CONFIG_INVALID fills error. Does not validate relations between options. */
MUST_USE enum config_command config_parse_arguments(struct config *config, int argc,
                                                    char *const argv[], struct conf_error *error);

/* Puts what a file says over config, key by key; what is allowed but deserves a line becomes a
 * conf_warning. False fills error, with config half written. */
MUST_USE bool config_read(struct config *config, const struct conf *conf, struct conf_error *error);

/* Every key that config_read knows, "name|other name": index 0, 1, … until NULL. */
const char *config_key(size_t index);

enum { CONFIG_VALUE_TEXT_MAX = CONFIG_PATH_MAX };

/* One key whose value two configurations do not share. */
struct config_change {
    char key[48];
    bool needs_restart;
    char was[CONFIG_VALUE_TEXT_MAX];
    char is[CONFIG_VALUE_TEXT_MAX];
};

/* The first change at or after *index, moving *index behind it; false: no more. */
MUST_USE bool config_change(const struct config *old, const struct config *now, size_t *index,
                            struct config_change *change);
/* What cannot change without a restart stays as it was. */
void config_keep(const struct config *old, struct config *now);

/* Checks every setting against its range and against the others. False fills error. */
MUST_USE bool config_validate(const struct config *config, struct conf_error *error);

/* "8222", "127.0.0.1:8222", "[::1]:8222" or ":8222" (host is then left as it is): where monitoring
 * listens. port: 0 to 65535, or CONFIG_PORT_RANDOM. False: not understood. */
MUST_USE bool config_http_parse(const char *text, char host[CONFIG_TEXT_MAX], int32_t *port);
/* Only this machine reaches it. */
MUST_USE bool config_host_is_loopback(const char *host);
/* Is the host one that only this machine reaches? */
MUST_USE bool config_is_local(const struct config *config);
/* A hub that others reach asks who they are, or was told not to (open). False fills error. */
MUST_USE bool config_validate_open(const struct config *config, bool has_authorization,
                                   struct conf_error *error);

/* Things that are allowed and deserve a [WRN] line: index 0, 1, … until false. */
bool config_warning(const struct config *config, size_t index, struct conf_error *warning);

/* What the machine offers; main asks the kernel and passes the answers. */
struct config_machine {
    uint32_t cpus;         /* of the affinity mask */
    uint64_t memory_bytes; /* physical, or the control group's limit where that is smaller */
    uint64_t descriptors;  /* RLIMIT_NOFILE after raising it */
    uint64_t tcp_bytes;    /* what the kernel's TCP may hold in all; 0: not known */
};

/* The most talkative level asked for: -V implies -D. */
enum log_level config_log_level(const struct config *config);

/* How many workers run: the option, or one per CPU; never above WORKERS_MAX. */
uint32_t config_workers(const struct config *config, const struct config_machine *machine);

/* max_memory, or the default derived from the machine. */
uint64_t config_memory_budget(const struct config *config, const struct config_machine *machine);

/* Bytes of the fixed parts, passed in by main, because config knows no other module. Kernel memory
 * that we cause counts as well as our own. */
struct config_sizes {
    uint64_t session_bytes;           /* per connection: session, conn and timers */
    uint64_t connection_kernel_bytes; /* per connection: socket, armed poll */
    uint64_t socket_buffer_bytes;     /* per connection: what a blocked socket may hold unsent */
    uint64_t worker_bytes;            /* per worker: struct worker, inbox, scratch, stack */
    uint64_t spare_bytes;             /* per worker: freed, and kept for what comes next */
    uint64_t ring_bytes;              /* per worker: SQ and CQ */
    uint64_t log_bytes;               /* per worker */
    uint64_t read_buffer_bytes;       /* per receive buffer */
    uint32_t read_buffers;            /* per worker */
    uint64_t process_bytes;           /* once: code, libraries, main thread */
};

/* One term of the memory bound: count * bytes_each. */
struct memory_row {
    const char *name; /* borrowed: a literal */
    uint64_t count;
    uint64_t bytes_each;
};

enum { MEMORY_ROWS_MAX = 16 };

struct memory_bound {
    struct memory_row rows[MEMORY_ROWS_MAX];
    size_t rows_count;
    uint64_t total_bytes; /* sum of the rows; UINT64_MAX where it would overflow */
};

/* Appends a term; rows with a count or size of zero are kept out. */
void memory_bound_add(struct memory_bound *bound, const char *name, uint64_t count,
                      uint64_t bytes_each);

/* The formula of law 4 with its values: what this process may take at most. */
void config_memory_bound(const struct config *config, const struct config_machine *machine,
                         const struct config_sizes *sizes, struct memory_bound *bound);

/* One row as text, e.g. "connections: 65536 x 512 B = 32.0 MiB". Returns text. */
const char *memory_row_text(const struct memory_row *row, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
