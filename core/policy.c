/* policy.c - rules in a list: they are looked at when somebody subscribes, not when one publishes. */
#include "core/policy.h"

#include "core/subject.h"

static char *text_copy(struct bytes text)
{
    char *copy = memory_alloc(text.size + 1);
    memcpy(copy, text.ptr, text.size);
    return copy;
}

struct policies *policies_new(void)
{
    struct policies *policies = memory_alloc(sizeof(*policies));
    policies->rules[0].pattern = text_copy(bytes_text(">"));
    policies->rows[0] = text_copy(bytes_text(">"));
    policies->rules_count = 1;
    return policies;
}

void policies_free(struct policies *policies)
{
    if (policies == NULL) {
        return;
    }
    for (uint32_t i = 0; i < POLICY_RULES_MAX; i++) {
        memory_free(policies->rules[i].pattern);
        memory_free(policies->rows[i]);
    }
    memory_free(policies);
}

static uint32_t row_of(char *const rows[POLICY_RULES_MAX], const char *pattern)
{
    uint32_t row = 0;
    while (row < POLICY_RULES_MAX && (rows[row] == NULL || strcmp(rows[row], pattern) != 0)) {
        row++;
    }
    return row;
}

enum policies_add_result policies_add(struct policies *policies, struct bytes pattern,
                                      const struct policy_rule *rule)
{
    if (!subject_valid_subscription(pattern)) {
        return POLICIES_INVALID;
    }
    for (uint32_t i = 1; i < policies->rules_count; i++) {
        if (bytes_equal(bytes_text(policies->rules[i].pattern), pattern)) {
            return POLICIES_TWICE;
        }
    }
    if (policies->rules_count == POLICY_RULES_MAX) {
        return POLICIES_FULL;
    }
    uint32_t at = policies->rules_count++;
    policies->rules[at] = *rule;
    policies->rules[at].pattern = text_copy(pattern);
    policies->rules[at].row = at;
    policies->rows[at] = text_copy(pattern);
    return POLICIES_ADDED;
}

static void rows_copy(struct policies *policies, const struct policies *old)
{
    for (uint32_t i = 0; i < POLICY_RULES_MAX; i++) {
        memory_free(policies->rows[i]);
        policies->rows[i] = old->rows[i] != NULL ? text_copy(bytes_text(old->rows[i])) : NULL;
    }
}

void policies_keep_rows(struct policies *policies, const struct policies *old)
{
    rows_copy(policies, old);
    for (uint32_t i = 1; i < policies->rules_count; i++) {
        struct policy_rule *rule = &policies->rules[i];
        rule->row = row_of(policies->rows, rule->pattern);
        uint32_t free_row = 0;
        while (rule->row == POLICY_RULES_MAX && free_row < POLICY_RULES_MAX) {
            if (policies->rows[free_row] == NULL) {
                policies->rows[free_row] = text_copy(bytes_text(rule->pattern));
                rule->row = free_row;
            }
            free_row++;
        }
        rule->row = rule->row == POLICY_RULES_MAX ? 0 : rule->row;
    }
}

bool policy_covers(struct bytes pattern, struct bytes subscription)
{
    struct subject_cursor p = subject_first(pattern);
    struct subject_cursor s = subject_first(subscription);
    struct bytes wide;
    struct bytes narrow;
    while (subject_next(&p, &wide)) {
        if (!subject_next(&s, &narrow)) {
            return false;
        }
        if (subject_is_tail(wide)) {
            return true;
        }
        if (subject_is_tail(narrow) || (!subject_is_any(wide) && !bytes_equal(wide, narrow))) {
            return false;
        }
    }
    return !subject_next(&s, &narrow);
}

/* Does a beat b, where both cover one subscription? */
static bool is_more_specific(const char *a, const char *b)
{
    struct subject_cursor at_a = subject_first(bytes_text(a));
    struct subject_cursor at_b = subject_first(bytes_text(b));
    struct bytes x;
    struct bytes y;
    while (subject_next(&at_a, &x) && subject_next(&at_b, &y)) {
        int width_x = subject_is_tail(x) ? 2 : subject_is_any(x) ? 1 : 0;
        int width_y = subject_is_tail(y) ? 2 : subject_is_any(y) ? 1 : 0;
        if (width_x != width_y) {
            return width_x < width_y;
        }
    }
    return false;
}

const struct policy_rule *policies_find(const struct policies *policies, struct bytes subscription)
{
    const struct policy_rule *best = &policies->rules[0];
    for (uint32_t i = 1; i < policies->rules_count; i++) {
        const struct policy_rule *rule = &policies->rules[i];
        if (policy_covers(bytes_text(rule->pattern), subscription) &&
            (best == &policies->rules[0] || is_more_specific(rule->pattern, best->pattern))) {
            best = rule;
        }
    }
    return best;
}

const char *policy_name(enum policy_kind kind)
{
    static const char *const names[POLICY_KINDS_COUNT] = {
        [POLICY_DISCONNECT] = "disconnect",
        [POLICY_DROP_NEWEST] = "drop_newest",
        [POLICY_DROP_OLDEST] = "drop_oldest",
        [POLICY_LATEST] = "latest",
        [POLICY_WAIT] = "wait",
    };
    return names[kind];
}
