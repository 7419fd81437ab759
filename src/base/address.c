/* SPDX-License-Identifier: MIT
   IP addresses, see address.h. */
#include "base/address.h"

#include <string.h>

static const char *address__number(const char *at, const char *end, uint32_t limit, uint32_t *value_out)
{
    uint32_t value = 0;
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9') {
        const uint32_t digit = (uint32_t)(*at - '0');
        if ((at > start && value == 0) || value > (limit - digit) / 10) {
            return NULL; /* a leading zero, or too large */
        }
        value = value * 10 + digit;
        at++;
    }
    *value_out = value;
    return at > start ? at : NULL;
}

static bool address__parse_ipv4(const char *at, const char *end, uint8_t *ip)
{
    for (int i = 0; i < 4; i++) {
        uint32_t value = 0;
        if (i > 0 && (at == end || *at++ != '.')) {
            return false;
        }
        at = address__number(at, end, 255, &value);
        if (at == NULL) {
            return false;
        }
        ip[i] = (uint8_t)value;
    }
    return at == end;
}

static int address__hex(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* One group of up to four hex digits; NULL where there is none. */
static const char *address__group(const char *at, const char *end, uint8_t *ip)
{
    unsigned value = 0;
    const char *start = at;
    while (at < end && at - start < 4 && address__hex(*at) >= 0) {
        value = value << 4 | (unsigned)address__hex(*at++);
    }
    ip[0] = (uint8_t)(value >> 8);
    ip[1] = (uint8_t)value;
    return at > start ? at : NULL;
}

static bool address__parse_ipv6(const char *at, const char *end, uint8_t *ip)
{
    size_t used = 0;
    size_t gap = SIZE_MAX; /* where "::" stands */
    if (end - at >= 2 && at[0] == ':' && at[1] == ':') {
        gap = 0;
        at += 2;
    }
    while (at < end) {
        if (used == 16) {
            return false;
        }
        if (used <= 12 && address__parse_ipv4(at, end, ip + used)) {
            used += 4;
            break;
        }
        at = address__group(at, end, ip + used);
        if (at == NULL) {
            return false;
        }
        used += 2;
        if (at == end) {
            break;
        }
        if (*at++ != ':' || at == end) {
            return false;
        }
        if (*at == ':') {
            if (gap != SIZE_MAX) {
                return false;
            }
            gap = used;
            at++;
        }
    }
    if (gap == SIZE_MAX) {
        return used == 16;
    }
    if (used == 16) {
        return false; /* "::" stands for at least one group (RFC 5952, section 4.2.2) */
    }
    memmove(ip + 16 - (used - gap), ip + gap, used - gap);
    memset(ip + gap, 0, 16 - used);
    return true;
}

bool address_parse(const char *at, size_t length, struct pl_address *address_out)
{
    struct pl_address address = {0};
    const char *end = at + length;
    if (memchr(at, ':', length) == NULL) {
        address.family = 4;
        if (!address__parse_ipv4(at, end, address.ip)) {
            return false;
        }
    } else {
        const char *percent = memchr(at, '%', length);
        address.family = 6;
        if (percent != NULL && (address__number(percent + 1, end, UINT32_MAX, &address.scope) != end)) {
            return false;
        }
        if (!address__parse_ipv6(at, percent != NULL ? percent : end, address.ip)) {
            return false;
        }
    }
    *address_out = address;
    return true;
}

static bool address__is_mapped(const uint8_t *ip)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    return memcmp(ip, mapped, sizeof mapped) == 0;
}

void address_fold(struct pl_address *address)
{
    if (address->family == 6 && address__is_mapped(address->ip)) {
        memmove(address->ip, address->ip + 12, 4);
        memset(address->ip + 4, 0, 12);
        address->family = 4;
        address->scope = 0;
    }
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952, section 4.2). */
static int address__longest_gap(const uint8_t *ip, int *length_out)
{
    int best = -1, best_length = 1;
    for (int i = 0; i < 8; i++) {
        int length = 0;
        while (i + length < 8 && ip[2 * (i + length)] == 0 && ip[2 * (i + length) + 1] == 0) {
            length++;
        }
        if (length > best_length) {
            best = i;
            best_length = length;
        }
    }
    *length_out = best < 0 ? 0 : best_length;
    return best;
}

static void address__add_ipv4(struct text *text, const uint8_t *ip)
{
    text_add_format(text, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
}

static void address__add_groups(struct text *text, const uint8_t *ip)
{
    int gap_length = 0;
    const int gap = address__longest_gap(ip, &gap_length);
    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            text_add_string(text, "::");
            i += gap_length - 1;
        } else {
            text_add_format(text, "%s%x", i > 0 && i != gap + gap_length ? ":" : "",
                            (unsigned)ip[2 * i] << 8 | ip[2 * i + 1]);
        }
    }
}

static void address__add_ipv6(struct text *text, const uint8_t *ip)
{
    if (address__is_mapped(ip)) { /* RFC 5952, section 5 */
        text_add_string(text, "::ffff:");
        address__add_ipv4(text, ip + 12);
    } else {
        address__add_groups(text, ip);
    }
}

void address_add(struct text *text, const struct pl_address *address)
{
    if (address->family == 4) {
        address__add_ipv4(text, address->ip);
    } else if (address->family == 6) {
        address__add_ipv6(text, address->ip);
    } else {
        text_add_string(text, "-");
    }
    if (address->scope != 0) {
        text_add_format(text, "%%%lu", (unsigned long)address->scope);
    }
}

void address_add_with_port(struct text *text, const struct pl_address *address)
{
    text_add_string(text, address->family == 6 ? "[" : "");
    address_add(text, address);
    text_add_format(text, "%s:%u", address->family == 6 ? "]" : "", address->port);
}

bool address_equal(const struct pl_address *a, const struct pl_address *b)
{
    return a->family == b->family && a->port == b->port && a->scope == b->scope &&
           memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool address_is_any(const struct pl_address *address)
{
    static const uint8_t zero[16];
    return address->family != 0 && memcmp(address->ip, zero, sizeof zero) == 0;
}

bool address_is_loopback(const struct pl_address *address)
{
    static const uint8_t loopback[16] = {[15] = 1};
    return address->family == 4 ? address->ip[0] == 127 : memcmp(address->ip, loopback, sizeof loopback) == 0;
}

bool address_is_link_local(const struct pl_address *address)
{
    return address->family == 6 && address->ip[0] == 0xFE && (address->ip[1] & 0xC0U) == 0x80U;
}

bool address_is_multicast(const struct pl_address *address)
{
    return address->family == 4 ? address->ip[0] >> 4 == 0xE : address->ip[0] == 0xFF;
}

bool address_is_broadcast(const struct pl_address *address)
{
    const uint8_t *ip = address->ip;
    return address->family == 4 && (ip[0] == 255 || ip[0] == 127) && ip[1] == 255 && ip[2] == 255 &&
           ip[3] == 255;
}
