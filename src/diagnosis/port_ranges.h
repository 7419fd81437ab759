/* SPDX-License-Identifier: MIT
   The port ranges that Windows has set aside, out of what "netsh interface ipv4 show excludedportrange" prints; no
   Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_PORT_RANGES_H
#define PORTLISTENER_DIAGNOSIS_PORT_RANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "diagnosis/machine.h"

/* port_ranges_parse: adds each line of at[0..length) that has two port numbers and nothing else but perhaps an
   asterisk: so no word of any language matters, nor its encoding. `family` is 4 or 6. False: no memory. */
bool port_ranges_parse(struct machine *machine, enum config_protocol protocol, uint16_t family,
                       const char *at, size_t length);

/* port_ranges_find: the narrowest range with this port, of this protocol and family, that can be to blame: one that is not
   administered; NULL: none. Family 0: of either. port_ranges_find_administered: likewise, of those that are. */
const struct machine_range *port_ranges_find(const struct machine *machine, enum config_protocol protocol,
                                             uint16_t family, uint16_t port);
const struct machine_range *port_ranges_find_administered(const struct machine *machine,
                                                          enum config_protocol protocol, uint16_t family,
                                                          uint16_t port);

#endif
