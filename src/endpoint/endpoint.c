/* SPDX-License-Identifier: MIT
   An endpoint and its handler, see endpoint.h. */
#include "endpoint/endpoint.h"

enum { ENDPOINT_MAX_INPUT = 65536 };

bool endpoint_start(struct endpoint *endpoint, const struct pl_host *host, struct failure *failure_out)
{
    const struct pl_handler *handler = endpoint->handler;
    char error[400] = "";
    pl_start start = {.size = sizeof start,
                      .host = host,
                      .endpoint = endpoint->id,
                      .error = error,
                      .error_room = sizeof error};
    if (handler->start != NULL && handler->start(&start) < 0) {
        struct text text;
        error[sizeof error - 1] = '\0';
        failure_out->code = EXIT_CODE_FAILED;
        failure_out->win32_error = 0;
        text_init(&text, failure_out->text, sizeof failure_out->text);
        text_add_format(&text, "endpoint %s: the handler %s could not start: ", endpoint->config->name,
                        handler->name);
        text_add_string(&text, error[0] != '\0' ? error : "it gave no reason");
        return false;
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

uint32_t endpoint_max_input(const struct endpoint *endpoint)
{
    return endpoint->handler->max_input != 0 ? endpoint->handler->max_input : ENDPOINT_MAX_INPUT;
}
