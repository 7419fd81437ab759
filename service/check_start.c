/* SPDX-License-Identifier: MIT
   A start that is only tried: handlers, binds, and what can be said of endpoints on this machine; see check.h. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "diagnosis/finding_binds.h"
#include "diagnosis/finding_endpoints.h"
#include "diagnosis/machine_reader.h"
#include "rehearsal.h"

enum { CHECK_BINDS_SHOWN = 20, CHECK_SUBJECT_ROOM = 128 };

/* What a bind needs to be explained that takes its time: read when it is needed first. */
static void check__read_ranges(struct check *check)
{
    if ((check->machine.known & MACHINE_RANGES) == 0 && check->machine.ranges.count == 0 &&
        range_reader_read(&check->machine, NULL)) {
        check->machine.known |= MACHINE_RANGES;
    }
}

static void check__handlers(const struct check *check, const struct rehearsal *rehearsal)
{
    for (size_t i = 0; i < check->config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &check->config->endpoints[i];
        char room[CHECK_SUBJECT_ROOM];
        struct text subject;
        struct failure failure;
        text_init(&subject, room, sizeof room);
        text_add_format(&subject, "endpoint %s", endpoint->name);
        if (endpoint->is_enabled && endpoint->options.options != NULL &&
            !rehearsal_handler(rehearsal, check->config, endpoint, &failure)) {
            findings_add(check->findings, FINDING_HANDLER_REFUSES, subject.at,
                         FINDING_WORDS({"problem", failure.text}));
        }
    }
}

/* Whether the running service has it: so the system says, or, where that does not tell whose a socket is, the service. */
static bool check__is_bound(struct check *check, const struct bind_question *question)
{
    return finding_binds_is_held_by(&check->machine, question, check->pid) || check_own_has(check, question);
}

/* What the running service has counts as bound. True: it cannot be bound. */
static bool check__bind(struct check *check, const struct rehearsal *rehearsal, const char *endpoint,
                        const struct config_listen *listen, uint16_t port, bool is_shown)
{
    struct bind_question question;
    rehearsal_bind(rehearsal, listen, port, &question);
    if (question.error == 0) {
        return false;
    }
    if (check__is_bound(check, &question)) {
        check->bound++;
        return false;
    }
    if (is_shown) {
        if ((bind_cause_parts(&question) & MACHINE_RANGES) != 0) {
            check__read_ranges(check);
        }
        finding_binds_add(check->findings, &check->machine, endpoint, &question);
    }
    return true;
}

static void check__tell_bound(const struct check *check)
{
    char room[300], pid[16], count[24];
    struct text subject;
    text_init(&subject, room, sizeof room);
    text_add_string(&subject, "service ");
    text_add_escaped(&subject, check->service, strlen(check->service));
    snprintf(pid, sizeof pid, "%lu", (unsigned long)check->pid);
    snprintf(count, sizeof count, "%zu", check->bound);
    findings_add(check->findings, FINDING_SERVICE_BOUND, subject.at,
                 FINDING_WORDS({"pid", pid}, {"count", count}));
}

static void check__binds(struct check *check, const struct rehearsal *rehearsal)
{
    size_t failed = 0;
    for (size_t i = 0; i < check->config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &check->config->endpoints[i];
        for (size_t k = 0; endpoint->is_enabled && k < endpoint->listen_count; k++) {
            const struct config_listen *listen = &endpoint->listen[k];
            for (uint32_t port = listen->address.port; port <= listen->last_port; port++) {
                failed += check__bind(check, rehearsal, endpoint->name, listen, (uint16_t)port,
                                      failed < CHECK_BINDS_SHOWN);
            }
        }
    }
    if (failed > CHECK_BINDS_SHOWN) {
        char count[24];
        snprintf(count, sizeof count, "%zu", failed - CHECK_BINDS_SHOWN);
        findings_add(check->findings, FINDING_BIND_MANY, check->config->file,
                     FINDING_WORDS({"count", count}));
    }
    if (check->bound > 0) {
        check__tell_bound(check);
    }
}

static bool check__has(const struct config *config, enum config_protocol protocol,
                       const struct port_span *span)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        for (size_t k = 0; endpoint->is_enabled && k < endpoint->listen_count; k++) {
            const struct config_listen *listen = &endpoint->listen[k];
            if (listen->protocol == protocol && (span == NULL || listen->last_port >= span->first)) {
                return true;
            }
        }
    }
    return false;
}

static void check__endpoints(struct check *check, const struct rehearsal *rehearsal)
{
    struct endpoint_facts facts = {.machine = &check->machine, .has_ipv6 = rehearsal_has_ipv6(rehearsal)};
    for (int protocol = CONFIG_TCP; protocol <= CONFIG_UDP; protocol++) {
        struct port_span *span = &facts.dynamic[protocol];
        if (check__has(check->config, (enum config_protocol)protocol, NULL)) {
            range_reader_read_dynamic((enum config_protocol)protocol, span);
        }
        if (span->first != 0 && check__has(check->config, (enum config_protocol)protocol, span)) {
            check__read_ranges(check); /* one that is reserved by hand is safe */
        }
    }
    finding_endpoints_add(check->findings, check->config, &facts);
}

void check_start(struct check *check)
{
    struct failure failure;
    struct rehearsal *rehearsal = rehearsal_create(&failure);
    if (rehearsal == NULL) {
        findings_add(check->findings, FINDING_HANDLER_REFUSES, "Winsock",
                     FINDING_WORDS({"problem", failure.text}));
        return;
    }
    check__handlers(check, rehearsal);
    check__binds(check, rehearsal);
    check__endpoints(check, rehearsal);
    rehearsal_destroy(rehearsal);
}
