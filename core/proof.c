/* proof.c - a secret is wiped when it has been looked at. */
#include "core/proof.h"

#include <sodium.h>

struct proof *proof_new(const struct access *access, const struct access_user *user,
                        struct bytes text)
{
    struct proof *proof = memory_alloc(sizeof(*proof) + text.size + 1);
    proof->envelope.kind = ENVELOPE_PROOF;
    list_init(&proof->link);
    proof->access = access_ref(access);
    proof->user = user;
    proof->text_size = text.size;
    if (text.size > 0) {
        memcpy(proof->text, text.ptr, text.size);
    }
    return proof;
}

void proof_free(struct proof *proof)
{
    sodium_memzero(proof->text, proof->text_size);
    access_unref(proof->access);
    memory_free(proof);
}
