/* SPDX-License-Identifier: MIT
   The ledger: everything that the program has taken through the seam and not given back. It is kept from the
   first call of the process on; ledger_begin marks what was there before a test. Any thread, unless said
   otherwise. */
#ifndef PORTLISTENER_TESTS_SUPPORT_LEDGER_H
#define PORTLISTENER_TESTS_SUPPORT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/seam.h"

enum ledger_kind {
    LEDGER_BLOCK,        /* of the heap; detail: its size */
    LEDGER_SOCKET,       /* detail: SOCK_STREAM or SOCK_DGRAM */
    LEDGER_HANDLE,       /* what CloseHandle takes */
    LEDGER_SEARCH,       /* FindFirstFile */
    LEDGER_LIBRARY,      /* LoadLibrary */
    LEDGER_VIEW,         /* MapViewOfFile */
    LEDGER_EVENT_SOURCE, /* RegisterEventSource */
    LEDGER_KEY,          /* of the registry */
    LEDGER_SC_HANDLE,    /* of the service control manager */
    LEDGER_WINSOCK,      /* WSAStartup */
    LEDGER_LOCAL,        /* a block for LocalFree */
    LEDGER_OPERATION,    /* an OVERLAPPED in flight whose completion a port will report; detail: the socket */
    LEDGER_PACKET,       /* posted and not dequeued; detail: the port, with which it goes */
    LEDGER_MISTAKE,      /* a call that is always wrong: closing what is not open, freeing twice or
                       what was overrun, an OVERLAPPED in two operations at once, the heap used past base/memory.c */
    LEDGER_KIND_COUNT
};

enum { LEDGER_SITES = 4 };

struct ledger_item {
    enum ledger_kind kind;
    enum import import; /* the function that gave it */
    ULONG_PTR value;
    ULONG_PTR detail;
    const void *sites[LEDGER_SITES]; /* where it was called from, and its callers; NULL behind the last */
};

/* ledger_begin: what is open now is no leftover of the test that begins. */
void ledger_begin(void);

/* ledger_check: prints everything that is left since ledger_begin and fails the test. On the test's own
   thread, when all that could give something back has ended. Then the heap must be undamaged, too. ledger_print:
   only prints it, and returns how many things are left. */
void ledger_check(void);
size_t ledger_print(void);

/* ledger_leftovers: writes at most `room` items, the oldest first, and returns how many there are. */
size_t ledger_leftovers(struct ledger_item *items_out, size_t room);

/* ledger_count: leftovers of one kind; ledger_bytes: the sum of the blocks' sizes. */
size_t ledger_count(enum ledger_kind kind);
size_t ledger_bytes(void);

/* ledger_in_calls: operations whose calls have not returned yet: the system may not know of them. */
size_t ledger_in_calls(void);

/* ledger_in_flight: the operations on one socket that `import` has begun, older ones than the test
   included. */
size_t ledger_in_flight(SOCKET s, enum import import);

/* The rest is for imports.def.

   ledger_open: enters a thing and returns its number. */
uint64_t ledger_open(const struct seam_call *call, enum ledger_kind kind, ULONG_PTR value, ULONG_PTR detail);

/* ledger_close: strikes the newest thing of this value out; false when there is none. */
bool ledger_close(enum ledger_kind kind, ULONG_PTR value);

/* ledger_withdraw: strikes out the thing of this number, if it is still there. */
void ledger_withdraw(enum ledger_kind kind, ULONG_PTR value, uint64_t number);

void ledger_mistake(const struct seam_call *call, ULONG_PTR value);

/* ledger_close_block: true when `block` may be freed: it is there, and nothing was written behind its end. */
bool ledger_close_block(const struct seam_call *call, HANDLE heap, void *block);
void *ledger_resize_block(const struct seam_call *call, seam_HeapReAlloc real, HANDLE heap, DWORD flags,
                          void *block, size_t size);

/* ledger_associate: its operations are reported by this port; ledger_skip: but not those that succeed at
   once. A socket or another handle. */
void ledger_associate(HANDLE file, HANDLE port);
void ledger_skip(HANDLE file);

/* ledger_port: the port that reports the operations of a socket, and whether it skips those that succeed at
   once; NULL: none. ledger_socket: of an operation in flight; INVALID_SOCKET: it is none. */
HANDLE ledger_port(SOCKET s, bool *is_skipping_out);
SOCKET ledger_socket(const OVERLAPPED *overlapped);

/* ledger_is_stream: whether it is a TCP socket. */
bool ledger_is_stream(SOCKET s);

/* ledger_begin_operation: before the call, as the completion may be dequeued before the call returns. Returns
   a number for ledger_end_operation; 0 for an operation that no port will report. */
uint64_t ledger_begin_operation(const struct seam_call *call, SOCKET s, const OVERLAPPED *overlapped);
void ledger_end_operation(const OVERLAPPED *overlapped, uint64_t number, bool is_done, DWORD error);
void ledger_dequeue(HANDLE port, const OVERLAPPED *overlapped);

#endif
