/* config_http.c - where monitoring listens. */
#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>

bool config_host_is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

static bool parse_port(const char *text, int32_t *port)
{
    if (strcmp(text, "-1") == 0) {
        *port = CONFIG_PORT_RANDOM;
        return true;
    }
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0') {
        return false;
    }
    long number = strtol(text, NULL, 10);
    *port = (int32_t)number;
    return number <= 65535;
}

bool config_http_parse(const char *text, char host[CONFIG_TEXT_MAX], int32_t *port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return parse_port(text, port);
    }
    size_t size = (size_t)(colon - text);
    bool is_bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    if (is_bracketed) {
        text++;
        size -= 2;
    }
    bool is_bare_ipv6 = !is_bracketed && memchr(text, ':', size) != NULL;
    bool is_cut = !is_bracketed && memchr(text, '[', size) != NULL;
    if (is_bare_ipv6 || is_cut || size >= CONFIG_TEXT_MAX || (is_bracketed && size == 0)) {
        return false;
    }
    if (!parse_port(colon + 1, port)) {
        return false;
    }
    if (size > 0) {
        memcpy(host, text, size);
        host[size] = '\0';
    }
    return true;
}
