/* SPDX-License-Identifier: MIT
   A handler that stands before another one: each callback goes through it, and each call to the host, and it remembers
   what is against the contract. The engine below knows nothing of that. One witness at a time: a handler's start is given
   nothing of its maker's. */
#ifndef PORTLISTENER_CONFORMANCE_WITNESS_H
#define PORTLISTENER_CONFORMANCE_WITNESS_H

#include "base/win.h"
#include "portlistener/handler.h"
#include "report.h"

enum { WITNESS_RUNNING = 64, WITNESS_GONE = 256, WITNESS_PORTS = 256 };

#define FINDING(name, level, text) FINDING_##name,
enum finding {
#include "findings.def"
    FINDING_COUNT
};
#undef FINDING

struct finding_row {
    enum report_level level;
    const char *text;
};

const struct finding_row *finding_row(enum finding finding);

/* What was found so far, by all threads. */
struct witness {
    struct pl_handler handler; /* for the engine */
    struct pl_handler inner;   /* what the DLL has, as far as it reaches; the rest is 0 */
    DWORD slot;                /* of the thread: which callback it is in */
    volatile LONG64 opens, closes;
    volatile LONG ports[WITNESS_PORTS]; /* of the clients that came last */
    volatile LONG64 datagrams;
    volatile LONG64 offered, consumed;  /* bytes, of on_data */
    volatile LONG64 retained, released; /* pieces of input */
    volatile LONG counts[FINDING_COUNT];
    void *volatile running[WITNESS_RUNNING]; /* names of callbacks that have not returned; NULL: free */
    volatile LONG64 gone[WITNESS_GONE];      /* the ids that have had their on_close last */
    volatile LONG gone_count;
    const char *volatile places[FINDING_COUNT]; /* the function or callback, of the first */
};

/* witness_init: false: the system has no room for it. `handler` stays the caller's. witness_fini: no engine has it. */
bool witness_init(struct witness *witness, const struct pl_handler *handler);
void witness_fini(struct witness *witness);

/* witness_running: a callback that has not returned; NULL: there is none. */
const char *witness_running(const struct witness *witness);

/* The rest is for witness_host.c. */

/* What stands in the place of the handler's *user. */
struct guest {
    void *user;
    bool was_set;
    bool is_closed;   /* by the handler */
    bool is_outbound; /* the handler has opened it, and it is nobody's client */
};

/* The callback that a thread is in. */
struct inside {
    struct guest *guest; /* NULL: of an endpoint */
    const char *name;
    pl_id id;
    bool is_on_close;
    bool was_full; /* a send of its returned PL_FULL */
    ULONGLONG since;
    int place; /* in witness.running; WITNESS_RUNNING: that is full */
};

/* One start of the handler. */
struct seat {
    struct pl_host host; /* first: what the handler is given */
    const struct pl_host *real;
    struct witness *witness;
    void *state; /* the handler's */
};

/* witness_is_gone: whether the id has had its on_close, not long ago. */
bool witness_is_gone(const struct witness *witness, pl_id id);
void witness_host_init(struct seat *seat);
void witness_find(struct witness *witness, enum finding finding, const char *place);
void witness_enter(struct witness *witness, struct inside *inside, const char *name, pl_id id,
                   struct guest *guest);
void witness_leave(struct witness *witness, const struct inside *inside);

#endif
