/*
 * driver.h - what the programs of nats.c share: a call that has to succeed, and the wire to clients.py,
 * which stops, starts and signals the hub. Asserts with cmocka.
 */
#ifndef RINGHUB_TESTS_E2E_CLIENTS_DRIVER_H
#define RINGHUB_TESTS_E2E_CLIENTS_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MUST(call) assert_string_equal(natsStatus_GetText(call), natsStatus_GetText(NATS_OK))

/* "stop", "start", "restart", "ldm" or "reload"; returns when the driver has done it. */
static void control(const char *command)
{
    const char *text = getenv("E2E_CONTROL");
    assert_non_null(text);
    int fd = text != NULL ? atoi(text) : -1;
    char line[64];
    int size = snprintf(line, sizeof(line), "%s\n", command);
    assert_int_equal(write(fd, line, (size_t)size), size);
    char answer[5] = "";
    for (size_t got = 0; got < sizeof(answer);) {
        ssize_t n = read(fd, answer + got, sizeof(answer) - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_memory_equal(answer, "done\n", sizeof(answer));
}

#endif
