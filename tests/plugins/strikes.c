/* SPDX-License-Identifier: MIT
   A plugin that strikes in one callback, STRIKE_IN, and is right in all others; built once for each of them. How it does
   is the option `how`; where options are not there yet, in DllMain and in the export, STRIKE_HOW says it. */
#include <stdlib.h>
#include <string.h>

#include "plugins/plugin.h"

#include "base/win.h"

#ifndef STRIKE_HOW
#define STRIKE_HOW "access"
#endif
#ifndef STRIKE_FLAGS
#define STRIKE_FLAGS 0
#endif

enum {
    IN_DLLMAIN,
    IN_EXPORT,
    IN_START,
    IN_STOP,
    IN_DRAIN,
    IN_OPEN,
    IN_DATA,
    IN_DATAGRAM,
    IN_WRITABLE,
    IN_EOF,
    IN_TIMER,
    IN_CLOSE,
    IN_POSTED
};

static const pl_host *host;
static const char *how = STRIKE_HOW;
static volatile uintptr_t address = 16; /* where nothing is */
static volatile int zero;

/* Deeper, until the stack is full. The compiler cannot know that it never ends. */
static int recurse(int depth)
{
    volatile char room[4096];
    room[0] = (char)depth;
    return zero != 0 ? 0 : recurse(depth + 1) + room[0];
}

static void strike(int where)
{
    if (where != STRIKE_IN) {
        return;
    }
    if (strcmp(how, "access") == 0) {
        *(volatile char *)address = 1;
    } else if (strcmp(how, "jump") == 0) {
        ((void (*)(void))address)();
    } else if (strcmp(how, "divide") == 0) {
        zero = div(1, zero).quot;
    } else if (strcmp(how, "fail-fast") == 0) {
        RaiseFailFastException(NULL, NULL, 0);
    } else if (strcmp(how, "stack") == 0) {
        zero = recurse(0);
    } else if (strcmp(how, "throw") == 0) {
        RaiseException(0x20474343, EXCEPTION_NONCONTINUABLE, 0, NULL); /* what GCC's C++ does */
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "exit") == 0) {
        exit(7); /* NOLINT(concurrency-mt-unsafe): that is what it is for */
    } else if (strcmp(how, "end-thread") == 0) {
        ExitThread(7);
    } else {
        Sleep(INFINITE);
    }
}

static int32_t on_start(pl_start *start)
{
    static char word[16];
    pl_text text;
    host = start->host;
    if (host->option(host, start->config, "how", &text, NULL) == PL_OK && text.length < sizeof word) {
        memcpy(word, text.at, text.length);
        how = word;
    }
    strike(IN_START);
    return 0;
}

static void on_stop(void *state)
{
    (void)state;
    strike(IN_STOP);
}

static void on_drain(void *state, uint32_t within)
{
    (void)state, (void)within;
    strike(IN_DRAIN);
}

static void on_posted(void *state, pl_id id, void **user, void *what)
{
    (void)state, (void)id, (void)user, (void)what;
    strike(IN_POSTED);
}

static int32_t on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)info;
    strike(IN_OPEN);
    return 0;
}

/* What is asked for here comes behind it. */
static size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user, (void)at;
    strike(IN_DATA);
    const int where = STRIKE_IN;
    if (where == IN_POSTED) {
        host->post(host, id, on_posted, NULL);
    } else if (where == IN_TIMER) {
        host->timer(host, id, 1);
    } else if (where == IN_WRITABLE) {
        host->want_writable(host, id);
    }
    return length;
}

static void on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                        const pl_info *info)
{
    (void)state, (void)id, (void)user, (void)at, (void)length, (void)info;
    strike(IN_DATAGRAM);
}

static void on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)id, (void)user;
    strike(IN_WRITABLE);
}

static void on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)user, (void)at, (void)length;
    strike(IN_EOF);
    host->close(host, id, PL_GRACEFUL);
}

static void on_timer(void *state, pl_id id, void **user)
{
    (void)state, (void)id, (void)user;
    strike(IN_TIMER);
}

static void on_close(void *state, pl_id id, void **user, int32_t reason, uint32_t win32_error)
{
    (void)state, (void)id, (void)user, (void)reason, (void)win32_error;
    strike(IN_CLOSE);
}

static const pl_option options[] = {{"how", PL_TEXT, 0, STRIKE_HOW, "1..15", "What it does."}};

const pl_handler *portlistener_handler(void)
{
    static pl_handler handler;
    strike(IN_EXPORT);
    handler = plugin_make(STRIKE_NAME);
    handler.flags = PL_TCP | PL_UDP | STRIKE_FLAGS;
    handler.option_size = sizeof options[0];
    handler.option_count = 1;
    handler.options = options;
    handler.start = on_start;
    handler.stop = on_stop;
    handler.drain = on_drain;
    handler.on_open = on_open;
    handler.on_data = on_data;
    handler.on_datagram = on_datagram;
    handler.on_writable = on_writable;
    handler.on_eof = on_eof;
    handler.on_timer = on_timer;
    handler.on_close = on_close;
    return &handler;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved);

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)instance, (void)reserved;
    if (reason == DLL_PROCESS_ATTACH) {
        strike(IN_DLLMAIN);
    }
    return TRUE;
}
