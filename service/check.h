/* SPDX-License-Identifier: MIT
   The parts of "check": each looks at one side of the machine and adds what it finds; command_check.c is their order.
   Nothing is changed. */
#ifndef PORTLISTENER_SERVICE_CHECK_H
#define PORTLISTENER_SERVICE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "diagnosis/finding.h"
#include "diagnosis/live_sockets.h"
#include "diagnosis/machine.h"
#include "registration.h"

struct check {
    struct findings *findings;
    const struct config *config;
    const char *service;     /* its name */
    const char *config_file; /* full path */
    const char *program;     /* full path: this one */
    bool is_registered;      /* as a service; then `registration` has how */
    struct registration registration;
    char *registered_program; /* full path; NULL: none */
    struct machine machine;   /* sockets, processes, services, addresses */
    uint32_t pid;             /* of the running service; 0: it does not run */
    bool has_asked;           /* it, what it listens on; `own` has the answer, nothing when there was none */
    struct live_sockets own;
    size_t bound; /* addresses that it has */
};

/* check_service_begin: fills in what is known of the service, and tells what could not be read. check_service: how it is
   registered. */
void check_service_begin(struct check *check);
void check_service_end(struct check *check);
void check_service(struct check *check);

/* check_start: handlers and binds, as a start would do them; endpoints on this machine. */
void check_start(struct check *check);

/* check_own_has: whether the running service says that it listens on this very address, which could not be bound, and the
   system knows of no other who has it. It is asked once, when that is needed first, and has 5 seconds to answer. */
bool check_own_has(struct check *check, const struct bind_question *question);
void check_own_end(struct check *check);

/* check_files: who can change what the service runs and reads, where file_trust_can_tell; whether it can write its logs. */
void check_files(struct check *check);

/* check_firewall: what the firewall lets in. */
void check_firewall(struct check *check);

/* check_variable: an environment variable in UTF-8; false: there is none, or no memory, which `value->is_cut` tells. */
bool check_variable(const char *name, struct text *value);

#endif
