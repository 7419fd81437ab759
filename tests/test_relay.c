/* SPDX-License-Identifier: MIT
   A relay, see support/relay.h: what the contract must carry for `forward` and its kin. A megabyte both ways at once through
   small buffers, FINs, resets, a target that refuses, and datagrams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "handler/echo.h"
#include "support/client.h"
#include "support/names.h"
#include "support/relay.h"
#include "support/rig.h"

enum { MEGABYTE = 1048576, PIECE = 50000, CLIENTS = 20 };

static const struct pl_handler *const handlers[] = {&relay_handler, &echo_handler, NULL};
static struct rig rig;
static char target[64];

static int prepare(void **state)
{
    const int result = rig_setup(state);
    names_begin();
    names_add("upstream.test", "127.0.0.1");
    return result;
}

static int finish(void **state)
{
    names_end();
    const int result = rig_teardown(state);
    return relay_pairs() != 0 ? -1 : result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, prepare, finish)

/* The relay at index 1 knows its target when the engine has started: until somebody comes it needs none. */
static void start(const char *protocol, const char *host)
{
    char listen[32];
    snprintf(listen, sizeof listen, "%s://127.0.0.1:0", protocol);
    rig_init(&rig, handlers);
    rig_endpoint(&rig, "upstream", "echo", listen)->reply_limit = 0;
    struct config_endpoint *endpoint = rig_endpoint(&rig, "relay", "relay", listen);
    endpoint->send_queue = 65536;
    endpoint->send_buffer = 8192;
    rig.endpoints[0].send_buffer = 8192;
    rig_start(&rig);
    snprintf(target, sizeof target, "%s:%u", host, rig_address(&rig, 0).port);
    relay_target = target;
}

static struct client *come(void)
{
    struct client *client = NULL;
    const struct pl_address address = rig_address(&rig, 1);
    assert_int_equal(client_connect(&address, NULL, 8192, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

static uint8_t byte_at(size_t place)
{
    return (uint8_t)(place * 7 + place / 251);
}

static void take_some(struct client *client, size_t *place)
{
    static uint8_t bytes[PIECE];
    size_t length = 0;
    assert_int_equal(client_receive_some(client, bytes, sizeof bytes, &length, CLIENT_PATIENCE), CLIENT_OK);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != byte_at(*place + i)) {
            fail_msg("byte %zu is not what was sent", *place + i);
        }
    }
    *place += length;
}

static void give_some(struct client *client, size_t *place)
{
    static uint8_t bytes[PIECE];
    const size_t length = MEGABYTE - *place < PIECE ? MEGABYTE - *place : PIECE;
    size_t taken = 0;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = byte_at(*place + i);
    }
    assert_int_equal(client_send_some(client, bytes, length, &taken), CLIENT_OK);
    *place += taken;
}

/* Reads only when nothing more can be sent: all buffers on the way, and back, are full by then. */
static void exchange(struct client *client)
{
    size_t given = 0, taken = 0;
    while (given < MEGABYTE) {
        const size_t before = given;
        give_some(client, &given);
        if (given == before) {
            take_some(client, &taken);
        }
    }
    assert_int_equal(client_finish(client), CLIENT_OK); /* the rest comes behind our FIN */
    while (taken < MEGABYTE) {
        take_some(client, &taken);
    }
    assert_int_equal(client_drain(client, NULL, CLIENT_PATIENCE), CLIENT_EOF);
    client_close(client);
}

static void wait_for_pairs(long count)
{
    for (const uint64_t deadline = rig_deadline(); relay_pairs() != count;) {
        rig_nap(deadline, "the relay's pairs");
    }
}

static void test_relay__moves_a_megabyte_both_ways(void **state)
{
    (void)state;
    start("tcp", "127.0.0.1");
    exchange(come());
    wait_for_pairs(0);
    assert_int_equal(rig_endpoint_counter(&rig, "relay", COUNTER_BYTES_RECEIVED), MEGABYTE);
    assert_int_equal(rig_endpoint_counter(&rig, "relay", COUNTER_BYTES_SENT), MEGABYTE);
    assert_int_equal(rig_endpoint_counter(&rig, "relay", COUNTER_OUTBOUND_BYTES_RECEIVED), MEGABYTE);
    assert_int_equal(rig_endpoint_counter(&rig, "relay", COUNTER_OUTBOUND_BYTES_SENT), MEGABYTE);
    assert_int_equal(rig_counter(&rig, COUNTER_CLOSED_PEER_RESET), 0);
    rig_stop(&rig);
}

static void test_relay__finds_its_target_by_name(void **state)
{
    (void)state;
    start("tcp", "upstream.test");
    exchange(come());
    wait_for_pairs(0);
    rig_stop(&rig);
}

static void test_relay__passes_a_reset_on(void **state)
{
    (void)state;
    char bytes[5];
    start("tcp", "127.0.0.1");
    struct client *client = come();
    assert_int_equal(client_send(client, "hello", 5, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, bytes, 5, CLIENT_PATIENCE), CLIENT_OK);
    Sleep(100); /* Wine 8 tells of a reset only to a receive that waits */
    client_reset(client);
    wait_for_pairs(0);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_PEER_RESET, 2); /* of our client, and the echo's of the relay */
    rig_stop(&rig);
}

static void test_relay__resets_whom_it_cannot_connect(void **state)
{
    (void)state;
    start("tcp", "nowhere.test");
    struct client *client = come();
    assert_int_equal(client_drain(client, NULL, CLIENT_PATIENCE), CLIENT_RESET);
    client_close(client);
    wait_for_pairs(0);
    rig_wait_for_counter(&rig, COUNTER_OUTBOUND_CONNECT_FAILED, 1);
    rig_stop(&rig);
}

static void test_relay__lets_its_client_go_while_it_connects(void **state)
{
    (void)state;
    names_hold("slow.test", false);
    start("tcp", "slow.test");
    struct client *client = come();
    wait_for_pairs(1);
    client_reset(client);
    wait_for_pairs(0);
    rig_stop(&rig);
}

static void test_relay__has_many_at_once(void **state)
{
    (void)state;
    struct client *clients[CLIENTS];
    char bytes[5];
    start("tcp", "upstream.test");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = come();
        assert_int_equal(client_send(clients[i], "hello", 5, CLIENT_PATIENCE), CLIENT_OK);
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_receive(clients[i], bytes, 5, CLIENT_PATIENCE), CLIENT_OK);
        client_close(clients[i]);
    }
    wait_for_pairs(0);
    rig_stop(&rig);
}

static void test_relay__of_datagrams(void **state)
{
    (void)state;
    char answer[64];
    size_t length = 0;
    const struct pl_address from = client_address("127.0.0.1", 0);
    start("udp", "upstream.test");
    const struct pl_address to = rig_address(&rig, 1);
    struct client *client = client_open_datagram(&from);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            client_exchange(client, &to, "question", 8, answer, sizeof answer, &length, CLIENT_PATIENCE),
            CLIENT_OK);
        assert_int_equal(length, 8);
    }
    assert_int_equal(rig_counter(&rig, COUNTER_OUTBOUND_OPENED), 1);
    client_close(client);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_relay__moves_a_megabyte_both_ways),
        test(test_relay__finds_its_target_by_name),
        test(test_relay__passes_a_reset_on),
        test(test_relay__resets_whom_it_cannot_connect),
        test(test_relay__lets_its_client_go_while_it_connects),
        test(test_relay__has_many_at_once),
        test(test_relay__of_datagrams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
