/* SPDX-License-Identifier: MIT
   Tests of endpoint/own_ports.h and connection/own_sources.h: is a datagram's source one of our own endpoints? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "connection/own_sources.h"
#include "io/network.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/random.h"
#include "support/seam.h"
#include "support/support.h"

static const struct hash_key key = {{3, 4}};

static void set(struct own_ports *ports, size_t number, const char *ip, uint16_t port, bool is_dual_stack)
{
    const struct pl_address address = client_address(ip, port);
    own_ports_set(ports, number, &address, is_dual_stack, true);
}

static void unset(struct own_ports *ports, size_t number)
{
    const struct pl_address none = {0};
    own_ports_set(ports, number, &none, false, false);
}

static enum own_port_match find(const struct own_ports *ports, const char *ip, uint16_t port)
{
    const struct pl_address source = client_address(ip, port);
    return own_ports_find(ports, &source);
}

/* ---- Ports ---- */

static void test_own_ports__finds_what_is_bound(void **state)
{
    (void)state;
    struct own_ports ports;
    assert_true(own_ports_init(&ports, 6));
    assert_int_equal(find(&ports, "127.0.0.1", 80), OWN_PORT_NOT);
    set(&ports, 0, "127.0.0.1", 80, false);
    set(&ports, 1, "0.0.0.0", 81, false);
    set(&ports, 2, "::", 82, false);
    set(&ports, 3, "::", 83, true);
    set(&ports, 4, "fe80::1", 80, false);
    ports.table->at[4].address.scope = 3;
    assert_int_equal(find(&ports, "127.0.0.1", 80), OWN_PORT_YES);
    assert_int_equal(find(&ports, "127.0.0.1", 88), OWN_PORT_NOT); /* in the same bucket */
    assert_int_equal(find(&ports, "127.0.0.2", 80), OWN_PORT_NOT);
    assert_int_equal(find(&ports, "::1", 80), OWN_PORT_NOT);
    assert_int_equal(find(&ports, "fe80::1", 80), OWN_PORT_NOT); /* of another interface */
    assert_int_equal(find(&ports, "192.0.2.1", 81), OWN_PORT_WILDCARD);
    assert_int_equal(find(&ports, "2001:db8::1", 81), OWN_PORT_NOT);
    assert_int_equal(find(&ports, "2001:db8::1", 82), OWN_PORT_WILDCARD);
    assert_int_equal(find(&ports, "192.0.2.1", 82), OWN_PORT_NOT);
    assert_int_equal(find(&ports, "2001:db8::1", 83), OWN_PORT_WILDCARD);
    assert_int_equal(find(&ports, "192.0.2.1", 83), OWN_PORT_WILDCARD);
    own_ports_fini(&ports);
}

static void test_own_ports__the_exact_address_counts_before_the_wildcard(void **state)
{
    (void)state;
    for (size_t order = 0; order < 2; order++) {
        struct own_ports ports;
        assert_true(own_ports_init(&ports, 2));
        set(&ports, order, "::1", 80, false);
        set(&ports, 1 - order, "0.0.0.0", 80, false);
        assert_int_equal(find(&ports, "::1", 80), OWN_PORT_YES);
        assert_int_equal(find(&ports, "127.0.0.1", 80), OWN_PORT_WILDCARD);
        unset(&ports, order);
        assert_int_equal(find(&ports, "::1", 80), OWN_PORT_NOT);
        assert_int_equal(find(&ports, "127.0.0.1", 80), OWN_PORT_WILDCARD);
        set(&ports, order, "::1", 80, false);
        set(&ports, order, "::1", 80, false);
        unset(&ports, 1 - order);
        assert_int_equal(find(&ports, "::1", 80), OWN_PORT_YES);
        assert_int_equal(find(&ports, "127.0.0.1", 80), OWN_PORT_NOT);
        own_ports_fini(&ports);
    }
}

static void test_own_ports__agrees_with_a_list(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    static bool is_bound[COUNT];
    struct random random = {5};
    struct own_ports ports;
    assert_true(own_ports_init(&ports, COUNT));
    for (size_t step = 0; step < 20000; step++) {
        const uint32_t number = random_below(&random, COUNT);
        is_bound[number] = random_below(&random, 2) == 0;
        if (is_bound[number]) {
            set(&ports, number, "127.0.0.1", (uint16_t)(60000 + number * 7), false);
        } else {
            unset(&ports, number);
        }
        const uint32_t other = random_below(&random, COUNT);
        assert_int_equal(find(&ports, "127.0.0.1", (uint16_t)(60000 + other * 7)),
                         is_bound[other] ? OWN_PORT_YES : OWN_PORT_NOT);
    }
    own_ports_fini(&ports);
}

static void test_own_ports__needs_memory(void **state)
{
    (void)state;
    struct own_ports ports;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_false(own_ports_init(&ports, 10));
    fault_clear();
    assert_int_equal(ledger_count(LEDGER_BLOCK), 0);
}

/* Other sockets, with other numbers: who is reading goes on in the old table. */
static void test_own_ports__changes_all_at_once(void **state)
{
    (void)state;
    struct own_ports ports;
    const struct pl_address old = {.family = 4, .port = 7, .ip = {127, 0, 0, 1}};
    const struct pl_address new = {.family = 4, .port = 9, .ip = {127, 0, 0, 1}};
    assert_true(own_ports_init(&ports, 1));
    own_ports_set(&ports, 0, &old, false, true);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_false(own_ports_prepare(&ports, 5));
    fault_clear();
    assert_true(own_ports_prepare(&ports, 5));
    own_ports_set(&ports, 4, &new, false, true);
    assert_int_equal(own_ports_find(&ports, &old), OWN_PORT_YES);
    assert_int_equal(own_ports_find(&ports, &new), OWN_PORT_NOT);
    own_ports_publish(&ports);
    assert_int_equal(own_ports_find(&ports, &old), OWN_PORT_NOT);
    assert_int_equal(own_ports_find(&ports, &new), OWN_PORT_YES);
    own_ports_tidy(&ports);
    assert_true(own_ports_prepare(&ports, 1));
    own_ports_forget(&ports);
    own_ports_fini(&ports);
}

/* ---- Sources ---- */

static struct network network;
static struct own_ports ports;
static struct own_sources sources;

/* The engine has the port 1000 on all addresses, and 2000 on 127.0.0.1. */
static void begin(void)
{
    struct failure failure;
    assert_true(network_start(&network, &failure));
    assert_true(own_ports_init(&ports, 3));
    set(&ports, 0, "::", 1000, true);
    set(&ports, 1, "127.0.0.1", 2000, false);
    own_sources_init(&sources, &ports, &key);
    fault_clear();
}

static void end(void)
{
    own_sources_fini(&sources);
    own_ports_fini(&ports);
    network_stop(&network);
}

static bool has(const char *ip, uint16_t port, uint64_t now)
{
    const struct pl_address source = client_address(ip, port);
    return own_sources_has(&sources, &source, now);
}

static void test_own_sources__asks_the_system_only_where_it_must(void **state)
{
    (void)state;
    begin();
    assert_false(has("198.51.100.1", 999, 0));
    assert_false(has("127.0.0.1", 999, 0));
    assert_true(has("127.0.0.1", 2000, 0));
    assert_false(has("127.0.0.2", 2000, 0));
    assert_true(has("127.1.2.3", 1000, 0));
    assert_true(has("::1", 1000, 0));
    assert_int_equal(fault_calls(IMPORT_WSASocketW), 0);
    assert_int_equal(fault_calls(IMPORT_HeapAlloc), 0);
    assert_false(has("198.51.100.1", 1000, 0));
    assert_false(has("2001:db8::1", 1000, 0));
    assert_int_equal(fault_calls(IMPORT_WSASocketW), 2);
    assert_int_equal(fault_calls(IMPORT_closesocket), 2);
    end();
}

static void test_own_sources__asks_for_each_address_once_in_a_while(void **state)
{
    (void)state;
    begin();
    const uint64_t start = UINT64_C(0x123456789);
    for (uint64_t now = start; now < start + 30000; now += 500) {
        assert_false(has("198.51.100.1", 1000, now));
    }
    assert_int_equal(fault_calls(IMPORT_bind), 1);
    assert_false(has("198.51.100.1", 1000, start + 30000));
    assert_int_equal(fault_calls(IMPORT_bind), 2);
    assert_false(has("198.51.100.2", 1000, start + 30000));
    assert_int_equal(fault_calls(IMPORT_bind), 3);
    end();
}

/* An address that this machine has, as if it was not loopback. */
static volatile LONG binds;

static int WSAAPI bind_anything(SOCKET s, const struct sockaddr *address, int length)
{
    (void)s, (void)address, (void)length;
    InterlockedIncrement(&binds);
    return 0;
}

static void test_own_sources__knows_the_addresses_of_this_machine(void **state)
{
    (void)state;
    begin();
    binds = 0;
    seam_replace(IMPORT_bind, (seam_function)bind_anything);
    assert_true(has("198.51.100.1", 1000, 0));
    assert_true(has("198.51.100.1", 1000, 29999));
    assert_int_equal(binds, 1);
    seam_replace(IMPORT_bind, NULL); /* the machine has lost it */
    assert_false(has("198.51.100.1", 1000, 30000));
    end();
}

static void test_own_sources__says_yes_where_it_cannot_ask(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        DWORD code;
    } rows[] = {{IMPORT_WSASocketW, WSAEMFILE}, {IMPORT_WSASocketW, WSAENOBUFS}, {IMPORT_bind, WSAENOBUFS}};
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fault_arm(rows[i].import, 1, rows[i].code, 2);
        assert_true(has("198.51.100.1", 1000, 5));
        assert_true(has("198.51.100.1", 1000, 5)); /* it is not remembered */
        assert_int_equal(fault_hits(), 2);
        fault_clear();
    }
    assert_false(has("198.51.100.1", 1000, 5));
    end();
}

static void test_own_sources__does_without_a_cache(void **state)
{
    (void)state;
    begin();
    fault_arm(IMPORT_HeapAlloc, 1, 0, 2);
    assert_false(has("198.51.100.1", 1000, 5));
    assert_false(has("198.51.100.1", 1000, 5));
    assert_int_equal(fault_calls(IMPORT_bind), 2);
    assert_int_equal(fault_hits(), 2);
    end();
}

/* Many made-up sources cannot keep us busy with asking. */
static void test_own_sources__asks_so_often_a_second_and_not_more(void **state)
{
    (void)state;
    begin();
    binds = 0;
    seam_replace(IMPORT_bind, (seam_function)bind_anything);
    for (uint64_t second = 7; second < 9; second++) {
        struct pl_address source = client_address("198.51.0.0", 1000);
        for (unsigned i = 0; i < 2 * OWN_SOURCES_ASKED; i++) {
            source.ip[1] = (uint8_t)(second * 8 + i / 256);
            source.ip[3] = (uint8_t)i;
            assert_true(own_sources_has(&sources, &source, second * 1000 + i / 3));
        }
        assert_int_equal(InterlockedExchange(&binds, 0), OWN_SOURCES_ASKED);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_own_ports__finds_what_is_bound),
        support_test(test_own_ports__the_exact_address_counts_before_the_wildcard),
        support_test(test_own_ports__agrees_with_a_list),
        support_test(test_own_ports__needs_memory),
        support_test(test_own_ports__changes_all_at_once),
        support_test(test_own_sources__asks_the_system_only_where_it_must),
        support_test(test_own_sources__asks_for_each_address_once_in_a_while),
        support_test(test_own_sources__knows_the_addresses_of_this_machine),
        support_test(test_own_sources__says_yes_where_it_cannot_ask),
        support_test(test_own_sources__does_without_a_cache),
        support_test(test_own_sources__asks_so_often_a_second_and_not_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
