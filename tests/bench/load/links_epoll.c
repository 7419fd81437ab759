/* SPDX-License-Identifier: MIT
   Sockets with epoll, see links.h. Each is watched once, edge-triggered; what is known to be unready is not tried, so
   that an echo costs a send, a receive and its part of a wait. */
#define _GNU_SOURCE
#include "bench/load/links.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, SPARE = 20, DATAGRAM_BUFFER = 4 << 20 };

struct link {
    int fd;
    bool is_connecting, can_send, can_receive;
    bool has_ended; /* there will be no other edge: receive until it shows */
    bool is_sending, is_receiving;
    const void *send_at;
    void *receive_at;
    size_t send_length, receive_length;
};

struct links {
    int epoll, error;
    bool is_datagram;
    struct sockaddr_in server;
    struct link *links;
};

struct links *links_create(uint32_t count, uint32_t host, uint16_t port, bool is_datagram, int *error_out)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    *error_out = EMFILE;
    if (limit.rlim_cur < (rlim_t)count + SPARE) {
        return NULL;
    }
    struct links *const links = calloc(1, sizeof *links);
    *error_out = ENOMEM;
    if (links == NULL) {
        return NULL;
    }
    links->is_datagram = is_datagram;
    links->server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    links->server.sin_addr.s_addr = htonl(host);
    links->links = calloc(count, sizeof *links->links);
    links->epoll = links->links == NULL ? -1 : epoll_create1(EPOLL_CLOEXEC);
    if (links->epoll < 0) {
        *error_out = errno;
        free(links->links);
        free(links);
        return NULL;
    }
    return links;
}

void links_destroy(struct links *links)
{
    close(links->epoll);
    free(links->links);
    free(links);
}

int links_error(const struct links *links)
{
    return links->error;
}

static enum links_outcome links__fail(struct links *links)
{
    links->error = errno;
    return LINKS_FAILED;
}

static bool links__set_up(const struct links *links, int fd, uint32_t source)
{
    const int on = 1, size = DATAGRAM_BUFFER;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source % LINKS_SOURCES);
    if (links->is_datagram) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    } else {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    }
    return bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

enum links_outcome links_open(struct links *links, uint32_t number, uint32_t source)
{
    const int type = links->is_datagram ? SOCK_DGRAM : SOCK_STREAM;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = number};
    struct link *const link = &links->links[number];
    *link = (struct link){.fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (link->fd < 0) {
        return links__fail(links);
    }
    if (links__set_up(links, link->fd, source)) {
        const int result = connect(link->fd, (const struct sockaddr *)&links->server, sizeof links->server);
        link->is_connecting = result != 0 && errno == EINPROGRESS;
        link->can_send = !link->is_connecting;
        if ((result == 0 || link->is_connecting) &&
            epoll_ctl(links->epoll, EPOLL_CTL_ADD, link->fd, &event) == 0) {
            return link->is_connecting ? LINKS_PENDING : LINKS_DONE;
        }
    }
    links__fail(links);
    close(link->fd);
    return LINKS_FAILED;
}

static enum links_outcome links__try_send(struct links *links, struct link *link, size_t *bytes_out)
{
    const ssize_t sent = send(link->fd, link->send_at, link->send_length, MSG_NOSIGNAL);
    if (sent >= 0) {
        *bytes_out = (size_t)sent;
        return LINKS_DONE;
    }
    if (errno == EAGAIN) {
        link->can_send = false;
        return LINKS_PENDING;
    }
    return links__fail(links);
}

static enum links_outcome links__try_receive(struct links *links, struct link *link, size_t *bytes_out)
{
    const ssize_t received = recv(link->fd, link->receive_at, link->receive_length, 0);
    if (received >= 0) {
        *bytes_out = (size_t)received;
        link->can_receive = links->is_datagram || link->has_ended || (size_t)received == link->receive_length;
        return LINKS_DONE;
    }
    if (errno == EAGAIN) {
        link->can_receive = false;
        return LINKS_PENDING;
    }
    return links__fail(links);
}

enum links_outcome links_send(struct links *links, uint32_t number, const void *at, size_t length,
                              size_t *bytes_out)
{
    struct link *const link = &links->links[number];
    link->send_at = at;
    link->send_length = length;
    const enum links_outcome outcome =
        link->can_send ? links__try_send(links, link, bytes_out) : LINKS_PENDING;
    link->is_sending = outcome == LINKS_PENDING;
    return outcome;
}

enum links_outcome links_receive(struct links *links, uint32_t number, void *at, size_t length,
                                 size_t *bytes_out)
{
    struct link *const link = &links->links[number];
    link->receive_at = at;
    link->receive_length = length;
    const enum links_outcome outcome =
        link->can_receive ? links__try_receive(links, link, bytes_out) : LINKS_PENDING;
    link->is_receiving = outcome == LINKS_PENDING;
    return outcome;
}

void links_shut(struct links *links, uint32_t number)
{
    shutdown(links->links[number].fd, SHUT_WR);
}

void links_close(struct links *links, uint32_t number)
{
    close(links->links[number].fd);
}

static int links__connect_error(const struct link *link)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
}

/* What a link's edge brings, into at most two events; returns how many. */
static size_t links__turn(struct links *links, uint32_t number, uint32_t edges, struct links_event *events)
{
    struct link *const link = &links->links[number];
    enum links_outcome outcome = LINKS_PENDING;
    size_t count = 0, bytes = 0;
    link->has_ended = link->has_ended || (edges & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    link->can_receive = link->can_receive || link->has_ended || (edges & EPOLLIN) != 0;
    link->can_send = link->can_send || (edges & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    if (link->is_connecting) {
        if (link->can_send) {
            link->is_connecting = false;
            events[count++] = (struct links_event){
                .number = number, .operation = LINKS_CONNECT, .error = links__connect_error(link)};
        }
        return count;
    }
    if (link->is_receiving && link->can_receive) {
        outcome = links__try_receive(links, link, &bytes);
        if (outcome != LINKS_PENDING) {
            link->is_receiving = false;
            events[count++] = (struct links_event){number, LINKS_RECEIVE,
                                                   outcome == LINKS_FAILED ? links->error : 0, bytes};
        }
    }
    if (link->is_sending && link->can_send) {
        bytes = 0;
        outcome = links__try_send(links, link, &bytes);
        if (outcome != LINKS_PENDING) {
            link->is_sending = false;
            events[count++] =
                (struct links_event){number, LINKS_SEND, outcome == LINKS_FAILED ? links->error : 0, bytes};
        }
    }
    return count;
}

size_t links_wait(struct links *links, struct links_event *events, size_t most, unsigned milliseconds)
{
    struct epoll_event ready[EVENTS];
    const size_t room = most / 2 < EVENTS ? most / 2 : EVENTS;
    const int found = epoll_wait(links->epoll, ready, (int)room, (int)milliseconds);
    size_t count = 0;
    for (int i = 0; i < found; i++) {
        count += links__turn(links, ready[i].data.u32, ready[i].events, events + count);
    }
    return count;
}
