/*
 * scrub_tool.h - ringhub scrub: what would the rules of a file do to a payload, or to a file of
 * examples?
 *
 * Threads:     main thread; no hub runs.
 */
#ifndef RINGHUB_IO_SCRUB_TOOL_H
#define RINGHUB_IO_SCRUB_TOOL_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* argv[0] is the word after the program's name: "scrub". Returns the exit status: 0: passed or
 * cleaned, all examples as expected; 1: refused, or an example is not; 2: the command line or a file
 * is wrong. */
int scrub_tool_main(const char *program, int argc, char *const argv[]);

#ifdef __cplusplus
}
#endif
#endif
