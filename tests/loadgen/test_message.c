/* test_message.c - what is written into payloads is recognised, and any damage is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "loadgen/message.h"

static const uint32_t all_sizes[] = {
    16, 17, 31, 32, 33, 96, 97, 128, 4096, MESSAGE_POOL_BYTES + 100, 300000};

/* Goal:   every size comes back as it was written.
 * Method: sizes around the two header forms and around the pool; several slots. */
static void test_message_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(all_sizes); i++) {
        struct message_form form;
        bool is_json = i >= COUNT_OF(all_sizes);
        uint32_t size = all_sizes[i % COUNT_OF(all_sizes)];
        if (is_json && size < MESSAGE_JSON_BYTES_MIN) {
            continue;
        }
        message_form_init(&form, 1, 99, is_json);
        uint8_t *payload = test_malloc(size);
        for (uint32_t slot = 0; slot < 5; slot++) {
            struct message_header in = {123456789 + slot, 1000 + slot, slot << 14};
            struct message_header out = {0};
            message_prepare(&form, payload, size, slot);
            message_stamp(&form, payload, in);
            assert_true(message_read(&form, payload, &out));
            assert_true(message_is_intact(&form, payload, size));
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
static void damage(uint32_t size, bool is_json)
{
    struct message_form form;
    message_form_init(&form, 1, 99, is_json);
    uint8_t *payload = test_malloc(size);
    struct message_header header = {123456789, 1000, 0x30003};
    message_prepare(&form, payload, size, 1);
    message_stamp(&form, payload, header);
    assert_true(message_is_intact(&form, payload, size));
    for (uint32_t at = 0; at < size; at++) {
        struct message_header out;
        payload[at] ^= 0x10;
        assert_false(message_read(&form, payload, &out) && message_is_intact(&form, payload, size));
        payload[at] ^= 0x10;
    }
    test_free(payload);
    message_form_free(&form);
}

static void test_message_damage_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; all_sizes[i] <= 4096; i++) {
        damage(all_sizes[i], false);
        if (all_sizes[i] >= MESSAGE_JSON_BYTES_MIN) {
            damage(all_sizes[i], true);
        }
    }
}

/* Goal:   JSON payloads are JSON, and hold nothing that masks find.
 * Method: jansson reads them; the characters that would give something away. */
static void test_json(void **state)
{
    (void)state;
    struct message_form form;
    message_form_init(&form, 1, 99, true);
    for (uint32_t size = MESSAGE_JSON_BYTES_MIN; size < 2000; size += 7) {
        char payload[2048];
        struct message_header header = {(1ull << 56) - 1 - size, size, 3};
        message_prepare(&form, (uint8_t *)payload, size, size);
        message_stamp(&form, (uint8_t *)payload, header);
        payload[size] = 0;
        assert_int_equal(strlen(payload), size);
        json_t *json = json_loads(payload, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(json);
        assert_int_equal(json_string_length(json_object_get(json, "m")), 64);
        assert_null(strpbrk(json_string_value(json_object_get(json, "t")), "@:+(\\\""));
        json_decref(json);
    }
    message_form_free(&form);
}

/* Goal:   a message of another run does not pass.
 * Method: two forms that differ in the run only. */
static void test_message_of_another_run_is_refused(void **state)
{
    (void)state;
    struct message_form ours;
    struct message_form theirs;
    uint8_t payload[16];
    struct message_header header = {5, 6, 7};
    message_form_init(&ours, 1, 1, false);
    message_form_init(&theirs, 1, 2, false);
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
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_message_of_another_run_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
