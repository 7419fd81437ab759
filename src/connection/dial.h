/* SPDX-License-Identifier: MIT
   A connection that is to be opened: from "HOST:PORT" to the sockets that it is tried with, one address after the other,
   within one time. It knows neither TCP's connects nor UDP's: who makes them tells it what came of each. All of it on W. */
#ifndef PORTLISTENER_CONNECTION_DIAL_H
#define PORTLISTENER_CONNECTION_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "endpoint/endpoint.h"
#include "io/network.h"
#include "io/resolver.h"
#include "portlistener/handler.h"

enum {
    DIAL_TIMEOUT = 10000,      /* milliseconds, where the handler does not say */
    DIAL_TIMEOUT_MAX = 3600000 /* the contract's */
};

/* What dials need of their engine. */
struct dial_world {
    const struct network *network;
    struct resolver *resolver;
};

enum dial_step {
    DIAL_WAITS, /* for the name; call again when woken, or at dial_due */
    DIAL_TRIES, /* an address is there: dial_open, then dial_failed or the end */
    DIAL_ENDS   /* there is no further one, or no time: dial_error */
};

struct dial;

/* dial_create: PL_OK: `dial_out`; PL_INVALID: `how` is not as the contract has it; PL_NO_MEMORY. `world` stays the
   caller's. dial_begin: `wake` is called when the name is resolved. dial_stop: nobody asks for its name any more, and
   that is all that is left of it. dial_destroy: likewise. NULL is allowed. */
int32_t dial_create(const struct dial_world *world, struct worker *worker, const pl_connect *how,
                    struct dial **dial_out);
void dial_begin(struct dial *dial, void (*wake)(void *owner), void *owner);
void dial_stop(struct dial *dial);
void dial_destroy(struct dial *dial);

/* dial_next: what is to be done now. dial_due: when it is to be looked at again, by the clock of W. dial_is_late: that time
   has come, of an address that is being tried, too. */
enum dial_step dial_next(struct dial *dial);
uint64_t dial_due(const struct dial *dial);
bool dial_is_late(const struct dial *dial);

/* dial_open: a socket for the address that is to be tried, bound, and its calls are told on W; one for datagrams never
   waits. INVALID_SOCKET: dial_failed was told. dial_failed: why this address does not work; the next one is to be tried. */
SOCKET dial_open(struct dial *dial, const struct endpoint *endpoint);
void dial_failed(struct dial *dial, uint32_t error);

/* dial_protocol: PL_TCP or PL_UDP. dial_address: that is tried, or was last; family 0: none. dial_error: why the last one, or
   the name, did not work. dial_tell: all of it, to the log. */
const struct network *dial_network(const struct dial *dial);
uint32_t dial_protocol(const struct dial *dial);
struct pl_address dial_address(const struct dial *dial);
uint32_t dial_error(const struct dial *dial);
void dial_tell(const struct dial *dial, struct endpoint *endpoint, pl_id id);

#endif
