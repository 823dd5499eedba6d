/* test_report_html.c - the page: everything shown, everything escaped, well-formed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/chart.h"
#include "loadgen/hdr.h"
#include "loadgen/html.h"
#include "loadgen/report_html.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Goal:   no text can end an element, an attribute or a line of markup.
 * Method: the characters that could. */
static void test_html_text_is_escaped(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    html_text(out, "<a href=\"x\" b='y'>&\n\x01\x7f \xc3\xa9");
    fclose(out);
    assert_string_equal(text, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;    \xc3\xa9");
    free(text);
}

/* ---- results made up ---- */

struct folder {
    char path[64];
    char *names[8]; /* of the results */
    size_t count;
};

static int folder_make(void **state)
{
    struct folder *folder = test_calloc(1, sizeof *folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/test_report_html.XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) == NULL;
}

static int folder_remove(void **state)
{
    struct folder *folder = *state;
    for (size_t i = 0; i < folder->count; i++) {
        unlink(folder->names[i]);
        free(folder->names[i]);
    }
    int result = rmdir(folder->path);
    test_free(folder);
    return result;
}

static json_t *times_json(uint64_t ns)
{
    struct record *record = test_calloc(1, sizeof *record);
    for (uint64_t i = 1; i <= 1000; i++) {
        record_add(record, ns * i / 100, 1);
    }
    char *hdr = hdr_encode(record);
    json_t *object =
        json_pack("{s:i, s:i, s:i, s:s}", "p50_ns", (int)record_percentile(record, 0.5), "p99_ns",
                  (int)record_percentile(record, 0.99), "p99_9_ns",
                  (int)record_percentile(record, 0.999), "hdr", hdr);
    memory_free(hdr);
    test_free(record);
    return object;
}

static void result_add(struct folder *folder, const char *label, int subscribers, double speed,
                       bool complete)
{
    json_t *runs = json_array();
    for (int i = 0; i < 3; i++) {
        json_array_append_new(runs,
                              json_pack("{s:b, s:b, s:s, s:f, s:i, s:i, s:{s:f}, s:o, s:o}",
                                        "complete", complete, "interrupted", 0, "verdict",
                                        i == 0 ? "generator_bound" : "valid", "deliveries_per_s",
                                        speed + i, "expected", 5000, "lost", complete ? 0 : 7,
                                        "server", "cpu_ns_per_delivery", 1e9 / speed, "latency",
                                        times_json(30000), "completion", times_json(50000)));
    }
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:{s:[s,s]}, s:{s:s, s:s, s:f, s:[s,s]}, s:{s:s, s:s, s:i, s:f, "
                  "s:{s:s}}, s:{s:s, s:i, s:i, s:i, s:f, s:i}, s:n, s:o}",
                  "format", "hubload-result", "version", 1, "when", "2026-01-02T03:04:05Z", "tool",
                  "command", "hubload", "fanout & <co>", "server", "label", label, "version", "1.0",
                  "rss_bytes_per_connection", 2048.0, "command", "server", "--name=<x>", "machine",
                  "kernel", "6.1 <k>", "cpu_model", "CPU \"fast\"", "cpus", 2, "memory_bytes", 8e9,
                  "mitigations", "meltdown", "Mitigation: PTI", "scenario", "name", "fanout",
                  "publishers", 1, "subscribers", subscribers, "size", 128, "rate", 0.0,
                  "window_messages", 100 * subscribers, "failure", "runs", runs);
    assert_non_null(root);
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%zu <r>.json", folder->path, folder->count) > 0);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    folder->names[folder->count++] = path;
    json_decref(root);
}

static char *page_of(struct folder *folder)
{
    struct collection collection;
    char error[512];
    char *text = NULL;
    size_t size = 0;
    assert_true(collection_load(&collection, folder->names, folder->count, error, sizeof error));
    FILE *out = open_memstream(&text, &size);
    report_html(out, &collection, "Title <&>");
    fclose(out);
    collection_free(&collection);
    return text;
}

/* Every element that is opened is closed, in order; but for those that have no end in HTML. */
static void expect_balanced(const char *text)
{
    static const char *const empty[] = {"meta", "link", "br"};
    char open[64][16];
    int depth = 0;
    for (const char *at = strchr(text, '<'); at != NULL; at = strchr(at + 1, '<')) {
        char name[16] = "";
        bool end = at[1] == '/';
        const char *from = at + 1 + end;
        for (size_t i = 0; isalnum((unsigned char)from[i]) && i < sizeof name - 1; i++) {
            name[i] = from[i];
        }
        bool none = name[0] == 0; /* <!DOCTYPE */
        for (size_t i = 0; i < COUNT_OF(empty); i++) {
            none |= strcmp(name, empty[i]) == 0;
        }
        const char *close = strchr(at, '>');
        assert_non_null(close);
        if (none || close[-1] == '/') {
            continue;
        }
        if (end) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
        }
    }
    assert_int_equal(depth, 0);
}

static size_t occurrences(const char *text, const char *of)
{
    size_t count = 0;
    for (; (text = strstr(text, of)) != NULL; text++) {
        count++;
    }
    return count;
}

/* Goal:   servers side by side, a chart for each question, checks and facts; nothing from outside.
 * Method: two servers and two numbers of subscribers, with markup in every text of theirs. */
static void test_report_shows_everything(void **state)
{
    struct folder *folder = *state;
    result_add(folder, "hub <one>", 100, 1e6, true);
    result_add(folder, "hub 'two'", 100, 2e6, true);
    result_add(folder, "hub <one>", 1000, 3e6, true);
    result_add(folder, "hub 'two'", 1000, 4e6, true);
    char *page = page_of(folder);
    expect_balanced(page);
    assert_int_equal(occurrences(page, "<svg "), 4 + 2 * 2);
    assert_int_equal(occurrences(page, "</desc>"), 8);
    assert_int_equal(occurrences(page, "<th scope=\"col\"><span class=\"key\""), 4);
    assert_non_null(strstr(page, "<title>Title &lt;&amp;&gt;</title>"));
    assert_non_null(strstr(page, "hub &lt;one&gt; 1.0"));
    assert_non_null(strstr(page, "1.00 M/s"));
    assert_non_null(strstr(page, "4.00 M/s"));
    assert_non_null(strstr(page, "CPU &quot;fast&quot;"));
    assert_non_null(strstr(page, "Mitigation: PTI"));
    assert_non_null(strstr(page, "fanout &amp; &lt;co&gt;"));
    assert_non_null(strstr(page, "&dagger; In 2 of these runs"));
    assert_null(strstr(page, "<one>"));
    assert_null(strstr(page, "<co>"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "http://"));
    assert_null(strstr(page, "https://"));
    assert_null(strstr(page, "nan"));
    assert_null(strstr(page, "inf "));
    free(page);
}

/* Goal:   a server that lost messages has no figures.
 * Method: one that did, beside one that did not. */
static void test_report_of_a_lossy_server(void **state)
{
    struct folder *folder = *state;
    result_add(folder, "right", 100, 1e6, true);
    result_add(folder, "lossy", 100, 9e6, false);
    char *page = page_of(folder);
    expect_balanced(page);
    assert_null(strstr(page, "9.00 M/s"));
    assert_non_null(strstr(page, "lossy 1.0: no result: not everything was delivered"));
    assert_non_null(strstr(page, "<td class=\"bad\">21</td>"));
    free(page);
}

/* Goal:   a chart stands whatever its values are.
 * Method: one point, equal points, tiny, huge and many values; a chart of nothing is not drawn. */
static void test_chart_of_any_values(void **state)
{
    (void)state;
    static const double values[] = {1, 1e-9, 1e15, 999.999, 1000, 12345};
    static const enum chart_scale scales[] = {CHART_LINEAR, CHART_LOG};
    for (size_t i = 0; i < COUNT_OF(values) * COUNT_OF(scales); i++) {
        double value = values[i / COUNT_OF(scales)];
        enum chart_scale scale = scales[i % COUNT_OF(scales)];
        struct chart_point points[] = {{value, value, value / 2, value * 2},
                                       {value * 3, value, value, value}};
        struct chart_line lines[] = {
            {"one", 0, points, 1, true}, {"two", 9, points, 2, true}, {"none", 2, NULL, 0, true}};
        struct chart chart = {1,     "t",          "d",       "x",   "y", scale,
                              scale, METRIC_COUNT, METRIC_NS, lines, 3};
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_true(chart_write(out, &chart));
        fclose(out);
        expect_balanced(text);
        assert_null(strstr(text, "nan"));
        assert_null(strstr(text, ">none<"));
        free(text);
        chart.lines = &lines[2];
        chart.lines_count = 1;
        out = open_memstream(&text, &size);
        assert_false(chart_write(out, &chart));
        fclose(out);
        assert_int_equal(size, 0);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html_text_is_escaped),
        cmocka_unit_test(test_chart_of_any_values),
        cmocka_unit_test_setup_teardown(test_report_shows_everything, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_report_of_a_lossy_server, folder_make, folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
