/* permit.c - allow and deny, and what they mean together. */
#include "core/permit.h"

#include "core/subject.h"

struct permit *permit_new(void)
{
    return memory_alloc(sizeof(struct permit));
}

void permit_free(struct permit *permit)
{
    if (permit == NULL) {
        return;
    }
    patterns_free(permit->publish.allow);
    patterns_free(permit->publish.deny);
    patterns_free(permit->subscribe.allow);
    patterns_free(permit->subscribe.deny);
    memory_free(permit);
}

static bool add(struct patterns **list, struct bytes text)
{
    if (*list == NULL) {
        *list = patterns_new();
    }
    return patterns_add(*list, text);
}

static bool has_blank(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.ptr[i] == ' ' || text.ptr[i] == '\t') {
            return true;
        }
    }
    return false;
}

bool permit_publish_allow(struct permit *permit, struct bytes pattern)
{
    return !has_blank(pattern) && add(&permit->publish.allow, pattern);
}

bool permit_publish_deny(struct permit *permit, struct bytes pattern)
{
    return !has_blank(pattern) && add(&permit->publish.deny, pattern);
}

bool permit_subscribe_allow(struct permit *permit, struct bytes text)
{
    return add(&permit->subscribe.allow, text);
}

bool permit_subscribe_deny(struct permit *permit, struct bytes text)
{
    return add(&permit->subscribe.deny, text);
}

void permit_respond(struct permit *permit, uint32_t responses_max, uint64_t expires_ns)
{
    permit->responds = true;
    permit->responses_max = responses_max;
    permit->response_expires_ns = expires_ns;
}

bool permit_may_publish(const struct permit *permit, struct bytes subject)
{
    const struct permit_side *side = &permit->publish;
    if (side->allow == NULL ? permit->responds : !patterns_match(side->allow, subject)) {
        return false;
    }
    return side->deny == NULL || !patterns_match(side->deny, subject);
}

bool permit_may_subscribe(const struct permit *permit, struct bytes subject, struct bytes queue)
{
    const struct permit_side *side = &permit->subscribe;
    if (side->allow != NULL) {
        struct patterns_hit hit = patterns_look(side->allow, subject, queue);
        /* Where queues are named for a subject, a queue must be one of them. */
        bool allowed = queue.size > 0 && hit.queue ? hit.named : hit.plain;
        if (!allowed) {
            return false;
        }
    }
    if (side->deny == NULL) {
        return true;
    }
    struct patterns_hit hit = patterns_look(side->deny, subject, queue);
    return !hit.plain && !(queue.size > 0 && hit.named);
}

bool permit_watches(const struct permit *permit, struct bytes pattern)
{
    if (permit->responds) {
        return true; /* what it may answer must be remembered */
    }
    if (!subject_has_wildcard(pattern)) {
        return false;
    }
    const struct permit_side *side = &permit->subscribe;
    return (side->deny != NULL && patterns_overlap(side->deny, pattern)) ||
           (side->allow != NULL && !patterns_cover_any(side->allow, pattern));
}

bool permit_may_hear(const struct permit *permit, struct bytes subject)
{
    const struct permit_side *side = &permit->subscribe;
    if (side->allow != NULL && !patterns_match_any(side->allow, subject)) {
        return false;
    }
    return side->deny == NULL || !patterns_match(side->deny, subject);
}

static bool patterns_equal(const struct patterns *one, const struct patterns *other)
{
    if (one == NULL || other == NULL) {
        return one == other;
    }
    if (patterns_count(one) != patterns_count(other)) {
        return false;
    }
    for (uint32_t i = 0; i < patterns_count(one); i++) {
        if (!bytes_equal(patterns_at(one, i), patterns_at(other, i))) {
            return false;
        }
    }
    return true;
}

static bool side_equal(const struct permit_side *one, const struct permit_side *other)
{
    return patterns_equal(one->allow, other->allow) && patterns_equal(one->deny, other->deny);
}

bool permit_equal(const struct permit *one, const struct permit *other)
{
    if (one == NULL || other == NULL) {
        return one == other;
    }
    return side_equal(&one->publish, &other->publish) &&
           side_equal(&one->subscribe, &other->subscribe) && one->responds == other->responds &&
           one->responses_max == other->responses_max &&
           one->response_expires_ns == other->response_expires_ns;
}
