/* SPDX-License-Identifier: MIT
   Tests of config/config_entry.h: each kind of key with values at and beyond its limits, and the exact
   messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "config/config_entry.h"
#include "config/config_problems.h"
#include "support/config_case.h"
#include "support/failing_memory.h"

/* Line 3, the value from column 10 on. */
static void read_entry(const struct config_key *key, const char *value, void *record,
                       struct config_problems *problems)
{
    const struct config_entry entry = {.key = key,
                                       .value = {.at = value, .length = strlen(value), .column = 10},
                                       .line = 3,
                                       .record = record,
                                       .handlers = config_case_source.handlers,
                                       .problems = problems};
    config_entry_read(&entry);
}

/* The value is stored, and written back as `same`. */
static void assert_takes(const struct config_table *table, const char *name, const char *value,
                         const char *same)
{
    union {
        struct config_service service;
        struct config_endpoint endpoint;
    } record;
    char room[256];
    struct text text;
    struct config_problems problems;
    const struct config_key *key = config_keys_find(table, name, strlen(name));
    memset(&record, 0, sizeof record);
    config_problems_init(&problems);
    text_init(&text, room, sizeof room);
    read_entry(key, value, &record, &problems);
    config_problems_finish(&problems, "t.ini");
    assert_string_equal(problems.text.at, "");
    config_keys_add_value(&text, key, &record);
    assert_string_equal(room, same);
    config_keys_free(table, &record, NULL);
    config_problems_fini(&problems);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_entry__takes_values_at_their_limits(void **state)
{
    (void)state;
    static const char *const service[][3] = {
        {"workers", "0", "0"},
        {"workers", "1", "1"},
        {"workers", "64", "64"},
        {"drain_timeout", "0", "0"},
        {"drain_timeout", "60m", "1h"},
        {"start_policy", "ALL", "all"},
        {"reload", "watch", "watch"},
        {"bind_retry", "100ms", "100ms"},
        {"bind_retry", "30s", "30s"},
        {"log_file", "-", "-"},
        {"log_file", "a b\\c.log", "a b\\c.log"},
        {"log_file", "a;b#c.log", "a;b#c.log"},
        {"access_log", "", ""},
        {"access_log", "-", "-"},
        {"access_log", "a b.log", "a b.log"},
        {"access_log", "none.log", "none.log"},
        {"access_log", ".\\no", ".\\no"}, /* whoever wants it */
        {"log_level", "Warning", "warning"},
        {"log_format", "json", "json"},
        {"log_time", "local", "local"},
        {"log_rotate_size", "0", "0"},
        {"log_rotate_size", "65536", "64K"},
        {"log_rotate_size", "100 GB", "100G"},
        {"log_rotate_interval", "0s", "0"},
        {"log_rotate_interval", "60s", "1m"},
        {"log_rotate_interval", "365d", "365d"},
        {"log_keep", "1000", "1000"},
        {"event_log", "off", "off"},
    };
    static const char *const endpoint[][3] = {
        {"enabled", "off", "no"},
        {"enabled", "TRUE", "yes"},
        {"handler", "ECHO", "echo"},
        {"listen", "TCP://*:1, udp://localhost:2-3", "tcp://*:1, udp://127.0.0.1:2-3, udp://[::1]:2-3"},
        {"backlog", "65535", "65535"},
        {"accepts_max", "4096", "4096"},
        {"first_byte_timeout", "100ms", "100ms"},
        {"idle_timeout", "0", "0"},
        {"lifetime", "8760h", "365d"},
        {"send_queue", "64K", "64K"},
        {"send_queue", "1024MB", "1G"},
        {"keepalive_interval", "24h", "1d"},
        {"recv_buffer", "0K", "0"},
        {"send_buffer", "1024", "1K"},
        {"max_datagram", "512", "512"},
        {"max_datagram", "65507", "65507"},
        {"max_datagram", "63K", "63K"},
        {"udp_sessions_max", "1", "1"},
        {"udp_sessions_max", "1000000", "1000000"},
        {"reply_limit", "0", "0"},
        {"reply_limit", "0.0", "0"},
        {"reply_limit", "0.1", "0.1"},
        {"reply_limit", "1", "1.0"},
        {"reply_limit", "1.250", "1.25"},
        {"reply_limit", "1000", "1000.0"},
        {"allow", "", ""},
        {"allow", "192.0.2.0/24", "192.0.2.0/24"},
        {"allow", "10.0.0.0/8,10.0.0.0/8 ,\t::1/128", "10.0.0.0/8, 10.0.0.0/8, ::1"},
        {"deny", "::ffff:192.0.2.0/120, ::/0", "192.0.2.0/24, ::/0"},
        {"trusted_proxies", "2001:DB8::/32, 0.0.0.0/0, 192.0.2.1/32", "2001:db8::/32, 0.0.0.0/0, 192.0.2.1"},
    };
    for (size_t i = 0; i < sizeof service / sizeof service[0]; i++) {
        assert_takes(&config_keys_service, service[i][0], service[i][1], service[i][2]);
    }
    for (size_t i = 0; i < sizeof endpoint / sizeof endpoint[0]; i++) {
        assert_takes(&config_keys_endpoint, endpoint[i][0], endpoint[i][1], endpoint[i][2]);
    }
}

static void test_config_entry__takes_every_default_of_the_table(void **state)
{
    (void)state;
    const struct config_table *const tables[] = {&config_keys_service, &config_keys_endpoint};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct config_key *key = &tables[t]->keys[i];
            if (key->value != NULL) {
                assert_takes(tables[t], key->name, key->value, key->value);
            }
        }
    }
}

#define TIMEOUTS "write 0 (no limit), or 100ms to 365d"
#define UNITS    "write ms, s, m, h or d behind the number, such as 30s or 5m"
#define SIZES    "write K, M or G behind the number, such as 64K or 10M, or nothing for bytes"

static const struct {
    const char *name;
    const char *value;
    const char *expected; /* behind "t.ini:3:" */
} wrong[] = {
    {"workers", "65",
     "10: error: workers: \"65\" is too large; write 0 (one per logical processor), or 1 to 64"},
    {"workers", "-1",
     "10: error: workers: \"-1\" has a sign; write 0 (one per logical processor), or 1 to 64"},
    {"workers", "four",
     "10: error: workers: \"four\" is not a number; write 0 (one per logical processor), or 1 to 64"},
    {"drain_timeout", "61m", "10: error: drain_timeout: \"61m\" is too large; write 0 to 1h"},
    {"drain_timeout", "10", "12: error: drain_timeout: \"10\" has no unit; " UNITS},
    {"drain_timeout", "10 sec", "13: error: drain_timeout: \"sec\" is not a unit here; " UNITS},
    {"drain_timeout", "",
     "10: error: drain_timeout has no value; write 0 to 1h, or remove the line for the default 10s"},
    {"start_policy", "any", "10: error: start_policy: \"any\" is not known; write partial or all"},
    {"start_policy", "partail", "10: error: start_policy: \"partail\" is not known; did you mean partial?"},
    {"bind_retry", "99ms", "10: error: bind_retry: \"99ms\" is too small; write 100ms to 30s"},
    {"bind_retry", "0", "10: error: bind_retry: \"0\" is too small; write 100ms to 30s"},
    {"bind_retry", "0.5s", "10: error: bind_retry: \"0.5s\" is not a whole number; write 100ms to 30s"},
    {"data_dir", "\"C:\\a\"", "10: error: data_dir: values have no quotes; leave them out"},
    {"data_dir", "'C:\\a'", "10: error: data_dir: values have no quotes; leave them out"},
    {"data_dir", "",
     "10: error: data_dir has no value; write the path of a folder, or remove the line for the default ."},
    {"data_dir", "; default",
     "10: error: data_dir has no value, only a comment; write the path of a folder, or remove the line for "
     "the default ."},
    {"data_dir", "; \"C:\\a\"",
     "10: error: data_dir has no value, only a comment; write the path of a folder, or remove the line for "
     "the default ."},
    {"access_log", "; off",
     "10: error: access_log has no value, only a comment; write the path of a file, or -, or nothing (off)"},
    {"access_log", "no",
     "10: error: access_log: \"no\" is not the path of a file; for none, write nothing behind the =, or remove "
     "the line"},
    {"access_log", "OFF",
     "10: error: access_log: \"OFF\" is not the path of a file; for none, write nothing behind the =, or remove "
     "the line"},
    {"access_log", "false",
     "10: error: access_log: \"false\" is not the path of a file; for none, write nothing behind the =, or "
     "remove the line"},
    {"access_log", "0",
     "10: error: access_log: \"0\" is not the path of a file; for none, write nothing behind the =, or remove "
     "the line"},
    {"access_log", "none",
     "10: error: access_log: \"none\" is not the path of a file; for none, write nothing behind the =, or "
     "remove the line"},
    {"access_log", "yes",
     "10: error: access_log: \"yes\" is not the path of a file; write one such as logs\\access.log"},
    {"access_log", "On",
     "10: error: access_log: \"On\" is not the path of a file; write one such as logs\\access.log"},
    {"access_log", "true",
     "10: error: access_log: \"true\" is not the path of a file; write one such as logs\\access.log"},
    {"access_log", "1",
     "10: error: access_log: \"1\" is not the path of a file; write one such as logs\\access.log"},
    {"log_file", "no",
     "10: error: log_file: \"no\" is not the path of a file; write one such as logs\\<service>.log, or - for "
     "standard error"},
    {"log_file", "yes",
     "10: error: log_file: \"yes\" is not the path of a file; write one such as logs\\<service>.log, or - for "
     "standard error"},
    {"log_file", "#1.log",
     "10: error: log_file has no value, only a comment; write the path of a file, or -, or remove the line "
     "for the default logs\\<service>.log"},
    {"log_file", "",
     "10: error: log_file has no value; write the path of a file, or -, or remove the line for the "
     "default logs\\<service>.log"},
    {"log_level", "warn", "10: error: log_level: \"warn\" is not known; did you mean warning?"},
    {"log_level", "3", "10: error: log_level: \"3\" is not known; write error, warning, info or debug"},
    {"log_level", "info ; all",
     "15: error: log_level: a comment behind the value; put it on a line of its own"},
    {"log_format", "xml", "10: error: log_format: \"xml\" is not known; write text or json"},
    {"log_time", "",
     "10: error: log_time has no value; write utc or local, or remove the line for the default utc"},
    {"log_rotate_size", "10T", "12: error: log_rotate_size: \"T\" is not a unit here; " SIZES},
    {"log_rotate_size", "1K",
     "10: error: log_rotate_size: \"1K\" is too small; write 0 (not by size), or 64K to 100G"},
    {"log_rotate_size", "101G",
     "10: error: log_rotate_size: \"101G\" is too large; write 0 (not by size), or 64K to 100G"},
    {"log_rotate_interval", "366d",
     "10: error: log_rotate_interval: \"366d\" is too large; write 0 (not by age), or 1m to 365d"},
    {"log_keep", "# eight",
     "10: error: log_keep has no value, only a comment; write 1 to 1000, or remove the line for the default "
     "8"},
    {"log_keep", "0", "10: error: log_keep: \"0\" is too small; write 1 to 1000"},
    {"log_keep", "08", "10: error: log_keep: \"08\" has a leading zero; leave it out"},
    {"event_log", "error", "10: error: event_log: \"error\" is not known; did you mean errors?"},
    {"enabled", "ja", "10: error: enabled: \"ja\" is neither yes nor no; write yes or no"},
    {"enabled", "1", "10: error: enabled: \"1\" is neither yes nor no; write yes or no"},
    {"handler", "ehco", "10: error: handler: \"ehco\" is not a handler; did you mean echo?"},
    {"handler", "http",
     "10: error: handler: \"http\" is not a handler; the handlers are discard, echo, packet, stream, or NAME.dll of "
     "plugin_dir"},
    {"handler", ";", "10: error: handler has no value, only a comment; write the name of a handler"},
    {"handler", "", "10: error: handler has no value; write the name of a handler"},
    {"listen", "",
     "10: error: listen has no value; write tcp://ADDRESS:PORT or udp://ADDRESS:PORT, several by commas"},
    {"listen", "tcp://*:1,,tcp://*:2",
     "20: error: listen: an item of the list is empty; leave out one comma"},
    {"listen", ",tcp://*:1", "10: error: listen: an item of the list is empty; leave out one comma"},
    {"listen", "tcp://*:1,", "20: error: listen: an item of the list is empty; leave out one comma"},
    {"listen", "tcp://*:1, \xC3\xA4",
     "21: error: listen: \"\xC3\xA4\" does not begin with tcp:// or udp://; write "
     "tcp://\xC3\xA4:PORT (or udp:// for UDP)"},
    {"listen", "udp://*:1, tcp://*:x, udp://*:2",
     "29: error: listen: \"x\" is not a port number; write a number from 1 to 65535, or a range such as "
     "8000-8010"},
    {"listen", "tcp://*:80 # web",
     "21: error: listen: a comment behind the value; put it on a line of its own"},
    {"listen", "\"tcp://*:80\"", "10: error: listen: values have no quotes; leave them out"},
    {"backlog", "0", "10: error: backlog: \"0\" is too small; write 1 to 65535"},
    {"backlog", "65536", "10: error: backlog: \"65536\" is too large; write 1 to 65535"},
    {"backlog", "18446744073709551617",
     "10: error: backlog: \"18446744073709551617\" is too large; write 1 to 65535"},
    {"backlog", "0x200", "10: error: backlog: \"0x200\" is hexadecimal; write the number in decimal"},
    {"backlog", "1,024", "10: error: backlog: \"1,024\" is not a whole number; write 1 to 65535"},
    {"backlog", "512\t;many", "14: error: backlog: a comment behind the value; put it on a line of its own"},
    {"accepts_max", "4097", "10: error: accepts_max: \"4097\" is too large; write 1 to 4096"},
    {"receives_max", "1025", "10: error: receives_max: \"1025\" is too large; write 1 to 1024"},
    {"first_byte_timeout", "99ms", "10: error: first_byte_timeout: \"99ms\" is too small; " TIMEOUTS},
    {"idle_timeout", "366d", "10: error: idle_timeout: \"366d\" is too large; " TIMEOUTS},
    {"idle_timeout", "5", "11: error: idle_timeout: \"5\" has no unit; " UNITS},
    {"send_timeout", "never", "10: error: send_timeout: \"never\" is not a number; " TIMEOUTS},
    {"lifetime", "9999999999999999d", "10: error: lifetime: \"9999999999999999d\" is too large; " TIMEOUTS},
    {"close_timeout", "5 s ; x",
     "14: error: close_timeout: a comment behind the value; put it on a line of its own"},
    {"send_queue", "63K", "10: error: send_queue: \"63K\" is too small; write 64K to 1G"},
    {"send_queue", "1025M", "10: error: send_queue: \"1025M\" is too large; write 64K to 1G"},
    {"nodelay", "",
     "10: error: nodelay has no value; write yes or no, or remove the line for the default yes"},
    {"keepalive_time", "31d", "10: error: keepalive_time: \"31d\" is too large; write 1s to 30d"},
    {"keepalive_interval", "0", "10: error: keepalive_interval: \"0\" is too small; write 1s to 1d"},
    {"recv_buffer", "1023",
     "10: error: recv_buffer: \"1023\" is too small; write 0 (the system's, for UDP 4M), or 1K to 1G"},
    {"send_buffer", "2G", "10: error: send_buffer: \"2G\" is too large; write 0 (the system's), or 1K to 1G"},
    {"udp_sessions_max", "0", "10: error: udp_sessions_max: \"0\" is too small; write 1 to 1000000"},
    {"udp_sessions_max", "1000001",
     "10: error: udp_sessions_max: \"1000001\" is too large; write 1 to 1000000"},
    {"reply_limit", "0.099",
     "10: error: reply_limit: \"0.099\" is too small; write 0 (no limit), or 0.1 to 1000.0"},
    {"reply_limit", "1000.001",
     "10: error: reply_limit: \"1000.001\" is too large; write 0 (no limit), or 0.1 to 1000.0"},
    {"reply_limit", "x",
     "10: error: reply_limit: \"x\" is not a number; write 0 (no limit), or 0.1 to 1000.0"},
    {"reply_limit", "1,5", "10: error: reply_limit: \"1,5\" has a comma; write a point in its place"},
    {"reply_limit", "1.5x",
     "11: error: reply_limit: \"1.5x\" is not a ratio; write one to three digits behind the point"},
    {"max_datagram", "64K", "10: error: max_datagram: \"64K\" is too large; write 512 to 65507"},
    {"max_datagram", "511", "10: error: max_datagram: \"511\" is too small; write 512 to 65507"},
    {"allow", "; all",
     "10: error: allow has no value, only a comment; write nothing (everyone), or ADDRESS or ADDRESS/LENGTH, "
     "several by commas"},
    {"allow", "192.0.2.7/24",
     "10: error: allow: \"192.0.2.7/24\" is not a network, for bits behind its length are set; write "
     "192.0.2.0/24 for the network, or 192.0.2.7 for the one address"},
    {"allow", ",",
     "10: error: allow: an item of the list is empty; leave out one comma\n"
     "t.ini:3:11: error: allow: an item of the list is empty; leave out one comma"},
    {"allow", "192.0.2.1 # admin",
     "20: error: allow: a comment behind the value; put it on a line of its own"},
    {"allow", "\"192.0.2.1\"", "10: error: allow: values have no quotes; leave them out"},
    {"deny", "192.0.2.1, 192.0.2.0/33, ::1, fe80::1%3",
     "31: error: deny: \"33\" is more bits than such an address has; write 0 to 32, the number of bits that "
     "all addresses of the network share\n"
     "t.ini:3:47: error: deny: \"fe80::1%3\" has a %scope, but the network interface does not count here; "
     "leave out the % and what follows it, up to the / if there is one"},
    {"trusted_proxies", "192.0.2.1,",
     "20: error: trusted_proxies: an item of the list is empty; leave out "
     "one comma"},
};

static void test_config_entry__tells_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        union {
            struct config_service service;
            struct config_endpoint endpoint;
        } record;
        struct config_problems problems;
        char expected[768];
        struct text text;
        const struct config_table *table = &config_keys_service;
        const struct config_key *key = config_keys_find(table, wrong[i].name, strlen(wrong[i].name));
        if (key == NULL) {
            table = &config_keys_endpoint;
            key = config_keys_find(table, wrong[i].name, strlen(wrong[i].name));
        }
        assert_non_null(key);
        memset(&record, 0, sizeof record);
        text_init(&text, expected, sizeof expected);
        text_add_format(&text, "t.ini:3:%s\n", wrong[i].expected);
        config_problems_init(&problems);
        read_entry(key, wrong[i].value, &record, &problems);
        config_problems_finish(&problems, "t.ini");
        assert_string_equal(problems.text.at, expected);
        config_keys_free(table, &record, NULL);
        config_problems_fini(&problems);
        assert_int_equal(failing_memory_live(), 0);
    }
}

static void test_config_entry__warns_of_what_may_be_a_comment_in_a_path(void **state)
{
    (void)state;
    static const char *const values[] = {"a.log ; the log", "a.log #1", "a\t;b"};
    static const uint32_t columns[] = {16, 16, 12};
    for (size_t i = 0; i < 3; i++) {
        struct config_service service = {0};
        struct config_problems problems;
        char expected[256];
        struct text text;
        text_init(&text, expected, sizeof expected);
        text_add_format(&text,
                        "t.ini:3:%lu: warning: log_file: from here on this is part of the path; if it is a "
                        "comment, put it on a line of its own\n",
                        (unsigned long)columns[i]);
        config_problems_init(&problems);
        read_entry(config_keys_find(&config_keys_service, "log_file", 8), values[i], &service, &problems);
        config_problems_finish(&problems, "t.ini");
        assert_string_equal(problems.text.at, expected);
        assert_string_equal(service.log_file, values[i]);
        config_keys_free(&config_keys_service, &service, NULL);
        config_problems_fini(&problems);
    }
    assert_int_equal(failing_memory_live(), 0);
}

/* In one line; the room for them grows, but not with each of them. */
static void test_config_entry__takes_a_hundred_thousand_networks(void **state)
{
    (void)state;
    struct config_endpoint endpoint = {0};
    struct config_problems problems;
    struct text value, same;
    const struct config_key *key = config_keys_find(&config_keys_endpoint, "deny", 4);
    config_problems_init(&problems);
    text_init_heap(&value);
    text_init_heap(&same);
    for (unsigned i = 0; i < 100000; i++) {
        text_add_format(&value, "%s10.%u.%u.%u", i > 0 ? ", " : "", i >> 16, i >> 8 & 0xFF, i & 0xFF);
    }
    failing_memory_arm(100, true);
    read_entry(key, value.at, &endpoint, &problems);
    assert_int_equal(failing_memory_hits(), 0);
    failing_memory_arm(0, false);
    assert_int_equal(endpoint.deny.count, 100000);
    config_keys_add_value(&same, key, &endpoint);
    assert_string_equal(same.at, value.at);
    config_keys_free(&config_keys_endpoint, &endpoint, NULL);
    config_problems_fini(&problems);
    text_fini(&value);
    text_fini(&same);
    assert_int_equal(failing_memory_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_entry__takes_values_at_their_limits),
        failing_memory_test(test_config_entry__takes_every_default_of_the_table),
        failing_memory_test(test_config_entry__tells_what_is_wrong),
        failing_memory_test(test_config_entry__takes_a_hundred_thousand_networks),
        failing_memory_test(test_config_entry__warns_of_what_may_be_a_comment_in_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
