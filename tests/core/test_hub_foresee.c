/* test_hub_foresee.c - what is fetched early changes nothing of what arrives. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SUBJECTS = 5000, MESSAGES = 2000, HEARERS = 4 };

static struct world *world_of(uint32_t workers)
{
    struct world_options options = {.workers = workers, .hub = {.seed = 7}};
    return world_new(&options);
}

/* Text that is said in one read. */
struct text {
    char bytes[256 * 1024];
    size_t size;
};

static void PRINTF(2, 3) add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size =
        vsnprintf(text->bytes + text->size, sizeof text->bytes - text->size, format, arguments);
    va_end(arguments);
    assert_in_range(size, 1, sizeof text->bytes - text->size - 1);
    text->size += (size_t)size;
}

static void say(struct client *client, struct text *text)
{
    client_says_bytes(client, text->bytes, text->size);
    text->size = 0;
}

/* Every shape of publish that is guessed at, or not. Returns how often subject was published to. */
static uint32_t add_publish(struct text *text, uint32_t subject, uint32_t turn)
{
    switch (turn % 4) {
    case 0:
        add(text, "PUB s.%u 1\r\n!\r\n", subject);
        return 1;
    case 1:
        add(text, "PUB s.%u 1\r\n!\r\nPUB s.%u 1\r\n!\r\n", subject, subject);
        return 2;
    case 2:
        add(text, "pub\ts.%u  1\r\n!\r\nPING\r\n", subject);
        return 1;
    default:
        add(text, "PUB nobody.%u 1\r\n!\r\nPUB s.%u 1\r\n!\r\n", turn, subject);
        return 1;
    }
}

/*
 * Goal:    with as many subjects as make the hub look ahead, each message arrives as often as it was
 *          published, on the publisher's worker and on another, in the order of publishing.
 * Method:  every hearer has a quarter of the subjects; many publishes in one read. What it hears is
 *          compared with what its subjects were sent, byte for byte.
 */
static void test_many_subjects_arrive_as_published(void **state)
{
    (void)state;
    static struct text said, expected[HEARERS];
    for (uint32_t workers = 1; workers <= 2; workers++) {
        struct world *world = world_of(workers);
        struct client *hearers[HEARERS];
        for (uint32_t i = 0; i < HEARERS; i++) {
            hearers[i] = client_plain(world, i % workers);
            for (uint32_t s = i; s < SUBJECTS; s += HEARERS) {
                add(&said, "SUB s.%u 1%u\r\n", s, s);
            }
            say(hearers[i], &said);
        }
        struct client *publisher = client_plain(world, 0);
        world_run(world);
        assert_true(hub_foresees(world_hub(world, 0)));
        for (uint32_t turn = 1; turn <= MESSAGES; turn++) {
            uint32_t subject = turn * 7919 % SUBJECTS;
            for (uint32_t n = add_publish(&said, subject, turn); n > 0; n--) {
                add(&expected[subject % HEARERS], "MSG s.%u 1%u 1\r\n!\r\n", subject, subject);
            }
            if (turn % 100 == 0) {
                say(publisher, &said);
                world_run(world);
            }
        }
        for (uint32_t i = 0; i < HEARERS; i++) {
            assert_in_range(expected[i].size, 100, SIZE_MAX);
            CLIENT_EXPECT(hearers[i], expected[i].bytes);
            expected[i].size = 0;
        }
        world_end(world);
    }
}

/*
 * Goal:    what was looked at ahead may go before its turn: a subscription that has heard as much as it
 *          wants takes its pattern with it.
 * Method:  each subject is heard once, and published to twice, in one read: at once, and with others
 *          between. A sanitizer sees who looks at what is gone.
 */
static void test_what_was_foreseen_may_be_gone(void **state)
{
    (void)state;
    static struct text said, expected;
    for (uint32_t workers = 1; workers <= 2; workers++) {
        struct world *world = world_of(workers);
        struct client *hearer = client_plain(world, workers - 1);
        for (uint32_t s = 0; s < SUBJECTS; s++) {
            add(&said, "SUB s.%u %u\r\nUNSUB %u 1\r\n", s, s, s);
        }
        say(hearer, &said);
        struct client *publisher = client_plain(world, 0);
        world_run(world);
        assert_true(hub_foresees(world_hub(world, 0)));
        for (uint32_t s = 0; s + 3 < 400; s += 3) {
            add(&said, "PUB s.%u 1\r\n!\r\nPUB s.%u 1\r\n?\r\n", s, s);
            add(&said, "PUB s.%u 1\r\n!\r\nPUB s.%u 1\r\n!\r\n", s + 1, s + 2);
            add(&said, "PUB s.%u 1\r\n?\r\nPUB s.%u 1\r\n?\r\n", s + 1, s + 2);
            for (uint32_t i = s; i < s + 3; i++) {
                add(&expected, "MSG s.%u %u 1\r\n!\r\n", i, i);
            }
        }
        say(publisher, &said);
        world_run(world);
        CLIENT_EXPECT(hearer, expected.bytes);
        expected.size = 0;
        world_end(world);
    }
}

/*
 * Goal:    of a client with many subscriptions, some of them shared, nothing is left when it goes.
 * Method:  it and another have some in common; the other hears on.
 */
static void test_all_subscriptions_go_at_once(void **state)
{
    (void)state;
    static struct text said;
    struct world *world = world_of(2);
    struct client *stays = client_plain(world, 0);
    struct client *goes = client_plain(world, 0);
    struct client *publisher = client_plain(world, 1);
    for (uint32_t s = 0; s < SUBJECTS; s++) {
        add(&said, "SUB s.%u %u\r\n", s, s);
    }
    add(&said, "SUB q.x group g\r\nSUB s.* w\r\n");
    say(goes, &said);
    client_says(stays, "SUB s.7 7\r\nSUB s.8 8\r\n");
    world_run(world);
    client_says(publisher, "PUB s.7 1\r\n!\r\n");
    world_run(world);
    client_ends(goes);
    world_run(world);
    struct metrics *metrics = world_metrics(world, 0);
    assert_int_equal(metrics->subscriptions_added - metrics->subscriptions_removed, 2);
    client_says(publisher, "PUB s.7 1\r\n!\r\nPUB s.9 1\r\n!\r\nPUB s.8 1\r\n!\r\n");
    world_run(world);
    CLIENT_EXPECT(stays, "MSG s.7 7 1\r\n!\r\nMSG s.7 7 1\r\n!\r\nMSG s.8 8 1\r\n!\r\n");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_subjects_arrive_as_published),
        cmocka_unit_test(test_what_was_foreseen_may_be_gone),
        cmocka_unit_test(test_all_subscriptions_go_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
