/* SPDX-License-Identifier: MIT
   A client of a handler that blocks: a connection, a UDP session, or the endpoint itself for its posts and its timer.
   What happens is noted as events on W, in order, and handed to the pool in batches; one batch at a time. */
#ifndef PORTLISTENER_CONNECTION_BLOCKING_CLIENT_H
#define PORTLISTENER_CONNECTION_BLOCKING_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection/blocking.h"

typedef void (*blocking_run)(void *state, pl_id id, void **user, void *what);

enum blocking_event_kind {
    BLOCKING_OPEN,
    BLOCKING_DATA,
    BLOCKING_DATAGRAM,
    BLOCKING_WRITABLE,
    BLOCKING_EOF,
    BLOCKING_TIMER,
    BLOCKING_POST,
    BLOCKING_CLOSE /* the last one */
};

struct blocking_event {
    struct blocking_event *next;
    enum blocking_event_kind kind;
    int32_t reason; /* CLOSE */
    uint32_t error;
    blocking_run run; /* POST */
    void *what;
    struct pl_info info; /* DATAGRAM */
    size_t length;       /* DATA, DATAGRAM */
    uint8_t bytes[];
};

struct blocking_events {
    struct blocking_event *first;
    struct blocking_event *last;
};

struct blocking_bridge {
    struct pl_handler handler; /* what the engine sees */
    const struct pl_handler *inner;
    struct pl_host functions; /* what the handler sees */
    struct host *host;
    struct blocking *blocking;
    struct blocking_group group;
    void *state; /* the handler's */
    struct endpoint *endpoint;
    struct blocking_client *own; /* of the endpoint */
    volatile LONG clients;       /* but that */
    volatile LONG64 queued;      /* bytes of datagrams that wait */
};

struct blocking_client {
    struct blocking_job job;
    struct message done; /* to W: the batch has been handed over */
    struct blocking_bridge *bridge;
    struct worker *worker; /* W */
    pl_id id;
    struct pl_info info;

    /* W's. */
    struct blocking_events waiting;
    struct blocking_event *end; /* CLOSE, kept for when it is needed: it must not be lost */
    bool is_running;            /* a batch is with the pool, or its `done` is under way */
    bool has_file;              /* the connection has one to send, or had until a moment ago */
    uint32_t unsettled;         /* bytes that the connection has queued, since it last told that it has few */

    /* The pool's while a batch runs. */
    struct blocking_events batch;
    void *user;
    uint8_t *rest; /* what on_data has not consumed */
    size_t rest_length;
    bool is_given_up; /* on_close is all that comes */
    bool is_resumed;  /* on_data is due with the rest */
    bool is_gone;     /* on_close runs */
    bool
        is_unheard; /* it was given up, and there was no memory to tell W; it sees to it when the batch is done */
    enum close_reason reason; /* why it was given up, */
    uint32_t error;           /* and with which error */

    /* Both's. */
    volatile LONG pending;   /* bytes sent by callbacks, and not sure to be gone */
    volatile LONG is_full;   /* a callback met PL_FULL; on_writable is due */
    volatile LONG is_asked;  /* likewise, for want_writable */
    volatile LONG is_filing; /* a callback has sent a file, which is not known to be read to its end */
    volatile LONG is_held;   /* the handler has paused reading */
    volatile LONG64 queued;  /* bytes of datagrams that wait */
};

/* blocking_client_create: NULL: no memory. blocking_client_destroy: what was posted and waits is run with id 0. */
struct blocking_client *blocking_client_create(struct blocking_bridge *bridge, struct worker *worker,
                                               pl_id id);
void blocking_client_destroy(struct blocking_client *client);

/* blocking_client_note: an event of this kind, with a copy of the bytes; it goes to the pool with the next batch. NULL: no
   memory. Its other members may be filled until it is submitted. blocking_client_end: CLOSE, which needs no memory.
   blocking_client_submit: hands over what waits, unless a
   batch is with the pool already. On W. */
struct blocking_event *blocking_client_note(struct blocking_client *client, enum blocking_event_kind kind,
                                            const void *at, size_t length);
void blocking_client_end(struct blocking_client *client, int32_t reason, uint32_t error);
void blocking_client_submit(struct blocking_client *client);

/* blocking_client_lose: what has happened is lost for want of memory, and so is the client. On W. blocking_client_give_up:
   the client ends, for this reason: nothing comes any more but on_close, and what was posted. In a callback of its own. */
void blocking_client_lose(const struct blocking_client *client);
void blocking_client_give_up(struct blocking_client *client, enum close_reason reason, uint32_t error);

/* blocking_client_current: whose callback runs on this thread; NULL: none of this bridge. Any thread. */
struct blocking_client *blocking_client_current(const struct blocking_bridge *bridge);

#endif
