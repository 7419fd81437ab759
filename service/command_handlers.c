/* SPDX-License-Identifier: MIT
   The command "handlers": what can stand behind an endpoint. */
#include "commands.h"

#include <string.h>

#include "config/config_handlers.h"
#include "handler/handlers.h"

enum { HANDLERS_COLUMN = 12 };

static const struct pl_handler *command_handlers__find(const char *name)
{
    const struct pl_handler *const *handler = handlers_builtin;
    while (*handler != NULL && !text_equal(name, strlen(name), (*handler)->name)) {
        handler++;
    }
    return *handler;
}

static enum exit_code command_handlers__unknown(const char *name, struct output *err)
{
    struct failure failure = {.code = EXIT_CODE_USAGE};
    struct text text;
    text_init(&text, failure.text, sizeof failure.text);
    text_add_string(&text, "there is no handler \"");
    text_add_escaped(&text, name, strlen(name));
    text_add_string(&text, "\"; there are:");
    for (const struct pl_handler *const *handler = handlers_builtin; *handler != NULL; handler++) {
        text_add_format(&text, " %s", (*handler)->name);
    }
    return output_failure(err, &failure);
}

static void command_handlers__show(const struct pl_handler *handler, struct output *out)
{
    struct text text;
    text_init_heap(&text);
    text_add_format(&text, "%s %s (built in)\n", handler->name, handler->version);
    config_handlers_show(&text, handler);
    output_text(out, &text);
    text_fini(&text);
}

enum exit_code command_handlers_run(const struct arguments *arguments, struct streams *streams)
{
    if (arguments->operand_count > 0) {
        const struct pl_handler *handler = command_handlers__find(arguments->operands[0]);
        if (handler == NULL) {
            return command_handlers__unknown(arguments->operands[0], &streams->err);
        }
        command_handlers__show(handler, &streams->out);
        return EXIT_CODE_DONE;
    }
    for (const struct pl_handler *const *handler = handlers_builtin; *handler != NULL; handler++) {
        output_format(&streams->out, "%-*s %-7s  %s\n", HANDLERS_COLUMN, (*handler)->name,
                      config_handlers_protocols(*handler), (*handler)->summary);
    }
    return EXIT_CODE_DONE;
}
