/* SPDX-License-Identifier: MIT
   A hundred days, and the moments at which 32 bits of a clock are full: each deadline of connections and UDP sessions
   comes once, never early and at most one tick late, whatever the clock shows, however far it jumps and wherever the wall clock is
   set. The clock stands still but where a test moves it, so all of this is exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "io/timer_wheel.h"
#include "stats/close_reason.h"
#include "support/actor.h"
#include "support/client.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/random.h"
#include "support/seam.h"
#include "support/wall_clock.h"

#define WRAP (UINT64_C(1) << 32) /* milliseconds: 49.7 days */
#define HOUR UINT64_C(3600000)
#define DAY  (24 * HOUR)

#define LONG_IDLE     (60 * DAY + 6 * HOUR) /* more than 32 bits of milliseconds */
#define LONG_SESSION  (70 * DAY + 7 * HOUR)
#define LONG_LIFETIME (75 * DAY + 9 * HOUR)

/* The endpoints, in the order in which their sockets stand; each has one deadline at most. */
enum place {
    PLACE_ETERNAL, /* none */
    PLACE_PROXIED,
    PLACE_CLOSE,
    PLACE_FIRST_BYTE,
    PLACE_SEND,
    PLACE_IDLE,
    PLACE_LIFETIME,
    PLACE_LONG_IDLE,
    PLACE_LONG_LIFETIME,
    PLACE_RATED,
    PLACE_YOUNG, /* this and the next ones are UDP's */
    PLACE_SESSION,
    PLACE_LONG_SESSION,
    PLACE_COUNT
};

static struct rig rig;
static struct address_prefix proxies;
static struct client *keeper; /* of PLACE_ETERNAL; its connection lets the test know how far the worker is */
static pl_id keeper_id;

/* ---- A handler with UDP sessions: an echo ---- */

static const pl_host *sessions_host;

static int32_t sessions__start(pl_start *at)
{
    sessions_host = at->host;
    return PL_OK;
}

static void sessions__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                  const pl_info *info)
{
    (void)state, (void)user, (void)info;
    sessions_host->send(sessions_host, id, at, length);
}

static const struct pl_handler sessions = {.size = sizeof(struct pl_handler),
                                           .abi_major = PL_ABI_MAJOR,
                                           .abi_minor = PL_ABI_MINOR,
                                           .needs_minor = PL_ABI_MINOR,
                                           .flags = PL_UDP | PL_SESSIONS,
                                           .name = "sessions",
                                           .version = "1",
                                           .summary = "for tests",
                                           .start = sessions__start,
                                           .on_datagram = sessions__on_datagram};

/* ---- The engine ---- */

/* Those of the actor, and the one above. */
static const struct pl_handler *const *all_handlers(void)
{
    static const struct pl_handler *handlers[16];
    size_t count = 0;
    for (; actor_handlers[count] != NULL; count++) {
        assert_in_range(count, 0, 13);
        handlers[count] = actor_handlers[count];
    }
    handlers[count] = &sessions;
    return handlers;
}

static void add_sessions(const char *name, uint64_t idle_timeout)
{
    rig_endpoint(&rig, name, "sessions", "udp://127.0.0.1:0")->idle_timeout = idle_timeout;
}

static struct config_endpoint *add(const char *name)
{
    struct config_endpoint *endpoint = rig_endpoint(&rig, name, "actor", "tcp://127.0.0.1:0");
    endpoint->idle_timeout = endpoint->send_timeout = 0;
    endpoint->close_timeout = endpoint->proxy_timeout = 0;
    endpoint->send_buffer = 8192;
    endpoint->accepts_max = 1;
    return endpoint;
}

static struct client *connect_to(enum place place, int receive_buffer)
{
    struct client *client = NULL;
    const struct pl_address to = rig_address(&rig, place);
    assert_int_equal(client_connect(&to, NULL, receive_buffer, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

static struct client *enter(enum place place)
{
    struct client *client = connect_to(place, 0);
    actor_say(client, 'S', 1);
    actor_expect(client, 1);
    return client;
}

/* At a moment of a clock that stands still. */
static void start_at(uint64_t moment)
{
    static const char everybody[] = "127.0.0.0/8";
    clock_stop();
    clock_set(moment);
    actor_reset();
    rig_init(&rig, all_handlers());
    assert_int_equal(address_prefix_parse(everybody, sizeof everybody - 1, &proxies), ADDRESS_PREFIX_OK);
    add("eternal");
    struct config_endpoint *proxied = add("proxied");
    proxied->proxy_protocol = CONFIG_PROXY_BOTH;
    proxied->trusted_proxies = (struct config_prefixes){&proxies, 1};
    proxied->proxy_timeout = 3000;
    add("close")->close_timeout = 5000;
    add("first-byte")->first_byte_timeout = 20000;
    add("send")->send_timeout = 35000;
    add("idle")->idle_timeout = 60000;
    add("lifetime")->lifetime = 100000;
    add("long-idle")->idle_timeout = LONG_IDLE;
    add("long-lifetime")->lifetime = LONG_LIFETIME;
    add("rated")->accept_rate = 1;
    add_sessions("young", 0); /* it has spoken once only */
    add_sessions("session", 80000);
    add_sessions("long-session", LONG_SESSION);
    rig_start(&rig);
    keeper = enter(PLACE_ETERNAL);
    keeper_id = (pl_id)actor.last_id;
    rig_wait_for_operations(PLACE_COUNT + 1); /* accepts and receives, and its receive */
}

static void stop(void)
{
    client_close(keeper);
    rig_stop(&rig);
    assert_int_equal(actor.opens, actor.closes);
    assert_int_equal(actor.mistakes, 0);
}

/* Until the worker has begun and ended a turn since: each byte is taken from its inbox in another one. */
static void sync_with_worker(void)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(actor.host->send(actor.host, keeper_id, actor.pattern, 1), PL_QUEUED);
        actor_expect(keeper, 1);
    }
}

static void go_to(uint64_t moment)
{
    assert_true(moment >= clock_now());
    clock_set(moment);
    sync_with_worker();
}

/* ---- Deadlines of connections ---- */

/* The worker has taken it: for each one it associates a socket with its port. */
static struct client *connect_and_wait(enum place place, int receive_buffer)
{
    const uint32_t before = fault_calls(IMPORT_CreateIoCompletionPort);
    struct client *client = connect_to(place, receive_buffer);
    for (const uint64_t deadline = rig_deadline(); fault_calls(IMPORT_CreateIoCompletionPort) == before;) {
        rig_nap(deadline, "a connection to be accepted");
    }
    sync_with_worker();
    return client;
}

static struct client *begin_header(void)
{
    struct client *client = connect_and_wait(PLACE_PROXIED, 0);
    assert_int_equal(client_send(client, "PROXY", 5, CLIENT_PATIENCE), CLIENT_OK);
    return client;
}

static struct client *begin_close(void)
{
    struct client *client = enter(PLACE_CLOSE);
    actor_say(client, 'G', 0);
    actor_expect_end(client, CLIENT_EOF);
    return client;
}

static struct client *begin_silence(void)
{
    return connect_and_wait(PLACE_FIRST_BYTE, 0);
}

/* Until the system takes no more: each byte that it takes is progress. */
static struct client *begin_not_reading(void)
{
    const LONG opens = actor.opens;
    struct client *client = connect_to(PLACE_SEND, 4096);
    actor_say(client, 'S', ACTOR_PATTERN);
    actor_wait_for(&actor.opens, opens + 1, "on_open");
    for (uint64_t sent = UINT64_MAX; sent != rig_counter(&rig, COUNTER_BYTES_SENT);) {
        sent = rig_counter(&rig, COUNTER_BYTES_SENT);
        Sleep(20);
        sync_with_worker();
        sent += 3; /* the keeper's */
    }
    return client;
}

static struct client *begin_idle(void)
{
    return enter(PLACE_IDLE);
}

static struct client *begin_life(void)
{
    return enter(PLACE_LIFETIME);
}

/* A session whose client has been answered so many times. */
static struct client *talk_to(enum place place, int times)
{
    const struct pl_address to = rig_address(&rig, place), from = client_address("127.0.0.1", 0);
    struct client *client = client_open_datagram(&from);
    assert_non_null(client);
    for (int i = 0; i < times; i++) {
        char answer[8];
        size_t length = 0;
        assert_int_equal(
            client_exchange(client, &to, "hi", 2, answer, sizeof answer, &length, CLIENT_PATIENCE),
            CLIENT_OK);
        assert_int_equal(length, 2);
    }
    return client;
}

static struct client *begin_youth(void)
{
    return talk_to(PLACE_YOUNG, 1);
}

static struct client *begin_session(void)
{
    return talk_to(PLACE_SESSION, 2);
}

static const struct deadline {
    enum place place;
    uint32_t after;
    enum close_reason reason;
    bool is_hard; /* by a reset, or a session's; else the client is to close, too */
    struct client *(*begin)(void);
} deadlines[] = {
    /* the shortest first */
    {PLACE_PROXIED, 3000, REFUSED_PROXY, true, begin_header},
    {PLACE_CLOSE, 5000, CLOSED_BY_HANDLER, true, begin_close},
    {PLACE_FIRST_BYTE, 20000, CLOSED_FIRST_BYTE_TIMEOUT, false, begin_silence},
    {PLACE_YOUNG, 30000, CLOSED_IDLE, true, begin_youth},
    {PLACE_SEND, 35000, CLOSED_SEND_TIMEOUT, true, begin_not_reading},
    {PLACE_IDLE, 60000, CLOSED_IDLE, false, begin_idle},
    {PLACE_SESSION, 80000, CLOSED_IDLE, true, begin_session},
    {PLACE_LIFETIME, 100000, CLOSED_LIFETIME, false, begin_life},
};

enum { DEADLINES = sizeof deadlines / sizeof deadlines[0] };

static struct client *waiting[DEADLINES];

static uint64_t all_ends(void)
{
    return rig_closed(&rig) + rig_sessions_closed(&rig) + rig_counter(&rig, COUNTER_REFUSED_PROXY);
}

static bool is_session(const struct deadline *deadline)
{
    return deadline->place >= PLACE_YOUNG;
}

static enum counter counter_of(const struct deadline *deadline)
{
    return is_session(deadline) ? COUNTER_SESSIONS_CLOSED_IDLE : close_reason_row(deadline->reason)->counter;
}

static void begin_all(void)
{
    for (size_t i = 0; i < DEADLINES; i++) {
        waiting[i] = deadlines[i].begin();
    }
    sync_with_worker();
}

/* The connection ends now, for its reason, once. */
static void see_end(struct client *client, const struct deadline *deadline, uint64_t ends_before,
                    uint64_t count_before)
{
    if (!deadline->is_hard) {
        actor_expect_end(client, CLIENT_EOF);
        client_close(client);
    }
    rig_wait_for_counter(&rig, counter_of(deadline), count_before + 1);
    sync_with_worker();
    assert_int_equal(rig_counter(&rig, counter_of(deadline)), count_before + 1);
    assert_int_equal(all_ends(), ends_before + 1);
    if (deadline->is_hard) {
        client_close(client);
    }
}

/* Nothing a millisecond before the moment; the end at most a tick behind it. */
static void see_deadline(struct client *client, const struct deadline *deadline, uint64_t moment)
{
    const uint64_t ends = all_ends();
    const uint64_t count = rig_counter(&rig, counter_of(deadline));
    go_to(moment - 1);
    assert_int_equal(all_ends(), ends);
    if (deadline->place != PLACE_CLOSE && deadline->place != PLACE_SEND &&
        !is_session(deadline)) { /* which have got an end, or bytes, or never get any */
        assert_int_equal(client_receive(client, &(char){0}, 1, 0), CLIENT_TIMEOUT);
    }
    go_to(moment + TIMER_TICK);
    see_end(client, deadline, ends, count);
}

/* All deadlines from now on. */
static void see_all_deadlines(void)
{
    const uint64_t begun = clock_now();
    begin_all();
    for (size_t i = 0; i < DEADLINES; i++) {
        see_deadline(waiting[i], &deadlines[i], begun + deadlines[i].after);
    }
    const uint64_t ends = all_ends();
    go_to(clock_now() + 2 * deadlines[DEADLINES - 1].after);
    assert_int_equal(all_ends(), ends); /* none comes again */
}

/* The machine sleeps for hours: all deadlines are over when it wakes up; what was under way arrives. */
static void suspend(uint64_t hours)
{
    uint64_t counts[COUNTER_COUNT];
    size_t ended[COUNTER_COUNT] = {0};
    begin_all();
    const uint64_t ends = all_ends();
    for (size_t i = 0; i < DEADLINES; i++) {
        counts[counter_of(&deadlines[i])] = rig_counter(&rig, counter_of(&deadlines[i]));
    }
    actor_say(keeper, 'S', 1000);
    clock_advance(hours * HOUR);
    actor_expect(keeper, 1000);
    for (size_t i = 0; i < DEADLINES; i++) {
        if (!deadlines[i].is_hard) {
            actor_expect_end(waiting[i], CLIENT_EOF);
        }
        client_close(waiting[i]);
        const enum counter counter = counter_of(&deadlines[i]);
        rig_wait_for_counter(&rig, counter, counts[counter] + ++ended[counter]);
    }
    sync_with_worker();
    assert_int_equal(all_ends(), ends + DEADLINES);
}

/* ---- The hundred days ---- */

/* Connections that are there from the first day on. */
static struct {
    struct client *sleeper; /* no deadline, no activity */
    struct client *idle, *session, *lifetime;
    struct deadline idle_end, session_end, lifetime_end;
    uint64_t begun;
} elders;

static void begin_elders(void)
{
    elders.begun = clock_now();
    elders.sleeper = connect_and_wait(PLACE_ETERNAL, 0);
    elders.idle = enter(PLACE_LONG_IDLE);
    elders.session = talk_to(PLACE_LONG_SESSION, 2);
    elders.lifetime = enter(PLACE_LONG_LIFETIME);
    elders.idle_end = (struct deadline){PLACE_LONG_IDLE, 0, CLOSED_IDLE, false, NULL};
    elders.session_end = (struct deadline){PLACE_LONG_SESSION, 0, CLOSED_IDLE, true, NULL};
    elders.lifetime_end = (struct deadline){PLACE_LONG_LIFETIME, 0, CLOSED_LIFETIME, false, NULL};
}

/* Is `moment` still to come, but before `next`? */
static bool is_passed(uint64_t moment, uint64_t next)
{
    return moment > clock_now() && moment <= next;
}

static void live_on_to(uint64_t next)
{
    const uint64_t wrap = (clock_now() / WRAP + 1) * WRAP;
    if (is_passed(wrap, next)) {
        go_to(wrap - 2000); /* all deadlines will lie behind it */
        see_all_deadlines();
    }
    if (is_passed(elders.begun + LONG_IDLE, next)) {
        see_deadline(elders.idle, &elders.idle_end, elders.begun + LONG_IDLE);
    }
    if (is_passed(elders.begun + LONG_SESSION, next)) {
        see_deadline(elders.session, &elders.session_end, elders.begun + LONG_SESSION);
        elders.session = NULL;
    }
    if (is_passed(elders.begun + LONG_LIFETIME, next)) {
        see_deadline(elders.lifetime, &elders.lifetime_end, elders.begun + LONG_LIFETIME);
        elders.lifetime = NULL;
    }
    go_to(next);
}

/* Somebody sets the wall clock, years to and fro. */
static void move_wall_clock(struct random *random)
{
    wall_clock_move((int64_t)(random_below(random, 2000) * DAY) - (int64_t)(1000 * DAY));
}

static void test_long_run__a_hundred_days(void **state)
{
    (void)state;
    struct random random = {1};
    const uint64_t begun = WRAP - 6 * HOUR + 37;
    wall_clock_set("2030-03-31T01:59:59.000");
    start_at(begun);
    begin_elders();
    for (unsigned day = 1; day <= 100; day++) {
        live_on_to(begun + day * DAY);
        move_wall_clock(&random);
        if (elders.lifetime != NULL) { /* activity does not help it */
            actor_say(elders.lifetime, 'S', 10);
            actor_expect(elders.lifetime, 10);
        }
        see_all_deadlines();
        if (day % 10 == 0) {
            suspend(5);
        }
    }
    assert_null(elders.session);
    assert_null(elders.lifetime);
    assert_true(clock_now() > 3 * WRAP);
    actor_say(elders.sleeper, 'S', 50000); /* it has not been heard of for a hundred days */
    actor_expect(elders.sleeper, 50000);
    client_close(elders.sleeper);
    stop();
}

/* ---- Each moment at which a counter is full ---- */

static const uint64_t moments[] = {WRAP / 2,        WRAP, 2 * WRAP, 3 * WRAP, TIMER_TICK *WRAP / 2,
                                   TIMER_TICK *WRAP};

enum { MOMENTS = sizeof moments / sizeof moments[0] };

static void test_long_run__deadlines_across_each_wrap(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOMENTS; i++) {
        start_at(moments[i] - 2000);
        see_all_deadlines();
        suspend(1);
        stop();
        start_at(moments[i] - HOUR); /* and asleep in that moment */
        suspend(24);
        see_all_deadlines();
        stop();
    }
}

static const struct deadline idle_deadline = {PLACE_IDLE, 60000, CLOSED_IDLE, false, NULL};
static const struct deadline session_deadline = {PLACE_SESSION, 80000, CLOSED_IDLE, true, NULL};

/* Activity at every moment around it keeps a connection, or a session. */
static void test_long_run__activity_across_each_wrap(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOMENTS; i++) {
        start_at(moments[i] - 200000);
        struct client *client = enter(PLACE_IDLE);
        for (int k = 0; k < 8; k++) {
            go_to(clock_now() + 59999);
            assert_int_equal(rig_closed(&rig), 0);
            actor_say(client, 'S', 1);
            actor_expect(client, 1);
        }
        assert_true(clock_now() > moments[i] + 200000);
        see_deadline(client, &idle_deadline, clock_now() + 60000);
        stop();
        start_at(moments[i] - 200000);
        client = talk_to(PLACE_SESSION, 2);
        const struct pl_address to = rig_address(&rig, PLACE_SESSION);
        for (int k = 0; k < 8; k++) {
            char answer[8];
            size_t length = 0;
            go_to(clock_now() + 79999);
            assert_int_equal(rig_sessions_closed(&rig), 0);
            assert_int_equal(
                client_exchange(client, &to, "hi", 2, answer, sizeof answer, &length, CLIENT_PATIENCE),
                CLIENT_OK);
        }
        see_deadline(client, &session_deadline, clock_now() + 80000);
        stop();
    }
}

/* A second for each client, across the moment. */
static void test_long_run__accept_rate_across_each_wrap(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOMENTS; i++) {
        start_at(moments[i] - 500);
        const uint64_t begun = clock_now();
        struct client *first = connect_and_wait(PLACE_RATED, 0), *second = connect_to(PLACE_RATED, 0);
        const uint64_t accepted = rig_counter(&rig, COUNTER_ACCEPTED);
        go_to(begun + 999);
        Sleep(20);
        assert_int_equal(rig_counter(&rig, COUNTER_ACCEPTED), accepted);
        assert_int_equal(rig_counter(&rig, COUNTER_ACCEPT_PAUSES_RATE), 1);
        go_to(begun + 1000 + TIMER_TICK);
        rig_wait_for_counter(&rig, COUNTER_ACCEPTED, accepted + 1);
        client_close(first);
        client_close(second);
        stop();
    }
}

/* Tries of an accept that fails: one in a tick at most, one in a second and a tick at least. */
static void see_tries(void)
{
    uint32_t tries = 0, quiet = 0;
    for (int i = 0; i < 100; i++) {
        const uint32_t before = fault_hits();
        go_to(clock_now() + TIMER_TICK);
        const uint32_t now = fault_hits() - before;
        assert_in_range(now, 0, 1);
        tries += now;
        quiet = now == 0 ? quiet + 1 : 0;
        assert_in_range(quiet, 0, 1000 / TIMER_TICK);
    }
    assert_in_range(tries, 10, 20);
}

static void test_long_run__accepting_is_tried_again_across_each_wrap(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOMENTS; i++) {
        start_at(moments[i] - 3000);
        fault_arm(IMPORT_WSASocketW, 1, WSAEMFILE, FAULT_FOREVER);
        struct client *client = enter(PLACE_ETERNAL); /* takes the one accept there is */
        for (const uint64_t deadline = rig_deadline(); fault_hits() == 0;) {
            rig_nap(deadline, "an accept that fails");
        }
        sync_with_worker();
        see_tries();
        fault_clear();
        go_to(clock_now() + 1000 + TIMER_TICK);
        client_close(enter(PLACE_ETERNAL));
        client_close(client);
        stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_long_run__a_hundred_days),
        rig_test(test_long_run__deadlines_across_each_wrap),
        rig_test(test_long_run__activity_across_each_wrap),
        rig_test(test_long_run__accept_rate_across_each_wrap),
        rig_test(test_long_run__accepting_is_tried_again_across_each_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
