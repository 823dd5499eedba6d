/*
 * nats_info.h - the INFO line a client is greeted with.
 *
 *   INFO {"server_id":…,"max_payload":…,  "client_id":…,"client_ip":…,  "connect_urls":[…]} CR LF
 *        └─ rendered once ─────────────┘  └─ per connection ─────────┘  └─ rendered once ┘
 *
 * Threads:     written by nats_info_init before threads start, read by all afterwards.
 * Memory:      a plain value of a few KiB; borrows nothing after nats_info_init.
 * Limits:      a line never exceeds NATS_INFO_BYTES_MAX (some clients read INFO into 4 KiB).
 */
#ifndef RINGHUB_CORE_PROTO_NATS_INFO_H
#define RINGHUB_CORE_PROTO_NATS_INFO_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NATS_INFO_BYTES_MAX = 4096,
    NATS_INFO_CLIENT_IP_MAX = 64,
    NATS_INFO_NONCE_MAX = 32,
    NATS_SERVER_ID_SIZE = 56
};

/* What is the same for every connection. Strings are borrowed for the call. */
struct nats_info_server {
    const char *server_id; /* nats_info_server_id makes one */
    const char *server_name;
    const char *version; /* d.d.d */
    const char *go;      /* any text */
    const char *host;
    uint16_t port;
    bool headers;
    int64_t max_payload;             /* positive: clients read it as unsigned */
    const char *const *connect_urls; /* host:port each */
    size_t connect_urls_count;       /* 0: left out */
    const char *remote_account;      /* for the INFO after the first PONG; "$G" */
};

/* What differs. */
struct nats_info_client {
    uint64_t client_id;
    struct bytes client_ip; /* numeric address, at most NATS_INFO_CLIENT_IP_MAX; empty: left out */
    bool auth_required;     /* left out when false */
    struct bytes nonce;     /* base64url, at most NATS_INFO_NONCE_MAX; empty: left out */
    bool ldm;               /* lame duck: connect_urls is left out, for it lists only us */
    bool connect_info;      /* the INFO after the first PONG: adds remote_account, acc_is_sys */
};

struct nats_info {
    char head[NATS_INFO_BYTES_MAX]; /* INFO {… */
    size_t head_size;
    char urls[NATS_INFO_BYTES_MAX]; /* ,"connect_urls":[…] */
    size_t urls_size;
    char account[NATS_INFO_BYTES_MAX]; /* ,"connect_info":true,… */
    size_t account_size;
};

/* False: the longest line would not fit NATS_INFO_BYTES_MAX. */
MUST_USE bool nats_info_init(struct nats_info *info, const struct nats_info_server *server);

/* Writes one line, its CR LF included, and returns its size. Allocates nothing, cannot fail. */
size_t nats_info_write(const struct nats_info *info, const struct nats_info_client *client,
                       char line[NATS_INFO_BYTES_MAX]);

/* Do both say the same to the same connection? */
bool nats_info_equal(const struct nats_info *a, const struct nats_info *b);

/* Makes a server id as nats-server shows it: an nkey public server key's form (N…, base32 with
 * checksum) over 32 random bytes. Terminated. */
void nats_info_server_id(const uint8_t random[32], char id[NATS_SERVER_ID_SIZE + 1]);

#ifdef __cplusplus
}
#endif
#endif
