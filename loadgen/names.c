/* names.c - printing names. */
#include "loadgen/names.h"

#include <stdio.h>
#include <string.h>

/* How many literals one churner goes round. */
enum { CHURN_NAMES = 1000 };

struct name name_subject(const struct scenario *s, uint32_t index)
{
    struct name name;
    if (s->kind == SCENARIO_REQUEST) {
        snprintf(name.text, sizeof name.text, "%s.reply.%llx.%u", s->subject,
                 (unsigned long long)s->process, index);
    } else if (s->subjects == 1) {
        snprintf(name.text, sizeof name.text, "%s", s->subject);
    } else {
        snprintf(name.text, sizeof name.text, "%s.%u%s%s", s->subject, index,
                 s->subject_end[0] == 0 ? "" : ".", s->subject_end);
    }
    return name;
}

struct name name_pattern(const struct scenario *s, uint32_t which)
{
    struct name name;
    const char *end = which == 0 ? "*" : ">";
    const char *dot = strrchr(s->subject, '.');
    if (s->subjects > 1) {
        bool more = which == 0 && s->subject_end[0] != 0;
        snprintf(name.text, sizeof name.text, "%s.%s%s%s", s->subject, end, more ? "." : "",
                 more ? s->subject_end : "");
    } else if (dot == NULL) {
        snprintf(name.text, sizeof name.text, "%s", end);
    } else {
        snprintf(name.text, sizeof name.text, "%.*s.%s", (int)(dot - s->subject), s->subject, end);
    }
    return name;
}

struct name name_churn(const struct scenario *s, uint32_t churner, uint64_t number)
{
    struct name name;
    switch (s->churn_on) {
    case SCENARIO_CHURN_SAME:
        return name_subject(s, (uint32_t)(number % s->subjects));
    case SCENARIO_CHURN_WILDCARD:
        return name_pattern(s, (uint32_t)(number % 2));
    case SCENARIO_CHURN_OTHER:
        break;
    }
    snprintf(name.text, sizeof name.text, "%s.churn.%u.%u", s->subject, churner,
             (unsigned)(number % CHURN_NAMES));
    return name;
}

struct name name_group(uint32_t group)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "group-%u", group);
    return name;
}

void topics_init(struct topics *topics, const struct scenario *s, uint32_t count)
{
    uint8_t one[NAMES_BYTES_MAX];
    uint32_t capacity = 0;
    topics->count = count;
    topics->at = memory_alloc(((size_t)count + 1) * sizeof *topics->at);
    topics->text = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct name name = name_subject(s, i);
        size_t size = s->protocol->render_topic(one, sizeof one, name.text);
        ASSERT(size != 0);
        if (topics->at[i] + size > capacity) {
            capacity = MAX_OF(2 * capacity, topics->at[i] + (uint32_t)size);
            topics->text = memory_resize(topics->text, capacity);
        }
        ASSERT(topics->text != NULL);
        memcpy(topics->text + topics->at[i], one, size);
        topics->at[i + 1] = topics->at[i] + (uint32_t)size;
    }
}

void topics_free(struct topics *topics)
{
    memory_free(topics->text);
    memory_free(topics->at);
    memset(topics, 0, sizeof *topics);
}
