/* SPDX-License-Identifier: MIT
   Tests of accept/admission.h, by itself; test_binding.c has real clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "accept/admission.h"

#include <cmocka.h>

#include "accept/access_lists.h"
#include "base/address.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/seam.h"
#include "support/support.h"

enum { LISTS = 4, NOW = 5000 };

/* One endpoint's settings and what is made of them. */
static struct {
    struct config_endpoint config;
    struct access_lists lists;
    struct connection_limit process;
    struct address_prefix allow[LISTS], deny[LISTS], proxies[LISTS];
    struct admission *admission;
} it;

static const struct hash_key key = {{1, 2}};

static struct pl_address address(const char *ip)
{
    struct pl_address parsed;
    assert_true(address_parse(ip, strlen(ip), &parsed));
    parsed.port = 999;
    return parsed;
}

static void begin(void)
{
    memset(&it, 0, sizeof it);
    access_lists_init(&it.lists);
    it.config.allow.at = it.allow;
    it.config.deny.at = it.deny;
    it.config.trusted_proxies.at = it.proxies;
}

static void add(struct config_prefixes *list, const char *ip, uint8_t length)
{
    assert_in_range(list->count, 0, LISTS - 1);
    list->at[list->count] = (struct address_prefix){.address = address(ip), .length = length};
    list->at[list->count++].address.port = 0;
}

static void create(void)
{
    it.admission = admission_create(&it.config, &it.lists, &it.process, &key);
    assert_non_null(it.admission);
}

static void end(void)
{
    assert_int_equal(admission_active(it.admission), 0);
    assert_int_equal(it.process.active, 0);
    admission_destroy(it.admission);
    access_lists_fini(&it.lists);
}

static enum admission_verdict enter(const char *ip)
{
    const struct pl_address peer = address(ip);
    return admission_enter(it.admission, &peer, NOW);
}

static void leave(const char *ip)
{
    const struct pl_address peer = address(ip);
    admission_leave(it.admission, &peer);
}

/* In, and out again. */
static void expect(const char *ip, enum admission_verdict verdict)
{
    const enum admission_verdict result = enter(ip);
    if (result != verdict) {
        fail_msg("%s: %d", ip, (int)result);
    }
    if (result == ADMISSION_GRANTED) {
        leave(ip);
    }
}

static void test_admission__lets_everybody_in_without_lists(void **state)
{
    (void)state;
    begin();
    create();
    expect("192.0.2.1", ADMISSION_GRANTED);
    expect("2001:db8::1", ADMISSION_GRANTED);
    end();
}

static void test_admission__deny_wins_over_allow(void **state)
{
    (void)state;
    begin();
    add(&it.config.allow, "192.0.2.0", 24);
    add(&it.config.allow, "2001:db8::", 32);
    add(&it.config.deny, "192.0.2.128", 25);
    add(&it.config.deny, "198.51.100.1", 32);
    create();
    expect("192.0.2.1", ADMISSION_GRANTED);
    expect("::ffff:192.0.2.1", ADMISSION_GRANTED);
    expect("192.0.2.128", ADMISSION_ACL);
    expect("::ffff:192.0.2.128", ADMISSION_ACL);
    expect("198.51.100.1", ADMISSION_ACL);
    expect("198.51.100.2", ADMISSION_ACL); /* in no list: `allow` is set */
    expect("2001:db8::1", ADMISSION_GRANTED);
    expect("2001:db9::1", ADMISSION_ACL);
    end();
}

static void test_admission__deny_alone_keeps_out_whom_it_names(void **state)
{
    (void)state;
    begin();
    add(&it.config.deny, "192.0.2.1", 32);
    create();
    expect("192.0.2.1", ADMISSION_ACL);
    expect("192.0.2.2", ADMISSION_GRANTED);
    end();
}

static void test_admission__counts_to_the_limit_of_the_endpoint(void **state)
{
    (void)state;
    begin();
    it.config.max_connections = 2;
    create();
    assert_int_equal(enter("192.0.2.1"), ADMISSION_GRANTED);
    assert_int_equal(enter("192.0.2.2"), ADMISSION_GRANTED);
    assert_int_equal(enter("192.0.2.3"), ADMISSION_LIMIT);
    assert_int_equal(admission_active(it.admission), 2);
    leave("192.0.2.1");
    assert_int_equal(enter("192.0.2.3"), ADMISSION_GRANTED);
    leave("192.0.2.2");
    leave("192.0.2.3");
    end();
}

static void test_admission__counts_to_the_limit_of_the_process(void **state)
{
    (void)state;
    begin();
    it.process.most = 2;
    it.process.active = 1; /* of another endpoint */
    create();
    assert_int_equal(enter("192.0.2.1"), ADMISSION_GRANTED);
    assert_int_equal(enter("192.0.2.2"), ADMISSION_SERVICE_LIMIT);
    assert_int_equal(admission_active(it.admission), 1); /* whom the process refused */
    leave("192.0.2.1");
    it.process.active--;
    end();
}

/* A client over both is the service's limit: raising the endpoint's would not let it in. */
static void test_admission__asks_the_process_before_the_endpoint(void **state)
{
    (void)state;
    begin();
    it.process.most = 1;
    it.config.max_connections = 1;
    create();
    assert_int_equal(enter("192.0.2.1"), ADMISSION_GRANTED);
    assert_int_equal(enter("192.0.2.2"), ADMISSION_SERVICE_LIMIT);
    it.process.most = 2;
    assert_int_equal(enter("192.0.2.2"), ADMISSION_LIMIT);
    assert_int_equal(it.process.active, 1); /* whom the endpoint refused */
    leave("192.0.2.1");
    end();
}

static void test_admission__counts_each_source(void **state)
{
    (void)state;
    begin();
    it.config.max_connections_per_source = 1;
    create();
    assert_int_equal(enter("192.0.2.1"), ADMISSION_GRANTED);
    assert_int_equal(enter("192.0.2.1"), ADMISSION_PER_SOURCE);
    assert_int_equal(admission_active(it.admission), 1);
    assert_int_equal(enter("2001:db8::1"), ADMISSION_GRANTED);
    assert_int_equal(enter("2001:db8::2"), ADMISSION_PER_SOURCE);
    const struct pl_address session = address("192.0.2.9");
    assert_int_equal(admission_enter_source(it.admission, &session), ADMISSION_GRANTED);
    assert_int_equal(enter("192.0.2.9"), ADMISSION_PER_SOURCE);
    admission_leave_source(it.admission, &session);
    leave("192.0.2.1");
    leave("2001:db8::1");
    expect("192.0.2.9", ADMISSION_GRANTED);
    end();
}

/* What is refused for one reason has used up nothing of what comes behind. Who must wait for a token takes no place. */
static void test_admission__asks_lists_then_the_rate_then_limits_then_sources(void **state)
{
    (void)state;
    begin();
    add(&it.config.deny, "192.0.2.66", 32);
    it.config.max_connections = 2;
    it.config.max_connections_per_source = 1;
    it.config.accept_rate = 1;
    it.config.accept_burst = 2;
    create();
    uint64_t next = 0;
    expect("192.0.2.66", ADMISSION_ACL);
    assert_int_equal(enter("192.0.2.1"), ADMISSION_GRANTED);
    assert_int_equal(enter("192.0.2.1"), ADMISSION_PER_SOURCE);
    assert_int_equal(admission_tokens(it.admission, NOW, &next), 1);
    assert_int_equal(enter("192.0.2.2"), ADMISSION_GRANTED);
    assert_int_equal(enter("192.0.2.66"), ADMISSION_ACL);
    assert_int_equal(admission_tokens(it.admission, NOW, &next), 0);
    assert_true(next == NOW + 1000);
    const struct pl_address third = address("192.0.2.3");
    assert_int_equal(enter("192.0.2.3"), ADMISSION_LATER);
    for (int i = 0; i < 2; i++) { /* refused, it costs no token */
        assert_int_equal(admission_enter(it.admission, &third, NOW + 1000), ADMISSION_LIMIT);
    }
    leave("192.0.2.1");
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    assert_int_equal(enter("192.0.2.3"), ADMISSION_LATER);
    fault_clear();                /* its source was not asked */
    for (int i = 0; i < 2; i++) { /* the second time shows that the first has left nothing behind */
        assert_int_equal(enter("192.0.2.3"), ADMISSION_LATER);
        assert_int_equal(admission_active(it.admission), 1);
    }
    assert_int_equal(admission_enter(it.admission, &third, NOW + 1000), ADMISSION_GRANTED);
    leave("192.0.2.3");
    assert_int_equal(admission_enter(it.admission, &third, NOW + 1000), ADMISSION_LATER);
    leave("192.0.2.2");
    end();
}

/* While one comes in, and its place is taken: another worker's client. The lock for sources is held. */
static LPVOID WINAPI come_first(HANDLE heap, DWORD flags, SIZE_T size)
{
    seam_replace(IMPORT_HeapAlloc, NULL);
    it.config.max_connections_per_source = 0;
    assert_int_equal(enter("192.0.2.2"), ADMISSION_GRANTED);
    it.config.max_connections_per_source = 1;
    return SEAM_REAL(HeapAlloc)(heap, flags, size);
}

static void test_admission__turns_back_whose_token_is_taken_meanwhile(void **state)
{
    (void)state;
    begin();
    it.config.max_connections_per_source = 1;
    it.config.accept_rate = 1;
    it.config.accept_burst = 1;
    create();
    seam_replace(IMPORT_HeapAlloc, (seam_function)come_first);
    assert_int_equal(enter("192.0.2.1"), ADMISSION_LATER);
    assert_int_equal(admission_active(it.admission), 1);
    admission_leave(it.admission, NULL);
    const struct pl_address first = address("192.0.2.1");
    assert_int_equal(admission_enter(it.admission, &first, NOW + 1000), ADMISSION_GRANTED);
    leave("192.0.2.1");
    end();
}

static void test_admission__takes_proxies_for_what_they_are(void **state)
{
    (void)state;
    begin();
    it.config.proxy_protocol = CONFIG_PROXY_V2;
    it.config.max_connections_per_source = 1;
    add(&it.config.trusted_proxies, "10.0.0.0", 24);
    add(&it.config.deny, "10.0.0.9", 32);
    add(&it.config.deny, "192.0.2.66", 32);
    add(&it.config.allow, "192.0.2.0", 24);
    create();
    const struct pl_address good = address("192.0.2.1"), denied = address("192.0.2.66"),
                            other = address("198.51.100.1");
    assert_int_equal(enter("192.0.2.1"), ADMISSION_PROXY); /* allowed, but no proxy */
    assert_int_equal(enter("10.0.0.9"), ADMISSION_ACL);
    assert_int_equal(enter("10.0.0.1"), ADMISSION_GRANTED); /* not in `allow`: that is for clients */
    assert_int_equal(enter("10.0.0.1"), ADMISSION_GRANTED); /* many clients come from one proxy */
    assert_int_equal(admission_claim(it.admission, &denied), ADMISSION_ACL);
    assert_int_equal(admission_claim(it.admission, &other), ADMISSION_ACL);
    assert_int_equal(admission_claim(it.admission, &good), ADMISSION_GRANTED);
    assert_int_equal(admission_claim(it.admission, &good), ADMISSION_PER_SOURCE);
    admission_leave(it.admission, &good);
    const struct pl_address proxy = address("10.0.0.1");
    admission_turn_back(it.admission, &proxy); /* it counts for no source */
    end();
}

static void test_admission__trusts_nobody_without_a_list_of_proxies(void **state)
{
    (void)state;
    begin();
    it.config.proxy_protocol = CONFIG_PROXY_V1;
    create();
    expect("10.0.0.1", ADMISSION_PROXY);
    end();
}

static void test_admission__survives_a_lack_of_memory(void **state)
{
    (void)state;
    begin();
    it.config.max_connections_per_source = 5;
    add(&it.config.allow, "192.0.2.0", 24);
    add(&it.config.deny, "192.0.2.66", 32);
    add(&it.config.trusted_proxies, "10.0.0.0", 24);
    uint32_t nth = 1;
    for (;; nth++) {
        access_lists_fini(&it.lists);
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        it.admission = admission_create(&it.config, &it.lists, &it.process, &key);
        if (it.admission != NULL) {
            break;
        }
    }
    fault_clear();
    assert_true(nth > 10); /* itself and three lists of three blocks */
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_int_equal(enter("192.0.2.1"), ADMISSION_NO_MEMORY);
    assert_int_equal(admission_active(it.admission), 0);
    fault_clear();
    expect("192.0.2.1", ADMISSION_GRANTED);
    end();
    admission_destroy(NULL);
}

static void test_admission__shares_its_lists_with_others_that_have_them(void **state)
{
    (void)state;
    begin();
    add(&it.config.allow, "192.0.2.0", 24);
    add(&it.config.deny, "192.0.2.66", 32);
    add(&it.config.trusted_proxies, "10.0.0.0", 24);
    create();
    const size_t blocks = ledger_count(LEDGER_BLOCK);
    struct admission *other = admission_create(&it.config, &it.lists, &it.process, &key);
    assert_non_null(other);
    assert_int_equal(ledger_count(LEDGER_BLOCK), blocks + 3); /* itself, what it counts, and its rate */
    admission_destroy(other);
    expect("192.0.2.1", ADMISSION_GRANTED);
    expect("192.0.2.66", ADMISSION_ACL);
    end();
}

/* After a reload: who is in counts for both, whoever leaves which. */
static void test_admission__the_next_one_counts_with_it(void **state)
{
    (void)state;
    begin();
    it.config.max_connections = 2;
    it.config.max_connections_per_source = 2;
    it.config.accept_rate = 5;
    create();
    assert_int_equal(enter("192.0.2.1"), ADMISSION_GRANTED);
    struct config_endpoint config = it.config;
    config.max_connections = 1;
    struct admission *next = admission_create_next(it.admission, &config, &it.lists);
    assert_non_null(next);
    const struct pl_address client = address("192.0.2.1");
    uint64_t when = 0;
    assert_int_equal(admission_active(next), 1);
    assert_int_equal(admission_enter(next, &client, NOW), ADMISSION_LIMIT);
    assert_int_equal(admission_tokens(next, NOW, &when), 4);
    admission_leave(it.admission, &client);
    admission_destroy(it.admission); /* the first may go first */
    it.admission = next;
    assert_int_equal(admission_enter(next, &client, NOW), ADMISSION_GRANTED);
    admission_leave(next, &client);
    assert_false(admission_denies(next, &client, &client));
    end();
}

/* ---- Many at once ---- */

/* Two endpoints of one process: six threads come to `it`, three of them from one source, two to the other one. One limit at
   a time: so places are free again and again, and somebody is always refused. */
enum { THREADS = 8, OF_IT = 6, OF_SOURCE = 2, GRANTS = 300, REFUSALS = 100 };

static const char *const crowd_ips[THREADS] = {"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2",
                                               "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"};

struct crowd_part {
    struct admission *admission;
    struct pl_address peer;
    bool is_limited; /* by the limit that is tried */
};

static volatile LONG is_over, granted, refused, inside, most_inside;

static void stay_a_moment(const struct crowd_part *part)
{
    const LONG now = part->is_limited ? InterlockedIncrement(&inside) : 0;
    for (LONG most = most_inside; now > most; most = most_inside) {
        InterlockedCompareExchange(&most_inside, now, most);
    }
    Sleep(1); /* so that others find it inside, on one processor, too */
    if (part->is_limited) {
        InterlockedDecrement(&inside);
    }
}

static DWORD WINAPI come_and_go(void *argument)
{
    const struct crowd_part *part = argument;
    while (is_over == 0) {
        if (admission_enter(part->admission, &part->peer, NOW) == ADMISSION_GRANTED) {
            stay_a_moment(part);
            admission_leave(part->admission, &part->peer);
            InterlockedIncrement(&granted);
        } else {
            InterlockedIncrement(&refused);
            Sleep(0);
        }
    }
    return 0;
}

static void run_crowd(struct crowd_part parts[THREADS])
{
    HANDLE threads[THREADS];
    is_over = granted = refused = inside = most_inside = 0;
    for (int i = 0; i < THREADS; i++) {
        threads[i] = CreateThread(NULL, 0, come_and_go, &parts[i], 0, NULL);
        assert_non_null(threads[i]);
    }
    for (int naps = 0; naps < 10000 && (granted < GRANTS || refused < REFUSALS); naps++) {
        Sleep(5);
    }
    is_over = 1;
    WaitForMultipleObjects(THREADS, threads, TRUE, INFINITE);
    for (int i = 0; i < THREADS; i++) {
        CloseHandle(threads[i]);
    }
}

static void test_admission__is_exact_with_many_threads(void **state)
{
    (void)state;
    static const struct config_endpoint unlimited = {.max_connections = 0};
    static const struct {
        uint32_t source, endpoint, process;
        int limited; /* so many threads are */
    } rows[] = {{OF_SOURCE, 0, 0, 3}, {0, 3, 0, OF_IT}, {0, 0, 4, THREADS}};
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct crowd_part parts[THREADS];
        begin();
        it.config.max_connections_per_source = rows[row].source;
        it.config.max_connections = rows[row].endpoint;
        it.process.most = rows[row].process;
        create();
        struct admission *other = admission_create(&unlimited, &it.lists, &it.process, &key);
        assert_non_null(other);
        for (int i = 0; i < THREADS; i++) {
            parts[i] = (struct crowd_part){.admission = i < OF_IT ? it.admission : other,
                                           .peer = address(crowd_ips[i]),
                                           .is_limited = i < rows[row].limited};
        }
        run_crowd(parts);
        assert_int_equal(most_inside, rows[row].source + rows[row].endpoint + rows[row].process);
        assert_in_range(granted, GRANTS, INT32_MAX);
        assert_in_range(refused, REFUSALS, INT32_MAX);
        assert_int_equal(admission_active(other), 0); /* no place is lost, whoever was turned back */
        admission_destroy(other);
        end();
    }
}

/* No place of a source is lost: as many as at first may come in, and no more. */
static void assert_all_places_are_free(const struct pl_address *peer)
{
    for (int i = 0; i < OF_SOURCE; i++) {
        assert_int_equal(admission_enter(it.admission, peer, NOW), ADMISSION_GRANTED);
    }
    assert_int_equal(admission_enter(it.admission, peer, NOW), ADMISSION_PER_SOURCE);
    for (int i = 0; i < OF_SOURCE; i++) {
        admission_leave(it.admission, peer);
    }
}

/* Nobody stays: what counts is that two of them change the table at the same moment. */
static DWORD WINAPI count_and_go(void *argument)
{
    const struct crowd_part *part = argument;
    for (int i = 0; i < 100000; i++) {
        if (admission_enter_source(part->admission, &part->peer) == ADMISSION_GRANTED) {
            admission_leave_source(part->admission, &part->peer);
        }
    }
    return 0;
}

static void test_admission__counts_sources_of_many_threads(void **state)
{
    (void)state;
    enum { SOURCES = 4 };
    static const char *const ips[SOURCES] = {"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"};
    struct crowd_part parts[SOURCES];
    HANDLE threads[SOURCES];
    begin();
    it.config.max_connections_per_source = OF_SOURCE;
    create();
    for (int i = 0; i < SOURCES; i++) {
        parts[i] = (struct crowd_part){.admission = it.admission, .peer = address(ips[i])};
        threads[i] = CreateThread(NULL, 0, count_and_go, &parts[i], 0, NULL);
        assert_non_null(threads[i]);
    }
    WaitForMultipleObjects(SOURCES, threads, TRUE, INFINITE);
    for (int i = 0; i < SOURCES; i++) {
        CloseHandle(threads[i]);
        assert_all_places_are_free(&parts[i].peer);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_admission__lets_everybody_in_without_lists),
        support_test(test_admission__deny_wins_over_allow),
        support_test(test_admission__deny_alone_keeps_out_whom_it_names),
        support_test(test_admission__counts_to_the_limit_of_the_endpoint),
        support_test(test_admission__counts_to_the_limit_of_the_process),
        support_test(test_admission__asks_the_process_before_the_endpoint),
        support_test(test_admission__counts_each_source),
        support_test(test_admission__asks_lists_then_the_rate_then_limits_then_sources),
        support_test(test_admission__turns_back_whose_token_is_taken_meanwhile),
        support_test(test_admission__takes_proxies_for_what_they_are),
        support_test(test_admission__trusts_nobody_without_a_list_of_proxies),
        support_test(test_admission__survives_a_lack_of_memory),
        support_test(test_admission__shares_its_lists_with_others_that_have_them),
        support_test(test_admission__the_next_one_counts_with_it),
        support_test(test_admission__is_exact_with_many_threads),
        support_test(test_admission__counts_sources_of_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
