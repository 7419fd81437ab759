/* SPDX-License-Identifier: MIT
   The listeners that are expected on a machine: lines "tcp 0.0.0.0:135 C:\Windows\System32\svchost.exe"; no Windows
   header. The format is described in docs/ports.md. */
#ifndef PORTLISTENER_DIAGNOSIS_PORT_EXPECTATIONS_H
#define PORTLISTENER_DIAGNOSIS_PORT_EXPECTATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "diagnosis/machine.h"

struct port_expectation {
    enum config_protocol protocol;
    bool is_any_address;
    struct pl_address address;
    uint16_t first, last;
    const char *program; /* a path, a name or "*"; in the file's text */
    size_t length;
};

struct port_expectations {
    struct port_expectation *at;
    size_t count;
};

/* port_expectations_parse: `at`, UTF-8, must stay as long as the expectations. False: "line 3: ..." is in `problem`, or
   nothing where memory is out. End with port_expectations_free in either case. */
bool port_expectations_parse(struct port_expectations *expectations, const char *at, size_t length,
                             struct text *problem);
void port_expectations_free(struct port_expectations *expectations);

/* port_expectations_have: whether a line names this socket of this process (NULL: not known). */
bool port_expectations_have(const struct port_expectations *expectations, const struct machine_port *port,
                            const struct machine_process *process);

/* port_expectations_add_line: the line that names this socket and nothing else, with its end. False: its program is not
   known, so the line allows any, and a comment before it says so. */
bool port_expectations_add_line(struct text *text, const struct machine_port *port,
                                const struct machine_process *process);

#endif
