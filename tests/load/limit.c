/* SPDX-License-Identifier: MIT
   Whether a limit of connections is exact: one connection after the other, each asked for an echo. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "modes.h"
#include "options.h"
#include "wire.h"

enum { PATIENCE = 5 /* seconds, for any one answer */ };

static struct {
    int *fds; /* of those that were served */
    long connects, served, reset, errors;
    unsigned long bytes;
} all;

/* Connects as client `number`. -1: it could not. */
static int come(long number)
{
    static const struct timeval patience = {.tv_sec = PATIENCE};
    const int fd = wire_socket(SOCK_STREAM, 0, number);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        wire_connect(fd) != 0) {
        close(fd);
        return -1;
    }
    all.connects++;
    return fd;
}

/* A byte goes to and fro. */
static bool has_echo(int fd, long number)
{
    const uint8_t sent = (uint8_t)(number + 1);
    uint8_t received = 0;
    if (send(fd, &sent, 1, MSG_NOSIGNAL) != 1 || recv(fd, &received, 1, 0) != 1 || received != sent) {
        return false;
    }
    all.bytes++;
    return true;
}

/* Says nothing: a reset that answers what was sent would not be told from one that refuses the connection. */
static bool is_reset(long number)
{
    char byte = 0;
    const int fd = come(number);
    const bool is_right = fd >= 0 && recv(fd, &byte, 1, 0) < 0 && errno == ECONNRESET;
    close(fd);
    all.reset += is_right;
    return is_right;
}

static bool is_served(long number)
{
    all.fds[number] = come(number);
    const bool is_right = all.fds[number] >= 0 && has_echo(all.fds[number], number);
    all.served += is_right;
    return is_right;
}

/* FIN, and the server's is awaited: then it has left. */
static bool has_left(int fd)
{
    char byte = 0;
    shutdown(fd, SHUT_WR);
    const bool is_ended = recv(fd, &byte, 1, 0) == 0;
    close(fd);
    return is_ended;
}

static void expect(bool is_right, const char *what, long number)
{
    if (!is_right) {
        all.errors++;
        wire_tell("%s (client %ld)", what, number);
    }
}

int limit(void)
{
    all.fds = wire_array((size_t)options.clients, sizeof *all.fds);
    for (long i = 0; i < options.clients; i++) {
        expect(is_served(i), "was not served, though there was room", i);
    }
    for (long i = 0; i < options.excess; i++) {
        expect(is_reset(i), "was not reset, though there was no room", i);
    }
    for (long round = 0; round < options.rounds && all.errors == 0; round++) {
        const long i = round % options.clients;
        expect(has_left(all.fds[i]), "did not end in order", i);
        expect(is_served(i), "was not served, though there was room again", i);
        expect(is_reset(i), "was not reset, though there was no room any more", i);
    }
    for (long i = 0; i < options.clients; i++) {
        expect(has_left(all.fds[i]), "did not end in order", i);
    }
    printf("{\"mode\":\"limit\",\"ok\":%s,\"connects\":%ld,\"served\":%ld,\"reset\":%ld,\"errors\":%ld,"
           "\"bytes_sent\":%lu,\"bytes_received\":%lu}\n",
           all.errors == 0 ? "true" : "false", all.connects, all.served, all.reset, all.errors, all.bytes,
           all.bytes);
    return all.errors == 0 ? 0 : 1;
}
