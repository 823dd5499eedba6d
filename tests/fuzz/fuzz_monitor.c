/*
 * fuzz_monitor.c - does any path with any arguments, or any name of a client, break a page?
 *
 *   input: path '?' name '=' value '&' … '\n' a client's name '\n' a subject
 *
 * Taken apart as the HTTP library does it (its own escapes aside: what they stand for is in the
 * input). Checked besides memory errors: every page but /metrics is JSON, /metrics has no line that
 * is not one of Prometheus', an error has words.
 */
#include "tests/support/monitor_fake.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARGUMENTS_MAX = 16, INPUT_MAX = 4096 };

static size_t split(char *query, struct monitor_argument arguments[ARGUMENTS_MAX])
{
    size_t count = 0;
    for (char *word; (word = strsep(&query, "&")) != NULL && count < ARGUMENTS_MAX;) {
        char *equals = strchr(word, '=');
        if (equals != NULL) {
            *equals = '\0';
        }
        arguments[count++] =
            (struct monitor_argument){.name = word, .value = equals != NULL ? equals + 1 : NULL};
    }
    return count;
}

static void check_metrics(const struct body *body)
{
    const char *at = body->text;
    const char *end = body->text + body->size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        ASSERT(line_end != NULL);
        ASSERT(*at == '#' || strncmp(at, "ringhub_", 8) == 0 || strncmp(at, "process_", 8) == 0 ||
               strncmp(at, "gnatsd_", 7) == 0);
        at = line_end + 1;
    }
}

static void check_page(struct monitor_fake *fake, const struct monitor_request *request)
{
    struct body body = {0};
    uint32_t status = monitor_fake_write(fake, request, &body);
    ASSERT(status == 200 || status == 503);
    if (request->page == PAGE_METRICS) {
        check_metrics(&body);
    } else if (request->page != PAGE_DASHBOARD) {
        struct bytes text = bytes_of(body.text, body.size);
        if (request->callback[0] != '\0') {
            size_t size = strlen(request->callback);
            ASSERT(memcmp(text.ptr, request->callback, size) == 0 && text.ptr[size] == '(');
            ASSERT(text.ptr[text.size - 1] == ')');
            text = bytes_of(text.ptr + size + 1, text.size - size - 2);
        }
        json_t *page = json_loadb((const char *)text.ptr, text.size, 0, NULL);
        ASSERT(page != NULL);
        json_decref(page);
    }
    body_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= INPUT_MAX) {
        return 0;
    }
    char text[INPUT_MAX];
    memcpy(text, data, size);
    text[size] = '\0';
    char *rest = text;
    char *path = strsep(&rest, "\n");
    struct monitor_fake fake;
    monitor_fake_init(&fake);
    if (rest != NULL) {
        fake.name = strsep(&rest, "\n");
    }
    if (rest != NULL) {
        fake.subject = rest;
    }
    char *query = path;
    path = strsep(&query, "?");
    struct monitor_argument arguments[ARGUMENTS_MAX];
    size_t count = query != NULL ? split(query, arguments) : 0;
    struct monitor_request request;
    char why[MONITOR_ERROR_MAX];
    switch (monitor_request_parse("", path, arguments, count, &request, why)) {
    case MONITOR_OK:
        fake.silent = size % 7 == 0;
        check_page(&fake, &request);
        break;
    case MONITOR_BAD_ARGUMENT:
        ASSERT(why[0] != '\0');
        break;
    case MONITOR_NOT_FOUND:
        break;
    }
    return 0;
}
