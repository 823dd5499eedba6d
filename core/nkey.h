/*
 * nkey.h - nkeys as text: base32 with a checksum; signatures and nonces in base64.
 *
 *   U… (56 characters) ◀─▶ prefix byte, 32 bytes of an Ed25519 key, CRC-16 of both, low byte first
 *
 * Source:      the format of nats-io/nkeys, as its documentation describes it; RFC 4648 for base32;
 *              libsodium for base64.
 * Threads:     pure.
 */
#ifndef RINGHUB_CORE_NKEY_H
#define RINGHUB_CORE_NKEY_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NKEY_KEY_SIZE = 32,
    NKEY_TEXT_SIZE = 56,
    NKEY_SIGNATURE_SIZE = 64,
    NKEY_NONCE_BYTES = 11,
    NKEY_NONCE_SIZE = 15, /* of its text */
};

/* The first letter of the text, times 8. */
enum nkey_prefix {
    NKEY_ACCOUNT = 0 << 3,
    NKEY_SERVER = 13 << 3,
    NKEY_USER = 20 << 3,
};

/* text has no NUL behind it. */
void nkey_encode(enum nkey_prefix prefix, const uint8_t key[NKEY_KEY_SIZE],
                 char text[NKEY_TEXT_SIZE]);
/* False: not the text of a public key of this kind, letter for letter. */
MUST_USE bool nkey_decode(enum nkey_prefix prefix, struct bytes text, uint8_t key[NKEY_KEY_SIZE]);

/* base64url without padding, or plain base64 with it; nothing else, line ends aside. */
MUST_USE bool nkey_signature(struct bytes text, uint8_t signature[NKEY_SIGNATURE_SIZE]);

/* base64url; what a client signs are these characters. No NUL behind them. */
void nkey_nonce(const uint8_t random[NKEY_NONCE_BYTES], char text[NKEY_NONCE_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
