/* conf_lex.c - words. */
#include "core/conf_lex.h"

#include "core/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_line_end(uint8_t c)
{
    return c == '\n' || c == '\r';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool conf_lex_fail(const struct conf_lex *lex, struct conf_place place, struct conf_error *error,
                   const char *format, ...)
{
    int used = snprintf(error->text, sizeof(error->text), "%.200s:%" PRIu32 ":%" PRIu32 ": ",
                        lex->file, place.line, place.column);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text + used, sizeof(error->text) - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

void conf_lex_init(struct conf_lex *lex, const char *file, char *text, size_t size)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* some editors begin a file with it */
    if (bytes_start_with(bytes_of(text, size), bytes_text(mark))) {
        text += 3;
        size -= 3;
    }
    uint8_t *start = (uint8_t *)text;
    *lex = (struct conf_lex){
        .file = file, .at = start, .end = start + size, .line_start = start, .line = 1};
}

struct conf_place conf_lex_place(const struct conf_lex *lex)
{
    return (struct conf_place){.line = lex->line,
                               .column = (uint32_t)(lex->at - lex->line_start) + 1};
}

uint8_t conf_lex_peek(const struct conf_lex *lex)
{
    return lex->at < lex->end ? *lex->at : 0;
}

void conf_lex_step(struct conf_lex *lex)
{
    ASSERT(lex->at < lex->end);
    uint8_t c = *lex->at++;
    bool is_pair = c == '\r' && conf_lex_peek(lex) == '\n';
    if (is_line_end(c) && !is_pair) {
        lex->line++;
        lex->line_start = lex->at;
    }
}

static bool at_comment(const struct conf_lex *lex)
{
    return conf_lex_peek(lex) == '#' ||
           (lex->end - lex->at >= 2 && lex->at[0] == '/' && lex->at[1] == '/');
}

static void skip(struct conf_lex *lex, const char *others)
{
    for (;;) {
        uint8_t c = conf_lex_peek(lex);
        if (at_comment(lex)) {
            while (lex->at < lex->end && !is_line_end(conf_lex_peek(lex))) {
                conf_lex_step(lex);
            }
        } else if (is_blank(c) || (c != 0 && strchr(others, c) != NULL)) {
            conf_lex_step(lex);
        } else {
            return;
        }
    }
}

void conf_lex_skip(struct conf_lex *lex, bool lines)
{
    skip(lex, lines ? "\r\n" : "");
}

void conf_lex_skip_separators(struct conf_lex *lex)
{
    skip(lex, "\r\n;,");
}

bool conf_lex_statement_ends(struct conf_lex *lex)
{
    conf_lex_skip(lex, false);
    uint8_t c = conf_lex_peek(lex);
    return c == 0 || is_line_end(c) || c == ';' || c == ',' || c == '}' || c == ']';
}

/* ---- strings --------------------------------------------------------------------------------- */

static int hex_value(uint8_t c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* At a backslash; puts what it means at *to. */
static bool take_escape(struct conf_lex *lex, uint8_t **to, struct conf_error *error)
{
    static const char letters[] = "ntr\"\\";
    static const char meanings[] = "\n\t\r\"\\";
    struct conf_place place = conf_lex_place(lex);
    conf_lex_step(lex);
    uint8_t c = conf_lex_peek(lex);
    const char *letter = c != 0 ? strchr(letters, c) : NULL;
    if (letter != NULL) {
        *(*to)++ = (uint8_t)meanings[letter - letters];
        conf_lex_step(lex);
        return true;
    }
    if (c == 'x' && lex->end - lex->at >= 3 && hex_value(lex->at[1]) >= 0 &&
        hex_value(lex->at[2]) >= 0) {
        *(*to)++ = (uint8_t)(hex_value(lex->at[1]) << 4 | hex_value(lex->at[2]));
        lex->at += 3;
        return true;
    }
    return conf_lex_fail(lex, place, error,
                         "after a backslash one of n t r \" \\ and xHH is possible; write \\\\ for "
                         "a backslash, or put the text between ' and '");
}

/* At an opening " or '. Between the latter nothing is special. */
static bool take_quoted(struct conf_lex *lex, struct conf_word *word, struct conf_error *error)
{
    uint8_t quote = conf_lex_peek(lex);
    word->kind = CONF_WORD_QUOTED;
    word->place = conf_lex_place(lex);
    conf_lex_step(lex);
    uint8_t *start = lex->at;
    uint8_t *to = start;
    while (conf_lex_peek(lex) != quote) {
        if (lex->at == lex->end) {
            return conf_lex_fail(lex, word->place, error, "the string that begins here has no end");
        }
        if (quote == '"' && conf_lex_peek(lex) == '\\') {
            if (!take_escape(lex, &to, error)) {
                return false;
            }
            continue;
        }
        *to++ = *lex->at;
        conf_lex_step(lex);
    }
    conf_lex_step(lex);
    word->text = bytes_of(start, (size_t)(to - start));
    return true;
}

/* At a ")" that begins a line: only blanks may follow it. */
static bool block_ends(const struct conf_lex *lex)
{
    const uint8_t *at = lex->at + 1;
    while (at < lex->end && is_blank(*at)) {
        at++;
    }
    return at == lex->end || is_line_end(*at);
}

/* At "(": all up to a ")" alone on its line. */
static bool take_block(struct conf_lex *lex, struct conf_word *word, struct conf_error *error)
{
    word->kind = CONF_WORD_QUOTED;
    word->place = conf_lex_place(lex);
    conf_lex_step(lex);
    const uint8_t *start = lex->at;
    while (lex->at < lex->end) {
        bool begins_line = lex->at == lex->line_start;
        if (begins_line && conf_lex_peek(lex) == ')' && block_ends(lex)) {
            word->text = bytes_of(start, (size_t)(lex->at - start));
            conf_lex_step(lex);
            return true;
        }
        conf_lex_step(lex);
    }
    return conf_lex_fail(lex, word->place, error,
                         "the block that begins here has no end; end it with ) alone on a line");
}

static bool ends_bare(uint8_t c)
{
    return c == 0 || is_blank(c) || is_line_end(c) || strchr(";,]}", c) != NULL;
}

static bool take_bare(struct conf_lex *lex, struct conf_word *word, struct conf_error *error)
{
    word->kind = CONF_WORD_BARE;
    word->place = conf_lex_place(lex);
    uint8_t *start = lex->at;
    uint8_t *to = start;
    while (!ends_bare(conf_lex_peek(lex))) {
        if (conf_lex_peek(lex) == '\\') {
            word->kind = CONF_WORD_QUOTED;
            if (!take_escape(lex, &to, error)) {
                return false;
            }
            continue;
        }
        *to++ = *lex->at;
        conf_lex_step(lex);
    }
    word->text = bytes_of(start, (size_t)(to - start));
    return true;
}

/* ---- keys and values ------------------------------------------------------------------------- */

static bool ends_key(uint8_t c)
{
    return c == 0 || is_blank(c) || is_line_end(c) || c == ':' || c == '=';
}

static bool take_bare_key(struct conf_lex *lex, struct conf_word *word, struct conf_error *error)
{
    word->kind = CONF_WORD_BARE;
    word->place = conf_lex_place(lex);
    const uint8_t *start = lex->at;
    while (!ends_key(conf_lex_peek(lex))) {
        uint8_t c = conf_lex_peek(lex);
        if (strchr("{}[],;\"", c) != NULL) {
            if (lex->at == start) {
                return conf_lex_fail(lex, word->place, error, "a key is wanted here and not \"%c\"",
                                     c);
            }
            return conf_lex_fail(lex, conf_lex_place(lex), error,
                                 "put a blank, : or = between the key \"%.*s\" and its value",
                                 (int)MIN_OF(lex->at - start, 60), (const char *)start);
        }
        conf_lex_step(lex);
    }
    word->text = bytes_of(start, (size_t)(lex->at - start));
    if (word->text.size == 0) {
        return conf_lex_fail(lex, word->place, error, "a key is wanted here and not \"%c\"",
                             conf_lex_peek(lex));
    }
    return true;
}

static bool fail_no_value(const struct conf_lex *lex, const struct conf_word *key,
                          struct conf_error *error)
{
    return conf_lex_fail(lex, key->place, error, "the key \"%.*s\" has no value; write %.*s: VALUE",
                         (int)MIN_OF(key->text.size, 60), (const char *)key->text.ptr,
                         (int)MIN_OF(key->text.size, 60), (const char *)key->text.ptr);
}

bool conf_lex_key(struct conf_lex *lex, struct conf_word *word, struct conf_error *error)
{
    uint8_t c = conf_lex_peek(lex);
    if (!(c == '"' || c == '\'' ? take_quoted(lex, word, error)
                                : take_bare_key(lex, word, error))) {
        return false;
    }
    bool has_blank = is_blank(conf_lex_peek(lex));
    conf_lex_skip(lex, true);
    c = conf_lex_peek(lex);
    if (c == ':' || c == '=') {
        conf_lex_step(lex);
        conf_lex_skip(lex, false);
    } else if (has_blank && word->kind == CONF_WORD_BARE && word->text.size == 7 &&
               strncasecmp((const char *)word->text.ptr, "include", 7) == 0) {
        word->kind = CONF_WORD_INCLUDE;
    }
    return ends_bare(conf_lex_peek(lex)) ? fail_no_value(lex, word, error) : true;
}

bool conf_lex_value(struct conf_lex *lex, struct conf_word *word, struct conf_error *error)
{
    switch (conf_lex_peek(lex)) {
    case '"':
    case '\'':
        return take_quoted(lex, word, error);
    case '(':
        return take_block(lex, word, error);
    default:
        if (ends_bare(conf_lex_peek(lex))) {
            return conf_lex_fail(lex, conf_lex_place(lex), error, "a value is missing here");
        }
        return take_bare(lex, word, error);
    }
}

/* ---- bare words ------------------------------------------------------------------------------ */

bool conf_lex_is_variable(struct bytes *text)
{
    static const char *const hashes[] = {"$2a$", "$2b$", "$2x$", "$2y$"};
    if (text->size == 0 || text->ptr[0] != '$') {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        if (bytes_start_with(*text, bytes_text(hashes[i]))) {
            return false;
        }
    }
    *text = bytes_skip(*text, 1);
    return true;
}

static bool is_boolean(struct bytes text, bool *boolean)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (text.size == strlen(words[i]) &&
            strncasecmp((const char *)text.ptr, words[i], text.size) == 0) {
            *boolean = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static size_t digits_of(struct bytes text)
{
    size_t digits = 0;
    while (digits < text.size && is_digit(text.ptr[digits])) {
        digits++;
    }
    return digits;
}

/* 2026-11-29T19:00:00Z */
static bool is_date(struct bytes text)
{
    static const char shape[] = "0000-00-00T00:00:00Z";
    if (text.size != sizeof(shape) - 1) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (shape[i] == '0' ? !is_digit(text.ptr[i]) : text.ptr[i] != (uint8_t)shape[i]) {
            return false;
        }
    }
    return true;
}

/* "1.5" without a sign, and nothing else. */
static bool is_float(struct bytes text)
{
    size_t whole = digits_of(text);
    if (whole == 0 || whole + 1 >= text.size || text.ptr[whole] != '.') {
        return false;
    }
    struct bytes rest = bytes_skip(text, whole + 1);
    return digits_of(rest) == rest.size;
}

static double float_of(struct bytes text)
{
    char copy[64];
    size_t size = MIN_OF(text.size, sizeof(copy) - 1);
    memcpy(copy, text.ptr, size);
    copy[size] = '\0';
    return strtod(copy, NULL); /* the locale is "C": nobody calls setlocale */
}

/* Digits and perhaps a unit, such that units_parse_size takes them or they are too many. */
static bool is_integer(struct bytes text)
{
    size_t digits = digits_of(text);
    uint64_t unused;
    char probe[8] = "1";
    size_t rest = text.size - digits;
    if (digits == 0 || rest > 3) {
        return false;
    }
    memcpy(probe + 1, text.ptr + digits, rest);
    return units_parse_size(bytes_of(probe, rest + 1), &unused);
}

bool conf_lex_classify(struct bytes text, struct conf_value *value)
{
    value->kind = CONF_STRING;
    value->string = text;
    if (is_boolean(text, &value->boolean)) {
        value->kind = CONF_BOOL;
        return true;
    }
    if (is_date(text)) {
        value->kind = CONF_DATE;
        return true;
    }
    bool is_negative = text.size > 1 && text.ptr[0] == '-';
    struct bytes number = is_negative ? bytes_skip(text, 1) : text;
    if (is_float(number)) {
        value->kind = CONF_FLOAT;
        value->real = is_negative ? -float_of(number) : float_of(number);
        return true;
    }
    if (!is_integer(number)) {
        return true;
    }
    uint64_t magnitude;
    value->kind = CONF_INTEGER;
    if (!units_parse_size(number, &magnitude) || magnitude > INT64_MAX) {
        return false;
    }
    value->integer = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}
