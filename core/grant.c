/* grant.c - a cache of publish answers, and replies that may be answered. */
#include "core/grant.h"

#include "core/hash.h"
#include "core/planted.h"

/* ---- publish answers ------------------------------------------------------------------------- */

/* The subject itself is compared, so that no collision of hashes gives anybody a permit. */
struct cached {
    uint8_t size; /* 0: free */
    uint8_t may;
    uint8_t subject[GRANT_CACHE_SUBJECT_MAX];
};

struct grant_cache {
    struct cached entries[GRANT_CACHE_ENTRIES];
};

static_assert(sizeof(struct grant_cache) == GRANT_CACHE_BYTES, "as its header says");

static bool may_publish(struct grant *grant, const struct permit *permit, struct bytes subject)
{
    if (subject.size > GRANT_CACHE_SUBJECT_MAX || subject.size == 0) {
        return permit_may_publish(permit, subject);
    }
    if (grant->cache == NULL) {
        grant->cache = memory_alloc(sizeof(*grant->cache));
    }
    uint64_t hash = hash_bytes(subject, 0);
    struct cached *entry = &grant->cache->entries[hash % GRANT_CACHE_ENTRIES];
    if (entry->size == subject.size && memcmp(entry->subject, subject.ptr, subject.size) == 0) {
        return entry->may;
    }
    entry->size = (uint8_t)subject.size;
    entry->may = permit_may_publish(permit, subject);
    memcpy(entry->subject, subject.ptr, subject.size);
    return entry->may;
}

/* ---- responses ------------------------------------------------------------------------------- */

struct response {
    struct list link; /* oldest first */
    uint64_t heard_ns;
    uint32_t used;
    uint32_t size;
    uint8_t subject[];
};

struct responses {
    struct table table;
    struct list by_age;
    size_t bytes;
};

enum { RESPONSE_EXTRA_BYTES = 16 }; /* its place in the table */

static struct bytes response_subject(const struct response *response)
{
    return bytes_of(response->subject, response->size);
}

static uint64_t response_hash(const void *item)
{
    return hash_bytes(response_subject(item), 0);
}

static bool is_response(const void *item, const void *name)
{
    return bytes_equal(response_subject(item), *(const struct bytes *)name);
}

static size_t response_bytes(size_t subject_size)
{
    return sizeof(struct response) + subject_size + RESPONSE_EXTRA_BYTES;
}

static struct response *response_find(const struct responses *responses, struct bytes subject)
{
    return table_find(&responses->table, hash_bytes(subject, 0), is_response, &subject);
}

static void response_forget(struct responses *responses, struct response *response)
{
    table_remove(&responses->table, response, response_hash(response));
    list_remove(&response->link);
    responses->bytes -= response_bytes(response->size);
    memory_free(response);
}

static bool is_expired(const struct permit *permit, const struct response *response,
                       uint64_t now_ns)
{
    return permit->response_expires_ns != PERMIT_NEVER_NS &&
           now_ns - response->heard_ns > permit->response_expires_ns;
}

/* Those that are over, and the oldest until there are at most so many bytes. */
static void make_room(struct responses *responses, const struct permit *permit, size_t most,
                      uint64_t now_ns)
{
    struct list *node;
    while ((node = list_first(&responses->by_age)) != NULL) {
        struct response *oldest = CONTAINER_OF(node, struct response, link);
        if (!is_expired(permit, oldest, now_ns) && responses->bytes <= most) {
            return;
        }
        response_forget(responses, oldest);
    }
}

static void responses_free(struct responses *responses)
{
    if (responses == NULL) {
        return;
    }
    struct list *node;
    while ((node = list_first(&responses->by_age)) != NULL) {
        response_forget(responses, CONTAINER_OF(node, struct response, link));
    }
    table_free(&responses->table);
    memory_free(responses);
}

/* ---- the grant ------------------------------------------------------------------------------- */

static const struct permit *permit_of(const struct grant *grant)
{
    return grant->user->permit;
}

struct grant *grant_new(void)
{
    return memory_alloc(sizeof(struct grant));
}

static void leave(struct grant *grant)
{
    if (grant->usage != NULL) {
        usage_leave(grant->usage);
        usage_unref(grant->usage);
        grant->usage = NULL;
    }
}

bool grant_join(struct grant *grant, const struct access_user *user, uint32_t most)
{
    if (grant->usage == user->usage) {
        return true;
    }
    if (!usage_join(user->usage, most)) {
        return false;
    }
    leave(grant);
    usage_ref(user->usage);
    grant->usage = user->usage;
    return true;
}

void grant_free(struct grant *grant)
{
    if (grant == NULL) {
        return;
    }
    leave(grant);
    responses_free(grant->responses);
    memory_free(grant->cache);
    memory_free(grant);
}

void grant_bind(struct grant *grant, const struct access_user *user)
{
    if (!PLANTED(PLANTED_STALE_ANSWERS)) {
        memory_free(grant->cache);
        grant->cache = NULL;
    }
    grant->user = user;
    if (user == NULL || user->usage != grant->usage) {
        leave(grant);
    }
    if (user == NULL || user->permit == NULL || !user->permit->responds) {
        responses_free(grant->responses);
        grant->responses = NULL;
    }
}

enum grant_answer grant_may_publish(struct grant *grant, struct bytes subject, uint64_t now_ns)
{
    if (grant->user == NULL) {
        return GRANT_NO;
    }
    const struct permit *permit = permit_of(grant);
    if (permit == NULL || may_publish(grant, permit, subject)) {
        return GRANT_YES;
    }
    if (grant->responses == NULL) {
        return GRANT_NO;
    }
    struct response *response = response_find(grant->responses, subject);
    if (response == NULL) {
        return GRANT_NO;
    }
    if (is_expired(permit, response, now_ns)) {
        response_forget(grant->responses, response);
        return GRANT_NO;
    }
    return GRANT_RESPONSE;
}

void grant_responded(struct grant *grant, struct bytes subject)
{
    struct response *response =
        grant->responses != NULL ? response_find(grant->responses, subject) : NULL;
    const struct permit *permit = permit_of(grant);
    if (response != NULL && permit->responses_max > 0 &&
        ++response->used >= permit->responses_max + PLANTED(PLANTED_ANSWER_TWICE)) {
        response_forget(grant->responses, response);
    }
}

bool grant_may_subscribe(const struct grant *grant, struct bytes subject, struct bytes queue)
{
    return grant->user != NULL &&
           (permit_of(grant) == NULL || permit_may_subscribe(permit_of(grant), subject, queue));
}

bool grant_watches(const struct grant *grant, struct bytes pattern)
{
    return grant->user != NULL && permit_of(grant) != NULL &&
           permit_watches(permit_of(grant), pattern);
}

bool grant_may_hear(const struct grant *grant, struct bytes subject)
{
    return grant->user != NULL &&
           (permit_of(grant) == NULL || permit_may_hear(permit_of(grant), subject));
}

bool grant_responds(const struct grant *grant)
{
    return grant->user != NULL && permit_of(grant) != NULL && permit_of(grant)->responds;
}

/* NULL: there is no room for it, or it needs no memory. */
static struct response *response_take(struct grant *grant, struct bytes reply, uint64_t now_ns,
                                      size_t most)
{
    const struct permit *permit = permit_of(grant);
    size_t bytes = response_bytes(reply.size);
    if (reply.size == 0 || bytes > most || permit_may_publish(permit, reply)) {
        return NULL;
    }
    if (grant->responses == NULL) {
        grant->responses = memory_alloc(sizeof(*grant->responses));
        list_init(&grant->responses->by_age);
    }
    struct responses *responses = grant->responses;
    struct response *response = response_find(responses, reply);
    if (response == NULL) {
        make_room(responses, permit, most - bytes, now_ns);
        response = memory_alloc(sizeof(*response) + reply.size);
        list_init(&response->link);
        response->size = (uint32_t)reply.size;
        memcpy(response->subject, reply.ptr, reply.size);
        table_add(&responses->table, response, response_hash(response));
        responses->bytes += bytes;
    }
    list_remove(&response->link);
    list_push(&responses->by_age, &response->link);
    return response;
}

size_t grant_responses_bytes(const struct grant *grant)
{
    return grant->responses != NULL ? grant->responses->bytes : 0;
}

void grant_heard(struct grant *grant, struct bytes reply, uint64_t now_ns, size_t most)
{
    ASSERT(grant_responds(grant));
    struct response *response = response_take(grant, reply, now_ns, most);
    if (response != NULL) {
        response->used = 0;
        response->heard_ns = now_ns;
    }
}

bool grant_response_next(const struct grant *grant, const void **cursor, struct response_view *view)
{
    if (grant->responses == NULL) {
        return false;
    }
    const struct list *head = &grant->responses->by_age;
    const struct list *node = *cursor == NULL ? head->next : ((const struct list *)*cursor)->next;
    if (node == head) {
        return false;
    }
    *cursor = node;
    const struct response *response =
        (const struct response *)(const void *)((const char *)node -
                                                offsetof(struct response, link));
    *view = (struct response_view){.subject = response_subject(response),
                                   .heard_ns = response->heard_ns,
                                   .used = response->used};
    return true;
}

void grant_response_put(struct grant *grant, const struct response_view *view)
{
    struct response *response =
        grant_responds(grant)
            ? response_take(grant, view->subject, view->heard_ns, GRANT_RESPONSES_BYTES)
            : NULL;
    if (response != NULL) {
        response->used = view->used;
        response->heard_ns = view->heard_ns;
    }
}

size_t grant_bytes(const struct grant *grant)
{
    size_t bytes = sizeof(*grant);
    bytes += grant->cache != NULL ? sizeof(*grant->cache) : 0;
    bytes += grant->responses != NULL ? sizeof(*grant->responses) + grant->responses->bytes : 0;
    return bytes;
}
