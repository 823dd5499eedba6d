/*
 * script.h - a scenario in a file: the same options as on the command line, one a line.
 *
 *   # who measured this first, and where
 *   kind        fanout            (or request, idle, storm; the first line that is not a comment)
 *   subscribers 1000
 *   poisson                       (an option without a value)
 *
 * Options behind the file's name come later, so they win.
 *
 * Threads:     main thread.
 */
#ifndef RINGHUB_LOADGEN_SCRIPT_H
#define RINGHUB_LOADGEN_SCRIPT_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SCRIPT_WORDS_MAX = 256 };

/* A command line. */
struct script {
    int count;
    char **words; /* owned, as each of them; words[0] is the kind */
};

/* Returns false when text is no scenario, with a sentence in error. */
MUST_USE bool script_parse(struct script *script, const char *text, char *error,
                           size_t error_bytes);
/* Appends a copy. False: too many. */
MUST_USE bool script_add(struct script *script, const char *word);
void script_free(struct script *script);

/* hubload run FILE [OPTION…]; a FILE that is not there is looked for in loadgen/scenarios. */
MUST_USE int script_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
