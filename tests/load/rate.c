/* SPDX-License-Identifier: MIT
   Whether a rate of accepts is exact: many connect at once, and are counted as they are served. */
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

enum {
    EVENTS = 256,
    TURN = 10 /* milliseconds */,
    FIRST_SECONDS = 2 /* the burst of the first, and what came with it, are left out */
};

static const double part = 0.02; /* of the time, that it may be off */

struct waiting {
    int fd;
    bool is_asked;
};

static struct {
    int epoll;
    struct waiting *clients;
    long connected, served;
    double started;
    double count, x, y, xx, xy; /* of those that are counted: sums of number and time */
} all;

static void waiting_fail(struct waiting *waiting, const char *what)
{
    wire_tell("client %ld: %s", (long)(waiting - all.clients), what);
    close(waiting->fd);
    waiting->fd = -1;
}

static void waiting_open(struct waiting *waiting, long number)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = waiting};
    waiting->fd = wire_socket(SOCK_STREAM, SOCK_NONBLOCK, number);
    if (waiting->fd < 0 || epoll_ctl(all.epoll, EPOLL_CTL_ADD, waiting->fd, &event) != 0 ||
        wire_connect(waiting->fd) != 0) {
        waiting_fail(waiting, strerror(errno));
    }
}

static void waiting_ask(struct waiting *waiting)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = waiting};
    const int error = wire_error(waiting->fd);
    if (error != 0 || send(waiting->fd, "?", 1, MSG_NOSIGNAL) != 1) {
        waiting_fail(waiting, strerror(error != 0 ? error : errno));
        return;
    }
    epoll_ctl(all.epoll, EPOLL_CTL_MOD, waiting->fd, &event);
    waiting->is_asked = true;
    all.connected++;
}

static void count(double time)
{
    const double number = (double)all.served;
    all.count += 1;
    all.x += number;
    all.y += time;
    all.xx += number * number;
    all.xy += number * time;
}

/* Of the line that lies closest to all points: one that comes late, for this machine was busy, moves it little. */
static double seconds_each(void)
{
    return (all.count * all.xy - all.x * all.y) / (all.count * all.xx - all.x * all.x);
}

static void waiting_served(struct waiting *waiting)
{
    char byte = 0;
    const double now = wire_now();
    if (recv(waiting->fd, &byte, 1, 0) != 1 || byte != '?') {
        waiting_fail(waiting, "no echo");
        return;
    }
    all.served++;
    if (all.served > options.rate * FIRST_SECONDS &&
        all.served <= options.rate * (FIRST_SECONDS + options.seconds)) {
        count(now - all.started);
    }
    epoll_ctl(all.epoll, EPOLL_CTL_DEL, waiting->fd, NULL); /* stays connected: nobody else makes room */
}

int rate(void)
{
    struct epoll_event events[EVENTS];
    all.started = wire_now();
    if (options.clients < options.rate * (FIRST_SECONDS + options.seconds)) {
        options_refuse("too few for that rate and time:", "--clients");
    }
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    all.clients = wire_array((size_t)options.clients, sizeof *all.clients);
    for (long i = 0; i < options.clients; i++) {
        waiting_open(&all.clients[i], i);
    }
    while (all.served < options.clients && wire_errors() == 0) {
        const int count = epoll_wait(all.epoll, events, EVENTS, TURN);
        for (int i = 0; i < count; i++) {
            struct waiting *waiting = events[i].data.ptr;
            waiting->is_asked ? waiting_served(waiting) : waiting_ask(waiting);
        }
        if (wire_now() > all.started + (double)options.deadline) {
            wire_tell("%ld of %ld served when the deadline passed", all.served, options.clients);
        }
    }
    const double seconds = seconds_each() * all.count, off = seconds / (double)options.seconds - 1;
    if (!(off >= -part && off <= part)) {
        wire_tell("%.0f served in %.3f s instead of %ld", all.count, seconds, options.seconds);
    }
    const bool is_ok = wire_errors() == 0;
    printf("{\"mode\":\"rate\",\"ok\":%s,\"clients\":%ld,\"connected\":%ld,\"served\":%ld,\"counted\":%ld,"
           "\"seconds\":%.3f}\n",
           is_ok ? "true" : "false", options.clients, all.connected, all.served, (long)all.count, seconds);
    return is_ok ? 0 : 1;
}
