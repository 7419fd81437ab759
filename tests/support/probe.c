/* SPDX-License-Identifier: MIT
   Handlers that echo and count, see probe.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/probe.h"

#include <cmocka.h>

#include "support/client.h"
#include "support/seam.h"

struct probe probe;

static void probe__wait_if(LONG blocks)
{
    if (blocks != 0) {
        InterlockedIncrement(&probe.blocked);
        WaitForSingleObject(probe.gate, INFINITE);
        InterlockedDecrement(&probe.blocked);
    }
}

/* The state of an endpoint is its host: two engines have two. */
static int32_t probe__start(pl_start *start)
{
    static const char words[] = "the probe was told to fail";
    if (InterlockedIncrement(&probe.starts) == probe.refuses_start) {
        InterlockedDecrement(&probe.starts);
        memcpy(start->error, words, sizeof words);
        return PL_INVALID;
    }
    probe__wait_if(probe.blocks_start);
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static void probe__check(bool is_right)
{
    if (!is_right) {
        InterlockedIncrement(&probe.disorder);
    }
}

static void probe__drain(void *state, uint32_t within)
{
    (void)within;
    probe__check(state != NULL && probe.stops < probe.starts);
    InterlockedIncrement(&probe.drains);
    probe__wait_if(probe.blocks_drain);
}

static void probe__stop(void *state)
{
    probe__wait_if(probe.blocks_stop);
    probe__check(state != NULL && probe.stops < probe.starts);
    InterlockedIncrement(&probe.stops);
}

static void probe__note_thread(void)
{
    const LONG thread = (LONG)GetCurrentThreadId();
    for (unsigned i = 0; i < PROBE_WORKERS; i++) {
        const LONG was = InterlockedCompareExchange(&probe.threads[i], thread, 0);
        if (was == 0 || was == thread) {
            return;
        }
    }
}

static int32_t probe__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    probe__check(state != NULL && *user == NULL && info->id == id && probe.stops < probe.starts);
    *user = &probe;
    probe__note_thread();
    probe.last_id = (LONG64)id;
    InterlockedIncrement(&probe.opens);
    return PL_OK;
}

static size_t probe__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const pl_host *host = state;
    probe__check(*user == &probe);
    probe__wait_if(probe.blocks);
    return host->send(host, id, at, length) >= 0 ? length : 0;
}

static void probe__on_writable(void *state, pl_id id, void **user)
{
    (void)id;
    probe__check(state != NULL && *user == &probe);
}

static void probe__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)id, (void)win32_error;
    probe__wait_if(probe.blocks_close);
    probe__check(state != NULL && *user == &probe && reason > 0 && reason < PROBE_REASONS);
    *user = NULL;
    InterlockedIncrement(&probe.reasons[reason > 0 && reason < PROBE_REASONS ? reason : 0]);
    InterlockedIncrement(&probe.closes);
}

static void probe__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                               const pl_info *info)
{
    const pl_host *host = state;
    (void)user, (void)info;
    probe__check(probe.stops < probe.starts);
    host->send(host, id, at, length);
    InterlockedIncrement(&probe.datagrams);
}

static int32_t mute__start(pl_start *start)
{
    (void)start;
    return PL_NO_MEMORY;
}

static const struct pl_handler probe_handler = {.size = sizeof(struct pl_handler),
                                                .abi_major = PL_ABI_MAJOR,
                                                .abi_minor = PL_ABI_MINOR,
                                                .flags = PL_TCP | PL_UDP,
                                                .name = "probe",
                                                .start = probe__start,
                                                .stop = probe__stop,
                                                .on_open = probe__on_open,
                                                .on_data = probe__on_data,
                                                .on_writable = probe__on_writable,
                                                .on_close = probe__on_close,
                                                .on_datagram = probe__on_datagram,
                                                .drain = probe__drain};

static const struct pl_handler mute_handler = {.size = sizeof(struct pl_handler),
                                               .abi_major = PL_ABI_MAJOR,
                                               .abi_minor = PL_ABI_MINOR,
                                               .flags = PL_TCP,
                                               .name = "mute",
                                               .start = mute__start,
                                               .on_data = probe__on_data};

const struct pl_handler *const probe_handlers[] = {&mute_handler, &probe_handler, NULL};

void probe_reset(void)
{
    HANDLE gate = probe.gate;
    if (gate == NULL) {
        gate = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    }
    SetEvent(gate);
    memset((void *)(uintptr_t)&probe, 0, sizeof probe);
    probe.gate = gate;
    ResetEvent(gate);
}

unsigned probe_threads(void)
{
    unsigned count = 0;
    while (count < PROBE_WORKERS && probe.threads[count] != 0) {
        count++;
    }
    return count;
}

/* ---- Using them ---- */

void probe_prepare(struct rig *rig, const char *listen)
{
    rig_init(rig, probe_handlers);
    rig->config.service.bind_retry = 50;
    rig_endpoint(rig, "e", "probe", listen);
}

void probe_assert_serves_at(const struct pl_address *to, enum config_protocol protocol)
{
    struct client *client = NULL;
    char answer[100] = "";
    size_t length = 5;
    const struct pl_address from = client_address(to->family == 4 ? "127.0.0.1" : "::1", 0);
    if (protocol == CONFIG_TCP) {
        assert_int_equal(client_connect(to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
        assert_int_equal(client_send(client, "hello", 5, CLIENT_PATIENCE), CLIENT_OK);
        assert_int_equal(client_receive(client, answer, 5, CLIENT_PATIENCE), CLIENT_OK);
    } else {
        client = client_open_datagram(&from);
        assert_int_equal(
            client_exchange(client, to, "hello", 5, answer, sizeof answer, &length, CLIENT_PATIENCE),
            CLIENT_OK);
    }
    assert_int_equal(length, 5);
    assert_memory_equal(answer, "hello", 5);
    client_close(client);
}

void probe_assert_serves(struct rig *rig)
{
    const size_t count = rig_count(rig);
    for (size_t i = 0; i < count; i++) {
        const struct pl_address to = rig_address(rig, i);
        assert_int_equal(rig_at(rig, i).state, LISTENER_LISTENING);
        probe_assert_serves_at(&to, rig_at(rig, i).protocol);
    }
}

int probe_setup(void **state)
{
    probe_reset();
    return rig_setup(state);
}

int probe_teardown(void **state)
{
    SetEvent(probe.gate);
    const int result = rig_teardown(state);
    assert_int_equal(probe.starts, probe.stops);
    assert_int_equal(probe.opens, probe.closes);
    assert_int_equal(probe.disorder, 0);
    return result;
}
