/*
 * test_helper.c - bcrypt and Ed25519, against hashes and signatures made elsewhere.
 */
#include "io/helper.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of "x", cost 4, by another program (Python's crypt). */
static const char hash[] = "$2b$04$Hicl86i6vYvPyrzQwtMau.M7GI1GizSQyw3oM5I28QgpWB3uX3zge";

static bool has_hash(const char *password, const char *hashed)
{
    struct access *access = access_new();
    struct access_user *user = access_add_user(access, bytes_text("u"), bytes_text(hashed));
    assert_non_null(user);
    struct proof *proof = proof_new(access, user, bytes_text(password));
    struct helper_scratch *scratch = helper_scratch_new();
    bool passed = helper_check(scratch, proof);
    helper_scratch_free(scratch);
    proof_free(proof);
    access_unref(access);
    return passed;
}

/*
 * Goal:    a password has its hash and no other; the version's letter does not matter.
 * Method:  one hash in the forms that configuration files have.
 */
static void test_bcrypt(void **state)
{
    (void)state;
    char other[sizeof(hash)];
    memcpy(other, hash, sizeof(hash));
    for (const char *version = "abxy"; *version != '\0'; version++) {
        other[2] = *version;
        assert_true(has_hash("x", other));
        assert_false(has_hash("y", other));
        assert_false(has_hash("", other));
        assert_false(has_hash("xx", other));
    }
    other[59] = other[59] == 'a' ? 'b' : 'a';
    assert_false(has_hash("x", other));
    static char endless[5000];
    memset(endless, 'x', sizeof(endless) - 1);
    assert_false(has_hash(endless, hash));
}

/*
 * Goal:    a signature of the nonce by the user's key passes; any bit changed, it does not.
 * Method:  a key pair made here.
 */
static void test_ed25519(void **state)
{
    (void)state;
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint8_t seed[crypto_sign_SEEDBYTES] = {7};
    assert_int_equal(crypto_sign_seed_keypair(public, secret, seed), 0);
    char text[NKEY_TEXT_SIZE];
    nkey_encode(NKEY_USER, public, text);
    struct access *access = access_new();
    struct access_user *user = access_add_nkey(access, bytes_of(text, sizeof(text)));
    assert_non_null(user);
    struct proof *proof = proof_new(access, user, bytes_text("abcdefgh-_12345"));
    crypto_sign_detached(proof->signature, NULL, proof->text, proof->text_size, secret);
    struct helper_scratch *scratch = helper_scratch_new();
    assert_true(helper_check(scratch, proof));
    for (size_t bit = 0; bit < 8 * sizeof(proof->signature); bit += 5) {
        proof->signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(helper_check(scratch, proof));
        proof->signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    proof->text[0] ^= 1;
    assert_false(helper_check(scratch, proof));
    helper_scratch_free(scratch);
    proof_free(proof);
    access_unref(access);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bcrypt),
        cmocka_unit_test(test_ed25519),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
