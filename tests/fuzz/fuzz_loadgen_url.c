/* fuzz_loadgen_url.c - a URL that is taken means the same when its credentials are written anew. */
#include "core/base.h"
#include "loadgen/url.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t encode(char *to, const char *text)
{
    size_t size = 0;
    for (; *text != 0; text++) {
        size += (size_t)snprintf(to + size, 4, "%%%02X", (unsigned)(unsigned char)*text);
    }
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = memory_alloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    struct url url;
    const char *wrong = url_parse(&url, text);
    memory_free(text);
    if (wrong != NULL) {
        ASSERT(strncmp(wrong, "--url", 5) == 0);
        return 0;
    }
    ASSERT(url.host[0] != 0 && url.port[0] != 0);
    char again[9 * URL_TEXT_MAX];
    size_t end = (size_t)snprintf(again, sizeof again, "%s://", url.protocol->scheme);
    if (url.password[0] != 0) {
        end += encode(again + end, url.user);
        again[end++] = ':';
        end += encode(again + end, url.password);
        again[end++] = '@';
    }
    char server[URL_TEXT_MAX + 32];
    url_print(&url, server, sizeof server);
    snprintf(again + end, sizeof again - end, "%s", server + strlen(url.protocol->scheme) + 3);
    struct url twice;
    wrong = url_parse(&twice, again);
    ASSERT(wrong == NULL);
    ASSERT(twice.protocol == url.protocol && strcmp(twice.user, url.user) == 0);
    ASSERT(strcmp(twice.password, url.password) == 0);
    ASSERT(strcmp(twice.host, url.host) == 0 && strcmp(twice.port, url.port) == 0);
    return 0;
}
