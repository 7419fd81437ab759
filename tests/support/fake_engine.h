/* SPDX-License-Identifier: MIT
   An engine that opens nothing, in place of the real one: it notes what is asked of it, and fails or hangs on
   demand. For tests of what is around the engine. */
#ifndef PORTLISTENER_TESTS_SUPPORT_FAKE_ENGINE_H
#define PORTLISTENER_TESTS_SUPPORT_FAKE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/win.h"
#include "engine.h"

struct fake_engine {
    /* What it shall do; set before the start. */
    enum exit_code start_code; /* not DONE: the start fails with it */
    unsigned start_reports;    /* calls of progress during the start */
    bool stops_when_hurried;   /* else at once */
    bool never_ends;           /* the stop gives up */
    bool refuses_reloads;
    enum exit_code reload_code; /* of a reload that is done */
    uint32_t bind_error;        /* not 0: its second socket waits, for this reason */
    bool has_no_memory;         /* for what it is asked */
    bool has_no_clients;        /* but else one */
    void (*on_start)(void);     /* called by engine_start; may be NULL */
    void (*on_stop)(void);      /* called by engine_stop; may be NULL */
    void (*on_reload)(void);    /* called by engine_reload; may be NULL */
    void (*on_destroy)(void);   /* called by engine_destroy; may be NULL */

    /* What was asked of it. */
    volatile LONG starts, pauses, continues, hurries, stops, destroys, reloads, comparisons;
    bool was_automatic;
    uint64_t closed; /* the client that was closed last */
    bool is_endpoint_paused;
    struct access_log *access_log; /* of the last start */
    uint32_t drain_limit;          /* of the last stop */
};

extern struct fake_engine fake_engine;

/* fake_engine_reset: for a test's setup. */
void fake_engine_reset(void);

#endif
