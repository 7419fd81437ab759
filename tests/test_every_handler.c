/* SPDX-License-Identifier: MIT
   What every handler must stand, built in or in a DLL, plain or blocking, whatever it does: clients that reset, say it byte by byte, end their side first,
   do not read, send a lot; datagrams of any length; a stop while all that goes on. A new handler has its row in `manners`.
   After each ordeal it serves a plain client, all that opened has closed, and nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "handler/handlers.h"
#include "support/client.h"
#include "support/config_case.h"
#include "support/folder.h"
#include "support/forge.h"
#include "support/ledger.h"
#include "support/plugin_folders.h"
#include "support/rig.h"
#include "support/watched.h"

enum {
    ROOM = 262144,
    LOT = 1048576,
    CROWD = 100,
    LARGEST = 65507,
    MOST_KEPT = 262144,
    TCP = 0,
    UDP = 1 /* sockets */
};

/* How a handler behaves towards a plain client. */
struct manner {
    const char *handler; /* in a DLL: NAME.dll of the tests */
    const char *options; /* lines of the INI; there is a text file.txt */
    size_t says;         /* bytes at least, to whoever connects */
    bool echoes;
    bool is_mute;    /* UDP: never answers */
    bool closes;     /* TCP: when it has said it */
    bool is_endless; /* TCP: goes on until its client goes */
};

static const struct manner manners[] = {
    {.handler = "banner", .options = "text = hello %CLIENT%\n", .says = 6, .closes = true},
    {.handler = "banner", .options = "file = file.txt\nthen = wait\n", .says = 4},
    {.handler = "chargen", .says = 200000, .is_endless = true},
    {.handler = "daytime", .says = 20, .closes = true},
    {.handler = "discard", .is_mute = true},
    {.handler = "echo", .echoes = true},
    {.handler = "qotd", .options = "file = file.txt\n", .says = 6, .closes = true},
    {.handler = "time", .says = 4, .closes = true},
    {.handler = "echo.dll", .echoes = true},
    {.handler = "echo-blocking.dll", .echoes = true},
    {.handler = "shout.dll"}, /* what the guide offers to begin with */
};
enum { MANNERS = sizeof manners / sizeof manners[0] };

static const struct manner *manner; /* of the one that is on trial */
static struct rig rig;
static struct folder place;
static struct config *config;
static struct config_problems problems;
static char bytes[LOT];
static struct plugin_folders folders;
static struct plugin *plugin; /* of the handler on trial; NULL: it is built in */

static const struct pl_handler *find_plugin(const char *file)
{
    struct failure failure;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
    plugin_folders_put(&folders, name, 0);
    plugin = plugins_find(folders.plugins, file, &failure);
    if (plugin == NULL) {
        fail_msg("%s", failure.text);
    }
    return plugin_handler(plugin);
}

static const struct pl_handler *find(const char *name)
{
    size_t i = 0;
    if (strchr(name, '.') != NULL) {
        return find_plugin(name);
    }
    while (handlers_builtin[i] != NULL && strcmp(handlers_builtin[i]->name, name) != 0) {
        i++;
    }
    return handlers_builtin[i];
}

/* ---- The engine ---- */

static void parse(const char *name, const char *options, const char *reply_limit,
                  const struct pl_handler *const *handlers)
{
    char file[512];
    struct config_source source = config_case_source;
    source.folder = place.path;
    source.handlers = handlers;
    const int length = snprintf(file, sizeof file,
                                "[endpoint it]\nlisten = tcp://127.0.0.1:1, udp://127.0.0.1:1\nhandler = "
                                "%s\nreply_limit = %s\n%s",
                                name, reply_limit, options != NULL ? options : "");
    config_problems_init(&problems);
    config = config_parse(&source, file, (size_t)length, &problems);
    if (config == NULL) {
        fail_msg("%s", problems.text.at);
        return;
    }
    config->service.workers = 2;
    for (size_t i = TCP; i <= UDP; i++) { /* the system chooses */
        config->endpoints[0].listen[i].address.port = config->endpoints[0].listen[i].last_port = 0;
    }
}

static void start(const char *reply_limit)
{
    static const struct pl_handler *handlers[2];
    handlers[0] = watched_handler(find(manner->handler));
    rig_init(&rig, handlers);
    parse(handlers[0]->name, manner->options, reply_limit, handlers);
    rig.options.config = config;
    rig_start(&rig);
}

static void stop(void)
{
    rig_stop(&rig);
    watched_assert_over();
    config_destroy(config);
    config_problems_fini(&problems);
    if (plugin != NULL) {
        plugin_release(plugin);
        plugin = NULL;
    }
}

/* ---- Clients ---- */

static struct client *connect_with(int receive_buffer)
{
    const struct pl_address to = rig_address(&rig, TCP);
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, receive_buffer, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

/* It may have been closed meanwhile by who says something and closes. */
static void send_all(struct client *client, size_t length)
{
    const enum client_result result = client_send(client, bytes, length, CLIENT_PATIENCE);
    assert_true(result == CLIENT_OK || (result == CLIENT_RESET && !manner->echoes));
}

/* The end in order: everything that is still under way comes before it. Returns how much that is. */
static uint64_t finish(struct client *client)
{
    static char more[ROOM];
    uint64_t received = 0;
    assert_int_equal(client_finish(client), CLIENT_OK);
    if (manner->is_endless) {
        assert_int_equal(client_receive(client, more, sizeof more, CLIENT_PATIENCE), CLIENT_OK);
    } else {
        assert_int_equal(client_drain(client, &received, CLIENT_PATIENCE), CLIENT_EOF);
    }
    client_close(client);
    return received;
}

static void assert_serves_tcp(void)
{
    static char answer[ROOM];
    struct client *client = connect_with(0);
    if (manner->echoes) {
        assert_int_equal(client_send(client, "hello", 5, CLIENT_PATIENCE), CLIENT_OK);
        assert_int_equal(client_receive(client, answer, 5, CLIENT_PATIENCE), CLIENT_OK);
        assert_memory_equal(answer, "hello", 5);
    }
    assert_int_equal(client_receive(client, answer, manner->says, CLIENT_PATIENCE), CLIENT_OK);
    if (manner->closes) {
        assert_int_equal(client_drain(client, NULL, CLIENT_PATIENCE), CLIENT_EOF);
    }
    finish(client);
}

static void assert_serves_udp(void)
{
    static char answer[ROOM];
    const struct pl_address to = rig_address(&rig, UDP), from = client_address("127.0.0.1", 0);
    struct client *client = client_open_datagram(&from);
    size_t length = 5;
    assert_non_null(client);
    if (manner->is_mute) {
        const uint64_t before = rig_counter(&rig, COUNTER_DATAGRAMS_RECEIVED);
        assert_int_equal(client_send_datagram(client, &to, "hello", 5), CLIENT_OK);
        rig_wait_for_counter(&rig, COUNTER_DATAGRAMS_RECEIVED, before + 1);
    } else {
        assert_int_equal(
            client_exchange(client, &to, "hello", 5, answer, sizeof answer, &length, CLIENT_PATIENCE),
            CLIENT_OK);
    }
    if (manner->echoes) {
        assert_int_equal(length, 5);
        assert_memory_equal(answer, "hello", 5);
    }
    client_close(client);
}

/* ---- Ordeals: TCP ---- */

static void reset_before_the_first_byte(void)
{
    for (int i = 0; i < CROWD; i++) {
        client_reset(connect_with(0));
    }
}

static void reset_in_the_middle(void)
{
    for (int i = 0; i < 20; i++) {
        struct client *client = connect_with(0);
        send_all(client, (size_t)i * 1000);
        client_reset(client);
    }
}

static void say_it_byte_by_byte(void)
{
    struct client *client = connect_with(0);
    for (int i = 0; i < 300; i++) {
        send_all(client, 1);
    }
    finish(client);
}

static void end_their_side_first(void)
{
    for (int i = 0; i < 20; i++) {
        finish(connect_with(0));
    }
}

/* As much as goes into the buffers between them, and then nothing is read for a while: what waits for the client is
   bounded, whoever would send without end. */
static void do_not_read(void)
{
    const size_t before = ledger_bytes();
    struct client *client = connect_with(4096);
    size_t sent = 1;
    for (int i = 0; i < 300 && sent > 0; i++) {
        if (client_send_some(client, bytes, 32768, &sent) != CLIENT_OK) {
            break;
        }
    }
    Sleep(100);
    assert_in_range(ledger_bytes(), 0, before + MOST_KEPT);
    finish(client);
}

/* Sends a megabyte and reads what comes meanwhile. Returns how much that is, to the end. */
static uint64_t send_a_lot(struct client *client)
{
    static char answer[ROOM];
    uint64_t received = 0;
    for (size_t at = 0; at < LOT;) {
        size_t sent = 0, got = 0;
        if (client_send_some(client, bytes + at, LOT - at, &sent) != CLIENT_OK) {
            break; /* closed, see send_all */
        }
        at += sent;
        (void)client_receive_some(client, answer, sizeof answer, &got, sent > 0 ? 0 : 5);
        received += got;
    }
    return received + finish(client);
}

static void send_a_megabyte(void)
{
    const uint64_t received = send_a_lot(connect_with(0));
    if (manner->echoes) {
        assert_int_equal(received, LOT);
    }
}

static void come_all_at_once(void)
{
    struct client *clients[CROWD];
    for (int i = 0; i < CROWD; i++) {
        clients[i] = connect_with(0);
    }
    for (int i = 0; i < CROWD; i++) {
        send_all(clients[i], 10);
    }
    for (int i = 0; i < CROWD; i++) {
        finish(clients[i]);
    }
}

/* ---- Ordeals: UDP ---- */

static void send_datagrams_of_any_length(void)
{
    static const size_t lengths[] = {0, 1, 2, 3, 10, 73, 100, 511, 512, 513, 1472, 1473, 9000, LARGEST, 0};
    const struct pl_address to = rig_address(&rig, UDP), from = client_address("127.0.0.1", 0);
    struct client *client = client_open_datagram(&from);
    assert_non_null(client);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const LONG before = watched.datagrams;
        assert_int_equal(client_send_datagram(client, &to, bytes, lengths[i]), CLIENT_OK);
        const uint64_t deadline = rig_deadline();
        while (watched.datagrams == before) {
            rig_nap(deadline, "a datagram at the handler");
        }
    }
    client_close(client);
}

static void wait_until_all_have_closed(void)
{
    const uint64_t deadline = rig_deadline();
    while (watched.opens != watched.closes) {
        rig_nap(deadline, "the end of all connections");
    }
}

/* ---- Each of them, with each handler ---- */

static void stand(void (*ordeal)(void))
{
    for (size_t i = 0; i < MANNERS; i++) {
        manner = &manners[i];
        print_message("  %s\n", manner->handler);
        start("0");
        ordeal();
        assert_serves_tcp();
        assert_serves_udp();
        wait_until_all_have_closed();
        stop();
    }
}

static void test_every_handler__has_its_manner_told_here(void **state)
{
    (void)state;
    for (size_t i = 0; handlers_builtin[i] != NULL; i++) {
        size_t row = 0;
        while (row < MANNERS && strcmp(manners[row].handler, handlers_builtin[i]->name) != 0) {
            row++;
        }
        if (row == MANNERS) {
            fail_msg("the handler %s has no row in `manners`", handlers_builtin[i]->name);
        }
    }
}

static void test_every_handler__stands_clients_that_reset(void **state)
{
    (void)state;
    stand(reset_before_the_first_byte);
    stand(reset_in_the_middle);
}

static void test_every_handler__stands_clients_that_say_it_byte_by_byte(void **state)
{
    (void)state;
    stand(say_it_byte_by_byte);
}

static void test_every_handler__stands_clients_that_end_their_side_first(void **state)
{
    (void)state;
    stand(end_their_side_first);
}

static void test_every_handler__stands_clients_that_do_not_read(void **state)
{
    (void)state;
    stand(do_not_read);
}

static void test_every_handler__stands_clients_that_send_a_megabyte(void **state)
{
    (void)state;
    stand(send_a_megabyte);
}

static void test_every_handler__stands_clients_that_come_all_at_once(void **state)
{
    (void)state;
    stand(come_all_at_once);
}

static void test_every_handler__stands_datagrams_of_any_length(void **state)
{
    (void)state;
    stand(send_datagrams_of_any_length);
}

static void test_every_handler__answers_no_more_bytes_than_it_is_sent(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANNERS; i++) {
        manner = &manners[i];
        start("1.0");
        for (int round = 0; round < 5; round++) {
            send_datagrams_of_any_length();
            const uint64_t received = rig_counter(&rig, COUNTER_DATAGRAM_BYTES_RECEIVED);
            assert_in_range(rig_counter(&rig, COUNTER_DATAGRAM_BYTES_SENT), 0, received);
        }
        if (!manner->is_mute) {
            assert_true(rig_counter(&rig, COUNTER_DATAGRAMS_SENT) > 0);
        }
        stop();
    }
}

static void test_every_handler__answers_nobody_who_may_not_be_answered(void **state)
{
    (void)state;
    const struct forgery broadcast = {.flags = MSG_BCAST};
    for (size_t i = 0; i < MANNERS; i++) {
        manner = &manners[i];
        start("0");
        const struct pl_address to = rig_address(&rig, UDP), from = client_address("127.0.0.1", 0);
        struct client *client = client_open_datagram(&from);
        assert_non_null(client);
        rig_wait_for_operations(2);
        forge(&broadcast, 1);
        assert_int_equal(client_send_datagram(client, &to, bytes, 1000), CLIENT_OK);
        const uint64_t deadline = rig_deadline();
        while (watched.datagrams == 0) {
            rig_nap(deadline, "a datagram at the handler");
        }
        assert_int_equal(rig_counter(&rig, COUNTER_DATAGRAMS_SENT), 0);
        assert_int_equal(rig_counter(&rig, COUNTER_ANSWERS_DROPPED_BROADCAST), !manner->is_mute);
        client_close(client);
        forge_end();
        stop();
    }
}

/* Some have said something, some have not, some read, most do not; then it stops at once. */
static void test_every_handler__stands_a_stop_at_any_time(void **state)
{
    (void)state;
    struct client *clients[CROWD];
    for (size_t i = 0; i < MANNERS; i++) {
        manner = &manners[i];
        start("0");
        for (int k = 0; k < CROWD; k++) {
            size_t sent = 0;
            clients[k] = connect_with(k % 3 == 0 ? 4096 : 0);
            if (k % 2 == 0) {
                (void)client_send_some(clients[k], bytes, (size_t)k * 2000, &sent);
            }
        }
        stop();
        for (int k = 0; k < CROWD; k++) {
            client_close(clients[k]);
        }
    }
}

/* ---- Around each test ---- */

static int setup(void **state)
{
    static const char text[] = "hello\n";
    const int result = rig_setup(state);
    folder_init(&place);
    plugin_folders_init(&folders);
    plugin_folders_start(&folders, false);
    folder_write(&place, "file.txt", text, sizeof text - 1);
    return result;
}

static int teardown(void **state)
{
    plugin_folders_fini(&folders);
    folder_fini(&place);
    return rig_teardown(state);
}

#define every_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* With an argument: those tests whose names have it. */
int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        every_test(test_every_handler__has_its_manner_told_here),
        every_test(test_every_handler__stands_clients_that_reset),
        every_test(test_every_handler__stands_clients_that_say_it_byte_by_byte),
        every_test(test_every_handler__stands_clients_that_end_their_side_first),
        every_test(test_every_handler__stands_clients_that_do_not_read),
        every_test(test_every_handler__stands_clients_that_send_a_megabyte),
        every_test(test_every_handler__stands_clients_that_come_all_at_once),
        every_test(test_every_handler__stands_datagrams_of_any_length),
        every_test(test_every_handler__answers_no_more_bytes_than_it_is_sent),
        every_test(test_every_handler__answers_nobody_who_may_not_be_answered),
        every_test(test_every_handler__stands_a_stop_at_any_time),
    };
    if (count > 1) {
        cmocka_set_test_filter(arguments[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
