/*
 * version.h - which release is this, and as which nats-server does it introduce itself?
 *
 * Clients read features off the version in INFO, and test harnesses off `-v`, so that one names the
 * nats-server release whose core protocol this hub speaks.
 */
#ifndef RINGHUB_CORE_VERSION_H
#define RINGHUB_CORE_VERSION_H

#ifndef RINGHUB_VERSION
#define RINGHUB_VERSION "0.1.0" /* the build passes the project's */
#endif

#ifndef RINGHUB_GIT
#define RINGHUB_GIT "not set" /* the build may pass a commit */
#endif

#define RINGHUB_SPEAKS_AS "2.12.8"

#endif
