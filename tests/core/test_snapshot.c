/* test_snapshot.c - which rows are kept, in what order, and the ring of closed connections. */
#include "core/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 200, KEPT = 17 };

static struct snapshot_row row_of(uint64_t cid)
{
    uint64_t mixed = cid * 2654435761u % 97;
    struct snapshot_row row = {.cid = cid,
                               .opened_ns = 1000 + cid,
                               .active_ns = 5000 + mixed,
                               .closed_ns = 9000 + mixed,
                               .rtt_ns = mixed,
                               .pending_bytes = mixed * 3,
                               .oldest_ns = 1 + mixed,
                               .messages_in = mixed,
                               .messages_out = mixed,
                               .bytes_in = mixed,
                               .bytes_out = mixed,
                               .subs_count = (uint32_t)mixed,
                               .reason = (uint8_t)(mixed % CLOSE_REASONS_COUNT)};
    char name[32];
    snprintf(name, sizeof(name), "client %llu", (unsigned long long)cid);
    struct snapshot_client client = {.texts = {[TEXT_ADDRESS] = bytes_text("127.0.0.1"),
                                               [TEXT_NAME] = bytes_text(name),
                                               [TEXT_USER] = bytes_text(cid % 2 ? "odd" : "even")}};
    snapshot_row_texts(&row, &client);
    return row;
}

static void add(struct snapshot *snapshot, uint64_t cid)
{
    struct snapshot_row row = row_of(cid);
    snapshot_key(&snapshot->query, 10000, &row);
    snapshot_add(snapshot, &row);
}

/*
 * Goal:    whatever the order and however the rows come, the first of all are kept, and sorted.
 * Method:  every sort; a snapshot that may keep all gives the truth.
 */
static void test_the_first_rows_of_every_order_are_kept(void **state)
{
    (void)state;
    for (int sort = 0; sort < SNAPSHOT_SORTS_COUNT; sort++) {
        struct snapshot_query query = {.sort = (enum snapshot_sort)sort, .rows_max = ROWS};
        struct snapshot all;
        struct snapshot few;
        snapshot_init(&all, &query);
        query.rows_max = KEPT;
        snapshot_init(&few, &query);
        for (uint64_t i = 0; i < ROWS; i++) {
            add(&all, 1 + i * 37 % ROWS);
            add(&few, 1 + i * 37 % ROWS);
        }
        snapshot_sort(&all);
        snapshot_sort(&few);
        assert_int_equal(all.total, ROWS);
        assert_int_equal(few.total, ROWS);
        assert_int_equal(few.rows_count, KEPT);
        for (uint32_t i = 0; i < KEPT; i++) {
            assert_int_equal(few.rows[i].cid, all.rows[i].cid);
        }
        snapshot_free(&all);
        snapshot_free(&few);
    }
}

/*
 * Goal:    counts come largest first, cid and uptime smallest first, reasons by their words.
 * Method:  neighbours in the sorted rows.
 */
static void test_orders_have_their_direction(void **state)
{
    (void)state;
    static const struct {
        enum snapshot_sort sort;
        size_t offset;
        bool rises;
    } orders[] = {{SNAPSHOT_BY_CID, offsetof(struct snapshot_row, cid), true},
                  {SNAPSHOT_BY_START, offsetof(struct snapshot_row, opened_ns), true},
                  {SNAPSHOT_BY_PENDING, offsetof(struct snapshot_row, pending_bytes), false},
                  {SNAPSHOT_BY_MSGS_TO, offsetof(struct snapshot_row, messages_out), false},
                  {SNAPSHOT_BY_LAST, offsetof(struct snapshot_row, active_ns), false},
                  {SNAPSHOT_BY_STOP, offsetof(struct snapshot_row, closed_ns), false},
                  {SNAPSHOT_BY_RTT, offsetof(struct snapshot_row, rtt_ns), false},
                  {SNAPSHOT_BY_AGE, offsetof(struct snapshot_row, oldest_ns), true}};
    for (size_t k = 0; k < COUNT_OF(orders); k++) {
        struct snapshot_query query = {.sort = orders[k].sort, .rows_max = ROWS};
        struct snapshot all;
        snapshot_init(&all, &query);
        for (uint64_t i = 1; i <= ROWS; i++) {
            add(&all, i);
        }
        snapshot_sort(&all);
        for (uint32_t i = 1; i < ROWS; i++) {
            uint64_t one;
            uint64_t two;
            memcpy(&one, (const char *)&all.rows[i - 1] + orders[k].offset, sizeof(one));
            memcpy(&two, (const char *)&all.rows[i] + orders[k].offset, sizeof(two));
            assert_true(orders[k].rises ? one <= two : one >= two);
        }
        snapshot_free(&all);
    }
    struct snapshot_query query = {.sort = SNAPSHOT_BY_REASON, .rows_max = ROWS};
    struct snapshot all;
    snapshot_init(&all, &query);
    for (uint64_t i = 1; i <= ROWS; i++) {
        add(&all, i);
    }
    snapshot_sort(&all);
    for (uint32_t i = 1; i < ROWS; i++) {
        const char *one = close_reason_text(all.rows[i - 1].reason);
        const char *two = close_reason_text(all.rows[i].reason);
        assert_true(strncmp(one, two, 8) <= 0);
    }
    snapshot_free(&all);
}

/*
 * Goal:    merged rows keep their texts and their subscriptions.
 * Method:  two snapshots of three rows with two subscriptions each.
 */
static void test_merge_keeps_what_belongs_together(void **state)
{
    (void)state;
    struct snapshot_query query = {.list = SNAPSHOT_CONNECTIONS, .rows_max = 10};
    struct snapshot both[2];
    for (uint64_t k = 0; k < 2; k++) {
        snapshot_init(&both[k], &query);
        for (uint64_t i = 0; i < 3; i++) {
            uint64_t cid = 1 + 2 * i + k;
            add(&both[k], cid);
            struct snapshot_row *row = &both[k].rows[0];
            for (uint32_t r = 0; r < both[k].rows_count; r++) {
                row = both[k].rows[r].cid == cid ? &both[k].rows[r] : row;
            }
            row->subs_first = both[k].subs_count;
            row->subs_listed = 2;
            for (uint64_t s = 0; s < 2; s++) {
                struct snapshot_sub sub = {.cid = cid, .messages = s};
                assert_true(snapshot_add_sub(&both[k], &sub, bytes_text("a.b"), bytes_text("q"),
                                             bytes_text("7")));
            }
        }
    }
    snapshot_merge(&both[0], &both[1]);
    snapshot_sort(&both[0]);
    assert_int_equal(both[0].rows_count, 6);
    assert_int_equal(both[0].total, 6);
    for (uint32_t i = 0; i < 6; i++) {
        const struct snapshot_row *row = &both[0].rows[i];
        char name[32];
        snprintf(name, sizeof(name), "client %u", i + 1);
        assert_int_equal(row->cid, i + 1);
        assert_true(bytes_equal(snapshot_text(row, TEXT_NAME), bytes_text(name)));
        assert_true(
            bytes_equal(snapshot_text(row, TEXT_USER), bytes_text((i + 1) % 2 ? "odd" : "even")));
        assert_int_equal(both[0].subs[row->subs_first].cid, i + 1);
        assert_int_equal(both[0].subs[row->subs_first + 1].messages, 1);
    }
    snapshot_free(&both[0]);
    snapshot_free(&both[1]);
}

/*
 * Goal:    subscriptions end at their bound, and say so.
 * Method:  one more than fit.
 */
static void test_subscriptions_are_bounded(void **state)
{
    (void)state;
    struct snapshot_query query = {.list = SNAPSHOT_SUBSCRIPTIONS};
    struct snapshot all;
    snapshot_init(&all, &query);
    struct snapshot_sub sub = {.cid = 1};
    for (uint32_t i = 0; i < SNAPSHOT_SUBS_MAX; i++) {
        assert_true(snapshot_add_sub(&all, &sub, bytes_text("s"), bytes_text(""), bytes_text("1")));
    }
    assert_false(all.is_cut);
    assert_false(snapshot_add_sub(&all, &sub, bytes_text("s"), bytes_text(""), bytes_text("1")));
    assert_true(all.is_cut);
    snapshot_free(&all);
}

/*
 * Goal:    the ring keeps the newest and finds by cid and by user.
 * Method:  two and a half times around, asked a row at a time.
 */
static void test_closed_ring_keeps_the_newest(void **state)
{
    (void)state;
    enum { CAPACITY = 20, CLOSED = 50 };
    struct closed_ring ring;
    closed_ring_init(&ring, CAPACITY);
    for (uint64_t cid = 1; cid <= CLOSED; cid++) {
        struct snapshot_row row = row_of(cid);
        closed_ring_add(&ring, &row);
    }
    struct snapshot_query queries[] = {{.rows_max = 100},
                                       {.rows_max = 100, .cid = 45},
                                       {.rows_max = 100, .cid = 30},
                                       {.rows_max = 100, .user = "odd"},
                                       {.rows_max = 3, .sort = SNAPSHOT_BY_CID}};
    const uint32_t expected[] = {CAPACITY, 1, 0, CAPACITY / 2, 3};
    const uint32_t totals[] = {CAPACITY, 1, 0, CAPACITY / 2, CAPACITY};
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct snapshot found;
        snapshot_init(&found, &queries[i]);
        uint32_t steps = 0;
        while (!closed_ring_step(&ring, &found, 1)) {
            steps++;
        }
        assert_int_equal(steps, CAPACITY - 1);
        snapshot_sort(&found);
        assert_int_equal(found.rows_count, expected[i]);
        assert_int_equal(found.total, totals[i]);
        assert_true(found.rows_count == 0 || found.rows[0].cid > CLOSED - CAPACITY);
        snapshot_free(&found);
    }
    closed_ring_free(&ring);
    closed_ring_init(&ring, 0);
    struct snapshot_row row = row_of(1);
    closed_ring_add(&ring, &row);
    assert_int_equal(ring.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_rows_of_every_order_are_kept),
        cmocka_unit_test(test_orders_have_their_direction),
        cmocka_unit_test(test_merge_keeps_what_belongs_together),
        cmocka_unit_test(test_subscriptions_are_bounded),
        cmocka_unit_test(test_closed_ring_keeps_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
