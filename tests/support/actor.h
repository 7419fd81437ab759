/* SPDX-License-Identifier: MIT
   Handlers that do what their clients say, or echo or discard, and write down what they saw of the last
   connection. They share one record: one connection at a time, as far as the transcript goes. For the test's
   own thread; with cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_ACTOR_H
#define PORTLISTENER_TESTS_SUPPORT_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"
#include "support/client.h"

enum { ACTOR_COMMAND = 5, ACTOR_PATTERN = 1000000, ACTOR_TRANSCRIPT = 512 };

struct actor {
    const pl_host *host; /* of the engine that was started last */
    volatile LONG opens, closes;
    volatile LONG mistakes;    /* callbacks in an order that the contract rules out */
    volatile LONG64 last_id;   /* of the connection opened last */
    volatile LONG64 closed_at; /* GetTickCount64 in the last on_close */
    volatile LONG reason;      /* of the last on_close, a pl_reason */
    uint8_t pattern[ACTOR_PATTERN];
};

extern struct actor actor;

/* A command is a letter and a number (four bytes, the least first).
   S n: send n bytes of the pattern. U n: wait until n bytes lie behind the command and send them back.
   F, G, R: close with PL_FINISH, PL_GRACEFUL, PL_RESET. Any other: nothing.

   "actor" obeys. "actor-small" has a max_input of 1000, "actor-deaf" no on_writable, "actor-rude" refuses in
   on_open, "actor-echo" and "actor-discard" are the built-in ones, written down. Ends with NULL. */
extern const struct pl_handler *const actor_handlers[];

/* actor_reset: as at first. */
void actor_reset(void);

/* actor_transcript: "open, 405 bytes (hash), eof with 3 bytes (hash), closed: 2, error 0" of the connection
   that has closed last. Bytes are those that on_data consumed, however they came. */
const char *actor_transcript(void);

/* actor_command: as the bytes of one. actor_say: a client sends it. */
void actor_command(char letter, uint32_t number, uint8_t command_out[ACTOR_COMMAND]);
void actor_say(struct client *client, char letter, uint32_t number);

/* actor_expect: the client gets the first bytes of the pattern. actor_expect_end: then the connection
   ends. */
void actor_expect(struct client *client, size_t length);
void actor_expect_end(struct client *client, enum client_result result);

/* actor_wait_for: until the count is `value` or more. */
void actor_wait_for(const volatile LONG *count, LONG value, const char *what);

#endif
