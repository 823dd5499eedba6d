/* test_log_backup.c - what is moved away, what is removed, and what is left alone. */
#include "io/log_backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[128];

static void put(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool is_there(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static int setup(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%.90s/backup-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* A backup holds what the log held, under a name that says when. */
static void test_make(void **state)
{
    (void)state;
    char path[512];
    char backup[LOG_BACKUP_PATH_MAX];
    snprintf(path, sizeof(path), "%s/hub.log", folder);
    assert_int_not_equal(log_backup_make(path, true, backup), 0);
    put("hub.log", "line\n");
    assert_int_equal(log_backup_make(path, true, backup), 0);
    assert_false(is_there("hub.log"));
    assert_int_equal(strlen(backup), strlen(path) + strlen(".2026.11.22.10.00.00.000000000"));
    char text[16] = "";
    FILE *file = fopen(backup, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_string_equal(text, "line\n");
    assert_int_equal(log_backup_purge(path, 0), 1);
}

/* The oldest go; files of other names are not backups, however like them they look. */
static void test_purge(void **state)
{
    (void)state;
    static const char *const backups[] = {
        "hub.log.2026.01.02.03.04.05.000000009", "hub.log.2025.12.31.23.59.59.999999999",
        "hub.log.2026.01.02.03.04.05.000000010", "hub.log.2026.01.02.03.04.06.000000000"};
    static const char *const others[] = {"hub.log",
                                         "hub.log.1",
                                         "hub.log.2025.12.31.23.59.59.99999999x",
                                         "hub.log.2025.12.31.23.59.59.999999999.gz",
                                         "xhub.log.2025.12.31.23.59.59.999999999",
                                         "hub.log2025.12.31.23.59.59.9999999999"};
    for (size_t i = 0; i < COUNT_OF(backups); i++) {
        put(backups[i], "x");
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        put(others[i], "x");
    }
    char path[512];
    snprintf(path, sizeof(path), "%s/hub.log", folder);
    assert_int_equal(log_backup_purge(path, 4), 0);
    assert_int_equal(log_backup_purge(path, 2), 2);
    assert_false(is_there(backups[0]) || is_there(backups[1]));
    assert_true(is_there(backups[2]) && is_there(backups[3]));
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_true(is_there(others[i]));
    }
    assert_int_equal(log_backup_purge("/nowhere/hub.log", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_make, setup, teardown),
        cmocka_unit_test_setup_teardown(test_purge, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
