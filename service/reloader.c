/* SPDX-License-Identifier: MIT
   One reload after the other, see reloader.h. */
#include "reloader.h"

#include <string.h>

#include "base/json.h"

enum { RELOADER_ERRORS_MAX = 20 /* that are logged, and go to the event log; of the rest their number is */ };

/* One reload. */
struct reloading {
    struct reloader *reloader;
    bool is_dry_run;
    bool is_json;
    bool is_applied;
    struct config_problems problems;
    struct text changes; /* as `is_json` says */
    struct reload_report report;
    struct failure result; /* its text sums it up */
};

void reloader_init(struct reloader *reloader, const struct reloader_options *options)
{
    *reloader = (struct reloader){.options = *options};
    InitializeSRWLock(&reloader->lock);
}

bool reloader_set_engine(struct reloader *reloader, struct engine *engine)
{
    if (!TryAcquireSRWLockExclusive(&reloader->lock)) {
        return false;
    }
    reloader->engine = engine;
    ReleaseSRWLockExclusive(&reloader->lock);
    return true;
}

bool reloader_hold(struct reloader *reloader)
{
    return TryAcquireSRWLockShared(&reloader->lock) != 0;
}

void reloader_let_go(struct reloader *reloader)
{
    ReleaseSRWLockShared(&reloader->lock);
}

struct config *reloader_load(const struct reloader *reloader, struct config_problems *problems)
{
    return config_load_request(&reloader->options.request, problems);
}

/* ---- The words ---- */

static struct text reloading__begin_result(struct reloading *reloading, enum exit_code code)
{
    struct text text;
    reloading->result.code = code;
    text_init(&text, reloading->result.text, sizeof reloading->result.text);
    return text;
}

static void reloading__refuse_config(struct reloading *reloading)
{
    const struct config_problems *problems = &reloading->problems;
    const unsigned long errors = problems->errors;
    const char *path = reloading->reloader->options.request.path;
    struct text text = reloading__begin_result(
        reloading, problems->is_out_of_memory ? EXIT_CODE_FAILED : EXIT_CODE_CONFIGURATION);
    if (problems->is_out_of_memory) {
        text_add_format(&text, "%s cannot be read: out of memory; nothing has changed", path);
        return;
    }
    text_add_format(&text, "%s has %lu error%s; nothing has changed", path, errors, errors == 1 ? "" : "s");
}

static void reloading__sum_up(struct reloading *reloading)
{
    const struct reload_report *report = &reloading->report;
    struct text text = reloading__begin_result(reloading, report->failure.code);
    if (report->changes == 0) {
        text_add_format(&text, "nothing has changed in %s", reloading->reloader->options.request.path);
    } else {
        text_add_format(
            &text, "%s %s: %zu change%s", reloading->is_dry_run ? "a reload would apply" : "reloaded",
            reloading->reloader->options.request.path, report->changes, report->changes == 1 ? "" : "s");
    }
    if (report->restarts > 0) {
        text_add_format(&text, ", %zu of them need%s a restart", report->restarts,
                        report->restarts == 1 ? "s" : "");
    }
    if (report->failure.code == EXIT_CODE_BIND) {
        text_add_format(&text, "; %s", report->failure.text);
    }
}

/* ---- The work ---- */

void reloader_log_warnings(struct log *log, const struct config_problems *problems)
{
    const char *line = problems->text.at;
    for (size_t length = strcspn(line, "\n"); length > 0; length = strcspn(line, "\n")) {
        log_write(log, EVENT_CONFIG_WARNING, NULL, 0, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

/* Why it was refused: by a watch, or a control, nobody else is told. */
static void reloading__log_errors(const struct reloading *reloading)
{
    struct log *log = reloading->reloader->options.log;
    const struct config_problems *problems = &reloading->problems;
    const char *line = problems->text.at;
    unsigned shown = 0;
    for (size_t i = 0; i < problems->count && shown < RELOADER_ERRORS_MAX; i++) {
        const size_t length = strcspn(line, "\n");
        if (problems->list[i].is_error) {
            log_write(log, EVENT_CONFIG_INVALID, NULL, 0, "%.*s", (int)length, line);
            shown++;
        }
        line += length + (line[length] == '\n');
    }
    if (problems->errors > shown && shown > 0) {
        log_write(log, EVENT_CONFIG_INVALID, NULL, 0,
                  "and %lu more errors; portlistener check tells them all",
                  (unsigned long)problems->errors - shown);
    }
}

static void reloading__log(const struct reloading *reloading)
{
    const enum event event = !reloading->is_applied           ? EVENT_RELOAD_REFUSED
                             : reloading->report.changes == 0 ? EVENT_RELOAD_UNCHANGED
                                                              : EVENT_RELOADED;
    log_write(reloading->reloader->options.log, event, NULL, 0, "%s", reloading->result.text);
    if (reloading->is_applied) {
        reloader_log_warnings(reloading->reloader->options.log, &reloading->problems);
    } else if (!reloading->problems.is_out_of_memory) {
        reloading__log_errors(reloading);
    }
}

static void reloading__use(struct reloading *reloading, struct config *config)
{
    struct reloader *reloader = reloading->reloader;
    struct reload_report *report = &reloading->report;
    *report = (struct reload_report){.told = &reloading->changes, .is_json = reloading->is_json};
    const bool is_done = reloading->is_dry_run ? engine_compare(reloader->engine, config, report)
                                               : engine_reload(reloader->engine, config, report);
    reloading->is_applied = is_done && !reloading->is_dry_run;
    if (is_done) {
        reloading__sum_up(reloading);
    } else {
        reloading->result = report->failure;
    }
    if (reloading->is_dry_run) {
        config_destroy(config); /* any other one is the engine's */
    } else if (is_done && reloader->options.applied != NULL) {
        reloader->options.applied(reloader->options.context, config);
    }
}

static void reloading__tell_includes(const struct reloading *reloading, const struct config *config)
{
    const struct reloader_options *options = &reloading->reloader->options;
    const struct config_problems *problems = &reloading->problems;
    if (options->read != NULL && !reloading->is_dry_run && !problems->is_out_of_memory) {
        options->read(options->context, config != NULL ? config->includes : problems->includes,
                      config != NULL ? config->include_count : problems->include_count);
    }
}

/* With the lock held. */
static void reloading__run(struct reloading *reloading)
{
    if (reloading->reloader->engine == NULL) {
        struct text text = reloading__begin_result(reloading, EXIT_CODE_NOT_RUNNING);
        text_add_string(&text, "the service starts or stops: there is nothing to reload");
        return;
    }
    struct config *config = reloader_load(reloading->reloader, &reloading->problems);
    reloading__tell_includes(reloading, config);
    if (config != NULL) {
        reloading__use(reloading, config);
    } else {
        reloading__refuse_config(reloading);
    }
    if (!reloading->is_dry_run) {
        reloading__log(reloading);
    }
}

static void reloading__init(struct reloading *reloading, struct reloader *reloader, bool is_dry_run,
                            bool is_json)
{
    *reloading = (struct reloading){.reloader = reloader, .is_dry_run = is_dry_run, .is_json = is_json};
    config_problems_init(&reloading->problems);
    text_init_heap(&reloading->changes);
}

static void reloading__fini(struct reloading *reloading)
{
    config_problems_fini(&reloading->problems);
    text_fini(&reloading->changes);
}

/* ---- JSON ---- */

static const char *reloading__result(const struct reloading *reloading)
{
    if (reloading->is_applied) {
        return reloading->report.changes == 0 ? "unchanged" : "applied";
    }
    return reloading->is_dry_run && reloading->result.code == EXIT_CODE_DONE ? "described" : "refused";
}

static void reloading__add_problems(struct text *told, const struct reloading *reloading)
{
    const char *line = reloading->problems.text.at;
    const char *before = "";
    for (size_t length = strcspn(line, "\n"); length > 0; length = strcspn(line, "\n")) {
        text_add_format(told, "%s\n    ", before);
        text_add_json(told, line, length);
        line += length + (line[length] == '\n');
        before = ",";
    }
}

static void reloading__add_json(struct text *told, const struct reloading *reloading)
{
    text_add_format(told, "{\n  \"result\": \"%s\",\n  \"code\": %d,\n  \"message\": ",
                    reloading__result(reloading), (int)reloading->result.code);
    text_add_json(told, reloading->result.text, strlen(reloading->result.text));
    text_add_string(told, ",\n  \"problems\": [");
    reloading__add_problems(told, reloading);
    text_add_string(told, "],\n");
    if (reloading->changes.length > 1) { /* the object without its brace */
        text_add(told, reloading->changes.at + 2, reloading->changes.length - 2);
    } else {
        text_add_string(told, "  \"changes\": [],\n  \"restarts\": 0\n}\n");
    }
}

/* ---- All of it ---- */

static void reloading__add_lines(struct text *told, const struct reloading *reloading)
{
    text_add_format(told, "%s\n", reloading->result.text);
    text_add(told, reloading->problems.text.at, reloading->problems.text.length);
    text_add(told, reloading->changes.at, reloading->changes.length);
}

void reloader_run(struct reloader *reloader, bool is_dry_run, bool is_json, struct text *told,
                  enum exit_code *code_out)
{
    struct reloading reloading;
    reloading__init(&reloading, reloader, is_dry_run, is_json);
    AcquireSRWLockExclusive(&reloader->lock);
    reloading__run(&reloading);
    ReleaseSRWLockExclusive(&reloader->lock);
    if (is_json) {
        reloading__add_json(told, &reloading);
    } else {
        reloading__add_lines(told, &reloading);
    }
    *code_out = reloading.result.code;
    reloading__fini(&reloading);
}
