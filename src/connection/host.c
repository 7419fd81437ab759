/* SPDX-License-Identifier: MIT
   What a handler can call, see host.h. An id names its worker; on any other thread a call becomes a message
   to it. */
#include "connection/host.h"

#include <string.h>

#include "base/memory.h"
#include "config/config_settings.h"
#include "connection/connection.h"
#include "connection/udp_endpoint.h"
#include "connection/udp_session.h"

enum { HOST_SEND_MAX = 1 << 30 };

/* A send or close from another thread than the connection's own. */
struct host_message {
    struct message message;
    pl_id id;
    int32_t how; /* close */
    size_t length;
    uint8_t bytes[];
};

static struct worker *host__worker(const pl_host *functions, pl_id id)
{
    const struct host *host = (const struct host *)(const void *)functions;
    const unsigned index = slot_worker(id);
    return index < host->worker_count ? host->workers[index] : NULL;
}

static struct host_message *host_message__create(pl_id id, size_t length,
                                                 void (*run)(struct message *message, struct worker *worker))
{
    struct host_message *message = memory_alloc(sizeof *message + length);
    if (message != NULL) {
        message->message.run = run;
        message->id = id;
        message->length = length;
    }
    return message;
}

/* On W, to a connection or a session. */
static int32_t host__send_here(struct worker *worker, pl_id id, const void *at, size_t length)
{
    return slot_kind(id) == SLOT_SESSION ? udp_session_send(worker, id, at, length)
                                         : connection_send(worker, id, at, length);
}

static int32_t host__close_here(struct worker *worker, pl_id id, int32_t how)
{
    return slot_kind(id) == SLOT_SESSION ? udp_session_close(worker, id) : connection_close(worker, id, how);
}

static bool host__names_a_client(pl_id id)
{
    return slot_kind(id) == SLOT_CONNECTION || slot_kind(id) == SLOT_SESSION;
}

/* The sender was told that it is queued: what cannot be taken any more must not go unseen. A datagram may be lost. */
static void host__run_send(struct message *at, struct worker *worker)
{
    struct host_message *message = LIST_ELEMENT(at, struct host_message, message);
    const int32_t result = host__send_here(worker, message->id, message->bytes, message->length);
    if (result == PL_GONE) {
        worker_count(worker, COUNTER_STALE_MESSAGES, 1);
    } else if (result < 0 && slot_kind(message->id) == SLOT_CONNECTION) {
        connection_overrun(worker, message->id);
    }
    memory_free(message);
}

static int32_t host__send(const pl_host *functions, pl_id id, const void *at, size_t length)
{
    struct worker *worker = host__worker(functions, id);
    if (worker == NULL) {
        return PL_GONE;
    }
    if (slot_kind(id) == SLOT_DATAGRAM) {
        return worker_is_current(worker) ? udp_endpoint_send(worker, id, at, length) : PL_WRONG_THREAD;
    }
    if (!host__names_a_client(id)) {
        return PL_INVALID;
    }
    if (worker_is_current(worker)) {
        return host__send_here(worker, id, at, length);
    }
    if (length > (slot_kind(id) == SLOT_SESSION ? (size_t)UDP_DATAGRAM_MAX : (size_t)HOST_SEND_MAX)) {
        return PL_LIMIT;
    }
    struct host_message *message = host_message__create(id, length, host__run_send);
    if (message == NULL) {
        return PL_NO_MEMORY;
    }
    if (length > 0) {
        memcpy(message->bytes, at, length);
    }
    worker_send(worker, &message->message);
    return PL_QUEUED;
}

static void host__run_close(struct message *at, struct worker *worker)
{
    struct host_message *message = LIST_ELEMENT(at, struct host_message, message);
    if (host__close_here(worker, message->id, message->how) == PL_GONE) {
        worker_count(worker, COUNTER_STALE_MESSAGES, 1);
    }
    memory_free(message);
}

static int32_t host__close(const pl_host *functions, pl_id id, int32_t how)
{
    struct worker *worker = host__worker(functions, id);
    if (worker == NULL) {
        return PL_GONE;
    }
    if (how < PL_FINISH || how > PL_RESET || !host__names_a_client(id)) {
        return PL_INVALID;
    }
    if (worker_is_current(worker)) {
        return host__close_here(worker, id, how);
    }
    struct host_message *message = host_message__create(id, 0, host__run_close);
    if (message == NULL) {
        return PL_NO_MEMORY;
    }
    message->how = how;
    worker_send(worker, &message->message);
    return PL_QUEUED;
}

static int32_t host__option(const pl_host *functions, const pl_config *config, const char *name,
                            pl_text *text_out, int64_t *number_out)
{
    (void)functions;
    return config_settings_get(config, name, text_out, number_out);
}

void host_init(struct host *host, struct worker *const *workers, unsigned worker_count)
{
    host->functions = (struct pl_host){.size = sizeof host->functions,
                                       .abi_major = PL_ABI_MAJOR,
                                       .abi_minor = PL_ABI_MINOR,
                                       .send = host__send,
                                       .close = host__close,
                                       .option = host__option};
    host->workers = workers;
    host->worker_count = worker_count;
}
