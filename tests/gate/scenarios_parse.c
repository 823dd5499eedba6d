/* scenarios_parse.c - from bytes to verbs, and to a run that nobody hears. */
#include "core/proto/nats_parse.h"
#include "tests/gate/scenario.h"

#include <stdio.h>

enum { MESSAGES = 64, READ_MAX = 32 * 1024, WARM_ROUNDS = 4, ROUNDS = 16 };

struct text {
    char bytes[READ_MAX];
    size_t size;
};

/* head is all of the control line but the size; the payload's headers are part of size. */
static void fill(struct text *text, const char *head, const char *headers, int size)
{
    text->size = 0;
    for (int i = 0; i < MESSAGES; i++) {
        int line = snprintf(text->bytes + text->size, READ_MAX - text->size, "%s %d\r\n%s", head,
                            size, headers);
        ASSERT(line > 0);
        text->size += (size_t)line;
        size_t rest = (size_t)size - strlen(headers);
        ASSERT(text->size + rest + 2 <= READ_MAX);
        memset(text->bytes + text->size, 'x', rest);
        memcpy(text->bytes + text->size + rest, "\r\n", 2);
        text->size += rest + 2;
    }
}

static void parse_round(struct nats_parser *parser, const struct text *text)
{
    struct bytes rest = bytes_of(text->bytes, text->size);
    int verbs = 0;
    COUNT_ON();
    while (rest.size > 0) {
        struct nats_verb verb;
        size_t consumed;
        if (nats_parse(parser, rest, &verb, &consumed) != NATS_VERB) {
            break;
        }
        rest = bytes_skip(rest, consumed);
        verbs++;
    }
    COUNT_OFF();
    ASSERT(verbs == MESSAGES);
}

static void parse(struct rig *rig, const char *head, const char *headers, int size)
{
    static struct text text;
    fill(&text, head, headers, size);
    rig_init(rig, 1, 64);
    struct nats_parser parser;
    nats_parser_init(&parser, 4096, 1 << 20);
    for (int i = 0; i < WARM_ROUNDS; i++) {
        parse_round(&parser, &text);
    }
    rig_measure(rig);
    for (int i = 0; i < ROUNDS; i++) {
        parse_round(&parser, &text);
    }
    rig_measured(rig, ROUNDS * MESSAGES);
}

/* The whole way of a message that reaches nobody: parse, copy into a run, match. */
static void unheard(struct rig *rig, const char *head, const char *headers, int size)
{
    static struct text text;
    fill(&text, head, headers, size);
    rig_init(rig, 1, 64);
    struct session *publisher = rig_open(rig, 0);
    for (int i = 0; i < WARM_ROUNDS + ROUNDS; i++) {
        if (i == WARM_ROUNDS) {
            rig_measure(rig);
        }
        rig_read(rig, 0, publisher, bytes_of(text.bytes, text.size));
        rig_turn(rig, 0);
    }
    rig_measured(rig, ROUNDS * MESSAGES);
    ASSERT(hub_metrics(rig->hubs[0])->publishes_unheard == (WARM_ROUNDS + ROUNDS) * MESSAGES);
}

static const char HEADERS[] = "NATS/1.0\r\nTrace: 12345678\r\n\r\n"; /* 30 bytes */

static void parse_pub_16(struct rig *rig)
{
    parse(rig, "PUB orders.eu.new", "", 16);
}

static void parse_pub_128(struct rig *rig)
{
    parse(rig, "PUB orders.eu.new", "", 128);
}

static void parse_pub_reply(struct rig *rig)
{
    parse(rig, "PUB orders.eu.new _INBOX.Kw3vJ0Zs.17", "", 128);
}

static void parse_hpub(struct rig *rig)
{
    parse(rig, "HPUB orders.eu.new 30", HEADERS, 128);
}

static void unheard_pub_16(struct rig *rig)
{
    unheard(rig, "PUB orders.eu.new", "", 16);
}

static void unheard_pub_128(struct rig *rig)
{
    unheard(rig, "PUB orders.eu.new", "", 128);
}

static void unheard_pub_reply(struct rig *rig)
{
    unheard(rig, "PUB orders.eu.new _INBOX.Kw3vJ0Zs.17", "", 128);
}

static void unheard_hpub(struct rig *rig)
{
    unheard(rig, "HPUB orders.eu.new 30", HEADERS, 128);
}

const struct scenario scenarios_parse[] = {
    {"parse/pub_16", "verb", parse_pub_16},
    {"parse/pub_128", "verb", parse_pub_128},
    {"parse/pub_128_reply", "verb", parse_pub_reply},
    {"parse/hpub_128", "verb", parse_hpub},
    {"publish_unheard/pub_16", "message", unheard_pub_16},
    {"publish_unheard/pub_128", "message", unheard_pub_128},
    {"publish_unheard/pub_128_reply", "message", unheard_pub_reply},
    {"publish_unheard/hpub_128", "message", unheard_hpub},
    {NULL, NULL, NULL},
};
