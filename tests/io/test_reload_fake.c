/* test_reload_fake.c - new settings: who hears of them, what holds when, and when the old may go. */
#include "core/proto/nats_info.h"
#include "tests/support/fake_hubs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The hubs' settings once more, under another name and with another max_payload. */
static struct settings *changed(struct hubs *hubs, int64_t max_payload)
{
    struct settings *settings = settings_new();
    settings->nats = memory_alloc(sizeof(*settings->nats));
    settings->nats->options = hubs->nats.options;
    settings->nats->options.max_payload = max_payload;
    settings->max_connections = hubs->settings.max_connections;
    settings->max_pending = hubs->settings.max_pending;
    settings->write_deadline_ns = hubs->settings.write_deadline_ns;
    const struct nats_info_server server = {.server_id = "NTEST",
                                            .server_name = "other",
                                            .version = "2.9.10",
                                            .go = "none",
                                            .host = "127.0.0.1",
                                            .port = 4222,
                                            .headers = true,
                                            .max_payload = max_payload,
                                            .remote_account = "$G"};
    assert_true(nats_info_init(&settings->nats->info, &server));
    return settings;
}

static void apply(struct hubs *hubs, struct settings *settings)
{
    settings_hold(settings, hubs->workers);
    for (uint32_t i = 0; i < hubs->workers; i++) {
        hubs_order(hubs, i, ORDER_SETTINGS, settings);
    }
}

/*
 * Goal:    a reload changes limits at once, tells INFO to those who understand it and to nobody
 *          else, and lets go of the old settings.
 * Method:  max_payload goes from a mebibyte to 4, with one client of protocol 1 and one of 0.
 */
static void test_reload_tells_and_limits(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, 100);
    struct fake_client *talks =
        hubs_join_saying(hubs, "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
    struct fake_client *silent = hubs_join_saying(hubs, "PING\r\n");
    (void)hubs_hear(hubs, talks);
    (void)hubs_hear(hubs, silent);
    assert_true(settings_is_held(&hubs->settings));
    struct settings *settings = changed(hubs, 4);
    apply(hubs, settings);
    hubs_run(hubs);
    assert_false(settings_is_held(&hubs->settings));
    assert_non_null(strstr(hubs_hear(hubs, talks), "\"server_name\":\"other\""));
    hubs_say(silent, "PING\r\n");
    hubs_say(talks, "PUB a 5\r\nhello\r\n");
    hubs_run(hubs);
    assert_string_equal(hubs_hear(hubs, silent), "PONG\r\n");
    assert_string_equal(hubs_hear(hubs, talks), "-ERR 'Maximum Payload Violation'\r\n");
    hubs_free(hubs);
    settings_free(settings);
}

/*
 * Goal:    settings that say the same to clients are not told.
 * Method:  only max_connections changes; then who comes is refused.
 */
static void test_reload_in_silence(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(2, 100);
    struct fake_client *talks =
        hubs_join_saying(hubs, "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
    (void)hubs_hear(hubs, talks);
    struct settings *settings = changed(hubs, 4);
    *settings->nats = hubs->nats;
    settings->max_connections = 1;
    apply(hubs, settings);
    hubs_run(hubs);
    assert_string_equal(hubs_hear(hubs, talks), "");
    struct fake_client *late = fake_connect(hubs->loops[0]);
    hubs_run(hubs);
    assert_non_null(strstr(hubs_hear(hubs, late), "-ERR 'maximum connections exceeded'\r\n"));
    hubs_free(hubs);
    settings_free(settings);
}

/*
 * Goal:    the old settings are held until the last session has heard of the new, and no turn looks
 *          at all of them.
 * Method:  700 clients of one worker; after its first turn a part of them has heard, after three
 *          all have.
 */
static void test_reload_walks(void **state)
{
    (void)state;
    enum { CLIENTS = 700 };
    struct hubs *hubs = hubs_new(1, 1000);
    struct fake_client *clients[CLIENTS];
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients[i] = fake_connect(hubs->loops[0]);
        hubs_say(clients[i], "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
    }
    hubs_run(hubs);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        (void)hubs_hear(hubs, clients[i]);
    }
    struct settings *settings = changed(hubs, 4);
    apply(hubs, settings);
    hubs_turn(hubs, 0);
    assert_true(settings_is_held(&hubs->settings));
    hubs_turn(hubs, 0);
    assert_true(settings_is_held(&hubs->settings));
    hubs_turn(hubs, 0);
    assert_false(settings_is_held(&hubs->settings));
    hubs_run(hubs);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        const char *heard = hubs_hear(hubs, clients[i]);
        assert_memory_equal(heard, "INFO ", 5);
        assert_null(strstr(heard + 5, "INFO "));
    }
    hubs_free(hubs);
    settings_free(settings);
}

/*
 * Goal:    a lower max_pending holds for who is stalled already, however little is published.
 * Method:  a client that does not read is stalled with some KiB pending; then 1 KiB is the limit.
 */
static void test_reload_lowers_max_pending(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(1, 100);
    fake_world_capacity(hubs->world, 1 << 16, 4096);
    struct fake_client *stalled = hubs_join_saying(hubs, "SUB a 1\r\n");
    struct fake_client *talks = hubs_join(hubs);
    for (int i = 0; i < 100; i++) {
        hubs_say(talks, "PUB a 100\r\n0123456789012345678901234567890123456789012345678901234567890"
                        "123456789012345678901234567890123456789\r\n");
        hubs_run(hubs);
    }
    assert_int_equal(fake_client_state(stalled), FAKE_CLIENT_OPEN);
    struct settings *settings = changed(hubs, 4);
    settings->max_pending = 1024;
    apply(hubs, settings);
    hubs_run(hubs);
    assert_int_equal(hub_metrics(worker_hub(hubs->all[0]))->sessions_closed[CLOSE_SLOW_PENDING], 1);
    hubs_free(hubs);
    settings_free(settings);
}

/*
 * Goal:    a worker that stops in the middle of it lets go of both settings.
 * Method:  it stops after the first of many turns of a walk.
 */
static void test_reload_and_stop(void **state)
{
    (void)state;
    struct hubs *hubs = hubs_new(1, 1000);
    for (uint32_t i = 0; i < 600; i++) {
        (void)fake_connect(hubs->loops[0]);
    }
    hubs_run(hubs);
    struct settings *settings = changed(hubs, 4);
    apply(hubs, settings);
    hubs_turn(hubs, 0);
    assert_true(settings_is_held(&hubs->settings));
    hubs_order(hubs, 0, ORDER_STOP_NOW, NULL);
    hubs_end(hubs, 1);
    hubs_free(hubs);
    assert_false(settings_is_held(settings));
    settings_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload_tells_and_limits),
        cmocka_unit_test(test_reload_in_silence),
        cmocka_unit_test(test_reload_walks),
        cmocka_unit_test(test_reload_lowers_max_pending),
        cmocka_unit_test(test_reload_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
