/* SPDX-License-Identifier: MIT
   The command "handlers": what can stand behind an endpoint. */
#include "commands.h"

#include <string.h>

#include "config/config_handlers.h"
#include "config/config_plugins.h"
#include "handler/handlers.h"
#include "loaded_config.h"

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

static void command_handlers__show(const struct pl_handler *handler, const char *origin, struct output *out)
{
    struct text text;
    text_init_heap(&text);
    text_add_format(&text, "%s %s (%s)\n", handler->name, handler->version, origin);
    config_handlers_show(&text, handler);
    output_text(out, &text);
    text_fini(&text);
}

/* One of the DLLs in the configuration's plugin_dir, whether an endpoint names it or not. */
static enum exit_code command_handlers__show_plugin(const struct arguments *arguments,
                                                    const struct loaded_config *loaded,
                                                    struct streams *streams)
{
    const struct config_plugin_source *source = &loaded->loader.source;
    const char *file = arguments->operands[0];
    struct failure failure = {.code = EXIT_CODE_CONFIGURATION};
    struct text problem, warning;
    void *held = NULL;
    text_init(&problem, failure.text, sizeof failure.text);
    text_init_heap(&warning);
    const struct pl_handler *handler =
        source->load(source->context, &loaded->config->service, file, &held, &problem, &warning);
    if (warning.length > 0) {
        output_format(&streams->err, "%s\n", warning.at);
    }
    text_fini(&warning);
    if (handler == NULL) {
        return output_failure(&streams->err, &failure);
    }
    command_handlers__show(handler, file, &streams->out);
    source->release(source->context, held);
    return EXIT_CODE_DONE;
}

static enum exit_code command_handlers__plugin(const struct arguments *arguments, struct streams *streams)
{
    struct loaded_config loaded;
    struct failure failure;
    if (!loaded_config_open(&loaded, arguments, LOADED_CONFIG_ALL, &failure)) {
        return output_failure(&streams->err, &failure);
    }
    enum exit_code code = EXIT_CODE_DONE;
    if (loaded.config == NULL) {
        output_text(&streams->err, &loaded.problems.text);
        code = loaded_config_code(&loaded);
    } else {
        code = command_handlers__show_plugin(arguments, &loaded, streams);
    }
    loaded_config_close(&loaded);
    return code;
}

enum exit_code command_handlers_run(const struct arguments *arguments, struct streams *streams)
{
    if (arguments->operand_count > 0 &&
        config_plugins_is_file(arguments->operands[0], strlen(arguments->operands[0]))) {
        return command_handlers__plugin(arguments, streams);
    }
    if (arguments->operand_count > 0) {
        const struct pl_handler *handler = command_handlers__find(arguments->operands[0]);
        if (handler == NULL) {
            return command_handlers__unknown(arguments->operands[0], &streams->err);
        }
        command_handlers__show(handler, "built in", &streams->out);
        return EXIT_CODE_DONE;
    }
    for (const struct pl_handler *const *handler = handlers_builtin; *handler != NULL; handler++) {
        output_format(&streams->out, "%-*s %-7s  %s\n", HANDLERS_COLUMN, (*handler)->name,
                      config_handlers_protocols(*handler), (*handler)->summary);
    }
    return EXIT_CODE_DONE;
}
