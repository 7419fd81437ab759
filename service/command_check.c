/* SPDX-License-Identifier: MIT
   The command "check": everything that a start would do, without doing it. */
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "check.h"
#include "check_live.h"
#include "commands.h"
#include "config/config_problems.h"
#include "diagnosis/machine_reader.h"
#include "install_files.h"
#include "loaded_config.h"

/* ---- Printing ---- */

static void command_check__add_count(struct text *text, size_t count, const char *noun)
{
    if (count == 0) {
        text_add_format(text, "no %ss", noun);
    } else {
        text_add_format(text, "%zu %s%s", count, noun, count == 1 ? "" : "s");
    }
}

static void command_check__add_verdict(struct text *text, const char *path, const struct config *config,
                                       const struct config_problems *problems,
                                       const struct findings *findings)
{
    text_add_string(text, problems->text.at);
    findings_add_text(text, findings);
    text_add_format(text, "%s: ", path);
    command_check__add_count(text, problems->errors + findings->counts[FINDING_ERROR], "error");
    text_add_string(text, ", ");
    command_check__add_count(text, problems->warnings + findings->counts[FINDING_WARNING], "warning");
    if (findings->counts[FINDING_NOTE] > 0) {
        text_add_string(text, ", ");
        command_check__add_count(text, findings->counts[FINDING_NOTE], "note");
    }
    if (config != NULL) {
        text_add_string(text, "; ");
        command_check__add_count(text, config->endpoint_count, "endpoint");
    }
    text_add_string(text, "\n");
}

/* Of a problem that is not in the file itself: its key or value of the registry, or the file that is included. */
static void command_check__add_place(struct json *object, const char *path,
                                     const struct config_problems *problems,
                                     const struct config_problem *problem)
{
    const char *place = problems->text.at + problem->place;
    const bool is_other =
        problem->place_length != strlen(path) || memcmp(place, path, problem->place_length) != 0;
    if (problem->is_registry || is_other) {
        json_bytes(object, problem->is_registry ? "registry" : "file", place, problem->place_length);
    }
}

static void command_check__add_problems(struct text *text, const char *path,
                                        const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->list[i];
        const struct finding_row *row =
            finding_row(problem->is_error ? FINDING_CONFIG_ERROR : FINDING_CONFIG_WARNING);
        struct json object = json_begin(text, JSON_SPACED, i > 0 ? ",\n  {" : "\n  {");
        command_check__add_place(&object, path, problems, problem);
        json_number(&object, "line", problem->line);
        json_number(&object, "column", problem->column);
        json_string(&object, "severity", finding_severity_name(row->severity));
        json_bytes(&object, "message", problems->text.at + problem->offset, problem->length);
        json_string(&object, "id", row->id);
        json_bytes(&object, "subject", problems->text.at + problem->place, problem->place_length);
        json_string(&object, "remedy", row->remedy);
        json_end(&object);
    }
}

static void command_check__add_json(struct text *text, const char *path,
                                    const struct config_problems *problems, const struct findings *findings,
                                    enum exit_code code)
{
    const bool has_problems = problems->count > 0;
    struct json object = json_begin(text, JSON_SPACED, "{");
    json_string(&object, "file", path);
    json_number(&object, "errors", problems->errors + findings->counts[FINDING_ERROR]);
    json_number(&object, "warnings", problems->warnings + findings->counts[FINDING_WARNING]);
    json_name(&object, "findings");
    text_add_string(text, "[");
    command_check__add_problems(text, path, problems);
    findings_add_json(text, findings, has_problems);
    text_add_string(text, has_problems || findings->count > 0 ? "\n]" : "]");
    json_number(&object, "notes", findings->counts[FINDING_NOTE]);
    json_number(&object, "exit_code", (uint64_t)code);
    text_add_string(text, "}\n");
}

/* There is no file to check: said to a person, or to a program as the one finding. */
static enum exit_code command_check__nothing(const struct arguments *arguments, struct streams *streams,
                                             const struct failure *failure)
{
    const char *given = arguments->options[OPTION_CONFIG];
    const char *file = given != NULL ? given : ""; /* else the finding names all the places */
    struct config_problems problems;
    struct findings findings;
    struct text text;
    if (arguments->options[OPTION_JSON] == NULL) {
        return output_failure(&streams->err, failure);
    }
    findings_init(&findings);
    config_problems_init(&problems);
    config_problems_error(&problems, 0, 0, "%s", failure->text);
    config_problems_finish(&problems, file);
    text_init_heap(&text);
    command_check__add_json(&text, file, &problems, &findings, failure->code);
    output_text(&streams->out, &text);
    text_fini(&text);
    config_problems_fini(&problems);
    return failure->code;
}

/* ---- Checking ---- */

static void command_check__look(const struct loaded_config *loaded, const char *program,
                                struct findings *findings)
{
    struct check check = {.findings = findings,
                          .config = loaded->config,
                          .service = loaded->service,
                          .config_file = loaded->path,
                          .program = program};
    machine_init(&check.machine);
    machine_read(&check.machine, MACHINE_ALL & ~MACHINE_RANGES, NULL);
    check_service_begin(&check);
    check_start(&check);
    check_files(&check);
    check_firewall(&check);
    check_service(&check);
    check_service_end(&check);
    check_own_end(&check);
    machine_fini(&check.machine);
}

static enum exit_code command_check__code(const struct loaded_config *loaded, const struct findings *findings,
                                          bool is_strict)
{
    if (loaded->config == NULL) {
        return loaded_config_code(loaded);
    }
    const enum exit_code code = findings_code(findings, is_strict);
    return code == EXIT_CODE_DONE && is_strict && loaded->problems.warnings > 0 ? EXIT_CODE_FAILED : code;
}

static enum exit_code command_check__all(const struct arguments *arguments, struct streams *streams,
                                         const struct loaded_config *loaded)
{
    struct findings findings;
    struct text text;
    char *program = install_files_own();
    findings_init(&findings);
    if (loaded->config != NULL) {
        command_check__look(loaded, program != NULL ? program : "portlistener.exe", &findings);
    }
    const enum exit_code code =
        command_check__code(loaded, &findings, arguments->options[OPTION_STRICT] != NULL);
    text_init_heap(&text);
    if (arguments->options[OPTION_JSON] != NULL) {
        command_check__add_json(&text, loaded->path, &loaded->problems, &findings, code);
    } else {
        command_check__add_verdict(&text, loaded->path, loaded->config, &loaded->problems, &findings);
    }
    output_text(&streams->out, &text);
    text_fini(&text);
    findings_fini(&findings);
    memory_free(program);
    return code;
}

enum exit_code command_check_run(const struct arguments *arguments, struct streams *streams)
{
    struct loaded_config loaded;
    struct failure failure;
    if (arguments->options[OPTION_LIVE] != NULL) {
        return check_live_run(arguments, streams);
    }
    if (arguments->options[OPTION_ENDPOINT] != NULL) {
        failure = (struct failure){.code = EXIT_CODE_USAGE,
                                   .text = "--endpoint is for check --live alone: add --live"};
        return output_failure(&streams->err, &failure);
    }
    if (!loaded_config_open(&loaded, arguments, LOADED_CONFIG_TO_CHECK, &failure)) {
        return command_check__nothing(arguments, streams, &failure);
    }
    const enum exit_code code = command_check__all(arguments, streams, &loaded);
    loaded_config_close(&loaded);
    return code;
}
