/* SPDX-License-Identifier: MIT
   Tests of connection/deadlines.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "connection/deadlines.h"
#include "io/timer_wheel.h"
#include "support/support.h"

/* Milliseconds, each different, so that every sum tells which one it is. */
enum { HEADER = 3000, CLOSE = 5000, SEND = 30000, FIRST = 20000, IDLE = 60000, LIFETIME = 100000 };

static const struct config_endpoint all = {.proxy_timeout = HEADER,
                                           .close_timeout = CLOSE,
                                           .send_timeout = SEND,
                                           .first_byte_timeout = FIRST,
                                           .idle_timeout = IDLE,
                                           .lifetime = LIFETIME};
static const struct config_endpoint none;

/* Opened in tick 10, active in 20, progressing in 30. */
#define AT(...)                                                             \
    {                                                                       \
        .opened = 10, .last_activity = 20, .last_progress = 30, __VA_ARGS__ \
    }

/* What is next at the beginning, and what has passed when everything that can pass has. */
static const struct row {
    const char *title;
    uint64_t next;
    struct deadlines at;
    enum deadline passed;
} rows[] = {
    {"awaits its header", 1100 + HEADER, AT(.awaits_header = true, .awaits_first_byte = true),
     DEADLINE_HEADER},
    {"awaits its first byte", 1100 + FIRST, AT(.awaits_first_byte = true), DEADLINE_FIRST_BYTE},
    {"rests", 2100 + IDLE, AT(.awaits_first_byte = false), DEADLINE_IDLE},
    {"sends", 3100 + SEND, AT(.is_sending = true), DEADLINE_SEND},
    {"sends before a byte came", 1100 + FIRST, AT(.is_sending = true, .awaits_first_byte = true),
     DEADLINE_SEND},
    {"has sent its FIN", 3100 + CLOSE, AT(.is_fin_sent = true), DEADLINE_CLOSE},
    {"has sent its FIN, whatever else", 3100 + CLOSE,
     AT(.is_fin_sent = true, .is_sending = true, .awaits_first_byte = true), DEADLINE_CLOSE},
    {"closes for its lifetime", 3100 + CLOSE, AT(.is_fin_sent = true, .is_past_lifetime = true),
     DEADLINE_CLOSE},
};

static void expect(const char *title, const struct deadlines *at, const struct config_endpoint *config,
                   uint64_t now, uint64_t next, enum deadline passed)
{
    const uint64_t found = deadlines_next(at, config, now);
    const enum deadline due = deadlines_passed(at, config, now);
    if (found != next || due != passed) {
        fail_msg("%s, at %llu: next %llu, not %llu; passed %d, not %d", title, (unsigned long long)now,
                 (unsigned long long)found, (unsigned long long)next, due, passed);
    }
}

/* ---- Which one ---- */

static void test_deadlines__the_first_that_counts_is_due_to_the_millisecond(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        assert_int_equal(deadlines_next(&row->at, &all, 3000), row->next);
        assert_int_equal(deadlines_passed(&row->at, &all, row->next - 1), DEADLINE_NONE);
        assert_int_not_equal(deadlines_passed(&row->at, &all, row->next), DEADLINE_NONE);
    }
}

static void test_deadlines__of_several_the_first_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(rows[i].title, &rows[i].at, &all, 1000000, rows[i].next, rows[i].passed);
    }
}

static void test_deadlines__without_a_limit_nothing_is_ever_due(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(rows[i].title, &rows[i].at, &none, UINT32_MAX, UINT64_MAX, DEADLINE_NONE);
    }
}

static void test_deadlines__a_lifetime_ends_open_and_closing_connections(void **state)
{
    (void)state;
    const struct config_endpoint config = {.lifetime = LIFETIME};
    static const struct deadlines open = AT(.is_sending = true), closing = AT(.is_fin_sent = true);
    expect("open", &open, &config, 1099 + LIFETIME, 1100 + LIFETIME, DEADLINE_NONE);
    expect("open", &open, &config, 1100 + LIFETIME, 1100 + LIFETIME, DEADLINE_LIFETIME);
    expect("closing", &closing, &config, 1099 + LIFETIME, 1100 + LIFETIME, DEADLINE_NONE);
    expect("closing", &closing, &config, 1100 + LIFETIME, 1100 + LIFETIME, DEADLINE_LIFETIME);
}

/* What closes because its lifetime is over has all of close_timeout for it. */
static void test_deadlines__a_lifetime_ends_a_connection_once(void **state)
{
    (void)state;
    const uint64_t over = 1100 + LIFETIME;
    const struct deadlines at = {.opened = 10,
                                 .last_activity = 20,
                                 .last_progress = deadlines_tick(over),
                                 .is_fin_sent = true,
                                 .is_past_lifetime = true};
    const uint64_t due = over + TIMER_TICK + CLOSE;
    expect("at once", &at, &all, over, due, DEADLINE_NONE);
    expect("nearly", &at, &all, due - 1, due, DEADLINE_NONE);
    expect("then", &at, &all, due, due, DEADLINE_CLOSE);
}

/* ---- Moments ---- */

/* It may have come in time; but nothing that comes moves the end of a life, or makes a client read. */
static void test_deadlines__what_is_unseen_moves_all_but_two(void **state)
{
    (void)state;
    const struct row unseen[] = {
        {"awaits its header", 1100 + HEADER, AT(.awaits_header = true), DEADLINE_NONE},
        {"awaits its first byte", 1100 + FIRST, AT(.awaits_first_byte = true), DEADLINE_LIFETIME},
        {"rests", 2100 + IDLE, AT(.awaits_first_byte = false), DEADLINE_LIFETIME},
        {"sends", 3100 + SEND, AT(.is_sending = true), DEADLINE_SEND},
        {"has sent its FIN", 3100 + CLOSE, AT(.is_fin_sent = true, .is_past_lifetime = true), DEADLINE_NONE},
    };
    for (size_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++) {
        struct deadlines at = unseen[i].at;
        at.has_unseen = true;
        expect(unseen[i].title, &at, &all, 1000000, unseen[i].next, unseen[i].passed);
    }
}

static void test_deadlines__hold_when_ticks_wrap_around(void **state)
{
    (void)state;
    const uint64_t wrap = ((uint64_t)UINT32_MAX + 1) * TIMER_TICK;
    for (int64_t offset = -5; offset <= 5; offset++) {
        for (uint64_t round = 1; round <= 3; round++) {
            const uint64_t moment = round * wrap + (uint64_t)(offset * TIMER_TICK);
            const struct deadlines at = {.last_activity = deadlines_tick(moment + TIMER_TICK - 1)};
            const uint64_t due = moment + TIMER_TICK + IDLE;
            expect("at once", &at, &(struct config_endpoint){.idle_timeout = IDLE}, moment + TIMER_TICK - 1,
                   due, DEADLINE_NONE);
            expect("nearly", &at, &(struct config_endpoint){.idle_timeout = IDLE}, due - 1, due,
                   DEADLINE_NONE);
            expect("then", &at, &(struct config_endpoint){.idle_timeout = IDLE}, due, due, DEADLINE_IDLE);
        }
    }
}

static void test_deadlines__an_age_is_exact(void **state)
{
    (void)state;
    const uint64_t wrap = ((uint64_t)UINT32_MAX + 1) * TIMER_TICK;
    const uint64_t begins[] = {0, 1, 99, 100, 12345, wrap - 1, wrap, wrap + 1, 5 * wrap - 50};
    const uint64_t ages[] = {0, 1, 99, 100, 101, 86400000, wrap - TIMER_TICK};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        for (size_t k = 0; k < sizeof ages / sizeof ages[0]; k++) {
            assert_int_equal(
                deadlines_age(deadlines_tick(begins[i]), deadlines_rest(begins[i]), begins[i] + ages[k]),
                ages[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_deadlines__the_first_that_counts_is_due_to_the_millisecond),
        support_test(test_deadlines__of_several_the_first_is_told),
        support_test(test_deadlines__without_a_limit_nothing_is_ever_due),
        support_test(test_deadlines__a_lifetime_ends_open_and_closing_connections),
        support_test(test_deadlines__a_lifetime_ends_a_connection_once),
        support_test(test_deadlines__what_is_unseen_moves_all_but_two),
        support_test(test_deadlines__hold_when_ticks_wrap_around),
        support_test(test_deadlines__an_age_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
