/* publisher.c - schedules, stamps, sends. */
#include "loadgen/publisher.h"

#include "loadgen/names.h"

#include <errno.h>
#include <math.h>
#include <sys/socket.h>

enum {
    BUFFER_BYTES_MAX = 256 * 1024,
    BUFFER_BYTES_MIN = 16 * 1024,
    BUFFER_BYTES_ALL = 64 * 1024 * 1024, /* of all publishers together */
    SLOTS_OF_A_MIX = 64,
    PREFIX_BYTES_MAX = 1024,
    BURSTS_PER_TURN = 4,
    FETCHED_AHEAD = 16, /* messages */
    FETCHED_BYTES_MAX = 512,
};

/* The stream whose turn is the turn-th of a round. */
static uint32_t stream_at(const struct publisher *p, uint32_t turn)
{
    return topology_stream(&p->course->topology, p->number, turn);
}

static size_t prefix_render(const struct publisher *p, uint32_t slot, uint32_t size, uint8_t *to)
{
    const struct scenario *s = p->course->scenario;
    uint32_t stream = stream_at(p, slot % p->streams);
    struct name name = name_subject(s, topology_subject(&p->course->topology, stream));
    if (s->kind != SCENARIO_REQUEST) {
        return s->protocol->render_publish(to, PREFIX_BYTES_MAX, name.text, size);
    }
    /* A protocol without replies: the responder finds the way back in our own header. */
    return s->protocol->render_request == NULL
               ? s->protocol->render_publish(to, PREFIX_BYTES_MAX, s->subject, size)
               : s->protocol->render_request(to, PREFIX_BYTES_MAX, s->subject, name.text, size);
}

/* Writes one prepared frame to to, or with NULL only says how long it is. */
static struct publisher_slot frame_make(const struct publisher *p, uint32_t slot, uint8_t *to)
{
    const struct scenario *s = p->course->scenario;
    uint8_t prefix[PREFIX_BYTES_MAX];
    /* Publishers begin at different places of the mix. */
    uint32_t size = sizes_of(&s->sizes, slot + p->number * SLOTS_OF_A_MIX);
    size_t prefix_bytes = prefix_render(p, slot, size, prefix);
    size_t trailer_bytes = strlen(s->protocol->trailer);
    ASSERT(prefix_bytes != 0);
    if (to != NULL) {
        memcpy(to, prefix, prefix_bytes);
        message_prepare(&p->course->form, to + prefix_bytes, size, slot);
        memcpy(to + prefix_bytes + size, s->protocol->trailer, trailer_bytes);
    }
    struct publisher_slot made = {0, (uint32_t)(prefix_bytes + size + trailer_bytes),
                                  (uint32_t)prefix_bytes};
    return made;
}

/* As many rounds through the streams as fit. */
static uint32_t slots_choose(const struct publisher *p)
{
    const struct scenario *s = p->course->scenario;
    size_t budget = MIN_OF((size_t)BUFFER_BYTES_ALL / s->publishers, (size_t)BUFFER_BYTES_MAX);
    budget = MAX_OF(budget, (size_t)BUFFER_BYTES_MIN);
    size_t frame_bytes = frame_make(p, 0, NULL).bytes - sizes_of(&s->sizes, 0) + s->size;
    uint32_t slots = (uint32_t)MAX_OF(budget / frame_bytes, (size_t)1);
    if (s->sizes.count > 1) {
        slots = MAX_OF(slots, (uint32_t)SLOTS_OF_A_MIX);
    }
    return MAX_OF(slots / p->streams, 1u) * p->streams;
}

void publisher_init(struct publisher *publisher, struct course *course, struct client *client,
                    uint32_t number, struct publisher_figures *figures)
{
    memset(publisher, 0, sizeof *publisher);
    publisher->client = client;
    publisher->course = course;
    publisher->figures = figures;
    publisher->number = number;
    publisher->streams = topology_streams_of(&course->topology, number);
    publisher->random = (course->scenario->seed + 1) * 0x9e3779b97f4a7c15u ^ number;
    publisher->slots_count = slots_choose(publisher);
    publisher->slots = memory_alloc(publisher->slots_count * sizeof *publisher->slots);
    size_t end = 0;
    for (uint32_t i = 0; i < publisher->slots_count; i++) {
        publisher->slots[i] = frame_make(publisher, i, NULL);
        publisher->slots[i].at = end;
        end += publisher->slots[i].bytes;
    }
    publisher->fetches = end > BUFFER_BYTES_MAX;
    publisher->buffer = memory_alloc(end);
    for (uint32_t i = 0; i < publisher->slots_count; i++) {
        MAYBE(frame_make(publisher, i, publisher->buffer + publisher->slots[i].at).bytes != 0);
    }
}

void publisher_free(struct publisher *publisher)
{
    memory_free(publisher->buffer);
    memory_free(publisher->slots);
    publisher->buffer = NULL;
    publisher->slots = NULL;
}

void publisher_sent(const struct publisher *p, uint32_t *sent)
{
    for (uint32_t i = 0; i < p->streams; i++) {
        uint64_t count = p->messages / p->streams + (i < p->messages % p->streams);
        sent[stream_at(p, i)] = (uint32_t)count;
    }
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
        p->due_ns += (uint64_t)(-log(random_unit(p)) * 1e9 * s->publishers / p->course->rate);
    } else {
        double place = (double)p->due_count * s->publishers + p->number;
        p->due_ns = p->course->start_ns + (uint64_t)(place * 1e9 / p->course->rate);
    }
    p->due_count++;
}

void publisher_again(struct publisher *publisher)
{
    publisher->at = 0;
    publisher->end = 0;
    publisher->blocked = false;
    publisher->answered = publisher->messages;
}

void publisher_start(struct publisher *publisher)
{
    ASSERT(publisher->at == publisher->end);
    publisher->due_ns = publisher->course->start_ns;
    publisher->due_count = 0;
    publisher->unblocked_ns = publisher->course->start_ns;
    if (publisher->course->rate != 0) {
        due_next(publisher);
    }
}

/* What a message a little later will need, so that it does not wait for it. */
static void fetch_ahead(const struct publisher *p)
{
    const struct course *course = p->course;
    uint64_t number = p->messages + FETCHED_AHEAD;
    const struct publisher_slot *slot = &p->slots[number % p->slots_count];
    for (size_t at = 0; at < MIN_OF(slot->bytes, (uint32_t)FETCHED_BYTES_MAX); at += CACHE_LINE) {
        __builtin_prefetch(p->buffer + slot->at + at, 1);
    }
    uint32_t stream = stream_at(p, (uint32_t)(number % p->streams));
    completion_fetch(&course->completion, stream, (uint32_t)(number / p->streams));
    __builtin_prefetch(&course->topology.listeners[topology_subject(&course->topology, stream)]);
}

static void stamp(struct publisher *p, uint64_t due_ns)
{
    struct course *course = p->course;
    if (p->fetches) {
        fetch_ahead(p);
    }
    uint32_t stream = stream_at(p, (uint32_t)(p->messages % p->streams));
    uint32_t subject = topology_subject(&course->topology, stream);
    struct message_header header = {due_ns, (uint32_t)(p->messages / p->streams), stream};
    if (completion_follows(&course->completion, header.sequence)) {
        completion_begin(&course->completion, stream, header.sequence,
                         course->topology.listeners[subject], due_ns);
    }
    const struct publisher_slot *slot = &p->slots[p->messages % p->slots_count];
    message_stamp(&course->form, p->buffer + slot->at + slot->prefix_bytes, header);
    p->end = slot->at + slot->bytes;
    p->messages++;
    p->figures->sent++;
    p->figures->expected += course->topology.listeners[subject];
    p->figures->sent_measured += course_is_measured(course, due_ns);
    if (!course->all_hear_all) {
        atomic_fetch_add_explicit(&course->sent_of_block[subject / course->topology.block], 1,
                                  memory_order_relaxed);
    }
}

/* Frames up to the end of the buffer. */
static uint32_t slots_left(const struct publisher *p)
{
    return p->slots_count - (uint32_t)(p->messages % p->slots_count);
}

static uint32_t stamp_due(struct publisher *p, uint64_t now_ns)
{
    uint64_t last_ns = MIN_OF(now_ns, course_end(p->course) - 1);
    uint32_t most = slots_left(p);
    uint32_t count = 0;
    for (; count < most && p->due_ns <= last_ns; count++) {
        uint64_t could_ns = MAX_OF(p->due_ns, p->unblocked_ns);
        if (course_is_measured(p->course, p->due_ns)) {
            record_add(&p->figures->late, now_ns > could_ns ? now_ns - could_ns : 0, 1);
        }
        stamp(p, p->due_ns);
        due_next(p);
    }
    return count;
}

/* How many messages the closed loop allows now. */
static uint32_t window_take(struct publisher *p)
{
    const struct scenario *s = p->course->scenario;
    if (s->kind == SCENARIO_REQUEST) {
        uint64_t under_way = p->messages - p->answered;
        uint64_t free = s->in_flight > under_way ? s->in_flight - under_way : 0;
        return (uint32_t)MIN_OF(free, (uint64_t)slots_left(p));
    }
    /* A share each, or the first publisher would take all. */
    uint64_t share = MAX_OF(p->course->window / s->publishers, (uint64_t)1);
    return (uint32_t)course_claim(p->course, MIN_OF(share, (uint64_t)slots_left(p)));
}

static uint32_t stamp_window(struct publisher *p, uint64_t now_ns)
{
    if (now_ns >= course_end(p->course)) {
        return 0;
    }
    uint32_t count = window_take(p);
    for (uint32_t i = 0; i < count; i++) {
        stamp(p, now_ns);
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
    bool open_loop = p->course->rate != 0;
    if (p->blocked || p->client->state != CLIENT_READY || !send_rest(p, now_ns)) {
        return UINT64_MAX;
    }
    client_pong(p->client, p->course->scenario);
    /* Those who share a window take turns, each with its share. */
    bool alone = open_loop || p->course->scenario->publishers == 1;
    int bursts = alone ? BURSTS_PER_TURN : 1;
    for (int burst = 0; burst < bursts && client_is_quiet(p->client); burst++) {
        p->at = p->slots[p->messages % p->slots_count].at;
        p->end = p->at;
        uint32_t count = open_loop ? stamp_due(p, now_ns) : stamp_window(p, now_ns);
        if (count == 0) {
            p->at = 0;
            p->end = 0;
            return open_loop && p->due_ns < course_end(p->course) ? p->due_ns : UINT64_MAX;
        }
        if (!send_rest(p, now_ns)) {
            return UINT64_MAX;
        }
    }
    return client_is_quiet(p->client) ? 0 : UINT64_MAX;
}
