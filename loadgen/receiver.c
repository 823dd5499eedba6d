/*
 * receiver.c - the hot loop of the generator. Its cost per delivery is what separates measuring a
 * server from measuring hubload, so a frame that looks like all others takes one comparison of its
 * prefix, one check of its header and one of its sequence.
 */
#include "loadgen/receiver.h"

void receiver_init(struct receiver *receiver, struct course *course, uint32_t subscribers)
{
    const struct scenario *s = course->scenario;
    memset(receiver, 0, sizeof *receiver);
    receiver->course = course;
    witness_init(&receiver->witness, subscribers, s->publishers);
    receiver->frame_tail_bytes = s->size + (uint32_t)strlen(s->protocol->trailer);
    receiver->topic_bytes =
        (uint32_t)s->protocol->render_topic(receiver->topic, sizeof receiver->topic, s->subject);
    ASSERT(receiver->topic_bytes != 0);
    receiver->verify_mask = s->verify_all ? 0 : RECEIVER_VERIFY_EVERY - 1;
}

void receiver_free(struct receiver *receiver)
{
    witness_free(&receiver->witness);
}

void receiver_reset(struct receiver *receiver)
{
    memset(&receiver->witness.counts, 0, sizeof receiver->witness.counts);
    memset(&receiver->latency, 0, sizeof receiver->latency);
    memset(&receiver->completion, 0, sizeof receiver->completion);
    receiver->reads = 0;
    receiver->bytes = 0;
    receiver->delivered = 0;
    receiver->verified = 0;
    receiver->last_ns = 0;
}

enum { TIMED_MAX = 256 };

/* The due times of one read's messages. */
struct times {
    uint32_t count;
    uint32_t timed;
    uint64_t last_ns;
    uint64_t due_ns[TIMED_MAX];
};

/* Which message of a read was timed as number index. */
static uint32_t times_place(uint32_t index)
{
    return index < RECEIVER_TIMED_FIRST ? index
                                        : (index - RECEIVER_TIMED_FIRST + 1) * RECEIVER_TIMED_EVERY;
}
static_assert(RECEIVER_TIMED_FIRST <= RECEIVER_TIMED_EVERY, "times_place counts on it");

static inline void times_add(struct times *times, uint64_t due_ns)
{
    uint32_t place = times->count++;
    if ((place < RECEIVER_TIMED_FIRST || place % RECEIVER_TIMED_EVERY == 0) &&
        times->timed < TIMED_MAX) {
        times->due_ns[times->timed++] = due_ns;
    }
    times->last_ns = due_ns;
}

static void latency_add(struct receiver *r, uint64_t due_ns, uint64_t now_ns, uint64_t times)
{
    if (course_is_measured(r->course, due_ns)) {
        record_add(&r->latency, now_ns > due_ns ? now_ns - due_ns : 0, times);
    }
}

/* Messages of one read arrived together. */
static void times_record(struct receiver *r, const struct times *times, uint64_t now_ns)
{
    if (r->course->scenario->latency_all) {
        return; /* each was recorded when it was seen */
    }
    uint32_t last = times->count - 1;
    for (uint32_t i = 0; i < times->timed && times_place(i) < last; i++) {
        uint32_t next = i + 1 < times->timed ? MIN_OF(times_place(i + 1), last) : last;
        latency_add(r, times->due_ns[i], now_ns, next - times_place(i));
    }
    latency_add(r, times->last_ns, now_ns, 1);
}

static void completion_add(struct receiver *r, const struct message_header *header, uint64_t now_ns)
{
    if (completion_count(&r->course->completion, header->publisher, header->sequence) &&
        course_is_measured(r->course, header->sent_ns)) {
        record_add(&r->completion, now_ns > header->sent_ns ? now_ns - header->sent_ns : 0, 1);
    }
}

/* Judges one payload of the right size. */
static inline void payload_take(struct receiver *r, const struct client *client,
                                const uint8_t *payload, struct times *times, uint64_t now_ns)
{
    struct message_header header;
    if (UNLIKELY(!message_read(&r->course->form, payload, &header))) {
        r->witness.counts.corrupted++;
        return;
    }
    if (UNLIKELY(header.publisher >= r->witness.publishers)) {
        r->witness.counts.foreign++;
        return;
    }
    if ((header.sequence & r->verify_mask) == 0) {
        r->verified++;
        if (!message_is_intact(&r->course->form, payload)) {
            r->witness.counts.corrupted++; /* we know which one it is, so it is not lost as well */
        }
    }
    uint64_t delivered = r->witness.counts.delivered;
    witness_take(&r->witness, client->row, header.publisher, header.sequence);
    if (UNLIKELY(r->witness.counts.delivered == delivered)) {
        return; /* a duplicate tells nothing about time */
    }
    if (completion_follows(&r->course->completion, header.sequence)) {
        completion_add(r, &header, now_ns);
    }
    times_add(times, header.sent_ns);
    if (UNLIKELY(r->course->scenario->latency_all)) {
        latency_add(r, header.sent_ns, now_ns, 1);
    }
}

/* Takes frames as long as they are complete and look as expected. */
static struct bytes frames_take(struct receiver *r, const struct client *client, struct bytes in,
                                struct times *times, uint64_t now_ns)
{
    const char *prefix = client->prefix;
    size_t prefix_bytes = client->prefix_bytes;
    size_t frame_bytes = prefix_bytes + r->frame_tail_bytes;
    const char *trailer = r->course->scenario->protocol->trailer;
    size_t size = r->course->form.size;
    while (in.size >= frame_bytes && memcmp(in.ptr, prefix, prefix_bytes) == 0 &&
           memcmp(in.ptr + prefix_bytes + size, trailer, r->frame_tail_bytes - size) == 0) {
        payload_take(r, client, in.ptr + prefix_bytes, times, now_ns);
        in = bytes_of(in.ptr + frame_bytes, in.size - frame_bytes);
    }
    return in;
}

static void message_take(struct receiver *r, const struct client *client,
                         const struct codec_event *event, struct times *times, uint64_t now_ns)
{
    if (event->sid != client->sid ||
        !bytes_equal(event->subject, bytes_of(r->topic, r->topic_bytes))) {
        r->witness.counts.foreign++;
    } else if (event->payload.size != r->course->form.size) {
        r->witness.counts.corrupted++;
    } else {
        payload_take(r, client, event->payload.ptr, times, now_ns);
    }
}

enum client_news receiver_take(struct receiver *r, struct client *client, struct bytes bytes,
                               uint64_t now_ns, struct codec_event *event)
{
    const struct scenario *s = r->course->scenario;
    enum client_news news = CLIENT_NOTHING;
    struct times times;
    times.count = 0;
    times.timed = 0;
    times.last_ns = 0;
    struct bytes in = bytes;
    while (in.size != 0 && news != CLIENT_REFUSED) {
        if (!codec_is_waiting(&client->codec)) {
            in = frames_take(r, client, in, &times, now_ns);
        }
        if (in.size != 0 && s->protocol->next(&client->codec, &in, event)) {
            news = client_hear(client, s, event);
            if (news == CLIENT_MESSAGE) {
                message_take(r, client, event, &times, now_ns);
            }
        }
    }
    if (times.count != 0) {
        times_record(r, &times, now_ns);
        r->last_ns = now_ns;
    }
    if (course_is_measured(r->course, now_ns)) {
        r->reads++;
        r->bytes += bytes.size;
        r->delivered += times.count;
    }
    return news == CLIENT_REFUSED ? news : CLIENT_NOTHING;
}
