/* test_facts.c - what a result says about machine and server, and what it must not say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/facts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Goal:   no password reaches a result.
 * Method: the ways servers and hubload take them; the rest stays as it was. */
static void test_facts_command_hides_secrets(void **state)
{
    (void)state;
    static const char *const words[] = {
        "server", "--requirepass", "one",     "--pass=two", "-p",    "4222",
        "--auth", "three",         "--token", "four",       "--url", "nats://me:five@host:4222",
        "--name", "passport",      "password"};
    static const char *const shown[] = {
        "server",  "--requirepass", "(hidden)", "--pass=(hidden)",
        "-p",      "4222",          "--auth",   "(hidden)",
        "--token", "(hidden)",      "--url",    "nats://(hidden)@host:4222",
        "--name",  "passport",      "password"};
    json_t *command = facts_command(words, COUNT_OF(words));
    assert_int_equal(json_array_size(command), COUNT_OF(shown));
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        assert_string_equal(json_string_value(json_array_get(command, i)), shown[i]);
    }
    json_decref(command);
}

/* Goal:   what the kernel lends to sockets is known, in bytes.
 * Method: its file, read another way. */
static void test_facts_sockets(void **state)
{
    (void)state;
    uint64_t low = 0;
    uint64_t pressure = 0;
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_mem", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%" SCNu64 " %" SCNu64, &low, &pressure), 2);
    fclose(file);
    assert_int_equal(facts_sockets_bytes(), pressure * (uint64_t)sysconf(_SC_PAGESIZE));
    assert_true(pressure > low);
}

/* Goal:   a server is described by its greeting and its process.
 * Method: this process as the server, with NATS' greeting; then with words of the user; then none. */
static void test_facts_server(void **state)
{
    (void)state;
    struct facts_server server = {getpid(), "{\"server_id\":\"X\",\"version\":\"2.9.10\"}", NULL,
                                  NULL, "nats"};
    json_t *facts = facts_server(&server);
    assert_string_equal(json_string_value(json_object_get(facts, "version")), "2.9.10");
    assert_string_equal(json_string_value(json_object_get(facts, "label")),
                        program_invocation_short_name);
    assert_true(json_array_size(json_object_get(facts, "command")) > 0);
    json_decref(facts);
    server = (struct facts_server){getpid(), "\xff\x01 not JSON", "mine", "1.0", "redis"};
    facts = facts_server(&server);
    assert_string_equal(json_string_value(json_object_get(facts, "label")), "mine");
    assert_string_equal(json_string_value(json_object_get(facts, "version")), "1.0");
    assert_string_equal(json_string_value(json_object_get(facts, "greeting")), "?? not JSON");
    json_decref(facts);
    server = (struct facts_server){0, "", NULL, NULL, "mqtt"};
    facts = facts_server(&server);
    assert_string_equal(json_string_value(json_object_get(facts, "label")), "mqtt");
    assert_null(json_object_get(facts, "version"));
    json_decref(facts);
}

/* Goal:   what tells machines apart is there.
 * Method: the facts that every Linux has. */
static void test_facts_machine(void **state)
{
    (void)state;
    json_t *facts = facts_machine();
    assert_non_null(json_string_value(json_object_get(facts, "kernel")));
    assert_true(json_integer_value(json_object_get(facts, "cpus")) >= 1);
    assert_true(json_integer_value(json_object_get(facts, "memory_bytes")) > 1 << 20);
    assert_true(json_is_object(json_object_get(facts, "mitigations")));
    assert_non_null(json_string_value(json_object_get(facts, "tcp_congestion_control")));
    json_decref(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_command_hides_secrets),
        cmocka_unit_test(test_facts_sockets),
        cmocka_unit_test(test_facts_server),
        cmocka_unit_test(test_facts_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
