/* SPDX-License-Identifier: MIT
   The inside of a TCP connection, for the files connection*.c alone: its state, and what they do for each other. All of
   it on W.

   connection.c has its life, connection_open.c how it comes in, connection_connect.c how it goes out, connection_receive.c what comes, connection_send.c what
   goes, connection_calls.c what its handler asks for. */
#ifndef PORTLISTENER_CONNECTION_CONNECTION_STATE_H
#define PORTLISTENER_CONNECTION_CONNECTION_STATE_H

#include "connection/connection.h"
#include "connection/deadlines.h"
#include "connection/send_queue.h"
#include "io/pulse.h"
#include "stats/close_reason.h"

struct connection {
    struct operation receive;
    struct operation send;
    struct timer timer; /* one for all deadlines, set to the earliest */
    struct task task;   /* read on, look at the deadlines, settle, when its turn comes */
    struct worker *worker;
    struct endpoint *endpoint;
    SOCKET socket;
    void *user;
    struct buffer
        *input; /* what the handler has not consumed, or what a receive waits with; NULL when idle */
    struct send_queue queue;
    uint64_t bytes_in;
    uint64_t bytes_out;
    struct pl_address peer;
    uint32_t slot;
    uint32_t queued; /* bytes in `queue` */
    uint32_t error;
    uint32_t opened; /* these three in ticks of the worker's clock */
    uint32_t last_activity;
    uint32_t last_progress; /* of sending; once our FIN is out: when that was */
    unsigned references : 4;
    unsigned reason : 5;    /* enum close_reason; 0 until something other than the peer's FIN ends it */
    unsigned read_size : 2; /* number of a call_size: of the next read */
    unsigned send_size : 2; /* and of the next send that waits */
    unsigned skips : 1;
    unsigned is_nonblocking : 1;
    unsigned is_drained : 1; /* the last read left nothing: the next one may as well wait */
    unsigned is_in_callback : 1;
    unsigned is_task_queued : 1;
    unsigned is_due : 1;       /* the timer has fired */
    unsigned is_receiving : 1; /* `receive` is in flight */
    unsigned is_parked : 1;    /* with `input` */
    unsigned is_sending : 1;   /* `send` is in flight */
    unsigned is_stalled : 1;   /* the system had no room for a send */
    unsigned is_starved : 1;   /* or for a receive */
    unsigned is_active : 1;    /* more was received soon after the last activity */
    unsigned is_paused : 1;    /* no reading: too much is queued */
    unsigned is_blocked : 1;   /* no reading: the handler met PL_FULL */
    unsigned is_eof : 1;       /* the peer's FIN has come */
    unsigned wants_fin : 1;
    unsigned drops_input : 1;
    unsigned is_fin_sent : 1;
    unsigned wants_reset : 1;
    unsigned is_closed : 1;        /* the socket; what is in flight still comes back */
    unsigned awaits_proxy : 1;     /* the PROXY header has not come yet; nor has on_open */
    unsigned is_proxied : 1;       /* `peer` is the client that the header names */
    unsigned has_source : 1;       /* `peer` counts for max_connections_per_source */
    unsigned has_left : 1;         /* it counts for no limit any more */
    unsigned opened_rest : 7;      /* milliseconds behind the tick `opened` */
    unsigned is_asked : 1;         /* the handler wants on_writable */
    unsigned is_held : 1;          /* no reading: the handler has paused it */
    unsigned is_resumed : 1;       /* what is unconsumed comes again */
    unsigned is_rung : 1;          /* the handler's timer has fired */
    unsigned is_lending : 1;       /* `input` is with on_data */
    unsigned is_relay : 1;         /* reading goes on whatever is queued: that is another's */
    unsigned is_outbound : 1;      /* the handler has opened it; its dial stands behind all else */
    unsigned is_connecting : 1;    /* nor has on_open come; `send` is that of a connect */
    unsigned is_late : 1;          /* that was given up, and its end is waited for */
    struct pl_address addresses[]; /* those of enum connection_address that its endpoint needs */
};

/* The address that the client asked for, for the access log; where it may come through a proxy, the proxy's, too. */
enum connection_address { ADDRESS_LOCAL, ADDRESS_PROXY, ADDRESS_COUNT };

enum read_result { READ_MORE, READ_DRAINED, READ_STOP };

/* ---- Small things ---- */

static inline uint32_t connection_tick(const struct connection *connection)
{
    return deadlines_tick(worker_now(connection->worker));
}

static inline void connection_hold(struct connection *connection)
{
    connection->references++;
}

/* The handler can send no more, and so takes no more: unless it is a relay, for which the two belong to different
   connections. */
static inline bool connection_is_full(const struct connection *connection)
{
    return connection->is_blocked && !connection->is_relay;
}

static inline pl_id connection_id(const struct connection *connection)
{
    return slot_table_id(worker_slots(connection->worker), connection->slot);
}

static inline void connection_enter(struct connection *connection, const char *name, pl_id id)
{
    connection->is_in_callback = 1;
    worker_enter(connection->worker, connection->endpoint->config->name, connection->endpoint->handler->name,
                 name, id);
}

static inline void connection_leave(struct connection *connection)
{
    connection->is_in_callback = 0;
    worker_leave(connection->worker);
}

/* ---- Its life: connection.c ---- */

/* connection_release: gives a reference back; with the last one of a closed connection it is gone. */
void connection_release(struct connection *connection);

/* connection_queue_task: settles and reads on, after what is queued already. */
void connection_queue_task(struct connection *connection, enum rank rank);

/* connection_settle: does what is wanted by now. At the end of each entry. */
void connection_settle(struct connection *connection);

/* Settles later, when the caller may be inside a callback: of this connection (its entry settles) or of
   another. */
static inline void connection_settle_later(struct connection *connection)
{
    if (!connection->is_in_callback) {
        connection_queue_task(connection, RANK_AGAIN);
    }
}

/* connection_reset: it ends so, unless a reason was there before. connection_fail: a call on its socket failed. */
void connection_reset(struct connection *connection, enum close_reason reason, uint32_t error);
void connection_fail(struct connection *connection, uint32_t error);

/* connection_reset_socket: ends and closes it, if there is one. */
void connection_reset_socket(struct connection *connection);

/* connection_use_nonblocking: false: calls on this socket without an overlapped might wait, and it is not usable so. */
bool connection_use_nonblocking(struct connection *connection);

/* connection_check_deadlines: whether one has passed, once the timer has fired. */
void connection_check_deadlines(struct connection *connection);

/* connection_run_task, connection_run_timer, connection_run_pulse: what its task and its timers call. */
void connection_run_task(struct task *task);
void connection_run_timer(struct timer *timer);
void connection_run_pulse(struct timer *timer);

/* ---- Coming in: connection_open.c ---- */

/* connection_address_count: of `addresses`, for this endpoint. connection_pulse: the handler's timer, behind them, if it
   has on_timer. */
size_t connection_address_count(const struct endpoint *endpoint);
struct pulse *connection_pulse(struct connection *connection);

/* connection_init: of zeros; `socket` may be INVALID_SOCKET yet. connection_set_keepalive: as its endpoint has it.
   connection_greet: from now on its handler knows of it. */
void connection_init(struct connection *connection, struct worker *worker, struct endpoint *endpoint,
                     SOCKET socket, const struct pl_address *local, const struct pl_address *peer);
void connection_set_keepalive(const struct connection *connection);
void connection_greet(struct connection *connection, const struct pl_address *local);

/* connection_fill_info: what its handler may know of it. */
void connection_fill_info(const struct connection *connection, const struct pl_address *local,
                          pl_info *info_out);

/* connection_take_header: looks for the PROXY header in `input`. connection_refuse_header: it is not coming, or bad. */
void connection_take_header(struct connection *connection);
void connection_refuse_header(struct connection *connection, const char *problem);

/* ---- Going out: connection_connect.c ---- */

/* connection_go_on: with the next address, if it is time. connection_settle_connect: connection_settle while it connects.
   connection_end_dial: it needs none any more. */
void connection_go_on(struct connection *connection);
void connection_settle_connect(struct connection *connection);
void connection_end_dial(struct connection *connection);

/* ---- What comes: connection_receive.c ---- */

/* connection_may_read: nothing speaks against it. connection_receive: reads its share, beginning in this state. */
bool connection_may_read(const struct connection *connection);
void connection_receive(struct connection *connection, enum read_result state);

/* connection_deliver: hands over what is unconsumed. */
void connection_deliver(struct connection *connection);

/* connection_run_receive: a receive has ended. */
void connection_run_receive(struct operation *operation, uint32_t error, uint32_t bytes);

/* ---- What goes: connection_send.c ---- */

/* connection_count_queued: that much more, or less, is in the queue. */
void connection_count_queued(struct connection *connection, int64_t more);

/* connection_pump: keeps one send in flight while anything is queued. */
void connection_pump(struct connection *connection);

/* connection_may_ask: on_writable is due, for the handler has asked for it. connection_tell_writable: it comes.
   connection_look_writable: it is due, perhaps, after PL_FULL, and reading goes on. */
bool connection_may_ask(const struct connection *connection);
void connection_tell_writable(struct connection *connection);
void connection_look_writable(struct connection *connection);

/* connection_run_send: a send has ended. */
void connection_run_send(struct operation *operation, uint32_t error, uint32_t bytes);

#endif
