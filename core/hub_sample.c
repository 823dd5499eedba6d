/*
 * hub_sample.c - latencies and sizes, measured on a few so that nothing is paid by each.
 *
 *   completion   one run a millisecond at most. A run that no other worker wants is complete when
 *                the turn is over; else when its last envelope is home, which its peer sends after
 *                its own flush. A subscriber whose socket is full is not waited for: how late he is
 *                shows in delivery, and by name in a snapshot.
 *   delivery     one send in SENDS_PER_SAMPLE, with the time after its batch. The age is that of the
 *                oldest message in it.
 */
#include "core/hub_state.h"

#define RUN_SAMPLE_PAUSE_NS 1000000ull

enum { STREAMS_SAMPLED_MAX = 64 };

static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

void hub_sample_run(struct hub *hub, struct run *run)
{
    hub->sample_next_ns = hub->now_ns + RUN_SAMPLE_PAUSE_NS;
    hub->turn_is_sampled = true;
    histogram_record(&hub->metrics.run_bytes, run->size);
    histogram_record(&hub->metrics.run_messages, run->messages_count);
    if (run->verdicts_waiting > 0) {
        run->sampled = 1;
    } else {
        hub->sample_ingress_ns = run->ingress_ns;
    }
}

void hub_sample_home(struct hub *hub, struct run *run)
{
    run->sampled = 0;
    if (run->delivered) {
        histogram_record(&hub->metrics.completion_ns, since(hub->now_ns, run->ingress_ns));
    }
}

void hub_sample_drained(struct hub *hub)
{
    if (hub->drained > 0) {
        histogram_record(&hub->metrics.inbox_depth, hub->drained);
        hub->drained = 0;
    }
}

void hub_sample_streams(struct hub *hub)
{
    hub->turn_is_sampled = false;
    for (uint32_t i = 0; i < MIN_OF(hub->dirty_count, (uint32_t)STREAMS_SAMPLED_MAX); i++) {
        const struct stream *stream = audience_stream(hub->dirty[i]);
        histogram_record(&hub->metrics.stream_bytes, stream->end - stream->step);
    }
}

bool hub_flush_is_sampled(struct hub *hub, size_t count)
{
    hub->sample_sends_left -= (int64_t)count;
    return hub->sample_sends_left <= 0;
}

/* Of a member in step: what its audience rendered, or a piece of it. */
static void sample_member(struct hub *hub, const struct send_op *send, uint64_t now_ns)
{
    const struct stream *stream = audience_stream(hub->dirty[hub->flush.dirty_index]);
    uint64_t rendered = stream->end - stream->step;
    uint64_t messages = rendered > 0 ? stream->turn_messages * send->size / rendered : 0;
    histogram_record(&hub->metrics.delivery_ns, since(now_ns, hub->turn_ingress_ns));
    histogram_record(&hub->metrics.send_messages, messages);
}

static void sample_session(struct hub *hub, const struct send_op *send, uint64_t now_ns)
{
    const struct session *session = pool_at(&hub->sessions, send->slot);
    uint64_t messages = pending_messages(&session->pending, (uint64_t)send->result);
    if (messages > 0) {
        uint64_t oldest_ns = pending_oldest_ns(&session->pending);
        histogram_record(&hub->metrics.delivery_ns, since(now_ns, oldest_ns));
    }
    histogram_record(&hub->metrics.send_messages, messages);
}

void hub_flush_sample(struct hub *hub, const struct send_op *sends, size_t count, uint64_t now_ns)
{
    while (hub->sample_sends_left <= 0) {
        /* The send that brought the count to zero, and those a whole number of strides before. */
        size_t after = (size_t)-hub->sample_sends_left % count;
        const struct send_op *send = &sends[count - 1 - after];
        hub->sample_sends_left += SENDS_PER_SAMPLE;
        if (send->result <= 0) {
            continue;
        }
        histogram_record(&hub->metrics.send_bytes, send->size);
        if (hub->flush.phase == FLUSH_AUDIENCES) {
            sample_member(hub, send, now_ns);
        } else {
            sample_session(hub, send, now_ns);
        }
    }
}

void hub_turn_took(struct hub *hub, uint64_t now_ns)
{
    if (hub->turn_began_ns == 0) {
        return;
    }
    histogram_record(&hub->metrics.turn_ns, since(now_ns, hub->turn_began_ns));
    hub->turn_began_ns = 0;
    if (hub->sample_ingress_ns > 0) {
        histogram_record(&hub->metrics.completion_ns, since(now_ns, hub->sample_ingress_ns));
        hub->sample_ingress_ns = 0;
    }
}

void hub_lag(struct hub *hub, struct hub_lag *lag)
{
    *lag = (struct hub_lag){0};
    uint32_t seen = 0;
    uint32_t cursor = queue_cursor(&hub->blocked);
    const struct session *session;
    while ((session = queue_next(&hub->blocked, &cursor)) != NULL) {
        uint64_t oldest_ns = pending_oldest_ns(&session->pending);
        uint64_t bytes = pending_bytes(&session->pending);
        lag->pending_bytes_max = MAX_OF(lag->pending_bytes_max, bytes);
        if (oldest_ns > 0) {
            lag->oldest_age_ns = MAX_OF(lag->oldest_age_ns, since(hub->now_ns, oldest_ns));
        }
        if (++seen == HUB_LAG_SESSIONS) {
            return;
        }
    }
}
