/*
 * test_pending.c - what a session still has to be sent, against the naive string of its bytes.
 */
#include "core/pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NAIVE_MAX = 4 * 1024 * 1024, MESSAGES_MAX = 4096 };

/* Pending list, and what it should hold. */
struct bench {
    struct chunk_pool chunks;
    struct pending_pool pool;
    struct pending p;
    struct audience *alone;  /* of RUN entries; headers understood or not */
    struct audience *shared; /* of OPEN entries and spans */
    struct chunk *ingress;
    struct chunk *control;
    uint8_t *naive; /* all bytes ever added */
    size_t added;
    size_t sent;
    struct pending other; /* hears some of the same */
    uint32_t hears;
    uint64_t shared_spans;
    size_t ends[MESSAGES_MAX]; /* where each message ends in naive */
    size_t messages;
    uint64_t random;
};

static uint64_t draw(struct bench *b, uint64_t below)
{
    b->random = b->random * 6364136223846793005u + 1442695040888963407u;
    return (b->random >> 33) % below;
}

static void begin(struct bench *b, uint64_t seed)
{
    memset(b, 0, sizeof(*b));
    b->random = seed;
    chunk_pool_init(&b->chunks);
    pending_pool_init(&b->pool, &b->chunks, NULL);
    b->alone = audience_new(bytes_text("one"), seed % 2 == 0, true);
    b->shared = audience_new(bytes_text("many"), true, false);
    /* As if they had members: entries that let go must not free them. */
    b->alone->refs = 1;
    b->shared->refs = 1;
    audience_share(b->shared);
    b->ingress = chunk_take(&b->chunks, CHUNK_CLASSES - 1, 0);
    b->control = chunk_take(&b->chunks, 0, 0);
    b->naive = malloc(NAIVE_MAX);
    assert_non_null(b->naive);
}

/* Nothing may be left: every chunk goes home. */
static void end(struct bench *b)
{
    assert_true(pending_is_empty(&b->p));
    pending_rest(&b->p, &b->pool);
    (void)pending_clear(&b->other, &b->pool);
    assert_int_equal(b->pool.backlogs.bytes, 0);
    chunk_unref(&b->chunks, b->ingress);
    chunk_unref(&b->chunks, b->control);
    b->alone->refs = 0;
    b->shared->refs = 0;
    assert_true(audience_release(b->alone, &b->chunks, NULL) > 0);
    assert_true(audience_release(b->shared, &b->chunks, NULL) > 0);
    assert_int_equal(b->chunks.used_bytes, 0);
    pending_pool_free(&b->pool);
    chunk_pool_free(&b->chunks);
    free(b->naive);
}

static void naive_add(struct bench *b, const void *bytes, size_t size)
{
    assert_true(b->added + size <= NAIVE_MAX);
    memcpy(b->naive + b->added, bytes, size);
    b->added += size;
}

/* ---- what can be added ----------------------------------------------------------------------- */

static struct chunk *room(struct bench *b, struct chunk **chunk, size_t size)
{
    if (chunk_room(*chunk) < size) {
        uint32_t class_index = (*chunk)->class_index;
        /* Whoever is pinned holds its own reference; this test pins before it lets go. */
        pending_pin(&b->p);
        chunk_unref(&b->chunks, *chunk);
        *chunk = chunk_take(&b->chunks, MIN_OF(class_index, (uint32_t)CHUNK_CLASSES - 1), size);
    }
    return *chunk;
}

static void message_fill(struct bench *b, uint8_t *payload, size_t size, struct message_in *in,
                         char digits[32])
{
    static const char headers[] = "NATS/1.0\r\n\r\n";
    memset(in, 0, sizeof(*in));
    in->subject = bytes_text("subject");
    for (size_t i = 0; i < size; i++) {
        payload[i] = (uint8_t)('a' + (b->messages + i) % 26);
    }
    if (draw(b, 3) == 0) {
        in->reply = bytes_text("reply.to");
    }
    if (draw(b, 3) == 0 && size >= 12) {
        memcpy(payload, headers, 12);
        in->header_text = bytes_text("12");
        in->header_size = 12;
    }
    in->payload = bytes_of(payload, size);
    int digits_size = snprintf(digits, 32, draw(b, 2) == 0 ? "%zu" : "%07zu", size);
    in->size_text = bytes_of(digits, (size_t)digits_size);
}

static struct run *run_make(struct bench *b)
{
    static uint8_t payload[20000];
    char digits[32];
    struct message_in in;
    size_t size = draw(b, 6) == 0 ? draw(b, sizeof(payload)) : draw(b, 60);
    message_fill(b, payload, size, &in, digits);
    uint64_t count = 1 + draw(b, 4);
    struct chunk *chunk = room(b, &b->ingress, run_size_first(&in) + count * 21000);
    struct run *run = run_start(chunk, in.subject);
    for (uint64_t i = 0; i < count; i++) {
        run_append(run, &in);
        message_fill(b, payload, draw(b, 60), &in, digits);
    }
    return run;
}

static void naive_render(struct bench *b, const struct run *run, const struct audience *audience)
{
    static uint8_t frame[40000];
    struct frames frames = frames_of(run, audience_layout(audience));
    const struct message *message = run_first(run);
    for (uint32_t i = 0; i < run->messages_count; i++) {
        uint8_t *frame_end = frame_render(&frames, message, frame);
        naive_add(b, frame, (size_t)(frame_end - frame));
        assert_true(b->messages < MESSAGES_MAX);
        b->ends[b->messages++] = b->added;
        message = message_next(message);
    }
}

static void add_control(struct bench *b)
{
    char text[3000];
    memset(text, '+', sizeof(text));
    size_t size = 1 + draw(b, draw(b, 4) == 0 ? sizeof(text) : 20);
    struct chunk *chunk = room(b, &b->control, size);
    memcpy(chunk->data + chunk->used, text, size);
    pending_add_range(&b->p, &b->pool, chunk, chunk->used, (uint32_t)size, 0);
    chunk->used += (uint32_t)size;
    naive_add(b, text, size);
}

static void add_run(struct bench *b)
{
    struct run *run = run_make(b);
    pending_add_run(&b->p, &b->pool, run, b->alone, run_first(run), run->messages_count);
    naive_render(b, run, b->alone);
}

static struct run *render(struct bench *b)
{
    struct run *run = run_make(b);
    stream_render(audience_stream(b->shared), &b->chunks, run_whole(run),
                  audience_layout(b->shared));
    return run;
}

static void add_to(struct bench *b, struct pending *p, struct cursor cursor, uint64_t size,
                   uint32_t messages)
{
    struct stream *stream = audience_stream(b->shared);
    if (p->ring != NULL && (p->ring->backlog != NULL || draw(b, 2) == 0)) {
        b->shared_spans++;
        pending_add_shared(p, &b->pool, b->hears, stream, cursor, size, messages);
    } else {
        pending_add_span(p, &b->pool, stream, cursor, size, messages);
    }
}

static void add_span(struct bench *b)
{
    struct stream *stream = audience_stream(b->shared);
    uint64_t before = stream->end;
    uint32_t messages = 0;
    for (uint64_t i = draw(b, 4) + 1; i > 0; i--) {
        struct run *run = render(b);
        messages += run->messages_count;
        naive_render(b, run, b->shared);
    }
    struct cursor cursor = stream_locate(stream, before);
    uint64_t size = stream->end - before;
    uint64_t other = draw(b, 4);
    b->hears += draw(b, 16) == 0;
    b->pool.backlogs.round++;
    if (other == 0) {
        add_to(b, &b->other, cursor, size, messages);
    }
    add_to(b, &b->p, cursor, size, messages);
    if (other == 1 || other == 2) {
        add_to(b, &b->other, cursor, size, messages);
    }
    if (draw(b, 8) == 0) {
        (void)pending_clear(&b->other, &b->pool);
    }
}

static void turn_end(struct bench *b)
{
    if (!pending_is_empty(&b->p)) {
        pending_pin(&b->p);
    }
    if (!pending_is_empty(&b->other)) {
        pending_pin(&b->other);
    }
    stream_turn_end(audience_stream(b->shared), &b->chunks);
    stream_check(audience_stream(b->shared));
}

static void add_something(struct bench *b)
{
    bool is_open = pending_last_open(&b->p) != NULL;
    switch (draw(b, is_open ? 4 : 6)) {
    case 0:
        if (is_open) {
            struct run *run = render(b);
            naive_render(b, run, b->shared);
        } else {
            render(b); /* nobody's: it must not appear */
        }
        break;
    case 1:
        turn_end(b);
        break;
    case 2:
        if (is_open) {
            pending_close_open(&b->p, &b->pool);
        } else {
            pending_add_open(&b->p, &b->pool, b->shared,
                             stream_end(audience_stream(b->shared), &b->chunks));
        }
        break;
    case 3:
        if (!is_open) {
            add_control(b);
        }
        break;
    case 4:
        add_run(b);
        break;
    default:
        add_span(b);
        break;
    }
}

/* ---- what is sent ---------------------------------------------------------------------------- */

static void check_vectors(struct bench *b, const struct gather *g)
{
    size_t at = b->sent;
    for (uint32_t i = 0; i < g->count; i++) {
        assert_true(g->vectors[i].iov_len > 0);
        assert_true(at + g->vectors[i].iov_len <= b->added);
        assert_memory_equal(g->vectors[i].iov_base, b->naive + at, g->vectors[i].iov_len);
        at += g->vectors[i].iov_len;
    }
    assert_int_equal(at - b->sent, g->size);
}

/* Gathers with limits drawn, checks, and consumes a part. Returns what was gathered. */
static size_t send_some(struct bench *b, bool all)
{
    static uint8_t scratch[65536];
    struct iovec vectors[64];
    struct gather g = {.vectors = vectors,
                       .max = all ? 64 : (uint32_t)(2 + draw(b, 63)),
                       .limit = all ? SEND_BYTES_MAX : 1 + draw(b, 60000),
                       .scratch = scratch,
                       .scratch_end = scratch + (all ? sizeof(scratch) : 8192 + draw(b, 50000))};
    pending_gather(&b->p, &g);
    assert_true(g.count <= g.max);
    assert_true(g.size <= g.limit);
    check_vectors(b, &g);
    size_t taken = all ? g.size : draw(b, g.size + 1);
    pending_consume(&b->p, &b->pool, taken);
    b->sent += taken;
    return g.size;
}

static uint64_t messages_left(const struct bench *b)
{
    uint64_t count = 0;
    for (size_t i = 0; i < b->messages; i++) {
        count += b->ends[i] > b->sent;
    }
    return count;
}

static void check(struct bench *b)
{
    pending_check(&b->p);
    pending_check(&b->other);
    backlogs_check(&b->pool.backlogs);
    stream_check(audience_stream(b->shared));
    assert_int_equal(pending_bytes(&b->p), b->added - b->sent);
}

/* An OPEN that nothing is behind any more is let go by who sends; here by closing it. */
static void drain(struct bench *b)
{
    pending_close_open(&b->p, &b->pool);
    while (pending_bytes(&b->p) > 0) {
        assert_true(send_some(b, true) > 0);
        check(b);
    }
}

static uint64_t play(uint64_t seed)
{
    struct bench b;
    begin(&b, seed);
    for (int i = 0; i < 150; i++) {
        add_something(&b);
        check(&b);
        for (uint64_t k = draw(&b, 3); k > 0; k--) {
            bool is_waiting = pending_bytes(&b.p) > 0;
            assert_int_equal(send_some(&b, false) > 0, is_waiting);
            check(&b);
        }
    }
    if (seed % 2 == 0) {
        drain(&b);
        assert_int_equal(b.sent, b.added);
    } else {
        uint64_t left = messages_left(&b);
        assert_int_equal(pending_clear(&b.p, &b.pool), left);
    }
    turn_end(&b);
    end(&b);
    return b.shared_spans;
}

/*
 * Goal:    gather shows the naive string from where the last send stopped, whatever the limits, and
 *          clear counts the messages that were not wholly sent; nothing is freed too early or kept.
 * Method:  random extents of all kinds in every order, spans shared with a list that hears some of
 *          them, random limits and short sends; half of the seeds end by draining, half by clearing in the middle. ASan watches what is freed.
 */
static void test_it_equals_the_naive_string(void **state)
{
    (void)state;
    uint64_t shared = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        shared += play(seed);
    }
    assert_true(shared > 1000);
}

/* One entry of each kind: a RUN with headers and replies, control, a span, an OPEN. */
static void one_of_each(struct bench *b)
{
    add_run(b);
    add_control(b);
    add_span(b);
    add_run(b);
    pending_add_open(&b->p, &b->pool, b->shared,
                     stream_end(audience_stream(b->shared), &b->chunks));
    naive_render(b, render(b), b->shared);
}

/*
 * Goal:    consume is right at every byte boundary, and so is what clear counts there.
 * Method:  for each boundary of a list with one entry of each kind: take so much in one send, then
 *          the rest is compared, then cleared.
 */
static void test_every_byte_boundary(void **state)
{
    (void)state;
    size_t most = 1;
    for (size_t boundary = 0; boundary <= most; boundary++) {
        struct bench b;
        begin(&b, 77);
        one_of_each(&b);
        most = MIN_OF(b.added, (size_t)3000);
        static uint8_t scratch[65536];
        struct iovec vectors[64];
        for (size_t left = boundary; left > 0;) {
            struct gather g = {.vectors = vectors,
                               .max = 64,
                               .limit = left,
                               .scratch = scratch,
                               .scratch_end = scratch + sizeof(scratch)};
            pending_gather(&b.p, &g);
            assert_in_range(g.size, 1, left);
            check_vectors(&b, &g);
            pending_consume(&b.p, &b.pool, g.size);
            b.sent += g.size;
            left -= g.size;
        }
        check(&b);
        if (boundary % 2 == 0) {
            uint64_t left = messages_left(&b);
            assert_int_equal(pending_clear(&b.p, &b.pool), left);
        } else {
            drain(&b);
        }
        turn_end(&b);
        end(&b);
    }
    assert_true(most > 100);
}

static struct gather gather_into(const struct pending *p, struct iovec *vectors, uint32_t max,
                                 uint8_t *scratch, size_t scratch_bytes)
{
    struct gather g = {.vectors = vectors,
                       .max = max,
                       .limit = SEND_BYTES_MAX,
                       .scratch = scratch,
                       .scratch_end = scratch + scratch_bytes};
    pending_gather(p, &g);
    return g;
}

/*
 * Goal:    small pieces go out as one vector, however many there are; a large one, a single one, and
 *          those that the scratch has no room for are sent from where they lie.
 * Method:  80 pieces of 12 bytes with gaps, more than vectors; the same with a scratch for 10 of
 *          them; one of 2,000 bytes behind them; the list that is one piece.
 */
static void test_small_pieces_become_one_vector(void **state)
{
    (void)state;
    enum { PIECES = 80, PIECE = 12, LARGE = 2000 };
    static uint8_t scratch[4096];
    struct bench b;
    begin(&b, 1);
    struct chunk *chunk = chunk_take(&b.chunks, 0, PIECES * 16 + LARGE);
    chunk->used = PIECES * 16 + LARGE;
    for (uint32_t i = 0; i < chunk->used; i++) {
        chunk->data[i] = (uint8_t)(i * 7);
    }
    pending_add_range(&b.p, &b.pool, chunk, 0, PIECE, 0);
    struct iovec vectors[64];
    struct gather g = gather_into(&b.p, vectors, 64, scratch, sizeof scratch);
    assert_ptr_equal(vectors[0].iov_base, chunk->data);
    for (uint32_t i = 1; i < PIECES; i++) {
        pending_add_range(&b.p, &b.pool, chunk, i * 16, PIECE, 0);
    }
    pending_add_range(&b.p, &b.pool, chunk, PIECES * 16, LARGE, 0);
    g = gather_into(&b.p, vectors, 64, scratch, sizeof scratch);
    assert_int_equal(g.count, 2);
    assert_int_equal(g.size, PIECES * PIECE + LARGE);
    for (size_t i = 0; i < PIECES; i++) {
        assert_memory_equal(scratch + i * PIECE, chunk->data + i * 16, PIECE);
    }
    assert_ptr_equal(vectors[1].iov_base, chunk->data + PIECES * 16);

    g = gather_into(&b.p, vectors, 20, scratch, 10 * PIECE + 1);
    assert_int_equal(g.count, 20);
    assert_int_equal(g.size, (10 + 19) * PIECE);
    assert_ptr_equal(vectors[1].iov_base, chunk->data + 10 * 16);
    pending_clear(&b.p, &b.pool);
    chunk_unref(&b.chunks, chunk);
    turn_end(&b);
    end(&b);
}

/*
 * Goal:    what is kept for reuse has the bound that is told, whatever there was.
 * Method:  more lists at once than are kept, of every size up to 64 entries, all cleared.
 */
static void test_what_is_kept_is_bounded(void **state)
{
    (void)state;
    enum { LISTS = 5000, ENTRIES = 64, SMALLEST = 4 };
    struct bench b;
    begin(&b, 1);
    b.control->used = ENTRIES * 2;
    struct pending *lists = memory_alloc(LISTS * sizeof *lists);
    memset(lists, 0, LISTS * sizeof *lists);
    for (uint32_t i = 0; i < LISTS; i++) {
        for (uint32_t j = 0; j < ENTRIES; j++) {
            pending_add_range(&lists[i], &b.pool, b.control, j * 2, 1, 0);
        }
    }
    for (uint32_t i = 0; i < LISTS; i++) {
        pending_clear(&lists[i], &b.pool);
    }
    size_t kept = 0;
    for (uint32_t i = 0; i < COUNT_OF(b.pool.spare_count); i++) {
        kept += b.pool.spare_count[i] * pending_ring_bytes(SMALLEST << i);
    }
    assert_true(b.pool.spare_count[4] > 0);
    assert_true(b.pool.spare_count[4] < LISTS);
    assert_in_range(kept, 1, pending_spare_bytes_max() - backlogs_spare_bytes_max());
    memory_free(lists);
    end(&b);
}

/*
 * Goal:    neighbouring ranges of one chunk become one entry, others do not.
 * Method:  two adjacent, one with a gap, one of another chunk.
 */
static void test_neighbours_become_one(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1);
    b.control->used = 30;
    pending_add_range(&b.p, &b.pool, b.control, 0, 10, 0);
    pending_add_range(&b.p, &b.pool, b.control, 10, 5, 0);
    assert_int_equal(pending_count(&b.p), 1);
    pending_add_range(&b.p, &b.pool, b.control, 16, 5, 0);
    assert_int_equal(pending_count(&b.p), 2);
    b.ingress->used = 30;
    pending_add_range(&b.p, &b.pool, b.ingress, 21, 5, 0);
    assert_int_equal(pending_count(&b.p), 3);
    assert_int_equal(pending_bytes(&b.p), 25);
    assert_int_equal(pending_clear(&b.p, &b.pool), 0);
    end(&b);
}

/*
 * Goal:    only a pinned list holds references, one for each entry, and gives them back.
 * Method:  references of a chunk before and after pin, an addition, a merge, a send, clear.
 */
static void test_pinned_entries_hold_references(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1);
    b.control->used = 100;
    pending_add_range(&b.p, &b.pool, b.control, 0, 10, 0);
    pending_add_range(&b.p, &b.pool, b.control, 20, 10, 0);
    assert_int_equal(b.control->refs, 1);
    pending_pin(&b.p);
    pending_pin(&b.p);
    assert_int_equal(b.control->refs, 3);
    pending_add_range(&b.p, &b.pool, b.control, 40, 10, 0);
    pending_add_range(&b.p, &b.pool, b.control, 50, 10, 0);
    assert_int_equal(b.control->refs, 4);
    pending_consume(&b.p, &b.pool, 10);
    assert_int_equal(b.control->refs, 3);
    pending_consume(&b.p, &b.pool, 5);
    assert_int_equal(b.control->refs, 3);
    assert_int_equal(pending_clear(&b.p, &b.pool), 0);
    assert_int_equal(b.control->refs, 1);
    end(&b);
}

/*
 * Goal:    the ring of entries grows in order and its memory is used again.
 * Method:  rounds of 100 entries while the head moves; allocations of later rounds.
 */
static void test_the_ring_grows_and_is_used_again(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1);
    b.control->used = 2000;
    uint64_t before = 0;
    for (int round = 0; round < 4; round++) {
        before = round == 3 ? memory_allocations() : before;
        for (uint32_t i = 0; i < 100; i++) {
            pending_add_range(&b.p, &b.pool, b.control, i * 3, 2, 0);
            if (i % 3 == 0) {
                pending_consume(&b.p, &b.pool, 2);
            }
        }
        pending_check(&b.p);
        assert_int_equal(pending_count(&b.p), 66);
        for (uint32_t i = 0; i < pending_count(&b.p); i++) {
            assert_int_equal(pending_at(&b.p, i)->offset, (34 + i) * 3);
        }
        pending_consume(&b.p, &b.pool, 132);
        pending_rest(&b.p, &b.pool);
        assert_int_equal(b.pool.entries_bytes, 0);
    }
    assert_int_equal(memory_allocations() - before, 0);
    end(&b);
}

static void add_ranges(struct bench *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        pending_add_range(&b->p, &b->pool, b->control, i * 3, 2, 0);
    }
}

/* A list comes and goes; returns the room for the next. */
static uint32_t list_of(struct bench *b, uint32_t room, uint32_t entries)
{
    pending_begin(&b->p, &b->pool, room);
    add_ranges(b, entries);
    pending_consume(&b->p, &b->pool, entries * 2);
    room = pending_is_roomy(&b->p) ? pending_room(&b->p) : 0;
    pending_rest(&b->p, &b->pool);
    return room;
}

/*
 * Goal:    a list begins with a ring as large as the last one needed, which comes down again, step by
 *          step, where less is needed, and has a maximum.
 * Method:  lists of sizes; those that begin with enough never have another ring, as the pool has one
 *          spare of each size that there was.
 */
static void test_a_list_begins_with_the_room_it_needed(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1);
    b.control->used = 10000;
    assert_int_equal(list_of(&b, 0, 4), 0);
    assert_int_equal(list_of(&b, 0, 5), 1);
    uint32_t room = list_of(&b, 0, 40);
    assert_int_equal(room, 4);
    for (uint32_t k = 0; k < room; k++) {
        assert_int_equal(b.pool.spare_count[k], 1);
    }

    pending_begin(&b.p, &b.pool, room);
    assert_int_equal(b.p.ring->capacity, 64);
    add_ranges(&b, 64);
    for (uint32_t k = 0; k < room; k++) {
        assert_int_equal(b.pool.spare_count[k], 1);
    }
    assert_int_equal(b.pool.spare_count[room], 0);
    assert_int_equal(b.pool.entries_bytes, pending_ring_bytes(64));
    assert_int_equal(pending_clear(&b.p, &b.pool), 0);

    assert_int_equal(list_of(&b, 4, 33), 4);
    assert_int_equal(list_of(&b, 4, 32), 3);
    assert_int_equal(list_of(&b, 3, 1), 2);
    assert_int_equal(list_of(&b, 2, 1), 1);
    assert_int_equal(list_of(&b, 1, 1), 0);
    assert_int_equal(list_of(&b, 0, 2000), PENDING_ROOM_MAX);
    end(&b);
}

/*
 * Goal:    a list gives back what it does not need of its ring, and is the same after that.
 * Method:  a ring of 64, whose first entry is anywhere in it, shrinks to what is in it.
 */
static void test_a_ring_shrinks_to_its_entries(void **state)
{
    (void)state;
    static const struct {
        uint32_t entries;
        uint32_t capacity;
    } cases[] = {{1, 4}, {2, 4}, {3, 8}, {8, 16}, {9, 32}, {17, 64}, {64, 64}};
    struct bench b;
    begin(&b, 1);
    b.control->used = 10000;
    pending_shrink(&b.p, &b.pool);
    assert_null(b.p.ring);
    for (uint32_t gone = 0; gone < 64; gone += 7) {
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            pending_begin(&b.p, &b.pool, 4);
            add_ranges(&b, gone);
            pending_consume(&b.p, &b.pool, gone * 2);
            add_ranges(&b, cases[i].entries);
            pending_consume(&b.p, &b.pool, 1);
            pending_pin(&b.p);
            pending_shrink(&b.p, &b.pool);
            assert_int_equal(b.p.ring->capacity, cases[i].capacity);
            assert_int_equal(b.pool.entries_bytes, pending_ring_bytes(cases[i].capacity));
            assert_int_equal(pending_count(&b.p), cases[i].entries);
            assert_int_equal(pending_bytes(&b.p), cases[i].entries * 2 - 1);
            assert_int_equal(b.control->refs, 1 + cases[i].entries);
            for (uint32_t k = 0; k < cases[i].entries; k++) {
                assert_int_equal(pending_at(&b.p, k)->offset, k * 3);
            }
            pending_check(&b.p);
            assert_int_equal(pending_clear(&b.p, &b.pool), 0);
        }
    }
    assert_int_equal(b.control->refs, 1);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_equals_the_naive_string),
        cmocka_unit_test(test_every_byte_boundary),
        cmocka_unit_test(test_small_pieces_become_one_vector),
        cmocka_unit_test(test_what_is_kept_is_bounded),
        cmocka_unit_test(test_neighbours_become_one),
        cmocka_unit_test(test_pinned_entries_hold_references),
        cmocka_unit_test(test_the_ring_grows_and_is_used_again),
        cmocka_unit_test(test_a_list_begins_with_the_room_it_needed),
        cmocka_unit_test(test_a_ring_shrinks_to_its_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
