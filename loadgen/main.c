/* main.c - hubload: which subcommand? */
#include "loadgen/compare.h"
#include "loadgen/fanout.h"
#include "loadgen/report_html.h"
#include "loadgen/script.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "hubload - drives a publish/subscribe server and judges what it delivers\n"
    "\n"
    "  hubload fanout [OPTION…]   one subject, many subscribers; or many subjects, pairs, queue\n"
    "                             groups, wildcards, churn, stalled subscribers, a search for the\n"
    "                             capacity; hubload fanout --help\n"
    "  hubload request [OPTION…]  round trips: requesters and responders\n"
    "  hubload idle [OPTION…]     memory of connections that do nothing\n"
    "  hubload storm [OPTION…]    connections a second until subscribed\n"
    "  hubload run FILE [OPTION…] one of the above as written in a file, for instance in\n"
    "                             loadgen/scenarios/\n"
    "  hubload compare A.json B.json   is B faster than A, slower, or the same?\n"
    "  hubload report RESULT.json…      one page of tables and charts\n"
    "  hubload --version\n"
    "\n"
    "Example (start a server with: nats-server -p 4222)\n"
    "  hubload fanout --url nats://127.0.0.1:4222 --subscribers 100 --duration 3\n";

#ifndef RINGHUB_VERSION
#define RINGHUB_VERSION "unversioned"
#endif

/* Read by jemalloc before main. With many subjects frames and tables take a hundred megabytes, walked
 * in no order: with small pages the wait for translations would be measured and not the server. */
extern const char *malloc_conf;
const char *malloc_conf = "thp:always";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} subcommands[] = {{"fanout", fanout_main}, {"request", fanout_main}, {"idle", fanout_main},
                   {"storm", fanout_main},  {"run", script_main},     {"compare", compare_main},
                   {"report", report_main}};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
        if (strcmp(name, subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--version") == 0) {
        puts("hubload " RINGHUB_VERSION);
        return 0;
    }
    bool asked =
        strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0;
    fputs(help, asked ? stdout : stderr);
    return asked ? 0 : 2;
}
