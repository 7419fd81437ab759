/* SPDX-License-Identifier: MIT
   Tests of diagnosis/listen_walk.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diagnosis/listen_walk.h"
#include "support/failing_memory.h"

static char names[4][8] = {"off", "bare", "web", "names"};

static struct config_listen listens[] = {
    {.protocol = CONFIG_TCP, .address = {.family = 4, .ip = {127, 0, 0, 1}, .port = 80}, .last_port = 81},
    {.protocol = CONFIG_UDP, .address = {.family = 6, .port = 53}, .last_port = 53, .is_dual_stack = true}};

static void expect(struct listen_walk *walk, const struct config_endpoint *endpoint,
                   const struct config_listen *listen, const char *subject, const char *address)
{
    assert_true(listen_walk_next(walk));
    assert_ptr_equal(walk->endpoint, endpoint);
    assert_ptr_equal(walk->listen, listen);
    assert_string_equal(walk->subject, subject);
    assert_string_equal(walk->address, address);
}

static void test_listen_walk__visits_the_addresses_of_enabled_endpoints(void **state)
{
    struct config_endpoint endpoints[] = {
        {.name = names[0], .listen = listens, .listen_count = 2},
        {.name = names[1], .is_enabled = true},
        {.name = names[2], .listen = listens, .listen_count = 2, .is_enabled = true},
        {.name = names[3], .listen = &listens[1], .listen_count = 1, .is_enabled = true},
        {.name = names[0], .listen = listens, .listen_count = 1}};
    const struct config config = {.endpoints = endpoints, .endpoint_count = 5};
    struct listen_walk walk;
    (void)state;
    listen_walk_begin(&walk, &config);
    expect(&walk, &endpoints[2], &listens[0], "endpoint web", "tcp://127.0.0.1:80-81");
    expect(&walk, &endpoints[2], &listens[1], "endpoint web", "udp://*:53");
    expect(&walk, &endpoints[3], &listens[1], "endpoint names", "udp://*:53");
    assert_false(listen_walk_next(&walk));
    assert_false(listen_walk_next(&walk));
}

static void test_listen_walk__ends_at_once_where_there_is_nothing(void **state)
{
    const struct config config = {.endpoint_count = 0};
    struct listen_walk walk;
    (void)state;
    listen_walk_begin(&walk, &config);
    assert_false(listen_walk_next(&walk));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_listen_walk__visits_the_addresses_of_enabled_endpoints),
        failing_memory_test(test_listen_walk__ends_at_once_where_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
