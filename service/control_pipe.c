/* SPDX-License-Identifier: MIT
   The server of the control pipe, see control_pipe.h.

   All instances of the pipe are made at the start and live until the stop, so that the name is never free for another
   process. One thread waits for clients on all of them; a client that has come is served on a thread of its own, by calls
   that a deadline or the stop ends. When that thread has ended, the first one waits for the next client on that
   instance. An idle pipe has one thread. */
#include "control_pipe.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "pipe_access.h"

enum {
    CONTROL_BUFFER = 16384,    /* bytes of an answer that are sent together */
    CONTROL_DRAIN_MAX = 65536, /* bytes that are read behind a request, and dropped */
    CONTROL_HASTY_MAX = 16,    /* clients in a row that had gone before they were listened to */
    CONTROL_RETRY = 250        /* milliseconds until an instance that could not listen tries again */
};

enum instance_state { INSTANCE_IDLE, INSTANCE_LISTENING, INSTANCE_SERVING };

/* One end of the pipe, for one client at a time. */
struct instance {
    struct control_pipe *pipe;
    enum instance_state state;
    HANDLE handle;
    HANDLE thread;         /* SERVING */
    bool is_used;          /* somebody has been there, and must be sent away before the next */
    OVERLAPPED overlapped; /* of the one call that is in flight; with an event of its own */
};

struct control_pipe {
    struct control_pipe_options options;
    HANDLE stop; /* manual-reset */
    HANDLE thread;
    struct instance instances[CONTROL_CLIENTS_MAX];
    size_t count;
};

/* An answer on its way. */
struct control_answer {
    struct instance *instance;
    enum control_stream stream; /* of what is in `buffer` */
    size_t length;
    ULONGLONG patience; /* milliseconds that may still be waited for the client */
    bool is_lost;
    char request[CONTROL_REQUEST_MAX];
    char buffer[CONTROL_LINE_MAX + CONTROL_BUFFER]; /* room for the frame's line, then its bytes */
};

/* ---- Calls on an instance ---- */

static OVERLAPPED *instance__begin(struct instance *instance)
{
    const HANDLE event = instance->overlapped.hEvent;
    instance->overlapped = (OVERLAPPED){.hEvent = event};
    ResetEvent(event);
    return &instance->overlapped;
}

/* Ends the call with the client that is in flight, and with it the connection, if need be. */
static void instance__abandon(struct instance *instance)
{
    DWORD bytes = 0;
    if (!CancelIoEx(instance->handle, &instance->overlapped) && GetLastError() != ERROR_NOT_FOUND) {
        DisconnectNamedPipe(instance->handle);
    }
    GetOverlappedResult(instance->handle, &instance->overlapped, &bytes, TRUE);
}

/* Waits for the call that was just made, and returned `is_done`: until `patience`, which becomes less, has passed, or the
   stop. */
static bool instance__finish(struct instance *instance, bool is_done, ULONGLONG *patience, DWORD *bytes_out)
{
    if (!is_done && GetLastError() != ERROR_IO_PENDING) {
        return false;
    }
    const HANDLE events[] = {instance->pipe->stop, instance->overlapped.hEvent};
    const ULONGLONG begin = GetTickCount64();
    const DWORD which = WaitForMultipleObjects(2, events, FALSE, (DWORD)*patience);
    const ULONGLONG waited = GetTickCount64() - begin;
    *patience -= waited < *patience ? waited : *patience;
    if (which != WAIT_OBJECT_0 + 1) {
        instance__abandon(instance);
        return false;
    }
    return GetOverlappedResult(instance->handle, &instance->overlapped, bytes_out, TRUE);
}

static bool instance__read(struct instance *instance, char *at, DWORD room, ULONGLONG *patience,
                           DWORD *bytes_out)
{
    const BOOL is_done = ReadFile(instance->handle, at, room, NULL, instance__begin(instance));
    return instance__finish(instance, is_done, patience, bytes_out);
}

static bool instance__write(struct instance *instance, const char *at, size_t length, ULONGLONG *patience)
{
    while (length > 0) {
        DWORD bytes = 0;
        const BOOL is_done = WriteFile(instance->handle, at, (DWORD)length, NULL, instance__begin(instance));
        if (!instance__finish(instance, is_done, patience, &bytes) || bytes == 0) {
            return false;
        }
        at += bytes;
        length -= bytes;
    }
    return true;
}

/* ---- An answer ---- */

static void control_answer__send(struct control_answer *answer, const char *at, size_t length)
{
    if (!answer->is_lost) {
        answer->is_lost = !instance__write(answer->instance, at, length, &answer->patience);
    }
}

/* The line is put right before the bytes: the client gets both at once. */
static void control_answer__flush(struct control_answer *answer)
{
    char room[CONTROL_LINE_MAX + 1];
    struct text line;
    if (answer->length == 0) {
        return;
    }
    text_init(&line, room, sizeof room);
    control_frame_add(&line, answer->stream, answer->length);
    char *begin = answer->buffer + CONTROL_LINE_MAX - line.length;
    memcpy(begin, line.at, line.length);
    control_answer__send(answer, begin, line.length + answer->length);
    answer->length = 0;
}

void control_answer_write(struct control_answer *answer, enum control_stream stream, const char *at,
                          size_t length)
{
    if (stream != answer->stream) {
        control_answer__flush(answer);
        answer->stream = stream;
    }
    while (length > 0) {
        const size_t room = CONTROL_BUFFER - answer->length;
        const size_t part = length < room ? length : room;
        memcpy(answer->buffer + CONTROL_LINE_MAX + answer->length, at, part);
        answer->length += part;
        at += part;
        length -= part;
        if (answer->length == CONTROL_BUFFER) {
            control_answer__flush(answer);
        }
    }
}

void control_answer_format(struct control_answer *answer, enum control_stream stream, const char *format, ...)
{
    char room[2048];
    struct text text;
    va_list arguments;
    text_init(&text, room, sizeof room);
    va_start(arguments, format);
    text_add_format_list(&text, format, arguments);
    va_end(arguments);
    control_answer_write(answer, stream, text.at, text.length);
}

bool control_answer_is_lost(struct control_answer *answer)
{
    return answer->is_lost || WaitForSingleObject(answer->instance->pipe->stop, 0) == WAIT_OBJECT_0;
}

unsigned long control_answer_client(const struct control_answer *answer)
{
    ULONG process = 0;
    return GetNamedPipeClientProcessId(answer->instance->handle, &process) ? process : 0;
}

/* ---- Serving one client ---- */

/* The request, as it comes, until it can be decided; MORE: the client is gone, or too slow. */
static enum control_reading control_answer__ask(struct control_answer *answer,
                                                struct control_request *request_out, const char **problem_out)
{
    ULONGLONG patience = CONTROL_ASK_PATIENCE;
    enum control_reading reading = CONTROL_MORE;
    for (size_t length = 0; reading == CONTROL_MORE;) {
        DWORD bytes = 0;
        if (!instance__read(answer->instance, answer->request + length,
                            (DWORD)(sizeof answer->request - length), &patience, &bytes)) {
            return CONTROL_MORE;
        }
        length += bytes;
        reading = control_request_read(answer->request, length, request_out, problem_out);
    }
    return reading;
}

/* Who disconnects takes away what the client has not read: it goes first. What it has sent behind its request is read, for
   until then it may wait for that; but not for ever. */
static void control_answer__wait_for_client(struct control_answer *answer)
{
    DWORD bytes = 0;
    for (size_t read = 0; !answer->is_lost && read < CONTROL_DRAIN_MAX; read += bytes) {
        answer->is_lost =
            !instance__read(answer->instance, answer->buffer, CONTROL_BUFFER, &answer->patience, &bytes);
    }
}

static void control_answer__end(struct control_answer *answer, enum exit_code code)
{
    char room[CONTROL_LINE_MAX + 1];
    struct text line;
    control_answer__flush(answer);
    text_init(&line, room, sizeof room);
    control_end_add(&line, (unsigned)code);
    control_answer__send(answer, line.at, line.length);
    control_answer__wait_for_client(answer);
}

static void control_answer__make(struct control_answer *answer)
{
    const struct control_pipe_options *options = &answer->instance->pipe->options;
    struct control_request request;
    const char *problem = NULL;
    switch (control_answer__ask(answer, &request, &problem)) {
    case CONTROL_MORE:
        break;
    case CONTROL_BAD:
        control_answer_format(answer, CONTROL_ERR,
                              "portlistener: the service does not understand the request: %s\n", problem);
        control_answer__end(answer, EXIT_CODE_FAILED);
        break;
    case CONTROL_DONE:
        control_answer__end(answer, options->answer(options->context, &request, answer));
        break;
    }
}

static DWORD WINAPI instance__serve(void *argument)
{
    struct instance *instance = argument;
    struct control_answer *answer = memory_alloc(sizeof *answer);
    if (answer != NULL) { /* else the client is told nothing, and is sent away */
        answer->instance = instance;
        answer->patience = CONTROL_ANSWER_PATIENCE;
        control_answer__make(answer);
        memory_free(answer);
    }
    return 0;
}

/* ---- Waiting for clients ---- */

/* A client has come; without a thread it is sent away, when the instance listens again. */
static void instance__take(struct instance *instance)
{
    instance->thread = CreateThread(NULL, 0, instance__serve, instance, 0, NULL);
    instance->state = instance->thread != NULL ? INSTANCE_SERVING : INSTANCE_IDLE;
}

static void instance__listen(struct instance *instance)
{
    DWORD error = ERROR_NO_DATA;
    for (int hasty = 0; error == ERROR_NO_DATA && hasty < CONTROL_HASTY_MAX; hasty++) {
        if (instance->is_used) { /* else a client that has come already would go */
            DisconnectNamedPipe(instance->handle);
        }
        instance->is_used = true;
        const BOOL is_done = ConnectNamedPipe(instance->handle, instance__begin(instance));
        error = is_done ? ERROR_PIPE_CONNECTED : GetLastError();
    }
    if (error == ERROR_IO_PENDING) {
        instance->state = INSTANCE_LISTENING;
    } else if (error == ERROR_PIPE_CONNECTED) { /* it came before */
        instance__take(instance);
    }
}

/* What it waits for has happened. */
static void instance__advance(struct instance *instance)
{
    DWORD bytes = 0;
    const bool was_serving = instance->state == INSTANCE_SERVING;
    instance->state = INSTANCE_IDLE;
    if (was_serving) {
        CloseHandle(instance->thread);
    } else if (GetOverlappedResult(instance->handle, &instance->overlapped, &bytes, TRUE)) {
        instance__take(instance);
    }
}

static HANDLE instance__awaited(const struct instance *instance)
{
    return instance->state == INSTANCE_SERVING ? instance->thread : instance->overlapped.hEvent;
}

/* Lets all that are idle listen; fills in what to wait for. True: one could not, and is to be tried again. */
static bool control_pipe__listen(struct control_pipe *pipe, HANDLE events_out[1 + CONTROL_CLIENTS_MAX],
                                 DWORD *count_out)
{
    bool is_one_idle = false;
    *count_out = 0;
    events_out[(*count_out)++] = pipe->stop;
    for (size_t i = 0; i < pipe->count; i++) {
        struct instance *instance = &pipe->instances[i];
        if (instance->state == INSTANCE_IDLE) {
            instance__listen(instance);
        }
        if (instance->state == INSTANCE_IDLE) {
            is_one_idle = true;
        } else {
            events_out[(*count_out)++] = instance__awaited(instance);
        }
    }
    return is_one_idle;
}

/* Nobody has come, and nobody will: the last handle ends what is in flight. */
static void instance__end(struct instance *instance)
{
    if (instance->state == INSTANCE_SERVING) {
        WaitForSingleObject(instance->thread, INFINITE); /* the stop ends its calls */
        CloseHandle(instance->thread);
    }
    CloseHandle(instance->handle);
    if (instance->state == INSTANCE_LISTENING) {
        WaitForSingleObject(instance->overlapped.hEvent, INFINITE);
    }
    CloseHandle(instance->overlapped.hEvent);
}

static DWORD WINAPI control_pipe__run(void *argument)
{
    struct control_pipe *pipe = argument;
    HANDLE events[1 + CONTROL_CLIENTS_MAX];
    DWORD count = 0;
    while (WaitForSingleObject(pipe->stop, 0) != WAIT_OBJECT_0) {
        const bool is_one_idle = control_pipe__listen(pipe, events, &count);
        WaitForMultipleObjects(count, events, FALSE, is_one_idle ? CONTROL_RETRY : INFINITE);
        for (size_t i = 0; i < pipe->count; i++) { /* all of them: none comes before another */
            struct instance *instance = &pipe->instances[i];
            if (instance->state != INSTANCE_IDLE &&
                WaitForSingleObject(instance__awaited(instance), 0) == WAIT_OBJECT_0) {
                instance__advance(instance);
            }
        }
    }
    for (size_t i = 0; i < pipe->count; i++) { /* here: a call ends with the thread that made it */
        instance__end(&pipe->instances[i]);
    }
    pipe->count = 0;
    return 0;
}

/* ---- Start and stop ---- */

static HANDLE control_pipe__create_instance(const WCHAR *name, PSECURITY_DESCRIPTOR descriptor, bool is_first)
{
    SECURITY_ATTRIBUTES security = {
        .nLength = sizeof security, .lpSecurityDescriptor = descriptor, .bInheritHandle = FALSE};
    return CreateNamedPipeW(
        name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (is_first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
        PIPE_REJECT_REMOTE_CLIENTS /* PIPE_TYPE_BYTE, PIPE_READMODE_BYTE and PIPE_WAIT are 0 */,
        CONTROL_CLIENTS_MAX, CONTROL_BUFFER, CONTROL_REQUEST_MAX, 0, &security);
}

/* As many instances as can be had, one at the least. */
static bool control_pipe__create_instances(struct control_pipe *pipe, const WCHAR *name,
                                           PSECURITY_DESCRIPTOR descriptor, DWORD *error_out)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct instance *instance = &pipe->instances[i];
        instance->pipe = pipe;
        instance->overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
        instance->handle = instance->overlapped.hEvent != NULL
                               ? control_pipe__create_instance(name, descriptor, i == 0)
                               : INVALID_HANDLE_VALUE;
        if (instance->handle == INVALID_HANDLE_VALUE) {
            *error_out = GetLastError();
            if (instance->overlapped.hEvent != NULL) {
                CloseHandle(instance->overlapped.hEvent);
            }
            break;
        }
        pipe->count++;
    }
    return pipe->count > 0;
}

static bool control_pipe__open(struct control_pipe *pipe, DWORD *error_out)
{
    const struct control_pipe_options *options = &pipe->options;
    WCHAR *name = pipe_access_name(options->service);
    PSECURITY_DESCRIPTOR descriptor =
        name != NULL ? pipe_access_create(options->service, options->is_service, error_out) : NULL;
    bool is_open = false;
    if (name == NULL) {
        *error_out = ERROR_NOT_ENOUGH_MEMORY;
    } else if (descriptor != NULL) {
        is_open = control_pipe__create_instances(pipe, name, descriptor, error_out);
        LocalFree(descriptor);
    }
    memory_free(name);
    return is_open;
}

/* A service that has its SID can make them all; which it has, "sc sidtype" says. */
static void control_pipe__tell_few(const struct control_pipe *pipe, DWORD error)
{
    char room[512];
    struct text text;
    if (pipe->count == CONTROL_CLIENTS_MAX) {
        return;
    }
    text_init(&text, room, sizeof room);
    utf16_add_error(&text, error);
    if (error == ERROR_ACCESS_DENIED) {
        text_add_format(&text, "; \"sc sidtype %s unrestricted\" gives the service its own SID",
                        pipe->options.service);
    }
    log_write(pipe->options.log, EVENT_CONTROL_PIPE_NARROW, NULL, 0,
              "the control pipe serves %zu at a time, not %d: %s", pipe->count, (int)CONTROL_CLIENTS_MAX,
              text.at);
}

static bool control_pipe__climb(struct control_pipe *pipe, DWORD *error_out)
{
    pipe->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (pipe->stop == NULL) {
        *error_out = GetLastError();
        return false;
    }
    if (!control_pipe__open(pipe, error_out)) {
        return false;
    }
    control_pipe__tell_few(pipe, *error_out);
    pipe->thread = CreateThread(NULL, 0, control_pipe__run, pipe, 0, NULL);
    if (pipe->thread == NULL) {
        *error_out = GetLastError();
    }
    return pipe->thread != NULL;
}

static void control_pipe__fail(const char *service, DWORD error, struct failure *failure_out)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "there is no control pipe \\\\.\\pipe\\portlistener-%s: ", service);
    if (error == ERROR_ACCESS_DENIED || error == ERROR_PIPE_BUSY) {
        text_add_string(&text,
                        "another process has it, perhaps a second run of the same name; commands such as "
                        "\"portlistener status\" do not reach this one (");
        utf16_add_error(&text, error);
        text_add_string(&text, ")");
    } else {
        utf16_add_error(&text, error);
    }
}

struct control_pipe *control_pipe_start(const struct control_pipe_options *options,
                                        struct failure *failure_out)
{
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    struct control_pipe *pipe = memory_alloc(sizeof *pipe);
    if (pipe != NULL) {
        pipe->options = *options;
        if (control_pipe__climb(pipe, &error)) {
            return pipe;
        }
        control_pipe_stop(pipe);
    }
    control_pipe__fail(options->service, error, failure_out);
    return NULL;
}

void control_pipe_stop(struct control_pipe *pipe)
{
    if (pipe == NULL) {
        return;
    }
    if (pipe->thread != NULL) {
        SetEvent(pipe->stop);
        WaitForSingleObject(pipe->thread, INFINITE);
        CloseHandle(pipe->thread);
    }
    for (size_t i = 0; i < pipe->count; i++) {
        instance__end(&pipe->instances[i]);
    }
    if (pipe->stop != NULL) {
        CloseHandle(pipe->stop);
    }
    memory_free(pipe);
}
