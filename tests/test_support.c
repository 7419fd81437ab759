/* SPDX-License-Identifier: MIT
   Tests of the test support: seam, ledger, faults, clock, crash report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/worker.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/crash.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/sites.h"
#include "support/support.h"
#include "support/watchdog.h"

/* ---- things that can leak, each opened and closed in its own way ---- */

struct thing {
    enum ledger_kind kind;
    enum import import;
    ULONG_PTR (*open)(void);
    BOOL (*close)(ULONG_PTR value);
};

static DWORD WINAPI do_nothing(void *context)
{
    (void)context;
    return 0;
}

static BOOL close_handle(ULONG_PTR value)
{
    return CloseHandle((HANDLE)value);
}

static BOOL close_socket(ULONG_PTR value)
{
    return closesocket(value) == 0;
}

static BOOL close_search(ULONG_PTR value)
{
    return FindClose((HANDLE)value);
}

static BOOL close_service_handle(ULONG_PTR value)
{
    return CloseServiceHandle((SC_HANDLE)value);
}

static ULONG_PTR open_file(void)
{
    return (ULONG_PTR)CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
}

static ULONG_PTR open_event(void)
{
    return (ULONG_PTR)CreateEventW(NULL, TRUE, FALSE, NULL);
}

static ULONG_PTR open_mutex(void)
{
    return (ULONG_PTR)CreateMutexW(NULL, FALSE, NULL);
}

static ULONG_PTR open_semaphore(void)
{
    return (ULONG_PTR)CreateSemaphoreW(NULL, 0, 1, NULL);
}

static ULONG_PTR open_thread(void)
{
    HANDLE thread = CreateThread(NULL, 0, do_nothing, NULL, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    return (ULONG_PTR)thread;
}

static ULONG_PTR open_port(void)
{
    return (ULONG_PTR)CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
}

static ULONG_PTR open_search(void)
{
    WIN32_FIND_DATAW found;
    return (ULONG_PTR)FindFirstFileW(L"C:\\*", &found);
}

static ULONG_PTR open_search_ex(void)
{
    WIN32_FIND_DATAW found;
    return (ULONG_PTR)FindFirstFileExW(L"C:\\*", FindExInfoBasic, &found, FindExSearchNameMatch, NULL, 0);
}

static ULONG_PTR open_library(void)
{
    return (ULONG_PTR)LoadLibraryW(L"advapi32.dll");
}

static ULONG_PTR open_library_ex(void)
{
    return (ULONG_PTR)LoadLibraryExW(L"advapi32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
}

static BOOL close_library(ULONG_PTR value)
{
    return FreeLibrary((HMODULE)value);
}

static ULONG_PTR open_event_source(void)
{
    return (ULONG_PTR)RegisterEventSourceW(NULL, L"PortListener test");
}

static BOOL close_event_source(ULONG_PTR value)
{
    return DeregisterEventSource((HANDLE)value);
}

static ULONG_PTR open_key(void)
{
    HKEY key = NULL;
    return RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SOFTWARE", 0, KEY_READ, &key) == ERROR_SUCCESS ? (ULONG_PTR)key
                                                                                              : 0;
}

static BOOL close_key(ULONG_PTR value)
{
    return RegCloseKey((HKEY)value) == ERROR_SUCCESS;
}

static ULONG_PTR open_manager(void)
{
    return (ULONG_PTR)OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
}

static ULONG_PTR open_winsock(void)
{
    WSADATA data;
    return WSAStartup(MAKEWORD(2, 2), &data) == 0;
}

static BOOL close_winsock(ULONG_PTR value)
{
    (void)value;
    return WSACleanup() == 0;
}

static ULONG_PTR open_wsa_socket(void)
{
    return WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
}

static ULONG_PTR open_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static ULONG_PTR open_block(void)
{
    return (ULONG_PTR)memory_alloc(77);
}

static BOOL close_block(ULONG_PTR value)
{
    memory_free((void *)value);
    return TRUE;
}

static const struct thing things[] = {
    {LEDGER_BLOCK, IMPORT_HeapAlloc, open_block, close_block},
    {LEDGER_SOCKET, IMPORT_WSASocketW, open_wsa_socket, close_socket},
    {LEDGER_SOCKET, IMPORT_socket, open_socket, close_socket},
    {LEDGER_HANDLE, IMPORT_CreateFileW, open_file, close_handle},
    {LEDGER_HANDLE, IMPORT_CreateEventW, open_event, close_handle},
    {LEDGER_HANDLE, IMPORT_CreateMutexW, open_mutex, close_handle},
    {LEDGER_HANDLE, IMPORT_CreateSemaphoreW, open_semaphore, close_handle},
    {LEDGER_HANDLE, IMPORT_CreateThread, open_thread, close_handle},
    {LEDGER_HANDLE, IMPORT_CreateIoCompletionPort, open_port, close_handle},
    {LEDGER_SEARCH, IMPORT_FindFirstFileW, open_search, close_search},
    {LEDGER_SEARCH, IMPORT_FindFirstFileExW, open_search_ex, close_search},
    {LEDGER_LIBRARY, IMPORT_LoadLibraryW, open_library, close_library},
    {LEDGER_LIBRARY, IMPORT_LoadLibraryExW, open_library_ex, close_library},
    {LEDGER_EVENT_SOURCE, IMPORT_RegisterEventSourceW, open_event_source, close_event_source},
    {LEDGER_KEY, IMPORT_RegOpenKeyExW, open_key, close_key},
    {LEDGER_SC_HANDLE, IMPORT_OpenSCManagerW, open_manager, close_service_handle},
    {LEDGER_WINSOCK, IMPORT_WSAStartup, open_winsock, close_winsock},
};

enum { THINGS = sizeof things / sizeof things[0] };

static bool is_in_function(const void *site, void (*function)(void **))
{
    DWORD64 base = 0;
    const RUNTIME_FUNCTION *entry = RtlLookupFunctionEntry((DWORD64)(ULONG_PTR)site, &base, NULL);
    return entry != NULL && base + entry->BeginAddress == (DWORD64)(ULONG_PTR)function;
}

static void test_ledger__finds_a_leak_of_every_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < THINGS; i++) {
        struct ledger_item item = {0};
        const ULONG_PTR value = things[i].open();
        assert_true(value + 1 > 1); /* neither 0 nor INVALID_HANDLE_VALUE */
        assert_int_equal(ledger_leftovers(&item, 1), 1);
        assert_int_equal(item.kind, things[i].kind);
        assert_int_equal(item.import, things[i].import);
        assert_int_equal(item.value, value);
        assert_int_equal(ledger_count(things[i].kind), 1);
        assert_true(things[i].close(value));
        assert_int_equal(ledger_leftovers(&item, 1), 0);
    }
}

static void test_ledger__finds_two_of_everything_in_the_order_of_opening(void **state)
{
    (void)state;
    ULONG_PTR values[2 * THINGS];
    struct ledger_item items[2 * THINGS];
    for (size_t i = 0; i < 2 * THINGS; i++) {
        values[i] = things[i / 2].open();
    }
    assert_int_equal(ledger_leftovers(items, 3), 2 * THINGS); /* counts what it has no room for */
    assert_int_equal(ledger_leftovers(items, 2 * THINGS), 2 * THINGS);
    for (size_t i = 0; i < 2 * THINGS; i++) {
        assert_int_equal(items[i].import, things[i / 2].import);
    }
    for (size_t i = 0; i < 2 * THINGS; i++) {
        assert_true(things[i / 2].close(values[i]));
        assert_int_equal(ledger_leftovers(items, 0), 2 * THINGS - 1 - i);
    }
}

static void test_ledger__knows_the_call_site_and_its_caller(void **state)
{
    (void)state;
    struct ledger_item items[2] = {{0}};
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    void *block = memory_alloc(5);
    assert_int_equal(ledger_leftovers(items, 2), 2);
    assert_true(is_in_function(items[0].sites[0], test_ledger__knows_the_call_site_and_its_caller));
    /* An optimised memory_alloc may jump to HeapAlloc: then the first site is its caller already. */
    assert_true(is_in_function(items[1].sites[0], test_ledger__knows_the_call_site_and_its_caller) ||
                is_in_function(items[1].sites[1], test_ledger__knows_the_call_site_and_its_caller));
    memory_free(block);
    CloseHandle(event);
}

static void test_ledger__what_was_there_before_is_no_leftover(void **state)
{
    (void)state;
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    ledger_begin();
    assert_int_equal(ledger_leftovers(NULL, 0), 0);
    assert_true(CloseHandle(event));
    assert_int_equal(ledger_leftovers(NULL, 0), 0); /* and closing it is no mistake */
}

static void test_ledger__follows_a_block_through_resizing(void **state)
{
    (void)state;
    void *block = memory_resize(NULL, 10);
    assert_int_equal(ledger_bytes(), 10);
    block = memory_resize(block, 100000);
    assert_non_null(block);
    assert_int_equal(ledger_bytes(), 100000);
    assert_int_equal(ledger_count(LEDGER_BLOCK), 1);
    fault_arm(IMPORT_HeapReAlloc, 1, 0, 1);
    assert_null(memory_resize(block, 200000)); /* a fault */
    assert_int_equal(ledger_bytes(), 100000);
    assert_null(memory_resize(block, SIZE_MAX / 2)); /* Windows itself refuses */
    assert_int_equal(ledger_count(LEDGER_BLOCK), 1);
    assert_int_equal(ledger_bytes(), 100000);
    memory_free(block);
    assert_int_equal(ledger_leftovers(NULL, 0), 0);
}

/* What is always wrong is found, and forgotten for the teardown. */
static void assert_mistake(enum import import, ULONG_PTR value)
{
    struct ledger_item item = {0};
    assert_int_equal(ledger_leftovers(&item, 1), 1);
    assert_int_equal(item.kind, LEDGER_MISTAKE);
    assert_int_equal(item.import, import);
    assert_int_equal(item.value, value);
    ledger_begin();
}

static void test_ledger__finds_a_block_freed_twice(void **state)
{
    (void)state;
    void *block = memory_alloc(10);
    memory_free(block);
    memory_free(block);
    assert_mistake(IMPORT_HeapFree, (ULONG_PTR)block);
    assert_null(memory_resize(block, 20));
    assert_mistake(IMPORT_HeapReAlloc, (ULONG_PTR)block);
}

static void test_ledger__finds_handles_and_sockets_closed_twice(void **state)
{
    (void)state;
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    assert_true(close_handle((ULONG_PTR)event));
    assert_false(close_handle((ULONG_PTR)event));
    assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
    assert_mistake(IMPORT_CloseHandle, (ULONG_PTR)event);
    const SOCKET s = open_wsa_socket();
    assert_true(close_socket(s));
    assert_false(close_socket(s));
    assert_int_equal(WSAGetLastError(), WSAENOTSOCK);
    assert_mistake(IMPORT_closesocket, s);
}

static void test_seam__keeps_the_last_error(void **state)
{
    (void)state;
    SetLastError(4711);
    void *block = memory_alloc(10);
    assert_int_equal(GetLastError(), 4711);
    memory_free(block);
    assert_int_equal(GetLastError(), 4711);
    assert_int_equal(CreateFileW(L"C:\\no\\such\\file", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL),
                     INVALID_HANDLE_VALUE);
    assert_int_equal(GetLastError(), ERROR_PATH_NOT_FOUND);
}

/* ---- operations in flight ---- */

/* A connection whose server end belongs to a completion port. */
struct pair {
    SOCKET listener;
    SOCKET s;
    HANDLE port;
    struct client *client;
};

static struct pl_address bound_address(SOCKET s)
{
    struct sockaddr_in address;
    int length = sizeof address;
    assert_int_equal(getsockname(s, (struct sockaddr *)&address, &length), 0);
    return client_address("127.0.0.1", ntohs(address.sin_port));
}

static SOCKET bound_socket(int type)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const SOCKET s = WSASocketW(AF_INET, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
    assert_int_equal(bind(s, (const struct sockaddr *)&any, sizeof any), 0);
    return s;
}

static HANDLE port_for(SOCKET s, bool is_skipping)
{
    const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    assert_ptr_equal(CreateIoCompletionPort((HANDLE)s, port, 0, 0), port);
    if (is_skipping) {
        assert_true(SetFileCompletionNotificationModes((HANDLE)s, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
    }
    return port;
}

static struct pair open_pair(bool is_skipping)
{
    struct pair pair = {.listener = bound_socket(SOCK_STREAM)};
    assert_int_equal(listen(pair.listener, 1), 0);
    const struct pl_address to = bound_address(pair.listener);
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &pair.client), CLIENT_OK);
    pair.s = accept(pair.listener, NULL, NULL);
    assert_true(pair.s != INVALID_SOCKET);
    pair.port = port_for(pair.s, is_skipping);
    return pair;
}

static void close_pair(struct pair *pair)
{
    client_close(pair->client);
    closesocket(pair->s);
    closesocket(pair->listener);
    CloseHandle(pair->port);
}

/* One completion; its OVERLAPPED. */
static OVERLAPPED *dequeue(HANDLE port)
{
    OVERLAPPED_ENTRY entry;
    ULONG count = 0;
    assert_true(GetQueuedCompletionStatusEx(port, &entry, 1, &count, CLIENT_PATIENCE, FALSE));
    assert_int_equal(count, 1);
    return entry.lpOverlapped;
}

static int receive(SOCKET s, void *at, ULONG length, OVERLAPPED *overlapped)
{
    WSABUF buffer = {length, at};
    DWORD received = 0, flags = 0;
    memset(overlapped, 0, sizeof *overlapped);
    return WSARecv(s, &buffer, 1, &received, &flags, overlapped, NULL);
}

static void wait_for_data(SOCKET s)
{
    WSAPOLLFD poll = {.fd = s, .events = POLLRDNORM};
    assert_int_equal(WSAPoll(&poll, 1, CLIENT_PATIENCE), 1);
}

static void test_ledger__counts_a_pending_receive_until_its_completion_is_dequeued(void **state)
{
    (void)state;
    for (int is_skipping = 0; is_skipping < 2; is_skipping++) {
        struct pair pair = open_pair(is_skipping);
        OVERLAPPED overlapped;
        char byte = 0;
        assert_int_equal(receive(pair.s, &byte, 1, &overlapped), SOCKET_ERROR);
        assert_int_equal(WSAGetLastError(), WSA_IO_PENDING);
        assert_int_equal(ledger_count(LEDGER_OPERATION), 1);
        assert_int_equal(client_send(pair.client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
        assert_ptr_equal(dequeue(pair.port), &overlapped);
        assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
        assert_int_equal(byte, 'x');
        close_pair(&pair);
    }
}

static void test_ledger__expects_a_completion_of_an_immediate_receive_unless_skipped(void **state)
{
    (void)state;
    for (ULONG length = 0; length < 2; length++) { /* zero bytes: the wait of an idle connection */
        for (int is_skipping = 0; is_skipping < 2; is_skipping++) {
            struct pair pair = open_pair(is_skipping);
            OVERLAPPED overlapped;
            char byte = 0;
            assert_int_equal(client_send(pair.client, "x", 1, CLIENT_PATIENCE), CLIENT_OK);
            wait_for_data(pair.s);
            assert_int_equal(receive(pair.s, &byte, length, &overlapped), 0);
            assert_int_equal(ledger_count(LEDGER_OPERATION), is_skipping ? 0 : 1);
            if (!is_skipping) {
                assert_ptr_equal(dequeue(pair.port), &overlapped);
            }
            close_pair(&pair);
            assert_int_equal(ledger_leftovers(NULL, 0), 0);
        }
    }
}

static void test_ledger__counts_sends_the_same_way(void **state)
{
    (void)state;
    for (int is_skipping = 0; is_skipping < 2; is_skipping++) {
        struct pair pair = open_pair(is_skipping);
        OVERLAPPED overlapped = {0};
        char text[] = "hello";
        WSABUF buffer = {5, text};
        DWORD sent = 0;
        assert_int_equal(WSASend(pair.s, &buffer, 1, &sent, 0, &overlapped, NULL), 0);
        assert_int_equal(ledger_count(LEDGER_OPERATION), is_skipping ? 0 : 1);
        if (!is_skipping) {
            assert_ptr_equal(dequeue(pair.port), &overlapped);
        }
        close_pair(&pair);
    }
}

static void test_ledger__a_failed_call_leaves_no_operation(void **state)
{
    (void)state;
    const SOCKET s = bound_socket(SOCK_STREAM); /* not connected */
    const HANDLE port = port_for(s, false);
    OVERLAPPED overlapped;
    char byte;
    assert_int_equal(receive(s, &byte, 1, &overlapped), SOCKET_ERROR);
    assert_int_equal(WSAGetLastError(), WSAENOTCONN);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
    fault_arm(IMPORT_WSARecv, 1, WSAENOBUFS, 1);
    assert_int_equal(receive(s, &byte, 1, &overlapped), SOCKET_ERROR);
    assert_int_equal(WSAGetLastError(), WSAENOBUFS);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
    closesocket(s);
    CloseHandle(port);
}

static void test_ledger__an_oversized_datagram_fails_and_completes(void **state)
{
    (void)state;
    for (int is_skipping = 0; is_skipping < 2; is_skipping++) {
        const SOCKET s = bound_socket(SOCK_DGRAM);
        const HANDLE port = port_for(s, is_skipping);
        const struct pl_address to = bound_address(s), from = client_address("127.0.0.1", 0);
        struct client *client = client_open_datagram(&from);
        OVERLAPPED overlapped;
        char bytes[4];
        assert_int_equal(client_send_datagram(client, &to, "too long", 8), CLIENT_OK);
        wait_for_data(s);
        assert_int_equal(receive(s, bytes, sizeof bytes, &overlapped), SOCKET_ERROR);
        assert_int_equal(WSAGetLastError(), WSAEMSGSIZE);
        assert_int_equal(ledger_count(LEDGER_OPERATION), is_skipping ? 0 : 1);
        if (!is_skipping) {
            assert_ptr_equal(dequeue(port), &overlapped);
        }
        client_close(client);
        closesocket(s);
        CloseHandle(port);
        assert_int_equal(ledger_leftovers(NULL, 0), 0);
    }
}

static void test_ledger__a_cancelled_operation_is_in_flight_until_dequeued(void **state)
{
    (void)state;
    struct pair pair = open_pair(true);
    OVERLAPPED overlapped;
    char byte;
    receive(pair.s, &byte, 1, &overlapped);
    assert_true(CancelIoEx((HANDLE)pair.s, NULL));
    assert_int_equal(closesocket(pair.s), 0);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 1);
    assert_ptr_equal(dequeue(pair.port), &overlapped);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
    client_close(pair.client);
    closesocket(pair.listener);
    CloseHandle(pair.port);
}

static void test_ledger__ignores_operations_that_no_port_reports(void **state)
{
    (void)state;
    const SOCKET s = bound_socket(SOCK_DGRAM);
    OVERLAPPED overlapped;
    char byte;
    assert_int_equal(receive(s, &byte, 1, &overlapped), SOCKET_ERROR);
    assert_int_equal(WSAGetLastError(), WSA_IO_PENDING);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
    closesocket(s);
    while (overlapped.Internal == STATUS_PENDING) { /* it lies on this stack */
        SwitchToThread();
    }
}

static void test_ledger__finds_an_overlapped_used_twice_at_once(void **state)
{
    (void)state;
    struct pair pair = open_pair(false);
    OVERLAPPED overlapped;
    char byte;
    receive(pair.s, &byte, 1, &overlapped);
    receive(pair.s, &byte, 1, &overlapped);
    assert_int_equal(ledger_count(LEDGER_MISTAKE), 1);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 2);
    CancelIoEx((HANDLE)pair.s, NULL);
    dequeue(pair.port);
    dequeue(pair.port);
    close_pair(&pair);
    assert_mistake(IMPORT_WSARecv, (ULONG_PTR)&overlapped);
}

static void extension(SOCKET s, GUID guid, void *function_out)
{
    DWORD returned = 0;
    assert_int_equal(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, function_out,
                              sizeof(void *), &returned, NULL, NULL),
                     0);
}

static void test_ledger__counts_accepts_handed_out_by_winsock(void **state)
{
    (void)state;
    const SOCKET listener = bound_socket(SOCK_STREAM), accepted = open_wsa_socket();
    const HANDLE port = port_for(listener, true);
    const struct pl_address to = bound_address(listener);
    LPFN_ACCEPTEX accept_ex = NULL;
    struct client *client = NULL;
    OVERLAPPED overlapped = {0};
    char addresses[2 * (sizeof(struct sockaddr_in) + 16)];
    DWORD received = 0;
    extension(listener, (GUID)WSAID_ACCEPTEX, &accept_ex);
    assert_int_equal(listen(listener, 1), 0);

    fault_arm(IMPORT_AcceptEx, 1, WSAECONNRESET, 1);
    assert_false(accept_ex(listener, accepted, addresses, 0, sizeof addresses / 2, sizeof addresses / 2,
                           &received, &overlapped));
    assert_int_equal(WSAGetLastError(), WSAECONNRESET);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 0);

    assert_false(accept_ex(listener, accepted, addresses, 0, sizeof addresses / 2, sizeof addresses / 2,
                           &received, &overlapped));
    assert_int_equal(WSAGetLastError(), ERROR_IO_PENDING);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 1);
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    assert_ptr_equal(dequeue(port), &overlapped);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
    client_close(client);
    closesocket(accepted);
    closesocket(listener);
    CloseHandle(port);
}

static void test_ledger__counts_message_receives_handed_out_by_winsock(void **state)
{
    (void)state;
    const SOCKET s = bound_socket(SOCK_DGRAM);
    const HANDLE port = port_for(s, false);
    const struct pl_address to = bound_address(s), from = client_address("127.0.0.1", 0);
    struct client *client = client_open_datagram(&from);
    LPFN_WSARECVMSG receive_message = NULL;
    OVERLAPPED overlapped = {0};
    char bytes[16];
    WSABUF buffer = {sizeof bytes, bytes};
    struct sockaddr_in peer;
    WSAMSG message = {
        .name = (struct sockaddr *)&peer, .namelen = sizeof peer, .lpBuffers = &buffer, .dwBufferCount = 1};
    DWORD received = 0;
    extension(s, (GUID)WSAID_WSARECVMSG, &receive_message);
    assert_int_equal(receive_message(s, &message, &received, &overlapped, NULL), SOCKET_ERROR);
    assert_int_equal(WSAGetLastError(), WSA_IO_PENDING);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 1);
    assert_int_equal(client_send_datagram(client, &to, "", 0), CLIENT_OK);
    assert_ptr_equal(dequeue(port), &overlapped);
    assert_int_equal(ledger_count(LEDGER_OPERATION), 0);
    client_close(client);
    closesocket(s);
    CloseHandle(port);
}

static void test_ledger__counts_posted_packets(void **state)
{
    (void)state;
    const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    OVERLAPPED overlapped = {0};
    assert_true(PostQueuedCompletionStatus(port, 0, 1, NULL));
    assert_true(PostQueuedCompletionStatus(port, 0, 2, NULL));
    assert_true(PostQueuedCompletionStatus(port, 0, 3, &overlapped));
    assert_int_equal(ledger_count(LEDGER_PACKET), 3);
    assert_null(dequeue(port));
    assert_int_equal(ledger_count(LEDGER_PACKET), 2);
    assert_null(dequeue(port));
    assert_ptr_equal(dequeue(port), &overlapped);
    assert_int_equal(ledger_count(LEDGER_PACKET), 0);
    assert_true(PostQueuedCompletionStatus(port, 0, 4, NULL));
    assert_false(PostQueuedCompletionStatus(NULL, 0, 4, &overlapped));
    assert_int_equal(ledger_count(LEDGER_PACKET), 1); /* the failed one was not posted */
    CloseHandle(port);
    assert_int_equal(ledger_count(LEDGER_PACKET), 0); /* it went with its port */
}

/* ---- many threads ---- */

static DWORD WINAPI allocate_and_free(void *context)
{
    (void)context;
    for (size_t i = 0; i < 20000; i++) {
        memory_free(memory_resize(memory_alloc(i % 50), 100));
    }
    return 0;
}

static void test_ledger__holds_when_threads_use_it_at_once(void **state)
{
    (void)state;
    HANDLE threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = CreateThread(NULL, 0, allocate_and_free, NULL, 0, NULL);
    }
    assert_int_equal(WaitForMultipleObjects(4, threads, TRUE, 60000), WAIT_OBJECT_0);
    for (int i = 0; i < 4; i++) {
        CloseHandle(threads[i]);
    }
    assert_int_equal(fault_calls(IMPORT_HeapAlloc), 80000);
    assert_int_equal(ledger_leftovers(NULL, 0), 0);
}

/* ---- faults ---- */

static unsigned events_made(unsigned tries)
{
    unsigned pattern = 0; /* one bit for each try that succeeded, the first one highest */
    for (unsigned i = 0; i < tries; i++) {
        const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
        pattern = pattern << 1 | (event != NULL);
        if (event != NULL) {
            CloseHandle(event);
        } else {
            assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
        }
    }
    return pattern;
}

static void test_fault__fails_the_nth_call_so_many_times(void **state)
{
    (void)state;
    assert_int_equal(events_made(3), 7);
    fault_arm(IMPORT_CreateEventW, 1, ERROR_NO_SYSTEM_RESOURCES, 1);
    assert_int_equal(events_made(4), 7);
    fault_arm(IMPORT_CreateEventW, 2, ERROR_NO_SYSTEM_RESOURCES, 2);
    assert_int_equal(events_made(4), 9);
    assert_int_equal(fault_hits(), 3);
    assert_int_equal(fault_calls(IMPORT_CreateEventW), 11);
    fault_arm(IMPORT_CreateEventW, 3, ERROR_NO_SYSTEM_RESOURCES, FAULT_FOREVER);
    assert_int_equal(events_made(8), 0xC0);
    assert_int_equal(fault_hits(), 9);
    fault_clear();
    assert_int_equal(events_made(2), 3);
    assert_int_equal(fault_hits(), 0);
    assert_int_equal(fault_calls(IMPORT_CreateEventW), 2);
}

/* One call site each, in optimised programs, too: nothing is merged, put in line or jumped to. */
static volatile LONG made_here, made_there;

static HANDLE make_event_at_first(void)
{
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    made_here++;
    return event;
}

static HANDLE make_event_at_second(void)
{
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    made_there++;
    return event;
}

static HANDLE (*volatile make_event_here)(void) = make_event_at_first;
static HANDLE (*volatile make_event_there)(void) = make_event_at_second;

/* Where the last call of CreateEventW among the recorded ones was made. */
static const void *last_site(const struct site_call *calls, size_t count)
{
    const void *at = NULL;
    for (size_t i = 0; i < count; i++) {
        at = calls[i].import == IMPORT_CreateEventW ? calls[i].at : at;
    }
    return at;
}

static void test_sites__records_each_call_with_its_number_and_site(void **state)
{
    (void)state;
    struct site_call calls[8];
    sites_record(calls, 8);
    CloseHandle(make_event_here());
    memory_free(memory_alloc(1));
    CloseHandle(make_event_there());
    const size_t count = sites_end_record();
    CloseHandle(make_event_here()); /* is recorded no more */
    static const struct {
        enum import import;
        uint32_t nth;
    } expected[] = {{IMPORT_CreateEventW, 1}, {IMPORT_CloseHandle, 1},  {IMPORT_HeapAlloc, 1},
                    {IMPORT_HeapFree, 1},     {IMPORT_CreateEventW, 2}, {IMPORT_CloseHandle, 2}};
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(calls[i].import, expected[i].import);
        assert_int_equal(calls[i].nth, expected[i].nth);
    }
    assert_ptr_not_equal(calls[0].at, calls[4].at);
}

static struct site find_site(const void *at)
{
    for (size_t i = 0; i < sites_count(); i++) {
        if (sites_get(i).at == at) {
            return sites_get(i);
        }
    }
    fail_msg("there is no such site");
    return (struct site){0};
}

static void test_fault__fails_one_call_site(void **state)
{
    (void)state;
    struct site_call calls[8];
    sites_record(calls, 8);
    CloseHandle(make_event_there());
    const void *there = last_site(calls, sites_end_record());
    const struct site before = find_site(there);
    fault_arm_site(IMPORT_CreateEventW, there, 2, ERROR_NO_SYSTEM_RESOURCES, 1);
    CloseHandle(make_event_there());
    CloseHandle(make_event_here());
    assert_null(make_event_there()); /* the second there */
    assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
    CloseHandle(make_event_here());
    CloseHandle(make_event_there());
    assert_int_equal(fault_hits(), 1);
    const struct site after = find_site(there);
    assert_int_equal(after.import, IMPORT_CreateEventW);
    assert_int_equal(after.calls - before.calls, 3);
    assert_int_equal(after.failures - before.failures, 1);
}

static void test_fault__several_imports_each_have_their_own(void **state)
{
    (void)state;
    HKEY key = NULL;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    fault_arm(IMPORT_WSASocketW, 1, WSAEMFILE, 1);
    fault_arm(IMPORT_RegOpenKeyExW, 1, ERROR_ACCESS_DENIED, 1);
    fault_arm(IMPORT_CreateFileW, 1, ERROR_SHARING_VIOLATION, 1);
    assert_int_equal(open_file(), INVALID_HANDLE_VALUE);
    assert_int_equal(GetLastError(), ERROR_SHARING_VIOLATION);
    assert_int_equal(RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SOFTWARE", 0, KEY_READ, &key), ERROR_ACCESS_DENIED);
    assert_int_equal(open_wsa_socket(), INVALID_SOCKET);
    assert_int_equal(WSAGetLastError(), WSAEMFILE);
    assert_null(memory_alloc(1));
    assert_int_equal(fault_hits(), 4);
}

static DWORD WINAPI allocate_twice(void *context)
{
    (void)context;
    void *first = memory_alloc(1), *second = memory_alloc(1);
    const DWORD result = (first != NULL ? 2u : 0u) + (second != NULL ? 1u : 0u);
    memory_free(first);
    memory_free(second);
    return result;
}

static void test_fault__hits_other_threads(void **state)
{
    (void)state;
    DWORD result = 0;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    const HANDLE thread = CreateThread(NULL, 0, allocate_twice, NULL, 0, NULL);
    assert_int_equal(WaitForSingleObject(thread, CLIENT_PATIENCE), WAIT_OBJECT_0);
    assert_true(GetExitCodeThread(thread, &result));
    assert_int_equal(result, 1);
    CloseHandle(thread);
}

static void test_fault__reaches_functions_looked_up_at_run_time(void **state)
{
    (void)state;
    union {
        FARPROC any;
        seam_CreateEventW create_event;
    } found = {GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "CreateEventW")};
    assert_non_null(found.any);
    fault_arm(IMPORT_CreateEventW, 1, ERROR_NO_SYSTEM_RESOURCES, 1);
    assert_null(found.create_event(NULL, TRUE, FALSE, NULL));
    assert_int_equal(fault_hits(), 1);
    assert_null(GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "NoSuchFunction"));
    assert_int_equal(GetLastError(), ERROR_PROC_NOT_FOUND);
}

static HANDLE WINAPI create_two_events(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL set, LPCWSTR title)
{
    SEAM_REAL(CloseHandle)(SEAM_REAL(CreateEventW)(security, manual, set, title));
    return SEAM_REAL(CreateEventW)(security, TRUE, TRUE, title);
}

static void test_seam__a_replaced_import_keeps_faults_and_ledger(void **state)
{
    (void)state;
    seam_replace(IMPORT_CreateEventW, (seam_function)create_two_events);
    fault_arm(IMPORT_CreateEventW, 2, ERROR_NO_SYSTEM_RESOURCES, 1);
    const HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    assert_int_equal(WaitForSingleObject(event, 0), WAIT_OBJECT_0); /* made by the replacement */
    assert_null(CreateEventW(NULL, FALSE, FALSE, NULL));
    assert_int_equal(fault_hits(), 1);
    assert_int_equal(ledger_count(LEDGER_HANDLE), 1);
    CloseHandle(event);
    seam_restore();
    const HANDLE plain = CreateEventW(NULL, FALSE, FALSE, NULL);
    assert_int_equal(WaitForSingleObject(plain, 0), WAIT_TIMEOUT);
    CloseHandle(plain);
}

static void test_fault__cuts_receives_of_tcp_only(void **state)
{
    (void)state;
    struct pair pair = open_pair(true);
    const SOCKET udp = bound_socket(SOCK_DGRAM);
    const struct pl_address to = bound_address(udp), from = client_address("127.0.0.1", 0);
    struct client *client = client_open_datagram(&from);
    char bytes[2][8] = {{0}};
    WSABUF buffers[2] = {{1, bytes[0]}, {8, bytes[1]}};
    DWORD received = 0, flags = 0;
    assert_int_equal(client_send(pair.client, "abcdefgh", 8, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_send_datagram(client, &to, "abcdefgh", 8), CLIENT_OK);
    wait_for_data(pair.s);
    wait_for_data(udp);

    fault_cut_receives(3);
    assert_int_equal(WSARecv(pair.s, buffers, 2, &received, &flags, NULL, NULL), 0);
    assert_int_equal(received, 3);
    assert_memory_equal(bytes[0], "a", 2);
    assert_memory_equal(bytes[1], "bc", 3);
    assert_int_equal(buffers[1].len, 8); /* the caller's own are as before */
    assert_int_equal(WSARecv(udp, buffers, 2, &received, &flags, NULL, NULL), 0);
    assert_int_equal(received, 8);

    fault_cut_receives(0);
    assert_int_equal(WSARecv(pair.s, buffers, 2, &received, &flags, NULL, NULL), 0);
    assert_int_equal(received, 5);
    client_close(client);
    closesocket(udp);
    close_pair(&pair);
}

/* ---- the clock ---- */

static void test_clock__is_set_and_moved(void **state)
{
    (void)state;
    const ULONGLONG real = GetTickCount64();
    clock_set(0xFFFFFF00ull);
    const ULONGLONG before = GetTickCount64();
    assert_in_range(before, 0xFFFFFF00ull, 0xFFFFFF00ull + CLIENT_PATIENCE);
    clock_advance(0x1000);
    assert_in_range(GetTickCount64() - before, 0x1000, 0x1000 + CLIENT_PATIENCE);
    assert_in_range(clock_now() - GetTickCount64() + 1000, 0, 1000 + CLIENT_PATIENCE);
    clock_reset();
    assert_in_range(GetTickCount64() - real, 0, CLIENT_PATIENCE);
}

static void test_clock__stands_still_when_it_is_stopped(void **state)
{
    (void)state;
    clock_stop();
    clock_set(1000000);
    assert_int_equal(GetTickCount64(), 1000000);
    Sleep(50);
    assert_int_equal(GetTickCount64(), 1000000);
    assert_int_equal(clock_now(), 1000000);
    clock_advance(1);
    assert_int_equal(GetTickCount64(), 1000001);
    clock_reset();
    const ULONGLONG before = GetTickCount64();
    Sleep(50);
    assert_true(GetTickCount64() > before);
}

static DWORD WINAPI dequeue_for_an_hour(void *context)
{
    OVERLAPPED_ENTRY entry;
    ULONG count = 0;
    const BOOL is_done = GetQueuedCompletionStatusEx(context, &entry, 1, &count, 3600 * 1000, FALSE);
    return is_done ? ERROR_SUCCESS : GetLastError();
}

static DWORD WINAPI wait_for_an_hour(void *context)
{
    return WaitForSingleObject(context, 3600 * 1000);
}

static void ends_when_the_clock_moves(LPTHREAD_START_ROUTINE routine, HANDLE context)
{
    DWORD result = 0;
    const HANDLE thread = CreateThread(NULL, 0, routine, context, 0, NULL);
    clock_advance(3500 * 1000);
    assert_int_equal(WaitForSingleObject(thread, 100), WAIT_TIMEOUT);
    while (WaitForSingleObject(thread, 20) == WAIT_TIMEOUT) { /* it may have begun its wait only now */
        clock_advance(3600 * 1000);
    }
    assert_true(GetExitCodeThread(thread, &result));
    assert_int_equal(result, WAIT_TIMEOUT);
    CloseHandle(thread);
}

/* The clock is moved between a thread's reading it and the wait that it reckons from that, and then stands. */
static void test_clock__a_wait_begins_when_the_clock_was_read(void **state)
{
    (void)state;
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    clock_stop();
    const ULONGLONG until = GetTickCount64() + 1000;
    const DWORD wait = (DWORD)(until - GetTickCount64());
    clock_advance(1000);
    assert_int_equal(WaitForMultipleObjects(1, &event, FALSE, wait), WAIT_TIMEOUT); /* at once */
    clock_reset();
    CloseHandle(event);
}

static void test_clock__ends_waits_when_it_moves(void **state)
{
    (void)state;
    const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    ends_when_the_clock_moves(dequeue_for_an_hour, port);
    ends_when_the_clock_moves(wait_for_an_hour, event);
    CloseHandle(event);
    CloseHandle(port);
}

static DWORD WINAPI dequeue_for_a_moment(void *context)
{
    OVERLAPPED_ENTRY entry;
    ULONG count = 0;
    const BOOL is_done = GetQueuedCompletionStatusEx(context, &entry, 1, &count, 5, FALSE);
    return is_done ? ERROR_SUCCESS : GetLastError();
}

static void test_clock__no_wait_ends_while_it_stands(void **state)
{
    (void)state;
    const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    clock_stop();
    const HANDLE thread = CreateThread(NULL, 0, dequeue_for_a_moment, port, 0, NULL);
    Sleep(200);
    assert_int_equal(WaitForSingleObject(thread, 0), WAIT_TIMEOUT);
    do { /* it may have begun its wait only now */
        clock_advance(5);
        Sleep(20);
    } while (WaitForSingleObject(thread, 0) == WAIT_TIMEOUT);
    clock_reset();
    CloseHandle(thread);
    CloseHandle(port);
}

static void test_clock__short_waits_are_neither_cut_nor_lost(void **state)
{
    (void)state;
    const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    OVERLAPPED_ENTRY entry;
    ULONG count = 0;
    const ULONGLONG started = GetTickCount64();
    assert_false(GetQueuedCompletionStatusEx(port, &entry, 1, &count, 100, FALSE));
    assert_int_equal(GetLastError(), WAIT_TIMEOUT);
    assert_in_range(GetTickCount64() - started, 80, CLIENT_PATIENCE);
    assert_false(GetQueuedCompletionStatusEx(port, &entry, 1, &count, 0, FALSE));
    PostQueuedCompletionStatus(port, 0, 0, NULL);
    assert_true(GetQueuedCompletionStatusEx(port, &entry, 1, &count, 0, FALSE));
    PostQueuedCompletionStatus(port, 0, 0, NULL);
    assert_true(GetQueuedCompletionStatusEx(port, &entry, 1, &count, INFINITE, FALSE));
    CloseHandle(port);

    const HANDLE event = CreateEventW(NULL, FALSE, TRUE, NULL);
    assert_int_equal(WaitForSingleObject(event, 60000), WAIT_OBJECT_0);
    assert_int_equal(WaitForSingleObject(event, 0), WAIT_TIMEOUT);
    const ULONGLONG waited_from = GetTickCount64();
    assert_int_equal(WaitForSingleObject(event, 100), WAIT_TIMEOUT);
    assert_in_range(GetTickCount64() - waited_from, 80, CLIENT_PATIENCE);
    CloseHandle(event);
    assert_int_equal(WaitForSingleObject(event, 100), WAIT_FAILED);
}

/* ---- what ends a test program: tried in children of this one ---- */

static void leak_in_a_test(void **state)
{
    (void)state;
    assert_true(WSASocketW(AF_INET, SOCK_DGRAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED) != INVALID_SOCKET);
    assert_non_null(memory_alloc(123));
}

static unsigned char *volatile there; /* so that the compiler does not see what is wrong */

static void write_behind_a_block(void **state)
{
    (void)state;
    there = memory_alloc(64);
    unsigned char *block = there;
    block[64] ^= 1;
    memory_free(block);
    block[64] ^= 1;
}

static void write_to_a_freed_block(void **state)
{
    (void)state;
    there = memory_alloc(64);
    unsigned char *block = there;
    memory_free(block);
    there[20] ^= 1;
}

static DWORD WINAPI crash(void *context)
{
    *(int volatile *)context = 1;
    return 0;
}

/* A connection's data reached from a thread that is not its worker's: here, the worker's clock. */
static void touch_a_worker_from_another_thread(void)
{
    DWORD error = 0;
    const HANDLE trouble = CreateEventW(NULL, FALSE, FALSE, NULL);
    struct worker *worker = worker_create(0, 1, trouble, &error);
    worker_now(worker); /* it does not run yet */
    worker_start(worker, &worker, &error);
    fprintf(stderr, "touching it now\n");
    worker_now(worker);
    worker_stop(worker, INFINITE);
    worker_destroy(worker);
    CloseHandle(trouble);
}

static void *volatile nowhere;

static int child(const char *what)
{
    const struct CMUnitTest failing[] = {
        support_test(leak_in_a_test),
        support_test(write_behind_a_block),
        support_test(write_to_a_freed_block),
    };
    if (strcmp(what, "touch") == 0) {
        touch_a_worker_from_another_thread();
        return 0;
    }
    if (strcmp(what, "hang") == 0) {
        watchdog_begin("a test that waits for ever", 100);
        Sleep(INFINITE);
    }
    if (strncmp(what, "crash", 5) != 0) {
        cmocka_set_test_filter(what);
        return cmocka_run_group_tests(failing, NULL, NULL);
    }
    crash_watch();
    crash_watch();
    if (strcmp(what, "crash") == 0) {
        crash(nowhere);
    } else {
        const HANDLE thread = CreateThread(NULL, 0, crash, nowhere, 0, NULL);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
    }
    return 0;
}

/* Runs this program with one argument; its exit code. What it writes to standard error goes to `output`. */
static DWORD run_child(const WCHAR *what, char *output, size_t room)
{
    WCHAR program[MAX_PATH], line[2 * MAX_PATH];
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    DWORD code = STILL_ACTIVE, length = 0;
    HANDLE read_end = NULL, write_end = NULL;
    size_t used = 0;
    GetModuleFileNameW(NULL, program, MAX_PATH);
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" %ls", program, what);
    assert_true(CreatePipe(&read_end, &write_end, &inherited, 0));
    startup.hStdError = write_end;
    startup.hStdOutput = write_end;
    assert_true(CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process));
    CloseHandle(write_end);
    while (used < room - 1 && ReadFile(read_end, output + used, (DWORD)(room - 1 - used), &length, NULL) &&
           length > 0) {
        used += length;
    }
    output[used] = '\0';
    assert_int_equal(WaitForSingleObject(process.hProcess, 60000), WAIT_OBJECT_0);
    assert_true(GetExitCodeProcess(process.hProcess, &code));
    CloseHandle(read_end);
    CloseHandle(process.hProcess);
    CloseHandle(process.hThread);
    return code;
}

static void test_support__a_leaking_test_fails_and_names_what_it_leaked(void **state)
{
    (void)state;
    char output[4096];
    const DWORD code = run_child(L"leak_in_a_test", output, sizeof output);
    assert_int_equal(code, 1); /* one test did not pass */
    assert_non_null(strstr(output, "left over: socket 0x"));
    assert_non_null(strstr(output, ": WSASocketW at "));
    assert_non_null(strstr(output, " of 123 bytes: HeapAlloc at "));
    assert_non_null(strstr(output, "2 things are left over"));
}

static void test_support__a_test_that_damages_the_heap_fails(void **state)
{
    (void)state;
    char output[4096];
    there = memory_alloc(64);
    const bool is_marked = there[64] == 0xAB && there[79] == 0xAB;
    memory_free(there);
    if (!is_marked) { /* the heap is not a checked one, see setup_test in tests/setup.sh */
        return;
    }
    assert_int_equal(run_child(L"write_behind_a_block", output, sizeof output), 1);
    assert_non_null(strstr(output, "left over: mistake 0x"));
    assert_non_null(strstr(output, ": HeapFree at "));
    assert_null(strstr(output, "the heap is damaged")); /* any more */
    assert_int_equal(run_child(L"write_to_a_freed_block", output, sizeof output), 1);
    assert_non_null(strstr(output, "the heap is damaged"));
    assert_null(strstr(output, "left over"));
}

static void test_support__a_crash_is_told_and_ends_the_program(void **state)
{
    (void)state;
    static const WCHAR *const ways[] = {L"crash", L"crash-on-thread"};
    for (size_t i = 0; i < 2; i++) {
        char output[4096];
        assert_int_equal(run_child(ways[i], output, sizeof output), CRASH_EXIT_CODE);
        assert_non_null(strstr(output, "crash: exception 0xC0000005 on thread "));
        assert_non_null(strstr(output, " at test_support.exe+0x"));
        assert_non_null(strstr(output, ", accessing 0x0"));
    }
}

static void test_support__a_worker_lets_no_other_thread_in(void **state)
{
    (void)state;
    char output[4096];
    const DWORD code = run_child(L"touch", output, sizeof output);
    assert_non_null(strstr(output, "touching it now"));
#ifdef NDEBUG
    assert_int_equal(code, 0); /* built without assertions */
#else
    assert_int_not_equal(code, 0);
    assert_non_null(strstr(output, "worker_is_current"));
#endif
}

static void test_watchdog__tells_where_it_hangs_and_ends_the_program(void **state)
{
    (void)state;
    char output[4096];
    assert_int_equal(run_child(L"hang", output, sizeof output), WATCHDOG_EXIT_CODE);
    assert_non_null(strstr(output, "it hangs: a test that waits for ever"));
    assert_non_null(strstr(output, "thread "));
    assert_true(strstr(output, "child") != NULL || strstr(output, "test_support.exe+0x") != NULL);
}

static void test_watchdog__lets_go_what_has_ended(void **state)
{
    (void)state;
    watchdog_begin("a test that ends", 200);
    watchdog_begin("another one", 60000);
    Sleep(400);
    watchdog_end();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        support_test(test_ledger__finds_a_leak_of_every_kind),
        support_test(test_ledger__finds_two_of_everything_in_the_order_of_opening),
        support_test(test_ledger__knows_the_call_site_and_its_caller),
        support_test(test_ledger__what_was_there_before_is_no_leftover),
        support_test(test_ledger__follows_a_block_through_resizing),
        support_test(test_ledger__finds_a_block_freed_twice),
        support_test(test_ledger__finds_handles_and_sockets_closed_twice),
        support_test(test_seam__keeps_the_last_error),
        support_test(test_ledger__counts_a_pending_receive_until_its_completion_is_dequeued),
        support_test(test_ledger__expects_a_completion_of_an_immediate_receive_unless_skipped),
        support_test(test_ledger__counts_sends_the_same_way),
        support_test(test_ledger__a_failed_call_leaves_no_operation),
        support_test(test_ledger__an_oversized_datagram_fails_and_completes),
        support_test(test_ledger__a_cancelled_operation_is_in_flight_until_dequeued),
        support_test(test_ledger__ignores_operations_that_no_port_reports),
        support_test(test_ledger__finds_an_overlapped_used_twice_at_once),
        support_test(test_ledger__counts_accepts_handed_out_by_winsock),
        support_test(test_ledger__counts_message_receives_handed_out_by_winsock),
        support_test(test_ledger__counts_posted_packets),
        support_test(test_ledger__holds_when_threads_use_it_at_once),
        support_test(test_fault__fails_the_nth_call_so_many_times),
        support_test(test_sites__records_each_call_with_its_number_and_site),
        support_test(test_fault__fails_one_call_site),
        support_test(test_fault__several_imports_each_have_their_own),
        support_test(test_fault__hits_other_threads),
        support_test(test_fault__reaches_functions_looked_up_at_run_time),
        support_test(test_seam__a_replaced_import_keeps_faults_and_ledger),
        support_test(test_fault__cuts_receives_of_tcp_only),
        support_test(test_clock__is_set_and_moved),
        support_test(test_clock__stands_still_when_it_is_stopped),
        support_test(test_clock__a_wait_begins_when_the_clock_was_read),
        support_test(test_clock__ends_waits_when_it_moves),
        support_test(test_clock__no_wait_ends_while_it_stands),
        support_test(test_clock__short_waits_are_neither_cut_nor_lost),
        support_test(test_support__a_leaking_test_fails_and_names_what_it_leaked),
        support_test(test_support__a_test_that_damages_the_heap_fails),
        support_test(test_support__a_crash_is_told_and_ends_the_program),
        support_test(test_support__a_worker_lets_no_other_thread_in),
        support_test(test_watchdog__tells_where_it_hangs_and_ends_the_program),
        support_test(test_watchdog__lets_go_what_has_ended),
    };
    return argc > 1 ? child(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
