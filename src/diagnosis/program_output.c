/* SPDX-License-Identifier: MIT
   A child and the pipe that it prints to, see program_output.h. Of all handles only that one end of the pipe is inherited,
   and only by this child. */
#include "diagnosis/program_output.h"

#include <wchar.h>

#include "base/memory.h"

enum { OUTPUT_MAX = 262144, OUTPUT_POLL = 10, OUTPUT_GRACE = 2000 };

/* UTF-16 units, the NUL included. */
enum { OUTPUT_PATH_MAX = 600, OUTPUT_LINE_MAX = 8192 };

struct child {
    HANDLE process;
    HANDLE pipe; /* our end */
};

/* "C:\Windows\System32\netsh.exe", and the whole line with the path in quotation marks. */
static bool child__name(const WCHAR *file, const WCHAR *arguments, WCHAR path[OUTPUT_PATH_MAX],
                        WCHAR line[OUTPUT_LINE_MAX])
{
    const UINT length = GetSystemDirectoryW(path, OUTPUT_PATH_MAX);
    if (length == 0 || length + wcslen(file) + 2 > OUTPUT_PATH_MAX ||
        length + wcslen(file) + wcslen(arguments) + 8 > OUTPUT_LINE_MAX) {
        return false;
    }
    path[length] = L'\\';
    wcscpy(path + length + 1, file);
    line[0] = L'"';
    wcscpy(line + 1, path);
    wcscat(line, L"\" ");
    wcscat(line, arguments);
    return true;
}

static bool child__start(struct child *child, const WCHAR *path, WCHAR *line, HANDLE end,
                         LPPROC_THREAD_ATTRIBUTE_LIST list)
{
    STARTUPINFOEXW start = {.StartupInfo = {.cb = sizeof start,
                                            .dwFlags = STARTF_USESTDHANDLES,
                                            .hStdOutput = end,
                                            .hStdError = end},
                            .lpAttributeList = list};
    PROCESS_INFORMATION information;
    if (!UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &end, sizeof end, NULL,
                                   NULL) ||
        !CreateProcessW(path, line, NULL, NULL, TRUE, EXTENDED_STARTUPINFO_PRESENT | CREATE_NO_WINDOW, NULL,
                        NULL, &start.StartupInfo, &information)) {
        return false;
    }
    CloseHandle(information.hThread);
    child->process = information.hProcess;
    return true;
}

/* With a list of the handles that it inherits. */
static bool child__start_with_list(struct child *child, const WCHAR *path, WCHAR *line, HANDLE end)
{
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 1, 0, &size); /* asks for the size, and fails */
    LPPROC_THREAD_ATTRIBUTE_LIST list = memory_alloc(size > 0 ? size : 1);
    bool is_started = false;
    if (list != NULL && InitializeProcThreadAttributeList(list, 1, 0, &size)) {
        is_started = child__start(child, path, line, end, list);
        DeleteProcThreadAttributeList(list);
    }
    memory_free(list);
    return is_started;
}

static bool child__open(struct child *child, const WCHAR *path, WCHAR *line)
{
    HANDLE end = NULL;
    if (!CreatePipe(&child->pipe, &end, NULL, 0)) {
        return false;
    }
    /* our end can at no moment be inherited, not by a child that another thread starts either */
    const bool is_started = SetHandleInformation(end, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) &&
                            child__start_with_list(child, path, line, end);
    CloseHandle(end); /* so that the pipe ends with the child */
    if (!is_started) {
        CloseHandle(child->pipe);
    }
    return is_started;
}

/* What is in the pipe now; false: nothing more will come, or too much has. */
static bool child__drain(const struct child *child, struct text *text)
{
    char room[4096];
    DWORD waiting = 0, taken = 0;
    while (PeekNamedPipe(child->pipe, NULL, 0, NULL, &waiting, NULL)) {
        if (waiting == 0) {
            return true;
        }
        if (!ReadFile(child->pipe, room, sizeof room, &taken, NULL) || text->length + taken > OUTPUT_MAX) {
            return false;
        }
        text_add(text, room, taken);
    }
    return false;
}

/* Until it has ended and its pipe is empty, time is up, or `stop` is set. */
static bool child__follow(const struct child *child, uint64_t deadline, HANDLE stop, struct text *text)
{
    HANDLE events[2] = {child->process, stop};
    const DWORD count = stop != NULL ? 2 : 1;
    DWORD code = 1;
    while (GetTickCount64() < deadline) {
        const DWORD event = WaitForMultipleObjects(count, events, FALSE, OUTPUT_POLL);
        child__drain(child, text);
        if (event == WAIT_OBJECT_0) {
            return GetExitCodeProcess(child->process, &code) && code == 0 && !text->is_cut;
        }
        if (event == WAIT_OBJECT_0 + 1) {
            return false;
        }
    }
    return false;
}

bool program_output_read(const WCHAR *file, const WCHAR *arguments, uint64_t deadline, HANDLE stop,
                         struct text *text)
{
    WCHAR path[OUTPUT_PATH_MAX], line[OUTPUT_LINE_MAX];
    struct child child;
    if (!child__name(file, arguments, path, line) || !child__open(&child, path, line)) {
        return false;
    }
    const bool is_done = child__follow(&child, deadline, stop, text);
    if (!is_done) {
        TerminateProcess(child.process, 1);
        WaitForSingleObject(child.process, OUTPUT_GRACE);
    }
    CloseHandle(child.process);
    CloseHandle(child.pipe);
    return is_done;
}
