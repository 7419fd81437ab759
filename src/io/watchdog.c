/* SPDX-License-Identifier: MIT
   Callbacks that last too long, see watchdog.h. */
#include "io/watchdog.h"

#include <assert.h>
#include <stdbool.h>

#include "base/memory.h"

enum { WATCHDOG_NAME = 72 };

/* A thread. */
struct watch {
    const struct callback_mark *mark;
    enum watchdog_kind kind;
    uint32_t number; /* of the callback that it was in when last seen; 0: none */
    uint64_t since;  /* when that was seen first */
    bool is_told;
    uint64_t
        id; /* of the one that was told, with copies of its texts: it may be gone when it has come back */
    char endpoint[WATCHDOG_NAME];
    char handler[WATCHDOG_NAME];
    const char *name;
};

struct watchdog {
    struct log *log;
    uint64_t looked_at;
    size_t count;
    size_t room;
    struct watch watches[];
};

/* ---- The two lines ---- */

static const char *watchdog__advice(enum watchdog_kind kind)
{
    return kind == WATCHDOG_WORKER
               ? "all connections of its worker wait for it; a handler that has to wait for something must say "
                 "so in its descriptor (PL_BLOCKING)"
               : "its thread serves nobody else meanwhile; look what the handler waits for, or raise "
                 "blocking_threads. If it never returns, only a restart of the service ends it";
}

static void watchdog__tell_late(const struct watchdog *watchdog, const struct watch *watch,
                                const struct callback *callback, uint64_t now)
{
    char words[256];
    struct text text;
    text_init(&text, words, sizeof words);
    callback_add(&text, callback);
    log_write(watchdog->log, EVENT_CALLBACK_LATE, callback->endpoint, callback->id,
              "%s for at least %llu seconds: %s", words, (unsigned long long)(now - watch->since) / 1000,
              watchdog__advice(watch->kind));
}

static void watchdog__tell_return(const struct watchdog *watchdog, const struct watch *watch, uint64_t now)
{
    log_write(watchdog->log, EVENT_CALLBACK_RETURNED, watch->endpoint, watch->id,
              "the handler %s has returned from %s after about %llu seconds", watch->handler, watch->name,
              (unsigned long long)(now - watch->since + 500) / 1000);
}

/* ---- Looking ---- */

static void watch__copy(char copy[WATCHDOG_NAME], const char *name)
{
    struct text text;
    text_init(&text, copy, WATCHDOG_NAME);
    text_add_string(&text, name);
}

static void watch__remember(struct watch *watch, const struct callback *callback)
{
    watch->is_told = true;
    watch->id = callback->id;
    watch__copy(watch->endpoint, callback->endpoint);
    watch__copy(watch->handler, callback->handler);
    watch->name = callback->name;
}

static uint64_t watch__limit(const struct watch *watch)
{
    return watch->kind == WATCHDOG_WORKER ? WATCHDOG_WORKER_LIMIT : WATCHDOG_BLOCKING_LIMIT;
}

static void watchdog__look_at(const struct watchdog *watchdog, struct watch *watch, uint64_t now)
{
    struct callback callback;
    const uint32_t number = callback_mark_read(watch->mark, &callback);
    if (number != watch->number) {
        if (watch->is_told) {
            watchdog__tell_return(watchdog, watch, now);
        }
        watch->number = number;
        watch->since = now;
        watch->is_told = false;
    } else if (number != 0 && !watch->is_told && now - watch->since >= watch__limit(watch)) {
        watchdog__tell_late(watchdog, watch, &callback, now);
        watch__remember(watch, &callback);
    }
}

uint64_t watchdog_look(struct watchdog *watchdog, uint64_t now)
{
    const uint64_t gap = now - watchdog->looked_at;
    const uint64_t unseen = gap > 2 * WATCHDOG_PERIOD ? gap - WATCHDOG_PERIOD : 0;
    for (size_t i = 0; i < watchdog->count; i++) {
        watchdog->watches[i].since += unseen;
        watchdog__look_at(watchdog, &watchdog->watches[i], now);
    }
    watchdog->looked_at = now;
    return now + WATCHDOG_PERIOD;
}

/* ---- Life ---- */

struct watchdog *watchdog_create(struct log *log, size_t threads)
{
    struct watchdog *watchdog = memory_alloc(sizeof *watchdog + threads * sizeof watchdog->watches[0]);
    if (watchdog != NULL) {
        watchdog->log = log;
        watchdog->room = threads;
    }
    return watchdog;
}

void watchdog_destroy(struct watchdog *watchdog)
{
    memory_free(watchdog);
}

void watchdog_watch(struct watchdog *watchdog, const struct callback_mark *mark, enum watchdog_kind kind)
{
    assert(watchdog->count < watchdog->room);
    watchdog->watches[watchdog->count++] = (struct watch){.mark = mark, .kind = kind};
}
