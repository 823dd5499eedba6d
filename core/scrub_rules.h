/*
 * scrub_rules.h - what shall happen to which messages: a set of rules, compiled once.
 *
 *   rules, in the order of the file; all whose subjects match are applied, each to what the one
 *   before left. Steps of one rule, in this order whatever order it is written in:
 *
 *     size ▶ utf8 ▶ control ▶ trim ▶ json ▶ schema ▶ must, must_not ▶ headers required, allowed
 *          ▶ minify ▶ drop and mask fields ▶ mask what is found ▶ remove and add headers
 *
 * Threads:     immutable once made; any thread may share it (scrub_rules_ref, _unref).
 * Memory:      scrub_rules_new copies what it is given.
 * Limits:      SCRUB_RULES_MAX rules a set: which rules a subject has is one word.
 */
#ifndef RINGHUB_CORE_SCRUB_RULES_H
#define RINGHUB_CORE_SCRUB_RULES_H

#include "core/finder.h"
#include "core/json_path.h"
#include "core/json_schema.h"
#include "core/regex.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SCRUB_RULES_MAX = 64,
    SCRUB_ERROR_MAX = 400,
    SCRUB_NAME_MAX = 64,
    SCRUB_SUBJECT_MAX = 256, /* bytes of a quarantine subject */
    SCRUB_LOG_EVERY = 100,
};

/* What becomes of what a step objects to. */
enum scrub_step { SCRUB_OFF, SCRUB_CHECK, SCRUB_CLEAN };

/* What becomes of a message that a rule refuses; it is counted in any case. */
enum scrub_fate {
    SCRUB_TELL, /* the publisher hears an error, a requester gets a status at once */
    SCRUB_DROP, /* nobody hears of it */
    SCRUB_QUARANTINE,
};

struct scrub_list {
    const struct bytes *items;
    size_t count;
};

/* A pattern, and what what it finds becomes. */
struct scrub_mask {
    struct bytes pattern;
    struct bytes put;
};

struct scrub_header {
    struct bytes name;
    struct bytes value;
};

/* The values a header may have; none: any. */
struct scrub_required {
    struct bytes name;
    struct scrub_list values;
};

/* A rule as it is written. Everything that is zero is off. */
struct scrub_rule_options {
    struct bytes name; /* empty: "rule 1" */
    struct scrub_list subjects;
    enum scrub_fate fate;
    struct bytes quarantine; /* subject */
    bool is_observer;        /* counts what it would do, and does nothing */

    uint64_t size_max; /* of the payload without headers; 0: any */
    enum scrub_step utf8;
    enum scrub_step control;
    bool trim;

    bool json;
    uint32_t json_depth_max; /* 0: JSON_DEPTH_MAX */
    bool json_minify;
    struct bytes json_schema;
    struct scrub_list json_drop; /* paths */
    struct scrub_list json_mask;

    uint32_t finders; /* bits of enum finder_kind */
    const struct scrub_mask *masks;
    size_t masks_count;
    struct scrub_list must; /* patterns */
    struct scrub_list must_not;

    struct scrub_list headers_allowed; /* names; empty: any. Those that are required are, too */
    const struct scrub_required *headers_required;
    size_t headers_required_count;
    struct scrub_list headers_remove;
    const struct scrub_header *headers_add; /* instead of what there is of that name */
    size_t headers_add_count;
};

/* The same, compiled. */
struct scrub_rule {
    struct scrub_rule_options options; /* all pointers into the set */
    struct json_schema *schema;
    struct paths paths;
    struct regex *masks;
    struct bytes *puts; /* of masks */
    struct regex *must;
    struct regex *must_not;
    bool wants_json;
    bool wants_headers;
};

enum { SCRUB_STARTS = 1024 };

struct scrub_rules {
    ATOMIC(uint32_t) references;
    uint64_t starts[SCRUB_STARTS / 64]; /* by scrub_start: how subjects with rules can begin */
    struct scrub_rule *rules;
    uint32_t count;
    uint32_t log_every; /* of what a rule objects to, one line in so many; 0: none. Set before the
                         * set is shared */
    void **owned;
    size_t owned_count, owned_capacity;
};

struct scrub_error {
    size_t rule; /* index */
    char text[SCRUB_ERROR_MAX];
};

/* Nothing to do: count 0. NULL: *error says which rule cannot be, and why. One reference. */
struct scrub_rules *scrub_rules_new(const struct scrub_rule_options *options, size_t count,
                                    struct scrub_error *error);
struct scrub_rules *scrub_rules_ref(struct scrub_rules *rules);
/* NULL is fine. */
void scrub_rules_unref(struct scrub_rules *rules);

/* The first two bytes of a subject; behind a subject of one byte stands a dot. */
static inline uint32_t scrub_start(struct bytes subject)
{
    uint8_t second = subject.size > 1 ? subject.ptr[1] : (uint8_t)'.';
    return (subject.ptr[0] * 37u + second) % SCRUB_STARTS;
}

/* False: no rule does. In a few instructions, so that a subject without rules pays no more. */
static inline bool scrub_rules_may_apply(const struct scrub_rules *rules, struct bytes subject)
{
    uint32_t start = scrub_start(subject);
    return (rules->starts[start / 64] >> start % 64 & 1) != 0;
}

/* The rules that apply to a subject, as bits. */
uint64_t scrub_rules_of(const struct scrub_rules *rules, struct bytes subject);

#ifdef __cplusplus
}
#endif
#endif
