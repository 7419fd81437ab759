/* SPDX-License-Identifier: MIT
   The command "handlers": what can stand behind an endpoint. */
#include "commands.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "config/config_handlers.h"
#include "config/config_layout.h"
#include "config/config_plugins.h"
#include "handler/handlers.h"
#include "loaded_config.h"

enum { HANDLERS_PROTOCOLS = 13, HANDLERS_SUMMARY = 22 /* columns */ };

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
    text_add_string(&text, "; one in a DLL is named as that: NAME.dll");
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

/* ---- The list ---- */

static void command_handlers__row(const char *name, const struct pl_handler *handler, struct output *out)
{
    struct text text, summary;
    text_init_heap(&text);
    text_init_heap(&summary);
    text_add_string(&text, name);
    config_layout_pad(&text, 0, HANDLERS_PROTOCOLS);
    text_add_string(&text, config_handlers_protocols(handler));
    config_layout_pad(&text, 0, HANDLERS_SUMMARY);
    config_layout_wrap(&summary, handler->summary, HANDLERS_SUMMARY);
    /* its first line has begun */
    text_add_string(&text, summary.length > HANDLERS_SUMMARY ? summary.at + HANDLERS_SUMMARY : "\n");
    text.is_cut = text.is_cut || summary.is_cut;
    output_text(out, &text);
    text_fini(&summary);
    text_fini(&text);
}

/* By their names alone: what a DLL says of itself is told by its own code, which is run when it is asked for by name. */
static void command_handlers__add_plugins(struct text *names, const char *folder)
{
    WIN32_FIND_DATAW found;
    WCHAR *pattern = utf16_make("%s\\*.dll", folder);
    const HANDLE search = pattern != NULL ? FindFirstFileW(pattern, &found) : INVALID_HANDLE_VALUE;
    memory_free(pattern);
    if (search == INVALID_HANDLE_VALUE) {
        return; /* there need not be such a folder */
    }
    do {
        char *file = utf16_to_utf8(found.cFileName);
        if (file != NULL && config_plugins_is_file(file, strlen(file))) {
            text_add_format(names, "%s%s", names->length > 0 ? " " : "", file);
        }
        memory_free(file);
    } while (FindNextFileW(search, &found));
    FindClose(search);
}

static void command_handlers__list_plugins(const char *folder, struct output *out)
{
    struct text names, text;
    text_init_heap(&names);
    text_init_heap(&text);
    command_handlers__add_plugins(&names, folder);
    if (names.length > 0) {
        text_add_string(&text, "\nIn ");
        text_add_escaped(&text, folder, strlen(folder));
        text_add_string(&text, " (plugin_dir); \"portlistener handlers NAME.dll\" describes one:\n");
        config_layout_wrap(&text, names.at, CONFIG_LAYOUT_INDENT);
    }
    output_text(out, &text);
    text_fini(&names);
    text_fini(&text);
}

/* What is built in, and what lies in plugin_dir. Without --config a configuration is a help, and its lack no error. */
static enum exit_code command_handlers__list(const struct arguments *arguments, struct streams *streams)
{
    struct loaded_config loaded;
    struct failure failure;
    enum exit_code code = EXIT_CODE_DONE;
    for (const struct pl_handler *const *handler = handlers_builtin; *handler != NULL; handler++) {
        command_handlers__row((*handler)->name, *handler, &streams->out);
    }
    if (!loaded_config_open(&loaded, arguments, LOADED_CONFIG_ALL, &failure)) {
        return arguments->options[OPTION_CONFIG] != NULL ? output_failure(&streams->err, &failure) : code;
    }
    if (loaded.config != NULL) {
        command_handlers__list_plugins(loaded.config->service.plugin_dir, &streams->out);
    } else if (arguments->options[OPTION_CONFIG] != NULL) {
        output_text(&streams->err, &loaded.problems.text);
        code = loaded_config_code(&loaded);
    } else {
        output_format(&streams->err,
                      "portlistener: the configuration has errors (\"portlistener check\" tells "
                      "which), so that the plugins of its plugin_dir are not listed\n");
    }
    loaded_config_close(&loaded);
    return code;
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
    return command_handlers__list(arguments, streams);
}
