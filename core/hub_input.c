/*
 * hub_input.c - half-received verbs: the only bytes a session owns, and only while it holds them.
 *
 * Most are the cut end of a read and are gone with the next one: they live in recycled blocks.
 */
#include "core/hub_state.h"

/* ---- blocks ---------------------------------------------------------------------------------- */

static void *spare_take(struct hub *hub, uint32_t kind, size_t size)
{
    void *block = hub->blocks[kind];
    if (block == NULL) {
        return memory_resize(NULL, size);
    }
    memcpy(&hub->blocks[kind], block, sizeof(void *));
    hub->blocks_count[kind]--;
    return block;
}

static void spare_give(struct hub *hub, uint32_t kind, void *block)
{
    if (hub->blocks_count[kind] >= BLOCKS_SPARE_MAX) {
        memory_free(block);
        return;
    }
    memcpy(block, &hub->blocks[kind], sizeof(void *));
    hub->blocks[kind] = block;
    hub->blocks_count[kind]++;
}

void spares_free(struct hub *hub)
{
    for (size_t kind = 0; kind < COUNT_OF(hub->blocks); kind++) {
        void *block;
        while ((block = hub->blocks[kind]) != NULL) {
            memcpy(&hub->blocks[kind], block, sizeof(void *));
            memory_free(block);
        }
    }
}

void *hub_block_take(struct hub *hub)
{
    return spare_take(hub, 0, HUB_BLOCK_BYTES);
}

void hub_block_give(struct hub *hub, void *block)
{
    spare_give(hub, 0, block);
}

/* A capacity says where the memory came from: the two kinds of block, or larger and its own. */
static uint8_t *input_alloc(struct hub *hub, size_t capacity)
{
    if (capacity == HUB_BLOCK_BYTES) {
        return spare_take(hub, 0, HUB_BLOCK_BYTES);
    }
    return capacity == INPUT_BYTES ? spare_take(hub, 1, INPUT_BYTES)
                                   : memory_resize(NULL, capacity);
}

static void input_release(struct hub *hub, struct input *input)
{
    if (input->capacity == 0) {
        return;
    }
    hub->input_bytes -= input->capacity;
    if (input->capacity == HUB_BLOCK_BYTES) {
        spare_give(hub, 0, input->data);
    } else if (input->capacity == INPUT_BYTES) {
        spare_give(hub, 1, input->data);
    } else {
        memory_free(input->data);
    }
}

void input_free(struct hub *hub, struct session *session)
{
    input_release(hub, &session->input);
    session->input = (struct input){0};
    list_remove(&session->input_link);
}

/* ---- input ----------------------------------------------------------------------------------- */

bool hub_input_keep(struct hub *hub, struct session *session, struct bytes bytes, size_t expected)
{
    struct input *input = &session->input;
    size_t need = input->size + bytes.size;
    if (need > input->capacity) {
        /* Grows with what arrived, not with what was promised: a client that declares a megabyte
         * and sends one byte costs one byte. */
        size_t capacity = MAX_OF(need, (size_t)input->capacity * 2);
        if (expected > 0) {
            capacity = MAX_OF(need, MIN_OF(capacity, expected));
        }
        capacity = capacity <= HUB_BLOCK_BYTES ? HUB_BLOCK_BYTES
                   : capacity <= INPUT_BYTES   ? INPUT_BYTES
                                               : capacity;
        uint8_t *data = input_alloc(hub, capacity);
        hub->input_bytes += capacity;
        if (input->size > 0) {
            memcpy(data, input->data, input->size);
        }
        input_release(hub, input);
        input->data = data;
        input->capacity = (uint32_t)capacity;
    }
    memcpy(input->data + input->size, bytes.ptr, bytes.size);
    input->size = (uint32_t)need;
    list_remove(&session->input_link);
    list_push(&hub->inputs, &session->input_link);
    while (hub->input_bytes > hub->options.input_bytes_max) {
        struct list *oldest = list_first(&hub->inputs);
        ASSERT(oldest != NULL);
        struct session *victim = CONTAINER_OF(oldest, struct session, input_link);
        if (victim == session) {
            return false;
        }
        hub_close(hub, victim, CLOSE_INPUT_STALLED, HUB_CLOSE_AT_ONCE);
    }
    return true;
}

void hub_input_skip(struct hub *hub, struct session *session, size_t size)
{
    struct input *input = &session->input;
    ASSERT(size <= input->size);
    input->size -= (uint32_t)size;
    if (input->size == 0) {
        input_free(hub, session);
    } else if (size > 0) {
        memmove(input->data, input->data + size, input->size);
    }
}
