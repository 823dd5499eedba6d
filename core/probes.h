/*
 * probes.h - points along a message's journey that bpftrace, perf or gdb can watch.
 *
 *   recv ▶ publish ▶ deliver ▶ send        wake: a worker rings another        close: a session ends
 *
 * A probe is one no-op instruction and a note in the binary (stapsdt), until somebody watches it:
 * then the kernel puts a breakpoint there. `readelf -n ringhub` lists them; docs/monitoring.md says
 * what their arguments are. Without <sys/sdt.h> at build time there are none.
 *
 * Threads:     any.
 */
#ifndef RINGHUB_CORE_PROBES_H
#define RINGHUB_CORE_PROBES_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define RINGHUB_HAS_PROBES 1
#endif
#endif

#ifdef RINGHUB_HAS_PROBES
/* client, bytes */
#define PROBE_RECV(client, size) DTRACE_PROBE2(ringhub, recv, client, size)
/* client, subject (not terminated), its size, payload bytes */
#define PROBE_PUBLISH(client, subject, subject_size, size)                                         \
    DTRACE_PROBE4(ringhub, publish, client, subject, subject_size, size)
/* worker, subject (not terminated), its size, messages, members of the audience, ingress in ns */
#define PROBE_DELIVER(worker, subject, subject_size, messages, members, ingress_ns)                \
    DTRACE_PROBE6(ringhub, deliver, worker, subject, subject_size, messages, members, ingress_ns)
/* worker, sends of a batch, its bytes if all went out (of the first send where they differ) */
#define PROBE_SEND(worker, count, size)   DTRACE_PROBE3(ringhub, send, worker, count, size)
/* from, to */
#define PROBE_WAKE(from, to)              DTRACE_PROBE2(ringhub, wake, from, to)
/* client, enum close_reason, its words */
#define PROBE_CLOSE(client, reason, text) DTRACE_PROBE3(ringhub, close, client, reason, text)
#else
#define PROBE_RECV(client, size)                                                    ((void)0)
#define PROBE_PUBLISH(client, subject, subject_size, size)                          ((void)0)
#define PROBE_DELIVER(worker, subject, subject_size, messages, members, ingress_ns) ((void)0)
#define PROBE_SEND(worker, count, size)                                             ((void)0)
#define PROBE_WAKE(from, to)                                                        ((void)0)
#define PROBE_CLOSE(client, reason, text)                                           ((void)0)
#endif

#endif
