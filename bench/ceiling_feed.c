/* ceiling_feed.c - see ceiling_feed.h. */
#include "bench/ceiling_feed.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool feed_open(struct feed *feed)
{
    size_t bytes = feed->log_bytes;
    int fd = memfd_create("ceiling-log", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
        return false;
    }
    uint8_t *at = mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (mmap(at + (size_t)i * bytes, bytes, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED) {
            return false;
        }
    }
    close(fd);
    feed->log = at;
    return true;
}

uint64_t feed_oldest(const struct feed *feed)
{
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 0; i < feed->threads_count; i++) {
        oldest = MIN_OF(oldest, atomic_load(&feed->oldest[i].position));
    }
    return oldest;
}

bool feed_takes(struct feed *feed, const char *subject)
{
    pthread_mutex_lock(&feed->lock);
    if (feed->subject[0] == 0) {
        memcpy(feed->subject, subject, strlen(subject) + 1);
    }
    bool takes = strcmp(feed->subject, subject) == 0;
    pthread_mutex_unlock(&feed->lock);
    return takes;
}
