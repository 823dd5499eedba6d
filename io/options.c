/* options.c - the texts of -h and -v. */
#include "io/options.h"

#include "core/version.h"

#include <string.h>

static const char help_text[] =
    "\n"
    "Server Options:\n"
    "    -a, --addr, --net <host>         Listen on this host or address (default: 127.0.0.1;\n"
    "                                     0.0.0.0 is all of IPv4, :: is all)\n"
    "        --open                       Listen elsewhere although everybody may connect\n"
    "    -p, --port <port>                Port for clients (default: 4222; -1: any free one)\n"
    "    -n, --name, --server_name <name> Server name (default: the server id)\n"
    "    -P, --pid <file>                 File to store the process id\n"
    "    -c, --config <file>              Configuration file; options override it\n"
    "    -t                               Check options and file, print the memory bound, exit\n"
    "    -sl,--signal <signal>[=<pid>]    Send a signal to a running hub: stop, quit, term, ldm,\n"
    "                                     reopen or reload; <pid> is a number or the path of a "
    "pid\n"
    "                                     file (default: the file of --pid)\n"
    "    -m, --http_port <port>           Monitoring over HTTP on 127.0.0.1 (default: none; -1: "
    "any\n"
    "                                     free port); the dashboard is at /\n"
    "        --http <host:port>           The same on this host\n"
    "        --http_base_path <path>      In front of every path of it\n"
    "        --client_advertise <string>  host:port that INFO tells clients\n"
    "        --ports_file_dir <dir>       Write <program>_<pid>.ports into this directory\n"
    "\n"
    "Authorization Options:\n"
    "        --user <user>                User required for connections\n"
    "        --pass <password>            Password required for connections, or its bcrypt hash\n"
    "        --auth <token>               Token required for connections, or its bcrypt hash\n"
    "\n"
    "Worker Options:\n"
    "        --workers <n>                Worker threads (default: one per CPU it may use)\n"
    "        --pin                        Bind each worker to one CPU\n"
    "        --io <uring|epoll|auto>      How to talk to the kernel (default: auto)\n"
    "        --descriptors <auto|plain|direct>\n"
    "                                     Where sockets live: among the process's descriptors, or\n"
    "                                     in the workers' tables, which RLIMIT_NOFILE counts one "
    "by\n"
    "                                     one (auto: where max_connections asks for more than it)\n"
    "\n"
    "Limits (sizes: 65536, 64kb, 1MB; durations: 500ms, 10s, 2m):\n"
    "        --max_connections <n>        Clients of the hub (default: 65536)\n"
    "        --max_subscriptions <n>      Subscriptions of a client (default: 0, no limit)\n"
    "        --max_control_line <size>    Arguments of one protocol line (default: 4096)\n"
    "        --max_payload <size>         Header and payload of a message (default: 1MB)\n"
    "        --max_pending <size>         Bytes queued for a client (default: 64MB)\n"
    "        --max_sub_tokens <n>         Tokens of a subscribed subject (default: 0, no limit)\n"
    "        --max_memory <size>          Messages, subscriptions and half-received input of all\n"
    "                                     clients together (default: half of the memory)\n"
    "        --ping_interval <duration>   Time between pings (default: 2m)\n"
    "        --ping_max <n>               Unanswered pings before a client is stale (default: 2)\n"
    "        --write_deadline <duration>  Time for a blocked client to take bytes (default: 10s)\n"
    "        --lame_duck_duration <duration>\n"
    "                                     Time over which lame duck closes clients (default: 2m)\n"
    "        --lame_duck_grace_period <duration>\n"
    "                                     Time before it closes the first (default: 10s)\n"
    "\n"
    "Logging Options:\n"
    "    -l, --log <file>                 Log to this file (default: stderr)\n"
    "    -T, --logtime                    Time in log lines (default: true; --logtime=false)\n"
    "        --logtime_utc                Time in UTC (default: false)\n"
    "        --log_size_limit <size>      Then the log file becomes a backup (default: 0, no "
    "limit)\n"
    "        --log_max_num <n>            The log file and its backups (default: 0, no limit)\n"
    "        --log_format <text|json>     Lines as nats-server writes them, or JSON (default: "
    "text)\n"
    "    -D, --debug                      Debug lines\n"
    "    -V, --trace                      Trace the protocol\n"
    "    -DV                              Debug and trace\n"
    "\n"
    "Test Options:\n"
    "        --sq_entries, --cq_entries, --read_buffers <n>\n"
    "                                     Small rings, so that tests reach their limits\n"
    "\n"
    "Common Options:\n"
    "    -h, --help                       Show this message\n"
    "    -v, --version                    Show version\n"
    "\n"
    "One dash or two, <option> <value> or <option>=<value>.\n"
    "Signals: SIGINT, SIGTERM stop; SIGHUP reloads the file; SIGUSR2 lame duck; SIGUSR1 reopens\n"
    "the log and prints counters.\n"
    "Accepted with a warning: -js, -sd (nothing is stored). Not available, and refused: -ms,\n"
    "--tls..., --routes, --cluster..., --syslog, --profile.\n";

bool options_is_nats_server(const char *name)
{
    return strcmp(name, "nats-server") == 0;
}

void options_print_help(FILE *out, const char *name)
{
    fprintf(out,
            "\nUsage: %s [options]\n"
            "       %s scrub --help          what scrub rules make of a payload\n%s",
            name, name, help_text);
}

void options_print_version(FILE *out, const char *name)
{
    if (options_is_nats_server(name)) {
        fprintf(out, "%s: v%s\n", name, RINGHUB_SPEAKS_AS);
    } else {
        fprintf(out, "%s: v%s (speaks as nats-server %s)\n", name, RINGHUB_VERSION,
                RINGHUB_SPEAKS_AS);
    }
}
