/* ceiling_header.c - see ceiling_header.h. */
#include "bench/ceiling_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool header_learn(struct header *header, const uint8_t *line, size_t line_bytes)
{
    char text[CEILING_LINE_BYTES_MAX + 1];
    char subject[CEILING_LINE_BYTES_MAX];
    char third[CEILING_LINE_BYTES_MAX];
    char fourth[CEILING_LINE_BYTES_MAX];
    memcpy(text, line, line_bytes);
    text[line_bytes] = 0;
    int words = sscanf(text, "%*s %4095s %4095s %4095s", subject, third, fourth);
    long size = words == 2 ? atol(third) : -1; /* a reply subject is more than we speak */
    if (size < 0 || size > CEILING_PAYLOAD_MAX) {
        return false;
    }
    memcpy(header->pub, line, line_bytes);
    header->pub_bytes = line_bytes;
    header->payload_bytes = (size_t)size;
    header->msg_bytes =
        (size_t)snprintf(header->msg, sizeof header->msg, "MSG %s 1 %ld\r\n", subject, size);
    return true;
}
