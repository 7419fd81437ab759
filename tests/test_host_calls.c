/* SPDX-License-Identifier: MIT
   What a handler asks of its host beside send and close: timers, pauses, turns to write, posts, information, counters,
   log lines; see handler.h. Through a running engine and real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/client.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/journal.h"
#include "support/rig.h"

enum { PIECE = 16000, PIECES = 40, MAX = 1000 };

/* ---- A handler that does what its client says ----

   Each letter is a command; whatever comes of it is answered by letters. */

static struct {
    const pl_host *host;
    pl_id endpoint;
    volatile LONG opens, closes, timers, writables, runs, stale_runs, endpoint_runs, endpoint_timers, drains;
    volatile LONG references, releases, kept;
    volatile LONG mistakes;
    volatile LONG64 id; /* of the last one opened */
    pl_info opened, told;
    int32_t results[8];
    void *volatile held;
    const uint8_t *volatile held_at;
    HANDLE file;
    volatile uint32_t error;
    volatile LONG reason; /* of the last one closed */
} seen;

static bool is_blocking;        /* the same tests, with a handler that blocks */
static int owner;               /* what the state points to */
static char letters[] = "opqr"; /* what is posted */

static void require(bool is_right)
{
    if (!is_right) {
        InterlockedIncrement(&seen.mistakes);
    }
}

static int32_t caller__start(pl_start *start)
{
    seen.host = start->host;
    seen.endpoint = start->endpoint;
    start->state = &owner;
    return PL_OK;
}

static int32_t caller__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    require(state == &owner && *user == NULL && info->id == id && info->endpoint == seen.endpoint);
    seen.opened = *info;
    *user = &owner;
    InterlockedExchange64(&seen.id, (LONG64)id);
    InterlockedIncrement(&seen.opens);
    return PL_OK;
}

static void caller__run(void *state, pl_id id, void **user, void *what)
{
    InterlockedIncrement(&seen.runs);
    if (id == 0) {
        require(state == NULL && user == NULL);
        InterlockedIncrement(&seen.stale_runs);
    } else {
        require(state == &owner && *user == &owner);
        seen.host->send(seen.host, id, what, 1);
    }
}

static void caller__run_on_endpoint(void *state, pl_id id, void **user, void *what)
{
    require(state == &owner && id == seen.endpoint && user == NULL && what == &seen);
    seen.results[0] = seen.host->timer(seen.host, id, 1);
    InterlockedIncrement(&seen.endpoint_runs);
}

enum { BLOCK = 300000, FILE_LENGTH = 1000000 };
static uint8_t block[BLOCK];

static void count_release(void *what)
{
    require(what == block);
    InterlockedIncrement(&seen.releases);
}

static void send_block(pl_id id)
{
    const int32_t result = seen.host->send_ref(seen.host, id, block, sizeof block, count_release, block);
    InterlockedIncrement(&seen.references);
    require(result == PL_OK || result == PL_QUEUED || result == PL_GONE);
}

/* Sends the bytes back without a copy, where they can be kept. */
static void send_kept(pl_id id, const uint8_t *at, size_t length)
{
    const pl_host *host = seen.host;
    void *kept = host->retain(host, id, at, length);
    require(host->retain(host, id, at, 100000) == NULL && host->retain(host, id, block, 1) == NULL);
    if (kept == NULL) {
        require(is_blocking);
        host->send(host, id, at, length);
    } else {
        InterlockedIncrement(&seen.kept);
        host->send_ref(host, id, at, length, host->release, kept);
    }
}

/* A header, the file from its third byte on, and what stands behind it; then a second file, which is one too many. */
static void send_files(pl_id id)
{
    const pl_host *host = seen.host;
    host->send(host, id, "<", 1);
    seen.results[0] = host->send_file(host, id, seen.file, 2, FILE_LENGTH - 2);
    host->send(host, id, ">", 1);
    seen.results[1] = host->send_file(host, id, seen.file, 0, 1);
    seen.results[2] = host->send_file(host, id, seen.file, 0, 0);
    seen.results[3] = host->send_file(host, id, seen.file, 1, FILE_LENGTH);
}

/* Memory: for what is known of it, for its place in line, and, of a handler that blocks, for the way to W. Its file is
   opened again, by such a handler twice. What failed has left nothing behind: then it is sent. */
static void send_file_that_fails(pl_id id)
{
    const pl_host *host = seen.host;
    for (uint32_t nth = 1; nth <= (is_blocking ? 3U : 2U); nth++) {
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        require(host->send_file(host, id, seen.file, 0, FILE_LENGTH) == PL_NO_MEMORY);
    }
    for (uint32_t nth = 1; nth <= (is_blocking ? 2U : 1U); nth++) {
        fault_arm(IMPORT_ReOpenFile, nth, ERROR_SHARING_VIOLATION, 1);
        require(host->send_file(host, id, seen.file, 0, FILE_LENGTH) == PL_INVALID);
    }
    fault_clear();
    require(host->send_file(host, id, seen.file, 0, FILE_LENGTH) == PL_QUEUED);
}

static void caller__do(pl_id id, uint8_t command)
{
    const pl_host *host = seen.host;
    switch (command) {
    case 'T': /* soon */
        require(host->timer(host, id, 1) == PL_OK);
        break;
    case 'Z': /* never, after all */
        require(host->timer(host, id, 1) == PL_OK && host->timer(host, id, 0) == PL_OK);
        break;
    case 'P': /* reads on when its timer comes */
        require(host->read(host, id, 0) == PL_OK && host->timer(host, id, 300) == PL_OK);
        break;
    case 'F':
        send_files(id);
        break;
    case 'M':
        send_file_that_fails(id);
        break;
    case 'Y':
        send_block(id);
        break;
    case 'W':
        for (int i = 0; i < 2; i++) {
            require(host->want_writable(host, id) == PL_OK); /* twice is once */
        }
        break;
    case 'I':
        seen.told = (pl_info){.size = sizeof seen.told};
        require(host->info(host, id, &seen.told) == PL_OK);
        host->send(host, id, "i", 1);
        break;
    case 'O':
        require(host->post(host, id, caller__run, &letters[0]) == PL_QUEUED);
        break;
    case 'R': /* gone before it is run, or not yet */
        require(host->post(host, id, caller__run, &letters[3]) == PL_QUEUED);
        host->close(host, id, PL_RESET);
        require(host->timer(host, id, 1) == (is_blocking ? PL_OK : PL_GONE)); /* W finds out */
        require(host->read(host, id, 1) == (is_blocking ? PL_OK : PL_GONE));
        require(host->want_writable(host, id) == (is_blocking ? PL_OK : PL_GONE));
        break;
    case 'E':
        require(host->post(host, seen.endpoint, caller__run_on_endpoint, &seen) == PL_QUEUED);
        break;
    default:
        host->send(host, id, &command, 1);
    }
}

/* For the test's own thread. */
static void hold_kept(pl_id id, const uint8_t *at, size_t length)
{
    seen.held = seen.host->retain(seen.host, id, at, length);
    seen.held_at = at;
    require((seen.held == NULL) == is_blocking);
    seen.host->send(seen.host, id, at, length);
}

static size_t caller__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user;
    if (at[0] == 'K') { /* all of it; the last byte comes again, behind what comes */
        send_kept(id, at, length - 1);
        return length - 1;
    }
    if (at[0] == 'H') {
        hold_kept(id, at, length);
        return length;
    }
    caller__do(id, at[0]);
    (void)length;
    return at[0] == 'P' || length == 1 ? 1 : caller__on_data(state, id, user, at + 1, length - 1) + 1;
}

static void caller__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                const pl_info *info)
{
    (void)state, (void)user, (void)info;
    if (length > 0) {
        caller__do(id, at[0]);
    }
}

static void caller__on_timer(void *state, pl_id id, void **user)
{
    require(state == &owner);
    if (id == seen.endpoint) {
        require(user == NULL);
        InterlockedIncrement(&seen.endpoint_timers);
        return;
    }
    require(*user == &owner);
    InterlockedIncrement(&seen.timers);
    if (seen.host->read(seen.host, id, 1) != PL_INVALID) {
        seen.host->send(seen.host, id, "t", 1);
    }
}

static void caller__on_writable(void *state, pl_id id, void **user)
{
    static uint8_t piece[PIECE];
    require(state == &owner && *user == &owner);
    const int32_t result = seen.host->send(seen.host, id, piece, sizeof piece);
    require(result == PL_OK || result == PL_QUEUED);
    if (InterlockedIncrement(&seen.writables) < PIECES) {
        require(seen.host->want_writable(seen.host, id) == PL_OK);
    }
}

static void caller__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    seen.error = win32_error;
    seen.reason = reason;
    pl_info info = {.size = sizeof info};
    require(state == &owner && *user == &owner && seen.host->info(seen.host, id, &info) == PL_GONE);
    InterlockedIncrement(&seen.closes);
}

static void caller__drain(void *state, uint32_t within)
{
    require(state == &owner && within <= MAX);
    InterlockedIncrement(&seen.drains);
    seen.host->close(seen.host, (pl_id)seen.id, PL_GRACEFUL);
}

static const struct pl_counter counters[] = {{"lines", "lines", "what was written"},
                                             {"bytes", "bytes", "what was read"}};

#define CALLER(title, set)                                                                                   \
    .size = sizeof(struct pl_handler), .abi_major = PL_ABI_MAJOR, .abi_minor = PL_ABI_MINOR, .flags = (set), \
    .name = (title), .version = "1", .summary = "for tests", .start = caller__start,                         \
    .on_open = caller__on_open, .on_data = caller__on_data, .on_datagram = caller__on_datagram,              \
    .on_close = caller__on_close, .counter_size = sizeof counters[0], .counter_count = 2,                    \
    .counters = counters

static const struct pl_handler caller = {CALLER("caller", PL_TCP | PL_UDP | PL_SESSIONS),
                                         .on_writable = caller__on_writable, .on_timer = caller__on_timer,
                                         .drain = caller__drain};
static const struct pl_handler blocking_caller = {
    CALLER("blocking-caller", PL_BLOCKING | PL_TCP | PL_UDP | PL_SESSIONS),
    .on_writable = caller__on_writable, .on_timer = caller__on_timer, .drain = caller__drain};
static const struct pl_handler *const handlers[] = {&caller, &blocking_caller, NULL};

static const char *caller_name(void)
{
    return is_blocking ? "blocking-caller" : "caller";
}

/* ---- Fixture ---- */

static struct rig rig;
static struct client *client;
static struct pl_address address;

static int prepare(void **state)
{
    memset(&seen, 0, sizeof seen);
    return rig_setup(state);
}

static int finish(void **state)
{
    const int result = rig_teardown(state);
    return seen.mistakes != 0 ? -1 : result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, prepare, finish)

static void start(const char *handler, const char *listen)
{
    rig_init(&rig, handlers);
    rig_endpoint(&rig, "test", handler, listen)->reply_limit = 0;
    rig.options.log = journal_open();
    rig_start(&rig);
    address = rig_address(&rig, 0);
}

static void stop(void)
{
    rig_stop(&rig);
    journal_close();
}

static void start_tcp(void)
{
    start(caller_name(), "tcp://127.0.0.1:0");
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
}

static void start_udp(void)
{
    const struct pl_address from = client_address("127.0.0.1", 0);
    start(caller_name(), "udp://127.0.0.1:0");
    client = client_open_datagram(&from);
}

static void say(const char *commands)
{
    assert_int_equal(client_send(client, commands, strlen(commands), CLIENT_PATIENCE), CLIENT_OK);
}

static void hear(const char *answers)
{
    char heard[MAX] = "";
    assert_int_equal(client_receive(client, heard, strlen(answers), CLIENT_PATIENCE), CLIENT_OK);
    assert_string_equal(heard, answers);
}

static void wait_for(const volatile LONG *value, LONG wanted)
{
    for (const uint64_t deadline = rig_deadline(); *value < wanted;) {
        rig_nap(deadline, "a callback");
    }
}

/* ---- Timers ---- */

static void test_timer__comes_once_and_not_when_cleared(void **state)
{
    (void)state;
    start_tcp();
    say("T");
    hear("t");
    say("ZT"); /* set, cleared, and set again */
    hear("t");
    say("Z");
    Sleep(300);
    say("x");
    hear("x");
    assert_int_equal(seen.timers, 2);
    client_close(client);
    stop();
}

static void test_timer__goes_with_its_connection(void **state)
{
    (void)state;
    start_tcp();
    say("Tx");
    hear("x");
    client_reset(client);
    wait_for(&seen.closes, 1);
    Sleep(300);
    assert_in_range(seen.timers, 0, 1);
    stop();
}

static void test_timer__of_a_session(void **state)
{
    (void)state;
    start_udp();
    char answer[MAX];
    size_t length = 0;
    assert_int_equal(client_send_datagram(client, &address, "T", 1), CLIENT_OK);
    wait_for(&seen.timers, 1);
    assert_int_equal(client_send_datagram(client, &address, "O", 1), CLIENT_OK);
    assert_int_equal(client_receive_datagram(client, answer, sizeof answer, &length, NULL, CLIENT_PATIENCE),
                     CLIENT_OK);
    assert_int_equal(answer[0], 'o');
    assert_int_equal(client_send_datagram(client, &address, "I", 1), CLIENT_OK);
    assert_int_equal(client_receive_datagram(client, answer, sizeof answer, &length, NULL, CLIENT_PATIENCE),
                     CLIENT_OK);
    assert_int_equal(seen.told.seen, PL_SESSION);
    assert_true(address_equal(&seen.told.peer, &seen.opened.peer));
    assert_int_equal(client_send_datagram(client, &address, "T", 1), CLIENT_OK);
    client_close(client);
    stop();
    assert_int_equal(seen.closes, 1);
}

static void test_timer__of_an_endpoint(void **state)
{
    (void)state;
    start_tcp();
    assert_int_equal(seen.host->timer(seen.host, seen.endpoint, 1), PL_WRONG_THREAD);
    say("E");
    wait_for(&seen.endpoint_timers, 1);
    assert_int_equal(seen.results[0], PL_OK);
    say("E"); /* is set when the engine stops, perhaps */
    wait_for(&seen.endpoint_runs, 2);
    client_close(client);
    stop();
}

/* ---- Reading ---- */

static void test_read__is_paused_and_goes_on_with_what_was_left(void **state)
{
    (void)state;
    start_tcp();
    say("Pabc");
    Sleep(100);
    say("def"); /* behind what is left */
    hear("tabcdef");
    say("P");
    Sleep(50);
    assert_int_equal(client_finish(client), CLIENT_OK); /* the FIN comes when it reads again */
    hear("t");
    char byte = 0;
    assert_int_equal(client_receive(client, &byte, 1, CLIENT_PATIENCE), CLIENT_EOF);
    client_close(client);
    stop();
    assert_int_equal(seen.closes, 1);
}

/* ---- Writing ---- */

static void test_want_writable__gives_turns_to_a_sender(void **state)
{
    (void)state;
    start_tcp();
    say("W");
    static char heard[PIECE * PIECES];
    assert_int_equal(client_receive(client, heard, sizeof heard, CLIENT_PATIENCE), CLIENT_OK);
    say("x");
    hear("x"); /* and no more than that */
    assert_int_equal(seen.writables, PIECES);
    client_close(client);
    stop();
}

static void test_want_writable__waits_for_a_slow_reader(void **state)
{
    (void)state;
    start(caller_name(), "tcp://127.0.0.1:0");
    assert_int_equal(client_connect(&address, NULL, 4096, CLIENT_PATIENCE, &client), CLIENT_OK);
    say("W");
    static char heard[PIECE * PIECES];
    wait_for(&seen.writables, 1);
    for (LONG before = -1; before != seen.writables;) { /* until it has stopped */
        before = seen.writables;
        Sleep(100);
    }
    assert_in_range(seen.writables, 1, PIECES);
    assert_int_equal(client_receive(client, heard, sizeof heard, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(seen.writables, PIECES);
    client_close(client);
    stop();
}

/* ---- Posts ---- */

static void test_post__runs_once_whatever_comes(void **state)
{
    (void)state;
    start_tcp();
    say("O");
    hear("o");
    const pl_id id = (pl_id)seen.id;
    assert_int_equal(seen.host->post(seen.host, id, caller__run, &letters[1]),
                     PL_QUEUED); /* from this thread */
    hear("p");
    say("R");
    wait_for(&seen.runs, 3);
    wait_for(&seen.closes, 1);
    client_close(client);
    const LONG stale = seen.stale_runs;
    assert_int_equal(seen.host->post(seen.host, id, caller__run, &letters[2]), PL_QUEUED);
    wait_for(&seen.stale_runs, stale + 1);
    assert_int_equal(seen.runs, 4);
    assert_int_equal(seen.host->post(seen.host, id, NULL, NULL), PL_INVALID);
    assert_int_equal(seen.host->post(seen.host, 0, caller__run, NULL), PL_GONE);
    stop();
}

static void test_post__needs_memory(void **state)
{
    (void)state;
    start_tcp();
    say("x");
    hear("x");
    fault_arm(IMPORT_HeapAlloc, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    assert_int_equal(seen.host->post(seen.host, (pl_id)seen.id, caller__run, &letters[1]), PL_NO_MEMORY);
    fault_clear();
    client_close(client);
    stop();
    assert_int_equal(seen.runs, 0);
}

static volatile LONG late_runs;

static void run_late(void *state, pl_id id, void **user, void *what)
{
    (void)what;
    require(state == NULL && id == 0 && user == NULL);
    InterlockedIncrement(&late_runs);
}

static int32_t failing__start(pl_start *at)
{
    require(at->host->post(at->host, at->endpoint, run_late, NULL) == PL_QUEUED);
    return PL_INVALID;
}

static void test_post__before_a_start_that_fails_is_run_as_well(void **state)
{
    (void)state;
    static const struct pl_handler failing = {.size = sizeof failing,
                                              .abi_major = PL_ABI_MAJOR,
                                              .flags = PL_TCP,
                                              .name = "failing",
                                              .start = failing__start,
                                              .on_data = caller__on_data};
    static const struct pl_handler *const only[] = {&failing, NULL};
    rig_init(&rig, only);
    rig_endpoint(&rig, "test", "failing", "tcp://127.0.0.1:0");
    late_runs = 0;
    rig_fail(&rig);
    assert_int_equal(late_runs, 1);
}

/* ---- Information, counters, lines ---- */

static void test_info__tells_what_on_open_was_told(void **state)
{
    (void)state;
    start_tcp();
    say("I");
    hear("i");
    assert_int_equal(seen.told.size, sizeof seen.told);
    assert_true(seen.told.id == seen.opened.id && seen.told.endpoint == seen.endpoint);
    assert_true(address_equal(&seen.told.peer, &seen.opened.peer));
    assert_true(address_equal(&seen.told.local, &seen.opened.local));
    assert_int_equal(seen.told.seen, 0);
    pl_info info = {.size = sizeof info};
    assert_int_equal(seen.host->info(seen.host, (pl_id)seen.id, &info), PL_WRONG_THREAD);
    assert_int_equal(seen.host->info(seen.host, seen.endpoint, &info), PL_INVALID);
    assert_int_equal(seen.host->info(seen.host, 0, &info), PL_GONE);
    client_close(client);
    stop();
}

static void test_count__adds_for_each_endpoint(void **state)
{
    (void)state;
    start(caller_name(), "tcp://127.0.0.1:0");
    const pl_host *host = seen.host;
    assert_int_equal(host->count(host, seen.endpoint, 1, 5), PL_OK);
    assert_int_equal(host->count(host, seen.endpoint, 1, 7), PL_OK);
    assert_int_equal(host->count(host, seen.endpoint, 2, 1), PL_INVALID);
    assert_int_equal(host->count(host, 1, 0, 1), PL_GONE);
    assert_int_equal(engine_handler_counter(rig.engine, "test", 0), 0);
    assert_int_equal(engine_handler_counter(rig.engine, "test", 1), 12);
    assert_int_equal(engine_handler_counter(rig.engine, "test", 2), 0);
    assert_int_equal(engine_handler_counter(rig.engine, "other", 1), 0);
    stop();
}

static void test_log__writes_ten_lines_a_second_and_tells_of_the_rest(void **state)
{
    (void)state;
    static char long_line[1000];
    start(caller_name(), "tcp://127.0.0.1:0");
    const pl_host *host = seen.host;
    memset(long_line, 'x', sizeof long_line);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(host->log(host, seen.endpoint, 0, PL_LOG_WARNING, "well", 4), PL_OK);
    }
    assert_int_equal(host->log(host, seen.endpoint, 77, PL_LOG_ERROR, long_line, sizeof long_line), PL_OK);
    assert_int_equal(host->log(host, seen.endpoint, 0, PL_LOG_DEBUG + 1, "x", 1), PL_INVALID);
    assert_int_equal(host->log(host, seen.endpoint, 0, -1, "x", 1), PL_INVALID);
    assert_int_equal(host->log(host, 0, 0, PL_LOG_INFO, "x", 1), PL_GONE);
    journal_wait(EVENT_HANDLER_ERROR, 1);
    rig_stop(&rig);
    journal_wait(EVENT_HANDLER_WARNING, 11); /* two seconds, perhaps */
    assert_in_range(journal_count(EVENT_HANDLER_WARNING), 11, 21);
    journal_assert_last(EVENT_HANDLER_WARNING, "since its last one");
    journal_close();
}

/* What a client has sent may be logged by its handler: it cannot cut the line short. */
static void test_log__has_all_bytes(void **state)
{
    (void)state;
    start(caller_name(), "tcp://127.0.0.1:0");
    assert_int_equal(seen.host->log(seen.host, seen.endpoint, 0, PL_LOG_ERROR, "a\0b\n\0\0c\0", 8), PL_OK);
    journal_wait(EVENT_HANDLER_ERROR, 1);
    journal_assert_last(EVENT_HANDLER_ERROR, "a\\x00b\\n\\x00\\x00c\\x00");
    stop();
}

static void test_clock__goes_forward(void **state)
{
    (void)state;
    start(caller_name(), "tcp://127.0.0.1:0");
    const int64_t before = seen.host->clock(seen.host);
    assert_in_range(seen.host->clock(seen.host) - before, 0, RIG_PATIENCE);
    stop();
}

/* ---- References ---- */

static void test_send_ref__gives_back_once(void **state)
{
    (void)state;
    static uint8_t heard[BLOCK];
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (uint8_t)(i * 7 + i / 251);
    }
    start_tcp();
    say("YxYx"); /* among sends that are copied */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(client_receive(client, heard, sizeof heard, CLIENT_PATIENCE), CLIENT_OK);
        assert_memory_equal(heard, block, sizeof block);
        hear("x");
    }
    wait_for(&seen.releases, 2);
    assert_int_equal(seen.host->send_ref(seen.host, (pl_id)seen.id, block, 10, count_release, block),
                     PL_QUEUED);
    assert_int_equal(client_receive(client, heard, 10, CLIENT_PATIENCE), CLIENT_OK); /* from this thread */
    wait_for(&seen.releases, 3);
    say("YYY");
    client_reset(client); /* with some of it under way */
    wait_for(&seen.closes, 1);
    const LONG before = seen.releases;
    const int32_t result = seen.host->send_ref(seen.host, (pl_id)seen.id, block, 10, count_release, block);
    assert_true(result == PL_QUEUED || result == PL_GONE);
    wait_for(&seen.releases, before + 1);
    stop();
    assert_int_equal(seen.releases, seen.references + 2); /* those of this thread */
}

static void test_send_ref__of_a_datagram(void **state)
{
    (void)state;
    start_udp();
    char answer[MAX];
    size_t length = 0;
    assert_int_equal(
        client_exchange(client, &address, "x", 1, answer, sizeof answer, &length, CLIENT_PATIENCE),
        CLIENT_OK);
    assert_int_equal(seen.host->send_ref(seen.host, (pl_id)seen.id, block, 10, count_release, block),
                     PL_QUEUED);
    assert_int_equal(client_receive_datagram(client, answer, sizeof answer, &length, NULL, CLIENT_PATIENCE),
                     CLIENT_OK);
    assert_int_equal(length, 10);
    wait_for(&seen.releases, 1);
    assert_int_equal(seen.host->send_ref(seen.host, (pl_id)seen.id, block, 70000, count_release, block),
                     PL_LIMIT);
    assert_int_equal(seen.releases, 2); /* at once */
    client_close(client);
    stop();
    assert_int_equal(seen.releases, 2);
}

static void test_send_ref__refuses_what_it_cannot_take(void **state)
{
    (void)state;
    start_tcp();
    say("x");
    hear("x");
    const pl_host *host = seen.host;
    const pl_id id = (pl_id)seen.id;
    assert_int_equal(host->send_ref(host, id, block, 1, NULL, NULL), PL_INVALID);
    assert_int_equal(host->send_ref(host, seen.endpoint, block, 1, count_release, block), PL_INVALID);
    assert_int_equal(host->send_ref(host, 0, block, 1, count_release, block), PL_GONE);
    assert_null(host->retain(host, id, block, 1));
    fault_arm(IMPORT_HeapAlloc, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    assert_int_equal(host->send_ref(host, id, block, 1, count_release, block), PL_NO_MEMORY);
    fault_clear();
    client_close(client);
    stop();
    assert_int_equal(seen.releases, 3); /* but for the one that had nothing to be called */
}

static void test_retain__keeps_what_came_and_leaves_the_rest(void **state)
{
    (void)state;
    start_tcp();
    say("Kabcx");
    hear("Kabc");
    say("y"); /* behind what was left */
    hear("xy");
    say("Kdefx");
    hear("Kdef");
    say("z");
    hear("xz");
    assert_int_equal(seen.kept, is_blocking ? 0 : 2);
    client_close(client);
    stop();
}

static void test_retain__outlives_the_connection(void **state)
{
    (void)state;
    start_tcp();
    say("Habc");
    hear("Habc");
    client_close(client);
    wait_for(&seen.closes, 1);
    if (seen.held != NULL) {
        assert_memory_equal(seen.held_at, "Habc", 4);
    }
    seen.host->release(seen.held); /* on this thread; of nothing it does nothing */
    stop();
}

/* ---- Files ---- */

static struct folder folder;
static uint8_t contents[FILE_LENGTH];

static void make_file(void)
{
    folder_init(&folder);
    for (size_t i = 0; i < sizeof contents; i++) {
        contents[i] = (uint8_t)(i * 13 + i / 509);
    }
    WCHAR path[MAX] = L"";
    assert_true(MultiByteToWideChar(CP_UTF8, 0, folder_join(&folder, "sent.bin"), -1, path, MAX) > 0);
    seen.file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                            CREATE_ALWAYS, 0, NULL);
    DWORD written = 0;
    assert_true(WriteFile(seen.file, contents, sizeof contents, &written, NULL));
}

/* More than a system takes from us for a client that does not read. */
enum { LONG_FILE = 64 << 20 };

static void lengthen_file(void)
{
    const LARGE_INTEGER end = {.QuadPart = LONG_FILE};
    assert_true(SetFilePointerEx(seen.file, end, NULL, FILE_BEGIN));
    assert_true(SetEndOfFile(seen.file));
}

static void remove_file(void)
{
    CloseHandle(seen.file);
    folder_fini(&folder);
}

static void test_send_file__stands_in_line(void **state)
{
    (void)state;
    static uint8_t heard[FILE_LENGTH];
    make_file();
    start_tcp();
    say("F");
    hear("<");
    assert_int_equal(client_receive(client, heard, FILE_LENGTH - 2, CLIENT_PATIENCE), CLIENT_OK);
    assert_memory_equal(heard, contents + 2, FILE_LENGTH - 2);
    hear(">");
    assert_int_equal(seen.results[0], PL_QUEUED);
    assert_int_equal(seen.results[1], PL_FULL);
    assert_int_equal(seen.results[2], PL_OK);
    assert_int_equal(seen.results[3], PL_INVALID);
    assert_int_equal(client_receive(client, heard, PIECE * PIECES, CLIENT_PATIENCE), CLIENT_OK);
    wait_for(&seen.writables, PIECES); /* after PL_FULL, and then as asked for */
    assert_int_equal(seen.writables, PIECES);
    client_close(client);
    stop();
    remove_file();
}

static void test_send_file__needs_memory_and_its_file(void **state)
{
    (void)state;
    static uint8_t heard[FILE_LENGTH];
    make_file();
    start_tcp();
    say("M");
    assert_int_equal(client_receive(client, heard, FILE_LENGTH, CLIENT_PATIENCE), CLIENT_OK);
    assert_memory_equal(heard, contents, FILE_LENGTH);
    assert_int_equal(seen.closes, 0);
    client_close(client);
    stop();
    remove_file();
}

static void test_send_file__from_another_thread(void **state)
{
    (void)state;
    static uint8_t heard[100];
    make_file();
    start_tcp();
    say("x");
    hear("x");
    assert_int_equal(seen.host->send_file(seen.host, (pl_id)seen.id, seen.file, 50, 100), PL_QUEUED);
    assert_int_equal(client_receive(client, heard, 100, CLIENT_PATIENCE), CLIENT_OK);
    assert_memory_equal(heard, contents + 50, 100);
    assert_int_equal(seen.host->send_file(seen.host, seen.endpoint, seen.file, 0, 1), PL_INVALID);
    assert_int_equal(seen.host->send_file(seen.host, 0, seen.file, 0, 1), PL_GONE);
    assert_int_equal(seen.host->send_file(seen.host, (pl_id)seen.id, INVALID_HANDLE_VALUE, 0, 1), PL_INVALID);
    client_close(client);
    wait_for(&seen.closes, 1);
    stop();
    remove_file();
}

static void test_send_file__ends_with_a_client_that_goes(void **state)
{
    (void)state;
    make_file();
    start_tcp();
    say("x");
    hear("x");
    assert_int_equal(seen.host->send_file(seen.host, (pl_id)seen.id, seen.file, 0, FILE_LENGTH), PL_QUEUED);
    client_reset(client);
    wait_for(&seen.closes, 1);
    stop();
    remove_file();
}

/* Whatever fails, the client ends or is served, and nothing is left. */
static void test_send_file__survives_what_fails(void **state)
{
    (void)state;
    static const struct {
        enum import import;
        DWORD error;
    } rows[] = {{IMPORT_ReOpenFile, ERROR_SHARING_VIOLATION},
                {IMPORT_GetFileSizeEx, ERROR_NOT_READY},
                {IMPORT_CreateIoCompletionPort, ERROR_NOT_ENOUGH_MEMORY},
                {IMPORT_ReadFile, ERROR_READ_FAULT},
                {IMPORT_HeapAlloc, ERROR_NOT_ENOUGH_MEMORY}};
    make_file();
    start_tcp();
    say("x");
    hear("x");
    client_close(client);
    wait_for(&seen.closes, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint32_t place = 1; place <= 3; place++) {
            const LONG closes = seen.closes;
            assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
            say("x");
            hear("x");
            fault_arm(rows[i].import, place, rows[i].error, 1);
            seen.host->send_file(seen.host, (pl_id)seen.id, seen.file, 0, FILE_LENGTH);
            Sleep(20);
            fault_clear();
            client_reset(client);
            wait_for(&seen.closes, closes + 1);
        }
    }
    stop();
    remove_file();
}

/* As if it had: the second read finds its end. */
static void test_send_file__that_shrinks_ends_the_connection(void **state)
{
    (void)state;
    make_file();
    start(caller_name(), "tcp://127.0.0.1:0");
    fault_arm(IMPORT_ReadFile, 2, ERROR_HANDLE_EOF, 1);
    assert_int_equal(client_connect(&address, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    say("F");
    wait_for(&seen.closes, 1);
    assert_int_equal(seen.reason, PL_ERROR);
    assert_int_equal(seen.error, ERROR_HANDLE_EOF);
    fault_clear();
    client_close(client);
    stop();
    remove_file();
}

/* ---- Ended from outside ---- */

static void test_engine_close_client__of_a_session(void **state)
{
    (void)state;
    start_udp();
    char answer[MAX];
    size_t length = 0;
    assert_int_equal(
        client_exchange(client, &address, "x", 1, answer, sizeof answer, &length, CLIENT_PATIENCE),
        CLIENT_OK);
    assert_true(engine_close_client(rig.engine, (pl_id)seen.id));
    wait_for(&seen.closes, 1);
    assert_int_equal(seen.reason, PL_BY_ADMIN);
    rig_wait_for_counter(&rig, COUNTER_SESSIONS_CLOSED_BY_ADMIN, 1);
    assert_true(engine_close_client(rig.engine, (pl_id)seen.id)); /* it cannot know */
    assert_false(engine_close_client(rig.engine, seen.endpoint));
    client_close(client);
    stop();
}

static void test_engine_close_client__of_a_connection(void **state)
{
    (void)state;
    start_tcp();
    say("x");
    hear("x");
    fault_arm(IMPORT_HeapAlloc, 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
    assert_false(engine_close_client(rig.engine, (pl_id)seen.id));
    fault_clear();
    assert_true(engine_close_client(rig.engine, (pl_id)seen.id));
    wait_for(&seen.closes, 1);
    assert_int_equal(seen.reason, PL_BY_ADMIN);
    client_close(client);
    stop();
}

static void page__take(void *what, const char *at, size_t length)
{
    (void)what, (void)at, (void)length;
    fail_msg("nobody writes here");
}

static void test_report__is_for_hosts_that_make_some(void **state)
{
    (void)state;
    start_tcp();
    say("x");
    hear("x");
    assert_int_equal(seen.host->report(seen.host, 3, page__take, NULL), PL_INVALID);
    client_close(client);
    stop();
}

/* ---- What is refused ---- */

static void test_calls__on_wrong_threads_and_ids_are_refused(void **state)
{
    (void)state;
    start_tcp();
    say("x");
    hear("x");
    const pl_host *host = seen.host;
    const pl_id id = (pl_id)seen.id;
    assert_int_equal(host->timer(host, id, 1), PL_WRONG_THREAD);
    assert_int_equal(host->read(host, id, 0), PL_WRONG_THREAD);
    assert_int_equal(host->want_writable(host, id), PL_WRONG_THREAD);
    assert_int_equal(host->timer(host, 0, 1), PL_GONE);
    assert_int_equal(host->timer(host, seen.endpoint + ((pl_id)1 << 40), 1), PL_GONE);
    assert_int_equal(host->read(host, seen.endpoint, 0), PL_INVALID);
    assert_int_equal(host->want_writable(host, seen.endpoint), PL_INVALID);
    assert_int_equal(host->send(host, seen.endpoint, "x", 1), PL_INVALID);
    assert_int_equal(host->close(host, seen.endpoint, PL_RESET), PL_INVALID);
    client_close(client);
    stop();
}

/* What a handler asks for with an id, and what it is told: with that of its connection, of a datagram, of a session that a
   handler that blocks is not told of, and of a connection that is gone. */
enum { OF_CONNECTION, OF_DATAGRAM, OF_SESSION, OF_NOBODY, PLACES };
enum { ANYTHING = 99, HUGE = 1 << 29 };

static int32_t ask__timer(const pl_host *host, pl_id id)
{
    return host->timer(host, id, 1);
}

static int32_t ask__want_writable(const pl_host *host, pl_id id)
{
    return host->want_writable(host, id);
}

static int32_t ask__read(const pl_host *host, pl_id id)
{
    return host->read(host, id, 1);
}

static int32_t ask__read_wrongly(const pl_host *host, pl_id id)
{
    return host->read(host, id, 2);
}

static int32_t ask__info_without_size(const pl_host *host, pl_id id)
{
    pl_info info = {0};
    return host->info(host, id, &info);
}

static int32_t ask__info_for_nobody(const pl_host *host, pl_id id)
{
    return host->info(host, id, NULL);
}

static int32_t ask__send_from_nowhere(const pl_host *host, pl_id id)
{
    return host->send(host, id, NULL, 5);
}

static int32_t ask__send_ref_from_nowhere(const pl_host *host, pl_id id)
{
    InterlockedIncrement(&seen.references);
    return host->send_ref(host, id, NULL, 5, count_release, block);
}

static int32_t ask__log_from_nowhere(const pl_host *host, pl_id id)
{
    return host->log(host, seen.endpoint, id, PL_LOG_ERROR, NULL, 5);
}

static int32_t ask__option_of_nothing(const pl_host *host, pl_id id)
{
    pl_text text = {0};
    int64_t number = 0;
    (void)id;
    return host->option(host, NULL, "x", &text, &number);
}

static int32_t ask__send_too_much(const pl_host *host, pl_id id)
{
    return host->send(host, id, block, HUGE);
}

static int32_t ask__send_ref_of_too_much(const pl_host *host, pl_id id)
{
    InterlockedIncrement(&seen.references);
    return host->send_ref(host, id, block, HUGE, count_release, block);
}

static int32_t ask__send_ref_for_ever(const pl_host *host, pl_id id)
{
    return host->send_ref(host, id, block, 1, NULL, NULL);
}

static int32_t ask__send_file_of_none(const pl_host *host, pl_id id)
{
    return host->send_file(host, id, INVALID_HANDLE_VALUE, 0, 1);
}

static int32_t ask__retain_what_did_not_come(const pl_host *host, pl_id id)
{
    return host->retain(host, id, block, 1) == NULL ? PL_INVALID : PL_OK;
}

static int32_t ask__close_wrongly(const pl_host *host, pl_id id)
{
    return host->close(host, id, PL_RESET + 1);
}

static int32_t ask__post_nothing(const pl_host *host, pl_id id)
{
    return host->post(host, id, NULL, block);
}

static int32_t ask__connect_without_id(const pl_host *host, pl_id id)
{
    const pl_connect how = {.size = sizeof how, .protocol = PL_TCP, .target = {"127.0.0.1:9", 11}};
    return host->connect(host, id, &how, NULL);
}

static int32_t ask__count_of_no_table(const pl_host *host, pl_id id)
{
    (void)id;
    return host->count(host, seen.endpoint, 7, 1);
}

static int32_t ask__timer_of_endpoint(const pl_host *host, pl_id id)
{
    (void)id;
    return host->timer(host, seen.endpoint, 1);
}

static const struct {
    const char *what;
    int32_t (*ask)(const pl_host *host, pl_id id);
    int32_t expected[PLACES];
} questions[] = {
    {"timer", ask__timer, {PL_INVALID, PL_INVALID, PL_INVALID, PL_GONE}},
    {"want_writable", ask__want_writable, {PL_INVALID, PL_INVALID, PL_INVALID, PL_GONE}},
    {"read", ask__read, {PL_OK, PL_INVALID, PL_INVALID, PL_GONE}},
    {"read 2", ask__read_wrongly, {PL_INVALID, PL_INVALID, PL_INVALID, ANYTHING}},
    {"info", ask__info_without_size, {PL_INVALID, PL_INVALID, PL_INVALID, PL_GONE}},
    {"info NULL", ask__info_for_nobody, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"send NULL", ask__send_from_nowhere, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"send_ref of NULL", ask__send_ref_from_nowhere, {PL_INVALID, PL_INVALID, PL_INVALID, ANYTHING}},
    {"log NULL", ask__log_from_nowhere, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"option NULL", ask__option_of_nothing, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"send", ask__send_too_much, {PL_LIMIT, PL_LIMIT, PL_LIMIT, PL_GONE}},
    {"send_ref", ask__send_ref_of_too_much, {PL_LIMIT, PL_LIMIT, PL_LIMIT, PL_GONE}},
    {"send_ref NULL", ask__send_ref_for_ever, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"send_file", ask__send_file_of_none, {PL_INVALID, PL_INVALID, PL_INVALID, ANYTHING}},
    {"retain", ask__retain_what_did_not_come, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"close", ask__close_wrongly, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"post", ask__post_nothing, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"connect", ask__connect_without_id, {PL_INVALID, PL_INVALID, PL_INVALID, ANYTHING}},
    {"count", ask__count_of_no_table, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
    {"timer of endpoint", ask__timer_of_endpoint, {PL_INVALID, PL_INVALID, PL_INVALID, PL_INVALID}},
};

static void ask_all(pl_id id, int place)
{
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const int32_t expected = questions[i].expected[place];
        const int32_t result = questions[i].ask(seen.host, id);
        if (result != expected && expected != ANYTHING) {
            fprintf(stderr, "%s at place %d: %d\n", questions[i].what, place, (int)result);
            require(false);
        }
    }
}

/* As much as is taken, of a client that does not read; then it is one too many. */
static void stranger__flood(pl_id id)
{
    do {
        seen.results[0] = seen.host->send(seen.host, id, block, PIECE);
    } while (seen.results[0] == PL_OK || seen.results[0] == PL_QUEUED);
}

static size_t stranger__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user;
    const pl_host *host = seen.host;
    InterlockedExchange64(&seen.id, (LONG64)id);
    switch (at[0]) {
    case 'B':
        stranger__flood(id);
        break;
    case 'F':
        seen.results[0] = host->send_file(host, id, seen.file, 0, FILE_LENGTH);
        seen.results[1] = host->send_file(host, id, seen.file, 0, 1);
        break;
    default:
        ask_all(id, OF_CONNECTION);
        host->send(host, id, "s", 1);
    }
    return length;
}

static void stranger__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                  const pl_info *info)
{
    (void)state, (void)user, (void)at, (void)length, (void)info;
    InterlockedExchange64(&seen.id, (LONG64)id);
    ask_all(id, is_blocking ? OF_SESSION : OF_DATAGRAM);
    seen.host->send_ref(seen.host, id, block, 1, count_release, block);
    InterlockedIncrement(&seen.references);
}

static void stranger__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)user, (void)win32_error;
    ask_all(id, OF_NOBODY);
    seen.reason = reason;
    InterlockedIncrement(&seen.closes);
}

/* A handler with nothing but what it must have. */
static void start_stranger(const char *listen)
{
    static struct pl_handler stranger = {.size = sizeof stranger,
                                         .abi_major = PL_ABI_MAJOR,
                                         .abi_minor = PL_ABI_MINOR,
                                         .name = "stranger",
                                         .start = caller__start,
                                         .on_data = stranger__on_data,
                                         .on_datagram = stranger__on_datagram,
                                         .on_close = stranger__on_close};
    static const struct pl_handler *const only[] = {&stranger, NULL};
    stranger.flags = PL_TCP | PL_UDP | (is_blocking ? (uint32_t)PL_BLOCKING : 0U);
    rig_init(&rig, only);
    struct config_endpoint *endpoint = rig_endpoint(&rig, "test", "stranger", listen);
    endpoint->send_buffer = 8192;
    rig_start(&rig);
    address = rig_address(&rig, 0);
}

static void connect_stranger(void)
{
    start_stranger("tcp://127.0.0.1:0");
    assert_int_equal(client_connect(&address, NULL, 4096, CLIENT_PATIENCE, &client), CLIENT_OK);
}

static void test_calls__with_what_they_cannot_take_are_refused(void **state)
{
    (void)state;
    connect_stranger();
    say("x");
    hear("s");
    client_close(client);
    wait_for(&seen.closes, 1);
    rig_stop(&rig);
    assert_int_equal(seen.releases, seen.references);
}

static void test_calls__with_a_datagram_are_for_its_own_callback(void **state)
{
    (void)state;
    char answer[MAX];
    size_t length = 0;
    const struct pl_address from = client_address("127.0.0.1", 0);
    start_stranger("udp://127.0.0.1:0");
    client = client_open_datagram(&from);
    assert_int_equal(
        client_exchange(client, &address, "x", 1, answer, sizeof answer, &length, CLIENT_PATIENCE),
        CLIENT_OK);
    assert_int_equal(length, 1);
    if (!is_blocking) { /* else it is a session's id */
        const pl_host *host = seen.host;
        const pl_id id = (pl_id)seen.id;
        pl_id other = 0;
        const pl_connect how = {.size = sizeof how, .protocol = PL_TCP, .target = {"127.0.0.1:9", 11}};
        assert_int_equal(host->send(host, id, "x", 1), PL_WRONG_THREAD);
        assert_int_equal(host->send_ref(host, id, block, 1, count_release, block), PL_WRONG_THREAD);
        InterlockedIncrement(&seen.references);
        assert_int_equal(host->connect(host, id, &how, &other), PL_WRONG_THREAD);
        assert_int_equal(host->connect(host, 0, &how, &other), PL_GONE);
        assert_int_equal(host->close(host, id, PL_RESET), PL_INVALID);
        assert_int_equal(host->post(host, id, caller__run, letters), PL_INVALID);
        assert_int_equal(host->send_file(host, id, INVALID_HANDLE_VALUE, 0, 1), PL_INVALID);
        assert_null(host->retain(host, id, block, 1));
        assert_false(engine_close_client(rig.engine, id));
    }
    client_close(client);
    rig_stop(&rig);
    assert_int_equal(seen.releases, seen.references);
}

/* Who cannot be told when there is room again is ended. */
static void test_calls__without_on_writable_end_with_pl_full(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        int32_t first, last;
    } rows[] = {{"B", PL_FULL, 0}, {"F", PL_QUEUED, PL_FULL}};
    make_file();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        seen.closes = 0;
        connect_stranger();
        say(rows[i].command);
        wait_for(&seen.closes, 1);
        assert_int_equal(seen.reason, PL_SLOW_READER);
        assert_int_equal(seen.results[0], rows[i].first);
        assert_int_equal(seen.results[1], rows[i].last);
        client_close(client);
        rig_stop(&rig);
        assert_int_equal(seen.releases, seen.references);
    }
    remove_file();
}

/* One at a time, whoever sends it. */
static void test_send_file__behind_that_of_another_thread(void **state)
{
    (void)state;
    make_file();
    lengthen_file();
    connect_stranger();
    say("x");
    hear("s");
    assert_int_equal(seen.host->send_file(seen.host, (pl_id)seen.id, seen.file, 0, LONG_FILE), PL_QUEUED);
    assert_int_equal(client_receive(client, contents, 1, CLIENT_PATIENCE), CLIENT_OK);
    say("F");
    wait_for(&seen.closes, 1);
    assert_int_equal(seen.results[0], is_blocking ? PL_QUEUED : PL_FULL); /* W finds out */
    assert_int_equal(seen.reason, PL_SLOW_READER);
    client_close(client);
    rig_stop(&rig);
    remove_file();
}

static int32_t push__send(pl_id id)
{
    return seen.host->send(seen.host, id, block, PIECE);
}

static int32_t push__send_ref(pl_id id)
{
    InterlockedIncrement(&seen.references);
    return seen.host->send_ref(seen.host, id, block, PIECE, count_release, block);
}

static int32_t push__send_file(pl_id id)
{
    return seen.host->send_file(seen.host, id, seen.file, 0, FILE_LENGTH);
}

/* Nobody can be told there: the connection ends, and whoever goes on sending to it does no harm. */
static void test_calls__from_another_thread_end_a_connection_that_cannot_take_them(void **state)
{
    (void)state;
    static int32_t (*const pushes[])(pl_id id) = {push__send, push__send_ref, push__send_file};
    make_file();
    for (size_t i = 0; i < sizeof pushes / sizeof pushes[0]; i++) {
        seen.closes = 0;
        connect_stranger();
        say("x");
        hear("s");
        for (const uint64_t deadline = rig_deadline(); seen.closes == 0;) {
            assert_int_equal(pushes[i]((pl_id)seen.id), PL_QUEUED);
            rig_nap(deadline, "its end");
        }
        assert_int_equal(seen.reason, PL_SLOW_READER);
        const uint64_t stale = rig_counter(&rig, COUNTER_STALE_MESSAGES);
        assert_int_equal(pushes[i]((pl_id)seen.id), PL_QUEUED);
        rig_wait_for_counter(&rig, COUNTER_STALE_MESSAGES, stale + 1);
        client_close(client);
        rig_stop(&rig);
        assert_int_equal(seen.releases, seen.references);
    }
    remove_file();
}

/* ---- Stopping ---- */

static void test_drain__tells_before_the_rest_is_reset(void **state)
{
    (void)state;
    start_tcp();
    say("x");
    hear("x");
    assert_true(rig_drain(&rig, MAX));
    assert_int_equal(rig_counter(&rig, COUNTER_CLOSED_BY_HANDLER), 1); /* and not for the stop */
    assert_int_equal(seen.drains, 1);
    client_close(client);
    stop();
    assert_int_equal(seen.drains, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_timer__comes_once_and_not_when_cleared),
        test(test_timer__goes_with_its_connection),
        test(test_timer__of_a_session),
        test(test_timer__of_an_endpoint),
        test(test_read__is_paused_and_goes_on_with_what_was_left),
        test(test_want_writable__gives_turns_to_a_sender),
        test(test_want_writable__waits_for_a_slow_reader),
        test(test_post__runs_once_whatever_comes),
        test(test_post__needs_memory),
        test(test_post__before_a_start_that_fails_is_run_as_well),
        test(test_info__tells_what_on_open_was_told),
        test(test_count__adds_for_each_endpoint),
        test(test_log__writes_ten_lines_a_second_and_tells_of_the_rest),
        test(test_log__has_all_bytes),
        test(test_clock__goes_forward),
        test(test_send_ref__gives_back_once),
        test(test_send_ref__of_a_datagram),
        test(test_send_ref__refuses_what_it_cannot_take),
        test(test_retain__keeps_what_came_and_leaves_the_rest),
        test(test_retain__outlives_the_connection),
        test(test_send_file__stands_in_line),
        test(test_send_file__needs_memory_and_its_file),
        test(test_send_file__from_another_thread),
        test(test_send_file__behind_that_of_another_thread),
        test(test_send_file__ends_with_a_client_that_goes),
        test(test_send_file__survives_what_fails),
        test(test_send_file__that_shrinks_ends_the_connection),
        test(test_engine_close_client__of_a_session),
        test(test_engine_close_client__of_a_connection),
        test(test_report__is_for_hosts_that_make_some),
        test(test_calls__on_wrong_threads_and_ids_are_refused),
        test(test_calls__with_what_they_cannot_take_are_refused),
        test(test_calls__with_a_datagram_are_for_its_own_callback),
        test(test_calls__without_on_writable_end_with_pl_full),
        test(test_calls__from_another_thread_end_a_connection_that_cannot_take_them),
        test(test_drain__tells_before_the_rest_is_reset),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    is_blocking = true;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
