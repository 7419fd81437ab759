/* SPDX-License-Identifier: MIT
   Findings about binds: a failed one with its cause; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_FINDING_BINDS_H
#define PORTLISTENER_DIAGNOSIS_FINDING_BINDS_H

#include "diagnosis/bind_cause.h"
#include "diagnosis/finding.h"

/* finding_binds_add: why `question`, an address of this endpoint, could not be bound, by what was seen of the machine. */
void finding_binds_add(struct findings *findings, const struct machine *machine, const char *endpoint,
                       const struct bind_question *question);

/* finding_binds_subject: "endpoint web, tcp://0.0.0.0:80". */
void finding_binds_subject(struct text *text, const char *endpoint, enum config_protocol protocol,
                           const struct pl_address *address, bool is_dual_stack);

/* finding_binds_is_held_by: whether a socket of this process has the address: a service that runs has bound it. */
bool finding_binds_is_held_by(const struct machine *machine, const struct bind_question *question,
                              uint32_t pid);

/* finding_binds_is_held_by_another: whether the system says that a socket of a process other than this one has it. */
bool finding_binds_is_held_by_another(const struct machine *machine, const struct bind_question *question,
                                      uint32_t pid);

#endif
