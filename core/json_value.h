/*
 * json_value.h - what values of JSON mean: their types, exact numbers, equality.
 *
 * A value is its text, as json_take gives it. Numbers are compared as the decimals they are, of any
 * length; nothing is rounded.
 *
 * Threads:     plain functions over borrowed bytes.
 * Beware:      for well-formed values only.
 */
#ifndef RINGHUB_CORE_JSON_VALUE_H
#define RINGHUB_CORE_JSON_VALUE_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum json_type {
    JSON_NULL = 1,
    JSON_BOOLEAN = 2,
    JSON_NUMBER = 4,
    JSON_STRING = 8,
    JSON_ARRAY = 16,
    JSON_OBJECT = 32,
};

static inline enum json_type json_type_of(struct bytes value)
{
    switch (value.ptr[0]) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOLEAN;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

/* Numbers: below, equal, above: -1, 0, 1. */
int json_number_compare(struct bytes a, struct bytes b);
/* 1, 1.0 and 10e-1 are. */
bool json_number_is_integer(struct bytes number);

/* Objects without regard to order; one that has a name twice is equal to none. */
bool json_value_equals(struct bytes a, struct bytes b);

/* Code points of a string, from what stands between its quotes. */
size_t json_characters(struct bytes raw);

#ifdef __cplusplus
}
#endif
#endif
