/* SPDX-License-Identifier: MIT
   The sentences of bind_cause.h: what happened, to what, why, and what to do. */
#include <string.h>

#include "base/address.h"
#include "diagnosis/bind_cause.h"
#include "diagnosis/port_ranges.h"

enum { WORDS_ADDRESSES_MAX = 8, WORDS_SMB = 445, WORDS_NETBIOS_FIRST = 137, WORDS_NETBIOS_LAST = 139 };

#define WORDS_ELEVATED "\"portlistener check\", run elevated, tells more"

static const char *words__protocol(enum config_protocol protocol)
{
    return protocol == CONFIG_TCP ? "tcp" : "udp";
}

static void words__escaped(struct text *text, const char *string)
{
    text_add_escaped(text, string, strlen(string));
}

/* The tables do not tell whether :: takes IPv4 as well. */
static void words__socket(struct text *text, const struct bind_question *question,
                          const struct machine_port *port)
{
    text_add_format(text, "%s://", words__protocol(port->protocol));
    address_add_with_port(text, &port->local);
    text_add_string(text, port->local.family == 6 && question->address.family == 4
                              ? ", which may take IPv4 as well,"
                              : "");
}

static void words__others(struct text *text, size_t others, const char *noun)
{
    if (others > 0) {
        text_add_format(text, " (and %zu more %s%s on this port)", others, noun, others > 1 ? "s" : "");
    }
}

/* ---- Who ---- */

void bind_cause_add_owner(struct text *text, const struct machine *machine, uint32_t pid)
{
    const struct machine_process *process = machine_find_process(machine, pid);
    const bool has_path = process != NULL && process->path != NULL;
    if (process != NULL && process->name != NULL) {
        words__escaped(text, process->name);
        text_add_format(text, " (process %u", pid);
    } else {
        text_add_format(text, "process %u (its name may not be read", pid);
    }
    if (has_path) {
        text_add_string(text, ", ");
        words__escaped(text, process->path);
    }
    struct text services;
    char room[256];
    text_init(&services, room, sizeof room);
    const size_t count = machine_list_services(&services, machine, pid);
    if (count > 0) {
        text_add_format(text, ", service%s %s%s", count > 1 ? "s" : "", services.at,
                        services.is_cut ? "..." : "");
    }
    text_add_string(text, has_path ? ")" : "; this account may not see its path: " WORDS_ELEVATED ")");
}

/* ---- Held ---- */

static void words__held(struct text *text, struct text *remedy, const struct machine *machine,
                        const struct bind_question *question, const struct bind_cause *cause)
{
    words__socket(text, question, cause->port);
    text_add_string(text, " is held by ");
    bind_cause_add_owner(text, machine, cause->port->pid);
    words__others(text, cause->others, "socket");
    text_add_string(remedy, "end that program, or choose another port");
}

static bool words__is_file_sharing(uint16_t port)
{
    return port == WORDS_SMB || (port >= WORDS_NETBIOS_FIRST && port <= WORDS_NETBIOS_LAST);
}

static void words__kernel(struct text *text, struct text *remedy, const struct machine *machine,
                          const struct bind_question *question, const struct bind_cause *cause)
{
    (void)machine;
    words__socket(text, question, cause->port);
    text_add_string(text, " is held by the kernel (process 4)");
    words__others(text, cause->others, "socket");
    if (words__is_file_sharing(question->address.port)) {
        text_add_string(remedy, "this is a port of Windows file sharing (SMB, NetBIOS); choose another port");
    } else {
        text_add_string(remedy,
                        "most often HTTP.sys, for IIS, WinRM, BranchCache and others; \"netsh http show "
                        "servicestate\" shows for whom: end that, or choose another port");
    }
}

static void words__ours(struct text *text, struct text *remedy, const struct machine *machine,
                        const struct bind_question *question, const struct bind_cause *cause)
{
    (void)machine;
    words__socket(text, question, cause->port);
    text_add_format(text, " is held by this process itself (%u)", cause->port->pid);
    words__others(text, cause->others, "socket");
    text_add_string(remedy,
                    "two endpoints want the same port, or one that has gone has not let go of it yet");
}

static void words__twin(struct text *text, struct text *remedy, const struct machine *machine,
                        const struct bind_question *question, const struct bind_cause *cause)
{
    words__socket(text, question, cause->port);
    text_add_string(text, " is held by another PortListener: ");
    bind_cause_add_owner(text, machine, cause->port->pid);
    words__others(text, cause->others, "socket");
    text_add_string(remedy, "end that one, or give each of them its own ports");
}

static void words__nameless(struct text *text, struct text *remedy, const struct machine *machine,
                            const struct bind_question *question, const struct bind_cause *cause)
{
    (void)machine;
    words__socket(text, question, cause->port);
    text_add_string(text, " is held by a program that the system does not name");
    words__others(text, cause->others, "socket");
    text_add_string(remedy, "end that program, or choose another port");
}

static void words__connections(struct text *text, struct text *remedy, const struct machine *machine,
                               const struct bind_question *question, const struct bind_cause *cause)
{
    (void)question;
    text_add_format(text, "nobody listens on this port, but %zu connection%s live%s on it, from ",
                    cause->others + 1, cause->others > 0 ? "s" : "", cause->others > 0 ? "" : "s");
    address_add_with_port(text, &cause->port->peer);
    text_add_string(text, cause->others > 0 ? " and others" : "");
    if (cause->port->pid != 0) {
        text_add_string(text, ", of ");
        bind_cause_add_owner(text, machine, cause->port->pid);
    }
    text_add_string(text,
                    ": Windows gives a port whose exclusive listener was closed to nobody before the last "
                    "of them has ended");
    text_add_string(remedy, "it is tried again until then");
}

static void words__unseen(struct text *text, struct text *remedy, const struct machine *machine,
                          const struct bind_question *question, const struct bind_cause *cause)
{
    (void)cause;
    if (question->error == BIND_ACCESS) {
        text_add_format(
            text,
            "no socket on this port explains it%s; security software may forbid it, or a socket that "
            "does not listen has it for itself (\"netstat -qano\" shows it)",
            (machine->known & MACHINE_RANGES) != 0
                ? ", and no range that Windows has set aside has it"
                : ", and whether Windows has set it aside could not be found out (\"netsh interface "
                  "ipv4 show excludedportrange\" shows that)");
        text_add_string(remedy, "administrator rights do not help; choose another port");
        return;
    }
    text_add_string(text,
                    question->protocol == CONFIG_TCP
                        ? "held by a bound socket that does not listen, which no table of the system shows: "
                          "\"netstat -qano\" shows it; or by something that is not of this system"
                        : "no table of the system shows who has it");
    text_add_string(remedy, question->protocol == CONFIG_TCP
                                ? "end that program, or choose another port"
                                : "\"netstat -qano\" may; end that program, or choose another port");
}

static void words__unread(struct text *text, struct text *remedy, const struct machine *machine,
                          const struct bind_question *question, const struct bind_cause *cause)
{
    (void)machine, (void)cause;
    text_add_format(text, "who has the port could not be found out (\"netstat -ano\" shows it)%s",
                    question->error == BIND_ACCESS ? "; administrator rights do not help" : "");
    text_add_string(remedy, "end that program, or choose another port");
}

/* ---- Set aside ---- */

static void words__range(struct text *text, struct text *remedy, const struct machine *machine,
                         const struct bind_question *question, const struct bind_cause *cause)
{
    const char *protocol = words__protocol(question->protocol);
    const unsigned port = question->address.port, family = cause->range->family;
    text_add_format(
        text,
        "port %u is in the range %u-%u, which Windows has set aside for others (Hyper-V and WinNAT do so; "
        "\"netsh interface ipv%u show excludedportrange %s\" shows it)",
        port, cause->range->first, cause->range->last, family, protocol);
    if (cause->port != NULL && cause->port->pid != 0) {
        text_add_string(text, "; ");
        words__socket(text, question, cause->port);
        text_add_string(text, " is held by ");
        bind_cause_add_owner(text, machine, cause->port->pid);
    }
    text_add_string(
        remedy, "administrator rights do not help; choose a port outside of it, or reserve this one while "
                "it is free (after \"net stop winnat\")");
}

void bind_cause_add_command(struct text *text, const struct bind_question *question,
                            const struct bind_cause *cause)
{
    if (cause->kind == CAUSE_RANGE) {
        text_add_format(
            text,
            "netsh interface ipv%u add excludedportrange protocol=%s startport=%u numberofports=1 "
            "store=persistent",
            (unsigned)cause->range->family, words__protocol(question->protocol),
            (unsigned)question->address.port);
    }
}

/* ---- Addresses ---- */

static void words__add_addresses(struct text *text, const struct machine *machine)
{
    size_t told = 0;
    for (size_t i = 0; i < machine->addresses.count; i++) {
        const struct machine_address *row = machine_address_at(machine, i);
        if (told++ == WORDS_ADDRESSES_MAX) {
            text_add_format(text, " and %zu more", machine->addresses.count - WORDS_ADDRESSES_MAX);
            return;
        }
        text_add_string(text, told > 1 ? ", " : "");
        address_add(text, &row->address);
        text_add_string(text, " (");
        words__escaped(text, row->adapter != NULL ? row->adapter : "?");
        text_add_string(text, row->state == ADDRESS_DOWN ? ", down)" : ")");
    }
}

static void words__no_address(struct text *text, struct text *remedy, const struct machine *machine,
                              const struct bind_question *question, const struct bind_cause *cause)
{
    (void)cause;
    text_add_string(text, "this machine does not have the address ");
    address_add(text, &question->address);
    if (machine->addresses.count > 0) {
        text_add_string(text, "; it has ");
        words__add_addresses(text, machine);
    } else {
        text_add_string(text, " (\"ipconfig\" shows those it has)");
    }
    text_add_string(remedy, "correct \"listen\"; or wait: it is bound when the address appears");
}

static void words__not_ready(struct text *text, struct text *remedy, const struct machine *machine,
                             const struct bind_question *question, const struct bind_cause *cause)
{
    static const char *const states[][2] = {
        [ADDRESS_USABLE] = {" has appeared by now", "it is bound at the next try"},
        [ADDRESS_TENTATIVE] = {" is new, and Windows still checks whether another machine has it",
                               "it is bound when that is done"},
        [ADDRESS_DUPLICATE] = {" is also another machine's, and Windows does not use it",
                               "give this machine another address"},
        [ADDRESS_DOWN] = {" belongs to an adapter that is down",
                          "plug it in or switch it on; it is bound when the adapter is up"},
    };
    (void)machine;
    address_add(text, &question->address);
    text_add_string(text, " (");
    words__escaped(text, cause->address->adapter != NULL ? cause->address->adapter : "?");
    text_add_format(text, ")%s", states[cause->address->state][0]);
    text_add_string(remedy, states[cause->address->state][1]);
}

/* ---- The rest ---- */

static void words__no_family(struct text *text, struct text *remedy, const struct machine *machine,
                             const struct bind_question *question, const struct bind_cause *cause)
{
    (void)machine, (void)cause;
    text_add_format(text, "IPv%u is switched off on this machine", (unsigned)question->address.family);
    text_add_format(remedy, "switch it on, or listen on an IPv%u address instead",
                    question->address.family == 6 ? 4U : 6U);
}

static void words__resources(struct text *text, struct text *remedy, const struct machine *machine,
                             const struct bind_question *question, const struct bind_cause *cause)
{
    (void)machine, (void)cause;
    text_add_string(text,
                    question->error == BIND_TOO_MANY
                        ? "the system is out of sockets for this process: a program that opens many and "
                          "closes none may be the reason (the column Handles of the task manager)"
                        : "the system is out of memory for sockets, or of ports: a program that opens many "
                          "sockets may be the reason (\"netstat -ano\" shows them)");
    text_add_string(remedy, "it is tried again");
}

static void words__invalid(struct text *text, struct text *remedy, const struct machine *machine,
                           const struct bind_question *question, const struct bind_cause *cause)
{
    (void)machine, (void)question, (void)cause;
    text_add_string(text, "the system does not take this combination of options and address");
    text_add_string(
        remedy, "software that stands between programs and Winsock may be the reason (\"netsh winsock show "
                "catalog\" lists it)");
}

static void words__nothing(struct text *text, struct text *remedy, const struct machine *machine,
                           const struct bind_question *question, const struct bind_cause *cause)
{
    (void)text, (void)remedy, (void)machine, (void)question, (void)cause;
}

void bind_cause_add_parts(struct text *text, struct text *remedy, const struct machine *machine,
                          const struct bind_question *question, const struct bind_cause *cause)
{
    static void (*const words[CAUSE_COUNT])(struct text *, struct text *, const struct machine *,
                                            const struct bind_question *, const struct bind_cause *) = {
        [CAUSE_HELD] = words__held,
        [CAUSE_HELD_BY_KERNEL] = words__kernel,
        [CAUSE_HELD_BY_US] = words__ours,
        [CAUSE_HELD_BY_TWIN] = words__twin,
        [CAUSE_HELD_NAMELESS] = words__nameless,
        [CAUSE_CONNECTIONS] = words__connections,
        [CAUSE_RANGE] = words__range,
        [CAUSE_UNSEEN] = words__unseen,
        [CAUSE_UNREAD] = words__unread,
        [CAUSE_NO_ADDRESS] = words__no_address,
        [CAUSE_ADDRESS_NOT_READY] = words__not_ready,
        [CAUSE_NO_FAMILY] = words__no_family,
        [CAUSE_RESOURCES] = words__resources,
        [CAUSE_INVALID] = words__invalid,
        [CAUSE_OTHER] = words__nothing,
    };
    words[cause->kind](text, remedy, machine, question, cause);
    const bool is_held = cause->kind <= CAUSE_HELD_NAMELESS;
    text_add_string(remedy,
                    is_held && question->error == BIND_ACCESS ? "; administrator rights do not help" : "");
}

void bind_cause_add(struct text *text, const struct machine *machine, const struct bind_question *question,
                    const struct bind_cause *cause)
{
    char room[1024];
    struct text remedy;
    const bool is_waiting = cause->kind == CAUSE_CONNECTIONS || cause->kind == CAUSE_RESOURCES;
    text_init(&remedy, room, sizeof room);
    bind_cause_add_parts(text, &remedy, machine, question, cause);
    text_add_string(text, remedy.length == 0 ? "" : is_waiting ? "; " : ": ");
    text_add_string(text, remedy.at);
    text_clear(&remedy);
    bind_cause_add_command(&remedy, question, cause);
    if (remedy.length > 0) {
        text_add_format(text, ": \"%s\"", remedy.at);
    }
}
