/* script.c - lines into words. */
#include "loadgen/script.h"

#include "loadgen/fanout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FILE_BYTES_MAX = 64 * 1024, LINE_BYTES_MAX = 512, PATH_BYTES_MAX = 4096 };

bool script_add(struct script *script, const char *word)
{
    if (script->count == SCRIPT_WORDS_MAX) {
        return false;
    }
    size_t size = strlen(word) + 1;
    char *copy = memory_alloc(size);
    memcpy(copy, word, size);
    script->words[script->count++] = copy;
    return true;
}

void script_free(struct script *script)
{
    for (int i = 0; i < script->count; i++) {
        memory_free(script->words[i]);
    }
    memory_free(script->words);
    memset(script, 0, sizeof *script);
}

static bool kind_is_known(const char *kind)
{
    static const char *const kinds[] = {"fanout", "request", "idle", "storm"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes one line apart; it has no comment. Returns NULL, or what is wrong. */
static const char *line_take(struct script *script, char *line)
{
    static const char blanks[] = " \t\r";
    char *at = NULL;
    char *key = strtok_r(line, blanks, &at);
    if (key == NULL) {
        return NULL;
    }
    char *value = strtok_r(NULL, blanks, &at);
    if (strtok_r(NULL, blanks, &at) != NULL) {
        return "a line is: OPTION VALUE";
    }
    if (script->count == 0) {
        bool named = strcmp(key, "kind") == 0 && value != NULL && kind_is_known(value);
        return !named ? "the first line is: kind fanout, request, idle or storm"
               : script_add(script, value) ? NULL
                                           : "too many lines";
    }
    char option[LINE_BYTES_MAX + 2];
    snprintf(option, sizeof option, "--%s", key);
    bool fits =
        key[0] != '-' && script_add(script, option) && (value == NULL || script_add(script, value));
    return fits ? NULL : key[0] == '-' ? "options have no dashes here" : "too many lines";
}

bool script_parse(struct script *script, const char *text, char *error, size_t error_bytes)
{
    memset(script, 0, sizeof *script);
    script->words = (char **)memory_alloc((SCRIPT_WORDS_MAX + 1) * sizeof(char *));
    unsigned number = 0;
    const char *wrong = NULL;
    while (*text != 0 && wrong == NULL) {
        char line[LINE_BYTES_MAX];
        size_t size = strcspn(text, "\n");
        number++;
        if (size >= sizeof line) {
            wrong = "a line longer than 511 bytes";
            break;
        }
        memcpy(line, text, size);
        line[size] = 0;
        line[strcspn(line, "#")] = 0;
        wrong = line_take(script, line);
        text += size + (text[size] == '\n');
    }
    if (wrong == NULL && script->count == 0) {
        wrong = "nothing in it";
    }
    if (wrong != NULL) {
        snprintf(error, error_bytes, "line %u: %s", number, wrong);
        script_free(script);
    }
    return wrong == NULL;
}

/* The file's text, to be freed; NULL with errno. */
static char *file_read(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    char *text = memory_alloc(FILE_BYTES_MAX + 1);
    size_t size = fread(text, 1, FILE_BYTES_MAX, file);
    text[size] = 0;
    fclose(file);
    return text;
}

static char *file_find(const char *name)
{
    char path[PATH_BYTES_MAX];
    char *text = file_read(name);
    if (text == NULL && errno == ENOENT && strchr(name, '/') == NULL) {
        snprintf(path, sizeof path, "loadgen/scenarios/%s", name);
        text = file_read(path);
    }
    return text;
}

static const char help[] =
    "hubload run FILE [OPTION…] - a scenario as a file has it\n"
    "\n"
    "Each line of FILE is an option without its dashes, and its value; the first says what kind "
    "of\n"
    "scenario it is: kind fanout, request, idle or storm. # begins a comment. Options on the "
    "command\n"
    "line win. A FILE that is not there is looked for in loadgen/scenarios/.\n"
    "\n"
    "Example (start a server with: nats-server -p 4222)\n"
    "  hubload run loadgen/scenarios/tbmq-100x3000 --subscribers 300 --duration 3\n";

int script_main(int argc, char **argv)
{
    char error[256];
    struct script script;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    char *text = file_find(argv[1]);
    if (text == NULL) {
        fprintf(stderr, "hubload: %s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    bool right = script_parse(&script, text, error, sizeof error);
    memory_free(text);
    if (!right) {
        fprintf(stderr, "hubload: %s: %s\n", argv[1], error);
        return 2;
    }
    int status = 2;
    for (int i = 2; i < argc && right; i++) {
        right = script_add(&script, argv[i]);
    }
    if (right) {
        status = fanout_main(script.count, script.words);
    } else {
        fprintf(stderr, "hubload: %s: too many options\n", argv[1]);
    }
    script_free(&script);
    return status;
}
