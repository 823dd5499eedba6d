/* collection.c - files into rows and columns. */
#include "loadgen/collection.h"

#include "loadgen/hdr.h"

#include <math.h>
#include <string.h>

static json_int_t subscribers_of(const struct stored *file)
{
    return json_integer_value(
        json_object_get(json_object_get(file->root, "scenario"), "subscribers"));
}

static uint32_t server_find(struct collection *c, const struct stored *file)
{
    char name[COLLECTION_NAME_MAX];
    uint32_t i = 0;
    stored_server(file, name, sizeof name);
    while (i < c->servers_count && strcmp(c->servers[i].name, name) != 0) {
        i++;
    }
    if (i == c->servers_count) {
        memcpy(c->servers[c->servers_count++].name, name, sizeof name);
    }
    return i;
}

static bool scenario_is_known(const struct collection *c, const struct stored *file)
{
    for (uint32_t i = 0; i < c->scenarios_count; i++) {
        if (stored_unlike_scenario(c->scenarios[i], file, NULL) == 0) {
            return true;
        }
    }
    return false;
}

/* Behind its family's last scenario with as many subscribers or fewer; a new family at the end. */
static void scenario_add(struct collection *c, const struct stored *file)
{
    uint32_t at = c->scenarios_count;
    for (uint32_t i = 0; i < c->scenarios_count; i++) {
        if (stored_is_family(c->scenarios[i], file)) {
            at = subscribers_of(c->scenarios[i]) <= subscribers_of(file) ? i + 1
                 : at == c->scenarios_count                              ? i
                                                                         : at;
        }
    }
    memmove(&c->scenarios[at + 1], &c->scenarios[at],
            (c->scenarios_count - at) * sizeof(struct stored *));
    c->scenarios[at] = file;
    c->scenarios_count++;
}

static uint32_t scenario_find(const struct collection *c, const struct stored *file)
{
    uint32_t i = 0;
    while (stored_unlike_scenario(c->scenarios[i], file, NULL) != 0) {
        i++;
        ASSERT(i < c->scenarios_count);
    }
    return i;
}

bool collection_load(struct collection *c, char **paths, size_t count, char *error,
                     size_t error_bytes)
{
    memset(c, 0, sizeof *c);
    c->files = (struct stored *)memory_alloc((count + 1) * sizeof *c->files);
    c->file_server = (uint32_t *)memory_alloc((count + 1) * sizeof *c->file_server);
    c->file_scenario = (uint32_t *)memory_alloc((count + 1) * sizeof *c->file_scenario);
    c->servers = (struct collection_server *)memory_alloc((count + 1) * sizeof *c->servers);
    c->scenarios = (const struct stored **)memory_alloc((count + 1) * sizeof *c->scenarios);
    for (size_t i = 0; i < count; i++) {
        if (!stored_load(&c->files[i], paths[i], error, error_bytes)) {
            return false;
        }
        c->files_count++;
        c->file_server[i] = server_find(c, &c->files[i]);
        if (!scenario_is_known(c, &c->files[i])) {
            scenario_add(c, &c->files[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        c->file_scenario[i] = scenario_find(c, &c->files[i]);
    }
    return true;
}

void collection_free(struct collection *c)
{
    for (size_t i = 0; i < c->files_count; i++) {
        stored_free(&c->files[i]);
    }
    memory_free(c->files);
    memory_free(c->file_server);
    memory_free(c->file_scenario);
    memory_free(c->servers);
    memory_free(c->scenarios);
}

/* The next file of a cell from *at on; NULL when there is none. */
static const struct stored *cell_next(const struct collection *c, uint32_t server,
                                      uint32_t scenario, size_t *at)
{
    for (; *at < c->files_count; ++*at) {
        if (c->file_server[*at] == server && c->file_scenario[*at] == scenario) {
            return &c->files[(*at)++];
        }
    }
    return NULL;
}

struct collection_cell collection_cell(const struct collection *c, uint32_t server,
                                       uint32_t scenario)
{
    struct collection_cell cell = {0, 0, 0, NULL};
    size_t at = 0;
    for (const struct stored *file; (file = cell_next(c, server, scenario, &at)) != NULL;) {
        cell.files++;
        cell.runs += stored_runs_count(file);
        cell.bound += stored_bound_count(file);
        cell.fault = cell.fault == NULL ? stored_fault(file) : cell.fault;
    }
    return cell;
}

double *collection_values(const struct collection *c, uint32_t server, uint32_t scenario,
                          const struct metric *metric, size_t *count)
{
    struct collection_cell cell = collection_cell(c, server, scenario);
    double *values = (double *)memory_alloc((cell.runs + cell.files + 1) * sizeof *values);
    size_t at = 0;
    *count = 0;
    for (const struct stored *file; (file = cell_next(c, server, scenario, &at)) != NULL;) {
        for (size_t i = 0; i < stored_values_count(file, metric); i++) {
            double value = stored_value(file, metric, i);
            if (!isnan(value)) {
                values[(*count)++] = value;
            }
        }
    }
    return values;
}

bool collection_record(const struct collection *c, uint32_t server, uint32_t scenario,
                       const char *key, struct record *record)
{
    struct record *one = (struct record *)memory_alloc(sizeof *one);
    size_t at = 0;
    memset(record, 0, sizeof *record);
    for (const struct stored *file; (file = cell_next(c, server, scenario, &at)) != NULL;) {
        for (size_t i = 0; i < stored_runs_count(file); i++) {
            const json_t *found = json_object_get(stored_run(file, i), key);
            const char *text = json_string_value(json_object_get(found, "hdr"));
            if (text != NULL && hdr_decode(text, one)) {
                record_merge(record, one);
            }
        }
    }
    memory_free(one);
    return record->count != 0;
}
