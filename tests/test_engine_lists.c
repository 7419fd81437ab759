/* SPDX-License-Identifier: MIT
   An engine with a thousand endpoints and long lists of networks, from the text of its configuration on: each list is
   there once, however many endpoints have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address_prefix.h"
#include "support/client.h"
#include "support/ledger.h"
#include "support/loopback.h"
#include "support/probe.h"
#include "support/rig.h"
#include "support/seam.h"

enum {
    ENDPOINTS = 1000,
    NETWORKS = 50000,
    PORT = 23995,
    BLOCKS_OF_LIST = 3, /* as it was written, ready, and what is noted of it */
    BYTES_OF_NETWORK = 2 * sizeof(struct address_prefix) + 32 /* the first with room to grow, and a range */
};

static struct rig rig;

/* What the configuration and its engine have on the heap. */
struct cost {
    size_t blocks;
    size_t bytes;
};

/* ---- Configurations ---- */

/* With a list of so many networks for all endpoints, this machine's own addresses among them. */
static void begin(struct text *text, unsigned networks)
{
    text_init_heap(text);
    text_add_string(text, "[service]\nworkers = 1\n[defaults]\nhandler = probe\n");
    for (unsigned i = 0; i < networks; i++) {
        text_add_format(text, "%s%u.%u.%u.0/24", i == 0 ? "deny = " : ", ", 127 - (i >> 16), (i >> 8) & 255,
                        i & 255);
    }
    text_add_string(text, "\n");
}

/* Each has an address and port for itself, and no other process has that. */
static void add_endpoint(struct text *text, unsigned number, const char *lines)
{
    const unsigned own = loopback_port();
    text_add_format(text, "[endpoint e%u]\nlisten = tcp://127.%u.%u.%u:%u\n%s", number, own >> 8, own & 255,
                    1 + number % 250, PORT + number / 250, lines);
}

static bool has_variable(const char *name, struct text *value)
{
    (void)name;
    (void)value;
    return false;
}

static struct config *parse(const struct text *text)
{
    const struct config_source source = {.file = "t.ini",
                                         .folder = "C:\\",
                                         .service = "t",
                                         .handlers = probe_handlers,
                                         .variable = has_variable};
    struct config_problems problems;
    config_problems_init(&problems);
    struct config *config = config_parse(&source, text->at, text->length, &problems);
    assert_string_equal(problems.text.at, "");
    config_problems_fini(&problems);
    assert_non_null(config);
    return config;
}

/* ---- Running ---- */

/* From the text on until all of it listens; tells how long that took. Ends with stop. */
static struct config *start(struct text *text)
{
    const uint64_t begun = SEAM_REAL(GetTickCount64)();
    struct config *config = parse(text);
    rig_init(&rig, probe_handlers);
    rig.options.config = config;
    rig_start(&rig);
    const uint64_t took = SEAM_REAL(GetTickCount64)() - begun;
    print_message("             %u KB of text: serves after %u ms\n", (unsigned)(text->length / 1024),
                  (unsigned)took);
    assert_in_range(took, 0,
                    2 * RIG_PATIENCE); /* a list for each endpoint would take longer, and gigabytes */
    text_fini(text);
    rig_wait_for_operations(ENDPOINTS);
    return config;
}

static void stop(struct config *config)
{
    rig_stop(&rig);
    config_destroy(config);
    assert_int_equal(ledger_count(LEDGER_BLOCK), 0);
}

/* Of a thousand endpoints, each with these lines, and a list of so many networks in [defaults]; 0: none there. */
static struct cost cost_of(unsigned networks, const char *lines)
{
    struct text text;
    begin(&text, networks);
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        add_endpoint(&text, i, lines);
    }
    struct config *config = start(&text);
    const struct cost cost = {ledger_count(LEDGER_BLOCK), ledger_bytes()};
    stop(config);
    return cost;
}

/* ---- Tests ---- */

static void test_engine__has_a_list_of_defaults_once_for_a_thousand_endpoints(void **state)
{
    (void)state;
    const struct cost without = cost_of(0, "");
    const struct cost with_short = cost_of(1, "");
    const struct cost with_long = cost_of(NETWORKS, "");
    assert_int_equal(with_short.blocks, without.blocks + BLOCKS_OF_LIST + 1); /* the table of lists */
    assert_int_equal(with_long.blocks, with_short.blocks);
    assert_in_range(with_long.bytes - with_short.bytes, NETWORKS, NETWORKS * BYTES_OF_NETWORK);
}

static void test_engine__has_a_list_for_each_endpoint_that_has_its_own(void **state)
{
    (void)state;
    const struct cost without = cost_of(0, "");
    const struct cost own = cost_of(0, "deny = 127.0.0.0/8, 10.0.0.0/8, 192.0.2.1\n");
    assert_int_equal(own.blocks, without.blocks + ENDPOINTS * BLOCKS_OF_LIST + 1);
    assert_in_range((own.bytes - without.bytes) / ENDPOINTS, 1, 512);
}

/* The first and the last of those that share it, and one that has none instead. */
static void test_engine__goes_by_the_list_that_an_endpoint_has(void **state)
{
    (void)state;
    struct text text;
    begin(&text, NETWORKS);
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        add_endpoint(&text, i, i == ENDPOINTS / 2 ? "deny =\n" : "");
    }
    struct config *config = start(&text);
    for (unsigned i = 0; i < 2; i++) {
        const struct pl_address to = rig_address(&rig, i * (ENDPOINTS - 1));
        struct client *client = NULL;
        assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
        const enum client_result end = client_drain(client, NULL, CLIENT_PATIENCE);
        assert_true(end == CLIENT_RESET || end == CLIENT_EOF);
        client_close(client);
        rig_wait_for_counter(&rig, COUNTER_REFUSED_ACL, i + 1);
    }
    const struct pl_address open = rig_address(&rig, ENDPOINTS / 2);
    probe_assert_serves_at(&open, CONFIG_TCP);
    stop(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        probe_test(test_engine__has_a_list_of_defaults_once_for_a_thousand_endpoints),
        probe_test(test_engine__has_a_list_for_each_endpoint_that_has_its_own),
        probe_test(test_engine__goes_by_the_list_that_an_endpoint_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
