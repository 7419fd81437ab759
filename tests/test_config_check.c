/* SPDX-License-Identifier: MIT
   Tests of config/config_check.h, through config_parse: addresses and ports, protocols, names, and how long
   it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "accept/accept_rate.h"
#include "config/config_keys.h"
#include "support/config_case.h"
#include "support/failing_memory.h"

#ifdef _WIN32
/* Wine's checked heap fills what is free whenever something is freed, all of it: the square of their number. */
enum { MANY = 3000, SECONDS_MAX = 60 };
#else
enum { MANY = 10000, SECONDS_MAX = 10 };
#endif

/* Two endpoints with one item each; whether they can be had together. */
static bool are_compatible(const char *first, const char *second)
{
    struct config_case it;
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text,
                    "[defaults]\nhandler = echo\n[endpoint a]\nlisten = %s\n[endpoint b]\nlisten = %s\n",
                    first, second);
    assert_false(text.is_cut);
    config_case_parse(&it, room, text.length);
    if (it.config == NULL) {
        assert_int_equal(it.problems.errors, 1);
        assert_int_equal(it.problems.list[0].line, 6);
        assert_int_equal(it.problems.list[0].column, 10);
        assert_non_null(strstr(it.problems.text.at, " overlaps "));
        assert_non_null(strstr(it.problems.text.at, " of endpoint \"a\" in line 4, both need port "));
    }
    const bool is_compatible = it.config != NULL;
    config_case_fini(&it);
    return is_compatible;
}

/* Both ways round: which comes first in the file must not matter. */
static void assert_compatible(const char *a, const char *b, bool expected)
{
    if (are_compatible(a, b) != expected || are_compatible(b, a) != expected) {
        fail_msg("%s and %s", a, b);
    }
}

static void test_config_check__knows_which_sockets_exclude_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool is_compatible;
    } cases[] = {
        {"tcp://*:80", "tcp://*:80", false},
        {"tcp://*:80", "tcp://0.0.0.0:80", false},
        {"tcp://*:80", "tcp://[::]:80", false},
        {"tcp://*:80", "tcp://192.0.2.1:80", false},
        {"tcp://*:80", "tcp://[2001:db8::1]:80", false},
        {"tcp://*:80", "tcp://localhost:81", true},
        {"tcp://*:80", "tcp://*:81", true},
        {"tcp://*:80", "udp://*:80", true},
        {"tcp://0.0.0.0:80", "tcp://0.0.0.0:80", false},
        {"tcp://0.0.0.0:80", "tcp://127.0.0.1:80", false},
        {"tcp://0.0.0.0:80", "tcp://[::]:80", true},
        {"tcp://0.0.0.0:80", "tcp://[::1]:80", true},
        {"tcp://[::]:80", "tcp://[::]:80", false},
        {"tcp://[::]:80", "tcp://[::1]:80", false},
        {"tcp://[::]:80", "tcp://[fe80::1%3]:80", false},
        {"tcp://[::]:80", "tcp://127.0.0.1:80", true},
        {"tcp://127.0.0.1:80", "tcp://127.0.0.1:80", false},
        {"tcp://127.0.0.1:80", "tcp://127.0.0.2:80", true},
        {"tcp://127.0.0.1:80", "tcp://[::1]:80", true},
        {"tcp://[::1]:80", "tcp://[0:0::0:1]:80", false},
        {"udp://[fe80::1%3]:80", "udp://[fe80::1%3]:80", false},
        {"udp://[fe80::1%3]:80", "udp://[fe80::1%4]:80", true},
        {"udp://*:1-10", "udp://127.0.0.1:10-20", false},
        {"udp://*:1-10", "udp://127.0.0.1:11-20", true},
        {"udp://*:1-65535", "udp://0.0.0.0:65535", false},
        {"udp://127.0.0.1:5-7", "udp://127.0.0.1:6", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_compatible(cases[i].a, cases[i].b, cases[i].is_compatible);
    }
}

static void test_config_check__tells_an_item_once_at_its_first_port(void **state)
{
    (void)state;
    config_case_assert(
        "[endpoint a]\nhandler = echo\nlisten = tcp://*:100-300\n"
        "[endpoint b]\nhandler = echo\nlisten = tcp://127.0.0.1:200-400\n",
        "t.ini:6:10: error: listen: tcp://127.0.0.1:200-400 overlaps tcp://*:100-300 of endpoint \"a\" in "
        "line 3, both need port 200; give one of them another port or address\n");
}

#define REMEDY "; give one of them another port or address\n"

static void test_config_check__blames_the_later_of_two(void **state)
{
    (void)state;
    config_case_assert(
        "[endpoint a]\nhandler = echo\n"
        "listen = tcp://1.2.3.4:80, tcp://0.0.0.0:80, tcp://1.2.3.4:80, tcp://[::1]:80, tcp://[::]:80\n",
        "t.ini:3:28: error: listen: tcp://0.0.0.0:80 overlaps tcp://1.2.3.4:80 of endpoint \"a\" in line 3, "
        "both need port 80" REMEDY
        "t.ini:3:46: error: listen: tcp://1.2.3.4:80 overlaps tcp://0.0.0.0:80 of endpoint \"a\" in line 3, "
        "both need port 80" REMEDY
        "t.ini:3:80: error: listen: tcp://[::]:80 overlaps tcp://[::1]:80 of endpoint \"a\" in line 3, both "
        "need port 80" REMEDY);
}

static void test_config_check__passes_over_disabled_endpoints(void **state)
{
    (void)state;
    config_case_assert(
        "[endpoint a]\nhandler = echo\nlisten = tcp://*:80\n"
        "[endpoint b]\nenabled = no\nhandler = echo\nlisten = tcp://*:80, tcp://*:80, udp://*:1-65535\n"
        "[endpoint c]\nenabled = no\nhandler = echo\nlisten = udp://127.0.0.1:1-65535\n",
        "");
}

static void test_config_check__wants_a_handler_that_takes_the_protocol(void **state)
{
    (void)state;
    config_case_assert(
        "[endpoint a]\nhandler = stream\nlisten = tcp://*:1, udp://localhost:1\n"
        "[endpoint b]\nhandler = packet\nlisten = udp://*:2, tcp://*:2\n",
        "t.ini:3:21: error: listen: the handler stream does not take UDP; write tcp://, or choose another "
        "handler\n"
        "t.ini:6:21: error: listen: the handler packet does not take TCP; write udp://, or choose another "
        "handler\n");
}

#define NONE_IPV4 "listens on IPv4 only, and no item is IPv4, so "
#define NONE_IPV6 "listens on IPv6 only, and no item is IPv6, so "

static void test_config_check__warns_of_networks_that_no_client_is_in(void **state)
{
    (void)state;
    static const struct {
        const char *listen;
        const char *lines; /* 4 and on */
        const char *expected;
    } cases[] = {
        {"tcp://0.0.0.0:1", "allow = ::/0\n",
         "t.ini:4:9: warning: allow: endpoint \"a\" " NONE_IPV4
         "every client is denied; write networks such as 192.0.2.0/24\n"},
        {"tcp://127.0.0.1:1, udp://0.0.0.0:1", "deny = ::1, 2001:db8::/32\n",
         "t.ini:4:8: warning: deny: endpoint \"a\" " NONE_IPV4
         "no client is denied; write networks such as 192.0.2.0/24\n"},
        {"tcp://[::]:1", "allow = 0.0.0.0/0\ndeny = ::ffff:192.0.2.1\n",
         "t.ini:4:9: warning: allow: endpoint \"a\" " NONE_IPV6
         "every client is denied; write networks such as 2001:db8::/32\n"
         "t.ini:5:8: warning: deny: endpoint \"a\" " NONE_IPV6
         "no client is denied; write networks such as 2001:db8::/32\n"},
        {"tcp://0.0.0.0:1", "[defaults]\ndeny = ::/0\nallow = 2001:db8::/32\n",
         "t.ini:6:9: warning: allow: endpoint \"a\" " NONE_IPV4
         "every client is denied; write networks such as 192.0.2.0/24\n"},
        {"tcp://0.0.0.0:1", "allow = ::/0, 192.0.2.1\ndeny = 192.0.2.2\n", ""},
        {"tcp://0.0.0.0:1", "allow =\ndeny =\n", ""},
        {"tcp://[::1]:1", "allow = 192.0.2.1, ::1\ndeny = ::2\n", ""},
        {"tcp://*:1", "allow = ::1\ndeny = 192.0.2.1\n", ""},
        {"tcp://*:1", "allow = 192.0.2.1\ndeny = ::1\n", ""},
        {"tcp://localhost:1", "allow = ::1\ndeny = 192.0.2.1\n", ""},
        {"tcp://127.0.0.1:1, tcp://[::1]:1", "allow = ::1\ndeny = 192.0.2.1\n", ""},
        {"tcp://0.0.0.0:1", "proxy_protocol = v1\ntrusted_proxies = ::1\nallow = ::1\n",
         ""}, /* the client's */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char room[256];
        struct text text;
        text_init(&text, room, sizeof room);
        text_add_format(&text, "[endpoint a]\nhandler = echo\nlisten = %s\n%s", cases[i].listen,
                        cases[i].lines);
        config_case_assert(room, cases[i].expected);
    }
    config_case_assert("[endpoint a]\nhandler = echo\nlisten = tcp://x:1\nallow = ::1\n",
                       "t.ini:3:16: error: listen: \"x\" is not an address; write an IPv4 address, an IPv6 "
                       "address in brackets, * or localhost; names are not looked up\n");
}

/* ---- Keys that do nothing where they stand ---- */

/* An endpoint with this `listen` and this line, whether of its own or of [defaults], gives these problems. */
static void assert_problems(const char *listen, const char *own, const char *shared, const char *problems)
{
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text, "[defaults]\nhandler = echo\n%s\n[endpoint a]\nlisten = %s\n%s\n", shared, listen,
                    own);
    assert_false(text.is_cut);
    config_case_assert(room, problems);
}

static void test_config_check__warns_of_keys_of_the_other_protocol(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *lacks; /* NULL: it is about both */
    } rows[] = {
        {"max_connections", "tcp"},
        {"max_connections_per_source", NULL},
        {"max_outbound", NULL},
        {"accept_rate", "tcp"},
        {"accept_burst", "tcp"},
        {"proxy_timeout", "tcp"},
        {"backlog", "tcp"},
        {"accepts_max", "tcp"},
        {"receives_max", "udp"},
        {"first_byte_timeout", "tcp"},
        {"idle_timeout", NULL},
        {"send_timeout", "tcp"},
        {"lifetime", "tcp"},
        {"close_timeout", "tcp"},
        {"send_queue", "tcp"},
        {"nodelay", "tcp"},
        {"keepalive", "tcp"},
        {"keepalive_time", "tcp"},
        {"keepalive_interval", "tcp"},
        {"recv_buffer", NULL},
        {"send_buffer", NULL},
        {"max_datagram", "udp"},
        {"udp_sessions_max", "udp"},
        {"reply_limit", "udp"},
        {"enabled", NULL},
        {"allow", NULL},
        {"deny", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct config_key *key =
            config_keys_find(&config_keys_endpoint, rows[i].key, strlen(rows[i].key));
        const char *one_sided = rows[i].lacks == NULL || strcmp(rows[i].lacks, "udp") == 0
                                    ? "tcp://127.0.0.1:1, tcp://[::1]:1"
                                    : "udp://127.0.0.1:1, udp://[::1]:1";
        char line[128], wanted[256] = "";
        snprintf(line, sizeof line, "%s = %s", rows[i].key, key->value);
        if (rows[i].lacks != NULL) {
            snprintf(
                wanted, sizeof wanted,
                "t.ini:6:%zu: warning: %s: without a %s:// address in listen it does nothing; write one as "
                "well, or remove the line\n",
                strlen(rows[i].key) + 4, rows[i].key, rows[i].lacks);
        }
        assert_problems(one_sided, line, "", wanted);
        assert_problems(one_sided, "", line, ""); /* it may be meant for others */
    }
    assert_problems("tcp://127.0.0.1:1, udp://127.0.0.1:1", "backlog = 9\nreply_limit = 2\nlifetime = 1h", "",
                    "");
}

static void test_config_check__warns_of_keys_without_what_they_belong_to(void **state)
{
    (void)state;
    static const char tcp[] = "tcp://127.0.0.1:1";
    assert_problems(
        tcp, "keepalive_time = 1h\nkeepalive_interval = 2s", "",
        "t.ini:6:18: warning: keepalive_time: without keepalive it does nothing; write keepalive = yes "
        "as well, or remove the line\n"
        "t.ini:7:22: warning: keepalive_interval: without keepalive it does nothing; write keepalive = "
        "yes as well, or remove the line\n");
    assert_problems(tcp, "keepalive = yes\nkeepalive_time = 1h\nkeepalive_interval = 2s", "", "");
    assert_problems(tcp, "keepalive_time = 1h", "keepalive = yes", "");
    assert_problems(tcp, "", "keepalive_time = 1h\nproxy_timeout = 1s\naccess_log = yes", "");
    assert_problems(tcp, "proxy_timeout = 1s", "",
                    "t.ini:6:17: warning: proxy_timeout: without proxy_protocol it does nothing; write "
                    "proxy_protocol = v2 (or v1, or both) as well, or remove the line\n");
}

static void test_config_check__warns_of_an_access_log_that_has_no_file(void **state)
{
    (void)state;
    static const char tcp[] = "tcp://127.0.0.1:1";
    assert_problems(tcp, "access_log = yes", "",
                    "t.ini:6:14: warning: access_log: without access_log in [service] it does nothing; write "
                    "access_log = logs\\access.log there as well, or remove the line\n");
    assert_problems(tcp, "access_log = no", "", "");
    assert_problems(tcp, "access_log = yes", "[service]\naccess_log = a.log", "");
    assert_problems(tcp, "access_log = yes", "[service]\naccess_log =",
                    "t.ini:7:14: warning: access_log: without access_log in [service] it does nothing; write "
                    "access_log = logs\\access.log there as well, or remove the line\n");
}

/* As accept_rate_make has it. */
static void test_config_check__warns_of_a_burst_that_counts_as_more(void **state)
{
    (void)state;
    static const char tcp[] = "tcp://127.0.0.1:1";
#define COUNTS(line, column) \
    "t.ini:" line ":" column \
    ": warning: accept_burst: 19 is less than a fifth of accept_rate and counts as 20; write accept_burst = 20 or more\n"
    assert_int_equal(accept_rate_make(99, 19).burst, 20);
    assert_int_equal(accept_rate_make(95, 19).burst, 19);
    assert_problems(tcp, "accept_rate = 99\naccept_burst = 19", "", COUNTS("7", "16"));
    assert_problems(tcp, "accept_rate = 95\naccept_burst = 19", "", "");
    assert_problems(tcp, "accept_rate = 99\naccept_burst = 0", "", "");
    assert_problems(tcp, "accept_burst = 19", "accept_rate = 99", COUNTS("6", "16"));
    assert_problems(tcp, "accept_rate = 99", "accept_burst = 19", COUNTS("6", "15"));
    assert_problems(tcp, "", "accept_rate = 99\naccept_burst = 19", COUNTS("4", "16"));
    assert_problems(tcp, "accept_rate = 1", "accept_rate = 99\naccept_burst = 19", COUNTS("4", "16"));
    assert_problems(tcp, "", "accept_burst = 19", "");
#undef COUNTS
}

static const struct pl_handler clock_handler = {
    .size = sizeof(struct pl_handler), .flags = PL_TCP | PL_UDP | PL_ASKED_EMPTY, .name = "clock"};
static const struct pl_handler *const clock_handlers[] = {&clock_handler, NULL};

static void test_config_check__warns_of_clients_that_stay_without_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line; /* of the warning; 0: none */
    } rows[] = {
        {"[endpoint c]\nlisten = udp://*:13\nhandler = clock\n", 1},
        {"[endpoint c]\nlisten = udp://*:13\nhandler = clock\nreply_limit = 2.5\n", 4},
        {"[defaults]\nreply_limit = 2\n[endpoint c]\nlisten = tcp://*:13, udp://*:13\nhandler = clock\n", 3},
        {"[endpoint c]\nlisten = udp://*:13\nhandler = clock\nreply_limit = 0\n", 0},
        {"[endpoint c]\nlisten = tcp://*:13\nhandler = clock\n", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_source source = config_case_source;
        struct config_problems problems;
        source.handlers = clock_handlers;
        config_problems_init(&problems);
        struct config *config = config_parse(&source, rows[i].text, strlen(rows[i].text), &problems);
        assert_non_null(config);
        char expected[300] = "";
        if (rows[i].line != 0) {
            (void)snprintf(
                expected, sizeof expected,
                "t.ini:%u:%u: warning: reply_limit: clients of clock ask over UDP with empty datagrams, "
                "which stay without an answer; write reply_limit = 0, and allow = NETWORK with those "
                "who may ask\n",
                rows[i].line, rows[i].line == 4 ? 15U : 1U);
        }
        assert_string_equal(problems.text.at, expected);
        config_destroy(config);
        config_problems_fini(&problems);
    }
}

static void test_config_check__names_are_compared_as_a_whole(void **state)
{
    (void)state;
    config_case_assert(
        "[defaults]\nhandler = echo\n[endpoint ab]\nlisten = tcp://*:1\n[endpoint a]\nlisten = tcp://*:2\n"
        "[endpoint AB]\nlisten = tcp://*:3\n[endpoint a-]\nlisten = tcp://*:4\n[endpoint aB]\nlisten = "
        "tcp://*:5\n[endpoint A]\nlisten = tcp://*:2\n",
        "t.ini:7:1: error: endpoint \"AB\" begins in line 3 already; give one of them another name\n"
        "t.ini:11:1: error: endpoint \"aB\" begins in line 3 already; give one of them another name\n"
        "t.ini:13:1: error: endpoint \"A\" begins in line 5 already; give one of them another name\n");
}

static void test_config_check__two_without_a_name_are_no_namesakes(void **state)
{
    (void)state;
    config_case_assert(
        "[defaults]\nhandler = echo\n[endpoint]\nlisten = tcp://*:1\n[endpoint]\nlisten = tcp://*:2\n",
        "t.ini:3:2: error: the endpoint has no name; write [endpoint NAME]\n"
        "t.ini:5:2: error: the endpoint has no name; write [endpoint NAME]\n");
}

static void test_config_check__bounds_the_number_of_sockets(void **state)
{
    (void)state;
    config_case_assert("[endpoint a]\nhandler = echo\nlisten = tcp://*:1-65535, udp://*:1\n", "");
    config_case_assert("[endpoint a]\nhandler = echo\nlisten = tcp://*:1-65535, udp://*:1, udp://*:2\n",
                       "t.ini:3:38: error: listen: here the number of sockets passes 65536, the most for one "
                       "configuration; make the port ranges smaller\n");
    config_case_assert(
        "[endpoint a]\nhandler = echo\nlisten = tcp://*:1, tcp://0.0.0.0:1, udp://*:1-65535, tcp://*:2\n",
        "t.ini:3:21: error: listen: tcp://0.0.0.0:1 overlaps tcp://*:1 of endpoint \"a\" in line 3, both "
        "need port 1" REMEDY
        "t.ini:3:38: error: listen: here the number of sockets passes 65536, the most for one "
        "configuration; make the port ranges smaller\n");
}

static void write_many(struct text *text, bool have_one_port)
{
    text_add_string(text, "[defaults]\nhandler = echo\n");
    for (unsigned i = 0; i < MANY; i++) {
        text_add_format(text, "[endpoint number-%u]\nlisten = tcp://127.%u.%u.1:%u\nbacklog = %u\n", i,
                        i / 250, i % 250, have_one_port ? 80 : i % 1000 + 1, i % 500 + 1);
    }
}

static void parse_in_time(struct config_case *it, const struct text *text)
{
    const clock_t begin = clock();
    config_case_parse(it, text->at, text->length);
    const clock_t used = clock() - begin;
    print_message("%lu KB: %lu ms\n", (unsigned long)text->length / 1024,
                  (unsigned long)(used * 1000 / CLOCKS_PER_SEC));
    assert_true(used < SECONDS_MAX * CLOCKS_PER_SEC);
}

static void test_config_check__takes_thousands_of_endpoints_in_its_stride(void **state)
{
    (void)state;
    struct config_case it;
    struct text text;
    text_init_heap(&text);
    write_many(&text, false);
    parse_in_time(&it, &text);
    assert_string_equal(it.problems.text.at, "");
    assert_int_equal(it.config->endpoint_count, MANY);
    char name[32];
    struct text last;
    text_init(&last, name, sizeof name);
    text_add_format(&last, "number-%d", MANY - 1);
    assert_string_equal(it.config->endpoints[MANY - 1].name, name);
    assert_int_equal(it.config->endpoints[MANY - 1].backlog, 500);
    config_case_fini(&it);
    text_fini(&text);
}

/* Every one of them overlaps one; nothing may compare each with each. */
static void test_config_check__takes_thousands_of_overlaps_in_its_stride(void **state)
{
    (void)state;
    static const char all[] = "[endpoint all]\nlisten = tcp://*:1-50000\nhandler = echo\n";
    for (int is_first = 0; is_first <= 1; is_first++) {
        struct config_case it;
        struct text text;
        text_init_heap(&text);
        text_add_string(&text, is_first ? all : "");
        write_many(&text, true);
        text_add_string(&text, is_first ? "" : all);
        parse_in_time(&it, &text);
        assert_null(it.config);
        assert_int_equal(it.problems.errors, is_first ? MANY : 1);
        config_case_fini(&it);
        text_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_check__knows_which_sockets_exclude_each_other),
        failing_memory_test(test_config_check__tells_an_item_once_at_its_first_port),
        failing_memory_test(test_config_check__blames_the_later_of_two),
        failing_memory_test(test_config_check__passes_over_disabled_endpoints),
        failing_memory_test(test_config_check__wants_a_handler_that_takes_the_protocol),
        failing_memory_test(test_config_check__warns_of_networks_that_no_client_is_in),
        failing_memory_test(test_config_check__warns_of_keys_of_the_other_protocol),
        failing_memory_test(test_config_check__warns_of_keys_without_what_they_belong_to),
        failing_memory_test(test_config_check__warns_of_an_access_log_that_has_no_file),
        failing_memory_test(test_config_check__warns_of_a_burst_that_counts_as_more),
        failing_memory_test(test_config_check__warns_of_clients_that_stay_without_an_answer),
        failing_memory_test(test_config_check__names_are_compared_as_a_whole),
        failing_memory_test(test_config_check__two_without_a_name_are_no_namesakes),
        failing_memory_test(test_config_check__bounds_the_number_of_sockets),
        failing_memory_test(test_config_check__takes_thousands_of_endpoints_in_its_stride),
        failing_memory_test(test_config_check__takes_thousands_of_overlaps_in_its_stride),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
