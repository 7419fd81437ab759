/* SPDX-License-Identifier: MIT
   From a machine to the cause of a failed bind, see bind_cause.h. bind_cause_words.c has the sentences. */
#include "diagnosis/bind_cause.h"

#include <string.h>

#include "base/address.h"
#include "diagnosis/port_ranges.h"

unsigned bind_cause_parts(const struct bind_question *question)
{
    const unsigned sockets =
        (question->protocol == CONFIG_TCP ? MACHINE_TCP : MACHINE_UDP) | MACHINE_PROCESSES | MACHINE_SERVICES;
    switch (question->error) {
    case BIND_IN_USE:
        return sockets;
    case BIND_ACCESS:
        return sockets | MACHINE_RANGES;
    case BIND_NO_ADDRESS:
        return MACHINE_ADDRESSES;
    default:
        return 0;
    }
}

/* ---- Sockets ---- */

static struct bind_socket bind_cause__ours(const struct bind_question *question)
{
    return (struct bind_socket){question->address, question->is_dual_stack, BIND_EXCLUSIVE};
}

/* How well a socket explains the error: 0: not at all. The table does not tell whether :: takes IPv4 as well. */
static unsigned bind_cause__weigh(const struct machine_port *port, const struct bind_question *question)
{
    const struct bind_socket ours = bind_cause__ours(question);
    struct bind_socket theirs = {.address = port->local};
    unsigned weight = 0;
    if (port->protocol != question->protocol) {
        return 0;
    }
    if (!bind_conflict_overlaps(&theirs, &ours)) {
        theirs.is_dual_stack = port->local.family == 6 && address_is_any(&port->local);
        if (!theirs.is_dual_stack || !bind_conflict_overlaps(&theirs, &ours)) {
            return 0;
        }
    } else {
        weight += 8;
    }
    weight += bind_conflict_explains(&theirs, &ours, question->error) ? 4 : 0;
    weight += address_equal(&theirs.address, &ours.address) ? 2 : 0;
    return weight + (port->pid != 0) + 1;
}

/* Connections that keep a port: not those whose ends are both gone. */
static bool bind_cause__lives(const struct machine_port *port)
{
    return port->state > PORT_LISTENING && port->state < PORT_TIME_WAIT;
}

/* The best of the sockets that wait on the port, or of the connections on it; how many there are. */
static size_t bind_cause__search(const struct machine *machine, const struct bind_question *question,
                                 bool (*is_wanted)(const struct machine_port *port),
                                 const struct machine_port **best_out)
{
    size_t count = 0;
    unsigned best = 0;
    for (size_t i = 0; i < machine->ports.count; i++) {
        const struct machine_port *port = machine_port_at(machine, i);
        const unsigned weight = is_wanted(port) ? bind_cause__weigh(port, question) : 0;
        count += weight > 0;
        if (weight > best) {
            best = weight;
            *best_out = port;
        }
    }
    return count;
}

/* Whether both processes run the same file. */
static bool bind_cause__is_twin(const struct machine *machine, uint32_t pid)
{
    const struct machine_process *own = machine_find_process(machine, machine->own_pid);
    const struct machine_process *other = machine_find_process(machine, pid);
    return own != NULL && other != NULL && own->path != NULL && other->path != NULL &&
           text_equal(own->path, strlen(own->path), other->path);
}

static enum bind_cause_kind bind_cause__holder(const struct machine *machine, uint32_t pid)
{
    if (pid == 0) {
        return CAUSE_HELD_NAMELESS;
    }
    if (pid == MACHINE_KERNEL) {
        return CAUSE_HELD_BY_KERNEL;
    }
    if (pid == machine->own_pid) {
        return CAUSE_HELD_BY_US;
    }
    return bind_cause__is_twin(machine, pid) ? CAUSE_HELD_BY_TWIN : CAUSE_HELD;
}

static void bind_cause__find_socket(const struct machine *machine, const struct bind_question *question,
                                    struct bind_cause *cause)
{
    const unsigned part = question->protocol == CONFIG_TCP ? MACHINE_TCP : MACHINE_UDP;
    size_t count = bind_cause__search(machine, question, machine_port_is_held, &cause->port);
    if (count > 0) {
        cause->kind = bind_cause__holder(machine, cause->port->pid);
    } else {
        count = bind_cause__search(machine, question, bind_cause__lives, &cause->port);
        cause->kind = count > 0                      ? CAUSE_CONNECTIONS
                      : (machine->known & part) != 0 ? CAUSE_UNSEEN
                                                     : CAUSE_UNREAD;
    }
    cause->others = count > 0 ? count - 1 : 0;
}

/* ---- Addresses ---- */

static void bind_cause__find_address(const struct machine *machine, const struct bind_question *question,
                                     struct bind_cause *cause)
{
    struct pl_address wanted = question->address;
    wanted.port = 0;
    cause->kind = CAUSE_NO_ADDRESS;
    for (size_t i = 0; i < machine->addresses.count; i++) {
        const struct machine_address *row = machine_address_at(machine, i);
        if (address_equal(&row->address, &wanted)) {
            cause->kind = CAUSE_ADDRESS_NOT_READY;
            cause->address = row;
        }
    }
}

/* ---- All ---- */

void bind_cause_find(const struct machine *machine, const struct bind_question *question,
                     struct bind_cause *cause_out)
{
    *cause_out = (struct bind_cause){.kind = CAUSE_OTHER};
    switch (question->error) {
    case BIND_ACCESS:
        cause_out->range =
            port_ranges_find(machine, question->protocol,
                             question->is_dual_stack ? 0 : question->address.family, question->address.port);
        bind_cause__find_socket(machine, question, cause_out);
        cause_out->kind = cause_out->range != NULL ? CAUSE_RANGE : cause_out->kind;
        break;
    case BIND_IN_USE:
        bind_cause__find_socket(machine, question, cause_out);
        break;
    case BIND_NO_ADDRESS:
        bind_cause__find_address(machine, question, cause_out);
        break;
    case BIND_NO_FAMILY:
        cause_out->kind = CAUSE_NO_FAMILY;
        break;
    case BIND_NO_BUFFERS:
    case BIND_TOO_MANY:
        cause_out->kind = CAUSE_RESOURCES;
        break;
    case BIND_INVALID:
        cause_out->kind = CAUSE_INVALID;
        break;
    default:
        break;
    }
}

uint64_t bind_cause_key(const struct bind_cause *cause)
{
    uint64_t key = (uint64_t)cause->kind + 1;
    if (cause->kind == CAUSE_RANGE) {
        return key << 32 | (uint64_t)cause->range->first << 16 | cause->range->last;
    }
    if (cause->address != NULL) {
        return key << 32 | (uint64_t)cause->address->state;
    }
    return key << 32 | (cause->port != NULL && cause->kind != CAUSE_CONNECTIONS ? cause->port->pid : 0);
}
