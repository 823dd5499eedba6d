/*
 * configuration.h - what is the hub to do, by its command line and its file: at start, and again on
 * SIGHUP?
 *
 *   configuration_read   options ▶ which file? ▶ its keys ▶ options once more ▶ valid?
 *   again                the same into another struct, then config_change between the two
 *
 * Threads:     main thread.
 * Memory:      owns the file's tree, which is kept for its warnings.
 */
#ifndef RINGHUB_IO_CONFIGURATION_H
#define RINGHUB_IO_CONFIGURATION_H

#include "core/access_conf.h"

#ifdef __cplusplus
extern "C" {
#endif

struct configuration {
    struct config config;
    struct conf *conf;        /* NULL: no file */
    struct access *access;    /* NULL: no authorization */
    bool is_fault_of_options; /* of CONFIG_INVALID: the command line is wrong, and not the file */
};

/* CONFIG_INVALID fills error, which names the option or file:line:column. The configuration is to be
 * freed whatever the answer. */
MUST_USE enum config_command configuration_read(struct configuration *configuration, int argc,
                                                char *const argv[], struct conf_error *error);
void configuration_free(struct configuration *configuration);

/* Things that are allowed and deserve a line: index 0, 1, … until false. */
bool configuration_warning(const struct configuration *configuration, size_t index,
                           struct conf_error *warning);

/* Do the files say something else under this key? For blocks; config_change has the rest. */
bool configuration_block_differs(const struct configuration *a, const struct configuration *b,
                                 const char *key);

#ifdef __cplusplus
}
#endif
#endif
