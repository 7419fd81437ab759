/* SPDX-License-Identifier: MIT
   Findings about what Windows Firewall lets in; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_FINDING_FIREWALL_H
#define PORTLISTENER_DIAGNOSIS_FINDING_FIREWALL_H

#include "config/config.h"
#include "diagnosis/finding.h"
#include "diagnosis/firewall.h"

struct firewall_facts {
    const struct firewall *firewall;
    const char *program; /* that listens: full path */
    const char *service; /* NULL: none */
    const char
        *name; /* of the rules that are told to be added: that of the service, whether or not there is one */
    bool (*variable)(const char *name, struct text *value);
};

/* finding_firewall_add: of each enabled address that other machines could reach; of a range of ports each part for
   which something else is to be said. */
void finding_firewall_add(struct findings *findings, const struct config *config,
                          const struct firewall_facts *facts);

#endif
