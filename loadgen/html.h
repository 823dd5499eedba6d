/*
 * html.h - text into a page: everything that comes from outside goes through html_text.
 *
 * Threads:     any; no state.
 */
#ifndef RINGHUB_LOADGEN_HTML_H
#define RINGHUB_LOADGEN_HTML_H

#include "core/base.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Escaped, fit for text and for attributes in double quotes. Control characters become blanks, so
 * that nothing ends a line of markup or is invalid in XML. */
void html_text(FILE *out, const char *text);

#ifdef __cplusplus
}
#endif
#endif
