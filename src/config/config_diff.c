/* SPDX-License-Identifier: MIT
   What changed, see config_diff.h. */
#include "config/config_diff.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "config/config_keys.h"
#include "config/config_listen.h"
#include "config/config_names.h"
#include "config/config_options.h"

enum { DIFF_VALUE_ROOM = 160 }; /* of one value in a line; longer ones are cut */

/* ---- Values ---- */

static bool config_diff__same_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool config_diff__same_bytes(const struct config_bytes *a, const struct config_bytes *b)
{
    return a->length == b->length && (a->at == NULL) == (b->at == NULL) &&
           (a->at == NULL || memcmp(a->at, b->at, a->length) == 0);
}

static bool config_diff__same_prefixes(const struct config_prefixes *a, const struct config_prefixes *b)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++) {
        is_same = a->at[i].length == b->at[i].length && address_equal(&a->at[i].address, &b->at[i].address);
    }
    return is_same;
}

static bool config_diff__same_listen(const struct config_endpoint *a, const struct config_endpoint *b)
{
    bool is_same = a->listen_count == b->listen_count;
    for (size_t i = 0; is_same && i < a->listen_count; i++) {
        const struct config_listen *one = &a->listen[i], *other = &b->listen[i];
        is_same = one->protocol == other->protocol && one->is_dual_stack == other->is_dual_stack &&
                  one->is_localhost == other->is_localhost && one->last_port == other->last_port &&
                  address_equal(&one->address, &other->address);
    }
    return is_same;
}

static bool config_diff__same_number(const struct config_key *key, const void *a, const void *b)
{
    const bool has_number = config_keys_has_number(key, a);
    return has_number == config_keys_has_number(key, b) &&
           (!has_number || config_keys_number(key, a) == config_keys_number(key, b));
}

/* The functions of config_keys give places to write to. */
static bool config_diff__same_value(const struct config_key *key, const void *a, const void *b)
{
    void *one = (void *)(uintptr_t)a, *other = (void *)(uintptr_t)b;
    switch (key->type) {
    case CONFIG_TYPE_FOLDER:
    case CONFIG_TYPE_LOG_FILE:
    case CONFIG_TYPE_HANDLER:
    case CONFIG_TYPE_FILE:
        return config_diff__same_text(*config_keys_text(key, one), *config_keys_text(key, other));
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_LIST:
        return config_diff__same_bytes(config_keys_bytes(key, one), config_keys_bytes(key, other));
    case CONFIG_TYPE_PREFIXES:
        return config_diff__same_prefixes(config_keys_prefixes(key, one), config_keys_prefixes(key, other));
    case CONFIG_TYPE_LISTEN:
        return config_diff__same_listen(a, b);
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_NUMBER:
    case CONFIG_TYPE_SIZE:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_RATIO:
    case CONFIG_TYPE_CHOICE:
        break;
    }
    return config_diff__same_number(key, a, b);
}

/* ---- Endpoints ---- */

static const struct pl_handler *config_diff__handler(const struct config_endpoint *endpoint)
{
    return endpoint->options.options != NULL ? endpoint->options.options->handler : NULL;
}

static bool config_diff__same_handler(const struct config_endpoint *a, const struct config_endpoint *b)
{
    return config_diff__handler(a) == config_diff__handler(b) &&
           text_equal(a->handler, strlen(a->handler), b->handler);
}

/* Whether the running endpoint is just as it should be: what waits for a restart does not count. */
static bool config_diff__same_endpoint(const struct config_endpoint *a, const struct config_endpoint *b)
{
    bool is_same = config_diff__same_handler(a, b) && strcmp(a->name, b->name) == 0;
    for (size_t i = 0; is_same && i < config_keys_endpoint.count; i++) {
        const struct config_key *key = &config_keys_endpoint.keys[i];
        is_same = key->needs_restart || config_diff__same_value(key, a, b);
    }
    const struct config_options *options = b->options.options;
    for (size_t i = 0; is_same && options != NULL && i < options->table.count; i++) {
        is_same = config_diff__same_value(&options->table.keys[i], a->options.settings, b->options.settings);
    }
    return is_same;
}

/* Sections that are called otherwise, and have sockets that were another's. */
static void config_diff__find_renamed(const struct config_diff *diff)
{
    for (size_t i = 0; i < diff->new_sockets.count; i++) {
        const struct config_socket *socket = &diff->new_sockets.at[i];
        struct config_pairing *pairing = &diff->endpoints[socket->number];
        if (pairing->before == CONFIG_DIFF_NONE && socket->fate == CONFIG_SOCKET_KEPT &&
            !diff->is_old_taken[socket->partner->number]) {
            pairing->before = socket->partner->number;
            pairing->is_renamed = true;
            diff->is_old_taken[pairing->before] = true;
        }
    }
}

/* A socket's backlog is that which it was opened with, whatever files have said since. */
static void config_diff__find_backlogs(const struct config_diff *diff)
{
    for (size_t i = 0; i < diff->new_sockets.count; i++) {
        const struct config_socket *socket = &diff->new_sockets.at[i];
        struct config_pairing *pairing = &diff->endpoints[socket->number];
        if (socket->fate != CONFIG_SOCKET_ALONE && socket->protocol == CONFIG_TCP &&
            (pairing->backlog == 0 || pairing->backlog == socket->backlog)) {
            pairing->backlog = socket->partner->backlog;
        }
    }
}

static bool config_diff__pair(const struct config_diff *diff)
{
    struct config_names names;
    const bool is_made = config_names_init(&names, diff->before);
    for (size_t i = 0; is_made && i < diff->after->endpoint_count; i++) {
        struct config_pairing *pairing = &diff->endpoints[i];
        const char *name = diff->after->endpoints[i].name;
        pairing->before = CONFIG_DIFF_NONE;
        if (config_names_find(&names, name, strlen(name), &pairing->before)) {
            diff->is_old_taken[pairing->before] = true;
            pairing->is_same = config_diff__same_endpoint(&diff->before->endpoints[pairing->before],
                                                          &diff->after->endpoints[i]);
        }
    }
    if (is_made) {
        config_diff__find_renamed(diff);
        config_diff__find_backlogs(diff);
    }
    config_names_fini(&names);
    return is_made;
}

/* ---- Visiting ---- */

struct visitor {
    const struct config_diff *diff;
    void (*visit)(void *context, const struct config_change *change);
    void *context;
};

static void visitor__tell(const struct visitor *visitor, const struct config_change *change)
{
    visitor->visit(visitor->context, change);
}

/* What needs a restart is a matter of sockets that stay; new ones are opened as it says. */
static enum config_effect config_diff__effect(const struct config_key *key, bool is_service, bool stays)
{
    if (key->needs_restart && stays) {
        return CONFIG_EFFECT_RESTART;
    }
    const bool is_at_once = is_service || key->needs_restart || strcmp(key->name, "allow") == 0 ||
                            strcmp(key->name, "deny") == 0 || strcmp(key->name, "enabled") == 0 ||
                            strcmp(key->name, "listen") == 0;
    return is_at_once ? CONFIG_EFFECT_AT_ONCE : CONFIG_EFFECT_NEW_CLIENTS;
}

static void visitor__compare(const struct visitor *visitor, const struct config_table *table,
                             const char *endpoint, const void *before, const void *after, bool stays)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        if (!config_diff__same_value(key, before, after)) {
            visitor__tell(visitor,
                          &(const struct config_change){
                              .kind = CONFIG_CHANGE_VALUE,
                              .effect = config_diff__effect(key, table == &config_keys_service, stays),
                              .endpoint = endpoint,
                              .key = key,
                              .before = before,
                              .after = after});
        }
    }
}

/* `index` is that of `after`. */
static void visitor__compare_endpoint(const struct visitor *visitor, const struct config_endpoint *before,
                                      const struct config_endpoint *after, size_t index)
{
    const uint32_t backlog = visitor->diff->endpoints[index].backlog;
    struct config_endpoint effective = *before;
    effective.backlog = backlog != 0 ? backlog : before->backlog;
    if (strcmp(before->name, after->name) != 0) {
        visitor__tell(visitor, &(const struct config_change){.kind = CONFIG_CHANGE_RENAMED,
                                                             .endpoint = after->name,
                                                             .other = before->name});
    }
    visitor__compare(visitor, &config_keys_endpoint, after->name, &effective, after, backlog != 0);
    if (config_diff__handler(before) == config_diff__handler(after)) {
        if (after->options.options != NULL) {
            visitor__compare(visitor, &after->options.options->table, after->name, before->options.settings,
                             after->options.settings, false);
        }
    } else if (text_equal(before->handler, strlen(before->handler), after->handler)) {
        visitor__tell(visitor, &(const struct config_change){.kind = CONFIG_CHANGE_DLL,
                                                             .effect = CONFIG_EFFECT_NEW_CLIENTS,
                                                             .endpoint = after->name,
                                                             .other = after->handler});
    }
}

/* It may have sockets of another one. */
static void visitor__add_endpoint(const struct visitor *visitor, const struct config_endpoint *endpoint,
                                  size_t index)
{
    const uint32_t backlog = visitor->diff->endpoints[index].backlog;
    struct config_endpoint effective = *endpoint;
    effective.backlog = backlog != 0 ? backlog : endpoint->backlog;
    visitor__tell(visitor,
                  &(const struct config_change){.kind = CONFIG_CHANGE_ADDED, .endpoint = endpoint->name});
    visitor__compare(visitor, &config_keys_endpoint, endpoint->name, &effective, endpoint, true);
}

static void visitor__endpoints(const struct visitor *visitor)
{
    const struct config_diff *diff = visitor->diff;
    for (size_t i = 0; i < diff->after->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &diff->after->endpoints[i];
        const size_t before = diff->endpoints[i].before;
        if (before != CONFIG_DIFF_NONE) {
            visitor__compare_endpoint(visitor, &diff->before->endpoints[before], endpoint, i);
        } else {
            visitor__add_endpoint(visitor, endpoint, i);
        }
    }
    for (size_t i = 0; i < diff->before->endpoint_count; i++) {
        if (!diff->is_old_taken[i]) {
            visitor__tell(visitor,
                          &(const struct config_change){.kind = CONFIG_CHANGE_REMOVED,
                                                        .endpoint = diff->before->endpoints[i].name});
        }
    }
}

static void visitor__sockets(const struct visitor *visitor)
{
    const struct config_diff *diff = visitor->diff;
    for (size_t i = 0; i < diff->new_sockets.count; i++) {
        const struct config_socket *socket = &diff->new_sockets.at[i];
        struct config_change change = {.endpoint = socket->endpoint, .socket = socket};
        if (socket->fate == CONFIG_SOCKET_ALONE) {
            change.kind = socket->is_waiting ? CONFIG_CHANGE_WAITS : CONFIG_CHANGE_OPENED;
            change.effect = socket->is_waiting ? CONFIG_EFFECT_WHEN_BOUND : CONFIG_EFFECT_AT_ONCE;
        } else if (socket->fate == CONFIG_SOCKET_HELD) {
            change.kind = CONFIG_CHANGE_HELD;
            change.effect = CONFIG_EFFECT_RESTART;
            change.old_socket = socket->partner;
        } else if (diff->endpoints[socket->number].before != socket->partner->number) {
            change.kind = CONFIG_CHANGE_MOVED;
            change.other = socket->partner->endpoint;
        } else {
            continue;
        }
        visitor__tell(visitor, &change);
    }
    for (size_t i = 0; i < diff->old_sockets.count; i++) {
        const struct config_socket *socket = &diff->old_sockets.at[i];
        if (socket->fate == CONFIG_SOCKET_ALONE) {
            visitor__tell(visitor, &(const struct config_change){.kind = CONFIG_CHANGE_CLOSED,
                                                                 .endpoint = socket->endpoint,
                                                                 .socket = socket});
        }
    }
}

void config_diff_visit(const struct config_diff *diff,
                       void (*visit)(void *context, const struct config_change *change), void *context)
{
    const struct visitor visitor = {diff, visit, context};
    visitor__compare(&visitor, &config_keys_service, NULL, &diff->before->service, &diff->after->service,
                     true);
    visitor__endpoints(&visitor);
    visitor__sockets(&visitor);
}

/* ---- Life ---- */

static void config_diff__count(void *context, const struct config_change *change)
{
    struct config_diff *diff = context;
    diff->changes++;
    diff->restarts += change->effect == CONFIG_EFFECT_RESTART;
}

bool config_diff_init_sockets(struct config_diff *diff, const struct config *before,
                              const struct config_sockets *sockets, const struct config *after)
{
    *diff = (struct config_diff){.before = before, .after = after, .old_sockets = *sockets};
    diff->endpoints = memory_alloc((after->endpoint_count + 1) * sizeof diff->endpoints[0]);
    diff->is_old_taken = memory_alloc((before->endpoint_count + 1) * sizeof diff->is_old_taken[0]);
    if (diff->endpoints == NULL || diff->is_old_taken == NULL || sockets->at == NULL ||
        !config_sockets_list(&diff->new_sockets, after)) {
        return false;
    }
    config_sockets_match(&diff->old_sockets, &diff->new_sockets);
    if (!config_diff__pair(diff)) {
        return false;
    }
    config_diff_visit(diff, config_diff__count, diff);
    return true;
}

bool config_diff_init(struct config_diff *diff, const struct config *before, const struct config *after)
{
    struct config_sockets sockets;
    (void)config_sockets_list(&sockets, before); /* it has none when there is no memory */
    return config_diff_init_sockets(diff, before, &sockets, after);
}

void config_diff_fini(struct config_diff *diff)
{
    memory_free(diff->endpoints);
    memory_free(diff->is_old_taken);
    config_sockets_fini(&diff->old_sockets);
    config_sockets_fini(&diff->new_sockets);
}

/* ---- For people ---- */

static const char *const effects[] = {[CONFIG_EFFECT_AT_ONCE] = "at once",
                                      [CONFIG_EFFECT_NEW_CLIENTS] = "new connections",
                                      [CONFIG_EFFECT_WHEN_BOUND] = "when bound",
                                      [CONFIG_EFFECT_RESTART] = "restart"};

static void config_change__add_value(struct text *text, const struct config_key *key, const void *record)
{
    char room[DIFF_VALUE_ROOM];
    struct text value;
    text_init(&value, room, sizeof room);
    config_keys_add_value(&value, key, record);
    text_add_string(text, value.length > 0 ? value.at : "nothing");
    text_add_string(text, value.is_cut ? "..." : "");
}

static void config_change__add_what(struct text *text, const struct config_change *change)
{
    switch (change->kind) {
    case CONFIG_CHANGE_VALUE:
        text_add_format(text, "%s ", change->key->name);
        config_change__add_value(text, change->key, change->before);
        text_add_string(text, " -> ");
        config_change__add_value(text, change->key, change->after);
        break;
    case CONFIG_CHANGE_DLL:
        text_add_format(text, "%s has been replaced", change->other);
        break;
    case CONFIG_CHANGE_ADDED:
        text_add_string(text, "added");
        break;
    case CONFIG_CHANGE_REMOVED:
        text_add_string(text, "removed; its connections go on to their end");
        break;
    case CONFIG_CHANGE_RENAMED:
        text_add_format(text, "was %s", change->other);
        break;
    case CONFIG_CHANGE_OPENED:
    case CONFIG_CHANGE_WAITS:
    case CONFIG_CHANGE_CLOSED:
    case CONFIG_CHANGE_MOVED:
    case CONFIG_CHANGE_HELD:
        config_socket_add(text, change->socket);
        break;
    }
    if (change->kind == CONFIG_CHANGE_HELD) {
        text_add_string(text, " cannot be bound beside ");
        config_socket_add(text, change->old_socket);
        text_add_string(text, ", which stays");
    } else if (change->kind == CONFIG_CHANGE_MOVED) {
        text_add_format(text, " goes over from endpoint %s", change->other);
    } else if (change->socket != NULL) {
        text_add_string(text, change->kind == CONFIG_CHANGE_OPENED  ? " opens"
                              : change->kind == CONFIG_CHANGE_WAITS ? " waits to be bound"
                                                                    : " closes");
    }
}

void config_change_add(struct text *text, const struct config_change *change)
{
    if (change->endpoint != NULL) {
        text_add_format(text, "endpoint %s: ", change->endpoint);
    }
    config_change__add_what(text, change);
    if (change->effect == CONFIG_EFFECT_RESTART) {
        text_add_string(text, " (needs a restart)");
    } else if (change->effect == CONFIG_EFFECT_NEW_CLIENTS) {
        text_add_format(text, " (%s)", effects[change->effect]);
    }
}

static void config_diff__add_line(void *context, const struct config_change *change)
{
    config_change_add(context, change);
    text_add_string(context, "\n");
}

void config_diff_add(struct text *text, const struct config_diff *diff)
{
    config_diff_visit(diff, config_diff__add_line, text);
}

/* ---- For tools ---- */

static void config_change__json_socket(struct json *object, const char *name,
                                       const struct config_socket *socket)
{
    char room[CONFIG_LISTEN_TEXT_ROOM];
    struct text value;
    text_init(&value, room, sizeof room);
    config_socket_add(&value, socket);
    json_string(object, name, room);
}

static void config_diff__add_object(void *context, const struct config_change *change)
{
    static const char *const kinds[] = {
        [CONFIG_CHANGE_VALUE] = "value",     [CONFIG_CHANGE_DLL] = "dll",
        [CONFIG_CHANGE_ADDED] = "added",     [CONFIG_CHANGE_REMOVED] = "removed",
        [CONFIG_CHANGE_RENAMED] = "renamed", [CONFIG_CHANGE_OPENED] = "opened",
        [CONFIG_CHANGE_WAITS] = "waits",     [CONFIG_CHANGE_CLOSED] = "closed",
        [CONFIG_CHANGE_MOVED] = "moved",     [CONFIG_CHANGE_HELD] = "held"};
    struct text *text = context;
    struct json object =
        json_begin(text, JSON_SPACED, text->at[text->length - 1] == '}' ? ",\n    {" : "\n    {");
    json_string(&object, "endpoint", change->endpoint);
    json_string(&object, "what", kinds[change->kind]);
    json_string(&object, "effect", effects[change->effect]);
    if (change->key != NULL) {
        json_string(&object, "key", change->key->name);
        json_name(&object, "before");
        config_keys_add_json(text, change->key, change->before);
        json_name(&object, "after");
        config_keys_add_json(text, change->key, change->after);
    }
    if (change->socket != NULL) {
        config_change__json_socket(&object, "socket", change->socket);
    }
    if (change->old_socket != NULL) {
        config_change__json_socket(&object, "before", change->old_socket);
    }
    if (change->other != NULL) {
        json_string(&object, "before", change->other);
    }
    json_end(&object);
}

void config_diff_add_json(struct text *text, const struct config_diff *diff)
{
    text_add_string(text, "{\n  \"changes\": [");
    config_diff_visit(diff, config_diff__add_object, text);
    text_add_format(text, "\n  ],\n  \"restarts\": %zu\n}\n", diff->restarts);
}
