/* SPDX-License-Identifier: MIT
   What is told now and then, see notice.h. */
#include "endpoint/notice.h"

#include <assert.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "config/config_keys.h"

enum { NOTICE_INTERVAL = 60000 /* milliseconds */ };

enum notice_kind {
    NOTICE_KIND_CLIENT, /* of TCP */
    NOTICE_KIND_DATAGRAM,
    NOTICE_KIND_SESSION,
    NOTICE_KIND_ANSWER,
    NOTICE_KIND_OUTBOUND,
    NOTICE_KIND_WAIT,
    NOTICE_KIND_PROXY_HEADER,
    NOTICE_KIND_CONNECT
};

/* The words of one, around the client's address, and of several. */
static const struct {
    enum event event;
    const char *before, *behind; /* `behind` NULL: no address is told */
    const char *many;
} kinds[] = {
    [NOTICE_KIND_CLIENT] = {EVENT_CLIENT_REFUSED, "", " was reset", "clients were reset"},
    [NOTICE_KIND_DATAGRAM] = {EVENT_CLIENT_REFUSED, "a datagram of ", " was dropped",
                              "datagrams were dropped"},
    [NOTICE_KIND_SESSION] = {EVENT_SESSION_DISPLACED, "the session of ", " made room for another one",
                             "sessions made room for others"},
    [NOTICE_KIND_ANSWER] = {EVENT_ANSWER_DROPPED, "an answer to ", " was dropped", "answers were dropped"},
    [NOTICE_KIND_OUTBOUND] = {EVENT_CONNECT_FAILED, "a connection to another host was not opened", NULL,
                              "connections to other hosts were not opened"},
    [NOTICE_KIND_WAIT] = {EVENT_ACCEPT_RATE_REACHED, "further connections would have to wait in the backlog",
                          NULL, "times further connections would have had to wait in the backlog"},
    [NOTICE_KIND_PROXY_HEADER] = {EVENT_PROXY_HEADER_REFUSED, "", NULL, "bad PROXY headers came"},
    [NOTICE_KIND_CONNECT] = {EVENT_CONNECT_FAILED, "", NULL, "connections to other hosts were not opened"},
};

#define NOTICE(counter, kind, section, key, why) \
    [NOTICE_##counter] = {NOTICE_KIND_##kind, &config_keys_##section, key, why},
static const struct {
    enum notice_kind kind;
    const struct config_table *table; /* of `key` */
    const char *key;
    const char *why;
} rows[NOTICE_COUNT] = {
#include "endpoint/notices.def"
    [NOTICE_PROXY_HEADER] = {NOTICE_KIND_PROXY_HEADER, NULL, NULL, "see what was told of the first"},
    [NOTICE_CONNECT] = {NOTICE_KIND_CONNECT, NULL, NULL, "see what was told of the first"}};
#undef NOTICE

/* ---- The table ---- */

/* 1 more, so that 0 is none. */
#define NOTICE(counter, kind, section, key, why) [COUNTER_##counter] = NOTICE_##counter + 1,
static const uint8_t places[COUNTER_COUNT] = {
#include "endpoint/notices.def"
};
#undef NOTICE

static_assert(NOTICE_COUNT < UINT8_MAX, "they fit");

enum notice notice_of(enum counter counter)
{
    return places[counter] != 0 ? (enum notice)(places[counter] - 1) : NOTICE_COUNT;
}

enum event notice_event(enum notice notice)
{
    return kinds[rows[notice].kind].event;
}

/* ---- Lines ---- */

/* "max_connections = 100 is reached; raise it", or without a key. */
static void notice__add_why(struct text *text, enum notice notice, const struct notice_configs *configs)
{
    const struct config_table *table = rows[notice].table;
    const char *name = rows[notice].key;
    if (name != NULL) {
        const void *record =
            table == &config_keys_service ? (const void *)configs->service : configs->endpoint;
        text_add_format(text, "%s = ", name);
        config_keys_add_value(text, config_keys_find(table, name, strlen(name)), record);
        text_add_string(text, " ");
    }
    text_add_string(text, rows[notice].why);
}

void notice_add(struct text *text, enum notice notice, const struct notice_configs *configs,
                const struct pl_address *client)
{
    const enum notice_kind kind = rows[notice].kind;
    text_add_string(text, kinds[kind].before);
    if (kinds[kind].behind != NULL) {
        address_add_with_port(text, client);
        text_add_string(text, kinds[kind].behind);
    }
    text_add_string(text, ": ");
    notice__add_why(text, notice, configs);
}

void notice_add_rest(struct text *text, enum notice notice, const struct notice_configs *configs, LONG count)
{
    text_add_format(text, "%ld more %s since the last such line: ", (long)count,
                    kinds[rows[notice].kind].many);
    notice__add_why(text, notice, configs);
}

void notice_add_untold(struct text *text, LONG count)
{
    if (count > 0) {
        text_add_format(text, "; %ld more since the last such line", (long)count);
    }
}

/* ---- Gates ---- */

LONG notice_gate_pass(struct notice_gate *gate, uint64_t now)
{
    const LONG64 told_at = InterlockedCompareExchange64(&gate->told_at, 0, 0);
    /* Less than 0: another worker, whose turn began later, has told. */
    const bool is_time = told_at == 0 || (LONG64)now - told_at >= NOTICE_INTERVAL;
    if (is_time && InterlockedCompareExchange64(&gate->told_at, (LONG64)now, told_at) == told_at) {
        return InterlockedExchange(&gate->untold, 0);
    }
    InterlockedIncrement(&gate->untold);
    return -1;
}

LONG notice_gate_take_rest(struct notice_gate *gate)
{
    return InterlockedExchange(&gate->untold, 0);
}

/* NULL: no memory. Two workers may need the first ones at once: the first to have them keeps them. */
static struct notice_gate *notice_gates__make(struct notice_gates *gates)
{
    struct notice_gate *made = memory_alloc(NOTICE_COUNT * sizeof *made);
    struct notice_gate *kept =
        made != NULL ? InterlockedCompareExchangePointer(&gates->at, made, NULL) : gates->at;
    if (kept == NULL) {
        return made;
    }
    memory_free(made);
    return kept;
}

LONG notice_gates_pass(struct notice_gates *gates, enum notice notice, uint64_t now)
{
    struct notice_gate *at = gates->at != NULL ? gates->at : notice_gates__make(gates);
    return at != NULL ? notice_gate_pass(&at[notice], now) : -1;
}

LONG notice_gates_take_rest(struct notice_gates *gates, enum notice notice)
{
    struct notice_gate *at = gates->at;
    return at != NULL ? notice_gate_take_rest(&at[notice]) : 0;
}

void notice_gates_fini(struct notice_gates *gates)
{
    memory_free(gates->at);
    gates->at = NULL;
}
