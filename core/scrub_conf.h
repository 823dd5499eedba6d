/*
 * scrub_conf.h - the block "scrub" of a configuration file -> rules.
 *
 *   scrub {
 *     log_every: 100
 *     rules [
 *       { name: orders, subject: "orders.>", utf8: refuse, json { drop: ["$..password"] },
 *         mask: [email, card], refused: tell }
 *     ]
 *   }
 *
 * docs/scrub.md says what each key means.
 *
 * Threads:     as conf.h.
 * Memory:      the caller gets one reference.
 */
#ifndef RINGHUB_CORE_SCRUB_CONF_H
#define RINGHUB_CORE_SCRUB_CONF_H

#include "core/conf.h"
#include "core/scrub_rules.h"

#ifdef __cplusplus
extern "C" {
#endif

/* False fills error. */
MUST_USE bool scrub_from_conf(const struct conf_value *block, struct scrub_rules **rules,
                              struct conf_error *error);

#ifdef __cplusplus
}
#endif
#endif
