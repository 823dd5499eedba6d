/* helper.c - one proof after the other; see helper.h. */
#include "io/helper.h"

#include "io/sys.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

enum {
    HASH_SIZE = 60,
    HASH_PREFIX_SIZE = 4, /* "$2b$" */
    END_MS_MAX = 2000,
    GIVES_WAY_PARTS = 10, /* sys_thread_gives_way: what a deputy has at least is one of these */
};

struct helper_scratch {
    struct crypt_data crypt;
};

static_assert(sizeof(struct helper_scratch) <= HELPER_SCRATCH_BYTES, "as the memory bound has it");

/* One of the threads. */
struct looker {
    struct helper *helper;
    struct helper_scratch *scratch;
    pthread_t thread;
};

struct helper {
    struct mpsc queue;
    sem_t count;            /* of what was pushed and is not taken yet */
    ATOMIC(uint32_t) takes; /* somebody takes from the queue */
    ATOMIC(uint32_t) pushed;
    ATOMIC(uint32_t) home;
    struct looker last;             /* comes last of all */
    ATOMIC(struct proof *) in_hand; /* of the last: whoever exchanges it for NULL brings it home */
    ATOMIC(uint32_t) looked;        /* by the last */
    struct looker deputy;
    ATOMIC(uint32_t) rests; /* the deputy waits on begins, untimed */
    sem_t begins;
    sem_t ends; /* what the deputy waits on otherwise */
    ATOMIC(uint64_t) deputized;
    ATOMIC(uint32_t) hurries;
    ATOMIC(uint32_t) stops;
    struct port *port;
    struct loop *const *loop;
    uint32_t number;
};

/* ---- looking --------------------------------------------------------------------------------- */

struct helper_scratch *helper_scratch_new(void)
{
    return memory_alloc(sizeof(struct helper_scratch));
}

void helper_scratch_free(struct helper_scratch *scratch)
{
    sodium_memzero(scratch, sizeof(*scratch));
    memory_free(scratch);
}

/* The version behind "$2" says which mistake of an old library a hash was made with; nats-server
 * makes none of them and does not look, so neither do we. */
static bool has_hash(struct helper_scratch *scratch, const uint8_t *text, struct bytes hash)
{
    char setting[HASH_SIZE + 1];
    if (hash.size != HASH_SIZE) {
        return false;
    }
    memcpy(setting, hash.ptr, HASH_SIZE);
    setting[HASH_SIZE] = '\0';
    setting[2] = 'b';
    const char *made = crypt_r((const char *)text, setting, &scratch->crypt);
    return made != NULL && strlen(made) == HASH_SIZE &&
           sodium_memcmp(made + HASH_PREFIX_SIZE, hash.ptr + HASH_PREFIX_SIZE,
                         HASH_SIZE - HASH_PREFIX_SIZE) == 0;
}

bool helper_check(struct helper_scratch *scratch, const struct proof *proof)
{
    if (proof->user->kind == ACCESS_NKEY) {
        return crypto_sign_verify_detached(proof->signature, proof->text, proof->text_size,
                                           proof->user->key) == 0;
    }
    return has_hash(scratch, proof->text, proof->user->secret);
}

/* ---- both threads ---------------------------------------------------------------------------- */

static bool is_over(struct helper *helper)
{
    /* Pairs with the release in helper_free. */
    return atomic_load_explicit(&helper->stops, memory_order_acquire) != 0;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
        ASSERT(errno == EINTR);
    }
}

/* So long after now_ns, which is of the clock that the caller waits by. */
static struct timespec in_ms(uint64_t now_ns, uint32_t ms)
{
    uint64_t until_ns = now_ns + (uint64_t)ms * 1000000u;
    return (struct timespec){.tv_sec = (time_t)(until_ns / 1000000000u),
                             .tv_nsec = (long)(until_ns % 1000000000u)};
}

/* The next of the queue, which holds one: count said so. Acquire and release: the queue is one taker's
 * after the other. */
static struct proof *take(struct helper *helper)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (atomic_exchange_explicit(&helper->takes, 1u, memory_order_acquire) != 0) {
        nanosleep(&moment, NULL); /* the other may have lost its CPU in the middle */
    }
    struct mpsc_node *node;
    while (mpsc_pop(&helper->queue, &node) != MPSC_NODE) {
        sched_yield(); /* the worker is between its two steps */
    }
    atomic_store_explicit(&helper->takes, 0u, memory_order_release);
    return CONTAINER_OF(CONTAINER_OF(node, struct envelope, node), struct proof, envelope);
}

static bool look(struct helper *helper, struct helper_scratch *scratch, const struct proof *proof)
{
    return atomic_load_explicit(&helper->hurries, memory_order_relaxed) == 0 &&
           helper_check(scratch, proof);
}

static void give_back(struct helper *helper, struct proof *proof, bool passed)
{
    proof->passed = passed;
    proof->envelope.returning = true;
    atomic_fetch_add_explicit(&helper->home, 1u, memory_order_seq_cst);
    mpsc_push(&helper->port->inbox, &proof->envelope.node);
    if (doorbell_should_ring(&helper->port->bell)) {
        loop_wake(*helper->loop);
    }
}

/* ---- the one that comes last ----------------------------------------------------------------- */

static struct proof *copy_of(const struct proof *proof)
{
    struct proof *copy =
        proof_new(proof->access, proof->user, bytes_of(proof->text, proof->text_size));
    memcpy(copy->signature, proof->signature, sizeof(copy->signature));
    return copy;
}

static void *last_main(void *argument)
{
    struct looker *last = argument;
    struct helper *helper = last->helper;
    char name[16];
    snprintf(name, sizeof(name), "helper %u", helper->number);
    sys_thread_name(name);
    sys_thread_comes_last();
    for (;;) {
        wait_for(&helper->count);
        if (is_over(helper)) {
            return NULL;
        }
        struct proof *proof = take(helper);
        struct proof *copy = copy_of(proof);
        /* Release, and acquire where it is exchanged: who takes it over has all of it. */
        atomic_store_explicit(&helper->in_hand, proof, memory_order_release);
        bool passed = look(helper, last->scratch, copy);
        proof_free(copy);
        proof = atomic_exchange_explicit(&helper->in_hand, NULL, memory_order_acquire);
        /* Relaxed: says that time was had, and publishes nothing. */
        atomic_fetch_add_explicit(&helper->looked, 1u, memory_order_relaxed);
        if (proof != NULL) {
            give_back(helper, proof, passed);
        }
    }
}

/* ---- the deputy ------------------------------------------------------------------------------ */

/* Waits a while; true: the end came. */
static bool wait_a_while(struct helper *helper)
{
    const struct timespec until = in_ms(sys_now_ns(), HELPER_PATIENCE_MS);
    while (sem_clockwait(&helper->ends, CLOCK_MONOTONIC, &until) != 0) {
        if (errno == ETIMEDOUT) {
            return false;
        }
        ASSERT(errno == EINTR);
    }
    return true;
}

/* Until the other thread has ended what it is at, whose result nobody waits for any more. */
static void stand_in(struct helper *helper)
{
    uint32_t looked = atomic_load_explicit(&helper->looked, memory_order_relaxed);
    do {
        struct proof *proof =
            atomic_exchange_explicit(&helper->in_hand, NULL, memory_order_acquire);
        if (proof == NULL && sem_trywait(&helper->count) == 0) {
            proof = is_over(helper) ? NULL : take(helper);
        }
        if (proof == NULL) {
            return;
        }
        bool passed = look(helper, helper->deputy.scratch, proof);
        atomic_fetch_add_explicit(&helper->deputized, (uint64_t)1, memory_order_relaxed);
        give_back(helper, proof, passed);
    } while (atomic_load_explicit(&helper->looked, memory_order_relaxed) == looked);
}

/* Sequentially consistent, here and where it is pushed: either the pusher sees the rest, or the push is
 * seen here. */
static void rest(struct helper *helper)
{
    atomic_store_explicit(&helper->rests, 1u, memory_order_seq_cst);
    bool has_work = atomic_load_explicit(&helper->pushed, memory_order_seq_cst) !=
                    atomic_load_explicit(&helper->home, memory_order_seq_cst);
    if (has_work && atomic_exchange_explicit(&helper->rests, 0u, memory_order_seq_cst) != 0) {
        return;
    }
    wait_for(&helper->begins);
}

static void *deputy_main(void *argument)
{
    struct looker *deputy = argument;
    struct helper *helper = deputy->helper;
    char name[16];
    snprintf(name, sizeof(name), "deputy %u", helper->number);
    sys_thread_name(name);
    sys_thread_gives_way();
    for (;;) {
        uint32_t home = atomic_load_explicit(&helper->home, memory_order_seq_cst);
        if (home == atomic_load_explicit(&helper->pushed, memory_order_seq_cst)) {
            rest(helper);
            if (is_over(helper)) {
                return NULL;
            }
            continue;
        }
        uint64_t began_ns = sys_now_ns();
        uint64_t had_ns = sys_thread_cpu_ns(helper->last.thread);
        if (wait_a_while(helper)) {
            return NULL;
        }
        had_ns = sys_thread_cpu_ns(helper->last.thread) - had_ns;
        if (home == atomic_load_explicit(&helper->home, memory_order_seq_cst) &&
            had_ns < (sys_now_ns() - began_ns) / GIVES_WAY_PARTS) {
            stand_in(helper);
        }
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static int looker_start(struct looker *looker, struct helper *helper, void *(*run)(void *))
{
    looker->helper = helper;
    looker->scratch = helper_scratch_new();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, HELPER_STACK_BYTES);
    int error = -pthread_create(&looker->thread, &attributes, run, looker);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        helper_scratch_free(looker->scratch);
    }
    return error;
}

/* False: it does not end in time. On a machine without a moment for it that can take half a minute, and
 * nobody waits for a hash to stop the hub. */
static bool stop(struct helper *helper, struct looker *looker)
{
    /* Pairs with the acquire in is_over. */
    atomic_store_explicit(&helper->stops, 1u, memory_order_release);
    sem_post(&helper->count);
    sem_post(&helper->begins);
    sem_post(&helper->ends);
    const struct timespec until = in_ms(sys_wall_ns(), END_MS_MAX);
    if (pthread_timedjoin_np(looker->thread, NULL, &until) != 0) {
        /* When it ends, the port that a proof would go home to may be gone. */
        MAYBE(atomic_exchange_explicit(&helper->in_hand, NULL, memory_order_acquire) != NULL);
        return false;
    }
    helper_scratch_free(looker->scratch);
    return true;
}

static void dispose(struct helper *helper)
{
    ASSERT(mpsc_is_empty(&helper->queue));
    sem_destroy(&helper->count);
    sem_destroy(&helper->begins);
    sem_destroy(&helper->ends);
    memory_free(helper);
}

int helper_new(struct port *port, struct loop *const *loop, uint32_t number, struct helper **result)
{
    struct helper *helper = memory_alloc_aligned(CACHE_LINE, sizeof(*helper));
    memset(helper, 0, sizeof(*helper));
    mpsc_init(&helper->queue);
    helper->port = port;
    helper->loop = loop;
    helper->number = number;
    int failed = sem_init(&helper->count, 0, 0) | sem_init(&helper->begins, 0, 0) |
                 sem_init(&helper->ends, 0, 0);
    ASSERT(failed == 0);
    /* The deputy looks at the other's thread, which must be known by then. */
    int error = looker_start(&helper->last, helper, last_main);
    if (error == 0) {
        error = looker_start(&helper->deputy, helper, deputy_main);
        if (error != 0 && !stop(helper, &helper->last)) {
            return error;
        }
    }
    if (error != 0) {
        dispose(helper);
        return error;
    }
    *result = helper;
    return 0;
}

void helper_hurry(struct helper *helper)
{
    /* Relaxed: a proof that misses it is merely looked at. */
    atomic_store_explicit(&helper->hurries, 1u, memory_order_relaxed);
}

void helper_free(struct helper *helper)
{
    if (helper == NULL) {
        return;
    }
    /* The deputy first: it asks about the other's thread. What does not end is left as it is: the
     * process ends. */
    if (stop(helper, &helper->deputy) && stop(helper, &helper->last)) {
        dispose(helper);
    }
}

uint64_t helper_deputized(const struct helper *helper)
{
    return atomic_load_explicit(&helper->deputized, memory_order_relaxed);
}

void helper_push(struct helper *helper, struct proof *proof)
{
    atomic_fetch_add_explicit(&helper->pushed, 1u, memory_order_seq_cst);
    mpsc_push(&helper->queue, &proof->envelope.node);
    sem_post(&helper->count);
    if (atomic_load_explicit(&helper->rests, memory_order_seq_cst) != 0 &&
        atomic_exchange_explicit(&helper->rests, 0u, memory_order_seq_cst) != 0) {
        sem_post(&helper->begins);
    }
}
