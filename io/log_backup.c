/* log_backup.c - names that sort by age. */
#include "io/log_backup.h"

#include "io/sys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ".2026.11.22.10.00.00.000000000" */
#define STAMP "_dddd_dd_dd_dd_dd_dd_ddddddddd"

enum { STAMP_SIZE = sizeof(STAMP) - 1 };

int log_backup_make(const char *path, bool utc, char backup[LOG_BACKUP_PATH_MAX])
{
    uint64_t now_ns = sys_wall_ns();
    time_t second = (time_t)(now_ns / 1000000000);
    struct tm parts;
    char stamp[64];
    (void)(utc ? gmtime_r(&second, &parts) : localtime_r(&second, &parts));
    strftime(stamp, sizeof(stamp), "%Y.%m.%d.%H.%M.%S", &parts);
    int size = snprintf(backup, LOG_BACKUP_PATH_MAX, "%s.%s.%09u", path, stamp,
                        (unsigned)(now_ns % 1000000000));
    if (size >= LOG_BACKUP_PATH_MAX) {
        return -ENAMETOOLONG;
    }
    return rename(path, backup) == 0 ? 0 : -errno;
}

static bool is_stamp(const char *text)
{
    if (strlen(text) != STAMP_SIZE) {
        return false;
    }
    for (size_t i = 0; i < STAMP_SIZE; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (STAMP[i] == 'd' ? !is_digit : text[i] != '.') {
            return false;
        }
    }
    return true;
}

static int by_stamp(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t log_backup_purge(const char *path, size_t most)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    int size = slash != NULL ? (int)(slash - path) + 1 : 1;
    snprintf(folder, sizeof(folder), "%.*s", size, slash != NULL ? path : ".");
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return 0;
    }
    size_t name_size = strlen(name);
    size_t count = 0;
    char(*stamps)[STAMP_SIZE + 1] = memory_resize(NULL, LOG_BACKUPS_MAX * sizeof(*stamps));
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL && count < LOG_BACKUPS_MAX) {
        if (strncmp(entry->d_name, name, name_size) == 0 && is_stamp(entry->d_name + name_size)) {
            memcpy(stamps[count++], entry->d_name + name_size, STAMP_SIZE + 1);
        }
    }
    closedir(dir);
    qsort(stamps, count, sizeof(*stamps), by_stamp);
    size_t gone = 0;
    for (size_t i = 0; i + most < count; i++) {
        char backup[LOG_BACKUP_PATH_MAX];
        snprintf(backup, sizeof(backup), "%s%s", path, stamps[i]);
        gone += unlink(backup) == 0;
    }
    memory_free(stamps);
    return gone;
}
