/*
 * config_ranges.h - how much a setting may be, whether it comes from an option or from a file.
 *
 * For core/config*.c.
 */
#ifndef RINGHUB_CORE_CONFIG_RANGES_H
#define RINGHUB_CORE_CONFIG_RANGES_H

#include "core/config.h"

#define SECOND_NS UINT64_C(1000000000)
#define YEAR_NS   (365 * 24 * 3600 * SECOND_NS)

enum {
    PENDING_BYTES_DEFAULT = 64 << 20,
    PAYLOAD_BYTES_DEFAULT = 1 << 20,
    PAYLOAD_BYTES_WARNING = 8 << 20, /* nats-server warns above this */
    PAYLOAD_BYTES_MAX = 999999999,   /* SIZE_DIGITS_MAX digits on the wire */
    CONNECTIONS_MAX = 1 << 24,
    CONTROL_LINE_MIN = 32,
    CONTROL_LINE_MAX = 64 << 10,
    LOG_FILES_MAX = 4096,
    SUB_TOKENS_MAX = 255, /* nats-server keeps it in a byte */
};

/* Plain decimal digits, as they stand on a command line. */
MUST_USE bool config_number_parse(const char *text, uint64_t *number);

#endif
