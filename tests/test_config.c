/* SPDX-License-Identifier: MIT
   Tests of config_parse: sections, keys, defaults, origins, whole files, and a heap that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_keys.h"
#include "config/config_problems.h"
#include "support/config_case.h"
#include "support/failing_memory.h"

#define WEB "[endpoint web]\nlisten = tcp://*:80\nhandler = echo\n"

/* The file of tests/data/config, with a NUL behind it. */
static char *read_file(const char *name, size_t *length_out)
{
    char path[512];
    struct text text;
    text_init(&text, path, sizeof path);
    text_add_format(&text, "%s/%s", PORTLISTENER_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s cannot be opened", path);
    }
    char *at = calloc(1, 65536);
    assert_non_null(at);
    *length_out = fread(at, 1, 65535, file);
    fclose(file);
    return at;
}

static const struct config_origin *origin_of(const struct config_endpoint *endpoint, const char *name)
{
    const struct config_key *key = config_keys_find(&config_keys_endpoint, name, strlen(name));
    assert_non_null(key);
    return &endpoint->origins[key - config_keys_endpoint.keys];
}

/* ---- what is read ---- */

static void test_config__fills_in_the_defaults(void **state)
{
    (void)state;
    struct config_case it;
    config_case_parse(&it, WEB, sizeof WEB - 1);
    assert_string_equal(it.problems.text.at, "");
    assert_non_null(it.config);
    const struct config_service *service = &it.config->service;
    assert_string_equal(it.config->file, "t.ini");
    assert_int_equal(service->workers, 0);
    assert_int_equal(service->drain_timeout, 10000);
    assert_int_equal(service->start_policy, CONFIG_START_PARTIAL);
    assert_int_equal(service->bind_retry, 500);
    assert_string_equal(service->data_dir, "C:\\conf");
    assert_string_equal(service->log_file, "C:\\conf\\logs\\PortListener.log");
    assert_int_equal(service->log_level, LOG_LEVEL_INFO);
    assert_false(service->log_is_json || service->log_is_local_time);
    assert_int_equal(service->log_rotate_size, 10485760);
    assert_int_equal(service->log_rotate_interval, 0);
    assert_int_equal(service->log_keep, 8);
    assert_string_equal(service->access_log, "");
    assert_int_equal(service->event_log, CONFIG_EVENT_LOG_LIFECYCLE);
    assert_int_equal(it.config->endpoint_count, 1);
    const struct config_endpoint *web = &it.config->endpoints[0];
    assert_string_equal(web->name, "web");
    assert_int_equal(web->line, 1);
    assert_true(web->is_enabled);
    assert_int_equal(web->listen_count, 1);
    assert_true(web->listen[0].is_dual_stack);
    assert_int_equal(web->listen[0].line, 2);
    assert_int_equal(web->listen[0].column, 10);
    assert_string_equal(web->handler, "echo");
    assert_int_equal(web->backlog, 512);
    assert_int_equal(web->accepts_max, 256);
    assert_int_equal(web->receives_max, 32);
    assert_int_equal(web->max_connections, 0);
    assert_int_equal(web->max_connections_per_source, 0);
    assert_int_equal(web->accept_rate, 0);
    assert_int_equal(web->accept_burst, 0);
    assert_int_equal(web->proxy_protocol, CONFIG_PROXY_OFF);
    assert_int_equal(web->proxy_timeout, 3000);
    assert_int_equal(web->first_byte_timeout, 0);
    assert_int_equal(web->idle_timeout, 300000);
    assert_int_equal(web->send_timeout, 30000);
    assert_int_equal(web->lifetime, 0);
    assert_int_equal(web->close_timeout, 5000);
    assert_int_equal(web->send_queue, 1048576);
    assert_true(web->nodelay);
    assert_false(web->keepalive);
    assert_int_equal(web->keepalive_time, 7200000);
    assert_int_equal(web->keepalive_interval, 75000);
    assert_int_equal(web->recv_buffer, 0);
    assert_int_equal(web->send_buffer, 0);
    assert_int_equal(web->max_datagram, 65507);
    assert_int_equal(web->udp_sessions_max, 65536);
    assert_int_equal(web->reply_limit, 1000);
    assert_true(web->access_log);
    assert_int_equal(web->allow.count + web->deny.count + web->trusted_proxies.count, 0);
    config_case_fini(&it);
}

static void test_config__reads_a_complete_file(void **state)
{
    (void)state;
    struct config_case it;
    size_t length = 0;
    char *text = read_file("complete.ini", &length);
    config_case_parse(&it, text, length);
    assert_string_equal(it.problems.text.at, "");
    assert_non_null(it.config);
    const struct config_service *service = &it.config->service;
    assert_int_equal(service->workers, 4);
    assert_int_equal(service->max_connections, 12000);
    assert_int_equal(service->drain_timeout, 20000);
    assert_int_equal(service->start_policy, CONFIG_START_ALL);
    assert_int_equal(service->bind_retry, 1000);
    assert_string_equal(service->data_dir, "C:\\ProgramData\\PortListener");
    assert_string_equal(service->log_file, "C:\\ProgramData\\PortListener\\logs\\main.log");
    assert_int_equal(service->log_level, LOG_LEVEL_DEBUG);
    assert_true(service->log_is_json && service->log_is_local_time);
    assert_int_equal(service->log_rotate_size, 67108864);
    assert_int_equal(service->log_rotate_interval, 86400000);
    assert_int_equal(service->log_keep, 30);
    assert_string_equal(service->access_log, "C:\\ProgramData\\PortListener\\logs\\access.log");
    assert_int_equal(service->event_log, CONFIG_EVENT_LOG_ALL);
    assert_int_equal(it.config->endpoint_count, 2);
    const struct config_endpoint *everything = &it.config->endpoints[0];
    assert_int_equal(everything->listen_count, 5);
    assert_string_equal(everything->handler, "discard");
    assert_int_equal(everything->backlog, 200);
    assert_int_equal(everything->accepts_max, 64);
    assert_int_equal(everything->receives_max, 16);
    assert_int_equal(everything->max_connections, 9000);
    assert_int_equal(everything->max_connections_per_source, 40);
    assert_int_equal(everything->max_outbound, 90);
    assert_int_equal(everything->accept_rate, 500);
    assert_int_equal(everything->accept_burst, 1000);
    assert_int_equal(everything->proxy_protocol, CONFIG_PROXY_BOTH);
    assert_int_equal(everything->proxy_timeout, 1000);
    assert_int_equal(everything->first_byte_timeout, 5000);
    assert_int_equal(everything->idle_timeout, 120000);
    assert_int_equal(everything->send_timeout, 15000);
    assert_int_equal(everything->lifetime, 43200000);
    assert_int_equal(everything->close_timeout, 1000);
    assert_int_equal(everything->send_queue, 262144);
    assert_true(everything->nodelay && everything->keepalive);
    assert_int_equal(everything->keepalive_time, 600000);
    assert_int_equal(everything->keepalive_interval, 10000);
    assert_int_equal(everything->recv_buffer, 8388608);
    assert_int_equal(everything->send_buffer, 131072);
    assert_int_equal(everything->max_datagram, 1500);
    assert_int_equal(everything->udp_sessions_max, 1000);
    assert_int_equal(everything->reply_limit, 2500);
    assert_false(everything->access_log);
    assert_int_equal(everything->allow.count, 3);
    assert_int_equal(everything->allow.at[0].address.family, 4);
    assert_int_equal(everything->allow.at[0].length, 24);
    assert_int_equal(everything->allow.at[2].address.family, 6);
    assert_int_equal(everything->allow.at[2].length, 32);
    assert_int_equal(everything->deny.count, 2);
    assert_int_equal(everything->trusted_proxies.count, 1);
    const struct config_endpoint *second = &it.config->endpoints[1];
    assert_string_equal(second->name, "second.one");
    assert_string_equal(second->handler, "echo");
    assert_int_equal(second->idle_timeout, 3600000);
    assert_false(second->nodelay || second->keepalive);
    assert_true(second->access_log);
    assert_int_equal(second->listen_count, 2);
    assert_int_equal(second->allow.count, 0);
    assert_int_equal(second->deny.count, 1);
    config_case_fini(&it);
    free(text);
}

static void test_config__gives_the_same_when_written_and_read_again(void **state)
{
    (void)state;
    size_t length = 0;
    char *file = read_file("complete.ini", &length);
    struct config_case first, second;
    struct text once, twice;
    text_init_heap(&once);
    text_init_heap(&twice);
    config_case_parse(&first, file, length);
    assert_non_null(first.config);
    config_case_write(&once, first.config);
    config_case_parse(&second, once.at, once.length);
    assert_int_equal(second.problems.errors, 0); /* that some keys do nothing there is told */
    assert_non_null(second.config);
    config_case_write(&twice, second.config);
    assert_string_equal(once.at, twice.at);
    assert_non_null(strstr(once.at, "listen = tcp://*:7, udp://*:7, tcp://127.0.0.1:8000-8010, "
                                    "tcp://[2001:db8::1]:80, tcp://[fe80::1%3]:80\nhandler = discard\n"));
    config_case_fini(&first);
    config_case_fini(&second);
    text_fini(&once);
    text_fini(&twice);
    free(file);
}

static void test_config__remembers_where_each_value_comes_from(void **state)
{
    (void)state;
    static const char text[] = "[endpoint a]\nlisten = tcp://*:1\n  backlog =   7\n"
                               "[endpoint b]\nlisten = tcp://*:2\nhandler = discard\nidle_timeout = 1m\n"
                               "[defaults]\nhandler = echo\nidle_timeout = 2m\n";
    struct config_case it;
    config_case_parse(&it, text, sizeof text - 1);
    assert_string_equal(it.problems.text.at, "");
    const struct config_endpoint *a = &it.config->endpoints[0], *b = &it.config->endpoints[1];
    assert_int_equal(origin_of(a, "backlog")->line, 3);
    assert_int_equal(origin_of(a, "backlog")->column, 15);
    assert_false(origin_of(a, "backlog")->is_shared);
    assert_int_equal(origin_of(b, "backlog")->line, 0);
    assert_int_equal(origin_of(a, "handler")->line, 9);
    assert_true(origin_of(a, "handler")->is_shared);
    assert_int_equal(origin_of(b, "handler")->line, 6);
    assert_false(origin_of(b, "handler")->is_shared);
    assert_string_equal(a->handler, "echo");
    assert_string_equal(b->handler, "discard");
    assert_int_equal(a->idle_timeout, 120000);
    assert_int_equal(b->idle_timeout, 60000);
    config_case_fini(&it);
}

/* An endpoint has its own list instead of that of [defaults], also when its own is empty. */
static void test_config__takes_the_lists_of_defaults_or_its_own(void **state)
{
    (void)state;
    static const char text[] = "[defaults]\nhandler = echo\nallow = 192.0.2.0/24, 2001:db8::/32\n"
                               "[endpoint a]\nlisten = tcp://*:1\n"
                               "[endpoint b]\nlisten = tcp://*:2\nallow =\n"
                               "[endpoint c]\nlisten = tcp://*:3\nallow = 10.0.0.0/8\n";
    struct config_case it;
    config_case_parse(&it, text, sizeof text - 1);
    assert_string_equal(it.problems.text.at, "");
    const struct config_endpoint *endpoints = it.config->endpoints;
    assert_int_equal(endpoints[0].allow.count, 2);
    assert_true(origin_of(&endpoints[0], "allow")->is_shared);
    assert_int_equal(endpoints[1].allow.count, 0);
    assert_int_equal(origin_of(&endpoints[1], "allow")->line, 8);
    assert_int_equal(endpoints[2].allow.count, 1);
    assert_int_equal(endpoints[2].allow.at[0].address.ip[0], 10);
    config_case_fini(&it);
}

/* Endpoints share what [defaults] says, wherever it stands, and have their own beside it. */
static void test_config__has_each_list_once(void **state)
{
    (void)state;
    static const char text[] = "[endpoint a]\nlisten = tcp://*:1\n"
                               "[endpoint b]\nlisten = tcp://*:2\ndeny = 10.0.0.0/8\nallow =\n"
                               "[defaults]\nhandler = echo\nallow = 192.0.2.0/24\ndeny = 10.0.0.0/8\n"
                               "trusted_proxies = 10.0.0.0/8\n"
                               "[endpoint c]\nlisten = tcp://*:3\nhandler = echo\n";
    struct config_case it;
    config_case_parse(&it, text, sizeof text - 1);
    assert_string_equal(it.problems.text.at, "");
    const struct config_endpoint *defaults = &it.config->defaults;
    const struct config_endpoint *a = &it.config->endpoints[0];
    const struct config_endpoint *b = &it.config->endpoints[1];
    const struct config_endpoint *c = &it.config->endpoints[2];
    assert_non_null(defaults->allow.at);
    assert_ptr_equal(a->allow.at, defaults->allow.at);
    assert_ptr_equal(c->allow.at, defaults->allow.at);
    assert_ptr_equal(a->deny.at, c->deny.at);
    assert_ptr_not_equal(a->deny.at, a->trusted_proxies.at); /* equal, but written twice */
    assert_ptr_equal(b->trusted_proxies.at, c->trusted_proxies.at);
    assert_null(b->allow.at);
    assert_ptr_not_equal(b->deny.at, a->deny.at);
    assert_int_equal(b->deny.count, 1);
    assert_ptr_equal(a->handler, b->handler);
    assert_ptr_not_equal(c->handler, a->handler);
    config_case_fini(&it);
}

/* What a configuration with so many endpoints, and one list for all of them, takes from the heap. */
static size_t count_blocks(size_t endpoints, const char *lists)
{
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    text_add_format(&text, "[defaults]\nhandler = echo\n%s", lists);
    for (size_t i = 0; i < endpoints; i++) {
        text_add_format(&text, "[endpoint e%zu]\nlisten = tcp://127.0.0.1:%zu\n", i, i + 1);
    }
    config_case_parse(&it, text.at, text.length);
    assert_string_equal(it.problems.text.at, "");
    text_fini(&text);
    const size_t blocks = failing_memory_live();
    config_case_fini(&it);
    return blocks;
}

static void test_config__takes_no_block_for_what_an_endpoint_inherits(void **state)
{
    (void)state;
    static const char lists[] = "allow = 10.0.0.0/8\ndeny = 10.0.0.1\ntrusted_proxies = 10.0.0.2\n";
    const size_t one = count_blocks(1, "");
    assert_int_equal(count_blocks(1000, ""), one + 999 * 3); /* name, origins, addresses */
    assert_int_equal(count_blocks(1, lists), one + 3);
    assert_int_equal(count_blocks(1000, lists), one + 3 + 999 * 3);
}

/* In a single line of some megabytes, and for a thousand endpoints. */
static void test_config__takes_a_list_of_a_hundred_thousand(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    for (unsigned i = 0; i < 1000; i++) {
        text_add_format(&text, "[endpoint e%u]\nlisten = tcp://127.0.0.1:%u\n", i, i + 1);
    }
    text_add_string(&text, "[defaults]\nhandler = echo\ndeny = ");
    for (unsigned i = 0; i < 100000; i++) {
        text_add_format(&text, "%s2001:db8::%x:%x:0:0/96", i > 0 ? ", " : "", i >> 16, i & 0xFFFF);
    }
    config_case_parse(&it, text.at, text.length);
    assert_string_equal(it.problems.text.at, "");
    assert_int_equal(it.config->endpoint_count, 1000);
    for (size_t i = 0; i < it.config->endpoint_count; i++) {
        const struct config_prefixes *deny = &it.config->endpoints[i].deny;
        assert_int_equal(deny->count, 100000);
        assert_int_equal(deny->at[99999].address.ip[11], 0x9F); /* 99999 is 0x1869F */
        assert_ptr_equal(deny->at, it.config->defaults.deny.at);
    }
    config_case_fini(&it);
    text_fini(&text);
}

static void test_config__lets_the_logs_begin_in_the_data_dir(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        const char *data_dir;
        const char *log_file;
        const char *access_log;
    } cases[] = {
        {"", "C:\\conf", "C:\\conf\\logs\\PortListener.log", ""},
        {"access_log =\n", "C:\\conf", "C:\\conf\\logs\\PortListener.log", ""},
        {"data_dir = D:\\data\n", "D:\\data", "D:\\data\\logs\\PortListener.log", ""},
        {"access_log = b.log\nlog_file = a.log\ndata_dir = data\n", "C:\\conf\\data", "C:\\conf\\data\\a.log",
         "C:\\conf\\data\\b.log"},
        {"data_dir = D:\\data\nlog_file = E:\\a.log\naccess_log = E:/b.log\n", "D:\\data", "E:\\a.log",
         "E:\\b.log"},
        {"data_dir = %ProgramData%\\P\nlog_file = -\naccess_log = -\n", "C:\\ProgramData\\P", "-", "-"},
        {"data_dir = \\\\nas\\logs\\\nlog_file = ..\\<service>-1.log\naccess_log = <service>-access.log\n",
         "\\\\nas\\logs", "\\\\nas\\logs\\PortListener-1.log", "\\\\nas\\logs\\PortListener-access.log"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_case it;
        char room[512];
        struct text text;
        text_init(&text, room, sizeof room);
        text_add_format(&text, "[service]\n%s" WEB, cases[i].lines);
        config_case_parse(&it, room, text.length);
        assert_string_equal(it.problems.text.at, "");
        assert_string_equal(it.config->service.data_dir, cases[i].data_dir);
        assert_string_equal(it.config->service.log_file, cases[i].log_file);
        assert_string_equal(it.config->service.access_log, cases[i].access_log);
        config_case_fini(&it);
    }
}

static void test_config__takes_sections_in_any_order_and_case(void **state)
{
    (void)state;
    config_case_assert(
        "[ENDPOINT a]\nLISTEN = TCP://*:1\n[Defaults]\nHandler = Echo\n[ SERVICE ]\nLog_Level = INFO\n"
        "[endpoint\tb]\nlisten=udp://*:1\n[endpoint   A.-_9]\nlisten=udp://*:2\n",
        "");
    config_case_assert("\xEF\xBB\xBF" WEB, "");
}

/* ---- what is refused ---- */

static const char *const wrong[][2] = {
    {"", "t.ini:1:1: error: there is no endpoint; write a section [endpoint NAME] with listen and handler\n"},
    {"; nothing\n[service]\n[defaults]\n",
     "t.ini:1:1: error: there is no endpoint; write a section [endpoint NAME] with listen and handler\n"},
    {"[endpoints web]\nlisten = tcp://*:80\nhandler = echo\nnodelay = x\n",
     "t.ini:1:2: error: \"endpoints web\" is not a section; did you mean [endpoint web]?\n"
     "t.ini:4:11: error: nodelay: \"x\" is neither yes nor no; write yes or no\n"},
    {"[endpiont]\nlisten = tcp://*:80\nhandler = echo\n",
     "t.ini:1:2: error: \"endpiont\" is not a section; did you mean [endpoint NAME]?\n"
     "t.ini:1:2: error: the endpoint has no name; write [endpoint NAME]\n"},
    {"[endpiont a b]\nlisten = tcp://*:80\nhandler = echo\n",
     "t.ini:1:2: error: \"endpiont a b\" is not a section; did you mean [endpoint NAME]?\n"
     "t.ini:1:12: error: \" \" cannot be in a name; a name is 1 to 64 letters, digits, dots, underscores and "
     "hyphens\n"},
    {"[srevice]\n" WEB, "t.ini:1:2: error: \"srevice\" is not a section; did you mean [service]?\n"},
    {"[web]\nlisten = tcp://*:80\n",
     "t.ini:1:2: error: \"web\" is not a section; write [service], [defaults] or [endpoint web]\n"},
    {"[web 1]\n" WEB,
     "t.ini:1:2: error: \"web 1\" is not a section; write [service], [defaults] or [endpoint NAME]\n"},
    {"[]\nx = 1\n" WEB,
     "t.ini:1:2: error: \"\" is not a section; write [service], [defaults] or [endpoint NAME]\n"},
    {"[service main]\n" WEB,
     "t.ini:1:10: error: this section has no name; write [service], or [endpoint NAME] for an endpoint\n"},
    {"[defaults  web]\nx = 1\n" WEB,
     "t.ini:1:12: error: this section has no name; write [defaults], or [endpoint NAME] for an endpoint\n"},
    {"[endpoint]\nlisten = tcp://*:80\nhandler = echo\n",
     "t.ini:1:2: error: the endpoint has no name; write [endpoint NAME]\n"},
    {"[endpoint \xC3\xBC]\nlisten = tcp://*:80\nhandler = echo\n",
     "t.ini:1:11: error: \"\xC3\xBC\" cannot be in a name; a name is 1 to 64 letters, digits, dots, "
     "underscores and hyphens\n"},
    {"[endpoint a b]\nlisten = tcp://*:80\nhandler = echo\n",
     "t.ini:1:12: error: \" \" cannot be in a name; a name is 1 to 64 letters, digits, dots, underscores and "
     "hyphens\n"},
    {"[service]\n[SERVICE]\n" WEB,
     "t.ini:2:2: error: [service] begins in line 1 already; put the keys of both together\n"},
    {"[defaults]\n[defaults]\n" WEB,
     "t.ini:2:2: error: [defaults] begins in line 1 already; put the keys of both together\n"},
    {WEB "[endpoint WEB]\nlisten = tcp://*:81\nhandler = echo\n",
     "t.ini:4:1: error: endpoint \"WEB\" begins in line 1 already; give one of them another name\n"},
    {"[service]\nlog_keep = 1\nLOG_KEEP = 1\n" WEB,
     "t.ini:3:1: error: log_keep is set in line 2 already; remove one of the two lines\n"},
    {"[service]\nlog_keep = x\nlog_keep = 1\n" WEB,
     "t.ini:2:12: error: log_keep: \"x\" is not a number; write 1 to 1000\n"
     "t.ini:3:1: error: log_keep is set in line 2 already; remove one of the two lines\n"},
    {"[service]\nlog_kep = 1\n" WEB, "t.ini:2:1: error: \"log_kep\" is not a key; did you mean log_keep?\n"},
    {"[service]\ncolour = red\n" WEB,
     "t.ini:2:1: error: \"colour\" is not a key; remove the line (portlistener config "
     "reference lists all keys)\n"},
    {"[service]\nbacklog = 1\n" WEB, "t.ini:2:1: error: \"backlog\" is not a key of this section; write it "
                                     "in [defaults] or an [endpoint NAME]\n"},
    {"[service]\nlisten = tcp://*:1\n" WEB,
     "t.ini:2:1: error: \"listen\" is not a key of this section; write it in an [endpoint NAME]\n"},
    {"[defaults]\nworkers = 1\n" WEB,
     "t.ini:2:1: error: \"workers\" is not a key of this section; write it in [service]\n"},
    {WEB "workers = 1\n",
     "t.ini:4:1: error: \"workers\" is not a key of this section; write it in [service]\n"},
    {"[defaults]\nlisten = tcp://*:1\n" WEB,
     "t.ini:2:1: error: listen has no default; write it in each [endpoint NAME]\n"},
    {"include = conf.d\\*.ini\n" WEB, "t.ini:1:1: error: nothing can be included here; remove the line\n"},
    {"[endpoint a]\n",
     "t.ini:1:1: error: endpoint \"a\" has no listen; write where it shall listen, such as listen = "
     "tcp://*:8080\n"
     "t.ini:1:1: error: endpoint \"a\" has no handler; write handler = NAME with one of discard, echo, "
     "packet, stream\n"},
    {"[endpoint a]\nlisten =\nhandler =\n",
     "t.ini:2:9: error: listen has no value; write tcp://ADDRESS:PORT or udp://ADDRESS:PORT, several by "
     "commas\n"
     "t.ini:3:10: error: handler has no value; write the name of a handler\n"},
    {"[endpoint a]\nlistne = tcp://*:80\nhandlr = echo\n",
     "t.ini:2:1: error: \"listne\" is not a key; did you mean listen?\n"
     "t.ini:3:1: error: \"handlr\" is not a key; did you mean handler?\n"},
    {"[endpoint a]\nlisten tcp://*:80\nhandler = echo\n",
     "t.ini:2:1: error: no = in this line; write KEY = VALUE, or begin a comment with ; or #\n"},
    {"[defaults]\nhandler echo\n[endpoint a]\nlisten = tcp://*:80\n",
     "t.ini:2:1: error: no = in this line; write KEY = VALUE, or begin a comment with ; or #\n"},
    {"[defaults]\nhandler = ehco\n[endpoint a]\nlisten = tcp://*:80\n",
     "t.ini:2:11: error: handler: \"ehco\" is not a handler; did you mean echo?\n"},
    {WEB "[endpoint \xFF]\nlisten = tcp://*:81\n",
     "t.ini:4:11: error: this character is not UTF-8; save the file as "
     "UTF-8\n"},
    {"[service]\ndata_dir = a|b\nlog_file = x:\\\\\n" WEB,
     "t.ini:2:13: error: data_dir: \"|\" cannot be in the name of a file or folder; leave it out\n"
     "t.ini:3:12: error: log_file: \"x:\\\\\" names a folder; write the name of a file behind it\n"},
    {"[service]\ndata_dir = /\nlog_file = ..\\a.log\n" WEB,
     "t.ini:2:12: error: data_dir: \"/\" does not say on which drive; write the drive before it, such as "
     "C:\\...\n"},
    {"[service]\ndata_dir = \"a\"\nlog_file = nul\n" WEB,
     "t.ini:2:12: error: data_dir: values have no quotes; leave them out\n"
     "t.ini:3:12: error: log_file: \"nul\" is the name of a device in Windows; choose another name\n"},
    {"[service]\nlog_file =\n" WEB,
     "t.ini:2:11: error: log_file has no value; write the path of a file, or -, or "
     "remove the line for the default logs\\<service>.log\n"},
    {"[service]\nlog_file = a.log\n  access_log = .\\A.LOG\n" WEB,
     "t.ini:3:16: error: access_log: \"C:\\conf\\A.LOG\" is the file of log_file, too; give it another name\n"},
    {"[service]\naccess_log = logs\\PortListener.log\n" WEB,
     "t.ini:2:14: error: access_log: \"C:\\conf\\logs\\PortListener.log\" is the file of log_file, too; give it "
     "another name\n"},
    {"[service]\nlog_file = a|b\naccess_log = com1\n" WEB,
     "t.ini:2:13: error: log_file: \"|\" cannot be in the name of a file or folder; leave it out\n"
     "t.ini:3:14: error: access_log: \"com1\" is the name of a device in Windows; choose another name\n"},
    {"[endpoint a\x1B[31m]\n",
     "t.ini:1:1: error: endpoint \"a\\x1B[31m\" has no listen; write where it shall listen, "
     "such as listen = tcp://*:8080\n"
     "t.ini:1:1: error: endpoint \"a\\x1B[31m\" has no handler; write handler = NAME with one of "
     "discard, echo, packet, stream\n"
     "t.ini:1:12: error: \"\\x1B\" cannot be in a name; a name is 1 to 64 letters, digits, dots, "
     "underscores and hyphens\n"},
};

static void test_config__tells_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        config_case_assert(wrong[i][0], wrong[i][1]);
    }
}

static void test_config__warns_when_every_endpoint_is_disabled(void **state)
{
    (void)state;
    static const char warning[] =
        "t.ini:1:1: warning: every endpoint is disabled, so nothing will listen; write enabled = "
        "yes in one that shall\n";
    config_case_assert(WEB "enabled = no\n", warning);
    config_case_assert(WEB "enabled = no\n[endpoint b]\nlisten = tcp://*:80\nhandler = echo\n", "");
    config_case_assert(WEB "[defaults]\nenabled = no\n", warning);
    config_case_assert(WEB "enabled = no\nnodelay = 1\n",
                       "t.ini:5:11: error: nodelay: \"1\" is neither yes nor no; write yes or no\n");
}

/* Each file has its messages beside it. */
static void test_config__tells_all_that_is_wrong_with_a_file(void **state)
{
    (void)state;
    static const char *const names[] = {
        "addresses",           "amounts",  "damaged",     "device",      "duplicates",   "handlers",
        "misspelled",          "networks", "no-endpoint", "overlapping", "paths",        "proxies",
        "quotes-and-comments", "syntax",   "too-many",    "utf16",       "windows-1252",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        struct text text;
        struct config_case it;
        size_t length = 0;
        text_init(&text, name, sizeof name);
        text_add_format(&text, "%s.ini", names[i]);
        char *file = read_file(name, &length);
        text_clear(&text);
        text_add_format(&text, "%s.txt", names[i]);
        size_t expected_length = 0;
        char *expected = read_file(name, &expected_length);
        config_case_parse(&it, file, length);
        assert_null(it.config);
        assert_string_equal(it.problems.text.at, expected);
        config_case_fini(&it);
        free(expected);
        free(file);
    }
}

static void test_config__gives_a_service_of_an_odd_name_a_hint(void **state)
{
    (void)state;
    struct config_source source = config_case_source;
    struct config_case it;
    source.service = "con";
    config_problems_init(&it.problems);
    it.config = config_parse(&source, WEB, sizeof WEB - 1, &it.problems);
    assert_null(it.config);
    assert_string_equal(
        it.problems.text.at,
        "t.ini:1:1: error: log_file: \"con.log\" is the name of a device in Windows; choose another "
        "name\n");
    config_case_fini(&it);
}

static void test_config__bounds_its_output(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    text_add_string(&text, WEB);
    for (int i = 0; i < 20000; i++) {
        text_add_string(&text, "nonsense\n");
    }
    config_case_parse(&it, text.at, text.length);
    assert_null(it.config);
    assert_int_equal(it.problems.errors, 20000);
    assert_int_equal(it.problems.count, CONFIG_PROBLEMS_SHOWN_MAX);
    assert_non_null(strstr(it.problems.text.at,
                           "t.ini:1003:1: error: 19000 more problems are not shown; correct these "
                           "first\n"));
    config_case_fini(&it);
    text_fini(&text);
}

/* ---- no memory ---- */

static size_t parse_with_failures(const char *text, size_t length, bool from_then_on)
{
    size_t nth = 0;
    bool has_failed = true;
    while (has_failed) {
        struct config_case it;
        failing_memory_arm(++nth, from_then_on);
        config_case_parse(&it, text, length);
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        if (has_failed) {
            assert_null(it.config);
            assert_int_equal(it.problems.errors, 1);
            assert_int_equal(it.problems.warnings, 0);
            assert_string_equal(it.problems.text.at,
                                "t.ini: error: out of memory; end other programs and try again\n");
        }
        config_case_fini(&it);
        assert_int_equal(failing_memory_live(), 0);
    }
    return nth;
}

static void test_config__tells_that_memory_is_out_wherever_that_happens(void **state)
{
    (void)state;
    static const char *const names[] = {"complete.ini", "duplicates.ini",  "handlers.ini",
                                        "networks.ini", "overlapping.ini", "paths.ini"};
    static const char shared[] =
        "[endpoint a]\nlisten = tcp://*:1\n"
        "[defaults]\nhandler = echo\nallow = 10.0.0.0/8, 192.0.2.1, ::1\ndeny = 10.0.0.1\n"
        "[endpoint b]\nlisten = tcp://*:2\ndeny = 10.0.0.2, 10.0.0.3\nallow =\n"
        "[endpoint c]\nlisten = tcp://*:3\nhandler = discard\nallow = 10.0.0.4\n";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = 0;
        char *file = read_file(names[i], &length);
        assert_true(parse_with_failures(file, length, false) > 10);
        assert_true(parse_with_failures(file, length, true) > 10);
        free(file);
    }
    assert_true(parse_with_failures(shared, sizeof shared - 1, false) > 10);
    assert_true(parse_with_failures(shared, sizeof shared - 1, true) > 10);
}

static void test_config__destroys_nothing_without_complaint(void **state)
{
    (void)state;
    config_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config__fills_in_the_defaults),
        failing_memory_test(test_config__reads_a_complete_file),
        failing_memory_test(test_config__gives_the_same_when_written_and_read_again),
        failing_memory_test(test_config__remembers_where_each_value_comes_from),
        failing_memory_test(test_config__takes_the_lists_of_defaults_or_its_own),
        failing_memory_test(test_config__has_each_list_once),
        failing_memory_test(test_config__takes_no_block_for_what_an_endpoint_inherits),
        failing_memory_test(test_config__takes_a_list_of_a_hundred_thousand),
        failing_memory_test(test_config__lets_the_logs_begin_in_the_data_dir),
        failing_memory_test(test_config__takes_sections_in_any_order_and_case),
        failing_memory_test(test_config__tells_what_is_wrong),
        failing_memory_test(test_config__warns_when_every_endpoint_is_disabled),
        failing_memory_test(test_config__tells_all_that_is_wrong_with_a_file),
        failing_memory_test(test_config__gives_a_service_of_an_odd_name_a_hint),
        failing_memory_test(test_config__bounds_its_output),
        failing_memory_test(test_config__tells_that_memory_is_out_wherever_that_happens),
        failing_memory_test(test_config__destroys_nothing_without_complaint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
