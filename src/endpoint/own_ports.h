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

struct own_ports_table {
    struct own_ports_table *older; /* of those that are not read any more */
    size_t count;
    size_t mask;
    volatile LONG *buckets; /* by port: number + 1 of the first, 0: none; behind `at` */
    struct own_port at[];
};

struct own_ports {
    struct own_ports_table *volatile table;
    struct own_ports_table *next;    /* is being made; the control thread's, as is `retired` */
    struct own_ports_table *retired; /* may be read yet */
};

enum own_port_match {
    OWN_PORT_NOT,
    OWN_PORT_YES,     /* bound to just this address */
    OWN_PORT_WILDCARD /* bound to all addresses of this machine: so if it is one of them */
};

/* own_ports_init: room for the numbers 0 to `count` - 1; false: no memory. */
bool own_ports_init(struct own_ports *ports, size_t count);
void own_ports_fini(struct own_ports *ports);

/* own_ports_prepare: for other sockets: until own_ports_publish, own_ports_set is about a table that nobody reads yet, with
   other numbers. False: no memory. own_ports_forget: that table is not needed. own_ports_tidy: who was reading when
   own_ports_publish was called has finished. Control thread. */
bool own_ports_prepare(struct own_ports *ports, size_t count);
void own_ports_publish(struct own_ports *ports);
void own_ports_forget(struct own_ports *ports);
void own_ports_tidy(struct own_ports *ports);

/* own_ports_set: that number `number` is bound to `address`, or is not any more. Control thread. */
void own_ports_set(struct own_ports *ports, size_t number, const struct pl_address *address,
                   bool is_dual_stack, bool is_bound);

/* own_ports_find: any thread. Costs the same however many there are, unless they have one port. */
enum own_port_match own_ports_find(const struct own_ports *ports, const struct pl_address *source);

#endif
