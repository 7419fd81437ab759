/* SPDX-License-Identifier: MIT
   The sockets of the machine and the processes that have them, out of iphlpapi's tables; see machine_reader.h. */
#include <string.h>

#include "base/memory.h"
#include "base/system_library.h"
#include "diagnosis/machine_reader.h"

enum { PORT_READER_ROOM = 16384, PORT_READER_TRIES = 6, PORT_READER_SCOPE_MAX = 65535 };

struct port_reader {
    HMODULE library;
    DWORD(WINAPI *tcp_table)
    (PVOID table, PDWORD size, BOOL order, ULONG family, TCP_TABLE_CLASS kind, ULONG reserved);
    DWORD(WINAPI *udp_table)
    (PVOID table, PDWORD size, BOOL order, ULONG family, UDP_TABLE_CLASS kind, ULONG reserved);
};

/* Its rows, as the system wrote them. */
struct port_reader_table {
    char *at;
    DWORD size; /* of what is at `at` */
};

static bool port_reader__load(struct port_reader *reader)
{
    const struct system_function functions[] = {{"GetExtendedTcpTable", &reader->tcp_table},
                                                {"GetExtendedUdpTable", &reader->udp_table}};
    reader->library = system_library_load(L"iphlpapi.dll", functions, 2);
    return reader->library != NULL;
}

/* ---- Tables ---- */

static DWORD port_reader__ask(const struct port_reader *reader, enum config_protocol protocol, ULONG family,
                              struct port_reader_table *table)
{
    return protocol == CONFIG_TCP
               ? reader->tcp_table(table->at, &table->size, FALSE, family, TCP_TABLE_OWNER_PID_ALL, 0)
               : reader->udp_table(table->at, &table->size, FALSE, family, UDP_TABLE_OWNER_PID, 0);
}

/* It may grow between two calls: each next try has more room than was asked for. */
static bool port_reader__fetch(const struct port_reader *reader, enum config_protocol protocol, ULONG family,
                               struct port_reader_table *table_out)
{
    DWORD room = PORT_READER_ROOM;
    for (int i = 0; i < PORT_READER_TRIES; i++) {
        table_out->at = memory_alloc(room);
        table_out->size = room;
        if (table_out->at == NULL) {
            return false;
        }
        const DWORD error = port_reader__ask(reader, protocol, family, table_out);
        if (error == NO_ERROR) {
            table_out->size = room;
            return true;
        }
        memory_free(table_out->at);
        if (error != ERROR_INSUFFICIENT_BUFFER) {
            return false;
        }
        room = (table_out->size > room ? table_out->size : room) / 4 * 5 + PORT_READER_ROOM;
    }
    return false;
}

/* ---- Rows ---- */

static uint16_t port_reader__port(DWORD port)
{
    return ntohs((u_short)port); /* the upper half may be anything */
}

/* In network byte order by its reference, but not everywhere: a number of an adapter is small. */
static uint32_t port_reader__scope(DWORD scope)
{
    const uint32_t turned = scope << 24 | (scope << 8 & 0xFF0000) | (scope >> 8 & 0xFF00) | scope >> 24;
    return scope > PORT_READER_SCOPE_MAX && turned <= PORT_READER_SCOPE_MAX ? turned : scope;
}

static struct pl_address port_reader__ipv4(DWORD ip, DWORD port)
{
    struct pl_address address = {.family = 4, .port = port_reader__port(port)};
    memcpy(address.ip, &ip, sizeof ip);
    return address;
}

static struct pl_address port_reader__ipv6(const UCHAR ip[16], DWORD scope, DWORD port)
{
    struct pl_address address = {
        .family = 6, .port = port_reader__port(port), .scope = port_reader__scope(scope)};
    memcpy(address.ip, ip, sizeof address.ip);
    return address;
}

/* In a listener's row the peer has no meaning. */
static void port_reader__state(struct machine_port *port, DWORD state, const struct pl_address *peer)
{
    port->protocol = CONFIG_TCP;
    port->state = state < PORT_STATE_COUNT ? (enum machine_port_state)state : PORT_CLOSED;
    if (port->state != PORT_LISTENING) {
        port->peer = *peer;
    }
}

static void port_reader__tcp4(const void *at, struct machine_port *port)
{
    const MIB_TCPROW_OWNER_PID *row = at;
    const struct pl_address peer = port_reader__ipv4(row->dwRemoteAddr, row->dwRemotePort);
    port->local = port_reader__ipv4(row->dwLocalAddr, row->dwLocalPort);
    port->pid = row->dwOwningPid;
    port_reader__state(port, row->dwState, &peer);
}

static void port_reader__tcp6(const void *at, struct machine_port *port)
{
    const MIB_TCP6ROW_OWNER_PID *row = at;
    const struct pl_address peer =
        port_reader__ipv6(row->ucRemoteAddr, row->dwRemoteScopeId, row->dwRemotePort);
    port->local = port_reader__ipv6(row->ucLocalAddr, row->dwLocalScopeId, row->dwLocalPort);
    port->pid = row->dwOwningPid;
    port_reader__state(port, row->dwState, &peer);
}

static void port_reader__udp4(const void *at, struct machine_port *port)
{
    const MIB_UDPROW_OWNER_PID *row = at;
    port->protocol = CONFIG_UDP;
    port->local = port_reader__ipv4(row->dwLocalAddr, row->dwLocalPort);
    port->pid = row->dwOwningPid;
}

static void port_reader__udp6(const void *at, struct machine_port *port)
{
    const MIB_UDP6ROW_OWNER_PID *row = at;
    port->protocol = CONFIG_UDP;
    port->local = port_reader__ipv6(row->ucLocalAddr, row->dwLocalScopeId, row->dwLocalPort);
    port->pid = row->dwOwningPid;
}

struct port_reader_kind {
    ULONG family;
    size_t offset, size; /* of the rows */
    void (*interpret)(const void *row, struct machine_port *port);
};

static const struct port_reader_kind kinds[2][2] = {
    [CONFIG_TCP] = {{AF_INET, offsetof(MIB_TCPTABLE_OWNER_PID, table), sizeof(MIB_TCPROW_OWNER_PID),
                     port_reader__tcp4},
                    {AF_INET6, offsetof(MIB_TCP6TABLE_OWNER_PID, table), sizeof(MIB_TCP6ROW_OWNER_PID),
                     port_reader__tcp6}},
    [CONFIG_UDP] = {{AF_INET, offsetof(MIB_UDPTABLE_OWNER_PID, table), sizeof(MIB_UDPROW_OWNER_PID),
                     port_reader__udp4},
                    {AF_INET6, offsetof(MIB_UDP6TABLE_OWNER_PID, table), sizeof(MIB_UDP6ROW_OWNER_PID),
                     port_reader__udp6}},
};

static bool port_reader__interpret(struct machine *machine, const struct port_reader_kind *kind,
                                   const struct port_reader_table *table)
{
    DWORD count = 0;
    memcpy(&count, table->at, sizeof count);
    const size_t most = (table->size - kind->offset) / kind->size;
    for (size_t i = 0; i < count && i < most; i++) {
        struct machine_port port = {0};
        kind->interpret(table->at + kind->offset + i * kind->size, &port);
        if (!machine_add_port(machine, &port)) {
            return false;
        }
    }
    return true;
}

/* Where a family is off, its table is empty or not there at all: the other one counts. */
bool port_reader_read(struct machine *machine, enum config_protocol protocol)
{
    struct port_reader reader;
    if (!port_reader__load(&reader)) {
        return false;
    }
    bool is_known = false, is_complete = true;
    for (int i = 0; i < 2; i++) {
        const struct port_reader_kind *kind = &kinds[protocol][i];
        struct port_reader_table table;
        if (port_reader__fetch(&reader, protocol, kind->family, &table)) {
            is_complete = port_reader__interpret(machine, kind, &table) && is_complete;
            is_known = true;
            memory_free(table.at);
        }
    }
    FreeLibrary(reader.library);
    return is_known && is_complete;
}
