/* SPDX-License-Identifier: MIT
   Sockets of many clients to one server, in one thread: each operation is done at once, or pending and told by
   links_wait. links_epoll.c and links_iocp.c do the same, each as its system does it best. */
#ifndef PORTLISTENER_TESTS_BENCH_LOAD_LINKS_H
#define PORTLISTENER_TESTS_BENCH_LOAD_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINKS_SOURCES = 16 }; /* 127.0.0.1 to .16, so that ports do not run out */

enum links_operation { LINKS_CONNECT, LINKS_SEND, LINKS_RECEIVE };
enum links_outcome { LINKS_DONE, LINKS_PENDING, LINKS_FAILED };

struct links_event {
    uint32_t number; /* of the link */
    enum links_operation operation;
    int error; /* of the system, or 0 */
    size_t bytes;
};

struct links;

/* links_create: for numbers below `count`. NULL: `error_out` tells why. */
struct links *links_create(uint32_t count, uint32_t host, uint16_t port, bool is_datagram, int *error_out);
void links_destroy(struct links *links);

/* links_open: makes the socket, from address number `source`, and connects it. Of a number that is closed and has had
   the outcome of all that was pending. */
enum links_outcome links_open(struct links *links, uint32_t number, uint32_t source);

/* links_send, links_receive: one of each at a time. What is LINKS_DONE took `bytes_out`, which may be less than
   `length`; received 0: the server ends the connection. Until an operation is done the memory is the system's. */
enum links_outcome links_send(struct links *links, uint32_t number, const void *at, size_t length,
                              size_t *bytes_out);
enum links_outcome links_receive(struct links *links, uint32_t number, void *at, size_t length,
                                 size_t *bytes_out);

/* links_error: of what has LINKS_FAILED last. */
int links_error(const struct links *links);

/* links_shut: nothing more will be sent; the server is told. */
void links_shut(struct links *links, uint32_t number);

/* links_close: what is pending may still be told. */
void links_close(struct links *links, uint32_t number);

/* links_wait: returns what has been done, at most `most`, which is even; none: the time has passed. */
size_t links_wait(struct links *links, struct links_event *events, size_t most, unsigned milliseconds);

#endif
