/* SPDX-License-Identifier: MIT
   Why an address could not be bound, concluded from what was seen of the machine; no Windows header. What is said is
   what was seen: a name is only told of a socket that overlaps with ours. */
#ifndef PORTLISTENER_DIAGNOSIS_BIND_CAUSE_H
#define PORTLISTENER_DIAGNOSIS_BIND_CAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "diagnosis/bind_conflict.h"
#include "diagnosis/machine.h"

/* What could not be bound, and Winsock's error. */
struct bind_question {
    enum config_protocol protocol;
    struct pl_address address; /* with its port */
    bool is_dual_stack;
    uint32_t error;
};

enum bind_cause_kind {
    CAUSE_HELD,           /* a socket of another program */
    CAUSE_HELD_BY_KERNEL, /* HTTP.sys, or another driver */
    CAUSE_HELD_BY_US,     /* this process */
    CAUSE_HELD_BY_TWIN,   /* another process of this program */
    CAUSE_HELD_NAMELESS,  /* the system tells no process */
    CAUSE_CONNECTIONS,    /* nobody listens, but connections live on the port */
    CAUSE_RANGE,          /* Windows has set the port aside */
    CAUSE_UNSEEN,         /* the tables were read, and nothing in them explains it */
    CAUSE_UNREAD,         /* they could not be read */
    CAUSE_NO_ADDRESS,     /* this machine does not have it */
    CAUSE_ADDRESS_NOT_READY,
    CAUSE_NO_FAMILY,
    CAUSE_RESOURCES,
    CAUSE_INVALID,
    CAUSE_OTHER,
    CAUSE_COUNT
};

/* What `at` and so on point to is the machine's. */
struct bind_cause {
    enum bind_cause_kind kind;
    const struct machine_port *port;       /* HELD..., CONNECTIONS: the first */
    size_t others;                         /* how many more there are */
    const struct machine_range *range;     /* RANGE */
    const struct machine_address *address; /* ADDRESS_NOT_READY */
};

void bind_cause_find(const struct machine *machine, const struct bind_question *question,
                     struct bind_cause *cause_out);

/* bind_cause_key: a number that stays while the cause does, whatever else changes. */
uint64_t bind_cause_key(const struct bind_cause *cause);

/* bind_cause_add: the cause and the remedy, as a part of a sentence: behind "error 10048: ...; ". bind_cause_add_parts: each
   by itself, and without bind_cause_add_command: the command with which the remedy ends, where it has one. */
void bind_cause_add_command(struct text *text, const struct bind_question *question,
                            const struct bind_cause *cause);
void bind_cause_add_parts(struct text *text, struct text *remedy, const struct machine *machine,
                          const struct bind_question *question, const struct bind_cause *cause);
void bind_cause_add(struct text *text, const struct machine *machine, const struct bind_question *question,
                    const struct bind_cause *cause);

/* bind_cause_parts: what of the machine is needed for this error, as machine_part. */
unsigned bind_cause_parts(const struct bind_question *question);

/* bind_cause_add_owner: "nginx.exe (process 1234, C:\...\nginx.exe, service nginx)". */
void bind_cause_add_owner(struct text *text, const struct machine *machine, uint32_t pid);

#endif
