/* test_scenario.c - options: what is accepted, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/scenario.h"

#include <string.h>

enum { WORDS_MAX = 12 };

struct attempt {
    const char *words[WORDS_MAX];
    const char *complaint; /* part of it; NULL: accepted */
};

static enum scenario_verdict parse(struct scenario *s, const char *const *words, char *error,
                                   size_t error_bytes)
{
    static char copies[WORDS_MAX + 1][128];
    static char *argv[WORDS_MAX + 2];
    int argc = 1;
    strcpy(copies[0], "fanout");
    argv[0] = copies[0];
    for (int i = 0; i < WORDS_MAX && words[i] != NULL; i++) {
        strncpy(copies[argc], words[i], sizeof copies[argc] - 1);
        argv[argc] = copies[argc];
        argc++;
    }
    argv[argc] = NULL;
    return scenario_parse(s, argc, argv, error, error_bytes);
}

/* Goal:   a wrong option is refused with a sentence that names it.
 * Method: a table. */
static void test_scenario_refuses_with_a_sentence(void **state)
{
    (void)state;
    static const struct attempt table[] = {
        {{"--subscribers", "0"}, "--subscribers 0: expected a whole number from 1"},
        {{"--subscribers", "12x"}, "--subscribers 12x"},
        {{"--subscribers", "-1"}, "--subscribers -1"},
        {{"--subscribers"}, "needs a value"},
        {{"--size", "15"}, "--size 15"},
        {{"--rate", "nan"}, "--rate nan"},
        {{"--duration", "0"}, "--duration 0"},
        {{"--poisson"}, "--poisson needs --rate"},
        {{"--verify", "some"}, "sample or all"},
        {{"--pin-cpus", "1,,2"}, "CPU numbers"},
        {{"--subject", "a.*"}, "--subject"},
        {{"--threads", "3", "--subscribers", "2"}, "--threads"},
        {{"--size", "64:70,64:30"}, "--size"},
        {{"--subjects", "3", "--subjects-each", "4"}, "more subjects"},
        {{"--queue-groups", "2", "--subjects", "3"}, "queue group"},
        {{"--queue-groups", "2", "--copies", "2"}, "queue groups"},
        {{"--url", "mqtt://h", "--copies", "2"}, "--copies"},
        {{"--queue-groups", "200"}, "more queue groups"},
        {{"--stalled", "100%"}, "somebody must be healthy"},
        {{"--stalled", "1.5"}, "a share of them"},
        {{"--wildcards", "110%"}, "a share of them"},
        {{"--patterns", "all"}, "star, rest or both"},
        {{"--order", "any"}, "number or random"},
        {{"--apart", "--threads", "2"}, "--apart"},
        {{"--apart", "--direct"}, "--apart"},
        {{"--subjects", "1048577"}, "--subjects 1048577"},
        {{"--pairs", "65537"}, "--pairs 65537"},
        {{"--subject-end", "c"}, "needs --subjects"},
        {{"--subjects", "2", "--subject-end", "a.*"}, "--subject-end is a token"},
        {{"--churn-on", "all"}, "same, other or wildcard"},
        {{"--find-capacity", "5ms"}, "p99=5ms"},
        {{"--find-capacity", "p99=5"}, "p99=5ms"},
        {{"--find-capacity", "p100=5ms"}, "p99=5ms"},
        {{"--find-capacity", "p99=5ms", "--runs", "2"}, "--find-capacity"},
        {{"--url", "redis://h", "--queue-groups", "2"}, "--queue-groups: Redis"},
        {{"--url", "mqtt://h", "--queue-groups", "2"}, "MQTT 5"},
        {{"--what"}, "no such option"},
        {{"what"}, "not an option"},
        {{"--url", "127.0.0.1:4222"}, "--url"},
        {{"--url", "nats://user@h"}, "--url is SCHEME://[USER:PASSWORD@]HOST[:PORT]"},
        {{"--url", "nats://u:p@w@h"}, "@ is %40"},
        {{"--url", "rediss://h"}, "schemes are nats, redis, mqtt"},
        {{"--url", "mqtt://h", "--subject", "a/b"}, "use dots"},
        {{"--url", "redis://h", "--distinct-sids"}, "--distinct-sids"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct scenario s;
        char error[256];
        assert_int_equal(parse(&s, table[i].words, error, sizeof error), SCENARIO_WRONG);
        assert_non_null(strstr(error, table[i].complaint));
    }
}

/* Goal:   the window is what was asked for, and otherwise fits the number of subscribers.
 * Method: a table of options and messages. */
static void test_scenario_chooses_a_window(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        uint64_t messages;
    } table[] = {
        {{"--subscribers", "10"}, 32768},
        {{"--subscribers", "1024"}, 1024},
        {{"--subscribers", "100000"}, 256},
        {{"--subscribers", "10", "--verify", "count"}, 32768},
        {{"--subscribers", "1024", "--verify", "count"}, 4096},
        {{"--subscribers", "1024", "--verify", "count", "--window", "1280"}, 10},
        {{"--window", "1280"}, 10},
        {{"--window", "1280", "--copies", "5"}, 2},
        {{"--window", "1"}, 1},
        {{"--window-messages", "3", "--window", "1280"}, 3},
        {{"--size", "1048576", "--subscribers", "100000"}, 1},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct scenario s;
        char error[256];
        assert_int_equal(parse(&s, table[i].words, error, sizeof error), SCENARIO_RUN);
        assert_int_equal(scenario_window(&s), table[i].messages);
    }
}

/* Goal:   on a small machine the default window fits what the kernel lends to sockets, and what was asked
 *         for stays as it was asked for.
 * Method: a table of what it lends. */
static void test_scenario_window_fits_the_machine(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        uint64_t lends;
        uint64_t messages;
    } table[] = {
        {{"--subscribers", "1024"}, 0, 1024},
        {{"--subscribers", "1024"}, 1 << 30, 1024},
        {{"--subscribers", "1024"}, 128 << 20, 512},
        {{"--subscribers", "1024"}, 1 << 20, 256},
        {{"--subscribers", "1024", "--verify", "count"}, 1 << 30, 4096},
        {{"--subscribers", "1024", "--verify", "count"}, 512 << 20, 2048},
        {{"--subscribers", "1024", "--window", "1280"}, 1 << 20, 10},
        {{"--subscribers", "1024", "--window-messages", "3000"}, 1 << 20, 3000},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct scenario s;
        char error[256];
        assert_int_equal(parse(&s, table[i].words, error, sizeof error), SCENARIO_RUN);
        s.sockets_bytes = table[i].lends;
        assert_int_equal(scenario_window(&s), table[i].messages);
    }
}

/* Goal:   shares become numbers, and pairs what they stand for.
 * Method: a table. */
static void test_scenario_settles_shares(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        uint32_t publishers, subjects, subscribers, wildcards, stalled;
    } table[] = {
        {{"--pairs", "7"}, 7, 7, 7, 0, 0},
        {{"--stalled", "10%", "--subscribers", "15"}, 1, 1, 15, 0, 2},
        {{"--subscribers", "20", "--wildcards", "5"}, 1, 1, 20, 5, 0},
        {{"--subscribers", "20", "--wildcards", "50%", "--stalled", "15"}, 1, 1, 20, 5, 15},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct scenario s;
        char error[256];
        assert_int_equal(parse(&s, table[i].words, error, sizeof error), SCENARIO_RUN);
        assert_int_equal(s.publishers, table[i].publishers);
        assert_int_equal(s.subjects, table[i].subjects);
        assert_int_equal(s.subscribers, table[i].subscribers);
        assert_int_equal(s.wildcards, table[i].wildcards);
        assert_int_equal(s.stalled, table[i].stalled);
    }
    struct scenario s;
    char error[256];
    const char *words[WORDS_MAX] = {"--find-capacity", "p99.9=800us"};
    assert_int_equal(parse(&s, words, error, sizeof error), SCENARIO_RUN);
    assert_float_equal(s.capacity, 0.999, 1e-9);
    assert_int_equal(s.capacity_ns, 800000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenario_refuses_with_a_sentence),
        cmocka_unit_test(test_scenario_chooses_a_window),
        cmocka_unit_test(test_scenario_window_fits_the_machine),
        cmocka_unit_test(test_scenario_settles_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
