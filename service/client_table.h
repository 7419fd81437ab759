/* SPDX-License-Identifier: MIT
   Clients as a table for people, its columns as wide as what is in them, or as JSON. */
#ifndef PORTLISTENER_SERVICE_CLIENT_TABLE_H
#define PORTLISTENER_SERVICE_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "engine.h"

enum {
    CLIENT_TABLE_MAX = 1000,        /* rows for people: a longer list nobody reads */
    CLIENT_TABLE_JSON_MAX = 1000000 /* and for programs */
};

/* A table being made. */
struct client_table {
    struct text *text; /* where it goes; JSON row by row, the other at the end */
    bool is_json;
    bool is_cut; /* there were more rows */
    size_t count;
    struct client_row *rows; /* for people */
    size_t room;
};

void client_table_begin(struct client_table *table, struct text *text, bool is_json);

/* client_table_add: false: it is full. */
bool client_table_add(struct client_table *table, const struct client_row *rows, size_t count);

/* client_table_end: `silent` workers did not answer: what they have is missing. */
void client_table_end(struct client_table *table, unsigned silent);

#endif
