/* SPDX-License-Identifier: MIT
   Bound UDP addresses, see own_ports.h. An entry is filled in before a bucket names it, and stays there as long as its table:
   so a reader needs no lock. */
#include "endpoint/own_ports.h"

#include "base/address.h"
#include "base/memory.h"

static struct own_ports_table *own_ports_table__create(size_t count)
{
    size_t buckets = 1;
    while (buckets < count) {
        buckets *= 2;
    }
    struct own_ports_table *table =
        memory_alloc(sizeof *table + count * sizeof table->at[0] + buckets * sizeof table->buckets[0]);
    if (table != NULL) {
        table->count = count;
        table->mask = buckets - 1;
        table->buckets = (volatile LONG *)(void *)&table->at[count];
    }
    return table;
}

bool own_ports_init(struct own_ports *ports, size_t count)
{
    *ports = (struct own_ports){.table = own_ports_table__create(count)};
    return ports->table != NULL;
}

void own_ports_fini(struct own_ports *ports)
{
    own_ports_tidy(ports);
    own_ports_forget(ports);
    memory_free(ports->table);
    *ports = (struct own_ports){0};
}

bool own_ports_prepare(struct own_ports *ports, size_t count)
{
    ports->next = own_ports_table__create(count);
    return ports->next != NULL;
}

void own_ports_forget(struct own_ports *ports)
{
    memory_free(ports->next);
    ports->next = NULL;
}

void own_ports_publish(struct own_ports *ports)
{
    struct own_ports_table *old = ports->table;
    InterlockedExchangePointer((PVOID volatile *)&ports->table, ports->next);
    ports->next = NULL;
    old->older = ports->retired;
    ports->retired = old;
}

void own_ports_tidy(struct own_ports *ports)
{
    while (ports->retired != NULL) {
        struct own_ports_table *table = ports->retired;
        ports->retired = table->older;
        memory_free(table);
    }
}

void own_ports_set(struct own_ports *ports, size_t number, const struct pl_address *address,
                   bool is_dual_stack, bool is_bound)
{
    struct own_ports_table *table = ports->next != NULL ? ports->next : ports->table;
    struct own_port *port = &table->at[number];
    if (is_bound && !port->is_listed) {
        volatile LONG *bucket = &table->buckets[address->port & table->mask];
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
    const struct own_ports_table *table = ports->table;
    enum own_port_match match = OWN_PORT_NOT;
    for (LONG next = table->buckets[source->port & table->mask]; next != 0 && match != OWN_PORT_YES;) {
        const struct own_port *port = &table->at[next - 1];
        const enum own_port_match this_one = own_port__match(port, source);
        match = this_one != OWN_PORT_NOT ? this_one : match;
        next = port->next;
    }
    return match;
}
