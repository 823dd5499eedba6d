/*
 * law7.pml - push before you speak, drain before you listen, between clients of different workers.
 *
 *   client A ──SUB, PING──▶ worker 1 ──record──▶ inbox of worker 2 ◀── bystander, worker 3
 *      ▲                       │                        │
 *      └────────PONG───────────┘                        ▼
 *      └──── tells ────▶ client B ──────PUB─────▶ worker 2: the interest must be there
 *
 * What it stands for:  worker is worker_turn: wait (loop_wait, the only place that reads sockets),
 *     worker_drain_inbox (mpsc_mark, mpsc_pop_until, waiting on MPSC_HALF_LINKED), worker_reap,
 *     worker_wake_peers (mpsc_push: P1, then P2 through the store buffer), worker_flush. Between
 *     reap and push a turn may look for more (gather): wait, drain and reap again. Sockets are ordered
 *     streams; what is written can be read from then on. Clients may talk to each other.
 *
 * What it shows:
 *   - default: worker 2 parses B's PUB only after it took A's interest from its inbox;
 *   - ORDER: A publishes (PUB, PING) to worker 1 and B subscribes at worker 2. A has its PONG, tells
 *     B, B pings worker 2: B's message comes before B's PONG.
 *   Worker 2 serves spurious turns at any moment, A's two lines arrive in one read or in two, and the
 *   bystander's pushes may cut the inbox in front of the record at any moment. No system call empties
 *   a store buffer here; the queue itself is inbox.pml's, here it is an array of places.
 *
 * Broken on purpose, each to be found:  FLUSH_BEFORE_PUSH (PONG leaves before the record is in the
 *     inbox) · PARSE_BEFORE_DRAIN · DRAIN_BEFORE_ENTER (the drain looked before the kernel read) ·
 *     READ_WHILE_PARSING (bytes that came after the drain are parsed in the same turn) ·
 *     SKIP_HALF_LINKED (the drain ends at a cut instead of waiting) · GATHER_UNDRAINED (a turn's second
 *     look is parsed without a drain of its own)
 */
#ifndef BYSTANDER_PUSHES
#define BYSTANDER_PUSHES 2
#endif

#define THREADS   3
#define WORKER_1  0
#define WORKER_2  1
#define BYSTANDER 2

#define PLACES         (BYSTANDER_PUSHES + 1)
#define LINKED(place)  (place) /* cells: the link to the node in this place was written */
#define CELLS          PLACES
#define FLUSHED(thread, cell) skip

#include "memory.pml"

byte taken;              /* mpsc.head: places taken; changed by P1 alone */
bool is_record[PLACES];  /* what stands in the place; written before P1, private until then */

mtype = { SUB_OR_PUB, PING, PONG, MESSAGE, PUB_OR_PING };

chan a_to_worker = [2] of { mtype };
chan worker_to_a = [1] of { mtype };
chan told = [1] of { bool };
chan b_to_worker = [1] of { mtype };
chan worker_to_b = [2] of { mtype };

/* mpsc_push */
inline push(thread, place, what)
{
    atomic { /* P1 */
        buffered[thread] == 0 ->
        place = taken;
        is_record[place] = what;
        taken++
    }
    store(thread, LINKED(place), true) /* P2 */
}

active proctype client_a()
{
    a_to_worker ! SUB_OR_PUB;
    a_to_worker ! PING;
    worker_to_a ? PONG;
    told ! true
}

active proctype client_b()
{
    bool got_message;

    told ? true;
    b_to_worker ! PUB_OR_PING;
#ifdef ORDER
end:
    do
    :: worker_to_b ? MESSAGE -> got_message = true
    :: worker_to_b ? PONG -> assert(got_message)
    od
#endif
}

active proctype bystander()
{
    byte place;
    byte pushed;

    do
    :: pushed < BYSTANDER_PUSHES ->
        push(BYSTANDER, place, false);
        d_step { pushed++; place = 0 }
    :: else -> break
    od
}

/* Worker 1's turn; its own inbox plays no part. */
active proctype worker_1()
{
    bool has_record; /* to push at the end of this turn */
    bool has_pong;   /* to flush at the end of this turn */
    byte place;
    mtype line;

end:
    do
    :: a_to_worker ? line -> /* wait and reap: one line, or all there is */
parse:
        if
        :: line == SUB_OR_PUB -> has_record = true
        :: line == PING -> has_pong = true
        fi;
        if
        :: nempty(a_to_worker) -> a_to_worker ? line; goto parse
        :: true
        fi;
#ifdef FLUSH_BEFORE_PUSH
        if
        :: has_pong -> worker_to_a ! PONG; has_pong = false
        :: else
        fi;
#endif
        if
        :: has_record -> push(WORKER_1, place, true); has_record = false
        :: else
        fi;
        if
        :: has_pong -> worker_to_a ! PONG; has_pong = false
        :: else
        fi
    od
}

/* mpsc_mark, then mpsc_pop_until until MPSC_EMPTY. */
inline drain()
{
    mark = taken;
    do
    :: popped < mark ->
        if
        :: mem[LINKED(popped)] ->
            d_step {
                has_interest = has_interest || is_record[popped];
                popped++
            }
#ifdef SKIP_HALF_LINKED
        :: !mem[LINKED(popped)] -> break
#endif
        fi
    :: else -> break
    od;
#ifdef ORDER
    /* Delivering: the message goes to the end of B's stream. */
    if
    :: has_interest && !delivered -> delivered = true; has_message = true
    :: else
    fi;
#endif
    mark = 0
}

/* What B sent: a publish that needs A's interest, or a ping. */
inline parse_received()
{
    if
    :: received ->
#ifdef ORDER
        /* B's stream: what was delivered stands before the PONG. */
        pong_after_message = has_message;
        has_pong = true;
#else
        assert(has_interest);
#endif
        received = false
    :: else
    fi
}

active proctype worker_2()
{
    byte mark;
    byte popped;
    bool received;
    bool has_interest; /* took A's record from the inbox */
    bool delivered;
    bool has_message;
    bool has_pong;
    bool pong_after_message;
    bool looks_again;

end:
    do
    :: true ->
#ifdef DRAIN_BEFORE_ENTER
        drain();
#endif
look:
        /* wait: takes what the socket has at this moment, perhaps nothing */
        if
        :: b_to_worker ? PUB_OR_PING -> received = true
        :: true
        fi;
#ifdef PARSE_BEFORE_DRAIN
        parse_received();
#endif
#ifndef DRAIN_BEFORE_ENTER
#ifdef GATHER_UNDRAINED
        if
        :: looks_again
        :: !looks_again -> drain()
        fi;
#else
        drain();
#endif
#endif
#ifdef READ_WHILE_PARSING
        if
        :: b_to_worker ? PUB_OR_PING -> received = true
        :: true
        fi;
#endif
        parse_received();
        if
        :: looks_again = true; goto look /* gather */
        :: looks_again = false
        fi;
#ifdef ORDER
        /* flush, in the order of the stream */
        if
        :: has_message && (!has_pong || pong_after_message) ->
            worker_to_b ! MESSAGE;
            has_message = false
        :: else
        fi;
        if
        :: has_pong -> worker_to_b ! PONG; has_pong = false
        :: else
        fi;
        if
        :: has_message -> worker_to_b ! MESSAGE; has_message = false
        :: else
        fi;
        pong_after_message = false
#endif
    od
}

init
{
    atomic {
        run buffer(WORKER_1);
        run buffer(WORKER_2);
        run buffer(BYSTANDER)
    }
}
