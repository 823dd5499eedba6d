/* coverage.c - the table at the end of a run. */
#include "tests/sim/coverage.h"

#include <stdio.h>
#include <string.h>

static uint32_t row(const char *group, const char *name, uint64_t count, bool is_needed)
{
    bool is_missed = is_needed && count == 0;
    printf("  %-10s %-36s %14llu%s\n", group, name, (unsigned long long)count,
           is_missed ? "   NEVER MET" : "");
    return is_missed;
}

static uint32_t report_reasons(const struct metrics *m)
{
    static const bool close_is_needed[CLOSE_REASONS_COUNT] = {
        [CLOSE_CLIENT] = true,
        [CLOSE_SLOW_PENDING] = true,
        [CLOSE_SLOW_DEADLINE] = true,
        [CLOSE_WRITE_ERROR] = true,
        [CLOSE_READ_ERROR] = true,
        [CLOSE_STALE] = true,
        [CLOSE_PARSE_ERROR] = true,
        [CLOSE_MAX_PAYLOAD] = true,
        [CLOSE_MAX_CONNECTIONS] = true,
        [CLOSE_MEMORY_LIMIT] = true,
        [CLOSE_INPUT_STALLED] = true,
        [CLOSE_SHUTDOWN] = true,
        [CLOSE_PROTOCOL_VIOLATION] = true,
        [CLOSE_AUTHENTICATION_FAILURE] = true,
        [CLOSE_AUTHENTICATION_TIMEOUT] = true,
    };
    static const bool drop_is_needed[DROP_REASONS_COUNT] = {
        [DROP_SESSION_CLOSED] = true, [DROP_PENDING_LIMIT] = true, [DROP_MEMORY_LIMIT] = true,
        [DROP_SCRUB_REFUSED] = true,  [DROP_GROUP_EMPTY] = true,   [DROP_SHUTDOWN] = true,
        [DROP_POLICY_NEWEST] = true,  [DROP_POLICY_OLDEST] = true, [DROP_POLICY_REPLACED] = true,
        [DROP_NOT_PERMITTED] = true,
    };
    uint32_t missed = 0;
    for (int i = 0; i < CLOSE_REASONS_COUNT; i++) {
        missed += row("closed", close_reason_text((enum close_reason)i), m->sessions_closed[i],
                      close_is_needed[i]);
    }
    for (int i = 0; i < DROP_REASONS_COUNT; i++) {
        missed += row("dropped", drop_reason_text((enum drop_reason)i), m->deliveries_dropped[i],
                      drop_is_needed[i]);
    }
    return missed;
}

uint32_t coverage_report(const struct coverage *coverage)
{
    static const char *const names[COVERAGE_COUNT] = {
#define X(name) #name,
        COVERAGE_EVENTS(X)
#undef X
    };
    uint32_t missed = 0;
    for (int i = 0; i < COVERAGE_COUNT; i++) {
        missed += row("sim", names[i], coverage->counts[i], true);
    }
    for (int i = 0; i < FAKE_FAULTS; i++) {
        missed += row("fault", fake_fault_name((enum fake_fault)i), coverage->faults[i], true);
    }
    const struct metrics *m = &coverage->metrics;
    for (size_t i = 0; i < metrics_counters_count(); i++) {
        const char *name = metrics_counter_name(i);
        /* Refused without a word, and the governor: tests/io and tests/e2e meet those. */
        bool is_ours = strncmp(name, "connections_", 12) != 0;
        bool is_needed = metrics_counter(m, i) == 0 && m->turns > 0 && name[0] != 'b' &&
                         name[0] != 'm' && is_ours;
        missed += row("hub", metrics_counter_name(i), metrics_counter(m, i), is_needed);
    }
    missed += report_reasons(m);
    return missed;
}
