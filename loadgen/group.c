/* group.c - bits. */
#include "loadgen/group.h"

#include <string.h>

enum { WORD_BITS = 64, WORDS_FIRST = 64 };

void group_init(struct group *group, uint32_t members, uint32_t streams)
{
    memset(group, 0, sizeof *group);
    group->members = members;
    group->streams = streams;
    group->seen = memory_alloc(streams * sizeof *group->seen);
    group->next = memory_alloc((size_t)members * streams * sizeof *group->next);
}

void group_free(struct group *group)
{
    for (uint32_t i = 0; i < group->streams; i++) {
        memory_free(group->seen[i].seen);
    }
    memory_free(group->seen);
    memory_free(group->next);
    memset(group, 0, sizeof *group);
}

void group_reset(struct group *group)
{
    memset(&group->counts, 0, sizeof group->counts);
}

static void stream_grow(struct group_stream *stream, uint32_t words)
{
    uint32_t more = MAX_OF(MAX_OF(words, 2 * stream->words), (uint32_t)WORDS_FIRST);
    stream->seen = memory_resize(stream->seen, more * sizeof *stream->seen);
    memset(stream->seen + stream->words, 0, (more - stream->words) * sizeof *stream->seen);
    stream->words = more;
}

bool group_take(struct group *group, uint32_t member, uint32_t number, uint32_t sequence)
{
    ASSERT(member < group->members);
    ASSERT(number < group->streams);
    struct group_stream *stream = &group->seen[number];
    if (sequence < stream->base) {
        group->counts.duplicated++; /* the run before was closed over it */
        return false;
    }
    uint32_t at = sequence - stream->base;
    if (at >= GROUP_AHEAD_MAX) {
        group->counts.foreign++;
        return false;
    }
    if (at / WORD_BITS >= stream->words) {
        stream_grow(stream, at / WORD_BITS + 1);
    }
    uint64_t bit = (uint64_t)1 << at % WORD_BITS;
    if ((stream->seen[at / WORD_BITS] & bit) != 0) {
        group->counts.duplicated++;
        return false;
    }
    stream->seen[at / WORD_BITS] |= bit;
    group->counts.delivered++;
    group->passed++;
    uint32_t *next = &group->next[(size_t)member * group->streams + number];
    group->counts.reordered += sequence < *next;
    *next = MAX_OF(*next, sequence + 1);
    return true;
}

static uint64_t bits(const struct group_stream *stream)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < stream->words; i++) {
        count += (uint64_t)__builtin_popcountll(stream->seen[i]);
    }
    return count;
}

void group_close(struct group *group, const uint32_t *sent)
{
    for (uint32_t i = 0; i < group->streams; i++) {
        struct group_stream *stream = &group->seen[i];
        uint64_t got = bits(stream);
        uint64_t all = sent[i] - stream->base;
        group->counts.lost += all > got ? all - got : 0;
        group->passed += all > got ? all - got : 0;
        memory_free(stream->seen);
        stream->seen = NULL;
        stream->words = 0;
        stream->base = sent[i];
    }
}

void group_check(const struct group *group)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < group->streams; i++) {
        all += bits(&group->seen[i]);
    }
    ASSERT(group->counts.delivered == all); /* invariant 1 */
}
