/* SPDX-License-Identifier: MIT
   Tests of handler/daytime.c and handler/time.c, over TCP and UDP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/civil_time.h"
#include "handler/handlers.h"
#include "support/client.h"
#include "support/rig.h"

enum { ROOM = 128, BURST = 200 };

static struct rig rig;

/* What the service must say at a moment. */
struct service {
    const char *handler;
    size_t (*write)(time_t moment, char room[ROOM]);
};

/* RFC 867: the form of its first example. */
static size_t write_daytime(time_t moment, char room[ROOM])
{
    const struct tm utc = civil_time_utc(moment); /* test_civil_time holds it against the C library */
    return strftime(room, ROOM, "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &utc);
}

/* RFC 868: its table has 2,208,988,800 for the beginning of 1970. */
static size_t write_time(time_t moment, char room[ROOM])
{
    const uint32_t number = (uint32_t)((uint64_t)moment + 2208988800ULL);
    room[0] = (char)(number >> 24);
    room[1] = (char)(number >> 16);
    room[2] = (char)(number >> 8);
    room[3] = (char)number;
    return 4;
}

static const struct service services[] = {{"daytime", write_daytime}, {"time", write_time}};
enum { SERVICES = sizeof services / sizeof services[0] };

/* It is the answer of a moment since `before`. */
static void assert_answer(const struct service *service, const char *answer, size_t length, time_t before)
{
    const time_t after = time(NULL);
    for (time_t moment = before; moment <= after; moment++) {
        char expected[ROOM];
        if (service->write(moment, expected) == length && memcmp(expected, answer, length) == 0) {
            return;
        }
    }
    fail_msg("%s: %u bytes, \"%.*s\"", service->handler, (unsigned)length, (int)length, answer);
}

static void start(const struct service *service, const char *listen, uint32_t reply_limit)
{
    rig_init(&rig, handlers_builtin);
    struct config_endpoint *endpoint = rig_endpoint(&rig, "it", service->handler, listen);
    endpoint->reply_limit = reply_limit;
    endpoint->close_timeout = 0; /* a burst of clients may need longer, on a busy machine */
    rig_start(&rig);
}

/* All that it says until it closes. */
static void assert_tells(const struct service *service, struct client *client, time_t before)
{
    char answer[ROOM];
    size_t length = 0, more = 0;
    while (length < sizeof answer && client_receive_some(client, answer + length, sizeof answer - length,
                                                         &more, CLIENT_PATIENCE) == CLIENT_OK) {
        length += more;
    }
    assert_answer(service, answer, length, before);
    char byte = 0;
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_EOF);
}

static void test_time__is_told_over_tcp_whatever_the_client_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        start(&services[i], "tcp://127.0.0.1:0", 1000);
        const struct pl_address to = rig_address(&rig, 0);
        for (int speaks = 0; speaks <= 1; speaks++) {
            struct client *client = NULL;
            const time_t before = time(NULL);
            assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
            if (speaks) {
                assert_int_equal(client_send(client, "GET / HTTP/1.0\r\n\r\n", 18, CLIENT_PATIENCE),
                                 CLIENT_OK);
            }
            assert_tells(&services[i], client, before);
            client_close(client);
        }
        rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_HANDLER, 2);
        rig_stop(&rig);
    }
}

static void test_time__many_clients_at_once_are_told(void **state)
{
    (void)state;
    struct client *clients[BURST];
    for (size_t i = 0; i < SERVICES; i++) {
        start(&services[i], "tcp://127.0.0.1:0", 1000);
        const struct pl_address to = rig_address(&rig, 0);
        const time_t before = time(NULL);
        for (int k = 0; k < BURST; k++) {
            assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &clients[k]), CLIENT_OK);
        }
        for (int k = 0; k < BURST; k++) {
            assert_tells(&services[i], clients[k], before);
            client_close(clients[k]);
        }
        rig_stop(&rig);
    }
}

/* Asked with an empty datagram, as the RFCs have it, and with a longer one. */
static void test_time__is_told_over_udp(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        start(&services[i], "udp://127.0.0.1:0", 0);
        const struct pl_address to = rig_address(&rig, 0), from = client_address("127.0.0.1", 0);
        struct client *client = client_open_datagram(&from);
        for (size_t length = 0; length <= 100; length += 100) {
            char answer[ROOM] = {0};
            size_t got = 0;
            const time_t before = time(NULL);
            assert_int_equal(
                client_exchange(client, &to, answer, length, answer, sizeof answer, &got, CLIENT_PATIENCE),
                CLIENT_OK);
            assert_answer(&services[i], answer, got, before);
        }
        client_close(client);
        rig_stop(&rig);
    }
}

/* Nobody is flooded: what is longer than its question stays unsaid, and is counted. */
static void test_time__over_udp_keeps_to_its_reply_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        start(&services[i], "udp://127.0.0.1:0", 1000);
        const struct pl_address to = rig_address(&rig, 0), from = client_address("127.0.0.1", 0);
        struct client *client = client_open_datagram(&from);
        char answer[ROOM] = {0};
        size_t got = 0;
        assert_int_equal(client_send_datagram(client, &to, "", 0), CLIENT_OK);
        assert_int_equal(client_send_datagram(client, &to, "?", 1), CLIENT_OK);
        rig_wait_for_counter(&rig, COUNTER_ANSWERS_DROPPED_REPLY_LIMIT, 2);
        const time_t before = time(NULL);
        assert_int_equal(
            client_exchange(client, &to, answer, 100, answer, sizeof answer, &got, CLIENT_PATIENCE),
            CLIENT_OK);
        assert_answer(&services[i], answer, got, before);
        assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), 1);
        client_close(client);
        rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_time__is_told_over_tcp_whatever_the_client_says),
        rig_test(test_time__many_clients_at_once_are_told),
        rig_test(test_time__is_told_over_udp),
        rig_test(test_time__over_udp_keeps_to_its_reply_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
