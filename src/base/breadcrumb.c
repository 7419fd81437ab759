/* SPDX-License-Identifier: MIT
   The breadcrumb's layout, see breadcrumb.h. */
#include "base/breadcrumb.h"

#include <assert.h>
#include <string.h>

#include "base/civil_time.h"

static const char breadcrumb__magic[8] = "PLcrumb1";

static_assert(sizeof(struct breadcrumb_place) == BREADCRUMB_LINE, "a place is a cache line");
static_assert(offsetof(struct breadcrumb, places) == (size_t)2 * BREADCRUMB_LINE,
              "places begin at a cache line");
static_assert(sizeof(struct breadcrumb_name) == 128, "the file's layout");

size_t breadcrumb_size(size_t names)
{
    return sizeof(struct breadcrumb) + names * sizeof(struct breadcrumb_name);
}

void breadcrumb_init(struct breadcrumb *breadcrumb, size_t names, const char *version)
{
    if (breadcrumb != NULL) {
        memcpy(breadcrumb->magic, breadcrumb__magic, sizeof breadcrumb->magic);
        breadcrumb->size = (uint32_t)breadcrumb_size(names);
        breadcrumb->name_room = (uint32_t)names;
        text_copy(breadcrumb->version, sizeof breadcrumb->version, version);
    }
}

/* The first with this key; 0: that is free. NULL: there is none. */
static struct breadcrumb_name *breadcrumb__find(struct breadcrumb *breadcrumb, uint64_t key)
{
    for (uint32_t i = 0; i < breadcrumb->name_count; i++) {
        if (breadcrumb->names[i].key == key) {
            return &breadcrumb->names[i];
        }
    }
    return NULL;
}

static struct breadcrumb_name *breadcrumb__room_for(struct breadcrumb *breadcrumb, uint64_t key)
{
    struct breadcrumb_name *name = breadcrumb__find(breadcrumb, key);
    if (breadcrumb->are_names_fixed != 0) {
        return NULL;
    }
    name = name != NULL ? name : breadcrumb__find(breadcrumb, 0);
    if (name == NULL && breadcrumb->name_count < breadcrumb->name_room) {
        name = &breadcrumb->names[breadcrumb->name_count++];
    }
    return name;
}

void breadcrumb_add_name(struct breadcrumb *breadcrumb, const char *endpoint, const char *handler)
{
    const uint64_t key = (uint64_t)(uintptr_t)endpoint;
    struct breadcrumb_name *name = breadcrumb != NULL ? breadcrumb__room_for(breadcrumb, key) : NULL;
    if (name != NULL) {
        name->key = 0; /* while the texts are half this one's */
        text_copy(name->endpoint, sizeof name->endpoint, endpoint);
        text_copy(name->handler, sizeof name->handler, handler);
        name->key = key;
    }
}

void breadcrumb_forget_name(struct breadcrumb *breadcrumb, const char *endpoint)
{
    const uint64_t key = (uint64_t)(uintptr_t)endpoint;
    struct breadcrumb_name *name = breadcrumb != NULL ? breadcrumb__find(breadcrumb, key) : NULL;
    if (name != NULL && breadcrumb->are_names_fixed != 0) {
        breadcrumb->name_count = 0;
    } else if (name != NULL) {
        name->key = 0;
    }
}

struct breadcrumb_place *breadcrumb_place(struct breadcrumb *breadcrumb, unsigned index)
{
    return breadcrumb != NULL && index < BREADCRUMB_CONTROL ? &breadcrumb->places[index] : NULL;
}

struct breadcrumb_place *breadcrumb_control(struct breadcrumb *breadcrumb)
{
    return breadcrumb != NULL ? &breadcrumb->places[BREADCRUMB_CONTROL] : NULL;
}

/* ---- Reading ---- */

static bool breadcrumb__ends(const char *at, size_t room)
{
    return memchr(at, '\0', room) != NULL;
}

bool breadcrumb_is_sound(const void *at, size_t length)
{
    const struct breadcrumb *breadcrumb = at;
    if (length < sizeof *breadcrumb ||
        memcmp(breadcrumb->magic, breadcrumb__magic, sizeof breadcrumb->magic) != 0 ||
        breadcrumb->size != length || breadcrumb->name_count > breadcrumb->name_room ||
        breadcrumb->name_room != (length - sizeof *breadcrumb) / sizeof breadcrumb->names[0] ||
        !breadcrumb__ends(breadcrumb->version, sizeof breadcrumb->version)) {
        return false;
    }
    for (uint32_t i = 0; i < breadcrumb->name_count; i++) {
        const struct breadcrumb_name *name = &breadcrumb->names[i];
        if (!breadcrumb__ends(name->endpoint, sizeof name->endpoint) ||
            !breadcrumb__ends(name->handler, sizeof name->handler)) {
            return false;
        }
    }
    return true;
}

bool breadcrumb_callback_at(const struct breadcrumb *breadcrumb, unsigned index,
                            struct breadcrumb_callback *callback_out)
{
    const struct breadcrumb_place *place = index < BREADCRUMB_PLACES ? &breadcrumb->places[index] : NULL;
    if (place == NULL || !callback_mark_is_in(&place->mark)) {
        return false;
    }
    const uint64_t key = (uint64_t)(uintptr_t)place->mark.endpoint;
    *callback_out = (struct breadcrumb_callback){
        .endpoint = "?", .handler = "?", .id = place->mark.id, .thread = place->thread};
    for (uint32_t i = 0; i < breadcrumb->name_count; i++) {
        if (key != 0 && breadcrumb->names[i].key == key) {
            callback_out->endpoint = breadcrumb->names[i].endpoint;
            callback_out->handler = breadcrumb->names[i].handler;
        }
    }
    return true;
}

bool breadcrumb_callback_of(const struct breadcrumb *breadcrumb, uint32_t thread,
                            struct breadcrumb_callback *callback_out)
{
    for (unsigned i = 0; i < BREADCRUMB_PLACES; i++) {
        if (breadcrumb->places[i].thread == thread && breadcrumb_callback_at(breadcrumb, i, callback_out)) {
            callback_out->name = breadcrumb->places[i].mark.name;
            return true;
        }
    }
    return false;
}

/* A time of the file may be anything. */
static void breadcrumb__add_time(struct text *text, uint64_t time)
{
    enum { FILETIME_SECOND = 10000000 };
    const int64_t seconds = (int64_t)(time / FILETIME_SECOND) - INT64_C(11644473600); /* 1601 to 1970 */
    if (seconds < 0 || seconds >= INT64_C(253402300800)) {                            /* the year 10000 */
        text_add_string(text, "a time that is not known");
        return;
    }
    const struct tm utc = civil_time_utc(seconds);
    text_add_format(text, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                    utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static void breadcrumb__add_callback(struct text *text, const struct breadcrumb_callback *callback)
{
    text_add_string(text, "handler ");
    text_add_escaped(text, callback->handler, strlen(callback->handler));
    text_add_string(text, " of endpoint ");
    text_add_escaped(text, callback->endpoint, strlen(callback->endpoint));
    if (callback->id != 0) {
        text_add_format(text, " for #%016llx", (unsigned long long)callback->id);
    }
    text_add_format(text, " (thread %lu)", (unsigned long)callback->thread);
}

static void breadcrumb__add_callbacks(struct text *text, const struct breadcrumb *breadcrumb)
{
    struct breadcrumb_callback callback;
    unsigned count = 0;
    for (unsigned i = 0; i < BREADCRUMB_PLACES; i++) {
        if (breadcrumb_callback_at(breadcrumb, i, &callback) && count++ < BREADCRUMB_CALLBACKS) {
            text_add_string(text, count == 1 ? "in a callback then: " : "; ");
            breadcrumb__add_callback(text, &callback);
        }
    }
    if (count == 0) {
        text_add_string(text, "no handler was in a callback then");
    } else if (count > BREADCRUMB_CALLBACKS) {
        text_add_format(text, "; and %u more", count - BREADCRUMB_CALLBACKS);
    }
}

void breadcrumb_describe(const struct breadcrumb *breadcrumb, struct text *text)
{
    text_add_format(text, "process %lu, version ", (unsigned long)breadcrumb->process);
    text_add_escaped(text, breadcrumb->version, strlen(breadcrumb->version));
    text_add_string(text, ", from ");
    breadcrumb__add_time(text, breadcrumb->began);
    text_add_string(text, "; ");
    breadcrumb__add_callbacks(text, breadcrumb);
}
