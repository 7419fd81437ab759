/* SPDX-License-Identifier: MIT
   From the cause of a failed bind to a finding, see finding_binds.h. */
#include "diagnosis/finding_binds.h"

#include <stdio.h>

#include "base/address.h"
#include "diagnosis/bind_conflict.h"

static const enum finding_kind kinds[CAUSE_COUNT] = {
    [CAUSE_HELD] = FINDING_BIND_HELD,
    [CAUSE_HELD_BY_KERNEL] = FINDING_BIND_HELD_BY_KERNEL,
    [CAUSE_HELD_BY_US] = FINDING_BIND_HELD_BY_US,
    [CAUSE_HELD_BY_TWIN] = FINDING_BIND_HELD_BY_TWIN,
    [CAUSE_HELD_NAMELESS] = FINDING_BIND_HELD_NAMELESS,
    [CAUSE_CONNECTIONS] = FINDING_BIND_CONNECTIONS,
    [CAUSE_RANGE] = FINDING_BIND_RANGE,
    [CAUSE_UNSEEN] = FINDING_BIND_UNSEEN,
    [CAUSE_UNREAD] = FINDING_BIND_UNREAD,
    [CAUSE_NO_ADDRESS] = FINDING_BIND_NO_ADDRESS,
    [CAUSE_ADDRESS_NOT_READY] = FINDING_BIND_ADDRESS_NOT_READY,
    [CAUSE_NO_FAMILY] = FINDING_BIND_NO_FAMILY,
    [CAUSE_RESOURCES] = FINDING_BIND_RESOURCES,
    [CAUSE_INVALID] = FINDING_BIND_INVALID,
    [CAUSE_OTHER] = FINDING_BIND_OTHER,
};

void finding_binds_subject(struct text *text, const char *endpoint, enum config_protocol protocol,
                           const struct pl_address *address, bool is_dual_stack)
{
    text_add_format(text, "endpoint %s, %s://", endpoint, protocol == CONFIG_TCP ? "tcp" : "udp");
    if (is_dual_stack) {
        text_add_format(text, "*:%u", (unsigned)address->port);
    } else {
        address_add_with_port(text, address);
    }
}

void finding_binds_add(struct findings *findings, const struct machine *machine, const char *endpoint,
                       const struct bind_question *question)
{
    char subject_room[256], error[16];
    struct text subject, words, remedy, command;
    struct bind_cause cause;
    text_init(&subject, subject_room, sizeof subject_room);
    text_init_heap(&words);
    text_init_heap(&remedy);
    text_init_heap(&command);
    snprintf(error, sizeof error, "%lu", (unsigned long)question->error);
    finding_binds_subject(&subject, endpoint, question->protocol, &question->address,
                          question->is_dual_stack);
    bind_cause_find(machine, question, &cause);
    bind_cause_add_parts(&words, &remedy, machine, question, &cause);
    bind_cause_add_command(&command, question, &cause);
    findings_add(
        findings, kinds[cause.kind], subject.at,
        FINDING_WORDS({"error", error}, {"cause", words.at}, {"remedy", remedy.at}, {"command", command.at}));
    findings->is_out_of_memory =
        findings->is_out_of_memory || words.is_cut || remedy.is_cut || command.is_cut;
    text_fini(&words);
    text_fini(&remedy);
    text_fini(&command);
}

/* Whether this socket, which waits for clients, is on the address. */
static bool finding_binds__holds(const struct machine_port *port, const struct bind_question *question)
{
    const struct bind_socket ours = {question->address, question->is_dual_stack, BIND_EXCLUSIVE};
    struct bind_socket theirs = {.address = port->local};
    theirs.is_dual_stack = port->local.family == 6 && address_is_any(&port->local);
    return port->protocol == question->protocol && machine_port_is_held(port) &&
           bind_conflict_overlaps(&theirs, &ours);
}

bool finding_binds_is_held_by(const struct machine *machine, const struct bind_question *question,
                              uint32_t pid)
{
    for (size_t i = 0; i < machine->ports.count; i++) {
        const struct machine_port *port = machine_port_at(machine, i);
        if (port->pid == pid && pid != 0 && finding_binds__holds(port, question)) {
            return true;
        }
    }
    return false;
}

bool finding_binds_is_held_by_another(const struct machine *machine, const struct bind_question *question,
                                      uint32_t pid)
{
    for (size_t i = 0; i < machine->ports.count; i++) {
        const struct machine_port *port = machine_port_at(machine, i);
        if (port->pid != 0 && port->pid != pid && finding_binds__holds(port, question)) {
            return true;
        }
    }
    return false;
}
