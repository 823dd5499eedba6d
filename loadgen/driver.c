/* driver.c - the turn of a generator thread. */
#include "loadgen/driver.h"

#include "loadgen/server_stat.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>

enum {
    REST_NS = 1000000,       /* between two looks for an order after COLLECT */
    CONNECTING_MAX = 128,    /* connections of one driver on their way to READY */
    EVENTS_PER_PUBLISH = 32, /* reads between two looks at the schedule */
    WAIT_MAX_NS = 20000000,  /* orders are noticed this late at most */
    WINDOW_POLL_NS = 100000, /* another driver's subscribers hold the window: look again */
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
        hint = ": the limit of open files is too low";
    }
    course_fail(d->course, "connection %u to %s:%s: %s%s", client->number + 1, s->host, s->port,
                strerror(-error), hint);
}

static void connections_begin(struct driver *d)
{
    const struct scenario *s = d->course->scenario;
    while (d->opened < d->clients_count && d->opened - d->ready < CONNECTING_MAX) {
        uint32_t slot = d->opened++;
        struct client *client = &d->clients[slot];
        int result = client_open(client, s);
        if (result != 0) {
            connection_failed(d, client, result);
            client_close(client);
            return;
        }
        ring_connect(d->ring, slot, client->fd, (const struct sockaddr *)&s->address,
                     s->address_bytes);
    }
}

static void client_became_ready(struct driver *d)
{
    d->ready++;
    atomic_store_explicit(&d->cell->ready, d->ready, memory_order_relaxed);
}

/* ---- publishing ---- */

static void publish(struct driver *d, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    for (uint32_t i = 0; d->running && i < d->publishers_count; i++) {
        struct publisher *publisher = &d->publishers[i];
        bool was_blocked = publisher->blocked;
        next_ns = MIN_OF(next_ns, publisher_turn(publisher, now_ns));
        if (publisher->blocked && !was_blocked) {
            ring_wait_writable(d->ring, (uint32_t)(publisher->client - d->clients),
                               publisher->client->fd);
        }
    }
    d->publish_ns = next_ns;
    atomic_store_explicit(&d->cell->sent, d->figures.sent, memory_order_relaxed);
}

/* Tells everybody how far the slowest of our subscribers is. */
static void progress_report(struct driver *d)
{
    d->reads_unreported = 0;
    /* Relaxed: a stale value only holds a publisher back a moment longer. */
    atomic_store_explicit(&d->cell->slowest, witness_slowest(&d->receiver.witness),
                          memory_order_relaxed);
    atomic_store_explicit(&d->cell->delivered, d->receiver.witness.counts.delivered,
                          memory_order_relaxed);
}

/* ---- orders ---- */

static void prepare(struct driver *d)
{
    receiver_reset(&d->receiver);
    memset(&d->figures, 0, sizeof d->figures);
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
    d->running = true;
    d->publish_ns = 0;
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
    d->resting = command == COURSE_COLLECT;
    if (command == COURSE_PREPARE) {
        prepare(d);
    } else if (command == COURSE_RUN) {
        run(d);
    } else if (command == COURSE_COLLECT) {
        d->running = false;
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
    course_fail(d->course, "%s %u: %.*s", client->subscribes ? "subscriber" : "publisher",
                client->number + 1, (int)MIN_OF(bytes, (size_t)300), what);
    client_close(client);
}

static void greeting_note(struct driver *d, const struct client *client,
                          const struct codec_event *event)
{
    if (event->kind == CODEC_HELLO && client == d->publishers[0].client &&
        d->publishers[0].number == 0) {
        snprintf(d->course->greeting, sizeof d->course->greeting, "%.*s", (int)event->text.size,
                 (const char *)event->text.ptr);
    }
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
    if (client->subscribes) {
        news = receiver_take(&d->receiver, client, bytes, now_ns, &event);
        d->reads_unreported++;
    } else {
        while (bytes.size != 0 && news != CLIENT_REFUSED &&
               d->course->scenario->protocol->next(&client->codec, &bytes, &event)) {
            news = client_hear(client, d->course->scenario, &event);
            greeting_note(d, client, &event);
        }
    }
    if (news == CLIENT_REFUSED) {
        client_lost(d, client, (const char *)event.text.ptr, event.text.size);
    } else if (before != CLIENT_READY && client->state == CLIENT_READY) {
        client_became_ready(d);
    }
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
        if (!client_connected(client, d->course->scenario)) {
            connection_failed(d, client, -ECONNRESET);
            client_close(client);
            return;
        }
        ring_read(d->ring, event->slot, client->fd);
        return;
    case RING_BYTES:
        client_bytes(d, client, event->bytes);
        return;
    case RING_ENDED:
        if (client->state != CLIENT_CLOSED) {
            const char *why =
                event->result == 0 ? "the server closed the connection" : strerror(-event->result);
            client_lost(d, client, why, strlen(why));
        }
        return;
    case RING_WRITABLE:
        if (client->state != CLIENT_CLOSED) {
            ASSERT(event->slot >= d->subscribers);
            publisher_unblocked(&d->publishers[event->slot - d->subscribers], course_now_ns());
            d->publish_ns = 0;
        }
        return;
    }
}

static uint64_t wait_ns(struct driver *d, uint64_t now_ns)
{
    uint64_t until_ns = MIN_OF(cpu_note(d, now_ns), d->publish_ns);
    uint64_t most_ns = WAIT_MAX_NS;
    if (d->running && d->course->scenario->rate == 0 && d->course->drivers > 1 &&
        d->publishers_count != 0 && now_ns < course_end(d->course)) {
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
    for (size_t i = 0; i < count; i++) {
        handle(d, &events[i]);
        if (i % EVENTS_PER_PUBLISH == EVENTS_PER_PUBLISH - 1 && d->publish_ns != UINT64_MAX) {
            publish(d, course_now_ns());
        }
    }
    if ((uint64_t)d->reads_unreported * 16 >= d->subscribers) {
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
    int result = ring_open(&d->ring, d->clients_count);
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

static void clients_make(struct driver *d)
{
    const struct scenario *s = d->course->scenario;
    uint32_t drivers = d->course->drivers;
    uint32_t first = share_begin(s->subscribers, d->index, drivers);
    d->subscribers = share_begin(s->subscribers, d->index + 1, drivers) - first;
    uint32_t first_publisher = share_begin(s->publishers, d->index, drivers);
    d->publishers_count = share_begin(s->publishers, d->index + 1, drivers) - first_publisher;
    d->clients_count = d->subscribers + d->publishers_count;
    d->clients = memory_alloc(MAX_OF(d->clients_count, 1u) * sizeof *d->clients);
    d->publishers = memory_alloc(MAX_OF(d->publishers_count, 1u) * sizeof *d->publishers);
    for (uint32_t i = 0; i < d->subscribers; i++) {
        client_init(&d->clients[i], s, first + i, true, i);
    }
    for (uint32_t i = 0; i < d->publishers_count; i++) {
        struct client *client = &d->clients[d->subscribers + i];
        client_init(client, s, s->subscribers + first_publisher + i, false, 0);
        publisher_init(&d->publishers[i], d->course, client, (uint16_t)(first_publisher + i),
                       &d->figures);
    }
}

int driver_start(struct driver *d, struct course *course, uint32_t index)
{
    memset(d, 0, sizeof *d);
    d->course = course;
    d->cell = &course->cells[index];
    d->index = index;
    d->publish_ns = UINT64_MAX;
    clients_make(d);
    receiver_init(&d->receiver, course, d->subscribers);
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
    series_free(&d->series);
    receiver_free(&d->receiver);
    memory_free(d->clients);
    memory_free(d->publishers);
}
