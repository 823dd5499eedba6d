/*
 * bench_scrub.cc - what does a rule cost a message, by kind of rule and size of payload?
 *
 *   scrub/KIND/BYTES   one rule of one kind; text of a log for the kinds that look at bytes, a list
 *                      of records for those that read JSON; nothing is found, as in most traffic
 *   scrub/utf8_other/… text that is not ASCII: two, three and four bytes a character
 *   scrub/utf8_replace/… the same with a broken byte every 100 or so, replaced
 *   scrub/control_hit/… a log with colours, stripped
 *   scrub/json_depth_tight/… depth is bounded, and by no more than the payload has
 *   scrub/headers/…    headers required, removed and added; their size does not grow with the payload
 *   scrub/mask_hit/…   the built-in masks on text with a match every 100 bytes or so
 *   scrub/mask_full/…  on text that is little else: a match of one of the kinds every 27 bytes
 *   scrub/mask_near/…  on text that is full of what is almost a match
 *   scrub/mask_json_full/… on JSON whose records hold a match every 27 bytes, one of them a number
 *   scrub/usual/…      UTF-8, JSON and all built-in masks in one rule
 *   scrub/none/…       a subject that no rule is for
 *   regex/builtin/…    the built-in kinds, written as patterns, by Vectorscan: what finder.c is
 *                      measured against
 *
 * bytes_per_second is the payload's. The checksum is the number of bytes that are left. Each verdict is
 * compared with what it must be; kinds whose text begins to have something to find behind some hundred
 * bytes have no smaller sizes.
 */
#include "core/scrub.h"

#include <benchmark/benchmark.h>
#include <cstring>
#include <string>

namespace
{

std::string text_of(size_t size, bool hits)
{
    static const char *const lines[] = {
        "2026-11-29 19:43:00.123 INFO worker 3: request 8812345 took 12.7 ms, 200 OK\n",
        "the quick brown fox jumps over the lazy dog, and the dog does not mind at all\n",
        "user=alice action=login result=ok session=5f3a9c duration=42 path=/api/v2/items\n",
    };
    static const char *const found[] = {"mail to alice@example.com from 10.1.2.3\n",
                                        "card 4111 1111 1111 1111 by +14155552671\n"};
    std::string text;
    for (size_t i = 0; text.size() < size; i++) {
        text += lines[i % 3];
        if (hits && i % 2 == 1) {
            text += found[i / 2 % 2];
        }
    }
    text.resize(size);
    return text;
}

std::string repeated(size_t size, const char *line)
{
    std::string text;
    while (text.size() + strlen(line) <= size) {
        text += line;
    }
    text.resize(size, ' ');
    return text;
}

const char other_line[] = "\u0432\u0441\u0451 \u0442\u0435\u043a\u0441\u0442, "
                          "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3001 "
                          "\U0001F600 \u00e4\u00f6\u00fc\n";
const char broken_line[] = "\u0432\u0441\u0451 \u0442\u0435\u043a\u0441\u0442, "
                           "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3001 "
                           "\U0001F600 \u00e4\u00f6\u00fc\xFF\n";
const char colour_line[] = "\x1b[1;32mINFO\x1b[0m worker 3: request 8812345 took 12.7 ms\n";

std::string full_of(size_t size)
{
    static const char *const found[] = {"alice@example.com\n",       "from 10.1.2.3:\n",
                                        "Bearer a1b2c3d4e5f6g7h8\n", "+1 415 555 2671\n",
                                        "4111 1111 1111 1111\n",     "to 2001:db8::8a2e:370:7334\n",
                                        "(415) 555-2671 evening\n"};
    std::string text;
    for (size_t i = 0; text.size() < size; i++) {
        text += found[i % 7];
    }
    text.resize(size);
    return text;
}

std::string near_of(size_t size)
{
    static const char *const lines[] = {
        "user@localhost asked at 12:34:56, 300.1.2.3 answered\n",
        "order 4111 1111 1111 1112 of 2026-11-30 10:04:00\n",
        "bearer of news: version 1.2.3, call +1 23 or 555-26\n",
        "face:b00c:12 and 0xdeadbeef, 41111111111111111111 bytes\n"};
    std::string text;
    for (size_t i = 0; text.size() < size; i++) {
        text += lines[i % 4];
    }
    text.resize(size);
    return text;
}

/* Each record has an address, a number and a card, which is a number of JSON. */
std::string json_full_of(size_t size)
{
    std::string text = "[";
    for (size_t i = 0; text.size() + 140 < size; i++) {
        text += i > 0 ? "," : "";
        text += "{\"id\":" + std::to_string(1000 + i) +
                ",\"mail\":\"alice@example.com\",\"card\":4111111111111111,"
                "\"from\":\"10.1.2.3\",\"phone\":\"+14155552671\"}";
    }
    text += text.size() > 1 ? ",\"\"]" : "\"\"]";
    text.insert(text.size() - 2, std::string(size > text.size() ? size - text.size() : 0, 'x'));
    return text;
}

std::string json_of(size_t size)
{
    std::string text = "[";
    std::string item;
    for (size_t i = 0; text.size() + 180 < size; i++) {
        item =
            "{\"id\":" + std::to_string(1000 + i) +
            ",\"user\":{\"name\":\"Somebody Else\",\"mail\":\"none\",\"tags\":[\"a\",\"bb\"]},"
            "\"text\":\"the quick brown fox jumps over the lazy dog\",\"price\":12.50,\"ok\":true}";
        text += (i > 0 ? "," : "") + item;
    }
    text += "\"\"]";
    if (text.size() > 4) {
        text.insert(text.size() - 3, ",");
    }
    text.insert(text.size() - 2, std::string(size > text.size() ? size - text.size() : 0, 'x'));
    return text;
}

struct bytes view(const std::string &text)
{
    return bytes_of(text.data(), text.size());
}

const struct bytes subject = bytes_text("bench");

struct scrub *scrub_of(struct scrub_rule_options options)
{
    options.subjects.items = &subject;
    options.subjects.count = 1;
    struct scrub_error error;
    struct scrub_rules *rules = scrub_rules_new(&options, 1, &error);
    ASSERT(rules != nullptr);
    struct scrub *scrub = scrub_new(rules, nullptr, 42);
    scrub_rules_unref(rules);
    return scrub;
}

/* expected: of each message, so that a rule which does not do its work is no fast one. */
void run(benchmark::State &state, struct scrub *scrub, const std::string &payload,
         enum scrub_verdict expected = SCRUB_PASS, const char *name = "bench",
         const char *header = "")
{
    struct scrub_in in = {};
    in.subject = bytes_text(name);
    in.header = bytes_text(header);
    in.body = view(payload);
    in.limit = 4 * payload.size() + 1000;
    uint64_t left = 0;
    for (auto _ : state) {
        struct scrub_out out = {};
        enum scrub_verdict verdict = scrub_apply(scrub, &in, &out);
        ASSERT(verdict == expected);
        left += verdict == SCRUB_REPLACE ? out.body.size : payload.size();
        scrub_count(scrub);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(payload.size()));
    state.counters["left"] = static_cast<double>(left) / static_cast<double>(state.iterations());
    scrub_free(scrub);
}

size_t size_of(const benchmark::State &state)
{
    return static_cast<size_t>(state.range(0));
}

constexpr uint32_t all_finders = (1u << FINDER_KINDS) - 1;

void none(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.utf8 = SCRUB_CHECK;
    run(state, scrub_of(options), text_of(size_of(state), false), SCRUB_PASS, "elsewhere");
}

void size_only(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.size_max = 1 << 30;
    run(state, scrub_of(options), text_of(size_of(state), false));
}

void utf8(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.utf8 = SCRUB_CHECK;
    run(state, scrub_of(options), text_of(size_of(state), false));
}

void utf8_other(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.utf8 = SCRUB_CHECK;
    run(state, scrub_of(options), repeated(size_of(state), other_line));
}

void utf8_replace(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.utf8 = SCRUB_CLEAN;
    run(state, scrub_of(options), repeated(size_of(state), broken_line), SCRUB_REPLACE);
}

void control_hit(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.control = SCRUB_CLEAN;
    run(state, scrub_of(options), repeated(size_of(state), colour_line), SCRUB_REPLACE);
}

void trim(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.trim = true;
    run(state, scrub_of(options), repeated(size_of(state), " some words\n"), SCRUB_REPLACE);
}

void headers(benchmark::State &state)
{
    static const struct scrub_required required = {bytes_text("Kind"), {}};
    static const struct bytes removed = bytes_text("Secret");
    static const struct scrub_header added = {bytes_text("By"), bytes_text("hub")};
    struct scrub_rule_options options = {};
    options.headers_required = &required;
    options.headers_required_count = 1;
    options.headers_remove = {&removed, 1};
    options.headers_add = &added;
    options.headers_add_count = 1;
    run(state, scrub_of(options), text_of(size_of(state), false), SCRUB_REPLACE, "bench",
        "NATS/1.0\r\nKind: order\r\nSecret: 12345678\r\nNats-Msg-Id: 8812345\r\n\r\n");
}

void control(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.control = SCRUB_CLEAN;
    run(state, scrub_of(options), text_of(size_of(state), false));
}

void json(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.json = true;
    run(state, scrub_of(options), json_of(size_of(state)));
}

void json_depth(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.json = true;
    options.json_depth_max = 8;
    run(state, scrub_of(options), json_of(size_of(state)));
}

/* As deep as it may be, so that brackets are looked at one by one. */
void json_depth_tight(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.json = true;
    options.json_depth_max = 4;
    run(state, scrub_of(options), json_of(size_of(state)));
}

void json_mask(benchmark::State &state)
{
    static const struct bytes path = bytes_text("$[*].user.name");
    struct scrub_rule_options options = {};
    options.json_mask = {&path, 1};
    run(state, scrub_of(options), json_of(size_of(state)), SCRUB_REPLACE);
}

void json_minify(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.json_minify = true;
    run(state, scrub_of(options), json_of(size_of(state)));
}

void json_drop(benchmark::State &state)
{
    static const struct bytes paths[] = {bytes_text("$..password"), bytes_text("$.user.secret")};
    struct scrub_rule_options options = {};
    options.json_drop.items = paths;
    options.json_drop.count = 2;
    run(state, scrub_of(options), json_of(size_of(state)));
}

void json_schema(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.json_schema = bytes_text(
        "{\"type\":\"array\",\"items\":{\"properties\":{\"id\":{\"type\":\"integer\",\"minimum\":1}"
        ","
        "\"text\":{\"type\":\"string\",\"maxLength\":100},\"price\":{\"type\":\"number\"}}}}");
    run(state, scrub_of(options), json_of(size_of(state)));
}

void mask(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.finders = all_finders;
    run(state, scrub_of(options), text_of(size_of(state), false));
}

void mask_json(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.finders = all_finders;
    run(state, scrub_of(options), json_of(size_of(state)));
}

void mask_hit(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.finders = all_finders;
    run(state, scrub_of(options), text_of(size_of(state), true), SCRUB_REPLACE);
}

void mask_full(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.finders = all_finders;
    run(state, scrub_of(options), full_of(size_of(state)), SCRUB_REPLACE);
}

void mask_near(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.finders = all_finders;
    run(state, scrub_of(options), near_of(size_of(state)));
}

void mask_json_full(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.finders = all_finders;
    run(state, scrub_of(options), json_full_of(size_of(state)), SCRUB_REPLACE);
}

void mask_own(benchmark::State &state)
{
    static const struct scrub_mask own = {bytes_text("acct-[0-9]{8}"), bytes_text("[account]")};
    struct scrub_rule_options options = {};
    options.masks = &own;
    options.masks_count = 1;
    run(state, scrub_of(options), text_of(size_of(state), false));
}

void must_not(benchmark::State &state)
{
    static const struct bytes patterns[] = {bytes_text("BEGIN (RSA )?PRIVATE KEY"),
                                            bytes_text("(?i)drop\\s+table"), bytes_text("<script")};
    struct scrub_rule_options options = {};
    options.must_not.items = patterns;
    options.must_not.count = 3;
    run(state, scrub_of(options), text_of(size_of(state), false));
}

void usual(benchmark::State &state)
{
    struct scrub_rule_options options = {};
    options.utf8 = SCRUB_CHECK;
    options.json = true;
    options.finders = all_finders;
    run(state, scrub_of(options), json_of(size_of(state)));
}

void regex_builtin(benchmark::State &state)
{
    static const struct scrub_mask own[] = {
        {bytes_text("(?i)[a-z0-9._%+-]+@[a-z0-9.-]+\\.[a-z]{2,}"), bytes_text("[]")},
        {bytes_text("\\b(?:[0-9][ -]?){13,19}\\b"), bytes_text("[]")},
        {bytes_text("\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b"), bytes_text("[]")},
        {bytes_text("(?i)\\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\\b"), bytes_text("[]")},
        {bytes_text("(?i)bearer [a-z0-9._~+/-]+=*"), bytes_text("[]")},
        {bytes_text("\\+[0-9][0-9 ()-]{7,15}"), bytes_text("[]")}};
    struct scrub_rule_options options = {};
    options.masks = own;
    options.masks_count = 6;
    run(state, scrub_of(options), text_of(size_of(state), false));
}

#define SIZES_LARGER Arg(1024)->Arg(16 * 1024)->Arg(256 * 1024)
#define SIZES        Arg(64)->Arg(128)->SIZES_LARGER

BENCHMARK(none)->Name("scrub/none")->SIZES;
BENCHMARK(size_only)->Name("scrub/size")->SIZES;
BENCHMARK(utf8)->Name("scrub/utf8")->SIZES;
BENCHMARK(utf8_other)->Name("scrub/utf8_other")->SIZES;
BENCHMARK(utf8_replace)->Name("scrub/utf8_replace")->SIZES;
BENCHMARK(trim)->Name("scrub/trim")->SIZES;
BENCHMARK(headers)->Name("scrub/headers")->SIZES;
BENCHMARK(control_hit)->Name("scrub/control_hit")->SIZES;
BENCHMARK(control)->Name("scrub/control")->SIZES;
BENCHMARK(json)->Name("scrub/json")->SIZES;
BENCHMARK(json_depth)->Name("scrub/json_depth")->SIZES;
BENCHMARK(json_depth_tight)->Name("scrub/json_depth_tight")->SIZES;
BENCHMARK(json_mask)->Name("scrub/json_mask")->SIZES_LARGER;
BENCHMARK(json_minify)->Name("scrub/json_minify")->SIZES;
BENCHMARK(json_drop)->Name("scrub/json_drop")->SIZES;
BENCHMARK(json_schema)->Name("scrub/json_schema")->SIZES;
BENCHMARK(mask)->Name("scrub/mask")->SIZES;
BENCHMARK(mask_json)->Name("scrub/mask_json")->SIZES;
BENCHMARK(mask_hit)->Name("scrub/mask_hit")->SIZES_LARGER;
BENCHMARK(mask_full)->Name("scrub/mask_full")->SIZES;
BENCHMARK(mask_near)->Name("scrub/mask_near")->SIZES;
BENCHMARK(mask_json_full)->Name("scrub/mask_json_full")->SIZES_LARGER;
BENCHMARK(mask_own)->Name("scrub/mask_own")->SIZES;
BENCHMARK(must_not)->Name("scrub/must_not")->SIZES;
BENCHMARK(usual)->Name("scrub/usual")->SIZES;
BENCHMARK(regex_builtin)->Name("regex/builtin")->SIZES;

} // namespace
