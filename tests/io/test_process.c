/* test_process.c - names, files in a folder of their own, signals sent to ourselves. */
#include "io/process.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 4096 };

#define WAIT_NS (UINT64_C(5) * 1000000000) /* far above what any of this takes */

static int enter_folder(void **state)
{
    char *folder = strdup("/tmp/test_process_XXXXXX");
    *state = folder;
    return folder != NULL && mkdtemp(folder) != NULL ? 0 : -1;
}

/* Every test leaves its folder empty, or rmdir fails and the test with it. */
static int leave_folder(void **state)
{
    int error = rmdir(*state);
    free(*state);
    return error;
}

static void read_file(const char *path, char text[TEXT_MAX])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, TEXT_MAX - 1, file);
    text[size] = '\0';
    fclose(file);
}

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    closedir(directory);
    return count;
}

/*
 * Goal:    the name is argv[0]'s last part and never empty.
 * Method:  a table.
 */
static void test_base_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ringhub", "ringhub"},
        {"/usr/bin/nats-server", "nats-server"},
        {"./nats-server", "nats-server"},
        {"", "ringhub"},
        {"bin/", "ringhub"},
        {NULL, "ringhub"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_string_equal(process_base_name(cases[i][0]), cases[i][1]);
    }
}

/*
 * Goal:    a server id looks like nats-server's and two are different.
 * Method:  length, first letter, alphabet.
 */
static void test_server_id(void **state)
{
    (void)state;
    char one[PROCESS_ID_SIZE];
    char two[PROCESS_ID_SIZE];
    process_server_id(one);
    process_server_id(two);
    assert_int_equal(strlen(one), 56);
    assert_int_equal(one[0], 'N');
    assert_int_equal(strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 56);
    assert_string_not_equal(one, two);
}

/*
 * Goal:    the pid file holds our pid alone, replaces an older file, and is removed only while it
 * is ours. Method:  write over garbage, read, let a successor write, remove, write again, remove.
 */
static void test_pid_file(void **state)
{
    char path[256];
    char text[TEXT_MAX];
    char expected[16];
    snprintf(path, sizeof(path), "%s/pid", (char *)*state);
    snprintf(expected, sizeof(expected), "%d", (int)getpid());
    assert_int_equal(process_file_write(path, "something longer than a pid, from before"), 0);
    assert_int_equal(process_pid_file_write(path), 0);
    read_file(path, text);
    assert_string_equal(text, expected);

    assert_int_equal(process_file_write(path, "1"), 0);
    process_pid_file_remove(path);
    read_file(path, text);
    assert_string_equal(text, "1");

    assert_int_equal(process_pid_file_write(path), 0);
    process_pid_file_remove(path);
    assert_int_equal(files_in(*state), 0);
    process_pid_file_remove(path);
}

/*
 * Goal:    a file that cannot be written is reported and leaves nothing behind.
 * Method:  a folder that does not exist, and a name taken by a folder.
 */
static void test_file_write_fails_cleanly(void **state)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/none/pid", (char *)*state);
    assert_int_equal(process_file_write(path, "x"), -ENOENT);
    snprintf(path, sizeof(path), "%s/..", (char *)*state);
    assert_true(process_file_write(path, "x") < 0);
    assert_int_equal(files_in(*state), 0);
}

/*
 * Goal:    the ports file has nats-server's name and form.
 * Method:  write it for a real listener, compare byte by byte.
 */
static void test_ports_file(void **state)
{
    char why[512];
    char path[PROCESS_PATH_MAX];
    char text[TEXT_MAX];
    char expected[512];
    struct listener listener;
    struct listener_options options = {.host = "127.0.0.1", .port = CONFIG_PORT_RANDOM};
    assert_int_equal(listener_open(&options, &listener, why, sizeof(why)), 0);
    assert_int_equal(process_ports_file_write(*state, "nats-server", &listener, NULL, path), 0);
    snprintf(expected, sizeof(expected), "%s/nats-server_%d.ports", (char *)*state, (int)getpid());
    assert_string_equal(path, expected);
    read_file(path, text);
    snprintf(expected, sizeof(expected), "{\"nats\":[\"nats://127.0.0.1:%u\"]}",
             (unsigned)listener.port);
    assert_string_equal(text, expected);
    assert_int_equal(files_in(*state), 1);
    unlink(path);
    listener_close(&listener);
}

/*
 * Goal:    each signal arrives as its event, signals that came together all arrive, and without one
 *          the wait ends by itself.
 * Method:  send them to ourselves, then wait.
 */
static void test_signals(void **state)
{
    (void)state;
    static const struct {
        int number;
        enum process_event event;
    } cases[] = {
        {SIGINT, PROCESS_STOP},    {SIGTERM, PROCESS_STOP},  {SIGUSR2, PROCESS_LAME_DUCK},
        {SIGUSR1, PROCESS_REOPEN}, {SIGHUP, PROCESS_RELOAD},
    };
    int fd = process_signals_open();
    assert_true(fd >= 0);
    assert_int_equal(process_wait(fd, 0), PROCESS_NOTHING);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(kill(getpid(), cases[i].number), 0);
        assert_int_equal(process_wait(fd, WAIT_NS), cases[i].event);
    }
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(kill(getpid(), SIGUSR2), 0);
    enum process_event first = process_wait(fd, WAIT_NS);
    enum process_event second = process_wait(fd, WAIT_NS);
    assert_true((first == PROCESS_REOPEN && second == PROCESS_LAME_DUCK) ||
                (first == PROCESS_LAME_DUCK && second == PROCESS_REOPEN));
    assert_int_equal(process_wait(fd, 1000000), PROCESS_NOTHING);
    close(fd);
}

/* Forks a child that sends one signal to pid by process_signal_send, as `ringhub --signal` does.
 * Returns its exit status. */
static int send_from_child(const struct config *config)
{
    pid_t child = fork();
    if (child == 0) {
        char why[512];
        _exit(process_signal_send(config, "nobody-is-that", why, sizeof(why)) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

/*
 * Goal:    --signal reaches the process of a pid, and of a pid file with a line end.
 * Method:  a child signals us both ways.
 */
static void test_signal_send(void **state)
{
    char path[256];
    char text[32];
    int fd = process_signals_open();
    struct config config;
    config_defaults(&config);
    config.signal = CONFIG_SIGNAL_LDM;
    config.signal_pid = (int32_t)getpid();
    assert_int_equal(send_from_child(&config), 0);
    assert_int_equal(process_wait(fd, WAIT_NS), PROCESS_LAME_DUCK);

    snprintf(path, sizeof(path), "%s/pid", (char *)*state);
    snprintf(text, sizeof(text), "%d\n", (int)getpid());
    assert_int_equal(process_file_write(path, text), 0);
    config.signal = CONFIG_SIGNAL_RELOAD;
    config.signal_pid = 0;
    strcpy(config.pid_file, path);
    assert_int_equal(send_from_child(&config), 0);
    assert_int_equal(process_wait(fd, WAIT_NS), PROCESS_RELOAD);
    unlink(path);
    close(fd);
}

/*
 * Goal:    a signal that cannot be sent is a sentence: no pid, no file, a file of nonsense (which
 *          must never become pid 0 or -1, that is, every process), no such process.
 * Method:  each case; none may signal anything.
 */
static void test_signal_send_fails(void **state)
{
    static const char *const nonsense[] = {"", "0", "-1", "12x", "x", "99999999999999999999"};
    char path[256];
    char why[512] = "";
    struct config config;
    config_defaults(&config);
    config.signal = CONFIG_SIGNAL_RELOAD;
    assert_int_equal(process_signal_send(&config, "nobody-is-that", why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "--signal NAME=PID"));

    snprintf(path, sizeof(path), "%s/pid", (char *)*state);
    strcpy(config.pid_file, path);
    assert_int_equal(process_signal_send(&config, "nobody-is-that", why, sizeof(why)), -ENOENT);
    assert_non_null(strstr(why, path));
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        assert_int_equal(process_file_write(path, nonsense[i]), 0);
        assert_int_equal(process_signal_send(&config, "nobody-is-that", why, sizeof(why)), -EINVAL);
    }
    unlink(path);

    config.signal_pid = INT32_MAX; /* above the kernel's largest pid, 2^22 */
    assert_int_equal(process_signal_send(&config, "nobody-is-that", why, sizeof(why)), -ESRCH);
}

/* A child of that name, which waits for its end. */
static pid_t start_named(const char *name)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        sigset_t none;
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL); /* earlier tests block */
        (void)prctl(PR_SET_NAME, name);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)!write(ready[1], "x", 1);
        for (;;) {
            pause();
        }
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void stop_child(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/*
 * Goal:    --signal without a process finds the one that runs under our name, and says so where there
 *          is none or more than one: nothing is signalled by a guess.
 * Method:  children named after this process, longer than what the kernel keeps of a name.
 */
static void test_signal_finds_the_hub(void **state)
{
    (void)state;
    char name[64];
    char why[512] = "";
    int pids[4];
    struct config config;
    snprintf(name, sizeof(name), "hub%dabcdefghijk", (int)getpid());
    config_defaults(&config);
    config.signal = CONFIG_SIGNAL_TERM;
    assert_int_equal(process_find(name, pids, 4), 0);
    assert_int_equal(process_signal_send(&config, name, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "is running here"));

    pid_t one = start_named(name);
    pid_t two = start_named(name);
    assert_int_equal(process_find(name, pids, 4), 2);
    assert_int_equal(process_find(name, pids, 1), 2);
    assert_int_equal(process_signal_send(&config, name, why, sizeof(why)), -EINVAL);
    snprintf(name + 32, sizeof(name) - 32, " %d", (int)two);
    assert_non_null(strstr(why, "several"));
    assert_non_null(strstr(why, name + 32));
    stop_child(two);
    config.signal = CONFIG_SIGNAL_STOP;
    assert_int_equal(process_signal_send(&config, name, why, sizeof(why)), 0);
    int status = 0;
    assert_int_equal(waitpid(one, &status, 0), one);
    assert_int_equal(WTERMSIG(status), SIGINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_name),
        cmocka_unit_test(test_server_id),
        cmocka_unit_test_setup_teardown(test_pid_file, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_file_write_fails_cleanly, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_ports_file, enter_folder, leave_folder),
        cmocka_unit_test(test_signals),
        cmocka_unit_test_setup_teardown(test_signal_send, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_signal_send_fails, enter_folder, leave_folder),
        cmocka_unit_test(test_signal_finds_the_hub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
