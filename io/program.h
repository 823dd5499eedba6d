/*
 * program.h - everything a running hub consists of, for those who start, reload and stop it.
 *
 * Threads:     the main thread.
 * Memory:      main.c's, from start to stop.
 */
#ifndef RINGHUB_IO_PROGRAM_H
#define RINGHUB_IO_PROGRAM_H

#include "io/configuration.h"
#include "io/listener.h"
#include "io/log_sink.h"
#include "io/monitor.h"
#include "io/process.h"
#include "io/report.h"
#include "io/workers.h"

#ifdef __cplusplus
extern "C" {
#endif

struct program {
    const char *name; /* borrowed: argv[0]'s */
    int argc;
    char **argv;
    struct configuration configuration;
    struct config config;      /* in force: the configuration's, fitted to the machine */
    uint32_t connections_room; /* what there is room for, by the start */
    bool reload_asked;         /* and not yet done, because the last one has not settled */
    struct config_machine machine;
    struct loop_probe probe;
    struct memory_bound bound;
    bool direct; /* sockets live in the workers' tables */
    struct log_sink *sink;
    struct listener listener;
    struct workers *workers;
    struct monitor *monitor; /* NULL: not asked for */
    struct monitor_facts facts;
    struct monitor_source source;
    int signals_fd;
    char server_id[PROCESS_ID_SIZE];
    uint64_t start_wall_ns;
    uint64_t config_wall_ns;           /* when what is in force was read */
    char ports_path[PROCESS_PATH_MAX]; /* empty: none written */
    struct report report;
};

/* What the log is to be by these settings; borrows from them. */
struct log_sink_options program_log_options(const struct config *config);
/* What a file describes in blocks goes from its configuration to the settings, or is shared. */
void program_give_parts(struct configuration *configuration, struct settings *settings);
void program_print_warnings(struct program *program, const struct configuration *configuration);
/* What monitoring shows of the settings in force. */
void program_learn_facts(struct program *program);

#ifdef __cplusplus
}
#endif
#endif
