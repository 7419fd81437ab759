/* SPDX-License-Identifier: MIT
   A host of one handler, see lone_host.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/lone_host.h"

#include <cmocka.h>

static int32_t lone_host__send(const pl_host *functions, pl_id id, const void *at, size_t length)
{
    struct lone_host *host = (struct lone_host *)(uintptr_t)functions;
    assert_int_equal(id, host->id);
    assert_int_equal(host->closed, LONE_HOST_OPEN);
    if (host->is_gone) {
        return PL_GONE;
    }
    assert_in_range(length, 0, sizeof host->sent);
    if (length > 0) {
        memcpy(host->sent, at, length);
    }
    host->length = length;
    host->sends++;
    return PL_OK;
}

static int32_t lone_host__want_writable(const pl_host *functions, pl_id id)
{
    struct lone_host *host = (struct lone_host *)(uintptr_t)functions;
    assert_int_equal(id, host->id);
    assert_non_null(host->handler->on_writable);
    host->wants_writable = true;
    return PL_OK;
}

static int32_t lone_host__close(const pl_host *functions, pl_id id, int32_t how)
{
    struct lone_host *host = (struct lone_host *)(uintptr_t)functions;
    assert_int_equal(id, host->id);
    host->closed = how;
    return PL_OK;
}

static int32_t lone_host__option(const pl_host *functions, const pl_config *config, const char *name,
                                 pl_text *text_out, int64_t *number_out)
{
    const struct lone_host *host = (const struct lone_host *)(const void *)functions;
    const struct lone_option none = {.number = -1};
    const struct lone_option *option = &none;
    (void)config;
    for (size_t i = 0; i < host->option_count; i++) {
        if (strcmp(host->options[i].name, name) == 0) {
            option = &host->options[i];
        }
    }
    if (text_out != NULL) {
        *text_out = option->text;
    }
    if (number_out != NULL) {
        *number_out = option->number;
    }
    return PL_OK;
}

void lone_host_init(struct lone_host *host, const struct pl_handler *handler,
                    const struct lone_option options[LONE_HOST_OPTIONS])
{
    *host = (struct lone_host){.functions = {.size = sizeof host->functions,
                                             .abi_major = PL_ABI_MAJOR,
                                             .abi_minor = PL_ABI_MINOR,
                                             .send = lone_host__send,
                                             .close = lone_host__close,
                                             .option = lone_host__option,
                                             .want_writable = lone_host__want_writable},
                               .handler = handler,
                               .peer = {.family = 4, .port = 1000, .ip = {192, 0, 2, 1}},
                               .closed = LONE_HOST_OPEN};
    while (host->option_count < LONE_HOST_OPTIONS && options[host->option_count].name != NULL) {
        host->options[host->option_count] = options[host->option_count];
        host->option_count++;
    }
}

struct lone_option lone_host_text(const char *name, const char *text)
{
    const size_t length = strlen(text);
    return (struct lone_option){name, {text, length}, (int64_t)length};
}

int32_t lone_host_start(struct lone_host *host)
{
    memset(host->error, 0, sizeof host->error);
    pl_start start = {.size = sizeof start,
                      .host = &host->functions,
                      .endpoint = 1,
                      .error = host->error,
                      .error_room = sizeof host->error,
                      .name = "lone"};
    const int32_t result = host->handler->start(&start);
    host->state = start.state;
    return result;
}

void lone_host_stop(struct lone_host *host)
{
    if (host->handler->stop != NULL) {
        host->handler->stop(host->state);
    }
    host->state = NULL;
}

static pl_info lone_host__next(struct lone_host *host, uint32_t answer)
{
    host->id++;
    host->length = 0;
    host->sends = 0;
    host->wants_writable = false;
    host->closed = LONE_HOST_OPEN;
    return (pl_info){
        .size = sizeof(pl_info), .id = host->id, .endpoint = 1, .peer = host->peer, .answer = answer};
}

void lone_host_connect(struct lone_host *host)
{
    static const uint8_t words[] = "GET / HTTP/1.0\r\n\r\n";
    const struct pl_handler *handler = host->handler;
    const pl_info info = lone_host__next(host, 0);
    void *user = NULL;
    if (handler->on_open != NULL) {
        assert_int_equal(handler->on_open(host->state, host->id, &user, &info), PL_OK);
    }
    assert_int_equal(handler->on_data(host->state, host->id, &user, words, sizeof words), sizeof words);
}

void lone_host_write_on(struct lone_host *host)
{
    void *user = NULL;
    assert_true(host->wants_writable);
    host->wants_writable = false;
    host->sends = 0;
    host->handler->on_writable(host->state, host->id, &user);
}

void lone_host_ask(struct lone_host *host, uint32_t answer)
{
    const pl_info info = lone_host__next(host, answer);
    void *user = NULL;
    host->handler->on_datagram(host->state, host->id, &user, (const uint8_t *)"?", 1, &info);
}

void lone_host_assert_sent(const struct lone_host *host, const char *at, size_t length)
{
    assert_int_equal(host->sends, 1);
    assert_int_equal(host->length, length);
    assert_memory_equal(host->sent, at, length);
}
