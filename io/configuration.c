/* configuration.c - files and the environment for core/conf, and the order of who overrides whom. */
#include "io/configuration.h"

#include "core/scrub_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All of fd, which is a file of about size_hint bytes; NULL: errno says why. */
static char *read_all(int fd, size_t *size)
{
    size_t capacity = 0;
    char *text = NULL;
    *size = 0;
    for (;;) {
        if (*size == capacity) {
            capacity = capacity > 0 ? 2 * capacity : 16 * 1024;
            text = memory_resize(text, capacity);
        }
        ssize_t got = read(fd, text + *size, capacity - *size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || *size > CONF_FILE_BYTES_MAX) {
            errno = got < 0 ? errno : EFBIG;
            memory_free(text);
            return NULL;
        }
        if (got == 0) {
            return text;
        }
        *size += (size_t)got;
    }
}

static char *read_file(void *argument, const char *path, size_t *size, char *why, size_t why_size)
{
    (void)argument;
    /* Not blocking: a pipe without a writer ends at once and does not hold up a start or a reload. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = fd >= 0 ? read_all(fd, size) : NULL;
    if (text == NULL) {
        snprintf(why, why_size, "%s", strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return text;
}

static const char *read_variable(void *argument, const char *name)
{
    (void)argument;
    return getenv(name);
}

static const struct conf_value *find_key(const struct conf *conf, const char *key)
{
    const char *names = strcmp(key, "host") == 0   ? "host|net|listen"
                        : strcmp(key, "port") == 0 ? "port|listen"
                                                   : key;
    return conf_get(conf_root(conf), names);
}

/* A sentence about settings begins with a key and may name another, which has a _ in it. Of those that
 * the file gave, the place of the first goes in front. */
static void find_place(const struct configuration *configuration, struct conf_error *error)
{
    struct conf_error plain = *error;
    const struct conf_value *value = NULL;
    const char *at = plain.text;
    while (configuration->conf != NULL && value == NULL && *at != '\0') {
        char key[48] = "";
        size_t size = strcspn(at, ": (");
        bool is_key = at == plain.text || memchr(at, '_', size) != NULL;
        memcpy(key, at, is_key && size < sizeof(key) ? size : 0);
        value = find_key(configuration->conf, key);
        at += size + strspn(at + size, ": (");
    }
    if (value != NULL) {
        (void)conf_fail_key(value, error, "%s", plain.text);
    }
}

enum config_command configuration_read(struct configuration *configuration, int argc,
                                       char *const argv[], struct conf_error *error)
{
    static const struct conf_source source = {.file = read_file, .variable = read_variable};
    struct config *config = &configuration->config;
    memset(configuration, 0, sizeof(*configuration));
    configuration->is_fault_of_options = true;
    config_defaults(config);
    enum config_command command = config_parse_arguments(config, argc, argv, error);
    if (command != CONFIG_RUN && command != CONFIG_CHECK) {
        return command;
    }
    if (config->config_file[0] != '\0') {
        char path[CONFIG_PATH_MAX];
        memcpy(path, config->config_file, sizeof(path));
        configuration->is_fault_of_options = false;
        configuration->conf = conf_parse(path, &source, error);
        config_defaults(config);
        if (configuration->conf == NULL || !config_read(config, configuration->conf, error)) {
            return CONFIG_INVALID;
        }
        /* It was understood a moment ago. */
        command = config_parse_arguments(config, argc, argv, error);
    }
    if (!config_validate(config, error) ||
        !access_make(config, configuration->conf, &configuration->access, error)) {
        find_place(configuration, error);
        return CONFIG_INVALID;
    }
    return command;
}

void configuration_free(struct configuration *configuration)
{
    config_free(&configuration->config);
    access_unref(configuration->access);
    configuration->access = NULL;
    conf_free(configuration->conf);
    configuration->conf = NULL;
    scrub_rules_unref(configuration->config.scrub);
    configuration->config.scrub = NULL;
}

bool configuration_warning(const struct configuration *configuration, size_t index,
                           struct conf_error *warning)
{
    size_t of_file = 0;
    const char *text;
    while (configuration->conf != NULL &&
           (text = conf_warning(configuration->conf, of_file)) != NULL) {
        if (of_file++ == index) {
            (void)conf_explain(warning, "%s", text);
            return true;
        }
    }
    return config_warning(&configuration->config, index - of_file, warning);
}

bool configuration_block_differs(const struct configuration *a, const struct configuration *b,
                                 const char *key)
{
    const struct conf_value *one = a->conf != NULL ? conf_get(conf_root(a->conf), key) : NULL;
    const struct conf_value *other = b->conf != NULL ? conf_get(conf_root(b->conf), key) : NULL;
    return !conf_equal(one, other);
}
