/*
 * nats_words.h - what a client is told when something is wrong.
 *
 * Threads:     the hub's.
 */
#ifndef RINGHUB_CORE_PROTO_NATS_WORDS_H
#define RINGHUB_CORE_PROTO_NATS_WORDS_H

#include "core/hub.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -ERR 'text' */
void nats_say_error(struct hub *hub, struct session *session, const char *text);

/* -ERR 'Permissions Violation for <what> "<name>"[ using queue "<queue>"][<rest>]' */
void nats_say_violation(struct hub *hub, struct session *session, const char *what,
                        struct bytes name, struct bytes queue, struct bytes rest);

/* Says it, unless text is NULL, and closes. */
void nats_close_saying(struct hub *hub, struct session *session, const char *text,
                       enum close_reason reason);

#ifdef __cplusplus
}
#endif
#endif
