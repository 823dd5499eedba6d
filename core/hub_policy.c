/*
 * hub_policy.c - who is behind, and what its policies make of that.
 *
 *   SUB ▶ lane_take ▶ … hub_lane_add (a message waits) … ▶ blocked ▶ hub_enforce_policies (turn end)
 *
 * A subscriber whose socket takes what it is offered loses nothing, however much one turn brings;
 * lanes are looked at when their session is left with bytes. WAIT closes a gate: its subscriptions'
 * patterns go to every worker in the lane of interest, which no pause can block, and publishers of
 * matching subjects are paused before the message is taken. So nothing is lost, and the time is
 * bounded by the rule and not by the publisher.
 */
#include "core/addresses.h"
#include "core/hub_state.h"

/* A lane under LATEST is gone through when it has grown to twice what was left the last time: that
 * costs a constant for each message. Before it is sent from, it is gone through anyway. */
enum { LATEST_SLACK = 16 };

/* ---- terms ----------------------------------------------------------------------------------- */

struct terms *session_terms(struct session *session)
{
    struct terms *terms = session->pending.terms;
    if (terms == NULL) {
        terms = memory_alloc(sizeof(*terms));
        terms->session = session;
        terms->gates_ns = terms->resume_ns = UINT64_MAX;
        list_init(&terms->over_link);
        session->pending.terms = terms;
    }
    return terms;
}

void session_terms_free(struct session *session)
{
    struct terms *terms = session->pending.terms;
    if (terms == NULL) {
        return;
    }
    ASSERT(terms->lanes_bytes == 0);
    if (terms->address != NULL) {
        address_leave(terms->address);
    }
    list_remove(&terms->over_link);
    memory_free(terms->lanes);
    memory_free(terms);
    session->pending.terms = NULL;
}

static struct lane *lane_at(const struct terms *terms, uint32_t number)
{
    ASSERT(number > 0 && number <= terms->lanes_count);
    return &terms->lanes[number - 1];
}

static uint64_t limit_of(const struct hub *hub, const struct lane *lane)
{
    return lane->rule.max_pending > 0 ? lane->rule.max_pending : hub->options.max_pending;
}

/* ---- joining and leaving --------------------------------------------------------------------- */

static bool is_same_rule(const struct policy_rule *a, const struct policy_rule *b)
{
    return a->kind == b->kind && a->then == b->then && a->max_pending == b->max_pending &&
           a->max_wait_ns == b->max_wait_ns && a->row == b->row;
}

/* The lane of a rule, or one that is free, or a new one; 0: there are too many. */
static uint32_t lane_find(struct terms *terms, const struct policy_rule *rule)
{
    uint32_t spare = 0;
    for (uint32_t i = 1; i <= terms->lanes_count; i++) {
        struct lane *lane = lane_at(terms, i);
        if (is_same_rule(&lane->rule, rule)) {
            return i;
        }
        if (lane->subs_count == 0 && lane->messages == 0) {
            spare = i;
        }
    }
    if (spare == 0) {
        if (terms->lanes_count == LANES_MAX) {
            return 0;
        }
        array_reserve((void **)&terms->lanes, &terms->lanes_capacity, terms->lanes_count + 1,
                      sizeof(struct lane));
        spare = ++terms->lanes_count;
    }
    *lane_at(terms, spare) = (struct lane){.rule = *rule, .gate_ns = UINT64_MAX};
    return spare;
}

/* What today's NATS does needs no lane. */
static bool is_ordinary(const struct policy_rule *rule)
{
    return rule->kind == POLICY_DISCONNECT && rule->max_pending == 0;
}

uint32_t hub_lane_take(struct hub *hub, struct session *session, struct bytes pattern)
{
    if (hub->policies == NULL) {
        return 0;
    }
    const struct policy_rule *rule = policies_find(hub->policies, pattern);
    if (is_ordinary(rule)) {
        return 0;
    }
    struct terms *terms = session_terms(session);
    uint32_t number = lane_find(terms, rule);
    if (number == 0) {
        return 0;
    }
    struct lane *lane = lane_at(terms, number);
    lane->subs_count++;
    terms->patient_subs += rule->kind != POLICY_DISCONNECT;
    if (lane->gated) {
        hub_gate_change(hub, true, pattern);
    }
    hub_timer_update(hub, session);
    return number;
}

void hub_lane_give(struct hub *hub, struct session *session, uint32_t number, struct bytes pattern)
{
    if (number == 0) {
        return;
    }
    struct terms *terms = session->pending.terms;
    struct lane *lane = lane_at(terms, number);
    ASSERT(lane->subs_count > 0);
    lane->subs_count--;
    terms->patient_subs -= lane->rule.kind != POLICY_DISCONNECT;
    if (lane->gated) {
        hub_gate_change(hub, false, pattern);
    }
    hub_timer_update(hub, session);
}

/* ---- gates ----------------------------------------------------------------------------------- */

/* Publishers of subjects that match an entry of hub->gates are held back. */
struct gate {
    struct index_entry base; /* first */
    uint32_t count;          /* subscriptions, of all workers */
};

void gates_init(struct hub *hub)
{
    struct index_options options = {.entry_size = sizeof(struct gate),
                                    .hash_key = hub->options.hash_key};
    hub->gates = index_new(&options);
    list_init(&hub->over);
}

void hub_gate_apply(struct hub *hub, bool closes, uint32_t account_id, struct bytes pattern)
{
    if (closes) {
        struct gate *gate = (struct gate *)index_take(hub->gates, account_id, pattern);
        gate->count++;
        hub->guards |= GUARD_GATES;
        return;
    }
    struct gate *gate = (struct gate *)index_find(hub->gates, account_id, pattern);
    ASSERT(gate != NULL);
    if (--gate->count > 0) {
        return;
    }
    index_remove(hub->gates, &gate->base);
    if (index_stats(hub->gates).entries == 0) {
        hub->guards &= ~(uint32_t)GUARD_GATES;
    }
    struct session *session;
    while ((session = queue_first(&hub->gated)) != NULL) {
        session_resume(hub, session, PAUSE_GATE);
    }
}

void hub_gate_change(struct hub *hub, bool closes, struct bytes pattern)
{
    hub_gate_apply(hub, closes, 0, pattern);
    interest_announce(hub, INTEREST_GATE, closes, 0, pattern, (struct bytes){0});
}

bool hub_gate_is_closed(struct hub *hub, uint32_t account_id, struct bytes subject)
{
    struct index_match found;
    uint64_t hash = index_hash(hub->options.hash_key, account_id, subject);
    index_match(hub->gates, account_id, subject, hash, &found);
    return found.literal != NULL || found.wildcards_count > 0;
}

struct bytes sub_pattern(const struct hub *hub, const struct sub *sub)
{
    const struct group *group = sub_group(sub);
    const struct entry *entry = group != NULL ? group->entry : sub->audience->entry;
    return index_pattern(hub->index, &entry->base);
}

static void gates_due(struct hub *hub, struct session *session)
{
    struct terms *terms = session->pending.terms;
    terms->gates_ns = UINT64_MAX;
    for (uint32_t i = 1; i <= terms->lanes_count; i++) {
        terms->gates_ns = MIN_OF(terms->gates_ns, lane_at(terms, i)->gate_ns);
    }
    hub_timer_update(hub, session);
}

static void lane_gate(struct hub *hub, struct session *session, uint32_t number, bool closes)
{
    struct lane *lane = lane_at(session->pending.terms, number);
    if (lane->gated == closes) {
        return;
    }
    lane->gated = closes;
    lane->gate_ns = closes ? hub->now_ns + lane->rule.max_wait_ns : UINT64_MAX;
    gates_due(hub, session);
    uint32_t cursor = 0;
    struct sub *sub;
    while ((sub = table_next(&session->subs, &cursor)) != NULL) {
        if (sub->lane == number) {
            hub_gate_change(hub, closes, sub_pattern(hub, sub));
        }
    }
}

/* ---- enforcement ----------------------------------------------------------------------------- */

static bool is_behind(const struct session *session)
{
    return session->blocked || session->turn_sends >= SESSION_SENDS_MAX;
}

static bool lane_needs_look(const struct hub *hub, const struct lane *lane)
{
    bool has_grown =
        lane->rule.kind == POLICY_LATEST && lane->messages > 2 * lane->looked_at + LATEST_SLACK;
    return lane->bytes > limit_of(hub, lane) || has_grown;
}

void hub_look_over(struct hub *hub, struct session *session)
{
    struct terms *terms = session->pending.terms;
    for (uint32_t i = 1; i <= terms->lanes_count; i++) {
        if (lane_needs_look(hub, lane_at(terms, i)) && !list_is_linked(&terms->over_link)) {
            list_push(&hub->over, &terms->over_link);
        }
    }
}

void hub_lane_add(struct hub *hub, struct session *session, uint32_t number)
{
    pending_lane_last(&session->pending, number);
    struct terms *terms = session->pending.terms;
    if (is_behind(session) && !list_is_linked(&terms->over_link) &&
        lane_needs_look(hub, lane_at(terms, number))) {
        list_push(&hub->over, &terms->over_link);
    }
}

static void count_drops(struct hub *hub, const struct lane *lane, enum drop_reason reason,
                        uint64_t messages)
{
    struct policy_drops *row = &hub->metrics.policy_drops[lane->rule.row];
    messages -= PLANTED(PLANTED_DROP_UNCOUNTED) && messages > 0;
    hub->metrics.deliveries_dropped[reason] += messages;
    row->newest += reason == DROP_POLICY_NEWEST ? messages : 0;
    row->oldest += reason == DROP_POLICY_OLDEST ? messages : 0;
    row->replaced += reason == DROP_POLICY_REPLACED ? messages : 0;
}

static void drop_oldest(struct hub *hub, struct session *session, uint32_t number, uint64_t limit,
                        enum drop_reason reason)
{
    struct pending *p = &session->pending;
    uint64_t dropped = pending_drop_oldest(p, &hub->pendings, number, limit);
    count_drops(hub, lane_at(p->terms, number), reason, dropped);
}

static void keep_latest(struct hub *hub, struct session *session, uint32_t number)
{
    struct pending *p = &session->pending;
    uint64_t dropped = pending_keep_latest(p, &hub->pendings, number);
    count_drops(hub, lane_at(p->terms, number), DROP_POLICY_REPLACED, dropped);
}

static void enforce_lane(struct hub *hub, struct session *session, uint32_t number)
{
    struct pending *p = &session->pending;
    struct lane *lane = lane_at(p->terms, number);
    uint64_t limit = limit_of(hub, lane);
    if (lane->rule.kind == POLICY_LATEST && lane_needs_look(hub, lane)) {
        keep_latest(hub, session, number);
    }
    if (lane->bytes <= limit) {
        return;
    }
    switch (lane_policy(lane)) {
    case POLICY_DROP_NEWEST:
        count_drops(hub, lane, DROP_POLICY_NEWEST,
                    pending_drop_newest(p, &hub->pendings, number, limit));
        break;
    case POLICY_DROP_OLDEST:
    case POLICY_LATEST:
        drop_oldest(hub, session, number, limit, DROP_POLICY_OLDEST);
        break;
    case POLICY_WAIT:
        lane_gate(hub, session, number, true);
        /* What was under way when the gate closed has bounds; this is for those who have none. */
        if (lane->bytes - limit > hub->options.max_pending) {
            hub_close(hub, session, CLOSE_SLOW_PENDING, HUB_CLOSE_AT_ONCE);
        }
        break;
    default:
        hub_close(hub, session, CLOSE_SLOW_PENDING, HUB_CLOSE_AT_ONCE);
        break;
    }
}

void hub_enforce_policies(struct hub *hub)
{
    struct list *node;
    while ((node = list_pop(&hub->over)) != NULL) {
        struct terms *terms = CONTAINER_OF(node, struct terms, over_link);
        struct session *session = terms->session;
        for (uint32_t i = 1; i <= terms->lanes_count; i++) {
            if (session->state == SESSION_OPEN && is_behind(session)) {
                enforce_lane(hub, session, i);
            }
        }
    }
}

void hub_before_send(struct hub *hub, struct session *session)
{
    struct terms *terms = session->pending.terms;
    for (uint32_t i = 1; i <= terms->lanes_count && session->blocked; i++) {
        struct lane *lane = lane_at(terms, i);
        if (lane->rule.kind == POLICY_LATEST && lane->messages > lane->looked_at) {
            keep_latest(hub, session, i);
        }
    }
}

void hub_after_send(struct hub *hub, struct session *session)
{
    struct terms *terms = session->pending.terms;
    for (uint32_t i = 1; i <= terms->lanes_count; i++) {
        struct lane *lane = lane_at(terms, i);
        if (lane->bytes <= limit_of(hub, lane) / 2) {
            lane->gave_up = false;
            if (!PLANTED(PLANTED_GATE_STAYS)) {
                lane_gate(hub, session, i, false);
            }
        }
    }
}

bool hub_terms_expire(struct hub *hub, struct session *session)
{
    struct terms *terms = session->pending.terms;
    if (terms->resume_ns <= hub->now_ns) {
        terms->resume_ns = UINT64_MAX;
        session_resume(hub, session, PAUSE_RATE);
    }
    for (uint32_t i = 1; i <= terms->lanes_count && terms->gates_ns <= hub->now_ns; i++) {
        struct lane *lane = lane_at(terms, i);
        if (lane->gate_ns > hub->now_ns) {
            continue;
        }
        lane_gate(hub, session, i, false);
        lane->gave_up = true;
        if (lane->rule.then == POLICY_DISCONNECT) {
            hub_close(hub, session, CLOSE_SLOW_PENDING, HUB_CLOSE_AT_ONCE);
            return false;
        }
        hub_look_over(hub, session);
    }
    return true;
}

/* ---- memory ---------------------------------------------------------------------------------- */

void hub_shed(struct hub *hub, struct session *session)
{
    struct terms *terms = session->pending.terms;
    for (uint32_t i = 1; i <= terms->lanes_count; i++) {
        struct lane *lane = lane_at(terms, i);
        enum policy_kind kind = lane_policy(lane);
        if (kind != POLICY_DISCONNECT && kind != POLICY_WAIT && lane->messages > 1) {
            drop_oldest(hub, session, i, 0, DROP_MEMORY_LIMIT);
        }
    }
}

uint64_t session_pending_limited(const struct session *session)
{
    const struct pending *p = &session->pending;
    uint64_t bytes = pending_bytes(p);
    if (LIKELY(p->terms == NULL || p->terms->lanes_bytes == 0)) {
        return bytes;
    }
    uint64_t sent = !pending_is_empty(p) && pending_at(p, 0)->lane != 0 ? pending_head_sent(p) : 0;
    return bytes + sent - p->terms->lanes_bytes;
}

/* ---- a change of rules ----------------------------------------------------------------------- */

void hub_session_rules(struct hub *hub, struct session *session)
{
    uint32_t count = session->subs.count;
    bool is_bound = session->pending.terms != NULL && session->pending.terms->lanes_count > 0;
    bool has_rules = hub->policies != NULL &&
                     (hub->policies->rules_count > 1 || !is_ordinary(&hub->policies->rules[0]));
    if (session->state != SESSION_OPEN || count == 0 || (!is_bound && !has_rules)) {
        return;
    }
    hub_close_run(hub);
    hub_settle(hub);
    struct sub **subs = memory_alloc(MAX_OF(count, 1u) * sizeof(struct sub *));
    uint32_t cursor = 0;
    for (uint32_t i = 0; i < count; i++) {
        subs[i] = table_next(&session->subs, &cursor);
    }
    for (uint32_t i = 0; i < count; i++) {
        hub_sub_rule_again(hub, session, subs[i]);
    }
    memory_free(subs);
    if (session->pending.terms != NULL && is_behind(session)) {
        hub_look_over(hub, session);
    }
}

void hub_policies_swap(struct hub *hub, const struct policies *policies)
{
    hub->policies = policies;
    bool has_quotas = policies != NULL && (quota_is_set(&policies->quotas.client) ||
                                           quota_is_set(&policies->quotas.user));
    hub->guards = (hub->guards & ~(uint32_t)GUARD_QUOTAS) | (has_quotas ? GUARD_QUOTAS : 0);
}

void hub_set_policies(struct hub *hub, const struct policies *policies)
{
    hub_policies_swap(hub, policies);
    POOL_FOR_EACH(slot, &hub->sessions)
    {
        hub_session_rules(hub, pool_at(&hub->sessions, slot));
    }
}

const struct quotas *hub_quotas(const struct hub *hub)
{
    static const struct quotas none = {0};
    return hub->policies != NULL ? &hub->policies->quotas : &none;
}

void hub_set_address(struct session *session, struct address *address)
{
    if (address != NULL) {
        session_terms(session)->address = address;
    }
}

bool hub_join_user(struct hub *hub, struct session *session, const struct access_user *user)
{
    return grant_join(session->grant, user, hub_quotas(hub)->connections_per_user);
}

/* ---- quotas ---------------------------------------------------------------------------------- */

static uint64_t quota_wait(struct bucket *messages, struct bucket *bytes, const struct quota *quota,
                           uint64_t size, uint64_t now_ns)
{
    uint64_t wait = bucket_wait(messages, quota->messages, 1, now_ns);
    uint64_t other = bucket_wait(bytes, quota->bytes, size, now_ns);
    return MAX_OF(wait, other);
}

/* The wait of a user, of whom other workers may have clients too. */
static uint64_t usage_wait(struct usage *usage, const struct quota *quota, uint64_t size,
                           uint64_t now_ns)
{
    uint64_t wait = bucket_shared_wait(&usage->messages, quota->messages, 1, now_ns);
    uint64_t other = bucket_shared_wait(&usage->bytes, quota->bytes, size, now_ns);
    return MAX_OF(wait, other);
}

static enum hub_publish_result over_quota(struct hub *hub, struct session *session,
                                          const struct quota *quota, uint64_t wait_ns)
{
    if (quota->action == QUOTA_DELAY) {
        session->pending.terms->resume_ns = hub->now_ns + wait_ns;
        hub_timer_update(hub, session);
        return HUB_PUBLISH_SLOWED;
    }
    hub->metrics.messages_in++;
    hub->metrics.deliveries_dropped[DROP_RATE_LIMIT] += !PLANTED(PLANTED_RATE_UNCOUNTED);
    return quota->action == QUOTA_DROP ? HUB_PUBLISH_DROPPED : HUB_PUBLISH_OVER_RATE;
}

/* NULL: it is no user's. */
static struct usage *usage_of(const struct session *session)
{
    return session->grant != NULL ? session->grant->usage : NULL;
}

enum hub_publish_result hub_check_quotas(struct hub *hub, struct session *session, uint64_t size)
{
    const struct quotas *quotas = &hub->policies->quotas;
    struct terms *terms = session_terms(session);
    uint64_t now_ns = hub->now_ns;
    uint64_t wait = quota_wait(&terms->messages, &terms->bytes, &quotas->client, size, now_ns);
    if (wait > 0) {
        return over_quota(hub, session, &quotas->client, wait);
    }
    struct usage *usage = usage_of(session);
    if (usage != NULL) {
        wait = usage_wait(usage, &quotas->user, size, now_ns);
        if (wait > 0) {
            return over_quota(hub, session, &quotas->user, wait);
        }
    }
    return HUB_PUBLISHED;
}

void hub_spend_quotas(struct hub *hub, struct session *session, uint64_t size)
{
    const struct quotas *quotas = &hub->policies->quotas;
    struct terms *terms = session_terms(session);
    bucket_take(&terms->messages, quotas->client.messages, 1, hub->now_ns);
    bucket_take(&terms->bytes, quotas->client.bytes, size, hub->now_ns);
    struct usage *usage = usage_of(session);
    if (usage != NULL) {
        bucket_shared_take(&usage->messages, quotas->user.messages, 1, hub->now_ns);
        bucket_shared_take(&usage->bytes, quotas->user.bytes, size, hub->now_ns);
    }
}
