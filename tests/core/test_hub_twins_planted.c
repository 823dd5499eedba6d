/*
 * test_hub_twins_planted.c - subjects that agree in INTEREST_HASH_BITS of their hashes: other workers
 * hear of these alone.
 *
 * Core is compiled in here with hashes that can be cut short (core/planted.h).
 */
#include "core/hub_state.h"
#include "core/planted.h"
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

uint64_t planted_bugs;
uint64_t planted_hash_mask = UINT64_MAX;

static struct world *world_of(uint32_t workers)
{
    struct world_options options = {.workers = workers, .checks = true};
    return world_new(&options);
}

#define TWIN_ONE   "twin.294356"
#define TWIN_OTHER "twin.785303"

static uint64_t known_elsewhere(struct world *world, uint32_t worker)
{
    struct hub_gauges gauges;
    hub_gauges(world_hub(world, worker), &gauges);
    return gauges.interest_literals;
}

/* Twins alike in all of their hashes; and in the bits that count only, which is what happens. */
static const uint64_t masks[] = {0, ~INTEREST_HASH_BITS};

/*
 * Goal:    of two twins on one worker, each is heard from another worker until it is unsubscribed
 *          itself.
 * Method:  what counts of all hashes is 0. Both orders of leaving; the interest goes with the last.
 */
static void test_a_twin_goes_alone(void **state)
{
    (void)state;
    for (int order = 0; order < 4; order++) {
        planted_hash_mask = masks[order / 2];
        struct world *world = world_of(2);
        struct client *hears = client_plain(world, 0);
        struct client *says = client_plain(world, 1);
        client_says(hears, "SUB one 1\r\nSUB other 2\r\n");
        world_run(world);
        assert_int_equal(known_elsewhere(world, 1), 1);
        client_says(says, "PUB one 1\r\na\r\nPUB other 1\r\nb\r\n");
        world_run(world);
        CLIENT_EXPECT(hears, "MSG one 1 1\r\na\r\nMSG other 2 1\r\nb\r\n");

        client_says(hears, order % 2 == 0 ? "UNSUB 1\r\n" : "UNSUB 2\r\n");
        world_run(world);
        client_says(says, "PUB one 1\r\nc\r\nPUB other 1\r\nd\r\n");
        world_run(world);
        CLIENT_EXPECT(hears, order % 2 == 0 ? "MSG other 2 1\r\nd\r\n" : "MSG one 1 1\r\nc\r\n");
        /* The other one's message was an envelope for nothing, and counts as what it is. */
        assert_int_equal(world_metrics(world, 1)->publishes_unheard, 1);

        client_says(hears, order % 2 == 0 ? "UNSUB 2\r\n" : "UNSUB 1\r\n");
        world_run(world);
        assert_int_equal(known_elsewhere(world, 1), 0);
        client_says(says, "PUB one 1\r\ne\r\n");
        world_run(world);
        CLIENT_EXPECT(hears, "");
        assert_int_equal(world_metrics(world, 1)->publishes_unheard, 2);
        world_end(world);
    }
}

/*
 * Goal:    the same with nothing cut short: of these two subjects the 40 bits agree, by the key that
 *          the test's hubs have, and no more.
 * Method:  a search found them; here they are looked at again.
 */
static void test_twins_that_were_found(void **state)
{
    (void)state;
    planted_hash_mask = UINT64_MAX;
    struct world *world = world_of(2);
    uint64_t key = world_hub(world, 0)->options.hash_key;
    uint64_t one = index_hash(key, 0, bytes_text(TWIN_ONE));
    uint64_t other = index_hash(key, 0, bytes_text(TWIN_OTHER));
    assert_int_equal((one ^ other) & INTEREST_HASH_BITS, 0);
    assert_int_not_equal(one, other);
    struct client *hears = client_plain(world, 0);
    struct client *says = client_plain(world, 1);
    client_says(hears, "SUB " TWIN_ONE " 1\r\nSUB " TWIN_OTHER " 2\r\n");
    world_run(world);
    assert_int_equal(known_elsewhere(world, 1), 1);
    client_says(hears, "UNSUB 1\r\n");
    world_run(world);
    client_says(says, "PUB " TWIN_ONE " 1\r\na\r\nPUB " TWIN_OTHER " 1\r\nb\r\n");
    world_run(world);
    CLIENT_EXPECT(hears, "MSG " TWIN_OTHER " 2 1\r\nb\r\n");
    assert_int_equal(world_metrics(world, 1)->publishes_unheard, 1);
    client_says(hears, "UNSUB 2\r\n");
    world_run(world);
    assert_int_equal(known_elsewhere(world, 1), 0);
    world_end(world);
}

static void only_plain_literals_are_twins(uint64_t mask)
{
    planted_hash_mask = mask;
    struct world *world = world_of(2);
    struct client *hears = client_plain(world, 0);
    struct client *says = client_plain(world, 1);
    client_says(hears, "SUB one 1\r\nSUB other g 2\r\nSUB x.* 3\r\n");
    world_run(world);
    assert_int_equal(known_elsewhere(world, 1), 1);
    client_says(hears, "UNSUB 1\r\n");
    world_run(world);
    assert_int_equal(known_elsewhere(world, 1), 0);
    client_says(says, "PUB other 1\r\na\r\nPUB x.y 1\r\nb\r\n");
    world_run(world);
    CLIENT_EXPECT(hears, "MSG other 2 1\r\na\r\nMSG x.y 3 1\r\nb\r\n");
    world_end(world);
}

/*
 * Goal:    a queue group of the twin does not keep the interest announced, nor a wildcard.
 * Method:  both stay when the plain subscription of the other subject goes.
 */
static void test_only_plain_literals_are_twins(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(masks); i++) {
        only_plain_literals_are_twins(masks[i]);
    }
}

enum { NAMES = 12, WORKERS = 3 };

/*
 * Goal:    whoever subscribes hears, whoever does not does not, whatever shares its hash.
 * Method:  twelve subjects, of four hashes as others know them, on three workers; subscriptions come and go at random, and
 *          every subject is published on every worker after each step.
 */
static void test_everybody_hears_his_own(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++) {
        planted_hash_mask = 3 | masks[seed % 2];
        unsigned random = seed;
        struct world *world = world_of(WORKERS);
        struct client *clients[WORKERS];
        bool hears[WORKERS][NAMES] = {0};
        for (uint32_t w = 0; w < WORKERS; w++) {
            clients[w] = client_plain(world, w);
        }
        for (int step = 0; step < 60; step++) {
            uint32_t w = (uint32_t)rand_r(&random) % WORKERS;
            int name = rand_r(&random) % NAMES;
            hears[w][name] = !hears[w][name];
            if (hears[w][name]) {
                client_says(clients[w], "SUB s%d %d\r\n", name, name);
            } else {
                client_says(clients[w], "UNSUB %d\r\n", name);
            }
            world_run(world);
            for (uint32_t from = 0; from < WORKERS; from++) {
                for (int i = 0; i < NAMES; i++) {
                    client_says(clients[from], "PUB s%d 1\r\nm\r\n", i);
                    world_run(world);
                    for (uint32_t to = 0; to < WORKERS; to++) {
                        char expected[64] = "";
                        if (hears[to][i]) {
                            snprintf(expected, sizeof(expected), "MSG s%d %d 1\r\nm\r\n", i, i);
                        }
                        CLIENT_EXPECT(clients[to], expected);
                    }
                }
            }
        }
        world_end(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_twin_goes_alone),
        cmocka_unit_test(test_twins_that_were_found),
        cmocka_unit_test(test_only_plain_literals_are_twins),
        cmocka_unit_test(test_everybody_hears_his_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
