/* SPDX-License-Identifier: MIT
   Every end of a connection, see ends.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/ends.h"

#include <cmocka.h>

#include "support/actor.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/seam.h"

enum { ENDS_SLACK = 400, ENDS_HELD = 64 };

/* The endpoints, in the order in which their sockets stand. */
enum ends__place {
    PLACE_PLAIN,
    PLACE_SMALL,
    PLACE_DEAF,
    PLACE_STUCK,
    PLACE_FIRST_BYTE,
    PLACE_LIFETIME,
    PLACE_DENYING,
    PLACE_LIMITED,
    PLACE_SINGLE,
    PLACE_PROXIED,
    PLACE_COUNT
};

struct rig ends_rig;

static struct address_prefix stranger, proxies;
static uint64_t arranged[CLOSE_REASON_COUNT];
static struct ends_totals totals;
static struct client *held[ENDS_HELD]; /* until the stop */
static size_t held_count;

/* ---- Clients ---- */

static struct client *ends__connect(enum ends__place place, const char *ip, int receive_buffer)
{
    struct client *client = NULL;
    const struct pl_address to = rig_address(&ends_rig, place), from = client_address(ip, 0);
    assert_int_equal(client_connect(&to, &from, receive_buffer, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

static void ends__send(struct client *client, const void *at, size_t length)
{
    assert_int_equal(client_send(client, at, length, CLIENT_PATIENCE), CLIENT_OK);
    totals.sent += length;
}

static void ends__say(struct client *client, char letter, uint32_t number)
{
    actor_say(client, letter, number);
    totals.sent += ACTOR_COMMAND;
}

static void ends__expect(struct client *client, size_t length)
{
    actor_expect(client, length);
    totals.received += length;
}

/* A connection that has been served. */
static struct client *ends__enter(enum ends__place place, const char *ip)
{
    struct client *client = ends__connect(place, ip, 0);
    ends__say(client, 'S', 100);
    ends__expect(client, 100);
    return client;
}

/* Ends in order or by a reset: in Wine 8 a client cannot always tell. */
static void ends__see_end(struct client *client)
{
    const enum client_result result = client_drain(client, NULL, CLIENT_PATIENCE);
    assert_true(result == CLIENT_EOF || result == CLIENT_RESET);
    client_close(client);
}

static void ends__note(enum close_reason reason)
{
    arranged[reason]++;
}

/* As many as there must be by now. */
static void ends__wait(enum close_reason reason)
{
    rig_wait_for_counter(&ends_rig, close_reason_row(reason)->counter, arranged[reason]);
}

static void ends__leave(struct client *client)
{
    assert_int_equal(client_finish(client), CLIENT_OK);
    actor_expect_end(client, CLIENT_EOF);
    client_close(client);
    ends__note(CLOSED_BY_PEER);
    ends__wait(CLOSED_BY_PEER);
}

/* Each listening socket has its accept, and so many connections a receive. */
static void ends__wait_for_receives(size_t connections)
{
    rig_wait_for_operations(PLACE_COUNT + connections);
}

/* ---- Closed ---- */

/* With more than the system takes at once. */
static void ends__by_handler(void)
{
    struct client *client = ends__connect(PLACE_PLAIN, "127.0.0.1", 4096);
    ends__say(client, 'S', 300000);
    ends__say(client, 'G', 0);
    ends__expect(client, 300000);
    ends__see_end(client);
}

static void ends__by_peer(void)
{
    struct client *client = ends__enter(PLACE_PLAIN, "127.0.0.1");
    assert_int_equal(client_finish(client), CLIENT_OK);
    ends__see_end(client);
}

static void ends__peer_reset(void)
{
    struct client *client = ends__enter(PLACE_PLAIN, "127.0.0.1");
    ends__wait_for_receives(1); /* Wine 8 tells of a reset only to a receive that waits */
    client_reset(client);
}

static void ends__first_byte_timeout(void)
{
    struct client *client = ends__connect(PLACE_FIRST_BYTE, "127.0.0.1", 0);
    ends__wait_for_receives(1);
    clock_advance(20000 + ENDS_SLACK);
    ends__see_end(client);
}

static void ends__idle(void)
{
    struct client *client = ends__enter(PLACE_PLAIN, "127.0.0.1");
    ends__wait_for_receives(1);
    clock_advance(300000 + ENDS_SLACK);
    ends__see_end(client);
}

static void ends__send_timeout(void)
{
    struct client *client = ends__connect(PLACE_STUCK, "127.0.0.1", 4096);
    const enum counter counter = close_reason_row(CLOSED_SEND_TIMEOUT)->counter;
    const uint64_t received = rig_counter(&ends_rig, COUNTER_BYTES_RECEIVED), deadline = rig_deadline();
    ends__say(client, 'S', ACTOR_PATTERN);
    rig_wait_for_counter(&ends_rig, COUNTER_BYTES_RECEIVED, received + ACTOR_COMMAND);
    while (rig_counter(&ends_rig, counter) < arranged[CLOSED_SEND_TIMEOUT]) {
        clock_advance(30000 + ENDS_SLACK); /* once is not enough: the system may still take some bytes */
        rig_nap(deadline, "the end of a client that does not read");
    }
    ends__see_end(client);
}

static void ends__lifetime(void)
{
    struct client *client = ends__enter(PLACE_LIFETIME, "127.0.0.1");
    ends__wait_for_receives(1);
    clock_advance(60000 + ENDS_SLACK);
    ends__see_end(client);
}

static void ends__slow_reader(void)
{
    struct client *client = ends__connect(PLACE_DEAF, "127.0.0.1", 4096);
    uint8_t commands[3][ACTOR_COMMAND]; /* at once: behind the first, reading pauses */
    for (size_t i = 0; i < 3; i++) {
        actor_command('S', 900000, commands[i]);
    }
    ends__send(client, commands, sizeof commands);
    ends__wait(CLOSED_SLOW_READER);
    ends__see_end(client);
}

static void ends__input_full(void)
{
    struct client *client = ends__connect(PLACE_SMALL, "127.0.0.1", 0);
    uint8_t bytes[2000];
    memset(bytes, 0, sizeof bytes);
    actor_command('U', 5000, bytes);
    ends__send(client, bytes, sizeof bytes);
    ends__see_end(client);
}

static void ends__hold(struct client *client)
{
    assert_in_range(held_count, 0, ENDS_HELD - 1);
    held[held_count++] = client;
}

static void ends__stopping(void)
{
    ends__hold(ends__enter(PLACE_PLAIN, "127.0.0.1"));
}

static void ends__error(void)
{
    struct client *client = ends__enter(PLACE_PLAIN, "127.0.0.1");
    ends__wait_for_receives(1);
    fault_arm(IMPORT_WSARecv, 1, WSAEFAULT, 1);
    ends__send(client, "?----", ACTOR_COMMAND);
    ends__wait(CLOSED_ERROR);
    fault_clear();
    ends__see_end(client);
}

static void ends__by_admin(void)
{
    struct client *client = ends__enter(PLACE_PLAIN, "127.0.0.1");
    assert_true(engine_close_client(ends_rig.engine, (pl_id)actor.last_id));
    ends__see_end(client);
}

/* ---- Refused ---- */

static void ends__refused_acl(void)
{
    ends__see_end(ends__connect(PLACE_DENYING, "127.0.0.9", 0));
}

static void ends__refused_limit(void)
{
    struct client *inside = ends__enter(PLACE_LIMITED, "127.0.0.1");
    ends__see_end(ends__connect(PLACE_LIMITED, "127.0.0.2", 0));
    ends__leave(inside);
}

static void ends__refused_per_source(void)
{
    struct client *inside = ends__enter(PLACE_SINGLE, "127.0.0.1");
    ends__see_end(ends__connect(PLACE_SINGLE, "127.0.0.1", 0));
    ends__leave(inside);
}

static void ends__refused_proxy(void)
{
    struct client *client = ends__connect(PLACE_PROXIED, "127.0.0.1", 0);
    assert_int_equal(client_send(client, "GET / HTTP/1.1\r\n", 16, CLIENT_PATIENCE), CLIENT_OK);
    ends__see_end(client);
}

static void ends__refused_paused(void)
{
    engine_pause(ends_rig.engine);
    ends__see_end(ends__connect(PLACE_PLAIN, "127.0.0.1", 0));
    ends__wait(REFUSED_PAUSED);
    engine_continue(ends_rig.engine);
}

static void ends__refused_stopping(void)
{
    struct client *client = ends__connect(PLACE_PROXIED, "127.0.0.1", 0);
    assert_int_equal(client_send(client, "PROXY TCP4", 10, CLIENT_PATIENCE), CLIENT_OK);
    ends__hold(client);
    ends__wait_for_receives(held_count);
}

static void ends__refused_error(void)
{
    fault_arm(IMPORT_CreateIoCompletionPort, 1, ERROR_NO_SYSTEM_RESOURCES, 1);
    struct client *client = ends__connect(PLACE_PLAIN, "127.0.0.1", 0);
    ends__wait(REFUSED_ERROR);
    fault_clear();
    ends__see_end(client);
}

/* ---- The table ---- */

static const struct {
    void (*arrange)(void);
    const char *excuse;
    bool is_at_stop, is_lossy;
} rows[CLOSE_REASON_COUNT] = {
    [CLOSED_BY_HANDLER] = {.arrange = ends__by_handler},
    [CLOSED_BY_PEER] = {.arrange = ends__by_peer},
    [CLOSED_PEER_RESET] = {.arrange = ends__peer_reset},
    [CLOSED_FIRST_BYTE_TIMEOUT] = {.arrange = ends__first_byte_timeout},
    [CLOSED_IDLE] = {.arrange = ends__idle},
    [CLOSED_SEND_TIMEOUT] = {.arrange = ends__send_timeout, .is_lossy = true},
    [CLOSED_LIFETIME] = {.arrange = ends__lifetime},
    [CLOSED_SLOW_READER] = {.arrange = ends__slow_reader, .is_lossy = true},
    [CLOSED_INPUT_FULL] = {.arrange = ends__input_full, .is_lossy = true},
    [CLOSED_STOPPING] = {.arrange = ends__stopping, .is_at_stop = true},
    [CLOSED_ERROR] = {.arrange = ends__error, .is_lossy = true},
    [CLOSED_DENIED] = {.excuse = "needs a reload"},
    [CLOSED_BY_ADMIN] = {.arrange = ends__by_admin},
    [CLOSED_DISPLACED] = {.excuse = "happens to UDP sessions alone"},
    [CLOSED_CONNECT_FAILED] = {.excuse = "happens to what handlers open alone"},
    [REFUSED_ACL] = {.arrange = ends__refused_acl},
    [REFUSED_LIMIT] = {.arrange = ends__refused_limit},
    [REFUSED_SERVICE_LIMIT] = {.excuse = "needs as many connections as the service may have"},
    [REFUSED_PER_SOURCE] = {.arrange = ends__refused_per_source},
    [REFUSED_PROXY] = {.arrange = ends__refused_proxy},
    [REFUSED_PAUSED] = {.arrange = ends__refused_paused},
    [REFUSED_STOPPING] = {.arrange = ends__refused_stopping, .is_at_stop = true},
    [REFUSED_ERROR] = {.arrange = ends__refused_error},
};

const char *ends_excuse(enum close_reason reason)
{
    if (rows[reason].arrange == NULL && rows[reason].excuse == NULL) {
        fail_msg("nothing in support/ends.c brings about the end \"%s\"", close_reason_row(reason)->word);
    }
    return rows[reason].excuse;
}

bool ends_is_at_stop(enum close_reason reason)
{
    return rows[reason].is_at_stop;
}

bool ends_is_lossy(enum close_reason reason)
{
    return rows[reason].is_lossy;
}

void ends_arrange(enum close_reason reason)
{
    const struct ends_totals before = totals;
    ends__note(reason);
    rows[reason].arrange();
    if (!rows[reason].is_at_stop) {
        ends__wait(reason);
    }
    if (rows[reason].is_lossy) {
        totals = before;
    }
}

uint64_t ends_arranged(enum close_reason reason)
{
    return arranged[reason];
}

struct ends_totals ends_totals(void)
{
    return totals;
}

/* ---- The engine ---- */

/* Where the system itself keeps clients out while paused (SO_PAUSE_ACCEPT), none is ours to refuse. */
static int WSAAPI ends__refuse_pause(SOCKET s, int level, int option, const char *value, int length)
{
    if (level == SOL_SOCKET && option == SO_PAUSE_ACCEPT) {
        WSASetLastError(WSAENOPROTOOPT);
        return SOCKET_ERROR;
    }
    return SEAM_REAL(setsockopt)(s, level, option, value, length);
}

static struct config_endpoint *ends__add(const char *name, const char *handler)
{
    struct config_endpoint *endpoint = rig_endpoint(&ends_rig, name, handler, "tcp://127.0.0.1:0");
    endpoint->accepts_max = 1; /* so that the operations in flight can be told */
    endpoint->send_buffer = 8192;
    return endpoint;
}

void ends_begin(struct access_log *access_log)
{
    static const char everybody[] = "127.0.0.0/30", nobody[] = "127.0.0.9";
    actor_reset();
    memset(arranged, 0, sizeof arranged);
    memset(&totals, 0, sizeof totals);
    held_count = 0;
    assert_int_equal(address_prefix_parse(everybody, sizeof everybody - 1, &proxies), ADDRESS_PREFIX_OK);
    assert_int_equal(address_prefix_parse(nobody, sizeof nobody - 1, &stranger), ADDRESS_PREFIX_OK);
    seam_replace(IMPORT_setsockopt, (seam_function)ends__refuse_pause);
    clock_stop(); /* on a busy machine other deadlines would come first */
    rig_init(&ends_rig, actor_handlers);
    ends_rig.options.access_log = access_log;
    ends__add("plain", "actor");
    ends__add("small", "actor-small");
    ends__add("deaf", "actor-deaf");
    ends__add("stuck", "actor")->idle_timeout = 0; /* its time may be long: see ends__send_timeout */
    ends__add("first-byte", "actor")->first_byte_timeout = 20000;
    ends__add("lifetime", "actor")->lifetime = 60000;
    ends__add("denying", "actor")->deny = (struct config_prefixes){&stranger, 1};
    ends__add("limited", "actor")->max_connections = 1;
    ends__add("single", "actor")->max_connections_per_source = 1;
    struct config_endpoint *proxied = ends__add("proxied", "actor");
    proxied->proxy_protocol = CONFIG_PROXY_BOTH;
    proxied->trusted_proxies = (struct config_prefixes){&proxies, 1};
    rig_start(&ends_rig);
}

void ends_stop(void)
{
    engine_hurry(ends_rig.engine);
    assert_true(rig_drain(&ends_rig, 0));
    for (size_t i = 0; i < held_count; i++) {
        ends__see_end(held[i]);
    }
    held_count = 0;
}
