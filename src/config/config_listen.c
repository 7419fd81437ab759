/* SPDX-License-Identifier: MIT
   Items of the key `listen`, see config_listen.h. */
#include "config/config_listen.h"

#include <string.h>

enum { CONFIG_LISTEN_SHOWN_MAX = 64 }; /* longer items are not written into a remedy */

static const char port_remedy[] = "write a number from 1 to 65535, or a range such as 8000-8010";

/* A piece of the item that is being read. */
struct part {
    const char *at;
    size_t length;
};

struct reader {
    struct part item;
    struct part host;
    bool is_bracketed;
    struct part port;
    struct config_fault *fault;
};

static bool config_listen__refuse(struct reader *reader, struct part part, const char *problem,
                                  const char *remedy)
{
    return config_value_fault(reader->fault, (size_t)(part.at - reader->item.at), part.at, part.length,
                              problem, remedy);
}

static struct text config_listen__remedy(struct reader *reader)
{
    struct text remedy;
    text_init(&remedy, reader->fault->remedy, sizeof reader->fault->remedy);
    return remedy;
}

/* Writes the item into the remedy as it should be: before, what was written, behind. */
static void config_listen__suggest(struct reader *reader, const char *before, struct part part,
                                   const char *behind)
{
    struct text remedy = config_listen__remedy(reader);
    text_add_string(&remedy, "write ");
    text_add_string(&remedy, before);
    if (part.length <= CONFIG_LISTEN_SHOWN_MAX) {
        text_add_escaped(&remedy, part.at, part.length);
    } else {
        text_add_string(&remedy, "ADDRESS:PORT");
    }
    text_add_string(&remedy, behind);
}

static struct part config_listen__behind(struct part part, size_t length)
{
    return (struct part){part.at + length, part.length - length};
}

static bool config_listen__only(struct part part, const char *characters)
{
    size_t i = 0;
    while (i < part.length && part.at[i] != '\0' && strchr(characters, part.at[i]) != NULL) {
        i++;
    }
    return i == part.length;
}

static bool config_listen__no_scheme(struct reader *reader)
{
    struct part rest = reader->item;
    struct part word = {rest.at, rest.length < 3 ? rest.length : 3};
    const bool is_tcp = text_equal(word.at, word.length, "tcp");
    config_listen__refuse(reader, rest, "does not begin with tcp:// or udp://", "");
    if (is_tcp || text_equal(word.at, word.length, "udp")) {
        rest = config_listen__behind(rest, word.length);
        while (rest.length > 0 && (rest.at[0] == ':' || rest.at[0] == '/')) {
            rest = config_listen__behind(rest, 1);
        }
        config_listen__suggest(reader, is_tcp ? "tcp://" : "udp://", rest, "");
    } else if (config_listen__only(rest, "0123456789-")) {
        config_listen__suggest(reader, "tcp://*:", rest, " (or udp:// for UDP)");
    } else {
        const bool has_colon = memchr(rest.at, ':', rest.length) != NULL;
        config_listen__suggest(reader, rest.at[0] == ':' ? "tcp://*" : "tcp://", rest,
                               has_colon ? " (or udp:// for UDP)" : ":PORT (or udp:// for UDP)");
    }
    return false;
}

/* The protocol; `rest_out` is what follows it. */
static bool config_listen__scheme(struct reader *reader, enum config_protocol *protocol_out,
                                  struct part *rest_out)
{
    const struct part item = reader->item;
    size_t length = 0;
    while (length + 3 <= item.length && memcmp(item.at + length, "://", 3) != 0) {
        length++;
    }
    if (length + 3 > item.length) {
        return config_listen__no_scheme(reader);
    }
    const bool is_udp = text_equal(item.at, length, "udp");
    if (!is_udp && !text_equal(item.at, length, "tcp")) {
        return config_listen__refuse(reader, (struct part){item.at, length}, "is not a protocol here",
                                     "write tcp or udp");
    }
    *protocol_out = is_udp ? CONFIG_UDP : CONFIG_TCP;
    *rest_out = config_listen__behind(item, length + 3);
    return true;
}

static bool config_listen__no_port(struct reader *reader)
{
    struct part item = reader->item;
    config_listen__refuse(reader, item, "has no port", "");
    item.length -= item.at[item.length - 1] == ':';
    config_listen__suggest(reader, "", item, ":PORT, with a number for PORT");
    return false;
}

/* [IPv6]:PORT */
static bool config_listen__split_bracketed(struct reader *reader, struct part rest)
{
    const char *close = memchr(rest.at, ']', rest.length);
    if (close == NULL) {
        return config_listen__refuse(reader, rest, "has no ]", "write [ADDRESS]:PORT");
    }
    const size_t length = (size_t)(close - rest.at);
    reader->is_bracketed = true;
    reader->host = (struct part){rest.at + 1, length - 1};
    rest = config_listen__behind(rest, length + 1);
    if (rest.length == 0) {
        return config_listen__no_port(reader);
    }
    if (rest.at[0] != ':') {
        return config_listen__refuse(reader, rest, "stands where :PORT should", "write [ADDRESS]:PORT");
    }
    reader->port = config_listen__behind(rest, 1);
    return true;
}

static bool config_listen__no_brackets(struct reader *reader)
{
    struct pl_address address;
    const struct part port = {reader->host.at + reader->host.length,
                              reader->port.length + 1}; /* with its colon */
    const bool is_address = address_parse(reader->host.at, reader->host.length, &address);
    config_listen__refuse(reader, reader->host, "has colons, but no brackets around it",
                          "write an IPv6 address in brackets: [ADDRESS]:PORT");
    if (is_address && reader->host.length + port.length < CONFIG_LISTEN_SHOWN_MAX) {
        struct text remedy = config_listen__remedy(reader);
        text_add_string(&remedy, "write [");
        text_add_escaped(&remedy, reader->host.at, reader->host.length);
        text_add_string(&remedy, "]");
        text_add_escaped(&remedy, port.at, port.length);
    }
    return false;
}

/* Host and port of what follows "tcp://". */
static bool config_listen__split(struct reader *reader, struct part rest)
{
    if (rest.length > 0 && rest.at[0] == '[') {
        return config_listen__split_bracketed(reader, rest);
    }
    if (rest.length == 0) {
        return config_listen__refuse(reader, reader->item, "has no address and no port",
                                     "write them as in tcp://*:80 or tcp://192.0.2.1:80");
    }
    size_t length = rest.length;
    while (length > 0 && rest.at[length - 1] != ':') {
        length--;
    }
    if (length == 0) {
        return config_listen__no_port(reader);
    }
    reader->host = (struct part){rest.at, length - 1};
    reader->port = config_listen__behind(rest, length);
    if (memchr(rest.at, ':', length - 1) != NULL) {
        return config_listen__no_brackets(reader);
    }
    if (reader->port.length == 0) {
        return config_listen__no_port(reader);
    }
    return true;
}

static bool config_listen__port_number(struct reader *reader, struct part part, uint16_t *port_out)
{
    uint32_t value = 0;
    if (!config_listen__only(part, "0123456789") || part.length == 0) {
        return config_listen__refuse(reader, part, "is not a port number", port_remedy);
    }
    if (part.length > 1 && part.at[0] == '0') {
        return config_listen__refuse(reader, part, "has a leading zero", "write the port without it");
    }
    for (size_t i = 0; i < part.length && value <= UINT16_MAX; i++) {
        value = value * 10 + (uint32_t)(part.at[i] - '0');
    }
    if (value == 0 || value > UINT16_MAX) {
        return config_listen__refuse(reader, part, "is not a port", port_remedy);
    }
    *port_out = (uint16_t)value;
    return true;
}

static bool config_listen__ports(struct reader *reader, struct config_listen *listen)
{
    const struct part port = reader->port;
    const char *hyphen = port.length > 0 ? memchr(port.at, '-', port.length) : NULL;
    const size_t length = hyphen != NULL ? (size_t)(hyphen - port.at) : port.length;
    if (!config_listen__port_number(reader, (struct part){port.at, length}, &listen->address.port)) {
        return false;
    }
    listen->last_port = listen->address.port;
    if (hyphen == NULL) {
        return true;
    }
    if (!config_listen__port_number(reader, config_listen__behind(port, length + 1), &listen->last_port)) {
        return false;
    }
    if (listen->last_port < listen->address.port) {
        config_listen__refuse(reader, port, "runs backwards", "");
        struct text remedy = config_listen__remedy(reader);
        text_add_format(&remedy, "write %u-%u", listen->last_port, listen->address.port);
        return false;
    }
    return true;
}

static bool config_listen__no_ipv4(struct reader *reader)
{
    const struct part host = reader->host;
    if (host.length == 0) {
        return config_listen__refuse(reader, reader->item, "has no address",
                                     "write * for all addresses of this machine, such as tcp://*:80");
    }
    if (config_listen__only(host, "0123456789.")) {
        return config_listen__refuse(
            reader, host, "is not an IPv4 address",
            "write four numbers from 0 to 255 without leading zeros, such as 192.0.2.1");
    }
    return config_listen__refuse(
        reader, host, "is not an address",
        "write an IPv4 address, an IPv6 address in brackets, * or localhost; names are "
        "not looked up");
}

static bool config_listen__no_ipv6(struct reader *reader)
{
    const struct part host = reader->host;
    struct pl_address address;
    if (address_parse(host.at, host.length, &address) || text_equal(host.at, host.length, "*")) {
        return config_listen__refuse(reader, host, "is not an IPv6 address", "leave out the brackets");
    }
    if (memchr(host.at, '%', host.length) != NULL) {
        return config_listen__refuse(
            reader, host, "is not an IPv6 address",
            "write the number of the network interface behind the %, such as fe80::1%3");
    }
    return config_listen__refuse(reader, host, "is not an IPv6 address",
                                 "write one such as 2001:db8::1 or ::");
}

/* Addresses that are well written, but that no socket can listen on, or not as meant. */
static bool config_listen__may_listen(struct reader *reader, const struct pl_address *address)
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};
    const struct part host = reader->host;
    struct pl_address folded = *address;
    address_fold(&folded);
    if (folded.family != address->family) {
        char room[ADDRESS_TEXT_ROOM];
        struct text text;
        text_init(&text, room, sizeof room);
        address_add(&text, &folded);
        config_listen__refuse(reader, host, "is an IPv4 address written as IPv6", "");
        config_listen__suggest(reader, "", (struct part){text.at, text.length}, ", without brackets");
        return false;
    }
    if (address_is_multicast(address)) {
        return config_listen__refuse(reader, host, "is a multicast address, which nobody can listen on",
                                     "write an address of this machine, or *");
    }
    if (address->family == 4 && memcmp(address->ip, broadcast, sizeof broadcast) == 0) {
        return config_listen__refuse(reader, host, "is the broadcast address, which nobody can listen on",
                                     "write an address of this machine, or *");
    }
    if (address_is_link_local(address) && address->scope == 0) {
        return config_listen__refuse(reader, host, "is a link-local address without its network interface",
                                     "write the interface's number behind it, such as fe80::1%3");
    }
    if (address->scope != 0 && !address_is_link_local(address)) {
        return config_listen__refuse(reader, host, "is not link-local, so it has no %scope",
                                     "leave out the % and what follows it");
    }
    return true;
}

static bool config_listen__address(struct reader *reader, struct pl_address *address_out)
{
    const struct part host = reader->host;
    if (!address_parse(host.at, host.length, address_out) ||
        address_out->family != (reader->is_bracketed ? 6 : 4)) {
        return reader->is_bracketed ? config_listen__no_ipv6(reader) : config_listen__no_ipv4(reader);
    }
    return config_listen__may_listen(reader, address_out);
}

/* Address or addresses; how many. Ports are read before, so that both halves of localhost have them. */
static size_t config_listen__host(struct reader *reader, struct config_listen *listen,
                                  struct config_listen listens_out[2])
{
    static const struct pl_address any = {.family = 6};
    static const struct pl_address loopback[2] = {{.family = 4, .ip = {127, 0, 0, 1}},
                                                  {.family = 6, .ip = {[15] = 1}}};
    const uint16_t port = listen->address.port;
    const struct part host = reader->host;
    listen->is_localhost = !reader->is_bracketed && text_equal(host.at, host.length, "localhost");
    listen->is_dual_stack = !reader->is_bracketed && text_equal(host.at, host.length, "*");
    if (listen->is_localhost) {
        listen->address = loopback[0];
    } else if (listen->is_dual_stack) {
        listen->address = any;
    } else if (!config_listen__address(reader, &listen->address)) {
        return 0;
    }
    listen->address.port = port;
    listens_out[0] = *listen;
    listens_out[1] = *listen;
    listens_out[1].address = loopback[1];
    listens_out[1].address.port = port;
    return listen->is_localhost ? 2 : 1;
}

size_t config_listen_parse(const char *at, size_t length, struct config_listen listens_out[2],
                           struct config_fault *fault_out)
{
    struct reader reader = {.item = {at, length}, .fault = fault_out};
    struct config_listen listen = {.protocol = CONFIG_TCP};
    struct part rest = {0};
    for (size_t i = 0; i < length; i++) {
        if (at[i] == ' ' || at[i] == '\t') {
            config_value_fault(fault_out, i, at, length, "has a blank inside",
                               "put a comma between two items, and none inside one");
            return 0;
        }
    }
    if (!config_listen__scheme(&reader, &listen.protocol, &rest) || !config_listen__split(&reader, rest) ||
        !config_listen__ports(&reader, &listen)) {
        return 0;
    }
    return config_listen__host(&reader, &listen, listens_out);
}

void config_listen_add(struct text *text, const struct config_listen *listen)
{
    text_add_string(text, listen->protocol == CONFIG_TCP ? "tcp://" : "udp://");
    if (listen->is_dual_stack) {
        text_add_format(text, "*:%u", listen->address.port);
    } else {
        address_add_with_port(text, &listen->address);
    }
    if (listen->last_port != listen->address.port) {
        text_add_format(text, "-%u", listen->last_port);
    }
}
