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

void endpoint_refused(const struct endpoint *endpoint, struct worker *worker, enum close_reason reason,
                      const struct pl_address *local, const struct pl_address *peer)
{
    worker_count(worker, close_reason_row(reason)->counter, 1);
    access_log_write(endpoint->access_log, &(const struct access_line){.endpoint = endpoint->config->name,
                                                                       .client = *peer,
                                                                       .local = *local,
                                                                       .reason = reason});
}

static bool endpoint__may_tell(struct endpoint *endpoint, uint64_t now)
{
    const LONG64 told_at = InterlockedCompareExchange64(&endpoint->told_at, 0, 0);
    return (told_at == 0 || now - (uint64_t)told_at >= ENDPOINT_TELL) &&
           InterlockedCompareExchange64(&endpoint->told_at, (LONG64)now, told_at) == told_at;
}

void endpoint_tell_header(struct endpoint *endpoint, uint64_t now, pl_id connection,
                          const struct pl_address *proxy, const char *problem)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text text;
    if (!endpoint__may_tell(endpoint, now)) {
        return;
    }
    text_init(&text, room, sizeof room);
    address_add_with_port(&text, proxy);
    log_write(endpoint->log, EVENT_PROXY_HEADER_REFUSED, endpoint->config->name, connection,
              "the proxy %s sent no good PROXY header: %s; more of these are only counted for a minute", room,
              problem);
}

uint32_t endpoint_max_input(const struct endpoint *endpoint)
{
    return endpoint->handler->max_input != 0 ? endpoint->handler->max_input : ENDPOINT_MAX_INPUT;
}
