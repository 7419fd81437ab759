/* SPDX-License-Identifier: MIT
   Datagrams at a rate that no answer slows down. Many are lost, as they may be; what comes back must be one that was
   sent, unchanged and once: so no more comes back than was sent. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "modes.h"
#include "options.h"
#include "wire.h"

enum { NUMBERS = 1 << 22, TURN = 5 /* milliseconds */, LAST_ANSWERS = 500 };

static struct {
    int *fds;
    uint8_t *answered; /* by number */
    uint64_t sent, answers, bytes_sent, bytes_received, refused;
} all;

/* Its first bytes are its number, the rest the pattern of it. */
static void fill(uint8_t *at, uint64_t number)
{
    pattern_fill(at, number, 0, (size_t)options.size);
    memcpy(at, &number, sizeof number);
}

static void send_one(void)
{
    uint8_t bytes[WIRE_BUFFER];
    fill(bytes, all.sent);
    if (sendto(all.fds[all.sent % (uint64_t)options.clients], bytes, (size_t)options.size, MSG_DONTWAIT,
               (const struct sockaddr *)&options.server, sizeof options.server) != options.size) {
        all.refused++; /* by this system: it was never sent */
        return;
    }
    all.sent++;
    all.bytes_sent += (uint64_t)options.size;
}

static void take(const uint8_t *bytes, size_t length)
{
    static uint8_t expected[WIRE_BUFFER];
    uint64_t number = UINT64_MAX;
    all.answers++;
    all.bytes_received += length;
    if (length >= sizeof number) {
        memcpy(&number, bytes, sizeof number);
    }
    if (number >= all.sent || length != (size_t)options.size) {
        wire_tell("%zu bytes came back that were never sent", length);
        return;
    }
    fill(expected, number);
    if (memcmp(bytes, expected, length) != 0) {
        wire_tell("datagram %llu was changed", (unsigned long long)number);
    } else if (all.answered[number]++ != 0) {
        wire_tell("datagram %llu came back twice", (unsigned long long)number);
    }
}

static void take_all(void)
{
    static uint8_t bytes[WIRE_BUFFER];
    for (long i = 0; i < options.clients; i++) {
        ssize_t length = 0;
        while ((length = recv(all.fds[i], bytes, sizeof bytes, MSG_DONTWAIT)) >= 0) {
            take(bytes, (size_t)length);
        }
    }
}

static void rest(void)
{
    const struct timespec turn = {.tv_nsec = TURN * 1000000L};
    nanosleep(&turn, NULL);
}

static void send_all(void)
{
    const double started = wire_now();
    double now = started;
    while (now < started + (double)options.seconds) {
        const uint64_t due = (uint64_t)((now - started) * (double)options.rate);
        while (all.sent + all.refused < due && all.sent < NUMBERS) {
            send_one();
        }
        take_all();
        rest();
        now = wire_now();
    }
}

int storm(void)
{
    if (options.size < (long)sizeof(uint64_t) || options.size > OPTIONS_DATAGRAM) {
        options_refuse("too small or too large:", "--size");
    }
    all.fds = wire_array((size_t)options.clients, sizeof *all.fds);
    all.answered = wire_array(NUMBERS, 1);
    for (long i = 0; i < options.clients; i++) {
        all.fds[i] = wire_socket(SOCK_DGRAM, 0, i);
    }
    send_all();
    for (double until = wire_now() + LAST_ANSWERS / 1e3; wire_now() < until; rest()) {
        take_all();
    }
    if (all.answers == 0) {
        wire_tell("nothing came back");
    }
    const bool is_ok = wire_errors() == 0 && all.bytes_received <= all.bytes_sent;
    printf("{\"mode\":\"storm\",\"ok\":%s,\"datagrams\":%llu,\"answers\":%llu,\"bytes_sent\":%llu,"
           "\"bytes_received\":%llu}\n",
           is_ok ? "true" : "false", (unsigned long long)all.sent, (unsigned long long)all.answers,
           (unsigned long long)all.bytes_sent, (unsigned long long)all.bytes_received);
    return is_ok ? 0 : 1;
}
