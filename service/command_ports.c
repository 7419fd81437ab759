/* SPDX-License-Identifier: MIT
   The command "ports": what listens on this machine. */
#include "commands.h"

#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "base/whole_file.h"
#include "diagnosis/machine_reader.h"
#include "loaded_config.h"
#include "ports_report.h"

enum { PORTS_FILE_MAX = 4194304, PORTS_PAUSE = 2000, PORTS_MISSING_MAX = 64 };

struct ports_audit {
    const struct arguments *arguments;
    struct streams *streams;
    struct loaded_config loaded;
    bool has_config;
    struct whole_file file; /* of --expect */
    struct port_expectations expectations;
    char *system_folder;
    struct ports_images images;
    struct audit_question question;
    bool has_unexpected;
    size_t nameless; /* lines of --lines that allow any program */
};

/* ---- What it is held against ---- */

/* A configuration with errors: one that was asked for is an error, another one is done without. */
static bool ports__has_no_use(const struct ports_audit *audit, struct failure *failure)
{
    const bool is_given = audit->arguments->options[OPTION_CONFIG] != NULL;
    struct text text;
    *failure = (struct failure){.code = loaded_config_code(&audit->loaded)};
    text_init(&text, failure->text, sizeof failure->text);
    text_add_string(&text, "the configuration has errors");
    text_add_string(&text, is_given ? "" : ", so sockets are not compared with it");
    text_add_string(&text, "; \"portlistener check\" shows them");
    if (!is_given) {
        output_failure(&audit->streams->err, failure);
    }
    return !is_given;
}

/* Without --config a configuration is a help, and its lack no error. */
static bool ports__open_config(struct ports_audit *audit, struct failure *failure)
{
    if (!loaded_config_open(&audit->loaded, audit->arguments, LOADED_CONFIG_ALL, failure)) {
        return audit->arguments->options[OPTION_CONFIG] == NULL;
    }
    audit->has_config = true;
    if (audit->loaded.config == NULL) {
        return ports__has_no_use(audit, failure);
    }
    audit->question.config = audit->loaded.config;
    return true;
}

static bool ports__open_expectations(struct ports_audit *audit, struct failure *failure)
{
    const char *path = audit->arguments->options[OPTION_EXPECT];
    struct text text;
    *failure = (struct failure){.code = EXIT_CODE_USAGE};
    text_init(&text, failure->text, sizeof failure->text);
    if (path == NULL) {
        return true;
    }
    text_add_format(&text, "--expect %s: ", path);
    if (!whole_file_read(path, PORTS_FILE_MAX, &audit->file, &text)) {
        return false;
    }
    audit->question.expectations = &audit->expectations;
    return port_expectations_parse(&audit->expectations, audit->file.at, audit->file.length, &text);
}

static char *ports__system_folder(void)
{
    WCHAR path[MAX_PATH];
    const UINT length = GetSystemDirectoryW(path, MAX_PATH);
    return length > 0 && length < MAX_PATH ? utf16_to_utf8(path) : NULL;
}

static bool ports__open(struct ports_audit *audit, struct failure *failure)
{
    const char *service = audit->arguments->options[OPTION_SERVICE];
    audit->system_folder = ports__system_folder();
    audit->question.system_folder = audit->system_folder != NULL ? audit->system_folder : "";
    audit->question.service = service != NULL ? service : "PortListener";
    return ports__open_config(audit, failure) && ports__open_expectations(audit, failure);
}

static void ports__close(struct ports_audit *audit)
{
    if (audit->has_config) {
        loaded_config_close(&audit->loaded);
    }
    port_expectations_free(&audit->expectations);
    whole_file_free(&audit->file);
    ports_images_fini(&audit->images);
    memory_free(audit->system_folder);
}

/* ---- What there is ---- */

static bool ports__is_wanted(const struct ports_audit *audit, const struct machine_port *port)
{
    return machine_port_is_held(port) || audit->arguments->options[OPTION_ALL] != NULL;
}

static bool ports__is_same(const struct machine_port *a, const struct machine_port *b)
{
    return a->protocol == b->protocol && a->state == b->state && a->pid == b->pid &&
           address_equal(&a->local, &b->local) && address_equal(&a->peer, &b->peer);
}

static bool ports__has(const struct machine *machine, const struct machine_port *port)
{
    for (size_t i = 0; i < machine->ports.count; i++) {
        if (ports__is_same(machine_port_at(machine, i), port)) {
            return true;
        }
    }
    return false;
}

/* Once: several sockets of a program may share an address. */
static void ports__add_line(struct ports_audit *audit, const struct machine_port *port,
                            const struct machine_process *process, struct text *text)
{
    struct text line;
    text_init_heap(&line);
    const bool is_named = port_expectations_add_line(&line, port, process);
    const char *same = strstr(text->at, line.at);
    if (same == NULL || (same != text->at && same[-1] != '\n')) {
        text_add(text, line.at, line.length);
        audit->nameless += !is_named;
    }
    text->is_cut = text->is_cut || line.is_cut;
    text_fini(&line);
}

static void ports__add(struct ports_audit *audit, const struct machine *machine,
                       const struct machine_port *port, const char *mark, struct text *text)
{
    struct ports_row row = {.machine = machine, .port = port};
    const bool is_json = audit->arguments->options[OPTION_JSON] != NULL;
    audit->question.machine = machine;
    row.process = machine_find_process(machine, port->pid);
    if (audit->arguments->options[OPTION_LINES] != NULL) {
        ports__add_line(audit, port, row.process, text);
        return;
    }
    row.image = ports_images_find(&audit->images, row.process != NULL ? row.process->path : NULL);
    port_audit_judge(&audit->question, port, &row.verdict);
    audit->has_unexpected = audit->has_unexpected || (row.verdict.notes & AUDIT_UNEXPECTED) != 0;
    text_add_string(text, mark);
    (is_json ? ports_report_json : ports_report_text)(text, &row);
}

/* Those of `machine` that `other` (NULL: none) has not; how many. */
static size_t ports__add_all(struct ports_audit *audit, const struct machine *machine,
                             const struct machine *other, const char *mark, struct text *text)
{
    const bool is_array = audit->arguments->options[OPTION_JSON] != NULL && mark[0] == '\0';
    size_t count = 0;
    for (size_t i = 0; i < machine->ports.count; i++) {
        const struct machine_port *port = machine_port_at(machine, i);
        if (ports__is_wanted(audit, port) && (other == NULL || !ports__has(other, port))) {
            text_add_string(text, is_array && count > 0 ? ",\n" : "");
            ports__add(audit, machine, port, mark, text);
            text_add_string(text, !is_array && audit->arguments->options[OPTION_JSON] != NULL ? "}\n" : "");
            count++;
        }
    }
    return count;
}

/* The `nth` of them, behind `count` sockets. People get the first ones, programs all. */
static void ports__add_missing(const struct ports_audit *audit, const struct machine *machine,
                               const struct ports_missing *missing, size_t nth, size_t count,
                               struct text *text)
{
    if (audit->arguments->options[OPTION_JSON] != NULL) {
        const struct machine_port port = {.protocol = missing->listen.protocol,
                                          .local = missing->listen.address};
        const struct ports_row row = {
            .machine = machine,
            .port = &port,
            .verdict = {AUDIT_CONFIGURED, missing->is_doubtful ? AUDIT_PERHAPS_HELD : AUDIT_NOT_HELD},
            .missing = missing};
        text_add_string(text, count + nth > 0 ? ",\n" : "");
        ports_report_json(text, &row);
    } else if (nth < PORTS_MISSING_MAX) {
        ports_report_missing(text, missing);
    }
}

/* Configured, and nobody has it: the other half of the comparison. */
static void ports__add_all_missing(const struct ports_audit *audit, const struct machine *machine,
                                   size_t count, struct text *text)
{
    const struct config *config = audit->question.config;
    struct audit_question question = audit->question;
    size_t found = 0;
    question.machine = machine;
    for (size_t i = 0; config != NULL && i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        for (size_t k = 0; endpoint->is_enabled && k < endpoint->listen_count; k++) {
            struct ports_missing missing = {.endpoint = endpoint->name, .listen = endpoint->listen[k]};
            for (uint32_t port = missing.listen.address.port; port <= endpoint->listen[k].last_port; port++) {
                missing.listen.address.port = missing.listen.last_port = (uint16_t)port;
                const enum audit_holder holder =
                    port_audit_find_holder(&question, &missing.listen, (uint16_t)port);
                missing.is_doubtful = holder == AUDIT_PERHAPS_SOMEBODY;
                if (holder != AUDIT_SOMEBODY) {
                    ports__add_missing(audit, machine, &missing, found++, count, text);
                }
            }
        }
    }
    if (found > PORTS_MISSING_MAX && audit->arguments->options[OPTION_JSON] == NULL) {
        text_add_format(text, "! and %zu more that are configured\n", found - PORTS_MISSING_MAX);
    }
}

static void ports__add_first(struct ports_audit *audit, const struct machine *machine, struct text *text)
{
    const bool is_json = audit->arguments->options[OPTION_JSON] != NULL;
    const bool is_lines = audit->arguments->options[OPTION_LINES] != NULL;
    if (is_json) {
        text_add_string(text, "[");
    } else if (!is_lines) {
        ports_report_heading(text);
    }
    const size_t count = ports__add_all(audit, machine, NULL, "", text);
    if (!is_lines) {
        ports__add_all_missing(audit, machine, count, text);
    }
    text_add_string(text, is_json ? "]\n" : "");
}

/* ---- The command ---- */

static void ports__print(struct ports_audit *audit, struct text *text)
{
    output_text(&audit->streams->out, text);
    text_fini(text);
}

/* Until nobody reads any more: a console's Ctrl+C ends the program. */
static void ports__watch(struct ports_audit *audit, struct machine *before)
{
    const bool is_json = audit->arguments->options[OPTION_JSON] != NULL;
    while (audit->streams->out.error == 0) {
        struct machine now;
        struct text text;
        Sleep(PORTS_PAUSE);
        machine_init(&now);
        text_init_heap(&text);
        machine_read(&now, MACHINE_TCP | MACHINE_UDP | MACHINE_PROCESSES | MACHINE_SERVICES, NULL);
        ports__add_all(audit, before, &now, is_json ? "{\"change\": \"closed\", \"socket\": " : "- ", &text);
        ports__add_all(audit, &now, before, is_json ? "{\"change\": \"opened\", \"socket\": " : "+ ", &text);
        ports__print(audit, &text);
        machine_fini(before);
        *before = now;
    }
}

static enum exit_code ports__run(struct ports_audit *audit)
{
    struct machine machine;
    struct text text;
    machine_init(&machine);
    machine_read(&machine, MACHINE_TCP | MACHINE_UDP | MACHINE_PROCESSES | MACHINE_SERVICES, NULL);
    if ((machine.known & (MACHINE_TCP | MACHINE_UDP)) != (MACHINE_TCP | MACHINE_UDP)) {
        machine_fini(&machine);
        return output_failure(
            &audit->streams->err,
            &(const struct failure){.code = EXIT_CODE_FAILED,
                                    .text = "the sockets of this machine could not be read"});
    }
    text_init_heap(&text);
    ports__add_first(audit, &machine, &text);
    ports__print(audit, &text);
    if (audit->nameless > 0) {
        output_format(&audit->streams->err,
                      "portlistener: %zu line%s any program (*), as the one that listens is not seen; run it "
                      "elevated, or write the name\n",
                      audit->nameless, audit->nameless == 1 ? " allows" : "s allow");
    }
    if (audit->arguments->options[OPTION_WATCH] != NULL) {
        ports__watch(audit, &machine);
    }
    machine_fini(&machine);
    return audit->has_unexpected ? EXIT_CODE_FAILED : EXIT_CODE_DONE;
}

enum exit_code command_ports_run(const struct arguments *arguments, struct streams *streams)
{
    struct ports_audit audit = {.arguments = arguments, .streams = streams};
    struct failure failure = {.code = EXIT_CODE_FAILED};
    const enum exit_code code =
        ports__open(&audit, &failure) ? ports__run(&audit) : output_failure(&streams->err, &failure);
    ports__close(&audit);
    return code;
}
