/* SPDX-License-Identifier: MIT
   Tests of base/event_log.h, and of the message table that is made for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/event_log.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/ledger.h"
#include "support/support.h"

/* What the event log was given. Windows' own is not asked: Wine's takes everything and keeps nothing. */
static struct {
    SRWLOCK lock;
    unsigned count;
    WORD type;
    DWORD id;
    WCHAR text[32768]; /* of the last event */
    WCHAR source[64];
} reported = {.lock = SRWLOCK_INIT};

static HANDLE WINAPI register_source(LPCWSTR server, LPCWSTR source)
{
    wcsncpy(reported.source, server == NULL ? source : L"of another machine", 63);
    return SEAM_REAL(RegisterEventSourceW)(server, source);
}

static BOOL WINAPI report_event(HANDLE source, WORD type, WORD category, DWORD id, PSID user, WORD count,
                                DWORD length, LPCWSTR *strings, LPVOID data)
{
    const bool is_right =
        source != NULL && category == 0 && user == NULL && count == 1 && length == 0 && data == NULL;
    AcquireSRWLockExclusive(&reported.lock);
    reported.type = type;
    reported.id = id;
    wcsncpy(reported.text, is_right ? strings[0] : L"wrong arguments", 32767);
    reported.count++;
    ReleaseSRWLockExclusive(&reported.lock);
    return TRUE;
}

static int setup(void **state)
{
    support_setup(state);
    memset(reported.text, 0, sizeof reported.text);
    reported.count = 0;
    seam_replace(IMPORT_RegisterEventSourceW, (seam_function)register_source);
    seam_replace(IMPORT_ReportEventW, (seam_function)report_event);
    return 0;
}

static struct event_log *create(enum event_filter filter)
{
    struct event_log *log = event_log_create("Port\xC3\xA9Listener", filter);
    assert_non_null(log);
    return log;
}

static void report(struct event_log *log, enum event event, const char *text)
{
    event_log_report(log, event_find(event), text);
}

static void assert_reported(unsigned count, const WCHAR *text)
{
    assert_int_equal(reported.count, count);
    if (wcscmp(reported.text, text) != 0) {
        fail_msg("\"%ls\" instead of \"%ls\"", reported.text, text);
    }
}

static void test_event_log__reports_type_id_and_text(void **state)
{
    (void)state;
    static const struct {
        enum event event;
        WORD type;
        DWORD id;
    } rows[] = {
        {EVENT_SERVICE_FAILED, EVENTLOG_ERROR_TYPE, 0xC00003EF},
        {EVENT_CONFIG_WARNING, EVENTLOG_WARNING_TYPE, 0x8000044E},
        {EVENT_SERVICE_RUNNING, EVENTLOG_INFORMATION_TYPE, 0x400003EA},
        {EVENT_PROBE_RESULT, EVENTLOG_INFORMATION_TYPE, 0x4000057A},
    };
    struct event_log *log = create(EVENT_FILTER_ALL);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        report(log, rows[i].event, "[web] caf\xC3\xA9");
        assert_reported(i + 1, L"[web] caf\x00E9");
        assert_int_equal(reported.type, rows[i].type);
        assert_int_equal(reported.id, rows[i].id);
        assert_int_equal(rows[i].id & 0xFFFF, rows[i].event); /* what viewers show */
        assert_int_equal(event_log_id(event_find(rows[i].event)), rows[i].id);
    }
    assert_int_equal(wcscmp(reported.source, L"Port\x00E9Listener"), 0);
    assert_int_equal(ledger_count(LEDGER_EVENT_SOURCE), 1); /* one handle for all */
    event_log_destroy(log);
}

static void test_event_log__takes_what_its_filter_lets_through(void **state)
{
    (void)state;
    static const unsigned counts[] = {[EVENT_FILTER_OFF] = 0,
                                      [EVENT_FILTER_ERRORS] = 1,
                                      [EVENT_FILTER_LIFECYCLE] = 2,
                                      [EVENT_FILTER_ALL] = 3};
    struct event_log *log = create(EVENT_FILTER_OFF);
    for (int filter = EVENT_FILTER_OFF; filter <= EVENT_FILTER_ALL; filter++) {
        reported.count = 0;
        event_log_set_filter(log, (enum event_filter)filter);
        report(log, EVENT_SERVICE_FAILED, "error");
        report(log, EVENT_SERVICE_RUNNING, "lifecycle");
        report(log, EVENT_PROBE_RESULT, "other");
        assert_int_equal(reported.count, counts[filter]);
    }
    event_log_destroy(log);
}

/* "%1" in an event's own text is taken by viewers for a place where something is to be inserted. */
static void test_event_log__makes_percent_signs_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const WCHAR *expected;
    } rows[] = {
        {"fe80::1%3", L"fe80::1% 3"},
        {"%1%2%%3", L"% 1% 2%% 3"},
        {"100%", L"100%"},
        {"%ProgramData% 5%", L"%ProgramData% 5%"},
        {"%%", L"%%"},
        {"%/%:", L"%/%:"},
        {"", L""},
        {"two\nlines", L"two\nlines"},
    };
    struct event_log *log = create(EVENT_FILTER_ALL);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        report(log, EVENT_CONFIG_INVALID, rows[i].text);
        assert_reported(i + 1, rows[i].expected);
    }
    event_log_destroy(log);
}

static void test_event_log__reports_ten_of_a_kind_and_then_the_rest_in_one(void **state)
{
    (void)state;
    struct event_log *log = create(EVENT_FILTER_ALL);
    for (int i = 0; i < 25; i++) {
        report(log, EVENT_ENDPOINT_WAITING, "flood");
    }
    assert_reported(10, L"flood");
    report(log, EVENT_SERVICE_STOPPED, "another kind");
    assert_reported(11, L"another kind");
    clock_advance(50000);
    report(log, EVENT_ENDPOINT_WAITING, "flood");
    assert_int_equal(reported.count, 11);
    clock_advance(10000); /* a minute after the first: told with whatever comes next */
    report(log, EVENT_SERVICE_FAILED, "last");
    assert_reported(13, L"last");
    report(log, EVENT_ENDPOINT_WAITING, "again");
    assert_reported(14, L"again");
    event_log_destroy(log);
    assert_int_equal(reported.count, 14);
}

static void test_event_log__tells_the_rest_at_its_end(void **state)
{
    (void)state;
    struct event_log *log = create(EVENT_FILTER_ALL);
    for (int i = 0; i < 12; i++) {
        report(log, EVENT_ENDPOINT_WAITING, "flood");
    }
    event_log_destroy(log);
    assert_reported(11, L"2 more of these came within a minute; they are in the log only");
    assert_int_equal(reported.id, event_log_id(event_find(EVENT_ENDPOINT_WAITING)));
}

/* Where the event log is to have nothing any more, it does not get the count either. */
static void test_event_log__tells_no_rest_that_its_filter_stops(void **state)
{
    (void)state;
    struct event_log *log = create(EVENT_FILTER_ALL);
    for (int i = 0; i < 12; i++) {
        report(log, EVENT_ENDPOINT_WAITING, "flood");
    }
    event_log_set_filter(log, EVENT_FILTER_OFF);
    event_log_destroy(log);
    assert_reported(10, L"flood");
}

static void test_event_log__begins_a_new_minute_with_the_first_event(void **state)
{
    (void)state;
    struct event_log *log = create(EVENT_FILTER_ALL);
    report(log, EVENT_ENDPOINT_WAITING, "one");
    clock_advance(61000);
    for (int i = 0; i < 10; i++) {
        report(log, EVENT_ENDPOINT_WAITING, "flood");
    }
    assert_int_equal(reported.count, 11);
    report(log, EVENT_ENDPOINT_WAITING, "flood");
    assert_int_equal(reported.count, 11);
    event_log_destroy(log);
    assert_reported(12, L"1 more of these came within a minute; they are in the log only");
}

static void test_event_log__goes_without_a_source_until_there_is_one(void **state)
{
    (void)state;
    struct event_log *log = create(EVENT_FILTER_ALL);
    fault_arm(IMPORT_RegisterEventSourceW, 1, RPC_S_SERVER_UNAVAILABLE, 2); /* tried twice for an event */
    report(log, EVENT_SERVICE_RUNNING, "lost");
    assert_int_equal(fault_hits(), 2);
    assert_int_equal(reported.count, 0);
    report(log, EVENT_SERVICE_STOPPED, "there");
    assert_reported(1, L"there");
    event_log_destroy(log);
}

static void test_event_log__opens_its_source_again_when_it_was_lost(void **state)
{
    (void)state;
    struct event_log *log = create(EVENT_FILTER_ALL);
    report(log, EVENT_SERVICE_RUNNING, "one");
    fault_arm(IMPORT_ReportEventW, 1, RPC_S_SERVER_UNAVAILABLE, 1);
    report(log, EVENT_SERVICE_STOPPED, "two");
    assert_int_equal(fault_hits(), 1);
    assert_int_equal(fault_calls(IMPORT_RegisterEventSourceW), 2);
    assert_reported(2, L"two");
    fault_arm(IMPORT_ReportEventW, 1, RPC_S_SERVER_UNAVAILABLE, FAULT_FOREVER);
    report(log, EVENT_SERVICE_STOPPED, "lost"); /* no endless loop */
    assert_int_equal(fault_hits(), 3);
    event_log_destroy(log);
}

static void test_event_log__cuts_what_is_too_long(void **state)
{
    (void)state;
    struct event_log *log = create(EVENT_FILTER_ALL);
    char *text = memory_alloc(100001);
    memset(text, 'a', 100000);
    report(log, EVENT_CONFIG_INVALID, text);
    assert_in_range(wcslen(reported.text), 29000, 31839);
    memset(text, '%', 100000);
    report(log, EVENT_CONFIG_INVALID, text);
    assert_in_range(wcslen(reported.text), 29000, 31839);
    assert_int_equal(reported.count, 2);
    memory_free(text);
    event_log_destroy(log);
}

static void test_event_log__survives_without_memory(void **state)
{
    (void)state;
    uint32_t nth = 1;
    struct event_log *log = NULL;
    while (log == NULL) {
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth++, 0, 1);
        log = event_log_create("PortListener", EVENT_FILTER_ALL);
        assert_true(log != NULL || ledger_count(LEDGER_BLOCK) == 0);
    }
    assert_int_equal(nth, 4); /* two blocks */
    for (nth = 1; nth <= 2; nth++) {
        fault_clear();
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        report(log, EVENT_SERVICE_RUNNING, "lost");
        assert_int_equal(fault_hits(), 1);
        assert_int_equal(reported.count, 0);
    }
    report(log, EVENT_SERVICE_RUNNING, "there");
    assert_reported(1, L"there");
    event_log_destroy(log);
}

static void test_event_log__may_be_missing(void **state)
{
    (void)state;
    report(NULL, EVENT_SERVICE_RUNNING, "text");
    event_log_destroy(NULL);
    assert_int_equal(reported.count, 0);
}

static DWORD WINAPI report_many(void *context)
{
    for (int i = 0; i < 1000; i++) {
        report(context, EVENT_ENDPOINT_WAITING, "flood");
    }
    return 0;
}

static void test_event_log__counts_across_threads(void **state)
{
    (void)state;
    HANDLE threads[4];
    struct event_log *log = create(EVENT_FILTER_ALL);
    for (int i = 0; i < 4; i++) {
        threads[i] = CreateThread(NULL, 0, report_many, log, 0, NULL);
        assert_non_null(threads[i]);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(WaitForSingleObject(threads[i], INFINITE), WAIT_OBJECT_0);
        CloseHandle(threads[i]);
    }
    event_log_destroy(log);
    assert_reported(11, L"3990 more of these came within a minute; they are in the log only");
}

/* The log and the event log together. */
static void pass_on(void *context, const struct event_row *row, const char *text)
{
    event_log_report(context, row, text);
}

static void test_event_log__takes_the_logs_events(void **state)
{
    (void)state;
    struct folder folder;
    struct failure failure;
    folder_init(&folder);
    struct event_log *event_log = create(EVENT_FILTER_LIFECYCLE);
    struct log *log = log_create(&(const struct log_options){.file = folder_join(&folder, "a.log"),
                                                             .level = LOG_LEVEL_INFO,
                                                             .event_filter = EVENT_FILTER_LIFECYCLE,
                                                             .event_sink = pass_on,
                                                             .event_context = event_log},
                                 &failure);
    assert_non_null(log);
    log_write(log, EVENT_ENDPOINT_WAITING, "web", 0, "%s is held", "fe80::1%3");
    log_write(log, EVENT_ENDPOINT_LISTENING, "web", 0, "not for the event log");
    log_destroy(log);
    event_log_destroy(event_log);
    assert_reported(1, L"[web] fe80::1% 3 is held");
    folder_fini(&folder);
}

/* ---- the message table, which is a resource of this program ---- */

static DWORD format(DWORD id, WCHAR *text, DWORD room)
{
    const WCHAR *string = L"what the program says";
    return FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, GetModuleHandleW(NULL),
                          id, MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), text, room,
                          (va_list *)(void *)&string);
}

static void test_event_log__has_a_text_for_each_event(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        WCHAR text[1024];
        char utf8[2048], expected[2048];
        assert_true(format(event_log_id(event_at(i)), text, 1024) > 0);
        WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, sizeof utf8, NULL, NULL);
        snprintf(expected, sizeof expected, "what the program says\r\n\r\n%s\r\n", event_at(i)->meaning);
        assert_string_equal(utf8, expected);
    }
}

/* No other severity, facility or flag leads to a text, and no other number. */
static void test_event_log__has_no_other_texts(void **state)
{
    (void)state;
    WCHAR text[1024];
    unsigned found = 0;
    for (DWORD id = 1; id < 0x10000; id++) {
        for (DWORD severity = 0; severity < 4; severity++) {
            found += format(severity << 30 | id, text, 1024) > 0 ? 1U : 0U;
        }
    }
    assert_int_equal(found, EVENT_COUNT);
}

#define log_test(test) cmocka_unit_test_setup_teardown(test, setup, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(test_event_log__reports_type_id_and_text),
        log_test(test_event_log__takes_what_its_filter_lets_through),
        log_test(test_event_log__makes_percent_signs_harmless),
        log_test(test_event_log__reports_ten_of_a_kind_and_then_the_rest_in_one),
        log_test(test_event_log__tells_the_rest_at_its_end),
        log_test(test_event_log__tells_no_rest_that_its_filter_stops),
        log_test(test_event_log__begins_a_new_minute_with_the_first_event),
        log_test(test_event_log__goes_without_a_source_until_there_is_one),
        log_test(test_event_log__opens_its_source_again_when_it_was_lost),
        log_test(test_event_log__cuts_what_is_too_long),
        log_test(test_event_log__survives_without_memory),
        log_test(test_event_log__may_be_missing),
        log_test(test_event_log__counts_across_threads),
        log_test(test_event_log__takes_the_logs_events),
        log_test(test_event_log__has_a_text_for_each_event),
        log_test(test_event_log__has_no_other_texts),
    };
    return cmocka_run_group_tests_name("event_log", tests, NULL, NULL);
}
