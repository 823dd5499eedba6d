/* publisher.c - schedules, stamps, sends. */
#include "loadgen/publisher.h"

#include <errno.h>
#include <math.h>
#include <sys/socket.h>

enum { BUFFER_BYTES = 256 * 1024, PREFIX_BYTES_MAX = 512, BURSTS_PER_TURN = 4 };

void publisher_init(struct publisher *publisher, struct course *course, struct client *client,
                    uint16_t number, struct publisher_figures *figures)
{
    const struct scenario *s = course->scenario;
    uint8_t prefix[PREFIX_BYTES_MAX];
    memset(publisher, 0, sizeof *publisher);
    publisher->client = client;
    publisher->course = course;
    publisher->figures = figures;
    publisher->number = number;
    publisher->random = (s->seed + 1) * 0x9e3779b97f4a7c15u ^ number;
    size_t prefix_bytes = s->protocol->render_publish(prefix, sizeof prefix, s->subject, s->size);
    size_t trailer_bytes = strlen(s->protocol->trailer);
    ASSERT(prefix_bytes != 0);
    publisher->prefix_bytes = (uint32_t)prefix_bytes;
    publisher->frame_bytes = (uint32_t)(prefix_bytes + s->size + trailer_bytes);
    publisher->slots = (uint32_t)MAX_OF(BUFFER_BYTES / publisher->frame_bytes, 1u);
    publisher->buffer = memory_alloc((size_t)publisher->slots * publisher->frame_bytes);
    for (uint32_t i = 0; i < publisher->slots; i++) {
        uint8_t *frame = publisher->buffer + (size_t)i * publisher->frame_bytes;
        memcpy(frame, prefix, prefix_bytes);
        message_prepare(&course->form, frame + prefix_bytes, i);
        memcpy(frame + prefix_bytes + s->size, s->protocol->trailer, trailer_bytes);
    }
}

void publisher_free(struct publisher *publisher)
{
    memory_free(publisher->buffer);
    publisher->buffer = NULL;
}

/* Uniform in (0, 1]. xorshift64*: Vigna 2016. */
static double random_unit(struct publisher *p)
{
    p->random ^= p->random >> 12;
    p->random ^= p->random << 25;
    p->random ^= p->random >> 27;
    return (double)((p->random * 2685821657736338717u >> 11) + 1) * 0x1p-53;
}

/* Moves due_ns to the next message. Evenly spaced ones are computed from their number, so that no
 * rounding adds up; publishers take turns. */
static void due_next(struct publisher *p)
{
    const struct scenario *s = p->course->scenario;
    if (s->poisson) {
        p->due_ns += (uint64_t)(-log(random_unit(p)) * 1e9 * s->publishers / s->rate);
    } else {
        double place = (double)p->due_count * s->publishers + p->number;
        p->due_ns = p->course->start_ns + (uint64_t)(place * 1e9 / s->rate);
    }
    p->due_count++;
}

void publisher_start(struct publisher *publisher)
{
    ASSERT(publisher->at == publisher->end);
    publisher->due_ns = publisher->course->start_ns;
    publisher->due_count = 0;
    publisher->unblocked_ns = publisher->course->start_ns;
    if (publisher->course->scenario->rate != 0) {
        due_next(publisher);
    }
}

static void stamp(struct publisher *p, uint32_t slot, uint64_t due_ns)
{
    struct message_header header = {due_ns, p->sequence, p->number, 0};
    struct completion *completion = &p->course->completion;
    if (completion_follows(completion, p->sequence)) {
        completion_begin(completion, p->number, p->sequence);
    }
    uint8_t *frame = p->buffer + (size_t)slot * p->frame_bytes;
    message_stamp(&p->course->form, frame + p->prefix_bytes, header);
    p->sequence++;
    p->figures->sent++;
    p->figures->sent_measured += course_is_measured(p->course, due_ns);
}

static uint32_t stamp_due(struct publisher *p, uint64_t now_ns)
{
    uint64_t last_ns = MIN_OF(now_ns, course_end(p->course) - 1);
    uint32_t count = 0;
    for (; count < p->slots && p->due_ns <= last_ns; count++) {
        uint64_t could_ns = MAX_OF(p->due_ns, p->unblocked_ns);
        if (course_is_measured(p->course, p->due_ns)) {
            record_add(&p->figures->late, now_ns > could_ns ? now_ns - could_ns : 0, 1);
        }
        stamp(p, count, p->due_ns);
        due_next(p);
    }
    return count;
}

static uint32_t stamp_window(struct publisher *p, uint64_t now_ns)
{
    if (now_ns >= course_end(p->course)) {
        return 0;
    }
    uint32_t count = (uint32_t)course_claim(p->course, p->slots);
    for (uint32_t i = 0; i < count; i++) {
        stamp(p, i, now_ns);
    }
    return count;
}

/* Returns true when everything in the buffer is sent. */
static bool send_rest(struct publisher *p, uint64_t now_ns)
{
    while (p->at < p->end) {
        ssize_t took =
            send(p->client->fd, p->buffer + p->at, p->end - p->at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (took > 0) {
            p->at += (size_t)took;
        } else if (errno != EINTR) {
            p->blocked = errno == EAGAIN;
            p->blocked_since_ns = now_ns;
            return false;
        }
    }
    p->at = 0;
    p->end = 0;
    return true;
}

void publisher_unblocked(struct publisher *publisher, uint64_t now_ns)
{
    uint64_t from = MAX_OF(publisher->blocked_since_ns, course_measure(publisher->course));
    uint64_t to = MIN_OF(now_ns, course_end(publisher->course));
    publisher->figures->blocked_ns += to > from ? to - from : 0;
    publisher->unblocked_ns = now_ns;
    publisher->blocked = false;
}

uint64_t publisher_turn(struct publisher *p, uint64_t now_ns)
{
    bool open_loop = p->course->scenario->rate != 0;
    if (p->blocked || p->client->state != CLIENT_READY || !send_rest(p, now_ns)) {
        return UINT64_MAX;
    }
    client_pong(p->client, p->course->scenario);
    for (int burst = 0; burst < BURSTS_PER_TURN; burst++) {
        uint32_t count = open_loop ? stamp_due(p, now_ns) : stamp_window(p, now_ns);
        if (count == 0) {
            return open_loop && p->due_ns < course_end(p->course) ? p->due_ns : UINT64_MAX;
        }
        p->end = (size_t)count * p->frame_bytes;
        if (!send_rest(p, now_ns)) {
            return UINT64_MAX;
        }
    }
    return 0;
}
