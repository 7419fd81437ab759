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

enum { LIVE_NAME_ROOM = 72, LIVE_ADDRESS_ROOM = 80, LIVE_HANDLER_ROOM = 264 };

struct live_address {
    char endpoint[LIVE_NAME_ROOM];
    char address[LIVE_ADDRESS_ROOM]; /* "tcp://127.0.0.1:7007", as `listen` has it */
    bool is_armed;                   /* it waits for clients just now */
};

struct live_endpoint {
    char name[LIVE_NAME_ROOM];
    unsigned waiting; /* addresses that are not bound */
    bool is_paused;

    bool has_access; /* it is known whom it serves, and how; then: */
    bool is_proxied; /* clients come through proxies alone */
    char handler[LIVE_HANDLER_ROOM];
    struct machine_rows allow, deny; /* of struct address_prefix */
};

struct live_report {
    struct machine_rows addresses, endpoints;
    bool is_paused; /* the whole service */
};

/* live_report_read: out of the metrics of a service (docs/status.md), which are lines. False: no memory. End with
   live_report_fini in either case. */
bool live_report_read(const char *metrics, struct live_report *report_out);
void live_report_fini(struct live_report *report);

/* live_report_read_access: more of its endpoints, out of what engine_report_access tells. False: no memory, or a list is not one:
   then nothing of it may be used. */
bool live_report_read_access(const char *lines, struct live_report *report);
const struct live_address *live_address_at(const struct live_report *report, size_t index);
struct live_endpoint *live_endpoint_find(const struct live_report *report, const char *name);

/* ---- What is tried ---- */

/* live_config: fills in what of a configuration decides a try, as it runs; has_access must be so. live_is_as: whether the
   configuration `endpoint` decides it likewise. */
void live_config(struct live_endpoint *endpoint, struct config_endpoint *config_out);
bool live_is_as(const struct config_endpoint *running, const struct config_endpoint *endpoint);

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
