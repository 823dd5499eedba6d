/*
 * fuzz_scrub_rules.c - any text as the rules of a file: it is read or complained about, and what is
 * read can be used.
 */
#include "tests/support/scrub_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Long patterns take Vectorscan long to compile, which is the operator's own time. */
    if (size > 400 || memchr(data, 0, size) != NULL) {
        return 0;
    }
    char text[512] = "scrub { rules [ ";
    size_t head = strlen(text);
    memcpy(text + head, data, size);
    memcpy(text + head + size, " ] }", 5);
    struct conf_error error = {""};
    struct scrub_rules *rules = scrub_text_file(text, &error);
    if (rules == NULL) {
        return 0;
    }
    struct scrub *scrub = scrub_new(rules, NULL, 1);
    struct scrub_in in = {.subject = bytes_text("a.b"),
                          .header = bytes_text("NATS/1.0\r\nA: b\r\n\r\n"),
                          .body = bytes_text("{\"a\":[1,\"x@y.zz 10.0.0.1\"]}"),
                          .limit = 1000};
    struct scrub_out out;
    enum scrub_verdict verdict = scrub_apply(scrub, &in, &out);
    ASSERT(verdict != SCRUB_REPLACE || out.header.size + out.body.size <= in.limit);
    scrub_count(scrub);
    scrub_free(scrub);
    scrub_rules_unref(rules);
    return 0;
}
