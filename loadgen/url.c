/* url.c - from the left: scheme, who, where. */
#include "loadgen/url.h"

#include "loadgen/codec_mqtt.h"
#include "loadgen/codec_nats.h"
#include "loadgen/codec_resp.h"

#include <stdio.h>
#include <string.h>

static const char form[] =
    "--url is SCHEME://[USER:PASSWORD@]HOST[:PORT]; schemes are nats, redis, mqtt";

/* Copies [from, to) as text; false when it is empty or too long. */
static bool piece(char *into, size_t capacity, const char *from, const char *to)
{
    size_t size = (size_t)(to - from);
    if (size == 0 || size >= capacity) {
        return false;
    }
    memcpy(into, from, size);
    into[size] = 0;
    return true;
}

/* ---- who ---- */

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = digit == 0 ? NULL : strchr(digits, digit);
    return at == NULL ? -1 : (int)((at - digits) % 16);
}

static bool stands_for_itself(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != 0 && strchr("-._~!$&'()*+,;=:", byte) != NULL);
}

static const char *decode(char into[URL_TEXT_MAX], const char *from, const char *to)
{
    size_t size = 0;
    for (const char *at = from; at < to; at++, size++) {
        int byte = (unsigned char)*at;
        if (*at == '%') {
            int high = to - at > 2 ? hex_value(at[1]) : -1;
            int low = to - at > 2 ? hex_value(at[2]) : -1;
            byte = high < 0 || low < 0 ? -1 : high * 16 + low;
            at += 2;
        } else if (!stands_for_itself(*at)) {
            byte = -1;
        }
        if (byte < 0) {
            return "--url: in USER and PASSWORD only letters, digits and -._~!$&'()*+,;= stand for "
                   "themselves; the rest is %XX: @ is %40, : is %3A, / is %2F, % is %25";
        }
        if (byte == 0) {
            return "--url: %00 cannot be in USER or PASSWORD";
        }
        if (size + 1 == URL_TEXT_MAX) {
            return "--url: USER and PASSWORD have at most 255 bytes each";
        }
        into[size] = (char)byte;
    }
    into[size] = 0;
    return NULL;
}

static const char *credentials_parse(struct url *url, const char *from, const char *to)
{
    const char *colon = memchr(from, ':', (size_t)(to - from));
    if (colon == NULL || colon + 1 == to || (colon == from && !url->protocol->password_alone)) {
        return form;
    }
    const char *wrong = decode(url->user, from, colon);
    return wrong != NULL ? wrong : decode(url->password, colon + 1, to);
}

/* ---- where ---- */

static bool place_parse(struct url *url, const char *at)
{
    const char *end = at + strcspn(at, "/");
    const char *host_end = at;
    if (*at == '[') {
        at++;
        host_end = at + strcspn(at, "[]/");
        end = *host_end == ']' ? host_end + 1 + strcspn(host_end + 1, "/") : at;
    } else {
        host_end = at + strcspn(at, ":/");
    }
    const char *port = host_end + (*host_end == ']');
    snprintf(url->port, sizeof url->port, "%u", (unsigned)url->protocol->port);
    if (*port == ':' && !piece(url->port, sizeof url->port, port + 1, end)) {
        return false;
    }
    return piece(url->host, sizeof url->host, at, host_end) &&
           (*end == 0 || strcmp(end, "/") == 0) && (*port == ':' || port == end);
}

const char *url_parse(struct url *url, const char *text)
{
    static const struct codec_protocol *const protocols[] = {&codec_nats, &codec_resp, &codec_mqtt};
    memset(url, 0, sizeof *url);
    const char *at = strstr(text, "://");
    for (size_t i = 0; at != NULL && i < COUNT_OF(protocols); i++) {
        if (strncmp(text, protocols[i]->scheme, (size_t)(at - text)) == 0 &&
            strlen(protocols[i]->scheme) == (size_t)(at - text)) {
            url->protocol = protocols[i];
        }
    }
    if (url->protocol == NULL) {
        return form;
    }
    ASSERT(at != NULL);
    at += 3;
    /* The last @, so that one in a password is seen and can be complained about. */
    const char *user_end = strrchr(at, '@');
    if (user_end != NULL) {
        const char *wrong = credentials_parse(url, at, user_end);
        if (wrong != NULL) {
            return wrong;
        }
        at = user_end + 1;
    }
    return place_parse(url, at) ? NULL : form;
}

void url_print(const struct url *url, char *text, size_t text_bytes)
{
    bool bare = strchr(url->host, ':') == NULL;
    snprintf(text, text_bytes, "%s://%s%s%s:%s", url->protocol->scheme, bare ? "" : "[", url->host,
             bare ? "" : "]", url->port);
}
