/* trail.c - runs that grow. */
#include "core/trail.h"

/* A run of the trail says nothing of who published it: it is delivered already. Its messages came at
 * different times, between its chunk's first and newest. */
static void run_begin(struct trail *trail, struct chunk *chunk, const struct run *source)
{
    trail->run = run_start(chunk, run_subject(source));
    trail->run->subject_hash = source->subject_hash;
    trail->run->account_id = source->account_id;
    trail->run->maker = source->maker;
}

/* Room for the messages, in a run of their subject. */
static void make_room(struct trail *trail, struct chunk_pool *pool, const struct run *source,
                      size_t size)
{
    struct run *run = trail->run;
    if (run != NULL && chunk_room(run->chunk) >= size &&
        run->subject_hash == source->subject_hash && run->account_id == source->account_id &&
        bytes_equal(run_subject(run), run_subject(source))) {
        return;
    }
    size_t need = sizeof(struct run) + run_align(source->subject_size) + size + 8;
    if (run != NULL && chunk_room(run->chunk) >= need) {
        run_begin(trail, run->chunk, source);
        return;
    }
    uint32_t class_index = trail->class_index;
    trail_rest(trail, pool);
    run_begin(trail, chunk_take(pool, class_index, need), source);
    trail->class_index = MIN_OF(class_index + 1, (uint32_t)CHUNK_CLASSES - 1);
}

struct run_span trail_add(struct trail *trail, struct chunk_pool *pool, struct run_span span,
                          uint64_t round)
{
    if (LIKELY(trail->round == round && trail->source == span.first &&
               trail->piece.count == span.count)) {
        return trail->piece;
    }
    size_t size = run_span_size(span);
    make_room(trail, pool, span.run, size);
    struct run *run = trail->run;
    trail->round = round;
    trail->source = span.first;
    trail->index = run->messages_count;
    trail->piece =
        (struct run_span){.run = run, .first = run_extend(run, span, size), .count = span.count};
    run->chunk->last_ns = pool->now_ns;
    return trail->piece;
}

void trail_rest(struct trail *trail, struct chunk_pool *pool)
{
    if (trail->run != NULL) {
        chunk_unref(pool, trail->run->chunk);
    }
    *trail = (struct trail){0};
}

void trail_check(const struct trail *trail)
{
    const struct run *run = trail->run;
    if (run != NULL) {
        ASSERT(run->chunk->refs > 0);
        ASSERT((const uint8_t *)run + run->size == run->chunk->data + run->chunk->used);
        ASSERT(trail->index + trail->piece.count == run->messages_count);
    }
}
