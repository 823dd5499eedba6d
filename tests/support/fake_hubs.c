/* fake_hubs.c - see fake_hubs.h. */
#include "tests/support/fake_hubs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LISTENER_FD = 3 };

static void open_worker(struct hubs *hubs, uint32_t number)
{
    static const int listeners[1] = {LISTENER_FD};
    const struct worker_options options = {
        .hub = {.worker = number,
                .workers_count = hubs->workers,
                .ports = hubs->ports,
                .hash_key = 7,
                .seed = 11 + number,
                .sessions_max = HUBS_SESSIONS_MAX,
                .max_pending = 64 * 1024 * 1024,
                .write_deadline_ns = 10 * HUBS_SECOND_NS,
                .log_bytes_max = 256 * 1024 * 1024,
                .index_bytes_max = 64 * 1024 * 1024,
                .input_bytes_max = 64 * 1024 * 1024,
                .credit_bytes = 4 * 1024 * 1024,
                .log = number == 0 ? hubs->log : NULL},
        .loop = {.backend = LOOP_FAKE, .slots_max = HUBS_SESSIONS_MAX},
        .settings = &hubs->settings,
        .loops = hubs->loops,
        .client_ids = &hubs->client_ids,
        .listener_fds = listeners,
        .listeners_count = number == 0 ? 1 : 0,
    };
    assert_int_equal(worker_open(&options, hubs->now_ns, &hubs->all[number]), 0);
}

struct hubs *hubs_new(uint32_t workers, uint32_t max_connections)
{
    struct hubs *hubs = memory_alloc(sizeof(*hubs));
    hubs->world = fake_world_new(1);
    hubs->workers = workers;
    hubs->now_ns = HUBS_SECOND_NS;
    hubs->settings.nats = &hubs->nats;
    hubs->settings.max_connections = max_connections;
    hubs->settings.lame_duck_duration_ns = 60 * HUBS_SECOND_NS;
    hubs->settings.lame_duck_grace_ns = 10 * HUBS_SECOND_NS;
    hubs->settings.max_pending = 64 * 1024 * 1024;
    hubs->settings.write_deadline_ns = 10 * HUBS_SECOND_NS;
    hubs->log = log_new(LOG_RING_BYTES, LOG_INFO);
    hubs->ports = memory_alloc_aligned(CACHE_LINE, workers * sizeof(struct port));
    atomic_store(&hubs->client_ids, (uint64_t)1);
    hubs->nats.options = (struct nats_options){.max_control_line = 4096,
                                               .max_payload = 1024 * 1024,
                                               .ping_interval_ns = 1000 * HUBS_SECOND_NS,
                                               .ping_max = 2};
    const struct nats_info_server server = {.server_id = "NTEST",
                                            .server_name = "test",
                                            .version = "2.9.10",
                                            .go = "none",
                                            .host = "127.0.0.1",
                                            .port = 1,
                                            .headers = true,
                                            .max_payload = 1024 * 1024,
                                            .remote_account = "$G"};
    assert_true(nats_info_init(&hubs->nats.info, &server));
    for (uint32_t i = 0; i < workers; i++) {
        mpsc_init(&hubs->ports[i].inbox);
        doorbell_init(&hubs->ports[i].bell);
    }
    for (uint32_t i = 0; i < workers; i++) {
        open_worker(hubs, i);
    }
    return hubs;
}

void hubs_wait(struct hubs *hubs, uint32_t number)
{
    worker_wait(hubs->all[number], hubs->now_ns);
}

void hubs_turn(struct hubs *hubs, uint32_t number)
{
    if (hubs->has_ended[number]) {
        return;
    }
    hubs_wait(hubs, number);
    enum worker_turn turned = worker_turn(hubs->all[number], hubs->now_ns);
    assert_int_not_equal(turned, WORKER_HALF_LINKED);
    hubs->has_ended[number] = turned == WORKER_STOPPED;
}

static bool has_work(const struct hubs *hubs)
{
    for (uint32_t i = 0; i < hubs->workers; i++) {
        if (!hubs->has_ended[i] &&
            (fake_loop_is_runnable(hubs->loops[i]) || !mpsc_is_empty(&hubs->ports[i].inbox) ||
             worker_next_deadline(hubs->all[i]) <= hubs->now_ns)) {
            return true;
        }
    }
    return false;
}

void hubs_run(struct hubs *hubs)
{
    for (uint32_t rounds = 0; has_work(hubs); rounds++) {
        assert_true(rounds < HUBS_ROUNDS_MAX);
        for (uint32_t i = 0; i < hubs->workers; i++) {
            hubs_turn(hubs, i);
        }
    }
}

void hubs_order(struct hubs *hubs, uint32_t number, enum order_kind kind, void *argument)
{
    struct order_envelope *envelope = memory_alloc(sizeof(*envelope));
    envelope->envelope.kind = ENVELOPE_ORDER;
    envelope->order = kind;
    envelope->argument = argument;
    mpsc_push(&hubs->ports[number].inbox, &envelope->envelope.node);
}

static bool have_all_ended(const struct hubs *hubs)
{
    for (uint32_t i = 0; i < hubs->workers; i++) {
        if (!hubs->has_ended[i]) {
            return false;
        }
    }
    return true;
}

void hubs_end(struct hubs *hubs, uint64_t seed)
{
    for (uint32_t turns = 0; !have_all_ended(hubs); turns++) {
        assert_true(turns < HUBS_ROUNDS_MAX);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        hubs_turn(hubs, (uint32_t)(seed >> 33) % hubs->workers);
        hubs->now_ns += HUBS_SECOND_NS / 1000;
    }
}

struct hub_gauges hubs_gauges(struct hubs *hubs, uint32_t number)
{
    struct hub_gauges gauges;
    hub_gauges(worker_hub(hubs->all[number]), &gauges);
    return gauges;
}

uint32_t hubs_sessions(struct hubs *hubs, uint32_t number)
{
    return hub_sessions_count(worker_hub(hubs->all[number]));
}

void hubs_free(struct hubs *hubs)
{
    for (uint32_t i = 0; i < hubs->workers; i++) {
        if (!hubs->has_ended[i]) {
            hubs_order(hubs, i, ORDER_STOP_NOW, NULL);
        }
    }
    hubs_end(hubs, 1);
    for (uint32_t i = 0; i < hubs->workers; i++) {
        assert_int_equal(hubs_gauges(hubs, i).envelopes_under_way, 0);
        assert_int_equal(fake_loop_slots_used(hubs->loops[i]), 0);
        assert_int_equal(atomic_load(&hubs->ports[i].connections), 0);
        assert_true(mpsc_is_empty(&hubs->ports[i].inbox));
    }
    for (uint32_t i = 0; i < hubs->workers; i++) {
        worker_free(hubs->all[i]);
    }
    fake_world_free(hubs->world);
    log_free(hubs->log);
    memory_free(hubs->ports);
    memory_free(hubs);
}

void hubs_say(struct fake_client *client, const char *text)
{
    size_t size = strlen(text);
    assert_int_equal(fake_client_write(client, bytes_of(text, size)), size);
}

const char *hubs_hear(struct hubs *hubs, struct fake_client *client)
{
    size_t size = fake_client_read(client, hubs->heard, HUBS_HEARD_MAX - 1);
    hubs->heard[size] = '\0';
    return hubs->heard;
}

struct fake_client *hubs_join(struct hubs *hubs)
{
    struct fake_client *client = fake_connect(hubs->loops[0]);
    hubs_say(client, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
    hubs_run(hubs);
    assert_non_null(strstr(hubs_hear(hubs, client), "INFO "));
    return client;
}

struct fake_client *hubs_join_saying(struct hubs *hubs, const char *text)
{
    struct fake_client *client = hubs_join(hubs);
    hubs_say(client, text);
    hubs_run(hubs);
    return client;
}
