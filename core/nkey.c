/* nkey.c - bits to letters and back. */
#include "core/nkey.h"

#include <sodium.h>

enum { RAW_SIZE = 1 + NKEY_KEY_SIZE + 2 };
static_assert(RAW_SIZE * 8 == NKEY_TEXT_SIZE * 5, "base32 without padding");

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* CRC-16/XMODEM: polynomial 0x1021, from 0, nothing reflected. */
static uint16_t crc16(const uint8_t *bytes, size_t size)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)(bytes[i] << 8));
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
        }
    }
    return crc;
}

void nkey_encode(enum nkey_prefix prefix, const uint8_t key[NKEY_KEY_SIZE],
                 char text[NKEY_TEXT_SIZE])
{
    uint8_t raw[RAW_SIZE] = {0};
    raw[0] = (uint8_t)prefix;
    memcpy(raw + 1, key, NKEY_KEY_SIZE);
    uint16_t crc = crc16(raw, 1 + NKEY_KEY_SIZE);
    raw[RAW_SIZE - 2] = (uint8_t)crc;
    raw[RAW_SIZE - 1] = (uint8_t)(crc >> 8);
    uint32_t bits = 0;
    uint32_t held = 0;
    size_t at = 0;
    for (size_t i = 0; i < RAW_SIZE; i++) {
        bits = bits << 8 | raw[i];
        for (held += 8; held >= 5; held -= 5) {
            text[at++] = alphabet[bits >> (held - 5) & 31];
        }
    }
    ASSERT(at == NKEY_TEXT_SIZE);
}

static bool base32_decode(struct bytes text, uint8_t raw[RAW_SIZE])
{
    uint32_t bits = 0;
    uint32_t held = 0;
    size_t at = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *letter = text.ptr[i] == 0 ? NULL : strchr(alphabet, text.ptr[i]);
        if (letter == NULL) {
            return false;
        }
        bits = bits << 5 | (uint32_t)(letter - alphabet);
        held += 5;
        if (held >= 8) {
            held -= 8;
            raw[at++] = (uint8_t)(bits >> held);
        }
    }
    return true;
}

bool nkey_decode(enum nkey_prefix prefix, struct bytes text, uint8_t key[NKEY_KEY_SIZE])
{
    uint8_t raw[RAW_SIZE] = {0};
    if (text.size != NKEY_TEXT_SIZE || !base32_decode(text, raw) || raw[0] != prefix) {
        return false;
    }
    uint16_t crc = crc16(raw, 1 + NKEY_KEY_SIZE);
    if (raw[RAW_SIZE - 2] != (uint8_t)crc || raw[RAW_SIZE - 1] != (uint8_t)(crc >> 8)) {
        return false;
    }
    memcpy(key, raw + 1, NKEY_KEY_SIZE);
    return true;
}

static bool base64_decode(struct bytes text, int variant, uint8_t signature[NKEY_SIGNATURE_SIZE])
{
    uint8_t raw[NKEY_SIGNATURE_SIZE];
    size_t size = 0;
    const char *end = NULL;
    int failed = sodium_base642bin(raw, sizeof(raw), (const char *)text.ptr, text.size, "\r\n",
                                   &size, &end, variant);
    if (failed != 0 || size != sizeof(raw) || end != (const char *)text.ptr + text.size) {
        return false;
    }
    memcpy(signature, raw, sizeof(raw));
    return true;
}

bool nkey_signature(struct bytes text, uint8_t signature[NKEY_SIGNATURE_SIZE])
{
    return text.size > 0 &&
           (base64_decode(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, signature) ||
            base64_decode(text, sodium_base64_VARIANT_ORIGINAL, signature));
}

void nkey_nonce(const uint8_t random[NKEY_NONCE_BYTES], char text[NKEY_NONCE_SIZE])
{
    char terminated[NKEY_NONCE_SIZE + 1];
    sodium_bin2base64(terminated, sizeof(terminated), random, NKEY_NONCE_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    memcpy(text, terminated, NKEY_NONCE_SIZE);
}
