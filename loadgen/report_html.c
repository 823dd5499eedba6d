/* report_html.c - the page, from top to bottom. */
#include "loadgen/report_html.h"

#include "loadgen/chart.h"
#include "loadgen/html.h"
#include "loadgen/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct page {
    FILE *out;
    const struct collection *c;
    uint32_t charts;
};

static void element(FILE *out, const char *open, const char *text, const char *close)
{
    fputs(open, out);
    html_text(out, text);
    fputs(close, out);
}

static const json_t *machine_of(const struct stored *file, const char *key)
{
    return json_object_get(json_object_get(file->root, "machine"), key);
}

static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);
    return text == NULL ? "-" : text;
}

/* ---- servers side by side ---- */

struct figure {
    double median; /* NAN: not measured */
    double low;
    double high;
};

static struct figure figure_of(const struct page *page, uint32_t server, uint32_t scenario,
                               const struct metric *metric)
{
    size_t count = 0;
    double *values = collection_values(page->c, server, scenario, metric, &count);
    struct figure figure = {NAN, INFINITY, 0};
    for (size_t i = 0; i < count; i++) {
        figure.low = MIN_OF(figure.low, values[i]);
        figure.high = MAX_OF(figure.high, values[i]);
    }
    figure.median = count == 0 ? NAN : stats_median(values, count);
    memory_free(values);
    return figure;
}

static void figure_cell(const struct page *page, const struct metric *metric,
                        const struct collection_cell *cell, struct figure figure, double most)
{
    if (cell->fault != NULL) {
        fputs("<td class=\"figure bad\">no result</td>", page->out);
    } else if (isnan(figure.median)) {
        fputs("<td class=\"figure soft\">-</td>", page->out);
    } else {
        fprintf(page->out, "<td class=\"figure\" style=\"--share:%.1f%%\">%s%s",
                figure.median / most * 100, metric_text(metric->unit, figure.median).at,
                metric->needs_headroom && cell->bound != 0 ? "<sup class=\"warn\">&dagger;</sup>"
                                                           : "");
        if (figure.low < figure.high) {
            fprintf(page->out, "<span class=\"range\">%s &hellip; %s</span>",
                    metric_text(metric->unit, figure.low).at,
                    metric_text(metric->unit, figure.high).at);
        }
        fputs("</td>", page->out);
    }
}

static void metric_row(const struct page *page, uint32_t scenario, const struct metric *metric)
{
    const struct collection *c = page->c;
    struct figure *figures = (struct figure *)memory_alloc(c->servers_count * sizeof *figures);
    double most = 0;
    for (uint32_t i = 0; i < c->servers_count; i++) {
        figures[i] = figure_of(page, i, scenario, metric);
        most = MAX_OF(most, isnan(figures[i].median) ? 0 : figures[i].median);
    }
    if (most > 0) {
        element(page->out, "<tr><td>", metric->title, "");
        fprintf(page->out, "%s</td>",
                metric->better == METRIC_HIGHER  ? " <span class=\"soft\">(higher is better)</span>"
                : metric->better == METRIC_LOWER ? " <span class=\"soft\">(lower is better)</span>"
                                                 : "");
        for (uint32_t i = 0; i < c->servers_count; i++) {
            struct collection_cell cell = collection_cell(c, i, scenario);
            if (cell.files != 0) {
                figure_cell(page, metric, &cell, figures[i], most);
            }
        }
        fputs("</tr>\n", page->out);
    }
    memory_free(figures);
}

static void scenario_table(const struct page *page, uint32_t scenario)
{
    size_t bound = 0;
    fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">median of runs "
          "<span class=\"soft\">(range)</span></th>",
          page->out);
    for (uint32_t i = 0; i < page->c->servers_count; i++) {
        struct collection_cell cell = collection_cell(page->c, i, scenario);
        if (cell.files != 0) {
            fprintf(page->out,
                    "<th scope=\"col\"><span class=\"key\" style=\"--line:var(--series-%u)\">"
                    "</span>",
                    i % CHART_COLOURS);
            html_text(page->out, page->c->servers[i].name);
            fprintf(page->out, "<span class=\"range soft\"> (%zu run%s)</span></th>", cell.runs,
                    cell.runs == 1 ? "" : "s");
            bound += cell.bound;
        }
    }
    fputs("</tr></thead><tbody>\n", page->out);
    for (size_t i = 0; i < metrics_count; i++) {
        metric_row(page, scenario, &metrics[i]);
    }
    fputs("</tbody></table></div>\n", page->out);
    if (bound != 0) {
        fprintf(page->out,
                "<p class=\"warn\">&dagger; In %zu of these runs the load generator was, or may "
                "have been, the bottleneck: the server can do at least as well.</p>\n",
                bound);
    }
}

/* ---- charts ---- */

static void chart_figure(struct page *page, struct chart *chart)
{
    char *text = NULL;
    size_t size = 0;
    FILE *svg = open_memstream(&text, &size);
    ASSERT(svg != NULL);
    chart->number = page->charts;
    bool drawn = chart_write(svg, chart);
    fclose(svg);
    if (drawn) {
        page->charts++;
        element(page->out, "<figure><figcaption>", chart->title, "</figcaption>\n");
        fwrite(text, 1, size, page->out);
        fputs("</figure>\n", page->out);
    }
    free(text);
}

enum { CURVE_POINTS_MAX = 256, LINEAR_SPAN_MAX = 50 };

/* From the median's left to the last nine that the count can show. */
static size_t curve_points(const struct record *record, struct chart_point *points)
{
    size_t count = 0;
    double last = 1 - 1 / (double)record->count;
    for (double nines = 0; count < CURVE_POINTS_MAX; nines += 0.05) {
        double fraction = MIN_OF(1 - pow(10, -nines), last);
        double value = MAX_OF((double)record_percentile(record, fraction), 1.0);
        points[count++] = (struct chart_point){fraction, value, value, value};
        if (fraction >= last || nines > 5) {
            break;
        }
    }
    return count;
}

static void percentile_chart(struct page *page, uint32_t scenario, const char *key,
                             const char *title, const char *description)
{
    uint32_t servers = page->c->servers_count;
    struct chart_line *lines = (struct chart_line *)memory_alloc(servers * sizeof *lines);
    struct chart_point *points =
        (struct chart_point *)memory_alloc((size_t)servers * CURVE_POINTS_MAX * sizeof *points);
    struct record *record = (struct record *)memory_alloc(sizeof *record);
    for (uint32_t i = 0; i < servers; i++) {
        struct chart_point *own = points + (size_t)i * CURVE_POINTS_MAX;
        bool right = collection_cell(page->c, i, scenario).fault == NULL &&
                     collection_record(page->c, i, scenario, key, record);
        lines[i] = (struct chart_line){page->c->servers[i].name, i, own,
                                       right ? curve_points(record, own) : 0, false};
    }
    struct chart chart = {0,
                          title,
                          description,
                          "percentile",
                          "time, logarithmic",
                          CHART_PERCENTILE,
                          CHART_LOG,
                          METRIC_NUMBER,
                          METRIC_NS,
                          lines,
                          servers};
    chart_figure(page, &chart);
    memory_free(record);
    memory_free(points);
    memory_free(lines);
}

static double subscribers_of(const struct stored *file)
{
    return json_number_value(
        json_object_get(json_object_get(file->root, "scenario"), "subscribers"));
}

/* From zero, unless the greatest would press the others down to nothing. */
static enum chart_scale scale_of(const struct chart_line *lines, size_t count)
{
    double least = INFINITY;
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < lines[i].points_count; j++) {
            least = MIN_OF(least, lines[i].points[j].low);
            most = MAX_OF(most, lines[i].points[j].high);
        }
    }
    return most > LINEAR_SPAN_MAX * least ? CHART_LOG : CHART_LINEAR;
}

/* A metric over the numbers of subscribers of one family: scenarios [from, to). */
static void family_chart(struct page *page, uint32_t from, uint32_t to, const char *name,
                         const char *title, const char *y_title)
{
    const struct metric *metric = metric_find(name, strlen(name));
    ASSERT(metric != NULL);
    uint32_t servers = page->c->servers_count;
    uint32_t width = to - from;
    struct chart_line *lines = (struct chart_line *)memory_alloc(servers * sizeof *lines);
    struct chart_point *points =
        (struct chart_point *)memory_alloc((size_t)servers * width * sizeof *points);
    for (uint32_t i = 0; i < servers; i++) {
        struct chart_point *own = points + (size_t)i * width;
        lines[i] = (struct chart_line){page->c->servers[i].name, i, own, 0, true};
        for (uint32_t s = from; s < to; s++) {
            struct figure figure = figure_of(page, i, s, metric);
            if (!isnan(figure.median) && collection_cell(page->c, i, s).fault == NULL) {
                own[lines[i].points_count++] = (struct chart_point){
                    subscribers_of(page->c->scenarios[s]), figure.median, figure.low, figure.high};
            }
        }
    }
    enum chart_scale scale = scale_of(lines, servers);
    char y_text[64];
    snprintf(y_text, sizeof y_text, "%s%s", y_title, scale == CHART_LOG ? ", logarithmic" : "");
    struct chart chart = {0,
                          title,
                          "Medians of the runs, by number of subscribers; bars show lowest and "
                          "highest. The table below has the numbers.",
                          "subscribers, logarithmic",
                          y_text,
                          CHART_LOG,
                          scale,
                          METRIC_COUNT,
                          metric->unit,
                          lines,
                          servers};
    chart_figure(page, &chart);
    memory_free(points);
    memory_free(lines);
}

/* ---- scenarios ---- */

static void family(struct page *page, uint32_t from, uint32_t to)
{
    if (to - from < 2) {
        return; /* one number of subscribers: the table says it all */
    }
    char title[512];
    stored_family(page->c->scenarios[from], title, sizeof title);
    element(page->out, "<h2>", title, "</h2>\n<div class=\"charts\">\n");
    family_chart(page, from, to, "deliveries", "Deliveries a second", "deliveries a second");
    family_chart(page, from, to, "server-cpu", "Server CPU a delivery", "CPU time a delivery");
    family_chart(page, from, to, "memory", "Server memory a connection", "RSS a connection");
    family_chart(page, from, to, "latency-p99", "Latency, 99th percentile", "latency p99");
    fputs("</div>\n", page->out);
}

static void scenario_section(struct page *page, uint32_t scenario)
{
    char title[512];
    const struct stored *file = page->c->scenarios[scenario];
    stored_scenario(file, title, sizeof title);
    element(page->out, "<h2>", title, "</h2>\n");
    for (uint32_t i = 0; i < page->c->servers_count; i++) {
        struct collection_cell cell = collection_cell(page->c, i, scenario);
        if (cell.fault != NULL) {
            element(page->out, "<p class=\"bad\">", page->c->servers[i].name, ": no result: ");
            element(page->out, "", cell.fault, "</p>\n");
        }
    }
    scenario_table(page, scenario);
    if (!stored_is_open_loop(file)) {
        fputs("<p class=\"soft\">In a closed loop the window is always full: latency is the window "
              "divided by the speed, and says little of its own. Open loops show latency.</p>\n",
              page->out);
    }
    fputs("<div class=\"charts\">\n", page->out);
    percentile_chart(page, scenario, "latency", "Latency of deliveries",
                     "For each server, the time within which a share of all deliveries arrived, "
                     "counted from the moment the message was due.");
    percentile_chart(page, scenario, "completion", "Completion: until the last subscriber has it",
                     "For each server, the time within which a share of all messages had reached "
                     "their last subscriber.");
    fputs("</div>\n", page->out);
}

static void scenarios(struct page *page)
{
    const struct collection *c = page->c;
    for (uint32_t from = 0, to; from < c->scenarios_count; from = to) {
        for (to = from + 1;
             to < c->scenarios_count && stored_is_family(c->scenarios[from], c->scenarios[to]);) {
            to++;
        }
        family(page, from, to);
        for (uint32_t i = from; i < to; i++) {
            scenario_section(page, i);
        }
    }
}

/* ---- checks ---- */

static uint64_t runs_sum(const struct stored *file, const char *key)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < stored_runs_count(file); i++) {
        sum += (uint64_t)json_integer_value(json_object_get(stored_run(file, i), key));
    }
    return sum;
}

static void check_row(const struct page *page, const struct stored *file)
{
    static const char *const faults[] = {"lost", "duplicated", "reordered", "corrupted", "foreign"};
    char text[512];
    const char *fault = stored_fault(file);
    size_t bound = stored_bound_count(file);
    stored_server(file, text, sizeof text);
    element(page->out, "<tr><td>", text, "<span class=\"range\">");
    stored_scenario(file, text, sizeof text);
    element(page->out, "", text, "</span></td>");
    fprintf(page->out, "<td>%zu</td><td>%s</td>", stored_runs_count(file),
            metric_text(METRIC_COUNT, (double)runs_sum(file, "expected")).at);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        uint64_t count = runs_sum(file, faults[i]);
        fprintf(page->out, "<td%s>%llu</td>", count != 0 ? " class=\"bad\"" : "",
                (unsigned long long)count);
    }
    if (fault != NULL) {
        element(page->out, "<td class=\"text bad\">", fault, "</td></tr>\n");
    } else if (bound != 0) {
        fprintf(page->out, "<td class=\"text warn\">complete; generator-bound in %zu</td></tr>\n",
                bound);
    } else {
        fputs("<td class=\"text\">complete</td></tr>\n", page->out);
    }
}

static void checks(const struct page *page)
{
    fputs("<h2>Checks</h2>\n<p class=\"soft\">Every message carries who sent it, its number and "
          "when it was due; every subscriber must get every one once, in order, undamaged. A run "
          "in which that fails is no result.</p>\n<div class=\"scroll\"><table><thead><tr><th "
          "scope=\"col\">measurement</th><th scope=\"col\">runs</th><th "
          "scope=\"col\">expected</th><th scope=\"col\">lost</th><th "
          "scope=\"col\">doubled</th><th scope=\"col\">out of order</th><th "
          "scope=\"col\">damaged</th><th scope=\"col\">foreign</th><th scope=\"col\">verdict</th>"
          "</tr></thead><tbody>\n",
          page->out);
    for (size_t i = 0; i < page->c->files_count; i++) {
        check_row(page, &page->c->files[i]);
    }
    fputs("</tbody></table></div>\n", page->out);
}

/* ---- facts ---- */

static void fact(const struct page *page, const char *name, const json_t *value)
{
    char *text = json_is_string(value) || value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY);
    if (value != NULL) {
        element(page->out, "<tr><td>", name, "</td>");
        element(page->out, "<td class=\"text\">", text == NULL ? text_of(value) : text,
                "</td></tr>\n");
    }
    free(text);
}

static void mitigations(const struct page *page, const json_t *all)
{
    const char *key;
    json_t *value;
    json_t *walked = json_deep_copy(all);
    fputs("<tr><td>mitigations</td><td class=\"text\">", page->out);
    json_object_foreach(walked, key, value)
    {
        if (strcmp(text_of(value), "Not affected") != 0) {
            element(page->out, "", key, ": ");
            element(page->out, "", text_of(value), "<br>");
        }
    }
    fputs("others: not affected</td></tr>\n", page->out);
    json_decref(walked);
}

static void machine(const struct page *page, const struct stored *file)
{
    static const char *const keys[] = {"cpu_model",   "cpus",         "virtual",
                                       "governor",    "microcode",    "architecture",
                                       "kernel",      "kernel_build", "clock_source",
                                       "tcp_rmem",    "tcp_wmem",     "tcp_congestion_control",
                                       "load_average"};
    char memory[64];
    double bytes = json_number_value(machine_of(file, "memory_bytes"));
    snprintf(memory, sizeof memory, "%.1f GiB", bytes / (1 << 30));
    fputs("<div class=\"scroll\"><table><tbody>\n", page->out);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        fact(page, keys[i], machine_of(file, keys[i]));
    }
    element(page->out, "<tr><td>memory</td><td class=\"text\">", memory, "</td></tr>\n");
    mitigations(page, machine_of(file, "mitigations"));
    fputs("</tbody></table></div>\n", page->out);
}

static void machines(const struct page *page)
{
    const struct collection *c = page->c;
    size_t shown = 0;
    fputs("<h2>Machine</h2>\n", page->out);
    for (size_t i = 0; i < c->files_count; i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++) {
            seen |= stored_unlike_machine(&c->files[i], &c->files[k], NULL) == 0;
        }
        if (!seen && ++shown == 2) {
            fputs("<p class=\"bad\">These results come from unlike machines: figures of one say "
                  "nothing about those of another.</p>\n",
                  page->out);
        }
        if (!seen) {
            machine(page, &c->files[i]);
        }
    }
}

static void command_line(const struct page *page, const char *name, const json_t *words)
{
    size_t count = json_array_size(words);
    element(page->out, "<br><span class=\"soft\">", name, ":</span> <code>");
    for (size_t i = 0; i < count; i++) {
        const char *word = text_of(json_array_get(words, i));
        bool plain = word[0] != 0 && strpbrk(word, " \t'\"\\$&|;<>*?()`#") == NULL;
        fputs(i == 0 ? "" : " ", page->out);
        element(page->out, plain ? "" : "&#39;", word, plain ? "" : "&#39;");
    }
    fputs(count == 0 ? "not known</code>" : "</code>", page->out);
}

static void commands(const struct page *page)
{
    fputs("<h2>Command lines</h2>\n", page->out);
    for (size_t i = 0; i < page->c->files_count; i++) {
        const struct stored *file = &page->c->files[i];
        char text[512];
        const char *slash = strrchr(file->path, '/');
        stored_server(file, text, sizeof text);
        element(page->out, "<p><strong>", text, "</strong> ");
        element(page->out, "<span class=\"soft\">", slash == NULL ? file->path : slash + 1, ", ");
        element(page->out, "", text_of(json_object_get(file->root, "when")), "</span>");
        command_line(page, "server",
                     json_object_get(json_object_get(file->root, "server"), "command"));
        command_line(page, "load", json_object_get(json_object_get(file->root, "tool"), "command"));
        fputs("</p>\n", page->out);
    }
}

void report_html(FILE *out, const struct collection *c, const char *title)
{
    struct page page = {out, c, 0};
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
          "name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta "
          "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
          "'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n",
          out);
    element(out, "<title>", title, "</title>\n<style>\n");
    fputs(report_html_style, out);
    element(out, "</style>\n</head>\n<body>\n<h1>", title, "</h1>\n<p class=\"soft\">");
    fprintf(out, "%u server%s, %u scenario%s, %zu measurement%s, ", c->servers_count,
            c->servers_count == 1 ? "" : "s", c->scenarios_count,
            c->scenarios_count == 1 ? "" : "s", c->files_count, c->files_count == 1 ? "" : "s");
    element(out, "on ", text_of(machine_of(&c->files[0], "cpu_model")), "");
    fprintf(out, ", %lld CPUs, ", json_integer_value(machine_of(&c->files[0], "cpus")));
    element(out, "Linux ", text_of(machine_of(&c->files[0], "kernel")), ".</p>\n<main>\n");
    scenarios(&page);
    checks(&page);
    machines(&page);
    commands(&page);
    fputs("</main>\n</body>\n</html>\n", out);
}
