/* SPDX-License-Identifier: MIT
   What may be answered to each client of a UDP socket: so many payload bytes for each byte that it has sent, so that
   nobody is flooded in whose name somebody else asks. No Windows header; one thread only.

   What a datagram allows is used up first, by answers given while it is handled; an answer as long as its question
   needs no more than that. What is left is kept for the client, 30 seconds from its last use on, and spent by later
   answers. Nothing else is remembered; where memory or places run out, what is kept is lost, never the limit. */
#ifndef PORTLISTENER_CONNECTION_REPLY_BUDGET_H
#define PORTLISTENER_CONNECTION_REPLY_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "base/keyed_hash.h"
#include "base/list.h"
#include "portlistener/handler.h"

enum {
    REPLY_UNIT = 1000,         /* credit is counted in thousandths of a byte */
    REPLY_CREDIT_LIFE = 30000, /* milliseconds that it is kept without being used */
    REPLY_LIMIT_MAX = 1000000  /* thousandths */
};

struct reply_budget {
    struct hash_table clients;
    struct list_node kept;  /* the least recently used first */
    struct list_node spare; /* for the next ones */
    struct hash_key key;
    uint32_t limit;
    uint32_t clients_max;
};

/* One datagram, while it is handled. */
struct reply_credit {
    struct reply_budget *budget;
    const struct pl_address *client;
    uint64_t now;
    uint64_t own; /* what is left of its own */
};

/* reply_budget_init: `limit` in thousandths, 1 to REPLY_LIMIT_MAX; credit is kept for at most `clients_max` clients, at
   least 1. `key` is random. */
void reply_budget_init(struct reply_budget *budget, uint32_t limit, uint32_t clients_max,
                       const struct hash_key *key);
void reply_budget_fini(struct reply_budget *budget);

/* reply_budget_begin: a datagram of `received` bytes has come from `client`, which must stay as it is until
   reply_budget_end. `now` in milliseconds, never less than before. */
void reply_budget_begin(struct reply_budget *budget, const struct pl_address *client, uint32_t received,
                        uint64_t now, struct reply_credit *credit_out);

/* reply_budget_take: an answer of `length` bytes is allowed, and paid for. False: it is not, and nothing is taken. */
bool reply_budget_take(struct reply_credit *credit, size_t length);

/* reply_budget_end: keeps what is left. */
void reply_budget_end(struct reply_credit *credit);

/* reply_budget_expire: forgets what has not been used for too long, and gives memory back. When to call it again;
   UINT64_MAX: nothing is kept. */
uint64_t reply_budget_expire(struct reply_budget *budget, uint64_t now);

/* reply_credit_earn, reply_credit_spend: the same rule for who keeps one client's credit, `credit`, himself. */
uint64_t reply_credit_earn(uint64_t credit, uint32_t limit, size_t received);
bool reply_credit_spend(uint64_t *credit, size_t length);

/* reply_credit_bytes: what it can pay for, at most `most`. */
uint32_t reply_credit_bytes(uint64_t credit, uint32_t most);

#endif
