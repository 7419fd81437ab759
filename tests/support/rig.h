/* SPDX-License-Identifier: MIT
   A rig for tests of the engine: a configuration with the defaults of the product, made in code, and the
   engine that runs it. For the test's own thread; with cmocka's asserts inside. A rig is large: make it
   static. */
#ifndef PORTLISTENER_TESTS_SUPPORT_RIG_H
#define PORTLISTENER_TESTS_SUPPORT_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "engine.h"

enum {
    RIG_PATIENCE = 15000, /* milliseconds for what should happen at once, on a busy machine, too */
    RIG_ENDPOINTS = 16,
    RIG_LISTENS = 1280
};

struct rig {
    struct config config;
    struct engine_options options;
    struct engine *engine; /* NULL when it does not run */
    struct failure failure;
    struct config_endpoint endpoints[RIG_ENDPOINTS];
    struct config_listen listens[RIG_LISTENS];
    size_t listen_count;
    bool is_stopped; /* but not destroyed yet */
};

/* rig_init: no endpoint yet; one worker (not one a processor); the built-in handlers, or `handlers` (ends
   with NULL). What is in `config` and `options` may be changed until rig_start. */
void rig_init(struct rig *rig, const struct pl_handler *const *handlers);

/* rig_endpoint: adds an endpoint with one address, "tcp://127.0.0.1:0", "udp://[::1]:0", "tcp://" "*:0" (both
   families), "tcp://127.0.0.1:8000-8003". Port 0: the system chooses, see rig_address. The texts are kept,
   not copied. */
struct config_endpoint *rig_endpoint(struct rig *rig, const char *name, const char *handler,
                                     const char *listen);

/* rig_listen: one more address of the endpoint added last. */
void rig_listen(struct rig *rig, const char *listen);

/* rig_start: the engine must start. rig_fail: it must not; `failure` tells. rig_try: either; whether it
   did. */
void rig_start(struct rig *rig);
void rig_fail(struct rig *rig);
bool rig_try(struct rig *rig);

/* rig_drain: engine_stop with at most `drain_limit` milliseconds; the engine is still there, for its
   counters. */
bool rig_drain(struct rig *rig, uint32_t drain_limit);

/* rig_stop: resets what is left, stops (after rig_drain: it is stopped already) and destroys. Then as many
   connections and UDP sessions must have been closed as were accepted, in all and of each endpoint. */
void rig_stop(struct rig *rig);

/* rig_counter: its sum over all workers now. rig_wait_for_counter: until it is `value` or more. */
uint64_t rig_counter(struct rig *rig, enum counter counter);
void rig_wait_for_counter(struct rig *rig, enum counter counter, uint64_t value);

/* rig_endpoint_counter: likewise of the endpoint with this name. */
uint64_t rig_endpoint_counter(struct rig *rig, const char *endpoint, enum counter counter);

/* rig_closed, rig_sessions_closed: connections and UDP sessions that have ended, for whatever reason. rig_ended: whatever
   of close_reasons.def has happened, refusals included. */
uint64_t rig_closed(struct rig *rig);
uint64_t rig_ended(struct rig *rig);
uint64_t rig_sessions_closed(struct rig *rig);

/* rig_at: the socket with this number, in the order of the configuration. rig_address: its address, for
   clients: a wildcard becomes loopback. rig_wait_for_state: until it stands so. */
struct engine_listener rig_at(struct rig *rig, size_t index);
size_t rig_count(struct rig *rig); /* sockets */
struct pl_address rig_address(struct rig *rig, size_t index);
void rig_wait_for_state(struct rig *rig, size_t index, enum listener_state state);

/* rig_wait_for_operations: until exactly so many are in flight: one accept for each idle TCP socket, one
   receive for each UDP socket. */
void rig_wait_for_operations(size_t count);

/* For other conditions: deadline = rig_deadline(); while (!condition) rig_nap(deadline, "what should come");
   The nap is short; past the deadline it fails the test. See patience.h for the clock. */
uint64_t rig_deadline(void);
void rig_nap(uint64_t deadline, const char *what);

/* rig_setup, rig_teardown: support_setup and support_teardown, and between them stops what a failed test has
   left running. */
int rig_setup(void **state);
int rig_teardown(void **state);

#define rig_test(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

#endif
