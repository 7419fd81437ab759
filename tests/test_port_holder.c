/* SPDX-License-Identifier: MIT
   Who holds a port, by what this system really tells: a process of its own is named with its number and path, in the cause
   of a failed bind and by "ports"; one that the system cannot see (of Linux, below Wine) is never taken for another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "diagnosis/bind_cause.h"
#include "diagnosis/machine_reader.h"
#include "support/client.h"
#include "support/program.h"
#include "support/wine.h"

enum { PATIENCE = 30000, WORDS_ROOM = 4096 };

/* ---- Another process that holds a port ---- */

struct holder {
    HANDLE process;
    HANDLE is_ready, end; /* by name */
    DWORD pid;
};

static HANDLE named_event(const char *what, unsigned long parent)
{
    WCHAR name[64];
    swprintf(name, 64, L"PortListenerTestHolder-%hs-%lu", what, parent);
    return CreateEventW(NULL, TRUE, FALSE, name);
}

/* 0, or Winsock's error: with a socket as the program has them. */
static int hold(uint16_t port, SOCKET *socket_out)
{
    const struct pl_address at = client_address("127.0.0.1", port);
    SOCKADDR_IN address = {.sin_family = AF_INET, .sin_port = htons(at.port)};
    const BOOL yes = TRUE;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *socket_out = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_NO_HANDLE_INHERIT);
    setsockopt(*socket_out, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&yes, sizeof yes);
    if (bind(*socket_out, (const SOCKADDR *)&address, sizeof address) != 0) {
        return WSAGetLastError();
    }
    return listen(*socket_out, 1) == 0 ? 0 : WSAGetLastError();
}

/* The other process: "hold PORT PARENT". */
static int be_holder(const char *port, const char *parent)
{
    SOCKET s = INVALID_SOCKET;
    const unsigned long number = strtoul(parent, NULL, 10);
    if (hold((uint16_t)strtoul(port, NULL, 10), &s) != 0) {
        return 1;
    }
    const HANDLE is_ready = named_event("ready", number), end = named_event("end", number);
    SetEvent(is_ready);
    WaitForSingleObject(end, 4 * PATIENCE);
    CloseHandle(is_ready);
    CloseHandle(end);
    closesocket(s);
    return 0;
}

static void holder_start(struct holder *holder, uint16_t port)
{
    WCHAR path[PROGRAM_PATH_MAX], line[PROGRAM_PATH_MAX + 64];
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION information;
    holder->is_ready = named_event("ready", GetCurrentProcessId());
    holder->end = named_event("end", GetCurrentProcessId());
    GetModuleFileNameW(NULL, path, PROGRAM_PATH_MAX);
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" hold %u %lu", path, (unsigned)port,
             (unsigned long)GetCurrentProcessId());
    assert_true(CreateProcessW(path, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &information));
    CloseHandle(information.hThread);
    holder->process = information.hProcess;
    holder->pid = information.dwProcessId;
    assert_int_equal(WaitForSingleObject(holder->is_ready, PATIENCE), WAIT_OBJECT_0);
}

static void holder_end(struct holder *holder)
{
    SetEvent(holder->end);
    assert_int_equal(WaitForSingleObject(holder->process, PATIENCE), WAIT_OBJECT_0);
    CloseHandle(holder->process);
    CloseHandle(holder->is_ready);
    CloseHandle(holder->end);
}

/* ---- What is said ---- */

/* The cause of a bind to this port, which is held. */
static enum bind_cause_kind explain(uint16_t port, char words[WORDS_ROOM])
{
    SOCKET s = INVALID_SOCKET;
    struct machine machine;
    struct bind_cause cause;
    struct text text;
    const int error = hold(port, &s);
    closesocket(s);
    if (error != WSAEADDRINUSE && error != WSAEACCES) {
        fail_msg("error %d for port %u", error, (unsigned)port);
    }
    const struct bind_question question = {
        .protocol = CONFIG_TCP, .address = client_address("127.0.0.1", port), .error = (uint32_t)error};
    machine_init(&machine);
    machine_read(&machine, bind_cause_parts(&question) & ~(unsigned)MACHINE_RANGES, NULL);
    bind_cause_find(&machine, &question, &cause);
    text_init(&text, words, WORDS_ROOM);
    bind_cause_add(&text, &machine, &question, &cause);
    machine_fini(&machine);
    return cause.kind;
}

/* The line of "ports" that has this port; false: none has. */
static bool find_line(const char *printed, uint16_t port, char line_out[256])
{
    char word[16];
    snprintf(word, sizeof word, "127.0.0.1:%u ", (unsigned)port);
    const char *at = strstr(printed, word);
    if (at == NULL) {
        return false;
    }
    while (at > printed && at[-1] != '\n') {
        at--;
    }
    snprintf(line_out, 256, "%.*s", (int)strcspn(at, "\r\n"), at);
    return true;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("no \"%s\" in: %s", part, text);
    }
}

/* ---- Tests ---- */

static void test_port_holder__is_named_by_program_number_and_path(void **state)
{
    static struct program_result ports;
    struct holder holder;
    char words[WORDS_ROOM], number[32], line[256];
    WCHAR path[PROGRAM_PATH_MAX];
    (void)state;
    const uint16_t port = program_free_port();
    holder_start(&holder, port);
    if (wine_is_before(10)) {
        print_message("SKIP: this Wine does not tell whose a socket is\n");
        assert_int_equal(explain(port, words), CAUSE_HELD_NAMELESS);
        holder_end(&holder);
        return;
    }
    /* this program here is the same file, so it takes the other for its twin; that is said, too */
    assert_int_equal(explain(port, words), CAUSE_HELD_BY_TWIN);
    snprintf(number, sizeof number, "(process %lu, ", (unsigned long)holder.pid);
    assert_has(words, "test_port_holder.exe ");
    assert_has(words, number);
    GetModuleFileNameW(NULL, path, PROGRAM_PATH_MAX);
    char *name = utf16_to_utf8(path);
    assert_non_null(name);
    assert_has(words, name);
    memory_free(name);
    program_run(NULL, L"ports --all", &ports);
    assert_true(ports.has_ended);
    assert_true(find_line(ports.out, port, line));
    snprintf(number, sizeof number, "%lu", (unsigned long)holder.pid);
    assert_has(line, number);
    assert_has(line, "test_po"); /* shortened */
    holder_end(&holder);
}

static void test_port_holder__that_the_system_cannot_see_is_never_named(void **state)
{
    static struct program_result ports;
    char words[WORDS_ROOM], line[256];
    (void)state;
    WCHAR held[16];
    if (GetEnvironmentVariableW(L"PORTLISTENER_TEST_HELD_PORT", held, 16) == 0) {
        print_message("SKIP: no port is held by a program that this system cannot see\n");
        return;
    }
    const uint16_t port = (uint16_t)wcstoul(held, NULL, 10);
    const enum bind_cause_kind kind = explain(port, words);
    if (kind != CAUSE_HELD_NAMELESS && kind != CAUSE_UNSEEN) {
        fail_msg("cause %d: %s", (int)kind, words);
    }
    assert_null(strstr(words, ".exe"));
    program_run(NULL, L"ports --all", &ports);
    assert_true(ports.has_ended);
    if (find_line(ports.out, port, line)) {
        assert_null(strstr(line, ".exe"));
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(int count, char **words)
{
    WSADATA data;
    const struct CMUnitTest tests[] = {
        test(test_port_holder__is_named_by_program_number_and_path),
        test(test_port_holder__that_the_system_cannot_see_is_never_named),
    };
    WSAStartup(MAKEWORD(2, 2), &data);
    if (count == 4 && strcmp(words[1], "hold") == 0) {
        return be_holder(words[2], words[3]);
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    WSACleanup();
    return failed;
}
