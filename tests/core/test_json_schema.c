/* test_json_schema.c - what matches a schema and what does not; what is no schema. */
#include "core/json_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * Goal:    each keyword holds on both sides of its border, and says its name when it does not.
 * Method:  a table; the official tests run end to end.
 */
static void test_keywords(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        const char *text;
        const char *wrong; /* NULL: it matches */
    } cases[] = {
        {"true", "1", NULL},
        {"false", "1", "false"},
        {"{\"type\":\"integer\"}", "1.0", NULL},
        {"{\"type\":\"integer\"}", "1.5", "type"},
        {"{\"type\":[\"integer\",\"number\"]}", "1.5", NULL},
        {"{\"type\":[\"null\",\"string\"]}", " null ", NULL},
        {"{\"enum\":[1,\"a\",{\"b\":[]}]}", "{\"b\":[ ]}", NULL},
        {"{\"enum\":[1,\"a\"]}", "2", "enum"},
        {"{\"const\":9007199254740993}", "9007199254740992", "const"},
        {"{\"minimum\":1.5}", "1.5", NULL},
        {"{\"exclusiveMinimum\":1.5}", "1.50", "exclusiveMinimum"},
        {"{\"maximum\":1e2}", "100.1", "maximum"},
        {"{\"maximum\":1}", "\"no number\"", NULL},
        {"{\"minLength\":2}", "\"\\u00e4\"", "minLength"},
        {"{\"maxLength\":1}", "\"\\ud83d\\ude00\"", NULL},
        {"{\"pattern\":\"^a+$\"}", "\"aa\"", NULL},
        {"{\"pattern\":\"^a+$\"}", "\"aa\\n\"", "pattern"},
        {"{\"pattern\":\"^[$]$\"}", "\"\\u0024\"", NULL},
        {"{\"pattern\":\"^..$\"}", "\"\xC3\xA4\\u00f6\"", NULL},
        {"{\"items\":{\"type\":\"string\"}}", "[\"a\",1]", "type"},
        {"{\"minItems\":1,\"maxItems\":2}", "[]", "minItems"},
        {"{\"minItems\":1,\"maxItems\":2}", "[1,2,3]", "maxItems"},
        {"{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "required"},
        {"{\"required\":[\"a\",\"b\"]}", "{\"b\":1,\"\\u0061\":1}", NULL},
        {"{\"properties\":{\"a\":{\"type\":\"null\"}},\"additionalProperties\":false}",
         "{\"a\":null}", NULL},
        {"{\"properties\":{\"a\":{\"type\":\"null\"}},\"additionalProperties\":false}",
         "{\"a\":null,\"b\":1}", "additionalProperties"},
        {"{\"properties\":{\"a\":{\"type\":\"null\"}}}", "{\"a\":null,\"a\":1}", "type"},
        {"{\"additionalProperties\":{\"minimum\":3}}", "{\"x\":2}", "minimum"},
        {"{\"minProperties\":1}", "{}", "minProperties"},
        {"{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", "maxProperties"},
        {"{\"$schema\":\"https:\\/\\/json-schema.org/draft/2020-12/schema\",\"minimum\":3}", "2",
         "minimum"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "1", NULL},
        {"{\"title\":\"t\",\"$comment\":\"c\",\"format\":\"email\"}", "1", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char error[SCHEMA_ERROR_MAX] = "";
        struct json_schema *schema = json_schema_new(bytes_text(cases[i].schema), error);
        if (schema == NULL) {
            fail_msg("%s: %s", cases[i].schema, error);
        }
        struct regex_scratch *scratch = json_schema_scratch(schema, NULL);
        uint8_t to[100];
        const char *wrong = json_schema_check(schema, bytes_text(cases[i].text), scratch, to);
        if ((wrong == NULL) != (cases[i].wrong == NULL) ||
            (wrong != NULL && strcmp(wrong, cases[i].wrong) != 0)) {
            fail_msg("%s of %s: %s", cases[i].schema, cases[i].text, wrong != NULL ? wrong : "-");
        }
        regex_scratch_free(scratch);
        json_schema_free(schema);
    }
}

/*
 * Goal:    what cannot be checked is refused when it is compiled, with a sentence.
 * Method:  a list.
 */
static void test_no_schemas(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "{",
        "1",
        "[]",
        "{\"type\":\"text\"}",
        "{\"type\":[]}",
        "{\"enum\":1}",
        "{\"minimum\":\"1\"}",
        "{\"minLength\":-1}",
        "{\"minLength\":1.5}",
        "{\"required\":\"a\"}",
        "{\"required\":[1]}",
        "{\"properties\":[]}",
        "{\"properties\":{\"a\":1}}",
        "{\"items\":[{}]}",
        "{\"pattern\":\"(\"}",
        "{\"pattern\":\"(?=a)\"}",
        "{\"$ref\":\"#\"}",
        "{\"$schema\":1}",
        "{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}",
        "{\"$schema\":\"https://example.com/of-our-own\"}",
        "{\"oneOf\":[]}",
        "{\"patternProperties\":{}}",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char error[SCHEMA_ERROR_MAX] = "";
        if (json_schema_new(bytes_text(wrong[i]), error) != NULL) {
            fail_msg("%s was taken", wrong[i]);
        }
        assert_true(strlen(error) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_no_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
