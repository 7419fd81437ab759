/* SPDX-License-Identifier: MIT
   The commands "config show" and "config reference": the configuration, read as a start would read it. */
#include "commands.h"

#include "config/config_report.h"
#include "handler/handlers.h"
#include "loaded_config.h"

/* ---- show, reference ---- */

enum exit_code command_config_show(const struct arguments *arguments, struct streams *streams)
{
    enum exit_code code = EXIT_CODE_DONE;
    struct loaded_config loaded;
    struct failure failure;
    struct text text;
    if (!loaded_config_open(&loaded, arguments, LOADED_CONFIG_ALL, &failure)) {
        return output_failure(&streams->err, &failure);
    }
    output_text(&streams->err, &loaded.problems.text);
    text_init_heap(&text);
    if (loaded.config == NULL) {
        code = loaded_config_code(&loaded);
    } else if (arguments->options[OPTION_JSON] != NULL) {
        config_report_show_json(&text, loaded.config);
    } else {
        config_report_show(&text, loaded.config);
    }
    output_text(&streams->out, &text);
    text_fini(&text);
    loaded_config_close(&loaded);
    return code;
}

enum exit_code command_config_reference(const struct arguments *arguments, struct streams *streams)
{
    struct text text;
    text_init_heap(&text);
    if (arguments->options[OPTION_MARKDOWN] != NULL) {
        config_report_reference_markdown(&text, handlers_builtin);
    } else {
        config_report_reference(&text, handlers_builtin);
    }
    output_text(&streams->out, &text);
    text_fini(&text);
    return EXIT_CODE_DONE;
}
