/* SPDX-License-Identifier: MIT
   The client of the control pipe, see control_client.h. */
#include "control_client.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "pipe_access.h"

static bool control_client__fail(struct failure *failure_out, enum exit_code code, DWORD error,
                                 const char *format, ...) TEXT_FORMAT(4, 5);

/* With the words of the error behind it, unless that is 0. */
static bool control_client__fail(struct failure *failure_out, enum exit_code code, DWORD error,
                                 const char *format, ...)
{
    struct text text;
    va_list arguments;
    *failure_out = (struct failure){.code = code, .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    va_start(arguments, format);
    text_add_format_list(&text, format, arguments);
    va_end(arguments);
    if (error != 0) {
        text_add_string(&text, ": ");
        utf16_add_error(&text, error);
    }
    return false;
}

/* ---- Who should answer ---- */

/* What the service manager says of a name. */
struct expectation {
    bool is_service;
    DWORD process; /* of the service; 0: it does not run */
    DWORD state;
};

static bool control_client__query(SC_HANDLE service, struct expectation *expectation_out,
                                  struct failure *failure_out)
{
    SERVICE_STATUS_PROCESS status = {0};
    DWORD size = 0;
    if (!QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&status, sizeof status, &size)) {
        return control_client__fail(failure_out, EXIT_CODE_FAILED, GetLastError(),
                                    "the service manager does not tell "
                                    "whether the service runs");
    }
    *expectation_out = (struct expectation){
        .is_service = true, .process = status.dwProcessId, .state = status.dwCurrentState};
    return true;
}

static bool control_client__ask_manager(SC_HANDLE manager, const WCHAR *name,
                                        struct expectation *expectation_out, struct failure *failure_out)
{
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_QUERY_STATUS);
    if (service == NULL) {
        const DWORD error = GetLastError();
        *expectation_out = (struct expectation){.is_service = false};
        if (error == ERROR_SERVICE_DOES_NOT_EXIST || error == ERROR_INVALID_NAME) {
            return true; /* a run on a console may have the name */
        }
        return control_client__fail(failure_out,
                                    error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED : EXIT_CODE_FAILED,
                                    error, "the service manager does not tell of this service");
    }
    const bool is_told = control_client__query(service, expectation_out, failure_out);
    CloseServiceHandle(service);
    return is_told;
}

static bool control_client__expect(const char *name, struct expectation *expectation_out,
                                   struct failure *failure_out)
{
    WCHAR *utf16 = utf16_from(name);
    if (utf16 == NULL) {
        return control_client__fail(failure_out, EXIT_CODE_FAILED, 0, "out of memory");
    }
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    bool is_told = false;
    if (manager == NULL) {
        const DWORD error = GetLastError();
        control_client__fail(failure_out,
                             error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED : EXIT_CODE_FAILED, error,
                             "the service manager cannot be reached");
    } else {
        is_told = control_client__ask_manager(manager, utf16, expectation_out, failure_out);
        CloseServiceHandle(manager);
    }
    memory_free(utf16);
    return is_told;
}

static bool control_client__may_run(const struct expectation *expectation, const char *service,
                                    struct failure *failure_out)
{
    if (!expectation->is_service || (expectation->process != 0 && expectation->state != SERVICE_STOPPED)) {
        return true;
    }
    return control_client__fail(
        failure_out, EXIT_CODE_NOT_RUNNING, 0,
        "the service %s does not run; \"net start %s\" starts it. For a run on a console give "
        "--service console",
        service, service);
}

/* Why nothing listens. */
static bool control_client__fail_absent(const struct expectation *expectation, const char *service,
                                        struct failure *failure_out)
{
    if (!expectation->is_service) {
        return control_client__fail(
            failure_out, EXIT_CODE_NOT_RUNNING, 0,
            "nothing runs as %s: there is no service of that name, and no run on a console, unless its "
            "configuration says control_pipe = no; --service NAME tells which one is meant (a run on a console "
            "is \"console\")",
            service);
    }
    if (expectation->state == SERVICE_START_PENDING || expectation->state == SERVICE_STOP_PENDING) {
        return control_client__fail(
            failure_out, EXIT_CODE_NOT_RUNNING, 0, "the service %s has no control pipe: it is %s", service,
            expectation->state == SERVICE_START_PENDING ? "starting: try again in a moment" : "stopping");
    }
    return control_client__fail(failure_out, EXIT_CODE_FAILED, 0,
                                "the service %s runs, but has no control pipe: its configuration says "
                                "control_pipe = no, or its log tells why it has none",
                                service);
}

/* ---- Opening ---- */

/* Nothing is sent to a process that is not the service: that could be anybody. */
static bool control_client__check_process(struct control_client *client,
                                          const struct expectation *expectation, const char *service,
                                          struct failure *failure_out)
{
    ULONG process = 0;
    if (!GetNamedPipeServerProcessId(client->pipe, &process)) {
        return control_client__fail(failure_out, EXIT_CODE_FAILED, GetLastError(),
                                    "the system does not tell whose pipe this is; nothing was asked");
    }
    client->process = process;
    if (!expectation->is_service || process == expectation->process) {
        return true;
    }
    return control_client__fail(
        failure_out, EXIT_CODE_FAILED, 0,
        "the control pipe of %s belongs to process %lu, but the service is process %lu: another "
        "program has taken its name, or it has just been restarted; nothing was asked",
        service, (unsigned long)process, (unsigned long)expectation->process);
}

/* Milliseconds: `patience`, or what is left of the time for everything. */
static DWORD control_client__patience(const struct control_client *client, DWORD patience)
{
    const ULONGLONG now = GetTickCount64();
    const ULONGLONG left = client->deadline > now ? client->deadline - now : 0;
    return client->deadline != 0 && left < patience ? (DWORD)left : patience;
}

/* The server learns who asks, but cannot act in the client's name: SECURITY_IDENTIFICATION. */
static HANDLE control_client__connect(const struct control_client *client, const WCHAR *name)
{
    const ULONGLONG deadline = GetTickCount64() + control_client__patience(client, client->busy_patience);
    for (;;) {
        HANDLE pipe =
            CreateFileW(name, PIPE_CLIENT_RIGHTS, 0, NULL, OPEN_EXISTING,
                        FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
        const DWORD error = pipe == INVALID_HANDLE_VALUE ? GetLastError() : 0;
        const ULONGLONG now = GetTickCount64();
        if (error != ERROR_PIPE_BUSY || now >= deadline) {
            return pipe;
        }
        WaitNamedPipeW(name, (DWORD)(deadline - now)); /* whatever it says: the next try tells */
    }
}

static bool control_client__fail_connect(const struct control_client *client,
                                         const struct expectation *expectation, const char *service,
                                         DWORD error, struct failure *failure_out)
{
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
        return control_client__fail_absent(expectation, service, failure_out);
    case ERROR_ACCESS_DENIED:
        return control_client__fail(
            failure_out, EXIT_CODE_ACCESS_DENIED, 0,
            "%s answers administrators only: run this elevated (\"Run as administrator\")", service);
    case ERROR_PIPE_BUSY:
        return control_client__fail(failure_out, EXIT_CODE_FAILED, 0,
                                    "%s answers others; none of them was done within %lu seconds; try again",
                                    service, (unsigned long)client->busy_patience / 1000);
    default:
        return control_client__fail(failure_out, EXIT_CODE_FAILED, error,
                                    "the control pipe of %s cannot be opened", service);
    }
}

static bool control_client__open_pipe(struct control_client *client, const struct expectation *expectation,
                                      const char *service, struct failure *failure_out)
{
    WCHAR *name = pipe_access_name(service);
    if (name == NULL) {
        return control_client__fail(failure_out, EXIT_CODE_FAILED, 0, "out of memory");
    }
    client->pipe = control_client__connect(client, name);
    const DWORD error = client->pipe == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    memory_free(name);
    return error == 0 || control_client__fail_connect(client, expectation, service, error, failure_out);
}

static bool control_client__open(struct control_client *client, const char *service,
                                 struct failure *failure_out)
{
    struct expectation expectation = {.is_service = false};
    if (!control_client__expect(service, &expectation, failure_out) ||
        !control_client__may_run(&expectation, service, failure_out)) {
        return false;
    }
    client->event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (client->event == NULL) {
        return control_client__fail(failure_out, EXIT_CODE_FAILED, GetLastError(),
                                    "an event could not be created");
    }
    if (control_client__open_pipe(client, &expectation, service, failure_out) &&
        control_client__check_process(client, &expectation, service, failure_out)) {
        return true;
    }
    control_client_close(client);
    return false;
}

bool control_client_open(struct control_client *client, const char *service, HANDLE cancel,
                         struct failure *failure_out)
{
    *client = (struct control_client){.pipe = INVALID_HANDLE_VALUE,
                                      .cancel = cancel,
                                      .busy_patience = CONTROL_BUSY_PATIENCE,
                                      .reply_patience = CONTROL_REPLY_PATIENCE};
    return control_client__open(client, service, failure_out);
}

bool control_client_open_within(struct control_client *client, const char *service, uint32_t patience,
                                struct failure *failure_out)
{
    *client = (struct control_client){.pipe = INVALID_HANDLE_VALUE,
                                      .busy_patience = patience,
                                      .reply_patience = patience,
                                      .deadline = GetTickCount64() + patience};
    return control_client__open(client, service, failure_out);
}

void control_client_close(struct control_client *client)
{
    if (client->pipe != INVALID_HANDLE_VALUE) {
        CloseHandle(client->pipe);
        client->pipe = INVALID_HANDLE_VALUE;
    }
    if (client->event != NULL) {
        CloseHandle(client->event);
        client->event = NULL;
    }
}

/* ---- Asking ---- */

static OVERLAPPED control_client__begin(const struct control_client *client)
{
    ResetEvent(client->event);
    return (OVERLAPPED){.hEvent = client->event};
}

/* Waits for the call that was just made; 0, or why it failed. */
static DWORD control_client__finish(const struct control_client *client, BOOL is_done, OVERLAPPED *overlapped,
                                    DWORD *bytes_out)
{
    const DWORD error = is_done ? 0 : GetLastError();
    *bytes_out = 0;
    if (error != 0 && error != ERROR_IO_PENDING) {
        return error;
    }
    const HANDLE events[] = {client->event, client->cancel};
    const DWORD which = WaitForMultipleObjects(client->cancel != NULL ? 2 : 1, events, FALSE,
                                               control_client__patience(client, client->reply_patience));
    if (which != WAIT_OBJECT_0) {
        CancelIoEx(client->pipe, overlapped);
    }
    if (!GetOverlappedResult(client->pipe, overlapped, bytes_out, TRUE)) {
        return which == WAIT_TIMEOUT ? WAIT_TIMEOUT : GetLastError();
    }
    return 0;
}

static DWORD control_client__send(struct control_client *client, const struct text *request)
{
    for (size_t sent = 0; sent < request->length;) {
        OVERLAPPED overlapped = control_client__begin(client);
        DWORD bytes = 0;
        const BOOL is_done =
            WriteFile(client->pipe, request->at + sent, (DWORD)(request->length - sent), NULL, &overlapped);
        const DWORD error = control_client__finish(client, is_done, &overlapped, &bytes);
        if (error != 0) {
            return error;
        }
        sent += bytes;
    }
    return 0;
}

static DWORD control_client__receive(struct control_client *client, char *at, size_t room, DWORD *bytes_out)
{
    OVERLAPPED overlapped = control_client__begin(client);
    const BOOL is_done = ReadFile(client->pipe, at, (DWORD)room, NULL, &overlapped);
    return control_client__finish(client, is_done, &overlapped, bytes_out);
}

/* Until the answer's end; 0, or why there is none. */
static DWORD control_client__take_answer(struct control_client *client, struct control_answer_reader *reader,
                                         control_sink sink, void *context)
{
    char room[4096];
    DWORD error = 0;
    while (error == 0 && !reader->has_ended && !reader->is_bad) {
        const char *at = room;
        struct control_piece piece;
        DWORD bytes = 0;
        error = control_client__receive(client, room, sizeof room, &bytes);
        for (size_t length = bytes; error == 0 && control_answer_read(reader, &at, &length, &piece);) {
            sink(context, &piece);
        }
    }
    return error;
}

bool control_client_ask(struct control_client *client, const struct text *request, control_sink sink,
                        void *context, enum exit_code *code_out, struct failure *failure_out)
{
    struct control_answer_reader reader = {.left = 0};
    DWORD error = control_client__send(client, request);
    if (error == 0) {
        error = control_client__take_answer(client, &reader, sink, context);
    }
    *code_out = (enum exit_code)reader.code;
    if (reader.has_ended && !reader.is_bad) {
        return true;
    }
    switch (error) {
    case 0:
        return control_client__fail(
            failure_out, EXIT_CODE_FAILED, 0,
            "what process %lu answers cannot be understood; is it of another version?",
            (unsigned long)client->process);
    case ERROR_BROKEN_PIPE:
    case ERROR_PIPE_NOT_CONNECTED:
    case ERROR_NO_DATA:
        return control_client__fail(failure_out, EXIT_CODE_NOT_RUNNING, 0,
                                    "it has stopped, or had no memory, before the answer was complete");
    case WAIT_TIMEOUT:
        return control_client__fail(
            failure_out, EXIT_CODE_FAILED, 0, "process %lu has not answered within %lu seconds",
            (unsigned long)client->process, (unsigned long)client->reply_patience / 1000);
    default:
        return control_client__fail(failure_out, EXIT_CODE_FAILED, error, "the answer could not be read");
    }
}
