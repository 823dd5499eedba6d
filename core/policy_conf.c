/* policy_conf.c - rules of slow_subscribers, from the values of a file. */
#include "core/policy_conf.h"

#define SECOND_NS       1000000000ull
#define PENDING_MAX     ((uint64_t)1 << 40)
#define WAIT_MIN_NS     (SECOND_NS / 1000)
#define WAIT_MAX_NS     (60 * SECOND_NS)
#define WAIT_DEFAULT_NS (2 * SECOND_NS)
#define KINDS           "disconnect|drop_newest|drop_oldest|latest|wait"
#define RULE_KEYS       "subject|policy|max_pending|max_wait|then"
#define DEFAULT_KEYS    "policy|max_pending|max_wait|then"

static bool read_then(const struct conf_value *block, struct policy_rule *rule,
                      struct conf_error *error)
{
    static const enum policy_kind kinds[] = {POLICY_DISCONNECT, POLICY_DROP_NEWEST,
                                             POLICY_DROP_OLDEST};
    const struct conf_value *value = conf_get(block, "then");
    size_t chosen = 0;
    if (value != NULL &&
        !conf_choice(value, "disconnect|drop_newest|drop_oldest", &chosen, error)) {
        return false;
    }
    rule->then = kinds[chosen];
    if (value != NULL && rule->kind != POLICY_WAIT) {
        return conf_fail_key(
            value, error,
            "\"then\" says what follows when publishers have waited: it belongs to "
            "policy: wait; remove it");
    }
    return true;
}

static bool read_wait(const struct conf_value *block, struct policy_rule *rule,
                      struct conf_error *error)
{
    rule->max_wait_ns = rule->kind == POLICY_WAIT ? WAIT_DEFAULT_NS : 0;
    const struct conf_value *value = conf_get(block, "max_wait");
    if (value == NULL) {
        return true;
    }
    if (rule->kind != POLICY_WAIT) {
        return conf_fail_key(value, error,
                             "\"max_wait\" bounds how long publishers wait: it belongs to policy: "
                             "wait; remove it");
    }
    return conf_duration(value, WAIT_MIN_NS, WAIT_MAX_NS, &rule->max_wait_ns, error);
}

/* All of a rule but its subject. */
static bool read_rule(const struct conf_value *block, struct policy_rule *rule,
                      struct conf_error *error)
{
    *rule = (struct policy_rule){0};
    const struct conf_value *policy = conf_get(block, "policy");
    size_t kind;
    if (policy == NULL) {
        return conf_fail(block, error, "says no policy; add policy: and one of " KINDS);
    }
    if (!conf_choice(policy, KINDS, &kind, error)) {
        return false;
    }
    rule->kind = (enum policy_kind)kind;
    const struct conf_value *pending = conf_get(block, "max_pending");
    if (pending != NULL && !conf_size(pending, 1, PENDING_MAX, &rule->max_pending, error)) {
        return false;
    }
    return read_wait(block, rule, error) && read_then(block, rule, error);
}

static bool add_rule(const struct conf_value *block, struct policies *policies,
                     struct conf_error *error)
{
    if (!conf_want(block, CONF_MAP, error) || !conf_check_keys(block, RULE_KEYS, error)) {
        return false;
    }
    const struct conf_value *subject = conf_get(block, "subject");
    struct bytes pattern;
    if (subject == NULL) {
        return conf_fail(block, error, "says no subject; add subject: and a pattern like \"a.>\"");
    }
    struct policy_rule rule;
    if (!conf_string(subject, &pattern, error) || !read_rule(block, &rule, error)) {
        return false;
    }
    switch (policies_add(policies, pattern, &rule)) {
    case POLICIES_INVALID:
        return conf_fail(subject, error,
                         "is no subject: tokens between dots, none empty, \"*\" for one, \">\" at "
                         "the end for the rest");
    case POLICIES_TWICE:
        return conf_fail(subject, error, "has a rule already; keep one of the two");
    case POLICIES_FULL:
        return conf_fail(block, error, "is one rule too many; at most %d fit",
                         POLICY_RULES_MAX - 1);
    case POLICIES_ADDED:
        break;
    }
    return true;
}

static bool set_default(const struct conf_value *value, struct policies *policies,
                        struct conf_error *error)
{
    struct policy_rule rule = {0};
    if (value->kind == CONF_MAP) {
        if (!conf_check_keys(value, DEFAULT_KEYS, error) || !read_rule(value, &rule, error)) {
            return false;
        }
    } else {
        size_t kind;
        if (!conf_choice(value, KINDS, &kind, error)) {
            return false;
        }
        rule.kind = (enum policy_kind)kind;
        rule.max_wait_ns = rule.kind == POLICY_WAIT ? WAIT_DEFAULT_NS : 0;
    }
    rule.pattern = policies->rules[0].pattern;
    policies->rules[0] = rule;
    return true;
}

bool policies_from_conf(const struct conf_value *block, struct policies *policies,
                        struct conf_error *error)
{
    if (!conf_want(block, CONF_MAP, error) || !conf_check_keys(block, "default|rules", error)) {
        return false;
    }
    const struct conf_value *value = conf_get(block, "default");
    if (value != NULL && !set_default(value, policies, error)) {
        return false;
    }
    const struct conf_value *rules = conf_get(block, "rules");
    if (rules == NULL) {
        return true;
    }
    if (!conf_want(rules, CONF_ARRAY, error)) {
        return false;
    }
    for (uint32_t i = 0; i < rules->values_count; i++) {
        if (!add_rule(rules->values[i], policies, error)) {
            return false;
        }
    }
    return true;
}
