/* conf_text.c - files and an environment that are only texts. */
#include "tests/support/conf_text.h"

#include <stdio.h>

struct world {
    const char *text;
    const struct conf_text *files;
    const struct conf_text *variables;
};

static const char *find(const struct conf_text *texts, const char *name)
{
    for (; texts != NULL && texts->name != NULL; texts++) {
        if (strcmp(texts->name, name) == 0) {
            return texts->text;
        }
    }
    return NULL;
}

static char *read_file(void *argument, const char *path, size_t *size, char *why, size_t why_size)
{
    const struct world *world = argument;
    while (strncmp(path, "./", 2) == 0) {
        path += 2;
    }
    const char *text = strcmp(path, "hub.conf") == 0 ? world->text : find(world->files, path);
    if (text == NULL) {
        snprintf(why, why_size, "No such file or directory");
        return NULL;
    }
    *size = strlen(text);
    char *copy = memory_alloc(*size + 1);
    memcpy(copy, text, *size + 1);
    return copy;
}

static const char *read_variable(void *argument, const char *name)
{
    const struct world *world = argument;
    return find(world->variables, name);
}

struct conf *conf_text_parse_among(const char *text, const struct conf_text *files,
                                   const struct conf_text *variables, struct conf_error *error)
{
    struct world world = {.text = text, .files = files, .variables = variables};
    struct conf_source source = {.argument = &world, .file = read_file, .variable = read_variable};
    return conf_parse("hub.conf", &source, error);
}

struct conf *conf_text_parse(const char *text, struct conf_error *error)
{
    return conf_text_parse_among(text, NULL, NULL, error);
}
