/* subject.c - one pass over the tokens each. */
#include "core/subject.h"

bool subject_valid_subscription(struct bytes pattern)
{
    struct subject_cursor at = subject_first(pattern);
    struct bytes token;
    while (subject_next(&at, &token)) {
        if (token.size == 0 || (subject_is_tail(token) && !at.done)) {
            return false;
        }
    }
    return true;
}

bool subject_valid_publish(struct bytes subject)
{
    return subject_has_tokens_only(subject) && !subject_has_wildcard(subject);
}

bool subject_has_tokens_only(struct bytes subject)
{
    bool dot = true; /* the byte before this one ended a token */
    for (size_t i = 0; i < subject.size; i++) {
        if (subject.ptr[i] != '.') {
            dot = false;
        } else if (dot) {
            return false;
        } else {
            dot = true;
        }
    }
    return !dot;
}

bool subject_has_wildcard(struct bytes pattern)
{
    for (size_t i = 0; i < pattern.size; i++) {
        bool wild = pattern.ptr[i] == '*' || pattern.ptr[i] == '>';
        if (wild && (i == 0 || pattern.ptr[i - 1] == '.') &&
            (i + 1 == pattern.size || pattern.ptr[i + 1] == '.')) {
            return true;
        }
    }
    return false;
}

uint32_t subject_tokens_count(struct bytes subject)
{
    uint32_t count = subject.size > 0;
    for (size_t i = 0; i < subject.size; i++) {
        count += subject.ptr[i] == '.';
    }
    return count;
}

static bool token_matches(struct bytes wanted, struct bytes token)
{
    if (subject_is_any(wanted)) {
        return true;
    }
    /* A tail that is no longer a wildcard was handled by the caller; what is left are literals, and
     * none of them is "*" or ">", so a subject's own "*" equals none. */
    return bytes_equal(wanted, token);
}

bool subject_matches(struct bytes pattern, struct bytes subject)
{
    if (!subject_has_tokens_only(subject)) {
        return false;
    }
    struct subject_cursor pattern_at = subject_first(pattern);
    struct subject_cursor subject_at = subject_first(subject);
    struct bytes wanted;
    struct bytes token;
    while (subject_next(&pattern_at, &wanted)) {
        if (!subject_next(&subject_at, &token)) {
            return false;
        }
        if (subject_is_tail(wanted)) {
            return true;
        }
        if (!token_matches(wanted, token)) {
            return false;
        }
    }
    return subject_at.done;
}
