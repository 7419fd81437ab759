/* SPDX-License-Identifier: MIT
   UDP sessions: what a handler with PL_SESSIONS has for each client of a UDP socket, from its first datagram until
   it is forgotten; see handler.h. All of it on the socket's worker W. */
#ifndef PORTLISTENER_CONNECTION_UDP_SESSION_H
#define PORTLISTENER_CONNECTION_UDP_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/keyed_hash.h"
#include "connection/client_row.h"
#include "connection/udp_socket.h"
#include "endpoint/endpoint.h"

enum {
    UDP_SESSION_YOUNG = 30000
}; /* milliseconds for a session that only one side has spoken in, or only once */

struct udp_sessions;
struct udp_session;

/* udp_sessions_create: `udp` and `endpoint` stay the caller's, and as they are. `key` is random. NULL: no memory. Any
   thread. */
struct udp_sessions *udp_sessions_create(const struct udp_socket *udp, struct endpoint *endpoint,
                                         const struct hash_key *key);

/* udp_sessions_end: ends them all, with their on_close. */
void udp_sessions_end(struct udp_sessions *sessions, enum pl_reason reason, uint32_t error);

/* udp_sessions_destroy: after udp_sessions_end, or without any session. NULL is allowed. Any thread. */
void udp_sessions_destroy(struct udp_sessions *sessions);

/* What a session needs to know of a datagram. */
struct udp_arrival {
    const uint8_t *at;
    size_t length;
    struct pl_address from; /* whom answers go to */
    struct pl_address peer; /* the client: the same, unless that is a proxy */
    struct pl_address local;
    struct pl_address source; /* that answers leave from, see udp_socket_send */
    uint32_t seen;            /* pl_seen flags */
    enum counter mute;        /* what counts an answer that is not allowed; COUNTER_COUNT: answers are */
};

/* udp_sessions_take: the session that the datagram belongs to, begun if there is none. NULL: there is none, for want of
   memory, because its source has as many as it may, or because the handler does not want it: the datagram is lost. */
struct udp_session *udp_sessions_take(struct udp_sessions *sessions, const struct udp_arrival *arrival);

/* udp_sessions_find: likewise, but none is begun. */
struct udp_session *udp_sessions_find(struct udp_sessions *sessions, const struct udp_arrival *arrival);

/* udp_sessions_change: new sessions are this endpoint's; the others stay those of the one that they began with, unless its
   `judge` denies their client: then they end, PL_DENIED. */
void udp_sessions_change(struct udp_sessions *sessions, struct endpoint *endpoint);

/* udp_session_deliver: hands the datagram to the handler; `session` may be gone behind it. */
void udp_session_deliver(struct udp_session *session, const struct udp_arrival *arrival);

/* udp_session_send, udp_session_close: the host's send and close for a session's id, see handler.h. */
int32_t udp_session_send(struct worker *worker, pl_id id, const uint8_t *at, size_t length);
int32_t udp_session_close(struct worker *worker, pl_id id);

/* udp_session_abort: ends it for this reason, if it is still there. On W. */
void udp_session_abort(struct worker *worker, pl_id id, enum pl_reason reason);

/* udp_session_describe: false: it is closing. */
bool udp_session_describe(const struct udp_session *session, struct client_row *row_out);

/* udp_session_set_timer: likewise the host's timer. udp_session_info: what on_open was told. udp_session_run: calls `run` as
   the host's post has it. False: it is gone. udp_session_endpoint: that it began with; NULL: it is gone. */
int32_t udp_session_set_timer(struct worker *worker, pl_id id, uint32_t after);
struct endpoint *udp_session_endpoint(struct worker *worker, pl_id id);
bool udp_session_info(struct worker *worker, pl_id id, pl_info *info_out);
bool udp_session_run(struct worker *worker, pl_id id,
                     void (*run)(void *state, pl_id id, void **user, void *what), void *what);

#endif
