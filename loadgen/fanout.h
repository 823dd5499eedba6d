/*
 * fanout.h - the subcommand: one subject, many subscribers, measured.
 *
 * Threads:     main thread; starts and joins the drivers.
 */
#ifndef RINGHUB_LOADGEN_FANOUT_H
#define RINGHUB_LOADGEN_FANOUT_H

#include "core/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* argv[0] is the subcommand. Returns the exit status: 0 all was delivered, 1 not, 2 bad options. */
MUST_USE int fanout_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
