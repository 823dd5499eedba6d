/*
 * finder.c - each kind looks for the byte that gives it away (@, :, +, a digit, "earer") and then
 * reads what stands around it.
 */
#include "core/finder.h"

#include "core/scan.h"

enum {
    DIGIT = 1,
    LETTER = 2,
    HEX = 4,
    LOCAL = 8,   /* of an e-mail address before its @ */
    DOMAIN = 16, /* behind it */
    TOKEN = 32,  /* of a bearer token */
    WIDE = 64,   /* beyond ASCII */
    WORD = 128,  /* what glues: digit, letter, "_" */
};

#define OF_DIGIT  (DIGIT | HEX | LOCAL | DOMAIN | TOKEN | WORD)
#define OF_LETTER (LETTER | LOCAL | DOMAIN | TOKEN | WORD)

static const uint8_t class_of[256] = {
    ['0' ... '9'] = OF_DIGIT,
    ['a' ... 'f'] = OF_LETTER | HEX,
    ['g' ... 'z'] = OF_LETTER,
    ['A' ... 'F'] = OF_LETTER | HEX,
    ['G' ... 'Z'] = OF_LETTER,
    ['-'] = LOCAL | DOMAIN | TOKEN,
    ['.'] = LOCAL | DOMAIN | TOKEN,
    ['_'] = LOCAL | TOKEN | WORD,
    ['+'] = LOCAL | TOKEN,
    ['%'] = LOCAL,
    ['~'] = TOKEN,
    ['/'] = TOKEN,
    [0x80 ... 0xFF] = LOCAL | DOMAIN | WIDE,
};

static bool is(struct bytes text, size_t at, uint8_t classes)
{
    return at < text.size && (class_of[text.ptr[at]] & classes) != 0;
}

static bool is_byte(struct bytes text, size_t at, uint8_t byte)
{
    return at < text.size && text.ptr[at] == byte;
}

static size_t skip(struct bytes text, size_t at, uint8_t classes)
{
    while (is(text, at, classes)) {
        at++;
    }
    return at;
}

/* The next such byte; text.size: none. */
static size_t next_byte(struct bytes text, size_t from, uint8_t byte)
{
    const uint8_t *at = from < text.size ? memchr(text.ptr + from, byte, text.size - from) : NULL;
    return at != NULL ? (size_t)(at - text.ptr) : text.size;
}

/* ---- JSON's escapes -------------------------------------------------------------------------- */

/* Is the byte at `at` escaped, that is, is the number of backslashes before it odd? */
static bool is_escaped(struct bytes text, size_t at)
{
    size_t count = 0;
    while (count < at && text.ptr[at - 1 - count] == '\\') {
        count++;
    }
    return count % 2 == 1;
}

static bool is_escape_letter(uint8_t byte)
{
    return byte == 'b' || byte == 'f' || byte == 'n' || byte == 'r' || byte == 't';
}

/* Behind the u of an escape: are there its four digits? */
static bool has_unit(struct bytes text, size_t at)
{
    return is(text, at, HEX) && is(text, at + 1, HEX) && is(text, at + 2, HEX) &&
           is(text, at + 3, HEX);
}

/* Where an escape that a word starting at `at` begins in, or that ends right before it, is over;
 * SIZE_MAX: there is none. */
static size_t escape_end(struct bytes text, size_t at)
{
    if (at > 0 && at < text.size && is_escaped(text, at)) {
        if (text.ptr[at] == 'u' && has_unit(text, at + 1)) {
            return at + 5;
        }
        return is_escape_letter(text.ptr[at]) ? at + 1 : SIZE_MAX;
    }
    if (at > 1 && is_escape_letter(text.ptr[at - 1]) && is_escaped(text, at - 1)) {
        return at;
    }
    for (size_t back = 1; back <= 5 && back < at; back++) {
        size_t u = at - back;
        if (text.ptr[u] == 'u' && is_escaped(text, u)) {
            return has_unit(text, u + 1) ? u + 5 : SIZE_MAX;
        }
        if (!is(text, u, HEX)) {
            break;
        }
    }
    return SIZE_MAX;
}

/* A word may start at *at, or, moved, behind the escape it seemed to start in. */
static bool may_start(struct bytes text, size_t *at)
{
    /* Behind what is neither of a word nor a backslash no escape can be. */
    if (*at == 0 || (text.ptr[*at - 1] != '\\' && !is(text, *at - 1, WORD))) {
        return true;
    }
    size_t end = escape_end(text, *at);
    if (end != SIZE_MAX) {
        *at = MAX_OF(*at, end);
        return *at < text.size;
    }
    return !is(text, *at - 1, WORD);
}

/* ---- e-mail ---------------------------------------------------------------------------------- */

/* The end of a domain that starts at `at`; 0: there is none. */
static size_t domain_end(struct bytes text, size_t at)
{
    size_t end = skip(text, at, DOMAIN);
    while (end > at) {
        size_t label = end;
        while (label > at && text.ptr[label - 1] != '.') {
            label--;
        }
        /* The last label has two letters at least and begins with one. */
        if (label > at + 1 && end - label >= 2 && is(text, label, LETTER | WIDE) &&
            is(text, end - 1, LETTER | DIGIT | WIDE)) {
            return end;
        }
        end = label == end || text.ptr[end - 1] == '-' ? end - 1 : label;
    }
    return 0;
}

static bool next_email(struct bytes text, size_t from, struct found *found)
{
    for (size_t at = next_byte(text, from, '@'); at < text.size;
         at = next_byte(text, at + 1, '@')) {
        size_t start = at;
        while (start > from && is(text, start - 1, LOCAL)) {
            start--;
        }
        if (start > 0 && is_escaped(text, start)) {
            size_t escape = escape_end(text, start);
            start = escape != SIZE_MAX ? escape : start;
        }
        size_t end = start < at ? domain_end(text, at + 1) : 0;
        if (end != 0) {
            *found = (struct found){.from = start, .to = end};
            return true;
        }
    }
    return false;
}

/* ---- bearer ---------------------------------------------------------------------------------- */

static bool says_bearer(struct bytes text, size_t at)
{
    static const char word[] = "bearer";
    if (text.size - at < sizeof(word)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(word) - 1; i++) {
        if ((text.ptr[at + i] | 0x20) != word[i]) {
            return false;
        }
    }
    return true;
}

static size_t next_bearer_word(struct bytes text, size_t from)
{
    size_t at = scan_letters(text, from, 'b', 'e');
    while (at < text.size && !says_bearer(text, at)) {
        at = scan_letters(text, at + 1, 'b', 'e');
    }
    return at;
}

static bool next_bearer(struct bytes text, size_t from, struct found *found)
{
    for (size_t at = next_bearer_word(text, from); at < text.size;
         at = next_bearer_word(text, at + 1)) {
        size_t word = at;
        size_t start = at + 6;
        while (is_byte(text, start, ' ') || is_byte(text, start, '\t') ||
               is_byte(text, start, ':')) {
            start++;
        }
        if (!may_start(text, &word) || word != at || start == at + 6) {
            continue;
        }
        size_t end = skip(text, start, TOKEN);
        size_t letters = 0;
        for (size_t i = start; i < end; i++) {
            letters += is(text, i, LETTER);
        }
        size_t size = end - start;
        while (is_byte(text, end, '=')) {
            end++;
        }
        if (size >= 20 || (size >= 8 && letters < size)) {
            *found = (struct found){.from = start, .to = end};
            return true;
        }
    }
    return false;
}

/* ---- card ------------------------------------------------------------------------------------ */

enum { CARD_DIGITS_MIN = 13, CARD_DIGITS_MAX = 19 };

/* Luhn's sum, digit after digit: as if the last were to be doubled, and as if not. */
struct luhn {
    uint32_t doubled;
    uint32_t plain;
};

static struct luhn luhn_add(struct luhn sum, uint32_t digit)
{
    uint32_t twice = 2 * digit > 9 ? 2 * digit - 9 : 2 * digit;
    return (struct luhn){.doubled = sum.plain + twice, .plain = sum.doubled + digit};
}

/* 3 to 6, or Mastercard's 2221 to 2720. */
static bool is_card_prefix(const uint8_t digits[4])
{
    if (digits[0] != '2') {
        return digits[0] >= '3' && digits[0] <= '6';
    }
    uint32_t prefix = 0;
    for (int i = 0; i < 4; i++) {
        prefix = prefix * 10 + (digits[i] - '0');
    }
    return prefix >= 2221 && prefix <= 2720;
}

static bool is_card_break(struct bytes text, size_t end)
{
    return !is(text, end, WORD) && !(is_byte(text, end, '.') && is(text, end + 1, DIGIT));
}

/* The end of the longest card number that starts at `at`; 0: there is none. */
static size_t card_end(struct bytes text, size_t at)
{
    struct luhn sum = {0, 0};
    size_t best = 0;
    uint32_t total = 0;
    for (uint32_t group = 0; total < CARD_DIGITS_MAX; group++) {
        uint32_t size = 0;
        while (is(text, at, DIGIT) && total < CARD_DIGITS_MAX) {
            sum = luhn_add(sum, text.ptr[at++] - '0');
            total++;
            size++;
        }
        if (is(text, at, DIGIT) || (group > 0 && (size < 3 || size > 6))) {
            break;
        }
        if (total >= CARD_DIGITS_MIN && sum.plain % 10 == 0 && is_card_break(text, at)) {
            best = at;
        }
        bool goes_on = (is_byte(text, at, ' ') || is_byte(text, at, '-')) &&
                       is(text, at + 1, DIGIT) && (group > 0 || size == 4);
        if (!goes_on) {
            break;
        }
        at++;
    }
    return best;
}

static bool next_card(struct bytes text, size_t from, struct found *found)
{
    for (size_t at = scan_digit(text, from); at < text.size; at = scan_digit(text, at)) {
        size_t run_end = skip(text, at, DIGIT);
        size_t start = at;
        bool is_fraction = at > 1 && text.ptr[at - 1] == '.' && is(text, at - 2, DIGIT);
        if (!is_fraction && may_start(text, &start) && start + 4 <= run_end &&
            is_card_prefix(text.ptr + start)) {
            size_t end = card_end(text, start);
            if (end != 0) {
                *found = (struct found){.from = start, .to = end};
                return true;
            }
        }
        at = run_end;
    }
    return false;
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* Four numbers up to 255; returns the end, 0: none. */
static size_t ipv4_end(struct bytes text, size_t at)
{
    for (int part = 0; part < 4; part++) {
        if (part > 0 && !is_byte(text, at++, '.')) {
            return 0;
        }
        size_t end = at;
        uint32_t value = 0;
        while (is(text, end, DIGIT) && end - at < 4) {
            value = value * 10 + (text.ptr[end++] - '0');
        }
        if (end == at || end - at > 3 || value > 255) {
            return 0;
        }
        at = end;
    }
    bool goes_on = is(text, at, WORD) || (is_byte(text, at, '.') && is(text, at + 1, DIGIT));
    return goes_on ? 0 : at;
}

static bool next_ipv4(struct bytes text, size_t from, struct found *found)
{
    for (size_t at = scan_digit(text, from); at < text.size; at = scan_digit(text, at)) {
        size_t run_end = skip(text, at, DIGIT);
        size_t start = at;
        bool is_inner = at > 1 && text.ptr[at - 1] == '.' && is(text, at - 2, DIGIT);
        if (!is_inner && may_start(text, &start) && start < run_end &&
            is_byte(text, run_end, '.')) {
            size_t end = ipv4_end(text, start);
            if (end != 0) {
                *found = (struct found){.from = start, .to = end};
                return true;
            }
        }
        at = run_end;
    }
    return false;
}

/* The end of the longest address that starts at `at` and that nothing is glued to; 0: none. */
static size_t ipv6_end(struct bytes text, size_t at)
{
    size_t best = 0;
    bool compressed = false;
    bool has_digits = false;
    for (int groups = 0;;) {
        if (is_byte(text, at, ':') && is_byte(text, at + 1, ':') && !compressed) {
            compressed = true;
            at += 2;
            bool glued = is(text, at, WORD) || is_byte(text, at, ':');
            best = has_digits && !glued && groups < 8 ? at : best;
        } else if (groups > 0) {
            if (!is_byte(text, at, ':')) {
                break;
            }
            at++;
        }
        size_t dotted = (compressed ? groups < 6 : groups == 6) ? ipv4_end(text, at) : 0;
        if (dotted != 0) {
            return dotted;
        }
        size_t end = at;
        while (is(text, end, HEX) && end - at < 5) {
            end++;
        }
        if (end == at || end - at > 4 || groups == 8) {
            break;
        }
        groups++;
        has_digits = true;
        at = end;
        bool is_whole = compressed ? groups < 8 : groups == 8;
        if (is_whole && !is(text, at, WORD)) {
            best = at;
        }
    }
    return best;
}

/* The first address that starts in the digits and colons from *at on; moves *at behind them. */
static bool ipv6_within(struct bytes text, size_t *at, struct found *found)
{
    while (is(text, *at, HEX) || is_byte(text, *at, ':')) {
        size_t start = *at;
        if (may_start(text, &start)) {
            size_t end = ipv6_end(text, start);
            if (end != 0) {
                *found = (struct found){.from = start, .to = end};
                return true;
            }
        }
        *at = skip(text, *at, HEX);
        *at += is_byte(text, *at, ':');
    }
    return false;
}

static bool next_ipv6(struct bytes text, size_t from, struct found *found)
{
    for (size_t at = next_byte(text, from, ':'); at < text.size; at = next_byte(text, at, ':')) {
        size_t start = at;
        while (start > from && at - start < 5 && is(text, start - 1, HEX)) {
            start--;
        }
        if (start == at && !is_byte(text, at + 1, ':')) {
            at++;
            continue;
        }
        at = start;
        if (ipv6_within(text, &at, found)) {
            return true;
        }
    }
    return false;
}

/* ---- phone ----------------------------------------------------------------------------------- */

static size_t digits_exactly(struct bytes text, size_t at, size_t count)
{
    size_t end = at;
    while (end - at < count && is(text, end, DIGIT)) {
        end++;
    }
    return end - at == count ? end : 0;
}

static bool is_between(struct bytes text, size_t at)
{
    return is_byte(text, at, ' ') || is_byte(text, at, '-') || is_byte(text, at, '.');
}

static bool is_phone_break(struct bytes text, size_t end)
{
    return !is(text, end, WORD) &&
           !((is_byte(text, end, '.') || is_byte(text, end, '-')) && is(text, end + 1, DIGIT));
}

/* Behind the plus: as many groups of digits as make a number; what follows may be a date. */
static size_t international_end(struct bytes text, size_t at)
{
    size_t digits = 0;
    size_t best = 0;
    if (!is(text, at, DIGIT) || is_byte(text, at, '0')) {
        return 0;
    }
    for (;;) {
        while (digits <= 15 && is(text, at, DIGIT)) {
            at++;
            digits++;
        }
        if (digits > 15) {
            break;
        }
        size_t end = at;
        best = digits >= 8 && !is(text, end, WORD) ? end : best;
        while (at - end < 3 && (is_between(text, at) || is_byte(text, at, '(') ||
                                is_byte(text, at, ')') || is_byte(text, at, '/'))) {
            at++;
        }
        if (at == end || !is(text, at, DIGIT)) {
            break;
        }
    }
    return best;
}

/* (415) 555-2671 and the like: area code and exchange begin with 2 to 9. */
static size_t national_end(struct bytes text, size_t at)
{
    bool has_bracket = is_byte(text, at, '(');
    size_t area = at + has_bracket;
    if (!has_bracket && is_byte(text, at, '1') && is_between(text, at + 1)) {
        has_bracket = is_byte(text, at + 2, '(');
        area = at + 2 + has_bracket;
    }
    size_t end = digits_exactly(text, area, 3);
    if (end == 0 || text.ptr[area] < '2') {
        return 0;
    }
    if (has_bracket && !is_byte(text, end++, ')')) {
        return 0;
    }
    if (is_between(text, end)) {
        end++;
    } else if (!has_bracket) {
        return 0;
    }
    size_t exchange = end;
    end = digits_exactly(text, exchange, 3);
    if (end == 0 || text.ptr[exchange] < '2' || !is_between(text, end)) {
        return 0;
    }
    end = digits_exactly(text, end + 1, 4);
    return end != 0 && is_phone_break(text, end) ? end : 0;
}

/* May a phone number start with this digit: nothing of a longer number before it? */
static bool may_dial(struct bytes text, size_t at)
{
    if (at < 2) {
        return true;
    }
    uint8_t before = text.ptr[at - 1];
    return !((before == '.' || before == '-') && is(text, at - 2, DIGIT));
}

static bool phone_at(struct bytes text, size_t at, struct found *found)
{
    size_t start = at;
    size_t end = 0;
    if (text.ptr[at] == '+') {
        end = may_start(text, &start) && start == at ? international_end(text, at + 1) : 0;
    } else if (may_start(text, &start) && may_dial(text, start)) {
        end = national_end(text, start);
    }
    *found = (struct found){.from = start, .to = end};
    return end != 0;
}

static bool next_phone(struct bytes text, size_t from, struct found *found)
{
    for (size_t at = scan_digit(text, from); at < text.size; at = scan_digit(text, at)) {
        size_t run_end = skip(text, at, DIGIT);
        /* What stands before the first digit belongs to it. */
        bool has_sign = at > from && (text.ptr[at - 1] == '+' || text.ptr[at - 1] == '(');
        if ((has_sign && phone_at(text, at - 1, found)) || phone_at(text, at, found)) {
            return true;
        }
        at = run_end;
    }
    return false;
}

/* ---- all ------------------------------------------------------------------------------------- */

bool finder_next(enum finder_kind kind, struct bytes text, size_t from, struct found *found)
{
    switch (kind) {
    case FINDER_EMAIL:
        return next_email(text, from, found);
    case FINDER_BEARER:
        return next_bearer(text, from, found);
    case FINDER_CARD:
        return next_card(text, from, found);
    case FINDER_IPV6:
        return next_ipv6(text, from, found);
    case FINDER_IPV4:
        return next_ipv4(text, from, found);
    default:
        return next_phone(text, from, found);
    }
}

const char *finder_name(enum finder_kind kind)
{
    static const char *const names[FINDER_KINDS] = {
        [FINDER_EMAIL] = "email", [FINDER_BEARER] = "bearer", [FINDER_CARD] = "card",
        [FINDER_IPV6] = "ipv6",   [FINDER_IPV4] = "ipv4",     [FINDER_PHONE] = "phone"};
    return names[kind];
}
