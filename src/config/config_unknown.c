/* SPDX-License-Identifier: MIT */
#include "config/config_unknown.h"

#include <string.h>

#include "base/descriptor.h"
#include "config/config_guess.h"
#include "config/config_problems.h"
#include "config/config_value.h"

enum { UNKNOWN_NAME_ROOM = 288 };

static void config_unknown__error(const struct config_unknown *unknown, struct config_problems *problems,
                                  const struct text *message)
{
    char room[UNKNOWN_NAME_ROOM];
    struct text name;
    text_init(&name, room, sizeof room);
    config_value_add_quoted(&name, unknown->name.at, unknown->name.length);
    config_problems_error(problems, unknown->line, unknown->name.column, "%s %s", room, message->at);
}

/* A key of the other kind of section. */
static bool config_unknown__is_elsewhere(const struct config_unknown *unknown, struct text *message)
{
    const bool is_service = unknown->table == &config_keys_service;
    const struct config_key *elsewhere = config_keys_find(
        is_service ? &config_keys_endpoint : &config_keys_service, unknown->name.at, unknown->name.length);
    if (elsewhere != NULL) {
        text_add_format(message, "is not a key of this section; write it in %s",
                        !is_service                   ? "[service]"
                        : elsewhere->is_endpoint_only ? "an [endpoint NAME]"
                                                      : "[defaults] or an [endpoint NAME]");
    }
    return elsewhere != NULL;
}

static bool config_unknown__has_option(const struct config_unknown *unknown, const struct pl_handler *handler)
{
    for (size_t i = 0; i < descriptor_option_count(handler); i++) {
        if (text_equal(unknown->name.at, unknown->name.length, descriptor_option(handler, i).name)) {
            return true;
        }
    }
    return false;
}

/* An option of a handler: in a section that has none, or of another one than the endpoint's. */
static bool config_unknown__is_option(const struct config_unknown *unknown, struct text *message)
{
    for (size_t i = 0; unknown->handlers[i] != NULL; i++) {
        const char *owner = unknown->handlers[i]->name;
        if (!config_unknown__has_option(unknown, unknown->handlers[i])) {
            continue;
        }
        if (!unknown->is_of_endpoint) {
            text_add_format(message,
                            "is an option of the handler %s; write it in each [endpoint NAME] that has "
                            "handler = %s",
                            owner, owner);
        } else if (unknown->options == NULL) {
            text_add_format(message, "is an option of the handler %s; write handler = %s, or remove the line",
                            owner, owner);
        } else {
            text_add_format(
                message, "is an option of the handler %s, not of %s; remove the line, or write handler = %s",
                owner, unknown->options->handler->name, owner);
        }
        return true;
    }
    return false;
}

const char *config_unknown_guess(const struct config_unknown *unknown)
{
    struct config_guess guess = config_guess_begin(unknown->name.at, unknown->name.length);
    const size_t options = unknown->options != NULL ? unknown->options->table.count : 0;
    for (size_t i = 0; i < unknown->table->count; i++) {
        config_guess_try(&guess, unknown->table->keys[i].name);
    }
    for (size_t i = 0; i < options; i++) {
        config_guess_try(&guess, unknown->options->table.keys[i].name);
    }
    return guess.best;
}

bool config_unknown_tell(const struct config_unknown *unknown, struct config_problems *problems)
{
    const bool has_options = unknown->options != NULL && unknown->options->table.count > 0;
    const char *guess = NULL;
    char room[256];
    struct text message;
    if (config_problems_are_full(problems)) { /* nobody reads it any more, and to guess takes its time */
        if (!unknown->may_be_option) {
            config_problems_error(problems, unknown->line, unknown->name.column, "not a key");
        }
        return true;
    }
    text_init(&message, room, sizeof room);
    if (text_equal(unknown->name.at, unknown->name.length, "include")) {
        text_add_string(&message, "belongs before the first section; move the line up");
    } else if (!config_unknown__is_elsewhere(unknown, &message) &&
               (unknown->may_be_option || !config_unknown__is_option(unknown, &message))) {
        guess = config_unknown_guess(unknown);
        if (guess != NULL) {
            text_add_format(&message, "is not a key; did you mean %s?", guess);
        } else if (has_options) {
            text_add_format(&message,
                            "is not a key, nor an option of the handler %s; remove the line (portlistener "
                            "handlers %s lists its options)",
                            unknown->options->handler->name, unknown->options->handler->name);
        } else if (!unknown->may_be_option) {
            text_add_string(&message,
                            "is not a key; remove the line (portlistener config reference lists all keys)");
        }
    }
    if (message.length > 0) {
        config_unknown__error(unknown, problems, &message);
    }
    return guess != NULL;
}
