/* test_hdr.c - histograms in HdrHistogram's format: nothing is lost on the way there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen/hdr.h"

#include <stdlib.h>
#include <string.h>

/* Goal:   every cell comes back, whatever lies between.
 * Method: random records, from empty to full range and greatest counts, through text. */
static void test_hdr_round_trip(void **state)
{
    (void)state;
    unsigned seed = 21;
    print_message("seed %u\n", seed);
    srand(seed);
    struct record *record = test_calloc(1, sizeof *record);
    struct record *back = test_calloc(1, sizeof *back);
    for (int round = 0; round < 60; round++) {
        memset(record, 0, sizeof *record);
        for (int i = 0; i < round * round; i++) {
            uint64_t value = ((uint64_t)rand() << 12 | ((uint64_t)rand() & 4095)) >> rand() % 43;
            record_add(record, value, 1 + (uint64_t)(rand() % 1000));
        }
        record_add(record, round == 59 ? RECORD_NS_MAX : 1, round % 2 != 0 ? 1ull << 50 : 0);
        char *text = hdr_encode(record);
        assert_true(hdr_decode(text, back));
        assert_memory_equal(record->cells, back->cells, sizeof record->cells);
        assert_true(record->count == back->count);
        assert_true(back->max_ns >= record->max_ns || record->count == 0);
        memory_free(text);
    }
    test_free(record);
    test_free(back);
}

/* Goal:   the text is what other implementations of the format write and read.
 * Method: a histogram written by the Java library (2 digits, 1 to RECORD_NS_MAX) of 1000, 2000 (two
 *         times), 1000000: text in, cells out; and our own begins as all such texts do. */
static void test_hdr_reads_what_java_wrote(void **state)
{
    (void)state;
    static const char java[] =
        "HISTFAAAACl42pNpmSzMwMDAyQABTFCakYGB+T8I2H+ACHxmZ/rLyPJRkAkAx2cKgg==";
    struct record *record = test_calloc(1, sizeof *record);
    struct record *same = test_calloc(1, sizeof *same);
    record_add(same, 1000, 1);
    record_add(same, 2000, 2);
    record_add(same, 1000000, 1);
    assert_true(hdr_decode(java, record));
    assert_memory_equal(record->cells, same->cells, sizeof record->cells);
    char *text = hdr_encode(same);
    assert_memory_equal(text, "HISTFAAAA", 9);
    memory_free(text);
    test_free(record);
    test_free(same);
}

/* Goal:   damaged text is refused, and never read beyond its end.
 * Method: every prefix, and every character replaced, of a valid one; sanitizers watch. */
static void test_hdr_refuses_damage(void **state)
{
    (void)state;
    struct record *record = test_calloc(1, sizeof *record);
    struct record *back = test_calloc(1, sizeof *back);
    for (uint64_t i = 0; i < 300; i++) {
        record_add(record, i * i * i, i);
    }
    char *text = hdr_encode(record);
    size_t size = strlen(text);
    size_t body = size - strcspn(text, "=") == 0 ? size : strcspn(text, "=");
    for (size_t cut = 0; cut + 4 < body; cut++) {
        char *prefix = test_calloc(cut + 1, 1);
        memcpy(prefix, text, cut);
        assert_false(hdr_decode(prefix, back));
        test_free(prefix);
    }
    int refused = 0;
    for (size_t at = 0; at < body; at++) {
        char kept = text[at];
        text[at] = kept == 'A' ? 'B' : 'A';
        refused += hdr_decode(text, back) ? 0 : 1;
        text[at] = '*';
        assert_false(hdr_decode(text, back));
        text[at] = kept;
    }
    assert_true(refused + 2 >= (int)body); /* unused bits at the end may differ */
    memory_free(text);
    test_free(record);
    test_free(back);
}

/* Goal:   a log has the head that tools look for, and one line an interval.
 * Method: two intervals, as text. */
static void test_hdr_log(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct record *record = test_calloc(1, sizeof *record);
    record_add(record, 2000000, 3);
    hdr_log_begin(out, "latency", 1700000000.25);
    hdr_log_add(out, 1700000000.25, 1, record);
    hdr_log_add(out, 1700000001.25, 0.5, record);
    fclose(out);
    assert_non_null(strstr(text, "#[Histogram log format version 1.3]\n"));
    assert_non_null(
        strstr(text, "#[StartTime: 1700000000.250 (seconds since epoch), 2023-11-14T22:13:20Z]\n"));
    assert_non_null(strstr(text, "\n1700000000.250,1.000,2.000,HISTFAAAA"));
    assert_non_null(strstr(text, "\n1700000001.250,0.500,2.000,HISTFAAAA"));
    free(text);
    test_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hdr_round_trip),
        cmocka_unit_test(test_hdr_reads_what_java_wrote),
        cmocka_unit_test(test_hdr_refuses_damage),
        cmocka_unit_test(test_hdr_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
