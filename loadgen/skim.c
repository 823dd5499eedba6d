/* skim.c - arithmetic on a stream of equal frames. */
#include "loadgen/skim.h"

static uint32_t head_bytes(const struct skim *skim)
{
    return (uint32_t)skim->frame.prefix.size + message_head_bytes(skim->frame.form);
}

void skim_begin(struct skim *skim, const struct skim_frame *frame, uint32_t phase)
{
    memset(skim, 0, sizeof *skim);
    skim->frame = *frame;
    skim->bytes = phase;
    skim->held_capacity = head_bytes(skim);
    skim->held = memory_alloc(skim->held_capacity);
    ASSERT(frame->frame_bytes >= skim->held_capacity);
}

void skim_end(struct skim *skim)
{
    memory_free(skim->held);
    memset(skim, 0, sizeof *skim);
}

uint32_t skim_portion(const struct skim *skim, uint64_t window)
{
    /* Just short of half: the other half is on its way meanwhile. */
    uint64_t portion = window * 7 / 16 * skim->frame.frame_bytes;
    return portion < SKIM_PORTION_MIN ? 1 : (uint32_t)MIN_OF(portion, (uint64_t)SKIM_PORTION_MAX);
}

struct skim_wish skim_wish(const struct skim *skim, bool look)
{
    struct skim_wish wish = {0, 0, SKIM_REST_MAX};
    uint32_t phase = (uint32_t)(skim->bytes % skim->frame.frame_bytes);
    if (skim->searching) {
        wish.keep = skim->held_capacity - skim->held_bytes;
        wish.rest = 0;
    } else if (look) {
        wish.skip = phase == 0 ? 0 : skim->frame.frame_bytes - phase;
        wish.keep = head_bytes(skim);
    }
    return wish;
}

uint8_t *skim_room(struct skim *skim)
{
    return skim->held + skim->held_bytes;
}

static bool prefix_is_at(const struct skim *skim, const uint8_t *in)
{
    return memcmp(in, skim->frame.prefix.ptr, skim->frame.prefix.size) == 0;
}

static bool header_is_at(const struct skim *skim, const uint8_t *in, struct message_header *header)
{
    return message_read(skim->frame.form, in + skim->frame.prefix.size, header);
}

/* Frames not reported yet. */
static uint64_t frames_count(struct skim *skim)
{
    uint64_t whole = (skim->bytes + skim->held_bytes) / skim->frame.frame_bytes;
    uint64_t more = whole > skim->counted ? whole - skim->counted : 0;
    skim->counted += more;
    return more;
}

/* Another frame is the one looked at last; behind bytes of it and of those that follow are in. */
static void origin_move(struct skim *skim, uint64_t behind)
{
    skim->bytes = behind;
    skim->counted = 0;
}

/* How many pings bytes are, where they are nothing else; 0: they are not. */
static uint32_t pings_in(const struct skim *skim, const uint8_t *bytes, uint32_t size)
{
    struct bytes ping = skim->frame.ping;
    uint32_t count = 0;
    while (ping.size != 0 && size >= ping.size && memcmp(bytes, ping.ptr, ping.size) == 0) {
        bytes += ping.size;
        size -= (uint32_t)ping.size;
        count++;
    }
    return size == 0 ? count : 0;
}

static void search_begin(struct skim *skim)
{
    skim->searching = true;
    skim->held_bytes = 0;
    skim->held_capacity = skim->frame.frame_bytes + head_bytes(skim);
    skim->held = memory_resize(skim->held, skim->held_capacity);
}

static void search_end(struct skim *skim)
{
    skim->searching = false;
    skim->held_bytes = 0;
    skim->held_capacity = head_bytes(skim);
}

/* A head was found at in the held bytes: what was there before that is no frame? Its sequence says
 * how many frames there were, unless some are missing. */
static void search_found(struct skim *skim, uint32_t at, uint32_t next, struct skim_found *found)
{
    uint64_t total = skim->bytes + at;
    uint64_t stride = skim->frame.frame_bytes;
    int64_t told = (int64_t)skim->counted + (int64_t)found->header.sequence - (int64_t)next;
    bool missing = told < 0 || (uint64_t)told * stride > total;
    uint64_t frames = missing ? total / stride : (uint64_t)told;
    uint64_t extra = total - frames * stride;
    size_t ping = skim->frame.ping.size;
    found->before += (int64_t)frames - (int64_t)skim->counted;
    found->looked = true;
    if (ping != 0 && extra % ping == 0) {
        found->pings = (uint32_t)(extra / ping);
    } else {
        found->trouble = SKIM_FOREIGN;
    }
    origin_move(skim, skim->held_bytes - at);
    search_end(skim);
}

static void search(struct skim *skim, uint32_t got, uint32_t next, struct skim_found *found)
{
    uint32_t head = head_bytes(skim);
    skim->held_bytes += got;
    for (uint32_t at = 0; at + head <= skim->held_bytes; at++) {
        const uint8_t *here = skim->held + at;
        if (prefix_is_at(skim, here) && header_is_at(skim, here, &found->header)) {
            search_found(skim, at, next, found);
            found->after = frames_count(skim);
            return;
        }
    }
    if (skim->held_bytes == skim->held_capacity) {
        found->trouble = SKIM_ASTRAY;
        search_end(skim);
        return;
    }
    /* As if all were well: no head may follow, and a frame that nobody reports is a lost one. */
    found->after = frames_count(skim);
}

struct skim_found skim_take(struct skim *skim, struct skim_got got, uint32_t next)
{
    struct skim_found found;
    memset(&found, 0, sizeof found);
    if (skim->searching) {
        search(skim, got.keep, next, &found);
        return found;
    }
    skim->bytes += got.skip;
    found.before = (int64_t)frames_count(skim);
    bool begins = skim->bytes % skim->frame.frame_bytes == 0;
    bool whole = got.keep == head_bytes(skim);
    if (got.keep != 0 && begins && !whole && got.rest == 0) {
        found.pings = pings_in(skim, skim->held, got.keep);
        got.keep = found.pings != 0 ? 0 : got.keep;
    }
    uint64_t behind = (uint64_t)got.keep + got.rest;
    bool frame = whole && begins && prefix_is_at(skim, skim->held);
    found.looked = frame && header_is_at(skim, skim->held, &found.header);
    if (found.looked) {
        origin_move(skim, behind);
    } else {
        skim->bytes += behind; /* counted as if all were well; a search corrects it */
    }
    if (frame && !found.looked) {
        found.trouble = SKIM_DAMAGED;
    } else if (whole && begins && !frame) {
        search_begin(skim);
    }
    found.after = frames_count(skim);
    return found;
}

uint32_t skim_close(struct skim *skim, uint64_t surplus)
{
    if (skim->searching) {
        skim->bytes += skim->held_bytes;
        search_end(skim);
    }
    uint64_t stride = skim->frame.frame_bytes;
    uint64_t extra = surplus * stride + skim->bytes % stride;
    size_t ping = skim->frame.ping.size;
    if (surplus > skim->counted || ping == 0 || extra % ping != 0) {
        return 0;
    }
    skim->bytes -= extra;
    skim->counted -= surplus;
    return (uint32_t)(extra / ping);
}

void skim_disown(struct skim *skim, struct skim_found *found)
{
    ASSERT(found->looked);
    if (found->after != 0) {
        found->after--;
    } else {
        ASSERT(skim->counted == 0);
        skim->counted = 1;
    }
}
