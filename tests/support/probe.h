/* SPDX-License-Identifier: MIT
   For tests of the engine: handlers that echo and count, that fail to start, that do not return. They share
   one record. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PROBE_H
#define PORTLISTENER_TESTS_SUPPORT_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/win.h"
#include "support/rig.h"

enum { PROBE_REASONS = 32, PROBE_WORKERS = 8 };

struct probe {
    volatile LONG starts, stops, drains, opens, closes, datagrams;
    volatile LONG reasons[PROBE_REASONS]; /* how often on_close had each pl_reason */
    volatile LONG disorder;               /* callbacks before on_open, behind on_close, or after stop */
    volatile LONG refuses_start;          /* the start of this number fails; 0: none */
    volatile LONG blocks_start;           /* start waits for `gate` */
    volatile LONG blocks;                 /* on_data waits for `gate` */
    volatile LONG blocks_close;           /* on_close does */
    volatile LONG blocks_stop;            /* stop does */
    volatile LONG blocks_drain;           /* drain does */
    volatile LONG blocked;                /* that do */
    HANDLE gate;
    volatile LONG64 last_id;              /* of the connection opened last */
    volatile LONG threads[PROBE_WORKERS]; /* that called on_open */
};

extern struct probe probe;

/* "probe" echoes TCP and UDP; "mute" starts with an error and no text. Ends with NULL. */
extern const struct pl_handler *const probe_handlers[];

/* probe_reset: as at first, with `gate` shut; opens the gate of before. */
void probe_reset(void);

/* probe_threads: how many threads have called on_open. */
unsigned probe_threads(void);

/* probe_prepare: a rig with these handlers, and an endpoint of one address that "probe" serves. */
void probe_prepare(struct rig *rig, const char *listen);

/* probe_assert_serves: every address of the engine listens, and echoes. probe_assert_serves_at: this one
   does. */
void probe_assert_serves(struct rig *rig);
void probe_assert_serves_at(const struct pl_address *to, enum config_protocol protocol);

/* probe_setup; probe_teardown: starts and stops, opens and closes must be equal, nothing out of order. */
int probe_setup(void **state);
int probe_teardown(void **state);

#define probe_test(test) cmocka_unit_test_setup_teardown(test, probe_setup, probe_teardown)

#endif
