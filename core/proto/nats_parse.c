/*
 * nats_parse.c - how the parser works.
 *
 *   NAME ─▶ BLANK ─▶ SPACES ─▶ ARGS ─┬─▶ verb
 *    │  (one SP, TAB)  ▲             └─▶ PAYLOAD ─▶ verb      (PUB, HPUB)
 *    ├── CONNECT, INFO ┘
 *    └── PING, PONG, +OK ─▶ JUNK ─▶ verb
 *
 * NAME, BLANK, SPACES and JUNK consume what they see; ARGS and PAYLOAD leave the line in front of
 * the next view, because the verb borrows it. PUB and HPUB lines that look as every client writes
 * them take publish_quickly, which gives up on anything unusual and changes no state.
 */
#include "core/proto/nats_parse.h"

#include "core/limits.h"

enum { STATE_NAME, STATE_BLANK, STATE_SPACES, STATE_ARGS, STATE_JUNK, STATE_PAYLOAD };

enum operation {
    OPERATION_CONNECT,
    OPERATION_HPUB,
    OPERATION_INFO,
    OPERATION_PING,
    OPERATION_PONG,
    OPERATION_PUB,
    OPERATION_SUB,
    OPERATION_UNSUB,
    OPERATION_OK,
    OPERATION_ERR,
};

enum { OPERATIONS_COUNT = OPERATION_ERR + 1, ARGS_MAX = 5 };

/* Names with a common start are neighbours; match_name relies on it. */
static const struct operation_row {
    char name[8];
    uint8_t size;
    uint8_t next; /* the state after the name */
    enum nats_verb_kind kind;
} operations[OPERATIONS_COUNT] = {
    [OPERATION_CONNECT] = {"CONNECT", 7, STATE_SPACES, NATS_CONNECT},
    [OPERATION_HPUB] = {"HPUB", 4, STATE_BLANK, NATS_HPUB},
    [OPERATION_INFO] = {"INFO", 4, STATE_SPACES, NATS_INFO},
    [OPERATION_PING] = {"PING", 4, STATE_JUNK, NATS_PING},
    [OPERATION_PONG] = {"PONG", 4, STATE_JUNK, NATS_PONG},
    [OPERATION_PUB] = {"PUB", 3, STATE_BLANK, NATS_PUB},
    [OPERATION_SUB] = {"SUB", 3, STATE_BLANK, NATS_SUB},
    [OPERATION_UNSUB] = {"UNSUB", 5, STATE_BLANK, NATS_UNSUB},
    [OPERATION_OK] = {"+OK", 3, STATE_JUNK, NATS_OK},
    [OPERATION_ERR] = {"-ERR", 4, STATE_BLANK, NATS_OK /* never a verb */},
};

void nats_parser_init(struct nats_parser *parser, uint32_t max_control_line, int64_t max_payload)
{
    ASSERT(parser != NULL);
    ASSERT(max_payload >= -1);
    memset(parser, 0, sizeof *parser);
    parser->max_control_line = max_control_line;
    parser->max_payload = max_payload;
    parser->headers = true;
}

bool nats_parser_is_idle(const struct nats_parser *parser)
{
    return parser->now.state == STATE_NAME && parser->now.operation_matched == 0;
}

void nats_parser_undo(struct nats_parser *parser)
{
    ASSERT(nats_parser_is_idle(parser));
    parser->now = parser->before;
}

const char *nats_error_text(enum nats_error error)
{
    switch (error) {
    case NATS_ERROR_UNKNOWN_OPERATION:
        return "Unknown Protocol Operation";
    case NATS_ERROR_CONTROL_LINE:
        return "maximum control line exceeded";
    case NATS_ERROR_PAYLOAD:
        return "Maximum Payload Violation";
    case NATS_ERROR_AUTHORIZATION:
        return "Authorization Violation";
    case NATS_ERROR_NONE:
    case NATS_ERROR_ARGUMENTS:
    case NATS_ERROR_PEER:
        return NULL;
    }
    return NULL;
}

static enum nats_result fail(struct nats_parser *parser, enum nats_error error)
{
    parser->error = error;
    return NATS_ERROR;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* The next verb starts afresh. */
static void finish(struct nats_parser *parser)
{
    parser->now = (struct nats_parse_place){.state = STATE_NAME};
}

/* ---- PUB and HPUB as clients write them ---------------------------------------------------- */

/* The first byte that is SP or below, or end. Eight bytes at a time: a byte below n makes
 * (x - n) & ~x have its top bit set, and borrows only run upwards, so the lowest such bit is true.
 * Source: Anderson, Bit Twiddling Hacks, "determine if a word has a byte less than n". */
static const uint8_t *token_end(const uint8_t *at, const uint8_t *end)
{
    const uint64_t ones = 0x0101010101010101u;
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        uint64_t low = (word - ones * (' ' + 1)) & ~word & (ones << 7);
        if (low != 0) {
            static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lowest bit is first byte");
            return at + __builtin_ctzll(low) / 8;
        }
        at += 8;
    }
    while (at < end && at[0] > ' ') {
        at++;
    }
    return at;
}

/* Reads 1 to 9 digits and moves *at behind them; false leaves *at anywhere. */
static bool take_number(const uint8_t **at, const uint8_t *end, struct bytes *text, uint32_t *value)
{
    const uint8_t *from = *at;
    const uint8_t *to = from;
    uint32_t number = 0;
    while (to < end && (uint8_t)(*to - '0') <= 9 && to - from < SIZE_DIGITS_MAX) {
        number = number * 10 + (uint32_t)(*to - '0');
        to++;
    }
    *at = to;
    *text = bytes_of(from, (size_t)(to - from));
    *value = number;
    return to > from;
}

/* Moves *at behind the numbers that end the line and its CR LF. False: not written so. */
static bool take_numbers(const uint8_t **at, const uint8_t *end, bool headers,
                         struct nats_verb *verb)
{
    if (headers) {
        if (!take_number(at, end, &verb->hdr_size_text, &verb->hdr_size) || end - *at < 2 ||
            **at != ' ') {
            return false;
        }
        ++*at;
    }
    uint32_t size;
    if (!take_number(at, end, &verb->size_text, &size) || end - *at < 2 || (*at)[0] != '\r' ||
        (*at)[1] != '\n') {
        return false;
    }
    *at += 2;
    verb->payload.size = size;
    return true;
}

/* How many bytes "PUB " or "HPUB " take at the start, letters in any case; 0: it is neither.
 * Clearing bit 5 folds the case of letters and no other byte onto them. */
static size_t publish_name_size(struct bytes in)
{
    static const uint8_t pub[4] = {'P', 'U', 'B', ' '};
    static const uint8_t hpub[4] = {'H', 'P', 'U', 'B'};
    if (in.size < 8) {
        return 0;
    }
    uint32_t word;
    uint32_t pub_word;
    uint32_t hpub_word;
    memcpy(&word, in.ptr, 4);
    memcpy(&pub_word, pub, 4);
    memcpy(&hpub_word, hpub, 4);
    if ((word & 0xFFDFDFDFu) == pub_word) {
        return 4;
    }
    return (word & 0xDFDFDFDFu) == hpub_word && in.ptr[4] == ' ' ? 5 : 0;
}

/* True: verb and *consumed are complete. False: nothing is decided, the careful way has to look. */
static bool publish_quickly(const struct nats_parser *parser, struct bytes in,
                            struct nats_verb *verb, size_t *consumed)
{
    size_t name_size = publish_name_size(in);
    bool headers = name_size == 5;
    if (name_size == 0 || (headers && !parser->headers)) {
        return false;
    }
    const uint8_t *end = in.ptr + in.size;
    const uint8_t *args = in.ptr + name_size;
    const uint8_t *at = token_end(args, end);
    if (at == args || at == end || *at != ' ') {
        return false;
    }
    verb->subject = bytes_of(args, (size_t)(at - args));
    const uint8_t *tail = ++at;
    verb->reply = bytes_of(at, 0);
    verb->hdr_size_text = bytes_of(at, 0);
    verb->hdr_size = 0;
    if (!take_numbers(&at, end, headers, verb)) {
        at = token_end(tail, end);
        if (at == tail || at == end || *at != ' ') {
            return false;
        }
        verb->reply = bytes_of(tail, (size_t)(at - tail));
        ++at;
        if (!take_numbers(&at, end, headers, verb)) {
            return false;
        }
    }
    size_t size = verb->payload.size;
    if ((size_t)(at - 2 - args) > parser->max_control_line || verb->hdr_size > size ||
        (parser->max_payload >= 0 && (int64_t)size > parser->max_payload) ||
        (size_t)(end - at) < size + 2 || at[size] != '\r' || at[size + 1] != '\n') {
        return false;
    }
    verb->kind = headers ? NATS_HPUB : NATS_PUB;
    verb->payload.ptr = at;
    at += size + 2;
    bool as_is = !headers || verb->hdr_size > 0;
    verb->tail = bytes_of(tail, as_is ? (size_t)(at - tail) : 0);
    *consumed = (size_t)(at - in.ptr);
    return true;
}

/* ---- names and what is between them and the arguments -------------------------------------- */

static uint8_t upper(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 'a' + 'A') : byte;
}

/* One more byte of the name. operation is the first row that starts with the bytes matched so far;
 * its neighbours below are the other candidates. */
static bool match_name(struct nats_parser *parser, uint8_t byte)
{
    uint8_t matched = parser->now.operation_matched;
    const char *seen = operations[parser->now.operation].name;
    for (unsigned i = parser->now.operation; i < OPERATIONS_COUNT; i++) {
        if (operations[i].size <= matched || memcmp(operations[i].name, seen, matched) != 0) {
            return false;
        }
        if (operations[i].name[matched] == (char)upper(byte)) {
            parser->now.operation = (uint8_t)i;
            parser->now.operation_matched++;
            return true;
        }
    }
    return false;
}

static enum nats_result parse_name(struct nats_parser *parser, struct bytes in, size_t *at)
{
    if (parser->connect_required && parser->now.operation_matched == 0 &&
        upper(in.ptr[*at]) != 'C') {
        return fail(parser, NATS_ERROR_AUTHORIZATION);
    }
    while (*at < in.size) {
        if (!match_name(parser, in.ptr[*at])) {
            return fail(parser, NATS_ERROR_UNKNOWN_OPERATION);
        }
        ++*at;
        const struct operation_row *row = &operations[parser->now.operation];
        if (parser->now.operation_matched == row->size) {
            parser->now.state = row->next;
            return NATS_VERB;
        }
    }
    return NATS_NEED_MORE;
}

/* Moves *at to the first argument byte. NATS_VERB: it is there. */
static enum nats_result parse_blanks(struct nats_parser *parser, struct bytes in, size_t *at)
{
    if (parser->now.state == STATE_BLANK && *at < in.size) {
        if (!is_blank(in.ptr[*at])) {
            return fail(parser, NATS_ERROR_UNKNOWN_OPERATION);
        }
        parser->now.state = STATE_SPACES;
    }
    if (parser->now.state == STATE_BLANK) {
        return NATS_NEED_MORE;
    }
    while (*at < in.size && is_blank(in.ptr[*at])) {
        ++*at;
    }
    if (*at == in.size) {
        return NATS_NEED_MORE;
    }
    parser->now.state = STATE_ARGS;
    parser->now.scanned = 0;
    return NATS_VERB;
}

static enum nats_result parse_junk(struct nats_parser *parser, struct bytes in, size_t at,
                                   struct nats_verb *verb, size_t *consumed)
{
    const uint8_t *newline = at < in.size ? memchr(in.ptr + at, '\n', in.size - at) : NULL;
    if (newline == NULL) {
        *consumed = in.size;
        return NATS_NEED_MORE;
    }
    *consumed = (size_t)(newline - in.ptr) + 1;
    verb->kind = operations[parser->now.operation].kind;
    finish(parser);
    return NATS_VERB;
}

/* ---- arguments ----------------------------------------------------------------------------- */

struct args {
    struct bytes token[ARGS_MAX];
    size_t count; /* ARGS_MAX: that many or more */
};

/* carriage: a CR separates too. nats-server splits SUB and UNSUB so (splitArg) and PUB not. */
static struct args split(struct bytes line, bool carriage)
{
    struct args args = {.count = 0};
    size_t at = 0;
    while (args.count < ARGS_MAX) {
        while (at < line.size && (is_blank(line.ptr[at]) || (carriage && line.ptr[at] == '\r'))) {
            at++;
        }
        size_t from = at;
        while (at < line.size && !is_blank(line.ptr[at]) && !(carriage && line.ptr[at] == '\r')) {
            at++;
        }
        if (at == from) {
            break;
        }
        args.token[args.count++] = bytes_of(line.ptr + from, at - from);
    }
    return args;
}

/* The whole text is 1 to 9 digits. */
static bool number_of(struct bytes text, uint32_t *value)
{
    const uint8_t *at = text.ptr;
    struct bytes digits;
    return take_number(&at, text.ptr + text.size, &digits, value) && digits.size == text.size;
}

static enum nats_result parse_sub(struct nats_parser *parser, struct bytes line,
                                  struct nats_verb *verb)
{
    struct args args = split(line, true);
    if (args.count != 2 && args.count != 3) {
        return fail(parser, NATS_ERROR_ARGUMENTS);
    }
    verb->subject = args.token[0];
    verb->queue = args.count == 3 ? args.token[1] : bytes_of(line.ptr, 0);
    verb->sid = args.token[args.count - 1];
    return NATS_VERB;
}

static enum nats_result parse_unsub(struct nats_parser *parser, struct bytes line,
                                    struct nats_verb *verb)
{
    struct args args = split(line, true);
    if (args.count != 1 && args.count != 2) {
        return fail(parser, NATS_ERROR_ARGUMENTS);
    }
    verb->sid = args.token[0];
    verb->max = 0;
    if (args.count == 2 && !number_of(args.token[1], &verb->max)) {
        verb->max = 0;
    }
    return NATS_VERB;
}

/* May a delivery take the line from the token behind the subject on as it stands? */
static bool is_verbatim(struct args args, const uint8_t *line_end)
{
    for (size_t i = 1; i + 1 < args.count; i++) {
        const uint8_t *end = args.token[i].ptr + args.token[i].size;
        if (args.token[i + 1].ptr != end + 1 || *end != ' ') {
            return false;
        }
    }
    struct bytes last = args.token[args.count - 1];
    /* Nothing but CR LF fits into two bytes that end in LF behind a token that a CR is not in;
     * a CR that is in it made the number invalid. */
    return last.ptr + last.size + 2 == line_end && line_end[-2] == '\r';
}

/* The line is complete: learns what the payload needs. line_size counts the LF too. */
static enum nats_result parse_publish_line(struct nats_parser *parser, struct bytes line,
                                           size_t line_size)
{
    bool headers = parser->now.operation == OPERATION_HPUB;
    struct args args = split(line, false);
    size_t count_min = headers ? 3 : 2;
    if ((headers && !parser->headers) || (args.count != count_min && args.count != count_min + 1)) {
        return fail(parser, NATS_ERROR_ARGUMENTS);
    }
    struct bytes size_text = args.token[args.count - 1];
    struct bytes hdr_text = headers ? args.token[args.count - 2] : bytes_of(line.ptr, 0);
    struct bytes reply = args.count > count_min ? args.token[1] : bytes_of(line.ptr, 0);
    uint32_t size = 0;
    uint32_t hdr_size = 0;
    if ((headers && !number_of(hdr_text, &hdr_size)) || !number_of(size_text, &size) ||
        hdr_size > size) {
        return fail(parser, NATS_ERROR_ARGUMENTS);
    }
    if (parser->max_payload >= 0 && (int64_t)size > parser->max_payload) {
        return fail(parser, NATS_ERROR_PAYLOAD);
    }
    parser->publish.line_size = (uint32_t)line_size;
    parser->publish.subject_at = (uint32_t)(args.token[0].ptr - line.ptr);
    parser->publish.subject_size = (uint32_t)args.token[0].size;
    parser->publish.reply_at = (uint32_t)(reply.ptr - line.ptr);
    parser->publish.reply_size = (uint32_t)reply.size;
    parser->publish.hdr_at = (uint32_t)(hdr_text.ptr - line.ptr);
    parser->publish.hdr_text_size = (uint32_t)hdr_text.size;
    parser->publish.hdr_size = hdr_size;
    parser->publish.size_at = (uint32_t)(size_text.ptr - line.ptr);
    parser->publish.size_text_size = (uint32_t)size_text.size;
    parser->publish.size = size;
    parser->publish.verbatim =
        is_verbatim(args, line.ptr + line_size) && (!headers || hdr_size > 0);
    parser->now.state = STATE_PAYLOAD;
    return NATS_VERB;
}

/* in starts with the control line. A wrong terminator is reported by its first wrong byte. */
static enum nats_result parse_payload(struct nats_parser *parser, struct bytes in,
                                      struct nats_verb *verb, size_t *size)
{
    size_t line_size = parser->publish.line_size;
    size_t end = line_size + parser->publish.size;
    verb->subject = bytes_of(in.ptr + parser->publish.subject_at, parser->publish.subject_size);
    if ((in.size > end && in.ptr[end] != '\r') || (in.size > end + 1 && in.ptr[end + 1] != '\n')) {
        return fail(parser, NATS_ERROR_UNKNOWN_OPERATION);
    }
    if (in.size < end + 2) {
        parser->needed = end + 2;
        return NATS_NEED_MORE;
    }
    *size = end + 2;
    verb->kind = operations[parser->now.operation].kind;
    verb->reply = bytes_of(in.ptr + parser->publish.reply_at, parser->publish.reply_size);
    verb->hdr_size = parser->publish.hdr_size;
    verb->hdr_size_text = bytes_of(in.ptr + parser->publish.hdr_at, parser->publish.hdr_text_size);
    verb->size_text = bytes_of(in.ptr + parser->publish.size_at, parser->publish.size_text_size);
    verb->payload = bytes_of(in.ptr + line_size, parser->publish.size);
    verb->tail = bytes_of(in.ptr, 0);
    if (parser->publish.verbatim) {
        size_t from = parser->publish.reply_size > 0      ? parser->publish.reply_at
                      : parser->publish.hdr_text_size > 0 ? parser->publish.hdr_at
                                                          : parser->publish.size_at;
        verb->tail = bytes_of(in.ptr + from, end + 2 - from);
    }
    return NATS_VERB;
}

/* in starts with the first argument byte. *size: of the verb from there. */
static enum nats_result parse_args(struct nats_parser *parser, struct bytes in,
                                   struct nats_verb *verb, size_t *size)
{
    /* The longest line that may still be good: the limit, CR, LF. */
    size_t limit = parser->max_control_line;
    size_t visible = MIN_OF(in.size, limit + 2);
    size_t scanned = parser->now.scanned;
    const uint8_t *newline =
        visible > scanned ? memchr(in.ptr + scanned, '\n', visible - scanned) : NULL;
    struct bytes line = bytes_of(in.ptr, newline != NULL ? (size_t)(newline - in.ptr) : visible);
    size_t line_size = line.size + 1;
    if (line.size > 0 && line.ptr[line.size - 1] == '\r') {
        line.size--;
    }
    if (line.size > limit) {
        return fail(parser, NATS_ERROR_CONTROL_LINE);
    }
    if (newline == NULL) {
        parser->now.scanned = (uint32_t)visible;
        return NATS_NEED_MORE;
    }
    *size = line_size;
    verb->kind = operations[parser->now.operation].kind;
    switch ((enum operation)parser->now.operation) {
    case OPERATION_PUB:
    case OPERATION_HPUB: {
        enum nats_result result = parse_publish_line(parser, line, line_size);
        return result == NATS_VERB ? parse_payload(parser, in, verb, size) : result;
    }
    case OPERATION_SUB:
        return parse_sub(parser, line, verb);
    case OPERATION_UNSUB:
        return parse_unsub(parser, line, verb);
    case OPERATION_CONNECT:
    case OPERATION_INFO:
        verb->json = line;
        return NATS_VERB;
    case OPERATION_ERR:
        return fail(parser, NATS_ERROR_PEER);
    case OPERATION_PING:
    case OPERATION_PONG:
    case OPERATION_OK:
        break;
    }
    ASSERT(!"an operation without arguments has none to parse");
    return fail(parser, NATS_ERROR_UNKNOWN_OPERATION);
}

/* ---- the whole ----------------------------------------------------------------------------- */

enum nats_result nats_parse(struct nats_parser *parser, struct bytes in, struct nats_verb *verb,
                            size_t *consumed)
{
    *consumed = 0;
    parser->needed = 0;
    parser->before = parser->now;
    if (in.size == 0) {
        verb->subject = (struct bytes){0};
        return NATS_NEED_MORE;
    }
    if (nats_parser_is_idle(parser) && !parser->connect_required &&
        publish_quickly(parser, in, verb, consumed)) {
        return NATS_VERB;
    }
    verb->subject = (struct bytes){0};
    size_t at = 0;
    enum nats_result result = NATS_VERB;
    if (parser->now.state == STATE_NAME) {
        result = parse_name(parser, in, &at);
    }
    if (result == NATS_VERB &&
        (parser->now.state == STATE_BLANK || parser->now.state == STATE_SPACES)) {
        result = parse_blanks(parser, in, &at);
    }
    if (result == NATS_VERB && parser->now.state == STATE_JUNK) {
        return parse_junk(parser, in, at, verb, consumed);
    }
    size_t size = 0;
    if (result == NATS_VERB) {
        struct bytes rest = bytes_skip(in, at);
        result = parser->now.state == STATE_ARGS ? parse_args(parser, rest, verb, &size)
                                                 : parse_payload(parser, rest, verb, &size);
    }
    if (result == NATS_ERROR) {
        return NATS_ERROR;
    }
    *consumed = at + size;
    if (result == NATS_VERB) {
        finish(parser);
    } else {
        ASSERT(size == 0 || parser->now.state == STATE_PAYLOAD);
        *consumed = at;
    }
    return result;
}
