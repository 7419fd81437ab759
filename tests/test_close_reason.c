/* SPDX-License-Identifier: MIT
   Tests of stats/close_reason.h: the words against the contract, and the counters that they count in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "stats/close_reason.h"
#include "support/support.h"

/* Words and metrics are a promise to those who read access logs and draw plots: a change here breaks
   somebody. */
static const struct {
    int reason;
    enum close_reason same;
    const char *word;
    const char *metric;
} closes[] = {
    {PL_BY_HANDLER, CLOSED_BY_HANDLER, "by-handler", "connections_closed_by_handler_total"},
    {PL_BY_PEER, CLOSED_BY_PEER, "by-peer", "connections_closed_by_peer_total"},
    {PL_PEER_RESET, CLOSED_PEER_RESET, "peer-reset", "connections_closed_peer_reset_total"},
    {PL_FIRST_BYTE_TIMEOUT, CLOSED_FIRST_BYTE_TIMEOUT, "first-byte-timeout",
     "connections_closed_first_byte_timeout_total"},
    {PL_IDLE, CLOSED_IDLE, "idle", "connections_closed_idle_total"},
    {PL_SEND_TIMEOUT, CLOSED_SEND_TIMEOUT, "send-timeout", "connections_closed_send_timeout_total"},
    {PL_LIFETIME, CLOSED_LIFETIME, "lifetime", "connections_closed_lifetime_total"},
    {PL_SLOW_READER, CLOSED_SLOW_READER, "slow-reader", "connections_closed_slow_reader_total"},
    {PL_INPUT_FULL, CLOSED_INPUT_FULL, "input-full", "connections_closed_input_full_total"},
    {PL_STOPPING, CLOSED_STOPPING, "stopping", "connections_closed_stopping_total"},
    {PL_ERROR, CLOSED_ERROR, "error", "connections_closed_error_total"},
    {PL_DENIED, CLOSED_DENIED, "acl", "connections_closed_acl_total"},
    {PL_BY_ADMIN, CLOSED_BY_ADMIN, "by-admin", "connections_closed_by_admin_total"},
    {PL_DISPLACED, CLOSED_DISPLACED, "displaced", "sessions_closed_displaced_total"}, /* of sessions alone */
};

static const struct {
    enum close_reason reason;
    const char *word;
    const char *metric;
} refusals[] = {
    {REFUSED_ACL, "acl", "connections_refused_acl_total"},
    {REFUSED_LIMIT, "limit", "connections_refused_limit_total"},
    {REFUSED_SERVICE_LIMIT, "limit", "connections_refused_service_limit_total"},
    {REFUSED_PER_SOURCE, "per-source", "connections_refused_per_source_total"},
    {REFUSED_PROXY, "proxy", "connections_refused_proxy_total"},
    {REFUSED_PAUSED, "paused", "connections_refused_paused_total"},
    {REFUSED_STOPPING, "stopping", "connections_refused_stopping_total"},
    {REFUSED_ERROR, "error", "connections_refused_error_total"},
};

enum { CLOSES = sizeof closes / sizeof closes[0], REFUSALS = sizeof refusals / sizeof refusals[0] };

static void assert_row(const struct close_reason_row *row, bool is_refusal, const char *word,
                       const char *metric)
{
    assert_string_equal(row->word, word);
    assert_string_equal(counter_row(row->counter)->metric, metric);
    assert_int_equal(row->is_refusal, is_refusal);
}

static void test_close_reason__is_what_handlers_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < CLOSES; i++) {
        assert_int_equal(closes[i].reason, closes[i].same);
        assert_row(close_reason_row(closes[i].same), false, closes[i].word, closes[i].metric);
    }
}

static void test_close_reason__may_be_a_refusal(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        assert_row(close_reason_row(refusals[i].reason), true, refusals[i].word, refusals[i].metric);
    }
    assert_int_equal(CLOSE_REASON_COUNT, 1 + CLOSES + REFUSALS);
}

/* So that sums over the reasons are sums over the counters. */
static void test_close_reason__has_a_counter_of_its_own(void **state)
{
    (void)state;
    for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
        const char *metric = counter_row(counter)->metric;
        const bool is_end = strncmp(metric, "connections_closed_", 19) == 0 ||
                            strncmp(metric, "connections_refused_", 20) == 0 ||
                            counter == COUNTER_SESSIONS_CLOSED_DISPLACED;
        int reasons = 0;
        for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
            reasons += close_reason_row(i)->counter == counter;
        }
        assert_int_equal(reasons, is_end ? 1 : 0);
    }
}

/* Nothing in an access log needs quotes, and both words for one thing stay the same: but the log has one for both limits. */
static void test_close_reason__has_the_same_word_in_the_log_and_the_metric(void **state)
{
    (void)state;
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        const struct close_reason_row *row = close_reason_row(i);
        char room[64];
        struct text metric;
        text_init(&metric, room, sizeof room);
        text_add_format(&metric, "%s_%s_%s%s_total",
                        row->counter == COUNTER_SESSIONS_CLOSED_DISPLACED ? "sessions" : "connections",
                        row->is_refusal ? "refused" : "closed", i == REFUSED_SERVICE_LIMIT ? "service-" : "",
                        row->word);
        for (char *at = room; *at != '\0'; at++) {
            *at = (char)(*at == '-' ? '_' : *at);
        }
        assert_string_equal(counter_row(row->counter)->metric, room);
        assert_int_equal(strspn(row->word, "abcdefghijklmnopqrstuvwxyz-"), strlen(row->word));
    }
}

static void test_close_reason__pauses_of_the_accept_rate_refuse_nobody(void **state)
{
    (void)state;
    assert_string_equal(counter_row(COUNTER_ACCEPT_PAUSES_RATE)->metric, "accept_pauses_rate_total");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_close_reason__is_what_handlers_are_told),
        support_test(test_close_reason__may_be_a_refusal),
        support_test(test_close_reason__has_a_counter_of_its_own),
        support_test(test_close_reason__has_the_same_word_in_the_log_and_the_metric),
        support_test(test_close_reason__pauses_of_the_accept_rate_refuse_nobody),
    };
    return cmocka_run_group_tests_name("close_reason", tests, NULL, NULL);
}
