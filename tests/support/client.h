/* SPDX-License-Identifier: MIT
   Blocking sockets of a test's own, on loopback only. They pass the seam by: no ledger, no faults, the real
   clock. Every wait has a time-out in milliseconds; a client belongs to one thread.

   A connection keeps one receive posted from client_watch or the first client_receive on: behind
   client_finish a reset that finds none posted may look like an orderly end (Wine 8). */
#ifndef PORTLISTENER_TESTS_SUPPORT_CLIENT_H
#define PORTLISTENER_TESTS_SUPPORT_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "portlistener/handler.h"

enum { CLIENT_PATIENCE = 15000 }; /* a time-out for what should happen at once, on a busy machine, too */

enum client_result {
    CLIENT_OK,
    CLIENT_EOF,     /* the peer has ended its side in order */
    CLIENT_RESET,   /* the connection was reset or aborted */
    CLIENT_REFUSED, /* connect: nobody listens there */
    CLIENT_TIMEOUT,
    CLIENT_ERROR /* anything else: printed to standard error */
};

struct client;

/* client_address: 127.0.0.1 and the like from text, e.g. "127.0.0.5" or "::1", and a port. */
struct pl_address client_address(const char *ip, uint16_t port);

/* client_connect: `from` may be NULL (any address); `receive_buffer` sets SO_RCVBUF before the connect, 0
   leaves it. `client_out` is NULL unless CLIENT_OK. */
enum client_result client_connect(const struct pl_address *to, const struct pl_address *from,
                                  int receive_buffer, uint32_t timeout, struct client **client_out);

/* client_send: all bytes, or not CLIENT_OK. */
enum client_result client_send(struct client *client, const void *at, size_t length, uint32_t timeout);

/* client_receive: exactly `length` bytes. With 1 byte it tells the end of a connection: CLIENT_EOF or
   CLIENT_RESET. What was received before an end is not reported. */
enum client_result client_receive(struct client *client, void *at, size_t length, uint32_t timeout);

/* client_send_some: as much as the system takes at once, perhaps nothing. client_receive_some: at most `room`
   bytes, as soon as there are any. How many it was is in `length_out`, 0 unless CLIENT_OK. */
enum client_result client_send_some(struct client *client, const void *at, size_t length, size_t *length_out);
enum client_result client_receive_some(struct client *client, void *at, size_t room, size_t *length_out,
                                       uint32_t timeout);

/* client_drain: receives and drops everything until the connection ends (CLIENT_EOF, CLIENT_RESET), and
   counts it; `dropped_out` may be NULL. */
enum client_result client_drain(struct client *client, uint64_t *dropped_out, uint32_t timeout);

/* client_watch: posts a receive, without waiting. */
void client_watch(struct client *client);

/* client_finish: the FIN; receiving goes on. */
enum client_result client_finish(struct client *client);

/* client_close: FIN if client_finish was not called, and the end. On Windows the peer may see a reset behind
   the FIN, unless client_finish and client_drain went before. client_reset: a RST instead of the FIN. */
void client_close(struct client *client);
void client_reset(struct client *client);

/* client_local: the client's own address. */
struct pl_address client_local(const struct client *client);

/* client_open_datagram: a UDP socket bound to `at` (port 0: any). NULL when that fails: printed. */
struct client *client_open_datagram(const struct pl_address *at);

/* client_send_datagram, client_receive_datagram: one each. `from_out` may be NULL. `length_out` is what the
   datagram had, at most `room`: make that larger than what is expected. */
enum client_result client_send_datagram(struct client *client, const struct pl_address *to, const void *at,
                                        size_t length);
enum client_result client_receive_datagram(struct client *client, void *at, size_t room, size_t *length_out,
                                           struct pl_address *from_out, uint32_t timeout);

/* client_exchange: sends one datagram and waits for one. */
enum client_result client_exchange(struct client *client, const struct pl_address *to, const void *at,
                                   size_t length, void *answer, size_t room, size_t *length_out,
                                   uint32_t timeout);

/* client_close_all: of every thread; for the teardown. */
void client_close_all(void);

#endif
