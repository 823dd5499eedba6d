/*
 * test_mpsc_threads.c - the inbox and its doorbell between real threads, with an eventfd as the
 * bell.
 *
 * Runs under TSan. Before each labelled atomic of mpsc.c and doorbell.h a thread may give up the
 * CPU at random, so that preemption falls where it matters. A sleeper that nobody wakes for
 * WATCHDOG_MS is a lost wake: a failure, never a slow pass.
 */
#include "tests/support/atomic_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/doorbell.h"
#include "core/mpsc.c"

enum {
    WORKERS = 8, /* at most, in any test */
    WATCHDOG_MS = 20000,
    YIELD_ONE_IN = 61,
};

static _Thread_local uint64_t random_state;

/* xorshift64*; 0 as state means this thread has no seed and never yields. */
static uint32_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1DULL) >> 32);
}

static void yield_at_random(void)
{
    if (random_state != 0 && random_next() % YIELD_ONE_IN == 0) {
        sched_yield();
    }
}

/* The seed of all threads of this run; RINGHUB_TEST_SEED repeats one. */
static uint64_t run_seed;

static void random_seed(uint64_t thread)
{
    random_state = run_seed * 0x9E3779B97F4A7C15ULL + thread + 1;
}

struct message {
    struct mpsc_node node;
    uint32_t producer;
    uint32_t number;
    uint32_t popped; /* plain on purpose: TSan sees a node handed to two owners */
};

/* By the producing thread, just before its push: so TSan sees whether the queue alone orders what
 * is written here before what the owner reads. */
static void fill(struct message *m, uint32_t producer, uint32_t number)
{
    m->producer = producer;
    m->number = number;
}

/* One worker's inbox with its bell, as io/ has it. */
struct worker {
    struct mpsc q;
    struct doorbell doorbell;
    int bell;
    uint32_t rung; /* written by the owner when it hears */
};

static void worker_init(struct worker *w)
{
    mpsc_init(&w->q);
    doorbell_init(&w->doorbell);
    w->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->rung = 0;
    assert_true(w->bell >= 0);
}

static void worker_free(struct worker *w)
{
    assert_int_equal(close(w->bell), 0);
}

static void worker_ring(struct worker *w)
{
    uint64_t one = 1;
    if (doorbell_should_ring(&w->doorbell) && write(w->bell, &one, sizeof(one)) != sizeof(one)) {
        abort();
    }
}

/* Threads other than the test's own may not use cmocka's asserts. */
static void must(bool truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "failed: %s (RINGHUB_TEST_SEED=%llu)\n", what,
                (unsigned long long)run_seed);
        abort();
    }
}

static void worker_sleep(struct worker *w)
{
    doorbell_prepare_sleep(&w->doorbell);
    if (doorbell_may_sleep(&w->doorbell, &w->q)) {
        struct pollfd bell = {.fd = w->bell, .events = POLLIN};
        uint64_t count;
        must(poll(&bell, 1, WATCHDOG_MS) == 1, "a wake was lost");
        must(read(w->bell, &count, sizeof(count)) == sizeof(count), "the bell has a count");
        w->rung++;
    }
    doorbell_awake(&w->doorbell);
}

/* What an owner has seen of each producer. */
struct seen {
    uint32_t next[WORKERS];
    uint64_t count;
};

static void receive(struct seen *seen, struct mpsc_node *node)
{
    struct message *m = CONTAINER_OF(node, struct message, node);
    must(m->number == seen->next[m->producer], "one producer's messages come in order, once");
    must(m->popped == 0, "a node comes out once");
    m->popped = 1;
    seen->next[m->producer]++;
    seen->count++;
}

/* To the tail it sees now; law 7's drain. */
static void drain(struct worker *w, struct seen *seen)
{
    struct mpsc_end end = mpsc_mark(&w->q);
    struct mpsc_node *node;

    for (;;) {
        switch (mpsc_pop_until(&w->q, &end, &node)) {
        case MPSC_NODE:
            receive(seen, node);
            break;
        case MPSC_HALF_LINKED:
            sched_yield();
            break;
        case MPSC_EMPTY:
            return;
        }
    }
}

/* Whatever is linked. Without the mark's look at the head, P2 and C1 alone order each message. */
static void pop_all(struct worker *w, struct seen *seen)
{
    struct mpsc_node *node;

    while (mpsc_pop(&w->q, &node) == MPSC_NODE) {
        receive(seen, node);
    }
}

struct producer {
    struct worker *to;
    struct message *messages;
    uint32_t id;
    uint32_t count;
    pthread_t thread;
};

/* Single pushes and chains of up to 7, at random. */
static void *produce(void *arg)
{
    struct producer *p = arg;
    uint32_t i = 0;

    random_seed(p->id);
    while (i < p->count) {
        uint32_t extra = random_next() % 7;
        uint32_t last = MIN_OF(i + extra, p->count - 1);
        for (uint32_t k = i; k <= last; k++) {
            fill(&p->messages[k], p->id, k);
            if (k > i) {
                mpsc_chain(&p->messages[k - 1].node, &p->messages[k].node);
            }
        }
        if (last == i) {
            mpsc_push(&p->to->q, &p->messages[i].node);
        } else {
            mpsc_push_chain(&p->to->q, &p->messages[i].node, &p->messages[last].node);
        }
        worker_ring(p->to);
        i = last + 1;
    }
    return NULL;
}

static void start_producer(struct producer *p, struct worker *to, uint32_t id, uint32_t count)
{
    p->to = to;
    p->id = id;
    p->count = count;
    p->messages = calloc(count, sizeof(struct message));
    assert_non_null(p->messages);
    assert_int_equal(pthread_create(&p->thread, NULL, produce, p), 0);
}

static void producers_to_one_owner(uint32_t producers, uint32_t each)
{
    struct worker w;
    struct producer all[WORKERS];
    struct seen seen = {0};

    worker_init(&w);
    random_seed(WORKERS);
    for (uint32_t i = 0; i < producers; i++) {
        start_producer(&all[i], &w, i, each);
    }
    while (seen.count < (uint64_t)producers * each) {
        if (random_next() % 2 == 0) {
            drain(&w, &seen);
        } else {
            pop_all(&w, &seen);
        }
        if (seen.count < (uint64_t)producers * each) {
            worker_sleep(&w);
        }
    }
    for (uint32_t i = 0; i < producers; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        assert_int_equal(seen.next[i], each);
        free(all[i].messages);
    }
    assert_true(mpsc_is_empty(&w.q));
    mpsc_check(&w.q);
    worker_free(&w);
}

/*
 * Goal:    one producer's messages are never reordered, lost or delivered twice; no wake is lost.
 * Method:  1, 2, 4 and 8 producers push numbered nodes, single and chained, while the owner drains
 *          to marks or pops what is linked, and sleeps whenever it may.
 */
static void test_mpsc_keeps_each_producers_order(void **state)
{
    (void)state;
    for (uint32_t producers = 1; producers <= 8; producers *= 2) {
        producers_to_one_owner(producers, 40000 / producers);
    }
}

/* Restricts the calling thread, and threads it starts, to the first count CPUs it may use. */
static void use_cpus(int count)
{
    cpu_set_t mine;
    cpu_set_t chosen;

    CPU_ZERO(&chosen);
    assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE && count > 0; cpu++) {
        if (CPU_ISSET(cpu, &mine)) {
            CPU_SET(cpu, &chosen);
            count--;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(chosen), &chosen), 0);
}

/* Everybody sends to everybody. */
struct mesh {
    struct worker workers[WORKERS];
    uint32_t count;
    uint32_t each; /* messages from one worker to one other */
};

struct mesh_worker {
    struct mesh *mesh;
    uint32_t id;
    struct message *messages; /* each * count */
    pthread_t thread;
};

static void mesh_send(struct mesh_worker *me, uint32_t number)
{
    struct mesh *mesh = me->mesh;
    for (uint32_t to = 0; to < mesh->count; to++) {
        if (to != me->id) {
            struct message *m = &me->messages[number * mesh->count + to];
            fill(m, me->id, number);
            mpsc_push(&mesh->workers[to].q, &m->node);
            worker_ring(&mesh->workers[to]);
        }
    }
}

static void *mesh_run(void *arg)
{
    struct mesh_worker *me = arg;
    struct worker *w = &me->mesh->workers[me->id];
    uint64_t expected = (uint64_t)me->mesh->each * (me->mesh->count - 1);
    struct seen seen = {0};
    uint32_t sent = 0;

    random_seed(100 + me->id);
    while (seen.count < expected || sent < me->mesh->each) {
        drain(w, &seen);
        if (sent < me->mesh->each) {
            mesh_send(me, sent++);
        } else if (seen.count < expected) {
            worker_sleep(w);
        }
    }
    return NULL;
}

static void mesh_of(uint32_t count, uint32_t each)
{
    static struct mesh mesh;
    struct mesh_worker all[WORKERS];

    mesh.count = count;
    mesh.each = each;
    for (uint32_t i = 0; i < count; i++) {
        worker_init(&mesh.workers[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        all[i].mesh = &mesh;
        all[i].id = i;
        all[i].messages = calloc((size_t)each * count, sizeof(struct message));
        assert_non_null(all[i].messages);
        assert_int_equal(pthread_create(&all[i].thread, NULL, mesh_run, &all[i]), 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_true(mpsc_is_empty(&mesh.workers[i].q));
        worker_free(&mesh.workers[i]);
        free(all[i].messages);
    }
}

/*
 * Goal:    with more workers than CPUs, preemption anywhere neither loses a wake nor a message.
 * Method:  4 workers on one CPU, then 8 on two, each sending to all others and sleeping when idle.
 */
static void test_mpsc_with_four_workers_a_cpu(void **state)
{
    (void)state;
    cpu_set_t all;

    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    use_cpus(1);
    mesh_of(4, 2000);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    use_cpus(2);
    mesh_of(8, 500);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

/* Law 7's scene: see test_push_before_speak_drain_before_listen. */
struct scene {
    struct worker publisher; /* the worker that must know the interest */
    struct message *interest;
    uint32_t rounds;
    int subscriber_side[2]; /* worker 1 says PONG here; the client listens */
    int publisher_side[2];  /* the client says PUB here; worker 2 listens */
};

static void say(int fd, uint32_t number)
{
    must(write(fd, &number, sizeof(number)) == sizeof(number), "a socket takes four bytes");
}

static uint32_t hear(int fd)
{
    uint32_t number;
    must(recv(fd, &number, sizeof(number), MSG_WAITALL) == sizeof(number),
         "a socket gives four bytes");
    return number;
}

static void *subscriber_worker(void *arg)
{
    struct scene *s = arg;
    random_seed(201);
    for (uint32_t i = 0; i < s->rounds; i++) {
        fill(&s->interest[i], 0, i);
        mpsc_push(&s->publisher.q, &s->interest[i].node);
        say(s->subscriber_side[0], i);
    }
    return NULL;
}

/* Another producer of the same inbox, so that some pushes are found half linked. */
static void *bystander(void *arg)
{
    struct producer *p = arg;
    random_seed(202);
    for (uint32_t i = 0; i < p->count; i++) {
        fill(&p->messages[i], p->id, i);
        mpsc_push(&p->to->q, &p->messages[i].node);
        sched_yield();
    }
    return NULL;
}

static void *client(void *arg)
{
    struct scene *s = arg;
    for (uint32_t i = 0; i < s->rounds; i++) {
        say(s->publisher_side[0], hear(s->subscriber_side[1]));
    }
    return NULL;
}

/*
 * Goal:    who heard PONG for his SUB from one worker can PUB at another, and the interest is
 * there. Method:  worker 1 pushes interest i, then writes to a socket; a client passes i to worker
 * 2's socket; worker 2 reads it, drains to the tail it sees, and must hold interest i.
 */
static void test_push_before_speak_drain_before_listen(void **state)
{
    (void)state;
    static struct scene s;
    struct producer other = {.to = &s.publisher, .id = 1, .count = 4000};
    struct seen seen = {0};
    pthread_t threads[3];

    s.rounds = 4000;
    worker_init(&s.publisher);
    random_seed(203);
    s.interest = calloc(s.rounds, sizeof(struct message));
    other.messages = calloc(other.count, sizeof(struct message));
    assert_non_null(s.interest);
    assert_non_null(other.messages);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s.subscriber_side), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s.publisher_side), 0);
    assert_int_equal(pthread_create(&threads[0], NULL, subscriber_worker, &s), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, client, &s), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, bystander, &other), 0);

    for (uint32_t i = 0; i < s.rounds; i++) {
        uint32_t published = hear(s.publisher_side[1]);
        drain(&s.publisher, &seen);
        assert_int_equal(published, i);
        assert_true(seen.next[0] > published);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    drain(&s.publisher, &seen);
    assert_int_equal(seen.next[1], other.count);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(close(s.subscriber_side[i]), 0);
        assert_int_equal(close(s.publisher_side[i]), 0);
    }
    worker_free(&s.publisher);
    free(s.interest);
    free(other.messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mpsc_keeps_each_producers_order),
        cmocka_unit_test(test_mpsc_with_four_workers_a_cpu),
        cmocka_unit_test(test_push_before_speak_drain_before_listen),
    };
    const char *seed = getenv("RINGHUB_TEST_SEED");

    run_seed = seed != NULL ? strtoull(seed, NULL, 10) : 20240917;
    printf("seed %llu\n", (unsigned long long)run_seed);
    step_hook = yield_at_random;
    return cmocka_run_group_tests_name("mpsc_threads", tests, NULL, NULL);
}
