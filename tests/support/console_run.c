/* SPDX-License-Identifier: MIT
   The program on a console, see console_run.h. */
#include "support/console_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/client.h"
#include "support/program.h"

enum { CONSOLE_RUN_POLL = 20, CONSOLE_RUN_KILLED = 97 };

void console_run_open(void)
{
    FreeConsole();
    assert_true(AllocConsole());
}

void console_run_close(void)
{
    FreeConsole();
}

HANDLE console_run_start(const WCHAR *folder, const WCHAR *ini)
{
    WCHAR path[PROGRAM_PATH_MAX], line[4 * PROGRAM_PATH_MAX];
    PROCESS_INFORMATION process;
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\console.out", folder);
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" run --config \"%ls\"", program_path(), ini);
    HANDLE out = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, &inherited, CREATE_ALWAYS, 0, NULL);
    assert_ptr_not_equal(out, INVALID_HANDLE_VALUE);
    STARTUPINFOW start = {
        .cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES, .hStdOutput = out, .hStdError = out};
    SetConsoleCtrlHandler(NULL, FALSE); /* a child inherits whether Ctrl+C is ignored */
    const BOOL is_created =
        CreateProcessW(program_path(), line, NULL, NULL, TRUE, 0, NULL, folder, &start, &process);
    SetConsoleCtrlHandler(NULL, TRUE);
    CloseHandle(out);
    assert_true(is_created);
    CloseHandle(process.hThread);
    return process.hProcess;
}

bool console_run_is_up(HANDLE process, uint16_t port, DWORD patience)
{
    const struct pl_address to = client_address("127.0.0.1", port);
    const ULONGLONG deadline = GetTickCount64() + patience;
    while (GetTickCount64() < deadline) {
        struct client *client = NULL;
        if (client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client) == CLIENT_OK) {
            client_close(client);
            return true;
        }
        if (WaitForSingleObject(process, CONSOLE_RUN_POLL) == WAIT_OBJECT_0) {
            return false;
        }
    }
    return false;
}

void console_run_ask_to_stop(void)
{
    assert_true(GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0));
}

bool console_run_end(HANDLE process, DWORD patience, DWORD *code_out)
{
    const bool has_ended = WaitForSingleObject(process, patience) == WAIT_OBJECT_0;
    if (!has_ended) {
        TerminateProcess(process, CONSOLE_RUN_KILLED);
        assert_int_equal(WaitForSingleObject(process, PROGRAM_PATIENCE), WAIT_OBJECT_0);
    }
    assert_true(GetExitCodeProcess(process, code_out));
    CloseHandle(process);
    return has_ended;
}
