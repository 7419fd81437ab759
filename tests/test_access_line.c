/* SPDX-License-Identifier: MIT
   Tests of stats/access_line.h: both forms, for whoever there may be and be missing; and
   docs/access-log.md must show and explain what there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/log_line.h"
#include "stats/access_line.h"
#include "support/support.h"

#define TIME "2026-11-25T02:27:00.123Z"

#define IPV4(a, b, c, d, port_)                                   \
    {                                                             \
        .family = 4, .port = (port_), .ip = {(a), (b), (c), (d) } \
    }
#define IPV6(last, port_, scope_)                                                                        \
    {                                                                                                    \
        .family = 6, .port = (port_), .scope = (scope_), .ip = { 0x20, 0x01, 0x0D, 0xB8, [15] = (last) } \
    }

/* The longest address: no zeros to leave out, a scope, the longest port. */
#define LONGEST_IP "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295"
static const struct pl_address longest = {
    .family = 6,
    .port = 65535,
    .scope = UINT32_MAX,
    .ip = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};

static const struct {
    struct access_line line;
    const char *text;
    const char *json;
} rows[] = {
    /* an IPv4 connection */
    {{.endpoint = "web",
      .client = IPV4(192, 0, 2, 7, 51000),
      .local = IPV4(198, 51, 100, 1, 443),
      .connection = 0x00A1B2C3D4E5F607,
      .bytes_in = 512,
      .bytes_out = 20480,
      .duration = 1234,
      .reason = CLOSED_BY_PEER},
     TIME " endpoint=web protocol=tcp client=192.0.2.7 client_port=51000 proxy=- proxy_port=- "
          "local=198.51.100.1 local_port=443 connection=00a1b2c3d4e5f607 bytes_in=512 bytes_out=20480 "
          "duration_ms=1234 outcome=closed reason=by-peer\r\n",
     "{\"time\":\"" TIME
     "\",\"endpoint\":\"web\",\"protocol\":\"tcp\",\"client\":\"192.0.2.7\",\"client_port\":51000,"
     "\"local\":\"198.51.100.1\",\"local_port\":443,\"connection\":\"00a1b2c3d4e5f607\",\"bytes_in\":512,"
     "\"bytes_out\":20480,\"duration_ms\":1234,\"outcome\":\"closed\",\"reason\":\"by-peer\"}\n"},
    /* one over IPv6, behind a proxy, as large and long as can be */
    {{.endpoint = "a.b-c_d",
      .client = IPV6(1, 1, 0),
      .proxy = IPV4(203, 0, 113, 9, 40000),
      .local = IPV6(2, 65535, 3),
      .connection = UINT64_MAX,
      .bytes_in = UINT64_MAX,
      .bytes_out = UINT64_MAX,
      .duration = UINT64_MAX,
      .reason = CLOSED_FIRST_BYTE_TIMEOUT},
     TIME " endpoint=a.b-c_d protocol=tcp client=2001:db8::1 client_port=1 proxy=203.0.113.9 "
          "proxy_port=40000 local=2001:db8::2%3 local_port=65535 connection=ffffffffffffffff "
          "bytes_in=18446744073709551615 bytes_out=18446744073709551615 duration_ms=18446744073709551615 "
          "outcome=closed reason=first-byte-timeout\r\n",
     "{\"time\":\"" TIME
     "\",\"endpoint\":\"a.b-c_d\",\"protocol\":\"tcp\",\"client\":\"2001:db8::1\",\"client_port\":1,"
     "\"proxy\":\"203.0.113.9\",\"proxy_port\":40000,\"local\":\"2001:db8::2%3\",\"local_port\":65535,"
     "\"connection\":\"ffffffffffffffff\",\"bytes_in\":18446744073709551615,"
     "\"bytes_out\":18446744073709551615,\"duration_ms\":18446744073709551615,\"outcome\":\"closed\","
     "\"reason\":\"first-byte-timeout\"}\n"},
    /* a UDP session */
    {{.endpoint = "dns",
      .is_udp = true,
      .client = IPV4(10, 0, 0, 1, 53),
      .local = IPV4(127, 0, 0, 1, 5353),
      .connection = 1,
      .reason = CLOSED_IDLE},
     TIME " endpoint=dns protocol=udp client=10.0.0.1 client_port=53 proxy=- proxy_port=- local=127.0.0.1 "
          "local_port=5353 connection=0000000000000001 bytes_in=0 bytes_out=0 duration_ms=0 outcome=closed "
          "reason=idle\r\n",
     "{\"time\":\"" TIME
     "\",\"endpoint\":\"dns\",\"protocol\":\"udp\",\"client\":\"10.0.0.1\",\"client_port\":53,"
     "\"local\":\"127.0.0.1\",\"local_port\":5353,\"connection\":\"0000000000000001\",\"bytes_in\":0,"
     "\"bytes_out\":0,\"duration_ms\":0,\"outcome\":\"closed\",\"reason\":\"idle\"}\n"},
    /* a client that was refused */
    {{.endpoint = "web",
      .client = IPV4(192, 0, 2, 7, 51000),
      .local = IPV4(198, 51, 100, 1, 443),
      .reason = REFUSED_PER_SOURCE},
     TIME " endpoint=web protocol=tcp client=192.0.2.7 client_port=51000 proxy=- proxy_port=- "
          "local=198.51.100.1 local_port=443 connection=- bytes_in=0 bytes_out=0 duration_ms=0 "
          "outcome=refused reason=per-source\r\n",
     "{\"time\":\"" TIME
     "\",\"endpoint\":\"web\",\"protocol\":\"tcp\",\"client\":\"192.0.2.7\",\"client_port\":51000,"
     "\"local\":\"198.51.100.1\",\"local_port\":443,\"bytes_in\":0,\"bytes_out\":0,\"duration_ms\":0,"
     "\"outcome\":\"refused\",\"reason\":\"per-source\"}\n"},
    /* nothing is known */
    {{.endpoint = "", .reason = REFUSED_ERROR},
     TIME " endpoint=- protocol=tcp client=- client_port=- proxy=- proxy_port=- local=- local_port=- "
          "connection=- bytes_in=0 bytes_out=0 duration_ms=0 outcome=refused reason=error\r\n",
     "{\"time\":\"" TIME "\",\"protocol\":\"tcp\",\"bytes_in\":0,\"bytes_out\":0,\"duration_ms\":0,"
     "\"outcome\":\"refused\",\"reason\":\"error\"}\n"},
    /* a name that is none */
    {{.endpoint = "a\r\nb\x1B\"c\\\xFF", .reason = CLOSED_BY_HANDLER},
     TIME
     " endpoint=a\\r\\nb\\x1B\"c\\\\xFF protocol=tcp client=- client_port=- proxy=- proxy_port=- local=- "
     "local_port=- connection=- bytes_in=0 bytes_out=0 duration_ms=0 outcome=closed "
     "reason=by-handler\r\n",
     "{\"time\":\"" TIME "\",\"endpoint\":\"a\\\\r\\\\nb\\\\x1B\\\"c\\\\\\\\xFF\",\"protocol\":\"tcp\","
     "\"bytes_in\":0,\"bytes_out\":0,\"duration_ms\":0,\"outcome\":\"closed\",\"reason\":\"by-handler\"}\n"},
};

static void assert_made(const struct text *made, const char *expected)
{
    assert_string_equal(made->at, expected);
    assert_false(made->is_cut);
}

static void test_access_line__says_all_there_is_in_both_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[ACCESS_LINE_ROOM];
        struct text made;
        text_init(&made, room, sizeof room);
        access_line_add(&made, &rows[i].line, false, TIME);
        assert_made(&made, rows[i].text);
        text_clear(&made);
        access_line_add(&made, &rows[i].line, true, TIME);
        assert_made(&made, rows[i].json);
    }
}

/* For awk and spreadsheets: split at blanks and "=", every line has its values in the same columns. */
static void test_access_line__keeps_its_columns(void **state)
{
    (void)state;
    static const char *const names[] = {"endpoint",   "protocol",    "client",     "client_port", "proxy",
                                        "proxy_port", "local",       "local_port", "connection",  "bytes_in",
                                        "bytes_out",  "duration_ms", "outcome",    "reason"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[ACCESS_LINE_ROOM];
        struct text made;
        text_init(&made, room, sizeof room);
        access_line_add(&made, &rows[i].line, false, TIME);
        const char *at = made.at + strlen(TIME);
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            assert_int_equal(*at++, ' ');
            assert_int_equal(strcspn(at, " ="), strlen(names[k]));
            assert_memory_equal(at, names[k], strlen(names[k]));
            at += strlen(names[k]);
            assert_int_equal(*at++, '=');
            const size_t length = strcspn(at, " =\r");
            assert_true(length > 0);
            at += length;
        }
        assert_string_equal(at, "\r\n");
    }
}

static void test_access_line__has_room_for_the_worst(void **state)
{
    (void)state;
    static const char time[] = "2026-11-25T02:27:00.123+01:00";
    char endpoint[1000], room[ACCESS_LINE_ROOM];
    struct access_line line = {.endpoint = endpoint,
                               .client = longest,
                               .proxy = longest,
                               .local = longest,
                               .connection = UINT64_MAX,
                               .bytes_in = UINT64_MAX,
                               .bytes_out = UINT64_MAX,
                               .duration = UINT64_MAX};
    memset(endpoint, '\\', sizeof endpoint - 1);
    endpoint[sizeof endpoint - 1] = '\0';
    for (line.reason = CLOSE_REASON_NONE + 1; line.reason < CLOSE_REASON_COUNT; line.reason++) {
        for (int is_json = 0; is_json < 2; is_json++) {
            struct text made;
            text_init(&made, room, sizeof room);
            access_line_add(&made, &line, is_json != 0, time);
            assert_false(made.is_cut);
            assert_int_equal(made.at[made.length - 1], '\n');
            assert_non_null(strstr(made.at, close_reason_row(line.reason)->word));
            assert_non_null(strstr(made.at, LONGEST_IP));
        }
    }
}

static void test_access_line__may_be_a_gap(void **state)
{
    (void)state;
    char room[LOG_LINE_ROOM];
    struct text made;
    text_init(&made, room, sizeof room);
    access_line_add_gap(&made, 12, "12 lines are missing here: C:\\a\n\"b\" is full", false, TIME);
    assert_made(&made, "# " TIME " 12 lines are missing here: C:\\a\\n\"b\" is full\r\n");
    text_clear(&made);
    access_line_add_gap(&made, 12, "12 lines are missing here: C:\\a\n\"b\" is full", true, TIME);
    assert_made(&made, "{\"time\":\"" TIME "\",\"missing\":12,"
                       "\"text\":\"12 lines are missing here: C:\\\\a\\\\n\\\"b\\\" is full\"}\n");
}

static void test_access_line__has_room_for_the_worst_gap(void **state)
{
    (void)state;
    char words[5000], room[LOG_LINE_ROOM];
    memset(words, '\\', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    for (int is_json = 0; is_json < 2; is_json++) {
        struct text made;
        text_init(&made, room, sizeof room);
        access_line_add_gap(&made, UINT64_MAX, words, is_json != 0, "2026-11-25T02:27:00.123+01:00");
        assert_false(made.is_cut);
        assert_int_equal(made.at[made.length - 1], '\n');
    }
}

/* ---- The document ---- */

enum { DOCUMENT_MAX = 65536 };

/* For free(). */
static char *read_document(void)
{
    FILE *file = fopen(PORTLISTENER_ACCESS_LOG_MD, "rb");
    char *document = calloc(1, DOCUMENT_MAX);
    assert_non_null(document);
    if (file == NULL) {
        fail_msg("%s cannot be opened", PORTLISTENER_ACCESS_LOG_MD);
    }
    assert_in_range(fread(document, 1, DOCUMENT_MAX, file), 1, DOCUMENT_MAX - 1);
    fclose(file);
    return document;
}

/* It has this as a line of its own; how such a line ends in a log is left out. */
static void assert_has_line(const char *document, struct text *line)
{
    char wanted[ACCESS_LINE_ROOM + 2];
    line->at[strcspn(line->at, "\r\n")] = '\0';
    snprintf(wanted, sizeof wanted, "\n%s\n", line->at);
    if (strstr(document, wanted) == NULL) {
        fail_msg("docs/access-log.md lacks the line: %s", line->at);
    }
}

static void test_access_line__is_what_the_document_shows(void **state)
{
    (void)state;
    static const struct access_line example = {.endpoint = "web",
                                               .client = IPV4(192, 0, 2, 7, 51000),
                                               .proxy = IPV4(10, 0, 0, 1, 40000),
                                               .local = IPV4(198, 51, 100, 1, 443),
                                               .connection = 0x00A1B2C3D4E5F607,
                                               .bytes_in = 512,
                                               .bytes_out = 20480,
                                               .duration = 1234,
                                               .reason = CLOSED_BY_PEER};
    static const char gap[] = "12 lines are missing here: they came faster than they could be written";
    char *document = read_document();
    for (int is_json = 0; is_json < 2; is_json++) {
        char room[ACCESS_LINE_ROOM];
        struct text line;
        text_init(&line, room, sizeof room);
        access_line_add(&line, &example, is_json == 1, TIME);
        assert_has_line(document, &line);
        text_init(&line, room, sizeof room);
        access_line_add_gap(&line, 12, gap, is_json == 1, TIME);
        assert_has_line(document, &line);
    }
    free(document);
}

/* One row for each word, in the order of close_reasons.def, each with its meaning; and none besides. */
static void test_access_line__has_every_reason_in_the_document(void **state)
{
    (void)state;
    char *document = read_document();
    const char *at = strstr(document, "\n| outcome | reason | meaning |\n|---|---|---|\n");
    assert_non_null(at);
    at = strstr(at, "|---|---|---|\n") + strlen("|---|---|---|\n");
    char last[128] = "";
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        char row[128];
        const struct close_reason_row *reason = close_reason_row(i);
        snprintf(row, sizeof row, "| `%s` | `%s` | ",
                 i == CLOSED_CONNECT_FAILED ? "outbound"
                 : reason->is_refusal       ? "refused"
                                            : "closed",
                 reason->word);
        if (strcmp(row, last) == 0) {
            continue;
        }
        memcpy(last, row, sizeof last);
        if (strncmp(at, row, strlen(row)) != 0) {
            fail_msg("docs/access-log.md: here should be the row \"%s\": %.60s", row, at);
        }
        assert_true(strcspn(at, "\n") > strlen(row) + strlen(". |"));
        at += strcspn(at, "\n") + 1;
    }
    assert_int_equal(at[0], '\n');
    free(document);
}

/* Each end and each refusal is counted by its word, in a metric that the document names. */
static void test_access_line__has_the_names_of_the_counters_in_the_document(void **state)
{
    (void)state;
    char *document = read_document();
    for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
        char literal[128];
        const struct counter_row *row = counter_row(counter);
        enum close_reason reason = CLOSE_REASON_NONE + 1;
        while (reason < CLOSE_REASON_COUNT && close_reason_row(reason)->counter != counter) {
            reason++;
        }
        if (reason == CLOSE_REASON_COUNT && row->family != FAMILY_SESSIONS_CLOSED) {
            continue;
        }
        snprintf(literal, sizeof literal, "`portlistener_%s`", family_row(row->family)->metric);
        assert_non_null(strstr(document, literal));
        snprintf(literal, sizeof literal, "`%s`", row->reason);
        assert_non_null(strstr(document, literal));
    }
    free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_access_line__says_all_there_is_in_both_forms),
        support_test(test_access_line__keeps_its_columns),
        support_test(test_access_line__has_room_for_the_worst),
        support_test(test_access_line__may_be_a_gap),
        support_test(test_access_line__has_room_for_the_worst_gap),
        support_test(test_access_line__is_what_the_document_shows),
        support_test(test_access_line__has_every_reason_in_the_document),
        support_test(test_access_line__has_the_names_of_the_counters_in_the_document),
    };
    return cmocka_run_group_tests_name("access_line", tests, NULL, NULL);
}
