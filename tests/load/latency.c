/* SPDX-License-Identifier: MIT
   A good client: on each connection one message to and fro at a time, and how long each took. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modes.h"
#include "options.h"
#include "wire.h"

enum { SAMPLES = 4000000, EVENTS = 64, ANSWER_SECONDS = 30 };

struct good {
    int fd;
    uint64_t stream, sent, received;
    double asked;
};

static struct {
    int epoll;
    struct good *clients;
    float *samples; /* seconds */
    long count;
    double until;
    bool has_failed;
} all;

static void good_fail(const struct good *good, const char *what)
{
    wire_tell("connection %llu: %s; %llu bytes sent, %llu received", (unsigned long long)good->stream, what,
              (unsigned long long)good->sent, (unsigned long long)good->received);
    all.has_failed = true;
}

static void good_ask(struct good *good)
{
    static uint8_t bytes[WIRE_BUFFER];
    const size_t size = (size_t)options.size;
    pattern_fill(bytes, good->stream, good->sent, size);
    good->asked = wire_now();
    if (send(good->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) {
        good_fail(good, strerror(errno));
    }
    good->sent += size;
}

static void good_open(struct good *good, long number)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = good};
    good->stream = (uint64_t)number + 1;
    good->fd = wire_socket(SOCK_STREAM, 0, number);
    if (good->fd < 0 || wire_connect(good->fd) != 0 ||
        epoll_ctl(all.epoll, EPOLL_CTL_ADD, good->fd, &event) != 0) {
        good_fail(good, strerror(errno));
        return;
    }
    good_ask(good);
}

static void good_answer(struct good *good)
{
    static uint8_t bytes[WIRE_BUFFER];
    const ssize_t received = recv(good->fd, bytes, sizeof bytes, 0);
    if (received <= 0) {
        good_fail(good, received == 0 ? "the server closed" : strerror(errno));
    } else if ((uint64_t)received > good->sent - good->received) {
        good_fail(good, "more came back than was sent");
    } else if (pattern_compare(bytes, good->stream, good->received, (size_t)received) != (size_t)received) {
        good_fail(good, "a byte is wrong");
    } else {
        const double now = wire_now();
        good->received += (uint64_t)received;
        if (good->received == good->sent && all.count < SAMPLES) {
            all.samples[all.count++] = (float)(now - good->asked);
            if (now < all.until) {
                good_ask(good);
            }
        }
    }
}

static bool are_open(void)
{
    for (long i = 0; i < options.clients; i++) {
        if (all.clients[i].received < all.clients[i].sent) {
            return true;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    const float first = *(const float *)a, second = *(const float *)b;
    return (first > second) - (first < second);
}

static double microseconds(double part)
{
    return all.count == 0 ? 0 : (double)all.samples[(long)((double)(all.count - 1) * part)] * 1e6;
}

int latency(void)
{
    struct epoll_event events[EVENTS];
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    all.clients = wire_array((size_t)options.clients, sizeof *all.clients);
    all.samples = wire_array(SAMPLES, sizeof *all.samples);
    all.until = wire_now() + (double)options.seconds;
    for (long i = 0; i < options.clients; i++) {
        good_open(&all.clients[i], i);
    }
    while (!all.has_failed && are_open()) {
        const int count = epoll_wait(all.epoll, events, EVENTS, ANSWER_SECONDS * 1000);
        if (count == 0 || wire_now() > all.until + ANSWER_SECONDS) {
            wire_tell("no answer for %d s", ANSWER_SECONDS);
            break;
        }
        for (int i = 0; i < count; i++) {
            good_answer(events[i].data.ptr);
        }
    }
    qsort(all.samples, (size_t)all.count, sizeof *all.samples, compare);
    const bool is_ok = wire_errors() == 0;
    printf("{\"mode\":\"latency\",\"ok\":%s,\"clients\":%ld,\"messages\":%ld,\"p50_us\":%.0f,\"p99_us\":%.0f,"
           "\"max_us\":%.0f}\n",
           is_ok ? "true" : "false", options.clients, all.count, microseconds(0.5), microseconds(0.99),
           microseconds(1));
    return is_ok ? 0 : 1;
}
