/* SPDX-License-Identifier: MIT
   Judging listeners, see port_audit.h. */
#include "diagnosis/port_audit.h"

#include <string.h>

#include "base/address.h"
#include "diagnosis/bind_conflict.h"

/* ---- The configuration ---- */

/* `takes_ipv4`: what is guessed of a socket on [::]; no table tells it. */
static bool port_audit__wants(const struct config_listen *listen, const struct machine_port *port,
                              bool takes_ipv4)
{
    struct bind_socket ours = {.address = listen->address, .is_dual_stack = listen->is_dual_stack};
    struct bind_socket theirs = {.address = port->local};
    theirs.is_dual_stack = takes_ipv4 && port->local.family == 6 && address_is_any(&port->local);
    ours.address.port = port->local.port;
    return listen->protocol == port->protocol && listen->address.port <= port->local.port &&
           port->local.port <= listen->last_port && bind_conflict_overlaps(&ours, &theirs);
}

/* ---- The program ---- */

static bool port_audit__is_ours(const struct audit_question *question, uint32_t pid)
{
    const struct machine_process *own = machine_find_process(question->machine, question->machine->own_pid);
    const struct machine_process *process = machine_find_process(question->machine, pid);
    const bool is_twin = own != NULL && process != NULL && own->path != NULL && process->path != NULL &&
                         text_equal(own->path, strlen(own->path), process->path);
    return is_twin || machine_has_service(question->machine, pid, question->service);
}

/* What is ours is known without a guess: only * takes IPv4 as well. */
enum audit_holder port_audit_find_holder(const struct audit_question *question,
                                         const struct config_listen *listen, uint16_t port)
{
    struct config_listen one = *listen;
    enum audit_holder holder = AUDIT_NOBODY;
    one.address.port = one.last_port = port;
    for (size_t i = 0; i < question->machine->ports.count; i++) {
        const struct machine_port *row = machine_port_at(question->machine, i);
        if (!machine_port_is_held(row)) {
            continue;
        }
        if (port_audit__wants(&one, row, false)) {
            return AUDIT_SOMEBODY;
        }
        if (port_audit__wants(&one, row, true) && !port_audit__is_ours(question, row->pid)) {
            holder = AUDIT_PERHAPS_SOMEBODY;
        }
    }
    return holder;
}

/* The length of the path without its last part. */
static size_t port_audit__folder(const char *path)
{
    const char *end = strrchr(path, '\\');
    return end != NULL ? (size_t)(end - path) : 0;
}

/* Programs of Windows that listen on most machines, and that others like to be taken for. */
static bool port_audit__is_of_windows(const char *name)
{
    static const char *const names[] = {"svchost.exe", "lsass.exe",    "services.exe", "wininit.exe",
                                        "spoolsv.exe", "csrss.exe",    "winlogon.exe", "smss.exe",
                                        "dns.exe",     "taskhostw.exe"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (text_equal(name, strlen(name), names[i])) {
            return true;
        }
    }
    return false;
}

static bool port_audit__is_elsewhere(const struct audit_question *question, uint32_t pid)
{
    const struct machine_process *process = machine_find_process(question->machine, pid);
    const struct machine_process *own = machine_find_process(question->machine, question->machine->own_pid);
    if (process == NULL || process->name == NULL || process->path == NULL) {
        return false;
    }
    const size_t folder = port_audit__folder(process->path);
    if (port_audit__is_of_windows(process->name)) {
        return !text_equal(process->path, folder, question->system_folder);
    }
    return own != NULL && own->path != NULL && own->name != NULL &&
           text_equal(process->name, strlen(process->name), own->name) &&
           !text_equal(process->path, strlen(process->path), own->path);
}

/* ---- The verdict ---- */

/* `is_guess`: whether it may be, of a socket on [::] where nobody is seen to have the port on IPv4. */
static bool port_audit__is_configured(const struct audit_question *question, const struct machine_port *port,
                                      bool is_guess)
{
    const struct config *config = question->config;
    for (size_t i = 0; config != NULL && i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        for (size_t k = 0; endpoint->is_enabled && k < endpoint->listen_count; k++) {
            const struct config_listen *listen = &endpoint->listen[k];
            if (port_audit__wants(listen, port, is_guess) &&
                (!is_guess ||
                 port_audit_find_holder(question, listen, port->local.port) == AUDIT_PERHAPS_SOMEBODY)) {
                return true;
            }
        }
    }
    return false;
}

void port_audit_judge(const struct audit_question *question, const struct machine_port *port,
                      struct audit_verdict *verdict_out)
{
    const bool is_held = machine_port_is_held(port);
    const bool is_ours = port_audit__is_ours(question, port->pid);
    const bool is_configured = is_held && port_audit__is_configured(question, port, false);
    const struct machine_process *process = machine_find_process(question->machine, port->pid);
    verdict_out->whose = is_ours ? AUDIT_OURS : is_configured ? AUDIT_CONFIGURED : AUDIT_UNKNOWN;
    verdict_out->notes = 0;
    if (is_configured && !is_ours) {
        verdict_out->notes |= AUDIT_HELD_BY_OTHER;
    } else if (is_held && !is_ours && port_audit__is_configured(question, port, true)) {
        verdict_out->notes |= AUDIT_PERHAPS_HELD;
    }
    if (is_held && is_ours && question->config != NULL && !is_configured) {
        verdict_out->notes |= AUDIT_NOT_CONFIGURED;
    }
    if (port_audit__is_elsewhere(question, port->pid)) {
        verdict_out->notes |= AUDIT_UNUSUAL_FOLDER;
    }
    if (is_held && question->expectations != NULL &&
        !port_expectations_have(question->expectations, port, process)) {
        verdict_out->notes |= AUDIT_UNEXPECTED;
    }
}

const char *port_audit_exposure(const struct machine_port *port)
{
    return address_is_loopback(&port->local) ? "loopback" : address_is_any(&port->local) ? "all" : "specific";
}

const char *port_audit_whose(enum audit_whose whose)
{
    static const char *const names[] = {"unknown", "configured", "ours"};
    return names[whose];
}

const char *port_audit_note(unsigned index)
{
    static const char *const notes[AUDIT_NOTE_COUNT] = {
        "the configuration wants this port, and another program has it",
        "ours, but the configuration does not name it",
        "a program of this name belongs in another folder",
        "not expected: the file of --expect does not name it",
        "the configuration wants this port, and nobody has it",
        "the configuration wants this port on IPv4, which a socket on [::] may take as well",
    };
    return notes[index];
}

void port_audit_add_cut(struct text *text, const char *string, size_t room)
{
    const size_t length = strlen(string), left = (room - 3) / 2, right = room - 3 - left;
    if (length <= room) {
        text_add_escaped(text, string, length);
        return;
    }
    size_t head = left, tail = length - right;
    while (head > 0 && ((unsigned char)string[head] & 0xC0) == 0x80) { /* whole characters */
        head--;
    }
    while (((unsigned char)string[tail] & 0xC0) == 0x80) {
        tail++;
    }
    text_add_escaped(text, string, head);
    text_add_string(text, "...");
    text_add_escaped(text, string + tail, length - tail);
}
