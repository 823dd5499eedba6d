/*
 * fuzz_conf.c - does any configuration text break its reader?
 *
 * The text may include itself under two other names, and its environment holds parts of it. Checked
 * besides memory errors: every value has a place inside its text, maps have no key twice, depth and
 * weight are what a walk finds, and every refusal is a sentence that begins with a place. Then the tree
 * is read as a hub's configuration: what is accepted is the same as itself, and has no change.
 */
#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
    char variable[64];
};

static char *read_file(void *argument, const char *path, size_t *size, char *why, size_t why_size)
{
    const struct input *input = argument;
    (void)why_size;
    if (strcmp(path, "hub.conf") != 0 && strcmp(path, "a") != 0 && strcmp(path, "b/a") != 0) {
        memcpy(why, "no", 3);
        return NULL;
    }
    *size = input->size;
    char *copy = memory_alloc(input->size + 1);
    memcpy(copy, input->data, input->size);
    return copy;
}

static const char *read_variable(void *argument, const char *name)
{
    const struct input *input = argument;
    return name[0] == 'V' ? input->variable : NULL;
}

static void check(const struct conf_value *value, uint32_t *depth, uint32_t *weight)
{
    ASSERT(value->line >= 1 && value->column >= 1);
    ASSERT(value->file != NULL);
    uint32_t below = 0;
    *weight += 1;
    for (uint32_t i = 0; i < value->values_count; i++) {
        uint32_t one = 0;
        check(value->values[i], &one, weight);
        below = MAX_OF(below, one + 1);
        for (uint32_t j = 0; value->kind == CONF_MAP && j < i && i < 100; j++) {
            ASSERT(!bytes_equal(value->values[i]->key, value->values[j]->key));
        }
    }
    *depth = below;
    ASSERT(*depth <= value->depth && value->depth <= CONF_DEPTH_MAX);
}

/* What the keys mean, and what would change from the defaults. */
static void read_as_config(const struct conf *conf)
{
    static struct config defaults;
    static struct config config;
    static struct config_change change;
    struct conf_error error;
    size_t index = 0;
    config_defaults(&defaults);
    config_defaults(&config);
    if (config_read(&config, conf, &error)) {
        MAYBE(config_validate(&config, &error));
        while (config_change(&defaults, &config, &index, &change)) {
            ASSERT(strcmp(change.was, change.is) != 0);
        }
        index = 0;
        ASSERT(!config_change(&config, &config, &index, &change));
    } else {
        ASSERT(strchr(error.text, ':') != NULL);
    }
    for (size_t i = 0; conf_warning(conf, i) != NULL; i++) {
        ASSERT(strchr(conf_warning(conf, i), ':') != NULL);
    }
    config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096) {
        return 0;
    }
    struct input input = {.data = data, .size = size};
    size_t used = MIN_OF(size, sizeof(input.variable) - 1);
    if (used > 0) {
        memcpy(input.variable, data, used);
    }
    struct conf_source source = {.argument = &input, .file = read_file, .variable = read_variable};
    struct conf_error error;
    struct conf *conf = conf_parse("hub.conf", &source, &error);
    if (conf == NULL) {
        ASSERT(strchr(error.text, ':') != NULL);
        return 0;
    }
    uint32_t depth = 0;
    uint32_t weight = 0;
    const struct conf_value *root = conf_root(conf);
    check(root, &depth, &weight);
    ASSERT(weight <= root->weight);
    ASSERT(root->weight <= CONF_VALUES_MAX);
    if (!conf_check_keys(root, "port|host|authorization", &error)) {
        ASSERT(strstr(error.text, ": unknown key \"") != NULL);
    }
    ASSERT(conf_equal(root, root));
    read_as_config(conf);
    conf_free(conf);
    return 0;
}
