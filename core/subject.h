/*
 * subject.h - what is a valid subject or pattern, what are its tokens, and does a pattern match?
 *
 *   subject   a.b.c      tokens between dots; any bytes but SP TAB CR LF, which the parser keeps
 * out pattern   a.*.c a.>  "*" as a whole token is any one token, ">" as the whole last token is
 * one or more; "a*", "**" and ">b" are ordinary tokens
 *
 * Threads:     plain functions over borrowed bytes.
 * Beware:      a publish subject is not validated by NATS. One with an empty token matches nothing;
 *              one with a token "*" or ">" carries it as an ordinary token, which no literal
 *              pattern can equal (as a pattern it would be a wildcard).
 */
#ifndef RINGHUB_CORE_SUBJECT_H
#define RINGHUB_CORE_SUBJECT_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* May SUB use it? Not empty, no empty token, a token ">" only at the end. */
bool subject_valid_subscription(struct bytes pattern);

/* May a pedantic client PUB to it? Not empty, no empty token, no token "*" or ">". */
bool subject_valid_publish(struct bytes subject);

/* Not empty and no empty token: the subjects that can match something. */
bool subject_has_tokens_only(struct bytes subject);

/* Is some whole token "*" or ">"? */
bool subject_has_wildcard(struct bytes pattern);

/* Dots plus one; 0 for the empty subject. */
uint32_t subject_tokens_count(struct bytes subject);

/* The reference matcher, token by token. pattern is a valid subscription, subject is anything. */
bool subject_matches(struct bytes pattern, struct bytes subject);

/* Tokens from left to right:
 *
 *     struct subject_cursor at = subject_first(subject);
 *     while (subject_next(&at, &token)) ...
 *
 * The empty subject has one token, which is empty, as "a." has two. */
struct subject_cursor {
    struct bytes rest; /* what follows the last token taken */
    bool done;
};

static inline struct subject_cursor subject_first(struct bytes subject)
{
    struct subject_cursor at;
    at.rest = subject;
    at.done = false;
    return at;
}

static inline bool subject_next(struct subject_cursor *at, struct bytes *token)
{
    if (at->done) {
        return false;
    }
    size_t size = 0;
    while (size < at->rest.size && at->rest.ptr[size] != '.') {
        size++;
    }
    *token = bytes_of(at->rest.ptr, size);
    at->done = size == at->rest.size;
    if (!at->done) {
        at->rest = bytes_skip(at->rest, size + 1);
    }
    return true;
}

static inline bool subject_is_any(struct bytes token)
{
    return token.size == 1 && token.ptr[0] == '*';
}

static inline bool subject_is_tail(struct bytes token)
{
    return token.size == 1 && token.ptr[0] == '>';
}

#ifdef __cplusplus
}
#endif
#endif
