/* SPDX-License-Identifier: MIT */
#include "endpoint/control_calls.h"

#include "base/log.h"
#include "base/text.h"

void control_calls_init(struct control_calls *calls, struct breadcrumb_place *place)
{
    calls->place = place != NULL ? place : &calls->own_place;
}

/* ---- What runs, noted ---- */

static void control_calls__enter(struct control_calls *calls, const struct endpoint *endpoint,
                                 const char *name)
{
    calls->place->thread = GetCurrentThreadId();
    callback_mark_enter(&calls->place->mark, endpoint->config->name, endpoint->handler->name, name, 0);
}

static void control_calls__leave(struct control_calls *calls)
{
    callback_mark_leave(&calls->place->mark);
}

static void control_calls__run_start(struct control_calls *calls)
{
    struct control_start *start = &calls->start;
    control_calls__enter(calls, calls->endpoint, "start");
    start->is_started = endpoint_start(calls->endpoint, start->host, start->previous, start->failure);
    control_calls__leave(calls);
}

static void control_calls__run_drain(struct control_calls *calls)
{
    control_calls__enter(calls, calls->endpoint, "drain");
    endpoint_drain(calls->endpoint, calls->within);
    control_calls__leave(calls);
}

static void control_calls__run_stop(struct control_calls *calls)
{
    control_calls__enter(calls, calls->endpoint, "stop");
    endpoint_stop(calls->endpoint);
    control_calls__leave(calls);
}

/* ---- On a thread of its own ---- */

static DWORD WINAPI control_calls__main(void *argument)
{
    struct control_calls *calls = argument;
    calls->run(calls);
    return 0;
}

bool control_calls_wait(struct control_calls *calls)
{
    const ULONGLONG deadline = GetTickCount64() + CONTROL_CALLS_PATIENCE;
    while (calls->thread != NULL) {
        if (WaitForSingleObject(calls->thread, CONTROL_CALLS_POLL) == WAIT_OBJECT_0) {
            CloseHandle(calls->thread);
            calls->thread = NULL;
        } else if (GetTickCount64() >= deadline) {
            return false;
        } else if (calls->tell != NULL) {
            calls->tell(calls->context);
        }
    }
    return true;
}

/* Where no thread can be had it has been run when this returns. */
static void control_calls__run(struct control_calls *calls, struct endpoint *endpoint,
                               void (*run)(struct control_calls *calls))
{
    calls->endpoint = endpoint;
    calls->run = run;
    calls->thread = CreateThread(NULL, 0, control_calls__main, calls, 0, NULL);
    if (calls->thread == NULL) {
        run(calls);
    }
}

/* ---- A start ---- */

static void control_calls__tell_late(const struct control_calls *calls, ULONGLONG begun)
{
    struct callback callback;
    if (callback_mark_read(&calls->place->mark, &callback) != 0) {
        char words[256];
        struct text text;
        text_init(&text, words, sizeof words);
        callback_add(&text, &callback);
        log_write(calls->endpoint->log, EVENT_CALLBACK_LATE, callback.endpoint, 0,
                  "%s for at least %llu seconds: the start of the service, or its reload, waits for it; look "
                  "what the handler waits for. If it never returns, only the end of the process ends it",
                  words, (GetTickCount64() - begun) / 1000);
    }
}

static void control_calls__wait_for_start(struct control_calls *calls)
{
    const ULONGLONG begun = GetTickCount64();
    if (WaitForSingleObject(calls->thread, CONTROL_CALLS_START_LIMIT) == WAIT_TIMEOUT) {
        control_calls__tell_late(calls, begun);
        WaitForSingleObject(calls->thread, INFINITE);
        log_write(calls->endpoint->log, EVENT_CALLBACK_RETURNED, calls->endpoint->config->name, 0,
                  "the handler %s has returned from start after about %llu seconds",
                  calls->endpoint->handler->name, (GetTickCount64() - begun + 500) / 1000);
    }
    CloseHandle(calls->thread);
    calls->thread = NULL;
}

bool control_calls_start(struct control_calls *calls, struct endpoint *endpoint, const struct pl_host *host,
                         void *previous, struct failure *failure_out)
{
    calls->start = (struct control_start){.host = host, .previous = previous, .failure = failure_out};
    if (endpoint->handler->start == NULL) { /* there is something to note all the same */
        calls->endpoint = endpoint;
        control_calls__run_start(calls);
        return calls->start.is_started;
    }
    control_calls__run(calls, endpoint, control_calls__run_start);
    if (calls->thread != NULL) {
        control_calls__wait_for_start(calls);
    }
    return calls->start.is_started;
}

/* ---- The end ---- */

bool control_calls_drain(struct control_calls *calls, struct endpoint *endpoint, uint32_t within)
{
    if (!endpoint_can_drain(endpoint)) {
        return true;
    }
    calls->within = within;
    control_calls__run(calls, endpoint, control_calls__run_drain);
    return control_calls_wait(calls);
}

bool control_calls_stop(struct control_calls *calls, struct endpoint *endpoint)
{
    if (!endpoint_can_stop(endpoint)) { /* it has something to tidy up all the same */
        endpoint_stop(endpoint);
        return true;
    }
    control_calls__run(calls, endpoint, control_calls__run_stop);
    return control_calls_wait(calls);
}

const struct callback_mark *control_calls_mark(const struct control_calls *calls)
{
    return &calls->place->mark;
}
