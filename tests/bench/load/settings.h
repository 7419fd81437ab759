/* SPDX-License-Identifier: MIT
   The command line of the load program. */
#ifndef PORTLISTENER_TESTS_BENCH_LOAD_SETTINGS_H
#define PORTLISTENER_TESTS_BENCH_LOAD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SETTINGS_CLIENTS = 20000,
    SETTINGS_SECONDS = 600, /* also for everything, whatever was asked for */
    SETTINGS_DATAGRAM = 65507,
    SETTINGS_DATAGRAM_LEAST = 8, /* its number */
    SETTINGS_BUFFER = 65536,     /* the largest one, but for a stream's writes */
};

enum kind { KIND_ECHO, KIND_CHURN, KIND_IDLE, KIND_STREAM, KIND_UDP };

struct settings {
    enum kind kind;
    uint32_t host; /* 127.0.0.1 is 0x7F000001 */
    uint32_t port, clients, depth, size;
    uint32_t messages; /* of all clients; of churn: connections. 0: so many seconds */
    uint32_t seconds;
    uint32_t warm_up;  /* messages before those that count */
    uint32_t patience; /* milliseconds: an answer that takes longer is an error */
    bool as_json, shows_progress;
};

extern const char settings_usage[];

/* settings_parse: false: `problem` tells in a line what is wrong. */
bool settings_parse(struct settings *settings, int argc, char *const *argv, char *problem, size_t room);

/* settings_kind_name: as on the command line. */
const char *settings_kind_name(enum kind kind);

/* settings_send_buffer, settings_receive_buffer: bytes that a client needs. */
size_t settings_send_buffer(const struct settings *settings);
size_t settings_receive_buffer(const struct settings *settings);

#endif
