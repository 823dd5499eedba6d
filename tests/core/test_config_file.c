/* test_config_file.c - configuration files in, settings or one sentence with its place out. */
#include "core/config.h"

#include "tests/support/conf_text.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)

/* The conf is needed for its warnings; NULL: refused. */
static struct conf *read_over(struct config *config, const char *text, struct conf_error *error)
{
    struct conf *conf = conf_text_parse(text, error);
    if (conf == NULL) {
        return NULL;
    }
    bool done = config_read(config, conf, error);
    config_free(config);
    if (!done) {
        conf_free(conf);
        return NULL;
    }
    return conf;
}

static struct conf *read_text(struct config *config, const char *text, struct conf_error *error)
{
    config_defaults(config);
    return read_over(config, text, error);
}

static void expect_silence(struct config *config, const char *text)
{
    struct conf_error error;
    struct conf *conf = read_text(config, text, &error);
    if (conf == NULL) {
        print_message("%s: %s\n", text, error.text);
    }
    assert_non_null(conf);
    assert_null(conf_warning(conf, 0));
    conf_free(conf);
}

/*
 * Goal:    every key reaches its field.
 * Method:  texts with several keys, then the fields.
 */
static void test_keys_reach_their_fields(void **state)
{
    (void)state;
    static struct config c;
    expect_silence(&c, "listen: 0.0.0.0:5000, server_name: s, client_advertise: 'h:1', workers: 3");
    assert_string_equal(c.host, "0.0.0.0");
    assert_int_equal(c.port, 5000);
    assert_string_equal(c.server_name, "s");
    assert_string_equal(c.client_advertise, "h:1");
    assert_int_equal(c.workers, 3);
    expect_silence(&c, "pin: yes, io: EPOLL, descriptors: direct, max_conn: 7, MAX_SUBS: 8");
    assert_true(c.pin && c.io == CONFIG_IO_EPOLL && c.descriptors == CONFIG_DESCRIPTORS_DIRECT);
    assert_int_equal(c.max_connections, 7);
    assert_true(c.max_connections_asked);
    assert_int_equal(c.max_subscriptions, 8);
    expect_silence(&c, "max_control_line: 8kb, max_payload: 2MB, max_pending: 1GB, max_memory: 2g");
    assert_int_equal(c.max_control_line, 8192);
    assert_int_equal(c.max_payload, 2 << 20);
    assert_int_equal(c.max_pending, 1 << 30);
    assert_int_equal(c.max_memory, 2000000000);
    expect_silence(&c, "max_payload: -1, max_sub_tokens: 9, ping_interval: '30s', ping_max: 5");
    assert_int_equal(c.max_payload, -1);
    assert_int_equal(c.max_sub_tokens, 9);
    assert_int_equal(c.ping_interval_ns, 30 * SECOND_NS);
    assert_int_equal(c.ping_max, 5);
    expect_silence(&c,
                   "write_deadline: 2s, lame_duck_duration: '1m'\nlame_duck_grace_period: '0s'");
    assert_int_equal(c.write_deadline_ns, 2 * SECOND_NS);
    assert_int_equal(c.lame_duck_duration_ns, 60 * SECOND_NS);
    assert_int_equal(c.lame_duck_grace_period_ns, 0);
    expect_silence(&c, "debug: on, trace: on, logtime: off, logtime_utc: on, log_file: l");
    assert_true(c.debug && c.trace && !c.logtime && c.logtime_utc);
    assert_string_equal(c.log_file, "l");
    expect_silence(&c, "pid_file: p, ports_file_dir: d, net: '[::1]', port: -1");
    assert_string_equal(c.pid_file, "p");
    assert_string_equal(c.ports_file_dir, "d");
    assert_string_equal(c.host, "::1");
    assert_int_equal(c.port, CONFIG_PORT_RANDOM);
}

/*
 * Goal:    listen takes what nats-server takes, and the default host stays where none is given.
 * Method:  a table of values, hosts and ports.
 */
static void test_listen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        int port;
    } rows[] = {
        {"listen: 5000", "127.0.0.1", 5000}, {"listen: ':5000'", "127.0.0.1", 5000},
        {"listen: h:5000", "h", 5000},       {"listen: '[::]:5000'", "::", 5000},
        {"listen: h:-1", "h", -1},           {"listen: -1", "127.0.0.1", -1},
        {"listen: 0", "127.0.0.1", 4222},    {"host: '::'", "::", 4222},
        {"host: a, listen: 1", "a", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct config c;
        expect_silence(&c, rows[i].text);
        assert_string_equal(c.host, rows[i].host);
        assert_int_equal(c.port, rows[i].port);
    }
}

/*
 * Goal:    a value that cannot be is refused by its place, its key and the mend.
 * Method:  a table of texts and sentences.
 */
static void test_refusals(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"port: \"4222\"",
         "hub.conf:1:7: port: a whole number is wanted and not \"4222\"; write it "
         "without quotes"},
        {"port: 70000",
         "hub.conf:1:7: port: 70000 is not a port; use 1 to 65535, or -1 for a random "
         "one"},
        {"listen: h", "hub.conf:1:9: listen: \"h\" is not host:port (an IPv6 address goes into "
                      "brackets)"},
        {"listen: ::1:4222", "hub.conf:1:9: listen: \"::1:4222\" is not host:port (an IPv6 address "
                             "goes into brackets)"},
        {"listen: h:70000",
         "hub.conf:1:9: listen: \"h:70000\" is not host:port (an IPv6 address goes "
         "into brackets)"},
        {"host: h:1",
         "hub.conf:1:7: host: \"h:1\" is not a host; give the port with port or listen"},
        {"host: ''", "hub.conf:1:7: host: \"\" is not a host; use a name or an address"},
        {"debug: \"true\"",
         "hub.conf:1:8: debug: true or false is wanted and not \"true\"; write it "
         "without quotes"},
        {"max_payload: \"1MB\"", "hub.conf:1:14: max_payload: a size, e.g. 65536, 64kb or 1MB, is "
                                 "wanted and not \"1MB\"; write it without quotes"},
        {"max_payload: 1.5MB", "hub.conf:1:14: max_payload: a size, e.g. 65536, 64kb or 1MB, is "
                               "wanted and not \"1.5MB\"; write a whole number of a smaller unit"},
        {"max_pending: \"1.5GB\"",
         "hub.conf:1:14: max_pending: a size, e.g. 65536, 64kb or 1MB, is wanted and not "
         "\"1.5GB\"; write a whole number of a smaller unit"},
        {"max_connections: 10.5",
         "hub.conf:1:18: max_connections: a whole number is wanted and not a fraction"},
        {"max_connections: many", "hub.conf:1:18: max_connections: a whole number is wanted and "
                                  "not \"many\""},
        {"max_connections: 0", "hub.conf:1:18: max_connections: 0 is out of range; use 1 to "
                               "16777216"},
        {"ping_interval: soon",
         "hub.conf:1:16: ping_interval: a duration, e.g. \"500ms\", \"10s\" or "
         "\"2m\", is wanted and not \"soon\""},
        {"io: fast", "hub.conf:1:5: io: \"fast\" is not known; use auto, uring or epoll"},
        {"write_timeout: retry",
         "hub.conf:1:16: write_timeout: a client whose write deadline passed "
         "is closed; use close"},
        {"\n max_paylod: 1", "hub.conf:2:2: unknown key \"max_paylod\"; did you mean max_payload?"},
        {"banana: 1",
         "hub.conf:1:1: unknown key \"banana\"; docs/configuration.md lists those that "
         "are known"},
        {"jetstream { store_dir: x }",
         "hub.conf:1:1: jetstream: JetStream is not supported: messages "
         "are not stored; take the block out"},
        {"jetstream: enabled", "hub.conf:1:1: jetstream: JetStream is not supported: messages are "
                               "not stored; take the block out"},
        {"cluster { name: c }", "hub.conf:1:1: cluster: clustering is not supported; run one hub, "
                                "which uses every CPU of its machine"},
        {"accounts { A: {} }",
         "hub.conf:1:1: accounts: accounts are not supported: all clients share "
         "one; use authorization { users }"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct config c;
        struct conf_error error;
        assert_null(read_text(&c, rows[i][0], &error));
        assert_string_equal(error.text, rows[i][1]);
    }
}

/*
 * Goal:    a key that is only a variable, and what is switched off, is no mistake.
 * Method:  texts that say nothing.
 */
static void test_allowed(void **state)
{
    (void)state;
    static struct config c;
    expect_silence(&c, "mine: 5000\nport: $mine");
    assert_int_equal(c.port, 5000);
    expect_silence(&c, "jetstream: disabled, syslog: '', prof_port: 0");
    expect_silence(&c, "jetstream { enabled: no }");
}

/* ---- docs/configuration.md ------------------------------------------------------------------- */

enum { LINE_MAX_BYTES = 512, CELLS = 5 };

struct doc_row {
    char line[LINE_MAX_BYTES];
    char *cells[CELLS]; /* into line, blanks trimmed */
};

static char *trim(char *text)
{
    while (*text == ' ') {
        text++;
    }
    char *end = text + strlen(text);
    while (end > text && end[-1] == ' ') {
        *--end = '\0';
    }
    return text;
}

/* The next row of the table of keys. */
static bool next_row(FILE *doc, bool *inside, struct doc_row *row)
{
    while (fgets(row->line, sizeof(row->line), doc) != NULL) {
        row->line[strcspn(row->line, "\n")] = '\0';
        if (strcmp(row->line, "<!-- keys -->") == 0) {
            *inside = true;
        } else if (strcmp(row->line, "<!-- /keys -->") == 0) {
            *inside = false;
        } else if (*inside && strncmp(row->line, "| `", 3) == 0) {
            char *at = row->line + 1;
            for (size_t i = 0; i < CELLS; i++) {
                char *bar = strchr(at, '|');
                assert_non_null(bar);
                *bar = '\0';
                row->cells[i] = trim(at);
                at = bar + 1;
            }
            return true;
        }
    }
    return false;
}

/* Between the next two backquotes; NULL: none left. */
static char *next_quoted(char **text)
{
    char *start = strchr(*text, '`');
    if (start == NULL) {
        return NULL;
    }
    char *end = strchr(start + 1, '`');
    assert_non_null(end);
    *end = '\0';
    *text = end + 1;
    return start + 1;
}

static bool is_refused(const char *name, const char *value)
{
    static struct config config;
    struct conf_error error;
    char text[LINE_MAX_BYTES];
    snprintf(text, sizeof(text), "%s: %s\n", name, value);
    struct conf *conf = read_text(&config, text, &error);
    conf_free(conf);
    bool names_key = strstr(error.text, ": ") != NULL && strstr(error.text, name) != NULL;
    return conf == NULL && strncmp(error.text, "hub.conf:1:", 11) == 0 && names_key;
}

static void expect_no_effect(const char *name, const char *value)
{
    static struct config config;
    struct conf_error error;
    char text[LINE_MAX_BYTES];
    snprintf(text, sizeof(text), "%s: %s\n", name, value);
    struct conf *conf = read_text(&config, text, &error);
    assert_non_null(conf);
    assert_non_null(conf_warning(conf, 0));
    snprintf(text, sizeof(text), "hub.conf:1:1: %s has no effect: ", name);
    assert_memory_equal(conf_warning(conf, 0), text, strlen(text));
    conf_free(conf);
}

/* What the documentation says of the restart is what a reload would say. */
static void expect_restart(const char *name, const char *value, const char *restart)
{
    static struct config old;
    static struct config now;
    static struct config_change change;
    struct conf_error error;
    char text[LINE_MAX_BYTES];
    size_t index = 0;
    size_t changes = 0;
    snprintf(text, sizeof(text), "%s: %s\n", name, value);
    memset(&old, 0, sizeof(old));
    memset(&now, 0, sizeof(now));
    struct conf *conf = read_over(&now, text, &error);
    assert_non_null(conf);
    while (config_change(&old, &now, &index, &change)) {
        assert_int_equal(change.needs_restart, strcmp(restart, "yes") == 0);
        changes++;
    }
    assert_int_equal(changes > 0, restart[0] != '\0');
    conf_free(conf);
}

static void expect_row(const char *name, const struct doc_row *row, const char *example)
{
    static struct config config;
    char text[LINE_MAX_BYTES];
    snprintf(text, sizeof(text), "%s: %s\n", name, example);
    if (strcmp(row->cells[1], "refused") == 0) {
        assert_true(is_refused(name, example));
    } else if (strcmp(row->cells[1], "no effect") == 0) {
        expect_no_effect(name, example);
    } else if (strcmp(row->cells[1], "when off") == 0) {
        expect_silence(&config, text);
        assert_true(is_refused(name, "true"));
    } else {
        assert_string_equal(row->cells[1], "honoured");
        expect_silence(&config, text);
        expect_restart(name, example, row->cells[2]);
    }
}

static bool is_known(const char *name)
{
    const char *names;
    for (size_t i = 0; (names = config_key(i)) != NULL; i++) {
        size_t size = strlen(name);
        for (const char *at = names; (at = strstr(at, name)) != NULL; at++) {
            if ((at == names || at[-1] == '|') && (at[size] == '|' || at[size] == '\0')) {
                return true;
            }
        }
    }
    return false;
}

static size_t known_names(void)
{
    size_t count = 0;
    const char *names;
    for (size_t i = 0; (names = config_key(i)) != NULL; i++) {
        count++;
        for (; (names = strchr(names, '|')) != NULL; names++) {
            count++;
        }
    }
    return count;
}

/*
 * Goal:    the documentation and the program know the same keys, and each is treated as is said.
 * Method:  each key of the table is fed with its example; names are compared both ways.
 */
static void test_documentation(void **state)
{
    (void)state;
    FILE *doc = fopen("docs/configuration.md", "r");
    assert_non_null(doc);
    struct doc_row row;
    bool inside = false;
    size_t names_count = 0;
    while (next_row(doc, &inside, &row)) {
        char *names = row.cells[0];
        char *examples = row.cells[3];
        char *example = next_quoted(&examples);
        assert_non_null(example);
        char *name;
        while ((name = next_quoted(&names)) != NULL) {
            print_message("%s: %s\n", name, example);
            assert_true(is_known(name));
            expect_row(name, &row, example);
            names_count++;
        }
    }
    fclose(doc);
    assert_int_equal(names_count, known_names());
}

/* ---- changes --------------------------------------------------------------------------------- */

/*
 * Goal:    a change is told with its key and both values, and what needs a restart can be kept.
 * Method:  two texts that differ in one key of each kind.
 */
static void test_changes(void **state)
{
    (void)state;
    static struct config old;
    static struct config now;
    static struct config_change change;
    static const struct {
        const char *key;
        const char *was;
        const char *is;
        bool needs_restart;
    } expected[] = {
        {"host", "\"127.0.0.1\"", "\"::\"", true},
        {"port", "4222", "1", true},
        {"io", "auto", "uring", true},
        {"descriptors", "auto", "plain", true},
        {"max_connections", "65536", "9", false},
        {"max_control_line", "4 KiB", "64 B", false},
        {"max_payload", "1 MiB", "-1", false},
        {"max_pending", "64 MiB", "3 MiB", false},
        {"ping_interval", "2m", "1m30s", false},
        {"debug", "false", "true", false},
        {"log_file", "\"\"", "\"l\"", false},
    };
    expect_silence(&old, "");
    expect_silence(&now, "host '::', port 1, io uring, descriptors plain, max_connections 9\n"
                         "max_control_line 64, max_payload -1, max_pending 3MB, log_file l\n"
                         "ping_interval '90s', debug on");
    size_t index = 0;
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_true(config_change(&old, &now, &index, &change));
        assert_string_equal(change.key, expected[i].key);
        assert_string_equal(change.was, expected[i].was);
        assert_string_equal(change.is, expected[i].is);
        assert_int_equal(change.needs_restart, expected[i].needs_restart);
    }
    assert_false(config_change(&old, &now, &index, &change));
    config_keep(&old, &now);
    assert_string_equal(now.host, "127.0.0.1");
    assert_int_equal(now.port, 4222);
    assert_int_equal(now.io, CONFIG_IO_AUTO);
    assert_int_equal(now.max_pending, 3 << 20);
    index = 0;
    while (config_change(&old, &now, &index, &change)) {
        assert_false(change.needs_restart);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_reach_their_fields),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_documentation),
        cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
