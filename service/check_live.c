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
    LIVE_OVERALL = 20000, /* for all of them */
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

static bool live__ask(struct live *live, struct failure *failure_out)
{
    static const char *const words[] = {"status", "--metrics"};
    const char *service = live->arguments->options[OPTION_SERVICE];
    struct control_client client;
    struct text request, metrics;
    enum exit_code code = EXIT_CODE_FAILED;
    bool is_read = false;
    text_init_heap(&request);
    text_init_heap(&metrics);
    if (control_request_add(&request, words, sizeof words / sizeof words[0]) &&
        control_client_open(&client, service != NULL ? service : "PortListener", NULL, failure_out)) {
        is_read = control_client_ask(&client, &request, live__take, &metrics, &code, failure_out);
        control_client_close(&client);
        if (is_read &&
            (code != EXIT_CODE_DONE || metrics.is_cut || !live_report_read(metrics.at, &live->report))) {
            *failure_out = (struct failure){.code = EXIT_CODE_FAILED,
                                            .text = "the service does not tell what it listens on"};
            is_read = false;
        }
    }
    text_fini(&request);
    text_fini(&metrics);
    return is_read;
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

static const struct config_endpoint *live__config_of(const struct live *live, const char *name)
{
    const struct config *config = live->has_config ? live->loaded.config : NULL;
    for (size_t i = 0; config != NULL && i < config->endpoint_count; i++) {
        if (config->endpoints[i].is_enabled &&
            text_equal(config->endpoints[i].name, strlen(config->endpoints[i].name), name)) {
            return &config->endpoints[i];
        }
    }
    return NULL;
}

static void live__probe(struct live *live, const struct live_address *row, struct probe *probe,
                        const char *handler)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text to;
    const uint64_t now = GetTickCount64();
    const uint64_t left = live->deadline > now ? live->deadline - now : 0;
    probe->limit = left < LIVE_LIMIT ? (uint32_t)left : LIVE_LIMIT;
    text_init(&to, room, sizeof room);
    address_add_with_port(&to, &probe->address);
    probe_run(probe);
    live__add_row(live, row, to.at, live__outcome(probe->outcome), probe->took);
    live__tell(live, row, probe, handler);
}

/* Without a configuration that has the endpoint nothing is known of its handler and its lists. */
static void live__try(struct live *live, const struct live_address *row)
{
    static const struct config_endpoint unknown = {.listen_count = 0};
    const struct config_endpoint *endpoint = live__config_of(live, row->endpoint);
    const char *handler = endpoint != NULL ? endpoint->handler : "";
    struct config_listen listens[2];
    struct config_fault fault;
    struct probe probe = {.limit = 0};
    if (config_listen_parse(row->address, strlen(row->address), listens, &fault) != 1) {
        return;
    }
    probe.protocol = listens[0].protocol;
    if (endpoint == NULL) {
        live__find(live, FINDING_LIVE_OLD, row, NULL);
    } else if (endpoint->proxy_protocol != CONFIG_PROXY_OFF) {
        live__add_row(live, row, NULL, "proxies only", 0);
        live__find(live, FINDING_LIVE_PROXY, row, NULL);
        return;
    }
    const bool may = live_target(endpoint != NULL ? endpoint : &unknown, &listens[0].address,
                                 listens[0].is_dual_stack, &live->machine, &probe.address);
    if (!may) {
        char room[ADDRESS_TEXT_ROOM];
        struct text text;
        text_init(&text, room, sizeof room);
        address_add(&text, &probe.address);
        live__add_row(live, row, NULL, "denied", 0);
        live__find(live, FINDING_LIVE_DENIED, row, FINDING_WORDS({"address", text.at}));
        return;
    }
    if (!live_script_of(handler, probe.protocol, &probe.script)) {
        live__add_row(live, row, NULL, "bound", 0); /* UDP: it does not answer */
        return;
    }
    live__probe(live, row, &probe, handler);
}

/* ---- All ---- */

static bool live__is_wanted(const struct live *live, const char *name)
{
    const char *wanted = live->arguments->options[OPTION_ENDPOINT];
    return wanted == NULL || text_equal(name, strlen(name), wanted);
}

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
        const struct live_endpoint *endpoint = live_endpoint_find(&live->report, row->endpoint);
        if (!live__is_wanted(live, row->endpoint)) {
            continue;
        }
        if (live->report.is_paused || endpoint->is_paused) {
            live__add_row(live, row, NULL, "paused", 0);
        } else if (endpoint->waiting > 0 && !row->is_armed) {
            live__add_row(live, row, NULL, "not bound", 0);
        } else {
            live__try(live, row);
        }
    }
}

static enum exit_code live__run(struct live *live, struct failure *failure_out)
{
    const char *wanted = live->arguments->options[OPTION_ENDPOINT];
    if (!live__ask(live, failure_out)) {
        return failure_out->code;
    }
    live__look_at_endpoints(live);
    live__try_all(live);
    if (wanted != NULL && live->tried == 0 && live->findings.count == 0) {
        *failure_out = (struct failure){.code = EXIT_CODE_FAILED};
        struct text text;
        text_init(&text, failure_out->text, sizeof failure_out->text);
        text_add_format(&text, "the running service has no endpoint %.64s", wanted);
        return EXIT_CODE_FAILED;
    }
    failure_out->code = EXIT_CODE_DONE;
    return findings_code(&live->findings, false);
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
    struct live live = {.arguments = arguments, .deadline = GetTickCount64() + LIVE_OVERALL};
    struct failure failure = {.code = EXIT_CODE_FAILED, .text = "Winsock could not be started"};
    if (probe_start() != 0) {
        return output_failure(&streams->err, &failure);
    }
    live.has_config = loaded_config_open(&live.loaded, arguments, LOADED_CONFIG_ALL, &failure);
    machine_init(&live.machine);
    findings_init(&live.findings);
    text_init_heap(&live.rows);
    machine_read(&live.machine, MACHINE_ADDRESSES, NULL);
    failure.code = EXIT_CODE_DONE;
    const enum exit_code code = live__run(&live, &failure);
    if (failure.code != EXIT_CODE_DONE) {
        output_failure(&streams->err, &failure);
    } else {
        live__print(&live, streams, code);
    }
    text_fini(&live.rows);
    findings_fini(&live.findings);
    machine_fini(&live.machine);
    live_report_fini(&live.report);
    if (live.has_config) {
        loaded_config_close(&live.loaded);
    }
    probe_stop();
    return code;
}
