/* monitor_body.c - a growing text, and jansson writing into it. */
#include "io/monitor_body.h"

#include "core/proto/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)

void body_free(struct body *body)
{
    memory_free(body->text);
    *body = (struct body){0};
}

static bool reserve(struct body *body, size_t size)
{
    size_t need = body->size + size;
    if (body->is_full || need > BODY_BYTES_MAX) {
        body->is_full = true;
        return false;
    }
    if (need > body->capacity) {
        body->capacity = MAX_OF(need, MAX_OF((size_t)4096, 2 * body->capacity));
        body->text = memory_resize(body->text, body->capacity);
    }
    return true;
}

void body_append(struct body *body, const char *text, size_t size)
{
    if (size > 0 && reserve(body, size)) {
        memcpy(body->text + body->size, text, size);
        body->size += size;
    }
}

void body_printf(struct body *body, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(size >= 0 && (size_t)size < sizeof(text));
    body_append(body, text, (size_t)size);
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static int write_json(const char *text, size_t size, void *data)
{
    body_append(data, text, size);
    return 0;
}

static void dump(struct body *body, json_t *value, size_t flags)
{
    ASSERT(value != NULL);
    int failed = json_dump_callback(value, write_json, body, JSON_INDENT(2) | flags);
    ASSERT(failed == 0);
    json_decref(value);
}

void body_json(struct body *body, json_t *value)
{
    dump(body, value, 0);
    body_append(body, "\n", 1);
}

void body_json_element(struct body *body, json_t *value, bool is_first)
{
    body_append(body, is_first ? "\n" : ",\n", is_first ? 1 : 2);
    dump(body, value, 0);
}

void body_json_open(struct body *body, json_t *object)
{
    body_append(body, "{", 1);
    dump(body, object, JSON_EMBED);
    while (body->size > 0 && body->text[body->size - 1] == '\n') {
        body->size--;
    }
}

json_t *json_of_bytes(struct bytes text)
{
    char small[512] = "";
    char *clean = text.size * 3 <= sizeof(small) ? small : memory_resize(NULL, text.size * 3);
    size_t size = text.size > 0 ? json_clean_utf8(text, clean) : 0;
    json_t *value = json_stringn(clean, size);
    if (clean != small) {
        memory_free(clean);
    }
    return value != NULL ? value : json_string("");
}

json_t *json_of_text(const char *text)
{
    return json_of_bytes(bytes_text(text));
}

json_t *json_of(uint64_t number)
{
    return json_integer((json_int_t)MIN_OF(number, (uint64_t)INT64_MAX));
}

/* ".25" of 250000000 ns; nothing of 0. digits: how many there are at most. */
static void fraction_text(uint64_t fraction, int digits, char text[16])
{
    text[0] = '\0';
    if (fraction == 0) {
        return;
    }
    int size = snprintf(text, 16, ".%0*" PRIu64, digits, fraction);
    while (text[size - 1] == '0') {
        text[--size] = '\0';
    }
}

json_t *json_of_time(uint64_t wall_ns)
{
    char text[TIME_TEXT_MAX];
    char fraction[16];
    time_t second = (time_t)(wall_ns / SECOND_NS);
    struct tm parts;
    gmtime_r(&second, &parts);
    size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    fraction_text(wall_ns % SECOND_NS, 9, fraction);
    snprintf(text + size, sizeof(text) - size, "%sZ", fraction);
    return json_string(text);
}

json_t *json_of_uptime(uint64_t ns)
{
    char text[TIME_TEXT_MAX];
    uint64_t seconds = ns / SECOND_NS;
    uint64_t minutes = seconds / 60;
    uint64_t hours = minutes / 60;
    uint64_t days = hours / 24;
    uint64_t years = days / 365;
    size_t size = 0;
    const struct {
        uint64_t value;
        char unit;
        bool is_shown;
    } units[] = {{years, 'y', years > 0},
                 {days % 365, 'd', days > 0},
                 {hours % 24, 'h', hours > 0},
                 {minutes % 60, 'm', minutes > 0},
                 {seconds % 60, 's', true}};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (units[i].is_shown) {
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%" PRIu64 "%c",
                                     units[i].value, units[i].unit);
        }
    }
    return json_string(text);
}

json_t *json_of_duration(uint64_t ns)
{
    char text[TIME_TEXT_MAX];
    char fraction[16];
    if (ns < 1000) {
        snprintf(text, sizeof(text), "%" PRIu64 "%s", ns, ns == 0 ? "s" : "ns");
    } else if (ns < 1000000) {
        fraction_text(ns % 1000, 3, fraction);
        snprintf(text, sizeof(text), "%" PRIu64 "%sµs", ns / 1000, fraction);
    } else if (ns < SECOND_NS) {
        fraction_text(ns % 1000000, 6, fraction);
        snprintf(text, sizeof(text), "%" PRIu64 "%sms", ns / 1000000, fraction);
    } else {
        uint64_t seconds = ns / SECOND_NS;
        size_t size = 0;
        fraction_text(ns % SECOND_NS, 9, fraction);
        if (seconds >= 3600) {
            size = (size_t)snprintf(text, sizeof(text), "%" PRIu64 "h", seconds / 3600);
        }
        if (seconds >= 60) {
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%" PRIu64 "m",
                                     seconds / 60 % 60);
        }
        snprintf(text + size, sizeof(text) - size, "%" PRIu64 "%ss", seconds % 60, fraction);
    }
    return json_string(text);
}
