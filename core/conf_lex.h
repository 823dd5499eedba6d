/*
 * conf_lex.h - the words of a configuration file, and where they stand.
 *
 * The parser knows what may come next and asks for it: a key, a value, the end of a statement.
 * Strings with escapes are decoded where they stand, so that every word is borrowed from the text.
 *
 * Threads:     owner of the struct.
 * Memory:      borrows the text, and writes into it.
 */
#ifndef RINGHUB_CORE_CONF_LEX_H
#define RINGHUB_CORE_CONF_LEX_H

#include "core/conf.h"

#ifdef __cplusplus
extern "C" {
#endif

struct conf_place {
    uint32_t line;
    uint32_t column;
};

struct conf_lex {
    const char *file; /* for errors; borrowed */
    uint8_t *at;
    uint8_t *end;
    uint8_t *line_start;
    uint32_t line;
};

enum conf_word_kind {
    CONF_WORD_QUOTED,  /* a string, whatever it looks like */
    CONF_WORD_BARE,    /* to be looked at: conf_lex_classify */
    CONF_WORD_INCLUDE, /* a bare key "include" with a blank behind it */
};

struct conf_word {
    enum conf_word_kind kind;
    struct bytes text;
    struct conf_place place;
};

void conf_lex_init(struct conf_lex *lex, const char *file, char *text, size_t size);

struct conf_place conf_lex_place(const struct conf_lex *lex);
/* The next byte; 0 at the end (a file holds no zero byte: conf_lex_init's caller has looked). */
uint8_t conf_lex_peek(const struct conf_lex *lex);
void conf_lex_step(struct conf_lex *lex);

/* Blanks and comments; with lines, line ends as well. */
void conf_lex_skip(struct conf_lex *lex, bool lines);
/* What may stand between two statements: the above and ";" and ",". */
void conf_lex_skip_separators(struct conf_lex *lex);
/* After a value. False: something stands there that does not end a statement. */
MUST_USE bool conf_lex_statement_ends(struct conf_lex *lex);

/* A key with its ":" or "=", up to the value. */
MUST_USE bool conf_lex_key(struct conf_lex *lex, struct conf_word *word, struct conf_error *error);
/* A value that is no map and no array. */
MUST_USE bool conf_lex_value(struct conf_lex *lex, struct conf_word *word,
                             struct conf_error *error);

/* What a bare word is; fills kind, integer, real, boolean, string. False: a number out of range. */
MUST_USE bool conf_lex_classify(struct bytes text, struct conf_value *value);
/* "$NAME": takes the $ off. A bcrypt hash, "$2a$…", is none. */
bool conf_lex_is_variable(struct bytes *text);

/* False, always. */
bool conf_lex_fail(const struct conf_lex *lex, struct conf_place place, struct conf_error *error,
                   const char *format, ...) PRINTF(4, 5);

#ifdef __cplusplus
}
#endif
#endif
