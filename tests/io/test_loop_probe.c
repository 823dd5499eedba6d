/*
 * Goal:    the start-up diagnosis chooses what works, and explains what does not.
 * Method:  the probe runs in a forked child behind a seccomp filter (raw BPF) that makes io_uring's
 *          system calls fail as containers do; the child's verdict comes back through a pipe.
 */
#include "io/loop.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct verdict {
    int returned;
    struct loop_probe probe;
    char name[16]; /* of the loop that a worker then gets; empty: none */
};

/* Makes one system call of this process fail with error from now on. */
static bool forbid(int call, int error)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof(program) / sizeof(program[0]), .filter = program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static void judge(enum loop_backend wanted, struct verdict *verdict)
{
    memset(verdict, 0, sizeof(*verdict));
    verdict->returned = loop_probe_run(wanted, &verdict->probe);
    struct loop_options options = {.backend = verdict->probe.backend, .slots_max = 4};
    struct loop *loop;
    if (verdict->returned == 0 && loop_open(&options, &loop) == 0) {
        snprintf(verdict->name, sizeof(verdict->name), "%s", loop_name(loop));
        loop_free(loop);
    }
}

/* call 0: forbids nothing. */
static struct verdict judge_behind(int call, int error, enum loop_backend wanted)
{
    int fds[2];
    struct verdict verdict;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (call != 0 && !forbid(call, error)) {
            _exit(2);
        }
        judge(wanted, &verdict);
        _exit(write(fds[1], &verdict, sizeof(verdict)) == (ssize_t)sizeof(verdict) ? 0 : 1);
    }
    close(fds[1]);
    ssize_t got = read(fds[0], &verdict, sizeof(verdict));
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(got, sizeof(verdict));
    return verdict;
}

static void assert_says(const struct verdict *verdict, const char *what)
{
    if (strstr(verdict->probe.explanation, what) == NULL) {
        fail_msg("it does not say \"%s\":\n%s", what, verdict->probe.explanation);
    }
}

static void test_auto_falls_back_to_epoll_where_a_container_forbids_io_uring(void **state)
{
    (void)state;
    static const int errors[] = {EPERM, ENOSYS};
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct verdict verdict = judge_behind(SYS_io_uring_setup, errors[i], LOOP_AUTO);
        assert_int_equal(verdict.returned, 0);
        assert_int_equal(verdict.probe.backend, LOOP_EPOLL);
        assert_int_equal(verdict.probe.uring_errno, errors[i]);
        assert_string_equal(verdict.name, "epoll");
        assert_says(&verdict, "io_uring_setup");
        assert_says(&verdict, strerror(errors[i]));
        assert_says(&verdict, "seccomp filter active: yes");
        assert_says(&verdict, "kernel.io_uring_disabled=");
        assert_says(&verdict, "likely cause: the container's seccomp profile");
        assert_says(&verdict, "mend:");
        assert_says(&verdict, "instead: epoll");
    }
}

static void test_uring_by_name_fails_where_it_is_forbidden(void **state)
{
    (void)state;
    struct verdict verdict = judge_behind(SYS_io_uring_setup, EPERM, LOOP_URING);
    assert_int_equal(verdict.returned, -1);
    assert_int_equal(verdict.probe.backend, LOOP_AUTO);
    assert_string_equal(verdict.name, "");
    assert_says(&verdict, "--io=epoll");
}

static void test_a_ring_that_cannot_be_entered_is_no_ring(void **state)
{
    (void)state;
    if (judge_behind(0, 0, LOOP_AUTO).probe.backend != LOOP_URING) {
        print_message("SKIP: no io_uring here\n");
        skip();
    }
    struct verdict verdict = judge_behind(SYS_io_uring_enter, EPERM, LOOP_AUTO);
    assert_int_equal(verdict.probe.backend, LOOP_EPOLL);
    assert_says(&verdict, "io_uring_enter");
    verdict = judge_behind(SYS_io_uring_register, EPERM, LOOP_AUTO);
    assert_int_equal(verdict.probe.backend, LOOP_EPOLL);
    assert_says(&verdict, "io_uring_register");
}

static void test_sends_are_not_inline_where_the_self_test_has_no_tcp(void **state)
{
    (void)state;
    if (judge_behind(0, 0, LOOP_AUTO).probe.backend != LOOP_URING) {
        print_message("SKIP: no io_uring here\n");
        skip();
    }
    struct verdict verdict = judge_behind(SYS_socket, EPERM, LOOP_AUTO);
    assert_int_equal(verdict.returned, 0);
    assert_int_equal(verdict.probe.backend, LOOP_URING);
    assert_false(verdict.probe.sends_inline);
    assert_says(&verdict, "instead: sendmsg");
    assert_string_equal(verdict.name, "uring");
}

static void test_epoll_by_name_tries_nothing_else(void **state)
{
    (void)state;
    struct verdict verdict = judge_behind(SYS_io_uring_setup, EPERM, LOOP_EPOLL);
    assert_int_equal(verdict.returned, 0);
    assert_int_equal(verdict.probe.backend, LOOP_EPOLL);
    assert_int_equal(verdict.probe.uring_errno, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auto_falls_back_to_epoll_where_a_container_forbids_io_uring),
        cmocka_unit_test(test_uring_by_name_fails_where_it_is_forbidden),
        cmocka_unit_test(test_a_ring_that_cannot_be_entered_is_no_ring),
        cmocka_unit_test(test_sends_are_not_inline_where_the_self_test_has_no_tcp),
        cmocka_unit_test(test_epoll_by_name_tries_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
