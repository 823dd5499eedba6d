/* metrics.c - names, sums, and reading a histogram. */
#include "core/metrics.h"

#include <string.h>

static const char *const counter_names[] = {
#define X(name) #name,
    METRICS_COUNTERS(X)
#undef X
};

static const char *const histogram_names[] = {
#define X(name) #name,
    METRICS_HISTOGRAMS(X)
#undef X
};

static const char *const close_reasons[] = {
    [CLOSE_CLIENT] = "Client Closed",
    [CLOSE_SLOW_PENDING] = "Slow Consumer (Pending Bytes)",
    [CLOSE_SLOW_DEADLINE] = "Slow Consumer (Write Deadline)",
    [CLOSE_WRITE_ERROR] = "Write Error",
    [CLOSE_READ_ERROR] = "Read Error",
    [CLOSE_PARSE_ERROR] = "Parse Error",
    [CLOSE_STALE] = "Stale Connection",
    [CLOSE_PROTOCOL_VIOLATION] = "Protocol Violation",
    [CLOSE_BAD_CLIENT_PROTOCOL] = "Bad Client Protocol Version",
    [CLOSE_MAX_CONNECTIONS] = "Maximum Connections Exceeded",
    [CLOSE_MAX_PAYLOAD] = "Maximum Message Payload Exceeded",
    [CLOSE_MAX_CONTROL_LINE] = "Maximum Control Line Exceeded",
    [CLOSE_MAX_SUBSCRIPTIONS] = "Maximum Subscriptions Exceeded",
    [CLOSE_SHUTDOWN] = "Server Shutdown",
    [CLOSE_NO_RESPONDERS_NEEDS_HEADERS] = "No Responders Requires Headers",
    [CLOSE_AUTHENTICATION_FAILURE] = "Authentication Failure",
    [CLOSE_AUTHENTICATION_TIMEOUT] = "Authentication Timeout",
    [CLOSE_MEMORY_LIMIT] = "Memory Limit",
    [CLOSE_INPUT_STALLED] = "Input Stalled",
    [CLOSE_MAX_ADDRESS] = "Maximum Address Connections Exceeded",
    [CLOSE_MAX_USER] = "Maximum Account Connections Exceeded",
};

static const char *const drop_reasons[] = {
    [DROP_SESSION_CLOSED] = "session_closed",
    [DROP_SESSION_CLOSING] = "session_closing",
    [DROP_PENDING_LIMIT] = "pending_limit",
    [DROP_MEMORY_LIMIT] = "memory_limit",
    [DROP_SCRUB_REFUSED] = "scrub_refused",
    [DROP_RESERVED_SUBJECT] = "reserved_subject",
    [DROP_NOT_PERMITTED] = "not_permitted",
    [DROP_LAYOUT] = "layout",
    [DROP_UNSUBSCRIBED] = "unsubscribed",
    [DROP_GROUP_EMPTY] = "group_empty",
    [DROP_SHUTDOWN] = "shutdown",
    [DROP_POLICY_NEWEST] = "policy_newest",
    [DROP_POLICY_OLDEST] = "policy_oldest",
    [DROP_POLICY_REPLACED] = "policy_replaced",
    [DROP_RATE_LIMIT] = "rate_limit",
};

static_assert(COUNT_OF(close_reasons) == CLOSE_REASONS_COUNT, "every close has a text");
static_assert(COUNT_OF(drop_reasons) == DROP_REASONS_COUNT, "every drop has a text");
static_assert(offsetof(struct metrics, sessions_closed) == COUNT_OF(counter_names) * 8,
              "the counters are the first words, in the order of their names");

static_assert(sizeof(struct metrics) == offsetof(struct metrics, turn_ns) +
                                            COUNT_OF(histogram_names) * sizeof(struct histogram),
              "the histograms are the rest, in the order of their names");

/* The words of struct metrics that are plainly summed come first. */
enum { PLAIN_WORDS = offsetof(struct metrics, turn_ns) / sizeof(uint64_t) };

void metrics_init(struct metrics *metrics)
{
    memset(metrics, 0, sizeof(*metrics));
}

static uint64_t word_at(const struct metrics *metrics, size_t index)
{
    uint64_t word;
    memcpy(&word, (const char *)metrics + index * sizeof(word), sizeof(word));
    return word;
}

void metrics_add(struct metrics *sum, const struct metrics *one)
{
    for (size_t i = 0; i < PLAIN_WORDS; i++) {
        uint64_t word = word_at(sum, i) + word_at(one, i);
        memcpy((char *)sum + i * sizeof(word), &word, sizeof(word));
    }
#define X(name) histogram_add(&sum->name, &one->name);
    METRICS_HISTOGRAMS(X)
#undef X
}

size_t metrics_histograms_count(void)
{
    return COUNT_OF(histogram_names);
}

const char *metrics_histogram_name(size_t position)
{
    ASSERT(position < COUNT_OF(histogram_names));
    return histogram_names[position];
}

const struct histogram *metrics_histogram(const struct metrics *metrics, size_t position)
{
    ASSERT(position < COUNT_OF(histogram_names));
    return &metrics->turn_ns + position;
}

size_t metrics_counters_count(void)
{
    return COUNT_OF(counter_names);
}

const char *metrics_counter_name(size_t position)
{
    ASSERT(position < COUNT_OF(counter_names));
    return counter_names[position];
}

uint64_t metrics_counter(const struct metrics *metrics, size_t position)
{
    ASSERT(position < COUNT_OF(counter_names));
    return word_at(metrics, position);
}

static uint64_t sum_of(const uint64_t *words, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += words[i];
    }
    return sum;
}

uint64_t metrics_sessions_closed(const struct metrics *metrics)
{
    return sum_of(metrics->sessions_closed, CLOSE_REASONS_COUNT);
}

uint64_t metrics_deliveries_dropped(const struct metrics *metrics)
{
    return sum_of(metrics->deliveries_dropped, DROP_REASONS_COUNT);
}

const char *close_reason_text(enum close_reason reason)
{
    ASSERT((unsigned)reason < CLOSE_REASONS_COUNT);
    return close_reasons[reason];
}

const char *drop_reason_text(enum drop_reason reason)
{
    ASSERT((unsigned)reason < DROP_REASONS_COUNT);
    return drop_reasons[reason];
}

void histogram_add(struct histogram *sum, const struct histogram *one)
{
    sum->count += one->count;
    sum->sum += one->sum;
    sum->max = MAX_OF(sum->max, one->max);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        sum->buckets[i] += one->buckets[i];
    }
}

uint64_t histogram_bucket_min(uint32_t bucket)
{
    ASSERT(bucket < HISTOGRAM_BUCKETS);
    if (bucket < HISTOGRAM_SUBS) {
        return bucket;
    }
    uint32_t shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t digits = HISTOGRAM_SUBS + (bucket & (HISTOGRAM_SUBS - 1));
    return digits << shift;
}

uint64_t histogram_bucket_max(uint32_t bucket)
{
    ASSERT(bucket < HISTOGRAM_BUCKETS);
    return bucket + 1 == HISTOGRAM_BUCKETS ? UINT64_MAX : histogram_bucket_min(bucket + 1) - 1;
}

/* ceil(count * permille / 1000) without passing 2^64. */
static uint64_t rank_of(uint64_t count, uint32_t permille)
{
    return count / 1000 * permille + (count % 1000 * permille + 999) / 1000;
}

uint64_t histogram_quantile(const struct histogram *h, uint32_t permille)
{
    ASSERT(permille <= 1000);

    uint64_t rank = MAX_OF(rank_of(h->count, permille), (uint64_t)1);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            return MIN_OF(histogram_bucket_max(i), h->max);
        }
    }
    return 0;
}
