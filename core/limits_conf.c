/* limits_conf.c - the block limits: connections, the pace of new ones, what publishers may do. */
#include "core/policy_conf.h"

enum { CONNECTIONS_MAX = 1 << 24, RATE_MAX = 1 << 30 };

#define QUOTA_KEYS "messages|messages_burst|bytes|bytes_burst|action"
#define LIMIT_KEYS                                                                                 \
    "connections_per_address|connections_per_user|accept_rate|accept_burst|publish|"               \
    "publish_per_user"

static bool read_count(const struct conf_value *block, const char *key, uint32_t max,
                       uint32_t *count, struct conf_error *error)
{
    const struct conf_value *value = conf_get(block, key);
    return value == NULL || conf_uint32(value, 0, max, count, error);
}

static bool read_rate(const struct conf_value *block, const char *key, const char *burst_key,
                      struct bucket_rate *rate, struct conf_error *error)
{
    const struct conf_value *value = conf_get(block, key);
    const struct conf_value *burst = conf_get(block, burst_key);
    if (value == NULL && burst != NULL) {
        return conf_fail_key(burst, error, "\"%s\" without \"%s\" limits nothing; give both",
                             burst_key, key);
    }
    if (value == NULL) {
        return true;
    }
    if (!conf_size(value, 1, BUCKET_UNITS_MAX - 1, &rate->per_second, error)) {
        return false;
    }
    rate->burst = rate->per_second; /* a second's worth at once */
    return burst == NULL || conf_size(burst, 1, BUCKET_UNITS_MAX - 1, &rate->burst, error);
}

static bool read_quota(const struct conf_value *block, struct quota *quota,
                       struct conf_error *error)
{
    if (!conf_want(block, CONF_MAP, error) || !conf_check_keys(block, QUOTA_KEYS, error) ||
        !read_rate(block, "messages", "messages_burst", &quota->messages, error) ||
        !read_rate(block, "bytes", "bytes_burst", &quota->bytes, error)) {
        return false;
    }
    const struct conf_value *action = conf_get(block, "action");
    size_t chosen = QUOTA_DELAY;
    if (action != NULL && !conf_choice(action, "delay|drop|error", &chosen, error)) {
        return false;
    }
    quota->action = (enum quota_action)chosen;
    return true;
}

bool quotas_from_conf(const struct conf_value *block, struct quotas *quotas,
                      struct conf_error *error)
{
    if (!conf_want(block, CONF_MAP, error) || !conf_check_keys(block, LIMIT_KEYS, error) ||
        !read_count(block, "connections_per_address", CONNECTIONS_MAX,
                    &quotas->connections_per_address, error) ||
        !read_count(block, "connections_per_user", CONNECTIONS_MAX, &quotas->connections_per_user,
                    error)) {
        return false;
    }
    struct bucket_rate accept = {0};
    if (!read_rate(block, "accept_rate", "accept_burst", &accept, error)) {
        return false;
    }
    if (accept.per_second > 0) {
        /* A burst of a tenth: a storm begins as it goes on. */
        bool has_burst = conf_get(block, "accept_burst") != NULL;
        uint64_t tenth = MAX_OF(accept.per_second / 10, (uint64_t)1);
        accept.burst = has_burst ? accept.burst : tenth;
        quotas->accept = accept;
    }
    const struct conf_value *publish = conf_get(block, "publish");
    if (publish != NULL && !read_quota(publish, &quotas->client, error)) {
        return false;
    }
    const struct conf_value *per_user = conf_get(block, "publish_per_user");
    return per_user == NULL || read_quota(per_user, &quotas->user, error);
}
