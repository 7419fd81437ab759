/* SPDX-License-Identifier: MIT
   The verbs of the control pipe, see control_desk.h. */
#include "control_desk.h"

#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "client_table.h"
#include "commands.h"
#include "engine_report.h"
#include "stats/access_log.h"

enum {
    DESK_ROTATE_PATIENCE = 5000, /* milliseconds for the log to turn to it */
    DESK_COLUMNS = 100,
    DESK_INDENT = 2
};

/* ---- Telling ---- */

static enum exit_code control_desk__fail(struct control_answer *answer, enum exit_code code, const char *text)
{
    control_answer_format(answer, CONTROL_ERR, "portlistener: %s\n", text);
    return code;
}

/* Lines that are too long go on in the next one, behind blanks. */
static void control_desk__wrap(struct text *text, const char *lines)
{
    for (size_t used = 0; *lines != '\0';) {
        const size_t line = strcspn(lines, "\n"), fits = text_fit(lines, line, DESK_COLUMNS - used);
        text_add_format(text, "%*s", (int)used, "");
        text_add(text, lines, fits);
        text_add_string(text, "\n");
        if (fits < line) {
            lines += fits + strspn(lines + fits, " ");
            used = DESK_INDENT;
        } else {
            lines += line + (lines[line] == '\n');
            used = 0;
        }
    }
}

/* A command as it can be typed: it has to name any other service than the usual one. */
static void control_desk__add_command(struct text *text, const struct control_desk *desk, const char *command)
{
    text_add_format(text, "\"portlistener %s", command);
    if (!text_equal(desk->service, strlen(desk->service), "PortListener")) {
        text_add_format(text, " --service %s", desk->service);
    }
    text_add_string(text, "\"");
}

/* The endpoint in service that has this name, as the configuration writes it. */
static bool control_desk__find_endpoint(const struct control_desk *desk, const char *name,
                                        struct engine_listener *listener_out)
{
    for (size_t i = 0; engine_listener_at(desk->engine, i, listener_out); i++) {
        if (text_equal(name, strlen(name), listener_out->endpoint)) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a word; `command` tells those that are right, `rest` says so. */
static enum exit_code control_desk__refuse(const struct control_desk *desk, enum exit_code code,
                                           const char *problem, const char *command, const char *rest,
                                           struct control_answer *answer)
{
    char room[1024];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text, "%s; ", problem);
    control_desk__add_command(&text, desk, command);
    text_add_string(&text, rest);
    return control_desk__fail(answer, code, room);
}

static enum exit_code control_desk__no_endpoint(const struct control_desk *desk, const char *name,
                                                struct control_answer *answer)
{
    char room[1024];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text, "there is no endpoint \"%s\" in service", name);
    return control_desk__refuse(desk, EXIT_CODE_FAILED, room, "status", " lists them", answer);
}

/* One line of what was done: for people, or {"message": ...}. */
static void control_desk__tell(struct control_answer *answer, const struct arguments *arguments,
                               const char *line)
{
    char room[2048];
    struct text text;
    text_init(&text, room, sizeof room);
    if (arguments->options[OPTION_JSON] != NULL) {
        text_add_string(&text, "{\"message\": ");
        text_add_json(&text, line, strlen(line));
        text_add_string(&text, "}\n");
    } else {
        control_desk__wrap(&text, line);
    }
    control_answer_write(answer, CONTROL_OUT, text.at, text.length);
}

/* Who changes something can be found in the log. */
static void control_desk__log(const struct control_desk *desk, const struct control_answer *answer,
                              const char *endpoint, uint64_t connection, const char *what)
{
    log_write(desk->log, EVENT_CONTROL_ASKED, endpoint, connection,
              "%s, asked for over the control pipe by process %lu", what, control_answer_client(answer));
}

/* ---- status ---- */

static void control_desk__take_report(void *context, const char *at, size_t length)
{
    control_answer_write(context, CONTROL_OUT, at, length);
}

static enum exit_code control_desk__status(const struct control_desk *desk, const struct arguments *arguments,
                                           struct control_answer *answer)
{
    const enum report_format format = arguments->options[OPTION_METRICS] != NULL ? REPORT_PROMETHEUS
                                      : arguments->options[OPTION_JSON] != NULL  ? REPORT_JSON
                                                                                 : REPORT_TEXT;
    return engine_report(desk->engine, format, control_desk__take_report, answer)
               ? EXIT_CODE_DONE
               : control_desk__fail(answer, EXIT_CODE_FAILED, "the service has no memory for the report");
}

/* ---- check --live ---- */

/* What the command needs to know that no report tells; see engine_report_access. The rest of "check" asks nobody. */
static enum exit_code control_desk__check(const struct control_desk *desk, const struct arguments *arguments,
                                          struct control_answer *answer)
{
    struct text lines;
    if (arguments->options[OPTION_LIVE] == NULL) {
        return control_desk__fail(answer, EXIT_CODE_USAGE, "only check --live asks the service");
    }
    text_init_heap(&lines);
    const bool is_whole = engine_report_access(desk->engine, &lines);
    if (is_whole) {
        control_answer_write(answer, CONTROL_OUT, lines.at, lines.length);
    }
    text_fini(&lines);
    return is_whole ? EXIT_CODE_DONE
                    : control_desk__fail(answer, EXIT_CODE_FAILED, "the service has no memory for it");
}

/* ---- connections ---- */

static enum exit_code control_desk__connections(const struct control_desk *desk,
                                                const struct arguments *arguments,
                                                struct control_answer *answer)
{
    struct client_table table;
    struct text text;
    struct clients_reading reading = {.endpoint = arguments->options[OPTION_ENDPOINT]};
    struct client_row rows[CLIENTS_PIECE];
    struct engine_listener listener;
    size_t count = 0;
    text_init_heap(&text);
    client_table_begin(&table, &text, arguments->options[OPTION_JSON] != NULL);
    while (!control_answer_is_lost(answer) && engine_clients(desk->engine, &reading, rows, &count)) {
        if (!client_table_add(&table, rows, count)) {
            break;
        }
        if (table.is_json && table.count > 0) { /* it goes as it comes */
            control_answer_write(answer, CONTROL_OUT, text.at, text.length);
            text_clear(&text);
        }
    }
    const bool has_rows = table.count > 0 || reading.silent > 0;
    client_table_end(&table, reading.silent);
    if (!has_rows && reading.endpoint != NULL &&
        !control_desk__find_endpoint(desk, reading.endpoint, &listener)) {
        text_fini(&text);
        return control_desk__no_endpoint(desk, reading.endpoint, answer);
    }
    const bool is_whole = !text.is_cut;
    control_answer_write(answer, CONTROL_OUT, text.at, text.length);
    text_fini(&text);
    return is_whole ? EXIT_CODE_DONE
                    : control_desk__fail(answer, EXIT_CODE_FAILED, "the service has no memory for the list");
}

/* ---- close ---- */

/* As the log writes it: sixteen hexadecimal digits. */
static bool control_desk__read_id(const char *word, uint64_t *id_out)
{
    *id_out = 0;
    for (size_t i = 0; i < 16; i++) {
        const char digit = word[i];
        const unsigned value = digit >= '0' && digit <= '9'   ? (unsigned)(digit - '0')
                               : digit >= 'a' && digit <= 'f' ? (unsigned)(digit - 'a') + 10
                               : digit >= 'A' && digit <= 'F' ? (unsigned)(digit - 'A') + 10
                                                              : 16;
        if (value == 16) {
            return false;
        }
        *id_out = *id_out << 4 | value;
    }
    return word[16] == '\0';
}

static enum exit_code control_desk__refuse_id(const struct control_desk *desk, enum exit_code code,
                                              const char *problem, struct control_answer *answer)
{
    return control_desk__refuse(desk, code, problem, "connections", " lists those that there are", answer);
}

static enum exit_code control_desk__close(const struct control_desk *desk, const struct arguments *arguments,
                                          struct control_answer *answer)
{
    struct client_row row;
    uint64_t id = 0;
    char room[256], client[ADDRESS_TEXT_ROOM];
    struct text text;
    if (!control_desk__read_id(arguments->operands[0], &id)) {
        return control_desk__refuse_id(desk, EXIT_CODE_USAGE, "an id has sixteen hexadecimal digits", answer);
    }
    switch (engine_find_client(desk->engine, id, &row)) {
    case CLIENTS_FOUND:
        break;
    case CLIENTS_GONE:
        return control_desk__refuse_id(desk, EXIT_CODE_FAILED,
                                       "no connection has this id now; it may have ended", answer);
    case CLIENTS_SILENT:
        return control_desk__fail(
            answer, EXIT_CODE_FAILED,
            "the connection's worker does not answer: a callback of a handler holds it up, and "
            "the log names it");
    }
    if (!engine_close_client(desk->engine, id)) {
        return control_desk__fail(answer, EXIT_CODE_FAILED, "the service has no memory for it; try again");
    }
    text_init(&text, client, sizeof client);
    address_add_with_port(&text, &row.client);
    text_init(&text, room, sizeof room);
    text_add_format(&text, "%016llx is closed: endpoint %s, client %s", (unsigned long long)id, row.endpoint,
                    client);
    control_desk__log(desk, answer, row.endpoint, id, "closed");
    control_desk__tell(answer, arguments, room);
    return EXIT_CODE_DONE;
}

/* ---- endpoint ---- */

static enum exit_code control_desk__endpoint(const struct control_desk *desk,
                                             const struct arguments *arguments, struct control_answer *answer)
{
    const char *name = arguments->operands[0], *action = arguments->operands[1];
    const bool is_pause = strcmp(action, "pause") == 0;
    struct engine_listener listener;
    bool has_changed = false;
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    if (!is_pause && strcmp(action, "resume") != 0) {
        return control_desk__fail(answer, EXIT_CODE_USAGE, "an endpoint takes \"pause\" or \"resume\"");
    }
    if (!control_desk__find_endpoint(desk, name, &listener) ||
        !engine_pause_endpoint(desk->engine, listener.endpoint, is_pause, &has_changed)) {
        return control_desk__no_endpoint(desk, name, answer);
    }
    if (has_changed) {
        control_desk__log(desk, answer, listener.endpoint, 0, is_pause ? "paused" : "resumed");
    }
    text_add_format(&text, "endpoint %s %s %s%s", listener.endpoint, has_changed ? "is" : "was",
                    is_pause ? "paused" : "resumed", has_changed ? "" : " already");
    text_add_string(&text, is_pause ? ": new connections and datagrams are refused, live connections go on"
                                    : ": new connections and datagrams are taken");
    control_desk__tell(answer, arguments, room);
    return EXIT_CODE_DONE;
}

/* ---- reload ---- */

/* `told`: one line for each thing, as long as it is. */
static void control_desk__tell_reload(struct control_answer *answer, enum control_stream stream,
                                      struct text *told)
{
    struct text text;
    text_init_heap(&text);
    control_desk__wrap(&text, told->at);
    told->is_cut = told->is_cut || text.is_cut;
    control_answer_write(answer, stream, text.at, text.length);
    text_fini(&text);
}

static enum exit_code control_desk__reload(const struct control_desk *desk, const struct arguments *arguments,
                                           struct control_answer *answer)
{
    const bool is_dry_run = arguments->options[OPTION_DRY_RUN] != NULL;
    struct text told;
    if (desk->reload == NULL) {
        return control_desk__fail(answer, EXIT_CODE_FAILED,
                                  "this run cannot reload its configuration: restart it");
    }
    if (!is_dry_run) {
        control_desk__log(desk, answer, NULL, 0, "reload");
    }
    text_init_heap(&told);
    const bool is_json = arguments->options[OPTION_JSON] != NULL;
    const enum exit_code code = desk->reload(desk->context, is_dry_run, is_json, &told);
    if (is_json) {
        control_answer_write(answer, CONTROL_OUT, told.at, told.length);
    } else {
        control_desk__tell_reload(answer, code == EXIT_CODE_DONE ? CONTROL_OUT : CONTROL_ERR, &told);
    }
    const bool is_whole = !told.is_cut;
    text_fini(&told);
    return is_whole ? code
                    : control_desk__fail(answer, code != EXIT_CODE_DONE ? code : EXIT_CODE_FAILED,
                                         "the service has no memory for the whole answer");
}

/* ---- rotate ---- */

static const char *const control_desk__rotations[] = {
    [ROTATION_DONE] = "done", [ROTATION_NEEDLESS] = "needless", [ROTATION_DELAYED] = "delayed"};

static void control_desk__add_rotation(struct control_answer *answer, bool is_json, const char *before,
                                       const char *which, const struct rotation *rotation)
{
    char room[128 + 2 * sizeof rotation->text];
    struct text text;
    if (!is_json) {
        control_answer_format(answer, CONTROL_OUT, "%s\n", rotation->text);
        return;
    }
    text_init(&text, room, sizeof room);
    struct json both = json_begin(&text, JSON_SPACED, before), object = json_begin(&text, JSON_SPACED, "{");
    json_name(&both, which);
    json_string(&object, "state", control_desk__rotations[rotation->state]);
    json_string(&object, "message", rotation->text);
    json_end(&object);
    control_answer_write(answer, CONTROL_OUT, text.at, text.length);
}

static enum exit_code control_desk__rotate(const struct control_desk *desk, const struct arguments *arguments,
                                           struct control_answer *answer)
{
    const bool is_json = arguments->options[OPTION_JSON] != NULL;
    struct rotation log, access_log;
    control_desk__log(desk, answer, NULL, 0, "rotation of the logs");
    log_rotate(desk->log, DESK_ROTATE_PATIENCE, &log);
    access_log_rotate(desk->access_log, DESK_ROTATE_PATIENCE, &access_log);
    control_desk__add_rotation(answer, is_json, "{", "log", &log);
    if (desk->access_log != NULL) {
        control_desk__add_rotation(answer, is_json, ", ", "access_log", &access_log);
    }
    control_answer_format(answer, CONTROL_OUT, is_json ? "}\n" : "");
    return EXIT_CODE_DONE;
}

/* ---- The table ---- */

const struct control_verb control_verbs[] = {
    {"status", control_desk__status},
    {"connections", control_desk__connections},
    {"close", control_desk__close},
    {"endpoint", control_desk__endpoint},
    {"reload", control_desk__reload},
    {"rotate", control_desk__rotate},
    /* of that command only the part that asks */
    {"check", control_desk__check},
    {NULL, NULL},
};

static const struct control_verb *control_desk__find(const char *name)
{
    const struct control_verb *verb = control_verbs;
    while (verb->name != NULL && strcmp(verb->name, name) != 0) {
        verb++;
    }
    return verb->name != NULL ? verb : NULL;
}

enum exit_code control_desk_answer(void *context, const struct control_request *request,
                                   struct control_answer *answer)
{
    const struct control_verb *verb = control_desk__find(request->words[0]);
    struct arguments arguments;
    struct failure failure;
    if (verb == NULL) {
        return control_desk__fail(answer, EXIT_CODE_USAGE,
                                  "the service does not know this command; is it of an older version?");
    }
    if (!arguments_parse(request->words, request->count, commands_all, &arguments, &failure) ||
        !arguments_count(&arguments, &failure)) {
        return control_desk__fail(answer, failure.code, failure.text);
    }
    return verb->answer(context, &arguments, answer);
}
