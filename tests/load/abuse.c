/* SPDX-License-Identifier: MIT
   Clients that are a burden, and whether the server closes them in time. How late it is seen here depends on this
   program as well: a turn of its loop that took too long is allowed for, and told. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modes.h"
#include "options.h"
#include "wire.h"

enum { EVENTS = 256, TURN = 10 /* milliseconds */, DEAF_BUFFER = 4096 };

struct bad {
    int fd;
    bool is_connected;
    uint64_t stream, sent, received;
    double earliest; /* that the deadline may run: it was about to connect */
    double since;    /* connected, or the last byte was sent */
    double latest;   /* the deadline runs: the first echo shows that it has been accepted */
    double next;     /* piece to send */
};

static struct {
    int epoll;
    struct bad *clients;
    long opened, connected, ended, fins, resets, early, late;
    uint64_t bytes_sent, bytes_received;
    double first, last; /* seconds until the server closed */
    double waited;      /* longest until the first echo: in the backlog, most of it */
    double held_up;     /* this program, at most */
} all;

static const char header[] =
    "GET / HTTP/1.1\r\nHost: example.net\r\nX-Slow: and there is always one more\r\n";

static void bad_fill(const struct bad *bad, uint8_t *at, uint64_t offset, size_t length)
{
    if (options.kind != KIND_HEADER) {
        pattern_fill(at, bad->stream, offset, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        at[i] = (uint8_t)header[(offset + i) % (sizeof header - 1)];
    }
}

static void bad_end(struct bad *bad)
{
    close(bad->fd);
    bad->fd = -1;
    all.ended++;
}

static void bad_fail(struct bad *bad, const char *what)
{
    wire_tell("client %llu: %s; %llu bytes sent, %llu received", (unsigned long long)bad->stream, what,
              (unsigned long long)bad->sent, (unsigned long long)bad->received);
    bad_end(bad);
}

static void bad_open(struct bad *bad)
{
    static const int small = DEAF_BUFFER, some = 8 * DEAF_BUFFER;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = bad};
    bad->fd = wire_socket(SOCK_STREAM, SOCK_NONBLOCK, all.opened++);
    bad->stream = (uint64_t)all.opened;
    bad->earliest = wire_now();
    if (bad->fd >= 0 && options.kind == KIND_DEAF) {
        setsockopt(bad->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        setsockopt(bad->fd, SOL_SOCKET, SO_SNDBUF, &some, sizeof some);
    }
    if (bad->fd < 0 || epoll_ctl(all.epoll, EPOLL_CTL_ADD, bad->fd, &event) != 0 ||
        wire_connect(bad->fd) != 0) {
        bad_fail(bad, strerror(errno));
    }
}

/* The server has ended it. */
static void bad_closed(struct bad *bad, bool is_reset)
{
    const double now = wire_now(), took = now - bad->earliest, after = now - bad->latest;
    const double least = (double)options.least / 1000, most = (double)options.most / 1000 + all.held_up;
    all.first = all.ended == 0 || took < all.first ? took : all.first;
    all.last = after > all.last ? after : all.last;
    all.early += took < least;
    all.late += after > most;
    is_reset ? all.resets++ : all.fins++;
    if (took < least || after > most) {
        bad_fail(bad, took < least ? "closed too early" : "closed too late");
    } else {
        bad_end(bad);
    }
}

/* Sends `size` bytes, as far as they go. False: it has ended. */
static bool bad_send(struct bad *bad, size_t size)
{
    static uint8_t bytes[WIRE_BUFFER];
    bad_fill(bad, bytes, bad->sent, size);
    const ssize_t sent = send(bad->fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        bad_closed(bad, true);
        return false;
    }
    if (sent > 0) {
        bad->sent += (uint64_t)sent;
        all.bytes_sent += (uint64_t)sent;
        if (options.kind == KIND_DEAF) {
            bad->since = bad->latest = wire_now();
        }
    }
    return sent > 0;
}

static void bad_connected(struct bad *bad)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = bad};
    const int error = wire_error(bad->fd);
    if (error != 0) {
        bad_fail(bad, strerror(error));
        return;
    }
    if (options.kind == KIND_DEAF) { /* does not even look */
        event.events = EPOLLOUT | EPOLLRDHUP;
    }
    epoll_ctl(all.epoll, EPOLL_CTL_MOD, bad->fd, &event);
    bad->is_connected = true;
    all.connected++;
    bad->since = bad->latest = bad->next = wire_now();
}

static void bad_receive(struct bad *bad)
{
    static uint8_t bytes[WIRE_BUFFER], expected[WIRE_BUFFER];
    const ssize_t received = recv(bad->fd, bytes, sizeof bytes, 0);
    if (received <= 0) {
        if (received == 0 || errno != EAGAIN) {
            bad_closed(bad, received < 0);
        }
        return;
    }
    bad_fill(bad, expected, bad->received, (size_t)received);
    if ((uint64_t)received > bad->sent - bad->received || memcmp(bytes, expected, (size_t)received) != 0) {
        bad_fail(bad, "what came back is not what was sent");
        return;
    }
    if (bad->received == 0) {
        bad->latest = wire_now();
        all.waited = bad->latest - bad->since > all.waited ? bad->latest - bad->since : all.waited;
    }
    bad->received += (uint64_t)received;
    all.bytes_received += (uint64_t)received;
}

static void bad_ready(struct bad *bad, uint32_t events)
{
    if (!bad->is_connected) {
        bad_connected(bad);
    } else if (options.kind != KIND_DEAF) {
        bad_receive(bad);
    } else if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        bad_closed(bad, (events & EPOLLERR) != 0);
    } else {
        bad_send(bad, WIRE_BUFFER);
    }
}

static void send_pieces(double now)
{
    for (long i = 0; i < all.opened; i++) {
        struct bad *bad = &all.clients[i];
        if (bad->fd >= 0 && bad->is_connected && now >= bad->next) {
            bad->next = now + (double)options.every / 1000;
            bad_send(bad, options.kind == KIND_SLOW ? 1 : 11);
        }
    }
}

/* One turn, of TURN milliseconds at most; what it takes longer, this program was held up. */
static void turn(double started)
{
    struct epoll_event events[EVENTS];
    const double before = wire_now();
    while (all.opened < options.clients && (double)all.opened < (before - started) * (double)options.rate) {
        bad_open(&all.clients[all.opened]);
    }
    const int count = epoll_wait(all.epoll, events, EVENTS, TURN);
    const double late = wire_now() - before - TURN / 1e3;
    all.held_up = late > all.held_up ? late : all.held_up;
    for (int i = 0; i < count; i++) {
        bad_ready(events[i].data.ptr, events[i].events);
    }
    if (options.kind == KIND_SLOW || options.kind == KIND_HEADER) {
        send_pieces(wire_now());
    }
}

static void give_up(void)
{
    for (long i = 0; i < all.opened; i++) {
        if (all.clients[i].fd >= 0) {
            bad_fail(&all.clients[i], "was never closed");
        }
    }
}

int abuse(void)
{
    static const char *const kinds[] = {"silent", "slow", "header", "deaf"};
    const double started = wire_now();
    bool is_told = false;
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    all.clients = wire_array((size_t)options.clients, sizeof *all.clients);
    while (all.ended < options.clients && wire_now() < started + (double)options.deadline) {
        turn(started);
        if (!is_told && all.connected == options.clients) {
            is_told = true;
            fprintf(stderr, "load: %ld connected\n", all.connected);
        }
    }
    give_up();
    const bool is_ok = wire_errors() == 0 && all.ended == options.clients;
    printf(
        "{\"mode\":\"abuse\",\"kind\":\"%s\",\"ok\":%s,\"clients\":%ld,\"connected\":%ld,\"fins\":%ld,"
        "\"resets\":%ld,\"early\":%ld,\"late\":%ld,\"first_ms\":%.0f,\"last_ms\":%.0f,\"waited_ms\":%.0f,\"held_up_ms\":%.0f,"
        "\"bytes_sent\":%llu,\"bytes_received\":%llu}\n",
        kinds[options.kind], is_ok ? "true" : "false", options.clients, all.connected, all.fins, all.resets,
        all.early, all.late, all.first * 1000, all.last * 1000, all.waited * 1000, all.held_up * 1000,
        (unsigned long long)all.bytes_sent, (unsigned long long)all.bytes_received);
    return is_ok ? 0 : 1;
}
