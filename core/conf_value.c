/* conf_value.c - typed values, and what is said where they are of another type. */
#include "core/conf.h"

#include "core/nearest.h"
#include "core/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define SECOND_NS 1e9

/* What is quoted of a file in an error. */
enum { QUOTED_MAX = 80 };

static int quoted(struct bytes text)
{
    return (int)MIN_OF(text.size, QUOTED_MAX);
}

bool conf_explain(struct conf_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return false;
}

static void PRINTF(5, 0) fill(const struct conf_value *value, uint32_t line, uint32_t column,
                              struct conf_error *error, const char *format, va_list arguments)
{
    int used = snprintf(error->text, sizeof(error->text), "%.200s:%" PRIu32 ":%" PRIu32 ": ",
                        value->file, line, column);
    vsnprintf(error->text + used, sizeof(error->text) - (size_t)used, format, arguments);
}

bool conf_fail(const struct conf_value *value, struct conf_error *error, const char *format, ...)
{
    char text[CONF_ERROR_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (value->key.size > 0) {
        snprintf(text, sizeof(text), "%.*s: ", quoted(value->key), (const char *)value->key.ptr);
    } else {
        text[0] = '\0';
    }
    size_t used = strlen(text);
    vsnprintf(text + used, sizeof(text) - used, format, arguments);
    va_end(arguments);
    snprintf(error->text, sizeof(error->text), "%.150s:%" PRIu32 ":%" PRIu32 ": %.330s",
             value->file, value->line, value->column, text);
    return false;
}

bool conf_fail_key(const struct conf_value *value, struct conf_error *error, const char *format,
                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool has_key = value->key_line > 0;
    fill(value, has_key ? value->key_line : value->line,
         has_key ? value->key_column : value->column, error, format, arguments);
    va_end(arguments);
    return false;
}

const char *conf_kind_text(enum conf_kind kind)
{
    static const char *const texts[] = {
        [CONF_MAP] = "a block { }",  [CONF_ARRAY] = "an array [ ]",
        [CONF_STRING] = "a string",  [CONF_INTEGER] = "a whole number",
        [CONF_FLOAT] = "a fraction", [CONF_BOOL] = "true or false",
        [CONF_DATE] = "a date",
    };
    return texts[kind];
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Takes the first of "one|two|three" off. False: there is none. */
static bool next_name(const char **names, struct bytes *name)
{
    if (**names == '\0') {
        return false;
    }
    size_t size = strcspn(*names, "|");
    *name = bytes_of(*names, size);
    *names += size + ((*names)[size] == '|');
    return true;
}

static bool equal_in_any_case(struct bytes a, struct bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || strncasecmp((const char *)a.ptr, (const char *)b.ptr, a.size) == 0);
}

static bool is_one_of(struct bytes key, const char *names)
{
    struct bytes name;
    while (next_name(&names, &name)) {
        if (equal_in_any_case(key, name)) {
            return true;
        }
    }
    return false;
}

bool conf_key_is(const struct conf_value *value, const char *name)
{
    return equal_in_any_case(value->key, bytes_text(name));
}

const struct conf_value *conf_get(const struct conf_value *map, const char *names)
{
    ASSERT(map->kind == CONF_MAP);
    for (uint32_t i = map->values_count; i > 0; i--) {
        if (is_one_of(map->values[i - 1]->key, names)) {
            return map->values[i - 1];
        }
    }
    return NULL;
}

static bool equal_scalars(const struct conf_value *a, const struct conf_value *b)
{
    switch (a->kind) {
    case CONF_INTEGER:
        return a->integer == b->integer;
    case CONF_BOOL:
        return a->boolean == b->boolean;
    default: /* a fraction's text is kept as well */
        return bytes_equal(a->string, b->string);
    }
}

bool conf_equal(const struct conf_value *a, const struct conf_value *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (a->kind != b->kind || a->values_count != b->values_count) {
        return false;
    }
    if (a->kind != CONF_MAP && a->kind != CONF_ARRAY) {
        return equal_scalars(a, b);
    }
    for (uint32_t i = 0; i < a->values_count; i++) {
        if (!bytes_equal(a->values[i]->key, b->values[i]->key) ||
            !conf_equal(a->values[i], b->values[i])) {
            return false;
        }
    }
    return true;
}

static bool fail_unknown(const struct conf_value *value, const char *names,
                         struct conf_error *error)
{
    struct nearest nearest;
    struct bytes name;
    nearest_init(&nearest, value->key);
    while (next_name(&names, &name)) {
        nearest_offer(&nearest, name);
    }
    if (nearest.found.size > 0) {
        return conf_fail_key(value, error, "unknown key \"%.*s\"; did you mean %.*s?",
                             quoted(value->key), (const char *)value->key.ptr,
                             quoted(nearest.found), (const char *)nearest.found.ptr);
    }
    return conf_fail_key(value, error, "unknown key \"%.*s\"", quoted(value->key),
                         (const char *)value->key.ptr);
}

bool conf_check_keys(const struct conf_value *map, const char *names, struct conf_error *error)
{
    ASSERT(map->kind == CONF_MAP);
    for (uint32_t i = 0; i < map->values_count; i++) {
        const struct conf_value *value = map->values[i];
        if (!value->is_used && !is_one_of(value->key, names)) {
            return fail_unknown(value, names, error);
        }
    }
    return true;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Would it be a number, or true or false, if it stood without quotes? */
static bool is_quoted_in_vain(struct bytes text)
{
    static const char words[] = "true|false|yes|no|on|off";
    bool is_negative = text.size > 0 && text.ptr[0] == '-';
    uint64_t bytes;
    return is_one_of(text, words) || units_parse_size(bytes_skip(text, is_negative), &bytes);
}

static const char size_wanted[] = "a size, e.g. 65536, 64kb or 1MB,";

/* "1.5MB": nats-server knows no fractions of units either. */
static bool is_fraction(struct bytes text)
{
    size_t dot = 0;
    while (dot < text.size && text.ptr[dot] >= '0' && text.ptr[dot] <= '9') {
        dot++;
    }
    return dot > 0 && dot + 1 < text.size && text.ptr[dot] == '.' && text.ptr[dot + 1] >= '0' &&
           text.ptr[dot + 1] <= '9';
}

static bool fail_kind(const struct conf_value *value, const char *wanted, struct conf_error *error)
{
    bool is_text = value->kind == CONF_STRING;
    const char *mend = "";
    if (value->kind != CONF_STRING && value->kind != CONF_MAP && value->kind != CONF_ARRAY &&
        strcmp(wanted, conf_kind_text(CONF_STRING)) == 0) {
        mend = "; put it between quotes";
    } else if (wanted == size_wanted &&
               (value->kind == CONF_FLOAT || (is_text && is_fraction(value->string)))) {
        mend = "; write a whole number of a smaller unit";
    } else if (is_text && is_quoted_in_vain(value->string)) {
        mend = "; write it without quotes";
    }
    if (is_text) {
        return conf_fail(value, error, "%s is wanted and not \"%.*s\"%s", wanted,
                         quoted(value->string), (const char *)value->string.ptr, mend);
    }
    return conf_fail(value, error, "%s is wanted and not %s%s", wanted, conf_kind_text(value->kind),
                     mend);
}

bool conf_want(const struct conf_value *value, enum conf_kind kind, struct conf_error *error)
{
    return value->kind == kind || fail_kind(value, conf_kind_text(kind), error);
}

bool conf_string(const struct conf_value *value, struct bytes *string, struct conf_error *error)
{
    if (!conf_want(value, CONF_STRING, error)) {
        return false;
    }
    *string = value->string;
    return true;
}

bool conf_text(const struct conf_value *value, char *text, size_t text_size,
               struct conf_error *error)
{
    struct bytes string;
    if (!conf_string(value, &string, error)) {
        return false;
    }
    if (string.size == 0) {
        return conf_fail(value, error, "the string is empty");
    }
    if (string.size >= text_size) {
        return conf_fail(value, error, "the string has %zu bytes; at most %zu are possible",
                         string.size, text_size - 1);
    }
    if (memchr(string.ptr, 0, string.size) != NULL) {
        return conf_fail(value, error, "the string contains a zero byte");
    }
    memcpy(text, string.ptr, string.size);
    text[string.size] = '\0';
    return true;
}

bool conf_bool(const struct conf_value *value, bool *boolean, struct conf_error *error)
{
    if (!conf_want(value, CONF_BOOL, error)) {
        return false;
    }
    *boolean = value->boolean;
    return true;
}

bool conf_integer(const struct conf_value *value, int64_t min, int64_t max, int64_t *number,
                  struct conf_error *error)
{
    if (!conf_want(value, CONF_INTEGER, error)) {
        return false;
    }
    if (value->integer < min || value->integer > max) {
        return conf_fail(value, error, "%" PRId64 " is out of range; use %" PRId64 " to %" PRId64,
                         value->integer, min, max);
    }
    *number = value->integer;
    return true;
}

bool conf_uint32(const struct conf_value *value, uint32_t min, uint32_t max, uint32_t *number,
                 struct conf_error *error)
{
    int64_t wide = 0;
    if (!conf_integer(value, min, max, &wide, error)) {
        return false;
    }
    *number = (uint32_t)wide;
    return true;
}

bool conf_size(const struct conf_value *value, uint64_t min, uint64_t max, uint64_t *bytes,
               struct conf_error *error)
{
    char least[32];
    char most[32];
    if (value->kind != CONF_INTEGER) {
        return fail_kind(value, size_wanted, error);
    }
    if (value->integer < 0 || (uint64_t)value->integer < min || (uint64_t)value->integer > max) {
        return conf_fail(value, error, "%" PRId64 " bytes are out of range; use %s to %s",
                         value->integer, units_size_text(min, least, sizeof(least)),
                         units_size_text(max, most, sizeof(most)));
    }
    *bytes = (uint64_t)value->integer;
    return true;
}

/* The value as nanoseconds, if it is a time at all. */
static bool read_time(const struct conf_value *value, uint64_t *ns, struct conf_error *error)
{
    static const char wanted[] = "a duration, e.g. \"500ms\", \"10s\" or \"2m\",";
    switch (value->kind) {
    case CONF_STRING:
        if (units_parse_duration(value->string, ns)) {
            return true;
        }
        return conf_fail(value, error, "%s is wanted and not \"%.*s\"", wanted,
                         quoted(value->string), (const char *)value->string.ptr);
    case CONF_INTEGER:
        if (value->integer >= 0 &&
            !__builtin_mul_overflow((uint64_t)value->integer, (uint64_t)SECOND_NS, ns)) {
            return true;
        }
        return conf_fail(value, error, "%s is wanted and not %" PRId64, wanted, value->integer);
    case CONF_FLOAT:
        if (value->real >= 0 && value->real * SECOND_NS < (double)INT64_MAX) {
            *ns = (uint64_t)(value->real * SECOND_NS + 0.5);
            return true;
        }
        return conf_fail(value, error, "%s is wanted and not %g", wanted, value->real);
    default:
        return fail_kind(value, wanted, error);
    }
}

bool conf_seconds(const struct conf_value *value, uint64_t min_ns, uint64_t max_ns, uint64_t *ns,
                  struct conf_error *error)
{
    char found[48];
    char least[48];
    char most[48];
    uint64_t read_ns = 0;
    if (!read_time(value, &read_ns, error)) {
        return false;
    }
    if (read_ns < min_ns || read_ns > max_ns) {
        return conf_fail(value, error, "%s is out of range; use %s to %s",
                         units_duration_text(read_ns, found, sizeof(found)),
                         units_duration_text(min_ns, least, sizeof(least)),
                         units_duration_text(max_ns, most, sizeof(most)));
    }
    *ns = read_ns;
    return true;
}

bool conf_duration(const struct conf_value *value, uint64_t min_ns, uint64_t max_ns, uint64_t *ns,
                   struct conf_error *error)
{
    char text[48];
    if (!conf_seconds(value, min_ns, max_ns, ns, error)) {
        return false;
    }
    if (value->kind != CONF_STRING) {
        conf_warn(value, "%.*s: a number without a unit is taken as seconds; write \"%s\"",
                  quoted(value->key), (const char *)value->key.ptr,
                  units_duration_text(*ns, text, sizeof(text)));
    }
    return true;
}

bool conf_choice(const struct conf_value *value, const char *names, size_t *chosen,
                 struct conf_error *error)
{
    const char *rest = names;
    struct bytes name;
    if (!conf_want(value, CONF_STRING, error)) {
        return false;
    }
    for (size_t i = 0; next_name(&rest, &name); i++) {
        if (equal_in_any_case(value->string, name)) {
            *chosen = i;
            return true;
        }
    }
    char list[128];
    size_t used = 0;
    rest = names;
    while (next_name(&rest, &name) && used < sizeof(list)) {
        const char *between = used == 0 ? "" : *rest == '\0' ? " or " : ", ";
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.*s", between,
                                 (int)name.size, (const char *)name.ptr);
    }
    return conf_fail(value, error, "\"%.*s\" is not known; use %s", quoted(value->string),
                     (const char *)value->string.ptr, list);
}
