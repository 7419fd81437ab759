/* SPDX-License-Identifier: MIT
   What can be said of a configuration on a machine, see finding_endpoints.h. */
#include "diagnosis/finding_endpoints.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "config/config_options.h"
#include "diagnosis/listen_walk.h"
#include "diagnosis/port_ranges.h"

enum { ENDPOINTS_PORT_MAX = 65535 };

/* One item of `listen` that is looked at. */
struct endpoint_view {
    struct findings *findings;
    const struct config *config;
    const struct endpoint_facts *facts;
    const struct listen_walk *item;
};

static void view__add(const struct endpoint_view *view, enum finding_kind kind)
{
    findings_add(view->findings, kind, view->item->subject, FINDING_WORDS({"address", view->item->address}));
}

/* ---- Addresses ---- */

/* Whether an enabled endpoint takes the IPv4 clients of the same ports. */
static bool view__has_ipv4_twin(const struct endpoint_view *view)
{
    for (size_t i = 0; i < view->config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &view->config->endpoints[i];
        for (size_t k = 0; endpoint->is_enabled && k < endpoint->listen_count; k++) {
            const struct config_listen *listen = &endpoint->listen[k];
            if (listen->address.family == 4 && listen->protocol == view->item->listen->protocol &&
                listen->address.port <= view->item->listen->address.port &&
                listen->last_port >= view->item->listen->last_port) {
                return true;
            }
        }
    }
    return false;
}

static void view__look_at_family(const struct endpoint_view *view)
{
    const struct config_listen *listen = view->item->listen;
    if (listen->is_dual_stack) {
        if (!view->facts->has_ipv6) {
            view__add(view, FINDING_IPV6_OFF);
        }
    } else if (listen->address.family == 6 && address_is_any(&listen->address) &&
               !view__has_ipv4_twin(view)) {
        view__add(view, FINDING_IPV6_ONLY);
    }
}

/* ---- Ports ---- */

static void view__add_dynamic(const struct endpoint_view *view, uint32_t first, uint32_t count)
{
    const struct port_span *span = &view->facts->dynamic[view->item->listen->protocol];
    char port[16], from[16], to[16], command[160];
    const unsigned family =
        view->item->listen->address.family == 6 && !view->item->listen->is_dual_stack ? 6U : 4U;
    snprintf(port, sizeof port, "%lu", (unsigned long)first);
    snprintf(from, sizeof from, "%u", (unsigned)span->first);
    snprintf(to, sizeof to, "%u", (unsigned)span->last);
    snprintf(command, sizeof command,
             "netsh interface ipv%u add excludedportrange protocol=%s startport=%lu numberofports=%lu "
             "store=persistent",
             family, view->item->listen->protocol == CONFIG_TCP ? "tcp" : "udp", (unsigned long)first,
             (unsigned long)count);
    findings_add(view->findings, FINDING_PORT_DYNAMIC, view->item->subject,
                 FINDING_WORDS({"port", port}, {"first", from}, {"last", to}, {"command", command}));
}

/* Those of the item that are in the span and that nobody has reserved by hand. */
static void view__look_at_ports(const struct endpoint_view *view)
{
    const struct config_listen *listen = view->item->listen;
    const struct port_span *span = &view->facts->dynamic[listen->protocol];
    uint32_t first = 0, count = 0;
    for (uint32_t port = listen->address.port; port <= listen->last_port; port++) {
        const bool is_dynamic = port >= span->first && port <= span->last && span->first != 0;
        if (is_dynamic && port_ranges_find_administered(view->facts->machine, listen->protocol, 0,
                                                        (uint16_t)port) == NULL) {
            first = count == 0 ? port : first;
            count++;
        }
    }
    if (count > 0) {
        view__add_dynamic(view, first, count);
    }
}

/* A number at the end of the line; the words before it are in any language. */
static bool port_span__number(const char *at, size_t length, uint32_t *value_out)
{
    while (length > 0 && (at[length - 1] == '\r' || at[length - 1] == ' ')) {
        length--;
    }
    size_t begin = length;
    while (begin > 0 && at[begin - 1] >= '0' && at[begin - 1] <= '9') {
        begin--;
    }
    if (begin == length || length - begin > 5 || begin == 0 || memchr(at, ':', begin) == NULL) {
        return false;
    }
    for (*value_out = 0; begin < length; begin++) {
        *value_out = *value_out * 10 + (uint32_t)(at[begin] - '0');
    }
    return true;
}

bool port_span_parse(const char *at, size_t length, struct port_span *span_out)
{
    uint32_t values[2] = {0, 0};
    size_t count = 0;
    while (length > 0) {
        const char *end = memchr(at, '\n', length);
        const size_t line = end != NULL ? (size_t)(end - at) : length;
        uint32_t value = 0;
        if (port_span__number(at, line, &value)) {
            values[count < 2 ? count : 1] = value;
            count++;
        }
        at += line + (end != NULL);
        length -= line + (end != NULL);
    }
    if (count != 2 || values[0] == 0 || values[1] == 0 || values[0] + values[1] - 1 > ENDPOINTS_PORT_MAX) {
        return false;
    }
    *span_out = (struct port_span){(uint16_t)values[0], (uint16_t)(values[0] + values[1] - 1)};
    return true;
}

/* ---- Answers over UDP ---- */

static bool view__is_handler(const struct endpoint_view *view, const char *name)
{
    const char *handler = view->item->endpoint->handler;
    return text_equal(handler, strlen(handler), name);
}

static void view__look_at_answers(const struct endpoint_view *view)
{
    const struct config_options *options = view->item->endpoint->options.options;
    if (view->item->listen->protocol != CONFIG_UDP || view->item->endpoint->allow.count > 0 ||
        address_is_loopback(&view->item->listen->address)) {
        return;
    }
    if (options != NULL && (options->handler->flags & PL_RELAY) != 0) {
        view__add(view, FINDING_OPEN_RELAY);
    } else if (view->item->endpoint->reply_limit == 0 && !view__is_handler(view, "discard")) {
        view__add(view, FINDING_OPEN_REFLECTOR);
    } else if (view__is_handler(view, "echo")) {
        view__add(view, FINDING_OPEN_ECHO);
    }
}

/* ---- All ---- */

void finding_endpoints_add(struct findings *findings, const struct config *config,
                           const struct endpoint_facts *facts)
{
    struct listen_walk walk;
    for (listen_walk_begin(&walk, config); listen_walk_next(&walk);) {
        const struct endpoint_view view = {
            .findings = findings, .config = config, .facts = facts, .item = &walk};
        view__look_at_family(&view);
        view__look_at_ports(&view);
        view__look_at_answers(&view);
    }
}
