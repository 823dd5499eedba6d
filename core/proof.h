/*
 * proof.h - a check of credentials that costs too much for a worker: bcrypt takes up to seconds,
 * Ed25519 some 50 us. A helper thread does it.
 *
 *   front-end ──hub_prove──▶ hub_proof_next ──▶ io/helper ──inbox, `passed` filled──▶ hub ──▶ session
 *
 * The session's input waits meanwhile, its CONNECT unparsed in front: when the verdict is there, it
 * is parsed again and finds it. At most PROOFS_MAX of a worker are under way; the sessions behind
 * them wait, holding nothing but their CONNECT, until their authentication timeout. Addresses take
 * turns (fair.h): who floods one from one address does not delay the login of another.
 *
 * Threads:     the worker's until it is handed out, the helper's until it is pushed home.
 * Memory:      one allocation, with the secret in it, which is wiped before it is freed. Holds a
 *              reference to its access, whose user it borrows.
 * Limits:      PROOFS_MAX of a worker.
 */
#ifndef RINGHUB_CORE_PROOF_H
#define RINGHUB_CORE_PROOF_H

#include "core/access.h"
#include "core/envelope.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PROOFS_MAX = 4 }; /* what a helper has in hand, and the next */

struct proof {
    struct envelope envelope; /* first */
    struct list link;         /* in the hub, until it is handed out */
    const struct access *access;
    const struct access_user *user; /* ACCESS_NKEY: signature over text by its key. Else: does text
                                     * have the hash user->secret? */
    uint32_t slot;
    uint32_t generation;
    bool passed; /* the verdict */
    uint8_t signature[NKEY_SIGNATURE_SIZE];
    size_t text_size;
    uint8_t text[]; /* the password or token, NUL behind it; or the nonce */
};

struct proof *proof_new(const struct access *access, const struct access_user *user,
                        struct bytes text);
void proof_free(struct proof *proof);

#ifdef __cplusplus
}
#endif
#endif
