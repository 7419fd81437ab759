/* SPDX-License-Identifier: MIT
   An endpoint and its handler, see endpoint.h. */
#include "endpoint/endpoint.h"

#include "base/address.h"

enum {
    ENDPOINT_TELL = 60000, /* milliseconds */
    ENDPOINT_MAX_INPUT = 65536,
    ENDPOINT_MAX_INPUT_LIMIT = 16777216 /* the contract's */
};

static bool endpoint__fail(const struct endpoint *endpoint, const char *reason, struct failure *failure_out)
{
    struct text text;
    failure_out->code = EXIT_CODE_FAILED;
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
        handler->size < sizeof *handler) {
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

bool endpoint_start(struct endpoint *endpoint, const struct pl_host *host, struct failure *failure_out)
{
    const struct pl_handler *handler = endpoint->handler;
    char error[400] = "";
    pl_start start = {.size = sizeof start,
                      .host = host,
                      .endpoint = endpoint->id,
                      .error = error,
                      .error_room = sizeof error};
    const char *fault = endpoint__find_fault(handler);
    if (fault != NULL) {
        return endpoint__fail(endpoint, fault, failure_out);
    }
    if (handler->start != NULL && handler->start(&start) < 0) {
        error[sizeof error - 1] = '\0';
        return endpoint__fail(endpoint, error[0] != '\0' ? error : "it gave no reason", failure_out);
    }
    endpoint->state = start.state;
    endpoint->is_started = true;
    return true;
}

void endpoint_stop(struct endpoint *endpoint)
{
    if (endpoint->is_started && endpoint->handler->stop != NULL) {
        endpoint->handler->stop(endpoint->state);
    }
    endpoint->is_started = false;
}

/* ---- What is told of clients ---- */

/* How many there were since it was told last, this one not counted; -1: it is not told now. */
static LONG endpoint__pass_gate(struct endpoint_gate *gate, uint64_t now)
{
    const LONG64 told_at = InterlockedCompareExchange64(&gate->told_at, 0, 0);
    const bool is_time = told_at == 0 || now - (uint64_t)told_at >= ENDPOINT_TELL;
    if (is_time && InterlockedCompareExchange64(&gate->told_at, (LONG64)now, told_at) == told_at) {
        return InterlockedExchange(&gate->untold, 0);
    }
    InterlockedIncrement(&gate->untold);
    return -1;
}

static void endpoint__add_untold(struct text *text, LONG untold)
{
    if (untold > 0) {
        text_add_format(text, "; %ld more since the last such line", (long)untold);
    }
}

/* What to do about it; NULL: nothing, and it is not told. */
static const char *endpoint__remedy(enum close_reason reason)
{
    static const char *const remedies[CLOSE_REASON_COUNT] = {
        [REFUSED_ACL] = "deny or allow keeps it out",
        [REFUSED_LIMIT] =
            "max_connections, the endpoint's or the service's, is reached; raise it, or shorten idle_timeout",
        [REFUSED_PER_SOURCE] =
            "max_connections_per_source is reached; raise it if many clients share this address",
        [REFUSED_PROXY] = "it is not in trusted_proxies; add it there if it is one of your proxies",
        [REFUSED_ERROR] = "an error of the system lost it on its way to the handler"};
    return remedies[reason];
}

static void endpoint__tell_refusal(struct endpoint *endpoint, uint64_t now, enum close_reason reason,
                                   const struct pl_address *peer)
{
    const char *remedy = endpoint__remedy(reason);
    const LONG untold = remedy != NULL ? endpoint__pass_gate(&endpoint->gates[reason], now) : -1;
    if (untold >= 0) {
        char room[384];
        struct text text;
        text_init(&text, room, sizeof room);
        address_add_with_port(&text, peer);
        text_add_format(&text, " was reset: %s", remedy);
        endpoint__add_untold(&text, untold);
        log_write(endpoint->log, EVENT_CLIENT_REFUSED, endpoint->config->name, 0, "%s", room);
    }
}

void endpoint_refused(struct endpoint *endpoint, struct worker *worker, enum close_reason reason,
                      const struct pl_address *local, const struct pl_address *peer)
{
    worker_count(worker, close_reason_row(reason)->counter, 1);
    access_log_write(endpoint->access_log, &(const struct access_line){.endpoint = endpoint->config->name,
                                                                       .client = *peer,
                                                                       .local = *local,
                                                                       .reason = reason});
    endpoint__tell_refusal(endpoint, worker_now(worker), reason, peer);
}

void endpoint_tell_header(struct endpoint *endpoint, uint64_t now, pl_id connection,
                          const struct pl_address *proxy, const char *problem)
{
    const LONG untold = endpoint__pass_gate(&endpoint->gates[CLOSE_REASON_NONE], now);
    if (untold >= 0) {
        char room[384];
        struct text text;
        text_init(&text, room, sizeof room);
        text_add_string(&text, "the proxy ");
        address_add_with_port(&text, proxy);
        text_add_format(
            &text, " sent no good PROXY header: %s; let it send what proxy_protocol says, or set that to off",
            problem);
        endpoint__add_untold(&text, untold);
        log_write(endpoint->log, EVENT_PROXY_HEADER_REFUSED, endpoint->config->name, connection, "%s", room);
    }
}

uint32_t endpoint_max_input(const struct endpoint *endpoint)
{
    return endpoint->handler->max_input != 0 ? endpoint->handler->max_input : ENDPOINT_MAX_INPUT;
}
