/* test_worker_gather_fake.c - input that comes while a turn parses: what goes along, and law 7 there. */
#include "core/limits.h"
#include "io/answer.h"
#include "tests/support/fake_hubs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CROWD = 100, FEW = 10, CONNECTIONS_MAX = 1100 };

/* What happens in the waits of worker 0, the first being the turn's own. */
static struct {
    struct hubs *hubs;
    struct fake_client *publisher;    /* on worker 0 */
    struct fake_client *other;        /* on worker 1 */
    struct fake_client *crowd[CROWD]; /* on worker 0 */
    struct fake_client *leaver;       /* on worker 0 */
    uint32_t floods;
    uint32_t waits;
    void (*in_second)(void);
} scene;

static void on_wait(void *context, struct loop *loop, uint64_t timeout_ns)
{
    (void)context;
    if (loop == scene.hubs->loops[0] && scene.in_second != NULL) {
        scene.waits++;
        if (scene.waits == 2) {
            assert_int_equal(timeout_ns, 0);
            scene.in_second();
        }
    }
}

/* Two workers; the first has the publisher and a crowd that hears "a". */
static void scene_begin(uint32_t crowd, struct fake_client **hearer)
{
    struct hubs *hubs = hubs_new(2, CONNECTIONS_MAX);
    memset(&scene, 0, sizeof(scene));
    scene.hubs = hubs;
    scene.publisher = hubs_join(hubs);
    scene.other = hubs_join(hubs);
    for (uint32_t i = 0; i < crowd; i++) {
        scene.crowd[i] = *hearer = hubs_join_saying(hubs, "SUB a 1\r\n");
        (void)hubs_join(hubs); /* so that the next one is worker 0's again */
    }
    hubs_run(hubs);
    assert_int_equal(hubs_sessions(hubs, 0), crowd + 1);
    fake_world_on_wait(hubs->world, on_wait, NULL);
}

/* One message is there before the turn; in_second comes with its second look at the sockets. */
static void scene_turn(void (*in_second)(void))
{
    scene.in_second = in_second;
    hubs_say(scene.publisher, "PUB a 1\r\nx\r\n");
    hubs_turn(scene.hubs, 0);
}

static void scene_end(void)
{
    fake_world_on_wait(scene.hubs->world, NULL, NULL);
    hubs_free(scene.hubs);
}

/* ---- one flush ------------------------------------------------------------------------------- */

static void publish_more(void)
{
    hubs_say(scene.publisher, "PUB a 1\r\ny\r\n");
}

/*
 * Goal:    what a publisher sends while his messages are parsed is in the same send, where that send
 *          has many receivers; where it has few, nobody looks.
 * Method:  one message is there before the turn, one comes with its second look at the sockets.
 */
static void test_many_hear_both_at_once(void **state)
{
    (void)state;
    for (int many = 0; many < 2; many++) {
        struct fake_client *hearer = NULL;
        scene_begin(many ? CROWD : FEW, &hearer);
        scene_turn(publish_more);

        const char *heard = hubs_hear(scene.hubs, hearer);
        if (many) {
            assert_string_equal(heard, "MSG a 1 1\r\nx\r\nMSG a 1 1\r\ny\r\n");
            assert_int_equal(scene.waits, 3); /* the third found nothing */
        } else {
            assert_string_equal(heard, "MSG a 1 1\r\nx\r\n");
            assert_int_equal(scene.waits, 1);
        }
        scene_end();
    }
}

static void publish_always(void)
{
    publish_more();
    scene.waits = 1; /* so that this one is the second again */
}

/*
 * Goal:    who publishes without a pause does not hold up what he published.
 * Method:  with every look there is another message.
 */
static void test_looks_come_to_an_end(void **state)
{
    (void)state;
    struct fake_client *hearer = NULL;
    scene_begin(CROWD, &hearer);
    scene_turn(publish_always);

    const char *heard = hubs_hear(scene.hubs, hearer);
    assert_in_range(strlen(heard), 2 * strlen("MSG a 1 1\r\nx\r\n"),
                    20 * strlen("MSG a 1 1\r\nx\r\n"));
    scene_end();
}

/* 30 KB of each of the crowd, again with every look. */
static void flood(void)
{
    static char pongs[30 * 1024];
    for (size_t i = 0; i < sizeof(pongs); i++) {
        pongs[i] = "PONG\r\n"[i % 6];
    }
    for (uint32_t i = 0; i < CROWD; i++) {
        MAYBE(fake_client_write(scene.crowd[i], bytes_of(pongs, sizeof(pongs))) > 0);
    }
    scene.floods++;
    scene.waits = 1;
}

/*
 * Goal:    what many say that nobody hears holds up a fan-out no longer than one more wait brings of it.
 * Method:  before each look all subscribers say 30 KB of PONGs, of which one look finds too much already.
 */
static void test_a_flood_ends_the_looks(void **state)
{
    (void)state;
    struct fake_client *hearer = NULL;
    scene_begin(CROWD, &hearer);

    scene_turn(flood);

    assert_int_equal(scene.floods, 1);
    assert_string_equal(hubs_hear(scene.hubs, hearer), "MSG a 1 1\r\nx\r\n");
    scene_end();
}

static void somebody_leaves(void)
{
    fake_client_close(scene.leaver);
}

/*
 * Goal:    of comings and goings a wait reports few, so that others do not wait long: a turn does not add
 *          them up.
 * Method:  somebody leaves before the second look; there is no third.
 */
static void test_who_leaves_ends_the_looks(void **state)
{
    (void)state;
    struct fake_client *hearer = NULL;
    scene_begin(CROWD, &hearer);
    scene.leaver = hubs_join(scene.hubs);

    scene_turn(somebody_leaves);

    assert_int_equal(scene.waits, 2);
    assert_string_equal(hubs_hear(scene.hubs, hearer), "MSG a 1 1\r\nx\r\n");
    scene_end();
}

/* ---- law 7 ----------------------------------------------------------------------------------- */

static void subscribe_then_publish(void)
{
    hubs_say(scene.other, "SUB news 1\r\nPING\r\n");
    hubs_turn(scene.hubs, 1);
    assert_string_equal(hubs_hear(scene.hubs, scene.other), "PONG\r\n");
    hubs_say(scene.publisher, "PUB news 1\r\nz\r\n");
}

/*
 * Goal:    what was pushed before such bytes were received is known when they are parsed.
 * Method:  a subscription at the other worker is confirmed, and published to, during the second look.
 */
static void test_drains_again_before_it_listens_again(void **state)
{
    (void)state;
    struct fake_client *hearer = NULL;
    scene_begin(CROWD, &hearer);
    scene_turn(subscribe_then_publish);
    assert_in_range(scene.waits, 2, 3);
    hubs_run(scene.hubs);

    assert_string_equal(hubs_hear(scene.hubs, scene.other), "MSG news 1 1\r\nz\r\n");
    scene_end();
}

/* Half of the push of an order, and behind it the interest of a confirmed subscription. */
static struct {
    struct order_envelope *order;
    struct mpsc_node *previous;
    struct answer *answer;
} half;

static void subscribe_behind_half_a_push(void)
{
    half.answer = answer_new(NULL);
    half.order = memory_alloc(sizeof(*half.order));
    half.order->envelope.kind = ENVELOPE_ORDER;
    half.order->order = ORDER_ANSWER;
    half.order->argument = half.answer;
    half.previous = mpsc_push_begin(&scene.hubs->ports[0].inbox, &half.order->envelope.node);
    subscribe_then_publish();
}

/*
 * Goal:    where the inbox is cut in two then, the turn goes on without what it read, and nothing more
 *          is read before the cut has closed.
 * Method:  the second look finds a message and a cut inbox; the worker waits and turns again.
 */
static void test_half_a_push_puts_it_off(void **state)
{
    (void)state;
    struct fake_client *hearer = NULL;
    scene_begin(CROWD, &hearer);
    scene_turn(subscribe_behind_half_a_push);

    assert_string_equal(hubs_hear(scene.hubs, hearer), "MSG a 1 1\r\nx\r\n");
    assert_int_equal(scene.waits, 2);
    for (int i = 0; i < 3; i++) {
        hubs_wait(scene.hubs, 0);
        assert_int_equal(scene.waits, 2);
        assert_int_equal(worker_turn(scene.hubs->all[0], scene.hubs->now_ns), WORKER_HALF_LINKED);
    }
    mpsc_push_finish(half.previous, &half.order->envelope.node);
    assert_int_equal(worker_turn(scene.hubs->all[0], scene.hubs->now_ns), WORKER_TURNED);
    assert_true(answer_is_ready(half.answer));
    answer_unref(half.answer);
    hubs_run(scene.hubs);
    assert_string_equal(hubs_hear(scene.hubs, scene.other), "MSG news 1 1\r\nz\r\n");
    scene_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_hear_both_at_once),
        cmocka_unit_test(test_looks_come_to_an_end),
        cmocka_unit_test(test_a_flood_ends_the_looks),
        cmocka_unit_test(test_who_leaves_ends_the_looks),
        cmocka_unit_test(test_drains_again_before_it_listens_again),
        cmocka_unit_test(test_half_a_push_puts_it_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
