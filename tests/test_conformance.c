/* SPDX-License-Identifier: MIT
   The program portlistener-conformance from outside: what it says about handlers that do one thing wrong. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/failure.h"
#include "portlistener/handler.h"
#include "support/program.h"
#include "support/wine.h"

static struct program_result result;

static void run(const char *arguments)
{
    WCHAR program[PROGRAM_PATH_MAX], wide[PROGRAM_PATH_MAX];
    wcscpy(program, program_path());
    wcscpy(wcsrchr(program, L'\\') + 1, L"portlistener-conformance.exe");
    swprintf(wide, PROGRAM_PATH_MAX, L"%hs", arguments);
    program_run(program, wide, &result);
    assert_true(result.has_ended);
}

/* For the DLL `name` of the tests, beside this program. */
static void run_plugin(const char *name, const char *arguments)
{
    char all[2 * PROGRAM_PATH_MAX];
    WCHAR folder[PROGRAM_PATH_MAX];
    wcscpy(folder, program_path());
    *wcsrchr(folder, L'\\') = L'\0';
    snprintf(all, sizeof all, "\"%ls\\plugins\\%s.dll\" %s", folder, name, arguments);
    run(all);
}

static void expect(enum exit_code code, const char *text, const char *part)
{
    if (result.code != (DWORD)code || strstr(text, part) == NULL) {
        fail_msg("code %lu, and not \"%s\": %s%s", (unsigned long)result.code, part, result.out, result.err);
    }
}

static const struct {
    const char *plugin, *arguments;
    enum exit_code code;
    const char *part;
} wrongs[] = {
    {"leaks-handle", "--check \"many at once\"", EXIT_CODE_FAILED,
     "handles more after 200 connections; what a callback opens must be closed"},
    {"leaks-memory", "--check \"many at once\"", EXIT_CODE_DONE,
     "KB more memory after 600 connections; what their callbacks make must be freed"},
    {"keeps-input", "--check half-close", EXIT_CODE_FAILED,
     "stop: FAILED: input that retain has kept was not released, "},
    {"leaks-start", "--check \"start and stop\"", EXIT_CODE_FAILED,
     "handles more after 39 starts and stops; stop closes what start has opened"},
    {"leaks-start", "--check \"start and stop\"", EXIT_CODE_FAILED,
     "KB more memory after 39 starts and stops"},
    {"never-consumes", "--check \"huge input\"", EXIT_CODE_FAILED,
     "huge input: FAILED: on_data has never consumed a byte"},
    {"over-consumes", "--check half-close", EXIT_CODE_FAILED,
     "half-close: FAILED: on_data says that it consumed more bytes than it was given"},
    {"sleeps", "--check half-close", EXIT_CODE_DONE,
     "half-close: warning: on_data takes half a second or more"},
    {"stale-send", "--check \"many at once\"", EXIT_CODE_DONE,
     "warning: send is called, from a callback of another, for a connection that has had its on_close"},
    {"closes-twice", "--check half-close", EXIT_CODE_DONE,
     "warning: close is called for a connection that is closing already"},
    {"sends-in-close", "--check \"nothing sent\"", EXIT_CODE_DONE,
     "warning: send is called in on_close for the very connection"},
    {"wrong-thread", "--check \"nothing sent\"", EXIT_CODE_FAILED,
     "FAILED: read is called on another thread than the worker of its connection"},
    {"wrong-counter", "--check \"nothing sent\"", EXIT_CODE_FAILED,
     "FAILED: count is called with an argument out of its range"},
    {"loses-user", "--check half-close", EXIT_CODE_DONE,
     "warning: on_close finds *user NULL that had been set"},
    {"user-of-datagram", "--protocol udp --check \"empty datagram\"", EXIT_CODE_DONE,
     "warning: on_datagram has set *user of a datagram"},
    {"forgets-full", "--option send_queue=64K --check \"slow reader\"", EXIT_CODE_DONE,
     "warning: on_data consumed everything although a send returned PL_FULL"},
    {"never-ends", "--check half-close", EXIT_CODE_DONE,
     "half-close: warning: five seconds after the client's FIN its connection has not ended"},
    {"never-ends", "--check \"nothing sent\"", EXIT_CODE_DONE,
     "connections of clients that have gone are still open"},
    {"slow-stop", "--check half-close", EXIT_CODE_DONE, "ms, the handler's stop included; join threads"},
    {"fails-start", "", EXIT_CODE_FAILED, "start: FAILED: the engine does not start: "},
    {"fails-start", "", EXIT_CODE_FAILED, "no, never"},
    {"echo", "--protocol udp --check half-close", EXIT_CODE_USAGE,
     "the check \"half-close\" is for tcp, and what is to be tried is udp: nothing was tried"},
    {"echo", "--protocol tcp --check \"empty datagram\"", EXIT_CODE_USAGE,
     "\" is for udp, and what is to be"},
    {"no-callback", "", EXIT_CODE_FAILED, "load: FAILED: "},
    {"missing", "", EXIT_CODE_USAGE, "missing.dll: there is no such file; give the path of the plugin's DLL"},
};

static void test_conformance__what_is_wrong_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        run_plugin(wrongs[i].plugin, wrongs[i].arguments);
        if (strcmp(wrongs[i].plugin, "forgets-full") == 0 && wine_is_before(ULONG_MAX) &&
            !wine_is_before(10) && strstr(result.out, wrongs[i].part) == NULL) {
            print_message("SKIP: this Wine takes all that a slow reader does not, no queue is full\n");
            continue;
        }
        expect(wrongs[i].code, result.out, wrongs[i].part);
    }
}

static void test_conformance__a_callback_that_does_not_return_is_named(void **state)
{
    (void)state;
    run_plugin("stuck", "--check half-close");
    expect(EXIT_CODE_FAILED, result.out,
           "half-close: FAILED: a new client does not reach the handler any more");
    expect(EXIT_CODE_FAILED, result.out,
           "stop: FAILED: on_open has not returned, and the stop does not come to its end");
    expect(EXIT_CODE_FAILED, result.out,
           "what comes behind the callback that has not returned was not tried");
}

static void test_conformance__what_is_right_passes(void **state)
{
    char abi[64];
    (void)state;
    snprintf(abi, sizeof abi, "\nABI %u.%u, at least 0.0; this program has %u.%u\n", PL_ABI_MAJOR,
             PL_ABI_MINOR, PL_ABI_MAJOR, PL_ABI_MINOR);
    run_plugin("echo", "--check half-close");
    expect(EXIT_CODE_DONE, result.out, "echo 1.0: Sends back what it receives.");
    expect(EXIT_CODE_DONE, result.out, abi);
    expect(EXIT_CODE_DONE, result.out,
           "flags: tcp udp\noptions: 0, counters: 0, max_input: 65536\n-- tcp\nstart: ok\nhalf-close: ");
    expect(EXIT_CODE_DONE, result.out, "-- udp\nstart: ok\nstop: ok\nresult: passed, 0 failed, ");
    run_plugin("echo", "--check \"slow reader\" --option send_queue=64K");
    expect(EXIT_CODE_DONE, result.out, "slow reader: ");
}

static void test_conformance__all_calls_pass_the_witness(void **state)
{
    static const char *const checks[] = {"bytes one by one", "half-close", "abort", "stop while busy",
                                         "flood of datagrams"};
    (void)state;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "--check \"%s\"", checks[i]);
        run_plugin("all-calls", arguments);
        expect(EXIT_CODE_DONE, result.out, "options: 2, counters: 1");
        expect(EXIT_CODE_DONE, result.out, "result: passed, 0 failed");
    }
}

/* The list of names that a wrong one is answered with. */
static void test_conformance__the_guide_has_each_check(void **state)
{
    static char guide[65536];
    WCHAR path[PROGRAM_PATH_MAX];
    unsigned count = 0;
    (void)state;
    swprintf(path, PROGRAM_PATH_MAX, L"%hs", PORTLISTENER_PLUGIN_MD);
    assert_true(program_read(path, guide, sizeof guide));
    run("a.dll --check everything");
    for (char *at = strchr(result.err, '\n'); at != NULL && at[1] != '\0'; at = strchr(at + 1, '\n')) {
        char name[64];
        snprintf(name, sizeof name, "`%.*s`", (int)strcspn(at + 3, "\n"), at + 3);
        if (strstr(guide, name) == NULL) {
            fail_msg("%s is not in docs/plugin/README.md", name);
        }
        count++;
    }
    assert_int_equal(count, 13);
}

static void test_conformance__options_are_those_of_the_INI(void **state)
{
    (void)state;
    run_plugin("all-calls", "--option file=%NOWHERE%/a");
    expect(EXIT_CODE_USAGE, result.out, "NOWHERE");
    run_plugin("echo", "--check half-close --option lifetime=1h --option idle_timeout=soon");
    expect(EXIT_CODE_USAGE, result.out, "options: FAILED: not taken");
    expect(EXIT_CODE_USAGE, result.out, "\n--option idle_timeout=soon: error: ");
    assert_null(strstr(result.out, "-- udp")); /* once, not for each protocol */
    run_plugin("echo", "--check half-close --option idle_timeout=5s --option lifetime=1h");
    expect(EXIT_CODE_DONE, result.out, "half-close: ");
}

static void test_conformance__wrong_usage_is_said(void **state)
{
    static const char *const rows[][2] = {
        {"", "no plugin is named"},
        {"\"\"", "the name of the plugin is empty; see "},
        {"a.dll b.dll", "one plugin at a time, and not b.dll"},
        {"a.dll --option", "or it lacks its value: --option"},
        {"a.dll --option name", "an option is NAME=VALUE, not name"},
        {"a.dll --protocol sctp", "a protocol is tcp or udp, not sctp"},
        {"a.dll --colour red", "there is no such option: --colour"},
        {"a.dll --check everything", "there is no check \"everything\"; there are:\n  nothing sent\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(rows[i][0]);
        expect(EXIT_CODE_USAGE, result.err, rows[i][1]);
    }
    run("--help");
    expect(EXIT_CODE_DONE, result.out, "Usage: portlistener-conformance PLUGIN.dll");
    run_plugin("sleeps", "--protocol udp");
    expect(EXIT_CODE_USAGE, result.out, "the handler does not have the protocol");
}

#define test(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {test(test_conformance__what_is_right_passes),
                                       test(test_conformance__what_is_wrong_is_said),
                                       test(test_conformance__a_callback_that_does_not_return_is_named),
                                       test(test_conformance__all_calls_pass_the_witness),
                                       test(test_conformance__the_guide_has_each_check),
                                       test(test_conformance__options_are_those_of_the_INI),
                                       test(test_conformance__wrong_usage_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
