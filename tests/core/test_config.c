/* test_config.c - command lines in, settings or one sentence out. */
#include "core/config.h"

#include "core/limits.h"
#include "core/units.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 16 };

struct parsed {
    struct config config;
    struct conf_error error;
    enum config_command command;
};

/* Splits at blanks; argv[0] is put in front. */
static void parse(struct parsed *parsed, const char *line)
{
    char copy[2048];
    char program[] = "ringhub";
    char *argv[WORDS_MAX] = {program};
    int argc = 1;
    char *rest = NULL;
    assert_true(strlen(line) < sizeof(copy));
    strcpy(copy, line);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
    }
    config_defaults(&parsed->config);
    parsed->command = config_parse_arguments(&parsed->config, argc, argv, &parsed->error);
}

/*
 * Goal:    without options the settings are the documented defaults.
 * Method:  an empty command line.
 */
static void test_defaults(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_string_equal(p.config.host, "127.0.0.1");
    assert_int_equal(p.config.port, 4222);
    assert_int_equal(p.config.max_payload, 1 << 20);
    assert_int_equal(p.config.max_pending, 64 << 20);
    assert_int_equal(p.config.max_control_line, 4096);
    assert_int_equal(p.config.max_connections, 65536);
    assert_false(p.config.max_connections_asked);
    assert_int_equal(p.config.ping_interval_ns, 120 * UINT64_C(1000000000));
    assert_true(p.config.logtime);
    assert_true(config_validate(&p.config, &p.error));
}

/*
 * Goal:    one dash or two, value after a blank or after =, all spellings of nats-server.
 * Method:  a table of command lines that all ask for port 5000.
 */
static void test_spellings(void **state)
{
    (void)state;
    static const char *const lines[] = {"-p 5000",    "--p 5000",    "-port 5000", "--port 5000",
                                        "-port=5000", "--port=5000", "-p=5000",    "-p -1 -p 5000"};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct parsed p;
        parse(&p, lines[i]);
        assert_int_equal(p.command, CONFIG_RUN);
        assert_int_equal(p.config.port, 5000);
    }
}

/*
 * Goal:    every setting reaches its field and no other.
 * Method:  one long command line, then each field.
 */
static void test_settings_reach_their_fields(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "--max_payload 2MB --max_pending=128MB --max_connections 7 --max_subscriptions 8");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_int_equal(p.config.max_payload, 2 << 20);
    assert_int_equal(p.config.max_pending, 128 << 20);
    assert_int_equal(p.config.max_connections, 7);
    assert_true(p.config.max_connections_asked);
    assert_int_equal(p.config.max_subscriptions, 8);
    parse(&p, "--max_control_line 8k --max_sub_tokens 9 --max_memory 3GB --ping_max 4");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_int_equal(p.config.max_control_line, 8000);
    assert_int_equal(p.config.max_sub_tokens, 9);
    assert_int_equal(p.config.max_memory, UINT64_C(3) << 30);
    assert_int_equal(p.config.ping_max, 4);
    parse(&p, "--ping_interval 500ms --write_deadline 1.5s --lame_duck_duration 1m "
              "--lame_duck_grace_period 0");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_int_equal(p.config.ping_interval_ns, 500 * 1000000);
    assert_int_equal(p.config.write_deadline_ns, 1500 * 1000000);
    assert_int_equal(p.config.lame_duck_duration_ns, UINT64_C(60) * 1000000000);
    assert_int_equal(p.config.lame_duck_grace_period_ns, 0);
    parse(&p, "--workers 3 --pin --io epoll --sq_entries 4 --cq_entries 8 --read_buffers 2");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_int_equal(p.config.workers, 3);
    assert_true(p.config.pin);
    assert_int_equal(p.config.io, CONFIG_IO_EPOLL);
    assert_int_equal(p.config.descriptors, CONFIG_DESCRIPTORS_AUTO);
    parse(&p, "--workers 3 --sq_entries 4 --cq_entries 8 --read_buffers 2 --descriptors direct");
    assert_int_equal(p.config.descriptors, CONFIG_DESCRIPTORS_DIRECT);
    assert_int_equal(p.config.sq_entries, 4);
    assert_int_equal(p.config.cq_entries, 8);
    assert_int_equal(p.config.read_buffers, 2);
    parse(&p, "-a ::1 -n hub -l a.log -P a.pid --ports_file_dir d --client_advertise x:1 -DV");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_string_equal(p.config.host, "::1");
    assert_string_equal(p.config.server_name, "hub");
    assert_string_equal(p.config.log_file, "a.log");
    assert_string_equal(p.config.pid_file, "a.pid");
    assert_string_equal(p.config.ports_file_dir, "d");
    assert_string_equal(p.config.client_advertise, "x:1");
    assert_true(p.config.debug);
    assert_true(p.config.trace);
}

/*
 * Goal:    switches take a value after = only, as in Go.
 * Method:  a switch alone, with =false, and with a word behind it that then is no value.
 */
static void test_switches(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "--logtime=false -D");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_false(p.config.logtime);
    assert_true(p.config.debug);
    parse(&p, "-D=F");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_false(p.config.debug);
    parse(&p, "-D false");
    assert_int_equal(p.command, CONFIG_INVALID);
    assert_non_null(strstr(p.error.text, "\"false\""));
}

/*
 * Goal:    hosts lose IPv6 brackets, and a port glued to a host is refused with the mend.
 * Method:  the spellings people use.
 */
static void test_hosts(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "-a [::1]");
    assert_int_equal(p.command, CONFIG_RUN);
    assert_string_equal(p.config.host, "::1");
    parse(&p, "--net localhost");
    assert_string_equal(p.config.host, "localhost");
    static const char *const wrong[] = {"-a 127.0.0.1:4222", "-a [::1]:4222", "-a [::1"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        parse(&p, wrong[i]);
        assert_int_equal(p.command, CONFIG_INVALID);
        assert_non_null(strstr(p.error.text, "-p"));
    }
}

/*
 * Goal:    ports are -1, 0 (the default) or 1 to 65535, and nothing else.
 * Method:  the edges and the steps beyond them.
 */
static void test_ports(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int32_t port; /* 0: refused */
    } cases[] = {
        {"-p -1", -1},   {"-p 0", 4222}, {"-p 1", 1},   {"-p 65535", 65535},
        {"-p 65536", 0}, {"-p -2", 0},   {"-p 12a", 0}, {"-p 99999999999999999999", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parsed p;
        parse(&p, cases[i].line);
        assert_int_equal(p.command, cases[i].port == 0 ? CONFIG_INVALID : CONFIG_RUN);
        if (cases[i].port != 0) {
            assert_int_equal(p.config.port, cases[i].port);
        }
    }
}

/*
 * Goal:    a command line that cannot be followed is answered by a sentence naming the option.
 * Method:  a table of wrong lines and words their sentence must hold.
 */
static void test_refusals_name_the_option(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *named;
    } cases[] = {
        {"--frobnicate", "--frobnicate"},
        {"--max_payloda 1", "--max_payload?"},
        {"-p", "-p: a value is missing"},
        {"-c", "-c: a value is missing"},
        {"-ms 8222", "-ms: monitoring speaks plain HTTP"},
        {"--tls", "--tls: TLS is not supported"},
        {"--tlscert=x", "--tlscert: TLS"},
        {"--routes nats://x", "--routes: clustering"},
        {"--workers 65", "--workers: \"65\" is out of range"},
        {"--workers x", "--workers: \"x\" is not a number"},
        {"--max_connections 0", "--max_connections: \"0\" is out of range"},
        {"--max_pending 1q", "--max_pending: \"1q\" is not a size"},
        {"--ping_interval 10", "--ping_interval: \"10\" is not a duration"},
        {"--io carrier", "--io: \"carrier\""},
        {"--descriptors many", "--descriptors: \"many\" is not known; use auto, plain or direct"},
        {"--signal hop", "--signal: \"hop\""},
        {"start", "\"start\""},
        {"-- -p", "\"-p\""},
        {"-", "\"-\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parsed p;
        parse(&p, cases[i].line);
        assert_int_equal(p.command, CONFIG_INVALID);
        if (strstr(p.error.text, cases[i].named) == NULL) {
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].line, p.error.text, cases[i].named);
        }
        assert_null(strchr(p.error.text, '\n'));
    }
}

/*
 * Goal:    a text too long for its field is refused, not cut; the longest that fits is taken whole.
 * Method:  names of CONFIG_TEXT_MAX - 1 and CONFIG_TEXT_MAX bytes, and an absurd option name.
 */
static void test_long_texts(void **state)
{
    (void)state;
    char line[CONFIG_TEXT_MAX + 16] = "-n ";
    struct parsed p;
    memset(line + 3, 'x', CONFIG_TEXT_MAX - 1);
    parse(&p, line);
    assert_int_equal(p.command, CONFIG_RUN);
    assert_int_equal(strlen(p.config.server_name), CONFIG_TEXT_MAX - 1);
    line[3 + CONFIG_TEXT_MAX - 1] = 'x';
    parse(&p, line);
    assert_int_equal(p.command, CONFIG_INVALID);

    char absurd[1500];
    memset(absurd, 'y', sizeof(absurd));
    absurd[0] = '-';
    absurd[sizeof(absurd) - 1] = '\0';
    parse(&p, absurd);
    assert_int_equal(p.command, CONFIG_INVALID);
}

/*
 * Goal:    help wins over version, version over signal, signal over check, check over run.
 * Method:  each pair.
 */
static void test_commands(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum config_command command;
    } cases[] = {
        {"-h", CONFIG_HELP},        {"--help -v", CONFIG_HELP},
        {"-v", CONFIG_VERSION},     {"--version --signal stop=1", CONFIG_VERSION},
        {"-t", CONFIG_CHECK},       {"-t -sl quit=1", CONFIG_SIGNAL},
        {"help", CONFIG_HELP},      {"version", CONFIG_VERSION},
        {"-js -sd /x", CONFIG_RUN}, {"-t=false", CONFIG_RUN},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parsed p;
        parse(&p, cases[i].line);
        assert_int_equal(p.command, cases[i].command);
    }
}

/*
 * Goal:    a hub that others reach asks who they are, or was told not to.
 * Method:  hosts with and without authorization and --open.
 */
static void test_open(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool has_authorization;
        bool valid;
    } cases[] = {
        {"-p 1", false, true},
        {"-a 127.8.0.1", false, true},
        {"-a ::1", false, true},
        {"-a localhost", false, true},
        {"-a 0.0.0.0", false, false},
        {"-a ::", false, false},
        {"-a 127.example.org", false, false},
        {"-a 0.0.0.0", true, true},
        {"-a 0.0.0.0 --open", false, true},
        {"-a 0.0.0.0 --open=false", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parsed p;
        parse(&p, cases[i].line);
        assert_int_equal(p.command, CONFIG_RUN);
        assert_int_equal(config_validate_open(&p.config, cases[i].has_authorization, &p.error),
                         cases[i].valid);
        assert_true(cases[i].valid || strstr(p.error.text, "--open") != NULL);
    }
}

/*
 * Goal:    --signal knows nats-server's names and takes a pid, a path or neither.
 * Method:  each form.
 */
static void test_signals(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, "--signal ldm=123");
    assert_int_equal(p.command, CONFIG_SIGNAL);
    assert_int_equal(p.config.signal, CONFIG_SIGNAL_LDM);
    assert_int_equal(p.config.signal_pid, 123);
    parse(&p, "--signal=reopen=/run/hub.pid");
    assert_int_equal(p.command, CONFIG_SIGNAL);
    assert_int_equal(p.config.signal, CONFIG_SIGNAL_REOPEN);
    assert_int_equal(p.config.signal_pid, 0);
    assert_string_equal(p.config.pid_file, "/run/hub.pid");
    parse(&p, "--signal term --pid x.pid");
    assert_int_equal(p.config.signal, CONFIG_SIGNAL_TERM);
    assert_string_equal(p.config.pid_file, "x.pid");
    parse(&p, "--signal quit=0");
    assert_int_equal(p.command, CONFIG_INVALID);
    parse(&p, "--signal quit=4294967297");
    assert_int_equal(p.command, CONFIG_INVALID);
}

/*
 * Goal:    settings that contradict each other are refused, their neighbours are not.
 * Method:  pairs of a valid line and the step beyond it.
 */
static void test_validate(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool valid;
    } cases[] = {
        {"--user a --pass b", true},
        {"--user a", false},
        {"--pass b", false},
        {"--auth t", true},
        {"--auth t --user a --pass b", false},
        {"--max_payload 1MB --max_pending 1MB", true},
        {"--max_payload 1MB --max_pending 1048575", false},
        {"--max_payload -1 --max_pending 10", true},
        {"--lame_duck_duration 2s --lame_duck_grace_period 1999ms", true},
        {"--lame_duck_duration 2s --lame_duck_grace_period 2s", false},
        {"--sq_entries 8 --cq_entries 8", true},
        {"--sq_entries 8 --cq_entries 7", false},
        {"-n a\"b", false},
        {"-n a\\b", false},
        {"-a ho]st", false},
        {"--client_advertise host", true},
        {"--client_advertise host:4222", true},
        {"--client_advertise [::1]:4222", true},
        {"--client_advertise host:0", false},
        {"--client_advertise host:65536", false},
        {"--client_advertise :4222", false},
        {"--client_advertise [::1", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parsed p;
        parse(&p, cases[i].line);
        assert_int_equal(p.command, CONFIG_RUN);
        if (config_validate(&p.config, &p.error) != cases[i].valid) {
            fail_msg("%s: expected %s", cases[i].line, cases[i].valid ? "valid" : "invalid");
        }
    }
}

/*
 * Goal:    what is tolerated is warned about, each thing once.
 * Method:  no reason, one, and two.
 */
static void test_warnings(void **state)
{
    (void)state;
    struct parsed p;
    struct conf_error warning;
    parse(&p, "");
    assert_false(config_warning(&p.config, 0, &warning));
    parse(&p, "-js");
    assert_true(config_warning(&p.config, 0, &warning));
    assert_non_null(strstr(warning.text, "JetStream"));
    assert_false(config_warning(&p.config, 1, &warning));
    parse(&p, "-sd /x --max_payload 9MB");
    assert_true(config_warning(&p.config, 0, &warning));
    assert_true(config_warning(&p.config, 1, &warning));
    assert_non_null(strstr(warning.text, "max_payload"));
    assert_false(config_warning(&p.config, 2, &warning));
}

/*
 * Goal:    sizes read as in a nats-server configuration.
 * Method:  a table with both kinds of suffix, and what is none.
 */
static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes; /* UINT64_MAX: refused */
    } cases[] = {
        {"0", 0},
        {"17", 17},
        {"1k", 1000},
        {"1K", 1000},
        {"1kb", 1024},
        {"1Ki", 1024},
        {"1KiB", 1024},
        {"1m", 1000000},
        {"1MB", 1 << 20},
        {"2gib", 2ull << 30},
        {"1t", 1000000000000},
        {"1pb", 1ull << 50},
        {"1e", 1000000000000000000},
        {"", UINT64_MAX},
        {"k", UINT64_MAX},
        {"1x", UINT64_MAX},
        {"1b", UINT64_MAX},
        {"1kk", UINT64_MAX},
        {"1kibb", UINT64_MAX},
        {"-1", UINT64_MAX},
        {"1 k", UINT64_MAX},
        {"1.5k", UINT64_MAX},
        {"99999999999999999999", UINT64_MAX},
        {"99e", UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t bytes = 0;
        bool understood = units_parse_size(bytes_text(cases[i].text), &bytes);
        assert_int_equal(understood, cases[i].bytes != UINT64_MAX);
        if (understood) {
            assert_int_equal(bytes, cases[i].bytes);
        }
    }
}

/*
 * Goal:    durations read as Go reads them; a bare number is refused.
 * Method:  a table, overflow included.
 */
static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns; /* UINT64_MAX: refused */
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"10s", UINT64_C(10000000000)},
        {"2m", UINT64_C(120000000000)},
        {"1h2m3.5s", UINT64_C(3723500000000)},
        {"500ms", 500000000},
        {"1.5us", 1500},
        {"1.5\xc2\xb5s", 1500},
        {"7ns", 7},
        {"0.000000001s", 1},
        {"1.25h", UINT64_C(4500000000000)},
        {"2562047h", UINT64_C(9223369200000000000)},
        {"2562048h", UINT64_MAX},
        {"9223372036854775807ns", INT64_MAX},
        {"9223372036854775808ns", UINT64_MAX},
        {"99999999999999999999s", UINT64_MAX},
        {"", UINT64_MAX},
        {"10", UINT64_MAX},
        {"s", UINT64_MAX},
        {".s", UINT64_MAX},
        {"1.s", UINT64_MAX},
        {"-1s", UINT64_MAX},
        {"1s ", UINT64_MAX},
        {"1d", UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t ns = 0;
        bool understood = units_parse_duration(bytes_text(cases[i].text), &ns);
        if (understood != (cases[i].ns != UINT64_MAX)) {
            fail_msg("%s", cases[i].text);
        }
        if (understood) {
            assert_int_equal(ns, cases[i].ns);
        }
    }
}

/*
 * Goal:    sizes are printed with one digit and the right unit, also just below the next one.
 * Method:  a table around the edges.
 */
static void test_size_text(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},        {1023, "1023 B"},           {1024, "1.0 KiB"},
        {1536, "1.5 KiB"}, {(1 << 20) - 1, "1.0 MiB"}, {UINT64_MAX, "16.0 EiB"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[32];
        assert_string_equal(units_size_text(cases[i].bytes, text, sizeof(text)), cases[i].text);
    }
}

/*
 * Goal:    the memory bound is the sum of its rows, each row says its product, terms of zero are
 *          left out, and what sockets hold is never more than the kernel allows in all.
 * Method:  sizes that are easy to add, then a sum that would overflow.
 */
static void test_memory_bound(void **state)
{
    (void)state;
    struct parsed p;
    struct memory_bound bound;
    parse(&p, "--max_connections 100 --max_memory 1MB --read_buffers 5");
    struct config_machine machine = {.cpus = 2, .memory_bytes = 1 << 30, .descriptors = 1000};
    struct config_sizes sizes = {
        .session_bytes = 10, .worker_bytes = 1000, .spare_bytes = 300, .read_buffer_bytes = 7};
    config_memory_bound(&p.config, &machine, &sizes, &bound);
    assert_int_equal(bound.rows_count, 5);
    assert_int_equal(bound.total_bytes, (1 << 20) + 100 * 10 + 2 * 1000 + 2 * 300 + 2 * 5 * 7);
    char text[128];
    assert_string_equal(memory_row_text(&bound.rows[1], text, sizeof(text)),
                        "connections (max_connections): 100 x 10 B = 1000 B");

    sizes.socket_buffer_bytes = 1000;
    machine.tcp_bytes = 100 * 1000;
    config_memory_bound(&p.config, &machine, &sizes, &bound);
    assert_string_equal(memory_row_text(&bound.rows[2], text, sizeof(text)),
                        "unsent in the kernel: 100 x 1000 B = 97.7 KiB");
    machine.tcp_bytes--;
    config_memory_bound(&p.config, &machine, &sizes, &bound);
    assert_string_equal(memory_row_text(&bound.rows[2], text, sizeof(text)),
                        "unsent in the kernel (net.ipv4.tcp_mem): 97.7 KiB");

    memory_bound_add(&bound, "too much", UINT64_MAX, 2);
    assert_int_equal(bound.total_bytes, UINT64_MAX);
}

/*
 * Goal:    the number of workers follows the option, else the CPUs, within 1 to WORKERS_MAX.
 * Method:  both sources and the edges.
 */
static void test_workers(void **state)
{
    (void)state;
    struct config config;
    config_defaults(&config);
    struct config_machine machine = {.cpus = 6};
    assert_int_equal(config_workers(&config, &machine), 6);
    machine.cpus = 1000;
    assert_int_equal(config_workers(&config, &machine), WORKERS_MAX);
    machine.cpus = 0;
    assert_int_equal(config_workers(&config, &machine), 1);
    config.workers = 3;
    assert_int_equal(config_workers(&config, &machine), 3);
}

/*
 * Goal:    no command line makes the parser read or write outside its buffers.
 * Method:  random words from pieces of real options, under the sanitizers.
 */
static void test_random_lines(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "-",       "--", "p",   "=",    "max_payload", "1MB", "-1",           "signal",
        "ldm",     "[",  "]",   ":",    "a",           "n",   "0.5s",         "\xff",
        "logtime", "io", "pin", "true", "99999",       " ",   "ping_interval"};
    unsigned seed = 20261122;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        char line[256] = "";
        int words = rand_r(&seed) % 12;
        for (int i = 0; i < words; i++) {
            strcat(line, pieces[(size_t)rand_r(&seed) % COUNT_OF(pieces)]);
        }
        struct parsed p;
        parse(&p, line);
        assert_in_range(p.command, CONFIG_RUN, CONFIG_INVALID);
        assert_int_equal(p.command == CONFIG_INVALID, p.error.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_settings_reach_their_fields),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_refusals_name_the_option),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_validate),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_size_text),
        cmocka_unit_test(test_memory_bound),
        cmocka_unit_test(test_workers),
        cmocka_unit_test(test_random_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
