/* SPDX-License-Identifier: MIT
   The inside of a UDP socket to one other host, for the files udp_peer*.c alone: its state, and what they do for each other.
   All of it on W.

   udp_peer.c has its life and what its handler asks for, udp_peer_connect.c how it is opened, udp_peer_datagrams.c what
   comes and goes. */
#ifndef PORTLISTENER_CONNECTION_UDP_PEER_STATE_H
#define PORTLISTENER_CONNECTION_UDP_PEER_STATE_H

#include "connection/udp_peer.h"
#include "io/pulse.h"
#include "stats/close_reason.h"

enum { UDP_PEER_OPEN = PL_FINISH - 1 /* below every pl_close */ };

struct udp_peer {
    struct operation receive;
    struct task task;
    struct timer timer;
    struct worker *worker;
    struct endpoint *endpoint;
    const struct network *network;
    SOCKET socket;
    void *user;
    struct dial *dial;                     /* until it is open */
    struct buffer *buffer;                 /* of a receive in flight, where the machine cannot peek */
    struct udp_peer_kept *oldest, *newest; /* of those that wait */
    size_t waiting;                        /* bytes that these take */
    struct pl_address peer;
    struct pl_address local;
    uint64_t opened; /* these two of the worker's clock */
    uint64_t last;   /* datagram in either direction */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t slot;
    uint32_t error;
    uint32_t references;
    int32_t close; /* a pl_close, when what waits is to be sent first; else UDP_PEER_OPEN */
    enum close_reason reason;
    bool is_in_callback;
    bool is_task_queued;
    bool is_due;       /* the timer has fired */
    bool is_rung;      /* that of the handler */
    bool is_receiving; /* `receive` is in flight */
    bool is_resting;   /* until the timer */
    bool is_ending;
    bool is_closed;       /* the socket */
    struct pulse pulse[]; /* the handler's timer, if it has on_timer */
};

/* ---- Small things ---- */

static inline pl_id udp_peer_id(const struct udp_peer *peer)
{
    return slot_table_id(worker_slots(peer->worker), peer->slot);
}

static inline void udp_peer_enter(struct udp_peer *peer, const char *name, pl_id id)
{
    peer->is_in_callback = true;
    worker_enter(peer->worker, peer->endpoint->config->name, peer->endpoint->handler->name, name, id);
}

static inline void udp_peer_leave(struct udp_peer *peer)
{
    peer->is_in_callback = false;
    worker_leave(peer->worker);
}

/* ---- Its life: udp_peer.c ---- */

/* udp_peer_queue: goes on and settles, after what is queued already. */
void udp_peer_queue(struct udp_peer *peer, enum rank rank);

/* udp_peer_mark: it ends for this reason, unless one was there before. */
void udp_peer_mark(struct udp_peer *peer, enum close_reason reason, uint32_t error);

/* udp_peer_fill_info: what its handler may know of it, and of a datagram that was seen so. */
void udp_peer_fill_info(const struct udp_peer *peer, uint32_t seen, pl_info *info_out);

/* udp_peer_settle: does what is wanted by now. At the end of each entry. */
void udp_peer_settle(struct udp_peer *peer);

/* udp_peer_release: gives a reference back; with the last one of a closed one it is gone. */
void udp_peer_release(struct udp_peer *peer);

/* udp_peer_run_task, udp_peer_run_timer, udp_peer_run_pulse: what its task and its timers call. */
void udp_peer_run_task(struct task *task);
void udp_peer_run_timer(struct timer *timer);
void udp_peer_run_pulse(struct timer *timer);

/* ---- Until it is open: udp_peer_connect.c ---- */

/* udp_peer_go_on: with the next address, if it is time. */
void udp_peer_go_on(struct udp_peer *peer);

/* udp_peer_keep: a datagram that is sent once it is open. PL_QUEUED, PL_LIMIT or PL_NO_MEMORY. udp_peer_drop_kept: none is. */
int32_t udp_peer_keep(struct udp_peer *peer, const uint8_t *at, size_t length);
void udp_peer_drop_kept(struct udp_peer *peer);

/* ---- What comes and goes: udp_peer_datagrams.c ---- */

/* udp_peer_wait: for the next datagram. udp_peer_fetch: what is there, then waits. */
void udp_peer_wait(struct udp_peer *peer);
void udp_peer_fetch(struct udp_peer *peer);

/* udp_peer_run_receive: a receive has ended. */
void udp_peer_run_receive(struct operation *operation, uint32_t error, uint32_t bytes);

/* udp_peer_send_now: once it is open; the network may lose it, as any. */
void udp_peer_send_now(struct udp_peer *peer, const uint8_t *at, size_t length);

#endif
