/* SPDX-License-Identifier: MIT
   Records of a machine, see machine.h. */
#include "diagnosis/machine.h"

#include <string.h>

#include "base/memory.h"

enum { MACHINE_ROOM = 64 };

void machine_init(struct machine *machine)
{
    *machine = (struct machine){0};
}

void *machine_rows_next(struct machine_rows *rows, size_t size)
{
    if (rows->count == rows->room) {
        const size_t room = rows->room > 0 ? rows->room * 2 : MACHINE_ROOM;
        void *grown = memory_resize(rows->at, room * size);
        if (grown == NULL) {
            return NULL;
        }
        rows->at = grown;
        rows->room = room;
    }
    void *row = (char *)rows->at + rows->count * size;
    memset(row, 0, size);
    return row;
}

/* A copy, or NULL for NULL; false: no memory. */
static bool machine__copy(const char *text, char **copy_out)
{
    *copy_out = text != NULL ? memory_copy_text(text, strlen(text)) : NULL;
    return text == NULL || *copy_out != NULL;
}

bool machine_add_port(struct machine *machine, const struct machine_port *port)
{
    struct machine_port *row = machine_rows_next(&machine->ports, sizeof *row);
    if (row != NULL) {
        *row = *port;
        machine->ports.count++;
    }
    return row != NULL;
}

bool machine_add_process(struct machine *machine, uint32_t pid, const char *name, const char *path)
{
    struct machine_process *row = machine_rows_next(&machine->processes, sizeof *row);
    if (row == NULL) {
        return false;
    }
    row->pid = pid;
    if (!machine__copy(name, &row->name) || !machine__copy(path, &row->path)) {
        memory_free(row->name);
        return false;
    }
    machine->processes.count++;
    return true;
}

bool machine_add_service(struct machine *machine, uint32_t pid, const char *name)
{
    struct machine_service *row = machine_rows_next(&machine->services, sizeof *row);
    if (row == NULL || !machine__copy(name, &row->name)) {
        return false;
    }
    row->pid = pid;
    machine->services.count++;
    return true;
}

bool machine_add_range(struct machine *machine, const struct machine_range *range)
{
    struct machine_range *row = machine_rows_next(&machine->ranges, sizeof *row);
    if (row != NULL) {
        *row = *range;
        machine->ranges.count++;
    }
    return row != NULL;
}

bool machine_add_address(struct machine *machine, const struct pl_address *address,
                         enum machine_address_state state, const char *adapter)
{
    struct machine_address *row = machine_rows_next(&machine->addresses, sizeof *row);
    if (row == NULL || !machine__copy(adapter, &row->adapter)) {
        return false;
    }
    row->address = *address;
    row->state = state;
    machine->addresses.count++;
    return true;
}

const struct machine_port *machine_port_at(const struct machine *machine, size_t index)
{
    return (const struct machine_port *)machine->ports.at + index;
}

static struct machine_process *machine__process_at(const struct machine *machine, size_t index)
{
    return (struct machine_process *)machine->processes.at + index;
}

const struct machine_service *machine_service_at(const struct machine *machine, size_t index)
{
    return (const struct machine_service *)machine->services.at + index;
}

const struct machine_range *machine_range_at(const struct machine *machine, size_t index)
{
    return (const struct machine_range *)machine->ranges.at + index;
}

const struct machine_address *machine_address_at(const struct machine *machine, size_t index)
{
    return (const struct machine_address *)machine->addresses.at + index;
}

void machine_fini(struct machine *machine)
{
    for (size_t i = 0; i < machine->processes.count; i++) {
        memory_free(machine__process_at(machine, i)->name);
        memory_free(machine__process_at(machine, i)->path);
    }
    for (size_t i = 0; i < machine->services.count; i++) {
        memory_free(machine_service_at(machine, i)->name);
    }
    for (size_t i = 0; i < machine->addresses.count; i++) {
        memory_free(machine_address_at(machine, i)->adapter);
    }
    memory_free(machine->ports.at);
    memory_free(machine->processes.at);
    memory_free(machine->services.at);
    memory_free(machine->ranges.at);
    memory_free(machine->addresses.at);
    *machine = (struct machine){0};
}

const struct machine_process *machine_find_process(const struct machine *machine, uint32_t pid)
{
    for (size_t i = 0; i < machine->processes.count; i++) {
        if (machine__process_at(machine, i)->pid == pid) {
            return machine__process_at(machine, i);
        }
    }
    return NULL;
}

bool machine_has_service(const struct machine *machine, uint32_t pid, const char *name)
{
    for (size_t i = 0; i < machine->services.count; i++) {
        const struct machine_service *service = machine_service_at(machine, i);
        if (service->pid == pid && text_equal(service->name, strlen(service->name), name)) {
            return true;
        }
    }
    return false;
}

size_t machine_list_services(struct text *text, const struct machine *machine, uint32_t pid)
{
    size_t count = 0;
    for (size_t i = 0; i < machine->services.count; i++) {
        const struct machine_service *service = machine_service_at(machine, i);
        if (service->pid == pid && pid != 0) {
            text_add_string(text, count++ > 0 ? ", " : "");
            text_add_escaped(text, service->name, strlen(service->name));
        }
    }
    return count;
}

const char *machine_state_name(enum machine_port_state state)
{
    static const char *const names[PORT_STATE_COUNT] = {
        "bound",      "closed",     "listening", "syn sent", "syn received", "established", "fin wait 1",
        "fin wait 2", "close wait", "closing",   "last ack", "time wait",    "deleted"};
    return (unsigned)state < PORT_STATE_COUNT ? names[state] : "unknown";
}

bool machine_port_is_held(const struct machine_port *port)
{
    return port->state == PORT_LISTENING || port->state == PORT_BOUND;
}
