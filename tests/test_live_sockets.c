/* SPDX-License-Identifier: MIT
   Tests of diagnosis/live_sockets.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/live_sockets.h"
#include "stats/report.h"
#include "support/failing_memory.h"

static struct live_sockets sockets;

static bool reads(const char *json)
{
    live_sockets_fini(&sockets);
    return live_sockets_read(json, strlen(json), &sockets);
}

/* Whether it has tcp:// or udp://ADDRESS:80; "*": both families. */
static bool has(enum config_protocol protocol, const char *at)
{
    struct bind_question question = {.protocol = protocol, .is_dual_stack = strcmp(at, "*") == 0};
    if (question.is_dual_stack) {
        question.address.family = 6;
    } else {
        assert_true(address_parse(at, strlen(at), &question.address));
    }
    question.address.port = 80;
    return live_sockets_has(&sockets, &question);
}

static void append(void *context, const char *at, size_t length)
{
    text_add(context, at, length);
}

/* What the service itself writes. */
static void test_live_sockets__reads_a_report(void **state)
{
    static char diagnosis[] =
        "held by \"}, {\"address\": \"tcp://192.0.2.2:80\", \"state\": \"listening\"}\\";
    const struct report_listener listeners[] = {
        {.address = "tcp://192.0.2.1:80", .is_bound = true, .armed = 1},
        {.address = "tcp://192.0.2.2:80", .win32_error = 10048, .diagnosis = diagnosis},
        {.address = "udp://*:80", .is_udp = true, .is_bound = true}};
    struct report_endpoint endpoints[] = {
        {.name = "a", .handler = "echo", .listener_count = 2, .listeners = listeners},
        {.name = "b", .handler = "echo", .listener_count = 1, .listeners = &listeners[2]}};
    const struct report report = {.version = "1", .endpoint_count = 2, .endpoints = endpoints};
    struct text text;
    (void)state;
    text_init_heap(&text);
    report_write(&report, REPORT_JSON, append, &text);
    assert_true(reads(text.at));
    text_fini(&text);
    assert_int_equal(sockets.rows.count, 2);
    assert_true(has(CONFIG_TCP, "192.0.2.1"));
    assert_false(has(CONFIG_TCP, "192.0.2.2")); /* it waits */
    assert_true(has(CONFIG_UDP, "*"));
    assert_false(has(CONFIG_UDP, "192.0.2.1"));
    assert_false(has(CONFIG_UDP, "::"));
    assert_false(has(CONFIG_TCP, "192.0.2.3"));
    live_sockets_fini(&sockets);
}

#define LISTENER(state) "{\"address\": \"tcp://192.0.2.1:80\", \"state\": \"" state "\"}"

/* The order of members, blanks and members that are new are free. */
static void test_live_sockets__reads_what_the_form_allows(void **state)
{
    static const struct {
        const char *json;
        bool is_read, is_there;
    } rows[] = {
        {"{\"endpoints\": [{\"listeners\": [" LISTENER("listening") "]}]}", true, true},
        {"{\"listeners\" : [\n{ \"state\" : \"listening\" ,\t\"address\" : \"tcp://192.0.2.1:80\" } ] }",
         true, true},
        {"{\"listeners\":[{\"state\":\"listening\",\"new\":{\"state\":\"waiting\"},"
         "\"address\":\"tcp://192.0.2.1:80\"}]}",
         true, true},
        {"{\"listeners\":[{\"state\":\"listening\",\"new\":[\"waiting\",{\"address\":\"tcp://192.0.2.9:1\"}],"
         "\"address\":\"tcp://192.0.2.1:80\"}]}",
         true, true},
        {"{\"listeners\": [" LISTENER("waiting") "]}", true, false},
        {"{\"listeners\": [" LISTENER("waiting") ", {\"state\": \"listening\"}]}", true, false},
        {"{\"listeners\": [{\"address\": \"tcp://192.0.2.1:80\"}]}", true, false},
        {"{\"listeners\": [" LISTENER("listening\\\"") "]}", true, false},
        {"{\"listeners\": [{\"a\": " LISTENER("listening") "}]}", true, false},
        {"{\"listeners\": " LISTENER("listening") "}", true, false},
        {"{\"others\": [" LISTENER("listening") "]}", true, false},
        {"{\"listeners\": [], \"others\": [" LISTENER("listening") "]}", true, false},
        {"{\"a\": \"{\\\"listeners\\\": ["
         "x\"}",
         true, false},
        {"{\"listeners\": [{\"state\":\"listening\",\"address\":\"tcp://192.0.2.1:80-81\"}]}", true, false},
        {"{\"listeners\": [{\"state\":\"listening\",\"address\":\"tcp://localhost:80\"}]}", true, false},
        {"{\"listeners\": [{\"state\":\"listening\",\"address\":\"192.0.2.1:80\"}]}", true, false},
        /* what is not whole is not believed in part */
        {"{\"listeners\": [" LISTENER("listening"), false, false},
        {"{\"listeners\": [" LISTENER("listening") "], \"a", false, false},
        {"{\"listeners\": [" LISTENER("listening") "]}}", false, false},
        {"{\"listeners\": [" LISTENER("listening") "], \"a\\", false, false},
        {"[" LISTENER("listening") "]", false, false},
        {"listens on tcp://192.0.2.1:80", false, false},
        {"", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (reads(rows[i].json) != rows[i].is_read || has(CONFIG_TCP, "192.0.2.1") != rows[i].is_there) {
            fail_msg("row %u: %s", (unsigned)i, rows[i].json);
        }
    }
    live_sockets_fini(&sockets);
}

static void test_live_sockets__holds_as_many_as_there_are(void **state)
{
    struct text text;
    (void)state;
    text_init_heap(&text);
    text_add_string(&text, "{\"listeners\": [");
    for (int i = 0; i < 100; i++) {
        text_add_format(&text, "%s{\"address\": \"tcp://192.0.2.%d:80\", \"state\": \"listening\"}",
                        i > 0 ? "," : "", i);
    }
    text_add_string(&text, "]}");
    assert_true(reads(text.at));
    assert_int_equal(sockets.rows.count, 100);
    assert_true(has(CONFIG_TCP, "192.0.2.99"));
    failing_memory_arm(2, true); /* to hold more than the first few */
    assert_false(reads(text.at));
    failing_memory_arm(0, false);
    assert_int_equal(sockets.rows.count, 0);
    assert_false(has(CONFIG_TCP, "192.0.2.0"));
    text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_live_sockets__reads_a_report),
        failing_memory_test(test_live_sockets__reads_what_the_form_allows),
        failing_memory_test(test_live_sockets__holds_as_many_as_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
