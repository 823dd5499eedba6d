/*
 * inbox.pml - the queue of core/mpsc.c and the sleeping flag of core/doorbell.h, step by step.
 *
 * What it stands for:  push is mpsc_push and mpsc_push_chain (P1, P2), then doorbell_should_ring
 *     (D1, D2) · pop is mpsc_pop (C1, C2) · the owner's loop is mpsc_mark and mpsc_pop_until, then
 *     doorbell_prepare_sleep (D3), doorbell_may_sleep (C3, mpsc_is_empty), the kernel, and
 *     doorbell_awake (D4). The bell is an eventfd: it stays rung until heard.
 *
 * What it shows:
 *   - no lost wake: an owner asleep for ever with a node queued is an invalid end state;
 *   - each producer's nodes come out in order, none twice (assert in receive);
 *   - a drain to the mark pops exactly the places taken when it looked (assert after the drain),
 *     waiting for half-linked pushes;
 *   - a node handed out is never linked to afterwards (assert in FLUSHED);
 *   - one sleep is rung for once (assert in ring).
 *
 * PRODUCERS times MESSAGES nodes; CHAIN pushes a producer's messages as one chain.
 *
 * Broken on purpose, each to be found:  RELAXED_SLEEPING (D3 waits in the store buffer) ·
 *     NO_RECHECK (sleep without C3) · RING_BEFORE_PUSH (D1 before P1) · STUB_IS_EMPTY (C3 looks at
 *     the head only) · RING_WITHOUT_EXCHANGE (D2 is a plain store) · SKIP_HALF_LINKED (a drain ends
 *     at a cut) · HALF_IS_EMPTY (mpsc_pop without C2) · STUB_TWICE (the stub goes in behind a node
 *     that is not the last) · MARK_AT_ONCE (a mark on the stub counts as reached)
 */
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif

#define NODES   (PRODUCERS * MESSAGES)
#define THREADS (PRODUCERS + 1)
#define OWNER   PRODUCERS

/* Nodes: 0 is NULL, 1 the stub, then each producer's. */
#define NONE 0
#define STUB 1
#define NODE_OF(producer, number) (2 + (producer) * MESSAGES + (number))

/* Cells. */
#define HEAD       0
#define SLEEPING   1
#define NEXT(node) (1 + (node))
#define CELLS      (NODES + 3)

/* Ghosts: for asserting, not part of the program. */
bool handed[NODES + 2]; /* by node: the owner has it */
byte places;            /* places taken, ever */
byte popped;
byte seen[PRODUCERS];
bool rung_for; /* this sleep was rung for */

/* The owner's own late link (of the stub) may still be in its buffer: what it does with the node goes
 * the same way, later. */
#define FLUSHED(thread, cell) assert(thread == OWNER || cell < NEXT(STUB) || !handed[cell - 1])

#include "memory.pml"

byte bell; /* kernel: 1 when rung and not heard */

/* doorbell_should_ring, and the wake. */
inline ring(thread, asleep)
{
    load(thread, SLEEPING, asleep); /* D1 */
    if
    :: asleep ->
        atomic { /* D2 */
#ifdef RING_WITHOUT_EXCHANGE
            store(thread, SLEEPING, 0);
#else
            buffered[thread] == 0 ->
            asleep = mem[SLEEPING];
            mem[SLEEPING] = 0;
#endif
            if
            :: asleep -> assert(!rung_for); rung_for = true
            :: else
            fi
        }
        if
        :: asleep -> bell = 1
        :: else
        fi
    :: else
    fi
}

proctype producer(byte me)
{
    byte number;
    byte previous;
    byte asleep;

    do
    :: number < MESSAGES ->
#ifdef RING_BEFORE_PUSH
        ring(me, asleep);
#endif
#ifdef CHAIN
        /* The private links are in memory by P1 at the latest, which empties the buffer. */
        atomic {
            buffered[me] == 0 ->
            do
            :: number + 1 < MESSAGES ->
                mem[NEXT(NODE_OF(me, number))] = NODE_OF(me, number + 1);
                number++
            :: else -> break
            od;
            previous = mem[HEAD];
            mem[HEAD] = NODE_OF(me, number);
            places = places + MESSAGES
        }
        store(me, NEXT(previous), NODE_OF(me, 0));
#else
        atomic { /* P1 */
            buffered[me] == 0 ->
            previous = mem[HEAD];
            mem[HEAD] = NODE_OF(me, number);
            places++
        }
        store(me, NEXT(previous), NODE_OF(me, number)); /* P2 */
#endif
#ifndef RING_BEFORE_PUSH
        ring(me, asleep);
#endif
        d_step { number++; previous = NONE; asleep = 0 }
    :: else -> break
    od
}

mtype = { UNKNOWN, NODE, EMPTY, HALF_LINKED };

/* mpsc_pop: tail, next, newest, node and result are the owner's locals. */
inline pop()
{
    d_step { result = UNKNOWN; node = NONE }
    load(OWNER, NEXT(tail), next); /* C1 */
    if
    :: tail == STUB && next == NONE ->
#ifdef HALF_IS_EMPTY
        result = EMPTY
#else
        load(OWNER, HEAD, newest); /* C2 */
        result = (newest == STUB -> EMPTY : HALF_LINKED)
#endif
    :: tail == STUB && next != NONE ->
        tail = next;
        load(OWNER, NEXT(tail), next)
    :: else
    fi;
    if
    :: result == UNKNOWN && next == NONE ->
        load(OWNER, HEAD, newest);
        if
#ifndef STUB_TWICE
        :: newest != tail -> result = HALF_LINKED
#endif
        :: else ->
            atomic { /* P1 of the stub; its next is NULL in memory by then */
                buffered[OWNER] == 0 ->
                mem[NEXT(STUB)] = NONE;
                newest = mem[HEAD];
                mem[HEAD] = STUB
            }
            store(OWNER, NEXT(newest), STUB); /* P2 */
            load(OWNER, NEXT(tail), next);
            if
            :: next == NONE -> result = HALF_LINKED
            :: else
            fi
        fi
    :: else
    fi;
    d_step {
        if
        :: result == UNKNOWN -> result = NODE; node = tail; tail = next
        :: else
        fi;
        next = NONE; /* dead, reset so that fewer states differ */
        newest = NONE
    }
}

inline receive()
{
    d_step {
        assert(node >= NODE_OF(0, 0));
        assert(seen[(node - 2) / MESSAGES] == (node - 2) % MESSAGES);
        seen[(node - 2) / MESSAGES]++;
        handed[node] = true;
        popped++
    }
}

proctype owner()
{
    byte tail = STUB;
    byte next;
    byte newest;
    byte node;
    byte mark;
    byte marked;
    byte asleep;
    mtype result;

drain:
    atomic { mark = mem[HEAD]; marked = places } /* mpsc_mark: HEAD is never in our buffer */
    do
    :: true ->
        /* mpsc_pop_until */
        if
#ifdef MARK_AT_ONCE
        :: mark == STUB -> mark = NONE
#else
        :: mark == STUB && tail == STUB -> mark = NONE
#endif
        :: else
        fi;
        if
        :: mark == NONE -> break
        :: else
        fi;
        pop();
        if
        :: result == NODE ->
            receive();
            d_step { mark = (node == mark -> NONE : mark); node = NONE }
        :: result == HALF_LINKED ->
#ifdef SKIP_HALF_LINKED
            break
#else
            /* The caller waits for the link, or, with no bytes to parse, asks whether it may sleep. */
            if
            :: mem[NEXT(tail)] != NONE
            :: goto sleep
            fi
#endif
        :: result == EMPTY -> assert(false)
        fi
    od;
    atomic { assert(popped == marked); result = UNKNOWN; marked = 0 }
    if
    :: popped == NODES -> goto done
    :: else
    fi;

sleep:
    atomic { mark = NONE; marked = 0; result = UNKNOWN }
#ifdef RELAXED_SLEEPING
    rung_for = false;
    store(OWNER, SLEEPING, 1);
#else
    atomic { buffered[OWNER] == 0 -> mem[SLEEPING] = 1; rung_for = false } /* D3 */
#endif
#ifdef NO_RECHECK
    newest = STUB;
    asleep = 1;
#else
    load(OWNER, HEAD, newest); /* C3 */
    load(OWNER, SLEEPING, asleep);
#endif
    if
#if defined(STUB_IS_EMPTY) || defined(NO_RECHECK)
    :: newest == STUB && asleep ->
#else
    :: tail == STUB && newest == STUB && asleep ->
#endif
        atomic { bell == 1 -> bell = 0 } /* the kernel */
    :: else
    fi;
    /* doorbell_awake, D4 */
    load(OWNER, SLEEPING, asleep);
    if
    :: asleep -> store(OWNER, SLEEPING, 0)
    :: else
    fi;
    d_step { asleep = 0; newest = NONE }
    goto drain;

done:
    assert(tail == STUB && mem[HEAD] == STUB)
}

init
{
    byte i;

    atomic {
        mem[HEAD] = STUB;
        for (i : 0 .. THREADS - 1) {
            run buffer(i)
        }
        for (i : 0 .. PRODUCERS - 1) {
            run producer(i)
        }
        run owner()
    }
}
