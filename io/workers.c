/* workers.c - threads and budgets. */
#include "io/workers.h"

#include "core/access.h"
#include "core/policy.h"
#include "core/proto/nats_describe.h"
#include "core/proto/nats_info.h"
#include "core/scrub_rules.h"
#include "core/version.h"
#include "io/large_pages.h"
#include "io/listener.h"
#include "io/sys.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    /* Connections that are refused need a session to say so; so do those that linger. */
    SLOTS_SPARE = 1024,
    STACK_BYTES = 1024 * 1024,
    CREDIT_BYTES = 4 * 1024 * 1024,
    COUNTERS_WAIT_MS = 2000,
    CLOSED_MAX = 10000, /* connections remembered after they are gone, as nats-server does */
};

struct worker_thread {
    struct workers *all;
    struct worker_options options;
    struct worker *worker;
    struct helper *helper;
    struct log *log;
    pthread_t thread;
    uint32_t cpu; /* UINT32_MAX: not pinned */
    int error;
};

/* No worker turns before all have their loops: they ring each other. */
enum start_decision { START_WAIT, START_GO_ON, START_GIVE_UP };

struct workers {
    uint32_t count;
    struct port *ports;
    struct loop **loops;
    struct worker_thread *threads;
    struct settings *settings; /* of all workers, or on their way to them */
    struct settings *old;      /* some worker may still look at them; NULL: none */
    ATOMIC(uint64_t) client_ids;
    ATOMIC(uint32_t) running; /* threads whose turn loop goes */
    bool is_stopped;

    /* Of the start alone; the lock guards the rest. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t opened; /* workers that have their loop, or have failed */
    enum start_decision decision;
};

/* In a worker's thread: its loop is open, or is not. True: all are. */
static bool may_go_on(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->opened++;
    pthread_cond_broadcast(&workers->changed);
    while (workers->decision == START_WAIT) {
        pthread_cond_wait(&workers->changed, &workers->lock);
    }
    bool goes_on = workers->decision == START_GO_ON;
    pthread_mutex_unlock(&workers->lock);
    return goes_on;
}

static void *thread_main(void *argument)
{
    struct worker_thread *t = argument;
    char name[16];
    snprintf(name, sizeof(name), "worker %u", t->options.hub.worker);
    sys_thread_name(name);
    if (t->cpu != UINT32_MAX && sys_pin(t->cpu) != 0) {
        log_write(t->log, LOG_WARNING, "worker %u cannot be pinned to CPU %u",
                  t->options.hub.worker, t->cpu);
    }
    t->error = worker_open(&t->options, sys_now_ns(), &t->worker);
    if (!may_go_on(t->all)) {
        if (t->worker != NULL) {
            worker_free(t->worker);
        }
        return NULL;
    }
    enum worker_turn turned = WORKER_TURNED;
    while (turned != WORKER_STOPPED) {
        worker_wait(t->worker, sys_now_ns());
        log_clock_set(t->log, sys_wall_ns());
        while ((turned = worker_turn(t->worker, sys_now_ns())) == WORKER_HALF_LINKED) {
            sched_yield();
        }
    }
    atomic_fetch_sub(&t->all->running, 1u);
    return NULL;
}

static bool init_info(struct nats_info *info, const struct workers_server *server,
                      const struct config *config)
{
    char advertised[CONFIG_TEXT_MAX];
    snprintf(advertised, sizeof(advertised), "%s", config->client_advertise);
    uint16_t port = server->port;
    const char *host = config->host;
    char *colon = strrchr(advertised, ':');
    if (colon != NULL) {
        *colon = '\0';
        host = advertised;
        port = (uint16_t)strtoul(colon + 1, NULL, 10);
    }
    const char *name = config->server_name[0] != '\0' ? config->server_name : server->id;
    struct nats_info_server options = {
        .server_id = server->id,
        .server_name = name,
        .version = RINGHUB_SPEAKS_AS,
        .go = "none (C)",
        .host = host,
        .port = port,
        .headers = true,
        .max_payload = config->max_payload > 0
                           ? config->max_payload
                           : (int64_t)MIN_OF(config->max_pending, (uint64_t)INT32_MAX),
        .remote_account = "$G",
    };
    return nats_info_init(info, &options);
}

struct settings *workers_settings(const struct workers_server *server, const struct config *config)
{
    struct settings *settings = settings_new();
    settings->nats = memory_alloc(sizeof(*settings->nats));
    settings->nats->options = (struct nats_options){.max_control_line = config->max_control_line,
                                                    .max_payload = config->max_payload,
                                                    .max_sub_tokens = config->max_sub_tokens,
                                                    .ping_interval_ns = config->ping_interval_ns,
                                                    .ping_max = config->ping_max};
    settings->scrub = config->scrub != NULL ? scrub_rules_ref(config->scrub) : NULL;
    settings->max_connections = config->max_connections;
    settings->lame_duck_duration_ns = config->lame_duck_duration_ns;
    settings->lame_duck_grace_ns = config->lame_duck_grace_period_ns;
    settings->max_subscriptions = config->max_subscriptions;
    settings->max_pending = config->max_pending;
    settings->write_deadline_ns = config->write_deadline_ns;
    if (!init_info(&settings->nats->info, server, config)) {
        settings_free(settings);
        return NULL;
    }
    return settings;
}

static struct worker_options worker_options_of(struct workers *workers,
                                               const struct workers_options *options,
                                               uint32_t number, struct log *log)
{
    const struct config *config = options->config;
    uint64_t share = options->memory_bytes / workers->count;
    uint32_t slots = config->max_connections / workers->count + SLOTS_SPARE;
    bool is_direct = options->table_max > 0;
    slots = is_direct ? MIN_OF(slots, options->table_max) : slots;
    uint64_t seed;
    sys_random(&seed, sizeof(seed));
    struct worker_options made = {
        .hub = {.worker = number,
                .workers_count = workers->count,
                .ports = workers->ports,
                .hash_key = options->hash_key,
                .seed = seed,
                .sessions_max = slots,
                .max_subscriptions = config->max_subscriptions,
                .max_pending = config->max_pending,
                .write_deadline_ns = config->write_deadline_ns,
                .log_bytes_max = share / 2,
                .index_bytes_max = share / 8 * 3,
                .input_bytes_max = share / 8,
                .credit_bytes = CREDIT_BYTES,
                .scrub_clock = sys_now_ns,
                .log = log,
                .describe = nats_describe,
                .access = workers->settings->access},
        .loop = {.backend = options->probe->backend,
                 .slots_max = slots,
                 .sq_entries = config->sq_entries,
                 .cq_entries = config->cq_entries,
                 .read_buffers = config->read_buffers,
                 .sends_inline = options->probe->sends_inline,
                 .direct = is_direct},
        .settings = workers->settings,
        .loops = workers->loops,
        .client_ids = &workers->client_ids,
        .listener_fds = options->listener_fds,
        .listeners_count = number == 0 ? options->listeners_count : 0,
        .closed_max = config->http_port != 0 ? CLOSED_MAX / workers->count : 0,
        .clock = sys_now_ns,
    };
    sys_random(made.hub.nonce_key, sizeof(made.hub.nonce_key));
    return made;
}

/* Before any worker turns. */
static int start_helpers(struct workers *workers)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        struct worker_thread *t = &workers->threads[i];
        int error = helper_new(&workers->ports[i], &workers->loops[i], i, &t->helper);
        if (error != 0) {
            return error;
        }
        t->options.helper = t->helper;
    }
    return 0;
}

static void stop_helpers(struct workers *workers)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        helper_free(workers->threads[i].helper);
        workers->threads[i].helper = NULL;
    }
}

/* Waits until each of the threads made has its loop or has failed, and lets them go on if all of
 * all workers have. Returns 0, error, or the first thread's error. */
static int decide(struct workers *workers, uint32_t made, int error)
{
    pthread_mutex_lock(&workers->lock);
    while (workers->opened < made) {
        pthread_cond_wait(&workers->changed, &workers->lock);
    }
    for (uint32_t i = 0; i < made && error == 0; i++) {
        error = workers->threads[i].error;
    }
    workers->decision = error == 0 ? START_GO_ON : START_GIVE_UP;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    return error;
}

/* All or none run when it returns. */
static int start_threads(struct workers *workers)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int error = 0;
    uint32_t made = 0;
    while (made < workers->count && error == 0) {
        struct worker_thread *t = &workers->threads[made];
        error = -pthread_create(&t->thread, &attributes, thread_main, t);
        made += error == 0;
    }
    pthread_attr_destroy(&attributes);
    error = decide(workers, made, error);
    for (uint32_t i = 0; i < made && error != 0; i++) {
        pthread_join(workers->threads[i].thread, NULL);
    }
    return error;
}

int workers_start(const struct workers_options *options, struct workers **result)
{
    const struct config *config = options->config;
    struct workers *workers = memory_alloc(sizeof(*workers));
    workers->count = options->workers;
    workers->ports = memory_alloc_aligned(CACHE_LINE, workers->count * sizeof(struct port));
    workers->loops = memory_alloc(workers->count * sizeof(struct loop *));
    workers->threads = memory_alloc(workers->count * sizeof(struct worker_thread));
    workers->settings = options->settings;
    atomic_store(&workers->client_ids, (uint64_t)1);
    atomic_store(&workers->running, workers->count);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->changed, NULL);
    uint32_t cpus[SYS_CPUS_MAX];
    uint32_t cpus_count = sys_cpus(cpus, SYS_CPUS_MAX);
    for (uint32_t i = 0; i < workers->count; i++) {
        struct worker_thread *t = &workers->threads[i];
        mpsc_init(&workers->ports[i].inbox);
        doorbell_init(&workers->ports[i].bell);
        t->all = workers;
        t->log = log_new(LOG_RING_BYTES, config_log_level(config));
        t->cpu = config->pin && cpus_count > 0 ? cpus[i % cpus_count] : UINT32_MAX;
        t->options = worker_options_of(workers, options, i, t->log);
    }
    int small_pages = large_pages_start();
    MAYBE(small_pages != 0);
    int error = start_helpers(workers);
    if (error == 0) {
        error = start_threads(workers);
    }
    if (error != 0) {
        stop_helpers(workers);
        workers->is_stopped = true;
        workers_free(workers);
        return error;
    }
    *result = workers;
    return 0;
}

static void give_order(struct workers *workers, uint32_t worker, enum order_kind kind,
                       void *argument)
{
    struct order_envelope *order = memory_alloc(sizeof(*order));
    order->envelope.kind = ENVELOPE_ORDER;
    order->order = kind;
    order->argument = argument;
    mpsc_push(&workers->ports[worker].inbox, &order->envelope.node);
    if (doorbell_should_ring(&workers->ports[worker].bell)) {
        loop_wake(workers->loops[worker]);
    }
}

static void order_all(struct workers *workers, enum order_kind kind)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        give_order(workers, i, kind, NULL);
    }
}

bool workers_settled(struct workers *workers)
{
    if (workers->old != NULL && !settings_is_held(workers->old)) {
        settings_free(workers->old);
        workers->old = NULL;
    }
    return workers->old == NULL;
}

void workers_apply(struct workers *workers, struct settings *settings)
{
    ASSERT(workers->old == NULL);
    if (settings->policies == NULL && workers->settings->policies != NULL) {
        settings->policies = policies_new(); /* that have no effect, and know the old rows */
    }
    if (workers->settings->policies != NULL) {
        policies_keep_rows(settings->policies, workers->settings->policies);
    }
    if (settings->access != NULL) {
        access_keep_usage(settings->access, workers->settings->access);
    }
    workers->old = workers->settings;
    workers->settings = settings;
    settings_hold(settings, workers->count);
    for (uint32_t i = 0; i < workers->count; i++) {
        give_order(workers, i, ORDER_SETTINGS, settings);
    }
}

void workers_log_level(struct workers *workers, enum log_level level)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        log_level_set(workers->threads[i].log, level);
    }
}

void workers_lame_duck(struct workers *workers)
{
    order_all(workers, ORDER_LAME_DUCK);
}

bool workers_finished(struct workers *workers)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        if (atomic_load(&workers->ports[i].connections) > 0) {
            return false;
        }
    }
    return true;
}

static void sleep_us(long us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    (void)nanosleep(&pause, NULL);
}

static void sleep_ms(long ms)
{
    sleep_us(ms * 1000);
}

/* An order may come when its worker has just ended; of other workers nothing is left. */
static void inbox_empty(struct mpsc *inbox)
{
    struct mpsc_node *node;
    while (mpsc_pop(inbox, &node) == MPSC_NODE) {
        struct envelope *envelope = CONTAINER_OF(node, struct envelope, node);
        ASSERT(envelope->kind == ENVELOPE_ORDER);
        struct order_envelope *order = CONTAINER_OF(envelope, struct order_envelope, envelope);
        if (order->order == ORDER_SETTINGS) {
            settings_release(order->argument);
        } else if (order->order == ORDER_ANSWER) {
            answer_finish(order->argument);
        }
        memory_free(order);
    }
}

bool workers_stop(struct workers *workers, uint64_t timeout_ns)
{
    uint64_t deadline = sys_now_ns() + timeout_ns;
    for (uint32_t i = 0; i < workers->count; i++) {
        helper_hurry(workers->threads[i].helper);
    }
    order_all(workers, ORDER_STOP);
    bool in_time = true;
    while (atomic_load(&workers->running) > 0) {
        if (in_time && sys_now_ns() > deadline) {
            in_time = false;
            order_all(workers, ORDER_STOP_NOW);
        }
        sleep_ms(1);
    }
    for (uint32_t i = 0; i < workers->count; i++) {
        pthread_join(workers->threads[i].thread, NULL);
    }
    stop_helpers(workers); /* before the loops they wake */
    for (uint32_t i = 0; i < workers->count; i++) {
        worker_free(workers->threads[i].worker);
        inbox_empty(&workers->ports[i].inbox);
    }
    workers->is_stopped = true;
    return in_time;
}

void workers_free(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    ASSERT(workers->is_stopped);
    for (uint32_t i = 0; i < workers->count; i++) {
        if (workers->threads[i].log != NULL) {
            log_free(workers->threads[i].log);
        }
    }
    pthread_mutex_destroy(&workers->lock);
    pthread_cond_destroy(&workers->changed);
    settings_free(workers->old);
    settings_free(workers->settings);
    memory_free(workers->ports);
    memory_free(workers->loops);
    memory_free(workers->threads);
    memory_free(workers);
}

size_t workers_log_rings(struct workers *workers, struct log **rings, size_t max)
{
    size_t count = MIN_OF((size_t)workers->count, max);
    for (size_t i = 0; i < count; i++) {
        rings[i] = workers->threads[i].log;
    }
    return count;
}

static void add_words(void *sum, const void *one, size_t size)
{
    uint64_t *to = sum;
    const uint64_t *from = one;
    for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
        to[i] += from[i];
    }
}

uint32_t workers_count(const struct workers *workers)
{
    return workers->count;
}

uint32_t workers_ask(struct workers *workers, const struct snapshot_query *query,
                     uint64_t timeout_ns, struct answer *answers[WORKERS_MAX])
{
    uint64_t deadline = sys_now_ns() + timeout_ns;
    uint32_t answered = 0;
    for (uint32_t i = 0; i < workers->count; i++) {
        answers[i] = answer_new(query);
        give_order(workers, i, ORDER_ANSWER, answers[i]);
    }
    for (uint32_t i = 0; i < workers->count; i++) {
        for (uint32_t looks = 0; !answer_is_ready(answers[i]) && sys_now_ns() < deadline; looks++) {
            sleep_us(looks < 10 ? 100 : 1000);
        }
        if (answer_is_ready(answers[i])) {
            answered++;
        } else {
            answer_unref(answers[i]);
            answers[i] = NULL;
        }
    }
    return answered;
}

void workers_counters(struct workers *workers, struct metrics *sum, struct hub_gauges *gauges,
                      struct loop_stats *loop)
{
    struct answer *answers[WORKERS_MAX];
    memset(gauges, 0, sizeof(*gauges));
    memset(loop, 0, sizeof(*loop));
    uint32_t answered = workers_ask(workers, NULL, COUNTERS_WAIT_MS * UINT64_C(1000000), answers);
    MAYBE(answered < workers->count);
    for (uint32_t i = 0; i < workers->count; i++) {
        if (answers[i] != NULL) {
            metrics_add(sum, &answers[i]->metrics);
            add_words(gauges, &answers[i]->gauges, sizeof(*gauges));
            add_words(loop, &answers[i]->loop, sizeof(*loop));
            answer_unref(answers[i]);
        }
    }
}

void workers_sizes(const struct config *config, struct config_sizes *sizes)
{
    (void)config;
    sizes->session_bytes = sizeof(struct nats_client) + 64;
    sizes->connection_kernel_bytes = 4096;
    sizes->worker_bytes = STACK_BYTES + sizeof(struct port) + (1 << 20) + PLATES_BYTES;
    sizes->spare_bytes = hub_spare_bytes_max();
    sizes->ring_bytes = 512 * 64 + 16384 * 16;
}
