/* test_names.c - what subjects, patterns and groups are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/codec_mqtt.h"
#include "loadgen/codec_nats.h"
#include "loadgen/names.h"

#include <string.h>

static struct scenario made(const char *subject, uint32_t subjects, const char *end)
{
    struct scenario s;
    memset(&s, 0, sizeof s);
    s.protocol = &codec_nats;
    s.subject = subject;
    s.subjects = subjects;
    s.subject_end = end;
    return s;
}

static void check(struct name name, const char *expected)
{
    assert_string_equal(name.text, expected);
}

/* Goal:   names are as names.h draws them.
 * Method: by hand. */
static void test_names_of_subjects(void **state)
{
    (void)state;
    struct scenario one = made("a.b", 1, "");
    struct scenario several = made("a.b", 3, "");
    struct scenario ended = made("a.b", 3, "c");
    struct scenario request = made("a.b", 1, "");
    request.kind = SCENARIO_REQUEST;
    request.process = 0x2a;
    check(name_subject(&one, 0), "a.b");
    check(name_subject(&several, 2), "a.b.2");
    check(name_subject(&ended, 2), "a.b.2.c");
    check(name_subject(&request, 7), "a.b.reply.2a.7");
    check(name_group(3), "group-3");
}

/* Goal:   patterns match all subjects, and are the ones asked for.
 * Method: by hand; which is 0 for the star and 1 for the rest. */
static void test_names_of_patterns(void **state)
{
    (void)state;
    struct scenario one = made("a.b", 1, "");
    struct scenario word = made("a", 1, "");
    struct scenario several = made("a.b", 3, "");
    struct scenario ended = made("a.b", 3, "c");
    check(name_pattern(&one, 0), "a.*");
    check(name_pattern(&one, 1), "a.>");
    check(name_pattern(&word, 0), "*");
    check(name_pattern(&several, 0), "a.b.*");
    check(name_pattern(&several, 1), "a.b.>");
    check(name_pattern(&ended, 0), "a.b.*.c");
    check(name_pattern(&ended, 1), "a.b.>");
}

/* Goal:   churners subscribe to what was asked for.
 * Method: each kind, by hand. */
static void test_names_of_churn(void **state)
{
    (void)state;
    struct scenario s = made("a", 2, "");
    s.churn_on = SCENARIO_CHURN_SAME;
    check(name_churn(&s, 0, 5), "a.1");
    s.churn_on = SCENARIO_CHURN_WILDCARD;
    check(name_churn(&s, 0, 5), "a.>");
    s.churn_on = SCENARIO_CHURN_OTHER;
    check(name_churn(&s, 2, 1005), "a.churn.2.5");
}

/* Goal:   topics are the subjects as the protocol writes them, however many.
 * Method: MQTT's slashes; a thousand of them. */
static void test_names_topics_are_the_protocols(void **state)
{
    (void)state;
    struct scenario s = made("a.b", 1000, "");
    struct topics topics;
    s.protocol = &codec_mqtt;
    topics_init(&topics, &s, s.subjects);
    assert_true(bytes_equal(topics_of(&topics, 0), bytes_text("a/b/0")));
    assert_true(bytes_equal(topics_of(&topics, 999), bytes_text("a/b/999")));
    topics_free(&topics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_subjects),
        cmocka_unit_test(test_names_of_patterns),
        cmocka_unit_test(test_names_of_churn),
        cmocka_unit_test(test_names_topics_are_the_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
