/* reload.c - what a configuration means to the parts of a running hub, at the start and again. */
#include "io/reload.h"

#include "io/sys.h"

#include <inttypes.h>
#include <string.h>

struct log_sink_options program_log_options(const struct config *config)
{
    return (struct log_sink_options){.path = config->log_file,
                                     .logtime = config->logtime,
                                     .utc = config->logtime_utc,
                                     .json = config->log_json,
                                     .size_max = config->log_size_limit,
                                     .files_max = config->log_max_num};
}

void program_give_parts(struct configuration *configuration, struct settings *settings)
{
    settings->policies = configuration->config.policies;
    configuration->config.policies = NULL;
    if (configuration->access != NULL) {
        settings->access = access_ref(configuration->access);
    }
}

void program_print_warnings(struct program *program, const struct configuration *configuration)
{
    struct conf_error warning;
    for (size_t i = 0; configuration_warning(configuration, i, &warning); i++) {
        log_sink_print(program->sink, LOG_WARNING, "%s", warning.text);
    }
}

void program_learn_facts(struct program *program)
{
    const struct config *config = &program->config;
    const struct access *access = program->configuration.access;
    program->facts = (struct monitor_facts){
        .config = config,
        .server_id = program->server_id,
        .server_name = config->server_name[0] != '\0' ? config->server_name : program->server_id,
        .host = config->host,
        .port = program->listener.port,
        .http_port = program->facts.http_port,
        .workers = config_workers(config, &program->machine),
        .cpus = program->machine.cpus,
        .start_wall_ns = program->start_wall_ns,
        .config_wall_ns = program->config_wall_ns,
        .is_auth_required = access != NULL && access_no_auth_user(access) == NULL,
        .auth_timeout_ns = access != NULL ? access_timeout_ns(access) : ACCESS_TIMEOUT_DEFAULT_NS};
}

/* ---- again -------------------------------------------------------------------------------------- */

/* Says key by key what is different. */
static void print_changes(struct program *program, const struct configuration *configuration)
{
    static const char *const blocks[] = {"slow_subscribers", "limits", "scrub", "authorization",
                                         "no_auth_user"};
    const struct config *next = &configuration->config;
    struct config_change *change = memory_alloc(sizeof(*change));
    size_t index = 0;
    while (config_change(&program->configuration.config, next, &index, change)) {
        if (change->needs_restart) {
            log_sink_print(program->sink, LOG_WARNING,
                           "%s = %s needs a restart; until then it stays %s", change->key,
                           change->is, change->was);
        } else {
            log_sink_print(program->sink, LOG_INFO, "Reloaded: %s = %s (was %s)", change->key,
                           change->is, change->was);
        }
    }
    memory_free(change);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        if (configuration_block_differs(&program->configuration, configuration, blocks[i])) {
            log_sink_print(program->sink, LOG_INFO, "Reloaded: %s", blocks[i]);
        }
    }
    if (next->max_connections > program->connections_room &&
        next->max_connections != program->configuration.config.max_connections) {
        log_sink_print(program->sink, LOG_WARNING,
                       "max_connections = %" PRIu32 " needs a restart; until then there is room "
                       "for %" PRIu32,
                       next->max_connections, program->connections_room);
    }
}

/* All of it or nothing. False: error says why, and all is as it was. */
static bool apply_again(struct program *program, const struct config *next,
                        struct configuration *parts, struct conf_error *error)
{
    struct log_sink_options before = program_log_options(&program->config);
    struct log_sink_options log = program_log_options(next);
    const struct workers_server server = {.id = program->server_id, .port = program->listener.port};
    struct settings *settings = workers_settings(&server, next);
    if (settings == NULL) {
        return conf_explain(error,
                            "client_advertise: the INFO line has no room for it; shorten it");
    }
    bool is_other_log = strcmp(before.path, log.path) != 0 || before.logtime != log.logtime ||
                        before.utc != log.utc || before.json != log.json ||
                        before.size_max != log.size_max || before.files_max != log.files_max;
    int failure = is_other_log ? log_sink_change(program->sink, &log) : 0;
    if (failure != 0) {
        settings_free(settings);
        return conf_explain(error, "log_file: cannot write %.200s: %s", log.path,
                            strerror(-failure));
    }
    program_give_parts(parts, settings);
    workers_log_level(program->workers, config_log_level(next));
    workers_apply(program->workers, settings);
    return true;
}

static void reload_from(struct program *program, struct configuration *next)
{
    struct conf_error error;
    enum config_command command = configuration_read(next, program->argc, program->argv, &error);
    struct config config = next->config;
    bool done = command != CONFIG_INVALID;
    if (done) {
        config_keep(&program->configuration.config, &config);
        config.max_connections = MIN_OF(config.max_connections, program->connections_room);
        done = apply_again(program, &config, next, &error);
    }
    if (!done) {
        log_sink_print(program->sink, LOG_ERROR, "Failed to reload server configuration: %s",
                       error.text);
        configuration_free(next);
        return;
    }
    program_print_warnings(program, next);
    print_changes(program, next);
    program->config = config;
    config_keep(&program->configuration.config, &next->config);
    configuration_free(&program->configuration);
    program->configuration = *next;
    program->config_wall_ns = sys_wall_ns();
    program_learn_facts(program);
    if (program->monitor != NULL) {
        monitor_learn(program->monitor, &program->facts);
    }
    log_sink_print(program->sink, LOG_INFO, "Reloaded server configuration");
}

void reload_look(struct program *program)
{
    if (!workers_settled(program->workers) || !program->reload_asked) {
        return;
    }
    program->reload_asked = false;
    if (program->config.config_file[0] == '\0') {
        log_sink_print(program->sink, LOG_INFO,
                       "SIGHUP ignored: there is no configuration file to reload");
        return;
    }
    struct configuration *next = memory_alloc(sizeof(*next));
    reload_from(program, next);
    memory_free(next);
}
