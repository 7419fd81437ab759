/* SPDX-License-Identifier: MIT
   What is counted is what happened: every end of a connection in one engine, each counter, each byte and each
   line of the access log against what was arranged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "base/address.h"
#include "support/actor.h"
#include "support/clock.h"
#include "support/ends.h"
#include "support/folder.h"
#include "support/wall_clock.h"

/* ---- The access log, read again ---- */

static struct {
    size_t count;
    size_t reasons[CLOSE_REASON_COUNT];
    uint64_t bytes_in, bytes_out;
} lines;

static bool ends_with(const char *line, const char *end)
{
    const size_t length = strlen(line), end_length = strlen(end);
    return length >= end_length && strcmp(line + length - end_length, end) == 0;
}

static enum close_reason reason_of(const char *line)
{
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        char end[64];
        const struct close_reason_row *row = close_reason_row(i);
        snprintf(end, sizeof end, " outcome=%s reason=%s", row->is_refusal ? "refused" : "closed", row->word);
        if (ends_with(line, end)) {
            return i;
        }
    }
    fail_msg("no line of the access log: %s", line);
    return CLOSE_REASON_NONE;
}

static uint64_t number_in(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 10);
}

static void read_lines(struct folder *from)
{
    size_t length = 0;
    memset(&lines, 0, sizeof lines);
    char *text = folder_read(from, "access.log", &length);
    for (char *line = text; *line != '\0';) {
        char *end = strstr(line, "\r\n");
        assert_non_null(end);
        *end = '\0';
        lines.count++;
        lines.reasons[reason_of(line)]++;
        lines.bytes_in += number_in(line, " bytes_in=");
        lines.bytes_out += number_in(line, " bytes_out=");
        line = end + 2;
    }
    free(text);
}

/* ---- The tests ---- */

/* A byte may be here before the call that sent it has returned, and is counted. */
static void weigh(enum counter counter, uint64_t value)
{
    rig_wait_for_counter(&ends_rig, counter, value);
    assert_int_equal(rig_counter(&ends_rig, counter), value);
}

/* The counters before and behind an arrangement that loses nothing differ by what its clients have seen. */
static void arrange_and_weigh(enum close_reason reason)
{
    const struct ends_totals before = ends_totals();
    const uint64_t in = rig_counter(&ends_rig, COUNTER_BYTES_RECEIVED);
    const uint64_t out = rig_counter(&ends_rig, COUNTER_BYTES_SENT);
    ends_arrange(reason);
    const struct ends_totals after = ends_totals();
    if (!ends_is_lossy(reason)) {
        weigh(COUNTER_BYTES_RECEIVED, in + after.sent - before.sent);
        weigh(COUNTER_BYTES_SENT, out + after.received - before.received);
    }
}

/* Each a different number of times, so that no two can be taken for each other. */
static void arrange_all(bool is_at_stop)
{
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        if (ends_excuse(i) == NULL && ends_is_at_stop(i) == is_at_stop) {
            for (int times = 0; times < (int)i; times++) {
                arrange_and_weigh(i);
            }
        }
    }
}

static void assert_counted(void)
{
    uint64_t total = 0;
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        const struct close_reason_row *row = close_reason_row(i);
        const uint64_t counted = rig_counter(&ends_rig, row->counter);
        if (counted != ends_arranged(i) || lines.reasons[i] != ends_arranged(i)) {
            fail_msg("\"%s\" was arranged %llu times, counted %llu times, and has %zu lines", row->word,
                     (unsigned long long)ends_arranged(i), (unsigned long long)counted, lines.reasons[i]);
        }
        assert_true(counted >= (ends_excuse(i) == NULL ? (uint64_t)i : 0));
        total += counted;
    }
    assert_int_equal(lines.count, total);
    assert_int_equal(rig_counter(&ends_rig, COUNTER_ACCEPTED), rig_closed(&ends_rig));
    assert_int_equal(lines.bytes_in, rig_counter(&ends_rig, COUNTER_BYTES_RECEIVED));
    assert_int_equal(lines.bytes_out, rig_counter(&ends_rig, COUNTER_BYTES_SENT));
    assert_int_equal(rig_counter(&ends_rig, COUNTER_BYTES_QUEUED), 0);
}

static void test_conservation__every_end_is_counted_and_logged_once(void **state)
{
    (void)state;
    struct folder own;
    struct failure failure = {EXIT_CODE_DONE, 0, ""};
    folder_init(&own);
    struct access_log *log = access_log_create(
        &(const struct access_log_options){.file = {.path = folder_join(&own, "access.log")}}, &failure);
    assert_non_null(log);
    ends_begin(log);
    arrange_all(false);
    arrange_all(true);
    ends_stop();
    assert_int_equal(access_log_dropped(log), 0);
    access_log_destroy(log);
    read_lines(&own);
    assert_counted();
    rig_stop(&ends_rig);
    assert_int_equal(actor.opens, actor.closes);
    assert_int_equal(actor.mistakes, 0);
    folder_fini(&own);
}

/* ---- Whole lines ---- */

#define NOW "2026-11-25T02:27:00.123"

enum { LINE_ROOM = 1024 };

static struct rig rig;
static struct folder folder;
static struct access_log *access;
static struct address_prefix proxy, nobody;

static struct config_endpoint *add(const char *name)
{
    struct config_endpoint *endpoint = rig_endpoint(&rig, name, "actor", "tcp://127.0.0.1:0");
    endpoint->accepts_max = 1; /* so that the operations in flight can be told */
    return endpoint;
}

enum { PLACE_PLAIN, PLACE_PROXIED, PLACE_DENYING, PLACE_SILENT, PLACE_SILENT_DENYING, PLACES };

/* One that serves, one behind a proxy, one that denies; and two that write nothing. Both clocks stand. The service has
   room for `most` connections; 0: no limit. */
static void begin_lines(uint32_t most)
{
    struct failure failure = {EXIT_CODE_DONE, 0, ""};
    assert_int_equal(address_prefix_parse("127.0.0.1", 9, &proxy), ADDRESS_PREFIX_OK);
    assert_int_equal(address_prefix_parse("127.0.0.9", 9, &nobody), ADDRESS_PREFIX_OK);
    folder_init(&folder);
    access = access_log_create(
        &(const struct access_log_options){.file = {.path = folder_join(&folder, "access.log")}}, &failure);
    assert_non_null(access);
    wall_clock_set(NOW);
    clock_stop();
    actor_reset();
    rig_init(&rig, actor_handlers);
    rig.config.service.max_connections = most;
    rig.options.access_log = access;
    add("plain");
    struct config_endpoint *proxied = add("proxied");
    proxied->proxy_protocol = CONFIG_PROXY_BOTH;
    proxied->trusted_proxies = (struct config_prefixes){&proxy, 1};
    add("denying")->deny = (struct config_prefixes){&nobody, 1};
    add("silent")->access_log = false;
    struct config_endpoint *silent = add("silent-denying");
    silent->access_log = false;
    silent->deny = (struct config_prefixes){&nobody, 1};
    rig_start(&rig);
}

/* The file is exactly this. */
static void end_with_lines(const char *wanted)
{
    size_t length = 0;
    rig_stop(&rig);
    access_log_destroy(access);
    char *text = folder_read(&folder, "access.log", &length);
    assert_string_equal(text, wanted);
    free(text);
    folder_fini(&folder);
    wall_clock_reset();
}

static struct client *connect_from(size_t place, const char *ip)
{
    struct client *client = NULL;
    const struct pl_address to = rig_address(&rig, place), from = client_address(ip, 0);
    assert_int_equal(client_connect(&to, &from, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

/* Commands of five bytes: one that is answered by 100 bytes, and `more` that do nothing. All has been taken. */
static void talk(struct client *client, size_t more)
{
    const uint64_t before = rig_counter(&rig, COUNTER_BYTES_RECEIVED);
    actor_say(client, 'S', 100);
    for (size_t i = 0; i < more; i++) {
        actor_say(client, '?', 0);
    }
    actor_expect(client, 100);
    rig_wait_for_counter(&rig, COUNTER_BYTES_RECEIVED, before + (1 + more) * ACTOR_COMMAND);
    rig_wait_for_operations(PLACES + 1); /* accepts and a receive: what comes now finds a clock read anew */
}

/* The client leaves, and has left. */
static void leave(struct client *client)
{
    const uint64_t closed = rig_counter(&rig, COUNTER_CLOSED_BY_PEER);
    assert_int_equal(client_finish(client), CLIENT_OK);
    actor_expect_end(client, CLIENT_EOF);
    client_close(client);
    rig_wait_for_counter(&rig, COUNTER_CLOSED_BY_PEER, closed + 1);
}

static void test_conservation__a_line_tells_of_its_connection(void **state)
{
    (void)state;
    char wanted[LINE_ROOM];
    begin_lines(0);
    struct client *client = connect_from(PLACE_PLAIN, "127.0.0.5");
    const struct pl_address from = client_local(client), to = rig_address(&rig, PLACE_PLAIN);
    talk(client, 3);
    clock_advance(1234);
    leave(client);
    snprintf(wanted, sizeof wanted,
             NOW "Z endpoint=plain protocol=tcp client=127.0.0.5 client_port=%u proxy=- proxy_port=- "
                 "local=127.0.0.1 local_port=%u connection=%016llx bytes_in=20 bytes_out=100 "
                 "duration_ms=1234 outcome=closed reason=by-peer\r\n",
             from.port, to.port, (unsigned long long)actor.last_id);
    end_with_lines(wanted);
}

static void test_conservation__a_line_names_the_proxy_and_its_client(void **state)
{
    (void)state;
    static const char header[] = "PROXY TCP4 192.0.2.7 198.51.100.9 5000 443\r\n";
    char wanted[LINE_ROOM];
    begin_lines(0);
    struct client *client = connect_from(PLACE_PROXIED, "127.0.0.1");
    const struct pl_address from = client_local(client);
    assert_int_equal(client_send(client, header, sizeof header - 1, CLIENT_PATIENCE), CLIENT_OK);
    talk(client, 1);
    clock_advance(56789);
    leave(client);
    snprintf(wanted, sizeof wanted,
             NOW "Z endpoint=proxied protocol=tcp client=192.0.2.7 client_port=5000 proxy=127.0.0.1 "
                 "proxy_port=%u local=198.51.100.9 local_port=443 connection=%016llx bytes_in=10 "
                 "bytes_out=100 duration_ms=56789 outcome=closed reason=by-peer\r\n",
             from.port, (unsigned long long)actor.last_id);
    end_with_lines(wanted);
}

static void test_conservation__a_line_tells_of_a_client_that_was_refused(void **state)
{
    (void)state;
    char wanted[LINE_ROOM];
    begin_lines(0);
    struct client *client = connect_from(PLACE_DENYING, "127.0.0.9");
    const struct pl_address from = client_local(client), to = rig_address(&rig, PLACE_DENYING);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_ACL, 1);
    client_close(client);
    snprintf(wanted, sizeof wanted,
             NOW "Z endpoint=denying protocol=tcp client=127.0.0.9 client_port=%u proxy=- proxy_port=- "
                 "local=127.0.0.1 local_port=%u connection=- bytes_in=0 bytes_out=0 duration_ms=0 "
                 "outcome=refused reason=acl\r\n",
             from.port, to.port);
    end_with_lines(wanted);
}

/* The word is that of the endpoint's own limit, the counter is not. */
static void test_conservation__a_line_tells_of_a_service_that_is_full(void **state)
{
    (void)state;
    char wanted[LINE_ROOM];
    begin_lines(1);
    struct client *inside = connect_from(PLACE_SILENT, "127.0.0.1");
    talk(inside, 0);
    struct client *client = connect_from(PLACE_PLAIN, "127.0.0.1");
    const struct pl_address from = client_local(client), to = rig_address(&rig, PLACE_PLAIN);
    rig_wait_for_counter(&rig, COUNTER_REFUSED_SERVICE_LIMIT, 1);
    assert_int_equal(rig_counter(&rig, COUNTER_REFUSED_LIMIT), 0);
    client_close(client);
    leave(inside);
    snprintf(wanted, sizeof wanted,
             NOW "Z endpoint=plain protocol=tcp client=127.0.0.1 client_port=%u proxy=- proxy_port=- "
                 "local=127.0.0.1 local_port=%u connection=- bytes_in=0 bytes_out=0 duration_ms=0 "
                 "outcome=refused reason=limit\r\n",
             from.port, to.port);
    end_with_lines(wanted);
}

/* Its connections and refusals are counted all the same. */
static void test_conservation__an_endpoint_may_write_no_lines(void **state)
{
    (void)state;
    begin_lines(0);
    struct client *client = connect_from(PLACE_SILENT, "127.0.0.1");
    talk(client, 0);
    leave(client);
    client = connect_from(PLACE_SILENT_DENYING, "127.0.0.9");
    rig_wait_for_counter(&rig, COUNTER_REFUSED_ACL, 1);
    client_close(client);
    end_with_lines("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_conservation__every_end_is_counted_and_logged_once),
        rig_test(test_conservation__a_line_tells_of_its_connection),
        rig_test(test_conservation__a_line_names_the_proxy_and_its_client),
        rig_test(test_conservation__a_line_tells_of_a_client_that_was_refused),
        rig_test(test_conservation__a_line_tells_of_a_service_that_is_full),
        rig_test(test_conservation__an_endpoint_may_write_no_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
