/* SPDX-License-Identifier: MIT
   Trying what a service listens on: what it says it has, which address to try from this machine, and what the handlers
   answer; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_LIVE_H
#define PORTLISTENER_DIAGNOSIS_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "diagnosis/machine.h"

/* ---- What the service has ---- */

enum { LIVE_NAME_ROOM = 72, LIVE_ADDRESS_ROOM = 80 };

struct live_address {
    char endpoint[LIVE_NAME_ROOM];
    char address[LIVE_ADDRESS_ROOM]; /* "tcp://127.0.0.1:7007", as `listen` has it */
    bool is_armed;                   /* it waits for clients just now */
};

struct live_endpoint {
    char name[LIVE_NAME_ROOM];
    unsigned waiting; /* addresses that are not bound */
    bool is_paused;
};

struct live_report {
    struct machine_rows addresses, endpoints;
    bool is_paused; /* the whole service */
};

/* live_report_read: out of the metrics of a service (docs/status.md), which are lines. False: no memory. End with
   live_report_fini in either case. */
bool live_report_read(const char *metrics, struct live_report *report_out);
void live_report_fini(struct live_report *report);
const struct live_address *live_address_at(const struct live_report *report, size_t index);
const struct live_endpoint *live_endpoint_find(const struct live_report *report, const char *name);

/* ---- What is tried ---- */

/* live_target: the address to connect to for one that the service listens on: itself, or for one that means all addresses a
   loopback or another usable address of this machine that `allow` and `deny` let in. False: they let none in; then
   `target_out` is the first of them. */
bool live_target(const struct config_endpoint *endpoint, const struct pl_address *bound, bool is_dual_stack,
                 const struct machine *machine, struct pl_address *target_out);

enum live_expectation {
    LIVE_NOTHING, /* to be taken is enough */
    LIVE_SAME,    /* what was sent */
    LIVE_ANYTHING /* a byte or more */
};

struct live_script {
    const char *send; /* NULL: nothing */
    size_t length;
    enum live_expectation expects;
};

/* live_script_of: what a client of this handler does; false: over UDP nothing can be seen of it. */
bool live_script_of(const char *handler, enum config_protocol protocol, struct live_script *script_out);

#endif
