/* SPDX-License-Identifier: MIT
   Checks of the whole configuration, see config_check.h. */
#include "config/config_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_keys.h"
#include "config/config_listen.h"
#include "config/config_options.h"
#include "config/config_problems.h"
#include "config/config_value.h"

enum { CONFIG_CHECK_NAME_ROOM = 288, CONFIG_CHECK_HANDLERS_ROOM = 512 };

const struct pl_handler *config_check_find_handler(const struct pl_handler *const *handlers, const char *at,
                                                   size_t length)
{
    while (*handlers != NULL && !text_equal(at, length, (*handlers)->name)) {
        handlers++;
    }
    return *handlers;
}

void config_check_add_handlers(struct text *text, const struct pl_handler *const *handlers)
{
    for (size_t i = 0; handlers[i] != NULL; i++) {
        text_add_string(text, i > 0 ? ", " : "");
        text_add_string(text, handlers[i]->name);
    }
}

/* The name in quotes; `room` has CONFIG_CHECK_NAME_ROOM bytes. */
static const char *config_check__quoted(const struct config_endpoint *endpoint, char *room)
{
    struct text text;
    text_init(&text, room, CONFIG_CHECK_NAME_ROOM);
    config_value_add_quoted(&text, endpoint->name, strlen(endpoint->name));
    return room;
}

/* ---- each endpoint by itself ---- */

/* The origin of the key `name`. */
static const struct config_origin *config_check__origin(const struct config_endpoint *endpoint,
                                                        const char *name)
{
    const struct config_key *key = config_keys_find(&config_keys_endpoint, name, strlen(name));
    return &endpoint->origins[key - config_keys_endpoint.keys];
}

static bool config_check__is_given(const struct config_endpoint *endpoint, const char *name)
{
    return config_check__origin(endpoint, name)->line != 0;
}

static void config_check__required(const struct config_endpoint *endpoint,
                                   const struct pl_handler *const *handlers, struct config_problems *problems)
{
    char room[CONFIG_CHECK_NAME_ROOM];
    if (!config_check__is_given(endpoint, "listen")) {
        config_problems_error(
            problems, endpoint->line, 1,
            "endpoint %s has no listen; write where it shall listen, such as listen = tcp://*:8080",
            config_check__quoted(endpoint, room));
    }
    if (!config_check__is_given(endpoint, "handler")) {
        char names_room[CONFIG_CHECK_HANDLERS_ROOM];
        struct text names;
        text_init(&names, names_room, sizeof names_room);
        config_check_add_handlers(&names, handlers);
        config_problems_error(problems, endpoint->line, 1,
                              "endpoint %s has no handler; write handler = NAME with one of %s",
                              config_check__quoted(endpoint, room), names_room);
    }
}

/* NULL: it has none, which is told already. */
static const struct pl_handler *config_check__handler(const struct config_endpoint *endpoint)
{
    return endpoint->options.options != NULL ? endpoint->options.options->handler : NULL;
}

static void config_check__protocols(const struct config_endpoint *endpoint, struct config_problems *problems)
{
    const struct pl_handler *handler = config_check__handler(endpoint);
    if (handler == NULL) {
        return;
    }
    for (size_t i = 0; i < endpoint->listen_count; i++) {
        const struct config_listen *listen = &endpoint->listen[i];
        const bool is_tcp = listen->protocol == CONFIG_TCP;
        const bool is_other_half =
            i > 0 && listen->column == endpoint->listen[i - 1].column; /* of localhost */
        if (!is_other_half && (handler->flags & (is_tcp ? PL_TCP : PL_UDP)) == 0) {
            config_problems_error(
                problems, listen->line, listen->column,
                "listen: the handler %s does not take %s; write %s, or choose another handler", handler->name,
                is_tcp ? "TCP" : "UDP", is_tcp ? "udp://" : "tcp://");
        }
    }
}

static bool config_check__has_clients(const struct config_endpoint *endpoint, uint16_t family)
{
    for (size_t i = 0; i < endpoint->listen_count; i++) {
        const struct config_listen *listen = &endpoint->listen[i];
        if (listen->is_dual_stack || listen->address.family == family) {
            return true;
        }
    }
    return false;
}

/* Whether a client that the endpoint can have at all may lie in one of the networks. */
static bool config_check__reaches(const struct config_endpoint *endpoint,
                                  const struct config_prefixes *prefixes)
{
    const bool has_ipv4 = config_check__has_clients(endpoint, 4);
    const bool has_ipv6 = config_check__has_clients(endpoint, 6);
    for (size_t i = 0; i < prefixes->count; i++) {
        if (prefixes->at[i].address.family == 4 ? has_ipv4 : has_ipv6) {
            return true;
        }
    }
    return false;
}

/* Networks of the one family where all clients are of the other. A list of [defaults] may be meant for other
   endpoints; when it allows nobody here, that is told nevertheless. */
static void config_check__access(const struct config_endpoint *endpoint, const char *name,
                                 const struct config_prefixes *prefixes, struct config_problems *problems)
{
    const struct config_origin *origin = config_check__origin(endpoint, name);
    const bool is_allow = prefixes == &endpoint->allow;
    char room[CONFIG_CHECK_NAME_ROOM];
    if (endpoint->listen_count == 0 || prefixes->count == 0 || (origin->is_shared && !is_allow) ||
        config_check__reaches(endpoint, prefixes)) {
        return;
    }
    const bool is_ipv4 = config_check__has_clients(endpoint, 4);
    const char *family = is_ipv4 ? "IPv4" : "IPv6";
    config_problems_warning(
        problems, origin->line, origin->column,
        "%s: endpoint %s listens on %s only, and no item is %s, so %s client is denied; write "
        "networks such as %s",
        name, config_check__quoted(endpoint, room), family, family, is_allow ? "every" : "no",
        is_ipv4 ? "192.0.2.0/24" : "2001:db8::/32");
}

static bool config_check__takes(const struct config_endpoint *endpoint, enum config_protocol protocol)
{
    for (size_t i = 0; i < endpoint->listen_count; i++) {
        if (endpoint->listen[i].protocol == protocol) {
            return true;
        }
    }
    return false;
}

/* A key of the endpoint itself that does nothing without another one. Those of [defaults] may be for others. */
static void config_check__idle_key(const struct config_endpoint *endpoint, const char *name,
                                   const char *other, const char *example, struct config_problems *problems)
{
    const struct config_origin *origin = config_check__origin(endpoint, name);
    if (origin->line != 0 && !origin->is_shared) {
        config_problems_warning(problems, origin->line, origin->column,
                                "%s: without %s it does nothing; write %s as well, or remove the line", name,
                                other, example);
    }
}

static void config_check__no_proxies(const struct config_endpoint *endpoint, struct config_problems *problems)
{
    if (endpoint->trusted_proxies.count > 0) {
        config_check__idle_key(endpoint, "trusted_proxies", "proxy_protocol",
                               "proxy_protocol = v2 (or v1, or both)", problems);
    }
}

/* Keys of TCP where there are only UDP addresses, and the other way round. */
static void config_check__scopes(const struct config_endpoint *endpoint, struct config_problems *problems)
{
    const bool takes_tcp = config_check__takes(endpoint, CONFIG_TCP);
    const bool takes_udp = config_check__takes(endpoint, CONFIG_UDP);
    const enum config_scope idle = takes_tcp ? CONFIG_SCOPE_UDP : CONFIG_SCOPE_TCP;
    for (size_t i = 0; i < config_keys_endpoint.count && takes_tcp != takes_udp; i++) {
        if (config_keys_endpoint.keys[i].scope == idle && endpoint->origins[i].line != 0) {
            config_check__idle_key(endpoint, config_keys_endpoint.keys[i].name,
                                   takes_tcp ? "a udp:// address in listen" : "a tcp:// address in listen",
                                   "one", problems);
        }
    }
}

/* Keys of TCP that do nothing without another one. */
static void config_check__companions(const struct config_endpoint *endpoint, struct config_problems *problems)
{
    if (!config_check__takes(endpoint, CONFIG_TCP)) {
        return; /* told already, by their scope */
    }
    if (endpoint->accept_rate == 0 && endpoint->accept_burst != 0) {
        config_check__idle_key(endpoint, "accept_burst", "accept_rate", "accept_rate = 100", problems);
    }
    if (!endpoint->keepalive) {
        config_check__idle_key(endpoint, "keepalive_time", "keepalive", "keepalive = yes", problems);
        config_check__idle_key(endpoint, "keepalive_interval", "keepalive", "keepalive = yes", problems);
    }
    if (endpoint->proxy_protocol == CONFIG_PROXY_OFF) {
        config_check__idle_key(endpoint, "proxy_timeout", "proxy_protocol",
                               "proxy_protocol = v2 (or v1, or both)", problems);
    }
}

static void config_check__no_access_log(const struct config_endpoint *endpoint,
                                        struct config_problems *problems)
{
    if (endpoint->access_log) {
        config_check__idle_key(endpoint, "access_log", "access_log in [service]",
                               "access_log = logs\\access.log there", problems);
    }
}

/* The rate itself raises it to a fifth, see accept_rate.h. What [defaults] alone decides is told there, once. */
static void config_check__burst(const struct config_endpoint *endpoint, bool is_defaults,
                                struct config_problems *problems)
{
    const struct config_origin *burst = config_check__origin(endpoint, "accept_burst");
    const struct config_origin *rate = config_check__origin(endpoint, "accept_rate");
    const struct config_origin *place = burst->is_shared && !rate->is_shared ? rate : burst;
    const uint32_t least = (endpoint->accept_rate + CONFIG_BURST_PART - 1) / CONFIG_BURST_PART;
    if (endpoint->accept_burst != 0 && endpoint->accept_burst < least && place->is_shared == is_defaults) {
        config_problems_warning(
            problems, place->line, place->column,
            "accept_burst: %lu is less than a fifth of accept_rate and counts as %lu; write "
            "accept_burst = %lu or more",
            (unsigned long)endpoint->accept_burst, (unsigned long)least, (unsigned long)least);
    }
}

/* Told in the endpoint, also when [defaults] says so: the remedy is the endpoint's. */
static void config_check__proxies(const struct config_endpoint *endpoint, struct config_problems *problems)
{
    const struct config_origin *origin = config_check__origin(endpoint, "proxy_protocol");
    const uint32_t line = origin->is_shared ? endpoint->line : origin->line;
    const uint32_t column = origin->is_shared ? 1 : origin->column;
    if (endpoint->trusted_proxies.count == 0) {
        config_problems_error(problems, line, column,
                              "proxy_protocol: nobody could connect, for no proxy is trusted; write "
                              "trusted_proxies = ADDRESS with the addresses of the proxies");
    }
    if (endpoint->proxy_protocol == CONFIG_PROXY_V1 && config_check__takes(endpoint, CONFIG_UDP)) {
        config_problems_error(problems, line, column,
                              "proxy_protocol: version 1 has no form for UDP, which this endpoint takes; "
                              "write v2 or both");
    }
}

/* An answer would be longer than its question: no limit but none allows it. */
static void config_check__empty_questions(const struct config_endpoint *endpoint,
                                          struct config_problems *problems)
{
    const struct pl_handler *handler = config_check__handler(endpoint);
    if (handler == NULL || (handler->flags & PL_ASKED_EMPTY) == 0 || endpoint->reply_limit == 0 ||
        !config_check__takes(endpoint, CONFIG_UDP)) {
        return;
    }
    const struct config_origin *origin = config_check__origin(endpoint, "reply_limit");
    const bool is_own = origin->line != 0 && !origin->is_shared;
    config_problems_warning(
        problems, is_own ? origin->line : endpoint->line, is_own ? origin->column : 1,
        "reply_limit: clients of %s ask over UDP with empty datagrams, which stay without "
        "an answer; write reply_limit = 0, and allow = NETWORK with those who may ask",
        handler->name);
}

/* ---- names ---- */

/* By name, without case as everywhere; of one name by line. */
static int config_check__compare_names(const void *left, const void *right)
{
    const struct config_endpoint *a = *(const struct config_endpoint *const *)left;
    const struct config_endpoint *b = *(const struct config_endpoint *const *)right;
    const int difference = text_compare(a->name, strlen(a->name), b->name);
    return difference != 0 ? difference : (a->line > b->line) - (a->line < b->line);
}

/* Two endpoints of one name. The second then counts as disabled, so that not all its sockets are told,
   too. */
static void config_check__names(struct config *config, struct config_problems *problems)
{
    struct config_endpoint **sorted = memory_alloc((config->endpoint_count + 1) * sizeof *sorted);
    char room[CONFIG_CHECK_NAME_ROOM];
    if (sorted == NULL) {
        config_problems_no_memory(problems);
        return;
    }
    for (size_t i = 0; i < config->endpoint_count; i++) {
        sorted[i] = &config->endpoints[i];
    }
    qsort(sorted, config->endpoint_count, sizeof *sorted, config_check__compare_names);
    for (size_t i = 0, first = 0; i < config->endpoint_count; i++) {
        const char *name = sorted[i]->name;
        if (i == first || !text_equal(name, strlen(name), sorted[first]->name)) {
            first = i;
        } else if (name[0] != '\0') {
            struct text place = config_problems_place(problems, sorted[first]->line, sorted[i]->line);
            config_problems_error(problems, sorted[i]->line, 1,
                                  "endpoint %s begins in %s already; give one of them another name",
                                  config_check__quoted(sorted[i], room), place.at);
            text_fini(&place);
            sorted[i]->is_enabled = false;
        }
    }
    memory_free(sorted);
}

/* ---- addresses and ports ---- */

/* An item of `listen` of an enabled endpoint, in the order of the file. */
struct item {
    const struct config_endpoint *endpoint;
    const struct config_listen *listen;
    bool is_told;
};

/* One port of an item: a socket to be. */
struct port {
    struct item *item;
    uint32_t key; /* the protocol, and the port in the lower 16 bits */
};

/* What an address covers; in the order in which one meets the other. */
enum cover { COVER_EVERYTHING, COVER_ALL_IPV4, COVER_ONE_IPV4, COVER_ALL_IPV6, COVER_ONE_IPV6 };

struct view {
    struct item *items;
    size_t item_count;
    struct port *ports;
    size_t port_count;
};

static enum cover config_check__cover(const struct config_listen *listen)
{
    const bool is_any = address_is_any(&listen->address);
    if (listen->address.family == 4) {
        return is_any ? COVER_ALL_IPV4 : COVER_ONE_IPV4;
    }
    return listen->is_dual_stack ? COVER_EVERYTHING : is_any ? COVER_ALL_IPV6 : COVER_ONE_IPV6;
}

/* Zero: the same address, whatever the ports. */
static int config_check__compare_addresses(const struct config_listen *a, const struct config_listen *b)
{
    const int covers = (int)config_check__cover(a) - (int)config_check__cover(b);
    if (covers != 0) {
        return covers;
    }
    const int bytes = memcmp(a->address.ip, b->address.ip, sizeof a->address.ip);
    return bytes != 0                             ? bytes
           : a->address.scope == b->address.scope ? 0
           : a->address.scope < b->address.scope  ? -1
                                                  : 1;
}

/* By protocol and port, then by address, then by the file. */
static int config_check__compare_ports(const void *left, const void *right)
{
    const struct port *a = left;
    const struct port *b = right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    const int addresses = config_check__compare_addresses(a->item->listen, b->item->listen);
    return addresses != 0 ? addresses : (a->item > b->item) - (a->item < b->item);
}

/* Each item once, at the first port and with the first partner: it is one mistake. */
static void config_check__tell(struct item *a, struct item *b, uint16_t port,
                               struct config_problems *problems)
{
    struct item *later = a > b ? a : b;
    const struct item *earlier = a > b ? b : a;
    char name[CONFIG_CHECK_NAME_ROOM], later_room[CONFIG_LISTEN_TEXT_ROOM],
        earlier_room[CONFIG_LISTEN_TEXT_ROOM];
    struct text later_text, earlier_text;
    if (later->is_told) {
        return;
    }
    later->is_told = true;
    text_init(&later_text, later_room, sizeof later_room);
    text_init(&earlier_text, earlier_room, sizeof earlier_room);
    config_listen_add(&later_text, later->listen);
    config_listen_add(&earlier_text, earlier->listen);
    struct text place = config_problems_place(problems, earlier->listen->line, later->listen->line);
    config_problems_error(problems, later->listen->line, later->listen->column,
                          "listen: %s overlaps %s of endpoint %s in %s, both need port %u; give one of them "
                          "another port or address",
                          later_room, earlier_room, config_check__quoted(earlier->endpoint, name), place.at,
                          port);
    text_fini(&place);
}

/* In one group, whoever covers more stands before whom he covers. */
static void config_check__overlaps(const struct view *view, struct config_problems *problems)
{
    struct item *everything = NULL, *all_ipv4 = NULL, *all_ipv6 = NULL;
    for (size_t i = 0; i < view->port_count; i++) {
        const struct port *port = &view->ports[i];
        const uint16_t number = (uint16_t)port->key;
        struct item *item = port->item;
        const bool has_previous = i > 0 && port->key == port[-1].key;
        if (!has_previous) {
            everything = all_ipv4 = all_ipv6 = NULL;
        }
        struct item *all = item->listen->address.family == 4 ? all_ipv4 : all_ipv6;
        if (everything != NULL) {
            config_check__tell(everything, item, number, problems);
        } else if (all != NULL) {
            config_check__tell(all, item, number, problems);
        } else if (has_previous &&
                   config_check__compare_addresses(item->listen, port[-1].item->listen) == 0) {
            config_check__tell(port[-1].item, item, number, problems);
        }
        const enum cover cover = config_check__cover(item->listen);
        everything = cover == COVER_EVERYTHING && everything == NULL ? item : everything;
        all_ipv4 = cover == COVER_ALL_IPV4 && all_ipv4 == NULL ? item : all_ipv4;
        all_ipv6 = cover == COVER_ALL_IPV6 && all_ipv6 == NULL ? item : all_ipv6;
    }
}

static size_t config_check__ports_of(const struct config_listen *listen)
{
    return (size_t)listen->last_port - listen->address.port + 1;
}

/* The enabled items, and how many ports they have together. False when there is no memory. */
static bool config_check__collect(const struct config *config, struct view *view, size_t *total_out)
{
    size_t room = 1;
    for (size_t i = 0; i < config->endpoint_count; i++) {
        room += config->endpoints[i].listen_count;
    }
    *total_out = 0;
    view->items = memory_alloc(room * sizeof *view->items);
    for (size_t i = 0; i < config->endpoint_count && view->items != NULL; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        for (size_t k = 0; k < endpoint->listen_count && endpoint->is_enabled; k++) {
            view->items[view->item_count++] = (struct item){endpoint, &endpoint->listen[k], false};
            *total_out += config_check__ports_of(&endpoint->listen[k]);
        }
    }
    return view->items != NULL;
}

/* One entry for each port, as long as they are not too many. */
static void config_check__expand(struct view *view, struct config_problems *problems)
{
    for (size_t i = 0; i < view->item_count; i++) {
        struct item *item = &view->items[i];
        const size_t count = config_check__ports_of(item->listen);
        const uint32_t first = (uint32_t)item->listen->protocol << 16 | item->listen->address.port;
        if (count > CONFIG_SOCKETS_MAX - view->port_count) {
            config_problems_error(problems, item->listen->line, item->listen->column,
                                  "listen: here the number of sockets passes 65536, the most for one "
                                  "configuration; make the port ranges smaller");
            return;
        }
        for (size_t k = 0; k < count; k++) {
            view->ports[view->port_count++] = (struct port){item, first + (uint32_t)k};
        }
    }
}

static void config_check__sockets(const struct config *config, struct config_problems *problems)
{
    struct view view = {0};
    size_t total = 0;
    if (config_check__collect(config, &view, &total)) {
        const size_t room = total < CONFIG_SOCKETS_MAX ? total : CONFIG_SOCKETS_MAX;
        view.ports = memory_alloc((room + 1) * sizeof *view.ports);
    }
    if (view.ports == NULL) {
        config_problems_no_memory(problems);
    } else {
        config_check__expand(&view, problems);
        qsort(view.ports, view.port_count, sizeof *view.ports, config_check__compare_ports);
        config_check__overlaps(&view, problems);
    }
    memory_free(view.ports);
    memory_free(view.items);
}

/* ---- logs ---- */

/* Two writers of one file: the second would never get it. Standard error takes both. */
static void config_check__logs(const struct config_service *service, struct config_problems *problems)
{
    const struct config_key *key = config_keys_find(&config_keys_service, "access_log", strlen("access_log"));
    const struct config_origin *origin = &service->origins[key - config_keys_service.keys];
    const char *log = service->log_file, *access = service->access_log;
    char room[CONFIG_CHECK_NAME_ROOM];
    struct text path;
    if (log == NULL || access == NULL || strcmp(access, "-") == 0 ||
        !text_equal(access, strlen(access), log)) {
        return; /* or refused already */
    }
    text_init(&path, room, sizeof room);
    config_value_add_quoted(&path, access, strlen(access));
    config_problems_error(problems, origin->line, origin->column,
                          "access_log: %s is the file of log_file, too; give it another name", room);
}

/* ---- all of it ---- */

void config_check_run(struct config *config, const struct pl_handler *const *handlers,
                      struct config_problems *problems)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        config_check__required(&config->endpoints[i], handlers, problems);
        config_check__protocols(&config->endpoints[i], problems);
        config_check__empty_questions(&config->endpoints[i], problems);
        config_check__scopes(&config->endpoints[i], problems);
        config_check__companions(&config->endpoints[i], problems);
        config_check__burst(&config->endpoints[i], false, problems);
        if (config->service.access_log != NULL && config->service.access_log[0] == '\0') {
            config_check__no_access_log(&config->endpoints[i], problems);
        }
        if (config->endpoints[i].proxy_protocol == CONFIG_PROXY_OFF) {
            config_check__no_proxies(&config->endpoints[i], problems);
            config_check__access(&config->endpoints[i], "allow", &config->endpoints[i].allow, problems);
            config_check__access(&config->endpoints[i], "deny", &config->endpoints[i].deny, problems);
        } else {
            config_check__proxies(&config->endpoints[i], problems);
        }
    }
    config_check__burst(&config->defaults, true, problems);
    config_check__names(config, problems);
    config_check__sockets(config, problems);
    config_check__logs(&config->service, problems);
}
