/*
 * monitor.c - the thread and its connections. Sockets are accepted here and handed to libmicrohttpd,
 * so that how many there are, and how long each may take, is decided in one place.
 */
#include "io/monitor.h"

#include "io/dashboard.h"
#include "io/sys.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SECONDS_IDLE = 10,  /* libmicrohttpd's own, for connections where nothing moves */
    ARGUMENTS_MAX = 32, /* of a request; the rest is not looked at */
    LOOK_MS = 500,      /* how often connections are looked at that nothing moves on */
    NICE = 10,          /* workers come first */
    STACK_BYTES = 256 * 1024,
    WALL_SET_NS = 50000000, /* the two clocks part by more than this only where somebody sets one */
};

struct guest {
    int fd; /* -1: free */
    uint64_t since_ns;
};

struct cpu_meter {
    uint64_t at_ns;
    uint64_t used_ns;
    double percent;
};

struct known {
    struct monitor_facts facts;
    struct config config; /* facts.config */
};

struct monitor {
    struct known known; /* the monitoring thread's */
    struct known *news; /* to become known with the next request; the lock's; NULL: none */
    pthread_mutex_t lock;
    const struct monitor_source *source;
    struct listener listener;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    int stop_fd;
    struct guest guests[MONITOR_CONNECTIONS_MAX];
    uint64_t requests_count[PAGES_COUNT];
    uint64_t refused_count;
    size_t bodies_bytes; /* of answers that are not sent yet */
    struct cpu_meter cpu;
    uint64_t wall_origin_ns; /* the wall's clock when the workers' was 0 */
};

/* ---- answers ----------------------------------------------------------------------------------- */

/* A body on its way out: libmicrohttpd frees it through us. */
struct outgoing {
    struct monitor *monitor;
    size_t size;
    char text[];
};

static void outgoing_free(void *text)
{
    struct outgoing *outgoing = CONTAINER_OF(text, struct outgoing, text);
    outgoing->monitor->bodies_bytes -= outgoing->size;
    memory_free(outgoing);
}

static struct MHD_Response *response_of(struct monitor *monitor, const char *text, size_t size)
{
    struct outgoing *outgoing = memory_resize(NULL, sizeof(*outgoing) + size + 1);
    outgoing->monitor = monitor;
    outgoing->size = size;
    if (size > 0) {
        memcpy(outgoing->text, text, size);
    }
    monitor->bodies_bytes += size;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(size, outgoing->text, outgoing_free);
    if (response == NULL) {
        outgoing_free(outgoing->text);
    }
    return response;
}

static enum MHD_Result send_off(struct MHD_Connection *connection, uint32_t status,
                                const char *type, struct MHD_Response *response)
{
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct monitor *monitor, struct MHD_Connection *connection,
                              uint32_t status, const char *text)
{
    monitor->refused_count++;
    return send_off(connection, status, "text/plain; charset=utf-8",
                    response_of(monitor, text, strlen(text)));
}

static enum MHD_Result send_dashboard(struct MHD_Connection *connection)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        dashboard_html_size, (void *)(uintptr_t)dashboard_html, MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        (void)MHD_add_response_header(response, "Content-Security-Policy",
                                      "default-src 'none'; style-src 'unsafe-inline'; "
                                      "script-src 'unsafe-inline'; connect-src 'self'; "
                                      "img-src data:; frame-ancestors 'none'");
    }
    return send_off(connection, MHD_HTTP_OK, "text/html; charset=utf-8", response);
}

/* Percent of one CPU since the last look, or the last answer where that was a moment ago. */
static double cpu_percent(struct cpu_meter *cpu, uint64_t now_ns)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t used_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    uint64_t used_ns = used_us * 1000;
    if (now_ns - cpu->at_ns > 200000000) {
        double share = (double)(used_ns - cpu->used_ns) / (double)(now_ns - cpu->at_ns);
        cpu->percent = (double)(uint64_t)(share * 1000.0 + 0.5) / 10.0;
        cpu->at_ns = now_ns;
        cpu->used_ns = used_ns;
    }
    return cpu->percent;
}

/* What the wall's clock says. Between looking at it and at the workers' clock some time passes, another
 * at each answer, and when a connection was opened must not move with that: so the distance between the
 * clocks is kept until somebody sets the wall's. */
static uint64_t wall_at(struct monitor *monitor, uint64_t now_ns)
{
    uint64_t origin_ns = sys_wall_ns() - now_ns;
    uint64_t known_ns = monitor->wall_origin_ns;
    if (MAX_OF(origin_ns, known_ns) - MIN_OF(origin_ns, known_ns) > WALL_SET_NS) {
        monitor->wall_origin_ns = origin_ns;
    }
    return monitor->wall_origin_ns + now_ns;
}

static enum MHD_Result send_page(struct monitor *monitor, struct MHD_Connection *connection,
                                 const struct monitor_request *request)
{
    if (monitor->bodies_bytes > MONITOR_BODIES_BYTES) {
        return refuse(monitor, connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "too many answers are waiting to be read\n");
    }
    struct monitor_view view = {.facts = &monitor->known.facts,
                                .source = monitor->source,
                                .request = *request,
                                .now_ns = sys_now_ns(),
                                .requests_count = monitor->requests_count,
                                .refused_count = monitor->refused_count};
    view.wall_ns = wall_at(monitor, view.now_ns);
    view.cpu_percent = cpu_percent(&monitor->cpu, view.now_ns);
    struct body body = {0};
    uint32_t status = monitor_write(&view, &body);
    view_free(&view);
    if (body.is_full) {
        body_free(&body);
        return refuse(monitor, connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "the answer would be too long; ask for less with limit\n");
    }
    struct MHD_Response *response = response_of(monitor, body.text, body.size);
    body_free(&body);
    if (monitor_request_has_callback(request)) {
        return send_off(connection, status, "application/javascript", response);
    }
    bool is_metrics = request->page == PAGE_METRICS;
    if (response != NULL && !is_metrics) {
        (void)MHD_add_response_header(response, "Access-Control-Allow-Origin", "*");
    }
    return send_off(connection, status,
                    is_metrics ? "text/plain; version=0.0.4; charset=utf-8" : "application/json",
                    response);
}

/* ---- requests ---------------------------------------------------------------------------------- */

struct arguments {
    struct monitor_argument all[ARGUMENTS_MAX];
    size_t count;
};

static enum MHD_Result take_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct arguments *arguments = context;
    (void)kind;
    if (arguments->count == ARGUMENTS_MAX) {
        return MHD_NO;
    }
    arguments->all[arguments->count++] = (struct monitor_argument){.name = name, .value = value};
    return MHD_YES;
}

static void know(struct known *known, const struct monitor_facts *facts)
{
    known->facts = *facts;
    known->config = *facts->config;
    known->facts.config = &known->config;
    known->facts.host = known->config.host;
    if (known->config.server_name[0] != '\0') {
        known->facts.server_name = known->config.server_name;
    }
}

void monitor_learn(struct monitor *monitor, const struct monitor_facts *facts)
{
    struct known *news = memory_alloc(sizeof(*news));
    know(news, facts);
    news->facts.http_port = monitor->listener.port;
    pthread_mutex_lock(&monitor->lock);
    struct known *unread = monitor->news;
    monitor->news = news;
    pthread_mutex_unlock(&monitor->lock);
    memory_free(unread);
}

static void take_news(struct monitor *monitor)
{
    pthread_mutex_lock(&monitor->lock);
    struct known *news = monitor->news;
    monitor->news = NULL;
    pthread_mutex_unlock(&monitor->lock);
    if (news != NULL) {
        know(&monitor->known, &news->facts);
        memory_free(news);
    }
}

static enum MHD_Result answer_request(struct monitor *monitor, struct MHD_Connection *connection,
                                      const char *path)
{
    struct arguments arguments = {.count = 0};
    struct monitor_request request;
    char why[MONITOR_ERROR_MAX];
    take_news(monitor);
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_argument, &arguments);
    switch (monitor_request_parse(monitor->known.facts.config->http_base_path, path, arguments.all,
                                  arguments.count, &request, why)) {
    case MONITOR_NOT_FOUND:
        return refuse(monitor, connection, MHD_HTTP_NOT_FOUND, "404 page not found\n");
    case MONITOR_BAD_ARGUMENT:
        return refuse(monitor, connection, MHD_HTTP_BAD_REQUEST, why);
    case MONITOR_OK:
        break;
    }
    monitor->requests_count[request.page]++;
    return request.page == PAGE_DASHBOARD ? send_dashboard(connection)
                                          : send_page(monitor, connection, &request);
}

/* Called once for the head and once when the request is whole; a body is not wanted. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    static char seen;
    struct monitor *monitor = context;
    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return refuse(monitor, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "use GET\n");
    }
    if (*state == NULL) {
        *state = &seen;
        return MHD_YES;
    }
    *upload_size = 0;
    return answer_request(monitor, connection, path);
}

/* ---- connections ------------------------------------------------------------------------------- */

static struct guest *guest_of(struct monitor *monitor, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (size_t i = 0; info != NULL && i < COUNT_OF(monitor->guests); i++) {
        if (monitor->guests[i].fd == info->connect_fd) {
            return &monitor->guests[i];
        }
    }
    return NULL;
}

static void connection_changed(void *context, struct MHD_Connection *connection, void **state,
                               enum MHD_ConnectionNotificationCode what)
{
    (void)state;
    struct guest *guest = guest_of(context, connection);
    if (guest != NULL && what == MHD_CONNECTION_NOTIFY_CLOSED) {
        guest->fd = -1;
    }
}

static void request_completed(void *context, struct MHD_Connection *connection, void **state,
                              enum MHD_RequestTerminationCode why)
{
    (void)state;
    (void)why;
    struct guest *guest = guest_of(context, connection);
    if (guest != NULL) {
        guest->since_ns = sys_now_ns();
    }
}

static void accept_guests(struct monitor *monitor, int listener_fd)
{
    for (size_t i = 0; i < COUNT_OF(monitor->guests); i++) {
        struct guest *guest = &monitor->guests[i];
        if (guest->fd >= 0) {
            continue;
        }
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        int fd =
            accept4(listener_fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        /* Before it is handed over: libmicrohttpd closes it, whatever happens, and says so. */
        *guest = (struct guest){.fd = fd, .since_ns = sys_now_ns()};
        if (MHD_add_connection(monitor->daemon, fd, (struct sockaddr *)&address, size) != MHD_YES) {
            guest->fd = -1;
        }
    }
}

static bool has_room(const struct monitor *monitor)
{
    for (size_t i = 0; i < COUNT_OF(monitor->guests); i++) {
        if (monitor->guests[i].fd < 0) {
            return true;
        }
    }
    return false;
}

/* Who neither finishes a request nor reads its answer loses the connection, and its place. */
static void cut_slow_guests(struct monitor *monitor)
{
    uint64_t now_ns = sys_now_ns();
    for (size_t i = 0; i < COUNT_OF(monitor->guests); i++) {
        struct guest *guest = &monitor->guests[i];
        if (guest->fd >= 0 && now_ns - guest->since_ns > MONITOR_REQUEST_NS) {
            (void)shutdown(guest->fd, SHUT_RDWR);
            guest->since_ns = now_ns;
        }
    }
}

/* ---- the thread -------------------------------------------------------------------------------- */

static int wait_ms(struct monitor *monitor)
{
    MHD_UNSIGNED_LONG_LONG timeout = LOOK_MS;
    if (MHD_get_timeout(monitor->daemon, &timeout) != MHD_YES) {
        return LOOK_MS;
    }
    return (int)MIN_OF(timeout, (MHD_UNSIGNED_LONG_LONG)LOOK_MS);
}

static void *thread_main(void *argument)
{
    struct monitor *monitor = argument;
    sys_thread_name("monitor");
    /* Of a thread, on Linux; where it is not allowed all stays as it is. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    int epoll_fd = MHD_get_daemon_info(monitor->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    struct pollfd fds[LISTENER_FDS_MAX + 2] = {{.fd = monitor->stop_fd, .events = POLLIN},
                                               {.fd = epoll_fd, .events = POLLIN}};
    size_t listeners = monitor->listener.count;
    for (;;) {
        short wanted = has_room(monitor) ? POLLIN : 0;
        for (size_t i = 0; i < listeners; i++) {
            fds[i + 2] = (struct pollfd){.fd = monitor->listener.fds[i], .events = wanted};
        }
        (void)poll(fds, listeners + 2, wait_ms(monitor));
        if (fds[0].revents != 0) {
            return NULL;
        }
        for (size_t i = 0; i < listeners; i++) {
            if (fds[i + 2].revents != 0) {
                accept_guests(monitor, fds[i + 2].fd);
            }
        }
        (void)MHD_run(monitor->daemon);
        cut_slow_guests(monitor);
    }
}

static int open_port(struct monitor *monitor, char *why, size_t why_size)
{
    const struct config *config = monitor->known.facts.config;
    struct listener_options options = {.host = config->http_host, .port = config->http_port};
    char text[768];
    int error = listener_open(&options, &monitor->listener, text, sizeof(text));
    if (error != 0) {
        snprintf(why, why_size, "monitoring: %s", text);
    }
    return error;
}

static struct MHD_Daemon *make_daemon(struct monitor *monitor)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, handle, monitor,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)MONITOR_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SECONDS_IDLE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MONITOR_REQUEST_BYTES, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, monitor,
        MHD_OPTION_NOTIFY_COMPLETED, request_completed, monitor, MHD_OPTION_END);
}

static void free_all(struct monitor *monitor)
{
    if (monitor->daemon != NULL) {
        MHD_stop_daemon(monitor->daemon);
    }
    if (monitor->stop_fd >= 0) {
        close(monitor->stop_fd);
    }
    listener_close(&monitor->listener);
    pthread_mutex_destroy(&monitor->lock);
    memory_free(monitor->news);
    memory_free(monitor);
}

int monitor_start(struct monitor_facts *facts, const struct monitor_source *source,
                  struct monitor **result, char *why, size_t why_size)
{
    struct monitor *monitor = memory_alloc(sizeof(*monitor));
    know(&monitor->known, facts);
    pthread_mutex_init(&monitor->lock, NULL);
    monitor->source = source;
    for (size_t i = 0; i < COUNT_OF(monitor->guests); i++) {
        monitor->guests[i].fd = -1;
    }
    monitor->cpu.at_ns = sys_now_ns();
    int error = open_port(monitor, why, why_size);
    if (error != 0) {
        pthread_mutex_destroy(&monitor->lock);
        memory_free(monitor);
        return error;
    }
    facts->http_port = monitor->listener.port;
    monitor->known.facts.http_port = monitor->listener.port;
    monitor->stop_fd = eventfd(0, EFD_CLOEXEC);
    monitor->daemon = make_daemon(monitor);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = monitor->stop_fd < 0 || monitor->daemon == NULL
                ? EMFILE
                : pthread_create(&monitor->thread, &attributes, thread_main, monitor);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        snprintf(why, why_size, "monitoring: cannot start: %s", strerror(error));
        free_all(monitor);
        return -error;
    }
    *result = monitor;
    return 0;
}

void monitor_stop(struct monitor *monitor)
{
    if (monitor == NULL) {
        return;
    }
    uint64_t one = 1;
    ssize_t written = write(monitor->stop_fd, &one, sizeof(one));
    ASSERT(written == sizeof(one));
    pthread_join(monitor->thread, NULL);
    free_all(monitor);
}

const struct listener *monitor_listener(const struct monitor *monitor)
{
    return &monitor->listener;
}
