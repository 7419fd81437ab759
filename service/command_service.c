/* SPDX-License-Identifier: MIT
   The command "service": the run as the service manager wants it. All that happens is reported by the
   service's own thread; the control handler only passes on what is asked, and returns. */
#include "commands.h"

#include "base/event_log.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "control.h"
#include "service_host.h"
#include "trust.h"

enum { SCM_HINT_MARGIN = 3000 /* milliseconds on top of an estimate, for a machine that is busy */ };

/* What `sc control NAME CODE` asks for. */
enum { USER_CONTROL_RELOAD = 128, USER_CONTROL_ROTATE = 129, USER_CONTROL_DUMP = 130 };

/* winsvc.h: SERVICE_START_REASON and its constants, which not every header knows. */
enum { START_REASON_LEVEL = 1, START_REASON_DEMAND = 1 };
struct start_reason {
    DWORD reasons;
};

struct service_manager {
    const char *config_file;
    SERVICE_STATUS_HANDLE handle;
    SERVICE_STATUS status;
    struct control control;
    char *service; /* the name that the service manager knows us by */
};

/* ServiceMain is given no context: this is how it finds its own. Static, as it may still be read while the
   process ends: the dispatcher returns as soon as the last report is made. */
static struct service_manager command_service__manager;

static void command_service__set_status(struct service_manager *manager, DWORD state, DWORD controls,
                                        DWORD hint)
{
    const bool is_pending = hint > 0;
    manager->status.dwCheckPoint = is_pending && manager->status.dwCurrentState == state
                                       ? manager->status.dwCheckPoint + 1
                                   : is_pending ? 1
                                                : 0;
    manager->status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    manager->status.dwCurrentState = state;
    manager->status.dwControlsAccepted = controls;
    manager->status.dwWaitHint = hint;
    SetServiceStatus(manager->handle, &manager->status);
}

static void command_service__report(void *context, const struct service_report *report)
{
    struct service_manager *manager = context;
    const DWORD hint =
        report->remaining > UINT32_MAX - SCM_HINT_MARGIN ? UINT32_MAX : report->remaining + SCM_HINT_MARGIN;
    const DWORD controls = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PAUSE_CONTINUE | SERVICE_ACCEPT_PRESHUTDOWN |
                           SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PARAMCHANGE;
    switch (report->state) {
    case SERVICE_HOST_STARTING: /* takes no control: Windows advises against it during a start */
        command_service__set_status(manager, SERVICE_START_PENDING, 0, hint);
        break;
    case SERVICE_HOST_RUNNING:
        command_service__set_status(manager, SERVICE_RUNNING, controls, 0);
        break;
    case SERVICE_HOST_PAUSED:
        command_service__set_status(manager, SERVICE_PAUSED, controls, 0);
        break;
    case SERVICE_HOST_STOPPING:
        command_service__set_status(manager, SERVICE_STOP_PENDING, 0, hint);
        break;
    }
}

/* The last report; the process may be gone before it returns. */
static void command_service__report_stopped(struct service_manager *manager, enum exit_code code)
{
    manager->status.dwWin32ExitCode = code == EXIT_CODE_DONE ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR;
    manager->status.dwServiceSpecificExitCode = (DWORD)code;
    command_service__set_status(manager, SERVICE_STOPPED, 0, 0);
}

static DWORD WINAPI command_service__handle(DWORD code, DWORD event_type, void *event_data, void *context)
{
    struct service_manager *manager = context;
    (void)event_type, (void)event_data;
    switch (code) {
    case SERVICE_CONTROL_STOP:
        control_ask_stop(&manager->control, CONTROL_STOP);
        return NO_ERROR;
    case SERVICE_CONTROL_PRESHUTDOWN:
        control_ask_stop(&manager->control, CONTROL_PRESHUTDOWN);
        return NO_ERROR;
    case SERVICE_CONTROL_SHUTDOWN: /* a service that became ready only after PRESHUTDOWN had gone round */
        control_ask_stop(&manager->control, CONTROL_SHUTDOWN);
        return NO_ERROR;
    case SERVICE_CONTROL_PAUSE:
    case SERVICE_CONTROL_CONTINUE:
        control_ask_pause(&manager->control, code == SERVICE_CONTROL_PAUSE);
        return NO_ERROR;
    case SERVICE_CONTROL_PARAMCHANGE:
    case USER_CONTROL_RELOAD:
        control_ask(&manager->control, CONTROL_RELOAD);
        return NO_ERROR;
    case USER_CONTROL_ROTATE:
        control_ask(&manager->control, CONTROL_ROTATE);
        return NO_ERROR;
    case USER_CONTROL_DUMP:
        control_ask(&manager->control, CONTROL_DUMP);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE: /* the service manager knows our state already */
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

/* Whether nobody waits for this start: at boot, by a trigger, or again after a crash. Where the system cannot
   tell, somebody does. */
static bool command_service__is_automatic(SERVICE_STATUS_HANDLE handle)
{
    typedef BOOL(WINAPI * query_function)(SERVICE_STATUS_HANDLE, DWORD, void **);
    const FARPROC address =
        GetProcAddress(GetModuleHandleW(L"advapi32.dll"), "QueryServiceDynamicInformation");
    const query_function query = (query_function)(void (*)(void))address;
    void *answer = NULL;
    if (query == NULL || !query(handle, START_REASON_LEVEL, &answer) || answer == NULL) {
        return false;
    }
    const bool is_automatic = (((const struct start_reason *)answer)->reasons & START_REASON_DEMAND) == 0;
    LocalFree(answer);
    return is_automatic;
}

/* What the machine grants the service `name` when it goes down, in milliseconds; 0 when it cannot be
   asked. */
static uint32_t command_service__preshutdown_timeout(const WCHAR *name)
{
    SERVICE_PRESHUTDOWN_INFO info = {0};
    DWORD size = 0;
    SC_HANDLE scm = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = scm != NULL ? OpenServiceW(scm, name, SERVICE_QUERY_CONFIG) : NULL;
    if (service != NULL) {
        if (!QueryServiceConfig2W(service, SERVICE_CONFIG_PRESHUTDOWN_INFO, (BYTE *)&info, sizeof info,
                                  &size)) {
            info.dwPreshutdownTimeout = 0;
        }
        CloseServiceHandle(service);
    }
    if (scm != NULL) {
        CloseServiceHandle(scm);
    }
    return info.dwPreshutdownTimeout;
}

static enum service_end command_service__run(struct service_manager *manager, WCHAR *name,
                                             struct failure *failure_out)
{
    command_service__report(manager, &(const struct service_report){.state = SERVICE_HOST_STARTING});
    manager->service = utf16_to_utf8(name);
    if (manager->service == NULL) {
        *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .text = "out of memory"};
        return SERVICE_ENDED;
    }
    const struct service_host_options options = {
        .service = manager->service,
        .config_file = manager->config_file,
        .control = &manager->control,
        .is_service = true,
        .trust = trust_wanted(true),
        .is_automatic_start = command_service__is_automatic(manager->handle),
        .preshutdown_timeout = command_service__preshutdown_timeout(name),
        .event_log = event_log_create(manager->service, EVENT_FILTER_LIFECYCLE),
        .report = command_service__report,
        .context = manager,
    };
    const enum service_end end = service_host_run(&options, failure_out);
    if (end == SERVICE_ENDED) {
        event_log_destroy(options.event_log);
        memory_free(manager->service);
    }
    return end;
}

static void WINAPI command_service__main(DWORD count, WCHAR **words)
{
    struct service_manager *manager = &command_service__manager;
    struct failure failure;
    (void)count;
    manager->handle = RegisterServiceCtrlHandlerExW(words[0], command_service__handle, manager);
    if (manager->handle == NULL) { /* nobody to report to: a process that waited would stay for ever */
        TerminateProcess(GetCurrentProcess(), EXIT_CODE_FAILED);
        return;
    }
    const enum service_end end = command_service__run(manager, words[0], &failure);
    command_service__report_stopped(manager, failure.code);
    if (end == SERVICE_ABANDONED) {
        TerminateProcess(GetCurrentProcess(), (UINT)failure.code);
    }
}

enum exit_code command_service_run(const struct arguments *arguments, struct streams *streams)
{
    command_service__manager = (struct service_manager){.config_file = arguments->options[OPTION_CONFIG]};
    WCHAR no_name[] = L""; /* own process: the service manager tells the name */
    const SERVICE_TABLE_ENTRYW table[] = {{no_name, command_service__main}, {NULL, NULL}};
    control_init(&command_service__manager.control);
    if (StartServiceCtrlDispatcherW(table)) {
        return EXIT_CODE_DONE; /* how it went is in the last report */
    }
    struct failure failure = {.code = EXIT_CODE_FAILED, .win32_error = GetLastError()};
    struct text text;
    text_init(&text, failure.text, sizeof failure.text);
    if (failure.win32_error == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
        failure.code = EXIT_CODE_USAGE;
        text_add_string(&text, "\"service\" is for the service manager: start the service with \"net start "
                               "PortListener\", or run it here with \"portlistener run\"");
    } else {
        text_add_string(&text, "the service manager cannot be reached: ");
        utf16_add_error(&text, failure.win32_error);
    }
    return output_failure(&streams->err, &failure);
}
