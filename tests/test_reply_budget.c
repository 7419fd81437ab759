/* SPDX-License-Identifier: MIT
   Tests of connection/reply_budget.h: what one client may be answered, what is kept, what is forgotten; and random
   clients against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "connection/reply_budget.h"
#include "support/failing_memory.h"
#include "support/random.h"

static const struct hash_key key = {{1, 2}};
static const struct pl_address anna = {.family = 4, .port = 1000, .ip = {192, 0, 2, 1}};

static struct pl_address client_number(uint32_t number)
{
    struct pl_address client = {.family = 4, .port = (uint16_t)(1024 + number % 3), .ip = {198, 51, 100}};
    client.ip[3] = (uint8_t)(number / 3);
    return client;
}

/* A question of `received` bytes and one answer of `length`. */
static bool ask(struct reply_budget *budget, const struct pl_address *client, uint32_t received,
                size_t length, uint64_t now)
{
    struct reply_credit credit;
    reply_budget_begin(budget, client, received, now, &credit);
    const bool is_allowed = reply_budget_take(&credit, length);
    reply_budget_end(&credit);
    return is_allowed;
}

/* A question that is not answered. */
static void tell(struct reply_budget *budget, const struct pl_address *client, uint32_t received,
                 uint64_t now)
{
    struct reply_credit credit;
    reply_budget_begin(budget, client, received, now, &credit);
    reply_budget_end(&credit);
}

static void test_reply_budget__an_echo_is_allowed_and_remembers_nothing(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 1472, 65507};
    struct reply_budget budget;
    reply_budget_init(&budget, 1000, 10, &key);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_true(ask(&budget, &anna, sizes[i], sizes[i], i));
        assert_false(ask(&budget, &anna, sizes[i], sizes[i] + 1, i));
        assert_true(ask(&budget, &anna, 0, sizes[i], i)); /* what the refused one has left */
        assert_int_equal(budget.clients.count, 0);
    }
    reply_budget_fini(&budget);
    assert_int_equal(failing_memory_live(), 0);
    reply_budget_init(&budget, 1000, 10, &key);
    failing_memory_arm(1, true);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(ask(&budget, &anna, i, i, i));
    }
    assert_int_equal(failing_memory_hits(), 0); /* no allocation was tried */
    failing_memory_arm(0, false);
    reply_budget_fini(&budget);
}

static void test_reply_budget__keeps_what_is_left_to_the_byte(void **state)
{
    (void)state;
    struct reply_budget budget;
    struct reply_credit credit;
    reply_budget_init(&budget, 1000, 10, &key);
    tell(&budget, &anna, 100, 0);
    tell(&budget, &anna, 50, 0);
    reply_budget_begin(&budget, &anna, 10, 0, &credit);
    assert_false(reply_budget_take(&credit, 161));
    assert_true(reply_budget_take(&credit, 4)); /* out of its own */
    assert_true(reply_budget_take(&credit, 6));
    assert_false(reply_budget_take(&credit, 151));
    assert_true(reply_budget_take(&credit, 149));
    assert_true(reply_budget_take(&credit, 1));
    assert_false(reply_budget_take(&credit, 1));
    assert_true(reply_budget_take(&credit, 0));
    reply_budget_end(&credit);
    assert_int_equal(budget.clients.count, 0); /* nothing left, nothing kept */
    reply_budget_begin(&budget, &anna, 10, 0, &credit);
    assert_true(reply_budget_take(&credit, 3));
    reply_budget_end(&credit);
    assert_false(ask(&budget, &anna, 1, 9, 0)); /* 7 and 1 */
    assert_true(ask(&budget, &anna, 0, 8, 0));
    reply_budget_fini(&budget);
}

static void test_reply_budget__counts_in_thousandths(void **state)
{
    (void)state;
    static const struct {
        uint32_t limit, received;
        size_t most;
    } rows[] = {{100, 9, 0},
                {100, 10, 1},
                {500, 3, 1},
                {1500, 3, 4},
                {1, 65507, 65},
                {REPLY_LIMIT_MAX, 65507, 65507000},
                {2500, 1, 2},
                {1001, 999, 999},
                {1001, 1000, 1001},
                {333, 1000, 333},
                {1000, UINT32_MAX, UINT32_MAX}};
    struct reply_budget budget;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reply_budget_init(&budget, rows[i].limit, 10, &key);
        assert_false(ask(&budget, &anna, rows[i].received, rows[i].most + 1, 0));
        assert_true(ask(&budget, &anna, 0, rows[i].most, 0));
        reply_budget_fini(&budget);
    }
    reply_budget_init(&budget, 500, 10, &key);
    assert_false(ask(&budget, &anna, 1, 1, 0));
    assert_true(ask(&budget, &anna, 1, 1, 0)); /* two halves */
    reply_budget_fini(&budget);
}

static void test_reply_budget__arithmetic_does_not_overflow(void **state)
{
    (void)state;
    struct reply_budget budget;
    struct reply_credit credit;
    uint64_t pot = UINT64_MAX;
    assert_true(reply_credit_earn(0, 1000, 5) == 5000);
    assert_true(reply_credit_earn(UINT64_MAX - 5000, 1000, 5) == UINT64_MAX);
    assert_true(reply_credit_earn(UINT64_MAX - 4999, 1000, 5) == UINT64_MAX);
    assert_true(reply_credit_earn(UINT64_MAX, 1, 0) == UINT64_MAX);
    assert_true(reply_credit_earn(0, REPLY_LIMIT_MAX, SIZE_MAX) == UINT64_MAX);
    assert_false(reply_credit_spend(&pot, SIZE_MAX));
    assert_true(reply_credit_spend(&pot, 1));
    assert_true(pot == UINT64_MAX - 1000);
    reply_budget_init(&budget, 1000, 10, &key);
    for (int i = 0; i < 3; i++) { /* a client that has sent for ages */
        reply_budget_begin(&budget, &anna, 1, 0, &credit);
        credit.own = UINT64_MAX - 10;
        reply_budget_end(&credit);
    }
    assert_true(ask(&budget, &anna, 0, (size_t)(UINT64_MAX / 1000), 0));
    assert_false(ask(&budget, &anna, 0, 1, 0));
    reply_budget_fini(&budget);
}

static void test_reply_budget__tells_clients_apart(void **state)
{
    (void)state;
    static const struct pl_address others[] = {
        {.family = 4, .port = 1001, .ip = {192, 0, 2, 1}},
        {.family = 4, .port = 1000, .ip = {192, 0, 2, 2}},
        {.family = 6, .port = 1000, .ip = {192, 0, 2, 1}},
        {.family = 6, .port = 1000, .scope = 3, .ip = {192, 0, 2, 1}},
    };
    struct reply_budget budget;
    reply_budget_init(&budget, 1000, 10, &key);
    tell(&budget, &anna, 10, 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(ask(&budget, &others[i], 0, 1, 0));
        tell(&budget, &others[i], 5, 0);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(ask(&budget, &others[i], 0, 6, 0));
        assert_true(ask(&budget, &others[i], 0, 5, 0));
    }
    assert_true(ask(&budget, &anna, 0, 10, 0));
    reply_budget_fini(&budget);
}

/* Two hashes that are the same cannot be found: so Anna's is made to be the other's. */
static void test_reply_budget__tells_clients_of_one_hash_apart(void **state)
{
    (void)state;
    const struct pl_address other = client_number(5);
    struct reply_budget budget;
    reply_budget_init(&budget, 1000, 10, &key);
    tell(&budget, &anna, 10, 0);
    struct hash_node *node = hash_table_first(&budget.clients, keyed_hash(&key, &anna, sizeof anna));
    assert_non_null(node);
    hash_table_remove(&budget.clients, node);
    assert_true(hash_table_add(&budget.clients, node, keyed_hash(&key, &other, sizeof other)));
    assert_false(ask(&budget, &other, 0, 1, 0));
    tell(&budget, &other, 3, 0);
    assert_int_equal(budget.clients.count, 2);
    assert_true(ask(&budget, &other, 0, 3, 0));
    assert_false(ask(&budget, &other, 0, 1, 0));
    reply_budget_fini(&budget);
}

static void test_reply_budget__what_is_not_used_for_thirty_seconds_is_gone(void **state)
{
    (void)state;
    struct reply_budget budget;
    const uint64_t start = UINT64_C(0x1FFFFFFFF);
    reply_budget_init(&budget, 1000, 10, &key);
    tell(&budget, &anna, 10, start);
    assert_true(ask(&budget, &anna, 0, 1, start + 29999));
    assert_true(ask(&budget, &anna, 0, 1, start + 29999 + 29999));  /* its use keeps it */
    assert_false(ask(&budget, &anna, 0, 9, start + 29999 + 29999)); /* a refusal does not */
    assert_false(ask(&budget, &anna, 0, 1, start + 29999 + 29999 + 30000));
    assert_int_equal(budget.clients.count, 0);
    tell(&budget, &anna, 10, start + 100000);
    tell(&budget, &anna, 5, start + 130000); /* the ten have just died */
    assert_false(ask(&budget, &anna, 0, 6, start + 130000));
    assert_true(ask(&budget, &anna, 0, 5, start + 130000));
    reply_budget_fini(&budget);
}

static void test_reply_budget__the_longest_unused_makes_room(void **state)
{
    (void)state;
    const struct pl_address a = client_number(0), b = client_number(1), c = client_number(2),
                            d = client_number(3);
    struct reply_budget budget;
    reply_budget_init(&budget, 1000, 3, &key);
    tell(&budget, &a, 10, 1);
    tell(&budget, &b, 10, 2);
    tell(&budget, &c, 10, 3);
    assert_true(ask(&budget, &a, 0, 1, 4));
    failing_memory_arm(1, true); /* its place is taken over */
    tell(&budget, &d, 10, 5);
    assert_int_equal(failing_memory_hits(), 0);
    failing_memory_arm(0, false);
    assert_int_equal(budget.clients.count, 3);
    assert_false(ask(&budget, &b, 0, 1, 6));
    assert_true(ask(&budget, &a, 0, 9, 6));
    assert_true(ask(&budget, &c, 0, 10, 6));
    assert_true(ask(&budget, &d, 0, 10, 6));
    reply_budget_fini(&budget);
    reply_budget_init(&budget, 1000, 1, &key);
    tell(&budget, &a, 10, 1);
    tell(&budget, &b, 10, 1);
    assert_false(ask(&budget, &a, 0, 1, 1));
    assert_true(ask(&budget, &b, 0, 10, 1));
    reply_budget_fini(&budget);
}

static void test_reply_budget__gives_memory_back_when_it_expires(void **state)
{
    (void)state;
    const struct pl_address a = client_number(0), b = client_number(1);
    struct reply_budget budget;
    reply_budget_init(&budget, 1000, 10, &key);
    assert_true(reply_budget_expire(&budget, 5) == UINT64_MAX);
    tell(&budget, &a, 10, 100);
    tell(&budget, &b, 10, 200);
    assert_int_equal(failing_memory_live(), 3); /* and the buckets */
    assert_true(reply_budget_expire(&budget, 30099) == 30100);
    assert_int_equal(budget.clients.count, 2);
    assert_true(reply_budget_expire(&budget, 30100) == 30200);
    assert_int_equal(failing_memory_live(), 2);
    assert_false(ask(&budget, &a, 0, 1, 30100));
    assert_true(ask(&budget, &b, 0, 1, 30100));
    assert_true(reply_budget_expire(&budget, 60100) == UINT64_MAX);
    assert_int_equal(failing_memory_live(), 0);
    tell(&budget, &a, 10, 60100); /* and again */
    assert_true(ask(&budget, &a, 0, 10, 60100));
    reply_budget_fini(&budget);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_reply_budget__loses_credit_when_memory_runs_out_and_nothing_else(void **state)
{
    (void)state;
    for (size_t nth = 1; nth <= 2; nth++) { /* the client, then the buckets */
        struct reply_budget budget;
        reply_budget_init(&budget, 1000, 10, &key);
        failing_memory_arm(nth, true);
        tell(&budget, &anna, 10, 0);
        assert_int_equal(failing_memory_hits(), 1);
        assert_true(ask(&budget, &anna, 5, 5, 0));
        assert_false(ask(&budget, &anna, 0, 1, 0));
        failing_memory_arm(0, false);
        tell(&budget, &anna, 10, 0);
        assert_true(ask(&budget, &anna, 0, 10, 0));
        reply_budget_fini(&budget);
        assert_int_equal(failing_memory_live(), 0);
    }
}

/* ---- Against a model ---- */

enum { CLIENTS = 40, PLACES = 25, STEPS = 60000 };

/* The plain rules, one client a row. */
struct model {
    uint64_t kept[CLIENTS];     /* 0: nothing is kept */
    uint64_t used[CLIENTS];     /* when */
    uint64_t order[CLIENTS];    /* and in what order */
    uint64_t received[CLIENTS]; /* in all, bytes */
    uint64_t answered[CLIENTS];
    uint64_t uses;
    uint64_t now;
    uint64_t limit;
};

static uint64_t *model_kept(struct model *model, uint32_t who)
{
    if (model->now - model->used[who] >= 30000) {
        model->kept[who] = 0;
    }
    return &model->kept[who];
}

static void model_use(struct model *model, uint32_t who)
{
    model->used[who] = model->now;
    model->order[who] = ++model->uses;
}

/* At the limit the one that was used first goes, dead or not. */
static void model_make_place(struct model *model)
{
    uint32_t count = 0, oldest = CLIENTS;
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (model->kept[i] > 0) {
            count++;
            oldest = oldest == CLIENTS || model->order[i] < model->order[oldest] ? i : oldest;
        }
    }
    if (count == PLACES) {
        model->kept[oldest] = 0;
    }
}

static bool model_take(struct model *model, uint32_t who, uint64_t *own, uint64_t length)
{
    const uint64_t cost = length * 1000;
    if (cost <= *own) {
        *own -= cost;
    } else if (*model_kept(model, who) > 0 && cost <= *own + model->kept[who]) {
        model->kept[who] -= cost - *own;
        *own = 0;
        model_use(model, who);
    } else {
        return false;
    }
    model->answered[who] += length;
    return true;
}

static void model_end(struct model *model, uint32_t who, uint64_t own)
{
    if (own == 0) {
        return;
    }
    if (*model_kept(model, who) == 0) {
        model_make_place(model);
    }
    model->kept[who] += own;
    model_use(model, who);
}

static uint32_t some_length(struct random *random)
{
    static const uint32_t ranges[] = {1, 2, 30, 1473, 65508};
    return random_below(random, ranges[random_below(random, 5)]);
}

static void model_step(struct model *model, struct reply_budget *budget, struct random *random)
{
    const uint32_t who = random_below(random, CLIENTS), received = some_length(random);
    const struct pl_address client = client_number(who);
    struct reply_credit credit;
    uint64_t own = received * model->limit;
    reply_budget_begin(budget, &client, received, model->now, &credit);
    model->received[who] += received;
    for (uint32_t answers = random_below(random, 4); answers > 0; answers--) {
        const uint32_t length = random_below(random, 3) == 0 ? received : some_length(random);
        assert_int_equal(reply_budget_take(&credit, length), model_take(model, who, &own, length));
    }
    reply_budget_end(&credit);
    model_end(model, who, own);
    assert_true(model->answered[who] * 1000 <= model->received[who] * model->limit);
}

static void model_expire(struct model *model, struct reply_budget *budget)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (*model_kept(model, i) > 0 && model->used[i] + 30000 < next) {
            next = model->used[i] + 30000;
        }
    }
    assert_true(reply_budget_expire(budget, model->now) == next);
}

static void test_reply_budget__agrees_with_a_model_on_random_clients(void **state)
{
    (void)state;
    static const uint32_t limits[] = {1000, 100, 1500, 2, REPLY_LIMIT_MAX};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct random random = {limits[i]};
        struct model model = {.limit = limits[i]};
        struct reply_budget budget;
        reply_budget_init(&budget, limits[i], PLACES, &key);
        for (uint32_t step = 0; step < STEPS; step++) {
            const uint32_t kind = random_below(&random, 1000);
            model.now += kind < 500 ? 0 : kind < 999 ? random_below(&random, 3000) : 40000;
            model_step(&model, &budget, &random);
            if (kind % 100 == 7) {
                model_expire(&model, &budget);
            }
            assert_in_range(budget.clients.count, 0, PLACES);
        }
        reply_budget_fini(&budget);
        assert_int_equal(failing_memory_live(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_reply_budget__an_echo_is_allowed_and_remembers_nothing),
        failing_memory_test(test_reply_budget__keeps_what_is_left_to_the_byte),
        failing_memory_test(test_reply_budget__counts_in_thousandths),
        failing_memory_test(test_reply_budget__arithmetic_does_not_overflow),
        failing_memory_test(test_reply_budget__tells_clients_apart),
        failing_memory_test(test_reply_budget__tells_clients_of_one_hash_apart),
        failing_memory_test(test_reply_budget__what_is_not_used_for_thirty_seconds_is_gone),
        failing_memory_test(test_reply_budget__the_longest_unused_makes_room),
        failing_memory_test(test_reply_budget__gives_memory_back_when_it_expires),
        failing_memory_test(test_reply_budget__loses_credit_when_memory_runs_out_and_nothing_else),
        failing_memory_test(test_reply_budget__agrees_with_a_model_on_random_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
