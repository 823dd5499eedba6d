/*
 * json.cc - simdjson's parser, its tape thrown away: to build it is its way of checking, and at
 * the price of memory. What it refuses only because a number fits neither 64 bits nor a double is
 * judged again by the grammar.
 */
#include "core/json.h"

#include <new>
#include <simdjson.h>

struct json {
    simdjson::dom::parser parser;
};

static_assert(JSON_PADDING >= simdjson::SIMDJSON_PADDING, "json_check reads behind the text");

/* simdjson has no room for a level of that number. */
struct json *json_new(void)
{
    struct json *json = new (std::nothrow) struct json;
    ASSERT(json != nullptr);
    simdjson::error_code error = json->parser.allocate(4096, JSON_DEPTH_MAX + 1);
    ASSERT(error == simdjson::SUCCESS);
    return json;
}

void json_free(struct json *json)
{
    delete json;
}

enum json_verdict json_check(struct json *json, struct bytes text)
{
    switch (json->parser.parse(text.ptr, text.size, false).error()) {
    case simdjson::SUCCESS:
        return JSON_VALID;
    case simdjson::DEPTH_ERROR:
        return JSON_TOO_DEEP;
    case simdjson::NUMBER_ERROR:
        return json_grammar_check(text);
    case simdjson::MEMALLOC:
        ASSERT(!"memory for JSON");
        return JSON_BROKEN;
    default:
        return JSON_BROKEN;
    }
}
