/* SPDX-License-Identifier: MIT
   Which addresses are in a network, said bit by bit: slow, and plain enough to be believed. */
#ifndef PORTLISTENER_TESTS_SUPPORT_ACCESS_ORACLE_H
#define PORTLISTENER_TESTS_SUPPORT_ACCESS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portlistener/handler.h"

/* A network as it is written: in the form of IPv4 or IPv6, `ip` with 4 or 16 bytes. */
struct access_rule {
    int family;
    uint8_t ip[16];
    unsigned length;
};

static inline int access_oracle_bit(const uint8_t *ip, unsigned index)
{
    return ip[index / 8] >> (7 - index % 8) & 1;
}

/* Ten bytes of 0 and two of 255, then an IPv4 address. */
static inline bool access_oracle_is_mapped(const uint8_t *ip)
{
    for (unsigned i = 0; i < 12; i++) {
        if (ip[i] != (i < 10 ? 0 : 255)) {
            return false;
        }
    }
    return true;
}

/* access_oracle_matches: whether the network of `rule` has the address. Both are seen as 128 bits, IPv4 as
   mapped. A network that is no part of ::ffff:0:0/96 has no IPv4 address. */
static inline bool access_oracle_matches(const struct access_rule *rule, const struct pl_address *address)
{
    uint8_t network[16] = {[10] = 255, [11] = 255};
    uint8_t ip[16] = {[10] = 255, [11] = 255};
    for (unsigned i = 0; i < 16; i++) {
        if (rule->family == 6 || i >= 12) {
            network[i] = rule->ip[rule->family == 6 ? i : i - 12];
        }
        if (address->family == 6 || i >= 12) {
            ip[i] = address->ip[address->family == 6 ? i : i - 12];
        }
    }
    const unsigned length = rule->length + (rule->family == 4 ? 96 : 0);
    for (unsigned i = 0; i < length; i++) {
        if (access_oracle_bit(network, i) != access_oracle_bit(ip, i)) {
            return false;
        }
    }
    return length >= 96 || !access_oracle_is_mapped(ip);
}

/* access_oracle_contains: whether one of the networks has it. */
static inline bool access_oracle_contains(const struct access_rule *rules, size_t count,
                                          const struct pl_address *address)
{
    for (size_t i = 0; i < count; i++) {
        if (access_oracle_matches(&rules[i], address)) {
            return true;
        }
    }
    return false;
}

#endif
