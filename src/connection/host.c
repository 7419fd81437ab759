/* SPDX-License-Identifier: MIT
   What a handler can call, see host.h. An id names its worker; on any other thread a call becomes a message
   to it. */
#include "connection/host.h"

#include <string.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "config/config_settings.h"
#include "connection/connection.h"
#include "connection/kept_input.h"
#include "connection/outbound.h"
#include "connection/udp_endpoint.h"
#include "connection/udp_peer.h"
#include "connection/udp_session.h"

enum { HOST_SEND_MAX = 1 << 30 };

/* A send or close from another thread than the connection's own. */
struct host_message {
    struct message message;
    pl_id id;
    int32_t how;    /* close; or why it ends, */
    uint32_t error; /* and with which error */
    size_t length;
    uint8_t bytes[];
};

static const struct host *host__of(const pl_host *functions)
{
    return (const struct host *)(const void *)functions;
}

/* W of anything but an endpoint; NULL: no such worker. */
static struct worker *host__worker(const pl_host *functions, pl_id id)
{
    const struct host *host = host__of(functions);
    const unsigned index = slot_worker(id);
    return index < host->worker_count ? host->workers[index] : NULL;
}

/* Whose handler is started, or starts; to be left again. NULL: none. */
static struct endpoint *host__enter(const struct host *host, pl_id id)
{
    struct endpoint *endpoint = directory_enter(&host->endpoints, id);
    if (endpoint != NULL && endpoint->is_started == 0) {
        directory_leave(&host->endpoints, id);
        return NULL;
    }
    return endpoint;
}

/* The same for who is on a worker: an endpoint goes only when all workers have passed. */
static struct endpoint *host__endpoint(const struct host *host, pl_id id)
{
    struct endpoint *endpoint = host__enter(host, id);
    if (endpoint != NULL) {
        directory_leave(&host->endpoints, id);
    }
    return endpoint;
}

/* W of an endpoint; NULL: there are no workers. */
static struct worker *host__home(const struct host *host, pl_id id)
{
    return host->worker_count > 0 ? host->workers[slot_number(id) % host->worker_count] : NULL;
}

static bool host__names_an_endpoint(pl_id id)
{
    return slot_kind(id) == SLOT_ENDPOINT && slot_worker(id) == SLOT_NOBODYS;
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

/* On W, to a connection, a session or a UDP peer. */
static int32_t host__send_here(struct worker *worker, pl_id id, const void *at, size_t length)
{
    return slot_kind(id) == SLOT_SESSION ? udp_session_send(worker, id, at, length)
           : slot_kind(id) == SLOT_PEER  ? udp_peer_send(worker, id, at, length)
                                         : connection_send(worker, id, at, length);
}

static int32_t host__close_here(struct worker *worker, pl_id id, int32_t how)
{
    return slot_kind(id) == SLOT_SESSION ? udp_session_close(worker, id)
           : slot_kind(id) == SLOT_PEER  ? udp_peer_close(worker, id, how)
                                         : connection_close(worker, id, how);
}

/* Clients, and what the handler has opened. */
static bool host__names_a_client(pl_id id)
{
    return slot_kind(id) == SLOT_CONNECTION || slot_kind(id) == SLOT_SESSION || slot_kind(id) == SLOT_PEER;
}

/* The sender was told that it is queued: what cannot be taken any more must not go unseen. A datagram may be lost. */
static void host__run_send(struct message *at, struct worker *worker)
{
    struct host_message *message = LIST_ELEMENT(at, struct host_message, message);
    const int32_t result = host__send_here(worker, message->id, message->bytes, message->length);
    if (result == PL_GONE) {
        worker_count(worker, NULL, COUNTER_STALE_MESSAGES, 1);
    } else if (result < 0 && slot_kind(message->id) == SLOT_CONNECTION) {
        connection_abort(worker, message->id, CLOSED_SLOW_READER, 0); /* nobody could be told */
    }
    memory_free(message);
}

/* From another thread. */
static size_t host__longest(pl_id id)
{
    return slot_kind(id) == SLOT_CONNECTION ? (size_t)HOST_SEND_MAX : (size_t)UDP_DATAGRAM_MAX;
}

/* A handler of no bytes may have no place for them either. */
static bool host__has_bytes(const void *at, size_t length)
{
    return at != NULL || length == 0;
}

static int32_t host__send(const pl_host *functions, pl_id id, const void *at, size_t length)
{
    struct worker *worker = host__worker(functions, id);
    if (!host__has_bytes(at, length)) {
        return PL_INVALID;
    }
    if (worker == NULL) {
        return host__names_an_endpoint(id) ? PL_INVALID : PL_GONE;
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
    if (length > host__longest(id)) {
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
        worker_count(worker, NULL, COUNTER_STALE_MESSAGES, 1);
    }
    memory_free(message);
}

static int32_t host__close(const pl_host *functions, pl_id id, int32_t how)
{
    struct worker *worker = host__worker(functions, id);
    if (worker == NULL) {
        return host__names_an_endpoint(id) ? PL_INVALID : PL_GONE;
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

/* ---- Sends by reference ---- */

struct host_reference {
    struct message message;
    pl_id id;
    struct reference reference;
};

/* A datagram has gone, or is lost, when the call is back. Below 0 the reference is still the caller's. */
static int32_t host__send_ref_here(struct worker *worker, pl_id id, const struct reference *reference)
{
    if (slot_kind(id) == SLOT_CONNECTION) {
        return connection_send_ref(worker, id, reference);
    }
    const int32_t result = slot_kind(id) == SLOT_DATAGRAM
                               ? udp_endpoint_send(worker, id, reference->at, reference->length)
                               : host__send_here(worker, id, reference->at, reference->length);
    if (result >= 0) {
        reference_release(reference);
    }
    return result;
}

/* As host__run_send. */
static void host__run_send_ref(struct message *at, struct worker *worker)
{
    struct host_reference *sent = LIST_ELEMENT(at, struct host_reference, message);
    const int32_t result = host__send_ref_here(worker, sent->id, &sent->reference);
    if (result < 0) {
        reference_release(&sent->reference);
    }
    if (result == PL_GONE) {
        worker_count(worker, NULL, COUNTER_STALE_MESSAGES, 1);
    } else if (result < 0 && slot_kind(sent->id) == SLOT_CONNECTION) {
        connection_abort(worker, sent->id, CLOSED_SLOW_READER, 0);
    }
    memory_free(sent);
}

static int32_t host__send_ref_to(struct worker *worker, pl_id id, const struct reference *reference)
{
    if (slot_kind(id) == SLOT_DATAGRAM || worker_is_current(worker)) {
        return worker_is_current(worker) ? host__send_ref_here(worker, id, reference) : PL_WRONG_THREAD;
    }
    if (reference->length > host__longest(id)) {
        return PL_LIMIT;
    }
    struct host_reference *sent = memory_alloc(sizeof *sent);
    if (sent == NULL) {
        return PL_NO_MEMORY;
    }
    *sent = (struct host_reference){.message.run = host__run_send_ref, .id = id, .reference = *reference};
    worker_send(worker, &sent->message);
    return PL_QUEUED;
}

static int32_t host__send_ref(const pl_host *functions, pl_id id, const void *at, size_t length,
                              pl_release release, void *what)
{
    const struct reference reference = {.at = at, .length = length, .release = release, .what = what};
    struct worker *worker = host__worker(functions, id);
    int32_t result = PL_INVALID;
    if (worker == NULL) {
        result = host__names_an_endpoint(id) ? PL_INVALID : PL_GONE;
    } else if (release != NULL && host__has_bytes(at, length) &&
               (host__names_a_client(id) || slot_kind(id) == SLOT_DATAGRAM)) {
        result = host__send_ref_to(worker, id, &reference);
    }
    if (result < 0) {
        reference_release(&reference);
    }
    return result;
}

/* ---- Files ---- */

struct host_file {
    struct message message;
    pl_id id;
    struct file_part *part;
};

static void host__run_send_file(struct message *at, struct worker *worker)
{
    struct host_file *sent = LIST_ELEMENT(at, struct host_file, message);
    const int32_t result = connection_send_file(worker, sent->id, sent->part);
    if (result < 0) {
        file_part_close(sent->part);
    }
    if (result == PL_GONE) {
        worker_count(worker, NULL, COUNTER_STALE_MESSAGES, 1);
    } else if (result < 0) {
        connection_abort(worker, sent->id, CLOSED_SLOW_READER, 0);
    }
    memory_free(sent);
}

static int32_t host__pass_file(struct worker *worker, pl_id id, struct file_part *part)
{
    if (worker_is_current(worker)) {
        return connection_send_file(worker, id, part);
    }
    struct host_file *sent = memory_alloc(sizeof *sent);
    if (sent == NULL) {
        return PL_NO_MEMORY;
    }
    *sent = (struct host_file){.message.run = host__run_send_file, .id = id, .part = part};
    worker_send(worker, &sent->message);
    return PL_QUEUED;
}

static int32_t host__send_file(const pl_host *functions, pl_id id, void *file, uint64_t offset,
                               uint64_t length)
{
    struct worker *worker = host__worker(functions, id);
    if (worker == NULL) {
        return host__names_an_endpoint(id) ? PL_INVALID : PL_GONE;
    }
    if (slot_kind(id) != SLOT_CONNECTION) {
        return PL_INVALID;
    }
    struct file_part *part = NULL;
    int32_t result = file_part_open(file, offset, length, &part);
    if (result < 0) {
        return result;
    }
    result = length > 0 ? host__pass_file(worker, id, part) : PL_OK;
    if (result != PL_QUEUED) {
        file_part_close(part);
    }
    return result;
}

static void *host__retain(const pl_host *functions, pl_id id, const void *at, size_t length)
{
    struct worker *worker = host__worker(functions, id);
    return worker != NULL && slot_kind(id) == SLOT_CONNECTION && worker_is_current(worker)
               ? connection_retain(worker, id, at, length)
               : NULL;
}

/* ---- What only W may ask ---- */

/* PL_OK: `worker_out` is W, and the caller is on it; else why not. */
static int32_t host__on_w(const pl_host *functions, pl_id id, struct worker **worker_out)
{
    *worker_out = host__worker(functions, id);
    if (*worker_out == NULL) {
        return host__names_an_endpoint(id) ? PL_INVALID : PL_GONE;
    }
    if (!host__names_a_client(id)) {
        return PL_INVALID;
    }
    return worker_is_current(*worker_out) ? PL_OK : PL_WRONG_THREAD;
}

static int32_t host__want_writable(const pl_host *functions, pl_id id)
{
    struct worker *worker = NULL;
    const int32_t result = host__on_w(functions, id, &worker);
    if (result != PL_OK) {
        return result;
    }
    return slot_kind(id) == SLOT_CONNECTION ? connection_want_writable(worker, id) : PL_INVALID;
}

static int32_t host__read(const pl_host *functions, pl_id id, int32_t on)
{
    struct worker *worker = NULL;
    const int32_t result = host__on_w(functions, id, &worker);
    if (result != PL_OK) {
        return result;
    }
    return slot_kind(id) == SLOT_CONNECTION && (on == 0 || on == 1) ? connection_read(worker, id, on != 0)
                                                                    : PL_INVALID;
}

static int32_t host__info(const pl_host *functions, pl_id id, pl_info *out)
{
    struct worker *worker = NULL;
    const int32_t result = out != NULL ? host__on_w(functions, id, &worker) : PL_INVALID;
    if (result != PL_OK) {
        return result;
    }
    pl_info info;
    const bool is_there = slot_kind(id) == SLOT_SESSION ? udp_session_info(worker, id, &info)
                          : slot_kind(id) == SLOT_PEER  ? udp_peer_info(worker, id, &info)
                                                        : connection_info(worker, id, &info);
    if (!is_there) {
        return PL_GONE;
    }
    const uint32_t size = out->size;
    if (size < sizeof size) {
        return PL_INVALID;
    }
    memcpy(out, &info, size < sizeof info ? size : sizeof info);
    out->size = size;
    return PL_OK;
}

/* ---- Timers ---- */

static void host__run_endpoint_timer(struct timer *timer)
{
    struct endpoint *endpoint = pulse_owner(timer);
    struct worker *worker = endpoint->account->home;
    worker_enter(worker, endpoint->config->name, endpoint->handler->name, "on_timer", endpoint->id);
    endpoint->handler->on_timer(endpoint->state, endpoint->id, NULL);
    worker_leave(worker);
}

static int32_t host__set_endpoint_timer(const struct host *host, pl_id id, uint32_t after)
{
    struct endpoint *endpoint = host__endpoint(host, id);
    struct worker *home = host__home(host, id);
    if (endpoint == NULL) {
        return PL_GONE;
    }
    if (!endpoint_has_timer(endpoint)) {
        return PL_INVALID;
    }
    if (!worker_is_current(home)) {
        return PL_WRONG_THREAD;
    }
    if (endpoint->is_still != 0) {
        return PL_GONE;
    }
    struct account *account = endpoint->account; /* is there: it has a timer */
    if (account->home == NULL) {
        account->home = home;
        pulse_init(&account->pulse, endpoint, host__run_endpoint_timer);
    }
    pulse_set(&account->pulse, home, after);
    return PL_OK;
}

static int32_t host__timer(const pl_host *functions, pl_id id, uint32_t after)
{
    if (host__names_an_endpoint(id)) {
        return host__set_endpoint_timer(host__of(functions), id, after);
    }
    struct worker *worker = NULL;
    const int32_t result = host__on_w(functions, id, &worker);
    if (result != PL_OK) {
        return result;
    }
    return slot_kind(id) == SLOT_SESSION ? udp_session_set_timer(worker, id, after)
           : slot_kind(id) == SLOT_PEER  ? udp_peer_set_timer(worker, id, after)
                                         : connection_set_timer(worker, id, after);
}

/* ---- Posts ---- */

typedef void (*host_run)(void *state, pl_id id, void **user, void *what);

struct host_post {
    struct message message;
    const struct host *host;
    pl_id id;
    host_run run;
    void *what;
};

/* False: there is no such endpoint any more. */
static bool host__run_on_endpoint(const struct host_post *post, struct worker *worker)
{
    struct endpoint *endpoint = host__endpoint(post->host, post->id);
    if (endpoint == NULL || endpoint->is_still != 0) {
        return false;
    }
    worker_enter(worker, endpoint->config->name, endpoint->handler->name, CALLBACK_POSTED, post->id);
    post->run(endpoint->state, post->id, NULL, post->what);
    worker_leave(worker);
    return true;
}

static void host__run_post(struct message *at, struct worker *worker)
{
    struct host_post *post = LIST_ELEMENT(at, struct host_post, message);
    bool has_run = false;
    if (host__names_an_endpoint(post->id)) {
        has_run = host__run_on_endpoint(post, worker);
    } else if (slot_kind(post->id) == SLOT_SESSION) {
        has_run = udp_session_run(worker, post->id, post->run, post->what);
    } else if (slot_kind(post->id) == SLOT_PEER) {
        has_run = udp_peer_run(worker, post->id, post->run, post->what);
    } else {
        has_run = connection_run(worker, post->id, post->run, post->what);
    }
    if (!has_run) {
        worker_count(worker, NULL, COUNTER_STALE_MESSAGES, 1);
        post->run(NULL, 0, NULL, post->what);
    }
    memory_free(post);
}

static int32_t host__send_post(const struct host *host, struct worker *worker, pl_id id, host_run run,
                               void *what)
{
    struct host_post *post = memory_alloc(sizeof *post);
    if (post == NULL) {
        return PL_NO_MEMORY;
    }
    *post =
        (struct host_post){.message.run = host__run_post, .host = host, .id = id, .run = run, .what = what};
    worker_send(worker, &post->message);
    return PL_QUEUED;
}

/* Held until it is sent: whoever waits for the last one then finds it in the inbox. */
static int32_t host__post_to_endpoint(const struct host *host, pl_id id, host_run run, void *what)
{
    if (host__enter(host, id) == NULL) {
        return PL_GONE;
    }
    const int32_t result =
        run != NULL ? host__send_post(host, host__home(host, id), id, run, what) : PL_INVALID;
    directory_leave(&host->endpoints, id);
    return result;
}

static int32_t host__post(const pl_host *functions, pl_id id, host_run run, void *what)
{
    const struct host *host = host__of(functions);
    if (host__names_an_endpoint(id)) {
        return host__post_to_endpoint(host, id, run, what);
    }
    struct worker *worker = host__worker(functions, id);
    if (worker == NULL) {
        return PL_GONE;
    }
    if (run == NULL || !host__names_a_client(id)) {
        return PL_INVALID;
    }
    return host__send_post(host, worker, id, run, what);
}

/* ---- Connecting ---- */

/* The worker whose thread this is; NULL: none of the engine's. */
static struct worker *host__current(const struct host *host)
{
    unsigned i = 0;
    while (i < host->worker_count && !worker_is_current(host->workers[i])) {
        i++;
    }
    return i < host->worker_count ? host->workers[i] : NULL;
}

static struct endpoint *host__endpoint_of(struct worker *worker, pl_id id)
{
    switch (slot_kind(id)) {
    case SLOT_CONNECTION:
        return connection_endpoint(worker, id);
    case SLOT_SESSION:
        return udp_session_endpoint(worker, id);
    case SLOT_DATAGRAM:
        return udp_endpoint_of(worker, id);
    case SLOT_PEER:
        return udp_peer_endpoint(worker, id);
    case SLOT_FREE:
    case SLOT_ENDPOINT:
        break;
    }
    return NULL;
}

int32_t host_connect(const struct host *host, struct worker *worker, pl_id owner, const pl_connect *how,
                     void *user, pl_id *id_out)
{
    struct endpoint *endpoint =
        host__names_an_endpoint(owner) ? host__endpoint(host, owner) : host__endpoint_of(worker, owner);
    return endpoint != NULL && endpoint->is_still == 0 && host->dials.resolver != NULL
               ? outbound_connect(&host->dials, worker, endpoint, how, user, id_out)
               : PL_GONE;
}

static int32_t host__connect(const pl_host *functions, pl_id owner, const pl_connect *how, pl_id *id_out)
{
    const struct host *host = host__of(functions);
    struct worker *worker =
        host__names_an_endpoint(owner) ? host__current(host) : host__worker(functions, owner);
    if (worker == NULL) {
        return host__names_an_endpoint(owner) ? PL_WRONG_THREAD : PL_GONE;
    }
    return worker_is_current(worker) ? host_connect(host, worker, owner, how, outbound_user(how), id_out)
                                     : PL_WRONG_THREAD;
}

/* ---- For all threads ---- */

int32_t host_explain(const pl_host *functions, uint32_t win32_error, char *at, size_t room)
{
    struct text text;
    (void)functions;
    if (at == NULL || room == 0) {
        return PL_INVALID;
    }
    text_init(&text, at, room);
    utf16_add_error(&text, win32_error);
    return (int32_t)text.length;
}

static int32_t host__count(const pl_host *functions, pl_id id, uint32_t index, uint64_t add)
{
    const struct host *host = host__of(functions);
    struct endpoint *endpoint = host__enter(host, id);
    if (endpoint == NULL) {
        return PL_GONE;
    }
    const bool is_one = index < descriptor_counter_count(endpoint->handler);
    if (is_one) {
        InterlockedExchangeAdd64(&endpoint->handler_counters->values[index], (LONG64)add);
    }
    directory_leave(&host->endpoints, id);
    return is_one ? PL_OK : PL_INVALID;
}

static int32_t host__log(const pl_host *functions, pl_id id, pl_id connection, int32_t level, const char *at,
                         size_t length)
{
    const struct host *host = host__of(functions);
    struct endpoint *endpoint = host__enter(host, id);
    if (endpoint == NULL) {
        return PL_GONE;
    }
    const int32_t result =
        host__has_bytes(at, length) ? endpoint_log(endpoint, connection, level, at, length) : PL_INVALID;
    directory_leave(&host->endpoints, id);
    return result;
}

static int64_t host__clock(const pl_host *functions)
{
    (void)functions;
    return (int64_t)GetTickCount64();
}

static int32_t host__report(const pl_host *functions, int32_t format,
                            void (*sink)(void *what, const char *at, size_t length), void *what)
{
    const struct host *host = host__of(functions);
    return host->report != NULL && sink != NULL && format >= PL_REPORT_TEXT && format <= PL_REPORT_PROMETHEUS
               ? host->report(host->report_context, format, sink, what)
               : PL_INVALID;
}

static int32_t host__option(const pl_host *functions, const pl_config *config, const char *name,
                            pl_text *text_out, int64_t *number_out)
{
    (void)functions;
    if (config == NULL || name == NULL) {
        return PL_INVALID;
    }
    return config_settings_get(config, name, text_out, number_out);
}

/* ---- For bridges and engines ---- */

static void host__end_here(struct worker *worker, pl_id id, enum close_reason reason, uint32_t error)
{
    if (slot_kind(id) == SLOT_SESSION) {
        udp_session_abort(worker, id, (enum pl_reason)reason);
    } else if (slot_kind(id) == SLOT_PEER) {
        udp_peer_abort(worker, id, reason);
    } else {
        connection_abort(worker, id, reason, error);
    }
}

static void host__run_end(struct message *at, struct worker *worker)
{
    struct host_message *message = LIST_ELEMENT(at, struct host_message, message);
    host__end_here(worker, message->id, (enum close_reason)message->how, message->error);
    memory_free(message);
}

bool host_end_client(struct host *host, pl_id id, enum close_reason reason, uint32_t error)
{
    struct worker *worker = host__worker(&host->functions, id);
    if (worker == NULL || !host__names_a_client(id)) {
        return false;
    }
    if (worker_is_current(worker)) {
        host__end_here(worker, id, reason, error);
        return true;
    }
    struct host_message *message = host_message__create(id, 0, host__run_end);
    if (message == NULL) {
        return false;
    }
    message->how = (int32_t)reason;
    message->error = error;
    worker_send(worker, &message->message);
    return true;
}

struct worker *host_worker(const struct host *host, pl_id id)
{
    return host__names_an_endpoint(id) ? host__home(host, id) : host__worker(&host->functions, id);
}

void host_init(struct host *host, struct worker *const *workers, unsigned worker_count)
{
    host->functions = (struct pl_host){.size = sizeof host->functions,
                                       .abi_major = PL_ABI_MAJOR,
                                       .abi_minor = PL_ABI_MINOR,
                                       .send = host__send,
                                       .close = host__close,
                                       .option = host__option,
                                       .want_writable = host__want_writable,
                                       .read = host__read,
                                       .timer = host__timer,
                                       .post = host__post,
                                       .info = host__info,
                                       .count = host__count,
                                       .log = host__log,
                                       .clock = host__clock,
                                       .report = host__report,
                                       .send_ref = host__send_ref,
                                       .retain = host__retain,
                                       .release = kept_input_release,
                                       .send_file = host__send_file,
                                       .connect = host__connect,
                                       .explain = host_explain};
    host->workers = workers;
    host->worker_count = worker_count;
    directory_init(&host->endpoints);
}

void host_fini(struct host *host)
{
    directory_fini(&host->endpoints);
}

pl_id host_add_endpoint(struct host *host, struct endpoint *endpoint)
{
    return directory_add(&host->endpoints, endpoint);
}

void host_remove_endpoint(struct host *host, struct endpoint *endpoint)
{
    if (endpoint->id != 0) {
        directory_remove(&host->endpoints, endpoint->id);
        endpoint->id = 0;
    }
}

void host_still_endpoint(const struct host *host, struct endpoint *endpoint)
{
    if (endpoint->account != NULL && endpoint->account->home != NULL) {
        pulse_clear(&endpoint->account->pulse, host__home(host, endpoint->id));
    }
}
