/* SPDX-License-Identifier: MIT
   Tests of stats/access_line.h: both forms, for whoever there may be and be missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_access_line__says_all_there_is_in_both_forms),
        support_test(test_access_line__keeps_its_columns),
        support_test(test_access_line__has_room_for_the_worst),
        support_test(test_access_line__may_be_a_gap),
        support_test(test_access_line__has_room_for_the_worst_gap),
    };
    return cmocka_run_group_tests_name("access_line", tests, NULL, NULL);
}
