/* SPDX-License-Identifier: MIT
   A plugin that uses all that there is, and rightly. */
#include "plugins/hostile.h"

#include <stdbool.h>
#include <stdio.h>

static const pl_option options[] = {{"depth", PL_NUMBER, 0, "3", "1..9", "Any number."},
                                    {"file", PL_PATH, 0, NULL, NULL, "Any file; it is not looked at."}};
static const pl_counter counters[] = {{"things", "things", "what was seen"}};

static void run_on_endpoint(void *state, pl_id id, void **user, void *what)
{
    (void)user, (void)what;
    if (state != NULL) {
        host->timer(host, id, 100);
    }
}

static int32_t start(pl_start *start)
{
    int64_t depth = 0;
    hostile_start(start);
    start->state = &host;
    host->log(host, endpoint, 0, PL_LOG_INFO, "start", 5);
    return host->option(host, start->config, "depth", NULL, &depth) == PL_OK && depth > 0 &&
                   host->post(host, endpoint, run_on_endpoint, NULL) == PL_QUEUED
               ? 0
               : -1;
}

static void stop(void *state)
{
    (void)state;
}

static void run_on_client(void *state, pl_id id, void **user, void *what)
{
    (void)what;
    if (state != NULL && *user != NULL) {
        host->send(host, id, "?", 1);
    }
}

/* The first ones reach this very handler, the others nobody. */
static void dial(pl_id id, const pl_info *info)
{
    static uint32_t dials; /* one more or less does not matter */
    char target[32], words[64];
    const uint8_t *ip = info->local.ip;
    const bool is_first = info->local.family == 4 && dials++ < 3;
    const int length = is_first ? snprintf(target, sizeof target, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2],
                                           ip[3], info->local.port)
                                : snprintf(target, sizeof target, "127.0.0.1:1");
    const pl_connect how = {.size = sizeof how,
                            .protocol = (info->seen & PL_SESSION) != 0 ? PL_UDP : PL_TCP,
                            .target = {target, (size_t)length},
                            .timeout = 1000,
                            .user = &endpoint};
    pl_id peer = 0;
    if (host->connect(host, id, &how, &peer) == PL_OK) {
        host->send(host, peer, "", 0);
    }
    host->explain(host, 10061, words, sizeof words);
}

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    pl_info again = {.size = sizeof again};
    (void)state;
    if ((info->seen & PL_OUTBOUND) != 0) {
        return *user == &endpoint ? host->close(host, id, PL_GRACEFUL) : -1;
    }
    *user = &endpoint;
    host->post(host, id, run_on_client, NULL);
    dial(id, info);
    return host->info(host, id, &again) == PL_OK && again.id == info->id && host->clock(host) > 0 ? 0 : -1;
}

static void take_page(void *what, const char *at, size_t length)
{
    (void)what, (void)at, (void)length;
}

/* A second line ends the connection, when what was posted has no time left to run. */
static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user;
    host->report(host, PL_REPORT_TEXT, take_page, NULL);
    host->count(host, endpoint, 0, length);
    host->send_ref(host, id, at, 0, host->release, host->retain(host, id, at, length));
    if (length > 2 && at[length - 1] == '\n') {
        host->post(host, id, run_on_client, NULL);
        host->close(host, id, PL_RESET);
    } else {
        host->read(host, id, 0);
        host->timer(host, id, 100);
    }
    return length;
}

static void on_timer(void *state, pl_id id, void **user)
{
    (void)state;
    if (user != NULL) {
        host->read(host, id, 1);
        host->want_writable(host, id);
    }
}

static void on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)user;
    host->send(host, id, "!", 1);
}

static void on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                        const pl_info *info)
{
    (void)state, (void)user, (void)info;
    host->send(host, id, at, length);
}

static void on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user, (void)at, (void)length;
    host->close(host, id, PL_FINISH);
}

static void drain(void *state, uint32_t within)
{
    (void)state, (void)within;
}

PLUGIN_SPOILT("all-calls", handler.flags |= PL_UDP | PL_SESSIONS; handler.start = start; handler.stop = stop;
              handler.on_open = on_open; handler.on_data = on_data; handler.on_timer = on_timer;
              handler.on_writable = on_writable; handler.on_datagram = on_datagram; handler.on_eof = on_eof;
              handler.drain = drain; handler.options = options; handler.option_size = sizeof options[0];
              handler.option_count = 2; handler.counters = counters;
              handler.counter_size = sizeof counters[0]; handler.counter_count = 1)
