/* SPDX-License-Identifier: MIT
   Pauses a service or lets it go on, which Wine's net and sc cannot: pause NAME on|off. */
#include <stdio.h>
#include <string.h>

#include "base/win.h"

enum { PATIENCE = 200, NAP = 50 /* milliseconds */ };

static DWORD state_of(SC_HANDLE service)
{
    SERVICE_STATUS status = {0};
    return QueryServiceStatus(service, &status) ? status.dwCurrentState : 0;
}

int main(int argc, char **argv)
{
    const SC_HANDLE manager = OpenSCManagerA(NULL, NULL, SC_MANAGER_CONNECT);
    SERVICE_STATUS status = {0};
    if (argc != 3 || manager == NULL) {
        return 2;
    }
    const BOOL is_pause = strcmp(argv[2], "on") == 0;
    const DWORD wanted = is_pause ? SERVICE_PAUSED : SERVICE_RUNNING;
    const SC_HANDLE service = OpenServiceA(manager, argv[1], SERVICE_PAUSE_CONTINUE | SERVICE_QUERY_STATUS);
    if (service == NULL ||
        !ControlService(service, is_pause ? SERVICE_CONTROL_PAUSE : SERVICE_CONTROL_CONTINUE, &status)) {
        printf("error %lu\n", GetLastError());
        return 1;
    }
    for (int i = 0; i < PATIENCE && state_of(service) != wanted; i++) {
        Sleep(NAP);
    }
    return state_of(service) == wanted ? 0 : 1;
}
