/* SPDX-License-Identifier: MIT
   The calls that the program makes on one TCP connection, in their order: what Windows does when a socket is
   closed too early, Wine does not. There is one record; one worker may write to it. For the test's own
   thread, with cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_CALLS_H
#define PORTLISTENER_TESTS_SUPPORT_CALLS_H

#include <stddef.h>
#include <stdint.h>

enum call_kind {
    CALL_RECEIVE = 'r', /* WSARecv */
    CALL_END = 'e',     /* no call: a receive has brought the peer's FIN */
    CALL_SEND = 's',    /* WSASend */
    CALL_FIN = 'f',     /* shutdown, SD_SEND */
    CALL_LINGER = 'l',  /* SO_LINGER {1, 0}: the close will be a reset */
    CALL_CANCEL = 'x',  /* CancelIoEx, of everything */
    CALL_CLOSE = 'c'    /* closesocket */
};

struct call {
    enum call_kind kind;
    size_t receives, sends; /* in flight before it: no port has reported their end */
    uint64_t sent;          /* bytes that the system took before it */
    size_t unread;          /* bytes that have come and were not received before it */
};

/* calls_watch: notes the calls on the connection that is accepted next, until the seam is restored. Before
   the engine starts. */
void calls_watch(void);

/* calls_text: the kinds of all calls from the first of kind `from` on; where several of a kind follow each
   other, one stands for them. Valid until the next call. */
const char *calls_text(enum call_kind from);

/* calls_only: there must be just one of this kind. */
const struct call *calls_only(enum call_kind kind);

#endif
