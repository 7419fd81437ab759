/* SPDX-License-Identifier: MIT
   Binding a socket, and what to say when that fails; see listener.h. */
#include "endpoint/listener.h"

#include "base/utf16.h"

#define LISTENER_NO_CAUSE UINT64_MAX /* what was logged did not name one */

enum {
    LISTENER_DELAY_MAX = 30000,
    LISTENER_TELL_PATIENCE = 3000, /* for the cause of a failed bind */
    LISTENER_TELL_POLL = 100,
    LISTENER_BACKLOG_PLAIN = 200, /* up to here `backlog` is given to listen as it is */
    LISTENER_UDP_BUFFER = 4194304 /* the system's own loses datagrams in any burst */
};

void listener_init(struct listener *listener, struct endpoint *endpoint, const struct config_listen *listen,
                   uint16_t port)
{
    *listener = (struct listener){.endpoint = endpoint,
                                  .protocol = listen->protocol,
                                  .is_dual_stack = listen->is_dual_stack,
                                  .family = network_family(&listen->address),
                                  .address = listen->address,
                                  .explainer = endpoint->explainer,
                                  .state = LISTENER_WAITING,
                                  .socket = INVALID_SOCKET};
    listener->address.port = port;
    list_init(&listener->node);
    listener_move(listener, endpoint);
}

/* ---- What others read ---- */

static void listener__lock(const struct listener *listener)
{
    tally_lock(listener->endpoint->tally);
}

static void listener__unlock(const struct listener *listener)
{
    tally_unlock(listener->endpoint->tally);
}

/* All tallies of an engine have the same lock. */
void listener_move(struct listener *listener, struct endpoint *endpoint)
{
    tally_lock(endpoint->tally);
    list_remove(&listener->node);
    listener->endpoint = endpoint;
    if (endpoint->tally != NULL) {
        list_append(&endpoint->tally->listeners, &listener->node);
    }
    tally_unlock(endpoint->tally);
}

void listener_fini(struct listener *listener)
{
    listener__lock(listener);
    list_remove(&listener->node);
    listener__unlock(listener);
}

void listener_arm(struct listener *listener, const volatile uint32_t *armed)
{
    listener__lock(listener);
    listener->armed = armed;
    listener__unlock(listener);
}

void listener_stop(struct listener *listener)
{
    listener__lock(listener);
    listener->state = LISTENER_STOPPED;
    listener__unlock(listener);
}

/* ---- Opening ---- */

/* What is only a wish: where the system refuses it, the socket works all the same. */
static void listener__wish(SOCKET socket, int option, uint32_t value)
{
    if (value != 0) {
        network_set_option(socket, SOL_SOCKET, option, value);
    }
}

/* One unreachable client must not end a receive that is meant for all of them. */
static void listener__ignore_unreachable(SOCKET socket)
{
    DWORD no = FALSE, bytes = 0;
    WSAIoctl(socket, SIO_UDP_CONNRESET, &no, sizeof no, NULL, 0, &bytes, NULL, NULL);
    WSAIoctl(socket, SIO_UDP_NETRESET, &no, sizeof no, NULL, 0, &bytes, NULL, NULL);
}

/* Without it answers leave from the address that the system chooses. */
static void listener__ask_for_packet_info(const struct listener *listener, SOCKET socket)
{
    if (listener->family == AF_INET6) {
        network_set_option(socket, IPPROTO_IPV6, IPV6_PKTINFO, TRUE);
    }
    if (listener->family == AF_INET || listener->is_dual_stack) {
        network_set_option(socket, IPPROTO_IP, IP_PKTINFO, TRUE);
    }
}

/* Those that may be set at any time. */
static void listener__set_live_options(const struct listener *listener, SOCKET socket)
{
    const struct config_endpoint *config = listener->endpoint->config;
    const bool is_udp = listener->protocol == CONFIG_UDP;
    listener__wish(socket, SO_RCVBUF,
                   config->recv_buffer == 0 && is_udp ? LISTENER_UDP_BUFFER : config->recv_buffer);
    listener__wish(socket, SO_SNDBUF, config->send_buffer);
    if (!is_udp && config->nodelay && network_set_option(socket, IPPROTO_TCP, TCP_NODELAY, TRUE) != 0) {
        InterlockedExchange(&listener->endpoint->nodelay, NODELAY_OWN);
    }
}

uint32_t listener_backlog(const struct listener *listener)
{
    if (listener->protocol != CONFIG_TCP) {
        return 0;
    }
    return listener->state == LISTENER_LISTENING ? listener->backlog : listener->endpoint->config->backlog;
}

/* A buffer that is the system's again stays as it was set: which size that would be, nobody can ask. */
void listener_change(struct listener *listener, struct endpoint *endpoint)
{
    const struct config_endpoint *before = listener->endpoint->config;
    listener_move(listener, endpoint);
    if (listener->state == LISTENER_LISTENING) {
        listener__set_live_options(listener, listener->socket);
        if (listener->protocol == CONFIG_TCP && before->nodelay && !endpoint->config->nodelay) {
            network_set_option(listener->socket, IPPROTO_TCP, TCP_NODELAY, FALSE);
        }
    }
}

static DWORD listener__set_options(const struct listener *listener, SOCKET socket)
{
    const bool is_udp = listener->protocol == CONFIG_UDP;
    DWORD error = network_set_option(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, TRUE);
    if (error == 0 && listener->family == AF_INET6) {
        error = network_set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, !listener->is_dual_stack);
    }
    listener__set_live_options(listener, socket);
    if (error == 0 && is_udp) {
        listener__ignore_unreachable(socket);
        listener__ask_for_packet_info(listener, socket);
        error = network_set_nonblocking(socket);
    }
    return error;
}

static DWORD listener__bind(struct listener *listener, SOCKET socket)
{
    SOCKADDR_STORAGE address;
    int length = network_address_to(&listener->address, listener->family, &address);
    if (bind(socket, (const SOCKADDR *)&address, length) != 0) {
        return (DWORD)WSAGetLastError();
    }
    const int backlog = (int)listener->endpoint->config->backlog;
    if (listener->protocol == CONFIG_TCP &&
        listen(socket, backlog > LISTENER_BACKLOG_PLAIN ? SOMAXCONN_HINT(backlog) : backlog) != 0) {
        return (DWORD)WSAGetLastError(); /* a conflict of addresses may show here only */
    }
    listener->backlog = (uint32_t)backlog;
    if (listener->address.port == 0) {
        struct pl_address bound;
        length = sizeof address;
        if (getsockname(socket, (SOCKADDR *)&address, &length) != 0) {
            return (DWORD)WSAGetLastError();
        }
        network_address_from((const SOCKADDR *)&address, &bound);
        listener__lock(listener);
        listener->address.port = bound.port;
        listener__unlock(listener);
    }
    return 0;
}

static DWORD listener__try(struct listener *listener)
{
    const SOCKET socket =
        network_socket(listener->family, listener->protocol == CONFIG_TCP ? SOCK_STREAM : SOCK_DGRAM);
    if (socket == INVALID_SOCKET) {
        return (DWORD)WSAGetLastError();
    }
    DWORD error = listener__set_options(listener, socket);
    error = error == 0 ? listener__bind(listener, socket) : error;
    if (error != 0) {
        closesocket(socket);
        return error;
    }
    listener->socket = socket;
    return 0;
}

static void listener__use_ipv4(struct listener *listener)
{
    const uint16_t port = listener->address.port;
    struct text name;
    char room[128];
    text_init(&name, room, sizeof room);
    listener_add_name(&name, listener);
    log_write(listener->endpoint->log, EVENT_ENDPOINT_IPV4_ONLY, listener->endpoint->config->name, 0,
              "%s: IPv6 is off on this machine: it listens on 0.0.0.0 alone", name.at);
    listener__lock(listener);
    listener->is_dual_stack = false;
    listener->family = AF_INET;
    listener->address = (struct pl_address){.family = 4, .port = port};
    listener__unlock(listener);
}

uint32_t listener_open(struct listener *listener, const struct network *network, uint64_t first_delay,
                       uint64_t now)
{
    if (listener->is_dual_stack && !network->has_ipv6) {
        listener__use_ipv4(listener);
    }
    const DWORD error = listener__try(listener);
    if (error == 0) {
        listener__lock(listener);
        listener->state = LISTENER_LISTENING;
        listener->win32_error = 0;
        listener->told_cause = 0;
        listener->tell_by = 0;
        listener->bound_at = now;
        listener__unlock(listener);
        return 0;
    }
    listener_lost(listener, error, first_delay, now);
    return error;
}

void listener_lost(struct listener *listener, uint32_t error, uint64_t first_delay, uint64_t now)
{
    const bool has_lasted =
        listener->state == LISTENER_LISTENING && now - listener->bound_at >= LISTENER_DELAY_MAX;
    const uint64_t delay = listener->delay == 0 || has_lasted ? first_delay : listener->delay * UINT64_C(2);
    listener__lock(listener);
    listener->delay = delay < LISTENER_DELAY_MAX ? (uint32_t)delay : LISTENER_DELAY_MAX;
    listener->state = LISTENER_WAITING;
    listener->socket = INVALID_SOCKET;
    listener->told_cause = listener->win32_error == error ? listener->told_cause : 0;
    listener->win32_error = error;
    listener->failed_at = now;
    listener->tell_by = now + LISTENER_TELL_PATIENCE;
    listener->retry_at = now + listener->delay;
    listener__unlock(listener);
}

/* ---- Words ---- */

bool listener_error_may_pass(uint32_t error)
{
    return error == WSAEADDRINUSE || error == WSAEACCES;
}

bool listener_error_is_lasting(uint32_t error)
{
    return error == WSAEAFNOSUPPORT || error == WSAEINVAL || error == WSAENOPROTOOPT || error == WSAEFAULT;
}

void listener_add_name(struct text *text, const struct listener *listener)
{
    text_add_string(text, listener->protocol == CONFIG_TCP ? "tcp://" : "udp://");
    if (listener->is_dual_stack) {
        text_add_format(text, "*:%u", listener->address.port);
    } else {
        address_add_with_port(text, &listener->address);
    }
}

/* Without anybody who knows more, the error itself is the cause. */
static bool listener__explain(const struct listener *listener, struct text *text, uint64_t *cause_out)
{
    const struct bind_question question = {.protocol = listener->protocol,
                                           .address = listener->address,
                                           .is_dual_stack = listener->is_dual_stack,
                                           .error = listener->win32_error};
    *cause_out = listener->win32_error;
    return listener->explainer == NULL ||
           listener->explainer->explain(listener->explainer->context, &question, listener->failed_at, text,
                                        cause_out);
}

bool listener_is_explained(const struct listener *listener)
{
    uint64_t cause = 0;
    return listener->state != LISTENER_WAITING || listener__explain(listener, NULL, &cause);
}

bool listener_must_tell(struct listener *listener, uint64_t now, uint64_t *again_out)
{
    uint64_t cause = 0;
    if (listener->state != LISTENER_WAITING || listener->tell_by == 0) {
        return false;
    }
    const bool is_explained = listener__explain(listener, NULL, &cause);
    if (!is_explained && now < listener->tell_by) {
        const uint64_t again = now + LISTENER_TELL_POLL;
        *again_out = again < *again_out ? again : *again_out;
        return false;
    }
    const uint64_t told = listener->told_cause;
    listener->tell_by = 0;
    if (is_explained) {
        listener->told_cause = cause;
        return cause != told;
    }
    listener->told_cause = told == 0 ? LISTENER_NO_CAUSE : told; /* a later try may bring it */
    return told == 0;
}

/* "; " and the cause; false: not known. */
static bool listener__add_cause(struct text *text, const struct listener *listener)
{
    char room[1024];
    struct text words;
    uint64_t cause = 0;
    text_init(&words, room, sizeof room);
    if (listener->explainer == NULL || !listener__explain(listener, &words, &cause)) {
        return false;
    }
    text_add_string(text, words.length > 0 ? "; " : "");
    text_add_string(text, words.at);
    return true;
}

void listener_add_error(struct text *text, const struct listener *listener)
{
    static const struct {
        uint32_t error;
        const char *words;
    } meanings[] = {
        {WSAEADDRINUSE,
         "another socket has this port: end the program that holds it (netstat -ano shows which), or "
         "choose another port"},
        {WSAEACCES,
         "another socket has this port for itself, or the port is in a range that Windows has set aside "
         "(netsh int ipv4 show excludedportrange tcp); administrator rights do not help: choose another "
         "port or end the program that holds it"},
        {WSAEADDRNOTAVAIL,
         "this machine does not have that address (ipconfig shows those it has); it is bound when "
         "the address appears"},
        {WSAEAFNOSUPPORT, "this kind of address is switched off on this machine"},
        {WSAENOBUFS, "the system is out of memory for sockets"},
        {WSAEMFILE, "the system is out of sockets"},
    };
    utf16_add_error(text, listener->win32_error);
    if (listener__add_cause(text, listener)) {
        return;
    }
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].error == listener->win32_error) {
            text_add_format(text, "; %s", meanings[i].words);
        }
    }
}
