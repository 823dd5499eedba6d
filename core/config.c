/* config.c - defaults, and what settings must be to each other. */
#include "core/config.h"

#include "core/config_ranges.h"
#include "core/policy.h"
#include "core/units.h"

#include <stdio.h>

void config_defaults(struct config *config)
{
    memset(config, 0, sizeof(*config));
    snprintf(config->host, sizeof(config->host), "127.0.0.1");
    config->port = CONFIG_PORT_DEFAULT;
    snprintf(config->http_host, sizeof(config->http_host), "127.0.0.1");
    config->max_connections = 65536;
    config->max_control_line = 4096;
    config->max_payload = PAYLOAD_BYTES_DEFAULT;
    config->max_pending = PENDING_BYTES_DEFAULT;
    config->ping_interval_ns = 120 * SECOND_NS;
    config->ping_max = 2;
    config->write_deadline_ns = 10 * SECOND_NS;
    config->lame_duck_duration_ns = 120 * SECOND_NS;
    config->lame_duck_grace_period_ns = 10 * SECOND_NS;
    config->logtime = true;
}

void config_free(struct config *config)
{
    policies_free(config->policies);
    config->policies = NULL;
}

/* What is printed into INFO and the ports file needs no escaping there. */
static bool text_is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= ' ' || c == 0x7f || c == '"' || c == '\\') {
            return false;
        }
    }
    return true;
}

static bool validate_names(const struct config *config, struct conf_error *error)
{
    if (config->host[0] == '\0' || !text_is_plain(config->host) ||
        strpbrk(config->host, "[]") != NULL) {
        return conf_explain(error, "host: \"%.80s\" is not a host; use a name or an address",
                            config->host);
    }
    if (!text_is_plain(config->server_name)) {
        return conf_explain(error,
                            "server_name: the name cannot contain spaces, quotes, backslashes or "
                            "control characters");
    }
    if (!text_is_plain(config->client_advertise)) {
        return conf_explain(error, "client_advertise: \"%.80s\" is not host:port",
                            config->client_advertise);
    }
    if (config->port != CONFIG_PORT_RANDOM && (config->port < 1 || config->port > 65535)) {
        return conf_explain(error, "port: %d is not a port; use 1 to 65535, or -1 for a random one",
                            (int)config->port);
    }
    return true;
}

/* "host", "host:port" or "[v6]:port". */
static bool validate_advertise(const struct config *config, struct conf_error *error)
{
    const char *text = config->client_advertise;
    const char *start = text[0] == '[' ? strchr(text, ']') : text;
    const char *colon = start != NULL ? strchr(start, ':') : NULL;
    uint64_t port = 1;
    if (start == NULL || (colon != NULL && (!config_number_parse(colon + 1, &port) || port == 0 ||
                                            port > 65535 || colon == text))) {
        return conf_explain(error,
                            "client_advertise: \"%.80s\" is not host:port (an IPv6 address goes "
                            "into brackets)",
                            text);
    }
    return true;
}

static bool validate_credentials(const struct config *config, struct conf_error *error)
{
    if ((config->user[0] != '\0') != (config->pass[0] != '\0')) {
        return conf_explain(error, "--user and --pass belong together; give both");
    }
    if (config->user[0] != '\0' && config->token[0] != '\0') {
        return conf_explain(error,
                            "--auth (a token) and --user cannot both be given; use one of them");
    }
    return true;
}

bool config_is_local(const struct config *config)
{
    const char *host = config->host;
    bool is_ipv4 = strspn(host, "0123456789.") == strlen(host);
    return (is_ipv4 && strncmp(host, "127.", 4) == 0) || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

bool config_validate_open(const struct config *config, bool has_authorization,
                          struct conf_error *error)
{
    if (has_authorization || config->open || config_is_local(config)) {
        return true;
    }
    return conf_explain(error,
                        "host: without authorization everybody who reaches %.80s could publish and "
                        "subscribe; say who may (--user and --pass, --auth, or authorization in a "
                        "configuration file), or say --open (open: true)",
                        config->host);
}

bool config_validate(const struct config *config, struct conf_error *error)
{
    char payload[32];
    char pending[32];
    if (!validate_names(config, error) || !validate_advertise(config, error) ||
        !validate_credentials(config, error)) {
        return false;
    }
    if (config->http_base_path[0] != '\0' && config->http_base_path[0] != '/') {
        return conf_explain(error, "http_base_path: \"%.80s\" must begin with a slash",
                            config->http_base_path);
    }
    if (config->max_payload > 0 && (uint64_t)config->max_payload > config->max_pending) {
        return conf_explain(
            error,
            "max_payload (%s) cannot be above max_pending (%s): a message of that size "
            "could never be delivered; lower the first or raise the second",
            units_size_text((uint64_t)config->max_payload, payload, sizeof(payload)),
            units_size_text(config->max_pending, pending, sizeof(pending)));
    }
    if (config->max_payload == 0 || config->max_payload < -1) {
        return conf_explain(error, "max_payload: use at least 1, or -1 for no limit of its own");
    }
    if (config->lame_duck_grace_period_ns >= config->lame_duck_duration_ns) {
        return conf_explain(
            error,
            "lame_duck_grace_period (%.3fs) must be shorter than lame_duck_duration "
            "(%.3fs); set both",
            (double)config->lame_duck_grace_period_ns / 1e9,
            (double)config->lame_duck_duration_ns / 1e9);
    }
    if (config->sq_entries > 0 && config->cq_entries > 0 &&
        config->cq_entries < config->sq_entries) {
        return conf_explain(error, "cq_entries (%u) must be at least sq_entries (%u)",
                            config->cq_entries, config->sq_entries);
    }
    return true;
}

bool config_warning(const struct config *config, size_t index, struct conf_error *warning)
{
    size_t found = 0;
    char size[32];
    if (config->jetstream_asked && found++ == index) {
        (void)conf_explain(warning,
                           "JetStream was asked for (-js, -sd) and is not available: messages are "
                           "not stored");
        return true;
    }
    if (config->max_payload > PAYLOAD_BYTES_WARNING && found++ == index) {
        (void)conf_explain(warning,
                           "max_payload is %s; above 8 MiB one message can delay all others",
                           units_size_text((uint64_t)config->max_payload, size, sizeof(size)));
        return true;
    }
    if (config->max_payload < 0 && found++ == index) {
        (void)conf_explain(warning,
                           "max_payload is -1: payloads are limited by max_pending (%s) alone",
                           units_size_text(config->max_pending, size, sizeof(size)));
        return true;
    }
    if (config->http_port != 0 && !config_host_is_loopback(config->http_host) && found++ == index) {
        (void)conf_explain(warning,
                           "monitoring listens on %.80s: whoever reaches it sees names, addresses "
                           "and subjects of all clients, without a password",
                           config->http_host);
        return true;
    }
    return false;
}

enum log_level config_log_level(const struct config *config)
{
    if (config->trace) {
        return LOG_TRACE;
    }
    return config->debug ? LOG_DEBUG : LOG_INFO;
}
