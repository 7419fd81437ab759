/* SPDX-License-Identifier: MIT
   Tests of rehearsal.h and probe.h: a start that is tried, and a client that tries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "config/config_options.h"
#include "io/network.h"
#include "probe.h"
#include "rehearsal.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

static struct failure failure;

static struct config_listen listen_of(enum config_protocol protocol, const char *address)
{
    struct config_listen listen = {.protocol = protocol, .address = client_address(address, 0)};
    return listen;
}

/* ---- Binds ---- */

static uint32_t bind_error(const struct rehearsal *rehearsal, const struct config_listen *listen,
                           uint16_t port)
{
    struct bind_question question;
    rehearsal_bind(rehearsal, listen, port, &question);
    assert_int_equal(question.address.port, port);
    assert_int_equal(question.protocol, listen->protocol);
    return question.error;
}

/* A socket of somebody else, and its port. */
static SOCKET hold(int type, uint16_t *port_out)
{
    SOCKADDR_IN address = {.sin_family = AF_INET};
    int length = sizeof address;
    const SOCKET held = network_socket(AF_INET, type);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(held, (const SOCKADDR *)&address, sizeof address), 0);
    assert_int_equal(getsockname(held, (SOCKADDR *)&address, &length), 0);
    *port_out = ntohs(address.sin_port);
    return held;
}

static void test_rehearsal__binds_and_lets_go(void **state)
{
    struct rehearsal *rehearsal = rehearsal_create(&failure);
    uint16_t port = 0;
    (void)state;
    assert_non_null(rehearsal);
    const SOCKET held = hold(SOCK_STREAM, &port);
    const struct config_listen tcp = listen_of(CONFIG_TCP, "127.0.0.1"),
                               udp = listen_of(CONFIG_UDP, "127.0.0.1");
    assert_int_not_equal(bind_error(rehearsal, &tcp, port), 0);
    assert_int_equal(bind_error(rehearsal, &udp, port), 0);
    closesocket(held);
    assert_int_equal(bind_error(rehearsal, &tcp, port), 0);
    assert_int_equal(bind_error(rehearsal, &tcp, port), 0); /* it was let go */
    const struct config_listen strange = listen_of(CONFIG_TCP, "203.0.113.77");
    assert_int_equal(bind_error(rehearsal, &strange, port), WSAEADDRNOTAVAIL);
    rehearsal_destroy(rehearsal);
    rehearsal_destroy(NULL);
}

static SOCKET WSAAPI no_ipv6(int family, int type, int protocol, LPWSAPROTOCOL_INFOW information, GROUP group,
                             DWORD flags)
{
    if (family == AF_INET6) {
        WSASetLastError(WSAEAFNOSUPPORT);
        return INVALID_SOCKET;
    }
    return SEAM_REAL(WSASocketW)(family, type, protocol, information, group, flags);
}

static void test_rehearsal__a_star_is_ipv4_where_ipv6_is_off(void **state)
{
    struct config_listen star = listen_of(CONFIG_TCP, "::");
    struct bind_question question;
    (void)state;
    star.is_dual_stack = true;
    seam_replace(IMPORT_WSASocketW, (seam_function)no_ipv6);
    struct rehearsal *rehearsal = rehearsal_create(&failure);
    assert_non_null(rehearsal);
    assert_false(rehearsal_has_ipv6(rehearsal));
    rehearsal_bind(rehearsal, &star, 17999, &question);
    assert_int_equal(question.address.family, 4);
    assert_false(question.is_dual_stack);
    star.is_dual_stack = false;
    rehearsal_bind(rehearsal, &star, 17999, &question);
    assert_int_equal(question.error, WSAEAFNOSUPPORT);
    rehearsal_destroy(rehearsal);
}

static void test_rehearsal__what_the_system_refuses_is_told(void **state)
{
    struct rehearsal *rehearsal = rehearsal_create(&failure);
    const struct config_listen tcp = listen_of(CONFIG_TCP, "127.0.0.1");
    (void)state;
    fault_arm(IMPORT_WSASocketW, 1, WSAEMFILE, 1);
    assert_int_equal(bind_error(rehearsal, &tcp, 17999), WSAEMFILE);
    fault_arm(IMPORT_setsockopt, 1, WSAENETDOWN, 1);
    assert_int_equal(bind_error(rehearsal, &tcp, 17999), WSAENETDOWN);
    fault_arm(IMPORT_bind, 1, WSAEACCES, 1);
    assert_int_equal(bind_error(rehearsal, &tcp, 17999), WSAEACCES);
    fault_clear();
    rehearsal_destroy(rehearsal);
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_null(rehearsal_create(&failure));
    fault_clear();
    fault_arm(IMPORT_WSAStartup, 1, WSASYSNOTREADY, FAULT_FOREVER);
    assert_null(rehearsal_create(&failure));
    assert_int_not_equal(failure.text[0], '\0');
}

/* ---- Handlers ---- */

static unsigned checks, stops;
static bool refuses;

static int32_t start(pl_start *it)
{
    assert_int_equal(it->check, 1);
    assert_non_null(it->host);
    checks++;
    if (refuses) {
        snprintf(it->error, it->error_room, "no such file");
    }
    return refuses ? -1 : 0;
}

static void stop(void *state)
{
    (void)state;
    stops++;
}

static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length;
}

static void test_rehearsal__asks_handlers_whether_they_would_start(void **state)
{
    static const struct pl_handler handler = {.size = sizeof handler,
                                              .abi_major = PL_ABI_MAJOR,
                                              .abi_minor = PL_ABI_MINOR,
                                              .flags = PL_TCP,
                                              .name = "mine",
                                              .start = start,
                                              .stop = stop,
                                              .on_data = on_data};
    const struct config_options table = {.handler = &handler};
    static char name[] = "web";
    const struct config_endpoint endpoint = {.name = name, .options.options = &table};
    const struct config config = {.endpoint_count = 0};
    struct rehearsal *rehearsal = rehearsal_create(&failure);
    (void)state;
    assert_true(rehearsal_handler(rehearsal, &config, &endpoint, &failure));
    assert_int_equal(checks, 1);
    assert_int_equal(stops, 1);
    refuses = true;
    assert_false(rehearsal_handler(rehearsal, &config, &endpoint, &failure));
    assert_non_null(strstr(failure.text, "endpoint web: the handler mine could not start: no such file"));
    assert_int_equal(stops, 1);
    rehearsal_destroy(rehearsal);
}

/* ---- A client that tries ---- */

/* A listener that does with its one client what `act` says, on a thread of its own. */
enum act { ANSWER, ANSWER_SLOWLY, LIE, RESET, END, SAY_NOTHING };

struct server {
    SOCKET listener;
    enum act act;
};

static DWORD WINAPI serve(void *argument)
{
    const struct server *server = argument;
    char room[512];
    const SOCKET client = SEAM_REAL(accept)(server->listener, NULL, NULL);
    if (client == INVALID_SOCKET) {
        return 1;
    }
    if (server->act == RESET) {
        network_close_hard(client);
        return 0;
    }
    int count = server->act == END ? 0 : SEAM_REAL(recv)(client, room, sizeof room, 0);
    if (server->act == LIE) {
        room[0] ^= 1;
    }
    for (int i = 0; i < count && server->act != SAY_NOTHING; i++) {
        const int part = server->act == ANSWER_SLOWLY ? 1 : count;
        i += SEAM_REAL(sendto)(client, room + i, part, 0, NULL, 0) - 1;
    }
    while (server->act != END && SEAM_REAL(recv)(client, room, sizeof room, 0) > 0) {}
    closesocket(client);
    return 0;
}

static enum probe_outcome probe(enum act act, enum live_expectation expects, uint32_t limit)
{
    static const char line[] = "abcdef";
    struct server server = {.act = act};
    struct probe tried = {.protocol = CONFIG_TCP,
                          .address = client_address("127.0.0.1", 0),
                          .script = {line, sizeof line - 1, expects},
                          .limit = limit};
    server.listener = hold(SOCK_STREAM, &tried.address.port);
    assert_int_equal(listen(server.listener, 1), 0);
    const HANDLE thread = CreateThread(NULL, 0, serve, &server, 0, NULL);
    assert_non_null(thread);
    probe_run(&tried);
    assert_int_equal(WaitForSingleObject(thread, 30000), WAIT_OBJECT_0);
    CloseHandle(thread);
    closesocket(server.listener);
    return tried.outcome;
}

static int start_winsock(void **state)
{
    const int result = support_setup(state);
    assert_int_equal(probe_start(), 0);
    checks = stops = 0;
    refuses = false;
    return result;
}

static int stop_winsock(void **state)
{
    fault_clear();
    probe_stop();
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, start_winsock, stop_winsock)

static void test_probe__tells_what_came_of_it(void **state)
{
    (void)state;
    assert_int_equal(probe(ANSWER, LIVE_SAME, 30000), PROBE_ANSWERED);
    assert_int_equal(probe(ANSWER_SLOWLY, LIVE_SAME, 30000), PROBE_ANSWERED);
    assert_int_equal(probe(ANSWER, LIVE_ANYTHING, 30000), PROBE_ANSWERED);
    assert_int_equal(probe(LIE, LIVE_SAME, 30000), PROBE_WRONG);
    assert_int_equal(probe(SAY_NOTHING, LIVE_SAME, 300), PROBE_LATE);
    assert_int_equal(probe(SAY_NOTHING, LIVE_NOTHING, 30000), PROBE_TAKEN);
    assert_int_equal(probe(RESET, LIVE_SAME, 30000), PROBE_RESET);
    assert_int_equal(probe(END, LIVE_ANYTHING, 30000), PROBE_RESET);
}

static void test_probe__nobody_there_is_refused(void **state)
{
    struct probe tried = {.protocol = CONFIG_TCP, .address = client_address("127.0.0.1", 0), .limit = 30000};
    (void)state;
    closesocket(hold(SOCK_STREAM, &tried.address.port));
    probe_run(&tried);
    assert_int_equal(tried.outcome, PROBE_REFUSED);
    assert_int_not_equal(tried.error, 0);
}

static void test_probe__datagrams_are_answered_or_not(void **state)
{
    static const char line[] = "abcdef";
    struct probe tried = {.protocol = CONFIG_UDP,
                          .address = client_address("127.0.0.1", 0),
                          .script = {line, sizeof line - 1, LIVE_SAME},
                          .limit = 200};
    (void)state;
    const SOCKET silent = hold(SOCK_DGRAM, &tried.address.port);
    probe_run(&tried);
    assert_int_equal(tried.outcome, PROBE_LATE);
    closesocket(silent);
}

static void test_probe__what_the_system_refuses_is_told(void **state)
{
    static const struct {
        enum import import;
        DWORD error;
        enum probe_outcome outcome;
    } rows[] = {
        {IMPORT_WSASocketW, WSAEMFILE, PROBE_REFUSED},    {IMPORT_ioctlsocket, WSAENETDOWN, PROBE_REFUSED},
        {IMPORT_connect, WSAECONNREFUSED, PROBE_REFUSED}, {IMPORT_sendto, WSAENOBUFS, PROBE_RESET},
        {IMPORT_select, WSAENETDOWN, PROBE_REFUSED},
    };
    (void)state;
    assert_int_equal(probe(ANSWER, LIVE_SAME, 30000), PROBE_ANSWERED);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const char line[] = "abcdef";
        struct probe tried = {.protocol = CONFIG_TCP,
                              .address = client_address("127.0.0.1", 0),
                              .script = {line, sizeof line - 1, LIVE_SAME},
                              .limit = 30000};
        const SOCKET listener = hold(SOCK_STREAM, &tried.address.port);
        assert_int_equal(listen(listener, 1), 0);
        fault_arm(rows[i].import, 1, rows[i].error, 1);
        probe_run(&tried);
        assert_int_equal(tried.outcome, rows[i].outcome);
        assert_int_equal(tried.error, rows[i].error);
        fault_clear();
        closesocket(listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_rehearsal__binds_and_lets_go),
        test(test_rehearsal__a_star_is_ipv4_where_ipv6_is_off),
        test(test_rehearsal__what_the_system_refuses_is_told),
        test(test_rehearsal__asks_handlers_whether_they_would_start),
        test(test_probe__tells_what_came_of_it),
        test(test_probe__nobody_there_is_refused),
        test(test_probe__datagrams_are_answered_or_not),
        test(test_probe__what_the_system_refuses_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
