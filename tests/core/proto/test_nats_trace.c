/*
 * test_nats_trace.c - what the log says about clients, and with tracing about every word of theirs.
 */
#include "core/proto/nats_describe.h"
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { RING_BYTES = 64 * 1024 };

static struct world *world_logging(struct log *log)
{
    struct world_options options = {.checks = true};
    options.hub.log = log;
    options.hub.describe = nats_describe;
    struct world *world = world_new(&options);
    world_address(world, "10.1.2.3");
    return world;
}

/* The next line is of that level and ends so, behind who it is about. */
static void expect_line(struct log *log, enum log_level level, const char *who, const char *text)
{
    struct log_line line;
    assert_true(log_read(log, &line));
    size_t size = strlen(text);
    if (line.level != level || strstr(line.text, who) == NULL || line.size < size ||
        strcmp(line.text + line.size - size, text) != 0) {
        fail_msg("\"%s\" is not about %s and does not end in \"%s\"", line.text, who, text);
    }
}

static void forget(struct log *log)
{
    for (struct log_line line; log_read(log, &line);) {
    }
}

/*
 * Goal:    a line about a client names its address, its number, and what it says it is.
 * Method:  one that comes and says nonsense, and one that does not say who it is.
 */
static void test_who(void **state)
{
    (void)state;
    struct log *log = log_new(RING_BYTES, LOG_DEBUG);
    struct world *world = world_logging(log);
    struct client *client = client_open(
        world, 0, "{\"verbose\":false,\"name\":\"shop\",\"lang\":\"go\",\"version\":\"1.31\"}");
    expect_line(log, LOG_DEBUG, "10.1.2.3:", " - cid:1 - Client connection created");
    client_says(client, "BAD\r\n");
    world_run(world);
    expect_line(log, LOG_DEBUG, "10.1.2.3:",
                " - cid:1 - \"v1.31:go:shop\" - Client connection closed: Protocol Violation");
    client = client_open(world, 0, NULL);
    forget(log);
    client_says(client, "BAD\r\n");
    world_run(world);
    expect_line(log, LOG_DEBUG,
                "10.1.2.3:", " - cid:2 - Client connection closed: Protocol Violation");
    world_end(world);
    log_free(log);
}

/*
 * Goal:    with tracing each verb and each answer is a line, as nats-server writes them, and no secret
 *          is in any.
 * Method:  a conversation; its lines are compared.
 */
static void test_words(void **state)
{
    (void)state;
    struct log *log = log_new(RING_BYTES, LOG_TRACE);
    struct world *world = world_logging(log);
    struct client *client = client_open(world, 0, NULL);
    forget(log);
    client_says(
        client,
        "CONNECT {\"verbose\":true,\"headers\":true,\"name\":\"shop\",\"user\":\"u\","
        "\"pass\":\"hidden1\",\"auth_token\":\"hidden2\",\"sig\":\"hidden3\"}\r\n"
        "SUB a q 1\r\nPUB a 2\r\nh\"\r\nHPUB a r 12 14\r\nNATS/1.0\r\n\r\nho\r\n"
        "UNSUB 1 9\r\nUNSUB 1\r\nPUB a..b 0\r\n\r\nPING\r\nPONG\r\n+OK\r\nINFO {}\r\nBAD\r\n");
    world_run(world);
    static const char *const lines[] = {
        "<<- [CONNECT {\"verbose\":true,\"pedantic\":true,\"echo\":true,\"headers\":true,"
        "\"no_responders\":false,\"protocol\":0,\"name\":\"shop\",\"user\":\"u\","
        "\"pass\":\"[REDACTED]\"}]",
        "->> [OK]",
        "<<- [SUB a q 1]",
        "->> [OK]",
        "<<- [PUB a 2]",
        "<<- MSG_PAYLOAD: [\"h\\\"\"]",
        "->> [OK]",
        "->> [MSG a 1 2]",
        "<<- [HPUB a r 12 14]",
        "<<- MSG_PAYLOAD: [\"NATS/1.0\\r\\n\\r\\nho\"]",
        "->> [OK]",
        "->> [HMSG a 1 r 12 14]",
        "<<- [UNSUB 1 9]",
        "->> [OK]",
        "<<- [UNSUB 1]",
        "->> [OK]",
        "<<- [PUB a..b 0]",
        "<<- MSG_PAYLOAD: [\"\"]",
        "->> [-ERR 'Invalid Publish Subject']",
        "->> [OK]",
        "<<- [PING]",
        "->> [PONG]",
        "<<- [PONG]",
        "<<- [OK]",
        "<<- [INFO]",
        "->> [-ERR 'Unknown Protocol Operation']",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        expect_line(log, LOG_TRACE, "cid:1", lines[i]);
    }
    expect_line(log, LOG_DEBUG, "cid:1", "Client connection closed: Protocol Violation");
    world_end(world);
    log_free(log);
}

/*
 * Goal:    each delivery is a line about who is delivered to, in the form it is given; a long payload
 *          is cut; tracing that is turned on later holds from the next turn on.
 * Method:  two that share a subscription, one without headers, one alone with a maximum.
 */
static void test_deliveries(void **state)
{
    (void)state;
    struct log *log = log_new(RING_BYTES, LOG_INFO);
    struct world *world = world_logging(log);
    struct client *publisher = client_plain(world, 0);
    struct client *twins[] = {client_plain(world, 0), client_plain(world, 0)};
    struct client *plain = client_open(world, 0, "{\"verbose\":false,\"headers\":false}");
    struct client *last = client_plain(world, 0);
    client_says(twins[0], "SUB x 1\r\n");
    client_says(twins[1], "SUB x 1\r\n");
    client_says(plain, "SUB x 2\r\n");
    client_says(last, "SUB x 3\r\nUNSUB 3 1\r\n");
    world_run(world);
    client_says(publisher, "PUB x 1\r\na\r\n");
    world_run(world);
    struct log_line line;
    assert_false(log_read(log, &line));

    log_level_set(log, LOG_TRACE);
    char long_text[200];
    memset(long_text, 'y', sizeof(long_text));
    client_says(last, "SUB x 4\r\n");
    client_says(publisher, "HPUB x rep 12 212\r\nNATS/1.0\r\n\r\n%.*s\r\n", 200, long_text);
    world_run(world);
    uint32_t seen[6] = {0};
    uint32_t cut = 0;
    while (log_read(log, &line)) {
        cut += strstr(line.text, "yyy\"...]") != NULL;
        seen[0] += strstr(line.text, "cid:2 - ->> [HMSG x 1 rep 12 212]") != NULL;
        seen[1] += strstr(line.text, "cid:3 - ->> [HMSG x 1 rep 12 212]") != NULL;
        seen[2] += strstr(line.text, "cid:4 - ->> [MSG x 2 rep 200]") != NULL;
        seen[3] += strstr(line.text, "cid:5 - ->> [HMSG x 4 rep 12 212]") != NULL;
        seen[4] += strstr(line.text, "->> [HMSG") != NULL;
        seen[5] += strstr(line.text, "<<- [HPUB x rep 12 212]") != NULL;
    }
    assert_int_equal(cut, 1);
    assert_true(seen[0] == 1 && seen[1] == 1 && seen[2] == 1 && seen[3] == 1);
    assert_int_equal(seen[4], 3);
    assert_int_equal(seen[5], 1);

    log_level_set(log, LOG_INFO);
    client_says(publisher, "PUB x 1\r\nb\r\n");
    world_run(world);
    assert_false(log_read(log, &line));
    world_end(world);
    log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_deliveries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
