/* SPDX-License-Identifier: MIT
   A configuration made in code, and its engine; see rig.h. Nothing here comes from the heap, so that the
   ledger shows the engine's own blocks only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "base/address.h"
#include "stats/close_reason.h"
#include "stats/report.h"
#include "support/client.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/patience.h"
#include "support/support.h"

enum { RIG_NAP = 2, RIG_RUNNING = 8 };

static struct rig *running[RIG_RUNNING]; /* for the teardown */

/* ---- Configuration ---- */

void rig_init(struct rig *rig, const struct pl_handler *const *handlers)
{
    memset(rig, 0, sizeof *rig);
    rig->config.service = (struct config_service){.workers = 1,
                                                  .blocking_threads = 4,
                                                  .drain_timeout = 10000,
                                                  .start_policy = CONFIG_START_PARTIAL,
                                                  .bind_retry = 500};
    rig->config.endpoints = rig->endpoints;
    rig->options.config = &rig->config;
    rig->options.handlers = handlers;
}

/* "8000" or "8000-8003", to the end of the text. */
static void rig__parse_ports(const char *at, struct config_listen *listen)
{
    char *end = NULL;
    const unsigned long first = strtoul(at, &end, 10);
    const unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
    if (end == at || *end != '\0' || first > last || last > 65535) {
        fail_msg("%s: no ports", at);
    }
    listen->address.port = (uint16_t)first;
    listen->last_port = (uint16_t)last;
}

static struct config_listen rig__parse(const char *text)
{
    struct config_listen listen = {.protocol = CONFIG_TCP};
    const char *colon = strrchr(text, ':');
    if (strncmp(text, "udp://", 6) == 0) {
        listen.protocol = CONFIG_UDP;
    } else if (strncmp(text, "tcp://", 6) != 0) {
        fail_msg("%s: no address to listen on", text);
    }
    const char *host = text + 6;
    size_t length = (size_t)(colon - host);
    if (*host == '[') {
        host++;
        length -= 2;
    }
    listen.is_dual_stack = length == 1 && *host == '*';
    if (listen.is_dual_stack) {
        listen.address.family = 6;
    } else if (!address_parse(host, length, &listen.address)) {
        fail_msg("%s: no address to listen on", text);
    }
    rig__parse_ports(colon + 1, &listen);
    return listen;
}

void rig_listen(struct rig *rig, const char *listen)
{
    assert_in_range(rig->listen_count, 0, RIG_LISTENS - 1);
    rig->listens[rig->listen_count++] = rig__parse(listen);
    rig->endpoints[rig->config.endpoint_count - 1].listen_count++;
}

struct config_endpoint *rig_endpoint(struct rig *rig, const char *name, const char *handler,
                                     const char *listen)
{
    assert_in_range(rig->config.endpoint_count, 0, RIG_ENDPOINTS - 1);
    struct config_endpoint *endpoint = &rig->endpoints[rig->config.endpoint_count++];
    *endpoint = (struct config_endpoint){.name = (char *)(uintptr_t)name,
                                         .line = 1,
                                         .is_enabled = true,
                                         .listen = &rig->listens[rig->listen_count],
                                         .handler = (char *)(uintptr_t)handler,
                                         .backlog = 512,
                                         .accepts_max = 256,
                                         .receives_max = 32,
                                         .proxy_timeout = 3000,
                                         .idle_timeout = 300000,
                                         .send_timeout = 30000,
                                         .close_timeout = 5000,
                                         .send_queue = 1048576,
                                         .nodelay = true,
                                         .keepalive_time = 7200000,
                                         .keepalive_interval = 75000,
                                         .max_datagram = 65507,
                                         .udp_sessions_max = 65536,
                                         .reply_limit = 1000,

                                         .access_log = true};
    rig_listen(rig, listen);
    return endpoint;
}

/* ---- Running ---- */

static void rig__note(struct rig *old, struct rig *new)
{
    for (size_t i = 0; i < RIG_RUNNING; i++) {
        if (running[i] == old) {
            running[i] = new;
            return;
        }
    }
    fail_msg("too many rigs run at once");
}

bool rig_try(struct rig *rig)
{
    memset(&rig->failure, 0, sizeof rig->failure);
    rig->is_stopped = false;
    rig->engine = engine_start(&rig->options, &rig->failure);
    if (rig->engine != NULL) {
        rig__note(NULL, rig);
    }
    return rig->engine != NULL;
}

void rig_start(struct rig *rig)
{
    if (!rig_try(rig)) {
        fail_msg("the engine did not start: %s", rig->failure.text);
    }
}

void rig_fail(struct rig *rig)
{
    if (rig_try(rig)) {
        fail_msg("the engine has started");
    }
}

bool rig_drain(struct rig *rig, uint32_t drain_limit)
{
    rig->is_stopped = engine_stop(rig->engine, drain_limit, &rig->failure);
    return rig->is_stopped;
}

/* What has begun has ended, whatever it was accepted by. */
static bool rig__is_settled(struct rig *rig)
{
    uint64_t sums[COUNTER_COUNT];
    bool is_settled = true;
    for (size_t i = 0; i < rig->options.config->endpoint_count; i++) {
        if (engine_endpoint_counters(rig->engine, rig->options.config->endpoints[i].name, sums)) {
            is_settled = is_settled &&
                         sums[COUNTER_ACCEPTED] == report_family_total(sums, FAMILY_CONNECTIONS_CLOSED) &&
                         sums[COUNTER_SESSIONS_OPENED] == report_family_total(sums, FAMILY_SESSIONS_CLOSED) &&
                         sums[COUNTER_OUTBOUND_OPENED] == sums[COUNTER_OUTBOUND_CLOSED];
        }
    }
    return is_settled;
}

void rig_stop(struct rig *rig)
{
    if (!rig->is_stopped) {
        engine_hurry(rig->engine);
        if (!rig_drain(rig, 0)) {
            fail_msg("the engine did not stop: %s", rig->failure.text);
        }
    }
    const uint64_t accepted = rig_counter(rig, COUNTER_ACCEPTED), closed = rig_closed(rig);
    const uint64_t opened = rig_counter(rig, COUNTER_SESSIONS_OPENED), ended = rig_sessions_closed(rig);
    const uint64_t queued =
        rig_counter(rig, COUNTER_BYTES_QUEUED) | rig_counter(rig, COUNTER_OUTBOUND_BYTES_QUEUED);
    const bool is_settled = rig__is_settled(rig);
    rig__note(rig, NULL);
    engine_destroy(rig->engine);
    rig->engine = NULL;
    assert_true(is_settled);
    assert_int_equal(accepted, closed);
    assert_int_equal(opened, ended);
    assert_int_equal(queued, 0);
}

/* ---- Looking at it ---- */

uint64_t rig_counter(struct rig *rig, enum counter counter)
{
    uint64_t sums[COUNTER_COUNT];
    engine_counters(rig->engine, sums);
    return sums[counter];
}

static uint64_t rig__sum(struct rig *rig, enum counter first, enum counter last)
{
    uint64_t sums[COUNTER_COUNT], sum = 0;
    engine_counters(rig->engine, sums);
    for (int i = (int)first; i <= (int)last; i++) {
        sum += sums[i];
    }
    return sum;
}

uint64_t rig_endpoint_counter(struct rig *rig, const char *endpoint, enum counter counter)
{
    uint64_t sums[COUNTER_COUNT];
    assert_true(engine_endpoint_counters(rig->engine, endpoint, sums));
    return sums[counter];
}

uint64_t rig_closed(struct rig *rig)
{
    uint64_t sums[COUNTER_COUNT];
    engine_counters(rig->engine, sums);
    return report_family_total(sums, FAMILY_CONNECTIONS_CLOSED);
}

uint64_t rig_ended(struct rig *rig)
{
    uint64_t sums[COUNTER_COUNT], ended = 0;
    engine_counters(rig->engine, sums);
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        ended += sums[close_reason_row(i)->counter];
    }
    return ended;
}

uint64_t rig_sessions_closed(struct rig *rig)
{
    return rig__sum(rig, COUNTER_SESSIONS_CLOSED_BY_HANDLER, COUNTER_SESSIONS_CLOSED_ERROR);
}

void rig_wait_for_counter(struct rig *rig, enum counter counter, uint64_t value)
{
    const uint64_t deadline = rig_deadline();
    while (rig_counter(rig, counter) < value) {
        rig_nap(deadline, counter_row(counter)->name);
    }
}

struct engine_listener rig_at(struct rig *rig, size_t index)
{
    struct engine_listener listener = {0};
    assert_true(engine_listener_at(rig->engine, index, &listener));
    return listener;
}

size_t rig_count(struct rig *rig)
{
    struct engine_listener listener;
    size_t count = 0;
    while (engine_listener_at(rig->engine, count, &listener)) {
        count++;
    }
    return count;
}

struct pl_address rig_address(struct rig *rig, size_t index)
{
    struct pl_address address = rig_at(rig, index).address;
    if (address_is_any(&address)) {
        address = client_address(address.family == 4 ? "127.0.0.1" : "::1", address.port);
    }
    return address;
}

void rig_wait_for_state(struct rig *rig, size_t index, enum listener_state state)
{
    const uint64_t deadline = rig_deadline();
    while (rig_at(rig, index).state != state) {
        rig_nap(deadline, "the state of a listener");
    }
}

void rig_wait_for_operations(size_t count)
{
    const uint64_t deadline = rig_deadline();
    while (ledger_count(LEDGER_OPERATION) != count || ledger_in_calls() > 0) {
        rig_nap(deadline, "operations in flight");
    }
}

uint64_t rig_deadline(void)
{
    return patience_now() + RIG_PATIENCE;
}

void rig_nap(uint64_t deadline, const char *what)
{
    if (patience_now() >= deadline) {
        fail_msg("waited in vain: %s", what);
    }
    Sleep(RIG_NAP);
}

/* ---- Around each test ---- */

int rig_setup(void **state)
{
    return support_setup(state);
}

int rig_teardown(void **state)
{
    for (size_t i = 0; i < RIG_RUNNING; i++) {
        struct rig *rig = running[i];
        running[i] = NULL;
        if (rig != NULL) {
            engine_hurry(rig->engine);
            if (rig->is_stopped || engine_stop(rig->engine, 0, &rig->failure)) {
                engine_destroy(rig->engine);
            }
        }
    }
    journal_close();
    return support_teardown(state);
}
