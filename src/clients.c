/* SPDX-License-Identifier: MIT
   Clients read from outside, see clients.h. A call to a worker is a block of its own, given back by whoever is the last: a
   worker that is stuck may still read the message when nobody waits for its answer any more. */
#include "clients.h"

#include <string.h>

#include "base/memory.h"

struct clients_call {
    struct message message;
    HANDLE done;              /* event */
    volatile LONG references; /* the caller, the worker */
    bool is_for_one;
    uint64_t id; /* is_for_one */
    uint32_t slot;
    bool has_endpoint;
    char endpoint[CONFIG_VALUE_NAME_MAX + 1];
    bool has_more; /* from here on: the answer */
    size_t count;
    struct client_row rows[CLIENTS_PIECE];
};

static struct clients_call *clients__create(void)
{
    struct clients_call *call = memory_alloc(sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    call->references = 2;
    call->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (call->done == NULL) {
        memory_free(call);
        return NULL;
    }
    return call;
}

static void clients__release(struct clients_call *call)
{
    if (InterlockedDecrement(&call->references) == 0) {
        CloseHandle(call->done);
        memory_free(call);
    }
}

/* On the worker. */
static void clients__run(struct message *message, struct worker *worker)
{
    struct clients_call *call = LIST_ELEMENT(message, struct clients_call, message);
    if (call->is_for_one) {
        call->count = client_row_find(worker, call->id, &call->rows[0]);
    } else {
        call->count = client_rows_copy(worker, call->has_endpoint ? call->endpoint : NULL, &call->slot,
                                       call->rows, CLIENTS_PIECE, &call->has_more);
    }
    SetEvent(call->done);
    clients__release(call);
}

/* True: the answer is there. */
static bool clients__ask(struct clients_call *call, struct worker *worker)
{
    call->message.run = clients__run;
    worker_send(worker, &call->message);
    return WaitForSingleObject(call->done, CLIENTS_PATIENCE) == WAIT_OBJECT_0;
}

static void clients__next_worker(struct clients_reading *reading)
{
    reading->worker++;
    reading->slot = 0;
}

bool clients_read(struct clients_reading *reading, struct worker *const *workers, unsigned worker_count,
                  struct client_row rows_out[CLIENTS_PIECE], size_t *count_out)
{
    *count_out = 0;
    if (reading->worker >= worker_count) {
        return false;
    }
    struct clients_call *call = clients__create();
    bool is_answered = false;
    if (call != NULL) {
        call->slot = reading->slot;
        call->has_endpoint = reading->endpoint != NULL;
        strncpy(call->endpoint, call->has_endpoint ? reading->endpoint : "", CONFIG_VALUE_NAME_MAX);
        is_answered = clients__ask(call, workers[reading->worker]);
    }
    if (is_answered) {
        *count_out = call->count;
        memcpy(rows_out, call->rows, call->count * sizeof rows_out[0]);
        reading->slot = call->slot;
    } else {
        reading->silent++;
    }
    if (!is_answered || !call->has_more) {
        clients__next_worker(reading);
    }
    if (call != NULL) {
        clients__release(call);
    }
    return true;
}

enum clients_answer clients_find(struct worker *const *workers, unsigned worker_count, uint64_t id,
                                 struct client_row *row_out)
{
    enum clients_answer answer = CLIENTS_SILENT;
    if (slot_worker(id) >= worker_count) {
        return CLIENTS_GONE;
    }
    struct clients_call *call = clients__create();
    if (call == NULL) {
        return CLIENTS_SILENT;
    }
    call->is_for_one = true;
    call->id = id;
    if (clients__ask(call, workers[slot_worker(id)])) {
        answer = call->count > 0 ? CLIENTS_FOUND : CLIENTS_GONE;
        *row_out = call->rows[0];
    }
    clients__release(call);
    return answer;
}
