/* SPDX-License-Identifier: MIT
   Tests of connection/udp_endpoint.c: datagrams before lists, and those that a proxy passes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/forge.h"
#include "support/journal.h"
#include "support/seen.h"

static struct address_prefix room[3][2];

static struct config_prefixes list(int which, const char *text)
{
    struct config_prefixes prefixes = {room[which], 0};
    while (*text != '\0') {
        const size_t length = strcspn(text, ",");
        assert_int_equal(address_prefix_parse(text, length, &prefixes.at[prefixes.count++]),
                         ADDRESS_PREFIX_OK);
        text += length + (text[length] == ',');
    }
    return prefixes;
}

/* One datagram that comes from `ip`: in Wine 8 all that loopback sends comes from 127.0.0.1. The answer goes nowhere. */
static void send_from(const char *ip, const void *at, size_t length)
{
    const struct pl_address to = rig_address(&seen_rig, 0);
    const struct forgery forgery = {.peer = client_address(ip, client_local(seen_client).port)};
    forge_swallow();
    forge(&forgery, 1);
    assert_int_equal(client_send_datagram(seen_client, &to, at, length), CLIENT_OK);
}

static void test_udp__takes_datagrams_from_whom_the_lists_allow(void **state)
{
    (void)state;
    static const struct {
        const char *allow, *deny, *client;
        bool is_in;
    } rows[] = {
        {"", "", "127.0.0.2", true},
        {"127.0.0.0/30", "", "127.0.0.2", true},
        {"127.0.0.0/30", "", "127.0.0.4", false},
        {"127.0.0.0/30", "127.0.0.2", "127.0.0.2", false},
        {"", "127.0.0.2", "127.0.0.2", false},
        {"", "127.0.0.2", "127.0.0.3", true},
        {"::/0", "", "127.0.0.2", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_endpoint *endpoint = seen_prepare("udp://127.0.0.1:0");
        endpoint->allow = list(0, rows[i].allow);
        endpoint->deny = list(1, rows[i].deny);
        seen_start("127.0.0.1");
        send_from(rows[i].client, "hello", 5);
        if (rows[i].is_in) {
            seen_wait(1);
        } else {
            rig_wait_for_counter(&seen_rig, COUNTER_DATAGRAMS_REFUSED_ACL, 1);
        }
        assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_RECEIVED), rows[i].is_in);
        assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_SENT), rows[i].is_in);
        assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_REFUSED_ACL), !rows[i].is_in);
        assert_int_equal(seen.count, rows[i].is_in);
        seen_end();
    }
}

/* A flood of them is no flood of lines, and none is lost. */
static void test_udp__refusals_are_told_once_a_minute_and_the_rest_at_the_stop(void **state)
{
    (void)state;
    seen_prepare("udp://127.0.0.1:0")->deny = list(0, "127.0.0.2");
    seen_rig.options.log = journal_open();
    seen_start("127.0.0.1");
    for (uint64_t i = 1; i <= 5; i++) {
        send_from("127.0.0.2", "hello", 5);
        rig_wait_for_counter(&seen_rig, COUNTER_DATAGRAMS_REFUSED_ACL, i);
    }
    journal_wait(EVENT_CLIENT_REFUSED, 1);
    journal_assert_last(EVENT_CLIENT_REFUSED, "[u] a datagram of 127.0.0.2:");
    seen_end();
    journal_wait(EVENT_CLIENT_REFUSED, 2);
    journal_assert_last(EVENT_CLIENT_REFUSED, "[u] 4 more datagrams were dropped since the last such line: ");
    journal_close();
}

/* ---- Behind a proxy ---- */

static const uint8_t head[] = {'\r', '\n', '\r', '\n', 0,    '\r', '\n', 'Q', 'U', 'I', 'T',
                               '\n', 0x21, 0x12, 0,    12,   192,  0,    2,   7,   198, 51,
                               100,  9,    0x13, 0x88, 0x01, 0xBB, 'h',  'e', 'l', 'l', 'o'};
static const uint8_t check[] = {'\r', '\n', '\r', '\n', 0,    '\r', '\n', 'Q', 'U',
                                'I',  'T',  '\n', 0x20, 0x00, 0,    0,    'h', 'i'};

static struct config_endpoint *prepare_proxied(void)
{
    struct config_endpoint *endpoint = seen_prepare("udp://127.0.0.1:0");
    endpoint->proxy_protocol = CONFIG_PROXY_BOTH;
    endpoint->trusted_proxies = list(0, "127.0.0.0/30");
    return endpoint;
}

static void expect_address(const struct pl_address *address, const char *ip, uint16_t port)
{
    const struct pl_address wanted = client_address(ip, port);
    assert_true(address_equal(address, &wanted));
}

static void test_udp__a_trusted_proxy_names_the_client_and_has_the_answer(void **state)
{
    (void)state;
    char answer[100];
    size_t length = 0;
    prepare_proxied();
    seen_start("127.0.0.1");
    const struct pl_address to = rig_address(&seen_rig, 0), proxy = client_local(seen_client);
    assert_int_equal(
        client_exchange(seen_client, &to, head, sizeof head, answer, sizeof answer, &length, CLIENT_PATIENCE),
        CLIENT_OK);
    seen_wait(1);
    assert_int_equal(length, 5);
    assert_memory_equal(answer, "hello", 5);
    assert_int_equal(seen.length, 5); /* without the header */
    assert_int_equal(seen.sum, seen_sum((const uint8_t *)"hello", 5));
    assert_int_equal(seen.info.seen, PL_PROXIED);
    expect_address(&seen.info.peer, "192.0.2.7", 5000);
    expect_address(&seen.info.local, "198.51.100.9", 443);
    assert_true(address_equal(&seen.info.proxy, &proxy));
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAM_BYTES_RECEIVED), 5);
    seen_end();
}

static void test_udp__a_health_check_is_the_proxy_itself(void **state)
{
    (void)state;
    struct config_endpoint *endpoint = prepare_proxied();
    endpoint->allow = list(1, "192.0.2.0/24"); /* the proxy is not in it */
    seen_start("127.0.0.1");
    const struct pl_address to = rig_address(&seen_rig, 0), proxy = client_local(seen_client);
    assert_int_equal(client_send_datagram(seen_client, &to, check, sizeof check), CLIENT_OK);
    seen_wait(1);
    assert_int_equal(seen.length, 2);
    assert_int_equal(seen.info.seen, 0);
    assert_true(address_equal(&seen.info.peer, &proxy));
    assert_true(address_equal(&seen.info.local, &to));
    assert_int_equal(seen.info.proxy.family, 0);
    seen_end();
}

static void test_udp__the_lists_are_about_the_client_that_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *allow, *deny, *proxy;
        enum counter counter; /* DATAGRAMS_RECEIVED: it is let in */
    } rows[] = {
        {"192.0.2.0/24", "", "127.0.0.1", COUNTER_DATAGRAMS_RECEIVED},
        {"192.0.3.0/24", "", "127.0.0.1", COUNTER_DATAGRAMS_REFUSED_ACL},
        {"", "192.0.2.7", "127.0.0.1", COUNTER_DATAGRAMS_REFUSED_ACL},
        {"", "127.0.0.1", "127.0.0.1", COUNTER_DATAGRAMS_REFUSED_ACL},
        {"", "127.0.0.1", "127.0.0.2", COUNTER_DATAGRAMS_RECEIVED},
        {"", "", "127.0.0.9", COUNTER_DATAGRAMS_REFUSED_PROXY}, /* as for TCP: it is not trusted */
        {"192.0.2.7", "", "127.0.0.9", COUNTER_DATAGRAMS_REFUSED_PROXY},
        {"", "127.0.0.9", "127.0.0.9", COUNTER_DATAGRAMS_REFUSED_ACL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_endpoint *endpoint = prepare_proxied();
        endpoint->allow = list(1, rows[i].allow);
        endpoint->deny = list(2, rows[i].deny);
        seen_rig.options.log = journal_open();
        seen_start("127.0.0.1");
        const bool is_in = rows[i].counter == COUNTER_DATAGRAMS_RECEIVED;
        send_from(rows[i].proxy, head, sizeof head);
        if (is_in) {
            seen_wait(1);
        }
        rig_wait_for_counter(&seen_rig, rows[i].counter, 1);
        assert_int_equal(seen.count, is_in);
        seen_end();
        assert_int_equal(journal_count(EVENT_CLIENT_REFUSED), !is_in);
        if (!is_in) {
            journal_assert_last(EVENT_CLIENT_REFUSED, rows[i].counter == COUNTER_DATAGRAMS_REFUSED_ACL
                                                          ? "dropped: deny or allow keeps"
                                                          : "dropped: trusted_proxies does not have");
        }
        journal_close();
    }
}

static void test_udp__a_datagram_without_a_good_header_is_dropped(void **state)
{
    (void)state;
    static const struct {
        const void *at;
        size_t length;
    } bad[] = {{"hello", 5}, {"", 0}, {head, 20}, {"PROXY UDP4 192.0.2.7 198.51.100.9 1 2\r\nhello", 43}};
    prepare_proxied();
    seen_rig.options.log = journal_open();
    seen_start("127.0.0.1");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        send_from("127.0.0.1", bad[i].at, bad[i].length);
        rig_wait_for_counter(&seen_rig, COUNTER_DATAGRAMS_REFUSED_PROXY, i + 1);
    }
    journal_wait(EVENT_PROXY_HEADER_REFUSED, 1);
    journal_assert_last(EVENT_PROXY_HEADER_REFUSED, "[u] the proxy 127.0.0.1:");
    send_from("127.0.0.1", head, sizeof head); /* it goes on */
    seen_wait(1);
    assert_int_equal(rig_counter(&seen_rig, COUNTER_DATAGRAMS_RECEIVED), 1);
    assert_int_equal(journal_count(EVENT_PROXY_HEADER_REFUSED), 1); /* once a minute */
    seen_end();
    journal_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        seen_test(test_udp__takes_datagrams_from_whom_the_lists_allow),
        seen_test(test_udp__refusals_are_told_once_a_minute_and_the_rest_at_the_stop),
        seen_test(test_udp__a_trusted_proxy_names_the_client_and_has_the_answer),
        seen_test(test_udp__a_health_check_is_the_proxy_itself),
        seen_test(test_udp__the_lists_are_about_the_client_that_is_named),
        seen_test(test_udp__a_datagram_without_a_good_header_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
