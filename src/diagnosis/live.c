/* SPDX-License-Identifier: MIT
   What is tried of a running service, see live.h. */
#include "diagnosis/live.h"

#include <string.h>

#include "base/address.h"
#include "base/address_prefix.h"
#include "base/memory.h"

/* ---- What the service has ---- */

/* The value of a label of this line, into `room`; false: there is none, or it is too long to be one of ours. */
static bool live__label(const char *line, size_t length, const char *name, char *room, size_t size)
{
    const size_t name_length = strlen(name);
    for (size_t i = 0; i + name_length + 2 < length; i++) {
        if (memcmp(line + i, name, name_length) == 0 && memcmp(line + i + name_length, "=\"", 2) == 0 &&
            i > 0 && (line[i - 1] == '{' || line[i - 1] == ',')) {
            const char *value = line + i + name_length + 2;
            const char *end = memchr(value, '"', length - (size_t)(value - line));
            if (end == NULL || (size_t)(end - value) >= size) {
                return false;
            }
            memcpy(room, value, (size_t)(end - value));
            room[end - value] = '\0';
            return true;
        }
    }
    return false;
}

/* The number at its end. */
static unsigned live__value(const char *line, size_t length)
{
    unsigned value = 0;
    size_t begin = length;
    while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9') {
        begin--;
    }
    for (; begin < length; begin++) {
        value = value * 10 + (unsigned)(line[begin] - '0');
    }
    return value;
}

static bool live__begins(const char *line, size_t length, const char *lead)
{
    return length > strlen(lead) && memcmp(line, lead, strlen(lead)) == 0;
}

static struct live_endpoint *live__endpoint(struct live_report *report, const char *name)
{
    struct live_endpoint *rows = report->endpoints.at;
    for (size_t i = 0; i < report->endpoints.count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    struct live_endpoint *row = machine_rows_next(&report->endpoints, sizeof *row);
    if (row != NULL) {
        report->endpoints.count++;
        memcpy(row->name, name, strlen(name) + 1);
    }
    return row;
}

static bool live__take_address(struct live_report *report, const char *name, const char *line, size_t length)
{
    char room[LIVE_ADDRESS_ROOM];
    if (!live__label(line, length, "address", room, sizeof room)) {
        return true;
    }
    struct live_address *row = machine_rows_next(&report->addresses, sizeof *row);
    if (row != NULL) {
        report->addresses.count++;
        memcpy(row->endpoint, name, strlen(name) + 1);
        memcpy(row->address, room, sizeof room);
        row->is_armed = live__value(line, length) > 0;
    }
    return row != NULL;
}

static bool live__take(struct live_report *report, const char *line, size_t length)
{
    char name[LIVE_NAME_ROOM];
    if (live__begins(line, length, "portlistener_paused ")) {
        report->is_paused = live__value(line, length) != 0;
        return true;
    }
    const bool is_paused = live__begins(line, length, "portlistener_endpoint_paused{");
    const bool is_waiting = live__begins(line, length, "portlistener_listeners{");
    const bool is_armed = live__begins(line, length, "portlistener_listener_armed{");
    if ((!is_paused && !is_waiting && !is_armed) ||
        !live__label(line, length, "endpoint", name, sizeof name)) {
        return true;
    }
    struct live_endpoint *endpoint = live__endpoint(report, name);
    if (endpoint != NULL && is_paused) {
        endpoint->is_paused = live__value(line, length) != 0;
    } else if (endpoint != NULL && is_waiting) {
        char state[16];
        const bool is_it =
            live__label(line, length, "state", state, sizeof state) && strcmp(state, "waiting") == 0;
        endpoint->waiting += is_it ? live__value(line, length) : 0;
    }
    return endpoint != NULL && (!is_armed || live__take_address(report, name, line, length));
}

bool live_report_read(const char *metrics, struct live_report *report_out)
{
    *report_out = (struct live_report){.is_paused = false};
    bool is_done = true;
    while (is_done && *metrics != '\0') {
        const size_t length = strcspn(metrics, "\n");
        is_done = live__take(report_out, metrics, length);
        metrics += length + (metrics[length] == '\n');
    }
    return is_done;
}

/* ---- Whom it serves ---- */

static bool live__take_prefix(struct machine_rows *list, const char *at, size_t length)
{
    struct address_prefix prefix;
    struct address_prefix *row = address_prefix_parse(at, length, &prefix) == ADDRESS_PREFIX_OK
                                     ? machine_rows_next(list, sizeof *row)
                                     : NULL;
    if (row != NULL) {
        *row = prefix;
        list->count++;
    }
    return row != NULL;
}

/* The value of a line "KEY VALUE"; NULL: it has another key. */
static const char *live__value_of(const char *line, size_t length, const char *lead)
{
    return live__begins(line, length, lead) ? line + strlen(lead) : NULL;
}

static bool live__take_access(struct live_endpoint *endpoint, const char *line, size_t length)
{
    const char *end = line + length, *value;
    if ((value = live__value_of(line, length, "handler ")) != NULL) {
        endpoint->has_access = (size_t)(end - value) < sizeof endpoint->handler;
        memcpy(endpoint->handler, value, endpoint->has_access ? (size_t)(end - value) : 0);
        return endpoint->has_access;
    }
    if ((value = live__value_of(line, length, "allow ")) != NULL) {
        return live__take_prefix(&endpoint->allow, value, (size_t)(end - value));
    }
    if ((value = live__value_of(line, length, "deny ")) != NULL) {
        return live__take_prefix(&endpoint->deny, value, (size_t)(end - value));
    }
    endpoint->is_proxied = endpoint->is_proxied || live__begins(line, length, "proxied ");
    return true;
}

/* NULL: no memory, or no name of ours. */
static struct live_endpoint *live__endpoint_of_line(struct live_report *report, const char *at, size_t length)
{
    char name[LIVE_NAME_ROOM] = "";
    if (length >= sizeof name) {
        return NULL;
    }
    memcpy(name, at, length);
    return live__endpoint(report, name);
}

bool live_report_read_access(const char *lines, struct live_report *report)
{
    struct live_endpoint *endpoint = NULL;
    bool is_done = true;
    while (is_done && *lines != '\0') {
        const size_t length = strcspn(lines, "\n");
        const char *name = live__value_of(lines, length, "endpoint ");
        if (name != NULL) {
            endpoint = live__endpoint_of_line(report, name, length - (size_t)(name - lines));
        }
        is_done = endpoint != NULL && (name != NULL || live__take_access(endpoint, lines, length));
        lines += length + (lines[length] == '\n');
    }
    return is_done;
}

void live_config(struct live_endpoint *endpoint, struct config_endpoint *config_out)
{
    *config_out = (struct config_endpoint){.handler = endpoint->handler,
                                           .allow = {endpoint->allow.at, endpoint->allow.count},
                                           .deny = {endpoint->deny.at, endpoint->deny.count},
                                           .proxy_protocol =
                                               endpoint->is_proxied ? CONFIG_PROXY_BOTH : CONFIG_PROXY_OFF};
}

static bool live__is_same(const struct config_prefixes *a, const struct config_prefixes *b)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++) {
        is_same = a->at[i].length == b->at[i].length && address_equal(&a->at[i].address, &b->at[i].address);
    }
    return is_same;
}

bool live_is_as(const struct config_endpoint *running, const struct config_endpoint *endpoint)
{
    return text_equal(running->handler, strlen(running->handler), endpoint->handler) &&
           (running->proxy_protocol == CONFIG_PROXY_OFF) == (endpoint->proxy_protocol == CONFIG_PROXY_OFF) &&
           live__is_same(&running->allow, &endpoint->allow) && live__is_same(&running->deny, &endpoint->deny);
}

void live_report_fini(struct live_report *report)
{
    struct live_endpoint *endpoints = report->endpoints.at;
    for (size_t i = 0; i < report->endpoints.count; i++) {
        memory_free(endpoints[i].allow.at);
        memory_free(endpoints[i].deny.at);
    }
    memory_free(report->addresses.at);
    memory_free(report->endpoints.at);
    *report = (struct live_report){.is_paused = false};
}

const struct live_address *live_address_at(const struct live_report *report, size_t index)
{
    return (const struct live_address *)report->addresses.at + index;
}

struct live_endpoint *live_endpoint_find(const struct live_report *report, const char *name)
{
    struct live_endpoint *rows = report->endpoints.at;
    for (size_t i = 0; i < report->endpoints.count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- Which address ---- */

static bool live__has(const struct config_prefixes *prefixes, const struct pl_address *client)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        struct address_prefix lying = {.address = *client, .length = prefixes->at[i].length};
        lying.address.port = 0;
        lying.address.scope = 0;
        if (client->family == prefixes->at[i].address.family) {
            address_prefix_clear(&lying);
            if (address_equal(&lying.address, &prefixes->at[i].address)) {
                return true;
            }
        }
    }
    return false;
}

/* Whoever connects to an address of this machine from this machine comes from that address. */
static bool live__may(const struct config_endpoint *endpoint, const struct pl_address *client)
{
    return !live__has(&endpoint->deny, client) &&
           (endpoint->allow.count == 0 || live__has(&endpoint->allow, client));
}

bool live_target(const struct config_endpoint *endpoint, const struct pl_address *bound, bool is_dual_stack,
                 const struct machine *machine, struct pl_address *target_out)
{
    struct pl_address loopback = {.family = 4, .ip = {127, 0, 0, 1}};
    *target_out = *bound;
    if (!address_is_any(bound)) {
        return live__may(endpoint, bound);
    }
    if (bound->family == 6 && !is_dual_stack) {
        loopback = (struct pl_address){.family = 6, .ip = {[15] = 1}};
    }
    loopback.port = bound->port;
    *target_out = loopback;
    if (live__may(endpoint, &loopback)) {
        return true;
    }
    for (size_t i = 0; i < machine->addresses.count; i++) {
        const struct machine_address *row = machine_address_at(machine, i);
        if (row->state == ADDRESS_USABLE && (is_dual_stack || row->address.family == bound->family) &&
            live__may(endpoint, &row->address)) {
            *target_out = row->address;
            target_out->port = bound->port;
            return true;
        }
    }
    return false;
}

/* ---- What handlers answer ---- */

#define LIVE_LINE "PortListener check\r\n"

/* Long enough for an answer that must not be longer. */
static const char live__padding[512] = {' '};

bool live_script_of(const char *handler, enum config_protocol protocol, struct live_script *script_out)
{
    static const char *const talkers[] = {"daytime", "time", "qotd", "chargen"};
    const size_t length = strlen(handler);
    *script_out = (struct live_script){.send = NULL};
    if (text_equal(handler, length, "echo")) {
        *script_out = (struct live_script){LIVE_LINE, sizeof LIVE_LINE - 1, LIVE_SAME};
        return true;
    }
    for (size_t i = 0; i < sizeof talkers / sizeof talkers[0]; i++) {
        if (text_equal(handler, length, talkers[i])) {
            if (protocol == CONFIG_UDP) {
                script_out->send = live__padding;
                script_out->length = sizeof live__padding;
            }
            script_out->expects = LIVE_ANYTHING;
            return true;
        }
    }
    if (protocol == CONFIG_TCP && text_equal(handler, length, "banner")) {
        script_out->expects = LIVE_ANYTHING;
    } else if (protocol == CONFIG_TCP && text_equal(handler, length, "discard")) {
        *script_out = (struct live_script){LIVE_LINE, sizeof LIVE_LINE - 1, LIVE_NOTHING};
    }
    return protocol == CONFIG_TCP;
}
