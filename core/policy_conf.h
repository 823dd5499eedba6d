/*
 * policy_conf.h - from the configuration file: what happens to slow subscribers, and what a client
 * may use.
 *
 *   slow_subscribers {                       limits {
 *     default: disconnect                      connections_per_address: 100
 *     rules: [                                 connections_per_user: 50
 *       {subject: "ticks.>"                    accept_rate: 5000
 *        policy: latest, max_pending: 1MB}     publish {messages: 1000, bytes: 10MB, action: delay}
 *     ]                                        publish_per_user {messages: 5000}
 *   }                                        }
 *
 * Threads:     pure functions.
 */
#ifndef RINGHUB_CORE_POLICY_CONF_H
#define RINGHUB_CORE_POLICY_CONF_H

#include "core/conf.h"
#include "core/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The block slow_subscribers; adds to policies. */
MUST_USE bool policies_from_conf(const struct conf_value *block, struct policies *policies,
                                 struct conf_error *error);

/* The block limits. */
MUST_USE bool quotas_from_conf(const struct conf_value *block, struct quotas *quotas,
                               struct conf_error *error);

#ifdef __cplusplus
}
#endif
#endif
