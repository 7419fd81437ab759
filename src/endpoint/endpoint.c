/* SPDX-License-Identifier: MIT
   An endpoint and its handler, see endpoint.h. */
#include "endpoint/endpoint.h"

#include "base/address.h"
#include "base/descriptor.h"
#include "base/memory.h"

enum {
    ENDPOINT_LINE = 384,         /* room for the words of one in the log */
    ENDPOINT_CONNECT_LINE = 768, /* likewise */
    ENDPOINT_HANDLER_LINE = 400, /* bytes that a handler writes in one */
    ENDPOINT_CHECK_MINOR = 7,    /* of the ABI, the first with pl_start.check */
    ENDPOINT_MAX_INPUT = 65536,
    ENDPOINT_MAX_INPUT_LIMIT = 16777216 /* the contract's */
};

/* It is the configuration that asks for what cannot be, unless memory is missing. */
static bool endpoint__fail(const struct endpoint *endpoint, enum exit_code code, const char *reason,
                           struct failure *failure_out)
{
    struct text text;
    failure_out->code = code;
    failure_out->win32_error = 0;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "endpoint %s: the handler %s could not start: %s", endpoint->config->name,
                    endpoint->handler->name, reason);
    return false;
}

/* What it promises to be; NULL: well. */
static const char *endpoint__find_fault(const struct pl_handler *handler)
{
    if (handler->abi_major != PL_ABI_MAJOR || handler->needs_minor > PL_ABI_MINOR ||
        !PL_HAS(pl_handler, handler, on_close)) { /* the last member of ABI 0.0 */
        return "it was built for another version of the handler contract";
    }
    if ((handler->flags & PL_TCP) != 0 && handler->on_data == NULL) {
        return "it takes TCP and lacks on_data";
    }
    if ((handler->flags & PL_UDP) != 0 && handler->on_datagram == NULL) {
        return "it takes UDP and lacks on_datagram";
    }
    return handler->max_input > ENDPOINT_MAX_INPUT_LIMIT ? "its max_input is over 16777216" : NULL;
}

static bool endpoint__has_timer(const struct pl_handler *handler)
{
    return PL_HAS(pl_handler, handler, on_timer) && handler->on_timer != NULL;
}

bool endpoint_has_timer(const struct endpoint *endpoint)
{
    return endpoint__has_timer(endpoint->handler);
}

/* True: what its handler needs of its host is there. */
static bool endpoint__equip(struct endpoint *endpoint)
{
    const struct pl_handler *handler = endpoint->handler;
    endpoint->handler_counters =
        endpoint->tally != NULL ? tally_handler_counters(endpoint->tally, handler) : NULL;
    return (endpoint->handler_counters != NULL || descriptor_counter_count(handler) == 0) &&
           (!endpoint__has_timer(handler) || endpoint_account(endpoint) != NULL);
}

/* The event outlives the endpoint. */
void endpoint_leave(struct endpoint *endpoint)
{
    const HANDLE control = endpoint->control;
    if (InterlockedDecrement(&endpoint->clients) == 0 && control != NULL) {
        SetEvent(control);
    }
}

void endpoint_enter(struct endpoint *endpoint)
{
    InterlockedIncrement(&endpoint->clients);
}

/* Once nobody needs it, that stays so: see generations.c. */
bool endpoint_enter_again(struct endpoint *endpoint)
{
    for (LONG clients = endpoint->clients; clients > 0;) {
        const LONG seen = InterlockedCompareExchange(&endpoint->clients, clients + 1, clients);
        if (seen == clients) {
            return true;
        }
        clients = seen;
    }
    return false;
}

/* The handler's start, of one that has no fault. */
static bool endpoint__call_start(struct endpoint *endpoint, pl_start *start, struct failure *failure_out)
{
    const struct pl_handler *handler = endpoint->handler;
    char error[400] = "";
    start->size = sizeof *start;
    start->state = endpoint->state;
    start->error = error;
    start->error_room = sizeof error;
    start->config = &endpoint->config->options;
    start->name = endpoint->config->name;
    const int32_t result = handler->start != NULL ? handler->start(start) : PL_OK;
    start->error = NULL;
    error[sizeof error - 1] = '\0';
    return result >= 0 ||
           endpoint__fail(endpoint, result == PL_NO_MEMORY ? EXIT_CODE_FAILED : EXIT_CODE_CONFIGURATION,
                          error[0] != '\0' ? error : "it gave no reason", failure_out);
}

bool endpoint_start(struct endpoint *endpoint, const struct pl_host *host, void *previous,
                    struct failure *failure_out)
{
    pl_start start = {.host = host, .endpoint = endpoint->id, .previous = previous};
    const char *fault = endpoint__find_fault(endpoint->handler);
    if (fault != NULL) {
        return endpoint__fail(endpoint, EXIT_CODE_CONFIGURATION, fault, failure_out);
    }
    if (!endpoint__equip(endpoint)) {
        return endpoint__fail(endpoint, EXIT_CODE_FAILED, "there is no memory for its counters and its timer",
                              failure_out);
    }
    endpoint->is_started = 1; /* it may call its host */
    if (!endpoint__call_start(endpoint, &start, failure_out)) {
        endpoint->is_started = 0;
        return false;
    }
    endpoint->state = start.state;
    return true;
}

/* One that does not know of checks would start for real. */
bool endpoint_check(struct endpoint *endpoint, const struct pl_host *host, void *previous,
                    struct failure *failure_out)
{
    const struct pl_handler *handler = endpoint->handler;
    pl_start start = {.check = 1, .host = host, .previous = previous};
    const char *fault = endpoint__find_fault(handler);
    if (fault != NULL) {
        return endpoint__fail(endpoint, EXIT_CODE_CONFIGURATION, fault, failure_out);
    }
    if (handler->abi_minor < ENDPOINT_CHECK_MINOR) {
        return true;
    }
    if (!endpoint__call_start(endpoint, &start, failure_out)) {
        return false;
    }
    if (handler->stop != NULL) {
        handler->stop(start.state);
    }
    return true;
}

/* ---- What the handler has of it ---- */

/* Two threads may need it at once: the first to have it keeps it. */
struct account *endpoint_account(struct endpoint *endpoint)
{
    if (endpoint->account != NULL) {
        return endpoint->account;
    }
    struct account *made = account_create();
    if (made == NULL) {
        return endpoint->account;
    }
    struct account *kept =
        InterlockedCompareExchangePointer((void *volatile *)&endpoint->account, made, NULL);
    if (kept != NULL) {
        memory_free(made);
    }
    return kept != NULL ? kept : made;
}

static const enum event log_events[ACCOUNT_LEVELS] = {EVENT_HANDLER_ERROR, EVENT_HANDLER_WARNING,
                                                      EVENT_HANDLER_INFO, EVENT_HANDLER_DEBUG};

/* What the log takes for a text, the end of which it finds by its NUL. */
static void endpoint__add_line(struct text *text, const char *at, size_t length)
{
    while (length > 0) {
        const char *nul = memchr(at, 0, length);
        const size_t plain = nul != NULL ? (size_t)(nul - at) : length;
        text_add(text, at, plain);
        if (nul != NULL) {
            text_add_escaped(text, nul, 1);
        }
        at += plain + (nul != NULL);
        length -= plain + (nul != NULL);
    }
}

int32_t endpoint_log(struct endpoint *endpoint, pl_id connection, int32_t level, const char *at,
                     size_t length)
{
    if (level < PL_LOG_ERROR || level > PL_LOG_DEBUG) {
        return PL_INVALID;
    }
    if (!log_writes(endpoint->log, log_events[level])) {
        return PL_OK;
    }
    struct account *account = endpoint_account(endpoint);
    const LONG untold = account != NULL ? account_gate_pass(&account->gates[level], GetTickCount64()) : 0;
    char room[4 * ENDPOINT_HANDLER_LINE + 1];
    struct text line;
    text_init(&line, room, sizeof room);
    endpoint__add_line(&line, at, length < ENDPOINT_HANDLER_LINE ? length : ENDPOINT_HANDLER_LINE);
    if (untold > 0) {
        log_write(endpoint->log, log_events[level], endpoint->config->name, connection,
                  "%s; %ld more since the last such line", line.at, (long)untold);
    } else if (untold == 0) {
        log_write(endpoint->log, log_events[level], endpoint->config->name, connection, "%s", line.at);
    }
    return PL_OK;
}

static void endpoint__tell_rest_of_log(struct endpoint *endpoint)
{
    for (int level = 0; endpoint->account != NULL && level < ACCOUNT_LEVELS; level++) {
        const LONG untold = account_gate_take_rest(&endpoint->account->gates[level]);
        if (untold > 0) {
            log_write(endpoint->log, log_events[level], endpoint->config->name, 0,
                      "%ld more lines of the handler %s since its last one", (long)untold,
                      endpoint->handler->name);
        }
    }
}

/* ---- What is told of clients ---- */

static void endpoint__log(struct endpoint *endpoint, enum notice notice, pl_id connection, const char *words)
{
    log_write(endpoint->log, notice_event(notice), endpoint->config->name, connection, "%s", words);
}

void endpoint_tell(struct endpoint *endpoint, uint64_t now, enum counter counter,
                   const struct pl_address *client)
{
    const enum notice notice = notice_of(counter);
    const LONG untold = notice != NOTICE_COUNT ? notice_gates_pass(&endpoint->gates, notice, now) : -1;
    if (untold >= 0) {
        char room[ENDPOINT_LINE];
        struct text text;
        text_init(&text, room, sizeof room);
        const struct notice_configs configs = {endpoint->config, endpoint->service};
        notice_add(&text, notice, &configs, client);
        notice_add_untold(&text, untold);
        endpoint__log(endpoint, notice, 0, room);
    }
}

void endpoint_count(struct endpoint *endpoint, struct worker *worker, enum counter counter,
                    const struct pl_address *client)
{
    worker_count(worker, endpoint->tally, counter, 1);
    endpoint_tell(endpoint, worker_now(worker), counter, client);
}

void endpoint_refused(struct endpoint *endpoint, struct worker *worker, enum close_reason reason,
                      const struct pl_address *local, const struct pl_address *peer)
{
    access_log_write(endpoint->access_log, &(const struct access_line){.endpoint = endpoint->config->name,
                                                                       .client = *peer,
                                                                       .local = *local,
                                                                       .reason = reason});
    endpoint_count(endpoint, worker, close_reason_row(reason)->counter, peer);
}

void endpoint_tell_header(struct endpoint *endpoint, uint64_t now, pl_id connection,
                          const struct pl_address *proxy, const char *problem)
{
    const LONG untold = notice_gates_pass(&endpoint->gates, NOTICE_PROXY_HEADER, now);
    if (untold >= 0) {
        char room[ENDPOINT_LINE];
        struct text text;
        text_init(&text, room, sizeof room);
        text_add_string(&text, "the proxy ");
        address_add_with_port(&text, proxy);
        text_add_format(
            &text, " sent no good PROXY header: %s; let it send what proxy_protocol says, or set that to off",
            problem);
        notice_add_untold(&text, untold);
        endpoint__log(endpoint, NOTICE_PROXY_HEADER, connection, room);
    }
}

void endpoint_tell_connect(struct endpoint *endpoint, uint64_t now, pl_id connection, const char *words)
{
    const LONG untold = notice_gates_pass(&endpoint->gates, NOTICE_CONNECT, now);
    if (untold >= 0) {
        char room[ENDPOINT_CONNECT_LINE];
        struct text text;
        text_init(&text, room, sizeof room);
        text_add_string(&text, words);
        notice_add_untold(&text, untold);
        endpoint__log(endpoint, NOTICE_CONNECT, connection, room);
    }
}

/* What was not told. */
static void endpoint__tell_rest(struct endpoint *endpoint)
{
    for (enum notice notice = 0; notice < NOTICE_COUNT; notice++) {
        const LONG untold = notice_gates_take_rest(&endpoint->gates, notice);
        if (untold > 0) {
            char room[ENDPOINT_LINE];
            struct text text;
            text_init(&text, room, sizeof room);
            const struct notice_configs configs = {endpoint->config, endpoint->service};
            notice_add_rest(&text, notice, &configs, untold);
            endpoint__log(endpoint, notice, 0, room);
        }
    }
}

bool endpoint_can_drain(const struct endpoint *endpoint)
{
    const struct pl_handler *handler = endpoint->handler;
    return endpoint->is_started && PL_HAS(pl_handler, handler, drain) && handler->drain != NULL;
}

bool endpoint_can_stop(const struct endpoint *endpoint)
{
    return endpoint->is_started && endpoint->handler->stop != NULL;
}

void endpoint_drain(struct endpoint *endpoint, uint32_t within)
{
    if (endpoint_can_drain(endpoint)) {
        endpoint->handler->drain(endpoint->state, within);
    }
}

void endpoint_stop(struct endpoint *endpoint)
{
    if (endpoint_can_stop(endpoint)) {
        endpoint->handler->stop(endpoint->state);
    }
    endpoint->is_started = 0;
    endpoint__tell_rest(endpoint);
    endpoint__tell_rest_of_log(endpoint);
}

void endpoint_fini(struct endpoint *endpoint)
{
    memory_free(endpoint->account);
    endpoint->account = NULL;
    notice_gates_fini(&endpoint->gates);
}

uint32_t endpoint_max_input(const struct endpoint *endpoint)
{
    return endpoint->handler->max_input != 0 ? endpoint->handler->max_input : ENDPOINT_MAX_INPUT;
}
