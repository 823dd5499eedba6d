/* stored.c - reading results. */
#include "loadgen/stored.h"

#include "loadgen/metric.h"
#include "loadgen/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- form ---- */

static bool form_check(struct stored *stored, char *error, size_t error_bytes)
{
    static const char *const objects[] = {"scenario", "machine", "server", "tool"};
    const json_t *root = stored->root;
    const char *format = json_string_value(json_object_get(root, "format"));
    json_int_t version = json_integer_value(json_object_get(root, "version"));
    if (format == NULL || strcmp(format, "hubload-result") != 0) {
        snprintf(error, error_bytes, "%s: not a result of hubload (no format \"hubload-result\")",
                 stored->path);
        return false;
    }
    if (version != REPORT_JSON_VERSION) {
        snprintf(error, error_bytes, "%s: version %lld of the format; this hubload knows %d",
                 stored->path, (long long)version, REPORT_JSON_VERSION);
        return false;
    }
    const char *missing = json_is_array(json_object_get(root, "runs")) ? NULL : "runs";
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        missing = json_is_object(json_object_get(root, objects[i])) ? missing : objects[i];
    }
    if (missing != NULL) {
        snprintf(error, error_bytes, "%s: %s is missing", stored->path, missing);
    }
    return missing == NULL;
}

bool stored_load(struct stored *stored, const char *path, char *error, size_t error_bytes)
{
    json_error_t fault;
    stored->path = path;
    stored->root = json_load_file(path, 0, &fault);
    if (stored->root == NULL) {
        snprintf(error, error_bytes, fault.line > 0 ? "%s: %s (line %d)" : "%s: %s", path,
                 fault.text, fault.line);
        return false;
    }
    if (!form_check(stored, error, error_bytes)) {
        stored_free(stored);
        return false;
    }
    return true;
}

void stored_free(struct stored *stored)
{
    json_decref(stored->root);
    stored->root = NULL;
}

size_t stored_runs_count(const struct stored *stored)
{
    return json_array_size(json_object_get(stored->root, "runs"));
}

const json_t *stored_run(const struct stored *stored, size_t index)
{
    return json_array_get(json_object_get(stored->root, "runs"), index);
}

double stored_run_begin_s(const struct stored *stored, size_t index)
{
    struct tm utc;
    const char *text = json_string_value(json_object_get(stored_run(stored, index), "begin"));
    memset(&utc, 0, sizeof utc);
    const char *rest = text == NULL ? NULL : strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    if (rest == NULL) {
        return NAN;
    }
    char *end = (char *)(uintptr_t)rest;
    double fraction = *rest == '.' ? strtod(rest, &end) : 0;
    return strcmp(end, "Z") == 0 ? (double)timegm(&utc) + fraction : NAN;
}

size_t stored_values_count(const struct stored *stored, const struct metric *metric)
{
    return metric->of_file ? 1 : stored_runs_count(stored);
}

double stored_value(const struct stored *stored, const struct metric *metric, size_t index)
{
    const json_t *scenario = json_object_get(stored->root, "scenario");
    const char *name = json_string_value(json_object_get(scenario, "name"));
    if (metric->only != NULL && (name == NULL || strcmp(name, metric->only) != 0)) {
        return NAN;
    }
    return metric_value(metric, metric->of_file ? stored->root : stored_run(stored, index));
}

/* ---- judgement ---- */

const char *stored_fault(const struct stored *stored)
{
    if (json_is_string(json_object_get(stored->root, "failure"))) {
        return json_string_value(json_object_get(stored->root, "failure"));
    }
    for (size_t i = 0; i < stored_runs_count(stored); i++) {
        const json_t *run = stored_run(stored, i);
        if (!json_is_true(json_object_get(run, "complete"))) {
            return "not everything was delivered once, in order and undamaged";
        }
        if (json_is_true(json_object_get(run, "interrupted"))) {
            return "a run was cut short";
        }
    }
    return stored_runs_count(stored) == 0 ? "it holds no run" : NULL;
}

size_t stored_bound_count(const struct stored *stored)
{
    size_t count = 0;
    for (size_t i = 0; i < stored_runs_count(stored); i++) {
        const char *verdict = json_string_value(json_object_get(stored_run(stored, i), "verdict"));
        count += verdict == NULL || strcmp(verdict, "valid") != 0 ? 1 : 0;
    }
    return count;
}

/* ---- in words ---- */

static const json_t *scenario_of(const struct stored *stored, const char *key)
{
    return json_object_get(json_object_get(stored->root, "scenario"), key);
}

static const char *or_text(const json_t *value, const char *otherwise)
{
    const char *text = json_string_value(value);
    return text == NULL ? otherwise : text;
}

void stored_server(const struct stored *stored, char *text, size_t bytes)
{
    const json_t *server = json_object_get(stored->root, "server");
    const char *label = or_text(json_object_get(server, "label"), "server");
    const char *version = or_text(json_object_get(server, "version"), "");
    snprintf(text, bytes, "%s%s%s", label, version[0] == 0 ? "" : " ", version);
}

bool stored_is_open_loop(const struct stored *stored)
{
    return json_number_value(scenario_of(stored, "rate")) > 0;
}

static struct metric_text count_of(const struct stored *stored, const char *key)
{
    return metric_text(METRIC_COUNT, json_number_value(scenario_of(stored, key)));
}

static void pace_of(const struct stored *stored, char *text, size_t bytes)
{
    double rate = json_number_value(scenario_of(stored, "rate"));
    if (rate > 0) {
        snprintf(text, bytes, "open loop %g/s%s", rate,
                 json_is_true(scenario_of(stored, "poisson")) ? " (Poisson)" : "");
    } else {
        snprintf(text, bytes, "closed loop");
    }
}

/* What is out of the ordinary. */
static void extras_of(const struct stored *stored, char *text, size_t bytes)
{
    static const struct {
        const char *key;
        double usual;
        const char *text;
    } extras[] = {{"subjects", 1, "subjects"},       {"subjects_each", 1, "subjects each"},
                  {"wildcards", 0, "wildcards"},     {"queue_groups", 0, "queue groups"},
                  {"stalled", 0, "stalled"},         {"churn", 0, "subscriptions/s come and go"},
                  {"in_flight", 0, "in flight each"}};
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < COUNT_OF(extras); i++) {
        double value = json_number_value(scenario_of(stored, extras[i].key));
        if (value > 0 && value != extras[i].usual && at < bytes) {
            at += (size_t)snprintf(text + at, bytes - at, ", %s %s",
                                   count_of(stored, extras[i].key).at, extras[i].text);
        }
    }
    if (json_is_true(scenario_of(stored, "distinct_sids")) && at < bytes) {
        at += (size_t)snprintf(text + at, bytes - at, ", distinct sids");
    }
    if (json_is_true(scenario_of(stored, "json_payload")) && at < bytes) {
        snprintf(text + at, bytes - at, ", JSON payloads");
    }
}

void stored_scenario(const struct stored *stored, char *text, size_t bytes)
{
    char pace[96];
    char extras[256];
    char window[96] = "";
    pace_of(stored, pace, sizeof pace);
    if (!stored_is_open_loop(stored)) {
        snprintf(window, sizeof window, ", window %s messages",
                 count_of(stored, "window_messages").at);
    }
    extras_of(stored, extras, sizeof extras);
    snprintf(text, bytes, "%s: %s publisher%s, %s subscribers, %s bytes%s, %s%s",
             or_text(scenario_of(stored, "name"), "scenario"), count_of(stored, "publishers").at,
             json_integer_value(scenario_of(stored, "publishers")) == 1 ? "" : "s",
             count_of(stored, "subscribers").at, count_of(stored, "size").at, extras, pace, window);
}

void stored_family(const struct stored *stored, char *text, size_t bytes)
{
    char pace[96];
    pace_of(stored, pace, sizeof pace);
    snprintf(text, bytes, "%s by number of subscribers: %s publisher%s, %s bytes, %s",
             or_text(scenario_of(stored, "name"), "scenario"), count_of(stored, "publishers").at,
             json_integer_value(scenario_of(stored, "publishers")) == 1 ? "" : "s",
             count_of(stored, "size").at, pace);
}

/* ---- differences ---- */

static void value_write(FILE *out, const json_t *value)
{
    char *text = value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    fputs(text == NULL ? "nothing" : text, out);
    free(text);
}

static size_t difference(FILE *out, const char *key, const json_t *a, const json_t *b)
{
    if (a == b || (a != NULL && b != NULL && json_equal(a, b))) {
        return 0;
    }
    if (out != NULL) {
        fprintf(out, "  %s: ", key);
        value_write(out, a);
        fputs(" here, ", out);
        value_write(out, b);
        fputs(" there\n", out);
    }
    return 1;
}

/* Of a are all keys looked at, of b those that a does not have. */
static size_t objects_unlike(const json_t *a, const json_t *b, const char *const *ignored,
                             size_t ignored_count, FILE *out)
{
    size_t count = 0;
    for (int side = 0; side < 2; side++) {
        const char *key;
        json_t *value;
        json_t *walked = json_incref((json_t *)(uintptr_t)(side == 0 ? a : b));
        json_object_foreach(walked, key, value)
        {
            bool skip = side == 1 && json_object_get(a, key) != NULL;
            for (size_t i = 0; i < ignored_count; i++) {
                skip |= strcmp(key, ignored[i]) == 0;
            }
            count +=
                skip ? 0 : difference(out, key, json_object_get(a, key), json_object_get(b, key));
        }
        json_decref(walked);
    }
    return count;
}

size_t stored_unlike_scenario(const struct stored *a, const struct stored *b, FILE *out)
{
    static const char *const ignored[] = {"protocol", "host", "port", "seed"};
    return objects_unlike(json_object_get(a->root, "scenario"),
                          json_object_get(b->root, "scenario"), ignored, COUNT_OF(ignored), out);
}

bool stored_is_family(const struct stored *a, const struct stored *b)
{
    static const char *const ignored[] = {"protocol", "host",        "port",
                                          "seed",     "subscribers", "window_messages"};
    return objects_unlike(json_object_get(a->root, "scenario"),
                          json_object_get(b->root, "scenario"), ignored, COUNT_OF(ignored),
                          NULL) == 0;
}

size_t stored_unlike_machine(const struct stored *a, const struct stored *b, FILE *out)
{
    static const char *const keys[] = {"kernel",   "kernel_build", "architecture", "cpu_model",
                                       "cpus",     "microcode",    "virtual",      "governor",
                                       "tcp_rmem", "tcp_wmem",     "clock_source"};
    static const char congestion[] = "tcp_congestion_control";
    const json_t *left = json_object_get(a->root, "machine");
    const json_t *right = json_object_get(b->root, "machine");
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        count += difference(out, keys[i], json_object_get(left, keys[i]),
                            json_object_get(right, keys[i]));
    }
    /* Files of earlier versions do not tell. */
    if (json_object_get(left, congestion) != NULL && json_object_get(right, congestion) != NULL) {
        count += difference(out, congestion, json_object_get(left, congestion),
                            json_object_get(right, congestion));
    }
    /* A kernel may keep a little more for itself from one start to the next. */
    double left_bytes = json_number_value(json_object_get(left, "memory_bytes"));
    double right_bytes = json_number_value(json_object_get(right, "memory_bytes"));
    if (left_bytes > right_bytes * 1.02 || right_bytes > left_bytes * 1.02) {
        count += difference(out, "memory_bytes", json_object_get(left, "memory_bytes"),
                            json_object_get(right, "memory_bytes"));
    }
    return count + objects_unlike(json_object_get(left, "mitigations"),
                                  json_object_get(right, "mitigations"), NULL, 0, out);
}
