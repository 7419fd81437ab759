/* SPDX-License-Identifier: MIT
   Trying an address, see probe.h. */
#include "probe.h"

#include <string.h>

#include "io/network.h"

enum {
    PROBE_ANSWER_ROOM = 1024,
    PROBE_RESET_WAIT = 200 /* milliseconds in which a refused client is reset */
};

/* A try under way. */
struct attempt {
    struct probe *probe;
    SOCKET socket;
    uint64_t deadline;
    char answer[PROBE_ANSWER_ROOM];
    size_t length;
};

uint32_t probe_start(void)
{
    WSADATA data;
    return (uint32_t)WSAStartup(MAKEWORD(2, 2), &data);
}

void probe_stop(void)
{
    WSACleanup();
}

static void attempt__end(struct attempt *attempt, enum probe_outcome outcome, uint32_t error)
{
    attempt->probe->outcome = outcome;
    attempt->probe->error = error;
}

/* 1: it is ready; 0: not until `until`; -1: an error. */
static int attempt__wait(const struct attempt *attempt, bool is_write, uint64_t until)
{
    const uint64_t now = GetTickCount64();
    const uint64_t left = until > now ? until - now : 0;
    struct timeval wait = {.tv_sec = (long)(left / 1000), .tv_usec = (long)(left % 1000) * 1000};
    fd_set ready = {.fd_count = 1, .fd_array = {attempt->socket}};
    fd_set failed = ready; /* a connect that fails shows here */
    return select(0, is_write ? NULL : &ready, is_write ? &ready : NULL, &failed, &wait);
}

/* What a connect that has ended came to. */
static uint32_t attempt__error(const struct attempt *attempt)
{
    int error = 0, length = sizeof error;
    return getsockopt(attempt->socket, SOL_SOCKET, SO_ERROR, (char *)&error, &length) == 0
               ? (uint32_t)error
               : (uint32_t)WSAGetLastError();
}

/* From the address that is tried, as live_target has it: allow and deny decide by it. Where that cannot be, the system
   chooses. */
static void attempt__bind(const struct attempt *attempt)
{
    struct pl_address from = attempt->probe->address;
    SOCKADDR_STORAGE address;
    from.port = 0;
    const int length = network_address_to(&from, network_family(&from), &address);
    (void)bind(attempt->socket, (const SOCKADDR *)&address, length);
}

static bool attempt__connect(struct attempt *attempt)
{
    SOCKADDR_STORAGE address;
    const struct pl_address *to = &attempt->probe->address;
    const int length = network_address_to(to, network_family(to), &address);
    uint32_t error = network_set_nonblocking(attempt->socket);
    attempt__bind(attempt);
    if (error == 0 && connect(attempt->socket, (const SOCKADDR *)&address, length) != 0) {
        error = (uint32_t)WSAGetLastError();
    }
    if (error == WSAEWOULDBLOCK) {
        const int ready = attempt__wait(attempt, true, attempt->deadline);
        error = ready > 0 ? attempt__error(attempt) : ready < 0 ? (uint32_t)WSAGetLastError() : 0;
        if (ready == 0) {
            attempt__end(attempt, PROBE_UNHEARD, 0);
            return false;
        }
    }
    if (error != 0) { /* one that was reset has been connected before, nobody looked so early */
        attempt__end(attempt, error == WSAECONNRESET ? PROBE_RESET : PROBE_REFUSED, error);
    }
    return error == 0;
}

static bool attempt__send(struct attempt *attempt)
{
    const struct live_script *script = &attempt->probe->script;
    if (script->send != NULL && sendto(attempt->socket, script->send, (int)script->length, 0, NULL, 0) < 0) {
        attempt__end(attempt, PROBE_RESET, (uint32_t)WSAGetLastError());
        return false;
    }
    return true;
}

/* Whether what has come so far is the answer; false: more must come. */
static bool attempt__judge(struct attempt *attempt)
{
    const struct live_script *script = &attempt->probe->script;
    if (script->expects == LIVE_SAME) {
        const size_t length = attempt->length < script->length ? attempt->length : script->length;
        if (memcmp(attempt->answer, script->send, length) != 0) {
            attempt__end(attempt, PROBE_WRONG, 0);
            return true;
        }
        if (attempt->length < script->length) {
            return false;
        }
    }
    attempt__end(attempt, PROBE_ANSWERED, 0);
    return true;
}

/* One receive. True: it is over. */
static bool attempt__receive(struct attempt *attempt)
{
    const bool is_tcp = attempt->probe->protocol == CONFIG_TCP;
    const int count = recv(attempt->socket, attempt->answer + attempt->length,
                           (int)(sizeof attempt->answer - attempt->length), 0);
    const uint32_t error = count < 0 ? (uint32_t)WSAGetLastError() : 0;
    if (error == WSAEWOULDBLOCK) {
        return false;
    }
    if (error == WSAEMSGSIZE) { /* a longer datagram is an answer, too */
        attempt->length = sizeof attempt->answer;
        return attempt__judge(attempt);
    }
    if (error != 0) {
        attempt__end(attempt, PROBE_RESET, error);
        return true;
    }
    if (count == 0 && is_tcp) { /* whose handler closes in order; nothing more comes */
        const bool is_enough = attempt->probe->script.expects == LIVE_NOTHING;
        attempt__end(attempt, is_enough ? PROBE_TAKEN : PROBE_RESET, 0);
        return true;
    }
    attempt->length += (size_t)count;
    if (attempt->probe->script.expects == LIVE_NOTHING) {
        attempt__end(attempt, PROBE_TAKEN, 0);
        return true;
    }
    return attempt__judge(attempt);
}

static void attempt__listen(struct attempt *attempt)
{
    const bool is_quiet = attempt->probe->script.expects == LIVE_NOTHING;
    const uint64_t reset = GetTickCount64() + PROBE_RESET_WAIT;
    const uint64_t until = is_quiet && reset < attempt->deadline ? reset : attempt->deadline;
    for (;;) {
        const int ready = attempt__wait(attempt, false, until);
        if (ready < 0) {
            attempt__end(attempt, PROBE_RESET, (uint32_t)WSAGetLastError());
            return;
        }
        if (ready == 0) {
            attempt__end(attempt, is_quiet ? PROBE_TAKEN : PROBE_LATE, 0);
            return;
        }
        if (attempt__receive(attempt)) {
            return;
        }
    }
}

void probe_run(struct probe *probe)
{
    const uint64_t begun = GetTickCount64();
    struct attempt attempt = {.probe = probe, .deadline = begun + probe->limit};
    attempt.socket = network_socket(network_family(&probe->address),
                                    probe->protocol == CONFIG_TCP ? SOCK_STREAM : SOCK_DGRAM);
    if (attempt.socket == INVALID_SOCKET) {
        attempt__end(&attempt, PROBE_REFUSED, (uint32_t)WSAGetLastError());
        return;
    }
    if (attempt__connect(&attempt) && attempt__send(&attempt)) {
        attempt__listen(&attempt);
    }
    closesocket(attempt.socket);
    probe->took = (uint32_t)(GetTickCount64() - begun);
}
