/* SPDX-License-Identifier: MIT
   Tests of diagnosis/finding_service.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diagnosis/finding_service.h"
#include "support/failing_memory.h"

#define PROGRAM "C:\\Program Files\\PortListener\\portlistener.exe"

static struct findings findings;
static struct service_facts facts;

static int setup(void **state)
{
    const int result = failing_memory_setup(state);
    findings_init(&findings);
    facts = (struct service_facts){.name = "PortListener",
                                   .line = "\"" PROGRAM "\" service --config \"C:\\a.ini\"",
                                   .path = PROGRAM,
                                   .is_quoted = true,
                                   .program = "c:\\program files\\portlistener\\PortListener.exe",
                                   .account = "NT SERVICE\\PortListener",
                                   .start = SERVICE_STARTS_AT_BOOT,
                                   .restarts_after_crash = true,
                                   .has_sid = true,
                                   .has_privileges = true,
                                   .has_description = true,
                                   .has_event_source = true,
                                   .preshutdown = 15000,
                                   .drain_timeout = 10000};
    return result;
}

static int teardown(void **state)
{
    findings_fini(&findings);
    return failing_memory_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Just this one, with a command that mends it. */
static void expect(enum finding_kind kind, const char *remedy)
{
    findings_fini(&findings);
    finding_service_add(&findings, &facts);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.at[0].kind, kind);
    assert_string_equal(findings.at[0].subject, "service PortListener");
    assert_null(strchr(findings.at[0].text, '?'));
    if (strstr(findings.at[0].remedy, remedy) == NULL) {
        fail_msg("\"%s\" is not in: %s", remedy, findings.at[0].remedy);
    }
}

static void test_finding_service__a_hardened_one_has_none(void **state)
{
    (void)state;
    finding_service_add(&findings, &facts);
    assert_int_equal(findings.count, 0);
}

static void test_finding_service__the_line_is_judged(void **state)
{
    (void)state;
    facts.line = PROGRAM " service";
    facts.is_quoted = false;
    expect(FINDING_SERVICE_UNQUOTED,
           "sc.exe config \"PortListener\" binPath= \"\\\"" PROGRAM "\\\" service\"");
    facts.is_quoted = true;
    facts.line = "\"" PROGRAM "\"";
    expect(FINDING_SERVICE_NO_VERB, "binPath= \"\\\"" PROGRAM "\\\" service\"");
    facts.line = "C:\\other\\portlistener.exe service";
    facts.path = "C:\\other\\portlistener.exe";
    expect(FINDING_SERVICE_OTHER_PROGRAM, "install the service again");
    assert_non_null(strstr(findings.at[0].text, "C:\\other\\portlistener.exe"));
}

/* A remedy without its --config would start the service with another configuration. */
static void test_finding_service__the_line_that_mends_keeps_what_it_had(void **state)
{
    (void)state;
    facts.is_quoted = false;
    facts.line = PROGRAM " service --config Z:\\a.ini";
    expect(FINDING_SERVICE_UNQUOTED, " binPath= \"\\\"" PROGRAM "\\\" service --config Z:\\a.ini\"");
    facts.line = PROGRAM " service --config \"Z:\\a b\\\\\"";
    expect(FINDING_SERVICE_UNQUOTED,
           " binPath= \"\\\"" PROGRAM "\\\" service --config \\\"Z:\\a b\\\\\\\\\\\"\"");
    facts.line = PROGRAM " service --config Z:\\";
    expect(FINDING_SERVICE_UNQUOTED, " service --config Z:\\\\\"");
    facts.is_quoted = true;
    facts.line = "\"" PROGRAM "\" --config C:\\service\\a.ini";
    expect(FINDING_SERVICE_NO_VERB, "\\\" service --config C:\\service\\a.ini\"");
    facts.line = "\"" PROGRAM "\" run --config C:\\a.ini";
    expect(FINDING_SERVICE_NO_VERB, "\\\" service --config C:\\a.ini\"");
}

static void test_finding_service__its_rights_are_judged(void **state)
{
    (void)state;
    facts.account = "localsystem";
    expect(FINDING_SERVICE_LOCAL_SYSTEM, "obj= \"NT SERVICE\\PortListener\"");
    facts.account = "NT AUTHORITY\\LocalService";
    facts.has_sid = false;
    expect(FINDING_SERVICE_NO_SID, "sc.exe sidtype \"PortListener\" unrestricted");
    facts.has_sid = true;
    facts.has_privileges = false;
    expect(FINDING_SERVICE_PRIVILEGES, "sc.exe privs \"PortListener\" SeChangeNotifyPrivilege");
}

static void test_finding_service__what_follows_a_crash_is_judged(void **state)
{
    (void)state;
    facts.restarts_after_crash = false;
    expect(FINDING_SERVICE_NO_RECOVERY, "actions= restart/1000");
    facts.restarts_after_crash = true;
    facts.restarts_after_errors = true;
    expect(FINDING_SERVICE_RECOVERY_ALWAYS, "sc.exe failureflag \"PortListener\" 0");
}

static void test_finding_service__its_start_is_judged(void **state)
{
    (void)state;
    facts.start = SERVICE_STARTS_DELAYED;
    expect(FINDING_SERVICE_DELAYED, "start= auto");
    facts.start = SERVICE_STARTS_BY_HAND;
    expect(FINDING_SERVICE_MANUAL, "start= auto");
    facts.start = SERVICE_NEVER_STARTS;
    expect(FINDING_SERVICE_DISABLED, "start= auto");
}

static void test_finding_service__a_short_shutdown_is_told(void **state)
{
    (void)state;
    facts.drain_timeout = 10001;
    expect(FINDING_SERVICE_PRESHUTDOWN, "/v PreshutdownTimeout /t REG_DWORD /d 15001 /f");
    assert_non_null(strstr(findings.at[0].text, "waits 15000 ms"));
}

static void test_finding_service__its_events_and_description_are_judged(void **state)
{
    (void)state;
    facts.has_event_source = false;
    expect(FINDING_SERVICE_NO_SOURCE,
           "\\Application\\PortListener\" /v EventMessageFile /t REG_EXPAND_SZ /d \"C:\\Program "
           "Files\\PortListener\\portlistener-events.dll\" /f");
    facts.has_event_source = true;
    facts.event_file = "C:\\nowhere\\portlistener-events.dll";
    expect(FINDING_SERVICE_SOURCE_FILE, "portlistener-events.dll");
    facts.event_file = NULL;
    facts.has_description = false;
    expect(FINDING_SERVICE_NO_DESCRIPTION, "sc.exe description \"PortListener\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_finding_service__a_hardened_one_has_none),
        test(test_finding_service__the_line_is_judged),
        test(test_finding_service__the_line_that_mends_keeps_what_it_had),
        test(test_finding_service__its_rights_are_judged),
        test(test_finding_service__what_follows_a_crash_is_judged),
        test(test_finding_service__its_start_is_judged),
        test(test_finding_service__a_short_shutdown_is_told),
        test(test_finding_service__its_events_and_description_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
