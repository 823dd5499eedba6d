/* churner.c - subscribe, unsubscribe, ask. */
#include "loadgen/churner.h"

#include "loadgen/names.h"

enum { LINE_BYTES_MAX = 1024, BATCH_MAX = 256 };

void churner_init(struct churner *churner, struct course *course, struct client *client,
                  struct churner_figures *figures)
{
    memset(churner, 0, sizeof *churner);
    churner->client = client;
    churner->course = course;
    churner->figures = figures;
}

static void due_next(struct churner *c)
{
    const struct scenario *s = c->course->scenario;
    double place = (double)c->count++ * s->churners + c->client->index;
    c->due_ns = c->course->start_ns + (uint64_t)(place * 1e9 / s->churn);
}

void churner_again(struct churner *churner)
{
    churner->asked = false;
    churner->covered = 0;
    churner->unasked = 0;
    churner->lives = false;
}

void churner_start(struct churner *churner)
{
    churner->count = 0;
    due_next(churner);
}

/* The subscription before goes. */
static size_t go(const struct churner *c, uint8_t *to, uint64_t sid)
{
    const struct scenario *s = c->course->scenario;
    if (!c->lives) {
        return 0;
    }
    struct name last = name_churn(s, c->client->index, sid - 1);
    return s->protocol->render_unsubscribe(to, LINE_BYTES_MAX, last.text, sid);
}

/* One subscription comes, the one before goes: there is always one, which hears what others
 * publish. Where the protocol numbers none, the same name again would be the same subscription, so
 * there the old one goes first. */
static void come_and_go(struct churner *c)
{
    const struct scenario *s = c->course->scenario;
    struct name name = name_churn(s, c->client->index, c->number);
    uint64_t sid = ++c->number;
    uint8_t *to = client_room(c->client, (size_t)2 * LINE_BYTES_MAX);
    size_t size = s->protocol->has_sids ? 0 : go(c, to, sid - 1);
    size += s->protocol->render_subscribe(to + size, LINE_BYTES_MAX, name.text, sid);
    size += s->protocol->has_sids ? go(c, to + size, sid - 1) : 0;
    c->lives = true;
    client_said(c->client, size);
    if (c->unasked++ == 0) {
        c->unasked_ns = c->due_ns;
    }
}

static void ask(struct churner *c)
{
    const struct codec_protocol *protocol = c->course->scenario->protocol;
    if (c->asked || c->unasked == 0) {
        return;
    }
    client_said(c->client,
                protocol->render_ping(client_room(c->client, LINE_BYTES_MAX), LINE_BYTES_MAX));
    c->asked = true;
    c->covered = c->unasked;
    c->asked_ns = c->unasked_ns;
    c->unasked = 0;
}

uint64_t churner_turn(struct churner *c, uint64_t now_ns)
{
    if (c->client->state != CLIENT_READY || !client_is_quiet(c->client)) {
        return UINT64_MAX;
    }
    uint32_t batch = 0;
    uint64_t end_ns = course_end(c->course);
    while (c->due_ns <= now_ns && c->due_ns < end_ns && batch < BATCH_MAX &&
           c->covered + c->unasked < CHURNER_BEHIND_MAX) {
        come_and_go(c);
        due_next(c);
        batch++;
    }
    ask(c);
    if (!client_flush(c->client) || !client_is_quiet(c->client) || c->due_ns >= end_ns ||
        c->covered + c->unasked >= CHURNER_BEHIND_MAX) {
        return UINT64_MAX;
    }
    return c->due_ns;
}

static void answered(struct churner *c, uint64_t now_ns)
{
    if (!c->asked) {
        return;
    }
    if (course_is_measured(c->course, c->asked_ns)) {
        c->figures->done += c->covered;
        record_add(&c->figures->confirmed, now_ns > c->asked_ns ? now_ns - c->asked_ns : 0, 1);
    }
    c->asked = false;
    c->covered = 0;
    if (client_is_quiet(c->client)) {
        ask(c);
        MAYBE(client_flush(c->client) != 0);
    }
}

enum client_news churner_take(struct churner *c, struct bytes bytes, uint64_t now_ns,
                              struct codec_event *event)
{
    const struct codec_protocol *protocol = c->course->scenario->protocol;
    enum client_news news = CLIENT_NOTHING;
    while (bytes.size != 0 && news != CLIENT_REFUSED &&
           protocol->next(&c->client->codec, &bytes, event)) {
        news = client_hear(c->client, c->course, event);
        if (news == CLIENT_PONG) {
            answered(c, now_ns);
        } else if (news == CLIENT_MESSAGE) {
            c->figures->heard += course_is_measured(c->course, now_ns);
        }
    }
    return news == CLIENT_REFUSED ? news : CLIENT_NOTHING;
}
