/*
 * control.h - which bytes of a text are control characters or sequences that steer a terminal?
 *
 * Control characters: U+0000 to U+001F but for TAB, LF and CR, U+007F to U+009F (those above ASCII
 * as UTF-8). Sequences, taken whole: CSI (colours, cursor), OSC and its kind (titles, links) up to
 * their end, and ESC with what belongs to it. Each also where JSON writes it as \u00XX.
 *
 * Threads:     pure functions.
 * Limits:      time grows with the text and nothing else.
 * Invariants:  (1) what control_edit leaves holds no control character.
 *              (2) it takes no quote and cuts no escape, so JSON stays what it was.
 */
#ifndef RINGHUB_CORE_CONTROL_H
#define RINGHUB_CORE_CONTROL_H

#include "core/draft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The first control character at or behind from; text.size: none. */
size_t control_next(struct bytes text, size_t from);

/* Notes the edits that take them all away. */
void control_edit(struct draft *draft);

#ifdef __cplusplus
}
#endif
#endif
