/*
 * report_html.h - results as one page that needs nothing else. hubload report.
 *
 *   results ─▶ collection ─▶ tables, charts (inline SVG), checks, facts ─▶ one .html file
 *
 * Threads:     main thread.
 */
#ifndef RINGHUB_LOADGEN_REPORT_HTML_H
#define RINGHUB_LOADGEN_REPORT_HTML_H

#include "loadgen/collection.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The page. Everything that comes from the results is escaped. */
void report_html(FILE *out, const struct collection *collection, const char *title);

extern const char report_html_style[];

/* The subcommand. argv[0] is its name. Returns the exit status: 0 written, 1 the page cannot be
 * written, 2 wrong options or files. */
MUST_USE int report_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
