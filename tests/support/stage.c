/* SPDX-License-Identifier: MIT
   The stage of the engine's scenarios, see stage.h. What it does itself passes faults and ledger by. */
#include "support/stage.h"

#include <stdio.h>
#include <string.h>

#include "endpoint/control_calls.h"
#include "handler/discard.h"
#include "handler/echo.h"
#include "io/network.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/forge.h"
#include "support/ledger.h"
#include "support/names.h"
#include "support/patience.h"
#include "support/probe.h"
#include "support/relay.h"
#include "support/seam.h"

#define STAGE_MORE "more" /* the name of the endpoint that a reload adds */

enum {
    STAGE_SHORT = 100,       /* milliseconds of patience while a call may fail */
    STAGE_TRY = 200,         /* for one answer, behind the fault */
    STAGE_STEP = 100,        /* of the virtual clock between two tries, behind the fault */
    STAGE_RECOVERY = 1000,   /* of the virtual clock until everything must serve again */
    STAGE_BINDS = 3,         /* a bind that is tried while the fault ends may fail once more */
    STAGE_START_PUSH = 5000, /* the virtual clock goes on by so much at each report of a start, */
    STAGE_STOP_PUSH = 400,   /* of a stop while a call fails, */
    STAGE_WAIT_PUSH = 50,    /* and at each wait in vain while one does */
    STAGE_FLOOD = 1000000,
    STAGE_PREFIXES = 2
};

static struct {
    bool is_faulted;
    bool is_starting;    /* the clock goes on by itself */
    bool waits_for_call; /* of a handler, on a thread of its own: that has real time */
    bool is_ending;      /* a stop was asked for: it need not serve any more */
    bool has_folder;
    bool is_forging;
    const char *failed_step;
    struct rig rig;
    struct log *log;
    struct access_log *access_log;
    struct folder folder;
    struct client *clients[STAGE_CLIENTS];
    size_t client_count;
    struct client *datagrams[2]; /* IPv4, IPv6; NULL: not open yet */
    struct client *waiting;      /* behind the fault: it has asked, and was not answered yet */
    struct address_prefix prefixes[STAGE_PREFIXES];
    size_t prefix_count;
    struct pl_address own; /* binds go well there */
    SOCKET blocker;
    char blocked[64];
    char target[64]; /* of relays */
    bool has_names;
    volatile LONG deaths;            /* that are still to come */
    OVERLAPPED *volatile watches[2]; /* of the list of addresses; NULL: told */
    HANDLE stopper;
    uint32_t drain;
    uint8_t sent[STAGE_LARGEST], received[STAGE_LARGEST];
} stage;

/* ---- Steps ---- */

static bool stage__step(const char *what, bool is_done)
{
    if (!is_done && stage.failed_step == NULL) {
        stage.failed_step = what;
    }
    return is_done;
}

static uint32_t stage__patience(void)
{
    return stage.is_faulted ? STAGE_SHORT : RIG_PATIENCE;
}

/* For waits: false when the patience is at its end. */
static bool stage__nap(uint64_t began)
{
    Sleep(2);
    return SEAM_REAL(GetTickCount64)() - began < stage__patience();
}

/* ---- A handler that cannot wait ---- */

static int32_t flood__start(pl_start *start)
{
    start->state = (void *)(uintptr_t)start->host;
    return PL_OK;
}

static size_t flood__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const pl_host *host = state;
    (void)user, (void)at;
    for (size_t i = 0; i < length; i++) {
        host->send(host, id, stage.sent, STAGE_FLOOD);
    }
    return length;
}

static const struct pl_handler flood_handler = {.size = sizeof(struct pl_handler),
                                                .abi_major = PL_ABI_MAJOR,
                                                .abi_minor = PL_ABI_MINOR,
                                                .flags = PL_TCP,
                                                .name = "flood",
                                                .start = flood__start,
                                                .on_data = flood__on_data};

/* ---- A handler that knows its UDP clients ---- */

static int32_t guest__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)info;
    *user = &stage;
    InterlockedIncrement(&probe.opens);
    return PL_OK;
}

static void guest__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                               const pl_info *info)
{
    const pl_host *host = state;
    (void)user, (void)info;
    host->send(host, id, at, length);
}

static void guest__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)id, (void)user, (void)reason, (void)win32_error;
    InterlockedIncrement(&probe.closes);
}

static const struct pl_handler guest_handler = {.size = sizeof(struct pl_handler),
                                                .abi_major = PL_ABI_MAJOR,
                                                .abi_minor = PL_ABI_MINOR,
                                                .flags = PL_UDP | PL_SESSIONS,
                                                .name = "guest",
                                                .start = flood__start,
                                                .on_open = guest__on_open,
                                                .on_close = guest__on_close,
                                                .on_datagram = guest__on_datagram};

/* ---- The engine ---- */

/* Nobody waits in real time for what a start waits for, or a stop that a fault delays. */
static void stage__push(void *context, uint32_t remaining)
{
    (void)context, (void)remaining;
    if (stage.waits_for_call) {
        return;
    }
    if (stage.is_starting) {
        clock_advance(STAGE_START_PUSH);
    } else if (fault_is_armed()) {
        clock_advance(STAGE_STOP_PUSH);
    }
}

static DWORD WINAPI stage__wait(HANDLE handle, DWORD timeout)
{
    const DWORD result = SEAM_REAL(WaitForSingleObject)(handle, timeout);
    if (timeout == CONTROL_CALLS_POLL) {
        stage.waits_for_call = result == WAIT_TIMEOUT;
    } else if (result == WAIT_TIMEOUT && timeout > 0 && fault_is_armed()) {
        clock_advance(STAGE_WAIT_PUSH);
    }
    return result;
}

struct rig *stage_rig(void)
{
    return &stage.rig;
}

struct config_endpoint *stage_endpoint(const char *handler, const char *listen)
{
    static const char *const names[RIG_ENDPOINTS] = {"e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7"};
    return rig_endpoint(&stage.rig, names[stage.rig.config.endpoint_count], handler, listen);
}

bool stage_log(void)
{
    struct failure failure = {EXIT_CODE_DONE, 0, ""};
    const struct log_options options = {.file = folder_join(&stage.folder, "stage.log"),
                                        .level = LOG_LEVEL_DEBUG,
                                        .rotate_size = 4096,
                                        .keep = 2};
    stage.log = log_create(&options, &failure);
    stage.rig.options.log = stage.log;
    return stage__step("opening the log", stage.log != NULL && failure.code == EXIT_CODE_DONE);
}

bool stage_access_log(void)
{
    struct failure failure = {EXIT_CODE_DONE, 0, ""};
    const struct access_log_options options = {.file = {.path = folder_join(&stage.folder, "access.log")}};
    stage.access_log = access_log_create(&options, &failure);
    stage.rig.options.access_log = stage.access_log;
    return stage__step("opening the access log", stage.access_log != NULL && failure.code == EXIT_CODE_DONE);
}

struct config_prefixes stage_prefix(const char *prefix)
{
    struct address_prefix *at = &stage.prefixes[stage.prefix_count++];
    address_prefix_parse(prefix, strlen(prefix), at);
    return (struct config_prefixes){at, 1};
}

static bool stage__try(void)
{
    stage.is_starting = true;
    const bool is_started = rig_try(&stage.rig);
    stage.is_starting = false;
    return is_started;
}

bool stage_start(void)
{
    return stage__step("starting the engine", stage__try());
}

bool stage_fail(void)
{
    return stage__step("a start that must fail", !stage__try());
}

bool stage_serve(const char *handler, const char *listen)
{
    stage_endpoint(handler, listen);
    return stage_start();
}

/* Configurations that the engine may have for as long as it lives. */
enum { STAGE_RELOADS = 4 };

static struct stage_next {
    struct config config;
    struct config_endpoint endpoints[RIG_ENDPOINTS];
    struct config_listen listen;
} stage_nexts[STAGE_RELOADS];
static unsigned stage_reloads;

bool stage_reload(bool has_more)
{
    struct stage_next *next = &stage_nexts[stage_reloads++ % STAGE_RELOADS];
    struct reload_report report = {.told = NULL};
    const struct config *config = &stage.rig.config;
    *next = (struct stage_next){.config = *config};
    memcpy(next->endpoints, config->endpoints, config->endpoint_count * sizeof next->endpoints[0]);
    next->config.endpoints = next->endpoints;
    next->endpoints[0].idle_timeout += stage_reloads;
    if (has_more) {
        struct config_endpoint *more = &next->endpoints[next->config.endpoint_count++];
        *more = next->endpoints[0];
        more->name = (char *)(uintptr_t)STAGE_MORE;
        more->listen = &next->listen;
        next->listen =
            (struct config_listen){.protocol = CONFIG_UDP, .address = {.family = 4, .ip = {127, 0, 0, 1}}};
    }
    return engine_reload(stage.rig.engine, &next->config, &report);
}

bool stage_pause(void)
{
    engine_pause(stage.rig.engine);
    return true;
}

bool stage_continue(void)
{
    engine_continue(stage.rig.engine);
    return true;
}

bool stage_stop(uint32_t drain)
{
    stage.is_ending = true;
    return stage__step("stopping the engine", rig_drain(&stage.rig, drain));
}

static DWORD WINAPI stage__stopper(void *argument)
{
    (void)argument;
    return rig_drain(&stage.rig, stage.drain);
}

bool stage_stop_slowly(uint32_t drain)
{
    stage.is_ending = true;
    stage.drain = drain;
    stage.stopper = SEAM_REAL(CreateThread)(NULL, 0, stage__stopper, NULL, 0, NULL);
    return stage__step("a thread for the stop", stage.stopper != NULL);
}

/* Until the thread that stops has done so, whatever the patience: it uses the engine. */
static bool stage__join(void)
{
    DWORD is_stopped = FALSE;
    SEAM_REAL(WaitForSingleObject)(stage.stopper, INFINITE);
    GetExitCodeThread(stage.stopper, &is_stopped);
    SEAM_REAL(CloseHandle)(stage.stopper);
    stage.stopper = NULL;
    return is_stopped != FALSE;
}

static void stage__hurry(void)
{
    if (stage.stopper != NULL) {
        engine_hurry(stage.rig.engine);
        stage__join();
    }
}

bool stage_stopped(void)
{
    return stage__step("the slow stop", stage__join());
}

bool stage_wait_for_state(size_t index, enum listener_state state)
{
    const uint64_t began = SEAM_REAL(GetTickCount64)();
    bool is_there = false;
    do {
        is_there = rig_at(&stage.rig, index).state == state;
    } while (!is_there && stage__nap(began));
    return stage__step("waiting for the state of a listener", is_there);
}

bool stage_wait_for_counter(enum counter counter, uint64_t value)
{
    const uint64_t began = SEAM_REAL(GetTickCount64)();
    bool is_there = false;
    do {
        is_there = rig_counter(&stage.rig, counter) >= value;
    } while (!is_there && stage__nap(began));
    return stage__step(counter_row(counter)->name, is_there);
}

bool stage_wait_for_ends(uint64_t count)
{
    const uint64_t began = SEAM_REAL(GetTickCount64)();
    bool is_there = false;
    do {
        is_there = rig_closed(&stage.rig) >= count;
    } while (!is_there && stage__nap(began));
    return stage__step("waiting for connections to end", is_there);
}

bool stage_wait_for_operations(size_t count)
{
    const uint64_t began = SEAM_REAL(GetTickCount64)();
    bool is_there = false;
    do {
        is_there = ledger_count(LEDGER_OPERATION) == count;
    } while (!is_there && stage__nap(began));
    return stage__step("waiting for operations in flight", is_there);
}

bool stage_stop_clock(void)
{
    clock_stop();
    return true;
}

bool stage_pass(uint64_t milliseconds)
{
    clock_advance(milliseconds);
    return true;
}

/* ---- Sockets that die, ports that are taken ---- */

static bool stage__dies(void)
{
    if (stage.deaths == 0) {
        return false;
    }
    InterlockedDecrement(&stage.deaths);
    WSASetLastError(WSAEINVAL);
    return true;
}

static BOOL WINAPI stage__accept(SOCKET s, SOCKET accepted, PVOID out, DWORD data_room, DWORD local_room,
                                 DWORD remote_room, LPDWORD received, LPOVERLAPPED overlapped)
{
    return !stage__dies() &&
           SEAM_REAL(AcceptEx)(s, accepted, out, data_room, local_room, remote_room, received, overlapped);
}

static int WSAAPI stage__receive_message(SOCKET s, LPWSAMSG message, LPDWORD received,
                                         LPWSAOVERLAPPED overlapped,
                                         LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    return stage__dies() ? SOCKET_ERROR : SEAM_REAL(WSARecvMsg)(s, message, received, overlapped, routine);
}

/* What tells a dead socket from a living one. */
static int WSAAPI stage__get_option(SOCKET s, int level, int option, char *value, int *length)
{
    const bool is_asked = level == SOL_SOCKET && (option == SO_ACCEPTCONN || option == SO_TYPE);
    return is_asked && stage__dies() ? SOCKET_ERROR : SEAM_REAL(getsockopt)(s, level, option, value, length);
}

bool stage_kill(void)
{
    seam_replace(IMPORT_AcceptEx, (seam_function)stage__accept);
    seam_replace(IMPORT_WSARecvMsg, (seam_function)stage__receive_message);
    seam_replace(IMPORT_getsockopt, (seam_function)stage__get_option);
    stage.deaths = 2; /* its next operation, and the look at it */
    return true;
}

bool stage_block(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int length = sizeof address;
    stage.blocker = SEAM_REAL(WSASocketW)(AF_INET, SOCK_STREAM, 0, NULL, 0, 0);
    const bool is_done = stage.blocker != INVALID_SOCKET &&
                         SEAM_REAL(bind)(stage.blocker, (const struct sockaddr *)&address, length) == 0 &&
                         SEAM_REAL(getsockname)(stage.blocker, (struct sockaddr *)&address, &length) == 0;
    snprintf(stage.blocked, sizeof stage.blocked, "tcp://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return stage__step("taking a port", is_done);
}

bool stage_unblock(void)
{
    if (stage.blocker != INVALID_SOCKET) {
        SEAM_REAL(closesocket)(stage.blocker);
        stage.blocker = INVALID_SOCKET;
    }
    return true;
}

const char *stage_blocked(void)
{
    return stage.blocked;
}

/* ---- Addresses that appear ---- */

static int WSAAPI stage__control(SOCKET s, DWORD command, LPVOID in, DWORD in_length, LPVOID out,
                                 DWORD out_length, LPDWORD returned, LPWSAOVERLAPPED overlapped,
                                 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    if (command != SIO_ADDRESS_LIST_CHANGE) {
        return SEAM_REAL(WSAIoctl)(s, command, in, in_length, out, out_length, returned, overlapped, routine);
    }
    overlapped->Internal = STATUS_PENDING;
    for (size_t i = 0; i < 2; i++) {
        if (InterlockedCompareExchangePointer((PVOID volatile *)&stage.watches[i], overlapped, NULL) ==
            NULL) {
            break;
        }
    }
    WSASetLastError(WSA_IO_PENDING);
    return SOCKET_ERROR;
}

static bool stage__tell_watch(OVERLAPPED *overlapped, ULONG_PTR status)
{
    for (size_t i = 0; overlapped != NULL && i < 2; i++) {
        if (InterlockedCompareExchangePointer((PVOID volatile *)&stage.watches[i], NULL, overlapped) ==
            overlapped) {
            overlapped->Internal = status;
            return SetEvent(overlapped->hEvent) != FALSE;
        }
    }
    return false;
}

static BOOL WINAPI stage__cancel(HANDLE handle, LPOVERLAPPED overlapped)
{
    return stage__tell_watch(overlapped, 0xC0000120) || SEAM_REAL(CancelIoEx)(handle, overlapped);
}

/* A watch ends with its socket, too, which this one does not know: it is told when the socket is closed. */
static int WSAAPI stage__close_socket(SOCKET s)
{
    if (stage.is_ending) {
        stage__tell_watch(stage.watches[0], 0xC0000120);
        stage__tell_watch(stage.watches[1], 0xC0000120);
    }
    return SEAM_REAL(closesocket)(s);
}

bool stage_watch_addresses(void)
{
    seam_replace(IMPORT_WSAIoctl, (seam_function)stage__control);
    seam_replace(IMPORT_CancelIoEx, (seam_function)stage__cancel);
    seam_replace(IMPORT_closesocket, (seam_function)stage__close_socket);
    return true;
}

bool stage_change_addresses(void)
{
    const uint64_t began = SEAM_REAL(GetTickCount64)();
    bool is_told = false;
    do {
        is_told = stage__tell_watch(stage.watches[0], 0);
    } while (!is_told && stage__nap(began));
    return stage__step("a watch for addresses", is_told);
}

/* ---- TCP clients ---- */

bool stage_aim(size_t index, const char *host)
{
    if (strcmp(host, "127.0.0.1") != 0) {
        names_begin();
        names_add("upstream.test", "127.0.0.1");
        names_hold("slow.test", true);
        names_at_once(strcmp(host, "upstream.test") == 0);
        stage.has_names = true;
    }
    snprintf(stage.target, sizeof stage.target, "%s:%u", host, rig_address(&stage.rig, index).port);
    relay_target = stage.target;
    return true;
}

bool stage_wait_for_question(void)
{
    const uint64_t began = SEAM_REAL(GetTickCount64)();
    while (names_held() == 0 && stage__nap(began)) {}
    return stage__step("a question for a name", names_held() != 0);
}

bool stage_aim_at_nobody(void)
{
    relay_target = "127.0.0.1:1";
    return true;
}

static bool stage__connect(size_t index, const struct pl_address *from, int receive_buffer)
{
    const struct pl_address to = rig_address(&stage.rig, index);
    struct client *client = NULL;
    if (stage.client_count < STAGE_CLIENTS &&
        client_connect(&to, from, receive_buffer, stage__patience(), &client) == CLIENT_OK) {
        stage.clients[stage.client_count++] = client;
    }
    return stage__step("connecting", client != NULL);
}

bool stage_connect_slowly(size_t index, int receive_buffer)
{
    return stage__connect(index, NULL, receive_buffer);
}

bool stage_connect(size_t index)
{
    return stage__connect(index, NULL, 0);
}

bool stage_connect_from(size_t index, const char *ip)
{
    const struct pl_address from = client_address(ip, 0);
    return stage__connect(index, &from, 0);
}

bool stage_crowd(size_t index, size_t count)
{
    bool is_done = true;
    for (size_t i = 0; is_done && i < count; i++) {
        is_done = stage_connect(index);
    }
    return is_done;
}

bool stage_send(size_t client, size_t length)
{
    return stage__step("sending", client_send(stage.clients[client], stage.sent, length, stage__patience()) ==
                                      CLIENT_OK);
}

bool stage_send_text(size_t client, const char *text)
{
    return stage__step("sending", client_send(stage.clients[client], text, strlen(text), stage__patience()) ==
                                      CLIENT_OK);
}

/* TCP4 from 192.0.2.7:5000 to 198.51.100.9:443; UDP4 likewise. */
static const uint8_t stage__v2[] = {13,  10, 13,   10,   0,          13,         10,  81, 85, 73,
                                    84,  10, 0x21, 0x11, 0,          12,         192, 0,  2,  7,
                                    198, 51, 100,  9,    5000 / 256, 5000 % 256, 1,   187};
static const char stage__v1[] = "PROXY TCP4 192.0.2.7 198.51.100.9 5000 443\r\n";

bool stage_send_v2(size_t client)
{
    return stage__step("sending", client_send(stage.clients[client], stage__v2, sizeof stage__v2,
                                              stage__patience()) == CLIENT_OK);
}

bool stage_receive(size_t client, size_t length)
{
    return stage__step("receiving", client_receive(stage.clients[client], stage.received, length,
                                                   stage__patience()) == CLIENT_OK &&
                                        memcmp(stage.received, stage.sent, length) == 0);
}

bool stage_echo(size_t client, size_t length)
{
    return stage_send(client, length) && stage_receive(client, length);
}

bool stage_echo_all(size_t length)
{
    bool is_done = true;
    for (size_t i = 0; is_done && i < stage.client_count; i++) {
        is_done = stage_echo(i, length);
    }
    return is_done;
}

bool stage_finish(size_t client)
{
    return stage__step("a FIN", client_finish(stage.clients[client]) == CLIENT_OK);
}

bool stage_expect_end(size_t client)
{
    const enum client_result result = client_drain(stage.clients[client], NULL, stage__patience());
    return stage__step("the end of a connection", result == CLIENT_EOF || result == CLIENT_RESET);
}

bool stage_close(size_t client)
{
    client_close(stage.clients[client]);
    stage.clients[client] = NULL;
    return true;
}

bool stage_reset(size_t client)
{
    client_reset(stage.clients[client]);
    stage.clients[client] = NULL;
    return true;
}

/* ---- UDP ---- */

static struct client *stage__datagrams(const struct pl_address *to)
{
    struct client **client = &stage.datagrams[to->family == 4 ? 0 : 1];
    if (*client == NULL) {
        const struct pl_address from = client_address(to->family == 4 ? "127.0.0.1" : "::1", 0);
        *client = client_open_datagram(&from);
    }
    return *client;
}

/* What a reload has added, see stage_reload, is as the first one but for its address. */
static const struct config_endpoint *stage__endpoint_of(size_t index)
{
    const char *name = rig_at(&stage.rig, index).endpoint;
    return &stage.rig.config.endpoints[strcmp(name, STAGE_MORE) == 0 ? 0 : name[1] - '0'];
}

/* Behind a proxy, its header goes before the datagram's bytes. */
static bool stage__ask(size_t index, size_t length, size_t answer, uint32_t patience)
{
    static uint8_t datagram[sizeof stage__v2 + 65507];
    const struct pl_address to = rig_address(&stage.rig, index);
    const bool is_proxied = stage__endpoint_of(index)->proxy_protocol != CONFIG_PROXY_OFF;
    const size_t header = is_proxied ? sizeof stage__v2 : 0;
    size_t received = 0;
    memcpy(datagram, stage__v2, header);
    memcpy(datagram + header, stage.sent, length);
    datagram[13] = is_proxied ? 0x12 : datagram[13];
    return to.port != 0 &&
           client_exchange(stage__datagrams(&to), &to, datagram, header + length, stage.received,
                           sizeof stage.received, &received, patience) == CLIENT_OK &&
           received == answer && memcmp(stage.received, stage.sent, answer) == 0;
}

bool stage_ask(size_t index, size_t length, size_t answer)
{
    return stage__step("a datagram's echo", stage__ask(index, length, answer, stage__patience()));
}

bool stage_change_asker(void)
{
    stage.datagrams[0] = NULL; /* it is closed with all others */
    return true;
}

bool stage_shower(size_t index, size_t count)
{
    const struct pl_address to = rig_address(&stage.rig, index);
    bool is_done = to.port != 0; /* it is bound */
    for (size_t i = 0; is_done && i < count; i++) {
        is_done = client_send_datagram(stage__datagrams(&to), &to, stage.sent, 10) == CLIENT_OK;
    }
    return stage__step("sending datagrams", is_done);
}

/* ---- Forged senders ---- */

static int WSAAPI stage__bind(SOCKET s, const struct sockaddr *name, int length)
{
    struct pl_address to = {0};
    network_address_from((const SOCKADDR *)name, &to);
    return address_equal(&to, &stage.own) ? 0 : SEAM_REAL(bind)(s, name, length);
}

bool stage_own(const char *ip)
{
    stage.own = client_address(ip, 0);
    seam_replace(IMPORT_bind, (seam_function)stage__bind);
    return true;
}

bool stage_forge(size_t index, const char *ip)
{
    const struct pl_address to = rig_address(&stage.rig, index);
    const struct forgery forgery = {.peer = client_address(ip, to.port)};
    if (!stage.is_forging) {
        forge_swallow();
        stage.is_forging = true;
    }
    forge(&forgery, 1);
    return stage_shower(index, 1);
}

bool stage_hold(void)
{
    InterlockedExchange(&probe.blocks, 1);
    return true;
}

bool stage_let_go(void)
{
    InterlockedExchange(&probe.blocks, 0);
    SetEvent(probe.gate);
    return true;
}

/* ---- Begin and end ---- */

static void stage__begin(bool is_faulted)
{
    static const struct pl_handler *handlers[] = {
        &echo_handler, &discard_handler, &flood_handler, &guest_handler, &relay_handler, NULL, NULL};
    handlers[5] = probe_handlers[1];
    stage.is_faulted = is_faulted;
    stage.failed_step = NULL;
    stage.log = NULL;
    stage.access_log = NULL;
    stage.client_count = 0;
    stage.prefix_count = 0;
    stage.is_forging = false;
    stage.blocker = INVALID_SOCKET;
    stage.deaths = 0;
    stage.is_ending = false;
    stage.watches[0] = NULL;
    stage.watches[1] = NULL;
    for (size_t i = 0; i < sizeof stage.sent; i++) {
        stage.sent[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    probe_reset();
    folder_init(&stage.folder);
    stage.has_folder = true;
    rig_init(&stage.rig, handlers);
    stage.rig.options.progress = stage__push;
    seam_replace(IMPORT_WaitForSingleObject, (seam_function)stage__wait);
}

static const char *stage__failed_step(void)
{
    return stage.failed_step;
}

/* Everybody else leaves. */
static void stage__clear(void)
{
    stage_let_go();
    stage_unblock();
    client_close_all();
    memset(stage.clients, 0, sizeof stage.clients);
    memset(stage.datagrams, 0, sizeof stage.datagrams);
    stage.client_count = 0;
    stage.waiting = NULL;
    if (stage.is_forging) {
        forge_end();
        stage.is_forging = false;
    }
    InterlockedExchange(&stage.deaths, 0);
}

/* ---- Behind the fault ---- */

enum stage__state { STAGE_SERVES, STAGE_DEAF, STAGE_WAITS /* for its address */ };

static bool stage__is_relay(size_t index)
{
    return strcmp(stage__endpoint_of(index)->handler, "relay") == 0;
}

static bool stage__is_echoed(size_t index)
{
    const char *handler = stage__endpoint_of(index)->handler;
    return stage__is_relay(index) || strcmp(handler, "echo") == 0 || strcmp(handler, "probe") == 0 ||
           strcmp(handler, "guest") == 0;
}

/* A client that asks. Where clients are let in by a rate, each one more would have to wait longer: so it stays until it
   is answered, or its connection ends. */
static bool stage__enter(size_t index)
{
    const struct pl_address to = rig_address(&stage.rig, index);
    const bool is_proxied = stage__endpoint_of(index)->proxy_protocol != CONFIG_PROXY_OFF;
    return stage.waiting != NULL || (client_connect(&to, NULL, 0, STAGE_TRY, &stage.waiting) == CLIENT_OK &&
                                     (!is_proxied || client_send(stage.waiting, stage__v1, strlen(stage__v1),
                                                                 STAGE_TRY) == CLIENT_OK) &&
                                     client_send(stage.waiting, stage.sent, 5, STAGE_TRY) == CLIENT_OK);
}

/* What nobody answers is taken when it is counted. */
static enum client_result stage__see_taken(uint64_t received, uint32_t patience)
{
    const uint64_t began = SEAM_REAL(GetTickCount64)();
    while (rig_counter(&stage.rig, COUNTER_BYTES_RECEIVED) < received) {
        if (SEAM_REAL(GetTickCount64)() - began > patience) {
            return CLIENT_TIMEOUT;
        }
        Sleep(2);
    }
    return CLIENT_OK;
}

static bool stage__serves_stream(size_t index, uint32_t patience)
{
    const uint64_t before = rig_counter(&stage.rig, COUNTER_BYTES_RECEIVED);
    enum client_result result = CLIENT_ERROR;
    if (stage__enter(index)) {
        result = stage__is_echoed(index) ? client_receive(stage.waiting, stage.received, 5, patience)
                                         : stage__see_taken(before + 1, patience);
    }
    if (stage.waiting != NULL && result != CLIENT_TIMEOUT) {
        client_close(stage.waiting);
        stage.waiting = NULL;
    }
    return result == CLIENT_OK && (!stage__is_echoed(index) || memcmp(stage.received, stage.sent, 5) == 0);
}

static enum stage__state stage__look(size_t index, uint32_t patience)
{
    const struct engine_listener listener = rig_at(&stage.rig, index);
    if (listener.state != LISTENER_LISTENING) {
        return STAGE_WAITS;
    }
    if (stage__is_relay(index)) {
        if (rig_at(&stage.rig, 0).state != LISTENER_LISTENING) {
            return STAGE_WAITS; /* with whom it connects to */
        }
        stage_aim(0, "127.0.0.1");
    }
    const bool serves = listener.protocol == CONFIG_TCP ? stage__serves_stream(index, patience)
                                                        : stage__ask(index, 5, 5, patience);
    return serves ? STAGE_SERVES : STAGE_DEAF;
}

/* The clock stands: only here it goes on, up to `until`. Then what has not been answered is given all the real time that
   a busy machine may need, but no more of the clock's. */
static enum stage__state stage__look_until(size_t index, uint64_t until)
{
    for (;;) {
        const bool is_last = clock_now() >= until;
        const enum stage__state state = stage__look(index, is_last ? RIG_PATIENCE : STAGE_TRY);
        if (state != STAGE_DEAF || is_last) {
            return state;
        }
        clock_advance(STAGE_STEP);
    }
}

/* What waits is bound when bind_retry says so, at that moment, and serves at once. */
static bool stage__binds(size_t index)
{
    for (int binds = 0; binds < STAGE_BINDS; binds++) {
        const struct engine_listener was = rig_at(&stage.rig, index);
        struct engine_listener now = was;
        if (was.retry_at > clock_now()) {
            clock_advance(was.retry_at - clock_now());
        }
        for (const uint64_t deadline = rig_deadline();
             now.state == LISTENER_WAITING && now.retry_at == was.retry_at && patience_now() < deadline;) {
            Sleep(2);
            now = rig_at(&stage.rig, index);
        }
        if (now.state == LISTENER_LISTENING) {
            return stage__look_until(index, clock_now()) == STAGE_SERVES;
        }
    }
    return false;
}

/* STAGE_NOBODY never serves. */
static bool stage__is_hopeless(size_t index)
{
    return rig_at(&stage.rig, index).address.ip[0] == 192;
}

static bool stage__recover(const char **what_out)
{
    const uint64_t until = clock_now() + STAGE_RECOVERY;
    stage__clear();
    stage__hurry();
    if (stage.rig.engine == NULL || stage.is_ending) {
        return true;
    }
    engine_continue(stage.rig.engine);
    const size_t count = rig_count(&stage.rig);
    for (size_t i = 0; i < count; i++) {
        if (stage__look_until(i, until) == STAGE_DEAF) {
            *what_out = "a port does not serve a second behind the fault";
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (rig_at(&stage.rig, i).state == LISTENER_WAITING && !stage__is_hopeless(i) && !stage__binds(i)) {
            *what_out =
                "a port is not bound, or does not serve, at the next try of bind_retry behind the fault";
            return false;
        }
    }
    return true;
}

static bool stage__end_engine(void)
{
    struct rig *rig = &stage.rig;
    stage.is_ending = true;
    engine_hurry(rig->engine);
    if (!rig->is_stopped && !rig_drain(rig, 0)) {
        return false;
    }
    rig_stop(rig);
    return true;
}

static bool stage__end(const char **what_out)
{
    stage__clear();
    stage__hurry();
    if (stage.rig.engine != NULL && !stage__end_engine()) {
        *what_out = stage.rig.failure.text; /* it does not stop */
        return false;
    }
    if (stage.has_names) { /* what was asked for outlives whom it was for */
        names_end();
        stage.has_names = false;
    }
    access_log_destroy(stage.access_log);
    stage.access_log = NULL;
    log_destroy(stage.log);
    stage.log = NULL;
    if (stage.has_folder) {
        folder_fini(&stage.folder);
        stage.has_folder = false;
    }
    *what_out = "starts and stops, opens and closes do not come in pairs";
    return probe.starts == probe.stops && probe.opens == probe.closes && probe.disorder == 0;
}

const struct scenario_kind stage_kind = {.scenarios = stage_scenarios,
                                         .begin = stage__begin,
                                         .failed_step = stage__failed_step,
                                         .recover = stage__recover,
                                         .end = stage__end};
