/*
 * conf.c - words to a tree.
 *
 * Recursive descent. A variable shares the values below the one it stands for and has a place of its
 * own; so the tree may be a graph, and depth and weight count what a reader would walk.
 */
#include "core/conf.h"

#include "core/conf_lex.h"

#include <stdarg.h>
#include <stdio.h>

enum { ENVIRONMENT_NESTING_MAX = 8, WHY_MAX = 160 };

/* What conf_free frees, linked by its first word. */
struct owned {
    struct owned *next;
    void *memory;
};

struct conf {
    struct conf_value *root;
    struct owned *owned;
    char **warnings;
    size_t warnings_count;
    size_t values_count;
    size_t bytes_count;
};

/* Of a file, or of an environment variable's text. */
struct parser {
    struct conf *conf;
    const struct conf_source *source;
    struct conf_error *error;
    struct conf_lex lex;
    const char *path;
    const struct parser *outer; /* what includes this; its variables are not seen */
    struct conf_word key;       /* the one whose value is being read */
    uint32_t nesting;           /* of files and of environment variables */
    uint32_t depth;             /* of blocks */
};

/* Where a variable is looked for. */
struct scope {
    struct conf_value *map;
    const struct scope *outer;
};

/* ---- memory ---------------------------------------------------------------------------------- */

static void own(struct conf *conf, void *memory)
{
    struct owned *owned = memory_alloc(sizeof(*owned));
    *owned = (struct owned){.next = conf->owned, .memory = memory};
    conf->owned = owned;
}

static char *own_text(struct conf *conf, struct bytes text)
{
    char *copy = memory_alloc(text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.ptr, text.size);
    }
    own(conf, copy);
    return copy;
}

static struct conf_value *value_new(struct parser *parser, struct conf_place place)
{
    struct conf_value *value = memory_alloc(sizeof(*value));
    own(parser->conf, value);
    parser->conf->values_count++;
    value->file = parser->path;
    value->owner = parser->conf;
    value->line = place.line;
    value->column = place.column;
    value->key = parser->key.text;
    value->key_line = parser->key.place.line;
    value->key_column = parser->key.place.column;
    value->weight = 1;
    return value;
}

void conf_free(struct conf *conf)
{
    if (conf == NULL) {
        return;
    }
    while (conf->owned != NULL) {
        struct owned *owned = conf->owned;
        conf->owned = owned->next;
        memory_free(owned->memory);
        memory_free(owned);
    }
    for (size_t i = 0; i < conf->warnings_count; i++) {
        memory_free(conf->warnings[i]);
    }
    memory_free(conf->warnings);
    memory_free(conf);
}

const struct conf_value *conf_root(const struct conf *conf)
{
    return conf->root;
}

/* ---- warnings -------------------------------------------------------------------------------- */

const char *conf_warning(const struct conf *conf, size_t index)
{
    return index < conf->warnings_count ? conf->warnings[index] : NULL;
}

static void add_warning(struct conf *conf, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memory_alloc(size);
    memcpy(copy, text, size);
    conf->warnings =
        memory_resize(conf->warnings, (conf->warnings_count + 1) * sizeof(*conf->warnings));
    conf->warnings[conf->warnings_count++] = copy;
}

void conf_warn(const struct conf_value *value, const char *format, ...)
{
    struct conf_error where;
    char text[CONF_ERROR_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)conf_fail_key(value, &where, "%s", text);
    add_warning(value->owner, where.text);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool PRINTF(3, 4)
    fail(struct parser *parser, struct conf_place place, const char *format, ...)
{
    char text[CONF_ERROR_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return conf_lex_fail(&parser->lex, place, parser->error, "%s", text);
}

static struct conf_value *find_exactly(const struct conf_value *map, struct bytes key,
                                       uint32_t *index)
{
    for (uint32_t i = map->values_count; i > 0; i--) {
        if (bytes_equal(map->values[i - 1]->key, key)) {
            *index = i - 1;
            return map->values[i - 1];
        }
    }
    return NULL;
}

static bool count_below(struct parser *parser, struct conf_value *block, struct conf_place place,
                        const struct conf_value *value)
{
    block->depth = MAX_OF(block->depth, value->depth + 1);
    if (block->depth > CONF_DEPTH_MAX) {
        return fail(parser, place, "blocks are nested deeper than %d", CONF_DEPTH_MAX);
    }
    if (block->weight + value->weight > CONF_VALUES_MAX ||
        parser->conf->values_count > CONF_VALUES_MAX) {
        return fail(parser, place, "there are more than %d values", CONF_VALUES_MAX);
    }
    block->weight += value->weight;
    return true;
}

static bool append(struct parser *parser, struct conf_value *block, struct conf_value *value)
{
    struct conf_place place = {.line = value->line, .column = value->column};
    if (block->values_count == block->values_capacity) {
        /* Grown by copying: conf_free frees each array by itself, so none may move. */
        uint32_t capacity = MAX_OF(4, 2 * block->values_capacity);
        struct conf_value **values = memory_alloc(capacity * sizeof(*values));
        own(parser->conf, values);
        if (block->values_count > 0) {
            memcpy(values, block->values, block->values_count * sizeof(*values));
        }
        block->values = values;
        block->values_capacity = capacity;
    }
    block->values[block->values_count++] = value;
    return count_below(parser, block, place, value);
}

/* A later value takes the place of an earlier one of the same key. */
static bool put(struct parser *parser, struct conf_value *map, struct conf_value *value)
{
    uint32_t index = 0;
    const struct conf_value *earlier = find_exactly(map, value->key, &index);
    if (earlier == NULL) {
        return append(parser, map, value);
    }
    conf_warn(value, "\"%.*s\" was given before, at %.200s:%u:%u; this one counts",
              (int)MIN_OF(value->key.size, 80), (const char *)value->key.ptr, earlier->file,
              earlier->key_line, earlier->key_column);
    value->is_used |= earlier->is_used;
    map->values[index] = value;
    struct conf_place place = {.line = value->line, .column = value->column};
    return count_below(parser, map, place, value);
}

/* ---- variables and includes ------------------------------------------------------------------ */

/* NULL: the parser's error is filled; so with all that return a value below. */
static struct conf_value *parse_value(struct parser *parser, const struct scope *scope);

/* The same value, at another place. */
static struct conf_value *stand_in(struct parser *parser, const struct conf_value *original,
                                   struct conf_place place)
{
    struct conf_value *value = value_new(parser, place);
    struct conf_value fresh = *value;
    *value = *original;
    value->file = fresh.file;
    value->line = fresh.line;
    value->column = fresh.column;
    value->key = fresh.key;
    value->key_line = fresh.key_line;
    value->key_column = fresh.key_column;
    value->is_used = false;
    return value;
}

/* The text of an environment variable is read as a value would be in a file. */
static struct conf_value *parse_environment(struct parser *parser, const char *name,
                                            const char *text, struct conf_place place)
{
    char path[CONF_ERROR_MAX];
    snprintf(path, sizeof(path), "$%.80s", name);
    struct parser inner = *parser;
    inner.outer = NULL;
    inner.nesting++;
    inner.path = own_text(parser->conf, bytes_text(path));
    if (inner.nesting > ENVIRONMENT_NESTING_MAX + CONF_INCLUDE_MAX) {
        (void)fail(parser, place, "$%.80s refers to variables that refer to variables too often",
                   name);
        return NULL;
    }
    struct bytes all = bytes_text(text);
    conf_lex_init(&inner.lex, inner.path, own_text(parser->conf, all), all.size);
    conf_lex_skip(&inner.lex, true);
    struct conf_value *value = parse_value(&inner, NULL);
    if (value == NULL) {
        return NULL;
    }
    conf_lex_skip(&inner.lex, true);
    if (inner.lex.at < inner.lex.end) {
        (void)fail(parser, place,
                   "the environment's $%.80s is more than one value; a text with blanks needs "
                   "quotes around it",
                   name);
        return NULL;
    }
    return stand_in(parser, value, place);
}

static struct conf_value *resolve(struct parser *parser, const struct scope *scope,
                                  struct bytes name, struct conf_place place)
{
    for (; scope != NULL; scope = scope->outer) {
        uint32_t index = 0;
        struct conf_value *found = find_exactly(scope->map, name, &index);
        if (found != NULL) {
            found->is_used = true;
            return stand_in(parser, found, place);
        }
    }
    const char *text_name = own_text(parser->conf, name);
    const char *text = parser->source->variable != NULL
                           ? parser->source->variable(parser->source->argument, text_name)
                           : NULL;
    if (text == NULL) {
        (void)fail(parser, place,
                   "the variable $%.80s is not known: neither is a key of that name given before, "
                   "nor is it in the environment; a text that begins with $ needs quotes",
                   text_name);
        return NULL;
    }
    return parse_environment(parser, text_name, text, place);
}

static const char *include_path(struct parser *parser, struct bytes name)
{
    const char *slash = strrchr(parser->path, '/');
    bool is_absolute = name.size > 0 && name.ptr[0] == '/';
    size_t folder = slash != NULL && !is_absolute ? (size_t)(slash - parser->path) + 1 : 0;
    char *path = memory_alloc(folder + name.size + 1);
    own(parser->conf, path);
    memcpy(path, parser->path, folder);
    if (name.size > 0) {
        memcpy(path + folder, name.ptr, name.size);
    }
    return path;
}

static struct conf_value *parse_file(struct conf *conf, const struct conf_source *source,
                                     const char *path, const struct parser *outer,
                                     struct conf_place place, struct conf_error *error);

/* At the path behind "include": its statements are as if they stood here. */
static bool parse_include(struct parser *parser, struct conf_value *map)
{
    struct conf_word word;
    if (!conf_lex_value(&parser->lex, &word, parser->error)) {
        return false;
    }
    const char *path = include_path(parser, word.text);
    for (const struct parser *p = parser; p != NULL; p = p->outer) {
        if (strcmp(p->path, path) == 0) {
            return fail(parser, word.place, "%.200s includes itself", path);
        }
    }
    if (parser->nesting + 1 >= CONF_INCLUDE_MAX) {
        return fail(parser, word.place, "files are included in files more than %d deep",
                    CONF_INCLUDE_MAX);
    }
    const struct conf_value *root =
        parse_file(parser->conf, parser->source, path, parser, word.place, parser->error);
    if (root == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < root->values_count; i++) {
        if (!put(parser, map, root->values[i])) {
            return false;
        }
    }
    return true;
}

/* ---- the grammar ----------------------------------------------------------------------------- */

static bool parse_assignment(struct parser *parser, const struct scope *scope)
{
    struct conf_value *value = parse_value(parser, scope);
    return value != NULL && put(parser, scope->map, value);
}

static bool parse_statement(struct parser *parser, const struct scope *scope)
{
    struct conf_lex *lex = &parser->lex;
    if (!conf_lex_key(lex, &parser->key, parser->error)) {
        return false;
    }
    bool done = parser->key.kind == CONF_WORD_INCLUDE ? parse_include(parser, scope->map)
                                                      : parse_assignment(parser, scope);
    if (done && !conf_lex_statement_ends(lex)) {
        return fail(parser, conf_lex_place(lex),
                    "a line end, a comma or a semicolon is missing before \"%c\"",
                    conf_lex_peek(lex));
    }
    return done;
}

/* Statements up to `last`, which is left: '}', or 0 for the end of the text. */
static bool parse_statements(struct parser *parser, const struct scope *outer, uint8_t last,
                             struct conf_value *map)
{
    struct scope scope = {.map = map, .outer = outer};
    struct conf_word key = parser->key;
    bool done = true;
    conf_lex_skip_separators(&parser->lex);
    while (done && conf_lex_peek(&parser->lex) != last && conf_lex_peek(&parser->lex) != 0) {
        done = parse_statement(parser, &scope);
        conf_lex_skip_separators(&parser->lex);
    }
    parser->key = key;
    return done;
}

/* At "{". */
static bool parse_map(struct parser *parser, const struct scope *scope, struct conf_value *map)
{
    struct conf_lex *lex = &parser->lex;
    struct conf_place place = conf_lex_place(lex);
    map->kind = CONF_MAP;
    conf_lex_step(lex);
    if (!parse_statements(parser, scope, '}', map)) {
        return false;
    }
    if (conf_lex_peek(lex) != '}') {
        return fail(parser, place, "the block that begins here has no }");
    }
    conf_lex_step(lex);
    return true;
}

/* At "[". */
static bool parse_array(struct parser *parser, const struct scope *scope, struct conf_value *array)
{
    struct conf_lex *lex = &parser->lex;
    struct conf_place place = conf_lex_place(lex);
    array->kind = CONF_ARRAY;
    conf_lex_step(lex);
    conf_lex_skip(lex, true);
    while (conf_lex_peek(lex) != ']') {
        if (lex->at == lex->end) {
            return fail(parser, place, "the array that begins here has no ]");
        }
        struct conf_value *value = parse_value(parser, scope);
        if (value == NULL || !append(parser, array, value)) {
            return false;
        }
        uint32_t line = lex->line;
        conf_lex_skip(lex, true);
        bool has_comma = conf_lex_peek(lex) == ',';
        if (has_comma) {
            conf_lex_step(lex);
            conf_lex_skip(lex, true);
        }
        if (!has_comma && lex->line == line && lex->at < lex->end && conf_lex_peek(lex) != ']') {
            return fail(parser, conf_lex_place(lex), "a comma is missing before \"%c\"",
                        conf_lex_peek(lex));
        }
    }
    conf_lex_step(lex);
    return true;
}

static struct conf_value *parse_scalar(struct parser *parser, const struct scope *scope)
{
    struct conf_word word;
    if (!conf_lex_value(&parser->lex, &word, parser->error)) {
        return NULL;
    }
    struct bytes name = word.text;
    if (word.kind == CONF_WORD_BARE && conf_lex_is_variable(&name)) {
        return resolve(parser, scope, name, word.place);
    }
    struct conf_value *value = value_new(parser, word.place);
    value->kind = CONF_STRING;
    value->string = word.text;
    if (word.kind == CONF_WORD_BARE && !conf_lex_classify(word.text, value)) {
        (void)fail(parser, word.place, "%.*s is out of range", (int)MIN_OF(word.text.size, 40),
                   (const char *)word.text.ptr);
        return NULL;
    }
    return value;
}

static struct conf_value *parse_value(struct parser *parser, const struct scope *scope)
{
    struct conf_place place = conf_lex_place(&parser->lex);
    uint8_t c = conf_lex_peek(&parser->lex);
    if (c != '{' && c != '[') {
        return parse_scalar(parser, scope);
    }
    if (parser->depth == CONF_DEPTH_MAX) {
        (void)fail(parser, place, "blocks are nested deeper than %d", CONF_DEPTH_MAX);
        return NULL;
    }
    parser->depth++;
    struct conf_value *value = value_new(parser, place);
    bool done = c == '{' ? parse_map(parser, scope, value) : parse_array(parser, scope, value);
    parser->depth--;
    return done ? value : NULL;
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool parse_text(struct parser *parser, struct conf_value *root)
{
    struct conf_lex *lex = &parser->lex;
    conf_lex_skip_separators(lex);
    if (conf_lex_peek(lex) != '{') {
        return parse_statements(parser, NULL, 0, root);
    }
    if (!parse_map(parser, NULL, root)) {
        return false;
    }
    conf_lex_skip_separators(lex);
    if (lex->at < lex->end) {
        return fail(parser, conf_lex_place(lex), "nothing can follow the } of the whole file");
    }
    return true;
}

/* The text of a file as the conf's own; NULL fills error. */
static char *read_file(struct conf *conf, const struct conf_source *source, const char *path,
                       const char *from, size_t *size, struct conf_error *error)
{
    char why[WHY_MAX] = "";
    char *text = source->file(source->argument, path, size, why, sizeof(why));
    if (text == NULL) {
        (void)conf_explain(error, "%.230s%.200s: cannot be read: %s", from, path, why);
        return NULL;
    }
    own(conf, text);
    conf->bytes_count += *size;
    if (conf->bytes_count > CONF_FILE_BYTES_MAX) {
        (void)conf_explain(error, "%.230s%.200s: more than %d MiB of configuration", from, path,
                           CONF_FILE_BYTES_MAX >> 20);
        return NULL;
    }
    return text;
}

static struct conf_value *parse_file(struct conf *conf, const struct conf_source *source,
                                     const char *path, const struct parser *outer,
                                     struct conf_place place, struct conf_error *error)
{
    char from[CONF_ERROR_MAX] = "";
    size_t size = 0;
    if (outer != NULL) {
        snprintf(from, sizeof(from), "%.200s:%u:%u: ", outer->path, place.line, place.column);
    }
    char *text = read_file(conf, source, path, from, &size, error);
    if (text == NULL) {
        return NULL;
    }
    struct parser parser = {.conf = conf,
                            .source = source,
                            .error = error,
                            .path = path,
                            .outer = outer,
                            .nesting = outer != NULL ? outer->nesting + 1 : 0};
    conf_lex_init(&parser.lex, path, text, size);
    const uint8_t *zero = size > 0 ? memchr(text, 0, size) : NULL;
    if (zero != NULL) {
        while (parser.lex.at < zero) {
            conf_lex_step(&parser.lex);
        }
        (void)fail(&parser, conf_lex_place(&parser.lex),
                   "a zero byte: this is not a configuration file");
        return NULL;
    }
    struct conf_value *root = value_new(&parser, (struct conf_place){.line = 1, .column = 1});
    root->kind = CONF_MAP;
    return parse_text(&parser, root) ? root : NULL;
}

struct conf *conf_parse(const char *path, const struct conf_source *source,
                        struct conf_error *error)
{
    struct conf *conf = memory_alloc(sizeof(*conf));
    const char *copy = own_text(conf, bytes_text(path));
    error->text[0] = '\0';
    conf->root = parse_file(conf, source, copy, NULL, (struct conf_place){0}, error);
    if (conf->root == NULL) {
        conf_free(conf);
        return NULL;
    }
    return conf;
}
