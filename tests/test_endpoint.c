/* SPDX-License-Identifier: MIT
   Tests of endpoint/endpoint.c: handlers that are not what they must be, and what is told of bad
   PROXY headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "endpoint/endpoint.h"
#include "support/journal.h"
#include "support/rig.h"
#include "support/support.h"

static int starts, stops;
static uint32_t checked;
static void *previous_seen;

static int32_t start(pl_start *at)
{
    starts++;
    assert_string_equal(at->name, "e");
    checked = at->check;
    previous_seen = at->previous;
    at->state = &starts;
    return PL_OK;
}

static int32_t start_in_vain(pl_start *at)
{
    starts++;
    memset(at->error, 'x', at->error_room); /* not even ended */
    return PL_NO_MEMORY;
}

static void stop(void *state)
{
    assert_ptr_equal(state, &starts);
    stops++;
}

static size_t take(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length;
}

static const struct pl_handler good = {.size = sizeof(struct pl_handler),
                                       .abi_major = PL_ABI_MAJOR,
                                       .abi_minor = PL_ABI_MINOR,
                                       .needs_minor = PL_ABI_MINOR,
                                       .flags = PL_TCP,
                                       .name = "good",
                                       .version = "1",
                                       .summary = "for tests",
                                       .start = start,
                                       .stop = stop,
                                       .on_data = take};

static struct config_endpoint config = {.name = (char *)(uintptr_t) "e"};
static struct failure failure;

static bool is_started(const struct pl_handler *handler)
{
    struct endpoint endpoint = {.config = &config, .handler = handler};
    const pl_host host = {.size = sizeof host};
    starts = stops = 0;
    memset(&failure, 0, sizeof failure);
    const bool is_started = endpoint_start(&endpoint, &host, NULL, &failure);
    endpoint_stop(&endpoint);
    endpoint_stop(&endpoint); /* harmless */
    endpoint_fini(&endpoint);
    assert_int_equal(stops, is_started);
    return is_started;
}

static void test_endpoint__starts_and_stops_its_handler_once(void **state)
{
    (void)state;
    assert_true(is_started(&good));
    assert_int_equal(starts, 1);
}

static void test_endpoint__runs_a_handler_of_a_newer_kind_that_needs_no_newer_host(void **state)
{
    (void)state;
    struct pl_handler newer = good;
    newer.size += 64;
    newer.abi_minor = PL_ABI_MINOR + 1;
    assert_true(is_started(&newer));
}

static void test_endpoint__runs_a_handler_of_an_older_kind(void **state)
{
    (void)state;
    struct pl_handler older = good;
    older.size = offsetof(struct pl_handler, option_size); /* what 0.3 ended with */
    older.abi_minor = older.needs_minor = 3;
    assert_true(is_started(&older));
}

static void test_endpoint__refuses_a_handler_before_it_calls_it(void **state)
{
    (void)state;
    struct pl_handler wrong[7];
    static const char *const words[] = {
        "another version of the handler contract", "another version of the handler contract",
        "another version of the handler contract", "it takes TCP and lacks on_data",
        "it takes UDP and lacks on_datagram",      "its max_input is over 16777216",
        "its max_input is over 16777216"};
    for (size_t i = 0; i < 7; i++) {
        wrong[i] = good;
    }
    wrong[0].abi_major = PL_ABI_MAJOR + 1;
    wrong[1].needs_minor = PL_ABI_MINOR + 1;
    wrong[2].size = offsetof(struct pl_handler, option_size) - 1;
    wrong[3].on_data = NULL;
    wrong[4].flags = PL_TCP | PL_UDP;
    wrong[5].max_input = 16777217;
    wrong[6].max_input = UINT32_MAX;
    for (size_t i = 0; i < 7; i++) {
        assert_false(is_started(&wrong[i]));
        assert_int_equal(starts, 0);
        assert_int_equal(failure.code, EXIT_CODE_CONFIGURATION);
        assert_non_null(strstr(failure.text, "endpoint e: the handler good could not start: "));
        assert_non_null(strstr(failure.text, words[i]));
    }
    wrong[6].max_input = 16777216;
    assert_true(is_started(&wrong[6]));
}

static void test_endpoint__survives_an_error_text_without_an_end(void **state)
{
    (void)state;
    struct pl_handler handler = good;
    handler.start = start_in_vain;
    assert_false(is_started(&handler));
    assert_non_null(strstr(failure.text, "could not start: xxxx"));
}

/* ---- Checks, and a second state ---- */

static void test_endpoint__hands_over_the_state_before(void **state)
{
    (void)state;
    struct endpoint endpoint = {.config = &config, .handler = &good};
    const pl_host host = {.size = sizeof host};
    int before = 0;
    assert_true(endpoint_start(&endpoint, &host, &before, &failure));
    assert_ptr_equal(previous_seen, &before);
    assert_int_equal(checked, 0);
    endpoint_stop(&endpoint);
    endpoint_fini(&endpoint);
    assert_true(is_started(&good));
    assert_null(previous_seen);
}

static void test_endpoint__checks_and_leaves_nothing(void **state)
{
    (void)state;
    struct pl_handler handler = good;
    struct endpoint endpoint = {.config = &config, .handler = &handler};
    const pl_host host = {.size = sizeof host};
    int before = 0;
    starts = stops = 0;
    assert_true(endpoint_check(&endpoint, &host, &before, &failure));
    assert_int_equal(checked, 1);
    assert_ptr_equal(previous_seen, &before);
    assert_int_equal(starts, 1);
    assert_int_equal(stops, 1);
    assert_null(endpoint.state);
    assert_int_equal(endpoint.is_started, 0);
    handler.stop = NULL;
    assert_true(endpoint_check(&endpoint, &host, NULL, &failure));
    assert_int_equal(stops, 1);
    endpoint_stop(&endpoint);
    endpoint_fini(&endpoint);
}

static void test_endpoint__tells_why_a_check_fails(void **state)
{
    (void)state;
    struct pl_handler handler = good;
    struct endpoint endpoint = {.config = &config, .handler = &handler};
    const pl_host host = {.size = sizeof host};
    stops = 0;
    handler.start = start_in_vain;
    assert_false(endpoint_check(&endpoint, &host, NULL, &failure));
    assert_non_null(strstr(failure.text, "endpoint e: the handler good could not start: xxxx"));
    handler.on_data = NULL;
    assert_false(endpoint_check(&endpoint, &host, NULL, &failure));
    assert_non_null(strstr(failure.text, "it takes TCP and lacks on_data"));
    assert_int_equal(stops, 0);
    endpoint_stop(&endpoint);
    endpoint_fini(&endpoint);
}

static void test_endpoint__does_not_check_what_knows_of_no_check(void **state)
{
    (void)state;
    struct pl_handler older = good;
    struct endpoint endpoint = {.config = &config, .handler = &older};
    const pl_host host = {.size = sizeof host};
    starts = 0;
    older.abi_minor = older.needs_minor = 6;
    assert_true(endpoint_check(&endpoint, &host, NULL, &failure));
    assert_int_equal(starts, 0);
    endpoint_stop(&endpoint);
    endpoint_fini(&endpoint);
}

/* ---- What is told of bad PROXY headers ---- */

static size_t tell_at(struct endpoint *endpoint, uint64_t now)
{
    const struct pl_address proxy = {.family = 4, .ip = {192, 0, 2, 1}, .port = 999};
    endpoint_tell_header(endpoint, now, 0, &proxy, "it is none");
    return journal_count(EVENT_PROXY_HEADER_REFUSED);
}

static void test_endpoint__tells_of_a_bad_header_once_a_minute(void **state)
{
    (void)state;
    static const struct {
        uint64_t now;
        size_t lines; /* then */
    } rows[] = {{5000, 1},  {5000, 1},   {5001, 1},   {64999, 1}, {65000, 2},
                {65001, 2}, {124999, 2}, {125000, 3}, {500000, 4}};
    struct endpoint endpoint = {.config = &config, .handler = &good, .log = journal_open()};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(tell_at(&endpoint, rows[i].now), rows[i].lines);
    }
    journal_assert_last(EVENT_PROXY_HEADER_REFUSED, "[e]");
    journal_assert_last(EVENT_PROXY_HEADER_REFUSED,
                        "the proxy 192.0.2.1:999 sent no good PROXY header: it is none");
    endpoint_stop(&endpoint);
    endpoint_fini(&endpoint);
    journal_close();
}

static void test_endpoint__tells_at_its_stop_what_it_has_not_told(void **state)
{
    (void)state;
    const struct pl_address client = {.family = 4, .ip = {192, 0, 2, 7}, .port = 51000};
    struct endpoint endpoint = {.config = &config, .handler = &good, .log = journal_open()};
    for (int i = 0; i < 5; i++) {
        endpoint_tell(&endpoint, 5000, COUNTER_REFUSED_ACL, &client);
        endpoint_tell(&endpoint, 5000, COUNTER_DATAGRAMS_REFUSED_PAUSED, &client); /* of no interest */
    }
    tell_at(&endpoint, 5000);
    tell_at(&endpoint, 5000);
    endpoint_tell(&endpoint, 5000, COUNTER_DATAGRAMS_REFUSED_ACL, &client); /* told, and no more of it */
    journal_wait(EVENT_CLIENT_REFUSED, 2);
    endpoint_stop(&endpoint);
    endpoint_fini(&endpoint);
    journal_wait(EVENT_CLIENT_REFUSED, 3);
    journal_assert_last(EVENT_CLIENT_REFUSED,
                        "[e] 4 more clients were reset since the last such line: deny or");
    journal_wait(EVENT_PROXY_HEADER_REFUSED, 2);
    journal_assert_last(EVENT_PROXY_HEADER_REFUSED,
                        "[e] 1 more bad PROXY headers came since the last such line");
    endpoint_stop(&endpoint); /* nothing is left */
    assert_int_equal(journal_count(EVENT_CLIENT_REFUSED), 3);
    journal_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_endpoint__starts_and_stops_its_handler_once),
        support_test(test_endpoint__runs_a_handler_of_a_newer_kind_that_needs_no_newer_host),
        support_test(test_endpoint__runs_a_handler_of_an_older_kind),
        support_test(test_endpoint__refuses_a_handler_before_it_calls_it),
        support_test(test_endpoint__survives_an_error_text_without_an_end),
        support_test(test_endpoint__hands_over_the_state_before),
        support_test(test_endpoint__checks_and_leaves_nothing),
        support_test(test_endpoint__tells_why_a_check_fails),
        support_test(test_endpoint__does_not_check_what_knows_of_no_check),
        rig_test(test_endpoint__tells_of_a_bad_header_once_a_minute),
        rig_test(test_endpoint__tells_at_its_stop_what_it_has_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
