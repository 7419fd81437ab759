/* SPDX-License-Identifier: MIT
   Tests of command_watch.c above a service that is made up: command_control.c's command_control_ask is here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "command.h"
#include "command_watch.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/program.h"
#include "support/seam.h"
#include "support/streams.h"
#include "support/support.h"

static struct {
    int answers; /* that come, then the service is gone */
    int looks;   /* how often what the command shows was asked for */
    int counts;  /* and the metrics */
    int hold_at; /* the answer during which Ctrl+C comes; 0: none */
    enum exit_code code;
    bool is_chatty; /* it says something on the other stream, too */
    bool is_unread; /* nobody reads from the second look on */
    PHANDLER_ROUTINE handler;
    BOOL handled;
    DWORD event;
    WCHAR folder[PROGRAM_PATH_MAX];
    struct streams streams;
    char out[4096], err[4096];
} it;

static void answer(control_sink sink, void *context, enum control_stream stream, const char *words)
{
    sink(context, &(const struct control_piece){.stream = stream, .at = words, .length = strlen(words)});
}

static void interrupt(void)
{
    it.handled = it.handler(it.event);
}

bool command_control_ask(const struct arguments *arguments, HANDLE cancel, control_sink sink, void *context,
                         enum exit_code *code_out, struct failure *failure_out)
{
    char words[128];
    assert_non_null(cancel);
    if (it.looks + 1 == it.hold_at) {
        interrupt();
    }
    if (it.looks == it.answers) {
        *failure_out = (struct failure){.code = EXIT_CODE_NOT_RUNNING, .text = "nothing runs as test"};
        return false;
    }
    *code_out = it.code;
    if (arguments->options[OPTION_METRICS] != NULL) {
        assert_null(arguments->options[OPTION_JSON]);
        snprintf(words, sizeof words, "portlistener_connections_accepted_total{endpoint=\"a\"} %d\n",
                 ++it.counts * 7);
        answer(sink, context, CONTROL_OUT, words);
        return true;
    }
    snprintf(words, sizeof words, "look %d\n", ++it.looks);
    if (it.is_unread && it.looks == 2) {
        fault_arm(IMPORT_WriteFile, 1, ERROR_NO_DATA, FAULT_FOREVER);
    }
    answer(sink, context, CONTROL_OUT, words);
    if (it.is_chatty) {
        answer(sink, context, CONTROL_ERR, "a word on the side\n");
    }
    clock_advance(1000); /* no test waits for the next look */
    return true;
}

static BOOL WINAPI set_handler(PHANDLER_ROUTINE handler, BOOL is_added)
{
    it.handler = is_added ? handler : it.handler;
    return TRUE;
}

static int setup(void **state)
{
    const int result = support_setup(state);
    memset(&it, 0, sizeof it);
    it.event = CTRL_C_EVENT;
    program_folder(it.folder);
    seam_replace(IMPORT_SetConsoleCtrlHandler, (seam_function)set_handler);
    return result;
}

static int teardown(void **state)
{
    program_remove(it.folder);
    clock_reset();
    return support_teardown(state);
}

static enum exit_code watch_as(const char *name, enum option form)
{
    struct arguments arguments = {.options = {[OPTION_WATCH] = "--watch"}};
    arguments.options[form] = arguments_option(form);
    const struct command command = {/* one that has metrics has rates */
                                    .name = name,
                                    .options = strcmp(name, "status") == 0 ? 1 << OPTION_METRICS : 0};
    arguments.command = &command;
    streams_open(&it.streams, it.folder);
    const enum exit_code code = command_watch_run(&arguments, &it.streams);
    streams_end(&it.streams, it.folder, it.out, sizeof it.out, it.err, sizeof it.err);
    return code;
}

static enum exit_code watch(const char *name, bool is_json)
{
    return watch_as(name, is_json ? OPTION_JSON : OPTION_WATCH);
}

#define HEAD "CONNECTIONS/s       REFUSED/s      RECEIVED/s          SENT/s     DATAGRAMS/s       ANSWERS/s\n"
#define NONE \
    "            -               -               -               -               -               -\n\n"
#define SEVEN \
    "            7               0               0               0               0               0\n\n"

static void test_watch__shows_the_status_until_the_service_stops(void **state)
{
    (void)state;
    it.answers = 3;
    clock_stop();
    assert_int_equal(watch("status", false), EXIT_CODE_NOT_RUNNING);
    assert_string_equal(it.out, HEAD NONE "look 1\n\n" HEAD SEVEN "look 2\n\n" HEAD SEVEN "look 3\n");
    assert_string_equal(it.err, "portlistener: nothing runs as test\n");
}

/* Lists have no rates, and programs make their own. */
static void test_watch__shows_lists_and_json_as_they_are(void **state)
{
    static const char *const names[] = {"connections", "status"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        it.looks = 0;
        it.answers = 2;
        assert_int_equal(watch(names[i], i == 1), EXIT_CODE_NOT_RUNNING);
        assert_string_equal(it.out, "look 1\n\nlook 2\n");
    }
    assert_int_equal(it.counts, 0);
}

/* Nothing of ours stands between metrics. */
static void test_watch__shows_metrics_as_they_are(void **state)
{
    (void)state;
    it.answers = 1;
    it.hold_at = 1;
    assert_int_equal(watch_as("status", OPTION_METRICS), EXIT_CODE_DONE);
    assert_string_equal(it.out, "portlistener_connections_accepted_total{endpoint=\"a\"} 7\n");
}

static void test_watch__ends_in_order_at_ctrl_c(void **state)
{
    static const DWORD events[] = {CTRL_C_EVENT, CTRL_BREAK_EVENT};
    (void)state;
    for (int i = 0; i < 2; i++) {
        it.looks = 0;
        it.answers = 100;
        it.hold_at = 3;
        it.event = events[i];
        assert_int_equal(watch("connections", false), EXIT_CODE_DONE);
        assert_true(it.handled);
        assert_string_equal(it.out, "look 1\n\nlook 2\n\nlook 3\n"); /* what had been asked for is shown */
        assert_string_equal(it.err, "");
    }
    assert_false(it.handler(CTRL_C_EVENT)); /* it is over: the system's own answer */
}

/* It interrupts a question that nobody answers; that is no failure. */
static void test_watch__ends_in_order_while_it_asks(void **state)
{
    (void)state;
    it.answers = 1;
    it.hold_at = 2;
    assert_int_equal(watch("status", false), EXIT_CODE_DONE);
    assert_string_equal(it.err, "");
    assert_true(it.handled);
}

static void test_watch__takes_no_other_event(void **state)
{
    (void)state;
    it.answers = 2;
    it.hold_at = 1;
    it.event = CTRL_CLOSE_EVENT;
    assert_int_equal(watch("connections", false), EXIT_CODE_NOT_RUNNING);
    assert_false(it.handled);
    assert_int_equal(it.looks, 2);
}

static void test_watch__ends_when_it_is_refused(void **state)
{
    (void)state;
    it.answers = 9;
    it.code = EXIT_CODE_FAILED;
    it.is_chatty = true;
    assert_int_equal(watch("connections", false), EXIT_CODE_FAILED);
    assert_string_equal(it.out, "look 1\n");
    assert_string_equal(it.err, "a word on the side\n");
}

/* main makes code 1 of the stream's error. */
static void test_watch__ends_when_nobody_reads(void **state)
{
    (void)state;
    it.answers = 9;
    it.is_unread = true;
    watch("connections", true);
    fault_clear();
    assert_int_equal(it.streams.out.error, ERROR_NO_DATA);
    assert_int_equal(it.looks, 2);
    assert_string_equal(it.out, "look 1\n");
}

static void test_watch__needs_an_event(void **state)
{
    (void)state;
    fault_arm(IMPORT_CreateEventW, 1, ERROR_NOT_ENOUGH_MEMORY, 1);
    assert_int_equal(watch("connections", false), EXIT_CODE_FAILED);
    fault_clear();
    assert_string_equal(it.err, "portlistener: an event could not be created\n");
    assert_int_equal(it.looks, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_watch__shows_the_status_until_the_service_stops),
        test(test_watch__shows_lists_and_json_as_they_are),
        test(test_watch__shows_metrics_as_they_are),
        test(test_watch__ends_in_order_at_ctrl_c),
        test(test_watch__ends_in_order_while_it_asks),
        test(test_watch__takes_no_other_event),
        test(test_watch__ends_when_it_is_refused),
        test(test_watch__ends_when_nobody_reads),
        test(test_watch__needs_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
