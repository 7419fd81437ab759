/* SPDX-License-Identifier: MIT
   Scenarios of what is around the engine: configuration, log, record files, commands and the service, above an
   engine that opens nothing; in peace and while each of their calls fails. See support/ordeal.h. A new scenario
   is a function and a row in the table at the end. */
#include <stdio.h>
#include <string.h>

#include "base/event_log.h"
#include "base/memory.h"
#include "base/record_file.h"
#include "commands.h"
#include "handler/handlers.h"
#include "service_host.h"
#include "support/clock.h"
#include "support/fake_engine.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/ordeal.h"
#include "support/seam.h"

enum { PATIENCE = 15000, IMPATIENCE = 200 /* milliseconds, while a call may fail */, HANG = 1000 };

static struct {
    bool is_faulted;
    const char *failed_step;
    struct folder folder;
    bool has_folder;
    struct config *config;
    struct config_problems problems;
    struct log *log;
    const char *obstacle; /* a file in the way of the log */
    struct record_file *file;
    struct event_log *events;
    struct streams streams;
    HANDLE thread;       /* of a command that runs until it is stopped */
    const char *command; /* that one */
    volatile LONG code;  /* exit code of the last command */
} desk;

static bool step(const char *what, bool is_done)
{
    if (!is_done && desk.failed_step == NULL) {
        desk.failed_step = what;
    }
    return is_done;
}

/* ---- Configuration ---- */

static const char good[] = "[service]\nlog_file = %TEMP%\\test.log\ndrain_timeout = 20s\n"
                           "[endpoint one]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n";
static const char broken[] = "[endpoint one]\nlistne = tcp://127.0.0.1:7\nhandler = echo\n";
static const char runnable[] = "[service]\nlog_file = test.log\n"
                               "[endpoint one]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n";

static bool load(const char *text)
{
    folder_write(&desk.folder, "test.ini", text, strlen(text));
    desk.config =
        config_load(folder_join(&desk.folder, "test.ini"), "Test", handlers_builtin, NULL, &desk.problems);
    return step("problems are told where there is no configuration",
                desk.config != NULL || (desk.problems.errors > 0 && desk.problems.text.length > 0));
}

static bool loads_a_configuration(void)
{
    return load(good) && step("loading", desk.config != NULL && desk.config->endpoint_count == 1);
}

static bool tells_what_is_wrong_in_a_configuration(void)
{
    return load(broken) && step("refusing", desk.config == NULL);
}

static bool tells_that_there_is_no_configuration(void)
{
    desk.config =
        config_load(folder_join(&desk.folder, "none.ini"), "Test", handlers_builtin, NULL, &desk.problems);
    return step("refusing", desk.config == NULL && desk.problems.errors == 1);
}

/* ---- Log, record files, event log ---- */

static bool open_log(struct log_options options, bool is_there)
{
    struct failure failure = {EXIT_CODE_DONE, 0, ""};
    options.level = LOG_LEVEL_DEBUG;
    desk.log = log_create(&options, &failure);
    return step("creating a log", desk.log != NULL && (failure.code == EXIT_CODE_DONE) == is_there);
}

static bool write_log(unsigned lines)
{
    for (unsigned i = 0; i < lines; i++) {
        log_write(desk.log, EVENT_SERVICE_STARTING, "one", 7, "line %u of this log, and nothing else", i);
    }
    log_flush(desk.log, desk.is_faulted ? IMPATIENCE : PATIENCE);
    return step("no line is lost", log_dropped(desk.log) == 0);
}

static bool logs_to_a_file(void)
{
    return open_log((struct log_options){.file = folder_join(&desk.folder, "log\\a.log")}, true) &&
           write_log(3);
}

static bool logs_json_in_local_time(void)
{
    return open_log((struct log_options){.file = folder_join(&desk.folder, "a.log"),
                                         .is_json = true,
                                         .is_local_time = true},
                    true) &&
           write_log(2);
}

static bool rotates_its_log(void)
{
    return open_log((struct log_options){.file = folder_join(&desk.folder, "a.log"),
                                         .rotate_size = 100,
                                         .keep = 2},
                    true) &&
           write_log(6) && step("rotated files", folder_list(&desk.folder) == 2 + 3); /* "out" and "err" */
}

static bool works_without_a_folder_for_its_log(void)
{
    desk.obstacle = "log"; /* where the folder should be */
    folder_write(&desk.folder, desk.obstacle, "", 0);
    return open_log((struct log_options){.file = folder_join(&desk.folder, "log\\a.log")}, false);
}

static bool logs_to_standard_error(void)
{
    return open_log((struct log_options){.file = "-"}, true) && write_log(1);
}

/* A console takes UTF-16. This one is standard error as well as a command's output. */
static BOOL WINAPI tell_console_mode(HANDLE handle, LPDWORD mode)
{
    *mode = 0;
    return handle != NULL;
}

static BOOL WINAPI write_console(HANDLE handle, const VOID *at, DWORD length, LPDWORD written,
                                 LPVOID reserved)
{
    (void)at, (void)reserved;
    *written = length;
    return handle != NULL;
}

static void show_console(void)
{
    seam_replace(IMPORT_GetConsoleMode, (seam_function)tell_console_mode);
    seam_replace(IMPORT_WriteConsoleW, (seam_function)write_console);
}

static bool logs_to_a_console(void)
{
    show_console();
    return open_log((struct log_options){.file = "-"}, true) && write_log(1);
}

/* As to a pipe that is full, until somebody cancels it, or after all reads. */
static HANDLE cancelled;

/* The signature is WriteFile's. NOLINTNEXTLINE(readability-non-const-parameter) */
static BOOL WINAPI write_for_ever(HANDLE file, LPCVOID at, DWORD length, LPDWORD written,
                                  LPOVERLAPPED overlapped)
{
    (void)file, (void)at, (void)length, (void)written, (void)overlapped;
    SEAM_REAL(WaitForSingleObject)(cancelled, HANG);
    SetLastError(ERROR_OPERATION_ABORTED);
    return FALSE;
}

static BOOL WINAPI cancel_write(HANDLE thread)
{
    (void)thread;
    return SetEvent(cancelled);
}

/* Two seconds of the virtual clock: while it waits, it is pushed on. */
static DWORD WINAPI wait_shortly(HANDLE handle, DWORD timeout)
{
    const DWORD result = SEAM_REAL(WaitForSingleObject)(handle, timeout);
    if (result == WAIT_TIMEOUT) {
        clock_advance(100);
    }
    return result;
}

static bool ends_a_log_whose_write_hangs(void)
{
    const bool is_open = open_log((struct log_options){.file = folder_join(&desk.folder, "a.log")}, true);
    if (cancelled == NULL) {
        cancelled = SEAM_REAL(CreateEventW)(NULL, TRUE, FALSE, NULL);
    }
    ResetEvent(cancelled);
    seam_replace(IMPORT_WriteFile, (seam_function)write_for_ever);
    seam_replace(IMPORT_CancelSynchronousIo, (seam_function)cancel_write);
    seam_replace(IMPORT_WaitForSingleObject, (seam_function)wait_shortly);
    log_write(desk.log, EVENT_SERVICE_STARTING, NULL, 0, "never written");
    log_destroy(desk.log);
    desk.log = NULL;
    return is_open;
}

static bool append(const char *record)
{
    struct failure failure;
    return step("appending", record_file_append(desk.file, record, (uint32_t)strlen(record), &failure));
}

static bool create_records(uint64_t rotate_size)
{
    const struct record_file_options options = {
        .path = folder_join(&desk.folder, "a.rec"), .rotate_size = rotate_size, .keep = 1};
    desk.file = record_file_create(&options);
    return step("creating a record file", desk.file != NULL);
}

static bool keeps_records(void)
{
    folder_write(&desk.folder, "a.rec", "torn", 4);
    return create_records(0) && append("one\n") && append("two\n");
}

static bool rotates_records(void)
{
    return create_records(10) && append("12345678\n") && append("23456789\n") && append("34567890\n") &&
           append("45678901\n");
}

static bool follows_a_file_that_is_gone(void)
{
    return create_records(0) && append("one\n") && folder_delete(&desk.folder, "a.rec") && append("two\n");
}

static bool tells_who_has_a_file(void)
{
    folder_write(&desk.folder, "a.rec", "", 0);
    const HANDLE other = folder_open(&desk.folder, "a.rec", GENERIC_READ, 0);
    const bool is_done = create_records(0);
    struct failure failure;
    const bool is_refused = is_done && !record_file_open(desk.file, &failure);
    folder_close(other);
    return is_done && step("refusing a file that is in use", is_refused);
}

static bool reports_to_the_event_log(void)
{
    desk.events = event_log_create("PortListenerTest", EVENT_FILTER_ALL);
    for (int i = 0; i < 12; i++) {
        event_log_report(desk.events, event_find(EVENT_SERVICE_STARTING), "100% of it");
    }
    return step("an event log", desk.events != NULL);
}

/* ---- Commands ---- */

static struct arguments make_arguments(const char *name, const char *ini)
{
    struct arguments arguments = {.options = {[OPTION_SERVICE] = "PortListenerTest"}};
    const char *const words[] = {name};
    size_t used = 0;
    arguments.command = command_find(commands_all, words, 1, &used);
    if (ini != NULL) {
        folder_write(&desk.folder, "test.ini", ini, strlen(ini));
        arguments.options[OPTION_CONFIG] = folder_join(&desk.folder, "test.ini");
    }
    return arguments;
}

static bool run(enum exit_code (*command)(const struct arguments *arguments, struct streams *streams),
                const char *ini, enum exit_code code)
{
    const struct arguments arguments = make_arguments("check", ini);
    desk.code = (LONG)command(&arguments, &desk.streams);
    return step("the command's exit code", desk.code == (LONG)code);
}

static bool checks_a_configuration(void)
{
    return run(command_check_run, good, EXIT_CODE_DONE);
}

static bool checks_a_broken_configuration(void)
{
    return run(command_check_run, broken, EXIT_CODE_CONFIGURATION);
}

static bool finds_the_configuration_beside_the_program(void)
{
    return run(command_check_run, NULL, EXIT_CODE_DONE);
}

static bool takes_no_folder_for_a_configuration(void)
{
    struct arguments arguments = make_arguments("check", NULL);
    arguments.options[OPTION_CONFIG] = desk.folder.path;
    desk.code = (LONG)command_check_run(&arguments, &desk.streams);
    return step("refusing a folder", desk.code == EXIT_CODE_CONFIGURATION);
}

static bool shows_a_configuration(void)
{
    return run(command_config_show, good, EXIT_CODE_DONE);
}

static bool prints_to_a_console(void)
{
    struct output out;
    show_console();
    output_init(&out, STD_OUTPUT_HANDLE);
    output_format(&out, "a line\n");
    return step("printing", out.is_console && out.error == 0);
}

static bool prints_what_it_knows(void)
{
    return run(command_handlers_run, NULL, EXIT_CODE_DONE) &&
           run(command_version_run, NULL, EXIT_CODE_DONE) &&
           run(command_config_reference, NULL, EXIT_CODE_DONE);
}

/* ---- Commands that run until they are stopped ---- */

/* The console's and the service manager's handlers: known from the first run on, which is one in peace. */
static PHANDLER_ROUTINE console_handler;
static LPHANDLER_FUNCTION_EX service_handler;
static void *service_context;

static BOOL WINAPI set_console_handler(PHANDLER_ROUTINE handler, BOOL is_added)
{
    console_handler = is_added ? handler : console_handler;
    return TRUE;
}

static DWORD WINAPI service_thread(void *argument)
{
    const SERVICE_TABLE_ENTRYW *entry = argument;
    WCHAR name[] = L"PortListenerTest";
    WCHAR *words[] = {name, NULL};
    entry->lpServiceProc(1, words);
    return 0;
}

static BOOL WINAPI dispatch(const SERVICE_TABLE_ENTRYW *table)
{
    const HANDLE thread = SEAM_REAL(CreateThread)(NULL, 0, service_thread, (void *)(ULONG_PTR)table, 0, NULL);
    SEAM_REAL(WaitForSingleObject)(thread, INFINITE);
    SEAM_REAL(CloseHandle)(thread);
    return TRUE;
}

static SERVICE_STATUS_HANDLE WINAPI register_handler(LPCWSTR name, LPHANDLER_FUNCTION_EX handler,
                                                     LPVOID context)
{
    (void)name;
    service_handler = handler;
    service_context = context;
    return (SERVICE_STATUS_HANDLE)&desk;
}

static BOOL WINAPI set_status(SERVICE_STATUS_HANDLE handle, LPSERVICE_STATUS status)
{
    return handle == (SERVICE_STATUS_HANDLE)&desk && status->dwServiceType != 0;
}

static BOOL WINAPI query_config(SC_HANDLE service, DWORD level, LPBYTE at, DWORD room, LPDWORD needed)
{
    const SERVICE_PRESHUTDOWN_INFO info = {10000};
    (void)service;
    *needed = sizeof info;
    memset(at, 0, room);
    if (level == SERVICE_CONFIG_PRESHUTDOWN_INFO) {
        memcpy(at, &info, room < sizeof info ? room : sizeof info);
    }
    return TRUE;
}

static SC_HANDLE WINAPI open_manager(LPCWSTR machine, LPCWSTR database, DWORD access)
{
    (void)machine, (void)database, (void)access;
    return (SC_HANDLE)&desk;
}

static SC_HANDLE WINAPI open_service(SC_HANDLE manager, LPCWSTR name, DWORD access)
{
    (void)name, (void)access;
    return manager;
}

static BOOL WINAPI close_service(SC_HANDLE handle)
{
    return handle != NULL;
}

/* Of the process itself, when nobody is left to report to. */
static BOOL WINAPI terminate(HANDLE process, UINT code)
{
    return process == GetCurrentProcess() && code != 0;
}

static void replace_surroundings(void)
{
    seam_replace(IMPORT_TerminateProcess, (seam_function)terminate);
    seam_replace(IMPORT_SetConsoleCtrlHandler, (seam_function)set_console_handler);
    seam_replace(IMPORT_StartServiceCtrlDispatcherW, (seam_function)dispatch);
    seam_replace(IMPORT_RegisterServiceCtrlHandlerExW, (seam_function)register_handler);
    seam_replace(IMPORT_SetServiceStatus, (seam_function)set_status);
    seam_replace(IMPORT_OpenSCManagerW, (seam_function)open_manager);
    seam_replace(IMPORT_OpenServiceW, (seam_function)open_service);
    seam_replace(IMPORT_CloseServiceHandle, (seam_function)close_service);
    seam_replace(IMPORT_QueryServiceConfig2W, (seam_function)query_config);
}

static DWORD WINAPI command_thread(void *argument)
{
    const struct arguments *arguments = argument;
    desk.code = (LONG)arguments->command->run(arguments, &desk.streams);
    return 0;
}

static bool has_ended(DWORD patience)
{
    return SEAM_REAL(WaitForSingleObject)(desk.thread, patience) == WAIT_OBJECT_0;
}

/* Until the engine is there; false when the command ends without one. */
static bool start(const char *command, const char *ini)
{
    static struct arguments arguments;
    arguments = make_arguments(command, ini);
    desk.command = command;
    desk.thread = SEAM_REAL(CreateThread)(NULL, 0, command_thread, &arguments, 0, NULL);
    while (fake_engine.starts == 0 && !has_ended(1)) {}
    return step("starting", fake_engine.starts == 1);
}

/* A service is asked once: its handler must not be called when it has ended. Ctrl+C counts only from the moment on
   when all runs. */
static bool stop(void)
{
    const bool is_service = strcmp(desk.command, "service") == 0;
    bool is_ended = has_ended(0);
    if (!is_ended && is_service) {
        service_handler(SERVICE_CONTROL_STOP, 0, NULL, service_context);
    }
    while (!is_ended) {
        if (!is_service && console_handler != NULL) {
            console_handler(CTRL_C_EVENT);
        }
        is_ended = has_ended(5);
    }
    SEAM_REAL(CloseHandle)(desk.thread);
    desk.thread = NULL;
    return step("an orderly end", desk.code == EXIT_CODE_DONE);
}

static bool runs_on_a_console(void)
{
    return start("run", runnable) && stop();
}

static bool runs_on_a_console_without_a_log(void)
{
    static const char ini[] = "[service]\nlog_file = test.ini\\x.log\n"
                              "[endpoint one]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n";
    return start("run", ini) && stop();
}

static bool does_not_run_a_broken_configuration(void)
{
    return !start("run", broken) && has_ended(PATIENCE) &&
           step("the exit code of a broken configuration", desk.code == EXIT_CODE_CONFIGURATION);
}

static bool runs_as_a_service(void)
{
    return start("service", runnable) &&
           service_handler(SERVICE_CONTROL_PAUSE, 0, NULL, service_context) == 0 &&
           service_handler(SERVICE_CONTROL_CONTINUE, 0, NULL, service_context) == 0 && stop();
}

/* ---- Begin and end ---- */

static void begin(bool is_faulted)
{
    memset(&desk, 0, sizeof desk);
    desk.is_faulted = is_faulted;
    fake_engine_reset();
    service_context = NULL;
    replace_surroundings();
    config_problems_init(&desk.problems);
    folder_init(&desk.folder);
    desk.has_folder = true;
    folder_write(&desk.folder, "out", "", 0);
    folder_write(&desk.folder, "err", "", 0);
    desk.streams.out.handle = folder_open(&desk.folder, "out", GENERIC_WRITE, FILE_SHARE_READ);
    desk.streams.err.handle = folder_open(&desk.folder, "err", GENERIC_WRITE, FILE_SHARE_READ);
}

static const char *failed_step(void)
{
    return desk.failed_step;
}

/* What it still has works again: the log and the record file take one line more. */
static bool recover(const char **what_out)
{
    struct failure failure;
    clock_go_on();
    if (desk.obstacle != NULL) {
        folder_delete(&desk.folder, desk.obstacle);
    }
    if (desk.log != NULL) {
        const uint64_t dropped = log_dropped(desk.log);
        log_write(desk.log, EVENT_SERVICE_STARTING, NULL, 0, "again");
        log_flush(desk.log, PATIENCE);
        *what_out = "the log lost a line behind the fault";
        return log_dropped(desk.log) == dropped;
    }
    *what_out = "the record file takes nothing behind the fault";
    return desk.file == NULL || record_file_append(desk.file, "again\n", 6, &failure);
}

static bool end(const char **what_out)
{
    if (desk.thread != NULL) {
        stop();
    }
    config_destroy(desk.config);
    config_problems_fini(&desk.problems);
    log_destroy(desk.log);
    record_file_destroy(desk.file);
    event_log_destroy(desk.events);
    desk.config = NULL;
    desk.log = NULL;
    desk.file = NULL;
    desk.events = NULL;
    if (desk.has_folder) {
        folder_close(desk.streams.out.handle);
        folder_close(desk.streams.err.handle);
        folder_fini(&desk.folder);
        desk.has_folder = false;
    }
    *what_out = "an engine is not destroyed";
    return fake_engine.starts == fake_engine.destroys;
}

#define ROW(name)   \
    {               \
#name, name \
    }

static const struct scenario scenarios[] = {
    ROW(loads_a_configuration),
    ROW(tells_what_is_wrong_in_a_configuration),
    ROW(tells_that_there_is_no_configuration),
    ROW(logs_to_a_file),
    ROW(logs_json_in_local_time),
    ROW(rotates_its_log),
    ROW(works_without_a_folder_for_its_log),
    ROW(logs_to_standard_error),
    ROW(logs_to_a_console),
    ROW(ends_a_log_whose_write_hangs),
    ROW(keeps_records),
    ROW(rotates_records),
    ROW(follows_a_file_that_is_gone),
    ROW(tells_who_has_a_file),
    ROW(reports_to_the_event_log),
    ROW(checks_a_configuration),
    ROW(checks_a_broken_configuration),
    ROW(finds_the_configuration_beside_the_program),
    ROW(takes_no_folder_for_a_configuration),
    ROW(shows_a_configuration),
    ROW(prints_to_a_console),
    ROW(prints_what_it_knows),
    ROW(runs_on_a_console),
    ROW(runs_on_a_console_without_a_log),
    ROW(does_not_run_a_broken_configuration),
    ROW(runs_as_a_service),
    {NULL, NULL},
};

static const struct scenario_kind kind = {
    .scenarios = scenarios, .begin = begin, .failed_step = failed_step, .recover = recover, .end = end};

int main(int count, char **arguments)
{
    return ordeal_main(count, arguments, &kind);
}
