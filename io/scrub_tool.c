/* scrub_tool.c - one message, or a file of them, through a scrub made for it. */
#include "io/scrub_tool.h"

#include "core/header.h"
#include "core/scrub.h"
#include "core/scrub_conf.h"
#include "io/sys.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FINE,
    REFUSED,
    WRONG,
    PAYLOAD_BYTES_MAX = 64 * 1024 * 1024,
};

struct tool {
    const char *program;
    const char *config;
    const char *subject;
    const char *tests;
    char headers[4096]; /* a block without its end; empty: none */
    struct scrub *scrub;
};

/* ---- files ----------------------------------------------------------------------------------- */

static char *read_stream(FILE *stream, size_t *size)
{
    size_t capacity = 64 * 1024;
    char *text = memory_alloc(capacity);
    *size = 0;
    for (size_t got; (got = fread(text + *size, 1, capacity - *size, stream)) > 0;) {
        *size += got;
        if (*size > PAYLOAD_BYTES_MAX) {
            errno = EFBIG;
            memory_free(text);
            return NULL;
        }
        if (*size == capacity) {
            capacity *= 2;
            text = memory_resize(text, capacity);
        }
    }
    if (ferror(stream)) {
        memory_free(text);
        return NULL;
    }
    return text;
}

static char *read_file(void *argument, const char *path, size_t *size, char *why, size_t why_size)
{
    (void)argument;
    FILE *file = fopen(path, "rbe");
    char *text = file != NULL ? read_stream(file, size) : NULL;
    if (text == NULL) {
        snprintf(why, why_size, "%s", strerror(errno));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return text;
}

static const char *read_variable(void *argument, const char *name)
{
    (void)argument;
    return getenv(name);
}

static struct conf *parse(struct tool *tool, const char *path)
{
    static const struct conf_source source = {.file = read_file, .variable = read_variable};
    struct conf_error error;
    struct conf *conf = conf_parse(path, &source, &error);
    if (conf == NULL) {
        fprintf(stderr, "%s: %s\n", tool->program, error.text);
    }
    return conf;
}

static bool read_rules(struct tool *tool)
{
    struct conf *conf = parse(tool, tool->config);
    if (conf == NULL) {
        return false;
    }
    struct conf_error error;
    struct scrub_rules *rules = NULL;
    const struct conf_value *block = conf_get(conf_root(conf), "scrub");
    if (block == NULL) {
        fprintf(stderr, "%s: %s has no block scrub { }\n", tool->program, tool->config);
    } else if (!scrub_from_conf(block, &rules, &error)) {
        fprintf(stderr, "%s: %s\n", tool->program, error.text);
    } else {
        tool->scrub = scrub_new(rules, sys_now_ns, 0);
    }
    scrub_rules_unref(rules);
    conf_free(conf);
    return tool->scrub != NULL;
}

/* ---- one payload ----------------------------------------------------------------------------- */

static void print_note(const struct tool *tool, const struct scrub_note *note)
{
    static const char *const words[] = {
        "UTF-8", "control characters", "trimmed", "minified", "fields", "masked", "headers"};
    const struct scrub_rule *rule = &scrub_rules(tool->scrub)->rules[note->rule];
    fprintf(stderr, "rule \"%s\"%s: ", (const char *)rule->options.name.ptr,
            rule->options.is_observer ? " (observes)" : "");
    if (note->outcome.reason != SCRUB_REASON_NONE) {
        fprintf(stderr, "refused, %s%s%s", scrub_reason_text(note->outcome.reason),
                note->outcome.detail != NULL ? ": " : "",
                note->outcome.detail != NULL ? note->outcome.detail : "");
    } else if (note->outcome.cleaned == 0) {
        fprintf(stderr, "passed");
    } else {
        const char *between = "cleaned: ";
        for (size_t i = 0; i < COUNT_OF(words); i++) {
            if ((note->outcome.cleaned >> i & 1) != 0) {
                fprintf(stderr, "%s%s", between, words[i]);
                between = ", ";
            }
        }
    }
    if (note->time_ns > 0) {
        fprintf(stderr, " (%.1f us)", (double)note->time_ns / 1000);
    }
    fprintf(stderr, "\n");
}

static enum scrub_verdict apply(struct tool *tool, struct bytes subject, const char *headers,
                                struct bytes body, struct scrub_out *out)
{
    static char block[sizeof(tool->headers) + 16];
    struct scrub_in in = {.subject = subject, .body = body, .limit = PAYLOAD_BYTES_MAX};
    if (headers[0] != '\0') {
        snprintf(block, sizeof(block), "NATS/1.0\r\n%s\r\n", headers);
        in.header = bytes_text(block);
    }
    *out = (struct scrub_out){.header = in.header, .body = body};
    return scrub_apply(tool->scrub, &in, out);
}

static int show(struct tool *tool)
{
    size_t size;
    char *payload = read_stream(stdin, &size);
    if (payload == NULL) {
        fprintf(stderr, "%s: the payload: %s\n", tool->program, strerror(errno));
        return WRONG;
    }
    struct scrub_out out;
    enum scrub_verdict verdict =
        apply(tool, bytes_text(tool->subject), tool->headers, bytes_of(payload, size), &out);
    size_t notes_count;
    const struct scrub_note *notes = scrub_notes(tool->scrub, &notes_count);
    for (size_t i = 0; i < notes_count; i++) {
        print_note(tool, &notes[i]);
    }
    if (notes_count == 0) {
        fprintf(stderr, "no rule for this subject\n");
    }
    if (verdict == SCRUB_REFUSE) {
        fprintf(stderr, "refused\n");
    } else {
        fprintf(stderr, "%s, %zu bytes in, %zu bytes out\n",
                verdict == SCRUB_PASS ? "passed" : "cleaned", size, out.body.size);
        if (out.header.size > 0) {
            fprintf(stderr, "%.*s", (int)out.header.size, (const char *)out.header.ptr);
        }
        (void)fwrite(out.body.ptr, 1, out.body.size, stdout);
    }
    memory_free(payload);
    return verdict == SCRUB_REFUSE ? REFUSED : FINE;
}

/* ---- examples -------------------------------------------------------------------------------- */

struct example {
    struct bytes subject;
    struct bytes payload;
    struct bytes expect;
    struct bytes refused; /* the reason's name */
    bool has_expect;
    bool has_refused;
    bool has_expect_headers;
    char headers[4096];
    char expect_headers[4096];
};

/* Lines of "Name: value". */
static bool read_headers(const struct conf_value *value, char *headers, size_t room,
                         struct conf_error *error)
{
    size_t used = 0;
    if (value == NULL) {
        return true;
    }
    if (!conf_want(value, CONF_MAP, error)) {
        return false;
    }
    for (uint32_t i = 0; i < value->values_count; i++) {
        struct bytes text;
        if (!conf_string(value->values[i], &text, error)) {
            return false;
        }
        used += (size_t)snprintf(
            headers + used, room - used, "%.*s: %.*s\r\n", (int)value->values[i]->key.size,
            (const char *)value->values[i]->key.ptr, (int)text.size, (const char *)text.ptr);
        if (used >= room) {
            return conf_fail(value, error, "these headers are too long for an example");
        }
    }
    return true;
}

static bool read_example(const struct conf_value *value, struct example *example,
                         struct conf_error *error)
{
    *example = (struct example){.headers = ""};
    if (!conf_want(value, CONF_MAP, error) ||
        !conf_check_keys(value, "name|subject|payload|headers|expect|expect_headers|refused",
                         error)) {
        return false;
    }
    const struct conf_value *subject = conf_get(value, "subject");
    const struct conf_value *payload = conf_get(value, "payload");
    const struct conf_value *expect = conf_get(value, "expect");
    const struct conf_value *expect_headers = conf_get(value, "expect_headers");
    const struct conf_value *refused = conf_get(value, "refused");
    bool expects = expect != NULL || expect_headers != NULL;
    if (subject == NULL || payload == NULL || (expects && refused != NULL)) {
        return conf_fail(value, error,
                         "an example has a subject, a payload, and expect: TEXT or refused: REASON "
                         "or neither, if it is to pass unchanged");
    }
    example->has_expect = expect != NULL;
    example->has_expect_headers = expect_headers != NULL;
    example->has_refused = refused != NULL;
    return conf_string(subject, &example->subject, error) &&
           conf_string(payload, &example->payload, error) &&
           (expect == NULL || conf_string(expect, &example->expect, error)) &&
           (refused == NULL || conf_string(refused, &example->refused, error)) &&
           read_headers(conf_get(value, "headers"), example->headers, sizeof(example->headers),
                        error) &&
           read_headers(expect_headers, example->expect_headers, sizeof(example->expect_headers),
                        error);
}

/* The lines of a block: without the first and the empty one at the end. */
static struct bytes lines_of(struct bytes block)
{
    struct bytes lines = bytes_skip(block, header_first(block).size);
    return bytes_of(lines.ptr, lines.size - MIN_OF(lines.size, (size_t)2));
}

static void print_difference(const struct example *example, const struct scrub_out *out,
                             struct bytes wanted, const char *reason)
{
    bool headers_differ = example->has_expect_headers &&
                          !bytes_equal(lines_of(out->header), bytes_text(example->expect_headers));
    if (example->has_refused) {
        printf("expected it to be refused: %.*s\n", (int)example->refused.size,
               (const char *)example->refused.ptr);
    } else {
        printf("expected %s%.*s\n", headers_differ ? example->expect_headers : "", (int)wanted.size,
               (const char *)wanted.ptr);
    }
    if (reason[0] != '\0') {
        printf("    refused by \"%s\": %s\n", (const char *)out->rule->options.name.ptr, reason);
        return;
    }
    struct bytes lines = headers_differ ? lines_of(out->header) : (struct bytes){0};
    printf("    got %.*s%.*s\n", (int)lines.size, (const char *)lines.ptr, (int)out->body.size,
           (const char *)out->body.ptr);
}

static bool is_as_expected(struct tool *tool, const struct conf_value *value,
                           const struct example *example)
{
    struct scrub_out out;
    enum scrub_verdict verdict =
        apply(tool, example->subject, example->headers, example->payload, &out);
    struct bytes wanted = example->has_expect ? example->expect : example->payload;
    const char *reason = verdict == SCRUB_REFUSE ? scrub_reason_name(out.outcome.reason) : "";
    bool is_fine = verdict != SCRUB_REFUSE && bytes_equal(out.body, wanted);
    if (example->has_refused) {
        is_fine = bytes_equal(bytes_text(reason), example->refused);
    } else if (is_fine && example->has_expect_headers) {
        is_fine = bytes_equal(lines_of(out.header), bytes_text(example->expect_headers));
    }
    if (!is_fine) {
        printf("%s:%u: ", value->file, value->line);
        print_difference(example, &out, wanted, reason);
    }
    return is_fine;
}

static int run_examples(struct tool *tool, const struct conf_value *list)
{
    uint32_t failed = 0;
    struct conf_error error;
    for (uint32_t i = 0; i < list->values_count; i++) {
        struct example example;
        if (!read_example(list->values[i], &example, &error)) {
            fprintf(stderr, "%s: %s\n", tool->program, error.text);
            return WRONG;
        }
        failed += !is_as_expected(tool, list->values[i], &example);
    }
    printf("%u passed, %u failed\n", list->values_count - failed, failed);
    return failed > 0 ? REFUSED : FINE;
}

static int test(struct tool *tool)
{
    struct conf *conf = parse(tool, tool->tests);
    if (conf == NULL) {
        return WRONG;
    }
    const struct conf_value *list = conf_get(conf_root(conf), "tests");
    int status = WRONG;
    if (list == NULL || list->kind != CONF_ARRAY || list->values_count == 0) {
        fprintf(stderr, "%s: %s has no list tests [ { subject: …, payload: … } ]\n", tool->program,
                tool->tests);
    } else {
        status = run_examples(tool, list);
    }
    conf_free(conf);
    return status;
}

/* ---- command line ---------------------------------------------------------------------------- */

static int usage(const struct tool *tool, FILE *to)
{
    fprintf(
        to,
        "Usage: %s scrub --config FILE --subject SUBJECT [--header 'NAME: VALUE']... < payload\n"
        "       %s scrub --config FILE --test EXAMPLES\n"
        "\n"
        "Shows what the scrub rules of a configuration file make of a payload: the result on\n"
        "standard output, the rules that were applied on standard error. Exit status 0: passed\n"
        "or cleaned, 1: refused, 2: something is wrong with a file or the command line.\n"
        "With --test, all examples of a file are tried; 1: one has another result.\n",
        tool->program, tool->program);
    return to == stdout ? FINE : WRONG;
}

static bool add_header(struct tool *tool, const char *line)
{
    size_t used = strlen(tool->headers);
    int size = snprintf(tool->headers + used, sizeof(tool->headers) - used, "%s\r\n", line);
    return (size_t)size < sizeof(tool->headers) - used;
}

int scrub_tool_main(const char *program, int argc, char *const argv[])
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"subject", required_argument, NULL, 's'},
        {"header", required_argument, NULL, 'H'}, {"test", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    struct tool tool = {.program = program};
    for (int option; (option = getopt_long(argc, argv, "c:s:H:t:h", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            tool.config = optarg;
            break;
        case 's':
            tool.subject = optarg;
            break;
        case 't':
            tool.tests = optarg;
            break;
        case 'H':
            if (!add_header(&tool, optarg)) {
                fprintf(stderr, "%s: these headers are too long\n", program);
                return WRONG;
            }
            break;
        case 'h':
            return usage(&tool, stdout);
        default:
            return usage(&tool, stderr);
        }
    }
    if (optind < argc || tool.config == NULL || (tool.subject == NULL) == (tool.tests == NULL)) {
        return usage(&tool, stderr);
    }
    if (!read_rules(&tool)) {
        return WRONG;
    }
    int status = tool.tests != NULL ? test(&tool) : show(&tool);
    scrub_free(tool.scrub);
    return status;
}
