/* SPDX-License-Identifier: MIT
   The processes that have sockets: their names everybody may read, their paths not; see machine_reader.h. */
#include "base/memory.h"
#include "base/system_library.h"
#include "base/utf16.h"
#include "diagnosis/machine_reader.h"

enum { PROCESS_PATH_MAX = 32768 };

/* The list of all processes. Looked up: not every header says that these are imported, and tests must have them. */
struct process_list {
    HMODULE library;
    HANDLE(WINAPI *snapshot)(DWORD flags, DWORD pid);
    BOOL(WINAPI *first)(HANDLE snapshot, LPPROCESSENTRY32W entry);
    BOOL(WINAPI *next)(HANDLE snapshot, LPPROCESSENTRY32W entry);
};

static bool process_list__load(struct process_list *list)
{
    const struct system_function functions[] = {{"CreateToolhelp32Snapshot", &list->snapshot},
                                                {"Process32FirstW", &list->first},
                                                {"Process32NextW", &list->next}};
    list->library = system_library_load(L"kernel32.dll", functions, sizeof functions / sizeof functions[0]);
    return list->library != NULL;
}

static bool process_reader__has_sockets(const struct machine *machine, uint32_t pid)
{
    for (size_t i = 0; i < machine->ports.count; i++) {
        if (machine_port_at(machine, i)->pid == pid) {
            return true;
        }
    }
    return pid == machine->own_pid;
}

/* Whether it began after the sockets were read. */
static bool process_reader__is_newer(HANDLE process, uint64_t seen)
{
    FILETIME created, ended, kernel, user;
    return GetProcessTimes(process, &created, &ended, &kernel, &user) &&
           ((uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime) > seen;
}

/* In UTF-8; NULL: not for this account to see. */
static char *process_reader__path(HANDLE process, WCHAR *room)
{
    DWORD length = PROCESS_PATH_MAX;
    return QueryFullProcessImageNameW(process, 0, room, &length) ? utf16_to_utf8(room) : NULL;
}

static bool process_reader__add(struct machine *machine, uint32_t pid, const WCHAR *file, uint64_t seen,
                                WCHAR *room)
{
    char *path = NULL;
    bool is_newer = false;
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (process != NULL) {
        is_newer = pid != machine->own_pid && process_reader__is_newer(process, seen);
        path = is_newer ? NULL : process_reader__path(process, room);
        CloseHandle(process);
    }
    char *name = is_newer ? NULL : utf16_to_utf8(file);
    const bool is_done = is_newer || (name != NULL && machine_add_process(machine, pid, name, path));
    memory_free(name);
    memory_free(path);
    return is_done;
}

static bool process_reader__walk(struct machine *machine, const struct process_list *list, HANDLE snapshot,
                                 uint64_t seen, WCHAR *room)
{
    PROCESSENTRY32W entry = {.dwSize = sizeof entry};
    bool is_done = true;
    BOOL has_more = list->first(snapshot, &entry);
    while (is_done && has_more) {
        if (process_reader__has_sockets(machine, entry.th32ProcessID)) {
            is_done = process_reader__add(machine, entry.th32ProcessID, entry.szExeFile, seen, room);
        }
        entry.dwSize = sizeof entry;
        has_more = list->next(snapshot, &entry);
    }
    return is_done;
}

bool process_reader_read(struct machine *machine, uint64_t seen)
{
    struct process_list list;
    WCHAR *room = memory_alloc(PROCESS_PATH_MAX * sizeof *room);
    if (room == NULL || !process_list__load(&list)) {
        memory_free(room);
        return false;
    }
    HANDLE snapshot = list.snapshot(TH32CS_SNAPPROCESS, 0);
    const bool is_there = snapshot != INVALID_HANDLE_VALUE;
    const bool is_done = is_there && process_reader__walk(machine, &list, snapshot, seen, room);
    if (is_there) {
        CloseHandle(snapshot);
    }
    FreeLibrary(list.library);
    memory_free(room);
    return is_done;
}
