/* SPDX-License-Identifier: MIT
   A witness around a handler, see watched.h. What the host keeps as `user` stays the handler's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/watched.h"

#include <cmocka.h>

struct watched watched;

static struct pl_handler handler;

static void watched__check(bool is_right)
{
    InterlockedExchangeAdd(&watched.disorder, !is_right);
}

/* While it runs; of a client that is there. */
static void watched__check_client(const void *state)
{
    watched__check(state == watched.state && watched.starts == 1 && watched.stops == 0 &&
                   watched.opens > watched.closes);
}

static int32_t watched__start(pl_start *start)
{
    const int32_t result = watched.real->start != NULL ? watched.real->start(start) : PL_OK;
    watched.state = start->state;
    InterlockedExchangeAdd(&watched.starts, result >= 0);
    return result;
}

static void watched__stop(void *state)
{
    watched__check(state == watched.state && watched.opens == watched.closes);
    InterlockedIncrement(&watched.stops);
    if (watched.real->stop != NULL) {
        watched.real->stop(state);
    }
}

static int32_t watched__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    InterlockedIncrement(&watched.opens);
    watched__check_client(state);
    watched__check(*user == NULL && info->id == id);
    return watched.real->on_open != NULL ? watched.real->on_open(state, id, user, info) : PL_OK;
}

static void watched__on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    watched__check_client(state);
    watched__check(reason > 0);
    if (watched.real->on_close != NULL) {
        watched.real->on_close(state, id, user, reason, win32_error);
    }
    InterlockedIncrement(&watched.closes);
}

static size_t watched__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    watched__check_client(state);
    const size_t taken = watched.real->on_data(state, id, user, at, length);
    watched__check(length > 0 && taken <= length);
    return taken;
}

static void watched__on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                                 const pl_info *info)
{
    watched__check(state == watched.state && watched.starts == 1 && watched.stops == 0 && info->id == id);
    watched.real->on_datagram(state, id, user, at, length, info);
    InterlockedIncrement(&watched.datagrams);
}

static void watched__on_writable(void *state, pl_id id, void **user)
{
    watched__check_client(state);
    watched.real->on_writable(state, id, user);
}

static void watched__on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    watched__check_client(state);
    watched.real->on_eof(state, id, user, at, length);
}

const struct pl_handler *watched_handler(const struct pl_handler *real)
{
    watched = (struct watched){.real = real};
    handler = *real;
    handler.start = watched__start;
    handler.stop = watched__stop;
    handler.on_open = watched__on_open;
    handler.on_close = watched__on_close;
    handler.on_data = real->on_data != NULL ? watched__on_data : NULL;
    handler.on_datagram = real->on_datagram != NULL ? watched__on_datagram : NULL;
    handler.on_writable = real->on_writable != NULL ? watched__on_writable : NULL;
    handler.on_eof = real->on_eof != NULL ? watched__on_eof : NULL;
    return &handler;
}

void watched_assert_over(void)
{
    assert_int_equal(watched.starts, 1);
    assert_int_equal(watched.stops, 1);
    assert_int_equal(watched.opens, watched.closes);
    assert_int_equal(watched.disorder, 0);
}
