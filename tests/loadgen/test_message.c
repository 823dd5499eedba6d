/* test_message.c - what is written into payloads is recognised, and any damage is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/message.h"

static const uint32_t sizes[] = {16, 17, 31, 32, 33, 128, 4096, MESSAGE_POOL_BYTES + 100, 300000};

/* Goal:   every size comes back as it was written.
 * Method: sizes around the two header forms and around the pool; several slots. */
static void test_message_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct message_form form;
        message_form_init(&form, 1, 99);
        uint8_t *payload = test_malloc(sizes[i]);
        for (uint32_t slot = 0; slot < 5; slot++) {
            struct message_header in = {123456789 + slot, 1000 + slot, (uint16_t)slot, 0};
            struct message_header out;
            message_prepare(&form, payload, sizes[i], slot);
            message_stamp(&form, payload, in);
            assert_true(message_read(&form, payload, &out));
            assert_true(message_is_intact(&form, payload, sizes[i]));
            assert_int_equal(out.sent_ns, in.sent_ns);
            assert_int_equal(out.sequence, in.sequence);
            assert_int_equal(out.stream, in.stream);
        }
        test_free(payload);
        message_form_free(&form);
    }
}

/* Goal:   no single damaged byte goes unnoticed.
 * Method: every byte of a payload changed in turn; the header's check has 16 bits, so a damaged
 *         header is found with this fixed seed and not by luck. */
static void test_message_damage_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct message_form form;
        message_form_init(&form, 1, 99);
        uint8_t *payload = test_malloc(sizes[i]);
        struct message_header header = {123456789, 1000, 3, 0};
        message_prepare(&form, payload, sizes[i], 1);
        message_stamp(&form, payload, header);
        for (uint32_t at = 0; at < sizes[i]; at++) {
            struct message_header out;
            payload[at] ^= 0x10;
            assert_false(message_read(&form, payload, &out) &&
                         message_is_intact(&form, payload, sizes[i]));
            payload[at] ^= 0x10;
        }
        test_free(payload);
        message_form_free(&form);
    }
}

/* Goal:   a message of another run does not pass.
 * Method: two forms that differ in the run only. */
static void test_message_of_another_run_is_refused(void **state)
{
    (void)state;
    struct message_form ours;
    struct message_form theirs;
    uint8_t payload[16];
    struct message_header header = {5, 6, 7, 0};
    message_form_init(&ours, 1, 1);
    message_form_init(&theirs, 1, 2);
    message_prepare(&theirs, payload, sizeof payload, 0);
    message_stamp(&theirs, payload, header);
    assert_true(message_read(&theirs, payload, &header));
    assert_false(message_read(&ours, payload, &header));
    message_form_free(&ours);
    message_form_free(&theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_comes_back),
        cmocka_unit_test(test_message_damage_is_found),
        cmocka_unit_test(test_message_of_another_run_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
