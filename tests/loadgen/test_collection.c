/* test_collection.c - files land in the cell of their server and scenario, in an order that reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/collection.h"
#include "loadgen/hdr.h"
#include "tests/loadgen/made_result.h"

#include <math.h>
#include <string.h>

/* A file of one run. */
static json_t *add(struct made_folder *folder, const char *label, int subscribers, double speed)
{
    json_t *runs = json_array();
    json_array_append_new(runs, made_run(speed));
    json_t *root = made_result(label, subscribers, runs);
    made_write(folder, json_incref(root));
    return root;
}

static void load(struct collection *c, struct made_folder *folder)
{
    char error[256];
    if (!collection_load(c, folder->names, folder->count, error, sizeof error)) {
        fail_msg("%s", error);
    }
}

static int subscribers_of(const struct collection *c, uint32_t scenario)
{
    return (int)json_integer_value(
        json_object_get(json_object_get(c->scenarios[scenario]->root, "scenario"), "subscribers"));
}

/* Goal:   servers come in the order they appear, scenarios of a family by subscribers, whatever the
 *         order of the files.
 * Method: two servers, three numbers of subscribers and another family, shuffled. */
static void test_collection_rows_and_columns(void **state)
{
    struct made_folder *folder = *state;
    struct collection c;
    json_decref(add(folder, "b", 1000, 1e6));
    json_decref(add(folder, "a", 10, 2e6));
    json_t *other = add(folder, "a", 5, 3e6);
    json_decref(add(folder, "b", 100, 4e6));
    json_decref(add(folder, "b", 10, 5e6));
    json_object_set_new(json_object_get(other, "scenario"), "size", json_integer(9));
    assert_int_equal(json_dump_file(other, folder->names[2], 0), 0);
    json_decref(other);
    load(&c, folder);
    assert_int_equal(c.servers_count, 2);
    assert_string_equal(c.servers[0].name, "b 1.0");
    assert_string_equal(c.servers[1].name, "a 1.0");
    assert_int_equal(c.scenarios_count, 4);
    assert_int_equal(subscribers_of(&c, 0), 10);
    assert_int_equal(subscribers_of(&c, 1), 100);
    assert_int_equal(subscribers_of(&c, 2), 1000);
    assert_int_equal(subscribers_of(&c, 3), 5);
    static const size_t files[2][4] = {{1, 1, 1, 0}, {1, 0, 0, 1}};
    for (uint32_t server = 0; server < 2; server++) {
        for (uint32_t scenario = 0; scenario < 4; scenario++) {
            struct collection_cell cell = collection_cell(&c, server, scenario);
            assert_int_equal(cell.files, files[server][scenario]);
            assert_int_equal(cell.runs, files[server][scenario]);
            assert_null(cell.fault);
        }
    }
    collection_free(&c);
}

/* Goal:   a cell's values are those of all its files' runs, and of nobody else's; what was not
 *         measured is left out.
 * Method: three files of a cell, one of another; speed of each, memory of each, latency of none. */
static void test_collection_values(void **state)
{
    struct made_folder *folder = *state;
    struct collection c;
    size_t count = 0;
    json_decref(add(folder, "a", 10, 1e6));
    json_decref(add(folder, "b", 10, 9e6));
    json_decref(add(folder, "a", 10, 2e6));
    json_decref(add(folder, "a", 10, 3e6));
    load(&c, folder);
    double *values = collection_values(&c, 0, 0, metric_find("deliveries", 10), &count);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(fabs(values[i] - 1e6 * (double)(i + 1)) < 1);
    }
    memory_free(values);
    values = collection_values(&c, 0, 0, metric_find("memory", 6), &count);
    assert_int_equal(count, 3);
    memory_free(values);
    values = collection_values(&c, 0, 0, metric_find("latency-p99", 11), &count);
    assert_int_equal(count, 0);
    memory_free(values);
    values = collection_values(&c, 1, 1, metric_find("deliveries", 10), &count);
    assert_int_equal(count, 0); /* a cell that is not there */
    memory_free(values);
    collection_free(&c);
}

/* Goal:   a cell is as good as its worst file, and says how many runs hubload limited.
 * Method: one right, one limited, one that lost something. */
static void test_collection_faults(void **state)
{
    struct made_folder *folder = *state;
    struct collection c;
    for (size_t i = 0; i < 3; i++) {
        json_t *root = add(folder, "a", 10, 1e6);
        json_t *run = json_array_get(json_object_get(root, "runs"), 0);
        json_object_set_new(run, "verdict", json_string(i == 1 ? "generator_bound" : "valid"));
        json_object_set_new(run, "complete", json_boolean(i != 2));
        assert_int_equal(json_dump_file(root, folder->names[i], 0), 0);
        json_decref(root);
    }
    load(&c, folder);
    struct collection_cell cell = collection_cell(&c, 0, 0);
    assert_int_equal(cell.runs, 3);
    assert_int_equal(cell.bound, 1);
    assert_non_null(cell.fault);
    assert_non_null(strstr(cell.fault, "not everything was delivered"));
    collection_free(&c);
}

/* Goal:   histograms of all runs of a cell add up; one that cannot be read does not count.
 * Method: two runs of known values, a third whose histogram is damaged. */
static void test_collection_records(void **state)
{
    struct made_folder *folder = *state;
    struct collection c;
    struct record *record = test_calloc(1, sizeof *record);
    for (size_t i = 0; i < 3; i++) {
        memset(record, 0, sizeof *record);
        record_add(record, 1000 * (i + 1), 10);
        char *hdr = hdr_encode(record);
        json_t *root = add(folder, "a", 10, 1e6);
        json_t *run = json_array_get(json_object_get(root, "runs"), 0);
        json_object_set_new(run, "latency", json_pack("{s:s}", "hdr", i == 2 ? "HISTF" : hdr));
        assert_int_equal(json_dump_file(root, folder->names[i], 0), 0);
        json_decref(root);
        memory_free(hdr);
    }
    load(&c, folder);
    assert_true(collection_record(&c, 0, 0, "latency", record));
    assert_int_equal(record->count, 20);
    assert_int_equal(record->cells[record_cell(1000)], 10);
    assert_int_equal(record->cells[record_cell(2000)], 10);
    assert_false(collection_record(&c, 0, 0, "completion", record));
    assert_int_equal(record->count, 0);
    assert_false(collection_record(&c, 0, 7, "latency", record));
    collection_free(&c);
    test_free(record);
}

/* Goal:   one bad file is told, and what was loaded before it is given back.
 * Method: a good one, then one that is not there; no files at all. */
static void test_collection_of_a_bad_file(void **state)
{
    struct made_folder *folder = *state;
    struct collection c;
    char error[256];
    json_decref(add(folder, "a", 10, 1e6));
    char *paths[] = {folder->names[0], (char *)(uintptr_t) "/no/such/result.json"};
    assert_false(collection_load(&c, paths, 2, error, sizeof error));
    assert_non_null(strstr(error, "/no/such/result.json"));
    assert_int_equal(c.files_count, 1);
    collection_free(&c);
    assert_true(collection_load(&c, paths, 0, error, sizeof error));
    assert_int_equal(c.servers_count + c.scenarios_count, 0);
    collection_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_collection_rows_and_columns, made_folder_open,
                                        made_folder_close),
        cmocka_unit_test_setup_teardown(test_collection_values, made_folder_open,
                                        made_folder_close),
        cmocka_unit_test_setup_teardown(test_collection_faults, made_folder_open,
                                        made_folder_close),
        cmocka_unit_test_setup_teardown(test_collection_records, made_folder_open,
                                        made_folder_close),
        cmocka_unit_test_setup_teardown(test_collection_of_a_bad_file, made_folder_open,
                                        made_folder_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
