/* SPDX-License-Identifier: MIT */
#include "config/config_handlers.h"

#include <string.h>

#include "base/descriptor.h"
#include "config/config_layout.h"
#include "config/config_options.h"

enum { HANDLERS_COUNTER_COLUMN = 36, HANDLERS_PROBLEM_ROOM = 1024 };

const char *config_handlers_protocols(const struct pl_handler *handler)
{
    switch (handler->flags & (PL_TCP | PL_UDP)) {
    case PL_TCP | PL_UDP:
        return "tcp udp";
    case PL_TCP:
        return "tcp";
    default:
        return "udp";
    }
}

/* The options, or NULL with what is wrong with them. */
static struct config_options *config_handlers__options(struct text *text, const struct pl_handler *handler)
{
    char room[HANDLERS_PROBLEM_ROOM];
    struct text problem;
    text_init(&problem, room, sizeof room);
    struct config_options *options = config_options_create(handler, &problem);
    if (options == NULL && problem.length > 0) {
        text_add_format(text, "It cannot be used: %s\n", room);
    } else if (options == NULL) {
        text->is_cut = true;
    }
    return options;
}

static void config_handlers__add_defaults(struct text *text, const struct pl_handler *handler,
                                          const char *quote)
{
    const char *line = NULL;
    for (size_t i = 0; (line = descriptor_default(handler, i)) != NULL; i++) {
        text_add_format(text, "%s%s%s%s", i > 0 ? ", " : "", quote, line, quote);
    }
}

static void config_handlers__add_metric(struct text *text, const struct pl_handler *handler,
                                        const struct pl_counter *counter)
{
    text_add_format(text, "portlistener_%s_%s_total", handler->name, counter->name);
}

static void config_handlers__counters(struct text *text, const struct pl_handler *handler)
{
    const size_t count = descriptor_counter_count(handler);
    text_add_string(text, count > 0 ? "Counters:\n" : "");
    for (size_t i = 0; i < count; i++) {
        const struct pl_counter counter = descriptor_counter(handler, i);
        const size_t start = text->length;
        text_add_format(text, "%*s", CONFIG_LAYOUT_INDENT, "");
        config_handlers__add_metric(text, handler, &counter);
        config_layout_pad(text, start, HANDLERS_COUNTER_COLUMN);
        text_add_format(text, "%s, in %s\n", counter.help, counter.unit);
    }
}

void config_handlers_show(struct text *text, const struct pl_handler *handler)
{
    config_layout_wrap(text, handler->summary, 0);
    text_add_format(text, "Protocols: %s\n", config_handlers_protocols(handler));
    struct config_options *options = config_handlers__options(text, handler);
    if (options == NULL) {
        return;
    }
    text_add_string(text, options->table.count > 0 ? "Options:\n" : "Options: none of its own\n");
    for (size_t i = 0; i < options->table.count; i++) {
        config_layout_key(text, &options->table.keys[i], "");
    }
    text_add_string(text, options->table.count > 0 ? "\n" : "");
    if (descriptor_default(handler, 0) != NULL) {
        text_add_string(text, "Its own defaults: ");
        config_handlers__add_defaults(text, handler, "");
        text_add_string(text, "\n");
    }
    config_handlers__counters(text, handler);
    config_options_destroy(options);
}

/* ---- Markdown ---- */

static void config_handlers__markdown_options(struct text *text, const struct config_options *options)
{
    if (options->table.count == 0) {
        return;
    }
    text_add_string(text, "\n| option | type | default | range | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < options->table.count; i++) {
        const struct config_key *key = &options->table.keys[i];
        config_layout_cells(text, key);
        text_add_format(text, "%s |\n", key->help);
    }
}

static void config_handlers__markdown_counters(struct text *text, const struct pl_handler *handler)
{
    const size_t count = descriptor_counter_count(handler);
    text_add_string(text, count > 0 ? "\n| counter | unit | meaning |\n|---|---|---|\n" : "");
    for (size_t i = 0; i < count; i++) {
        const struct pl_counter counter = descriptor_counter(handler, i);
        text_add_string(text, "| `");
        config_handlers__add_metric(text, handler, &counter);
        text_add_format(text, "` | %s | %s |\n", counter.unit, counter.help);
    }
}

void config_handlers_markdown(struct text *text, const struct pl_handler *const *handlers)
{
    text_add_string(text,
                    "## Handlers\n\nThe built-in handlers, the protocols that they take, and their options: "
                    "further keys of an `[endpoint NAME]` that has the handler, not of `[defaults]`. A "
                    "handler may have its own defaults of the keys above; what is written, also in "
                    "`[defaults]`, comes before them. `portlistener handlers NAME` prints the same.\n");
    for (size_t i = 0; handlers[i] != NULL; i++) {
        const struct pl_handler *handler = handlers[i];
        text_add_format(text, "\n### `%s`\n\n%s Protocols: %s.", handler->name, handler->summary,
                        config_handlers_protocols(handler));
        struct config_options *options = config_handlers__options(text, handler);
        if (options == NULL) {
            continue;
        }
        text_add_string(text, options->table.count == 0 ? " No options." : "");
        if (descriptor_default(handler, 0) != NULL) {
            text_add_string(text, " Its own defaults: ");
            config_handlers__add_defaults(text, handler, "`");
            text_add_string(text, ".");
        }
        text_add_string(text, "\n");
        config_handlers__markdown_options(text, options);
        config_handlers__markdown_counters(text, handler);
        config_options_destroy(options);
    }
}
