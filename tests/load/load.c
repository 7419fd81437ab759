/* SPDX-License-Identifier: MIT
   Load for an echo server, and proof that it echoes: many TCP connections or UDP sockets from one Linux
   process, every byte compared with a pattern of its connection and place. The modes are in options.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

enum {
    BUFFER = 65536,
    STALL_SECONDS = 30,    /* nothing moves at all */
    DATAGRAM_SECONDS = 10, /* for one answer */
    TOLD_ERRORS = 10,
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
    unsigned long errors, lost;
    double started, moved, told; /* moved: when anything last happened */
} run;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (run.errors++ < TOLD_ERRORS) {
        fputs("load: ", stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
    }
    va_end(arguments);
}

/* ---- the pattern: a byte for each place of each stream ---- */

static uint64_t pattern_word(uint64_t stream, uint64_t number)
{
    uint64_t word = stream * 0x9E3779B97F4A7C15u + number * 0xD1B54A32D192ED03u;
    word = (word ^ word >> 32) * 0xBF58476D1CE4E5B9u;
    return word ^ word >> 29;
}

static void pattern_fill(uint8_t *at, uint64_t stream, uint64_t offset, size_t length)
{
    size_t i = 0;
    while (i < length) {
        const unsigned skipped = (unsigned)((offset + i) % 8);
        uint64_t word = pattern_word(stream, (offset + i) / 8) >> 8 * skipped;
        for (unsigned k = skipped; k < 8 && i < length; k++) {
            at[i++] = (uint8_t)word;
            word >>= 8;
        }
    }
}

/* The first place that differs, or `length`. */
static size_t pattern_compare(const uint8_t *at, uint64_t stream, uint64_t offset, size_t length)
{
    static uint8_t expected[BUFFER];
    size_t i = 0;
    pattern_fill(expected, stream, offset, length);
    if (memcmp(at, expected, length) == 0) {
        return length;
    }
    while (at[i] == expected[i]) {
        i++;
    }
    return i;
}

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
    run.moved = now();
}

static void client_fail(struct client *client, const char *what)
{
    tell("client %ld (stream %llu): %s; %llu of %llu bytes sent, %llu received", client_number(client),
         (unsigned long long)client->stream, what, (unsigned long long)client->sent,
         (unsigned long long)client->total, (unsigned long long)client->received);
    run.connecting -= client->state == STATE_CONNECTING;
    client_end(client, STATE_FAILED);
}

static bool client_make_socket(struct client *client, int type)
{
    static const int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(run.opened % options.sources));
    client->fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return false;
    }
    if (type == SOCK_STREAM) {
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = client};
    client->wants_write = true;
    return bind(client->fd, (const struct sockaddr *)&source, sizeof source) == 0 &&
           epoll_ctl(run.epoll, EPOLL_CTL_ADD, client->fd, &event) == 0;
}

static void client_open(struct client *client)
{
    *client = (struct client){.state = STATE_CONNECTING, .stream = (uint64_t)run.opened + 1};
    client->size = (uint64_t)options.size;
    client->total = client->size * (uint64_t)options.messages;
    run.connecting++;
    const bool is_made = client_make_socket(client, SOCK_STREAM);
    run.opened++;
    if (!is_made ||
        (connect(client->fd, (const struct sockaddr *)&options.server, sizeof options.server) != 0 &&
         errno != EINPROGRESS)) {
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
    const struct linger hard = {.l_onoff = 1};
    if (options.end == END_HALF) {
        client->state = STATE_ENDING;
        shutdown(client->fd, SHUT_WR);
        return;
    }
    if (options.end == END_RST) {
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    client_end(client, STATE_DONE);
}

/* Takes what is there, once. False: nothing more for now, or the client has ended. */
static bool client_receive(struct client *client)
{
    static uint8_t bytes[BUFFER];
    const ssize_t received = recv(client->fd, bytes, sizeof bytes, 0);
    if (received < 0 && errno == EAGAIN) {
        return false;
    }
    run.moved = now();
    if (received == 0 && client->state == STATE_ENDING) {
        client_end(client, STATE_DONE);
    } else if (received <= 0) {
        run.lost++;
        client_fail(client, received == 0 ? "the server closed early" : strerror(errno));
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

static void client_connected(struct client *client)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
        client_fail(client, strerror(error));
        return;
    }
    run.connecting--;
    run.connected++;
    run.moved = now();
    if (options.mode == MODE_CHURN) {
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
    client->answer_due = now() + DATAGRAM_SECONDS;
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
    run.moved = now();
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
        if (client->state == STATE_TALKING && now() > client->answer_due) {
            run.lost++;
            client_fail(client, "no answer");
        }
    }
}

/* ---- all of them ---- */

static void tell_progress(void)
{
    if (now() < run.told + 2) {
        return;
    }
    run.told = now();
    fprintf(stderr,
            "load: %4.0f s: %ld connected, %ld finished, %.1f MB sent, %.1f MB received, %lu errors\n",
            run.told - run.started, run.connected, run.finished, (double)run.bytes_sent / 1e6,
            (double)run.bytes_received / 1e6, run.errors);
}

static bool is_open(const struct client *client)
{
    return client->state != STATE_CLOSED && client->state != STATE_DONE && client->state != STATE_FAILED;
}

static void give_up(const char *why)
{
    tell("%s: %ld of %ld connected, %ld finished", why, run.connected, run.opened, run.finished);
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
    if (now() > run.started + (double)options.deadline) {
        give_up("the deadline has passed");
        return false;
    }
    if (now() > run.moved + STALL_SECONDS) {
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
    const double until = now() + (double)options.seconds;
    while (now() < until) {
        run.moved = now(); /* silence is what is wanted */
        if (!serve()) {
            return;
        }
    }
}

static void talk_all(void)
{
    run.moved = now();
    for (long i = 0; i < options.clients; i++) {
        if (run.clients[i].state == STATE_IDLE) {
            client_talk(&run.clients[i]);
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

static void allow_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < (rlim_t)options.clients + 20) {
        options_refuse("too many clients for", "the limit of open files");
    }
}

static int report(const char *mode)
{
    const long wanted = options.mode == MODE_CHURN ? options.connections : options.clients;
    const bool is_ok = run.errors == 0 && run.finished == wanted && run.bytes_sent == run.bytes_received;
    printf("{\"mode\":\"%s\",\"ok\":%s,\"clients\":%ld,\"connected\":%ld,\"finished\":%ld,\"lost\":%lu,"
           "\"errors\":%lu,\"bytes_sent\":%llu,\"bytes_received\":%llu,\"datagrams\":%llu,"
           "\"from_other_address\":%llu,\"seconds\":%.3f}\n",
           mode, is_ok ? "true" : "false", options.clients, run.connected, run.finished, run.lost, run.errors,
           (unsigned long long)run.bytes_sent, (unsigned long long)run.bytes_received,
           (unsigned long long)run.messages_received, (unsigned long long)run.other_address,
           now() - run.started);
    return is_ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    options_parse(argc, argv);
    allow_descriptors();
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.clients = calloc((size_t)options.clients, sizeof *run.clients);
    if (run.epoll < 0 || run.clients == NULL) {
        perror("load");
        return 1;
    }
    run.started = run.moved = run.told = now();
    if (options.mode == MODE_UDP) {
        exchange_datagrams();
    } else if (options.mode == MODE_CHURN) {
        churn();
    } else {
        connect_all();
        if (options.mode == MODE_HOLD) {
            hold();
        }
        talk_all();
    }
    return report(argv[1]);
}
