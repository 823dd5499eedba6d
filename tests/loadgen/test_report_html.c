/* test_report_html.c - the page: everything shown, everything escaped, well-formed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/hdr.h"
#include "loadgen/report_html.h"
#include "tests/loadgen/markup.h"

#include <stdlib.h>
#include <unistd.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_report_shows_everything, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_report_of_a_lossy_server, folder_make, folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
