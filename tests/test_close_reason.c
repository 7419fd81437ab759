/* SPDX-License-Identifier: MIT
   Tests of stats/close_reason.h: the words against the contract, and the counters that they count in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stats/close_reason.h"
#include "support/support.h"

/* Words and metrics are a promise to those who read access logs and draw plots: a change here breaks
   somebody. */
static const struct {
    int reason;
    enum close_reason same;
    const char *word;
    enum family family;
    const char *label;
} closes[] = {
    {PL_BY_HANDLER, CLOSED_BY_HANDLER, "by-handler", FAMILY_CONNECTIONS_CLOSED, "by-handler"},
    {PL_BY_PEER, CLOSED_BY_PEER, "by-peer", FAMILY_CONNECTIONS_CLOSED, "by-peer"},
    {PL_PEER_RESET, CLOSED_PEER_RESET, "peer-reset", FAMILY_CONNECTIONS_CLOSED, "peer-reset"},
    {PL_FIRST_BYTE_TIMEOUT, CLOSED_FIRST_BYTE_TIMEOUT, "first-byte-timeout", FAMILY_CONNECTIONS_CLOSED,
     "first-byte-timeout"},
    {PL_IDLE, CLOSED_IDLE, "idle", FAMILY_CONNECTIONS_CLOSED, "idle"},
    {PL_SEND_TIMEOUT, CLOSED_SEND_TIMEOUT, "send-timeout", FAMILY_CONNECTIONS_CLOSED, "send-timeout"},
    {PL_LIFETIME, CLOSED_LIFETIME, "lifetime", FAMILY_CONNECTIONS_CLOSED, "lifetime"},
    {PL_SLOW_READER, CLOSED_SLOW_READER, "slow-reader", FAMILY_CONNECTIONS_CLOSED, "slow-reader"},
    {PL_INPUT_FULL, CLOSED_INPUT_FULL, "input-full", FAMILY_CONNECTIONS_CLOSED, "input-full"},
    {PL_STOPPING, CLOSED_STOPPING, "stopping", FAMILY_CONNECTIONS_CLOSED, "stopping"},
    {PL_ERROR, CLOSED_ERROR, "error", FAMILY_CONNECTIONS_CLOSED, "error"},
    {PL_DENIED, CLOSED_DENIED, "acl", FAMILY_CONNECTIONS_CLOSED, "acl"},
    {PL_BY_ADMIN, CLOSED_BY_ADMIN, "by-admin", FAMILY_CONNECTIONS_CLOSED, "by-admin"},
    {PL_DISPLACED, CLOSED_DISPLACED, "displaced", FAMILY_SESSIONS_CLOSED,
     "displaced"}, /* of sessions alone */
    {PL_CONNECT_FAILED, CLOSED_CONNECT_FAILED, "connect-failed", FAMILY_OUTBOUND_FAILED, "connect-failed"},
};

static const struct {
    enum close_reason reason;
    enum family family;
    const char *word;
    const char *label;
} refusals[] = {
    {REFUSED_ACL, FAMILY_CONNECTIONS_REFUSED, "acl", "acl"},
    {REFUSED_LIMIT, FAMILY_CONNECTIONS_REFUSED, "limit", "limit"},
    {REFUSED_SERVICE_LIMIT, FAMILY_CONNECTIONS_REFUSED, "limit", "service-limit"},
    {REFUSED_PER_SOURCE, FAMILY_CONNECTIONS_REFUSED, "per-source", "per-source"},
    {REFUSED_PROXY, FAMILY_CONNECTIONS_REFUSED, "proxy", "proxy"},
    {REFUSED_PAUSED, FAMILY_CONNECTIONS_REFUSED, "paused", "paused"},
    {REFUSED_STOPPING, FAMILY_CONNECTIONS_REFUSED, "stopping", "stopping"},
    {REFUSED_ERROR, FAMILY_CONNECTIONS_REFUSED, "error", "error"},
};

enum { CLOSES = sizeof closes / sizeof closes[0], REFUSALS = sizeof refusals / sizeof refusals[0] };

static void assert_row(const struct close_reason_row *row, bool is_refusal, const char *word,
                       enum family family, const char *label)
{
    assert_string_equal(row->word, word);
    assert_int_equal(counter_row(row->counter)->family, family);
    assert_string_equal(counter_row(row->counter)->reason, label);
    assert_int_equal(row->is_refusal, is_refusal);
}

static void test_close_reason__is_what_handlers_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < CLOSES; i++) {
        assert_int_equal(closes[i].reason, closes[i].same);
        assert_row(close_reason_row(closes[i].same), false, closes[i].word, closes[i].family,
                   closes[i].label);
    }
}

static void test_close_reason__may_be_a_refusal(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        assert_row(close_reason_row(refusals[i].reason), true, refusals[i].word, refusals[i].family,
                   refusals[i].label);
    }
    assert_int_equal(CLOSE_REASON_COUNT, 1 + CLOSES + REFUSALS);
}

/* So that sums over the reasons are sums over the counters. */
static void test_close_reason__has_a_counter_of_its_own(void **state)
{
    (void)state;
    for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
        const enum family family = counter_row(counter)->family;
        const bool is_end = family == FAMILY_CONNECTIONS_CLOSED || family == FAMILY_CONNECTIONS_REFUSED ||
                            counter == COUNTER_SESSIONS_CLOSED_DISPLACED ||
                            counter == COUNTER_OUTBOUND_CONNECT_FAILED;
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
        assert_string_equal(counter_row(row->counter)->reason,
                            i == REFUSED_SERVICE_LIMIT ? "service-limit" : row->word);
        assert_int_equal(strspn(row->word, "abcdefghijklmnopqrstuvwxyz-"), strlen(row->word));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_close_reason__is_what_handlers_are_told),
        support_test(test_close_reason__may_be_a_refusal),
        support_test(test_close_reason__has_a_counter_of_its_own),
        support_test(test_close_reason__has_the_same_word_in_the_log_and_the_metric),
    };
    return cmocka_run_group_tests_name("close_reason", tests, NULL, NULL);
}
