/*
 * loop_fake.c - io/loop.h over byte pipes; see loop_fake.h.
 *
 * It models what the kernel may do, not how: what a seeded fault takes away in one wait, a later
 * one gives.
 */
#include "core/limits.h"
#include "core/planted.h"
#include "io/loop_ops.h"
#include "tests/support/loop_fake_world.h"

#include <errno.h>
#include <string.h>

enum {
    LOOPS_MAX = WORKERS_MAX,
    CAP_20 = 20,
    LATE_WAITS_MAX = 8,
};

struct fake_slot {
    struct fake_client *socket; /* NULL: free */
    uint32_t generation;
    bool armed;
    bool straggler; /* disarmed, and one more read is on its way */
    bool ended;     /* EOF or ERROR was reported */
    bool write_waited;
    bool write_blocked; /* the last send found it full by fault: WRITABLE is due at once */
    bool closing;
    uint32_t late_waits; /* CLOSED after so many waits */
};

/* Bytes lent to the worker. */
struct loan {
    struct list node;
    uint32_t id;
    uint8_t bytes[];
};

struct fake_loop {
    struct loop loop; /* first */
    struct fake_world *world;
    struct loop_options options;
    struct loop_stats stats;
    struct fake_slot *slots; /* owned */
    uint32_t slots_used;
    uint32_t slots_top;  /* all used slots are below */
    uint32_t *order;     /* owned; scratch of a wait */
    struct list backlog; /* clients not accepted */
    bool accepting;
    bool woken;
    uint64_t timeout_ns;
    struct list loans;
    uint32_t loans_made;
    uint32_t sends_call; /* which call of loop_send, and who was in it */
    uint32_t *sent_in;
};

static struct fake_loop *fake_of(struct loop *loop)
{
    return CONTAINER_OF(loop, struct fake_loop, loop);
}

struct fake_client *fake_connect(struct loop *loop)
{
    struct fake_loop *l = fake_of(loop);
    struct fake_client *client = fake_client_new(l->world);
    list_push(&l->backlog, &client->wait);
    return client;
}

/* Slots. */

static struct fake_slot *slot_of(struct fake_loop *l, uint32_t slot)
{
    ASSERT(slot < l->options.slots_max);
    ASSERT(l->slots[slot].socket != NULL || l->slots[slot].closing);
    return &l->slots[slot];
}

static bool wants_read(const struct fake_slot *s)
{
    return (s->armed || s->straggler) && !s->ended && fake_socket_is_readable(s->socket);
}

static bool slot_has_news(const struct fake_slot *s)
{
    if (s->closing) {
        return true;
    }
    if (s->socket == NULL) {
        return false;
    }
    return wants_read(s) ||
           (s->write_waited && (s->write_blocked || fake_socket_has_room(s->socket)));
}

static bool has_io(const struct fake_loop *l)
{
    if (l->accepting && !list_is_empty(&l->backlog)) {
        return true;
    }
    for (uint32_t slot = 0; slot < l->slots_top; slot++) {
        if (slot_has_news(&l->slots[slot])) {
            return true;
        }
    }
    return false;
}

bool fake_loop_is_runnable(const struct loop *loop)
{
    const struct fake_loop *l = (const struct fake_loop *)loop;
    return l->woken || has_io(l);
}

bool fake_loop_is_woken(const struct loop *loop)
{
    return ((const struct fake_loop *)loop)->woken;
}

uint64_t fake_loop_timeout_ns(const struct loop *loop)
{
    return ((const struct fake_loop *)loop)->timeout_ns;
}

uint32_t fake_loop_slots_used(const struct loop *loop)
{
    return ((const struct fake_loop *)loop)->slots_used;
}

/* The calls of loop.h. */

static int fake_accept(struct loop *loop, int listener_fd)
{
    (void)listener_fd;
    fake_of(loop)->accepting = true;
    return 0;
}

static void fake_accept_stop(struct loop *loop)
{
    fake_of(loop)->accepting = false;
}

static int fake_add(struct loop *loop, uint32_t slot, uint32_t generation, int fd)
{
    struct fake_loop *l = fake_of(loop);
    ASSERT(slot < l->options.slots_max);
    struct fake_slot *s = &l->slots[slot];
    ASSERT(s->socket == NULL);
    ASSERT(!s->closing);
    struct fake_client *client = fake_client_of(l->world, fd);
    ASSERT(client->accepted);
    ASSERT(!client->hub_closed);
    memset(s, 0, sizeof(*s));
    s->socket = client;
    s->generation = generation;
    l->slots_used++;
    l->slots_top = MAX_OF(l->slots_top, slot + 1);
    return 0;
}

static void fake_discard(struct loop *loop, int fd)
{
    struct fake_world *world = fake_of(loop)->world;
    fake_socket_close(world, fake_client_of(world, fd), LOOP_CLOSE_ORDERLY);
}

static void fake_read_arm(struct loop *loop, uint32_t slot)
{
    struct fake_slot *s = slot_of(fake_of(loop), slot);
    s->armed = !s->closing;
    s->straggler = false;
}

static void fake_read_disarm(struct loop *loop, uint32_t slot)
{
    struct fake_loop *l = fake_of(loop);
    struct fake_slot *s = slot_of(l, slot);
    if (s->armed) {
        s->armed = false;
        s->straggler = s->socket->to_hub.size > 0 && fake_meets(l->world, FAKE_BYTES_AFTER_DISARM);
    }
}

static void fake_wait_writable(struct loop *loop, uint32_t slot)
{
    struct fake_slot *s = slot_of(fake_of(loop), slot);
    s->write_waited = !s->closing;
}

static void fake_shutdown_write(struct loop *loop, uint32_t slot)
{
    struct fake_slot *s = slot_of(fake_of(loop), slot);
    if (!s->closing) {
        s->socket->to_client.ended = true;
    }
}

static void fake_close_slot(struct loop *loop, uint32_t slot, enum loop_close how)
{
    struct fake_loop *l = fake_of(loop);
    struct fake_slot *s = slot_of(l, slot);
    if (s->closing) {
        return;
    }
    fake_socket_close(l->world, s->socket, how);
    s->socket = NULL;
    s->closing = true;
    s->armed = false;
    s->straggler = false;
    s->write_waited = false;
    s->late_waits = fake_meets(l->world, FAKE_LATE_CLOSED)
                        ? (uint32_t)fake_draw_size(l->world, LATE_WAITS_MAX)
                        : 0;
}

int fake_loop_release(struct loop *loop, uint32_t slot)
{
    struct fake_loop *l = fake_of(loop);
    struct fake_slot *s = slot_of(l, slot);
    ASSERT(!s->closing);
    int fd = s->socket->fd;
    memset(s, 0, sizeof(*s));
    l->slots_used--;
    return fd;
}

/* Sending. */

/* Writes up to max bytes of the vectors; returns how many fitted. */
static size_t gather(struct fake_pipe *pipe, const struct loop_send *send, size_t max)
{
    size_t sent = 0;
    for (uint32_t i = 0; i < send->vectors_count && sent < max; i++) {
        size_t want = MIN_OF(send->vectors[i].iov_len, max - sent);
        size_t got = fake_pipe_write(pipe, bytes_of(send->vectors[i].iov_base, want));
        sent += got;
        if (got < want) {
            break;
        }
    }
    return sent;
}

static int64_t socket_send(struct fake_loop *l, struct fake_slot *s, const struct loop_send *send)
{
    struct fake_client *client = s->socket;
    if (fake_meets(l->world, FAKE_NETWORK_RESET)) {
        fake_socket_reset(client, -ECONNRESET);
    }
    if (client->reset || client->to_client.ended) {
        int error = fake_socket_error(client);
        return error != 0 ? error : -EPIPE;
    }
    if (client->doomed) {
        fake_socket_reset(client, -EPIPE); /* the bytes go out, the RST comes back */
        return (int64_t)send->size;
    }
    if (fake_pipe_room(&client->to_client) > 0 && fake_meets(l->world, FAKE_FULL_SEND)) {
        s->write_blocked = true;
        return LOOP_SEND_FULL;
    }
    size_t max = send->size;
    if (max > 1 && fake_meets(l->world, FAKE_SHORT_SEND)) {
        max = fake_draw_size(l->world, max - 1);
        s->write_blocked = true;
    }
    return (int64_t)gather(&client->to_client, send, max);
}

static void send_count(struct fake_loop *l, const struct loop_send *send)
{
    l->stats.sends++;
    l->stats.sends_dead += send->result < 0;
    l->stats.sends_full += send->result == LOOP_SEND_FULL;
    l->stats.sends_short += send->result > 0 && (size_t)send->result < send->size;
    l->stats.bytes_sent += send->result > 0 ? (uint64_t)send->result : 0;
}

static void fake_send(struct loop *loop, struct loop_send *sends, size_t count)
{
    struct fake_loop *l = fake_of(loop);
    l->sends_call++;
    l->stats.enters++;
    if (fake_meets(l->world, FAKE_SHORT_SUBMIT)) {
        l->stats.enters++; /* the results must not tell */
    }
    for (size_t i = 0; i < count; i++) {
        struct fake_slot *s = slot_of(l, sends[i].slot);
        ASSERT(!s->closing);
        ASSERT(l->sent_in[sends[i].slot] != l->sends_call); /* one send per slot per call */
        l->sent_in[sends[i].slot] = l->sends_call;
        size_t size = 0;
        for (uint32_t v = 0; v < sends[i].vectors_count; v++) {
            size += sends[i].vectors[v].iov_len;
        }
        ASSERT(size == sends[i].size);
        sends[i].result = socket_send(l, s, &sends[i]);
        send_count(l, &sends[i]);
    }
    if (fake_meets(l->world, FAKE_OVERFLOW)) {
        l->stats.cq_overflows++; /* the results must not tell either, unless by mistake */
        for (size_t i = 0; PLANTED(PLANTED_SILENCE_ON_OVERFLOW) && i < count; i++) {
            sends[i].result = (int64_t)sends[i].size;
        }
    }
}

/* Waiting. */

static void event_fill(struct loop_event *event, enum loop_event_kind kind, uint32_t slot,
                       uint32_t generation, int result)
{
    memset(event, 0, sizeof(*event));
    event->kind = kind;
    event->slot = slot;
    event->generation = generation;
    event->result = result;
    event->buffer = LOOP_BUFFER_NONE;
}

static void loans_end(struct fake_loop *l)
{
    struct list *node;
    while ((node = list_pop(&l->loans)) != NULL) {
        memory_free(CONTAINER_OF(node, struct loan, node));
    }
}

static void fake_buffer_return(struct loop *loop, const struct loop_event *event)
{
    struct fake_loop *l = fake_of(loop);
    LIST_FOR_EACH_SAFE (node, next, &l->loans) {
        struct loan *loan = CONTAINER_OF(node, struct loan, node);
        if (loan->id == event->buffer) {
            list_remove(&loan->node);
            memory_free(loan);
            return;
        }
    }
    ASSERT(false && "a buffer returned twice, or never lent");
}

/* What one wait has left to give. */
struct budget {
    size_t events;
    uint32_t buffers;
};

static size_t report_bytes(struct fake_loop *l, uint32_t slot, struct loop_event *event,
                           struct budget *budget)
{
    struct fake_slot *s = &l->slots[slot];
    if (budget->buffers == 0 || fake_meets(l->world, FAKE_NO_BUFFERS)) {
        budget->buffers = 0;
        l->stats.buffers_empty++;
        return 0;
    }
    budget->buffers--;
    size_t size = MIN_OF(s->socket->to_hub.size, (size_t)READ_BUFFER_BYTES);
    if (size > 1 && fake_meets(l->world, FAKE_TORN_READ)) {
        size = fake_draw_size(l->world, size - 1);
    }
    struct loan *loan = (struct loan *)memory_alloc(sizeof(*loan) + size);
    list_init(&loan->node);
    loan->id = l->loans_made++;
    list_push(&l->loans, &loan->node);
    size_t got = fake_pipe_read(&s->socket->to_hub, loan->bytes, size);
    ASSERT(got == size);
    event_fill(event, LOOP_EVENT_BYTES, slot, s->generation, 0);
    event->buffer = loan->id;
    event->bytes = bytes_of(loan->bytes, size);
    l->stats.reads++;
    l->stats.bytes_read += size;
    s->straggler = false;
    return 1;
}

static size_t report_read(struct fake_loop *l, uint32_t slot, struct loop_event *event,
                          struct budget *budget)
{
    struct fake_slot *s = &l->slots[slot];
    if (fake_meets(l->world, FAKE_MULTISHOT_END)) {
        l->stats.rearms++;
        return 0;
    }
    if (fake_meets(l->world, FAKE_NETWORK_RESET)) {
        fake_socket_reset(s->socket, -ECONNRESET);
    }
    if (s->socket->to_hub.size > 0) {
        return report_bytes(l, slot, event, budget);
    }
    if (!s->armed) {
        s->straggler = false;
        return 0;
    }
    s->ended = true;
    int error = fake_socket_error(s->socket);
    event_fill(event, error != 0 ? LOOP_EVENT_ERROR : LOOP_EVENT_EOF, slot, s->generation, error);
    return 1;
}

static size_t report_writable(struct fake_loop *l, uint32_t slot, struct loop_event *event)
{
    struct fake_slot *s = &l->slots[slot];
    bool is_due = s->write_blocked || fake_socket_has_room(s->socket);
    if (!is_due && !fake_meets(l->world, FAKE_SPURIOUS_WRITABLE)) {
        return 0;
    }
    s->write_waited = false;
    s->write_blocked = false;
    event_fill(event, LOOP_EVENT_WRITABLE, slot, s->generation, 0);
    return 1;
}

static size_t report_slot(struct fake_loop *l, uint32_t slot, struct loop_event *events,
                          struct budget *budget)
{
    struct fake_slot *s = &l->slots[slot];
    if (s->closing) {
        if (s->late_waits > 0) {
            s->late_waits--;
            return 0;
        }
        event_fill(&events[0], LOOP_EVENT_CLOSED, slot, s->generation, 0);
        memset(s, 0, sizeof(*s));
        l->slots_used--;
        return 1;
    }
    size_t count = 0;
    if (s->write_waited) {
        count += report_writable(l, slot, &events[count]);
    }
    if (count < budget->events && wants_read(s)) {
        count += report_read(l, slot, &events[count], budget);
    }
    /* The end may stand in one batch with the last bytes. */
    if (count > 0 && count < budget->events && s->armed && wants_read(s) &&
        s->socket->to_hub.size == 0 && fake_meets(l->world, FAKE_END_WITH_BYTES)) {
        count += report_read(l, slot, &events[count], budget);
    }
    return count;
}

static size_t report_accepts(struct fake_loop *l, struct loop_event *events, size_t max)
{
    size_t count = 0;
    while (l->accepting && count < max && !list_is_empty(&l->backlog)) {
        if (fake_meets(l->world, FAKE_ACCEPT_FAILED)) {
            event_fill(&events[count++], LOOP_EVENT_ACCEPT_FAILED, UINT32_MAX, 0, -EMFILE);
            break;
        }
        struct fake_client *client = CONTAINER_OF(list_pop(&l->backlog), struct fake_client, wait);
        client->accepted = true;
        event_fill(&events[count++], LOOP_EVENT_ACCEPT, UINT32_MAX, 0, client->fd);
    }
    return count;
}

/* Slots with news in the order they are looked at. The start rotates, so that a small budget does
 * not starve the last ones. */
static uint32_t choose_order(struct fake_loop *l)
{
    uint32_t count = 0;
    uint32_t start = l->slots_top > 0 ? (uint32_t)(fake_draw(l->world) % l->slots_top) : 0;
    for (uint32_t i = 0; i < l->slots_top; i++) {
        uint32_t slot = (start + i) % l->slots_top;
        if (slot_has_news(&l->slots[slot]) || l->slots[slot].write_waited) {
            l->order[count++] = slot;
        }
    }
    if (count > 1 && fake_meets(l->world, FAKE_ORDER)) {
        for (uint32_t i = count - 1; i > 0; i--) {
            uint32_t other = (uint32_t)(fake_draw(l->world) % (i + 1));
            uint32_t kept = l->order[i];
            l->order[i] = l->order[other];
            l->order[other] = kept;
        }
    }
    return count;
}

static size_t wait_events_max(struct fake_loop *l, size_t max)
{
    if (fake_meets(l->world, FAKE_CAP_20)) {
        max = MIN_OF(max, (size_t)CAP_20);
    }
    if (fake_meets(l->world, FAKE_OVERFLOW)) {
        l->stats.cq_overflows++;
        max = fake_draw_size(l->world, max);
    }
    return max;
}

static size_t fake_wait(struct loop *loop, uint64_t timeout_ns, struct loop_event *events,
                        size_t max)
{
    struct fake_loop *l = fake_of(loop);
    loans_end(l);
    l->timeout_ns = timeout_ns;
    if (l->world->hook != NULL) {
        l->world->hook(l->world->hook_context, loop, timeout_ns);
    }
    l->stats.enters++;
    if (fake_meets(l->world, FAKE_EMPTY_WAIT)) {
        return 0;
    }
    struct budget budget = {wait_events_max(l, max), l->options.read_buffers};
    size_t count = 0;
    if (l->woken || fake_meets(l->world, FAKE_SPURIOUS_WAKE)) {
        l->woken = false;
        l->stats.wakes_received++;
        event_fill(&events[count++], LOOP_EVENT_WAKE, UINT32_MAX, 0, 0);
    }
    count += report_accepts(l, &events[count], (budget.events - count + 1) / 2);
    uint32_t due = choose_order(l);
    for (uint32_t i = 0; i < due && count < budget.events; i++) {
        if (fake_meets(l->world, FAKE_LATE_EVENT)) {
            continue;
        }
        struct budget left = {budget.events - count, budget.buffers};
        count += report_slot(l, l->order[i], &events[count], &left);
        budget.buffers = left.buffers;
    }
    return count;
}

static void fake_wake(struct loop *loop)
{
    fake_of(loop)->woken = true;
}

static bool fake_wake_from(struct loop *from, struct loop *to)
{
    fake_of(from)->stats.wakes_sent++;
    fake_of(to)->woken = true;
    return true;
}

static void fake_stats_read(const struct loop *loop, struct loop_stats *stats)
{
    *stats = ((const struct fake_loop *)loop)->stats;
}

/* Life. */

static void fake_check(const struct loop *loop)
{
    const struct fake_loop *l = (const struct fake_loop *)loop;
    uint32_t used = 0;
    for (uint32_t slot = 0; slot < l->options.slots_max; slot++) {
        const struct fake_slot *s = &l->slots[slot];
        bool is_used = s->socket != NULL || s->closing;
        used += is_used;
        ASSERT(!is_used || slot < l->slots_top);
        ASSERT(!s->closing || s->socket == NULL);
        ASSERT(s->socket == NULL || !s->socket->hub_closed);
    }
    ASSERT(used == l->slots_used);
}

static void fake_free(struct loop *loop)
{
    struct fake_loop *l = fake_of(loop);
    loans_end(l);
    for (uint32_t slot = 0; slot < l->slots_top; slot++) {
        if (l->slots[slot].socket != NULL) {
            fake_socket_close(l->world, l->slots[slot].socket, LOOP_CLOSE_ORDERLY);
        }
    }
    while (list_pop(&l->backlog) != NULL) {
        /* the clients are the world's */
    }
    l->world->loops_count--;
    memory_free(l->slots);
    memory_free(l->order);
    memory_free(l->sent_in);
    memory_free(l);
}

static const struct loop_ops fake_ops = {
    .name = "fake",
    .free = fake_free,
    .check = fake_check,
    .accept = fake_accept,
    .accept_stop = fake_accept_stop,
    .add = fake_add,
    .discard = fake_discard,
    .read_arm = fake_read_arm,
    .read_disarm = fake_read_disarm,
    .send = fake_send,
    .wait_writable = fake_wait_writable,
    .shutdown_write = fake_shutdown_write,
    .close_slot = fake_close_slot,
    .wait = fake_wait,
    .buffer_return = fake_buffer_return,
    .wake = fake_wake,
    .wake_from = fake_wake_from,
    .stats_read = fake_stats_read,
};

int loop_fake_open(const struct loop_options *options, struct loop **loop)
{
    struct fake_world *world = fake_world_current();
    ASSERT(world->loops_count < LOOPS_MAX);
    struct fake_loop *l = (struct fake_loop *)memory_alloc(sizeof(*l));
    l->loop.ops = &fake_ops;
    l->world = world;
    l->options = *options;
    if (l->options.read_buffers == 0) {
        l->options.read_buffers = READ_BUFFERS_DEFAULT;
    }
    l->slots = (struct fake_slot *)memory_alloc(options->slots_max * sizeof(*l->slots));
    l->order = (uint32_t *)memory_alloc(options->slots_max * sizeof(*l->order));
    l->sent_in = (uint32_t *)memory_alloc(options->slots_max * sizeof(*l->sent_in));
    list_init(&l->backlog);
    list_init(&l->loans);
    world->loops_count++;
    *loop = &l->loop;
    return 0;
}
