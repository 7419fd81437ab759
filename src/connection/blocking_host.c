/* SPDX-License-Identifier: MIT
   The host's functions on a thread of the pool, see blocking_host.h. What they do is sent to W, in the order of the calls;
   how much may be sent is known without asking there. */
#include "connection/blocking_host.h"

#include <string.h>

#include "base/memory.h"
#include "connection/connection.h"
#include "connection/outbound.h"

/* Of send_queue: what the connection may still have queued when it says that it has few. */
enum { BLOCKING_MARGIN = CONNECTION_QUEUE_LOW };

struct blocking_send {
    struct reference reference; /* to `bytes`, or to somebody's */
    uint8_t bytes[];
};

static struct blocking_bridge *blocking_bridge__of(const pl_host *functions)
{
    return LIST_ELEMENT((void *)(uintptr_t)functions, struct blocking_bridge, functions);
}

static const pl_host *blocking_bridge__host(const struct blocking_bridge *bridge)
{
    return &bridge->host->functions;
}

/* The client whose callback calls, if it is about that client; else NULL. */
static struct blocking_client *blocking_bridge__caller(const struct blocking_bridge *bridge, pl_id id)
{
    struct blocking_client *client = blocking_client_current(bridge);
    return client != NULL && client->id == id ? client : NULL;
}

/* ---- Sending ---- */

bool blocking_host_settle(struct blocking_client *client, uint32_t bytes)
{
    InterlockedExchangeAdd(&client->pending, -(LONG)bytes);
    const bool was_full = InterlockedExchange(&client->is_full, 0) != 0;
    return !was_full || blocking_client_note(client, BLOCKING_WRITABLE, NULL, 0) != NULL;
}

/* On W. */
static void blocking_send__run(void *state, pl_id id, void **user, void *what)
{
    const struct blocking_bridge *bridge = state;
    struct blocking_send *send = what;
    const struct reference *reference = &send->reference;
    if (id == 0) {
        reference_release(reference);
    } else {
        struct blocking_client *client = *user;
        const pl_host *host = blocking_bridge__host(bridge);
        const uint32_t length = (uint32_t)reference->length;
        const int32_t result =
            reference->release != NULL
                ? host->send_ref(host, id, reference->at, length, reference->release, reference->what)
                : host->send(host, id, send->bytes, length);
        if (result == PL_OK) {
            if (!blocking_host_settle(client, length)) {
                blocking_client_lose(client);
            }
            blocking_client_submit(client);
        } else if (result == PL_QUEUED) {
            client->unsettled += length;
            host->want_writable(host, id);
        } else if (result == PL_FULL || result == PL_LIMIT) {
            connection_abort(client->worker, id, CLOSED_SLOW_READER,
                             0); /* other threads have filled the queue */
        }
    }
    memory_free(send);
}

/* Below 0 the reference is still the caller's. */
static int32_t blocking_client__post_send(struct blocking_client *client, const struct reference *reference)
{
    const pl_host *host = blocking_bridge__host(client->bridge);
    const size_t length = reference->length, copied = reference->release == NULL ? length : 0;
    struct blocking_send *send = memory_alloc(sizeof *send + copied);
    if (send == NULL) {
        return PL_NO_MEMORY;
    }
    send->reference = *reference;
    if (copied > 0) {
        memcpy(send->bytes, reference->at, copied);
    }
    InterlockedExchangeAdd(&client->pending, (LONG)length);
    const int32_t result = host->post(host, client->id, blocking_send__run, send);
    if (result < 0) {
        InterlockedExchangeAdd(&client->pending, -(LONG)length);
        memory_free(send);
    }
    return result;
}

/* Whether so much fits; if not, on_writable will come. */
static bool blocking_client__has_room(struct blocking_client *client, size_t length)
{
    const size_t most = client->bridge->endpoint->config->send_queue - BLOCKING_MARGIN;
    if (client->pending == 0 || (size_t)client->pending + length <= most) {
        return true;
    }
    InterlockedExchange(&client->is_full, 1);
    if ((size_t)client->pending + length > most) {
        return false;
    }
    return InterlockedExchange(&client->is_full, 0) != 0; /* else W has it, and on_writable comes */
}

/* In a callback of the connection itself. Below 0 the reference is still the caller's. */
static int32_t blocking_client__send(struct blocking_client *client, const struct reference *reference)
{
    const struct blocking_bridge *bridge = client->bridge;
    if (client->is_gone) {
        return PL_GONE;
    }
    if (reference->length > bridge->endpoint->config->send_queue) {
        return PL_LIMIT;
    }
    if (!blocking_client__has_room(client, reference->length)) {
        if (bridge->inner->on_writable == NULL) {
            blocking_client_give_up(client, CLOSED_SLOW_READER, 0);
        }
        return PL_FULL;
    }
    return blocking_client__post_send(client, reference);
}

static int32_t blocking_host__send(const pl_host *functions, pl_id id, const void *at, size_t length)
{
    const struct blocking_bridge *bridge = blocking_bridge__of(functions);
    struct blocking_client *client = blocking_bridge__caller(bridge, id);
    if (client == NULL || slot_kind(id) != SLOT_CONNECTION || (at == NULL && length > 0)) {
        const pl_host *host = blocking_bridge__host(bridge);
        return host->send(host, id, at, length);
    }
    return blocking_client__send(client, &(const struct reference){.at = at, .length = length});
}

static int32_t blocking_host__send_ref(const pl_host *functions, pl_id id, const void *at, size_t length,
                                       pl_release release, void *what)
{
    const struct blocking_bridge *bridge = blocking_bridge__of(functions);
    struct blocking_client *client = blocking_bridge__caller(bridge, id);
    if (client == NULL || slot_kind(id) != SLOT_CONNECTION || release == NULL || (at == NULL && length > 0)) {
        const pl_host *host = blocking_bridge__host(bridge);
        return host->send_ref(host, id, at, length, release, what);
    }
    const struct reference reference = {.at = at, .length = length, .release = release, .what = what};
    const int32_t result = blocking_client__send(client, &reference);
    if (result < 0) {
        reference_release(&reference);
    }
    return result;
}

/* What on_data is given is a copy, which goes when it returns. */
static void *blocking_host__retain(const pl_host *functions, pl_id id, const void *at, size_t length)
{
    (void)functions, (void)id, (void)at, (void)length;
    return NULL;
}

/* ---- Files ---- */

struct blocking_file {
    HANDLE file; /* ours */
    uint64_t offset, length;
};

static void blocking_file__destroy(struct blocking_file *sent)
{
    CloseHandle(sent->file);
    memory_free(sent);
}

/* On W. */
static void blocking_file__run(void *state, pl_id id, void **user, void *what)
{
    const struct blocking_bridge *bridge = state;
    struct blocking_file *sent = what;
    if (id != 0) {
        struct blocking_client *client = *user;
        const pl_host *host = blocking_bridge__host(bridge);
        const int32_t result = host->send_file(host, id, sent->file, sent->offset, sent->length);
        if (result >= 0) {
            client->has_file = true;
            host->want_writable(host, id);
        } else if (result == PL_FULL) { /* another thread has sent one */
            connection_abort(client->worker, id, CLOSED_SLOW_READER, 0);
        } else if (result != PL_GONE) { /* it has become shorter, if it is not for memory */
            connection_abort(client->worker, id, CLOSED_ERROR,
                             result == PL_NO_MEMORY ? ERROR_NOT_ENOUGH_MEMORY : ERROR_HANDLE_EOF);
        }
    }
    blocking_file__destroy(sent);
}

static int32_t blocking_client__post_file(struct blocking_client *client, const struct blocking_file *given)
{
    const pl_host *host = blocking_bridge__host(client->bridge);
    struct blocking_file *sent = memory_alloc(sizeof *sent);
    if (sent == NULL) {
        return PL_NO_MEMORY;
    }
    *sent = *given;
    sent->file =
        ReOpenFile(given->file, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0);
    if (sent->file == INVALID_HANDLE_VALUE) {
        memory_free(sent);
        return PL_INVALID;
    }
    InterlockedExchange(&client->is_filing, 1);
    const int32_t result = host->post(host, client->id, blocking_file__run, sent);
    if (result < 0) {
        InterlockedExchange(&client->is_filing, 0);
        blocking_file__destroy(sent);
    }
    return result;
}

/* Whether there is one; then on_writable will come. */
static bool blocking_client__has_file(struct blocking_client *client)
{
    if (client->is_filing == 0) {
        return false;
    }
    InterlockedExchange(&client->is_full, 1);
    return client->is_filing != 0 || InterlockedExchange(&client->is_full, 0) == 0;
}

/* The bytes are there now; whether they are when W comes to it, that will see. */
static int32_t blocking_host__send_file(const pl_host *functions, pl_id id, void *file, uint64_t offset,
                                        uint64_t length)
{
    const struct blocking_bridge *bridge = blocking_bridge__of(functions);
    struct blocking_client *client = blocking_bridge__caller(bridge, id);
    if (client == NULL || slot_kind(id) != SLOT_CONNECTION) {
        const pl_host *host = blocking_bridge__host(bridge);
        return host->send_file(host, id, file, offset, length);
    }
    struct file_part *part = NULL;
    const int32_t result = client->is_gone ? PL_GONE : file_part_open(file, offset, length, &part);
    if (result < 0) {
        return result;
    }
    file_part_close(part);
    if (length == 0) {
        return PL_OK;
    }
    if (blocking_client__has_file(client)) {
        if (bridge->inner->on_writable == NULL) {
            blocking_client_give_up(client, CLOSED_SLOW_READER, 0);
        }
        return PL_FULL;
    }
    return blocking_client__post_file(client, &(const struct blocking_file){file, offset, length});
}

static int32_t blocking_host__close(const pl_host *functions, pl_id id, int32_t how)
{
    const pl_host *host = blocking_bridge__host(blocking_bridge__of(functions));
    return host->close(host, id, how);
}

/* ---- What is W's to do ---- */

static int32_t blocking_client__post(struct blocking_client *client, blocking_run run, void *what)
{
    const pl_host *host = blocking_bridge__host(client->bridge);
    const int32_t result = host->post(host, client->id, run, what);
    return result < 0 ? result : PL_OK;
}

static void blocking_client__run_want(void *state, pl_id id, void **user, void *what)
{
    const struct blocking_bridge *bridge = state;
    (void)user, (void)what;
    if (id != 0) {
        const pl_host *host = blocking_bridge__host(bridge);
        host->want_writable(host, id);
    }
}

static int32_t blocking_host__want_writable(const pl_host *functions, pl_id id)
{
    const struct blocking_bridge *bridge = blocking_bridge__of(functions);
    const pl_host *host = blocking_bridge__host(bridge);
    struct blocking_client *client = blocking_bridge__caller(bridge, id);
    if (client == NULL) {
        return host->want_writable(host, id); /* why not */
    }
    if (client->is_gone) {
        return PL_GONE;
    }
    if (slot_kind(id) != SLOT_CONNECTION || client->bridge->inner->on_writable == NULL) {
        return PL_INVALID;
    }
    InterlockedExchange(&client->is_asked, 1);
    return blocking_client__post(client, blocking_client__run_want, NULL);
}

static int32_t blocking_host__read(const pl_host *functions, pl_id id, int32_t on)
{
    const struct blocking_bridge *bridge = blocking_bridge__of(functions);
    const pl_host *host = blocking_bridge__host(bridge);
    struct blocking_client *client = blocking_bridge__caller(bridge, id);
    if (client == NULL) {
        return host->read(host, id, on); /* why not */
    }
    if (client->is_gone) {
        return PL_GONE;
    }
    if (slot_kind(id) != SLOT_CONNECTION || (on != 0 && on != 1)) {
        return PL_INVALID;
    }
    client->is_resumed = client->is_resumed || (on == 1 && client->is_held != 0);
    InterlockedExchange(&client->is_held, on == 0); /* nothing is read before this callback has returned */
    return PL_OK;
}

static void blocking_client__run_timer(void *state, pl_id id, void **user, void *what)
{
    const struct blocking_bridge *bridge = state;
    (void)user;
    if (id != 0) {
        const pl_host *host = blocking_bridge__host(bridge);
        host->timer(host, id, (uint32_t)(uintptr_t)what);
    }
}

static int32_t blocking_host__timer(const pl_host *functions, pl_id id, uint32_t after)
{
    const struct blocking_bridge *bridge = blocking_bridge__of(functions);
    const pl_host *host = blocking_bridge__host(bridge);
    struct blocking_client *client = blocking_bridge__caller(bridge, id);
    if (client == NULL) {
        return host->timer(host, id, after); /* why not */
    }
    if (client->is_gone) {
        return PL_GONE;
    }
    if (!endpoint_has_timer(client->bridge->endpoint)) {
        return PL_INVALID;
    }
    return blocking_client__post(client, blocking_client__run_timer, (void *)(uintptr_t)after);
}

static int32_t blocking_host__info(const pl_host *functions, pl_id id, pl_info *out)
{
    const struct blocking_bridge *bridge = blocking_bridge__of(functions);
    const pl_host *host = blocking_bridge__host(bridge);
    const struct blocking_client *client = blocking_bridge__caller(bridge, id);
    if (client == NULL || out == NULL) {
        return host->info(host, id, out); /* why not */
    }
    if (client->is_gone) {
        return PL_GONE;
    }
    const uint32_t size = out->size;
    if (client == client->bridge->own || size < sizeof size) {
        return PL_INVALID;
    }
    memcpy(out, &client->info, size < sizeof client->info ? size : sizeof client->info);
    out->size = size;
    return PL_OK;
}

/* ---- Posts ---- */

struct blocking_post {
    blocking_run run;
    void *what;
};

/* On W: on to the pool. */
static void blocking_post__run(void *state, pl_id id, void **user, void *what)
{
    const struct blocking_bridge *bridge = state;
    struct blocking_post *post = what;
    struct blocking_client *client = id == 0 ? NULL : user != NULL ? *user : bridge->own;
    struct blocking_event *event =
        client != NULL ? blocking_client_note(client, BLOCKING_POST, NULL, 0) : NULL;
    if (event != NULL) {
        event->run = post->run;
        event->what = post->what;
        blocking_client_submit(client);
    } else {
        post->run(NULL, 0, NULL, post->what); /* gone; without memory it is no more of use either */
    }
    memory_free(post);
}

static int32_t blocking_host__post(const pl_host *functions, pl_id id, blocking_run run, void *what)
{
    const pl_host *host = blocking_bridge__host(blocking_bridge__of(functions));
    struct blocking_post *post = memory_alloc(sizeof *post);
    if (post == NULL) {
        return PL_NO_MEMORY;
    }
    *post = (struct blocking_post){run, what};
    const int32_t result = run != NULL ? host->post(host, id, blocking_post__run, post) : PL_INVALID;
    if (result < 0) {
        memory_free(post);
    }
    return result;
}

/* ---- Connecting ---- */

/* The callback waits for W, which waits for no callback of this pool. */
struct blocking_connect {
    struct message message;
    HANDLE done;
    struct blocking_client *client; /* the new one's */
    pl_id owner;
    const pl_connect *how;
    int32_t result;
};

static void blocking_connect__run(struct message *message, struct worker *worker)
{
    struct blocking_connect *asked = LIST_ELEMENT(message, struct blocking_connect, message);
    struct blocking_client *client = asked->client;
    struct blocking_bridge *bridge = client->bridge;
    asked->result = host_connect(bridge->host, worker, asked->owner, asked->how, client, &client->id);
    if (asked->result == PL_OK) {
        InterlockedIncrement(&bridge->clients);
    }
    SetEvent(asked->done);
}

/* PL_OK: the client is that of the new connection. */
static int32_t blocking_client__connect(struct blocking_client *client, struct worker *worker, pl_id owner,
                                        const pl_connect *how)
{
    struct blocking_connect asked = {.message.run = blocking_connect__run,
                                     .done = CreateEventW(NULL, FALSE, FALSE, NULL),
                                     .client = client,
                                     .owner = owner,
                                     .how = how,
                                     .result = PL_NO_MEMORY};
    if (asked.done != NULL) {
        client->user = outbound_user(how);
        worker_send(worker, &asked.message);
        WaitForSingleObject(asked.done, INFINITE);
        CloseHandle(asked.done);
    }
    return asked.result;
}

static int32_t blocking_host__connect(const pl_host *functions, pl_id owner, const pl_connect *how,
                                      pl_id *id_out)
{
    struct blocking_bridge *bridge = blocking_bridge__of(functions);
    const struct blocking_client *caller = blocking_client_current(bridge);
    const bool is_of_endpoint = slot_kind(owner) == SLOT_ENDPOINT;
    if (caller == NULL || (!is_of_endpoint && host_worker(bridge->host, owner) != caller->worker)) {
        const pl_host *host = blocking_bridge__host(bridge);
        return host->connect(host, owner, how, id_out); /* why not */
    }
    if (id_out == NULL) {
        return PL_INVALID;
    }
    struct blocking_client *client = blocking_client_create(bridge, caller->worker, 0);
    if (client == NULL) {
        return PL_NO_MEMORY;
    }
    const int32_t result = blocking_client__connect(client, caller->worker, owner, how);
    if (result == PL_OK) {
        *id_out = client->id;
    } else {
        blocking_client_destroy(client);
    }
    return result;
}

/* ---- The same on all threads ---- */

static int32_t blocking_host__option(const pl_host *functions, const pl_config *config, const char *name,
                                     pl_text *text_out, int64_t *number_out)
{
    const pl_host *host = blocking_bridge__host(blocking_bridge__of(functions));
    return host->option(host, config, name, text_out, number_out);
}

static int32_t blocking_host__count(const pl_host *functions, pl_id endpoint, uint32_t index, uint64_t add)
{
    const pl_host *host = blocking_bridge__host(blocking_bridge__of(functions));
    return host->count(host, endpoint, index, add);
}

static int32_t blocking_host__log(const pl_host *functions, pl_id endpoint, pl_id id, int32_t level,
                                  const char *at, size_t length)
{
    const pl_host *host = blocking_bridge__host(blocking_bridge__of(functions));
    return host->log(host, endpoint, id, level, at, length);
}

static int32_t blocking_host__report(const pl_host *functions, int32_t format,
                                     void (*sink)(void *what, const char *at, size_t length), void *what)
{
    const pl_host *host = blocking_bridge__host(blocking_bridge__of(functions));
    return host->report(host, format, sink, what);
}

static int64_t blocking_host__clock(const pl_host *functions)
{
    const pl_host *host = blocking_bridge__host(blocking_bridge__of(functions));
    return host->clock(host);
}

void blocking_host_init(struct blocking_bridge *bridge)
{
    bridge->functions = (pl_host){.size = sizeof bridge->functions,
                                  .abi_major = PL_ABI_MAJOR,
                                  .abi_minor = PL_ABI_MINOR,
                                  .send = blocking_host__send,
                                  .close = blocking_host__close,
                                  .option = blocking_host__option,
                                  .want_writable = blocking_host__want_writable,
                                  .read = blocking_host__read,
                                  .timer = blocking_host__timer,
                                  .post = blocking_host__post,
                                  .info = blocking_host__info,
                                  .count = blocking_host__count,
                                  .log = blocking_host__log,
                                  .clock = blocking_host__clock,
                                  .report = blocking_host__report,
                                  .send_ref = blocking_host__send_ref,
                                  .retain = blocking_host__retain,
                                  .release = bridge->host->functions.release,
                                  .send_file = blocking_host__send_file,
                                  .connect = blocking_host__connect,
                                  .explain = host_explain};
}
