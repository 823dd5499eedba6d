/*
 * log_backup.h - a log that has grown to its limit becomes a backup; the oldest backups go.
 *
 *   hub.log ─rename─▶ hub.log.2026.11.22.10.00.00.000000000      as nats-server names them
 *
 * Threads:     one.
 * Limits:      of each call: LOG_BACKUPS_MAX backups are looked at.
 */
#ifndef RINGHUB_IO_LOG_BACKUP_H
#define RINGHUB_IO_LOG_BACKUP_H

#include "core/base.h"

#include <limits.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LOG_BACKUP_PATH_MAX = PATH_MAX + 32, LOG_BACKUPS_MAX = 4096 };

/* Moves the file away. Returns 0, or a negative errno: it is still where it was. */
MUST_USE int log_backup_make(const char *path, bool utc, char backup[LOG_BACKUP_PATH_MAX]);

/* Removes the oldest backups of this path until `most` are left. Returns how many are gone. */
size_t log_backup_purge(const char *path, size_t most);

#ifdef __cplusplus
}
#endif
#endif
