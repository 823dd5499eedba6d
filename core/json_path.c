/*
 * json_path.c - one walk over the text; at every place, the steps that could match what comes next
 * are the bits of one word. A subtree no step can reach is skipped.
 */
#include "core/json_path.h"

#include "core/json_cursor.h"

/* ---- compiling ------------------------------------------------------------------------------- */

void paths_free(struct paths *paths)
{
    for (uint32_t i = 0; i < paths->steps_count; i++) {
        memory_free(paths->steps[i].name);
    }
    *paths = (struct paths){0};
}

static const char *step_name(struct path_step *step, struct bytes name)
{
    if (name.size == 0) {
        return "has an empty name";
    }
    step->kind = PATH_NAME;
    step->name = memory_alloc(name.size);
    step->name_size = name.size;
    memcpy(step->name, name.ptr, name.size);
    return NULL;
}

static size_t size_until(struct bytes text, const char *ends)
{
    size_t size = 0;
    while (size < text.size && strchr(ends, text.ptr[size]) == NULL) {
        size++;
    }
    return size;
}

/* Behind '['. */
static const char *step_bracket(struct path_step *step, struct bytes *rest)
{
    static const char unclosed[] = "has a [ without its ]";
    if (rest->size == 0) {
        return unclosed;
    }
    uint8_t quote = rest->ptr[0];
    if (quote == '\'' || quote == '"') {
        *rest = bytes_skip(*rest, 1);
        size_t size = size_until(*rest, quote == '"' ? "\"" : "'");
        if (rest->size < size + 2 || rest->ptr[size + 1] != ']') {
            return unclosed;
        }
        const char *wrong = step_name(step, bytes_of(rest->ptr, size));
        *rest = bytes_skip(*rest, size + 2);
        return wrong;
    }
    size_t size = size_until(*rest, "]");
    if (size == rest->size) {
        return unclosed;
    }
    step->kind = size == 1 && quote == '*' ? PATH_ANY : PATH_INDEX;
    for (size_t i = 0; step->kind == PATH_INDEX && i < size; i++) {
        if (rest->ptr[i] < '0' || rest->ptr[i] > '9' || i == 9) {
            return "has neither a number, * nor a quoted name between [ and ]";
        }
        step->index = step->index * 10 + (rest->ptr[i] - '0');
    }
    if (size == 0) {
        return "has nothing between [ and ]";
    }
    *rest = bytes_skip(*rest, size + 1);
    return NULL;
}

static const char *step_take(struct path_step *step, struct bytes *rest)
{
    bool has_dot = rest->ptr[0] == '.';
    if (has_dot) {
        *rest = bytes_skip(*rest, 1);
        step->is_deep = rest->size > 0 && rest->ptr[0] == '.';
        *rest = bytes_skip(*rest, step->is_deep);
    }
    if (rest->size > 0 && rest->ptr[0] == '[' && (!has_dot || step->is_deep)) {
        *rest = bytes_skip(*rest, 1);
        return step_bracket(step, rest);
    }
    if (!has_dot) {
        return "wants a . or a [ before each name";
    }
    size_t size = size_until(*rest, ".[");
    struct bytes name = bytes_of(rest->ptr, size);
    *rest = bytes_skip(*rest, size);
    if (size == 1 && name.ptr[0] == '*') {
        step->kind = PATH_ANY;
        return NULL;
    }
    return step_name(step, name);
}

const char *paths_add(struct paths *paths, struct bytes path, bool is_drop)
{
    if (path.size < 2 || path.ptr[0] != '$') {
        return "must begin with $ and go on, as $.user.email or $..password do";
    }
    paths->starts |= paths->steps_count < PATH_STEPS_MAX ? 1ull << paths->steps_count : 0;
    struct bytes rest = bytes_skip(path, 1);
    while (rest.size > 0) {
        if (paths->steps_count == PATH_STEPS_MAX) {
            return "is one too many: all paths of a rule together may have 64 steps";
        }
        struct path_step *step = &paths->steps[paths->steps_count++];
        *step = (struct path_step){.is_drop = is_drop};
        const char *wrong = step_take(step, &rest);
        if (wrong != NULL) {
            return wrong;
        }
        step->is_last = rest.size == 0;
        if (step->is_last && is_drop && step->kind == PATH_INDEX) {
            return "must not end in a number: what follows would move up and go next time";
        }
    }
    return NULL;
}

/* ---- walking --------------------------------------------------------------------------------- */

struct walk {
    const struct paths *paths;
    struct draft *draft;
    struct bytes put;
    struct json_cursor at;
};

/* What a child is to the paths. */
struct fate {
    uint64_t below; /* steps that could match its children */
    bool drop;
    bool mask;
};

static bool step_matches(const struct path_step *step, bool is_object, struct bytes key,
                         size_t index)
{
    switch (step->kind) {
    case PATH_ANY:
        return true;
    case PATH_INDEX:
        return !is_object && step->index == index;
    default:
        return is_object && json_means(key, bytes_of(step->name, step->name_size));
    }
}

static struct fate fate_of(const struct paths *paths, uint64_t steps, bool is_object,
                           struct bytes key, size_t index)
{
    struct fate fate = {0};
    for (; steps != 0; steps &= steps - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(steps);
        const struct path_step *step = &paths->steps[i];
        if (step->is_deep) {
            fate.below |= 1ull << i;
        }
        if (!step_matches(step, is_object, key, index)) {
            continue;
        }
        if (!step->is_last) {
            fate.below |= 2ull << i;
        } else if (step->is_drop) {
            fate.drop = true;
        } else {
            fate.mask = true;
        }
    }
    return fate;
}

static void walk_value(struct walk *walk, uint64_t steps);

/* A child goes: with the comma before it, or, where nothing before it stayed, the one behind. */
static void drop_child(struct walk *walk, const uint8_t *start, const uint8_t *comma)
{
    const uint8_t *text = walk->draft->text.ptr;
    const uint8_t *to = walk->at.at;
    if (comma == NULL) {
        struct json_cursor behind = walk->at;
        json_space(&behind);
        to = *behind.at == ',' ? behind.at + 1 : to;
    }
    const uint8_t *from = comma != NULL ? comma : start;
    draft_edit(walk->draft, (size_t)(from - text), (size_t)(to - text), (struct bytes){0});
}

static void walk_children(struct walk *walk, uint64_t steps)
{
    const uint8_t *text = walk->draft->text.ptr;
    bool is_object = *walk->at.at == '{';
    bool has_kept = false;
    size_t index = 0;
    const uint8_t *comma = walk->at.at;
    json_enter(&walk->at);
    for (bool first = true; json_next(&walk->at, &first); index++) {
        const uint8_t *start = walk->at.at;
        struct bytes key = is_object ? json_key(&walk->at) : (struct bytes){0};
        const uint8_t *value = walk->at.at;
        struct fate fate = fate_of(walk->paths, steps, is_object, key, index);
        if (fate.drop) {
            (void)json_take(&walk->at);
            drop_child(walk, start, has_kept ? comma : NULL);
        } else if (fate.mask) {
            struct bytes old = json_take(&walk->at);
            if (!bytes_equal(old, walk->put)) {
                draft_edit(walk->draft, (size_t)(value - text), (size_t)(walk->at.at - text),
                           walk->put);
            }
        } else {
            walk_value(walk, fate.below);
        }
        has_kept = has_kept || !fate.drop;
        struct json_cursor behind = walk->at;
        json_space(&behind);
        comma = behind.at;
    }
}

static void walk_value(struct walk *walk, uint64_t steps)
{
    bool is_container = *walk->at.at == '{' || *walk->at.at == '[';
    if (steps == 0 || !is_container) {
        (void)json_take(&walk->at);
        return;
    }
    walk_children(walk, steps);
}

void paths_edit(const struct paths *paths, struct draft *draft, struct bytes put)
{
    struct walk walk = {
        .paths = paths, .draft = draft, .put = put, .at = json_cursor_of(draft->text)};
    json_space(&walk.at);
    walk_value(&walk, paths->starts);
}
