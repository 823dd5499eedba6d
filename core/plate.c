/* plate.c - finding the plate that is free, and setting its sids. */
#include "core/plate.h"

#include "core/planted.h"

enum {
    WORD = sizeof(uint64_t),
    SID_IN_WORD_MAX = WORD - 1, /* with the space behind it */
};

struct plates *plates_new(void)
{
    struct plates *plates = memory_alloc(sizeof(*plates));
    plates->bytes = memory_resize(NULL, PLATES_BYTES); /* not touched before there are plates */
    plates->round = 1;
    return plates;
}

void plates_free(struct plates *plates)
{
    memory_free(plates->bytes);
    memory_free(plates);
}

/* One that nobody else hears is rendered once anyway. */
static bool was_seen(struct plates *plates, const struct message *first)
{
    uint32_t hash = (uint32_t)((uintptr_t)first >> 3) * 2654435761u;
    const struct message **seen = &plates->seen[hash / (UINT32_MAX / PLATES_SEEN + 1)];
    if (*seen == first) {
        return true;
    }
    *seen = first;
    plates->has_seen = true;
    return false;
}

/* All sids that fit a word are set by one store each: what is in front of them in the word is the same
 * in every frame, for a head has two spaces and a letter at least before its sid, and "MSG" before
 * these. */
static void sids_set(const struct plate *plate, struct bytes sid)
{
    if (PLANTED(PLANTED_PLATE_SID)) {
        return;
    }
    uint8_t *text = plate->text;
    if (UNLIKELY(sid.size > SID_IN_WORD_MAX)) {
        for (uint32_t i = 0; i < plate->count; i++) {
            memcpy(text + plate->ends[i] - 1 - sid.size, sid.ptr, sid.size);
        }
        return;
    }
    uint8_t word[WORD];
    memcpy(word, text + plate->ends[0] - WORD, WORD);
    memcpy(word + WORD - 1 - sid.size, sid.ptr, sid.size);
    for (uint32_t i = 0; i < plate->count; i++) {
        memcpy(text + plate->ends[i] - WORD, word, WORD);
    }
}

static size_t align(size_t size)
{
    return (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

static size_t plate_bytes(uint32_t count, uint32_t size)
{
    return align(count * sizeof(uint32_t)) + align(size);
}

/* NULL: no room while those that are there are needed. */
static struct plate *make(struct plates *plates, const struct frames *frames,
                          const struct message *first, uint32_t count, uint32_t size)
{
    size_t bytes = plate_bytes(count, size);
    if (plates->count == PLATES_MAX || PLATES_BYTES - plates->used < bytes) {
        if (plates->taken > 0) {
            return NULL;
        }
        plates->count = 0;
        plates->used = 0;
    }
    uint32_t *ends = (uint32_t *)(void *)(plates->bytes + plates->used);
    uint8_t *text = plates->bytes + plates->used + align(count * sizeof(uint32_t));
    plates->used += (uint32_t)bytes;
    struct plate *plate = &plates->plates[plates->count++];
    *plate = (struct plate){.first = first,
                            .text = text,
                            .ends = ends,
                            .count = count,
                            .sid_size = (uint32_t)frames->layout.sid.size,
                            .headers = frames->layout.headers};
    uint8_t *to = text;
    for (uint32_t i = 0; i < count; i++) {
        bool is_with_headers = first->header_text_size > 0 && plate->headers;
        ends[i] = (uint32_t)(to - text) + (is_with_headers ? 5 : 4) + frames->stem_size;
        to = frame_render(frames, first, to);
        first = message_next(first);
    }
    ASSERT(to == text + size);
    return plate;
}

enum plates_answer plates_take(struct plates *plates, const struct frames *frames,
                               const struct message *first, uint32_t count, uint32_t size,
                               bool may_make, const uint8_t **text)
{
    if (!was_seen(plates, first) || plate_bytes(count, size) > PLATES_BYTES) {
        return PLATES_NONE;
    }
    struct plate *plate = NULL;
    for (uint32_t i = 0; i < plates->count && plate == NULL; i++) {
        uint32_t at = plates->next + i;
        at -= at >= plates->count ? plates->count : 0;
        struct plate *p = &plates->plates[at];
        if (p->first == first && p->round != plates->round && p->count == count &&
            p->sid_size == frames->layout.sid.size && p->headers == frames->layout.headers) {
            plate = p;
            plates->next = at + 1 < plates->count ? at + 1 : 0;
        }
    }
    if (plate != NULL) {
        sids_set(plate, frames->layout.sid);
    } else if (!may_make) {
        return PLATES_NONE;
    } else {
        plate = make(plates, frames, first, count, size);
        plates->next = 0;
        if (plate == NULL) {
            return PLATES_BUSY;
        }
    }
    plate->round = plates->round;
    plates->taken++;
    *text = plate->text;
    return PLATES_TAKEN;
}
