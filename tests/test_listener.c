/* SPDX-License-Identifier: MIT
   Tests of endpoint/listener.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "endpoint/listener.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/ledger.h"
#include "support/seam.h"
#include "support/support.h"

static struct network network;
static struct failure failure;
static struct config_endpoint config;
static struct endpoint endpoint;

static int setup(void **state)
{
    support_setup(state);
    config = (struct config_endpoint){.name = (char *)(uintptr_t) "e", .backlog = 512};
    endpoint = (struct endpoint){.config = &config};
    return network_start(&network, &failure) ? 0 : -1;
}

static int teardown(void **state)
{
    network_stop(&network);
    return support_teardown(state);
}

#define listener_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* A listener for 127.0.0.1, ::1 ("6") or both families ("*"). */
static struct listener make(enum config_protocol protocol, char kind, uint16_t port)
{
    struct listener listener;
    struct config_listen listen = {.protocol = protocol, .is_dual_stack = kind == '*'};
    listen.address = client_address(kind == '*' ? "::" : kind == '6' ? "::1" : "127.0.0.1", 0);
    listener_init(&listener, &endpoint, &listen, port);
    return listener;
}

static void open_and_close(struct listener *listener)
{
    assert_int_equal(listener_open(listener, &network, 500, 1000), 0);
    assert_int_equal(listener->state, LISTENER_LISTENING);
    closesocket(listener->socket);
}

/* ---- What is set, and when: written down at the seam ---- */

static struct text transcript;
static char transcript_room[512];

static int WSAAPI record_option(SOCKET s, int level, int option, const char *value, int length)
{
    static const struct {
        int level, option;
        const char *name;
    } known[] = {
        {SOL_SOCKET, SO_EXCLUSIVEADDRUSE, "exclusive"},
        {SOL_SOCKET, SO_REUSEADDR, "reuse"},
        {IPPROTO_IPV6, IPV6_V6ONLY, "v6only"},
        {SOL_SOCKET, SO_RCVBUF, "rcvbuf"},
        {SOL_SOCKET, SO_SNDBUF, "sndbuf"},
        {IPPROTO_TCP, TCP_NODELAY, "nodelay"},
        {IPPROTO_IP, IP_PKTINFO, "pktinfo4"},
        {IPPROTO_IPV6, IPV6_PKTINFO, "pktinfo6"},
    };
    const char *name = "other";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        name = known[i].level == level && known[i].option == option ? known[i].name : name;
    }
    DWORD number = 0;
    memcpy(&number, value, (size_t)length < sizeof number ? (size_t)length : sizeof number);
    text_add_format(&transcript, "%s=%lu ", name, (unsigned long)number);
    return SEAM_REAL(setsockopt)(s, level, option, value, length);
}

static int WSAAPI record_control(SOCKET s, DWORD command, LPVOID in, DWORD in_length, LPVOID out,
                                 DWORD out_length, LPDWORD returned, LPWSAOVERLAPPED overlapped,
                                 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    DWORD number = 0;
    memcpy(&number, in, in_length < sizeof number ? in_length : sizeof number);
    text_add_format(&transcript, "%s=%lu ",
                    command == SIO_UDP_CONNRESET  ? "connreset"
                    : command == SIO_UDP_NETRESET ? "netreset"
                                                  : "other",
                    (unsigned long)number);
    return SEAM_REAL(WSAIoctl)(s, command, in, in_length, out, out_length, returned, overlapped, routine);
}

static int WSAAPI record_mode(SOCKET s, LONG command, u_long *value)
{
    text_add_format(&transcript, "%s=%lu ", command == (LONG)FIONBIO ? "nonblocking" : "other",
                    (unsigned long)*value);
    return SEAM_REAL(ioctlsocket)(s, command, value);
}

static int WSAAPI record_bind(SOCKET s, const struct sockaddr *address, int length)
{
    text_add_string(&transcript, "bind ");
    return SEAM_REAL(bind)(s, address, length);
}

static int WSAAPI record_listen(SOCKET s, int backlog)
{
    text_add_format(&transcript, "listen(%d) ", backlog);
    return SEAM_REAL(listen)(s, backlog);
}

static SOCKET WSAAPI record_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW information,
                                   GROUP group, DWORD flags)
{
    text_add_string(&transcript,
                    flags == (WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT) ? "" : "flags! ");
    return SEAM_REAL(WSASocketW)(family, type, protocol, information, group, flags);
}

static void record(void)
{
    text_init(&transcript, transcript_room, sizeof transcript_room);
    seam_replace(IMPORT_setsockopt, (seam_function)record_option);
    seam_replace(IMPORT_WSAIoctl, (seam_function)record_control);
    seam_replace(IMPORT_ioctlsocket, (seam_function)record_mode);
    seam_replace(IMPORT_bind, (seam_function)record_bind);
    seam_replace(IMPORT_listen, (seam_function)record_listen);
    seam_replace(IMPORT_WSASocketW, (seam_function)record_socket);
}

static void test_listener__sets_what_protects_it_before_it_binds(void **state)
{
    (void)state;
    static const struct {
        enum config_protocol protocol;
        char kind;
        bool nodelay;
        uint32_t receive_buffer, send_buffer;
        const char *transcript;
    } rows[] = {
        {CONFIG_TCP, '4', false, 0, 0, "exclusive=1 bind listen(-512) "},
        {CONFIG_TCP, '4', true, 0, 0, "exclusive=1 nodelay=1 bind listen(-512) "},
        {CONFIG_TCP, '6', false, 0, 0, "exclusive=1 v6only=1 bind listen(-512) "},
        {CONFIG_TCP, '*', false, 0, 0, "exclusive=1 v6only=0 bind listen(-512) "},
        {CONFIG_TCP, '4', false, 8192, 4096, "exclusive=1 rcvbuf=8192 sndbuf=4096 bind listen(-512) "},
        {CONFIG_UDP, '4', false, 0, 0,
         "exclusive=1 rcvbuf=4194304 connreset=0 netreset=0 pktinfo4=1 nonblocking=1 bind "},
        {CONFIG_UDP, '6', false, 0, 0,
         "exclusive=1 v6only=1 rcvbuf=4194304 connreset=0 netreset=0 pktinfo6=1 nonblocking=1 bind "},
        {CONFIG_UDP, '*', false, 0, 0,
         "exclusive=1 v6only=0 rcvbuf=4194304 connreset=0 netreset=0 pktinfo6=1 pktinfo4=1 nonblocking=1 "
         "bind "},
        {CONFIG_UDP, '4', true, 65536, 32768,
         "exclusive=1 rcvbuf=65536 sndbuf=32768 connreset=0 netreset=0 pktinfo4=1 nonblocking=1 bind "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener listener = make(rows[i].protocol, rows[i].kind, 0);
        config.nodelay = rows[i].nodelay;
        config.recv_buffer = rows[i].receive_buffer;
        config.send_buffer = rows[i].send_buffer;
        record();
        open_and_close(&listener);
        seam_restore();
        assert_string_equal(transcript.at, rows[i].transcript);
        assert_int_not_equal(listener.address.port, 0);
        assert_int_equal(endpoint.nodelay, NODELAY_UNKNOWN);
    }
}

/* Then no connection can inherit it. */
static void test_listener__leaves_nodelay_to_the_connections_where_it_is_refused(void **state)
{
    (void)state;
    struct listener listener = make(CONFIG_TCP, '4', 0);
    config.nodelay = true;
    fault_arm(IMPORT_setsockopt, 2, WSAENOPROTOOPT, 1);
    open_and_close(&listener);
    assert_int_equal(fault_hits(), 1);
    assert_int_equal(endpoint.nodelay, NODELAY_OWN);
}

static void test_listener__passes_the_backlog_in_the_form_that_it_needs(void **state)
{
    (void)state;
    static const struct {
        uint32_t backlog;
        const char *transcript;
    } rows[] = {{1, "exclusive=1 bind listen(1) "},
                {200, "exclusive=1 bind listen(200) "},
                {201, "exclusive=1 bind listen(-201) "},
                {65535, "exclusive=1 bind listen(-65535) "}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener listener = make(CONFIG_TCP, '4', 0);
        config.backlog = rows[i].backlog;
        record();
        open_and_close(&listener);
        seam_restore();
        assert_string_equal(transcript.at, rows[i].transcript);
    }
}

static void test_listener__has_the_port_for_itself(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct listener listener = make(i == 0 ? CONFIG_TCP : CONFIG_UDP, '4', 0);
        BOOL exclusive = FALSE, yes = TRUE;
        int length = sizeof exclusive;
        SOCKADDR_STORAGE at;
        assert_int_equal(listener_open(&listener, &network, 500, 0), 0);
        assert_int_equal(
            getsockopt(listener.socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char *)&exclusive, &length), 0);
        assert_int_not_equal(exclusive, 0);
        const SOCKET thief = network_socket(AF_INET, i == 0 ? SOCK_STREAM : SOCK_DGRAM);
        const int at_length = network_address_to(&listener.address, AF_INET, &at);
        assert_int_equal(setsockopt(thief, SOL_SOCKET, SO_REUSEADDR, (char *)&yes, sizeof yes), 0);
        assert_int_equal(bind(thief, (SOCKADDR *)&at, at_length), SOCKET_ERROR);
        assert_true(listener_error_may_pass((uint32_t)WSAGetLastError()));
        closesocket(thief);
        closesocket(listener.socket);
    }
}

/* ---- Failing ---- */

/* Each call that it needs, made to fail: the error comes out, no socket is left, and it waits. */
static void test_listener__fails_with_each_call_that_it_needs(void **state)
{
    (void)state;
    static const struct {
        enum config_protocol protocol;
        char kind;
        enum import import;
        uint32_t nth;
        DWORD code;
    } rows[] = {
        {CONFIG_TCP, '4', IMPORT_WSASocketW, 1, WSAEMFILE},
        {CONFIG_TCP, '4', IMPORT_setsockopt, 1, WSAEINVAL},
        {CONFIG_TCP, '6', IMPORT_setsockopt, 2, WSAENOPROTOOPT},
        {CONFIG_TCP, '4', IMPORT_bind, 1, WSAEADDRINUSE},
        {CONFIG_TCP, '4', IMPORT_listen, 1, WSAEADDRINUSE},
        {CONFIG_TCP, '4', IMPORT_getsockname, 1, WSAENOBUFS},
        {CONFIG_UDP, '4', IMPORT_ioctlsocket, 1, WSAENOBUFS},
        {CONFIG_UDP, '4', IMPORT_bind, 1, WSAEACCES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener listener = make(rows[i].protocol, rows[i].kind, 0);
        const size_t sockets = ledger_count(LEDGER_SOCKET);
        fault_arm(rows[i].import, rows[i].nth, rows[i].code, 1);
        assert_int_equal(listener_open(&listener, &network, 500, 1000), rows[i].code);
        assert_int_equal(fault_hits(), 1);
        assert_int_equal(listener.state, LISTENER_WAITING);
        assert_int_equal(listener.win32_error, rows[i].code);
        assert_int_equal(listener.retry_at, 1500);
        assert_int_equal(ledger_count(LEDGER_SOCKET), sockets);
        fault_clear();
        open_and_close(&listener); /* the next try works */
        assert_int_equal(listener.win32_error, 0);
    }
}

static void test_listener__does_without_what_is_only_a_wish(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        uint32_t nth, times;
    } rows[] = {{IMPORT_setsockopt, 2, 2},             /* both buffers */
                {IMPORT_setsockopt, 4, FAULT_FOREVER}, /* packet information */
                {IMPORT_WSAIoctl, 1, FAULT_FOREVER}};
    config.recv_buffer = config.send_buffer = 65536;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener listener = make(CONFIG_UDP, '4', 0);
        fault_arm(rows[i].import, rows[i].nth, WSAEOPNOTSUPP, rows[i].times);
        open_and_close(&listener);
        assert_in_range(fault_hits(), 1, 2);
        fault_clear();
    }
}

static void test_listener__waits_twice_as_long_each_time(void **state)
{
    (void)state;
    static const uint32_t delays[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct listener listener = make(CONFIG_TCP, '4', 0);
    fault_arm(IMPORT_bind, 1, WSAEADDRINUSE, FAULT_FOREVER);
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        listener_open(&listener, &network, 500, 7000);
        assert_int_equal(listener.delay, delays[i]);
        assert_int_equal(listener.retry_at, 7000 + delays[i]);
    }
    fault_clear();
    open_and_close(&listener);
    listener_lost(&listener, WSAENOTSOCK, 500, 1000 + 29999);
    assert_int_equal(listener.delay, 30000); /* it did not live long */
    open_and_close(&listener);
    listener_lost(&listener, WSAENOTSOCK, 500, 1000 + 30000);
    assert_int_equal(listener.delay, 500); /* anew */
}

static void test_listener__is_never_tried_again_at_once_when_it_is_lost(void **state)
{
    (void)state;
    struct listener listener = make(CONFIG_TCP, '4', 0);
    open_and_close(&listener);
    const uint16_t port = listener.address.port;
    listener_lost(&listener, WSAENOTSOCK, 500, 7000);
    assert_int_equal(listener.state, LISTENER_WAITING);
    assert_int_equal(listener.win32_error, WSAENOTSOCK);
    assert_int_equal(listener.retry_at, 7500);
    open_and_close(&listener);
    assert_int_equal(listener.address.port, port); /* the one that clients know by now */
    listener_lost(&listener, WSAENOTSOCK, 500, 7000);
    assert_int_equal(listener.retry_at, 8000); /* twice as long, when it is lost again soon */
    open_and_close(&listener);
    listener_lost(&listener, WSAENOTSOCK, 60000, 70000);
    assert_int_equal(listener.retry_at, 100000);
}

/* ---- Conflicts, as the system finds them ---- */

static void assert_words(const struct listener *listener, const char *words)
{
    char room[768];
    struct text text;
    text_init(&text, room, sizeof room);
    listener_add_error(&text, listener);
    if (strstr(text.at, words) == NULL) {
        fail_msg("\"%s\" does not say: %s", text.at, words);
    }
}

static void test_listener__finds_a_port_that_another_socket_has(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct listener holder = make(i == 0 ? CONFIG_TCP : CONFIG_UDP, '4', 0);
        assert_int_equal(listener_open(&holder, &network, 500, 0), 0);
        struct listener late = make(i == 0 ? CONFIG_TCP : CONFIG_UDP, '4', holder.address.port);
        const uint32_t error = listener_open(&late, &network, 500, 0);
        assert_true(error == WSAEADDRINUSE || error == WSAEACCES);
        assert_true(listener_error_may_pass(error));
        assert_words(&late, "another socket has this port");
        closesocket(holder.socket);
        open_and_close(&late);
    }
}

static void test_listener__finds_that_the_address_is_not_of_this_machine(void **state)
{
    (void)state;
    struct listener listener = make(CONFIG_TCP, '4', 0);
    listener.address = client_address("198.51.100.1", 0); /* for documentation only, RFC 5737 */
    assert_int_equal(listener_open(&listener, &network, 500, 0), WSAEADDRNOTAVAIL);
    assert_false(listener_error_may_pass(WSAEADDRNOTAVAIL));
    assert_words(&listener, "this machine does not have that address");
}

static void test_listener__says_what_each_error_means(void **state)
{
    (void)state;
    static const struct {
        uint32_t error;
        const char *words;
    } rows[] = {
        {WSAEADDRINUSE, "end the program that holds it"},
        {WSAEACCES, "administrator rights do not help"},
        {WSAEADDRNOTAVAIL, "ipconfig"},
        {WSAEAFNOSUPPORT, "switched off"},
        {WSAENOBUFS, "out of memory"},
        {WSAEMFILE, "out of sockets"},
        {WSAENETDOWN, "10050"}, /* any other: by its number */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener listener = make(CONFIG_TCP, '4', 0);
        listener.win32_error = rows[i].error;
        assert_words(&listener, rows[i].words);
    }
}

/* ---- Why: told by someone who may have to look first ---- */

static struct {
    bool is_known;
    uint64_t cause;
    const char *words;
    struct bind_question question;
    uint64_t since;
} knowledge;

static bool explain(void *context, const struct bind_question *question, uint64_t since, struct text *text,
                    uint64_t *cause_out)
{
    assert_ptr_equal(context, &knowledge);
    knowledge.question = *question;
    knowledge.since = since;
    *cause_out = knowledge.cause;
    if (knowledge.is_known && text != NULL) {
        text_add_string(text, knowledge.words);
    }
    return knowledge.is_known;
}

static const struct explainer explainer = {explain, &knowledge};

static struct listener make_lost(uint64_t now)
{
    endpoint.explainer = &explainer;
    memset(&knowledge, 0, sizeof knowledge);
    struct listener listener = make(CONFIG_UDP, '*', 514);
    listener_lost(&listener, WSAEADDRINUSE, 500, now);
    return listener;
}

static void test_listener__says_why_when_somebody_knows(void **state)
{
    (void)state;
    struct listener listener = make_lost(1000);
    assert_words(&listener, "another socket has this port"); /* not known yet */
    assert_false(listener_is_explained(&listener));
    knowledge.is_known = true;
    knowledge.words = "held by nginx.exe";
    assert_words(&listener, "; held by nginx.exe");
    assert_true(listener_is_explained(&listener));
    assert_int_equal(knowledge.question.error, WSAEADDRINUSE);
    assert_int_equal(knowledge.question.protocol, CONFIG_UDP);
    assert_int_equal(knowledge.question.address.port, 514);
    assert_true(knowledge.question.is_dual_stack);
    assert_int_equal(knowledge.since, 1000);
    knowledge.words = ""; /* there is nothing to add */
    assert_words(&listener, "error 10048");
    listener.state = LISTENER_LISTENING;
    assert_true(listener_is_explained(&listener));
}

static bool must_tell(struct listener *listener, uint64_t now, uint64_t expected_again)
{
    uint64_t again = UINT64_MAX;
    const bool result = listener_must_tell(listener, now, &again);
    assert_true(again == expected_again);
    return result;
}

static void test_listener__is_told_once_for_each_cause(void **state)
{
    (void)state;
    struct listener listener = make_lost(1000);
    assert_false(must_tell(&listener, 1000, 1100)); /* it may be known soon */
    knowledge.is_known = true;
    knowledge.cause = 7;
    assert_true(must_tell(&listener, 1100, UINT64_MAX));
    assert_false(must_tell(&listener, 1200, UINT64_MAX));
    listener_lost(&listener, WSAEADDRINUSE, 500, 2000);
    assert_false(must_tell(&listener, 2000, UINT64_MAX)); /* the same again */
    knowledge.cause = 8;
    listener_lost(&listener, WSAEADDRINUSE, 500, 3000);
    assert_true(must_tell(&listener, 3000, UINT64_MAX)); /* somebody else has it now */
    knowledge.is_known = false;
    listener_lost(&listener, WSAEADDRINUSE, 500, 4000);
    assert_false(must_tell(&listener, 7000, UINT64_MAX)); /* that much was told */
    listener_lost(&listener, WSAEACCES, 500, 8000);
    assert_false(must_tell(&listener, 8000, 8100));
    assert_true(must_tell(&listener, 11000, UINT64_MAX)); /* no longer without its cause */
    listener_lost(&listener, WSAEACCES, 500, 11500);
    assert_false(must_tell(&listener, 15000, UINT64_MAX)); /* but once */
    knowledge.is_known = true;
    listener_lost(&listener, WSAEACCES, 500, 12000);
    assert_true(must_tell(&listener, 12000, UINT64_MAX)); /* now it is known */
    listener.state = LISTENER_LISTENING;
    assert_false(must_tell(&listener, 13000, UINT64_MAX));
}

/* ---- Names, and machines without IPv6 ---- */

static void assert_name(const struct listener *listener, const char *name)
{
    char room[128];
    struct text text;
    text_init(&text, room, sizeof room);
    listener_add_name(&text, listener);
    assert_string_equal(text.at, name);
}

static void test_listener__is_named_as_the_configuration_has_it(void **state)
{
    (void)state;
    struct listener listener = make(CONFIG_TCP, '4', 80);
    assert_name(&listener, "tcp://127.0.0.1:80");
    listener = make(CONFIG_UDP, '6', 514);
    assert_name(&listener, "udp://[::1]:514");
    listener = make(CONFIG_TCP, '*', 65535);
    assert_name(&listener, "tcp://*:65535");
}

static void test_listener__takes_ipv4_alone_where_ipv6_is_off(void **state)
{
    (void)state;
    endpoint.log = journal_open();
    for (int i = 0; i < 2; i++) {
        struct listener listener = make(i == 0 ? CONFIG_TCP : CONFIG_UDP, '*', 7);
        struct client *client = NULL;
        network.has_ipv6 = false;
        listener.address.port = 0;
        record();
        assert_int_equal(listener_open(&listener, &network, 500, 0), 0);
        seam_restore();
        assert_null(strstr(transcript.at, "v6only"));
        assert_null(strstr(transcript.at, "pktinfo6"));
        assert_int_equal(listener.family, AF_INET);
        assert_false(listener.is_dual_stack);
        assert_true(address_is_any(&listener.address));
        if (i == 0) {
            const struct pl_address to = client_address("127.0.0.1", listener.address.port);
            assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
            client_close(client);
        }
        closesocket(listener.socket);
        listener.address.port = 7;
        assert_name(&listener, i == 0 ? "tcp://0.0.0.0:7" : "udp://0.0.0.0:7");
        journal_wait(EVENT_ENDPOINT_IPV4_ONLY, (size_t)i + 1);
        journal_assert_last(EVENT_ENDPOINT_IPV4_ONLY, i == 0 ? "[e] tcp://*:0: IPv6 is off on this machine"
                                                             : "[e] udp://*:0: IPv6 is off");
    }
    journal_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        listener_test(test_listener__sets_what_protects_it_before_it_binds),
        listener_test(test_listener__passes_the_backlog_in_the_form_that_it_needs),
        listener_test(test_listener__has_the_port_for_itself),
        listener_test(test_listener__leaves_nodelay_to_the_connections_where_it_is_refused),
        listener_test(test_listener__fails_with_each_call_that_it_needs),
        listener_test(test_listener__does_without_what_is_only_a_wish),
        listener_test(test_listener__waits_twice_as_long_each_time),
        listener_test(test_listener__is_never_tried_again_at_once_when_it_is_lost),
        listener_test(test_listener__finds_a_port_that_another_socket_has),
        listener_test(test_listener__finds_that_the_address_is_not_of_this_machine),
        listener_test(test_listener__says_what_each_error_means),
        listener_test(test_listener__says_why_when_somebody_knows),
        listener_test(test_listener__is_told_once_for_each_cause),
        listener_test(test_listener__is_named_as_the_configuration_has_it),
        listener_test(test_listener__takes_ipv4_alone_where_ipv6_is_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
