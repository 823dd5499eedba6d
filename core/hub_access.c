/* hub_access.c - who a session is, and whom it waits for meanwhile. */
#include "core/hub_state.h"

#include "core/hash.h"

#include <sodium.h>

/* ---- the hub's access ------------------------------------------------------------------------ */

void access_begin(struct hub *hub)
{
    list_init(&hub->proofs);
    fair_init(&hub->proving, offsetof(struct session, rest_place));
    if (hub->options.access != NULL) {
        hub->access = access_ref(hub->options.access);
    }
}

void access_end(struct hub *hub)
{
    struct list *node;
    while ((node = list_pop(&hub->proofs)) != NULL) {
        proof_free(CONTAINER_OF(node, struct proof, link));
    }
    fair_free(&hub->proving);
    access_unref(hub->access);
}

const struct access *hub_access(const struct hub *hub)
{
    return hub->access;
}

void hub_set_access(struct hub *hub, const struct access *access)
{
    const struct access *old = hub->access;
    hub->access = access != NULL ? access_ref(access) : NULL;
    access_unref(old);
}

/* ---- grants ---------------------------------------------------------------------------------- */

/* What a grant takes changes with what is asked of it. */
static void recount(struct hub *hub, const struct grant *grant, size_t before)
{
    hub->grants_bytes += grant_bytes(grant) - before;
}

/* A keyed hash of a number that is never used twice: nobody can tell the next one. */
static void make_nonce(const struct hub *hub, const struct session *session, struct grant *grant)
{
    static_assert(NKEY_NONCE_BYTES <= crypto_shorthash_siphashx24_BYTES, "there are enough");
    uint64_t number[2] = {session->client_id, hub->options.worker};
    uint8_t hash[crypto_shorthash_siphashx24_BYTES];
    crypto_shorthash_siphashx24(hash, (const uint8_t *)number, sizeof(number),
                                hub->options.nonce_key);
    nkey_nonce(hash, grant->nonce);
}

void hub_grant(struct hub *hub, struct session *session)
{
    ASSERT(session->grant == NULL);
    session->grant = grant_new();
    make_nonce(hub, session, session->grant);
    hub->grants_bytes += grant_bytes(session->grant);
}

void hub_bind(struct hub *hub, struct session *session, const struct access_user *user)
{
    hub_close_run(hub); /* what was published so far goes by the old word */
    size_t before = grant_bytes(session->grant);
    grant_bind(session->grant, user);
    recount(hub, session->grant, before);
    subs_watch(hub, session);
}

void hub_ungrant(struct hub *hub, struct session *session)
{
    if (session->grant != NULL) {
        hub_bind(hub, session, NULL);
        hub_prove_end(hub, session);
        session_resume(hub, session, PAUSE_PROOF);
        grant_drop(hub, session);
    }
}

void grant_drop(struct hub *hub, struct session *session)
{
    if (session->grant != NULL) {
        hub->grants_bytes -= grant_bytes(session->grant);
        grant_free(session->grant);
        session->grant = NULL;
    }
}

enum grant_answer hub_may_publish(struct hub *hub, struct session *session, struct bytes subject)
{
    size_t before = grant_bytes(session->grant);
    enum grant_answer answer = grant_may_publish(session->grant, subject, hub->now_ns);
    recount(hub, session->grant, before);
    return answer;
}

void hub_responded(struct hub *hub, struct session *session, struct bytes subject)
{
    size_t before = grant_bytes(session->grant);
    grant_responded(session->grant, subject);
    recount(hub, session->grant, before);
}

void hub_response_put(struct hub *hub, struct session *session,
                      const struct response_view *response)
{
    size_t before = grant_bytes(session->grant);
    grant_response_put(session->grant, response);
    recount(hub, session->grant, before);
}

void grant_hears(struct hub *hub, struct session *session, struct run_span span)
{
    if (span.run->replies_count == 0 || !grant_responds(session->grant)) {
        return;
    }
    for (uint32_t i = 0; i < span.count; i++) {
        /* The share of subscriptions is used up: what is new is remembered in place of what is old. */
        size_t before = grant_bytes(session->grant);
        bool is_full = hub_index_bytes(hub) >= hub->options.index_bytes_max;
        size_t most = is_full ? grant_responses_bytes(session->grant) : GRANT_RESPONSES_BYTES;
        grant_heard(session->grant, message_reply(span.first), hub->now_ns, most);
        recount(hub, session->grant, before);
        span.first = message_next(span.first);
    }
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static bool proving_enter(struct hub *hub, struct session *session)
{
    session_set_rest(hub, session, REST_NOT);
    struct grant *grant = session->grant;
    grant->waits_in = fair_enter(&hub->proving, grant->source, session);
    if (grant->waits_in == NULL) {
        return false;
    }
    session->in_rest = REST_PROVING;
    return true;
}

void proving_leave(struct hub *hub, struct session *session)
{
    fair_leave(&hub->proving, session->grant->waits_in, session);
    session->grant->waits_in = NULL;
}

/* A place is free: it goes to a session of the address whose turn it is, the one that has waited
 * longest there. */
static void place_free(struct hub *hub)
{
    struct session *session = fair_next(&hub->proving);
    if (session == NULL) {
        hub->proofs_places--;
        return;
    }
    session_set_rest(hub, session, REST_NOT);
    session->grant->proof = PROOF_TURN;
    session_resume(hub, session, PAUSE_PROOF);
}

bool hub_prove(struct hub *hub, struct session *session, const struct hub_shown *shown)
{
    struct grant *grant = session->grant;
    ASSERT(grant->proof == PROOF_NONE || grant->proof == PROOF_TURN);
    grant->source = hash_bytes(shown->address, hub->options.hash_key);
    if (grant->proof == PROOF_NONE && hub->proofs_places == PROOFS_MAX) {
        if (!proving_enter(hub, session)) {
            return false;
        }
        grant->proof = PROOF_WAITS;
        hub_pause(hub, session, PAUSE_PROOF);
        return true;
    }
    hub_pause(hub, session, PAUSE_PROOF);
    hub->proofs_places += grant->proof == PROOF_NONE;
    grant->proof = PROOF_ASKED;
    struct proof *proof = proof_new(hub->access, shown->user, shown->text);
    proof->envelope.maker = (uint16_t)hub->options.worker;
    proof->slot = session->slot;
    proof->generation = session->generation;
    if (shown->signature != NULL) {
        memcpy(proof->signature, shown->signature, NKEY_SIGNATURE_SIZE);
    }
    list_push(&hub->proofs, &proof->link);
    hub->metrics.proofs++;
    return true;
}

void hub_prove_end(struct hub *hub, struct session *session)
{
    struct grant *grant = session->grant;
    if (grant == NULL) {
        return;
    }
    enum grant_proof proof = (enum grant_proof)grant->proof;
    if (proof == PROOF_WAITS) {
        session_set_rest(hub, session, REST_NOT);
    }
    grant->proof = PROOF_NONE;
    if (proof == PROOF_TURN) {
        place_free(hub);
    }
}

struct proof *hub_proof_next(struct hub *hub)
{
    struct list *node = list_pop(&hub->proofs);
    if (node == NULL) {
        return NULL;
    }
    hub->envelopes_under_way++;
    return CONTAINER_OF(node, struct proof, link);
}

void proof_home(struct hub *hub, struct proof *proof)
{
    hub->envelopes_under_way--;
    struct session *session = hub_session_get(hub, proof->slot, proof->generation);
    if (session != NULL && session->grant != NULL && session->grant->proof == PROOF_ASKED) {
        bool is_current = proof->access == hub->access;
        session->grant->proof = !is_current     ? PROOF_NONE
                                : proof->passed ? PROOF_PASSED
                                                : PROOF_FAILED;
        if (!PLANTED(PLANTED_LOST_PROOF)) {
            session_resume(hub, session, PAUSE_PROOF);
        }
    }
    proof_free(proof);
    place_free(hub);
}
