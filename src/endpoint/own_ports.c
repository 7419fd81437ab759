/* SPDX-License-Identifier: MIT
   Bound UDP addresses, see own_ports.h. An entry is filled in before a bucket names it, and stays there for good: so a
   reader needs no lock. */
#include "endpoint/own_ports.h"

#include "base/address.h"
#include "base/memory.h"

bool own_ports_init(struct own_ports *ports, size_t count)
{
    size_t buckets = 1;
    while (buckets < count) {
        buckets *= 2;
    }
    *ports = (struct own_ports){.mask = buckets - 1};
    ports->at = memory_alloc(count * sizeof ports->at[0]);
    ports->buckets = memory_alloc(buckets * sizeof ports->buckets[0]);
    if (ports->at == NULL || ports->buckets == NULL) {
        own_ports_fini(ports);
        return false;
    }
    return true;
}

void own_ports_fini(struct own_ports *ports)
{
    memory_free(ports->at);
    memory_free((void *)(uintptr_t)ports->buckets);
    *ports = (struct own_ports){0};
}

void own_ports_set(struct own_ports *ports, size_t number, const struct pl_address *address,
                   bool is_dual_stack, bool is_bound)
{
    struct own_port *port = &ports->at[number];
    if (is_bound && !port->is_listed) {
        volatile LONG *bucket = &ports->buckets[address->port & ports->mask];
        port->address = *address;
        port->is_dual_stack = is_dual_stack;
        port->is_listed = true;
        port->next = *bucket;
        InterlockedExchange(bucket, (LONG)number + 1);
    }
    InterlockedExchange(&port->is_bound, is_bound);
}

static enum own_port_match own_port__match(const struct own_port *port, const struct pl_address *source)
{
    if (port->is_bound == 0 || port->address.port != source->port) {
        return OWN_PORT_NOT;
    }
    if (address_is_any(&port->address)) {
        return port->is_dual_stack || port->address.family == source->family ? OWN_PORT_WILDCARD
                                                                             : OWN_PORT_NOT;
    }
    return address_equal(&port->address, source) ? OWN_PORT_YES : OWN_PORT_NOT;
}

enum own_port_match own_ports_find(const struct own_ports *ports, const struct pl_address *source)
{
    enum own_port_match match = OWN_PORT_NOT;
    for (LONG next = ports->buckets[source->port & ports->mask]; next != 0 && match != OWN_PORT_YES;) {
        const struct own_port *port = &ports->at[next - 1];
        const enum own_port_match this_one = own_port__match(port, source);
        match = this_one != OWN_PORT_NOT ? this_one : match;
        next = port->next;
    }
    return match;
}
