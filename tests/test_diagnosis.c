/* SPDX-License-Identifier: MIT
   Tests of diagnosis/diagnosis.h, with a table of sockets that is made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/diagnosis.h"
#include "support/clock.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

#define PORT(number) ((DWORD)((number) >> 8 | ((number)&0xFF) << 8))

enum { PATIENCE = 60000 };

static volatile LONG holder; /* the process that has port 80; 0: nobody */
static volatile LONG looked, asked_netsh;

/* The signature is GetExtendedTcpTable's. NOLINTNEXTLINE(readability-non-const-parameter) */
static DWORD WINAPI tcp_table(PVOID table, PDWORD size, BOOL order, ULONG family, TCP_TABLE_CLASS kind,
                              ULONG reserved)
{
    MIB_TCPTABLE_OWNER_PID *rows = table;
    (void)order, (void)kind, (void)reserved;
    memset(table, 0, *size);
    if (family == AF_INET) {
        InterlockedIncrement(&looked);
        rows->dwNumEntries = holder != 0;
        rows->table[0] = (MIB_TCPROW_OWNER_PID){
            .dwState = MIB_TCP_STATE_LISTEN, .dwLocalPort = PORT(80), .dwOwningPid = (DWORD)holder};
    }
    return NO_ERROR;
}

static FARPROC WINAPI find_function(HMODULE library, LPCSTR name)
{
    return strcmp(name, "GetExtendedTcpTable") == 0 ? (FARPROC)(void (*)(void))tcp_table
                                                    : SEAM_REAL(GetProcAddress)(library, name);
}

/* The signature is CreateProcessW's. NOLINTNEXTLINE(readability-non-const-parameter) */
static BOOL WINAPI no_netsh(LPCWSTR program, LPWSTR line, LPSECURITY_ATTRIBUTES security,
                            LPSECURITY_ATTRIBUTES thread_security, BOOL inherits, DWORD flags,
                            LPVOID environment, LPCWSTR folder, LPSTARTUPINFOW start,
                            LPPROCESS_INFORMATION process)
{
    (void)program, (void)line, (void)security, (void)thread_security, (void)inherits, (void)flags;
    (void)environment, (void)folder, (void)start, (void)process;
    InterlockedIncrement(&asked_netsh);
    SetLastError(ERROR_FILE_NOT_FOUND);
    return FALSE;
}

static int setup(void **state)
{
    const int result = support_setup(state);
    holder = looked = asked_netsh = 0;
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_function);
    seam_replace(IMPORT_CreateProcessW, (seam_function)no_netsh);
    return result;
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, support_teardown)

static struct bind_question question_of(uint32_t error)
{
    struct bind_question question = {.protocol = CONFIG_TCP, .error = error};
    assert_true(address_parse("0.0.0.0", 7, &question.address));
    question.address.port = 80;
    return question;
}

/* Asks until there is an answer. */
static const char *explain(struct diagnosis *diagnosis, uint32_t error, uint64_t since, uint64_t *cause_out)
{
    static char room[1024];
    struct text text;
    const struct bind_question question = question_of(error);
    const ULONGLONG end = SEAM_REAL(GetTickCount64)() + PATIENCE;
    for (;;) {
        text_init(&text, room, sizeof room);
        if (diagnosis_explain(diagnosis, &question, since, &text, cause_out)) {
            return room;
        }
        assert_int_equal(text.length, 0);
        assert_true(SEAM_REAL(GetTickCount64)() < end);
        Sleep(10);
    }
}

static void test_diagnosis__looks_when_it_is_asked(void **state)
{
    (void)state;
    uint64_t cause = 0, later = 0;
    struct diagnosis *diagnosis = diagnosis_create();
    assert_non_null(diagnosis);
    const struct bind_question question = question_of(BIND_IN_USE);
    holder = 4;
    assert_false(diagnosis_explain(diagnosis, &question, GetTickCount64(), NULL, &cause));
    assert_non_null(
        strstr(explain(diagnosis, BIND_IN_USE, GetTickCount64(), &cause), "held by the kernel (process 4)"));
    assert_int_equal(looked, 1);
    assert_true(diagnosis_explain(diagnosis, &question, 0, NULL, &later)); /* it is still known */
    assert_true(later == cause);
    assert_int_equal(looked, 1);
    diagnosis_destroy(diagnosis);
}

/* What was seen before the bind failed says nothing of it. */
static void test_diagnosis__looks_again_for_a_later_failure(void **state)
{
    (void)state;
    uint64_t cause = 0, other = 0;
    struct diagnosis *diagnosis = diagnosis_create();
    holder = 4;
    explain(diagnosis, BIND_IN_USE, GetTickCount64(), &cause);
    holder = 0;
    clock_advance(5000);
    assert_non_null(
        strstr(explain(diagnosis, BIND_IN_USE, GetTickCount64(), &other), "held by a bound socket"));
    assert_true(other != cause);
    assert_int_equal(looked, 2);
    diagnosis_destroy(diagnosis);
}

static void test_diagnosis__asks_netsh_once_a_minute(void **state)
{
    (void)state;
    uint64_t cause = 0;
    struct diagnosis *diagnosis = diagnosis_create();
    holder = 4;
    explain(diagnosis, BIND_IN_USE, GetTickCount64(), &cause);
    assert_int_equal(asked_netsh, 0); /* this error needs none */
    explain(diagnosis, BIND_ACCESS, GetTickCount64(), &cause);
    assert_int_equal(asked_netsh, 1);
    clock_advance(20000);
    explain(diagnosis, BIND_ACCESS, GetTickCount64(), &cause);
    explain(diagnosis, BIND_IN_USE, GetTickCount64(), &cause);
    assert_int_equal(asked_netsh, 1);
    clock_advance(60000);
    explain(diagnosis, BIND_ACCESS, GetTickCount64(), &cause);
    assert_int_equal(asked_netsh, 2);
    diagnosis_destroy(diagnosis);
}

static void test_diagnosis__needs_no_look_for_some_errors(void **state)
{
    (void)state;
    uint64_t cause = 0;
    struct diagnosis *diagnosis = diagnosis_create();
    const struct bind_question question = question_of(BIND_NO_FAMILY);
    assert_true(diagnosis_explain(diagnosis, &question, GetTickCount64(), NULL, &cause));
    assert_int_equal(fault_calls(IMPORT_CreateThread), 0);
    diagnosis_destroy(diagnosis);
    diagnosis_destroy(NULL);
}

static void test_diagnosis__tries_again_to_start_its_thread(void **state)
{
    (void)state;
    uint64_t cause = 0;
    struct diagnosis *diagnosis = diagnosis_create();
    fault_arm(IMPORT_CreateThread, 1, ERROR_NOT_ENOUGH_MEMORY, 2);
    holder = 4;
    assert_non_null(strstr(explain(diagnosis, BIND_IN_USE, GetTickCount64(), &cause), "the kernel"));
    assert_int_equal(fault_hits(), 2);
    diagnosis_destroy(diagnosis);
}

static void test_diagnosis__is_all_or_nothing(void **state)
{
    (void)state;
    fault_arm(IMPORT_HeapAlloc, 1, 0, 1);
    assert_null(diagnosis_create());
    for (uint32_t nth = 1; nth <= 2; nth++) {
        fault_arm(IMPORT_CreateEventW, nth, ERROR_NOT_ENOUGH_MEMORY, 1);
        assert_null(diagnosis_create());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_diagnosis__looks_when_it_is_asked),
        test(test_diagnosis__looks_again_for_a_later_failure),
        test(test_diagnosis__asks_netsh_once_a_minute),
        test(test_diagnosis__needs_no_look_for_some_errors),
        test(test_diagnosis__tries_again_to_start_its_thread),
        test(test_diagnosis__is_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
