/* SPDX-License-Identifier: MIT
   Findings about endpoints as they are configured, on the machine at hand; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_FINDING_ENDPOINTS_H
#define PORTLISTENER_DIAGNOSIS_FINDING_ENDPOINTS_H

#include "config/config.h"
#include "diagnosis/finding.h"
#include "diagnosis/machine.h"

/* Out of these Windows gives ports to outgoing connections. */
struct port_span {
    uint16_t first, last; /* 0: not known */
};

struct endpoint_facts {
    const struct machine *machine; /* its ranges */
    bool has_ipv6;
    struct port_span dynamic[2]; /* of CONFIG_TCP, CONFIG_UDP */
};

void finding_endpoints_add(struct findings *findings, const struct config *config,
                           const struct endpoint_facts *facts);

/* port_span_parse: out of what "netsh interface ipv4 show dynamicport" prints: two lines end with a number, the first port
   and how many there are. False: it is something else. */
bool port_span_parse(const char *at, size_t length, struct port_span *span_out);

#endif
