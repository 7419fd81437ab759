/* SPDX-License-Identifier: MIT
   Any bytes as a PROXY header, the first of them choosing the versions and the transport: what is decided does not
   change with what follows, and what was read is read again when it is written anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accept/proxy_header.h"

#define REQUIRE(condition) ((condition) ? (void)0 : fuzz_proxy_header__fail(#condition, __LINE__))

enum { SPLITS_MAX = 600, WRITTEN_MAX = 256, DATAGRAM = 0x4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A header that is being written. */
struct writer {
    uint8_t bytes[WRITTEN_MAX];
    size_t length;
};

static void fuzz_proxy_header__fail(const char *condition, int line)
{
    fprintf(stderr, "line %d: not true: %s\n", line, condition);
    abort();
}

/* From a block of just its size. */
static enum proxy_result fuzz_proxy_header__read(unsigned versions, bool is_datagram, const uint8_t *at,
                                                 size_t length, struct proxy_header *header_out)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    REQUIRE(copy != NULL);
    if (length > 0) {
        memcpy(copy, at, length);
    }
    memset(header_out, 0xEE, sizeof *header_out);
    const enum proxy_result result = proxy_header_read(versions, is_datagram, copy, length, header_out);
    free(copy);
    return result;
}

static bool fuzz_proxy_header__is_none(const struct pl_address *address)
{
    const struct pl_address none = {0};
    return address_equal(address, &none);
}

static bool fuzz_proxy_header__is_client(const struct pl_address *address)
{
    struct pl_address folded = *address;
    address_fold(&folded);
    return (address->family == 4 || address->family == 6) && address->scope == 0 &&
           address_equal(address, &folded);
}

static void fuzz_proxy_header__require_filled(enum proxy_result result, const struct proxy_header *header,
                                              size_t length)
{
    const bool is_none =
        fuzz_proxy_header__is_none(&header->source) && fuzz_proxy_header__is_none(&header->destination);
    REQUIRE((header->problem != NULL) == (result == PROXY_BAD));
    if (result != PROXY_DONE) {
        REQUIRE(header->length == 0 && !header->is_local && is_none);
        return;
    }
    REQUIRE(header->length >= 15 && header->length <= length && header->length <= PROXY_HEADER_MAX);
    REQUIRE(header->is_local == is_none);
    REQUIRE(header->is_local || (fuzz_proxy_header__is_client(&header->source) &&
                                 fuzz_proxy_header__is_client(&header->destination)));
}

static bool fuzz_proxy_header__is_same(const struct proxy_header *a, const struct proxy_header *b)
{
    return a->length == b->length && a->is_local == b->is_local && address_equal(&a->source, &b->source) &&
           address_equal(&a->destination, &b->destination);
}

/* Fewer bytes: on a connection MORE up to some length, from then on the same; a datagram has no MORE. */
static void fuzz_proxy_header__require_steady(unsigned versions, bool is_datagram, const uint8_t *at,
                                              size_t size)
{
    enum proxy_result before = PROXY_MORE;
    struct proxy_header first = {0};
    for (size_t length = 0; length <= size && length <= SPLITS_MAX; length++) {
        struct proxy_header header;
        const enum proxy_result result = fuzz_proxy_header__read(versions, is_datagram, at, length, &header);
        fuzz_proxy_header__require_filled(result, &header, length);
        if (is_datagram) {
            REQUIRE(result != PROXY_MORE);
            REQUIRE(before != PROXY_DONE || result == PROXY_DONE);
        } else {
            REQUIRE(before == PROXY_MORE || result == before);
        }
        REQUIRE(result != PROXY_MORE || length < PROXY_HEADER_MAX);
        if (result == PROXY_DONE && before != PROXY_DONE) {
            REQUIRE(header.length == length);
            first = header;
        }
        REQUIRE(result != PROXY_DONE || fuzz_proxy_header__is_same(&header, &first));
        before = result;
    }
}

/* What is right for one version is right, and the same, when both are allowed. */
static void fuzz_proxy_header__require_either(bool is_datagram, const uint8_t *at, size_t size)
{
    struct proxy_header v1, v2, both;
    const enum proxy_result result_v1 = fuzz_proxy_header__read(PROXY_V1, is_datagram, at, size, &v1);
    const enum proxy_result result_v2 = fuzz_proxy_header__read(PROXY_V2, is_datagram, at, size, &v2);
    const enum proxy_result result =
        fuzz_proxy_header__read(PROXY_V1 | PROXY_V2, is_datagram, at, size, &both);
    REQUIRE(result_v1 == PROXY_BAD || result_v2 == PROXY_BAD || size == 0);
    REQUIRE(result == (result_v1 != PROXY_BAD ? result_v1 : result_v2));
    REQUIRE(!is_datagram || result_v1 == PROXY_BAD);
    REQUIRE(result != PROXY_DONE || fuzz_proxy_header__is_same(&both, result_v1 == PROXY_DONE ? &v1 : &v2));
    REQUIRE(fuzz_proxy_header__read(0, is_datagram, at, size, &both) == PROXY_BAD);
}

static void fuzz_proxy_header__add(struct writer *writer, const void *at, size_t length)
{
    REQUIRE(length <= sizeof writer->bytes - writer->length);
    memcpy(writer->bytes + writer->length, at, length);
    writer->length += length;
}

static void fuzz_proxy_header__add_byte(struct writer *writer, unsigned byte)
{
    const uint8_t value = (uint8_t)byte;
    fuzz_proxy_header__add(writer, &value, 1);
}

/* All 16 bytes: an IPv4 address is mapped. */
static void fuzz_proxy_header__widen(const struct pl_address *address, uint8_t ip_out[16])
{
    static const uint8_t prefix[12] = {[10] = 0xFF, [11] = 0xFF};
    memcpy(ip_out, address->family == 6 ? address->ip : prefix, 12);
    memcpy(ip_out + 12, address->family == 6 ? address->ip + 12 : address->ip, 4);
}

static void fuzz_proxy_header__add_text_address(struct text *text, const struct pl_address *address,
                                                bool is_ipv6)
{
    uint8_t ip[16];
    fuzz_proxy_header__widen(address, ip);
    for (size_t i = 0; is_ipv6 && i < 16; i += 2) {
        text_add_format(text, "%s%X", i > 0 ? ":" : "", (unsigned)ip[i] << 8 | ip[i + 1]);
    }
    if (!is_ipv6) {
        text_add_format(text, "%u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
    }
    text_add_string(text, " ");
}

static void fuzz_proxy_header__write_v1(struct writer *writer, const struct proxy_header *header,
                                        bool is_ipv6)
{
    struct text text;
    text_init(&text, (char *)writer->bytes, sizeof writer->bytes);
    text_add_string(&text, is_ipv6 ? "PROXY TCP6 " : "PROXY TCP4 ");
    fuzz_proxy_header__add_text_address(&text, &header->source, is_ipv6);
    fuzz_proxy_header__add_text_address(&text, &header->destination, is_ipv6);
    text_add_format(&text, "%u %u\r\n", header->source.port, header->destination.port);
    writer->length = text.length;
}

static void fuzz_proxy_header__add_addresses(struct writer *writer, const struct proxy_header *header,
                                             bool is_ipv6)
{
    const size_t skipped = is_ipv6 ? 0 : 12;
    uint8_t ip[16];
    fuzz_proxy_header__widen(&header->source, ip);
    fuzz_proxy_header__add(writer, ip + skipped, 16 - skipped);
    fuzz_proxy_header__widen(&header->destination, ip);
    fuzz_proxy_header__add(writer, ip + skipped, 16 - skipped);
    fuzz_proxy_header__add_byte(writer, header->source.port >> 8);
    fuzz_proxy_header__add_byte(writer, header->source.port);
    fuzz_proxy_header__add_byte(writer, header->destination.port >> 8);
    fuzz_proxy_header__add_byte(writer, header->destination.port);
}

/* CRC32c bit by bit (RFC 3720, section 12.1, mirrored). */
static uint32_t fuzz_proxy_header__divide(const uint8_t *at, size_t length)
{
    uint32_t rest = UINT32_MAX;
    for (size_t i = 0; i < length * 8; i++) {
        const uint32_t bit = (at[i / 8] >> i % 8 & 1U) ^ (rest & 1U);
        rest = rest >> 1 ^ (bit != 0 ? 0x82F63B78 : 0);
    }
    return ~rest;
}

/* With a TLV of the registered type NOOP and a checksum. */
static void fuzz_proxy_header__write_v2(struct writer *writer, const struct proxy_header *header,
                                        bool is_datagram, bool is_ipv6)
{
    static const uint8_t tlvs[] = {0x04, 0, 2, 0xEE, 0xEE, 0x03, 0, 4, 0, 0, 0, 0};
    writer->length = 0;
    fuzz_proxy_header__add(writer, "\r\n\r\n\0\r\nQUIT\n\x21", 13);
    fuzz_proxy_header__add_byte(writer, (is_ipv6 ? 0x20U : 0x10U) | (is_datagram ? 2U : 1U));
    fuzz_proxy_header__add(writer, "\0", 2);
    fuzz_proxy_header__add_addresses(writer, header, is_ipv6);
    fuzz_proxy_header__add(writer, tlvs, sizeof tlvs);
    writer->bytes[15] = (uint8_t)(writer->length - 16);
    const uint32_t sum = fuzz_proxy_header__divide(writer->bytes, writer->length);
    for (unsigned i = 0; i < 4; i++) {
        writer->bytes[writer->length - 4 + i] = (uint8_t)(sum >> (24 - 8 * i));
    }
}

static void fuzz_proxy_header__require_reads_as(const struct writer *writer, unsigned version,
                                                bool is_datagram, const struct proxy_header *expected)
{
    struct proxy_header header;
    REQUIRE(fuzz_proxy_header__read(version, is_datagram, writer->bytes, writer->length, &header) ==
            PROXY_DONE);
    REQUIRE(header.length == writer->length && !header.is_local);
    REQUIRE(address_equal(&header.source, &expected->source));
    REQUIRE(address_equal(&header.destination, &expected->destination));
}

/* An IPv4 address has one text only; of IPv6 the ports are compared. */
static void fuzz_proxy_header__require_same_v1(const struct writer *writer, const uint8_t *at, size_t length,
                                               bool is_ipv6)
{
    size_t tail = is_ipv6 ? 0 : length;
    for (size_t blanks = 0; blanks < 2 && tail < length; tail++) {
        blanks += at[length - 1 - tail] == ' ';
    }
    REQUIRE(writer->length >= tail && (is_ipv6 || writer->length == length));
    REQUIRE(memcmp(writer->bytes + writer->length - tail, at + length - tail, tail) == 0);
}

static void fuzz_proxy_header__require_same_v2(const struct writer *writer, const uint8_t *at, bool is_ipv6)
{
    REQUIRE(memcmp(writer->bytes, at, 14) == 0);
    REQUIRE(memcmp(writer->bytes + 16, at + 16, is_ipv6 ? 36 : 12) == 0);
}

/* Whichever version it came in, as `is_datagram` allows; in its own version with the same bytes. */
static void fuzz_proxy_header__require_same_again(const struct proxy_header *header, const uint8_t *at,
                                                  bool is_datagram, size_t changed)
{
    const bool is_v1 = at[0] == 'P';
    const bool is_ipv6 = is_v1 ? at[9] == '6' : at[13] >> 4 == 2;
    struct writer writer = {.length = 0};
    struct proxy_header other;
    REQUIRE(is_ipv6 || (header->source.family == 4 && header->destination.family == 4));
    if (!is_datagram) {
        fuzz_proxy_header__write_v1(&writer, header, is_ipv6);
        fuzz_proxy_header__require_reads_as(&writer, PROXY_V1, false, header);
    }
    if (is_v1) {
        fuzz_proxy_header__require_same_v1(&writer, at, header->length, is_ipv6);
    }
    fuzz_proxy_header__write_v2(&writer, header, is_datagram, is_ipv6);
    fuzz_proxy_header__require_reads_as(&writer, PROXY_V2, is_datagram, header);
    if (!is_v1) {
        fuzz_proxy_header__require_same_v2(&writer, at, is_ipv6);
    }
    writer.bytes[16 + changed % 12] ^= 1; /* of the source: the sum is wrong */
    REQUIRE(fuzz_proxy_header__read(PROXY_V2, is_datagram, writer.bytes, writer.length, &other) == PROXY_BAD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const unsigned versions = data[0] & (PROXY_V1 | PROXY_V2);
    const bool is_datagram = (data[0] & DATAGRAM) != 0;
    const uint8_t *at = data + 1;
    struct proxy_header header;
    const enum proxy_result result = fuzz_proxy_header__read(versions, is_datagram, at, size - 1, &header);
    fuzz_proxy_header__require_filled(result, &header, size - 1);
    fuzz_proxy_header__require_steady(versions, is_datagram, at, size - 1);
    fuzz_proxy_header__require_either(is_datagram, at, size - 1);
    if (result == PROXY_DONE && !header.is_local) {
        fuzz_proxy_header__require_same_again(&header, at, is_datagram, data[0] >> 3);
    }
    return 0;
}
