/*
 * scrub_work.c - the steps of a rule in their order. Each returns why it refuses; a cleaning step
 * notes edits, applies them and says so.
 */
#include "core/scrub_work.h"

#include "core/control.h"
#include "core/header.h"
#include "core/json.h"
#include "core/json_cursor.h"
#include "core/json_strings.h"
#include "core/sieve.h"
#include "core/utf8.h"

static_assert((int)DRAFT_PADDING >= (int)JSON_PADDING, "a padded draft can be parsed");
static_assert((int)DRAFT_PADDING >= (int)JSON_BLOCK, "and read by blocks");

/* A message on its way through the rules. */
struct copy {
    struct draft header;
    struct draft body;
};

struct scrub_work {
    struct copy message;
    struct copy trial; /* an observer's */
    struct json *json;
    struct regex_scratch *scratch;
    uint8_t *string; /* what a string means, for a schema's patterns */
    size_t string_capacity;
    size_t limit;
};

/* One rule and the texts it works on. */
struct job {
    struct scrub_work *work;
    const struct scrub_rule *rule;
    struct draft *header;
    struct draft *body;
    uint32_t cleaned;
    uint32_t unsettled; /* masks that have not seen the text as it is: bits of finder_kind, and
                         * OWN_PATTERNS */
    const char *detail;
};

/* ---- life ------------------------------------------------------------------------------------ */

struct scrub_work *scrub_work_new(const struct scrub_rules *rules)
{
    struct scrub_work *work = memory_alloc(sizeof(*work));
    work->json = json_new();
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct scrub_rule *rule = &rules->rules[i];
        const struct regex *sets[] = {rule->masks, rule->must, rule->must_not};
        for (size_t k = 0; k < COUNT_OF(sets); k++) {
            if (sets[k] != NULL) {
                work->scratch = regex_scratch_grow(work->scratch, sets[k]);
            }
        }
        if (rule->schema != NULL) {
            work->scratch = json_schema_scratch(rule->schema, work->scratch);
        }
    }
    return work;
}

void scrub_work_free(struct scrub_work *work)
{
    draft_free(&work->message.header);
    draft_free(&work->message.body);
    draft_free(&work->trial.header);
    draft_free(&work->trial.body);
    json_free(work->json);
    regex_scratch_free(work->scratch);
    memory_free(work->string);
    memory_free(work);
}

void scrub_work_begin(struct scrub_work *work, struct bytes header, struct bytes body, size_t limit)
{
    work->limit = MAX_OF(MIN_OF(limit, (size_t)UINT32_MAX), header.size + body.size);
    draft_begin(&work->message.header, header, work->limit - body.size);
    draft_begin(&work->message.body, body, work->limit - header.size);
}

struct bytes scrub_work_header(const struct scrub_work *work)
{
    return work->message.header.text;
}

struct bytes scrub_work_body(const struct scrub_work *work)
{
    return work->message.body.text;
}

/* ---- cleaning -------------------------------------------------------------------------------- */

/* Carries out what a step noted. */
static enum scrub_reason clean(struct job *job, enum scrub_cleaned what)
{
    if (job->body->edits_count == 0) {
        return SCRUB_REASON_NONE;
    }
    job->cleaned |= what;
    return draft_apply(job->body) ? SCRUB_REASON_NONE : SCRUB_REASON_GREW;
}

/* Notes edits until there are none: what one edit brings together, the next round sees. */
static enum scrub_reason settle(struct job *job, enum scrub_cleaned what,
                                enum scrub_reason (*round)(struct job *job, bool *found))
{
    for (int i = 0; i < SCRUB_ROUNDS_MAX; i++) {
        bool found = false;
        enum scrub_reason reason = round(job, &found);
        if (reason != SCRUB_REASON_NONE || !found) {
            return reason;
        }
        job->cleaned |= what;
    }
    return SCRUB_REASON_UNSETTLED;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static enum scrub_reason step_size(struct job *job)
{
    uint64_t most = job->rule->options.size_max;
    return most > 0 && job->body->text.size > most ? SCRUB_REASON_SIZE : SCRUB_REASON_NONE;
}

static enum scrub_reason step_utf8(struct job *job)
{
    enum scrub_step step = job->rule->options.utf8;
    struct bytes text = job->body->text;
    if (step == SCRUB_OFF || utf8_valid(text)) {
        return SCRUB_REASON_NONE;
    }
    if (step == SCRUB_CHECK) {
        return SCRUB_REASON_UTF8;
    }
    for (size_t at = 0; at < text.size;) {
        size_t broken;
        size_t size = utf8_character(bytes_skip(text, at), &broken);
        if (size == 0) {
            draft_edit(job->body, at, at + broken, bytes_text("\xEF\xBF\xBD"));
        }
        at += size > 0 ? size : broken;
    }
    return clean(job, SCRUB_CLEANED_UTF8);
}

static enum scrub_reason control_round(struct job *job, bool *found)
{
    control_edit(job->body);
    *found = job->body->edits_count > 0;
    return clean(job, SCRUB_CLEANED_CONTROL);
}

static enum scrub_reason step_control(struct job *job)
{
    enum scrub_step step = job->rule->options.control;
    if (step == SCRUB_OFF) {
        return SCRUB_REASON_NONE;
    }
    if (step == SCRUB_CHECK) {
        struct bytes text = job->body->text;
        return control_next(text, 0) < text.size ? SCRUB_REASON_CONTROL : SCRUB_REASON_NONE;
    }
    return settle(job, SCRUB_CLEANED_CONTROL, control_round);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static enum scrub_reason step_trim(struct job *job)
{
    struct bytes text = job->body->text;
    size_t from = 0;
    size_t to = text.size;
    while (to > 0 && is_blank(text.ptr[to - 1])) {
        to--;
    }
    while (from < to && is_blank(text.ptr[from])) {
        from++;
    }
    if (job->rule->options.trim && to - from < text.size) {
        draft_cut(job->body, from, to);
        job->cleaned |= SCRUB_CLEANED_TRIM;
    }
    return SCRUB_REASON_NONE;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static enum json_verdict check_json(struct job *job)
{
    draft_pad(job->body);
    return json_check(job->work->json, job->body->text);
}

static enum scrub_reason step_json(struct job *job)
{
    if (!job->rule->wants_json) {
        return SCRUB_REASON_NONE;
    }
    uint32_t most = job->rule->options.json_depth_max;
    switch (check_json(job)) {
    case JSON_VALID:
        return most > 0 && json_is_deeper(job->body->text, most) ? SCRUB_REASON_DEPTH
                                                                 : SCRUB_REASON_NONE;
    case JSON_TOO_DEEP:
        return SCRUB_REASON_DEPTH;
    default:
        return SCRUB_REASON_JSON;
    }
}

static enum scrub_reason step_schema(struct job *job)
{
    const struct json_schema *schema = job->rule->schema;
    if (schema == NULL) {
        return SCRUB_REASON_NONE;
    }
    struct scrub_work *work = job->work;
    if (work->string_capacity < job->body->text.size) {
        memory_free(work->string);
        work->string_capacity = job->body->text.size + job->body->text.size / 4;
        work->string = memory_alloc(work->string_capacity);
    }
    job->detail = json_schema_check(schema, job->body->text, work->scratch, work->string);
    return job->detail != NULL ? SCRUB_REASON_SCHEMA : SCRUB_REASON_NONE;
}

static enum scrub_reason step_minify(struct job *job)
{
    if (!job->rule->options.json_minify) {
        return SCRUB_REASON_NONE;
    }
    struct bytes before = job->body->text;
    uint8_t *to = draft_room(job->body, before.size);
    size_t size = json_minify(before, to);
    if (!bytes_equal(before, bytes_of(to, size))) {
        draft_take(job->body, size);
        job->cleaned |= SCRUB_CLEANED_MINIFY;
    }
    return SCRUB_REASON_NONE;
}

static enum scrub_reason step_fields(struct job *job)
{
    if (job->rule->paths.steps_count == 0) {
        return SCRUB_REASON_NONE;
    }
    paths_edit(&job->rule->paths, job->body, bytes_text("\"[masked]\""));
    return clean(job, SCRUB_CLEANED_FIELDS);
}

/* ---- patterns -------------------------------------------------------------------------------- */

static enum scrub_reason step_must(struct job *job)
{
    const struct scrub_rule *rule = job->rule;
    struct bytes text = job->body->text;
    if (rule->must != NULL) {
        size_t count = rule->options.must.count;
        uint64_t all = count == 64 ? UINT64_MAX : (1ull << count) - 1;
        if (regex_test(rule->must, job->work->scratch, text) != all) {
            return SCRUB_REASON_MUST;
        }
    }
    if (rule->must_not != NULL && regex_test(rule->must_not, job->work->scratch, text) != 0) {
        return SCRUB_REASON_MUST_NOT;
    }
    return SCRUB_REASON_NONE;
}

static const char *const finder_puts[FINDER_KINDS] = {
    [FINDER_EMAIL] = "[email]", [FINDER_BEARER] = "[token]", [FINDER_CARD] = "[card]",
    [FINDER_IPV6] = "[ip]",     [FINDER_IPV4] = "[ip]",      [FINDER_PHONE] = "[phone]"};

/* Where in well-formed JSON are we: inside a string? Asked for ever later places. */
struct place {
    bool is_json;
    bool is_known;
    struct json_strings strings;
    uint64_t inside; /* of the block that ends at `end` */
    size_t end;
};

static bool is_bare(struct job *job, struct place *place, size_t at)
{
    if (!place->is_known) {
        place->is_known = true;
        place->is_json = check_json(job) == JSON_VALID;
    }
    if (!place->is_json) {
        return false;
    }
    for (; place->end <= at; place->end += JSON_BLOCK) {
        place->inside = json_strings_next(&place->strings, job->body->text.ptr + place->end).inside;
    }
    return (place->inside >> at % JSON_BLOCK & 1) == 0;
}

static bool is_of_number(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' ||
           byte == 'e' || byte == 'E';
}

/* A number of JSON becomes a string, and as a whole, so that JSON stays JSON. */
static void note_found(struct job *job, enum finder_kind kind, struct found *found,
                       struct place *place)
{
    struct bytes text = job->body->text;
    struct bytes put = bytes_text(finder_puts[kind]);
    if (kind == FINDER_CARD && is_bare(job, place, found->from)) {
        text = job->body->text;
        while (found->from > 0 && is_of_number(text.ptr[found->from - 1])) {
            found->from--;
        }
        while (found->to < text.size && is_of_number(text.ptr[found->to])) {
            found->to++;
        }
        put = bytes_text("\"[card]\"");
    }
    draft_edit(job->body, found->from, found->to, put);
}

static void find_all(struct job *job, enum finder_kind kind)
{
    struct found found = {0, 0};
    struct place place = {0};
    while (finder_next(kind, job->body->text, found.to, &found)) {
        note_found(job, kind, &found, &place);
    }
}

static const uint32_t OWN_PATTERNS = 1u << FINDER_KINDS;

static uint32_t masks_of(const struct scrub_rule *rule)
{
    return rule->options.finders | (rule->masks != NULL ? OWN_PATTERNS : 0);
}

/* What was looked for since the text last changed need not be looked for again, nor what the text as it
 * is now cannot hold. */
static enum scrub_reason mask_round(struct job *job, bool *found)
{
    const struct scrub_rule *rule = job->rule;
    job->unsettled &= OWN_PATTERNS | sieve_kinds(job->body->text, job->unsettled);
    if (job->unsettled == 0) {
        return SCRUB_REASON_NONE;
    }
    for (uint32_t i = 0; i <= FINDER_KINDS; i++) {
        uint32_t mask = 1u << i;
        if ((job->unsettled & mask) == 0) {
            continue;
        }
        job->unsettled &= ~mask;
        if (mask == OWN_PATTERNS) {
            regex_edit(rule->masks, job->work->scratch, job->body, rule->puts);
        } else {
            find_all(job, (enum finder_kind)i);
        }
        if (job->body->edits_count > 0) {
            *found = true;
            job->unsettled = masks_of(rule);
            enum scrub_reason reason = clean(job, SCRUB_CLEANED_MASK);
            if (reason != SCRUB_REASON_NONE) {
                return reason;
            }
        }
    }
    return SCRUB_REASON_NONE;
}

static enum scrub_reason step_mask(struct job *job)
{
    const struct scrub_rule *rule = job->rule;
    if (masks_of(rule) == 0) {
        return SCRUB_REASON_NONE;
    }
    job->unsettled = masks_of(rule);
    enum scrub_reason reason = settle(job, SCRUB_CLEANED_MASK, mask_round);
    /* Patterns of the user's own may have taken a bracket. */
    bool recheck = rule->wants_json && rule->masks != NULL &&
                   (job->cleaned & SCRUB_CLEANED_MASK) != 0 && reason == SCRUB_REASON_NONE;
    return recheck && check_json(job) != JSON_VALID ? SCRUB_REASON_JSON : reason;
}

/* ---- headers --------------------------------------------------------------------------------- */

static bool is_allowed(const struct scrub_required *required, struct bytes value)
{
    for (size_t i = 0; i < required->values.count; i++) {
        if (bytes_equal(required->values.items[i], value)) {
            return true;
        }
    }
    return required->values.count == 0;
}

static enum scrub_reason check_required(struct bytes block, const struct scrub_required *required)
{
    size_t at = 0;
    struct header_line line;
    enum scrub_reason reason = SCRUB_REASON_HEADER_MISSING;
    while (header_next(block, &at, &line)) {
        if (!header_named(&line, required->name)) {
            continue;
        }
        if (!is_allowed(required, line.value)) {
            return SCRUB_REASON_HEADER_VALUE;
        }
        reason = SCRUB_REASON_NONE;
    }
    return reason;
}

static bool is_named_in(const struct header_line *line, const struct scrub_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (header_named(line, names->items[i])) {
            return true;
        }
    }
    return false;
}

static bool may_come(const struct scrub_rule_options *o, const struct header_line *line)
{
    bool is_required = false;
    for (size_t i = 0; i < o->headers_required_count && !is_required; i++) {
        is_required = header_named(line, o->headers_required[i].name);
    }
    return is_required || is_named_in(line, &o->headers_allowed);
}

static enum scrub_reason check_others(struct bytes block, const struct scrub_rule_options *o)
{
    size_t at = 0;
    struct header_line line;
    while (o->headers_allowed.count > 0 && header_next(block, &at, &line)) {
        if (!may_come(o, &line)) {
            return SCRUB_REASON_HEADER_OTHER;
        }
    }
    return SCRUB_REASON_NONE;
}

static enum scrub_reason step_required(struct job *job)
{
    const struct scrub_rule_options *o = &job->rule->options;
    struct bytes block = job->header->text;
    if (!job->rule->wants_headers) {
        return SCRUB_REASON_NONE;
    }
    if (block.size > 0 && !header_valid(block)) {
        return SCRUB_REASON_HEADERS;
    }
    enum scrub_reason reason = SCRUB_REASON_NONE;
    for (size_t i = 0; i < o->headers_required_count && reason == SCRUB_REASON_NONE; i++) {
        reason = check_required(block, &o->headers_required[i]);
    }
    return reason == SCRUB_REASON_NONE ? check_others(block, o) : reason;
}

static bool stays(const struct scrub_rule_options *o, const struct header_line *line)
{
    if (is_named_in(line, &o->headers_remove)) {
        return false;
    }
    for (size_t i = 0; i < o->headers_add_count; i++) {
        if (header_named(line, o->headers_add[i].name)) {
            return false;
        }
    }
    return true;
}

static uint8_t *put_text(uint8_t *to, struct bytes text)
{
    if (text.size > 0) {
        memcpy(to, text.ptr, text.size);
    }
    return to + text.size;
}

static enum scrub_reason step_headers(struct job *job)
{
    const struct scrub_rule_options *o = &job->rule->options;
    struct bytes block = job->header->text;
    if (o->headers_remove.count + o->headers_add_count == 0 ||
        (block.size == 0 && o->headers_add_count == 0)) {
        return SCRUB_REASON_NONE;
    }
    size_t room = block.size + sizeof(HEADER_VERSION) + 8;
    for (size_t i = 0; i < o->headers_add_count; i++) {
        room += o->headers_add[i].name.size + o->headers_add[i].value.size + 4;
    }
    uint8_t *start = draft_room(job->header, room);
    uint8_t *to =
        put_text(start, block.size > 0 ? header_first(block) : bytes_text(HEADER_VERSION "\r\n"));
    size_t at = 0;
    struct header_line line;
    while (header_next(block, &at, &line)) {
        to = stays(o, &line) ? put_text(to, line.whole) : to;
    }
    for (size_t i = 0; i < o->headers_add_count; i++) {
        to = put_text(to, o->headers_add[i].name);
        to = put_text(to, bytes_text(": "));
        to = put_text(to, o->headers_add[i].value);
        to = put_text(to, bytes_text("\r\n"));
    }
    to = put_text(to, bytes_text("\r\n"));
    size_t size = (size_t)(to - start);
    if (size + job->body->text.size > job->work->limit) {
        return SCRUB_REASON_GREW;
    }
    if (!bytes_equal(block, bytes_of(start, size))) {
        draft_take(job->header, size);
        job->cleaned |= SCRUB_CLEANED_HEADERS;
    }
    return SCRUB_REASON_NONE;
}

/* ---- a rule ---------------------------------------------------------------------------------- */

static enum scrub_reason run_steps(struct job *job)
{
    static enum scrub_reason (*const steps[])(struct job *) = {
        step_size, step_utf8,     step_control, step_trim,   step_json, step_schema,
        step_must, step_required, step_minify,  step_fields, step_mask, step_headers,
    };
    enum scrub_reason reason = SCRUB_REASON_NONE;
    for (size_t i = 0; i < COUNT_OF(steps) && reason == SCRUB_REASON_NONE; i++) {
        reason = steps[i](job);
    }
    return reason;
}

struct scrub_outcome scrub_work_rule(struct scrub_work *work, const struct scrub_rule *rule)
{
    struct copy *copy = &work->message;
    if (rule->options.is_observer) {
        copy = &work->trial;
        draft_begin(&copy->header, work->message.header.text, work->message.header.limit);
        draft_begin(&copy->body, work->message.body.text, work->message.body.limit);
    }
    struct job job = {.work = work, .rule = rule, .header = &copy->header, .body = &copy->body};
    enum scrub_reason reason = run_steps(&job);
    return (struct scrub_outcome){.reason = reason, .cleaned = job.cleaned, .detail = job.detail};
}
