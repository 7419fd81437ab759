/* SPDX-License-Identifier: MIT
   Trying what the running service listens on, see check_live.h. */
#include "check_live.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/utf16.h"
#include "command_watch.h"
#include "config/config_listen.h"
#include "control_client.h"
#include "diagnosis/finding.h"
#include "diagnosis/machine_reader.h"
#include "loaded_config.h"
#include "probe.h"

enum {
    LIVE_LIMIT = 2000,    /* milliseconds for one address */
    LIVE_OVERALL = 20000, /* after them no other is begun */
    LIVE_SUBJECT_ROOM = 192
};

/* A run of the command. */
struct live {
    const struct arguments *arguments;
    struct loaded_config loaded;
    bool has_config;
    struct machine machine; /* its addresses */
    struct live_report report;
    struct findings findings;
    struct text rows; /* what was tried, one line or object each */
    size_t tried;     /* rows */
    uint64_t deadline;
};

/* ---- What the service says ---- */

static void live__take(void *context, const struct control_piece *piece)
{
    if (piece->stream == CONTROL_OUT) {
        text_add(context, piece->at, piece->length);
    }
}

static const char *live__service(const struct live *live)
{
    const char *service = live->arguments->options[OPTION_SERVICE];
    return service != NULL ? service : "PortListener";
}

/* Two words, and one answer, which `read` takes apart. */
static bool live__ask(struct live *live, const char *verb, const char *option,
                      bool (*read)(const char *answer, struct live_report *report), const char *refusal,
                      struct failure *failure_out)
{
    const char *const words[] = {verb, option};
    struct control_client client;
    struct text request, answer;
    enum exit_code code = EXIT_CODE_FAILED;
    bool is_read = false;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .text = "out of memory"};
    text_init_heap(&request);
    text_init_heap(&answer);
    if (control_request_add(&request, words, sizeof words / sizeof words[0]) &&
        control_client_open(&client, live__service(live), NULL, failure_out)) {
        is_read = control_client_ask(&client, &request, live__take, &answer, &code, failure_out);
        control_client_close(&client);
        if (is_read && (code != EXIT_CODE_DONE || answer.is_cut || !read(answer.at, &live->report))) {
            *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
            snprintf(failure_out->text, sizeof failure_out->text, "%s", refusal);
            is_read = false;
        }
    }
    text_fini(&request);
    text_fini(&answer);
    return is_read;
}

/* What it listens on, and whom it serves there, of itself: the configuration may have changed since it was loaded. */
static bool live__ask_all(struct live *live, struct failure *failure_out)
{
    return live__ask(live, "status", "--metrics", live_report_read,
                     "the service does not tell what it listens on", failure_out) &&
           live__ask(
               live, "check", "--live", live_report_read_access,
               "the service does not tell whom it serves: it is short of memory, or an older version that "
               "still runs; then restart it",
               failure_out);
}

/* ---- Rows ---- */

static const char *live__outcome(enum probe_outcome outcome)
{
    static const char *const names[] = {
        [PROBE_TAKEN] = "taken",          [PROBE_ANSWERED] = "answered", [PROBE_REFUSED] = "refused",
        [PROBE_RESET] = "reset",          [PROBE_WRONG] = "wrong",       [PROBE_LATE] = "no answer",
        [PROBE_UNHEARD] = "no connection"};
    return names[outcome];
}

/* `to` NULL: it was not tried. */
static void live__add_row(struct live *live, const struct live_address *row, const char *to,
                          const char *outcome, uint32_t took)
{
    if (live->arguments->options[OPTION_JSON] != NULL) {
        struct json object = json_begin(&live->rows, JSON_SPACED, live->tried > 0 ? ",\n  {" : "\n  {");
        json_string(&object, "endpoint", row->endpoint);
        json_string(&object, "address", row->address);
        json_string(&object, "tried", to);
        json_string(&object, "outcome", outcome);
        json_number(&object, "milliseconds", took);
        json_end(&object);
    } else {
        text_add_format(&live->rows, "%-16.24s %-28.48s %-13s", row->endpoint, row->address, outcome);
        if (to != NULL) {
            text_add_format(&live->rows, " %5lu ms", (unsigned long)took);
        }
        text_add_string(&live->rows, "\n");
    }
    live->tried++;
}

/* ---- One address ---- */

static void live__subject(struct text *text, const struct live_address *row)
{
    text_add_format(text, "endpoint %s, %s", row->endpoint, row->address);
}

static void live__find(struct live *live, enum finding_kind kind, const struct live_address *row,
                       const struct finding_word *words)
{
    char room[LIVE_SUBJECT_ROOM];
    struct text subject;
    text_init(&subject, room, sizeof room);
    live__subject(&subject, row);
    findings_add(&live->findings, kind, subject.at, words);
}

static void live__tell(struct live *live, const struct live_address *row, const struct probe *probe,
                       const char *handler)
{
    char limit[16], room[300];
    struct text problem;
    text_init(&problem, room, sizeof room);
    snprintf(limit, sizeof limit, "%lu", (unsigned long)probe->limit);
    switch (probe->outcome) {
    case PROBE_TAKEN:
    case PROBE_ANSWERED:
        break;
    case PROBE_REFUSED:
        utf16_add_error(&problem, probe->error);
        live__find(live, FINDING_LIVE_REFUSED, row, FINDING_WORDS({"problem", problem.at}));
        break;
    case PROBE_RESET:
        live__find(live, FINDING_LIVE_RESET, row, NULL);
        break;
    case PROBE_WRONG:
        live__find(live, FINDING_LIVE_WRONG, row, FINDING_WORDS({"handler", handler}));
        break;
    case PROBE_LATE:
        live__find(live, FINDING_LIVE_TIMEOUT, row, FINDING_WORDS({"what", "the answer"}, {"limit", limit}));
        break;
    case PROBE_UNHEARD:
        live__find(live, FINDING_LIVE_TIMEOUT, row,
                   FINDING_WORDS({"what", "the connection"}, {"limit", limit}));
        break;
    }
}

static const struct config_endpoint *live__config_of(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        if (config->endpoints[i].is_enabled &&
            text_equal(config->endpoints[i].name, strlen(config->endpoints[i].name), name)) {
            return &config->endpoints[i];
        }
    }
    return NULL;
}

static void live__skip(struct live *live, const struct live_address *row, const char *problem)
{
    live__add_row(live, row, NULL, "not tried", 0);
    live__find(live, FINDING_LIVE_NOT_TRIED, row, FINDING_WORDS({"problem", problem}));
}

static void live__probe(struct live *live, const struct live_address *row, struct probe *probe,
                        const char *handler)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text to;
    if (GetTickCount64() >=
        live->deadline) { /* with less time than it may take, its silence would tell nothing */
        live__skip(live, row, "others took the 20 seconds that there are for all of them");
        return;
    }
    probe->limit = LIVE_LIMIT;
    text_init(&to, room, sizeof room);
    address_add_with_port(&to, &probe->address);
    probe_run(probe);
    live__add_row(live, row, to.at, live__outcome(probe->outcome), probe->took);
    live__tell(live, row, probe, handler);
}

static void live__try(struct live *live, const struct live_address *row, struct live_endpoint *endpoint)
{
    struct config_endpoint running;
    struct config_listen listens[2];
    struct config_fault fault;
    struct probe probe = {.limit = 0};
    if (config_listen_parse(row->address, strlen(row->address), listens, &fault) != 1) {
        return;
    }
    probe.protocol = listens[0].protocol;
    live_config(endpoint, &running);
    if (running.proxy_protocol != CONFIG_PROXY_OFF) {
        live__add_row(live, row, NULL, "proxies only", 0);
        live__find(live, FINDING_LIVE_PROXY, row, NULL);
        return;
    }
    if (!live_target(&running, &listens[0].address, listens[0].is_dual_stack, &live->machine,
                     &probe.address)) {
        char room[ADDRESS_TEXT_ROOM];
        struct text text;
        text_init(&text, room, sizeof room);
        address_add(&text, &probe.address);
        live__add_row(live, row, NULL, "denied", 0);
        live__find(live, FINDING_LIVE_DENIED, row, FINDING_WORDS({"address", text.at}));
        return;
    }
    if (!live_script_of(running.handler, probe.protocol, &probe.script)) {
        live__add_row(live, row, NULL, "bound", 0); /* UDP: it does not answer */
        return;
    }
    live__probe(live, row, &probe, running.handler);
}

/* ---- What the configuration has ---- */

static bool live__is_wanted(const struct live *live, const char *name)
{
    const char *wanted = live->arguments->options[OPTION_ENDPOINT];
    return wanted == NULL || text_equal(name, strlen(name), wanted);
}

static void live__differs(struct live *live, const char *name, const char *difference)
{
    char room[LIVE_SUBJECT_ROOM];
    struct text subject;
    text_init(&subject, room, sizeof room);
    text_add_format(&subject, "endpoint %s", name);
    findings_add(&live->findings, FINDING_LIVE_OLD, subject.at, FINDING_WORDS({"difference", difference}));
}

static void live__compare(struct live *live, const struct config *config)
{
    struct live_endpoint *rows = live->report.endpoints.at;
    for (size_t i = 0; i < live->report.endpoints.count; i++) {
        struct config_endpoint running;
        const struct config_endpoint *endpoint = live__config_of(config, rows[i].name);
        if (!rows[i].has_access || !live__is_wanted(live, rows[i].name)) {
            continue;
        }
        live_config(&rows[i], &running);
        if (endpoint == NULL) {
            live__differs(live, rows[i].name, "it does not have this endpoint");
        } else if (!live_is_as(&running, endpoint)) {
            live__differs(live, rows[i].name,
                          "it has another handler, other lists or other proxies for this endpoint");
        }
    }
}

static bool live__runs(const struct live *live, const char *name)
{
    const struct live_endpoint *rows = live->report.endpoints.at;
    for (size_t i = 0; i < live->report.endpoints.count; i++) {
        if (rows[i].has_access && text_equal(rows[i].name, strlen(rows[i].name), name)) {
            return true;
        }
    }
    return false;
}

static void live__compare_back(struct live *live, const struct config *config)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        if (endpoint->is_enabled && live__is_wanted(live, endpoint->name) &&
            !live__runs(live, endpoint->name)) {
            live__differs(live, endpoint->name, "the service does not have this endpoint");
        }
    }
}

static void live__hold_against_config(struct live *live)
{
    struct failure failure = {.text = "it has errors"};
    const bool is_given = live->arguments->options[OPTION_CONFIG] != NULL;
    live->has_config = loaded_config_open(&live->loaded, live->arguments, LOADED_CONFIG_ALL, &failure);
    if (live->has_config && live->loaded.config != NULL) {
        live__compare(live, live->loaded.config);
        live__compare_back(live, live->loaded.config);
        return;
    }
    findings_add(&live->findings, is_given ? FINDING_LIVE_CONFIG : FINDING_LIVE_NO_CONFIG,
                 live->has_config ? live->loaded.path : live__service(live),
                 FINDING_WORDS({"problem", failure.text}));
}

/* ---- The endpoints ---- */

static void live__look_at_endpoints(struct live *live)
{
    const struct live_endpoint *rows = live->report.endpoints.at;
    for (size_t i = 0; i < live->report.endpoints.count; i++) {
        char room[LIVE_SUBJECT_ROOM], count[16];
        struct text subject;
        text_init(&subject, room, sizeof room);
        text_add_format(&subject, "endpoint %s", rows[i].name);
        snprintf(count, sizeof count, "%u", rows[i].waiting);
        if (!live__is_wanted(live, rows[i].name)) {
            continue;
        }
        if (rows[i].waiting > 0) {
            findings_add(&live->findings, FINDING_LIVE_NOT_BOUND, subject.at,
                         FINDING_WORDS({"count", count}));
        }
        if (rows[i].is_paused || live->report.is_paused) {
            findings_add(&live->findings, FINDING_LIVE_PAUSED, subject.at, NULL);
        }
    }
}

/* A paused endpoint would count a client that it refuses; an address that waits would refuse one. */
static void live__try_all(struct live *live)
{
    for (size_t i = 0; i < live->report.addresses.count; i++) {
        const struct live_address *row = live_address_at(&live->report, i);
        struct live_endpoint *endpoint = live_endpoint_find(&live->report, row->endpoint);
        if (!live__is_wanted(live, row->endpoint)) {
            continue;
        }
        if (live->report.is_paused || endpoint->is_paused) {
            live__add_row(live, row, NULL, "paused", 0);
        } else if (endpoint->waiting > 0 && !row->is_armed) {
            live__add_row(live, row, NULL, "not bound", 0);
        } else if (!endpoint->has_access) {
            live__skip(live, row, "the service has changed while it was asked");
        } else {
            live__try(live, row, endpoint);
        }
    }
}

static enum exit_code live__run(struct live *live, struct failure *failure_out)
{
    const char *wanted = live->arguments->options[OPTION_ENDPOINT];
    if (!live__ask_all(live, failure_out)) {
        return failure_out->code;
    }
    live->deadline = GetTickCount64() + LIVE_OVERALL;
    live__hold_against_config(live);
    if (wanted != NULL && !live__runs(live, wanted)) {
        char room[LIVE_SUBJECT_ROOM];
        struct text subject;
        text_init(&subject, room, sizeof room);
        text_add_format(&subject, "endpoint %.64s", wanted);
        findings_add(&live->findings, FINDING_LIVE_NO_ENDPOINT, subject.at, NULL);
    }
    live__look_at_endpoints(live);
    live__try_all(live);
    failure_out->code = EXIT_CODE_DONE;
    return findings_code(&live->findings, live->arguments->options[OPTION_STRICT] != NULL);
}

/* It could not be asked: for a program that is the one finding. */
static void live__add_failure(struct live *live, const struct failure *failure)
{
    char room[LIVE_SUBJECT_ROOM];
    struct text subject;
    text_init(&subject, room, sizeof room);
    text_add_format(&subject, "service %s", live__service(live));
    findings_add(&live->findings, FINDING_LIVE_NOT_ASKED, subject.at,
                 FINDING_WORDS({"problem", failure->text}));
}

static void live__print(const struct live *live, struct streams *streams, enum exit_code code)
{
    struct text text;
    text_init_heap(&text);
    if (live->arguments->options[OPTION_JSON] != NULL) {
        struct json object = json_begin(&text, JSON_SPACED, "{");
        json_number(&object, "exit_code", (uint64_t)code);
        json_name(&object, "tries");
        text_add_format(&text, "[%s%s]", live->rows.at, live->tried > 0 ? "\n" : "");
        json_name(&object, "findings");
        text_add_string(&text, "[");
        findings_add_json(&text, &live->findings, false);
        text_add_string(&text, live->findings.count > 0 ? "\n]}\n" : "]}\n");
    } else {
        text_add_string(&text, live->rows.at);
        findings_add_text(&text, &live->findings);
    }
    text.is_cut = text.is_cut || live->rows.is_cut;
    output_text(&streams->out, &text);
    text_fini(&text);
}

enum exit_code check_live_run(const struct arguments *arguments, struct streams *streams)
{
    struct live live = {.arguments = arguments};
    struct failure failure = {.code = EXIT_CODE_FAILED, .text = "Winsock could not be started"};
    enum exit_code code = EXIT_CODE_FAILED;
    machine_init(&live.machine);
    findings_init(&live.findings);
    text_init_heap(&live.rows);
    if (probe_start() == 0) {
        machine_read(&live.machine, MACHINE_ADDRESSES, NULL);
        code = live__run(&live, &failure);
        probe_stop();
    }
    if (failure.code == EXIT_CODE_DONE) {
        live__print(&live, streams, code);
    } else if (arguments->options[OPTION_JSON] != NULL) {
        live__add_failure(&live, &failure);
        live__print(&live, streams, code);
    } else {
        output_failure(&streams->err, &failure);
    }
    text_fini(&live.rows);
    findings_fini(&live.findings);
    machine_fini(&live.machine);
    live_report_fini(&live.report);
    if (live.has_config) {
        loaded_config_close(&live.loaded);
    }
    return code;
}
