/*
 * test_sizes.c - what a connection and a subscription cost in memory, and that it does not creep.
 *
 * core/base.c is compiled in here with an allocator that knows the size of every block, and what
 * jemalloc would round it to. docs/memory.md explains the figures that this program prints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- an allocator that counts ------------------------------------------------------------------ */

enum { SIZES_MAX = 4096 }; /* blocks below this are told apart by their size */

struct heap_usage {
    uint64_t asked;
    uint64_t rounded; /* as jemalloc rounds */
    int64_t blocks[SIZES_MAX];
};

static struct heap_usage usage;

struct block_head {
    size_t size;
    size_t offset; /* of the block in its memory */
};

/* jemalloc 5 with 4 KiB pages: 8, 16, then four classes to each power of two, 16 apart at least. */
static size_t jemalloc_rounds(size_t size)
{
    if (size <= 8) {
        return 8;
    }
    size_t step = 16;
    while (size > 8 * step) {
        step *= 2;
    }
    return (size + step - 1) / step * step;
}

static void count_block(size_t size, int64_t sign)
{
    usage.asked += (uint64_t)sign * size;
    usage.rounded += (uint64_t)sign * jemalloc_rounds(size);
    if (size < SIZES_MAX) {
        usage.blocks[size] += sign;
    }
}

__attribute__((noinline)) static void *counted_aligned_alloc(size_t alignment, size_t size)
{
    size_t offset = alignment < sizeof(struct block_head) ? sizeof(struct block_head) : alignment;
    uint8_t *memory = (aligned_alloc)(offset, offset + (size + offset - 1) / offset * offset);
    struct block_head head = {.size = size, .offset = offset};
    memcpy(memory + offset - sizeof(head), &head, sizeof(head));
    count_block(size, 1);
    return memory + offset;
}

__attribute__((noinline)) static void *counted_calloc(size_t count, size_t size)
{
    void *block = counted_aligned_alloc(16, count * size);
    memset(block, 0, count * size);
    return block;
}

static void counted_free(void *block)
{
    if (block == NULL) {
        return;
    }
    struct block_head head;
    memcpy(&head, (uint8_t *)block - sizeof(head), sizeof(head));
    count_block(head.size, -1);
    (free)((uint8_t *)block - head.offset);
}

static void *counted_realloc(void *old, size_t size)
{
    void *block = counted_aligned_alloc(16, size);
    if (old != NULL) {
        struct block_head head;
        memcpy(&head, (uint8_t *)old - sizeof(head), sizeof(head));
        memcpy(block, old, head.size < size ? head.size : size);
        counted_free(old);
    }
    return block;
}

#define malloc(size)  counted_realloc(NULL, size)
#define calloc        counted_calloc
#define realloc       counted_realloc
#define aligned_alloc counted_aligned_alloc
#define free          counted_free
#include "core/base.c"
#undef malloc
#undef calloc
#undef realloc
#undef aligned_alloc
#undef free

#include "core/hub_state.h"
#include "core/index_table.h"
#include "core/proto/nats.h"

/* ---- sizes ------------------------------------------------------------------------------------- */

/* Who makes one larger says so here; who makes one smaller lowers the number, and docs/memory.md
 * follows. */
#define SIZE_AT_MOST(type, bytes) static_assert(sizeof(type) <= (bytes), #type)

/* One for each connection. */
SIZE_AT_MOST(struct nats_client, 224);
SIZE_AT_MOST(struct session, 168);
SIZE_AT_MOST(struct nats_parser, 96);
SIZE_AT_MOST(struct pending, 16);
SIZE_AT_MOST(struct timer, 24);
SIZE_AT_MOST(struct table, 16);
/* One for each subscription. */
SIZE_AT_MOST(struct sub, 32);
SIZE_AT_MOST(struct member, 16);
/* One for each layout of a pattern, each pattern, each shared audience, each queue group. */
SIZE_AT_MOST(struct audience, 64);
/* With a sid of up to six digits it is a block of 64. */
static_assert(offsetof(struct audience, sid) <= 58, "struct audience");
SIZE_AT_MOST(struct entry, 24);
SIZE_AT_MOST(struct crowd, 96);
SIZE_AT_MOST(struct entry_more, 24);
SIZE_AT_MOST(struct group, 40);
/* One for each piece of a stalled session's backlog. */
SIZE_AT_MOST(struct pending_entry, 32);
/* One for each piece of a backlog that sessions share, for some of them, for each set of audiences. */
SIZE_AT_MOST(struct backlog_piece, 24);
SIZE_AT_MOST(struct backlog_block, 32);
SIZE_AT_MOST(struct backlog, 72);
/* One for each session with something pending. */
SIZE_AT_MOST(struct pending_ring, 56);
/* One for each session that holds input. */
SIZE_AT_MOST(struct input, 8);

/* ---- a worker or two, with sockets that take everything ---------------------------------------- */

#define SECOND_NS 1000000000ull

enum {
    WORKERS_HERE = 2,
    CONNECTIONS = 15000,
    WARM_CONNECTIONS = 64,
    SUBSCRIBERS = 10,
    SUBSCRIPTIONS = 100000
};

struct house {
    uint32_t workers;
    struct port *ports;
    struct hub *hubs[WORKERS_HERE];
    struct nats nats;
    uint64_t now_ns;
    struct send_op sends[64];
};

static struct house *house_new(uint32_t workers)
{
    struct house *house = (calloc)(1, sizeof(*house));
    assert_non_null(house);
    house->workers = workers;
    house->now_ns = SECOND_NS;
    house->nats.options = (struct nats_options){.max_control_line = 4096,
                                                .max_payload = 1 << 20,
                                                .ping_interval_ns = 120 * SECOND_NS,
                                                .ping_max = 2};
    struct nats_info_server server = {.server_id = "N",
                                      .server_name = "n",
                                      .version = "2.9.10",
                                      .go = "c",
                                      .host = "127.0.0.1",
                                      .port = 4222,
                                      .max_payload = 1 << 20,
                                      .remote_account = "$G"};
    assert_true(nats_info_init(&house->nats.info, &server));
    house->ports = memory_alloc_aligned(CACHE_LINE, workers * sizeof(struct port));
    for (uint32_t w = 0; w < workers; w++) {
        mpsc_init(&house->ports[w].inbox);
        doorbell_init(&house->ports[w].bell);
    }
    for (uint32_t w = 0; w < workers; w++) {
        struct hub_options options = {.worker = w,
                                      .workers_count = workers,
                                      .ports = house->ports,
                                      .hash_key = 77,
                                      .client_size = sizeof(struct nats_client),
                                      .sessions_max = CONNECTIONS + WARM_CONNECTIONS,
                                      .max_pending = 1 << 20,
                                      .write_deadline_ns = SECOND_NS,
                                      .log_bytes_max = 1ull << 30,
                                      .index_bytes_max = 1ull << 40,
                                      .input_bytes_max = 1 << 20,
                                      .credit_bytes = 1 << 20};
        house->hubs[w] = hub_new(&options, house->now_ns);
    }
    return house;
}

static void house_turn(struct house *house, uint32_t worker, struct session *session,
                       struct bytes bytes)
{
    struct hub *hub = house->hubs[worker];
    hub_turn_begin(hub, house->now_ns);
    assert_true(hub_drain(hub));
    if (bytes.size > 0) {
        nats_bytes(&house->nats, hub, session, bytes);
    }
    uint64_t bells = hub_push(hub);
    size_t count;
    while ((count = hub_flush_next(hub, house->sends, COUNT_OF(house->sends))) > 0) {
        for (size_t i = 0; i < count; i++) {
            house->sends[i].result = (int64_t)house->sends[i].size;
        }
        hub_flush_results(hub, house->sends, count);
    }
    bells |= hub_turn_end(hub);
    MAYBE(bells == 0);
    uint32_t wants;
    while (hub_want_next(hub, &wants) != NULL) {
        assert_int_equal(wants & ~(uint32_t)WANT_ARM, 0);
    }
}

static void house_say(struct house *house, uint32_t worker, struct session *session,
                      const char *format, ...) PRINTF(4, 5);

/* In a turn of that worker; then the others hear of it, and what they give back comes home. */
static void house_say(struct house *house, uint32_t worker, struct session *session,
                      const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_in_range(size, 1, sizeof(text) - 1);
    house_turn(house, worker, session, bytes_of(text, (size_t)size));
    for (uint32_t w = 0; house->workers > 1 && w < house->workers; w++) {
        house_turn(house, (worker + 1 + w) % house->workers, NULL, (struct bytes){0});
    }
}

/* With the words of a real client, in a length that many have. */
static struct session *house_open(struct house *house, uint32_t worker, uint32_t number)
{
    struct session *session = hub_session_open(house->hubs[worker], number + 1);
    assert_non_null(session);
    nats_open(&house->nats, house->hubs[worker], session, "127.0.0.1", (uint16_t)number);
    house_say(house, worker, session,
              "CONNECT {\"verbose\":false,\"name\":\"client-%05u\",\"lang\":\"go\","
              "\"version\":\"1.31.0\",\"protocol\":1,\"headers\":true}\r\n",
              number);
    return session;
}

static void house_free(struct house *house)
{
    for (uint32_t w = 0; w < house->workers; w++) {
        uint32_t slot = 0;
        struct session *session;
        while ((session = hub_session_next(house->hubs[w], &slot)) != NULL) {
            nats_closed(session);
        }
        hub_free(house->hubs[w]);
    }
    memory_free(house->ports);
    (free)(house);
}

/* ---- figures ----------------------------------------------------------------------------------- */

/* What grew since before, for each of count things. */
static double each(const struct heap_usage *before, uint32_t count, const char *what)
{
    double asked = (double)(usage.asked - before->asked) / count;
    double rounded = (double)(usage.rounded - before->rounded) / count;
    printf("%s: %.1f bytes asked of the allocator, %.1f as jemalloc rounds\n", what, asked,
           rounded);
    double rest = rounded;
    for (size_t size = 0; size < SIZES_MAX; size++) {
        double blocks = (double)(usage.blocks[size] - before->blocks[size]) / count;
        if (blocks > 0.05) {
            printf("    %5.2f of %zu bytes (class of %zu)\n", blocks, size, jemalloc_rounds(size));
            rest -= blocks * (double)jemalloc_rounds(size);
        }
    }
    printf("    %5.1f bytes in slabs, tables and arrays\n", rest);
    return rounded;
}

static double idle_connections(bool distinct, const char *what)
{
    struct house *house = house_new(1);
    static struct heap_usage before;
    for (uint32_t i = 0; i < WARM_CONNECTIONS + CONNECTIONS; i++) {
        if (i == WARM_CONNECTIONS) {
            /* What the first ones made the hub take is no connection's. */
            before = usage;
        }
        struct session *session = house_open(house, 0, i);
        if (distinct) {
            house_say(house, 0, session, "SUB device.%05u.in 1\r\nPING\r\n", i);
        } else {
            house_say(house, 0, session, "SUB device.all.in 1\r\nPING\r\n");
        }
    }
    double rounded = each(&before, CONNECTIONS, what);
    house_free(house);
    return rounded;
}

/*
 * Goal:    an idle connection with one subscription on a subject that all share costs no more than
 *          is known.
 * Method:  15,000 of them; the bytes that core took for them, as jemalloc rounds them.
 */
static void test_an_idle_connection_on_one_subject(void **state)
{
    (void)state;
    assert_true(idle_connections(false, "idle connection, one subject") <= 330);
}

/*
 * Goal:    the same, each on a subject of its own.
 * Method:  the same.
 */
static void test_an_idle_connection_on_its_own_subject(void **state)
{
    (void)state;
    assert_true(idle_connections(true, "idle connection, distinct subjects") <= 448);
}

/*
 * Goal:    a subscription of a subject of its own costs no more than is known, everywhere.
 * Method:  100,000 of them over 10 connections of one worker, another beside it; the bytes both took.
 *          Another number can be had through the environment; it is then only printed.
 */
static void test_a_literal_subscription(void **state)
{
    (void)state;
    const char *wish = getenv("RINGHUB_SUBSCRIPTIONS");
    uint32_t count = wish != NULL ? (uint32_t)strtoul(wish, NULL, 10) : SUBSCRIPTIONS;
    struct house *house = house_new(2);
    struct session *sessions[SUBSCRIBERS];
    for (uint32_t i = 0; i < SUBSCRIBERS; i++) {
        sessions[i] = house_open(house, 0, i);
    }
    static struct heap_usage before;
    before = usage;
    for (uint32_t i = 0; i < count; i++) {
        house_say(house, 0, sessions[i % SUBSCRIBERS], "SUB device.%07u.in %u\r\n", i, i);
    }
    double rounded = each(&before, count, "literal subscription, 2 workers");
    house_free(house);
    assert_true(wish != NULL || rounded <= 177);
}

/*
 * Goal:    all of it is given back.
 * Method:  a hub that had connections and subscriptions is freed; nothing stays.
 */
static void test_nothing_stays(void **state)
{
    (void)state;
    uint64_t before = usage.asked;
    struct house *house = house_new(2);
    house_say(house, 0, house_open(house, 0, 1), "SUB a.b 1\r\nSUB a.* 2\r\nSUB a.> g 3\r\n");
    house_free(house);
    assert_int_equal(usage.asked, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_idle_connection_on_one_subject),
        cmocka_unit_test(test_an_idle_connection_on_its_own_subject),
        cmocka_unit_test(test_a_literal_subscription),
        cmocka_unit_test(test_nothing_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
