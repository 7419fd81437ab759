/* SPDX-License-Identifier: MIT
   Tests of control_pipe.c and pipe_access.c, over real pipes: clients that ask properly, and those that do not. What only
   Windows' access checks can show is asserted as the descriptor that they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "control_client.h"
#include "control_pipe.h"
#include "pipe_access.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

enum { PATIENCE = 20000, CROWD = 100, LARGE = 4000000 };

static struct {
    char service[64];
    struct control_pipe *pipe;
    HANDLE hold;           /* "wait" goes on when it is set */
    volatile LONG waiting; /* that many wait */
    volatile LONG answered;
} world;

/* ---- The service's side ---- */

static enum exit_code answer(void *context, const struct control_request *request,
                             struct control_answer *answer)
{
    static const char line[] = "0123456789abcdefghijklmnopqrstuvwxyz and so on, to the end of the line\n";
    assert_ptr_equal(context, &world);
    InterlockedIncrement(&world.answered);
    if (strcmp(request->words[0], "large") == 0) {
        for (size_t sent = 0; sent < LARGE && !control_answer_is_lost(answer); sent += sizeof line - 1) {
            control_answer_write(answer, CONTROL_OUT, line, sizeof line - 1);
        }
        return EXIT_CODE_DONE;
    }
    if (strcmp(request->words[0], "wait") == 0) {
        InterlockedIncrement(&world.waiting);
        WaitForSingleObject(world.hold, PATIENCE);
    }
    control_answer_format(answer, CONTROL_ERR, "error %zu\n", request->count);
    control_answer_format(answer, CONTROL_OUT, "process %lu, %s\n", control_answer_client(answer),
                          request->words[request->count - 1]);
    return EXIT_CODE_BIND;
}

static struct control_pipe_options options(void)
{
    return (struct control_pipe_options){.service = world.service, .answer = answer, .context = &world};
}

static void start(void)
{
    const struct control_pipe_options with = options();
    struct failure failure;
    world.pipe = control_pipe_start(&with, &failure);
    if (world.pipe == NULL) {
        fail_msg("%s", failure.text);
    }
}

static void stop(void)
{
    control_pipe_stop(world.pipe);
    world.pipe = NULL;
}

/* ---- Clients ---- */

struct answer {
    char streams[2][256];
    size_t bytes;
    enum exit_code code;
    struct failure failure;
};

static void take(void *context, const struct control_piece *piece)
{
    struct answer *answer = context;
    strncat(answer->streams[piece->stream], piece->at,
            piece->length < 200 - strlen(answer->streams[piece->stream]) % 200 ? piece->length : 0);
    answer->bytes += piece->length;
}

static bool ask(const char *verb, const char *word, struct answer *answer)
{
    const char *words[] = {verb, word};
    struct control_client client;
    char room[128];
    struct text request;
    *answer = (struct answer){.bytes = 0};
    text_init(&request, room, sizeof room);
    assert_true(control_request_add(&request, words, 2));
    if (!control_client_open(&client, world.service, NULL, &answer->failure)) {
        return false;
    }
    const bool is_answered =
        control_client_ask(&client, &request, take, answer, &answer->code, &answer->failure);
    control_client_close(&client);
    return is_answered;
}

static void expect_right(const struct answer *answer)
{
    char expected[64];
    snprintf(expected, sizeof expected, "process %lu, word\n", (unsigned long)GetCurrentProcessId());
    assert_string_equal(answer->streams[CONTROL_OUT], expected);
    assert_string_equal(answer->streams[CONTROL_ERR], "error 2\n");
    assert_int_equal(answer->code, EXIT_CODE_BIND);
}

static void expect_answer(void)
{
    struct answer answer;
    if (!ask("short", "word", &answer)) {
        fail_msg("%s", answer.failure.text);
    }
    expect_right(&answer);
}

/* What a fault began may end the next client, too. */
static void expect_answer_again(void)
{
    struct answer answer;
    for (int waited = 0; !ask("short", "word", &answer); waited += 10) {
        if (waited >= PATIENCE) {
            fail_msg("%s", answer.failure.text);
        }
        Sleep(10);
    }
    expect_right(&answer);
}

/* A client without manners: a synchronous handle. */
static HANDLE open_raw(void)
{
    WCHAR *name = pipe_access_name(world.service);
    HANDLE pipe = INVALID_HANDLE_VALUE;
    for (int waited = 0; waited < PATIENCE && pipe == INVALID_HANDLE_VALUE; waited += 10) {
        pipe = CreateFileW(name, PIPE_CLIENT_RIGHTS, 0, NULL, OPEN_EXISTING,
                           SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
        if (pipe == INVALID_HANDLE_VALUE) {
            Sleep(10);
        }
    }
    memory_free(name);
    assert_true(pipe != INVALID_HANDLE_VALUE);
    return pipe;
}

static void write_raw(HANDLE pipe, const char *at, size_t length)
{
    DWORD written = 0;
    if (!WriteFile(pipe, at, (DWORD)length, &written, NULL)) {
        print_error("write %lu: %lu\n", (unsigned long)length, (unsigned long)GetLastError());
    }
}

/* All that comes until the pipe ends. */
static size_t read_raw(HANDLE pipe, char *at, size_t room)
{
    size_t length = 0;
    DWORD bytes = 0;
    while (length + 1 < room && ReadFile(pipe, at + length, (DWORD)(room - 1 - length), &bytes, NULL) &&
           bytes > 0) {
        length += bytes;
        at[length] = '\0';
        if (strstr(at, "end ") != NULL) {
            break;
        }
    }
    return length;
}

static void wait_for(const volatile LONG *count, LONG value)
{
    for (int waited = 0; waited < PATIENCE && *count < value; waited += 10) {
        Sleep(10);
    }
    assert_true(*count >= value);
}

/* ---- Fixtures ---- */

static int setup(void **state)
{
    static unsigned count;
    const int result = support_setup(state);
    snprintf(world.service, sizeof world.service, "test %lu-%u", (unsigned long)GetCurrentProcessId(),
             ++count);
    world.hold = CreateEventW(NULL, TRUE, FALSE, NULL);
    world.waiting = world.answered = 0;
    return result;
}

static int teardown(void **state)
{
    fault_clear();
    SetEvent(world.hold);
    stop();
    CloseHandle(world.hold);
    return support_teardown(state);
}

/* ---- Tests ---- */

static void test_control_pipe__answers(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 3 * CONTROL_CLIENTS_MAX; i++) {
        expect_answer();
    }
}

static void test_control_pipe__sends_a_large_answer_in_parts(void **state)
{
    struct answer answer;
    (void)state;
    start();
    if (!ask("large", "x", &answer)) {
        fail_msg("%s", answer.failure.text);
    }
    assert_true(answer.bytes >= LARGE);
    assert_int_equal(answer.code, EXIT_CODE_DONE);
}

static DWORD WINAPI ask_once(void *argument)
{
    struct answer *answer = argument;
    return ask("short", "word", answer) && answer->code == EXIT_CODE_BIND;
}

/* Wine 8 loses handles of its service manager when a hundred threads ask it at once: error 6. */
static SC_HANDLE WINAPI open_manager(LPCWSTR machine, LPCWSTR database, DWORD access)
{
    static volatile LONG managers;
    (void)machine, (void)database, (void)access;
    return (SC_HANDLE)(uintptr_t)(0x10000 + 4 * (uintptr_t)InterlockedIncrement(&managers));
}

static BOOL WINAPI close_manager(SC_HANDLE manager)
{
    (void)manager;
    return TRUE;
}

static SC_HANDLE WINAPI open_no_service(SC_HANDLE manager, LPCWSTR name, DWORD access)
{
    (void)manager, (void)name, (void)access;
    SetLastError(ERROR_SERVICE_DOES_NOT_EXIST);
    return NULL;
}

static void test_control_pipe__serves_a_hundred_clients(void **state)
{
    static struct answer answers[CROWD];
    static HANDLE threads[CROWD];
    (void)state;
    seam_replace(IMPORT_OpenSCManagerW, (seam_function)(void (*)(void))open_manager);
    seam_replace(IMPORT_OpenServiceW, (seam_function)(void (*)(void))open_no_service);
    seam_replace(IMPORT_CloseServiceHandle, (seam_function)(void (*)(void))close_manager);
    start();
    for (int i = 0; i < CROWD; i++) {
        threads[i] = CreateThread(NULL, 0, ask_once, &answers[i], 0, NULL);
        assert_non_null(threads[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        DWORD is_answered = 0;
        assert_int_equal(WaitForSingleObject(threads[i], 6 * PATIENCE), WAIT_OBJECT_0);
        GetExitCodeThread(threads[i], &is_answered);
        CloseHandle(threads[i]);
        if (is_answered == 0) {
            fail_msg("client %d: %s", i, answers[i].failure.text);
        }
    }
    assert_int_equal(world.answered, CROWD);
}

/* Clients that hang leave room for others, as long as they are fewer than all places. */
static void test_control_pipe__goes_on_beside_clients_that_hang(void **state)
{
    HANDLE silent, half, deaf;
    (void)state;
    start();
    silent = open_raw();
    half = open_raw();
    write_raw(half, "portlistener/1 sho", 18);
    deaf = open_raw();
    write_raw(deaf, "portlistener/1 large x\n", 23);
    wait_for(&world.answered, 1);
    for (int i = 0; i < 10; i++) {
        expect_answer();
    }
    stop(); /* beside all of them */
    CloseHandle(silent);
    CloseHandle(half);
    CloseHandle(deaf);
}

/* Who holds all places loses them after a while. */
static void test_control_pipe__takes_the_place_of_silent_clients_away(void **state)
{
    HANDLE silent[CONTROL_CLIENTS_MAX];
    (void)state;
    start();
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        silent[i] = open_raw();
        write_raw(silent[i], "p", (size_t)(i % 2));
    }
    expect_answer(); /* within the ten seconds that it is patient: they have five */
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        char room[16];
        assert_int_equal(read_raw(silent[i], room, sizeof room), 0);
        CloseHandle(silent[i]);
    }
}

static void test_control_pipe__tells_what_is_wrong_with_a_request(void **state)
{
    static char large[3 * CONTROL_REQUEST_MAX];
    static const struct {
        const char *at;
        size_t length;
        const char *part;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18, "something follows"},
        {"\0\0\0\n", 4, "does not begin"},
        {"portlistener/9 status\n", 22, "another version"},
        {"portlistener/1 status\nmore\n", 27, "something follows"},
        {large, sizeof large, "4096 bytes"},
        {large, CONTROL_REQUEST_MAX, "4096 bytes"},
    };
    (void)state;
    memset(large, 'x', sizeof large);
    start();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[512] = "";
        HANDLE pipe = open_raw();
        write_raw(pipe, rows[i].at, rows[i].length);
        read_raw(pipe, room, sizeof room);
        CloseHandle(pipe);
        if (strstr(room, rows[i].part) == NULL || strstr(room, "end 1\n") == NULL ||
            strncmp(room, "err ", 4) != 0) {
            fail_msg("row %zu: %s", i, room);
        }
    }
    assert_int_equal(world.answered, 0);
    expect_answer();
}

static void test_control_pipe__outlives_clients_that_leave_at_any_time(void **state)
{
    static const char request[] = "portlistener/1 large x\n";
    (void)state;
    start();
    for (size_t length = 0; length < sizeof request; length++) {
        HANDLE pipe = open_raw();
        if (length > 0) {
            write_raw(pipe, request, length);
        }
        CloseHandle(pipe);
    }
    expect_answer();
}

static DWORD WINAPI ask_to_wait(void *argument)
{
    return ask("wait", "word", argument) ? 1 : 0;
}

/* What is being answered is waited for; the client is told that it will get no more. */
static void test_control_pipe__stops_while_it_answers(void **state)
{
    static struct answer answer;
    DWORD is_answered = 1;
    (void)state;
    start();
    HANDLE thread = CreateThread(NULL, 0, ask_to_wait, &answer, 0, NULL);
    assert_non_null(thread);
    wait_for(&world.waiting, 1);
    SetEvent(world.hold);
    stop();
    assert_int_equal(WaitForSingleObject(thread, PATIENCE), WAIT_OBJECT_0);
    GetExitCodeThread(thread, &is_answered);
    CloseHandle(thread);
    if (is_answered == 0) { /* it may have been done before */
        assert_int_equal(answer.failure.code, EXIT_CODE_NOT_RUNNING);
    }
    struct answer after;
    assert_false(ask("short", "word", &after));
    assert_int_equal(after.failure.code, EXIT_CODE_NOT_RUNNING);
    assert_non_null(strstr(after.failure.text, "nothing runs as test"));
}

static void test_control_pipe__there_is_one_of_a_name(void **state)
{
    const struct control_pipe_options with = options();
    struct failure failure;
    (void)state;
    start();
    assert_null(control_pipe_start(&with, &failure));
    assert_int_equal(failure.code, EXIT_CODE_FAILED);
    assert_non_null(strstr(failure.text, "another process has it"));
    expect_answer(); /* of the first */
    stop();
    start();
    expect_answer();
}

static void test_control_pipe__a_name_that_is_too_long_is_refused(void **state)
{
    static char name[300];
    struct control_pipe_options with = options();
    struct failure failure;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    with.service = name;
    assert_null(control_pipe_start(&with, &failure));
    assert_int_equal(failure.code, EXIT_CODE_FAILED);
}

/* ---- Failing calls ---- */

static void test_control_pipe__a_start_that_fails_leaves_nothing(void **state)
{
    static const enum import imports[] = {IMPORT_HeapAlloc,
                                          IMPORT_CreateEventW,
                                          IMPORT_CreateThread,
                                          IMPORT_CreateNamedPipeW,
                                          IMPORT_OpenProcessToken,
                                          IMPORT_GetTokenInformation,
                                          IMPORT_ConvertSidToStringSidW,
                                          IMPORT_ConvertStringSecurityDescriptorToSecurityDescriptorW,
                                          IMPORT_MultiByteToWideChar};
    struct control_pipe_options with = options();
    struct failure failure;
    (void)state;
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        fault_arm(imports[i], 1, ERROR_NOT_ENOUGH_MEMORY, FAULT_FOREVER);
        world.pipe = control_pipe_start(&with, &failure);
        fault_clear();
        if (world.pipe != NULL || strncmp(failure.text, "there is no control pipe", 24) != 0) {
            fail_msg("import %zu", i);
        }
    }
    with.is_service = true;
    fault_arm(IMPORT_LCMapStringEx, 1, ERROR_INVALID_PARAMETER, 1);
    assert_null(control_pipe_start(&with, &failure));
}

/* The second instance, and the second event, fails: it serves one at a time. */
static void test_control_pipe__makes_do_with_one_place(void **state)
{
    static const enum import imports[] = {IMPORT_CreateNamedPipeW, IMPORT_CreateEventW};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fault_arm(imports[i], i == 0 ? 2 : 3, ERROR_ACCESS_DENIED, FAULT_FOREVER);
        start();
        fault_clear();
        for (int k = 0; k < 5; k++) {
            expect_answer();
        }
        stop();
    }
}

static void test_control_pipe__recovers_when_calls_fail(void **state)
{
    static const enum import imports[] = {IMPORT_ConnectNamedPipe, IMPORT_CreateThread,
                                          IMPORT_GetOverlappedResult, IMPORT_ReadFile, IMPORT_WriteFile};
    (void)state;
    start();
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        struct answer answer;
        fault_arm(imports[i], 1, ERROR_NO_SYSTEM_RESOURCES, 2);
        (void)ask("short", "word", &answer);
        fault_clear();
        expect_answer_again();
    }
}

/* Without CancelIoEx a stop and a deadline end calls all the same. */
static void test_control_pipe__ends_calls_that_cannot_be_cancelled(void **state)
{
    (void)state;
    start();
    HANDLE silent = open_raw();
    HANDLE half = open_raw();
    write_raw(half, "portlistener/1 sho", 18);
    expect_answer();
    fault_arm(IMPORT_CancelIoEx, 1, ERROR_NO_SYSTEM_RESOURCES, FAULT_FOREVER);
    stop();
    CloseHandle(silent);
    CloseHandle(half);
}

/* ---- Who may use it ---- */

static struct {
    WCHAR *name;
    DWORD access, mode, most;
    unsigned first, calls;
    char sddl[512];
} created;

static HANDLE WINAPI note_create(LPCWSTR title, DWORD access, DWORD mode, DWORD most, DWORD out, DWORD in,
                                 DWORD patience, LPSECURITY_ATTRIBUTES security)
{
    WCHAR *words = NULL;
    created.access = access & ~(DWORD)FILE_FLAG_FIRST_PIPE_INSTANCE;
    created.first += (access & FILE_FLAG_FIRST_PIPE_INSTANCE) != 0;
    created.mode = mode;
    created.most = most;
    created.calls++;
    assert_false(security->bInheritHandle);
    assert_true(ConvertSecurityDescriptorToStringSecurityDescriptorW(
        security->lpSecurityDescriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &words, NULL));
    snprintf(created.sddl, sizeof created.sddl, "%ls", words);
    LocalFree(words);
    return SEAM_REAL(CreateNamedPipeW)(title, access, mode, most, out, in, patience, security);
}

static void test_control_pipe__is_for_administrators_and_itself(void **state)
{
    struct control_pipe_options with = options();
    struct failure failure;
    (void)state;
    seam_replace(IMPORT_CreateNamedPipeW, (seam_function)(void (*)(void))note_create);
    with.service = "PortListener";
    with.is_service = true;
    struct control_pipe *pipe = control_pipe_start(&with, &failure);
    if (pipe == NULL) {
        fail_msg("%s", failure.text);
    }
    control_pipe_stop(pipe);
    assert_int_equal(created.calls, CONTROL_CLIENTS_MAX);
    assert_int_equal(created.first, 1);
    assert_int_equal(created.most, CONTROL_CLIENTS_MAX);
    assert_int_equal(created.access, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED);
    assert_int_equal(created.mode, PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS);
    assert_string_equal(
        created.sddl, "D:P(A;;FA;;;SY)(A;;0x100083;;;BA)"
                      "(A;;FA;;;S-1-5-80-1664612073-2184305816-225790399-791967409-3192461866)(A;;RC;;;OW)");
    assert_int_equal(PIPE_CLIENT_RIGHTS & (FILE_CREATE_PIPE_INSTANCE | WRITE_DAC | WRITE_OWNER | DELETE), 0);
}

static void test_control_pipe__of_a_console_is_for_its_user(void **state)
{
    char room[512];
    struct text text;
    DWORD error = 0;
    (void)state;
    text_init(&text, room, sizeof room);
    assert_true(pipe_access_describe(&text, "console", false, &error));
    assert_non_null(strstr(room, "(A;;FA;;;S-1-5-21-"));
    assert_null(strstr(room, "S-1-5-80"));
}

/* As "sc showsid" prints it; the first is in every Windows. */
static void test_pipe_access__knows_the_sids_of_services(void **state)
{
    static const struct {
        const char *service;
        const char *sid;
    } rows[] = {
        {"TrustedInstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"},
        {"trustedinstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"},
        {"PortListener", "S-1-5-80-1664612073-2184305816-225790399-791967409-3192461866"},
        {"Gr\xC3\xB6\xC3\x9F"
         "e-\xC3\xA9",
         "S-1-5-80-578889368-1940058655-3980651994-4063917112-3187597630"},
    };
    static char long_name[600];
    char room[256];
    struct text text;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        text_init(&text, room, sizeof room);
        assert_true(pipe_access_sid(&text, rows[i].service));
        assert_string_equal(text.at, rows[i].sid);
    }
    memset(long_name, 'x', sizeof long_name - 1);
    assert_false(pipe_access_sid(&text, long_name));
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_control_pipe__answers),
        test(test_control_pipe__sends_a_large_answer_in_parts),
        test(test_control_pipe__serves_a_hundred_clients),
        test(test_control_pipe__goes_on_beside_clients_that_hang),
        test(test_control_pipe__takes_the_place_of_silent_clients_away),
        test(test_control_pipe__tells_what_is_wrong_with_a_request),
        test(test_control_pipe__outlives_clients_that_leave_at_any_time),
        test(test_control_pipe__stops_while_it_answers),
        test(test_control_pipe__there_is_one_of_a_name),
        test(test_control_pipe__a_name_that_is_too_long_is_refused),
        test(test_control_pipe__a_start_that_fails_leaves_nothing),
        test(test_control_pipe__makes_do_with_one_place),
        test(test_control_pipe__recovers_when_calls_fail),
        test(test_control_pipe__ends_calls_that_cannot_be_cancelled),
        test(test_control_pipe__is_for_administrators_and_itself),
        test(test_control_pipe__of_a_console_is_for_its_user),
        test(test_pipe_access__knows_the_sids_of_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
