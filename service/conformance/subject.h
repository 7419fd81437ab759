/* SPDX-License-Identifier: MIT
   The handler that is looked at, behind its witness, on an endpoint of a real engine, 127.0.0.1 and a free port. */
#ifndef PORTLISTENER_CONFORMANCE_SUBJECT_H
#define PORTLISTENER_CONFORMANCE_SUBJECT_H

#include "config/config.h"
#include "engine.h"
#include "witness.h"

enum { SUBJECT_PATIENCE = 10000 /* milliseconds, for what should happen at once */ };

struct subject {
    struct witness witness;
    const struct pl_handler *handlers[2];
    struct config *config;
    struct engine *engine; /* NULL: it does not run */
    struct pl_address address;
    enum config_protocol protocol;
};

/* subject_configure: as a configuration would have it, with `options`, lines of "name = value". False: `problem` is what
   the service would say, with the option in the place of its line. */
bool subject_configure(struct subject *subject, enum config_protocol protocol, const char *options,
                       struct text *problem);
void subject_fini(struct subject *subject);

bool subject_start(struct subject *subject, struct failure *failure_out);

/* subject_stop: how long it took, in milliseconds; what lives has `within` to end. -1: a callback has not returned, which
   `failure_out` names; nothing may be done with it any more. */
int64_t subject_stop(struct subject *subject, uint32_t within, struct failure *failure_out);

/* subject_open: connections or sessions that the handler was told of, and not of their end. */
LONG64 subject_open(const struct subject *subject);

/* subject_wait: until no more than `open` are left; false: that has not come within the time. subject_wait_for: until the
   count is `value` or more. */
bool subject_wait(const struct subject *subject, LONG64 open, unsigned within);
bool subject_wait_for(const volatile LONG64 *count, LONG64 value, unsigned within);

/* subject_serves: whether a new client gets as far as the handler. */
bool subject_serves(struct subject *subject);

/* subject_handles: of this process; 0: this system does not say. subject_memory: bytes that are its own. */
size_t subject_handles(void);
size_t subject_memory(void);

#endif
