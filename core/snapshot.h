/*
 * snapshot.h - what may be known of a worker's clients, copied out a few rows a turn.
 *
 *   asker: snapshot_init(query) ──▶ worker: hub_snapshot_step, budget units a turn … done
 *                                               │ row by row
 *   asker: rows, sorted ◀── snapshot_sort ◀── snapshot_add keeps the first rows_max by the query's order
 *
 * Threads:     a snapshot belongs to one thread at a time: its worker's until it is done, then the
 *              asker's. Rows hold copies, nothing of the worker's.
 * Memory:      owns its rows and their texts. A struct closed_ring belongs to its worker.
 * Limits:      query.rows_max rows, SNAPSHOT_SUBS_MAX subscriptions (cut says that there were more);
 *              the ring's capacity.
 * Invariants:  (1) rows are the first rows_max of all that were added, by (key, cid), in heap order
 *                  until snapshot_sort.
 */
#ifndef RINGHUB_CORE_SNAPSHOT_H
#define RINGHUB_CORE_SNAPSHOT_H

#include "core/bytes.h"
#include "core/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SNAPSHOT_SUBS_MAX = 65536, /* of one worker's answer */
    SNAPSHOT_TEXT_MAX = 256,   /* of a filter */
};

enum snapshot_list {
    SNAPSHOT_NOTHING,
    SNAPSHOT_CONNECTIONS,
    SNAPSHOT_CLOSED,
    SNAPSHOT_SUBSCRIPTIONS,
};

/* As connz' sort; the last is ours. */
enum snapshot_sort {
    SNAPSHOT_BY_CID,
    SNAPSHOT_BY_START,
    SNAPSHOT_BY_SUBS,
    SNAPSHOT_BY_PENDING,
    SNAPSHOT_BY_MSGS_TO,
    SNAPSHOT_BY_MSGS_FROM,
    SNAPSHOT_BY_BYTES_TO,
    SNAPSHOT_BY_BYTES_FROM,
    SNAPSHOT_BY_LAST,
    SNAPSHOT_BY_IDLE,
    SNAPSHOT_BY_UPTIME,
    SNAPSHOT_BY_STOP,
    SNAPSHOT_BY_REASON,
    SNAPSHOT_BY_RTT,
    SNAPSHOT_BY_AGE, /* of the oldest pending message */
    SNAPSHOT_SORTS_COUNT,
};

struct snapshot_query {
    enum snapshot_list list;
    enum snapshot_sort sort;
    uint32_t rows_max;               /* offset and limit together */
    uint64_t cid;                    /* 0: all */
    bool wants_subs;                 /* of connections: their subscriptions too */
    bool is_pending;                 /* of connections: only those that have something pending */
    char user[SNAPSHOT_TEXT_MAX];    /* of connections: only this user's; empty: all */
    char subject[SNAPSHOT_TEXT_MAX]; /* of subscriptions: only those that match it; empty: all */
};

/* One text: subject, queue and sid, one after the other. */
struct snapshot_sub {
    uint64_t cid;
    uint64_t messages;
    uint32_t max;
    uint32_t subject_size;
    uint32_t queue_size;
    uint32_t sid_size;
    uint8_t *text;
};

/* What the front-end knows of a client. */
enum snapshot_text { TEXT_ADDRESS, TEXT_NAME, TEXT_LANG, TEXT_VERSION, TEXT_USER, TEXTS_COUNT };

struct snapshot_client {
    struct bytes texts[TEXTS_COUNT]; /* borrowed */
    uint64_t opened_ns;
    uint64_t active_ns;
    uint64_t rtt_ns; /* 0: not known */
    uint16_t port;
};

/* A connection; times are the worker's clock. */
struct snapshot_row {
    uint64_t key; /* by which rows are sorted: the smallest first */
    uint64_t cid;
    uint64_t opened_ns;
    uint64_t active_ns;
    uint64_t closed_ns; /* 0: open */
    uint64_t rtt_ns;
    uint64_t pending_bytes;
    uint64_t oldest_ns; /* when the oldest pending message came; 0: none */
    uint64_t messages_in;
    uint64_t messages_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t subs_count;
    uint32_t slot;
    uint32_t generation;
    uint16_t worker;
    uint16_t port;
    uint8_t reason; /* enum close_reason, if closed */
    bool is_blocked;
    uint32_t sizes[TEXTS_COUNT];
    uint8_t *text;       /* all of them; owned */
    uint32_t subs_first; /* among the snapshot's subs */
    uint32_t subs_listed;
};

/* Where the walk stands. */
struct snapshot_walk {
    uint32_t slot; /* the next */
    uint32_t row;  /* whose subscriptions are being listed */
    uint32_t sub;
    bool is_inside; /* a session: at its subscriptions */
    bool lists_subs;
    struct snapshot_row partial; /* of the session it is inside; without texts */
};

struct snapshot {
    struct snapshot_query query;
    uint64_t now_ns; /* the worker's clock when it was done */
    uint64_t total;  /* rows that matched, kept or not */
    struct snapshot_row *rows;
    uint32_t rows_count;
    uint32_t rows_capacity;
    struct snapshot_sub *subs;
    uint32_t subs_count;
    uint32_t subs_capacity;
    bool is_cut; /* SNAPSHOT_SUBS_MAX was reached */
    struct snapshot_walk walk;
};

void snapshot_init(struct snapshot *snapshot, const struct snapshot_query *query);
void snapshot_free(struct snapshot *snapshot);
/* Makes room for so many, so that no turn has to move what was collected. Memory that is not filled
 * is not touched. */
void snapshot_reserve(struct snapshot *snapshot, uint64_t rows, uint64_t subs);

/* Would a row of this key and cid be kept? */
MUST_USE bool snapshot_keeps(const struct snapshot *snapshot, const struct snapshot_row *row);
/* Takes the row and its text, keeps it or frees it, and counts it. */
void snapshot_add(struct snapshot *snapshot, const struct snapshot_row *row);
/* Copies its texts; false: SNAPSHOT_SUBS_MAX are there. */
MUST_USE bool snapshot_add_sub(struct snapshot *snapshot, const struct snapshot_sub *sub,
                               struct bytes subject, struct bytes queue, struct bytes sid);

/* The row's key for the query's order; its numbers are filled in. */
void snapshot_key(const struct snapshot_query *query, uint64_t now_ns, struct snapshot_row *row);
/* Fills what the front-end knows but the texts. */
void snapshot_row_client(struct snapshot_row *row, const struct snapshot_client *client);
/* Copies the texts. */
void snapshot_row_texts(struct snapshot_row *row, const struct snapshot_client *client);
MUST_USE struct bytes snapshot_text(const struct snapshot_row *row, enum snapshot_text which);

/* Moves the rows of all into the first, sorted; frees the others. Subscriptions keep their rows. */
void snapshot_merge(struct snapshot *into, struct snapshot *from);
void snapshot_sort(struct snapshot *snapshot);

/* ---- connections that are gone ----------------------------------------------------------------- */

struct closed_ring {
    struct snapshot_row *rows;
    uint32_t capacity;
    uint32_t count;
    uint32_t next; /* where the next goes: the oldest, once it is full */
};

/* capacity 0: keeps none. */
void closed_ring_init(struct closed_ring *ring, uint32_t capacity);
void closed_ring_free(struct closed_ring *ring);
/* Takes the row and its text. */
void closed_ring_add(struct closed_ring *ring, const struct snapshot_row *row);
/* Adds at most budget of its rows, from snapshot->walk on; true: all are. */
MUST_USE bool closed_ring_step(const struct closed_ring *ring, struct snapshot *snapshot,
                               uint32_t budget);

#ifdef __cplusplus
}
#endif
#endif
