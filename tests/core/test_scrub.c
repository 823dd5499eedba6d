/* test_scrub.c - pass, replace or refuse: alone, and in the middle of a hub's messages. */
#include "core/scrub.h"
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct rule_text {
    const char *subject;
    const char *find;
    const char *put;
    enum scrub_action action;
};

static size_t rules_of(const struct rule_text *texts, size_t count, struct scrub_rule *rules)
{
    size_t used = 0;
    for (size_t i = 0; i < count && texts[i].subject != NULL; i++) {
        rules[used++] = (struct scrub_rule){.subject = bytes_text(texts[i].subject),
                                            .find = bytes_text(texts[i].find),
                                            .put = bytes_text(texts[i].put),
                                            .action = texts[i].action};
    }
    return used;
}

/*
 * Goal:    each verdict and replacement: longer, shorter, empty, at both ends, several times, several
 *          rules each seeing what the one before left, at the limit and one over.
 * Method:  a table; one scrub per case is asked twice, so that its buffer is used again.
 */
static void test_verdicts(void **state)
{
    (void)state;
    enum { RULES = 3 };
    static const struct {
        struct rule_text rules[RULES];
        const char *subject;
        const char *body;
        size_t limit;
        enum scrub_verdict verdict;
        const char *replacement;
    } cases[] = {
        {{{"a.*", "x", "y", SCRUB_ACTION_REPLACE}}, "a.b", "no such letter", 99, SCRUB_PASS, ""},
        {{{"a.*", "x", "y", SCRUB_ACTION_REPLACE}}, "b.b", "xx", 99, SCRUB_PASS, ""},
        {{{"a", "x", "y", SCRUB_ACTION_REPLACE}}, "a", "", 99, SCRUB_PASS, ""},
        {{{"a", "x", "y", SCRUB_ACTION_REPLACE}}, "a", "xaxbx", 99, SCRUB_REPLACE, "yayby"},
        {{{">", "x", "long", SCRUB_ACTION_REPLACE}}, "a", "x.x", 9, SCRUB_REPLACE, "long.long"},
        {{{">", "x", "long", SCRUB_ACTION_REPLACE}}, "a", "x.x", 8, SCRUB_REFUSE, ""},
        {{{">", "long", "s", SCRUB_ACTION_REPLACE}}, "a", "longlong", 2, SCRUB_REPLACE, "ss"},
        {{{">", "aa", "a", SCRUB_ACTION_REPLACE}}, "a", "aaaaa", 99, SCRUB_REPLACE, "aaa"},
        {{{">", "all", "", SCRUB_ACTION_REPLACE}}, "a", "all", 99, SCRUB_REPLACE, ""},
        {{{">", "bad", "", SCRUB_ACTION_REFUSE}}, "a", "a bad word", 99, SCRUB_REFUSE, ""},
        {{{">", "a", "bb", SCRUB_ACTION_REPLACE},
          {">", "bb", "cccc", SCRUB_ACTION_REPLACE},
          {">", "c", "", SCRUB_ACTION_REPLACE}},
         "a",
         "1a2",
         99,
         SCRUB_REPLACE,
         "12"},
        {{{">", "all", "", SCRUB_ACTION_REPLACE}, {">", "x", "y", SCRUB_ACTION_REPLACE}},
         "a",
         "all",
         99,
         SCRUB_REPLACE,
         ""},
        {{{">", "a", "bad", SCRUB_ACTION_REPLACE}, {">", "bad", "", SCRUB_ACTION_REFUSE}},
         "a",
         "xax",
         99,
         SCRUB_REFUSE,
         NULL},
        {{{"b", "a", "bad", SCRUB_ACTION_REPLACE}, {">", "a", "ok", SCRUB_ACTION_REPLACE}},
         "a",
         "xax",
         99,
         SCRUB_REPLACE,
         "xokx"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scrub_rule rules[RULES];
        size_t count = rules_of(cases[i].rules, RULES, rules);
        struct scrub scrub;
        scrub_init(&scrub, rules, count);
        for (int round = 0; round < 2; round++) {
            struct bytes replacement;
            enum scrub_verdict verdict =
                scrub_apply(&scrub, bytes_text(cases[i].subject), bytes_text(cases[i].body),
                            cases[i].limit, &replacement);
            assert_int_equal(verdict, cases[i].verdict);
            if (verdict == SCRUB_REPLACE) {
                assert_true(bytes_equal(replacement, bytes_text(cases[i].replacement)));
            }
        }
        scrub_free(&scrub);
    }
}

/*
 * Goal:    the buffer grows with what is scrubbed, and several rules never read what they write.
 * Method:  bodies of growing size through three rules that make them longer and shorter.
 */
static void test_growing_bodies(void **state)
{
    (void)state;
    static const struct rule_text texts[] = {{">", "a", "bbb", SCRUB_ACTION_REPLACE},
                                             {">", "bb", "c", SCRUB_ACTION_REPLACE},
                                             {">", "cb", "dddddd", SCRUB_ACTION_REPLACE}};
    struct scrub_rule rules[3];
    struct scrub scrub;
    scrub_init(&scrub, rules, rules_of(texts, 3, rules));
    static uint8_t body[3000];
    memset(body, 'a', sizeof(body));
    for (size_t size = 1; size < sizeof(body); size += 7) {
        struct bytes replacement;
        enum scrub_verdict verdict =
            scrub_apply(&scrub, bytes_text("s"), bytes_of(body, size), SIZE_MAX, &replacement);
        assert_int_equal(verdict, SCRUB_REPLACE);
        /* 3n b: pairs become c, and an odd one stays behind the last c. */
        size_t letters = 3 * size;
        assert_int_equal(replacement.size, letters % 2 == 1 ? letters / 2 - 1 + 6 : letters / 2);
        for (size_t i = 0; i < replacement.size; i++) {
            bool is_last = letters % 2 == 1 && i >= replacement.size - 6;
            assert_int_equal(replacement.ptr[i], is_last ? 'd' : 'c');
        }
    }
    scrub_free(&scrub);
}

/*
 * Goal:    a hub applies its rules once a message, in the middle of a run, with headers kept and
 *          sizes right, for receivers of both kinds; a refused message is counted and acknowledged.
 * Method:  messages of all verdicts in one read, to one subject.
 */
static void test_scrub_in_the_middle_of_a_run(void **state)
{
    (void)state;
    static const struct rule_text texts[] = {{"a", "secret", "[removed]", SCRUB_ACTION_REPLACE},
                                             {"a", "drop", "", SCRUB_ACTION_REPLACE},
                                             {"a", "evil", "", SCRUB_ACTION_REFUSE}};
    struct scrub_rule rules[3];
    struct world_options options = {.checks = true, .nats = {.max_payload = 40}};
    options.hub.scrub_rules_count = rules_of(texts, 3, rules);
    options.hub.scrub_rules = rules;
    struct world *world = world_new(&options);
    struct client *publisher = client_plain(world, 0);
    struct client *modern = client_plain(world, 0);
    struct client *old = client_open(world, 0, "{\"verbose\":false}");
    client_says(modern, "SUB a 1\r\nSUB b 2\r\n");
    client_says(old, "SUB a 1\r\n");
    world_run(world);

    client_says(publisher, "PUB a 003\r\none\r\nPUB a r 8\r\na secret\r\nPUB a 3\r\ntwo\r\n"
                           "HPUB a 12 018\r\nNATS/1.0\r\n\r\nsecret\r\n"
                           "HPUB a 12 16\r\nNATS/1.0\r\n\r\ndrop\r\nPUB a 4\r\nevil\r\n"
                           "PUB a 36\r\nsecretsecretsecretsecretsecretsecret\r\n"
                           "PUB b 4\r\nevil\r\nPUB a 4\r\ndrop\r\nPUB a 5\r\nthree\r\nPING\r\n");
    world_run(world);

    CLIENT_EXPECT(modern,
                  "MSG a 1 003\r\none\r\nMSG a 1 r 11\r\na [removed]\r\nMSG a 1 3\r\ntwo\r\n"
                  "HMSG a 1 12 21\r\nNATS/1.0\r\n\r\n[removed]\r\n"
                  "HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n"
                  "MSG b 2 4\r\nevil\r\nMSG a 1 0\r\n\r\nMSG a 1 5\r\nthree\r\n");
    CLIENT_EXPECT(old, "MSG a 1 003\r\none\r\nMSG a 1 r 11\r\na [removed]\r\nMSG a 1 3\r\ntwo\r\n"
                       "MSG a 1 9\r\n[removed]\r\nMSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n"
                       "MSG a 1 5\r\nthree\r\n");
    CLIENT_EXPECT(publisher, "PONG\r\n");
    const struct metrics *metrics = world_metrics(world, 0);
    assert_int_equal(metrics->deliveries_dropped[DROP_SCRUB_REFUSED], 2);
    assert_int_equal(metrics->publishes_replaced, 4);
    assert_int_equal(metrics->messages_in, 10);
    assert_int_equal(metrics->publishes, 8);
    world_end(world);
}

/*
 * Goal:    a verbose publisher hears +OK for a refused message too, and no 503.
 * Method:  one such publisher.
 */
static void test_a_refused_message_is_acknowledged(void **state)
{
    (void)state;
    static const struct rule_text texts[] = {{">", "evil", "", SCRUB_ACTION_REFUSE}};
    struct scrub_rule rules[1];
    struct world_options options = {.checks = true};
    options.hub.scrub_rules_count = rules_of(texts, 1, rules);
    options.hub.scrub_rules = rules;
    struct world *world = world_new(&options);
    struct client *client = client_open(world, 0, "{\"headers\":true,\"no_responders\":true}");
    client_says(client, "SUB r 1\r\nPUB none r 4\r\nevil\r\nPING\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "+OK\r\n+OK\r\nPONG\r\n");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_growing_bodies),
        cmocka_unit_test(test_scrub_in_the_middle_of_a_run),
        cmocka_unit_test(test_a_refused_message_is_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
