/*
 * config_options.c - the option table and its reader.
 *
 * Go's flag rules: one dash or two, `-flag value` or `-flag=value`, switches take a value only
 * after
 * `=`, `--` ends the options, and a value may start with a dash (`-p -1`).
 */
#include "core/config.h"

#include "core/config_ranges.h"
#include "core/limits.h"
#include "core/nearest.h"
#include "core/units.h"

#include <stdio.h>

enum option_kind {
    OPTION_HOST,
    OPTION_PORT,
    OPTION_HTTP_PORT,
    OPTION_HTTP, /* [host:]port */
    OPTION_TEXT,
    OPTION_PATH,
    OPTION_SWITCH,
    OPTION_NUMBER,      /* uint32_t */
    OPTION_SIZE,        /* uint64_t */
    OPTION_SIZE32,      /* uint32_t, with size suffixes */
    OPTION_PAYLOAD,     /* int64_t; -1 allowed */
    OPTION_DURATION,    /* uint64_t */
    OPTION_CONNECTIONS, /* uint32_t, and that it was given */
    OPTION_IO,
    OPTION_DESCRIPTORS,
    OPTION_LOG_FORMAT,
    OPTION_SIGNAL,
    OPTION_DEBUG_TRACE,
    OPTION_COMMAND,         /* switch; min is the command */
    OPTION_TOLERATED,       /* switch that asks for JetStream */
    OPTION_TOLERATED_VALUE, /* the same with a value */
    OPTION_REFUSED,         /* why is the sentence */
};

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset; /* into struct config */
    uint64_t min;
    uint64_t max;
    const char *why;
};

#define AT(field) offsetof(struct config, field)
#define NO_HTTPS  "monitoring speaks plain HTTP; use -m, behind a proxy that speaks TLS if need be"
#define NO_TLS    "TLS is not supported yet; put a TLS proxy in front"
#define NO_ROUTES "clustering is not supported; run one hub, which uses every CPU of its machine"
#define NO_SYSLOG "syslog is not supported; log to stderr or to a file with -l"
#define NO_PROF   "profiling over HTTP is not supported; use perf on the running process"
#define NO_CUT    "traced messages always end at the length of one log line"

static const struct option options[] = {
    {"a", OPTION_HOST, AT(host), 0, 0, NULL},
    {"addr", OPTION_HOST, AT(host), 0, 0, NULL},
    {"net", OPTION_HOST, AT(host), 0, 0, NULL},
    {"p", OPTION_PORT, AT(port), 0, 0, NULL},
    {"port", OPTION_PORT, AT(port), 0, 0, NULL},
    {"n", OPTION_TEXT, AT(server_name), 0, 0, NULL},
    {"name", OPTION_TEXT, AT(server_name), 0, 0, NULL},
    {"server_name", OPTION_TEXT, AT(server_name), 0, 0, NULL},
    {"m", OPTION_HTTP_PORT, AT(http_port), 0, 0, NULL},
    {"http_port", OPTION_HTTP_PORT, AT(http_port), 0, 0, NULL},
    {"monitor_port", OPTION_HTTP_PORT, AT(http_port), 0, 0, NULL},
    {"http", OPTION_HTTP, 0, 0, 0, NULL},
    {"http_base_path", OPTION_TEXT, AT(http_base_path), 0, 0, NULL},
    {"client_advertise", OPTION_TEXT, AT(client_advertise), 0, 0, NULL},
    {"l", OPTION_PATH, AT(log_file), 0, 0, NULL},
    {"log", OPTION_PATH, AT(log_file), 0, 0, NULL},
    {"log_file", OPTION_PATH, AT(log_file), 0, 0, NULL},
    {"P", OPTION_PATH, AT(pid_file), 0, 0, NULL},
    {"pid", OPTION_PATH, AT(pid_file), 0, 0, NULL},
    {"pid_file", OPTION_PATH, AT(pid_file), 0, 0, NULL},
    {"ports_file_dir", OPTION_PATH, AT(ports_file_dir), 0, 0, NULL},
    {"D", OPTION_SWITCH, AT(debug), 0, 0, NULL},
    {"debug", OPTION_SWITCH, AT(debug), 0, 0, NULL},
    {"V", OPTION_SWITCH, AT(trace), 0, 0, NULL},
    {"VV", OPTION_SWITCH, AT(trace), 0, 0, NULL},
    {"trace", OPTION_SWITCH, AT(trace), 0, 0, NULL},
    {"DV", OPTION_DEBUG_TRACE, 0, 0, 0, NULL},
    {"DVV", OPTION_DEBUG_TRACE, 0, 0, 0, NULL},
    {"T", OPTION_SWITCH, AT(logtime), 0, 0, NULL},
    {"logtime", OPTION_SWITCH, AT(logtime), 0, 0, NULL},
    {"logtime_utc", OPTION_SWITCH, AT(logtime_utc), 0, 0, NULL},
    {"log_format", OPTION_LOG_FORMAT, AT(log_json), 0, 0, NULL},
    {"log_size_limit", OPTION_SIZE, AT(log_size_limit), 0, UINT64_C(1) << 50, NULL},
    {"log_max_num", OPTION_NUMBER, AT(log_max_num), 0, LOG_FILES_MAX, NULL},
    {"t", OPTION_COMMAND, 0, CONFIG_CHECK, 0, NULL},
    {"v", OPTION_COMMAND, 0, CONFIG_VERSION, 0, NULL},
    {"version", OPTION_COMMAND, 0, CONFIG_VERSION, 0, NULL},
    {"h", OPTION_COMMAND, 0, CONFIG_HELP, 0, NULL},
    {"help", OPTION_COMMAND, 0, CONFIG_HELP, 0, NULL},
    {"sl", OPTION_SIGNAL, 0, 0, 0, NULL},
    {"signal", OPTION_SIGNAL, 0, 0, 0, NULL},

    {"open", OPTION_SWITCH, AT(open), 0, 0, NULL},
    {"user", OPTION_TEXT, AT(user), 0, 0, NULL},
    {"pass", OPTION_TEXT, AT(pass), 0, 0, NULL},
    {"auth", OPTION_TEXT, AT(token), 0, 0, NULL},

    {"workers", OPTION_NUMBER, AT(workers), 0, WORKERS_MAX, NULL},
    {"pin", OPTION_SWITCH, AT(pin), 0, 0, NULL},
    {"io", OPTION_IO, AT(io), 0, 0, NULL},
    {"descriptors", OPTION_DESCRIPTORS, AT(descriptors), 0, 0, NULL},

    {"max_connections", OPTION_CONNECTIONS, AT(max_connections), 1, CONNECTIONS_MAX, NULL},
    {"max_subscriptions", OPTION_NUMBER, AT(max_subscriptions), 0, UINT32_MAX, NULL},
    {"max_control_line", OPTION_SIZE32, AT(max_control_line), CONTROL_LINE_MIN, CONTROL_LINE_MAX,
     NULL},
    {"max_payload", OPTION_PAYLOAD, AT(max_payload), 1, PAYLOAD_BYTES_MAX, NULL},
    {"max_pending", OPTION_SIZE, AT(max_pending), 1, UINT64_C(1) << 40, NULL},
    {"max_sub_tokens", OPTION_NUMBER, AT(max_sub_tokens), 0, SUB_TOKENS_MAX, NULL},
    {"max_memory", OPTION_SIZE, AT(max_memory), 1 << 20, UINT64_C(1) << 50, NULL},
    {"ping_interval", OPTION_DURATION, AT(ping_interval_ns), 1000000, YEAR_NS, NULL},
    {"ping_max", OPTION_NUMBER, AT(ping_max), 1, 1000000, NULL},
    {"write_deadline", OPTION_DURATION, AT(write_deadline_ns), 1000000, YEAR_NS, NULL},
    {"lame_duck_duration", OPTION_DURATION, AT(lame_duck_duration_ns), 1000000, YEAR_NS, NULL},
    {"lame_duck_grace_period", OPTION_DURATION, AT(lame_duck_grace_period_ns), 0, YEAR_NS, NULL},
    {"sq_entries", OPTION_NUMBER, AT(sq_entries), 1, 32768, NULL},
    {"cq_entries", OPTION_NUMBER, AT(cq_entries), 2, 65536, NULL},
    {"read_buffers", OPTION_NUMBER, AT(read_buffers), 1, 32768, NULL},

    {"c", OPTION_PATH, AT(config_file), 0, 0, NULL},
    {"config", OPTION_PATH, AT(config_file), 0, 0, NULL},

    {"js", OPTION_TOLERATED, 0, 0, 0, NULL},
    {"jetstream", OPTION_TOLERATED, 0, 0, 0, NULL},
    {"sd", OPTION_TOLERATED_VALUE, 0, 0, 0, NULL},
    {"store_dir", OPTION_TOLERATED_VALUE, 0, 0, 0, NULL},
    {"ms", OPTION_REFUSED, 0, 0, 0, NO_HTTPS},
    {"https_port", OPTION_REFUSED, 0, 0, 0, NO_HTTPS},
    {"tls", OPTION_REFUSED, 0, 0, 0, NO_TLS},
    {"tlscert", OPTION_REFUSED, 0, 0, 0, NO_TLS},
    {"tlskey", OPTION_REFUSED, 0, 0, 0, NO_TLS},
    {"tlscacert", OPTION_REFUSED, 0, 0, 0, NO_TLS},
    {"tlsverify", OPTION_REFUSED, 0, 0, 0, NO_TLS},
    {"help_tls", OPTION_REFUSED, 0, 0, 0, NO_TLS},
    {"routes", OPTION_REFUSED, 0, 0, 0, NO_ROUTES},
    {"cluster", OPTION_REFUSED, 0, 0, 0, NO_ROUTES},
    {"cluster_name", OPTION_REFUSED, 0, 0, 0, NO_ROUTES},
    {"cluster_advertise", OPTION_REFUSED, 0, 0, 0, NO_ROUTES},
    {"cluster_listen", OPTION_REFUSED, 0, 0, 0, NO_ROUTES},
    {"no_advertise", OPTION_REFUSED, 0, 0, 0, NO_ROUTES},
    {"connect_retries", OPTION_REFUSED, 0, 0, 0, NO_ROUTES},
    {"s", OPTION_REFUSED, 0, 0, 0, NO_SYSLOG},
    {"syslog", OPTION_REFUSED, 0, 0, 0, NO_SYSLOG},
    {"r", OPTION_REFUSED, 0, 0, 0, NO_SYSLOG},
    {"remote_syslog", OPTION_REFUSED, 0, 0, 0, NO_SYSLOG},
    {"profile", OPTION_REFUSED, 0, 0, 0, NO_PROF},
    {"max_traced_msg_len", OPTION_REFUSED, 0, 0, 0, NO_CUT},
};

/* One option as it stands on the command line. */
struct argument {
    const struct option *option;
    const char *word;  /* argv's, with dashes: error texts quote what was typed */
    const char *value; /* NULL: none given */
};

static const struct option *find_option(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (bytes_equal(name, bytes_text(options[i].name))) {
            return &options[i];
        }
    }
    return NULL;
}

/* The long option a typing error probably meant; empty: none is near. */
static struct bytes nearest_option(struct bytes name)
{
    struct nearest nearest;
    nearest_init(&nearest, name);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (options[i].kind != OPTION_REFUSED && strlen(options[i].name) >= 3) {
            nearest_offer(&nearest, bytes_text(options[i].name));
        }
    }
    return nearest.found;
}

static bool fail_unknown(struct conf_error *error, const char *word, struct bytes name)
{
    struct bytes nearest = nearest_option(name);
    if (nearest.size > 0) {
        return conf_explain(error, "unknown option %.80s; did you mean --%s? (--help lists all)",
                            word, (const char *)nearest.ptr);
    }
    return conf_explain(error, "unknown option %.80s; --help lists the options", word);
}

static bool takes_value(const struct option *option)
{
    switch (option->kind) {
    case OPTION_SWITCH:
    case OPTION_DEBUG_TRACE:
    case OPTION_COMMAND:
    case OPTION_TOLERATED:
    case OPTION_REFUSED: /* refused before its value matters */
        return false;
    default:
        return true;
    }
}

/* Go's strconv.ParseBool. */
static bool parse_switch(const char *text, bool *on)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *on = strcmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static bool set_switch(const struct argument *argument, bool *target, struct conf_error *error)
{
    bool on = true;
    if (argument->value != NULL && !parse_switch(argument->value, &on)) {
        return conf_explain(error,
                            "%.80s: a switch takes true or false after the =", argument->word);
    }
    *target = on;
    return true;
}

static bool set_text(const struct argument *argument, char *target, size_t target_size,
                     struct conf_error *error)
{
    size_t size = strlen(argument->value);
    if (size == 0) {
        return conf_explain(error, "%.80s: the value is empty", argument->word);
    }
    if (size >= target_size) {
        return conf_explain(error, "%.80s: the value has %zu bytes; at most %zu are possible",
                            argument->word, size, target_size - 1);
    }
    memcpy(target, argument->value, size + 1);
    return true;
}

/* "[::1]" loses its brackets. One colon alone is not an IPv6 address but a port in the wrong
 * place. */
static bool set_host(const struct argument *argument, char *target, struct conf_error *error)
{
    const char *value = argument->value;
    size_t size = strlen(value);
    const char *colon = strchr(value, ':');
    bool bracketed = size >= 2 && value[0] == '[';
    if ((bracketed && value[size - 1] != ']') ||
        (!bracketed && colon != NULL && strchr(colon + 1, ':') == NULL)) {
        return conf_explain(error,
                            "%.80s: \"%.80s\" is not a host; give the port separately, with -p",
                            argument->word, value);
    }
    if (!set_text(argument, target, CONFIG_TEXT_MAX, error)) {
        return false;
    }
    if (bracketed) {
        memmove(target, target + 1, size - 2);
        target[size - 2] = '\0';
    }
    return true;
}

bool config_number_parse(const char *text, uint64_t *number)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == '\0' && units_parse_size(bytes_text(text), number);
}

static bool set_port(const struct argument *argument, int32_t *target, struct conf_error *error)
{
    uint64_t number = 0;
    if (strcmp(argument->value, "-1") == 0) {
        *target = CONFIG_PORT_RANDOM;
        return true;
    }
    if (!config_number_parse(argument->value, &number) || number > 65535) {
        return conf_explain(
            error, "%.80s: \"%.40s\" is not a port; use 1 to 65535, or -1 for a random one",
            argument->word, argument->value);
    }
    /* As in nats-server: 0 is "not given", hence the default. */
    *target = number == 0 ? CONFIG_PORT_DEFAULT : (int32_t)number;
    return true;
}

static bool fail_range(const struct argument *argument, struct conf_error *error)
{
    return conf_explain(error, "%.80s: \"%.40s\" is out of range; use %llu to %llu", argument->word,
                        argument->value, (unsigned long long)argument->option->min,
                        (unsigned long long)argument->option->max);
}

static bool get_number(const struct argument *argument, uint64_t *number, struct conf_error *error)
{
    if (!config_number_parse(argument->value, number)) {
        return conf_explain(error, "%.80s: \"%.40s\" is not a number; use %llu to %llu",
                            argument->word, argument->value,
                            (unsigned long long)argument->option->min,
                            (unsigned long long)argument->option->max);
    }
    if (*number < argument->option->min || *number > argument->option->max) {
        return fail_range(argument, error);
    }
    return true;
}

static bool get_size(const struct argument *argument, uint64_t *bytes, struct conf_error *error)
{
    if (!units_parse_size(bytes_text(argument->value), bytes)) {
        return conf_explain(
            error, "%.80s: \"%.40s\" is not a size; write bytes or a suffix, e.g. 65536 or 64MB",
            argument->word, argument->value);
    }
    if (*bytes < argument->option->min || *bytes > argument->option->max) {
        return fail_range(argument, error);
    }
    return true;
}

static bool get_duration(const struct argument *argument, uint64_t *ns, struct conf_error *error)
{
    if (!units_parse_duration(bytes_text(argument->value), ns)) {
        return conf_explain(
            error, "%.80s: \"%.40s\" is not a duration; write it with a unit, e.g. 500ms, 10s, 2m",
            argument->word, argument->value);
    }
    if (*ns < argument->option->min || *ns > argument->option->max) {
        return conf_explain(error, "%.80s: \"%.40s\" is out of range; use %s to one year",
                            argument->word, argument->value,
                            argument->option->min == 0 ? "0" : "1ms");
    }
    return true;
}

enum { CHOICES = 3 };

static bool choose(const struct argument *argument, const char *const names[CHOICES],
                   size_t *chosen, struct conf_error *error)
{
    for (size_t i = 0; i < CHOICES; i++) {
        if (strcmp(argument->value, names[i]) == 0) {
            *chosen = i;
            return true;
        }
    }
    return conf_explain(error, "%.80s: \"%.40s\" is not known; use %s, %s or %s", argument->word,
                        argument->value, names[0], names[1], names[2]);
}

static bool set_io(const struct argument *argument, enum config_io *target,
                   struct conf_error *error)
{
    static const char *const names[CHOICES] = {"auto", "uring", "epoll"};
    size_t chosen = 0;
    if (!choose(argument, names, &chosen, error)) {
        return false;
    }
    *target = (enum config_io)chosen;
    return true;
}

static bool set_descriptors(const struct argument *argument, enum config_descriptors *target,
                            struct conf_error *error)
{
    static const char *const names[CHOICES] = {"auto", "plain", "direct"};
    size_t chosen = 0;
    if (!choose(argument, names, &chosen, error)) {
        return false;
    }
    *target = (enum config_descriptors)chosen;
    return true;
}

static bool set_log_format(const struct argument *argument, bool *is_json, struct conf_error *error)
{
    static const char *const names[CHOICES] = {"text", "nats", "json"};
    size_t chosen = 0;
    if (!choose(argument, names, &chosen, error)) {
        return false;
    }
    *is_json = chosen == 2;
    return true;
}

/* [host:]port, or with host NULL the port alone. */
static bool set_http(const struct argument *argument, char *host, int32_t *port,
                     struct conf_error *error)
{
    char none[CONFIG_TEXT_MAX];
    bool is_understood = config_http_parse(argument->value, host != NULL ? host : none, port);
    if (!is_understood || (host == NULL && strchr(argument->value, ':') != NULL)) {
        return conf_explain(
            error, "%.80s: \"%.40s\" is not %s; use e.g. %s8222, -1 for any free one, 0 for none",
            argument->word, argument->value, host != NULL ? "host:port" : "a port",
            host != NULL ? "127.0.0.1:" : "");
    }
    return true;
}

static const struct {
    const char *name;
    enum config_signal signal;
} signal_names[] = {
    {"stop", CONFIG_SIGNAL_STOP},     {"quit", CONFIG_SIGNAL_STOP},
    {"term", CONFIG_SIGNAL_TERM},     {"ldm", CONFIG_SIGNAL_LDM},
    {"reopen", CONFIG_SIGNAL_REOPEN}, {"reload", CONFIG_SIGNAL_RELOAD},
};

/* NAME, NAME=PID or NAME=PIDFILE. */
static bool set_signal(const struct argument *argument, struct config *config,
                       struct conf_error *error)
{
    const char *equals = strchr(argument->value, '=');
    size_t name_size =
        equals != NULL ? (size_t)(equals - argument->value) : strlen(argument->value);
    config->signal = CONFIG_SIGNAL_NONE;
    for (size_t i = 0; i < COUNT_OF(signal_names); i++) {
        if (bytes_equal(bytes_text(signal_names[i].name), bytes_of(argument->value, name_size))) {
            config->signal = signal_names[i].signal;
        }
    }
    if (config->signal == CONFIG_SIGNAL_NONE) {
        return conf_explain(
            error, "%.80s: \"%.40s\" is not known; use stop, quit, term, ldm, reopen or reload",
            argument->word, argument->value);
    }
    if (equals == NULL) {
        return true;
    }
    uint64_t pid = 0;
    if (config_number_parse(equals + 1, &pid)) {
        if (pid == 0 || pid > INT32_MAX) {
            return conf_explain(error, "%.80s: %.20s is not a process id", argument->word,
                                equals + 1);
        }
        config->signal_pid = (int32_t)pid;
        return true;
    }
    struct argument path = *argument;
    path.value = equals + 1;
    return set_text(&path, config->pid_file, sizeof(config->pid_file), error);
}

static bool apply_limit(const struct argument *argument, char *target, struct conf_error *error)
{
    uint64_t value = 0;
    switch (argument->option->kind) {
    case OPTION_NUMBER:
    case OPTION_CONNECTIONS:
        if (!get_number(argument, &value, error)) {
            return false;
        }
        *(uint32_t *)(void *)target = (uint32_t)value;
        return true;
    case OPTION_SIZE32:
        if (!get_size(argument, &value, error)) {
            return false;
        }
        *(uint32_t *)(void *)target = (uint32_t)value;
        return true;
    case OPTION_PAYLOAD:
        if (strcmp(argument->value, "-1") == 0) {
            *(int64_t *)(void *)target = -1;
            return true;
        }
        if (!get_size(argument, &value, error)) {
            return false;
        }
        *(int64_t *)(void *)target = (int64_t)value;
        return true;
    case OPTION_DURATION:
        return get_duration(argument, (uint64_t *)(void *)target, error);
    default:
        return get_size(argument, (uint64_t *)(void *)target, error);
    }
}

static bool apply(const struct argument *argument, struct config *config, struct conf_error *error)
{
    const struct option *option = argument->option;
    char *target = (char *)config + option->offset;
    ASSERT(argument->value != NULL || !takes_value(option));
    switch (option->kind) {
    case OPTION_HOST:
        return set_host(argument, target, error);
    case OPTION_PORT:
        return set_port(argument, &config->port, error);
    case OPTION_TEXT:
        return set_text(argument, target, CONFIG_TEXT_MAX, error);
    case OPTION_PATH:
        return set_text(argument, target, CONFIG_PATH_MAX, error);
    case OPTION_SWITCH:
        return set_switch(argument, (bool *)target, error);
    case OPTION_DEBUG_TRACE:
        return set_switch(argument, &config->debug, error) &&
               set_switch(argument, &config->trace, error);
    case OPTION_IO:
        return set_io(argument, &config->io, error);
    case OPTION_HTTP_PORT:
        return set_http(argument, NULL, &config->http_port, error);
    case OPTION_HTTP:
        return set_http(argument, config->http_host, &config->http_port, error);
    case OPTION_LOG_FORMAT:
        return set_log_format(argument, &config->log_json, error);
    case OPTION_DESCRIPTORS:
        return set_descriptors(argument, &config->descriptors, error);
    case OPTION_CONNECTIONS:
        config->max_connections_asked = true;
        return apply_limit(argument, target, error);
    case OPTION_SIGNAL:
        return set_signal(argument, config, error);
    case OPTION_TOLERATED:
        return set_switch(argument, &config->jetstream_asked, error);
    case OPTION_TOLERATED_VALUE:
        config->jetstream_asked = true;
        return true;
    case OPTION_REFUSED:
        return conf_explain(error, "%.80s: %s", argument->word, option->why);
    default:
        return apply_limit(argument, target, error);
    }
}

/* A word without a dash: nats-server knows these two. */
static bool apply_word(const char *word, bool asked[], struct conf_error *error)
{
    if (strcmp(word, "help") == 0) {
        asked[CONFIG_HELP] = true;
        return true;
    }
    if (strcmp(word, "version") == 0) {
        asked[CONFIG_VERSION] = true;
        return true;
    }
    return conf_explain(
        error, "unrecognized command: \"%.80s\"; options start with a dash, --help lists them",
        word);
}

/* Splits one word into option and value; takes the next word where the option needs one. */
static bool read_argument(struct argument *argument, char word[CONFIG_TEXT_MAX], int argc,
                          char *const argv[], int *at, struct conf_error *error)
{
    const char *text = argv[*at];
    const char *name = text + (text[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    size_t name_size = equals != NULL ? (size_t)(equals - name) : strlen(name);

    snprintf(word, CONFIG_TEXT_MAX, "%.*s", (int)MIN_OF((size_t)(name - text) + name_size, 80),
             text);
    argument->word = word;
    argument->value = equals != NULL ? equals + 1 : NULL;
    argument->option = find_option(bytes_of(name, name_size));
    if (argument->option == NULL) {
        return fail_unknown(error, word, bytes_of(name, name_size));
    }
    if (argument->value == NULL && takes_value(argument->option)) {
        if (*at + 1 >= argc) {
            return conf_explain(error, "%.80s: a value is missing; --help shows which", word);
        }
        argument->value = argv[++*at];
    }
    return true;
}

static enum config_command decide(const bool asked[], const struct config *config)
{
    if (asked[CONFIG_HELP]) {
        return CONFIG_HELP;
    }
    if (asked[CONFIG_VERSION]) {
        return CONFIG_VERSION;
    }
    if (config->signal != CONFIG_SIGNAL_NONE) {
        return CONFIG_SIGNAL;
    }
    return asked[CONFIG_CHECK] ? CONFIG_CHECK : CONFIG_RUN;
}

enum config_command config_parse_arguments(struct config *config, int argc, char *const argv[],
                                           struct conf_error *error)
{
    bool asked[CONFIG_INVALID + 1] = {false};
    bool options_end = false;
    error->text[0] = '\0';
    for (int at = 1; at < argc; at++) {
        char word[CONFIG_TEXT_MAX];
        struct argument argument;
        if (!options_end && strcmp(argv[at], "--") == 0) {
            options_end = true;
            continue;
        }
        if (options_end || argv[at][0] != '-' || argv[at][1] == '\0') {
            if (!apply_word(argv[at], asked, error)) {
                return CONFIG_INVALID;
            }
            continue;
        }
        if (!read_argument(&argument, word, argc, argv, &at, error)) {
            return CONFIG_INVALID;
        }
        bool done = argument.option->kind == OPTION_COMMAND
                        ? set_switch(&argument, &asked[argument.option->min], error)
                        : apply(&argument, config, error);
        if (!done) {
            return CONFIG_INVALID;
        }
    }
    return decide(asked, config);
}
