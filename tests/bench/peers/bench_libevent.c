/* SPDX-License-Identifier: MIT
   A peer of the benchmark: an echo server as a user of libevent writes it for Windows: the IOCP back end with
   bufferevents for TCP. That back end has no UDP; an ordinary event serves it.

   bench_libevent PORT: TCP and UDP on 127.0.0.1; prints "ready" when both are bound. */
#include <winsock2.h>
/* behind winsock2.h */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 65536, BACKLOG = 1024, QUEUE = 1 << 20, DATAGRAMS = 4 << 20 };

static void die(const char *what)
{
    fprintf(stderr, "bench_libevent: %s: error %d\n", what, WSAGetLastError());
    exit(1);
}

/* ---- TCP ---- */

/* The chain of buffers is moved, not copied. Who does not read is not read from. */
static void received(struct bufferevent *connection, void *context)
{
    (void)context;
    bufferevent_write_buffer(connection, bufferevent_get_input(connection));
    if (evbuffer_get_length(bufferevent_get_output(connection)) > QUEUE) {
        bufferevent_disable(connection, EV_READ);
    }
}

static void written(struct bufferevent *connection, void *context)
{
    (void)context;
    if ((bufferevent_get_enabled(connection) & EV_READ) == 0) {
        bufferevent_enable(connection, EV_READ);
    }
}

static void happened(struct bufferevent *connection, short events, void *context)
{
    (void)context;
    if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
        bufferevent_free(connection);
    }
}

static void connected(struct evconnlistener *listener, evutil_socket_t s, struct sockaddr *address, int size,
                      void *context)
{
    static const int on = 1;
    (void)address;
    (void)size;
    (void)context;
    struct bufferevent *connection = bufferevent_socket_new(evconnlistener_get_base(listener), s,
                                                            BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
    if (connection == NULL) {
        closesocket((SOCKET)s);
        return;
    }
    setsockopt((SOCKET)s, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    bufferevent_setcb(connection, received, written, happened, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

/* ---- UDP ---- */

/* Until nothing more is there. */
static void received_datagrams(evutil_socket_t s, short events, void *context)
{
    static char buffer[BUFFER];
    (void)events;
    (void)context;
    for (;;) {
        struct sockaddr_in from;
        int from_size = sizeof from;
        const int size = recvfrom((SOCKET)s, buffer, BUFFER, 0, (struct sockaddr *)&from, &from_size);
        if (size < 0) {
            return;
        }
        sendto((SOCKET)s, buffer, size, 0, (struct sockaddr *)&from, from_size);
    }
}

static SOCKET bound_udp(const struct sockaddr_in *address)
{
    static const int room = DATAGRAMS;
    const SOCKET s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    if (s == INVALID_SOCKET || bind(s, (const struct sockaddr *)address, sizeof *address) != 0 ||
        setsockopt(s, SOL_SOCKET, SO_RCVBUF, (const char *)&room, sizeof room) != 0 ||
        evutil_make_socket_nonblocking((evutil_socket_t)s) != 0) {
        die("the UDP socket");
    }
    return s;
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL || evthread_use_windows_threads() != 0 ||
        event_config_set_flag(config, EVENT_BASE_FLAG_STARTUP_IOCP) != 0 ||
        event_config_set_num_cpus_hint(config, 1) != 0) {
        die("the configuration");
    }
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int main(int argc, char **argv)
{
    WSADATA data;
    struct sockaddr_in address;
    const int number = argc == 2 ? atoi(argv[1]) : 0;
    if (number < 1 || number > 65535) {
        fputs("usage: bench_libevent PORT\n", stderr);
        return 2;
    }
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((u_short)number);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        die("Winsock");
    }
    struct event_base *base = new_base();
    if (base == NULL) {
        die("the event base");
    }
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, connected, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, BACKLOG,
                                (const struct sockaddr *)&address, sizeof address);
    struct event *udp =
        event_new(base, (evutil_socket_t)bound_udp(&address), EV_READ | EV_PERSIST, received_datagrams, NULL);
    if (listener == NULL || udp == NULL || event_add(udp, NULL) != 0) {
        die("the sockets");
    }
    puts("ready");
    fflush(stdout);
    return event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}
