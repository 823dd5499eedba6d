/*
 * main.c - runs one scenario of the gate, or lists them. gate.py runs it under callgrind.
 *
 *     gate                 name TAB operation, a line each
 *     gate --about         what the counts depend on, a JSON object
 *     gate NAME            runs it; prints operations and allocations as JSON
 */
#include <cjson/cJSON.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "tests/gate/scenario.h"

#ifdef __clang__
#define COMPILER "clang-" __clang_version__
#else
#define COMPILER "gcc-" __VERSION__
#endif

static const struct scenario *const ALL[] = {scenarios_delivery, scenarios_parse, scenarios_match,
                                             scenarios_session,  scenarios_leave, scenarios_scrub};

static void list(void)
{
    for (size_t i = 0; i < COUNT_OF(ALL); i++) {
        for (const struct scenario *s = ALL[i]; s->name != NULL; s++) {
            printf("%s\t%s\n", s->name, s->operation);
        }
    }
}

static const struct scenario *find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(ALL); i++) {
        for (const struct scenario *s = ALL[i]; s->name != NULL; s++) {
            if (strcmp(s->name, name) == 0) {
                return s;
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        list();
        return 0;
    }
    if (strcmp(argv[1], "--about") == 0) {
        printf("{\"compiler\": \"%s\", \"flags\": \"%s\", \"libc\": \"glibc %s\", "
               "\"cjson\": \"%s\", \"xxhash\": \"%d\"}\n",
               COMPILER, GATE_FLAGS, gnu_get_libc_version(), cJSON_Version(), XXH_VERSION_NUMBER);
        return 0;
    }
    const struct scenario *scenario = find(argv[1]);
    if (scenario == NULL) {
        fprintf(stderr, "gate: no scenario %s\n", argv[1]);
        return 2;
    }
    static struct rig rig;
    scenario->run(&rig);
    printf("{\"operations\": %lu, \"allocations\": %lu}\n", (unsigned long)rig.operations,
           (unsigned long)rig.allocations);
    fflush(stdout);
    rig_free(&rig);
    return 0;
}
