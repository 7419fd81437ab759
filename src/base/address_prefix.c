/* SPDX-License-Identifier: MIT
   Networks as addresses with a length, see address_prefix.h. */
#include "base/address_prefix.h"

#include <string.h>

enum { MAPPED_BITS = 96 }; /* of ::ffff:0:0/96, before the IPv4 address */

uint8_t address_prefix_width(uint16_t family)
{
    return family == 4 ? 32 : 128;
}

/* The bits of byte `index` that lie behind the length. */
static uint8_t address_prefix__host_bits(const struct address_prefix *prefix, unsigned index)
{
    const unsigned before = index * 8;
    if (prefix->length >= before + 8) {
        return 0;
    }
    return prefix->length <= before ? 0xFF : (uint8_t)(0xFFU >> (prefix->length - before));
}

void address_prefix_clear(struct address_prefix *prefix)
{
    for (unsigned i = 0; i < sizeof prefix->address.ip; i++) {
        prefix->address.ip[i] &= (uint8_t)~address_prefix__host_bits(prefix, i);
    }
}

void address_prefix_fill(struct address_prefix *prefix)
{
    const unsigned bytes = address_prefix_width(prefix->address.family) / 8U;
    for (unsigned i = 0; i < bytes; i++) {
        prefix->address.ip[i] |= address_prefix__host_bits(prefix, i);
    }
}

static bool address_prefix__has_host_bits(const struct address_prefix *prefix)
{
    struct address_prefix network = *prefix;
    address_prefix_clear(&network);
    return !address_equal(&network.address, &prefix->address);
}

static enum address_prefix_result address_prefix__address(const char *at, size_t length,
                                                          struct pl_address *address_out)
{
    const char *percent = memchr(at, '%', length);
    if (!address_parse(at, percent != NULL ? (size_t)(percent - at) : length, address_out)) {
        return ADDRESS_PREFIX_NO_ADDRESS;
    }
    return percent != NULL ? ADDRESS_PREFIX_SCOPE : ADDRESS_PREFIX_OK;
}

/* Digits, at most `width`. */
static enum address_prefix_result address_prefix__length(const char *at, size_t length, uint8_t width,
                                                         uint8_t *length_out)
{
    unsigned value = 0;
    if (length == 0) {
        return ADDRESS_PREFIX_NO_LENGTH;
    }
    for (size_t i = 0; i < length; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return ADDRESS_PREFIX_BAD_LENGTH;
        }
        value =
            value > width ? value : value * 10 + (unsigned)(at[i] - '0'); /* once too large, it stays so */
    }
    if (at[0] == '0' && length > 1) {
        return ADDRESS_PREFIX_LEADING_ZERO;
    }
    *length_out = (uint8_t)value;
    return value > width ? ADDRESS_PREFIX_TOO_LONG : ADDRESS_PREFIX_OK;
}

static void address_prefix__fold(struct address_prefix *prefix)
{
    struct pl_address folded = prefix->address;
    address_fold(&folded);
    if (folded.family != prefix->address.family && prefix->length >= MAPPED_BITS) {
        prefix->address = folded;
        prefix->length = (uint8_t)(prefix->length - MAPPED_BITS);
    }
}

enum address_prefix_result address_prefix_parse(const char *at, size_t length,
                                                struct address_prefix *prefix_out)
{
    struct address_prefix *prefix = prefix_out;
    const char *slash = memchr(at, '/', length);
    const size_t address_length = slash != NULL ? (size_t)(slash - at) : length;
    *prefix = (struct address_prefix){0};
    enum address_prefix_result result = address_prefix__address(at, address_length, &prefix->address);
    if (result != ADDRESS_PREFIX_OK) {
        return result;
    }
    prefix->length = address_prefix_width(prefix->address.family);
    if (slash != NULL) {
        result =
            address_prefix__length(slash + 1, length - address_length - 1, prefix->length, &prefix->length);
    }
    if (result != ADDRESS_PREFIX_OK) {
        return result;
    }
    address_prefix__fold(prefix);
    return address_prefix__has_host_bits(prefix) ? ADDRESS_PREFIX_HOST_BITS : ADDRESS_PREFIX_OK;
}

void address_prefix_add(struct text *text, const struct address_prefix *prefix)
{
    address_add(text, &prefix->address);
    if (prefix->length < address_prefix_width(prefix->address.family)) {
        text_add_format(text, "/%u", prefix->length);
    }
}
