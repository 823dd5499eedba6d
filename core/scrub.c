/*
 * scrub.c - which rules a subject has is remembered: for the last subject, and for some hundred in a
 * direct-mapped cache. The rules are applied in order, and what they did is noted.
 */
#include "core/scrub.h"

#include "core/hash.h"

enum {
    CACHE_ENTRIES = 256, /* a power of two */
    CACHE_SUBJECT = 112, /* longer subjects are matched every time */
};

struct cached {
    uint64_t rules;
    uint32_t size; /* 0: free */
    uint8_t subject[CACHE_SUBJECT];
};

struct scrub {
    struct scrub_rules *rules;
    struct scrub_work *work;
    scrub_clock clock;
    uint64_t key;
    const struct cached *last;
    struct scrub_counters *counters;
    uint64_t messages; /* that had rules and are counted */
    size_t notes_count;
    struct scrub_note notes[SCRUB_RULES_MAX];
    struct cached cache[CACHE_ENTRIES];
};

struct scrub *scrub_new(struct scrub_rules *rules, scrub_clock clock, uint64_t key)
{
    struct scrub *scrub = memory_alloc(sizeof(*scrub));
    scrub->rules = scrub_rules_ref(rules);
    scrub->work = scrub_work_new(rules);
    scrub->clock = clock;
    scrub->key = key;
    scrub->last = &scrub->cache[0];
    scrub->counters = memory_alloc(MAX_OF(rules->count, 1u) * sizeof(struct scrub_counters));
    return scrub;
}

void scrub_free(struct scrub *scrub)
{
    if (scrub == NULL) {
        return;
    }
    scrub_work_free(scrub->work);
    scrub_rules_unref(scrub->rules);
    memory_free(scrub->counters);
    memory_free(scrub);
}

void scrub_inherit(struct scrub *scrub, const struct scrub *from)
{
    for (uint32_t i = 0; i < scrub->rules->count; i++) {
        for (uint32_t k = 0; k < from->rules->count; k++) {
            if (bytes_equal(scrub->rules->rules[i].options.name,
                            from->rules->rules[k].options.name)) {
                scrub->counters[i] = from->counters[k];
            }
        }
    }
}

/* ---- which rules ----------------------------------------------------------------------------- */

static bool is_of(const struct cached *cached, struct bytes subject)
{
    return cached->size == subject.size && memcmp(cached->subject, subject.ptr, subject.size) == 0;
}

static uint64_t rules_of(struct scrub *scrub, struct bytes subject)
{
    if (subject.size == 0 || subject.size > CACHE_SUBJECT) {
        return scrub_rules_of(scrub->rules, subject);
    }
    if (is_of(scrub->last, subject)) {
        return scrub->last->rules;
    }
    struct cached *cached = &scrub->cache[hash_bytes(subject, scrub->key) % CACHE_ENTRIES];
    if (!is_of(cached, subject)) {
        cached->rules = scrub_rules_of(scrub->rules, subject);
        cached->size = (uint32_t)subject.size;
        memcpy(cached->subject, subject.ptr, subject.size);
    }
    scrub->last = cached;
    return cached->rules;
}

/* ---- apply ----------------------------------------------------------------------------------- */

/* Applies one rule and notes it; true: the message is refused. */
static bool apply_rule(struct scrub *scrub, uint32_t index, bool is_timed, bool *changed)
{
    const struct scrub_rule *rule = &scrub->rules->rules[index];
    uint64_t begin = is_timed ? scrub->clock() : 0;
    struct scrub_note *note = &scrub->notes[scrub->notes_count++];
    note->rule = index;
    note->outcome = scrub_work_rule(scrub->work, rule);
    uint64_t end = is_timed ? scrub->clock() : 0;
    note->time_ns = is_timed ? MAX_OF(end - begin, 1u) : 0;
    if (rule->options.is_observer) {
        return false;
    }
    *changed = *changed || note->outcome.cleaned != 0;
    return note->outcome.reason != SCRUB_REASON_NONE;
}

enum scrub_verdict scrub_apply(struct scrub *scrub, const struct scrub_in *in,
                               struct scrub_out *out)
{
    uint64_t rules = rules_of(scrub, in->subject);
    scrub->notes_count = 0;
    if (rules == 0) {
        return SCRUB_PASS;
    }
    bool is_timed = scrub->clock != NULL && scrub->messages % SCRUB_TIMED_EVERY == 0;
    bool changed = false;
    scrub_work_begin(scrub->work, in->header, in->body, in->limit);
    for (; rules != 0; rules &= rules - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(rules);
        if (apply_rule(scrub, index, is_timed, &changed)) {
            out->rule = &scrub->rules->rules[index];
            out->outcome = scrub->notes[scrub->notes_count - 1].outcome;
            return SCRUB_REFUSE;
        }
    }
    if (!changed) {
        return SCRUB_PASS;
    }
    out->header = scrub_work_header(scrub->work);
    out->body = scrub_work_body(scrub->work);
    return SCRUB_REPLACE;
}

void scrub_count(struct scrub *scrub)
{
    scrub->messages += scrub->notes_count > 0;
    for (size_t i = 0; i < scrub->notes_count; i++) {
        const struct scrub_note *note = &scrub->notes[i];
        struct scrub_counters *counters = &scrub->counters[note->rule];
        if (note->outcome.reason != SCRUB_REASON_NONE) {
            counters->refused[note->outcome.reason]++;
        } else if (note->outcome.cleaned != 0) {
            counters->cleaned++;
        } else {
            counters->passed++;
        }
        counters->timed += note->time_ns > 0;
        counters->timed_ns += note->time_ns;
    }
    scrub->notes_count = 0;
}

/* ---- looking inside -------------------------------------------------------------------------- */

const struct scrub_note *scrub_notes(const struct scrub *scrub, size_t *count)
{
    *count = scrub->notes_count;
    return scrub->notes;
}

const struct scrub_rules *scrub_rules(const struct scrub *scrub)
{
    return scrub->rules;
}

struct scrub_rules *scrub_rules_share(const struct scrub *scrub)
{
    return scrub_rules_ref(scrub->rules);
}

const struct scrub_counters *scrub_counters(const struct scrub *scrub, uint32_t rule)
{
    ASSERT(rule < scrub->rules->count);
    return &scrub->counters[rule];
}

struct words {
    const char *name;
    const char *text;
};

static const struct words words[SCRUB_REASONS] = {
    [SCRUB_REASON_NONE] = {"none", "nothing"},
    [SCRUB_REASON_SIZE] = {"size", "too large"},
    [SCRUB_REASON_UTF8] = {"utf8", "not valid UTF-8"},
    [SCRUB_REASON_CONTROL] = {"control", "control characters"},
    [SCRUB_REASON_JSON] = {"json", "not well-formed JSON"},
    [SCRUB_REASON_DEPTH] = {"depth", "JSON too deep"},
    [SCRUB_REASON_SCHEMA] = {"schema", "JSON does not match the schema"},
    [SCRUB_REASON_MUST] = {"must", "a pattern that must match does not"},
    [SCRUB_REASON_MUST_NOT] = {"must_not", "a pattern that must not match does"},
    [SCRUB_REASON_HEADERS] = {"headers", "headers not well-formed"},
    [SCRUB_REASON_HEADER_MISSING] = {"header_missing", "a required header is missing"},
    [SCRUB_REASON_HEADER_VALUE] = {"header_value", "a header has a value that is not allowed"},
    [SCRUB_REASON_HEADER_OTHER] = {"header_other", "a header that is not allowed"},
    [SCRUB_REASON_GREW] = {"grew", "too large once cleaned"},
    [SCRUB_REASON_UNSETTLED] = {"unsettled", "cleaning it comes to no end"},
};

const char *scrub_reason_text(enum scrub_reason reason)
{
    return words[reason].text;
}

const char *scrub_reason_name(enum scrub_reason reason)
{
    return words[reason].name;
}
