/* test_scrub.c - pass, replace or refuse: alone, and in the middle of a hub's messages. */
#include "tests/support/hub_world.h"
#include "tests/support/scrub_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *rules;
    const char *body;
    enum scrub_reason reason;
    const char *left;
} steps[] = {
    {"{subject: b, max_size: 1}", "not its subject", SCRUB_REASON_NONE, "not its subject"},
    {"{subject: [b, 'a.*'], max_size: 3}", "1234", SCRUB_REASON_SIZE, ""},
    {"{subject: '>', max_size: 3}", "123", SCRUB_REASON_NONE, "123"},
    {"{subject: '>', utf8: refuse}", "\xC3\xA4", SCRUB_REASON_NONE, "\xC3\xA4"},
    {"{subject: '>', utf8: refuse}", "\xC3", SCRUB_REASON_UTF8, ""},
    {"{subject: '>', utf8: refuse}", "\xED\xA0\x80", SCRUB_REASON_UTF8, ""},
    {"{subject: '>', utf8: refuse}", "\xC0\xAF", SCRUB_REASON_UTF8, ""},
    {"{subject: '>', utf8: replace}", "a\xF0\x9F\x92z\xFF", SCRUB_REASON_NONE,
     "a\xEF\xBF\xBDz\xEF\xBF\xBD"},
    {"{subject: '>', control: refuse}", "a\tb\r\n", SCRUB_REASON_NONE, "a\tb\r\n"},
    {"{subject: '>', control: refuse}", "a\x07", SCRUB_REASON_CONTROL, ""},
    {"{subject: '>', control: refuse}", "\\u001b[0m", SCRUB_REASON_CONTROL, ""},
    {"{subject: '>', control: strip}", "\x1b[1;31mred\x1b[0m\x07\x7f", SCRUB_REASON_NONE, "red"},
    {"{subject: '>', trim: true}", " \n a b \t", SCRUB_REASON_NONE, "a b"},
    {"{subject: '>', trim: true}", " \n ", SCRUB_REASON_NONE, ""},
    {"{subject: '>', json: true}", " {\"a\":[1,2.5e3,null]} ", SCRUB_REASON_NONE,
     " {\"a\":[1,2.5e3,null]} "},
    {"{subject: '>', json: true}", "{\"a\":}", SCRUB_REASON_JSON, ""},
    {"{subject: '>', json: true}", "", SCRUB_REASON_JSON, ""},
    {"{subject: '>', json: true}", "[1] 2", SCRUB_REASON_JSON, ""},
    {"{subject: '>', json: true}", "123456789012345678901234567890", SCRUB_REASON_NONE,
     "123456789012345678901234567890"},
    {"{subject: '>', json: true}", "[1e999, {\"a\": -0.5}]", SCRUB_REASON_NONE,
     "[1e999, {\"a\": -0.5}]"},
    {"{subject: '>', json: true}", "[1e999, {\"a\": -.5}]", SCRUB_REASON_JSON, ""},
    {"{subject: '>', json { depth: 2 }}", "[[1]]", SCRUB_REASON_NONE, "[[1]]"},
    {"{subject: '>', json { depth: 2 }}", "[[[]]]", SCRUB_REASON_DEPTH, ""},
    {"{subject: '>', json { minify: true }}", " { \"a\" : [ 1 , \"\\u0041\\/ \" ] } ",
     SCRUB_REASON_NONE, "{\"a\":[1,\"A/ \"]}"},
    {"{subject: '>', json { drop: '$..password', mask: '$.user.email' }}",
     "{\"user\":{\"email\":\"a\",\"password\":1},\"password\":2,\"x\":3}", SCRUB_REASON_NONE,
     "{\"user\":{\"email\":\"[masked]\"},\"x\":3}"},
    {"{subject: '>', json { schema { type: object, required: [id] }}}", "{\"id\":1}",
     SCRUB_REASON_NONE, "{\"id\":1}"},
    {"{subject: '>', json { schema { type: object, required: [id] }}}", "{\"ID\":1}",
     SCRUB_REASON_SCHEMA, ""},
    {"{subject: '>', must_match: ['^a', 'z$']}", "abcz", SCRUB_REASON_NONE, "abcz"},
    {"{subject: '>', must_match: ['^a', 'z$']}", "abc", SCRUB_REASON_MUST, ""},
    {"{subject: '>', must_not_match: 'evil|bad'}", "a bad word", SCRUB_REASON_MUST_NOT, ""},
    {"{subject: '>', mask: all}",
     "a@b.cc 4111111111111111 10.0.0.1 ::1 Bearer a1b2c3d4 +14155552671", SCRUB_REASON_NONE,
     "[email] [card] [ip] [ip] Bearer [token] [phone]"},
    {"{subject: '>', mask: card}", "{\"n\":-4111111111111111}", SCRUB_REASON_NONE,
     "{\"n\":\"[card]\"}"},
    {"{subject: '>', mask: card}", "{\"n\":\"see, 4111111111111111 \"}", SCRUB_REASON_NONE,
     "{\"n\":\"see, [card] \"}"},
    {"{subject: '>', mask: card}", "n, 4111111111111111", SCRUB_REASON_NONE, "n, [card]"},
    {"{subject: '>', mask: [{pattern: 'id-[0-9]+', with: 'id'}]}", "id-12, id-3", SCRUB_REASON_NONE,
     "id, id"},
    {"{subject: '>', mask: [{pattern: 'b+'}, {pattern: 'abb', with: 'x'}]}", "abbb",
     SCRUB_REASON_NONE, "[masked]"},
    {"{subject: '>', mask: [{pattern: 'b.', with: 'x'}]}", "ab\xC3\xA4", SCRUB_REASON_NONE, "ax"},
    {"{subject: '>', mask: [{pattern: 'ab', with: ''}]}", "aabb", SCRUB_REASON_NONE, ""},
    {"{subject: '>', json: true, mask: [{pattern: ']', with: ''}]}", "[]", SCRUB_REASON_JSON, ""},
    {"{subject: '>', mask: [{pattern: 'a', with: 'b'}]}, {subject: 'a.b', must_not_match: b}",
     "xax", SCRUB_REASON_MUST_NOT, ""},
    {"{subject: 'x', mask: [{pattern: 'a', with: 'b'}]}, {subject: '>', must_not_match: b}", "xax",
     SCRUB_REASON_NONE, "xax"},
    {"{subject: '>', headers { require { Kind: true } }}", "", SCRUB_REASON_HEADER_MISSING, ""},
};

/*
 * Goal:    each step checks and cleans what it says, alone and after others.
 * Method:  a table of rules and payloads: what is left, or why it is refused.
 */
static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        enum scrub_reason reason;
        struct bytes left = scrub_text_apply(steps[i].rules, bytes_text(steps[i].body), &reason);
        if (reason != steps[i].reason ||
            (reason == SCRUB_REASON_NONE && !bytes_equal(left, bytes_text(steps[i].left)))) {
            fail_msg("%s of %s: %s, left %.*s", steps[i].rules, steps[i].body,
                     scrub_reason_name(reason), (int)left.size, left.ptr);
        }
    }
}

/*
 * Goal:    where headers are allowed by name, any other is refused; what is required is allowed, and so
 *          is a message without headers.
 */
static void test_allowed_headers(void **state)
{
    (void)state;
    static const struct {
        const char *block;
        enum scrub_reason reason;
    } cases[] = {
        {"", SCRUB_REASON_NONE},
        {"NATS/1.0\r\n\r\n", SCRUB_REASON_NONE},
        {"NATS/1.0\r\na:x\r\nB: y\r\nA: z\r\n\r\n", SCRUB_REASON_NONE},
        {"NATS/1.0\r\nA: x\r\nAB: y\r\n\r\n", SCRUB_REASON_HEADER_OTHER},
        {"NATS/1.0\r\nC: c\r\n\r\n", SCRUB_REASON_HEADER_OTHER},
        {"NATS/1.0\r\nC: c\r\nbroken\r\n\r\n", SCRUB_REASON_HEADERS},
    };
    struct scrub_rules *set =
        scrub_text_rules("{subject: a, headers { allow: [A, B] }}, "
                         "{subject: b, headers { allow: A, require { B: true }, remove: B }}");
    struct scrub *scrub = scrub_new(set, NULL, 1);
    scrub_rules_unref(set);
    struct scrub_out out;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scrub_in in = {.subject = bytes_text("a"), .header = bytes_text(cases[i].block)};
        bool refuses = cases[i].reason != SCRUB_REASON_NONE;
        assert_int_equal(scrub_apply(scrub, &in, &out), refuses ? SCRUB_REFUSE : SCRUB_PASS);
        if (refuses) {
            assert_int_equal(out.outcome.reason, cases[i].reason);
        }
    }
    struct scrub_in in = {.subject = bytes_text("b"),
                          .header = bytes_text("NATS/1.0\r\nB: x\r\nA: y\r\n\r\n")};
    assert_int_equal(scrub_apply(scrub, &in, &out), SCRUB_REPLACE);
    assert_true(bytes_equal(out.header, bytes_text("NATS/1.0\r\nA: y\r\n\r\n")));
    scrub_free(scrub);
}

/*
 * Goal:    headers are required, removed and added, whatever their case; a block that cannot be read
 *          is refused; cleaning twice changes nothing more.
 * Method:  a table of blocks.
 */
static void test_headers(void **state)
{
    (void)state;
    static const char rules[] = "{subject: '>', headers { require { Kind: [a, b] }, "
                                "remove: [secret, Old], add { By: hub, Old: 'new one' } }}";
    static const struct {
        const char *block;
        enum scrub_reason reason;
        const char *left;
    } cases[] = {
        {"", SCRUB_REASON_HEADER_MISSING, ""},
        {"NATS/1.0\r\n\r\n", SCRUB_REASON_HEADER_MISSING, ""},
        {"NATS/1.0\r\nkind:a\r\n\r\n", SCRUB_REASON_NONE,
         "NATS/1.0\r\nkind:a\r\nBy: hub\r\nOld: new one\r\n\r\n"},
        {"NATS/1.0\r\nSECRET: x\r\nKind: b \r\nold:y\r\n\r\n", SCRUB_REASON_NONE,
         "NATS/1.0\r\nKind: b \r\nBy: hub\r\nOld: new one\r\n\r\n"},
        {"NATS/1.0\r\nKind: c\r\n\r\n", SCRUB_REASON_HEADER_VALUE, ""},
        {"NATS/1.0\r\nKind: a\r\nKind: c\r\n\r\n", SCRUB_REASON_HEADER_VALUE, ""},
        {"NATS/1.0\r\nKind: a\r\n", SCRUB_REASON_HEADERS, ""},
        {"xyz", SCRUB_REASON_HEADERS, ""},
        {"NATS/1.0\r\nno colon\r\n\r\n", SCRUB_REASON_HEADERS, ""},
        {"NATS/1.0\r\nKind: a\r\n\r\nx", SCRUB_REASON_HEADERS, ""},
    };
    struct scrub_rules *set = scrub_text_rules(rules);
    struct scrub *scrub = scrub_new(set, NULL, 1);
    scrub_rules_unref(set);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scrub_in in = {.subject = bytes_text("a"),
                              .header = bytes_text(cases[i].block),
                              .body = bytes_text("body"),
                              .limit = 1000};
        struct scrub_out out = {.outcome = {.reason = SCRUB_REASON_NONE}};
        enum scrub_verdict verdict = scrub_apply(scrub, &in, &out);
        assert_int_equal(out.outcome.reason, cases[i].reason);
        if (cases[i].reason != SCRUB_REASON_NONE) {
            assert_int_equal(verdict, SCRUB_REFUSE);
            continue;
        }
        assert_int_equal(verdict, SCRUB_REPLACE);
        assert_true(bytes_equal(out.header, bytes_text(cases[i].left)));
        assert_true(bytes_equal(out.body, bytes_text("body")));
        uint8_t block[200];
        memcpy(block, out.header.ptr, out.header.size);
        in.header = bytes_of(block, out.header.size);
        assert_int_equal(scrub_apply(scrub, &in, &out), SCRUB_PASS);
    }
    scrub_free(scrub);
}

/*
 * Goal:    what is cleaned never passes the limit, and is refused at one byte less.
 * Method:  a mask that makes text longer, at its length and one below.
 */
static void test_limit(void **state)
{
    (void)state;
    struct scrub_rules *set =
        scrub_text_rules("{subject: '>', mask: [{pattern: x, with: 'long'}]}");
    struct scrub *scrub = scrub_new(set, NULL, 1);
    scrub_rules_unref(set);
    struct scrub_in in = {.subject = bytes_text("a"), .body = bytes_text("x.x"), .limit = 9};
    struct scrub_out out;
    assert_int_equal(scrub_apply(scrub, &in, &out), SCRUB_REPLACE);
    assert_true(bytes_equal(out.body, bytes_text("long.long")));
    in.limit = 8;
    assert_int_equal(scrub_apply(scrub, &in, &out), SCRUB_REFUSE);
    assert_int_equal(out.outcome.reason, SCRUB_REASON_GREW);
    scrub_free(scrub);
}

static uint64_t ticks;

static uint64_t tick(void)
{
    return ticks += 10;
}

/*
 * Goal:    an observer counts and changes nothing; messages are counted once, when told; some are
 *          timed; a new set takes over the counters of the same name.
 * Method:  an observer before a rule that would see its change; counters read after each step.
 */
static void test_observe_and_count(void **state)
{
    (void)state;
    static const char text[] = "{name: look, subject: '>', observe: true, must_not_match: evil, "
                               "mask: [{pattern: a, with: b}]}, "
                               "{name: act, subject: '>', mask: [{pattern: b, with: c}]}";
    struct scrub_rules *set = scrub_text_rules(text);
    struct scrub *scrub = scrub_new(set, tick, 1);
    struct scrub_in in = {.subject = bytes_text("s"), .body = bytes_text("aabb"), .limit = 100};
    struct scrub_out out;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(scrub_apply(scrub, &in, &out), SCRUB_REPLACE);
        assert_true(bytes_equal(out.body, bytes_text("aacc")));
        assert_int_equal(scrub_apply(scrub, &in, &out), SCRUB_REPLACE);
        scrub_count(scrub);
    }
    in.body = bytes_text("evil");
    assert_int_equal(scrub_apply(scrub, &in, &out), SCRUB_PASS);
    scrub_count(scrub);
    const struct scrub_counters *look = scrub_counters(scrub, 0);
    const struct scrub_counters *act = scrub_counters(scrub, 1);
    assert_int_equal(look->cleaned, 20);
    assert_int_equal(look->refused[SCRUB_REASON_MUST_NOT], 1);
    assert_int_equal(act->cleaned, 20);
    assert_int_equal(act->passed, 1);
    assert_int_equal(act->timed, 2);
    assert_int_equal(act->timed_ns, 20);

    struct scrub_rules *other = scrub_text_rules("{name: act, subject: x}, {name: b, subject: y}");
    struct scrub *next = scrub_new(other, NULL, 1);
    scrub_inherit(next, scrub);
    assert_int_equal(scrub_counters(next, 0)->cleaned, 20);
    assert_int_equal(scrub_counters(next, 1)->cleaned, 0);
    scrub_free(scrub);
    scrub_free(next);
    scrub_rules_unref(set);
    scrub_rules_unref(other);
}

/*
 * Goal:    the rules of a subject are found again, also where many subjects push one another out.
 * Method:  a thousand subjects, short and too long to be remembered, twice.
 */
static void test_many_subjects(void **state)
{
    (void)state;
    struct scrub_rules *set = scrub_text_rules("{subject: '*.odd.>', must_not_match: '.'}");
    struct scrub *scrub = scrub_new(set, NULL, 7);
    scrub_rules_unref(set);
    char subject[300];
    for (int i = 0; i < 2000; i++) {
        int n = i % 1000;
        int size = snprintf(subject, sizeof(subject), "%d.%s.%0*d", n, n % 2 == 1 ? "odd" : "even",
                            n % 7 == 0 ? 200 : 5, n);
        struct scrub_in in = {
            .subject = bytes_of(subject, (size_t)size), .body = bytes_text("x"), .limit = 100};
        struct scrub_out out;
        assert_int_equal(scrub_apply(scrub, &in, &out), n % 2 == 1 ? SCRUB_REFUSE : SCRUB_PASS);
        assert_int_equal(scrub_apply(scrub, &in, &out), n % 2 == 1 ? SCRUB_REFUSE : SCRUB_PASS);
    }
    scrub_free(scrub);
}

/* ---- in a hub -------------------------------------------------------------------------------- */

static struct world *world_of(const char *rules, struct world_options *options)
{
    struct scrub_rules *set = scrub_text_rules(rules);
    options->checks = true;
    options->hub.scrub = set;
    struct world *world = world_new(options);
    scrub_rules_unref(set);
    return world;
}

/*
 * Goal:    a hub applies its rules once a message, in the middle of a run, with headers kept and
 *          sizes right, for receivers of both kinds; a refused message is counted and acknowledged.
 * Method:  messages of all verdicts in one read, to one subject.
 */
static void test_scrub_in_the_middle_of_a_run(void **state)
{
    (void)state;
    struct world_options options = {.nats = {.max_payload = 40}};
    struct world *world = world_of("{subject: a, refused: drop, must_not_match: evil, "
                                   "mask: [{pattern: secret, with: '[removed]'}, "
                                   "{pattern: drop, with: ''}]}",
                                   &options);
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
 * Goal:    a verbose publisher hears +OK for a message that is dropped, and no 503.
 * Method:  one such publisher.
 */
static void test_a_refused_message_is_acknowledged(void **state)
{
    (void)state;
    struct world_options options = {0};
    struct world *world = world_of("{subject: '>', refused: drop, must_not_match: evil}", &options);
    struct client *client = client_open(world, 0, "{\"headers\":true,\"no_responders\":true}");
    client_says(client, "SUB r 1\r\nPUB none r 4\r\nevil\r\nPING\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "+OK\r\n+OK\r\nPONG\r\n");
    world_end(world);
}

/*
 * Goal:    a publisher is told which rule refused which subject, with an error that clients survive; a
 *          requester gets a status on its inbox at once, in order with what it heard before.
 * Method:  one session that publishes and requests, one without headers, one that listens.
 */
static void test_tell(void **state)
{
    (void)state;
    struct world_options options = {0};
    struct world *world = world_of("{name: 'clean words', subject: 's.>', must_not_match: evil}, "
                                   "{subject: j, json { schema { type: object } }}",
                                   &options);
    struct client *client = client_plain(world, 0);
    struct client *old = client_open(world, 0, "{\"verbose\":true}");
    struct client *listener = client_plain(world, 0);
    client_says(listener, "SUB > 1\r\n");
    client_says(client, "SUB s.a 7\r\nSUB inbox.* 9\r\n");
    world_run(world);
    client_says(client, "PUB s.a 2\r\nok\r\nPUB s.a 4\r\nevil\r\nPUB s.a 2\r\nok\r\n"
                        "PUB s.a inbox.1 4\r\nevil\r\nPUB j 2\r\n[]\r\nPING\r\n");
    client_says(old, "PUB s.b inbox.1 4\r\nevil\r\nPUB s.b 2\r\nok\r\n");
    world_run(world);
#define EVIL                                                                                       \
    "-ERR 'Permissions Violation for Publish to \"s.a\", scrub rule \"clean words\": a pattern "   \
    "that "                                                                                        \
    "must not match does'\r\n"
    CLIENT_EXPECT(
        client,
        "MSG s.a 7 2\r\nok\r\n" EVIL "MSG s.a 7 2\r\nok\r\n"
        "HMSG inbox.1 9 105 105\r\n"
        "NATS/1.0 400 Refused by scrub rule clean words: a pattern that must not match does"
        "\r\nNats-Subject: s.a\r\n\r\n\r\n" EVIL
        "-ERR 'Permissions Violation for Publish to \"j\", scrub rule \"rule 2\": JSON does "
        "not match the schema, type'\r\nPONG\r\n");
    CLIENT_EXPECT(old, "-ERR 'Permissions Violation for Publish to \"s.b\", scrub rule \"clean "
                       "words\": a pattern that must not match does'\r\n+OK\r\n");
    CLIENT_EXPECT(listener, "MSG s.a 1 2\r\nok\r\nMSG s.a 1 2\r\nok\r\nMSG s.b 1 2\r\nok\r\n");
    assert_int_equal(world_metrics(world, 0)->deliveries_dropped[DROP_SCRUB_REFUSED], 4);
    world_end(world);
}

/*
 * Goal:    a refused message goes to the quarantine subject as it came, behind headers that say
 *          where it was going and what kept it; its own follow where they can be read.
 * Method:  messages without headers, with, and with a broken block; receivers of both kinds.
 */
static void test_quarantine(void **state)
{
    (void)state;
    struct world_options options = {0};
    struct world *world = world_of("{name: q, subject: 's.>', quarantine: jail.s, utf8: refuse, "
                                   "must_not_match: evil}",
                                   &options);
    struct client *publisher = client_open(world, 0, "{\"headers\":true,\"verbose\":true}");
    struct client *jailer = client_plain(world, 0);
    struct client *old = client_open(world, 0, "{\"verbose\":false}");
    client_says(jailer, "SUB > 1\r\n");
    client_says(old, "SUB jail.> 2\r\n");
    world_run(world);
    client_says(publisher, "PUB s.a inbox 4\r\nevil\r\nHPUB s.b 18 21\r\nNATS/1.0\r\nA: b\r\n\r\n"
                           "\xFFxx\r\nHPUB s.c 3 7\r\nxyzevil\r\nPUB s.d 2\r\nok\r\n");
    world_run(world);
#define JAIL "NATS/1.0\r\nNats-Scrub-Rule: q\r\nNats-Scrub-Reason: "
    CLIENT_EXPECT(
        jailer, "HMSG jail.s 1 86 90\r\n" JAIL "must_not\r\nNats-Scrub-Subject: s.a\r\n\r\nevil"
                "\r\nHMSG jail.s 1 88 91\r\n" JAIL "utf8\r\nNats-Scrub-Subject: s.b\r\nA: b\r\n\r\n"
                "\xFFxx\r\nHMSG jail.s 1 86 90\r\n" JAIL
                "must_not\r\nNats-Scrub-Subject: s.c\r\n\r\nevil\r\n"
                "MSG s.d 1 2\r\nok\r\n");
    CLIENT_EXPECT(old, "MSG jail.s 2 4\r\nevil\r\nMSG jail.s 2 3\r\n\xFFxx\r\n"
                       "MSG jail.s 2 4\r\nevil\r\n");
    CLIENT_EXPECT(publisher, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
    assert_int_equal(world_metrics(world, 0)->publishes_quarantined, 3);
    assert_int_equal(world_metrics(world, 0)->deliveries_dropped[DROP_SCRUB_REFUSED], 0);
    world_end(world);
}

/*
 * Goal:    headers come and go on the wire with sizes right; other rules take over between turns.
 * Method:  a rule that adds to messages with and without headers; then another; then none.
 */
static void test_headers_and_other_rules(void **state)
{
    (void)state;
    struct world_options options = {0};
    struct world *world =
        world_of("{subject: s, headers { remove: X, add { By: hub } }}", &options);
    struct client *client = client_plain(world, 0);
    struct client *old = client_open(world, 0, "{\"verbose\":false}");
    static const char says[] = "PUB s r 2\r\nhi\r\nHPUB s 16 18\r\nNATS/1.0\r\nX:\r\n\r\nhi\r\n";
    client_says(client, "SUB s 1\r\n");
    client_says(old, "SUB s 2\r\n");
    client_says(client, says);
    world_run(world);
    CLIENT_EXPECT(client, "HMSG s 1 r 21 23\r\nNATS/1.0\r\nBy: hub\r\n\r\nhi\r\n"
                          "HMSG s 1 21 23\r\nNATS/1.0\r\nBy: hub\r\n\r\nhi\r\n");
    CLIENT_EXPECT(old, "MSG s 2 r 2\r\nhi\r\nMSG s 2 2\r\nhi\r\n");
    struct scrub_rules *other = scrub_text_rules("{subject: s, must_match: 'no'}");
    hub_scrub_set(world_hub(world, 0), other);
    scrub_rules_unref(other);
    client_says(old, "PUB s 2\r\nhi\r\nPUB s 2\r\nno\r\n");
    world_run(world);
    hub_scrub_set(world_hub(world, 0), NULL);
    assert_null(hub_scrub(world_hub(world, 0)));
    client_says(old, "PUB s 2\r\nhi\r\n");
    world_run(world);
    CLIENT_EXPECT(client, "MSG s 1 2\r\nno\r\nMSG s 1 2\r\nhi\r\n");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_allowed_headers),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_observe_and_count),
        cmocka_unit_test(test_many_subjects),
        cmocka_unit_test(test_scrub_in_the_middle_of_a_run),
        cmocka_unit_test(test_a_refused_message_is_acknowledged),
        cmocka_unit_test(test_tell),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_headers_and_other_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
