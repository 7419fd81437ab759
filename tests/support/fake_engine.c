/* SPDX-License-Identifier: MIT
   The engine that opens nothing, see fake_engine.h. One endpoint with one listening socket is what it
   shows. */
#include "support/fake_engine.h"

#include <stdio.h>
#include <string.h>

#include "config/config_diff.h"
#include "engine_report.h"
#include "support/fault.h"

struct engine {
    engine_progress progress;
    void *context;
    const struct config *config;
    void (*config_done)(void *context, const struct config *config);
    void *config_context;
    volatile LONG is_hurried;
};

struct fake_engine fake_engine;
static struct engine the_engine;

void fake_engine_reset(void)
{
    memset(&fake_engine, 0, sizeof fake_engine);
    memset(&the_engine, 0, sizeof the_engine);
}

struct engine *engine_start(const struct engine_options *options, struct failure *failure_out)
{
    InterlockedIncrement(&fake_engine.starts);
    fake_engine.was_automatic = options->is_automatic_start;
    fake_engine.access_log = options->access_log;
    the_engine = (struct engine){.progress = options->progress,
                                 .context = options->progress_context,
                                 .config = options->config,
                                 .config_done = options->config_done,
                                 .config_context = options->config_context};
    for (unsigned left = fake_engine.start_reports; left > 0; left--) {
        the_engine.progress(the_engine.context, left * 1000);
    }
    if (fake_engine.on_start != NULL) {
        fake_engine.on_start();
    }
    if (fake_engine.start_code != EXIT_CODE_DONE) {
        failure_out->code = fake_engine.start_code;
        snprintf(failure_out->text, sizeof failure_out->text, "the fake engine does not start");
        return NULL;
    }
    failure_out->code = EXIT_CODE_BIND; /* as the real one may leave it: only NULL means failure */
    return &the_engine;
}

void engine_pause(struct engine *engine)
{
    (void)engine;
    InterlockedIncrement(&fake_engine.pauses);
}

void engine_continue(struct engine *engine)
{
    (void)engine;
    InterlockedIncrement(&fake_engine.continues);
}

void engine_hurry(struct engine *engine)
{
    InterlockedIncrement(&fake_engine.hurries);
    InterlockedExchange(&engine->is_hurried, 1);
}

bool engine_stop(struct engine *engine, uint32_t drain_limit, struct failure *failure_out)
{
    fake_engine.drain_limit = drain_limit;
    InterlockedIncrement(&fake_engine.stops);
    engine->progress(engine->context, 2000);
    while (fake_engine.stops_when_hurried && InterlockedCompareExchange(&engine->is_hurried, 0, 0) == 0) {
        engine->progress(engine->context, 1000);
        Sleep(10);
    }
    engine->progress(engine->context, 0);
    if (fake_engine.on_stop != NULL) {
        fake_engine.on_stop();
    }
    if (fake_engine.never_ends) {
        failure_out->code = EXIT_CODE_FAILED;
        snprintf(failure_out->text, sizeof failure_out->text, "the fake engine does not end");
        return false;
    }
    return true;
}

static bool fake_engine__tell(const struct engine *engine, const struct config *next,
                              struct reload_report *report)
{
    struct config_diff diff;
    report->failure.code = fake_engine.reload_code;
    snprintf(report->failure.text, sizeof report->failure.text, "the fake engine cannot bind");
    if (config_diff_init(&diff, engine->config, next)) {
        report->changes = diff.changes;
        report->restarts = diff.restarts;
        if (report->is_json) {
            config_diff_add_json(report->told, &diff);
        } else {
            config_diff_add(report->told, &diff);
        }
    }
    config_diff_fini(&diff);
    return true;
}

bool engine_compare(struct engine *engine, const struct config *next, struct reload_report *report)
{
    InterlockedIncrement(&fake_engine.comparisons);
    return fake_engine__tell(engine, next, report);
}

bool engine_reload(struct engine *engine, const struct config *next, struct reload_report *report)
{
    InterlockedIncrement(&fake_engine.reloads);
    if (fake_engine.on_reload != NULL) {
        fake_engine.on_reload();
    }
    if (fake_engine.refuses_reloads) {
        report->failure.code = EXIT_CODE_FAILED;
        snprintf(report->failure.text, sizeof report->failure.text, "the fake engine does not reload");
        engine->config_done(engine->config_context, next); /* it is the engine's all the same */
        return false;
    }
    fake_engine__tell(engine, next, report);
    engine->config_done(engine->config_context, engine->config);
    engine->config = next;
    return true;
}

void engine_destroy(struct engine *engine)
{
    engine->config_done(engine->config_context, engine->config);
    InterlockedIncrement(&fake_engine.destroys);
    if (fake_engine.on_destroy != NULL) {
        fake_engine.on_destroy();
    }
}

bool engine_listener_at(struct engine *engine, size_t index, struct engine_listener *listener_out)
{
    (void)engine;
    *listener_out = (struct engine_listener){.endpoint = "fake",
                                             .protocol = index == 0 ? CONFIG_TCP : CONFIG_UDP,
                                             .address = {.family = 4, .port = 7, .ip = {127, 0, 0, 1}},
                                             .state = index == 0 ? LISTENER_LISTENING : LISTENER_WAITING,
                                             .win32_error = index == 0 ? 0 : fake_engine.bind_error};
    return index < (fake_engine.bind_error != 0 ? 2U : 1U);
}

/* It has one client, with the id 1, and nothing to report. */
bool engine_clients(struct engine *engine, struct clients_reading *reading,
                    struct client_row rows_out[CLIENTS_PIECE], size_t *count_out)
{
    (void)engine;
    if (fake_engine.has_no_memory) {
        fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    }
    *count_out = reading->worker == 0 && !fake_engine.has_no_clients ? 1 : 0;
    rows_out[0] = (struct client_row){
        .id = 1, .endpoint = "fake", .client = {.family = 4, .port = 1, .ip = {127, 0, 0, 1}}};
    return reading->worker++ == 0;
}

enum clients_answer engine_find_client(struct engine *engine, uint64_t id, struct client_row *row_out)
{
    (void)engine;
    *row_out = (struct client_row){.id = id, .endpoint = "fake"};
    return id == 1 ? CLIENTS_FOUND : id == 2 ? CLIENTS_SILENT : CLIENTS_GONE;
}

bool engine_close_client(struct engine *engine, pl_id id)
{
    (void)engine;
    fake_engine.closed = id;
    return !fake_engine.has_no_memory;
}

bool engine_pause_endpoint(struct engine *engine, const char *name, bool is_paused, bool *has_changed_out)
{
    (void)engine;
    *has_changed_out = fake_engine.is_endpoint_paused != is_paused;
    fake_engine.is_endpoint_paused = is_paused;
    return strcmp(name, "fake") == 0;
}

bool engine_report(const struct engine *engine, enum report_format format, report_sink sink, void *context)
{
    static const char *const reports[] = {"fake report\n", "{\"fake\": true}\n", "portlistener_fake 1\n"};
    (void)engine;
    if (!fake_engine.has_no_memory) {
        sink(context, reports[format], strlen(reports[format]));
    }
    return !fake_engine.has_no_memory;
}

bool engine_report_access(const struct engine *engine, struct text *lines)
{
    (void)engine;
    text_add_string(lines, "endpoint fake\n");
    return !fake_engine.has_no_memory;
}
