/*
 * reload.h - SIGHUP: the configuration is read again, and all that can change without a restart does.
 *
 *   read, checked ─▶ refused as a whole, with a sentence: all is as it was
 *        └─────────▶ log, workers, monitoring get what is new; each change is logged
 *
 * Threads:     the main thread.
 */
#ifndef RINGHUB_IO_RELOAD_H
#define RINGHUB_IO_RELOAD_H

#include "io/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reloads if program->reload_asked; while workers still make the last settings known, it waits for the
 * next call. */
void reload_look(struct program *program);

#ifdef __cplusplus
}
#endif
#endif
