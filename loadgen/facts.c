/* facts.c - reads /proc and /sys; a file that is not there is a fact that is left out. */
#include "loadgen/facts.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, WORDS_MAX = 256 };

static const char hidden[] = "(hidden)";

/* Text that may be no UTF-8: what is not printable ASCII then becomes a question mark. */
static json_t *text_json(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL) {
        return string;
    }
    char ascii[TEXT_MAX];
    size_t at = 0;
    for (; text[at] != 0 && at < sizeof ascii - 1; at++) {
        ascii[at] = text[at] >= ' ' && text[at] <= '~' ? text[at] : '?';
    }
    ascii[at] = 0;
    return json_string(ascii);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, text_json(text));
}

/* Up to capacity - 1 bytes, with a 0 behind them. Returns how many; 0 when there is no such file. */
static size_t file_read(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "re");
    size_t size = file == NULL ? 0 : fread(text, 1, capacity - 1, file);
    text[size] = 0;
    if (file != NULL) {
        fclose(file);
    }
    return size;
}

/* The first line of a file, under a key. */
static void set_file(json_t *object, const char *key, const char *path)
{
    char text[TEXT_MAX];
    if (file_read(path, text, sizeof text) != 0) {
        text[strcspn(text, "\n")] = 0;
        set_text(object, key, text);
    }
}

/* The value behind `name` and a colon, in a file of such lines. */
static bool field_read(const char *path, const char *name, char *value, size_t capacity)
{
    FILE *file = fopen(path, "re");
    char line[TEXT_MAX];
    size_t length = strlen(name);
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *after = line + length;
        if (strncmp(line, name, length) == 0 && after[strspn(after, " \t")] == ':') {
            after += strspn(after, " \t:");
            snprintf(value, capacity, "%.*s", (int)strcspn(after, "\n"), after);
            found = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static void set_field(json_t *object, const char *key, const char *path, const char *name)
{
    char value[TEXT_MAX];
    if (field_read(path, name, value, sizeof value)) {
        set_text(object, key, value);
    }
}

static json_t *mitigations_json(void)
{
    static const char folder[] = "/sys/devices/system/cpu/vulnerabilities";
    json_t *object = json_object();
    DIR *files = opendir(folder);
    const struct dirent *file;
    while (files != NULL && (file = readdir(files)) != NULL) {
        char path[sizeof folder + sizeof file->d_name + 1];
        snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        if (file->d_name[0] != '.') {
            set_file(object, file->d_name, path);
        }
    }
    if (files != NULL) {
        closedir(files);
    }
    return object;
}

json_t *facts_machine(void)
{
    struct utsname name;
    json_t *object = json_object();
    if (uname(&name) == 0) {
        set_text(object, "kernel", name.release);
        set_text(object, "kernel_build", name.version);
        set_text(object, "architecture", name.machine);
    }
    set_field(object, "cpu_model", "/proc/cpuinfo", "model name");
    set_field(object, "microcode", "/proc/cpuinfo", "microcode");
    char flags[TEXT_MAX];
    bool known = field_read("/proc/cpuinfo", "flags", flags, sizeof flags);
    if (known) {
        json_object_set_new(object, "virtual", json_boolean(strstr(flags, "hypervisor") != NULL));
    }
    json_object_set_new(object, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_object_set_new(
        object, "memory_bytes",
        json_integer((json_int_t)sysconf(_SC_PHYS_PAGES) * (json_int_t)sysconf(_SC_PAGESIZE)));
    set_file(object, "governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    set_file(object, "clock_source",
             "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    set_file(object, "load_average", "/proc/loadavg");
    set_file(object, "tcp_mem", "/proc/sys/net/ipv4/tcp_mem");
    set_file(object, "tcp_rmem", "/proc/sys/net/ipv4/tcp_rmem");
    set_file(object, "tcp_wmem", "/proc/sys/net/ipv4/tcp_wmem");
    set_file(object, "tcp_congestion_control", "/proc/sys/net/ipv4/tcp_congestion_control");
    json_object_set_new(object, "mitigations", mitigations_json());
    return object;
}

uint64_t facts_sockets_bytes(void)
{
    char text[TEXT_MAX];
    unsigned long long pressure = 0;
    (void)file_read("/proc/sys/net/ipv4/tcp_mem", text, sizeof text);
    if (sscanf(text, "%*s %llu", &pressure) != 1) {
        return 0;
    }
    return pressure * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- command lines ---- */

static bool is_secret(const char *option, size_t length)
{
    static const char *const marks[] = {"pass", "auth", "token", "secret"};
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)length, option);
    bool secret = false;
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        secret |= strstr(name, marks[i]) != NULL;
    }
    return option[0] == '-' && secret;
}

static void word_add(json_t *array, const char *word, const char *before)
{
    char text[TEXT_MAX];
    size_t name = strcspn(word, "=");
    const char *host = strstr(word, "://");
    const char *user_end = host == NULL ? NULL : strrchr(host, '@');
    if (before != NULL && is_secret(before, strlen(before)) && strchr(before, '=') == NULL) {
        snprintf(text, sizeof text, "%s", hidden);
    } else if (word[name] == '=' && is_secret(word, name)) {
        snprintf(text, sizeof text, "%.*s=%s", (int)name, word, hidden);
    } else if (host != NULL && user_end != NULL) {
        snprintf(text, sizeof text, "%.*s://%s%s", (int)(host - word), word, hidden, user_end);
    } else {
        snprintf(text, sizeof text, "%s", word);
    }
    json_array_append_new(array, text_json(text));
}

json_t *facts_command(const char *const *words, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        word_add(array, words[i], i == 0 ? NULL : words[i - 1]);
    }
    return array;
}

/* ---- the server ---- */

/* The words of /proc/PID/cmdline, each ended by a 0. Returns how many. */
static size_t words_read(int pid, char *text, size_t capacity, const char **words)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    size_t size = file_read(path, text, capacity);
    size_t count = 0;
    for (size_t at = 0; at < size && count < WORDS_MAX; at += strlen(text + at) + 1) {
        words[count++] = text + at;
    }
    return count;
}

/* What the process is called: the first word, without folders and what a program wrote behind. */
static void set_name(json_t *object, const char *word)
{
    char name[64];
    size_t length = strcspn(word, " ");
    const char *slash = memrchr(word, '/', length);
    const char *from = slash == NULL ? word : slash + 1;
    snprintf(name, sizeof name, "%.*s", (int)(word + length - from), from);
    set_text(object, "label", name);
}

static void set_process(json_t *object, int pid)
{
    static const size_t capacity = 64 << 10;
    char *text = (char *)memory_alloc(capacity);
    const char *words[WORDS_MAX];
    size_t count = words_read(pid, text, capacity, words);
    char status[64];
    snprintf(status, sizeof status, "/proc/%d/status", pid);
    if (count != 0) {
        set_name(object, words[0]);
        json_object_set_new(object, "command", facts_command(words, count));
        set_field(object, "cpus_allowed", status, "Cpus_allowed_list");
        set_field(object, "threads", status, "Threads");
    }
    memory_free(text);
}

json_t *facts_server(const struct facts_server *server)
{
    json_t *object = json_object();
    set_text(object, "label", server->protocol);
    set_text(object, "greeting", server->greeting);
    json_t *greeting = json_loads(server->greeting, 0, NULL);
    const char *version = json_string_value(json_object_get(greeting, "version"));
    if (server->version != NULL || version != NULL) {
        set_text(object, "version", server->version != NULL ? server->version : version);
    }
    json_decref(greeting);
    if (server->pid != 0) {
        set_process(object, server->pid);
    }
    if (server->label != NULL) {
        set_text(object, "label", server->label);
    }
    return object;
}
