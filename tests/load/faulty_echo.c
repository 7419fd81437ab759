/* SPDX-License-Identifier: MIT
   A small echo server that does one thing wrong, or one thing more, to prove that the load client notices:
   faulty_echo FAULT, on TCP and UDP of 127.0.0.1; each fault stands where it is done. "none": a plain echo. Ends
   with its standard input. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER = 65536,
    PLACE = 700,      /* of the byte that goes wrong */
    LIMIT = 3,        /* connections */
    RATE = 200,       /* connections a second, */
    RATE_BURST = 100, /* after so many */
    LATE_EACH = 50,   /* this message of a connection, */
    LATE = 30000,     /* microseconds */
    LINGER = 300000   /* a connection counts on for so many microseconds */
};

static const char *fault;
static atomic_int live;

static bool fault_is(const char *name)
{
    return strcmp(fault, name) == 0;
}

static void reset(int fd)
{
    const struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

/* "limit-late": its place is free again only after a while. */
static void leave(int fd, bool is_hard)
{
    if (!fault_is("limit-late")) {
        live--; /* before the client sees it */
    }
    is_hard ? reset(fd) : (void)close(fd);
    if (fault_is("limit-late")) {
        usleep(LINGER);
        live--;
    }
}

/* Bytes [offset, offset + length) of a stream; returns how many there are to send. */
static ssize_t spoil(char *bytes, size_t offset, ssize_t length)
{
    if (offset > PLACE || offset + (size_t)length <= PLACE) {
        return length;
    }
    if (fault_is("flip")) {
        bytes[PLACE - offset] ^= 0x40;
    } else if (fault_is("lose")) {
        memmove(bytes + PLACE - offset, bytes + PLACE - offset + 1, (size_t)length - (PLACE - offset) - 1);
        return length - 1;
    } else if (fault_is("swap") && PLACE - offset > 0) {
        const char other = bytes[PLACE - offset - 1];
        bytes[PLACE - offset - 1] = bytes[PLACE - offset];
        bytes[PLACE - offset] = other;
    } else if (fault_is("stop")) {
        return 0;
    }
    return length;
}

/* "drop-idle": a second after it came; "idle": a second after its last byte. */
static void set_patience(int fd)
{
    const struct timeval second = {.tv_sec = 1};
    if (fault_is("idle") || fault_is("idle-reset")) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    }
}

static void echo(int fd)
{
    char bytes[BUFFER];
    size_t offset = 0;
    ssize_t length = 0;
    int messages = 0;
    while ((length = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        if ((fault_is("close") || fault_is("reset")) && offset + (size_t)length > PLACE) {
            leave(fd, fault_is("reset"));
            return;
        }
        if (fault_is("late") && ++messages % LATE_EACH == 0) {
            usleep(LATE);
        }
        send(fd, bytes, (size_t)spoil(bytes, offset, length), MSG_NOSIGNAL);
        offset += (size_t)length;
    }
    if (fault_is("extra")) {
        send(fd, "!", 1, MSG_NOSIGNAL);
    }
    if (!fault_is("no-end")) {
        leave(fd, fault_is("idle-reset"));
    }
}

static void *serve(void *context)
{
    const int fd = (int)(intptr_t)context;
    if (fault_is("drop-idle")) {
        sleep(1);
        leave(fd, false);
    } else {
        set_patience(fd);
        echo(fd);
    }
    return NULL;
}

/* "limit": so many connections, others are reset; "limit-fin": closed. "refuse": nobody; "refuse-fin": the same, closed. */
static bool is_refused(int fd)
{
    const bool has_limit = fault_is("limit") || fault_is("limit-fin") || fault_is("limit-late");
    const bool is_closed = fault_is("limit-fin") || fault_is("refuse-fin");
    if ((has_limit && live >= LIMIT) || fault_is("refuse") || fault_is("refuse-fin")) {
        is_closed ? (void)close(fd) : reset(fd);
        return true;
    }
    return false;
}

static void *serve_datagrams(void *context)
{
    const int fd = (int)(intptr_t)context;
    char bytes[BUFFER];
    struct sockaddr_in from;
    socklen_t from_length = sizeof from;
    ssize_t length = 0;
    while ((length = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_length)) >= 0) {
        if (fault_is("flip") && length > 0) {
            bytes[length - 1] ^= 1;
        } else if (fault_is("lose") && length > 0) {
            length--;
        } else if (fault_is("extra")) {
            length += length < 60000;
        }
        if (fault_is("twice")) {
            sendto(fd, bytes, (size_t)length, 0, (const struct sockaddr *)&from, from_length);
        }
        if (!fault_is("stop")) {
            sendto(fd, bytes, (size_t)length, 0, (const struct sockaddr *)&from, from_length);
        }
    }
    return NULL;
}

/* Port 0: any, then told in `port`. -1: somebody has it. */
static int bound(int type, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, type, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (const struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

/* "rate": connection `count` has its time. */
static void keep_rate(int count, struct timespec *next)
{
    if (count < RATE_BURST) {
        clock_gettime(CLOCK_MONOTONIC, next);
        return;
    }
    next->tv_nsec += 1000000000 / RATE;
    next->tv_sec += next->tv_nsec / 1000000000;
    next->tv_nsec %= 1000000000;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

static void *accept_all(void *context)
{
    struct timespec next = {0};
    int fd = 0, count = 0;
    while ((fd = accept((int)(intptr_t)context, NULL, NULL)) >= 0) {
        pthread_t thread;
        if (fault_is("rate")) {
            keep_rate(count++, &next);
        }
        if (is_refused(fd)) {
            continue;
        }
        live++;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0) {
            pthread_detach(thread);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t acceptor, datagrams;
    uint16_t port = 0;
    if (argc != 2) {
        fputs("usage: faulty_echo FAULT\n", stderr);
        return 2;
    }
    fault = argv[1];
    int listener = bound(SOCK_STREAM, &port), udp = bound(SOCK_DGRAM, &port);
    while (udp < 0) { /* another program's: the next one */
        close(listener);
        port = 0;
        listener = bound(SOCK_STREAM, &port);
        udp = bound(SOCK_DGRAM, &port);
    }
    listen(listener, 2000);
    pthread_create(&acceptor, NULL, accept_all, (void *)(intptr_t)listener);
    pthread_create(&datagrams, NULL, serve_datagrams, (void *)(intptr_t)udp);
    printf("%d\n", port);
    fflush(stdout);
    while (getchar() != EOF) {}
    return 0;
}
