/* SPDX-License-Identifier: MIT
   The command "run": the same run on a console. Ctrl+C and Ctrl+Break stop it, a second time at once; closing
   the console gives it seconds. */
#include "commands.h"

#include <string.h>

#include "base/address.h"
#include "base/utf16.h"
#include "control.h"
#include "service_host.h"
#include "trust.h"

enum { RUN_CLOSE_DRAIN = 4000 /* milliseconds: Windows ends the process five seconds after the close */ };

/* A console handler is given no context: this is how it finds its own. NULL while nothing runs. */
static struct {
    SRWLOCK lock;
    struct control *control;
} command_run__console = {.lock = SRWLOCK_INIT};

static void command_run__set_console(struct control *control)
{
    AcquireSRWLockExclusive(&command_run__console.lock);
    command_run__console.control = control;
    ReleaseSRWLockExclusive(&command_run__console.lock);
}

/* Ctrl+C: the first time a stop with its drain, and a start is brought to its end before; then a stop without
   drain. False: end the process, for its start may hang, or nothing runs any more. */
static bool command_run__interrupt(void)
{
    bool is_handled = false;
    AcquireSRWLockShared(&command_run__console.lock);
    struct control *control = command_run__console.control;
    if (control != NULL && !control_is_stopping(control)) {
        is_handled = true;
        control_ask_stop(control, CONTROL_STOP);
    } else if (control != NULL && control_has_started(control)) { /* to its end: the log is being written */
        is_handled = true;
        control_hurry(control);
    }
    ReleaseSRWLockShared(&command_run__console.lock);
    return is_handled;
}

/* The console goes away, and the process with it as soon as this returns: so it never does. */
static void command_run__close(void)
{
    AcquireSRWLockShared(&command_run__console.lock);
    if (command_run__console.control != NULL) {
        control_ask_stop(command_run__console.control, CONTROL_SHUTDOWN);
    }
    ReleaseSRWLockShared(&command_run__console.lock);
    Sleep(RUN_CLOSE_DRAIN); /* a stop that was under way already may have had more time */
    AcquireSRWLockShared(&command_run__console.lock);
    if (command_run__console.control != NULL) {
        control_hurry(command_run__console.control);
    }
    ReleaseSRWLockShared(&command_run__console.lock);
    Sleep(INFINITE); /* until the main thread ends the process */
}

static BOOL WINAPI command_run__handle(DWORD event)
{
    if (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT) {
        return command_run__interrupt();
    }
    command_run__close();
    return TRUE;
}

static void command_run__print_listeners(struct output *out, struct engine *engine)
{
    static const char *const states[] = {
        [LISTENER_WAITING] = "waits", [LISTENER_LISTENING] = "listens", [LISTENER_STOPPED] = "stopped"};
    struct engine_listener listener;
    for (size_t i = 0; engine_listener_at(engine, i, &listener); i++) {
        char line[512];
        struct text text;
        text_init(&text, line, sizeof line);
        text_add_format(&text, "  %-7s %s ", states[listener.state],
                        listener.protocol == CONFIG_TCP ? "tcp" : "udp");
        address_add_with_port(&text, &listener.address);
        text_add_format(&text, " %s", listener.endpoint);
        if (listener.win32_error != 0) {
            text_add_string(&text, ": ");
            utf16_add_error(&text, listener.win32_error);
        }
        output_format(out, "%s\n", line);
    }
}

static void command_run__print_running(struct output *out, const struct service_report *report)
{
    unsigned count = 0;
    for (size_t i = 0; i < report->config->endpoint_count; i++) {
        count += report->config->endpoints[i].is_enabled ? 1U : 0U;
    }
    output_format(out, "PortListener " PORTLISTENER_VERSION " runs; %u endpoint%s; Ctrl+C stops it\n", count,
                  count == 1 ? "" : "s");
    command_run__print_listeners(out, report->engine);
}

struct run_view {
    struct streams *streams;
    bool is_stopping; /* has been printed */
};

static void command_run__report(void *context, const struct service_report *report)
{
    struct run_view *view = context;
    if (report->state == SERVICE_HOST_RUNNING) {
        command_run__print_running(&view->streams->out, report);
    } else if (report->state == SERVICE_HOST_STOPPING && !view->is_stopping) {
        view->is_stopping = true;
        output_format(&view->streams->out, "stopping; Ctrl+C again resets the connections that are left\n");
    }
}

static void command_run__tell(void *context, enum event event, const char *text)
{
    struct run_view *view = context;
    if (event == EVENT_LOG_UNAVAILABLE || event == EVENT_ACCESS_LOG_UNAVAILABLE ||
        event == EVENT_CALLBACK_LATE) {
        output_format(&view->streams->err, "portlistener: %s\n", text);
    } else if (event != EVENT_SERVICE_FAILED) { /* that one is printed at the end */
        output_write(&view->streams->err, text, strlen(text));
    }
}

enum exit_code command_run_run(const struct arguments *arguments, struct streams *streams)
{
    const char *service = arguments->options[OPTION_SERVICE];
    struct run_view view = {.streams = streams};
    struct control control;
    struct failure failure;
    control_init(&control);
    const struct service_host_options options = {
        .service = service != NULL ? service : "console",
        .config_file = arguments->options[OPTION_CONFIG],
        .control = &control,
        .trust = trust_wanted(false),
        .report = command_run__report,
        .tell = command_run__tell,
        .context = &view,
    };
    command_run__set_console(&control);
    SetConsoleCtrlHandler(command_run__handle, TRUE);
    const enum service_end end = service_host_run(&options, &failure);
    SetConsoleCtrlHandler(command_run__handle, FALSE);
    command_run__set_console(NULL);
    if (failure.code != EXIT_CODE_DONE) {
        output_failure(&streams->err, &failure);
    } else {
        output_format(&streams->out, "stopped\n");
    }
    streams->out.error = 0; /* what a run prints is not what it is for */
    if (end == SERVICE_ABANDONED) {
        TerminateProcess(GetCurrentProcess(), (UINT)failure.code);
    }
    return failure.code;
}
