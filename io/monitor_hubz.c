/* monitor_hubz.c - /hubz: all that the dashboard draws, in one answer. */
#include "core/version.h"
#include "io/monitor_view.h"

enum { HUBZ_SLOW_ROWS = 10 };

/* [[largest value of the bucket, values in it], …], buckets without values left out. */
static json_t *histogram_json(const struct histogram *h)
{
    json_t *object = json_object();
    json_t *buckets = json_array();
    json_object_set_new(object, "count", json_of(h->count));
    json_object_set_new(object, "sum", json_of(h->sum));
    json_object_set_new(object, "max", json_of(h->max));
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (h->buckets[i] > 0) {
            json_t *pair = json_array();
            json_array_append_new(pair, json_of(histogram_bucket_max(i)));
            json_array_append_new(pair, json_of(h->buckets[i]));
            json_array_append_new(buckets, pair);
        }
    }
    json_object_set_new(object, "buckets", buckets);
    return object;
}

static json_t *counters_json(const struct metrics *metrics)
{
    json_t *object = json_object();
    for (size_t i = 0; i < metrics_counters_count(); i++) {
        json_object_set_new(object, metrics_counter_name(i), json_of(metrics_counter(metrics, i)));
    }
    return object;
}

static json_t *worker_json(uint32_t number, const struct answer *answer)
{
    json_t *object = json_object();
    json_object_set_new(object, "worker", json_of(number));
    json_object_set_new(object, "answers", json_boolean(answer != NULL));
    if (answer == NULL) {
        return object;
    }
    const struct metrics *m = &answer->metrics;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"connections", answer->gauges.sessions},
                {"subscriptions", answer->gauges.subscriptions},
                {"blocked", answer->gauges.blocked},
                {"in_msgs", m->messages_in},
                {"out_msgs", m->messages_out},
                {"in_bytes", m->received_bytes},
                {"out_bytes", m->sent_bytes},
                {"sends", m->sends},
                {"turns", m->turns},
                {"busy_ns", m->turn_ns.sum},
                {"turn_max_ns", m->turn_ns.max},
                {"message_bytes", answer->gauges.chunk_bytes},
                {"envelopes_under_way", answer->gauges.envelopes_under_way},
                {"system_calls", answer->loop.enters},
                {"log_lines_lost", answer->log_lines_lost}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_object_set_new(object, rows[i].name, json_of(rows[i].value));
    }
    return object;
}

static json_t *reasons_json(const struct metrics *sum)
{
    json_t *object = json_object();
    json_t *closed = json_object();
    json_t *dropped = json_object();
    for (int i = 0; i < CLOSE_REASONS_COUNT; i++) {
        json_object_set_new(closed, close_reason_text((enum close_reason)i),
                            json_of(sum->sessions_closed[i]));
    }
    for (int i = 0; i < DROP_REASONS_COUNT; i++) {
        json_object_set_new(dropped, drop_reason_text((enum drop_reason)i),
                            json_of(sum->deliveries_dropped[i]));
    }
    json_object_set_new(object, "connections_closed", closed);
    json_object_set_new(object, "deliveries_dropped", dropped);
    return object;
}

/* What becomes of a message that a rule refuses. */
static const char *mode_of(const struct scrub_rule_options *options)
{
    static const char *const fates[] = {
        [SCRUB_TELL] = "tell", [SCRUB_DROP] = "drop", [SCRUB_QUARANTINE] = "quarantine"};
    return options->is_observer ? "observe" : fates[options->fate];
}

static json_t *subjects_json(const struct scrub_list *subjects)
{
    json_t *array = json_array();
    for (size_t i = 0; i < subjects->count; i++) {
        json_array_append_new(array, json_of_text((const char *)subjects->items[i].ptr));
    }
    return array;
}

static json_t *rule_json(const struct scrub_tally_row *row)
{
    const struct scrub_rule_options *options = &row->rule->options;
    const struct scrub_counters *counters = &row->counters;
    json_t *object = json_object();
    json_t *refused = json_object();
    for (int i = SCRUB_REASON_NONE + 1; i < SCRUB_REASONS; i++) {
        json_object_set_new(refused, scrub_reason_name((enum scrub_reason)i),
                            json_of(counters->refused[i]));
    }
    json_object_set_new(object, "rule", json_of_text((const char *)options->name.ptr));
    json_object_set_new(object, "subjects", subjects_json(&options->subjects));
    json_object_set_new(object, "mode", json_string(mode_of(options)));
    if (options->fate == SCRUB_QUARANTINE) {
        json_object_set_new(object, "quarantine",
                            json_of_text((const char *)options->quarantine.ptr));
    }
    json_object_set_new(object, "observes", json_boolean(options->is_observer));
    json_object_set_new(object, "passed", json_of(counters->passed));
    json_object_set_new(object, "cleaned", json_of(counters->cleaned));
    json_object_set_new(object, "refused", refused);
    json_object_set_new(object, "timed", json_of(counters->timed));
    json_object_set_new(object, "timed_ns", json_of(counters->timed_ns));
    return object;
}

static json_t *scrub_json(const struct scrub_tally *scrub)
{
    json_t *rules = json_array();
    for (uint32_t i = 0; i < scrub->count; i++) {
        json_array_append_new(rules, rule_json(&scrub->rows[i]));
    }
    return rules;
}

void monitor_write_hubz(struct monitor_view *view, struct body *body)
{
    const struct monitor_facts *facts = view->facts;
    json_t *slow = monitor_slow(view, HUBZ_SLOW_ROWS);
    json_t *page = json_object();
    json_object_set_new(page, "server_id", json_of_text(facts->server_id));
    json_object_set_new(page, "server_name", json_of_text(facts->server_name));
    json_object_set_new(page, "version", json_string(RINGHUB_VERSION));
    json_object_set_new(page, "now", json_of_time(view->wall_ns));
    json_object_set_new(page, "now_ns", json_of(view->now_ns));
    json_object_set_new(page, "uptime", json_of_uptime(view->wall_ns - facts->start_wall_ns));
    json_object_set_new(page, "cpu", json_real(view->cpu_percent));
    json_object_set_new(page, "max_connections", json_of(facts->config->max_connections));
    json_object_set_new(page, "connections", json_of(view->gauges.sessions));
    json_object_set_new(page, "subscriptions", json_of(view->gauges.subscriptions));
    json_object_set_new(page, "blocked", json_of(view->gauges.blocked));
    json_object_set_new(page, "counters", counters_json(&view->sum));
    json_object_set_new(page, "reasons", reasons_json(&view->sum));
    json_object_set_new(page, "scrub", scrub_json(&view->scrub));
    json_t *histograms = json_object();
    for (size_t i = 0; i < metrics_histograms_count(); i++) {
        json_object_set_new(histograms, metrics_histogram_name(i),
                            histogram_json(metrics_histogram(&view->sum, i)));
    }
    json_object_set_new(page, "histograms", histograms);
    json_t *workers = json_array();
    for (uint32_t i = 0; i < facts->workers; i++) {
        json_array_append_new(workers, worker_json(i, view->answers[i]));
    }
    json_object_set_new(page, "workers", workers);
    json_object_set_new(page, "slow", slow);
    body_json(body, page);
}
