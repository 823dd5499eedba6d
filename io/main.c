/*
 * main.c - start, wait for a signal, stop.
 *
 *   options ▶ log ▶ signals ▶ machine, probe ▶ listener ▶ workers ▶ files ▶ "Server is ready"
 *                                                                     │ wait
 *   exit    ◀ log ◀ signals ◀                ◀ listener ◀ workers ◀ files
 *
 * Stop is start read backwards. What the operator has to know is said in one sentence that names
 * the mend; exit status 1 then, 2 for an option that is not understood. SIGHUP reads the file again.
 */
#include "core/fair.h"
#include "core/grant.h"
#include "core/scrub.h"
#include "core/units.h"
#include "core/version.h"
#include "io/helper.h"
#include "io/options.h"
#include "io/reload.h"
#include "io/scrub_tool.h"
#include "io/sys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define WAIT_NS   (50 * UINT64_C(1000000)) /* lines of workers wait at most this long */
#define ANSWER_NS (2 * SECOND_NS)          /* for all workers to answer monitoring */
#define STOP_NS   (10 * SECOND_NS)         /* for clients that are slow to take the rest */

enum { EXIT_OPTIONS = 2 };

/* A port in use is tried again for half a second. */
enum { PORT_ATTEMPTS = 5, PORT_PAUSE_MS = 100 };

/* What accepted sockets inherit. The kernel sizes send buffers itself (tcp_wmem), so that fast
 * networks fill; but it takes no more while this much is unsent. Without that, a reader that stops
 * holds 3.9 MB of kernel memory instead of 115 kB, and large messages go out slower: they wait in
 * a buffer that no cache holds (docs/kernel.md). */
enum { SEND_BUFFER_BYTES = 0, NOTSENT_LOWAT_BYTES = 64 * 1024 };

/* Of a socket that takes no more: what is unsent, the one buffer that went over it, and its head. */
enum { UNSENT_BYTES = NOTSENT_LOWAT_BYTES + 64 * 1024 + 4096 };

/* What is not ours to count exactly: pages of the program and its libraries, the main thread. */
enum { PROGRAM_BYTES = 16 << 20 };

/* Descriptors that are not connections: rings, logs, pipes, monitoring. */
enum { OTHER_FILES = 1024 };
enum { ROOM_TEXT_MAX = 160 };

/* Read by jemalloc before main. Memory of a burst goes back to the kernel within seconds, by a thread
 * of jemalloc's: a worker that has nothing to do allocates nothing and so would never give back.
 * A subscription is objects of 32 and 112 bytes, or of 32, 48 and 64. Of each run of them jemalloc
 * keeps 128 bytes: least with runs of 512 objects, the most it has. */
extern const char *malloc_conf;
const char *malloc_conf =
    "background_thread:true,max_background_threads:1,dirty_decay_ms:1000,muzzy_decay_ms:0,"
    "slab_sizes:17-32:4|33-48:6|49-64:8|97-112:14";

static void learn_machine(struct program *program)
{
    uint32_t cpus[SYS_CPUS_MAX];
    program->machine.cpus = sys_cpus(cpus, SYS_CPUS_MAX);
    program->machine.memory_bytes = sys_memory_bytes();
    program->machine.descriptors = sys_raise_files_limit(NULL);
    program->machine.tcp_bytes = sys_tcp_memory_bytes();
}

static int run_probe(struct program *program)
{
    static const enum loop_backend wanted[] = {LOOP_AUTO, LOOP_URING, LOOP_EPOLL};
    return loop_probe_run(wanted[program->config.io], &program->probe);
}

/* The workers' tables are for who asks for them, or for more connections than there are
 * descriptors. The default of max_connections asks for nothing. */
static bool wants_direct(const struct config *config, uint32_t plain)
{
    switch (config->descriptors) {
    case CONFIG_DESCRIPTORS_PLAIN:
        return false;
    case CONFIG_DESCRIPTORS_DIRECT:
        return true;
    case CONFIG_DESCRIPTORS_AUTO:
        break;
    }
    return config->max_connections_asked && config->max_connections > plain;
}

/* How many connections there is room for, deciding where their sockets live; where says it in words
 * where it is not plain. False: what was asked for cannot be had, and note says why. */
static bool find_room(struct program *program, uint32_t *possible, char where[ROOM_TEXT_MAX],
                      struct conf_error *note)
{
    const struct config *config = &program->config;
    uint64_t descriptors = program->machine.descriptors;
    uint32_t workers = config_workers(config, &program->machine);
    *possible = report_connections_possible(descriptors, workers);
    where[0] = '\0';
    if (!wants_direct(config, *possible)) {
        return true;
    }
    loop_probe_direct(&program->probe);
    program->direct = program->probe.direct;
    if (program->direct) {
        *possible = report_connections_direct(descriptors, workers);
        snprintf(where, ROOM_TEXT_MAX, " in the tables of %" PRIu32 " workers", workers);
        return true;
    }
    snprintf(where, ROOM_TEXT_MAX, " (nor can sockets live in the workers' tables: %s)",
             program->probe.direct_step);
    if (config->descriptors == CONFIG_DESCRIPTORS_DIRECT) {
        snprintf(note->text, sizeof(note->text),
                 "--descriptors: sockets cannot live in the workers' tables here: %s; use auto or "
                 "plain",
                 program->probe.direct_step);
        return false;
    }
    return true;
}

/* More connections than there is room for would end in clients that connect and hear nothing: refuse
 * them by name instead. Fills note where that is so; false: not even one fits, or what was asked for
 * cannot be had. */
static bool fit_connections(struct program *program, struct conf_error *note)
{
    struct config *config = &program->config;
    char where[ROOM_TEXT_MAX];
    uint32_t possible;
    note->text[0] = '\0';
    if (!find_room(program, &possible, where, note)) {
        return false;
    }
    program->connections_room = MIN_OF(config->max_connections, possible);
    if (config->max_connections <= possible) {
        return true;
    }
    snprintf(note->text, sizeof(note->text),
             "the hard limit of open files (RLIMIT_NOFILE) is %" PRIu64 ", enough for %" PRIu32
             " connections%s and not for max_connections=%" PRIu32
             "; more clients than that are refused. Raise it (ulimit -Hn, LimitNOFILE= of systemd, "
             "--ulimit nofile of docker)%s, or lower --max_connections",
             program->machine.descriptors, possible, where, config->max_connections,
             program->direct ? ", start more --workers" : "");
    config->max_connections = possible;
    return possible > 0;
}

static void report_all(struct program *program)
{
    const struct config *config = &program->config;
    report_limits(&program->report, config);
    report_descriptors(&program->report, program->machine.descriptors,
                       config_workers(config, &program->machine), program->direct);
    report_memory(&program->report, &program->bound);
}

/* What only some hubs have. */
static void add_optional(struct program *program)
{
    const struct config *config = &program->config;
    uint64_t workers = config_workers(config, &program->machine);
    memory_bound_add(&program->bound, "helpers, which look at passwords and keys", workers,
                     HELPER_THREADS * (HELPER_STACK_BYTES + HELPER_SCRATCH_BYTES) +
                         (PROOFS_MAX + 1) * (sizeof(struct proof) + config->max_control_line));
    if (program->configuration.access != NULL) {
        memory_bound_add(&program->bound, "who is connected (authorization)",
                         config->max_connections,
                         sizeof(struct grant) + GRANT_CACHE_BYTES + FAIR_BYTES_EACH);
    }
    if (config->scrub != NULL) {
        uint64_t largest = config->max_payload > 0
                               ? (uint64_t)config->max_payload
                               : MIN_OF(config->max_pending, (uint64_t)INT32_MAX);
        memory_bound_add(&program->bound, "messages being cleaned (scrub)", workers,
                         SCRUB_BYTES_PER_BYTE * largest);
    }
}

static void compute_memory_bound(struct program *program)
{
    struct config_sizes sizes;
    memset(&sizes, 0, sizeof(sizes));
    sizes.read_buffer_bytes = READ_BUFFER_BYTES;
    sizes.read_buffers = READ_BUFFERS_DEFAULT;
    sizes.log_bytes = LOG_RING_BYTES;
    sizes.process_bytes = PROGRAM_BYTES;
    sizes.socket_buffer_bytes = UNSENT_BYTES;
    workers_sizes(&program->config, &sizes);
    config_memory_bound(&program->config, &program->machine, &sizes, &program->bound);
    add_optional(program);
    if (program->config.http_port != 0) {
        memory_bound_add(&program->bound, "monitoring: rows of connections (max_connections)",
                         program->config.max_connections, MONITOR_ROW_BYTES);
        memory_bound_add(&program->bound, "monitoring: answers on their way, closed connections", 1,
                         MONITOR_BYTES_MAX);
    }
}

static void log_report(struct program *program, enum log_level level, const char *indent)
{
    for (size_t i = 0; i < program->report.count; i++) {
        log_sink_print(program->sink, level, "%s%s", indent, program->report.lines[i]);
    }
    program->report.count = 0;
}

static int check_options(struct program *program)
{
    struct conf_error warning;
    struct conf_error note;
    learn_machine(program);
    (void)run_probe(program); /* what cannot be had is said by a start */
    if (!fit_connections(program, &note)) {
        fprintf(stderr, "%s: %s\n", program->name, note.text);
        return EXIT_FAILURE;
    }
    compute_memory_bound(program);
    report_all(program);
    for (size_t i = 0; i < program->report.count; i++) {
        printf("%s\n", program->report.lines[i]);
    }
    for (size_t i = 0; configuration_warning(&program->configuration, i, &warning); i++) {
        printf("warning: %s\n", warning.text);
    }
    if (note.text[0] != '\0') {
        printf("warning: %s\n", note.text);
    }
    if (program->config.config_file[0] != '\0') {
        printf("%s: configuration file %s is valid\n", program->name, program->config.config_file);
    } else {
        printf("%s: options are valid\n", program->name);
    }
    return EXIT_SUCCESS;
}

static int send_signal(const struct program *program)
{
    char why[512];
    if (process_signal_send(&program->config, program->name, why, sizeof(why)) != 0) {
        fprintf(stderr, "%s: %s\n", program->name, why);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static bool open_log(struct program *program)
{
    struct log_sink_options options = program_log_options(&program->config);
    int error = log_sink_open(&options, &program->sink);
    if (error != 0) {
        fprintf(stderr, "%s: -l: cannot write the log %s: %s\n", program->name,
                program->config.log_file, strerror(-error));
        return false;
    }
    return true;
}

static bool open_signals(struct program *program)
{
    program->signals_fd = process_signals_open();
    if (program->signals_fd < 0) {
        log_sink_print(program->sink, LOG_FATAL, "cannot take signals: %s",
                       strerror(-program->signals_fd));
        return false;
    }
    return true;
}

static void print_banner(struct program *program)
{
    const struct config *config = &program->config;
    struct log_sink *sink = program->sink;
    if (options_is_nats_server(program->name)) {
        log_sink_print(sink, LOG_INFO, "Starting nats-server");
        log_sink_print(sink, LOG_INFO, "  Version:  %s", RINGHUB_SPEAKS_AS);
    } else {
        log_sink_print(sink, LOG_INFO, "Starting ringhub");
        log_sink_print(sink, LOG_INFO, "  Version:  %s (speaks as nats-server %s)", RINGHUB_VERSION,
                       RINGHUB_SPEAKS_AS);
    }
    log_sink_print(sink, LOG_INFO, "  Git:      [%s]", RINGHUB_GIT);
    log_sink_print(sink, LOG_INFO, "  Name:     %s",
                   config->server_name[0] != '\0' ? config->server_name : program->server_id);
    log_sink_print(sink, LOG_INFO, "  ID:       %s", program->server_id);
    log_sink_print(sink, LOG_INFO, "  Workers:  %" PRIu32 " on %" PRIu32 " CPUs%s",
                   config_workers(config, &program->machine), program->machine.cpus,
                   config->pin ? ", pinned" : "");

    if (config->config_file[0] != '\0') {
        log_sink_print(sink, LOG_INFO, "Using configuration file: %s", config->config_file);
    }
    program_print_warnings(program, &program->configuration);
}

/* Finds out what the kernel allows; says it as a warning where it is less than was hoped for. */
static bool probe_kernel(struct program *program)
{
    enum config_io io = program->config.io;
    int error = run_probe(program);
    bool lesser = io == CONFIG_IO_AUTO && program->probe.backend != LOOP_URING;
    report_probe(&program->report, &program->probe);
    if (error != 0) {
        log_report(program, LOG_FATAL, "");
        return false;
    }
    lesser = lesser || (program->probe.backend == LOOP_URING && !program->probe.sends_inline);
    log_report(program, lesser ? LOG_WARNING : LOG_INFO, lesser ? "" : "  ");
    return true;
}

static bool print_limits(struct program *program)
{
    struct conf_error note;
    bool fits = fit_connections(program, &note);
    if (note.text[0] != '\0') {
        log_sink_print(program->sink, fits ? LOG_WARNING : LOG_FATAL, "%s", note.text);
    }
    if (!fits) {
        return false;
    }
    if (!program->direct) {
        sys_reserve_files((uint64_t)program->config.max_connections + OTHER_FILES);
    }
    compute_memory_bound(program);
    report_all(program);
    log_report(program, LOG_INFO, "  ");
    if (program->bound.total_bytes > program->machine.memory_bytes) {
        char total[32];
        char memory[32];
        log_sink_print(program->sink, LOG_WARNING,
                       "the memory bound (%s) is above what this process may use (%s); lower "
                       "--max_memory or --max_connections",
                       units_size_text(program->bound.total_bytes, total, sizeof(total)),
                       units_size_text(program->machine.memory_bytes, memory, sizeof(memory)));
    }
    return true;
}

static bool open_listener(struct program *program)
{
    char why[768];
    struct listener_options options = {.host = program->config.host,
                                       .port = program->config.port,
                                       .send_buffer_bytes = SEND_BUFFER_BYTES,
                                       .notsent_lowat_bytes = NOTSENT_LOWAT_BYTES};
    /* Whoever replaces a server may start this one while the old one is still closing. */
    const struct timespec pause = {.tv_nsec = PORT_PAUSE_MS * 1000000};
    int error = listener_open(&options, &program->listener, why, sizeof(why));
    for (int i = 0; error == -EADDRINUSE && i < PORT_ATTEMPTS; i++) {
        (void)nanosleep(&pause, NULL);
        error = listener_open(&options, &program->listener, why, sizeof(why));
    }
    if (error != 0) {
        log_sink_print(program->sink, LOG_FATAL, "%s", why);
        return false;
    }
    return true;
}

static void warn_of_access(struct program *program)
{
    const struct config *config = &program->config;
    const struct access *access = program->configuration.access;
    if (access == NULL && !config_is_local(config)) {
        log_sink_print(program->sink, LOG_WARNING,
                       "Everybody who reaches %s may publish and subscribe: there is no "
                       "authorization, and --open was given",
                       config->host);
    }
    if (access != NULL && access_has_plain_secrets(access)) {
        log_sink_print(program->sink, LOG_WARNING,
                       "Plaintext passwords detected, use nkeys or bcrypt");
    }
}

static struct settings *make_settings(struct program *program, const struct config *config)
{
    const struct workers_server server = {.id = program->server_id, .port = program->listener.port};
    struct settings *settings = workers_settings(&server, config);
    if (settings == NULL) {
        log_sink_print(program->sink, LOG_FATAL,
                       "the INFO line has no room for server_name and client_advertise; shorten "
                       "them");
        return NULL;
    }
    program_give_parts(&program->configuration, settings);
    return settings;
}

static bool start_workers(struct program *program)
{
    const struct config *config = &program->config;
    const struct config_machine *machine = &program->machine;
    struct settings *settings = make_settings(program, config);
    if (settings == NULL) {
        return false;
    }
    struct workers_options options = {
        .config = config,
        .probe = &program->probe,
        .listener_fds = program->listener.fds,
        .listeners_count = program->listener.count,
        .settings = settings,
        .memory_bytes = config_memory_budget(config, machine),
        .workers = config_workers(config, machine),
        .table_max = program->direct ? report_table_max(machine->descriptors) : 0};
    sys_random(&options.hash_key, sizeof(options.hash_key));
    int error = workers_start(&options, &program->workers);
    if (error != 0) {
        log_sink_print(program->sink, LOG_FATAL, "cannot start the workers: %s", strerror(-error));
        return false;
    }
    struct log *rings[WORKERS_MAX];
    size_t count = workers_log_rings(program->workers, rings, WORKERS_MAX);
    for (size_t i = 0; i < count; i++) {
        log_sink_add(program->sink, rings[i]);
    }
    return true;
}

static uint32_t ask_workers(void *context, const struct snapshot_query *query,
                            struct answer *answers[WORKERS_MAX])
{
    struct program *program = context;
    return workers_ask(program->workers, query, ANSWER_NS, answers);
}

static uint64_t log_lines_lost(void *context)
{
    struct program *program = context;
    return log_sink_lost(program->sink);
}

static bool start_monitor(struct program *program)
{
    const struct config *config = &program->config;
    if (config->http_port == 0) {
        return true;
    }
    program_learn_facts(program);
    program->source = (struct monitor_source){
        .context = program, .ask = ask_workers, .log_lines_lost = log_lines_lost};
    char why[1024];
    if (monitor_start(&program->facts, &program->source, &program->monitor, why, sizeof(why)) !=
        0) {
        log_sink_print(program->sink, LOG_FATAL, "%s", why);
        return false;
    }
    char host_port[LISTENER_TEXT_MAX];
    log_sink_print(program->sink, LOG_INFO, "Starting http monitor on %s",
                   listener_host_port(config->http_host, (uint16_t)program->facts.http_port,
                                      host_port, sizeof(host_port)));
    return true;
}

/* Last, because harnesses take these files as the sign that clients can connect. */
static bool write_files(struct program *program)
{
    const struct config *config = &program->config;
    int error = config->pid_file[0] != '\0' ? process_pid_file_write(config->pid_file) : 0;
    if (error != 0) {
        log_sink_print(program->sink, LOG_FATAL, "-P: cannot write the pid file %s: %s",
                       config->pid_file, strerror(-error));
        return false;
    }
    if (config->ports_file_dir[0] == '\0') {
        return true;
    }
    const struct listener *monitor =
        program->monitor != NULL ? monitor_listener(program->monitor) : NULL;
    error = process_ports_file_write(config->ports_file_dir, program->name, &program->listener,
                                     monitor, program->ports_path);
    if (error != 0) {
        log_sink_print(program->sink, LOG_FATAL, "--ports_file_dir: cannot write %s: %s",
                       program->ports_path, strerror(-error));
        program->ports_path[0] = '\0';
        return false;
    }
    return true;
}

static void remove_files(struct program *program)
{
    if (program->ports_path[0] != '\0') {
        unlink(program->ports_path);
    }
    if (program->config.pid_file[0] != '\0') {
        process_pid_file_remove(program->config.pid_file);
    }
}

static void print_ready(struct program *program)
{
    char host_port[LISTENER_TEXT_MAX];
    log_sink_print(program->sink, LOG_INFO, "Listening for client connections on %s",
                   listener_host_port(program->config.host, program->listener.port, host_port,
                                      sizeof(host_port)));
    warn_of_access(program);
    log_sink_print(program->sink, LOG_INFO, "Server is ready");
}

static void reopen_log(struct program *program)
{
    struct metrics sum;
    struct hub_gauges gauges;
    struct loop_stats loop;
    char text[REPORT_COUNTERS_MAX];
    int error = log_sink_reopen(program->sink);
    if (error == -ENOTSUP) {
        log_sink_print(program->sink, LOG_INFO, "File log re-open ignored, not a file logger");
    } else if (error != 0) {
        log_sink_print(program->sink, LOG_ERROR, "cannot open the log %s anew, keeping the old: %s",
                       program->config.log_file, strerror(-error));
    } else {
        log_sink_print(program->sink, LOG_INFO, "File log re-opened");
    }
    metrics_init(&sum);
    workers_counters(program->workers, &sum, &gauges, &loop);
    log_sink_print(program->sink, LOG_INFO, "%s", report_counters(&sum, &gauges, text));
}

/* Listening ends first: who connects from now on is refused and finds another server. */
static void begin_lame_duck(struct program *program)
{
    log_sink_print(program->sink, LOG_INFO, "Entering lame duck mode, stop accepting new clients");
    workers_lame_duck(program->workers);
    listener_stop(&program->listener);
}

static void wait_for_end(struct program *program)
{
    bool lame_duck = false;
    for (;;) {
        enum process_event event = process_wait(program->signals_fd, WAIT_NS);
        (void)log_sink_drain(program->sink);
        switch (event) {
        case PROCESS_NOTHING:
            break;
        case PROCESS_STOP:
            return;
        case PROCESS_LAME_DUCK:
            if (!lame_duck) {
                begin_lame_duck(program);
            }
            lame_duck = true;
            break;
        case PROCESS_REOPEN:
            reopen_log(program);
            break;
        case PROCESS_RELOAD:
            program->reload_asked = true;
            break;
        }
        reload_look(program);
        if (lame_duck && workers_finished(program->workers)) {
            return;
        }
    }
}

static void stop_workers(struct program *program)
{
    log_sink_print(program->sink, LOG_INFO, "Initiating Shutdown...");
    if (!workers_stop(program->workers, MIN_OF(program->config.write_deadline_ns, STOP_NS))) {
        log_sink_print(program->sink, LOG_WARNING,
                       "some clients did not take what was queued for them in time");
    }
}

static int run(struct program *program)
{
    int status = EXIT_FAILURE;
    if (!open_log(program)) {
        return status;
    }
    process_server_id(program->server_id);
    program->start_wall_ns = program->config_wall_ns = sys_wall_ns();
    learn_machine(program);
    if (!open_signals(program)) {
        goto close_log;
    }
    print_banner(program);
    if (!probe_kernel(program) || !print_limits(program) || !open_listener(program)) {
        goto close_signals;
    }
    if (!start_workers(program)) {
        goto close_listener;
    }
    if (start_monitor(program) && write_files(program)) {
        print_ready(program);
        wait_for_end(program);
        status = EXIT_SUCCESS;
    }
    remove_files(program);
    monitor_stop(program->monitor);
    stop_workers(program);
close_listener:
    listener_close(&program->listener);
close_signals:
    close(program->signals_fd);
    if (status == EXIT_SUCCESS) {
        log_sink_print(program->sink, LOG_INFO, "Server Exiting..");
    }
close_log:
    log_sink_free(program->sink);
    workers_free(program->workers); /* after the sink: it has drained their rings to the end */
    return status;
}

static int perform(struct program *program, enum config_command command)
{
    switch (command) {
    case CONFIG_HELP:
        options_print_help(stdout, program->name);
        return EXIT_SUCCESS;
    case CONFIG_VERSION:
        options_print_version(stdout, program->name);
        return EXIT_SUCCESS;
    case CONFIG_SIGNAL:
        return send_signal(program);
    case CONFIG_CHECK:
        return check_options(program);
    default:
        return run(program);
    }
}

int main(int argc, char *argv[])
{
    process_secure_standard_files();
    if (argc > 1 && strcmp(argv[1], "scrub") == 0) {
        return scrub_tool_main(process_base_name(argv[0]), argc - 1, argv + 1);
    }
    struct program *program = memory_alloc(sizeof(*program));
    struct conf_error error;
    program->name = process_base_name(argc > 0 ? argv[0] : NULL);
    program->argc = argc;
    program->argv = argv;
    enum config_command command = configuration_read(&program->configuration, argc, argv, &error);
    program->config = program->configuration.config;
    int status = program->configuration.is_fault_of_options ? EXIT_OPTIONS : EXIT_FAILURE;
    if (command == CONFIG_INVALID) {
        fprintf(stderr, "%s: %s\n", program->name, error.text);
    } else {
        status = perform(program, command);
    }
    configuration_free(&program->configuration);
    memory_free(program);
    return status;
}
