/* SPDX-License-Identifier: MIT
   The command "handlers": what can stand behind an endpoint. */
#include "commands.h"

#include <string.h>

#include "handler/handlers.h"

enum { HANDLERS_COLUMN = 12 };

static const char *command_handlers__protocols(const struct pl_handler *handler)
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

enum exit_code command_handlers_run(const struct arguments *arguments, struct streams *streams)
{
    if (arguments->operand_count > 0) {
        const struct pl_handler *handler = command_handlers__find(arguments->operands[0]);
        if (handler == NULL) {
            return command_handlers__unknown(arguments->operands[0], &streams->err);
        }
        output_format(&streams->out, "%s %s (built in)\n%s\nProtocols: %s\nOptions: none of its own\n",
                      handler->name, handler->version, handler->summary,
                      command_handlers__protocols(handler));
        return EXIT_CODE_DONE;
    }
    for (const struct pl_handler *const *handler = handlers_builtin; *handler != NULL; handler++) {
        output_format(&streams->out, "%-*s %-7s  %s\n", HANDLERS_COLUMN, (*handler)->name,
                      command_handlers__protocols(*handler), (*handler)->summary);
    }
    return EXIT_CODE_DONE;
}
