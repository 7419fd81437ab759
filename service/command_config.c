/* SPDX-License-Identifier: MIT
   The commands "check", "config show" and "config reference": the configuration, read as a start would read
   it. */
#include "commands.h"

#include <string.h>

#include "config/config_problems.h"
#include "config/config_report.h"
#include "handler/handlers.h"
#include "loaded_config.h"

/* ---- check ---- */

static void command_config__add_count(struct text *text, uint32_t count, const char *noun)
{
    if (count == 0) {
        text_add_format(text, "no %ss", noun);
    } else {
        text_add_format(text, "%lu %s%s", (unsigned long)count, noun, count == 1 ? "" : "s");
    }
}

static void command_config__add_verdict(struct text *text, const char *path, const struct config *config,
                                        const struct config_problems *problems)
{
    text_add_format(text, "%s%s: ", problems->text.at, path);
    command_config__add_count(text, problems->errors, "error");
    text_add_string(text, ", ");
    command_config__add_count(text, problems->warnings, "warning");
    if (config != NULL) {
        text_add_string(text, "; ");
        command_config__add_count(text, (uint32_t)config->endpoint_count, "endpoint");
    }
    text_add_string(text, "\n");
}

/* Of a problem that is not in the file itself: its key or value of the registry, or the file that is included. */
static void command_config__add_place(struct text *text, const char *path,
                                      const struct config_problems *problems,
                                      const struct config_problem *problem)
{
    const char *place = problems->text.at + problem->place;
    const bool is_other =
        problem->place_length != strlen(path) || memcmp(place, path, problem->place_length) != 0;
    if (problem->is_registry || is_other) {
        text_add_string(text, problem->is_registry ? "\"registry\": " : "\"file\": ");
        text_add_json(text, place, problem->place_length);
        text_add_string(text, ", ");
    }
}

static void command_config__add_findings(struct text *text, const char *path,
                                         const struct config_problems *problems)
{
    text_add_string(text, "{\"file\": ");
    text_add_json(text, path, strlen(path));
    text_add_format(text, ", \"errors\": %lu, \"warnings\": %lu, \"findings\": [",
                    (unsigned long)problems->errors, (unsigned long)problems->warnings);
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->list[i];
        text_add_string(text, i > 0 ? ",\n  {" : "\n  {");
        command_config__add_place(text, path, problems, problem);
        text_add_format(text, "\"line\": %lu, \"column\": %lu, \"severity\": \"%s\", \"message\": ",
                        (unsigned long)problem->line, (unsigned long)problem->column,
                        problem->is_error ? "error" : "warning");
        text_add_json(text, problems->text.at + problem->offset, problem->length);
        text_add_string(text, "}");
    }
    text_add_string(text, problems->count > 0 ? "\n]}\n" : "]}\n");
}

/* There is no file to check: said to a person, or to a program as the one finding. */
static enum exit_code command_config__check_nothing(const struct arguments *arguments,
                                                    struct streams *streams, const struct failure *failure)
{
    const char *given = arguments->options[OPTION_CONFIG];
    const char *file = given != NULL ? given : ""; /* else the finding names all the places */
    struct config_problems problems;
    struct text text;
    if (arguments->options[OPTION_JSON] == NULL) {
        return output_failure(&streams->err, failure);
    }
    config_problems_init(&problems);
    config_problems_error(&problems, 0, 0, "%s", failure->text);
    config_problems_finish(&problems, file);
    text_init_heap(&text);
    command_config__add_findings(&text, file, &problems);
    output_text(&streams->out, &text);
    text_fini(&text);
    config_problems_fini(&problems);
    return failure->code;
}

enum exit_code command_config_check(const struct arguments *arguments, struct streams *streams)
{
    enum exit_code code = EXIT_CODE_DONE;
    struct loaded_config loaded;
    struct failure failure;
    struct text text;
    if (!loaded_config_open(&loaded, arguments, LOADED_CONFIG_ALL, &failure)) {
        return command_config__check_nothing(arguments, streams, &failure);
    }
    text_init_heap(&text);
    if (arguments->options[OPTION_JSON] != NULL) {
        command_config__add_findings(&text, loaded.path, &loaded.problems);
    } else {
        command_config__add_verdict(&text, loaded.path, loaded.config, &loaded.problems);
    }
    output_text(&streams->out, &text);
    if (loaded.config == NULL) {
        code = loaded_config_code(&loaded);
    } else if (loaded.problems.warnings > 0 && arguments->options[OPTION_STRICT] != NULL) {
        code = EXIT_CODE_FAILED;
    }
    text_fini(&text);
    loaded_config_close(&loaded);
    return code;
}

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
