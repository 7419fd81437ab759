/* SPDX-License-Identifier: MIT
   Targets, see target.h. */
#include "base/target.h"

#include <string.h>

#include "base/address.h"
#include "base/text.h"

static bool target__is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* 1 to 65535, decimal; 0: it is none. */
static uint16_t target__port(const char *at, size_t length)
{
    uint32_t port = 0;
    if (length == 0 || length > 5 || at[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        if (!target__is_digit(at[i])) {
            return 0;
        }
        port = port * 10 + (uint32_t)(at[i] - '0');
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static bool target__may_be_in_name(char character)
{
    const char lower = text_lower(character);
    return (lower >= 'a' && lower <= 'z') || target__is_digit(lower) || (unsigned char)lower >= 0x80 ||
           lower == '-' || lower == '_' || lower == '.';
}

/* Of the name, without the dot at its end that says that it is whole. */
static bool target__ends_in_number(const char *at, size_t length)
{
    length -= length > 0 && at[length - 1] == '.';
    size_t start = length;
    while (start > 0 && at[start - 1] != '.') {
        start--;
    }
    if (length - start >= 2 && at[start] == '0' && text_lower(at[start + 1]) == 'x') {
        return true;
    }
    while (start < length && target__is_digit(at[start])) {
        start++;
    }
    return start == length;
}

static bool target__is_name(const char *at, size_t length)
{
    if (length == 0 || length > TARGET_NAME_MAX || at[0] == '.' || !text_is_utf8(at, length) ||
        target__ends_in_number(at, length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!target__may_be_in_name(at[i])) {
            return false;
        }
    }
    return true;
}

static bool target__parse_host(const char *at, size_t length, struct target *target)
{
    if (length >= 2 && at[0] == '[' && at[length - 1] == ']') {
        const bool is_one =
            address_parse(at + 1, length - 2, &target->address) && target->address.family == 6;
        address_fold(&target->address);
        return is_one;
    }
    if (memchr(at, ':', length) != NULL) {
        return false; /* IPv6 without brackets: where its port begins, nobody knows */
    }
    if (address_parse(at, length, &target->address)) {
        return true;
    }
    if (!target__is_name(at, length)) {
        return false;
    }
    memcpy(target->name, at, length);
    return true;
}

bool target_parse(const char *at, size_t length, struct target *target_out)
{
    size_t colon = length;
    while (colon > 0 && at[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2) {
        return false;
    }
    *target_out = (struct target){.name = ""};
    const uint16_t port = target__port(at + colon, length - colon);
    if (port == 0 || !target__parse_host(at, colon - 1, target_out)) {
        return false;
    }
    target_out->address.port = port;
    return true;
}
