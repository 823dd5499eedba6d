/*
 * json_path.h - which members of a JSON text does a set of paths name, and away with them.
 *
 *   $.user.email   a member of a member        $.items[0]     an element
 *   $..password    a member anywhere below     $.items[*].id  all elements, all members: [*] or .*
 *   $['a.b']       a name that is no word      $..[0]         as $..name
 *
 * Names are compared by what they mean: "pass\u0077ord" is password. Every member of that name
 * counts, also when an object has it twice.
 *
 * Threads:     a compiled set is immutable; paths_edit is pure but for the draft.
 * Memory:      a set owns a copy of its names.
 * Limits:      PATH_STEPS_MAX steps over all paths of a set: which of them a place in the text has
 *              come to is one word.
 */
#ifndef RINGHUB_CORE_JSON_PATH_H
#define RINGHUB_CORE_JSON_PATH_H

#include "core/draft.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PATH_STEPS_MAX = 64 };

enum path_step_kind { PATH_NAME, PATH_ANY, PATH_INDEX };

struct path_step {
    enum path_step_kind kind;
    bool is_deep; /* behind "..": at any depth below */
    bool is_last;
    bool is_drop; /* what the path wants: away, or masked */
    size_t index;
    size_t name_size;
    uint8_t *name;
};

struct paths {
    struct path_step steps[PATH_STEPS_MAX];
    uint32_t steps_count;
    uint64_t starts; /* the first step of each path */
};

/* NULL: added; else what is wrong with it, a sentence's end. */
const char *paths_add(struct paths *paths, struct bytes path, bool is_drop);
void paths_free(struct paths *paths);

/* Notes the edits that drop or mask what the paths name; the draft's text is well-formed JSON.
 * put: a JSON text that stands for what is masked. */
void paths_edit(const struct paths *paths, struct draft *draft, struct bytes put);

#ifdef __cplusplus
}
#endif
#endif
