/* SPDX-License-Identifier: MIT
   Handlers that do what their clients say, see actor.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/actor.h"

#include <cmocka.h>

#include "handler/discard.h"
#include "handler/echo.h"
#include "support/rig.h"

/* Bytes as they were seen: their count and a hash (FNV-1a). */
struct actor__bytes {
    uint64_t count;
    uint64_t hash;
};

struct actor actor;

static struct actor__bytes consumed, rest;
static bool has_eof;
static char transcript[ACTOR_TRANSCRIPT];

static void actor__see(struct actor__bytes *bytes, const uint8_t *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bytes->hash = (bytes->hash ^ at[i]) * UINT64_C(1099511628211);
    }
    bytes->count += length;
}

static void actor__require(bool is_right)
{
    if (!is_right) {
        InterlockedIncrement(&actor.mistakes);
    }
}

/* ---- Callbacks ---- */

static int32_t actor__start(pl_start *start)
{
    actor.host = start->host;
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static int32_t actor__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    actor__require(state != NULL && *user == NULL && info->id == id);
    *user = &actor;
    consumed = rest = (struct actor__bytes){0, UINT64_C(14695981039346656037)};
    has_eof = false;
    InterlockedExchange64(&actor.last_id, (LONG64)id);
    InterlockedIncrement(&actor.opens);
    return PL_OK;
}

static int32_t actor__on_open_refuse(void *state, pl_id id, void **user, const pl_info *info)
{
    actor__on_open(state, id, user, info);
    return PL_INVALID;
}

/* Bytes of the command that are done; 0: not yet. */
static size_t actor__do(const pl_host *host, pl_id id, const uint8_t *at, size_t length)
{
    const size_t number = (size_t)at[1] | (size_t)at[2] << 8 | (size_t)at[3] << 16 | (size_t)at[4] << 24;
    switch (at[0]) {
    case 'S':
        return host->send(host, id, actor.pattern, number) >= 0 ? ACTOR_COMMAND : 0;
    case 'U':
        return length >= ACTOR_COMMAND + number && host->send(host, id, at + ACTOR_COMMAND, number) >= 0
                   ? ACTOR_COMMAND + number
                   : 0;
    case 'F':
    case 'G':
    case 'R':
        host->close(host, id, at[0] == 'F' ? PL_FINISH : at[0] == 'G' ? PL_GRACEFUL : PL_RESET);
        return ACTOR_COMMAND;
    default:
        return ACTOR_COMMAND;
    }
}

static size_t actor__obey(const pl_host *host, pl_id id, const uint8_t *at, size_t length)
{
    size_t done = 0;
    while (length - done >= ACTOR_COMMAND) {
        const size_t step = actor__do(host, id, at + done, length - done);
        if (step == 0) {
            break;
        }
        done += step;
    }
    return done;
}

static size_t actor__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    actor__require(*user == &actor && length > 0);
    const size_t done = actor__obey(state, id, at, length);
    actor__see(&consumed, at, done);
    return done;
}

static size_t actor__on_data_echo(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    actor__require(*user == &actor && length > 0);
    const size_t done = echo_handler.on_data(state, id, user, at, length);
    actor__see(&consumed, at, done);
    return done;
}

static size_t actor__on_data_discard(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    actor__require(*user == &actor && length > 0);
    const size_t done = discard_handler.on_data(state, id, user, at, length);
    actor__see(&consumed, at, done);
    return done;
}

static void actor__on_writable(void *state, pl_id id, void **user)
{
    (void)id;
    actor__require(state != NULL && *user == &actor);
}

static void actor__on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const pl_host *host = state;
    actor__require(*user == &actor);
    *user = &has_eof; /* no bytes may follow */
    has_eof = true;
    actor__see(&rest, at, length);
    host->close(host, id, PL_GRACEFUL);
}

static void actor__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)id;
    char eof[64] = "";
    actor__require(*user == &actor || *user == &has_eof);
    *user = NULL;
    if (has_eof) {
        snprintf(eof, sizeof eof, "eof with %llu bytes (%016llx), ", (unsigned long long)rest.count,
                 (unsigned long long)rest.hash);
    }
    snprintf(transcript, sizeof transcript, "open, %llu bytes (%016llx), %sclosed: %d, error %u",
             (unsigned long long)consumed.count, (unsigned long long)consumed.hash, eof, (int)reason,
             (unsigned)win32_error);
    InterlockedExchange64(&actor.closed_at, (LONG64)GetTickCount64());
    InterlockedExchange(&actor.reason, reason);
    InterlockedIncrement(&actor.closes);
}

/* ---- Handlers ---- */

#define ACTOR(title, open, data)                                                                     \
    .size = sizeof(struct pl_handler), .abi_major = PL_ABI_MAJOR, .abi_minor = PL_ABI_MINOR,         \
    .flags = PL_TCP, .name = (title), .version = "1", .summary = "for tests", .start = actor__start, \
    .on_open = (open), .on_data = (data), .on_close = actor__on_close

static const struct pl_handler actor_plain = {ACTOR("actor", actor__on_open, actor__on_data),
                                              .on_writable = actor__on_writable, .on_eof = actor__on_eof};
static const struct pl_handler actor_small = {ACTOR("actor-small", actor__on_open, actor__on_data),
                                              .on_writable = actor__on_writable, .max_input = 1000};
static const struct pl_handler actor_deaf = {ACTOR("actor-deaf", actor__on_open, actor__on_data)};
static const struct pl_handler actor_rude = {ACTOR("actor-rude", actor__on_open_refuse, actor__on_data)};
static const struct pl_handler actor_echo = {ACTOR("actor-echo", actor__on_open, actor__on_data_echo),
                                             .on_writable = actor__on_writable};
static const struct pl_handler actor_discard = {
    ACTOR("actor-discard", actor__on_open, actor__on_data_discard), .on_writable = actor__on_writable};

const struct pl_handler *const actor_handlers[] = {&actor_plain, &actor_small,   &actor_deaf, &actor_rude,
                                                   &actor_echo,  &actor_discard, NULL};

void actor_reset(void)
{
    memset((void *)(uintptr_t)&actor, 0, sizeof actor);
    for (size_t i = 0; i < ACTOR_PATTERN; i++) {
        actor.pattern[i] = (uint8_t)(i * 7 + i / 251 + 1);
    }
    transcript[0] = '\0';
}

const char *actor_transcript(void)
{
    return transcript;
}

/* ---- Clients ---- */

void actor_command(char letter, uint32_t number, uint8_t command_out[ACTOR_COMMAND])
{
    command_out[0] = (uint8_t)letter;
    for (int i = 0; i < 4; i++) {
        command_out[1 + i] = (uint8_t)(number >> 8 * i);
    }
}

void actor_say(struct client *client, char letter, uint32_t number)
{
    uint8_t command[ACTOR_COMMAND];
    actor_command(letter, number, command);
    assert_int_equal(client_send(client, command, sizeof command, CLIENT_PATIENCE), CLIENT_OK);
}

void actor_expect(struct client *client, size_t length)
{
    static uint8_t received[ACTOR_PATTERN];
    memset(received, 0, length);
    assert_int_equal(client_receive(client, received, length, CLIENT_PATIENCE), CLIENT_OK);
    assert_memory_equal(received, actor.pattern, length);
}

void actor_expect_end(struct client *client, enum client_result result)
{
    uint8_t byte = 0;
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), result);
}

void actor_wait_for(const volatile LONG *count, LONG value, const char *what)
{
    for (const uint64_t deadline = rig_deadline(); *count < value;) {
        rig_nap(deadline, what);
    }
}
