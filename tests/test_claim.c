/* SPDX-License-Identifier: MIT
   Tests of connection/claim.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "connection/claim.h"

#include <cmocka.h>

#include "accept/access_lists.h"
#include "accept/admission.h"
#include "base/address.h"
#include "base/address_prefix.h"
#include "support/fault.h"
#include "support/support.h"

/* An endpoint behind the proxy 127.0.0.1 and what belongs to it. */
static struct {
    struct config_endpoint config;
    struct access_lists lists;
    struct connection_limit process;
    struct address_prefix proxy, stranger;
    struct endpoint endpoint;
} it;

static struct address_prefix prefix(const char *text)
{
    struct address_prefix parsed;
    assert_int_equal(address_prefix_parse(text, strlen(text), &parsed), ADDRESS_PREFIX_OK);
    return parsed;
}

/* It has entered; one client of a source may come in. */
static void begin(void)
{
    static const struct hash_key key = {{1, 2}};
    const struct pl_address peer = {.family = 4, .port = 1, .ip = {127, 0, 0, 1}};
    memset(&it, 0, sizeof it);
    access_lists_init(&it.lists);
    it.proxy = prefix("127.0.0.1");
    it.stranger = prefix("192.0.2.66");
    it.config.proxy_protocol = CONFIG_PROXY_V1;
    it.config.trusted_proxies = (struct config_prefixes){&it.proxy, 1};
    it.config.deny = (struct config_prefixes){&it.stranger, 1};
    it.config.max_connections_per_source = 1;
    it.endpoint.config = &it.config;
    it.endpoint.admission = admission_create(&it.config, &it.lists, &it.process, &key);
    assert_non_null(it.endpoint.admission);
    assert_int_equal(admission_enter(it.endpoint.admission, &peer, 1000), ADMISSION_GRANTED);
}

static void end(const struct pl_address *source)
{
    admission_leave(it.endpoint.admission, source);
    admission_destroy(it.endpoint.admission);
    access_lists_fini(&it.lists);
}

static bool read_claim(const char *header, struct claim *claim_out)
{
    return claim_read(&it.endpoint, (const uint8_t *)header, strlen(header), claim_out);
}

#define HEADER(client) "PROXY TCP4 " client " 198.51.100.9 5000 443\r\n"

static void assert_is(const struct pl_address *address, const char *ip, uint16_t port)
{
    struct pl_address wanted;
    assert_true(address_parse(ip, strlen(ip), &wanted));
    wanted.port = port;
    assert_true(address_equal(address, &wanted));
}

/* ---- Tests ---- */

static void test_claim__waits_for_the_whole_header(void **state)
{
    (void)state;
    static const char header[] = HEADER("192.0.2.7");
    struct claim claim;
    begin();
    for (size_t length = 0; length < sizeof header - 1; length++) {
        assert_false(claim_read(&it.endpoint, (const uint8_t *)header, length, &claim));
    }
    assert_true(read_claim(HEADER("192.0.2.7") "hello", &claim));
    assert_int_equal(claim.length, sizeof header - 1);
    end(&claim.source);
}

static void test_claim__names_the_client(void **state)
{
    (void)state;
    struct claim claim;
    begin();
    assert_true(read_claim(HEADER("192.0.2.7"), &claim));
    assert_int_equal(claim.refusal, CLOSE_REASON_NONE);
    assert_null(claim.problem);
    assert_true(claim.is_proxied);
    assert_is(&claim.source, "192.0.2.7", 5000);
    assert_is(&claim.destination, "198.51.100.9", 443);
    end(&claim.source);
}

static void test_claim__of_nobody_is_the_proxy_itself(void **state)
{
    (void)state;
    struct claim claim;
    begin();
    assert_true(read_claim("PROXY UNKNOWN\r\n", &claim));
    assert_int_equal(claim.refusal, CLOSE_REASON_NONE);
    assert_false(claim.is_proxied);
    assert_int_equal(claim.length, 15);
    end(NULL);
}

static void test_claim__that_is_none_is_told(void **state)
{
    (void)state;
    struct claim claim;
    begin();
    assert_true(read_claim("GET / HTTP/1.1\r\n", &claim));
    assert_int_equal(claim.refusal, REFUSED_PROXY);
    assert_non_null(claim.problem);
    assert_false(claim.is_proxied);
    end(NULL);
}

/* Refused with its name, and counted for no source. */
static void expect_refused(const char *header, enum close_reason refusal)
{
    struct claim claim;
    assert_true(read_claim(header, &claim));
    assert_int_equal(claim.refusal, refusal);
    assert_null(claim.problem);
    assert_int_equal(claim.is_proxied, strstr(header, "UNKNOWN") == NULL);
}

static void test_claim__is_judged_as_the_client_would_be(void **state)
{
    (void)state;
    struct claim first;
    begin();
    expect_refused(HEADER("192.0.2.66"), REFUSED_ACL);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    expect_refused(HEADER("192.0.2.7"), REFUSED_ERROR);
    fault_clear();
    assert_true(read_claim(HEADER("192.0.2.7"), &first));
    assert_int_equal(first.refusal, CLOSE_REASON_NONE);
    expect_refused(HEADER("192.0.2.7"), REFUSED_PER_SOURCE);
    end(&first.source);
}

static void test_claim__comes_too_late_once_the_service_is_paused_or_stops(void **state)
{
    (void)state;
    static const char *const headers[] = {HEADER("192.0.2.7"), HEADER("192.0.2.66"), "PROXY UNKNOWN\r\n"};
    begin();
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        it.endpoint.is_paused = 1;
        expect_refused(headers[i], REFUSED_PAUSED);
        it.endpoint.is_stopping = 1;
        expect_refused(headers[i], REFUSED_STOPPING);
        it.endpoint.is_paused = 0;
        expect_refused(headers[i], REFUSED_STOPPING);
        it.endpoint.is_stopping = 0;
    }
    end(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_claim__waits_for_the_whole_header),
        support_test(test_claim__names_the_client),
        support_test(test_claim__of_nobody_is_the_proxy_itself),
        support_test(test_claim__that_is_none_is_told),
        support_test(test_claim__is_judged_as_the_client_would_be),
        support_test(test_claim__comes_too_late_once_the_service_is_paused_or_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
