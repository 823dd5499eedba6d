/*
 * json_schema.c - a schema is an array of nodes that name one another by index; checking walks text
 * and nodes together.
 */
#include "core/json_schema.h"

#include "core/json_cursor.h"
#include "core/json_value.h"

#include <stdio.h>
#include <stdlib.h>

enum { NONE = UINT32_MAX };

enum bound {
    BOUND_MINIMUM,
    BOUND_MAXIMUM,
    BOUND_EXCLUSIVE_MINIMUM,
    BOUND_EXCLUSIVE_MAXIMUM,
    BOUNDS,
};

enum size_limit {
    SIZE_MIN_LENGTH,
    SIZE_MAX_LENGTH,
    SIZE_MIN_ITEMS,
    SIZE_MAX_ITEMS,
    SIZE_MIN_PROPERTIES,
    SIZE_MAX_PROPERTIES,
    SIZES,
};

static const char *const bound_names[BOUNDS] = {"minimum", "maximum", "exclusiveMinimum",
                                                "exclusiveMaximum"};
static const char *const size_names[SIZES] = {"minLength", "maxLength",     "minItems",
                                              "maxItems",  "minProperties", "maxProperties"};

struct property {
    struct bytes name; /* its meaning */
    uint32_t node;     /* NONE: only required */
    uint64_t required; /* its bit; 0: it is not */
};

struct node {
    bool is_never;
    uint32_t types;        /* of enum json_type; 0: any */
    bool integers_only;    /* type: integer without number */
    struct bytes choices;  /* the array of enum, as text; size 0: none */
    struct bytes constant; /* size 0: none */
    struct bytes bounds[BOUNDS];
    uint64_t sizes[SIZES]; /* SIZE_MAX: none */
    struct regex *pattern;
    struct property *properties;
    uint32_t properties_count;
    uint64_t required;
    uint32_t additional;
    uint32_t items;
};

struct json_schema {
    uint8_t *text;
    struct node *nodes;
    uint32_t nodes_count;
    char *error;
};

/* ---- compiling ------------------------------------------------------------------------------- */

static bool complain(struct json_schema *schema, struct bytes keyword, const char *what)
{
    snprintf(schema->error, SCHEMA_ERROR_MAX, "\"%.*s\" %s", (int)MIN_OF(keyword.size, (size_t)80),
             (const char *)keyword.ptr, what);
    return false;
}

static bool compile(struct json_schema *schema, struct bytes text, uint32_t *index);

static bool named(struct bytes key, const char *name)
{
    return json_means(key, bytes_text(name));
}

static bool add_type(struct node *node, struct bytes name)
{
    static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};
    if (json_type_of(name) != JSON_STRING) {
        return false;
    }
    if (named(json_inside(name), "integer")) {
        node->integers_only = (node->types & JSON_NUMBER) == 0;
        node->types |= JSON_NUMBER;
        return true;
    }
    for (uint32_t i = 0; i < COUNT_OF(names); i++) {
        if (named(json_inside(name), names[i])) {
            node->types |= 1u << i;
            node->integers_only = node->integers_only && i != 2;
            return true;
        }
    }
    return false;
}

static bool compile_type(struct node *node, struct bytes value)
{
    if (json_type_of(value) != JSON_ARRAY) {
        return add_type(node, value);
    }
    struct json_cursor c = json_cursor_of(value);
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        if (!add_type(node, json_take(&c))) {
            return false;
        }
    }
    return node->types != 0;
}

static struct property *property_take(struct node *node, struct bytes raw)
{
    for (uint32_t i = 0; i < node->properties_count; i++) {
        if (json_means(raw, node->properties[i].name)) {
            return &node->properties[i];
        }
    }
    node->properties =
        memory_resize(node->properties, (node->properties_count + 1) * sizeof(struct property));
    struct property *property = &node->properties[node->properties_count++];
    uint8_t *name = memory_alloc(raw.size + 1);
    *property = (struct property){.name = bytes_of(name, json_unescape(raw, name)), .node = NONE};
    return property;
}

static const char *compile_required(struct node *node, struct bytes value)
{
    if (json_type_of(value) != JSON_ARRAY) {
        return "must be a list of names";
    }
    struct json_cursor c = json_cursor_of(value);
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        struct bytes name = json_take(&c);
        if (json_type_of(name) != JSON_STRING) {
            return "must be a list of names";
        }
        if (node->required == UINT64_MAX) {
            return "may have 64 names";
        }
        struct property *property = property_take(node, json_inside(name));
        if (property->required == 0) {
            property->required = node->required + 1;
            node->required = node->required << 1 | 1;
        }
    }
    return NULL;
}

/* Nodes move while others are added: a node is named by its index. */
static bool compile_properties(struct json_schema *schema, uint32_t at, struct bytes value)
{
    if (json_type_of(value) != JSON_OBJECT) {
        return complain(schema, bytes_text("properties"), "must be an object of schemas");
    }
    struct json_cursor c = json_cursor_of(value);
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        struct bytes key = json_key(&c);
        uint32_t index;
        if (!compile(schema, json_take(&c), &index)) {
            return false;
        }
        property_take(&schema->nodes[at], key)->node = index;
    }
    return true;
}

/* JavaScript's $ is the very end, PCRE's may stand before a last line feed. */
static struct bytes pattern_of(struct bytes from, uint8_t *to)
{
    uint8_t *start = to;
    bool in_set = false;
    for (size_t i = 0; i < from.size; i++) {
        uint8_t byte = from.ptr[i];
        if (byte == '\\' && i + 1 < from.size) {
            *to++ = byte;
            *to++ = from.ptr[++i];
            continue;
        }
        in_set = byte == '[' || (in_set && byte != ']');
        if (byte == '$' && !in_set) {
            memcpy(to, "\\z", 2);
            to += 2;
        } else {
            *to++ = byte;
        }
    }
    return bytes_of(start, (size_t)(to - start));
}

static bool compile_pattern(struct json_schema *schema, struct node *node, struct bytes value)
{
    if (json_type_of(value) != JSON_STRING) {
        return complain(schema, bytes_text("pattern"), "must be a string");
    }
    struct bytes raw = json_inside(value);
    uint8_t *text = memory_alloc(3 * raw.size + 1);
    struct bytes meaning = bytes_of(text, json_unescape(raw, text));
    struct bytes pattern = pattern_of(meaning, text + raw.size);
    struct regex_error wrong;
    node->pattern = regex_new(&pattern, 1, REGEX_TEST_UTF8, &wrong);
    memory_free(text);
    if (node->pattern == NULL) {
        snprintf(schema->error, SCHEMA_ERROR_MAX, "\"pattern\" cannot be compiled: %s", wrong.text);
    }
    return node->pattern != NULL;
}

static bool size_of(struct bytes value, uint64_t *size)
{
    if (json_type_of(value) != JSON_NUMBER || value.ptr[0] == '-' ||
        !json_number_is_integer(value)) {
        return false;
    }
    char text[40];
    if (value.size >= sizeof(text)) {
        return false;
    }
    memcpy(text, value.ptr, value.size);
    text[value.size] = 0;
    double number = strtod(text, NULL);
    *size = number < 1e15 ? (uint64_t)number : SIZE_MAX - 1;
    return true;
}

static int index_of(struct bytes key, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (named(key, names[i])) {
            return i;
        }
    }
    return -1;
}

static bool is_annotation(struct bytes key)
{
    static const char *const names[] = {"$id",       "$comment", "title",      "description",
                                        "default",   "examples", "deprecated", "readOnly",
                                        "writeOnly", "format"};
    return index_of(key, names, COUNT_OF(names)) >= 0;
}

/* One in which our keywords say what they say in 2020-12. A vocabulary of somebody's own might not. */
static bool is_known_draft(struct bytes value)
{
    static const char *const names[] = {"https://json-schema.org/draft/2020-12/schema",
                                        "https://json-schema.org/draft/2020-12/schema#",
                                        "https://json-schema.org/draft/2019-09/schema",
                                        "https://json-schema.org/draft/2019-09/schema#",
                                        "http://json-schema.org/draft-07/schema",
                                        "http://json-schema.org/draft-07/schema#",
                                        "http://json-schema.org/draft-06/schema",
                                        "http://json-schema.org/draft-06/schema#"};
    return json_type_of(value) == JSON_STRING &&
           index_of(json_inside(value), names, COUNT_OF(names)) >= 0;
}

/* Keywords whose value is no schema. */
static bool compile_plain(struct json_schema *schema, struct node *node, struct bytes key,
                          struct bytes value)
{
    int bound = index_of(key, bound_names, BOUNDS);
    int size = index_of(key, size_names, SIZES);
    if (named(key, "type")) {
        return compile_type(node, value) || complain(schema, key, "names no type of JSON Schema");
    }
    if (named(key, "enum")) {
        node->choices = value;
        return json_type_of(value) == JSON_ARRAY || complain(schema, key, "must be a list");
    }
    if (named(key, "const")) {
        node->constant = value;
        return true;
    }
    if (bound >= 0) {
        node->bounds[bound] = value;
        return json_type_of(value) == JSON_NUMBER || complain(schema, key, "must be a number");
    }
    if (size >= 0) {
        return size_of(value, &node->sizes[size]) ||
               complain(schema, key, "must be a whole number, not below 0");
    }
    if (named(key, "pattern")) {
        return compile_pattern(schema, node, value);
    }
    if (named(key, "required")) {
        const char *wrong = compile_required(node, value);
        return wrong == NULL || complain(schema, key, wrong);
    }
    if (named(key, "$schema")) {
        return is_known_draft(value) ||
               complain(schema, key, "names no draft ringhub knows: 2020-12, 2019-09, 07 or 06");
    }
    return is_annotation(key) || complain(schema, key, "is a keyword ringhub does not know");
}

static bool compile_keyword(struct json_schema *schema, uint32_t at, struct bytes key,
                            struct bytes value)
{
    uint32_t index;
    if (named(key, "properties")) {
        return compile_properties(schema, at, value);
    }
    if (named(key, "items")) {
        bool compiled = compile(schema, value, &index);
        schema->nodes[at].items = index;
        return compiled;
    }
    if (named(key, "additionalProperties")) {
        bool compiled = compile(schema, value, &index);
        schema->nodes[at].additional = index;
        return compiled;
    }
    return compile_plain(schema, &schema->nodes[at], key, value);
}

static bool compile(struct json_schema *schema, struct bytes text, uint32_t *index)
{
    *index = schema->nodes_count++;
    schema->nodes = memory_resize(schema->nodes, schema->nodes_count * sizeof(struct node));
    struct node *node = &schema->nodes[*index];
    *node = (struct node){.additional = NONE, .items = NONE};
    for (int i = 0; i < SIZES; i++) {
        node->sizes[i] = SIZE_MAX;
    }
    if (json_type_of(text) == JSON_BOOLEAN) {
        node->is_never = text.ptr[0] == 'f';
        return true;
    }
    if (json_type_of(text) != JSON_OBJECT) {
        snprintf(schema->error, SCHEMA_ERROR_MAX, "a schema must be an object, true or false");
        return false;
    }
    uint32_t at = *index;
    struct json_cursor c = json_cursor_of(text);
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        struct bytes key = json_key(&c);
        if (!compile_keyword(schema, at, key, json_take(&c))) {
            return false;
        }
    }
    return true;
}

struct json_schema *json_schema_new(struct bytes text, char error[SCHEMA_ERROR_MAX])
{
    struct json_schema *schema = memory_alloc(sizeof(*schema));
    schema->error = error;
    schema->text = memory_alloc(text.size + JSON_PADDING);
    if (text.size > 0) {
        memcpy(schema->text, text.ptr, text.size);
    }
    struct bytes own = bytes_of(schema->text, text.size);
    struct json *json = json_new();
    bool is_json = json_check(json, own) == JSON_VALID;
    json_free(json);
    struct json_cursor c = json_cursor_of(own);
    json_space(&c);
    uint32_t index;
    if (!is_json) {
        snprintf(error, SCHEMA_ERROR_MAX, "the schema is no well-formed JSON");
    }
    if (!is_json || !compile(schema, json_take(&c), &index)) {
        json_schema_free(schema);
        return NULL;
    }
    schema->error = NULL;
    return schema;
}

void json_schema_free(struct json_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    for (uint32_t i = 0; i < schema->nodes_count; i++) {
        struct node *node = &schema->nodes[i];
        for (uint32_t k = 0; k < node->properties_count; k++) {
            /* The name is a block of its own that only the node knows. */
            memory_free((void *)(uintptr_t)node->properties[k].name.ptr);
        }
        memory_free(node->properties);
        regex_free(node->pattern);
    }
    memory_free(schema->nodes);
    memory_free(schema->text);
    memory_free(schema);
}

struct regex_scratch *json_schema_scratch(const struct json_schema *schema,
                                          struct regex_scratch *scratch)
{
    for (uint32_t i = 0; i < schema->nodes_count; i++) {
        if (schema->nodes[i].pattern != NULL) {
            scratch = regex_scratch_grow(scratch, schema->nodes[i].pattern);
        }
    }
    return scratch;
}

/* ---- checking -------------------------------------------------------------------------------- */

struct checking {
    const struct json_schema *schema;
    struct regex_scratch *scratch;
    uint8_t *to;
};

static const char *check(const struct checking *c, uint32_t index, struct bytes value);

static const char *check_sizes(const struct node *node, enum size_limit least, uint64_t size)
{
    if (node->sizes[least] != SIZE_MAX && size < node->sizes[least]) {
        return size_names[least];
    }
    return size > node->sizes[least + 1] ? size_names[least + 1] : NULL;
}

static const char *check_number(const struct node *node, struct bytes value)
{
    for (int i = 0; i < BOUNDS; i++) {
        if (node->bounds[i].size == 0) {
            continue;
        }
        int order = json_number_compare(value, node->bounds[i]);
        bool is_lower = i == BOUND_MINIMUM || i == BOUND_EXCLUSIVE_MINIMUM;
        bool is_strict = i == BOUND_EXCLUSIVE_MINIMUM || i == BOUND_EXCLUSIVE_MAXIMUM;
        if ((order == 0 && is_strict) || (order != 0 && (order < 0) == is_lower)) {
            return bound_names[i];
        }
    }
    return NULL;
}

static const char *check_string(const struct checking *c, const struct node *node,
                                struct bytes value)
{
    struct bytes raw = json_inside(value);
    const char *wrong = NULL;
    if (node->sizes[SIZE_MIN_LENGTH] != SIZE_MAX || node->sizes[SIZE_MAX_LENGTH] != SIZE_MAX) {
        wrong = check_sizes(node, SIZE_MIN_LENGTH, json_characters(raw));
    }
    if (wrong == NULL && node->pattern != NULL) {
        struct bytes meaning = bytes_of(c->to, json_unescape(raw, c->to));
        wrong = regex_test(node->pattern, c->scratch, meaning) == 0 ? "pattern" : NULL;
    }
    return wrong;
}

static const char *check_array(const struct checking *c, const struct node *node,
                               struct bytes value)
{
    struct json_cursor at = json_cursor_of(value);
    uint64_t count = 0;
    json_enter(&at);
    for (bool first = true; json_next(&at, &first); count++) {
        struct bytes item = json_take(&at);
        const char *wrong = node->items != NONE ? check(c, node->items, item) : NULL;
        if (wrong != NULL) {
            return wrong;
        }
    }
    return check_sizes(node, SIZE_MIN_ITEMS, count);
}

static const char *check_object(const struct checking *c, const struct node *node,
                                struct bytes value)
{
    struct json_cursor at = json_cursor_of(value);
    uint64_t count = 0;
    uint64_t seen = 0;
    json_enter(&at);
    for (bool first = true; json_next(&at, &first); count++) {
        struct bytes key = json_key(&at);
        struct bytes member = json_take(&at);
        uint32_t index = node->additional;
        for (uint32_t i = 0; i < node->properties_count; i++) {
            const struct property *property = &node->properties[i];
            if (json_means(key, property->name)) {
                seen |= property->required;
                index = property->node != NONE ? property->node : index;
                break;
            }
        }
        if (index == NONE) {
            continue;
        }
        const char *wrong = check(c, index, member);
        if (wrong != NULL) {
            bool is_closed = index == node->additional && c->schema->nodes[index].is_never;
            return is_closed ? "additionalProperties" : wrong;
        }
    }
    if (seen != node->required) {
        return "required";
    }
    return check_sizes(node, SIZE_MIN_PROPERTIES, count);
}

static bool is_choice(struct bytes choices, struct bytes value)
{
    struct json_cursor c = json_cursor_of(choices);
    json_enter(&c);
    for (bool first = true; json_next(&c, &first);) {
        if (json_value_equals(json_take(&c), value)) {
            return true;
        }
    }
    return false;
}

static const char *check(const struct checking *c, uint32_t index, struct bytes value)
{
    const struct node *node = &c->schema->nodes[index];
    enum json_type type = json_type_of(value);
    if (node->is_never) {
        return "false";
    }
    if (node->types != 0 && (node->types & type) == 0) {
        return "type";
    }
    if (type == JSON_NUMBER && node->integers_only && !json_number_is_integer(value)) {
        return "type";
    }
    if (node->choices.size > 0 && !is_choice(node->choices, value)) {
        return "enum";
    }
    if (node->constant.size > 0 && !json_value_equals(node->constant, value)) {
        return "const";
    }
    switch (type) {
    case JSON_NUMBER:
        return check_number(node, value);
    case JSON_STRING:
        return check_string(c, node, value);
    case JSON_ARRAY:
        return check_array(c, node, value);
    case JSON_OBJECT:
        return check_object(c, node, value);
    default:
        return NULL;
    }
}

const char *json_schema_check(const struct json_schema *schema, struct bytes text,
                              struct regex_scratch *scratch, uint8_t *to)
{
    struct checking checking = {.schema = schema, .scratch = scratch, .to = to};
    struct json_cursor c = json_cursor_of(text);
    json_space(&c);
    return check(&checking, 0, json_take(&c));
}
