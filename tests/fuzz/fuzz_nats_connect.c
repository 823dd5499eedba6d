/*
 * fuzz_nats_connect.c - does any argument of CONNECT or INFO break the JSON reader?
 *
 * Checked besides memory errors: what json_prepare lets through, cJSON can read; strings that come
 * out are clean UTF-8 without NUL; reading the same text twice ends in the same options.
 */
#include "core/proto/json.h"
#include "core/proto/nats_connect.h"

#include <cjson/cJSON.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct bytes text)
{
    char *clean = memory_alloc(3 * text.size + 1);
    size_t size = json_clean_utf8(text, clean);
    ASSERT(bytes_equal(text, bytes_of(clean, size)));
    ASSERT(text.size == 0 || memchr(text.ptr, 0, text.size) == NULL);
    memory_free(clean);
}

static bool equal(const struct nats_connect *a, const struct nats_connect *b)
{
    return a->verbose == b->verbose && a->echo == b->echo && a->protocol == b->protocol &&
           bytes_equal(a->user, b->user) && bytes_equal(a->name, b->name) &&
           bytes_equal(a->pass, b->pass) && bytes_equal(a->auth_token, b->auth_token) &&
           bytes_equal(a->nkey, b->nkey) && bytes_equal(a->sig, b->sig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16384) {
        return 0;
    }
    struct bytes json = bytes_of(data, size);
    char *copy = memory_alloc(size + 1);
    bool prepared = json_prepare(json, copy);
    if (prepared) {
        cJSON *root = cJSON_ParseWithLength(copy, size);
        ASSERT(root != NULL);
        cJSON_Delete(root);
    }
    memory_free(copy);

    struct nats_connect once;
    struct nats_connect twice;
    nats_connect_init(&once);
    nats_connect_init(&twice);
    bool accepted = nats_connect_parse(&once, json);
    ASSERT(prepared || !accepted);
    bool first = nats_connect_parse(&twice, json);
    bool second = nats_connect_parse(&twice, json);
    ASSERT(first == accepted);
    ASSERT(second == accepted);
    ASSERT(equal(&once, &twice));
    check_text(once.user);
    check_text(once.pass);
    check_text(once.auth_token);
    check_text(once.nkey);
    check_text(once.sig);
    check_text(once.name);
    check_text(once.jwt);
    bool info = nats_connect_check_info(json);
    ASSERT(prepared || !info);
    nats_connect_free(&once);
    nats_connect_free(&twice);
    return 0;
}
