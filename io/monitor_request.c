/* monitor_request.c - a table of paths, and readers of the few kinds of arguments there are. */
#include "io/monitor_request.h"

#include "core/subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *path;
    enum monitor_page page;
} paths[] = {
    {"/", PAGE_DASHBOARD},
    {"/varz", PAGE_VARZ},
    {"/connz", PAGE_CONNZ},
    {"/subsz", PAGE_SUBSZ},
    {"/subscriptionsz", PAGE_SUBSZ},
    {"/healthz", PAGE_HEALTHZ},
    {"/metrics", PAGE_METRICS},
    {"/slowz", PAGE_SLOWZ},
    {"/hubz", PAGE_HUBZ},
    {"/routez", PAGE_ROUTEZ},
    {"/gatewayz", PAGE_GATEWAYZ},
    {"/leafz", PAGE_LEAFZ},
    {"/accountz", PAGE_ACCOUNTZ},
    {"/accstatz", PAGE_ACCSTATZ},
    {"/jsz", PAGE_JSZ},
};

static const char *const sorts[SNAPSHOT_SORTS_COUNT] = {
    [SNAPSHOT_BY_CID] = "cid",           [SNAPSHOT_BY_START] = "start",
    [SNAPSHOT_BY_SUBS] = "subs",         [SNAPSHOT_BY_PENDING] = "pending",
    [SNAPSHOT_BY_MSGS_TO] = "msgs_to",   [SNAPSHOT_BY_MSGS_FROM] = "msgs_from",
    [SNAPSHOT_BY_BYTES_TO] = "bytes_to", [SNAPSHOT_BY_BYTES_FROM] = "bytes_from",
    [SNAPSHOT_BY_LAST] = "last",         [SNAPSHOT_BY_IDLE] = "idle",
    [SNAPSHOT_BY_UPTIME] = "uptime",     [SNAPSHOT_BY_STOP] = "stop",
    [SNAPSHOT_BY_REASON] = "reason",     [SNAPSHOT_BY_RTT] = "rtt",
    [SNAPSHOT_BY_AGE] = "age",
};

struct arguments {
    const struct monitor_argument *all;
    size_t count;
    char *why;
};

const char *monitor_page_path(enum monitor_page page)
{
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (paths[i].page == page) {
            return paths[i].path;
        }
    }
    return "/";
}

/* "" where it is not given. */
static const char *value_of(const struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->count; i++) {
        if (strcmp(arguments->all[i].name, name) == 0) {
            return arguments->all[i].value != NULL ? arguments->all[i].value : "";
        }
    }
    return "";
}

/* What a client wrote, for quoting: printable and short. */
static const char *quotable(const char *text, char copy[64])
{
    size_t size = 0;
    for (; text[size] != '\0' && size < 63; size++) {
        bool is_plain = text[size] >= ' ' && text[size] <= '~' && text[size] != '"';
        copy[size] = is_plain ? text[size] : '?';
    }
    copy[size] = '\0';
    return copy;
}

static bool fail_number(struct arguments *arguments, const char *type, const char *reader,
                        const char *name, const char *what)
{
    char copy[64];
    snprintf(arguments->why, MONITOR_ERROR_MAX,
             "Error decoding %s for '%s': strconv.%s: parsing \"%s\": %s", type, name, reader,
             quotable(value_of(arguments, name), copy), what);
    return false;
}

/* Negative numbers and 0 mean the default. */
static bool get_int(struct arguments *arguments, const char *name, uint32_t standard,
                    uint32_t *number)
{
    const char *text = value_of(arguments, name);
    *number = standard;
    if (text[0] == '\0') {
        return true;
    }
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits)) {
        return fail_number(arguments, "int", "Atoi", name, "invalid syntax");
    }
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno == ERANGE) {
        return fail_number(arguments, "int", "Atoi", name, "value out of range");
    }
    if (value > 0) {
        *number = (uint32_t)MIN_OF(value, (long long)INT32_MAX);
    }
    return true;
}

static bool get_cid(struct arguments *arguments, uint64_t *cid)
{
    const char *text = value_of(arguments, "cid");
    if (text[0] == '\0') {
        return true;
    }
    if (strspn(text, "0123456789") != strlen(text)) {
        return fail_number(arguments, "uint64", "ParseUint", "cid", "invalid syntax");
    }
    errno = 0;
    *cid = strtoull(text, NULL, 10);
    return errno != ERANGE ||
           fail_number(arguments, "uint64", "ParseUint", "cid", "value out of range");
}

static bool get_bool(struct arguments *arguments, const char *name, bool *on)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"", "0", "f", "F", "false", "FALSE", "False"};
    const char *text = value_of(arguments, name);
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        if (strcmp(text, yes[i]) == 0) {
            *on = true;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        if (strcmp(text, no[i]) == 0) {
            *on = false;
            return true;
        }
    }
    return fail_number(arguments, "boolean", "ParseBool", name, "invalid syntax");
}

static bool get_subs(struct arguments *arguments, struct monitor_request *request)
{
    request->subs_detail = strcmp(value_of(arguments, "subs"), "detail") == 0;
    request->subs = request->subs_detail;
    return request->subs || get_bool(arguments, "subs", &request->subs);
}

static bool get_text(struct arguments *arguments, const char *name, char text[SNAPSHOT_TEXT_MAX])
{
    const char *value = value_of(arguments, name);
    size_t size = strlen(value);
    if (size >= SNAPSHOT_TEXT_MAX) {
        snprintf(arguments->why, MONITOR_ERROR_MAX, "'%s' has more than %d bytes", name,
                 SNAPSHOT_TEXT_MAX - 1);
        return false;
    }
    memcpy(text, value, size + 1);
    return true;
}

static bool get_state(struct arguments *arguments, enum monitor_state *state)
{
    static const struct {
        const char *name;
        enum monitor_state state;
    } states[] = {{"", STATE_OPEN},
                  {"open", STATE_OPEN},
                  {"closed", STATE_CLOSED},
                  {"any", STATE_ANY},
                  {"all", STATE_ANY}};
    const char *text = value_of(arguments, "state");
    char copy[64];
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        if (strcasecmp(states[i].name, text) == 0) {
            *state = states[i].state;
            return true;
        }
    }
    snprintf(arguments->why, MONITOR_ERROR_MAX, "Error decoding state for %s",
             quotable(text, copy));
    return false;
}

static bool get_sort(struct arguments *arguments, struct monitor_request *request)
{
    const char *text = value_of(arguments, "sort");
    char copy[64];
    request->sort = text[0] == '\0' ? SNAPSHOT_BY_CID : SNAPSHOT_SORTS_COUNT;
    for (int i = 0; i < SNAPSHOT_SORTS_COUNT; i++) {
        if (strcmp(sorts[i], text) == 0) {
            request->sort = (enum snapshot_sort)i;
        }
    }
    if (request->sort == SNAPSHOT_SORTS_COUNT) {
        snprintf(arguments->why, MONITOR_ERROR_MAX, "invalid sorting option: %s",
                 quotable(text, copy));
        return false;
    }
    bool is_of_closed = request->sort == SNAPSHOT_BY_STOP || request->sort == SNAPSHOT_BY_REASON;
    if (is_of_closed && request->state != STATE_CLOSED) {
        snprintf(arguments->why, MONITOR_ERROR_MAX, "sort by %s only valid on closed connections",
                 text);
        return false;
    }
    return true;
}

static void get_account(struct arguments *arguments, struct monitor_request *request)
{
    const char *account = value_of(arguments, "acc");
    request->has_account = account[0] != '\0';
    request->is_nobody = request->has_account && strcmp(account, "$G") != 0;
}

/* nats-server takes any text. Here it goes into a script, so it is the name of a function. */
static bool get_callback(struct arguments *arguments, char callback[MONITOR_CALLBACK_MAX])
{
    const char *name = value_of(arguments, "callback");
    size_t size = strlen(name);
    bool is_name =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$.") == size;
    if (!is_name || size >= MONITOR_CALLBACK_MAX) {
        snprintf(arguments->why, MONITOR_ERROR_MAX,
                 "'callback' is the name of a function: at most %d letters, digits, _ $ and dots",
                 MONITOR_CALLBACK_MAX - 1);
        return false;
    }
    memcpy(callback, name, size + 1);
    return true;
}

static bool get_page(struct arguments *arguments, struct monitor_request *request)
{
    if (!get_int(arguments, "offset", 0, &request->offset) ||
        !get_int(arguments, "limit", MONITOR_LIMIT_DEFAULT, &request->limit)) {
        return false;
    }
    get_account(arguments, request);
    return true;
}

/* Of one account, or, without acc, which there are. */
static bool get_accountz(struct arguments *arguments, struct monitor_request *request)
{
    char copy[64];
    get_account(arguments, request);
    if (request->is_nobody) {
        snprintf(arguments->why, MONITOR_ERROR_MAX, "Account %s does not exist",
                 quotable(value_of(arguments, "acc"), copy));
    }
    return !request->is_nobody;
}

static bool get_connz(struct arguments *arguments, struct monitor_request *request)
{
    return get_state(arguments, &request->state) && get_sort(arguments, request) &&
           get_bool(arguments, "auth", &request->auth) && get_subs(arguments, request) &&
           get_page(arguments, request) && get_cid(arguments, &request->cid) &&
           get_text(arguments, "user", request->user);
}

static bool get_subsz(struct arguments *arguments, struct monitor_request *request)
{
    char copy[64];
    if (!get_bool(arguments, "subs", &request->subs) || !get_page(arguments, request) ||
        !get_text(arguments, "test", request->subject)) {
        return false;
    }
    if (request->subject[0] != '\0' && (!subject_valid_subscription(bytes_text(request->subject)) ||
                                        subject_has_wildcard(bytes_text(request->subject)))) {
        snprintf(arguments->why, MONITOR_ERROR_MAX,
                 "invalid test subject, must be valid publish subject: %s",
                 quotable(request->subject, copy));
        return false;
    }
    if (request->subs && request->offset + (uint64_t)request->limit > SNAPSHOT_SUBS_MAX) {
        snprintf(arguments->why, MONITOR_ERROR_MAX, "'offset' and 'limit' together are at most %d",
                 SNAPSHOT_SUBS_MAX);
        return false;
    }
    return true;
}

static bool get_arguments(struct arguments *arguments, struct monitor_request *request)
{
    if (!get_callback(arguments, request->callback)) {
        return false;
    }
    switch (request->page) {
    case PAGE_ACCOUNTZ:
        return get_accountz(arguments, request);
    case PAGE_CONNZ:
        return get_connz(arguments, request);
    case PAGE_SUBSZ:
        return get_subsz(arguments, request);
    case PAGE_SLOWZ:
        return get_int(arguments, "limit", MONITOR_SLOW_DEFAULT, &request->limit) &&
               get_bool(arguments, "auth", &request->auth);
    default:
        return true;
    }
}

enum monitor_verdict monitor_request_parse(const char *base_path, const char *path,
                                           const struct monitor_argument *all, size_t count,
                                           struct monitor_request *request,
                                           char why[MONITOR_ERROR_MAX])
{
    *request = (struct monitor_request){.page = PAGES_COUNT};
    why[0] = '\0';
    size_t base = strlen(base_path);
    if (strncmp(path, base_path, base) != 0) {
        return MONITOR_NOT_FOUND;
    }
    path = path[base] == '\0' ? "/" : path + base;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (strcmp(paths[i].path, path) == 0) {
            request->page = paths[i].page;
        }
    }
    if (request->page == PAGES_COUNT) {
        return MONITOR_NOT_FOUND;
    }
    struct arguments arguments = {.all = all, .count = count, .why = why};
    return get_arguments(&arguments, request) ? MONITOR_OK : MONITOR_BAD_ARGUMENT;
}
