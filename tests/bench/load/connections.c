/* SPDX-License-Identifier: MIT
   TCP clients: echo, churn, idle and stream. A client always waits for bytes, so that it notices an end; its sends go
   on as its depth, or of a stream the connection, allows. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/load/load.h"
#include "bench/load/system.h"
#include "support/pattern.h"

enum { RAMP = 64 }; /* connects under way at a time, before the load */

enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING,
    CLIENT_OPEN, /* says nothing yet */
    CLIENT_TALKING,
    CLIENT_LEAVING, /* of churn: all is back, the send has still to be told */
    CLIENT_ENDING,  /* has shut its side */
    CLIENT_DONE,
    CLIENT_FAILED
};

struct client {
    enum client_state state;
    bool is_sending, is_receiving;
    uint64_t stream;           /* of the pattern */
    uint64_t handed, received; /* bytes */
    uint64_t taken, answered;  /* messages */
    uint64_t waits_since;
    uint64_t marked;    /* of a stream: the message that is timed, from 1 on; 0: none */
    uint64_t *asked;    /* when, for each in flight */
    size_t place, left; /* of what is to be sent, in its buffer */
};

struct connections {
    struct client *clients;
    uint64_t *asked;
    uint64_t opened; /* connections */
    uint32_t connecting, ending;
};

static struct client *connections__client(const struct load *load, uint32_t number)
{
    const struct connections *const all = load->clients;
    return &all->clients[number];
}

static bool client__is_open(const struct client *client)
{
    return client->state == CLIENT_OPEN || client->state == CLIENT_TALKING || client->state == CLIENT_ENDING;
}

/* The client's number in the run and the place in its connection are told with it. It takes no further part. */
static void client__fail(struct load *load, uint32_t number, const char *what)
{
    struct connections *const all = load->clients;
    struct client *const client = &all->clients[number];
    char text[500];
    snprintf(text, sizeof text,
             "%s; at byte %llu of its connection %llu, of message %llu; %llu bytes were sent", what,
             (unsigned long long)client->received, (unsigned long long)client->stream,
             (unsigned long long)client->answered + 1, (unsigned long long)(client->handed - client->left));
    load_tell(load, number, text);
    all->connecting -= client->state == CLIENT_CONNECTING;
    all->ending -= client->state == CLIENT_ENDING;
    load->in_flight -= client->taken - client->answered;
    load->alive--;
    client->state = CLIENT_FAILED;
}

static void client__fail_and_close(struct load *load, uint32_t number, const char *what)
{
    client__fail(load, number, what);
    links_close(load->links, number);
}

/* With the system's words. */
static void client__fail_with(struct load *load, uint32_t number, const char *what, int error)
{
    char reason[250], text[300];
    system_explain(error, reason, sizeof reason);
    snprintf(text, sizeof text, "%s: %s", what, reason);
    client__fail(load, number, text);
}

static void client__fail_and_close_with(struct load *load, uint32_t number, const char *what, int error)
{
    client__fail_with(load, number, what, error);
    links_close(load->links, number);
}

/* ---- Sending ---- */

static bool client__may_take(const struct load *load, const struct client *client)
{
    switch (load->settings->kind) {
    case KIND_STREAM:
        return client->handed == client->taken * load->settings->size;
    case KIND_IDLE:
        return client->taken == 0;
    case KIND_ECHO:
        return client->taken - client->answered < load->settings->depth;
    case KIND_CHURN: /* it is taken with the connection */
    case KIND_UDP:
    default:
        return false;
    }
}

/* One at a time of a stream's messages is timed. */
static void client__take(struct load *load, struct client *client, uint64_t now)
{
    const bool is_stream = load->settings->kind == KIND_STREAM;
    if (client->taken == client->answered) {
        client->waits_since = now;
    }
    if (!is_stream || client->marked == 0) {
        client->asked[client->taken % load->settings->depth] = now;
        client->marked = is_stream ? client->taken + 1 : 0;
    }
    client->taken++;
    load->in_flight++;
}

/* Has something to be sent in its buffer. */
static bool client__prepare(struct load *load, uint32_t number, struct client *client, uint64_t now)
{
    if (client->left > 0) {
        return true;
    }
    while (client__may_take(load, client) && tally_take(&load->tally, now)) {
        client__take(load, client, now);
    }
    const uint64_t owed = client->taken * load->settings->size - client->handed;
    client->place = 0;
    client->left = owed < load->send_room ? (size_t)owed : load->send_room;
    pattern_fill(load_send_buffer(load, number), client->stream, client->handed, client->left);
    client->handed += client->left;
    return client->left > 0;
}

static void client__sent(struct client *client, size_t bytes)
{
    client->place += bytes;
    client->left -= bytes;
}

/* True: it may go on. */
static bool client__send(struct load *load, uint32_t number, struct client *client, uint64_t now)
{
    size_t bytes = 0;
    if (!client__prepare(load, number, client, now)) {
        return false;
    }
    switch (links_send(load->links, number, load_send_buffer(load, number) + client->place, client->left,
                       &bytes)) {
    case LINKS_DONE:
        client__sent(client, bytes);
        return true;
    case LINKS_PENDING:
        client->is_sending = true;
        return false;
    case LINKS_FAILED:
    default:
        client__fail_and_close_with(load, number, "cannot send", links_error(load->links));
        return false;
    }
}

/* ---- Receiving ---- */

static bool client__is_timed(const struct load *load, const struct client *client)
{
    return load->settings->kind != KIND_STREAM || client->marked == client->answered + 1;
}

/* The next message is back. False: too late. */
static bool client__answer(struct load *load, uint32_t number, struct client *client, uint64_t now)
{
    const bool is_timed = client__is_timed(load, client);
    const uint64_t time = is_timed ? now - client->asked[client->answered % load->settings->depth] : 0;
    if (time > load_patience(load)) {
        char text[100];
        snprintf(text, sizeof text, "the answer came late, after %.3f ms", (double)time / 1e6);
        client__fail_and_close(load, number, text);
        return false;
    }
    if (is_timed) {
        client->marked = 0;
    }
    tally_answer(&load->tally, time, is_timed, now);
    client->answered++;
    load->in_flight--;
    return true;
}

/* Of churn: closes when all is back and sent, and its place is free for the next. */
static void client__leave(struct load *load, uint32_t number, struct client *client)
{
    client->state = CLIENT_LEAVING;
    if (!client->is_sending) {
        links_close(load->links, number);
        client->state = CLIENT_CLOSED;
        load_queue(load, number);
    }
}

static void client__ended(struct load *load, uint32_t number, struct client *client)
{
    struct connections *const all = load->clients;
    if (client->state != CLIENT_ENDING || client->received < client->handed) {
        client__fail_and_close(load, number, "the server ended the connection");
        return;
    }
    links_close(load->links, number);
    client->state = CLIENT_DONE;
    all->ending--;
}

/* What has come: the answer to what was sent, and nothing else. */
static void client__received(struct load *load, uint32_t number, struct client *client, size_t bytes,
                             uint64_t now)
{
    const uint8_t *const at = load_receive_buffer(load, number);
    if (bytes == 0) {
        client__ended(load, number, client);
        return;
    }
    if (bytes > client->handed - client->received) {
        client__fail_and_close(load, number, "more came back than was sent");
        return;
    }
    const size_t same = pattern_compare(at, client->stream, client->received, bytes);
    client->received += same;
    client->waits_since = now;
    while (client->received >= (client->answered + 1) * load->settings->size) {
        if (!client__answer(load, number, client, now)) {
            return;
        }
    }
    if (same < bytes) {
        client__fail_and_close(load, number, "a byte is wrong");
    } else if (load->settings->kind == KIND_CHURN && client->answered == 1) {
        client__leave(load, number, client);
    }
}

/* True: it may go on. */
static bool client__receive(struct load *load, uint32_t number, struct client *client)
{
    size_t bytes = 0;
    switch (
        links_receive(load->links, number, load_receive_buffer(load, number), load->receive_room, &bytes)) {
    case LINKS_DONE:
        client__received(load, number, client, bytes, system_now());
        return true;
    case LINKS_PENDING:
        client->is_receiving = true;
        return false;
    case LINKS_FAILED:
    default:
        client__fail_and_close_with(load, number, "cannot receive", links_error(load->links));
        return false;
    }
}

/* ---- Turns ---- */

/* Sends and receives as long as something goes, but not for ever. */
static void client__go_on(struct load *load, uint32_t number, struct client *client, uint64_t now)
{
    for (int i = 0; i < LOAD_TURNS; i++) {
        bool has_moved = false;
        if (client->state == CLIENT_TALKING && !client->is_sending) {
            has_moved = client__send(load, number, client, now);
        }
        if (client__is_open(client) && !client->is_receiving) {
            has_moved = client__receive(load, number, client) || has_moved;
        }
        if (!client__is_open(client) || !has_moved) {
            return;
        }
    }
    load_queue(load, number);
}

static void client__connected(struct load *load, uint32_t number, struct client *client, uint64_t now)
{
    struct connections *const all = load->clients;
    all->connecting--;
    client->state = load->settings->kind == KIND_CHURN ? CLIENT_TALKING : CLIENT_OPEN;
    client->waits_since = now;
    client__go_on(load, number, client, now);
}

static void client__open(struct load *load, uint32_t number, uint64_t now)
{
    struct connections *const all = load->clients;
    struct client *const client = &all->clients[number];
    *client = (struct client){.state = CLIENT_CONNECTING, .asked = client->asked, .waits_since = now};
    client->stream = ++all->opened;
    all->connecting++;
    if (load->settings->kind == KIND_CHURN) {
        client__take(load, client, now);
    }
    switch (links_open(load->links, number, (uint32_t)(all->opened - 1) % LINKS_SOURCES)) {
    case LINKS_DONE:
        client__connected(load, number, client, now);
        break;
    case LINKS_PENDING:
        break;
    case LINKS_FAILED:
    default:
        client__fail_with(load, number, "cannot connect", links_error(load->links));
    }
}

static void connections__event(struct load *load, const struct links_event *event, uint64_t now)
{
    static const char *const failures[] = {
        [LINKS_CONNECT] = "cannot connect", [LINKS_SEND] = "cannot send", [LINKS_RECEIVE] = "cannot receive"};
    struct client *const client = connections__client(load, event->number);
    if (client->state == CLIENT_FAILED || client->state == CLIENT_DONE) {
        return; /* what was pending then */
    }
    if (event->error != 0) {
        client__fail_and_close_with(load, event->number, failures[event->operation], event->error);
        return;
    }
    switch (event->operation) {
    case LINKS_CONNECT:
        client__connected(load, event->number, client, now);
        return;
    case LINKS_SEND:
        client->is_sending = false;
        client__sent(client, event->bytes);
        if (client->state == CLIENT_LEAVING) {
            client__leave(load, event->number, client);
        }
        break;
    case LINKS_RECEIVE:
    default:
        client->is_receiving = false;
        client__received(load, event->number, client, event->bytes, now);
    }
    if (client__is_open(client)) {
        client__go_on(load, event->number, client, now);
    }
}

static void connections__again(struct load *load, uint32_t number, uint64_t now)
{
    struct client *const client = connections__client(load, number);
    if (client__is_open(client)) {
        client__go_on(load, number, client, now);
    } else if (client->state == CLIENT_CLOSED && tally_take(&load->tally, now)) {
        client__open(load, number, now);
    }
}

/* Who waits for too long. */
static void connections__sweep(struct load *load, uint64_t now)
{
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        const struct client *const client = connections__client(load, i);
        const bool is_waiting = client->state == CLIENT_CONNECTING || client->state == CLIENT_ENDING ||
                                (client->state == CLIENT_TALKING && client->taken > client->answered);
        if (is_waiting && now > client->waits_since + load_patience(load)) {
            char text[100];
            snprintf(text, sizeof text, "%s for %lu ms",
                     client->state == CLIENT_CONNECTING ? "no connection"
                     : client->state == CLIENT_ENDING   ? "no end from the server"
                                                        : "no answer",
                     (unsigned long)load->settings->patience);
            client__fail_and_close(load, i, text);
        }
    }
}

/* ---- The run ---- */

static void connections__connect(struct load *load, uint64_t *now)
{
    struct connections *const all = load->clients;
    do {
        while (all->opened < load->settings->clients && all->connecting < RAMP) {
            client__open(load, (uint32_t)all->opened, *now);
        }
    } while ((all->opened < load->settings->clients || all->connecting > 0) && load_turn(load, now));
    load->connect_seconds = (double)(*now - load->begun) / 1e9;
}

/* Nobody may say anything. */
static void connections__hold(struct load *load, uint64_t *now)
{
    const uint64_t until = *now + (uint64_t)load->settings->seconds * 1000000000u;
    fprintf(stderr, "bench_load: %lu connections are open\n", (unsigned long)load->alive);
    while (*now < until && load->alive > 0 && load_turn(load, now)) {}
}

static void connections__talk(struct load *load, uint64_t *now)
{
    load_begin(load, *now);
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        struct client *const client = connections__client(load, i);
        if (client->state == CLIENT_OPEN) {
            client->state = CLIENT_TALKING;
            client__go_on(load, i, client, system_now());
        }
    }
    while ((load->settings->kind == KIND_IDLE ? load->in_flight > 0 : load_is_busy(load)) &&
           load_turn(load, now)) {}
}

/* Each shuts its side, and the server must end the connection, with nothing more. */
static void connections__end(struct load *load, uint64_t *now)
{
    struct connections *const all = load->clients;
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        struct client *const client = connections__client(load, i);
        if (client->state == CLIENT_TALKING) {
            client->state = CLIENT_ENDING;
            client->waits_since = *now;
            all->ending++;
            links_shut(load->links, i);
            client__go_on(load, i, client, *now);
        }
    }
    while (all->ending > 0 && load_turn(load, now)) {}
}

static void connections__churn(struct load *load, uint64_t *now)
{
    load_begin(load, *now);
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        load_queue(load, i);
    }
    while (load_is_busy(load) && load_turn(load, now)) {}
}

static void connections__go(struct load *load)
{
    uint64_t now = system_now();
    if (load->settings->kind == KIND_CHURN) {
        connections__churn(load, &now);
        return;
    }
    connections__connect(load, &now);
    if (load->settings->kind == KIND_IDLE) {
        connections__hold(load, &now);
    }
    connections__talk(load, &now);
    connections__end(load, &now);
}

bool connections_run(struct load *load)
{
    static const struct load_kind kind = {connections__event, connections__again, connections__sweep};
    const size_t count = load->settings->clients, depth = load->settings->depth;
    struct connections all = {0};
    all.clients = calloc(count, sizeof *all.clients);
    all.asked = calloc(count * depth, sizeof *all.asked);
    const bool is_possible = all.clients != NULL && all.asked != NULL;
    if (is_possible) {
        for (size_t i = 0; i < count; i++) {
            all.clients[i].asked = all.asked + i * depth;
        }
        load->kind = &kind;
        load->clients = &all;
        connections__go(load);
        load->clients = NULL;
    }
    free(all.clients);
    free(all.asked);
    return is_possible;
}
