/* SPDX-License-Identifier: MIT
   Findings about how a service is registered; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_FINDING_SERVICE_H
#define PORTLISTENER_DIAGNOSIS_FINDING_SERVICE_H

#include <stdint.h>

#include "diagnosis/finding.h"

enum service_start {
    SERVICE_STARTS_AT_BOOT,
    SERVICE_STARTS_DELAYED,
    SERVICE_STARTS_BY_HAND,
    SERVICE_NEVER_STARTS
};

/* A registration as it was read; texts are the caller's. */
struct service_facts {
    const char *name;
    const char *line;    /* what is registered to be run, ImagePath */
    const char *path;    /* of the program in it */
    bool is_quoted;      /* the path is, or has no blank */
    const char *program; /* this program's full path */
    const char *account; /* "LocalSystem" ... */
    enum service_start start;
    bool restarts_after_crash;
    bool restarts_after_errors; /* the failure-actions flag */
    bool has_sid;
    bool has_privileges; /* a list of those that it needs */
    bool has_description;
    bool has_event_source;
    const char *event_file; /* that does not exist; NULL: all is well */
    uint32_t preshutdown;   /* milliseconds */
    uint64_t drain_timeout; /* of the configuration */
};

void finding_service_add(struct findings *findings, const struct service_facts *facts);

#endif
