/* SPDX-License-Identifier: MIT
   One run of the load program, see load.h. */
#include "bench/load/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/system.h"

enum { EVENTS = 512, TOLD_ERRORS = 10, WAIT = 100, MILLISECOND = 1000000, SECOND = 1000 * MILLISECOND };

uint64_t load_patience(const struct load *load)
{
    return (uint64_t)load->settings->patience * MILLISECOND;
}

void load_tell(struct load *load, uint32_t client, const char *what)
{
    if (load->errors++ < TOLD_ERRORS) {
        fprintf(stderr, "bench_load: client %lu: %s\n", (unsigned long)client, what);
    }
}

void load_begin(struct load *load, uint64_t now)
{
    const struct settings *const settings = load->settings;
    tally_init(&load->tally, settings->warm_up, settings->messages, (uint64_t)settings->seconds * SECOND,
               now);
    load->progress.done = 0;
}

bool load_is_busy(const struct load *load)
{
    return load->in_flight > 0 || (!load->tally.is_over && load->alive > 0);
}

uint8_t *load_send_buffer(const struct load *load, uint32_t number)
{
    return load->send_buffers + number * load->send_room;
}

uint8_t *load_receive_buffer(const struct load *load, uint32_t number)
{
    return load->receive_buffers + number * load->receive_room;
}

void load_queue(struct load *load, uint32_t number)
{
    if (!load->queue.has[number]) {
        load->queue.has[number] = true;
        load->queue.numbers[(load->queue.first + load->queue.count++) % load->settings->clients] = number;
    }
}

/* Those that are queued now, once. */
static void load__serve_queue(struct load *load)
{
    for (uint32_t count = load->queue.count; count > 0; count--) {
        const uint32_t number = load->queue.numbers[load->queue.first];
        load->queue.first = (load->queue.first + 1) % load->settings->clients;
        load->queue.count--;
        load->queue.has[number] = false;
        load->kind->again(load, number, system_now());
    }
}

static struct result load__result(const struct load *load)
{
    return (struct result){.settings = load->settings,
                           .tally = &load->tally,
                           .connect_seconds = load->connect_seconds,
                           .errors = load->errors};
}

static void load__tell_progress(struct load *load, uint64_t now)
{
    if (load->progress.is_on && now - load->progress.at >= SECOND) {
        char text[200];
        const struct result result = load__result(load);
        result_progress(&result, (double)(now - load->begun) / SECOND, load->tally.done - load->progress.done,
                        (double)(now - load->progress.at) / SECOND, text, sizeof text);
        fputs(text, stderr);
        load->progress.at = now;
        load->progress.done = load->tally.done;
    }
}

bool load_turn(struct load *load, uint64_t *now_out)
{
    struct links_event events[EVENTS];
    const unsigned wait =
        load->sweep_every / MILLISECOND < WAIT ? (unsigned)(load->sweep_every / MILLISECOND) : WAIT;
    load__serve_queue(load);
    const size_t count = links_wait(load->links, events, EVENTS, load->queue.count > 0 ? 0 : wait);
    for (size_t i = 0; i < count; i++) {
        load->kind->event(load, &events[i], system_now());
    }
    const uint64_t now = system_now();
    tally_watch(&load->tally, now);
    if (now - load->swept >= load->sweep_every) {
        load->swept = now;
        load->kind->sweep(load, now);
    }
    load__tell_progress(load, now);
    *now_out = now;
    if (now - load->begun > (uint64_t)SETTINGS_SECONDS * SECOND) {
        load_tell(load, 0, "the program has run for ten minutes, which is the most");
        return false;
    }
    return true;
}

static bool load__allocate(struct load *load)
{
    const size_t clients = load->settings->clients;
    load->send_room = settings_send_buffer(load->settings);
    load->receive_room = settings_receive_buffer(load->settings);
    load->send_buffers = calloc(clients, load->send_room);
    load->receive_buffers = calloc(clients, load->receive_room);
    load->queue.numbers = calloc(clients, sizeof *load->queue.numbers);
    load->queue.has = calloc(clients, sizeof *load->queue.has);
    return load->send_buffers != NULL && load->receive_buffers != NULL && load->queue.numbers != NULL &&
           load->queue.has != NULL;
}

static void load__free(struct load *load)
{
    free(load->send_buffers);
    free(load->receive_buffers);
    free(load->queue.numbers);
    free(load->queue.has);
}

static bool load__start(struct load *load)
{
    const struct settings *const settings = load->settings;
    int error = 0;
    char text[250];
    load->links = links_create(settings->clients, settings->host, (uint16_t)settings->port,
                               settings->kind == KIND_UDP, &error);
    if (load->links == NULL) {
        system_explain(error, text, sizeof text);
        fprintf(stderr, "bench_load: cannot have %lu sockets: %s\n", (unsigned long)settings->clients, text);
    }
    return load->links != NULL;
}

/* False: there is nothing to report. */
static bool load__go(struct load *load)
{
    const bool is_datagram = load->settings->kind == KIND_UDP;
    if (!load__start(load)) {
        return false;
    }
    const bool is_done = load__allocate(load) && (is_datagram ? datagrams_run(load) : connections_run(load));
    if (!is_done) {
        fputs("bench_load: not enough memory\n", stderr);
    }
    links_destroy(load->links);
    return is_done;
}

static void load__report(const struct load *load)
{
    char text[2000];
    const struct result result = load__result(load);
    load->settings->as_json ? result_json(&result, text, sizeof text)
                            : result_table(&result, text, sizeof text);
    fputs(text, stdout);
    fflush(stdout);
}

int load_run(const struct settings *settings)
{
    struct load *const load = calloc(1, sizeof *load);
    if (load == NULL) {
        fputs("bench_load: not enough memory\n", stderr);
        return 1;
    }
    load->settings = settings;
    load->alive = settings->clients;
    load->begun = load->swept = load->progress.at = system_now();
    load->sweep_every = load_patience(load) / 10;
    load->progress.is_on = settings->shows_progress || system_has_terminal();
    load_begin(load, load->begun);
    const bool is_done = load__go(load);
    if (is_done) {
        load__report(load);
    }
    const int code = is_done && load->errors == 0 ? 0 : 1;
    load__free(load);
    free(load);
    return code;
}
