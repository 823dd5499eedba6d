/* course.c - orders, acknowledgements, and the window of the closed loop. */
#include "loadgen/course.h"

#include <stdarg.h>
#include <stdio.h>

/* Up to so many messages a second the completion of every message is followed. */
static const double FOLLOW_ALL_RATE = 10000;
enum { FOLLOW_EVERY = 64 };

static_assert(sizeof(struct course_cell) == CACHE_LINE, "one writer per cache line");

void course_init(struct course *course, const struct scenario *scenario, uint32_t drivers)
{
    memset(course, 0, sizeof *course);
    course->scenario = scenario;
    course->drivers = drivers;
    course->window = scenario_window(scenario);
    /* The time makes the run's token differ from that of a run before, whose messages a server may
     * still hold. */
    message_form_init(&course->form, scenario->seed, course_now_ns(), scenario->json_payload);
    struct topology_plan plan = scenario_plan(scenario);
    topology_init(&course->topology, &plan);
    if (scenario->random_order) {
        topology_shuffle(&course->topology, scenario->seed);
    }
    topics_init(&course->topics, scenario, plan.subjects);
    course->rate = scenario->rate;
    course->all_hear_all =
        plan.subjects == 1 || plan.wildcards == plan.subscribers || plan.each == plan.subjects;
    course->sent_of_block =
        memory_alloc(plan.subjects / course->topology.block * sizeof *course->sent_of_block);
    bool all = scenario->rate != 0 && scenario->rate <= FOLLOW_ALL_RATE && scenario->capacity <= 0;
    completion_init(&course->completion, course->topology.streams, all ? 1 : FOLLOW_EVERY);
    pthread_mutex_init(&course->failure_lock, NULL);
}

void course_free(struct course *course)
{
    message_form_free(&course->form);
    completion_free(&course->completion);
    topology_free(&course->topology);
    topics_free(&course->topics);
    memory_free(course->sent_of_block);
    pthread_mutex_destroy(&course->failure_lock);
}

void course_fail(struct course *course, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&course->failure_lock);
    if (!atomic_load(&course->failed)) {
        vsnprintf(course->failure, sizeof course->failure, format, arguments);
        atomic_store(&course->failed, true);
    }
    pthread_mutex_unlock(&course->failure_lock);
    va_end(arguments);
}

void course_order(struct course *course, enum course_command command)
{
    uint64_t number = (atomic_load(&course->order) >> 8) + 1;
    /* Release: whoever sees the order sees what was written for it (invariant 1). */
    atomic_store_explicit(&course->order, number << 8 | (uint64_t)command, memory_order_release);
}

bool course_is_obeyed(const struct course *course)
{
    uint64_t number = atomic_load(&course->order) >> 8;
    for (uint32_t i = 0; i < course->drivers; i++) {
        /* Acquire: pairs with the driver's release (invariant 1). */
        if (atomic_load_explicit(&course->cells[i].acknowledged, memory_order_acquire) != number) {
            return false;
        }
    }
    return true;
}

uint64_t course_claim(struct course *course, uint64_t wanted)
{
    uint64_t slowest = UINT64_MAX;
    for (uint32_t i = 0; i < course->drivers; i++) {
        uint64_t one = atomic_load_explicit(&course->cells[i].slowest, memory_order_relaxed);
        slowest = MIN_OF(slowest, one);
    }
    uint64_t allowed = slowest + course->window;
    uint64_t claimed = atomic_load_explicit(&course->claimed, memory_order_relaxed);
    uint64_t taken;
    do {
        if (claimed >= allowed) {
            return 0;
        }
        taken = MIN_OF(wanted, allowed - claimed);
    } while (!atomic_compare_exchange_weak_explicit(&course->claimed, &claimed, claimed + taken,
                                                    memory_order_relaxed, memory_order_relaxed));
    return taken;
}
