/* SPDX-License-Identifier: MIT
   Stopping and starting a service, see service_state.h. */
#include "service_state.h"

#include "base/text.h"
#include "system_failure.h"

static bool service_state__query(SC_HANDLE service, SERVICE_STATUS_PROCESS *status,
                                 struct failure *failure_out)
{
    DWORD needed = 0;
    if (QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)status, sizeof *status, &needed)) {
        return true;
    }
    return system_failure(failure_out, GetLastError(), "the service manager does not tell whether it runs: ");
}

/* Until the service is in this state, or is in it no more (`is_leaving`); `late`: what to say when that takes too long. */
static bool service_state__wait(SC_HANDLE service, DWORD state, bool is_leaving, const char *late,
                                SERVICE_STATUS_PROCESS *status, struct failure *failure_out)
{
    const ULONGLONG deadline = GetTickCount64() + SERVICE_STATE_PATIENCE;
    while (service_state__query(service, status, failure_out)) {
        if ((status->dwCurrentState == state) != is_leaving) {
            return true;
        }
        if (GetTickCount64() >= deadline) {
            return system_failure(failure_out, ERROR_SERVICE_REQUEST_TIMEOUT, late);
        }
        Sleep(SERVICE_STATE_POLL);
    }
    return false;
}

static bool service_state__wait_for_start(SC_HANDLE service, SERVICE_STATUS_PROCESS *status,
                                          struct failure *failure_out)
{
    return service_state__wait(service, SERVICE_START_PENDING, true,
                               "after 150 s it still has not started: ", status, failure_out);
}

static bool service_state__wait_for_stop(SC_HANDLE service, SERVICE_STATUS_PROCESS *status,
                                         struct failure *failure_out)
{
    return service_state__wait(service, SERVICE_STOPPED, false,
                               "after 150 s it still has not stopped: ", status, failure_out);
}

bool service_state_stop(SC_HANDLE service, bool *ran_out, struct failure *failure_out)
{
    SERVICE_STATUS_PROCESS status = {.dwCurrentState = 0};
    SERVICE_STATUS answer;
    *ran_out = false;
    if (!service_state__query(service, &status, failure_out)) {
        return false;
    }
    if (status.dwCurrentState == SERVICE_STOPPED) {
        return true;
    }
    if (status.dwCurrentState == SERVICE_START_PENDING &&
        !service_state__wait_for_start(service, &status, failure_out)) {
        return false;
    }
    *ran_out = true;
    if (status.dwCurrentState != SERVICE_STOP_PENDING &&
        !ControlService(service, SERVICE_CONTROL_STOP, &answer) &&
        GetLastError() != ERROR_SERVICE_NOT_ACTIVE) {
        return system_failure(failure_out, GetLastError(), "it does not take the request to stop: ");
    }
    return service_state__wait_for_stop(service, &status, failure_out);
}

static bool service_state__tell_end(const SERVICE_STATUS_PROCESS *status, struct failure *failure_out)
{
    struct text text;
    const bool is_own = status->dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR;
    const DWORD code = is_own ? status->dwServiceSpecificExitCode : status->dwWin32ExitCode;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = code};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "it has stopped at once, with %s%lu; its log and the event log tell why",
                    is_own ? "exit code " : "error ", (unsigned long)code);
    return false;
}

/* One that stops is waited for: before, as it would count as running; behind, as its exit code comes last. */
bool service_state_start(SC_HANDLE service, struct failure *failure_out)
{
    SERVICE_STATUS_PROCESS status = {.dwCurrentState = 0};
    if (!service_state__query(service, &status, failure_out) ||
        (status.dwCurrentState == SERVICE_STOP_PENDING &&
         !service_state__wait_for_stop(service, &status, failure_out))) {
        return false;
    }
    if (!StartServiceW(service, 0, NULL) && GetLastError() != ERROR_SERVICE_ALREADY_RUNNING) {
        return system_failure(failure_out, GetLastError(), "it cannot be started: ");
    }
    if (!service_state__wait_for_start(service, &status, failure_out) ||
        (status.dwCurrentState == SERVICE_STOP_PENDING &&
         !service_state__wait_for_stop(service, &status, failure_out))) {
        return false;
    }
    return status.dwCurrentState != SERVICE_STOPPED || service_state__tell_end(&status, failure_out);
}
