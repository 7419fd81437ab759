/* SPDX-License-Identifier: MIT
   A host of one handler, without an engine: gives it options, and keeps what it sends. For tests of handlers on the test's
   own thread; with cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_LONE_HOST_H
#define PORTLISTENER_TESTS_SUPPORT_LONE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portlistener/handler.h"

enum { LONE_HOST_OPTIONS = 4, LONE_HOST_ROOM = 16384, LONE_HOST_OPEN = -1 /* not closed */ };

struct lone_option {
    const char *name;
    pl_text text;
    int64_t number;
};

struct lone_host {
    pl_host functions; /* first */
    struct lone_option options[LONE_HOST_OPTIONS];
    size_t option_count;
    const struct pl_handler *handler;
    void *state;
    char error[400];
    pl_id id;
    pl_address peer;
    uint32_t answer; /* pl_info.answer */
    char sent[LONE_HOST_ROOM];
    size_t length; /* of what was sent */
    int sends;
    bool wants_writable;
    bool is_gone;   /* the client; sends give PL_GONE */
    int32_t closed; /* pl_close, or LONE_HOST_OPEN */
};

/* lone_host_init: `options` end with the first that has no name; nothing else is known. The client is 192.0.2.1:1000. */
void lone_host_init(struct lone_host *host, const struct pl_handler *handler,
                    const struct lone_option options[LONE_HOST_OPTIONS]);

/* lone_host_text: an option that is a text or a path. */
struct lone_option lone_host_text(const char *name, const char *text);

/* lone_host_start: the endpoint "lone"; what `start` returns. lone_host_stop: not after a start that failed. */
int32_t lone_host_start(struct lone_host *host);
void lone_host_stop(struct lone_host *host);

/* lone_host_connect: a client connects, says something and ends its side. lone_host_ask: it sends a datagram, and may be
   answered `answer` bytes. What is sent is kept until the next call. */
void lone_host_connect(struct lone_host *host);
void lone_host_ask(struct lone_host *host, uint32_t answer);

/* lone_host_write_on: on_writable, which it must have asked for. */
void lone_host_write_on(struct lone_host *host);

/* lone_host_assert_sent: exactly these bytes, in one call. */
void lone_host_assert_sent(const struct lone_host *host, const char *at, size_t length);

#endif
