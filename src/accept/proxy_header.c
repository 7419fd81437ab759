/* SPDX-License-Identifier: MIT
   The PROXY protocol, see proxy_header.h. */
#include "accept/proxy_header.h"

#include <string.h>

#include "base/crc32c.h"

enum {
    COMMAND_PROXY = 1, /* 0: LOCAL */
    FAMILY_LAST = 3,   /* AF_UNIX */
    PROTOCOL_UNSPEC = 0,
    PROTOCOL_DATAGRAM = 2, /* 1: a stream */
    TLV_HEAD = 3,
    TLV_CHECKSUM = 3,
    CHECKSUM_LENGTH = 4
};

/* The addresses of a v2 header: each family's, by its number. */
struct shape {
    size_t length;   /* bytes of addresses and ports */
    uint16_t family; /* of struct pl_address; 0: none to be taken */
    uint8_t ip_length;
};

static const struct shape shapes[FAMILY_LAST + 1] = {{.length = 0},
                                                     {.family = 4, .ip_length = 4, .length = 12},
                                                     {.family = 6, .ip_length = 16, .length = 36},
                                                     {.length = 216}};

/* The steps below return whether the next one may follow; where not, `result` says why. */
struct reader {
    const uint8_t *at;
    size_t length;
    size_t used; /* bytes that have been read */
    bool is_datagram;
    bool is_proxied; /* v2: the command is PROXY */
    bool has_checksum;
    const struct shape *shape;
    size_t end; /* of a v2 header */
    struct proxy_header header;
    enum proxy_result result;
};

/* What stands between the blanks of a v1 header. */
struct word {
    const char *characters;
    size_t longest;
    const char *problem;
};

static const struct word ipv4_word = {"0123456789.", sizeof "255.255.255.255" - 1, "not an IPv4 address"};
static const struct word ipv6_word = {"0123456789abcdefABCDEF:.",
                                      sizeof "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" - 1,
                                      "not an IPv6 address"};
static const struct word port_word = {"0123456789", sizeof "65535" - 1, "not a port"};

static bool proxy_header__more(struct reader *reader)
{
    reader->result = PROXY_MORE;
    return false;
}

static bool proxy_header__refuse(struct reader *reader, const char *problem)
{
    reader->header.problem = problem;
    reader->result = PROXY_BAD;
    return false;
}

static size_t proxy_header__left(const struct reader *reader)
{
    return reader->length - reader->used;
}

static uint16_t proxy_header__number(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

/* DONE: the constant stands there, and has been read. */
static enum proxy_result proxy_header__match(struct reader *reader, const char *constant, size_t length)
{
    const size_t left = proxy_header__left(reader);
    if (memcmp(reader->at + reader->used, constant, left < length ? left : length) != 0) {
        return PROXY_BAD;
    }
    if (left < length) {
        return PROXY_MORE;
    }
    reader->used += length;
    return PROXY_DONE;
}

/* A word and `end`, which follows it. A wrong character, or one too many, is refused as soon as it comes. */
static bool proxy_header__word(struct reader *reader, const struct word *word, char end, const char **at_out,
                               size_t *length_out)
{
    const char *at = (const char *)reader->at + reader->used;
    const size_t left = proxy_header__left(reader);
    size_t length = 0;
    while (length < left && at[length] != end) {
        if (length == word->longest ||
            memchr(word->characters, at[length], strlen(word->characters)) == NULL) {
            return proxy_header__refuse(reader, word->problem);
        }
        length++;
    }
    if (length == left) {
        return proxy_header__more(reader);
    }
    reader->used += length + 1;
    *at_out = at;
    *length_out = length;
    return true;
}

static bool proxy_header__address(struct reader *reader, uint16_t family, struct pl_address *address_out)
{
    const struct word *word = family == 4 ? &ipv4_word : &ipv6_word;
    const char *at = NULL;
    size_t length = 0;
    if (!proxy_header__word(reader, word, ' ', &at, &length)) {
        return false;
    }
    if (!address_parse(at, length, address_out) || address_out->family != family) {
        return proxy_header__refuse(reader, word->problem);
    }
    return true;
}

static bool proxy_header__port(struct reader *reader, char end, uint16_t *port_out)
{
    const char *at = NULL;
    size_t length = 0;
    uint32_t value = 0;
    if (!proxy_header__word(reader, &port_word, end, &at, &length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        value = value * 10 + (uint32_t)(at[i] - '0');
    }
    if (length == 0 || (length > 1 && at[0] == '0') || value > UINT16_MAX) {
        return proxy_header__refuse(reader, port_word.problem);
    }
    *port_out = (uint16_t)value;
    return true;
}

static bool proxy_header__line_feed(struct reader *reader)
{
    const enum proxy_result match = proxy_header__match(reader, "\n", 1);
    if (match == PROXY_DONE) {
        return true;
    }
    return match == PROXY_MORE ? proxy_header__more(reader)
                               : proxy_header__refuse(reader, "a CR without its LF");
}

/* The two addresses, then their ports. */
static bool proxy_header__client(struct reader *reader, uint16_t family)
{
    struct proxy_header *header = &reader->header;
    return proxy_header__address(reader, family, &header->source) &&
           proxy_header__address(reader, family, &header->destination) &&
           proxy_header__port(reader, ' ', &header->source.port) &&
           proxy_header__port(reader, '\r', &header->destination.port) && proxy_header__line_feed(reader);
}

static bool proxy_header__tcp4(struct reader *reader)
{
    return proxy_header__client(reader, 4);
}

static bool proxy_header__tcp6(struct reader *reader)
{
    return proxy_header__client(reader, 6);
}

static bool proxy_header__unknown(struct reader *reader)
{
    while (proxy_header__left(reader) > 0) {
        const uint8_t byte = reader->at[reader->used++];
        if (byte == '\r') {
            return proxy_header__line_feed(reader);
        }
        if (byte == '\n') {
            return proxy_header__refuse(reader, "an LF without its CR");
        }
    }
    return proxy_header__more(reader);
}

/* What follows "PROXY ". */
static bool proxy_header__v1_protocol(struct reader *reader)
{
    static const struct {
        const char *text;
        bool (*read)(struct reader *reader); /* what follows */
    } protocols[] = {{"TCP4 ", proxy_header__tcp4},
                     {"TCP6 ", proxy_header__tcp6},
                     {"UNKNOWN ", proxy_header__unknown},
                     {"UNKNOWN\r", proxy_header__line_feed}};
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        const char *text = protocols[i].text;
        const enum proxy_result match = proxy_header__match(reader, text, strlen(text));
        if (match == PROXY_MORE) {
            return proxy_header__more(reader);
        }
        if (match == PROXY_DONE) {
            return protocols[i].read(reader);
        }
    }
    return proxy_header__refuse(reader, "not TCP4, TCP6 or UNKNOWN");
}

static bool proxy_header__v1(struct reader *reader)
{
    const bool is_full = reader->length >= PROXY_V1_MAX;
    if (is_full) {
        reader->length = PROXY_V1_MAX;
    }
    if (proxy_header__v1_protocol(reader)) {
        return true;
    }
    if (is_full && reader->result == PROXY_MORE) {
        proxy_header__refuse(reader, "no CR LF in the first 107 bytes");
    }
    return false;
}

/* The 13th byte. */
static bool proxy_header__command(struct reader *reader)
{
    if (proxy_header__left(reader) < 1) {
        return proxy_header__more(reader);
    }
    const uint8_t byte = reader->at[reader->used++];
    if (byte >> 4 != 2) {
        return proxy_header__refuse(reader, "an unknown version");
    }
    if ((byte & 0xF) > COMMAND_PROXY) {
        return proxy_header__refuse(reader, "an unknown command");
    }
    reader->is_proxied = (byte & 0xF) == COMMAND_PROXY;
    return true;
}

/* The 14th byte, of a client's connection. */
static bool proxy_header__client_family(struct reader *reader, unsigned family, unsigned protocol)
{
    if (family > FAMILY_LAST) {
        return proxy_header__refuse(reader, "an unknown address family");
    }
    if (protocol > PROTOCOL_DATAGRAM) {
        return proxy_header__refuse(reader, "an unknown protocol");
    }
    if (protocol == PROTOCOL_UNSPEC) {
        return true;
    }
    if ((protocol == PROTOCOL_DATAGRAM) != reader->is_datagram) {
        return proxy_header__refuse(reader, reader->is_datagram ? "for TCP, on UDP" : "for UDP, on TCP");
    }
    reader->shape = &shapes[family];
    return true;
}

static bool proxy_header__family(struct reader *reader)
{
    if (proxy_header__left(reader) < 1) {
        return proxy_header__more(reader);
    }
    const uint8_t byte = reader->at[reader->used++];
    return !reader->is_proxied || proxy_header__client_family(reader, byte >> 4, byte & 0xF);
}

/* The length; then all of the header must be there. */
static bool proxy_header__extent(struct reader *reader)
{
    if (proxy_header__left(reader) < 2) {
        return proxy_header__more(reader);
    }
    const size_t rest = proxy_header__number(reader->at + reader->used);
    reader->used += 2;
    reader->end = reader->used + rest;
    if (reader->end > PROXY_HEADER_MAX) {
        return proxy_header__refuse(reader, "longer than 16384 bytes");
    }
    if (rest < reader->shape->length) {
        return proxy_header__refuse(reader, "too short for its addresses");
    }
    if (reader->length < reader->end) {
        return proxy_header__more(reader);
    }
    return true;
}

static void proxy_header__v2_addresses(struct reader *reader)
{
    const struct shape *shape = reader->shape;
    struct proxy_header *header = &reader->header;
    const uint8_t *source = reader->at + reader->used;
    const uint8_t *destination = source + shape->ip_length;
    const uint8_t *ports = destination + shape->ip_length;
    if (shape->family != 0) {
        header->source.family = header->destination.family = shape->family;
        memcpy(header->source.ip, source, shape->ip_length);
        memcpy(header->destination.ip, destination, shape->ip_length);
        header->source.port = proxy_header__number(ports);
        header->destination.port = proxy_header__number(ports + 2);
    }
    reader->used += shape->length;
}

/* The checksum of the whole header, with zeros for itself. A second one would be summed over the first, so there is
   none; it would also let a header of nothing else be summed a thousand times. */
static bool proxy_header__checksum(struct reader *reader, const uint8_t *value, size_t length)
{
    static const uint8_t zeros[CHECKSUM_LENGTH];
    if (length != CHECKSUM_LENGTH || reader->has_checksum) {
        return proxy_header__refuse(reader, "a malformed checksum");
    }
    const uint8_t *behind = value + CHECKSUM_LENGTH;
    uint32_t sum = crc32c_add(0, reader->at, (size_t)(value - reader->at));
    sum = crc32c_add(sum, zeros, sizeof zeros);
    sum = crc32c_add(sum, behind, (size_t)(reader->at + reader->end - behind));
    if (sum >> 16 != proxy_header__number(value) || (sum & 0xFFFF) != proxy_header__number(value + 2)) {
        return proxy_header__refuse(reader, "a wrong checksum");
    }
    reader->has_checksum = true;
    return true;
}

static bool proxy_header__tlv(struct reader *reader)
{
    const uint8_t *tlv = reader->at + reader->used;
    const size_t left = reader->end - reader->used;
    if (left < TLV_HEAD || left - TLV_HEAD < proxy_header__number(tlv + 1)) {
        return proxy_header__refuse(reader, "a TLV past the end of the header");
    }
    const size_t length = proxy_header__number(tlv + 1);
    reader->used += TLV_HEAD + length;
    return tlv[0] != TLV_CHECKSUM || proxy_header__checksum(reader, tlv + TLV_HEAD, length);
}

/* What follows the length. Where no addresses are known to stand, nobody knows where the TLVs begin either. */
static bool proxy_header__body(struct reader *reader)
{
    if (reader->shape->length == 0) {
        reader->used = reader->end;
        return true;
    }
    proxy_header__v2_addresses(reader);
    while (reader->used < reader->end) {
        if (!proxy_header__tlv(reader)) {
            return false;
        }
    }
    return true;
}

static bool proxy_header__v2(struct reader *reader)
{
    return proxy_header__command(reader) && proxy_header__family(reader) && proxy_header__extent(reader) &&
           proxy_header__body(reader);
}

/* Both versions are looked for, whichever are allowed, to tell a wrong version from what is no header. */
static bool proxy_header__read(struct reader *reader, unsigned versions)
{
    const enum proxy_result v1 = proxy_header__match(reader, "PROXY ", 6);
    if (v1 == PROXY_DONE) {
        return (versions & PROXY_V1) != 0 ? proxy_header__v1(reader)
                                          : proxy_header__refuse(reader, "version 1 is not allowed here");
    }
    const enum proxy_result v2 = proxy_header__match(reader, "\r\n\r\n\0\r\nQUIT\n", 12);
    if (v2 == PROXY_DONE) {
        return (versions & PROXY_V2) != 0 ? proxy_header__v2(reader)
                                          : proxy_header__refuse(reader, "version 2 is not allowed here");
    }
    const unsigned possible = (v1 == PROXY_MORE ? PROXY_V1 : 0U) | (v2 == PROXY_MORE ? PROXY_V2 : 0U);
    return (possible & versions) != 0 ? proxy_header__more(reader)
                                      : proxy_header__refuse(reader, "not a PROXY header");
}

static void proxy_header__finish(struct reader *reader)
{
    struct proxy_header *header = &reader->header;
    header->length = reader->used;
    header->is_local = header->source.family == 0;
    address_fold(&header->source);
    address_fold(&header->destination);
}

enum proxy_result proxy_header_read(unsigned versions, bool is_datagram, const uint8_t *at, size_t length,
                                    struct proxy_header *header_out)
{
    struct reader reader = {
        .at = at, .length = length, .is_datagram = is_datagram, .shape = &shapes[0], .result = PROXY_DONE};
    if (proxy_header__read(&reader, is_datagram ? versions & PROXY_V2 : versions)) {
        proxy_header__finish(&reader);
    } else if (is_datagram && reader.result == PROXY_MORE) {
        proxy_header__refuse(&reader, "a datagram that ends within its header");
    }
    if (reader.result != PROXY_DONE) {
        reader.header = (struct proxy_header){.problem = reader.header.problem};
    }
    *header_out = reader.header;
    return reader.result;
}
