/* SPDX-License-Identifier: MIT
   The listeners of a machine, held against what a configuration wants and what was expected; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_PORT_AUDIT_H
#define PORTLISTENER_DIAGNOSIS_PORT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "diagnosis/machine.h"
#include "diagnosis/port_expectations.h"

enum audit_whose { AUDIT_UNKNOWN, AUDIT_CONFIGURED, AUDIT_OURS };

/* What deserves a look; bits. */
enum audit_note {
    AUDIT_HELD_BY_OTHER = 1,  /* configured, and another program has it */
    AUDIT_NOT_CONFIGURED = 2, /* ours, and not in the configuration */
    AUDIT_UNUSUAL_FOLDER = 4, /* a name of Windows, or of this program, from another folder */
    AUDIT_UNEXPECTED = 8,     /* not in the file of --expect */
    AUDIT_NOT_HELD = 16,      /* configured, and nobody has it: of no socket */
    AUDIT_PERHAPS_HELD = 32, /* configured for IPv4, and another program has [::]: it may take IPv4 as well */
    AUDIT_NOTE_COUNT = 6
};

struct audit_question {
    const struct machine *machine;
    const struct config *config;                  /* NULL: none */
    const char *service;                          /* whose sockets are ours */
    const char *system_folder;                    /* "C:\Windows\System32" */
    const struct port_expectations *expectations; /* NULL: none */
};

struct audit_verdict {
    enum audit_whose whose;
    unsigned notes;
};

void port_audit_judge(const struct audit_question *question, const struct machine_port *port,
                      struct audit_verdict *verdict_out);

/* port_audit_exposure: "loopback", "specific", "all". port_audit_whose: "ours" ... port_audit_note: the sentence for the
   note 1 << index. */
const char *port_audit_exposure(const struct machine_port *port);
const char *port_audit_whose(enum audit_whose whose);
const char *port_audit_note(unsigned index);

/* port_audit_find_holder: whether anyone holds this configured port. PERHAPS: for IPv4, another program has [::]. */
enum audit_holder { AUDIT_NOBODY, AUDIT_PERHAPS_SOMEBODY, AUDIT_SOMEBODY };
enum audit_holder port_audit_find_holder(const struct audit_question *question,
                                         const struct config_listen *listen, uint16_t port);

/* port_audit_add_cut: `string` in `room` columns: what is too long loses its middle. */
void port_audit_add_cut(struct text *text, const char *string, size_t room);

#endif
