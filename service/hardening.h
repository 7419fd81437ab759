/* SPDX-License-Identifier: MIT
   What the process forbids itself before it does anything else. The table here is the one of docs/security.md. */
#ifndef PORTLISTENER_SERVICE_HARDENING_H
#define PORTLISTENER_SERVICE_HARDENING_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* A mitigation policy of Windows that is on in every process of the program. */
struct hardening_policy {
    int policy;        /* PROCESS_MITIGATION_POLICY */
    uint32_t flags;    /* of its structure, which is one DWORD for each of these */
    const char *name;  /* as Windows' headers have them */
    const char *parts; /* the flags */
    const char *why;
};

/* hardening_policy_at: NULL behind the last. */
const struct hardening_policy *hardening_policy_at(size_t index);

/* hardening_apply: DLLs from System32 alone, no error boxes, a damaged heap ends the process, and the policies. What this
   Windows refuses stays as it is. First of all in the process, once. */
void hardening_apply(void);

/* hardening_add_missing: appends "ProcessImageLoadPolicy, ...": those that are not on, by what the system tells; how many. */
size_t hardening_add_missing(struct text *text);

#endif
