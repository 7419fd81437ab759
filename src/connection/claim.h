/* SPDX-License-Identifier: MIT
   What comes of the PROXY header at the beginning of a connection: who the client is, and whether it may come in. */
#ifndef PORTLISTENER_CONNECTION_CLAIM_H
#define PORTLISTENER_CONNECTION_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint/endpoint.h"
#include "stats/close_reason.h"

struct claim {
    enum close_reason refusal; /* NONE: the client may come in */
    const char *problem;       /* of the header, for a log, a constant; NULL: it is good */
    size_t length;             /* of the header; the client's own bytes follow */
    bool is_proxied;           /* it names these two; else the proxy itself is the client: a health check */
    struct pl_address source;
    struct pl_address destination;
};

/* claim_read: from the first bytes of a connection that has entered (admission_enter). False: too few yet. When a client
   that the header names may come in, it counts for its source until admission_leave. Any thread. */
bool claim_read(const struct endpoint *endpoint, const uint8_t *at, size_t length, struct claim *claim_out);

#endif
