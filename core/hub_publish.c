/*
 * hub_publish.c - from one message to a run, and from a run to everybody who wants it.
 *
 * Consecutive messages of one session to one subject share a run: matched once, rendered in one
 * pass. A message for a queue group, or one that wants a 503, has a run of its own, because each
 * has a fate of its own.
 */
#include "core/hub_state.h"
#include "core/probes.h"
#include "core/subject.h"

/* ---- match ----------------------------------------------------------------------------------- */

static void entry_add(struct match *match, struct entry *entry)
{
    array_reserve((void **)&match->entries, &match->entries_capacity, match->entries_count + 1,
                  sizeof(struct entry *));
    match->entries[match->entries_count++] = entry;
}

void hub_match_entries(struct hub *hub, uint32_t account_id, struct bytes subject, uint64_t hash)
{
    struct match *match = &hub->match;
    match->entries_count = 0;
    match->candidates_count = 0;
    match->parts_count = 0;
    match->peers = 0;
    struct index_match found;
    index_match(hub->index, account_id, subject, hash, &found);
    if (found.literal != NULL) {
        entry_add(match, (struct entry *)found.literal);
    }
    for (uint32_t i = 0; i < found.wildcards_count; i++) {
        entry_add(match, (struct entry *)found.wildcards[i]);
    }
}

static uint32_t candidate_take(struct match *match, struct bytes name)
{
    for (uint32_t i = 0; i < match->candidates_count; i++) {
        if (bytes_equal(match->candidates[i].name, name)) {
            return i;
        }
    }
    array_reserve((void **)&match->candidates, &match->candidates_capacity,
                  match->candidates_count + 1, sizeof(struct candidate));
    match->candidates[match->candidates_count] = (struct candidate){.name = name};
    return match->candidates_count++;
}

static void part_add(struct match *match, struct bytes name, struct group *local,
                     struct interest_group *remote)
{
    uint32_t candidate = candidate_take(match, name);
    array_reserve((void **)&match->parts, &match->parts_capacity, match->parts_count + 1,
                  sizeof(struct candidate_part));
    match->parts[match->parts_count++] =
        (struct candidate_part){.candidate = candidate, .local = local, .remote = remote};
    if (local != NULL) {
        match->candidates[candidate].local_total += local->members_count;
    } else {
        match->candidates[candidate].remote_total += remote->members;
    }
}

static void match_local_groups(struct match *match)
{
    for (uint32_t i = 0; i < match->entries_count; i++) {
        for (struct group *group = entry_groups(match->entries[i]); group != NULL;
             group = group->next) {
            part_add(match, group_name(group), group, NULL);
        }
    }
}

static void match_remote_entry(struct match *match, const struct interest_entry *entry)
{
    match->peers |= entry->mask;
    for (struct interest_group *group = entry->groups; group != NULL; group = group->next) {
        part_add(match, bytes_of(group->name, group->name_size), NULL, group);
    }
}

static void match_remote(struct hub *hub, uint32_t account_id, struct bytes subject, uint64_t hash)
{
    struct match *match = &hub->match;
    match->peers = interest_literal(&hub->interest, hash);
    if (hub->interest.patterns_count == 0) {
        return;
    }
    struct index_match found;
    index_match(hub->interest.patterns, account_id, subject, hash, &found);
    if (found.literal != NULL) {
        match_remote_entry(match, (const struct interest_entry *)found.literal);
    }
    for (uint32_t i = 0; i < found.wildcards_count; i++) {
        match_remote_entry(match, (const struct interest_entry *)found.wildcards[i]);
    }
}

static void match_all(struct hub *hub, uint32_t account_id, struct bytes subject, uint64_t hash)
{
    hub_match_entries(hub, account_id, subject, hash);
    match_local_groups(&hub->match);
    match_remote(hub, account_id, subject, hash);
}

static uint64_t match_workers(const struct hub *hub)
{
    const struct match *match = &hub->match;
    uint64_t mask = match->peers;
    for (uint32_t i = 0; i < match->parts_count; i++) {
        const struct interest_group *remote = match->parts[i].remote;
        for (uint32_t w = 0; remote != NULL && w < hub->options.workers_count; w++) {
            mask |= remote->counts[w] > 0 ? (uint64_t)1 << w : 0;
        }
    }
    return mask;
}

/* ---- queue groups ---------------------------------------------------------------------------- */

/* The member at a random place, or the next one that can take the message; NULL: none can. */
static struct sub *probe_local(struct hub *hub, const struct run *run, uint32_t candidate,
                               uint32_t start, uint32_t total)
{
    const struct match *match = &hub->match;
    for (uint32_t pass = 0; pass < 2; pass++) {
        uint32_t at = 0;
        for (uint32_t i = 0; i < match->parts_count; i++) {
            const struct candidate_part *part = &match->parts[i];
            if (part->candidate != candidate || part->local == NULL) {
                continue;
            }
            for (uint32_t k = 0; k < part->local->members_count; k++, at++) {
                bool is_turn = pass == 0 ? at >= start : at < start;
                struct sub *sub = part->local->members[k];
                if (is_turn && sub_can_take(hub, sub, run)) {
                    return sub;
                }
            }
        }
    }
    MAYBE(total == 0);
    return NULL;
}

/* A worker with members, weighted by their number; workers_count: none that was not tried. */
static uint32_t choose_worker(struct hub *hub, uint32_t candidate, uint64_t tried)
{
    const struct match *match = &hub->match;
    uint64_t counts[WORKERS_MAX] = {0};
    uint64_t total = 0;
    uint32_t workers = hub->options.workers_count;
    for (uint32_t i = 0; i < match->parts_count; i++) {
        const struct candidate_part *part = &match->parts[i];
        if (part->candidate != candidate || part->remote == NULL) {
            continue;
        }
        for (uint32_t w = 0; w < workers; w++) {
            if ((tried >> w & 1) == 0) {
                counts[w] += part->remote->counts[w];
                total += part->remote->counts[w];
            }
        }
    }
    if (total == 0) {
        return workers;
    }
    uint64_t at = hub_random(hub) % total;
    uint32_t worker = 0;
    while (at >= counts[worker]) {
        at -= counts[worker++];
    }
    return worker;
}

/* The group's name, where it lives as long as the run. */
static struct bytes name_keep(struct run *run, struct bytes name)
{
    struct chunk *chunk = run->chunk;
    const uint8_t *from = chunk->data;
    if (name.ptr >= from && name.ptr < from + chunk->used) {
        return name;
    }
    ASSERT(chunk_room(chunk) >= name.size);
    uint8_t *to = chunk->data + chunk->used;
    memcpy(to, name.ptr, name.size);
    chunk->used += (uint32_t)name.size;
    return bytes_of(to, name.size);
}

uint32_t hub_pick(struct hub *hub, struct run *run, uint32_t candidate, uint64_t tried,
                  bool *elsewhere)
{
    const struct candidate *c = &hub->match.candidates[candidate];
    uint64_t total = (uint64_t)c->local_total + (tried == 0 ? c->remote_total : 0);
    bool is_local =
        total > 0 && (tried != 0 ? c->local_total > 0 : hub_random(hub) % total < c->local_total);
    struct sub *sub = NULL;
    if (is_local) {
        uint32_t start = (uint32_t)(hub_random(hub) % c->local_total);
        sub = probe_local(hub, run, candidate, start, c->local_total);
    }
    if (sub == NULL) {
        uint32_t worker = choose_worker(hub, candidate, tried);
        if (worker < hub->options.workers_count) {
            peers_send_run(hub, worker, run, false, name_keep(run, c->name), tried);
            *elsewhere = true;
            return 0;
        }
        if (!is_local && c->local_total > 0) {
            sub = probe_local(hub, run, candidate, 0, c->local_total);
        }
    }
    return sub != NULL ? hub_deliver(hub, sub->audience, run_whole(run)) : 0;
}

void hub_match_groups(struct hub *hub, struct run *run)
{
    match_all(hub, run->account_id, run_subject(run), run->subject_hash);
}

bool hub_pick_local(struct hub *hub, struct run *run, struct bytes name)
{
    match_local_groups(&hub->match);
    struct sub *sub = NULL;
    for (uint32_t i = 0; i < hub->match.candidates_count; i++) {
        const struct candidate *c = &hub->match.candidates[i];
        if (c->local_total > 0 && bytes_equal(c->name, name)) {
            uint32_t start = (uint32_t)(hub_random(hub) % c->local_total);
            sub = probe_local(hub, run, i, start, c->local_total);
        }
    }
    hub->match.candidates_count = 0;
    hub->match.parts_count = 0;
    return sub != NULL && hub_deliver(hub, sub->audience, run_whole(run)) > 0;
}

/* ---- nobody ---------------------------------------------------------------------------------- */

/* A plain subscription of the session's own that the reply would reach. */
static struct sub *reply_sub(struct hub *hub, struct session *session, struct bytes reply)
{
    uint32_t cursor = 0;
    struct sub *sub;
    while ((sub = table_next(&session->subs, &cursor)) != NULL) {
        if (sub_group(sub) != NULL) {
            continue;
        }
        if (subject_matches(index_pattern(hub->index, &sub->audience->entry->base), reply)) {
            return sub;
        }
    }
    return NULL;
}

bool hub_answer(struct hub *hub, struct session *session, struct bytes reply,
                const struct bytes *parts, size_t count)
{
    struct sub *sub = reply_sub(hub, session, reply);
    if (sub == NULL) {
        return false;
    }
    uint8_t digits[20];
    size_t block = 0;
    for (size_t i = 0; i < count; i++) {
        block += parts[i].size;
    }
    uint32_t digits_size = frame_digits(digits, block);
    struct bytes sid = bytes_of(sub->audience->sid, sub->audience->sid_size);
    size_t size = 5 + reply.size + 1 + sid.size + 1 + 2 * digits_size + 1 + 2 + block + 2;
    uint8_t *text = memory_alloc(size);
    uint8_t *to = text;
    struct bytes head[] = {bytes_text("HMSG "), reply,
                           bytes_text(" "),     sid,
                           bytes_text(" "),     bytes_of(digits, digits_size),
                           bytes_text(" "),     bytes_of(digits, digits_size),
                           bytes_text("\r\n")};
    for (size_t i = 0; i < COUNT_OF(head); i++) {
        memcpy(to, head[i].ptr, head[i].size);
        to += head[i].size;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(to, parts[i].ptr, parts[i].size);
        to += parts[i].size;
    }
    memcpy(to, "\r\n", 2);
    ASSERT(to + 2 == text + size);
    hub_control(hub, session, bytes_of(text, size));
    memory_free(text);
    return true;
}

static void answer_503(struct hub *hub, struct session *session, struct bytes subject,
                       struct bytes reply)
{
    struct bytes parts[] = {bytes_text("NATS/1.0 503\r\nNats-Subject: "), subject,
                            bytes_text("\r\n\r\n")};
    hub->metrics.no_responders += hub_answer(hub, session, reply, parts, COUNT_OF(parts));
}

void hub_no_responders(struct hub *hub, const struct run *run)
{
    struct session *session = hub_session_get(hub, run->origin_slot, run->origin_generation);
    if (session == NULL || session->state != SESSION_OPEN) {
        return;
    }
    answer_503(hub, session, run_subject(run), message_reply(run_first(run)));
}

/* ---- runs ------------------------------------------------------------------------------------ */

void hub_close_run(struct hub *hub)
{
    struct run *run = hub->open_run;
    if (run == NULL) {
        return;
    }
    hub->open_run = NULL;
    hub->metrics.runs++;
    hub->run_kept = false;
    uint32_t reached = hub_deliver_entries(hub, run);
    bool elsewhere = hub->match.peers != 0;
    for (uint64_t mask = hub->match.peers; mask != 0; mask &= mask - 1) {
        peers_send_run(hub, (uint32_t)__builtin_ctzll(mask), run, true, (struct bytes){0}, 0);
    }
    for (uint32_t i = 0; i < hub->match.candidates_count; i++) {
        reached += hub_pick(hub, run, i, 0, &elsewhere);
    }
    run->delivered = reached > 0;
    if (reached == 0 && !elsewhere) {
        hub->metrics.publishes_unheard += run->messages_count;
        if (run->wants_responder) {
            hub_no_responders(hub, run);
        }
    }
    if (UNLIKELY(hub->now_ns >= hub->sample_next_ns) && (reached > 0 || elsewhere)) {
        hub_sample_run(hub, run);
    }
    if (!hub->run_kept) {
        /* Nobody refers to it: the next run is written over it. */
        run_drop(run);
    }
    hub_expire_subs(hub);
}

static bool can_append(const struct hub *hub, const struct session *session,
                       const struct message_in *in, bool wants_responder)
{
    const struct run *run = hub->open_run;
    return run != NULL && run->origin_id == session->client_id && !wants_responder &&
           !session->verbose && !run->wants_responder && hub->match.candidates_count == 0 &&
           run->size < RUN_BYTES_MAX && bytes_equal(run_subject(run), in->subject) &&
           chunk_room(run->chunk) >= run_size_more(in);
}

static void count_publish(struct hub *hub, struct session *session, const struct message_in *in)
{
    PROBE_PUBLISH(session->client_id, in->subject.ptr, in->subject.size, in->payload.size);
    session->messages_in++;
    session->bytes_in += in->payload.size;
    hub->metrics.messages_in++;
    hub->metrics.bytes_in += in->payload.size;
    hub->metrics.publishes++;
    hub->turn_bytes += in->payload.size;
}

static void run_open(struct hub *hub, const struct session *session, const struct message_in *in,
                     uint64_t hash, bool wants_responder)
{
    size_t names = 0;
    for (uint32_t i = 0; i < hub->match.candidates_count; i++) {
        names += hub->match.candidates[i].name.size;
    }
    struct chunk *chunk = arena_reserve(hub, &hub->ingress, run_size_first(in) + names);
    struct run *run = run_start(chunk, in->subject);
    run->subject_hash = hash;
    run->ingress_ns = hub->now_ns;
    run->maker = hub->options.worker;
    run->origin_id = session->client_id;
    run->origin_slot = session->slot;
    run->origin_generation = session->generation;
    run->wants_responder = wants_responder;
    run_append(run, in);
    hub->open_run = run;
}

/* In front of anything the message brings back to its own publisher. */
void hub_acknowledge(struct hub *hub, struct session *session)
{
    if (session->verbose) {
        hub_control(hub, session, bytes_text("+OK\r\n"));
    }
}

enum hub_publish_result hub_publish_clean(struct hub *hub, struct session *session,
                                          const struct message_in *in, bool wants_responder)
{
    wants_responder = wants_responder && in->reply.size > 0;
    bool appends = can_append(hub, session, in, wants_responder);
    uint64_t hash = 0;
    if (!appends) {
        hub_close_run(hub);
        hash = index_hash(hub->options.hash_key, 0, in->subject);
        match_all(hub, 0, in->subject, hash);
    }
    uint64_t workers = appends ? hub->match.peers : match_workers(hub);
    if (workers != 0 && !peers_have_credit(hub, workers)) {
        return HUB_PUBLISH_PAUSE;
    }
    count_publish(hub, session, in);
    if (UNLIKELY(hub->guards & GUARD_QUOTAS)) {
        hub_spend_quotas(hub, session, in->payload.size);
    }
    if (appends) {
        run_append(hub->open_run, in);
        return HUB_PUBLISHED;
    }
    hub_acknowledge(hub, session);
    if (hub->match.entries_count == 0 && workers == 0) {
        hub->metrics.publishes_unheard++;
        if (wants_responder) {
            answer_503(hub, session, in->subject, in->reply);
        }
        return HUB_PUBLISHED;
    }
    run_open(hub, session, in, hash, wants_responder);
    if (wants_responder || hub->match.candidates_count > 0) {
        hub_close_run(hub);
    }
    return HUB_PUBLISHED;
}

/* What it publishes may be what it hears: it could not keep up with itself. Others that are behind
 * keep nobody waiting, unless their policy says so. */
static bool is_far_behind(const struct hub *hub, const struct session *session)
{
    return session->blocked && session_pending_limited(session) > hub->options.max_pending / 4 * 3;
}

static __attribute__((noinline)) enum hub_publish_result
ask_guards(struct hub *hub, struct session *session, const struct message_in *in)
{
    if (is_far_behind(hub, session)) {
        return HUB_PUBLISH_BEHIND;
    }
    if ((hub->guards & GUARD_GATES) != 0 && hub_gate_is_closed(hub, 0, in->subject)) {
        return HUB_PUBLISH_HELD;
    }
    if ((hub->guards & GUARD_QUOTAS) == 0) {
        return HUB_PUBLISHED;
    }
    enum hub_publish_result may = hub_check_quotas(hub, session, in->payload.size);
    if (may == HUB_PUBLISH_DROPPED) {
        hub_acknowledge(hub, session);
    }
    return may;
}

enum hub_publish_result hub_publish(struct hub *hub, struct session *session,
                                    const struct message_in *in, size_t limit, bool wants_responder)
{
    if (UNLIKELY((hub->guards | session->blocked) != 0)) {
        enum hub_publish_result may = ask_guards(hub, session, in);
        if (may != HUB_PUBLISHED) {
            return may;
        }
    }
    if (hub->scrub_rules != NULL && scrub_rules_may_apply(hub->scrub_rules, in->subject)) {
        return hub_publish_scrubbed(hub, session, in, limit, wants_responder);
    }
    return hub_publish_clean(hub, session, in, wants_responder);
}
