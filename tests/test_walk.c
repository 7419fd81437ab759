/* SPDX-License-Identifier: MIT
   A random walk over two engines in one process: clients of every kind come and go, engines start, stop and
   pause, sockets die, hours pass, memory runs short; and a model says what must hold all the same.

   What holds: the bytes that come back are those that were sent, in order. A connection ends only for a reason
   that the model knows, and every client gets an answer or an end. Nobody comes in over a limit or against a
   list, and nobody is refused without cause. When the faults are over, every address answers. What is counted
   adds up. At the end nothing is left.

   What depends on the moment (who was faster, which allocation failed) is not predicted but bounded: then the
   model notes a doubt. To add an action, add a row to `actions`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "io/slot_table.h"
#include "stats/close_reason.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/deaths.h"
#include "support/diary.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/seam.h"
#include "support/shortage.h"

enum {
    RELOADS_MOST = 64, /* of one run of an engine */
    STEPS = 3000,
    STEPS_TO_CHECK = 60, /* between two checkpoints */
    STAGES = 2,
    PEERS = 20,
    WORKERS = 2, /* at most; an engine has one more than the one before */
    MOST = 3,    /* max_connections of the plain endpoint */
    MOST_PER_SOURCE = 2,
    LARGEST = 100000,
    DATAGRAM = 65507,
    SLACK = 2000,
    PROXY_TIMEOUT = 3000,
    CLOSE_TIMEOUT = 5000,
    FIRST_BYTE_TIMEOUT = 20000,
    SEND_TIMEOUT = 30000,
    IDLE_TIMEOUT = 60000,
    LIFETIME = 600000
};

/* The sockets of an engine, in their order. */
enum place { PLACE_PLAIN, PLACE_PROXIED, PLACE_RATED, PLACE_UDP, PLACES };

/* An engine, and what the model knows of it. */
/* Its n-th configuration by a reload. */
struct reload {
    struct config config;
    struct config_endpoint endpoints[RIG_ENDPOINTS];
};

struct stage {
    struct rig rig;
    struct reload reloads[RELOADS_MOST]; /* the engine may use each until it is destroyed */
    unsigned reload_count;
    struct address_prefix stranger, proxies, banned;
    bool is_running, is_paused;
    bool has_doubt;    /* since the last checkpoint something happened that the model cannot foretell */
    uint64_t attempts; /* connections that its sockets have taken, as far as clients can tell */
    uint64_t doubtful; /* of these, such as may have been refused for any reason, or for none */
    uint64_t acl, limit, proxy, paused; /* refusals that must have been counted */
    uint64_t sent, received;            /* bytes, as clients have them */
    bool has_vanished; /* since the last checkpoint, a client before it may have been accepted */
    bool has_lost;     /* since the last checkpoint, bytes on their way */
    struct {
        uint64_t sent, received, bytes_received, bytes_sent; /* of the clients; of the counters */
    } base;                                                  /* at the last checkpoint */
    const pl_host *host;                                     /* from here on written on the workers */
    volatile LONG64 ids[WORKERS];                            /* of the last connection on each */
    volatile LONG opens, closes, mistakes;
};

/* A client with a connection that was served, or that has said nothing yet. */
struct peer {
    struct client *client; /* NULL: none */
    struct stage *stage;
    uint64_t sent, received;
    uint64_t opened_at; /* of the virtual clock, or a little earlier */
    uint64_t active_at; /* the server has seen it active then, or later */
    enum place place;
    unsigned source;  /* the last byte of its address */
    uint8_t salt;     /* of its pattern */
    bool is_finished; /* its FIN is sent */
    bool is_doubtful; /* may have ended, or end, for any reason */
};

static struct stage stages[STAGES];
static struct peer peers[PEERS];
static struct stage *starting; /* whose engine is being started */
static bool is_short;          /* of memory */
static struct random *chance;  /* of this step */
static struct {
    uint64_t runs, attempts, accepted, bytes, datagrams;
} totals; /* of all engines that were stopped */
static uint8_t bytes_out[LARGEST], bytes_in[LARGEST];

static uint32_t below(uint32_t end)
{
    return random_below(chance, end);
}

/* ---- The handler: echoes, and sees that callbacks come in order ---- */

static int32_t walker__start(pl_start *start)
{
    starting->host = start->host;
    start->state = starting;
    return PL_OK;
}

static void walker__require(struct stage *stage, bool is_right)
{
    if (!is_right) {
        InterlockedIncrement(&stage->mistakes);
    }
}

static int32_t walker__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    struct stage *stage = state;
    walker__require(stage, *user == NULL && info->id == id && slot_worker(id) < WORKERS);
    *user = stage;
    InterlockedExchange64(&stage->ids[slot_worker(id) % WORKERS], (LONG64)id);
    InterlockedIncrement(&stage->opens);
    return PL_OK;
}

static size_t walker__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    struct stage *stage = state;
    walker__require(stage, *user == stage && length > 0);
    return stage->host->send(stage->host, id, at, length) >= 0 ? length : 0;
}

static void walker__on_writable(void *state, pl_id id, void **user)
{
    (void)id;
    walker__require(state, *user == state);
}

static void walker__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    struct stage *stage = state;
    (void)id, (void)reason, (void)win32_error;
    walker__require(stage, *user == stage);
    *user = NULL;
    InterlockedIncrement(&stage->closes);
}

static void walker__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                const pl_info *info)
{
    struct stage *stage = state;
    (void)user;
    walker__require(stage, info->id == id);
    stage->host->send(stage->host, id, at, length);
}

static const struct pl_handler walker = {.size = sizeof(struct pl_handler),
                                         .abi_major = PL_ABI_MAJOR,
                                         .abi_minor = PL_ABI_MINOR,
                                         .flags = PL_TCP | PL_UDP,
                                         .name = "walker",
                                         .start = walker__start,
                                         .on_open = walker__on_open,
                                         .on_data = walker__on_data,
                                         .on_writable = walker__on_writable,
                                         .on_close = walker__on_close,
                                         .on_datagram = walker__on_datagram};
static const struct pl_handler *const handlers[] = {&walker, NULL};

/* ---- Stages ---- */

static struct stage *some_stage(void)
{
    return &stages[below(STAGES)];
}

static unsigned number_of(const struct stage *stage)
{
    return (unsigned)(stage - stages);
}

static void doubt(struct stage *stage)
{
    stage->has_doubt = true;
    for (size_t i = 0; i < PEERS; i++) {
        peers[i].is_doubtful = peers[i].is_doubtful || peers[i].stage == stage;
    }
}

/* The model can tell what must happen. */
static bool is_foreseeable(const struct stage *stage)
{
    return !is_short && !stage->has_doubt;
}

static void parse(struct address_prefix *prefix, const char *text)
{
    assert_int_equal(address_prefix_parse(text, strlen(text), prefix), ADDRESS_PREFIX_OK);
}

static struct config_endpoint *add(struct stage *stage, const char *name, const char *listen)
{
    struct config_endpoint *endpoint = rig_endpoint(&stage->rig, name, "walker", listen);
    endpoint->proxy_timeout = PROXY_TIMEOUT;
    endpoint->close_timeout = CLOSE_TIMEOUT;
    endpoint->first_byte_timeout = FIRST_BYTE_TIMEOUT;
    endpoint->send_timeout = SEND_TIMEOUT;
    endpoint->idle_timeout = IDLE_TIMEOUT;
    endpoint->lifetime = LIFETIME;
    endpoint->send_buffer = 8192; /* so that something is queued where somebody does not read */
    return endpoint;
}

static void prepare(struct stage *stage)
{
    memset((void *)(uintptr_t)stage, 0, sizeof *stage);
    rig_init(&stage->rig, handlers);
    stage->rig.config.service.workers = number_of(stage) + 1;
    stage->rig.config.service.bind_retry = 50;
    stage->rig.config.service.drain_timeout = 200;
    parse(&stage->stranger, "127.0.0.9");
    parse(&stage->proxies, "127.0.0.0/29");
    parse(&stage->banned, "192.0.2.66");
    struct config_endpoint *plain = add(stage, "plain", "tcp://127.0.0.1:0");
    plain->deny = (struct config_prefixes){&stage->stranger, 1};
    plain->max_connections = MOST;
    plain->max_connections_per_source = MOST_PER_SOURCE;
    struct config_endpoint *proxied = add(stage, "proxied", "tcp://127.0.0.1:0");
    proxied->proxy_protocol = CONFIG_PROXY_BOTH;
    proxied->trusted_proxies = (struct config_prefixes){&stage->proxies, 1};
    proxied->deny = (struct config_prefixes){&stage->banned, 1};
    struct config_endpoint *rated = add(stage, "rated", "tcp://127.0.0.1:0");
    rated->deny = (struct config_prefixes){&stage->stranger, 1};
    rated->accept_rate = 5;
    add(stage, "udp", "udp://127.0.0.1:0");
}

static uint64_t counter(struct stage *stage, enum counter which)
{
    return rig_counter(&stage->rig, which);
}

static void wait_for(struct stage *stage, enum counter which, uint64_t value)
{
    rig_wait_for_counter(&stage->rig, which, value);
}

/* Until every worker has begun and ended a turn: its inbox is read once in each. The id, of a generation that
   will not come, finds nothing. */
static void sync_with_worker(struct stage *stage, unsigned worker)
{
    const pl_id id = (pl_id)stage->ids[worker] ^ 0x80000000u;
    for (int i = 0; i < 3 && stage->ids[worker] != 0; i++) {
        const uint64_t stale = counter(stage, COUNTER_STALE_MESSAGES);
        while (stage->host->send(stage->host, id, "", 0) == PL_NO_MEMORY) {}
        wait_for(stage, COUNTER_STALE_MESSAGES, stale + 1);
    }
}

static void sync_with_workers(void)
{
    for (unsigned i = 0; i < STAGES; i++) {
        for (unsigned worker = 0; stages[i].is_running && worker < WORKERS; worker++) {
            sync_with_worker(&stages[i], worker);
        }
    }
}

/* ---- Peers ---- */

static struct peer *free_peer(void)
{
    for (size_t i = 0; i < PEERS; i++) {
        if (peers[i].client == NULL) {
            return &peers[i];
        }
    }
    return NULL;
}

/* Any that there is, from a random place on. */
static struct peer *some_peer(void)
{
    const uint32_t first = below(PEERS);
    for (uint32_t i = 0; i < PEERS; i++) {
        struct peer *peer = &peers[(first + i) % PEERS];
        if (peer->client != NULL) {
            return peer;
        }
    }
    return NULL;
}

static unsigned peer_number(const struct peer *peer)
{
    return (unsigned)(peer - peers);
}

static uint8_t peer_byte(const struct peer *peer, uint64_t offset)
{
    return (uint8_t)(peer->salt + offset * 7 + offset / 251);
}

/* Deadlines that may be over by now; never one that cannot. */
static bool peer_is_due(const struct peer *peer)
{
    const uint64_t now = clock_now() + SLACK, quiet = now - peer->active_at, age = now - peer->opened_at;
    return quiet >= IDLE_TIMEOUT || age >= LIFETIME || (peer->received == 0 && age >= FIRST_BYTE_TIMEOUT) ||
           (peer->sent > peer->received && quiet >= SEND_TIMEOUT) ||
           (peer->is_finished && quiet >= CLOSE_TIMEOUT);
}

static void peer_forget(struct peer *peer)
{
    *peer = (struct peer){.client = NULL};
}

/* The connection has ended: had it a reason to? */
static void peer_see_end(struct peer *peer, enum client_result result)
{
    if (result != CLIENT_EOF && result != CLIENT_RESET) {
        fail_msg("client %u (engine %u, endpoint %d): neither bytes nor an end: %d", peer_number(peer),
                 number_of(peer->stage), (int)peer->place, (int)result);
    }
    const bool is_complete = peer->is_finished && peer->sent == peer->received && result == CLIENT_EOF;
    if (!is_complete && !peer->is_doubtful && !peer_is_due(peer)) {
        fail_msg("client %u (engine %u, endpoint %d): ended without a reason (%d) behind %llu of %llu bytes",
                 peer_number(peer), number_of(peer->stage), (int)peer->place, (int)result,
                 (unsigned long long)peer->received, (unsigned long long)peer->sent);
    }
    peer->stage->has_lost = peer->stage->has_lost || peer->sent != peer->received;
    client_close(peer->client);
    peer_forget(peer);
}

/* Bytes that have come must be those that were sent. False: it has ended. */
static bool peer_take(struct peer *peer, size_t most, uint32_t timeout)
{
    size_t length = 0;
    const enum client_result result = client_receive_some(peer->client, bytes_in, most, &length, timeout);
    for (size_t i = 0; i < length; i++) {
        if (bytes_in[i] != peer_byte(peer, peer->received + i) || peer->received + i >= peer->sent) {
            fail_msg("client %u: byte %llu is wrong", peer_number(peer),
                     (unsigned long long)(peer->received + i));
        }
    }
    peer->received += length;
    peer->stage->received += length;
    if (result == CLIENT_OK || (result == CLIENT_TIMEOUT && timeout == 0)) {
        return true;
    }
    peer_see_end(peer, result);
    return false;
}

/* Some of the next bytes, without waiting. False: it has ended. */
static bool peer_put(struct peer *peer, size_t length, size_t *put_out)
{
    for (size_t i = 0; i < length; i++) {
        bytes_out[i] = peer_byte(peer, peer->sent + i);
    }
    const enum client_result result = client_send_some(peer->client, bytes_out, length, put_out);
    peer->sent += *put_out;
    peer->stage->sent += *put_out;
    if (result != CLIENT_OK) {
        peer_see_end(peer, result);
    }
    return result == CLIENT_OK;
}

/* Until all that was sent has come back. False: it has ended. */
static bool peer_catch_up(struct peer *peer)
{
    const uint64_t since = clock_now();
    while (peer->received < peer->sent) {
        if (!peer_take(peer, LARGEST, CLIENT_PATIENCE)) {
            return false;
        }
    }
    peer->active_at =
        peer->sent > 0 && since > peer->active_at && !peer->is_finished ? since : peer->active_at;
    return true;
}

/* Sends and gets it all back. False: it has ended. */
static bool peer_echo(struct peer *peer, size_t length)
{
    const bool was_level = peer->received == peer->sent;
    const uint64_t since = peer->active_at;
    while (length > 0) {
        size_t put = 0;
        if (!peer_put(peer, length, &put)) {
            return false;
        }
        length -= put;
        if (put == 0 && !peer_take(peer, LARGEST, CLIENT_PATIENCE)) {
            return false;
        }
    }
    const bool is_there = peer_catch_up(peer);
    if (is_there && !was_level) {
        peer->active_at = since; /* what came may have been sent long ago */
    }
    return is_there;
}

/* Its FIN, and all that is still to come. */
static void peer_leave(struct peer *peer)
{
    if (!peer->is_finished && client_finish(peer->client) != CLIENT_OK) {
        peer->is_doubtful = peer->is_doubtful || peer_is_due(peer);
    }
    peer->is_finished = true;
    while (peer->client != NULL) {
        peer_take(peer, LARGEST, CLIENT_PATIENCE);
    }
}

/* Those that must have a place there, and those that may have one. */
static unsigned count_inside(const struct stage *stage, unsigned source, bool is_certain)
{
    unsigned count = 0;
    for (size_t i = 0; i < PEERS; i++) {
        const struct peer *peer = &peers[i];
        const bool is_there = peer->client != NULL && peer->stage == stage && peer->place == PLACE_PLAIN &&
                              (source == 0 || peer->source == source);
        const bool may_be_gone = peer->is_doubtful || peer->is_finished || peer_is_due(peer);
        count += is_there && (!is_certain || !may_be_gone);
    }
    return count;
}

/* ---- Connecting ---- */

/* A client of 127.0.0.`source`. NULL: the socket is not there, and may be so. */
static struct client *try_connect(struct stage *stage, enum place place, unsigned source)
{
    char ip[16];
    struct client *client = NULL;
    const int receive_buffer = below(2) == 0 ? 4096 : 0;
    snprintf(ip, sizeof ip, "127.0.0.%u", source);
    const struct pl_address to = rig_address(&stage->rig, place), from = client_address(ip, 0);
    const enum client_result result = client_connect(&to, &from, receive_buffer, CLIENT_PATIENCE, &client);
    if (result != CLIENT_OK && is_foreseeable(stage) && !stage->is_paused) {
        fail_msg("engine %u, endpoint %d: nobody listens", number_of(stage), (int)place);
    }
    stage->attempts += result == CLIENT_OK;
    stage->doubtful += result == CLIENT_OK && !is_foreseeable(stage);
    return client;
}

/* It must be refused, and be counted as that. */
static void expect_refused(struct stage *stage, struct client *client, uint64_t *expected)
{
    uint64_t dropped = 0;
    const enum client_result result = client_drain(client, &dropped, CLIENT_PATIENCE);
    if (dropped > 0 || (result != CLIENT_EOF && result != CLIENT_RESET)) {
        fail_msg("engine %u: a client was not refused: %d", number_of(stage), (int)result);
    }
    *expected += is_foreseeable(stage);
    client_close(client);
}

static void make_peer(struct peer *peer, struct stage *stage, enum place place, unsigned source,
                      struct client *client, uint64_t since)
{
    *peer = (struct peer){.client = client,
                          .stage = stage,
                          .place = place,
                          .source = source,
                          .salt = (uint8_t)below(256),
                          .opened_at = since,
                          .active_at = since,
                          .is_doubtful = !is_foreseeable(stage)};
}

/* A refusal for a limit needs one that is reached; who comes in must not be one too many. */
static void judge_limits(struct stage *stage, unsigned source, bool is_in, const unsigned certain[2],
                         const unsigned possible[2])
{
    if (is_in && (certain[0] >= MOST || certain[1] >= MOST_PER_SOURCE)) {
        fail_msg("engine %u: a client of source %u is one too many", number_of(stage), source);
    }
    if (!is_in && is_foreseeable(stage) && possible[0] < MOST && possible[1] < MOST_PER_SOURCE) {
        fail_msg("engine %u: a client of source %u was refused without a limit", number_of(stage), source);
    }
}

/* The first bytes; whether they were echoed. The end of a client that is refused is no surprise. */
static bool is_served(struct peer *peer)
{
    const bool was_doubtful = peer->is_doubtful;
    peer->is_doubtful = true;
    const bool is_in = peer_echo(peer, 1 + below(64));
    peer->is_doubtful = was_doubtful && is_in;
    return is_in;
}

/* Connections that have left, but may have a place still. */
static bool has_departing(struct stage *stage)
{
    uint64_t live = 0;
    for (size_t i = 0; i < PEERS; i++) {
        live += peers[i].client != NULL && peers[i].stage == stage;
    }
    return counter(stage, COUNTER_ACCEPTED) - rig_closed(&stage->rig) > live;
}

static void enter_plain(struct stage *stage, struct peer *peer)
{
    const unsigned source = 1 + below(2);
    const bool may_be_fuller = has_departing(stage);
    unsigned possible[2] = {count_inside(stage, 0, false), count_inside(stage, source, false)};
    const uint64_t since = clock_now();
    struct client *client = try_connect(stage, PLACE_PLAIN, source);
    unsigned certain[2] = {count_inside(stage, 0, true), count_inside(stage, source, true)};
    if (client == NULL) {
        return;
    }
    make_peer(peer, stage, PLACE_PLAIN, source, client, since);
    const bool is_in = is_served(peer);
    if (may_be_fuller) {
        stage->doubtful += !is_in;
    } else {
        judge_limits(stage, source, is_in, certain, possible);
        stage->limit += !is_in && is_foreseeable(stage);
    }
}

static const char good_1[] = "PROXY TCP4 192.0.2.7 198.51.100.9 5000 443\r\n";
static const char good_2[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x07\xC6\x33\x64\x09\x13\x88\x01\xBB";
static const char local_2[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
static const char banned_1[] = "PROXY TCP4 192.0.2.66 198.51.100.9 5000 443\r\n";

static void put_header(struct client *client, const char *header, size_t length)
{
    const enum client_result result = client_send(client, header, length, CLIENT_PATIENCE);
    assert_true(result == CLIENT_OK || result == CLIENT_RESET);
}

static void enter_proxied(struct stage *stage, struct peer *peer)
{
    const uint64_t since = clock_now();
    const uint32_t which = below(3);
    struct client *client = try_connect(stage, PLACE_PROXIED, 1);
    if (client == NULL) {
        return;
    }
    put_header(client,
               which == 0   ? good_1
               : which == 1 ? good_2
                            : local_2,
               which == 0   ? sizeof good_1 - 1
               : which == 1 ? sizeof good_2 - 1
                            : sizeof local_2 - 1);
    make_peer(peer, stage, PLACE_PROXIED, 1, client, since);
    if (!is_served(peer) && is_foreseeable(stage)) {
        fail_msg("engine %u: a client with a good PROXY header was not served", number_of(stage));
    }
}

static void enter_rated(struct stage *stage, struct peer *peer)
{
    const uint64_t since = clock_now();
    struct client *client = try_connect(stage, PLACE_RATED, 1);
    if (client == NULL) {
        return;
    }
    make_peer(peer, stage, PLACE_RATED, 1, client, since);
    if (!is_served(peer) && is_foreseeable(stage)) {
        fail_msg("engine %u: a client was refused for nothing", number_of(stage));
    }
}

/* ---- Actions ---- */

/* A running engine; NULL when the one that chance has chosen is not. */
static struct stage *some_running(void)
{
    struct stage *stage = some_stage();
    return stage->is_running ? stage : NULL;
}

static void do_start(void)
{
    struct stage *stage = some_stage();
    if (stage->is_running) {
        return;
    }
    prepare(stage);
    starting = stage;
    diary_note("start engine %u", number_of(stage));
    const uint32_t hits = shortage_hits();
    stage->is_running = rig_try(&stage->rig);
    if (!stage->is_running) {
        if (shortage_hits() == hits || stage->rig.failure.code == EXIT_CODE_DONE ||
            stage->rig.failure.text[0] == '\0') {
            fail_msg("engine %u did not start: %s", number_of(stage), stage->rig.failure.text);
        }
    }
    stage->has_doubt = shortage_hits() != hits;
}

static void check_counters(struct stage *stage);

static void add_to_totals(struct stage *stage)
{
    totals.runs++;
    totals.attempts += stage->attempts;
    totals.accepted += counter(stage, COUNTER_ACCEPTED);
    totals.bytes += stage->received;
    totals.datagrams += counter(stage, COUNTER_DATAGRAMS_RECEIVED);
}

static void print_totals(void)
{
    printf("walk: %llu runs of an engine, %llu clients, %llu let in, %llu bytes echoed, %llu datagrams, "
           "%u allocations failed\n",
           (unsigned long long)totals.runs, (unsigned long long)totals.attempts,
           (unsigned long long)totals.accepted, (unsigned long long)totals.bytes,
           (unsigned long long)totals.datagrams, (unsigned)shortage_hits());
}

static void stop(struct stage *stage, uint32_t drain)
{
    doubt(stage);
    if (drain == 0) {
        engine_hurry(stage->rig.engine);
    }
    if (!rig_drain(&stage->rig, drain)) {
        fail_msg("engine %u did not stop: %s", number_of(stage), stage->rig.failure.text);
    }
    stage->is_running = false;
    for (size_t i = 0; i < PEERS; i++) {
        while (peers[i].client != NULL && peers[i].stage == stage) {
            peer_take(&peers[i], LARGEST, CLIENT_PATIENCE);
        }
    }
    stage->doubtful = stage->attempts; /* some were refused for the stop, some perhaps not seen at all */
    check_counters(stage);
    add_to_totals(stage);
    rig_stop(&stage->rig);
    assert_int_equal(stage->opens, stage->closes);
    assert_int_equal(stage->mistakes, 0);
}

static void do_stop(void)
{
    struct stage *stage = some_running();
    const uint32_t drain = below(2) * 1000;
    if (stage != NULL) {
        diary_note("stop engine %u, drain %u", number_of(stage), drain);
        stop(stage, drain);
    }
}

static void do_pause(void)
{
    struct stage *stage = some_running();
    if (stage != NULL && !stage->is_paused) {
        diary_note("pause engine %u", number_of(stage));
        engine_pause(stage->rig.engine);
        stage->is_paused = true;
    }
}

static void do_continue(void)
{
    struct stage *stage = some_running();
    if (stage != NULL && stage->is_paused) {
        diary_note("continue engine %u", number_of(stage));
        engine_continue(stage->rig.engine);
        stage->is_paused = false;
    }
}

/* What changes is of no concern to the model: so nobody may notice. */
static void do_reload(void)
{
    struct stage *stage = some_running();
    if (stage == NULL || stage->reload_count == RELOADS_MOST) {
        return;
    }
    struct rig *rig = &stage->rig;
    struct reload *reload = &stage->reloads[stage->reload_count++];
    struct reload_report report = {.told = NULL};
    const bool has_one_changed = below(2) == 0; /* else all */
    const size_t one = below((uint32_t)rig->config.endpoint_count);
    const uint32_t hits = shortage_hits();
    reload->config = rig->config;
    reload->config.endpoints = reload->endpoints;
    for (size_t i = 0; i < rig->config.endpoint_count; i++) {
        rig->endpoints[i].keepalive_time += !has_one_changed || i == one ? 1000 : 0;
        reload->endpoints[i] = rig->endpoints[i];
    }
    diary_note("reload engine %u, %s", number_of(stage), has_one_changed ? "one endpoint" : "all endpoints");
    starting = stage;
    if (!engine_reload(rig->engine, &reload->config, &report) && shortage_hits() == hits) {
        fail_msg("engine %u did not reload: %s", number_of(stage), report.failure.text);
    }
}

static void do_connect(void)
{
    static void (*const ways[])(struct stage * stage, struct peer * peer) = {
        [PLACE_PLAIN] = enter_plain, [PLACE_PROXIED] = enter_proxied, [PLACE_RATED] = enter_rated};
    struct stage *stage = some_running();
    struct peer *peer = free_peer();
    const enum place place = (enum place)(below(6) % 4 % 3); /* most often the plain one */
    if (stage == NULL || peer == NULL) {
        return;
    }
    diary_note("connect client %u to engine %u, endpoint %d", peer_number(peer), number_of(stage),
               (int)place);
    if (!stage->is_paused) {
        ways[place](stage, peer);
        return;
    }
    struct client *client = try_connect(stage, place, 1);
    if (client != NULL) {
        expect_refused(stage, client, &stage->paused);
    }
}

static void do_connect_stranger(void)
{
    struct stage *stage = some_running();
    const enum place place = (enum place)below(3);
    if (stage != NULL) {
        diary_note("connect a stranger to engine %u, endpoint %d", number_of(stage), (int)place);
        struct client *client = try_connect(stage, place, 9);
        if (client != NULL) {
            expect_refused(stage, client,
                           stage->is_paused         ? &stage->paused
                           : place == PLACE_PROXIED ? &stage->proxy /* it is not one of the proxies */
                                                    : &stage->acl);
        }
    }
}

static void do_connect_silent(void)
{
    struct stage *stage = some_running();
    struct peer *peer = free_peer();
    if (stage == NULL || peer == NULL || stage->is_paused) {
        return;
    }
    diary_note("connect client %u to engine %u and say nothing", peer_number(peer), number_of(stage));
    const uint64_t since = clock_now(), accepted = counter(stage, COUNTER_ACCEPTED);
    struct client *client = try_connect(stage, PLACE_RATED, 1);
    if (client != NULL) {
        make_peer(peer, stage, PLACE_RATED, 1, client, since);
        peer->is_doubtful = peer->is_doubtful || stage->has_vanished; /* who was it that was accepted? */
        if (!peer->is_doubtful) {
            wait_for(stage, COUNTER_ACCEPTED, accepted + 1);
        }
    }
}

/* Gone before anybody may have seen it. */
static void do_connect_and_vanish(void)
{
    struct stage *stage = some_running();
    const enum place place = (enum place)below(3);
    if (stage != NULL) {
        diary_note("connect to engine %u, endpoint %d, and reset at once", number_of(stage), (int)place);
        struct client *client = try_connect(stage, place, 4);
        if (client != NULL) {
            stage->doubtful += is_foreseeable(stage);
            stage->has_vanished = true;
            client_reset(client);
        }
    }
}

static void do_bad_header(void)
{
    static const char *const bad[] = {"GET / HTTP/1.1\r\n", "PROXY TCP9 1 2 3 4\r\n", "\r\n\r\nx", "PROXX"};
    struct stage *stage = some_running();
    const uint32_t which = below(6);
    if (stage == NULL) {
        return;
    }
    diary_note("bad PROXY header %u to engine %u", which, number_of(stage));
    struct client *client = try_connect(stage, PLACE_PROXIED, 1);
    if (client == NULL) {
        return;
    }
    const char *header = which < 4 ? bad[which] : which == 4 ? banned_1 : "PROXY TC";
    put_header(client, header, strlen(header));
    if (which == 5) { /* it leaves in the middle; has it come that far? */
        client_finish(client);
    }
    expect_refused(stage, client,
                   stage->is_paused ? &stage->paused
                   : which == 4     ? &stage->acl
                                    : &stage->proxy);
}

static void do_echo(void)
{
    struct peer *peer = some_peer();
    const uint32_t length = below(4) == 0 ? 1 + below(LARGEST) : 1 + below(3000);
    if (peer != NULL && !peer->is_finished) {
        diary_note("client %u sends %u bytes and gets them back", peer_number(peer), length);
        peer_echo(peer, length);
    }
}

static void do_send_without_reading(void)
{
    struct peer *peer = some_peer();
    const uint32_t length = 1 + below(below(2) == 0 ? 400 : LARGEST);
    size_t put = 0;
    if (peer != NULL && !peer->is_finished) {
        peer_put(peer, length, &put);
        diary_note("client %u sends %zu bytes, and does not read", peer != NULL ? peer_number(peer) : 0, put);
    }
}

static void do_receive_some(void)
{
    struct peer *peer = some_peer();
    const uint32_t most = 1 + below(LARGEST);
    if (peer != NULL) {
        diary_note("client %u reads up to %u bytes", peer_number(peer), most);
        peer_take(peer, most, 0);
    }
}

static void do_half_close(void)
{
    struct peer *peer = some_peer();
    if (peer != NULL && !peer->is_finished) {
        diary_note("client %u half closes", peer_number(peer));
        peer->is_finished = true;
        peer->is_doubtful = client_finish(peer->client) != CLIENT_OK || peer->is_doubtful;
    }
}

static void do_leave(void)
{
    struct peer *peer = some_peer();
    if (peer != NULL) {
        diary_note("client %u leaves in order", peer_number(peer));
        peer_leave(peer);
    }
}

static void do_close_or_reset(void)
{
    struct peer *peer = some_peer();
    const bool is_reset = below(2) != 0;
    if (peer != NULL) {
        diary_note("client %u %s", peer_number(peer), is_reset ? "resets" : "closes, whatever is to come");
        peer->stage->has_lost = true;
        (is_reset ? client_reset : client_close)(peer->client);
        peer_forget(peer);
    }
}

static void wait_until_it_listens(struct stage *stage)
{
    for (int place = 0; stage->is_running && place < PLACES; place++) {
        rig_wait_for_state(&stage->rig, (size_t)place, LISTENER_LISTENING);
    }
}

/* A question and its answer, or none where the engine is paused. */
static void exchange(struct stage *stage, size_t length)
{
    size_t got = 0;
    const struct pl_address to = rig_address(&stage->rig, PLACE_UDP), from = client_address("127.0.0.1", 0);
    struct client *client = client_open_datagram(&from);
    const uint64_t refused = counter(stage, COUNTER_DATAGRAMS_REFUSED_PAUSED);
    for (size_t i = 0; i < length; i++) {
        bytes_out[i] = (uint8_t)(i * 3 + length);
    }
    assert_non_null(client);
    assert_int_equal(client_send_datagram(client, &to, bytes_out, length), CLIENT_OK);
    const bool must_answer = is_foreseeable(stage) && !stage->is_paused;
    if (is_foreseeable(stage) && stage->is_paused) {
        wait_for(stage, COUNTER_DATAGRAMS_REFUSED_PAUSED, refused + 1);
    }
    const enum client_result result = client_receive_datagram(client, bytes_in, sizeof bytes_in, &got, NULL,
                                                              must_answer ? CLIENT_PATIENCE : 5);
    if (result == CLIENT_OK ? got != length || memcmp(bytes_in, bytes_out, length) != 0 || stage->is_paused
                            : must_answer) {
        fail_msg("engine %u: a datagram of %zu bytes: result %d, %zu bytes", number_of(stage), length,
                 (int)result, got);
    }
    client_close(client);
}

static void do_datagram(void)
{
    struct stage *stage = some_running();
    static const uint32_t sizes[] = {0, 1, 1472, DATAGRAM};
    const uint32_t which = below(8), any = below(DATAGRAM);
    if (stage != NULL) {
        const uint32_t length = which < 4 ? sizes[which] : any;
        diary_note("a datagram of %u bytes to engine %u", length, number_of(stage));
        exchange(stage, length);
    }
}

static void do_datagrams(void)
{
    struct stage *stage = some_running();
    const uint32_t count = 1 + below(80), length = below(1000);
    if (stage == NULL) {
        return;
    }
    diary_note("%u datagrams of %u bytes to engine %u", count, length, number_of(stage));
    const struct pl_address to = rig_address(&stage->rig, PLACE_UDP), from = client_address("127.0.0.1", 0);
    struct client *client = client_open_datagram(&from);
    assert_non_null(client);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(client_send_datagram(client, &to, bytes_out, length), CLIENT_OK);
    }
    client_close(client);
}

/* Who has been quiet for longer than the deadline, as both sides know, must have ended. */
static void do_move_clock(void)
{
    static const uint32_t moves[] = {50, 1000, 4000, 15000, 25000, 70000, 700000};
    const uint32_t which = below(sizeof moves / sizeof moves[0]);
    const uint32_t by = moves[which] + below(moves[which]);
    diary_note("the clock moves on by %u ms", by);
    sync_with_workers(); /* what has been done is activity of the time before */
    clock_advance(by);
    sync_with_workers();
    for (size_t i = 0; i < PEERS; i++) {
        struct peer *peer = &peers[i];
        const bool is_level = peer->client != NULL && peer->sent == peer->received && !peer->is_doubtful;
        if (is_level && by > IDLE_TIMEOUT + SLACK && !is_short) {
            while (peer->client != NULL) {
                peer_take(peer, LARGEST, CLIENT_PATIENCE);
            }
        }
    }
}

static bool is_all_foreseeable(void)
{
    bool result = true;
    for (int i = 0; i < STAGES; i++) {
        result = result && is_foreseeable(&stages[i]);
    }
    return result;
}

/* It dies under the next receive, or the next accept that is posted, wherever that is; and comes back. */
static void do_kill_socket(void)
{
    static const enum place places[] = {PLACE_PLAIN, PLACE_PROXIED, PLACE_UDP};
    struct stage *stage = some_running();
    const enum place place = places[below(3)];
    if (stage == NULL || !is_all_foreseeable()) {
        return;
    }
    diary_note("socket %d of engine %u dies", (int)place, number_of(stage));
    fault_clear();
    deaths_arm(1);
    fault_arm(place == PLACE_UDP ? IMPORT_WSARecvMsg : IMPORT_AcceptEx, 1, WSAENOTSOCK, 1);
    stage->has_doubt = true;
    if (place == PLACE_UDP) {
        exchange(stage, 10);
    } else {
        struct client *client = try_connect(stage, place, 5);
        if (client != NULL) {
            client_reset(client);
        }
    }
    stage->has_doubt = false;
    for (const uint64_t deadline = rig_deadline(); fault_hits() == 0 || fault_calls(IMPORT_bind) == 0;) {
        rig_nap(deadline, "the death of a socket, and another one in its place");
    }
    fault_clear();
    for (int i = 0; i < STAGES; i++) {
        wait_until_it_listens(&stages[i]);
    }
}

static void end_shortage(void)
{
    if (is_short) {
        shortage_end();
        is_short = false;
    }
}

static void do_shortage(void)
{
    static const uint32_t odds[] = {100, 100, 30, 10};
    const uint64_t seed = random_next(chance);
    const uint32_t one_in = odds[below(sizeof odds / sizeof odds[0])];
    if (!is_short) {
        diary_note("memory runs short: one allocation in %u fails", one_in);
        is_short = true;
        for (int i = 0; i < STAGES; i++) {
            doubt(&stages[i]);
        }
        shortage_begin(seed, one_in);
    }
}

static void do_end_shortage(void)
{
    diary_note("memory is there again");
    end_shortage();
}

static const struct {
    unsigned weight;
    void (*act)(void);
} actions[] = {
    {4, do_start},
    {1, do_stop},
    {1, do_pause},
    {3, do_continue},
    {3, do_reload},
    {16, do_connect},
    {3, do_connect_stranger},
    {2, do_connect_silent},
    {2, do_connect_and_vanish},
    {3, do_bad_header},
    {16, do_echo},
    {10, do_send_without_reading},
    {8, do_receive_some},
    {3, do_half_close},
    {3, do_leave},
    {3, do_close_or_reset},
    {4, do_datagram},
    {1, do_datagrams},
    {3, do_move_clock},
    {1, do_kill_socket},
    {2, do_shortage},
    {2, do_end_shortage},
};

static void take_step(void)
{
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        sum += actions[i].weight;
    }
    uint32_t left = below(sum);
    size_t i = 0;
    while (left >= actions[i].weight) {
        left -= actions[i++].weight;
    }
    actions[i].act();
}

/* ---- What must hold ---- */

static void check_range(struct stage *stage, const char *what, uint64_t counted, uint64_t least,
                        uint64_t doubtful)
{
    if (counted < least || counted > least + doubtful) {
        fail_msg("engine %u: %s: counted %llu, expected %llu, in doubt %llu", number_of(stage), what,
                 (unsigned long long)counted, (unsigned long long)least, (unsigned long long)doubtful);
    }
}

static uint64_t sum_refused(struct stage *stage)
{
    uint64_t sum = 0;
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        sum += close_reason_row(i)->is_refusal ? counter(stage, close_reason_row(i)->counter) : 0;
    }
    return sum;
}

/* At any time. */
static void check_always(struct stage *stage)
{
    const uint64_t closed = rig_closed(&stage->rig), accepted = counter(stage, COUNTER_ACCEPTED);
    assert_true(closed <= accepted);
    assert_true(accepted + sum_refused(stage) <= stage->attempts);
    assert_true(count_inside(stage, 0, true) <= MOST);
    assert_int_equal(stage->mistakes, 0);
    assert_int_equal(ledger_count(LEDGER_MISTAKE), 0);
}

/* When nobody is inside. */
static void check_counters(struct stage *stage)
{
    const uint64_t doubtful = stage->doubtful;
    const uint64_t known = stage->attempts > doubtful ? stage->attempts - doubtful : 0;
    check_range(stage, "accepted", counter(stage, COUNTER_ACCEPTED), rig_closed(&stage->rig), 0);
    check_range(stage, "accepted and refused", counter(stage, COUNTER_ACCEPTED) + sum_refused(stage), known,
                doubtful);
    check_range(stage, "denied", counter(stage, COUNTER_REFUSED_ACL), stage->acl, doubtful);
    check_range(stage, "no proxy, or no header", counter(stage, COUNTER_REFUSED_PROXY), stage->proxy,
                doubtful);
    check_range(stage, "paused", counter(stage, COUNTER_REFUSED_PAUSED), stage->paused, doubtful);
    check_range(stage, "over a limit",
                counter(stage, COUNTER_REFUSED_LIMIT) + counter(stage, COUNTER_REFUSED_SERVICE_LIMIT) +
                    counter(stage, COUNTER_REFUSED_PER_SOURCE),
                stage->limit, doubtful);
    assert_true(counter(stage, COUNTER_BYTES_SENT) >= stage->received);
    assert_true(counter(stage, COUNTER_BYTES_RECEIVED) <= stage->sent);
    assert_true(counter(stage, COUNTER_DATAGRAMS_SENT) <= counter(stage, COUNTER_DATAGRAMS_RECEIVED));
}

/* Everybody leaves; then it is known how often each thing must have happened. */
static void settle(struct stage *stage)
{
    for (size_t i = 0; i < PEERS; i++) {
        if (peers[i].client != NULL && peers[i].stage == stage) {
            peer_leave(&peers[i]);
        }
    }
    for (const uint64_t deadline = rig_deadline();;) {
        const uint64_t seen = counter(stage, COUNTER_ACCEPTED) + sum_refused(stage);
        if (counter(stage, COUNTER_ACCEPTED) == rig_closed(&stage->rig) &&
            seen + stage->doubtful >= stage->attempts) {
            return;
        }
        rig_nap(deadline, "every connection to be accepted and closed, or refused");
    }
}

/* Where nothing was lost on the way, every byte is counted, once. */
static void check_bytes(struct stage *stage)
{
    const uint64_t in = counter(stage, COUNTER_BYTES_RECEIVED), out = counter(stage, COUNTER_BYTES_SENT);
    if (!stage->has_lost) {
        check_range(stage, "bytes received", in - stage->base.bytes_received, stage->sent - stage->base.sent,
                    0);
        check_range(stage, "bytes sent", out - stage->base.bytes_sent, stage->received - stage->base.received,
                    0);
    }
    stage->has_lost = false;
    stage->base.sent = stage->sent;
    stage->base.received = stage->received;
    stage->base.bytes_received = in;
    stage->base.bytes_sent = out;
}

static void check_answers(struct stage *stage)
{
    static void (*const ways[])(struct stage * stage, struct peer * peer) = {
        [PLACE_PLAIN] = enter_plain, [PLACE_PROXIED] = enter_proxied, [PLACE_RATED] = enter_rated};
    for (int place = PLACE_PLAIN; place <= PLACE_RATED; place++) {
        struct peer *peer = free_peer(); /* this engine has none, the other not all */
        if (peer != NULL) {
            ways[place](stage, peer);
        }
        if (peer == NULL || peer->client == NULL) {
            fail_msg("engine %u, endpoint %d: does not answer", number_of(stage), place);
        } else {
            peer_leave(peer);
        }
    }
    exchange(stage, 100);
}

/* The faults are over. */
static void check(struct stage *stage)
{
    diary_note("check engine %u", number_of(stage));
    if (stage->is_paused) {
        engine_continue(stage->rig.engine);
        stage->is_paused = false;
    }
    settle(stage);
    check_counters(stage);
    check_bytes(stage);
    wait_until_it_listens(stage);
    stage->has_doubt = false;
    stage->has_vanished = false;
    check_answers(stage);
    settle(stage);
    check_bytes(stage);
}

static void check_all(void)
{
    end_shortage();
    for (int i = 0; i < STAGES; i++) {
        if (stages[i].is_running) {
            check(&stages[i]);
        }
    }
}

/* ---- The walk ---- */

static void test_walk__whatever_happens_all_of_it_holds(void **state)
{
    (void)state;
    diary_begin(STEPS);
    for (uint32_t step = 1; step <= diary_steps(); step++) {
        struct random random = diary_step(step);
        chance = &random;
        take_step();
        for (int i = 0; i < STAGES; i++) {
            if (stages[i].is_running) {
                check_always(&stages[i]);
            }
        }
        if (step % STEPS_TO_CHECK == 0) {
            check_all();
        }
    }
    struct random random = diary_step(diary_steps() + 1);
    chance = &random;
    check_all();
    for (int i = 0; i < STAGES; i++) {
        if (stages[i].is_running) {
            stop(&stages[i], 0);
        }
    }
    print_totals();
    diary_end();
}

static int walk_setup(void **state)
{
    memset((void *)(uintptr_t)stages, 0, sizeof stages);
    memset(peers, 0, sizeof peers);
    is_short = false;
    return rig_setup(state);
}

static int walk_teardown(void **state)
{
    shortage_end();
    diary_print();
    return rig_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walk__whatever_happens_all_of_it_holds, walk_setup,
                                        walk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
