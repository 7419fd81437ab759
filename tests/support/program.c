/* SPDX-License-Identifier: MIT
   The built program from outside, see program.h. Output goes to files: a pipe would have to be read at the
   same time. */
#include "support/program.h"

#include <stdio.h>
#include <string.h>

#include "support/support.h"

#define PROGRAM_FILE L"portlistener.exe"

enum { PROGRAM_PROCESSES = 4096, PROGRAM_POLL = 20 };

/* psapi.h */
__declspec(dllimport) BOOL WINAPI K32EnumProcesses(DWORD *ids_out, DWORD size, DWORD *needed_out);

static void program__must(bool is_done, const char *what)
{
    if (!is_done) {
        fprintf(stderr, "program: %s failed: error %lu\n", what, (unsigned long)GetLastError());
        ExitProcess(98);
    }
}

const WCHAR *program_path(void)
{
    static WCHAR path[PROGRAM_PATH_MAX];
    if (path[0] == L'\0') {
        const DWORD length = GetModuleFileNameW(NULL, path, PROGRAM_PATH_MAX - 32);
        program__must(length > 0 && length < PROGRAM_PATH_MAX - 32, "GetModuleFileNameW");
        wcscpy(wcsrchr(path, L'\\') + 1, PROGRAM_FILE);
    }
    return path;
}

/* ---- Around each test ---- */

static bool program__is_process(DWORD id)
{
    WCHAR path[PROGRAM_PATH_MAX];
    DWORD length = PROGRAM_PATH_MAX;
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, id);
    if (process == NULL) {
        return false; /* it is gone, or another user's */
    }
    const WCHAR *name = QueryFullProcessImageNameW(process, 0, path, &length) ? wcsrchr(path, L'\\') : NULL;
    const bool is_program = name != NULL && _wcsicmp(name + 1, PROGRAM_FILE) == 0;
    CloseHandle(process);
    return is_program;
}

static unsigned program__count_processes(void)
{
    static DWORD ids[PROGRAM_PROCESSES];
    DWORD size = 0;
    unsigned count = 0;
    program__must(K32EnumProcesses(ids, sizeof ids, &size), "K32EnumProcesses");
    for (DWORD i = 0; i < size / sizeof ids[0]; i++) {
        count += program__is_process(ids[i]) ? 1U : 0U;
    }
    return count;
}

static unsigned processes_before;

int program_setup(void **state)
{
    processes_before = program__count_processes();
    return support_setup(state);
}

int program_teardown(void **state)
{
    unsigned count = program__count_processes();
    for (int waited = 0; waited < PROGRAM_PATIENCE && count > processes_before; waited += PROGRAM_POLL) {
        Sleep(PROGRAM_POLL);
        count = program__count_processes();
    }
    const int result = support_teardown(state);
    if (count > processes_before) {
        fprintf(stderr, "program: %u processes have not ended\n", count - processes_before);
        return -1;
    }
    return result;
}

/* ---- Files ---- */

void program_folder(WCHAR folder_out[PROGRAM_PATH_MAX])
{
    static volatile LONG count;
    const DWORD length = GetTempPathW(PROGRAM_PATH_MAX - 64, folder_out);
    program__must(length > 0 && length < PROGRAM_PATH_MAX - 64, "GetTempPathW");
    swprintf(folder_out + length, 64, L"pl-test-%lu-%ld", (unsigned long)GetCurrentProcessId(),
             (long)InterlockedIncrement(&count));
    program_remove(folder_out); /* of an older process with our number */
    program__must(CreateDirectoryW(folder_out, NULL), "CreateDirectoryW");
}

void program_remove(const WCHAR *folder)
{
    WCHAR path[PROGRAM_PATH_MAX];
    WIN32_FIND_DATAW found;
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\*", folder);
    HANDLE search = FindFirstFileW(path, &found);
    if (search == INVALID_HANDLE_VALUE) {
        return;
    }
    do {
        swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", folder, found.cFileName);
        if (wcscmp(found.cFileName, L".") == 0 || wcscmp(found.cFileName, L"..") == 0) {
            continue;
        }
        if ((found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
            program_remove(path);
        } else {
            DeleteFileW(path);
        }
    } while (FindNextFileW(search, &found));
    FindClose(search);
    RemoveDirectoryW(folder);
}

void program_write(const WCHAR *folder, const WCHAR *name, const char *contents,
                   WCHAR path_out[PROGRAM_PATH_MAX])
{
    DWORD written = 0;
    swprintf(path_out, PROGRAM_PATH_MAX, L"%ls\\%ls", folder, name);
    HANDLE file = CreateFileW(path_out, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    program__must(file != INVALID_HANDLE_VALUE, "CreateFileW");
    program__must(WriteFile(file, contents, (DWORD)strlen(contents), &written, NULL), "WriteFile");
    CloseHandle(file);
}

bool program_read(const WCHAR *path, char *at, size_t room)
{
    DWORD length = 0;
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                              NULL, OPEN_EXISTING, 0, NULL);
    at[0] = '\0';
    if (file == INVALID_HANDLE_VALUE) {
        return false;
    }
    program__must(ReadFile(file, at, (DWORD)room - 1, &length, NULL), "ReadFile");
    at[length] = '\0';
    CloseHandle(file);
    return true;
}

/* ---- Running it ---- */

static bool program__bind(SOCKET socket, uint16_t *port)
{
    SOCKADDR_IN address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    int length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(socket, (const SOCKADDR *)&address, length) != 0 ||
        getsockname(socket, (SOCKADDR *)&address, &length) != 0) {
        return false;
    }
    *port = ntohs(address.sin_port);
    return true;
}

unsigned program_read_all(const WCHAR *folder, const WCHAR *pattern, char *at, size_t room)
{
    WCHAR path[PROGRAM_PATH_MAX];
    WIN32_FIND_DATAW found;
    unsigned count = 0;
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", folder, pattern);
    HANDLE search = FindFirstFileW(path, &found);
    for (BOOL more = search != INVALID_HANDLE_VALUE; more; more = FindNextFileW(search, &found)) {
        count++;
        swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", folder, found.cFileName);
        program__must(program_read(path, at, room), "reading a file that was found");
    }
    if (search != INVALID_HANDLE_VALUE) {
        FindClose(search);
    }
    return count;
}

uint16_t program_free_port(void)
{
    WSADATA data;
    uint16_t port = 0;
    bool is_free = false;
    program__must(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
    for (int tries = 0; tries < 50 && !is_free; tries++) {
        const SOCKET tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
        port = 0;
        is_free = program__bind(tcp, &port) && program__bind(udp, &port);
        closesocket(tcp);
        closesocket(udp);
    }
    WSACleanup();
    program__must(is_free, "finding a free port");
    return port;
}

static HANDLE program__open_output(const WCHAR *folder, const WCHAR *name, WCHAR path_out[PROGRAM_PATH_MAX])
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    program_write(folder, name, "", path_out);
    HANDLE file = CreateFileW(path_out, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                              &inherit, OPEN_EXISTING, 0, NULL);
    program__must(file != INVALID_HANDLE_VALUE, "CreateFileW");
    return file;
}

static void program__wait(HANDLE process, struct program_result *result_out)
{
    result_out->has_ended = WaitForSingleObject(process, PROGRAM_PATIENCE) == WAIT_OBJECT_0;
    if (!result_out->has_ended) {
        TerminateProcess(process, 97);
        WaitForSingleObject(process, PROGRAM_PATIENCE);
    }
    GetExitCodeProcess(process, &result_out->code);
}

void program_run(const WCHAR *program, const WCHAR *arguments, struct program_result *result_out)
{
    WCHAR folder[PROGRAM_PATH_MAX], out[PROGRAM_PATH_MAX], err[PROGRAM_PATH_MAX], line[4 * PROGRAM_PATH_MAX];
    PROCESS_INFORMATION process = {0};
    memset(result_out, 0, sizeof *result_out);
    program = program != NULL ? program : program_path();
    program_folder(folder);
    STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    start.hStdOutput = program__open_output(folder, L"out", out);
    start.hStdError = program__open_output(folder, L"err", err);
    start.hStdInput = NULL;
    swprintf(line, sizeof line / sizeof line[0], L"\"%ls\" %ls", program, arguments);
    program__must(CreateProcessW(program, line, NULL, NULL, TRUE, 0, NULL, folder, &start, &process),
                  "CreateProcessW");
    CloseHandle(process.hThread);
    program__wait(process.hProcess, result_out);
    CloseHandle(process.hProcess);
    CloseHandle(start.hStdOutput);
    CloseHandle(start.hStdError);
    program_read(out, result_out->out, sizeof result_out->out);
    program_read(err, result_out->err, sizeof result_out->err);
    program_remove(folder);
}
