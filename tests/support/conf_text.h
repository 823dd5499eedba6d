/*
 * conf_text.h - configuration out of texts in the program: for tests.
 *
 * Threads:     plain functions.
 */
#ifndef RINGHUB_TESTS_SUPPORT_CONF_TEXT_H
#define RINGHUB_TESTS_SUPPORT_CONF_TEXT_H

#include "core/conf.h"

/* A file, or a variable of the environment. A list of them ends with a name of NULL. */
struct conf_text {
    const char *name;
    const char *text;
};

/* Reads text as the file "hub.conf". NULL fills error. */
struct conf *conf_text_parse(const char *text, struct conf_error *error);
/* The same with files to include, and with an environment; either may be NULL. */
struct conf *conf_text_parse_among(const char *text, const struct conf_text *files,
                                   const struct conf_text *variables, struct conf_error *error);

#endif
