/* SPDX-License-Identifier: MIT
   The UDP addresses that this engine has bound: whether a datagram's source may be one of them. Written by the control
   thread, read by all workers without a lock. */
#ifndef PORTLISTENER_ENDPOINT_OWN_PORTS_H
#define PORTLISTENER_ENDPOINT_OWN_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/win.h"
#include "portlistener/handler.h"

struct own_port {
    struct pl_address address; /* does not change once it was bound */
    bool is_dual_stack;
    bool is_listed; /* in a bucket; the control thread's */
    volatile LONG is_bound;
    LONG next; /* in its bucket: number + 1, 0 at the end */
};

struct own_ports {
    struct own_port *at;
    volatile LONG *buckets; /* by port: number + 1 of the first, 0: none */
    size_t mask;
};

enum own_port_match {
    OWN_PORT_NOT,
    OWN_PORT_YES,     /* bound to just this address */
    OWN_PORT_WILDCARD /* bound to all addresses of this machine: so if it is one of them */
};

/* own_ports_init: room for the numbers 0 to `count` - 1; false: no memory. */
bool own_ports_init(struct own_ports *ports, size_t count);
void own_ports_fini(struct own_ports *ports);

/* own_ports_set: that number `number` is bound to `address`, or is not any more. Control thread. */
void own_ports_set(struct own_ports *ports, size_t number, const struct pl_address *address,
                   bool is_dual_stack, bool is_bound);

/* own_ports_find: any thread. Costs the same however many there are, unless they have one port. */
enum own_port_match own_ports_find(const struct own_ports *ports, const struct pl_address *source);

#endif
