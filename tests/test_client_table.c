/* SPDX-License-Identifier: MIT
   Tests of client_table.c and watch_rates.c: what people and programs read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "client_table.h"
#include "support/fault.h"
#include "support/support.h"
#include "watch_rates.h"

static const struct client_row tcp = {.id = 0x0120000000000007,
                                      .endpoint = "web",
                                      .state = CLIENT_SENDING,
                                      .client = {.family = 4, .port = 50123, .ip = {192, 0, 2, 17}},
                                      .local = {.family = 4, .port = 443, .ip = {198, 51, 100, 1}},
                                      .age = 3 * 3600000 + 1,
                                      .idle = 59999,
                                      .bytes_in = 9999,
                                      .bytes_out = 10000};
static const struct client_row udp = {.id = 0x0280000100000001,
                                      .endpoint = "dns",
                                      .is_udp = true,
                                      .is_outbound = true,
                                      .state = CLIENT_ONCE,
                                      .client = {.family = 4, .port = 53, .ip = {10, 0, 0, 1}},
                                      .local = {.family = 4, .port = 53, .ip = {10, 0, 0, 2}},
                                      .age = 200 * UINT64_C(86400000),
                                      .idle = 60000,
                                      .bytes_in = UINT64_MAX,
                                      .bytes_out = 0};
static const struct client_row wide = {
    .id = 1,
    .endpoint = "v6",
    .state = CLIENT_HALF,
    .client = {.family = 6, .port = 65535, .ip = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
    .local = {.family = 6, .port = 443, .ip = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13}}};
/* All of it as wide as it gets. */
static const struct client_row busy = {
    .id = 2,
    .endpoint = "busy",
    .is_outbound = true,
    .state = CLIENT_CONNECTING,
    .client = {.family = 6,
               .port = 65535,
               .ip = {0x20, 1, 0xd, 0xb8, 0x11, 2, 0x13, 4, 0x15, 6, 0x17, 8, 0x19, 10, 0x1b, 12}},
    .local = {.family = 6,
              .port = 65535,
              .ip = {0x20, 1, 0xd, 0xb8, 0x11, 2, 0x13, 4, 0x15, 6, 0x17, 8, 0x19, 10, 0x1b, 13}},
    .age = 200 * UINT64_C(86400000),
    .idle = 200 * UINT64_C(86400000),
    .bytes_in = UINT64_C(1) << 50,
    .bytes_out = UINT64_C(1023) << 50};

static void assert_fits(const char *text)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 100);
    }
}

static void test_client_table__aligns_what_is_in_it(void **state)
{
    const struct client_row rows[] = {tcp, udp};
    struct client_table table;
    struct text text;
    (void)state;
    text_init_heap(&text);
    client_table_begin(&table, &text, false);
    assert_true(client_table_add(&table, rows, 2));
    client_table_end(&table, 0);
    assert_string_equal(
        text.at,
        "ID               ENDPOINT NET  CLIENT           LOCAL             AGE IDLE   IN  OUT STATE\n"
        "0120000000000007 web      tcp  192.0.2.17:50123 198.51.100.1:443   3h  59s 9999 9.7K sending\n"
        "0280000100000001 dns      udp> 10.0.0.1:53      10.0.0.2:53      200d   1m  15E    0 once\n");
    text_fini(&text);
}

static void test_client_table__leaves_local_addresses_out_where_they_do_not_fit(void **state)
{
    struct client_table table;
    struct text text;
    (void)state;
    text_init_heap(&text);
    client_table_begin(&table, &text, false);
    assert_true(client_table_add(&table, &wide, 1));
    client_table_end(&table, 2);
    assert_null(strstr(text.at, " LOCAL "));
    assert_non_null(strstr(text.at, "[2001:db8:102:304:506:708:90a:b0c]:65535"));
    assert_non_null(strstr(text.at, "(left out, for the lines would be too long: LOCAL; --json has all)\n"));
    assert_non_null(strstr(text.at, "(2 of the workers did not answer"));
    assert_fits(text.at);
    text_fini(&text);
}

/* With the longest name that an endpoint may have: 64 characters. */
static void test_client_table__cuts_names_that_do_not_fit(void **state)
{
    static const char name[] = "an-endpoint.of_the-longest-name.that_can-be-given.to_one-1234567";
    static const struct {
        const struct client_row *row;
        const char *head;
        const char *name; /* as it is shown, with what is behind it */
        const char *missing;
    } cases[] = {
        {&tcp, "ENDPOINT", "an-endpoint.of_the-longest-name.~ tcp  192.0.2.17:50123 ", "long: LOCAL; "},
        {&busy, "ENDPOINT", "an-endpo~ tcp> [2001:db8:1102:1304:", "long: LOCAL, AGE, IDLE; "},
    };
    (void)state;
    assert_int_equal(strlen(name), 64);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client_row rows[] = {*cases[i].row, udp};
        struct client_table table;
        struct text text;
        memcpy(rows[0].endpoint, name, sizeof name);
        memcpy(rows[1].endpoint, "short", sizeof "short");
        text_init_heap(&text);
        client_table_begin(&table, &text, false);
        assert_true(client_table_add(&table, rows, 2));
        client_table_end(&table, 0);
        assert_non_null(strstr(text.at, cases[i].name));
        assert_non_null(strstr(text.at, cases[i].missing));
        assert_non_null(strstr(text.at, " short "));
        assert_non_null(strstr(text.at, "(a name that ends with ~ goes on; --json has all of it)\n"));
        assert_fits(text.at);
        text_fini(&text);
    }
}

static void test_client_table__is_bounded_for_people(void **state)
{
    struct client_table table;
    struct text text;
    (void)state;
    text_init_heap(&text);
    client_table_begin(&table, &text, false);
    for (int i = 0; i < CLIENT_TABLE_MAX; i++) {
        assert_true(client_table_add(&table, &tcp, 1));
    }
    assert_false(client_table_add(&table, &tcp, 1));
    client_table_end(&table, 0);
    assert_non_null(strstr(text.at, "(these are the first 1000; --json has all"));
    text_fini(&text);
}

static void test_client_table__writes_json(void **state)
{
    const struct client_row rows[] = {tcp, udp};
    struct client_table table;
    struct text text;
    (void)state;
    text_init_heap(&text);
    client_table_begin(&table, &text, true);
    assert_true(client_table_add(&table, rows, 2));
    client_table_end(&table, 1);
    assert_string_equal(
        text.at,
        "{\"connections\": [\n"
        "  {\"id\": \"0120000000000007\", \"endpoint\": \"web\", \"protocol\": \"tcp\", \"client\": \"192.0.2.17\", "
        "\"client_port\": 50123, \"local\": \"198.51.100.1\", \"local_port\": 443, \"age_ms\": 10800001, \"idle_ms\": 59999, "
        "\"bytes_in\": 9999, \"bytes_out\": 10000, \"state\": \"sending\", \"outbound\": false},\n"
        "  {\"id\": \"0280000100000001\", \"endpoint\": \"dns\", \"protocol\": \"udp\", \"client\": \"10.0.0.1\", "
        "\"client_port\": 53, \"local\": \"10.0.0.2\", \"local_port\": 53, \"age_ms\": 17280000000, \"idle_ms\": 60000, "
        "\"bytes_in\": 18446744073709551615, \"bytes_out\": 0, \"state\": \"once\", \"outbound\": true}\n"
        "], \"count\": 2, \"is_complete\": false, \"silent_workers\": 1}\n");
    text_clear(&text);
    client_table_begin(&table, &text, true);
    client_table_end(&table, 0);
    assert_string_equal(
        text.at, "{\"connections\": [], \"count\": 0, \"is_complete\": true, \"silent_workers\": 0}\n");
    text_fini(&text);
}

static void test_client_table__says_when_there_is_no_memory(void **state)
{
    struct client_table table;
    char room[64];
    struct text text;
    (void)state;
    text_init(&text, room, sizeof room);
    client_table_begin(&table, &text, false);
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    fault_arm(IMPORT_HeapReAlloc, 1, 0, FAULT_FOREVER);
    assert_false(client_table_add(&table, &tcp, 1));
    fault_clear();
    client_table_end(&table, 0);
    assert_true(text.is_cut);
}

/* ---- Rates ---- */

static void test_watch_rates__are_what_changed_in_a_second(void **state)
{
    struct watch_rates rates = {.count = 0};
    char room[1024];
    struct text text;
    (void)state;
    text_init(&text, room, sizeof room);
    watch_rates_take(&rates, "portlistener_connections_accepted_total{endpoint=\"a\"} 5\n", 1000);
    watch_rates_add(&text, &rates);
    assert_non_null(strstr(text.at, "CONNECTIONS/s"));
    assert_non_null(strstr(text.at, "            -               -")); /* no rate yet */
    watch_rates_take(&rates,
                     "# HELP portlistener_connections_accepted_total 99\n"
                     "portlistener_connections_accepted_total{endpoint=\"a\"} 25\n"
                     "portlistener_connections_accepted_total{endpoint=\"b c\"} 10\n"
                     "portlistener_received_bytes_total{endpoint=\"a\"} 20480000\n"
                     "portlistener_connections_accepted_totals 7\n",
                     3000);
    text_clear(&text);
    watch_rates_add(&text, &rates);
    assert_non_null(strstr(text.at, "\n           15               0          10000K               0"));
    watch_rates_take(&rates, "portlistener_connections_accepted_total{endpoint=\"a\"} 1",
                     4000); /* started anew */
    text_clear(&text);
    watch_rates_add(&text, &rates);
    assert_non_null(strstr(text.at, "\n            0               0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_client_table__aligns_what_is_in_it),
        support_test(test_client_table__leaves_local_addresses_out_where_they_do_not_fit),
        support_test(test_client_table__cuts_names_that_do_not_fit),
        support_test(test_client_table__is_bounded_for_people),
        support_test(test_client_table__writes_json),
        support_test(test_client_table__says_when_there_is_no_memory),
        support_test(test_watch_rates__are_what_changed_in_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
