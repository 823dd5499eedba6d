/* nats_info.c - cJSON writes what is common once; numbers and an address are all that is added. */
#include "core/proto/nats_info.h"

#include "core/frame.h"
#include "core/nkey.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

/* The longest ,"client_id":18446744073709551615,"client_ip":"…","auth_required":true,"nonce":"…",
 * "ldm":true} CR LF. */
enum { CLIENT_PART_MAX = 108 + NATS_INFO_CLIENT_IP_MAX + NATS_INFO_NONCE_MAX };

/* Prints and deletes an object, whose brackets become open (or nothing) and nothing. False: it does
 * not fit. */
static bool print_members(cJSON *object, const char *open, char out[NATS_INFO_BYTES_MAX],
                          size_t *size)
{
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    ASSERT(text != NULL);
    size_t open_size = strlen(open);
    size_t members_size = strlen(text) - 2;
    bool fits = open_size + members_size <= NATS_INFO_BYTES_MAX;
    if (fits) {
        memcpy(out, open, open_size);
        memcpy(out + open_size, text + 1, members_size);
        *size = open_size + members_size;
    }
    cJSON_free(text);
    return fits;
}

static cJSON *object_new(void)
{
    cJSON *object = cJSON_CreateObject();
    ASSERT(object != NULL);
    return object;
}

static void add(cJSON *object, const char *key, cJSON *value)
{
    bool added = value != NULL && cJSON_AddItemToObject(object, key, value);
    ASSERT(added);
}

static void add_text(cJSON *object, const char *key, const char *text)
{
    ASSERT(text != NULL);
    add(object, key, cJSON_CreateString(text));
}

static bool print_head(struct nats_info *info, const struct nats_info_server *server)
{
    cJSON *head = object_new();
    add_text(head, "server_id", server->server_id);
    add_text(head, "server_name", server->server_name);
    add_text(head, "version", server->version);
    add(head, "proto", cJSON_CreateNumber(1));
    add_text(head, "go", server->go);
    add_text(head, "host", server->host);
    add(head, "port", cJSON_CreateNumber(server->port));
    add(head, "headers", cJSON_CreateBool(server->headers));
    /* As raw text: cJSON prints a double, with an exponent where that is shorter. */
    char max_payload[24];
    snprintf(max_payload, sizeof max_payload, "%lld", (long long)server->max_payload);
    add(head, "max_payload", cJSON_CreateRaw(max_payload));
    return print_members(head, "INFO {", info->head, &info->head_size);
}

static bool print_urls(struct nats_info *info, const struct nats_info_server *server)
{
    info->urls_size = 0;
    if (server->connect_urls_count == 0) {
        return true;
    }
    cJSON *urls = object_new();
    cJSON *list = cJSON_AddArrayToObject(urls, "connect_urls");
    for (size_t i = 0; i < server->connect_urls_count; i++) {
        cJSON *url = cJSON_CreateString(server->connect_urls[i]);
        bool added = url != NULL && cJSON_AddItemToArray(list, url);
        ASSERT(added);
    }
    return print_members(urls, ",", info->urls, &info->urls_size);
}

static bool print_account(struct nats_info *info, const struct nats_info_server *server)
{
    cJSON *account = object_new();
    add(account, "connect_info", cJSON_CreateBool(true));
    add_text(account, "remote_account", server->remote_account);
    add(account, "acc_is_sys", cJSON_CreateBool(false));
    return print_members(account, ",", info->account, &info->account_size);
}

bool nats_info_init(struct nats_info *info, const struct nats_info_server *server)
{
    ASSERT(server->max_payload > 0);
    return print_head(info, server) && print_urls(info, server) && print_account(info, server) &&
           info->head_size + info->urls_size + info->account_size + CLIENT_PART_MAX <=
               NATS_INFO_BYTES_MAX;
}

static char *append(char *to, const void *from, size_t size)
{
    if (size > 0) {
        memcpy(to, from, size);
    }
    return to + size;
}

static char *append_text(char *to, const char *text)
{
    return append(to, text, strlen(text));
}

/* Digits, letters, dots, colons and % need no escape; an address holds nothing else. */
static bool is_address(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] == '"' || text.ptr[i] == '\\' || text.ptr[i] > 126) {
            return false;
        }
    }
    return text.size <= NATS_INFO_CLIENT_IP_MAX;
}

size_t nats_info_write(const struct nats_info *info, const struct nats_info_client *client,
                       char line[NATS_INFO_BYTES_MAX])
{
    ASSERT(info->head_size > 0);
    ASSERT(is_address(client->client_ip));
    char *to = append(line, info->head, info->head_size);
    to = append_text(to, ",\"client_id\":");
    to += frame_digits((uint8_t *)to, client->client_id);
    if (client->client_ip.size > 0) {
        to = append_text(to, ",\"client_ip\":\"");
        to = append(to, client->client_ip.ptr, client->client_ip.size);
        to = append_text(to, "\"");
    }
    if (client->auth_required) {
        to = append_text(to, ",\"auth_required\":true");
    }
    if (client->nonce.size > 0) {
        ASSERT(client->nonce.size <= NATS_INFO_NONCE_MAX);
        to = append_text(to, ",\"nonce\":\"");
        to = append(to, client->nonce.ptr, client->nonce.size);
        to = append_text(to, "\"");
    }
    if (client->ldm) {
        to = append_text(to, ",\"ldm\":true");
    } else {
        to = append(to, info->urls, info->urls_size);
    }
    if (client->connect_info) {
        to = append(to, info->account, info->account_size);
    }
    to = append_text(to, "} \r\n");
    size_t size = (size_t)(to - line);
    ASSERT(size <= NATS_INFO_BYTES_MAX);
    return size;
}

void nats_info_server_id(const uint8_t random[32], char id[NATS_SERVER_ID_SIZE + 1])
{
    static_assert((int)NATS_SERVER_ID_SIZE == (int)NKEY_TEXT_SIZE, "a server id is an nkey");
    nkey_encode(NKEY_SERVER, random, id);
    id[NATS_SERVER_ID_SIZE] = '\0';
}

bool nats_info_equal(const struct nats_info *a, const struct nats_info *b)
{
    return bytes_equal(bytes_of(a->head, a->head_size), bytes_of(b->head, b->head_size)) &&
           bytes_equal(bytes_of(a->urls, a->urls_size), bytes_of(b->urls, b->urls_size)) &&
           bytes_equal(bytes_of(a->account, a->account_size),
                       bytes_of(b->account, b->account_size));
}
