/* SPDX-License-Identifier: MIT
   Tests of stats/report.h: the three forms of a report, and the document that tells of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "stats/report.h"
#include "support/notation.h"
#include "support/support.h"

/* ---- A service that has seen a lot ---- */

static char diagnosis[] =
    "another socket has this port: end the program that holds it (netstat -ano shows which), or "
    "choose another port";
static struct report_listener listeners[] = {
    {.address = "tcp://127.0.0.1:80", .is_bound = true, .armed = 4},
    {.address = "tcp://[fe80::1%7]:8080", .win32_error = 10048, .retry_in = 1500, .diagnosis = diagnosis},
    {.address = "udp://*:53", .is_udp = true, .is_bound = true, .armed = 1},
    {.address = "udp://127.0.0.1:54", .is_udp = true},
};
static struct report_counter counters[3];
static struct report_endpoint endpoints[4];
static const struct queue_delay delays[2] = {{41, 1005, 2000500, 77}, {39, 12345, 3, 78}};
static struct report report;
static struct text out;
static size_t pieces;

static void begin(void)
{
    memset(endpoints, 0, sizeof endpoints);
    report = (struct report){.version = "0.1.0",
                             .time = 1795745545 + 100000, /* 2026-11-27T02:12:25Z and */
                             .uptime = 100000123,
                             .loaded = 1795745545,
                             .generation = 3,
                             .workers = 2,
                             .delays = delays,
                             .log_dropped = 5,
                             .has_access_log = true,
                             .access_log_dropped = 6,
                             .endpoint_count = 4,
                             .endpoints = endpoints};
    endpoints[0] = (struct report_endpoint){
        .name = "web", .handler = "echo", .listener_count = 2, .listeners = listeners};
    endpoints[1] = (struct report_endpoint){.name = "names",
                                            .handler = "a-plugin",
                                            .is_paused = true,
                                            .listener_count = 2,
                                            .listeners = listeners + 2,
                                            .counter_count = 2,
                                            .counters = counters};
    endpoints[2] = (struct report_endpoint){
        .name = "more-names", .handler = "a-plugin", .counter_count = 1, .counters = counters + 2};
    endpoints[3] = (struct report_endpoint){.name = "gone", .handler = "echo"};
    for (size_t i = 0; i < 3; i++) {
        report_counter_name(&counters[i], "a-plugin", i == 1 ? "words" : "lines");
        snprintf(counters[i].help, sizeof counters[i].help, "of \"text\"\nand \\ more");
        counters[i].value = i + 7;
    }
    endpoints[0].sums[COUNTER_ACCEPTED] = 1234;
    endpoints[0].sums[COUNTER_CLOSED_BY_PEER] = 1000;
    endpoints[0].sums[COUNTER_CLOSED_IDLE] = 30;
    endpoints[0].sums[COUNTER_REFUSED_LIMIT] = 17;
    endpoints[0].sums[COUNTER_REFUSED_SERVICE_LIMIT] = 18;
    endpoints[0].sums[COUNTER_BYTES_QUEUED] = 65536;
    endpoints[0].sums[COUNTER_BYTES_RECEIVED] = 1536;
    endpoints[0].sums[COUNTER_BYTES_SENT] = UINT64_C(3) << 40;
    endpoints[1].sums[COUNTER_DATAGRAMS_RECEIVED] = 99;
    endpoints[1].sums[COUNTER_SESSIONS_OPENED] = 9;
    endpoints[1].sums[COUNTER_SESSIONS_CLOSED_ERROR] = 2;
    endpoints[2].sums[COUNTER_ACCEPTED] = 1;
    report.nobodys[COUNTER_ACCEPTED] = 8;
    report.nobodys[COUNTER_CLOSED_BY_PEER] = 8;
    report.nobodys[COUNTER_STALE_MESSAGES] = 4;
    pieces = 0;
}

static void take(void *context, const char *at, size_t length)
{
    assert_ptr_equal(context, &out);
    assert_in_range(length, 1, 8192);
    pieces++;
    text_add(&out, at, length);
}

static const char *write_as(enum report_format format)
{
    text_fini(&out);
    text_init_heap(&out);
    report_write(&report, format, take, &out);
    return out.at;
}

static void expect(const char *part)
{
    if (strstr(out.at, part) == NULL) {
        fail_msg("lacks \"%s\":\n%s", part, out.at);
    }
}

static void expect_not(const char *part)
{
    if (strstr(out.at, part) != NULL) {
        fail_msg("has \"%s\":\n%s", part, out.at);
    }
}

static int teardown(void **state)
{
    text_fini(&out);
    return support_teardown(state);
}

#define report_test(test) cmocka_unit_test_setup_teardown(test, support_setup, teardown)

/* ---- Text ---- */

static void test_report__as_text_is_aligned(void **state)
{
    (void)state;
    begin();
    write_as(REPORT_TEXT);
    assert_string_equal(
        out.at,
        "PortListener 0.1.0: running for 1 d 03:46:40, 2 workers, 4 endpoints\n"
        "configuration of 2026-11-27T02:12:25Z, generation 3\n"
        "messages wait 0.04 ms for their worker, at most 12.34 ms in the last minute\n"
        "log: 5 lines are lost\n"
        "access log: 6 lines are lost\n"
        "\n"
        "endpoint                                active       accepted      refused   received       sent\n"
        "web                           tcp          204           1234           35     1.5 KB     3.0 TB\n"
        "names                         udp            7             99            0        0 B        0 B\n"
        "more-names                    tcp            1              1            0        0 B        0 B\n"
        "\n"
        "web, handler echo\n"
        "  tcp://127.0.0.1:80 listens\n"
        "  tcp://[fe80::1%7]:8080 is not bound; tried again in 2 s\n"
        "    another socket has this port: end the program that holds it (netstat -ano shows which), or\n"
        "    choose another port\n"
        "  64 KB wait for clients to take them\n"
        "\n"
        "names, handler a-plugin, paused\n"
        "  udp://*:53 listens\n"
        "  udp://127.0.0.1:54 is not bound; tried again in 0 s\n"
        "  lines: 7\n"
        "  words: 8\n"
        "\n"
        "more-names, handler a-plugin\n"
        "  lines: 9\n"
        "\n"
        "gone, handler echo\n"
        "\n"
        "not in order, since the start\n"
        "  web                                   30  connections closed: idle\n"
        "  web                                   17  connections refused: limit\n"
        "  web                                   18  connections refused: service-limit\n"
        "  names                                  2  sessions closed: error\n"
        "  (no endpoint)                          4  stale messages\n");
}

/* The row of an endpoint is there once its handler has opened a connection, or could not. */
static void test_report__tells_of_connections_to_other_hosts(void **state)
{
    (void)state;
    begin();
    write_as(REPORT_TEXT);
    expect_not("other hosts");
    write_as(REPORT_PROMETHEUS);
    expect_not("outbound_opened_total{endpoint");
    endpoints[2].sums[COUNTER_OUTBOUND_OPENED] = 21;
    endpoints[2].sums[COUNTER_OUTBOUND_CLOSED] = 19;
    endpoints[2].sums[COUNTER_OUTBOUND_LIMIT] = 3;
    endpoints[2].sums[COUNTER_OUTBOUND_BYTES_QUEUED] = 2048;
    endpoints[2].sums[COUNTER_OUTBOUND_BYTES_RECEIVED] = 1024;
    endpoints[2].sums[COUNTER_OUTBOUND_BYTES_SENT] = 4096;
    write_as(REPORT_TEXT);
    expect(
        "more-names                    out            2             21            3     1.0 KB     4.0 KB\n");
    expect("more-names, handler a-plugin\n  2.0 KB wait for other hosts to take them\n");
    write_as(REPORT_JSON);
    expect(
        "\"outbound_active\":2,\"outbound_opened\":21,\"outbound_failed\":{\"connect-failed\":0,\"ended\":0,"
        "\"limit\":3},\"outbound_closed\":19,\"outbound_queued_bytes\":2048,\"outbound_received_bytes\":1024,"
        "\"outbound_sent_bytes\":4096");
    write_as(REPORT_PROMETHEUS);
    expect("\nportlistener_outbound_active{endpoint=\"more-names\"} 2\n");
    expect("\n# TYPE portlistener_outbound_queued_bytes gauge\n"
           "portlistener_outbound_queued_bytes{endpoint=\"more-names\"} 2048\n");
    expect("\nportlistener_outbound_failed_total{endpoint=\"more-names\",reason=\"limit\"} 3\n");
}

/* Whatever the numbers and the names. */
static void test_report__as_text_fits_a_hundred_columns(void **state)
{
    (void)state;
    begin();
    memset(endpoints[0].name, 'n', sizeof endpoints[0].name - 1);
    memset(endpoints[0].sums, 0x10, sizeof endpoints[0].sums);
    endpoints[0].sums[COUNTER_ACCEPTED] = UINT64_C(99999999999999);
    endpoints[0].sums[COUNTER_REFUSED_LIMIT] = 0;
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        if (counter_row(i)->family == FAMILY_CONNECTIONS_CLOSED) {
            endpoints[0].sums[i] = UINT64_C(8000000000000);
        } else if (counter_row(i)->family != FAMILY_CONNECTIONS_ACCEPTED) {
            endpoints[0].sums[i] = UINT64_C(10000000000);
        }
    }
    write_as(REPORT_TEXT);
    for (const char *at = out.at; *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strcspn(at, "\n") > 100) {
            fail_msg("more than 100 columns: %.*s", (int)strcspn(at, "\n"), at);
        }
    }
    expect("nnnnnnnnnnnnnnnnnnnnnnnnnnn~ ");
}

static void test_report__as_text_has_amounts_of_three_digits(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {{0, "        0 B"},       {999, "      999 B"},        {1000, "     1.0 KB"},
                {10188, "     9.9 KB"},   {10190, "      10 KB"},      {1023487, "     999 KB"},
                {1023488, "     1.0 MB"}, {UINT64_MAX, "      16 EB"}, {UINT64_C(1) << 50, "     1.0 PB"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[64];
        begin();
        endpoints[0].sums[COUNTER_BYTES_SENT] = rows[i].bytes;
        snprintf(line, sizeof line, "1.5 KB%s\n", rows[i].text);
        write_as(REPORT_TEXT);
        expect(line);
    }
}

static void test_report__as_text_is_quiet_when_all_is_well(void **state)
{
    (void)state;
    begin();
    static const char *const states[] = {
        [REPORT_RUNNING] = "running", [REPORT_PAUSED] = "paused", [REPORT_STOPPING] = "stopping"};
    report.log_dropped = report.access_log_dropped = 0;
    report.endpoint_count = 1;
    report.uptime = 3599999;
    report.workers = 1;
    report.delays = NULL;
    memset(endpoints[0].sums, 0, sizeof endpoints[0].sums);
    memset(report.nobodys, 0, sizeof report.nobodys);
    for (enum report_state i = REPORT_RUNNING; i <= REPORT_STOPPING; i++) {
        char line[64];
        report.state = i;
        snprintf(line, sizeof line, ": %s for 00:59:59, 1 worker, 1 endpoint\n", states[i]);
        write_as(REPORT_TEXT);
        expect(line);
        expect_not("not in order");
        expect_not("lost");
        expect_not("wait");
    }
}

/* ---- JSON ---- */

static void test_report__as_json_is_one_object(void **state)
{
    (void)state;
    begin();
    notation_check_json(write_as(REPORT_JSON), NULL, NULL);
    assert_int_equal(out.at[0], '{');
    expect("{\"version\":\"0.1.0\",\"state\":\"running\",\"time\":\"2026-11-28T05:59:05Z\","
           "\"started\":\"2026-11-27T02:12:25Z\",\"uptime_seconds\":100000,\"workers\":2,"
           "\"worker_queue_delay\":[{\"worker\":0,\"latest_us\":41,\"longest_us\":1005,\"sum_us\":2000500,"
           "\"probes\":77},{\"worker\":1,\"latest_us\":39,\"longest_us\":12345,\"sum_us\":3,\"probes\":78}],"
           "\"config\":{\"loaded\":\"2026-11-27T02:12:25Z\",\"generation\":3},\"log\":{\"lines_dropped\":5},"
           "\"access_log\":{\"lines_dropped\":6},"
           "\"totals\":{\"connections_active\":205,\"connections_accepted\":1243,"
           "\"connections_closed\":{\"by-handler\":0,\"by-peer\":1008,");
    expect("\"unattributed\":{\"connections_active\":0,\"connections_accepted\":8,");
    expect("\"stale_messages\":4}");
    expect("{\"name\":\"web\",\"handler\":\"echo\",\"paused\":false,\"listeners\":["
           "{\"address\":\"tcp://127.0.0.1:80\",\"state\":\"listening\",\"armed\":4},"
           "{\"address\":\"tcp://[fe80::1%7]:8080\",\"state\":\"waiting\",\"armed\":0,\"error\":10048,"
           "\"diagnosis\":\"another socket has this port");
    expect("\"retry_in_ms\":1500}],\"connections_active\":204,");
    expect("\"name\":\"names\",\"handler\":\"a-plugin\",\"paused\":true,");
    expect("\"handler_counters\":[{\"handler\":\"a-plugin\",\"name\":\"lines\",\"value\":7},"
           "{\"handler\":\"a-plugin\",\"name\":\"words\",\"value\":8}]}");
    expect("\"retry_in_ms\":1500}],\"connections_active\":204,\"connections_accepted\":1234,");
    expect("},\"queued_bytes\":65536,\"received_bytes\":1536,");
    report.has_access_log = false;
    report.delays = NULL;
    report.endpoint_count = 0;
    notation_check_json(write_as(REPORT_JSON), NULL, NULL);
    expect("\"access_log\":null,");
    expect("\"endpoints\":[]}\n");
    expect("\"worker_queue_delay\":[],");
}

/* ---- Prometheus ---- */

static void test_report__as_metrics_keeps_to_the_format(void **state)
{
    (void)state;
    begin();
    notation_check_metrics(write_as(REPORT_PROMETHEUS));
    expect("# HELP portlistener_build_info 1, with the version of the program in a label\n"
           "# TYPE portlistener_build_info gauge\n"
           "portlistener_build_info{version=\"0.1.0\"} 1\n");
    expect("portlistener_start_time_seconds 1795745545\n");
    expect("portlistener_uptime_seconds 100000\n");
    expect("portlistener_paused 0\n");
    expect("portlistener_config_generation 3\n");
    expect("# TYPE portlistener_worker_queue_delay_longest_seconds gauge\n"
           "portlistener_worker_queue_delay_longest_seconds{worker=\"0\"} 0.001005\n"
           "portlistener_worker_queue_delay_longest_seconds{worker=\"1\"} 0.012345\n");
    expect("portlistener_worker_queue_delay_seconds_total{worker=\"0\"} 2.000500\n");
    expect("portlistener_worker_queue_delay_probes_total{worker=\"1\"} 78\n");
    expect("# TYPE portlistener_queued_bytes gauge\nportlistener_queued_bytes{endpoint=\"web\"} 65536\n");
    expect("portlistener_log_lines_dropped_total{log=\"service\"} 5\n"
           "portlistener_log_lines_dropped_total{log=\"access\"} 6\n");
    expect("portlistener_endpoint_paused{endpoint=\"names\"} 1\n");
    expect("portlistener_listeners{endpoint=\"web\",state=\"listening\"} 1\n"
           "portlistener_listeners{endpoint=\"web\",state=\"waiting\"} 1\n");
    expect("portlistener_listener_armed{endpoint=\"names\",address=\"udp://*:53\"} 1\n");
    expect("portlistener_connections_active{endpoint=\"web\"} 204\n");
    expect("portlistener_sessions_active{endpoint=\"names\"} 7\n");
    expect("# TYPE portlistener_connections_accepted_total counter\n"
           "portlistener_connections_accepted_total{endpoint=\"web\"} 1234\n"
           "portlistener_connections_accepted_total{endpoint=\"more-names\"} 1\n"
           "portlistener_connections_accepted_total 8\n");
    expect("portlistener_connections_closed_total{endpoint=\"web\",reason=\"first-byte-timeout\"} 0\n");
    expect("portlistener_connections_closed_total{reason=\"by-peer\"} 8\n");
    expect("portlistener_stale_messages_total 4\n");
    expect("# HELP portlistener_a_plugin_lines_total of \"text\"\\nand \\\\ more\n"
           "# TYPE portlistener_a_plugin_lines_total counter\n"
           "portlistener_a_plugin_lines_total{endpoint=\"names\"} 7\n"
           "portlistener_a_plugin_lines_total{endpoint=\"more-names\"} 9\n");
    expect_not("endpoint=\"names\",reason=\"by-peer\"");
    expect_not("portlistener_received_bytes_total 0");
    assert_true(pieces > 1);
    report.has_access_log = false;
    report.state = REPORT_PAUSED;
    report.delays = NULL;
    write_as(REPORT_PROMETHEUS);
    expect_not("worker=");
    expect_not("log=\"access\"");
    expect("portlistener_paused 1\n");
}

/* For check-metrics.sh: what it is to hold against promtool. */
static void write_for_promtool(void)
{
    const char *name = getenv("PORTLISTENER_TEST_METRICS"); /* NOLINT(concurrency-mt-unsafe): one thread */
    FILE *file = name != NULL ? fopen(name, "wb") : NULL;
    if (file != NULL) {
        assert_int_equal(fwrite(out.at, 1, out.length, file), out.length);
        assert_int_equal(fclose(file), 0);
    }
}

/* No name that the configuration takes needs it; the version and a system's words might. */
static void test_report__as_metrics_escapes_labels(void **state)
{
    (void)state;
    begin();
    snprintf(endpoints[0].name, sizeof endpoints[0].name, "a\"b\\c\nd");
    report.version = "\"";
    notation_check_metrics(write_as(REPORT_PROMETHEUS));
    expect("{endpoint=\"a\\\"b\\\\c\\nd\"}");
    expect("{version=\"\\\"\"}");
    write_for_promtool();
}

/* ---- Numbers ---- */

/* What was read of an end while its beginning was not is no more than nothing, either. */
static void test_report__has_never_less_than_none(void **state)
{
    (void)state;
    uint64_t sums[COUNTER_COUNT] = {0};
    sums[COUNTER_CLOSED_IDLE] = sums[COUNTER_SESSIONS_CLOSED_IDLE] = 1;
    assert_int_equal(report_connections(sums), 0);
    assert_int_equal(report_sessions(sums), 0);
}

/* Readers go backwards: no end is read before the beginning that it had. */
static void test_report__needs_beginnings_before_ends(void **state)
{
    (void)state;
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        const enum family family = counter_row(i)->family;
        assert_true(family != FAMILY_CONNECTIONS_CLOSED || i > COUNTER_ACCEPTED);
        assert_true(family != FAMILY_SESSIONS_CLOSED || i > COUNTER_SESSIONS_OPENED);
    }
}

/* ---- The document ---- */

static char *document;

static void expect_in_document(void *context, const char *name, size_t length)
{
    (void)context;
    char literal[64];
    snprintf(literal, sizeof literal, "`%.*s`", (int)length, name);
    if (strstr(document, literal) == NULL) {
        fail_msg("docs/status.md does not tell of %s", literal);
    }
}

static void read_document(void)
{
    FILE *file = fopen(PORTLISTENER_STATUS_MD, "rb");
    assert_non_null(file);
    document = calloc(1, 65536);
    assert_non_null(document);
    assert_in_range(fread(document, 1, 65535, file), 1, 65534);
    fclose(file);
}

/* The rows that the tables make, as they stand in the document. */
static void write_metrics(struct text *text)
{
#define GAUGE(name, metric, type, help) \
    text_add_format(text, "| `portlistener_%s` | %s | %s |\n", metric, type, help);
#include "stats/gauges.def"
#undef GAUGE
    for (enum family i = 0; i < FAMILY_COUNT; i++) {
        const struct family_row *row = family_row(i);
        text_add_format(text, "| `portlistener_%s` | %s | %s", row->metric,
                        family_is_level(i) ? "gauge" : "counter", row->help);
        for (enum counter k = 0; k < COUNTER_COUNT; k++) {
            if (counter_row(k)->family == i && counter_row(k)->reason != NULL) {
                text_add_format(text, "; `%s`: %s", counter_row(k)->reason, counter_row(k)->help);
            }
        }
        text_add_string(text, " |\n");
    }
}

static void test_report__is_what_the_document_tells(void **state)
{
    (void)state;
    struct text metrics;
    read_document();
    begin();
    notation_check_json(write_as(REPORT_JSON), expect_in_document, NULL);
    text_init_heap(&metrics);
    write_metrics(&metrics);
    const char *at = strstr(document, "| `portlistener_");
    if (at == NULL || strncmp(at, metrics.at, metrics.length) != 0 || at[metrics.length] != '\n') {
        fail_msg("docs/status.md: the table of metrics should be\n%s", metrics.at);
    }
    text_fini(&metrics);
    free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        report_test(test_report__as_text_is_aligned),
        report_test(test_report__tells_of_connections_to_other_hosts),
        report_test(test_report__as_text_fits_a_hundred_columns),
        report_test(test_report__as_text_has_amounts_of_three_digits),
        report_test(test_report__as_text_is_quiet_when_all_is_well),
        report_test(test_report__as_json_is_one_object),
        report_test(test_report__as_metrics_keeps_to_the_format),
        report_test(test_report__as_metrics_escapes_labels),
        report_test(test_report__has_never_less_than_none),
        report_test(test_report__needs_beginnings_before_ends),
        report_test(test_report__is_what_the_document_tells),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
