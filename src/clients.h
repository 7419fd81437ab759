/* SPDX-License-Identifier: MIT
   All clients of an engine, read from outside: worker by worker, in pieces, so that no worker is held up, and each waits
   for nobody. What changes meanwhile may be missing or be there twice. */
#ifndef PORTLISTENER_CLIENTS_H
#define PORTLISTENER_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection/client_row.h"

enum {
    CLIENTS_PIECE = 64,     /* rows that are read together */
    CLIENTS_PATIENCE = 2000 /* milliseconds for a worker to answer */
};

/* A reading; begin with all zero, and, if need be, the endpoint. */
struct clients_reading {
    const char *endpoint; /* NULL: of all; the caller's */
    unsigned worker;
    uint32_t slot;
    unsigned silent; /* workers that did not answer: their clients, or the rest of them, are missing */
};

/* clients_read: the next rows, at most CLIENTS_PIECE; *count_out may be 0 in between. False: there are no more. Not on a
   worker. */
bool clients_read(struct clients_reading *reading, struct worker *const *workers, unsigned worker_count,
                  struct client_row rows_out[CLIENTS_PIECE], size_t *count_out);

enum clients_answer {
    CLIENTS_FOUND,
    CLIENTS_GONE,
    CLIENTS_SILENT /* its worker did not answer, or there is no memory */
};

/* clients_find: the client with this id. Not on a worker. */
enum clients_answer clients_find(struct worker *const *workers, unsigned worker_count, uint64_t id,
                                 struct client_row *row_out);

#endif
