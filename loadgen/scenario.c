/* scenario.c - options, and sentences about wrong ones. */
#include "loadgen/scenario.h"

#include "loadgen/codec_mqtt.h"
#include "loadgen/codec_nats.h"
#include "loadgen/codec_resp.h"
#include "loadgen/message.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The default window. What is under way to all subscribers lies in the kernel's socket buffers:
 * with 4 MiB for each of 1,000 it is gigabytes, and the run measures memory pressure
 * (net.ipv4.tcp_mem) instead of the server. */
enum {
    WINDOW_BYTES_MAX = 4 << 20,
    WINDOW_BYTES_MIN = 32 << 10,
    WINDOW_BYTES_ALL = 128 << 20,
};

const char scenario_fanout_help[] =
    "hubload fanout - one subject, many subscribers: how many deliveries, how late, at what cost?\n"
    "\n"
    "Where to\n"
    "  --url URL              SCHEME://[USER:PASSWORD@]HOST[:PORT], default "
    "nats://127.0.0.1:4222\n"
    "                         nats://   NATS core\n"
    "                         redis://  Redis, Valkey: RESP publish/subscribe; redis://:PASSWORD@ "
    "too\n"
    "                         mqtt://   MQTT 3.1.1 at QoS 0; a.b is the topic a/b there\n"
    "  --subject SUBJECT      default hubload.fanout\n"
    "\n"
    "How much\n"
    "  --subscribers N        connections that subscribe; default 100\n"
    "  --publishers N         connections that publish; default 1\n"
    "  --size BYTES           payload with our header of 32 bytes (16 if smaller); default 128\n"
    "  --distinct-sids        nats: every subscriber its own sid, so that no two frames are\n"
    "                         equal\n"
    "\n"
    "How fast\n"
    "  --rate N               open loop: N messages a second of all publishers together, evenly\n"
    "                         spaced or with --poisson. Latency counts from the moment a message\n"
    "                         was due, also when the generator or the server held it up\n"
    "  --window BYTES         closed loop (no --rate): as fast as possible, but never more than "
    "so\n"
    "                         many payload bytes ahead of the slowest subscriber; default "
    "4194304,\n"
    "                         with more than 32 subscribers 128 MiB shared by all, at least 32 "
    "KiB\n"
    "  --window-messages N    the same in messages\n"
    "\n"
    "How long\n"
    "  --warmup SECONDS       published and judged, but not measured; default 2\n"
    "  --duration SECONDS     measured; default 10\n"
    "  --drain SECONDS        after the end: wait until so long nothing arrived; default 5\n"
    "  --runs N               so many times over the same connections; default 1\n"
    "\n"
    "With what\n"
    "  --threads N            default: 1 on up to 3 CPUs, then a quarter of them\n"
    "  --pin-cpus LIST        for instance 1 or 2,3: a thread each, in turn\n"
    "  --receive-buffer BYTES SO_RCVBUF of the subscribers, set before they connect; default: the\n"
    "                         kernel sizes it\n"
    "  --seed N               payloads and Poisson gaps; default 1\n"
    "  --server-pid PID       measure this process: CPU, memory, context switches\n"
    "  --verify sample|all    compare every 64th payload (default) or all. Header, order and\n"
    "                         count of every message are always checked\n"
    "  --latency sample|all   time of each read the first 8 messages, then every 16th, and the\n"
    "                         last; one stands for those up to the next (default), or time all.\n"
    "                         Completion (the last subscriber has it) is followed for every\n"
    "                         message up to 10,000 a second, else for every 64th\n"
    "  --json FILE            the result as JSON, see docs/results.md; - is standard output\n"
    "  --hlog PREFIX          latencies as HdrHistogram logs: PREFIX.latency.hlog (an interval a\n"
    "                         second) and PREFIX.completion.hlog (one a run)\n"
    "  --label NAME           what results call this server; default: its process' name\n"
    "  --server-version TEXT  default: what it says itself, where the protocol has a greeting\n"
    "\n"
    "Every message must arrive at every subscriber once, in order, undamaged. Otherwise the "
    "report\n"
    "says so in red and the exit status is 1. A run limited by the generator is marked INVALID.\n"
    "Exit status: 0 all delivered, 1 not all delivered or connections failed, 2 wrong options.\n"
    "\n"
    "Examples (start a server with: nats-server -p 4222)\n"
    "  hubload fanout --subscribers 100 --duration 3\n"
    "  hubload fanout --subscribers 1000 --rate 1000 --duration 3 --server-pid $(pidof "
    "nats-server)\n"
    "  hubload fanout --subscribers 10 --size 1024 --rate 500 --poisson --duration 3 --json -\n";

/* One option's text and where to put its complaint. */
struct argument {
    const char *name;
    const char *text;
    char *error;
    size_t error_bytes;
    bool *right;
};

static void complain(const struct argument *argument, const char *expected)
{
    if (*argument->right) {
        snprintf(argument->error, argument->error_bytes, "--%s %s: expected %s", argument->name,
                 argument->text, expected);
    }
    *argument->right = false;
}

static uint64_t whole(const struct argument *argument, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(argument->text, &end, 10);
    if (errno != 0 || end == argument->text || *end != 0 || argument->text[0] == '-' ||
        number < least || number > most) {
        char expected[96];
        snprintf(expected, sizeof expected, "a whole number from %llu to %llu",
                 (unsigned long long)least, (unsigned long long)most);
        complain(argument, expected);
    }
    return number;
}

static double decimal(const struct argument *argument, double least, double most)
{
    char *end;
    double number = strtod(argument->text, &end);
    if (end == argument->text || *end != 0 || !isfinite(number) || number < least ||
        number > most) {
        char expected[96];
        snprintf(expected, sizeof expected, "a number from %g to %g", least, most);
        complain(argument, expected);
        return least;
    }
    return number;
}

static bool sample_or_all(const struct argument *argument)
{
    if (strcmp(argument->text, "all") != 0 && strcmp(argument->text, "sample") != 0) {
        complain(argument, "sample or all");
    }
    return strcmp(argument->text, "all") == 0;
}

static void cpu_list(struct scenario *s, const struct argument *argument)
{
    const char *at = argument->text;
    while (s->cpus_count < SCENARIO_THREADS_MAX) {
        char *end;
        unsigned long cpu = strtoul(at, &end, 10);
        if (end == at || cpu > 1023 || (*end != 0 && *end != ',')) {
            complain(argument, "CPU numbers with commas between");
            return;
        }
        s->cpus[s->cpus_count++] = (uint32_t)cpu;
        if (*end == 0) {
            return;
        }
        at = end + 1;
    }
}

/* Copies [from, to) as text; false when it is empty or too long. */
static bool piece(char *into, size_t capacity, const char *from, const char *to)
{
    size_t size = (size_t)(to - from);
    if (size == 0 || size >= capacity) {
        return false;
    }
    memcpy(into, from, size);
    into[size] = 0;
    return true;
}

static bool user_parse(struct scenario *s, const char *from, const char *to)
{
    const char *colon = memchr(from, ':', (size_t)(to - from));
    for (const char *c = from; c < to; c++) {
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') {
            return false; /* it goes into JSON as it is */
        }
    }
    return colon != NULL &&
           (piece(s->user, sizeof s->user, from, colon) ||
            (colon == from && s->protocol->password_alone)) &&
           piece(s->password, sizeof s->password, colon + 1, to);
}

/* scheme://[user:password@]host[:port] */
static bool url_parse(struct scenario *s)
{
    static const struct codec_protocol *const protocols[] = {&codec_nats, &codec_resp, &codec_mqtt};
    const char *at = strstr(s->url, "://");
    for (size_t i = 0; at != NULL && i < COUNT_OF(protocols); i++) {
        if (strncmp(s->url, protocols[i]->scheme, (size_t)(at - s->url)) == 0 &&
            strlen(protocols[i]->scheme) == (size_t)(at - s->url)) {
            s->protocol = protocols[i];
        }
    }
    if (s->protocol == NULL) {
        return false;
    }
    ASSERT(at != NULL);
    at += 3;
    const char *user_end = strrchr(at, '@');
    if (user_end != NULL) {
        if (!user_parse(s, at, user_end)) {
            return false;
        }
        at = user_end + 1;
    }
    const char *end = at + strcspn(at, "/");
    const char *host_end = at;
    if (*at == '[') {
        at++;
        host_end = at + strcspn(at, "]");
        end = *host_end == ']' ? host_end + 1 + strcspn(host_end + 1, "/") : at;
    } else {
        host_end = at + strcspn(at, ":/");
    }
    const char *port = host_end + (*host_end == ']');
    snprintf(s->port, sizeof s->port, "%u", (unsigned)s->protocol->port);
    if (*port == ':' && !piece(s->port, sizeof s->port, port + 1, end)) {
        return false;
    }
    return piece(s->host, sizeof s->host, at, host_end) && (*end == 0 || strcmp(end, "/") == 0) &&
           (*port == ':' || port == end);
}

static void defaults(struct scenario *s, int argc, char **argv)
{
    memset(s, 0, sizeof *s);
    s->url = "nats://127.0.0.1:4222";
    s->subject = "hubload.fanout";
    s->subscribers = 100;
    s->publishers = 1;
    s->size = 128;
    s->warmup_s = 2;
    s->duration_s = 10;
    s->drain_s = 5;
    s->runs = 1;
    s->seed = 1;
    s->process = (uint64_t)time(NULL) << 22 ^ (uint64_t)getpid();
    s->argc = argc;
    s->argv = argv;
}

enum option_key {
    OPTION_URL = 256,
    OPTION_SUBJECT,
    OPTION_SUBSCRIBERS,
    OPTION_PUBLISHERS,
    OPTION_SIZE,
    OPTION_DISTINCT_SIDS,
    OPTION_RATE,
    OPTION_POISSON,
    OPTION_WINDOW,
    OPTION_WINDOW_MESSAGES,
    OPTION_WARMUP,
    OPTION_DURATION,
    OPTION_DRAIN,
    OPTION_RUNS,
    OPTION_THREADS,
    OPTION_PIN_CPUS,
    OPTION_SEED,
    OPTION_SERVER_PID,
    OPTION_VERIFY,
    OPTION_LATENCY,
    OPTION_JSON,
    OPTION_HLOG,
    OPTION_LABEL,
    OPTION_SERVER_VERSION,
    OPTION_RECEIVE_BUFFER,
};

static const struct option option_table[] = {
    {"url", required_argument, NULL, OPTION_URL},
    {"subject", required_argument, NULL, OPTION_SUBJECT},
    {"subscribers", required_argument, NULL, OPTION_SUBSCRIBERS},
    {"publishers", required_argument, NULL, OPTION_PUBLISHERS},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"distinct-sids", no_argument, NULL, OPTION_DISTINCT_SIDS},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"poisson", no_argument, NULL, OPTION_POISSON},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"window-messages", required_argument, NULL, OPTION_WINDOW_MESSAGES},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"drain", required_argument, NULL, OPTION_DRAIN},
    {"runs", required_argument, NULL, OPTION_RUNS},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"pin-cpus", required_argument, NULL, OPTION_PIN_CPUS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"server-pid", required_argument, NULL, OPTION_SERVER_PID},
    {"verify", required_argument, NULL, OPTION_VERIFY},
    {"latency", required_argument, NULL, OPTION_LATENCY},
    {"json", required_argument, NULL, OPTION_JSON},
    {"hlog", required_argument, NULL, OPTION_HLOG},
    {"label", required_argument, NULL, OPTION_LABEL},
    {"server-version", required_argument, NULL, OPTION_SERVER_VERSION},
    {"receive-buffer", required_argument, NULL, OPTION_RECEIVE_BUFFER},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* One flat switch, a line per option. */
static void option_take(struct scenario *s, int key, const struct argument *a)
{
    switch (key) {
    case OPTION_URL:
        s->url = a->text;
        break;
    case OPTION_SUBJECT:
        s->subject = a->text;
        break;
    case OPTION_SUBSCRIBERS:
        s->subscribers = (uint32_t)whole(a, 1, 2000000);
        break;
    case OPTION_PUBLISHERS:
        s->publishers = (uint32_t)whole(a, 1, 65536);
        break;
    case OPTION_SIZE:
        s->size = (uint32_t)whole(a, MESSAGE_BYTES_MIN, 32 << 20);
        break;
    case OPTION_DISTINCT_SIDS:
        s->distinct_sids = true;
        break;
    case OPTION_RATE:
        s->rate = decimal(a, 0.01, 1e8);
        break;
    case OPTION_POISSON:
        s->poisson = true;
        break;
    case OPTION_WINDOW:
        s->window_bytes = whole(a, 1, UINT64_MAX >> 8);
        break;
    case OPTION_WINDOW_MESSAGES:
        s->window_messages = whole(a, 1, UINT32_MAX);
        break;
    case OPTION_WARMUP:
        s->warmup_s = decimal(a, 0, 86400);
        break;
    case OPTION_DURATION:
        s->duration_s = decimal(a, 0.01, 7 * 86400);
        break;
    case OPTION_DRAIN:
        s->drain_s = decimal(a, 0.1, 3600);
        break;
    case OPTION_RUNS:
        s->runs = (uint32_t)whole(a, 1, 1000);
        break;
    case OPTION_THREADS:
        s->threads = (uint32_t)whole(a, 1, SCENARIO_THREADS_MAX);
        break;
    case OPTION_PIN_CPUS:
        cpu_list(s, a);
        break;
    case OPTION_SEED:
        s->seed = whole(a, 0, UINT64_MAX);
        break;
    case OPTION_SERVER_PID:
        s->server_pid = (int)whole(a, 1, 1 << 22);
        break;
    case OPTION_VERIFY:
        s->verify_all = sample_or_all(a);
        break;
    case OPTION_LATENCY:
        s->latency_all = sample_or_all(a);
        break;
    case OPTION_RECEIVE_BUFFER:
        s->receive_buffer = (uint32_t)whole(a, 2048, 1 << 30);
        break;
    case OPTION_JSON:
        s->json_path = a->text;
        break;
    case OPTION_HLOG:
        s->hlog_prefix = a->text;
        break;
    case OPTION_LABEL:
        s->label = a->text;
        break;
    case OPTION_SERVER_VERSION:
        s->server_version = a->text;
        break;
    default:
        break;
    }
}

static const char *contradiction(struct scenario *s)
{
    if (!url_parse(s)) {
        return "--url is SCHEME://[USER:PASSWORD@]HOST[:PORT]; schemes are nats, redis, mqtt";
    }
    if (s->subject[0] == 0 || strpbrk(s->subject, " \t\r\n*>") != NULL ||
        strlen(s->subject) >= SCENARIO_TEXT_MAX) {
        return "--subject is a subject without blanks and wildcards, below 256 bytes";
    }
    if (strpbrk(s->subject, s->protocol->forbidden) != NULL) {
        return "--subject: this protocol gives /, + and # a meaning; use dots";
    }
    if (s->distinct_sids && !s->protocol->has_sids) {
        return "--distinct-sids: only nats:// numbers subscriptions";
    }
    if (s->poisson && s->rate == 0) {
        return "--poisson needs --rate";
    }
    if (s->threads > s->subscribers) {
        return "--threads: more than subscribers";
    }
    return NULL;
}

enum scenario_verdict scenario_parse(struct scenario *s, int argc, char **argv, char *error,
                                     size_t error_bytes)
{
    defaults(s, argc, argv);
    bool right = true;
    error[0] = 0;
    optind = 0; /* glibc: start over */
    opterr = 0;
    int index = 0;
    for (int key; right && (key = getopt_long(argc, argv, ":h", option_table, &index)) != -1;) {
        if (key == 'h') {
            return SCENARIO_HELP;
        }
        if (key == '?' || key == ':') {
            snprintf(error, error_bytes, "%s: %s", argv[optind - 1],
                     key == ':' ? "needs a value" : "no such option");
            return SCENARIO_WRONG;
        }
        struct argument argument = {option_table[index].name, optarg, error, error_bytes, &right};
        option_take(s, key, &argument);
    }
    if (right && optind < argc) {
        snprintf(error, error_bytes, "%s: not an option", argv[optind]);
        return SCENARIO_WRONG;
    }
    const char *wrong = right ? contradiction(s) : NULL;
    if (wrong != NULL) {
        snprintf(error, error_bytes, "%s", wrong);
    }
    return right && wrong == NULL ? SCENARIO_RUN : SCENARIO_WRONG;
}

bool scenario_resolve(struct scenario *s, char *error, size_t error_bytes)
{
    struct addrinfo hints;
    struct addrinfo *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int result = getaddrinfo(s->host, s->port, &hints, &found);
    if (result != 0) {
        snprintf(error, error_bytes, "%s: %s", s->url, gai_strerror(result));
        return false;
    }
    memcpy(&s->address, found->ai_addr, found->ai_addrlen);
    s->address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

uint64_t scenario_window(const struct scenario *s)
{
    uint64_t bytes = s->window_bytes;
    if (bytes == 0) {
        bytes = MAX_OF(WINDOW_BYTES_ALL / s->subscribers, (uint64_t)WINDOW_BYTES_MIN);
        bytes = MIN_OF(bytes, (uint64_t)WINDOW_BYTES_MAX);
    }
    uint64_t messages = s->window_messages != 0 ? s->window_messages : bytes / s->size;
    return MAX_OF(messages, (uint64_t)1);
}
