/* SPDX-License-Identifier: MIT
   The services that run, and in which process; see machine_reader.h. The service manager leaves out those whose state this
   account may not ask for. */
#include "base/memory.h"
#include "base/utf16.h"
#include "diagnosis/machine_reader.h"

enum { SERVICE_READER_ROOM = 65536, SERVICE_READER_ROUNDS = 256 };

static bool service_reader__add(struct machine *machine, const ENUM_SERVICE_STATUS_PROCESSW *services,
                                DWORD count)
{
    for (DWORD i = 0; i < count; i++) {
        char *name = utf16_to_utf8(services[i].lpServiceName);
        const bool is_added =
            name != NULL && machine_add_service(machine, services[i].ServiceStatusProcess.dwProcessId, name);
        memory_free(name);
        if (!is_added) {
            return false;
        }
    }
    return true;
}

/* In parts, as much as there is room for in each. */
static bool service_reader__walk(struct machine *machine, SC_HANDLE manager, BYTE *room)
{
    DWORD needed = 0, count = 0, resume = 0;
    for (int round = 0; round < SERVICE_READER_ROUNDS; round++) {
        const BOOL is_last =
            EnumServicesStatusExW(manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_ACTIVE, room,
                                  SERVICE_READER_ROOM, &needed, &count, &resume, NULL);
        if (!is_last && GetLastError() != ERROR_MORE_DATA) {
            return false;
        }
        if (!service_reader__add(machine, (const ENUM_SERVICE_STATUS_PROCESSW *)(void *)room, count)) {
            return false;
        }
        if (is_last || count == 0) {
            return is_last != FALSE;
        }
    }
    return false;
}

bool service_reader_read(struct machine *machine)
{
    BYTE *room = memory_alloc(SERVICE_READER_ROOM);
    SC_HANDLE manager =
        room != NULL ? OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE) : NULL;
    bool is_done = false;
    if (manager != NULL) {
        is_done = service_reader__walk(machine, manager, room);
        CloseServiceHandle(manager);
    }
    memory_free(room);
    return is_done;
}
