/* test_hub.c - one hub: who hears what, in which bytes, however sessions come, go and change. */
#include "tests/support/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct world *world_checked(void)
{
    struct world_options options = {.checks = true};
    return world_new(&options);
}

/*
 * Goal:    a message reaches every plain subscription that matches, once, its own included.
 * Method:  literal and wildcard subscriptions of two sessions, one publish.
 */
static void test_one_copy_per_subscription(void **state)
{
    (void)state;
    struct world *world = world_checked();
    struct client *a = client_plain(world, 0);
    struct client *b = client_plain(world, 0);
    client_says(a, "SUB foo.bar 1\r\nSUB foo.* 2\r\n");
    client_says(b, "SUB > x\r\nSUB other y\r\n");
    world_run(world);

    client_says(b, "PUB foo.bar 2\r\nhi\r\n");
    world_run(world);

    CLIENT_EXPECT(b, "MSG foo.bar x 2\r\nhi\r\n");
    CLIENT_EXPECT(a, "MSG foo.bar 1 2\r\nhi\r\nMSG foo.bar 2 2\r\nhi\r\n");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_copy_per_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
