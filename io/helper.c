/* helper.c - one proof after the other. */
#include "io/helper.h"

#include "io/sys.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>

enum { HASH_SIZE = 60, HASH_PREFIX_SIZE = 4 /* "$2b$" */ };

struct helper_scratch {
    struct crypt_data crypt;
};

static_assert(sizeof(struct helper_scratch) <= HELPER_SCRATCH_BYTES, "as the memory bound has it");

struct helper {
    struct mpsc queue;
    sem_t count; /* of what was pushed and is not taken yet */
    ATOMIC(uint32_t) hurries;
    ATOMIC(uint32_t) stops;
    struct port *port;
    struct loop *const *loop;
    uint32_t number;
    struct helper_scratch *scratch;
    pthread_t thread;
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

/* ---- the thread ------------------------------------------------------------------------------ */

static struct proof *take(struct helper *helper)
{
    while (sem_wait(&helper->count) != 0) {
        ASSERT(errno == EINTR);
    }
    if (atomic_load_explicit(&helper->stops, memory_order_acquire) != 0) {
        return NULL;
    }
    struct mpsc_node *node;
    while (mpsc_pop(&helper->queue, &node) != MPSC_NODE) {
        sched_yield(); /* the worker is between its two steps */
    }
    return CONTAINER_OF(CONTAINER_OF(node, struct envelope, node), struct proof, envelope);
}

static void give_back(struct helper *helper, struct proof *proof)
{
    proof->envelope.returning = true;
    mpsc_push(&helper->port->inbox, &proof->envelope.node);
    if (doorbell_should_ring(&helper->port->bell)) {
        loop_wake(*helper->loop);
    }
}

static void *thread_main(void *argument)
{
    struct helper *helper = argument;
    char name[16];
    snprintf(name, sizeof(name), "helper %u", helper->number);
    sys_thread_name(name);
    sys_thread_gives_way();
    struct proof *proof;
    while ((proof = take(helper)) != NULL) {
        proof->passed = atomic_load_explicit(&helper->hurries, memory_order_relaxed) == 0 &&
                        helper_check(helper->scratch, proof);
        give_back(helper, proof);
    }
    return NULL;
}

int helper_new(struct port *port, struct loop *const *loop, uint32_t number, struct helper **result)
{
    struct helper *helper = memory_alloc_aligned(CACHE_LINE, sizeof(*helper));
    memset(helper, 0, sizeof(*helper));
    mpsc_init(&helper->queue);
    helper->port = port;
    helper->loop = loop;
    helper->number = number;
    helper->scratch = helper_scratch_new();
    int error = sem_init(&helper->count, 0, 0) == 0 ? 0 : -errno;
    ASSERT(error == 0);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, HELPER_STACK_BYTES);
    error = -pthread_create(&helper->thread, &attributes, thread_main, helper);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        sem_destroy(&helper->count);
        helper_scratch_free(helper->scratch);
        memory_free(helper);
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
    /* Pairs with the acquire in take. */
    atomic_store_explicit(&helper->stops, 1u, memory_order_release);
    sem_post(&helper->count);
    pthread_join(helper->thread, NULL);
    ASSERT(mpsc_is_empty(&helper->queue));
    sem_destroy(&helper->count);
    helper_scratch_free(helper->scratch);
    memory_free(helper);
}

void helper_push(struct helper *helper, struct proof *proof)
{
    mpsc_push(&helper->queue, &proof->envelope.node);
    sem_post(&helper->count);
}
