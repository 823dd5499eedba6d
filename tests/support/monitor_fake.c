/* monitor_fake.c - numbers that a test can foretell: row i of worker w is connection 1 + 2i + w. */
#include "tests/support/monitor_fake.h"

#include <stdio.h>

enum { SUBS_OF_ROW = 2 };

static void fill_metrics(struct answer *answer, uint32_t worker)
{
    struct metrics *metrics = &answer->metrics;
    metrics->messages_in = 10 + worker;
    metrics->messages_out = 1000 + worker;
    metrics->bytes_in = 100;
    metrics->bytes_out = 10000;
    metrics->publishes = 20;
    metrics->sessions_opened = 50;
    metrics->slow_consumers = 2;
    metrics->sessions_closed[CLOSE_SLOW_PENDING] = 2;
    metrics->deliveries_dropped[DROP_PENDING_LIMIT] = 7;
    for (uint64_t i = 1; i < 1000; i++) {
        histogram_record(&metrics->turn_ns, i * 1000);
        histogram_record(&metrics->completion_ns, i * 5000);
        histogram_record(&metrics->inbox_depth, i % 10);
    }
    answer->gauges.sessions = MONITOR_FAKE_ROWS;
    answer->gauges.subscriptions = MONITOR_FAKE_ROWS * SUBS_OF_ROW;
    answer->lag.oldest_age_ns = 1500000000ull * (worker + 1);
    answer->lag.pending_bytes_max = 4096;
    answer->log_lines_lost = 3;
    metrics->policy_drops[1].oldest = 5;
    snprintf(answer->policies[1], ANSWER_PATTERN_MAX, "ticks.\"\\.>");
}

/* The workers are in the middle of a reload: each has a rule of its own, and one is both's. */
static void fill_scrub(struct answer *answer, uint32_t worker)
{
    static const struct bytes all = {.ptr = (const uint8_t *)">", .size = 1};
    struct scrub_list subjects = {.items = &all, .count = 1};
    const struct scrub_rule_options options[] = {
        {.name = bytes_text(worker == 0 ? "old" : "new"),
         .subjects = subjects,
         .trim = true,
         .fate = worker == 0 ? SCRUB_DROP : SCRUB_QUARANTINE,
         .quarantine = bytes_text("jail")},
        {.name = bytes_text("both"), .subjects = subjects, .is_observer = true}};
    struct scrub_error error;
    struct scrub_rules *rules = scrub_rules_new(options, COUNT_OF(options), &error);
    ASSERT(rules != NULL);
    struct scrub *scrub = scrub_new(rules, NULL, 1);
    scrub_tally_of(&answer->scrub, scrub);
    scrub_free(scrub);
    scrub_rules_unref(rules);
    for (uint32_t i = 0; i < answer->scrub.count; i++) {
        struct scrub_counters *counters = &answer->scrub.rows[i].counters;
        counters->passed = 10 + i;
        counters->cleaned = 20 + worker;
        counters->refused[SCRUB_REASON_JSON] = 3;
        counters->timed = 4;
        counters->timed_ns = 1000000000;
    }
}

static void add_row(const struct monitor_fake *fake, struct snapshot *list, uint32_t worker,
                    uint32_t i)
{
    uint64_t cid = 1 + 2 * (uint64_t)i + worker;
    struct snapshot_row row = {.cid = cid,
                               .opened_ns = 1000000000ull * (cid + 1),
                               .active_ns = 1000000000ull * (cid + 2),
                               .closed_ns =
                                   list->query.list == SNAPSHOT_CLOSED ? 90000000000ull : 0,
                               .rtt_ns = 504000,
                               .pending_bytes = cid * 100,
                               .oldest_ns = 50000000000ull + cid,
                               .messages_in = cid,
                               .messages_out = 100 - cid,
                               .subs_count = SUBS_OF_ROW,
                               .subs_first = list->subs_count,
                               .worker = (uint16_t)worker,
                               .port = 4000,
                               .reason = CLOSE_SLOW_PENDING};
    if (list->query.cid != 0 && list->query.cid != cid) {
        return;
    }
    struct snapshot_client client = {.texts = {[TEXT_ADDRESS] = bytes_text("10.0.0.1"),
                                               [TEXT_NAME] = bytes_text(fake->name),
                                               [TEXT_LANG] = bytes_text("c"),
                                               [TEXT_VERSION] = bytes_text("1.2"),
                                               [TEXT_USER] = bytes_text("alice")}};
    snapshot_row_texts(&row, &client);
    for (uint32_t k = 0; list->query.wants_subs && k < SUBS_OF_ROW; k++) {
        struct snapshot_sub sub = {.cid = cid, .messages = k, .max = k};
        row.subs_listed += snapshot_add_sub(list, &sub, bytes_text(fake->subject),
                                            bytes_text(k == 1 ? "q" : ""), bytes_text("7"));
    }
    snapshot_key(&list->query, 100000000000ull, &row);
    snapshot_add(list, &row);
}

static void fill_list(const struct monitor_fake *fake, struct snapshot *list, uint32_t worker)
{
    for (uint32_t i = 0; i < MONITOR_FAKE_ROWS; i++) {
        if (list->query.list != SNAPSHOT_SUBSCRIPTIONS) {
            add_row(fake, list, worker, i);
            continue;
        }
        struct snapshot_sub sub = {.cid = i, .messages = i};
        list->total++;
        if (list->subs_count < list->query.rows_max) {
            bool is_added = snapshot_add_sub(list, &sub, bytes_text(fake->subject), bytes_text(""),
                                             bytes_text("9"));
            MAYBE(is_added);
        }
    }
}

static uint32_t ask(void *context, const struct snapshot_query *query,
                    struct answer *answers[WORKERS_MAX])
{
    const struct monitor_fake *fake = context;
    for (uint32_t w = 0; w < MONITOR_FAKE_WORKERS; w++) {
        answers[w] = NULL;
        if (w + fake->silent >= MONITOR_FAKE_WORKERS) {
            continue;
        }
        answers[w] = answer_new(query);
        fill_metrics(answers[w], w);
        fill_scrub(answers[w], w);
        if (query != NULL) {
            fill_list(fake, &answers[w]->list, w);
        }
        answer_finish(answers[w]);
    }
    return MONITOR_FAKE_WORKERS - fake->silent;
}

static uint64_t lines_lost(void *context)
{
    (void)context;
    return 4;
}

void monitor_fake_init(struct monitor_fake *fake)
{
    *fake = (struct monitor_fake){.name = "n", .subject = "news.*"};
    config_defaults(&fake->config);
    fake->facts = (struct monitor_facts){.config = &fake->config,
                                         .server_id = "NID",
                                         .server_name = "name",
                                         .host = "127.0.0.1",
                                         .port = 4222,
                                         .http_port = 8222,
                                         .workers = MONITOR_FAKE_WORKERS,
                                         .cpus = 2,
                                         .start_wall_ns = 1700000000000000000ull};
    fake->source =
        (struct monitor_source){.context = fake, .ask = ask, .log_lines_lost = lines_lost};
}

uint32_t monitor_fake_write(struct monitor_fake *fake, const struct monitor_request *request,
                            struct body *body)
{
    struct monitor_view view = {.facts = &fake->facts,
                                .source = &fake->source,
                                .request = *request,
                                .now_ns = 100000000000ull,
                                .wall_ns = 1700000100123456000ull,
                                .cpu_percent = 12.5,
                                .requests_count = fake->requests_count,
                                .refused_count = 6};
    uint32_t status = monitor_write(&view, body);
    view_free(&view);
    return status;
}
