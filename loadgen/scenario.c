/* scenario.c - options, and sentences about wrong ones. */
#include "loadgen/scenario.h"

#include "loadgen/message.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SUBJECT_END_MAX = 32, PUBLISHERS_MAX = 65536 };

/* The default window. What is under way to all subscribers lies in the kernel's socket buffers:
 * with 4 MiB for each of 1,000 it is gigabytes, and the run measures memory pressure
 * (net.ipv4.tcp_mem) instead of the server. On a small machine that begins earlier: at most half of
 * what the kernel lends without pressure, which leaves the rest for what buffers cost beside their
 * bytes. */
enum {
    WINDOW_BYTES_MAX = 4 << 20,
    WINDOW_BYTES_MIN = 32 << 10,
    WINDOW_BYTES_ALL = 128 << 20,
    /* What a read costs is mostly the acknowledgement that it sends, and a larger window makes reads
     * larger (skim_portion): who only counts shall cost little. */
    WINDOW_BYTES_ALL_COUNT = 512 << 20,
};

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

/* A number, or a share of all where the text ends in %. */
static double share(const struct argument *argument, bool *percent)
{
    char *end;
    double number = strtod(argument->text, &end);
    *percent = *end == '%' && end[1] == 0;
    if (end == argument->text || (*end != 0 && !*percent) || !(number >= 0) ||
        number > (*percent ? 100 : 2000000) || (!*percent && number != floor(number))) {
        complain(argument, "a number of subscribers, or a share of them as 10%");
        return 0;
    }
    return *percent ? number / 100 : number;
}

/* p99=5ms */
static void capacity_bound(struct scenario *s, const struct argument *argument)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    char nothing[] = "";
    char *end = nothing;
    double percent = argument->text[0] == 'p' ? strtod(argument->text + 1, &end) : 0;
    double bound = percent > 0 && percent < 100 && *end == '=' ? strtod(end + 1, &end) : 0;
    for (size_t i = 0; bound > 0 && i < COUNT_OF(units); i++) {
        if (strcmp(end, units[i].unit) == 0 && bound * units[i].ns < 1e12) {
            s->capacity = percent / 100;
            s->capacity_ns = (uint64_t)(bound * units[i].ns);
            return;
        }
    }
    complain(argument, "a percentile and a time, as p99=5ms or p99.9=800us");
}

static enum scenario_churn churn_on(const struct argument *argument)
{
    static const char *const names[] = {"same", "other", "wildcard"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(argument->text, names[i]) == 0) {
            return (enum scenario_churn)i;
        }
    }
    complain(argument, "same, other or wildcard");
    return SCENARIO_CHURN_OTHER;
}

static enum scenario_patterns patterns(const struct argument *argument)
{
    static const char *const names[] = {"star", "rest", "both"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(argument->text, names[i]) == 0) {
            return (enum scenario_patterns)i;
        }
    }
    complain(argument, "star, rest or both");
    return SCENARIO_PATTERNS_STAR;
}

static bool sample_or_all(const struct argument *argument)
{
    if (strcmp(argument->text, "all") != 0 && strcmp(argument->text, "sample") != 0) {
        complain(argument, "sample or all");
    }
    return strcmp(argument->text, "all") == 0;
}

static bool order_is_random(const struct argument *argument)
{
    if (strcmp(argument->text, "number") != 0 && strcmp(argument->text, "random") != 0) {
        complain(argument, "number or random");
    }
    return strcmp(argument->text, "random") == 0;
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

static void defaults_of_subcommand(struct scenario *s, const char *subcommand)
{
    if (strcmp(subcommand, "request") == 0) {
        s->kind = SCENARIO_REQUEST;
        s->subject = "hubload.request";
        s->subscribers = 1;
    }
    s->storm = strcmp(subcommand, "storm") == 0;
    s->idle = strcmp(subcommand, "idle") == 0;
    if (s->storm || s->idle) {
        s->subscribers = 1000;
        s->connecting = s->storm ? 1000 : s->connecting;
        s->hold_s = s->idle ? 3 : 0;
        s->rate = 10;
        s->warmup_s = 0;
        s->duration_s = 1;
    }
}

static void defaults(struct scenario *s, int argc, char **argv)
{
    memset(s, 0, sizeof *s);
    s->url_text = "nats://127.0.0.1:4222";
    s->subject = "hubload.fanout";
    s->subject_end = "";
    s->subscribers = 100;
    s->publishers = 1;
    s->sizes.count = 1;
    s->sizes.bytes[0] = 128;
    s->sizes.weights[0] = 1;
    s->subjects = 1;
    s->subjects_each = 1;
    s->copies = 1;
    s->in_flight = 1;
    s->churners = 4;
    s->churn_on = SCENARIO_CHURN_OTHER;
    s->connecting = 128;
    s->warmup_s = 2;
    s->duration_s = 10;
    s->drain_s = 5;
    s->runs = 1;
    s->seed = 1;
    s->process = (uint64_t)time(NULL) << 22 ^ (uint64_t)getpid();
    s->argc = argc;
    s->argv = argv;
    defaults_of_subcommand(s, argv[0]);
}

enum option_key {
    OPTION_URL = 256,
    OPTION_SUBJECT,
    OPTION_SUBSCRIBERS,
    OPTION_PUBLISHERS,
    OPTION_SIZE,
    OPTION_SUBJECTS,
    OPTION_SUBJECTS_EACH,
    OPTION_COPIES,
    OPTION_PAIRS,
    OPTION_WILDCARDS,
    OPTION_PATTERNS,
    OPTION_SUBJECT_END,
    OPTION_STALLED,
    OPTION_QUEUE_GROUPS,
    OPTION_CHURN,
    OPTION_CHURNERS,
    OPTION_CHURN_ON,
    OPTION_IN_FLIGHT,
    OPTION_HOLD,
    OPTION_CONNECTING,
    OPTION_DIRECT,
    OPTION_FIND_CAPACITY,
    OPTION_DISTINCT_SIDS,
    OPTION_PAYLOAD,
    OPTION_ORDER,
    OPTION_APART,
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
    {"subjects", required_argument, NULL, OPTION_SUBJECTS},
    {"subjects-each", required_argument, NULL, OPTION_SUBJECTS_EACH},
    {"copies", required_argument, NULL, OPTION_COPIES},
    {"pairs", required_argument, NULL, OPTION_PAIRS},
    {"wildcards", required_argument, NULL, OPTION_WILDCARDS},
    {"patterns", required_argument, NULL, OPTION_PATTERNS},
    {"subject-end", required_argument, NULL, OPTION_SUBJECT_END},
    {"stalled", required_argument, NULL, OPTION_STALLED},
    {"queue-groups", required_argument, NULL, OPTION_QUEUE_GROUPS},
    {"churn", required_argument, NULL, OPTION_CHURN},
    {"churners", required_argument, NULL, OPTION_CHURNERS},
    {"churn-on", required_argument, NULL, OPTION_CHURN_ON},
    {"requesters", required_argument, NULL, OPTION_PUBLISHERS},
    {"responders", required_argument, NULL, OPTION_SUBSCRIBERS},
    {"in-flight", required_argument, NULL, OPTION_IN_FLIGHT},
    {"hold", required_argument, NULL, OPTION_HOLD},
    {"connecting", required_argument, NULL, OPTION_CONNECTING},
    {"direct", no_argument, NULL, OPTION_DIRECT},
    {"find-capacity", required_argument, NULL, OPTION_FIND_CAPACITY},
    {"payload", required_argument, NULL, OPTION_PAYLOAD},
    {"distinct-sids", no_argument, NULL, OPTION_DISTINCT_SIDS},
    {"order", required_argument, NULL, OPTION_ORDER},
    {"apart", no_argument, NULL, OPTION_APART},
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

/* Flat switches, a few lines per option. Options of what goes on: who hears what, and what happens beside it. Returns false for others. */
static bool shape_take(struct scenario *s, int key, const struct argument *a)
{
    switch (key) {
    case OPTION_SIZE:
        if (!sizes_parse(&s->sizes, a->text, MESSAGE_BYTES_MIN)) {
            complain(a, "bytes from 16 to 33554432, or a mix as 64:70,1024:30");
        }
        break;
    case OPTION_SUBJECTS:
        s->subjects = (uint32_t)whole(a, 1, TOPOLOGY_STREAMS_MAX);
        break;
    case OPTION_SUBJECTS_EACH:
        s->subjects_each = (uint32_t)whole(a, 1, TOPOLOGY_STREAMS_MAX);
        break;
    case OPTION_COPIES:
        s->copies = (uint32_t)whole(a, 1, 65536);
        break;
    case OPTION_PAIRS:
        s->publishers = (uint32_t)whole(a, 1, PUBLISHERS_MAX);
        s->subjects = s->publishers;
        s->subscribers = s->publishers;
        break;
    case OPTION_WILDCARDS:
        s->wildcards_share = share(a, &s->wildcards_percent);
        break;
    case OPTION_PATTERNS:
        s->patterns = patterns(a);
        break;
    case OPTION_SUBJECT_END:
        s->subject_end = a->text;
        break;
    case OPTION_STALLED:
        s->stalled_share = share(a, &s->stalled_percent);
        break;
    case OPTION_QUEUE_GROUPS:
        s->groups = (uint32_t)whole(a, 1, 65536);
        break;
    case OPTION_CHURN:
        s->churn = decimal(a, 0.1, 1e7);
        break;
    case OPTION_CHURNERS:
        s->churners = (uint32_t)whole(a, 1, 65536);
        break;
    case OPTION_CHURN_ON:
        s->churn_on = churn_on(a);
        break;
    case OPTION_IN_FLIGHT:
        s->in_flight = (uint32_t)whole(a, 1, 1000000);
        break;
    case OPTION_HOLD:
        s->hold_s = decimal(a, 0, 86400);
        break;
    case OPTION_CONNECTING:
        s->connecting = (uint32_t)whole(a, 1, 65536);
        break;
    case OPTION_DIRECT:
        s->direct = true;
        break;
    case OPTION_ORDER:
        s->random_order = order_is_random(a);
        break;
    case OPTION_APART:
        s->apart = true;
        break;
    case OPTION_FIND_CAPACITY:
        capacity_bound(s, a);
        break;
    default:
        return false;
    }
    return true;
}

/* Options of this program itself. Returns false for others. */
static bool tool_take(struct scenario *s, int key, const struct argument *a)
{
    switch (key) {
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
        s->verify_count = strcmp(a->text, "count") == 0;
        s->verify_all = !s->verify_count && sample_or_all(a);
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
        return false;
    }
    return true;
}

static void option_take(struct scenario *s, int key, const struct argument *a)
{
    if (shape_take(s, key, a) || tool_take(s, key, a)) {
        return;
    }
    switch (key) {
    case OPTION_URL:
        s->url_text = a->text;
        break;
    case OPTION_SUBJECT:
        s->subject = a->text;
        break;
    case OPTION_SUBSCRIBERS:
        s->subscribers = (uint32_t)whole(a, 1, 2000000);
        break;
    case OPTION_PUBLISHERS:
        s->publishers = (uint32_t)whole(a, 1, PUBLISHERS_MAX);
        break;
    case OPTION_DISTINCT_SIDS:
        s->distinct_sids = true;
        break;
    case OPTION_PAYLOAD:
        s->json_payload = strcmp(a->text, "json") == 0;
        if (!s->json_payload && strcmp(a->text, "binary") != 0) {
            complain(a, "binary or json");
        }
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
    default:
        break;
    }
}

static const char *request_contradiction(const struct scenario *s)
{
    if (s->subjects != 1 || s->copies != 1 || s->wildcards != 0 || s->groups != 0 ||
        s->stalled != 0 || s->churn > 0) {
        return "request: not with --subjects, --copies, --wildcards, --queue-groups, --stalled or "
               "--churn";
    }
    if (s->subscribers > 1 && s->protocol->render_join == NULL) {
        return "--responders: this protocol has no queue groups, so each would answer; use 1";
    }
    return NULL;
}

static const char *protocol_contradiction(const struct scenario *s)
{
    if (s->copies > 1 && !s->protocol->has_sids) {
        return "--copies: only nats:// numbers subscriptions";
    }
    if (s->groups != 0 && s->protocol->render_join == NULL) {
        return s->protocol->without_groups;
    }
    if (s->idle && s->server_pid == 0) {
        return "idle: --server-pid says whose memory";
    }
    if (s->stalled >= s->subscribers) {
        return "--stalled: somebody must be healthy";
    }
    if (s->apart && (s->threads > 1 || s->direct)) {
        return "--apart: not with --direct or several --threads; the order of connections counts";
    }
    if (s->capacity > 0 && (s->runs != 1 || s->storm)) {
        return "--find-capacity: not with --runs or storm";
    }
    return NULL;
}

/* Shares become numbers, and one number follows from others. */
static void settle(struct scenario *s)
{
    double all = s->subscribers;
    s->stalled = (uint32_t)ceil(s->stalled_share * (s->stalled_percent ? all : 1));
    s->wildcards = (uint32_t)ceil(s->wildcards_share * (s->wildcards_percent ? all : 1));
    s->wildcards = MIN_OF(s->wildcards, s->subscribers - MIN_OF(s->stalled, s->subscribers));
    s->size = sizes_mean(&s->sizes);
    s->churners = s->churn > 0 ? s->churners : 0;
    if (s->apart) {
        s->threads = MAX_OF(s->threads, 1u);
        s->connecting = 1;
    }
    if (s->capacity > 0 && s->rate == 0) {
        s->rate = 100;
    }
}

static const char *contradiction(struct scenario *s)
{
    settle(s);
    const char *wrong = url_parse(&s->url, s->url_text);
    if (wrong != NULL) {
        return wrong;
    }
    s->protocol = s->url.protocol;
    if (s->subject[0] == 0 || strpbrk(s->subject, " \t\r\n*>") != NULL ||
        strlen(s->subject) >= SCENARIO_TEXT_MAX) {
        return "--subject is a subject without blanks and wildcards, below 256 bytes";
    }
    if (strpbrk(s->subject_end, " \t\r\n*>") != NULL || strlen(s->subject_end) >= SUBJECT_END_MAX ||
        (s->subject_end[0] != 0 && s->subjects == 1)) {
        return "--subject-end is a token of at most 31 bytes, and needs --subjects";
    }
    if (strpbrk(s->subject, s->protocol->forbidden) != NULL ||
        strpbrk(s->subject_end, s->protocol->forbidden) != NULL) {
        return "--subject: this protocol gives /, + and # a meaning; use dots";
    }
    for (uint32_t i = 0; s->json_payload && i < s->sizes.count; i++) {
        if (s->sizes.bytes[i] < MESSAGE_JSON_BYTES_MIN) {
            return "--payload json needs a --size of 96 bytes and more";
        }
    }
    if (s->distinct_sids && !s->protocol->has_sids) {
        return "--distinct-sids: only nats:// numbers subscriptions";
    }
    if (s->poisson && s->rate == 0) {
        return "--poisson needs --rate";
    }
    if (s->threads > s->subscribers && s->kind == SCENARIO_FANOUT) {
        return "--threads: more than subscribers";
    }
    wrong = s->kind == SCENARIO_REQUEST ? request_contradiction(s) : NULL;
    wrong = wrong != NULL ? wrong : protocol_contradiction(s);
    struct topology_plan plan = scenario_plan(s);
    return wrong != NULL ? wrong : topology_contradiction(&plan);
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
    int result = getaddrinfo(s->url.host, s->url.port, &hints, &found);
    if (result != 0) {
        snprintf(error, error_bytes, "%s: %s", s->url.host, gai_strerror(result));
        return false;
    }
    memcpy(&s->address, found->ai_addr, found->ai_addrlen);
    s->address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

struct topology_plan scenario_plan(const struct scenario *s)
{
    struct topology_plan plan = {s->publishers,    s->subjects,  s->subscribers - s->stalled,
                                 s->subjects_each, s->wildcards, s->copies,
                                 s->groups};
    if (s->kind == SCENARIO_REQUEST) {
        /* Each requester hears its own requests. */
        plan.subjects = s->publishers;
        plan.subscribers = s->publishers;
    }
    return plan;
}

uint32_t scenario_connections(const struct scenario *s)
{
    return (s->subscribers + s->publishers + s->churners) * (s->apart ? 2 : 1);
}

uint64_t scenario_window(const struct scenario *s)
{
    uint64_t bytes = s->window_bytes;
    if (bytes == 0) {
        uint64_t all = s->verify_count ? WINDOW_BYTES_ALL_COUNT : WINDOW_BYTES_ALL;
        if (s->sockets_bytes != 0) {
            all = MIN_OF(all, s->sockets_bytes / 2);
        }
        bytes = MAX_OF(all / s->subscribers, (uint64_t)WINDOW_BYTES_MIN);
        bytes = MIN_OF(bytes, (uint64_t)WINDOW_BYTES_MAX);
    }
    /* A message takes its bytes once for each copy. */
    uint64_t messages = s->window_messages != 0
                            ? s->window_messages
                            : bytes / ((uint64_t)s->size * MAX_OF(s->copies, 1u));
    return MAX_OF(messages, (uint64_t)1);
}
