/* SPDX-License-Identifier: MIT
   A client as an administrator sees it: a TCP connection or a UDP session, copied at one moment. */
#ifndef PORTLISTENER_CONNECTION_CLIENT_ROW_H
#define PORTLISTENER_CONNECTION_CLIENT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config_value.h"
#include "io/worker.h"
#include "portlistener/handler.h"

enum client_state {
    CLIENT_HEADER,     /* TCP: its PROXY header has not come yet */
    CLIENT_CONNECTING, /* the handler opens it */
    CLIENT_OPEN,
    CLIENT_SENDING, /* TCP: output is queued for it */
    CLIENT_HALF,    /* TCP: it has sent its FIN */
    CLIENT_CLOSING, /* TCP: our FIN is out, or is to go, or a reset is */
    CLIENT_ONCE     /* UDP: it has sent one datagram, or was never answered: it is not kept for long */
};

struct client_row {
    uint64_t id; /* as in the log */
    char endpoint[CONFIG_VALUE_NAME_MAX + 1];
    bool is_udp;
    bool is_outbound; /* the handler has opened it; `client` is the other host */
    enum client_state state;
    struct pl_address client;
    struct pl_address local;
    uint64_t age;  /* these two in milliseconds */
    uint64_t idle; /* since a byte went in either direction */
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* client_rows_copy: rows of W's clients, at most `room`, of the endpoint with this name (NULL: of all), from the place *slot
   in its table on, which it moves; looks at a bounded part of the table. How many rows there are; false in `has_more_out`
   when the table is at its end. On W. */
size_t client_rows_copy(struct worker *worker, const char *endpoint, uint32_t *slot,
                        struct client_row *rows_out, size_t room, bool *has_more_out);

/* client_row_find: the client with this id; false: there is none. On W. */
bool client_row_find(struct worker *worker, uint64_t id, struct client_row *row_out);

#endif
