/* SPDX-License-Identifier: MIT
   Credit of UDP clients, see reply_budget.h. */
#include "connection/reply_budget.h"

#include "base/address.h"
#include "base/memory.h"

struct reply_client {
    struct hash_node hashed;
    struct list_node node; /* in `kept` or `spare` */
    struct pl_address address;
    uint64_t credit; /* never 0 */
    uint64_t used;   /* when it was earned or spent last */
};

/* ---- Credit ---- */

uint64_t reply_credit_earn(uint64_t credit, uint32_t limit, size_t received)
{
    const uint64_t most = UINT64_MAX - credit;
    return received > most / limit ? UINT64_MAX : credit + (uint64_t)received * limit;
}

bool reply_credit_spend(uint64_t *credit, size_t length)
{
    if (length > *credit / REPLY_UNIT) {
        return false;
    }
    *credit -= (uint64_t)length * REPLY_UNIT;
    return true;
}

uint32_t reply_credit_bytes(uint64_t credit, uint32_t most)
{
    return credit / REPLY_UNIT < most ? (uint32_t)(credit / REPLY_UNIT) : most;
}

static uint64_t reply_credit__sum(uint64_t a, uint64_t b)
{
    return b < UINT64_MAX - a ? a + b : UINT64_MAX;
}

/* ---- Clients ---- */

static struct reply_client *reply_budget__oldest(const struct reply_budget *budget)
{
    return LIST_ELEMENT(budget->kept.next, struct reply_client, node);
}

static void reply_budget__forget(struct reply_budget *budget, struct reply_client *client)
{
    hash_table_remove(&budget->clients, &client->hashed);
    list_remove(&client->node);
    list_append(&budget->spare, &client->node);
}

static bool reply_client__is_dead(const struct reply_client *client, uint64_t now)
{
    return now - client->used >= REPLY_CREDIT_LIFE;
}

static uint64_t reply_budget__hash(const struct reply_budget *budget, const struct pl_address *address)
{
    return keyed_hash(&budget->key, address, sizeof *address); /* it has no padding */
}

/* Who has credit still. */
static struct reply_client *reply_budget__find(struct reply_budget *budget, const struct pl_address *address,
                                               uint64_t now)
{
    const uint64_t hash = budget->clients.count == 0 ? 0 : reply_budget__hash(budget, address);
    for (struct hash_node *node = hash_table_first(&budget->clients, hash); node != NULL;
         node = hash_table_next(node)) {
        struct reply_client *client = LIST_ELEMENT(node, struct reply_client, hashed);
        if (address_equal(&client->address, address)) {
            if (!reply_client__is_dead(client, now)) {
                return client;
            }
            reply_budget__forget(budget, client);
            return NULL;
        }
    }
    return NULL;
}

/* A place for one more client: a spare one, at the limit that of the least recently used, else a new one. */
static struct reply_client *reply_budget__make_place(struct reply_budget *budget)
{
    if (budget->clients.count >= budget->clients_max) {
        reply_budget__forget(budget, reply_budget__oldest(budget));
    }
    if (list_is_empty(&budget->spare)) {
        return memory_alloc(sizeof(struct reply_client));
    }
    return LIST_ELEMENT(list_take_first(&budget->spare), struct reply_client, node);
}

static void reply_budget__add(struct reply_budget *budget, const struct reply_credit *credit)
{
    struct reply_client *client = reply_budget__make_place(budget);
    if (client == NULL) {
        return;
    }
    if (!hash_table_add(&budget->clients, &client->hashed, reply_budget__hash(budget, credit->client))) {
        memory_free(client);
        return;
    }
    client->address = *credit->client;
    client->credit = credit->own;
    client->used = credit->now;
    list_append(&budget->kept, &client->node);
}

static void reply_budget__touch(struct reply_budget *budget, struct reply_client *client, uint64_t now)
{
    client->used = now;
    list_remove(&client->node);
    list_append(&budget->kept, &client->node);
}

/* ---- Datagrams ---- */

void reply_budget_begin(struct reply_budget *budget, const struct pl_address *client, uint32_t received,
                        uint64_t now, struct reply_credit *credit_out)
{
    *credit_out = (struct reply_credit){
        .budget = budget, .client = client, .now = now, .own = (uint64_t)received * budget->limit};
}

/* With what is kept, too. */
static bool reply_credit__take_kept(struct reply_credit *credit, size_t length)
{
    struct reply_budget *budget = credit->budget;
    struct reply_client *client = reply_budget__find(budget, credit->client, credit->now);
    if (client == NULL) {
        return false;
    }
    uint64_t all = reply_credit__sum(client->credit, credit->own);
    if (!reply_credit_spend(&all, length)) {
        return false;
    }
    credit->own = 0;
    client->credit = all;
    reply_budget__touch(budget, client, credit->now);
    if (all == 0) {
        reply_budget__forget(budget, client);
    }
    return true;
}

bool reply_budget_take(struct reply_credit *credit, size_t length)
{
    return reply_credit_spend(&credit->own, length) || reply_credit__take_kept(credit, length);
}

void reply_budget_end(struct reply_credit *credit)
{
    struct reply_budget *budget = credit->budget;
    if (credit->own == 0) {
        return;
    }
    struct reply_client *client = reply_budget__find(budget, credit->client, credit->now);
    if (client == NULL) {
        reply_budget__add(budget, credit);
        return;
    }
    client->credit = reply_credit__sum(client->credit, credit->own);
    reply_budget__touch(budget, client, credit->now);
}

/* ---- Life ---- */

void reply_budget_init(struct reply_budget *budget, uint32_t limit, uint32_t clients_max,
                       const struct hash_key *key)
{
    hash_table_init(&budget->clients);
    list_init(&budget->kept);
    list_init(&budget->spare);
    budget->key = *key;
    budget->limit = limit;
    budget->clients_max = clients_max;
}

static void reply_budget__free_spare(struct reply_budget *budget)
{
    while (!list_is_empty(&budget->spare)) {
        memory_free(LIST_ELEMENT(list_take_first(&budget->spare), struct reply_client, node));
    }
}

uint64_t reply_budget_expire(struct reply_budget *budget, uint64_t now)
{
    while (!list_is_empty(&budget->kept) && reply_client__is_dead(reply_budget__oldest(budget), now)) {
        reply_budget__forget(budget, reply_budget__oldest(budget));
    }
    reply_budget__free_spare(budget);
    if (!list_is_empty(&budget->kept)) {
        return reply_budget__oldest(budget)->used + REPLY_CREDIT_LIFE;
    }
    hash_table_fini(&budget->clients);
    return UINT64_MAX;
}

void reply_budget_fini(struct reply_budget *budget)
{
    while (!list_is_empty(&budget->kept)) {
        reply_budget__forget(budget, reply_budget__oldest(budget));
    }
    reply_budget__free_spare(budget);
    hash_table_fini(&budget->clients);
}
