/*
 * fuzz_nkey.c - does any text break the reading of keys and signatures, and is what they say exact?
 *
 * Checked besides memory errors: a key that is read is written as the very same letters, so that no two
 * texts are one key; no change of one letter is read; a signature that is read has one canonical text,
 * and that reads the same; whatever is shown, access_ask refuses it or asks for a proof.
 */
#include "core/access.h"

#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum nkey_prefix prefixes[] = {NKEY_ACCOUNT, NKEY_SERVER, NKEY_USER};

/* CRC-16 finds every single wrong letter: five bits in a row. */
static void check_neighbours(enum nkey_prefix prefix, const char text[NKEY_TEXT_SIZE], uint8_t at)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char changed[NKEY_TEXT_SIZE];
    uint8_t key[NKEY_KEY_SIZE];
    memcpy(changed, text, sizeof(changed));
    size_t place = at % NKEY_TEXT_SIZE;
    for (size_t i = 0; i < 32; i++) {
        changed[place] = letters[i];
        bool is_same = letters[i] == text[place];
        ASSERT(nkey_decode(prefix, bytes_of(changed, sizeof(changed)), key) == is_same);
    }
}

static bool check_key(struct bytes text)
{
    uint8_t key[NKEY_KEY_SIZE];
    bool is_user = false;
    size_t kinds = 0;
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (!nkey_decode(prefixes[i], text, key)) {
            continue;
        }
        char again[NKEY_TEXT_SIZE];
        nkey_encode(prefixes[i], key, again);
        ASSERT(bytes_equal(text, bytes_of(again, sizeof(again))));
        check_neighbours(prefixes[i], again, key[0]);
        is_user |= prefixes[i] == NKEY_USER;
        kinds++;
    }
    ASSERT(kinds <= 1);
    return is_user;
}

static bool check_signature(struct bytes text)
{
    uint8_t signature[NKEY_SIGNATURE_SIZE];
    if (!nkey_signature(text, signature)) {
        return false;
    }
    char plain[sodium_base64_ENCODED_LEN(NKEY_SIGNATURE_SIZE,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    uint8_t again[NKEY_SIGNATURE_SIZE];
    (void)sodium_bin2base64(plain, sizeof(plain), signature, sizeof(signature),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    ASSERT(nkey_signature(bytes_text(plain), again));
    ASSERT(memcmp(signature, again, sizeof(again)) == 0);
    return true;
}

/* Every key there is can be written and read. */
static void check_round_trip(struct bytes data)
{
    uint8_t key[NKEY_KEY_SIZE] = {0};
    uint8_t again[NKEY_KEY_SIZE];
    char text[NKEY_TEXT_SIZE];
    if (data.size > 0) {
        memcpy(key, data.ptr, MIN_OF(data.size, sizeof(key)));
    }
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        nkey_encode(prefixes[i], key, text);
        ASSERT(nkey_decode(prefixes[i], bytes_of(text, sizeof(text)), again));
        ASSERT(memcmp(key, again, sizeof(key)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1024) {
        return 0;
    }
    const uint8_t *cut = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = cut != NULL ? (size_t)(cut - data) : size;
    struct bytes key = bytes_of(data, first);
    struct bytes signature = cut != NULL ? bytes_of(cut + 1, size - first - 1) : bytes_of(NULL, 0);
    bool is_key = check_key(key);
    (void)check_key(signature);
    (void)check_signature(key);
    (void)check_signature(signature);
    check_round_trip(key);

    struct access *access = access_new();
    bool is_added = access_add_nkey(access, key) != NULL;
    ASSERT(is_added == is_key);
    struct credentials shown = {.nkey = key, .sig = signature};
    const struct access_user *user;
    enum access_answer answer = access_ask(access, &shown, &user);
    ASSERT(answer == (is_added && signature.size > 0 ? ACCESS_TO_PROVE : ACCESS_REFUSED));
    access_unref(access);
    return 0;
}
