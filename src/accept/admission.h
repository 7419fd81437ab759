/* SPDX-License-Identifier: MIT
   Who may come in, decided from addresses alone and before any other work: lists, limits, rate. One for each endpoint,
   shared by its sockets and its connections. Any thread. */
#ifndef PORTLISTENER_ACCEPT_ADMISSION_H
#define PORTLISTENER_ACCEPT_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/keyed_hash.h"
#include "base/win.h"
#include "config/config.h"
#include "stats/close_reason.h"

/* Connections that there are, and may be. */
struct connection_limit {
    volatile LONG active;
    volatile uint32_t most; /* 0: no limit; a reload may change it */
};

enum admission_verdict {
    ADMISSION_GRANTED,
    ADMISSION_LATER,         /* accept_rate: see admission_tokens */
    ADMISSION_ACL,           /* `deny`, `allow` */
    ADMISSION_PROXY,         /* not one of `trusted_proxies` */
    ADMISSION_LIMIT,         /* max_connections of the endpoint */
    ADMISSION_SERVICE_LIMIT, /* likewise of the process */
    ADMISSION_PER_SOURCE,    /* max_connections_per_source */
    ADMISSION_NO_MEMORY
};

/* admission_reason: why the client is refused; NONE when it is GRANTED, or to come LATER. */
enum close_reason admission_reason(enum admission_verdict verdict);

struct access_lists;
struct admission;

/* admission_create: for an endpoint with this configuration. `lists` and `process` are shared by all endpoints; `key`,
   for tables, is random. All pointers stay the caller's; `config`, `lists` and `process` must outlive it. NULL: no
   memory. One thread at a time with the same `lists`. */
struct admission *admission_create(const struct config_endpoint *config, struct access_lists *lists,
                                   struct connection_limit *process, const struct hash_key *key);

/* admission_create_next: for the same endpoint with another configuration: who has come in by `previous` counts for the
   limits here, too, and so it is with the sources and, where accept_rate is the same, with the rate. `previous` may end
   first. One thread at a time makes and ends those that belong together. */
struct admission *admission_create_next(const struct admission *previous,
                                        const struct config_endpoint *config, struct access_lists *lists);

/* admission_destroy: everybody has left. NULL is allowed. */
void admission_destroy(struct admission *admission);

/* admission_permits: `deny` and `allow` let this client in. */
bool admission_permits(const struct admission *admission, const struct pl_address *client);

/* admission_denies: to end who is in already: `allow` and `deny` deny the client, or `deny` the proxy; either may be NULL. */
bool admission_denies(const struct admission *admission, const struct pl_address *client,
                      const struct pl_address *proxy);

/* admission_check: by the lists alone: GRANTED, ACL or PROXY. Where clients come through proxies, who is GRANTED may name
   them in PROXY headers. */
enum admission_verdict admission_check(const struct admission *admission, const struct pl_address *peer);

/* admission_enter: a TCP client of this address wants to come in. Asked are the lists, the rate, the limits of the process
   and of the endpoint, the source; LATER takes no place, a refusal no token. GRANTED: it counts until admission_leave, for
   the limits and, unless it comes through a proxy, for its source; and it has used up one of the rate's tokens. */
enum admission_verdict admission_enter(struct admission *admission, const struct pl_address *peer,
                                       uint64_t now);

/* admission_claim: a proxy, which has entered, names this client. GRANTED: it counts for its source until
   admission_leave. */
enum admission_verdict admission_claim(struct admission *admission, const struct pl_address *client);

/* admission_leave: `source` is the client that was counted for its source, NULL when none was: a proxy before
   admission_claim, a health check. */
void admission_leave(struct admission *admission, const struct pl_address *source);

/* admission_turn_back: `peer`, which has just entered, is lost before it could do anything. */
void admission_turn_back(struct admission *admission, const struct pl_address *peer);

/* admission_enter_source, admission_leave_source: a UDP session, which counts for its source alone. */
enum admission_verdict admission_enter_source(struct admission *admission, const struct pl_address *client);
void admission_leave_source(struct admission *admission, const struct pl_address *client);

/* admission_begin_session, admission_end_session: one more or less of the endpoint; admission_sessions: how many there
   are. */
void admission_begin_session(struct admission *admission);
void admission_end_session(struct admission *admission);
uint32_t admission_sessions(const struct admission *admission);

/* admission_begin_outbound: the handler opens a connection; false: there are max_outbound already. Such ones count for no
   other limit: those are about what strangers do. admission_end_outbound: it is over. */
bool admission_begin_outbound(struct admission *admission);
void admission_end_outbound(struct admission *admission);

/* admission_has_proxies: clients come through proxies. admission_active: connections that have entered. */
bool admission_has_proxies(const struct admission *admission);
uint32_t admission_active(const struct admission *admission);

/* admission_tokens: how many may come in now by the rate; when none, `next_out` is when one may, of the clock of
   `now`. UINT32_MAX: as many as like to. */
uint32_t admission_tokens(const struct admission *admission, uint64_t now, uint64_t *next_out);

#endif
