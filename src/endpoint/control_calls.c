/* SPDX-License-Identifier: MIT */
#include "endpoint/control_calls.h"

enum { CONTROL_CALLS_POLL = 10 };

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

bool control_calls_start(struct control_calls *calls, struct endpoint *endpoint, const struct pl_host *host,
                         void *previous, struct failure *failure_out)
{
    control_calls__enter(calls, endpoint, "start");
    const bool is_started = endpoint_start(endpoint, host, previous, failure_out);
    control_calls__leave(calls);
    return is_started;
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

static bool control_calls__run(struct control_calls *calls, struct endpoint *endpoint,
                               void (*run)(struct control_calls *calls))
{
    calls->endpoint = endpoint;
    calls->run = run;
    calls->thread = CreateThread(NULL, 0, control_calls__main, calls, 0, NULL);
    if (calls->thread == NULL) {
        run(calls);
    }
    return control_calls_wait(calls);
}

bool control_calls_drain(struct control_calls *calls, struct endpoint *endpoint, uint32_t within)
{
    if (!endpoint_can_drain(endpoint)) {
        return true;
    }
    calls->within = within;
    return control_calls__run(calls, endpoint, control_calls__run_drain);
}

bool control_calls_stop(struct control_calls *calls, struct endpoint *endpoint)
{
    if (!endpoint_can_stop(endpoint)) { /* it has something to tidy up all the same */
        endpoint_stop(endpoint);
        return true;
    }
    return control_calls__run(calls, endpoint, control_calls__run_stop);
}

const struct callback_mark *control_calls_mark(const struct control_calls *calls)
{
    return &calls->place->mark;
}
