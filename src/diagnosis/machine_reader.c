/* SPDX-License-Identifier: MIT
   A machine from its parts, see machine_reader.h. */
#include "diagnosis/machine_reader.h"

#include "base/log_time.h"

/* The sockets come first: a process that ends meanwhile loses its name, and none gets another's. */
void machine_read(struct machine *machine, unsigned parts, HANDLE stop)
{
    const uint64_t seen = log_time_ticks();
    machine->own_pid = GetCurrentProcessId();
    if ((parts & MACHINE_TCP) != 0 && port_reader_read(machine, CONFIG_TCP)) {
        machine->known |= MACHINE_TCP;
    }
    if ((parts & MACHINE_UDP) != 0 && port_reader_read(machine, CONFIG_UDP)) {
        machine->known |= MACHINE_UDP;
    }
    if ((parts & MACHINE_PROCESSES) != 0 && process_reader_read(machine, seen)) {
        machine->known |= MACHINE_PROCESSES;
    }
    if ((parts & MACHINE_SERVICES) != 0 && service_reader_read(machine)) {
        machine->known |= MACHINE_SERVICES;
    }
    if ((parts & MACHINE_ADDRESSES) != 0 && address_reader_read(machine)) {
        machine->known |= MACHINE_ADDRESSES;
    }
    if ((parts & MACHINE_RANGES) != 0 && range_reader_read(machine, stop)) {
        machine->known |= MACHINE_RANGES;
    }
}
