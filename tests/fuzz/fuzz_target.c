/* SPDX-License-Identifier: MIT
   Any bytes as a target: whether it is one, and what it is, a plainer reader below finds as well; what is one is written
   back and read the same; cut in front of its port, or with more behind it, it is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/target.h"
#include "support/exact.h"

#define REQUIRE(condition) ((condition) ? (void)0 : fuzz_target__fail(#condition, __LINE__))

enum { WRITTEN_MAX = TARGET_NAME_MAX + ADDRESS_TEXT_ROOM };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_target__fail(const char *condition, int line)
{
    fprintf(stderr, "line %d: not true: %s\n", line, condition);
    abort();
}

/* From a block of just its size, into one that is filled with something. */
static bool fuzz_target__read(const char *at, size_t length, struct target *target_out)
{
    char *copy = exact_copy(at, length);
    memset(target_out, 0xEE, sizeof *target_out);
    const bool is_one = target_parse(copy, length, target_out);
    free(copy);
    return is_one;
}

static bool fuzz_target__is_same(const struct target *a, const struct target *b)
{
    return strcmp(a->name, b->name) == 0 && address_equal(&a->address, &b->address);
}

/* ---- The plainer reader, of texts that end with a NUL ---- */

static bool fuzz_target__is_number(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

static uint16_t fuzz_target__port_of(const char *text)
{
    const unsigned long port =
        strlen(text) <= 5 && fuzz_target__is_number(text) ? strtoul(text, NULL, 10) : 0;
    return text[0] == '0' || port > UINT16_MAX ? 0 : (uint16_t)port;
}

/* Cuts the dot at its end off. */
static bool fuzz_target__has_last_word(char *name)
{
    const size_t length = strlen(name);
    if (name[length - 1] == '.') {
        name[length - 1] = '\0';
    }
    const char *dot = strrchr(name, '.');
    const char *word = dot != NULL ? dot + 1 : name;
    return !fuzz_target__is_number(word) && strncmp(word, "0x", 2) != 0 && strncmp(word, "0X", 2) != 0;
}

static bool fuzz_target__is_name(const char *text)
{
    static const char ascii[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    char name[TARGET_NAME_MAX + 1];
    const size_t length = strlen(text);
    if (length == 0 || length > TARGET_NAME_MAX || text[0] == '.' || !text_is_utf8(text, length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x80 && strchr(ascii, text[i]) == NULL) {
            return false;
        }
    }
    memcpy(name, text, length + 1);
    return fuzz_target__has_last_word(name);
}

/* `host` is changed. */
static bool fuzz_target__expect_host(char *host, struct target *target_out)
{
    const size_t length = strlen(host);
    if (host[0] == '[') {
        if (host[length - 1] != ']' || !address_parse(host + 1, length - 2, &target_out->address) ||
            target_out->address.family != 6) {
            return false;
        }
        address_fold(&target_out->address);
        return true;
    }
    if (strchr(host, ':') != NULL) {
        return false;
    }
    if (address_parse(host, length, &target_out->address)) {
        return true;
    }
    if (!fuzz_target__is_name(host)) {
        return false;
    }
    memcpy(target_out->name, host, length);
    return true;
}

static bool fuzz_target__expect(const char *at, size_t length, struct target *target_out)
{
    bool is_one = false;
    memset(target_out, 0, sizeof *target_out);
    char *text = malloc(length + 1);
    REQUIRE(text != NULL);
    memcpy(text, at, length);
    text[length] = '\0';
    char *colon = strrchr(text, ':');
    if (strlen(text) == length && colon != NULL && colon > text) {
        const uint16_t port = fuzz_target__port_of(colon + 1);
        *colon = '\0';
        is_one = port != 0 && fuzz_target__expect_host(text, target_out);
        target_out->address.port = port;
    }
    free(text);
    return is_one;
}

/* ---- What is one ---- */

static void fuzz_target__require_whole(const struct target *target)
{
    struct pl_address folded = target->address;
    address_fold(&folded);
    REQUIRE(memchr(target->name, '\0', sizeof target->name) != NULL);
    REQUIRE(target->address.port != 0);
    REQUIRE((target->name[0] == '\0') == (target->address.family == 4 || target->address.family == 6));
    REQUIRE(target->name[0] == '\0' || target->address.family == 0);
    REQUIRE(address_equal(&target->address, &folded));
}

static void fuzz_target__require_same_again(const struct target *target)
{
    char room[WRITTEN_MAX];
    struct target again;
    struct text text;
    text_init(&text, room, sizeof room);
    if (target->name[0] == '\0') {
        address_add_with_port(&text, &target->address);
    } else {
        text_add_format(&text, "%s:%u", target->name, target->address.port);
    }
    REQUIRE(!text.is_cut);
    REQUIRE(fuzz_target__read(room, text.length, &again));
    REQUIRE(fuzz_target__is_same(target, &again));
}

static size_t fuzz_target__port_start(const char *at, size_t length)
{
    while (length > 1 && at[length - 1] != ':') {
        length--;
    }
    return length;
}

/* Each part that ends in front of the port; and with something behind it that is no digit. */
static void fuzz_target__require_none_else(const char *at, size_t length)
{
    struct target other;
    const size_t port = fuzz_target__port_start(at, length);
    REQUIRE(!fuzz_target__read(at, port, &other));
    REQUIRE(!fuzz_target__read(at, port - 1, &other));
    char *longer = malloc(length + 1);
    REQUIRE(longer != NULL);
    memcpy(longer, at, length);
    for (const char *more = " .:]\n"; *more != '\0'; more++) {
        longer[length] = *more;
        REQUIRE(!fuzz_target__read(longer, length + 1, &other));
    }
    longer[length] = '\0';
    REQUIRE(!fuzz_target__read(longer, length + 1, &other));
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = size > 0 ? (const char *)data : "";
    struct target target, expected;
    const bool is_one = fuzz_target__read(at, size, &target);
    REQUIRE(is_one == fuzz_target__expect(at, size, &expected));
    if (is_one) {
        REQUIRE(fuzz_target__is_same(&target, &expected));
        fuzz_target__require_whole(&target);
        fuzz_target__require_same_again(&target);
        fuzz_target__require_none_else(at, size);
    }
    return 0;
}
