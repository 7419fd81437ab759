/* SPDX-License-Identifier: MIT
   Where scenarios of the engine play: a rig, clients, and steps that a scenario is a chain of:

       return stage_serve("echo", "tcp://127.0.0.1:0") && stage_connect(0) && stage_echo(0, 100);

   A step returns whether it succeeded. While faults are armed it may fail, and waits for little; the first one
   that failed is remembered. There is one stage. On the test's own thread. */
#ifndef PORTLISTENER_TESTS_SUPPORT_STAGE_H
#define PORTLISTENER_TESTS_SUPPORT_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/rig.h"
#include "support/scenario.h"

enum { STAGE_CLIENTS = 64, STAGE_LARGEST = 1048576 /* bytes of one send */ };

extern const struct scenario_kind stage_kind;
extern const struct scenario stage_scenarios[]; /* of stage_scenarios.c */

/* An address that no machine has (RFC 5737). */
#define STAGE_NOBODY "tcp://192.0.2.1:7"

/* ---- The engine ---- */

/* stage_rig: what is in it may be changed until stage_start. The handlers: "echo" and "discard" of the product,
   "probe" (echoes, and counts callbacks), "flood" (sends 1 MB for each byte, and cannot wait), "guest" (echoes
   datagrams, with sessions), "relay" (connects each client to where stage_aim says). */
struct rig *stage_rig(void);

/* stage_endpoint: adds an endpoint. stage_log, stage_access_log: the engine gets one with a file of its own.
   stage_prefix: a list of one network for an endpoint, "127.0.0.9/32"; two in a scenario. stage_start: the
   engine, which waits for nothing in real time. stage_serve: an endpoint and the start. stage_fail: a start
   that must fail. */
struct config_endpoint *stage_endpoint(const char *handler, const char *listen);
bool stage_log(void);
bool stage_access_log(void);
struct config_prefixes stage_prefix(const char *prefix);
bool stage_start(void);
bool stage_fail(void);
bool stage_serve(const char *handler, const char *listen);

bool stage_pause(void);

/* stage_reload: its first endpoint's idle_timeout is another one, and there is one more endpoint, of UDP, or not. */
bool stage_reload(bool has_more);
bool stage_continue(void);

/* stage_stop: with at most `drain` milliseconds; it must end. stage_stop_slowly: on a thread of its own;
   stage_stopped: that stop has ended. */
bool stage_stop(uint32_t drain);
bool stage_stop_slowly(uint32_t drain);
bool stage_stopped(void);

/* stage_wait_for_state, ..._counter, ..._operations: see rig.h. stage_wait_for_ends: until so many connections have
   ended. stage_pass: the virtual clock goes on. stage_stop_clock: from now on by that alone, unless a call fails. */
bool stage_wait_for_state(size_t index, enum listener_state state);
bool stage_wait_for_counter(enum counter counter, uint64_t value);
bool stage_wait_for_ends(uint64_t count);
bool stage_wait_for_operations(size_t count);
bool stage_pass(uint64_t milliseconds);
bool stage_stop_clock(void);

/* stage_kill: the socket that accepts or receives next is found dead. */
bool stage_kill(void);

/* stage_block: another program takes a TCP port, to be given to an endpoint as stage_blocked; stage_unblock:
   and leaves it. */
bool stage_block(void);
bool stage_unblock(void);
const char *stage_blocked(void); /* "tcp://127.0.0.1:50123" */

/* stage_watch_addresses: before the start: the machine's list of addresses is ours. stage_change_addresses: it
   changes, as soon as it is watched; then it is watched again. */
bool stage_watch_addresses(void);
bool stage_change_addresses(void);

/* ---- TCP clients: numbered from 0 in the order of stage_connect ---- */

/* stage_aim: behind the start: whoever comes to a relay is connected to the port of the socket with this index, at "127.0.0.1"
   or, which is the same, "upstream.test". stage_aim_at_nobody: or to where nobody listens. "slow.test" is
   asked for in vain; stage_wait_for_question: until it is. */
bool stage_aim(size_t index, const char *host);
bool stage_aim_at_nobody(void);
bool stage_wait_for_question(void);

/* stage_connect: to the socket with this index. stage_connect_slowly: with a receive buffer of so many bytes.
   stage_connect_from: from an address of 127.0.0.0/8. stage_crowd: `count` clients. */
bool stage_connect(size_t index);
bool stage_connect_slowly(size_t index, int receive_buffer);
bool stage_connect_from(size_t index, const char *ip);
bool stage_crowd(size_t index, size_t count);

bool stage_send(size_t client, size_t length); /* a pattern */
bool stage_send_text(size_t client, const char *text);
bool stage_send_v2(size_t client);                /* a PROXY header */
bool stage_receive(size_t client, size_t length); /* the pattern, from its begin */
bool stage_echo(size_t client, size_t length);    /* both */
bool stage_echo_all(size_t length);               /* all clients in turn */
bool stage_finish(size_t client);                 /* FIN */
bool stage_expect_end(size_t client); /* FIN or reset from the service; what comes before is dropped */
bool stage_close(size_t client);
bool stage_reset(size_t client);

/* ---- UDP: one client ---- */

/* stage_ask: sends a datagram to the socket with this index and receives its echo, of `answer` bytes; where the endpoint
   wants a PROXY header, it has one. stage_change_asker: the next one comes from another port (IPv4).
   stage_shower: sends `count` at once and waits for none. */
bool stage_ask(size_t index, size_t length, size_t answer);
bool stage_change_asker(void);
bool stage_shower(size_t index, size_t count);

/* stage_forge: a datagram that seems to come from this address, and from the very port that it goes to; no answer
   reaches the network from now on. stage_own: this machine has that address. */
bool stage_forge(size_t index, const char *ip);
bool stage_own(const char *ip);

/* stage_hold: the "probe" waits inside a callback until stage_let_go. */
bool stage_hold(void);
bool stage_let_go(void);

#endif
