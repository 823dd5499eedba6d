/*
 * test_nkey.c - nkeys, signatures and nonces as text.
 */
#include "core/nkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of the bytes 0 to 31; computed by another program (Python's base64, CRC-16/XMODEM by hand). */
#define COUNTING "UAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB63NN"

static void keys_counting(uint8_t key[NKEY_KEY_SIZE])
{
    for (size_t i = 0; i < NKEY_KEY_SIZE; i++) {
        key[i] = (uint8_t)i;
    }
}

/*
 * Goal:    encode and decode are each other's inverse, and agree with another implementation.
 * Method:  one known text.
 */
static void test_nkey_there_and_back(void **state)
{
    (void)state;
    uint8_t key[NKEY_KEY_SIZE];
    uint8_t decoded[NKEY_KEY_SIZE];
    char text[NKEY_TEXT_SIZE + 1] = {0};
    keys_counting(key);
    nkey_encode(NKEY_USER, key, text);
    assert_string_equal(text, COUNTING);
    assert_true(nkey_decode(NKEY_USER, bytes_text(text), decoded));
    assert_memory_equal(decoded, key, sizeof(key));
    /* From the documentation of nkeys. */
    assert_true(nkey_decode(NKEY_USER,
                            bytes_text("UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"),
                            decoded));
}

/*
 * Goal:    whatever is not letter for letter a user's key is refused.
 * Method:  every letter changed in turn, other kinds, other sizes, lower case.
 */
static void test_nkey_refuses(void **state)
{
    (void)state;
    uint8_t key[NKEY_KEY_SIZE];
    char text[NKEY_TEXT_SIZE + 1] = COUNTING;
    for (size_t i = 0; i < NKEY_TEXT_SIZE; i++) {
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_false(nkey_decode(NKEY_USER, bytes_text(text), key));
        text[i] = '1';
        assert_false(nkey_decode(NKEY_USER, bytes_text(text), key));
        text[i] = '\0';
        assert_false(nkey_decode(NKEY_USER, bytes_of(text, NKEY_TEXT_SIZE), key));
        text[i] = kept;
    }
    assert_true(nkey_decode(NKEY_USER, bytes_text(text), key));
    assert_false(nkey_decode(NKEY_ACCOUNT, bytes_text(text), key));
    assert_false(nkey_decode(NKEY_USER, bytes_of(text, NKEY_TEXT_SIZE - 1), key));
    assert_false(nkey_decode(NKEY_USER, (struct bytes){0}, key));
    text[3] = 'a';
    assert_false(nkey_decode(NKEY_USER, bytes_text(text), key));
}

/*
 * Goal:    a signature may come in base64url without padding or in base64 with it, else not.
 * Method:  the 64 bytes that use every letter of the alphabets, in the forms clients send.
 */
static void test_nkey_signatures(void **state)
{
    (void)state;
    uint8_t signature[NKEY_SIGNATURE_SIZE];
    static const char zeros[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    char text[96];
    memcpy(text, zeros, 86);
    text[0] = '-';
    text[1] = '_';
    assert_true(nkey_signature(bytes_of(text, 86), signature));
    assert_int_equal(signature[0], 0xFB);
    memcpy(text + 86, "==", 2);
    assert_false(nkey_signature(bytes_of(text, 88), signature));
    text[0] = '+';
    text[1] = '/';
    assert_true(nkey_signature(bytes_of(text, 88), signature));
    assert_false(nkey_signature(bytes_of(text, 87), signature));
    assert_false(nkey_signature(bytes_of(text, 84), signature));
    assert_false(nkey_signature(bytes_of(text, 0), signature));
    text[5] = '!';
    assert_false(nkey_signature(bytes_of(text, 88), signature));
}

/*
 * Goal:    a nonce is 15 letters of base64url.
 * Method:  bytes that need both letters base64 has not.
 */
static void test_nkey_nonce(void **state)
{
    (void)state;
    static const uint8_t random[NKEY_NONCE_BYTES] = {0xFB, 0xFF, 0xFE};
    char text[NKEY_NONCE_SIZE + 1] = {0};
    nkey_nonce(random, text);
    assert_string_equal(text, "-__-AAAAAAAAAAA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nkey_there_and_back),
        cmocka_unit_test(test_nkey_refuses),
        cmocka_unit_test(test_nkey_signatures),
        cmocka_unit_test(test_nkey_nonce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
