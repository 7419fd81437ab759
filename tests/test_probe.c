/* SPDX-License-Identifier: MIT
   Tests of probe.c: what a client makes of each thing that the other side, or the system, can do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "io/network.h"
#include "probe.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/support.h"

enum { LONG_TIME = 15000, SHORT_TIME = 150, PAUSE = 50, LONGEST = 2000 };

/* ---- The other side ---- */

/* What is sent to whoever comes: one piece, another one a moment later, and then perhaps the end. */
struct service {
    const char *first, *second;
    bool is_closing;
    SOCKET listener;
    HANDLE done; /* the probe is */
};

static DWORD WINAPI serve(void *context)
{
    const struct service *service = context;
    const SOCKET s = accept(service->listener, NULL, NULL);
    const char *const pieces[] = {service->first, service->second};
    for (size_t i = 0; i < 2 && pieces[i] != NULL; i++) {
        Sleep(i == 0 ? 0 : PAUSE);
        send(s, pieces[i], (int)strlen(pieces[i]), 0);
    }
    if (service->is_closing) {
        shutdown(s, SD_SEND);
    }
    WaitForSingleObject(service->done, INFINITE);
    closesocket(s);
    return 0;
}

static SOCKET open_socket(int type, struct pl_address *address_out)
{
    const struct pl_address any = client_address("127.0.0.1", 0);
    SOCKADDR_STORAGE address;
    const int length = network_address_to(&any, AF_INET, &address);
    const SOCKET s = socket(AF_INET, type, 0);
    assert_int_equal(bind(s, (const SOCKADDR *)&address, length), 0);
    *address_out = network_own_address(s);
    return s;
}

static SOCKET open_listener(struct pl_address *address_out)
{
    const SOCKET s = open_socket(SOCK_STREAM, address_out);
    assert_int_equal(listen(s, 5), 0);
    return s;
}

/* ---- Fixture ---- */

static int setup(void **state)
{
    const int result = support_setup(state);
    return result == 0 ? (int)probe_start() : result;
}

static int teardown(void **state)
{
    probe_stop();
    return support_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct probe probe_for(enum config_protocol protocol, const struct pl_address *to, const char *words,
                              enum live_expectation expects)
{
    return (struct probe){.protocol = protocol,
                          .address = *to,
                          .script = {words, words != NULL ? strlen(words) : 0, expects},
                          .limit = LONG_TIME};
}

static void assert_outcome(const char *what, const struct probe *probe, enum probe_outcome outcome,
                           uint32_t error)
{
    if (probe->outcome != outcome || probe->error != error) {
        fail_msg("%s: outcome %d, error %u", what, (int)probe->outcome, (unsigned)probe->error);
    }
}

/* ---- What the other side does ---- */

static void end_service(const struct service *service, HANDLE thread)
{
    SetEvent(service->done);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    CloseHandle(service->done);
    closesocket(service->listener);
}

static void test_probe__judges_what_comes(void **state)
{
    (void)state;
    static const struct {
        const char *what, *first, *second, *words;
        bool is_closing;
        enum live_expectation expects;
        uint32_t limit;
        enum probe_outcome outcome;
    } rows[] = {
        {"the same", "hello", NULL, "hello", false, LIVE_SAME, LONG_TIME, PROBE_ANSWERED},
        {"the same, by and by", "he", "llo", "hello", false, LIVE_SAME, LONG_TIME, PROBE_ANSWERED},
        {"more than that", "hello, world", NULL, "hello", false, LIVE_SAME, LONG_TIME, PROBE_ANSWERED},
        {"something else", "help", NULL, "hello", false, LIVE_SAME, LONG_TIME, PROBE_WRONG},
        {"half of it", "he", NULL, "hello", false, LIVE_SAME, SHORT_TIME, PROBE_LATE},
        {"half of it, and the end", "he", NULL, "hello", true, LIVE_SAME, LONG_TIME, PROBE_RESET},
        {"a word", "word", NULL, NULL, false, LIVE_ANYTHING, LONG_TIME, PROBE_ANSWERED},
        {"no word", NULL, NULL, NULL, false, LIVE_ANYTHING, SHORT_TIME, PROBE_LATE},
        {"no word, and the end", NULL, NULL, NULL, true, LIVE_ANYTHING, LONG_TIME, PROBE_RESET},
        {"nothing", NULL, NULL, NULL, false, LIVE_NOTHING, LONG_TIME, PROBE_TAKEN},
        {"nothing, in less time", NULL, NULL, NULL, false, LIVE_NOTHING, SHORT_TIME, PROBE_TAKEN},
        {"nothing, and the end", NULL, NULL, NULL, true, LIVE_NOTHING, LONG_TIME, PROBE_TAKEN},
        {"a word too many", "word", NULL, NULL, false, LIVE_NOTHING, LONG_TIME, PROBE_TAKEN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address to;
        struct service service = {rows[i].first, rows[i].second, rows[i].is_closing, open_listener(&to),
                                  CreateEventW(NULL, TRUE, FALSE, NULL)};
        const HANDLE thread = CreateThread(NULL, 0, serve, &service, 0, NULL);
        struct probe probe = probe_for(CONFIG_TCP, &to, rows[i].words, rows[i].expects);
        probe.limit = rows[i].limit;
        probe_run(&probe);
        end_service(&service, thread);
        assert_outcome(rows[i].what, &probe, rows[i].outcome, 0);
    }
}

static DWORD WINAPI answer_datagram(void *context)
{
    static char answer[LONGEST];
    const struct service *service = context;
    SOCKADDR_STORAGE from;
    int length = sizeof from;
    recvfrom(service->listener, answer, sizeof answer, 0, (SOCKADDR *)&from, &length);
    for (size_t i = 0; i < strlen(service->first); i++) { /* of so many bytes, in hundreds */
        sendto(service->listener, answer, (service->first[i] - '0') * 100, 0, (SOCKADDR *)&from, length);
    }
    return 0;
}

static void test_probe__judges_datagrams(void **state)
{
    (void)state;
    static const struct {
        const char *what, *hundreds, *words;
        enum live_expectation expects;
    } rows[] = {
        {"a longer one than there is room for", "?", "x", LIVE_ANYTHING},
        {"an empty one is no answer yet", "01", "hello", LIVE_SAME},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address to;
        struct service service = {.first = rows[i].hundreds, .listener = open_socket(SOCK_DGRAM, &to)};
        const HANDLE thread = CreateThread(NULL, 0, answer_datagram, &service, 0, NULL);
        struct probe probe = probe_for(CONFIG_UDP, &to, rows[i].words, rows[i].expects);
        probe_run(&probe);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
        closesocket(service.listener);
        assert_outcome(rows[i].what, &probe, PROBE_ANSWERED, 0);
    }
}

static void test_probe__is_refused_where_nobody_listens(void **state)
{
    (void)state;
    struct pl_address to;
    closesocket(open_socket(SOCK_STREAM, &to));
    struct probe probe = probe_for(CONFIG_TCP, &to, NULL, LIVE_NOTHING);
    probe_run(&probe);
    assert_outcome("a closed port", &probe, PROBE_REFUSED, WSAECONNREFUSED);
}

/* ---- What the system does ---- */

static void test_probe__tells_which_call_failed(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum import import;
        uint32_t nth;
        DWORD code;
        enum probe_outcome outcome;
        uint32_t error;
    } rows[] = {
        {"no socket", IMPORT_WSASocketW, 1, WSAEMFILE, PROBE_REFUSED, WSAEMFILE},
        {"one that waits", IMPORT_ioctlsocket, 1, WSAENOBUFS, PROBE_REFUSED, WSAENOBUFS},
        {"another source", IMPORT_bind, 1, WSAEADDRNOTAVAIL, PROBE_TAKEN, 0},
        {"no way", IMPORT_connect, 1, WSAENETUNREACH, PROBE_REFUSED, WSAENETUNREACH},
        {"no news of the connect", IMPORT_select, 1, WSAENETDOWN, PROBE_REFUSED, WSAENETDOWN},
        {"none of what came of it", IMPORT_getsockopt, 1, WSAENETDOWN, PROBE_REFUSED, WSAENETDOWN},
        {"a connect that is reset", IMPORT_getsockopt, 1, WSAECONNRESET, PROBE_RESET, WSAECONNRESET},
        {"no word taken", IMPORT_sendto, 1, WSAECONNABORTED, PROBE_RESET, WSAECONNABORTED},
        {"no news of an answer", IMPORT_select, 2, WSAENETDOWN, PROBE_RESET, WSAENETDOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address to;
        const SOCKET listener = open_listener(&to);
        struct probe probe = probe_for(CONFIG_TCP, &to, "word", LIVE_NOTHING);
        fault_clear();
        fault_arm(rows[i].import, rows[i].nth, rows[i].code, 1);
        probe_run(&probe);
        assert_int_equal(fault_hits(), 1);
        closesocket(listener);
        assert_outcome(rows[i].what, &probe, rows[i].outcome, rows[i].error);
    }
}

/* Ready, and then there is nothing; or what is ready is an end. */
static void test_probe__receives_again_unless_it_is_over(void **state)
{
    (void)state;
    static const struct {
        DWORD code;
        enum probe_outcome outcome;
        uint32_t error;
    } rows[] = {{WSAEWOULDBLOCK, PROBE_ANSWERED, 0}, {WSAECONNRESET, PROBE_RESET, WSAECONNRESET}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_address to;
        struct service service = {
            .first = "word", .listener = open_listener(&to), .done = CreateEventW(NULL, TRUE, FALSE, NULL)};
        const HANDLE thread = CreateThread(NULL, 0, serve, &service, 0, NULL);
        struct probe probe = probe_for(CONFIG_TCP, &to, NULL, LIVE_ANYTHING);
        fault_clear();
        fault_arm(IMPORT_recv, 1, rows[i].code, 1);
        probe_run(&probe);
        end_service(&service, thread);
        assert_outcome("recv", &probe, rows[i].outcome, rows[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_probe__judges_what_comes),
        test(test_probe__judges_datagrams),
        test(test_probe__is_refused_where_nobody_listens),
        test(test_probe__tells_which_call_failed),
        test(test_probe__receives_again_unless_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
