/*
 * scrub_conf.c - reads one rule after another into scrub_rule_options, whose lists live in blocks
 * that are freed when the rules are made.
 */
#include "core/scrub_conf.h"

#include <stdio.h>

/* One use of the file: blocks to free, and where to complain. */
struct reader {
    struct block *blocks;
    struct conf_error *error;
};

struct block {
    struct block *next;
    max_align_t data[];
};

static void *take(struct reader *r, size_t size)
{
    struct block *block = memory_alloc(sizeof(*block) + size);
    block->next = r->blocks;
    r->blocks = block;
    return block->data;
}

static void give_back(struct reader *r)
{
    while (r->blocks != NULL) {
        struct block *next = r->blocks->next;
        memory_free(r->blocks);
        r->blocks = next;
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* One string, or an array of them. */
static bool read_list(struct reader *r, const struct conf_value *value, struct scrub_list *list)
{
    if (value == NULL) {
        return true;
    }
    bool is_array = value->kind == CONF_ARRAY;
    size_t count = is_array ? value->values_count : 1;
    struct bytes *items = take(r, (count + 1) * sizeof(struct bytes));
    for (size_t i = 0; i < count; i++) {
        if (!conf_string(is_array ? value->values[i] : value, &items[i], r->error)) {
            return false;
        }
    }
    *list = (struct scrub_list){.items = items, .count = count};
    return true;
}

static bool read_bool(struct reader *r, const struct conf_value *value, bool *to)
{
    return value == NULL || conf_bool(value, to, r->error);
}

/* What a step does: nothing without a word. */
static bool read_step(struct reader *r, const struct conf_value *value, const char *names,
                      enum scrub_step *step)
{
    size_t chosen;
    if (value == NULL) {
        return true;
    }
    if (!conf_choice(value, names, &chosen, r->error)) {
        return false;
    }
    *step = chosen == 0 ? SCRUB_CHECK : SCRUB_CLEAN;
    return true;
}

/* ---- schema ---------------------------------------------------------------------------------- */

struct text {
    uint8_t *data;
    size_t size, capacity;
};

static void add(struct text *text, const void *from, size_t size)
{
    if (text->size + size > text->capacity) {
        text->capacity = 2 * (text->size + size) + 256;
        text->data = memory_resize(text->data, text->capacity);
    }
    if (size > 0) {
        memcpy(text->data + text->size, from, size);
    }
    text->size += size;
}

static void add_string(struct text *text, struct bytes string)
{
    add(text, "\"", 1);
    for (size_t i = 0; i < string.size; i++) {
        uint8_t byte = string.ptr[i];
        char escaped[8];
        if (byte == '"' || byte == '\\' || byte < 0x20) {
            int size = snprintf(escaped, sizeof(escaped), byte < 0x20 ? "\\u%04x" : "\\%c", byte);
            add(text, escaped, (size_t)size);
        } else {
            add(text, &byte, 1);
        }
    }
    add(text, "\"", 1);
}

/* A map of the file is JSON again. */
static void add_value(struct text *text, const struct conf_value *value)
{
    char number[40];
    int size = 0;
    switch (value->kind) {
    case CONF_INTEGER:
        size = snprintf(number, sizeof(number), "%lld", (long long)value->integer);
        add(text, number, (size_t)size);
        return;
    case CONF_FLOAT:
        size = snprintf(number, sizeof(number), "%.17g", value->real);
        add(text, number, (size_t)size);
        return;
    case CONF_BOOL:
        add(text, value->boolean ? "true" : "false", value->boolean ? 4 : 5);
        return;
    case CONF_MAP:
    case CONF_ARRAY:
        add(text, value->kind == CONF_MAP ? "{" : "[", 1);
        for (uint32_t i = 0; i < value->values_count; i++) {
            if (i > 0) {
                add(text, ",", 1);
            }
            if (value->kind == CONF_MAP) {
                add_string(text, value->values[i]->key);
                add(text, ":", 1);
            }
            add_value(text, value->values[i]);
        }
        add(text, value->kind == CONF_MAP ? "}" : "]", 1);
        return;
    default:
        add_string(text, value->string);
    }
}

/* A string is JSON already. */
static void read_schema(struct reader *r, const struct conf_value *value, struct bytes *schema)
{
    if (value == NULL) {
        return;
    }
    if (value->kind == CONF_STRING) {
        *schema = value->string;
        return;
    }
    struct text text = {0};
    add_value(&text, value);
    uint8_t *copy = take(r, text.size);
    memcpy(copy, text.data, text.size);
    *schema = bytes_of(copy, text.size);
    memory_free(text.data);
}

/* ---- parts of a rule ------------------------------------------------------------------------- */

static bool read_json(struct reader *r, const struct conf_value *value,
                      struct scrub_rule_options *rule)
{
    if (value == NULL) {
        return true;
    }
    if (value->kind == CONF_BOOL) {
        rule->json = value->boolean;
        return true;
    }
    rule->json = true;
    if (!conf_want(value, CONF_MAP, r->error) ||
        !conf_check_keys(value, "depth|schema|drop|mask|minify", r->error)) {
        return false;
    }
    const struct conf_value *depth = conf_get(value, "depth");
    if (depth != NULL && !conf_uint32(depth, 1, JSON_DEPTH_MAX, &rule->json_depth_max, r->error)) {
        return false;
    }
    read_schema(r, conf_get(value, "schema"), &rule->json_schema);
    return read_list(r, conf_get(value, "drop"), &rule->json_drop) &&
           read_list(r, conf_get(value, "mask"), &rule->json_mask) &&
           read_bool(r, conf_get(value, "minify"), &rule->json_minify);
}

/* A built-in kind by its name; ip and all stand for several. */
static bool read_finder(struct reader *r, const struct conf_value *value,
                        struct scrub_rule_options *rule)
{
    static const char names[] = "email|bearer|card|ipv6|ipv4|phone|ip|all";
    size_t chosen;
    if (!conf_choice(value, names, &chosen, r->error)) {
        return false;
    }
    if (chosen < FINDER_KINDS) {
        rule->finders |= 1u << chosen;
    } else if (chosen == FINDER_KINDS) {
        rule->finders |= 1u << FINDER_IPV4 | 1u << FINDER_IPV6;
    } else {
        rule->finders = (1u << FINDER_KINDS) - 1;
    }
    return true;
}

static bool read_masks(struct reader *r, const struct conf_value *value,
                       struct scrub_rule_options *rule)
{
    if (value == NULL) {
        return true;
    }
    bool is_array = value->kind == CONF_ARRAY;
    size_t count = is_array ? value->values_count : 1;
    struct scrub_mask *masks = take(r, (count + 1) * sizeof(*masks));
    rule->masks = masks;
    for (size_t i = 0; i < count; i++) {
        const struct conf_value *item = is_array ? value->values[i] : value;
        if (item->kind != CONF_MAP) {
            if (!read_finder(r, item, rule)) {
                return false;
            }
            continue;
        }
        struct scrub_mask *mask = &masks[rule->masks_count++];
        mask->put = bytes_text("[masked]");
        const struct conf_value *pattern = conf_get(item, "pattern");
        const struct conf_value *with = conf_get(item, "with");
        if (!conf_check_keys(item, "pattern|with", r->error)) {
            return false;
        }
        if (pattern == NULL) {
            return conf_fail(item, r->error, "a mask needs a pattern: { pattern: 'id-[0-9]+' }");
        }
        if (!conf_string(pattern, &mask->pattern, r->error) ||
            (with != NULL && !conf_string(with, &mask->put, r->error))) {
            return false;
        }
    }
    return true;
}

static bool read_required(struct reader *r, const struct conf_value *value,
                          struct scrub_rule_options *rule)
{
    if (value == NULL) {
        return true;
    }
    if (!conf_want(value, CONF_MAP, r->error)) {
        return false;
    }
    struct scrub_required *required = take(r, (value->values_count + 1) * sizeof(*required));
    rule->headers_required = required;
    rule->headers_required_count = value->values_count;
    for (uint32_t i = 0; i < value->values_count; i++) {
        const struct conf_value *item = value->values[i];
        required[i].name = item->key;
        bool is_any = item->kind == CONF_BOOL && item->boolean;
        if (!is_any && !read_list(r, item, &required[i].values)) {
            return false;
        }
        if (!is_any && required[i].values.count == 0) {
            return conf_fail(item, r->error,
                             "an empty list allows no value: write true for any value");
        }
    }
    return true;
}

static bool read_added(struct reader *r, const struct conf_value *value,
                       struct scrub_rule_options *rule)
{
    if (value == NULL) {
        return true;
    }
    if (!conf_want(value, CONF_MAP, r->error)) {
        return false;
    }
    struct scrub_header *headers = take(r, (value->values_count + 1) * sizeof(*headers));
    rule->headers_add = headers;
    rule->headers_add_count = value->values_count;
    for (uint32_t i = 0; i < value->values_count; i++) {
        headers[i].name = value->values[i]->key;
        if (!conf_string(value->values[i], &headers[i].value, r->error)) {
            return false;
        }
    }
    return true;
}

static bool read_allowed(struct reader *r, const struct conf_value *value,
                         struct scrub_rule_options *rule)
{
    if (!read_list(r, value, &rule->headers_allowed)) {
        return false;
    }
    if (value != NULL && rule->headers_allowed.count == 0) {
        return conf_fail(value, r->error,
                         "an empty list allows no header: leave it out to allow any");
    }
    return true;
}

static bool read_headers(struct reader *r, const struct conf_value *value,
                         struct scrub_rule_options *rule)
{
    if (value == NULL) {
        return true;
    }
    return conf_want(value, CONF_MAP, r->error) &&
           conf_check_keys(value, "allow|require|remove|add", r->error) &&
           read_allowed(r, conf_get(value, "allow"), rule) &&
           read_required(r, conf_get(value, "require"), rule) &&
           read_list(r, conf_get(value, "remove"), &rule->headers_remove) &&
           read_added(r, conf_get(value, "add"), rule);
}

static bool read_fate(struct reader *r, const struct conf_value *value,
                      struct scrub_rule_options *rule)
{
    const struct conf_value *refused = conf_get(value, "refused");
    const struct conf_value *quarantine = conf_get(value, "quarantine");
    size_t chosen = SCRUB_TELL;
    if (refused != NULL && !conf_choice(refused, "tell|drop|quarantine", &chosen, r->error)) {
        return false;
    }
    if (quarantine != NULL && !conf_string(quarantine, &rule->quarantine, r->error)) {
        return false;
    }
    if (refused != NULL && (quarantine != NULL) != (chosen == SCRUB_QUARANTINE)) {
        return conf_fail(refused, r->error,
                         "quarantine: SUBJECT and refused: quarantine go together");
    }
    rule->fate = quarantine != NULL ? SCRUB_QUARANTINE : (enum scrub_fate)chosen;
    return true;
}

static bool read_rule(struct reader *r, const struct conf_value *value,
                      struct scrub_rule_options *rule)
{
    static const char keys[] = "name|subject|subjects|refused|quarantine|observe|max_size|utf8|"
                               "control|trim|json|mask|must_match|must_not_match|headers";
    if (!conf_want(value, CONF_MAP, r->error) || !conf_check_keys(value, keys, r->error)) {
        return false;
    }
    const struct conf_value *name = conf_get(value, "name");
    const struct conf_value *size = conf_get(value, "max_size");
    if (name != NULL && !conf_string(name, &rule->name, r->error)) {
        return false;
    }
    if (size != NULL && !conf_size(size, 1, UINT32_MAX, &rule->size_max, r->error)) {
        return false;
    }
    return read_list(r, conf_get(value, "subject|subjects"), &rule->subjects) &&
           read_fate(r, value, rule) &&
           read_bool(r, conf_get(value, "observe"), &rule->is_observer) &&
           read_step(r, conf_get(value, "utf8"), "refuse|replace", &rule->utf8) &&
           read_step(r, conf_get(value, "control"), "refuse|strip", &rule->control) &&
           read_bool(r, conf_get(value, "trim"), &rule->trim) &&
           read_json(r, conf_get(value, "json"), rule) &&
           read_masks(r, conf_get(value, "mask"), rule) &&
           read_list(r, conf_get(value, "must_match"), &rule->must) &&
           read_list(r, conf_get(value, "must_not_match"), &rule->must_not) &&
           read_headers(r, conf_get(value, "headers"), rule);
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool read_rules(struct reader *r, const struct conf_value *block,
                       const struct conf_value *list, struct scrub_rules **rules)
{
    uint32_t log_every = SCRUB_LOG_EVERY;
    const struct conf_value *log = conf_get(block, "log_every");
    if (log != NULL && !conf_uint32(log, 0, UINT32_MAX, &log_every, r->error)) {
        return false;
    }
    size_t count = list != NULL ? list->values_count : 0;
    struct scrub_rule_options *options = take(r, (count + 1) * sizeof(*options));
    for (size_t i = 0; i < count; i++) {
        if (!read_rule(r, list->values[i], &options[i])) {
            return false;
        }
    }
    struct scrub_error wrong;
    *rules = scrub_rules_new(options, count, &wrong);
    if (*rules == NULL) {
        const struct conf_value *at = wrong.rule < count ? list->values[wrong.rule] : list;
        return conf_fail(at, r->error, "%s", wrong.text);
    }
    (*rules)->log_every = log_every;
    return true;
}

bool scrub_from_conf(const struct conf_value *block, struct scrub_rules **rules,
                     struct conf_error *error)
{
    *rules = NULL;
    if (!conf_want(block, CONF_MAP, error) || !conf_check_keys(block, "rules|log_every", error)) {
        return false;
    }
    const struct conf_value *list = conf_get(block, "rules");
    if (list != NULL && !conf_want(list, CONF_ARRAY, error)) {
        return false;
    }
    struct reader reader = {.error = error};
    bool is_fine = read_rules(&reader, block, list, rules);
    give_back(&reader);
    return is_fine;
}
