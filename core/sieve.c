/*
 * sieve.c - for some classes of bytes a word of bits, a bit a byte: the low half are the 32 bytes that
 * are judged, the high half the 32 behind them. What a kind must have is then a few shifts.
 *
 * Most of the cost is to make the bits. So classes that few texts have at all (@, +, a backslash) share
 * one vector, and which it was is asked at the end; and a card's first digit is asked for only where a
 * number is long enough.
 */
#include "core/sieve.h"

#include "core/scan.h"

enum {
    STEP = 2 * SCAN_BLOCK,
    BEHIND = 5,   /* bytes behind a step that are read with it */
    PAUSE = 1024, /* bytes after which it is asked whether all kinds are possible already */
};

static const uint64_t JUDGED = UINT32_MAX;
static const uint32_t ASKED_LATER = 1u << FINDER_EMAIL | 1u << FINDER_BEARER;

struct bits {
    uint64_t digit;
    uint64_t blank; /* or "-": what stands between groups of digits */
    uint64_t dot;
    uint64_t colon;
    uint64_t before; /* was the byte before those that are judged a digit? */
};

/* What has been seen of the text. */
struct seen {
    uint32_t kinds;
    bool card_within; /* in the middle of a run of digits, where one begins only behind an escape */
    scan_block bearer; /* not zero: there is "be", and an r five bytes behind the b */
    scan_block rare;   /* not zero: there is @, + or a backslash */
};

/* ---- bits to kinds --------------------------------------------------------------------------- */

/* A card: 13 digits, or 4, a blank, and 3 more; it begins with 2 to 6. A phone number: 3 digits,
 * something between, and 4. */
static void judge_digits(struct bits b, const uint8_t *at, struct seen *seen)
{
    uint64_t two = b.digit & b.digit >> 1;
    uint64_t three = two & b.digit >> 2;
    uint64_t four = two & two >> 2;
    uint64_t eight = four & four >> 4;
    uint64_t national = three & (b.blank | b.dot) >> 3 & four >> 4 & JUDGED;
    seen->kinds |= (uint32_t)(national != 0) << FINDER_PHONE;
    uint64_t card = ((eight & eight >> 5) | (four & b.blank >> 4 & three >> 5)) & JUDGED;
    uint64_t inner = b.digit << 1 | b.before;
    seen->card_within = seen->card_within || (card & inner) != 0;
    for (uint64_t left = card & ~inner; left != 0; left &= left - 1) {
        uint8_t first = at[__builtin_ctzll(left)];
        seen->kinds |= (uint32_t)(first >= '2' && first <= '6') << FINDER_CARD;
    }
}

/* Three dots between digits, at most three digits between them. */
static uint32_t judge_dots(uint64_t dot)
{
    uint64_t dots = dot & (dot >> 2 | dot >> 3 | dot >> 4);
    uint64_t hits = dot & (dots >> 2 | dots >> 3 | dots >> 4) & JUDGED;
    return (uint32_t)(hits != 0) << FINDER_IPV4;
}

/* Three colons, at most four bytes between them; or two in a row. */
static uint32_t judge_colons(uint64_t colon)
{
    uint64_t colons = colon & (colon >> 2 | colon >> 3 | colon >> 4 | colon >> 5);
    uint64_t chain = colon & (colons >> 2 | colons >> 3 | colons >> 4 | colons >> 5);
    uint64_t hits = (chain | (colon & colon >> 1)) & JUDGED;
    return (uint32_t)(hits != 0) << FINDER_IPV6;
}

/* at: where the bytes that are judged begin. */
static inline void judge(struct bits b, const uint8_t *at, struct seen *seen)
{
    if ((b.digit & b.digit >> 1 & b.digit >> 2 & JUDGED) != 0) {
        judge_digits(b, at, seen);
    }
    uint64_t dot = b.digit & b.dot >> 1 & b.digit >> 2;
    if ((dot & JUDGED) != 0) {
        seen->kinds |= judge_dots(dot);
    }
    if ((b.colon & JUDGED) != 0) {
        seen->kinds |= judge_colons(b.colon);
    }
}

/* ---- bytes to bits --------------------------------------------------------------------------- */

static inline uint64_t add(uint64_t bits, scan_block one, scan_block two)
{
    uint32_t more = scan_bits(one) | scan_bits(two) << SCAN_BLOCK;
    return bits >> STEP | (uint64_t)more << STEP;
}

static inline struct bits bits_add(struct bits b, scan_block one, scan_block two)
{
    return (struct bits){
        .digit = add(b.digit, (scan_block)(one - '0' < 10), (scan_block)(two - '0' < 10)),
        .blank = add(b.blank, (scan_block)((one == ' ') | (one == '-')),
                     (scan_block)((two == ' ') | (two == '-'))),
        .dot = add(b.dot, (scan_block)(one == '.'), (scan_block)(two == '.')),
        .colon = add(b.colon, (scan_block)(one == ':'), (scan_block)(two == ':')),
        .before = b.digit >> (STEP - 1) & 1,
    };
}

static inline scan_block bearer_in(const uint8_t *at, scan_block text)
{
    return (scan_block)((text | 0x20) == 'b') & (scan_block)((scan_load(at + 1) | 0x20) == 'e') &
           (scan_block)((scan_load(at + BEHIND) | 0x20) == 'r');
}

static inline scan_block rare_in(scan_block text)
{
    return (scan_block)((text == '@') | (text == '+') | (text == '\\'));
}

/* Nothing is behind what is there. */
static inline struct bits bits_end(struct bits b)
{
    return (struct bits){
        .digit = b.digit >> STEP,
        .blank = b.blank >> STEP,
        .dot = b.dot >> STEP,
        .colon = b.colon >> STEP,
        .before = b.digit >> (STEP - 1) & 1,
    };
}

/* Adds the bytes of a step. Inlined, so that the words stay in registers. */
__attribute__((always_inline)) static inline struct bits step(struct bits b, const uint8_t *at,
                                                              struct seen *seen)
{
    scan_block one = scan_load(at);
    scan_block two = scan_load(at + SCAN_BLOCK);
    seen->bearer |= bearer_in(at, one) | bearer_in(at + SCAN_BLOCK, two);
    seen->rare |= rare_in(one) | rare_in(two);
    return bits_add(b, one, two);
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool has(struct bytes text, uint8_t byte)
{
    return memchr(text.ptr, byte, text.size) != NULL;
}

/* A plus and a digit behind it. */
static bool has_plus(struct bytes text)
{
    const uint8_t *end = text.ptr + text.size;
    const uint8_t *at = text.ptr;
    while ((at = memchr(at, '+', (size_t)(end - at))) != NULL) {
        if (++at < end && *at >= '0' && *at <= '9') {
            return true;
        }
    }
    return false;
}

static uint32_t kinds_of(struct bytes text, const struct seen *seen)
{
    uint32_t kinds = seen->kinds;
    kinds |= (uint32_t)(scan_first(seen->bearer) < SCAN_BLOCK) << FINDER_BEARER;
    if (scan_first(seen->rare) == SCAN_BLOCK) {
        return kinds;
    }
    kinds |= (uint32_t)has(text, '@') << FINDER_EMAIL;
    kinds |= (uint32_t)(seen->card_within && has(text, '\\')) << FINDER_CARD;
    kinds |= (uint32_t)has_plus(text) << FINDER_PHONE;
    return kinds;
}

uint32_t sieve_kinds(struct bytes text, uint32_t kinds)
{
    kinds &= (1u << FINDER_KINDS) - 1;
    if (kinds == 0 || text.size == 0) {
        return 0;
    }
    struct seen seen = {.kinds = 0};
    struct bits bits = {0};
    size_t at = 0; /* what is in the high halves begins STEP before it */
    for (size_t pause = PAUSE; text.size - at >= STEP + BEHIND; at += STEP) {
        bits = step(bits, text.ptr + at, &seen);
        if (at > 0) {
            judge(bits, text.ptr + at - STEP, &seen);
        }
        if (at == pause) {
            pause += PAUSE;
            if ((kinds & ~(seen.kinds | ASKED_LATER)) == 0 && (kinds & ~ASKED_LATER) != 0) {
                return kinds;
            }
        }
    }
    /* The last bytes, as if zeros were behind them. */
    uint8_t rest[2 * STEP + BEHIND] = {0};
    size_t left = text.size - at;
    memcpy(rest, text.ptr + at, left);
    for (size_t i = 0; i < left; i += STEP, at += STEP) {
        bits = step(bits, rest + i, &seen);
        if (at > 0) {
            judge(bits, text.ptr + at - STEP, &seen);
        }
    }
    judge(bits_end(bits), text.ptr + at - STEP, &seen);
    return kinds_of(text, &seen) & kinds;
}
