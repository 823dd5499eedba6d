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

/* The size says where the memory came from: the two kinds of block, or larger and its own. */
static struct input *input_alloc(struct hub *hub, size_t size)
{
    struct input *input = size == HUB_BLOCK_BYTES ? spare_take(hub, 0, HUB_BLOCK_BYTES)
                          : size == INPUT_BYTES   ? spare_take(hub, 1, INPUT_BYTES)
                                                  : memory_resize(NULL, size);
    hub->input_bytes += size;
    *input = (struct input){.capacity = (uint32_t)(size - sizeof(*input))};
    return input;
}

static void input_release(struct hub *hub, struct input *input)
{
    size_t size = sizeof(*input) + input->capacity;
    hub->input_bytes -= size;
    if (size == HUB_BLOCK_BYTES) {
        spare_give(hub, 0, input);
    } else if (size == INPUT_BYTES) {
        spare_give(hub, 1, input);
    } else {
        memory_free(input);
    }
}

void input_free(struct hub *hub, struct session *session)
{
    if (session->input != NULL) {
        input_release(hub, session->input);
        session->input = NULL;
        queue_remove(&hub->inputs, session);
    }
}

/* ---- input ----------------------------------------------------------------------------------- */

/* Room for need bytes; expected: how many it will be, 0 if nobody knows. */
static struct input *input_grow(struct hub *hub, struct input *old, size_t need, size_t expected)
{
    /* Grows with what arrived, not with what was promised: a client that declares a megabyte and
     * sends one byte costs one byte. */
    size_t size = sizeof(struct input) + need;
    if (old != NULL) {
        size_t doubled = 2 * (sizeof(struct input) + old->capacity);
        if (expected > 0) {
            doubled = MIN_OF(doubled, sizeof(struct input) + expected);
        }
        size = MAX_OF(size, doubled);
    }
    size = size <= HUB_BLOCK_BYTES ? HUB_BLOCK_BYTES : size <= INPUT_BYTES ? INPUT_BYTES : size;
    struct input *input = input_alloc(hub, size);
    if (old != NULL) {
        memcpy(input->data, old->data, old->size);
        input->size = old->size;
        input_release(hub, old);
    }
    return input;
}

bool hub_input_keep(struct hub *hub, struct session *session, struct bytes bytes, size_t expected)
{
    ASSERT(bytes.size > 0);
    struct input *input = session->input;
    size_t need = session_input(session).size + bytes.size;
    if (input == NULL || need > input->capacity) {
        input = input_grow(hub, input, need, expected);
        session->input = input;
    }
    memcpy(input->data + input->size, bytes.ptr, bytes.size);
    input->size = (uint32_t)need;
    if (session->input_place != 0) {
        queue_remove(&hub->inputs, session);
    }
    queue_push(&hub->inputs, session);
    while (hub->input_bytes > hub->options.input_bytes_max) {
        struct session *victim = queue_first(&hub->inputs);
        ASSERT(victim != NULL);
        if (victim == session) {
            return false;
        }
        hub_close(hub, victim, CLOSE_INPUT_STALLED, HUB_CLOSE_AT_ONCE);
    }
    return true;
}

void hub_input_skip(struct hub *hub, struct session *session, size_t size)
{
    struct input *input = session->input;
    if (input == NULL) {
        ASSERT(size == 0);
        return;
    }
    ASSERT(size <= input->size);
    input->size -= (uint32_t)size;
    if (input->size == 0) {
        input_free(hub, session);
    } else if (size > 0) {
        memmove(input->data, input->data + size, input->size);
    }
}
