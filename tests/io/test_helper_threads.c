/*
 * test_helper_threads.c - the thread that has no time of its own, and its deputy.
 */
#include "io/helper.h"

#include "io/sys.h"

#include <crypt.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Of "x", cost 4, by another program (Python's crypt). */
static const char hash[] = "$2b$04$Hicl86i6vYvPyrzQwtMau.M7GI1GizSQyw3oM5I28QgpWB3uX3zge";

static struct proof *take_home(struct port *port)
{
    struct mpsc_node *node;
    while (mpsc_pop(&port->inbox, &node) != MPSC_NODE) {
        sched_yield();
    }
    return CONTAINER_OF(CONTAINER_OF(node, struct envelope, node), struct proof, envelope);
}

/* Its owner is awake, so that no bell is rung. */
static struct port *port_new(void)
{
    struct port *port = memory_alloc_aligned(CACHE_LINE, sizeof(*port));
    mpsc_init(&port->inbox);
    doorbell_init(&port->bell);
    return port;
}

/*
 * Goal:    proofs come home with their verdict; in a hurry all are refused.
 * Method:  a port whose owner is awake, so that no bell is rung.
 */
static void test_proofs_come_home(void **state)
{
    (void)state;
    struct port *port = port_new();
    struct loop *loop = NULL;
    struct helper *helper;
    assert_int_equal(helper_new(port, &loop, 0, &helper), 0);
    struct access *access = access_new();
    struct access_user *user = access_add_user(access, bytes_text("u"), bytes_text(hash));
    for (uint32_t i = 0; i < 6; i++) {
        struct proof *proof = proof_new(access, user, bytes_text(i % 2 == 0 ? "x" : "y"));
        proof->slot = i;
        helper_push(helper, proof);
    }
    uint32_t seen = 0;
    for (uint32_t i = 0; i < 6; i++) {
        struct proof *proof = take_home(port);
        /* In order, unless the machine is so busy that the deputy stepped in. */
        assert_true(proof->slot == i || helper_deputized(helper) > 0);
        assert_int_equal(proof->passed, proof->slot % 2 == 0);
        assert_true(proof->envelope.returning);
        seen |= 1u << proof->slot;
        proof_free(proof);
    }
    assert_int_equal(seen, 63);
    helper_hurry(helper);
    helper_push(helper, proof_new(access, user, bytes_text("x")));
    struct proof *proof = take_home(port);
    assert_false(proof->passed);
    proof_free(proof);
    helper_free(helper);
    access_unref(access);
    memory_free(port);
}

/* Of "x", too: more work than a thread without a CPU can do in the time of this test. */
static void make_costly_hash(char *made, size_t size)
{
    struct crypt_data *data = memory_alloc(sizeof(*data));
    const char *text = crypt_r("x", "$2b$12$Hicl86i6vYvPyrzQwtMau.", data);
    assert_non_null(text);
    assert_int_equal(snprintf(made, size, "%s", text), 60);
    memory_free(data);
}

static ATOMIC(uint32_t) hog_ends;

static void *hog(void *argument)
{
    (void)argument;
    while (atomic_load_explicit(&hog_ends, memory_order_relaxed) == 0) {
    }
    return NULL;
}

/*
 * Goal:    where nobody leaves a moment for it, a login is looked at all the same, what was in hand and
 *          what came behind; and the hub can be stopped.
 * Method:  one CPU, and a thread on it that never sleeps.
 */
static void test_the_deputy_steps_in_on_a_full_machine(void **state)
{
    (void)state;
    if (sched_getscheduler(0) == SCHED_IDLE) {
        print_message("SKIP: the test itself comes last (SCHED_IDLE), so nobody comes after it\n");
        skip();
    }
    cpu_set_t before;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    uint32_t cpu;
    assert_true(sys_cpus(&cpu, 1) == 1);
    assert_int_equal(sys_pin(cpu), 0);
    struct port *port = port_new();
    struct loop *loop = NULL;
    struct helper *helper;
    assert_int_equal(helper_new(port, &loop, 0, &helper), 0);
    pthread_t hogger;
    assert_int_equal(pthread_create(&hogger, NULL, hog, NULL), 0);
    char costly[61];
    make_costly_hash(costly, sizeof(costly));
    struct access *access = access_new();
    struct access_user *user = access_add_user(access, bytes_text("u"), bytes_text(costly));
    for (uint32_t i = 0; i < 2; i++) {
        struct proof *proof = proof_new(access, user, bytes_text(i == 0 ? "x" : "y"));
        proof->slot = i;
        helper_push(helper, proof);
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct proof *proof = take_home(port);
        assert_int_equal(proof->passed, proof->slot == 0);
        proof_free(proof);
    }
    assert_true(helper_deputized(helper) > 0);
    atomic_store_explicit(&hog_ends, 1u, memory_order_relaxed);
    assert_int_equal(pthread_join(hogger, NULL), 0);
    helper_free(helper);
    access_unref(access);
    memory_free(port);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proofs_come_home),
        cmocka_unit_test(test_the_deputy_steps_in_on_a_full_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
