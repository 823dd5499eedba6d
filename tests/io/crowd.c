/*
 * crowd.c - many quiet subscribers in one process: connects, subscribes to "all", and counts.
 *
 *   crowd PORT FIRST COUNT     COUNT connections from 127.1.0.FIRST and on, 10,000 an address
 *
 * Prints "ready" when the hub has answered everybody, then a line for each message that everybody
 * has heard: its number and how long after its publishing the first and the last heard it. The
 * message is "number nanoseconds", of CLOCK_MONOTONIC. Ends when its standard input does, with a
 * line that says how many messages not everybody heard. By hand; several of them make a crowd that
 * is larger than RLIMIT_NOFILE.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
    PER_ADDRESS = 10000,
    AT_ONCE = 200, /* connections whose PONG is outstanding */
    LINE_MAX_BYTES = 128,
    MESSAGES_MAX = 1024,
};

struct member {
    int fd;
    uint32_t used;
    char line[LINE_MAX_BYTES]; /* begins with what is not ended yet; longer lines are cut */
};

struct heard {
    uint32_t count;
    uint64_t published_ns;
    uint64_t first_ns;
};

struct crowd {
    int epoll;
    uint16_t port;
    uint32_t first_address;
    uint32_t wanted;
    uint32_t opened;
    uint32_t ponged;
    uint32_t closed;
    struct member *members;
    struct heard heard[MESSAGES_MAX];
    uint32_t heard_by_all;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void member_open(struct crowd *crowd, uint32_t number)
{
    static const char hello[] = "CONNECT {\"verbose\":false}\r\nSUB all 1\r\nPING\r\n";
    const int yes = 1;
    struct member *member = &crowd->members[number];
    struct sockaddr_in source = {.sin_family = AF_INET};
    struct sockaddr_in hub = {.sin_family = AF_INET, .sin_port = htons(crowd->port)};
    source.sin_addr.s_addr =
        htonl(0x7f010000u + crowd->first_address + number / (uint32_t)PER_ADDRESS);
    hub.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    member->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (member->fd < 0) {
        die("socket");
    }
    if (setsockopt(member->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) != 0 ||
        bind(member->fd, (struct sockaddr *)&source, sizeof(source)) != 0) {
        die("bind");
    }
    if (connect(member->fd, (struct sockaddr *)&hub, sizeof(hub)) != 0) {
        die("connect");
    }
    if (send(member->fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(hello) - 1) {
        die("send");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, member->fd, &event) != 0) {
        die("epoll_ctl");
    }
}

static void hear(struct crowd *crowd, uint32_t number, uint64_t published_ns)
{
    struct heard *heard = &crowd->heard[number % MESSAGES_MAX];
    uint64_t now = now_ns();
    if (heard->count++ == 0) {
        heard->published_ns = published_ns;
        heard->first_ns = now;
    }
    if (heard->count == crowd->wanted) {
        crowd->heard_by_all++;
        printf("%" PRIu32 " first %.3f last %.3f ms\n", number,
               (double)(heard->first_ns - heard->published_ns) / 1e6,
               (double)(now - heard->published_ns) / 1e6);
        fflush(stdout);
    }
}

static void line_ended(struct crowd *crowd, struct member *member)
{
    uint32_t number;
    uint64_t published_ns;
    member->line[member->used] = '\0';
    member->used = 0;
    if (strncmp(member->line, "PONG", 4) == 0) {
        crowd->ponged++;
        if (crowd->ponged == crowd->wanted) {
            printf("ready\n");
            fflush(stdout);
        }
    } else if (strncmp(member->line, "PING", 4) == 0) {
        (void)send(member->fd, "PONG\r\n", 6, MSG_NOSIGNAL);
    } else if (strncmp(member->line, "-ERR", 4) == 0) {
        fprintf(stderr, "crowd: %s\n", member->line);
    } else if (sscanf(member->line, "%" SCNu32 " %" SCNu64, &number, &published_ns) == 2) {
        hear(crowd, number, published_ns);
    }
}

static void member_read(struct crowd *crowd, struct member *member)
{
    char room[16384];
    ssize_t got = recv(member->fd, room, sizeof(room), MSG_DONTWAIT);
    if (got <= 0 && !(got < 0 && errno == EAGAIN)) {
        (void)epoll_ctl(crowd->epoll, EPOLL_CTL_DEL, member->fd, NULL);
        crowd->closed++;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (room[i] == '\n') {
            line_ended(crowd, member);
        } else if (member->used < LINE_MAX_BYTES - 1) {
            member->line[member->used++] = room[i];
        }
    }
}

/* False: the standard input has ended. */
static bool turn(struct crowd *crowd)
{
    struct epoll_event events[512];
    while (crowd->opened < crowd->wanted && crowd->opened - crowd->ponged < AT_ONCE) {
        member_open(crowd, crowd->opened++);
    }
    int count = epoll_wait(crowd->epoll, events, 512, -1);
    bool goes_on = true;
    for (int i = 0; i < count; i++) {
        char byte;
        if (events[i].data.u32 == UINT32_MAX) {
            goes_on = read(STDIN_FILENO, &byte, 1) > 0;
        } else {
            member_read(crowd, &crowd->members[events[i].data.u32]);
        }
    }
    return goes_on;
}

static void summarise(const struct crowd *crowd)
{
    uint32_t partly = 0;
    uint64_t deliveries = 0;
    for (uint32_t i = 0; i < MESSAGES_MAX; i++) {
        partly += crowd->heard[i].count > 0 && crowd->heard[i].count != crowd->wanted;
        deliveries += crowd->heard[i].count;
    }
    printf("by all %" PRIu32 ", not by all %" PRIu32 ", deliveries %" PRIu64 ", closed %" PRIu32
           "\n",
           crowd->heard_by_all, partly, deliveries, crowd->closed);
}

int main(int argc, char *argv[])
{
    static struct crowd crowd;
    struct rlimit files;
    if (argc != 4) {
        fprintf(stderr, "usage: crowd PORT FIRST COUNT\n");
        return EXIT_FAILURE;
    }
    crowd.port = (uint16_t)strtoul(argv[1], NULL, 10);
    crowd.first_address = (uint32_t)strtoul(argv[2], NULL, 10);
    crowd.wanted = (uint32_t)strtoul(argv[3], NULL, 10);
    crowd.members = calloc(crowd.wanted, sizeof(struct member));
    crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    if (crowd.members == NULL || crowd.epoll < 0 ||
        epoll_ctl(crowd.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) {
        die("start");
    }
    while (turn(&crowd)) {
    }
    summarise(&crowd);
    return EXIT_SUCCESS;
}
