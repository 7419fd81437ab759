/* SPDX-License-Identifier: MIT
   Reads what there is of a machine. Nothing here changes anything; what this account may not see stays unknown. */
#ifndef PORTLISTENER_DIAGNOSIS_MACHINE_READER_H
#define PORTLISTENER_DIAGNOSIS_MACHINE_READER_H

#include "base/win.h"
#include "diagnosis/machine.h"

/* machine_read: adds the parts (machine_part) that are wanted to a fresh machine, and notes in `known` those that could be
   read. It asks the service manager, and for MACHINE_RANGES it runs netsh, at most MACHINE_RANGES_PATIENCE milliseconds
   long, or until `stop` is set (NULL: nothing stops it): not for a thread that others wait for. */
enum { MACHINE_RANGES_PATIENCE = 5000 };
void machine_read(struct machine *machine, unsigned parts, HANDLE stop);

/* The parts. False: not all of it could be read. */

/* port_reader_read: the sockets of one protocol, IPv4 and IPv6. */
bool port_reader_read(struct machine *machine, enum config_protocol protocol);

/* process_reader_read: this process, and those that have sockets in `machine`; none that began after `seen` (of
   GetSystemTimePreciseAsFileTime, before the sockets were read): its number was another's then. */
bool process_reader_read(struct machine *machine, uint64_t seen);

/* service_reader_read: the services that run. */
bool service_reader_read(struct machine *machine);

/* address_reader_read: the addresses of all adapters. */
bool address_reader_read(struct machine *machine);

/* range_reader_read: the ports that Windows has set aside, by what netsh prints. */
bool range_reader_read(struct machine *machine, HANDLE stop);

/* range_reader_read_dynamic: the ports out of which outgoing connections get theirs, likewise; where netsh does not tell,
   those that Windows has unless somebody has changed them. */
struct port_span;
void range_reader_read_dynamic(enum config_protocol protocol, struct port_span *span_out);

#endif
