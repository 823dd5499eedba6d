/* help.c - what --help says, and examples that work as pasted. */
#include "loadgen/scenario.h"

#include <string.h>

static const char fanout_help[] =
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
    "  --size BYTES           payload with our header of 32 bytes (16 if smaller); default 128. A\n"
    "                         mix with weights: 64:70,1024:25,65536:5\n"
    "  --subjects K           SUBJECT.0 to SUBJECT.K-1; publishers share them; default 1\n"
    "  --subjects-each J      subjects of one subscriber, by that many subscriptions; default 1\n"
    "  --copies N             nats: every subscription N times on its connection, each delivered "
    "on\n"
    "                         its own; default 1\n"
    "  --pairs N              N publishers, N subjects, N subscribers: 1:1\n"
    "  --wildcards N|N%       subscribers that hear all subjects by one pattern; default 0\n"
    "  --queue-groups G       nats: the subscribers are members of G groups; one member of each\n"
    "                         gets a message, and the report says how even the shares are\n"
    "  --stalled N|N%         so many of the subscribers stop reading once they subscribed: they\n"
    "                         need not receive anything, the others everything\n"
    "  --distinct-sids        nats: every subscriber its own sid, so that no two frames are\n"
    "                         equal\n"
    "\n"
    "Beside it\n"
    "  --churn N              nats: subscriptions a second that come and go\n"
    "  --churners C           connections that do it; default 4\n"
    "  --churn-on WHAT        same: the subjects published to; other (default): literals of their\n"
    "                         own; wildcard: patterns that match the subjects published to\n"
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
    "  --find-capacity P=T    as p99=5ms: searches the highest rate at which latency percentile P\n"
    "                         stays within T and nothing is lost. Doubles --rate (default 100),\n"
    "                         then bisects; every probe lasts --warmup and --duration\n"
    "\n"
    "How long\n"
    "  --warmup SECONDS       published and judged, but not measured; default 2\n"
    "  --duration SECONDS     measured; default 10\n"
    "  --drain SECONDS        after the end: wait until so long nothing arrived; default 5\n"
    "  --runs N               so many times over the same connections; default 1\n"
    "  --hold SECONDS         nothing happens so long once all are connected; the server's memory\n"
    "                         per connection is read at its end; default 0\n"
    "\n"
    "With what\n"
    "  --threads N            default: 1 on up to 3 CPUs, then a quarter of them\n"
    "  --pin-cpus LIST        for instance 1 or 2,3: a thread each, in turn\n"
    "  --receive-buffer BYTES SO_RCVBUF of the subscribers, set before they connect; default: the\n"
    "                         kernel sizes it\n"
    "  --connecting N         connections on their way at once, of each thread; default 128\n"
    "  --direct               subscribers' sockets live in the threads' io_uring tables: the "
    "limit\n"
    "                         of open files then counts for each thread. Chosen where it is too "
    "low\n"
    "  --seed N               payloads and Poisson gaps; default 1\n"
    "  --server-pid PID       measure this process: CPU, memory, context switches\n"
    "  --verify sample|all|count   compare every 64th payload (default) or all; header, order and\n"
    "                         count of every message are checked. count: as cheap as it gets:\n"
    "                         stream and sequence of every message, and its size\n"
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
    "  hubload fanout --subscribers 10 --size 1024 --rate 500 --poisson --duration 3 --json -\n"
    "  hubload fanout --pairs 50 --rate 5000 --duration 3\n"
    "  hubload fanout --subscribers 16 --queue-groups 2 --rate 1000 --duration 3\n"
    "  hubload fanout --subjects 10 --publishers 2 --subscribers 20 --wildcards 10% --duration 3\n"
    "  hubload fanout --churn 1000 --churn-on wildcard --rate 1000 --duration 3\n"
    "  hubload fanout --subscribers 50 --find-capacity p99=5ms --duration 1\n";

static const char request_help[] =
    "hubload request - requesters and responders: how long is a round trip?\n"
    "\n"
    "  --requesters N         default 1\n"
    "  --responders N         members of one queue group, where the protocol has them; default 1\n"
    "  --in-flight N          closed loop: requests of one requester under way; default 1\n"
    "  --rate N               open loop: requests a second of all together\n"
    "\n"
    "An answer is the request's own payload; each must come back once. All else as in\n"
    "hubload fanout --help: --url, --subject, --size, --warmup, --duration, --runs, --threads, …\n"
    "\n"
    "Examples (start a server with: nats-server -p 4222)\n"
    "  hubload request --duration 3\n"
    "  hubload request --requesters 50 --responders 4 --in-flight 10 --duration 3\n"
    "  hubload request --requesters 10 --rate 2000 --duration 3\n";

static const char idle_help[] =
    "hubload idle - connections that do nothing: what memory does the server need for each?\n"
    "\n"
    "As hubload fanout, with these defaults: --subscribers 1000, --hold 3, --rate 10, --warmup 0,\n"
    "--duration 1. --server-pid must be given. The messages at the end show that all are there.\n"
    "\n"
    "Example (start a server with: nats-server -p 4222)\n"
    "  hubload idle --subscribers 5000 --server-pid $(pidof nats-server)\n";

static const char storm_help[] =
    "hubload storm - everybody connects at once: how many a second until subscribed?\n"
    "\n"
    "Each connection is timed from its connect() to the answer to the PING behind its SUB.\n"
    "As hubload fanout, with these defaults: --subscribers 1000, --connecting 1000, --rate 10,\n"
    "--warmup 0, --duration 1. Every one of --runs connects anew. The messages at the end show "
    "that\n"
    "all are there.\n"
    "\n"
    "Example (start a server with: nats-server -p 4222)\n"
    "  hubload storm --subscribers 5000 --runs 3\n";

static const struct {
    const char *name;
    const char *help;
} helps[] = {
    {"fanout", fanout_help}, {"request", request_help}, {"idle", idle_help}, {"storm", storm_help}};

const char *scenario_help(const char *subcommand)
{
    for (size_t i = 0; i < COUNT_OF(helps); i++) {
        if (strcmp(helps[i].name, subcommand) == 0) {
            return helps[i].help;
        }
    }
    return NULL;
}
