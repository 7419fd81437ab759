/* SPDX-License-Identifier: MIT
   What was seen of this machine at one moment: sockets, processes, services, port ranges that are set aside, addresses.
   Flat records, filled by machine_reader.h or by a test; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_MACHINE_H
#define PORTLISTENER_DIAGNOSIS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "config/config.h"
#include "portlistener/handler.h"

/* The states of a TCP socket, numbered as in the system's table; a UDP socket that is bound has the first. */
enum machine_port_state {
    PORT_BOUND = 0,
    PORT_CLOSED = 1,
    PORT_LISTENING,
    PORT_SYN_SENT,
    PORT_SYN_RECEIVED,
    PORT_ESTABLISHED,
    PORT_FIN_WAIT_1,
    PORT_FIN_WAIT_2,
    PORT_CLOSE_WAIT,
    PORT_CLOSING,
    PORT_LAST_ACK,
    PORT_TIME_WAIT,
    PORT_DELETED,
    PORT_STATE_COUNT
};

struct machine_port {
    enum config_protocol protocol;
    enum machine_port_state state;
    struct pl_address local;
    struct pl_address peer; /* family 0: none */
    uint32_t pid;           /* 0: the system does not tell */
};

struct machine_process {
    uint32_t pid;
    char *name; /* of its file, "svchost.exe"; NULL: not known */
    char *path; /* of its file; NULL: not known */
};

struct machine_service {
    uint32_t pid;
    char *name; /* the short one */
};

struct machine_range {
    enum config_protocol protocol;
    uint16_t family; /* 4 or 6 */
    uint16_t first, last;
    bool is_administered; /* marked *: somebody reserved it by hand, and it can be bound */
};

enum machine_address_state { ADDRESS_USABLE, ADDRESS_TENTATIVE, ADDRESS_DUPLICATE, ADDRESS_DOWN };

struct machine_address {
    struct pl_address address;
    enum machine_address_state state;
    char *adapter; /* its name for people */
};

/* What could be read; what could not is empty and says nothing. */
enum machine_part {
    MACHINE_TCP = 1,
    MACHINE_UDP = 2,
    MACHINE_PROCESSES = 4,
    MACHINE_SERVICES = 8,
    MACHINE_RANGES = 16,
    MACHINE_ADDRESSES = 32,
    MACHINE_ALL = 63
};

struct machine_rows {
    void *at;
    size_t count, room;
};

/* machine_rows_next: the row behind the last one, cleared; it is none of them until `count` says so. NULL: no memory. */
void *machine_rows_next(struct machine_rows *rows, size_t size);

struct machine {
    struct machine_rows ports, processes, services, ranges, addresses;
    unsigned known; /* machine_part */
    uint32_t own_pid;
};

enum { MACHINE_KERNEL = 4 }; /* the process that stands for the kernel and its drivers */

void machine_init(struct machine *machine);
void machine_fini(struct machine *machine);

/* machine_add_...: false: no memory. Texts are copied; NULL stays NULL. */
bool machine_add_port(struct machine *machine, const struct machine_port *port);
bool machine_add_process(struct machine *machine, uint32_t pid, const char *name, const char *path);
bool machine_add_service(struct machine *machine, uint32_t pid, const char *name);
bool machine_add_range(struct machine *machine, const struct machine_range *range);
bool machine_add_address(struct machine *machine, const struct pl_address *address,
                         enum machine_address_state state, const char *adapter);

/* machine_port_at and so on: by their index below the count. */
const struct machine_port *machine_port_at(const struct machine *machine, size_t index);
const struct machine_service *machine_service_at(const struct machine *machine, size_t index);
const struct machine_range *machine_range_at(const struct machine *machine, size_t index);
const struct machine_address *machine_address_at(const struct machine *machine, size_t index);

/* machine_find_process: NULL: not seen. */
const struct machine_process *machine_find_process(const struct machine *machine, uint32_t pid);

/* machine_has_service: whether the service `name` (without case) lives in this process. */
bool machine_has_service(const struct machine *machine, uint32_t pid, const char *name);

/* machine_state_name: "listening", "established" ... */
const char *machine_state_name(enum machine_port_state state);

/* machine_list_services: appends "RpcSs, DcomLaunch": the services of a process; how many there are. */
size_t machine_list_services(struct text *text, const struct machine *machine, uint32_t pid);

/* machine_port_is_held: whether the socket waits for clients or datagrams: LISTENING or BOUND. */
bool machine_port_is_held(const struct machine_port *port);

#endif
