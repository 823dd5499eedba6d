/*
 * config_file.c - the keys of a configuration file.
 *
 * One table says of every key of nats-server, and of ours, what it does here. docs/configuration.md
 * lists the same keys; a test holds the two together.
 */
#include "core/config.h"

#include "core/config_ranges.h"
#include "core/limits.h"
#include "core/nearest.h"
#include "core/policy_conf.h"
#include "core/scrub_conf.h"
#include "core/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum key_kind {
    KEY_HOST,
    KEY_PORT,
    KEY_TEXT, /* CONFIG_TEXT_MAX */
    KEY_PATH, /* CONFIG_PATH_MAX */
    KEY_SWITCH,
    KEY_NUMBER,      /* uint32_t */
    KEY_CONNECTIONS, /* uint32_t, and that it was given */
    KEY_SIZE,        /* uint64_t */
    KEY_SIZE32,      /* uint32_t */
    KEY_PAYLOAD,
    KEY_DURATION,
    KEY_IO,
    KEY_DESCRIPTORS,
    KEY_HTTP_PORT,
    KEY_LOG_FORMAT,
    KEY_BY,          /* a function reads it */
    KEY_REFUSED,     /* why is the sentence */
    KEY_ONLY_OFF,    /* refused unless false, 0, "" or "disabled" */
    KEY_MEANINGLESS, /* accepted with a warning: why */
};

struct key {
    const char *names;
    enum key_kind kind;
    bool needs_restart;
    size_t offset; /* into struct config */
    uint64_t min;
    uint64_t max;
    const char *why;
    bool (*read)(const struct conf_value *value, struct config *config, struct conf_error *error);
};

#define NO_TLS      "TLS is not supported; put a TLS proxy in front"
#define NO_ACCOUNTS "accounts are not supported: all clients share one; use authorization { users }"
#define NO_JWT      "operator mode is not supported; use authorization with users or nkeys"
#define NO_CLUSTER  "clustering is not supported; run one hub, which uses every CPU of its machine"

static bool read_listen(const struct conf_value *value, struct config *config,
                        struct conf_error *error);

static bool read_elsewhere(const struct conf_value *value, struct config *config,
                           struct conf_error *error);
static bool read_write_timeout(const struct conf_value *value, struct config *config,
                               struct conf_error *error);
static bool read_accounts(const struct conf_value *value, struct config *config,
                          struct conf_error *error);
static bool read_no_headers(const struct conf_value *value, struct config *config,
                            struct conf_error *error);
static bool read_slow_subscribers(const struct conf_value *value, struct config *config,
                                  struct conf_error *error);
static bool read_limits(const struct conf_value *value, struct config *config,
                        struct conf_error *error);
static bool read_scrub(const struct conf_value *value, struct config *config,
                       struct conf_error *error);
static bool read_http(const struct conf_value *value, struct config *config,
                      struct conf_error *error);

#define AT(field) offsetof(struct config, field)

#define READ(reader) .kind = KEY_BY, .read = (reader)
#define FIELD(kind_of, field, least, most)                                                         \
    .kind = (kind_of), .offset = AT(field), .min = (least), .max = (most)

static const struct key keys[] = {
    /* Listening. */
    {"host|net", FIELD(KEY_HOST, host, 0, 0), .needs_restart = true},
    {"port", FIELD(KEY_PORT, port, 0, 0), .needs_restart = true},
    {"listen", READ(read_listen)},
    {"server_name", FIELD(KEY_TEXT, server_name, 0, 0), .needs_restart = true},
    {"client_advertise", FIELD(KEY_TEXT, client_advertise, 0, 0)},

    /* Workers. */
    {"workers", FIELD(KEY_NUMBER, workers, 0, WORKERS_MAX), .needs_restart = true},
    {"pin", FIELD(KEY_SWITCH, pin, 0, 0), .needs_restart = true},
    {"io", FIELD(KEY_IO, io, 0, 0), .needs_restart = true},
    {"descriptors", FIELD(KEY_DESCRIPTORS, descriptors, 0, 0), .needs_restart = true},

    /* Limits. */
    {"max_connections|max_conn", FIELD(KEY_CONNECTIONS, max_connections, 1, CONNECTIONS_MAX)},
    {"max_subscriptions|max_subs", FIELD(KEY_NUMBER, max_subscriptions, 0, UINT32_MAX)},
    {"max_control_line", FIELD(KEY_SIZE32, max_control_line, CONTROL_LINE_MIN, CONTROL_LINE_MAX)},
    {"max_payload", FIELD(KEY_PAYLOAD, max_payload, 1, PAYLOAD_BYTES_MAX)},
    {"max_pending", FIELD(KEY_SIZE, max_pending, 1, UINT64_C(1) << 40)},
    {"max_sub_tokens|max_subscription_tokens",
     FIELD(KEY_NUMBER, max_sub_tokens, 0, SUB_TOKENS_MAX)},
    {"max_memory", FIELD(KEY_SIZE, max_memory, 1 << 20, UINT64_C(1) << 50), .needs_restart = true},
    {"ping_interval", FIELD(KEY_DURATION, ping_interval_ns, 1000000, YEAR_NS)},
    {"ping_max", FIELD(KEY_NUMBER, ping_max, 1, 1000000)},
    {"write_deadline", FIELD(KEY_DURATION, write_deadline_ns, 1000000, YEAR_NS)},
    {"write_timeout", READ(read_write_timeout)},
    {"lame_duck_duration", FIELD(KEY_DURATION, lame_duck_duration_ns, 1000000, YEAR_NS)},
    {"lame_duck_grace_period", FIELD(KEY_DURATION, lame_duck_grace_period_ns, 0, YEAR_NS)},

    {"slow_subscribers", READ(read_slow_subscribers)},
    {"limits", READ(read_limits)},

    /* What is published. */
    {"scrub", READ(read_scrub)},

    /* Log and process. */
    {"debug", FIELD(KEY_SWITCH, debug, 0, 0)},
    {"trace|trace_verbose", FIELD(KEY_SWITCH, trace, 0, 0)},
    {"logtime", FIELD(KEY_SWITCH, logtime, 0, 0)},
    {"logtime_utc", FIELD(KEY_SWITCH, logtime_utc, 0, 0)},
    {"log_file|logfile", FIELD(KEY_PATH, log_file, 0, 0)},
    {"logfile_size_limit|log_size_limit", FIELD(KEY_SIZE, log_size_limit, 0, UINT64_C(1) << 50)},
    {"logfile_max_num|log_max_num", FIELD(KEY_NUMBER, log_max_num, 0, LOG_FILES_MAX)},
    {"pid_file|pidfile", FIELD(KEY_PATH, pid_file, 0, 0), .needs_restart = true},
    {"ports_file_dir", FIELD(KEY_PATH, ports_file_dir, 0, 0), .needs_restart = true},

    /* Who may do what. */
    {"authorization", READ(read_elsewhere)},
    {"no_auth_user", READ(read_elsewhere)},
    {"open", FIELD(KEY_SWITCH, open, 0, 0), .needs_restart = true},
    {"accounts", READ(read_accounts)},
    {"system_account|system", KEY_REFUSED, .why = NO_ACCOUNTS},

    /* Monitoring. */
    {"http", READ(read_http), .needs_restart = true},
    {"http_port|monitor_port", FIELD(KEY_HTTP_PORT, http_port, 0, 0), .needs_restart = true},
    {"http_base_path", FIELD(KEY_TEXT, http_base_path, 0, 0), .needs_restart = true},
    {"log_format", FIELD(KEY_LOG_FORMAT, log_json, 0, 0)},

    /* Off is the only way we know. */
    {"jetstream", KEY_ONLY_OFF,
     .why = "JetStream is not supported: messages are not stored; take the block out"},
    {"syslog", KEY_ONLY_OFF, .why = "syslog is not supported; log to stderr or to log_file"},
    {"allow_non_tls", KEY_ONLY_OFF, .why = NO_TLS},
    {"ocsp", KEY_ONLY_OFF, .why = NO_TLS},
    {"proxy_protocol", KEY_ONLY_OFF, .why = "the PROXY protocol is not supported"},
    {"prof_port", KEY_ONLY_OFF,
     .why = "profiling over HTTP is not supported; use perf on the running process"},
    {"no_header_support", READ(read_no_headers)},

    {"tls", KEY_REFUSED, .why = NO_TLS},
    {"https", KEY_REFUSED, .why = "monitoring over TLS is not supported"},
    {"https_port", KEY_REFUSED, .why = "monitoring over TLS is not supported"},
    {"cluster", KEY_REFUSED, .why = NO_CLUSTER},
    {"gateway", KEY_REFUSED, .why = "gateways are not supported: hubs are not joined to clusters"},
    {"leafnodes|leaf", KEY_REFUSED, .why = "leaf nodes are not supported"},
    {"websocket|ws", KEY_REFUSED,
     .why = "WebSocket listeners are not supported; put a proxy that "
            "turns WebSocket into TCP in front"},
    {"mqtt", KEY_REFUSED, .why = "MQTT listeners are not supported"},
    {"mappings|maps", KEY_REFUSED, .why = "subject mappings are not supported"},
    {"operator|operators|root|roots|root_operator|root_operators", KEY_REFUSED, .why = NO_JWT},
    {"resolver|account_resolver|accounts_resolver", KEY_REFUSED, .why = NO_JWT},
    {"resolver_tls", KEY_REFUSED, .why = NO_JWT},
    {"resolver_preload", KEY_REFUSED, .why = NO_JWT},
    {"resolver_pinned_accounts", KEY_REFUSED, .why = NO_JWT},
    {"trusted_keys|trusted", KEY_REFUSED, .why = NO_JWT},
    {"default_sentinel", KEY_REFUSED, .why = NO_JWT},
    {"proxies", KEY_REFUSED, .why = "trusted proxies are not supported"},
    {"remote_syslog", KEY_REFUSED, .why = "syslog is not supported; log to stderr or to log_file"},

    /* Accepted with a warning. */
    {"trace_headers", KEY_MEANINGLESS, .why = "traced lines are cut at the length of a log line"},
    {"max_traced_msg_len", KEY_MEANINGLESS,
     .why = "traced lines are cut at the length of a log line"},
    {"disable_sublist_cache|no_sublist_cache", KEY_MEANINGLESS,
     .why = "changes of subscriptions do not empty the cache of matches here"},
    {"no_fast_producer_stall", KEY_MEANINGLESS,
     .why = "publishers are not stalled for slow subscribers here"},
    {"store_dir|storedir", KEY_MEANINGLESS, .why = "messages are not stored"},
    {"default_js_domain", KEY_MEANINGLESS, .why = "there is no JetStream"},
    {"prof_block_rate", KEY_MEANINGLESS, .why = "there is no profiling over HTTP"},
    {"ocsp_cache", KEY_MEANINGLESS, .why = "there is no TLS"},
    {"connect_error_reports", KEY_MEANINGLESS, .why = "the hub connects to no other server"},
    {"reconnect_error_reports", KEY_MEANINGLESS, .why = "the hub connects to no other server"},
    {"no_system_account|no_system|no_sys_acc", KEY_MEANINGLESS,
     .why = "there is no system account"},
    {"server_tags", KEY_MEANINGLESS, .why = "tags place streams in a cluster, and there is none"},
    {"server_metadata", KEY_MEANINGLESS, .why = "metadata is told to other servers only"},
    {"feature_flags", KEY_MEANINGLESS, .why = "none of nats-server's flags are known here"},
    {"max_closed_clients", KEY_MEANINGLESS, .why = "closed connections are counted, not listed"},
};

static const char *const io_names = "auto|uring|epoll";
static const char *const descriptors_names = "auto|plain|direct";

const char *config_key(size_t index)
{
    return index < COUNT_OF(keys) ? keys[index].names : NULL;
}

/* ---- hosts and ports ------------------------------------------------------------------------- */

/* "[::1]" loses its brackets. */
static bool set_host(const struct conf_value *value, struct bytes text, struct config *config,
                     struct conf_error *error)
{
    if (text.size >= 2 && text.ptr[0] == '[' && text.ptr[text.size - 1] == ']') {
        text = bytes_of(text.ptr + 1, text.size - 2);
    }
    if (text.size == 0 || text.size >= sizeof(config->host) ||
        memchr(text.ptr, 0, text.size) != NULL) {
        return conf_fail(value, error, "\"%.*s\" is not a host; use a name or an address",
                         (int)MIN_OF(text.size, 80), (const char *)text.ptr);
    }
    memcpy(config->host, text.ptr, text.size);
    config->host[text.size] = '\0';
    return true;
}

static bool read_host(const struct conf_value *value, struct config *config,
                      struct conf_error *error)
{
    struct bytes text;
    if (!conf_string(value, &text, error)) {
        return false;
    }
    const uint8_t *colon = text.size > 0 ? memchr(text.ptr, ':', text.size) : NULL;
    bool is_bracketed = text.size > 0 && text.ptr[0] == '[';
    bool has_second =
        colon != NULL && memchr(colon + 1, ':', text.size - 1 - (size_t)(colon - text.ptr)) != NULL;
    if (colon != NULL && !is_bracketed && !has_second) {
        return conf_fail(value, error, "\"%.*s\" is not a host; give the port with port or listen",
                         (int)MIN_OF(text.size, 80), (const char *)text.ptr);
    }
    return set_host(value, text, config, error);
}

/* As in nats-server: 0 is "not given", hence the default. */
static bool set_port(const struct conf_value *value, int64_t port, struct config *config,
                     struct conf_error *error)
{
    if (port < -1 || port > 65535) {
        return conf_fail(value, error,
                         "%" PRId64 " is not a port; use 1 to 65535, or -1 for a random one", port);
    }
    config->port = port == 0 ? CONFIG_PORT_DEFAULT : (int32_t)port;
    return true;
}

/* "host:port", ":port" or a port. */
static bool read_listen(const struct conf_value *value, struct config *config,
                        struct conf_error *error)
{
    if (value->kind == CONF_INTEGER) {
        return set_port(value, value->integer, config, error);
    }
    struct bytes text;
    if (!conf_string(value, &text, error)) {
        return false;
    }
    const uint8_t *colon = text.size > 0 ? memrchr(text.ptr, ':', text.size) : NULL;
    char port_text[16] = "";
    uint64_t port = 0;
    size_t host_size = colon != NULL ? (size_t)(colon - text.ptr) : 0;
    if (colon != NULL && text.size - host_size - 1 < sizeof(port_text)) {
        memcpy(port_text, colon + 1, text.size - host_size - 1);
    }
    bool is_random = strcmp(port_text, "-1") == 0;
    bool is_open_v6 = host_size > 0 && text.ptr[0] != '[' && memchr(text.ptr, ':', host_size);
    if (is_open_v6 || (!is_random && !config_number_parse(port_text, &port)) || port > 65535) {
        return conf_fail(value, error,
                         "\"%.*s\" is not host:port (an IPv6 address goes into brackets)",
                         (int)MIN_OF(text.size, 80), (const char *)text.ptr);
    }
    return set_port(value, is_random ? -1 : (int64_t)port, config, error) &&
           (host_size == 0 || set_host(value, bytes_of(text.ptr, host_size), config, error));
}

/* ---- keys with rules of their own ------------------------------------------------------------ */

static bool read_payload(const struct conf_value *value, const struct key *key, int64_t *payload,
                         struct conf_error *error)
{
    uint64_t bytes = 0;
    if (value->kind == CONF_INTEGER && value->integer == -1) {
        *payload = -1;
        return true;
    }
    if (!conf_size(value, key->min, key->max, &bytes, error)) {
        return false;
    }
    *payload = (int64_t)bytes;
    return true;
}

/* A part of the hub reads it, and says what is wrong with it: core/access_conf.h. */
static bool read_elsewhere(const struct conf_value *value, struct config *config,
                           struct conf_error *error)
{
    (void)value;
    (void)config;
    (void)error;
    return true;
}

static bool read_write_timeout(const struct conf_value *value, struct config *config,
                               struct conf_error *error)
{
    size_t chosen = 0;
    (void)config;
    if (!conf_choice(value, "default|close|retry", &chosen, error)) {
        return false;
    }
    return chosen != 2 ||
           conf_fail(value, error, "a client whose write deadline passed is closed; use close");
}

static bool read_accounts(const struct conf_value *value, struct config *config,
                          struct conf_error *error)
{
    (void)config;
    if (!conf_want(value, CONF_MAP, error)) {
        return false;
    }
    return value->values_count == 0 || conf_fail_key(value, error, "accounts: %s", NO_ACCOUNTS);
}

/* Without a rule there is nothing to keep. */
static bool read_scrub(const struct conf_value *value, struct config *config,
                       struct conf_error *error)
{
    struct scrub_rules *rules;
    if (!scrub_from_conf(value, &rules, error)) {
        return false;
    }
    scrub_rules_unref(config->scrub);
    config->scrub = rules->count > 0 ? scrub_rules_ref(rules) : NULL;
    scrub_rules_unref(rules);
    return true;
}

static bool read_no_headers(const struct conf_value *value, struct config *config,
                            struct conf_error *error)
{
    bool no_headers = false;
    (void)config;
    if (!conf_bool(value, &no_headers, error)) {
        return false;
    }
    return !no_headers || conf_fail(value, error, "headers are always supported; take the key out");
}

static struct policies *policies_of(struct config *config)
{
    if (config->policies == NULL) {
        config->policies = policies_new();
    }
    return config->policies;
}

static bool read_slow_subscribers(const struct conf_value *value, struct config *config,
                                  struct conf_error *error)
{
    return policies_from_conf(value, policies_of(config), error);
}

static bool read_limits(const struct conf_value *value, struct config *config,
                        struct conf_error *error)
{
    return quotas_from_conf(value, &policies_of(config)->quotas, error);
}

static bool read_http_port(const struct conf_value *value, struct config *config,
                           struct conf_error *error)
{
    int64_t port = 0;
    if (!conf_integer(value, -1, 65535, &port, error)) {
        return false;
    }
    config->http_port = (int32_t)port;
    return true;
}

/* [host:]port */
static bool read_http(const struct conf_value *value, struct config *config,
                      struct conf_error *error)
{
    char text[CONFIG_TEXT_MAX];
    if (value->kind == CONF_INTEGER) {
        return read_http_port(value, config, error);
    }
    return conf_text(value, text, sizeof(text), error) &&
           (config_http_parse(text, config->http_host, &config->http_port) ||
            conf_fail(value, error, "\"%.80s\" is not host:port; use e.g. 127.0.0.1:8222", text));
}

static bool read_log_format(const struct conf_value *value, struct config *config,
                            struct conf_error *error)
{
    size_t chosen = 0;
    if (!conf_choice(value, "text|nats|json", &chosen, error)) {
        return false;
    }
    config->log_json = chosen == 2;
    return true;
}

static bool is_off(const struct conf_value *value)
{
    switch (value->kind) {
    case CONF_BOOL:
        return !value->boolean;
    case CONF_INTEGER:
        return value->integer == 0;
    case CONF_STRING:
        return value->string.size == 0 ||
               (value->string.size == 8 &&
                strncasecmp((const char *)value->string.ptr, "disabled", 8) == 0);
    case CONF_MAP: {
        const struct conf_value *enabled = conf_get(value, "enabled|enable");
        return enabled != NULL && is_off(enabled);
    }
    default:
        return false;
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_limit(const struct conf_value *value, const struct key *key, char *target,
                       struct conf_error *error)
{
    uint64_t bytes = 0;
    switch (key->kind) {
    case KEY_NUMBER:
    case KEY_CONNECTIONS:
        return conf_uint32(value, (uint32_t)key->min, (uint32_t)key->max,
                           (uint32_t *)(void *)target, error);
    case KEY_SIZE:
        return conf_size(value, key->min, key->max, (uint64_t *)(void *)target, error);
    case KEY_SIZE32:
        if (!conf_size(value, key->min, key->max, &bytes, error)) {
            return false;
        }
        *(uint32_t *)(void *)target = (uint32_t)bytes;
        return true;
    case KEY_PAYLOAD:
        return read_payload(value, key, (int64_t *)(void *)target, error);
    default:
        return conf_duration(value, key->min, key->max, (uint64_t *)(void *)target, error);
    }
}

static bool read_key(const struct conf_value *value, const struct key *key, struct config *config,
                     struct conf_error *error)
{
    char *target = (char *)config + key->offset;
    size_t chosen = 0;
    switch (key->kind) {
    case KEY_HOST:
        return read_host(value, config, error);
    case KEY_PORT: {
        int64_t port = 0;
        return conf_integer(value, INT64_MIN, INT64_MAX, &port, error) &&
               set_port(value, port, config, error);
    }
    case KEY_TEXT:
        return conf_text(value, target, CONFIG_TEXT_MAX, error);
    case KEY_PATH:
        return conf_text(value, target, CONFIG_PATH_MAX, error);
    case KEY_SWITCH:
        return conf_bool(value, (bool *)target, error);
    case KEY_IO:
        if (!conf_choice(value, io_names, &chosen, error)) {
            return false;
        }
        config->io = (enum config_io)chosen;
        return true;
    case KEY_DESCRIPTORS:
        if (!conf_choice(value, descriptors_names, &chosen, error)) {
            return false;
        }
        config->descriptors = (enum config_descriptors)chosen;
        return true;
    case KEY_CONNECTIONS:
        config->max_connections_asked = true;
        return read_limit(value, key, target, error);
    case KEY_HTTP_PORT:
        return read_http_port(value, config, error);
    case KEY_LOG_FORMAT:
        return read_log_format(value, config, error);
    case KEY_BY:
        return key->read(value, config, error);
    case KEY_REFUSED:
        return conf_fail_key(value, error, "%.*s: %s", (int)value->key.size,
                             (const char *)value->key.ptr, key->why);
    case KEY_ONLY_OFF:
        return is_off(value) || conf_fail_key(value, error, "%.*s: %s", (int)value->key.size,
                                              (const char *)value->key.ptr, key->why);
    case KEY_MEANINGLESS:
        conf_warn(value, "%.*s has no effect: %s", (int)value->key.size,
                  (const char *)value->key.ptr, key->why);
        return true;
    default:
        return read_limit(value, key, target, error);
    }
}

/* Takes the first of "one|two" off. */
static struct bytes next_name(const char **names)
{
    size_t size = strcspn(*names, "|");
    struct bytes name = bytes_of(*names, size);
    *names += size + ((*names)[size] == '|');
    return name;
}

static const struct key *find_key(const struct conf_value *value)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *names = keys[i].names;
        while (*names != '\0') {
            struct bytes name = next_name(&names);
            if (value->key.size == name.size &&
                strncasecmp((const char *)value->key.ptr, (const char *)name.ptr, name.size) == 0) {
                return &keys[i];
            }
        }
    }
    return NULL;
}

static bool fail_unknown(const struct conf_value *value, struct conf_error *error)
{
    struct nearest nearest;
    nearest_init(&nearest, value->key);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *names = keys[i].names;
        while (*names != '\0') {
            nearest_offer(&nearest, next_name(&names));
        }
    }
    int size = (int)MIN_OF(value->key.size, 80);
    const char *key = (const char *)value->key.ptr;
    if (nearest.found.size > 0) {
        return conf_fail_key(value, error, "unknown key \"%.*s\"; did you mean %.*s?", size, key,
                             (int)nearest.found.size, (const char *)nearest.found.ptr);
    }
    return conf_fail_key(value, error,
                         "unknown key \"%.*s\"; docs/configuration.md lists those that are known",
                         size, key);
}

bool config_read(struct config *config, const struct conf *conf, struct conf_error *error)
{
    const struct conf_value *root = conf_root(conf);
    for (uint32_t i = 0; i < root->values_count; i++) {
        const struct conf_value *value = root->values[i];
        const struct key *key = find_key(value);
        if (key == NULL && value->is_used) {
            continue; /* a variable */
        }
        bool done = key != NULL ? read_key(value, key, config, error) : fail_unknown(value, error);
        if (!done) {
            return false;
        }
    }
    return true;
}

/* ---- changes --------------------------------------------------------------------------------- */

/* 0: the key has no field of its own. */
static size_t field_size(const struct key *key)
{
    switch (key->kind) {
    case KEY_HOST:
    case KEY_TEXT:
        return CONFIG_TEXT_MAX;
    case KEY_PATH:
        return CONFIG_PATH_MAX;
    case KEY_SWITCH:
    case KEY_LOG_FORMAT:
        return sizeof(bool);
    case KEY_PORT:
    case KEY_HTTP_PORT:
        return sizeof(int32_t);
    case KEY_NUMBER:
    case KEY_CONNECTIONS:
    case KEY_SIZE32:
        return sizeof(uint32_t);
    case KEY_SIZE:
    case KEY_DURATION:
        return sizeof(uint64_t);
    case KEY_PAYLOAD:
        return sizeof(int64_t);
    case KEY_IO:
        return sizeof(enum config_io);
    case KEY_DESCRIPTORS:
        return sizeof(enum config_descriptors);
    default:
        return 0;
    }
}

static bool differs(const struct key *key, const struct config *a, const struct config *b)
{
    const char *one = (const char *)a + key->offset;
    const char *other = (const char *)b + key->offset;
    if (key->kind == KEY_HOST || key->kind == KEY_TEXT || key->kind == KEY_PATH) {
        return strcmp(one, other) != 0;
    }
    return memcmp(one, other, field_size(key)) != 0;
}

/* Exactly: two sizes that differ are printed differently. */
static void print_size(uint64_t bytes, char text[CONFIG_VALUE_TEXT_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    while (bytes > 0 && bytes % 1024 == 0 && unit + 1 < COUNT_OF(units)) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, CONFIG_VALUE_TEXT_MAX, "%" PRIu64 " %s", bytes, units[unit]);
}

static void print_field(const struct key *key, const struct config *config,
                        char text[CONFIG_VALUE_TEXT_MAX])
{
    static const char *const ios[] = {"auto", "uring", "epoll"};
    static const char *const descriptors[] = {"auto", "plain", "direct"};
    const void *field = (const char *)config + key->offset;
    switch (key->kind) {
    case KEY_SWITCH:
        snprintf(text, CONFIG_VALUE_TEXT_MAX, *(const bool *)field ? "true" : "false");
        break;
    case KEY_LOG_FORMAT:
        snprintf(text, CONFIG_VALUE_TEXT_MAX, *(const bool *)field ? "json" : "text");
        break;
    case KEY_PORT:
    case KEY_HTTP_PORT:
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "%" PRId32, *(const int32_t *)field);
        break;
    case KEY_NUMBER:
    case KEY_CONNECTIONS:
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "%" PRIu32, *(const uint32_t *)field);
        break;
    case KEY_SIZE32:
        print_size(*(const uint32_t *)field, text);
        break;
    case KEY_SIZE:
        print_size(*(const uint64_t *)field, text);
        break;
    case KEY_PAYLOAD:
        if (config->max_payload < 0) {
            snprintf(text, CONFIG_VALUE_TEXT_MAX, "-1");
        } else {
            print_size((uint64_t)config->max_payload, text);
        }
        break;
    case KEY_DURATION:
        (void)units_duration_text(*(const uint64_t *)field, text, CONFIG_VALUE_TEXT_MAX);
        break;
    case KEY_IO:
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "%s", ios[config->io]);
        break;
    case KEY_DESCRIPTORS:
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "%s", descriptors[config->descriptors]);
        break;
    default:
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "\"%.*s\"", CONFIG_VALUE_TEXT_MAX - 3,
                 (const char *)field);
        break;
    }
}

bool config_change(const struct config *old, const struct config *now, size_t *index,
                   struct config_change *change)
{
    while (*index < COUNT_OF(keys)) {
        const struct key *key = &keys[(*index)++];
        if (field_size(key) > 0 && differs(key, old, now)) {
            const char *names = key->names;
            struct bytes name = next_name(&names);
            snprintf(change->key, sizeof(change->key), "%.*s", (int)name.size,
                     (const char *)name.ptr);
            change->needs_restart = key->needs_restart;
            print_field(key, old, change->was);
            print_field(key, now, change->is);
            return true;
        }
    }
    return false;
}

void config_keep(const struct config *old, struct config *now)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (field_size(&keys[i]) > 0 && keys[i].needs_restart) {
            memcpy((char *)now + keys[i].offset, (const char *)old + keys[i].offset,
                   field_size(&keys[i]));
        }
    }
    /* Set by http beside the port, and no key of its own. */
    memcpy(now->http_host, old->http_host, sizeof(now->http_host));
}
