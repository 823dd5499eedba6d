/*
 * receiver.c - the hot loop of the generator. Its cost per delivery is what separates measuring a
 * server from measuring hubload, so a frame that looks like all others takes one comparison of its
 * prefix, one check of its header and one of its sequence.
 */
#include "loadgen/receiver.h"

#include "loadgen/volley.h"

/* ---- made and unmade ---- */

static void groups_init(struct receiver *r, struct client *clients, uint32_t count)
{
    uint32_t groups = r->course->scenario->groups;
    uint32_t *members = memory_alloc(groups * sizeof *members);
    uint32_t *places = memory_alloc(groups * sizeof *places);
    for (uint32_t i = 0; i < count; i++) {
        if (clients[i].row == CLIENT_NOBODY) {
            continue;
        }
        uint32_t group = clients[i].index % groups;
        if (members[group]++ == 0) {
            places[group] = r->groups_count++;
        }
        clients[i].group = places[group];
        clients[i].member = members[group] - 1;
    }
    r->groups = memory_alloc(MAX_OF(r->groups_count, 1u) * sizeof *r->groups);
    for (uint32_t i = 0; i < groups; i++) {
        if (members[i] != 0) {
            group_init(&r->groups[places[i]], members[i], r->course->topology.streams);
        }
    }
    memory_free(members);
    memory_free(places);
}

/* Of members of a queue group nothing is promised. */
static void order_open(struct receiver *r, const struct client *clients, uint32_t count)
{
    const struct scenario *s = r->course->scenario;
    if (!s->protocol->keeps_order || s->groups != 0 || s->kind == SCENARIO_REQUEST) {
        return;
    }
    struct topology_heard *heard = memory_alloc(MAX_OF(r->rows_count, 1u) * sizeof *heard);
    for (uint32_t i = 0; i < count; i++) {
        if (clients[i].row != CLIENT_NOBODY) {
            heard[clients[i].row] = clients[i].heard;
        }
    }
    order_init(&r->order, &r->course->topology, heard, r->rows_count);
    memory_free(heard);
}

void receiver_init(struct receiver *receiver, struct course *course, struct client *clients,
                   uint32_t clients_count)
{
    const struct scenario *s = course->scenario;
    memset(receiver, 0, sizeof *receiver);
    receiver->course = course;
    receiver->trailer_bytes = (uint32_t)strlen(s->protocol->trailer);
    receiver->verify_mask = s->verify_all ? 0 : RECEIVER_VERIFY_EVERY - 1;
    uint32_t *columns = memory_alloc(MAX_OF(clients_count, 1u) * sizeof *columns);
    for (uint32_t i = 0; i < clients_count; i++) {
        if (client_hears(&clients[i])) {
            clients[i].row = receiver->rows_count++;
            columns[clients[i].row] =
                s->groups != 0 ? 0 : topology_columns(&course->topology, clients[i].heard);
        }
    }
    witness_init(&receiver->witness, receiver->rows_count, columns);
    order_open(receiver, clients, clients_count);
    receiver->rows = memory_alloc(MAX_OF(receiver->rows_count, 1u) * sizeof *receiver->rows);
    for (uint32_t i = 0; i < clients_count; i++) {
        if (clients[i].row != CLIENT_NOBODY) {
            receiver->rows[clients[i].row].weight =
                (double)course->topology.plan.each / clients[i].heard.count;
        }
    }
    if (s->groups != 0) {
        groups_init(receiver, clients, clients_count);
    }
    memory_free(columns);
}

void receiver_free(struct receiver *receiver)
{
    for (uint32_t i = 0; i < receiver->groups_count; i++) {
        group_free(&receiver->groups[i]);
    }
    memory_free(receiver->groups);
    memory_free(receiver->rows);
    order_free(&receiver->order);
    witness_free(&receiver->witness);
}

void receiver_reset(struct receiver *receiver)
{
    memset(&receiver->witness.counts, 0, sizeof receiver->witness.counts);
    for (uint32_t i = 0; i < receiver->rows_count; i++) {
        struct receiver_row row = {0, 0, 0, receiver->rows[i].weight};
        receiver->rows[i] = row;
    }
    memset(&receiver->latency, 0, sizeof receiver->latency);
    memset(&receiver->completion, 0, sizeof receiver->completion);
    for (uint32_t i = 0; i < receiver->groups_count; i++) {
        group_reset(&receiver->groups[i]);
    }
    receiver->reads = 0;
    receiver->bytes = 0;
    receiver->delivered = 0;
    receiver->verified = 0;
    receiver->last_ns = 0;
}

/* ---- time ---- */

enum {
    TIMED_MAX = 256,
    FORESEEN_MAX = 16,
    FORESEE_STREAMS_MIN = 8192, /* what fewer take is in the processor's cache */
};

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

static inline uint64_t sent_ns_at(const uint8_t *payload)
{
    struct message_stamp stamp;
    memcpy(&stamp, payload, sizeof stamp);
    return stamp.sent_ns;
}

/* count messages whose payloads lie step bytes apart; not all of them are looked at. */
static void times_add_all(struct times *times, const uint8_t *payload, size_t step, uint32_t count)
{
    uint32_t begin = times->count;
    uint32_t end = begin + count;
    for (uint32_t place = begin; place < end && times->timed < TIMED_MAX;) {
        uint32_t next = (place / RECEIVER_TIMED_EVERY + 1) * RECEIVER_TIMED_EVERY;
        bool timed = place < RECEIVER_TIMED_FIRST || place % RECEIVER_TIMED_EVERY == 0;
        if (timed) {
            times->due_ns[times->timed++] = sent_ns_at(payload + (place - begin) * step);
        }
        place = place + 1 < RECEIVER_TIMED_FIRST ? place + 1 : next;
    }
    times->count = end;
    times->last_ns = count == 0 ? times->last_ns : sent_ns_at(payload + (count - 1) * step);
}

static void latency_add(struct receiver *r, const struct client *client, uint64_t due_ns,
                        uint64_t now_ns, uint64_t times)
{
    if (course_is_measured(r->course, due_ns)) {
        uint64_t late_ns = now_ns > due_ns ? now_ns - due_ns : 0;
        record_add(&r->latency, late_ns, times);
        r->rows[client->row].timed += times;
        r->rows[client->row].latency_ns += late_ns * times;
    }
}

/* Messages of one read arrived together. */
static void times_record(struct receiver *r, const struct client *client, const struct times *times,
                         uint64_t now_ns)
{
    if (r->course->scenario->latency_all) {
        return; /* each was recorded when it was seen */
    }
    uint32_t last = times->count - 1;
    for (uint32_t i = 0; i < times->timed && times_place(i) < last; i++) {
        uint32_t next = i + 1 < times->timed ? MIN_OF(times_place(i + 1), last) : last;
        latency_add(r, client, times->due_ns[i], now_ns, next - times_place(i));
    }
    latency_add(r, client, times->last_ns, now_ns, 1);
}

static void completion_add(struct receiver *r, const struct message_header *header, uint64_t now_ns)
{
    if (completion_count(&r->course->completion, header->stream, header->sequence) &&
        course_is_measured(r->course, header->sent_ns)) {
        record_add(&r->completion, now_ns > header->sent_ns ? now_ns - header->sent_ns : 0, 1);
    }
}

/* ---- judging ---- */

/* Not lost, not twice: but did it come behind a later one to another subject? What its own stream
 * already shows is not counted again. */
static void order_judge(struct receiver *r, const struct client *client, uint32_t copy,
                        const struct message_header *header, uint64_t reordered_before)
{
    if (!order_take(&r->order, client->row, client->heard, copy, header->stream,
                    header->sequence)) {
        r->witness.counts.reordered += r->witness.counts.reordered == reordered_before;
    }
}

/* Returns false for a duplicate: it tells nothing about time. */
static inline bool sequence_take(struct receiver *r, const struct client *client, uint32_t column,
                                 const struct message_header *header)
{
    if (UNLIKELY(client->group != CLIENT_NOBODY)) {
        return group_take(&r->groups[client->group], client->member, header->stream,
                          header->sequence);
    }
    return witness_take(&r->witness, client->row, column, header->sequence);
}

/* Judges one payload that came as a message to the subject number subject, by the copy-th of equal
 * subscriptions. */
static inline void payload_take(struct receiver *r, const struct client *client,
                                struct bytes payload, uint32_t subject, uint32_t copy,
                                struct times *times, uint64_t now_ns)
{
    struct message_header header;
    if (UNLIKELY(!message_read(&r->course->form, payload.ptr, &header))) {
        r->witness.counts.corrupted++;
        return;
    }
    const struct topology *topology = &r->course->topology;
    if (UNLIKELY(header.stream >= topology->streams ||
                 (topology->plan.subjects != 1 &&
                  topology_subject(topology, header.stream) != subject))) {
        r->witness.counts.foreign++;
        return;
    }
    uint32_t column = topology_column(topology, client->heard, header.stream);
    if (UNLIKELY(column == TOPOLOGY_NONE)) {
        r->witness.counts.foreign++;
        return;
    }
    column += copy * client->heard.count * topology->per_subject;
    if ((header.sequence & r->verify_mask) == 0) {
        r->verified++;
        if (!message_is_intact(&r->course->form, payload.ptr, (uint32_t)payload.size)) {
            r->witness.counts.corrupted++; /* we know which one it is, so it is not lost as well */
        }
    }
    uint64_t reordered = r->witness.counts.reordered;
    if (UNLIKELY(!sequence_take(r, client, column, &header))) {
        return;
    }
    if (UNLIKELY(order_judges(&r->order))) {
        order_judge(r, client, copy, &header, reordered);
    }
    if (completion_follows(&r->course->completion, header.sequence)) {
        completion_add(r, &header, now_ns);
    }
    times_add(times, header.sent_ns);
    if (UNLIKELY(r->course->scenario->latency_all)) {
        latency_add(r, client, header.sent_ns, now_ns, 1);
    }
}

/* memcmp for a length that the compiler does not know: without a call, eight bytes a step. */
static inline bool same(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint64_t x;
    uint64_t y;
    if (size == 2) {
        return memcmp(a, b, 2) == 0; /* a trailer */
    }
    if (size < sizeof x) {
        return memcmp(a, b, size) == 0;
    }
    for (size_t at = 0; at + sizeof x < size; at += sizeof x) {
        memcpy(&x, a + at, sizeof x);
        memcpy(&y, b + at, sizeof y);
        if (x != y) {
            return false;
        }
    }
    memcpy(&x, a + size - sizeof x, sizeof x);
    memcpy(&y, b + size - sizeof y, sizeof y);
    return x == y;
}

/* The prefix that in begins with, where its whole frame is there; NULL: none. */
static inline const struct client_prefix *prefix_find(const struct receiver *r,
                                                      struct client *client, struct bytes in)
{
    for (uint32_t i = 0; i < client->prefixes_count; i++) {
        uint32_t at = client->prefix_next;
        const struct client_prefix *prefix = &client->prefixes[at];
        client->prefix_next = at + 1 == client->prefixes_count ? 0 : at + 1;
        size_t end = (size_t)prefix->bytes + prefix->payload_bytes;
        if (in.size >= end + r->trailer_bytes &&
            same(in.ptr, client->prefix_text + prefix->at, prefix->bytes) &&
            same(in.ptr + end, (const uint8_t *)r->course->scenario->protocol->trailer,
                 r->trailer_bytes)) {
            return prefix;
        }
    }
    return NULL;
}

/* Do all frames of this client differ in nothing but the message, and its column in the stream? */
static bool fires_volleys(const struct receiver *r, const struct client *client)
{
    const struct topology *t = &r->course->topology;
    return client->prefixes_count == 1 && client->group == CLIENT_NOBODY &&
           client->prefixes[0].bytes >= VOLLEY_PREFIX_MIN && t->plan.copies == 1 &&
           (t->plan.subjects == 1 || t->per_subject == 1) && !r->course->scenario->latency_all &&
           !r->course->form.is_json;
}

/* One of a volley whose sequence says that there is more to it. */
static void marked_take(struct receiver *r, struct bytes payload, uint64_t now_ns)
{
    struct message_stamp stamp;
    memcpy(&stamp, payload.ptr, sizeof stamp);
    struct message_header header = message_header_of(&stamp);
    if ((header.sequence & r->verify_mask) == 0) {
        r->verified++;
        r->witness.counts.corrupted +=
            !message_is_intact(&r->course->form, payload.ptr, (uint32_t)payload.size);
    }
    if (completion_follows(&r->course->completion, header.sequence)) {
        completion_add(r, &header, now_ns);
    }
}

/* Takes those frames in a row that are as they should be. */
static struct bytes volley_judge(struct receiver *r, struct client *client, struct bytes in,
                                 struct times *times, uint64_t now_ns)
{
    const struct topology *topology = &r->course->topology;
    const struct client_prefix *prefix = &client->prefixes[0];
    bool one = topology->plan.subjects == 1;
    struct volley_frame frame = {
        .prefix = bytes_of(client->prefix_text + prefix->at, prefix->bytes),
        .payload_bytes = prefix->payload_bytes,
        .trailer = bytes_of(r->course->scenario->protocol->trailer, r->trailer_bytes),
        .form = &r->course->form,
        .first_stream = one ? 0 : prefix->subject,
        .streams = one ? topology->streams : 1,
        .mark_mask = r->verify_mask & (r->course->completion.every - 1)};
    size_t step = volley_frame_bytes(&frame);
    struct volley volley;
    do {
        const uint8_t *payload = in.ptr + prefix->bytes;
        volley_take(&volley, &frame, in, witness_row(&r->witness, client->row));
        for (uint32_t i = 0; i < volley.marks_count; i++) {
            marked_take(r, bytes_of(payload + volley.marks[i] * step, prefix->payload_bytes),
                        now_ns);
        }
        witness_took(&r->witness, client->row, volley.count);
        times_add_all(times, payload, step, volley.count);
        in = bytes_skip(in, volley.count * step);
    } while (volley.marks_count == VOLLEY_MARKS_MAX);
    return in;
}

/* Takes frames as long as they are complete and look as expected. */
static struct bytes frames_take(struct receiver *r, struct client *client, struct bytes in,
                                struct times *times, uint64_t now_ns)
{
    const struct client_prefix *prefix;
    if (fires_volleys(r, client)) {
        in = volley_judge(r, client, in, times, now_ns);
    }
    while ((prefix = prefix_find(r, client, in)) != NULL) {
        payload_take(r, client, bytes_of(in.ptr + prefix->bytes, prefix->payload_bytes),
                     prefix->subject, prefix->copy, times, now_ns);
        in = bytes_skip(in, (size_t)prefix->bytes + prefix->payload_bytes + r->trailer_bytes);
    }
    return in;
}

/* A message that the codec understood. */
static void message_take(struct receiver *r, const struct client *client,
                         const struct codec_event *event, struct times *times, uint64_t now_ns)
{
    const struct course *course = r->course;
    struct message_header header;
    if (!sizes_contain(&course->scenario->sizes, event->payload.size) ||
        !message_read(&course->form, event->payload.ptr, &header)) {
        r->witness.counts.corrupted++;
        return;
    }
    uint32_t subject = topology_subject(&course->topology, header.stream);
    uint64_t copy = event->sid - client_sid_of(client, course, subject);
    if (copy >= course->topology.plan.copies ||
        !bytes_equal(event->subject, topics_of(&course->topics, subject))) {
        r->witness.counts.foreign++;
        return;
    }
    payload_take(r, client, event->payload, subject, (uint32_t)copy, times, now_ns);
}

/* --verify count: where all frames of a connection have the same length and one stream's sequences,
 * counting their bytes counts them. */
static bool may_skim(const struct receiver *r, const struct client *client)
{
    return r->course->scenario->verify_count && r->course->topology.streams == 1 &&
           client->prefixes_count == 1 && client->group == CLIENT_NOBODY &&
           client->role == CLIENT_SUBSCRIBER && client->skim.how == CLIENT_READS;
}

/* Fetches what judging the next messages takes, which where streams are many is spread over megabytes.
 * Returns how far it looked. */
static size_t look_ahead(struct receiver *r, const struct client *client, struct bytes in)
{
    const struct course *course = r->course;
    const struct topology *topology = &course->topology;
    uint32_t subjects[FORESEEN_MAX];
    uint32_t count = 0;
    size_t at = 0;
    struct bytes payload;
    size_t bytes;
    while (count < FORESEEN_MAX && at < in.size &&
           course->scenario->protocol->glance(bytes_skip(in, at), &payload, &bytes) &&
           bytes <= in.size - at && payload.size >= MESSAGE_BYTES_MIN) {
        struct message_stamp stamp;
        memcpy(&stamp, payload.ptr, sizeof stamp);
        struct message_header header = message_header_of(&stamp);
        uint32_t column = header.stream < topology->streams
                              ? topology_column(topology, client->heard, header.stream)
                              : TOPOLOGY_NONE;
        at += bytes;
        if (column == TOPOLOGY_NONE) {
            continue;
        }
        subjects[count] = topology_subject(topology, header.stream);
        __builtin_prefetch(&course->topics.at[subjects[count]]);
        __builtin_prefetch(&witness_row(&r->witness, client->row)[column], 1);
        completion_fetch(&course->completion, header.stream, header.sequence);
        if (topology->turns != NULL) {
            __builtin_prefetch(&topology->turns[header.stream]);
        }
        count++;
    }
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(topics_of(&course->topics, subjects[i]).ptr);
    }
    return at;
}

static bool looks_ahead(const struct receiver *r, const struct client *client)
{
    const struct course *course = r->course;
    return course->topology.streams >= FORESEE_STREAMS_MIN && client->prefixes_count == 0 &&
           client->group == CLIENT_NOBODY && client->row != CLIENT_NOBODY &&
           course->topics.count == course->topology.plan.subjects && !course->form.is_json &&
           course->scenario->protocol->glance != NULL;
}

enum client_news receiver_take(struct receiver *r, struct client *client, struct bytes bytes,
                               uint64_t now_ns, struct codec_event *event)
{
    enum client_news news = CLIENT_NOTHING;
    struct times times;
    times.count = 0;
    times.timed = 0;
    times.last_ns = 0;
    struct bytes in = bytes;
    const uint8_t *seen = looks_ahead(r, client) ? bytes.ptr : bytes.ptr + bytes.size;
    while (in.size != 0 && news != CLIENT_REFUSED) {
        if (UNLIKELY(in.ptr >= seen)) {
            seen = in.ptr + look_ahead(r, client, in);
        }
        if (!codec_is_waiting(&client->codec)) {
            in = frames_take(r, client, in, &times, now_ns);
        }
        if (in.size != 0 && r->course->scenario->protocol->next(&client->codec, &in, event)) {
            news = client_hear(client, r->course, event);
            if (news == CLIENT_MESSAGE) {
                message_take(r, client, event, &times, now_ns);
            }
        }
    }
    if (times.count != 0) {
        times_record(r, client, &times, now_ns);
        r->last_ns = now_ns;
    }
    if (course_is_measured(r->course, now_ns)) {
        r->reads++;
        r->bytes += bytes.size;
        r->delivered += times.count;
        r->rows[client->row].delivered += times.count;
    }
    if (news == CLIENT_REFUSED) {
        return news;
    }
    return times.count != 0 && may_skim(r, client) ? CLIENT_UNIFORM : CLIENT_NOTHING;
}

/* ---- skimming ---- */

void receiver_skim_begin(const struct receiver *r, struct client *client)
{
    const struct client_prefix *prefix = &client->prefixes[0];
    const struct codec_protocol *protocol = r->course->scenario->protocol;
    struct skim_frame frame = {bytes_of(client->prefix_text + prefix->at, prefix->bytes),
                               prefix->bytes + prefix->payload_bytes + r->trailer_bytes,
                               bytes_of(protocol->ping, strlen(protocol->ping)), &r->course->form};
    uint32_t phase = codec_is_waiting(&client->codec) ? (uint32_t)client->codec.held_bytes : 0;
    codec_free(&client->codec);
    client->skim.how = CLIENT_SKIMS;
    skim_begin(&client->skim.skim, &frame, phase);
}

bool receiver_skim_looks(const struct receiver *r, const struct client *client)
{
    return r->course->rate != 0 || client->skim.unlooked + 1 >= RECEIVER_LOOK_EVERY;
}

/* Frames that nobody looked at: each is the next one. */
static void frames_pass(struct receiver *r, struct client *client, uint64_t count, uint64_t now_ns)
{
    struct completion *completion = &r->course->completion;
    uint32_t sequence = witness_next(&r->witness, client->row, 0);
    uint32_t end = sequence + (uint32_t)count;
    for (sequence = (sequence + completion->every - 1) & ~(completion->every - 1); sequence < end;
         sequence += completion->every) {
        struct message_header header = {completion_due_ns(completion, 0, sequence), sequence, 0};
        completion_add(r, &header, now_ns);
    }
    witness_advance(&r->witness, client->row, 0, count);
    client->skim.unseen += count;
}

/* What the sequence of a head says about the frames before it. */
static void head_judge(struct receiver *r, struct client *client, struct skim_found *found)
{
    uint32_t next = witness_next(&r->witness, client->row, 0);
    uint32_t sequence = found->header.sequence;
    if (sequence > next) {
        witness_miss(&r->witness, client->row, 0, sequence);
    } else if (next - sequence <= client->skim.unseen) {
        witness_retract(&r->witness, client->row, 0, next - sequence);
    } else {
        MAYBE(witness_unexpected(&r->witness, client->row, 0, sequence) != 0);
        skim_disown(&client->skim.skim, found);
    }
    client->skim.unseen = 0;
}

bool receiver_skim(struct receiver *r, struct client *client, uint64_t now_ns)
{
    struct client_skim *skim = &client->skim;
    struct skim_found found =
        skim_take(&skim->skim, skim->got, witness_next(&r->witness, client->row, 0));
    uint64_t before = r->witness.counts.delivered;
    if (found.before < 0) {
        witness_unpass(&r->witness, client->row, 0, (uint64_t)-found.before);
    } else {
        frames_pass(r, client, (uint64_t)found.before, now_ns);
    }
    skim->unlooked = found.looked ? 0 : skim->unlooked + 1;
    r->witness.counts.corrupted += found.trouble == SKIM_DAMAGED;
    r->witness.counts.foreign += found.trouble == SKIM_FOREIGN;
    if (found.looked) {
        head_judge(r, client, &found);
        latency_add(r, client, found.header.sent_ns, now_ns, MAX_OF(found.after, (uint64_t)1));
    }
    frames_pass(r, client, found.after, now_ns);
    client->pongs_owed += found.pings;
    uint64_t more = r->witness.counts.delivered - before;
    if (more > UINT32_MAX) {
        more = 0; /* some were taken back */
    }
    r->last_ns = more != 0 ? now_ns : r->last_ns;
    if (course_is_measured(r->course, now_ns)) {
        r->reads++;
        r->bytes += (uint64_t)skim->got.skip + skim->got.keep + skim->got.rest;
        r->delivered += more;
        r->rows[client->row].delivered += more;
    }
    return found.trouble != SKIM_ASTRAY;
}

/* More came than was sent? */
static void skim_settle(struct receiver *r, struct client *client, uint32_t sent)
{
    uint32_t next = witness_next(&r->witness, client->row, 0);
    uint64_t surplus = next > sent ? next - sent : 0;
    if (client->skim.how != CLIENT_SKIMS) {
        return;
    }
    uint32_t pings = skim_close(&client->skim.skim, surplus);
    client->pongs_owed += pings;
    if (pings != 0) {
        witness_unpass(&r->witness, client->row, 0, surplus);
    } else {
        witness_retract(&r->witness, client->row, 0, surplus);
    }
}

/* ---- seen from outside ---- */

/* Who hears only some subjects is behind by what was sent to those and did not pass; the others
 * who publish took upon themselves what is behind that. */
static uint64_t slowest_of_some(const struct receiver *r, const struct client *clients,
                                uint32_t count)
{
    const struct course *course = r->course;
    uint32_t block = course->topology.block;
    uint32_t blocks = course->topology.plan.subjects / block;
    uint64_t claimed = atomic_load_explicit(&course->claimed, memory_order_relaxed);
    uint64_t behind = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = clients[i].row;
        uint64_t sent = 0;
        struct topology_heard heard = clients[i].heard;
        for (uint32_t j = 0; row != CLIENT_NOBODY && j < heard.count / block; j++) {
            sent += course_sent_of(course, (heard.first / block + j) % blocks) *
                    course->topology.plan.copies;
        }
        if (row != CLIENT_NOBODY && sent > r->witness.passed[row]) {
            behind = MAX_OF(behind, sent - r->witness.passed[row]);
        }
    }
    return claimed - MIN_OF(behind, claimed);
}

uint64_t receiver_slowest(const struct receiver *r, const struct client *clients, uint32_t count)
{
    if (!r->course->all_hear_all) {
        return slowest_of_some(r, clients, count);
    }
    if (r->course->scenario->groups == 0) {
        uint64_t passed = witness_slowest(&r->witness);
        return passed == UINT64_MAX ? passed : passed / r->course->topology.plan.copies;
    }
    uint64_t slowest = UINT64_MAX;
    for (uint32_t i = 0; i < r->groups_count; i++) {
        slowest = MIN_OF(slowest, r->groups[i].passed);
    }
    return slowest;
}

void receiver_close(struct receiver *r, struct client *clients, uint32_t count,
                    const uint32_t *sent)
{
    const struct topology *topology = &r->course->topology;
    uint32_t *columns = memory_alloc((size_t)topology->per_subject * topology->plan.subjects *
                                     topology->plan.copies * sizeof *columns);
    for (uint32_t i = 0; i < count && r->groups_count == 0; i++) {
        if (clients[i].row == CLIENT_NOBODY) {
            continue;
        }
        struct topology_heard heard = clients[i].heard;
        memset(columns, 0, topology_columns(topology, heard) * sizeof *columns);
        for (uint32_t j = 0; j < heard.count; j++) {
            uint32_t stream = (heard.first + j) % topology->plan.subjects;
            for (; stream < topology->streams; stream += topology->plan.subjects) {
                uint32_t column = topology_column(topology, heard, stream);
                for (uint32_t c = 0; c < topology->plan.copies; c++) {
                    columns[column + c * heard.count * topology->per_subject] = sent[stream];
                }
            }
        }
        skim_settle(r, &clients[i], columns[0]);
        witness_close(&r->witness, clients[i].row, columns);
    }
    for (uint32_t i = 0; i < r->groups_count; i++) {
        group_close(&r->groups[i], sent);
    }
    memory_free(columns);
}

static void counts_add(struct witness_counts *into, const struct witness_counts *from)
{
    into->delivered += from->delivered;
    into->lost += from->lost;
    into->duplicated += from->duplicated;
    into->reordered += from->reordered;
    into->corrupted += from->corrupted;
    into->foreign += from->foreign;
}

struct witness_counts receiver_counts(const struct receiver *r)
{
    struct witness_counts counts = r->witness.counts;
    for (uint32_t i = 0; i < r->groups_count; i++) {
        counts_add(&counts, &r->groups[i].counts);
    }
    return counts;
}

uint64_t receiver_delivered(const struct receiver *r)
{
    return receiver_counts(r).delivered;
}

uint32_t receiver_reached(const struct receiver *r)
{
    uint32_t reached = 0;
    for (uint32_t i = 0; i < r->rows_count; i++) {
        reached += r->rows[i].delivered != 0 || r->witness.passed[i] != 0;
    }
    return reached;
}
