/* SPDX-License-Identifier: MIT
   One run of the service, see service_host.h: a ladder up to the running engine, and its mirror down. */
#include "service_host.h"

#include <string.h>

#include "base/breadcrumb.h"
#include "base/memory.h"
#include "config/config_include.h"
#include "config_watch.h"
#include "control_desk.h"
#include "crash_report.h"
#include "diagnosis/diagnosis.h"
#include "engine_report.h"
#include "handler/handlers.h"
#include "hardening.h"
#include "location.h"
#include "plugin_loader.h"
#include "reloader.h"
#include "running_file.h"

enum {
    HOST_START_HINT = 10000, /* before the engine has an estimate of its own */
    HOST_FLUSH_TIMEOUT = 2000,
    HOST_ROTATE_TIMEOUT = 2000,
    HOST_POLL = 20,
    HOST_REPORT_INTERVAL = 500,
    HOST_RELOAD_GRACE = 1000, /* beyond the drain, for a reload that is under way at a stop */
    /* A stop takes its time beyond the drain: resets, handlers' stop, the log. */
    HOST_PRESHUTDOWN_MARGIN = 5000,
    /* Windows grants ten seconds by default, and five when a console is closed. */
    HOST_PRESHUTDOWN_DRAIN = 8000,
    HOST_SHUTDOWN_DRAIN = 4000
};

struct service_host {
    const struct service_host_options *options;
    struct config_problems problems;
    struct plugin_loader loader;
    char *path; /* of the configuration's file */
    struct reloader reloader;
    struct config_watch *watch;     /* NULL: none is wanted, or it cannot be had */
    struct config_include *refused; /* what the last configuration included that was not used; or NULL */
    size_t refused_count;
    struct config *config;         /* in effect; the engine's while there is one */
    volatile LONG64 drain_timeout; /* of it */
    struct log *log;
    struct access_log *access_log; /* NULL: none */
    struct running_file *running;  /* NULL: there was no memory for it */
    bool has_last_ended;           /* the last run in order, as far as can be known; or there was none */
    struct engine *engine;
    struct diagnosis *diagnosis; /* NULL: no memory; failed binds are explained less well */
    struct explainer explainer;
    struct control_desk desk;          /* these two: what the control pipe is served by */
    struct control_pipe *control_pipe; /* NULL: there is none */
    enum service_state state;          /* that engine_progress belongs to */
    HANDLE reload;                     /* the thread of one that a stop has overtaken; NULL: none */
};

/* False: a stop is asked for while a reload is under way, which may never end. */
static bool service_host__hold(struct service_host *host)
{
    while (!reloader_hold(&host->reloader)) {
        if (control_is_stopping(host->options->control)) {
            return false;
        }
        Sleep(HOST_POLL);
    }
    return true;
}

/* STARTING, STOPPING. */
static void service_host__report(const struct service_host *host, enum service_state state,
                                 uint32_t remaining)
{
    host->options->report(host->options->context,
                          &(const struct service_report){.state = state, .remaining = remaining});
}

/* RUNNING, PAUSED. Where a stop overtakes it, STOPPING is reported next. */
static void service_host__report_up(struct service_host *host, enum service_state state)
{
    if (service_host__hold(host)) {
        host->options->report(
            host->options->context,
            &(const struct service_report){.state = state, .engine = host->engine, .config = host->config});
        reloader_let_go(&host->reloader);
    }
}

static void service_host__show(const struct service_host *host, enum event event, const char *text)
{
    if (host->options->tell != NULL) {
        host->options->tell(host->options->context, event, text);
    }
}

/* Without the log. */
static void service_host__tell(const struct service_host *host, enum event event, const char *text)
{
    event_log_report(host->options->event_log, event_find(event), text);
    service_host__show(host, event, text);
}

static void service_host__sink(void *context, const struct event_row *row, const char *text)
{
    event_log_report(context, row, text);
}

static void service_host__progress(void *context, uint32_t remaining)
{
    const struct service_host *host = context;
    service_host__report(host, host->state, remaining);
}

static enum event_filter service_host__filter(enum config_event_log event_log)
{
    static const enum event_filter filters[] = {[CONFIG_EVENT_LOG_OFF] = EVENT_FILTER_OFF,
                                                [CONFIG_EVENT_LOG_ERRORS] = EVENT_FILTER_ERRORS,
                                                [CONFIG_EVENT_LOG_LIFECYCLE] = EVENT_FILTER_LIFECYCLE,
                                                [CONFIG_EVENT_LOG_ALL] = EVENT_FILTER_ALL};
    return filters[event_log];
}

static struct log_options service_host__log_options(const struct service_host *host,
                                                    const struct config_service *service)
{
    return (struct log_options){.file = service->log_file,
                                .level = service->log_level,
                                .is_json = service->log_is_json,
                                .is_local_time = service->log_is_local_time,
                                .rotate_size = service->log_rotate_size,
                                .rotate_interval = service->log_rotate_interval,
                                .keep = service->log_keep,
                                .event_filter = service_host__filter(service->event_log),
                                .event_sink = service_host__sink,
                                .event_context = host->options->event_log};
}

static struct access_log_options service_host__access_log_options(const struct service_host *host,
                                                                  const struct config_service *service)
{
    return (struct access_log_options){.file = {.path = service->access_log,
                                                .rotate_size = service->log_rotate_size,
                                                .rotate_interval = service->log_rotate_interval,
                                                .keep = service->log_keep},
                                       .is_json = service->log_is_json,
                                       .is_local_time = service->log_is_local_time,
                                       .log = host->log};
}

/* The log's line about a start that is done. */
static void service_host__log_running(const struct service_host *host)
{
    struct engine_listener listener;
    unsigned listening = 0, waiting = 0;
    for (size_t i = 0; engine_listener_at(host->engine, i, &listener); i++) {
        listening += listener.state == LISTENER_LISTENING ? 1U : 0U;
        waiting += listener.state == LISTENER_WAITING ? 1U : 0U;
    }
    log_write(host->log, EVENT_SERVICE_RUNNING, NULL, 0,
              "PortListener " PORTLISTENER_VERSION " runs as %s: %u socket%s, %u wait%s to be bound",
              host->options->service, listening, listening == 1 ? " listens" : "s listen", waiting,
              waiting == 1 ? "s" : "");
}

static void service_host__apply_pause(struct service_host *host, bool is_paused)
{
    if (is_paused) {
        engine_pause(host->engine);
    } else {
        engine_continue(host->engine);
    }
    log_write(host->log, is_paused ? EVENT_SERVICE_PAUSED : EVENT_SERVICE_CONTINUED, NULL, 0, "%s",
              is_paused ? "paused: new connections and datagrams are refused"
                        : "continued: new connections and datagrams are taken again");
    service_host__report_up(host, is_paused ? SERVICE_HOST_PAUSED : SERVICE_HOST_RUNNING);
}

static void service_host__reload_later(void *context)
{
    const struct service_host *host = context;
    control_ask(host->options->control, CONTROL_RELOAD);
}

static void service_host__start_watch(struct service_host *host)
{
    const struct config_watch_options options = {.path = host->path,
                                                 .service = host->options->service,
                                                 .changed = service_host__reload_later,
                                                 .context = host};
    struct failure failure;
    host->watch = config_watch_start(&options, host->config, &failure);
    if (host->watch == NULL) {
        log_write(host->log, EVENT_CONFIG_WARNING, NULL, 0, "%s", failure.text);
    }
}

static void service_host__stop_watch(struct service_host *host)
{
    config_watch_stop(host->watch);
    host->watch = NULL;
}

/* As the configuration in effect says. */
static void service_host__tend_watch(struct service_host *host)
{
    if (!service_host__hold(host)) {
        return;
    }
    if (!host->config->service.reload_is_watch) {
        service_host__stop_watch(host);
    } else if (host->watch == NULL) {
        service_host__start_watch(host);
    }
    if (host->watch != NULL) {
        (void)config_watch_update(host->watch, host->config, host->refused, host->refused_count);
    }
    reloader_let_go(&host->reloader);
}

static void service_host__take_dump(void *context, const char *at, size_t length)
{
    text_add(context, at, length);
}

/* How things stand, line by line for the log. */
static void service_host__dump(const struct service_host *host)
{
    struct text text;
    text_init_heap(&text);
    (void)engine_report(host->engine, REPORT_TEXT, service_host__take_dump, &text);
    const char *line = text.at;
    while (*line != '\0') {
        const size_t length = strcspn(line, "\n");
        log_write(host->log, EVENT_STATUS, NULL, 0, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    text_fini(&text);
}

static DWORD WINAPI service_host__reload_main(void *argument)
{
    struct service_host *host = argument;
    struct text told;
    enum exit_code code = EXIT_CODE_DONE;
    text_init_heap(&told);
    reloader_run(&host->reloader, false, false, &told, &code);
    text_fini(&told); /* it is in the log */
    return 0;
}

/* On a thread of its own: a plugin that hangs must not keep the stop waiting. Without one, on this. */
static void service_host__reload(struct service_host *host)
{
    host->reload = CreateThread(NULL, 0, service_host__reload_main, host, 0, NULL);
    if (host->reload == NULL) {
        service_host__reload_main(host);
        return;
    }
    while (WaitForSingleObject(host->reload, HOST_POLL) == WAIT_TIMEOUT) {
        if (control_is_stopping(host->options->control)) {
            return;
        }
    }
    CloseHandle(host->reload);
    host->reload = NULL;
}

static void service_host__grant(struct service_host *host, unsigned wishes)
{
    if ((wishes & CONTROL_WATCH) != 0) {
        service_host__tend_watch(host);
    }
    if ((wishes & CONTROL_RELOAD) != 0) {
        service_host__reload(host);
    }
    if ((wishes & CONTROL_ROTATE) != 0) { /* what comes of it is in the log, too */
        struct rotation rotation;
        log_rotate(host->log, HOST_ROTATE_TIMEOUT, &rotation);
        access_log_rotate(host->access_log, HOST_ROTATE_TIMEOUT, &rotation);
    }
    if ((wishes & CONTROL_DUMP) != 0) {
        service_host__dump(host);
    }
}

/* Runs until a stop is asked for, and tells why it was. */
static enum control_stop service_host__serve(struct service_host *host)
{
    bool is_paused = false, is_pause_wanted = false;
    enum control_stop stop = CONTROL_RUN;
    service_host__report_up(host, SERVICE_HOST_RUNNING);
    service_host__tend_watch(host);
    while (stop = control_wait(host->options->control, is_paused, &is_pause_wanted), stop == CONTROL_RUN) {
        if (is_paused != is_pause_wanted) {
            is_paused = is_pause_wanted;
            service_host__apply_pause(host, is_paused);
        }
        service_host__grant(host, control_take_wishes(host->options->control));
    }
    service_host__stop_watch(host);
    return stop;
}

/* How long connections may go on at most, in milliseconds: drain_timeout, or less when the machine goes
   down. */
static uint32_t service_host__drain_limit(const struct service_host *host, enum control_stop stop)
{
    const uint64_t needed = (uint64_t)host->drain_timeout + HOST_PRESHUTDOWN_MARGIN;
    switch (stop) {
    case CONTROL_PRESHUTDOWN:
        return host->options->preshutdown_timeout >= needed ? UINT32_MAX : HOST_PRESHUTDOWN_DRAIN;
    case CONTROL_SHUTDOWN:
        return HOST_SHUTDOWN_DRAIN;
    case CONTROL_RUN:
    case CONTROL_STOP:
        break;
    }
    return UINT32_MAX;
}

/* The reload that is under way does not end. False, for the caller to pass on. */
static bool service_host__give_reload_up(const struct service_host *host, struct failure *failure_out)
{
    const struct breadcrumb_place *place = breadcrumb_control(running_file_breadcrumb(host->running));
    struct callback callback;
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    if (place != NULL && callback_mark_read(&place->mark, &callback) != 0) {
        text_add_format(&text, "endpoint %s: ", callback.endpoint);
        callback_add(&text, &callback);
        text_add_string(&text, ", and the reload waits for it");
    } else if (plugin_loader_is_loading(&host->loader, &text)) {
        text_add_string(
            &text, " has not returned from its DllMain or portlistener_handler, and the reload waits for it");
    } else {
        text_add_string(&text, "a reload has not come to its end");
    }
    text_add_string(&text, "; the process ends without waiting for it");
    log_write(host->log, EVENT_CALLBACK_STUCK, NULL, 0, "%s", failure_out->text);
    return false;
}

/* From now on nothing is reloaded. While a reload is under way connections go on, as long as a drain would let them. */
static bool service_host__end_reloads(struct service_host *host, enum control_stop stop,
                                      struct failure *failure_out)
{
    const uint32_t most = service_host__drain_limit(host, stop);
    const uint64_t wanted = (uint64_t)host->drain_timeout, drain = wanted < most ? wanted : most;
    const ULONGLONG begun = GetTickCount64();
    ULONGLONG reported = begun;
    while (!reloader_set_engine(&host->reloader, NULL)) {
        const ULONGLONG now = GetTickCount64();
        const bool is_hurried = control_is_hurried(host->options->control);
        if (now - begun >= (is_hurried ? 0 : drain) + HOST_RELOAD_GRACE) {
            return service_host__give_reload_up(host, failure_out);
        }
        if (now - reported >= HOST_REPORT_INTERVAL) {
            reported = now;
            service_host__report(host, SERVICE_HOST_STOPPING, HOST_START_HINT);
        }
        Sleep(HOST_POLL);
    }
    if (host->reload != NULL) {
        WaitForSingleObject(host->reload, INFINITE);
        CloseHandle(host->reload);
        host->reload = NULL;
    }
    return true;
}

static enum service_end service_host__stop(struct service_host *host, enum control_stop stop,
                                           struct failure *failure_out)
{
    static const char *const reasons[] = {[CONTROL_RUN] = "",
                                          [CONTROL_STOP] = "asked to stop",
                                          [CONTROL_PRESHUTDOWN] = "the machine shuts down",
                                          [CONTROL_SHUTDOWN] = "the machine or the console shuts down now"};
    host->state = SERVICE_HOST_STOPPING;
    service_host__report(host, SERVICE_HOST_STOPPING, HOST_START_HINT);
    log_write(host->log, EVENT_SERVICE_STOPPING, NULL, 0, "stopping: %s", reasons[stop]);
    if (!service_host__end_reloads(host, stop, failure_out)) {
        return SERVICE_ABANDONED;
    }
    control_pipe_stop(host->control_pipe); /* what it answers with goes away */
    const bool has_ended = engine_stop(host->engine, service_host__drain_limit(host, stop), failure_out);
    control_set_engine(host->options->control, NULL);
    if (!has_ended) {
        return SERVICE_ABANDONED; /* the engine has logged why */
    }
    failure_out->code = EXIT_CODE_DONE;
    engine_destroy(host->engine);
    host->config = NULL; /* was the engine's */
    diagnosis_destroy(host->diagnosis);
    access_log_destroy(host->access_log); /* it may have something to tell yet */
    log_write(host->log, EVENT_SERVICE_STOPPED, NULL, 0, "stopped");
    return SERVICE_ENDED;
}

/* The event log hears of it by way of the log, if there is one. */
static void service_host__tell_of_access_log(const struct service_host *host, const char *text)
{
    log_write(host->log, EVENT_ACCESS_LOG_UNAVAILABLE, NULL, 0, "%s", text);
    if (host->log == NULL) {
        event_log_report(host->options->event_log, event_find(EVENT_ACCESS_LOG_UNAVAILABLE), text);
    }
    service_host__show(host, EVENT_ACCESS_LOG_UNAVAILABLE, text);
}

/* Where it cannot be opened this is told, and the service goes on. */
static void service_host__open_access_log(struct service_host *host)
{
    const struct config_service *service = &host->config->service;
    const struct access_log_options options = service_host__access_log_options(host, service);
    struct failure failure = {.code = EXIT_CODE_DONE};
    if (service->access_log[0] == '\0') {
        return;
    }
    host->access_log = access_log_create(&options, &failure);
    if (failure.code != EXIT_CODE_DONE) {
        service_host__tell_of_access_log(host, failure.text);
    }
}

/* ---- Reloading ---- */

static void service_host__config_done(void *context, const struct config *config)
{
    (void)context;
    config_destroy((struct config *)(uintptr_t)config);
}

static void service_host__forget_refused(struct service_host *host)
{
    config_include_free(host->refused, host->refused_count);
    host->refused = NULL;
    host->refused_count = 0;
}

/* It may be refused, and mended in a file that only it includes. */
static void service_host__read(void *context, const struct config_include *includes, size_t count)
{
    struct service_host *host = context;
    service_host__forget_refused(host);
    host->refused = config_include_copy(includes, count);
    host->refused_count = host->refused != NULL ? count : 0;
    control_ask(host->options->control, CONTROL_WATCH);
}

static void service_host__applied(void *context, const struct config *config)
{
    struct service_host *host = context;
    host->config = (struct config *)(uintptr_t)config;
    service_host__forget_refused(host);
    InterlockedExchange64(&host->drain_timeout, (LONG64)config->service.drain_timeout);
    const struct log_options log = service_host__log_options(host, &config->service);
    const struct access_log_options access_log = service_host__access_log_options(host, &config->service);
    log_reconfigure(host->log, &log);
    access_log_reconfigure(host->access_log, &access_log);
    if (host->options->event_log != NULL) {
        event_log_set_filter(host->options->event_log, log.event_filter);
    }
    control_ask(host->options->control, CONTROL_WATCH);
}

/* What the configuration is read from, now and when it is reloaded. */
static void service_host__offer_reload(struct service_host *host)
{
    const struct service_host_options *options = host->options;
    reloader_init(&host->reloader,
                  &(const struct reloader_options){.request = {.path = host->path,
                                                               .may_lack_file = options->config_file == NULL,
                                                               .trust = options->trust,
                                                               .service = options->service,
                                                               .handlers = handlers_builtin,
                                                               .plugins = &host->loader.source},
                                                   .log = host->log,
                                                   .read = service_host__read,
                                                   .applied = service_host__applied,
                                                   .context = host});
}

/* Why binds fail. */
static const struct explainer *service_host__explainer(struct service_host *host)
{
    host->diagnosis = diagnosis_create();
    host->explainer = (struct explainer){diagnosis_explain, host->diagnosis};
    return host->diagnosis != NULL ? &host->explainer : NULL;
}

/* ---- The control pipe ---- */

static enum exit_code service_host__reload_asked(void *context, bool is_dry_run, bool is_json,
                                                 struct text *told)
{
    struct service_host *host = context;
    enum exit_code code = EXIT_CODE_FAILED;
    reloader_run(&host->reloader, is_dry_run, is_json, told, &code);
    return code;
}

/* Without it the service goes on. */
static void service_host__open_pipe(struct service_host *host)
{
    struct failure failure;
    if (!host->config->service.control_pipe) {
        return;
    }
    host->desk = (struct control_desk){.service = host->options->service,
                                       .engine = host->engine,
                                       .log = host->log,
                                       .access_log = host->access_log,
                                       .reload = service_host__reload_asked,
                                       .context = host};
    const struct control_pipe_options options = {.service = host->options->service,
                                                 .is_service = host->options->is_service,
                                                 .log = host->log,
                                                 .answer = control_desk_answer,
                                                 .context = &host->desk};
    host->control_pipe = control_pipe_start(&options, &failure);
    if (host->control_pipe == NULL) {
        log_write(host->log, EVENT_CONTROL_PIPE_UNAVAILABLE, NULL, 0, "%s", failure.text);
    }
}

static void service_host__log_hardening(struct log *log)
{
    char names[512];
    struct text text;
    if (!log_writes(log, EVENT_PROBE_RESULT)) {
        return;
    }
    text_init(&text, names, sizeof names);
    if (hardening_add_missing(&text) > 0) {
        log_write(log, EVENT_PROBE_RESULT, NULL, 0,
                  "mitigation policies that this system has not turned on: %s", names);
    }
}

static enum service_end service_host__run_engine(struct service_host *host, struct failure *failure_out)
{
    host->state = SERVICE_HOST_STARTING;
    log_write(host->log, EVENT_SERVICE_STARTING, NULL, 0,
              "PortListener " PORTLISTENER_VERSION " starts as %s with %s%s", host->options->service,
              host->config->file,
              host->has_last_ended ? "; the last run ended in order, if there was one" : "");
    service_host__log_hardening(host->log);
    service_host__open_access_log(host);
    service_host__offer_reload(host);
    InterlockedExchange64(&host->drain_timeout, (LONG64)host->config->service.drain_timeout);
    host->engine =
        engine_start(&(const struct engine_options){.config = host->config,
                                                    .log = host->log,
                                                    .access_log = host->access_log,
                                                    .breadcrumb = running_file_breadcrumb(host->running),
                                                    .explainer = service_host__explainer(host),
                                                    .is_automatic_start = host->options->is_automatic_start,
                                                    .progress = service_host__progress,
                                                    .progress_context = host,
                                                    .config_done = service_host__config_done,
                                                    .config_context = host},
                     failure_out);
    if (host->engine == NULL) {
        diagnosis_destroy(host->diagnosis);
        access_log_destroy(host->access_log);
        log_write(host->log, EVENT_SERVICE_FAILED, NULL, 0, "not started: %s", failure_out->text);
        return SERVICE_ENDED;
    }
    control_set_engine(host->options->control, host->engine);
    (void)reloader_set_engine(&host->reloader, host->engine); /* nobody reloads yet */
    service_host__log_running(host);
    service_host__open_pipe(host);
    const enum control_stop stop = service_host__serve(host);
    return service_host__stop(host, stop, failure_out);
}

/* Where files about this run stand: the log's path; a log on standard error has none. */
static void service_host__add_log_path(const struct service_host *host, struct text *text)
{
    const struct config_service *service = &host->config->service;
    if (strcmp(service->log_file, "-") != 0) {
        text_add_string(text, service->log_file);
    } else {
        text_add_format(text, "%s\\%s.log", service->data_dir, host->options->service);
    }
}

/* Tells how the last run ended, and sees to it that the next one can tell of this. */
static void service_host__watch_beside(struct service_host *host, const char *log)
{
    char last_room[2048];
    struct text last;
    struct failure failure;
    text_init(&last, last_room, sizeof last_room);
    host->running = running_file_open(log, host->config, &last, &failure);
    if (last.length > 0) {
        log_write(host->log, EVENT_LAST_RUN_DIED, NULL, 0, "%s", last.at);
    }
    host->has_last_ended = host->running != NULL && last.length == 0 && failure.code == EXIT_CODE_DONE;
    if (failure.code != EXIT_CODE_DONE) {
        log_write(host->log, EVENT_RUN_FILE_UNAVAILABLE, NULL, 0, "%s", failure.text);
    }
    (void)crash_report_arm(log, running_file_breadcrumb(host->running));
}

/* Before the engine starts. Without memory the service goes on unwatched. */
static void service_host__begin_watch(struct service_host *host)
{
    struct text log;
    text_init_heap(&log);
    service_host__add_log_path(host, &log);
    if (!log.is_cut) {
        service_host__watch_beside(host, log.at);
    }
    text_fini(&log);
}

static void service_host__end_watch(struct service_host *host)
{
    crash_report_disarm();
    running_file_close(host->running);
}

/* With the log around the engine. A log that cannot be opened is told, and the service goes on. */
static enum service_end service_host__run_config(struct service_host *host, struct failure *failure_out)
{
    const struct config_service *service = &host->config->service;
    const struct log_options log_options = service_host__log_options(host, service);
    struct failure log_failure = {.code = EXIT_CODE_DONE};
    if (host->options->event_log != NULL) {
        event_log_set_filter(host->options->event_log, log_options.event_filter);
    }
    host->log = log_create(&log_options, &log_failure);
    if (log_failure.code != EXIT_CODE_DONE) {
        service_host__tell(host, EVENT_LOG_UNAVAILABLE, log_failure.text);
    }
    service_host__begin_watch(host);
    reloader_log_warnings(host->log, &host->problems);
    const enum service_end end = service_host__run_engine(host, failure_out);
    if (end == SERVICE_ABANDONED) {
        access_log_flush(host->access_log, HOST_FLUSH_TIMEOUT);
        log_flush(host->log, HOST_FLUSH_TIMEOUT);
        return end; /* the callback that hangs may still use all of it */
    }
    service_host__end_watch(host);
    log_destroy(host->log);
    return end;
}

/* Tells all that is wrong with the configuration; one message stands for it afterwards. */
static void service_host__fail_config(const struct service_host *host, const char *path,
                                      struct failure *failure_out)
{
    const unsigned long errors = host->problems.errors;
    struct text text;
    *failure_out = (struct failure){.code = host->problems.is_access_denied ? EXIT_CODE_ACCESS_DENIED
                                                                            : EXIT_CODE_CONFIGURATION};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, path);
    if (host->problems.is_out_of_memory) { /* that is no fault of the file */
        failure_out->code = EXIT_CODE_FAILED;
        text_add_string(&text, " cannot be read: out of memory; nothing was started");
        service_host__tell(host, EVENT_SERVICE_FAILED, failure_out->text);
        return;
    }
    text_add_format(&text, " has %lu error%s; nothing was started", errors, errors == 1 ? "" : "s");
    service_host__tell(host, EVENT_CONFIG_INVALID, host->problems.text.at);
}

/* A start has no log yet. */
static void service_host__plugin_late(void *context, const char *text)
{
    const struct service_host *host = context;
    if (host->log != NULL) {
        log_write(host->log, EVENT_CALLBACK_LATE, NULL, 0, "%s", text);
    } else if (host->engine == NULL) {
        service_host__tell(host, EVENT_CALLBACK_LATE, text);
    }
}

static bool service_host__load(struct service_host *host, struct failure *failure_out)
{
    const struct service_host_options *options = host->options;
    host->path = location_config(options->service, options->config_file, failure_out);
    if (host->path == NULL) {
        service_host__tell(host, EVENT_SERVICE_FAILED, failure_out->text);
        return false;
    }
    service_host__offer_reload(host);
    host->config = reloader_load(&host->reloader, &host->problems);
    if (host->config == NULL) {
        service_host__fail_config(host, host->path, failure_out);
    } else if (host->problems.text.length > 0) {
        service_host__tell(host, EVENT_CONFIG_WARNING, host->problems.text.at);
    }
    return host->config != NULL;
}

enum service_end service_host_run(const struct service_host_options *options, struct failure *failure_out)
{
    struct service_host *host = memory_alloc(sizeof *host);
    enum service_end end = SERVICE_ENDED;
    if (host == NULL) {
        *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .text = "out of memory"};
        return end;
    }
    *host = (struct service_host){.options = options};
    *failure_out = (struct failure){.code = EXIT_CODE_DONE};
    service_host__report(host, SERVICE_HOST_STARTING, HOST_START_HINT);
    config_problems_init(&host->problems);
    plugin_loader_init(&host->loader, options->trust);
    host->loader.late = service_host__plugin_late;
    host->loader.late_context = host;
    if (service_host__load(host, failure_out)) {
        end = service_host__run_config(host, failure_out);
    }
    config_problems_fini(&host->problems);
    if (end == SERVICE_ENDED) { /* else a callback that hangs, or a reload, may still use all of it */
        config_destroy(host->config);
        service_host__forget_refused(host);
        plugin_loader_fini(&host->loader);
        memory_free(host->path);
        memory_free(host);
    }
    return end;
}
