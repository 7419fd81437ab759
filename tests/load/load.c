/* SPDX-License-Identifier: MIT
   Load for an echo server, and proof that it echoes: many TCP connections or UDP sockets from one Linux
   process, every byte compared with a pattern of its connection and place. The modes are in options.c; those that
   do more than to exchange bytes have a file each, see modes.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modes.h"
#include "options.h"
#include "wire.h"

enum {
    BUFFER = WIRE_BUFFER,
    STALL_SECONDS = 30,    /* nothing moves at all */
    DATAGRAM_SECONDS = 10, /* for one answer */
    EVENTS = 256
};

enum state {
    STATE_CLOSED,
    STATE_CONNECTING,
    STATE_IDLE,
    STATE_TALKING,
    STATE_ENDING,
    STATE_DONE,
    STATE_FAILED
};

struct client {
    int fd;
    enum state state;
    bool wants_write; /* as epoll knows */
    uint64_t stream;  /* which pattern */
    uint64_t size;    /* of a message */
    uint64_t total;   /* bytes to send, and to get back */
    uint64_t sent, received;
    double answer_due; /* udp */
};

static struct {
    int epoll;
    struct client *clients;
    long opened, connected, connecting, finished; /* connections; finished: done or failed */
    uint64_t bytes_sent, bytes_received, messages_received, other_address;
    unsigned long lost;
    double started, moved, told; /* moved: when anything last happened */
} run;

/* ---- one client ---- */

static long client_number(const struct client *client)
{
    return (long)(client - run.clients);
}

static void client_watch(struct client *client, bool wants_write)
{
    struct epoll_event event = {.events = EPOLLIN | (wants_write ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = client};
    if (wants_write != client->wants_write) {
        client->wants_write = wants_write;
        epoll_ctl(run.epoll, EPOLL_CTL_MOD, client->fd, &event);
    }
}

static void client_end(struct client *client, enum state state)
{
    close(client->fd);
    client->fd = -1;
    client->state = state;
    run.finished++;
    run.moved = wire_now();
}

static void client_fail(struct client *client, const char *what)
{
    wire_tell("client %ld (stream %llu): %s; %llu of %llu bytes sent, %llu received", client_number(client),
              (unsigned long long)client->stream, what, (unsigned long long)client->sent,
              (unsigned long long)client->total, (unsigned long long)client->received);
    run.connecting -= client->state == STATE_CONNECTING;
    client_end(client, STATE_FAILED);
}

static bool client_make_socket(struct client *client, int type)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = client};
    client->wants_write = true;
    client->fd = wire_socket(type, SOCK_NONBLOCK, run.opened);
    return client->fd >= 0 && epoll_ctl(run.epoll, EPOLL_CTL_ADD, client->fd, &event) == 0;
}

static void client_open(struct client *client)
{
    *client = (struct client){.state = STATE_CONNECTING, .stream = (uint64_t)run.opened + 1};
    client->size = (uint64_t)options.size;
    client->total = client->size * (uint64_t)options.messages;
    run.connecting++;
    const bool is_made = client_make_socket(client, SOCK_STREAM);
    run.opened++;
    if (!is_made || wire_connect(client->fd) != 0) {
        client_fail(client, strerror(errno));
    }
}

/* Sends what the depth allows. False: the client has ended. */
static bool client_send(struct client *client)
{
    static uint8_t bytes[BUFFER];
    while (client->sent < client->total &&
           client->sent / client->size < client->received / client->size + (uint64_t)options.depth) {
        const uint64_t left = client->size - client->sent % client->size;
        const size_t length = left < BUFFER ? (size_t)left : BUFFER;
        pattern_fill(bytes, client->stream, client->sent, length);
        const ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) {
                client_watch(client, true);
                return true;
            }
            client_fail(client, strerror(errno));
            return false;
        }
        client->sent += (uint64_t)sent;
        run.bytes_sent += (uint64_t)sent;
    }
    client_watch(client, false);
    return true;
}

/* All is back: the end that was asked for. */
static void client_finish(struct client *client)
{
    switch (options.end) {
    case END_HALF:
        shutdown(client->fd, SHUT_WR);
        client->state = STATE_ENDING;
        break;
    case END_IDLE:
        client->state = STATE_ENDING;
        break;
    case END_RST:
        wire_harden(client->fd);
        client_end(client, STATE_DONE);
        break;
    default:
        client_end(client, STATE_DONE);
    }
}

/* The server has ended the connection: with a reset, if `error` is not 0. */
static void client_ended(struct client *client, int error)
{
    const bool is_refused = options.end == END_REFUSED && error == ECONNRESET;
    if (client->state == STATE_ENDING && (is_refused || (options.end != END_REFUSED && error == 0))) {
        client_end(client, STATE_DONE);
        return;
    }
    run.lost++;
    client_fail(client, error == 0 ? "the server closed early" : strerror(error));
}

/* Takes what is there, once. False: nothing more for now, or the client has ended. */
static bool client_receive(struct client *client)
{
    static uint8_t bytes[BUFFER];
    const ssize_t received = recv(client->fd, bytes, sizeof bytes, 0);
    if (received < 0 && errno == EAGAIN) {
        return false;
    }
    run.moved = wire_now();
    if (received <= 0) {
        client_ended(client, received == 0 ? 0 : errno);
    } else if ((uint64_t)received > client->sent - client->received) {
        client_fail(client, "more came back than was sent");
    } else {
        const size_t same = pattern_compare(bytes, client->stream, client->received, (size_t)received);
        client->received += same;
        run.bytes_received += same;
        if (same < (size_t)received) {
            char what[100];
            snprintf(what, sizeof what, "byte %llu is wrong", (unsigned long long)client->received);
            client_fail(client, what);
        } else if (client->received == client->total) {
            client_finish(client);
        }
    }
    return client->state == STATE_TALKING || client->state == STATE_ENDING;
}

static void client_talk(struct client *client)
{
    client->state = STATE_TALKING;
    client_send(client);
}

/* Connected, and nothing is to be said: the server ends it. */
static void client_await_end(struct client *client, int error)
{
    client->state = STATE_ENDING;
    client->total = 0;
    client_watch(client, false);
    if (error != 0) {
        client_ended(client, error);
    }
}

static void client_connected(struct client *client)
{
    const bool is_refused = options.mode == MODE_CHURN && options.end == END_REFUSED;
    const int error = wire_error(client->fd);
    if (error != 0 && !(is_refused && error == ECONNRESET)) { /* of a refused one, the handshake was done */
        client_fail(client, strerror(error));
        return;
    }
    run.connecting--;
    run.connected++;
    run.moved = wire_now();
    if (is_refused || (options.mode == MODE_CHURN && options.end == END_SILENT)) {
        client_await_end(client, error);
    } else if (options.mode == MODE_CHURN) {
        client_talk(client);
    } else {
        client->state = STATE_IDLE; /* until all are there */
        client_watch(client, false);
    }
}

static void client_ready(struct client *client, uint32_t events)
{
    if (client->state == STATE_CONNECTING) {
        client_connected(client);
        return;
    }
    if ((events & EPOLLOUT) != 0 && client->state == STATE_TALKING && !client_send(client)) {
        return;
    }
    while ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && client_receive(client)) {
        if (client->state == STATE_TALKING && !client_send(client)) {
            return;
        }
    }
}

/* ---- a datagram client: size and number of the datagram are in `sent`, counted over all ---- */

static void datagram_send(struct client *client)
{
    static uint8_t bytes[BUFFER];
    client->size = (uint64_t)options.sizes[client->sent / (uint64_t)options.messages];
    pattern_fill(bytes, client->stream, client->sent * BUFFER, client->size);
    if (sendto(client->fd, bytes, client->size, 0, (const struct sockaddr *)&options.server,
               sizeof options.server) != (ssize_t)client->size) {
        client_fail(client, strerror(errno));
        return;
    }
    run.bytes_sent += client->size;
    client->answer_due = wire_now() + DATAGRAM_SECONDS;
}

static void datagram_open(struct client *client)
{
    *client = (struct client){.state = STATE_TALKING, .stream = (uint64_t)run.opened + 1};
    client->total = (uint64_t)options.messages * (uint64_t)options.size_count;
    const bool is_made = client_make_socket(client, SOCK_DGRAM);
    run.opened++;
    run.connected++;
    if (!is_made) {
        client_fail(client, strerror(errno));
        return;
    }
    client_watch(client, false);
    datagram_send(client);
}

static void datagram_ready(struct client *client)
{
    static uint8_t bytes[BUFFER];
    struct sockaddr_in from = {0};
    socklen_t length = sizeof from;
    const ssize_t received = recvfrom(client->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &length);
    if (received < 0) {
        client_fail(client, strerror(errno));
        return;
    }
    if ((uint64_t)received != client->size || from.sin_port != options.server.sin_port ||
        pattern_compare(bytes, client->stream, client->sent * BUFFER, client->size) != client->size) {
        char what[100];
        snprintf(what, sizeof what, "datagram %llu of %llu bytes came back as %zd bytes, or changed",
                 (unsigned long long)client->sent, (unsigned long long)client->size, received);
        client_fail(client, what);
        return;
    }
    run.moved = wire_now();
    run.bytes_received += (uint64_t)received;
    run.messages_received++;
    run.other_address += from.sin_addr.s_addr != options.server.sin_addr.s_addr;
    client->sent++;
    client->received++;
    if (client->sent == client->total) {
        client_end(client, STATE_DONE);
    } else {
        datagram_send(client);
    }
}

static void datagrams_expire(void)
{
    for (long i = 0; i < options.clients; i++) {
        struct client *client = &run.clients[i];
        if (client->state == STATE_TALKING && wire_now() > client->answer_due) {
            run.lost++;
            client_fail(client, "no answer");
        }
    }
}

/* ---- all of them ---- */

static void tell_progress(void)
{
    if (wire_now() < run.told + 2) {
        return;
    }
    run.told = wire_now();
    fprintf(stderr,
            "load: %4.0f s: %ld connected, %ld finished, %.1f MB sent, %.1f MB received, %lu errors\n",
            run.told - run.started, run.connected, run.finished, (double)run.bytes_sent / 1e6,
            (double)run.bytes_received / 1e6, wire_errors());
}

static bool is_open(const struct client *client)
{
    return client->state != STATE_CLOSED && client->state != STATE_DONE && client->state != STATE_FAILED;
}

static void give_up(const char *why)
{
    wire_tell("%s: %ld of %ld connected, %ld finished", why, run.connected, run.opened, run.finished);
    for (long i = 0; i < options.clients; i++) {
        if (is_open(&run.clients[i])) {
            client_fail(&run.clients[i], why);
        }
    }
}

/* One turn. False: given up. */
static bool serve(void)
{
    struct epoll_event events[EVENTS];
    const int count = epoll_wait(run.epoll, events, EVENTS, 200);
    for (int i = 0; i < count; i++) {
        if (options.mode == MODE_UDP) {
            datagram_ready(events[i].data.ptr);
        } else {
            client_ready(events[i].data.ptr, events[i].events);
        }
    }
    tell_progress();
    if (options.mode == MODE_UDP) {
        datagrams_expire();
    }
    if (wire_now() > run.started + (double)options.deadline) {
        give_up("the deadline has passed");
        return false;
    }
    if (wire_now() > run.moved + STALL_SECONDS) {
        give_up("nothing moves any more");
        return false;
    }
    return true;
}

static void connect_all(void)
{
    do {
        while (run.opened < options.clients && run.connecting < options.ramp) {
            client_open(&run.clients[run.opened]);
        }
    } while (run.connected + run.finished < options.clients && serve());
}

static void hold(void)
{
    const double until = wire_now() + (double)options.seconds;
    while (wire_now() < until) {
        run.moved = wire_now(); /* silence is what is wanted */
        if (!serve()) {
            return;
        }
    }
}

static void talk_all(void)
{
    run.moved = wire_now();
    for (long i = 0; i < options.clients; i++) {
        if (run.clients[i].state == STATE_IDLE) {
            client_talk(&run.clients[i]);
        }
    }
    while (run.finished < options.clients && serve()) {}
}

/* As talk_all, but no client comes to an end before the time is up. */
static void flood(void)
{
    const double until = wire_now() + (double)options.seconds;
    for (long i = 0; i < options.clients; i++) {
        if (run.clients[i].state == STATE_IDLE) {
            run.clients[i].total = UINT64_MAX;
            client_talk(&run.clients[i]);
        }
    }
    while (run.finished < options.clients && wire_now() < until && serve()) {}
    for (long i = 0; i < options.clients; i++) {
        struct client *client = &run.clients[i];
        if (client->state == STATE_TALKING) {
            client->total = client->sent;
            client_watch(client, false);
            if (client->received == client->total) {
                client_finish(client);
            }
        }
    }
    while (run.finished < options.clients && serve()) {}
}

static void churn(void)
{
    do {
        for (long i = 0; i < options.clients && run.opened < options.connections; i++) {
            if (!is_open(&run.clients[i])) {
                client_open(&run.clients[i]);
            }
        }
    } while (run.finished < options.connections && serve());
}

static void exchange_datagrams(void)
{
    while (run.opened < options.clients) {
        datagram_open(&run.clients[run.opened]);
    }
    while (run.finished < options.clients && serve()) {}
}

/* ---- the result ---- */

static int report(const char *mode)
{
    const long wanted = options.mode == MODE_CHURN ? options.connections : options.clients;
    const bool is_ok = wire_errors() == 0 && run.finished == wanted && run.bytes_sent == run.bytes_received;
    printf("{\"mode\":\"%s\",\"ok\":%s,\"clients\":%ld,\"connected\":%ld,\"finished\":%ld,\"lost\":%lu,"
           "\"errors\":%lu,\"bytes_sent\":%llu,\"bytes_received\":%llu,\"datagrams\":%llu,"
           "\"from_other_address\":%llu,\"seconds\":%.3f}\n",
           mode, is_ok ? "true" : "false", options.clients, run.connected, run.finished, run.lost,
           wire_errors(), (unsigned long long)run.bytes_sent, (unsigned long long)run.bytes_received,
           (unsigned long long)run.messages_received, (unsigned long long)run.other_address,
           wire_now() - run.started);
    return is_ok ? 0 : 1;
}

static int exchange(const char *mode)
{
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.clients = wire_array((size_t)options.clients, sizeof *run.clients);
    run.started = run.moved = run.told = wire_now();
    if (options.mode == MODE_UDP) {
        exchange_datagrams();
    } else if (options.mode == MODE_CHURN) {
        churn();
    } else {
        connect_all();
        if (options.mode == MODE_HOLD) {
            hold();
        }
        options.mode == MODE_FLOOD ? flood() : talk_all();
    }
    return report(mode);
}

int main(int argc, char **argv)
{
    options_parse(argc, argv);
    wire_allow(options.clients);
    switch (options.mode) {
    case MODE_LATENCY:
        return latency();
    case MODE_ABUSE:
        return abuse();
    case MODE_LIMIT:
        return limit();
    case MODE_RATE:
        return rate();
    case MODE_STORM:
        return storm();
    default:
        return exchange(argv[1]);
    }
}
