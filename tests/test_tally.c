/* SPDX-License-Identifier: MIT
   Tests of stats/tally.h: names, rows of workers, what stays when an endpoint goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stats/tally.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/support.h"

enum { WORKERS = 3 };

static struct tallies tallies;
static struct tally_row nobodys[WORKERS];

static void begin(void)
{
    memset(nobodys, 0, sizeof nobodys);
    tallies_init(&tallies);
    tallies.workers = WORKERS;
}

static void count(struct tally *tally, unsigned worker, enum counter counter, uint64_t add)
{
    tally_row(tally, worker, &nobodys[worker])->at[counter] += add;
}

static uint64_t sum_of(const struct tally *tally, enum counter counter)
{
    uint64_t sums[COUNTER_COUNT] = {0};
    tally_sum(tally, sums);
    return sums[counter];
}

static uint64_t sum_of_all(enum counter counter)
{
    uint64_t sums[COUNTER_COUNT] = {0};
    tallies_sum(&tallies, sums);
    return sums[counter];
}

static void test_tally__is_one_for_each_name(void **state)
{
    (void)state;
    begin();
    struct tally *web = tally_hold(&tallies, "web");
    struct tally *dns = tally_hold(&tallies, "dns");
    assert_non_null(web);
    assert_ptr_not_equal(web, dns);
    assert_string_equal(tally_name(web), "web");
    assert_ptr_equal(tally_hold(&tallies, "WEB"), web); /* as the configuration compares */
    assert_string_equal(tally_name(web), "web");
    tally_release(web);
    count(web, 0, COUNTER_ACCEPTED, 1);
    tally_release(web);
    tally_release(dns);
    tally_release(NULL);
    tallies_fini(&tallies);
}

static void test_tally__adds_up_the_rows_of_its_workers(void **state)
{
    (void)state;
    begin();
    struct tally *web = tally_hold(&tallies, "web"), *dns = tally_hold(&tallies, "dns");
    assert_int_equal(sum_of(web, COUNTER_ACCEPTED), 0);
    count(web, 0, COUNTER_ACCEPTED, 5);
    count(web, 2, COUNTER_ACCEPTED, UINT64_C(1) << 40);
    count(dns, 2, COUNTER_ACCEPTED, 7);
    assert_true(sum_of(web, COUNTER_ACCEPTED) == (UINT64_C(1) << 40) + 5);
    assert_int_equal(sum_of(dns, COUNTER_ACCEPTED), 7);
    assert_true(sum_of_all(COUNTER_ACCEPTED) == (UINT64_C(1) << 40) + 12);
    assert_int_equal(sum_of_all(COUNTER_STALE_MESSAGES), 0);
    tally_release(web);
    tally_release(dns);
}

/* What a generation of the endpoint has counted goes on in the next one; nothing ever goes back. */
static void test_tally__outlives_the_endpoint_that_began_it(void **state)
{
    (void)state;
    begin();
    struct tally *old = tally_hold(&tallies, "web");
    count(old, 1, COUNTER_ACCEPTED, 3);
    struct tally *new = tally_hold(&tallies, "web");
    assert_ptr_equal(old, new);
    tally_release(old);
    count(new, 1, COUNTER_ACCEPTED, 4);
    assert_int_equal(sum_of(new, COUNTER_ACCEPTED), 7);
    tally_release(new);
    assert_int_equal(sum_of_all(COUNTER_ACCEPTED), 7); /* of an endpoint that is gone */
    new = tally_hold(&tallies, "web");
    assert_int_equal(sum_of(new, COUNTER_ACCEPTED), 0);
    count(new, 0, COUNTER_ACCEPTED, 1);
    assert_int_equal(sum_of_all(COUNTER_ACCEPTED), 8);
    tally_release(new);
    assert_int_equal(sum_of_all(COUNTER_ACCEPTED), 8);
}

/* A worker writes where no other one reads or writes but the reporter: not even a cache line is shared. */
static void test_tally__has_rows_on_cache_lines_of_their_own(void **state)
{
    (void)state;
    begin();
    struct tally *tally = tally_hold(&tallies, "web");
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct tally_row *row = tally_row(tally, i, &nobodys[i]);
        assert_int_equal((uintptr_t)row % TALLY_LINE, 0);
        const char *block = row->block;
        assert_true((const char *)row >= block && (const char *)row < block + TALLY_LINE);
        assert_ptr_equal(tally_row(tally, i, &nobodys[i]), row);
    }
    tally_release(tally);
}

/* Memory is what 1,000 endpoints and 8 workers may cost: at most 4.7 MB, when each worker has had clients of each. */
static void test_tally__is_small(void **state)
{
    (void)state;
    begin();
    const size_t before = ledger_bytes();
    struct tally *tally = tally_hold(&tallies, "an-endpoint-of-a-thousand");
    const size_t idle = ledger_bytes() - before;
    for (unsigned i = 0; i < WORKERS; i++) {
        count(tally, i, COUNTER_ACCEPTED, 1);
    }
    const size_t row = (ledger_bytes() - before - idle) / WORKERS;
    print_message("an idle tally %lu bytes, each row %lu, of %d counters\n", (unsigned long)idle,
                  (unsigned long)row, COUNTER_COUNT);
    assert_in_range(idle, 1, 160);
    assert_in_range(row, 1, 576);
    tally_release(tally);
}

/* What could not be attributed is in nobody's row, whole: what began there ends there. */
static void test_tally__without_memory_counts_as_nobodys(void **state)
{
    (void)state;
    begin();
    struct tally *tally = tally_hold(&tallies, "web");
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    count(tally, 1, COUNTER_ACCEPTED, 1);
    fault_clear();
    count(tally, 1, COUNTER_ACCEPTED, 2);
    count(tally, 1, COUNTER_CLOSED_IDLE, 3);
    count(tally, 0, COUNTER_ACCEPTED, 4);
    assert_int_equal(sum_of(tally, COUNTER_ACCEPTED), 4);
    assert_int_equal(sum_of(tally, COUNTER_CLOSED_IDLE), 0);
    assert_int_equal(nobodys[1].at[COUNTER_ACCEPTED], 3);
    assert_int_equal(nobodys[1].at[COUNTER_CLOSED_IDLE], 3);
    tally_release(tally);
    assert_int_equal(sum_of_all(COUNTER_ACCEPTED), 4);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_null(tally_hold(&tallies, "web"));
    fault_clear();
}

static const struct pl_counter lines_and_words[] = {{"lines", "lines", "of text"},
                                                    {"words", "words", "in them"}};
static const struct pl_counter lines_alone[] = {{"lines", "lines", "of text"}};
static const struct pl_counter lines_and_bytes[] = {{"lines", "lines", "of text"},
                                                    {"bytes", "bytes", "in them"}};

#define COUNTING(handler_name, table)                                                       \
    {                                                                                       \
        .size = sizeof(struct pl_handler), .name = (handler_name), .counters = (table),     \
        .counter_size = sizeof(table)[0], .counter_count = sizeof(table) / sizeof(table)[0] \
    }

static const struct pl_handler reader = COUNTING("reader", lines_and_words),
                               same = COUNTING("reader", lines_and_words),
                               fewer = COUNTING("reader", lines_alone),
                               other = COUNTING("reader", lines_and_bytes),
                               stranger = COUNTING("stranger", lines_and_words),
                               silent = {.size = sizeof(struct pl_handler), .name = "silent"};

/* A DLL that was loaded again counts on, and its texts are not needed any more. */
static void test_tally__keeps_what_handlers_count(void **state)
{
    (void)state;
    begin();
    struct tally *tally = tally_hold(&tallies, "web");
    struct handler_counters *counters = tally_handler_counters(tally, &reader);
    assert_non_null(counters);
    assert_int_equal(counters->count, 2);
    assert_string_equal(counters->handler, "reader");
    assert_string_equal(counters->rows[1].name, "words");
    assert_string_equal(counters->rows[1].unit, "words");
    assert_string_equal(counters->rows[1].help, "in them");
    assert_ptr_not_equal(counters->rows[1].name, lines_and_words[1].name);
    assert_ptr_equal(tally_handler_counters(tally, &same), counters);
    const struct pl_handler *others[] = {&fewer, &other, &stranger};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct handler_counters *its = tally_handler_counters(tally, others[i]);
        assert_non_null(its);
        assert_ptr_not_equal(its, counters);
    }
    assert_ptr_equal(tally_handler_counters(tally, &same), counters);
    assert_null(tally_handler_counters(tally, &silent));
    tally_release(tally);
    tally = tally_hold(&tallies, "web");
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_null(tally_handler_counters(tally, &reader));
    fault_clear();
    tally_release(tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_tally__is_one_for_each_name),
        support_test(test_tally__adds_up_the_rows_of_its_workers),
        support_test(test_tally__outlives_the_endpoint_that_began_it),
        support_test(test_tally__has_rows_on_cache_lines_of_their_own),
        support_test(test_tally__is_small),
        support_test(test_tally__without_memory_counts_as_nobodys),
        support_test(test_tally__keeps_what_handlers_count),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
