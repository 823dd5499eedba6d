/*
 * codec.c - what all protocols' codecs share. Where the input ends within an operation its bytes are
 * held, and topped up by exactly what completes them, as far as each look can tell: to the end of a
 * line, to the end of a payload.
 */
#include "loadgen/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

void codec_free(struct codec *codec)
{
    memory_free(codec->held);
    memset(codec, 0, sizeof *codec);
}

struct codec_look codec_broken(struct codec_event *event, struct bytes in, const char *what)
{
    memset(event, 0, sizeof *event);
    event->kind = CODEC_BROKEN;
    event->text = bytes_text(what);
    struct codec_look look = {in.size, 0};
    return look;
}

/* Moves count bytes from the front of *in behind those held. */
static void hold(struct codec *codec, struct bytes *in, size_t count)
{
    size_t size = codec->held_bytes + count;
    if (size > codec->held_capacity) {
        codec->held_capacity = MAX_OF(size, 2 * codec->held_capacity);
        codec->held = memory_resize(codec->held, codec->held_capacity);
    }
    memcpy(codec->held + codec->held_bytes, in->ptr, count);
    codec->held_bytes = size;
    *in = bytes_skip(*in, count);
}

/* An operation began in earlier input: completes it, or holds all of *in. */
static bool next_held(struct codec *codec, struct bytes *in, struct codec_event *event,
                      codec_look_fn *look_at)
{
    struct codec_look look = look_at(bytes_of(codec->held, codec->held_bytes), event);
    while (in->size != 0) {
        ASSERT(look.used == 0 && (look.need == 0 || look.need > codec->held_bytes));
        size_t wanted = look.need - codec->held_bytes;
        if (look.need == 0) {
            const uint8_t *newline = memchr(in->ptr, '\n', in->size);
            wanted = newline == NULL ? in->size : (size_t)(newline - in->ptr) + 1;
        }
        hold(codec, in, MIN_OF(wanted, in->size));
        look = look_at(bytes_of(codec->held, codec->held_bytes), event);
        if (look.used != 0) {
            ASSERT(event->kind == CODEC_BROKEN || look.used == codec->held_bytes);
            codec->lent = true;
            codec->broken = event->kind == CODEC_BROKEN;
            return true;
        }
    }
    return false;
}

bool codec_next(struct codec *codec, struct bytes *in, struct codec_event *event,
                codec_look_fn *look_at)
{
    memset(event, 0, sizeof *event);
    if (codec->lent) {
        codec->lent = false;
        codec->held_bytes = 0;
    }
    if (codec->broken) {
        *in = bytes_of(NULL, 0);
    }
    if (in->size == 0) {
        return false;
    }
    if (codec->held_bytes != 0) {
        return next_held(codec, in, event, look_at);
    }
    struct codec_look look = look_at(*in, event);
    if (look.used == 0) {
        hold(codec, in, in->size);
        return false;
    }
    codec->broken = event->kind == CODEC_BROKEN;
    *in = bytes_skip(*in, look.used);
    return true;
}

size_t codec_print(uint8_t *to, size_t capacity, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf((char *)to, capacity, format, arguments);
    va_end(arguments);
    return length < 0 || (size_t)length >= capacity ? 0 : (size_t)length;
}

bool codec_begins(struct bytes text, const char *beginning)
{
    size_t size = strlen(beginning);
    return text.size >= size && strncasecmp((const char *)text.ptr, beginning, size) == 0;
}

size_t codec_topic_plain(uint8_t *to, size_t capacity, const char *subject)
{
    return codec_print(to, capacity, "%s", subject);
}
