/* SPDX-License-Identifier: MIT
   What the threads that run handlers' callbacks are doing, in one block of memory that outlives the process when it is
   a view of a file: the next start reads there which callbacks were running when this one died. The layout is that of
   the file. No Windows header, no pointer that a reader would have to follow. */
#ifndef PORTLISTENER_BASE_BREADCRUMB_H
#define PORTLISTENER_BASE_BREADCRUMB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/callback_mark.h"
#include "base/text.h"

enum {
    BREADCRUMB_CONTROL =
        128, /* as many workers as there can be, and as many others; then who starts and stops */
    BREADCRUMB_PLACES = 129,
    BREADCRUMB_LINE = 64,    /* bytes of a processor's cache line */
    BREADCRUMB_CALLBACKS = 8 /* running ones that breadcrumb_describe names */
};

/* Of one thread; on a cache line of its own, for it is written with every callback, and by no other thread. */
struct breadcrumb_place {
    struct callback_mark mark;
    volatile uint32_t thread; /* its system id; 0: there is none */
    uint8_t apart[BREADCRUMB_LINE - sizeof(struct callback_mark) - sizeof(uint32_t)];
};

/* What stands for the pointer of an endpoint's name: once for each endpoint, not with each callback. */
struct breadcrumb_name {
    volatile uint64_t key; /* the pointer, as a number; 0: nothing stands here, or not yet */
    char endpoint[72];
    char handler[48];
};

struct breadcrumb {
    char magic[8];
    uint32_t size; /* of all of it; so a file that was cut is noticed */
    uint32_t process;
    uint64_t began; /* as FILETIME; so is crash_time */
    char version[32];
    uint32_t name_room;
    uint32_t name_count;
    volatile uint32_t has_ended;    /* in order: there is nothing to tell */
    volatile uint32_t crash_code;   /* of the exception that ends the process; 0: none so far */
    volatile uint32_t crash_thread; /* that it happened on */
    uint32_t are_names_fixed;       /* no name is written any more: their memory may be gone with the disk */
    volatile uint64_t crash_time;   /* in the name of its report; 0: that could not be written */
    uint8_t apart[2 * BREADCRUMB_LINE - 88]; /* to the next cache line */
    struct breadcrumb_place places[BREADCRUMB_PLACES];
    struct breadcrumb_name names[];
};

/* A callback that is running; the texts are those of the breadcrumb. */
struct breadcrumb_callback {
    const char *endpoint;
    const char *handler;
    const char *name; /* "on_data"; NULL: not known */
    uint64_t id;
    uint32_t thread;
};

/* breadcrumb_size: bytes for so many names. breadcrumb_init: in memory of that size, all zero, at a cache line's begin;
   NULL stays NULL, and so do the next functions take it. */
size_t breadcrumb_size(size_t names);
void breadcrumb_init(struct breadcrumb *breadcrumb, size_t names, const char *version);

/* breadcrumb_add_name: `endpoint`, the pointer itself, is what worker_enter will be given; both texts are copied, and
   cut where they are longer. What there is no room for is told as "?". breadcrumb_forget_name: no callback is given it any
   more; the pointer may soon be another name's. Where the names are fixed, it takes all of them away, for a wrong name is
   worse than none. One thread at a time; whoever reads meanwhile finds a name whole or not
   at all. */
void breadcrumb_add_name(struct breadcrumb *breadcrumb, const char *endpoint, const char *handler);
void breadcrumb_forget_name(struct breadcrumb *breadcrumb, const char *endpoint);

/* breadcrumb_place: for the thread of this number; NULL: there is none for it. breadcrumb_control: for the one that starts,
   drains and stops handlers; NULL of NULL. */
struct breadcrumb_place *breadcrumb_place(struct breadcrumb *breadcrumb, unsigned index);
struct breadcrumb_place *breadcrumb_control(struct breadcrumb *breadcrumb);

/* breadcrumb_is_sound: whether at[0..length), aligned as a pointer, is one, from any source: then the functions below
   stay inside. */
bool breadcrumb_is_sound(const void *at, size_t length);

/* breadcrumb_callback_at: what the thread of this number is doing; false: nothing, or there is none. */
bool breadcrumb_callback_at(const struct breadcrumb *breadcrumb, unsigned index,
                            struct breadcrumb_callback *callback_out);

/* breadcrumb_callback_of: of the thread with this system id; its name as well, which is known only in the process that
   writes the breadcrumb, as this function is for. Takes no lock, allocates nothing. */
bool breadcrumb_callback_of(const struct breadcrumb *breadcrumb, uint32_t thread,
                            struct breadcrumb_callback *callback_out);

/* breadcrumb_describe: "process 1234, version 0.1.0, from 2026-11-27T08:31:00Z; these callbacks were running: ...". */
void breadcrumb_describe(const struct breadcrumb *breadcrumb, struct text *text);

#endif
