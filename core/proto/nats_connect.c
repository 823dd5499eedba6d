/*
 * nats_connect.c - a table of fields over cJSON's list of members.
 *
 * cJSON keeps members in their order, duplicates included, so going through them once gives "the
 * last one counts", also between keys that differ in case. What cJSON cannot be trusted with is
 * json.h's business.
 */
#include "core/proto/nats_connect.h"

#include "core/proto/json.h"

#include <cjson/cJSON.h>
#include <string.h>

enum field_type { FIELD_BOOL, FIELD_TEXT, FIELD_INT, FIELD_UINT, FIELD_LIST, FIELD_OBJECT };

/* Fields whose value nobody here wants are in the tables because their type counts. */
enum { NOT_STORED = -1 };

struct field {
    const char *key;
    enum field_type type;
    int offset; /* in struct nats_connect, or NOT_STORED */
};

#define STORED(key, type)                                                                          \
    {                                                                                              \
#key, type, (int)offsetof(struct nats_connect, key)                                        \
    }
#define CHECKED(key, type)                                                                         \
    {                                                                                              \
#key, type, NOT_STORED                                                                     \
    }

static const struct field connect_fields[] = {
    STORED(verbose, FIELD_BOOL),       STORED(pedantic, FIELD_BOOL),
    STORED(echo, FIELD_BOOL),          STORED(headers, FIELD_BOOL),
    STORED(no_responders, FIELD_BOOL), STORED(tls_required, FIELD_BOOL),
    STORED(new_account, FIELD_BOOL),   STORED(protocol, FIELD_INT),
    STORED(user, FIELD_TEXT),          STORED(pass, FIELD_TEXT),
    STORED(auth_token, FIELD_TEXT),    STORED(nkey, FIELD_TEXT),
    STORED(sig, FIELD_TEXT),           STORED(jwt, FIELD_TEXT),
    STORED(name, FIELD_TEXT),          STORED(lang, FIELD_TEXT),
    STORED(version, FIELD_TEXT),       STORED(account, FIELD_TEXT),
    CHECKED(import, FIELD_OBJECT),     CHECKED(export, FIELD_OBJECT),
};

static const struct field info_fields[] = {
    CHECKED(server_id, FIELD_TEXT),
    CHECKED(server_name, FIELD_TEXT),
    CHECKED(version, FIELD_TEXT),
    CHECKED(proto, FIELD_INT),
    CHECKED(git_commit, FIELD_TEXT),
    CHECKED(go, FIELD_TEXT),
    CHECKED(host, FIELD_TEXT),
    CHECKED(port, FIELD_INT),
    CHECKED(headers, FIELD_BOOL),
    CHECKED(auth_required, FIELD_BOOL),
    CHECKED(tls_required, FIELD_BOOL),
    CHECKED(tls_verify, FIELD_BOOL),
    CHECKED(tls_available, FIELD_BOOL),
    CHECKED(max_payload, FIELD_INT),
    CHECKED(jetstream, FIELD_BOOL),
    CHECKED(ip, FIELD_TEXT),
    CHECKED(client_id, FIELD_UINT),
    CHECKED(client_ip, FIELD_TEXT),
    CHECKED(nonce, FIELD_TEXT),
    CHECKED(cluster, FIELD_TEXT),
    CHECKED(domain, FIELD_TEXT),
    CHECKED(connect_urls, FIELD_LIST),
    CHECKED(ws_connect_urls, FIELD_LIST),
    CHECKED(ldm, FIELD_BOOL),
    CHECKED(import, FIELD_OBJECT),
    CHECKED(export, FIELD_OBJECT),
};

void nats_connect_init(struct nats_connect *options)
{
    ASSERT(options != NULL);
    *options = (struct nats_connect){.verbose = true, .pedantic = true, .echo = true};
}

static void *stored(struct nats_connect *options, const struct field *field)
{
    return (char *)options + field->offset;
}

/* Frees what the field owned. */
static void text_set(struct bytes *text, const uint8_t *ptr, size_t size)
{
    memory_free((void *)(uintptr_t)text->ptr);
    *text = bytes_of(ptr, size);
}

void nats_connect_free(struct nats_connect *options)
{
    for (size_t i = 0; i < COUNT_OF(connect_fields); i++) {
        if (connect_fields[i].type == FIELD_TEXT && connect_fields[i].offset != NOT_STORED) {
            text_set(stored(options, &connect_fields[i]), NULL, 0);
        }
    }
}

static bool has_type(const cJSON *value, enum field_type type)
{
    switch (type) {
    case FIELD_BOOL:
        return cJSON_IsBool(value);
    case FIELD_TEXT:
        return cJSON_IsString(value);
    case FIELD_INT:
        return cJSON_IsNumber(value);
    case FIELD_UINT:
        return cJSON_IsNumber(value) && value->valuedouble >= 0;
    case FIELD_LIST:
        return cJSON_IsArray(value);
    case FIELD_OBJECT:
        return cJSON_IsObject(value);
    }
    return false;
}

static const struct field *field_of(const cJSON *member, const struct field *fields, size_t count)
{
    /* Nearly everybody writes keys as they are in the table. */
    for (size_t i = 0; i < count; i++) {
        if (member->string[0] == fields[i].key[0] && strcmp(member->string, fields[i].key) == 0) {
            return &fields[i];
        }
    }
    struct bytes key = bytes_text(member->string);
    for (size_t i = 0; i < count; i++) {
        if (json_key_is(key, fields[i].key)) {
            return &fields[i];
        }
    }
    return NULL;
}

static void store(struct nats_connect *options, const struct field *field, const cJSON *value)
{
    switch (field->type) {
    case FIELD_BOOL:
        *(bool *)stored(options, field) = cJSON_IsTrue(value);
        break;
    case FIELD_INT:
        /* json_prepare let only an int64 through, but the double next to the largest is 2^63. */
        *(int64_t *)stored(options, field) =
            value->valuedouble >= 0x1p63 ? INT64_MAX : (int64_t)value->valuedouble;
        break;
    case FIELD_TEXT: {
        struct bytes raw = bytes_text(value->valuestring);
        if (raw.size == 0) {
            text_set(stored(options, field), NULL, 0);
            break;
        }
        char *text = memory_alloc(3 * raw.size);
        size_t size = json_clean_utf8(raw, text);
        text_set(stored(options, field), memory_resize(text, size), size);
        break;
    }
    case FIELD_UINT:
    case FIELD_LIST:
    case FIELD_OBJECT:
        ASSERT(!"no field of this type is stored");
    }
}

/* Do all members that a field names have its type? null fits every type. */
static bool types_match(const cJSON *root, const struct field *fields, size_t count)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, root)
    {
        const struct field *field = field_of(member, fields, count);
        if (field != NULL && !cJSON_IsNull(member) && !has_type(member, field->type)) {
            return false;
        }
    }
    return true;
}

/* An object whose fields have the right types, or null. NULL: neither. The caller deletes it. */
static cJSON *read_object(struct bytes json, const struct field *fields, size_t count)
{
    char *copy = memory_alloc(json.size + 1);
    cJSON *root = json_prepare(json, copy) ? cJSON_ParseWithLength(copy, json.size) : NULL;
    memory_free(copy);
    bool good = cJSON_IsNull(root) || (cJSON_IsObject(root) && types_match(root, fields, count));
    if (root != NULL && !good) {
        cJSON_Delete(root);
        root = NULL;
    }
    return root;
}

bool nats_connect_parse(struct nats_connect *options, struct bytes json)
{
    ASSERT(options != NULL);
    cJSON *root = read_object(json, connect_fields, COUNT_OF(connect_fields));
    if (root == NULL) {
        return false;
    }
    const cJSON *member;
    cJSON_ArrayForEach(member, root)
    {
        const struct field *field = field_of(member, connect_fields, COUNT_OF(connect_fields));
        if (field != NULL && field->offset != NOT_STORED && !cJSON_IsNull(member)) {
            store(options, field, member);
        }
    }
    cJSON_Delete(root);
    return true;
}

bool nats_connect_check_info(struct bytes json)
{
    cJSON *root = read_object(json, info_fields, COUNT_OF(info_fields));
    if (root == NULL) {
        return false;
    }
    cJSON_Delete(root);
    return true;
}
