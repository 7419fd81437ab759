/* SPDX-License-Identifier: MIT
   One run of the load program: what all kinds of clients share, and the turns in which they are served. */
#ifndef PORTLISTENER_TESTS_BENCH_LOAD_LOAD_H
#define PORTLISTENER_TESTS_BENCH_LOAD_LOAD_H

#include "bench/load/links.h"
#include "bench/load/result.h"
#include "bench/load/settings.h"
#include "bench/load/tally.h"

/* A client does so many things before others have their turn. */
enum { LOAD_TURNS = 16 };

struct load;

/* What a kind does: with an event, with a client that had more to do than its turn, and now and then, so that what is
   overdue is noticed. */
struct load_kind {
    void (*event)(struct load *load, const struct links_event *event, uint64_t now);
    void (*again)(struct load *load, uint32_t number, uint64_t now);
    void (*sweep)(struct load *load, uint64_t now);
};

struct load {
    const struct settings *settings;
    const struct load_kind *kind;
    void *clients; /* the kind's */
    struct links *links;
    struct tally tally;
    uint64_t in_flight; /* messages of clients that have not failed */
    uint32_t alive;     /* clients that have not failed */
    unsigned long errors;
    double connect_seconds;
    uint8_t *send_buffers, *receive_buffers;
    size_t send_room, receive_room;
    struct { /* of clients whose turn is over */
        uint32_t *numbers;
        bool *has;
        uint32_t first, count;
    } queue;
    uint64_t begun, swept, sweep_every;
    struct {
        bool is_on;
        uint64_t at, done;
    } progress;
};

/* load_run: all of it; returns the program's exit code. */
int load_run(const struct settings *settings);

/* load_turn: serves what is to be done. False: the time for everything is up. */
bool load_turn(struct load *load, uint64_t *now_out);

/* load_queue: `again` will be called. */
void load_queue(struct load *load, uint32_t number);

/* load_tell: counts an error, and prints it if it is one of the first. */
void load_tell(struct load *load, uint32_t client, const char *what);

/* load_patience: nanoseconds. */
uint64_t load_patience(const struct load *load);

/* load_begin: the load begins now, and with it the clock or the warm-up. */
void load_begin(struct load *load, uint64_t now);

/* load_is_busy: messages are to be sent, or in flight. */
bool load_is_busy(const struct load *load);

/* load_send_buffer, load_receive_buffer: a client's. */
uint8_t *load_send_buffer(const struct load *load, uint32_t number);
uint8_t *load_receive_buffer(const struct load *load, uint32_t number);

/* connections_run: echo, churn, idle and stream; datagrams_run: udp. False: not enough memory. */
bool connections_run(struct load *load);
bool datagrams_run(struct load *load);

#endif
