/* SPDX-License-Identifier: MIT
   From names to addresses, by the system's resolver and without waiting for it. A question that nobody wants the answer of
   any more goes on for as long as the system likes, and is dropped when it ends: it holds what it needs, the resolver,
   until then. */
#ifndef PORTLISTENER_IO_RESOLVER_H
#define PORTLISTENER_IO_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/win.h"
#include "io/worker.h"
#include "portlistener/handler.h"

enum {
    RESOLVER_NAME_MAX = 253,  /* bytes of a name */
    RESOLVER_ADDRESSES = 16,  /* of one name, that are told */
    RESOLVER_QUERIES_MAX = 64 /* at the same time: each may take one of the process's pool of threads */
};

struct resolver;
struct query;

/* Whom to tell. On W: `error` 0, or why there is no address; the query is gone behind it. Ports are 0. */
typedef void (*resolver_answer)(void *owner, uint32_t error, const struct pl_address *addresses,
                                unsigned count);

/* resolver_create: after network_start; NULL: no memory, or no Winsock. resolver_settle: no query reaches a worker any
   more: all were dropped; before the workers end. resolver_release: its maker's; it goes with its last query. */
struct resolver *resolver_create(void);
void resolver_settle(const struct resolver *resolver);
void resolver_release(struct resolver *resolver);

/* resolver_ask: 0: `query_out` is asked, and `answer` will be called in a later turn, unless it is dropped before. Else an
   error: WSAEWOULDBLOCK when too many are asked already. On W. query_drop: nobody is told. On W. */
uint32_t resolver_ask(struct resolver *resolver, struct worker *worker, const char *name, int type,
                      resolver_answer answer, void *owner, struct query **query_out);
void query_drop(struct query *query);

#endif
