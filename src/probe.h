/* SPDX-License-Identifier: MIT
   One try of an address, as a client: connects, sends, and waits for what should come, within a time. */
#ifndef PORTLISTENER_PROBE_H
#define PORTLISTENER_PROBE_H

#include <stdint.h>

#include "diagnosis/live.h"

enum probe_outcome {
    PROBE_TAKEN,    /* TCP: connected, and not reset at once */
    PROBE_ANSWERED, /* with what was expected */
    PROBE_REFUSED,  /* not connected: `error` */
    PROBE_RESET,    /* connected, and ended before it answered */
    PROBE_WRONG,    /* with something else */
    PROBE_LATE,     /* connected, and no answer in time */
    PROBE_UNHEARD   /* TCP: not connected in time */
};

struct probe {
    enum config_protocol protocol;
    struct pl_address address; /* with its port */
    struct live_script script;
    uint32_t limit;             /* milliseconds for all of it */
    enum probe_outcome outcome; /* from here on: what came of it */
    uint32_t error;             /* Winsock's, 0: none */
    uint32_t took;              /* milliseconds */
};

/* probe_start: Winsock; 0 or its error. probe_stop: once for each that succeeded. */
uint32_t probe_start(void);
void probe_stop(void);

/* probe_run: waits `limit` at most. */
void probe_run(struct probe *probe);

#endif
