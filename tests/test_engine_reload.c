/* SPDX-License-Identifier: MIT
   Tests of engine_reload: what changes while it runs, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/breadcrumb.h"
#include "base/memory.h"
#include "config/config_keys.h"
#include "engine_state.h"
#include "handler/discard.h"
#include "handler/echo.h"
#include "support/callers.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/journal.h"
#include "support/loopback.h"
#include "support/rig.h"
#include "support/seam.h"
#include "support/support.h"

enum { PORT = 23900, PATIENCE = 5000 };

/* ---- A handler that has sessions, and tells which state serves ---- */

static volatile LONG states, stops, denials;
static void *volatile last_previous;

static int32_t teller__start(pl_start *start)
{
    start->state = (void *)(uintptr_t)InterlockedIncrement(&states);
    last_previous = start->previous;
    return PL_OK;
}

static void teller__stop(void *state)
{
    (void)state;
    InterlockedIncrement(&stops);
}

static const pl_host *teller__host;

static int32_t teller__start_for(pl_start *start)
{
    teller__host = start->host;
    return teller__start(start);
}

static void teller__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                const pl_info *info)
{
    const uint8_t number = (uint8_t)(uintptr_t)state;
    (void)user, (void)at, (void)length, (void)info;
    teller__host->send(teller__host, id, &number, 1);
}

static size_t teller__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const uint8_t number = (uint8_t)(uintptr_t)state;
    (void)user, (void)at;
    teller__host->send(teller__host, id, &number, 1);
    return length;
}

static void teller__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)id, (void)user, (void)win32_error;
    if (reason == PL_DENIED) {
        InterlockedIncrement(&denials);
    }
}

static const struct pl_handler teller = {.size = sizeof(struct pl_handler),
                                         .abi_major = PL_ABI_MAJOR,
                                         .abi_minor = PL_ABI_MINOR,
                                         .flags = PL_TCP | PL_UDP | PL_SESSIONS,
                                         .name = "teller",
                                         .version = "1",
                                         .summary = "tells which state serves",
                                         .start = teller__start_for,
                                         .stop = teller__stop,
                                         .on_data = teller__on_data,
                                         .on_datagram = teller__on_datagram,
                                         .on_close = teller__on_close};

/* ---- A handler that notes what the breadcrumb tells of it ---- */

static struct breadcrumb *crumb;
static char crumb_told[160];

static size_t crumbler__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    struct breadcrumb_callback callback = {.endpoint = "nothing"};
    (void)state, (void)user, (void)at;
    breadcrumb_callback_of(crumb, GetCurrentThreadId(), &callback);
    snprintf(crumb_told, sizeof crumb_told, "%s %s", callback.endpoint, callback.handler);
    teller__host->send(teller__host, id, (const uint8_t *)"!", 1);
    return length;
}

static const struct pl_handler crumbler = {.size = sizeof(struct pl_handler),
                                           .abi_major = PL_ABI_MAJOR,
                                           .abi_minor = PL_ABI_MINOR,
                                           .flags = PL_TCP,
                                           .name = "crumbler",
                                           .version = "1",
                                           .summary = "notes what the breadcrumb tells of it",
                                           .start = teller__start_for,
                                           .on_data = crumbler__on_data};

/* ---- A handler that does not return ---- */

static HANDLE gate;
static volatile LONG holding;

static size_t holder__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user, (void)at;
    InterlockedIncrement(&holding);
    WaitForSingleObject(gate, INFINITE);
    teller__host->send(teller__host, id, (const uint8_t *)"!", 1);
    return length;
}

static const struct pl_handler holder = {.size = sizeof(struct pl_handler),
                                         .abi_major = PL_ABI_MAJOR,
                                         .abi_minor = PL_ABI_MINOR,
                                         .flags = PL_TCP,
                                         .name = "holder",
                                         .version = "1",
                                         .summary = "does not return",
                                         .start = teller__start_for,
                                         .on_data = holder__on_data};

static int32_t unwilling__start(pl_start *start)
{
    snprintf(start->error, start->error_room, "not today");
    return PL_INVALID;
}

static const struct pl_handler unwilling = {.size = sizeof(struct pl_handler),
                                            .abi_major = PL_ABI_MAJOR,
                                            .abi_minor = PL_ABI_MINOR,
                                            .flags = PL_TCP | PL_UDP,
                                            .name = "unwilling",
                                            .version = "1",
                                            .summary = "does not start",
                                            .start = unwilling__start,
                                            .on_data = teller__on_data,
                                            .on_datagram = teller__on_datagram};

static const struct pl_handler *const handlers[] = {&teller,          &unwilling,    &crumbler, &holder,
                                                    &discard_handler, &echo_handler, NULL};

/* ---- The engine ---- */

static struct {
    struct engine *engine;
    struct reload_report report;
    struct text told;
    volatile LONG done; /* configurations that were given back */
} it;

static void bed__done(void *context, const struct config *config)
{
    (void)context;
    config_destroy((struct config *)(uintptr_t)config);
    InterlockedIncrement(&it.done);
}

static bool bed__variable(const char *name, struct text *value)
{
    (void)name, (void)value;
    return false;
}

/* "@1" is an address of this process alone. */
static void bed__expand(struct text *text, const char *words)
{
    const unsigned own = loopback_port();
    for (; *words != '\0'; words++) {
        if (*words == '@') {
            text_add_format(text, "127.%u.%u.", own >> 8, own & 255);
        } else {
            text_add(text, words, 1);
        }
    }
}

static struct config *bed_parse(const char *words)
{
    const struct config_source source = {
        .file = "t.ini", .folder = "C:\\", .service = "t", .handlers = handlers, .variable = bed__variable};
    struct config_problems problems;
    struct text text;
    text_init_heap(&text);
    bed__expand(&text, words);
    config_problems_init(&problems);
    struct config *config = config_parse(&source, text.at, text.length, &problems);
    if (config == NULL) {
        fail_msg("%s", problems.text.at);
    }
    config_problems_fini(&problems);
    text_fini(&text);
    return config;
}

static void bed_start(const char *words)
{
    struct failure failure = {.code = EXIT_CODE_DONE};
    memset(&it, 0, sizeof it);
    states = stops = denials = 0;
    text_init_heap(&it.told);
    it.report.told = &it.told;
    struct config *config = bed_parse(words);
    it.engine = engine_start(&(const struct engine_options){.config = config,
                                                            .handlers = handlers,
                                                            .log = journal_open(),
                                                            .breadcrumb = crumb,
                                                            .config_done = bed__done},
                             &failure);
    if (it.engine == NULL) {
        fail_msg("%s", failure.text);
    }
}

static bool bed_reload(const char *words)
{
    text_clear(&it.told);
    return engine_reload(it.engine, bed_parse(words), &it.report);
}

static void assert_reload(const char *words, size_t changes)
{
    if (!bed_reload(words)) {
        fail_msg("%s", it.report.failure.text);
    }
    assert_int_equal(it.report.changes, changes);
}

static void bed_stop(void)
{
    struct failure failure;
    assert_true(engine_stop(it.engine, 0, &failure));
    engine_destroy(it.engine);
    it.engine = NULL;
    text_fini(&it.told);
    journal_close();
}

/* Until so many configurations have been given back. */
static void bed_wait_for_done(LONG count)
{
    const uint64_t deadline = rig_deadline();
    while (it.done < count) {
        rig_nap(deadline, "a configuration that is given back");
    }
    assert_int_equal(it.done, count);
}

/* ---- Clients ---- */

static struct pl_address at(unsigned number)
{
    const unsigned own = loopback_port();
    return (struct pl_address){
        .family = 4, .port = PORT, .ip = {127, (uint8_t)(own >> 8), (uint8_t)(own & 255), (uint8_t)number}};
}

static struct client *call(unsigned number)
{
    const struct pl_address address = at(number);
    struct client *client = NULL;
    assert_int_equal(client_connect(&address, NULL, 0, PATIENCE, &client), CLIENT_OK);
    return client;
}

static void assert_refused(unsigned number)
{
    const struct pl_address address = at(number);
    struct client *client = NULL;
    assert_int_equal(client_connect(&address, NULL, 0, PATIENCE, &client), CLIENT_REFUSED);
}

static void assert_echo(struct client *client)
{
    char answer[5] = "";
    assert_int_equal(client_send(client, "Hallo", 5, PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, answer, 5, PATIENCE), CLIENT_OK);
    assert_memory_equal(answer, "Hallo", 5);
}

/* Which state answers. */
static unsigned ask(struct client *client)
{
    uint8_t answer = 0;
    assert_int_equal(client_send(client, "?", 1, PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, &answer, 1, PATIENCE), CLIENT_OK);
    return answer;
}

static unsigned ask_datagram(struct client *client, unsigned number)
{
    const struct pl_address address = at(number);
    uint8_t answer[8] = {0};
    size_t length = 0;
    assert_int_equal(client_exchange(client, &address, "?", 1, answer, sizeof answer, &length, PATIENCE),
                     CLIENT_OK);
    return answer[0];
}

static void assert_reset(struct client *client)
{
    char byte = 0;
    assert_int_equal(client_receive(client, &byte, 1, PATIENCE), CLIENT_RESET);
    client_close(client);
}

/* What a failed test has left running. */
static int teardown(void **state)
{
    callers_stop(NULL, NULL);
    client_close_all();
    if (it.engine != NULL) {
        bed_stop();
    }
    return rig_teardown(state);
}

#define WEB "[endpoint web]\nlisten = tcp://@1:23900\nhandler = echo\n"

/* ---- Tests ---- */

static void test_reload__the_same_again_changes_nothing(void **state)
{
    (void)state;
    bed_start(WEB);
    struct client *client = call(1);
    for (int i = 0; i < 3; i++) {
        assert_reload(WEB, 0);
        assert_echo(client);
    }
    assert_string_equal(it.told.at, "");
    client_close(client);
    bed_stop();
    assert_int_equal(it.done, 4);
}

static void test_reload__live_connections_keep_their_settings(void **state)
{
    (void)state;
    bed_start(WEB);
    struct client *old = call(1);
    assert_echo(old);
    assert_reload(WEB "idle_timeout = 1s\n", 1);
    assert_string_equal(it.told.at, "endpoint web: idle_timeout 5m -> 1s (new connections)\n");
    struct client *new = call(1);
    assert_echo(new);
    char byte = 0;
    assert_int_equal(client_receive(new, &byte, 1, PATIENCE), CLIENT_EOF);
    client_close(new);
    assert_echo(old);
    assert_int_equal(it.done, 0);
    client_close(old);
    bed_wait_for_done(1); /* with its last connection the first configuration goes */
    bed_stop();
    assert_int_equal(it.done, 2);
}

/* Whether it is served; where the system cannot refuse by itself, a client is taken and reset. */
static bool is_served(unsigned number)
{
    const struct pl_address address = at(number);
    struct client *client = NULL;
    char byte = 'x';
    if (client_connect(&address, NULL, 0, PATIENCE, &client) != CLIENT_OK) {
        return false;
    }
    client_send(client, &byte, 1, PATIENCE);
    const bool is_echoed = client_receive(client, &byte, 1, PATIENCE) == CLIENT_OK;
    client_close(client);
    return is_echoed;
}

static void test_reload__an_endpoint_that_is_paused_stays_so(void **state)
{
    static const char other[] = "[endpoint other]\nlisten = tcp://@2:23900\nhandler = echo\n";
    char words[512];
    bool has_changed = false;
    (void)state;
    bed_start(WEB);
    assert_true(engine_pause_endpoint(it.engine, "web", true, &has_changed));
    assert_false(is_served(1));
    snprintf(words, sizeof words, "%s%s", WEB, other); /* of another one */
    assert_true(bed_reload(words));
    assert_false(is_served(1));
    assert_true(is_served(2));
    snprintf(words, sizeof words, "%s%s%s", WEB, "idle_timeout = 1s\n", other); /* and of its own */
    assert_true(bed_reload(words));
    assert_false(is_served(1));
    assert_true(is_served(2));
    assert_true(engine_pause_endpoint(it.engine, "web", false, &has_changed));
    assert_true(has_changed);
    assert_true(is_served(1));
    bed_stop();
}

static void test_reload__a_renamed_section_keeps_its_socket(void **state)
{
    (void)state;
    bed_start(WEB);
    struct client *old = call(1);
    const SOCKET socket = it.engine->bindings.at[0]->listener.socket;
    assert_reload("[endpoint site]\nlisten = tcp://@1:23900\nhandler = echo\n", 1);
    assert_string_equal(it.told.at, "endpoint site: was web\n");
    assert_true(it.engine->bindings.at[0]->listener.socket == socket);
    struct client *new = call(1);
    assert_echo(new);
    assert_echo(old);
    client_close(new);
    client_close(old);
    bed_stop();
}

static void test_reload__another_handler_serves_new_clients(void **state)
{
    (void)state;
    bed_start("[endpoint t]\nlisten = tcp://@1:23900, udp://@1:23900\nhandler = teller\n");
    const struct pl_address local = at(200);
    struct pl_address any = local;
    any.port = 0;
    struct client *old = call(1);
    struct client *talker = client_open_datagram(&any);
    assert_int_equal(ask(old), 1);
    assert_int_equal(ask_datagram(talker, 1), 1);
    assert_reload(
        "[endpoint t]\nlisten = tcp://@1:23900, udp://@1:23900\nhandler = teller\nsend_queue = 2M\n", 1);
    assert_ptr_equal(last_previous, (void *)(uintptr_t)1);
    struct client *new = call(1);
    struct client *other = client_open_datagram(&any);
    assert_int_equal(ask(new), 2);
    assert_int_equal(ask(old), 1);
    assert_int_equal(ask_datagram(other, 1), 2);
    assert_int_equal(ask_datagram(talker, 1), 1); /* a session goes on with the state that it began with */
    assert_reload("[endpoint t]\nlisten = tcp://@1:23900, udp://@1:23900\nhandler = echo\n", 2);
    struct client *third = call(1);
    assert_echo(third);
    assert_int_equal(ask(new), 2);
    assert_int_equal(ask(old), 1);
    assert_int_equal(ask_datagram(talker, 1), 1);
    client_close(old);
    client_close(new);
    client_close(third);
    client_close(talker);
    client_close(other);
    assert_int_equal(stops, 0);
    bed_stop();
    assert_int_equal(stops, 2);
}

static void test_reload__endpoints_come_and_go(void **state)
{
    (void)state;
    static const char both[] = WEB "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\n";
    bed_start(WEB);
    assert_refused(2);
    assert_reload(both, 2);
    struct client *two = call(2);
    assert_echo(two);
    assert_reload(WEB, 2);
    assert_refused(2);
    assert_echo(two);
    assert_reload(WEB "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\nenabled = no\n", 1);
    assert_refused(2);
    assert_reload(both, 2);
    struct client *again = call(2);
    assert_echo(again);
    assert_reload(WEB "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\nenabled = no\n", 2);
    assert_refused(2);
    assert_echo(again);
    assert_echo(two);
    client_close(again);
    client_close(two);
    bed_wait_for_done(4); /* the first one has web, and the last one is in effect */
    bed_stop();
}

/* Until then no worker sees what ends; messages reach it all the same. Each cancel begins such a time. */
static struct {
    volatile LONG64 until;
    volatile LONG cancels;
} deaf;

static BOOL WINAPI cancel_and_be_deaf(HANDLE handle, OVERLAPPED *overlapped)
{
    const BOOL result = SEAM_REAL(CancelIoEx)(handle, overlapped);
    const DWORD error = GetLastError();
    InterlockedIncrement(&deaf.cancels);
    InterlockedExchange64(&deaf.until, (LONG64)GetTickCount64() + 100);
    SetLastError(error);
    return result;
}

static BOOL WINAPI dequeue_unless_deaf(HANDLE port, OVERLAPPED_ENTRY *entries, ULONG room, ULONG *count_out,
                                       DWORD wait, BOOL is_alertable)
{
    if ((LONG64)GetTickCount64() < deaf.until) {
        Sleep(1);
        SetLastError(WAIT_TIMEOUT);
        return FALSE;
    }
    return SEAM_REAL(GetQueuedCompletionStatusEx)(port, entries, room, count_out, wait, is_alertable);
}

static void test_reload__is_done_when_old_sockets_are_closed(void **state)
{
    (void)state;
    static const char both[] =
        "[service]\nstart_policy = all\n" WEB "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\n";
    bed_start(both);
    struct client *client = call(2);
    assert_echo(client);
    client_close(client);
    deaf.until = deaf.cancels = 0;
    seam_replace(IMPORT_CancelIoEx, (seam_function)cancel_and_be_deaf);
    seam_replace(IMPORT_GetQueuedCompletionStatusEx, (seam_function)dequeue_unless_deaf);
    assert_reload("[service]\nstart_policy = all\n" WEB, 2);
    assert_true(deaf.cancels > 0);
    assert_refused(2);
    assert_reload(both, 2); /* and its address is free again */
    client = call(2);
    assert_echo(client);
    client_close(client);
    bed_stop();
}

static void test_reload__addresses_come_and_go(void **state)
{
    (void)state;
    bed_start(WEB);
    const SOCKET socket = it.engine->bindings.at[0]->listener.socket;
    assert_reload("[endpoint web]\nlisten = tcp://@2:23900, tcp://@1:23900\nhandler = echo\n", 2);
    assert_true(it.engine->bindings.at[1]->listener.socket == socket);
    struct client *two = call(2);
    assert_echo(two);
    assert_reload("[endpoint web]\nlisten = tcp://@2:23900\nhandler = echo\n", 2);
    assert_refused(1);
    assert_echo(two);
    client_close(two);
    bed_stop();
}

static void test_reload__whom_it_denies_is_reset(void **state)
{
    (void)state;
    static const char open[] = "[endpoint t]\nlisten = tcp://@1:23900, udp://@1:23900\nhandler = teller\n"
                               "[endpoint u]\nlisten = tcp://@2:23900\nhandler = echo\n";
    static const char shut[] = "[endpoint t]\nlisten = tcp://@1:23900, udp://@1:23900\nhandler = teller\n"
                               "deny = 127.0.0.0/8\n"
                               "[endpoint u]\nlisten = tcp://@2:23900\nhandler = echo\n";
    bed_start(open);
    struct pl_address any = at(200);
    any.port = 0;
    struct client *denied = call(1), *bystander = call(2);
    struct client *talker = client_open_datagram(&any);
    assert_int_equal(ask(denied), 1);
    assert_int_equal(ask_datagram(talker, 1), 1);
    assert_reload(shut, 1);
    assert_reset(denied);
    const uint64_t deadline = rig_deadline();
    while (denials < 2) {
        rig_nap(deadline, "the end of the session");
    }
    assert_echo(bystander);
    const struct pl_address address = at(1);
    assert_int_equal(client_send_datagram(talker, &address, "?", 1), CLIENT_OK);
    struct client *late = NULL;
    if (client_connect(&address, NULL, 0, PATIENCE, &late) == CLIENT_OK) {
        assert_reset(late);
    }
    bed_wait_for_done(0);
    assert_reload(open, 1);
    assert_int_equal(ask_datagram(talker, 1), 3);
    client_close(talker);
    client_close(bystander);
    bed_stop();
}

static void test_reload__limits_count_all_generations(void **state)
{
    (void)state;
    bed_start(WEB "max_connections = 3\nmax_connections_per_source = 3\n");
    struct client *first = call(1), *second = call(1);
    assert_echo(first);
    assert_echo(second);
    assert_reload(WEB "max_connections = 1\nmax_connections_per_source = 3\n", 1);
    assert_echo(first);
    assert_echo(second);
    assert_reset(call(1));
    client_close(first);
    assert_reload(WEB "max_connections = 3\nmax_connections_per_source = 2\n", 2);
    uint64_t deadline = rig_deadline();
    while (it.engine->connections.active > 1) {
        rig_nap(deadline, "the end of the first connection");
    }
    struct client *third = call(1);
    assert_echo(third);
    assert_reset(call(1)); /* two of this source */
    client_close(second);
    client_close(third);
    bed_stop();
}

static void test_reload__what_does_not_start_changes_nothing(void **state)
{
    (void)state;
    bed_start(WEB);
    struct client *client = call(1);
    assert_false(bed_reload("[endpoint web]\nlisten = tcp://@1:23900\nhandler = teller\n"
                            "[endpoint two]\nlisten = tcp://@2:23900\nhandler = unwilling\n"));
    assert_int_equal(it.report.failure.code, EXIT_CODE_CONFIGURATION);
    assert_string_equal(
        it.report.failure.text,
        "t.ini:4: endpoint two: the handler unwilling could not start: not today; nothing has changed");
    assert_echo(client);
    assert_refused(2);
    bed_wait_for_done(1); /* what was begun of it is over */
    assert_int_equal(stops, 1);
    struct client *new = call(1);
    assert_echo(new);
    client_close(new);
    client_close(client);
    bed_stop();
}

static SOCKET hold_port(unsigned number)
{
    const struct pl_address address = at(number);
    SOCKADDR_STORAGE storage;
    const int length = network_address_to(&address, AF_INET, &storage);
    const SOCKET held = socket(AF_INET, SOCK_STREAM, 0);
    const BOOL yes = TRUE;
    setsockopt(held, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&yes, sizeof yes);
    assert_int_equal(bind(held, (const SOCKADDR *)&storage, length), 0);
    assert_int_equal(listen(held, 1), 0);
    return held;
}

static void test_reload__a_bind_failure_follows_start_policy(void **state)
{
    (void)state;
    bed_start(WEB);
    const SOCKET held = hold_port(2);
    assert_false(bed_reload("[service]\nstart_policy = all\n" WEB "idle_timeout = 1m\n"
                            "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\n"));
    assert_int_equal(it.report.failure.code, EXIT_CODE_BIND);
    assert_non_null(strstr(it.report.failure.text, "nothing has changed"));
    bed_wait_for_done(1);
    assert_reload(WEB "idle_timeout = 1m\n"
                      "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\n",
                  3);
    assert_int_equal(it.report.failure.code, EXIT_CODE_BIND);
    assert_int_equal(it.engine->bindings.at[1]->listener.state, LISTENER_WAITING);
    assert_non_null(strstr(it.told.at, ":23900 waits to be bound\n"));
    assert_reload(WEB "idle_timeout = 1m\n"
                      "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\n",
                  0);
    assert_int_equal(it.report.failure.code, EXIT_CODE_BIND); /* it still waits */
    assert_non_null(strstr(it.report.failure.text, "endpoint two"));
    struct client *client = call(1);
    assert_echo(client);
    client_close(client);
    closesocket(held);
    const uint64_t deadline = rig_deadline();
    while (it.engine->bindings.at[1]->listener.state != LISTENER_LISTENING) {
        rig_nap(deadline, "the second socket");
    }
    client = call(2);
    assert_echo(client);
    client_close(client);
    bed_stop();
}

static void test_reload__an_address_in_the_way_stays(void **state)
{
    (void)state;
    bed_start(WEB);
    for (int i = 0; i < 2; i++) {
        assert_true(bed_reload("[endpoint web]\nlisten = tcp://0.0.0.0:23900\nhandler = echo\n"));
        assert_int_equal(it.report.restarts, 1);
        assert_non_null(strstr(it.told.at, "which stays (needs a restart)"));
        struct client *client = call(1);
        assert_echo(client);
        client_close(client);
    }
    assert_refused(2);
    bed_stop();
}

#define SITE(backlog) "[endpoint site]\nlisten = tcp://@2:23900\nhandler = echo\nbacklog = " backlog "\n"

static void test_reload__backlog_is_that_of_the_socket(void **state)
{
    (void)state;
    bed_start(WEB SITE("600"));
    assert_reload("[endpoint site]\nlisten = tcp://@1:23900, tcp://@2:23900\nhandler = echo\nbacklog = 600\n",
                  4); /* it has come to another endpoint */
    assert_int_equal(it.report.restarts, 1);
    assert_non_null(strstr(it.told.at, "endpoint site: backlog 512 -> 600 (needs a restart)\n"));
    assert_reload(SITE("600"), 2); /* and that socket is gone */
    assert_int_equal(it.report.restarts, 0);
    assert_reload("[endpoint site]\nlisten = tcp://@3:23900\nhandler = echo\nbacklog = 700\n", 4);
    assert_int_equal(it.report.restarts, 0); /* nor has a new one to wait */
    assert_non_null(strstr(it.told.at, "endpoint site: backlog 600 -> 700\n"));
    assert_reload("[endpoint site]\nlisten = tcp://@3:23900\nhandler = echo\nbacklog = 700\n", 0);
    bed_stop();
}

static void test_reload__while_paused_and_while_it_stops(void **state)
{
    (void)state;
    bed_start(WEB);
    engine_pause(it.engine);
    assert_reload(WEB "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\n", 2);
    const struct pl_address two = at(2);
    struct client *client = NULL;
    if (client_connect(&two, NULL, 0, PATIENCE, &client) == CLIENT_OK) {
        assert_reset(client);
    }
    engine_continue(it.engine);
    client = call(2);
    assert_echo(client);
    client_close(client);
    struct failure failure;
    assert_true(engine_stop(it.engine, 0, &failure));
    assert_false(bed_reload(WEB));
    assert_int_equal(it.report.failure.code, EXIT_CODE_NOT_RUNNING);
    bed_stop();
}

static void test_reload__tells_what_it_would_do(void **state)
{
    (void)state;
    bed_start(WEB);
    struct config *next = bed_parse("[service]\nworkers = 1\n" WEB "idle_timeout = 1s\n");
    text_clear(&it.told);
    assert_true(engine_compare(it.engine, next, &it.report));
    assert_int_equal(it.report.changes, 2);
    assert_int_equal(it.report.restarts, 1);
    assert_non_null(strstr(it.told.at, "idle_timeout 5m -> 1s"));
    config_destroy(next);
    bed_stop();
}

static void test_reload__tells_what_it_would_not_do(void **state)
{
    (void)state;
    bed_start(WEB);
    struct config *next = bed_parse(WEB "idle_timeout = 1s\n[endpoint two]\nlisten = tcp://@2:23900\n"
                                        "handler = unwilling\n");
    text_clear(&it.told);
    assert_false(engine_compare(it.engine, next, &it.report));
    assert_int_equal(it.report.failure.code, EXIT_CODE_CONFIGURATION);
    assert_string_equal(it.report.failure.text,
                        "t.ini:5: endpoint two: the handler unwilling could not start: "
                        "not today; a reload would change nothing");
    assert_string_equal(it.told.at, "");
    config_destroy(next);
    next = bed_parse(WEB "[endpoint two]\nlisten = tcp://@2:23900\nhandler = unwilling\nenabled = no\n");
    assert_true(engine_compare(it.engine, next, &it.report)); /* it would not be started */
    config_destroy(next);
    bed_stop();
}

/* ---- What fails ---- */

/* What could not be bound is bound a moment later. */
static void wait_until_it_listens(unsigned number, enum exit_code code)
{
    const struct pl_address address = at(number);
    struct client *client = NULL;
    assert_true(code == EXIT_CODE_DONE || code == EXIT_CODE_BIND);
    for (const uint64_t deadline = rig_deadline();
         client_connect(&address, NULL, 0, PATIENCE, &client) != CLIENT_OK;) {
        assert_int_equal(code, EXIT_CODE_BIND);
        rig_nap(deadline, "a socket");
    }
    assert_echo(client);
    client_close(client);
}

/* Each allocation fails once: either nothing has changed, or all has, and the words are true. */
static void test_reload__without_memory_changes_all_or_nothing(void **state)
{
    (void)state;
    static const enum import imports[] = {IMPORT_HeapAlloc, IMPORT_HeapReAlloc};
    bed_start(WEB);
    struct client *first = call(1);
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        bool was_reached = true;
        for (uint32_t nth = 1; was_reached; nth++) {
            struct config *next =
                bed_parse(WEB "idle_timeout = 1m\n"
                              "[endpoint two]\nlisten = tcp://@2:23900, udp://@2:23900\nhandler = echo\n");
            text_clear(&it.told);
            fault_clear();
            fault_arm(imports[i], nth, 0, 1);
            const bool is_done = engine_reload(it.engine, next, &it.report);
            was_reached = fault_hits() > 0;
            fault_clear();
            if (is_done) {
                assert_int_equal(it.report.changes, 4);
                wait_until_it_listens(2, it.report.failure.code); /* or waits: start_policy = partial */
                assert_reload(WEB, 4);
            } else {
                assert_int_equal(it.report.failure.code, EXIT_CODE_FAILED);
                assert_non_null(strstr(it.report.failure.text, "memory"));
                assert_refused(2);
            }
            struct client *again = call(1);
            assert_echo(again);
            client_close(again);
            assert_echo(first);
        }
    }
    client_close(first);
    bed_stop();
}

static void test_compare__says_when_there_is_no_memory(void **state)
{
    (void)state;
    bed_start(WEB);
    struct config *next = bed_parse(WEB "idle_timeout = 1m\n");
    it.report.is_json = true;
    text_add_format(&it.told, "%4000s", ""); /* the room that it takes is not what fails */
    uint32_t nth = 1;
    for (bool is_reached = true; is_reached; nth++) {
        text_clear(&it.told);
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        const bool is_made = engine_compare(it.engine, next, &it.report);
        is_reached = fault_hits() > 0;
        fault_clear();
        assert_int_equal(is_made, !is_reached || it.told.is_cut);
        assert_int_equal(it.report.failure.code, is_made ? EXIT_CODE_DONE : EXIT_CODE_FAILED);
    }
    assert_in_range(nth, 5, 20);
    assert_int_equal(it.report.changes, 1);
    assert_non_null(strstr(it.told.at, "\"idle_timeout\""));
    config_destroy(next);
    bed_stop();
}

/* Nobody reads a thousand lines. */
static void test_reload__logs_a_hundred_changes_and_how_many_more(void **state)
{
    (void)state;
    enum { COUNT = 105 };
    struct text words, changed;
    text_init_heap(&words);
    text_init_heap(&changed);
    for (int i = 1; i <= COUNT; i++) {
        text_add_format(&words, "[endpoint e%d]\nlisten = tcp://@%d:23900\nhandler = echo\n", i, i);
        text_add_format(&changed, "[endpoint e%d]\nlisten = tcp://@%d:23900\nhandler = echo\n%s\n", i, i,
                        i > COUNT - 2 ? "backlog = 9" : "idle_timeout = 1m");
    }
    bed_start(words.at);
    it.report.told = NULL;
    assert_true(bed_reload(changed.at));
    assert_int_equal(it.report.changes, COUNT);
    assert_int_equal(journal_count(EVENT_RELOAD_CHANGE), 101);
    journal_assert_last(EVENT_RELOAD_CHANGE, "and 5 more changes");
    assert_int_equal(journal_count(EVENT_RELOAD_RESTART), 1);
    journal_assert_last(EVENT_RELOAD_RESTART, "2 of the changes that are not listed need a restart");
    text_fini(&words);
    text_fini(&changed);
    bed_stop();
}

static DWORD WINAPI pass_time(void *context)
{
    (void)context;
    Sleep(300);
    clock_advance(PATIENCE);
    return 0;
}

/* The worker has not seen the last reload when the next one comes. */
static void test_reload__is_refused_while_a_callback_holds_a_worker_up(void **state)
{
    (void)state;
    bed_start("[service]\nworkers = 1\n[endpoint held]\nlisten = tcp://@1:23900\nhandler = holder\n");
    gate = CreateEventW(NULL, TRUE, FALSE, NULL);
    struct client *client = call(1);
    assert_int_equal(client_send(client, "?", 1, PATIENCE), CLIENT_OK);
    for (const uint64_t deadline = rig_deadline(); holding == 0;) {
        rig_nap(deadline, "a callback");
    }
    assert_reload("[service]\nworkers = 1\n[endpoint held]\nlisten = tcp://@1:23900\nhandler = holder\n"
                  "idle_timeout = 1m\n",
                  1);
    const HANDLE thread = CreateThread(NULL, 0, pass_time, NULL, 0, NULL);
    assert_false(bed_reload("[service]\nworkers = 1\n" WEB));
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    assert_int_equal(it.report.failure.code, EXIT_CODE_FAILED);
    assert_non_null(strstr(it.report.failure.text, "a callback of a handler holds a worker up"));
    SetEvent(gate);
    assert_int_equal(ask(client), '!');
    assert_true(bed_reload("[service]\nworkers = 1\n" WEB));
    client_close(client);
    bed_stop();
    CloseHandle(gate);
}

/* ---- Configurations that are held ---- */

/* Of MANY endpoints each has its own number of minutes. */
enum { MANY = 8, MANY_ROOM = 2048 };

static void reload_many(const int minutes[MANY])
{
    char words[MANY_ROOM];
    struct text text;
    text_init(&text, words, sizeof words);
    for (int i = 0; i < MANY; i++) {
        text_add_format(&text,
                        "[endpoint e%d]\nlisten = tcp://@%d:23900\nhandler = echo\nidle_timeout = %dm\n", i,
                        i + 1, minutes[i]);
    }
    if (it.engine == NULL) {
        bed_start(words);
    } else {
        assert_true(bed_reload(words));
    }
}

/* Those that were given to the engine and not given back. */
static void wait_for_held(LONG loaded, LONG held)
{
    const uint64_t deadline = rig_deadline();
    while (loaded - it.done > held) {
        rig_nap(deadline, "configurations that nobody needs");
    }
}

/* An endpoint that has not changed holds the configuration that it began with, and all others are given back: so there are
   never more of them than endpoints, those of old clients included, and one. */
static void test_reload__configurations_do_not_pile_up(void **state)
{
    int minutes[MANY];
    LONG loaded = 1;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        minutes[i] = 5;
    }
    it.engine = NULL;
    reload_many(minutes);
    for (int i = 0; i < 5; i++, loaded++) { /* nothing has changed: the first one, and the newest */
        reload_many(minutes);
        wait_for_held(loaded + 1, 2);
    }
    for (int i = 0; i < 6 * MANY; i++, loaded++) { /* another one in turn, the worst that there is */
        minutes[i % MANY]++;
        reload_many(minutes);
        wait_for_held(loaded + 1, MANY);
    }
    struct client *old = call(1); /* of the one that is changed now */
    for (int i = 0; i < 6 * MANY; i++, loaded++) {
        minutes[0]++;
        reload_many(minutes);
        wait_for_held(loaded + 1, MANY + 1);
    }
    assert_echo(old);
    client_close(old);
    wait_for_held(loaded, MANY);
    for (int i = 0; i < MANY; i++) { /* all of them at once: the newest is enough for all */
        minutes[i]++;
    }
    reload_many(minutes);
    wait_for_held(loaded + 1, 1);
    bed_stop();
    assert_int_equal(it.done, loaded + 1);
}

/* ---- What a crash would tell ---- */

static void assert_crumb(struct client *client, const char *told)
{
    ask(client);
    assert_string_equal(crumb_told, told);
}

static void test_reload__a_crash_names_the_endpoints_that_it_made(void **state)
{
    enum { NAMES = 6 };
    static const char *const names[] = {"one", "two", "three"};
    char words[160];
    (void)state;
    crumb = memory_alloc(breadcrumb_size(NAMES));
    assert_non_null(crumb);
    breadcrumb_init(crumb, NAMES, "1");
    bed_start("[endpoint zero]\nlisten = tcp://@1:23900\nhandler = crumbler\n");
    struct client *old = call(1);
    assert_crumb(old, "zero crumbler");
    for (int i = 0; i < 4 * NAMES; i++) {
        snprintf(words, sizeof words,
                 "[endpoint %s]\nlisten = tcp://@1:23900\nhandler = crumbler\nidle_timeout = %dm\n",
                 names[i % 3], i + 10);
        assert_true(bed_reload(words));
        struct client *client = call(1);
        snprintf(words, sizeof words, "%s crumbler", names[i % 3]);
        assert_crumb(client, words);
        assert_crumb(old, "zero crumbler"); /* of the configuration that it came with */
        client_close(client);
        bed_wait_for_done(i); /* all but the first one and the last one are given back, and their names */
    }
    client_close(old);
    bed_stop();
    memory_free(crumb);
    crumb = NULL;
}

/* ---- Every key ---- */

/* What is written for each key, another value than its default. */
static const struct {
    const char *key;
    const char *value;
} service_values[] = {
    {"workers", "3"},        {"blocking_threads", "3"},     {"max_connections", "77"},
    {"drain_timeout", "7s"}, {"start_policy", "all"},       {"bind_retry", "700ms"},
    {"data_dir", "C:\\d"},   {"log_file", "C:\\l.log"},     {"log_level", "debug"},
    {"log_format", "json"},  {"log_time", "local"},         {"log_rotate_size", "7M"},
    {"log_keep", "7"},       {"log_rotate_interval", "7h"}, {"access_log", "C:\\a.log"},
    {"event_log", "all"},    {"plugin_dir", "C:\\p"},       {"reload", "watch"},
    {"control_pipe", "no"},
};
static const struct {
    const char *key;
    const char *value;
    const char *besides; /* what it needs, in both configurations; NULL: nothing */
} endpoint_values[] = {
    {"enabled", "no", NULL},
    {"listen", "tcp://@1:23900, tcp://@3:23900, udp://@1:23900", NULL},
    {"handler", "teller", NULL},
    {"allow", "127.0.0.0/8", NULL},
    {"deny", "192.0.2.0/24", NULL},
    {"max_connections", "77", NULL},
    {"max_connections_per_source", "77", NULL},
    {"max_outbound", "77", NULL},
    {"accept_rate", "777", NULL},
    {"accept_burst", "777", "accept_rate = 1000\n"},
    {"proxy_protocol", "v2", "trusted_proxies = 192.0.2.1\n"},
    {"trusted_proxies", "192.0.2.1", NULL},
    {"proxy_timeout", "7s", NULL},
    {"backlog", "77", NULL},
    {"accepts_max", "7", NULL},
    {"receives_max", "7", NULL},
    {"first_byte_timeout", "7s", NULL},
    {"idle_timeout", "7s", NULL},
    {"send_timeout", "7s", NULL},
    {"lifetime", "7s", NULL},
    {"close_timeout", "7s", NULL},
    {"send_queue", "700K", NULL},
    {"nodelay", "no", NULL},
    {"keepalive", "yes", NULL},
    {"keepalive_time", "7m", NULL},
    {"keepalive_interval", "7s", NULL},
    {"recv_buffer", "70K", NULL},
    {"send_buffer", "70K", NULL},
    {"max_datagram", "1000", NULL},
    {"udp_sessions_max", "77", NULL},
    {"reply_limit", "7", NULL},
    {"access_log", "no", NULL},
};

/* Changes one key, and changes it back: live values are in effect, the others wait and are told. */
static void change_key(const struct config_table *table, const struct config_key *key, const char *before,
                       const char *after)
{
    bed_start(before);
    assert_true(bed_reload(after));
    assert_true(it.report.changes >= 1);
    if ((it.report.restarts > 0) != key->needs_restart) {
        fail_msg("%s: %s", key->name, it.told.at);
    }
    assert_non_null(strstr(it.told.at, key->name));
    if (table == &config_keys_service) { /* what counts is the value in effect */
        struct text now, wanted;
        text_init_heap(&now);
        text_init_heap(&wanted);
        config_keys_add_value(&now, key, &it.engine->service);
        config_keys_add_value(&wanted, key, &it.engine->config->service);
        assert_int_equal(strcmp(now.at, wanted.at) != 0, key->needs_restart);
        text_fini(&now);
        text_fini(&wanted);
    } else if (it.engine->current[0] != NULL) {
        struct text now, wanted;
        text_init_heap(&now);
        text_init_heap(&wanted);
        config_keys_add_value(&now, key, it.engine->current[0]->endpoint.config);
        config_keys_add_value(&wanted, key, &it.engine->config->endpoints[0]);
        assert_int_equal(strcmp(now.at, wanted.at) != 0, key->needs_restart);
        text_fini(&now);
        text_fini(&wanted);
    }
    assert_true(bed_reload(after)); /* and is told again as long as it waits */
    assert_int_equal(it.report.restarts > 0, key->needs_restart);
    assert_int_equal(it.report.changes > 0, key->needs_restart);
    assert_true(bed_reload(before)); /* what has never been in effect is taken back without a change */
    assert_int_equal(it.report.restarts, 0);
    assert_int_equal(it.report.changes > 0, !key->needs_restart);
    struct client *client = call(1);
    client_close(client);
    bed_stop();
}

static void test_reload__every_key_of_the_service(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_keys_service.count; i++) {
        const struct config_key *key = &config_keys_service.keys[i];
        const char *value = NULL;
        for (size_t k = 0; k < sizeof service_values / sizeof service_values[0]; k++) {
            value = strcmp(service_values[k].key, key->name) == 0 ? service_values[k].value : value;
        }
        if (value == NULL) {
            fail_msg("%s has no row here", key->name);
        }
        char words[512];
        snprintf(words, sizeof words, "[service]\n%s = %s\n" WEB, key->name, value);
        change_key(&config_keys_service, key, WEB, words);
    }
}

static void test_reload__every_key_of_an_endpoint(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_keys_endpoint.count; i++) {
        const struct config_key *key = &config_keys_endpoint.keys[i];
        size_t row = 0;
        while (row < sizeof endpoint_values / sizeof endpoint_values[0] &&
               strcmp(endpoint_values[row].key, key->name) != 0) {
            row++;
        }
        if (row == sizeof endpoint_values / sizeof endpoint_values[0]) {
            fail_msg("%s has no row here", key->name);
            return;
        }
        const char *besides = endpoint_values[row].besides != NULL ? endpoint_values[row].besides : "";
        const char *listen =
            strcmp(key->name, "listen") == 0 ? "" : "listen = tcp://@1:23900, udp://@1:23900\n";
        const char *handler = strcmp(key->name, "handler") == 0 ? "" : "handler = echo\n";
        char before[512], after[512];
        snprintf(before, sizeof before,
                 "[endpoint web]\nlisten = tcp://@1:23900, udp://@1:23900\nhandler = echo\n%s", besides);
        snprintf(after, sizeof after, "[endpoint web]\n%s%s%s%s = %s\n", listen, handler, besides, key->name,
                 endpoint_values[row].value);
        change_key(&config_keys_endpoint, key, before, after);
    }
}

/* ---- Under load (R8) ---- */

/* PORTLISTENER_TEST_RELOADS=1000 is all of R8, with 200 clients: a minute or two. */
enum { RELOADS = 60, RELOADS_MANY = 1000, CALLERS = 8 };

static int reloads_wanted(void)
{
    const char *wanted = getenv("PORTLISTENER_TEST_RELOADS"); /* NOLINT(concurrency-mt-unsafe): one thread */
    const long count = wanted != NULL ? strtol(wanted, NULL, 10) : 0;
    return count > 0 && count <= 100000 ? (int)count : RELOADS;
}

/* Sections are renamed, settings change, an endpoint comes and goes. */
static void reload_number(int number)
{
    char words[256];
    snprintf(words, sizeof words,
             "[endpoint w%d]\nlisten = tcp://@1:23900\nhandler = echo\nidle_timeout = %ds\n%s", number % 3,
             number, number % 2 != 0 ? "[endpoint two]\nlisten = tcp://@2:23900\nhandler = echo\n" : "");
    assert_true(bed_reload(words));
    assert_int_equal(it.report.failure.code, EXIT_CODE_DONE);
}

/* Would rename everything, but one of its handlers does not start. */
static void reload_in_vain(void)
{
    assert_false(bed_reload("[endpoint x]\nlisten = tcp://@1:23900\nhandler = echo\n"
                            "[endpoint y]\nlisten = tcp://@3:23900\nhandler = unwilling\n"));
}

static void test_reload__under_load_nobody_notices(void **state)
{
    (void)state;
    const int reloads = reloads_wanted();
    LONG refused = 0;
    bed_start(WEB);
    const struct pl_address address = at(1);
    callers_start(reloads < RELOADS_MANY ? CALLERS : CALLERS_MOST, &address);
    for (int i = 1; i <= reloads; i++) {
        reload_number(i);
        if (i % 2 == 0) {
            reload_in_vain();
            refused++;
        }
    }
    unsigned long served = 0, failed = 0;
    callers_stop(&served, &failed);
    printf("%d reloads, %ld that were refused, %lu connections served, %lu failed\n", reloads, refused,
           served, failed);
    assert_int_equal(failed, 0);
    bed_wait_for_done(reloads + refused); /* nothing is left of the generations before */
    bed_stop();
}

/* By TCP: Wine 8 binds sockets for UDP to any address, so that one for each port could be bound, and a start waits for
   the others. */
static void test_reload__one_of_a_thousand_endpoints_is_fast(void **state)
{
    (void)state;
    static struct text texts[2];
    for (int k = 0; k < 2; k++) {
        text_init_heap(&texts[k]);
        for (int i = 0; i < 1000; i++) {
            text_add_format(&texts[k], "[endpoint e%d]\nlisten = tcp://@%d:%d\nhandler = echo\n%s", i,
                            1 + i % 250, PORT + 1 + i / 250, k == 1 && i == 500 ? "idle_timeout = 1m\n" : "");
        }
    }
    uint64_t begun = GetTickCount64();
    bed_start(texts[0].at);
    printf("a start of 1,000 endpoints: %llu ms\n", (unsigned long long)(GetTickCount64() - begun));
    for (size_t i = 0; i < it.engine->bindings.count; i++) {
        assert_int_equal(it.engine->bindings.at[i]->listener.state, LISTENER_LISTENING);
    }
    begun = GetTickCount64();
    assert_reload(texts[1].at, 1);
    printf("a reload of 1,000 endpoints, one changed: %llu ms\n",
           (unsigned long long)(GetTickCount64() - begun));
    bed_stop();
    text_fini(&texts[0]);
    text_fini(&texts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reload__the_same_again_changes_nothing, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__live_connections_keep_their_settings, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload__an_endpoint_that_is_paused_stays_so, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload__a_renamed_section_keeps_its_socket, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__another_handler_serves_new_clients, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__endpoints_come_and_go, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__is_done_when_old_sockets_are_closed, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload__addresses_come_and_go, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__whom_it_denies_is_reset, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__limits_count_all_generations, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__what_does_not_start_changes_nothing, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload__a_bind_failure_follows_start_policy, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload__an_address_in_the_way_stays, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__backlog_is_that_of_the_socket, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__while_paused_and_while_it_stops, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__tells_what_it_would_do, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__without_memory_changes_all_or_nothing, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_compare__says_when_there_is_no_memory, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__logs_a_hundred_changes_and_how_many_more, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload__is_refused_while_a_callback_holds_a_worker_up, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload__tells_what_it_would_not_do, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__configurations_do_not_pile_up, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__a_crash_names_the_endpoints_that_it_made, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload__every_key_of_the_service, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__every_key_of_an_endpoint, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__under_load_nobody_notices, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload__one_of_a_thousand_endpoints_is_fast, rig_setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
