/* bufring.c - see bufring.h. */
#include "io/bufring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BUFFERS_MAX = 32768 }; /* the kernel's limit of entries */

int bufring_open(struct bufring *bufring, struct io_uring *uring, uint16_t group, uint32_t count,
                 uint32_t buffer_bytes)
{
    ASSERT(count <= BUFFERS_MAX);
    memset(bufring, 0, sizeof(*bufring));
    if (count == 0) {
        return 0;
    }
    bufring->count = count;
    bufring->buffer_bytes = buffer_bytes;
    bufring->group = group;
    bufring->entries = 1;
    while (bufring->entries < count) {
        bufring->entries *= 2;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    bufring->ring = (struct io_uring_buf_ring *)memory_alloc_aligned(
        page, bufring->entries * sizeof(struct io_uring_buf));
    struct io_uring_buf_reg registration;
    memset(&registration, 0, sizeof(registration));
    registration.ring_addr = (uint64_t)(uintptr_t)bufring->ring;
    registration.ring_entries = bufring->entries;
    registration.bgid = group;
    int failed = io_uring_register_buf_ring(uring, &registration, 0);
    if (failed != 0) {
        memory_free(bufring->ring);
        bufring->ring = NULL;
        bufring->count = 0;
        return failed;
    }
    io_uring_buf_ring_init(bufring->ring);
    bufring->memory = (uint8_t *)memory_alloc_aligned(page, (size_t)count * buffer_bytes);
    bufring->given = (bool *)memory_alloc(count * sizeof(*bufring->given));
    for (uint32_t id = 0; id < count; id++) {
        bufring_give(bufring, id);
    }
    return 0;
}

void bufring_free(struct bufring *bufring)
{
    memory_free(bufring->ring);
    memory_free(bufring->memory);
    memory_free(bufring->given);
    memset(bufring, 0, sizeof(*bufring));
}

void bufring_check(const struct bufring *bufring)
{
    uint32_t given = 0;
    for (uint32_t id = 0; id < bufring->count; id++) {
        given += bufring->given[id];
    }
    ASSERT(given == bufring->at_kernel);
}

uint8_t *bufring_take(struct bufring *bufring, uint32_t id)
{
    ASSERT(id < bufring->count);
    ASSERT(bufring->given[id]);
    bufring->given[id] = false;
    bufring->at_kernel--;
    return bufring->memory + (size_t)id * bufring->buffer_bytes;
}

void bufring_give(struct bufring *bufring, uint32_t id)
{
    ASSERT(id < bufring->count);
    ASSERT(!bufring->given[id]);
    bufring->given[id] = true;
    bufring->at_kernel++;
    io_uring_buf_ring_add(bufring->ring, bufring->memory + (size_t)id * bufring->buffer_bytes,
                          bufring->buffer_bytes, (unsigned short)id,
                          io_uring_buf_ring_mask(bufring->entries), 0);
    io_uring_buf_ring_advance(bufring->ring, 1);
}
