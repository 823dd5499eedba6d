/* scrub_rules.c - copies the options, compiles what can be, and says in a sentence what cannot. */
#include "core/scrub_rules.h"

#include "core/header.h"
#include "core/subject.h"

#include <stdarg.h>
#include <stdio.h>

/* What is being compiled. */
struct compiler {
    struct scrub_rules *set;
    struct scrub_error *error;
};

static bool fail(struct compiler *c, const char *format, ...) PRINTF(2, 3);

static bool fail(struct compiler *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->error->text, sizeof(c->error->text), format, arguments);
    va_end(arguments);
    return false;
}

#define SAID(bytes) (int)MIN_OF((bytes).size, (size_t)100), (const char *)(bytes).ptr

/* ---- copies ---------------------------------------------------------------------------------- */

static void *keep(struct compiler *c, const void *from, size_t size)
{
    struct scrub_rules *set = c->set;
    if (set->owned_count == set->owned_capacity) {
        set->owned_capacity = 2 * set->owned_capacity + 16;
        set->owned = memory_resize(set->owned, set->owned_capacity * sizeof(void *));
    }
    void *copy = memory_alloc(size + 1);
    if (size > 0) {
        memcpy(copy, from, size);
    }
    set->owned[set->owned_count++] = copy;
    return copy;
}

static void keep_bytes(struct compiler *c, struct bytes *bytes)
{
    bytes->ptr = keep(c, bytes->ptr, bytes->size);
}

static void keep_list(struct compiler *c, struct scrub_list *list)
{
    struct bytes *items = keep(c, list->items, list->count * sizeof(struct bytes));
    for (size_t i = 0; i < list->count; i++) {
        keep_bytes(c, &items[i]);
    }
    list->items = items;
}

static void keep_options(struct compiler *c, struct scrub_rule_options *o, size_t number)
{
    char name[32];
    if (o->name.size == 0) {
        snprintf(name, sizeof(name), "rule %zu", number + 1);
        o->name = bytes_text(name);
    }
    keep_bytes(c, &o->name);
    keep_list(c, &o->subjects);
    keep_bytes(c, &o->quarantine);
    keep_bytes(c, &o->json_schema);
    keep_list(c, &o->json_drop);
    keep_list(c, &o->json_mask);
    keep_list(c, &o->must);
    keep_list(c, &o->must_not);
    keep_list(c, &o->headers_allowed);
    keep_list(c, &o->headers_remove);
    struct scrub_mask *masks = keep(c, o->masks, o->masks_count * sizeof(*masks));
    for (size_t i = 0; i < o->masks_count; i++) {
        keep_bytes(c, &masks[i].pattern);
        keep_bytes(c, &masks[i].put);
    }
    o->masks = masks;
    struct scrub_header *add = keep(c, o->headers_add, o->headers_add_count * sizeof(*add));
    for (size_t i = 0; i < o->headers_add_count; i++) {
        keep_bytes(c, &add[i].name);
        keep_bytes(c, &add[i].value);
    }
    o->headers_add = add;
    struct scrub_required *required =
        keep(c, o->headers_required, o->headers_required_count * sizeof(*required));
    for (size_t i = 0; i < o->headers_required_count; i++) {
        keep_bytes(c, &required[i].name);
        keep_list(c, &required[i].values);
    }
    o->headers_required = required;
}

/* ---- compiling ------------------------------------------------------------------------------- */

static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.ptr[i];
        if (byte < ' ' || byte > '~' || byte == '"' || byte == '\'' || byte == '\\') {
            return false;
        }
    }
    return true;
}

static bool compile_name(struct compiler *c, const struct scrub_rule *rule, size_t number)
{
    struct bytes name = rule->options.name;
    if (name.size > SCRUB_NAME_MAX || !is_plain(name)) {
        return fail(c,
                    "the name of a rule has up to %d printable characters and no quotes: \"%.*s\"",
                    SCRUB_NAME_MAX, SAID(name));
    }
    for (size_t i = 0; i < number; i++) {
        if (bytes_equal(name, c->set->rules[i].options.name)) {
            return fail(c, "two rules are called \"%.*s\": give one another name", SAID(name));
        }
    }
    return true;
}

static void note_start(struct scrub_rules *set, struct bytes pattern)
{
    if (pattern.ptr[0] == '*' || pattern.ptr[0] == '>') {
        memset(set->starts, 0xFF, sizeof(set->starts));
        return;
    }
    uint32_t start = scrub_start(pattern);
    set->starts[start / 64] |= 1ull << start % 64;
}

static bool compile_subjects(struct compiler *c, const struct scrub_rule *rule)
{
    const struct scrub_rule_options *o = &rule->options;
    if (o->subjects.count == 0) {
        return fail(c, "a rule needs a subject: \">\" stands for all");
    }
    for (size_t i = 0; i < o->subjects.count; i++) {
        if (!subject_valid_subscription(o->subjects.items[i])) {
            return fail(c, "\"%.*s\" is no valid subject pattern", SAID(o->subjects.items[i]));
        }
        note_start(c->set, o->subjects.items[i]);
    }
    if (o->fate != SCRUB_QUARANTINE) {
        return true;
    }
    if (o->quarantine.size > SCRUB_SUBJECT_MAX || !subject_valid_publish(o->quarantine) ||
        !is_plain(o->quarantine) || memchr(o->quarantine.ptr, ' ', o->quarantine.size) != NULL) {
        return fail(c,
                    "\"%.*s\" is no subject to send what is refused to: it wants no wildcards, "
                    "no blanks and up to %d characters",
                    SAID(o->quarantine), SCRUB_SUBJECT_MAX);
    }
    return true;
}

static bool compile_regex(struct compiler *c, struct regex **regex, struct scrub_list patterns,
                          enum regex_use use)
{
    if (patterns.count == 0) {
        return true;
    }
    if (patterns.count > REGEX_PATTERNS_MAX) {
        return fail(c, "a rule may have %d patterns of a kind, not %zu", REGEX_PATTERNS_MAX,
                    patterns.count);
    }
    struct regex_error wrong;
    *regex = regex_new(patterns.items, patterns.count, use, &wrong);
    if (*regex == NULL) {
        return fail(c, "the pattern \"%.*s\" cannot be used: %s",
                    SAID(patterns.items[wrong.pattern]), wrong.text);
    }
    return true;
}

/* What a mask puts in must not be found by a mask of the rule: cleaning would never come to an
 * end. */
static bool check_puts(struct compiler *c, const struct scrub_rule *rule)
{
    const struct scrub_rule_options *o = &rule->options;
    struct regex_scratch *scratch = regex_scratch_grow(NULL, rule->masks);
    bool settles = true;
    for (size_t i = 0; i < o->masks_count && settles; i++) {
        settles = regex_test(rule->masks, scratch, o->masks[i].put) == 0;
        if (!settles) {
            (void)fail(c,
                       "\"%.*s\", which a pattern is replaced by, is found by a pattern of the "
                       "same rule: choose another text",
                       SAID(o->masks[i].put));
        }
    }
    regex_scratch_free(scratch);
    return settles;
}

static bool compile_masks(struct compiler *c, struct scrub_rule *rule)
{
    const struct scrub_rule_options *o = &rule->options;
    if (o->masks_count == 0) {
        return true;
    }
    struct bytes patterns[REGEX_PATTERNS_MAX];
    struct bytes puts[REGEX_PATTERNS_MAX];
    for (size_t i = 0; i < o->masks_count && i < REGEX_PATTERNS_MAX; i++) {
        patterns[i] = o->masks[i].pattern;
        puts[i] = o->masks[i].put;
    }
    rule->puts = keep(c, puts, sizeof(puts));
    struct scrub_list list = {.items = patterns, .count = o->masks_count};
    return compile_regex(c, &rule->masks, list, REGEX_REPLACE) && check_puts(c, rule);
}

static bool compile_paths(struct compiler *c, struct scrub_rule *rule)
{
    const struct scrub_list *lists[2] = {&rule->options.json_mask, &rule->options.json_drop};
    for (int drops = 0; drops < 2; drops++) {
        for (size_t i = 0; i < lists[drops]->count; i++) {
            const char *wrong = paths_add(&rule->paths, lists[drops]->items[i], drops == 1);
            if (wrong != NULL) {
                return fail(c, "the path \"%.*s\" %s", SAID(lists[drops]->items[i]), wrong);
            }
        }
    }
    return true;
}

static bool compile_json(struct compiler *c, struct scrub_rule *rule)
{
    const struct scrub_rule_options *o = &rule->options;
    if (o->json_depth_max > JSON_DEPTH_MAX) {
        return fail(c, "JSON can be up to %d levels deep, not %u", JSON_DEPTH_MAX,
                    o->json_depth_max);
    }
    if (o->json_schema.size > 0) {
        char wrong[SCHEMA_ERROR_MAX];
        rule->schema = json_schema_new(o->json_schema, wrong);
        if (rule->schema == NULL) {
            return fail(c, "the schema cannot be used: %s", wrong);
        }
    }
    rule->wants_json = o->json || o->json_depth_max > 0 || o->json_minify ||
                       o->json_schema.size > 0 || o->json_drop.count > 0 || o->json_mask.count > 0;
    return compile_paths(c, rule);
}

static bool compile_headers(struct compiler *c, struct scrub_rule *rule)
{
    const struct scrub_rule_options *o = &rule->options;
    struct bytes wrong = {0};
    for (size_t i = 0; i < o->headers_required_count; i++) {
        struct bytes name = o->headers_required[i].name;
        wrong = header_name_valid(name) ? wrong : name;
    }
    const struct scrub_list *names[] = {&o->headers_allowed, &o->headers_remove};
    for (size_t k = 0; k < COUNT_OF(names); k++) {
        for (size_t i = 0; i < names[k]->count; i++) {
            struct bytes name = names[k]->items[i];
            wrong = header_name_valid(name) ? wrong : name;
        }
    }
    for (size_t i = 0; i < o->headers_add_count; i++) {
        const struct scrub_header *header = &o->headers_add[i];
        wrong = header_name_valid(header->name) ? wrong : header->name;
        if (!header_value_valid(header->value)) {
            return fail(c, "the header \"%.*s\" is to get a value with a line end in it",
                        SAID(header->name));
        }
    }
    if (wrong.ptr != NULL) {
        return fail(c, "\"%.*s\" is no name of a header", SAID(wrong));
    }
    rule->wants_headers = o->headers_allowed.count + o->headers_required_count +
                              o->headers_remove.count + o->headers_add_count >
                          0;
    return true;
}

static bool compile_rule(struct compiler *c, struct scrub_rule *rule, size_t number)
{
    keep_options(c, &rule->options, number);
    return compile_name(c, rule, number) && compile_subjects(c, rule) && compile_json(c, rule) &&
           compile_masks(c, rule) &&
           compile_regex(c, &rule->must, rule->options.must, REGEX_TEST) &&
           compile_regex(c, &rule->must_not, rule->options.must_not, REGEX_TEST) &&
           compile_headers(c, rule);
}

struct scrub_rules *scrub_rules_new(const struct scrub_rule_options *options, size_t count,
                                    struct scrub_error *error)
{
    struct scrub_rules *set = memory_alloc(sizeof(*set));
    atomic_init(&set->references, 1);
    set->log_every = SCRUB_LOG_EVERY;
    struct compiler compiler = {.set = set, .error = error};
    bool fits = count <= SCRUB_RULES_MAX;
    error->rule = SCRUB_RULES_MAX;
    if (!fits) {
        (void)fail(&compiler, "there may be %d rules, not %zu", SCRUB_RULES_MAX, count);
    }
    set->rules = memory_alloc(MAX_OF(count, (size_t)1) * sizeof(struct scrub_rule));
    for (size_t i = 0; fits && i < count; i++) {
        error->rule = i;
        set->rules[i] = (struct scrub_rule){.options = options[i]};
        set->count = (uint32_t)i + 1;
        fits = compile_rule(&compiler, &set->rules[i], i);
    }
    if (!fits) {
        scrub_rules_unref(set);
        return NULL;
    }
    return set;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct scrub_rules *scrub_rules_ref(struct scrub_rules *rules)
{
    /* R1: relaxed, whoever takes another reference holds one. */
    atomic_fetch_add_explicit(&rules->references, 1, memory_order_relaxed);
    return rules;
}

void scrub_rules_unref(struct scrub_rules *rules)
{
    /* R2: pairs with itself: the last one sees all that the others did. */
    if (rules == NULL ||
        atomic_fetch_sub_explicit(&rules->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (uint32_t i = 0; i < rules->count; i++) {
        struct scrub_rule *rule = &rules->rules[i];
        json_schema_free(rule->schema);
        paths_free(&rule->paths);
        regex_free(rule->masks);
        regex_free(rule->must);
        regex_free(rule->must_not);
    }
    for (size_t i = 0; i < rules->owned_count; i++) {
        memory_free(rules->owned[i]);
    }
    memory_free(rules->owned);
    memory_free(rules->rules);
    memory_free(rules);
}

uint64_t scrub_rules_of(const struct scrub_rules *rules, struct bytes subject)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct scrub_list *subjects = &rules->rules[i].options.subjects;
        for (size_t k = 0; k < subjects->count; k++) {
            if (subject_matches(subjects->items[k], subject)) {
                found |= 1ull << i;
                break;
            }
        }
    }
    return found;
}
