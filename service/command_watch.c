/* SPDX-License-Identifier: MIT
   --watch: what a service says of itself, again each second, and what has changed in between; drawn in place on a console, one
   block behind the other elsewhere. */
#include "command_watch.h"

#include <string.h>

#include "command.h"
#include "screen.h"
#include "watch_rates.h"

enum { WATCH_PERIOD = 1000 /* milliseconds */ };

/* A console handler is given no context: this is how it finds its own. */
static struct {
    SRWLOCK lock;
    HANDLE cancel;
} command_watch__console = {.lock = SRWLOCK_INIT};

static void command_watch__set_console(HANDLE cancel)
{
    AcquireSRWLockExclusive(&command_watch__console.lock);
    command_watch__console.cancel = cancel;
    ReleaseSRWLockExclusive(&command_watch__console.lock);
}

static BOOL WINAPI command_watch__handle(DWORD event)
{
    bool is_handled = false;
    AcquireSRWLockShared(&command_watch__console.lock);
    if (command_watch__console.cancel != NULL && (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT)) {
        is_handled = true;
        SetEvent(command_watch__console.cancel);
    }
    ReleaseSRWLockShared(&command_watch__console.lock);
    return is_handled;
}

/* One look: what goes to each stream. */
struct look {
    struct text out;
    struct text err;
};

static void command_watch__take(void *context, const struct control_piece *piece)
{
    struct look *look = context;
    text_add(piece->stream == CONTROL_OUT ? &look->out : &look->err, piece->at, piece->length);
}

/* The counters now, for their rates. False: as command_control_ask, or they are refused. */
static bool command_watch__count(const struct arguments *arguments, HANDLE cancel, struct watch_rates *rates,
                                 enum exit_code *code_out, struct failure *failure_out)
{
    struct arguments metrics = *arguments;
    struct look look;
    metrics.options[OPTION_JSON] = NULL;
    metrics.options[OPTION_METRICS] = arguments_option(OPTION_METRICS);
    text_init_heap(&look.out);
    text_init_heap(&look.err);
    const bool is_answered =
        command_control_ask(&metrics, cancel, command_watch__take, &look, code_out, failure_out);
    if (is_answered) {
        watch_rates_take(rates, look.out.at, GetTickCount64());
    }
    text_fini(&look.out);
    text_fini(&look.err);
    return is_answered;
}

/* People see what happens in a second, too, where the command can ask for the metrics. */
static bool command_watch__has_rates(const struct arguments *arguments)
{
    return arguments->options[OPTION_JSON] == NULL && arguments->options[OPTION_METRICS] == NULL &&
           (arguments->command->options >> OPTION_METRICS & 1) != 0;
}

/* One look, shown. False: it was the last. */
static bool command_watch__look(const struct arguments *arguments, HANDLE cancel, struct watch_rates *rates,
                                struct screen *screen, struct streams *streams, enum exit_code *code_out)
{
    struct look look;
    struct failure failure;
    text_init_heap(&look.out);
    text_init_heap(&look.err);
    const bool has_rates = command_watch__has_rates(arguments);
    bool is_answered = !has_rates || command_watch__count(arguments, cancel, rates, code_out, &failure);
    if (is_answered && has_rates) {
        watch_rates_add(&look.out, rates);
    }
    is_answered =
        is_answered && command_control_ask(arguments, cancel, command_watch__take, &look, code_out, &failure);
    const bool is_cancelled = WaitForSingleObject(cancel, 0) == WAIT_OBJECT_0;
    if (is_answered) {
        screen_show(screen, &look.out);
        output_text(&streams->err, &look.err);
    } else if (!is_cancelled) {
        screen_leave(screen);
        *code_out = output_failure(&streams->err, &failure);
    }
    text_fini(&look.out);
    text_fini(&look.err);
    return is_answered && *code_out == EXIT_CODE_DONE && streams->out.error == 0;
}

static enum exit_code command_watch__loop(const struct arguments *arguments, HANDLE cancel,
                                          struct streams *streams)
{
    enum exit_code code = EXIT_CODE_DONE;
    struct watch_rates rates = {.count = 0};
    struct screen screen;
    ULONGLONG next = GetTickCount64();
    screen_init(&screen, &streams->out);
    while (command_watch__look(arguments, cancel, &rates, &screen, streams, &code)) {
        const ULONGLONG now = GetTickCount64();
        next = next + WATCH_PERIOD > now ? next + WATCH_PERIOD : now;
        if (WaitForSingleObject(cancel, (DWORD)(next - now)) == WAIT_OBJECT_0) {
            break;
        }
    }
    screen_leave(&screen);
    return code;
}

enum exit_code command_watch_run(const struct arguments *arguments, struct streams *streams)
{
    HANDLE cancel = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (cancel == NULL) {
        return output_failure(
            &streams->err,
            &(const struct failure){.code = EXIT_CODE_FAILED, .text = "an event could not be created"});
    }
    command_watch__set_console(cancel);
    SetConsoleCtrlHandler(command_watch__handle, TRUE);
    const enum exit_code code = command_watch__loop(arguments, cancel, streams);
    SetConsoleCtrlHandler(command_watch__handle, FALSE);
    command_watch__set_console(NULL);
    CloseHandle(cancel);
    return code;
}
