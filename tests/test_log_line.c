/* SPDX-License-Identifier: MIT
   Tests of base/log_line.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_line.h"
#include "support/support.h"

#define TIME "2026-11-25T02:27:00.123Z"

static void line_init(struct log_line *line, enum event event, const char *endpoint, uint64_t connection,
                      const char *format, ...) TEXT_FORMAT(5, 6);
static void line_init(struct log_line *line, enum event event, const char *endpoint, uint64_t connection,
                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line_init(line, event_find(event), endpoint, connection, format, arguments);
    va_end(arguments);
}

static void assert_lines(const struct log_line *line, const char *text, const char *json, const char *event)
{
    static void (*const formats[])(struct text *, const struct log_line *,
                                   const char *) = {log_line_add_text, log_line_add_json};
    const char *const expected[] = {text, json};
    char buffer[LOG_LINE_ROOM];
    struct text made;
    for (size_t i = 0; i < 2; i++) {
        text_init(&made, buffer, sizeof buffer);
        formats[i](&made, line, TIME);
        assert_string_equal(made.at, expected[i]);
        assert_false(made.is_cut);
    }
    text_init(&made, buffer, sizeof buffer);
    log_line_add_event(&made, line);
    assert_string_equal(made.at, event);
}

static void test_log_line__has_what_there_is(void **state)
{
    (void)state;
    struct log_line line;
    line_init(&line, EVENT_SERVICE_RUNNING, NULL, 0, "%d sockets listen", 3);
    assert_lines(&line, TIME " info    PL1002 3 sockets listen\r\n",
                 "{\"time\":\"" TIME "\",\"level\":\"info\",\"id\":\"PL1002\",\"event\":\"SERVICE_RUNNING\","
                 "\"text\":\"3 sockets listen\"}\n",
                 "3 sockets listen");
    line_init(&line, EVENT_ACCEPT_TROUBLE, "web", 0x00a1b2c3d4e5f607, "%s", "slow");
    assert_lines(&line, TIME " warning PL1205 [web] #00a1b2c3d4e5f607 slow\r\n",
                 "{\"time\":\"" TIME
                 "\",\"level\":\"warning\",\"id\":\"PL1205\",\"event\":\"ACCEPT_TROUBLE\","
                 "\"endpoint\":\"web\",\"connection\":\"00a1b2c3d4e5f607\",\"text\":\"slow\"}\n",
                 "[web] #00a1b2c3d4e5f607 slow");
    line_init(&line, EVENT_CALLBACK_STUCK, NULL, UINT64_MAX, "stuck");
    assert_lines(&line, TIME " error   PL1401 #ffffffffffffffff stuck\r\n",
                 "{\"time\":\"" TIME "\",\"level\":\"error\",\"id\":\"PL1401\",\"event\":\"CALLBACK_STUCK\","
                 "\"connection\":\"ffffffffffffffff\",\"text\":\"stuck\"}\n",
                 "#ffffffffffffffff stuck");
    line_init(&line, EVENT_PROBE_RESULT, "a.b-c_d", 0, "found");
    assert_lines(&line, TIME " debug   PL1402 [a.b-c_d] found\r\n",
                 "{\"time\":\"" TIME "\",\"level\":\"debug\",\"id\":\"PL1402\",\"event\":\"PROBE_RESULT\","
                 "\"endpoint\":\"a.b-c_d\",\"text\":\"found\"}\n",
                 "[a.b-c_d] found");
}

/* Levels and ids stand in columns: the text before them is always equally long. */
static void test_log_line__keeps_its_columns(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        struct log_line line;
        char buffer[LOG_LINE_ROOM];
        struct text made;
        line_init(&line, event_at(i)->event, NULL, 0, "text");
        text_init(&made, buffer, sizeof buffer);
        log_line_add_text(&made, &line, TIME);
        assert_string_equal(made.at + sizeof TIME + strlen("warning PL1002 "), "text\r\n");
    }
}

/* NOLINTBEGIN(misc-misleading-bidirectional) */
static void test_log_line__escapes_hostile_bytes(void **state)
{
    (void)state;
    struct log_line line;
    line_init(&line, EVENT_SERVICE_STOPPED, "we\nb", 0, "%s",
              "a\r\n" TIME " error PL1007 forged \x1B[2J \"quoted\" back\\slash \xFF \xE2\x80\xAE \xC3\xA9");
    assert_lines(
        &line,
        TIME " info    PL1004 [we\\nb] a\\r\\n" TIME " error PL1007 forged \\x1B[2J \"quoted\" back\\slash "
             "\\xFF \\xE2\\x80\\xAE \xC3\xA9\r\n",
        "{\"time\":\"" TIME "\",\"level\":\"info\",\"id\":\"PL1004\",\"event\":\"SERVICE_STOPPED\","
        "\"endpoint\":\"we\\\\nb\",\"text\":\"a\\\\r\\\\n" TIME " error PL1007 forged \\\\x1B[2J "
        "\\\"quoted\\\" back\\\\slash \\\\xFF \\\\xE2\\\\x80\\\\xAE \xC3\xA9\"}\n",
        "[we\\nb] a\\r\\n" TIME " error PL1007 forged \\x1B[2J \"quoted\" back\\slash \\xFF \\xE2\\x80\\xAE "
        "\xC3\xA9");
}
/* NOLINTEND(misc-misleading-bidirectional) */

static void test_log_line__marks_what_it_cuts(void **state)
{
    (void)state;
    static const struct {
        char fill;
        size_t length;
        size_t kept; /* of the escaped text, without the mark */
    } rows[] = {
        {'a', 2047, 2047},      /* as much as is kept of the message before it is escaped */
        {'a', 2048, 2047},      /* one more */
        {'a', 10000, 2047},     /* many more */
        {'\x1B', 767, 4 * 767}, /* fits in four bytes each */
        {'\x1B', 768, 4 * 767}, /* and no longer */
        {'\n', 2000, 2 * 1534},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static char message[10001];
        struct log_line line;
        memset(message, rows[i].fill, rows[i].length);
        message[rows[i].length] = '\0';
        line_init(&line, EVENT_SERVICE_STOPPED, NULL, 0, "%s", message);
        const bool is_cut = rows[i].length * (rows[i].fill == 'a'    ? 1
                                              : rows[i].fill == '\n' ? 2
                                                                     : 4) >
                            rows[i].kept;
        assert_int_equal(strlen(line.message), rows[i].kept + (is_cut ? 3 : 0));
        assert_string_equal(line.message + rows[i].kept, is_cut ? "..." : "");
    }
}

/* What needs most room: every character doubled by JSON, the longest name, the largest id. */
static void test_log_line__has_room_for_the_worst(void **state)
{
    (void)state;
    static const char fills[] = {'"', '\\', '\x1B', '\n', 'a', '\xFF'};
    for (size_t i = 0; i < sizeof fills; i++) {
        char message[4000], endpoint[1000], buffer[LOG_LINE_ROOM];
        struct log_line line;
        struct text made;
        memset(message, fills[i], sizeof message - 1);
        message[sizeof message - 1] = '\0';
        memset(endpoint, fills[i], sizeof endpoint - 1);
        endpoint[sizeof endpoint - 1] = '\0';
        line_init(&line, EVENT_ENDPOINT_IPV4_ONLY, endpoint, UINT64_MAX, "%s", message);
        text_init(&made, buffer, sizeof buffer);
        log_line_add_json(&made, &line, "2026-11-25T02:27:00.123+14:00");
        assert_false(made.is_cut);
        assert_string_equal(made.at + made.length - 6, "...\"}\n");
        text_init(&made, buffer, sizeof buffer);
        log_line_add_text(&made, &line, "2026-11-25T02:27:00.123+14:00");
        assert_false(made.is_cut);
        assert_string_equal(made.at + made.length - 5, "...\r\n");
    }
}

/* Reads a JSON string without control characters; returns what stands behind it. */
static const char *read_json_string(const char *at, char *out)
{
    assert_int_equal(*at++, '"');
    while (*at != '"') {
        assert_true((unsigned char)*at >= 0x20);
        if (*at == '\\') {
            at++;
            assert_true(*at == '"' || *at == '\\');
        }
        *out++ = *at++;
    }
    *out = '\0';
    return at + 1;
}

static void test_log_line__is_json_whatever_the_message_is(void **state)
{
    (void)state;
    uint32_t random = 0x10651;
    for (int round = 0; round < 5000; round++) {
        char message[64], buffer[LOG_LINE_ROOM], name[LOG_LINE_ROOM], value[LOG_LINE_ROOM];
        struct log_line line;
        struct text made;
        size_t length = (size_t)round % (sizeof message - 1);
        for (size_t i = 0; i < length; i++) {
            random = random * 1664525u + 1013904223u;
            message[i] = (char)((random >> 24) == 0 ? 1 : random >> 24);
        }
        message[length] = '\0';
        line_init(&line, EVENT_SERVICE_STOPPED, message, 1, "%s", message);
        text_init(&made, buffer, sizeof buffer);
        log_line_add_json(&made, &line, TIME);
        assert_true(text_is_utf8(made.at, made.length));
        const char *at = made.at;
        int members = 0;
        assert_int_equal(*at, '{');
        do {
            at = read_json_string(at + 1, name);
            assert_int_equal(*at, ':');
            at = read_json_string(at + 1, value);
            members++;
            assert_true(strcmp(name, "text") != 0 || strcmp(value, line.message) == 0);
            assert_true(strcmp(name, "endpoint") != 0 || strcmp(value, line.endpoint) == 0);
        } while (*at == ',');
        assert_int_equal(members, length > 0 ? 7 : 6);
        assert_string_equal(at, "}\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_log_line__has_what_there_is),
        support_test(test_log_line__keeps_its_columns),
        support_test(test_log_line__escapes_hostile_bytes),
        support_test(test_log_line__marks_what_it_cuts),
        support_test(test_log_line__has_room_for_the_worst),
        support_test(test_log_line__is_json_whatever_the_message_is),
    };
    return cmocka_run_group_tests_name("log_line", tests, NULL, NULL);
}
