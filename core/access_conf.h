/*
 * access_conf.h - the authorization block of a configuration file -> who may do what.
 *
 *   authorization { user, password | token | users [ … ], timeout, default_permissions }
 *   users entry   { user, password | nkey, permissions, allowed_connection_types }
 *   permissions   { publish, subscribe: "subject" | [ … ] | { allow, deny }, allow_responses }
 *
 * Options of the command line (--user and --pass, --auth) stand instead of the block.
 *
 * Threads:     the main thread.
 */
#ifndef RINGHUB_CORE_ACCESS_CONF_H
#define RINGHUB_CORE_ACCESS_CONF_H

#include "core/access.h"
#include "core/conf.h"
#include "core/config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What options and file say together; file may be NULL. True: *access is the caller's, or NULL for no
 * authorization, which only a hub that is local, or said to be open, may have. */
MUST_USE bool access_make(const struct config *config, const struct conf *file,
                          struct access **access, struct conf_error *error);

/* True: *access is the caller's, or NULL where the block names nobody: no authorization. */
MUST_USE bool access_from_conf(const struct conf_value *block, struct access **access,
                               struct conf_error *error);

/* The top-level key no_auth_user; access may be NULL, which is an error. */
MUST_USE bool access_no_auth_from_conf(const struct conf_value *value, struct access *access,
                                       struct conf_error *error);

/* Of one permissions block; *permit is the caller's. */
MUST_USE bool permit_from_conf(const struct conf_value *block, struct permit **permit,
                               struct conf_error *error);

#ifdef __cplusplus
}
#endif
#endif
