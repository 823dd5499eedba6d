/* driver.c - the turn of a generator thread. */
#include "loadgen/driver.h"

#include "loadgen/responder.h"
#include "loadgen/server_stat.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REST_NS = 1000000,       /* between two looks for an order after COLLECT */
    EVENTS_PER_PUBLISH = 32, /* reads between two looks at the schedule */
    WAIT_MAX_NS = 20000000,  /* orders are noticed this late at most */
    WINDOW_POLL_NS = 100000, /* another driver's subscribers hold the window: look again */
    ENDING_MAX = 256,        /* connections asked to end, that have not yet */
    GLANCE_NS = 500000000,   /* between two looks at the figures of the live line */
};

static uint64_t thread_cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* ---- connecting ---- */

static void connection_failed(struct driver *d, const struct client *client, int error)
{
    const struct scenario *s = d->course->scenario;
    const char *hint = "";
    if (error == -ECONNREFUSED) {
        hint = ": is the server running there?";
    } else if (error == -EADDRNOTAVAIL) {
        hint = ": local ports ran out; wait for old connections to expire, or use fewer";
    } else if (error == -EMFILE) {
        hint = ": the limit of open files is too low; raise it (ulimit -n) or use --direct";
    }
    course_fail(d->course, "connection %u to %s:%s: %s%s", client->number + 1, s->url.host,
                s->url.port, strerror(-error), hint);
}

/* Moves the socket into the ring's table. */
static int client_install(struct driver *d, struct client *client, uint32_t slot)
{
    int result = ring_install(d->ring, slot, client->fd);
    close(client->fd);
    client->fd = -1;
    return result;
}

static void connections_begin(struct driver *d)
{
    const struct scenario *s = d->course->scenario;
    while (d->opened < d->clients_count && d->opened - d->ready < s->connecting) {
        uint32_t slot = d->opened++;
        struct client *client = &d->clients[slot];
        client->began_ns = course_now_ns();
        d->connect_begin_ns = d->connect_begin_ns == 0 ? client->began_ns : d->connect_begin_ns;
        int result = client_open(client, s);
        if (result == 0 && client->direct) {
            result = client_install(d, client, slot);
        }
        if (result != 0) {
            connection_failed(d, client, result);
            client_close(client);
            return;
        }
        ring_connect(d->ring, slot, client->fd, (const struct sockaddr *)&s->address,
                     s->address_bytes);
    }
}

static void client_became_ready(struct driver *d, struct client *client, uint64_t now_ns)
{
    d->ready++;
    d->connect_end_ns = now_ns;
    record_add(&d->connects, now_ns - client->began_ns, 1);
    if (client->role == CLIENT_STALLED) {
        ring_read_stop(d->ring, (uint32_t)(client - d->clients));
    }
    /* Release: pairs with the look of whoever reports what the connecting took. */
    atomic_store_explicit(&d->cell->ready, d->ready, memory_order_release);
}

/* Asks for RING_ENDED: before it, the slot's operations are not over. */
static void connection_end(struct driver *d, struct client *client)
{
    client->state = CLIENT_CLOSED;
    if (client->direct || client->skim.how == CLIENT_SKIMS) {
        ring_read_stop(d->ring, (uint32_t)(client - d->clients));
    } else if (client->fd >= 0) {
        MAYBE(shutdown(client->fd, SHUT_RDWR) == 0);
    }
}

static void disconnect(struct driver *d)
{
    /* A few at a time: each posts two completions, and all at once would overflow the CQ. */
    while (d->ending < d->clients_count && d->ending - MIN_OF(d->ending, d->ended) < ENDING_MAX) {
        struct client *client = &d->clients[d->ending++];
        if (!client->ended) {
            connection_end(d, client);
        }
    }
}

/* Everything as before the first connection. */
static void disconnected(struct driver *d)
{
    for (uint32_t i = 0; i < d->clients_count; i++) {
        client_close(&d->clients[i]);
        client_again(&d->clients[i]);
    }
    for (uint32_t i = 0; i < d->publishers_count; i++) {
        publisher_again(&d->publishers[i]);
    }
    for (uint32_t i = 0; i < d->churners_count; i++) {
        churner_again(&d->churners[i]);
    }
    memset(&d->connects, 0, sizeof d->connects);
    d->ending = 0;
    d->connect_begin_ns = 0;
    d->opened = 0;
    d->ready = 0;
    d->ended = 0;
    atomic_store_explicit(&d->cell->ready, 0, memory_order_relaxed);
}

/* ---- speaking ---- */

/* Whatever is in the outbox goes out, now or when there is room. */
static void client_speak(struct driver *d, struct client *client)
{
    uint32_t slot = (uint32_t)(client - d->clients);
    if (client_is_quiet(client) || client->state == CLIENT_CLOSED) {
        return;
    }
    if (client->direct && !client->sending) {
        client->sending = true;
        ring_send(d->ring, slot, client->outbox.bytes + client->outbox.at,
                  client->outbox.end - client->outbox.at);
    } else if (!client->direct && !client->waiting) {
        client->waiting = true;
        ring_wait_writable(d->ring, slot, client->fd);
    }
}

static void client_sent(struct driver *d, struct client *client, int result)
{
    client->sending = false;
    if (result <= 0) {
        return; /* a broken connection is noticed by reading */
    }
    client->outbox.at += (size_t)result;
    MAYBE(client_flush(client) != 0);
    client_pong(client, d->course->scenario);
    client_speak(d, client);
}

static void client_writable(struct driver *d, struct client *client, uint64_t now_ns)
{
    if (client_publishes(client) && d->publishers[client->task].blocked) {
        publisher_unblocked(&d->publishers[client->task], now_ns);
    }
    client->waiting = false;
    MAYBE(client_flush(client) != 0);
    client_speak(d, client);
    d->publish_ns = 0;
}

/* ---- publishing ---- */

static void publish(struct driver *d, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    /* Another one first each time, or the first would take all of a window that is never empty. */
    d->publish_first = d->publishers_count == 0 ? 0 : (d->publish_first + 1) % d->publishers_count;
    for (uint32_t i = 0; d->running && i < d->publishers_count; i++) {
        uint32_t place = d->publish_first + i;
        place -= place >= d->publishers_count ? d->publishers_count : 0;
        struct publisher *publisher = &d->publishers[place];
        bool was_blocked = publisher->blocked;
        next_ns = MIN_OF(next_ns, publisher_turn(publisher, now_ns));
        if (publisher->blocked && !was_blocked) {
            ring_wait_writable(d->ring, (uint32_t)(publisher->client - d->clients),
                               publisher->client->fd);
        }
        client_speak(d, publisher->client);
    }
    for (uint32_t i = 0; d->running && i < d->churners_count; i++) {
        next_ns = MIN_OF(next_ns, churner_turn(&d->churners[i], now_ns));
        client_speak(d, d->churners[i].client);
    }
    d->publish_ns = next_ns;
    atomic_store_explicit(&d->cell->sent, d->figures.sent, memory_order_relaxed);
    atomic_store_explicit(&d->cell->expected, d->figures.expected, memory_order_relaxed);
}

/* Tells everybody how far the slowest of our subscribers is. */
static void progress_report(struct driver *d)
{
    d->reads_unreported = 0;
    /* Relaxed: a stale value only holds a publisher back a moment longer. */
    atomic_store_explicit(&d->cell->slowest,
                          receiver_slowest(&d->receiver, d->clients, d->clients_count),
                          memory_order_relaxed);
    atomic_store_explicit(&d->cell->delivered, receiver_delivered(&d->receiver),
                          memory_order_relaxed);
}

/* What only people look at. */
static void glance(struct driver *d, uint64_t now_ns)
{
    if (now_ns < d->glance_ns || !d->running) {
        return;
    }
    d->glance_ns = now_ns + GLANCE_NS;
    atomic_store_explicit(&d->cell->lost, receiver_counts(&d->receiver).lost, memory_order_relaxed);
    atomic_store_explicit(&d->cell->p99_us,
                          (uint32_t)(record_percentile(&d->receiver.latency, 0.99) / 1000),
                          memory_order_relaxed);
}

/* How much a client that skims waits for. A publisher that has stopped fills no portion any more. */
static void portion_set(const struct driver *d, const struct client *client, bool publishing)
{
    if (d->course->rate != 0 || client->fd < 0 || client->skim.how != CLIENT_SKIMS) {
        return;
    }
    int bytes = publishing ? (int)skim_portion(&client->skim.skim, d->course->window) : 1;
    MAYBE(setsockopt(client->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes) == 0);
}

static void portions_set(const struct driver *d, bool publishing)
{
    for (uint32_t i = 0; i < d->clients_count; i++) {
        portion_set(d, &d->clients[i], publishing);
    }
}

/* ---- orders ---- */

static void prepare(struct driver *d)
{
    receiver_reset(&d->receiver);
    memset(&d->figures, 0, sizeof d->figures);
    memset(&d->churn, 0, sizeof d->churn);
    d->cpu_from_ns = 0;
    d->cpu_to_ns = 0;
    atomic_store_explicit(&d->cell->sent, 0, memory_order_relaxed);
    progress_report(d);
}

static void run(struct driver *d)
{
    series_begin(&d->series, course_measure(d->course), course_end(d->course));
    for (uint32_t i = 0; i < d->publishers_count; i++) {
        publisher_start(&d->publishers[i]);
    }
    for (uint32_t i = 0; i < d->churners_count; i++) {
        churner_start(&d->churners[i]);
    }
    d->running = true;
    d->publish_ns = 0;
    portions_set(d, true);
}

/* Which of those that do not read has the server given up? */
static void stalled_look(struct driver *d)
{
    d->stalled_cut = 0;
    for (uint32_t i = 0; i < d->clients_count; i++) {
        struct pollfd look = {d->clients[i].fd, POLLRDHUP, 0};
        if (d->clients[i].role == CLIENT_STALLED && poll(&look, 1, 0) == 1) {
            d->stalled_cut++; /* RDHUP, HUP or ERR */
        }
    }
}

static void obey(struct driver *d)
{
    /* Acquire: pairs with the release in course_order. */
    uint64_t order = atomic_load_explicit(&d->course->order, memory_order_acquire);
    enum course_command command = (enum course_command)(order & 255);
    if (order >> 8 == d->obeyed) {
        return;
    }
    if (command == COURSE_CONNECT && d->ready < d->clients_count) {
        connections_begin(d);
        if (!atomic_load_explicit(&d->course->failed, memory_order_relaxed)) {
            return; /* acknowledged when all are ready */
        }
    }
    if (command == COURSE_DISCONNECT) {
        d->resting = false;
        disconnect(d);
        if (d->ended < d->clients_count) {
            return;
        }
        disconnected(d);
    }
    d->resting = command == COURSE_COLLECT;
    if (command == COURSE_PREPARE) {
        prepare(d);
    } else if (command == COURSE_RUN) {
        run(d);
    } else if (command == COURSE_COLLECT) {
        d->running = false;
        stalled_look(d);
    } else if (command == COURSE_STOP) {
        d->stopped = true;
    }
    d->obeyed = order >> 8;
    /* Release: the main thread may now read what we wrote. */
    atomic_store_explicit(&d->cell->acknowledged, d->obeyed, memory_order_release);
}

/* ---- the turn ---- */

void driver_totals(const struct driver *d, struct series_step *totals)
{
    totals->delivered = d->receiver.delivered;
    totals->sent = d->figures.sent_measured;
    totals->latency = d->receiver.latency;
}

/* Notes this thread's CPU time when measuring begins and ends, and its totals as each step of the
 * series ends. Returns the next such moment. */
static uint64_t cpu_note(struct driver *d, uint64_t now_ns)
{
    if (!d->running) {
        return UINT64_MAX;
    }
    if (d->cpu_from_ns == 0 && now_ns >= course_measure(d->course)) {
        d->cpu_from_ns = thread_cpu_ns();
        d->queued_from_ns = server_stat_thread_queued_ns();
    }
    uint64_t end_ns = course_end(d->course);
    if (d->cpu_to_ns == 0 && now_ns >= end_ns) {
        d->cpu_to_ns = thread_cpu_ns();
        d->queued_to_ns = server_stat_thread_queued_ns();
        portions_set(d, false);
    }
    for (struct series_step *step; (step = series_due(&d->series, now_ns)) != NULL;) {
        driver_totals(d, step);
    }
    uint64_t next_ns = series_next_ns(&d->series);
    next_ns = d->cpu_to_ns == 0 ? MIN_OF(next_ns, end_ns) : next_ns;
    return d->cpu_from_ns == 0 ? course_measure(d->course) : next_ns;
}

static void client_lost(struct driver *d, struct client *client, const char *what, size_t bytes)
{
    static const char *const roles[] = {"subscriber",     "stalled subscriber", "publisher",
                                        "requester",      "responder",          "churner",
                                        "idle connection"};
    course_fail(d->course, "%s %u: %.*s", roles[client->role], client->index + 1,
                (int)MIN_OF(bytes, (size_t)300), what);
    connection_end(d, client);
}

/* The server complained: event holds its words. */
static void client_refused(struct driver *d, struct client *client, const struct codec_event *event)
{
    const struct scenario *s = d->course->scenario;
    char text[300] = "";
    if (event->kind == CODEC_DENIED && s->url.user[0] == 0 && s->url.password[0] == 0) {
        snprintf(text, sizeof text,
                 "the server wants user and password, as --url %s://USER:PASSWORD@HOST: ",
                 s->protocol->scheme);
    } else if (event->kind == CODEC_DENIED) {
        snprintf(text, sizeof text, "the server does not accept user and password of --url: ");
    }
    size_t size = strlen(text);
    size_t more = MIN_OF(event->text.size, sizeof text - size);
    memcpy(text + size, event->text.ptr, more);
    client_lost(d, client, text, size + more);
}

static void greeting_note(struct driver *d, const struct client *client,
                          const struct codec_event *event)
{
    if (event->kind == CODEC_HELLO && client_publishes(client) && client->index == 0) {
        snprintf(d->course->greeting, sizeof d->course->greeting, "%.*s", (int)event->text.size,
                 (const char *)event->text.ptr);
    }
}

/* A client that has nothing to hear but the server. */
static enum client_news plain_take(struct driver *d, struct client *client, struct bytes bytes,
                                   struct codec_event *event)
{
    enum client_news news = CLIENT_NOTHING;
    while (bytes.size != 0 && news != CLIENT_REFUSED &&
           d->course->scenario->protocol->next(&client->codec, &bytes, event)) {
        news = client_hear(client, d->course, event);
        greeting_note(d, client, event);
    }
    return news;
}

static void client_bytes(struct driver *d, struct client *client, struct bytes bytes)
{
    struct codec_event event;
    enum client_state before = client->state;
    enum client_news news = CLIENT_NOTHING;
    if (before == CLIENT_CLOSED) {
        return;
    }
    uint64_t now_ns = course_now_ns();
    switch (client->role) {
    case CLIENT_REQUESTER:
    case CLIENT_SUBSCRIBER:
        news = receiver_take(&d->receiver, client, bytes, now_ns, &event);
        d->reads_unreported++;
        break;
    case CLIENT_RESPONDER:
        news = responder_take(client, d->course, bytes, &event);
        break;
    case CLIENT_CHURNER:
        news = churner_take(&d->churners[client->task], bytes, now_ns, &event);
        break;
    case CLIENT_STALLED:
    case CLIENT_PUBLISHER:
    case CLIENT_IDLE:
        news = plain_take(d, client, bytes, &event);
        break;
    }
    if (client->role == CLIENT_REQUESTER) {
        d->publishers[client->task].answered = d->receiver.witness.passed[client->row];
        d->publish_ns = 0;
    }
    client_speak(d, client);
    if (news == CLIENT_REFUSED) {
        client_refused(d, client, &event);
    } else if (before != CLIENT_READY && client->state == CLIENT_READY) {
        client_became_ready(d, client, now_ns);
    } else if (news == CLIENT_UNIFORM) {
        client->skim.how = CLIENT_CHANGING;
        ring_read_stop(d->ring, (uint32_t)(client - d->clients));
    }
}

/* ---- skimming ---- */

static void skim_ask(struct driver *d, struct client *client)
{
    struct client_skim *s = &client->skim;
    if (s->awaited != 0) {
        s->again = true;
        return;
    }
    struct skim_wish wish = skim_wish(&s->skim, receiver_skim_looks(&d->receiver, client));
    struct ring_skim ask = {wish.skip, wish.keep, wish.rest, skim_room(&s->skim)};
    struct skim_got nothing = {0, 0, 0};
    s->ask = ask;
    s->got = nothing;
    s->again = false;
    s->awaited = (ask.skip != 0) + (ask.keep != 0) + (ask.rest != 0);
    ring_skim(d->ring, (uint32_t)(client - d->clients), client->fd, ask);
}

/* Results come in the order of the parts. Returns the part that this one is of. */
static uint32_t *skim_part(struct client_skim *s)
{
    uint32_t asked = (s->ask.skip != 0) + (s->ask.keep != 0) + (s->ask.rest != 0);
    uint32_t number = asked - s->awaited + (s->ask.skip == 0);
    number += s->ask.keep == 0 && number != 0;
    return number == 0 ? &s->got.skip : number == 1 ? &s->got.keep : &s->got.rest;
}

static void client_skimmed(struct driver *d, struct client *client, int result)
{
    struct client_skim *s = &client->skim;
    uint32_t *got = skim_part(s);
    s->awaited--;
    if (client->state == CLIENT_CLOSED) {
        return;
    }
    *got = result > 0 ? (uint32_t)result : 0;
    if (result == 0 || (result < 0 && result != -EAGAIN)) {
        const char *why = result == 0 ? "the server closed the connection" : strerror(-result);
        client_lost(d, client, why, strlen(why));
        return;
    }
    if (s->awaited != 0) {
        return;
    }
    if (!receiver_skim(&d->receiver, client, course_now_ns())) {
        static const char astray[] = "something that is no message: use --verify sample to see it";
        client_lost(d, client, astray, sizeof astray - 1);
        return;
    }
    d->reads_unreported++;
    client_pong(client, d->course->scenario);
    client_speak(d, client);
    if (s->again || (s->ask.rest == 0 && s->got.keep == s->ask.keep)) {
        skim_ask(d, client);
    }
}

static void client_ended(struct driver *d, struct client *client, int result)
{
    if (client->skim.how == CLIENT_CHANGING && result == -ECANCELED &&
        client->state != CLIENT_CLOSED) {
        receiver_skim_begin(&d->receiver, client);
        portion_set(d, client, d->running && d->cpu_to_ns == 0);
        ring_watch(d->ring, (uint32_t)(client - d->clients), client->fd);
        return;
    }
    if (client->state != CLIENT_CLOSED && client->role != CLIENT_STALLED) {
        const char *why = result == 0 ? "the server closed the connection" : strerror(-result);
        client_lost(d, client, why, strlen(why));
    }
    client->ended = true;
    d->ended++;
}

static void handle(struct driver *d, const struct ring_event *event)
{
    struct client *client = &d->clients[event->slot];
    switch (event->kind) {
    case RING_CONNECTED:
        if (event->result != 0) {
            connection_failed(d, client, event->result);
            client_close(client);
            return;
        }
        if (!client_connected(client, d->course)) {
            connection_failed(d, client, -ECONNRESET);
            client_close(client);
            return;
        }
        client_speak(d, client);
        ring_read(d->ring, event->slot, client->fd);
        return;
    case RING_BYTES:
        client_bytes(d, client, event->bytes);
        return;
    case RING_ENDED:
        client_ended(d, client, event->result);
        return;
    case RING_SENT:
        client_sent(d, client, event->result);
        return;
    case RING_READABLE:
        if (client->state != CLIENT_CLOSED) {
            skim_ask(d, client);
        }
        return;
    case RING_SKIMMED:
        client_skimmed(d, client, event->result);
        return;
    case RING_WRITABLE:
        if (client->state != CLIENT_CLOSED) {
            client_writable(d, client, course_now_ns());
        }
        return;
    }
}

static uint64_t wait_ns(struct driver *d, uint64_t now_ns)
{
    uint64_t until_ns = MIN_OF(cpu_note(d, now_ns), d->publish_ns);
    uint64_t most_ns = WAIT_MAX_NS;
    if (d->running && d->course->rate == 0 && d->course->drivers > 1 && d->publishers_count != 0 &&
        now_ns < course_end(d->course)) {
        most_ns = WINDOW_POLL_NS;
    }
    return until_ns <= now_ns ? 0 : MIN_OF(until_ns - now_ns, most_ns);
}

static size_t wait_for_events(struct driver *d, struct ring_event *events)
{
    uint64_t now_ns = course_now_ns();
    publish(d, now_ns);
    uint64_t timeout_ns = wait_ns(d, now_ns);
    if (d->reads_unreported == 0 || timeout_ns == 0) {
        return ring_wait(d->ring, timeout_ns, events);
    }
    /* Looking for the slowest costs a pass over all subscribers: done when nothing else is to do,
     * or (in turn) when the reads since the last pass outweigh it. */
    size_t count = ring_wait(d->ring, 0, events);
    if (count == 0) {
        progress_report(d);
        publish(d, now_ns);
        count = ring_wait(d->ring, wait_ns(d, now_ns), events);
    }
    return count;
}

static void turn(struct driver *d, struct ring_event *events)
{
    obey(d);
    if (d->resting) {
        struct timespec nap = {0, REST_NS};
        nanosleep(&nap, NULL);
        return;
    }
    size_t count = wait_for_events(d, events);
    glance(d, course_now_ns());
    for (size_t i = 0; i < count; i++) {
        handle(d, &events[i]);
        if (i % EVENTS_PER_PUBLISH == EVENTS_PER_PUBLISH - 1 && d->publish_ns != UINT64_MAX) {
            publish(d, course_now_ns());
        }
    }
    if ((uint64_t)d->reads_unreported * 16 >= d->receiver.rows_count) {
        progress_report(d);
    }
}

static void pin(struct driver *d)
{
    const struct scenario *s = d->course->scenario;
    if (s->cpus_count == 0) {
        return;
    }
    uint32_t cpu = s->cpus[d->index % s->cpus_count];
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        course_fail(d->course, "--pin-cpus: CPU %u: %s", cpu, strerror(errno));
    }
}

static void *thread_main(void *argument)
{
    struct driver *d = argument;
    /* A due time is met to the microsecond, not to the 50 us that the kernel allows itself. */
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    pin(d);
    uint32_t table = 0;
    while (table < d->clients_count && d->clients[table].direct) {
        table++; /* invariant 1 */
    }
    int result = ring_open(&d->ring, d->clients_count, table);
    if (result != 0) {
        course_fail(d->course, "io_uring: %s (hubload needs it; Linux 6.1 or newer)",
                    strerror(-result));
        return NULL;
    }
    struct ring_event events[RING_EVENTS_MAX];
    while (!d->stopped) {
        turn(d, events);
    }
    ring_free(d->ring);
    return NULL;
}

/* ---- made and unmade by the main thread ---- */

/* Of count things, those from share_begin(index) up to share_begin(index + 1) are this driver's. */
static uint32_t share_begin(uint32_t count, uint32_t index, uint32_t drivers)
{
    return (uint32_t)((uint64_t)count * index / drivers);
}

static bool share_has(const struct driver *d, uint32_t count, uint32_t index)
{
    uint32_t drivers = d->course->drivers;
    return index >= share_begin(count, d->index, drivers) &&
           index < share_begin(count, d->index + 1, drivers);
}

/* A queue group stays together: one witness sees all its members. */
static bool subscriber_is_mine(const struct driver *d, uint32_t index, uint32_t healthy)
{
    uint32_t groups = d->course->scenario->groups;
    return groups != 0 ? index % groups % d->course->drivers == d->index
                       : share_has(d, healthy, index);
}

/*
 * --apart. A hub that gives a new connection to the worker with the fewest, and of equals to the first,
 * has all but the idle ones on the first when one of these follows each; and the churners on the
 * other, as the first of them follows at once.
 */
static void idle_add(struct driver *d, enum client_role next, uint32_t next_index)
{
    const struct scenario *s = d->course->scenario;
    if (s->apart && d->clients_count != 0 && (next != CLIENT_CHURNER || next_index != 0)) {
        struct client *client = &d->clients[d->clients_count++];
        uint32_t others = s->subscribers + s->publishers + s->churners;
        client_init(client, d->course, CLIENT_IDLE, others + d->idle_count, d->idle_count);
        d->idle_count++;
    }
}

static struct client *client_add(struct driver *d, enum client_role role, uint32_t number,
                                 uint32_t index)
{
    idle_add(d, role, index);
    struct client *client = &d->clients[d->clients_count++];
    client_init(client, d->course, role, number, index);
    return client;
}

static void subscribers_make(struct driver *d)
{
    const struct scenario *s = d->course->scenario;
    uint32_t healthy = s->subscribers - s->stalled;
    for (uint32_t i = 0; i < healthy; i++) {
        if (s->kind == SCENARIO_REQUEST ? share_has(d, healthy, i)
                                        : subscriber_is_mine(d, i, healthy)) {
            bool responds = s->kind == SCENARIO_REQUEST;
            MAYBE(client_add(d, responds ? CLIENT_RESPONDER : CLIENT_SUBSCRIBER, i, i) != NULL);
        }
    }
    for (uint32_t i = 0; i < s->stalled; i++) {
        if (share_has(d, s->stalled, i)) {
            MAYBE(client_add(d, CLIENT_STALLED, healthy + i, i) != NULL);
        }
    }
}

static void publishers_make(struct driver *d)
{
    const struct scenario *s = d->course->scenario;
    enum client_role role = s->kind == SCENARIO_REQUEST ? CLIENT_REQUESTER : CLIENT_PUBLISHER;
    for (uint32_t i = 0; i < s->publishers; i++) {
        if (share_has(d, s->publishers, i)) {
            struct client *client = client_add(d, role, s->subscribers + i, i);
            client->task = d->publishers_count;
            publisher_init(&d->publishers[d->publishers_count++], d->course, client, i,
                           &d->figures);
        }
    }
    for (uint32_t i = 0; i < s->churners; i++) {
        if (share_has(d, s->churners, i)) {
            uint32_t number = s->subscribers + s->publishers + i;
            struct client *client = client_add(d, CLIENT_CHURNER, number, i);
            client->task = d->churners_count;
            churner_init(&d->churners[d->churners_count++], d->course, client, &d->churn);
        }
    }
}

int driver_start(struct driver *d, struct course *course, uint32_t index)
{
    const struct scenario *s = course->scenario;
    memset(d, 0, sizeof *d);
    d->course = course;
    d->cell = &course->cells[index];
    d->index = index;
    d->publish_ns = UINT64_MAX;
    d->clients = memory_alloc(scenario_connections(s) * sizeof *d->clients);
    d->publishers = memory_alloc(MAX_OF(s->publishers, 1u) * sizeof *d->publishers);
    d->churners = memory_alloc(MAX_OF(s->churners, 1u) * sizeof *d->churners);
    subscribers_make(d);
    publishers_make(d);
    receiver_init(&d->receiver, course, d->clients, d->clients_count);
    progress_report(d);
    return -pthread_create(&d->thread, NULL, thread_main, d);
}

void driver_join(struct driver *d)
{
    pthread_join(d->thread, NULL);
}

void driver_free(struct driver *d)
{
    for (uint32_t i = 0; i < d->clients_count; i++) {
        client_free(&d->clients[i]);
    }
    for (uint32_t i = 0; i < d->publishers_count; i++) {
        publisher_free(&d->publishers[i]);
    }
    receiver_free(&d->receiver);
    series_free(&d->series);
    memory_free(d->clients);
    memory_free(d->publishers);
    memory_free(d->churners);
}
