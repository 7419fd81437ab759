/* SPDX-License-Identifier: MIT
   Accepting on one listening socket: as many AcceptEx outstanding as the clients need. It knows neither
   endpoint nor connection; it asks and reports by callbacks, on its worker W. */
#ifndef PORTLISTENER_ACCEPT_ACCEPTOR_H
#define PORTLISTENER_ACCEPT_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "io/network.h"
#include "io/worker.h"

struct acceptor;

/* ACCEPT_LATER: by a rate; it is asked again when `tokens` says so, and nobody else is accepted meanwhile. */
enum accept_answer { ACCEPT_NOW, ACCEPT_LATER, ACCEPT_NEVER };

struct acceptor_events {
    /* May the client come in? Decided from the addresses alone, before any other call on its socket. Whom it must not
       is reset; who says NEVER counts it. */
    enum accept_answer (*admit)(void *owner, const struct pl_address *local, const struct pl_address *peer);

    /* After NOW, one of these. accepted: a client's socket, now the callee's; not associated with any port. lost: an
       error of the system took it. */
    void (*accepted)(void *owner, SOCKET socket, const struct pl_address *local,
                     const struct pl_address *peer);
    void (*lost)(void *owner, const struct pl_address *local, const struct pl_address *peer);

    /* After LATER: the acceptor stops, and has reset the client. */
    void (*abandoned)(void *owner, const struct pl_address *local, const struct pl_address *peer);

    /* How many clients may be admitted now, by a rate: no more accepts are outstanding, the backlog holds the
       others. When none: `next_out` is when one may, of the worker's clock. UINT32_MAX: no limit. */
    uint32_t (*tokens)(void *owner, uint64_t *next_out);

    /* The rate makes it wait from now on; counted already. */
    void (*waits)(void *owner);

    /* One more of what this counts. */
    void (*count)(void *owner, enum counter counter);

    /* trouble: accepting fails, and is tried again. recovered: for a second nothing has failed. broken: the
       listening socket itself is dead; only acceptor_stop is left. */
    void (*trouble)(void *owner, uint32_t error);
    void (*recovered)(void *owner);
    void (*broken)(void *owner, uint32_t error);

    /* After acceptor_stop: nothing is in flight, the listening socket is closed; acceptor_destroy may be
       called. Last. */
    void (*stopped)(void *owner);
};

/* acceptor_create: it works in this lane of the worker. `listener` is bound and listens; it is closed by
   acceptor_stop, or stays the caller's when NULL comes back (no memory, or no association: GetLastError). At most
   `accepts_max` AcceptEx at a time. Any thread. */
struct acceptor *acceptor_create(struct worker *worker, unsigned lane, const struct network *network,
                                 SOCKET listener, int family, uint32_t accepts_max,
                                 const struct acceptor_events *events, void *owner);

/* acceptor_start, acceptor_stop: return at once; stop only after start, and nothing but acceptor_destroy
   after it. Any thread. */
void acceptor_start(struct acceptor *acceptor);
void acceptor_stop(struct acceptor *acceptor);

/* acceptor_pause: the system refuses new connections while `is_paused`, where it can; elsewhere they are
   admitted or not like all others. Any thread. */
void acceptor_pause(struct acceptor *acceptor, bool is_paused);

/* acceptor_change: who owns it lets clients in by other rules from now on, and has so many AcceptEx at a time at most. On
   W. */
void acceptor_change(struct acceptor *acceptor, uint32_t accepts_max);

/* acceptor_destroy: after `stopped`, or without acceptor_start. */
void acceptor_destroy(struct acceptor *acceptor);

/* acceptor_counts: AcceptEx that should be outstanding, and that are. On W. */
struct acceptor_counts {
    uint32_t target;
    uint32_t posted;
};
struct acceptor_counts acceptor_counts(const struct acceptor *acceptor);

/* acceptor_armed: the number of AcceptEx that are outstanding; valid until acceptor_destroy. Any thread. */
const volatile uint32_t *acceptor_armed(const struct acceptor *acceptor);

#endif
